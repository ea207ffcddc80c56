//! Paths to a person: which link carries everything to him now (lan, then direct, then over a
//! third, then the relay), and what follows when the best one changes.
//! Пути к человеку: по какой линии сейчас идёт к нему всё (своя сеть, прямая, через третьего,
//! сервер) и что следует, когда лучший путь сменился.

use std::collections::BTreeSet;

use super::contacts::{contact_name, contact_state};
use super::direct::link_end;
use super::events::{LinkId, Out, out_show};
use super::messages::outbox_again;
use super::show::{LinkShow, Path, PathShow, PeerState, Show};
use super::state::{Client, PeerLink, Stage};
use super::transfers::{transfers_pause, transfers_wake};
use crate::base::bounds::{DIRECT_DOUBT_MS, DIRECT_SILENT_MS, KEY_AGAIN_MS, RESEND_MS};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::wire::control::{WAY_DIRECT, WAY_LAN, WAY_MANUAL};

/// Чем меньше, тем лучше.
pub fn path_rank(path: Path) -> u8 {
    match path {
        Path::Lan => 0,
        Path::Direct | Path::Manual => 1,
        Path::Third => 2,
        Path::Relay => 3,
    }
}

/// Число пути в HELLO.
pub fn way_code(path: Path) -> u8 {
    match path {
        Path::Lan => WAY_LAN,
        Path::Manual => WAY_MANUAL,
        Path::Direct | Path::Third | Path::Relay => WAY_DIRECT,
    }
}

/// Путь по числу из HELLO; незнакомое число — просто прямой.
pub fn way_path(code: Option<u8>) -> Path {
    match code {
        Some(WAY_LAN) => Path::Lan,
        Some(WAY_MANUAL) => Path::Manual,
        Some(_) | None => Path::Direct,
    }
}

/// Лучшая из прямых линий с человеком, которые стоят.
pub fn direct_best(client: &Client, peer: Id) -> Option<&PeerLink> {
    let mut best: Option<&PeerLink> = None;
    for link in client.links.values() {
        if link.peer != peer || link.stage != Stage::Up {
            continue;
        }
        let better = match best {
            Some(found) => path_rank(link.path) < path_rank(found.path),
            None => true,
        };
        if better {
            best = Some(link);
        }
    }
    best
}

/// Есть ли с человеком прямая линия.
pub fn direct_has(client: &Client, peer: Id) -> bool {
    direct_best(client, peer).is_some()
}

/// Линия, по которой сейчас идёт всё к этому человеку; `None` — пути нет.
pub fn way_link(client: &Client, peer: Id) -> Option<LinkId> {
    if let Some(found) = direct_best(client, peer) {
        return Some(found.link);
    }
    if client.server.stage == Stage::Up {
        return Some(client.server.link);
    }
    None
}

/// Все, с кем прямая линия стоит.
pub fn direct_peers(client: &Client) -> BTreeSet<Id> {
    let mut peers = BTreeSet::new();
    for link in client.links.values() {
        if link.stage == Stage::Up {
            peers.insert(link.peer);
        }
    }
    peers
}

/// Лучшая прямая линия как она есть: чтобы заметить перемену.
pub fn best_now(client: &Client, peer: Id) -> Option<LinkId> {
    match direct_best(client, peer) {
        Some(found) => Some(found.link),
        None => None,
    }
}

/// На связи ли человек: прямая линия говорит сама, иначе верим серверу.
pub fn presence_settle(client: &mut Client, peer: Id, out: &mut Out) {
    let direct = direct_has(client, peer);
    let Some(contact) = client.contacts.get_mut(&peer) else {
        return;
    };
    if direct {
        contact.refused = false;
    }
    let state = match (direct, contact.refused, contact.relay) {
        (true, _, _) => PeerState::Online,
        (false, true, PeerState::Unknown | PeerState::Offline) => PeerState::Refused,
        (false, _, relay) => relay,
    };
    contact_state(client, peer, state, out);
}

/// Лучший путь к человеку мог смениться: `before` — лучшая прямая линия прежде. Что было в пути по
/// прежней, посылается по новой: повторы получатель узнаёт; файлы продолжаются с того, что есть.
pub fn path_settle(
    client: &mut Client,
    peer: Id,
    before: Option<LinkId>,
    lost: Option<(&Fail, Path)>,
    now: Time,
    out: &mut Out,
) {
    let after = best_now(client, peer);
    if before == after {
        return;
    }
    presence_settle(client, peer, out);
    path_show(client, peer, lost, out);
    if let Some(contact) = client.contacts.get_mut(&peer) {
        outbox_again(contact);
        if after.is_some() {
            // Лежащее на сервере могло и не дойти: человек, быть может, к серверу не придёт.
            for entry in &mut contact.outbox {
                entry.stored = false;
            }
        }
        contact.resend_ms = RESEND_MS;
        contact.key_asked_ms = None;
        contact.key_wait_ms = KEY_AGAIN_MS;
        contact.held = false;
        client.pump.insert(peer);
    }
    let none = fail(FailKind::None, "");
    let reason = match lost {
        Some((failed, _)) => failed,
        None => &none,
    };
    transfers_pause(client, Some(peer), reason, now, out);
    transfers_wake(client, peer, now, out);
}

/// Сервер говорит, что человек ушёл: прямая линия с ним, быть может, уже мертва. Спросить сейчас и
/// недолго ждать ответа.
pub fn direct_doubt(client: &mut Client, peer: Id, now: Time) {
    let quiet = now.mono_ms.saturating_sub(DIRECT_SILENT_MS - DIRECT_DOUBT_MS);
    for link in client.links.values_mut() {
        if link.peer == peer && link.stage == Stage::Up {
            (link.heard_ms, link.pinged_ms, link.doubt) = (quiet, 0, true);
        }
    }
}

/// Человек снова у сервера, а прямая линия молчит с тех пор, как он пропал: её нет.
pub fn direct_bury(client: &mut Client, peer: Id, now: Time, out: &mut Out) {
    let mut dead: Vec<LinkId> = Vec::new();
    for link in client.links.values() {
        if link.peer == peer && link.doubt {
            dead.push(link.link);
        }
    }
    for link in dead {
        link_end(client, link, fail(FailKind::LinkSilent, ""), now, out);
    }
}

/// Показывает, каким путём теперь идёт всё к человеку и почему.
/// `lost` — чего не стало и каким путём оно было.
pub fn path_show(client: &Client, peer: Id, lost: Option<(&Fail, Path)>, out: &mut Out) {
    let (reason, before) = match lost {
        Some((failed, path)) => (Some(failed.clone()), path),
        None => (None, Path::Direct),
    };
    let mut shown = PathShow {
        peer,
        name: contact_name(client, peer),
        state: LinkShow::Up,
        path: Path::Relay,
        address: String::new(),
        via: String::new(),
        reason,
        retry_ms: 0,
    };
    if let Some(found) = direct_best(client, peer) {
        shown.path = found.path;
        shown.address = found.address.clone();
        if found.path == Path::Third {
            shown.via = contact_name(client, found.third.via);
        }
        if !client.contacts.contains_key(&peer) && !found.name.is_empty() {
            shown.name = found.name.clone();
        }
    } else {
        let reached = match client.contacts.get(&peer) {
            Some(contact) => contact.relay == PeerState::Online,
            None => false,
        };
        if !reached || client.server.stage != Stage::Up {
            shown.state = LinkShow::Down;
            shown.path = before;
        }
    }
    out_show(out, Show::PeerLink(shown));
}

/// Причины, после которых звонить снова бессмысленно: решать человеку.
pub fn for_good(kind: FailKind) -> bool {
    matches!(
        kind,
        FailKind::SignedElsewhere
            | FailKind::ServerWrong
            | FailKind::ServerUnknown
            | FailKind::IdTaken
            | FailKind::HelloVersion
            | FailKind::KeyBad
            | FailKind::CertificateBad
    )
}
