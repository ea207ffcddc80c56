//! The user's commands, one arm each. Which words they have is decided in faces/commands.rs.
//! Команды человека, по ветке на каждую. Какими словами они пишутся, решает faces/commands.rs.

use super::account::account_do;
use super::budget::{budget_add, limits_show, question_answer};
use super::calls::{link_do, links_show};
use super::card::card_text;
use super::contacts::{
    contact_meet, contact_name, contact_show, is_stranger, name_clean, who_find,
};
use super::direct::direct_part;
use super::events::{
    AcceptFiles, Action, BaseOrder, Budget, ClientEvent, Command, Out, PastQuery, Random, Standing,
    Transfer, out_show,
};
use super::leaving::{leave_asked, leave_drain, leave_now, unsent_list};
use super::mesh::carry_wish;
use super::messages::text_write;
use super::nearby::{near_show, seek_wish};
use super::past::{past_ask, past_do};
use super::receiving::{file_refuse, file_take, transfers_forget};
use super::room_commands::{room_do, room_rename};
use super::room_told::room_choose;
use super::rooms::chat_find;
use super::sending::file_write;
use super::show::{LinkShow, Nat, PeerState, Show};
use super::state::{Client, Leave, Stage};
use super::transfers::{file_list, transfer_end};
use super::trust::{
    Answer, contact_accept, contact_request, key_trust, key_verify, request_answer, spam_list,
};
use crate::base::bounds::HISTORY_MAX;
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_is_room};
use crate::wire::file::STOP_CANCELLED;

/// Выполняет команду; ошибка становится одной понятной строкой.
pub fn command_run(
    client: &mut Client,
    command: Command,
    line: &str,
    random: &Random,
    now: Time,
    out: &mut Out,
) {
    let leaving = is_quit(client, &command);
    let done = command_do(client, command, random, now, out);
    if !leaving && client.leave == Leave::Warned {
        client.leave = Leave::Staying;
    }
    if let Err(failed) = done {
        out_show(out, Show::Error { fail: failed, command: String::from(line) });
    }
}

/// Просьба уйти: `/quit` или прежнее слово вместо неё.
fn is_quit(client: &Client, command: &Command) -> bool {
    if let (Command::Say { unchosen: Some(inner), .. }, None) = (command, client.chosen) {
        return **inner == Command::Quit;
    }
    *command == Command::Quit
}

/// Ветка на каждую команду.
fn command_do(
    client: &mut Client,
    command: Command,
    random: &Random,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    match command {
        Command::Help(word) => out_show(out, Show::Help(word)),
        Command::Id => identity_show(client, out),
        Command::Add { who, words } => return contact_request(client, &who, &words, now, out),
        Command::Accept(who) => return request_answer(client, &who, Answer::Accept, now, out),
        Command::Reject(who) => return request_answer(client, &who, Answer::Reject, now, out),
        Command::Later(who) => return request_answer(client, &who, Answer::Later, now, out),
        Command::Spam => spam_list(client, out),
        Command::Verify { who, answer } => return key_verify(client, &who, &answer, out),
        Command::Trust { who, yes } => return key_trust(client, &who, yes, out),
        Command::Contacts => everybody_list(client, out),
        Command::Peers => peers_list(client, out),
        Command::Rename { who, name } => return name_give(client, &who, &name, now, out),
        Command::Folder { who, name } => return contact_folder(client, &who, &name, out),
        Command::Remove(who) => return contact_remove(client, &who, now, out),
        Command::Block(who) => return contact_block(client, &who, now, out),
        Command::To(who) => return chat_choose(client, &who, out),
        Command::Say { text, unchosen } => {
            let Some(peer) = client.chosen else {
                return match unchosen {
                    Some(command) => command_do(client, *command, random, now, out),
                    None => Err(fail(FailKind::PeerMissing, "")),
                };
            };
            return person_write(client, peer, &text, random, now, out);
        }
        Command::Message { who, text } => {
            let peer = chat_find(client, &who)?;
            return person_write(client, peer, &text, random, now, out);
        }
        Command::Send { who, path } => {
            let peer = who_find(client, &who)?;
            stranger_accept(client, peer, now, out);
            return file_write(client, peer, &path, random, out);
        }
        Command::Take(transfer) => return person_take(client, transfer, now, out),
        Command::Refuse(transfer) => return file_refuse(client, transfer, now, out),
        Command::Cancel(transfer) => return file_stop(client, transfer, now, out),
        Command::Files(who) => return files_list(client, &who, now, out),
        Command::Past(command) => return past_do(client, command, out),
        Command::Account(command) => return account_do(client, command, now, out),
        Command::Room(command) => return room_do(client, command, random, now, out),
        Command::Bits(on) => bits_set(client, on, out),
        Command::Limits(who) => return limits_list(client, &who, out),
        Command::TopUp { who, budget, amount } => {
            return limit_raise(client, &who, budget, amount, out);
        }
        Command::Yes(token) => return question_answer(client, token, true, now, out),
        Command::No(token) => return question_answer(client, token, false, now, out),
        Command::Status => status_show(client, now, out),
        Command::Link(command) => return link_do(client, command, now, out),
        Command::Language(code) => language_set(client, &code, out),
        Command::Settings => out_show(out, Show::Settings(client.settings.clone())),
        Command::Set { key, value } => return setting_set(client, &key, &value, out),
        Command::Quit => return leave_asked(client, now, out),
        Command::EndOfInput => leave_drain(client, now, out),
        Command::Terminate => leave_now(client, 0, out),
        Command::Interrupt => leave_now(client, 130, out),
        Command::Bad(failed) => return Err(failed),
    }
    Ok(())
}

/// Человек пишет текст. Ответить тому, кто просился, — значит принять его.
fn person_write(
    client: &mut Client,
    peer: Id,
    text: &str,
    random: &Random,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    text_write(client, peer, text, random, now, out)?;
    stranger_accept(client, peer, now, out);
    Ok(())
}

/// Человек берёт файл. Взять его у того, кто просился, — значит принять и его самого.
fn person_take(
    client: &mut Client,
    transfer: Transfer,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    if let Some(state) = client.transfers.get(&transfer) {
        stranger_accept(client, state.facts.peer, now, out);
    }
    file_take(client, transfer, now, out)
}

/// Принимает того, кто просился, раз человек с ним заговорил.
fn stranger_accept(client: &mut Client, peer: Id, now: Time, out: &mut Out) {
    if let Some(contact) = client.contacts.get(&peer) {
        if is_stranger(contact) {
            contact_accept(client, peer, now, out);
        }
    }
}

/// `/id`: кто я.
fn identity_show(client: &Client, out: &mut Out) {
    let (id, name) = (client.me, client.wishes.name.clone());
    let (card, fingerprint) = (card_text(client), client.fingerprint.clone());
    out_show(out, Show::Identity { id, name, card, fingerprint });
}

/// `/bits`: показывать ли биты сообщений до и после печати.
fn bits_set(client: &mut Client, on: bool, out: &mut Out) {
    client.wishes.bits = on;
    out.actions.push(Action::Base(BaseOrder::Bits { on }));
    let value = String::from(if on { "on" } else { "off" });
    let key = if on { "bits-on" } else { "bits-off" };
    out_show(out, Show::Info { key, values: Vec::new() });
    setting_keep(client, "bits", value, out);
}

/// `/contacts` и `/peers`: список людей (во втором — только те, кто на связи).
fn contacts_list(client: &Client, online: bool, out: &mut Out) -> usize {
    let mut shown = 0;
    for contact in client.contacts.values() {
        let hidden = matches!(contact.standing, Standing::Spam | Standing::Member);
        if !hidden && (!online || contact.state == PeerState::Online) {
            contact_show(client, contact.id, out);
            shown += 1;
        }
    }
    shown
}

/// `/contacts`: все контакты.
fn everybody_list(client: &Client, out: &mut Out) {
    if contacts_list(client, false, out) == 0 {
        out_show(out, Show::Info { key: "contacts-none", values: Vec::new() });
    }
}

/// `/peers`: кто на связи и каким путём.
fn peers_list(client: &Client, out: &mut Out) {
    let shown = contacts_list(client, true, out) + links_show(client, out) + near_show(client, out);
    if shown == 0 {
        out_show(out, Show::Info { key: "peers-none", values: Vec::new() });
    }
}

/// `/rename`: имя контакта — своё, имя комнаты — для всех.
fn name_give(
    client: &mut Client,
    who: &str,
    name: &str,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    if who.trim_start().starts_with('#') {
        return room_rename(client, who, name, now, out);
    }
    contact_rename(client, who, name, out)
}

/// Дать контакту своё имя.
fn contact_rename(client: &mut Client, who: &str, name: &str, out: &mut Out) -> Result<(), Fail> {
    let id = known_find(client, who)?;
    let name = name_clean(name);
    if name.is_empty() {
        return Err(fail(FailKind::ArgumentMissing, "name"));
    }
    if let Some(contact) = client.contacts.get_mut(&id) {
        contact.name = name;
        client.contacts_dirty = true;
    }
    contact_show(client, id, out);
    Ok(())
}

/// `/folder`: в какой папке показывать контакт; без имени — ни в какой.
fn contact_folder(client: &mut Client, who: &str, name: &str, out: &mut Out) -> Result<(), Fail> {
    let id = known_find(client, who)?;
    let folder = name_clean(name);
    if folder.is_empty() && !name.trim().is_empty() {
        return Err(fail(FailKind::ArgumentBad, "NAME"));
    }
    if let Some(contact) = client.contacts.get_mut(&id) {
        contact.folder = folder;
        client.contacts_dirty = true;
    }
    contact_show(client, id, out);
    Ok(())
}

/// Контакт, который уже есть в списке.
fn known_find(client: &Client, who: &str) -> Result<Id, Fail> {
    let id = who_find(client, who)?;
    if client.contacts.contains_key(&id) {
        return Ok(id);
    }
    Err(fail(FailKind::ContactUnknown, who))
}

/// `/remove`: забыть человека, его очередь и его передачи.
fn contact_remove(client: &mut Client, who: &str, now: Time, out: &mut Out) -> Result<(), Fail> {
    let id = known_find(client, who)?;
    let name = contact_name(client, id);
    transfers_forget(client, id, now, out);
    direct_part(client, id, FailKind::Cancelled, now, out);
    client.contacts.remove(&id);
    if client.chosen == Some(id) {
        client.chosen = None;
    }
    client.contacts_dirty = true;
    client.limits_dirty = true;
    out.actions.push(Action::Base(BaseOrder::Forget { peer: id }));
    out_show(out, Show::Info { key: "contact-removed", values: vec![("name", name)] });
    Ok(())
}

/// `/block`: не слышать и не писать; `/add` снимает запрет.
fn contact_block(client: &mut Client, who: &str, now: Time, out: &mut Out) -> Result<(), Fail> {
    let id = who_find(client, who)?;
    contact_meet(client, id, out);
    transfers_forget(client, id, now, out);
    direct_part(client, id, FailKind::Cancelled, now, out);
    if let Some(contact) = client.contacts.get_mut(&id) {
        contact.blocked = true;
        contact.outbox.clear();
        out.actions.push(Action::Base(BaseOrder::Forget { peer: id }));
        client.contacts_dirty = true;
    }
    contact_show(client, id, out);
    Ok(())
}

/// `/to`: выбрать, кому идёт простой текст; без имени — никому.
fn chat_choose(client: &mut Client, who: &str, out: &mut Out) -> Result<(), Fail> {
    if who.trim().is_empty() {
        client.chosen = None;
        out_show(out, Show::Info { key: "chat-closed", values: Vec::new() });
        return Ok(());
    }
    let id = chat_find(client, who)?;
    if id_is_room(id) {
        room_choose(client, id, out);
        return Ok(());
    }
    contact_meet(client, id, out);
    client.chosen = Some(id);
    let (mut unread, mut keep) = (0, true);
    if let Some(contact) = client.contacts.get_mut(&id) {
        unread = std::mem::take(&mut contact.unread);
        keep = contact.keep;
    }
    if unread > 0 {
        past_ask(PastQuery::Unseen { peer: id, many: HISTORY_MAX }, out);
    }
    out.actions.push(Action::Base(BaseOrder::Seen { peer: id, keep }));
    out_show(out, Show::Chosen { id, name: contact_name(client, id) });
    Ok(())
}

/// `/cancel`: отменить с любой стороны. Оплаченное не возвращается.
fn file_stop(
    client: &mut Client,
    transfer: Transfer,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    if !client.transfers.contains_key(&transfer) {
        return Err(fail(FailKind::TransferUnknown, &transfer.to_string()));
    }
    let reason = fail(FailKind::Cancelled, "");
    transfer_end(client, transfer, STOP_CANCELLED, reason, now, out);
    Ok(())
}

/// `/files`: передачи, все или с одним человеком.
fn files_list(client: &Client, who: &str, now: Time, out: &mut Out) -> Result<(), Fail> {
    let only: Option<Id> = if who.is_empty() { None } else { Some(who_find(client, who)?) };
    let mut shown = 0;
    for state in client.transfers.values() {
        if only.is_none() || only == Some(state.facts.peer) {
            file_list(client, state.number, now, out);
            shown += 1;
        }
    }
    if shown == 0 {
        out_show(out, Show::Info { key: "files-none", values: Vec::new() });
    }
    Ok(())
}

/// `/limits`: остатки, все или одного человека.
fn limits_list(client: &Client, who: &str, out: &mut Out) -> Result<(), Fail> {
    if !who.is_empty() {
        let id = known_find(client, who)?;
        limits_show(client, id, true, out);
        return Ok(());
    }
    if client.contacts.is_empty() {
        out_show(out, Show::Info { key: "contacts-none", values: Vec::new() });
    }
    for contact in client.contacts.values() {
        limits_show(client, contact.id, true, out);
    }
    Ok(())
}

/// `/topup`: пополнить лимит. Участник комнаты от этого контактом не становится.
fn limit_raise(
    client: &mut Client,
    who: &str,
    budget: Budget,
    amount: u64,
    out: &mut Out,
) -> Result<(), Fail> {
    let peer = who_find(client, who)?;
    if !client.contacts.contains_key(&peer) {
        contact_meet(client, peer, out);
    }
    budget_add(client, peer, budget, amount, out);
    Ok(())
}

/// `/status`: связь с сервером и что не доставлено.
fn status_show(client: &Client, now: Time, out: &mut Out) {
    let server = client.server.address.clone();
    let waited = now.mono_ms.saturating_sub(client.server.since_ms);
    let (state, retry_ms) = match client.server.stage {
        Stage::Up => (LinkShow::Up, 0),
        Stage::Connecting | Stage::Greeting => (LinkShow::Connecting, 0),
        Stage::Down if server.is_empty() => (LinkShow::Down, 0),
        Stage::Down => (LinkShow::Retry, client.server.wait_ms.saturating_sub(waited)),
        Stage::Ended => (LinkShow::Down, 0),
    };
    let reason = if server.is_empty() { Some(fail(FailKind::ServerMissing, "")) } else { None };
    out_show(out, Show::Link { state, server, reason, retry_ms });
    links_show(client, out);
    if client.nat != Nat::Unknown {
        out_show(out, Show::Outside { nat: client.nat, address: client.outside.clone() });
    }
    let unsent = unsent_list(client);
    if !unsent.is_empty() {
        out_show(out, Show::Info { key: "status-unsent", values: vec![("list", unsent)] });
    }
}

/// `/lang`: язык меняет displayer; здесь только запомнить.
fn language_set(client: &mut Client, code: &str, out: &mut Out) {
    out_show(out, Show::Language(String::from(code)));
    setting_keep(client, "lang", String::from(code), out);
}

/// Велит запомнить настройку и помнит её сам: о ней могут спросить.
fn setting_keep(client: &mut Client, key: &str, value: String, out: &mut Out) {
    for (known, held) in &mut client.settings {
        if *known == key {
            *held = value.clone();
        }
    }
    out.actions.push(Action::Setting { key: String::from(key), value });
}

/// `/set`: изменить и запомнить настройку. Незнакомый ключ отвергает faces/commands.rs.
fn setting_set(client: &mut Client, key: &str, value: &str, out: &mut Out) -> Result<(), Fail> {
    let wishes = &mut client.wishes;
    match key {
        "name" => {
            wishes.name = name_clean(value);
            client.account.touched = true;
        }
        "messages" => wishes.messages_first = number(value)?,
        "files" => wishes.files_first = number(value)?,
        "accept_files" => {
            wishes.accept_files = match value {
                "on" => AcceptFiles::On,
                "images" => AcceptFiles::Images,
                _ => AcceptFiles::Off,
            };
        }
        "keep" => wishes.keep_first = value == "on",
        "accept_from" => wishes.contacts_only = value == "contacts",
        "listen" => wishes.listen = value == "on",
        "discovery" => seek_wish(client, value == "on", out),
        "carry" => carry_wish(client, value),
        "port_mapping" => {
            wishes.port_mapping = value == "on";
            out.actions.push(Action::Map { on: value == "on" });
        }
        "notifications" | "notify_text" | "sounds" | "close_to_tray" => {}
        // Это нужно только окну (оно узнаёт о перемене по строке ниже) и тем, кто пишет файлы.
        "theme" | "send_key" | "font" | "font_size" | "downloads" | "rate" => {}
        _ => return Err(fail(FailKind::ArgumentBad, key)),
    }
    let value = String::from(value);
    let values = vec![("key", String::from(key)), ("value", value.clone())];
    out_show(out, Show::Info { key: "setting-set", values });
    setting_keep(client, key, value, out);
    Ok(())
}

/// Целое неотрицательное число.
fn number(text: &str) -> Result<u64, Fail> {
    match text.parse::<u64>() {
        Ok(number) => Ok(number),
        Err(_) => Err(fail(FailKind::ArgumentBad, text)),
    }
}

/// Событие-команда из готовых частей (для лиц и испытаний).
pub fn command_event<'a>(command: Command, line: &'a str, random: &'a Random) -> ClientEvent<'a> {
    ClientEvent::Command { command, line, random }
}
