//! The server's one step: logins, presence, passing packets on by id. It reads no content; what
//! it passes on stays exactly as it came.
//! Единственный шаг сервера: входы, присутствие, пересылка пакетов по номеру. Содержимого он не
//! читает; что пересылает, остаётся в точности как пришло.

use std::collections::{BTreeMap, BTreeSet};

use super::accounts::{AccountAsks, Tries, account_received, account_told};
use super::client::PROGRAM;
use super::events::{Action, LinkId, MailOrder, Out, ServerEvent, out_send};
use super::mailbox::{
    Mailbox, Mailing, Quota, key_asked, key_taken, keys_left, keys_received, mail_confirmed,
    mail_dropped, mail_failed, mail_halt, mail_hand, mail_kept, mail_put, mail_read, mail_tick,
    mailing_forget,
};
use crate::base::bounds::{CONTACTS_MAX, HELLO_MS, LINKS_MAX, PING_MS, REGISTERED_MAX, SILENT_MS};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{ID_SERVER, Id, id_is_person};
use crate::crypto::identity::{PublicKey, id_of_key};
use crate::wire::control::{
    Hello, PROTOCOL_VERSION, Ping, Presence, Quit, Quited, Refused, Unreachable, WATCH_MAX, Watch,
    body_read, packet_put,
};
use crate::wire::header::Header;
use crate::wire::packets::{FarEnd, Kind, Lane, PacketRow, packet_allowed, packet_find};

/// Everything the server knows.
#[derive(Debug, Default)]
pub struct Server {
    pub links: BTreeMap<LinkId, Guest>,
    /// Who is online, and over which link.
    pub online: BTreeMap<Id, LinkId>,
    /// Which key an id belongs to, since its first login.
    pub registered: BTreeMap<Id, PublicKey>,
    /// What waits for people who are away.
    pub mailboxes: BTreeMap<Id, Mailbox>,
    /// How much a mailbox holds; None: as docs/protocol.md says.
    pub quota: Option<Quota>,
    /// Until when the licence holds; None: without a bound.
    pub licence: Option<u64>,
    /// UDP ports at which questions for addresses are answered.
    pub stun: Vec<u16>,
    /// Bytes of long messages that are being put together for them.
    pub mailing_bytes: usize,
    /// Bytes in all mailboxes.
    pub mail_bytes: u64,
    /// Tick of the last look at silent links.
    pub looked_ms: u64,
    /// Tick of the last look for mail that is too old.
    pub aged_ms: u64,
    /// Wrong passwords by name, folded to lower case; bounded.
    pub tries: BTreeMap<String, Tries>,
}

/// One connected client.
#[derive(Debug)]
pub struct Guest {
    pub id: Id,
    pub hello: bool,
    pub since_ms: u64,
    pub heard_ms: u64,
    pub pinged_ms: u64,
    /// Whose presence he wants to know.
    pub watch: BTreeSet<Id>,
    /// The message of his that is going to a mailbox.
    pub mailing: Option<Mailing>,
    /// Keys asked for in this minute, and when the minute began.
    pub asks: u32,
    pub asks_ms: u64,
    /// Bytes he put into mailboxes in this hour, and when the hour began.
    pub mailed: u64,
    pub mailed_ms: u64,
    /// What he asked about accounts.
    pub account: AccountAsks,
}

/// Один шаг сервера.
pub fn server_step(server: &mut Server, event: ServerEvent<'_>, now: Time, out: &mut Out) {
    match event {
        ServerEvent::LinkUp { link, key } => link_up(server, link, key, now, out),
        ServerEvent::LinkDown { link } => link_down(server, link, true, out),
        ServerEvent::LinkBad { link, fail } => link_refuse(server, link, None, &fail, out),
        ServerEvent::Packet { link, header, data } => {
            packet_received(server, link, header, data, now, out);
        }
        ServerEvent::Overflow { from, to, lane, header } => {
            overflow(server, from, to, lane, header, out);
        }
        ServerEvent::MailKept { dest, from, content_id } => {
            mail_kept(server, dest, from, content_id, now, out);
        }
        ServerEvent::MailFailed { dest, from, header, bytes, fail } => {
            mail_failed(server, dest, from, &header, bytes, &fail, out);
        }
        ServerEvent::MailRead { dest, packets, upto } => {
            mail_read(server, dest, &packets, upto, now, out);
        }
        ServerEvent::MailDropped { dest, count, bytes } => {
            mail_dropped(server, dest, count, bytes, now, out);
        }
        ServerEvent::KeysLeft { link, left, curve } => keys_left(server, link, left, curve, out),
        ServerEvent::KeyTaken { link, id, found } => key_taken(server, link, id, found, out),
        ServerEvent::Account { link, told } => account_told(server, link, told, out),
        ServerEvent::Licence { until } => server.licence = until,
        ServerEvent::Tick => server_tick(server, now, out),
    }
}

/// Кладёт управляющий пакет клиенту.
pub fn control_put<T: minicbor::Encode<()>>(link: LinkId, kind: Kind, body: &T, out: &mut Out) {
    let start = out.bytes.len();
    let _ = packet_put(&mut out.bytes, kind, ID_SERVER, ID_SERVER, 0, body);
    out_send(out, link, Lane::Messages, start);
}

/// Прощается с причиной и закрывает.
fn link_quit(link: LinkId, kind: FailKind, out: &mut Out) {
    control_put(link, Kind::Quit, &Quit { reason: kind as u16 }, out);
    out.actions.push(Action::Close { link, fail: kind });
}

/// TLS доказал ключ: проверить, чей номер, и впустить до HELLO.
fn link_up(server: &mut Server, link: LinkId, key: PublicKey, now: Time, out: &mut Out) {
    let id = id_of_key(&key);
    if !id_is_person(id) {
        return link_quit(link, FailKind::KeyBad, out);
    }
    if server.links.len() >= LINKS_MAX {
        return link_quit(link, FailKind::ServerFull, out);
    }
    match server.registered.get(&id) {
        Some(known) if *known != key => return link_quit(link, FailKind::IdTaken, out),
        Some(_) => {}
        None => {
            if server.registered.len() >= REGISTERED_MAX {
                return link_quit(link, FailKind::ServerFull, out);
            }
            server.registered.insert(id, key);
            out.actions.push(Action::Register { id, key });
        }
    }
    let guest = Guest {
        id,
        hello: false,
        since_ms: now.mono_ms,
        heard_ms: now.mono_ms,
        pinged_ms: now.mono_ms,
        watch: BTreeSet::new(),
        mailing: None,
        asks: 0,
        asks_ms: now.mono_ms,
        mailed: 0,
        mailed_ms: now.mono_ms,
        account: AccountAsks::default(),
    };
    server.links.insert(link, guest);
    let hello = Hello {
        version: PROTOCOL_VERSION,
        features: 0,
        clock: now.wall_ms,
        program: String::from(PROGRAM),
        until: server.licence,
        stun: Some(server.stun.clone()),
    };
    control_put(link, Kind::Hello, &hello, out);
}

/// Линия пропала: забыть и сказать тем, кто следит. `vanished` — ушёл без QUIT.
fn link_down(server: &mut Server, link: LinkId, vanished: bool, out: &mut Out) {
    let Some(guest) = server.links.remove(&link) else {
        return;
    };
    mailing_forget(server, &guest);
    if server.online.get(&guest.id) != Some(&link) {
        return;
    }
    server.online.remove(&guest.id);
    mail_halt(server, guest.id);
    for peer in &guest.watch {
        let Some(peer_link) = watcher(server, *peer, guest.id) else {
            continue;
        };
        if vanished {
            control_put(peer_link, Kind::Quited, &Quited { id: guest.id }, out);
        } else {
            let body = Presence { id: guest.id, online: false };
            control_put(peer_link, Kind::Presence, &body, out);
        }
    }
}

/// Линия человека `peer`, если он на связи и следит за `about`.
fn watcher(server: &Server, peer: Id, about: Id) -> Option<LinkId> {
    let link = *server.online.get(&peer)?;
    match server.links.get(&link) {
        Some(guest) if guest.watch.contains(&about) => Some(link),
        Some(_) | None => None,
    }
}

/// Отказывает: назвать причину, попрощаться, закрыть и забыть.
fn link_refuse(
    server: &mut Server,
    link: LinkId,
    header: Option<Header>,
    failed: &Fail,
    out: &mut Out,
) {
    let (content_type, content_id) = match header {
        Some(header) => (header.content_type, header.content_id),
        None => (0, 0),
    };
    let body = Refused { reason: failed.kind as u16, content_type, content_id };
    control_put(link, Kind::Refused, &body, out);
    link_quit(link, failed.kind, out);
    link_down(server, link, true, out);
}

/// Пакет от клиента: проверить по таблице и либо принять, либо передать дальше.
fn packet_received(
    server: &mut Server,
    link: LinkId,
    header: Header,
    data: &[u8],
    now: Time,
    out: &mut Out,
) {
    let Some(guest) = server.links.get_mut(&link) else {
        return;
    };
    guest.heard_ms = now.mono_ms;
    let (id, hello) = (guest.id, guest.hello);
    let row = match packet_check(&header, id, hello) {
        Ok(row) => row,
        Err(failed) => return link_refuse(server, link, Some(header), &failed, out),
    };
    let done = match row.kind {
        Kind::Hello => hello_received(server, link, data, now, out),
        Kind::Ping => ping_received(link, data, now, out),
        Kind::Keys => keys_received(id, link, data, out),
        Kind::KeyAsk => key_asked(server, link, data, now, out),
        Kind::Mail => mail_confirmed(server, id, data, out),
        Kind::Account => account_received(server, id, link, data, now, out),
        Kind::Pong | Kind::Refused => Ok(()),
        Kind::Quit => {
            link_down(server, link, false, out);
            out.actions.push(Action::Close { link, fail: FailKind::Leaving });
            Ok(())
        }
        Kind::Watch => watch_received(server, link, data, out),
        Kind::Message => message_received(server, link, row, &header, data, now, out),
        Kind::FileSize
        | Kind::FileWant
        | Kind::FileData
        | Kind::FileBlock
        | Kind::FileEnd
        | Kind::FileDone
        | Kind::FileStop => {
            forward(server, link, row, &header, out);
            Ok(())
        }
        Kind::Quited
        | Kind::Presence
        | Kind::Unreachable
        | Kind::KeysLeft
        | Kind::Key
        | Kind::Stored
        | Kind::AccountReply
        | Kind::Routes
        | Kind::Carry
        | Kind::CarryFile => Err(fail(FailKind::NotAllowed, row.name)),
    };
    if let Err(failed) = done {
        link_refuse(server, link, Some(header), &failed, out);
    }
}

/// Проверяет заголовок: вид, размер, источник, и что HELLO уже был.
fn packet_check(header: &Header, id: Id, hello: bool) -> Result<&'static PacketRow, Fail> {
    let row = packet_find(header)?;
    packet_allowed(row, header, FarEnd::Client(id))?;
    if !hello && row.kind != Kind::Hello && row.kind != Kind::Quit {
        return Err(fail(FailKind::BeforeHello, row.name));
    }
    Ok(row)
}

/// Передаёт пакет дальше или отвечает, что некому.
fn forward(server: &Server, from: LinkId, row: &PacketRow, header: &Header, out: &mut Out) {
    if let Some(link) = server.online.get(&header.dest_id) {
        out.actions.push(Action::Forward { link: *link, lane: row.lane });
        return;
    }
    // Размер файла перед предложением никому не обещание: само предложение ляжет в ящик.
    if row.kind != Kind::FileSize {
        unreachable_put(from, header, FailKind::PeerOffline, out);
    }
}

/// Сообщение: прямо тому, кто на связи и кого не ждёт почта; иначе в ящик.
fn message_received(
    server: &mut Server,
    from: LinkId,
    row: &PacketRow,
    header: &Header,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let dest = header.dest_id;
    if server.mailboxes.contains_key(&dest) || !server.online.contains_key(&dest) {
        return mail_put(server, from, header, data, now, out);
    }
    forward(server, from, row, header, out);
    Ok(())
}

/// UNREACHABLE отправителю.
pub fn unreachable_put(link: LinkId, header: &Header, reason: FailKind, out: &mut Out) {
    let body = Unreachable {
        id: header.dest_id,
        reason: reason as u16,
        content_type: header.content_type,
        content_id: header.content_id,
    };
    control_put(link, Kind::Unreachable, &body, out);
}

/// HELLO клиента: с этого мига он на связи. Прежний вход того же человека заканчивается.
fn hello_received(
    server: &mut Server,
    link: LinkId,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let hello: Hello = body_read("HELLO", data)?;
    if hello.version != PROTOCOL_VERSION {
        return Err(fail(FailKind::HelloVersion, &hello.version.to_string()));
    }
    let Some(guest) = server.links.get_mut(&link) else {
        return Ok(());
    };
    if guest.hello {
        return Err(fail(FailKind::NotAllowed, "HELLO"));
    }
    guest.hello = true;
    let id = guest.id;
    if let Some(first) = server.online.get(&id) {
        let first = *first;
        if first > link {
            // Приветствие застряло в пути, человек успел войти заново: лишняя — эта линия.
            server.links.remove(&link);
            link_quit(link, FailKind::SignedElsewhere, out);
            return Ok(());
        }
        link_quit(first, FailKind::SignedElsewhere, out);
        link_down(server, first, true, out);
    }
    server.online.insert(id, link);
    out.actions.push(Action::Mail(MailOrder::KeysCount { id, link }));
    mail_hand(server, id, now, out);
    Ok(())
}

/// PING: ответить тем же числом.
fn ping_received(link: LinkId, data: &[u8], now: Time, out: &mut Out) -> Result<(), Fail> {
    let ping: Ping = body_read("PING", data)?;
    control_put(link, Kind::Pong, &Ping { number: ping.number, clock: now.wall_ms }, out);
    Ok(())
}

/// WATCH: запомнить, ответить о каждом; кто следит взаимно, узнаёт, что мы здесь.
fn watch_received(
    server: &mut Server,
    link: LinkId,
    data: &[u8],
    out: &mut Out,
) -> Result<(), Fail> {
    let body: Watch = body_read("WATCH", data)?;
    let Some(guest) = server.links.get_mut(&link) else {
        return Ok(());
    };
    let me = guest.id;
    if body.ids.len() > WATCH_MAX {
        return Err(fail(FailKind::NotAllowed, "WATCH"));
    }
    let mut fresh: Vec<(Id, bool)> = Vec::new();
    for peer in &body.ids {
        if !id_is_person(*peer) || *peer == me {
            continue;
        }
        let known = guest.watch.contains(peer);
        if !known && guest.watch.len() >= CONTACTS_MAX {
            return Err(fail(FailKind::NotAllowed, "WATCH"));
        }
        guest.watch.insert(*peer);
        fresh.push((*peer, !known));
    }
    for (peer, first) in &fresh {
        let mutual = watcher(server, *peer, me);
        // Кто за нами не следит, того для нас нет: узнать о нём нельзя ничего.
        let body = Presence { id: *peer, online: mutual.is_some() };
        control_put(link, Kind::Presence, &body, out);
        // Собеседнику — только о новой слежке: повторы WATCH его не тревожат.
        if let (Some(peer_link), true) = (mutual, *first) {
            let body = Presence { id: me, online: true };
            control_put(peer_link, Kind::Presence, &body, out);
        }
    }
    Ok(())
}

/// Очередь к получателю полна: сообщения — он слишком медлен и отключается, файлы — BUSY.
fn overflow(
    server: &mut Server,
    from: LinkId,
    to: LinkId,
    lane: Lane,
    header: Header,
    out: &mut Out,
) {
    match lane {
        Lane::Messages => {
            out.actions.push(Action::Close { link: to, fail: FailKind::PeerSlow });
            link_down(server, to, true, out);
        }
        Lane::Files => unreachable_put(from, &header, FailKind::PeerBusy, out),
    }
}

/// Раз в секунду: кто молчит — спросить, кто молчит давно — отпустить.
fn server_tick(server: &mut Server, now: Time, out: &mut Out) {
    if now.mono_ms < server.looked_ms + 1_000 {
        return;
    }
    server.looked_ms = now.mono_ms;
    let mut over: Vec<(LinkId, FailKind)> = Vec::new();
    for (link, guest) in &mut server.links {
        let quiet = now.mono_ms.saturating_sub(guest.heard_ms);
        if !guest.hello && now.mono_ms >= guest.since_ms + HELLO_MS {
            over.push((*link, FailKind::HelloMissing));
        } else if quiet >= SILENT_MS {
            over.push((*link, FailKind::LinkSilent));
        } else if quiet >= PING_MS && now.mono_ms >= guest.pinged_ms + PING_MS {
            guest.pinged_ms = now.mono_ms;
            let ping = Ping { number: now.mono_ms, clock: now.wall_ms };
            control_put(*link, Kind::Ping, &ping, out);
        }
    }
    for (link, kind) in over {
        link_quit(link, kind, out);
        link_down(server, link, true, out);
    }
    mail_tick(server, now, out);
}

/// Сервер уходит: каждому сказать QUIT и закрыть.
pub fn server_leave(server: &mut Server, out: &mut Out) {
    for link in server.links.keys() {
        link_quit(*link, FailKind::Leaving, out);
    }
    server.links.clear();
    server.online.clear();
}
