//! history.db: every message of one's own life and what still waits for delivery. One SQLite file
//! in WAL mode; a commit is on disk before anybody hears of it.
//! history.db: все свои сообщения и то, что ещё ждёт доставки. Один файл SQLite в режиме WAL;
//! сначала запись на диске, потом о ней узнают.

use std::path::Path;

use rusqlite::{Connection, Row, params};

use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::logic::events::{OutboxRow, PastQuery};
use crate::logic::show::MessageShow;
use crate::wire::control::body_read;
use crate::wire::message::{ENVELOPE_TEXT, Envelope, MessageId, envelope_bytes, text_shown};

/// Version of the tables below.
const SCHEMA: i64 = 1;

/// The tables. Numbers of SQLite are signed 64-bit; ids, times and sequences fit.
const TABLES: &str = "
CREATE TABLE messages(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, outgoing INTEGER NOT NULL, id BLOB NOT NULL,
  text TEXT NOT NULL, sent INTEGER NOT NULL, received INTEGER NOT NULL, seen INTEGER NOT NULL,
  UNIQUE(peer, outgoing, id));
CREATE INDEX messages_peer ON messages(peer, number);
CREATE INDEX messages_unseen ON messages(peer) WHERE seen = 0;
CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='unicode61 remove_diacritics 2');
CREATE TABLE outbox(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, id BLOB NOT NULL, envelope BLOB NOT NULL,
  UNIQUE(peer, id));
";

/// What the client needs of the database at its start.
#[derive(Debug, Default)]
pub struct Remembered {
    pub outbox: Vec<OutboxRow>,
    pub unseen: Vec<(Id, u64)>,
}

/// Ошибка SQLite как наша; полный диск узнаётся и здесь.
fn sql_try<T>(result: rusqlite::Result<T>) -> Result<T, Fail> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => {
            let full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
            let kind = if full { FailKind::DiskFull } else { FailKind::FileWrite };
            Err(fail(kind, &format!("history.db: {error}")))
        }
    }
}

/// Открывает базу; новая получает таблицы. База новее программы — ошибка, она не трогается.
pub fn history_open(path: &Path) -> Result<Connection, Fail> {
    let base = sql_try(Connection::open(path))?;
    sql_try(base.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    ))?;
    let version = number_of(&base, "PRAGMA user_version")?;
    if version > SCHEMA {
        return Err(fail(FailKind::HomeBad, &format!("history.db: {version} > {SCHEMA}")));
    }
    if version < SCHEMA {
        let made = format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version={SCHEMA}; COMMIT;");
        sql_try(base.execute_batch(&made))?;
    }
    Ok(base)
}

/// Одно число из запроса без переменных; нет строки — ноль.
fn number_of(base: &Connection, query: &str) -> Result<i64, Fail> {
    let mut statement = sql_try(base.prepare(query))?;
    let mut rows = sql_try(statement.query([]))?;
    match sql_try(rows.next())? {
        Some(row) => sql_try(row.get(0)),
        None => Ok(0),
    }
}

/// Читает всё, что нужно при запуске.
pub fn history_remember(base: &Connection) -> Result<Remembered, Fail> {
    let mut found = Remembered::default();
    let mut statement = sql_try(base.prepare("SELECT peer, envelope FROM outbox ORDER BY number"))?;
    let mut rows = sql_try(statement.query([]))?;
    while let Some(row) = sql_try(rows.next())? {
        let bytes: Vec<u8> = sql_try(row.get(1))?;
        let envelope: Envelope = body_read("outbox", &bytes)?;
        found.outbox.push(OutboxRow { peer: id_of(row, 0)?, envelope });
    }
    let unseen = "SELECT peer, COUNT(*) FROM messages WHERE seen = 0 GROUP BY peer";
    let mut statement = sql_try(base.prepare(unseen))?;
    let mut rows = sql_try(statement.query([]))?;
    while let Some(row) = sql_try(rows.next())? {
        found.unseen.push((id_of(row, 0)?, id_of(row, 1)?));
    }
    Ok(found)
}

/// Неотрицательное число из столбца.
fn id_of(row: &Row<'_>, column: usize) -> Result<u64, Fail> {
    let number: i64 = sql_try(row.get(column))?;
    Ok(number as u64)
}

/// Начинает запись; всё до `history_commit` попадает на диск вместе.
pub fn history_begin(base: &Connection) -> Result<(), Fail> {
    sql_try(base.execute_batch("BEGIN IMMEDIATE"))
}

/// Кончает запись: после этого она на диске.
pub fn history_commit(base: &Connection) -> Result<(), Fail> {
    sql_try(base.execute_batch("COMMIT"))
}

/// Отменяет запись.
pub fn history_rollback(base: &Connection) {
    let _ = base.execute_batch("ROLLBACK");
}

/// Слова для поиска: каждый китайский, японский и корейский знак — отдельное слово, иначе
/// целая строка была бы одним словом и внутри неё ничего не нашлось бы.
fn words_of(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for letter in text.chars() {
        let wide = matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
            | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
        if wide {
            words.push(' ');
            words.push(letter);
            words.push(' ');
        } else {
            words.push(letter);
        }
    }
    words
}

/// Дописывает сообщение в историю; повтор по номеру не меняет ничего. `true` — новое.
fn message_add(
    base: &Connection,
    peer: Id,
    outgoing: bool,
    envelope: &Envelope,
    received: u64,
    seen: bool,
) -> Result<bool, Fail> {
    let text = text_shown(&envelope.text);
    let insert = "INSERT OR IGNORE INTO messages(peer, outgoing, id, text, sent, received, seen)
        VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    let added = sql_try(statement.execute(params![
        peer as i64,
        outgoing,
        &envelope.id[..],
        text,
        envelope.time as i64,
        received as i64,
        seen
    ]))?;
    if added == 0 {
        return Ok(false);
    }
    let insert = "INSERT INTO words(rowid, text) VALUES(?1, ?2)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![base.last_insert_rowid(), words_of(&text)]))?;
    Ok(true)
}

/// Исходящее: в очередь доставки и, если это текст, в историю.
pub fn history_keep(base: &Connection, peer: Id, envelope: &Envelope) -> Result<(), Fail> {
    let bytes = envelope_bytes(envelope)?;
    let insert = "INSERT OR IGNORE INTO outbox(peer, id, envelope) VALUES(?1, ?2, ?3)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![peer as i64, &envelope.id[..], bytes]))?;
    if envelope.kind == ENVELOPE_TEXT {
        message_add(base, peer, true, envelope, 0, true)?;
    }
    Ok(())
}

/// Исходящее подтверждено: из очереди долой, в историю — время получения.
pub fn history_confirm(
    base: &Connection,
    peer: Id,
    message: &MessageId,
    at: u64,
) -> Result<(), Fail> {
    let remove = "DELETE FROM outbox WHERE peer = ?1 AND id = ?2";
    let mut statement = sql_try(base.prepare_cached(remove))?;
    sql_try(statement.execute(params![peer as i64, &message[..]]))?;
    let update = "UPDATE messages SET received = ?3
        WHERE peer = ?1 AND outgoing = 1 AND id = ?2 AND received = 0";
    let mut statement = sql_try(base.prepare_cached(update))?;
    sql_try(statement.execute(params![peer as i64, &message[..], at as i64]))?;
    Ok(())
}

/// Входящее: в историю. `true` — такого ещё не было; повтор (потерялось подтверждение, кто-то
/// перезапустился) узнаётся по номеру сообщения и не появится второй раз никогда.
pub fn history_accept(
    base: &Connection,
    peer: Id,
    envelope: &Envelope,
    received: u64,
    seen: bool,
) -> Result<bool, Fail> {
    if envelope.kind != ENVELOPE_TEXT {
        return Ok(true);
    }
    message_add(base, peer, false, envelope, received, seen)
}

/// Всё от этого человека прочитано.
pub fn history_seen(base: &Connection, peer: Id) -> Result<(), Fail> {
    let update = "UPDATE messages SET seen = 1 WHERE peer = ?1 AND seen = 0";
    let mut statement = sql_try(base.prepare_cached(update))?;
    sql_try(statement.execute(params![peer as i64]))?;
    Ok(())
}

/// Человек удалён или закрыт: ждать доставки нечему. История остаётся.
pub fn history_forget(base: &Connection, peer: Id) -> Result<(), Fail> {
    sql_try(base.execute("DELETE FROM outbox WHERE peer = ?1", params![peer as i64]))?;
    Ok(())
}

/// Прошлое: последние сообщения с человеком или найденные по словам, старые сначала.
pub fn history_past(base: &Connection, query: &PastQuery) -> Result<Vec<MessageShow>, Fail> {
    let columns = "SELECT m.peer, m.outgoing, m.id, m.text, m.sent, m.received FROM messages m";
    let mut found = match query {
        PastQuery::Last { peer, many } => {
            let text = format!("{columns} WHERE m.peer = ?1 ORDER BY m.number DESC LIMIT ?2");
            let mut statement = sql_try(base.prepare_cached(&text))?;
            let rows = sql_try(statement.query(params![*peer as i64, *many as i64]))?;
            past_rows(rows)?
        }
        PastQuery::Search { words, many } => {
            let text = format!(
                "{columns} JOIN words w ON w.rowid = m.number WHERE words MATCH ?1
                 ORDER BY m.number DESC LIMIT ?2"
            );
            let mut statement = sql_try(base.prepare_cached(&text))?;
            let rows = sql_try(statement.query(params![match_of(words), *many as i64]))?;
            past_rows(rows)?
        }
    };
    found.reverse();
    Ok(found)
}

/// Слова человека как запрос FTS5: каждое в кавычках (знаки запроса ничего не значат), все
/// обязательны, последнее может быть началом слова.
fn match_of(words: &str) -> String {
    let mut query = String::new();
    for word in words.split_whitespace() {
        let clean = words_of(&word.replace('"', " "));
        query.push_str(&format!("\"{}\" ", clean.trim()));
    }
    let trimmed = query.trim_end();
    if trimmed.is_empty() {
        return String::from("\"\"");
    }
    format!("{trimmed}*")
}

/// Строки запроса как сообщения; имена допишет логика.
fn past_rows(mut rows: rusqlite::Rows<'_>) -> Result<Vec<MessageShow>, Fail> {
    let mut found = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        let bytes: Vec<u8> = sql_try(row.get(2))?;
        let mut message: MessageId = [0; 16];
        if bytes.len() == 16 {
            message.copy_from_slice(&bytes);
        }
        found.push(MessageShow {
            peer: id_of(row, 0)?,
            name: String::new(),
            message,
            text: sql_try(row.get(3))?,
            outgoing: sql_try(row.get(1))?,
            sent: id_of(row, 4)?,
            received: id_of(row, 5)?,
            past: true,
        });
    }
    Ok(found)
}
