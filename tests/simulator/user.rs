//! The users: what each of them types and when, from the seed.
//! Люди: что и когда каждый из них набирает, от зерна.

use supertext::base::bounds::FILE_PACKET_BYTES;
use supertext::base::ids::id_digits;
use supertext::logic::commands::command_event;
use supertext::logic::events::{Budget, Command, PastCommand, Random, Transfer};
use supertext::logic::state::Phase;
use supertext::wire::message::{MessageId, TransferId};

use super::disk::Source;
use super::node::node_step;
use super::pairs::user_links;
use super::plan::REMOVE_KEEPS_SEQUENCE;
use super::random::{random_below, random_chance, random_fill, random_range};
use super::rooms::room_turn;
use super::texts::PLAIN_WORD;
use super::world::{Happening, WALL_START_MS, World, world_at, world_trace};

/// Назначает каждому его команды.
pub fn users_plan(world: &mut World) {
    let span = world.plan.active_ms * 1000;
    for node in 0..world.nodes.len() {
        for _ in 0..world.plan.turns {
            let at = 1_000_000 + random_below(&mut world.random, span);
            world_at(world, at, Happening::Turn { node });
        }
        if !world.plan.rich {
            continue;
        }
        for peer in 0..world.nodes.len() {
            let who = id_digits(world.nodes[peer].id);
            for budget in [Budget::Messages, Budget::Files] {
                let command = Command::TopUp { who: who.clone(), budget, amount: 1_000_000 };
                if peer != node {
                    world_at(world, 500_000, Happening::Typed { node, epoch: 1, command });
                }
            }
        }
    }
    if world.plan.leaver {
        let node = world.nodes.len() - 1;
        let at = random_below(&mut world.random, span);
        for extra in 0..40 {
            // Первый раз предупреждение, второй — уход; крах в это время не помешает уйти.
            for epoch in 1..4 {
                let command = Command::Quit;
                world_at(world, at + extra * 700_000, Happening::Typed { node, epoch, command });
            }
        }
    }
}

/// Очередь человека что-нибудь сделать.
pub fn user_turn(world: &mut World, node: usize) {
    if !world.nodes[node].alive {
        return;
    }
    if world.plan.rooms && random_chance(&mut world.random, 350) {
        for _ in 0..random_range(&mut world.random, 1, 4) {
            room_turn(world, node);
        }
        return;
    }
    let mut peer = random_below(&mut world.random, world.nodes.len() as u64) as usize;
    if peer == node {
        peer = (peer + 1) % world.nodes.len();
    }
    let who = id_digits(world.nodes[peer].id);
    if world.plan.direct && random_chance(&mut world.random, 150) {
        return user_links(world, node, peer, who);
    }
    // В многословных прогонах почти всё — длинные тексты.
    let span = if world.plan.wordy { 10 } else { 100 };
    let from = if world.plan.wordy { 54 } else { 0 };
    match from + random_below(&mut world.random, span) {
        0..=4 => user_looks(world, node, peer, who),
        5..=7 => user_edits(world, node, peer),
        8 => user_asks(world, node, who),
        9..=54 => {
            for _ in 0..random_range(&mut world.random, 1, 6) {
                let text = text_make(world, 300);
                user_types(world, node, Command::Message { who: who.clone(), text });
            }
        }
        55..=62 => {
            let most = world.plan.text_max;
            let text = text_make(world, most);
            user_types(world, node, Command::Message { who, text });
        }
        63..=82 => {
            for _ in 0..random_range(&mut world.random, 1, 3) {
                let path = source_make(world, node);
                user_types(world, node, Command::Send { who: who.clone(), path });
            }
        }
        83 => {
            let path = String::from("missing/file");
            user_types(world, node, Command::Send { who, path });
        }
        84..=88 => user_cancels(world, node),
        89..=94 => {
            let messages = random_chance(&mut world.random, 500);
            let budget = if messages { Budget::Messages } else { Budget::Files };
            let amount = random_range(&mut world.random, 1, 300);
            user_types(world, node, Command::TopUp { who, budget, amount });
        }
        95 => user_types(world, node, Command::Status),
        96 => user_asks(world, node, who),
        97 => user_looks(world, node, peer, who),
        _ => user_removes(world, node, peer),
    }
}

/// Открывает разговор или закрывает его.
fn user_looks(world: &mut World, node: usize, peer: usize, who: String) {
    let closes = random_chance(&mut world.random, 300);
    world.ledger.looked.insert((node, peer));
    let who = if closes { String::new() } else { who };
    user_types(world, node, Command::To(who));
}

/// Просит о знакомстве.
fn user_asks(world: &mut World, node: usize, who: String) {
    let words = text_make(world, 40);
    user_types(world, node, Command::Add { who, words });
}

/// Правит одно из своих сообщений или отвечает на какое-нибудь.
fn user_edits(world: &mut World, node: usize, peer: usize) {
    let mut ids: Vec<MessageId> = Vec::new();
    for (id, case) in &world.ledger.texts {
        let own = case.from == node && case.to == peer && case.promised;
        let other = case.to == node && case.from == peer && case.stored;
        if own || other {
            ids.push(*id);
        }
    }
    let index = random_below(&mut world.random, ids.len() as u64) as usize;
    let Some(id) = ids.get(index) else {
        return;
    };
    let reference = hex::encode(id);
    let text = text_make(world, 300);
    let edits = random_chance(&mut world.random, 600);
    let command = match edits {
        true => Command::Past(PastCommand::Edit { reference, text }),
        false => Command::Past(PastCommand::Reply { reference, text }),
    };
    user_types(world, node, command);
}

/// Текст случайной длины с началом, которого нет ни у кого другого.
pub fn text_make(world: &mut World, most: u64) -> String {
    let number = world.next_order;
    world.next_order += 1;
    let mut text = format!("{PLAIN_WORD}{number} ");
    for _ in 0..random_below(&mut world.random, most) {
        text.push('x');
    }
    text
}

/// Новый источник: путь, размер по плану.
fn source_make(world: &mut World, node: usize) -> String {
    let number = world.next_order;
    world.next_order += 1;
    let most = world.plan.packets_max;
    let packets = match random_below(&mut world.random, 10) {
        0 => 0,
        1..=4 => random_range(&mut world.random, 1, u64::min(5, most)),
        5..=7 => random_range(&mut world.random, 1, u64::min(80, most)),
        8 => u64::min(most, 256 * random_range(&mut world.random, 1, 2)),
        _ => random_range(&mut world.random, 1, most),
    };
    let cut = random_below(&mut world.random, FILE_PACKET_BYTES as u64);
    let size = (packets * FILE_PACKET_BYTES as u64).saturating_sub(cut);
    let path = format!("home{node}/{number}");
    let source = Source { size, changed: WALL_START_MS, broken: false };
    world.nodes[node].disk.sources.insert(path.clone(), source);
    path
}

/// Отменяет случайную передачу, если есть какая.
fn user_cancels(world: &mut World, node: usize) {
    let mut list: Vec<Transfer> = Vec::new();
    for number in world.nodes[node].client.transfers.keys() {
        list.push(*number);
    }
    let index = random_below(&mut world.random, list.len() as u64) as usize;
    if let Some(transfer) = list.get(index) {
        user_types(world, node, Command::Cancel(*transfer));
    }
}

/// Убирает контакт, если между двумя нет файлов; потом, быть может, напишет снова.
fn user_removes(world: &mut World, node: usize, peer: usize) {
    if !REMOVE_KEEPS_SEQUENCE || !world.plan.contacts_removed {
        return;
    }
    for case in world.ledger.files.values() {
        let pair = (case.from == node && case.to == peer) || (case.from == peer && case.to == node);
        if pair {
            return;
        }
    }
    if !world.nodes[node].client.questions.is_empty() {
        return;
    }
    let id = world.nodes[peer].id;
    if !world.nodes[node].client.contacts.contains_key(&id) {
        return;
    }
    for case in world.ledger.texts.values_mut() {
        if case.from == node && case.to == peer && !case.delivered {
            case.forfeited = true;
        }
    }
    user_types(world, node, Command::Remove(id_digits(id)));
    world.ledger.budgets.remove(&(node, id));
}

/// Человек набрал команду: книга узнаёт о ней раньше логики.
pub fn user_types(world: &mut World, node: usize, command: Command) {
    if !world.nodes[node].alive {
        return;
    }
    let mut id: Option<TransferId> = None;
    let mut offered = false;
    if let Command::Cancel(transfer) | Command::Refuse(transfer) = &command {
        id = world.nodes[node].numbers.get(transfer).copied();
        if let Some(state) = world.nodes[node].client.transfers.get(transfer) {
            offered = state.phase == Phase::Offered && !state.outgoing;
        }
    }
    if let Some(id) = id {
        if let Some(case) = world.ledger.files.get_mut(&id) {
            case.cancelled |= matches!(command, Command::Cancel(_));
            case.refused |= offered && matches!(command, Command::Refuse(_));
        }
    }
    if let Command::TopUp { who, budget, amount } = &command {
        for peer in 0..world.nodes.len() {
            let id = world.nodes[peer].id;
            if id_digits(id) == *who {
                let left = super::ledger::ledger_budget(world, node, id);
                match budget {
                    Budget::Messages => left.0 += amount,
                    Budget::Files => left.1 += amount,
                }
            }
        }
    }
    if world.trace {
        let line = format!("{command:?}");
        let head = if line.len() > 70 { &line[..70] } else { &line };
        world_trace(world, &format!("client{node} types {head}"));
    }
    let mut random: Random = [0; 64];
    random_fill(&mut world.random, &mut random);
    node_step(world, node, command_event(command, "", &random), None);
}
