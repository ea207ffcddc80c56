//! The beacon of the local network: a golden vector, what is refused, nothing panics.
//! Маяк местной сети: золотой образец, что отвергается, ничто не падает.

use supertext::base::ids::Id;
use supertext::crypto::identity::sha256;
use supertext::wire::beacon::{BEACON_ASKS, BEACON_BYTES, Beacon, beacon_bytes, beacon_read};

use super::vectors::ALICE;

/// The key of Alice: the first one of RFC 8032, section 7.1.
const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
/// Her beacon, written by hand: magic, flags, port 4000, id, fingerprint.
const GOLDEN: &str = "7374786c616e2f31010fa021fe31dfa1\
    21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9";

/// Маяк Алисы.
fn alice() -> Beacon {
    let key = hex::decode(KEY).expect("hex");
    Beacon { flags: BEACON_ASKS, port: 4000, id: ALICE, fingerprint: sha256(&key) }
}

#[test]
fn a_beacon_is_that_of_the_page() {
    let bytes = beacon_bytes(&alice());
    assert_eq!(hex::encode(bytes), GOLDEN.replace(' ', ""));
    assert_eq!(beacon_read(&bytes), Some(alice()));
    let mut longer = bytes.to_vec();
    longer.extend_from_slice(b"of a later version");
    assert_eq!(beacon_read(&longer), Some(alice()));
}

#[test]
fn what_is_no_beacon_is_dropped() {
    let good = beacon_bytes(&alice());
    for length in 0..BEACON_BYTES {
        assert_eq!(beacon_read(&good[..length]), None);
    }
    for at in 0..BEACON_BYTES {
        let mut bytes = good;
        bytes[at] ^= 0x40;
        // Знак, порт и конец отпечатка с номером не связаны; прочее обязано сойтись.
        let free = (8..11).contains(&at) || at >= 21;
        assert_eq!(beacon_read(&bytes).is_some(), free, "byte {at}");
    }
    let nobody: Id = 0;
    let zero = Beacon { id: nobody, fingerprint: [0; 32], ..alice() };
    assert_eq!(beacon_read(&beacon_bytes(&zero)), None);
    assert_eq!(beacon_read(&beacon_bytes(&Beacon { port: 0, ..alice() })), None);
}
