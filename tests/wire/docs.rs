//! The tables of docs/protocol.md against the tables of the program, row by row.
//! Таблицы docs/protocol.md против таблиц программы, строка за строкой.

use supertext::base::bounds;
use supertext::base::fail::FAILS;
use supertext::base::ids::id_shown;
use supertext::crypto::identity::id_of_key;
use supertext::crypto::olm::{LABEL_CURVE, LABEL_KEY};
use supertext::crypto::safety::{safety_groups, safety_number};
use supertext::wire::control::{PROTOCOL_VERSION, WATCH_MAX};
use supertext::wire::file::{INDEX_BLOCK, INDEX_END, SEALED_HEAD, TAG_BYTES, file_packets};
use supertext::wire::file::{file_blocks, packet_bytes};
use supertext::wire::message::{
    ENVELOPE_ACCEPT, ENVELOPE_EDIT, ENVELOPE_HEAL, ENVELOPE_LEAVE, ENVELOPE_MEETING,
    ENVELOPE_OFFER, ENVELOPE_READ, ENVELOPE_RECEIPT, ENVELOPE_REJECT, ENVELOPE_REQUEST,
    ENVELOPE_ROOM, ENVELOPE_TEXT,
};
use supertext::wire::packets::{Family, Lane, Origin, PACKETS};

use super::olm::alice;
use super::vectors::vector_key;

/// Страница протокола.
fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol.md");
    std::fs::read_to_string(path).expect("docs/protocol.md")
}

/// Ячейки строки таблицы: без крайних черт, пробелов и обратных кавычек.
fn cells_of(line: &str) -> Vec<String> {
    let mut cells = Vec::new();
    for cell in line.trim().trim_matches('|').split('|') {
        cells.push(cell.replace('`', "").trim().to_string());
    }
    cells
}

/// Строки таблицы, у которой такая шапка.
fn table_of(page: &str, head: &str) -> Vec<Vec<String>> {
    let wanted = cells_of(head);
    let mut rows = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if !line.starts_with('|') {
            inside = false;
            continue;
        }
        let cells = cells_of(line);
        if cells == wanted {
            assert!(rows.is_empty(), "two tables with the head {head}");
            inside = true;
            continue;
        }
        if inside && !line.starts_with("|-") {
            assert_eq!(cells.len(), wanted.len(), "{line}");
            rows.push(cells);
        }
    }
    assert!(!rows.is_empty(), "no table with the head {head}");
    rows
}

#[test]
fn packets_of_the_page_are_those_of_the_table() {
    let head = "| name | type | control | family | sent by | greatest data | lane |";
    let rows = table_of(&page(), head);
    assert_eq!(rows.len(), PACKETS.len());
    for (index, row) in PACKETS.iter().enumerate() {
        let control = match row.control {
            0 => String::from("-"),
            number => number.to_string(),
        };
        let family = match row.family {
            Family::Control => "control",
            Family::Message => "message",
            Family::File => "file",
            Family::Carry => "carry",
        };
        let origin = match row.origin {
            Origin::Link => "either end",
            Origin::Client => "client",
            Origin::Server => "server",
            Origin::Person => "person",
            Origin::Neighbour => "neighbour",
            Origin::Carrier => "carrier",
        };
        let lane = match row.lane {
            Lane::Messages => "messages",
            Lane::Files => "files",
        };
        let (kind, size) = (row.content_type.to_string(), row.size_max.to_string());
        assert_eq!(rows[index], [row.name, &kind, &control, family, origin, &size, lane]);
    }
}

#[test]
fn reasons_of_the_page_are_those_of_the_table() {
    let rows = table_of(&page(), "| number | code | meaning |");
    assert_eq!(rows.len(), FAILS.len());
    for (index, row) in FAILS.iter().enumerate() {
        let cells = &rows[index];
        assert_eq!(cells[0], (row.kind as u16).to_string(), "{}", row.code);
        assert_eq!(cells[1], row.code);
        assert!(!cells[2].is_empty(), "{} has no meaning", row.code);
    }
}

#[test]
fn limits_of_the_page_are_those_of_the_program() {
    let expected: [(&str, u64); 61] = [
        ("PROTOCOL_VERSION", u64::from(PROTOCOL_VERSION)),
        ("HEADER_BYTES", bounds::HEADER_BYTES as u64),
        ("DATA_MAX", bounds::DATA_MAX as u64),
        ("MESSAGE_PACKET_BYTES", bounds::MESSAGE_PACKET_BYTES as u64),
        ("MESSAGE_PACKETS_MAX", bounds::MESSAGE_PACKETS_MAX as u64),
        ("TEXT_MAX", bounds::TEXT_MAX as u64),
        ("NAME_MAX", bounds::NAME_MAX as u64),
        ("SEALED_EXTRA", bounds::SEALED_EXTRA as u64),
        ("PARTIAL_MAX", bounds::PARTIAL_MAX as u64),
        ("PARTIALS_MAX", bounds::PARTIALS_MAX as u64),
        ("PARTIAL_BYTES_MAX", bounds::PARTIAL_BYTES_MAX as u64),
        ("OUTBOX_MAX", bounds::OUTBOX_MAX as u64),
        ("OUTBOX_WINDOW", bounds::OUTBOX_WINDOW as u64),
        ("OUTBOX_WINDOW_BYTES", bounds::OUTBOX_WINDOW_BYTES as u64),
        ("EARLY_MAX", bounds::EARLY_MAX),
        ("ORDERS_MAX", bounds::ORDERS_MAX),
        ("SESSIONS_MAX", bounds::SESSIONS_MAX as u64),
        ("RESEND_MS", bounds::RESEND_MS),
        ("RESEND_MAX_MS", bounds::RESEND_MAX_MS),
        ("RESEND_STORED_MS", bounds::RESEND_STORED_MS),
        ("HEAL_MS", bounds::HEAL_MS),
        ("KEYS_MAX", bounds::KEYS_MAX),
        ("KEYS_LOW", bounds::KEYS_LOW),
        ("KEY_AGAIN_MS", bounds::KEY_AGAIN_MS),
        ("KEY_ASKS_MAX", u64::from(bounds::KEY_ASKS_MAX)),
        ("MAIL_COUNT_MAX", bounds::MAIL_COUNT_MAX),
        ("MAIL_BYTES_MAX", bounds::MAIL_BYTES_MAX),
        ("MAILING_BYTES_MAX", bounds::MAILING_BYTES_MAX as u64),
        ("MAIL_PART_BYTES", bounds::MAIL_PART_BYTES as u64),
        ("MAIL_AGAIN_MS", bounds::MAIL_AGAIN_MS),
        ("MAIL_AGE_MS", bounds::MAIL_AGE_MS),
        ("REQUESTS_MAX", bounds::REQUESTS_MAX as u64),
        ("REQUEST_WORDS_MAX", bounds::REQUEST_WORDS_MAX as u64),
        ("ROOM_MEMBERS_MAX", bounds::ROOM_MEMBERS_MAX as u64),
        ("ROOM_TEXT_MAX", bounds::ROOM_TEXT_MAX as u64),
        ("ACCOUNT_NAME_MIN", bounds::ACCOUNT_NAME_MIN as u64),
        ("ACCOUNT_NAME_MAX", bounds::ACCOUNT_NAME_MAX as u64),
        ("VAULT_MAX", bounds::VAULT_MAX as u64),
        ("TRIES_FREE", u64::from(bounds::TRIES_FREE)),
        ("TRIES_WAIT_MS", bounds::TRIES_WAIT_MS),
        ("TRIES_WAIT_MAX_MS", bounds::TRIES_WAIT_MAX_MS),
        ("TRIES_FORGET_MS", bounds::TRIES_FORGET_MS),
        ("TRIES_NAMES_MAX", bounds::TRIES_NAMES_MAX as u64),
        ("ACCOUNT_ASKS_MAX", u64::from(bounds::ACCOUNT_ASKS_MAX)),
        ("FOUND_MAX", bounds::FOUND_MAX),
        ("FIND_MAX", bounds::FIND_MAX as u64),
        ("FILE_PACKET_BYTES", bounds::FILE_PACKET_BYTES as u64),
        ("BLOCK_PACKETS", bounds::BLOCK_PACKETS),
        ("WINDOW_PACKETS", bounds::WINDOW_PACKETS),
        ("WANT_PACKETS", bounds::WANT_PACKETS),
        ("STALL_MS", bounds::STALL_MS),
        ("FILE_NAME_MAX", bounds::FILE_NAME_MAX as u64),
        ("FILE_SIZE_MAX", bounds::FILE_SIZE_MAX),
        ("ACTIVE_INCOMING_MAX", bounds::ACTIVE_INCOMING_MAX as u64),
        ("WATCH_MAX", WATCH_MAX as u64),
        ("CONTACTS_MAX", bounds::CONTACTS_MAX as u64),
        ("LANE_MESSAGES_MAX", bounds::LANE_MESSAGES_MAX as u64),
        ("LANE_FILES_MAX", bounds::LANE_FILES_MAX as u64),
        ("HELLO_MS", bounds::HELLO_MS),
        ("PING_MS", bounds::PING_MS),
        ("SILENT_MS", bounds::SILENT_MS),
    ];
    let mut expected = expected.to_vec();
    expected.extend_from_slice(&limits_last());
    let rows = table_of(&page(), "| limit | value | meaning |");
    assert_eq!(rows.len(), expected.len());
    for (index, (name, value)) in expected.iter().enumerate() {
        assert_eq!((&rows[index][0][..], &rows[index][1]), (*name, &value.to_string()));
    }
}

/// Последние строки таблицы: сроки звонков и пределы пути через третьего.
fn limits_last() -> [(&'static str, u64); 10] {
    [
        ("RETRY_FIRST_MS", bounds::RETRY_FIRST_MS),
        ("RETRY_MAX_MS", bounds::RETRY_MAX_MS),
        ("HOPS_MAX", u64::from(bounds::HOPS_MAX)),
        ("ROUTES_MAX", bounds::ROUTES_MAX as u64),
        ("ROUTES_GAP_MS", bounds::ROUTES_GAP_MS),
        ("SEEN_NUMBERS", u64::from(bounds::SEEN_NUMBERS)),
        ("CARRY_BURST", bounds::CARRY_BURST),
        ("CARRY_RATE", bounds::CARRY_RATE),
        ("THIRD_PING_MS", bounds::THIRD_PING_MS),
        ("THIRD_SILENT_MS", bounds::THIRD_SILENT_MS),
    ]
}

#[test]
fn numbers_of_files_are_those_of_the_page() {
    assert_eq!((SEALED_HEAD, TAG_BYTES), (12, 16));
    assert_eq!((INDEX_BLOCK, INDEX_END), (1 << 63, 1 << 62));
    // Размер, пакетов, блоков, байт в последнем пакете: таблица примеров страницы.
    let rows = table_of(&page(), "| size | packets | blocks | bytes in the last packet |");
    assert!(rows.len() > 5);
    for cells in rows {
        let mut numbers = [0u64; 4];
        for index in 0..4 {
            numbers[index] = cells[index].parse().expect("a number");
        }
        let [size, packets, blocks, last] = numbers;
        assert_eq!((file_packets(size), file_blocks(size)), (packets, blocks), "{size}");
        if packets > 0 {
            assert_eq!(packet_bytes(size, packets - 1) as u64, last, "{size}");
        }
        assert_eq!(packet_bytes(size, packets), 0, "{size}");
    }
}

#[test]
fn kinds_of_envelopes_of_the_page_are_those_of_the_program() {
    let expected: [(u8, &str, &str); 12] = [
        (ENVELOPE_TEXT, "text", "yes"),
        (ENVELOPE_RECEIPT, "receipt", "no"),
        (ENVELOPE_OFFER, "offer", "yes"),
        (ENVELOPE_EDIT, "edit", "yes"),
        (ENVELOPE_READ, "read", "yes"),
        (ENVELOPE_REQUEST, "request", "yes"),
        (ENVELOPE_ACCEPT, "accept", "yes"),
        (ENVELOPE_REJECT, "reject", "yes"),
        (ENVELOPE_HEAL, "heal", "no"),
        (ENVELOPE_ROOM, "room", "yes"),
        (ENVELOPE_LEAVE, "leave", "yes"),
        (ENVELOPE_MEETING, "meeting", "no"),
    ];
    let rows = table_of(&page(), "| kind | name | in the order | what it says |");
    assert_eq!(rows.len(), expected.len());
    for (index, (kind, name, order)) in expected.iter().enumerate() {
        assert_eq!(rows[index][..3], [kind.to_string(), name.to_string(), order.to_string()]);
        assert!(!rows[index][3].is_empty(), "{name}");
    }
}

#[test]
fn examples_of_the_page_are_right() {
    let page = page();
    for label in [LABEL_CURVE, LABEL_KEY] {
        assert!(page.contains(&format!("\"{label}\"  ")), "{label}");
    }
    let alice = alice().public;
    assert!(page.contains(&hex::encode(alice)));
    assert!(page.contains(&format!("shown as `{}`", id_shown(id_of_key(&alice)))));
    let (first, mut second) = (vector_key(), vector_key());
    for byte in &mut second {
        *byte += 32;
    }
    let number = safety_groups(&safety_number(&first, &second));
    assert!(page.contains(&format!("\n{number}\n")), "{number}");
}
