//! 40-bit ids: made from a public key, shown as 13 digits and a check digit, read back with care.
//! 40-битные номера: получаются из открытого ключа, показываются как 13 цифр и контрольная.

use super::fail::{Fail, FailKind, fail};

/// A 40-bit id in the low bits; 0 is the server (or the link itself).
pub type Id = u64;

/// Id of the server, and of the link itself.
pub const ID_SERVER: Id = 0;
/// The other reserved id: all ones.
pub const ID_ONES: Id = (1 << 40) - 1;
/// Digits a person sees: 13 of the number and one check digit.
pub const ID_DIGITS: usize = 14;

/// Ids of rooms stand far above those of persons: this bit and the first 60 bits of the room's id.
pub const ROOM_BIT: Id = 1 << 62;
/// Hex digits of a room that a person sees, after `#`: the first ones of its id.
pub const ROOM_DIGITS: usize = 15;

/// Номер комнаты на этом компьютере и на всяком другом: первые 60 бит её постоянного номера.
pub fn id_of_room(room: &[u8; 16]) -> Id {
    let mut first = [0u8; 8];
    first.copy_from_slice(&room[..8]);
    ROOM_BIT | (u64::from_be_bytes(first) >> 4)
}

/// Номер принадлежит комнате, а не человеку.
pub fn id_is_room(id: Id) -> bool {
    id & ROOM_BIT != 0
}

/// Номер из хеша открытого ключа: первые 40 бит SHA-256 (docs/protocol.md).
pub fn id_from_hash(hash: &[u8; 32]) -> Id {
    let mut id: Id = 0;
    for index in 0..5 {
        id = (id << 8) | hash[index] as Id;
    }
    id
}

/// Номер может принадлежать человеку: не ноль, не все единицы и помещается в 40 бит.
pub fn id_is_person(id: Id) -> bool {
    id != ID_SERVER && id < ID_ONES
}

/// Контрольная цифра по ISO 7064 MOD 11,10 для ряда цифр.
fn check_digit(digits: &[u8]) -> u8 {
    let mut carry: u32 = 10;
    for digit in digits {
        let mut sum = (carry + *digit as u32) % 10;
        if sum == 0 {
            sum = 10;
        }
        carry = (sum * 2) % 11;
    }
    ((11 - carry) % 10) as u8
}

/// Номер как 14 цифр без пробелов (вид для JSON и файлов); комната — `#` и 15 знаков.
pub fn id_digits(id: Id) -> String {
    if id_is_room(id) {
        return format!("#{:0width$x}", id & !ROOM_BIT, width = ROOM_DIGITS);
    }
    let body = format!("{id:013}");
    let mut digits = [0u8; 13];
    for (index, byte) in body.bytes().enumerate() {
        if index < 13 {
            digits[index] = byte - b'0';
        }
    }
    format!("{body}{}", check_digit(&digits))
}

/// Номер для человека: `12345 67890 1234`.
pub fn id_shown(id: Id) -> String {
    let digits = id_digits(id);
    if id_is_room(id) {
        return digits;
    }
    format!("{} {} {}", &digits[0..5], &digits[5..10], &digits[10..])
}

/// Читает номер с пробелами или без. Ошибка `IdBad`: не 14 цифр, не сходится контрольная
/// цифра, номер за пределами 40 бит или зарезервирован.
pub fn id_parse(text: &str) -> Result<Id, Fail> {
    let mut digits: [u8; ID_DIGITS] = [0; ID_DIGITS];
    let mut count = 0;
    for letter in text.chars() {
        if letter == ' ' || letter == '\u{a0}' {
            continue;
        }
        if !letter.is_ascii_digit() || count == ID_DIGITS {
            return Err(fail(FailKind::IdBad, text));
        }
        digits[count] = letter as u8 - b'0';
        count += 1;
    }
    if count != ID_DIGITS || check_digit(&digits[..13]) != digits[13] {
        return Err(fail(FailKind::IdBad, text));
    }
    let mut id: Id = 0;
    for digit in &digits[..13] {
        id = id * 10 + *digit as Id;
    }
    if !id_is_person(id) {
        return Err(fail(FailKind::IdBad, text));
    }
    Ok(id)
}

/// Похоже ли слово на номер (только цифры и пробелы), а не на имя.
pub fn id_looks_like(text: &str) -> bool {
    let mut digits = 0;
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            digits += 1;
        } else if letter != ' ' && letter != '\u{a0}' {
            return false;
        }
    }
    digits > 0
}
