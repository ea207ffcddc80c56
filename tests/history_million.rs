//! A million messages in history.db, in three languages: what a person waits for takes less than
//! 100 ms, opening less than 300. Ignored; `cargo test --release --test history_million -- \
//! --ignored --nocapture` prints the figures.
//! Миллион сообщений в history.db на трёх языках: то, чего ждёт человек, быстрее 100 мс, открытие
//! быстрее 300. Пропускается, пока не попросят; печатает измеренное.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use supertext::base::ids::Id;
use supertext::logic::events::{ExportForm, PastQuery};
use supertext::store::backup::backup_make;
use supertext::store::base::{base_begin, base_commit, base_open};
use supertext::store::export::export_write;
use supertext::store::history::{
    history_add, history_clear, history_edit, history_find, history_hide, history_last,
    history_past, history_read_upto, history_seen, history_unseen,
};
use supertext::wire::message::{ENVELOPE_TEXT, Envelope, MessageId};

const MANY: u64 = 1_000_000;
const BATCH: u64 = 10_000;
const PEOPLE: u64 = 7;
/// What a person waits for.
const LIMIT: Duration = Duration::from_millis(100);
const LIMIT_OPEN: Duration = Duration::from_millis(300);

const RU: [&str; 24] = [
    "при", "вет", "ка", "до", "ма", "ра", "бо", "та", "ни", "ко", "гда", "по", "го", "во", "рим",
    "сто", "ле", "ту", "чка", "за", "не", "шь", "ве", "чер",
];
const EN: [&str; 24] = [
    "hel", "lo", "to", "mor", "row", "the", "re", "con", "ti", "nu", "meet", "ing", "cof", "fee",
    "pa", "per", "win", "dow", "se", "cret", "mes", "sage", "al", "ways",
];

/// Следующее случайное число.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// Место слова по частоте: первые встречаются намного чаще последних (закон Ципфа).
fn rank(seed: &mut u64, many: u64) -> u64 {
    let part = (next(seed) % 1_000_000) as f64 / 1_000_000.0;
    (many as f64).powf(part) as u64 - 1
}

/// Слово из слогов.
fn word(syllables: &[&str; 24], place: u64) -> String {
    let mut text = String::new();
    let mut left = place + 1;
    while left > 0 {
        text.push_str(syllables[(left % 24) as usize]);
        left /= 24;
    }
    text
}

/// Сообщение знаков на шестьдесят; «общее» и common — в каждом на своём языке.
fn text_make(seed: &mut u64, number: u64) -> String {
    let mut text = match number {
        0 => String::from("ornithorhynchus "),
        500_000 => String::from("утконос "),
        _ => String::new(),
    };
    match number % 3 {
        0 => {
            while text.chars().count() < 53 {
                text.push_str(&word(&RU, rank(seed, 40_000)));
                text.push(' ');
            }
            text.push_str("общее");
        }
        1 => {
            while text.chars().count() < 52 {
                text.push_str(&word(&EN, rank(seed, 40_000)));
                text.push(' ');
            }
            text.push_str("common");
        }
        _ => {
            for _ in 0..28 {
                let letter = 0x4e00 + rank(seed, 4_000) as u32;
                text.push(char::from_u32(letter).unwrap());
            }
            text.push_str("，大家好");
        }
    }
    text
}

/// Номер сообщения: начало растёт, конец случаен.
fn id_make(number: u64) -> MessageId {
    let mut id = [0u8; 16];
    id[..8].copy_from_slice(&(number << 16).to_be_bytes());
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    id[8..].copy_from_slice(&(mixed ^ (mixed >> 29)).to_be_bytes());
    id
}

/// Кому принадлежит сообщение.
fn peer_of(number: u64) -> Id {
    1 + number % PEOPLE
}

/// Заполняет базу.
fn fill(base: &Connection) {
    let mut seed = 88_172_645_463_325_252;
    let mut made = Envelope { kind: ENVELOPE_TEXT, ..Envelope::default() };
    for number in 0..MANY {
        if number.is_multiple_of(BATCH) {
            base_begin(base).unwrap();
        }
        made.id = id_make(number);
        made.time = 1_700_000_000_000 + number * 1_000;
        made.text = text_make(&mut seed, number).into_bytes();
        let (outgoing, seen) = (number.is_multiple_of(2), number % 1_000 != 999);
        history_add(base, peer_of(number), outgoing, &made, made.time, seen, true).unwrap();
        if number % BATCH == BATCH - 1 {
            base_commit(base).unwrap();
        }
    }
}

/// Печатает время от `begun` и сверяет его с пределом (в выпускной сборке).
fn told(what: &str, begun: Instant, limit: Duration) {
    let took = begun.elapsed();
    println!("{:>10.2} ms  {what}", took.as_secs_f64() * 1_000.0);
    assert!(cfg!(debug_assertions) || took < limit, "{what}: {took:?}");
}

/// Ищет и печатает время; сколько нашлось.
fn search(base: &Connection, words: &str) -> usize {
    let query = PastQuery::Search { words: String::from(words), many: 50 };
    let begun = Instant::now();
    let found = history_past(base, &query).unwrap();
    told(&format!("/search {words}: {} found", found.len()), begun, LIMIT);
    found.len()
}

/// Вопросы о словах: редкие, частые, вместе, начала.
fn searches(base: &Connection) {
    assert_eq!(search(base, "ornithorhynchus"), 1);
    assert_eq!(search(base, "УТКОНОС"), 1);
    assert_eq!(search(base, "небывалое"), 0);
    assert_eq!(search(base, "общее"), 50);
    assert_eq!(search(base, "common"), 50);
    assert_eq!(search(base, "大家"), 50);
    assert_eq!(search(base, "好家大"), 0);
    assert_eq!(search(base, "привет общее"), 50);
    assert_eq!(search(base, "common общее"), 0);
    assert_eq!(search(base, "утконос общее"), 0);
    assert_eq!(search(base, "com"), 50);
    assert_eq!(search(base, "об"), 50);
    assert_eq!(search(base, "пр"), 50);
    assert_eq!(search(base, "ко"), 50);
    assert_eq!(search(base, "to"), 50);
    assert_eq!(search(base, "ornith"), 1);
    search(base, "о");
    search(base, "的");
}

/// Последние страницы, ссылки, непрочитанное.
fn lookups(base: &Connection) {
    let begun = Instant::now();
    let page = history_past(base, &PastQuery::Last { peer: 3, many: 50 }).unwrap();
    told("/history of one person, 50 messages", begun, LIMIT);
    assert_eq!(page.len(), 50);
    let recent = MANY - 1 - (MANY - 1 - 2) % PEOPLE;
    let tail = hex::encode(id_make(recent));
    for (what, peer, reference) in [
        ("last 6 digits, of a person", Some(3), &tail[26..]),
        ("last 6 digits, of anybody", None, &tail[26..]),
        ("whole id, of a person", Some(3), &tail),
        ("whole id, of anybody", None, &tail),
        ("whole id, the oldest", None, &hex::encode(id_make(0))),
    ] {
        let begun = Instant::now();
        history_find(base, peer, reference).unwrap();
        told(&format!("history_find: {what}"), begun, LIMIT);
    }
    let begun = Instant::now();
    assert!(history_find(base, Some(3), "abcdef0").is_err());
    told("history_find: nothing", begun, LIMIT);
    let begun = Instant::now();
    history_last(base, 3, true).unwrap().unwrap();
    told("history_last", begun, LIMIT);
    let begun = Instant::now();
    assert_eq!(history_unseen(base).unwrap().len(), PEOPLE as usize);
    told("history_unseen", begun, LIMIT);
}

/// Изменения, каждое со своей записью на диск.
fn changes(base: &Connection) {
    let begun = Instant::now();
    base_begin(base).unwrap();
    assert!(history_edit(base, 1, true, &id_make(0), "переписано", u64::MAX).unwrap());
    base_commit(base).unwrap();
    told("history_edit of the oldest, committed", begun, LIMIT);
    let begun = Instant::now();
    base_begin(base).unwrap();
    assert!(history_hide(base, peer_of(500_000), &id_make(500_000)).unwrap());
    base_commit(base).unwrap();
    told("history_hide in the middle, committed", begun, LIMIT);
    let begun = Instant::now();
    base_begin(base).unwrap();
    history_seen(base, 3, true).unwrap().unwrap();
    base_commit(base).unwrap();
    told("history_seen, committed", begun, LIMIT);
    let newest = (MANY - 1) - (MANY - 1) % (2 * PEOPLE) - 2 * PEOPLE + 2;
    let begun = Instant::now();
    base_begin(base).unwrap();
    let read = history_read_upto(base, 3, &id_make(newest), 1).unwrap();
    base_commit(base).unwrap();
    assert_eq!(read.len(), 10_000);
    told("history_read_upto of 10000, committed", begun, LIMIT * 100);
}

/// Долгие дела: их никто не ждёт у клавиатуры.
fn long_works(base: &Connection, folder: &Path) {
    let none = Duration::from_secs(600);
    for form in [ExportForm::Json, ExportForm::Text] {
        let begun = Instant::now();
        let (path, many) = export_write(base, folder, 0, form, &BTreeMap::new()).unwrap();
        let size = std::fs::metadata(path).unwrap().len() / 1_000_000;
        told(&format!("export {form:?}: {many} messages, {size} MB"), begun, none);
    }
    let begun = Instant::now();
    backup_make(&folder.join("history.db"), folder, 1_800_000_000_000).unwrap();
    told("backup_make", begun, none);
    let begun = Instant::now();
    base_begin(base).unwrap();
    let many = history_clear(base, 2).unwrap();
    base_commit(base).unwrap();
    told(&format!("history_clear of {many}"), begun, none);
    let begun = Instant::now();
    assert!(history_past(base, &PastQuery::Last { peer: 2, many: 50 }).unwrap().is_empty());
    told("/history after it", begun, LIMIT);
    search(base, "общее");
}

#[test]
#[ignore = "makes a million messages"]
fn history_million() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let none = Duration::from_secs(600);
    let begun = Instant::now();
    let base = base_open(&path).unwrap();
    fill(&base);
    drop(base);
    let size = std::fs::metadata(&path).unwrap().len() / 1_000_000;
    told(&format!("filling with {MANY} messages, {size} MB"), begun, none);
    let begun = Instant::now();
    let base = base_open(&path).unwrap();
    history_unseen(&base).unwrap();
    told("opening, with history_unseen", begun, LIMIT_OPEN);
    lookups(&base);
    searches(&base);
    changes(&base);
    long_works(&base, folder.path());
}

/// Таблицы первой версии, как они были.
const VERSION_1: &str = include_str!("vectors/history_v1.sql");

#[test]
#[ignore = "makes a million messages"]
fn history_million_upgraded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let none = Duration::from_secs(600);
    let old = Connection::open(&path).unwrap();
    old.execute_batch(&format!("PRAGMA journal_mode=WAL; {VERSION_1} BEGIN")).unwrap();
    let mut seed = 88_172_645_463_325_252;
    for number in 0..MANY {
        // Только русские и английские: у иероглифов слова в указателе выглядят иначе.
        let (id, text) = (id_make(number), text_make(&mut seed, number * 3 + number % 2));
        let (peer, sent) = (peer_of(number) as i64, number as i64 + 1);
        let insert = "INSERT INTO messages VALUES(NULL, ?1, ?2, ?3, ?4, ?5, ?5, ?6)";
        let values =
            params![peer, number.is_multiple_of(2), &id[..], text, sent, number % 1_000 != 999];
        old.prepare_cached(insert).unwrap().execute(values).unwrap();
        let insert = "INSERT INTO words(rowid, text) VALUES(?1, ?2)";
        let values = params![old.last_insert_rowid(), text];
        old.prepare_cached(insert).unwrap().execute(values).unwrap();
    }
    old.execute_batch("COMMIT").unwrap();
    drop(old);
    let begun = Instant::now();
    let base = base_open(&path).unwrap();
    told("opening version 1 (upgrade)", begun, none);
    drop(base);
    let begun = Instant::now();
    let base = base_open(&path).unwrap();
    history_unseen(&base).unwrap();
    told("opening after it, with history_unseen", begun, LIMIT_OPEN);
    lookups(&base);
    assert_eq!(search(&base, "ornithorhynchus"), 1);
    assert_eq!(search(&base, "common"), 50);
    assert_eq!(search(&base, "com"), 50);
    changes(&base);
}
