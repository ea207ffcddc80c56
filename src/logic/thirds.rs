//! Links over a third: greeted, kept alive and ended like direct ones, but their packets travel
//! inside CARRY and nothing proves who is at the other end: only the seal of what comes does.
//! Линии через третьего: здороваются, живут и кончаются, как прямые, но пакеты их едут внутри
//! CARRY, и кто на том конце, не доказывает ничто, кроме печати на пришедшем.

use super::client::PROGRAM;
use super::direct::{direct_down, direct_put, link_new};
use super::events::{LinkId, Out};
use super::mesh::{CarryWish, Way, is_friend, is_hasty, own_link};
use super::mesh_carry::{THIRD_FIRST, carry_wrap};
use super::paths::{best_now, path_settle};
use super::show::Path;
use super::state::{Client, PeerLink, Stage, Third};
use crate::base::bounds::{
    STRANGER_LINKS_MAX, THIRD_AGAIN_MS, THIRD_HELLO_MS, THIRD_PING_MS, THIRD_SILENT_MS,
    THIRD_WAIT_MAX_MS,
};
use crate::base::clock::Time;
use crate::base::fail::{FailKind, fail};
use crate::base::ids::Id;
use crate::crypto::identity::sha256;
use crate::wire::carry::FEATURE_CARRY;
use crate::wire::control::{HelloDirect, PROTOCOL_VERSION, Ping, Quit, WAY_THIRD, body_read};
use crate::wire::packets::Kind;

/// Линия через третьего к этому человеку.
pub fn third_find(client: &Client, peer: Id) -> Option<&PeerLink> {
    for (_, link) in client.links.range(THIRD_FIRST..) {
        if link.peer == peer {
            return Some(link);
        }
    }
    None
}

/// Идёт ли сейчас всё к этому человеку через третьего.
pub fn third_goes(client: &Client, peer: Id) -> bool {
    third_find(client, peer).is_some() && own_link(client, peer).is_none()
}

/// Заводит линию к человеку по пути из таблицы; счёт её пакетов начинается заново.
fn third_make(client: &mut Client, peer: Id, way: &Way, stage: Stage, now: Time) -> Option<LinkId> {
    let over = client.mesh.neighbours.get(&way.next)?.link;
    let link = THIRD_FIRST + client.mesh.next_third;
    client.mesh.next_third = (client.mesh.next_third + 1) % THIRD_FIRST;
    let stream = (client.run as u32) ^ link;
    let mut made = link_new(link, peer, Path::Third, false, now);
    made.stage = stage;
    made.third = Third { me: client.me, via: way.next, over, stream, number: 0 };
    client.links.insert(link, made);
    Some(link)
}

/// Шлёт HELLO; `calls` — от того, кто ищет: ответа ждут только на такое.
fn hello_put(client: &Client, link: LinkId, calls: bool, now: Time, out: &mut Out) {
    let hello = HelloDirect {
        version: PROTOCOL_VERSION,
        features: FEATURE_CARRY,
        clock: now.wall_ms,
        program: String::from(PROGRAM),
        way: if calls { Some(WAY_THIRD) } else { None },
        name: None,
    };
    direct_put(client, link, Kind::Hello, &hello, out);
}

/// HELLO через третьего: ответ на наше или просьба о линии.
pub fn third_hello(client: &mut Client, source: Id, data: &[u8], now: Time, out: &mut Out) {
    let read: Result<HelloDirect, _> = body_read("HELLO", data);
    let Ok(hello) = read else {
        return;
    };
    if hello.version != PROTOCOL_VERSION || !is_welcome(client, source) {
        return;
    }
    let Some(way) = client.mesh.table.get(&source).cloned() else {
        return;
    };
    let calls = hello.way.is_some();
    let before = best_now(client, source);
    let known = match third_find(client, source) {
        Some(found) => Some((found.link, found.stage, found.since_ms)),
        None => None,
    };
    let mut link = None;
    match known {
        Some((known, Stage::Up, since_ms)) if !calls || now.mono_ms < since_ms + THIRD_AGAIN_MS => {
            link = Some(known);
        }
        // Он начал заново: посланное прежней его программе могло пропасть.
        Some((known, Stage::Up, _)) => {
            client.links.remove(&known);
        }
        Some((known, _, _)) => {
            if let Some(found) = client.links.get_mut(&known) {
                found.stage = Stage::Up;
                (found.since_ms, found.heard_ms) = (now.mono_ms, now.mono_ms);
            }
            link = Some(known);
        }
        None if !calls || is_early(client, source, now) => return,
        None => {}
    }
    if link.is_none() {
        link = third_make(client, source, &way, Stage::Up, now);
    }
    let Some(link) = link else {
        return;
    };
    if calls {
        hello_put(client, link, false, now, out);
    }
    let known = client.mesh.tries.entry(source).or_default();
    known.up_ms = Some(now.mono_ms);
    path_settle(client, source, before, None, now, out);
}

/// Не слишком ли часто встаёт линия с этим человеком.
fn is_early(client: &Client, source: Id, now: Time) -> bool {
    match client.mesh.tries.get(&source) {
        Some(known) => is_hasty(known, now),
        None => false,
    }
}

/// Говорят ли с этим человеком через третьего: правила те же, что у двери.
fn is_welcome(client: &Client, source: Id) -> bool {
    if is_friend(client, source) {
        return true;
    }
    let blocked = match client.contacts.get(&source) {
        Some(contact) => contact.blocked,
        None => false,
    };
    let mut strangers = 0;
    for (_, link) in client.links.range(THIRD_FIRST..) {
        if !is_friend(client, link.peer) && link.peer != source {
            strangers += 1;
        }
    }
    !blocked && !client.wishes.contacts_only && strangers < STRANGER_LINKS_MAX
}

/// Тиканье: что переменилось в таблице, кому пора PING, кто молчит, с кем поздороваться.
pub fn thirds_tick(client: &mut Client, now: Time, out: &mut Out) {
    let mut links: Vec<LinkId> = Vec::new();
    for (link, _) in client.links.range(THIRD_FIRST..) {
        links.push(*link);
    }
    for link in links {
        third_check(client, link, now, out);
    }
    if client.wishes.carry != CarryWish::Off {
        thirds_start(client, now, out);
    }
}

/// Одна линия: есть ли ещё путь, тот же ли он, жив ли тот конец.
fn third_check(client: &mut Client, link: LinkId, now: Time, out: &mut Out) {
    let Some(found) = client.links.get(&link) else {
        return;
    };
    let (peer, stage, via, over) = (found.peer, found.stage, found.third.via, found.third.over);
    let silent = now.mono_ms.saturating_sub(found.heard_ms);
    if !is_welcome(client, peer) {
        return third_end(client, link, FailKind::Stranger, now, out);
    }
    if client.wishes.carry == CarryWish::Off {
        return third_end(client, link, FailKind::Leaving, now, out);
    }
    let Some(way) = client.mesh.table.get(&peer).cloned() else {
        return direct_down(client, link, fail(FailKind::PeerOffline, ""), now, out);
    };
    let patience = if stage == Stage::Up { THIRD_SILENT_MS } else { THIRD_HELLO_MS };
    if silent >= patience {
        return direct_down(client, link, fail(FailKind::LinkSilent, ""), now, out);
    }
    let now_over = match client.mesh.neighbours.get(&way.next) {
        Some(neighbour) => neighbour.link,
        None => over,
    };
    let own = own_link(client, peer).is_some();
    if way.distance > 1 && (way.next != via || now_over != over) {
        return third_move(client, link, &way, now, out);
    }
    if stage == Stage::Up && !own && silent >= THIRD_PING_MS {
        if let Some(found) = client.links.get_mut(&link) {
            if now.mono_ms < found.pinged_ms + THIRD_PING_MS {
                return;
            }
            found.pinged_ms = now.mono_ms;
        }
        let ping = Ping { number: now.mono_ms, clock: now.wall_ms };
        direct_put(client, link, Kind::Ping, &ping, out);
    }
}

/// Кончает линию сам: тот конец узнаёт об этом сразу, а не по тишине.
fn third_end(client: &mut Client, link: LinkId, kind: FailKind, now: Time, out: &mut Out) {
    direct_put(client, link, Kind::Quit, &Quit { reason: kind as u16 }, out);
    carry_wrap(client, out);
    direct_down(client, link, fail(kind, ""), now, out);
}

/// Путь лёг через другого: линия та же, но посланное по-старому могло пропасть.
fn third_move(client: &mut Client, link: LinkId, way: &Way, now: Time, out: &mut Out) {
    let Some(old) = client.links.get(&link) else {
        return;
    };
    let (peer, stage, heard_ms) = (old.peer, old.stage, old.heard_ms);
    if stage != Stage::Up {
        client.links.remove(&link);
        return;
    }
    let before = best_now(client, peer);
    client.links.remove(&link);
    if let Some(fresh) = third_make(client, peer, way, Stage::Up, now) {
        if let Some(made) = client.links.get_mut(&fresh) {
            made.heard_ms = heard_ms;
        }
    }
    path_settle(client, peer, before, None, now, out);
}

/// Здоровается с теми, кто нужен, достижим и с кем прямой линии нет.
fn thirds_start(client: &mut Client, now: Time, out: &mut Out) {
    let mut due: Vec<(Id, Way)> = Vec::new();
    for (id, way) in &client.mesh.table {
        if way.distance < 2 || !is_wanted(client, *id) {
            continue;
        }
        let waits = match client.mesh.tries.get(id) {
            Some(known) => now.mono_ms < known.next_ms || is_hasty(known, now),
            None => false,
        };
        if !waits && best_now(client, *id).is_none() && third_find(client, *id).is_none() {
            due.push((*id, way.clone()));
        }
    }
    for (id, way) in due {
        let known = client.mesh.tries.entry(id).or_default();
        known.wait_ms = u64::clamp(known.wait_ms * 2, THIRD_HELLO_MS, THIRD_WAIT_MAX_MS);
        known.next_ms = now.mono_ms + known.wait_ms;
        if let Some(link) = third_make(client, id, &way, Stage::Greeting, now) {
            hello_put(client, link, true, now, out);
        }
    }
}

/// Нужна ли линия с этим человеком: он в контактах, или ему есть что послать.
fn is_wanted(client: &Client, id: Id) -> bool {
    match client.contacts.get(&id) {
        Some(contact) if contact.blocked => false,
        Some(contact) => is_friend(client, contact.id) || !contact.outbox.is_empty(),
        None => false,
    }
}

/// Тот ли это ключ, что назвал путь к этому человеку.
pub fn third_key_fits(client: &Client, peer: Id, public: &[u8; 32]) -> bool {
    match client.mesh.table.get(&peer) {
        Some(way) => way.fingerprint == sha256(public),
        None => false,
    }
}

/// Программа уходит: попрощаться с далёкими, пока соседи ещё здесь.
pub fn thirds_leave(client: &mut Client, out: &mut Out) {
    let mut links: Vec<LinkId> = Vec::new();
    for (link, found) in client.links.range(THIRD_FIRST..) {
        if found.stage == Stage::Up {
            links.push(*link);
        }
    }
    for link in links {
        direct_put(client, link, Kind::Quit, &Quit { reason: FailKind::Leaving as u16 }, out);
    }
    carry_wrap(client, out);
    let _ = client.links.split_off(&THIRD_FIRST);
}
