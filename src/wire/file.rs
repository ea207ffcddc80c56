//! Bodies of the file packets. FILE_DATA, FILE_BLOCK and FILE_END are sealed (binary: attempt,
//! index, ciphertext, tag); the others are CBOR maps that the server may read.
//! Тела файловых пакетов. FILE_DATA, FILE_BLOCK и FILE_END запечатаны (двоичные: попытка,
//! номер, шифртекст, метка); остальные — словари CBOR, которые сервер вправе читать.

use minicbor::{Decode, Encode};

use super::message::TransferId;
use crate::base::bounds::{BLOCK_PACKETS, FILE_PACKET_BYTES};
use crate::base::fail::{Fail, FailKind, fail};

/// Bytes before the ciphertext of a sealed packet: attempt (4) and index (8).
pub const SEALED_HEAD: usize = 12;
/// Bytes of the AES-GCM tag after the ciphertext.
pub const TAG_BYTES: usize = 16;
/// Marks the index of a FILE_BLOCK, so that its nonce differs from every FILE_DATA.
pub const INDEX_BLOCK: u64 = 1 << 63;
/// Marks the index of a FILE_END.
pub const INDEX_END: u64 = 1 << 62;

/// FILE_SIZE: the size in clear, as the customer asks; the server and the budgets may see it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct FileSize {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub transfer: TransferId,
    #[n(1)]
    pub size: u64,
    #[n(2)]
    pub packets: u64,
}

/// FILE_WANT: the receiver asks for exactly these packets; this is acceptance, credit and
/// resumption in one. `count` 0 asks for the end alone (everything is there already).
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct FileWant {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub transfer: TransferId,
    #[n(1)]
    pub first: u64,
    #[n(2)]
    pub count: u64,
}

/// FILE_DONE: the file is complete, proven and on disk.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct FileDone {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub transfer: TransferId,
}

/// How a transfer stopped (FILE_STOP).
pub const STOP_REFUSED: u8 = 1;
/// One side cancelled it.
pub const STOP_CANCELLED: u8 = 2;
/// It failed for good.
pub const STOP_ERROR: u8 = 3;
/// It rests and goes on later (a full disk, too many at once).
pub const STOP_PAUSED: u8 = 4;

/// FILE_STOP: either side ends or pauses a transfer, with the number of the reason.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct FileStop {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub transfer: TransferId,
    #[n(1)]
    pub state: u8,
    #[n(2)]
    pub reason: u16,
}

/// Head of a sealed packet: which attempt of the sender, which packet (or block) it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SealedHead {
    pub attempt: u32,
    pub index: u64,
}

/// Записывает начало запечатанного пакета в 12 байт.
pub fn sealed_head_write(head: &SealedHead, place: &mut [u8]) {
    place[0..4].copy_from_slice(&head.attempt.to_be_bytes());
    place[4..12].copy_from_slice(&head.index.to_be_bytes());
}

/// Читает начало запечатанного пакета. Ошибка `BodyBad`: не хватает байт на начало и метку.
pub fn sealed_head_read(data: &[u8]) -> Result<SealedHead, Fail> {
    if data.len() < SEALED_HEAD + TAG_BYTES {
        return Err(fail(FailKind::BodyBad, "FILE"));
    }
    let mut attempt = [0u8; 4];
    let mut index = [0u8; 8];
    attempt.copy_from_slice(&data[0..4]);
    index.copy_from_slice(&data[4..12]);
    let attempt = u32::from_be_bytes(attempt);
    Ok(SealedHead { attempt, index: u64::from_be_bytes(index) })
}

/// Сколько пакетов FILE_DATA в файле такого размера.
pub fn file_packets(size: u64) -> u64 {
    size.div_ceil(FILE_PACKET_BYTES as u64)
}

/// Сколько блоков в файле такого размера.
pub fn file_blocks(size: u64) -> u64 {
    file_packets(size).div_ceil(BLOCK_PACKETS)
}

/// Сколько байт файла несёт пакет с этим номером (последний бывает короче).
pub fn packet_bytes(size: u64, index: u64) -> usize {
    let start = index.saturating_mul(FILE_PACKET_BYTES as u64);
    u64::min(size.saturating_sub(start), FILE_PACKET_BYTES as u64) as usize
}
