//! Open holes: QUIC connections of the client's UDP socket. Datagrams go in and out here, pipes are
//! made when a stream stands; what the pipes carry is none of its business.
//! Открытые дыры: соединения QUIC на сокете UDP клиента. Здесь входят и выходят посылки, и делаются
//! трубы, когда поток стоит; что по ним идёт, здесь не знают.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mio::{Interest, Registry, Token};
use quinn_proto::{ConnectionHandle, DatagramEvent, EcnCodepoint, Transmit};
use quinn_udp::{RecvMeta, UdpSockRef};
use rustls::{ClientConnection, Connection};
use socket2::SockRef;

use super::map::Queues;
use super::roles::{Event, PunchOrder};
use super::taps::{Side, failed_tell};
use crate::base::bounds::{DIRECT_LINKS_MAX, HOLE_PIPE_BYTES, PUNCH_MS};
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::crypto::certificates::SERVER_NAME;
use crate::crypto::tls::server_name;
use crate::net::hole::{Hole, hole_caller, hole_close, hole_drive, hole_new, hole_pump};
use crate::net::link::link_split;
use crate::net::udp::{address_plain, pair_make};

/// Datagrams of one connection sent in one call at most.
const SEGMENTS: usize = 10;

/// Дыра открыта: звоним по ней.
pub fn hole_call(side: &mut Side, queues: &Queues, order: PunchOrder, goal: SocketAddr) {
    let link = order.wish.link;
    let config = match hole_caller(order.tls.clone()) {
        Ok(config) => config,
        Err(failed) => return failed_tell(queues, link, &failed.detail),
    };
    match side.endpoint.connect(Instant::now(), config, goal, SERVER_NAME) {
        Ok((handle, conn)) => {
            let hole = hole_new((handle, conn), link, Some(order.tls), goal);
            side.holes.insert(handle, hole);
        }
        Err(error) => failed_tell(queues, link, &error.to_string()),
    }
}

/// Посылка QUIC. Слушаются дыры, что есть, и, с `fresh`, новый звонок. `true` — он принят.
pub fn hole_datagram(
    side: &mut Side,
    from: SocketAddr,
    meta: &RecvMeta,
    bytes: &[u8],
    fresh: bool,
) -> bool {
    let mut known = fresh;
    for hole in side.holes.values() {
        known = known || hole.address == from;
    }
    if !known {
        return false;
    }
    let now = Instant::now();
    let ecn = match meta.ecn {
        Some(code) => EcnCodepoint::from_bits(code as u8),
        None => None,
    };
    let mut answer = Vec::new();
    let data = BytesMut::from(bytes);
    match side.endpoint.handle(now, from, meta.dst_ip, ecn, data, &mut answer) {
        Some(DatagramEvent::ConnectionEvent(handle, event)) => {
            if let Some(hole) = side.holes.get_mut(&handle) {
                hole.conn.handle_event(event);
            }
            false
        }
        Some(DatagramEvent::NewConnection(incoming)) => {
            if !fresh || side.holes.len() >= DIRECT_LINKS_MAX {
                side.endpoint.ignore(incoming);
                return false;
            }
            match side.endpoint.accept(incoming, now, &mut answer, None) {
                Ok((handle, conn)) => {
                    side.holes.insert(handle, hole_new((handle, conn), 0, None, from));
                    true
                }
                Err(refused) => {
                    tracing::debug!("QUIC: {}", refused.cause);
                    false
                }
            }
        }
        Some(DatagramEvent::Response(transmit)) => {
            datagram_send(side, &transmit, &answer);
            false
        }
        None => false,
    }
}

/// Отдаёт посылку ядру. `false` — оно полно.
fn datagram_send(side: &Side, transmit: &Transmit, bytes: &[u8]) -> bool {
    let ecn = match transmit.ecn {
        Some(code) => quinn_udp::EcnCodepoint::from_bits(code as u8),
        None => None,
    };
    let whole = quinn_udp::Transmit {
        destination: transmit.destination,
        ecn,
        contents: &bytes[..transmit.size],
        segment_size: transmit.segment_size,
        src_ip: transmit.src_ip,
    };
    let socket = UdpSockRef::from(&side.udp.socket);
    match side.udp.state.try_send(socket, &whole) {
        Ok(()) => true,
        // Прочее — как потеря в пути: QUIC повторит.
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// Ход всех дыр. Возвращает, через сколько звать снова.
pub fn holes_turn(side: &mut Side, registry: &Registry, queues: &Queues) -> Duration {
    let now = Instant::now();
    let mut wait = Duration::from_secs(1);
    let mut handles: Vec<ConnectionHandle> = Vec::new();
    for handle in side.holes.keys() {
        handles.push(*handle);
    }
    if !held_send(side) {
        return wait;
    }
    for handle in handles {
        let Some(mut hole) = side.holes.remove(&handle) else {
            continue;
        };
        hole_drive(&mut side.endpoint, &mut hole, now);
        if hole.stream.is_some() && hole.pipe.is_none() && hole.lost.is_none() {
            if let Err(failed) = pipe_make(side, registry, queues, &mut hole) {
                tracing::warn!("hole: {}", failed.detail);
                hole_close(&mut hole, now);
            }
        }
        let late = now.duration_since(hole.since) >= Duration::from_millis(PUNCH_MS);
        if hole.stream.is_none() && late && hole.lost.is_none() {
            hole_close(&mut hole, now);
        }
        let busy = hole_pump(&mut hole, now, &mut side.scratch);
        let sent = hole_transmit(side, &mut hole, now);
        if hole.lost.is_some() {
            hole_lost(queues, registry, &mut hole);
        }
        if !hole.conn.is_drained() {
            if let Some(at) = hole.conn.poll_timeout() {
                wait = Duration::min(wait, at.saturating_duration_since(now));
            }
            side.holes.insert(handle, hole);
        } else {
            // Последнее событие: общая часть QUIC забывает соединение.
            hole_drive(&mut side.endpoint, &mut hole, now);
        }
        if !sent {
            return Duration::from_secs(1);
        }
        if busy {
            wait = Duration::ZERO;
        }
    }
    wait
}

/// Досылает посылку, которую ядро не взяло. `false` — всё ещё не берёт.
fn held_send(side: &mut Side) -> bool {
    let Some((transmit, bytes)) = side.held.take() else {
        return true;
    };
    if datagram_send(side, &transmit, &bytes) {
        return true;
    }
    side.held = Some((transmit, bytes));
    false
}

/// Всё, что соединение хочет послать. `false` — ядро полно.
fn hole_transmit(side: &mut Side, hole: &mut Hole, now: Instant) -> bool {
    let many = usize::min(SEGMENTS, side.udp.state.max_gso_segments());
    let mut bytes = std::mem::take(&mut side.datagram);
    loop {
        bytes.clear();
        let Some(transmit) = hole.conn.poll_transmit(now, many, &mut bytes) else {
            break;
        };
        if !datagram_send(side, &transmit, &bytes) {
            side.held = Some((transmit, bytes));
            return false;
        }
    }
    side.datagram = bytes;
    true
}

/// Поток стоит: делает трубу и отдаёт её дальний конец тому, кто ведёт линии.
fn pipe_make(
    side: &mut Side,
    registry: &Registry,
    queues: &Queues,
    hole: &mut Hole,
) -> Result<(), Fail> {
    let (near, far) = pair_make()?;
    // Ядро не должно копить за нас: сообщения ждали бы за файлом.
    let small = SockRef::from(&near).set_recv_buffer_size(HOLE_PIPE_BYTES);
    io_try(FailKind::Connect, "pipe", small)?;
    let mut near = mio::net::TcpStream::from_std(near);
    let token = Token(side.next_token);
    side.next_token += 1;
    let interest = Interest::READABLE | Interest::WRITABLE;
    io_try(FailKind::Connect, "pipe", registry.register(&mut near, token, interest))?;
    let from = format!("{}/udp", address_plain(hole.address));
    let event = match &hole.tls {
        Some(tls) => match ClientConnection::new(tls.clone(), server_name()?) {
            Ok(tls) => {
                let (mut read, write) = link_split(hole.link, far, Connection::Client(tls))?;
                read.from = from;
                Event::LinkMade { read: Box::new(read), write: Box::new(write) }
            }
            Err(error) => return Err(fail(FailKind::Tls, &error.to_string())),
        },
        None => Event::Holed { socket: far, from },
    };
    hole.pipe = Some(near);
    let _ = queues.events.put.send(event);
    Ok(())
}

/// Соединения больше нет: труба закрыта, а если её и не было, линии не вышло.
fn hole_lost(queues: &Queues, registry: &Registry, hole: &mut Hole) {
    match hole.pipe.take() {
        Some(mut pipe) => {
            let _ = registry.deregister(&mut pipe);
            let _ = pipe.shutdown(std::net::Shutdown::Both);
            hole.link = 0;
        }
        None => {
            let why = hole.lost.clone().unwrap_or_default();
            failed_tell(queues, std::mem::take(&mut hole.link), &why);
        }
    }
}
