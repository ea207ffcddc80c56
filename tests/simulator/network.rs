//! Wires between clients and the server: two ways of two lanes each, whole packets, messages
//! before files, bandwidth, latency, cuts, half-open ends, frozen ways, orderly closing.
//! Провода между клиентами и сервером: два пути по две полосы, целые пакеты, сообщения раньше
//! файлов, скорость, задержка, обрывы, полуоткрытые концы, замершие пути, вежливое закрытие.

use std::collections::VecDeque;

use supertext::base::bounds::{FILE_PACKET_BYTES, FINISH_MS, HEADER_BYTES};
use supertext::base::fail::{FailKind, fail};
use supertext::logic::events::{ClientEvent, LinkId, ServerEvent};
use supertext::wire::carry::CARRY_SKIP;
use supertext::wire::header::{Header, header_read};
use supertext::wire::packets::{FILE_DATA_EXTRA, Kind, Lane, packet_row};

use super::actions::packet_trace;
use super::mesh::carried_inside;
use super::node::node_step;
use super::pairs::{pair_down, pair_packet};
use super::random::{random_chance, random_range};
use super::relay::{relay_packet, relay_step};
use super::texts::words_open;
use super::world::{
    Happening, World, world_at, world_broken, world_later, world_trace, world_wait,
};

/// The way (and the end) toward the server.
pub const TO_SERVER: usize = 0;
/// The way (and the end) toward the client.
pub const TO_CLIENT: usize = 1;

/// One whole packet. Bodies of file packets are small here; `weight` is the real size.
#[derive(Clone, Debug)]
pub struct Packet {
    pub header: Header,
    pub data: Vec<u8>,
    pub weight: usize,
}

/// One direction of a wire.
#[derive(Debug, Default)]
pub struct Way {
    pub lanes: [VecDeque<Packet>; 2],
    pub bytes: [usize; 2],
    /// The packet that is being written right now.
    pub writing: Option<Packet>,
    pub flight: VecDeque<Packet>,
    pub rate: u64,
    pub latency_us: u64,
    pub last_us: u64,
    pub frozen_us: u64,
    /// Nothing arrives any more.
    pub dead: bool,
    /// Closed by its writer: what is queued goes out, then the end of the stream.
    pub finishing: bool,
    pub finished: bool,
}

/// One connection.
#[derive(Debug)]
pub struct Wire {
    pub node: usize,
    pub epoch: u32,
    pub link: LinkId,
    /// The client at the far end; None: the server.
    pub far: Option<usize>,
    /// Run of the process at the far end, and its number of this link.
    pub server_epoch: u32,
    pub server_link: LinkId,
    /// By end: this end still reads.
    pub open: [bool; 2],
    /// By end: its logic has heard that the link is gone.
    pub told: [bool; 2],
    pub ways: [Way; 2],
}

/// Номер полосы.
pub fn lane_index(lane: Lane) -> usize {
    match lane {
        Lane::Messages => 0,
        Lane::Files => 1,
    }
}

/// Режет байты на пакеты: так же делит их приёмник настоящей программы.
pub fn packets_cut(bytes: &[u8]) -> Vec<Packet> {
    let mut list = Vec::new();
    let mut place = 0;
    while let Some(header) = header_read(&bytes[place..]) {
        let from = place + HEADER_BYTES;
        let to = from + header.size as usize;
        list.push(packet_new(header, bytes[from..to].to_vec()));
        place = to;
    }
    assert_eq!(place, bytes.len(), "the logic sends whole packets");
    list
}

/// Пакет с его настоящим весом.
pub fn packet_new(header: Header, data: Vec<u8>) -> Packet {
    let file = header.content_type == packet_row(Kind::FileData).content_type;
    let body = if file { FILE_PACKET_BYTES + FILE_DATA_EXTRA } else { data.len() };
    let packet = Packet { header, data, weight: HEADER_BYTES + body };
    match carried_inside(&packet) {
        Some(inner) => Packet { weight: CARRY_SKIP + inner.weight, ..packet },
        None => packet,
    }
}

/// Новый провод; скорости и задержка случайны. Возвращает его номер.
pub fn wire_make(world: &mut World, node: usize, link: LinkId) -> u32 {
    let number = world.next_wire;
    world.next_wire += 1;
    let (low, high) = (world.plan.latency_low_ms, world.plan.latency_high_ms);
    let latency_us = world_wait(world, low, high);
    let mut ways = [Way::default(), Way::default()];
    for way in &mut ways {
        way.latency_us = latency_us;
        // Скорость равномерна по порядку величины, а не по величине.
        let mut rate = world.plan.rate_high;
        for _ in 0..random_range(&mut world.random, 0, 6) {
            rate = u64::max(rate / 2, world.plan.rate_low);
        }
        way.rate = rate;
    }
    if world.plan.wordy && node == 0 {
        let slow = if world.plan.thin { TO_SERVER } else { TO_CLIENT };
        ways[slow].rate = if world.plan.thin { 30_000 } else { world.plan.rate_healed };
    }
    if !world.healed && random_chance(&mut world.random, world.plan.born_frozen) {
        // Обе стороны ждут приветствия одинаково долго: важнее всего миг, когда срок выходит.
        let sharp = random_chance(&mut world.random, 500);
        let (low, high) = if sharp { (10_050, 11_300) } else { (2_000, 30_000) };
        let until = world.now_us + world_wait(world, low, high);
        let one = if sharp { 2 } else { random_range(&mut world.random, 0, 2) as usize };
        for way in 0..2 {
            if way != one {
                ways[way].frozen_us = until;
            }
        }
    }
    let wire = Wire {
        node,
        epoch: world.nodes[node].epoch,
        link,
        far: None,
        server_epoch: world.server.epoch,
        server_link: 0,
        open: [false, true],
        told: [false, false],
        ways,
    };
    world.wires.insert(number, wire);
    world_later(world, latency_us, Happening::ServerUp { wire: number });
    number
}

/// Кладёт пакет в полосу пути.
pub fn way_put(world: &mut World, number: u32, way: usize, lane: usize, packet: Packet) {
    let Some(wire) = world.wires.get_mut(&number) else {
        return;
    };
    let place = &mut wire.ways[way];
    if place.finishing || !wire.open[1 - way] {
        return;
    }
    let open = words_open(&packet.data);
    place.bytes[lane] += packet.weight;
    place.lanes[lane].push_back(packet);
    if open {
        world_broken(world, "plaintext", "a packet on the wire can be read");
    }
    way_pump(world, number, way);
}

/// Начинает писать следующий пакет, если путь свободен: сообщения раньше файлов.
pub fn way_pump(world: &mut World, number: u32, way: usize) {
    let now_us = world.now_us;
    let Some(wire) = world.wires.get_mut(&number) else {
        return;
    };
    let place = &mut wire.ways[way];
    if place.writing.is_some() || place.dead || place.finished {
        return;
    }
    if place.frozen_us > now_us {
        let at = place.frozen_us;
        world_at(world, at, Happening::Pump { wire: number, way });
        return;
    }
    let mut lane = 0;
    let mut packet = place.lanes[0].pop_front();
    if packet.is_none() {
        lane = 1;
        packet = place.lanes[1].pop_front();
    }
    let Some(packet) = packet else {
        if place.finishing {
            way_finish(world, number, way);
        }
        return;
    };
    place.bytes[lane] -= packet.weight;
    let took_us = packet.weight as u64 * 1_000_000 / place.rate;
    place.writing = Some(packet);
    world_later(world, took_us, Happening::Sent { wire: number, way });
}

/// Пакет записан целиком: он в пути.
pub fn way_sent(world: &mut World, number: u32, way: usize) {
    let now_us = world.now_us;
    let Some(wire) = world.wires.get_mut(&number) else {
        return;
    };
    let place = &mut wire.ways[way];
    // Обрыв посреди пакета: остаток не придёт никогда, получатель его не увидит.
    let Some(packet) = place.writing.take() else {
        return;
    };
    place.flight.push_back(packet);
    place.last_us = u64::max(place.last_us, now_us + place.latency_us);
    let at = place.last_us;
    world_at(world, at, Happening::Arrived { wire: number, way });
    way_pump(world, number, way);
}

/// Пакет пришёл на тот конец.
pub fn way_arrived(world: &mut World, number: u32, way: usize) {
    let now_us = world.now_us;
    let Some(wire) = world.wires.get_mut(&number) else {
        return;
    };
    let place = &mut wire.ways[way];
    if place.frozen_us > now_us {
        let at = place.frozen_us;
        world_at(world, at, Happening::Arrived { wire: number, way });
        return;
    }
    let Some(packet) = place.flight.pop_front() else {
        return;
    };
    let (node, link, server_link) = (wire.node, wire.link, wire.server_link);
    let far = if way == TO_SERVER { TO_SERVER } else { TO_CLIENT };
    if place.dead || !wire.open[far] {
        return;
    }
    if let (TO_SERVER, Some(other)) = (way, wire.far) {
        pair_packet(world, other, server_link, &packet);
    } else if way == TO_SERVER {
        relay_packet(world, server_link, packet);
    } else {
        if world.trace && packet.weight < 20_000 {
            packet_trace(world, &format!("client{node} gets"), &packet);
        }
        let event = ClientEvent::Packet { link, header: packet.header, data: &packet.data };
        node_step(world, node, event, Some(&packet));
    }
}

/// Конец потока пошёл по пути: тот конец узнает, когда дойдёт.
fn way_finish(world: &mut World, number: u32, way: usize) {
    let now_us = world.now_us;
    let Some(wire) = world.wires.get_mut(&number) else {
        return;
    };
    let place = &mut wire.ways[way];
    if place.finished || place.dead {
        return;
    }
    place.finished = true;
    let at = u64::max(place.last_us, now_us + place.latency_us);
    let at = u64::max(at, place.frozen_us) + 1;
    place.last_us = at;
    world_at(world, at, Happening::Learned { wire: number, end: way });
}

/// Срок дописывания вышел: что не ушло, то пропало.
pub fn way_finish_due(world: &mut World, number: u32, way: usize) {
    if let Some(wire) = world.wires.get_mut(&number) {
        way_clear(&mut wire.ways[way]);
    }
    way_finish(world, number, way);
}

/// Выбрасывает всё, что ещё не записано.
pub fn way_clear(way: &mut Way) {
    way.lanes = [VecDeque::new(), VecDeque::new()];
    way.bytes = [0, 0];
    way.writing = None;
}

/// Конец закрывает провод: он больше не читает, но дописывает. `end` — какой конец.
pub fn wire_close(world: &mut World, number: u32, end: usize) {
    let Some(wire) = world.wires.get_mut(&number) else {
        return;
    };
    if !wire.open[end] || wire.ways[1 - end].finishing {
        return;
    }
    wire.open[end] = false;
    let way = 1 - end;
    wire.ways[way].finishing = true;
    let due = FINISH_MS * 1000;
    world_later(world, due, Happening::FinishDue { wire: number, way });
    world_later(world, due, Happening::Learned { wire: number, end });
    way_pump(world, number, way);
}

/// Процесс на этом конце умер: недописанное пропало, отправленное ещё дойдёт.
pub fn wire_orphan(world: &mut World, number: u32, end: usize) {
    let Some(wire) = world.wires.get_mut(&number) else {
        return;
    };
    if wire.told[end] {
        return;
    }
    wire.open[end] = false;
    wire.told[end] = true;
    let way = 1 - end;
    wire.ways[way].finishing = true;
    way_clear(&mut wire.ways[way]);
    way_finish(world, number, way);
}

/// Обрыв: всё, что в пути, пропало. Кто узнает и когда — решает вызвавший.
pub fn wire_cut(world: &mut World, number: u32) {
    if let Some(wire) = world.wires.get_mut(&number) {
        for way in &mut wire.ways {
            way.dead = true;
            way.writing = None;
            way.flight.clear();
        }
    }
}

/// Конец узнаёт, что провода больше нет.
pub fn wire_learned(world: &mut World, number: u32, end: usize) {
    let Some(wire) = world.wires.get_mut(&number) else {
        return;
    };
    if wire.told[end] {
        return;
    }
    wire.told[end] = true;
    wire.open[end] = false;
    let way = 1 - end;
    wire.ways[way].finishing = true;
    way_clear(&mut wire.ways[way]);
    let (node, link, server_link) = (wire.node, wire.link, wire.server_link);
    let (epoch, server_epoch, other) = (wire.epoch, wire.server_epoch, wire.far);
    way_finish(world, number, way);
    if world.trace {
        world_trace(world, &format!("wire {number} end {end} learns it is gone"));
    }
    if end == TO_CLIENT {
        let failed = fail(FailKind::LinkClosed, "");
        if world.nodes[node].alive && world.nodes[node].epoch == epoch {
            node_step(world, node, ClientEvent::LinkDown { link, fail: failed }, None);
        }
    } else if let Some(other) = other {
        pair_down(world, other, server_epoch, server_link);
    } else if world.server.alive && world.server.epoch == server_epoch && server_link != 0 {
        relay_step(world, ServerEvent::LinkDown { link: server_link }, None);
    }
}
