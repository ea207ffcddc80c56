//! mail.db, the keys: what people published so that others can begin a session with them while
//! they are away. A one-time key is given out once; the server checks no signature, clients do.
//! mail.db, ключи: то, что люди выложили, чтобы с ними можно было начать разговор в их
//! отсутствие. Одноразовый ключ отдаётся один раз; подписи проверяют клиенты, не сервер.

use rusqlite::{Connection, params};

use super::mail::{bytes_of, number_of, sql_try};
use crate::base::bounds::KEYS_MAX;
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::wire::control::Keys;

/// Keys to begin one session with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTaken {
    pub curve: [u8; 32],
    /// The identity's signature of `curve`.
    pub signature: [u8; 64],
    /// A one-time key, or the fallback key when none is left.
    pub key: [u8; 32],
    pub key_signature: [u8; 64],
}

/// Кладёт ключи человека вместо всех прежних; одноразовых не больше `KEYS_MAX`, лишние
/// отбрасываются. Отдаёт, сколько одноразовых теперь лежит.
pub fn keys_put(base: &Connection, id: Id, body: &Keys) -> Result<u64, Fail> {
    let mut statement = sql_try(base.prepare_cached("DELETE FROM one_time WHERE id = ?1"))?;
    sql_try(statement.execute(params![id as i64]))?;
    let replace = "INSERT OR REPLACE INTO keys(id, curve, signature, fallback, fallback_signature)
        VALUES(?1, ?2, ?3, ?4, ?5)";
    let mut statement = sql_try(base.prepare_cached(replace))?;
    sql_try(statement.execute(params![
        id as i64,
        body.curve,
        body.signature,
        body.fallback.key,
        body.fallback.signature
    ]))?;
    let mut left = 0;
    let insert = "INSERT OR IGNORE INTO one_time(id, key, signature) VALUES(?1, ?2, ?3)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    for item in &body.items {
        if left >= KEYS_MAX {
            break;
        }
        left += sql_try(statement.execute(params![id as i64, item.key, item.signature]))? as u64;
    }
    Ok(left)
}

/// Главный ключ человека, если он выкладывал ключи.
pub fn keys_curve(base: &Connection, id: Id) -> Result<Option<[u8; 32]>, Fail> {
    let mut statement = sql_try(base.prepare_cached("SELECT curve FROM keys WHERE id = ?1"))?;
    let mut rows = sql_try(statement.query(params![id as i64]))?;
    let Some(row) = sql_try(rows.next())? else { return Ok(None) };
    Ok(Some(bytes_of(row, 0)?))
}

/// Сколько одноразовых ключей человека лежит.
pub fn keys_left(base: &Connection, id: Id) -> Result<u64, Fail> {
    let select = "SELECT COUNT(*) FROM one_time WHERE id = ?1";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows = sql_try(statement.query(params![id as i64]))?;
    let Some(row) = sql_try(rows.next())? else { return Ok(0) };
    number_of(row, 0)
}

/// Отдаёт ключи человека для одного разговора: старший одноразовый (и убирает его), а когда
/// таких нет — запасной, он остаётся. `None` — человек ничего не выкладывал.
pub fn key_take(base: &Connection, id: Id) -> Result<Option<KeyTaken>, Fail> {
    let select = "SELECT curve, signature, fallback, fallback_signature FROM keys WHERE id = ?1";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows = sql_try(statement.query(params![id as i64]))?;
    let Some(row) = sql_try(rows.next())? else { return Ok(None) };
    let mut taken = KeyTaken {
        curve: bytes_of(row, 0)?,
        signature: bytes_of(row, 1)?,
        key: bytes_of(row, 2)?,
        key_signature: bytes_of(row, 3)?,
    };
    let select =
        "SELECT number, key, signature FROM one_time WHERE id = ?1 ORDER BY number LIMIT 1";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows = sql_try(statement.query(params![id as i64]))?;
    let Some(row) = sql_try(rows.next())? else { return Ok(Some(taken)) };
    let number = number_of(row, 0)?;
    taken.key = bytes_of(row, 1)?;
    taken.key_signature = bytes_of(row, 2)?;
    let mut statement = sql_try(base.prepare_cached("DELETE FROM one_time WHERE number = ?1"))?;
    sql_try(statement.execute(params![number as i64]))?;
    Ok(Some(taken))
}
