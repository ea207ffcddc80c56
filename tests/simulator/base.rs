//! The model history.db of a client: outgoing messages are kept before they are sent, incoming
//! ones before they are shown. Sometimes the disk refuses: then nothing is stored until the logic
//! has learned of it.
//! Изображённая history.db клиента: исходящее хранится раньше, чем отправлено, входящее — раньше,
//! чем показано. Иногда диск отказывает: тогда ничего не хранится, пока логика не узнает.

use supertext::base::fail::{FailKind, fail};
use supertext::base::ids::Id;
use supertext::logic::events::{BaseOrder, OutboxRow};
use supertext::wire::message::{ENVELOPE_TEXT, MessageId};

use super::ledger::node_of;
use super::random::random_chance;
use super::saver::node_tell;
use super::world::{Report, World, world_broken};

/// Исполняет приказ; после отказа всё до `Retry` пропадает.
pub fn base_run(world: &mut World, node: usize, order: BaseOrder) {
    if matches!(order, BaseOrder::Retry) {
        world.nodes[node].base_broken = false;
        return;
    }
    if world.nodes[node].base_broken {
        return;
    }
    if !world.healed && random_chance(&mut world.random, world.plan.base_fails) {
        world.nodes[node].base_broken = true;
        let fail = fail(FailKind::DiskFull, "history.db");
        node_tell(world, node, Report::BaseFailed { fail });
        return;
    }
    let disk = &mut world.nodes[node].disk;
    match order {
        BaseOrder::Keep { peer, envelope } => {
            let sequence = envelope.sequence;
            disk.sequences.insert(peer, sequence + 1);
            disk.outbox.insert((peer, sequence), OutboxRow { peer, envelope });
            node_tell(world, node, Report::Kept { peer, sequence });
        }
        BaseOrder::Accept { row, envelope, .. } => {
            let peer = row.peer;
            disk.orders.insert(peer, row);
            if envelope.kind == ENVELOPE_TEXT {
                text_stored(world, node, peer, &envelope.id);
            }
            node_tell(world, node, Report::Accepted { peer, envelope });
        }
        BaseOrder::Confirm { peer, message, .. } => {
            let mut found = None;
            for (key, row) in &disk.outbox {
                if key.0 == peer && row.envelope.id == message {
                    found = Some(*key);
                }
            }
            if let Some(key) = found {
                disk.outbox.remove(&key);
            }
        }
        BaseOrder::Forget { peer } => {
            let mut kept = std::collections::BTreeMap::new();
            for (key, row) in &disk.outbox {
                if key.0 != peer {
                    kept.insert(*key, row.clone());
                }
            }
            disk.outbox = kept;
        }
        // Прочитанное и вопросы о прошлом книге безразличны.
        BaseOrder::Seen { .. } | BaseOrder::Past { .. } | BaseOrder::Retry => {}
    }
}

/// Текст лёг в историю получателя: один раз за всю жизнь его диска, через любые крахи.
fn text_stored(world: &mut World, node: usize, peer: Id, message: &MessageId) {
    let Some(from) = node_of(world, peer) else {
        return;
    };
    let again = !world.nodes[node].disk.history.insert(*message);
    if let Some(case) = world.ledger.texts.get_mut(message) {
        case.stored = true;
    }
    if again && !world.ledger.removed.contains(&(node, from)) {
        let detail = format!("client{node} stores a text of client{from} twice");
        world_broken(world, "stored-twice", &detail);
    }
}
