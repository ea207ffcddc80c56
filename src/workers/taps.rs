//! The client's half of the puncher: questions for one's own address, taps on holes, and which
//! datagrams are listened to at all. A stranger's datagram costs a look and nothing else.
//! Клиентская половина puncher-а: вопросы о своём адресе, стук в дыры и чьи посылки вообще
//! слушаются. Посылка чужого стоит одного взгляда и ничего больше.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Interest, Registry};
use quinn_proto::{ConnectionHandle, Endpoint, EndpointConfig};
use quinn_udp::RecvMeta;
use rustls::ServerConfig;

use super::holes::{hole_call, hole_datagram, holes_turn};
use super::map::Queues;
use super::puncher::TOKEN_UDP;
use super::roles::{Event, PunchOrder, PuncherOrder};
use crate::base::bounds::{
    HOLE_LAST_MS, MEET_ADDRESSES, PUNCH_MS, PUNCH_TAP_MS, STUN_AGAIN_MS, STUN_TRIES, STUN_WAIT_MS,
};
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::base::ids::Id;
use crate::crypto::file_cipher::random_fill;
use crate::logic::events::{ClientEvent, LinkId};
use crate::logic::meetings::address_fit;
use crate::logic::show::Nat;
use crate::net::hole::{Hole, hole_answerer};
use crate::net::sockets::door_addresses;
use crate::net::udp::{Udp, address_plain, udp_goal, udp_open, udp_send};
use crate::wire::stun::{Stun, Token, stun_answer, stun_ask, stun_is, stun_read};

/// Two people are being introduced at the same time at most so often.
const TRIES_MAX: usize = 32;

/// The question for one's own address: whom, what they said.
struct Asking {
    servers: Vec<SocketAddr>,
    tokens: Vec<Token>,
    found: Vec<Option<SocketAddr>>,
    /// How often the present question was sent; 0: nothing is asked at the moment.
    sent: u32,
    next: Instant,
    /// Who waits for the answer.
    waiting: Vec<Id>,
    /// What was told last.
    told: (Nat, String),
}

/// A hole that is being tapped on.
pub struct Try {
    pub order: PunchOrder,
    /// Where to, as the socket writes addresses.
    goals: Vec<SocketAddr>,
    since: Instant,
    next: Instant,
    /// From there the other end proved that it knows the token.
    proven: Vec<SocketAddr>,
}

/// A client's socket and all that hangs on it.
pub struct Side {
    pub udp: Udp,
    asking: Asking,
    pub tries: BTreeMap<Id, Try>,
    pub endpoint: Endpoint,
    pub holes: BTreeMap<ConnectionHandle, Hole>,
    pub next_token: usize,
    /// A datagram the kernel did not take; the others wait behind it.
    pub held: Option<(quinn_proto::Transmit, Vec<u8>)>,
    /// Somebody waits until the holes are silent, since when.
    sync: Option<Instant>,
    pub scratch: Vec<u8>,
    /// Datagrams on their way to the kernel.
    pub datagram: Vec<u8>,
}

/// Открывает сокет клиента; `tls` — для тех, кто придёт дырой. Ошибка `Listen`.
pub fn side_open(
    door: SocketAddr,
    tls: Arc<ServerConfig>,
    registry: &Registry,
) -> Result<Side, Fail> {
    let mut udp = udp_open(door)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    let done = registry.register(&mut udp.socket, TOKEN_UDP, interest);
    io_try(FailKind::Listen, "UDP", done)?;
    let server = Some(Arc::new(hole_answerer(tls)?));
    let config = Arc::new(EndpointConfig::default());
    let endpoint = Endpoint::new(config, server, !udp.state.may_fragment(), None);
    let asking = Asking {
        servers: Vec::new(),
        tokens: Vec::new(),
        found: Vec::new(),
        sent: 0,
        next: Instant::now(),
        waiting: Vec::new(),
        told: (Nat::Unknown, String::new()),
    };
    Ok(Side {
        udp,
        asking,
        tries: BTreeMap::new(),
        endpoint,
        holes: BTreeMap::new(),
        next_token: 1,
        held: None,
        sync: None,
        scratch: Vec::new(),
        datagram: Vec::new(),
    })
}

/// Приказ о дырах. Сокета нет — о неудаче говорится сразу.
pub fn side_order(side: Option<&mut Side>, queues: &Queues, order: PuncherOrder) {
    let Some(side) = side else {
        match order {
            PuncherOrder::Punch(order) => failed_tell(queues, order.wish.link, "UDP"),
            PuncherOrder::Sync => idle_tell(queues),
            PuncherOrder::Answer(_)
            | PuncherOrder::Open { .. }
            | PuncherOrder::Servers(_)
            | PuncherOrder::Gather { .. } => {}
        }
        return;
    };
    match order {
        PuncherOrder::Servers(servers) => {
            side.asking.servers = servers;
            ask_begin(side);
        }
        PuncherOrder::Gather { peer } => {
            if side.asking.waiting.len() < TRIES_MAX {
                side.asking.waiting.push(peer);
            }
            if side.asking.servers.is_empty() {
                return ask_settle(side, queues);
            }
            ask_begin(side);
        }
        PuncherOrder::Punch(order) => try_begin(side, queues, order),
        PuncherOrder::Sync => side.sync = Some(Instant::now()),
        PuncherOrder::Answer(_) | PuncherOrder::Open { .. } => {}
    }
}

/// Говорит, что линии не вышло.
pub fn failed_tell(queues: &Queues, link: LinkId, why: &str) {
    if link != 0 {
        let fail = fail(FailKind::Connect, why);
        let _ = queues.events.put.send(Event::LinkFailed { link, fail });
    }
}

/// Говорит, что в дырах больше ничего не едет.
fn idle_tell(queues: &Queues) {
    let _ = queues.events.put.send(Event::PuncherIdle);
}

/// Начинает спрашивать, если ещё не спрашивает.
fn ask_begin(side: &mut Side) {
    let asking = &mut side.asking;
    if asking.sent > 0 || asking.servers.is_empty() {
        return;
    }
    asking.tokens.clear();
    asking.found.clear();
    for _ in 0..asking.servers.len() {
        let mut token = Token::default();
        if random_fill(&mut token).is_err() {
            return;
        }
        asking.tokens.push(token);
        asking.found.push(None);
    }
    ask_again(side);
}

/// Спрашивает тех, кто ещё не ответил.
fn ask_again(side: &mut Side) {
    for index in 0..side.asking.tokens.len() {
        if side.asking.found[index].is_none() {
            if let Some(goal) = udp_goal(&side.udp, side.asking.servers[index]) {
                udp_send(&side.udp, goal, &stun_ask(&side.asking.tokens[index]));
            }
        }
    }
    side.asking.sent += 1;
    side.asking.next = Instant::now() + Duration::from_millis(STUN_WAIT_MS);
}

/// Ответы собраны, или ждать их больше нечего: рассказать, откуда мы видны.
fn ask_settle(side: &mut Side, queues: &Queues) {
    side.asking.sent = 0;
    side.asking.next = Instant::now() + Duration::from_millis(STUN_AGAIN_MS);
    let (addresses, nat) = addresses_now(side);
    let address = if nat == Nat::Unknown { String::new() } else { outside_shown(side) };
    if side.asking.told != (nat, address.clone()) {
        side.asking.told = (nat, address.clone());
        let _ = queues.events.put.send(Event::Tell(ClientEvent::Outside { nat, address }));
    }
    for peer in std::mem::take(&mut side.asking.waiting) {
        let mut token = Token::default();
        if random_fill(&mut token).is_ok() {
            let addresses = addresses.clone();
            let told = ClientEvent::Gathered { peer, token, addresses };
            let _ = queues.events.put.send(Event::Tell(told));
        }
    }
}

/// Каким нас видит сервер; пусто — не видит.
fn outside_shown(side: &Side) -> String {
    match side.asking.found.first() {
        Some(Some(found)) => found.to_string(),
        Some(None) | None => String::new(),
    }
}

/// Все адреса, по которым нас можно найти, внешние первыми, и что за маршрутизатор между нами.
fn addresses_now(side: &Side) -> (Vec<String>, Nat) {
    let inside = door_addresses(side.udp.place);
    let mut seen: Vec<String> = Vec::new();
    let mut addresses: Vec<String> = Vec::new();
    for found in &side.asking.found {
        let Some(found) = found else {
            continue;
        };
        let shown = found.to_string();
        // Сервер на этой же машине о мире не знает ничего.
        if seen.contains(&shown) || found.ip().is_loopback() {
            continue;
        }
        if address_fit(*found) {
            addresses.push(shown.clone());
        }
        seen.push(shown);
    }
    let nat = match seen.as_slice() {
        [] => Nat::Unknown,
        [one] if inside.contains(one) => Nat::Open,
        [_] => Nat::Mapped,
        [..] => Nat::Symmetric,
    };
    for address in inside {
        if let Ok(found) = address.parse::<SocketAddr>() {
            let fit = address_fit(found) && !addresses.contains(&address);
            if fit && addresses.len() < MEET_ADDRESSES {
                addresses.push(address);
            }
        }
    }
    (addresses, nat)
}

/// Начинает стучать; прежний стук к этому человеку кончен.
fn try_begin(side: &mut Side, queues: &Queues, order: PunchOrder) {
    let (peer, link) = (order.wish.peer, order.wish.link);
    if let Some(old) = side.tries.remove(&peer) {
        failed_tell(queues, old.order.wish.link, "again");
    }
    if side.tries.len() >= TRIES_MAX {
        return failed_tell(queues, link, "full");
    }
    let mut goals = Vec::new();
    for address in &order.wish.addresses {
        if let (true, Some(goal)) = (address_fit(*address), udp_goal(&side.udp, *address)) {
            if goals.len() < MEET_ADDRESSES && !goals.contains(&goal) {
                goals.push(goal);
            }
        }
    }
    let now = Instant::now();
    side.tries.insert(peer, Try { order, goals, since: now, next: now, proven: Vec::new() });
}

/// Ход часов: вопросы, стук, дыры. Возвращает, через сколько звать снова.
pub fn side_turn(side: &mut Side, registry: &Registry, queues: &Queues) -> Duration {
    let now = Instant::now();
    if now >= side.asking.next && !side.asking.servers.is_empty() {
        match side.asking.sent {
            0 => ask_begin(side),
            sent if sent < STUN_TRIES => ask_again(side),
            _ => ask_settle(side, queues),
        }
    }
    let mut over: Vec<Id> = Vec::new();
    let mut wait = Duration::from_secs(1);
    for (peer, tap) in &mut side.tries {
        if now.duration_since(tap.since) >= Duration::from_millis(PUNCH_MS) {
            over.push(*peer);
            continue;
        }
        if now >= tap.next {
            tap.next = now + Duration::from_millis(PUNCH_TAP_MS);
            let bytes = stun_ask(&tap.order.wish.theirs);
            for goal in &tap.goals {
                udp_send(&side.udp, *goal, &bytes);
            }
        }
        wait = Duration::from_millis(PUNCH_TAP_MS / 2);
    }
    for peer in over {
        if let Some(tap) = side.tries.remove(&peer) {
            failed_tell(queues, tap.order.wish.link, "NAT");
        }
    }
    if side.asking.sent > 0 {
        wait = Duration::min(wait, side.asking.next.saturating_duration_since(now));
    }
    wait = Duration::min(wait, holes_turn(side, registry, queues));
    sync_turn(side, queues, now, wait)
}

/// Ждут ли конца речи в дырах: все договорили или срок вышел — сказать.
fn sync_turn(side: &mut Side, queues: &Queues, now: Instant, wait: Duration) -> Duration {
    let Some(since) = side.sync else {
        return wait;
    };
    let mut silent = true;
    for hole in side.holes.values() {
        silent = silent && (hole.lost.is_some() || hole.pipe.is_none());
    }
    if silent || now.duration_since(since) >= Duration::from_millis(HOLE_LAST_MS) {
        side.sync = None;
        idle_tell(queues);
    }
    Duration::min(wait, Duration::from_millis(HOLE_LAST_MS / 10))
}

/// Одна посылка: STUN или, от знакомого адреса, QUIC. Прочее не слушается.
pub fn side_datagram(
    side: &mut Side,
    queues: &Queues,
    from: SocketAddr,
    meta: &RecvMeta,
    bytes: &[u8],
) {
    if stun_is(bytes) {
        match stun_read(bytes) {
            Some(Stun::Asked(token)) => tapped(side, from, &token),
            Some(Stun::Answered(token, address)) => answered(side, queues, from, &token, address),
            None => {}
        }
        return;
    }
    // Новый звонок — только оттуда, где тайное слово знают.
    let mut caller = None;
    for (peer, tap) in &side.tries {
        if tap.order.wish.link == 0 && tap.proven.contains(&from) {
            caller = Some(*peer);
        }
    }
    if let (true, Some(peer)) = (hole_datagram(side, from, meta, bytes, caller.is_some()), caller) {
        side.tries.remove(&peer);
    }
}

/// Тот конец стучит: слово верное — дыра с его стороны открыта.
fn tapped(side: &mut Side, from: SocketAddr, token: &Token) {
    for tap in side.tries.values_mut() {
        if tap.order.wish.own != *token {
            continue;
        }
        udp_send(&side.udp, from, &stun_answer(token, address_plain(from)));
        if !tap.proven.contains(&from) && tap.proven.len() < MEET_ADDRESSES {
            tap.proven.push(from);
        }
        // Адрес мог быть и не назван: маршрутизатор дал другой. Стучим и туда.
        if !tap.goals.contains(&from) && tap.goals.len() < 2 * MEET_ADDRESSES {
            tap.goals.push(from);
            udp_send(&side.udp, from, &stun_ask(&tap.order.wish.theirs));
        }
        return;
    }
}

/// Ответ: на вопрос серверу или на наш стук.
fn answered(
    side: &mut Side,
    queues: &Queues,
    from: SocketAddr,
    token: &Token,
    address: SocketAddr,
) {
    for index in 0..side.asking.tokens.len() {
        if side.asking.tokens[index] == *token {
            side.asking.found[index] = Some(address_plain(address));
            let whole = !side.asking.found.contains(&None);
            if whole && side.asking.sent > 0 {
                ask_settle(side, queues);
            }
            return;
        }
    }
    let mut open = None;
    for (peer, tap) in &side.tries {
        // Дыра открыта в обе стороны: звонит тот, у кого есть номер линии.
        if tap.order.wish.theirs == *token && tap.order.wish.link != 0 {
            open = Some(*peer);
        }
    }
    if let Some(peer) = open {
        if let Some(tap) = side.tries.remove(&peer) {
            hole_call(side, queues, tap.order, from);
        }
    }
}
