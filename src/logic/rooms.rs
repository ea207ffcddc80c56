//! Rooms: what is known of them, how they are named, the commands about them. A room is a list of
//! members that its owner keeps; every other decision is each member's own.
//! Комнаты: что о них известно, как их называют, команды о них. Комната — список участников,
//! который ведёт хозяин; всё прочее каждый участник решает сам (docs/protocol.md, "Rooms").

use super::contacts::{contact_name, is_stranger, who_find};
use super::events::{Out, Standing, out_show};
use super::inbox::Came;
use super::show::{ReceiptState, RoomShow, Show};
use super::state::Client;
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_digits, id_shown};
use crate::crypto::identity::{PublicKey, sha256};
use crate::wire::message::{Envelope, MessageId};
use crate::wire::room::{RoomId, RoomList, RoomNote};

/// What stands before the owner's key when a room's id is made.
const ROOM_LABEL: &[u8] = b"supertext room 1";
/// A room is named by at least so many of its hex digits.
const DIGITS_MIN: usize = 4;

/// How a room and I stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomState {
    /// Invited by somebody who is not a contact; not answered.
    Asked,
    Joined,
    /// Left by oneself.
    Left,
    /// The owner took me out.
    Expelled,
}

/// A member of a room: who, and how he calls himself there.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub id: Id,
    pub name: String,
}

/// What is known of a room (history.db keeps it).
#[derive(Clone, Debug, PartialEq)]
pub struct RoomFacts {
    pub id: Id,
    pub room: RoomId,
    pub nonce: [u8; 16],
    pub name: String,
    pub owner: Id,
    pub version: u64,
    pub state: RoomState,
    /// Its messages stay in the history.
    pub keep: bool,
    pub members: Vec<Member>,
}

/// A room while the program runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    pub facts: RoomFacts,
    pub unread: u64,
    /// Something came while it was open: tell then that it is read.
    pub read_ms: Option<u64>,
}

/// A command about rooms.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomCommand {
    Make { name: String, whos: Vec<String> },
    List,
    Invite { room: String, who: String },
    Expel { room: String, who: String },
    Leave(String),
    Members(String),
}

/// What the logic wants of the desk about rooms.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomOrder {
    /// This is so now; the letters that say it go out with it.
    Change { facts: Box<RoomFacts>, letters: Vec<(Id, Envelope)> },
    /// A message of one's own: a copy to each of these.
    Send { to: Vec<Id>, envelope: Envelope, keep: bool },
    /// Keep its messages in the history or not.
    Keep { room: Id, on: bool },
    /// Who has the last message of one's own? `Members` follows.
    Members { room: Id },
}

/// What the desk tells of rooms.
#[derive(Debug)]
pub enum RoomTold {
    /// A list came and is on disk; what was known before.
    Listed { facts: RoomFacts, before: Option<RoomFacts> },
    /// A member said something; it is on disk.
    Said { room: Id, author: Id, envelope: Envelope, came: Came },
    /// A member left.
    Left { room: Id, member: Id },
    /// All copies of a message of one's own reached this state.
    Reached { room: Id, message: MessageId, state: ReceiptState, at: u64 },
    /// All is seen: of each author, the newest that was not before.
    SeenUpto { room: Id, authors: Vec<(Id, MessageId)> },
    /// The last message of one's own and how far each copy of it is.
    Members { room: Id, message: MessageId, states: Vec<(Id, ReceiptState)> },
}

/// Постоянный номер комнаты: хеш ключа хозяина и случайного числа. Поэтому хозяина не подменить:
/// чужой ключ такого номера не даст.
pub fn room_id_make(owner: &PublicKey, nonce: &[u8; 16]) -> RoomId {
    let mut bytes = ROOM_LABEL.to_vec();
    bytes.extend_from_slice(owner);
    bytes.extend_from_slice(nonce);
    let mut room = [0; 16];
    room.copy_from_slice(&sha256(&bytes)[..16]);
    room
}

/// Загружает комнаты при запуске. Кто был нужен только ради комнат, которых больше нет, уходит.
pub fn rooms_load(client: &mut Client, rooms: &[RoomFacts], unseen: &[(Id, u64)]) {
    for facts in rooms {
        let room = Room { facts: facts.clone(), unread: 0, read_ms: None };
        client.rooms.insert(facts.id, room);
    }
    for (id, many) in unseen {
        if let Some(room) = client.rooms.get_mut(id) {
            room.unread = *many;
        }
    }
    let mut idle: Vec<Id> = Vec::new();
    for contact in client.contacts.values() {
        let member = contact.standing == Standing::Member;
        if member && contact.outbox.is_empty() && !is_member(client, contact.id) {
            idle.push(contact.id);
        }
    }
    for id in idle {
        client.contacts.remove(&id);
        client.contacts_dirty = true;
        client.limits_dirty = true;
    }
}

/// Есть ли этот человек хоть в одной комнате, где есть и мы.
pub fn is_member(client: &Client, id: Id) -> bool {
    for room in client.rooms.values() {
        if room.facts.state == RoomState::Joined && member_in(&room.facts, id) {
            return true;
        }
    }
    false
}

/// Есть ли человек в этом списке.
pub fn member_in(facts: &RoomFacts, id: Id) -> bool {
    for member in &facts.members {
        if member.id == id {
            return true;
        }
    }
    false
}

/// Имя комнаты для показа: `#имя`, а без имени — её номер.
pub fn room_name(client: &Client, id: Id) -> String {
    match client.rooms.get(&id) {
        Some(room) if !room.facts.name.is_empty() => format!("#{}", room.facts.name),
        Some(_) | None => id_digits(id),
    }
}

/// Имя автора для показа: контакт — как он записан; чужой — как он назвался, с `~` впереди, чтобы
/// не сойти за контакт; без имени — номер.
pub fn author_name(client: &Client, room: Id, author: Id) -> String {
    match client.rooms.get(&room) {
        Some(room) => name_in(client, &room.facts.members, author),
        None => name_in(client, &[], author),
    }
}

/// То же, когда участники известны.
pub fn name_in(client: &Client, members: &[Member], author: Id) -> String {
    if let Some(contact) = client.contacts.get(&author) {
        if contact.standing != Standing::Member && !is_stranger(contact) {
            return contact_name(client, author);
        }
    }
    for member in members {
        if member.id == author && !member.name.is_empty() {
            return format!("~{}", member.name);
        }
    }
    id_shown(author)
}

/// Комната по тому, что ввёл человек: `#имя` (единственное) или `#` и первые знаки номера.
/// Ошибки: `RoomUnknown`, `NameAmbiguous`.
pub fn room_find(client: &Client, who: &str) -> Result<Id, Fail> {
    let unknown = fail(FailKind::RoomUnknown, who);
    let word = who.trim().trim_start_matches('#').trim().to_lowercase();
    let mut found: Vec<Id> = Vec::new();
    for (id, room) in &client.rooms {
        let there = matches!(room.facts.state, RoomState::Joined | RoomState::Asked);
        if there && !word.is_empty() && room.facts.name.to_lowercase() == word {
            found.push(*id);
        }
    }
    for (id, room) in &client.rooms {
        // Покинутую комнату по имени находят, только если другой такой нет.
        if found.is_empty() && !word.is_empty() && room.facts.name.to_lowercase() == word {
            found.push(*id);
        }
    }
    if found.is_empty() && word.len() >= DIGITS_MIN {
        for id in client.rooms.keys() {
            if id_digits(*id).trim_start_matches('#').starts_with(&word) {
                found.push(*id);
            }
        }
    }
    match found.len() {
        0 => Err(unknown),
        1 => Ok(found[0]),
        _ => Err(fail(FailKind::NameAmbiguous, who)),
    }
}

/// Человек или комната: комната начинается с `#`.
pub fn chat_find(client: &Client, who: &str) -> Result<Id, Fail> {
    if who.trim_start().starts_with('#') { room_find(client, who) } else { who_find(client, who) }
}

/// Комната, в которой мы есть. Ошибка `RoomUnknown`.
pub fn room_joined(client: &Client, id: Id) -> Result<&Room, Fail> {
    match client.rooms.get(&id) {
        Some(room) if room.facts.state == RoomState::Joined => Ok(room),
        Some(_) | None => Err(fail(FailKind::RoomUnknown, &room_name(client, id))),
    }
}

/// Что о комнате говорится в конверте.
pub fn room_note(facts: &RoomFacts) -> RoomNote {
    RoomNote { room: facts.room, version: facts.version, list: None }
}

/// Список комнаты, как его рассказывает хозяин.
pub fn room_list(facts: &RoomFacts, invite: bool) -> RoomNote {
    let mut members = Vec::new();
    for member in &facts.members {
        members.push(member.id);
    }
    let list = RoomList { name: facts.name.clone(), nonce: facts.nonce, members, invite };
    RoomNote { list: Some(list), ..room_note(facts) }
}

/// Показывает комнату.
pub fn room_show(client: &Client, id: Id, out: &mut Out) {
    if let Some(room) = client.rooms.get(&id) {
        let facts = &room.facts;
        out_show(
            out,
            Show::Room(RoomShow {
                id,
                name: room_name(client, id),
                owner: facts.owner,
                owner_name: person_name(client, id, facts.owner),
                members: facts.members.len(),
                unread: room.unread,
                state: facts.state,
            }),
        );
    }
}

/// Имя участника для показа, своё тоже.
pub fn person_name(client: &Client, room: Id, id: Id) -> String {
    if id == client.me && !client.wishes.name.is_empty() {
        return client.wishes.name.clone();
    }
    author_name(client, room, id)
}

/// Новая версия списка: больше прежней и по часам, чтобы и возвращённая копия базы не отстала.
pub fn version_next(facts: &RoomFacts, now: Time) -> u64 {
    u64::max(facts.version + 1, now.wall_ms)
}

/// Убирает участника из списка.
pub fn member_drop(facts: &mut RoomFacts, id: Id) {
    for index in 0..facts.members.len() {
        if facts.members[index].id == id {
            facts.members.remove(index);
            return;
        }
    }
}
