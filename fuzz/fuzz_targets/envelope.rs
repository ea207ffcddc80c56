//! Fuzz target: any bytes as an envelope, and the text in it as something to be shown.
//! Цель фаззинга: любые байты как конверт, а текст в нём — как то, что надо показать.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supertext::wire::message::text_shown;

#[allow(dead_code)]
#[path = "../../tests/wire/body.rs"]
mod body;

// Замыкание здесь — форма самой библиотеки: иначе fuzz_target! цель не принимает.
fuzz_target!(|data: &[u8]| run(data));

/// Проверяет байты как конверт и как текст.
fn run(data: &[u8]) {
    let _ = body::envelope_check(data);
    let shown = text_shown(data);
    assert!(shown.len() <= 2 + 2 * data.len());
}
