//! The 16-byte header in front of every packet, big-endian (docs/protocol.md, "Header").
//! Заголовок в 16 байт перед каждым пакетом, старший байт первым (docs/protocol.md, "Header").

use crate::base::bounds::HEADER_BYTES;
use crate::base::ids::Id;

/// Greatest content_id (24 bits).
pub const CONTENT_ID_MAX: u32 = 0x00ff_ffff;

/// The header of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// 40 bits: who sent it; 0 = the server or the link itself.
    pub source_id: Id,
    /// 40 bits: to whom; 0 = the server or the link itself.
    pub dest_id: Id,
    /// 24 bits: which content of this pair; in control packets the kind of control.
    pub content_id: u32,
    /// Row of the PACKETS table; 0 = control.
    pub content_type: u8,
    /// Bytes of data that follow.
    pub size: u16,
}

/// Записывает заголовок в первые 16 байт места.
pub fn header_write(header: &Header, place: &mut [u8; HEADER_BYTES]) {
    let source = header.source_id.to_be_bytes();
    let dest = header.dest_id.to_be_bytes();
    let content = header.content_id.to_be_bytes();
    place[0..5].copy_from_slice(&source[3..8]);
    place[5..10].copy_from_slice(&dest[3..8]);
    place[10..13].copy_from_slice(&content[1..4]);
    place[13] = header.content_type;
    place[14..16].copy_from_slice(&header.size.to_be_bytes());
}

/// Заголовок как 16 байт.
pub fn header_bytes(header: &Header) -> [u8; HEADER_BYTES] {
    let mut place = [0u8; HEADER_BYTES];
    header_write(header, &mut place);
    place
}

/// Читает заголовок; `None`, пока байтов меньше 16. Любые 16 байт — какой-то заголовок,
/// допустим ли он, решает таблица PACKETS.
pub fn header_read(bytes: &[u8]) -> Option<Header> {
    if bytes.len() < HEADER_BYTES {
        return None;
    }
    Some(Header {
        source_id: number_be(&bytes[0..5]),
        dest_id: number_be(&bytes[5..10]),
        content_id: number_be(&bytes[10..13]) as u32,
        content_type: bytes[13],
        size: number_be(&bytes[14..16]) as u16,
    })
}

/// Число из нескольких байт, старший первым.
fn number_be(bytes: &[u8]) -> u64 {
    let mut number = 0u64;
    for byte in bytes {
        number = (number << 8) | *byte as u64;
    }
    number
}
