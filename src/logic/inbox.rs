//! What comes in: pieces put together and handed to the desk (store/desk.rs), which opens them and
//! puts them on disk; what it opened is shown here.
//! Что приходит: куски собираются и отдаются столу (store/desk.rs), который вскрывает их и кладёт
//! на диск; вскрытое показывается здесь. Правила порядка: docs/protocol.md, "Order".

use super::contacts::{contact_make, contact_name, contact_show, is_stranger, name_clean};
use super::events::{Action, BaseOrder, Out, Standing, out_show};
use super::receiving::offer_received;
use super::rooms::is_member;
use super::show::{MessageShow, Quote, ReceiptState, Show};
use super::state::{Client, Partial};
use super::trust::{answer_received, request_received};
use crate::base::bounds::{PARTIAL_BYTES_MAX, PARTIAL_MAX, PARTIALS_MAX, STRANGERS_MAX};
use crate::base::clock::Time;
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::wire::message::{
    ENVELOPE_ACCEPT, ENVELOPE_EDIT, ENVELOPE_OFFER, ENVELOPE_REJECT, ENVELOPE_REQUEST,
    ENVELOPE_TEXT, Envelope, Piece, piece_read, text_shown,
};

/// Пришёл кусок сообщения: собрать и, когда целое, отдать столу.
pub fn message_received(
    client: &mut Client,
    source: Id,
    content_id: u32,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let piece = piece_read(data)?;
    if !stranger_room(client, source) {
        return Ok(());
    }
    let bytes = if piece.count == 1 {
        piece.bytes.to_vec()
    } else {
        match piece_join(client, source, content_id, &piece) {
            Some(whole) => whole,
            None => return Ok(()),
        }
    };
    let (seen, keep) = match client.contacts.get(&source) {
        Some(contact) => (client.chosen == Some(source), contact.keep),
        None => (false, client.wishes.keep_first),
    };
    let (peer, received) = (source, now.wall_ms);
    out.actions.push(Action::Base(BaseOrder::Accept { peer, bytes, received, seen, keep }));
    Ok(())
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
        if client.partials.len() >= PARTIALS_MAX || bytes > PARTIAL_BYTES_MAX / 2 {
            partial_evict(client);
        }
        if own >= PARTIAL_MAX {
            // Давнее недособранное осталось от прежнего пути; новое из-за него не пропадает: почту
            // подтвердили бы, а её нет.
            partial_oldest(client, source);
        }
        if client.partials.len() >= PARTIALS_MAX {
            return None;
        }
        place = Some(client.partials.len());
        let (count, bytes) = (piece.count, Vec::new());
        client.partials.push(Partial { source, content_id, count, next: 0, bytes });
    }
    let place = place?;
    if bytes + piece.bytes.len() > PARTIAL_BYTES_MAX {
        client.partials.remove(place);
        return None;
    }
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

/// Забывает самое давнее недособранное этого человека.
fn partial_oldest(client: &mut Client, source: Id) {
    for index in 0..client.partials.len() {
        if client.partials[index].source == source {
            client.partials.remove(index);
            return;
        }
    }
}

/// Освобождает место: самое давнее недособранное того, кто не в контактах.
fn partial_evict(client: &mut Client) {
    for index in 0..client.partials.len() {
        let known = match client.contacts.get(&client.partials[index].source) {
            Some(contact) => contact.standing == Standing::Contact,
            None => false,
        };
        if !known {
            client.partials.remove(index);
            return;
        }
    }
}

/// Линия с сервером пропала: забывает всё недособранное, продолжения не будет. Больше ничто этого
/// не требует: половина письма из ящика, забытая посреди его выдачи, была бы подтверждена меткой.
pub fn partials_forget(client: &mut Client) {
    client.partials.clear();
}

/// Заводит запись о незнакомце, который пишет: он просится, а о присутствии ему ничего не говорят,
/// пока не приняли. Если писать могут только знакомые, он стоит в папке спама и не тревожит.
fn stranger_meet(client: &mut Client, source: Id, out: &mut Out) -> bool {
    let member = match client.contacts.get(&source) {
        Some(contact) => contact.standing == Standing::Member,
        None => false,
    };
    if client.contacts.contains_key(&source) && !member {
        return true;
    }
    if !contact_make(client, source) {
        return false;
    }
    let spam = client.wishes.contacts_only;
    if let Some(contact) = client.contacts.get_mut(&source) {
        contact.standing = if spam { Standing::Spam } else { Standing::Asks };
    }
    if !spam {
        contact_show(client, source, out);
    }
    true
}

/// Есть ли место для незнакомца: их число ограничено, чтобы они не вытеснили знакомых.
fn stranger_room(client: &Client, source: Id) -> bool {
    if client.contacts.contains_key(&source) || is_member(client, source) {
        return true;
    }
    let mut many = 0;
    for contact in client.contacts.values() {
        if is_stranger(contact) {
            many += 1;
        }
    }
    many < STRANGERS_MAX
}

/// How an opened message came.
#[derive(Debug)]
pub struct Came {
    pub received: u64,
    /// It was not there before.
    pub fresh: bool,
    /// The message it answers.
    pub quote: Option<Quote>,
}

/// Вскрыто и на диске: показать, если такого ещё не было (`fresh`).
pub fn envelope_opened(
    client: &mut Client,
    source: Id,
    envelope: Envelope,
    came: Came,
    now: Time,
    out: &mut Out,
) {
    if envelope.kind == ENVELOPE_REQUEST {
        return request_received(client, source, &envelope, now, out);
    }
    if !stranger_meet(client, source, out) {
        return;
    }
    name_learn(client, source, &envelope.name, out);
    match envelope.kind {
        ENVELOPE_OFFER => {
            if let Some(offer) = envelope.offer {
                if came.fresh {
                    unread_count(client, source);
                }
                if !in_spam(client, source) {
                    offer_received(client, source, envelope.id, offer, now, out);
                }
            }
        }
        ENVELOPE_ACCEPT => answer_received(client, source, true, out),
        ENVELOPE_REJECT => answer_received(client, source, false, out),
        ENVELOPE_TEXT | ENVELOPE_EDIT if came.fresh => {
            text_opened(client, source, &envelope, came, out);
        }
        _ => {}
    }
}

/// Пришло новое, текст или файл: непрочитанного больше, если этот чат не открыт.
fn unread_count(client: &mut Client, source: Id) {
    let chosen = client.chosen == Some(source);
    if let (Some(contact), false) = (client.contacts.get_mut(&source), chosen) {
        contact.unread += 1;
    }
}

/// Показывает пришедший текст или правку.
fn text_opened(client: &mut Client, source: Id, envelope: &Envelope, came: Came, out: &mut Out) {
    let chosen = client.chosen == Some(source);
    if envelope.kind != ENVELOPE_EDIT {
        unread_count(client, source);
    }
    if in_spam(client, source) && !chosen {
        return;
    }
    let shown = envelope_shown(client, source, envelope, ReceiptState::Delivered, came.quote);
    let received = came.received;
    out_show(out, Show::Message(MessageShow { outgoing: false, received, ..shown }));
}

/// Текст или правка, как их показать: правка — это прежнее сообщение с новым текстом.
pub fn envelope_shown(
    client: &Client,
    peer: Id,
    envelope: &Envelope,
    state: ReceiptState,
    quote: Option<Quote>,
) -> MessageShow {
    let edit = envelope.kind == ENVELOPE_EDIT;
    MessageShow {
        peer,
        name: contact_name(client, peer),
        message: if edit { envelope.about } else { envelope.id },
        text: text_shown(&envelope.text),
        outgoing: true,
        sent: envelope.time,
        received: 0,
        read: 0,
        edited: if edit { envelope.time } else { 0 },
        reply: if edit { [0; 16] } else { envelope.about },
        past: false,
        number: 0,
        state,
        file: None,
        quote,
        author: 0,
        author_name: String::new(),
    }
}

/// Не тревожит ли этот человек: он в папке спама или, когда писать могут только знакомые, ещё
/// только просится.
pub fn in_spam(client: &Client, id: Id) -> bool {
    match client.contacts.get(&id) {
        Some(contact) => match contact.standing {
            Standing::Spam => true,
            Standing::Asks | Standing::Later => client.wishes.contacts_only,
            Standing::Contact | Standing::Asked | Standing::Declined | Standing::Member => false,
        },
        None => false,
    }
}

/// Узнаёт имя, которым человек назвался, если своего ему не дали.
pub fn name_learn(client: &mut Client, source: Id, name: &str, out: &mut Out) {
    let name = name_clean(name);
    if let Some(contact) = client.contacts.get_mut(&source) {
        if contact.name.is_empty() && !name.is_empty() {
            contact.name = name;
            client.contacts_dirty = true;
            if !in_spam(client, source) {
                contact_show(client, source, out);
            }
        }
    }
}
