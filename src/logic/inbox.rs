//! What comes in: pieces put together, envelopes in order, everything on disk before it is shown
//! and confirmed; and the confirmations of one's own messages.
//! Что приходит: куски собираются, конверты идут по порядку, всё сначала на диск, потом показ и
//! подтверждение; и подтверждения своих сообщений. Правила порядка: docs/protocol.md, "Order".

use super::contacts::{contact_meet, contact_name, contact_show, contact_state, name_clean};
use super::events::{Action, BaseOrder, Out, out_send, out_show};
use super::messages::{envelope_new, outbox_pump};
use super::receiving::offer_received;
use super::show::{MessageShow, PeerState, ReceiptState, Show};
use super::state::{Client, Partial};
use crate::base::bounds::{
    EARLY_BYTES_MAX, EARLY_MAX, PARTIAL_BYTES_MAX, PARTIAL_MAX, PARTIALS_MAX, RESEND_MS,
};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::wire::control::body_read;
use crate::wire::header::CONTENT_ID_MAX;
use crate::wire::message::{
    ENVELOPE_OFFER, ENVELOPE_RECEIPT, ENVELOPE_TEXT, Envelope, Offer, Piece, envelope_bytes,
    message_put, piece_read, text_shown,
};
use crate::wire::packets::Lane;

/// Наибольший порядковый номер: в history.db числа со знаком.
const SEQUENCE_MAX: u64 = i64::MAX as u64 - 1;

/// Пришёл кусок сообщения: собрать и, когда целое, разобрать. Контакт заводит только целое
/// сообщение, а не любой мусор и не чужое подтверждение.
pub fn message_received(
    client: &mut Client,
    source: Id,
    content_id: u32,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let piece = piece_read(data)?;
    let envelope: Envelope = if piece.count == 1 {
        body_read("envelope", piece.bytes)?
    } else {
        match piece_join(client, source, content_id, &piece) {
            Some(whole) => body_read("envelope", &whole)?,
            None => return Ok(()),
        }
    };
    if !client.contacts.contains_key(&source) {
        if envelope.kind == ENVELOPE_RECEIPT || !contact_meet(client, source, out) {
            return Ok(());
        }
    }
    envelope_received(client, source, envelope, now, out)
}

/// Прикладывает кусок к собираемому; возвращает целое, когда кусок последний. Кусок без начала
/// (оно пропало вместе с прежней линией) и не по порядку отбрасывается: пришлют снова целиком.
fn piece_join(
    client: &mut Client,
    source: Id,
    content_id: u32,
    piece: &Piece<'_>,
) -> Option<Vec<u8>> {
    let mut place = None;
    let (mut bytes, mut own) = (0, 0);
    for (index, partial) in client.partials.iter().enumerate() {
        bytes += partial.bytes.len();
        if partial.source == source {
            own += 1;
            if partial.content_id == content_id {
                place = Some(index);
            }
        }
    }
    if piece.index == 0 {
        if let Some(index) = place {
            client.partials.remove(index);
        }
        let many = own >= PARTIAL_MAX || client.partials.len() >= PARTIALS_MAX;
        if many || bytes > PARTIAL_BYTES_MAX {
            return None;
        }
        place = Some(client.partials.len());
        let (count, bytes) = (piece.count, Vec::new());
        client.partials.push(Partial { source, content_id, count, next: 0, bytes });
    }
    let place = place?;
    let partial = &mut client.partials[place];
    if partial.next != piece.index || partial.count != piece.count {
        client.partials.remove(place);
        return None;
    }
    partial.bytes.extend_from_slice(piece.bytes);
    partial.next += 1;
    if partial.next < partial.count {
        return None;
    }
    Some(client.partials.remove(place).bytes)
}

/// Забывает недособранное от этого человека (или ото всех): продолжения не будет.
pub fn partials_forget(client: &mut Client, source: Option<Id>) {
    let mut kept = Vec::new();
    for partial in client.partials.drain(..) {
        if source.is_some() && source != Some(partial.source) {
            kept.push(partial);
        }
    }
    client.partials = kept;
}

/// Целый конверт: подтверждение или то, что идёт по порядку.
fn envelope_received(
    client: &mut Client,
    source: Id,
    envelope: Envelope,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    if envelope.sequence > SEQUENCE_MAX || envelope.base > SEQUENCE_MAX {
        return Err(fail(FailKind::BodyBad, "sequence"));
    }
    contact_state(client, source, PeerState::Online, out);
    if envelope.kind == ENVELOPE_RECEIPT {
        receipt_received(client, source, &envelope, now, out);
        return Ok(());
    }
    let Some(contact) = client.contacts.get_mut(&source) else {
        return Ok(());
    };
    let incoming = &mut contact.incoming;
    if incoming.run != envelope.run || incoming.expected == 0 {
        incoming.run = envelope.run;
        incoming.expected = u64::max(1, envelope.base);
        incoming.committed = incoming.expected;
        incoming.early.clear();
        incoming.early_bytes = 0;
    }
    if envelope.base > incoming.expected && envelope.base <= envelope.sequence {
        incoming.expected = envelope.base;
    }
    if envelope.sequence < incoming.expected {
        // Уже было. Что на диске, подтверждается снова; что ещё пишется, подтвердится само.
        if envelope.sequence >= incoming.committed {
            return Ok(());
        }
        receipt_send(client, source, &envelope, now, out);
        // Ответ на предложение мог пропасть вместе с подтверждением: ответить снова.
        if let Some(offer) = envelope.offer {
            offer_received(client, source, offer, now, out);
        }
        return Ok(());
    }
    if envelope.sequence > incoming.expected {
        // Чего не взяли сейчас, придёт снова: отправитель повторяет неподтверждённое.
        let bytes = envelope_weight(&envelope);
        let known = incoming.early.contains_key(&envelope.sequence);
        let room = incoming.early.len() < EARLY_MAX;
        if room && !known && incoming.early_bytes + bytes <= EARLY_BYTES_MAX {
            incoming.early_bytes += bytes;
            incoming.early.insert(envelope.sequence, envelope);
        }
    } else {
        incoming.expected += 1;
        accept_order(client, source, envelope, now, out);
    }
    early_release(client, source, now, out);
    Ok(())
}

/// Сколько места занимает конверт: всё, что прислал собеседник.
fn envelope_weight(envelope: &Envelope) -> usize {
    let offered = match &envelope.offer {
        Some(offer) => offer.name.len(),
        None => 0,
    };
    envelope.text.len() + envelope.name.len() + offered
}

/// Отдаёт рано пришедшие, когда подошла их очередь.
fn early_release(client: &mut Client, source: Id, now: Time, out: &mut Out) {
    loop {
        let Some(contact) = client.contacts.get_mut(&source) else {
            return;
        };
        let incoming = &mut contact.incoming;
        let Some((sequence, _)) = incoming.early.first_key_value() else {
            return;
        };
        let sequence = *sequence;
        if sequence > incoming.expected {
            return;
        }
        let Some(envelope) = incoming.early.remove(&sequence) else {
            return;
        };
        incoming.early_bytes -= usize::min(incoming.early_bytes, envelope_weight(&envelope));
        if sequence == incoming.expected {
            incoming.expected += 1;
            accept_order(client, source, envelope, now, out);
        }
    }
}

/// Следующее по порядку: сначала на диск.
fn accept_order(client: &Client, source: Id, envelope: Envelope, now: Time, out: &mut Out) {
    let seen = client.chosen == Some(source);
    let received = now.wall_ms;
    out.actions.push(Action::Base(BaseOrder::Accept { peer: source, envelope, received, seen }));
}

/// Конверт на диске: подтвердить и, если такого ещё не было (`fresh`), показать.
pub fn envelope_accept(
    client: &mut Client,
    source: Id,
    envelope: Envelope,
    fresh: bool,
    now: Time,
    out: &mut Out,
) {
    let chosen = client.chosen == Some(source);
    if let Some(contact) = client.contacts.get_mut(&source) {
        if contact.incoming.run == envelope.run {
            let next = envelope.sequence + 1;
            contact.incoming.committed = u64::max(contact.incoming.committed, next);
        }
        let name = name_clean(&envelope.name);
        if contact.name.is_empty() && !name.is_empty() {
            contact.name = name;
            client.contacts_dirty = true;
            contact_show(client, source, out);
        }
    }
    receipt_send(client, source, &envelope, now, out);
    if envelope.kind == ENVELOPE_OFFER {
        if let Some(offer) = &envelope.offer {
            let offer: Offer = offer.clone();
            offer_received(client, source, offer, now, out);
        }
        return;
    }
    if envelope.kind != ENVELOPE_TEXT || !fresh {
        return;
    }
    if let Some(contact) = client.contacts.get_mut(&source) {
        if !chosen {
            contact.unread += 1;
        }
    }
    let shown = MessageShow {
        peer: source,
        name: contact_name(client, source),
        message: envelope.id,
        text: text_shown(&envelope.text),
        outgoing: false,
        sent: envelope.time,
        received: now.wall_ms,
        past: false,
    };
    out_show(out, Show::Message(shown));
}

/// Подтверждает сообщение: номер и время получения.
fn receipt_send(client: &mut Client, peer: Id, envelope: &Envelope, now: Time, out: &mut Out) {
    let mut receipt = envelope_new(client, ENVELOPE_RECEIPT, now);
    receipt.id = envelope.id;
    receipt.name = String::new();
    let Ok(bytes) = envelope_bytes(&receipt) else {
        return;
    };
    let start = out.bytes.len();
    let _ = message_put(&mut out.bytes, client.me, peer, client.next_content, &bytes);
    out_send(out, client.server.link, Lane::Messages, start);
    client.next_content = (client.next_content + 1) & CONTENT_ID_MAX;
}

/// Собеседник подтвердил получение.
fn receipt_received(client: &mut Client, peer: Id, receipt: &Envelope, now: Time, out: &mut Out) {
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    for index in 0..contact.outbox.len() {
        if contact.outbox[index].envelope.id != receipt.id {
            continue;
        }
        if let Some(entry) = contact.outbox.remove(index) {
            let (message, at) = (receipt.id, receipt.time);
            out.actions.push(Action::Base(BaseOrder::Confirm { peer, message, at }));
            contact.tried_ms = now.mono_ms;
            contact.resend_ms = RESEND_MS;
            if entry.envelope.kind == ENVELOPE_TEXT {
                let state = ReceiptState::Delivered;
                out_show(out, Show::Receipt { peer, message, state, at, reason: None });
            }
        }
        break;
    }
    outbox_pump(client, peer, now, out);
}
