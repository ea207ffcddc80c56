//! history.db as files: export for its owner, daily copies beside running writers, the rescue of a
//! damaged one.
//! history.db файлами: выгрузка для хозяина, ежедневные копии рядом с идущей записью, спасение
//! испорченной.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use serde_json::Value;
use supertext::base::fail::FailKind;
use supertext::base::ids::{Id, id_digits};
use supertext::logic::events::{ExportForm, PastQuery};
use supertext::logic::show::ReceiptState;
use supertext::store::backup::{backup_due, backup_make, base_rescue};
use supertext::store::base::{base_begin, base_commit, base_open};
use supertext::store::export::export_write;
use supertext::store::history::{
    history_add, history_edit, history_hide, history_past, history_state,
};
use supertext::wire::message::{ENVELOPE_TEXT, Envelope, MessageId};
use tempfile::TempDir;

const ANN: Id = 11;
const BOB: Id = 22;
/// 2026-01-31 12:00:00 UTC.
const NOON: u64 = 1_769_860_800_000;
const HOUR: u64 = 3_600_000;

/// Номер сообщения.
fn id_make(number: u64) -> MessageId {
    let mut id = [0u8; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

/// Кладёт сообщение.
fn put(base: &Connection, peer: Id, outgoing: bool, number: u64, text: &str) {
    let made = Envelope {
        kind: ENVELOPE_TEXT,
        id: id_make(number),
        time: NOON + number,
        text: text.as_bytes().to_vec(),
        about: if number == 4 { id_make(1) } else { [0; 16] },
        ..Envelope::default()
    };
    let received = if outgoing { 0 } else { NOON + 500 };
    assert!(history_add(base, peer, outgoing, &made, received, true, true).unwrap().is_some());
}

/// Папка с базой, в которой столько сообщений.
fn world_make(many: u64) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let base = base_open(&path).unwrap();
    fill(&base, 0, many);
    (folder, path)
}

/// Сообщения с номерами `from..to` одной записью.
fn fill(base: &Connection, from: u64, to: u64) {
    base_begin(base).unwrap();
    for number in from..to {
        put(base, BOB, false, number, &format!("текст number {number}"));
    }
    base_commit(base).unwrap();
}

/// Сколько сообщений в базе, которая открывается и цела.
fn count(path: &Path) -> usize {
    let base = base_open(path).unwrap();
    history_past(&base, &PastQuery::Last { peer: BOB, many: 1_000_000 }).unwrap().len()
}

/// Имена файлов папки по алфавиту.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        names.push(entry.unwrap().file_name().into_string().unwrap());
    }
    names.sort();
    names
}

/// Виден ли файл только владельцу.
#[cfg(unix)]
fn assert_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Виден ли файл только владельцу: в Windows это решает папка.
#[cfg(not(unix))]
fn assert_private(_path: &Path) {}

/// База с перепиской, в которой есть всё, что бывает.
fn talk_make() -> (TempDir, Connection, BTreeMap<Id, String>) {
    let folder = tempfile::tempdir().unwrap();
    let base = base_open(&folder.path().join("history.db")).unwrap();
    put(&base, ANN, false, 1, "Привет");
    put(&base, ANN, true, 2, "two\nlines\r\nand \u{1b}[31mred \"quotes\"");
    put(&base, BOB, false, 3, "你好");
    put(&base, ANN, true, 4, "an answer");
    put(&base, ANN, true, 5, "deleted");
    history_hide(&base, ANN, &id_make(5)).unwrap();
    history_state(&base, ANN, &id_make(2), ReceiptState::Delivered, NOON + 600).unwrap();
    history_state(&base, ANN, &id_make(2), ReceiptState::Read, NOON + 700).unwrap();
    history_edit(&base, ANN, true, &id_make(4), "a better answer", NOON + 800).unwrap();
    let mut off = Envelope { id: id_make(6), text: b"unkept".to_vec(), ..Envelope::default() };
    off.kind = ENVELOPE_TEXT;
    history_add(&base, ANN, false, &off, NOON, false, false).unwrap();
    let mut names = BTreeMap::new();
    names.insert(ANN, String::from("Ann\nof \"Kent\""));
    (folder, base, names)
}

#[test]
fn an_export_for_programs_is_json() {
    let (folder, base, names) = talk_make();
    let out = folder.path().join("export");
    let (path, many) = export_write(&base, &out, 0, ExportForm::Json, &names).unwrap();
    assert_eq!(many, 4);
    assert_private(&path);
    let name = path.file_name().unwrap().to_str().unwrap();
    assert_eq!((name.len(), &name[..12], &name[27..]), (32, "supertext-20", ".json"), "{name}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 6, "one object a line and two brackets");
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(all[0]["peer"], id_digits(ANN));
    assert_eq!(all[0]["name"], "Ann\nof \"Kent\"");
    assert_eq!(all[0]["message"], "00000000-0000-0000-0000-000000000001");
    assert_eq!(all[0]["text"], "Привет");
    assert_eq!(all[0]["outgoing"], false);
    assert_eq!(all[0]["sent"], "2026-01-31T12:00:00.001Z");
    assert_eq!(all[0]["received"], "2026-01-31T12:00:00.500Z");
    assert_eq!(all[0]["read"], Value::Null);
    assert_eq!(all[1]["text"], "two\nlines\r\nand \u{1b}[31mred \"quotes\"");
    assert_eq!(all[1]["received"], "2026-01-31T12:00:00.600Z");
    assert_eq!(all[1]["read"], "2026-01-31T12:00:00.700Z");
    assert_eq!((&all[2]["name"], &all[2]["text"]), (&Value::from(""), &Value::from("你好")));
    assert_eq!(all[3]["text"], "a better answer");
    assert_eq!(all[3]["edited"], "2026-01-31T12:00:00.800Z");
    assert_eq!(all[3]["reply_to"], all[0]["message"]);
    let (path, many) = export_write(&base, &out, BOB, ExportForm::Json, &names).unwrap();
    assert_eq!(many, 1);
    let one: Vec<Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(one[0]["text"], "你好");
    let (path, many) = export_write(&base, &out, 77, ExportForm::Json, &names).unwrap();
    assert_eq!((many, std::fs::read_to_string(&path).unwrap().as_str()), (0, "[]\n"));
    assert_eq!(names_in(&out).len(), 3, "nothing was overwritten: {:?}", names_in(&out));
}

#[test]
fn an_export_for_people_is_lines() {
    let (folder, base, names) = talk_make();
    let (path, many) = export_write(&base, folder.path(), ANN, ExportForm::Text, &names).unwrap();
    assert_eq!((many, path.extension().unwrap().to_str()), (3, Some("txt")));
    let text = std::fs::read_to_string(&path).unwrap();
    let wanted =
        "2026-01-31T12:00:00.001Z <- Ann of \"Kent\" [00000000-0000-0000-0000-000000000001]
    Привет
2026-01-31T12:00:00.002Z -> Ann of \"Kent\" [received 2026-01-31T12:00:00.600Z] \
[read 2026-01-31T12:00:00.700Z] [00000000-0000-0000-0000-000000000002]
    two
    lines
    and \u{fffd}[31mred \"quotes\"
2026-01-31T12:00:00.004Z -> Ann of \"Kent\" [edited 2026-01-31T12:00:00.800Z] \
[reply to 00000000-0000-0000-0000-000000000001] [00000000-0000-0000-0000-000000000004]
    a better answer
";
    assert_eq!(text, wanted);
    let nowhere = folder.path().join("history.db").join("inside");
    let failed = export_write(&base, &nowhere, 0, ExportForm::Text, &names).unwrap_err();
    assert_eq!(failed.kind, FailKind::FileWrite);
}

#[test]
fn a_copy_is_made_once_a_day_and_three_stay() {
    let (folder, path) = world_make(100);
    let backups = folder.path().join("backups");
    assert!(backup_due(&backups, NOON));
    let made = backup_make(&path, &backups, NOON).unwrap();
    assert_eq!(made, backups.join("history-20260131-120000.db"));
    assert_private(&made);
    assert!(!backup_due(&backups, NOON));
    assert!(!backup_due(&backups, NOON + 24 * HOUR - 1_000));
    assert!(backup_due(&backups, NOON + 24 * HOUR));
    assert!(backup_due(&backups, NOON - HOUR), "a copy of the future does not count");
    std::fs::write(backups.join("notes.txt"), "mine").unwrap();
    std::fs::write(backups.join("history-mine.db"), "mine").unwrap();
    for day in 1..5 {
        backup_make(&path, &backups, NOON + day * 24 * HOUR).unwrap();
    }
    // Часы ушли назад: новая копия старше всех по имени, но остаться должна.
    let early = backup_make(&path, &backups, NOON - HOUR).unwrap();
    assert_eq!(
        names_in(&backups),
        [
            "history-20260131-110000.db",
            "history-20260203-120000.db",
            "history-20260204-120000.db",
            "history-mine.db",
            "notes.txt"
        ]
    );
    assert_eq!(count(&early), 100);
    let missing = folder.path().join("missing.db");
    assert!(backup_make(&missing, &backups, NOON).is_err());
    assert!(!missing.exists());
    assert_eq!(names_in(&backups).len(), 5);
}

/// База, в которую пишет `write_on`, и его остановка.
static PATH: OnceLock<PathBuf> = OnceLock::new();
static STOP: AtomicBool = AtomicBool::new(false);

/// Нить, которая пишет в базу, пока не попросят перестать; сколько записано.
fn write_on() -> u64 {
    let base = base_open(PATH.get().unwrap()).unwrap();
    let mut number = 1_000_000;
    while !STOP.load(Ordering::SeqCst) {
        fill(&base, number, number + 1);
        number += 1;
    }
    number - 1_000_000
}

#[test]
fn writers_do_not_wait_for_a_copy() {
    let (folder, path) = world_make(20_000);
    let backups = folder.path().join("backups");
    PATH.set(path.clone()).unwrap();
    let writer = std::thread::spawn(write_on);
    let mut copies = Vec::new();
    for hour in 0..3 {
        copies.push(backup_make(&path, &backups, NOON + hour * HOUR).unwrap());
    }
    STOP.store(true, Ordering::SeqCst);
    let written = writer.join().unwrap() as usize;
    assert!(written > 0);
    assert_eq!(count(&path), 20_000 + written);
    let mut before = 20_000;
    for copy in copies {
        let many = count(&copy);
        assert!(many >= before && many <= 20_000 + written, "{many} of {written}");
        before = many;
    }
}

/// Портит середину файла.
fn spoil(path: &Path) {
    let size = std::fs::metadata(path).unwrap().len();
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    for place in [0, size / 3, size / 2] {
        file.seek(SeekFrom::Start(place)).unwrap();
        file.write_all(&[0x5a; 5_000]).unwrap();
    }
}

#[test]
fn a_damaged_base_gives_way_to_the_newest_sound_copy() {
    let (folder, path) = world_make(1_000);
    let backups = folder.path().join("backups");
    let good = backup_make(&path, &backups, NOON).unwrap();
    fill(&base_open(&path).unwrap(), 1_000, 1_100);
    let bad = backup_make(&path, &backups, NOON + HOUR).unwrap();
    spoil(&bad);
    std::fs::write(backups.join("history-20260131-140000.db"), "").unwrap();
    spoil(&path);
    assert_eq!(base_open(&path).unwrap_err().kind, FailKind::BaseDamaged);
    std::fs::write(folder.path().join("history.db-wal"), "wal").unwrap();
    std::fs::write(folder.path().join("history.db-shm"), "shm").unwrap();
    let spoiled = std::fs::read(&path).unwrap();
    let rescue = base_rescue(&path, &backups).unwrap();
    assert_eq!(rescue.restored, Some(good));
    assert_eq!(rescue.aside, folder.path().join("history.db.damaged1"));
    assert_eq!(std::fs::read(&rescue.aside).unwrap(), spoiled);
    assert!(folder.path().join("history.db.damaged1-wal").exists());
    assert_private(&path);
    assert_eq!(count(&path), 1_000);
    assert_eq!(names_in(&backups).len(), 3, "copies stay: {:?}", names_in(&backups));
    // Второй раз: другое имя; ни одной целой копии — история начинается заново.
    spoil(&path);
    let rescue = base_rescue(&path, &folder.path().join("nothing")).unwrap();
    assert_eq!(rescue.aside, folder.path().join("history.db.damaged2"));
    assert_eq!(rescue.restored, None);
    assert!(!path.exists());
    assert_eq!(count(&path), 0);
    assert!(!folder.path().join("history.db-restored.tmp").exists());
}

#[test]
fn a_damaged_base_makes_no_copy_and_drives_none_out() {
    let (folder, path) = world_make(5_000);
    let backups = folder.path().join("backups");
    backup_make(&path, &backups, NOON).unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(size / 2)).unwrap();
    file.write_all(&[0x5a; 40_000]).unwrap();
    drop(file);
    assert!(backup_make(&path, &backups, NOON + 30 * HOUR).is_err());
    assert_eq!(names_in(&backups), ["history-20260131-120000.db"]);
}
