//! Rooms in a run: what users do with them, a member who forges, and the laws: shown once and in
//! each author's order, only by members, by everybody who was there all the time.
//! Комнаты в прогоне: что люди с ними делают, подделывающий участник и законы: показано один раз и
//! по порядку автора, только от участников, всем, кто был там всё время.

use std::collections::{BTreeMap, BTreeSet};

use supertext::base::ids::{Id, id_digits};
use supertext::logic::events::{BaseTold, Command, Out, PastCommand};
use supertext::logic::messages::{envelope_new, outbox_put};
use supertext::logic::room_write::room_readers;
use supertext::logic::rooms::{
    RoomCommand, RoomFacts, RoomState, RoomTold, member_in, room_list, room_note,
};
use supertext::logic::show::{MessageShow, ReceiptState};
use supertext::wire::message::{ENVELOPE_EDIT, ENVELOPE_ROOM, ENVELOPE_TEXT, MessageId};

use super::actions::actions_apply;
use super::base::base_count;
use super::ledger::node_of;
use super::random::{random_below, random_chance, random_fill};
use super::user::{text_make, user_types};
use super::world::{World, world_broken, world_time};

/// What a forger writes begins with it; nobody may ever be shown it, nor a room of this name.
const FORGED: &str = "forged";
/// Rooms that one user makes at most.
const OWN_MAX: usize = 2;
/// So many texts of one author in one room surely find room while they wait for the list.
const WAITING_SURE: u64 = 50;

/// Rows of a text in a room in the reader's history.
const ROWS_IN: &str = "SELECT COUNT(*) FROM messages WHERE outgoing = 0 AND author <> 0
    AND id = ?1";

/// A text in a room from the moment it was paid.
#[derive(Clone, Debug, Default)]
pub struct RoomText {
    pub from: usize,
    pub room: Id,
    pub order: u64,
    pub text: String,
    /// Who got a copy.
    pub to: Vec<usize>,
    /// What the author was shown: 1 queued … 4 read.
    pub level: u8,
    pub forfeited: bool,
    /// How many of this author's went before it there.
    pub before: u64,
    /// Runs that showed it, by reader.
    pub shown: BTreeMap<usize, Vec<u32>>,
    /// The run in which it came to the reader's disk.
    pub stored: BTreeMap<usize, u32>,
}

/// What is known of rooms from outside.
#[derive(Debug, Default)]
pub struct RoomLedger {
    pub texts: BTreeMap<MessageId, RoomText>,
    /// Last order shown, by room, author and reader.
    pub last: BTreeMap<(Id, usize, usize), u64>,
    /// Whose place in which room was changed after it was made.
    pub touched: BTreeSet<(Id, usize)>,
    /// When somebody left by himself: what his desk opened before that is shown a moment later.
    pub left_us: BTreeMap<(Id, usize), u64>,
    /// Who opened which room.
    pub looked: BTreeSet<(Id, usize)>,
    /// Forgeries; nothing is expected of them.
    pub forged: BTreeSet<MessageId>,
    /// Who spoke in a room without being in it: he is never invited there.
    pub banned: BTreeSet<(Id, usize)>,
}

/// Очередь человека сделать что-нибудь с комнатами.
pub fn room_turn(world: &mut World, node: usize) {
    let mut rooms: Vec<Id> = Vec::new();
    let mut own = 0;
    for room in world.nodes[node].client.rooms.values() {
        rooms.push(room.facts.id);
        own += usize::from(room.facts.owner == world.nodes[node].id);
    }
    if rooms.is_empty() || own < OWN_MAX && random_chance(&mut world.random, 150) {
        return room_begin(world, node, own);
    }
    let room = rooms[random_below(&mut world.random, rooms.len() as u64) as usize];
    let named = id_digits(room);
    let peer = random_below(&mut world.random, world.nodes.len() as u64) as usize;
    let who = id_digits(world.nodes[peer].id);
    match random_below(&mut world.random, 100) {
        0..=54 => {
            let text = text_make(world, 300);
            user_types(world, node, Command::Message { who: named, text });
        }
        55..=59 => {
            let text = text_make(world, 20_000);
            user_types(world, node, Command::Message { who: named, text });
        }
        60..=67 => room_edit(world, node, room),
        68..=75 => {
            world.ledger.rooms.looked.insert((room, node));
            user_types(world, node, Command::To(named));
        }
        76..=80 if !world.ledger.rooms.banned.contains(&(room, peer)) => {
            world.ledger.rooms.touched.insert((room, peer));
            room_types(world, node, RoomCommand::Invite { room: named, who });
        }
        81..=84 => {
            world.ledger.rooms.touched.insert((room, peer));
            room_types(world, node, RoomCommand::Expel { room: named, who });
        }
        85..=86 => {
            world.ledger.rooms.touched.insert((room, node));
            let now_us = world.now_us;
            world.ledger.rooms.left_us.insert((room, node), now_us);
            room_types(world, node, RoomCommand::Leave(named));
        }
        87..=88 => {
            let name = format!("room {}", world.next_order);
            user_types(world, node, Command::Rename { who: named, name });
        }
        89..=90 => room_types(world, node, RoomCommand::Members(named)),
        91..=99 => room_forge(world, node, peer, room),
        _ => {}
    }
}

/// Команда о комнате.
fn room_types(world: &mut World, node: usize, command: RoomCommand) {
    user_types(world, node, Command::Room(command));
}

/// Заводит комнату со всеми, кто в контактах.
fn room_begin(world: &mut World, node: usize, own: usize) {
    let mut whos = Vec::new();
    for peer in 0..world.nodes.len() {
        let id = world.nodes[peer].id;
        if peer != node && world.nodes[node].client.contacts.contains_key(&id) {
            whos.push(id_digits(id));
        }
    }
    let name = format!("room{node}.{own}.{}", world.next_order);
    room_types(world, node, RoomCommand::Make { name, whos });
}

/// Правит одно из своих сообщений в комнате.
fn room_edit(world: &mut World, node: usize, room: Id) {
    let mut ids: Vec<MessageId> = Vec::new();
    for (id, case) in &world.ledger.rooms.texts {
        if case.from == node && case.room == room && case.level > 0 {
            ids.push(*id);
        }
    }
    let index = random_below(&mut world.random, ids.len() as u64) as usize;
    if let Some(id) = ids.get(index) {
        let (reference, text) = (hex::encode(id), text_make(world, 100));
        user_types(world, node, Command::Past(PastCommand::Edit { reference, text }));
    }
}

/// Подделка: чужой список с собой во главе, слова в комнате, где его нет, правка чужого. Печать и
/// порядок у неё честные: участник может прислать что угодно, но верить ему нельзя.
fn room_forge(world: &mut World, node: usize, peer: usize, room: Id) {
    let target = world.nodes[peer].id;
    let known = match world.nodes[peer].client.rooms.get(&room) {
        Some(known) => known.facts.clone(),
        None => match world.nodes[node].client.rooms.get(&room) {
            Some(known) => known.facts.clone(),
            None => return,
        },
    };
    let forger = world.nodes[node].id;
    if peer == node || !world.nodes[node].client.contacts.contains_key(&target) {
        return;
    }
    let now = world_time(world, world.nodes[node].born_us, 0);
    let mut envelope = envelope_new(&world.nodes[node].client, ENVELOPE_TEXT, now);
    random_fill(&mut world.random, &mut envelope.id);
    envelope.text = FORGED.as_bytes().to_vec();
    envelope.room = Some(room_note(&known));
    match random_below(&mut world.random, 3) {
        0 if known.owner != forger => {
            let mut facts = known;
            facts.name = String::from(FORGED);
            facts.version += 1_000_000_000;
            envelope.kind = ENVELOPE_ROOM;
            envelope.room = Some(room_list(&facts, true));
        }
        1 => {
            let other = match other_text(world, node, room) {
                Some(other) => other,
                None => return,
            };
            envelope.kind = ENVELOPE_EDIT;
            envelope.about = other;
            envelope.time += 1_000_000_000;
        }
        _ if !member_in(&known, forger) && room_unseen(world, peer, room, node) => {
            world.ledger.rooms.banned.insert((room, node));
        }
        _ => return,
    }
    world.ledger.rooms.forged.insert(envelope.id);
    let mut out = Out::default();
    outbox_put(&mut world.nodes[node].client, target, envelope, None, &mut out);
    actions_apply(world, node, &mut out, None);
}

/// Не был ли подделывающий в этой комнате и не звали ли его: тогда слова его и вправду чужие.
fn room_unseen(world: &World, peer: usize, room: Id, node: usize) -> bool {
    let there = world.nodes[peer].client.rooms.contains_key(&room);
    there && !world.ledger.rooms.touched.contains(&(room, node))
}

/// Чужое сообщение этой комнаты.
fn other_text(world: &World, node: usize, room: Id) -> Option<MessageId> {
    for (id, case) in world.ledger.rooms.texts.iter().rev() {
        if case.from != node && case.room == room {
            return Some(*id);
        }
    }
    None
}

/// Кому едут копии из этой комнаты.
pub fn room_peers(world: &World, node: usize, room: Id) -> Vec<Id> {
    room_readers(&world.nodes[node].client, room)
}

/// Текст в комнату написан и оплачен.
pub fn room_written(world: &mut World, node: usize, message: &MessageShow) {
    let mut to = Vec::new();
    for id in room_peers(world, node, message.peer) {
        if let Some(reader) = node_of(world, id) {
            to.push(reader);
        }
    }
    world.ledger.written += 1;
    let mut before = 0;
    for case in world.ledger.rooms.texts.values() {
        before += u64::from(case.from == node && case.room == message.peer);
    }
    let case = RoomText {
        from: node,
        room: message.peer,
        order: world.ledger.written,
        text: message.text.clone(),
        to,
        before,
        ..RoomText::default()
    };
    world.ledger.rooms.texts.insert(message.message, case);
}

/// How long what was opened before one left may still be on its way to the face.
const JUST_LEFT_US: u64 = 2_000_000;

/// Человек увидел сказанное в комнате.
pub fn room_shown(world: &mut World, node: usize, message: &MessageShow) {
    let epoch = world.nodes[node].epoch;
    let author = node_of(world, message.author);
    let listed = match world.nodes[node].client.rooms.get(&message.peer) {
        Some(room) => {
            let there = member_in(&room.facts, message.author);
            let left = world.ledger.rooms.left_us.get(&(message.peer, node));
            let just = match left {
                Some(at) => world.now_us < at + JUST_LEFT_US,
                None => false,
            };
            there && (room.facts.state == RoomState::Joined || just)
        }
        None => false,
    };
    if message.text.starts_with(FORGED) || !listed {
        let detail = format!("client{node} sees {:?} of {}", message.text, message.author);
        world_broken(world, "room-forged", &detail);
    }
    if message.edited != 0 {
        return;
    }
    let Some(case) = world.ledger.rooms.texts.get_mut(&message.message) else {
        let detail = format!("client{node} sees a text nobody wrote in a room");
        return world_broken(world, "text-unknown", &detail);
    };
    let right = case.text == message.text && Some(case.from) == author && case.room == message.peer;
    let again = case.shown.contains_key(&node);
    case.shown.entry(node).or_default().push(epoch);
    let (key, order) = ((case.room, case.from, node), case.order);
    if !right || again {
        let law = if again { "shown-twice" } else { "text-changed" };
        world_broken(world, law, &format!("client{node}: room text {order}"));
    }
    let last = world.ledger.rooms.last.insert(key, order).unwrap_or(0);
    let fresh = world.ledger.anew.contains(&(key.1, node));
    if order <= last && !fresh && !world.plan.tamper && !world.plan.restores {
        let detail = format!("client{node} sees room text {order} after {last}");
        world_broken(world, "order", &detail);
    }
}

/// Состояние своего сообщения в комнате; `false` — оно не оттуда.
pub fn room_receipt(
    world: &mut World,
    node: usize,
    message: &MessageId,
    state: ReceiptState,
) -> bool {
    let calm = room_calm(world);
    if world.ledger.rooms.forged.contains(message) {
        return true;
    }
    let Some(case) = world.ledger.rooms.texts.get_mut(message) else {
        return false;
    };
    let level = match state {
        ReceiptState::Failed => 0,
        ReceiptState::Queued => 1,
        ReceiptState::Stored => 2,
        ReceiptState::Delivered => 3,
        ReceiptState::Read => 4,
    };
    let (before, case) = (case.level, {
        case.level = u8::max(case.level, level);
        case.clone()
    });
    if calm && (level < before || case.from != node) {
        let detail = format!("room text {}: {state:?} after {before}", case.order);
        world_broken(world, "receipt-back", &detail);
    }
    for reader in &case.to {
        // Сказанное убранным подтверждают, но не берут.
        let touched = world.ledger.rooms.touched.contains(&(case.room, *reader))
            || world.ledger.rooms.touched.contains(&(case.room, node));
        if touched || !room_there(world, *reader, case.room) || !calm {
            continue;
        }
        if level >= 3 && !case.stored.contains_key(reader) && !waits(world, *reader, node, message)
        {
            let detail = format!("room text {} of client{node}: not at {reader}", case.order);
            world_broken(world, "delivered-not-shown", &detail);
        }
        if level == 4 && !world.ledger.rooms.looked.contains(&(case.room, *reader)) {
            let detail = format!("room text {}: client{reader} never looked", case.order);
            world_broken(world, "read-unseen", &detail);
        }
    }
    true
}

/// Лежит ли у читателя сказанное этим автором, ожидая списка, или только что дождавшись.
fn waits(world: &World, reader: usize, author: usize, message: &MessageId) -> bool {
    let author = world.nodes[author].id;
    let query = format!("SELECT COUNT(*) FROM room_waiting WHERE ?1 = ?1 AND author = {author}");
    base_count(world, reader, &query, &[]) > 0 || base_count(world, reader, ROWS_IN, message) > 0
}

/// Не возвращалась ли прежняя база и не лез ли кто посередине: тогда обещанное может и пропасть.
fn room_calm(world: &World) -> bool {
    !world.plan.restores && !world.plan.tamper
}

/// Есть ли этот человек в комнате, по его собственному списку.
fn room_there(world: &World, node: usize, room: Id) -> bool {
    match world.nodes[node].client.rooms.get(&room) {
        Some(known) => known.facts.state == RoomState::Joined,
        None => false,
    }
}

/// Запись удалась: сказанное в комнате лежит у читателя.
pub fn room_told(world: &mut World, node: usize, told: &BaseTold) {
    let BaseTold::Room(RoomTold::Said { envelope, came, .. }) = told else {
        return;
    };
    let epoch = world.nodes[node].epoch;
    if let Some(case) = world.ledger.rooms.texts.get_mut(&envelope.id) {
        if envelope.kind == ENVELOPE_TEXT && came.fresh {
            case.stored.insert(node, epoch);
        }
    }
}

/// Клиент умер: чего он не обещал, то может пропасть.
pub fn room_crashed(world: &mut World, node: usize) {
    for case in world.ledger.rooms.texts.values_mut() {
        case.forfeited = case.forfeited || case.from == node && case.level == 0;
    }
}

/// У клиента прежняя копия базы: чего в ней нет, то может прийти снова.
pub fn room_restored(world: &mut World, node: usize) {
    let mut ids: Vec<MessageId> = Vec::new();
    for id in world.ledger.rooms.texts.keys() {
        ids.push(*id);
    }
    for id in ids {
        let there = base_count(world, node, ROWS_IN, &id) > 0;
        if let (Some(case), false) = (world.ledger.rooms.texts.get_mut(&id), there) {
            case.shown.remove(&node);
            case.stored.remove(&node);
        }
    }
}

/// В конце: у каждого, кто был в комнате всё время, всё лежит один раз и показано; списки сошлись.
pub fn rooms_check(world: &mut World) {
    let mut wrong: Vec<(&str, String)> = Vec::new();
    for (id, case) in &world.ledger.rooms.texts {
        let gone = world.nodes[case.from].left.is_some();
        for reader in &case.to {
            let rows = base_count(world, *reader, ROWS_IN, id);
            let line = format!(
                "room text {} of client{} to client{reader}: {rows} rows, level {}, shown {:?}",
                case.order, case.from, case.level, case.shown
            );
            if rows > 1 {
                wrong.push(("text-rows", line.clone()));
            }
            let touched = world.ledger.rooms.touched.contains(&(case.room, *reader))
                || world.ledger.rooms.touched.contains(&(case.room, case.from));
            let sure = case.level > 0 && case.before < WAITING_SURE && room_calm(world);
            let away = gone || world.nodes[*reader].left.is_some() || world.plan.contacts_removed;
            if touched || away || !sure || case.forfeited || !room_there(world, *reader, case.room)
            {
                continue;
            }
            let later = match case.stored.get(reader) {
                Some(epoch) => world.nodes[*reader].epoch > *epoch,
                None => false,
            };
            if rows != 1 || !case.shown.contains_key(reader) && !later {
                wrong.push(("text-lost", line));
            }
        }
    }
    lists_check(world, &mut wrong);
    for (law, detail) in wrong {
        world_broken(world, law, &detail);
    }
}

/// Список у каждого, кто есть в комнате, — тот же, что у хозяина; подделанных имён нет.
fn lists_check(world: &World, wrong: &mut Vec<(&'static str, String)>) {
    for (index, node) in world.nodes.iter().enumerate() {
        for room in node.client.rooms.values() {
            let facts = &room.facts;
            if facts.name == FORGED {
                wrong.push(("room-forged", format!("client{index} has a forged list")));
            }
            let Some(owner) = node_of(world, facts.owner) else {
                continue;
            };
            let there = world.nodes[owner].left.is_none() && node.left.is_none();
            let Some(own) = world.nodes[owner].client.rooms.get(&facts.id) else {
                continue;
            };
            let both = facts.state == RoomState::Joined && own.facts.state == RoomState::Joined;
            let sure = room_calm(world) && !world.plan.contacts_removed;
            if !there || !both || !sure {
                continue;
            }
            let same = lists_agree(world, facts, &own.facts);
            if !same || facts.name != own.facts.name {
                let detail = format!("client{index}: {facts:?}, the owner: {:?}", own.facts);
                wrong.push(("room-list", detail));
            }
        }
    }
}

/// Одни ли люди в двух списках. Кто вышел из комнаты и ушёл насовсем, о том письмо дошло, может
/// быть, не до всех, а досылать его некому: он значится у одних и не значится у других.
fn lists_agree(world: &World, one: &RoomFacts, other: &RoomFacts) -> bool {
    for (facts, against) in [(one, other), (other, one)] {
        for member in &facts.members {
            if !member_in(against, member.id) && !left_for_good(world, member.id, facts.id) {
                return false;
            }
        }
    }
    true
}

/// Вышел ли он из этой комнаты сам и ушёл насовсем.
fn left_for_good(world: &World, id: Id, room: Id) -> bool {
    let Some(node) = node_of(world, id) else {
        return false;
    };
    let node = &world.nodes[node];
    match node.client.rooms.get(&room) {
        Some(known) => node.left.is_some() && known.facts.state == RoomState::Left,
        None => false,
    }
}
