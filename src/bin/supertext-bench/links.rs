//! The links of a load maker: many clients in one thread, built on the program's own TLS links and
//! packets. Puts numbered messages with the moment they were due, reads them, answers PING.
//! Линии нагрузчика: много клиентов в одной нити, на тех же линиях TLS и пакетах, что и сама
//! программа. Шлёт пронумерованные сообщения с мигом, когда им пора, читает их, отвечает на PING.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use rustls::{ClientConnection, Connection};
use supertext::base::bounds::{HEADER_BYTES, STEP_BYTES};
use supertext::base::fail::{Fail, FailKind, fail, fail_kind_of, fail_row, io_try};
use supertext::base::ids::{ID_SERVER, Id};
use supertext::crypto::identity::{Identity, identity_make, identity_read};
use supertext::crypto::tls::{Trust, client_config, server_name};
use supertext::net::address::JoinLine;
use supertext::net::framing::whole_packets;
use supertext::net::link::{
    ReadHalf, WriteHalf, lane_put, link_check, link_read, link_split, link_write,
};
use supertext::net::sockets::connect;
use supertext::wire::control::{Hello, PROTOCOL_VERSION, Ping, Quit, body_read, packet_put};
use supertext::wire::header::{Header, header_read};
use supertext::wire::message::{PIECE_HEAD, message_put};
use supertext::wire::packets::{Kind, Lane, packet_find};

use super::histogram::{Histogram, histogram_add};

/// Clients that shake hands at the same time.
const SHAKING_MAX: usize = 64;
/// Seconds until all must be online.
const ONLINE_SECONDS: u64 = 120;

/// One client.
pub struct Guest {
    pub id: Id,
    /// Place of the other one of the pair.
    pub peer: usize,
    pub read: ReadHalf,
    pub write: WriteHalf,
    pub online: bool,
    /// Messages put and read, numbered from 0.
    pub put: u64,
    pub got: u64,
    pub ready: bool,
    pub dirty: bool,
}

/// What was counted since the last look.
#[derive(Default)]
pub struct Tally {
    pub received: u64,
    pub lost: u64,
    pub doubled: u64,
    pub refused: u64,
    /// Received while `measuring`.
    pub measured: u64,
    pub waits: Histogram,
}

/// All clients of a load maker.
pub struct Links {
    pub poll: Poll,
    pub guests: Vec<Guest>,
    pub ready: Vec<usize>,
    pub dirty: Vec<usize>,
    pub tally: Tally,
    pub measuring: bool,
    /// Zero of the moments inside messages.
    pub epoch: Instant,
    pub online: usize,
    /// Bytes of a message.
    pub content: Vec<u8>,
    cipher: Vec<u8>,
    plain: Vec<u8>,
    packets: Vec<u8>,
    scratch: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

/// Пустой набор линий для сообщений такой длины.
pub fn links_make(size: usize) -> Result<Links, Fail> {
    Ok(Links {
        poll: io_try(FailKind::Internal, "poll", Poll::new())?,
        guests: Vec::new(),
        ready: Vec::new(),
        dirty: Vec::new(),
        tally: Tally::default(),
        measuring: false,
        epoch: Instant::now(),
        online: 0,
        content: vec![b'x'; size],
        cipher: vec![0; STEP_BYTES],
        plain: Vec::new(),
        packets: Vec::new(),
        scratch: Vec::new(),
        spare: Vec::new(),
    })
}

/// Делает столько-то новых личностей.
pub fn identities_make(count: usize) -> Result<Vec<Identity>, Fail> {
    let mut made = Vec::new();
    for _ in 0..count {
        let (key, certificate) = identity_make()?;
        made.push(identity_read(&key, &certificate, "")?);
    }
    Ok(made)
}

/// Соединяет всех; здороваются одновременно не больше SHAKING_MAX. Соседи — пары.
pub fn guests_connect(
    links: &mut Links,
    join: &JoinLine,
    identities: &[Identity],
) -> Result<(), Fail> {
    let late = Instant::now() + Duration::from_secs(ONLINE_SECONDS);
    let mut events = Events::with_capacity(1024);
    while links.online < identities.len() {
        while links.guests.len() < identities.len()
            && links.guests.len() < links.online + SHAKING_MAX
        {
            let place = links.guests.len();
            guest_add(links, join, &identities[place])?;
        }
        links_step(links, &mut events, Duration::from_millis(100))?;
        if Instant::now() >= late {
            return Err(fail(FailKind::HelloMissing, "not all clients came online"));
        }
    }
    Ok(())
}

/// Одно соединение: TCP, начало TLS; HELLO и PING уже ждут в полосе.
fn guest_add(links: &mut Links, join: &JoinLine, identity: &Identity) -> Result<(), Fail> {
    let Some(pin) = join.pin else {
        return Err(fail(FailKind::ServerUnknown, &join.address));
    };
    let config = client_config(identity, Trust { pin, ca: None }, false)?;
    let tls = match ClientConnection::new(config, server_name()?) {
        Ok(tls) => Connection::Client(tls),
        Err(error) => return Err(fail(FailKind::Tls, &error.to_string())),
    };
    let place = links.guests.len();
    let socket = connect(&join.address)?;
    let (mut read, mut write) = link_split(place as u32, socket, tls)?;
    let registry = links.poll.registry();
    let token = Token(place * 2);
    let done = registry.register(&mut read.socket, token, Interest::READABLE);
    io_try(FailKind::Internal, "register", done)?;
    let token = Token(place * 2 + 1);
    let done = registry.register(&mut write.socket, token, Interest::WRITABLE);
    io_try(FailKind::Internal, "register", done)?;
    let id = identity.id;
    let hello = Hello {
        version: PROTOCOL_VERSION,
        features: 0,
        clock: 0,
        program: String::from("supertext-bench"),
        until: None,
        stun: None,
    };
    let mut bytes = Vec::new();
    packet_put(&mut bytes, Kind::Hello, id, ID_SERVER, 0, &hello)?;
    // Ответ на этот PING докажет, что сервер уже принял HELLO.
    packet_put(&mut bytes, Kind::Ping, id, ID_SERVER, 0, &Ping { number: 1, clock: 0 })?;
    lane_fill(&mut write, &bytes);
    let (peer, online) = (place ^ 1, false);
    let (put, got, ready, dirty) = (0, 0, false, false);
    links.guests.push(Guest { id, peer, read, write, online, put, got, ready, dirty });
    dirty_mark(links, place);
    Ok(())
}

/// Ставит байты в полосу сообщений и в её счётчик.
fn lane_fill(write: &mut WriteHalf, bytes: &[u8]) {
    write.gauge.messages.fetch_add(bytes.len(), Ordering::Relaxed);
    lane_put(write, Lane::Messages, bytes);
}

/// Этой линии есть что писать.
fn dirty_mark(links: &mut Links, place: usize) {
    if !links.guests[place].dirty {
        links.guests[place].dirty = true;
        links.dirty.push(place);
    }
}

/// Микросекунды от начала отсчёта.
pub fn links_micros(links: &Links) -> u64 {
    links.epoch.elapsed().as_micros() as u64
}

/// Ставит сообщение паре: его номер и миг, когда ему было пора.
pub fn message_send(links: &mut Links, place: usize, due: u64) -> Result<(), Fail> {
    let (from, peer, number) = {
        let guest = &links.guests[place];
        (guest.id, guest.peer, guest.put)
    };
    let to = links.guests[peer].id;
    links.content[..8].copy_from_slice(&number.to_be_bytes());
    links.content[8..16].copy_from_slice(&due.to_be_bytes());
    links.packets.clear();
    let content_id = (number & 0x00ff_ffff) as u32;
    message_put(&mut links.packets, from, to, content_id, &links.content)?;
    lane_fill(&mut links.guests[place].write, &links.packets);
    links.guests[place].put += 1;
    dirty_mark(links, place);
    Ok(())
}

/// Сколько сообщений этого клиента ещё в пути.
pub fn on_the_way(links: &Links, place: usize) -> u64 {
    let guest = &links.guests[place];
    guest.put.saturating_sub(links.guests[guest.peer].got)
}

/// Один круг: записать, подождать, прочесть всё готовое, записать ответы.
pub fn links_step(links: &mut Links, events: &mut Events, wait: Duration) -> Result<(), Fail> {
    dirty_write(links)?;
    if let Err(error) = links.poll.poll(events, Some(wait)) {
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(fail(FailKind::SocketRead, &error.to_string()));
        }
        return Ok(());
    }
    for event in events.iter() {
        let place = event.token().0 / 2;
        if event.token().0 % 2 == 1 {
            dirty_mark(links, place);
        } else if !links.guests[place].ready {
            links.guests[place].ready = true;
            links.ready.push(place);
        }
    }
    ready_read(links)?;
    dirty_write(links)
}

/// Пишет всё, что возьмёт ядро.
fn dirty_write(links: &mut Links) -> Result<(), Fail> {
    while let Some(place) = links.dirty.pop() {
        let guest = &mut links.guests[place];
        guest.dirty = false;
        link_write(&mut guest.write, &mut links.scratch, &mut links.spare)?;
        links.spare.clear();
    }
    Ok(())
}

/// Читает готовые линии до дна.
fn ready_read(links: &mut Links) -> Result<(), Fail> {
    while let Some(place) = links.ready.pop() {
        links.guests[place].ready = false;
        loop {
            let mut plain = std::mem::take(&mut links.plain);
            let guest = &mut links.guests[place];
            plain.append(&mut guest.read.partial);
            let found = link_read(&mut guest.read, &mut links.cipher, &mut plain)?;
            let (length, bad) = whole_packets(&plain);
            if let Some(failed) = bad {
                return Err(failed);
            }
            guest.read.partial.extend_from_slice(&plain[length..]);
            if found.secured {
                link_check(&guest.read)?;
            }
            if found.wants_write || found.secured {
                dirty_mark(links, place);
            }
            packets_take(links, place, &plain[..length])?;
            plain.clear();
            links.plain = plain;
            if !found.more {
                break;
            }
        }
    }
    Ok(())
}

/// Разбирает пакеты одного чтения.
fn packets_take(links: &mut Links, place: usize, bytes: &[u8]) -> Result<(), Fail> {
    let now = links_micros(links);
    let mut rest = bytes;
    while let Some(header) = header_read(rest) {
        let end = HEADER_BYTES + header.size as usize;
        let data = &rest[HEADER_BYTES..end];
        rest = &rest[end..];
        let row = packet_find(&header)?;
        match row.kind {
            Kind::Message => message_take(links, place, &header, data, now),
            Kind::Ping => pong_put(links, place, data)?,
            Kind::Pong => {
                if !links.guests[place].online {
                    links.guests[place].online = true;
                    links.online += 1;
                }
            }
            Kind::Hello | Kind::KeysLeft => {}
            Kind::Quit => {
                let quit: Quit = body_read("QUIT", data)?;
                let reason = fail_row(fail_kind_of(quit.reason)).code;
                return Err(fail(FailKind::LinkClosed, reason));
            }
            Kind::Quited
            | Kind::Refused
            | Kind::Watch
            | Kind::Presence
            | Kind::Unreachable
            | Kind::Keys
            | Kind::KeyAsk
            | Kind::Key
            | Kind::Stored
            | Kind::Mail
            | Kind::Account
            | Kind::AccountReply
            | Kind::FileSize
            | Kind::FileWant
            | Kind::FileData
            | Kind::FileBlock
            | Kind::FileEnd
            | Kind::FileDone
            | Kind::FileStop
            | Kind::Routes
            | Kind::Carry
            | Kind::CarryFile => links.tally.refused += 1,
        }
    }
    Ok(())
}

/// PONG с числом из PING.
fn pong_put(links: &mut Links, place: usize, data: &[u8]) -> Result<(), Fail> {
    let ping: Ping = body_read("PING", data)?;
    let guest = &mut links.guests[place];
    let mut bytes = Vec::new();
    packet_put(&mut bytes, Kind::Pong, guest.id, ID_SERVER, 0, &ping)?;
    lane_fill(&mut guest.write, &bytes);
    dirty_mark(links, place);
    Ok(())
}

/// Сообщение: номер по порядку ли, от того ли, сколько шло.
fn message_take(links: &mut Links, place: usize, header: &Header, data: &[u8], now: u64) {
    let peer = links.guests[place].peer;
    let right = header.source_id == links.guests[peer].id
        && header.dest_id == links.guests[place].id
        && data.len() == PIECE_HEAD + links.content.len();
    if !right {
        links.tally.refused += 1;
        return;
    }
    let number = number_read(&data[PIECE_HEAD..]);
    let due = number_read(&data[PIECE_HEAD + 8..]);
    let guest = &mut links.guests[place];
    if number < guest.got {
        links.tally.doubled += 1;
        return;
    }
    links.tally.lost += number - guest.got;
    guest.got = number + 1;
    links.tally.received += 1;
    if links.measuring {
        links.tally.measured += 1;
        histogram_add(&mut links.tally.waits, now.saturating_sub(due));
    }
}

/// Восемь байт как число.
fn number_read(bytes: &[u8]) -> u64 {
    let mut eight = [0u8; 8];
    eight.copy_from_slice(&bytes[..8]);
    u64::from_be_bytes(eight)
}
