//! Fuzz target: any bytes as a sealed envelope. What it carries is tried as the first message of a
//! session; nobody signed it, so it must be refused without a panic.
//! Цель фаззинга: любые байты как запечатанный конверт. Что он несёт, пробуется как первое сообщение
//! сеанса; никто его не подписывал, поэтому оно обязано быть отвергнуто без паники.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supertext::base::fail::Fail;
use supertext::crypto::identity::id_of_key;
use supertext::crypto::olm::{account_new, session_in};
use supertext::wire::control::body_read;
use supertext::wire::message::{Intro, Sealed};

#[allow(dead_code)]
#[path = "../../tests/wire/body.rs"]
mod body;

// Замыкание здесь — форма самой библиотеки: иначе fuzz_target! цель не принимает.
fuzz_target!(|data: &[u8]| run(data));

/// Проверяет байты как запечатанное, а тело внутри — как начало сеанса.
fn run(data: &[u8]) {
    let _ = body::sealed_check(data);
    let mut intro = Intro { public: [7; 32], signature: [8; 64] };
    let mut message = data.to_vec();
    let read: Result<Sealed, Fail> = body_read("sealed", data);
    if let Ok(sealed) = read {
        message = sealed.body;
        if let Some(found) = sealed.intro {
            intro = found;
        }
    }
    // Разбор тела Olm идёт раньше проверки подписи, так что до него доходит всякое тело.
    let refused = session_in(&mut account_new(), id_of_key(&intro.public), &intro, &message);
    assert!(refused.is_err());
}
