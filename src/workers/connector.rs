//! The connector: takes addresses, makes TCP connections and TLS links out of them. Many calls at
//! the same time, none waits for another; only the names of hosts are looked up with its whole
//! thread.
//! Connector: берёт адреса, делает из них соединения TCP и линии TLS. Звонков сразу много, и ни
//! один не ждёт другого; всем потоком ждут только имена узлов.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use rustls::{ClientConnection, Connection};

use super::finder::{FINDER_FIRST, Finder, finder_end, finder_hear, finder_make, finder_turn};
use super::map::{QUEUES, Queues};
use super::roles::{ConnectOrder, ConnectorOrder, Event, SeekOrder};
use crate::base::bounds::{CONNECT_MS, CONNECT_NEXT_MS};
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::crypto::tls::server_name;
use crate::logic::events::LinkId;
use crate::net::link::{ReadHalf, WriteHalf, link_split};
use crate::net::sockets::{options_set, resolve};

const TOKEN_WAKER: Token = Token(usize::MAX);

/// One attempt at one address.
struct Attempt {
    link: LinkId,
    address: SocketAddr,
    socket: mio::net::TcpStream,
}

/// One order on its way.
struct Calling {
    order: ConnectOrder,
    /// Addresses that were not tried yet.
    rest: VecDeque<SocketAddr>,
    since: Instant,
    next: Instant,
    open: usize,
    last: Fail,
}

/// State of the connector, a local of its main.
struct Connector {
    poll: Poll,
    calls: BTreeMap<LinkId, Calling>,
    attempts: BTreeMap<usize, Attempt>,
    token: usize,
    finder: Option<Finder>,
}

/// Поток connector.
pub fn connector_main() {
    let queues = &*QUEUES;
    let mut connector = match connector_make(queues) {
        Ok(connector) => connector,
        Err(fail) => {
            let _ = queues.events.put.send(Event::LinkFailed { link: 0, fail });
            return;
        }
    };
    let mut events = Events::with_capacity(64);
    loop {
        // Прежде опроса: приказ, положенный раньше, чем появился будильник, не ждёт.
        while let Ok(order) = queues.to_connector.take.try_recv() {
            match order {
                ConnectorOrder::Call(order) => call_begin(&mut connector, queues, order),
                ConnectorOrder::Seek(order) => seek_set(&mut connector, order),
            }
        }
        let mut wait = Duration::from_millis(if connector.calls.is_empty() { 1_000 } else { 50 });
        if let Some(finder) = &mut connector.finder {
            let next = finder_turn(finder, connector.poll.registry(), queues);
            wait = Duration::min(wait, next);
        }
        let polled = connector.poll.poll(&mut events, Some(wait));
        if let Err(error) = polled {
            if error.kind() != std::io::ErrorKind::Interrupted {
                let fail = fail(FailKind::Connect, &error.to_string());
                let _ = queues.events.put.send(Event::LinkFailed { link: 0, fail });
                return;
            }
        }
        for event in &events {
            match (event.token(), &mut connector.finder) {
                (TOKEN_WAKER, _) => {}
                (Token(number), Some(finder)) if number >= FINDER_FIRST => {
                    finder_hear(finder, queues, number);
                }
                (Token(number), _) => attempt_look(&mut connector, queues, number),
            }
        }
        calls_turn(&mut connector, queues);
    }
}

/// Готовит опрос и будильник.
fn connector_make(queues: &Queues) -> Result<Connector, Fail> {
    let poll = io_try(FailKind::Internal, "poll", Poll::new())?;
    let waker = io_try(FailKind::Internal, "waker", Waker::new(poll.registry(), TOKEN_WAKER))?;
    let _ = queues.connector_waker.set(waker);
    Ok(Connector {
        poll,
        calls: BTreeMap::new(),
        attempts: BTreeMap::new(),
        token: 0,
        finder: None,
    })
}

/// Искать в местной сети или больше не искать.
fn seek_set(connector: &mut Connector, order: Option<SeekOrder>) {
    let registry = connector.poll.registry();
    if let Some(finder) = &mut connector.finder {
        finder_end(finder, registry);
    }
    connector.finder = match order {
        Some(order) => Some(finder_make(order, registry)),
        None => None,
    };
}

/// Новый звонок: имена становятся адресами, первый пробуется сразу.
fn call_begin(connector: &mut Connector, queues: &Queues, order: ConnectOrder) {
    let link = order.link;
    let mut rest = VecDeque::new();
    let mut last = fail(FailKind::Connect, &order.addresses.join(","));
    for address in &order.addresses {
        match resolve(address) {
            Ok(found) => rest.extend(found),
            Err(failed) => last = failed,
        }
    }
    let now = Instant::now();
    let calling = Calling { order, rest, since: now, next: now, open: 0, last };
    connector.calls.insert(link, calling);
    call_next(connector, link);
    call_settle(connector, queues, link);
}

/// Пробует следующий адрес звонка.
fn call_next(connector: &mut Connector, link: LinkId) {
    let Some(calling) = connector.calls.get_mut(&link) else {
        return;
    };
    let Some(address) = calling.rest.pop_front() else {
        return;
    };
    calling.next = Instant::now() + Duration::from_millis(CONNECT_NEXT_MS);
    let mut socket = match mio::net::TcpStream::connect(address) {
        Ok(socket) => socket,
        Err(error) => {
            calling.last = fail(FailKind::Connect, &format!("{address}: {error}"));
            return;
        }
    };
    let token = connector.token;
    connector.token += 1;
    let registry = connector.poll.registry();
    if let Err(error) = registry.register(&mut socket, Token(token), Interest::WRITABLE) {
        calling.last = fail(FailKind::Connect, &format!("{address}: {error}"));
        return;
    }
    calling.open += 1;
    connector.attempts.insert(token, Attempt { link, address, socket });
}

/// Соединение удалось или нет.
fn attempt_look(connector: &mut Connector, queues: &Queues, token: usize) {
    let Some(attempt) = connector.attempts.get(&token) else {
        return;
    };
    let failed = match attempt.socket.take_error() {
        Ok(None) => match attempt.socket.peer_addr() {
            Ok(_) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotConnected => return,
            Err(error) => Some(error),
        },
        Ok(Some(error)) | Err(error) => Some(error),
    };
    let Some(mut attempt) = connector.attempts.remove(&token) else {
        return;
    };
    let _ = connector.poll.registry().deregister(&mut attempt.socket);
    let link = attempt.link;
    let Some(calling) = connector.calls.get_mut(&link) else {
        return;
    };
    calling.open -= 1;
    if let Some(error) = failed {
        calling.last = fail(FailKind::Connect, &format!("{}: {error}", attempt.address));
        call_next(connector, link);
        return call_settle(connector, queues, link);
    }
    if let Some(calling) = connector.calls.remove(&link) {
        attempts_drop(connector, link);
        let event = match link_make(&calling.order, attempt.socket) {
            Ok((read, write)) => Event::LinkMade { read: Box::new(read), write: Box::new(write) },
            Err(fail) => Event::LinkFailed { link, fail },
        };
        let _ = queues.events.put.send(event);
    }
}

/// Делает линию: клиентская сторона TLS над соединением (рукопожатие начнёт sender).
fn link_make(
    order: &ConnectOrder,
    socket: mio::net::TcpStream,
) -> Result<(ReadHalf, WriteHalf), Fail> {
    let socket = std::net::TcpStream::from(socket);
    options_set(&socket)?;
    match ClientConnection::new(order.tls.clone(), server_name()?) {
        Ok(tls) => link_split(order.link, socket, Connection::Client(tls)),
        Err(error) => Err(fail(FailKind::Tls, &error.to_string())),
    }
}

/// Прочие попытки этого звонка больше не нужны.
fn attempts_drop(connector: &mut Connector, link: LinkId) {
    let mut tokens: Vec<usize> = Vec::new();
    for (token, attempt) in &connector.attempts {
        if attempt.link == link {
            tokens.push(*token);
        }
    }
    for token in tokens {
        if let Some(mut attempt) = connector.attempts.remove(&token) {
            let _ = connector.poll.registry().deregister(&mut attempt.socket);
        }
    }
}

/// Пробовать больше нечего: звонок не удался.
fn call_settle(connector: &mut Connector, queues: &Queues, link: LinkId) {
    let over = match connector.calls.get(&link) {
        Some(calling) => calling.open == 0 && calling.rest.is_empty(),
        None => false,
    };
    if over {
        if let Some(calling) = connector.calls.remove(&link) {
            let _ = queues.events.put.send(Event::LinkFailed { link, fail: calling.last });
        }
    }
}

/// Кому пора — следующий адрес; кто ждал слишком долго, тому конец.
fn calls_turn(connector: &mut Connector, queues: &Queues) {
    let now = Instant::now();
    let mut late: Vec<LinkId> = Vec::new();
    let mut next: Vec<LinkId> = Vec::new();
    for (link, calling) in &connector.calls {
        if now.duration_since(calling.since) >= Duration::from_millis(CONNECT_MS) {
            late.push(*link);
        } else if now >= calling.next && !calling.rest.is_empty() {
            next.push(*link);
        }
    }
    for link in next {
        call_next(connector, link);
        call_settle(connector, queues, link);
    }
    for link in late {
        attempts_drop(connector, link);
        if let Some(calling) = connector.calls.remove(&link) {
            let _ = queues.events.put.send(Event::LinkFailed { link, fail: calling.last });
        }
    }
}
