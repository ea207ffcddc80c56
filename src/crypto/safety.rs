//! The safety number: 60 digits that two people compare to know that nobody stands between them.
//! It follows from the two public keys alone and is the same on both sides.
//! Число безопасности: 60 цифр, которые двое сверяют, чтобы знать, что между ними никого нет.
//! Оно следует только из двух открытых ключей и на обеих сторонах одно и то же.

use aws_lc_rs::digest::{SHA512, digest};

use super::identity::PublicKey;

/// Rounds of SHA-512, so that a search for a similar number costs more.
const ROUNDS: usize = 5_200;
/// Version of the way, in front of the first round.
const VERSION: [u8; 2] = [0, 0];
/// Groups of five digits in one half.
const GROUPS: usize = 6;

/// 30 цифр одного ключа: SHA-512 от версии ‖ ключа, дальше каждый раз от прошлого ‖ ключа,
/// из первых 30 байт по 5 байт (старший первым) на группу, остаток от 100000.
fn half(key: &PublicKey) -> String {
    let mut hash = VERSION.to_vec();
    hash.extend_from_slice(key);
    for _ in 0..ROUNDS {
        hash.extend_from_slice(key);
        hash = digest(&SHA512, &hash).as_ref().to_vec();
    }
    let mut digits = String::new();
    for group in 0..GROUPS {
        let mut number = 0u64;
        for byte in &hash[group * 5..group * 5 + 5] {
            number = (number << 8) | *byte as u64;
        }
        digits.push_str(&format!("{:05}", number % 100_000));
    }
    digits
}

/// Число безопасности двух ключей: 60 цифр, половины по возрастанию. Занимает миллисекунды.
pub fn safety_number(a: &PublicKey, b: &PublicKey) -> String {
    let (first, second) = (half(a), half(b));
    if first <= second { format!("{first}{second}") } else { format!("{second}{first}") }
}

/// Те же цифры группами по пять через пробел, чтобы читать вслух.
pub fn safety_groups(number: &str) -> String {
    let mut shown = String::new();
    for (index, letter) in number.chars().enumerate() {
        if index > 0 && index % 5 == 0 {
            shown.push(' ');
        }
        shown.push(letter);
    }
    shown
}
