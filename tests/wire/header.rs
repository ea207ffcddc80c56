//! The header and the checks that the table of packets makes on it, each with its named reason.
//! Заголовок и проверки, которые делает по нему таблица пакетов, каждая со своей причиной.

use supertext::base::bounds::{DATA_MAX, HEADER_BYTES};
use supertext::base::fail::FailKind;
use supertext::base::ids::{ID_ONES, Id};
use supertext::wire::header::{CONTENT_ID_MAX, Header, header_bytes, header_read};
use supertext::wire::packets::{FarEnd, Kind, PACKETS, packet_allowed, packet_find, packet_row};

use super::vectors::{ALICE, BOB};

const MALLORY: Id = 77;

/// Заголовок такого вида между этими двумя.
fn header_of(kind: Kind, source_id: Id, dest_id: Id) -> Header {
    let row = packet_row(kind);
    Header { source_id, dest_id, content_id: row.control, content_type: row.content_type, size: 0 }
}

#[test]
fn header_fields_lie_at_their_offsets() {
    let header = Header {
        source_id: 0x01_0203_0405,
        dest_id: 0x06_0708_090a,
        content_id: 0x0b_0c0d,
        content_type: 0x0e,
        size: 0x0f10,
    };
    let bytes = header_bytes(&header);
    for index in 0..HEADER_BYTES {
        assert_eq!(bytes[index], index as u8 + 1);
    }
    assert_eq!(header_read(&bytes), Some(header));
}

#[test]
fn header_extremes_come_back() {
    let ones = Header {
        source_id: ID_ONES,
        dest_id: ID_ONES,
        content_id: CONTENT_ID_MAX,
        content_type: 255,
        size: DATA_MAX as u16,
    };
    for header in [Header::default(), ones] {
        let bytes = header_bytes(&header);
        assert_eq!(header_read(&bytes), Some(header));
        for length in 0..HEADER_BYTES {
            assert_eq!(header_read(&bytes[..length]), None);
        }
    }
    assert_eq!(header_bytes(&ones), [0xff; HEADER_BYTES]);
}

#[test]
fn only_numbers_of_the_table_are_known() {
    for content_type in 0..=255u8 {
        for content_id in 0..40 {
            let header = Header { content_type, content_id, ..Header::default() };
            let mut known = None;
            for row in PACKETS {
                let control = row.content_type != 0 || row.control == content_id;
                if row.content_type == content_type && control {
                    known = Some(row.kind);
                }
            }
            match (packet_find(&header), known) {
                (Ok(row), Some(kind)) => assert_eq!(row.kind, kind),
                (Err(refused), None) => assert_eq!(refused.kind, FailKind::TypeUnknown),
                (found, _) => panic!("type {content_type} id {content_id}: {found:?}"),
            }
        }
    }
}

#[test]
fn sizes_up_to_the_limit_are_taken() {
    for row in PACKETS {
        let mut header = header_of(row.kind, ALICE, BOB);
        header.size = row.size_max as u16;
        assert_eq!(packet_find(&header).expect("at the limit").kind, row.kind);
        if row.size_max == DATA_MAX {
            // Больше в заголовке не написать.
            continue;
        }
        header.size += 1;
        let refused = packet_find(&header).expect_err("over the limit");
        assert_eq!(refused.kind, FailKind::SizeOver, "{}", row.name);
        header.size = DATA_MAX as u16;
        let refused = packet_find(&header).expect_err("over the limit");
        assert_eq!(refused.kind, FailKind::SizeOver, "{}", row.name);
    }
}

/// Проверяет все виды одного рода: что выходит для источника и назначения с этого конца.
fn expect(kinds: &[Kind], from: FarEnd, source: Id, dest: Id, expected: Option<FailKind>) {
    for kind in kinds {
        let header = header_of(*kind, source, dest);
        let got = match packet_allowed(packet_row(*kind), &header, from) {
            Ok(()) => None,
            Err(refused) => Some(refused.kind),
        };
        assert_eq!(got, expected, "{kind:?} from {from:?}: {source} -> {dest}");
    }
}

#[test]
fn sources_are_checked() {
    const LINK: [Kind; 6] =
        [Kind::Hello, Kind::Ping, Kind::Pong, Kind::Quit, Kind::Refused, Kind::Mail];
    const CLIENT: [Kind; 4] = [Kind::Watch, Kind::Keys, Kind::KeyAsk, Kind::Account];
    const SERVER: [Kind; 7] = [
        Kind::Quited,
        Kind::Presence,
        Kind::Unreachable,
        Kind::KeysLeft,
        Kind::Key,
        Kind::Stored,
        Kind::AccountReply,
    ];
    const PERSON: [Kind; 8] = [
        Kind::Message,
        Kind::FileSize,
        Kind::FileWant,
        Kind::FileData,
        Kind::FileBlock,
        Kind::FileEnd,
        Kind::FileDone,
        Kind::FileStop,
    ];
    const THIRD: [Kind; 3] = [Kind::Routes, Kind::Carry, Kind::CarryFile];
    let four = LINK.len() + CLIENT.len() + SERVER.len() + PERSON.len();
    assert_eq!(four + THIRD.len(), PACKETS.len());
    let alice = FarEnd::Client(ALICE);
    let server = FarEnd::Server;
    let (source_false, not_allowed) = (Some(FailKind::SourceFalse), Some(FailKind::NotAllowed));

    // Что присылает клиент: источник — только он сам.
    expect(&LINK, alice, ALICE, 0, None);
    expect(&LINK, alice, ALICE, BOB, not_allowed);
    expect(&LINK, alice, BOB, 0, source_false);
    expect(&LINK, alice, 0, 0, source_false);
    expect(&CLIENT, alice, ALICE, 0, None);
    expect(&CLIENT, alice, ALICE, BOB, not_allowed);
    expect(&CLIENT, alice, BOB, 0, source_false);
    expect(&SERVER, alice, ALICE, 0, not_allowed);
    expect(&SERVER, alice, 0, ALICE, source_false);
    expect(&PERSON, alice, ALICE, BOB, None);
    expect(&PERSON, alice, BOB, ALICE, source_false);
    expect(&PERSON, alice, MALLORY, BOB, source_false);
    expect(&PERSON, alice, 0, BOB, source_false);
    expect(&PERSON, alice, ALICE, ALICE, not_allowed);
    expect(&PERSON, alice, ALICE, 0, not_allowed);
    expect(&PERSON, alice, ALICE, ID_ONES, not_allowed);

    // Чужого через сервер не возят.
    expect(&THIRD, alice, ALICE, 0, not_allowed);
    expect(&THIRD, alice, ALICE, BOB, not_allowed);
    expect(&THIRD, server, ALICE, BOB, not_allowed);
    expect(&THIRD, server, 0, 0, not_allowed);

    // Что присылает сервер: своё — от нуля, чужое — от человека человеку.
    expect(&LINK, server, 0, ALICE, None);
    expect(&LINK, server, 0, 0, None);
    expect(&CLIENT, server, 0, ALICE, not_allowed);
    expect(&CLIENT, server, BOB, 0, not_allowed);
    expect(&SERVER, server, 0, ALICE, None);
    expect(&SERVER, server, BOB, ALICE, not_allowed);
    expect(&PERSON, server, BOB, ALICE, None);
    expect(&PERSON, server, 0, ALICE, not_allowed);
    expect(&PERSON, server, ID_ONES, ALICE, not_allowed);
    expect(&PERSON, server, BOB, 0, not_allowed);
}

#[test]
fn sources_of_a_direct_link_are_checked() {
    let alice = FarEnd::Person(ALICE);
    let (source_false, not_allowed) = (Some(FailKind::SourceFalse), Some(FailKind::NotAllowed));
    const CONTROL: [Kind; 7] =
        [Kind::Hello, Kind::Ping, Kind::Pong, Kind::Quit, Kind::Refused, Kind::KeyAsk, Kind::Key];
    const SERVERS: [Kind; 9] = [
        Kind::Quited,
        Kind::Watch,
        Kind::Presence,
        Kind::Unreachable,
        Kind::Keys,
        Kind::KeysLeft,
        Kind::Stored,
        Kind::Account,
        Kind::AccountReply,
    ];
    const PERSON: [Kind; 3] = [Kind::Message, Kind::FileWant, Kind::FileData];
    expect(&CONTROL, alice, ALICE, 0, None);
    expect(&CONTROL, alice, ALICE, BOB, not_allowed);
    expect(&CONTROL, alice, BOB, 0, source_false);
    expect(&CONTROL, alice, 0, 0, source_false);
    expect(&SERVERS, alice, ALICE, 0, not_allowed);
    expect(&SERVERS, alice, 0, 0, source_false);
    expect(&PERSON, alice, ALICE, BOB, None);
    expect(&PERSON, alice, BOB, ALICE, source_false);
    expect(&PERSON, alice, MALLORY, BOB, source_false);
    expect(&PERSON, alice, ALICE, ALICE, not_allowed);
    expect(&[Kind::Routes], alice, ALICE, 0, None);
    expect(&[Kind::Routes], alice, ALICE, BOB, not_allowed);
    expect(&[Kind::Routes], alice, BOB, 0, source_false);
    // Переносчик шлёт чужое: источник и назначение — двое людей, он может быть и первым из них.
    let carry = [Kind::Carry, Kind::CarryFile];
    expect(&carry, alice, ALICE, BOB, None);
    expect(&carry, alice, BOB, ALICE, None);
    expect(&carry, alice, MALLORY, BOB, None);
    expect(&carry, alice, BOB, BOB, not_allowed);
    expect(&carry, alice, BOB, 0, not_allowed);
    expect(&carry, alice, 0, BOB, not_allowed);
    expect(&carry, alice, ID_ONES, BOB, not_allowed);
}
