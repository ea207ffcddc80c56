//! Writing to a room: the price for all copies at once, a copy to every member, letters about the
//! list, and telling authors what was read.
//! Письмо в комнату: цена всех копий сразу, копия каждому участнику, письма о списке и рассказ
//! авторам о прочитанном.

use super::budget::{budget_check, budget_left, budget_pay, envelope_price, question_ask};
use super::contacts::contact_make;
use super::events::{Action, BaseOrder, Budget, Out, Standing, out_show};
use super::inbox::envelope_shown;
use super::messages::{envelope_own, outbox_push, outbox_put, outbox_room};
use super::rooms::{RoomFacts, RoomOrder, author_name, room_joined, room_list, room_note};
use super::show::{Quote, ReceiptState, Show};
use super::state::{About, Client};
use crate::base::bounds::ROOM_TEXT_MAX;
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_shown};
use crate::wire::message::{ENVELOPE_READ, ENVELOPE_ROOM, Envelope, MessageId};
use crate::wire::room::RoomNote;

/// Кому едут копии: всем участникам, кроме нас и тех, кого мы закрыли.
pub fn room_readers(client: &Client, room: Id) -> Vec<Id> {
    let mut readers = Vec::new();
    let Some(room) = client.rooms.get(&room) else {
        return readers;
    };
    for member in &room.facts.members {
        let blocked = match client.contacts.get(&member.id) {
            Some(contact) => contact.blocked,
            None => false,
        };
        if member.id != client.me && !blocked {
            readers.push(member.id);
        }
    }
    readers
}

/// Запись об участнике, чтобы ему было куда писать. Контактом он от этого не становится.
fn member_meet(client: &mut Client, id: Id) -> bool {
    if client.contacts.contains_key(&id) {
        return true;
    }
    if !contact_make(client, id) {
        return false;
    }
    if let Some(contact) = client.contacts.get_mut(&id) {
        contact.standing = Standing::Member;
    }
    true
}

/// Человек пишет в комнату: проверка всех копий, цена, при нужде один вопрос.
pub fn room_write(
    client: &mut Client,
    room: Id,
    mut envelope: Envelope,
    quote: Option<Quote>,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    envelope.room = Some(room_note(&room_joined(client, room)?.facts));
    let packets = room_check(client, room, &mut envelope)?;
    let total = packets * room_readers(client, room).len() as u64;
    if packets > 1 {
        return question_ask(client, room, total, About::Text { envelope, quote }, now, out);
    }
    room_pay(client, room, envelope, quote, packets, out);
    Ok(())
}

/// На вопрос о цене сказали да: всё проверяется снова. Если людей прибавилось, цена уже не та, и
/// спрашивают заново.
pub fn room_answer(
    client: &mut Client,
    room: Id,
    mut envelope: Envelope,
    quote: Option<Quote>,
    agreed: u64,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    envelope.room = Some(room_note(&room_joined(client, room)?.facts));
    let packets = room_check(client, room, &mut envelope)?;
    if packets * room_readers(client, room).len() as u64 > agreed {
        return room_write(client, room, envelope, quote, now, out);
    }
    room_pay(client, room, envelope, quote, packets, out);
    Ok(())
}

/// Можно ли послать копию каждому; сколько пакетов в одной. Ошибка говорит, для кого не хватило.
fn room_check(client: &mut Client, room: Id, envelope: &mut Envelope) -> Result<u64, Fail> {
    let length = envelope.text.len();
    if length > ROOM_TEXT_MAX {
        return Err(fail(FailKind::TextTooLong, &format!("{length} > {ROOM_TEXT_MAX}")));
    }
    let packets = envelope_price(envelope)?;
    let readers = room_readers(client, room);
    if readers.is_empty() {
        return Err(fail(FailKind::RoomEmpty, ""));
    }
    for member in readers {
        member_meet(client, member);
        let checked = match budget_check(client, member, Budget::Messages, packets) {
            Ok(()) => outbox_room(client, member),
            Err(failed) => Err(failed),
        };
        if let Err(failed) = checked {
            let mut who = author_name(client, room, member);
            if who.starts_with('~') {
                who.push_str(&format!(" ({})", id_shown(member)));
            }
            return Err(fail(failed.kind, &format!("{who}: {}", failed.detail)));
        }
    }
    Ok(packets)
}

/// Платит из лимита каждого и ставит копии в очереди: на диск они ложатся вместе.
fn room_pay(
    client: &mut Client,
    room: Id,
    envelope: Envelope,
    quote: Option<Quote>,
    packets: u64,
    out: &mut Out,
) {
    let to = room_readers(client, room);
    for member in &to {
        budget_pay(client, *member, Budget::Messages, packets, out);
    }
    let shown = envelope_shown(client, room, &envelope, ReceiptState::Queued, quote);
    out_show(out, Show::Message(shown));
    let keep = match client.rooms.get(&room) {
        Some(room) => room.facts.keep,
        None => true,
    };
    for member in &to {
        outbox_push(client, *member, envelope.clone(), None);
    }
    out.actions.push(Action::Base(BaseOrder::Room(RoomOrder::Send { to, envelope, keep })));
}

/// Лимит комнаты — самый малый из лимитов её участников.
pub fn room_budget(client: &Client, room: Id, budget: Budget) -> u64 {
    let mut least = u64::MAX;
    for member in room_readers(client, room) {
        if client.contacts.contains_key(&member) {
            least = u64::min(least, budget_left(client, member, budget));
        }
    }
    if least == u64::MAX { 0 } else { least }
}

/// Письмо о списке комнаты; такие бесплатны.
pub fn letter_make(client: &mut Client, note: RoomNote, now: Time) -> Envelope {
    let mut letter = envelope_own(client, ENVELOPE_ROOM, [0; 16], now);
    letter.room = Some(note);
    letter
}

/// Теперь о комнате известно это: на диск вместе с письмами, которые это говорят.
pub fn letters_push(
    client: &mut Client,
    facts: RoomFacts,
    letters: Vec<(Id, Envelope)>,
    out: &mut Out,
) {
    let mut sent = Vec::new();
    for (to, letter) in letters {
        if member_meet(client, to) && outbox_room(client, to).is_ok() {
            outbox_push(client, to, letter.clone(), None);
            sent.push((to, letter));
        }
    }
    if let Some(room) = client.rooms.get_mut(&facts.id) {
        room.facts = facts.clone();
    }
    let facts = Box::new(facts);
    let order = RoomOrder::Change { facts, letters: sent };
    out.actions.push(Action::Base(BaseOrder::Room(order)));
    client.account.touched = true;
}

/// Хозяин рассказывает новый список всем, и тому, кого в нём больше нет.
pub fn room_tell(
    client: &mut Client,
    facts: RoomFacts,
    invited: Option<Id>,
    expelled: Option<Id>,
    now: Time,
    out: &mut Out,
) {
    if let Some(room) = client.rooms.get_mut(&facts.id) {
        room.facts = facts.clone();
    }
    let mut to = room_readers(client, facts.id);
    if let Some(member) = expelled {
        to.push(member);
    }
    let mut letters = Vec::new();
    for member in to {
        let note = room_list(&facts, invited == Some(member));
        letters.push((member, letter_make(client, note, now)));
    }
    letters_push(client, facts, letters, out);
}

/// Всё в комнате увидено: каждому автору — до какого его сообщения. Это бесплатно.
pub fn room_seen_tell(
    client: &mut Client,
    room: Id,
    authors: Vec<(Id, MessageId)>,
    now: Time,
    out: &mut Out,
) {
    let note = match room_joined(client, room) {
        Ok(room) => room_note(&room.facts),
        Err(_) => return,
    };
    for (author, message) in authors {
        if member_meet(client, author) {
            let mut envelope = envelope_own(client, ENVELOPE_READ, message, now);
            envelope.room = Some(note.clone());
            outbox_put(client, author, envelope, None, out);
        }
    }
}
