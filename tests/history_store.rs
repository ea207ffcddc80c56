//! The messages of history.db: repeats, edits, deletion, reading, references, search, the upgrade
//! from version 1. Export and copies: history_files.rs; a million messages: history_million.rs.
//! Сообщения history.db: повторы, правки, удаление, прочтение, ссылки, поиск, переход с версии 1.
//! Выгрузка и копии: history_files.rs; миллион сообщений: history_million.rs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use rusqlite::{Connection, params};
use supertext::base::fail::FailKind;
use supertext::base::ids::Id;
use supertext::logic::events::PastQuery;
use supertext::logic::show::{MessageShow, ReceiptState};
use supertext::store::base::{base_begin, base_commit, base_open, base_prepare, base_rollback};
use supertext::store::history::{
    history_add, history_clear, history_edit, history_find, history_hide, history_last,
    history_past, history_read_upto, history_seen, history_state, history_unseen,
};
use supertext::wire::message::{ENVELOPE_TEXT, Envelope, MessageId};

const ANN: Id = 11;
const BOB: Id = 22;

/// Пустая база в памяти.
fn base_make() -> Connection {
    let base = Connection::open_in_memory().unwrap();
    base_prepare(&base).unwrap();
    base
}

/// Номер сообщения, похожий на настоящий: конец перемешан.
fn id_make(number: u64) -> MessageId {
    let mut id = [0u8; 16];
    id[..8].copy_from_slice(&(number << 16).to_be_bytes());
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    id[8..].copy_from_slice(&(mixed ^ (mixed >> 29)).to_be_bytes());
    id
}

/// Конверт с текстом; время — его номер.
fn envelope(number: u64, text: &str) -> Envelope {
    Envelope {
        kind: ENVELOPE_TEXT,
        id: id_make(number),
        time: 1_000 + number,
        text: text.as_bytes().to_vec(),
        ..Envelope::default()
    }
}

/// Входящее, ещё не виденное.
fn came(base: &Connection, peer: Id, number: u64, text: &str) -> bool {
    history_add(base, peer, false, &envelope(number, text), 5_000, false, true).unwrap().is_some()
}

/// Исходящее.
fn went(base: &Connection, peer: Id, number: u64, text: &str) -> bool {
    history_add(base, peer, true, &envelope(number, text), 0, true, true).unwrap().is_some()
}

/// Тексты сообщений через черту.
fn texts(messages: &[MessageShow]) -> String {
    let mut all = Vec::new();
    for message in messages {
        all.push(message.text.as_str());
    }
    all.join("|")
}

/// Последние сообщения с человеком.
fn last(base: &Connection, peer: Id) -> Vec<MessageShow> {
    history_past(base, &PastQuery::Last { peer, many: 100 }).unwrap()
}

/// Тексты найденных по словам.
fn found(base: &Connection, words: &str) -> String {
    let query = PastQuery::Search { words: String::from(words), many: 100 };
    texts(&history_past(base, &query).unwrap())
}

/// Вид отказа поиска по ссылке.
fn find_kind(base: &Connection, peer: Option<Id>, reference: &str) -> FailKind {
    history_find(base, peer, reference).unwrap_err().kind
}

#[test]
fn a_repeat_changes_nothing_and_an_answer_is_kept() {
    let base = base_make();
    assert!(came(&base, ANN, 1, "first"));
    assert!(!came(&base, ANN, 1, "again"));
    assert!(went(&base, ANN, 1, "the same id, another direction"));
    assert!(came(&base, BOB, 1, "the same id, another person"));
    let mut answer = envelope(2, "answer");
    answer.about = id_make(1);
    history_add(&base, ANN, true, &answer, 0, true, true).unwrap();
    let shown = last(&base, ANN);
    assert_eq!(texts(&shown), "first|the same id, another direction|answer");
    assert_eq!(shown[0].reply, [0; 16]);
    assert_eq!(shown[2].reply, id_make(1));
    assert_eq!((shown[0].sent, shown[0].received, shown[0].outgoing), (1_001, 5_000, false));
    assert_eq!(found(&base, "again"), "");
}

#[test]
fn an_edit_changes_text_and_words() {
    let base = base_make();
    went(&base, ANN, 1, "старые слова");
    let id = id_make(1);
    assert!(history_edit(&base, ANN, true, &id, "новые слова", 2_000).unwrap());
    assert_eq!(found(&base, "старые"), "");
    assert_eq!(found(&base, "новые"), "новые слова");
    assert_eq!(last(&base, ANN)[0].edited, 2_000);
    assert!(!history_edit(&base, ANN, true, &id, "опоздавшие", 1_999).unwrap());
    assert!(!history_edit(&base, ANN, false, &id, "не туда", 3_000).unwrap());
    assert!(!history_edit(&base, BOB, true, &id, "не тому", 3_000).unwrap());
    assert!(history_edit(&base, ANN, true, &id, "в ту же миллисекунду", 2_000).unwrap());
    assert!(history_edit(&base, ANN, true, &id, "конец времён", u64::MAX).unwrap());
    assert_eq!(texts(&last(&base, ANN)), "конец времён");
    history_hide(&base, ANN, &id).unwrap();
    assert!(!history_edit(&base, ANN, true, &id, "из мёртвых", u64::MAX).unwrap());
    assert_eq!(found(&base, "мёртвых"), "");
}

#[test]
fn a_deleted_message_leaves_only_its_id() {
    let base = base_make();
    came(&base, ANN, 1, "secret one");
    came(&base, ANN, 2, "plain two");
    assert!(history_hide(&base, ANN, &id_make(1)).unwrap());
    assert!(!history_hide(&base, ANN, &id_make(1)).unwrap());
    assert!(!history_hide(&base, BOB, &id_make(2)).unwrap());
    assert_eq!(texts(&last(&base, ANN)), "plain two");
    assert_eq!(found(&base, "secret"), "");
    assert_eq!(history_unseen(&base).unwrap(), vec![(ANN, 1)]);
    assert!(!came(&base, ANN, 1, "secret one"), "a repeat came back");
    let left: i64 = base
        .query_row("SELECT COUNT(*) FROM messages WHERE text LIKE '%secret%'", [], first_of)
        .unwrap();
    assert_eq!(left, 0);
}

/// Первый столбец строки.
fn first_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    row.get(0)
}

#[test]
fn what_is_not_kept_is_shown_until_it_is_seen() {
    let base = base_make();
    came(&base, ANN, 1, "kept before");
    history_add(&base, ANN, false, &envelope(2, "unseen two"), 5_000, false, false).unwrap();
    history_add(&base, ANN, false, &envelope(3, "seen three"), 5_000, true, false).unwrap();
    history_add(&base, ANN, true, &envelope(4, "mine four"), 0, true, false).unwrap();
    history_add(&base, BOB, false, &envelope(5, "unseen five"), 5_000, false, false).unwrap();
    assert!(history_edit(&base, ANN, false, &id_make(2), "unseen zwei", 9_000).unwrap());
    assert_eq!(texts(&last(&base, ANN)), "kept before|unseen zwei");
    assert_eq!(found(&base, "unseen"), "");
    assert_eq!(history_unseen(&base).unwrap(), vec![(ANN, 2), (BOB, 1)]);
    assert_eq!(history_seen(&base, ANN, false).unwrap(), Some(id_make(2)));
    assert_eq!(texts(&last(&base, ANN)), "kept before");
    assert_eq!(found(&base, "kept"), "kept before");
    // История включена раньше, чем сообщение увидели: оно остаётся, как все.
    assert_eq!(history_seen(&base, BOB, true).unwrap(), Some(id_make(5)));
    assert_eq!(found(&base, "five"), "unseen five");
    assert_eq!(history_seen(&base, ANN, true).unwrap(), None);
    assert!(history_unseen(&base).unwrap().is_empty());
    for number in 1..5 {
        assert!(!came(&base, ANN, number, "repeat") || number == 4, "{number}");
    }
}

#[test]
fn states_only_rise_and_reading_reaches_back() {
    let base = base_make();
    for number in 1..=5 {
        went(&base, ANN, number, "mine");
        went(&base, BOB, 10 + number, "other");
    }
    came(&base, ANN, 3, "not mine");
    let one = id_make(1);
    assert!(history_state(&base, ANN, &one, ReceiptState::Stored, 7).unwrap());
    assert!(history_state(&base, ANN, &one, ReceiptState::Delivered, 8).unwrap());
    assert!(!history_state(&base, ANN, &one, ReceiptState::Stored, 9).unwrap());
    assert!(!history_state(&base, ANN, &one, ReceiptState::Failed, 9).unwrap());
    assert_eq!((last(&base, ANN)[0].received, last(&base, ANN)[0].read), (8, 0));
    assert!(history_state(&base, ANN, &id_make(2), ReceiptState::Read, 9).unwrap());
    assert_eq!((last(&base, ANN)[1].received, last(&base, ANN)[1].read), (9, 9));
    let read = history_read_upto(&base, ANN, &id_make(4), 20).unwrap();
    assert_eq!(read, vec![one, id_make(3), id_make(4)]);
    assert!(history_read_upto(&base, ANN, &id_make(4), 30).unwrap().is_empty());
    assert!(history_read_upto(&base, ANN, &id_make(99), 30).unwrap().is_empty());
    let shown = last(&base, ANN);
    assert_eq!((shown[0].received, shown[0].read), (8, 20));
    assert_eq!((shown[3].received, shown[3].read, shown[4].read), (20, 20, 0));
    assert_eq!(shown[5].read, 0, "an incoming message was read by the peer");
    assert_eq!(last(&base, BOB)[0].read, 0);
}

#[test]
fn a_reference_names_one_message() {
    let base = base_make();
    went(&base, ANN, 1, "one");
    came(&base, BOB, 2, "two");
    let whole = hex::encode(id_make(1));
    let dashed = format!("{}-{}-{}", &whole[..8], &whole[8..20], &whole[20..].to_uppercase());
    for reference in [whole.as_str(), dashed.as_str(), &whole[22..], &whole[29..]] {
        for peer in [None, Some(ANN)] {
            let got = history_find(&base, peer, reference).unwrap();
            assert_eq!((got.peer, got.outgoing, got.text.as_str()), (ANN, true, "one"));
            assert_eq!(got.message, id_make(1));
        }
        assert_eq!(find_kind(&base, Some(BOB), reference), FailKind::MessageUnknown);
    }
    for wrong in ["", "12", "xyz", "hello", &format!("{whole}0"), &hex::encode([7; 16])] {
        assert_eq!(find_kind(&base, None, wrong), FailKind::MessageUnknown, "{wrong}");
    }
    let mut twin = envelope(3, "twin");
    twin.id = id_make(1);
    twin.id[0] = 0xff;
    history_add(&base, BOB, false, &twin, 1, true, true).unwrap();
    // У другого человека — не двусмысленность: самое новое. У того же — двусмысленность.
    assert_eq!(history_find(&base, None, &whole[22..]).unwrap().text, "twin");
    history_add(&base, ANN, false, &twin, 1, true, true).unwrap();
    assert_eq!(find_kind(&base, Some(ANN), &whole[22..]), FailKind::NameAmbiguous);
    assert_eq!(find_kind(&base, None, &whole[22..]), FailKind::NameAmbiguous);
    history_hide(&base, ANN, &twin.id).unwrap();
    assert_eq!(history_find(&base, Some(ANN), &whole[22..]).unwrap().text, "one");
    // Чужое сообщение с номером моего не заслоняет моё.
    came(&base, ANN, 1, "forged");
    assert_eq!(history_find(&base, Some(ANN), &whole[22..]).unwrap().text, "one");
    assert_eq!(history_find(&base, None, &whole).unwrap().text, "one");
}

#[test]
fn the_last_message_of_a_direction() {
    let base = base_make();
    assert_eq!(history_last(&base, ANN, true).unwrap(), None);
    went(&base, ANN, 1, "mine one");
    went(&base, ANN, 2, "mine two");
    came(&base, ANN, 3, "his three");
    assert_eq!(history_last(&base, ANN, true).unwrap().unwrap().text, "mine two");
    assert_eq!(history_last(&base, ANN, false).unwrap().unwrap().message, id_make(3));
    history_hide(&base, ANN, &id_make(2)).unwrap();
    assert_eq!(history_last(&base, ANN, true).unwrap().unwrap().text, "mine one");
    assert_eq!(history_last(&base, BOB, true).unwrap(), None);
}

#[test]
fn words_are_found_in_three_languages() {
    let base = base_make();
    came(&base, ANN, 1, "Привет, мир! Ёлка и café");
    came(&base, BOB, 2, "Hello \"world\" AND (more) *stars*");
    came(&base, ANN, 3, "今天天气很好，我们去公园吧");
    came(&base, ANN, 4, "a b c");
    assert_eq!(found(&base, "ПРИВЕТ"), "Привет, мир! Ёлка и café");
    assert_eq!(found(&base, "прив"), "Привет, мир! Ёлка и café");
    assert_eq!(found(&base, "cafe ми"), "Привет, мир! Ёлка и café");
    assert_eq!(found(&base, "天气"), "今天天气很好，我们去公园吧");
    assert_eq!(found(&base, "气天"), "");
    assert_eq!(found(&base, "\"world\" and"), "Hello \"world\" AND (more) *stars*");
    assert_eq!(found(&base, "hello NOT world"), "");
    assert_eq!(found(&base, "привет !"), "Привет, мир! Ёлка и café");
    assert_eq!(found(&base, "b"), "a b c");
    for nothing in ["", "  ", "\"", "***", "()"] {
        assert_eq!(found(&base, nothing), "", "{nothing}");
    }
    let query = PastQuery::Search { words: String::from("a"), many: 0 };
    assert!(history_past(&base, &query).unwrap().is_empty());
}

#[test]
fn a_cleared_talk_is_gone_for_one_person_only() {
    let base = base_make();
    for number in 1..=700 {
        came(&base, ANN, number, "общее слово");
        went(&base, BOB, number, "общее слово");
    }
    // Отменённая запись ничего не стёрла и не испортила указатель слов.
    base_begin(&base).unwrap();
    assert_eq!(history_clear(&base, ANN).unwrap(), 700);
    base_rollback(&base);
    assert_eq!(last(&base, ANN).len(), 100);
    assert_eq!(history_clear(&base, ANN).unwrap(), 700);
    assert_eq!(history_clear(&base, ANN).unwrap(), 0);
    assert!(last(&base, ANN).is_empty());
    assert_eq!(last(&base, BOB).len(), 100);
    assert!(history_unseen(&base).unwrap().is_empty());
    assert!(!came(&base, ANN, 7, "общее слово"));
    let query = PastQuery::Search { words: String::from("общее"), many: 10_000 };
    assert_eq!(history_past(&base, &query).unwrap().len(), 700);
    base.execute("INSERT INTO words(words) VALUES('integrity-check')", []).unwrap();
}

/// Есть ли эти байты в файле.
fn in_file(path: &Path, bytes: &[u8]) -> bool {
    let all = std::fs::read(path).unwrap();
    for place in all.windows(bytes.len()) {
        if place == bytes {
            return true;
        }
    }
    false
}

#[test]
fn deleted_words_leave_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    for many in [20, 700] {
        let base = base_open(&path).unwrap();
        base.execute_batch("PRAGMA secure_delete=ON").unwrap();
        base_begin(&base).unwrap();
        for number in 1..=many {
            came(&base, many, number, &format!("secretword{number} common"));
            came(&base, BOB, many * 1_000 + number, "plainword");
        }
        base_commit(&base).unwrap();
        base.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        assert!(in_file(&path, b"secretword"));
        base_begin(&base).unwrap();
        history_clear(&base, many).unwrap();
        base_commit(&base).unwrap();
        drop(base);
        assert!(!in_file(&path, b"secretword"), "{many}");
        assert!(in_file(&path, b"plainword"), "{many}");
    }
}

/// Следующее случайное число.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// Несколько слов наугад из двадцати.
fn phrase(seed: &mut u64) -> String {
    let mut words = Vec::new();
    for _ in 0..1 + next(seed) % 6 {
        words.push(format!("слово{}", next(seed) % 20 + 10));
    }
    words.join(" ")
}

#[test]
fn the_index_of_words_follows_every_change() {
    let base = base_make();
    let mut seed = 0x5eed;
    for step in 0..6_000 {
        let peer = 1 + next(&mut seed) % 3;
        let number = next(&mut seed) % 2_000;
        let (outgoing, keep) =
            (next(&mut seed).is_multiple_of(2), !next(&mut seed).is_multiple_of(4));
        match next(&mut seed) % 20 {
            0..=11 => {
                let made = envelope(number, &phrase(&mut seed));
                history_add(&base, peer, outgoing, &made, 1, false, keep).unwrap();
            }
            12..=15 => {
                let text = phrase(&mut seed);
                history_edit(&base, peer, outgoing, &id_make(number), &text, step).unwrap();
            }
            16..=18 => {
                history_hide(&base, peer, &id_make(number)).unwrap();
            }
            _ => {
                history_seen(&base, peer, keep).unwrap();
                if next(&mut seed).is_multiple_of(50) {
                    history_clear(&base, peer).unwrap();
                }
            }
        }
    }
    let mut hits = 0;
    for word in 10..30 {
        let word = format!("слово{word}");
        let query = PastQuery::Search { words: word.clone(), many: 10_000 };
        let by_index = history_past(&base, &query).unwrap();
        let by_text: i64 = base
            .query_row(
                "SELECT COUNT(*) FROM messages WHERE hidden = 0 AND text LIKE '%' || ?1 || '%'",
                params![word],
                first_of,
            )
            .unwrap();
        assert_eq!(by_index.len() as i64, by_text, "{word}");
        for message in &by_index {
            assert!(message.text.contains(&word), "{word}: {}", message.text);
        }
        hits += by_text;
    }
    assert!(hits > 500, "{hits}");
    base.execute("INSERT INTO words(words) VALUES('integrity-check')", []).unwrap();
    let broken = "SELECT COUNT(*) FROM messages WHERE (hidden = 1 AND (seen = 0 OR text <> ''))
        OR (hidden = 2 AND seen = 1)";
    assert_eq!(base.query_row(broken, [], first_of).unwrap(), 0);
}

/// Таблицы первой версии, как они были.
const VERSION_1: &str = include_str!("vectors/history_v1.sql");

/// Строка первой версии.
fn old_add(base: &Connection, number: i64, outgoing: bool, received: i64, text: &str) {
    let id = id_make(number as u64);
    let insert = "INSERT INTO messages VALUES(?1, ?2, ?3, ?4, ?5, 100, ?6, ?3)";
    let mut statement = base.prepare_cached(insert).unwrap();
    let peer = ANN as i64 + number % 7;
    statement.execute(params![number, peer, outgoing, &id[..], text, received]).unwrap();
    let insert = "INSERT INTO words(rowid, text) VALUES(?1, ?2)";
    base.prepare_cached(insert).unwrap().execute(params![number, text]).unwrap();
}

#[test]
fn version_1_becomes_version_3() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(VERSION_1).unwrap();
    old_add(&old, 7, true, 500, "delivered");
    old_add(&old, 14, true, 0, "waiting");
    old_add(&old, 21, false, 600, "his");
    drop(old);
    drop(base_open(&path).unwrap());
    let base = base_open(&path).unwrap();
    assert_eq!(texts(&last(&base, ANN)), "delivered|waiting|his");
    assert_eq!(history_unseen(&base).unwrap(), vec![(ANN, 1)]);
    assert!(history_state(&base, ANN, &id_make(14), ReceiptState::Stored, 0).unwrap());
    assert!(!history_state(&base, ANN, &id_make(7), ReceiptState::Delivered, 9).unwrap());
    let read = history_read_upto(&base, ANN, &id_make(14), 900).unwrap();
    assert_eq!(read, vec![id_make(7), id_make(14)]);
    assert_eq!(last(&base, ANN)[0].received, 500);
    assert!(history_edit(&base, ANN, true, &id_make(7), "changed", 1_000).unwrap());
    assert_eq!(found(&base, "delivered"), "");
    assert_eq!(found(&base, "changed"), "changed");
    assert!(went(&base, ANN, 99, "new"));
    let files: i64 = base.query_row("SELECT COUNT(*) FROM files", [], first_of).unwrap();
    assert_eq!(files, 0);
}

#[test]
fn pages_go_back_without_gaps() {
    let base = base_make();
    for number in 1..=7 {
        came(&base, ANN, number * 2, &number.to_string());
        went(&base, BOB, number * 2 + 1, "other");
    }
    history_hide(&base, ANN, &id_make(8)).unwrap();
    let mut number = 0;
    let mut pages = Vec::new();
    loop {
        let query = PastQuery::Before { peer: ANN, number, many: 3 };
        let page = history_past(&base, &query).unwrap();
        let Some(first) = page.first() else { break };
        number = first.number;
        pages.push(texts(&page));
    }
    assert_eq!(pages, ["5|6|7", "1|2|3"]);
}

#[test]
fn the_last_with_everybody() {
    let base = base_make();
    assert!(history_past(&base, &PastQuery::Chats).unwrap().is_empty());
    went(&base, BOB, 1, "to Bob");
    came(&base, ANN, 2, "from Ann");
    went(&base, BOB, 3, "to Bob again");
    history_hide(&base, BOB, &id_make(3)).unwrap();
    let chats = history_past(&base, &PastQuery::Chats).unwrap();
    assert_eq!(texts(&chats), "to Bob|from Ann");
    assert_eq!(chats[0].state, ReceiptState::Queued);
    history_state(&base, BOB, &id_make(1), ReceiptState::Stored, 0).unwrap();
    assert_eq!(history_past(&base, &PastQuery::Chats).unwrap()[0].state, ReceiptState::Stored);
}
