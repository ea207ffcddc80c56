//! Bodies of the control packets (content_type 0): CBOR maps with small integer keys (RFC 8949),
//! described in docs/protocol.cddl. Unknown keys are skipped, so fields can be added later.
//! Тела управляющих пакетов (content_type 0): словари CBOR с целыми ключами (RFC 8949),
//! описаны в docs/protocol.cddl. Незнакомые ключи пропускаются: поля можно добавлять.

use minicbor::{Decode, Encode};

use super::header::{Header, header_write};
use super::packets::{Kind, packet_row};
use crate::base::bounds::HEADER_BYTES;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;

/// Version of the protocol in HELLO.
pub const PROTOCOL_VERSION: u32 = 1;
/// Ids in one WATCH packet at most.
pub const WATCH_MAX: usize = 1_000;

/// HELLO: the first packet of both ends.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    #[n(0)]
    pub version: u32,
    /// Bit set of optional features; none are defined in version 1.
    #[n(1)]
    pub features: u64,
    /// Sender's wall clock, milliseconds since 1970 UTC.
    #[n(2)]
    pub clock: u64,
    /// Program and its version, for the log.
    #[n(3)]
    pub program: String,
    /// Of a server: until when its licence holds, milliseconds since 1970 UTC; None: no bound.
    #[n(4)]
    pub until: Option<u64>,
    /// Of a server: UDP ports at which it answers questions for addresses (STUN).
    #[n(7)]
    pub stun: Option<Vec<u16>>,
}

/// HELLO of a direct link: the same packet with two keys more, which a server's HELLO lacks.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct HelloDirect {
    #[n(0)]
    pub version: u32,
    #[n(1)]
    pub features: u64,
    #[n(2)]
    pub clock: u64,
    #[n(3)]
    pub program: String,
    /// How the caller found the other end: one of `WAY_…`; whoever was called leaves it out.
    #[n(5)]
    pub way: Option<u8>,
    /// The sender's name for himself.
    #[n(6)]
    pub name: Option<String>,
}

/// The caller knew the address from before.
pub const WAY_DIRECT: u8 = 1;
/// The caller found the other end in the local network.
pub const WAY_LAN: u8 = 2;
/// The caller was given a card or an address by his user.
pub const WAY_MANUAL: u8 = 3;

/// The caller is reached over a third: there is no address.
pub const WAY_THIRD: u8 = 4;

/// PING and PONG: the answer returns the number of the question.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Ping {
    #[n(0)]
    pub number: u64,
    /// Sender's wall clock, milliseconds since 1970 UTC.
    #[n(1)]
    pub clock: u64,
}

/// QUIT: a clean leave, with the number of the reason (base/fail.rs).
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Quit {
    #[n(0)]
    pub reason: u16,
}

/// QUITED: the server says that this peer vanished without a QUIT.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Quited {
    #[n(0)]
    pub id: Id,
}

/// REFUSED: a packet was not accepted, and why.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Refused {
    #[n(0)]
    pub reason: u16,
    #[n(1)]
    pub content_type: u8,
    #[n(2)]
    pub content_id: u32,
}

/// WATCH: whose presence the client wants to know; told only when both watch each other.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Watch {
    #[n(0)]
    pub ids: Vec<Id>,
}

/// PRESENCE: a watched peer is online or left.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Presence {
    #[n(0)]
    pub id: Id,
    #[n(1)]
    pub online: bool,
}

/// UNREACHABLE: a packet could not be passed on to this peer.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Unreachable {
    #[n(0)]
    pub id: Id,
    #[n(1)]
    pub reason: u16,
    #[n(2)]
    pub content_type: u8,
    #[n(3)]
    pub content_id: u32,
}

/// One public key of the message cipher with the owner's signature.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct KeyItem {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

/// KEYS: public keys for others to begin a session with (docs/protocol.md, "Sealed messages").
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Keys {
    /// Curve25519 key of the Olm account.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub curve: [u8; 32],
    /// The identity's signature of it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: [u8; 64],
    /// Given out when no one-time key is left.
    #[n(2)]
    pub fallback: KeyItem,
    /// One-time keys, each given out once.
    #[n(3)]
    pub items: Vec<KeyItem>,
}

/// KEYS_LEFT: so many one-time keys lie at the server.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct KeysLeft {
    #[n(0)]
    pub left: u64,
    /// The Olm key they belong to; zeros = none.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub curve: [u8; 32],
}

/// KEY_ASK: the client wants to begin a session with this person.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct KeyAsk {
    #[n(0)]
    pub id: Id,
}

/// KEY: the answer; without `found` this person has published nothing.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct KeyAnswer {
    #[n(0)]
    pub id: Id,
    #[n(1)]
    pub found: Option<KeyBundle>,
}

/// What it takes to begin a session.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct KeyBundle {
    /// The identity's own key; its hash is the id.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub public: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    pub curve: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    pub signature: [u8; 64],
    #[n(3)]
    pub key: KeyItem,
}

/// STORED: this message for an absent person is on the server's disk.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Stored {
    #[n(0)]
    pub id: Id,
    #[n(1)]
    pub content_id: u32,
}

/// MAIL: from the server: mail up to this number came before; back: it is on disk, forget it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Mail {
    #[n(0)]
    pub upto: u64,
}

/// Кладёт в конец `out` пакет с телом CBOR. Тело больше 65535 байт или отказ кодировщика —
/// ошибка `BodyBad`, `out` тогда не меняется.
pub fn packet_put<T: Encode<()>>(
    out: &mut Vec<u8>,
    kind: Kind,
    source_id: Id,
    dest_id: Id,
    content_id: u32,
    body: &T,
) -> Result<(), Fail> {
    let row = packet_row(kind);
    let start = out.len();
    out.extend_from_slice(&[0u8; HEADER_BYTES]);
    let written = minicbor::encode(body, &mut *out);
    let size = out.len() - start - HEADER_BYTES;
    if written.is_err() || size > row.size_max {
        out.truncate(start);
        return Err(fail(FailKind::BodyBad, row.name));
    }
    let content_id = if row.content_type == 0 { row.control } else { content_id };
    let content_type = row.content_type;
    let header = Header { source_id, dest_id, content_id, content_type, size: size as u16 };
    let mut place = [0u8; HEADER_BYTES];
    header_write(&header, &mut place);
    out[start..start + HEADER_BYTES].copy_from_slice(&place);
    Ok(())
}

/// Читает тело CBOR целиком; лишние байты или неверный вид — ошибка `BodyBad`.
pub fn body_read<'b, T: Decode<'b, ()>>(name: &str, data: &'b [u8]) -> Result<T, Fail> {
    let mut decoder = minicbor::Decoder::new(data);
    let decoded: Result<T, minicbor::decode::Error> = decoder.decode();
    match decoded {
        Ok(body) => {
            if decoder.position() != data.len() {
                return Err(fail(FailKind::BodyBad, name));
            }
            Ok(body)
        }
        Err(error) => Err(fail(FailKind::BodyBad, &format!("{name}: {error}"))),
    }
}
