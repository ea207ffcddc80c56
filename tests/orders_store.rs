//! The order at the desk across runs of the sender's program: what an earlier run left at the server
//! is shown before what a later one wrote, whatever the receiver's disk misses on the way.
//! Порядок за столом через перезапуски отправителя: что прежний запуск оставил на сервере, то
//! показывают раньше написанного потом, чего бы ни пропустил диск получателя.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rusqlite::Connection;
use supertext::base::ids::Id;
use supertext::crypto::identity::{id_of_key, identity_make, identity_read};
use supertext::crypto::olm::signer_of;
use supertext::logic::events::{BaseOrder, BaseTold, Place};
use supertext::store::base::base_prepare;
use supertext::store::desk::{Desk, desk_commit, desk_new, desk_order};
use supertext::store::outbox::outbox_all;
use supertext::wire::control::{KeyBundle, body_read};
use supertext::wire::message::{After, ENVELOPE_TEXT, Envelope, Sealed};

/// A person: the desk, and the key file it is made of again after a restart.
struct Person {
    key: String,
    chain: String,
    desk: Option<Desk>,
    id: Id,
}

/// A sealed message of the sender.
struct Letter {
    number: u8,
    place: Place,
    packet: Vec<u8>,
}

/// Стол над этой базой.
fn desk_of(key: &str, chain: &str, base: Connection) -> (Desk, Id) {
    let identity = identity_read(key, chain, "").unwrap();
    let id = id_of_key(&identity.public_key);
    (desk_new(base, identity.public_key, signer_of(&identity).unwrap()), id)
}

/// Человек с пустой базой.
fn person_make() -> Person {
    let base = Connection::open_in_memory().unwrap();
    base_prepare(&base).unwrap();
    let (key, chain) = identity_make().unwrap();
    let (desk, id) = desk_of(&key, &chain, base);
    Person { key, chain, desk: Some(desk), id }
}

/// Программа начата заново над той же базой.
fn restart(person: &mut Person) {
    let base = person.desk.take().unwrap().base;
    let (desk, _) = desk_of(&person.key, &person.chain, base);
    person.desk = Some(desk);
}

/// Исполняет приказ и кончает запись; что сказано.
fn order(person: &mut Person, order: BaseOrder) -> Vec<BaseTold> {
    let desk = person.desk.as_mut().unwrap();
    desk_order(desk, order);
    desk_commit(desk);
    std::mem::take(&mut desk.told)
}

/// Пишет текст с этим номером; печать, если она поставлена.
fn write(from: &mut Person, to: Id, number: u8) -> Vec<Letter> {
    let envelope = Envelope {
        kind: ENVELOPE_TEXT,
        id: [number; 16],
        text: vec![b'a' + number],
        ..Envelope::default()
    };
    letters(order(from, BaseOrder::Keep { peer: to, envelope, keep: true }))
}

/// Запечатанное из сказанного.
fn letters(told: Vec<BaseTold>) -> Vec<Letter> {
    let mut found = Vec::new();
    for one in told {
        if let BaseTold::Sealed { message, packet, place, .. } = one {
            found.push(Letter { number: message[0], place, packet });
        }
    }
    found
}

/// Пришло к получателю: номера показанного; подтверждения возвращаются отправителю.
fn bring(from: &mut Person, to: &mut Person, letter: &Letter) -> Vec<u8> {
    let bytes = letter.packet.clone();
    let accept = BaseOrder::Accept { peer: from.id, bytes, received: 1, seen: false, keep: true };
    let mut shown = Vec::new();
    for one in order(to, accept) {
        if let BaseTold::Opened { envelope, fresh: true, .. } = one {
            shown.push(envelope.id[0]);
        } else if let BaseTold::Outgoing { packet: bytes, .. } = one {
            let (peer, seen, keep) = (to.id, false, true);
            let _ = order(from, BaseOrder::Accept { peer, bytes, received: 1, seen, keep });
        }
    }
    shown
}

/// Диск получателя не берёт этого.
fn miss(from: &Person, to: &mut Person, letter: &Letter) {
    to.desk.as_ref().unwrap().base.execute_batch("PRAGMA query_only=1").unwrap();
    let bytes = letter.packet.clone();
    let accept = BaseOrder::Accept { peer: from.id, bytes, received: 1, seen: false, keep: true };
    let told = order(to, accept);
    assert!(matches!(told[0], BaseTold::BaseFailed { .. }), "{told:?}");
    to.desk.as_ref().unwrap().base.execute_batch("PRAGMA query_only=0").unwrap();
    let _ = order(to, BaseOrder::Retry);
}

/// Сервер взял его на хранение.
fn stored(from: &mut Person, to: Id, letter: &Letter) {
    let message = [letter.number; 16];
    let _ = order(from, BaseOrder::Stored { peer: to, message, place: letter.place });
}

/// Двое, которые уже говорили.
fn pair() -> (Person, Person) {
    let (mut alice, mut bob) = (person_make(), person_make());
    let made = order(&mut bob, BaseOrder::KeysMake { left: 0, curve: [0; 32] });
    let BaseTold::KeysMade { keys } = &made[0] else {
        panic!("{made:?}");
    };
    let bundle = KeyBundle {
        public: bob.desk.as_ref().unwrap().public,
        curve: keys.curve,
        signature: keys.signature,
        key: keys.items[0].clone(),
    };
    assert!(write(&mut alice, bob.id, 0).is_empty());
    let peer = bob.id;
    let session = BaseOrder::Session { peer, bundle, heal: false, at: 1 };
    let first = letters(order(&mut alice, session));
    assert_eq!(bring(&mut alice, &mut bob, &first[0]), [0]);
    (alice, bob)
}

/// Что стоит снаружи этого письма.
fn after_of(letter: &Letter) -> Option<After> {
    let sealed: Sealed = body_read("MESSAGE", &letter.packet).unwrap();
    sealed.after
}

#[test]
fn a_later_run_waits_for_what_the_disk_missed() {
    let (mut alice, mut bob) = pair();
    let old = write(&mut alice, bob.id, 1).remove(0);
    stored(&mut alice, bob.id, &old);
    restart(&mut alice);
    let new = write(&mut alice, bob.id, 2).remove(0);
    let newer = write(&mut alice, bob.id, 3).remove(0);
    assert_ne!(old.place.run, new.place.run);
    let Place { run, sequence } = old.place;
    assert_eq!(after_of(&new), Some(After { run, sequence }));
    assert_eq!(after_of(&newer), None);
    miss(&alice, &mut bob, &old);
    assert_eq!(bring(&mut alice, &mut bob, &new), [0; 0], "shown before an older one");
    assert_eq!(bring(&mut alice, &mut bob, &newer), [0; 0]);
    // Ждёт и через перезапуск получателя.
    restart(&mut bob);
    assert_eq!(bring(&mut alice, &mut bob, &old), [1, 2, 3]);
    assert_eq!(bring(&mut alice, &mut bob, &new), [0; 0], "a repeat is not shown");
    assert!(outbox_all(&alice.desk.as_ref().unwrap().base).unwrap().is_empty());
}

#[test]
fn three_runs_wait_for_each_other() {
    let (mut alice, mut bob) = pair();
    let mut sent = Vec::new();
    for number in 1..4 {
        let letter = write(&mut alice, bob.id, number).remove(0);
        stored(&mut alice, bob.id, &letter);
        sent.push(letter);
        restart(&mut alice);
    }
    assert_eq!(bring(&mut alice, &mut bob, &sent[2]), [0; 0]);
    assert_eq!(bring(&mut alice, &mut bob, &sent[1]), [0; 0]);
    assert_eq!(bring(&mut alice, &mut bob, &sent[0]), [1, 2, 3]);
}

#[test]
fn nothing_waits_for_what_was_confirmed() {
    let (mut alice, mut bob) = pair();
    let old = write(&mut alice, bob.id, 1).remove(0);
    assert_eq!(bring(&mut alice, &mut bob, &old), [1]);
    restart(&mut alice);
    let new = write(&mut alice, bob.id, 2).remove(0);
    assert_eq!(after_of(&new), None);
    assert_eq!(bring(&mut alice, &mut bob, &new), [2]);
}

#[test]
fn another_after_outside_than_inside_is_refused() {
    let (mut alice, mut bob) = pair();
    let old = write(&mut alice, bob.id, 1).remove(0);
    stored(&mut alice, bob.id, &old);
    restart(&mut alice);
    let new = write(&mut alice, bob.id, 2).remove(0);
    let sealed: Sealed = body_read("MESSAGE", &new.packet).unwrap();
    let forged = minicbor::to_vec(&Sealed { after: None, ..sealed }).unwrap();
    let forged = Letter { packet: forged, ..new };
    assert_eq!(bring(&mut alice, &mut bob, &forged), [0; 0], "the order was cut by the way");
}
