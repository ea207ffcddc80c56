//! Rows of the past in history.db: files with what became of them, answers with what they answer,
//! pages in both directions, the upgrade from version 2. Messages as such: history_store.rs.
//! Строки прошлого в history.db: файлы и что с ними стало, ответы и то, на что они отвечают,
//! страницы в обе стороны, переход с версии 2. Сами сообщения: history_store.rs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, params};
use supertext::base::ids::Id;
use supertext::logic::events::{ExportForm, FileMark, FinishedRow, PastQuery, TransferFacts};
use supertext::logic::show::{FilePast, FileState, MessageShow};
use supertext::store::base::{base_open, base_prepare};
use supertext::store::export::export_write;
use supertext::store::files::{file_mark, files_settle};
use supertext::store::history::{
    history_add, history_clear, history_edit, history_find, history_hide, history_last,
    history_page, history_past, history_quote, history_read_upto, history_seen, history_unseen,
};
use supertext::wire::message::{ENVELOPE_OFFER, ENVELOPE_TEXT, Envelope, MessageId, Offer};

const ANN: Id = 11;
const BOB: Id = 22;

/// Пустая база в памяти.
fn base_make() -> Connection {
    let base = Connection::open_in_memory().unwrap();
    base_prepare(&base).unwrap();
    base
}

/// Номер сообщения.
fn id_make(number: u64) -> MessageId {
    let mut id = [7u8; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

/// Конверт с текстом, возможно, ответ.
fn text(number: u64, said: &str, about: u64) -> Envelope {
    Envelope {
        kind: ENVELOPE_TEXT,
        id: id_make(number),
        time: 1_000 + number,
        text: said.as_bytes().to_vec(),
        about: if about == 0 { [0; 16] } else { id_make(about) },
        ..Envelope::default()
    }
}

/// Конверт с предложением файла.
fn offer(number: u64, name: &str, size: u64) -> Envelope {
    let transfer = id_make(number);
    let (name, key) = (String::from(name), [1; 32]);
    let offer = Offer { transfer, handle: 5, name, size, changed: 9, key };
    Envelope { kind: ENVELOPE_OFFER, text: Vec::new(), offer: Some(offer), ..text(number, "", 0) }
}

/// Кладёт в историю; `true` — такого не было.
fn put(base: &Connection, peer: Id, outgoing: bool, envelope: &Envelope, keep: bool) -> bool {
    history_add(base, peer, outgoing, envelope, 5_000, false, keep).unwrap().is_some()
}

/// Последние сообщения с человеком.
fn last(base: &Connection, peer: Id) -> Vec<MessageShow> {
    history_past(base, &PastQuery::Last { peer, many: 100 }).unwrap()
}

/// Файл последней строки.
fn last_file(base: &Connection, peer: Id) -> FilePast {
    last(base, peer).last().unwrap().file.clone().unwrap()
}

/// Имена файлов и тексты найденного.
fn found(base: &Connection, words: &str) -> Vec<String> {
    let query = PastQuery::Search { words: String::from(words), many: 100 };
    let mut names = Vec::new();
    for shown in history_past(base, &query).unwrap() {
        names.push(match shown.file {
            Some(file) => file.name,
            None => shown.text,
        });
    }
    names
}

/// Что стало с входящим файлом.
fn mark(number: u64, state: FileState, path: &str) -> FileMark {
    let (transfer, path) = (id_make(number), String::from(path));
    FileMark { peer: ANN, outgoing: false, transfer, state, path }
}

/// Число по запросу.
fn number(base: &Connection, query: &str) -> i64 {
    base.query_row(query, [], first_of).unwrap()
}

/// Первый столбец строки.
fn first_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    row.get(0)
}

/// Указатель слов цел, а у каждой строки файлов есть видимое сообщение без текста.
fn sound(base: &Connection) {
    base.execute("INSERT INTO words(words) VALUES('integrity-check')", []).unwrap();
    let lost = "SELECT COUNT(*) FROM files f LEFT JOIN messages m ON m.number = f.number
        WHERE m.number IS NULL OR m.hidden = 1 OR m.text <> '' OR m.peer <> f.peer";
    assert_eq!(number(base, lost), 0);
}

#[test]
fn a_file_is_a_row_that_is_found_and_ends() {
    let base = base_make();
    assert!(put(&base, ANN, false, &offer(1, "Годовой отчёт.pdf", 700), true));
    assert!(!put(&base, ANN, false, &offer(1, "Годовой отчёт.pdf", 700), true));
    let mut again = offer(1, "Годовой отчёт.pdf", 700);
    again.id = id_make(50);
    assert!(!put(&base, ANN, false, &again, true), "the same transfer in another envelope");
    assert_eq!(history_unseen(&base).unwrap(), vec![(ANN, 1)]);
    let shown = last(&base, ANN);
    assert_eq!((shown.len(), shown[0].text.as_str(), shown[0].message), (1, "", id_make(1)));
    let name = String::from("Годовой отчёт.pdf");
    let path = String::new();
    let mut file = FilePast { transfer: 0, state: FileState::Offered, name, path, size: 700 };
    assert_eq!(last_file(&base, ANN), file);
    assert_eq!(found(&base, "ОТЧЁТ"), ["Годовой отчёт.pdf"]);
    file_mark(&base, &mark(1, FileState::Done, "/home/отчёт.pdf")).unwrap();
    (file.state, file.path) = (FileState::Done, String::from("/home/отчёт.pdf"));
    assert_eq!(last_file(&base, ANN), file);
    // Повторное предложение не делает конец снова началом, а конец без пути пути не стирает.
    file_mark(&base, &mark(1, FileState::Offered, "")).unwrap();
    file_mark(&base, &mark(1, FileState::Done, "")).unwrap();
    assert_eq!(last_file(&base, ANN), file);
    for (end, state) in [(2, FileState::Refused), (3, FileState::Cancelled), (4, FileState::Error)]
    {
        assert!(put(&base, ANN, false, &offer(end, "file", u64::MAX), true));
        file_mark(&base, &mark(end, state, "")).unwrap();
        assert_eq!(last_file(&base, ANN).state, state);
    }
    file_mark(&base, &mark(99, FileState::Done, "/nowhere")).unwrap();
    let chats = history_past(&base, &PastQuery::Chats).unwrap();
    assert_eq!(chats[0].file.as_ref().unwrap().name, "file");
    sound(&base);
}

#[test]
fn a_file_is_wiped_like_a_text() {
    let base = base_make();
    for (row, name) in [(1, "secret one.txt"), (2, "plain two.txt"), (3, "plain three.txt")] {
        put(&base, ANN, false, &offer(row, name, 10), true);
        put(&base, BOB, true, &offer(row, "other.txt", 10), true);
    }
    assert!(history_hide(&base, ANN, &id_make(1)).unwrap());
    assert_eq!(found(&base, "secret"), Vec::<String>::new());
    assert_eq!(found(&base, "plain").len(), 2);
    assert!(!put(&base, ANN, false, &offer(1, "secret one.txt", 10), true), "it came back");
    file_mark(&base, &mark(1, FileState::Done, "/secret")).unwrap();
    assert_eq!(number(&base, "SELECT COUNT(*) FROM files WHERE path <> ''"), 0);
    sound(&base);
    assert_eq!(history_clear(&base, ANN).unwrap(), 2);
    assert!(last(&base, ANN).is_empty() && found(&base, "plain").is_empty());
    assert_eq!(last(&base, BOB).len(), 3);
    assert_eq!(number(&base, "SELECT COUNT(*) FROM files"), 3);
    sound(&base);
}

#[test]
fn a_file_that_is_not_kept_goes_when_it_is_seen() {
    let base = base_make();
    put(&base, ANN, false, &offer(1, "passing.txt", 10), false);
    put(&base, BOB, false, &offer(2, "staying.txt", 10), false);
    put(&base, ANN, true, &offer(3, "mine.txt", 10), false);
    assert_eq!(last(&base, ANN).len(), 1);
    assert_eq!(found(&base, "txt"), Vec::<String>::new());
    assert_eq!(history_seen(&base, ANN, false).unwrap(), Some(id_make(1)));
    assert!(last(&base, ANN).is_empty());
    assert_eq!(history_seen(&base, BOB, true).unwrap(), Some(id_make(2)));
    assert_eq!(found(&base, "staying"), ["staying.txt"]);
    assert_eq!(number(&base, "SELECT COUNT(*) FROM files"), 1);
    sound(&base);
}

#[test]
fn a_file_is_no_text() {
    let base = base_make();
    put(&base, ANN, true, &text(1, "mine", 0), true);
    put(&base, ANN, true, &offer(2, "mine.txt", 10), true);
    put(&base, ANN, false, &offer(3, "his.txt", 10), true);
    assert!(!history_edit(&base, ANN, true, &id_make(2), "changed", 9_000).unwrap());
    assert!(!history_edit(&base, ANN, false, &id_make(3), "changed", 9_000).unwrap());
    // Исправить можно последний текст, ответить — и на файл.
    assert_eq!(history_last(&base, ANN, true).unwrap().unwrap().text, "mine");
    let his = history_last(&base, ANN, false).unwrap().unwrap();
    assert_eq!((his.text.as_str(), his.file), ("his.txt", true));
    let whole = history_find(&base, Some(ANN), &hex::encode(id_make(2))).unwrap();
    assert_eq!((whole.text.as_str(), whole.file), ("mine.txt", true));
    // Прочитанное до файла прочитано, но вести о самом файле нет.
    assert_eq!(history_read_upto(&base, ANN, &id_make(2), 9).unwrap(), vec![id_make(1)]);
    assert_eq!(last(&base, ANN)[1].read, 9);
    sound(&base);
}

#[test]
fn an_answer_carries_what_it_answers() {
    let base = base_make();
    let long = "длинное ".repeat(100);
    put(&base, ANN, false, &text(1, &long, 0), true);
    put(&base, ANN, true, &offer(2, "report.pdf", 10), true);
    put(&base, ANN, true, &text(3, "to the long one", 1), true);
    put(&base, ANN, false, &text(4, "to the file", 2), true);
    put(&base, ANN, false, &text(5, "to nothing known", 77), true);
    put(&base, BOB, false, &text(6, "to another's talk", 1), true);
    let shown = last(&base, ANN);
    let start: String = long[..long.char_indices().nth(200).unwrap().0].into();
    assert_eq!(shown[0].quote, None);
    assert_eq!(shown[2].quote, Some((false, start.clone())));
    assert_eq!(shown[3].quote, Some((true, String::from("report.pdf"))));
    assert_eq!(shown[4].quote, None);
    assert_eq!(last(&base, BOB)[0].quote, None);
    assert_eq!(history_quote(&base, ANN, &id_make(1)).unwrap(), Some((false, start)));
    assert_eq!(history_quote(&base, BOB, &id_make(1)).unwrap(), None);
    // Своё важнее чужого с тем же номером; удалённое не показывается.
    put(&base, ANN, false, &text(2, "forged", 0), true);
    assert_eq!(last(&base, ANN)[3].quote, Some((true, String::from("report.pdf"))));
    history_hide(&base, ANN, &id_make(2)).unwrap();
    assert_eq!(last(&base, ANN)[3].quote, None);
    assert_eq!(history_quote(&base, ANN, &id_make(2)).unwrap(), None);
}

/// Тексты страницы через черту и есть ли дальше ещё.
fn page(base: &Connection, query: PastQuery) -> (String, bool) {
    let (messages, more) = history_page(base, &query).unwrap();
    let mut texts = Vec::new();
    for shown in &messages {
        texts.push(shown.text.as_str());
    }
    (texts.join("|"), more)
}

#[test]
fn pages_go_both_ways_and_know_their_end() {
    let base = base_make();
    for row in 1..=6 {
        put(&base, ANN, false, &text(row * 2, &row.to_string(), 0), true);
        put(&base, BOB, false, &text(row * 2 + 1, "other", 0), true);
    }
    history_hide(&base, ANN, &id_make(6)).unwrap();
    let peer = ANN;
    let after = [(0, 3, "1|2|4", true), (3, 3, "4|5|6", false), (3, 2, "4|5", true)];
    for (number, many, wanted, more) in after {
        let got = page(&base, PastQuery::After { peer, number, many });
        assert_eq!(got, (String::from(wanted), more), "+{number} {many}");
    }
    let got = page(&base, PastQuery::After { peer, number: 11, many: 3 });
    assert_eq!(got, (String::new(), false));
    let before = [(0, 5, "1|2|4|5|6", false), (0, 4, "2|4|5|6", true), (3, 1, "1", false)];
    for (number, many, wanted, more) in before {
        let got = page(&base, PastQuery::Before { peer, number, many });
        assert_eq!(got, (String::from(wanted), more), "{number} {many}");
    }
    let got = page(&base, PastQuery::Before { peer, number: 0, many: u64::MAX });
    assert_eq!(got, (String::from("1|2|4|5|6"), false));
}

/// Факты исходящей передачи.
fn facts(number: u64) -> TransferFacts {
    TransferFacts {
        transfer: id_make(number),
        handle: 1,
        peer: ANN,
        name: String::new(),
        path: String::new(),
        size: 1,
        changed: 1,
        key: [0; 32],
    }
}

#[test]
fn an_end_that_a_crash_swallowed_is_found_at_the_start() {
    let base = base_make();
    for row in 1..=4 {
        put(&base, ANN, true, &offer(row, "out", 1), true);
        put(&base, ANN, false, &offer(10 + row, "in", 1), true);
    }
    file_mark(&base, &mark(14, FileState::Cancelled, "")).unwrap();
    let mut finished = Vec::new();
    for (row, state) in [(11, 0), (12, 1), (14, 0)] {
        finished.push(FinishedRow { transfer: id_make(row), state });
    }
    files_settle(&base, &[facts(2), facts(3)], &finished).unwrap();
    let mut states: BTreeMap<MessageId, FileState> = BTreeMap::new();
    for shown in last(&base, ANN) {
        states.insert(shown.message, shown.file.unwrap().state);
    }
    let wanted = [
        (1, FileState::Error),
        (2, FileState::Offered),
        (3, FileState::Offered),
        (4, FileState::Error),
        (11, FileState::Done),
        (12, FileState::Refused),
        (13, FileState::Offered),
        (14, FileState::Cancelled),
    ];
    for (row, state) in wanted {
        assert_eq!(states[&id_make(row)], state, "{row}");
    }
    files_settle(&base, &[], &[]).unwrap();
}

/// Выгрузка этого вида.
fn exported(base: &Connection, folder: &Path, form: ExportForm) -> String {
    let (path, many) = export_write(base, folder, ANN, form, &BTreeMap::new()).unwrap();
    assert_eq!(many, 2);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn an_export_names_files() {
    let folder = tempfile::tempdir().unwrap();
    let base = base_make();
    put(&base, ANN, false, &text(1, "said", 0), true);
    put(&base, ANN, false, &offer(2, "two\nlines.txt", 1234), true);
    file_mark(&base, &mark(2, FileState::Done, "/home/two_lines.txt")).unwrap();
    let rows: serde_json::Value =
        serde_json::from_str(&exported(&base, folder.path(), ExportForm::Json)).unwrap();
    assert_eq!((&rows[0]["kind"], &rows[1]["kind"]), (&"text".into(), &"file".into()));
    assert_eq!(rows[1]["file"], "two\nlines.txt");
    assert_eq!((rows[1]["size"].as_u64(), &rows[1]["state"]), (Some(1234), &"done".into()));
    assert_eq!(rows[1]["path"], "/home/two_lines.txt");
    let lines = exported(&base, folder.path(), ExportForm::Text);
    let wanted = "📎 two lines.txt (1234 B) done /home/two_lines.txt";
    assert!(lines.contains(wanted), "{lines}");
}

/// Таблицы второй версии, как они были.
const VERSION_2: &str = include_str!("vectors/history_v2.sql");

#[test]
fn version_2_becomes_the_present_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(VERSION_2).unwrap();
    let insert =
        "INSERT INTO messages(number, peer, outgoing, id, text, sent, received, seen, reply)
        VALUES(?1, ?2, 0, ?3, ?4, 100, 200, 0, ?5)";
    for (row, said, about) in [(1u64, "question", None), (2, "answer", Some(id_make(1).to_vec()))] {
        let id = id_make(row).to_vec();
        old.execute(insert, params![row as i64, ANN as i64, id, said, about]).unwrap();
        old.execute("INSERT INTO words(rowid, text) VALUES(?1, ?2)", params![row as i64, said])
            .unwrap();
    }
    drop(old);
    drop(base_open(&path).unwrap());
    let base = base_open(&path).unwrap();
    assert_eq!(number(&base, "PRAGMA user_version"), 4);
    let shown = last(&base, ANN);
    assert_eq!(shown[1].quote, Some((false, String::from("question"))));
    assert!(put(&base, ANN, false, &offer(3, "new.txt", 5), true));
    assert_eq!(last_file(&base, ANN).name, "new.txt");
    assert_eq!(found(&base, "answer"), ["answer"]);
    assert_eq!(history_unseen(&base).unwrap(), vec![(ANN, 3)]);
    sound(&base);
}
