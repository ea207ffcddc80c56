//! Bodies against docs/protocol.cddl, and the promise that fields can be added later: a receiver
//! skips keys that it does not know.
//! Тела против docs/protocol.cddl и обещание, что поля можно добавлять: незнакомый ключ
//! получатель пропускает.

use minicbor::{Decoder, Encoder};
use supertext::base::bounds::HEADER_BYTES;
use supertext::base::fail::{Fail, FailKind};
use supertext::wire::control::{Quit, WATCH_MAX, Watch, body_read, packet_put};
use supertext::wire::message::{Envelope, envelope_bytes};
use supertext::wire::packets::{Kind, PACKETS};

use super::body::body_decode;
use super::cddl::{Cddl, cddl_fits, cddl_read, cddl_required};
use super::vectors::{ALICE, vector_bytes};

/// One member of a CBOR map: its key, the bytes of its value.
struct Member {
    key: i64,
    value: Vec<u8>,
}

/// Правило для тела такого вида; двоичные тела в CDDL не описаны.
fn rule_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Hello => Some("hello"),
        Kind::Ping => Some("ping"),
        Kind::Pong => Some("pong"),
        Kind::Quit => Some("quit"),
        Kind::Quited => Some("quited"),
        Kind::Refused => Some("refused"),
        Kind::Watch => Some("watch"),
        Kind::Presence => Some("presence"),
        Kind::Unreachable => Some("unreachable"),
        Kind::FileSize => Some("file-size"),
        Kind::FileWant => Some("file-want"),
        Kind::FileDone => Some("file-done"),
        Kind::FileStop => Some("file-stop"),
        Kind::Message | Kind::FileData | Kind::FileBlock | Kind::FileEnd => None,
    }
}

/// Описание тел из docs/.
fn cddl() -> Cddl {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol.cddl");
    cddl_read(&std::fs::read_to_string(path).expect("docs/protocol.cddl"))
}

/// Разбирает словарь на части.
fn members_of(body: &[u8]) -> Vec<Member> {
    let mut decoder = Decoder::new(body);
    let count = decoder.map().expect("a map").expect("of definite length");
    let mut members = Vec::new();
    for _ in 0..count {
        let key = decoder.i64().expect("a whole number as the key");
        let from = decoder.position();
        decoder.skip().expect("a value");
        members.push(Member { key, value: body[from..decoder.position()].to_vec() });
    }
    members
}

/// Собирает словарь из частей; без `without`, значение `changed` заменено на null.
fn body_of(members: &[Member], without: Option<usize>, changed: Option<usize>) -> Vec<u8> {
    let count = members.len() - usize::from(without.is_some());
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(count as u64).expect("written");
    for (index, member) in members.iter().enumerate() {
        if without == Some(index) {
            continue;
        }
        encoder.i64(member.key).expect("written");
        if changed == Some(index) {
            encoder.null().expect("written");
        } else {
            encoder.writer_mut().extend_from_slice(&member.value);
        }
    }
    encoder.into_writer()
}

/// Значение незнакомого ключа: словарь со строкой, массивом и словарём внутри.
fn stranger(key: i64) -> Member {
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(2).expect("written");
    encoder.str("later").expect("written").array(2).expect("written");
    encoder.u8(7).expect("written").bytes(&[1, 2, 3]).expect("written");
    encoder.i32(-5).expect("written").map(1).expect("written");
    encoder.bool(true).expect("written").null().expect("written");
    Member { key, value: encoder.into_writer() }
}

/// Rust принимает тело такого вида (`None` — конверт)?
fn rust_takes(kind: Option<Kind>, body: &[u8]) -> bool {
    match kind {
        Some(kind) => body_decode(kind, body).is_ok(),
        None => {
            let read: Result<Envelope, Fail> = body_read("envelope", body);
            read.is_ok()
        }
    }
}

/// Сверяет одно тело: само, без каждого из ключей, с null, с незнакомыми ключами.
fn compare(cddl: &Cddl, rule: &str, kind: Option<Kind>, body: &[u8]) {
    assert!(cddl_fits(cddl, rule, body), "{rule}");
    let mut members = members_of(body);
    for index in 0..members.len() {
        let key = members[index].key;
        let required = cddl_required(cddl, rule, key).expect("the key is described");
        let without = body_of(&members, Some(index), None);
        assert_eq!(cddl_fits(cddl, rule, &without), !required, "{rule} without {key}");
        assert_eq!(rust_takes(kind, &without), !required, "{rule} without {key}");
        let wrong = body_of(&members, None, Some(index));
        assert!(!cddl_fits(cddl, rule, &wrong), "{rule} with null for {key}");
        if required {
            assert!(!rust_takes(kind, &wrong), "{rule} with null for {key}");
        }
    }
    members.insert(0, stranger(-3));
    members.push(stranger(1_000));
    let longer = body_of(&members, None, None);
    assert!(cddl_fits(cddl, rule, &longer), "{rule} with unknown keys");
    match kind {
        Some(kind) => {
            assert_eq!(body_decode(kind, &longer), body_decode(kind, body), "{rule}");
        }
        None => {
            let with: Result<Envelope, Fail> = body_read("envelope", &longer);
            let plain: Result<Envelope, Fail> = body_read("envelope", body);
            assert!(with.is_ok());
            assert_eq!(with, plain);
        }
    }
    let mut tail = body.to_vec();
    tail.push(0xf6);
    assert!(!cddl_fits(cddl, rule, &tail), "{rule} with a byte too many");
    assert!(!rust_takes(kind, &tail), "{rule} with a byte too many");
}

#[test]
fn bodies_agree_with_the_cddl() {
    let cddl = cddl();
    for row in PACKETS {
        let vector = vector_bytes(row.name);
        if let Some(rule) = rule_of(row.kind) {
            compare(&cddl, rule, Some(row.kind), &vector[HEADER_BYTES..]);
        }
    }
}

#[test]
fn envelopes_agree_with_the_cddl() {
    let cddl = cddl();
    compare(&cddl, "envelope", None, &vector_bytes("ENVELOPE_TEXT"));
    compare(&cddl, "envelope", None, &vector_bytes("ENVELOPE_RECEIPT"));
    let offer = vector_bytes("ENVELOPE_OFFER");
    compare(&cddl, "envelope", None, &offer);

    // Предложение файла внутри конверта сверяется отдельно: его ключи тоже обязательны.
    let read: Envelope = body_read("envelope", &offer).expect("decoded");
    let inner = minicbor::to_vec(read.offer.expect("an offer")).expect("encoded");
    assert!(cddl_fits(&cddl, "offer", &inner));
    let members = members_of(&inner);
    for index in 0..members.len() {
        let without = body_of(&members, Some(index), None);
        assert!(!cddl_fits(&cddl, "offer", &without));
        let taken: Result<supertext::wire::message::Offer, Fail> = body_read("offer", &without);
        assert!(taken.is_err());
    }
}

#[test]
fn ids_outside_40_bits_do_not_fit_the_cddl() {
    let cddl = cddl();
    let largest = minicbor::to_vec(Watch { ids: vec![(1 << 40) - 2] }).expect("encoded");
    assert!(cddl_fits(&cddl, "watch", &largest));
    for id in [0, (1 << 40) - 1, 1 << 40, u64::MAX] {
        let body = minicbor::to_vec(Watch { ids: vec![id] }).expect("encoded");
        assert!(!cddl_fits(&cddl, "watch", &body), "{id}");
    }
}

#[test]
fn watch_of_all_ids_fits_its_packet() {
    let watch = Watch { ids: vec![(1 << 40) - 2; WATCH_MAX] };
    let mut out = Vec::new();
    packet_put(&mut out, Kind::Watch, ALICE, 0, 0, &watch).expect("it fits");
    assert!(cddl_fits(&cddl(), "watch", &out[HEADER_BYTES..]));
    let over = Watch { ids: vec![7; WATCH_MAX + 1] };
    let over = minicbor::to_vec(over).expect("encoded");
    assert!(!cddl_fits(&cddl(), "watch", &over));
}

#[test]
fn body_over_its_limit_leaves_the_buffer_as_it_was() {
    let watch = Watch { ids: vec![(1 << 40) - 2; 3_000] };
    let mut out = vec![1, 2, 3];
    let refused = packet_put(&mut out, Kind::Watch, ALICE, 0, 0, &watch).expect_err("too long");
    assert_eq!(refused.kind, FailKind::BodyBad);
    assert_eq!(out, [1, 2, 3]);
}

#[test]
fn text_keys_and_broken_lengths_are_refused() {
    // {"a": 1}, словарь без конца, массив вместо словаря, строка длиннее тела, вложенность.
    let mut bodies: Vec<Vec<u8>> = vec![
        vec![0xa1, 0x61, 0x61, 0x01],
        vec![0xbf, 0x00, 0x01],
        vec![0x81, 0x01],
        vec![0xa1, 0x00, 0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        vec![0xa1, 0x00, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        vec![0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x01],
        Vec::new(),
    ];
    let mut deep = vec![0xa1, 0x18, 0x63];
    deep.extend_from_slice(&[0x81; 16_000]);
    bodies.push(deep.clone());
    deep[3..].fill(0x9f);
    bodies.push(deep);
    for body in &bodies {
        for row in PACKETS {
            if rule_of(row.kind).is_some() {
                assert!(body_decode(row.kind, body).is_err(), "{} {body:02x?}", row.name);
            }
        }
        assert!(!rust_takes(None, body), "{body:02x?}");
    }
}

#[test]
fn every_well_formed_writing_is_taken() {
    // Причина 45: длиннее нужного, словарь без длины, повторный ключ, чужие значения всех видов.
    let writings: [&str; 13] = [
        "a100182d",
        "a1001b000000000000002d",
        "a1190000182d",
        "bf00182dff",
        "bb000000000000000100182d",
        "a200010019002d",
        "a200182d01f93c00",
        "a200182d01fb3ff0000000000000",
        "a200182d01c11a514b67b0",
        "a200182d01c249010000000000000000",
        "a200182d01f7",
        "a200182d019f018202039fffff",
        "a301bf7f61616162fff6ff02f600182d",
    ];
    for writing in writings {
        let body = hex::decode(writing).expect("hex digits");
        let read: Result<Quit, Fail> = body_read("QUIT", &body);
        assert_eq!(read, Ok(Quit { reason: 45 }), "{writing}");
    }
}

#[test]
fn longest_text_fits_one_message() {
    let mut envelope: Envelope = body_read("envelope", &vector_bytes("ENVELOPE_OFFER")).unwrap();
    envelope.name = "😀".repeat(supertext::base::bounds::NAME_MAX);
    envelope.text = vec![b'x'; supertext::base::bounds::TEXT_MAX];
    envelope.offer = None;
    (envelope.sequence, envelope.base, envelope.time) = (u64::MAX, u64::MAX, u64::MAX);
    let bytes = envelope_bytes(&envelope).expect("encoded");
    let packets = supertext::wire::message::message_packets(bytes.len());
    assert!(packets <= supertext::base::bounds::MESSAGE_PACKETS_MAX, "{packets}");
}
