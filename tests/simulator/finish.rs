//! The end of a run: is everything quiet, and does the ledger add up.
//! Конец прогона: всё ли затихло и сходится ли книга.

use supertext::logic::events::Command;
use supertext::logic::show::PeerState;
use supertext::logic::state::Stage;

use super::ledger::node_of;
use super::mail::mail_check;
use super::mesh::unseen;
use super::texts::texts_check;
use super::user::user_types;
use super::world::{World, world_broken};

/// Что ещё не затихло; `None` — всё доставлено и закончено.
pub fn unsettled(world: &World) -> Option<String> {
    if !world.server.alive && !world.plan.mesh {
        return Some(String::from("the server is down"));
    }
    for (index, node) in world.nodes.iter().enumerate() {
        if node.left.is_some() {
            continue;
        }
        if !node.alive {
            return Some(format!("client{index} is down"));
        }
        let client = &node.client;
        if client.server.stage != Stage::Up && !world.plan.mesh {
            return Some(format!("client{index} has stage {:?}", client.server.stage));
        }
        if let (true, Some(why)) = (world.plan.mesh, unseen(world, index)) {
            return Some(why);
        }
        if !client.questions.is_empty() {
            return Some(format!("client{index} waits for an answer"));
        }
        for contact in client.contacts.values() {
            // Подделанное на сервере посылается снова лишь тому, о ком видно, что он на связи.
            let unseen = contact.state != PeerState::Online && world.plan.tamper;
            let known = !(contact.outbox.is_empty() || unseen && contact.outbox[0].stored);
            if known && !peer_left(world, contact.id) {
                let (many, first) = (contact.outbox.len(), &contact.outbox[0]);
                return Some(format!(
                    "client{index}: {many} messages wait for {}, first of kind {}, kept {}, \
                     sealed {}, sent {}, stored {}",
                    contact.id,
                    first.envelope.kind,
                    first.kept,
                    first.packet.is_some(),
                    first.sent,
                    first.stored
                ));
            }
        }
        for state in client.transfers.values() {
            let spam = in_spam(world, index, state.facts.peer);
            if !peer_left(world, state.facts.peer) && !spam {
                let way = if state.outgoing { "to" } else { "from" };
                return Some(format!(
                    "client{index}: transfer {} ({}) {way} {} is {:?}, {} of {} moved",
                    state.number,
                    state.facts.name,
                    state.facts.peer,
                    state.phase,
                    state.moved,
                    state.packets
                ));
            }
        }
    }
    if !world.server.orders.is_empty() || world.server.mail.begun {
        return Some(String::from("the server's mail is being written"));
    }
    for (dest, mailbox) in &world.server.server.mailboxes {
        if !peer_left(world, *dest) {
            return Some(format!("{} letters wait at the server for {dest}", mailbox.count));
        }
    }
    None
}

/// Стоит ли один из двоих у другого в спаме: их передачи ждут без ответа.
fn in_spam(world: &World, node: usize, peer: u64) -> bool {
    let Some(other) = node_of(world, peer) else {
        return false;
    };
    world.ledger.spam.contains(&(node, other)) || world.ledger.spam.contains(&(other, node))
}

/// Этот человек ушёл насовсем.
fn peer_left(world: &World, id: u64) -> bool {
    match node_of(world, id) {
        Some(node) => world.nodes[node].left.is_some(),
        None => false,
    }
}

/// Сверяет книгу, когда всё затихло.
pub fn ledger_check(world: &mut World) {
    texts_check(world);
    mail_check(world);
    files_check(world);
    budgets_check(world);
}

/// Файлы: не отменённые и не отвергнутые готовы с обеих сторон.
fn files_check(world: &mut World) {
    let mut wrong: Vec<String> = Vec::new();
    for case in world.ledger.files.values() {
        let away = world.nodes[case.from].left.is_some() || world.nodes[case.to].left.is_some();
        let spam = in_spam(world, case.from, world.nodes[case.to].id);
        if away || spam || case.cancelled || case.refused || case.broken {
            continue;
        }
        if !case.done_sender || !case.done_receiver {
            wrong.push(format!(
                "{} of client{} to client{}: done there {}, known here {}",
                case.path, case.from, case.to, case.done_receiver, case.done_sender
            ));
        }
    }
    for detail in wrong {
        world_broken(world, "file-lost", &detail);
    }
}

/// Лимиты: начальное и пополнения без цен — ровно то, что осталось.
fn budgets_check(world: &mut World) {
    let mut wrong: Vec<String> = Vec::new();
    for ((node, peer), must) in &world.ledger.budgets {
        let place = &world.nodes[*node];
        if place.left.is_some() {
            continue;
        }
        let has = match place.client.contacts.get(peer) {
            Some(contact) => (contact.messages_left, contact.files_left),
            None => continue,
        };
        let mut row_found = false;
        for row in &place.disk.limits {
            row_found = row_found || (row.id == *peer && (row.messages, row.files) == *must);
        }
        if has != *must || !row_found {
            wrong.push(format!("client{node} for {peer}: {has:?} left, must be {must:?}"));
        }
    }
    for detail in wrong {
        world_broken(world, "budget", &detail);
    }
}

/// Ввод кончился у всех: каждый уйдёт, когда всё доставлено.
pub fn drain_start(world: &mut World) {
    for node in 0..world.nodes.len() {
        user_types(world, node, Command::EndOfInput);
    }
}

/// Все ушли; с кодом 0, если не ждали того, кто ушёл раньше.
pub fn drain_check(world: &mut World) {
    for node in 0..world.nodes.len() {
        let excused = world.plan.leaver || world.plan.dier.is_some();
        let excused = excused || !world.ledger.spam.is_empty();
        let left = world.nodes[node].left;
        if left.is_none() || (left != Some(0) && !excused) {
            world_broken(world, "drain", &format!("client{node} left: {left:?}"));
        }
    }
}
