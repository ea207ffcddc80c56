//! Ids as people see them: 13 digits and a check digit (ISO 7064 MOD 11,10), read back with care.
//! Номера такими, какими их видят люди: 13 цифр и контрольная (ISO 7064 MOD 11,10), и обратно.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use supertext::base::fail::FailKind;
use supertext::base::ids::{
    ID_ONES, ID_SERVER, Id, id_digits, id_from_hash, id_is_person, id_looks_like, id_parse,
    id_shown,
};
use supertext::crypto::identity::id_of_key;

/// Ids and their digits, computed without this program (python-stdnum, iso7064.mod_11_10).
const KNOWN: [(Id, &str); 12] = [
    (1, "00000000000016"),
    (2, "00000000000024"),
    (42, "00000000000426"),
    (1_234_567_890, "00012345678907"),
    (0x01_0203_0405, "00043287193650"),
    (123_456_789_012, "01234567890123"),
    (0x21_fe31_dfa1, "01459986021453"),
    (1 << 39, "05497558138885"),
    (0xa1_b2c3_d4e5, "06944889131259"),
    (0xba_7816_bf8f, "08008786738071"),
    (999_999_999_999, "09999999999998"),
    (ID_ONES - 1, "10995116277740"),
];

/// Контрольная цифра прямо по определению ISO 7064: P₁ = 10; Sⱼ = Pⱼ + aⱼ;
/// Pⱼ₊₁ = 2·(Sⱼ mod 10, вместо 0 — 10) mod 11; последняя сумма P + цифра ≡ 1 (mod 10).
fn reference_digit(digits: &str) -> char {
    let mut product = 10;
    for letter in digits.chars() {
        let sum = product + letter.to_digit(10).expect("a digit");
        let rest = if sum % 10 == 0 { 10 } else { sum % 10 };
        product = 2 * rest % 11;
    }
    for check in 0..10 {
        if (product + check) % 10 == 1 {
            return char::from_digit(check, 10).expect("a digit");
        }
    }
    panic!("some digit always fits");
}

/// Номера для перебора: края и рассеянные xorshift64.
fn sample() -> Vec<Id> {
    let mut ids = vec![1, 2, 9, 10, 99, 1 << 20, ID_ONES - 2, ID_ONES - 1];
    let mut state = 0x1d_5eed_u64;
    while ids.len() < 400 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let id = state & ID_ONES;
        if id_is_person(id) {
            ids.push(id);
        }
    }
    ids
}

#[test]
fn reference_agrees_with_published_numbers() {
    // Пример из ISO 7064; VAT Германии DE136695976 и OIB Хорватии 33392005961 той же системы.
    assert_eq!(reference_digit("0794"), '5');
    assert_eq!(reference_digit("13669597"), '6');
    assert_eq!(reference_digit("3339200596"), '1');
}

#[test]
fn known_ids_have_their_digits() {
    for (id, digits) in KNOWN {
        assert_eq!(id_digits(id), digits);
        assert_eq!(id_parse(digits), Ok(id));
        assert_eq!(reference_digit(&digits[..13]), digits.chars().last().unwrap());
    }
    assert_eq!(id_shown(123_456_789_012), "01234 56789 0123");
}

#[test]
fn ids_come_back_from_their_digits() {
    for id in sample() {
        let digits = id_digits(id);
        assert_eq!(digits.len(), 14);
        assert_eq!(reference_digit(&digits[..13]), digits.chars().last().unwrap());
        assert_eq!(id_parse(&digits), Ok(id));
        let shown = id_shown(id);
        assert_eq!(shown.len(), 16);
        assert_eq!(shown.replace(' ', ""), digits);
        assert_eq!(id_parse(&shown), Ok(id));
        assert_eq!(id_parse(&shown.replace(' ', "\u{a0}")), Ok(id));
    }
}

#[test]
fn every_single_wrong_digit_is_caught() {
    for id in sample() {
        let digits = id_digits(id).into_bytes();
        for place in 0..digits.len() {
            for wrong in b'0'..=b'9' {
                if wrong == digits[place] {
                    continue;
                }
                let mut changed = digits.clone();
                changed[place] = wrong;
                let text = String::from_utf8(changed).unwrap();
                let refused = id_parse(&text).expect_err("a wrong digit");
                assert_eq!(refused.kind, FailKind::IdBad, "{text}");
            }
        }
    }
}

#[test]
fn nearly_every_swap_of_neighbours_is_caught() {
    let (mut swaps, mut missed) = (0u32, 0u32);
    for id in sample() {
        let digits = id_digits(id).into_bytes();
        for place in 1..digits.len() {
            if digits[place] == digits[place - 1] {
                continue;
            }
            let mut changed = digits.clone();
            changed.swap(place - 1, place);
            swaps += 1;
            if id_parse(&String::from_utf8(changed).unwrap()).is_ok() {
                missed += 1;
            }
        }
    }
    // Система MOD 11,10 пропускает немногие перестановки: их доля здесь меньше трёх сотых.
    assert!(swaps > 4_000);
    assert!(missed * 100 < swaps * 3, "{missed} of {swaps} swaps are missed");
}

#[test]
fn reserved_ids_are_refused() {
    assert!(!id_is_person(ID_SERVER));
    assert!(!id_is_person(ID_ONES));
    assert!(!id_is_person(1 << 40));
    assert!(!id_is_person(u64::MAX));
    assert!(id_is_person(1));
    assert!(id_is_person(ID_ONES - 1));
    // Контрольные цифры верны, но номера заняты или не помещаются в 40 бит.
    for text in ["00000000000008", "10995116277758", "10995116277766", "99999999999996"] {
        assert_eq!(reference_digit(&text[..13]), text.chars().last().unwrap());
        assert_eq!(id_parse(text).expect_err("reserved").kind, FailKind::IdBad, "{text}");
    }
}

#[test]
fn only_fourteen_digits_are_an_id() {
    let wrong = [
        "",
        " ",
        "0000000000001",
        "000000000000160",
        "0000000000001 x",
        "x00000000000016",
        "0000000000001O",
        "-0000000000016",
        "00000-00000-0016",
        "0000000000001\t6",
        "0000000000001\n6",
        "００００００００００００１６",
        "٠٠٠٠٠٠٠٠٠٠٠٠١٦",
        "alice",
        "12345678901234567890123456789012345678901234567890",
    ];
    for text in wrong {
        assert_eq!(id_parse(text).expect_err("no id").kind, FailKind::IdBad, "{text:?}");
    }
    for text in ["00000 00000 0016", "  00000000000016  ", "0 0 0 0 0 0 0 0 0 0 0 0 1 6"] {
        assert_eq!(id_parse(text), Ok(1), "{text:?}");
    }
}

#[test]
fn words_that_look_like_ids() {
    for text in ["1", "00000 00000 0016", "12345", "1\u{a0}2"] {
        assert!(id_looks_like(text), "{text:?}");
    }
    for text in ["", " ", "alice", "1a", "+1", "٣"] {
        assert!(!id_looks_like(text), "{text:?}");
    }
}

#[test]
fn ids_are_the_first_40_bits_of_sha256() {
    // SHA-256 от «abc» из FIPS 180-4 начинается с ba7816bf8f.
    let mut hash = [0u8; 32];
    hash[..6].copy_from_slice(&[0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01]);
    assert_eq!(id_from_hash(&hash), 0xba_7816_bf8f);
    // Открытый ключ первого примера RFC 8032, раздел 7.1; номер посчитан без этой программы.
    let mut key = [0u8; 32];
    let text = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    hex::decode_to_slice(text, &mut key).unwrap();
    assert_eq!(id_digits(id_of_key(&key)), "01459986021453");
}
