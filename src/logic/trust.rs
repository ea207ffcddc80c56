//! Who may speak to whom: contact requests and their answers, the spam folder, pinned keys and
//! the safety number that two people compare.
//! Кто с кем говорит: просьбы о знакомстве и ответы, папка спама, закреплённые ключи и число
//! безопасности, которое двое сверяют.

use super::contacts::{
    contact_make, contact_name, contact_show, is_stranger, letter_harmful, name_clean, text_cut,
    watch_put, who_find,
};
use super::events::{Action, BaseOrder, Out, PersonFacts, Standing, out_show};
use super::messages::{envelope_own, key_check, outbox_put, outbox_room};
use super::room_told::{rooms_accept, rooms_again, rooms_reject};
use super::show::Show;
use super::state::{Client, Stage};
use crate::base::bounds::{PEOPLE_MAX, REQUEST_WORDS_MAX, REQUESTS_MAX};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::crypto::safety::{safety_groups, safety_number};
use crate::wire::message::{
    ENVELOPE_ACCEPT, ENVELOPE_REJECT, ENVELOPE_REQUEST, Envelope, text_shown,
};

/// Просьба, если слов больше предела, обрезается по знаку.
fn words_cut(words: &str) -> String {
    text_cut(&words_clean(words), REQUEST_WORDS_MAX)
}

/// Слова без управляющих знаков.
fn words_clean(words: &str) -> String {
    let mut clean = String::new();
    for letter in words.trim().chars() {
        if !letter_harmful(letter) {
            clean.push(letter);
        }
    }
    clean
}

/// `/add`: завести контакт и попросить о знакомстве; того, кто просил сам, — принять.
pub fn contact_request(
    client: &mut Client,
    who: &str,
    words: &str,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let id = who_find(client, who)?;
    let mut known = client.contacts.contains_key(&id);
    if !contact_make(client, id) {
        return Err(fail(FailKind::ContactUnknown, who));
    }
    let words = words_cut(words);
    let Some(contact) = client.contacts.get_mut(&id) else {
        return Ok(());
    };
    let lifted = std::mem::replace(&mut contact.blocked, false);
    if contact.standing == Standing::Member {
        contact.standing = Standing::Contact;
        known = false;
    }
    let standing = contact.standing;
    client.contacts_dirty = true;
    match standing {
        Standing::Asks | Standing::Later | Standing::Spam => {
            contact_accept(client, id, now, out);
            return Ok(());
        }
        Standing::Contact if known => {}
        Standing::Contact | Standing::Asked | Standing::Declined | Standing::Member => {
            contact.standing = Standing::Asked;
            contact.words = words.clone();
            letter_put(client, id, ENVELOPE_REQUEST, &words, now, out);
        }
    }
    if (!known || lifted) && client.server.stage == Stage::Up {
        watch_put(client, &[id], out);
    }
    contact_show(client, id, out);
    Ok(())
}

/// Ставит в очередь просьбу или ответ на неё; они бесплатны.
fn letter_put(client: &mut Client, id: Id, kind: u8, words: &str, now: Time, out: &mut Out) {
    if outbox_room(client, id).is_err() {
        return;
    }
    let mut envelope = envelope_own(client, kind, [0; 16], now);
    envelope.text = words.as_bytes().to_vec();
    outbox_put(client, id, envelope, None, out);
}

/// Принимает человека в контакты и говорит ему об этом.
pub fn contact_accept(client: &mut Client, id: Id, now: Time, out: &mut Out) {
    let Some(contact) = client.contacts.get_mut(&id) else {
        return;
    };
    contact.standing = Standing::Contact;
    client.contacts_dirty = true;
    letter_put(client, id, ENVELOPE_ACCEPT, "", now, out);
    if client.server.stage == Stage::Up {
        watch_put(client, &[id], out);
    }
    contact_show(client, id, out);
    rooms_accept(client, id, out);
}

/// Ответ человеку из просящих или из спама: `/accept`, `/reject`, `/later`.
pub fn request_answer(
    client: &mut Client,
    who: &str,
    answer: Answer,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let id = who_find(client, who)?;
    let waits = match client.contacts.get(&id) {
        Some(contact) => is_stranger(contact),
        None => return Err(fail(FailKind::ContactUnknown, who)),
    };
    if !waits {
        return Err(fail(FailKind::RequestMissing, &contact_name(client, id)));
    }
    match answer {
        Answer::Accept => contact_accept(client, id, now, out),
        Answer::Reject => {
            standing_set(client, id, Standing::Spam, out);
            letter_put(client, id, ENVELOPE_REJECT, "", now, out);
            rooms_reject(client, id, now, out);
        }
        Answer::Later => standing_set(client, id, Standing::Later, out),
    }
    Ok(())
}

/// Answers to a contact request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accept,
    Reject,
    Later,
}

/// Меняет, как стоит человек, и показывает.
fn standing_set(client: &mut Client, id: Id, standing: Standing, out: &mut Out) {
    if let Some(contact) = client.contacts.get_mut(&id) {
        contact.standing = standing;
        client.contacts_dirty = true;
    }
    contact_show(client, id, out);
}

/// Пришла просьба о знакомстве. Знакомый просит снова — он потерял контакты: ответить «да». От
/// того, кому отказано, просьбы не показываются.
pub fn request_received(
    client: &mut Client,
    id: Id,
    envelope: &Envelope,
    now: Time,
    out: &mut Out,
) {
    let known = client.contacts.contains_key(&id);
    if !known && !contact_make(client, id) {
        return;
    }
    let room = requests_open(client) < REQUESTS_MAX;
    let Some(contact) = client.contacts.get_mut(&id) else {
        return;
    };
    if known {
        match contact.standing {
            Standing::Contact | Standing::Asked | Standing::Declined => {
                return request_known(client, id, now, out);
            }
            Standing::Asks | Standing::Later | Standing::Spam | Standing::Member => {}
        }
        if contact.standing == Standing::Spam {
            return;
        }
    }
    if contact.name.is_empty() {
        contact.name = name_clean(&envelope.name);
    }
    contact.words = words_cut(&text_shown(&envelope.text));
    contact.standing = if room { Standing::Asks } else { Standing::Spam };
    client.contacts_dirty = true;
    request_show(client, id, out);
}

/// Просит тот, кто и так в контактах: ответить «да», но не копить ответов в очереди.
fn request_known(client: &mut Client, id: Id, now: Time, out: &mut Out) {
    let Some(contact) = client.contacts.get(&id) else {
        return;
    };
    for entry in &contact.outbox {
        if entry.envelope.kind == ENVELOPE_ACCEPT {
            return;
        }
    }
    if contact.standing == Standing::Contact {
        return letter_put(client, id, ENVELOPE_ACCEPT, "", now, out);
    }
    contact_accept(client, id, now, out);
}

/// Сколько просьб ждёт ответа.
fn requests_open(client: &Client) -> usize {
    let mut open = 0;
    for contact in client.contacts.values() {
        if matches!(contact.standing, Standing::Asks | Standing::Later) {
            open += 1;
        }
    }
    open
}

/// Показывает просьбу.
fn request_show(client: &Client, id: Id, out: &mut Out) {
    if let Some(contact) = client.contacts.get(&id) {
        if contact.standing == Standing::Asks {
            let (name, words) = (contact_name(client, id), contact.words.clone());
            out_show(out, Show::Request { id, name, words });
        }
    }
}

/// При запуске: отложенные просьбы спрашиваются снова.
pub fn requests_again(client: &mut Client, out: &mut Out) {
    let mut ids: Vec<Id> = Vec::new();
    for contact in client.contacts.values_mut() {
        if contact.standing == Standing::Later {
            contact.standing = Standing::Asks;
        }
        if contact.standing == Standing::Asks {
            ids.push(contact.id);
        }
    }
    for id in ids {
        request_show(client, id, out);
    }
    rooms_again(client, out);
}

/// Человек ответил на просьбу.
pub fn answer_received(client: &mut Client, id: Id, accepted: bool, out: &mut Out) {
    let Some(contact) = client.contacts.get_mut(&id) else {
        return;
    };
    if !matches!(contact.standing, Standing::Asked | Standing::Declined) {
        return;
    }
    contact.standing = if accepted { Standing::Contact } else { Standing::Declined };
    client.contacts_dirty = true;
    let name = contact_name(client, id);
    let key = if accepted { "request-accepted" } else { "request-rejected" };
    out_show(out, Show::Info { key, values: vec![("name", name)] });
    contact_show(client, id, out);
}

/// `/spam`: кто стоит в папке спама и сколько там непрочитанного.
pub fn spam_list(client: &Client, out: &mut Out) {
    let mut shown = 0;
    for contact in client.contacts.values() {
        if contact.standing == Standing::Spam {
            contact_show(client, contact.id, out);
            shown += 1;
        }
    }
    if shown == 0 {
        out_show(out, Show::Info { key: "spam-none", values: Vec::new() });
    }
}

/// Стол закрепил ключ, сверил его или увидел другой. Контакта это не заводит: пишут и незнакомцы.
pub fn person_learned(client: &mut Client, facts: PersonFacts, now: Time, out: &mut Out) {
    let id = facts.peer;
    let changed = facts.changed.is_some();
    let known = client.contacts.contains_key(&id);
    if !known && client.people.len() >= PEOPLE_MAX && !client.people.contains_key(&id) {
        return;
    }
    let shown = match client.people.get(&id) {
        Some(before) => *before != facts,
        None => changed,
    };
    client.people.insert(id, facts);
    if let Some(contact) = client.contacts.get_mut(&id) {
        if !changed {
            contact.key_asked_ms = None;
        }
        contact.tried_ms = now.mono_ms;
    }
    if shown && changed {
        let failed = fail(FailKind::KeyChanged, &contact_name(client, id));
        out_show(out, Show::Error { fail: failed, command: String::new() });
    }
    if shown {
        contact_show(client, id, out);
    }
    client.account.touched = true;
    client.pump.insert(id);
}

/// `/trust ID [no]`: сменившийся ключ человека признан или отвергнут.
pub fn key_trust(client: &mut Client, who: &str, yes: bool, out: &mut Out) -> Result<(), Fail> {
    let peer = who_find(client, who)?;
    let changed = match client.people.get(&peer) {
        Some(person) => person.changed,
        None => None,
    };
    if changed.is_none() {
        return Err(fail(FailKind::KeyUnchanged, &contact_name(client, peer)));
    }
    let public = if yes { changed } else { None };
    out.actions.push(Action::Base(BaseOrder::Trust { peer, public }));
    Ok(())
}

/// `/verify ID [yes|no|ЧИСЛО]`: показать число безопасности; сверить его; отметить или снять.
pub fn key_verify(client: &mut Client, who: &str, answer: &str, out: &mut Out) -> Result<(), Fail> {
    let peer = who_find(client, who)?;
    let Some(person) = client.people.get(&peer) else {
        return Err(fail(FailKind::KeyUnknown, &contact_name(client, peer)));
    };
    // Сверяют тот ключ, который спрашивают: сменившийся, пока человек не решил.
    let theirs = person.changed.unwrap_or(person.public);
    let number = safety_number(&client.public, &theirs);
    let mut digits = String::new();
    for letter in answer.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
        }
    }
    let changed = person.changed.is_some();
    let verified = match answer.trim() {
        "" => {
            let verified = person.verified && person.changed.is_none();
            let name = contact_name(client, peer);
            let number = safety_groups(&number);
            out_show(out, Show::Safety { peer, name, number, verified });
            return Ok(());
        }
        _ if changed => return key_check(client, peer),
        "yes" => true,
        "no" => false,
        _ if digits == number => true,
        _ => return Err(fail(FailKind::NumberWrong, &contact_name(client, peer))),
    };
    out.actions.push(Action::Base(BaseOrder::Verify { peer, verified }));
    let key = if verified { "verified-yes" } else { "verified-no" };
    let values = vec![("name", contact_name(client, peer))];
    out_show(out, Show::Info { key, values });
    Ok(())
}
