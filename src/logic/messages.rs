//! Texts: written, paid, queued, sent in order, confirmed; received, put in order, confirmed.
//! Тексты: написаны, оплачены, в очереди, отправлены по порядку, подтверждены; получены,
//! выстроены по порядку, подтверждены. Правила порядка: docs/protocol.md, "Order".

use super::budget::{budget_check, budget_pay, question_ask};
use super::contacts::{contact_meet, contact_name, contact_show, contact_state, name_clean};
use super::events::{Action, BaseOrder, Budget, Out, Random, Transfer, out_send, out_show};
use super::receiving::offer_received;
use super::sending::offer_clear_put;
use super::show::{MessageShow, PeerState, ReceiptState, Show};
use super::state::{About, Client, Contact, OutMessage, Partial, Stage};
use crate::base::bounds::{
    EARLY_BYTES_MAX, EARLY_MAX, OUTBOX_MAX, OUTBOX_WINDOW, OUTBOX_WINDOW_BYTES, PARTIAL_BYTES_MAX,
    PARTIAL_MAX, RESEND_MAX_MS, RESEND_MS, TEXT_MAX,
};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::wire::control::body_read;
use crate::wire::header::CONTENT_ID_MAX;
use crate::wire::message::{
    ENVELOPE_OFFER, ENVELOPE_RECEIPT, ENVELOPE_TEXT, Envelope, Offer, envelope_bytes,
    message_packets, message_put, piece_read, text_shown,
};
use crate::wire::packets::Lane;

/// Наибольший порядковый номер: в history.db числа со знаком.
const SEQUENCE_MAX: u64 = i64::MAX as u64 - 1;

/// Номер сообщения UUIDv7 (RFC 9562) из времени и случайных байт.
pub fn message_id(wall_ms: u64, random: &[u8]) -> [u8; 16] {
    let mut bytes = [0u8; 10];
    bytes.copy_from_slice(&random[..10]);
    uuid::Builder::from_unix_timestamp_millis(wall_ms, &bytes).into_uuid().into_bytes()
}

/// Человек пишет текст: проверка, цена, при нужде вопрос.
pub fn text_write(
    client: &mut Client,
    peer: Id,
    text: &str,
    random: &Random,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    if text.len() > TEXT_MAX {
        return Err(fail(FailKind::TextTooLong, &format!("{} > {TEXT_MAX}", text.len())));
    }
    if !contact_meet(client, peer, out) {
        return Err(fail(FailKind::ContactUnknown, ""));
    }
    let mut envelope = envelope_new(client, ENVELOPE_TEXT, now);
    envelope.id = message_id(now.wall_ms, random);
    envelope.text = text.as_bytes().to_vec();
    // Цена считается по самому длинному виду: порядковые номера ещё не назначены.
    envelope.sequence = u64::MAX;
    envelope.base = u64::MAX;
    let packets = message_packets(envelope_bytes(&envelope)?.len()) as u64;
    budget_check(client, peer, Budget::Messages, packets)?;
    outbox_room(client, peer)?;
    if packets > 1 {
        return question_ask(client, peer, packets, About::Text { envelope }, now, out);
    }
    text_pay(client, peer, envelope, packets, out);
    Ok(())
}

/// Есть ли место в очереди к этому человеку, и не закрыт ли он.
fn outbox_room(client: &Client, peer: Id) -> Result<(), Fail> {
    match client.contacts.get(&peer) {
        Some(contact) if contact.blocked => Err(fail(FailKind::Blocked, &contact.name)),
        Some(contact) if contact.outbox.len() >= OUTBOX_MAX => {
            Err(fail(FailKind::OutboxFull, &OUTBOX_MAX.to_string()))
        }
        Some(_) => Ok(()),
        None => Err(fail(FailKind::ContactUnknown, "")),
    }
}

/// Пустой конверт со своим именем и временем.
pub fn envelope_new(client: &Client, kind: u8, now: Time) -> Envelope {
    Envelope {
        kind,
        run: client.run,
        time: now.wall_ms,
        name: client.wishes.name.clone(),
        ..Envelope::default()
    }
}

/// Списывает цену и ставит текст в очередь.
pub fn text_pay(client: &mut Client, peer: Id, envelope: Envelope, packets: u64, out: &mut Out) {
    budget_pay(client, peer, Budget::Messages, packets, out);
    let shown = MessageShow {
        peer,
        name: contact_name(client, peer),
        message: envelope.id,
        text: text_shown(&envelope.text),
        outgoing: true,
        sent: envelope.time,
        received: 0,
        past: false,
    };
    out_show(out, Show::Message(shown));
    outbox_put(client, peer, envelope, None, out);
}

/// Ставит конверт в очередь к человеку; отправится, когда будет на диске.
pub fn outbox_put(
    client: &mut Client,
    peer: Id,
    mut envelope: Envelope,
    transfer: Option<Transfer>,
    out: &mut Out,
) {
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    envelope.sequence = contact.next_sequence;
    contact.next_sequence += 1;
    out.actions.push(Action::Base(BaseOrder::Keep { peer, envelope: envelope.clone() }));
    contact.outbox.push_back(OutMessage { envelope, kept: false, sent: false, transfer });
}

/// Сообщение на диске: теперь оно не пропадёт, и его можно отправлять.
pub fn outbox_kept(client: &mut Client, peer: Id, sequence: u64, now: Time, out: &mut Out) {
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    for entry in &mut contact.outbox {
        if entry.envelope.sequence != sequence || entry.kept {
            continue;
        }
        entry.kept = true;
        if entry.envelope.kind == ENVELOPE_TEXT {
            let (message, at) = (entry.envelope.id, entry.envelope.time);
            let state = ReceiptState::Queued;
            out_show(out, Show::Receipt { peer, message, state, at, reason: None });
        }
    }
    // Кого нет, того ищет проба по часам, а не каждая новая строка.
    let away = contact.state == PeerState::Offline || contact.state == PeerState::Refused;
    if !away || contact.outbox.len() == 1 {
        outbox_pump(client, peer, now, out);
    }
}

/// Отправляет из очереди всё, что ещё не отправлено по нынешней линии, в пределах окна.
/// Пока человека нет, уходит только первое сообщение, как проба.
pub fn outbox_pump(client: &mut Client, peer: Id, now: Time, out: &mut Out) {
    if client.server.stage != Stage::Up {
        return;
    }
    let Some(contact) = client.contacts.get(&peer) else {
        return;
    };
    let window = match contact.state {
        PeerState::Offline | PeerState::Refused => 1,
        PeerState::Online | PeerState::Unknown => OUTBOX_WINDOW,
    };
    let many = usize::min(window, contact.outbox.len());
    let mut bytes = 0;
    for index in 0..many {
        let weight = match client.contacts.get(&peer) {
            Some(contact) => contact.outbox[index].envelope.text.len(),
            None => 0,
        };
        // Окно считает и байты: длинные тексты иначе не влезли бы в полосу медленного читателя.
        if index > 0 && bytes + weight > OUTBOX_WINDOW_BYTES {
            break;
        }
        bytes += weight;
        outbox_send(client, peer, index, out);
    }
    if many > 0 {
        if let Some(contact) = client.contacts.get_mut(&peer) {
            contact.tried_ms = now.mono_ms;
        }
    }
}

/// Отправляет одно сообщение очереди, если оно ещё не ушло.
fn outbox_send(client: &mut Client, peer: Id, index: usize, out: &mut Out) {
    let content_id = client.next_content;
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    let base = contact.outbox[0].envelope.sequence;
    let entry = &mut contact.outbox[index];
    if entry.sent || !entry.kept {
        return;
    }
    entry.envelope.base = base;
    let Ok(bytes) = envelope_bytes(&entry.envelope) else {
        return;
    };
    entry.sent = true;
    let transfer = entry.transfer;
    let start = out.bytes.len();
    // Размер файла идёт открыто перед предложением (так просит заказчик).
    if let Some(transfer) = transfer {
        offer_clear_put(client, transfer, out);
    }
    let _ = message_put(&mut out.bytes, client.me, peer, content_id, &bytes);
    out_send(out, client.server.link, Lane::Messages, start);
    client.next_content = (content_id + 1) & CONTENT_ID_MAX;
}

/// Всё неподтверждённое считается неотправленным: линия новая или человек вернулся.
pub fn outbox_again(contact: &mut Contact) {
    for entry in &mut contact.outbox {
        entry.sent = false;
    }
}

/// Тиканье: после отказа диска приказать заново всё, что не записалось. Чужие сообщения, которых
/// нет на диске, не подтверждены: порядок возвращается к записанному, и их пришлют снова.
pub fn base_tick(client: &mut Client, now: Time, out: &mut Out) {
    match client.base_retry_ms {
        Some(at) if now.mono_ms >= at => client.base_retry_ms = None,
        Some(_) | None => return,
    }
    out.actions.push(Action::Base(BaseOrder::Retry));
    for contact in client.contacts.values_mut() {
        contact.incoming.expected = contact.incoming.committed;
        contact.incoming.early.clear();
        contact.incoming.early_bytes = 0;
        for entry in &contact.outbox {
            if !entry.kept {
                let envelope = entry.envelope.clone();
                out.actions.push(Action::Base(BaseOrder::Keep { peer: contact.id, envelope }));
            }
        }
    }
}

/// Тиканье: неподтверждённое слишком долго отправляется снова.
pub fn outbox_tick(client: &mut Client, now: Time, out: &mut Out) {
    if client.server.stage != Stage::Up {
        return;
    }
    let mut late: Vec<Id> = Vec::new();
    for contact in client.contacts.values() {
        if !contact.outbox.is_empty() && now.mono_ms >= contact.tried_ms + contact.resend_ms {
            late.push(contact.id);
        }
    }
    for peer in late {
        if let Some(contact) = client.contacts.get_mut(&peer) {
            // Медленная линия не должна тонуть в повторах: ждать всё дольше.
            contact.resend_ms = u64::min(contact.resend_ms * 2, RESEND_MAX_MS);
            outbox_again(contact);
        }
        outbox_pump(client, peer, now, out);
    }
}

/// Пришёл кусок сообщения: собрать и, когда целое, разобрать.
pub fn message_received(
    client: &mut Client,
    source: Id,
    content_id: u32,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    if let Some(contact) = client.contacts.get(&source) {
        if contact.blocked {
            return Ok(());
        }
    }
    let piece = piece_read(data)?;
    if !contact_meet(client, source, out) {
        return Ok(());
    }
    let full = piece.index == 0 && piece.count > 1 && partial_bytes(client) > PARTIAL_BYTES_MAX;
    let Some(contact) = client.contacts.get_mut(&source) else {
        return Ok(());
    };
    if full {
        // Места на недособранное больше нет: целиком пришлют снова.
        contact.partials.clear();
        return Ok(());
    }
    if piece.count == 1 {
        let envelope: Envelope = body_read("envelope", piece.bytes)?;
        return envelope_received(client, source, envelope, now, out);
    }
    let mut place = contact.partials.len();
    for index in 0..contact.partials.len() {
        if contact.partials[index].content_id == content_id {
            place = index;
        }
    }
    if piece.index == 0 {
        if place < contact.partials.len() {
            contact.partials.remove(place);
        } else if contact.partials.len() >= PARTIAL_MAX {
            contact.partials.remove(0);
        }
        place = contact.partials.len();
        let bytes = Vec::new();
        contact.partials.push(Partial { content_id, count: piece.count, next: 0, bytes });
    }
    if place >= contact.partials.len() {
        // Начало потеряно вместе с прежней линией: сообщение придёт снова целиком.
        return Ok(());
    }
    let partial = &mut contact.partials[place];
    if partial.next != piece.index || partial.count != piece.count {
        contact.partials.remove(place);
        return Ok(());
    }
    partial.bytes.extend_from_slice(piece.bytes);
    partial.next += 1;
    if partial.next < partial.count {
        return Ok(());
    }
    let whole = contact.partials.remove(place);
    let envelope: Envelope = body_read("envelope", &whole.bytes)?;
    envelope_received(client, source, envelope, now, out)
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

/// Сколько байт занимают недособранные сообщения всех собеседников.
fn partial_bytes(client: &Client) -> usize {
    let mut bytes = 0;
    for contact in client.contacts.values() {
        for partial in &contact.partials {
            bytes += partial.bytes.len();
        }
    }
    bytes
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
