//! The listener: all sockets that are read, one thread, readiness by mio. Accepts, decrypts, cuts
//! into packets and hands whole batches to the controller.
//! Listener: все читаемые сокеты, один поток, готовность через mio. Принимает, расшифровывает,
//! режет на пакеты и отдаёт controller-у целыми пачками.
//!
//! Flow: poll → ready links → read up to 256 KiB each → one batch for the wake-up → controller.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use rustls::{Connection, ServerConfig, ServerConnection};

use super::map::{Batch, LINK_NUMBER, Part, QUEUES, Queues, batch_give, batch_take};
use crate::base::bounds::{HELLO_MS, LINKS_MAX, STEP_BYTES};
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::crypto::identity::PublicKey;
use crate::logic::events::LinkId;
use crate::net::framing::whole_packets;
use crate::net::guard::{Guard, guard_pass};
use crate::net::link::{ReadHalf, WriteHalf, link_check, link_key, link_read, link_split};
use crate::net::sockets::{address_shown, options_set};
use crate::wire::packets::Lane;

const TOKEN_WAKER: Token = Token(usize::MAX);
const TOKEN_DOOR: Token = Token(usize::MAX - 1);

/// What the controller orders.
pub enum ListenerOrder {
    /// Accept on this socket: the server, or a client's own door, which is guarded from floods.
    Listen { socket: std::net::TcpListener, tls: Arc<ServerConfig>, guard: bool },
    /// Somebody came through a hole: a link of the door like any other.
    Enter { socket: TcpStream, from: String },
    /// Read this link too.
    Add(Box<ReadHalf>),
    /// Read this link no more.
    Drop(LinkId),
}

/// What the controller hears, in the order it happened.
pub enum Heard {
    Accepted {
        link: LinkId,
        write: Box<WriteHalf>,
    },
    /// TLS stands. The key is there when a person is at the other end, not a server.
    Secured {
        link: LinkId,
        key: Option<PublicKey>,
        /// Where the other end is.
        from: String,
    },
    WantsWrite(LinkId),
    Batch(Batch),
    /// The stream makes no sense any more.
    Bad {
        link: LinkId,
        fail: Fail,
    },
    Down {
        link: LinkId,
        fail: Fail,
    },
}

/// State of the listener, a local of its main.
struct Listener {
    poll: Poll,
    door: Option<mio::net::TcpListener>,
    tls: Option<Arc<ServerConfig>>,
    /// Who called how often; None: the door is not guarded.
    guard: Option<Guard>,
    links: BTreeMap<LinkId, ReadHalf>,
    /// Links that may have more to read.
    ready: BTreeSet<LinkId>,
    /// Links whose far end closed its side: read them to the end.
    closing: BTreeSet<LinkId>,
    /// Accepting failed for want of descriptors: try again soon, no event will tell.
    door_again: bool,
    /// Accepted links that have not finished the handshake, and since when.
    young: BTreeMap<LinkId, Instant>,
    cipher: Vec<u8>,
    batch: Batch,
}

/// Поток listener.
pub fn listener_main() {
    let queues = &*QUEUES;
    let mut listener = match listener_make(queues) {
        Ok(listener) => listener,
        Err(failed) => return down_tell(queues, 0, failed),
    };
    let mut events = Events::with_capacity(1024);
    loop {
        let wait = if !listener.ready.is_empty() {
            0
        } else if listener.door_again {
            50
        } else {
            1_000
        };
        let polled = listener.poll.poll(&mut events, Some(Duration::from_millis(wait)));
        if let Err(error) = polled {
            if error.kind() != std::io::ErrorKind::Interrupted {
                return down_tell(queues, 0, fail(FailKind::SocketRead, &error.to_string()));
            }
        }
        orders_take(&mut listener, queues, &LINK_NUMBER);
        let mut door = std::mem::take(&mut listener.door_again);
        for event in &events {
            match event.token() {
                TOKEN_WAKER => {}
                TOKEN_DOOR => door = true,
                Token(number) => {
                    listener.ready.insert(number as LinkId);
                    if event.is_read_closed() || event.is_error() {
                        listener.closing.insert(number as LinkId);
                    }
                }
            }
        }
        if door {
            door_accept(&mut listener, queues, &LINK_NUMBER);
        }
        links_read(&mut listener, queues);
        young_check(&mut listener, queues);
    }
}

/// Готовит опрос и будильник.
fn listener_make(queues: &Queues) -> Result<Listener, Fail> {
    let poll = io_try(FailKind::Internal, "poll", Poll::new())?;
    let waker = io_try(FailKind::Internal, "waker", Waker::new(poll.registry(), TOKEN_WAKER))?;
    let _ = queues.listener_waker.set(waker);
    Ok(Listener {
        poll,
        door: None,
        tls: None,
        guard: None,
        links: BTreeMap::new(),
        ready: BTreeSet::new(),
        closing: BTreeSet::new(),
        door_again: false,
        young: BTreeMap::new(),
        cipher: vec![0; STEP_BYTES],
        batch: Batch::default(),
    })
}

/// Регистрирует сокет для чтения.
fn register<S: Source>(registry: &Registry, source: &mut S, token: Token) -> Result<(), Fail> {
    let done = registry.register(source, token, Interest::READABLE);
    io_try(FailKind::Internal, "register", done)
}

/// Говорит controller-у, что линии больше нет.
fn down_tell(queues: &Queues, link: LinkId, failed: Fail) {
    let _ = queues.heard.put.send(Heard::Down { link, fail: failed });
}

/// Выполняет приказы controller-а.
fn orders_take(listener: &mut Listener, queues: &Queues, number: &AtomicU32) {
    while let Ok(order) = queues.to_listener.take.try_recv() {
        match order {
            ListenerOrder::Listen { socket, tls, guard } => {
                let mut door = mio::net::TcpListener::from_std(socket);
                match register(listener.poll.registry(), &mut door, TOKEN_DOOR) {
                    Ok(()) => {
                        listener.door = Some(door);
                        listener.tls = Some(tls);
                        listener.guard = if guard { Some(Guard::default()) } else { None };
                    }
                    Err(failed) => down_tell(queues, 0, failed),
                }
            }
            ListenerOrder::Enter { socket, from } => {
                hole_enter(listener, queues, number, socket, from)
            }
            ListenerOrder::Add(half) => link_add(listener, queues, *half),
            ListenerOrder::Drop(link) => link_drop(listener, link),
        }
    }
}

/// Начинает читать линию.
fn link_add(listener: &mut Listener, queues: &Queues, mut half: ReadHalf) {
    let link = half.link;
    let token = Token(link as usize);
    if let Err(failed) = register(listener.poll.registry(), &mut half.socket, token) {
        return down_tell(queues, link, failed);
    }
    listener.ready.insert(link);
    listener.links.insert(link, half);
}

/// Перестаёт читать линию.
fn link_drop(listener: &mut Listener, link: LinkId) {
    listener.ready.remove(&link);
    listener.closing.remove(&link);
    listener.young.remove(&link);
    if let Some(mut half) = listener.links.remove(&link) {
        let _ = listener.poll.registry().deregister(&mut half.socket);
    }
}

/// Принимает всех, кто стоит у двери. Нет места или дескрипторов — сокет закрывается сразу.
fn door_accept(listener: &mut Listener, queues: &Queues, number: &AtomicU32) {
    loop {
        let Some(door) = &listener.door else {
            return;
        };
        let (socket, from) = match door.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
            Err(error) => {
                tracing::warn!("accept: {error}");
                listener.door_again = true;
                return;
            }
        };
        if listener.links.len() >= LINKS_MAX {
            tracing::warn!("too many links");
            continue;
        }
        if let Some(guard) = &mut listener.guard {
            // Сокет закрывается сразу: ни рукопожатия, ни памяти ему не достаётся.
            if !guard_pass(guard, from.ip(), listener.young.len(), Instant::now()) {
                continue;
            }
        }
        door_enter(listener, queues, number, TcpStream::from(socket), String::new());
    }
}

/// Кто пришёл через дыру, тот доказал, что его познакомили; дальше он как всякий в двери.
fn hole_enter(
    listener: &mut Listener,
    queues: &Queues,
    number: &AtomicU32,
    socket: TcpStream,
    from: String,
) {
    if listener.links.len() < LINKS_MAX {
        door_enter(listener, queues, number, socket, from);
    }
}

/// Новая линия от двери; `from` — где тот конец, если сокет этого не скажет.
fn door_enter(
    listener: &mut Listener,
    queues: &Queues,
    number: &AtomicU32,
    socket: TcpStream,
    from: String,
) {
    let link = number.fetch_add(1, Ordering::Relaxed);
    match door_link(listener, link, socket) {
        Ok((mut read, write)) => {
            read.from = from;
            let accepted = Heard::Accepted { link, write: Box::new(write) };
            let _ = queues.heard.put.send(accepted);
            listener.young.insert(link, Instant::now());
            link_add(listener, queues, read);
        }
        Err(failed) => tracing::warn!("accept: {}", failed.detail),
    }
}

/// Делает линию из принятого соединения.
fn door_link(
    listener: &Listener,
    link: LinkId,
    socket: TcpStream,
) -> Result<(ReadHalf, WriteHalf), Fail> {
    let Some(config) = &listener.tls else {
        return Err(fail(FailKind::Internal, "tls"));
    };
    options_set(&socket)?;
    let tls = match ServerConnection::new(config.clone()) {
        Ok(tls) => Connection::Server(tls),
        Err(error) => return Err(fail(FailKind::Tls, &error.to_string())),
    };
    link_split(link, socket, tls)
}

/// Читает готовые линии по кругу, пока пачка не полна, и отдаёт её.
fn links_read(listener: &mut Listener, queues: &Queues) {
    let mut turn: Vec<LinkId> = Vec::with_capacity(listener.ready.len());
    for link in &listener.ready {
        turn.push(*link);
    }
    for link in turn {
        let Some(half) = listener.links.get_mut(&link) else {
            listener.ready.remove(&link);
            continue;
        };
        let server_side = listener.young.contains_key(&link);
        let start = listener.batch.bytes.len();
        listener.batch.bytes.append(&mut half.partial);
        let read = link_read(half, &mut listener.cipher, &mut listener.batch.bytes);
        let (length, bad) = whole_packets(&listener.batch.bytes[start..]);
        let end = start + length;
        half.partial.extend_from_slice(&listener.batch.bytes[end..]);
        listener.batch.bytes.truncate(end);
        let mut over = None;
        match read {
            Ok(found) => {
                if !found.more && !listener.closing.contains(&link) {
                    listener.ready.remove(&link);
                }
                if found.wants_write || found.secured {
                    let _ = queues.heard.put.send(Heard::WantsWrite(link));
                }
                if found.secured {
                    over = secured_tell(half, server_side, queues);
                    listener.young.remove(&link);
                }
            }
            Err(failed) => over = Some(Heard::Down { link, fail: failed }),
        }
        if end > start {
            // Полоса здесь ничего не значит: её назначит получатель по таблице PACKETS.
            let lane = Lane::Messages;
            listener.batch.parts.push(Part { link, lane, start, end });
        }
        if let Some(failed) = bad {
            over = Some(Heard::Bad { link, fail: failed });
        }
        if over.is_some() || listener.batch.bytes.len() >= STEP_BYTES {
            batch_hand(listener, queues);
        }
        if let Some(over) = over {
            let _ = queues.heard.put.send(over);
            link_drop(listener, link);
        }
    }
    batch_hand(listener, queues);
}

/// Рукопожатие кончено: кто там? Возвращает конец линии, если ответ негоден.
fn secured_tell(half: &ReadHalf, server_side: bool, queues: &Queues) -> Option<Heard> {
    let link = half.link;
    let key = if server_side {
        match link_key(half) {
            Ok(key) => Some(key),
            Err(failed) => return Some(Heard::Down { link, fail: failed }),
        }
    } else {
        if let Err(failed) = link_check(half) {
            return Some(Heard::Down { link, fail: failed });
        }
        // У сервера ключ другого вида: там проверена цепочка.
        link_key(half).ok()
    };
    let from = match half.socket.peer_addr() {
        _ if !half.from.is_empty() => half.from.clone(),
        Ok(address) => address_shown(address),
        Err(_) => String::new(),
    };
    let _ = queues.heard.put.send(Heard::Secured { link, key, from });
    None
}

/// Отдаёт пачку controller-у (ждёт, если он занят: так TCP притормозит отправителей).
fn batch_hand(listener: &mut Listener, queues: &Queues) {
    if listener.batch.parts.is_empty() {
        return;
    }
    let full = std::mem::replace(&mut listener.batch, batch_take(queues));
    if let Err(refused) = queues.heard.put.send(Heard::Batch(full)) {
        if let Heard::Batch(batch) = refused.into_inner() {
            batch_give(queues, batch);
        }
    }
}

/// Кто слишком долго здоровается (мусор, медленные байты), того отпускает.
fn young_check(listener: &mut Listener, queues: &Queues) {
    let mut late: Vec<LinkId> = Vec::new();
    for (link, since) in &listener.young {
        if since.elapsed() >= Duration::from_millis(HELLO_MS) {
            late.push(*link);
        }
    }
    for link in late {
        down_tell(queues, link, fail(FailKind::HelloMissing, "TLS"));
        link_drop(listener, link);
    }
}
