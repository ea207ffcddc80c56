//! The past: history and search shown, messages looked up to be edited, answered or removed, and
//! telling the other side what was read.
//! Прошлое: история и поиск, сообщения, найденные для правки, ответа или удаления, и рассказ той
//! стороне о прочитанном.

use std::collections::BTreeMap;

use super::contacts::{contact_name, text_start};
use super::events::{
    Action, BaseOrder, ExportForm, Found, Out, PastCommand, PastQuery, Standing, Wanted, out_show,
};
use super::messages::{envelope_own, envelope_write, outbox_put};
use super::rooms::{RoomOrder, author_name, chat_find, room_name};
use super::show::{MessageShow, Show};
use super::state::{Client, phase_shown, transfer_told};
use crate::base::bounds::{HISTORY_MAX, QUOTE_LETTERS, SEARCH_MANY};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::wire::message::{ENVELOPE_EDIT, ENVELOPE_READ, ENVELOPE_TEXT, MessageId};

/// Показывает найденное в истории; `more` — дальше есть ещё.
pub fn past_show(
    client: &Client,
    query: PastQuery,
    mut messages: Vec<MessageShow>,
    more: bool,
    out: &mut Out,
) {
    for message in &mut messages {
        message.name = contact_name(client, message.peer);
        file_live(client, message);
        if message.author != 0 {
            message.author_name = author_name(client, message.peer, message.author);
        }
    }
    match query {
        PastQuery::Last { .. } | PastQuery::Unseen { .. } => {
            if messages.is_empty() {
                out_show(out, Show::Info { key: "history-none", values: Vec::new() });
            }
            for message in messages {
                out_show(out, Show::Message(message));
            }
        }
        PastQuery::Search { words, .. } => out_show(out, Show::Found { words, messages }),
        PastQuery::Before { peer, .. } => {
            out_show(out, Show::Page { peer, messages, more, after: false });
        }
        PastQuery::After { peer, .. } => {
            out_show(out, Show::Page { peer, messages, more, after: true });
        }
        PastQuery::Chats => out_show(out, Show::Chats(messages)),
    }
}

/// Файл истории, передача которого идёт сейчас: её номер и состояние.
fn file_live(client: &Client, message: &mut MessageShow) {
    let Some(file) = &mut message.file else {
        return;
    };
    if let Some(transfer) = transfer_told(client, message.peer, &message.message) {
        if let Some(live) = client.transfers.get(&transfer) {
            if live.outgoing == message.outgoing {
                file.transfer = transfer;
                file.state = phase_shown(live);
            }
        }
    }
}

/// Команды о прошлом, по ветке на каждую.
pub fn past_do(client: &mut Client, command: PastCommand, out: &mut Out) -> Result<(), Fail> {
    match command {
        PastCommand::History { who, many } => history_ask(client, &who, many, out),
        PastCommand::Search(words) => {
            past_ask(PastQuery::Search { words, many: SEARCH_MANY }, out);
            Ok(())
        }
        PastCommand::Page { who, number, after, many } => {
            let peer = who_or_chosen(client, &who)?;
            let many = u64::clamp(many, 1, HISTORY_MAX);
            match after {
                true => past_ask(PastQuery::After { peer, number, many }, out),
                false => past_ask(PastQuery::Before { peer, number, many }, out),
            }
            Ok(())
        }
        PastCommand::Chats => {
            past_ask(PastQuery::Chats, out);
            Ok(())
        }
        PastCommand::Edit { reference, text } => {
            message_look(client, &reference, Wanted::Edit(text), out)
        }
        PastCommand::Reply { reference, text } => {
            message_look(client, &reference, Wanted::Reply(text), out)
        }
        PastCommand::Delete(reference) => message_look(client, &reference, Wanted::Delete, out),
        PastCommand::Keep { who, on } => keep_set(client, &who, on, out),
        PastCommand::Clear(who) => history_clear(client, &who, out),
        PastCommand::Export { who, form } => export_ask(client, &who, form, out),
    }
}

/// `/export`: записать сообщения в файл, все или с одним человеком, но сперва записать приказанное
/// раньше: только что удалённого в файле быть не должно.
fn export_ask(client: &Client, who: &str, form: ExportForm, out: &mut Out) -> Result<(), Fail> {
    let peer = if who.is_empty() { 0 } else { chat_find(client, who)? };
    out.actions.push(Action::Base(BaseOrder::Export { peer, form }));
    Ok(())
}

/// Всё приказанное до выгрузки на диске: выгрузить.
pub fn export_begin(client: &Client, peer: Id, form: ExportForm, out: &mut Out) {
    let mut names = BTreeMap::new();
    for (id, room) in &client.rooms {
        names.insert(*id, room_name(client, *id));
        for member in &room.facts.members {
            names.insert(member.id, author_name(client, *id, member.id));
        }
    }
    for contact in client.contacts.values() {
        if contact.standing != Standing::Member {
            names.insert(contact.id, contact_name(client, contact.id));
        }
    }
    out.actions.push(Action::Export { peer, form, names });
}

/// Просит у базы прошлое.
pub fn past_ask(query: PastQuery, out: &mut Out) {
    out.actions.push(Action::Base(BaseOrder::Past { query }));
}

/// `/history`: последние сообщения с человеком, по умолчанию с выбранным.
fn history_ask(client: &Client, who: &str, many: u64, out: &mut Out) -> Result<(), Fail> {
    let peer = who_or_chosen(client, who)?;
    let many = u64::clamp(many, 1, HISTORY_MAX);
    past_ask(PastQuery::Last { peer, many }, out);
    Ok(())
}

/// Названный человек или, без слов, выбранный.
pub fn who_or_chosen(client: &Client, who: &str) -> Result<Id, Fail> {
    match (who.is_empty(), client.chosen) {
        (true, Some(chosen)) => Ok(chosen),
        (true, None) => Err(fail(FailKind::PeerMissing, "")),
        (false, _) => chat_find(client, who),
    }
}

/// `/edit`, `/reply`, `/delete`: сначала найти сообщение; остальное — когда найдётся. Пустой
/// номер — последнее с выбранным человеком.
fn message_look(
    client: &Client,
    reference: &str,
    wanted: Wanted,
    out: &mut Out,
) -> Result<(), Fail> {
    if reference.is_empty() && wanted == Wanted::Delete {
        return Err(fail(FailKind::ArgumentMissing, "MESSAGE"));
    }
    if reference.is_empty() && client.chosen.is_none() {
        return Err(fail(FailKind::PeerMissing, ""));
    }
    let (peer, reference) = (client.chosen, String::from(reference));
    out.actions.push(Action::Base(BaseOrder::Look { peer, reference, wanted }));
    Ok(())
}

/// Сообщение найдено: править, ответить или удалить.
pub fn looked_do(
    client: &mut Client,
    wanted: Wanted,
    found: Result<Found, Fail>,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let found = found?;
    let (peer, about) = (found.peer, found.message);
    let mut quote = None;
    let (kind, text) = match wanted {
        Wanted::Edit(text) => {
            if !found.outgoing {
                return Err(fail(FailKind::NotEditable, &contact_name(client, peer)));
            }
            if found.file {
                return Err(fail(FailKind::ArgumentBad, &found.text));
            }
            (ENVELOPE_EDIT, text)
        }
        Wanted::Reply(text) => {
            quote = Some((found.outgoing, text_start(&found.text, QUOTE_LETTERS)));
            (ENVELOPE_TEXT, text)
        }
        Wanted::Delete => {
            out.actions.push(Action::Base(BaseOrder::Hide { peer, message: about }));
            out_show(out, Show::Deleted { peer, message: about });
            return Ok(());
        }
    };
    let mut envelope = envelope_own(client, kind, about, now);
    envelope.text = text.into_bytes();
    envelope_write(client, peer, envelope, quote, now, out)
}

/// Всё от этого человека увидено: сказать ему, до какого сообщения. Это бесплатно.
pub fn seen_upto(client: &mut Client, peer: Id, message: MessageId, now: Time, out: &mut Out) {
    if super::inbox::in_spam(client, peer) {
        return;
    }
    let envelope = envelope_own(client, ENVELOPE_READ, message, now);
    outbox_put(client, peer, envelope, None, out);
}

/// `/keep`: хранить ли сообщения с этим человеком.
fn keep_set(client: &mut Client, who: &str, on: bool, out: &mut Out) -> Result<(), Fail> {
    let peer = who_or_chosen(client, who)?;
    let name = contact_name(client, peer);
    if let Some(room) = client.rooms.get_mut(&peer) {
        room.facts.keep = on;
        out.actions.push(Action::Base(BaseOrder::Room(RoomOrder::Keep { room: peer, on })));
    } else if let Some(contact) = client.contacts.get_mut(&peer) {
        contact.keep = on;
        client.contacts_dirty = true;
    } else {
        return Err(fail(FailKind::ContactUnknown, who));
    }
    let key = if on { "keep-on" } else { "keep-off" };
    out_show(out, Show::Info { key, values: vec![("name", name)] });
    Ok(())
}

/// `/clear`: убрать из своей истории всё с этим человеком.
fn history_clear(client: &Client, who: &str, out: &mut Out) -> Result<(), Fail> {
    let peer = who_or_chosen(client, who)?;
    out.actions.push(Action::Base(BaseOrder::Clear { peer }));
    let values = vec![("name", contact_name(client, peer))];
    out_show(out, Show::Info { key: "history-cleared", values });
    Ok(())
}
