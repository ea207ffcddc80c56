//! Outgoing messages: written, paid, put on disk, sealed, sent in order, confirmed.
//! Исходящие сообщения: написаны, оплачены, легли на диск, запечатаны, отправлены по порядку,
//! подтверждены. Правила порядка и доставки: docs/protocol.md, "Order".

use super::budget::{budget_check, budget_pay, envelope_price, question_ask};
use super::contacts::{contact_meet, contact_name};
use super::events::{
    Action, BaseOrder, Budget, LinkId, Out, Place, Random, Transfer, out_send, out_show,
};
use super::inbox::envelope_shown;
use super::paths::{direct_peers, way_link};
use super::room_told::rooms_reorder;
use super::room_write::room_write;
use super::sending::offer_clear_put;
use super::show::{PeerState, Quote, ReceiptState, Show};
use super::state::{About, Client, Contact, OutMessage, Stage};
use crate::base::bounds::{
    OUTBOX_MAX, OUTBOX_WINDOW, OUTBOX_WINDOW_BYTES, RESEND_MAX_MS, RESEND_MS, RESEND_STORED_MS,
    SILENT_MS, TEXT_MAX,
};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_is_room};
use crate::crypto::identity::sha256;
use crate::wire::header::CONTENT_ID_MAX;
use crate::wire::message::{ENVELOPE_TEXT, Envelope, MessageId, message_put};
use crate::wire::packets::Lane;

/// Номер сообщения UUIDv7 (RFC 9562) из времени и случайных байт.
pub fn message_id(wall_ms: u64, random: &[u8]) -> [u8; 16] {
    let mut bytes = [0u8; 10];
    bytes.copy_from_slice(&random[..10]);
    uuid::Builder::from_unix_timestamp_millis(wall_ms, &bytes).into_uuid().into_bytes()
}

/// Номер сообщения, которое программа пишет сама: случайное число запуска и счётчик.
fn message_id_own(client: &mut Client, now: Time) -> [u8; 16] {
    let mut bytes = [0u8; 16];
    bytes[..8].copy_from_slice(&client.run.to_be_bytes());
    bytes[8..].copy_from_slice(&client.next_own.to_be_bytes());
    client.next_own += 1;
    // Хеш: последние цифры номера человек набирает, они должны быть разными.
    message_id(now.wall_ms, &sha256(&bytes)[..10])
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
    let mut envelope = envelope_new(client, ENVELOPE_TEXT, now);
    envelope.id = message_id(now.wall_ms, random);
    envelope.text = text.as_bytes().to_vec();
    envelope_write(client, peer, envelope, None, now, out)
}

/// Текст или правка: проверка, цена, при нужде вопрос. `quote` — на что это ответ.
pub fn envelope_write(
    client: &mut Client,
    peer: Id,
    mut envelope: Envelope,
    quote: Option<Quote>,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    if id_is_room(peer) {
        return room_write(client, peer, envelope, quote, now, out);
    }
    let length = envelope.text.len();
    if length > TEXT_MAX {
        return Err(fail(FailKind::TextTooLong, &format!("{length} > {TEXT_MAX}")));
    }
    if !contact_meet(client, peer, out) {
        return Err(fail(FailKind::ContactUnknown, ""));
    }
    key_check(client, peer)?;
    let packets = envelope_price(&mut envelope)?;
    budget_check(client, peer, Budget::Messages, packets)?;
    outbox_room(client, peer)?;
    if packets > 1 {
        let about = About::Text { envelope, quote };
        return question_ask(client, peer, packets, about, now, out);
    }
    text_pay(client, peer, envelope, quote, packets, out);
    Ok(())
}

/// Сменившийся ключ останавливает отправку, пока человек не решит. Ошибка `KeyChanged`.
pub fn key_check(client: &Client, peer: Id) -> Result<(), Fail> {
    if key_changed(client, peer) {
        return Err(fail(FailKind::KeyChanged, &contact_name(client, peer)));
    }
    Ok(())
}

/// Сменился ли ключ человека.
pub fn key_changed(client: &Client, peer: Id) -> bool {
    match client.people.get(&peer) {
        Some(person) => person.changed.is_some(),
        None => false,
    }
}

/// Есть ли место в очереди к этому человеку, и не закрыт ли он.
pub fn outbox_room(client: &Client, peer: Id) -> Result<(), Fail> {
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
    Envelope { kind, time: now.wall_ms, name: client.wishes.name.clone(), ..Envelope::default() }
}

/// Конверт, который программа пишет сама: с номером и о каком сообщении он.
pub fn envelope_own(client: &mut Client, kind: u8, about: MessageId, now: Time) -> Envelope {
    let id = message_id_own(client, now);
    Envelope { id, about, ..envelope_new(client, kind, now) }
}

/// Списывает цену и ставит текст в очередь.
pub fn text_pay(
    client: &mut Client,
    peer: Id,
    envelope: Envelope,
    quote: Option<Quote>,
    packets: u64,
    out: &mut Out,
) {
    budget_pay(client, peer, Budget::Messages, packets, out);
    let shown = envelope_shown(client, peer, &envelope, ReceiptState::Queued, quote);
    out_show(out, Show::Message(shown));
    outbox_put(client, peer, envelope, None, out);
}

/// Ставит конверт в очередь к человеку; отправится, когда будет на диске и под печатью.
pub fn outbox_put(
    client: &mut Client,
    peer: Id,
    envelope: Envelope,
    transfer: Option<Transfer>,
    out: &mut Out,
) {
    if let Some(contact) = client.contacts.get(&peer) {
        if !contact.blocked {
            keep_order(contact, &envelope, out);
            outbox_push(client, peer, envelope, transfer);
        }
    }
}

/// То же без приказа: на диск его кладёт другой.
pub fn outbox_push(client: &mut Client, peer: Id, envelope: Envelope, transfer: Option<Transfer>) {
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    contact.outbox.push_back(OutMessage {
        envelope,
        kept: false,
        packet: None,
        place: Place::default(),
        sent: false,
        content_id: 0,
        stored: false,
        refused: false,
        transfer,
    });
}

/// Показывают ли состояние этого: своего текста, но не копии сказанного в комнате.
fn is_shown(envelope: &Envelope) -> bool {
    envelope.kind == ENVELOPE_TEXT && envelope.room.is_none()
}

/// Приказ положить исходящее на диск.
fn keep_order(contact: &Contact, envelope: &Envelope, out: &mut Out) {
    let (peer, keep, envelope) = (contact.id, contact.keep, envelope.clone());
    out.actions.push(Action::Base(BaseOrder::Keep { peer, envelope, keep }));
}

/// Сообщение на диске: теперь оно не пропадёт.
pub fn outbox_kept(client: &mut Client, peer: Id, message: &MessageId, out: &mut Out) {
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    for entry in contact.outbox.iter_mut().rev() {
        if entry.envelope.id != *message {
            continue;
        }
        if !entry.kept && is_shown(&entry.envelope) {
            let (message, at) = (entry.envelope.id, entry.envelope.time);
            let state = ReceiptState::Queued;
            out_show(out, Show::Receipt { peer, message, state, at, reason: None });
        }
        entry.kept = true;
        break;
    }
    client.pump.insert(peer);
}

/// Сообщение запечатано: его можно отправлять. Текст больше не нужен, он на диске.
pub fn outbox_sealed(
    client: &mut Client,
    peer: Id,
    message: &MessageId,
    packet: Vec<u8>,
    place: Place,
) {
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    for entry in contact.outbox.iter_mut().rev() {
        if entry.envelope.id == *message {
            entry.packet = Some(packet);
            entry.place = place;
            entry.sent = false;
            entry.stored = false;
            break;
        }
    }
    contact.key_asked_ms = None;
    client.pump.insert(peer);
}

/// Печати сняты: всё неподтверждённое запечатают и отправят заново.
pub fn outbox_unsealed(client: &mut Client, peer: Id) {
    if let Some(contact) = client.contacts.get_mut(&peer) {
        for entry in &mut contact.outbox {
            entry.packet = None;
            entry.sent = false;
            entry.stored = false;
        }
    }
}

/// Конец пробуждения: отправить, что можно, всем, у кого что-то изменилось.
pub fn outbox_flush(client: &mut Client, now: Time, out: &mut Out) {
    let due = std::mem::take(&mut client.pump);
    for peer in due {
        outbox_pump(client, peer, now, out);
    }
}

/// Отправляет из очереди по порядку всё запечатанное и ещё не отправленное по нынешней линии, в
/// пределах окна. Что лежит на сервере, окна не занимает. Чего сервер не берёт, то пробует одно.
fn outbox_pump(client: &mut Client, peer: Id, now: Time, out: &mut Out) {
    let Some(link) = way_link(client, peer) else {
        return;
    };
    if key_changed(client, peer) {
        return;
    }
    let Some(contact) = client.contacts.get(&peer) else {
        return;
    };
    if contact.blocked {
        return;
    }
    let window = if contact.held { 1 } else { OUTBOX_WINDOW };
    let (mut many, mut bytes) = (0, 0);
    let mut chosen: Vec<usize> = Vec::new();
    for (index, entry) in contact.outbox.iter().enumerate() {
        if entry.stored {
            continue;
        }
        let Some(packet) = &entry.packet else {
            break;
        };
        // Окно считает и байты: длинные тексты иначе не влезли бы в полосу медленного читателя.
        if many == window || (many > 0 && bytes + packet.len() > OUTBOX_WINDOW_BYTES) {
            break;
        }
        many += 1;
        bytes += packet.len();
        if !entry.sent {
            chosen.push(index);
        }
    }
    for index in &chosen {
        outbox_send(client, peer, *index, link, out);
    }
    // Часы повтора ведёт самое раннее: новое за ним не отодвигает срок, когда его послать снова.
    if chosen.first() == Some(&0) {
        if let Some(contact) = client.contacts.get_mut(&peer) {
            contact.tried_ms = now.mono_ms;
        }
    }
}

/// Отправляет одно сообщение очереди.
fn outbox_send(client: &mut Client, peer: Id, index: usize, link: LinkId, out: &mut Out) {
    let content_id = content_next(client);
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    let entry = &mut contact.outbox[index];
    entry.sent = true;
    entry.content_id = content_id;
    let start = out.bytes.len();
    // Размер файла идёт открыто перед предложением (так просит заказчик).
    if let Some(transfer) = entry.transfer {
        offer_clear_put(client, transfer, out);
    }
    if let Some(contact) = client.contacts.get(&peer) {
        if let Some(packet) = &contact.outbox[index].packet {
            let _ = message_put(&mut out.bytes, client.me, peer, content_id, packet);
        }
    }
    out_send(out, link, Lane::Messages, start);
}

/// Следующий номер содержимого.
fn content_next(client: &mut Client) -> u32 {
    let content_id = client.next_content;
    client.next_content = (content_id + 1) & CONTENT_ID_MAX;
    content_id
}

/// Отправляет один раз то, что не стоит в очереди: подтверждение, просьбу начать заново.
pub fn packet_send(client: &mut Client, peer: Id, packet: &[u8], out: &mut Out) {
    let Some(link) = way_link(client, peer) else {
        return;
    };
    let content_id = content_next(client);
    let start = out.bytes.len();
    let _ = message_put(&mut out.bytes, client.me, peer, content_id, packet);
    out_send(out, link, Lane::Messages, start);
}

/// Всё, что не лежит на сервере, считается неотправленным: линия новая или человек вернулся.
pub fn outbox_again(contact: &mut Contact) {
    for entry in &mut contact.outbox {
        entry.sent = false;
    }
}

/// STORED: сообщение лежит на диске сервера; место в окне свободно.
pub fn outbox_stored(client: &mut Client, peer: Id, content_id: u32, now: Time, out: &mut Out) {
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    contact.tried_ms = now.mono_ms;
    contact.resend_ms = RESEND_MS;
    let mut found = None;
    let mut first = contact.outbox.len();
    for (index, entry) in contact.outbox.iter().enumerate() {
        if !entry.stored {
            first = usize::min(first, index);
            if entry.sent && entry.content_id == content_id {
                found = Some(index);
            }
        }
    }
    let Some(found) = found else {
        return;
    };
    client.pump.insert(peer);
    let entry = &mut contact.outbox[found];
    if std::mem::replace(&mut entry.refused, false) {
        // Взято то, чего раньше не брали: место снова есть. Взятое до отказа этого не значит.
        contact.held = false;
    }
    if found > first {
        return stored_early(contact, first, found);
    }
    let entry = &mut contact.outbox[found];
    entry.stored = true;
    let (message, place) = (entry.envelope.id, entry.place);
    out.actions.push(Action::Base(BaseOrder::Stored { peer, message, place }));
    if is_shown(&entry.envelope) {
        let (state, at) = (ReceiptState::Stored, now.wall_ms);
        out_show(out, Show::Receipt { peer, message, state, at, reason: None });
    }
}

/// Сохранено не по порядку: раньше посланное ушло прямо и, может быть, пропало, а без него это не
/// покажут. Обещать нечего: всё до него и оно само посылаются снова, по порядку, и лягут подряд.
fn stored_early(contact: &mut Contact, first: usize, found: usize) {
    let content_id = contact.outbox[found].content_id;
    for index in first..found {
        let entry = &mut contact.outbox[index];
        // Посланное позже ещё ответит само.
        let later = entry.content_id.wrapping_sub(content_id) & CONTENT_ID_MAX;
        if later > CONTENT_ID_MAX / 2 {
            entry.sent = false;
        }
    }
    contact.outbox[found].sent = false;
}

/// Сообщения достигли состояния: полученные уходят из очереди.
pub fn outbox_reached(
    client: &mut Client,
    peer: Id,
    messages: &[MessageId],
    state: ReceiptState,
    at: u64,
    now: Time,
    out: &mut Out,
) {
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    let mut first = false;
    for message in messages {
        let mut text = true;
        for index in 0..contact.outbox.len() {
            if contact.outbox[index].envelope.id == *message {
                first = first || index == 0;
                text = is_shown(&contact.outbox[index].envelope);
                contact.outbox.remove(index);
                break;
            }
        }
        if text {
            let message = *message;
            out_show(out, Show::Receipt { peer, message, state, at, reason: None });
        }
    }
    contact.heard_ms = now.mono_ms;
    if contact.outbox.is_empty() {
        contact.stored_wait_ms = RESEND_MS;
    }
    if first {
        contact.tried_ms = now.mono_ms;
        contact.resend_ms = RESEND_MS;
    }
    if !messages.is_empty() {
        contact.held = false;
        client.pump.insert(peer);
    }
}

/// Тиканье: после отказа диска приказать заново всё, что не записалось. Чужое, чего нет на
/// диске, не подтверждено: его пришлют снова.
pub fn base_tick(client: &mut Client, now: Time, out: &mut Out) {
    match client.base_retry_ms {
        Some(at) if now.mono_ms >= at => client.base_retry_ms = None,
        Some(_) | None => return,
    }
    out.actions.push(Action::Base(BaseOrder::Retry));
    // Отказать могли и мелкие файлы: пусть напишутся ещё раз.
    (client.limits_dirty, client.contacts_dirty) = (true, true);
    rooms_reorder(client, out);
    for contact in client.contacts.values_mut() {
        contact.key_asked_ms = None;
        for entry in &contact.outbox {
            if !entry.kept {
                keep_order(contact, &entry.envelope, out);
            }
        }
    }
    for mark in &client.marks {
        out.actions.push(Action::Base(BaseOrder::File(mark.clone())));
    }
}

/// Тиканье: неподтверждённое слишком долго отправляется снова. Лежащее на сервере — только тому,
/// кто на связи и давно не подтверждает: вдруг ящик пропал; всё реже: вернее, он длинный.
pub fn outbox_tick(client: &mut Client, now: Time, out: &mut Out) {
    let relay = client.server.stage == Stage::Up;
    let direct = direct_peers(client);
    let mut late: Vec<Id> = Vec::new();
    for contact in client.contacts.values() {
        if !relay && !direct.contains(&contact.id) {
            continue;
        }
        if !contact.outbox.is_empty() && now.mono_ms >= contact.tried_ms + contact.resend_ms {
            late.push(contact.id);
        }
    }
    for peer in late {
        if let Some(contact) = client.contacts.get_mut(&peer) {
            contact.resend_ms = u64::min(contact.resend_ms * 2, RESEND_MAX_MS);
            contact.tried_ms = now.mono_ms;
            outbox_again(contact);
            let heard = now.mono_ms < contact.heard_ms + SILENT_MS;
            let there = contact.state == PeerState::Online || (contact.heard_ms > 0 && heard);
            if there && now.mono_ms >= contact.stored_ms + contact.stored_wait_ms {
                contact.stored_ms = now.mono_ms;
                contact.stored_wait_ms = u64::min(contact.stored_wait_ms * 2, RESEND_STORED_MS);
                let many = usize::min(OUTBOX_WINDOW, contact.outbox.len());
                for index in 0..many {
                    contact.outbox[index].stored = false;
                }
            }
        }
        outbox_pump(client, peer, now, out);
    }
}
