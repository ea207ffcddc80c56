//! What the server tells of people: who is there, who left, what it could not pass on, what it
//! keeps for the absent.
//! Что сервер говорит о людях: кто здесь, кто ушёл, чего он не смог передать, что хранит для
//! отсутствующих.

use super::contacts::contact_name;
use super::events::{Out, out_show};
use super::messages::{outbox_again, outbox_stored};
use super::paths::{direct_bury, direct_doubt, direct_has, presence_settle};
use super::show::{PeerState, Show};
use super::state::{Client, Contact};
use super::transfers::{busy_pause, transfers_pause, transfers_wake};
use crate::base::bounds::{KEY_AGAIN_MS, RESEND_MS};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail, fail_kind_of};
use crate::base::ids::Id;
use crate::wire::control::{Presence, Quited, Stored, Unreachable, body_read};
use crate::wire::packets::{Kind, packet_row};

/// QUITED: собеседник пропал.
pub fn quited_received(
    client: &mut Client,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: Quited = body_read("QUITED", data)?;
    peer_left(client, body.id, now, out);
    Ok(())
}

/// STORED: сообщение для отсутствующего лежит на диске сервера.
pub fn stored_received(
    client: &mut Client,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: Stored = body_read("STORED", data)?;
    outbox_stored(client, body.id, body.content_id, now, out);
    Ok(())
}

/// PRESENCE: собеседник пришёл или ушёл.
pub fn presence_received(
    client: &mut Client,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: Presence = body_read("PRESENCE", data)?;
    let Some(contact) = client.contacts.get_mut(&body.id) else {
        return Ok(());
    };
    if !body.online {
        peer_left(client, body.id, now, out);
        return Ok(());
    }
    if contact.blocked {
        return Ok(());
    }
    let known = std::mem::replace(&mut contact.relay, PeerState::Online);
    direct_bury(client, body.id, now, out);
    if direct_has(client, body.id) {
        // С ним говорят напрямую: слова сервера ничего не меняют.
        return Ok(());
    }
    let Some(contact) = client.contacts.get_mut(&body.id) else {
        return Ok(());
    };
    // Первый ответ на WATCH: посланное после WATCH сервер передал уже ему, повторять незачем.
    if known != PeerState::Unknown {
        outbox_again(contact);
    }
    contact.resend_ms = RESEND_MS;
    contact.key_asked_ms = None;
    contact.key_wait_ms = KEY_AGAIN_MS;
    contact.held = false;
    client.pump.insert(body.id);
    presence_settle(client, body.id, out);
    transfers_wake(client, body.id, now, out);
    Ok(())
}

/// Собеседника нет: файлы с ним ждут, сообщения остаются в очереди.
fn peer_left(client: &mut Client, id: Id, now: Time, out: &mut Out) {
    // Об ушедшем сказано уже: каждый следующий отказ не повод слать всё заново.
    let known = match client.contacts.get_mut(&id) {
        Some(contact) => {
            let before = std::mem::replace(&mut contact.relay, PeerState::Offline);
            before == PeerState::Offline
        }
        None => true,
    };
    // Вернётся — знакомиться заново: прежнее предложение ушло с ним.
    client.meets.remove(&id);
    if direct_has(client, id) {
        // С ним говорят напрямую, без сервера.
        direct_doubt(client, id, now);
        return;
    }
    presence_settle(client, id, out);
    if let (Some(contact), false) = (client.contacts.get_mut(&id), known) {
        // Посланное ему могло пропасть: теперь оно ляжет на сервер.
        outbox_again(contact);
        client.pump.insert(id);
    }
    transfers_pause(client, Some(id), &fail(FailKind::PeerOffline, ""), now, out);
}

/// UNREACHABLE: пакет не дошёл. Занят — только приостановить файлы, нет его — ждать.
pub fn unreachable_received(
    client: &mut Client,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: Unreachable = body_read("UNREACHABLE", data)?;
    let reason = fail_kind_of(body.reason);
    if reason == FailKind::PeerBusy && body.content_type == packet_row(Kind::Message).content_type {
        // Сервер занят чужими длинными сообщениями: пришлём снова по часам.
        return Ok(());
    }
    if reason == FailKind::PeerBusy {
        busy_pause(client, body.id, body.content_id, now, out);
        return Ok(());
    }
    if matches!(reason, FailKind::MailboxFull | FailKind::PeerUnknown | FailKind::ServerDisk) {
        let name = contact_name(client, body.id);
        if let Some(contact) = client.contacts.get_mut(&body.id) {
            outbox_refused(contact, body.content_id);
            // Сказать один раз; дальше уходят только пробы, по часам.
            if !std::mem::replace(&mut contact.held, true) {
                let fail = fail(reason, &name);
                out_show(out, Show::Error { fail, command: String::new() });
            }
        }
        return Ok(());
    }
    peer_left(client, body.id, now, out);
    Ok(())
}

/// Сервер не взял это сообщение: его пошлют снова. Остальные ответят сами за себя.
fn outbox_refused(contact: &mut Contact, content_id: u32) {
    for entry in &mut contact.outbox {
        if entry.sent && !entry.stored && entry.content_id == content_id {
            entry.sent = false;
            entry.refused = true;
        }
    }
}
