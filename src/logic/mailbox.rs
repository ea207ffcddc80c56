//! The server's mailboxes: messages for people who are away, kept on disk until they are fetched
//! and confirmed. While anything waits for a person, what is new for him waits behind it, so the
//! order holds. The server sees sizes and ids, no content.
//! Почтовые ящики сервера: сообщения для отсутствующих лежат на диске, пока их не заберут и не
//! подтвердят. Пока кого-то ждёт почта, новое для него встаёт за нею, поэтому порядок сохраняется.
//! Сервер видит размеры и номера, но не содержание.

use super::events::{Action, LinkId, MailOrder, Out, out_send};
use super::server::{Guest, Server, control_put, unreachable_put};
use crate::base::bounds::{
    KEY_ASKS_MAX, MAIL_AGAIN_MS, MAIL_AGE_MS, MAIL_BYTES_MAX, MAIL_COUNT_MAX, MAIL_SENDER_BYTES,
    MAIL_TOTAL_BYTES, MAILING_BYTES_MAX,
};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind};
use crate::base::ids::{ID_SERVER, Id};
use crate::wire::control::{
    KeyAnswer, KeyAsk, KeyBundle, Keys, KeysLeft, Mail, Stored, body_read, packet_put,
};
use crate::wire::header::{Header, header_bytes};
use crate::wire::message::piece_read;
use crate::wire::packets::{Kind, Lane};

/// Как часто искать просроченную почту.
const AGE_LOOK_MS: u64 = 60 * 60 * 1_000;

/// How much one person's mailbox holds and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    pub count: u64,
    pub bytes: u64,
    pub age_ms: u64,
}

/// What waits for one person.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// Messages on disk or on their way there.
    pub count: u64,
    pub bytes: u64,
    /// Since when a part is being handed over; None: nothing is on its way.
    pub since_ms: Option<u64>,
    /// The mark of the part that waits for its confirmation.
    pub upto: u64,
}

/// A long message of a link that is being put together for a mailbox.
#[derive(Debug)]
pub struct Mailing {
    pub dest: Id,
    pub content_id: u32,
    pub next: u16,
    pub packets: Vec<u8>,
}

/// Предел ящика: названный при запуске или обычный.
fn quota_of(server: &Server) -> Quota {
    match server.quota {
        Some(quota) => quota,
        None => Quota { count: MAIL_COUNT_MAX, bytes: MAIL_BYTES_MAX, age_ms: MAIL_AGE_MS },
    }
}

/// Кусок сообщения тому, кого нет или кого уже ждёт почта. В ящик ложатся только целые.
pub fn mail_put(
    server: &mut Server,
    from: LinkId,
    header: &Header,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let (dest, content_id) = (header.dest_id, header.content_id);
    if !server.registered.contains_key(&dest) {
        unreachable_put(from, header, FailKind::PeerUnknown, out);
        return Ok(());
    }
    let piece = piece_read(data)?;
    let Some(guest) = server.links.get_mut(&from) else {
        return Ok(());
    };
    let mut packets = Vec::new();
    if let Some(begun) = guest.mailing.take() {
        server.mailing_bytes -= begun.packets.len();
        let follows = begun.next == piece.index && begun.content_id == content_id;
        if piece.index > 0 && follows && begun.dest == dest {
            packets = begun.packets;
        }
    }
    if piece.index > 0 && packets.is_empty() {
        // Начало ушло прямо или не поместилось: один конец сообщения хранить незачем.
        return Ok(());
    }
    packets.extend_from_slice(&header_bytes(header));
    packets.extend_from_slice(data);
    let next = piece.index + 1;
    if next < piece.count {
        if server.mailing_bytes + packets.len() > MAILING_BYTES_MAX {
            unreachable_put(from, header, FailKind::PeerBusy, out);
            return Ok(());
        }
        server.mailing_bytes += packets.len();
        guest.mailing = Some(Mailing { dest, content_id, next, packets });
        return Ok(());
    }
    mail_keep(server, from, header, packets, now, out);
    Ok(())
}

/// Целое сообщение: если есть место, на диск.
fn mail_keep(
    server: &mut Server,
    from: LinkId,
    header: &Header,
    packets: Vec<u8>,
    now: Time,
    out: &mut Out,
) {
    let (dest, bytes) = (header.dest_id, packets.len() as u64);
    let quota = quota_of(server);
    let sender_full = sender_count(server, from, bytes, now);
    let mailbox = server.mailboxes.entry(dest).or_default();
    let full = mailbox.count >= quota.count || mailbox.bytes + bytes > quota.bytes;
    if full || sender_full {
        // Пустой ящик не остаётся: он направлял бы новое в себя.
        if mailbox.count == 0 {
            server.mailboxes.remove(&dest);
        }
        return unreachable_put(from, header, FailKind::MailboxFull, out);
    }
    mailbox.count += 1;
    mailbox.bytes += bytes;
    server.mail_bytes += bytes;
    let (header, at) = (*header, now.wall_ms);
    out.actions.push(Action::Mail(MailOrder::Keep { dest, from, header, at, packets }));
}

/// Считает, сколько с этой линии легло за час и сколько лежит во всех ящиках; `true` — хватит.
fn sender_count(server: &mut Server, from: LinkId, bytes: u64, now: Time) -> bool {
    let total = server.mail_bytes + bytes;
    let Some(guest) = server.links.get_mut(&from) else {
        return true;
    };
    if now.mono_ms >= guest.mailed_ms + 3_600_000 {
        guest.mailed_ms = now.mono_ms;
        guest.mailed = 0;
    }
    guest.mailed += bytes;
    total > MAIL_TOTAL_BYTES || guest.mailed > MAIL_SENDER_BYTES
}

/// Сообщение на диске: оно обещано. Получатель тем временем мог прийти.
pub fn mail_kept(
    server: &mut Server,
    dest: Id,
    from: LinkId,
    content_id: u32,
    now: Time,
    out: &mut Out,
) {
    if server.links.contains_key(&from) {
        control_put(from, Kind::Stored, &Stored { id: dest, content_id }, out);
    }
    mail_hand(server, dest, now, out);
}

/// Диск отказал: ничего не обещано, место свободно.
pub fn mail_failed(
    server: &mut Server,
    dest: Id,
    from: LinkId,
    header: &Header,
    bytes: u64,
    failed: &Fail,
    out: &mut Out,
) {
    tracing::error!("mail: {}", failed.detail);
    mailbox_less(server, dest, 1, bytes);
    if server.links.contains_key(&from) {
        unreachable_put(from, header, FailKind::ServerDisk, out);
    }
}

/// Начинает выдачу, если человек на связи и ничего уже не выдаётся.
pub fn mail_hand(server: &mut Server, dest: Id, now: Time, out: &mut Out) {
    if !server.online.contains_key(&dest) {
        return;
    }
    let Some(mailbox) = server.mailboxes.get_mut(&dest) else {
        return;
    };
    if mailbox.count == 0 || mailbox.since_ms.is_some() {
        return;
    }
    mailbox.since_ms = Some(now.mono_ms);
    mailbox.upto = 0;
    out.actions.push(Action::Mail(MailOrder::Read { dest }));
}

/// Часть почты прочитана: выдать её и метку, одним куском.
pub fn mail_read(
    server: &mut Server,
    dest: Id,
    packets: &[u8],
    upto: u64,
    now: Time,
    out: &mut Out,
) {
    let link = server.online.get(&dest).copied();
    let Some(mailbox) = server.mailboxes.get_mut(&dest) else {
        return;
    };
    let (Some(link), false) = (link, packets.is_empty()) else {
        mailbox.since_ms = None;
        return;
    };
    mailbox.since_ms = Some(now.mono_ms);
    mailbox.upto = upto;
    let start = out.bytes.len();
    out.bytes.extend_from_slice(packets);
    let body = Mail { upto };
    let _ = packet_put(&mut out.bytes, Kind::Mail, ID_SERVER, ID_SERVER, 0, &body);
    out_send(out, link, Lane::Messages, start);
}

/// MAIL от клиента: всё до этой метки у него на диске.
pub fn mail_confirmed(
    server: &mut Server,
    dest: Id,
    data: &[u8],
    out: &mut Out,
) -> Result<(), Fail> {
    let body: Mail = body_read("MAIL", data)?;
    if let Some(mailbox) = server.mailboxes.get(&dest) {
        if mailbox.upto != 0 && mailbox.upto == body.upto {
            out.actions.push(Action::Mail(MailOrder::Drop { dest, upto: body.upto }));
        }
    }
    Ok(())
}

/// Почта ушла с диска: следующая часть или конец.
pub fn mail_dropped(
    server: &mut Server,
    dest: Id,
    count: u64,
    bytes: u64,
    now: Time,
    out: &mut Out,
) {
    mailbox_less(server, dest, count, bytes);
    mail_halt(server, dest);
    mail_hand(server, dest, now, out);
}

/// Уменьшает счёт ящика; пустой исчезает, и новое снова передаётся прямо.
fn mailbox_less(server: &mut Server, dest: Id, count: u64, bytes: u64) {
    if let Some(mailbox) = server.mailboxes.get_mut(&dest) {
        server.mail_bytes = server.mail_bytes.saturating_sub(bytes);
        mailbox.count = mailbox.count.saturating_sub(count);
        mailbox.bytes = mailbox.bytes.saturating_sub(bytes);
        if mailbox.count == 0 {
            server.mailboxes.remove(&dest);
        }
    }
}

/// Линия закрыта: недособранное с неё не доложат.
pub fn mailing_forget(server: &mut Server, guest: &Guest) {
    if let Some(begun) = &guest.mailing {
        server.mailing_bytes -= begun.packets.len();
    }
}

/// Ничего больше не выдаётся: часть подтверждена, опоздала или человек ушёл. Оставшееся выдаётся
/// заново.
pub fn mail_halt(server: &mut Server, dest: Id) {
    if let Some(mailbox) = server.mailboxes.get_mut(&dest) {
        mailbox.since_ms = None;
        mailbox.upto = 0;
    }
}

/// Тиканье: неподтверждённая часть выдаётся снова, просроченное выбрасывается.
pub fn mail_tick(server: &mut Server, now: Time, out: &mut Out) {
    let mut late: Vec<Id> = Vec::new();
    for (dest, mailbox) in &server.mailboxes {
        if let Some(since) = mailbox.since_ms {
            if now.mono_ms >= since + MAIL_AGAIN_MS {
                late.push(*dest);
            }
        }
    }
    for dest in late {
        mail_halt(server, dest);
        mail_hand(server, dest, now, out);
    }
    // Первый раз — сразу после запуска: сервер могут запускать чаще, чем раз в час.
    if server.aged_ms == 0 || now.mono_ms >= server.aged_ms + AGE_LOOK_MS {
        server.aged_ms = u64::max(1, now.mono_ms);
        let before = now.wall_ms.saturating_sub(quota_of(server).age_ms);
        out.actions.push(Action::Mail(MailOrder::Age { before }));
    }
}

/// KEYS: открытые ключи человека ложатся на диск.
pub fn keys_received(id: Id, link: LinkId, data: &[u8], out: &mut Out) -> Result<(), Fail> {
    let keys: Keys = body_read("KEYS", data)?;
    out.actions.push(Action::Mail(MailOrder::Keys { id, link, keys: Box::new(keys) }));
    Ok(())
}

/// KEY_ASK: выдать один ключ, но не больше положенного за минуту.
pub fn key_asked(
    server: &mut Server,
    link: LinkId,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: KeyAsk = body_read("KEY_ASK", data)?;
    let Some(guest) = server.links.get_mut(&link) else {
        return Ok(());
    };
    if now.mono_ms >= guest.asks_ms + 60_000 {
        guest.asks_ms = now.mono_ms;
        guest.asks = 0;
    }
    guest.asks += 1;
    if guest.asks > KEY_ASKS_MAX {
        // Не ответить: спросит снова, когда минута пройдёт.
        return Ok(());
    }
    out.actions.push(Action::Mail(MailOrder::KeyTake { id: body.id, link }));
    Ok(())
}

/// Сколько ключей лежит: сказать их хозяину.
pub fn keys_left(server: &Server, link: LinkId, left: u64, curve: [u8; 32], out: &mut Out) {
    if server.links.contains_key(&link) {
        control_put(link, Kind::KeysLeft, &KeysLeft { left, curve }, out);
    }
}

/// Ключ выдан (или его нет): ответить тому, кто просил.
pub fn key_taken(server: &Server, link: LinkId, id: Id, found: Option<KeyBundle>, out: &mut Out) {
    // Ключей человека нет, а он здесь: его KEYS не дошли до диска. Пусть пришлёт снова.
    if let (None, Some(owner)) = (&found, server.online.get(&id)) {
        control_put(*owner, Kind::KeysLeft, &KeysLeft { left: 0, curve: [0; 32] }, out);
    }
    if !server.links.contains_key(&link) {
        return;
    }
    let mut answer = KeyAnswer { id, found };
    if let (Some(bundle), Some(public)) = (&mut answer.found, server.registered.get(&id)) {
        bundle.public = *public;
    }
    control_put(link, Kind::Key, &answer, out);
}
