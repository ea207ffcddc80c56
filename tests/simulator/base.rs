//! The model history.db of a client: outgoing messages are kept before they are sent, incoming
//! ones before they are shown. Sometimes the disk refuses: then nothing is stored until the logic
//! has learned of it.
//! Изображённая history.db клиента: исходящее хранится раньше, чем отправлено, входящее — раньше,
//! чем показано. Иногда диск отказывает: тогда ничего не хранится, пока логика не узнает.

use supertext::base::fail::{FailKind, fail};
use supertext::logic::events::{BaseOrder, OutboxRow};
use supertext::wire::message::{ENVELOPE_TEXT, MessageId};

use super::random::random_chance;
use super::saver::node_tell;
use super::world::{Report, World};

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
            let mut known = false;
            for row in &disk.outbox {
                known = known || (row.peer == peer && row.envelope.id == envelope.id);
            }
            if !known {
                disk.outbox.push(OutboxRow { peer, envelope });
            }
            node_tell(world, node, Report::Kept { peer, sequence });
        }
        BaseOrder::Accept { peer, envelope, .. } => {
            let text = envelope.kind == ENVELOPE_TEXT;
            let fresh = !text || text_stored(world, node, &envelope.id);
            node_tell(world, node, Report::Accepted { peer, envelope, fresh });
        }
        BaseOrder::Confirm { peer, message, .. } => {
            let mut kept = Vec::new();
            for row in std::mem::take(&mut disk.outbox) {
                if row.peer != peer || row.envelope.id != message {
                    kept.push(row);
                }
            }
            disk.outbox = kept;
        }
        BaseOrder::Forget { peer } => {
            let mut kept = Vec::new();
            for row in std::mem::take(&mut disk.outbox) {
                if row.peer != peer {
                    kept.push(row);
                }
            }
            disk.outbox = kept;
        }
        // Прочитанное и вопросы о прошлом книге безразличны.
        BaseOrder::Seen { .. } | BaseOrder::Past { .. } | BaseOrder::Retry => {}
    }
}

/// Текст лёг в историю получателя; `false` — он там уже есть.
fn text_stored(world: &mut World, node: usize, message: &MessageId) -> bool {
    if let Some(case) = world.ledger.texts.get_mut(message) {
        case.stored = true;
    }
    world.nodes[node].disk.history.insert(*message)
}
