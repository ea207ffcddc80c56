//! The golden vectors (tests/vectors/packets.txt) and the values they stand for.
//! Эталонные векторы (tests/vectors/packets.txt) и значения, которые за ними стоят.

use supertext::base::ids::Id;
use supertext::crypto::identity::sha256;
use supertext::crypto::vault::{account_keys, vault_open};
use supertext::logic::rooms::room_id_make;
use supertext::wire::account::{
    ACCOUNT_FIND, ACCOUNT_REGISTER, Account, AccountPerson, AccountReply,
};
use supertext::wire::carry::{CarryHead, Route, Routes};
use supertext::wire::control::{
    Hello, KeyAnswer, KeyAsk, KeyBundle, KeyItem, Keys, KeysLeft, Mail, Ping, Presence, Quit,
    Quited, Refused, Stored, Unreachable, Watch, body_read,
};
use supertext::wire::file::{
    FileDone, FileSize, FileStop, FileWant, INDEX_BLOCK, INDEX_END, STOP_PAUSED, SealedHead,
};
use supertext::wire::header::Header;
use supertext::wire::message::{
    ENVELOPE_ACCEPT, ENVELOPE_EDIT, ENVELOPE_HEAL, ENVELOPE_LEAVE, ENVELOPE_MEETING,
    ENVELOPE_OFFER, ENVELOPE_READ, ENVELOPE_RECEIPT, ENVELOPE_REJECT, ENVELOPE_REQUEST,
    ENVELOPE_ROOM, ENVELOPE_TEXT, Envelope, Intro, Meeting, MessageId, Offer, Sealed, TransferId,
};
use supertext::wire::packets::Kind;
use supertext::wire::room::{RoomList, RoomNote};

use super::body::Body;
use super::olm::{Person, alice, bob, curve_of, key_signed};

/// The id of the first key of RFC 8032, section 7.1.
pub const ALICE: Id = 0x21_fe31_dfa1;
/// The id of the second one.
pub const BOB: Id = 0x39_f713_d0a6;
/// 2026-01-01T00:00:00Z.
pub const CLOCK: u64 = 1_767_225_600_000;
/// content_id of the file's packets.
pub const HANDLE: u32 = 0x0a_0b0c;
/// The file of the vectors.
pub const FILE: &[u8] = b"Hello, Supertext!\n";
/// What the joined pieces of a MESSAGE hold.
pub const SEALEDS: [&str; 2] = ["SEALED_FIRST", "SEALED_ANSWER"];
/// What is sealed: one of each kind.
pub const ENVELOPES: [&str; 12] = [
    "ENVELOPE_TEXT",
    "ENVELOPE_RECEIPT",
    "ENVELOPE_OFFER",
    "ENVELOPE_EDIT",
    "ENVELOPE_READ",
    "ENVELOPE_REQUEST",
    "ENVELOPE_ACCEPT",
    "ENVELOPE_REJECT",
    "ENVELOPE_HEAL",
    "ENVELOPE_ROOM",
    "ENVELOPE_LEAVE",
    "ENVELOPE_MEETING",
];

/// Order of Alice's messages to Bob, and of his to her.
const RUN_ALICE: u64 = 0x1234_5678_9abc_def1;
const RUN_BOB: u64 = 0x3fed_cba9_8765_4321;

/// The random number of Alice's room.
const NONCE: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

const TRANSFER: TransferId = [
    0x01, 0x9b, 0x76, 0xda, 0xab, 0xe8, 0x7a, 0xbc, 0x81, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
];
const TEXT_ID: MessageId = [
    0x01, 0x9b, 0x76, 0xda, 0xa8, 0x01, 0x7c, 0x0d, 0x8f, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
];
const OFFER_ID: MessageId = [
    0x01, 0x9b, 0x76, 0xda, 0xab, 0xe8, 0x7d, 0x1e, 0x9a, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
];
/// An id of a message that the program made by itself; its last byte counts.
const OWN_ID: MessageId = [
    0x01, 0x9b, 0x76, 0xda, 0xb7, 0x70, 0x70, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
];

/// One vector of the file.
#[derive(Debug)]
pub struct Vector {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Все векторы пакетов и того, что в них.
pub fn vectors_read() -> Vec<Vector> {
    file_read("packets.txt")
}

/// Читает файл векторов: `[ИМЯ]`, строки шестнадцатеричных цифр, замечания после `#`.
fn file_read(name: &str) -> Vec<Vector> {
    let path = format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a file of vectors");
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

/// Байты из списка по имени.
fn bytes_named(vectors: Vec<Vector>, name: &str) -> Vec<u8> {
    for vector in vectors {
        if vector.name == name {
            return vector.bytes;
        }
    }
    panic!("no vector {name}");
}

/// Вектор по имени.
pub fn vector_bytes(name: &str) -> Vec<u8> {
    bytes_named(vectors_read(), name)
}

/// Ключ или промежуточное значение из olm.txt.
pub fn olm_bytes(name: &str) -> Vec<u8> {
    bytes_named(file_read("olm.txt"), name)
}

/// То же, когда это 32 байта.
pub fn olm_key(name: &str) -> [u8; 32] {
    olm_bytes(name).try_into().expect("32 bytes")
}

/// Ключ передачи из векторов: байты от 00 до 1f.
pub fn vector_key() -> [u8; 32] {
    let mut key = [0u8; 32];
    for index in 0..32 {
        key[index] = index as u8;
    }
    key
}

/// Кто кому: хеш обоих ключей личности, как велит страница протокола.
pub fn bond_expected(from: &Person, to: &Person) -> [u8; 32] {
    let mut both = from.public.to_vec();
    both.extend_from_slice(&to.public);
    sha256(&both)
}

/// Номер сообщения, которое программа сделала сама.
fn own_id(number: u8) -> MessageId {
    let mut id = OWN_ID;
    id[15] = number;
    id
}

/// Конверт Алисы Бобу: место, время после `CLOCK`, текст.
fn from_alice(kind: u8, id: MessageId, sequence: u64, later: u64, text: &str) -> Envelope {
    Envelope {
        kind,
        id,
        run: RUN_ALICE,
        sequence,
        time: CLOCK + later,
        name: String::from("Алиса"),
        text: text.as_bytes().to_vec(),
        bond: bond_expected(&alice(), &bob()),
        ..Envelope::default()
    }
}

/// Конверт Боба Алисе.
fn from_bob(kind: u8, id: MessageId, sequence: u64, later: u64) -> Envelope {
    Envelope {
        kind,
        id,
        run: RUN_BOB,
        sequence,
        time: CLOCK + later,
        name: String::from("Bob"),
        bond: bond_expected(&bob(), &alice()),
        ..Envelope::default()
    }
}

/// Конверт без места в порядке: ни номера, ни имени.
fn aside(kind: u8, run: u64, later: u64) -> Envelope {
    Envelope { run, name: String::new(), ..from_bob(kind, [0; 16], 0, later) }
}

/// Комната Алисы; номер считается, как велит страница протокола.
fn room_expected() -> RoomNote {
    let mut bytes = b"supertext room 1".to_vec();
    bytes.extend_from_slice(&alice().public);
    bytes.extend_from_slice(&NONCE);
    let mut room = [0; 16];
    room.copy_from_slice(&sha256(&bytes)[..16]);
    assert_eq!(room, room_id_make(&alice().public, &NONCE));
    RoomNote { room, version: CLOCK + 8_000, list: None }
}

/// Конверт, который записан в векторе с этим именем.
pub fn envelope_expected(name: &str) -> Envelope {
    match name {
        "ENVELOPE_TEXT" => from_alice(ENVELOPE_TEXT, TEXT_ID, 1, 1, "Привет, мир! 👋"),
        "ENVELOPE_RECEIPT" => {
            Envelope { upto: 2, seen: true, ..aside(ENVELOPE_RECEIPT, RUN_ALICE, 42) }
        }
        "ENVELOPE_OFFER" => Envelope {
            offer: Some(Offer {
                transfer: TRANSFER,
                handle: HANDLE,
                name: String::from("hello.txt"),
                size: FILE.len() as u64,
                changed: CLOCK - 86_400_000,
                key: vector_key(),
            }),
            ..from_alice(ENVELOPE_OFFER, OFFER_ID, 301, 1_000, "")
        },
        "ENVELOPE_EDIT" => Envelope {
            about: TEXT_ID,
            ..from_alice(ENVELOPE_EDIT, own_id(1), 70_000, 2_000, "Привет, Боб!")
        },
        "ENVELOPE_READ" => {
            Envelope { about: TEXT_ID, ..from_bob(ENVELOPE_READ, own_id(2), 24, 3_000) }
        }
        "ENVELOPE_REQUEST" => from_alice(ENVELOPE_REQUEST, own_id(3), 2, 4_000, "Это я, Алиса"),
        "ENVELOPE_ACCEPT" => from_bob(ENVELOPE_ACCEPT, own_id(4), 25, 5_000),
        "ENVELOPE_REJECT" => from_bob(ENVELOPE_REJECT, own_id(5), 26, 6_000),
        "ENVELOPE_HEAL" => aside(ENVELOPE_HEAL, 0, 7_000),
        "ENVELOPE_ROOM" => {
            let members = vec![ALICE, BOB];
            let list =
                RoomList { name: String::from("Обед"), nonce: NONCE, members, invite: true };
            let room = Some(RoomNote { list: Some(list), ..room_expected() });
            Envelope { room, ..from_alice(ENVELOPE_ROOM, own_id(6), 1_000, 8_000, "") }
        }
        "ENVELOPE_LEAVE" => Envelope {
            room: Some(room_expected()),
            ..from_bob(ENVELOPE_LEAVE, own_id(7), 27, 9_000)
        },
        "ENVELOPE_MEETING" => Envelope {
            meeting: Some(Meeting {
                token: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
                about: [0; 12],
                holes: vec![String::from("203.0.113.21:40000"), String::from("192.168.1.10:40000")],
                doors: vec![String::from("192.168.1.10:4000")],
            }),
            ..aside(ENVELOPE_MEETING, 0, 10_000)
        },
        _ => panic!("no envelope {name}"),
    }
}

/// Запечатанное, которое записано в векторе с этим именем; само тело Olm берётся из вектора
/// (что оно верно, проверяет olm.rs).
pub fn sealed_expected(name: &str, body: &[u8]) -> Sealed {
    let body = body.to_vec();
    match name {
        "SEALED_FIRST" => {
            let alice = alice();
            let intro = Intro { public: alice.public, signature: alice.signature };
            let (run, intro) = (RUN_ALICE, Some(intro));
            Sealed { run, sequence: 1, kind: 0, body, intro, after: None }
        }
        "SEALED_ANSWER" => Sealed { run: 0, sequence: 0, kind: 1, body, intro: None, after: None },
        _ => panic!("no sealed message {name}"),
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
        Kind::Keys => (BOB, 0, 10, 0),
        Kind::KeysLeft => (0, 0, 11, 0),
        Kind::KeyAsk => (ALICE, 0, 12, 0),
        Kind::Key => (0, 0, 13, 0),
        Kind::Stored => (0, 0, 14, 0),
        Kind::Mail => (0, 0, 15, 0),
        Kind::Account => (ALICE, 0, 16, 0),
        Kind::AccountReply => (0, 0, 17, 0),
        Kind::Message => (ALICE, BOB, 0x01_0203, 1),
        Kind::FileSize => (ALICE, BOB, HANDLE, 16),
        Kind::FileWant => (BOB, ALICE, HANDLE, 17),
        Kind::FileData => (ALICE, BOB, HANDLE, 18),
        Kind::FileBlock => (ALICE, BOB, HANDLE, 19),
        Kind::FileEnd => (ALICE, BOB, HANDLE, 20),
        Kind::FileDone => (BOB, ALICE, HANDLE, 21),
        Kind::FileStop => (BOB, ALICE, HANDLE, 22),
        Kind::Routes => (ALICE, 0, 20, 0),
        Kind::Carry => (ALICE, BOB, 0, 24),
        Kind::CarryFile => (ALICE, BOB, 0, 25),
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
            Body::Hello(Hello {
                version: 1,
                features: 0,
                clock: CLOCK,
                program,
                until: None,
                stun: None,
            })
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
            Body::Unreachable(Unreachable { id: BOB, reason: 64, content_type: 1, content_id })
        }
        Kind::Keys => Body::Keys(keys_expected()),
        Kind::KeysLeft => Body::KeysLeft(KeysLeft { left: 2, curve: bob().curve }),
        Kind::KeyAsk => Body::KeyAsk(KeyAsk { id: BOB }),
        Kind::Key => Body::Key(KeyAnswer { id: BOB, found: Some(bundle_expected()) }),
        Kind::Stored => Body::Stored(Stored { id: BOB, content_id: 0x01_0203 }),
        Kind::Mail => Body::Mail(Mail { upto: 0x1234 }),
        Kind::Account => Body::Account(account_expected()),
        Kind::AccountReply => Body::AccountReply(reply_expected()),
        Kind::Message => Body::Piece { index: 0, count: 1, bytes: vector_bytes("SEALED_FIRST") },
        Kind::FileSize => Body::FileSize(FileSize { transfer, size: 18, packets: 1 }),
        Kind::FileWant => Body::FileWant(FileWant { transfer, first: 0, count: 1 }),
        Kind::FileData => sealed(0, vector),
        Kind::FileBlock => sealed(INDEX_BLOCK, vector),
        Kind::FileEnd => sealed(INDEX_END, vector),
        Kind::FileDone => Body::FileDone(FileDone { transfer }),
        Kind::FileStop => Body::FileStop(FileStop { transfer, state: STOP_PAUSED, reason: 28 }),
        Kind::Routes => {
            let route = Route { id: BOB, distance: 1, fingerprint: sha256(&bob().public) };
            Body::Routes(Routes { open: true, asks: true, routes: vec![route] })
        }
        Kind::Carry => carried(7, "KEY_ASK"),
        Kind::CarryFile => carried(8, "FILE_END"),
    }
}

/// Пакет одного из векторов, который везут.
fn carried(number: u32, name: &str) -> Body {
    let head = CarryHead { hops: 5, stream: 0x0102_0304, number };
    Body::Carry { head, inner: vector_bytes(name) }
}

/// Просьба Алисы завести запись: её хранилище открывается ключом из имени и пароля.
fn account_expected() -> Account {
    let name = String::from("Алиса");
    let keys = account_keys(&name, "correct horse battery staple").expect("keys");
    let vault = vault_bytes();
    let text = vault_open(&keys.wrap, &vault).expect("the vault opens");
    assert!(text.starts_with(b"{\"chain\":\"C\",\"contacts\":[{\"id\":\"0248958406822"));
    Account { action: ACCOUNT_REGISTER, name, login: keys.login, vault, text: String::new() }
}

/// Запечатанное хранилище из вектора ACCOUNT: что в нём, проверяет `account_expected`.
fn vault_bytes() -> Vec<u8> {
    let body: Account = body_read("ACCOUNT", &vector_bytes("ACCOUNT")[16..]).expect("decoded");
    body.vault
}

/// Ответ на поиск: найден Боб.
fn reply_expected() -> AccountReply {
    let people = vec![AccountPerson { id: BOB, name: String::from("Боб") }];
    AccountReply { action: ACCOUNT_FIND, reason: 0, wait_ms: 0, vault: Vec::new(), people }
}

/// Открытый ключ Боба с его подписью, по имени секрета в olm.txt.
fn item_expected(name: &str) -> KeyItem {
    key_signed(&bob(), curve_of(&olm_key(name)))
}

/// Что Боб выложил на сервер.
fn keys_expected() -> Keys {
    let bob = bob();
    Keys {
        curve: bob.curve,
        signature: bob.signature,
        fallback: item_expected("BOB_FALLBACK"),
        items: vec![item_expected("BOB_ONE_TIME"), item_expected("BOB_ONE_TIME_2")],
    }
}

/// Что сервер выдал Алисе о Бобе.
pub fn bundle_expected() -> KeyBundle {
    let bob = bob();
    let (public, curve, signature) = (bob.public, bob.curve, bob.signature);
    KeyBundle { public, curve, signature, key: item_expected("BOB_ONE_TIME") }
}

/// Запечатанное тело: попытка 3, номер и хвост вектора.
fn sealed(index: u64, vector: &[u8]) -> Body {
    Body::Sealed { head: SealedHead { attempt: 3, index }, rest: vector[28..].to_vec() }
}
