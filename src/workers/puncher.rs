//! The puncher: the UDP socket. It asks the server where one is seen from outside, taps on holes
//! when two people were introduced, and drives QUIC through those that opened. At a server it
//! answers the questions.
//! Puncher: сокет UDP. Спрашивает у сервера, откуда мы видны снаружи, стучит в дыры, когда двоих
//! познакомили, и ведёт QUIC через открывшиеся. У сервера он отвечает на вопросы.

use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use quinn_udp::{RecvMeta, UdpSockRef};

use super::map::{QUEUES, Queues};
use super::roles::{Event, PuncherOrder};
use super::taps::{Side, side_datagram, side_open, side_order, side_turn};
use crate::base::bounds::STUN_ANSWERS_MAX;
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::net::udp::{address_plain, udp_await};
use crate::wire::stun::{STUN_BYTES, Stun, stun_answer, stun_read};

const TOKEN_WAKER: Token = Token(usize::MAX);
/// Tokens of a server's sockets begin here.
const TOKEN_ANSWERS: usize = usize::MAX / 2;
/// The client's socket.
pub const TOKEN_UDP: Token = Token(0);
/// Batches of datagrams taken in one wake-up at most.
const BATCHES: usize = 32;
/// Bytes of one batch.
const BATCH_BYTES: usize = 64 * 1024;

/// State of the puncher, a local of its main.
pub struct Puncher {
    pub poll: Poll,
    /// Of a client: its socket and all that hangs on it.
    side: Option<Box<Side>>,
    /// Of a server: where questions come in.
    answers: Vec<mio::net::UdpSocket>,
    /// The second that is counted, and questions answered in it.
    second: Instant,
    answered: u32,
    buffer: Vec<u8>,
    /// The socket may hold more.
    more: bool,
}

/// Поток puncher.
pub fn puncher_main() {
    let queues = &*QUEUES;
    let mut puncher = match puncher_make(queues) {
        Ok(puncher) => puncher,
        Err(failed) => return dead_tell(queues, failed),
    };
    let mut events = Events::with_capacity(256);
    loop {
        while let Ok(order) = queues.to_puncher.take.try_recv() {
            order_do(&mut puncher, queues, order);
        }
        let mut wait = Duration::from_secs(1);
        if let Some(side) = &mut puncher.side {
            wait = side_turn(side, puncher.poll.registry(), queues);
        }
        if puncher.more {
            wait = Duration::ZERO;
        }
        if let Err(error) = puncher.poll.poll(&mut events, Some(wait)) {
            if error.kind() != std::io::ErrorKind::Interrupted {
                return dead_tell(queues, fail(FailKind::Internal, &error.to_string()));
            }
        }
        for event in &events {
            if event.token() == TOKEN_UDP && event.is_readable() {
                puncher.more = true;
            }
            if event.token().0 >= TOKEN_ANSWERS && event.token() != TOKEN_WAKER {
                questions_answer(&mut puncher, event.token().0 - TOKEN_ANSWERS);
            }
        }
        if puncher.more {
            puncher.more = datagrams_take(&mut puncher, queues);
        }
    }
}

/// Готовит опрос и будильник.
fn puncher_make(queues: &Queues) -> Result<Puncher, Fail> {
    let poll = io_try(FailKind::Internal, "poll", Poll::new())?;
    let waker = io_try(FailKind::Internal, "waker", Waker::new(poll.registry(), TOKEN_WAKER))?;
    let _ = queues.puncher_waker.set(waker);
    Ok(Puncher {
        poll,
        side: None,
        answers: Vec::new(),
        second: Instant::now(),
        answered: 0,
        buffer: vec![0; BATCH_BYTES],
        more: false,
    })
}

/// Опроса нет: без дыр жить можно, о причине скажет журнал.
fn dead_tell(queues: &Queues, failed: Fail) {
    let _ = queues.events.put.send(Event::StoreFailed { fail: failed });
}

/// Один приказ controller-а.
fn order_do(puncher: &mut Puncher, queues: &Queues, order: PuncherOrder) {
    let registry = puncher.poll.registry();
    match order {
        PuncherOrder::Answer(sockets) => {
            for mut socket in sockets {
                let token = Token(TOKEN_ANSWERS + puncher.answers.len());
                match registry.register(&mut socket, token, Interest::READABLE) {
                    Ok(()) => puncher.answers.push(socket),
                    Err(error) => tracing::warn!("UDP: {error}"),
                }
            }
        }
        PuncherOrder::Open { door, tls } => match side_open(door, tls, registry) {
            Ok(side) => puncher.side = Some(Box::new(side)),
            Err(failed) => tracing::warn!("no UDP: {}", failed.detail),
        },
        PuncherOrder::Servers(_)
        | PuncherOrder::Gather { .. }
        | PuncherOrder::Punch(_)
        | PuncherOrder::Sync => side_order(puncher.side.as_deref_mut(), queues, order),
    }
}

/// Сервер: отвечает, кто откуда; лишнее в эту секунду читается и бросается.
fn questions_answer(puncher: &mut Puncher, index: usize) {
    let Some(socket) = puncher.answers.get(index) else {
        return;
    };
    if puncher.second.elapsed() >= Duration::from_secs(1) {
        puncher.second = Instant::now();
        puncher.answered = 0;
    }
    let mut bytes = [0u8; STUN_BYTES + 1];
    loop {
        let (taken, from) = match socket.recv_from(&mut bytes) {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
            // Прежний ответ не дошёл (ICMP) или посылка длинна: к следующей.
            Err(_) => continue,
        };
        if puncher.answered >= STUN_ANSWERS_MAX {
            continue;
        }
        if let Some(Stun::Asked(token)) = stun_read(&bytes[..taken]) {
            puncher.answered += 1;
            let _ = socket.send_to(&stun_answer(&token, address_plain(from)), from);
        }
    }
}

/// Берёт пришедшие посылки, сколько есть, но не больше предела. `true` — могли и остаться.
fn datagrams_take(puncher: &mut Puncher, queues: &Queues) -> bool {
    let Some(side) = &mut puncher.side else {
        return false;
    };
    for _ in 0..BATCHES {
        let mut metas = [RecvMeta::default()];
        let mut slices = [IoSliceMut::new(&mut puncher.buffer)];
        let socket = UdpSockRef::from(&side.udp.socket);
        match side.udp.state.recv(socket, &mut slices, &mut metas) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                return udp_await(&side.udp);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return true,
        }
        let meta = metas[0];
        let (length, stride) = (usize::min(meta.len, puncher.buffer.len()), meta.stride);
        let from: SocketAddr = meta.addr;
        let mut at = 0;
        while at < length && stride > 0 {
            let end = usize::min(at + stride, length);
            side_datagram(side, queues, from, &meta, &puncher.buffer[at..end]);
            at = end;
        }
    }
    true
}
