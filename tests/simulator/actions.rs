//! What the logic of a client wants done, done to the model: packets into lanes, orders to the
//! model workers, rows to the model disk, things to show into the ledger.
//! Чего захотела логика клиента — исполнено на модели: пакеты в полосы, приказы изображённым
//! работникам, строки на изображённый диск, показанное в книгу учёта.

use supertext::base::bounds::LANE_MESSAGES_MAX;
use supertext::base::fail::{FailKind, fail};
use supertext::logic::events::{Action, ClientEvent, LinkId, Out};
use supertext::wire::message::Sealed;
use supertext::wire::packets::{Kind, Lane, packet_find};

use super::disk::{OutJournal, disk_finished};
use super::ledger::{ledger_limits, ledger_paid, node_of};
use super::mesh::{carried_inside, carry_send};
use super::network::{Packet, lane_index, packets_cut, way_put, wire_close};
use super::node::node_step;
use super::pairs::{end_of, hole_gather, hole_punch, pair_call};
use super::random::{random_below, random_chance};
use super::reader::{ReaderOrder, reader_order};
use super::saver::{SaverOrder, saver_order, saver_sync};
use super::shown::show_take;
use super::world::{Happening, World, world_broken, world_later, world_trace};

/// Исполняет все действия одного шага.
pub fn actions_apply(world: &mut World, node: usize, out: &mut Out, at_hand: Option<&Packet>) {
    let actions = std::mem::take(&mut out.actions);
    let mut over: Option<LinkId> = None;
    for action in actions {
        if let Action::Send { link, lane, start, end } = &action {
            if lane_full(world, node, *link, *lane, end - start) {
                // Не влезло в собственную полосу: вся посылка пропала, как у настоящего.
                world.ledger.refused += 1;
                over = Some(*link);
                continue;
            }
        }
        action_apply(world, node, action, &out.bytes, at_hand);
    }
    if let (Some(link), true) = (over, at_hand.is_some()) {
        link_close(world, node, link, FailKind::PeerSlow);
        let fail = fail(FailKind::PeerSlow, "");
        node_step(world, node, ClientEvent::LinkDown { link, fail }, None);
    }
}

/// Полна ли полоса сообщений собственной линии.
fn lane_full(world: &World, node: usize, link: LinkId, lane: Lane, bytes: usize) -> bool {
    let Some(number) = world.nodes[node].wires.get(&link) else {
        return false;
    };
    let index = lane_index(lane);
    let way = 1 - end_of(world, *number, node);
    match world.wires.get(number) {
        Some(wire) => index == 0 && wire.ways[way].bytes[0] + bytes > LANE_MESSAGES_MAX,
        None => false,
    }
}

/// Одно действие: сеть, показ и диск здесь, файлы ниже.
fn action_apply(
    world: &mut World,
    node: usize,
    action: Action,
    bytes: &[u8],
    at_hand: Option<&Packet>,
) {
    match action {
        Action::Send { link, lane, start, end } => {
            for packet in packets_cut(&bytes[start..end]) {
                link_send(world, node, link, lane, packet);
            }
        }
        Action::Carry { link, lane, start, end } => {
            carry_send(world, node, link, lane, &bytes[start..end], at_hand);
        }
        Action::Close { link, fail } => link_close(world, node, link, fail),
        Action::Connect { link } => link_connect(world, node, link),
        Action::Call { link, addresses, .. } => pair_call(world, node, link, &addresses[0]),
        Action::Seek { .. } | Action::Map { .. } | Action::Ask { .. } => {}
        Action::Gather { peer } => hole_gather(world, node, peer),
        Action::Punch(wish) => hole_punch(world, node, &wish),
        Action::Show(show) => show_take(world, node, show),
        Action::LimitsSave { rows } => {
            ledger_limits(world, node, &rows);
            world.nodes[node].disk.limits = rows;
        }
        Action::ContactsSave { rows } => world.nodes[node].disk.contacts = rows,
        Action::Setting { .. } | Action::Export { .. } | Action::Vault(_) => {}
        Action::FinishedSave { row } => disk_finished(&mut world.nodes[node].disk, row),
        Action::Exit { code } => {
            let place = &mut world.nodes[node];
            place.alive = false;
            place.left = Some(code);
            saver_sync(world, node);
            if world.trace {
                world_trace(world, &format!("client{node} leaves with code {code}"));
            }
        }
        Action::Base(order) => saver_order(world, node, SaverOrder::Base(order)),
        Action::Forward { .. } | Action::Register { .. } | Action::Mail(_) => {
            world_broken(world, "client-action", &format!("{action:?}"));
        }
        Action::SourceOpen { .. }
        | Action::SourceKeep { .. }
        | Action::SourceRead { .. }
        | Action::SourceHalt { .. }
        | Action::SourceDrop { .. } => source_apply(world, node, action),
        Action::PartOpen { .. }
        | Action::PartPacket { .. }
        | Action::PartHalt { .. }
        | Action::PartDrop { .. } => part_apply(world, node, action, at_hand),
    }
}

/// Действия для изображённого filereader.
fn source_apply(world: &mut World, node: usize, action: Action) {
    match action {
        Action::SourceOpen { transfer, path } => {
            reader_order(world, node, ReaderOrder::Open { transfer, path });
        }
        Action::SourceKeep { transfer, facts } => {
            ledger_paid(world, node, &facts);
            let journal = OutJournal { facts: facts.clone(), attempt: 0 };
            let disk = &mut world.nodes[node].disk;
            disk.outgoing.insert(facts.transfer, journal);
            world.nodes[node].numbers.insert(transfer, facts.transfer);
        }
        Action::SourceRead { transfer, link, me, first, count, fresh, .. } => {
            let Some(id) = world.nodes[node].numbers.get(&transfer).copied() else {
                world_broken(world, "source-unknown", &format!("client{node} {transfer}"));
                return;
            };
            if world.trace {
                let line = format!("client{node} reads {transfer}: {first}+{count} fresh {fresh}");
                world_trace(world, &line);
            }
            let order = ReaderOrder::Read { transfer, id, link, me, first, count, fresh };
            reader_order(world, node, order);
        }
        Action::SourceHalt { transfer } => {
            reader_order(world, node, ReaderOrder::Halt { transfer });
        }
        Action::SourceDrop { transfer } => {
            let id = world.nodes[node].numbers.get(&transfer).copied();
            reader_order(world, node, ReaderOrder::Drop { transfer, id });
        }
        other => world_broken(world, "client-action", &format!("{other:?}")),
    }
}

/// Действия для изображённого filesaver.
fn part_apply(world: &mut World, node: usize, action: Action, at_hand: Option<&Packet>) {
    match action {
        Action::PartOpen { transfer, facts } => {
            saver_order(world, node, SaverOrder::Open { transfer, facts });
        }
        Action::PartPacket { transfer, skip } => {
            let Some(packet) = at_hand else {
                world_broken(world, "client-action", "PartPacket without a packet");
                return;
            };
            let inside;
            let packet = match carried_inside(packet) {
                Some(found) if skip > 0 => {
                    inside = found;
                    &inside
                }
                _ => packet,
            };
            let Ok(row) = packet_find(&packet.header) else {
                return;
            };
            let (kind, data) = (row.kind, packet.data.clone());
            saver_order(world, node, SaverOrder::Packet { transfer, kind, data });
        }
        Action::PartHalt { transfer } => saver_order(world, node, SaverOrder::Halt { transfer }),
        Action::PartDrop { transfer, facts } => {
            let id = facts.transfer;
            saver_order(world, node, SaverOrder::Drop { transfer, id });
        }
        other => world_broken(world, "client-action", &format!("{other:?}")),
    }
}

/// Пакет по линии этого запуска программы.
pub fn link_send(world: &mut World, node: usize, link: LinkId, lane: Lane, packet: Packet) {
    if let Some(number) = world.nodes[node].wires.get(&link).copied() {
        match carried_inside(&packet) {
            Some(inner) if packet.header.source_id == world.nodes[node].id => {
                super::ledger::ledger_sent(world, node, &inner);
            }
            _ => super::ledger::ledger_sent(world, node, &packet),
        }
        if world.trace && lane == Lane::Messages {
            packet_trace(world, &format!("client{node} sends"), &packet);
        }
        let way = 1 - end_of(world, number, node);
        way_put(world, number, way, lane_index(lane), packet);
    }
}

/// Ход прогона: пакет полосы сообщений, запечатанное — с его местом в порядке.
pub fn packet_trace(world: &World, who: &str, packet: &Packet) {
    let Ok(row) = packet_find(&packet.header) else {
        return;
    };
    let mut about = String::new();
    if row.kind == Kind::Message && packet.data[0..4] == [0, 0, 0, 1] {
        let decoded: Result<Sealed, minicbor::decode::Error> = minicbor::decode(&packet.data[4..]);
        if let Ok(sealed) = decoded {
            let (kind, sequence, run) = (sealed.kind, sealed.sequence, sealed.run % 10_000);
            about = format!("kind {kind} run {run} sequence {sequence}");
        }
    }
    let to = match node_of(world, packet.header.dest_id) {
        Some(node) => format!("client{node}"),
        None => String::from("server"),
    };
    world_trace(world, &format!("{who} {} to {to} {about}", row.name));
}

/// Закрыть линию со своей стороны.
fn link_close(world: &mut World, node: usize, link: LinkId, fail: FailKind) {
    if world.trace {
        world_trace(world, &format!("client{node} closes link {link}: {fail:?}"));
    }
    if let Some(number) = world.nodes[node].wires.get(&link).copied() {
        let end = end_of(world, number, node);
        wire_close(world, number, end);
    }
}

/// Позвонить серверу: обычно быстро, изредка так долго, что логика сдаётся раньше.
fn link_connect(world: &mut World, node: usize, link: LinkId) {
    let epoch = world.nodes[node].epoch;
    let refused = random_chance(&mut world.random, world.plan.connect_fails);
    let made = world.healed || !refused;
    let slow = !world.healed && random_chance(&mut world.random, 40);
    let span = if slow { 40_000 } else { 400 };
    let after = (2 + random_below(&mut world.random, span)) * 1000;
    if world.trace {
        world_trace(world, &format!("client{node} connects, link {link}, made {made}"));
    }
    world_later(world, after, Happening::Connected { node, epoch, link, made });
}
