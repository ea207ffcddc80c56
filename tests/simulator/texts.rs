//! What is known of every text from outside: promised, stored, shown, delivered, read; and what
//! a crash or an older copy of history.db changes in that.
//! Что известно о каждом тексте снаружи: обещан, лёг, показан, доставлен, прочитан; и что в этом
//! меняют крах и прежняя копия history.db.

use std::collections::BTreeSet;

use supertext::logic::events::BaseTold;
use supertext::logic::show::ReceiptState;
use supertext::wire::message::{ENVELOPE_TEXT, MessageId};

use super::base::{base_count, base_outbox};
use super::ledger::ledger_anew;
use super::rooms::{room_crashed, room_receipt, room_restored, rooms_check};
use super::world::{Happening, World, world_broken, world_later, world_wait};

/// Every text begins with it; nothing on a wire or at the server may hold it.
pub const PLAIN_WORD: &str = "plainword ";

/// How many rows of a received text there are.
const ROWS_IN: &str = "SELECT COUNT(*) FROM messages WHERE outgoing = 0 AND id = ?1";
/// How many rows of a text of one's own there are.
const ROWS_OUT: &str = "SELECT COUNT(*) FROM messages WHERE outgoing = 1 AND id = ?1";

/// Запись удалась: вскрытые тексты лежат на диске.
pub fn texts_told(world: &mut World, node: usize, told: &BaseTold) {
    let BaseTold::Opened { envelope, fresh: true, .. } = told else {
        return;
    };
    if envelope.kind != ENVELOPE_TEXT {
        return;
    }
    let epoch = world.nodes[node].epoch;
    if let Some(case) = world.ledger.texts.get_mut(&envelope.id) {
        if case.to == node {
            case.stored = true;
            case.stored_epoch = epoch;
        }
    }
}

/// Отправитель увидел состояние своего текста: вниз оно не идёт, и обещанное — правда.
pub fn receipt_shown(world: &mut World, node: usize, message: &MessageId, state: ReceiptState) {
    if room_receipt(world, node, message, state) {
        return;
    }
    let Some(case) = world.ledger.texts.get_mut(message) else {
        world_broken(world, "receipt-unknown", &format!("client{node}: a receipt for nothing"));
        return;
    };
    let level = match state {
        ReceiptState::Queued => 1,
        ReceiptState::Stored => 2,
        ReceiptState::Delivered => 3,
        ReceiptState::Read => 4,
        ReceiptState::Failed => 0,
    };
    let (order, to, before) = (case.order, case.to, case.level);
    // READ значит «всё до этого прочитано» и задевает и то, что пропало по пути насовсем.
    let along = level == 4 && !case.delivered && (case.forfeited || world.plan.tamper);
    let missing = level >= 3 && !case.stored && !case.excused && !along;
    let back = level < before && !case.excused;
    case.level = u8::max(level, before);
    case.promised = true;
    case.delivered = case.delivered || level >= 3;
    case.kept_there = case.kept_there || level == 2;
    let right = case.from == node;
    if missing || !right {
        let detail = format!("text {order} of client{node}, client{to} never stored it");
        world_broken(world, "delivered-not-shown", &detail);
    }
    if back {
        let detail = format!("text {order} of client{node}: {state:?} after level {before}");
        world_broken(world, "receipt-back", &detail);
    }
    if level == 4 && !world.ledger.looked.contains(&(to, node)) {
        let detail = format!("text {order} of client{node}: client{to} never opened the chat");
        world_broken(world, "read-unseen", &detail);
    }
    if level == 2 && world.plan.dier == Some(node) && !world.healed {
        let after = world_wait(world, 0, 4000);
        world_later(world, after, Happening::Die { node });
    }
}

/// Клиент умер: пропасть может лишь то, о чём он ещё ничего не сказал. Обещанное либо ждёт в
/// очереди, либо уже у получателя.
pub fn texts_kept(world: &mut World, node: usize) {
    room_crashed(world, node);
    let mut kept = BTreeSet::new();
    for row in base_outbox(world, node) {
        kept.insert(row.envelope.id);
    }
    for (id, case) in &mut world.ledger.texts {
        if case.from != node || case.delivered || kept.contains(id) {
            continue;
        }
        if case.promised {
            case.silent = true;
        } else {
            case.forfeited = true;
        }
    }
}

/// У клиента прежняя копия history.db: чего в ней нет, того нет. Что он отправил после неё, он
/// не помнит; что получил после неё, мог и потерять.
pub fn texts_restored(world: &mut World, node: usize) {
    room_restored(world, node);
    let mut kept = BTreeSet::new();
    for row in base_outbox(world, node) {
        kept.insert(row.envelope.id);
    }
    let mut ids: Vec<MessageId> = Vec::new();
    for id in world.ledger.texts.keys() {
        ids.push(*id);
    }
    for id in ids {
        let there = base_count(world, node, ROWS_IN, &id) > 0;
        let own = base_count(world, node, ROWS_OUT, &id) > 0;
        let Some(case) = world.ledger.texts.get_mut(&id) else {
            continue;
        };
        if case.from == node {
            case.level = 0;
            case.excused = true;
            if !kept.contains(&id) {
                case.silent = true;
                case.forfeited = case.forfeited || !case.stored || !own;
            }
        }
        if case.to == node && case.stored && !there {
            case.stored = false;
            case.shown.clear();
            case.forfeited = true;
            case.excused = true;
        }
    }
    ledger_anew(world, node);
}

/// Ждёт ли это ещё в очереди отправителя.
fn waits(world: &World, node: usize, message: &MessageId) -> bool {
    for row in base_outbox(world, node) {
        if row.envelope.id == *message {
            return true;
        }
    }
    false
}

/// Сверяет тексты в самом конце: обещанное лежит у получателя ровно один раз и показано.
pub fn texts_check(world: &mut World) {
    rooms_check(world);
    let mut wrong: Vec<(&str, String)> = Vec::new();
    let mut ids: Vec<MessageId> = Vec::new();
    for id in world.ledger.texts.keys() {
        ids.push(*id);
    }
    for id in ids {
        let Some(case) = world.ledger.texts.get(&id).cloned() else {
            continue;
        };
        let rows = base_count(world, case.to, ROWS_IN, &id);
        let line = format!(
            "text {} of client{} to client{}: promised {}, stored {}, rows {rows}, shown {:?}, \
             delivered {}",
            case.order, case.from, case.to, case.promised, case.stored, case.shown, case.delivered
        );
        if rows > 1 || (rows == 1) != case.stored {
            wrong.push(("text-rows", line.clone()));
        }
        if world.nodes[case.to].left.is_some() && !case.stored {
            continue;
        }
        let gone = world.nodes[case.from].left.is_some();
        if world.plan.tamper && !gone && waits(world, case.from, &id) {
            // Подделано на пути из ящика, а о получателе ничего не слышно: оно ждёт у отправителя.
            continue;
        }
        // Подделанное на сервере и закрытое прежней копией может прислать снова только отправитель.
        // А без отвергнутого диском сервера сохранённое после него ждёт на своём месте.
        let plan = &world.plan;
        let honest = !plan.tamper && !plan.restores && plan.mail_fails == 0;
        let kept_there = case.kept_there && honest;
        if (gone && kept_there || !gone && case.promised) && !case.forfeited && !case.stored {
            let law = if gone { "stored-lost" } else { "text-lost" };
            wrong.push((law, line.clone()));
        }
        let away = gone || world.nodes[case.to].left.is_some();
        if !away && !case.forfeited && !case.silent && !case.delivered {
            wrong.push(("text-lost", line.clone()));
        }
        // Не показать можно только то, что легло перед самым крахом: его увидят в истории.
        let later = world.nodes[case.to].epoch > case.stored_epoch;
        let spam = world.ledger.spam.contains(&(case.to, case.from));
        let left = world.nodes[case.to].left.is_some();
        if case.stored && case.shown.is_empty() && !later && !spam && !left && !case.excused {
            wrong.push(("text-unseen", line.clone()));
        }
        let both = rows == 1 && !case.excused && base_count(world, case.from, ROWS_OUT, &id) == 1;
        // Правка, обогнавшая свой текст после подделки или возврата копии, пропадает.
        let both = both && !world.plan.restores && !world.plan.tamper;
        if both && !case.forfeited && !away && !same_text(world, case.from, case.to, &id) {
            wrong.push(("text-differs", line));
        }
    }
    for (law, detail) in wrong {
        world_broken(world, law, &detail);
    }
}

/// Одинаков ли текст в обеих историях (его могли править).
fn same_text(world: &World, from: usize, to: usize, id: &MessageId) -> bool {
    let (own, other) = (text_of(world, from, true, id), text_of(world, to, false, id));
    own == other
}

/// Текст из истории.
fn text_of(world: &World, node: usize, outgoing: bool, id: &MessageId) -> String {
    let Some(desk) = &world.nodes[node].desk else {
        return String::new();
    };
    let query = "SELECT text FROM messages WHERE outgoing = ?1 AND id = ?2";
    let mut statement = desk.base.prepare_cached(query).expect("a query");
    statement.query_row(rusqlite::params![outgoing, &id[..]], first_text).unwrap_or_default()
}

/// Первый столбец строки.
fn first_text(row: &rusqlite::Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}

/// Есть ли среди этих байт открытые слова.
pub fn words_open(bytes: &[u8]) -> bool {
    let word = PLAIN_WORD.as_bytes();
    if bytes.len() < word.len() {
        return false;
    }
    for place in 0..=bytes.len() - word.len() {
        if bytes[place] == word[0] && bytes[place..place + word.len()] == *word {
            return true;
        }
    }
    false
}
