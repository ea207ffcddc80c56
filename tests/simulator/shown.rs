//! What a client shows, as its user sees it: written into the ledger, checked against it, and
//! answered: offers are taken or refused, questions are answered.
//! Что клиент показывает, глазами его человека: записать в книгу, сверить с ней и ответить:
//! предложение принять или нет, на вопрос сказать да или нет.

use supertext::base::bounds::SEALED_EXTRA;
use supertext::base::fail::{Fail, FailKind};
use supertext::base::ids::{Id, id_digits, id_is_room};
use supertext::logic::events::{Command, Standing};
use supertext::logic::messages::envelope_new;
use supertext::logic::rooms::room_note;
use supertext::logic::show::{FileShow, FileState, MessageShow, ReceiptState, Show};
use supertext::wire::message::{ENVELOPE_EDIT, ENVELOPE_TEXT, envelope_bytes, message_packets};
use supertext::wire::packets::PACKETS;

use super::ledger::{TextCase, ledger_anew, ledger_budget, node_of};
use super::random::{random_below, random_chance};
use super::rooms::{room_peers, room_shown, room_written};
use super::texts::receipt_shown;
use super::world::{
    Happening, World, world_broken, world_later, world_time, world_trace, world_wait,
};

/// Человек увидел.
pub fn show_take(world: &mut World, node: usize, show: Show) {
    if world.trace {
        trace_show(world, node, &show);
    }
    if let Show::Message(message) = &show {
        if message.past {
            return;
        }
        if message.outgoing {
            text_written(world, node, message);
        } else if message.author != 0 {
            room_shown(world, node, message);
        } else {
            text_shown(world, node, message);
        }
    } else if let Show::Receipt { message, state, .. } = &show {
        world.ledger.stored += u64::from(*state == ReceiptState::Stored);
        receipt_shown(world, node, message, *state);
    } else if let Show::Request { id, .. } | Show::Contact { id, standing: Standing::Asks, .. } =
        &show
    {
        request_answer(world, node, *id);
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
        seal_honest(world, node, fail);
        for row in PACKETS {
            if row.name == command.as_str() && !world.plan.tamper {
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
    let mut payers = vec![message.peer];
    if id_is_room(message.peer) {
        payers = room_peers(world, node, message.peer);
    }
    let place = &world.nodes[node];
    let now = world_time(world, place.born_us, place.wall_shift_ms);
    let edit = message.edited != 0;
    let kind = if edit { ENVELOPE_EDIT } else { ENVELOPE_TEXT };
    let mut envelope = envelope_new(&place.client, kind, now);
    envelope.id = message.message;
    envelope.about = if edit { message.message } else { message.reply };
    envelope.time = message.sent;
    envelope.text = message.text.as_bytes().to_vec();
    if let Some(room) = place.client.rooms.get(&message.peer) {
        envelope.room = Some(room_note(&room.facts));
    }
    envelope.run = u64::MAX;
    envelope.sequence = u64::MAX;
    let price = match envelope_bytes(&envelope) {
        Ok(bytes) => message_packets(bytes.len() + SEALED_EXTRA) as u64,
        Err(_) => 0,
    };
    for payer in payers {
        let budget = ledger_budget(world, node, payer);
        if budget.0 < price {
            let detail = format!("client{node} wrote for {price}, {} were left", budget.0);
            world_broken(world, "budget-overdrawn", &detail);
            return;
        }
        budget.0 -= price;
    }
    if edit {
        return;
    }
    if id_is_room(message.peer) {
        return room_written(world, node, message);
    }
    let Some(to) = node_of(world, message.peer) else {
        return;
    };
    world.ledger.written += 1;
    let case = TextCase {
        from: node,
        to,
        order: world.ledger.written,
        text: message.text.clone(),
        ..TextCase::default()
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
    let right = case.to == node && Some(case.from) == from;
    if message.edited != 0 && right {
        return;
    }
    let right = right && case.text == message.text;
    let again = !case.shown.is_empty();
    case.shown.push(epoch);
    let (key, order) = ((case.from, node), case.order);
    let sender = case.from;
    if !right {
        world_broken(world, "text-changed", &format!("client{node} sees another text"));
    }
    if again {
        let detail = format!("client{node} sees text {order} of client{sender} twice");
        world_broken(world, "shown-twice", &detail);
    }
    let last = match world.ledger.last.insert(key, order) {
        Some(last) => last,
        None => 0,
    };
    if order <= last && !world.plan.tamper && !world.ledger.anew.remove(&key) {
        let detail = format!("client{node} sees text {order} of client{sender} after {last}");
        world_broken(world, "order", &detail);
    }
}

/// Ключ и подпись не портятся сами; печать — только когда долго пропадало посланное (Olm помнит
/// сорок пропущенных ключей и пять поворотов храповика) или ждало медленной линии, а в тихом
/// прогоне с короткими текстами никогда.
fn seal_honest(world: &mut World, node: usize, failed: &Fail) {
    let forged = matches!(failed.kind, FailKind::SignatureBad | FailKind::KeyChanged);
    let broken = failed.kind == FailKind::SealBroken;
    if broken || forged {
        world.ledger.heals += 1;
        ledger_anew(world, node);
    }
    let plan = &world.plan;
    let aside = plan.tamper || plan.restores || plan.keys_short;
    let quiet =
        plan.faults + plan.carry_lost == 0 && plan.base_fails + plan.mail_fails == 0 && !plan.wordy;
    if !aside && (forged || (broken && quiet)) {
        world_broken(world, "seal-broken", &format!("client{node}: {failed:?}"));
    }
}

/// Кто-то просится в контакты или пишет незнакомый: принять, отказать или подумать.
fn request_answer(world: &mut World, node: usize, id: Id) {
    let epoch = world.nodes[node].epoch;
    if !world.ledger.asked.insert((node, epoch, id)) {
        return;
    }
    let who = id_digits(id);
    let command = match random_below(&mut world.random, 10) {
        0 => Command::Reject(who.clone()),
        1..=2 => Command::Later(who.clone()),
        _ => Command::Accept(who.clone()),
    };
    if matches!(command, Command::Later(_)) {
        let after = world_wait(world, 10_000, 30_000);
        typed_later(world, node, after, Command::Accept(who));
    }
    if let (Command::Reject(_), Some(from)) = (&command, node_of(world, id)) {
        world.ledger.spam.insert((node, from));
    }
    let after = world_wait(world, 100, 6000);
    typed_later(world, node, after, command);
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
