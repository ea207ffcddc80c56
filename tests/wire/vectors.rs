//! The golden vectors (tests/vectors/packets.txt) and the values they stand for.
//! Эталонные векторы (tests/vectors/packets.txt) и значения, которые за ними стоят.

use supertext::base::ids::Id;
use supertext::wire::control::{Hello, Ping, Presence, Quit, Quited, Refused, Unreachable, Watch};
use supertext::wire::file::{
    FileDone, FileSize, FileStop, FileWant, INDEX_BLOCK, INDEX_END, STOP_PAUSED, SealedHead,
};
use supertext::wire::header::Header;
use supertext::wire::message::{
    ENVELOPE_OFFER, ENVELOPE_RECEIPT, ENVELOPE_TEXT, Envelope, MessageId, Offer, TransferId,
};
use supertext::wire::packets::Kind;

use super::body::Body;

pub const ALICE: Id = 0x01_0203_0405;
pub const BOB: Id = 0xa1_b2c3_d4e5;
/// 2026-01-01T00:00:00Z.
pub const CLOCK: u64 = 1_767_225_600_000;
/// content_id of the file's packets.
pub const HANDLE: u32 = 0x0a_0b0c;
/// The file of the vectors.
pub const FILE: &[u8] = b"Hello, Supertext!\n";

const TRANSFER: TransferId = [
    0x01, 0x9b, 0x76, 0xda, 0xab, 0xe8, 0x7a, 0xbc, 0x81, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
];
const TEXT_ID: MessageId = [
    0x01, 0x9b, 0x76, 0xda, 0xa8, 0x01, 0x7c, 0x0d, 0x8f, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
];
const OFFER_ID: MessageId = [
    0x01, 0x9b, 0x76, 0xda, 0xab, 0xe8, 0x7d, 0x1e, 0x9a, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
];

/// One vector of the file.
#[derive(Debug)]
pub struct Vector {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Читает все векторы: `[ИМЯ]`, строки шестнадцатеричных цифр, замечания после `#`.
pub fn vectors_read() -> Vec<Vector> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/packets.txt");
    let text = std::fs::read_to_string(path).expect("tests/vectors/packets.txt");
    let mut vectors: Vec<Vector> = Vec::new();
    for line in text.lines() {
        let line = match line.split_once('#') {
            Some((before, _)) => before.trim(),
            None => line.trim(),
        };
        if line.is_empty() {
            continue;
        }
        if line.starts_with('[') && line.ends_with(']') {
            let name = String::from(&line[1..line.len() - 1]);
            vectors.push(Vector { name, bytes: Vec::new() });
            continue;
        }
        let bytes = hex::decode(line).expect("hex digits");
        vectors.last_mut().expect("a name before the bytes").bytes.extend_from_slice(&bytes);
    }
    vectors
}

/// Вектор по имени.
pub fn vector_bytes(name: &str) -> Vec<u8> {
    for vector in vectors_read() {
        if vector.name == name {
            return vector.bytes;
        }
    }
    panic!("no vector {name}");
}

/// Ключ передачи из векторов: байты от 00 до 1f.
pub fn vector_key() -> [u8; 32] {
    let mut key = [0u8; 32];
    for index in 0..32 {
        key[index] = index as u8;
    }
    key
}

/// Конверт, который записан в векторе с этим именем.
pub fn envelope_expected(name: &str) -> Envelope {
    let text = Envelope {
        kind: ENVELOPE_TEXT,
        id: TEXT_ID,
        run: 0xfedc_ba98_7654_3210,
        sequence: 300,
        base: 299,
        time: CLOCK + 1,
        name: String::from("Алиса"),
        text: "Привет, мир! 👋".as_bytes().to_vec(),
        offer: None,
    };
    match name {
        "ENVELOPE_TEXT" => text,
        "ENVELOPE_RECEIPT" => Envelope {
            kind: ENVELOPE_RECEIPT,
            id: TEXT_ID,
            run: 0x1122_3344_5566_7788,
            time: CLOCK + 42,
            ..Envelope::default()
        },
        "ENVELOPE_OFFER" => Envelope {
            kind: ENVELOPE_OFFER,
            id: OFFER_ID,
            sequence: 301,
            time: CLOCK + 1_000,
            text: Vec::new(),
            offer: Some(Offer {
                transfer: TRANSFER,
                handle: HANDLE,
                name: String::from("hello.txt"),
                size: FILE.len() as u64,
                changed: CLOCK - 86_400_000,
                key: vector_key(),
            }),
            ..text
        },
        _ => panic!("no envelope {name}"),
    }
}

/// Заголовок (без размера), который записан в векторе этого вида.
pub fn header_expected(kind: Kind) -> Header {
    let (source_id, dest_id, content_id, content_type) = match kind {
        Kind::Hello => (ALICE, 0, 1, 0),
        Kind::Ping => (ALICE, 0, 2, 0),
        Kind::Pong => (0, 0, 3, 0),
        Kind::Quit => (0, 0, 4, 0),
        Kind::Quited => (0, 0, 5, 0),
        Kind::Refused => (0, 0, 6, 0),
        Kind::Watch => (ALICE, 0, 7, 0),
        Kind::Presence => (0, 0, 8, 0),
        Kind::Unreachable => (0, 0, 9, 0),
        Kind::Message => (ALICE, BOB, 0x01_0203, 1),
        Kind::FileSize => (ALICE, BOB, HANDLE, 16),
        Kind::FileWant => (BOB, ALICE, HANDLE, 17),
        Kind::FileData => (ALICE, BOB, HANDLE, 18),
        Kind::FileBlock => (ALICE, BOB, HANDLE, 19),
        Kind::FileEnd => (ALICE, BOB, HANDLE, 20),
        Kind::FileDone => (BOB, ALICE, HANDLE, 21),
        Kind::FileStop => (BOB, ALICE, HANDLE, 22),
    };
    Header { source_id, dest_id, content_id, content_type, size: 0 }
}

/// Тело, которое записано в векторе этого вида; у запечатанных хвост берётся из вектора
/// (что он верен, проверяет sealed.rs).
pub fn body_expected(kind: Kind, vector: &[u8]) -> Body {
    let transfer = TRANSFER;
    match kind {
        Kind::Hello => {
            let program = String::from("supertext 0.1.0");
            Body::Hello(Hello { version: 1, features: 0, clock: CLOCK, program })
        }
        Kind::Ping => Body::Ping(Ping { number: 7, clock: CLOCK + 15_000 }),
        Kind::Pong => Body::Ping(Ping { number: 7, clock: CLOCK + 15_020 }),
        Kind::Quit => Body::Quit(Quit { reason: 45 }),
        Kind::Quited => Body::Quited(Quited { id: BOB }),
        Kind::Refused => {
            Body::Refused(Refused { reason: 14, content_type: 99, content_id: HANDLE })
        }
        Kind::Watch => Body::Watch(Watch { ids: vec![BOB, 24, 1_000_000] }),
        Kind::Presence => Body::Presence(Presence { id: BOB, online: true }),
        Kind::Unreachable => {
            let content_id = 0x01_0203;
            Body::Unreachable(Unreachable { id: BOB, reason: 49, content_type: 1, content_id })
        }
        Kind::Message => Body::Piece { index: 0, count: 1, bytes: vector_bytes("ENVELOPE_TEXT") },
        Kind::FileSize => Body::FileSize(FileSize { transfer, size: 18, packets: 1 }),
        Kind::FileWant => Body::FileWant(FileWant { transfer, first: 0, count: 1 }),
        Kind::FileData => sealed(0, vector),
        Kind::FileBlock => sealed(INDEX_BLOCK, vector),
        Kind::FileEnd => sealed(INDEX_END, vector),
        Kind::FileDone => Body::FileDone(FileDone { transfer }),
        Kind::FileStop => Body::FileStop(FileStop { transfer, state: STOP_PAUSED, reason: 28 }),
    }
}

/// Запечатанное тело: попытка 3, номер и хвост вектора.
fn sealed(index: u64, vector: &[u8]) -> Body {
    Body::Sealed { head: SealedHead { attempt: 3, index }, rest: vector[28..].to_vec() }
}
