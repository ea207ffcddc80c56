//! The commands about rooms: make, list, invite, expel, rename, leave, show members.
//! Команды о комнатах: завести, перечислить, позвать, убрать, назвать, уйти, показать участников.

use super::contacts::{contact_name, is_stranger, name_clean, who_find};
use super::events::{Action, BaseOrder, Out, Random, Standing, out_show};
use super::room_write::{letter_make, letters_push, room_readers, room_tell};
use super::rooms::{
    Member, Room, RoomCommand, RoomFacts, RoomOrder, RoomState, author_name, member_drop,
    member_in, room_find, room_id_make, room_joined, room_list, room_name, room_note, room_show,
    version_next,
};
use super::show::Show;
use super::state::Client;
use crate::base::bounds::{ROOM_MEMBERS_MAX, ROOMS_MAX};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_is_room, id_of_room};
use crate::wire::message::ENVELOPE_LEAVE;

/// Команды о комнатах, по ветке на каждую.
pub fn room_do(
    client: &mut Client,
    command: RoomCommand,
    random: &Random,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    match command {
        RoomCommand::Make { name, whos } => room_make(client, &name, &whos, random, now, out),
        RoomCommand::List => {
            rooms_show(client, out);
            Ok(())
        }
        RoomCommand::Invite { room, who } => member_invite(client, &room, &who, now, out),
        RoomCommand::Expel { room, who } => member_expel(client, &room, &who, now, out),
        RoomCommand::Leave(room) => room_leave(client, &room, now, out),
        RoomCommand::Members(room) => {
            let room =
                if room.is_empty() { chosen_room(client)? } else { room_find(client, &room)? };
            out.actions.push(Action::Base(BaseOrder::Room(RoomOrder::Members { room })));
            Ok(())
        }
    }
}

/// Выбранная комната.
fn chosen_room(client: &Client) -> Result<Id, Fail> {
    match client.chosen {
        Some(id) if id_is_room(id) => Ok(id),
        Some(_) | None => Err(fail(FailKind::ArgumentMissing, "ROOM")),
    }
}

/// Комната, где хозяин — мы. Ошибки: `RoomUnknown`, `RoomOwner`.
fn room_own(client: &Client, who: &str) -> Result<RoomFacts, Fail> {
    let id = room_find(client, who)?;
    let facts = room_joined(client, id)?.facts.clone();
    if facts.owner != client.me {
        let name = author_name(client, id, facts.owner);
        return Err(fail(FailKind::RoomOwner, &name));
    }
    Ok(facts)
}

/// Имя комнаты из набранного: без `#` впереди и без вредных знаков.
fn name_of_room(name: &str) -> Result<String, Fail> {
    let name = name_clean(name.trim().trim_start_matches('#'));
    if name.is_empty() { Err(fail(FailKind::ArgumentMissing, "NAME")) } else { Ok(name) }
}

/// Контакт, которого можно позвать: знакомый, не закрытый.
fn guest_find(client: &Client, who: &str) -> Result<Id, Fail> {
    let id = who_find(client, who)?;
    match client.contacts.get(&id) {
        Some(contact) if contact.blocked => Err(fail(FailKind::Blocked, &contact_name(client, id))),
        Some(contact) if is_stranger(contact) || contact.standing == Standing::Member => {
            Err(fail(FailKind::ContactUnknown, who))
        }
        Some(_) => Ok(id),
        None => Err(fail(FailKind::ContactUnknown, who)),
    }
}

/// `/room`: завести комнату с этими контактами.
fn room_make(
    client: &mut Client,
    name: &str,
    whos: &[String],
    random: &Random,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let name = name_of_room(name)?;
    let mut members = vec![Member { id: client.me, name: String::new() }];
    for who in whos {
        let id = guest_find(client, who)?;
        let mut known = false;
        for member in &members {
            known = known || member.id == id;
        }
        if !known {
            members.push(Member { id, name: String::new() });
        }
    }
    if members.len() > ROOM_MEMBERS_MAX || rooms_open(client) >= ROOMS_MAX {
        return Err(fail(FailKind::RoomFull, &ROOM_MEMBERS_MAX.to_string()));
    }
    let mut nonce = [0; 16];
    nonce.copy_from_slice(&random[..16]);
    let room = room_id_make(&client.public, &nonce);
    let (id, owner, version) = (id_of_room(&room), client.me, now.wall_ms);
    let state = RoomState::Joined;
    let facts = RoomFacts { id, room, nonce, name, owner, version, state, keep: true, members };
    let fresh = Room { facts: facts.clone(), unread: 0, read_ms: None };
    client.rooms.insert(id, fresh);
    let mut letters = Vec::new();
    for to in room_readers(client, id) {
        letters.push((to, letter_make(client, room_list(&facts, true), now)));
    }
    letters_push(client, facts, letters, out);
    room_show(client, id, out);
    Ok(())
}

/// Сколько комнат, где мы есть или куда зовут.
fn rooms_open(client: &Client) -> usize {
    let mut open = 0;
    for room in client.rooms.values() {
        if matches!(room.facts.state, RoomState::Joined | RoomState::Asked) {
            open += 1;
        }
    }
    open
}

/// `/rooms`: где мы есть и куда зовут.
fn rooms_show(client: &Client, out: &mut Out) {
    let mut shown = 0;
    for room in client.rooms.values() {
        if matches!(room.facts.state, RoomState::Joined | RoomState::Asked) {
            room_show(client, room.facts.id, out);
            shown += 1;
        }
    }
    if shown == 0 {
        out_show(out, Show::Info { key: "rooms-none", values: Vec::new() });
    }
}

/// `/invite`: позвать контакт; только хозяин.
fn member_invite(
    client: &mut Client,
    room: &str,
    who: &str,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let mut facts = room_own(client, room)?;
    let guest = guest_find(client, who)?;
    if !member_in(&facts, guest) {
        if facts.members.len() >= ROOM_MEMBERS_MAX {
            return Err(fail(FailKind::RoomFull, &ROOM_MEMBERS_MAX.to_string()));
        }
        facts.members.push(Member { id: guest, name: String::new() });
    }
    // Того, кто уже в списке, зовут снова: он мог потерять комнату.
    facts.version = version_next(&facts, now);
    let id = facts.id;
    room_tell(client, facts, Some(guest), None, now, out);
    room_show(client, id, out);
    Ok(())
}

/// Участник комнаты по номеру, имени контакта или имени, каким он назвался.
fn member_find(client: &Client, facts: &RoomFacts, who: &str) -> Result<Id, Fail> {
    let word = who.trim().trim_start_matches('~').to_lowercase();
    if let Ok(id) = who_find(client, who) {
        if member_in(facts, id) {
            return Ok(id);
        }
    }
    let mut found = None;
    for member in &facts.members {
        if member.id != client.me && !word.is_empty() && member.name.to_lowercase() == word {
            if found.is_some() {
                return Err(fail(FailKind::NameAmbiguous, who));
            }
            found = Some(member.id);
        }
    }
    match found {
        Some(id) => Ok(id),
        None => Err(fail(FailKind::MemberUnknown, who)),
    }
}

/// `/expel`: убрать участника; только хозяин. Ему говорят тоже.
fn member_expel(
    client: &mut Client,
    room: &str,
    who: &str,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let mut facts = room_own(client, room)?;
    let member = member_find(client, &facts, who)?;
    member_drop(&mut facts, member);
    facts.version = version_next(&facts, now);
    let id = facts.id;
    room_tell(client, facts, None, Some(member), now, out);
    room_show(client, id, out);
    Ok(())
}

/// `/rename #комната`: новое имя; только хозяин.
pub fn room_rename(
    client: &mut Client,
    room: &str,
    name: &str,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let mut facts = room_own(client, room)?;
    facts.name = name_of_room(name)?;
    facts.version = version_next(&facts, now);
    let id = facts.id;
    room_tell(client, facts, None, None, now, out);
    room_show(client, id, out);
    Ok(())
}

/// `/leave`: уйти и сказать об этом всем; от приглашения — отказаться, об этом узнает хозяин.
fn room_leave(client: &mut Client, who: &str, now: Time, out: &mut Out) -> Result<(), Fail> {
    let id = if who.is_empty() { chosen_room(client)? } else { room_find(client, who)? };
    let facts = match client.rooms.get(&id) {
        Some(room) if matches!(room.facts.state, RoomState::Joined | RoomState::Asked) => {
            room.facts.clone()
        }
        Some(_) | None => return Err(fail(FailKind::RoomUnknown, who)),
    };
    room_refuse(client, facts, now, out);
    if client.chosen == Some(id) {
        client.chosen = None;
    }
    let values = vec![("name", room_name(client, id))];
    out_show(out, Show::Info { key: "room-went", values });
    room_show(client, id, out);
    Ok(())
}

/// Уходит из комнаты; письма об этом — тем, кого это касается.
pub fn room_refuse(client: &mut Client, mut facts: RoomFacts, now: Time, out: &mut Out) {
    let mut to = room_readers(client, facts.id);
    if facts.state == RoomState::Asked {
        to = vec![facts.owner];
    }
    facts.state = RoomState::Left;
    let mut letters = Vec::new();
    for member in to {
        let mut letter = letter_make(client, room_note(&facts), now);
        letter.kind = ENVELOPE_LEAVE;
        letters.push((member, letter));
    }
    letters_push(client, facts, letters, out);
}
