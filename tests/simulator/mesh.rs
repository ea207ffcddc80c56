//! Runs without a server: the clients stand in a chain or a ring, and what one has for another who is
//! no neighbour of his travels over those between them.
//! Прогоны без сервера: клиенты стоят в цепочке или кольце, и сказанное не соседу едет через тех, кто
//! между ними.

use supertext::base::bounds::{CARRY_FILES_MAX, CARRY_MESSAGES_MAX, HEADER_BYTES};
use supertext::logic::card::card_make;
use supertext::logic::events::{Action, Command, LinkCommand, LinkId, Out, Standing};
use supertext::logic::mesh_carry::carry_batch;
use supertext::logic::show::PeerState;
use supertext::wire::carry::carry_read;
use supertext::wire::header::{header_bytes, header_read};
use supertext::wire::packets::{Family, Lane, packet_find};

use super::actions::link_send;
use super::network::{Packet, lane_index, packet_new, packets_cut};
use super::pairs::end_of;
use super::plan::Plan;
use super::random::{random_chance, random_range};
use super::world::{Happening, World, world_at, world_broken};

/// Кого из живых контактов не видно на связи: сеть срослась, видны должны быть все.
pub fn unseen(world: &World, node: usize) -> Option<String> {
    for contact in world.nodes[node].client.contacts.values() {
        let Some(other) = super::ledger::node_of(world, contact.id) else {
            continue;
        };
        let there = world.nodes[other].alive && contact.standing == Standing::Contact;
        if there && contact.state != PeerState::Online {
            return Some(format!("client{node} does not see client{other}"));
        }
    }
    None
}

/// План прогона без сервера: всё, что делает сервер или с ним, отпадает.
pub fn mesh_plan(plan: &mut Plan, state: &mut u64) {
    plan.mesh = true;
    plan.clients = random_range(state, 3, 5) as usize;
    plan.ring = random_chance(state, 400);
    plan.direct = random_chance(state, 500);
    plan.client_crashes = random_chance(state, 700);
    plan.server_crashes = false;
    plan.carry_lost = if random_chance(state, 300) { random_range(state, 5, 150) } else { 0 };
    plan.mail_fails = 0;
    plan.dier = None;
    plan.restores = false;
    plan.tamper = false;
    plan.contacts_removed = false;
    plan.wordy = false;
    plan.thin = false;
    plan.text_max = u64::min(plan.text_max, 40_000);
    plan.rate_healed = 4_000_000;
    // Кто уходит насовсем, тот последний: цепочка без него цела, кольцо становится цепочкой.
    plan.leaver = random_chance(state, 150);
}

/// Стоят ли двое в цепочке или кольце рядом.
pub fn is_neighbour(world: &World, one: usize, other: usize) -> bool {
    let last = world.nodes.len() - 1;
    let (low, high) = (usize::min(one, other), usize::max(one, other));
    high - low == 1 || (world.plan.ring && low == 0 && high == last)
}

/// В самом начале каждый зовёт соседей: так они становятся контактами друг друга.
pub fn mesh_links(world: &mut World) {
    if !world.plan.mesh {
        return;
    }
    for node in 0..world.nodes.len() {
        for peer in 0..world.nodes.len() {
            if peer == node || !is_neighbour(world, node, peer) {
                continue;
            }
            let place = &world.nodes[peer];
            let card = card_make(place.id, &[format!("node{peer}:1")], &hex::encode(place.key));
            let command = Command::Link(LinkCommand::Connect(card));
            world_at(world, 400_000, Happening::Typed { node, epoch: 1, command });
        }
    }
}

/// Пакет внутри CARRY; `None`, если это не CARRY.
pub fn carried_inside(packet: &Packet) -> Option<Packet> {
    let row = packet_find(&packet.header).ok()?;
    if row.family != Family::Carry {
        return None;
    }
    let (_, inner) = carry_read(&packet.data).ok()?;
    Some(packet_new(header_read(inner)?, inner[HEADER_BYTES..].to_vec()))
}

/// Считает пришедшее внутри CARRY.
pub fn carried_count(world: &mut World, packet: &Packet) {
    if carried_inside(packet).is_some() {
        world.ledger.came_inside += 1;
    }
}

/// Передаёт чужой пакет дальше, если полоса не полна. На один пришедший — не больше одного.
pub fn carry_send(
    world: &mut World,
    node: usize,
    link: LinkId,
    lane: Lane,
    bytes: &[u8],
    at_hand: Option<&Packet>,
) {
    let came = match at_hand {
        Some(packet) => packet.header.source_id,
        None => 0,
    };
    let list = packets_cut(bytes);
    if list.len() != 1 || list[0].header.source_id != came {
        return world_broken(world, "carry-grows", &format!("client{node}: {}", list.len()));
    }
    let Some(number) = world.nodes[node].wires.get(&link).copied() else {
        return;
    };
    let way = 1 - end_of(world, number, node);
    let bound = match lane {
        Lane::Messages => CARRY_MESSAGES_MAX,
        Lane::Files => usize::min(CARRY_FILES_MAX, world.plan.lane_files),
    };
    let Some(wire) = world.wires.get(&number) else {
        return;
    };
    if wire.ways[way].bytes[lane_index(lane)] + list[0].weight > bound {
        world.ledger.overflows += 1;
        return;
    }
    if !world.healed && random_chance(&mut world.random, world.plan.carry_lost) {
        world.ledger.overflows += 1;
        return;
    }
    world.ledger.carried += 1;
    for packet in list {
        link_send(world, node, link, lane, packet);
    }
}

/// Пакет файла по линии через третьего: едет внутри CARRY, как у настоящего controller-а.
pub fn file_carry(world: &mut World, node: usize, link: LinkId, packet: &Packet) {
    let mut bytes = header_bytes(&packet.header).to_vec();
    bytes.extend_from_slice(&packet.data);
    let mut out = Out::default();
    carry_batch(&mut world.nodes[node].client, link, &bytes, &mut out);
    for action in &out.actions {
        if let Action::Send { link, lane, start, end } = action {
            for packet in packets_cut(&out.bytes[*start..*end]) {
                link_send(world, node, *link, *lane, packet);
            }
        }
    }
}
