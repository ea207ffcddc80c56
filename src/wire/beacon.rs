//! The beacon of the local network: one small datagram that says who listens at which port
//! (docs/protocol.md, "Local network"). It proves nothing; the TLS handshake does.
//! Маяк местной сети: одна малая посылка, кто на каком порту слушает (docs/protocol.md, "Local
//! network"). Она ничего не доказывает: доказывает рукопожатие TLS.

use crate::base::ids::{Id, id_is_person};

/// First bytes of every beacon: name and version.
pub const BEACON_MAGIC: &[u8; 8] = b"stxlan/1";
/// Length of a beacon; what stands behind belongs to later versions.
pub const BEACON_BYTES: usize = 48;
/// Flag: the sender has just come and asks to be answered.
pub const BEACON_ASKS: u8 = 1;

/// Who listens where. The address is that of the datagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Beacon {
    pub flags: u8,
    pub port: u16,
    pub id: Id,
    /// SHA-256 of the identity key.
    pub fingerprint: [u8; 32],
}

/// Маяк как байты.
pub fn beacon_bytes(beacon: &Beacon) -> [u8; BEACON_BYTES] {
    let mut bytes = [0u8; BEACON_BYTES];
    bytes[..8].copy_from_slice(BEACON_MAGIC);
    bytes[8] = beacon.flags;
    bytes[9..11].copy_from_slice(&beacon.port.to_be_bytes());
    bytes[11..16].copy_from_slice(&beacon.id.to_be_bytes()[3..]);
    bytes[16..48].copy_from_slice(&beacon.fingerprint);
    bytes
}

/// Читает маяк. `None`: это не он, порта нет, номер ничей или не от этого отпечатка (номер — его
/// первые 40 бит).
pub fn beacon_read(bytes: &[u8]) -> Option<Beacon> {
    if bytes.len() < BEACON_BYTES || &bytes[..8] != BEACON_MAGIC {
        return None;
    }
    let port = u16::from_be_bytes([bytes[9], bytes[10]]);
    let mut wide = [0u8; 8];
    wide[3..].copy_from_slice(&bytes[11..16]);
    let id = Id::from_be_bytes(wide);
    let mut fingerprint = [0u8; 32];
    fingerprint.copy_from_slice(&bytes[16..48]);
    if port == 0 || !id_is_person(id) || bytes[11..16] != fingerprint[..5] {
        return None;
    }
    Some(Beacon { flags: bytes[8], port, id, fingerprint })
}
