//! The wire floor: golden vectors, the tables and their pages in docs/, the header, the pieces of
//! a message, wrong bytes. Parts of this test lie in tests/wire/.
//! Этаж провода: эталонные векторы, таблицы и их страницы в docs/, заголовок, куски сообщения,
//! неверные байты. Части этого теста лежат в tests/wire/.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "wire/beacon.rs"]
mod beacon;
#[path = "wire/bodies.rs"]
mod bodies;
#[path = "wire/body.rs"]
mod body;
#[path = "wire/cddl.rs"]
mod cddl;
#[path = "wire/docs.rs"]
mod docs;
#[path = "wire/header.rs"]
mod header;
#[path = "wire/message.rs"]
mod message;
#[path = "wire/mutate.rs"]
mod mutate;
#[path = "wire/olm.rs"]
mod olm;
#[path = "wire/sealed.rs"]
mod sealed;
#[path = "wire/stun.rs"]
mod stun;
#[path = "wire/vectors.rs"]
mod vectors;

use supertext::base::clock::day_end;
use supertext::base::fail::FAILS;
use supertext::wire::message::{Envelope, Sealed, envelope_bytes, message_put};
use supertext::wire::packets::{Family, Kind, PACKETS, packet_row};

use self::body::{Body, Packet, packet_decode, packet_encode};
use self::vectors::{
    ENVELOPES, SEALEDS, body_expected, envelope_expected, header_expected, sealed_expected,
    vector_bytes, vectors_read,
};

#[test]
fn every_packet_and_envelope_has_one_vector() {
    let mut wanted: Vec<&str> = Vec::new();
    for row in PACKETS {
        wanted.push(row.name);
    }
    wanted.extend_from_slice(&SEALEDS);
    wanted.extend_from_slice(&ENVELOPES);
    wanted.push("HELLO_SERVER");
    let mut found: Vec<String> = Vec::new();
    for vector in vectors_read() {
        found.push(vector.name);
    }
    assert_eq!(found, wanted, "vectors stand in the order of the table");
}

#[test]
fn packets_encode_to_the_vectors() {
    for row in PACKETS {
        let vector = vector_bytes(row.name);
        let (kind, header) = (row.kind, header_expected(row.kind));
        let packet = Packet { header, kind, body: body_expected(kind, &vector) };
        let bytes = packet_encode(&packet).expect("the values of a vector can be encoded");
        assert_eq!(hex::encode(&bytes), hex::encode(&vector), "{}", row.name);
    }
}

#[test]
fn a_server_tells_its_licence_and_its_ports_in_hello() {
    let vector = vector_bytes("HELLO_SERVER");
    let (packet, _) = packet_decode(&vector).expect("a right packet").expect("a whole packet");
    let Body::Hello(hello) = &packet.body else { panic!("not HELLO: {packet:?}") };
    assert_eq!((hello.clock, hello.until), (1_767_225_600_000, day_end("2027-01-31")));
    assert_eq!(hello.stun, Some(vec![7_787, 40_000]));
    let bytes = packet_encode(&packet).expect("encoded");
    assert_eq!(hex::encode(&bytes), hex::encode(&vector));
    // Прежняя программа ключей 4 и 7 не знает и пропускает их; без них нет ни срока, ни портов.
    let Body::Hello(old) = body_expected(Kind::Hello, &[]) else { panic!("not HELLO") };
    assert_eq!((old.until, old.stun), (None, None));
}

#[test]
fn days_end_at_midnight_in_utc() {
    assert_eq!(day_end("1970-01-01"), Some(86_399_999));
    assert_eq!(day_end("2028-02-29"), Some(1_835_481_599_999));
    for wrong in ["", "2027-02-29", "2027-13-01", "27-01-31", "2027-1-31", "2027-01-31 ", "soon"] {
        assert_eq!(day_end(wrong), None, "{wrong}");
    }
}

#[test]
fn vectors_decode_to_their_values() {
    for row in PACKETS {
        let mut vector = vector_bytes(row.name);
        let length = vector.len();
        // Следующий пакет потока не мешает: читается ровно один.
        vector.extend_from_slice(&[0xff; 40]);
        let decoded = packet_decode(&vector).expect("a right packet");
        let (packet, used) = decoded.expect("a whole packet");
        assert_eq!(used, length, "{}", row.name);
        assert_eq!(packet.kind, row.kind);
        let mut header = header_expected(row.kind);
        header.size = (length - 16) as u16;
        assert_eq!(packet.header, header, "{}", row.name);
        assert_eq!(packet.body, body_expected(row.kind, &vector[..length]), "{}", row.name);
    }
}

#[test]
fn envelopes_agree_with_the_vectors() {
    for name in ENVELOPES {
        let vector = vector_bytes(name);
        let envelope = envelope_expected(name);
        let bytes = envelope_bytes(&envelope).expect("encoded");
        assert_eq!(hex::encode(&bytes), hex::encode(&vector), "{name}");
        let read: Envelope =
            supertext::wire::control::body_read("envelope", &vector).expect("decoded");
        assert_eq!(read, envelope, "{name}");
    }
}

#[test]
fn sealed_messages_agree_with_the_vectors() {
    for name in SEALEDS {
        let vector = vector_bytes(name);
        let read: Sealed = supertext::wire::control::body_read("sealed", &vector).expect("decoded");
        let sealed = sealed_expected(name, &read.body);
        assert_eq!(read, sealed, "{name}");
        let bytes = minicbor::to_vec(&sealed).expect("encoded");
        assert_eq!(hex::encode(&bytes), hex::encode(&vector), "{name}");
    }
}

#[test]
fn message_vector_is_the_cut_sealed_envelope() {
    let header = header_expected(Kind::Message);
    let sealed = vector_bytes("SEALED_FIRST");
    let mut out = Vec::new();
    let (source, dest) = (header.source_id, header.dest_id);
    let count = message_put(&mut out, source, dest, header.content_id, &sealed).expect("cut");
    assert_eq!(count, 1);
    assert_eq!(hex::encode(&out), hex::encode(vector_bytes("MESSAGE")));
}

#[test]
fn rows_of_packets_stand_in_the_order_of_kinds() {
    for (index, row) in PACKETS.iter().enumerate() {
        assert_eq!(row.kind as usize, index, "{}", row.name);
        assert_eq!(packet_row(row.kind).name, row.name);
        for earlier in &PACKETS[..index] {
            assert_ne!(earlier.name, row.name);
            let same = (earlier.content_type, earlier.control) == (row.content_type, row.control);
            assert!(!same, "{} and {} have one number", earlier.name, row.name);
        }
        let control = row.family == Family::Control;
        assert_eq!(row.content_type == 0, control, "{}", row.name);
        assert_eq!(row.control != 0, control, "{}", row.name);
    }
}

#[test]
fn rows_of_fails_stand_in_the_order_of_numbers() {
    for (index, row) in FAILS.iter().enumerate() {
        assert_eq!(row.kind as usize, index, "{}", row.code);
        for earlier in &FAILS[..index] {
            assert_ne!(earlier.code, row.code);
        }
        for letter in row.code.chars() {
            assert!(letter.is_ascii_lowercase() || letter == '-', "{}", row.code);
        }
    }
}
