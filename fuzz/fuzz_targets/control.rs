//! Fuzz target: the first byte chooses a row of the table of packets, the others are the body. The
//! bodies of KEYS, KEY and all others are reached directly, without a header to be guessed.
//! Цель фаззинга: первый байт выбирает строку таблицы пакетов, остальные — тело. Так тела KEYS, KEY
//! и всех прочих видов достигаются прямо, без угадывания заголовка.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supertext::wire::header::{Header, header_bytes};
use supertext::wire::packets::PACKETS;

#[allow(dead_code)]
#[path = "../../tests/wire/body.rs"]
mod body;

// Замыкание здесь — форма самой библиотеки: иначе fuzz_target! цель не принимает.
fuzz_target!(|data: &[u8]| run(data));

/// Делает верный заголовок к телу и проверяет пакет.
fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let row = &PACKETS[*first as usize % PACKETS.len()];
    if rest.len() > row.size_max {
        return;
    }
    let (content_id, content_type) = (row.control, row.content_type);
    let size = rest.len() as u16;
    let header = Header { source_id: 1, dest_id: 2, content_id, content_type, size };
    let mut packet = header_bytes(&header).to_vec();
    packet.extend_from_slice(rest);
    let _ = body::packet_check(&packet);
}
