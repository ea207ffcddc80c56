//! STUN against the vectors of RFC 5769 and its own rules; nothing panics.
//! STUN против образцов RFC 5769 и собственных правил; ничто не падает.

use std::net::SocketAddr;

use supertext::wire::stun::{STUN_BYTES, Stun, Token, stun_answer, stun_ask, stun_is, stun_read};

/// Transaction id of all examples of RFC 5769.
const TOKEN: &str = "b7e7a701bc34d686fa87dfae";
/// Section 2.2: an answer with software, address, integrity and fingerprint.
const ANSWER_4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
/// Section 2.3: the same with an IPv6 address.
const ANSWER_6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed41\
    80280004c8fb0b4c";

/// Номер запроса из образцов.
fn token() -> Token {
    let mut token = Token::default();
    token.copy_from_slice(&hex::decode(TOKEN).expect("hex"));
    token
}

/// Байты образца.
fn bytes_of(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).expect("hex")
}

#[test]
fn answers_of_the_rfc_are_read() {
    for (text, address) in
        [(ANSWER_4, "192.0.2.1:32853"), (ANSWER_6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let address: SocketAddr = address.parse().expect("an address");
        assert_eq!(stun_read(&bytes_of(text)), Some(Stun::Answered(token(), address)));
    }
}

#[test]
fn what_is_written_is_read() {
    let ask = stun_ask(&token());
    assert_eq!(hex::encode(ask), format!("000100002112a442{TOKEN}"));
    assert_eq!(stun_read(&ask), Some(Stun::Asked(token())));
    for (text, length) in [("192.0.2.1:32853", 32), ("[2001:db8::1]:1", 44)] {
        let address: SocketAddr = text.parse().expect("an address");
        let answer = stun_answer(&token(), address);
        assert_eq!(answer.len(), length);
        assert_eq!(stun_read(&answer), Some(Stun::Answered(token(), address)));
    }
    // Адрес IPv4 называется без обёртки IPv6.
    let wrapped: SocketAddr = "[::ffff:192.0.2.1]:9".parse().expect("an address");
    let plain: SocketAddr = "192.0.2.1:9".parse().expect("an address");
    let read = stun_read(&stun_answer(&token(), wrapped));
    assert_eq!(read, Some(Stun::Answered(token(), plain)));
}

#[test]
fn quic_is_not_taken_for_stun() {
    let mut bytes = stun_ask(&token());
    for first in [0x40, 0x80, 0xc0, 0xff] {
        bytes[0] = first;
        assert!(!stun_is(&bytes), "{first:x}");
    }
}

#[test]
fn wrong_bytes_are_dropped() {
    let whole = stun_answer(&token(), "192.0.2.1:32853".parse().expect("an address"));
    for length in 0..whole.len() {
        assert_eq!(stun_read(&whole[..length]), None, "{length} bytes");
    }
    for (place, value) in [(4, 0), (1, 2), (3, 11), (3, 16), (21, 0x21), (23, 7), (25, 9)] {
        let mut wrong = whole.clone();
        wrong[place] = value;
        assert_eq!(stun_read(&wrong), None, "byte {place}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(stun_read(&longer), None);
    // Любой байт любым: не падает и ничего, кроме STUN, не находит.
    for text in [ANSWER_4, ANSWER_6] {
        let whole = bytes_of(text);
        for place in 0..whole.len() {
            for value in 0..=255 {
                let mut wrong = whole.clone();
                wrong[place] = value;
                if stun_read(&wrong).is_some() {
                    assert!(wrong.len() >= STUN_BYTES && stun_is(&wrong));
                }
            }
        }
    }
}
