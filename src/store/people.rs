//! Keys in history.db: one's own Olm account, the sessions with each person, whose identity key
//! was seen first (pinned) and whether it was compared by hand (verified).
//! Ключи в history.db: свой счёт Olm, сеансы с каждым человеком, чей ключ личности виден первым
//! (закреплён) и сверен ли он вручную.

use rusqlite::{Connection, Row, params};

use super::base::{base_begin, base_commit, id_of, sql_try};
use super::rooms::ROOMS_GONE;
use crate::base::bounds::SESSIONS_MAX;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::crypto::identity::PublicKey;
use crate::logic::events::PersonFacts;

/// The tables.
pub const PEOPLE_TABLES: &str = "
CREATE TABLE account(one INTEGER PRIMARY KEY CHECK(one = 1), pickle BLOB NOT NULL);
CREATE TABLE sessions(
  peer INTEGER NOT NULL, name TEXT NOT NULL, used INTEGER NOT NULL, pickle BLOB NOT NULL,
  PRIMARY KEY(peer, name));
CREATE TABLE people(
  peer INTEGER PRIMARY KEY, public BLOB NOT NULL, changed BLOB,
  verified INTEGER NOT NULL DEFAULT 0);
CREATE TABLE owner(one INTEGER PRIMARY KEY CHECK(one = 1), public BLOB NOT NULL);
";

/// What goes with an owner.
const OWNER_GONE: &str = "
DELETE FROM account; DELETE FROM sessions; DELETE FROM people; DELETE FROM orders;
DELETE FROM early; DELETE FROM orders_out; DELETE FROM outbox;
";

/// A session as kept.
#[derive(Debug)]
pub struct SessionRow {
    pub name: String,
    pub used: u64,
    pub pickle: Vec<u8>,
}

/// Записывает хозяина базы. Если прежде им был другой, всё, что держалось на его ключе, уходит:
/// счёт, сеансы, ключи людей, порядки, очередь доставки; сообщения остаются.
pub fn owner_claim(base: &Connection, public: &PublicKey) -> Result<(), Fail> {
    let owner: Option<Vec<u8>> = {
        let mut statement = sql_try(base.prepare("SELECT public FROM owner"))?;
        let mut rows = sql_try(statement.query([]))?;
        match sql_try(rows.next())? {
            Some(row) => Some(sql_try(row.get(0))?),
            None => None,
        }
    };
    if owner.as_deref() == Some(&public[..]) {
        return Ok(());
    }
    base_begin(base)?;
    if owner.is_some() {
        sql_try(base.execute_batch(OWNER_GONE))?;
        sql_try(base.execute_batch(ROOMS_GONE))?;
    }
    let insert = "INSERT OR REPLACE INTO owner(one, public) VALUES(1, ?1)";
    sql_try(base.execute(insert, params![&public[..]]))?;
    base_commit(base)
}

/// Забывает все сеансы и порядки: база из копии, её храповики уже шагали дальше. Неподтверждённое
/// остаётся и будет запечатано заново.
pub fn keys_forget(base: &Connection) -> Result<(), Fail> {
    sql_try(base.execute_batch(
        "BEGIN IMMEDIATE; DELETE FROM account; DELETE FROM sessions; DELETE FROM orders;
         DELETE FROM early; DELETE FROM orders_out;
         UPDATE outbox SET packet = NULL, stored = 0; COMMIT;",
    ))
}

/// Свой счёт Olm; `None` — ещё не заведён.
pub fn account_get(base: &Connection) -> Result<Option<Vec<u8>>, Fail> {
    let mut statement = sql_try(base.prepare_cached("SELECT pickle FROM account"))?;
    let mut rows = sql_try(statement.query([]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some(sql_try(row.get(0))?)),
        None => Ok(None),
    }
}

/// Запоминает счёт.
pub fn account_set(base: &Connection, pickle: &[u8]) -> Result<(), Fail> {
    let insert = "INSERT OR REPLACE INTO account(one, pickle) VALUES(1, ?1)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![pickle]))?;
    Ok(())
}

/// Сеансы с человеком, последний употреблённый первым.
pub fn sessions_get(base: &Connection, peer: Id) -> Result<Vec<SessionRow>, Fail> {
    let query = "SELECT name, used, pickle FROM sessions WHERE peer = ?1 ORDER BY used DESC";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    let mut found = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        let (name, pickle) = (sql_try(row.get(0))?, sql_try(row.get(2))?);
        found.push(SessionRow { name, used: id_of(row, 1)?, pickle });
    }
    Ok(found)
}

/// Запоминает сеанс; давние сверх предела уходят.
pub fn session_set(base: &Connection, peer: Id, row: &SessionRow) -> Result<(), Fail> {
    let insert = "INSERT OR REPLACE INTO sessions(peer, name, used, pickle) VALUES(?1,?2,?3,?4)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![peer as i64, row.name, row.used as i64, row.pickle]))?;
    let old = "DELETE FROM sessions WHERE peer = ?1 AND name NOT IN
        (SELECT name FROM sessions WHERE peer = ?1 ORDER BY used DESC LIMIT ?2)";
    let mut statement = sql_try(base.prepare_cached(old))?;
    sql_try(statement.execute(params![peer as i64, SESSIONS_MAX as i64]))?;
    Ok(())
}

/// Забывает один сеанс с человеком.
pub fn session_forget(base: &Connection, peer: Id, name: &str) -> Result<(), Fail> {
    let remove = "DELETE FROM sessions WHERE peer = ?1 AND name = ?2";
    sql_try(base.execute(remove, params![peer as i64, name]))?;
    Ok(())
}

/// Забывает все сеансы с человеком.
pub fn sessions_forget(base: &Connection, peer: Id) -> Result<(), Fail> {
    sql_try(base.execute("DELETE FROM sessions WHERE peer = ?1", params![peer as i64]))?;
    Ok(())
}

/// Что известно о ключе человека.
pub fn person_get(base: &Connection, peer: Id) -> Result<Option<PersonFacts>, Fail> {
    let query = "SELECT peer, public, changed, verified FROM people WHERE peer = ?1";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some(person_row(row)?)),
        None => Ok(None),
    }
}

/// О ключах всех людей, для запуска программы.
pub fn people_all(base: &Connection) -> Result<Vec<PersonFacts>, Fail> {
    let mut statement =
        sql_try(base.prepare("SELECT peer, public, changed, verified FROM people"))?;
    let mut rows = sql_try(statement.query([]))?;
    let mut found = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        found.push(person_row(row)?);
    }
    Ok(found)
}

/// Одна строка.
fn person_row(row: &Row<'_>) -> Result<PersonFacts, Fail> {
    let public: Vec<u8> = sql_try(row.get(1))?;
    let changed: Option<Vec<u8>> = sql_try(row.get(2))?;
    let changed = match changed {
        Some(bytes) => Some(key_of(bytes)?),
        None => None,
    };
    Ok(PersonFacts {
        peer: id_of(row, 0)?,
        public: key_of(public)?,
        changed,
        verified: sql_try(row.get(3))?,
    })
}

/// Ключ из столбца; иная длина — порча.
fn key_of(bytes: Vec<u8>) -> Result<PublicKey, Fail> {
    match bytes.try_into() {
        Ok(key) => Ok(key),
        Err(_) => Err(fail(FailKind::BaseDamaged, "history.db: people")),
    }
}

/// Запоминает ключ человека.
pub fn person_set(base: &Connection, person: &PersonFacts) -> Result<(), Fail> {
    let insert = "INSERT OR REPLACE INTO people(peer, public, changed, verified)
        VALUES(?1, ?2, ?3, ?4)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    let changed = match &person.changed {
        Some(key) => Some(&key[..]),
        None => None,
    };
    let peer = person.peer as i64;
    sql_try(statement.execute(params![peer, &person.public[..], changed, person.verified]))?;
    Ok(())
}
