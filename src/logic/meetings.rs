//! Introductions: two people who talk through the server tell each other, sealed, where they may be
//! found, and try to reach each other directly: UDP through punched holes, TCP to open doors.
//! The one with the lower id proposes. Until a link stands everything goes on as before.
//! Знакомство: двое, кто говорит через сервер, под печатью называют друг другу, где их найти, и
//! пробуют достать друг друга напрямую: UDP через пробитые дыры, TCP в открытые двери. Предлагает
//! тот, чей номер меньше. Пока линии нет, всё идёт как шло.

use std::net::{IpAddr, SocketAddr};

use super::calls::{call_once, calls_tick};
use super::contacts::is_stranger;
use super::direct::link_new;
use super::events::{Action, BaseOrder, LinkId, Out};
use super::mesh::own_link;
use super::paths::{direct_doubt, direct_has};
use super::show::{Nat, Path, PeerState};
use super::state::{Client, Stage};
use crate::base::bounds::{
    MEET_ADDRESSES, MEET_FIRST_MS, MEET_LAST_MS, MEET_LOOK_MS, MEETS_MAX, PUNCH_MS, STUN_PORTS,
};
use crate::base::clock::Time;
use crate::base::ids::Id;
use crate::crypto::identity::PublicKey;
use crate::wire::message::{ENVELOPE_MEETING, Envelope, Meeting};
use crate::wire::stun::Token;

/// An introduction on its way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meet {
    /// The token of one's own proposal, until it is answered.
    pub own: Option<Token>,
    /// His proposal, until it is answered.
    pub theirs: Option<Meeting>,
    /// When he proposed last.
    pub heard_ms: u64,
    pub next_ms: u64,
    pub wait_ms: u64,
}

/// Two people were introduced: a hole between them is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Punch {
    /// The link to be made through it; 0: the other end calls.
    pub link: LinkId,
    pub peer: Id,
    pub key: PublicKey,
    /// What the other end taps with, and what we tap with.
    pub own: Token,
    pub theirs: Token,
    pub addresses: Vec<SocketAddr>,
}

/// Можно ли с этим человеком искать прямой путь: он контакт, а прямой линии нет. Встречу можно
/// назначить и через третьего.
fn is_wanted(client: &Client, peer: Id) -> bool {
    if !client.wishes.listen || own_link(client, peer).is_some() {
        return false;
    }
    match client.contacts.get(&peer) {
        Some(contact) => !contact.blocked && !is_stranger(contact),
        None => false,
    }
}

/// Где спрашивать о своём адресе: у этого же сервера, на портах, которые он назвал.
pub fn servers_ask(client: &Client, ports: Vec<u16>, out: &mut Out) {
    let Ok(place) = client.server.place.parse::<SocketAddr>() else {
        return;
    };
    let mut servers = Vec::new();
    for port in ports {
        if port != 0 && servers.len() < STUN_PORTS {
            servers.push(SocketAddr::new(place.ip(), port));
        }
    }
    out.actions.push(Action::Ask { servers });
}

/// Тиканье: предложить встречу тем, с кем пора; забыть тех, с кем незачем.
pub fn meets_tick(client: &mut Client, now: Time, out: &mut Out) {
    if now.mono_ms < client.meets_ms + MEET_LOOK_MS {
        return;
    }
    client.meets_ms = now.mono_ms;
    let mut wanted: Vec<Id> = Vec::new();
    for contact in client.contacts.values() {
        let online = contact.state == PeerState::Online;
        // Свой номер меньше — предлагаем мы.
        if online && client.me < contact.id && is_wanted(client, contact.id) {
            wanted.push(contact.id);
        }
    }
    for peer in wanted {
        if client.meets.len() >= MEETS_MAX && !client.meets.contains_key(&peer) {
            continue;
        }
        let meet = client.meets.entry(peer).or_default();
        if now.mono_ms >= meet.next_ms {
            meet.wait_ms = u64::clamp(meet.wait_ms * 4, MEET_FIRST_MS, MEET_LAST_MS);
            meet.next_ms = now.mono_ms + meet.wait_ms;
            meet.theirs = None;
            out.actions.push(Action::Gather { peer });
        }
    }
    let mut idle: Vec<Id> = Vec::new();
    for (peer, meet) in &client.meets {
        let online = match client.contacts.get(peer) {
            Some(contact) => contact.state == PeerState::Online,
            None => false,
        };
        if !online && now.mono_ms >= meet.heard_ms + PUNCH_MS {
            idle.push(*peer);
        }
    }
    for peer in idle {
        client.meets.remove(&peer);
    }
}

/// Мир видит нас иначе, чем прежде: что не вышло, может выйти теперь.
pub fn outside_seen(client: &mut Client, nat: Nat, address: String) {
    (client.nat, client.outside) = (nat, address);
    for meet in client.meets.values_mut() {
        (meet.wait_ms, meet.next_ms) = (0, 0);
    }
}

/// Прямая линия кончилась или сеть другая: встретиться снова, не выжидая. Сразу же — нельзя: тот
/// конец о конце линии мог ещё и не знать.
pub fn meet_again(client: &mut Client, peer: Id, now: Time) {
    if let Some(meet) = client.meets.get_mut(&peer) {
        meet.wait_ms = 0;
        meet.next_ms = now.mono_ms + MEET_LOOK_MS * 2;
    }
}

/// Известно, где нас найти, и есть тайное слово: предложить или ответить.
pub fn meet_gathered(
    client: &mut Client,
    peer: Id,
    token: Token,
    mut holes: Vec<String>,
    now: Time,
    out: &mut Out,
) {
    if !is_wanted(client, peer) {
        return;
    }
    if let (_, Some(place)) = &client.mapped {
        if !holes.contains(place) {
            holes.insert(0, place.clone());
            holes.truncate(MEET_ADDRESSES);
        }
    }
    let Some(meet) = client.meets.get_mut(&peer) else {
        return;
    };
    let theirs = meet.theirs.take();
    if theirs.is_none() && holes.is_empty() && addresses_read(&client.doors).is_empty() {
        // Назвать нечего: нас не найти.
        return;
    }
    meet.own = if theirs.is_none() { Some(token) } else { None };
    let about = match &theirs {
        Some(theirs) => theirs.token,
        None => [0; 12],
    };
    let meeting = Some(Meeting { token, about, holes, doors: client.doors.clone() });
    let envelope =
        Envelope { kind: ENVELOPE_MEETING, time: now.wall_ms, meeting, ..Envelope::default() };
    out.actions.push(Action::Base(BaseOrder::Aside { peer, envelope }));
    if let Some(theirs) = theirs {
        meet_begin(client, peer, token, &theirs, 0, now, out);
    }
}

/// Человек говорит, где его найти: предложение (лишь от того, чей номер меньше) или ответ на наше.
pub fn meeting_received(client: &mut Client, peer: Id, meeting: Meeting, now: Time, out: &mut Out) {
    let many = usize::max(meeting.holes.len(), meeting.doors.len());
    if meeting.about == [0; 12] && direct_has(client, peer) {
        // Он прямой линии не видит: быть может, её и нет.
        direct_doubt(client, peer, now);
    }
    if !is_wanted(client, peer) || many > 2 * MEET_ADDRESSES {
        return;
    }
    if client.meets.len() >= MEETS_MAX && !client.meets.contains_key(&peer) {
        return;
    }
    let meet = client.meets.entry(peer).or_default();
    if meeting.about == [0; 12] {
        // Чаще не отвечаем: каждое знакомство — стук по чужим адресам.
        let early = meet.heard_ms != 0 && now.mono_ms < meet.heard_ms + MEET_LOOK_MS;
        if peer < client.me && !early {
            meet.heard_ms = now.mono_ms;
            meet.theirs = Some(meeting);
            out.actions.push(Action::Gather { peer });
        }
        return;
    }
    if meet.own != Some(meeting.about) {
        return;
    }
    let token = meeting.about;
    meet.own = None;
    let link = client.next_link;
    client.next_link += 1;
    meet_begin(client, peer, token, &meeting, link, now, out);
}

/// Оба знают адреса друг друга: стучать в дыры и звонить в двери. `link` — номер новой линии, 0 —
/// через дыру звонит тот конец.
fn meet_begin(
    client: &mut Client,
    peer: Id,
    own: Token,
    theirs: &Meeting,
    link: LinkId,
    now: Time,
    out: &mut Out,
) {
    let Some(person) = client.people.get(&peer) else {
        return;
    };
    let (key, token) = (person.public, theirs.token);
    let addresses = addresses_read(&theirs.holes);
    if link != 0 {
        client.links.insert(link, link_new(link, peer, Path::Direct, true, now));
    }
    out.actions.push(Action::Punch(Punch { link, peer, key, own, theirs: token, addresses }));
    let mut doors = Vec::new();
    for address in addresses_read(&theirs.doors) {
        doors.push(address.to_string());
    }
    if !doors.is_empty() {
        call_once(client, peer, key, doors);
        calls_tick(client, now, out);
    }
}

/// Адреса из чужих слов: только числом, не больше положенного, и не те, где слушает неизвестно кто.
fn addresses_read(words: &[String]) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for word in words {
        if let Ok(address) = word.parse::<SocketAddr>() {
            if found.len() < MEET_ADDRESSES && address_fit(address) && !found.contains(&address) {
                found.push(address);
            }
        }
    }
    found
}

/// Стоит ли посылать по чужому слову на такой адрес: это один узел, а не все, не группа и не мы.
pub fn address_fit(address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    let broad = match ip {
        IpAddr::V4(plain) => plain.is_broadcast() || plain.is_link_local(),
        IpAddr::V6(long) => long.is_unicast_link_local(),
    };
    address.port() != 0 && !broad && !ip.is_multicast() && !ip.is_unspecified() && !ip.is_loopback()
}

/// Прямая линия стоит: прочие попытки тем же путём не нужны.
pub fn meet_done(client: &mut Client, peer: Id) -> Vec<LinkId> {
    let mut spare = Vec::new();
    for link in client.links.values() {
        let same = link.peer == peer && link.path == Path::Direct && link.called;
        if same && link.stage == Stage::Connecting {
            spare.push(link.link);
        }
    }
    spare
}
