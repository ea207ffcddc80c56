//! What the desk tells of rooms, shown: lists that came, messages of members, who left, how far
//! one's own messages are; and what the clock does about rooms.
//! Что стол рассказывает о комнатах, показанное: пришедшие списки, сообщения участников, кто ушёл,
//! как далеки свои сообщения; и что о комнатах делают часы.

use super::contacts::name_clean;
use super::events::{Action, BaseOrder, Out, PastQuery, Standing, out_show};
use super::inbox::{Came, envelope_shown};
use super::past::past_ask;
use super::room_commands::room_refuse;
use super::room_write::{letters_push, room_seen_tell, room_tell};
use super::rooms::{
    Room, RoomFacts, RoomOrder, RoomState, RoomTold, author_name, member_drop, member_in, name_in,
    person_name, room_name, room_show, version_next,
};
use super::show::{MemberShow, MessageShow, ReceiptState, Show};
use super::state::Client;
use super::trust::request_received;
use crate::base::bounds::{HISTORY_MAX, ROOM_READ_MS};
use crate::base::clock::Time;
use crate::base::ids::Id;
use crate::wire::message::{ENVELOPE_EDIT, Envelope, MessageId};

/// Рассказ стола о комнатах.
pub fn room_told(client: &mut Client, told: RoomTold, now: Time, out: &mut Out) {
    match told {
        RoomTold::Listed { facts, before } => room_listed(client, facts, before, now, out),
        RoomTold::Said { room, author, envelope, came } => {
            member_named(client, room, author, &envelope.name);
            if came.fresh {
                room_said(client, room, author, &envelope, came, now, out);
            }
        }
        RoomTold::Left { room, member } => member_left(client, room, member, now, out),
        RoomTold::Reached { room, message, state, at } => {
            let at = if at == 0 { now.wall_ms } else { at };
            out_show(out, Show::Receipt { peer: room, message, state, at, reason: None });
        }
        RoomTold::SeenUpto { room, authors } => room_seen_tell(client, room, authors, now, out),
        RoomTold::Members { room, message, states } => {
            members_show(client, room, &message, &states, out);
        }
    }
}

/// Список пришёл: запомнить и показать, что изменилось.
fn room_listed(
    client: &mut Client,
    mut facts: RoomFacts,
    before: Option<RoomFacts>,
    now: Time,
    out: &mut Out,
) {
    if let (Some(room), Some(before)) = (client.rooms.get(&facts.id), &before) {
        // Пока список ложился на диск, здесь решили иначе (вошли, ушли): решение в силе.
        let decided = room.facts.state != before.state;
        if decided && facts.state != RoomState::Expelled {
            facts.state = room.facts.state;
        }
    }
    let (id, state) = (facts.id, facts.state);
    let fresh = Room { facts: facts.clone(), unread: 0, read_ms: None };
    let room = client.rooms.entry(id).or_insert(fresh);
    room.facts = facts.clone();
    client.account.touched = true;
    let asked = match &before {
        Some(before) => before.state == RoomState::Asked,
        None => false,
    };
    match (state, before) {
        (RoomState::Asked, _) if !asked => invited(client, id, now, out),
        (RoomState::Joined, Some(before)) => list_changed(client, &before, &facts, out),
        (RoomState::Expelled, _) => {
            if client.chosen == Some(id) {
                client.chosen = None;
            }
            let values = vec![("name", room_name(client, id))];
            out_show(out, Show::Info { key: "room-out", values });
            room_show(client, id, out);
        }
        (_, _) => {}
    }
}

/// Позвали. Контакт зовёт — комната появляется сразу; чужой — это просьба, и решает человек.
fn invited(client: &mut Client, id: Id, now: Time, out: &mut Out) {
    let Some(room) = client.rooms.get(&id) else {
        return;
    };
    let (owner, name) = (room.facts.owner, room_name(client, id));
    if room_welcome(client, owner) {
        return room_join(client, id, out);
    }
    let text = name.into_bytes();
    let envelope = Envelope { time: now.wall_ms, text, ..Envelope::default() };
    request_received(client, owner, &envelope, now, out);
}

/// Зовёт ли тот, кто в контактах.
fn room_welcome(client: &Client, owner: Id) -> bool {
    match client.contacts.get(&owner) {
        Some(contact) => {
            let known = matches!(
                contact.standing,
                Standing::Contact | Standing::Asked | Standing::Declined
            );
            known && !contact.blocked
        }
        None => false,
    }
}

/// Входит в комнату, куда позвали.
fn room_join(client: &mut Client, id: Id, out: &mut Out) {
    let Some(room) = client.rooms.get(&id) else {
        return;
    };
    let facts = RoomFacts { state: RoomState::Joined, ..room.facts.clone() };
    let owner = facts.owner;
    letters_push(client, facts, Vec::new(), out);
    let values = vec![("name", room_name(client, id)), ("who", author_name(client, id, owner))];
    out_show(out, Show::Info { key: "room-welcome", values });
    room_show(client, id, out);
}

/// Человека приняли в контакты: приняты и комнаты, куда он звал.
pub fn rooms_accept(client: &mut Client, owner: Id, out: &mut Out) {
    for facts in rooms_asked(client, owner) {
        room_join(client, facts.id, out);
    }
}

/// Человеку отказано: и комнатам, куда он звал; он об этом узнает.
pub fn rooms_reject(client: &mut Client, owner: Id, now: Time, out: &mut Out) {
    for facts in rooms_asked(client, owner) {
        room_refuse(client, facts, now, out);
    }
}

/// Комнаты, куда этот человек зовёт.
fn rooms_asked(client: &Client, owner: Id) -> Vec<RoomFacts> {
    let mut asked = Vec::new();
    for room in client.rooms.values() {
        if room.facts.state == RoomState::Asked && room.facts.owner == owner {
            asked.push(room.facts.clone());
        }
    }
    asked
}

/// При запуске: войти туда, куда позвал контакт, а сбой не дал войти.
pub fn rooms_again(client: &mut Client, out: &mut Out) {
    let mut ids: Vec<Id> = Vec::new();
    for room in client.rooms.values() {
        let facts = &room.facts;
        if facts.state == RoomState::Asked && room_welcome(client, facts.owner) {
            ids.push(facts.id);
        }
    }
    for id in ids {
        room_join(client, id, out);
    }
}

/// Диск отказал и опять пишет: что о комнатах известно, приказывается снова; письма об этом, если
/// они пропали, прикажет их очередь.
pub fn rooms_reorder(client: &Client, out: &mut Out) {
    for room in client.rooms.values() {
        let (facts, letters) = (Box::new(room.facts.clone()), Vec::new());
        let order = RoomOrder::Change { facts, letters };
        out.actions.push(Action::Base(BaseOrder::Room(order)));
    }
}

/// Список изменился: новое имя, кто пришёл, кого убрали.
fn list_changed(client: &Client, before: &RoomFacts, facts: &RoomFacts, out: &mut Out) {
    let name = room_name(client, facts.id);
    if before.name != facts.name {
        let values = vec![("before", before.name.clone()), ("name", name.clone())];
        out_show(out, Show::Info { key: "room-renamed", values });
    }
    for member in &facts.members {
        if !member_in(before, member.id) {
            let who = person_name(client, facts.id, member.id);
            let values = vec![("name", name.clone()), ("who", who)];
            out_show(out, Show::Info { key: "room-came", values });
        }
    }
    for member in &before.members {
        if !member_in(facts, member.id) {
            let who = name_in(client, &before.members, member.id);
            member_gone(name.clone(), who, out);
        }
    }
    room_show(client, facts.id, out);
}

/// Строка о том, кого в комнате больше нет.
fn member_gone(name: String, who: String, out: &mut Out) {
    out_show(out, Show::Info { key: "room-gone", values: vec![("name", name), ("who", who)] });
}

/// Участник ушёл сам. Хозяин рассказывает всем новый список: не все могли об этом услышать. И ему
/// самому: его могли в тот же миг позвать снова, и он считал бы себя вернувшимся.
fn member_left(client: &mut Client, id: Id, member: Id, now: Time, out: &mut Out) {
    member_gone(room_name(client, id), author_name(client, id, member), out);
    let Some(room) = client.rooms.get_mut(&id) else {
        return;
    };
    member_drop(&mut room.facts, member);
    if room.facts.owner == client.me && room.facts.state == RoomState::Joined {
        let mut facts = room.facts.clone();
        facts.version = version_next(&facts, now);
        room_tell(client, facts, None, Some(member), now, out);
    }
    room_show(client, id, out);
}

/// Запоминает, как участник назвался.
fn member_named(client: &mut Client, room: Id, author: Id, name: &str) {
    let name = name_clean(name);
    if let (Some(room), false) = (client.rooms.get_mut(&room), name.is_empty()) {
        for member in &mut room.facts.members {
            if member.id == author {
                member.name.clone_from(&name);
            }
        }
    }
}

/// Показывает текст или правку участника.
fn room_said(
    client: &mut Client,
    id: Id,
    author: Id,
    envelope: &Envelope,
    came: Came,
    now: Time,
    out: &mut Out,
) {
    let chosen = client.chosen == Some(id);
    if let (Some(room), true) = (client.rooms.get_mut(&id), envelope.kind != ENVELOPE_EDIT) {
        if chosen {
            // О прочитанном скажут погодя, сразу обо всём.
            room.read_ms = Some(room.read_ms.unwrap_or(now.mono_ms + ROOM_READ_MS));
        } else {
            room.unread += 1;
        }
    }
    let shown = envelope_shown(client, id, envelope, ReceiptState::Delivered, came.quote);
    let author_name = author_name(client, id, author);
    let received = came.received;
    let shown = MessageShow { outgoing: false, received, author, author_name, ..shown };
    out_show(out, Show::Message(shown));
}

/// `/to #комната`: открыть её и сказать авторам, что прочитано.
pub fn room_choose(client: &mut Client, id: Id, out: &mut Out) {
    client.chosen = Some(id);
    let (mut unread, mut keep) = (0, true);
    if let Some(room) = client.rooms.get_mut(&id) {
        unread = std::mem::take(&mut room.unread);
        room.read_ms = None;
        keep = room.facts.keep;
    }
    if unread > 0 {
        past_ask(PastQuery::Unseen { peer: id, many: HISTORY_MAX }, out);
    }
    out.actions.push(Action::Base(BaseOrder::Seen { peer: id, keep }));
    out_show(out, Show::Chosen { id, name: room_name(client, id) });
}

/// Тиканье: о том, что пришло в открытую комнату, сказать авторам.
pub fn rooms_tick(client: &mut Client, now: Time, out: &mut Out) {
    for room in client.rooms.values_mut() {
        if let Some(at) = room.read_ms {
            if now.mono_ms >= at {
                room.read_ms = None;
                let (peer, keep) = (room.facts.id, room.facts.keep);
                out.actions.push(Action::Base(BaseOrder::Seen { peer, keep }));
            }
        }
    }
}

/// `/members`: участники и у кого последнее своё сообщение.
fn members_show(
    client: &Client,
    id: Id,
    message: &MessageId,
    states: &[(Id, ReceiptState)],
    out: &mut Out,
) {
    room_show(client, id, out);
    let Some(room) = client.rooms.get(&id) else {
        return;
    };
    for member in &room.facts.members {
        let mut state = None;
        for (who, reached) in states {
            if *who == member.id {
                state = Some(*reached);
            }
        }
        out_show(
            out,
            Show::Member(MemberShow {
                room: id,
                id: member.id,
                name: person_name(client, id, member.id),
                owner: member.id == room.facts.owner,
                own: member.id == client.me,
                message: *message,
                state,
            }),
        );
    }
}

/// Человек, которого не было в контактах, стал контактом: теперь он в списке.
pub fn member_raise(client: &mut Client, id: Id, standing: Standing) -> bool {
    match client.contacts.get_mut(&id) {
        Some(contact) if contact.standing == Standing::Member => {
            contact.standing = standing;
            client.contacts_dirty = true;
            true
        }
        Some(_) | None => false,
    }
}
