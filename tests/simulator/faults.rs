//! The faults: cuts, half-open links, frozen ways, crashes, full disks, slow readers, changed
//! sources; and the healing of all of them at the end.
//! Беды: обрывы, полуоткрытые линии, замершие пути, крахи, полные диски, медленные читатели,
//! изменённые источники; и лечение всего этого под конец.

use super::network::{TO_CLIENT, TO_SERVER, wire_cut};
use super::node::node_crash;
use super::pairs::end_of;
use super::random::{random_below, random_chance, random_range};
use super::relay::relay_crash;
use super::world::{Happening, World, world_at, world_later, world_trace, world_wait};

/// Назначает беды и лечение.
pub fn faults_plan(world: &mut World) {
    let span = world.plan.active_ms * 1000;
    for _ in 0..world.plan.faults {
        let at = 1_000_000 + random_below(&mut world.random, span);
        world_at(world, at, Happening::Fault);
    }
    world_at(world, span + 2_000_000, Happening::Heal);
    if world.plan.restores {
        for _ in 0..random_range(&mut world.random, 1, 2) {
            let node = random_below(&mut world.random, world.nodes.len() as u64) as usize;
            let first = 500_000 + random_below(&mut world.random, span * 2 / 3);
            let second = first + random_below(&mut world.random, span + 1_500_000 - first);
            world_at(world, first, Happening::Snapshot { node });
            world_at(world, second, Happening::Restore { node });
        }
    }
    if world.plan.tamper {
        for _ in 0..random_range(&mut world.random, 5, 40) {
            let at = 1_000_000 + random_below(&mut world.random, span);
            world_at(world, at, Happening::Tamper);
        }
    }
    if world.plan.jumps {
        for _ in 0..random_range(&mut world.random, 1, 6) {
            let node = random_below(&mut world.random, world.nodes.len() as u64 + 1) as usize;
            let at = random_below(&mut world.random, span);
            world_at(world, at, Happening::Jump { node });
        }
    }
}

/// Случается одна беда.
pub fn fault_happen(world: &mut World) {
    if world.healed {
        return;
    }
    let node = random_below(&mut world.random, world.nodes.len() as u64) as usize;
    match random_below(&mut world.random, 100) {
        0..=24 => link_cut(world, node, false),
        25..=36 => link_cut(world, node, true),
        37..=49 => link_freeze(world, node),
        50..=66 => {
            if world.plan.client_crashes {
                let power = world.plan.power && random_chance(&mut world.random, 800);
                node_crash(world, node, power);
            }
        }
        67..=73 => {
            if world.plan.server_crashes {
                relay_crash(world);
            }
        }
        74..=83 => {
            let span = world_wait(world, 1000, 25_000);
            world.nodes[node].disk_full_us = world.now_us + span;
            trace(world, &format!("client{node} disk full for {} ms", span / 1000));
        }
        84..=90 => link_slow(world, node),
        91..=92 => source_break(world, node),
        _ => {
            // Мигание: одна и та же линия рвётся много раз подряд.
            for _ in 0..random_range(&mut world.random, 3, 9) {
                let after = world_wait(world, 100, 20_000);
                let wires = wires_of(world, node);
                if !wires.is_empty() {
                    world_later(world, after, Happening::Flap { node });
                }
            }
        }
    }
}

/// Часы клиента (или, за последним номером, сервера) прыгают на несколько часов в любую сторону.
pub fn clock_jump(world: &mut World, node: usize) {
    let shift_ms = random_below(&mut world.random, 20 * 3_600_000) as i64 - 10 * 3_600_000;
    trace(world, &format!("clock {node} is off by {shift_ms} ms"));
    match world.nodes.get_mut(node) {
        Some(place) => place.wall_shift_ms = shift_ms,
        None => world.server.wall_shift_ms = shift_ms,
    }
}

/// Клиент пропадает насовсем: его обещанное на сервере должно дойти и без него.
pub fn node_die(world: &mut World, node: usize) {
    if world.healed || world.nodes[node].left.is_some() {
        return;
    }
    trace(world, &format!("client{node} is gone for good"));
    node_crash(world, node, false);
    world.nodes[node].left = Some(9);
}

/// Строка хода, если его печатают.
fn trace(world: &World, line: &str) {
    if world.trace {
        world_trace(world, line);
    }
}

/// Провода нынешнего запуска клиента, о гибели которых он ещё не знает.
fn wires_of(world: &World, node: usize) -> Vec<u32> {
    let mut list = Vec::new();
    for number in world.nodes[node].wires.values() {
        if let Some(wire) = world.wires.get(number) {
            if !wire.told[end_of(world, *number, node)] {
                list.push(*number);
            }
        }
    }
    list
}

/// Обрыв; полуоткрытый — один из концов узнает только по тишине.
pub fn link_cut(world: &mut World, node: usize, half: bool) {
    let deaf = random_below(&mut world.random, 3) as usize;
    let mut wires = wires_of(world, node);
    if world.plan.mesh && wires.len() > 1 && random_chance(&mut world.random, 600) {
        // Одна из линий: сосед по другую руку остаётся.
        let kept = random_below(&mut world.random, wires.len() as u64) as usize;
        wires = vec![wires[kept]];
    }
    for number in wires {
        trace(world, &format!("cut of wire {number} of client{node}, half-open {half} {deaf}"));
        wire_cut(world, number);
        for end in [TO_SERVER, TO_CLIENT] {
            let after = world_wait(world, 0, 3000);
            // Третий случай: не узнаёт никто.
            if !half || (deaf != 2 && deaf != end) {
                world_later(world, after, Happening::Learned { wire: number, end });
            }
        }
    }
}

/// Путь замирает и потом оживает; то, что в нём, приходит поздно, но приходит.
fn link_freeze(world: &mut World, node: usize) {
    let until = world.now_us + world_wait(world, 200, 60_000);
    let both = random_chance(&mut world.random, 500);
    let one = random_below(&mut world.random, 2) as usize;
    for number in wires_of(world, node) {
        trace(world, &format!("freeze of wire {number} of client{node} till {}", until / 1000));
        if let Some(wire) = world.wires.get_mut(&number) {
            for way in 0..2 {
                if both || way == one {
                    wire.ways[way].frozen_us = until;
                }
            }
        }
    }
}

/// Медленный читатель: путь к нему становится узким.
fn link_slow(world: &mut World, node: usize) {
    let rate = random_range(&mut world.random, 20_000, 200_000);
    for number in wires_of(world, node) {
        trace(world, &format!("wire {number} of client{node} reads {rate} bytes/s"));
        if let Some(wire) = world.wires.get_mut(&number) {
            wire.ways[TO_CLIENT].rate = rate;
        }
    }
}

/// Источник одной из передач изменился после предложения.
fn source_break(world: &mut World, node: usize) {
    let mut paths: Vec<String> = Vec::new();
    for case in world.ledger.files.values_mut() {
        if case.from == node && !case.done_sender && paths.is_empty() {
            case.broken = true;
            paths.push(case.path.clone());
        }
    }
    for path in paths {
        trace(world, &format!("client{node}: source {path} changes"));
        if let Some(source) = world.nodes[node].disk.sources.get_mut(&path) {
            source.broken = true;
        }
    }
}

/// Лечение: пути оживают и ускоряются, диски пустеют, связь больше не рвётся.
pub fn faults_heal(world: &mut World) {
    world.healed = true;
    trace(world, "everything is healed");
    let (now_us, rate) = (world.now_us, world.plan.rate_healed);
    for node in &mut world.nodes {
        node.disk_full_us = 0;
    }
    let mut numbers = Vec::new();
    for (number, wire) in &mut world.wires {
        numbers.push(*number);
        let kept = wire.node == 0 && world.plan.thin;
        for way in &mut wire.ways {
            way.frozen_us = u64::min(way.frozen_us, now_us);
            way.rate = if kept { way.rate } else { u64::max(way.rate, rate) };
        }
    }
    world.plan.rate_low = u64::max(world.plan.rate_low, rate);
    world.plan.rate_high = u64::max(world.plan.rate_high, rate);
    for number in numbers {
        for way in 0..2 {
            world_later(world, 0, Happening::Pump { wire: number, way });
        }
    }
}
