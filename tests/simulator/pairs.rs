//! Direct links of the model: a wire whose far end is another client. The caller stands at the end
//! TO_CLIENT, whom he called at the end TO_SERVER.
//! Прямые линии модели: провод, на дальнем конце которого другой клиент. Позвонивший стоит на конце
//! TO_CLIENT, тот, кому звонят, — на конце TO_SERVER.

use std::net::IpAddr;

use supertext::base::fail::{FailKind, fail};
use supertext::base::ids::Id;
use supertext::logic::card::card_make;
use supertext::logic::events::{ClientEvent, Command, LinkCommand, LinkId, Punch};

use super::mesh::{carried_count, is_neighbour};
use super::network::{Packet, TO_CLIENT, TO_SERVER, wire_make};
use super::node::node_step;
use super::random::{random_below, random_chance};
use super::user::user_types;
use super::world::{Happening, World, world_later, world_trace};

/// Links that others began have numbers from here on.
const ACCEPTED_FIRST: LinkId = 1_000_000;

/// На каком конце провода стоит этот клиент.
pub fn end_of(world: &World, number: u32, node: usize) -> usize {
    match world.wires.get(&number) {
        Some(wire) if wire.far == Some(node) => TO_SERVER,
        Some(_) | None => TO_CLIENT,
    }
}

/// Человек зовёт другого по визитке или кончает прямые линии с ним.
pub fn user_links(world: &mut World, node: usize, peer: usize, who: String) {
    if world.plan.mesh && is_neighbour(world, node, peer) {
        // Цепочка стоит; меняются только линии поперёк неё.
        return;
    }
    if random_chance(&mut world.random, 250) {
        return user_types(world, node, Command::Link(LinkCommand::Disconnect(who)));
    }
    let place = &world.nodes[peer];
    let card = card_make(place.id, &[format!("node{peer}:1")], &hex::encode(place.key));
    user_types(world, node, Command::Link(LinkCommand::Connect(card)));
}

/// Звонок: обычно быстро, изредка долго, изредка никак.
pub fn pair_call(world: &mut World, node: usize, link: LinkId, address: &str) {
    let epoch = world.nodes[node].epoch;
    let digits = address.trim_start_matches("node").trim_end_matches(":1");
    let far: usize = digits.parse().expect("an address of the model");
    let refused = random_chance(&mut world.random, world.plan.connect_fails);
    let made = world.healed || !refused;
    let after = (2 + random_below(&mut world.random, 400)) * 1000;
    if world.trace {
        world_trace(world, &format!("client{node} calls client{far}, link {link}, made {made}"));
    }
    world_later(world, after, Happening::Called { node, epoch, link, far, made });
}

/// Где клиента найти и чем к нему стучать, узнаётся погодя; в прогонах без прямых линий — никогда.
pub fn hole_gather(world: &mut World, node: usize, peer: Id) {
    if !world.plan.direct || !world.plan.turns.is_multiple_of(3) {
        return;
    }
    let epoch = world.nodes[node].epoch;
    let after = (2 + random_below(&mut world.random, 400)) * 1000;
    world_later(world, after, Happening::Gathered { node, epoch, peer });
}

/// Узналось: адрес называет клиента, слово каждый раз новое.
pub fn hole_gathered(world: &mut World, node: usize, peer: Id) {
    let mut token = [0u8; 12];
    for byte in &mut token {
        *byte = random_below(&mut world.random, 256) as u8;
    }
    let addresses = vec![format!("192.0.2.{}:1000", node + 1)];
    node_step(world, node, ClientEvent::Gathered { peer, token, addresses }, None);
}

/// Дыра: звонит тот, у кого номер линии; дальше всё как у прочих прямых линий.
pub fn hole_punch(world: &mut World, node: usize, wish: &Punch) {
    if wish.link != 0 {
        let octets = match wish.addresses[0].ip() {
            IpAddr::V4(plain) => plain.octets(),
            IpAddr::V6(_) => panic!("an address of the model"),
        };
        pair_call(world, node, wish.link, &format!("node{}:1", octets[3] - 1));
    }
}

/// Дозвонились, если тот жив: у позвонившего TLS стоит сразу, у того — погодя.
pub fn pair_made(world: &mut World, node: usize, link: LinkId, far: usize, made: bool) {
    if !made || !world.nodes[far].alive {
        let fail = fail(FailKind::Connect, "");
        return node_step(world, node, ClientEvent::LinkDown { link, fail }, None);
    }
    let number = wire_make(world, node, link);
    let epoch = world.nodes[far].epoch;
    if let Some(wire) = world.wires.get_mut(&number) {
        wire.far = Some(far);
        wire.server_epoch = epoch;
    }
    world.nodes[node].wires.insert(link, number);
    let (key, from) = (world.nodes[far].key, format!("node{far}:1"));
    node_step(world, node, ClientEvent::PersonUp { link, key, from }, None);
}

/// TLS встал и у того, кому звонят.
pub fn pair_up(world: &mut World, number: u32) {
    let Some(wire) = world.wires.get_mut(&number) else {
        return;
    };
    let (node, Some(far)) = (wire.node, wire.far) else {
        return;
    };
    let place = &mut world.nodes[far];
    if !place.alive
        || place.epoch != wire.server_epoch
        || wire.ways[TO_SERVER].dead
        || wire.told[TO_SERVER]
    {
        world_later(world, 1000, Happening::Learned { wire: number, end: TO_CLIENT });
        return;
    }
    let link = ACCEPTED_FIRST + number;
    wire.server_link = link;
    wire.open[TO_SERVER] = true;
    place.wires.insert(link, number);
    world.ledger.directs += 1;
    let (key, from) = (world.nodes[node].key, format!("node{node}:2"));
    node_step(world, far, ClientEvent::PersonUp { link, key, from }, None);
}

/// Пакет дошёл до того, кому звонили.
pub fn pair_packet(world: &mut World, far: usize, link: LinkId, packet: &Packet) {
    if packet.header.content_type != 0 {
        world.ledger.direct_packets += 1;
    }
    carried_count(world, packet);
    let event = ClientEvent::Packet { link, header: packet.header, data: &packet.data };
    node_step(world, far, event, Some(packet));
}

/// Тот, кому звонили, узнаёт, что линии больше нет.
pub fn pair_down(world: &mut World, far: usize, epoch: u32, link: LinkId) {
    if link != 0 && world.nodes[far].alive && world.nodes[far].epoch == epoch {
        let fail = fail(FailKind::LinkClosed, "");
        node_step(world, far, ClientEvent::LinkDown { link, fail }, None);
    }
}
