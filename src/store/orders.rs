//! The order of what comes in: which place of each order is expected next, and what came too
//! early and waits for the missing one; it waits here, so its mailbox may forget it.
//! Порядок приходящего: какое место каждого порядка ждут, и что пришло раньше времени; оно ждёт
//! здесь, поэтому почтовый ящик вправе его забыть.

use rusqlite::{Connection, params};

use super::base::{id_of, sql_try};
use crate::base::bounds::{EARLY_BYTES_MAX, EARLY_MAX, ORDERS_MAX};
use crate::base::fail::Fail;
use crate::base::ids::Id;

/// The tables.
pub const ORDER_TABLES: &str = "
CREATE TABLE orders(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, run INTEGER NOT NULL,
  expected INTEGER NOT NULL, UNIQUE(peer, run));
CREATE TABLE early(
  peer INTEGER NOT NULL, run INTEGER NOT NULL, sequence INTEGER NOT NULL, packet BLOB NOT NULL,
  PRIMARY KEY(peer, run, sequence)) WITHOUT ROWID;
CREATE TABLE asides(number INTEGER PRIMARY KEY, mark BLOB NOT NULL UNIQUE);
";

/// So many messages without an order are remembered: more than one part of mail holds.
const ASIDES_KEPT: i64 = 20_000;

/// Было ли уже вскрыто такое сообщение без порядка. Почту выдают снова, пока она не подтверждена, а
/// вскрыть одно и то же дважды нельзя.
pub fn aside_known(base: &Connection, mark: &[u8]) -> Result<bool, Fail> {
    let query = "SELECT 1 FROM asides WHERE mark = ?1";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![mark]))?;
    Ok(sql_try(rows.next())?.is_some())
}

/// Запоминает вскрытое сообщение без порядка; давние забываются.
pub fn aside_keep(base: &Connection, mark: &[u8]) -> Result<(), Fail> {
    let insert = "INSERT OR IGNORE INTO asides(mark) VALUES(?1)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![mark]))?;
    let old = base.last_insert_rowid() - ASIDES_KEPT;
    let mut statement = sql_try(base.prepare_cached("DELETE FROM asides WHERE number <= ?1"))?;
    sql_try(statement.execute(params![old]))?;
    Ok(())
}

/// Какое место ждут в этом порядке; `None` — порядок ещё не начался.
pub fn order_expected(base: &Connection, peer: Id, run: u64) -> Result<Option<u64>, Fail> {
    let query = "SELECT expected FROM orders WHERE peer = ?1 AND run = ?2";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64, run as i64]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some(id_of(row, 0)?)),
        None => Ok(None),
    }
}

/// Запоминает, какое место ждут; новый порядок вытесняет самый старый сверх предела.
pub fn order_set(base: &Connection, peer: Id, run: u64, expected: u64) -> Result<(), Fail> {
    let (peer, run) = (peer as i64, run as i64);
    let update = "UPDATE orders SET expected = ?3 WHERE peer = ?1 AND run = ?2";
    let mut statement = sql_try(base.prepare_cached(update))?;
    if sql_try(statement.execute(params![peer, run, expected as i64]))? > 0 {
        return Ok(());
    }
    let insert = "INSERT INTO orders(peer, run, expected) VALUES(?1, ?2, ?3)";
    sql_try(base.execute(insert, params![peer, run, expected as i64]))?;
    let old = "DELETE FROM orders WHERE peer = ?1 AND number NOT IN
        (SELECT number FROM orders WHERE peer = ?1 ORDER BY number DESC LIMIT ?2)";
    sql_try(base.execute(old, params![peer, ORDERS_MAX as i64]))?;
    Ok(())
}

/// Откладывает пришедшее раньше времени. Сверх предела вытесняется самое давнее чужого порядка;
/// если и такого нет, новое не берётся: его пришлют снова.
pub fn early_put(
    base: &Connection,
    peer: Id,
    run: u64,
    sequence: u64,
    packet: &[u8],
) -> Result<(), Fail> {
    let count = "SELECT COUNT(*) FROM early WHERE peer = ?1";
    let mut statement = sql_try(base.prepare_cached(count))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    let many = match sql_try(rows.next())? {
        Some(row) => id_of(row, 0)?,
        None => 0,
    };
    drop(rows);
    let mut statement = sql_try(base.prepare_cached("SELECT SUM(LENGTH(packet)) FROM early"))?;
    let mut rows = sql_try(statement.query([]))?;
    let bytes: Option<i64> = match sql_try(rows.next())? {
        Some(row) => sql_try(row.get(0))?,
        None => None,
    };
    drop(rows);
    if bytes.unwrap_or(0) as u64 >= EARLY_BYTES_MAX {
        return Ok(());
    }
    if many >= EARLY_MAX {
        let other = "DELETE FROM early WHERE peer = ?1 AND run != ?2";
        if sql_try(base.execute(other, params![peer as i64, run as i64]))? == 0 {
            return Ok(());
        }
    }
    let insert = "INSERT OR IGNORE INTO early(peer, run, sequence, packet) VALUES(?1, ?2, ?3, ?4)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![peer as i64, run as i64, sequence as i64, packet]))?;
    Ok(())
}

/// Самое раннее отложенное место следующего порядка этого человека (после названного).
pub fn early_first(base: &Connection, peer: Id, run: u64) -> Result<Option<(u64, u64)>, Fail> {
    let query = "SELECT run, sequence FROM early WHERE peer = ?1 AND run > ?2
        ORDER BY run, sequence LIMIT 1";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64, run as i64]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some((id_of(row, 0)?, id_of(row, 1)?))),
        None => Ok(None),
    }
}

/// Забирает отложенное на этом месте.
pub fn early_take(
    base: &Connection,
    peer: Id,
    run: u64,
    sequence: u64,
) -> Result<Option<Vec<u8>>, Fail> {
    let place = params![peer as i64, run as i64, sequence as i64];
    let query = "SELECT packet FROM early WHERE peer = ?1 AND run = ?2 AND sequence = ?3";
    let found: Option<Vec<u8>> = {
        let mut statement = sql_try(base.prepare_cached(query))?;
        let mut rows = sql_try(statement.query(place))?;
        match sql_try(rows.next())? {
            Some(row) => Some(sql_try(row.get(0))?),
            None => None,
        }
    };
    if found.is_some() {
        let remove = "DELETE FROM early WHERE peer = ?1 AND run = ?2 AND sequence = ?3";
        let mut statement = sql_try(base.prepare_cached(remove))?;
        sql_try(statement.execute(place))?;
    }
    Ok(found)
}
