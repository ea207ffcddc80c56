//! The messages of history.db as they are asked for: the last ones, those with certain words, the
//! one a reference names. Changes nothing. history.rs writes what is read here.
//! Сообщения history.db, о которых спрашивают: последние, с такими-то словами, то, на которое
//! указывает ссылка. Ничего не меняет. Прочитанное здесь пишет history.rs.

use rusqlite::{Connection, Params, Row, Rows, params};

use super::base::{bytes_of, id_of, sql_try};
use super::files::file_of;
use super::words::match_of;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::logic::events::{Found, PastQuery};
use crate::logic::show::{MessageShow, Quote, ReceiptState};
use crate::wire::message::MessageId;

/// Columns of a message as shown, in the order of `show_of`. Of an answered message its first 200
/// characters (`QUOTE_LETTERS`), of an answered file the name.
pub const SHOW_COLUMNS: &str =
    "m.peer, m.outgoing, m.id, m.text, m.sent, m.received, m.read, m.edited, m.reply, m.number,
     m.state, f.name, f.size, f.state, f.path, q.outgoing,
     COALESCE(qf.name, SUBSTR(q.text, 1, 200)), m.author";

/// What `SHOW_COLUMNS` wants joined to the messages `m`: each by its own number, nothing is looked
/// through. The same id in both directions is a forgery by the other side: one's own counts.
pub const SHOW_JOINS: &str = "LEFT JOIN files f ON f.number = m.number
    LEFT JOIN messages q ON q.number = (SELECT a.number FROM messages a
      WHERE m.reply IS NOT NULL AND a.peer = m.peer AND a.outgoing IN (0, 1) AND a.id = m.reply
      AND a.hidden <> 1 ORDER BY a.outgoing DESC LIMIT 1)
    LEFT JOIN files qf ON qf.number = q.number";

/// So many newest rows are looked through for a short reference.
const FIND_MANY: i64 = 10_000;
/// A reference has at least so many hex digits.
const REFERENCE_MIN: usize = 3;
/// Hex digits of a whole message id.
const REFERENCE_WHOLE: usize = 32;

/// Шестнадцатеричные цифры ссылки на сообщение; `None` — это не ссылка.
fn reference_digits(reference: &str) -> Option<String> {
    let mut digits = String::new();
    for letter in reference.trim().chars() {
        if letter == '-' {
            continue;
        }
        if !letter.is_ascii_hexdigit() || digits.len() == REFERENCE_WHOLE {
            return None;
        }
        digits.push(letter.to_ascii_lowercase());
    }
    if digits.len() < REFERENCE_MIN { None } else { Some(digits) }
}

/// Сообщение по ссылке: целый номер или его последние цифры. Ошибки: `MessageUnknown`;
/// `NameAmbiguous` — цифры подходят к двум сообщениям одного человека.
pub fn history_find(base: &Connection, peer: Option<Id>, reference: &str) -> Result<Found, Fail> {
    let unknown = fail(FailKind::MessageUnknown, reference);
    let Some(digits) = reference_digits(reference) else {
        return Err(unknown);
    };
    let mut message: MessageId = [0; 16];
    if digits.len() == REFERENCE_WHOLE {
        if hex::decode_to_slice(&digits, &mut message).is_err() {
            return Err(unknown);
        }
        return found_whole(base, peer, &message, unknown);
    }
    // Без человека ссылка указывает на самое новое подходящее; дальше — как если бы его назвали.
    let peer = match peer {
        Some(known) => known,
        None => match ending_matches(base, None, &digits)?.first() {
            Some(newest) => newest.0,
            None => return Err(unknown),
        },
    };
    let matches = ending_matches(base, Some(peer), &digits)?;
    let Some(newest) = matches.first() else {
        return Err(unknown);
    };
    for other in &matches {
        if other.1 != newest.1 {
            return Err(fail(FailKind::NameAmbiguous, reference));
        }
    }
    found_whole(base, Some(peer), &newest.1, unknown)
}

/// Сообщение по целому номеру. Одинаковый номер в обе стороны — чужая подделка: важно своё.
fn found_whole(
    base: &Connection,
    peer: Option<Id>,
    message: &MessageId,
    unknown: Fail,
) -> Result<Found, Fail> {
    // Людей немного: их перебор по указателю быстрее, чем ещё один указатель на всё.
    let people = match peer {
        Some(_) => "SELECT ?2 AS peer",
        None => {
            "SELECT MIN(peer) AS peer FROM messages WHERE ?2 = 0 UNION ALL
             SELECT (SELECT MIN(peer) FROM messages WHERE peer > people.peer)
             FROM people WHERE people.peer IS NOT NULL"
        }
    };
    let select = format!(
        "WITH RECURSIVE people(peer) AS ({people})
         SELECT m.peer, m.outgoing, m.id, m.text, f.name FROM people CROSS JOIN messages m
         ON m.peer = people.peer AND m.outgoing IN (0, 1) AND m.id = ?1 AND m.hidden <> 1
         LEFT JOIN files f ON f.number = m.number
         ORDER BY m.outgoing DESC, m.number DESC LIMIT 1"
    );
    let mut statement = sql_try(base.prepare_cached(&select))?;
    let rows = sql_try(statement.query(params![&message[..], peer.unwrap_or(0) as i64]))?;
    match found_first(rows)? {
        Some(found) => Ok(found),
        None => Err(unknown),
    }
}

/// Первая строка запроса (peer, outgoing, id, text, имя файла).
fn found_first(mut rows: Rows<'_>) -> Result<Option<Found>, Fail> {
    let Some(row) = sql_try(rows.next())? else {
        return Ok(None);
    };
    let name: Option<String> = sql_try(row.get(4))?;
    let file = name.is_some();
    Ok(Some(Found {
        peer: id_of(row, 0)?,
        outgoing: sql_try(row.get(1))?,
        message: bytes_of(row, 2)?,
        text: match name {
            Some(name) => name,
            None => sql_try(row.get(3))?,
        },
        file,
    }))
}

/// Кто и какие номера из последних строк (человека или всех) кончаются этими цифрами.
fn ending_matches(
    base: &Connection,
    peer: Option<Id>,
    digits: &str,
) -> Result<Vec<(Id, MessageId)>, Fail> {
    let which = match peer {
        Some(_) => "WHERE peer = ?1 AND hidden <> 1",
        None => "WHERE ?1 = 0",
    };
    let select =
        format!("SELECT peer, id, hidden FROM messages {which} ORDER BY number DESC LIMIT ?2");
    let mut statement = sql_try(base.prepare_cached(&select))?;
    let mut rows = sql_try(statement.query(params![peer.unwrap_or(0) as i64, FIND_MANY]))?;
    let mut matches = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        let message: MessageId = bytes_of(row, 1)?;
        let hidden: i64 = sql_try(row.get(2))?;
        if hidden != 1 && hex::encode(message).ends_with(digits) {
            matches.push((id_of(row, 0)?, message));
        }
    }
    Ok(matches)
}

/// Последнее сообщение человеку или от него. Своё — только текст: файл не исправить.
pub fn history_last(base: &Connection, peer: Id, outgoing: bool) -> Result<Option<Found>, Fail> {
    let select = "SELECT m.peer, m.outgoing, m.id, m.text, f.name FROM
        (SELECT * FROM messages WHERE peer = ?1 AND hidden <> 1 ORDER BY number DESC LIMIT ?3) m
        LEFT JOIN files f ON f.number = m.number
        WHERE m.outgoing = ?2 AND (m.outgoing = 0 OR f.name IS NULL)
        ORDER BY m.number DESC LIMIT 1";
    let mut statement = sql_try(base.prepare_cached(select))?;
    found_first(sql_try(statement.query(params![peer as i64, outgoing, FIND_MANY]))?)
}

/// Что было в сообщении, на которое отвечают: своё ли оно и как начинается (у файла — имя).
pub fn history_quote(
    base: &Connection,
    peer: Id,
    message: &MessageId,
) -> Result<Option<Quote>, Fail> {
    let select = "SELECT m.outgoing, COALESCE(f.name, SUBSTR(m.text, 1, 200)) FROM messages m
        LEFT JOIN files f ON f.number = m.number
        WHERE m.peer = ?1 AND m.outgoing IN (0, 1) AND m.id = ?2 AND m.hidden <> 1
        ORDER BY m.outgoing DESC LIMIT 1";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows = sql_try(statement.query(params![peer as i64, &message[..]]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some((sql_try(row.get(0))?, sql_try(row.get(1))?))),
        None => Ok(None),
    }
}

/// Прошлое: последние сообщения с человеком или найденные по словам, старые сначала.
pub fn history_past(base: &Connection, query: &PastQuery) -> Result<Vec<MessageShow>, Fail> {
    let mut found = match query {
        PastQuery::Last { peer, many } => {
            let rest = "WHERE m.peer = ?1 AND m.hidden <> 1 ORDER BY m.number DESC LIMIT ?2";
            let values = params![*peer as i64, many_of(*many)];
            past_rows(base, "FROM messages m", rest, values)?
        }
        PastQuery::Unseen { peer, many } => {
            let rest = "WHERE m.peer = ?1 AND m.seen = 0 ORDER BY m.number DESC LIMIT ?2";
            let values = params![*peer as i64, many_of(*many)];
            past_rows(base, "FROM messages m", rest, values)?
        }
        PastQuery::Search { words, many } => {
            // Порядок задаёт сам указатель слов: он идёт от новых и не читает лишнего.
            let from = "FROM words w CROSS JOIN messages m ON m.number = w.rowid";
            let rest = "WHERE words MATCH ?1 AND m.hidden = 0 ORDER BY w.rowid DESC LIMIT ?2";
            past_rows(base, from, rest, params![match_of(words), many_of(*many)])?
        }
        PastQuery::Before { peer, number, many } => {
            let rest = "WHERE m.peer = ?1 AND m.hidden <> 1 AND m.number < ?2
                ORDER BY m.number DESC LIMIT ?3";
            let before = if *number == 0 { i64::MAX } else { many_of(*number) };
            let values = params![*peer as i64, before, many_of(*many)];
            past_rows(base, "FROM messages m", rest, values)?
        }
        PastQuery::After { peer, number, many } => {
            let rest = "WHERE m.peer = ?1 AND m.hidden <> 1 AND m.number > ?2
                ORDER BY m.number LIMIT ?3";
            let values = params![*peer as i64, many_of(*number), many_of(*many)];
            // Эти уже стоят от старых к новым.
            return past_rows(base, "FROM messages m", rest, values);
        }
        PastQuery::Chats => {
            // Людей немного: их перебор по указателю не читает самих сообщений.
            let from = "FROM (WITH RECURSIVE people(peer) AS (
                SELECT MIN(peer) FROM messages WHERE hidden <> 1 UNION ALL
                SELECT (SELECT MIN(peer) FROM messages WHERE peer > people.peer AND hidden <> 1)
                FROM people WHERE people.peer IS NOT NULL) SELECT peer FROM people) people
                CROSS JOIN messages m ON m.number =
                (SELECT MAX(number) FROM messages WHERE peer = people.peer AND hidden <> 1)";
            past_rows(base, from, "ORDER BY m.number DESC", params![])?
        }
    };
    found.reverse();
    Ok(found)
}

/// Страница прошлого и есть ли в ту же сторону ещё: спрашивается на одно сообщение больше.
pub fn history_page(
    base: &Connection,
    query: &PastQuery,
) -> Result<(Vec<MessageShow>, bool), Fail> {
    let (wider, many) = match query {
        PastQuery::Before { peer, number, many } => {
            let (peer, number, wider) = (*peer, *number, many.saturating_add(1));
            (PastQuery::Before { peer, number, many: wider }, *many)
        }
        PastQuery::After { peer, number, many } => {
            let (peer, number, wider) = (*peer, *number, many.saturating_add(1));
            (PastQuery::After { peer, number, many: wider }, *many)
        }
        PastQuery::Last { .. }
        | PastQuery::Unseen { .. }
        | PastQuery::Search { .. }
        | PastQuery::Chats => return Ok((history_past(base, query)?, false)),
    };
    let mut found = history_past(base, &wider)?;
    let more = found.len() as u64 > many;
    if more && matches!(query, PastQuery::Before { .. }) {
        found.remove(0);
    } else if more {
        found.pop();
    }
    Ok((found, more))
}

/// Число строк для LIMIT: отрицательное значило бы «все».
fn many_of(many: u64) -> i64 {
    i64::try_from(many).unwrap_or(i64::MAX)
}

/// Сообщения, которые отбирает запрос: откуда (`m` — сообщения) и какие.
fn past_rows<P: Params>(
    base: &Connection,
    from: &str,
    rest: &str,
    values: P,
) -> Result<Vec<MessageShow>, Fail> {
    let select = format!("SELECT {SHOW_COLUMNS} {from} {SHOW_JOINS} {rest}");
    let mut statement = sql_try(base.prepare_cached(&select))?;
    let mut rows = sql_try(statement.query(values))?;
    let mut found = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        found.push(show_of(row)?);
    }
    Ok(found)
}

/// Строка запроса как сообщение; имя допишет логика.
pub fn show_of(row: &Row<'_>) -> Result<MessageShow, Fail> {
    let answered: Option<Vec<u8>> = sql_try(row.get(8))?;
    let reply: MessageId = match answered {
        Some(_) => bytes_of(row, 8)?,
        None => [0; 16],
    };
    let quoted: Option<String> = sql_try(row.get(16))?;
    let quote = match quoted {
        Some(text) => Some((sql_try(row.get(15))?, text)),
        None => None,
    };
    Ok(MessageShow {
        peer: id_of(row, 0)?,
        name: String::new(),
        message: bytes_of(row, 2)?,
        text: sql_try(row.get(3))?,
        outgoing: sql_try(row.get(1))?,
        sent: id_of(row, 4)?,
        received: id_of(row, 5)?,
        read: id_of(row, 6)?,
        edited: id_of(row, 7)?,
        reply,
        past: true,
        number: id_of(row, 9)?,
        state: state_of(sql_try(row.get(10))?, sql_try(row.get(1))?),
        file: file_of(row, 11)?,
        quote,
        author: id_of(row, 17)?,
        author_name: String::new(),
    })
}

/// Состояние сообщения по его столбцу; чужое всегда доставлено.
fn state_of(column: i64, outgoing: bool) -> ReceiptState {
    match (outgoing, column) {
        (true, 0) => ReceiptState::Queued,
        (true, 1) => ReceiptState::Stored,
        (true, 3) => ReceiptState::Read,
        (_, _) => ReceiptState::Delivered,
    }
}
