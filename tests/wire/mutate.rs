//! Wrong bytes: every truncation, every byte changed, thousands of random changes from a seed.
//! The decoder never panics, and what it accepts survives encoding and decoding unchanged.
//! Неверные байты: любое обрезание, изменение каждого байта, тысячи случайных изменений от
//! зерна. Декодер не паникует, а что он принял, то переживает кодирование без изменений.

use super::body::{envelope_check, packet_check, packet_decode, sealed_check};
use super::vectors::{Vector, vectors_read};

/// Random changes per vector.
const ROUNDS: u32 = 20_000;

/// Это целый пакет, а не то, что лежит внутри?
fn is_packet(vector: &Vector) -> bool {
    !vector.name.starts_with("ENVELOPE_") && !vector.name.starts_with("SEALED_")
}

/// Проверяет байты как пакет, как запечатанное или как конверт, смотря что за вектор.
fn check(vector: &Vector, bytes: &[u8]) -> bool {
    if is_packet(vector) {
        return packet_check(bytes);
    }
    if vector.name.starts_with("SEALED_") { sealed_check(bytes) } else { envelope_check(bytes) }
}

/// Следующее число xorshift64 (G. Marsaglia, 2003).
fn random_next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Случайное число меньше предела.
fn random_below(state: &mut u64, bound: usize) -> usize {
    (random_next(state) % bound as u64) as usize
}

#[test]
fn truncated_vectors_are_not_whole() {
    for vector in vectors_read() {
        for length in 0..vector.bytes.len() {
            let part = &vector.bytes[..length];
            assert!(!check(&vector, part), "{} of {length} bytes", vector.name);
            if is_packet(&vector) {
                let waits = matches!(packet_decode(part), Ok(None));
                assert!(waits, "{}: {length} bytes are no fault, only too few", vector.name);
            }
        }
    }
}

#[test]
fn one_changed_byte_never_panics() {
    for vector in vectors_read() {
        assert!(check(&vector, &vector.bytes), "{}", vector.name);
        for index in 0..vector.bytes.len() {
            let old = vector.bytes[index];
            let values = [
                0x00,
                0x01,
                0x17,
                0x18,
                0x1b,
                0x1f,
                0x20,
                0x40,
                0x5f,
                0x60,
                0x7f,
                0x80,
                0x9f,
                0xa0,
                0xbf,
                0xc0,
                0xf6,
                0xff,
                old ^ 0x01,
                old ^ 0x80,
                old.wrapping_add(1),
                !old,
            ];
            for value in values {
                let mut changed = vector.bytes.clone();
                changed[index] = value;
                let _ = check(&vector, &changed);
            }
        }
    }
}

#[test]
fn random_changes_never_panic() {
    let mut state = 0x5eed_5eed_5eed_5eed;
    let mut accepted = 0;
    for vector in vectors_read() {
        for _ in 0..ROUNDS {
            let mut bytes = vector.bytes.clone();
            let changes = 1 + random_below(&mut state, 6);
            for _ in 0..changes {
                random_change(&mut state, &mut bytes);
            }
            if check(&vector, &bytes) {
                accepted += 1;
            }
        }
    }
    // Зерно постоянно, так что и это число постоянно; ноль значил бы, что тест ничего не видит.
    assert!(accepted > 1_000, "only {accepted} changed vectors were accepted");
}

/// Одно случайное изменение: байт, вставка, удаление, повтор куска.
fn random_change(state: &mut u64, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        bytes.push(random_next(state) as u8);
        return;
    }
    let place = random_below(state, bytes.len());
    match random_below(state, 5) {
        0 => bytes.insert(place, random_next(state) as u8),
        1 => {
            bytes.remove(place);
        }
        2 => {
            let end = place + random_below(state, bytes.len() - place);
            let copy = bytes[place..end].to_vec();
            bytes.extend_from_slice(&copy);
        }
        _ => bytes[place] = random_next(state) as u8,
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut state = 0x0ddb_a115;
    for _ in 0..ROUNDS {
        let length = random_below(&mut state, 80);
        let mut bytes = Vec::new();
        for _ in 0..length {
            bytes.push(random_next(&mut state) as u8);
        }
        // Заголовок делается правдоподобным, иначе дальше вида пакета не дойти.
        if length > 16 {
            bytes[10] = 0;
            bytes[11] = 0;
            bytes[12] %= 21;
            bytes[13] %= 26;
            bytes[14] = 0;
            bytes[15] = (length - 16) as u8;
        }
        let _ = packet_check(&bytes);
        let _ = sealed_check(&bytes);
        let _ = envelope_check(&bytes);
    }
}
