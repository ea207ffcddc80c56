//! The net of neighbours: which contacts pass packets on, whom each of them reaches, and the table
//! made of it: distance vector, split horizon, at most HOPS_MAX links. Who somebody is, the seal
//! between the two ends says, not this table.
//! Сеть соседей: кто из контактов передаёт чужое, до кого каждый достаёт, и таблица из этого:
//! вектор расстояний, расщеплённый горизонт, не больше HOPS_MAX линий. Кто есть кто, говорит не
//! она, а печать между концами.

use std::collections::{BTreeMap, VecDeque};

use super::contacts::is_stranger;
use super::direct::direct_put;
use super::events::{LinkId, Out, Standing};
use super::mesh_carry::{Pair, Seen, THIRD_FIRST};
use super::paths::{direct_best, path_rank};
use super::show::Path;
use super::state::{Client, PeerLink, Stage};
use crate::base::bounds::{
    CARRY_BURST, HOPS_MAX, NEIGHBOURS_MAX, REACHED_MAX, ROUTES_AGAIN_MS, ROUTES_GAP_MS, ROUTES_MAX,
    THIRD_AGAIN_MS,
};
use crate::base::bucket::Bucket;
use crate::base::clock::Time;
use crate::base::fail::Fail;
use crate::base::ids::{Id, id_from_hash, id_is_person};
use crate::crypto::identity::sha256;
use crate::wire::carry::{Route, Routes};
use crate::wire::control::body_read;
use crate::wire::packets::Kind;

/// What the user wants of the packets of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CarryWish {
    /// Pass them on.
    #[default]
    On,
    /// One's own go over others, those of others are not passed on.
    Own,
    Off,
}

/// All that is known of the net.
#[derive(Debug, Default)]
pub struct Mesh {
    pub neighbours: BTreeMap<Id, Neighbour>,
    /// Who is reached over whom.
    pub table: BTreeMap<Id, Way>,
    /// Something changed since the table was made; how often it was made.
    pub dirty: bool,
    pub version: u64,
    /// Packets that were seen, by source and destination; the oldest pair is forgotten first.
    pub seen: BTreeMap<Pair, Seen>,
    pub seen_order: VecDeque<Pair>,
    /// When somebody far is greeted again; only people of the table.
    pub tries: BTreeMap<Id, Try>,
    /// Number of the next link over a third.
    pub next_third: LinkId,
}

/// A contact with a direct link, whose program knows ROUTES.
#[derive(Debug)]
pub struct Neighbour {
    /// The best direct link to him.
    pub link: LinkId,
    pub fingerprint: [u8; 32],
    /// He said something yet; he may be reached over me.
    pub heard: bool,
    pub open: bool,
    pub routes: Vec<Route>,
    /// What he was told last, over which link and when.
    pub told: Option<(bool, Vec<Route>)>,
    pub told_link: LinkId,
    pub told_ms: u64,
    pub told_version: u64,
    /// He asks for ours.
    pub asked: bool,
    /// Packets of others that he may still hand over, and when that was last counted.
    pub room: Bucket,
}

/// How somebody is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    pub next: Id,
    /// Links between him and me; 1 = a neighbour.
    pub distance: u8,
    pub fingerprint: [u8; 32],
}

/// When somebody far may be greeted again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Try {
    pub next_ms: u64,
    pub wait_ms: u64,
    /// Since when the last link to him stood.
    pub up_ms: Option<u64>,
}

/// Годится ли человек в соседи: из своих контактов и не закрыт.
pub fn is_friend(client: &Client, id: Id) -> bool {
    match client.contacts.get(&id) {
        Some(contact) => {
            let known = !is_stranger(contact) && contact.standing != Standing::Member;
            known && !contact.blocked
        }
        None => false,
    }
}

/// Закрыт ли этот человек: ни от него, ни через него, ни к нему.
pub fn is_shut(client: &Client, id: Id) -> bool {
    match client.contacts.get(&id) {
        Some(contact) => contact.blocked,
        None => false,
    }
}

/// Прямая линия с человеком без третьих: самая лучшая из тех, что стоят.
pub fn own_link(client: &Client, peer: Id) -> Option<LinkId> {
    match direct_best(client, peer) {
        // Линия через третьего хуже любой прямой: лучшая она, лишь когда прямой нет.
        Some(found) if found.path != Path::Third => Some(found.link),
        Some(_) | None => None,
    }
}

/// Сверяет соседей с линиями: новые заводятся, ушедшие забываются вместе с их словами.
fn neighbours_sync(client: &mut Client, now: Time) {
    let mut present: BTreeMap<Id, &PeerLink> = BTreeMap::new();
    for (_, link) in client.links.range(..THIRD_FIRST) {
        if link.stage != Stage::Up || !link.carries || !is_friend(client, link.peer) {
            continue;
        }
        let better = match present.get(&link.peer) {
            Some(known) => path_rank(link.path) < path_rank(known.path),
            None => present.len() < NEIGHBOURS_MAX,
        };
        if better {
            present.insert(link.peer, link);
        }
    }
    let mut links: Vec<(Id, LinkId, [u8; 32])> = Vec::new();
    for (id, link) in &present {
        links.push((*id, link.link, link.key));
    }
    let mesh = &mut client.mesh;
    let mut gone: Vec<Id> = Vec::new();
    for id in mesh.neighbours.keys() {
        if !links_hold(&links, *id) {
            gone.push(*id);
        }
    }
    for id in gone {
        mesh.neighbours.remove(&id);
        mesh.dirty = true;
    }
    for (id, link, key) in links {
        if let Some(known) = mesh.neighbours.get_mut(&id) {
            known.link = link;
            continue;
        }
        mesh.dirty = true;
        let fresh = Neighbour {
            link,
            fingerprint: sha256(&key),
            heard: false,
            open: false,
            routes: Vec::new(),
            told: None,
            told_link: link,
            told_ms: 0,
            told_version: 0,
            asked: false,
            room: Bucket { room: CARRY_BURST, counted_ms: now.mono_ms },
        };
        mesh.neighbours.insert(id, fresh);
    }
}

/// Есть ли этот человек среди стоящих линий (они по порядку номеров).
fn links_hold(links: &[(Id, LinkId, [u8; 32])], id: Id) -> bool {
    for (known, _, _) in links {
        if *known == id {
            return true;
        }
    }
    false
}

/// ROUTES соседа: до кого он достаёт. Незнакомому на слово не верят ни в чём.
pub fn routes_received(client: &mut Client, link: LinkId, data: &[u8]) -> Result<(), Fail> {
    let body: Routes = body_read("ROUTES", data)?;
    let Some(found) = client.links.get(&link) else {
        return Ok(());
    };
    let (peer, me) = (found.peer, client.me);
    let Some(neighbour) = client.mesh.neighbours.get_mut(&peer) else {
        tracing::debug!("ROUTES of somebody who is no neighbour");
        return Ok(());
    };
    neighbour.heard = true;
    neighbour.asked = neighbour.asked || body.asks;
    let mut kept: Vec<Route> = Vec::new();
    for route in body.routes {
        let near = route.distance > 0 && route.distance < HOPS_MAX;
        let fits = id_is_person(route.id) && id_from_hash(&route.fingerprint) == route.id;
        if kept.len() < ROUTES_MAX && near && fits && route.id != me && route.id != peer {
            kept.push(route);
        }
    }
    if neighbour.open != body.open || neighbour.routes != kept {
        (neighbour.open, neighbour.routes) = (body.open, kept);
        client.mesh.dirty = true;
    }
    Ok(())
}

/// Делает таблицу заново: сначала соседи, потом всё дальше. Из равных остаётся прежний путь.
fn table_make(client: &mut Client, now: Time) {
    let old = std::mem::take(&mut client.mesh.table);
    let mut table: BTreeMap<Id, Way> = BTreeMap::new();
    let far = if client.wishes.carry == CarryWish::Off { 0 } else { HOPS_MAX };
    for (id, neighbour) in &client.mesh.neighbours {
        if neighbour.open && far > 0 {
            let fingerprint = neighbour.fingerprint;
            table.insert(*id, Way { next: *id, distance: 1, fingerprint });
        }
    }
    for distance in 1..far {
        for (next, neighbour) in &client.mesh.neighbours {
            for route in &neighbour.routes {
                if route.distance == distance && route_fits(client, route) {
                    let fingerprint = route.fingerprint;
                    let way = Way { next: *next, distance: distance + 1, fingerprint };
                    way_offer(&mut table, &old, route.id, way);
                }
            }
        }
    }
    let mut tries: BTreeMap<Id, Try> = BTreeMap::new();
    for (id, found) in &client.mesh.tries {
        // Путь лёг иначе — прежние неудачи ничего не значат; недавний успех помнится.
        match (table.get(id), old.get(id)) {
            (Some(way), Some(before)) if way.next == before.next => tries.insert(*id, *found),
            (_, _) if is_hasty(found, now) => {
                tries.insert(*id, Try { up_ms: found.up_ms, ..Try::default() })
            }
            (_, _) => None,
        };
    }
    let mesh = &mut client.mesh;
    (mesh.table, mesh.tries, mesh.dirty) = (table, tries, false);
    mesh.version += 1;
}

/// Недавно ли вставала линия с этим человеком: каждая новая — повод послать всё снова.
pub fn is_hasty(known: &Try, now: Time) -> bool {
    match known.up_ms {
        Some(up_ms) => now.mono_ms < up_ms + THIRD_AGAIN_MS,
        None => false,
    }
}

/// Годится ли чужой путь: человек не закрыт, и ключ тот, что за ним закреплён.
fn route_fits(client: &Client, route: &Route) -> bool {
    match client.people.get(&route.id) {
        Some(person) if sha256(&person.public) != route.fingerprint => false,
        Some(_) | None => !is_shut(client, route.id),
    }
}

/// Кладёт путь в таблицу, если он короче известного или такой же длины, но прежний.
fn way_offer(table: &mut BTreeMap<Id, Way>, old: &BTreeMap<Id, Way>, id: Id, way: Way) {
    if let Some(known) = table.get(&id) {
        let same = match old.get(&id) {
            Some(before) => before.next == way.next,
            None => false,
        };
        if known.distance < way.distance || !same {
            return;
        }
    } else if table.len() >= REACHED_MAX {
        return;
    }
    table.insert(id, way);
}

/// Что сказать этому соседу: ближние раньше; ни о нём самом, ни о тех, к кому путь через него.
fn routes_for(client: &Client, peer: Id) -> (bool, Vec<Route>) {
    let mut list: Vec<Route> = Vec::new();
    if client.wishes.carry != CarryWish::On {
        return (client.wishes.carry == CarryWish::Own, list);
    }
    for distance in 1..HOPS_MAX {
        for (id, way) in &client.mesh.table {
            let his = way.next == peer || *id == peer;
            if way.distance == distance && !his && list.len() < ROUTES_MAX {
                list.push(Route { id: *id, distance, fingerprint: way.fingerprint });
            }
        }
    }
    (true, list)
}

/// Говорит соседям, что переменилось, каждому не чаще раза в ROUTES_GAP_MS.
fn routes_send(client: &mut Client, now: Time, out: &mut Out) {
    let mut due: Vec<(Id, bool)> = Vec::new();
    for (id, neighbour) in &client.mesh.neighbours {
        let gap = if neighbour.told.is_none() { 0 } else { ROUTES_GAP_MS };
        let moved = neighbour.told_link != neighbour.link || neighbour.asked;
        let late = now.mono_ms >= neighbour.told_ms + ROUTES_AGAIN_MS && !neighbour.heard;
        let news = neighbour.told_version != client.mesh.version;
        if now.mono_ms >= neighbour.told_ms + gap && (moved || late || news) {
            due.push((*id, moved || late));
        }
    }
    for (id, again) in due {
        let (open, routes) = routes_for(client, id);
        let Some(neighbour) = client.mesh.neighbours.get_mut(&id) else {
            continue;
        };
        neighbour.told_version = client.mesh.version;
        let same = match &neighbour.told {
            Some((told_open, told)) => *told_open == open && *told == routes,
            None => false,
        };
        if same && !again {
            continue;
        }
        let (link, asks) = (neighbour.link, !neighbour.heard);
        neighbour.told_link = link;
        neighbour.told_ms = now.mono_ms;
        neighbour.asked = false;
        let body = Routes { open, asks, routes };
        direct_put(client, link, Kind::Routes, &body, out);
        if let Some(neighbour) = client.mesh.neighbours.get_mut(&id) {
            neighbour.told = Some((open, body.routes));
        }
    }
}

/// Тиканье сети: соседи, таблица, линии через третьих, слова соседям.
pub fn mesh_tick(client: &mut Client, now: Time, out: &mut Out) {
    neighbours_sync(client, now);
    if client.mesh.dirty {
        table_make(client, now);
    }
    super::thirds::thirds_tick(client, now, out);
    routes_send(client, now, out);
}

/// Настройка `carry` меняется на ходу.
pub fn carry_wish(client: &mut Client, value: &str) {
    client.wishes.carry = carry_word(value);
    client.mesh.dirty = true;
}

/// Значение настройки `carry`.
pub fn carry_word(value: &str) -> CarryWish {
    match value {
        "off" => CarryWish::Off,
        "own" => CarryWish::Own,
        _ => CarryWish::On,
    }
}
