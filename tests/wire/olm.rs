//! The sealed messages of the vectors: made from the keys of tests/vectors/olm.txt without this
//! program, they open here; and this program, given the same secrets, makes the same bytes.
//! Запечатанные сообщения векторов: сделаны из ключей tests/vectors/olm.txt без этой программы, а
//! здесь открываются; и эта программа из тех же секретов делает те же байты.

use serde_json::{Value, json};
use supertext::base::bounds::{
    MESSAGE_PACKET_BYTES, MESSAGE_PACKETS_MAX, NAME_MAX, SEALED_EXTRA, TEXT_MAX,
};
use supertext::base::ids::Id;
use supertext::crypto::identity::{Identity, PublicKey, id_of_key};
use supertext::crypto::olm::{
    Account, Bundle, KIND_NORMAL, KIND_PREKEY, LABEL_CURVE, LABEL_KEY, Session, Signer,
    account_load, account_new, account_store, message_decrypt, message_encrypt, session_in,
    session_load, session_out, session_store, sign, signature_check, signer_of,
};
use supertext::wire::control::{KeyItem, body_read};
use supertext::wire::message::{After, Envelope, Intro, Sealed, envelope_bytes};
use vodozemac::{Curve25519PublicKey, Curve25519SecretKey};

use super::body::{Body, packet_decode};
use super::vectors::{ALICE, BOB, bundle_expected, olm_bytes, olm_key, vector_bytes};

/// PKCS#8 of an Ed25519 key (RFC 8410, section 7) up to its 32 bytes.
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A person of the vectors.
pub struct Person {
    pub public: PublicKey,
    pub signer: Signer,
    /// X25519: the Olm account, its public key and the identity's signature of it.
    pub secret: [u8; 32],
    pub curve: [u8; 32],
    pub signature: [u8; 64],
}

/// Алиса: первый ключ RFC 8032, 7.1.
pub fn alice() -> Person {
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    person("ALICE", public)
}

/// Боб: второй.
pub fn bob() -> Person {
    let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    person("BOB", public)
}

/// Человек по имени в olm.txt и открытому ключу.
fn person(name: &str, public: &str) -> Person {
    let public: PublicKey = hex::decode(public).expect("hex").try_into().expect("32 bytes");
    let mut key = PKCS8_HEAD.to_vec();
    key.extend_from_slice(&olm_key(&format!("{name}_IDENTITY")));
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key);
    let id = id_of_key(&public);
    let identity = Identity { id, public_key: public, chain: Vec::new(), key: key.into() };
    let signer = signer_of(&identity).expect("the secret and the public key are a pair");
    let secret = olm_key(&format!("{name}_CURVE"));
    let curve = curve_of(&secret);
    let signature = sign(&signer, LABEL_CURVE, &[&curve]);
    Person { public, signer, secret, curve, signature }
}

/// Открытый ключ X25519 из секретного.
pub fn curve_of(secret: &[u8; 32]) -> [u8; 32] {
    Curve25519PublicKey::from(&Curve25519SecretKey::from_slice(secret)).to_bytes()
}

/// Ключ с подписью его хозяина.
pub fn key_signed(owner: &Person, key: [u8; 32]) -> KeyItem {
    KeyItem { key, signature: sign(&owner.signer, LABEL_KEY, &[&owner.curve, &key]) }
}

/// Счёт Olm с такими секретами: свой ключ, один одноразовый и запасной.
fn account_of(person: &Person, one_time: &[u8; 32], fallback: &[u8; 32]) -> Account {
    let stored = account_store(&account_new()).expect("it stores");
    let mut value: Value = serde_json::from_slice(&stored).expect("JSON");
    value["diffie_hellman_key"] = json!(person.secret);
    value["one_time_keys"]["private_keys"] = json!({ "0": one_time });
    value["one_time_keys"]["next_key_id"] = json!(1);
    value["fallback_keys"]["fallback_key"] =
        json!({ "key_id": 0, "key": fallback, "published": true });
    account_load(&serde_json::to_vec(&value).expect("JSON")).expect("it loads")
}

/// Счёт Боба из векторов.
fn account_bob() -> Account {
    account_of(&bob(), &olm_key("BOB_ONE_TIME"), &olm_key("BOB_FALLBACK"))
}

/// Набор ключей для сеанса из того, что выдал сервер.
fn bundle() -> Bundle {
    let found = bundle_expected();
    Bundle {
        public: found.public,
        curve: found.curve,
        signature: found.signature,
        key: found.key.key,
        key_signature: found.key.signature,
    }
}

/// Сеанс Алисы с Бобом, начатый секретами из olm.txt.
fn session_alice() -> Session {
    let alice = alice();
    let account = account_of(&alice, &[1; 32], &[2; 32]);
    let session = session_out(&account, BOB, &bundle()).expect("the keys are Bob's");
    let mut value: Value =
        serde_json::from_slice(&session_store(&session).expect("it stores")).expect("JSON");
    value["session_keys"]["base_key"] = json!(curve_of(&olm_key("ALICE_BASE")));
    let state = &mut value["sending_ratchet"]["active_ratchet"];
    assert!(state.is_object(), "the session begins with a sending chain");
    state["root_key"] = json!(olm_key("ROOT_0"));
    state["ratchet_key"] = json!(olm_key("ALICE_RATCHET"));
    value["sending_ratchet"]["symmetric_key_ratchet"] =
        json!({ "key": olm_key("CHAIN_0"), "index": 0 });
    session_load(&serde_json::to_vec(&value).expect("JSON")).expect("it loads")
}

/// Запечатанное из вектора.
fn sealed_read(name: &str) -> Sealed {
    body_read("sealed", &vector_bytes(name)).expect("decoded")
}

#[test]
fn ids_of_the_vectors_belong_to_their_keys() {
    let known: [(Id, Person); 2] = [(ALICE, alice()), (BOB, bob())];
    for (id, person) in known {
        assert_eq!(id_of_key(&person.public), id);
    }
}

#[test]
fn keys_of_the_vectors_are_signed_as_the_page_says() {
    // Байты под подписью складываются здесь заново: метка, ноль, ключи.
    let decoded = packet_decode(&vector_bytes("KEYS")).expect("right").expect("whole");
    let Body::Keys(keys) = decoded.0.body else {
        panic!("KEYS");
    };
    let public = bob().public;
    let mut items = vec![keys.fallback];
    items.extend(keys.items);
    let mut signed = b"supertext olm identity 1\0".to_vec();
    signed.extend_from_slice(&keys.curve);
    assert!(signature_fits(&public, &signed, &keys.signature));
    signature_check(&public, LABEL_CURVE, &[&keys.curve], &keys.signature).expect("signed");
    assert_eq!(items.len(), 3);
    for item in &items {
        let mut signed = b"supertext olm key 1\0".to_vec();
        signed.extend_from_slice(&keys.curve);
        signed.extend_from_slice(&item.key);
        assert!(signature_fits(&public, &signed, &item.signature));
        let parts: [&[u8]; 2] = [&keys.curve, &item.key];
        signature_check(&public, LABEL_KEY, &parts, &item.signature).expect("signed");
    }
}

/// Подпись Ed25519 над этими байтами, без нашего кода.
fn signature_fits(public: &PublicKey, signed: &[u8], signature: &[u8]) -> bool {
    let algorithm = &aws_lc_rs::signature::ED25519;
    aws_lc_rs::signature::UnparsedPublicKey::new(algorithm, public)
        .verify(signed, signature)
        .is_ok()
}

#[test]
fn first_message_of_the_vectors_opens() {
    let sealed = sealed_read("SEALED_FIRST");
    assert_eq!(sealed.kind, KIND_PREKEY);
    let intro = sealed.intro.expect("an intro");
    let mut account = account_bob();
    let wrong = session_in(&mut account, BOB, &intro, &sealed.body);
    assert!(wrong.is_err(), "it is not Bob who sent it");
    let (_, plain) = session_in(&mut account, ALICE, &intro, &sealed.body).expect("it opens");
    assert_eq!(hex::encode(&plain), hex::encode(vector_bytes("ENVELOPE_TEXT")));
    let envelope: Envelope = body_read("envelope", &plain).expect("decoded");
    assert_eq!((envelope.run, envelope.sequence), (sealed.run, sealed.sequence));
    assert!(session_in(&mut account, ALICE, &intro, &sealed.body).is_err(), "a key serves once");
}

#[test]
fn the_same_secrets_make_the_first_message_and_open_the_answer() {
    let first = sealed_read("SEALED_FIRST");
    let mut session = session_alice();
    let plain = vector_bytes("ENVELOPE_TEXT");
    let (kind, body) = message_encrypt(&mut session, &plain).expect("it encrypts");
    assert_eq!((kind, hex::encode(&body)), (first.kind, hex::encode(&first.body)));

    let answer = sealed_read("SEALED_ANSWER");
    assert_eq!((answer.kind, answer.run, answer.sequence), (KIND_NORMAL, 0, 0));
    let plain = message_decrypt(&mut session, answer.kind, &answer.body).expect("it opens");
    assert_eq!(hex::encode(&plain), hex::encode(vector_bytes("ENVELOPE_RECEIPT")));
    let again = message_decrypt(&mut session, answer.kind, &answer.body);
    assert!(again.is_err(), "a message opens once");
}

#[test]
fn values_on_the_way_have_their_lengths() {
    for name in ["ROOT_0", "CHAIN_0", "MESSAGE_KEY_0", "ROOT_1", "CHAIN_1", "MESSAGE_KEY_1"] {
        assert_eq!(olm_bytes(name).len(), 32, "{name}");
    }
    assert_eq!(olm_bytes("SHARED").len(), 96);
    assert_eq!((olm_bytes("EXPANDED_0").len(), olm_bytes("EXPANDED_1").len()), (80, 80));
}

/// Запечатывает конверт первым сообщением сеанса, с самыми длинными числами снаружи.
fn sealed_longest(plain: &[u8]) -> Vec<u8> {
    let alice = alice();
    let (kind, body) = message_encrypt(&mut session_alice(), plain).expect("it encrypts");
    let intro = Some(Intro { public: alice.public, signature: alice.signature });
    let after = Some(After { run: u64::MAX, sequence: u64::MAX });
    let sealed = Sealed { run: u64::MAX, sequence: u64::MAX, kind, body, intro, after };
    minicbor::to_vec(&sealed).expect("encoded")
}

/// Конверт с самыми длинными числами и именем и с текстом такой длины.
fn envelope_longest(text: usize) -> Vec<u8> {
    let envelope = Envelope {
        kind: u8::MAX,
        id: [0xff; 16],
        run: u64::MAX,
        sequence: u64::MAX,
        upto: 0,
        time: u64::MAX,
        name: "😀".repeat(NAME_MAX),
        text: vec![b'x'; text],
        offer: None,
        about: [0xff; 16],
        seen: true,
        bond: [0xff; 32],
        room: None,
        meeting: None,
        after: Some(After { run: u64::MAX, sequence: u64::MAX }),
    };
    envelope_bytes(&envelope).expect("encoded")
}

#[test]
fn sealing_adds_no_more_than_its_bound() {
    for text in [0, 1, 15, 16, 17, 4_000, 65_536, TEXT_MAX] {
        let plain = envelope_longest(text);
        let added = sealed_longest(&plain).len() - plain.len();
        assert!(added <= SEALED_EXTRA, "{added} bytes for a text of {text}");
    }
}

#[test]
fn longest_text_fits_one_message() {
    let sealed = sealed_longest(&envelope_longest(TEXT_MAX));
    let room = MESSAGE_PACKET_BYTES * MESSAGE_PACKETS_MAX;
    assert!(sealed.len() <= room, "{} bytes, {} too many", sealed.len(), sealed.len() - room);
}
