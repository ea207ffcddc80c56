//! The message cipher, the vault of an account and the safety number: what must open opens, and
//! everything that was touched, repeated or signed by somebody else does not.
//! Шифр сообщений, хранилище учётной записи и число безопасности: что должно открываться —
//! открывается, а тронутое, повторённое или подписанное другим — нет.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use supertext::base::fail::FailKind;
use supertext::crypto::identity::{Identity, id_of_key, identity_make, identity_read};
use supertext::crypto::olm::{
    Account, Bundle, KIND_NORMAL, KIND_PREKEY, LABEL_CURVE, LABEL_KEY, Session, Signer,
    account_load, account_new, account_store, keys_make, message_decrypt, message_encrypt,
    session_fits, session_in, session_load, session_name, session_out, session_store, sign,
    signature_check, signer_of,
};
use supertext::crypto::safety::{safety_groups, safety_number};
use supertext::crypto::vault::{account_keys, vault_open, vault_seal};
use supertext::wire::control::Keys;
use supertext::wire::message::Intro;

/// One side of a conversation.
struct Person {
    identity: Identity,
    signer: Signer,
    account: Account,
}

/// Новый человек: личность и учётная запись Olm.
fn person() -> Person {
    let (key, certificate) = identity_make().expect("an identity");
    let identity = identity_read(&key, &certificate, "").expect("it reads back");
    let signer = signer_of(&identity).expect("its key signs");
    Person { identity, signer, account: account_new() }
}

/// Набор для сеанса с этим человеком: одноразовый ключ с этим номером или запасной.
fn bundle(person: &Person, keys: &Keys, one_time: Option<usize>) -> Bundle {
    let item = match one_time {
        Some(index) => &keys.items[index],
        None => &keys.fallback,
    };
    Bundle {
        public: person.identity.public_key,
        curve: keys.curve,
        signature: keys.signature,
        key: item.key,
        key_signature: item.signature,
    }
}

/// Представление к сообщению типа 0.
fn intro(person: &Person) -> Intro {
    let curve = person.account.curve25519_key().to_bytes();
    let signature = sign(&person.signer, LABEL_CURVE, &[&curve]);
    Intro { public: person.identity.public_key, signature }
}

/// Алиса и Боб, сеанс Алисы с Бобом и первое её сообщение.
fn begun() -> (Person, Person, Session, Vec<u8>) {
    let (alice, mut bob) = (person(), person());
    let keys = keys_make(&mut bob.account, &bob.signer, 2);
    let to_bob = bundle(&bob, &keys, Some(0));
    let mut session = session_out(&alice.account, bob.identity.id, &to_bob).expect("a session");
    let (kind, body) = message_encrypt(&mut session, b"one").expect("it encrypts");
    assert_eq!(kind, KIND_PREKEY);
    (alice, bob, session, body)
}

/// Полностью установленный сеанс: каждый уже получил сообщение от другого.
fn settled() -> (Session, Session) {
    let (alice, mut bob, mut out, body) = begun();
    let (mut back, _) =
        session_in(&mut bob.account, alice.identity.id, &intro(&alice), &body).expect("opens");
    let (kind, answer) = message_encrypt(&mut back, b"two").expect("it encrypts");
    assert_eq!(kind, KIND_NORMAL);
    assert_eq!(message_decrypt(&mut out, kind, &answer).expect("opens"), b"two");
    (out, back)
}

/// Вид ошибки; успех — провал проверки.
fn kind_of<T>(result: Result<T, supertext::base::fail::Fail>) -> FailKind {
    match result {
        Ok(_) => panic!("it must be refused"),
        Err(fail) => fail.kind,
    }
}

#[test]
fn messages_go_both_ways() {
    let (mut a, mut b) = settled();
    assert_eq!(session_name(&a), session_name(&b));
    for turn in 0..20u8 {
        let plain = vec![turn; usize::from(turn) * 3];
        let (kind, body) = message_encrypt(&mut a, &plain).expect("it encrypts");
        assert_eq!(kind, KIND_NORMAL);
        assert_eq!(message_decrypt(&mut b, kind, &body).expect("opens"), plain);
        let (kind, body) = message_encrypt(&mut b, &plain).expect("it encrypts");
        assert_eq!(message_decrypt(&mut a, kind, &body).expect("opens"), plain);
    }
    let long = vec![7u8; 1_048_576];
    let (kind, body) = message_encrypt(&mut a, &long).expect("it encrypts");
    assert!(message_decrypt(&mut b, kind, &body).expect("opens") == long);
}

#[test]
fn several_first_messages_belong_to_one_session() {
    let (alice, mut bob, mut out, first) = begun();
    let (kind, second) = message_encrypt(&mut out, b"more").expect("it encrypts");
    assert_eq!(kind, KIND_PREKEY);
    // Второе пришло раньше первого.
    let (mut back, plain) =
        session_in(&mut bob.account, alice.identity.id, &intro(&alice), &second).expect("opens");
    assert_eq!(plain, b"more");
    assert!(session_fits(&back, &first) && session_fits(&out, &first));
    assert_eq!(message_decrypt(&mut back, KIND_PREKEY, &first).expect("opens"), b"one");
    let (mut other, _) = settled();
    assert!(!session_fits(&other, &first) && !session_fits(&other, b""));
    let refused = message_decrypt(&mut other, KIND_PREKEY, &first);
    assert_eq!(kind_of(refused), FailKind::SealBroken);
}

#[test]
fn lost_and_late_messages() {
    let (mut a, mut b) = settled();
    let mut bodies = Vec::new();
    for number in 0..30u8 {
        bodies.push(message_encrypt(&mut a, &[number]).expect("it encrypts"));
    }
    // Задом наперёд, и каждое третье потерялось; посреди этого Боб отвечает.
    for number in (0..30u8).rev() {
        let (kind, body) = &bodies[usize::from(number)];
        if number % 3 != 0 {
            assert_eq!(message_decrypt(&mut b, *kind, body).expect("opens"), [number]);
        }
        if number == 15 {
            let (kind, body) = message_encrypt(&mut b, b"!").expect("it encrypts");
            assert_eq!(message_decrypt(&mut a, kind, &body).expect("opens"), b"!");
        }
    }
    let (kind, body) = message_encrypt(&mut a, b"after").expect("it encrypts");
    assert_eq!(message_decrypt(&mut b, kind, &body).expect("opens"), b"after");
    let (kind, body) = &bodies[3];
    assert_eq!(message_decrypt(&mut b, *kind, body).expect("late, of the old chain"), [3]);
}

#[test]
fn forty_missed_messages_of_a_chain_are_remembered() {
    let (mut a, mut b) = settled();
    let mut bodies = Vec::new();
    for number in 0..42u8 {
        bodies.push(message_encrypt(&mut a, &[number]).expect("it encrypts"));
    }
    let (kind, body) = &bodies[41];
    assert_eq!(message_decrypt(&mut b, *kind, body).expect("opens"), [41]);
    let (kind, body) = &bodies[0];
    assert_eq!(kind_of(message_decrypt(&mut b, *kind, body)), FailKind::SealBroken);
    let (kind, body) = &bodies[1];
    assert_eq!(message_decrypt(&mut b, *kind, body).expect("opens"), [1]);
}

#[test]
fn a_repeat_is_refused() {
    let (alice, mut bob, mut out, first) = begun();
    let hello = intro(&alice);
    let (mut back, _) =
        session_in(&mut bob.account, alice.identity.id, &hello, &first).expect("opens");
    // Одноразовый ключ истрачен, ключ сообщения тоже.
    let again = session_in(&mut bob.account, alice.identity.id, &hello, &first);
    assert_eq!(kind_of(again), FailKind::SealBroken);
    assert_eq!(kind_of(message_decrypt(&mut back, KIND_PREKEY, &first)), FailKind::SealBroken);
    let (kind, body) = message_encrypt(&mut back, b"x").expect("it encrypts");
    assert_eq!(message_decrypt(&mut out, kind, &body).expect("opens"), b"x");
    assert_eq!(kind_of(message_decrypt(&mut out, kind, &body)), FailKind::SealBroken);
}

#[test]
fn the_fallback_key_serves_until_it_is_replaced_twice() {
    let (alice, mut bob) = (person(), person());
    let keys = keys_make(&mut bob.account, &bob.signer, 0);
    assert!(keys.items.is_empty());
    let to_bob = bundle(&bob, &keys, None);
    for round in 0..3 {
        let mut out = session_out(&alice.account, bob.identity.id, &to_bob).expect("a session");
        let (_, body) = message_encrypt(&mut out, b"hi").expect("it encrypts");
        let made = session_in(&mut bob.account, alice.identity.id, &intro(&alice), &body);
        if round == 2 {
            assert_eq!(kind_of(made), FailKind::SealBroken);
            break;
        }
        let (session, plain) = made.expect("opens");
        assert_eq!(plain, b"hi");
        // Повтор с запасным ключом библиотека приняла бы заново: узнаёт его session_fits.
        assert!(session_fits(&session, &body));
        let next = keys_make(&mut bob.account, &bob.signer, 1);
        assert_eq!(next.curve, keys.curve);
        assert_ne!(next.fallback, keys.fallback);
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let (alice, mut bob, mut out, first) = begun();
    let (hello, from) = (intro(&alice), alice.identity.id);
    for bit in 0..first.len() * 8 {
        let mut bad = first.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(session_in(&mut bob.account, from, &hello, &bad).is_err(), "bit {bit}");
    }
    let (_, second) = message_encrypt(&mut out, b"more").expect("it encrypts");
    let (mut back, _) = session_in(&mut bob.account, from, &hello, &first).expect("opens still");
    flips_refused(&mut back, KIND_PREKEY, &second);
    let (kind, answer) = message_encrypt(&mut back, b"answer").expect("it encrypts");
    flips_refused(&mut out, kind, &answer);
}

/// Ни один перевёрнутый бит не открывается, а само тело потом — да.
fn flips_refused(session: &mut Session, kind: u8, body: &[u8]) {
    for bit in 0..body.len() * 8 {
        let mut bad = body.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        let refused = message_decrypt(session, kind, &bad);
        assert_eq!(kind_of(refused), FailKind::SealBroken, "bit {bit}");
    }
    message_decrypt(session, kind, body).expect("opens still");
}

#[test]
fn other_spellings_and_rubbish_are_refused() {
    let (alice, mut bob, _, first) = begun();
    let (hello, from) = (intro(&alice), alice.identity.id);
    let (mut a, mut b) = settled();
    let (_, normal) = message_encrypt(&mut a, b"x").expect("it encrypts");
    for (kind, body) in [(KIND_PREKEY, &first), (KIND_NORMAL, &normal)] {
        for length in 0..body.len() {
            assert!(session_in(&mut bob.account, from, &hello, &body[..length]).is_err());
            assert!(message_decrypt(&mut b, kind, &body[..length]).is_err(), "{length}");
            assert!(message_decrypt(&mut b, kind, &vec![0xff; length]).is_err());
            assert!(message_decrypt(&mut b, kind, &vec![3; length]).is_err());
        }
    }
    // Незнакомое поле protobuf в конце: смысл тот же, байты другие.
    let mut longer = first.clone();
    longer.extend_from_slice(&[0x78, 0x01]);
    assert_eq!(kind_of(session_in(&mut bob.account, from, &hello, &longer)), FailKind::SealBroken);
    // Обещание длины, которой нет.
    let huge = [3, 0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 0, 0, 0];
    assert!(session_in(&mut bob.account, from, &hello, &huge).is_err());
    assert!(message_decrypt(&mut b, KIND_NORMAL, &huge).is_err());
    assert!(message_decrypt(&mut b, KIND_PREKEY, &normal).is_err());
    assert!(message_decrypt(&mut b, 2, &normal).is_err());
    assert_eq!(message_decrypt(&mut b, KIND_NORMAL, &normal).expect("opens"), b"x");
    session_in(&mut bob.account, from, &hello, &first).expect("opens");
}

#[test]
fn wrong_owners_are_refused_at_the_start() {
    let (alice, mut bob, eve) = (person(), person(), person());
    let keys = keys_make(&mut bob.account, &bob.signer, 2);
    let good = bundle(&bob, &keys, Some(0));
    let id = bob.identity.id;
    session_out(&alice.account, id, &good).expect("a session");

    let mut bad = good.clone();
    bad.signature = sign(&eve.signer, LABEL_CURVE, &[&bad.curve]);
    assert_eq!(kind_of(session_out(&alice.account, id, &bad)), FailKind::SignatureBad);
    bad = good.clone();
    bad.key_signature = sign(&eve.signer, LABEL_KEY, &[&bad.curve, &bad.key]);
    assert_eq!(kind_of(session_out(&alice.account, id, &bad)), FailKind::SignatureBad);
    // Подпись другого ключа, подпись не того назначения, чужой ключ целиком, не тот номер.
    bad = good.clone();
    bad.key_signature = keys.items[1].signature;
    assert_eq!(kind_of(session_out(&alice.account, id, &bad)), FailKind::SignatureBad);
    bad.key_signature = sign(&bob.signer, LABEL_CURVE, &[&bad.curve, &bad.key]);
    assert_eq!(kind_of(session_out(&alice.account, id, &bad)), FailKind::SignatureBad);
    bad = good.clone();
    bad.public = eve.identity.public_key;
    assert_eq!(kind_of(session_out(&alice.account, id, &bad)), FailKind::SignatureBad);
    let wrong = session_out(&alice.account, eve.identity.id, &good);
    assert_eq!(kind_of(wrong), FailKind::SignatureBad);
    // Ключ малого порядка, подписанный самим хозяином.
    bad = good.clone();
    bad.key = [0u8; 32];
    bad.key_signature = sign(&bob.signer, LABEL_KEY, &[&bad.curve, &bad.key]);
    assert_eq!(kind_of(session_out(&alice.account, id, &bad)), FailKind::SignatureBad);
}

#[test]
fn wrong_senders_are_refused() {
    let (alice, mut bob, _, first) = begun();
    let (eve, good) = (person(), intro(&alice));
    let from = alice.identity.id;
    let wrong = session_in(&mut bob.account, eve.identity.id, &good, &first);
    assert_eq!(kind_of(wrong), FailKind::SignatureBad);
    let stranger = intro(&eve);
    let wrong = session_in(&mut bob.account, eve.identity.id, &stranger, &first);
    assert_eq!(kind_of(wrong), FailKind::SignatureBad);
    let mixed = Intro { public: alice.identity.public_key, signature: stranger.signature };
    let wrong = session_in(&mut bob.account, from, &mixed, &first);
    assert_eq!(kind_of(wrong), FailKind::SignatureBad);
    for bit in 0..512 {
        let mut bad = good.clone();
        bad.signature[bit / 8] ^= 1 << (bit % 8);
        let wrong = session_in(&mut bob.account, from, &bad, &first);
        assert_eq!(kind_of(wrong), FailKind::SignatureBad, "bit {bit}");
    }
    session_in(&mut bob.account, from, &good, &first).expect("opens still");
}

#[test]
fn stored_accounts_and_sessions_go_on() {
    let (alice, bob, out, first) = begun();
    let stored = account_store(&bob.account).expect("it stores");
    let mut account = account_load(&stored).expect("it loads");
    let mut out = session_load(&session_store(&out).expect("it stores")).expect("it loads");
    let (mut back, plain) =
        session_in(&mut account, alice.identity.id, &intro(&alice), &first).expect("opens");
    assert_eq!(plain, b"one");
    for round in 0..5u8 {
        let (late_kind, late) = message_encrypt(&mut back, b"late").expect("it encrypts");
        let (kind, body) = message_encrypt(&mut back, &[round]).expect("it encrypts");
        assert_eq!(message_decrypt(&mut out, kind, &body).expect("opens"), [round]);
        back = session_load(&session_store(&back).expect("it stores")).expect("it loads");
        out = session_load(&session_store(&out).expect("it stores")).expect("it loads");
        assert_eq!(message_decrypt(&mut out, late_kind, &late).expect("opens"), b"late");
        assert!(message_decrypt(&mut out, kind, &body).is_err(), "a repeat after the reload");
    }
    assert_eq!(session_name(&out), session_name(&back));
    for bytes in [&stored[..stored.len() - 1], b"", b"{}", b"[1]", &[0xff; 9]] {
        assert!(account_load(bytes).is_err() && session_load(bytes).is_err());
    }
}

#[test]
fn many_keys_are_all_signed_and_different() {
    let mut bob = person();
    let keys = keys_make(&mut bob.account, &bob.signer, 100);
    assert_eq!(keys.items.len(), 100);
    let public = bob.identity.public_key;
    signature_check(&public, LABEL_CURVE, &[&keys.curve], &keys.signature).expect("signed");
    for (index, item) in keys.items.iter().enumerate() {
        let signed: [&[u8]; 2] = [&keys.curve, &item.key];
        signature_check(&public, LABEL_KEY, &signed, &item.signature).expect("signed");
        assert_ne!(item.key, keys.fallback.key);
        for other in &keys.items[..index] {
            assert_ne!(item.key, other.key);
        }
    }
}

#[test]
fn signatures_made_by_another_program() {
    // Ключ первого примера RFC 8032, раздел 7.1; подписи посчитаны OpenSSL (node:crypto).
    let public = bytes32("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(id_of_key(&public), 0x21_fe31_dfa1);
    let (curve, key) = (counted(0), counted(32));
    let parts: [&[u8]; 2] = [&curve, &key];
    let first = hex::decode(SIGNED_CURVE).expect("hex");
    let second = hex::decode(SIGNED_KEY).expect("hex");
    signature_check(&public, LABEL_CURVE, &[&curve], &first).expect("signed");
    signature_check(&public, LABEL_KEY, &parts, &second).expect("signed");
    let wrong = signature_check(&public, LABEL_KEY, &[&curve], &second);
    assert_eq!(kind_of(wrong), FailKind::SignatureBad);
    let wrong = signature_check(&public, LABEL_CURVE, &[&curve], &first[..63]);
    assert_eq!(kind_of(wrong), FailKind::SignatureBad);
}

const SIGNED_CURVE: &str = "b52a84321aa0233acde6086903d2234b4cf74355fec74c810076dc60efb7cbc5\
    b3e1e6bab084b6fca66f6f2d998bf3923be800be3a5a8cb7055124b95ae6d30d";
const SIGNED_KEY: &str = "b6b9330446a78c6ec67573d23a4b2d7e67e08cc5b314e97519a9534c2218ef4d\
    f91f9500b2fcae86931184b0d2c687639b61ab4c04cc338e7078d0a8e202df0d";

/// 32 байта из шестнадцатеричных цифр.
fn bytes32(text: &str) -> [u8; 32] {
    let mut bytes = [0u8; 32];
    bytes.copy_from_slice(&hex::decode(text).expect("hex"));
    bytes
}

/// 32 байта подряд, начиная с этого.
fn counted(first: u8) -> [u8; 32] {
    let mut bytes = [0u8; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = first + index as u8;
    }
    bytes
}

#[test]
fn a_key_of_another_certificate_does_not_sign() {
    let (mut one, two) = (person(), person());
    one.identity.public_key = two.identity.public_key;
    assert_eq!(kind_of(signer_of(&one.identity)), FailKind::KeyBad);
}

#[test]
fn the_safety_number_is_the_same_on_both_sides() {
    let (a, b) = (counted(0), counted(32));
    let number = safety_number(&a, &b);
    // Посчитано отдельной программой на Python (hashlib).
    assert_eq!(number, "047411029323127203832186402010257559384113265304292350735074");
    assert_eq!(number, safety_number(&b, &a));
    let mut changed = b;
    changed[31] ^= 1;
    assert_ne!(number, safety_number(&a, &changed));
    let groups = safety_groups(&number);
    assert!(groups.starts_with("04741 10293 ") && groups.ends_with(" 35074"));
    assert_eq!(groups.len(), 71);
    assert_eq!(safety_groups(""), "");
}

#[test]
fn account_keys_follow_from_name_and_password() {
    let keys = account_keys("  Алиса Wonder ", "correct horse battery staple").expect("keys");
    // Посчитано эталонной программой Argon2 на C через Python.
    let login = "674697e5ca454e0cde4abd10175ea9b01702c7b46af410fc3ffff67fdcdb3865";
    let wrap = "aecd2090463280701bbd7287ac72cadb5bc5f03054430bb464fd6a51f521ae4b";
    assert_eq!(hex::encode(keys.login), login);
    assert_eq!(hex::encode(keys.wrap), wrap);
    let same = account_keys("алиса wonder", "correct horse battery staple").expect("keys");
    assert!(same.login == keys.login && same.wrap == keys.wrap);
    let other = account_keys("алиса wonder", "correct horse battery stapl").expect("keys");
    assert!(other.login != keys.login && other.wrap != keys.wrap);
    let other = account_keys("bob", "correct horse battery staple").expect("keys");
    assert!(other.login != keys.login && other.wrap != keys.wrap);
    account_keys("", "").expect("keys: what is too short is decided elsewhere");
}

#[test]
fn the_vault_opens_with_its_key_only() {
    let (wrap, other) = (counted(1), counted(2));
    for plain in [b"".as_slice(), b"identity and contacts"] {
        let sealed = vault_seal(&wrap, plain).expect("it seals");
        assert_eq!(sealed.len(), plain.len() + 28);
        assert_ne!(sealed, vault_seal(&wrap, plain).expect("it seals"), "a fresh nonce");
        assert_eq!(vault_open(&wrap, &sealed).expect("it opens"), plain);
        assert_eq!(kind_of(vault_open(&other, &sealed)), FailKind::PasswordWrong);
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(kind_of(vault_open(&wrap, &bad)), FailKind::PasswordWrong, "bit {bit}");
        }
        for length in 0..sealed.len() {
            let short = vault_open(&wrap, &sealed[..length]);
            assert_eq!(kind_of(short), FailKind::PasswordWrong);
        }
    }
}
