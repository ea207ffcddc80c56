//! What a client shows, as its user sees it: written into the ledger, checked against it, and
//! answered: offers are taken or refused, questions are answered.
//! Что клиент показывает, глазами его человека: записать в книгу, сверить с ней и ответить:
//! предложение принять или нет, на вопрос сказать да или нет.

use supertext::base::fail::FailKind;
use supertext::logic::events::Command;
use supertext::logic::messages::envelope_new;
use supertext::logic::show::{FileShow, FileState, MessageShow, ReceiptState, Show};
use supertext::wire::message::{ENVELOPE_TEXT, MessageId, envelope_bytes, message_packets};
use supertext::wire::packets::PACKETS;

use super::ledger::{TextCase, ledger_budget, node_of};
use super::random::random_chance;
use super::world::{
    Happening, World, world_broken, world_later, world_time, world_trace, world_wait,
};

/// Человек увидел.
pub fn show_take(world: &mut World, node: usize, show: Show) {
    if world.trace {
        trace_show(world, node, &show);
    }
    if let Show::Message(message) = &show {
        if message.outgoing {
            text_written(world, node, message);
        } else {
            text_shown(world, node, message);
        }
    } else if let Show::Receipt { message, state: ReceiptState::Delivered, .. } = &show {
        receipt_shown(world, node, message);
    } else if let Show::Offer { transfer, .. } = &show {
        offer_answer(world, node, *transfer);
    } else if let Show::Confirm { token, .. } = &show {
        if !world.plan.answer_yes {
            let yes = random_chance(&mut world.random, 850);
            let token = Some(*token);
            let command = if yes { Command::Yes(token) } else { Command::No(token) };
            let after = world_wait(world, 100, 6000);
            typed_later(world, node, after, command);
        }
    } else if let Show::File(file) = &show {
        file_shown(world, node, file);
    } else if let Show::Error { fail, command } = &show {
        for row in PACKETS {
            if row.name == command.as_str() {
                let detail = format!("client{node} does not take {command}: {fail:?}");
                world_broken(world, "honest-refused", &detail);
            }
        }
    }
}

/// Ход прогона: что увидел человек, без длинных текстов.
fn trace_show(world: &World, node: usize, show: &Show) {
    if let Show::Message(message) = show {
        let word = if message.outgoing { "writes" } else { "sees" };
        let head: String = match message.text.get(..16) {
            Some(head) => String::from(head),
            None => message.text.clone(),
        };
        world_trace(world, &format!("client{node} {word} {head:?}"));
        return;
    }
    let quiet = matches!(show, Show::Progress { .. } | Show::Limits { .. });
    if !quiet {
        world_trace(world, &format!("client{node} shows {show:?}"));
    }
}

/// Человек напишет это чуть позже, если программа доживёт.
pub fn typed_later(world: &mut World, node: usize, after_us: u64, command: Command) {
    let epoch = world.nodes[node].epoch;
    world_later(world, after_us, Happening::Typed { node, epoch, command });
}

/// Текст написан и оплачен.
fn text_written(world: &mut World, node: usize, message: &MessageShow) {
    let Some(to) = node_of(world, message.peer) else {
        return;
    };
    let now = world_time(world, world.nodes[node].born_us);
    let mut envelope = envelope_new(&world.nodes[node].client, ENVELOPE_TEXT, now);
    envelope.id = message.message;
    envelope.time = message.sent;
    envelope.text = message.text.as_bytes().to_vec();
    envelope.sequence = u64::MAX;
    envelope.base = u64::MAX;
    let price = match envelope_bytes(&envelope) {
        Ok(bytes) => message_packets(bytes.len()) as u64,
        Err(_) => 0,
    };
    let budget = ledger_budget(world, node, message.peer);
    if budget.0 < price {
        let detail = format!("client{node} wrote for {price}, {} were left", budget.0);
        world_broken(world, "budget-overdrawn", &detail);
        return;
    }
    budget.0 -= price;
    world.ledger.written += 1;
    let case = TextCase {
        from: node,
        to,
        order: world.ledger.written,
        text: message.text.clone(),
        delivered: false,
        stored: false,
        shown: Vec::new(),
        forfeited: false,
    };
    world.ledger.texts.insert(message.message, case);
}

/// Текст показан получателю: тот самый, один раз, по порядку.
fn text_shown(world: &mut World, node: usize, message: &MessageShow) {
    let epoch = world.nodes[node].epoch;
    let from = node_of(world, message.peer);
    let Some(case) = world.ledger.texts.get_mut(&message.message) else {
        world_broken(world, "text-unknown", &format!("client{node} sees a text nobody wrote"));
        return;
    };
    let right = case.to == node && Some(case.from) == from && case.text == message.text;
    let again = !case.shown.is_empty();
    case.shown.push(epoch);
    let (key, order) = ((case.from, node), case.order);
    let sender = case.from;
    if !right {
        world_broken(world, "text-changed", &format!("client{node} sees another text"));
    }
    if world.ledger.removed.contains(&(node, sender)) {
        return;
    }
    if again {
        let detail = format!("client{node} sees text {order} of client{sender} twice");
        world_broken(world, "shown-twice", &detail);
    }
    let last = match world.ledger.last.insert(key, order) {
        Some(last) => last,
        None => 0,
    };
    if order <= last {
        let detail = format!("client{node} sees text {order} of client{sender} after {last}");
        world_broken(world, "order", &detail);
    }
}

/// Отправитель увидел «доставлено»: получатель обязан был уже увидеть текст.
fn receipt_shown(world: &mut World, node: usize, message: &MessageId) {
    let Some(case) = world.ledger.texts.get_mut(message) else {
        world_broken(world, "receipt-unknown", &format!("client{node}: a receipt for nothing"));
        return;
    };
    case.delivered = true;
    if !case.stored || case.from != node {
        let detail = format!(
            "text {} of client{node} is called delivered, client{} never showed it",
            case.order, case.to
        );
        world_broken(world, "delivered-not-shown", &detail);
    }
}

/// Предложен файл: чаще принять, иногда отказаться. Решение об одной передаче всегда одно.
fn offer_answer(world: &mut World, node: usize, transfer: u32) {
    if world.plan.accept_files {
        return;
    }
    let Some(id) = world.nodes[node].numbers.get(&transfer).copied() else {
        return;
    };
    let refuse = id[15] % 100 < 12;
    let command = if refuse { Command::Refuse(transfer) } else { Command::Take(transfer) };
    let after = world_wait(world, 50, 12_000);
    typed_later(world, node, after, command);
}

/// Показано состояние передачи.
fn file_shown(world: &mut World, node: usize, file: &FileShow) {
    let full = match &file.reason {
        Some(reason) => reason.kind == FailKind::DiskFull,
        None => false,
    };
    if file.state == FileState::Paused && full && !file.outgoing {
        let after = world_wait(world, 1000, 20_000);
        typed_later(world, node, after, Command::Take(file.transfer));
    }
    let Some(id) = world.nodes[node].numbers.get(&file.transfer).copied() else {
        return;
    };
    let Some(case) = world.ledger.files.get_mut(&id) else {
        return;
    };
    let (cancelled, broken) = (case.cancelled, case.broken);
    let (refused, received) = (case.refused, case.done_receiver);
    let wrong = match file.state {
        FileState::Done => {
            case.done_sender = case.done_sender || file.outgoing;
            !received
        }
        FileState::Refused => !refused,
        FileState::Cancelled => !cancelled && !broken,
        FileState::Error => !broken,
        FileState::Offered
        | FileState::Waiting
        | FileState::Started
        | FileState::Resumed
        | FileState::Paused => false,
    };
    if wrong {
        let detail = format!("client{node}, {}: {:?} {:?}", file.name, file.state, file.reason);
        world_broken(world, "file-state", &detail);
    }
}
