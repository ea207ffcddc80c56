//! The outbox: outgoing messages until their delivery is confirmed, each with its place in the
//! order and, once it is sealed, the very bytes that travel; they are the same at every repeat.
//! Очередь доставки: исходящее, пока не подтверждено, с местом в порядке и, когда запечатано, с
//! теми самыми байтами, которые едут; при повторах они те же.

use rusqlite::{Connection, Row, params};

use super::base::{bytes_of, id_of, sql_try};
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::logic::events::{OutboxRow, Place};
use crate::wire::control::body_read;
use crate::wire::message::{After, Envelope, MessageId, envelope_bytes};

/// The tables of the outbox.
pub const OUTBOX_TABLES: &str = "
CREATE TABLE outbox(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, id BLOB NOT NULL, envelope BLOB NOT NULL,
  run INTEGER NOT NULL DEFAULT 0, sequence INTEGER NOT NULL DEFAULT 0, packet BLOB,
  stored INTEGER NOT NULL DEFAULT 0, UNIQUE(peer, id));
CREATE INDEX outbox_flying ON outbox(peer) WHERE packet IS NOT NULL AND stored = 0;
CREATE INDEX outbox_unsealed ON outbox(peer, number) WHERE packet IS NULL;
CREATE TABLE orders_out(peer INTEGER PRIMARY KEY, run INTEGER NOT NULL, next INTEGER NOT NULL);
";

/// From version 1: what waits there is sealed when a session is there.
pub const OUTBOX_UPGRADE_2: &str = "
ALTER TABLE outbox ADD COLUMN run INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN packet BLOB;
ALTER TABLE outbox ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_flying ON outbox(peer) WHERE packet IS NOT NULL AND stored = 0;
CREATE INDEX outbox_unsealed ON outbox(peer, number) WHERE packet IS NULL;
CREATE TABLE orders_out(peer INTEGER PRIMARY KEY, run INTEGER NOT NULL, next INTEGER NOT NULL);
";

/// Ставит в очередь; повтор по номеру не меняет ничего. `true` — новое.
pub fn outbox_add(base: &Connection, peer: Id, envelope: &Envelope) -> Result<bool, Fail> {
    let bytes = envelope_bytes(envelope)?;
    let insert = "INSERT OR IGNORE INTO outbox(peer, id, envelope) VALUES(?1, ?2, ?3)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    let added = sql_try(statement.execute(params![peer as i64, &envelope.id[..], bytes]))?;
    Ok(added > 0)
}

/// Запоминает запечатанное и его место в порядке.
pub fn outbox_sealed(
    base: &Connection,
    peer: Id,
    message: &MessageId,
    place: Place,
    packet: &[u8],
) -> Result<(), Fail> {
    let update = "UPDATE outbox SET run = ?3, sequence = ?4, packet = ?5
        WHERE peer = ?1 AND id = ?2";
    let mut statement = sql_try(base.prepare_cached(update))?;
    let (run, sequence) = (place.run as i64, place.sequence as i64);
    sql_try(statement.execute(params![peer as i64, &message[..], run, sequence, packet]))?;
    Ok(())
}

/// Есть ли к этому человеку незапечатанное.
pub fn outbox_open(base: &Connection, peer: Id) -> Result<bool, Fail> {
    let query = "SELECT 1 FROM outbox WHERE peer = ?1 AND packet IS NULL LIMIT 1";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    Ok(sql_try(rows.next())?.is_some())
}

/// Сколько запечатанного к этому человеку в пути: не подтверждено и не лежит на сервере.
pub fn outbox_flying(base: &Connection, peer: Id) -> Result<u64, Fail> {
    let query = "SELECT COUNT(*) FROM outbox
        WHERE peer = ?1 AND packet IS NOT NULL AND stored = 0";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    match sql_try(rows.next())? {
        Some(row) => id_of(row, 0),
        None => Ok(0),
    }
}

/// Незапечатанное к этому человеку, по порядку, не больше названного.
pub fn outbox_unsealed(base: &Connection, peer: Id, many: u64) -> Result<Vec<Envelope>, Fail> {
    let query = "SELECT envelope FROM outbox WHERE peer = ?1 AND packet IS NULL
        ORDER BY number LIMIT ?2";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64, many as i64]))?;
    let mut found = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        let bytes: Vec<u8> = sql_try(row.get(0))?;
        found.push(body_read("outbox", &bytes)?);
    }
    Ok(found)
}

/// Снимает печати со всего неподтверждённого: его запечатают заново, в новом порядке.
pub fn outbox_unseal(base: &Connection, peer: Id) -> Result<(), Fail> {
    let update = "UPDATE outbox SET packet = NULL, stored = 0 WHERE peer = ?1";
    let mut statement = sql_try(base.prepare_cached(update))?;
    sql_try(statement.execute(params![peer as i64]))?;
    Ok(())
}

/// Снимает печати с неподтверждённого, кроме лежащего на сервере подряд с самого начала: оно дойдёт
/// и так, раньше всего, что запечатают теперь.
pub fn outbox_unseal_rest(base: &Connection, peer: Id) -> Result<(), Fail> {
    let update = "UPDATE outbox SET packet = NULL, stored = 0 WHERE peer = ?1 AND number >=
        (SELECT MIN(number) FROM outbox WHERE peer = ?1 AND (stored = 0 OR packet IS NULL))";
    let mut statement = sql_try(base.prepare_cached(update))?;
    sql_try(statement.execute(params![peer as i64]))?;
    Ok(())
}

/// Ждёт ли это сообщение ещё своего подтверждения.
pub fn outbox_waits(base: &Connection, peer: Id, message: &MessageId) -> Result<bool, Fail> {
    let query = "SELECT 1 FROM outbox WHERE peer = ?1 AND id = ?2";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64, &message[..]]))?;
    Ok(sql_try(rows.next())?.is_some())
}

/// Самое раннее неподтверждённое место этого порядка; `None` — такого нет.
pub fn outbox_first(base: &Connection, peer: Id, run: u64) -> Result<Option<u64>, Fail> {
    let query = "SELECT sequence FROM outbox WHERE peer = ?1 AND run = ?2 AND packet IS NOT NULL
        ORDER BY sequence LIMIT 1";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64, run as i64]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some(id_of(row, 0)?)),
        None => Ok(None),
    }
}

/// Место последнего запечатанного и неподтверждённого; `None` — такого нет.
pub fn outbox_last(base: &Connection, peer: Id) -> Result<Option<After>, Fail> {
    let query = "SELECT run, sequence FROM outbox WHERE peer = ?1 AND packet IS NOT NULL
        ORDER BY number DESC LIMIT 1";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some(After { run: id_of(row, 0)?, sequence: id_of(row, 1)? })),
        None => Ok(None),
    }
}

/// Сервер положил это на диск.
pub fn outbox_stored(
    base: &Connection,
    peer: Id,
    message: &MessageId,
    place: Place,
) -> Result<(), Fail> {
    // Место сверяется: тем временем сообщение могли запечатать заново, для другого.
    let update = "UPDATE outbox SET stored = 1
        WHERE peer = ?1 AND id = ?2 AND run = ?3 AND sequence = ?4";
    let (run, sequence) = (place.run as i64, place.sequence as i64);
    let mut statement = sql_try(base.prepare_cached(update))?;
    sql_try(statement.execute(params![peer as i64, &message[..], run, sequence]))?;
    Ok(())
}

/// Всё этого порядка до `upto` подтверждено: убрать и вернуть номера, старые сначала.
pub fn outbox_confirm(
    base: &Connection,
    peer: Id,
    run: u64,
    upto: u64,
) -> Result<Vec<MessageId>, Fail> {
    let within = "peer = ?1 AND run = ?2 AND sequence < ?3 AND packet IS NOT NULL";
    let query = format!("SELECT id FROM outbox WHERE {within} ORDER BY number");
    let mut found = Vec::new();
    let (run, upto) = (run as i64, i64::try_from(upto).unwrap_or(i64::MAX));
    {
        let mut statement = sql_try(base.prepare_cached(&query))?;
        let mut rows = sql_try(statement.query(params![peer as i64, run, upto]))?;
        while let Some(row) = sql_try(rows.next())? {
            found.push(bytes_of::<16>(row, 0)?);
        }
    }
    let mut statement =
        sql_try(base.prepare_cached(&format!("DELETE FROM outbox WHERE {within}")))?;
    sql_try(statement.execute(params![peer as i64, run, upto]))?;
    Ok(found)
}

/// Ничто больше не ждёт этого человека; порядок прерван, следующий начнётся заново.
pub fn outbox_forget(base: &Connection, peer: Id) -> Result<(), Fail> {
    sql_try(base.execute("DELETE FROM outbox WHERE peer = ?1", params![peer as i64]))?;
    sql_try(base.execute("DELETE FROM orders_out WHERE peer = ?1", params![peer as i64]))?;
    Ok(())
}

/// Вся очередь, по порядку, для запуска программы.
pub fn outbox_all(base: &Connection) -> Result<Vec<OutboxRow>, Fail> {
    let query = "SELECT peer, envelope, packet, stored, run, sequence FROM outbox ORDER BY number";
    let mut statement = sql_try(base.prepare(query))?;
    let mut rows = sql_try(statement.query([]))?;
    let mut found = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        found.push(outbox_row(row)?);
    }
    Ok(found)
}

/// Одна строка очереди.
fn outbox_row(row: &Row<'_>) -> Result<OutboxRow, Fail> {
    let bytes: Vec<u8> = sql_try(row.get(1))?;
    let envelope: Envelope = body_read("outbox", &bytes)?;
    let packet: Option<Vec<u8>> = sql_try(row.get(2))?;
    let place = Place { run: id_of(row, 4)?, sequence: id_of(row, 5)? };
    Ok(OutboxRow { peer: id_of(row, 0)?, envelope, packet, place, stored: sql_try(row.get(3))? })
}

/// Порядок исходящего к этому человеку: номер порядка и следующее место. Нет — `None`.
pub fn order_out(base: &Connection, peer: Id) -> Result<Option<(u64, u64)>, Fail> {
    let query = "SELECT run, next FROM orders_out WHERE peer = ?1";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some((id_of(row, 0)?, id_of(row, 1)?))),
        None => Ok(None),
    }
}

/// Запоминает порядок исходящего.
pub fn order_out_set(base: &Connection, peer: Id, run: u64, next: u64) -> Result<(), Fail> {
    let insert = "INSERT OR REPLACE INTO orders_out(peer, run, next) VALUES(?1, ?2, ?3)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![peer as i64, run as i64, next as i64]))?;
    Ok(())
}
