//! Over a third: ROUTES says whom a neighbour reaches, CARRY holds a packet on its way.
//! What a carrier sees of it: the two ids, hops, a number; the packet inside is not for him.
//! Через третьего: ROUTES говорит, до кого сосед достаёт, CARRY несёт чужой пакет через других.
//! Переносчику видны два номера людей, остаток шагов и номер посылки; пакет внутри не для него.

use minicbor::{Decode, Encode};

use super::header::{Header, header_read, header_write};
use super::packets::{Kind, Lane, packet_find, packet_row};
use crate::base::bounds::HEADER_BYTES;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;

/// Bit of the features in HELLO of a direct link: ROUTES and CARRY are understood.
pub const FEATURE_CARRY: u64 = 1;
/// Bytes of CARRY before the packet inside: hops (1), stream (4), number (4).
pub const CARRY_HEAD: usize = 9;
/// Bytes of a heard CARRY before the packet inside.
pub const CARRY_SKIP: usize = HEADER_BYTES + CARRY_HEAD;

/// One person who can be reached.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Route {
    #[n(0)]
    pub id: Id,
    /// Links between the sender of ROUTES and this person: 1 = his neighbour.
    #[n(1)]
    pub distance: u8,
    /// SHA-256 of that person's identity key; it begins with the id.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub fingerprint: [u8; 32],
}

/// ROUTES: everybody the sender can reach; it replaces what he said before.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Routes {
    /// Packets may be carried to the sender himself.
    #[n(0)]
    pub open: bool,
    /// The sender has not heard the other end's ROUTES yet.
    #[n(1)]
    pub asks: bool,
    #[n(2)]
    pub routes: Vec<Route>,
}

/// Head of CARRY: how far it may still go, which packet of its source to this destination it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CarryHead {
    /// Links it may still travel after this one.
    pub hops: u8,
    /// Changes when the source begins to count anew.
    pub stream: u32,
    pub number: u32,
}

/// Записывает начало CARRY в 9 байт.
pub fn carry_head_write(head: &CarryHead, place: &mut [u8; CARRY_HEAD]) {
    place[0] = head.hops;
    place[1..5].copy_from_slice(&head.stream.to_be_bytes());
    place[5..9].copy_from_slice(&head.number.to_be_bytes());
}

/// Читает данные CARRY: начало и целый пакет внутри, каким бы он ни был. Ошибка `BodyBad`.
pub fn carry_read(data: &[u8]) -> Result<(CarryHead, &[u8]), Fail> {
    if data.len() < CARRY_SKIP {
        return Err(fail(FailKind::BodyBad, "CARRY"));
    }
    let (mut stream, mut number) = ([0u8; 4], [0u8; 4]);
    stream.copy_from_slice(&data[1..5]);
    number.copy_from_slice(&data[5..9]);
    let (stream, number) = (u32::from_be_bytes(stream), u32::from_be_bytes(number));
    let inner = &data[CARRY_HEAD..];
    match header_read(inner) {
        Some(header) if HEADER_BYTES + header.size as usize == inner.len() => {
            Ok((CarryHead { hops: data[0], stream, number }, inner))
        }
        Some(_) | None => Err(fail(FailKind::BodyBad, "CARRY")),
    }
}

/// Вид CARRY для пакета такой полосы: чужие сообщения обгоняют чужие файлы, как и свои.
pub fn carry_kind(lane: Lane) -> Kind {
    match lane {
        Lane::Messages => Kind::Carry,
        Lane::Files => Kind::CarryFile,
    }
}

/// Кладёт в конец `out` пакет CARRY с этим пакетом внутри. Ошибка `BodyBad`: внутрь такой не
/// помещается; `out` тогда не меняется.
pub fn carry_put(
    out: &mut Vec<u8>,
    lane: Lane,
    (source, dest): (Id, Id),
    head: &CarryHead,
    inner: &[u8],
) -> Result<(), Fail> {
    carry_start(out, lane, (source, dest), head, inner.len())?;
    out.extend_from_slice(inner);
    Ok(())
}

/// Кладёт всё, что в CARRY стоит перед пакетом внутри; его самого (столько байт) допишет вызвавший.
pub fn carry_start(
    out: &mut Vec<u8>,
    lane: Lane,
    (source_id, dest_id): (Id, Id),
    head: &CarryHead,
    inner: usize,
) -> Result<(), Fail> {
    let row = packet_row(carry_kind(lane));
    let size = CARRY_HEAD + inner;
    if size > row.size_max {
        return Err(fail(FailKind::BodyBad, row.name));
    }
    let (content_type, size) = (row.content_type, size as u16);
    let header = Header { source_id, dest_id, content_id: 0, content_type, size };
    let mut place = [0u8; HEADER_BYTES];
    header_write(&header, &mut place);
    let mut start = [0u8; CARRY_HEAD];
    carry_head_write(head, &mut start);
    out.extend_from_slice(&place);
    out.extend_from_slice(&start);
    Ok(())
}

/// Первый пакет в начале байт: его заголовок и вид; `None`, если целого нет или такого не бывает.
pub fn first_packet(bytes: &[u8]) -> Option<(Header, &'static super::packets::PacketRow)> {
    let header = header_read(bytes)?;
    if HEADER_BYTES + header.size as usize > bytes.len() {
        return None;
    }
    match packet_find(&header) {
        Ok(row) => Some((header, row)),
        Err(_) => None,
    }
}
