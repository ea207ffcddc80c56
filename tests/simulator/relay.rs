//! The server process: the logic's step and its actions: forwarding into bounded lanes, closing,
//! crash and restart. The register and mail.db survive a crash.
//! Процесс сервера: шаг логики и его действия: пересылка в полосы с пределом, закрытие, крах и
//! запуск. Крах переживают список номеров и mail.db.

use supertext::logic::events::{Action, LinkId, Out, ServerEvent, out_clear};
use supertext::logic::server::{Server, server_step};
use supertext::wire::packets::Lane;

use super::mail::{mail_boot, mail_later};
use super::network::{
    Packet, TO_CLIENT, TO_SERVER, Wire, lane_index, packets_cut, way_put, wire_close, wire_orphan,
};
use super::pairs::pair_up;
use super::tamper::tamper_pass;
use super::world::{
    Happening, World, world_broken, world_lane_max, world_later, world_time, world_trace,
    world_wait,
};

/// Сервер запущен; список номеров и почта с диска.
pub fn relay_start(world: &mut World) {
    if world.server.alive {
        return;
    }
    let registered = std::mem::take(&mut world.server.server.registered);
    let mailboxes = mail_boot(world);
    let mut mail_bytes = 0;
    for mailbox in mailboxes.values() {
        mail_bytes += mailbox.bytes;
    }
    world.server.alive = true;
    world.server.epoch += 1;
    world.server.born_us = world.now_us;
    world.server.server = Server { registered, mailboxes, mail_bytes, ..Server::default() };
    world.server.next_link = 1;
    world.server.wires.clear();
    if world.trace {
        world_trace(world, "server starts");
    }
}

/// Крах сервера: все линии осиротели.
pub fn relay_crash(world: &mut World) {
    if !world.server.alive {
        return;
    }
    world.server.alive = false;
    if world.trace {
        world_trace(world, "server crashes");
    }
    let mut wires: Vec<u32> = Vec::new();
    for (number, wire) in &world.wires {
        if wire.far.is_none() {
            wires.push(*number);
        }
    }
    for number in wires {
        wire_orphan(world, number, TO_SERVER);
    }
    let after = world_wait(world, 50, 15_000);
    world_later(world, after, Happening::ServerRestart);
}

/// TLS встал и на стороне сервера.
pub fn relay_up(world: &mut World, number: u32) {
    if let Some(Wire { far: Some(_), .. }) = world.wires.get(&number) {
        return pair_up(world, number);
    }
    let (alive, epoch) = (world.server.alive, world.server.epoch);
    let Some(wire) = world.wires.get_mut(&number) else {
        return;
    };
    if !alive || wire.server_epoch != epoch || wire.ways[TO_SERVER].dead || wire.told[TO_SERVER] {
        world_later(world, 1000, Happening::Learned { wire: number, end: TO_CLIENT });
        return;
    }
    let link = world.server.next_link;
    world.server.next_link += 1;
    wire.server_link = link;
    wire.open[TO_SERVER] = true;
    let key = world.nodes[wire.node].key;
    world.server.wires.insert(link, number);
    relay_step(world, ServerEvent::LinkUp { link, key }, None);
}

/// Пакет пришёл на сервер.
pub fn relay_packet(world: &mut World, link: LinkId, packet: Packet) {
    let header = packet.header;
    let event = ServerEvent::Packet { link, header, data: &packet.data };
    relay_step(world, event, Some((link, &packet)));
}

/// Один шаг логики сервера и её действия.
pub fn relay_step(world: &mut World, event: ServerEvent<'_>, hand: Option<(LinkId, &Packet)>) {
    if !world.server.alive {
        return;
    }
    let now = world_time(world, world.server.born_us, world.server.wall_shift_ms);
    let mut out = Out::default();
    out_clear(&mut out);
    server_step(&mut world.server.server, event, now, &mut out);
    world.steps += 1;
    let actions = std::mem::take(&mut out.actions);
    for action in actions {
        match action {
            Action::Send { link, lane, start, end } => {
                for packet in packets_cut(&out.bytes[start..end]) {
                    relay_send(world, link, lane, packet);
                }
            }
            Action::Forward { link, lane } => relay_forward(world, link, lane, hand),
            Action::Close { link, fail } => {
                if world.trace {
                    world_trace(world, &format!("server closes link {link}: {fail:?}"));
                }
                if let Some(number) = world.server.wires.get(&link).copied() {
                    wire_close(world, number, TO_SERVER);
                }
            }
            // Список номеров и так переживает крах: он в `Server`.
            Action::Register { .. } => {}
            Action::Mail(order) => mail_later(world, order),
            other => world_broken(world, "server-action", &format!("{other:?}")),
        }
    }
}

/// Свой пакет сервера клиенту.
fn relay_send(world: &mut World, link: LinkId, lane: Lane, packet: Packet) {
    if let Some(number) = world.server.wires.get(&link).copied() {
        if let Some(packet) = tamper_pass(world, number, packet) {
            way_put(world, number, TO_CLIENT, lane_index(lane), packet);
        }
    }
}

/// Пересылка пакета, который в руках: в полосу с пределом, а сверх него — Overflow.
fn relay_forward(world: &mut World, to: LinkId, lane: Lane, hand: Option<(LinkId, &Packet)>) {
    let Some((from, packet)) = hand else {
        world_broken(world, "server-action", "Forward without a packet");
        return;
    };
    let Some(number) = world.server.wires.get(&to).copied() else {
        return;
    };
    let index = lane_index(lane);
    let max = world_lane_max(world, index);
    let waiting = match world.wires.get(&number) {
        Some(wire) => wire.ways[TO_CLIENT].bytes[index],
        None => 0,
    };
    if waiting + packet.weight > max {
        if world.trace {
            world_trace(world, &format!("overflow of {lane:?} to server link {to}"));
        }
        world.ledger.overflows += 1;
        let header = packet.header;
        relay_step(world, ServerEvent::Overflow { from, to, lane, header }, None);
        return;
    }
    if let Some(packet) = tamper_pass(world, number, packet.clone()) {
        way_put(world, number, TO_CLIENT, index, packet);
    }
}
