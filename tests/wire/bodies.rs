//! Bodies against docs/protocol.cddl, and the promise that fields can be added later: a receiver
//! skips keys that it does not know.
//! Тела против docs/protocol.cddl и обещание, что поля можно добавлять: незнакомый ключ
//! получатель пропускает.

use minicbor::{Decoder, Encoder};
use supertext::base::bounds::{HEADER_BYTES, KEYS_MAX, ROUTES_MAX};
use supertext::base::fail::{Fail, FailKind};
use supertext::wire::carry::{CARRY_SKIP, CarryHead, Route, Routes, carry_put};
use supertext::wire::control::{
    KeyAnswer, KeyBundle, KeyItem, Keys, Quit, WATCH_MAX, Watch, body_read, packet_put,
};
use supertext::wire::message::{After, Envelope, Intro, Offer, Sealed};
use supertext::wire::packets::{Kind, PACKETS, packet_row};

use super::body::body_decode;
use super::cddl::{Cddl, cddl_fits, cddl_read, cddl_required};
use super::vectors::{ALICE, BOB, ENVELOPES, SEALEDS, vector_bytes};

/// One member of a CBOR map: its key, the bytes of its value.
struct Member {
    key: i64,
    value: Vec<u8>,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Packet(Kind),
    Sealed,
    Envelope,
    Offer,
    Intro,
    After,
    KeyItem,
    KeyBundle,
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
        Kind::Keys => Some("keys"),
        Kind::KeysLeft => Some("keys-left"),
        Kind::KeyAsk => Some("key-ask"),
        Kind::Key => Some("key"),
        Kind::Stored => Some("stored"),
        Kind::Mail => Some("mail"),
        Kind::Account => Some("account"),
        Kind::AccountReply => Some("account-reply"),
        Kind::FileSize => Some("file-size"),
        Kind::FileWant => Some("file-want"),
        Kind::FileDone => Some("file-done"),
        Kind::FileStop => Some("file-stop"),
        Kind::Routes => Some("routes"),
        Kind::Message | Kind::FileData | Kind::FileBlock | Kind::FileEnd => None,
        Kind::Carry | Kind::CarryFile => None,
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

/// Читает тело как `T` и пишет снова: одинаковое по смыслу даёт одни и те же байты.
fn again<T>(body: &[u8]) -> Option<Vec<u8>>
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    let read: Result<T, Fail> = body_read("body", body);
    match read {
        Ok(value) => Some(minicbor::to_vec(&value).expect("what was decoded can be encoded")),
        Err(_) => None,
    }
}

/// Что Rust прочёл, его же байтами; `None` — не принял.
fn rust_reads(what: What, body: &[u8]) -> Option<Vec<u8>> {
    match what {
        What::Packet(kind) => match body_decode(kind, body) {
            Ok(decoded) => Some(format!("{decoded:?}").into_bytes()),
            Err(_) => None,
        },
        What::Sealed => again::<Sealed>(body),
        What::Envelope => again::<Envelope>(body),
        What::Offer => again::<Offer>(body),
        What::Intro => again::<Intro>(body),
        What::After => again::<After>(body),
        What::KeyItem => again::<KeyItem>(body),
        What::KeyBundle => again::<KeyBundle>(body),
    }
}

/// Rust принимает такое тело?
fn rust_takes(what: What, body: &[u8]) -> bool {
    rust_reads(what, body).is_some()
}

/// Сверяет одно тело: само, без каждого из ключей, с null, с незнакомыми ключами.
fn compare(cddl: &Cddl, rule: &str, what: What, body: &[u8]) {
    assert!(cddl_fits(cddl, rule, body), "{rule}");
    assert!(rust_takes(what, body), "{rule}");
    let mut members = members_of(body);
    for index in 0..members.len() {
        let key = members[index].key;
        let required = cddl_required(cddl, rule, key).expect("the key is described");
        let without = body_of(&members, Some(index), None);
        assert_eq!(cddl_fits(cddl, rule, &without), !required, "{rule} without {key}");
        assert_eq!(rust_takes(what, &without), !required, "{rule} without {key}");
        let wrong = body_of(&members, None, Some(index));
        assert!(!cddl_fits(cddl, rule, &wrong), "{rule} with null for {key}");
        if required {
            assert!(!rust_takes(what, &wrong), "{rule} with null for {key}");
        }
    }
    members.insert(0, stranger(-3));
    members.push(stranger(1_000));
    let longer = body_of(&members, None, None);
    assert!(cddl_fits(cddl, rule, &longer), "{rule} with unknown keys");
    assert_eq!(rust_reads(what, &longer), rust_reads(what, body), "{rule}");
    let mut tail = body.to_vec();
    tail.push(0xf6);
    assert!(!cddl_fits(cddl, rule, &tail), "{rule} with a byte too many");
    assert!(!rust_takes(what, &tail), "{rule} with a byte too many");
}

/// Значение этого ключа, как оно записано.
fn value_of(body: &[u8], key: i64) -> Vec<u8> {
    for member in members_of(body) {
        if member.key == key {
            return member.value;
        }
    }
    panic!("no key {key}");
}

#[test]
fn bodies_agree_with_the_cddl() {
    let cddl = cddl();
    for row in PACKETS {
        let vector = vector_bytes(row.name);
        if let Some(rule) = rule_of(row.kind) {
            compare(&cddl, rule, What::Packet(row.kind), &vector[HEADER_BYTES..]);
        }
    }
}

#[test]
fn envelopes_agree_with_the_cddl() {
    let cddl = cddl();
    for name in SEALEDS {
        compare(&cddl, "sealed", What::Sealed, &vector_bytes(name));
    }
    for name in ENVELOPES {
        compare(&cddl, "envelope", What::Envelope, &vector_bytes(name));
    }
}

#[test]
fn maps_inside_bodies_agree_with_the_cddl() {
    // У вложенных словарей ключи тоже обязательны, и незнакомые пропускаются.
    let cddl = cddl();
    let offer = value_of(&vector_bytes("ENVELOPE_OFFER"), 8);
    compare(&cddl, "offer", What::Offer, &offer);
    let intro = value_of(&vector_bytes("SEALED_FIRST"), 4);
    compare(&cddl, "intro", What::Intro, &intro);
    let fallback = value_of(&vector_bytes("KEYS")[HEADER_BYTES..], 2);
    compare(&cddl, "key-item", What::KeyItem, &fallback);
    let bundle = value_of(&vector_bytes("KEY")[HEADER_BYTES..], 1);
    compare(&cddl, "key-bundle", What::KeyBundle, &bundle);
}

#[test]
fn beginning_of_an_order_agrees_with_the_cddl() {
    let after = Some(After { run: 300, sequence: 7 });
    let text: Envelope = minicbor::decode(&vector_bytes("ENVELOPE_TEXT")).expect("decoded");
    let envelope = minicbor::to_vec(Envelope { after, ..text }).expect("encoded");
    compare(&cddl(), "envelope", What::Envelope, &envelope);
    let (kind, body) = (1, vec![3]);
    let sealed = Sealed { run: 400, sequence: 1, kind, body, intro: None, after };
    let sealed = minicbor::to_vec(&sealed).expect("encoded");
    assert_eq!(hex::encode(&sealed), "a5001901900101020103410305a20019012c0107");
    compare(&cddl(), "sealed", What::Sealed, &sealed);
    compare(&cddl(), "after", What::After, &value_of(&sealed, 5));
    compare(&cddl(), "after", What::After, &value_of(&envelope, 14));
}

#[test]
fn key_answer_without_keys_agrees_with_the_cddl() {
    let answer = KeyAnswer { id: BOB, found: None };
    let body = minicbor::to_vec(&answer).expect("encoded");
    assert_eq!(hex::encode(&body), "a1001b00000039f713d0a6");
    compare(&cddl(), "key", What::Packet(Kind::Key), &body);
}

#[test]
fn keys_of_other_lengths_are_refused() {
    let cddl = cddl();
    for length in [0, 31, 33, 63, 65] {
        let mut encoder = Encoder::new(Vec::new());
        encoder.map(2).expect("written").u8(0).expect("written");
        encoder.bytes(&vec![7; length]).expect("written").u8(1).expect("written");
        encoder.bytes(&[7; 64]).expect("written");
        let body = encoder.into_writer();
        assert!(!cddl_fits(&cddl, "key-item", &body), "{length}");
        assert!(!rust_takes(What::KeyItem, &body), "{length}");
    }
}

#[test]
fn all_keys_of_one_person_fit_their_packet() {
    let mut out = Vec::new();
    let item = KeyItem { key: [7; 32], signature: [8; 64] };
    let items = vec![item.clone(); KEYS_MAX as usize];
    let keys = Keys { curve: [1; 32], signature: [2; 64], fallback: item, items };
    packet_put(&mut out, Kind::Keys, ALICE, 0, 0, &keys).expect("it fits");
    assert!(cddl_fits(&cddl(), "keys", &out[HEADER_BYTES..]));
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
fn routes_to_all_fit_their_packet() {
    let route = Route { id: (1 << 40) - 2, distance: 5, fingerprint: [255; 32] };
    let routes = Routes { open: true, asks: true, routes: vec![route; ROUTES_MAX] };
    let mut out = Vec::new();
    packet_put(&mut out, Kind::Routes, ALICE, 0, 0, &routes).expect("it fits");
    assert!(cddl_fits(&cddl(), "routes", &out[HEADER_BYTES..]));
}

#[test]
fn the_longest_packet_of_a_lane_fits_into_carry() {
    for (inner, outer) in [(Kind::Message, Kind::Carry), (Kind::FileData, Kind::CarryFile)] {
        let row = packet_row(inner);
        assert_eq!(row.lane, packet_row(outer).lane);
        assert_eq!(CARRY_SKIP + row.size_max, packet_row(outer).size_max);
        let head = CarryHead { hops: 5, stream: 1, number: 1 };
        let mut out = vec![1, 2, 3];
        let packet = vec![0; HEADER_BYTES + row.size_max + 1];
        let refused = carry_put(&mut out, row.lane, (ALICE, ALICE + 1), &head, &packet);
        assert_eq!(refused.expect_err("too long").kind, FailKind::BodyBad);
        assert_eq!(out, [1, 2, 3]);
        carry_put(&mut out, row.lane, (ALICE, ALICE + 1), &head, &packet[1..]).expect("it fits");
    }
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
        assert!(!rust_takes(What::Envelope, body), "{body:02x?}");
        assert!(!rust_takes(What::Sealed, body), "{body:02x?}");
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
