//! Messages cut into MESSAGE packets and joined again, with characters on every cut.
//! Сообщения, разрезанные на пакеты MESSAGE и собранные снова, с символами на каждом разрезе.

use supertext::base::bounds::{HEADER_BYTES, MESSAGE_PACKET_BYTES, MESSAGE_PACKETS_MAX};
use supertext::base::fail::FailKind;
use supertext::wire::header::header_read;
use supertext::wire::message::{message_packets, message_put, piece_read, text_shown};
use supertext::wire::packets::{FarEnd, Kind, packet_allowed, packet_find};

use super::vectors::{ALICE, BOB};

/// Режет, проверяет каждый пакет и собирает обратно.
fn cut_and_join(envelope: &[u8]) -> Vec<u8> {
    let mut out = vec![0xee; 5];
    let count = message_put(&mut out, ALICE, BOB, 0x01_0203, envelope).expect("cut");
    assert_eq!(count, message_packets(envelope.len()));
    let mut joined = Vec::new();
    let mut place = 5;
    for index in 0..count {
        let header = header_read(&out[place..]).expect("a header");
        let row = packet_find(&header).expect("a right packet");
        assert_eq!(row.kind, Kind::Message);
        packet_allowed(row, &header, FarEnd::Client(ALICE)).expect("allowed");
        assert_eq!((header.source_id, header.dest_id), (ALICE, BOB));
        assert_eq!(header.content_id, 0x01_0203);
        let from = place + HEADER_BYTES;
        place = from + header.size as usize;
        let piece = piece_read(&out[from..place]).expect("a right piece");
        assert_eq!((piece.index as usize, piece.count as usize), (index, count));
        if index + 1 < count {
            assert_eq!(piece.bytes.len(), MESSAGE_PACKET_BYTES);
        }
        joined.extend_from_slice(piece.bytes);
    }
    assert_eq!(place, out.len());
    joined
}

#[test]
fn texts_of_every_length_join_back() {
    let longest = MESSAGE_PACKET_BYTES * MESSAGE_PACKETS_MAX;
    let lengths = [(0, 1), (1, 1), (4_095, 1), (4_096, 1), (4_097, 2), (8_192, 2), (longest, 256)];
    for (length, packets) in lengths {
        let mut envelope = Vec::new();
        for index in 0..length {
            envelope.push((index * 31 + index / 4_096) as u8);
        }
        assert_eq!(message_packets(length), packets);
        assert!(cut_and_join(&envelope) == envelope, "{length}");
    }
    assert_eq!(longest, 1_048_576);
}

#[test]
fn characters_on_every_cut_join_back() {
    // Символы в 2, 3 и 4 байта; сдвиг проводит разрез через каждое место символа.
    for letter in ["я", "語", "😀"] {
        for shift in 0..letter.len() {
            let mut text = "a".repeat(shift);
            while text.len() < MESSAGE_PACKET_BYTES * 3 {
                text.push_str(letter);
            }
            let joined = cut_and_join(text.as_bytes());
            assert_eq!(text_shown(&joined), text, "{letter} {shift}");
            let alone = text_shown(&text.as_bytes()[..MESSAGE_PACKET_BYTES]);
            let split = !text.is_char_boundary(MESSAGE_PACKET_BYTES);
            assert_eq!(alone.starts_with("0x"), split, "a piece alone is no text");
        }
    }
}

#[test]
fn texts_over_the_limit_are_refused_whole() {
    let envelope = vec![0u8; MESSAGE_PACKET_BYTES * MESSAGE_PACKETS_MAX + 1];
    let mut out = vec![9];
    let refused = message_put(&mut out, ALICE, BOB, 1, &envelope).expect_err("too long");
    assert_eq!(refused.kind, FailKind::TextTooLong);
    assert_eq!(out, [9]);
}

#[test]
fn wrong_pieces_are_refused() {
    let wrong: [&[u8]; 8] = [
        &[],
        &[0],
        &[0, 0, 0],
        &[0, 0, 0, 0],
        &[0, 1, 0, 1, 7],
        &[0xff, 0xff, 0, 2, 7],
        &[0, 0, 1, 1, 7],
        &[0, 0, 0xff, 0xff, 7],
    ];
    for data in wrong {
        let refused = piece_read(data).expect_err("a wrong piece");
        assert_eq!(refused.kind, FailKind::BodyBad, "{data:?}");
    }
    let last = piece_read(&[0, 0xff, 1, 0, 7]).expect("the last of 256");
    assert_eq!((last.index, last.count, last.bytes), (255, 256, &[7u8][..]));
}

#[test]
fn bytes_that_are_no_text_are_shown_as_hex() {
    assert_eq!(text_shown(b""), "");
    assert_eq!(text_shown("Привет 👋".as_bytes()), "Привет 👋");
    assert_eq!(text_shown(&[0xff, 0x00, 0xab]), "0xff00ab");
    assert_eq!(text_shown(&[0xed, 0xa0, 0x80]), "0xeda080");
}
