//! Somebody between server and client: replays sealed messages, holds them back, flips a bit, cuts
//! one short, gives it another place in the order. The chat must go on as if nothing had been.
//! Некто между сервером и клиентом: повторяет запечатанное, придерживает, меняет бит, обрезает,
//! ставит на другое место в порядке. Разговор обязан идти дальше, как ни в чём не бывало.

use std::collections::VecDeque;

use supertext::wire::control::body_read;
use supertext::wire::message::Sealed;
use supertext::wire::packets::{Kind, packet_row};

use super::network::{Packet, TO_CLIENT, packet_new, way_put};
use super::random::{random_below, random_next};
use super::world::{World, world_trace};

/// Packets remembered for a replay.
const KEPT_MAX: usize = 40;

/// What is done to the next message that passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trick {
    Flip,
    Cut,
    Run,
    Sequence,
    Hold,
}

/// Somebody on the way.
#[derive(Debug, Default)]
pub struct Tamper {
    /// Messages that passed: of which client, and the packet.
    pub kept: VecDeque<(usize, Packet)>,
    pub next: Option<Trick>,
    pub tricks: u64,
}

/// Случается одна подделка: повтор сразу или беда следующему сообщению.
pub fn tamper_happen(world: &mut World) {
    if world.healed {
        return;
    }
    world.tamper.next = match random_below(&mut world.random, 9) {
        0 => Some(Trick::Flip),
        1 => Some(Trick::Cut),
        2 => Some(Trick::Run),
        3 => Some(Trick::Sequence),
        4 => Some(Trick::Hold),
        _ => {
            replay(world);
            world.tamper.next
        }
    };
}

/// Повторяет одно из прошедших сообщений по нынешней линии его получателя.
fn replay(world: &mut World) {
    let many = world.tamper.kept.len() as u64;
    let index = random_below(&mut world.random, many) as usize;
    let Some((node, packet)) = world.tamper.kept.get(index).cloned() else {
        return;
    };
    let id = world.nodes[node].id;
    let Some(link) = world.server.server.online.get(&id) else {
        return;
    };
    let Some(number) = world.server.wires.get(link).copied() else {
        return;
    };
    world.tamper.tricks += 1;
    if world.trace {
        world_trace(world, &format!("a message to client{node} is replayed"));
    }
    way_put(world, number, TO_CLIENT, 0, packet);
}

/// Сообщение идёт от сервера клиенту: запомнить и, если очередь пришла, подделать. `None` —
/// придержано.
pub fn tamper_pass(world: &mut World, number: u32, packet: Packet) -> Option<Packet> {
    if !world.plan.tamper || world.healed {
        return Some(packet);
    }
    let message = packet_row(Kind::Message).content_type;
    let node = match world.wires.get(&number) {
        Some(wire) if packet.header.content_type == message => wire.node,
        Some(_) | None => return Some(packet),
    };
    world.tamper.kept.push_back((node, packet.clone()));
    if world.tamper.kept.len() > KEPT_MAX {
        world.tamper.kept.pop_front();
    }
    let Some(trick) = world.tamper.next.take() else {
        return Some(packet);
    };
    world.tamper.tricks += 1;
    if world.trace {
        world_trace(world, &format!("{trick:?} of a message to client{node}"));
    }
    let Packet { mut header, mut data, .. } = packet;
    let place = random_below(&mut world.random, data.len() as u64) as usize;
    match trick {
        Trick::Flip => data[place] ^= 1 << random_below(&mut world.random, 8),
        Trick::Cut => data.truncate(place),
        Trick::Run | Trick::Sequence => data = place_forge(world, trick, data),
        Trick::Hold => return None,
    }
    header.size = data.len() as u16;
    Some(packet_new(header, data))
}

/// Меняет снаружи место в порядке у целого сообщения из одного куска.
fn place_forge(world: &mut World, trick: Trick, data: Vec<u8>) -> Vec<u8> {
    if data.len() < 4 || data[0..4] != [0, 0, 0, 1] {
        return data;
    }
    let Ok(mut sealed) = body_read::<Sealed>("MESSAGE", &data[4..]) else {
        return data;
    };
    if trick == Trick::Run {
        sealed.run = random_next(&mut world.random) >> 2;
    } else {
        let places = [0, 1, sealed.sequence + 1, sealed.sequence + 3, u64::MAX];
        sealed.sequence = places[random_below(&mut world.random, places.len() as u64) as usize];
    }
    let mut forged = data[..4].to_vec();
    forged.extend_from_slice(&minicbor::to_vec(&sealed).expect("it encodes"));
    forged
}
