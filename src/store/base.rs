//! history.db as a whole: opening, versions, transactions. What lies in it: messages (history.rs),
//! what waits for delivery (outbox.rs), orders of incoming messages (orders.rs), keys (people.rs).
//! history.db целиком: открытие, версии, записи. Что в ней лежит: сообщения (history.rs), что
//! ждёт доставки (outbox.rs), порядок приходящего (orders.rs), ключи (people.rs).

use std::path::Path;

use rusqlite::{Connection, Row};

use super::backup::base_damaged;
use super::files::FILES_TABLES;
use super::history::{HISTORY_TABLES, HISTORY_UPGRADE_2};
use super::orders::ORDER_TABLES;
use super::outbox::{OUTBOX_TABLES, OUTBOX_UPGRADE_2};
use super::people::PEOPLE_TABLES;
use super::rooms::ROOM_TABLES;
use crate::base::fail::{Fail, FailKind, fail};

/// Сколько приготовленных запросов помнить: больше, чем их есть.
const STATEMENTS: usize = 96;

/// Version of the tables.
const SCHEMA: i64 = 4;

/// Ошибка SQLite в history.db как наша.
pub fn sql_try<T>(result: rusqlite::Result<T>) -> Result<T, Fail> {
    sql_named("history.db", result)
}

/// Ошибка SQLite в названной базе как наша; полный диск и порча узнаются здесь.
pub fn sql_named<T>(name: &str, result: rusqlite::Result<T>) -> Result<T, Fail> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => {
            let full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
            let kind = match (full, base_damaged(&error)) {
                (true, _) => FailKind::DiskFull,
                (false, true) => FailKind::BaseDamaged,
                (false, false) => FailKind::FileWrite,
            };
            Err(fail(kind, &format!("{name}: {error}")))
        }
    }
}

/// Открывает базу; новая получает таблицы, прежняя обновляется. База новее программы — ошибка
/// `HomeBad`, она не трогается; испорченная — `BaseDamaged`.
pub fn base_open(path: &Path) -> Result<Connection, Fail> {
    let base = sql_try(Connection::open(path))?;
    base_prepare(&base)?;
    Ok(base)
}

/// Делает или обновляет таблицы открытой базы (в испытаниях она бывает в памяти).
pub fn base_prepare(base: &Connection) -> Result<(), Fail> {
    base.set_prepared_statement_cache_capacity(STATEMENTS);
    sql_try(base.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;
         PRAGMA secure_delete=ON;",
    ))?;
    let mut statement = sql_try(base.prepare("PRAGMA user_version"))?;
    let version: i64 = sql_try(statement.query_row([], version_row))?;
    if version > SCHEMA {
        return Err(fail(FailKind::HomeBad, &format!("history.db: {version} > {SCHEMA}")));
    }
    let tables = match version {
        0 => format!(
            "{HISTORY_TABLES} {FILES_TABLES} {OUTBOX_TABLES} {ORDER_TABLES} {PEOPLE_TABLES}"
        ),
        1 => format!(
            "{HISTORY_UPGRADE_2} {FILES_TABLES} {OUTBOX_UPGRADE_2} {ORDER_TABLES} {PEOPLE_TABLES}"
        ),
        2 => String::from(FILES_TABLES),
        3 => String::new(),
        _ => return Ok(()),
    };
    let made =
        format!("BEGIN IMMEDIATE; {tables} {ROOM_TABLES} PRAGMA user_version={SCHEMA}; COMMIT;");
    sql_try(base.execute_batch(&made))
}

/// Версия таблиц из строки ответа.
fn version_row(row: &Row<'_>) -> rusqlite::Result<i64> {
    row.get(0)
}

/// Неотрицательное число из столбца.
pub fn id_of(row: &Row<'_>, column: usize) -> Result<u64, Fail> {
    let number: i64 = sql_try(row.get(column))?;
    Ok(number as u64)
}

/// Ровно столько байт из столбца; иное — порча.
pub fn bytes_of<const N: usize>(row: &Row<'_>, column: usize) -> Result<[u8; N], Fail> {
    let bytes: Vec<u8> = sql_try(row.get(column))?;
    match bytes.try_into() {
        Ok(exact) => Ok(exact),
        Err(_) => Err(fail(FailKind::BaseDamaged, "history.db")),
    }
}

/// Читается ли база вся; долго на большой. Ошибка `BaseDamaged`.
pub fn base_check(base: &Connection) -> Result<(), Fail> {
    let mut statement = sql_try(base.prepare("PRAGMA quick_check(1)"))?;
    let mut rows = sql_try(statement.query([]))?;
    let found: String = match sql_try(rows.next())? {
        Some(row) => sql_try(row.get(0))?,
        None => String::new(),
    };
    if found == "ok" { Ok(()) } else { Err(fail(FailKind::BaseDamaged, &found)) }
}

/// Начинает запись; всё до `base_commit` попадает на диск вместе.
pub fn base_begin(base: &Connection) -> Result<(), Fail> {
    sql_try(base.execute_batch("BEGIN IMMEDIATE"))
}

/// Кончает запись: после этого она на диске.
pub fn base_commit(base: &Connection) -> Result<(), Fail> {
    sql_try(base.execute_batch("COMMIT"))
}

/// Стёртое уходит и из журнала записи: он переносится в базу и обрезается.
pub fn base_truncate(base: &Connection) {
    let _ = base.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], version_row);
}

/// Отменяет запись.
pub fn base_rollback(base: &Connection) {
    let _ = base.execute_batch("ROLLBACK");
}
