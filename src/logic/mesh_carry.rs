//! CARRY: packets of others on their way, and one's own in and out of them. One that came makes
//! at most one that goes: hops end a loop, the table of seen numbers ends it sooner, and what finds
//! a full lane is dropped.
//! CARRY: чужие пакеты в пути и свои внутри них. На один пришедший уходит не больше одного: петлю
//! кончает предел шагов, ещё раньше — память о виденных номерах; что не влезло в полосу, пропадает.

use super::direct::{direct_packet, stranger_room};
use super::events::{Action, LinkId, Out, out_send};
use super::mesh::{CarryWish, is_friend};
use super::show::Path;
use super::state::{Client, PeerLink, Stage};
use super::thirds::{third_find, third_hello};
use crate::base::bounds::{
    CARRY_BURST, CARRY_RATE, HEADER_BYTES, HOPS_MAX, SEEN_NUMBERS, SEEN_PAIRS_MAX,
};
use crate::base::bucket::bucket_take;
use crate::base::clock::Time;
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::wire::carry::{CARRY_SKIP, CarryHead, carry_put, carry_read, carry_start, first_packet};
use crate::wire::header::{Header, header_read};
use crate::wire::packets::{FarEnd, Kind, Lane, Origin, PacketRow, packet_allowed};

/// Links over thirds have numbers from here on; sockets never have them.
pub const THIRD_FIRST: LinkId = 0x8000_0000;

/// Words of the window of seen numbers.
const SEEN_WORDS: usize = SEEN_NUMBERS as usize / 64;

/// Source and destination.
pub type Pair = (Id, Id);

/// Which numbers of one source to one destination were seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub stream: u32,
    /// Greatest number seen.
    pub top: u32,
    /// A bit for each number of the window, by number modulo its length.
    bits: [u64; SEEN_WORDS],
}

/// Отмечает номер; `false` — уже был или слишком стар. Другой поток начинает счёт заново.
pub fn seen_new(seen: &mut Seen, stream: u32, number: u32) -> bool {
    if seen.stream != stream {
        *seen = Seen { stream, top: number, bits: [0; SEEN_WORDS] };
    } else if number > seen.top {
        let step = number - seen.top;
        if step >= SEEN_NUMBERS {
            seen.bits = [0; SEEN_WORDS];
        } else {
            for skipped in seen.top + 1..=number {
                let place = skipped % SEEN_NUMBERS;
                seen.bits[place as usize / 64] &= !(1 << (place % 64));
            }
        }
        seen.top = number;
    } else if seen.top - number >= SEEN_NUMBERS {
        return false;
    }
    let place = number % SEEN_NUMBERS;
    let (word, bit) = (place as usize / 64, 1u64 << (place % 64));
    let fresh = seen.bits[word] & bit == 0;
    seen.bits[word] |= bit;
    fresh
}

/// Новый ли это пакет пары; пар помнится не больше предела.
fn pair_new(client: &mut Client, pair: Pair, head: &CarryHead) -> bool {
    let mesh = &mut client.mesh;
    if let Some(seen) = mesh.seen.get_mut(&pair) {
        return seen_new(seen, head.stream, head.number);
    }
    if mesh.seen.len() >= SEEN_PAIRS_MAX {
        if let Some(oldest) = mesh.seen_order.pop_front() {
            mesh.seen.remove(&oldest);
        }
    }
    let mut seen = Seen { stream: head.stream, top: head.number, bits: [0; SEEN_WORDS] };
    seen_new(&mut seen, head.stream, head.number);
    mesh.seen.insert(pair, seen);
    mesh.seen_order.push_back(pair);
    true
}

/// Есть ли у соседа право на ещё один пакет полосы сообщений: их столько-то в секунду.
fn room_pay(client: &mut Client, peer: Id, now: Time) -> bool {
    match client.mesh.neighbours.get_mut(&peer) {
        Some(neighbour) => bucket_take(&mut neighbour.room, CARRY_RATE, CARRY_BURST, now.mono_ms),
        None => false,
    }
}

/// CARRY от соседа: себе — вскрыть, другому — передать дальше, остальное пропадает молча.
pub fn carry_received(
    client: &mut Client,
    link: LinkId,
    row: &PacketRow,
    header: Header,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let Some(found) = client.links.get(&link) else {
        return Ok(());
    };
    let peer = found.peer;
    let wish = client.wishes.carry;
    if wish == CarryWish::Off || !is_friend(client, peer) || header.source_id == client.me {
        return Ok(());
    }
    let Ok((head, inner)) = carry_read(data) else {
        return Ok(());
    };
    if row.lane == Lane::Messages && !room_pay(client, peer, now) {
        return Ok(());
    }
    let (source, dest) = (header.source_id, header.dest_id);
    // До кого не достать, тому и не ответить; о выдуманных и помнить нечего.
    if !client.mesh.table.contains_key(&source) || !pair_new(client, (source, dest), &head) {
        return Ok(());
    }
    if dest == client.me {
        carried_take(client, source, inner, now, out);
        return Ok(());
    }
    let Some(way) = client.mesh.table.get(&dest) else {
        return Ok(());
    };
    let back = way.next == peer || way.next == source;
    if wish != CarryWish::On || head.hops == 0 || back {
        return Ok(());
    }
    let Some(next) = client.mesh.neighbours.get(&way.next) else {
        return Ok(());
    };
    let hops = u8::min(head.hops, HOPS_MAX - 1) - 1;
    let (link, start) = (next.link, out.bytes.len());
    let further = CarryHead { hops, ..head };
    if carry_put(&mut out.bytes, row.lane, (source, dest), &further, inner).is_ok() {
        let (lane, end) = (row.lane, out.bytes.len());
        out.actions.push(Action::Carry { link, lane, start, end });
    }
    Ok(())
}

/// Что через третьего бывает: приветствие и всё, что ходит по прямой линии, кроме чужих пакетов.
fn is_carried(row: &PacketRow) -> bool {
    let control =
        matches!(row.kind, Kind::Ping | Kind::Pong | Kind::Quit | Kind::KeyAsk | Kind::Key);
    control || row.origin == Origin::Person
}

/// Пакет для меня дошёл через третьего. Негодный пропадает: виноват, быть может, переносчик.
fn carried_take(client: &mut Client, source: Id, inner: &[u8], now: Time, out: &mut Out) {
    let Some((header, row)) = first_packet(inner) else {
        return;
    };
    let mine = row.origin != Origin::Person || header.dest_id == client.me;
    if !mine || packet_allowed(row, &header, FarEnd::Person(source)).is_err() {
        return;
    }
    let data = &inner[HEADER_BYTES..];
    if row.kind == Kind::Hello {
        if is_friend(client, source) || stranger_room(client, now) {
            third_hello(client, source, data, now, out);
        }
        return;
    }
    let Some(found) = third_find(client, source) else {
        return;
    };
    if found.stage != Stage::Up || !is_carried(row) {
        return;
    }
    let (link, first) = (found.link, out.actions.len());
    direct_packet(client, link, header, data, now, out);
    for action in &mut out.actions[first..] {
        if let Action::PartPacket { skip, .. } = action {
            // На диск идёт то, что внутри.
            *skip = CARRY_SKIP;
        }
    }
}

/// Линия через третьего по её номеру.
fn third_link(client: &mut Client, link: LinkId) -> Option<&mut PeerLink> {
    match client.links.get_mut(&link) {
        Some(found) if found.path == Path::Third => Some(found),
        Some(_) | None => None,
    }
}

/// Конец шага: что отправлено по линиям через третьих, едет внутри CARRY по линии соседа.
pub fn carry_wrap(client: &mut Client, out: &mut Out) {
    for index in 0..out.actions.len() {
        let Action::Send { link, lane, start, end } = out.actions[index] else {
            continue;
        };
        if link < THIRD_FIRST {
            continue;
        }
        let Some(found) = third_link(client, link) else {
            continue;
        };
        let (me, begin) = (found.third.me, out.bytes.len());
        let mut at = start;
        while let (Some(header), true) = (header_read(&out.bytes[at..end]), at < end) {
            let next = at + HEADER_BYTES + header.size as usize;
            let head = head_next(found);
            if carry_start(&mut out.bytes, lane, (me, found.peer), &head, next - at).is_ok() {
                out.bytes.extend_from_within(at..next);
            }
            at = next;
        }
        let (link, end) = (found.third.over, out.bytes.len());
        out.actions[index] = Action::Send { link, lane, start: begin, end };
    }
}

/// Начало следующего CARRY этой линии.
fn head_next(found: &mut PeerLink) -> CarryHead {
    let number = found.third.number;
    found.third.number = number.wrapping_add(1);
    CarryHead { hops: HOPS_MAX - 1, stream: found.third.stream, number }
}

/// Прочитанное из файла для линии через третьего: каждый пакет едет внутри CARRY.
pub fn carry_batch(client: &mut Client, link: LinkId, bytes: &[u8], out: &mut Out) {
    let Some(found) = third_link(client, link) else {
        return;
    };
    let (start, mut at) = (out.bytes.len(), 0);
    while let Some(header) = header_read(&bytes[at..]) {
        let next = at + HEADER_BYTES + header.size as usize;
        let head = head_next(found);
        let (me, peer) = (found.third.me, found.peer);
        let _ = carry_put(&mut out.bytes, Lane::Files, (me, peer), &head, &bytes[at..next]);
        at = next;
    }
    let over = found.third.over;
    out_send(out, over, Lane::Files, start);
}

/// Сокет, по которому идёт эта линия: у линии через третьего — линия соседа.
pub fn link_over(client: &Client, link: LinkId) -> LinkId {
    match client.links.get(&link) {
        Some(found) if found.path == Path::Third => found.third.over,
        Some(_) | None => link,
    }
}
