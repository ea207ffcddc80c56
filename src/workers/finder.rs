//! The finder, a part of the connector: beacons out, beacons in, on every interface. What was heard
//! goes to the controller; whom to call is decided there.
//! Finder, часть connector-а: маяки туда и обратно на каждом интерфейсе. Услышанное идёт к
//! controller-у; кому звонить, решают там.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use if_addrs::Interface;
use mio::{Interest, Registry, Token};

use super::map::Queues;
use super::roles::{Event, SeekOrder};
use crate::base::bounds::{BEACON_MS, BEACONS_ANSWERED_MAX, BEACONS_HEARD_MAX, INTERFACES_MS};
use crate::base::ids::Id;
use crate::logic::events::ClientEvent;
use crate::net::lan::{LanSocket, ears_open, interfaces_now, mouths_open};
use crate::net::mdns::{Mdns, mdns_end, mdns_hear, mdns_start};
use crate::net::sockets::door_addresses;
use crate::wire::beacon::{BEACON_ASKS, Beacon, beacon_bytes, beacon_read};

/// Tokens of the finder's sockets begin here.
pub const FINDER_FIRST: usize = usize::MAX / 2;
/// Moments after the start at which beacons go out, until the usual pace.
const EARLY_MS: [u64; 4] = [0, 200, 800, 2_500];
/// Как часто забирать найденное через mDNS.
const MDNS_LOOK_MS: u64 = 500;
/// Longest datagram that is looked at.
const DATAGRAM_MAX: usize = 512;

/// State of the finder; None in the connector: nobody is sought.
pub struct Finder {
    order: SeekOrder,
    fingerprint: [u8; 32],
    me: Id,
    interfaces: Vec<Interface>,
    sockets: Vec<LanSocket>,
    /// None: it could not be started.
    mdns: Option<Mdns>,
    looked: Instant,
    early: usize,
    next: Instant,
    /// The second that is being counted, beacons heard and answered in it.
    second: Instant,
    heard: u32,
    answered: u32,
}

/// Начинает искать: сокеты на всех нынешних интерфейсах.
pub fn finder_make(order: SeekOrder, registry: &Registry) -> Finder {
    let now = Instant::now();
    let mut finder = Finder {
        me: order.me,
        fingerprint: order.fingerprint,
        order,
        interfaces: Vec::new(),
        sockets: Vec::new(),
        mdns: None,
        looked: now,
        early: 0,
        next: now,
        second: now,
        heard: 0,
        answered: 0,
    };
    let port = match finder.order.door {
        Some(door) => Some(door.port()),
        None => None,
    };
    match mdns_start(finder.me, &finder.fingerprint, port) {
        Ok(mdns) => finder.mdns = Some(mdns),
        Err(failed) => tracing::warn!("LAN: {}", failed.detail),
    }
    sockets_renew(&mut finder, registry, interfaces_now());
    finder
}

/// Больше никого не ищут: сокеты уходят.
pub fn finder_end(finder: &mut Finder, registry: &Registry) {
    sockets_close(finder, registry);
    if let Some(mdns) = finder.mdns.take() {
        mdns_end(&mdns);
    }
}

/// Закрывает сокеты маяков.
fn sockets_close(finder: &mut Finder, registry: &Registry) {
    for socket in &mut finder.sockets {
        let _ = registry.deregister(&mut socket.socket);
    }
    finder.sockets.clear();
}

/// Открывает сокеты заново под эти интерфейсы.
fn sockets_renew(finder: &mut Finder, registry: &Registry, interfaces: Vec<Interface>) {
    sockets_close(finder, registry);
    finder.sockets = ears_open(&interfaces, finder.order.port);
    finder.sockets.extend(mouths_open(&interfaces, finder.order.port));
    for (index, socket) in finder.sockets.iter_mut().enumerate() {
        let token = Token(FINDER_FIRST + index);
        if let Err(error) = registry.register(&mut socket.socket, token, Interest::READABLE) {
            tracing::warn!("LAN: {error}");
        }
    }
    finder.interfaces = interfaces;
}

/// Ход часов: новые интерфейсы, очередной маяк. Возвращает, через сколько звать снова.
pub fn finder_turn(finder: &mut Finder, registry: &Registry, queues: &Queues) -> Duration {
    let now = Instant::now();
    if now.duration_since(finder.looked) >= Duration::from_millis(INTERFACES_MS) {
        finder.looked = now;
        let interfaces = interfaces_now();
        if interfaces != finder.interfaces {
            sockets_renew(finder, registry, interfaces);
            // Сеть другая: всё как в начале, и визитка тоже.
            finder.early = 0;
            finder.next = now;
            if let Some(door) = finder.order.door {
                let addresses = door_addresses(door);
                let moved = ClientEvent::Doors { addresses };
                let _ = queues.events.put.send(Event::Tell(moved));
            }
        }
    }
    mdns_tell(finder, queues);
    if now >= finder.next {
        beacons_send(finder);
        finder.early += 1;
        let wait = match EARLY_MS.get(finder.early) {
            Some(at) => at - EARLY_MS[finder.early - 1],
            None => BEACON_MS,
        };
        finder.next = now + Duration::from_millis(wait);
    }
    let look = Duration::from_millis(MDNS_LOOK_MS);
    Duration::min(finder.next.saturating_duration_since(now), look)
}

/// Найденное через mDNS: controller-у, как услышанное маяком.
fn mdns_tell(finder: &mut Finder, queues: &Queues) {
    let Some(mdns) = &mut finder.mdns else {
        return;
    };
    for seen in mdns_hear(mdns, &finder.interfaces) {
        if seen.id == finder.me {
            continue;
        }
        // Последний сказанный пробуется первым.
        for address in seen.addresses.iter().rev() {
            let (id, fingerprint, address) = (seen.id, seen.fingerprint, address.to_string());
            let near = ClientEvent::Near { id, fingerprint, address };
            let _ = queues.events.put.send(Event::Tell(near));
        }
    }
}

/// Свой маяк; `None` — двери нет, звать к себе некуда.
fn own_beacon(finder: &Finder, flags: u8) -> Option<Beacon> {
    let port = finder.order.door?.port();
    Some(Beacon { flags, port, id: finder.me, fingerprint: finder.fingerprint })
}

/// Маяк со всех ртов. Кому не ушло (интерфейс пропал), тот узнает позже.
fn beacons_send(finder: &mut Finder) {
    let flags = if finder.early < EARLY_MS.len() { BEACON_ASKS } else { 0 };
    let Some(beacon) = own_beacon(finder, flags) else {
        return;
    };
    let bytes = beacon_bytes(&beacon);
    for mouth in &finder.sockets {
        for goal in &mouth.goals {
            let _ = mouth.socket.send_to(&bytes, *goal);
        }
    }
}

/// Что-то пришло на сокет с этим номером.
pub fn finder_hear(finder: &mut Finder, queues: &Queues, token: usize) {
    let index = token - FINDER_FIRST;
    let mut buffer = [0u8; DATAGRAM_MAX];
    loop {
        let Some(socket) = finder.sockets.get(index) else {
            return;
        };
        let Ok((taken, from)) = socket.socket.recv_from(&mut buffer) else {
            return;
        };
        if finder.second.elapsed() >= Duration::from_secs(1) {
            finder.second = Instant::now();
            finder.heard = 0;
            finder.answered = 0;
        }
        finder.heard += 1;
        if finder.heard > BEACONS_HEARD_MAX {
            continue;
        }
        let Some(beacon) = beacon_read(&buffer[..taken]) else {
            continue;
        };
        if beacon.id == finder.me {
            continue;
        }
        if beacon.flags & BEACON_ASKS != 0 && finder.answered < BEACONS_ANSWERED_MAX {
            finder.answered += 1;
            // Ответ — тому, кто спросил, на тот рот, которым он спросил.
            if let Some(own) = own_beacon(finder, 0) {
                if let Some(socket) = finder.sockets.get(index) {
                    let _ = socket.socket.send_to(&beacon_bytes(&own), from);
                }
            }
        }
        let address = place_text(from, beacon.port);
        let (id, fingerprint) = (beacon.id, beacon.fingerprint);
        let near = ClientEvent::Near { id, fingerprint, address };
        let _ = queues.events.put.send(Event::Tell(near));
    }
}

/// Где он слушает: адрес посылки и порт из маяка; у адреса внутри линии остаётся её номер.
fn place_text(from: SocketAddr, port: u16) -> String {
    match (from, from.ip()) {
        (SocketAddr::V6(place), IpAddr::V6(ip)) => {
            SocketAddrV6::new(ip, port, 0, place.scope_id()).to_string()
        }
        (_, ip) => SocketAddr::new(ip, port).to_string(),
    }
}
