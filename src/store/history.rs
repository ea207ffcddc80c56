//! The messages of history.db: every text of one's own life and the words to find it by. A caller
//! (the filesaver) begins and commits; nothing here knows of links or of what waits for delivery.
//! Сообщения в history.db: все свои тексты и слова, по которым они находятся. Запись начинает и
//! кончает вызывающий (filesaver); о линиях и о том, что ждёт доставки, здесь ничего не известно.

use rusqlite::{Connection, Row, Rows, params};

use super::base::{bytes_of, id_of, sql_try};
use super::files::{file_add, file_known, files_drop, files_drop_all};
pub use super::past::{history_find, history_last, history_page, history_past, history_quote};
use super::words::{words_add, words_drop, words_drop_begin, words_drop_end};
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::logic::show::ReceiptState;
use crate::wire::message::{ENVELOPE_OFFER, ENVELOPE_TEXT, Envelope, MessageId, Offer, text_shown};

/// The tables of a new database. Numbers of SQLite are signed 64-bit; ids and times fit.
/// `state`: 0 queued, 1 stored, 2 delivered, 3 read (outgoing). `hidden`: 0 shown and found,
/// 1 wiped (the row only tells a repeat), 2 not kept: shown until seen. Hidden 1 is always seen,
/// hidden 2 never is. No index entry stands for what is wiped or read, so none is walked over.
pub const HISTORY_TABLES: &str = "
CREATE TABLE messages(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, outgoing INTEGER NOT NULL, id BLOB NOT NULL,
  text TEXT NOT NULL, sent INTEGER NOT NULL, received INTEGER NOT NULL, seen INTEGER NOT NULL,
  read INTEGER NOT NULL DEFAULT 0, edited INTEGER NOT NULL DEFAULT 0, reply BLOB,
  state INTEGER NOT NULL DEFAULT 0, hidden INTEGER NOT NULL DEFAULT 0,
  UNIQUE(peer, outgoing, id));
CREATE INDEX messages_shown ON messages(peer) WHERE hidden <> 1;
CREATE INDEX messages_unseen ON messages(peer) WHERE seen = 0;
CREATE INDEX messages_unread ON messages(peer) WHERE outgoing = 1 AND state < 3;
CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='unicode61 remove_diacritics 2');
INSERT INTO words(words, rank) VALUES('secure-delete', 1);
";

/// From version 1: new columns get their first values without a row being written. Version 1 knew
/// only delivery: everything is delivered but what has no time of it.
pub const HISTORY_UPGRADE_2: &str = "
ALTER TABLE messages ADD COLUMN read INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN reply BLOB;
ALTER TABLE messages ADD COLUMN state INTEGER NOT NULL DEFAULT 2;
ALTER TABLE messages ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
UPDATE messages SET state = 0 WHERE outgoing = 1 AND received = 0;
DROP INDEX messages_peer;
CREATE INDEX messages_shown ON messages(peer) WHERE hidden <> 1;
CREATE INDEX messages_unread ON messages(peer) WHERE outgoing = 1 AND state < 3;
INSERT INTO words(words, rank) VALUES('secure-delete', 1);
";

/// At most so many messages become read at once; older ones at the next time.
const READ_MANY: i64 = 10_000;
/// More messages than this are wiped from the index of words together, not one by one.
const DROP_MANY: i64 = 500;

/// Время для столбца; чужое время бывает любым, а числа SQLite — со знаком.
fn time_of(wall_ms: u64) -> i64 {
    i64::try_from(wall_ms).unwrap_or(i64::MAX)
}

/// Предложение файла, которое несёт конверт.
fn offer_of(envelope: &Envelope) -> Option<&Offer> {
    if envelope.kind == ENVELOPE_OFFER { envelope.offer.as_ref() } else { None }
}

/// Ложится ли такой конверт в историю: текст и предложение файла, если оно не взято назад.
pub fn history_holds(envelope: &Envelope) -> bool {
    envelope.kind == ENVELOPE_TEXT || offer_of(envelope).is_some()
}

/// Дописывает сообщение; его номер в базе, `None` — повтор (узнаётся по id и не меняет ничего).
/// Без `keep` остаётся пустая строка, а непрочитанное входящее ждёт, пока его увидят. У файла
/// текста нет, он находится по имени; повтор узнаётся и по номеру передачи.
pub fn history_add(
    base: &Connection,
    peer: Id,
    outgoing: bool,
    envelope: &Envelope,
    received: u64,
    seen: bool,
    keep: bool,
) -> Result<Option<i64>, Fail> {
    let seen = seen || outgoing;
    let hidden: i64 = match (keep, seen) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    };
    let offer = offer_of(envelope);
    let text = match offer {
        Some(offer) if file_known(base, peer, outgoing, &offer.transfer)? => return Ok(None),
        None if hidden != 1 => text_shown(&envelope.text),
        Some(_) | None => String::new(),
    };
    let reply = if envelope.about == [0; 16] { None } else { Some(&envelope.about[..]) };
    let insert = "INSERT OR IGNORE INTO
        messages(peer, outgoing, id, text, sent, received, seen, reply, state, hidden)
        VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    let added = sql_try(statement.execute(params![
        peer as i64,
        outgoing,
        &envelope.id[..],
        text,
        time_of(envelope.time),
        time_of(received),
        seen,
        reply,
        hidden
    ]))?;
    if added == 0 {
        return Ok(None);
    }
    let number = base.last_insert_rowid();
    let found_by = match offer {
        Some(offer) if hidden != 1 => file_add(base, number, peer, offer)?,
        Some(_) | None => text,
    };
    if hidden == 0 {
        words_add(base, number, &found_by)?;
    }
    Ok(Some(number))
}

/// Новый текст сообщения. `false` — такого нет, это файл, оно стёрто или изменено позже, чем `at`;
/// две правки одной миллисекунды случились в том порядке, в каком пришли.
pub fn history_edit(
    base: &Connection,
    peer: Id,
    outgoing: bool,
    message: &MessageId,
    text: &str,
    at: u64,
) -> Result<bool, Fail> {
    let select = "SELECT number, text, hidden FROM messages WHERE peer = ?1 AND outgoing = ?2
        AND id = ?3 AND hidden <> 1 AND edited <= ?4
        AND NOT EXISTS (SELECT 1 FROM files WHERE files.number = messages.number)";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows =
        sql_try(statement.query(params![peer as i64, outgoing, &message[..], time_of(at)]))?;
    let Some(row) = sql_try(rows.next())? else {
        return Ok(false);
    };
    let number: i64 = sql_try(row.get(0))?;
    let before: String = sql_try(row.get(1))?;
    let hidden: i64 = sql_try(row.get(2))?;
    drop(rows);
    if hidden == 0 {
        words_drop(base, number, &before)?;
        words_add(base, number, text)?;
    }
    let update = "UPDATE messages SET text = ?2, edited = ?3 WHERE number = ?1";
    let mut statement = sql_try(base.prepare_cached(update))?;
    sql_try(statement.execute(params![number, text, time_of(at)]))?;
    Ok(true)
}

/// Столбцы для `words_drop_all`: по чему сообщение находится, у файла — по имени.
const WORDS_COLUMNS: &str = "number, COALESCE(
    (SELECT name FROM files WHERE files.number = messages.number), text), hidden";

/// Убирает из указателя слова всех строк запроса (номер, текст, hidden).
fn words_drop_all(base: &Connection, mut rows: Rows<'_>) -> Result<(), Fail> {
    while let Some(row) = sql_try(rows.next())? {
        let hidden: i64 = sql_try(row.get(2))?;
        if hidden == 0 {
            let text: String = sql_try(row.get(1))?;
            words_drop(base, sql_try(row.get(0))?, &text)?;
        }
    }
    Ok(())
}

/// Удаляет сообщение у себя, в обе стороны: текст стёрт, строка узнаёт повтор. `true` — было.
pub fn history_hide(base: &Connection, peer: Id, message: &MessageId) -> Result<bool, Fail> {
    let which = "WHERE peer = ?1 AND outgoing IN (0, 1) AND id = ?2 AND hidden <> 1";
    let select = format!("SELECT {WORDS_COLUMNS} FROM messages {which}");
    let mut statement = sql_try(base.prepare_cached(&select))?;
    words_drop_all(base, sql_try(statement.query(params![peer as i64, &message[..]]))?)?;
    files_drop(base, which, params![peer as i64, &message[..]])?;
    let update = format!("UPDATE messages SET text = '', hidden = 1, seen = 1 {which}");
    let mut statement = sql_try(base.prepare_cached(&update))?;
    let hidden = sql_try(statement.execute(params![peer as i64, &message[..]]))?;
    Ok(hidden > 0)
}

/// Стирает всю переписку с человеком; сколько сообщений стёрто. Долгую переписку указатель слов
/// забывает сразу целиком: по одному сообщению это заняло бы минуты.
pub fn history_clear(base: &Connection, peer: Id) -> Result<u64, Fail> {
    let which = "WHERE peer = ?1 AND hidden <> 1";
    let select = format!("SELECT COUNT(*) FROM messages {which}");
    let mut statement = sql_try(base.prepare_cached(&select))?;
    let many: i64 = sql_try(statement.query_row(params![peer as i64], first_of))?;
    if many > DROP_MANY {
        words_drop_begin(base)?;
    }
    let select = format!("SELECT {WORDS_COLUMNS} FROM messages {which}");
    let mut statement = sql_try(base.prepare_cached(&select))?;
    words_drop_all(base, sql_try(statement.query(params![peer as i64]))?)?;
    files_drop_all(base, peer)?;
    if many > DROP_MANY {
        words_drop_end(base)?;
    }
    let update = format!("UPDATE messages SET text = '', hidden = 1, seen = 1 {which}");
    let mut statement = sql_try(base.prepare_cached(&update))?;
    let hidden = sql_try(statement.execute(params![peer as i64]))?;
    Ok(hidden as u64)
}

/// Первый столбец строки.
fn first_of(row: &Row<'_>) -> rusqlite::Result<i64> {
    row.get(0)
}

/// Всё от этого человека увидено; номер самого нового из непрочитанного. Пришедшее при
/// выключенной истории без `keep` стирается, а с ним (её успели включить) остаётся как все.
pub fn history_seen(base: &Connection, peer: Id, keep: bool) -> Result<Option<MessageId>, Fail> {
    let select = "SELECT id FROM messages WHERE peer = ?1 AND seen = 0
        ORDER BY number DESC LIMIT 1";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    let newest: MessageId = match sql_try(rows.next())? {
        Some(row) => bytes_of(row, 0)?,
        None => return Ok(None),
    };
    drop(rows);
    let which = "WHERE peer = ?1 AND seen = 0 AND hidden = 2";
    if keep {
        let select = format!("SELECT {WORDS_COLUMNS} FROM messages {which}");
        let mut statement = sql_try(base.prepare_cached(&select))?;
        let mut rows = sql_try(statement.query(params![peer as i64]))?;
        while let Some(row) = sql_try(rows.next())? {
            let text: String = sql_try(row.get(1))?;
            words_add(base, sql_try(row.get(0))?, &text)?;
        }
    } else {
        files_drop(base, which, params![peer as i64])?;
    }
    let change = if keep { "hidden = 0" } else { "hidden = 1, text = ''" };
    let update = format!("UPDATE messages SET {change} {which}");
    let mut statement = sql_try(base.prepare_cached(&update))?;
    sql_try(statement.execute(params![peer as i64]))?;
    let update = "UPDATE messages SET seen = 1 WHERE peer = ?1 AND seen = 0";
    let mut statement = sql_try(base.prepare_cached(update))?;
    sql_try(statement.execute(params![peer as i64]))?;
    Ok(Some(newest))
}

/// Поднимает состояние исходящего (вниз — никогда) и ставит его время. `true` — поднялось.
pub fn history_state(
    base: &Connection,
    peer: Id,
    message: &MessageId,
    state: ReceiptState,
    at: u64,
) -> Result<bool, Fail> {
    let state = match state {
        ReceiptState::Queued | ReceiptState::Failed => return Ok(false),
        ReceiptState::Stored => 1,
        ReceiptState::Delivered => 2,
        ReceiptState::Read => 3,
    };
    let update = "UPDATE messages SET state = ?3,
        received = CASE WHEN ?3 >= 2 AND received = 0 THEN ?4 ELSE received END,
        read = CASE WHEN ?3 >= 3 AND read = 0 THEN ?4 ELSE read END
        WHERE peer = ?1 AND outgoing = 1 AND id = ?2 AND state < ?3";
    let mut statement = sql_try(base.prepare_cached(update))?;
    let raised =
        sql_try(statement.execute(params![peer as i64, &message[..], state, time_of(at)]))?;
    Ok(raised > 0)
}

/// Собеседник прочитал всё до этого сообщения: номера ставших прочитанными, старые сначала (файлы
/// тоже, но о них не рассказывается: у предложений нет вестей о доставке).
/// За раз не больше `READ_MANY` самых новых, чтобы долгая переписка не остановила запись.
pub fn history_read_upto(
    base: &Connection,
    peer: Id,
    message: &MessageId,
    at: u64,
) -> Result<Vec<MessageId>, Fail> {
    let mut read: Vec<MessageId> = Vec::new();
    let select = "SELECT number, id,
          EXISTS (SELECT 1 FROM files WHERE files.number = messages.number) FROM messages
        WHERE peer = ?1 AND outgoing = 1 AND state < 3 AND number <=
          (SELECT number FROM messages WHERE peer = ?1 AND outgoing = 1 AND id = ?2)
        ORDER BY number DESC LIMIT ?3";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows = sql_try(statement.query(params![peer as i64, &message[..], READ_MANY]))?;
    let mut first: i64 = 0;
    let mut last: i64 = 0;
    while let Some(row) = sql_try(rows.next())? {
        first = sql_try(row.get(0))?;
        last = i64::max(last, first);
        let file: bool = sql_try(row.get(2))?;
        if !file {
            read.push(bytes_of(row, 1)?);
        }
    }
    drop(rows);
    read.reverse();
    let update = "UPDATE messages SET state = 3, read = ?4,
        received = CASE WHEN received = 0 THEN ?4 ELSE received END
        WHERE peer = ?1 AND outgoing = 1 AND state < 3 AND number BETWEEN ?2 AND ?3";
    let mut statement = sql_try(base.prepare_cached(update))?;
    sql_try(statement.execute(params![peer as i64, first, last, time_of(at)]))?;
    Ok(read)
}

/// Сколько не увидено, по людям.
pub fn history_unseen(base: &Connection) -> Result<Vec<(Id, u64)>, Fail> {
    let select = "SELECT peer, COUNT(*) FROM messages WHERE seen = 0 GROUP BY peer";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows = sql_try(statement.query([]))?;
    let mut unseen = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        unseen.push((id_of(row, 0)?, id_of(row, 1)?));
    }
    Ok(unseen)
}
