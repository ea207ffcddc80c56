//! The server's mail.db: mail, keys and accounts, each function on a base in a temporary folder.
//! mail.db сервера: почта, ключи и учётные записи, каждая функция на базе во временной папке.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use supertext::base::bounds::KEYS_MAX;
use supertext::base::fail::FailKind;
use supertext::base::ids::Id;
use supertext::store::accounts::{
    AccountRow, account_add, account_find, account_get, account_relogin, account_save,
};
use supertext::store::mail::{
    MailPart, MailSum, mail_add, mail_age, mail_begin, mail_commit, mail_drop, mail_open,
    mail_prepare, mail_read, mail_rollback, mail_sums,
};
use supertext::store::mail_keys::{KeyTaken, key_take, keys_left, keys_put};
use supertext::wire::control::{KeyItem, Keys};

const ANN: Id = 1_000_000_000_001;
const BOB: Id = 42;
const EVE: Id = (1 << 40) - 2;

/// Временная папка и путь базы в ней.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("mail.db");
    (folder, path)
}

/// Открывает базу и начинает запись.
fn begun(path: &Path) -> Connection {
    let base = mail_open(path).expect("opens");
    mail_begin(&base).expect("begins");
    base
}

/// База в памяти с начатой записью.
fn begun_in_memory() -> Connection {
    let base = Connection::open_in_memory().expect("memory");
    mail_prepare(&base).expect("prepares");
    mail_begin(&base).expect("begins");
    base
}

/// Кладёт пакет, пришедший в `at`.
fn put(base: &Connection, dest: Id, packet: &[u8], at: u64) -> u64 {
    mail_add(base, dest, packet, at).expect("adds")
}

/// Часть почты.
fn read(base: &Connection, dest: Id, after: u64, bytes_max: usize) -> MailPart {
    mail_read(base, dest, after, bytes_max).expect("reads")
}

/// Ожидаемая часть почты.
fn part(packets: &[u8], upto: u64, count: u64) -> MailPart {
    MailPart { packets: packets.to_vec(), upto, count }
}

/// Ожидаемая сумма.
fn sum(dest: Id, count: u64, bytes: u64) -> MailSum {
    MailSum { dest, count, bytes }
}

/// Одно число или слово из базы, текстом.
fn asked(base: &Connection, query: &str) -> String {
    let mut statement = base.prepare(query).expect("prepares");
    let mut rows = statement.query([]).expect("asks");
    let row = rows.next().expect("steps").expect("a row");
    let value: rusqlite::types::Value = row.get(0).expect("a value");
    format!("{value:?}")
}

/// Ключ с подписью, узнаваемые по числу.
fn item(number: u64) -> KeyItem {
    let mut made = KeyItem { key: [0xee; 32], signature: [0xdd; 64] };
    made.key[..8].copy_from_slice(&number.to_be_bytes());
    made.signature[..8].copy_from_slice(&number.to_be_bytes());
    made
}

/// Ключи человека: главный `curve`, одноразовые с `first` числом `many`.
fn keys(curve: u8, first: u64, many: u64) -> Keys {
    let mut made = Keys {
        curve: [curve; 32],
        signature: [curve ^ 0xff; 64],
        fallback: item(1_000_000 + u64::from(curve)),
        items: Vec::new(),
    };
    for number in first..first + many {
        made.items.push(item(number));
    }
    made
}

/// То, что отдаёт `key_take`: ключ `number` под главным `curve`.
fn taken(curve: u8, number: u64) -> Option<KeyTaken> {
    let KeyItem { key, signature: key_signature } = item(number);
    Some(KeyTaken { curve: [curve; 32], signature: [curve ^ 0xff; 64], key, key_signature })
}

/// Учётная запись.
fn account(name: &str, id: Id) -> AccountRow {
    let vault = format!("vault of {name}").into_bytes();
    AccountRow { name: String::from(name), id, login: [id as u8; 32], vault }
}

/// Заводит записи с номерами от 1.
fn accounts_put(base: &Connection, names: &[&str]) {
    for (index, name) in names.iter().enumerate() {
        let row = account(name, index as Id + 1);
        assert!(account_add(base, &row, 5).expect("adds"), "{name}");
    }
}

/// Имена, которые находит поиск.
fn found(base: &Connection, text: &str, many: u64) -> Vec<String> {
    let mut names = Vec::new();
    for (id, name) in account_find(base, text, many).expect("finds") {
        assert_eq!(account_get(base, &name).expect("gets").expect("is there").id, id);
        names.push(name);
    }
    names
}

#[test]
fn mail_keeps_its_order() {
    let (_folder, path) = place();
    let base = begun(&path);
    let first = put(&base, BOB, b"one", 30);
    let other = put(&base, ANN, b"for ann", 10);
    let second = put(&base, BOB, b"two", 20);
    let third = put(&base, BOB, b"", 20);
    let fourth = put(&base, BOB, b"four", 1);
    assert!(first < other && other < second && second < third && third < fourth);
    mail_commit(&base).expect("commits");
    assert_eq!(read(&base, BOB, 0, 1000), part(b"onetwofour", fourth, 4));
    assert_eq!(read(&base, BOB, first, 1000), part(b"twofour", fourth, 3));
    assert_eq!(read(&base, BOB, fourth, 1000), part(b"", fourth, 0));
    assert_eq!(read(&base, ANN, 0, 1000), part(b"for ann", other, 1));
    assert_eq!(read(&base, EVE, 7, 1000), part(b"", 7, 0));
    assert_eq!(mail_sums(&base).expect("sums"), [sum(BOB, 4, 10), sum(ANN, 1, 7)]);
}

#[test]
fn mail_is_read_by_bytes() {
    let base = begun_in_memory();
    let first = put(&base, BOB, &[1; 10], 1);
    let second = put(&base, BOB, &[2; 10], 1);
    let third = put(&base, BOB, &[3; 50], 1);
    let both = [[1u8; 10], [2u8; 10]].concat();
    for bytes_max in [0, 1, 9, 10, 19] {
        assert_eq!(read(&base, BOB, 0, bytes_max), part(&[1; 10], first, 1), "{bytes_max}");
    }
    for bytes_max in [20, 21, 69] {
        assert_eq!(read(&base, BOB, 0, bytes_max), part(&both, second, 2), "{bytes_max}");
    }
    assert_eq!(read(&base, BOB, 0, 70).count, 3);
    assert_eq!(read(&base, BOB, second, 20), part(&[3; 50], third, 1), "longer than asked for");
    assert_eq!(read(&base, BOB, 0, usize::MAX).upto, third);
}

#[test]
fn a_mailbox_is_read_whole_in_parts() {
    let base = begun_in_memory();
    let mut wanted = Vec::new();
    for number in 0..500u32 {
        let packet = vec![number as u8; 1 + (number as usize * 37) % 300];
        put(&base, BOB, &packet, 1);
        put(&base, ANN, b"between", 1);
        wanted.extend_from_slice(&packet);
    }
    let (mut got, mut count) = (Vec::new(), 0);
    let mut next = read(&base, BOB, 0, 1024);
    while next.count > 0 && count < 500 {
        assert!(next.packets.len() <= 1024);
        got.extend_from_slice(&next.packets);
        count += next.count;
        next = read(&base, BOB, next.upto, 1024);
    }
    assert_eq!((count, next.count), (500, 0));
    assert!(got == wanted);
}

#[test]
fn what_was_received_is_dropped() {
    let base = begun_in_memory();
    put(&base, BOB, b"12345", 1);
    let other = put(&base, ANN, b"123", 1);
    let second = put(&base, BOB, b"1234567", 1);
    let third = put(&base, BOB, b"1", 1);
    assert_eq!(mail_drop(&base, BOB, 0).expect("drops"), sum(BOB, 0, 0));
    assert_eq!(mail_drop(&base, EVE, third).expect("drops"), sum(EVE, 0, 0));
    assert_eq!(mail_drop(&base, BOB, second).expect("drops"), sum(BOB, 2, 12));
    assert_eq!(mail_drop(&base, BOB, second).expect("drops"), sum(BOB, 0, 0), "once");
    assert_eq!(read(&base, BOB, 0, 100), part(b"1", third, 1));
    assert_eq!(read(&base, ANN, 0, 100), part(b"123", other, 1), "hers is untouched");
    assert_eq!(mail_drop(&base, BOB, u64::MAX).expect("drops"), sum(BOB, 1, 1));
    assert_eq!(read(&base, ANN, u64::MAX, 100), part(b"", u64::MAX, 0));
    assert_eq!(mail_sums(&base).expect("sums"), [sum(ANN, 1, 3)]);
}

#[test]
fn numbers_of_mail_never_return() {
    let (_folder, path) = place();
    let base = begun(&path);
    let last = put(&base, BOB, b"one", 1);
    mail_drop(&base, BOB, last).expect("drops");
    mail_commit(&base).expect("commits");
    drop(base);
    let base = begun(&path);
    let next = put(&base, BOB, b"two", 1);
    assert!(next > last);
    assert_eq!(mail_drop(&base, BOB, last).expect("drops"), sum(BOB, 0, 0), "an old MAIL");
    assert_eq!(read(&base, BOB, last, 100), part(b"two", next, 1));
}

#[test]
fn old_mail_goes() {
    let base = begun_in_memory();
    put(&base, BOB, b"1", 100);
    put(&base, ANN, b"22", 300);
    put(&base, BOB, b"333", 199);
    put(&base, BOB, b"4444", 200);
    put(&base, EVE, b"55555", 5_000);
    assert_eq!(mail_age(&base, 100).expect("ages"), []);
    assert_eq!(mail_age(&base, 200).expect("ages"), [sum(BOB, 2, 4)]);
    assert_eq!(mail_age(&base, 200).expect("ages"), []);
    assert_eq!(read(&base, BOB, 0, 100).packets, b"4444");
    assert_eq!(mail_age(&base, 301).expect("ages"), [sum(BOB, 1, 4), sum(ANN, 1, 2)]);
    assert_eq!(mail_sums(&base).expect("sums"), [sum(EVE, 1, 5)]);
    assert_eq!(mail_age(&base, u64::MAX).expect("ages"), [sum(EVE, 1, 5)]);
    assert_eq!(mail_sums(&base).expect("sums"), []);
}

#[test]
fn a_rollback_loses_what_was_not_committed_and_no_more() {
    let (_folder, path) = place();
    let base = begun(&path);
    let kept = put(&base, BOB, b"kept", 1);
    keys_put(&base, BOB, &keys(1, 0, 3)).expect("puts");
    assert!(account_add(&base, &account("Bob", BOB), 1).expect("adds"));
    mail_commit(&base).expect("commits");
    mail_begin(&base).expect("begins");
    put(&base, BOB, b"lost", 2);
    mail_drop(&base, BOB, kept).expect("drops");
    assert_eq!(key_take(&base, BOB).expect("takes"), taken(1, 0));
    keys_put(&base, BOB, &keys(2, 50, 5)).expect("puts");
    assert!(account_add(&base, &account("Ann", ANN), 1).expect("adds"));
    assert!(account_save(&base, BOB, b"other").expect("saves"));
    mail_rollback(&base);
    assert_eq!(read(&base, BOB, 0, 100), part(b"kept", kept, 1));
    assert_eq!(keys_left(&base, BOB), Ok(3));
    assert_eq!(account_get(&base, "ann"), Ok(None));
    assert_eq!(account_get(&base, "bob"), Ok(Some(account("Bob", BOB))));
    mail_begin(&base).expect("begins again");
    assert_eq!(key_take(&base, BOB).expect("takes"), taken(1, 0), "still the first");
    put(&base, BOB, b"+", 3);
    mail_commit(&base).expect("commits");
    assert_eq!(mail_sums(&base).expect("sums"), [sum(BOB, 2, 5)]);
    mail_rollback(&base);
    assert_eq!(mail_sums(&base).expect("sums"), [sum(BOB, 2, 5)], "nothing to roll back");
}

#[test]
fn a_base_is_opened_again() {
    let (_folder, path) = place();
    let base = begun(&path);
    let number = put(&base, EVE, b"mail", 9);
    assert_eq!(keys_put(&base, EVE, &keys(7, 0, 2)), Ok(2));
    assert!(account_add(&base, &account("Eve", EVE), 9).expect("adds"));
    mail_commit(&base).expect("commits");
    mail_begin(&base).expect("begins");
    put(&base, EVE, b"uncommitted", 9);
    let reader = mail_open(&path).expect("opens beside");
    assert_eq!(mail_sums(&reader).expect("sums"), [sum(EVE, 1, 4)]);
    drop((base, reader));
    let base = begun(&path);
    assert_eq!(read(&base, EVE, 0, 100), part(b"mail", number, 1));
    assert_eq!(key_take(&base, EVE).expect("takes"), taken(7, 0));
    assert_eq!(account_get(&base, "EVE"), Ok(Some(account("Eve", EVE))));
    assert_eq!(asked(&base, "PRAGMA user_version"), "Integer(1)");
    assert_eq!(asked(&base, "PRAGMA journal_mode"), "Text(\"wal\")");
    assert_eq!(asked(&base, "PRAGMA synchronous"), "Integer(2)");
}

#[test]
fn a_newer_base_is_left_alone() {
    let (folder, path) = place();
    let newer = Connection::open(&path).expect("opens");
    let made = "CREATE TABLE mail(other); INSERT INTO mail VALUES(1); PRAGMA user_version=2;";
    newer.execute_batch(made).expect("makes");
    drop(newer);
    let before = std::fs::read(&path).expect("reads");
    let refused = mail_open(&path).expect_err("is newer");
    assert_eq!(refused.kind, FailKind::HomeBad, "{refused:?}");
    assert!(refused.detail.contains("mail.db"), "{refused:?}");
    assert!(std::fs::read(&path).expect("reads") == before);
    let files = std::fs::read_dir(folder.path()).expect("lists").count();
    assert_eq!(files, 1, "no journal beside it");
    let open = Connection::open(&path).expect("opens");
    assert_eq!(mail_prepare(&open).expect_err("is newer").kind, FailKind::HomeBad);
}

#[test]
fn a_damaged_base_is_told_and_left_alone() {
    let (folder, path) = place();
    let text = [b'x'; 5_000];
    std::fs::write(&path, text).expect("writes");
    let refused = mail_open(&path).expect_err("is no base");
    assert_eq!(refused.kind, FailKind::BaseDamaged, "{refused:?}");
    assert!(std::fs::read(&path).expect("reads") == text);
    let base = begun_in_memory();
    keys_put(&base, BOB, &keys(1, 0, 1)).expect("puts");
    base.execute_batch("UPDATE one_time SET key = x'0011'").expect("damages");
    assert_eq!(key_take(&base, BOB).expect_err("is short").kind, FailKind::BaseDamaged);
    let nowhere = folder.path().join("none").join("mail.db");
    assert_eq!(mail_open(&nowhere).expect_err("no folder").kind, FailKind::FileWrite);
}

#[test]
fn tables_that_cannot_be_made_leave_no_transaction() {
    let base = Connection::open_in_memory().expect("memory");
    base.execute_batch("CREATE TABLE accounts(other)").expect("makes");
    let refused = mail_prepare(&base).expect_err("the name is taken");
    assert!(refused.detail.starts_with("mail.db: "), "{refused:?}");
    assert!(base.is_autocommit());
    assert_eq!(asked(&base, "SELECT COUNT(*) FROM sqlite_schema"), "Integer(1)");
    assert_eq!(asked(&base, "PRAGMA user_version"), "Integer(0)");
}

#[test]
fn a_full_disk_is_known_by_name() {
    let base = begun_in_memory();
    asked(&base, "PRAGMA max_page_count=20");
    let packet = vec![5; 100_000];
    let refused = mail_add(&base, BOB, &packet, 1).expect_err("no room");
    assert_eq!(refused.kind, FailKind::DiskFull, "{refused:?}");
}

#[test]
fn a_key_is_given_once_then_the_fallback() {
    let (_folder, path) = place();
    let base = begun(&path);
    assert_eq!(key_take(&base, BOB), Ok(None));
    assert_eq!(keys_left(&base, BOB), Ok(0));
    assert_eq!(keys_put(&base, BOB, &keys(1, 10, 3)), Ok(3));
    assert_eq!(keys_put(&base, ANN, &keys(2, 20, 1)), Ok(1));
    for number in 10..13 {
        assert_eq!(key_take(&base, BOB).expect("takes"), taken(1, number));
    }
    assert_eq!(keys_left(&base, BOB), Ok(0));
    for _ in 0..3 {
        assert_eq!(key_take(&base, BOB).expect("takes"), taken(1, 1_000_001), "fallback");
    }
    assert_eq!(key_take(&base, ANN).expect("takes"), taken(2, 20));
    assert_eq!(key_take(&base, ANN).expect("takes"), taken(2, 1_000_002));
    assert_eq!(key_take(&base, EVE), Ok(None));
    mail_commit(&base).expect("commits");
    drop(base);
    let base = begun(&path);
    assert_eq!(key_take(&base, BOB).expect("takes"), taken(1, 1_000_001), "still spent");
    assert_eq!(keys_put(&base, BOB, &keys(1, 30, 1)), Ok(1));
    assert_eq!(key_take(&base, BOB).expect("takes"), taken(1, 30));
}

#[test]
fn keys_have_a_quota() {
    let base = begun_in_memory();
    assert_eq!(keys_put(&base, BOB, &keys(1, 600, 3)), Ok(3));
    assert_eq!(keys_put(&base, BOB, &keys(1, 0, KEYS_MAX + 5)), Ok(KEYS_MAX), "instead of all");
    assert_eq!(keys_put(&base, ANN, &keys(2, 0, KEYS_MAX * 2)), Ok(KEYS_MAX), "each their own");
    for number in 0..KEYS_MAX {
        assert_eq!(key_take(&base, BOB).expect("takes"), taken(1, number));
    }
    assert_eq!(key_take(&base, BOB).expect("takes"), taken(1, 1_000_001));
    assert_eq!(keys_left(&base, ANN), Ok(KEYS_MAX));
    assert_eq!(keys_put(&base, BOB, &keys(1, 700, 0)), Ok(0));
}

#[test]
fn the_same_key_twice_lies_once() {
    let base = begun_in_memory();
    assert_eq!(keys_put(&base, BOB, &keys(1, 0, 2)), Ok(2));
    assert_eq!(keys_put(&base, BOB, &keys(1, 0, 4)), Ok(4), "sent again with two more");
    assert_eq!(keys_put(&base, ANN, &keys(2, 0, 1)), Ok(1), "hers may be equal");
    for number in 0..4 {
        assert_eq!(key_take(&base, BOB).expect("takes"), taken(1, number));
    }
    assert_eq!(key_take(&base, BOB).expect("takes"), taken(1, 1_000_001));
}

#[test]
fn new_keys_come_instead_of_the_old_ones() {
    let base = begun_in_memory();
    assert_eq!(keys_put(&base, BOB, &keys(1, 0, 5)), Ok(5));
    assert_eq!(keys_put(&base, ANN, &keys(3, 0, 5)), Ok(5));
    let mut same = keys(1, 10, 1);
    same.fallback = item(77);
    same.signature = [9; 64];
    assert_eq!(keys_put(&base, BOB, &same), Ok(1), "new keys instead of the old ones");
    let got = key_take(&base, BOB).expect("takes").expect("is there");
    assert_eq!(got.signature, [9; 64], "the signature is the new one");
    assert_eq!(keys_put(&base, BOB, &keys(2, 20, 1)), Ok(1));
    assert_eq!(key_take(&base, BOB).expect("takes"), taken(2, 20));
    assert_eq!(key_take(&base, BOB).expect("takes"), taken(2, 1_000_002), "the new fallback");
    assert_eq!(keys_put(&base, BOB, &keys(1, 0, 0)), Ok(0), "the old ones do not return");
    assert_eq!(keys_left(&base, ANN), Ok(5), "hers are untouched");
}

#[test]
fn an_account_is_found_whatever_the_case() {
    let base = begun_in_memory();
    let row = account("Анна Ёлкина", ANN);
    assert_eq!(account_add(&base, &row, 1), Ok(true));
    for name in ["Анна Ёлкина", "анна ёлкина", "АННА ЁЛКИНА", "  аННа ёлКИНА "]
    {
        assert_eq!(account_get(&base, name), Ok(Some(row.clone())), "{name}");
    }
    assert_eq!(account_get(&base, "Анна"), Ok(None), "not by a part");
    assert_eq!(account_get(&base, ""), Ok(None));
    assert_eq!(account_add(&base, &account("АННА ёлкина", BOB), 1), Ok(false), "name taken");
    assert_eq!(account_add(&base, &account("Other", ANN), 1), Ok(false), "id taken");
    assert_eq!(account_get(&base, "other"), Ok(None));
    assert_eq!(account_get(&base, "анна ёлкина"), Ok(Some(row)), "the first one stays");
    assert_eq!(account_add(&base, &account("王小明", EVE), 1), Ok(true));
    assert_eq!(account_get(&base, "王小明"), Ok(Some(account("王小明", EVE))));
}

#[test]
fn accounts_are_found_by_the_beginning() {
    let base = begun_in_memory();
    let names = ["Annabel", "ann", "Bob", "ANNA", "Ёж", "ёлка", "Еж", "王小明", "王", "bo😀b"];
    accounts_put(&base, &names);
    assert_eq!(found(&base, "ANN", 10), ["ann", "ANNA", "Annabel"], "the exact one first");
    assert_eq!(found(&base, " anna", 10), ["ANNA", "Annabel"]);
    assert_eq!(found(&base, "ann", 2), ["ann", "ANNA"]);
    assert_eq!(found(&base, "ann", 0), Vec::<String>::new());
    assert_eq!(found(&base, "ann", u64::MAX).len(), 3);
    assert_eq!(found(&base, "nn", 10), Vec::<String>::new(), "not in the middle");
    assert_eq!(found(&base, "annz", 10), Vec::<String>::new());
    assert_eq!(found(&base, "Ё", 10), ["Ёж", "ёлка"]);
    assert_eq!(found(&base, "王", 10), ["王", "王小明"]);
    assert_eq!(found(&base, "BO", 10), ["Bob", "bo😀b"]);
    assert_eq!(found(&base, "bo😀", 10), ["bo😀b"]);
    assert_eq!(found(&base, "", 10), Vec::<String>::new(), "not everybody at once");
    assert_eq!(found(&base, "   ", 10), Vec::<String>::new());
}

#[test]
fn signs_of_a_pattern_are_plain_letters() {
    let base = begun_in_memory();
    let names = ["100%", "100 people", "a_b", "axb", "a\\b", "x*y", "x?y", "[z]", "o'neil", "a%"];
    accounts_put(&base, &names);
    assert_eq!(found(&base, "100%", 10), ["100%"]);
    assert_eq!(found(&base, "%", 10), Vec::<String>::new());
    assert_eq!(found(&base, "_", 10), Vec::<String>::new());
    assert_eq!(found(&base, "a_", 10), ["a_b"]);
    assert_eq!(found(&base, "a%", 10), ["a%"]);
    assert_eq!(found(&base, "a\\", 10), ["a\\b"]);
    assert_eq!(found(&base, "x*", 10), ["x*y"]);
    assert_eq!(found(&base, "x?", 10), ["x?y"]);
    assert_eq!(found(&base, "[z", 10), ["[z]"]);
    assert_eq!(found(&base, "O'N", 10), ["o'neil"]);
    assert_eq!(found(&base, "*", 10), Vec::<String>::new());
    assert_eq!(found(&base, "'; DROP TABLE accounts; --", 10), Vec::<String>::new());
    assert_eq!(found(&base, &"a".repeat(200_000), 10), Vec::<String>::new(), "a long text");
}

#[test]
fn a_vault_is_saved_and_a_password_changed() {
    let (_folder, path) = place();
    let base = begun(&path);
    assert_eq!(account_add(&base, &account("Bob", BOB), 1), Ok(true));
    assert_eq!(account_add(&base, &account("Ann", ANN), 1), Ok(true));
    assert_eq!(account_save(&base, EVE, b"nobody"), Ok(false));
    assert_eq!(account_relogin(&base, EVE, &[1; 32], b"nobody"), Ok(false));
    assert_eq!(account_save(&base, BOB, b""), Ok(true), "may be empty");
    let big = vec![0xab; 300_000];
    assert_eq!(account_save(&base, BOB, &big), Ok(true));
    let mut wanted = account("Bob", BOB);
    wanted.vault = big;
    assert_eq!(account_get(&base, "bob"), Ok(Some(wanted.clone())), "the login stays");
    assert_eq!(account_save(&base, BOB, &wanted.vault), Ok(true), "the same once more");
    assert_eq!(account_relogin(&base, BOB, &[9; 32], b"new"), Ok(true));
    mail_commit(&base).expect("commits");
    drop(base);
    let base = mail_open(&path).expect("opens");
    let changed = account_get(&base, "bob").expect("gets").expect("is there");
    assert_eq!((changed.login, changed.vault), ([9; 32], b"new".to_vec()));
    assert_eq!(account_get(&base, "ann"), Ok(Some(account("Ann", ANN))), "hers is untouched");
}
