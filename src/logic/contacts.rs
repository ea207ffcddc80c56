//! Contacts: found by id or by a unique name, made on first contact, kept with name and budgets.
//! Контакты: находятся по номеру или единственному имени, появляются при первом обращении,
//! хранятся с именем и лимитами.

use std::collections::VecDeque;

use super::events::{Action, ContactRow, LimitRow, Out, Standing, StartFacts, out_send, out_show};
use super::paths::direct_has;
use super::room_told::member_raise;
use super::rooms::{room_name, rooms_load};
use super::show::{PeerState, Show};
use super::state::{Client, Contact, OutMessage, Phase, Stage, transfer_find};
use crate::base::bounds::{CONTACTS_MAX, KEY_AGAIN_MS, NAME_MAX, RESEND_MS};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{
    ID_SERVER, Id, id_digits, id_is_person, id_is_room, id_looks_like, id_parse, id_shown,
};
use crate::wire::control::{WATCH_MAX, Watch, packet_put};
use crate::wire::packets::{Kind, Lane};

/// Загружает контакты и лимиты при запуске. Строка лимитов без контакта — тоже контакт.
pub fn contacts_load(client: &mut Client, facts: &StartFacts) {
    for row in &facts.contacts {
        contact_make(client, row.id);
        if let Some(contact) = client.contacts.get_mut(&row.id) {
            contact.name = name_clean(&row.name);
            contact.blocked = row.blocked;
            contact.standing = row.standing;
            contact.words = row.words.clone();
            contact.keep = row.keep;
            contact.folder = name_clean(&row.folder);
            contact.card = row.card.clone();
        }
    }
    limits_apply(client, &facts.limits);
    orders_load(client, facts);
    if let Some(id) = facts.to {
        contact_make(client, id);
    }
    for transfer in &facts.outgoing {
        contact_make(client, transfer.peer);
    }
    for transfer in &facts.incoming {
        contact_make(client, transfer.peer);
    }
    rooms_load(client, &facts.rooms, &facts.unseen);
}

/// Загружает сообщения: что ждёт доставки и сколько не прочитано.
fn orders_load(client: &mut Client, facts: &StartFacts) {
    for row in &facts.outbox {
        let mut envelope = row.envelope.clone();
        let mut transfer = None;
        if let Some(offer) = &envelope.offer {
            transfer = transfer_find(client, true, &offer.transfer);
        }
        if row.packet.is_some() {
            // Запечатано: текст лежит на диске и в памяти не нужен.
            envelope.text = Vec::new();
        }
        let known = client.contacts.contains_key(&row.peer);
        contact_make(client, row.peer);
        if let Some(contact) = client.contacts.get_mut(&row.peer) {
            if !known && envelope.room.is_some() {
                contact.standing = Standing::Member;
            }
            contact.outbox.push_back(OutMessage {
                envelope,
                kept: true,
                packet: row.packet.clone(),
                place: row.place,
                sent: false,
                content_id: 0,
                stored: row.stored,
                refused: false,
                transfer,
            });
        }
    }
    for person in &facts.people {
        client.people.insert(person.peer, person.clone());
    }
    for (peer, many) in &facts.unseen {
        if let Some(contact) = client.contacts.get_mut(peer) {
            contact.unread = *many;
        }
    }
}

/// Заводит контакт, если его ещё нет и место есть. Лимиты — первые, из настроек.
pub fn contact_make(client: &mut Client, id: Id) -> bool {
    if client.contacts.contains_key(&id) {
        return true;
    }
    if client.contacts.len() >= CONTACTS_MAX || id == client.me || !id_is_person(id) {
        return false;
    }
    // Он мог позвонить и до знакомства.
    let state = if direct_has(client, id) { PeerState::Online } else { PeerState::Unknown };
    let contact = Contact {
        id,
        name: String::new(),
        blocked: false,
        state,
        relay: PeerState::Unknown,
        refused: false,
        card: String::new(),
        unread: 0,
        messages_left: client.wishes.messages_first,
        files_left: client.wishes.files_first,
        outbox: VecDeque::new(),
        tried_ms: 0,
        resend_ms: RESEND_MS,
        stored_ms: 0,
        stored_wait_ms: RESEND_MS,
        standing: Standing::Contact,
        words: String::new(),
        keep: client.wishes.keep_first,
        folder: String::new(),
        key_asked_ms: None,
        key_wait_ms: KEY_AGAIN_MS,
        heard_ms: 0,
        heal: false,
        held: false,
    };
    client.contacts.insert(id, contact);
    client.limits_dirty = true;
    client.contacts_dirty = true;
    true
}

/// Контакт для работы: есть или заводится; о новом узнают лицо и сервер.
pub fn contact_meet(client: &mut Client, id: Id, out: &mut Out) -> bool {
    let raised = member_raise(client, id, Standing::Contact);
    if client.contacts.contains_key(&id) && !raised {
        return true;
    }
    if !contact_make(client, id) {
        return false;
    }
    contact_show(client, id, out);
    if client.server.stage == Stage::Up {
        watch_put(client, &[id], out);
    }
    true
}

/// Просит сервер сообщать о присутствии этих людей.
pub fn watch_put(client: &Client, ids: &[Id], out: &mut Out) {
    let start = out.bytes.len();
    for part in ids.chunks(WATCH_MAX) {
        let body = Watch { ids: part.to_vec() };
        let _ = packet_put(&mut out.bytes, Kind::Watch, client.me, ID_SERVER, 0, &body);
    }
    out_send(out, client.server.link, Lane::Messages, start);
}

/// Имя для показа: данное имя или номер.
pub fn contact_name(client: &Client, id: Id) -> String {
    if id_is_room(id) {
        return room_name(client, id);
    }
    match client.contacts.get(&id) {
        Some(contact) if !contact.name.is_empty() => contact.name.clone(),
        Some(_) | None => id_shown(id),
    }
}

/// Показывает контакт.
pub fn contact_show(client: &Client, id: Id, out: &mut Out) {
    if let Some(contact) = client.contacts.get(&id) {
        if contact.standing == Standing::Member {
            return;
        }
        let (verified, changed) = match client.people.get(&id) {
            // Отметка о сверке — о прежнем ключе: сменившийся ещё никто не сверял.
            Some(person) => (person.verified && person.changed.is_none(), person.changed.is_some()),
            None => (false, false),
        };
        out_show(
            out,
            Show::Contact {
                id,
                name: contact.name.clone(),
                state: contact.state,
                unread: contact.unread,
                blocked: contact.blocked,
                standing: contact.standing,
                verified,
                changed,
                folder: contact.folder.clone(),
            },
        );
    }
}

/// Меняет состояние собеседника и показывает, если оно другое.
pub fn contact_state(client: &mut Client, id: Id, state: PeerState, out: &mut Out) {
    if let Some(contact) = client.contacts.get_mut(&id) {
        if contact.state != state {
            contact.state = state;
            contact_show(client, id, out);
        }
    }
}

/// Не в контактах: просится, отложен или стоит в папке спама.
pub fn is_stranger(contact: &Contact) -> bool {
    matches!(contact.standing, Standing::Asks | Standing::Later | Standing::Spam)
}

/// Спрашивают ли сервер о присутствии этого человека: о непринятом — только пока от него берут
/// файл, ведь просьбы о пакетах и так говорят, что мы здесь.
pub fn is_watched(client: &Client, id: Id) -> bool {
    let Some(contact) = client.contacts.get(&id) else {
        return false;
    };
    if !is_stranger(contact) && contact.standing != Standing::Member {
        return true;
    }
    for state in client.transfers.values() {
        if !state.outgoing && state.facts.peer == id && state.phase != Phase::Offered {
            return true;
        }
    }
    false
}

/// Номер по тому, что ввёл человек: номер (с пробелами или без) или единственное имя.
/// Ошибки: `IdBad`, `ContactUnknown`, `NameAmbiguous`, `ArgumentMissing`.
pub fn who_find(client: &Client, who: &str) -> Result<Id, Fail> {
    let who = who.trim();
    if who.is_empty() {
        return Err(fail(FailKind::ArgumentMissing, "ID"));
    }
    if who.starts_with('#') {
        return Err(fail(FailKind::RoomOnly, who));
    }
    let mut found: Option<Id> = None;
    for contact in client.contacts.values() {
        if contact.name.to_lowercase() == who.to_lowercase() {
            if found.is_some() {
                return Err(fail(FailKind::NameAmbiguous, who));
            }
            found = Some(contact.id);
        }
    }
    if let Some(id) = found {
        return Ok(id);
    }
    // Кто позвонил напрямую, того можно звать по имени и до знакомства.
    for link in client.links.values() {
        if link.stage == Stage::Up && link.name.to_lowercase() == who.to_lowercase() {
            if found.is_some() && found != Some(link.peer) {
                return Err(fail(FailKind::NameAmbiguous, who));
            }
            found = Some(link.peer);
        }
    }
    if let Some(id) = found {
        return Ok(id);
    }
    if !id_looks_like(who) {
        return Err(fail(FailKind::ContactUnknown, who));
    }
    let id = id_parse(who)?;
    if id == client.me {
        return Err(fail(FailKind::ArgumentBad, &id_digits(id)));
    }
    Ok(id)
}

/// Имя без управляющих знаков и смены направления, не длиннее предела.
pub fn name_clean(name: &str) -> String {
    let mut clean = String::new();
    let mut letters = 0;
    for letter in name.trim().chars() {
        if letters == NAME_MAX {
            break;
        }
        if !letter_harmful(letter) {
            clean.push(letter);
            letters += 1;
        }
    }
    clean
}

/// Начало текста не длиннее стольких байт, разрез по знаку.
pub fn text_cut(text: &str, bytes: usize) -> String {
    let mut cut = String::new();
    for letter in text.chars() {
        if cut.len() + letter.len_utf8() > bytes {
            break;
        }
        cut.push(letter);
    }
    cut
}

/// Первые столько знаков текста.
pub fn text_start(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        Some((end, _)) => String::from(&text[..end]),
        None => String::from(text),
    }
}

/// Знак, который портит показ: управляющий или меняющий направление письма.
pub fn letter_harmful(letter: char) -> bool {
    let turns_writing = matches!(
        letter,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    );
    letter.is_control() || turns_writing
}

/// Применяет строки limits.txt; строка без контакта заводит его.
pub fn limits_apply(client: &mut Client, rows: &[LimitRow]) {
    for row in rows {
        if contact_make(client, row.id) {
            if let Some(contact) = client.contacts.get_mut(&row.id) {
                contact.messages_left = row.messages;
                contact.files_left = row.files;
            }
        }
    }
}

/// Сохраняет изменённые лимиты и контакты: один раз на пробуждение, а не на сообщение.
pub fn contacts_flush(client: &mut Client, out: &mut Out) {
    if client.limits_dirty {
        client.limits_dirty = false;
        let mut rows = Vec::new();
        for contact in client.contacts.values() {
            let (messages, files) = (contact.messages_left, contact.files_left);
            rows.push(LimitRow { id: contact.id, messages, files });
        }
        out.actions.push(Action::LimitsSave { rows });
    }
    if client.contacts_dirty {
        client.contacts_dirty = false;
        out.actions.push(Action::ContactsSave { rows: contact_rows(client) });
    }
}

/// Контакты, как они лежат на диске.
pub fn contact_rows(client: &Client) -> Vec<ContactRow> {
    let mut rows = Vec::new();
    for contact in client.contacts.values() {
        rows.push(ContactRow {
            id: contact.id,
            name: contact.name.clone(),
            blocked: contact.blocked,
            standing: contact.standing,
            words: contact.words.clone(),
            keep: contact.keep,
            folder: contact.folder.clone(),
            card: contact.card.clone(),
        });
    }
    rows
}
