//! Questions for one's own address, and the taps on a hole: STUN Binding requests and responses
//! (RFC 8489) with the one attribute XOR-MAPPED-ADDRESS. The transaction id is a secret token: who
//! knows it was told.
//! Вопросы о своём адресе и стук в пробиваемую дыру: запросы и ответы STUN Binding (RFC 8489) с
//! одним признаком XOR-MAPPED-ADDRESS. Номер запроса — тайное слово: кто его знает, тому сказали.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Transaction id of STUN; random.
pub type Token = [u8; 12];

/// Length of the header, and of a whole request.
pub const STUN_BYTES: usize = 20;
/// The fixed word of every STUN packet.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_RESPONSE: [u8; 2] = [0x01, 0x01];
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FAMILY_IPV4: u8 = 1;
const FAMILY_IPV6: u8 = 2;

/// What a datagram says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stun {
    /// Where do I come from?
    Asked(Token),
    /// You come from this address.
    Answered(Token, SocketAddr),
}

/// Запрос: откуда я?
pub fn stun_ask(token: &Token) -> [u8; STUN_BYTES] {
    let mut bytes = [0u8; STUN_BYTES];
    bytes[..2].copy_from_slice(&BINDING_REQUEST);
    bytes[4..8].copy_from_slice(&COOKIE);
    bytes[8..].copy_from_slice(token);
    bytes
}

/// Ответ: вот откуда. Адрес IPv4 в обёртке IPv6 называется без неё.
pub fn stun_answer(token: &Token, address: SocketAddr) -> Vec<u8> {
    let mut value = vec![0];
    let port = address.port().to_be_bytes();
    match address.ip().to_canonical() {
        IpAddr::V4(plain) => {
            value.push(FAMILY_IPV4);
            value.extend_from_slice(&port);
            value.extend_from_slice(&plain.octets());
        }
        IpAddr::V6(long) => {
            value.push(FAMILY_IPV6);
            value.extend_from_slice(&port);
            value.extend_from_slice(&long.octets());
        }
    }
    mask(&mut value, token);
    let mut bytes = stun_ask(token).to_vec();
    bytes[..2].copy_from_slice(&BINDING_RESPONSE);
    bytes[2..4].copy_from_slice(&(value.len() as u16 + 4).to_be_bytes());
    bytes.extend_from_slice(&XOR_MAPPED_ADDRESS.to_be_bytes());
    bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&value);
    bytes
}

/// Накладывает маску: порт и адрес складываются с постоянным словом и номером запроса.
fn mask(value: &mut [u8], token: &Token) {
    let mut word = [0u8; 16];
    word[..4].copy_from_slice(&COOKIE);
    word[4..].copy_from_slice(token);
    value[2] ^= COOKIE[0];
    value[3] ^= COOKIE[1];
    for index in 4..value.len() {
        value[index] ^= word[index - 4];
    }
}

/// Похоже ли это на STUN, а не на QUIC: у QUIC в первом байте всегда есть старшие биты.
pub fn stun_is(bytes: &[u8]) -> bool {
    bytes.len() >= STUN_BYTES && bytes[0] & 0xc0 == 0 && bytes[4..8] == COOKIE
}

/// Читает посылку. `None`: не STUN, не Binding или без годного адреса.
pub fn stun_read(bytes: &[u8]) -> Option<Stun> {
    if !stun_is(bytes) {
        return None;
    }
    let length = u16::from_be_bytes([bytes[2], bytes[3]]) as usize;
    if !length.is_multiple_of(4) || bytes.len() != STUN_BYTES + length {
        return None;
    }
    let mut token = [0u8; 12];
    token.copy_from_slice(&bytes[8..STUN_BYTES]);
    let kind = [bytes[0], bytes[1]];
    if kind == BINDING_REQUEST {
        return Some(Stun::Asked(token));
    }
    if kind != BINDING_RESPONSE {
        return None;
    }
    let mut rest = &bytes[STUN_BYTES..];
    while rest.len() >= 4 {
        let name = u16::from_be_bytes([rest[0], rest[1]]);
        let size = u16::from_be_bytes([rest[2], rest[3]]) as usize;
        let whole = 4 + size.next_multiple_of(4);
        if rest.len() < whole {
            return None;
        }
        if name == XOR_MAPPED_ADDRESS {
            let address = mapped_read(&rest[4..4 + size], &token)?;
            return Some(Stun::Answered(token, address));
        }
        rest = &rest[whole..];
    }
    None
}

/// Адрес из признака XOR-MAPPED-ADDRESS.
fn mapped_read(value: &[u8], token: &Token) -> Option<SocketAddr> {
    let mut plain = value.to_vec();
    if plain.len() != 8 && plain.len() != 20 {
        return None;
    }
    mask(&mut plain, token);
    let port = u16::from_be_bytes([plain[2], plain[3]]);
    let ip = match (plain[1], plain.len()) {
        (FAMILY_IPV4, 8) => {
            let mut octets = [0u8; 4];
            octets.copy_from_slice(&plain[4..]);
            IpAddr::V4(Ipv4Addr::from(octets))
        }
        (FAMILY_IPV6, 20) => {
            let mut octets = [0u8; 16];
            octets.copy_from_slice(&plain[4..]);
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}
