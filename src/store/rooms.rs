//! Rooms in history.db: their lists, the states of the copies of one's own messages, and messages
//! that came before the list that names their author. Who may say what is decided in room_desk.rs.
//! Комнаты в history.db: их списки, состояния копий своих сообщений и то, что пришло раньше списка,
//! называющего автора. Кому что можно говорить, решает room_desk.rs.

use rusqlite::{Connection, Row, params};

use super::base::{bytes_of, id_of, sql_try};
use crate::base::bounds::{
    MAIL_AGE_MS, ROOM_COPIES_MAX, ROOM_MEMBERS_MAX, ROOM_WAITING_EACH, ROOM_WAITING_MAX,
    ROOMS_ASKED_EACH, ROOMS_ASKED_MAX, ROOMS_MAX,
};
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::logic::rooms::{Member, RoomFacts, RoomState};
use crate::logic::show::ReceiptState;
use crate::wire::control::body_read;
use crate::wire::message::{Envelope, MessageId, envelope_bytes};
use crate::wire::room::RoomId;

/// The tables. `messages.peer` is the room's pseudo-id (base/ids.rs), `messages.author` who said
/// it.
/// Copies: how far each member's copy of one's own message is, in the numbers of `messages.state`.
pub const ROOM_TABLES: &str = "
ALTER TABLE messages ADD COLUMN author INTEGER NOT NULL DEFAULT 0;
CREATE TABLE rooms(
  peer INTEGER PRIMARY KEY, room BLOB NOT NULL, nonce BLOB NOT NULL, name TEXT NOT NULL,
  owner INTEGER NOT NULL, version INTEGER NOT NULL, state INTEGER NOT NULL,
  keep INTEGER NOT NULL DEFAULT 1);
CREATE TABLE room_members(
  peer INTEGER NOT NULL, place INTEGER NOT NULL, member INTEGER NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY(peer, member)) WITHOUT ROWID;
CREATE TABLE room_copies(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, message BLOB NOT NULL,
  member INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0, UNIQUE(member, message));
CREATE INDEX room_copies_of ON room_copies(peer, message);
CREATE TABLE room_waiting(
  number INTEGER PRIMARY KEY, room BLOB NOT NULL, author INTEGER NOT NULL,
  received INTEGER NOT NULL, envelope BLOB NOT NULL);
CREATE INDEX room_waiting_of ON room_waiting(room);
";

/// What goes with an owner of the database.
pub const ROOMS_GONE: &str = "
DELETE FROM rooms; DELETE FROM room_members; DELETE FROM room_copies; DELETE FROM room_waiting;
";

/// A message that waits for its room's list.
pub struct Waiting {
    pub author: Id,
    pub received: u64,
    pub envelope: Envelope,
}

/// Состояния комнаты и их числа в базе.
const STATES: [(RoomState, i64); 4] =
    [(RoomState::Asked, 0), (RoomState::Joined, 1), (RoomState::Left, 2), (RoomState::Expelled, 3)];

/// Состояние по числу; незнакомое — комната покинута.
fn room_state_of(number: i64) -> RoomState {
    for (state, known) in STATES {
        if known == number {
            return state;
        }
    }
    RoomState::Left
}

/// Все комнаты, для запуска программы.
pub fn rooms_all(base: &Connection) -> Result<Vec<RoomFacts>, Fail> {
    let query = "SELECT peer, room, nonce, name, owner, version, state, keep FROM rooms";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query([]))?;
    let mut found = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        found.push(room_row(base, row)?);
    }
    Ok(found)
}

/// Комната по её номеру здесь.
pub fn room_get(base: &Connection, peer: Id) -> Result<Option<RoomFacts>, Fail> {
    let query =
        "SELECT peer, room, nonce, name, owner, version, state, keep FROM rooms WHERE peer = ?1";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some(room_row(base, row)?)),
        None => Ok(None),
    }
}

/// Одна строка и участники к ней.
fn room_row(base: &Connection, row: &Row<'_>) -> Result<RoomFacts, Fail> {
    let id = id_of(row, 0)?;
    let query = "SELECT member, name FROM room_members WHERE peer = ?1 ORDER BY place LIMIT ?2";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![id as i64, ROOM_MEMBERS_MAX as i64]))?;
    let mut members = Vec::new();
    while let Some(member) = sql_try(rows.next())? {
        members.push(Member { id: id_of(member, 0)?, name: sql_try(member.get(1))? });
    }
    Ok(RoomFacts {
        id,
        room: bytes_of(row, 1)?,
        nonce: bytes_of(row, 2)?,
        name: sql_try(row.get(3))?,
        owner: id_of(row, 4)?,
        version: id_of(row, 5)?,
        state: room_state_of(sql_try(row.get(6))?),
        keep: sql_try(row.get(7))?,
        members,
    })
}

/// Есть ли место ещё для одного приглашения этого хозяина. Чужие приглашения сверх предела уступают
/// новому: от контакта оно не ждёт и мгновения, и заваливший просьбами ему не помешает.
pub fn asked_room(base: &Connection, owner: Id) -> Result<bool, Fail> {
    let query = "SELECT COUNT(*), COUNT(CASE WHEN owner = ?1 THEN 1 END) FROM rooms
        WHERE state = 0";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![owner as i64]))?;
    let (mut many, mut own) = (0, 0);
    if let Some(row) = sql_try(rows.next())? {
        (many, own) = (id_of(row, 0)?, id_of(row, 1)?);
    }
    drop(rows);
    if many >= ROOMS_ASKED_MAX {
        sql_try(base.execute_batch(
            "DELETE FROM rooms WHERE peer =
             (SELECT peer FROM rooms WHERE state = 0 ORDER BY version LIMIT 1)",
        ))?;
    }
    Ok(own < ROOMS_ASKED_EACH)
}

/// Запоминает комнату целиком. Новой сверх предела уступает место давно покинутая; если такой нет —
/// `false`.
pub fn room_set(base: &Connection, facts: &RoomFacts) -> Result<bool, Fail> {
    let peer = facts.id as i64;
    let mut statement =
        sql_try(base.prepare_cached("SELECT COUNT(*) FROM rooms WHERE peer <> ?1"))?;
    let many: i64 = sql_try(statement.query_row(params![peer], number_row))?;
    if many >= ROOMS_MAX as i64 {
        let old = "DELETE FROM rooms WHERE peer =
            (SELECT peer FROM rooms WHERE state >= 2 AND peer <> ?1 ORDER BY version LIMIT 1)";
        if sql_try(base.execute(old, params![peer]))? == 0 {
            return Ok(false);
        }
    }
    let insert = "INSERT OR REPLACE INTO
        rooms(peer, room, nonce, name, owner, version, state, keep)
        VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    let (owner, version) = (facts.owner as i64, facts.version as i64);
    let state = STATES[facts.state as usize].1;
    sql_try(statement.execute(params![
        peer,
        &facts.room[..],
        &facts.nonce[..],
        facts.name,
        owner,
        version,
        state,
        facts.keep
    ]))?;
    let mut statement = sql_try(base.prepare_cached("DELETE FROM room_members WHERE peer = ?1"))?;
    sql_try(statement.execute(params![peer]))?;
    let insert = "INSERT OR REPLACE INTO room_members(peer, place, member, name)
        VALUES(?1, ?2, ?3, ?4)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    for (place, member) in facts.members.iter().enumerate() {
        sql_try(statement.execute(params![peer, place as i64, member.id as i64, member.name]))?;
    }
    Ok(true)
}

/// Число из первого столбца.
fn number_row(row: &Row<'_>) -> rusqlite::Result<i64> {
    row.get(0)
}

/// Запоминает, как участник назвался.
pub fn member_name_set(base: &Connection, peer: Id, member: Id, name: &str) -> Result<(), Fail> {
    let update = "UPDATE room_members SET name = ?3
        WHERE peer = ?1 AND member = ?2 AND name <> ?3";
    let mut statement = sql_try(base.prepare_cached(update))?;
    sql_try(statement.execute(params![peer as i64, member as i64, name]))?;
    Ok(())
}

/// Кто сказал сообщение, которое в этой строке истории.
pub fn author_set(base: &Connection, number: i64, author: Id) -> Result<(), Fail> {
    let update = "UPDATE messages SET author = ?2 WHERE number = ?1";
    let mut statement = sql_try(base.prepare_cached(update))?;
    sql_try(statement.execute(params![number, author as i64]))?;
    Ok(())
}

/// Чьё в комнате пришедшее сообщение с этим номером; `None` — такого нет.
pub fn author_get(base: &Connection, peer: Id, message: &MessageId) -> Result<Option<Id>, Fail> {
    let query = "SELECT author FROM messages WHERE peer = ?1 AND outgoing = 0 AND id = ?2";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64, &message[..]]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some(id_of(row, 0)?)),
        None => Ok(None),
    }
}

/// Не увиденное в комнате: самое новое каждого автора.
pub fn authors_unseen(base: &Connection, peer: Id) -> Result<Vec<(Id, MessageId)>, Fail> {
    let query = "SELECT author, id, MAX(number) FROM messages WHERE peer = ?1 AND seen = 0
        GROUP BY author LIMIT ?2";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64, ROOM_MEMBERS_MAX as i64]))?;
    let mut found = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        found.push((id_of(row, 0)?, bytes_of(row, 1)?));
    }
    Ok(found)
}

/// Запоминает копию своего сообщения; давние забываются.
pub fn copy_add(base: &Connection, peer: Id, message: &MessageId, member: Id) -> Result<(), Fail> {
    let insert = "INSERT OR IGNORE INTO room_copies(peer, message, member) VALUES(?1, ?2, ?3)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![peer as i64, &message[..], member as i64]))?;
    let old = base.last_insert_rowid() - ROOM_COPIES_MAX;
    let mut statement = sql_try(base.prepare_cached("DELETE FROM room_copies WHERE number <= ?1"))?;
    sql_try(statement.execute(params![old]))?;
    Ok(())
}

/// Число состояния копии.
fn copy_number(state: ReceiptState) -> i64 {
    match state {
        ReceiptState::Queued | ReceiptState::Failed => 0,
        ReceiptState::Stored => 1,
        ReceiptState::Delivered => 2,
        ReceiptState::Read => 3,
    }
}

/// Состояние копии по числу.
fn copy_state(number: i64) -> ReceiptState {
    match number {
        1 => ReceiptState::Stored,
        2 => ReceiptState::Delivered,
        3 => ReceiptState::Read,
        _ => ReceiptState::Queued,
    }
}

/// Поднимает состояние копии; комната, если это копия и она поднялась.
pub fn copy_raise(
    base: &Connection,
    member: Id,
    message: &MessageId,
    state: ReceiptState,
) -> Result<Option<Id>, Fail> {
    let update = "UPDATE room_copies SET state = ?3
        WHERE member = ?1 AND message = ?2 AND state < ?3 RETURNING peer";
    let mut statement = sql_try(base.prepare_cached(update))?;
    let number = copy_number(state);
    let mut rows = sql_try(statement.query(params![member as i64, &message[..], number]))?;
    match sql_try(rows.next())? {
        Some(row) => Ok(Some(id_of(row, 0)?)),
        None => Ok(None),
    }
}

/// Наименьшее из состояний копий сообщения; `None` — копий нет.
pub fn copies_least(
    base: &Connection,
    peer: Id,
    message: &MessageId,
) -> Result<Option<ReceiptState>, Fail> {
    let query = "SELECT MIN(state) FROM room_copies WHERE peer = ?1 AND message = ?2";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64, &message[..]]))?;
    let least: Option<i64> = match sql_try(rows.next())? {
        Some(row) => sql_try(row.get(0))?,
        None => None,
    };
    match least {
        Some(number) => Ok(Some(copy_state(number))),
        None => Ok(None),
    }
}

/// Копии, которые этот участник ещё не прочитал, до своего сообщения `about`, старые сначала.
pub fn copies_upto(
    base: &Connection,
    peer: Id,
    member: Id,
    about: &MessageId,
) -> Result<Vec<MessageId>, Fail> {
    let query = "SELECT message FROM room_copies WHERE peer = ?1 AND member = ?2 AND state < 3
        AND number <= (SELECT number FROM room_copies WHERE member = ?2 AND message = ?3)
        ORDER BY number";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let values = params![peer as i64, member as i64, &about[..]];
    let mut rows = sql_try(statement.query(values))?;
    let mut found = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        found.push(bytes_of(row, 0)?);
    }
    Ok(found)
}

/// Копии этому участнику больше не нужны: во всех комнатах (`room` = 0, только не полученные) или
/// в одной. Чьи это были копии: комната и сообщение.
pub fn copies_forget(
    base: &Connection,
    room: Id,
    member: Id,
) -> Result<Vec<(Id, MessageId)>, Fail> {
    let remove = "DELETE FROM room_copies WHERE member = ?1
        AND ((?2 = 0 AND state < 2) OR peer = ?2) RETURNING peer, message";
    let mut statement = sql_try(base.prepare_cached(remove))?;
    let mut rows = sql_try(statement.query(params![member as i64, room as i64]))?;
    let mut found = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        found.push((id_of(row, 0)?, bytes_of(row, 1)?));
    }
    Ok(found)
}

/// Последнее своё сообщение комнаты и состояния его копий; нет его — нули и пусто.
pub fn copies_last(
    base: &Connection,
    peer: Id,
) -> Result<(MessageId, Vec<(Id, ReceiptState)>), Fail> {
    let query = "SELECT message, member, state FROM room_copies WHERE peer = ?1 AND message =
        (SELECT message FROM room_copies WHERE peer = ?1 ORDER BY number DESC LIMIT 1)";
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    let (mut message, mut states) = ([0; 16], Vec::new());
    while let Some(row) = sql_try(rows.next())? {
        message = bytes_of(row, 0)?;
        states.push((id_of(row, 1)?, copy_state(sql_try(row.get(2))?)));
    }
    Ok((message, states))
}

/// Откладывает сказанное в комнате, пока её список не назовёт автора. `false` — места нет. Давнее
/// уходит: списка, видно, не будет.
pub fn waiting_put(base: &Connection, room: &RoomId, waiting: &Waiting) -> Result<bool, Fail> {
    let (author, received) = (waiting.author as i64, waiting.received as i64);
    let before = received.saturating_sub(MAIL_AGE_MS as i64);
    sql_try(base.execute("DELETE FROM room_waiting WHERE received < ?1", params![before]))?;
    let query = "SELECT COUNT(*), COUNT(CASE WHEN author = ?1 THEN 1 END) FROM room_waiting";
    let mut full = false;
    let mut statement = sql_try(base.prepare_cached(query))?;
    let mut rows = sql_try(statement.query(params![author]))?;
    if let Some(row) = sql_try(rows.next())? {
        if id_of(row, 1)? >= ROOM_WAITING_EACH {
            return Ok(false);
        }
        full = id_of(row, 0)? >= ROOM_WAITING_MAX;
    }
    drop(rows);
    if full {
        // Самое давнее уступает: набивший эту очередь впрок не займёт её навсегда.
        tracing::warn!("room: too much waits for lists, the oldest is dropped");
        sql_try(base.execute_batch(
            "DELETE FROM room_waiting WHERE number = (SELECT MIN(number) FROM room_waiting)",
        ))?;
    }
    let bytes = envelope_bytes(&waiting.envelope)?;
    let insert = "INSERT INTO room_waiting(room, author, received, envelope)
        VALUES(?1, ?2, ?3, ?4)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![&room[..], author, received, bytes]))?;
    Ok(true)
}

/// Забирает всё, что ждало этой комнаты, в порядке прихода.
pub fn waiting_take(base: &Connection, room: &RoomId) -> Result<Vec<Waiting>, Fail> {
    let mut found = Vec::new();
    {
        let query = "SELECT author, received, envelope FROM room_waiting WHERE room = ?1
            ORDER BY number";
        let mut statement = sql_try(base.prepare_cached(query))?;
        let mut rows = sql_try(statement.query(params![&room[..]]))?;
        while let Some(row) = sql_try(rows.next())? {
            let bytes: Vec<u8> = sql_try(row.get(2))?;
            let envelope = body_read("room_waiting", &bytes)?;
            found.push(Waiting { author: id_of(row, 0)?, received: id_of(row, 1)?, envelope });
        }
    }
    let mut statement = sql_try(base.prepare_cached("DELETE FROM room_waiting WHERE room = ?1"))?;
    sql_try(statement.execute(params![&room[..]]))?;
    Ok(found)
}
