//! The desk about rooms: who may say what in which room, lists of owners, copies of one's own
//! messages; all inside the desk's transaction, so a list and what waited for it change together.
//! Часть стола о комнатах: кто что вправе сказать в какой комнате, списки хозяев, копии своих
//! сообщений; всё внутри записи стола, поэтому список и ждавшее его меняются вместе.

use super::accept::Came;
use super::desk::{Desk, keep_do};
use super::history::{history_add, history_edit, history_quote, history_seen, history_state};
use super::people::person_get;
use super::rooms::{
    Waiting, asked_room, author_get, author_set, authors_unseen, copies_forget, copies_last,
    copies_least, copies_upto, copy_raise, member_name_set, room_get, room_set, waiting_put,
    waiting_take,
};
use crate::base::bounds::{ROOM_MEMBERS_MAX, ROOM_TEXT_MAX};
use crate::base::fail::Fail;
use crate::base::ids::{Id, id_is_person, id_of_room};
use crate::crypto::identity::{id_of_key, sha256};
use crate::logic::contacts::name_clean;
use crate::logic::events::BaseTold;
use crate::logic::inbox;
use crate::logic::rooms::{
    Member, RoomFacts, RoomOrder, RoomState, RoomTold, member_drop, member_in, room_id_make,
};
use crate::logic::show::ReceiptState;
use crate::store::outbox::outbox_waits;
use crate::wire::message::{
    ENVELOPE_EDIT, ENVELOPE_LEAVE, ENVELOPE_READ, ENVELOPE_ROOM, ENVELOPE_TEXT, Envelope,
    MessageId, text_shown,
};
use crate::wire::room::{RoomList, RoomNote};

/// Greatest version of a list: numbers in history.db are signed.
const VERSION_MAX: u64 = i64::MAX as u64 - 1;

/// Приказ о комнатах.
pub fn room_order(desk: &mut Desk, order: RoomOrder) -> Result<(), Fail> {
    match order {
        RoomOrder::Change { facts, letters } => {
            change_do(desk, *facts)?;
            for (to, letter) in letters {
                keep_do(desk, to, &letter, true)?;
            }
        }
        RoomOrder::Send { to, envelope, keep } => {
            for member in to {
                keep_do(desk, member, &envelope, keep)?;
            }
        }
        RoomOrder::Keep { room, on } => {
            if let Some(mut facts) = room_get(&desk.base, room)? {
                facts.keep = on;
                room_set(&desk.base, &facts)?;
            }
        }
        RoomOrder::Members { room } => {
            let (message, states) = copies_last(&desk.base, room)?;
            desk.told.push(BaseTold::Room(RoomTold::Members { room, message, states }));
        }
    }
    Ok(())
}

/// Свой список или свой уход. На диске может лежать и более новое, о котором логика ещё не слышала.
fn change_do(desk: &mut Desk, facts: RoomFacts) -> Result<(), Fail> {
    let mut facts = facts;
    if let Some(before) = room_get(&desk.base, facts.id)? {
        if before.version > facts.version {
            // Список остаётся новый, решение о себе — то, что принято теперь.
            if before.state == RoomState::Expelled {
                return Ok(());
            }
            facts = RoomFacts { state: facts.state, keep: facts.keep, ..before.clone() };
        }
        members_less(desk, &before, &facts)?;
    }
    let facts = &facts;
    room_set(&desk.base, facts)?;
    match facts.state {
        RoomState::Joined => waited_do(desk, facts),
        RoomState::Left | RoomState::Expelled => {
            waiting_take(&desk.base, &facts.room)?;
            Ok(())
        }
        RoomState::Asked => Ok(()),
    }
}

/// Кого в новом списке нет, того копии больше не ждут.
fn members_less(desk: &mut Desk, before: &RoomFacts, facts: &RoomFacts) -> Result<(), Fail> {
    for member in &before.members {
        if !member_in(facts, member.id) {
            copies_less(desk, facts.id, member.id)?;
        }
    }
    Ok(())
}

/// Копий этому участнику больше нет (комната 0 — ни в одной): остальных, может быть, достаточно.
pub fn copies_less(desk: &mut Desk, room: Id, member: Id) -> Result<(), Fail> {
    for (peer, message) in copies_forget(&desk.base, room, member)? {
        settle(desk, peer, &message, 0)?;
    }
    Ok(())
}

/// Копии этого участника достигли состояния; прочим сообщениям это безразлично.
pub fn copies_raise(
    desk: &mut Desk,
    member: Id,
    messages: &[MessageId],
    state: ReceiptState,
    at: u64,
) -> Result<(), Fail> {
    for message in messages {
        if let Some(room) = copy_raise(&desk.base, member, message, state)? {
            settle(desk, room, message, at)?;
        }
    }
    Ok(())
}

/// Состояние своего сообщения в комнате — наименьшее из состояний копий; вверх оно только идёт.
fn settle(desk: &mut Desk, room: Id, message: &MessageId, at: u64) -> Result<(), Fail> {
    let Some(state) = copies_least(&desk.base, room, message)? else {
        return Ok(());
    };
    if history_state(&desk.base, room, message, state, at)? {
        let message = *message;
        desk.told.push(BaseTold::Room(RoomTold::Reached { room, message, state, at }));
    }
    Ok(())
}

/// Всё в комнате увидено: каждому её автору — о самом новом его сообщении.
pub fn room_seen(desk: &mut Desk, room: Id, keep: bool) -> Result<(), Fail> {
    let authors = authors_unseen(&desk.base, room)?;
    history_seen(&desk.base, room, keep)?;
    if !authors.is_empty() {
        desk.told.push(BaseTold::Room(RoomTold::SeenUpto { room, authors }));
    }
    Ok(())
}

/// Пришло сказанное в комнате, вскрытое и на своём месте в порядке: список или слова участника.
pub fn room_came(desk: &mut Desk, came: &Came, mut envelope: Envelope) -> Result<(), Fail> {
    let Some(mut note) = envelope.room.take() else {
        return Ok(());
    };
    let list = note.list.take();
    if envelope.kind == ENVELOPE_ROOM {
        return match list {
            Some(list) => list_came(desk, came, &note, list),
            None => Ok(()),
        };
    }
    envelope.room = Some(note.clone());
    let waiting = Waiting { author: came.peer, received: came.received, envelope };
    said_came(desk, &note, waiting)
}

/// Слова участника: на место, ждать списка или никуда.
fn said_came(desk: &mut Desk, note: &RoomNote, said: Waiting) -> Result<(), Fail> {
    let known = matches!(
        said.envelope.kind,
        ENVELOPE_TEXT | ENVELOPE_EDIT | ENVELOPE_READ | ENVELOPE_LEAVE
    );
    if !known || said.envelope.text.len() > ROOM_TEXT_MAX {
        tracing::warn!("room: kind {} of {} is not taken", said.envelope.kind, said.author);
        return Ok(());
    }
    let facts = match room_get(&desk.base, id_of_room(&note.room))? {
        Some(facts) if facts.room == note.room => facts,
        // Другая комната с тем же началом номера: её здесь не будет.
        Some(_) => return Ok(()),
        None => return wait(desk, note, said),
    };
    match facts.state {
        RoomState::Asked => wait(desk, note, said),
        RoomState::Left | RoomState::Expelled => Ok(()),
        RoomState::Joined if member_in(&facts, said.author) => said_do(desk, &facts, &said),
        // Он знает список новее: его, может быть, только что позвали.
        RoomState::Joined if note.version > facts.version => wait(desk, note, said),
        RoomState::Joined => {
            tracing::warn!("room: {} is not a member", said.author);
            Ok(())
        }
    }
}

/// Откладывает до списка; чему нет места, то пропадает, и журнал об этом скажет.
fn wait(desk: &Desk, note: &RoomNote, said: Waiting) -> Result<(), Fail> {
    let waits = said.envelope.kind != ENVELOPE_READ;
    if waits && !waiting_put(&desk.base, &note.room, &said)? {
        tracing::warn!("room: too much waits for a list, dropped what {} said", said.author);
    }
    Ok(())
}

/// Список есть: всё, что его ждало, смотрится заново.
fn waited_do(desk: &mut Desk, facts: &RoomFacts) -> Result<(), Fail> {
    for said in waiting_take(&desk.base, &facts.room)? {
        if let Some(note) = said.envelope.room.clone() {
            said_came(desk, &note, said)?;
        }
    }
    Ok(())
}

/// Слова участника на своём месте.
fn said_do(desk: &mut Desk, facts: &RoomFacts, said: &Waiting) -> Result<(), Fail> {
    let (room, author, envelope) = (facts.id, said.author, &said.envelope);
    let name = name_clean(&envelope.name);
    if !name.is_empty() {
        member_name_set(&desk.base, room, author, &name)?;
    }
    match envelope.kind {
        ENVELOPE_READ => read_do(desk, room, author, envelope),
        ENVELOPE_LEAVE => match &envelope.room {
            // Список новее его ухода: хозяин о нём уже знал или пришлёт список ещё раз. А вернуть
            // ушедшего мог только хозяин, и прежний уход этого не отменяет.
            Some(note) if leave_late(desk, facts, author, note) => Ok(()),
            Some(_) | None => leave_do(desk, facts.clone(), author),
        },
        _ => text_do(desk, facts, said),
    }
}

/// Текст или правка участника: в историю комнаты.
fn text_do(desk: &mut Desk, facts: &RoomFacts, said: &Waiting) -> Result<(), Fail> {
    let (room, author, received) = (facts.id, said.author, said.received);
    let mut envelope = said.envelope.clone();
    let fresh = if envelope.kind == ENVELOPE_TEXT {
        envelope.id = own_id(desk, room, author, &envelope.id)?;
        let added = history_add(&desk.base, room, false, &envelope, received, false, facts.keep)?;
        if let Some(number) = added {
            author_set(&desk.base, number, author)?;
        }
        added.is_some()
    } else {
        envelope.about = own_id(desk, room, author, &envelope.about)?;
        let text = text_shown(&envelope.text);
        let known = author_get(&desk.base, room, &envelope.about)? == Some(author);
        known && history_edit(&desk.base, room, false, &envelope.about, &text, envelope.time)?
    };
    let answers = envelope.kind == ENVELOPE_TEXT && envelope.about != [0; 16];
    let quote = if answers { history_quote(&desk.base, room, &envelope.about)? } else { None };
    let came = inbox::Came { received, fresh, quote };
    desk.told.push(BaseTold::Room(RoomTold::Said { room, author, envelope, came }));
    Ok(())
}

/// Номер сообщения в истории комнаты. Если им уже назвался кто-то другой, у этого автора он свой:
/// иначе один участник мог бы занять номер чужого сообщения раньше, чем оно придёт.
fn own_id(desk: &Desk, room: Id, author: Id, id: &MessageId) -> Result<MessageId, Fail> {
    match author_get(&desk.base, room, id)? {
        Some(other) if other != author => {
            let mut bytes = id.to_vec();
            bytes.extend_from_slice(&author.to_be_bytes());
            let mut own = [0; 16];
            own.copy_from_slice(&sha256(&bytes)[..16]);
            Ok(own)
        }
        Some(_) | None => Ok(*id),
    }
}

/// Участник прочитал до этого своего сообщения автора; что он ещё не подтвердил, могло не дойти.
fn read_do(desk: &mut Desk, room: Id, member: Id, envelope: &Envelope) -> Result<(), Fail> {
    let mut read = Vec::new();
    for message in copies_upto(&desk.base, room, member, &envelope.about)? {
        if !outbox_waits(&desk.base, member, &message)? {
            read.push(message);
        }
    }
    copies_raise(desk, member, &read, ReceiptState::Read, envelope.time)
}

/// Участник ушёл: в списке его больше нет, копии ему не нужны.
fn leave_do(desk: &mut Desk, mut facts: RoomFacts, member: Id) -> Result<(), Fail> {
    let room = facts.id;
    member_drop(&mut facts, member);
    room_set(&desk.base, &facts)?;
    copies_less(desk, room, member)?;
    desk.told.push(BaseTold::Room(RoomTold::Left { room, member }));
    Ok(())
}

/// Сказано ли об уходе раньше, чем сделан этот список. Хозяину и об уходе хозяина — никогда.
fn leave_late(desk: &Desk, facts: &RoomFacts, author: Id, note: &RoomNote) -> bool {
    let owned = facts.owner == author || facts.owner == id_of_key(&desk.public);
    !owned && note.version < facts.version
}

/// Список от хозяина. Хозяин ли он, говорит номер комнаты: он сделан из его ключа.
fn list_came(desk: &mut Desk, came: &Came, note: &RoomNote, list: RoomList) -> Result<(), Fail> {
    let me = id_of_key(&desk.public);
    let Some(person) = person_get(&desk.base, came.peer)? else {
        return Ok(());
    };
    let own = room_id_make(&person.public, &list.nonce) == note.room;
    if !own || !list_good(&list, came.peer) || note.version > VERSION_MAX {
        tracing::warn!("room: a list of {} is not taken", came.peer);
        return Ok(());
    }
    let before = room_get(&desk.base, id_of_room(&note.room))?;
    let listed = list.members.contains(&me);
    let state = match &before {
        None if listed => RoomState::Asked,
        None => return Ok(()),
        Some(known) if known.room != note.room || note.version <= known.version => return Ok(()),
        Some(known) => match (known.state, listed) {
            (RoomState::Left, true) if list.invite => RoomState::Asked,
            // Хозяин ещё не слышал, что мы ушли.
            (RoomState::Left, _) => return Ok(()),
            (RoomState::Expelled, true) => RoomState::Asked,
            (state, true) => state,
            (_, false) => RoomState::Expelled,
        },
    };
    if before.is_none() && !asked_room(&desk.base, came.peer)? {
        tracing::warn!("room: {} invites too often", came.peer);
        return Ok(());
    }
    let facts = facts_make(note, &list, came.peer, state, &before);
    if let Some(known) = &before {
        members_less(desk, known, &facts)?;
    }
    if !room_set(&desk.base, &facts)? {
        tracing::warn!("room: too many rooms, the one of {} is not taken", came.peer);
        return Ok(());
    }
    let told = RoomTold::Listed { facts: facts.clone(), before };
    desk.told.push(BaseTold::Room(told));
    match facts.state {
        RoomState::Joined => waited_do(desk, &facts),
        RoomState::Asked | RoomState::Left | RoomState::Expelled => Ok(()),
    }
}

/// Годен ли список: хозяин в нём, люди настоящие, их не слишком много, никто не назван дважды.
fn list_good(list: &RoomList, owner: Id) -> bool {
    if list.members.len() > ROOM_MEMBERS_MAX || !list.members.contains(&owner) {
        return false;
    }
    for (place, member) in list.members.iter().enumerate() {
        if !id_is_person(*member) || list.members[..place].contains(member) {
            return false;
        }
    }
    !name_clean(&list.name).is_empty()
}

/// Комната по списку; имена участников и то, что решено здесь, остаются.
fn facts_make(
    note: &RoomNote,
    list: &RoomList,
    owner: Id,
    state: RoomState,
    before: &Option<RoomFacts>,
) -> RoomFacts {
    let mut members = Vec::new();
    for id in &list.members {
        let mut name = String::new();
        if let Some(known) = before {
            for member in &known.members {
                if member.id == *id {
                    name.clone_from(&member.name);
                }
            }
        }
        members.push(Member { id: *id, name });
    }
    RoomFacts {
        id: id_of_room(&note.room),
        room: note.room,
        nonce: list.nonce,
        name: name_clean(&list.name),
        owner,
        version: note.version,
        state,
        keep: match before {
            Some(known) => known.keep,
            None => true,
        },
        members,
    }
}
