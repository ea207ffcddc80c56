//! mail.db of the server: sealed messages for those who are away. One SQLite file in WAL mode; a
//! commit is on disk before anybody is told STORED. Beside the mail: keys (mail_keys.rs) and
//! accounts (accounts.rs). Knows nothing of what the packets say.
//! mail.db сервера: запечатанные сообщения для тех, кого нет на связи. Один файл SQLite в режиме
//! WAL; сначала запись на диске, потом ответ STORED. Рядом с почтой: ключи (mail_keys.rs) и
//! учётные записи (accounts.rs). Что в пакетах, здесь не знают.

use std::path::Path;

use rusqlite::{Connection, Row, Rows, params};

use super::base::sql_named;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;

/// Version of the tables below.
const SCHEMA: i64 = 1;

/// Statements kept prepared: all of the three files fit.
const STATEMENTS: usize = 48;

/// The tables. Long columns stand last: SQLite then reads the short ones without them. Numbers of
/// mail never return, not even those of removed rows, so an old MAIL removes nothing new.
const TABLES: &str = "
CREATE TABLE mail(
  number INTEGER PRIMARY KEY AUTOINCREMENT, dest INTEGER NOT NULL, at INTEGER NOT NULL,
  packet BLOB NOT NULL);
CREATE INDEX mail_dest ON mail(dest, number);
CREATE INDEX mail_at ON mail(at);
CREATE TABLE keys(
  id INTEGER PRIMARY KEY, curve BLOB NOT NULL, signature BLOB NOT NULL, fallback BLOB NOT NULL,
  fallback_signature BLOB NOT NULL);
CREATE TABLE one_time(
  number INTEGER PRIMARY KEY, id INTEGER NOT NULL, key BLOB NOT NULL, signature BLOB NOT NULL,
  UNIQUE(id, key));
CREATE INDEX one_time_id ON one_time(id, number);
CREATE TABLE accounts(
  name TEXT PRIMARY KEY NOT NULL, shown TEXT NOT NULL, id INTEGER NOT NULL UNIQUE,
  login BLOB NOT NULL, at INTEGER NOT NULL, vault BLOB NOT NULL);
";

/// So much mail of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailSum {
    pub dest: Id,
    pub count: u64,
    /// Bytes of the packets, headers included.
    pub bytes: u64,
}

/// Mail as it goes to the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPart {
    /// Whole packets one after the other.
    pub packets: Vec<u8>,
    /// Number of the last row in it; of an empty part: what was asked for.
    pub upto: u64,
    pub count: u64,
}

/// Ошибка SQLite как наша; полный диск и испорченная база узнаются здесь.
pub(super) fn sql_try<T>(result: rusqlite::Result<T>) -> Result<T, Fail> {
    sql_named("mail.db", result)
}

/// Неотрицательное число из столбца.
pub(super) fn number_of(row: &Row<'_>, column: usize) -> Result<u64, Fail> {
    let number: i64 = sql_try(row.get(column))?;
    Ok(number as u64)
}

/// Ровно столько байт из столбца; иное — порча.
pub(super) fn bytes_of<const N: usize>(row: &Row<'_>, column: usize) -> Result<[u8; N], Fail> {
    let bytes: Vec<u8> = sql_try(row.get(column))?;
    match bytes.try_into() {
        Ok(exact) => Ok(exact),
        Err(_) => Err(fail(FailKind::BaseDamaged, "mail.db")),
    }
}

/// Число для запроса: в SQLite они до 2⁶³−1, большее (оно приходит и из сети) значит «до конца».
pub(super) fn bound_of(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Открывает базу; новая получает таблицы. База новее программы — ошибка `HomeBad`, файл в ней
/// не меняется ни на байт.
pub fn mail_open(path: &Path) -> Result<Connection, Fail> {
    let base = sql_try(Connection::open(path))?;
    version_check(&base)?;
    sql_try(base.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"))?;
    mail_prepare(&base)?;
    Ok(base)
}

/// Делает таблицы в открытой базе, если их ещё нет (база в памяти — для проверок).
pub fn mail_prepare(base: &Connection) -> Result<(), Fail> {
    base.set_prepared_statement_cache_capacity(STATEMENTS);
    if version_check(base)? == SCHEMA {
        return Ok(());
    }
    mail_begin(base)?;
    let made = sql_try(base.execute_batch(&format!("{TABLES} PRAGMA user_version={SCHEMA};")));
    if made.is_err() {
        mail_rollback(base);
        return made;
    }
    mail_commit(base)
}

/// Версия таблиц в базе, 0 — их нет; новее программы — ошибка `HomeBad`.
fn version_check(base: &Connection) -> Result<i64, Fail> {
    let mut statement = sql_try(base.prepare("PRAGMA user_version"))?;
    let mut rows = sql_try(statement.query([]))?;
    let Some(row) = sql_try(rows.next())? else { return Ok(0) };
    let version: i64 = sql_try(row.get(0))?;
    if version > SCHEMA {
        return Err(fail(FailKind::HomeBad, &format!("mail.db: {version} > {SCHEMA}")));
    }
    Ok(version)
}

/// Начинает запись; всё до `mail_commit` попадает на диск вместе.
pub fn mail_begin(base: &Connection) -> Result<(), Fail> {
    sql_try(base.execute_batch("BEGIN IMMEDIATE"))
}

/// Кончает запись: после этого она на диске.
pub fn mail_commit(base: &Connection) -> Result<(), Fail> {
    sql_try(base.execute_batch("COMMIT"))
}

/// Отменяет запись.
pub fn mail_rollback(base: &Connection) {
    let _ = base.execute_batch("ROLLBACK");
}

/// Кладёт пакет (с заголовком) для `dest`, пришедший в `at` (мс с 1970); отдаёт номер строки.
pub fn mail_add(base: &Connection, dest: Id, packet: &[u8], at: u64) -> Result<u64, Fail> {
    let insert = "INSERT INTO mail(dest, at, packet) VALUES(?1, ?2, ?3)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![dest as i64, bound_of(at), packet]))?;
    Ok(base.last_insert_rowid() as u64)
}

/// Сколько почты у каждого, у кого она есть; читается при запуске.
pub fn mail_sums(base: &Connection) -> Result<Vec<MailSum>, Fail> {
    let select = "SELECT dest, COUNT(*), SUM(LENGTH(packet)) FROM mail GROUP BY dest";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let rows = sql_try(statement.query([]))?;
    sum_rows(rows)
}

/// Строки «кто, сколько, байт».
fn sum_rows(mut rows: Rows<'_>) -> Result<Vec<MailSum>, Fail> {
    let mut sums = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        let (dest, count) = (number_of(row, 0)?, number_of(row, 1)?);
        sums.push(MailSum { dest, count, bytes: number_of(row, 2)? });
    }
    Ok(sums)
}

/// Почта человека после номера `after`, по порядку, пока вмещается в `bytes_max`; первый пакет
/// берётся всегда. Нет ничего — пустая часть. Читает только целые пакеты.
pub fn mail_read(
    base: &Connection,
    dest: Id,
    after: u64,
    bytes_max: usize,
) -> Result<MailPart, Fail> {
    let mut part = MailPart { packets: Vec::new(), upto: after, count: 0 };
    let select = "SELECT number, packet FROM mail WHERE dest = ?1 AND number > ?2 ORDER BY number";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows = sql_try(statement.query(params![dest as i64, bound_of(after)]))?;
    while let Some(row) = sql_try(rows.next())? {
        let packet: Vec<u8> = sql_try(row.get(1))?;
        if part.count > 0 && part.packets.len() + packet.len() > bytes_max {
            break;
        }
        part.packets.extend_from_slice(&packet);
        part.upto = number_of(row, 0)?;
        part.count += 1;
    }
    Ok(part)
}

/// Человек получил всё до `upto` включительно: убирает это и говорит, сколько ушло.
pub fn mail_drop(base: &Connection, dest: Id, upto: u64) -> Result<MailSum, Fail> {
    let select = "SELECT ?1, COUNT(*), COALESCE(SUM(LENGTH(packet)), 0) FROM mail
        WHERE dest = ?1 AND number <= ?2";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let rows = sql_try(statement.query(params![dest as i64, bound_of(upto)]))?;
    let mut dropped = MailSum { dest, count: 0, bytes: 0 };
    for sum in sum_rows(rows)? {
        dropped = sum;
    }
    if dropped.count > 0 {
        let remove = "DELETE FROM mail WHERE dest = ?1 AND number <= ?2";
        let mut statement = sql_try(base.prepare_cached(remove))?;
        sql_try(statement.execute(params![dest as i64, bound_of(upto)]))?;
    }
    Ok(dropped)
}

/// Убирает пришедшее раньше `before` (мс с 1970) и говорит, у кого сколько.
pub fn mail_age(base: &Connection, before: u64) -> Result<Vec<MailSum>, Fail> {
    let select = "SELECT dest, COUNT(*), SUM(LENGTH(packet)) FROM mail INDEXED BY mail_at
        WHERE at < ?1 GROUP BY dest ORDER BY dest";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let rows = sql_try(statement.query(params![bound_of(before)]))?;
    let aged = sum_rows(rows)?;
    if !aged.is_empty() {
        let remove = "DELETE FROM mail WHERE at < ?1";
        let mut statement = sql_try(base.prepare_cached(remove))?;
        sql_try(statement.execute(params![bound_of(before)]))?;
    }
    Ok(aged)
}
