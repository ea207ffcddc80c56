//! Texts: written, paid, queued, sent in order, confirmed; received, put in order, confirmed.
//! Тексты: написаны, оплачены, в очереди, отправлены по порядку, подтверждены; получены,
//! выстроены по порядку, подтверждены. Правила порядка: docs/protocol.md, "Order".

use super::budget::{budget_check, budget_pay, question_ask};
use super::contacts::{contact_meet, contact_name};
use super::events::{Action, BaseOrder, Budget, Out, Random, Transfer, out_send, out_show};
use super::sending::offer_clear_put;
use super::show::{MessageShow, PeerState, ReceiptState, Show};
use super::state::{About, Client, Contact, OutMessage, Stage};
use crate::base::bounds::{
    OUTBOX_MAX, OUTBOX_WINDOW, OUTBOX_WINDOW_BYTES, RESEND_MAX_MS, TEXT_MAX,
};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::wire::header::CONTENT_ID_MAX;
use crate::wire::message::{
    ENVELOPE_TEXT, Envelope, envelope_bytes, message_packets, message_put, text_shown,
};
use crate::wire::packets::Lane;

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
