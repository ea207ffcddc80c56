//! Fuzz target: any bytes as a stream of packets. The decoder never panics, and what it accepts
//! survives encoding and decoding unchanged.
//! Цель фаззинга: любые байты как поток пакетов. Декодер не паникует, а что он принял, то
//! переживает кодирование и декодирование без изменений.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../tests/wire/body.rs"]
mod body;

// Замыкание здесь — форма самой библиотеки: иначе fuzz_target! цель не принимает.
fuzz_target!(|data: &[u8]| run(data));

/// Проверяет пакеты один за другим, пока они верны.
fn run(data: &[u8]) {
    let mut rest = data;
    while body::packet_check(rest) {
        let Ok(Some((_, used))) = body::packet_decode(rest) else {
            return;
        };
        rest = &rest[used..];
    }
}
