//! Cutting a byte stream into packets: where the last whole packet ends.
//! Нарезка потока байт на пакеты: где кончается последний целый пакет.

use crate::base::bounds::HEADER_BYTES;
use crate::base::fail::Fail;
use crate::wire::header::header_read;
use crate::wire::packets::packet_find;

/// Сколько байт с начала занимают целые пакеты. Ошибка — первый недопустимый заголовок: после
/// него поток потерян, границ больше нет.
pub fn whole_packets(bytes: &[u8]) -> (usize, Option<Fail>) {
    let mut at = 0;
    loop {
        let Some(header) = header_read(&bytes[at..]) else {
            return (at, None);
        };
        if let Err(failed) = packet_find(&header) {
            return (at, Some(failed));
        }
        let next = at + HEADER_BYTES + header.size as usize;
        if next > bytes.len() {
            return (at, None);
        }
        at = next;
    }
}
