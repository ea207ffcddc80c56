//! Rooms at the desk and in history.db: whose list is believed, what waits for a list, who is heard,
//! states of copies, bounds, the upgrade of an older database.
//! Комнаты за столом и в history.db: чьему списку верят, что ждёт списка, кого слышат, состояния
//! копий, пределы, переход прежней базы.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rusqlite::Connection;
use supertext::base::bounds::{
    ROOM_MEMBERS_MAX, ROOM_TEXT_MAX, ROOM_WAITING_EACH, ROOM_WAITING_MAX, ROOMS_ASKED_EACH,
};
use supertext::base::ids::{Id, id_of_room};
use supertext::crypto::identity::{id_of_key, identity_make, identity_read};
use supertext::crypto::olm::signer_of;
use supertext::logic::events::{BaseOrder, BaseTold, PastQuery, PersonFacts};
use supertext::logic::rooms::{
    Member, RoomFacts, RoomOrder, RoomState, RoomTold, room_id_make, room_list, room_note,
};
use supertext::logic::show::{MessageShow, ReceiptState};
use supertext::store::accept::Came;
use supertext::store::base::{base_open, base_prepare};
use supertext::store::desk::{Desk, desk_new, desk_order};
use supertext::store::files::FILES_TABLES;
use supertext::store::history::{history_past, history_unseen};
use supertext::store::people::{owner_claim, person_set};
use supertext::store::room_desk::{copies_raise, room_came};
use supertext::store::rooms::{room_get, rooms_all};
use supertext::wire::message::{
    ENVELOPE_EDIT, ENVELOPE_LEAVE, ENVELOPE_READ, ENVELOPE_ROOM, ENVELOPE_TEXT, Envelope, MessageId,
};

/// Tables of version 2, as they were.
const VERSION_2: &str = include_str!("vectors/history_v2.sql");
/// The owner's key, and another person's.
const OWNER_KEY: [u8; 32] = [7; 32];
const OTHER_KEY: [u8; 32] = [8; 32];

/// Стол над пустой базой; двое людей с известными ключами.
fn desk_make() -> (Desk, Id, Id, Id) {
    let base = Connection::open_in_memory().unwrap();
    base_prepare(&base).unwrap();
    let (key, chain) = identity_make().unwrap();
    let identity = identity_read(&key, &chain, "").unwrap();
    for public in [OWNER_KEY, OTHER_KEY] {
        let peer = id_of_key(&public);
        let person = PersonFacts { peer, public, changed: None, verified: false };
        person_set(&base, &person).unwrap();
    }
    let desk = desk_new(base, identity.public_key, signer_of(&identity).unwrap());
    let me = id_of_key(&identity.public_key);
    (desk, me, id_of_key(&OWNER_KEY), id_of_key(&OTHER_KEY))
}

/// Комната этого хозяина с такими участниками.
fn room_make(key: &[u8; 32], nonce: u8, version: u64, members: &[Id]) -> RoomFacts {
    let nonce = [nonce; 16];
    let room = room_id_make(key, &nonce);
    let mut list = Vec::new();
    for id in members {
        list.push(Member { id: *id, name: String::new() });
    }
    RoomFacts {
        id: id_of_room(&room),
        room,
        nonce,
        name: String::from("room"),
        owner: id_of_key(key),
        version,
        state: RoomState::Joined,
        keep: true,
        members: list,
    }
}

/// Пришло от этого человека.
fn came(desk: &mut Desk, peer: Id, envelope: Envelope) {
    let came = Came { peer, received: 1_000_000, seen: false, keep: true };
    room_came(desk, &came, envelope).unwrap();
}

/// Список пришёл от этого человека.
fn list_came(desk: &mut Desk, peer: Id, facts: &RoomFacts) {
    let room = Some(room_list(facts, true));
    came(desk, peer, Envelope { kind: ENVELOPE_ROOM, room, ..Envelope::default() });
}

/// Приглашение принято.
fn joined(desk: &mut Desk, facts: &RoomFacts) {
    let facts = Box::new(RoomFacts { state: RoomState::Joined, ..facts.clone() });
    desk_order(desk, BaseOrder::Room(RoomOrder::Change { facts, letters: Vec::new() }));
}

/// Слова в комнате.
fn words(facts: &RoomFacts, number: u8, text: &str) -> Envelope {
    Envelope {
        kind: ENVELOPE_TEXT,
        id: [number; 16],
        time: 1_000,
        text: text.as_bytes().to_vec(),
        room: Some(room_note(facts)),
        ..Envelope::default()
    }
}

/// Что лежит в истории комнаты: авторы и тексты.
fn past(desk: &Desk, facts: &RoomFacts) -> Vec<(Id, String)> {
    let mut found = Vec::new();
    for shown in rows(desk, facts) {
        found.push((shown.author, shown.text));
    }
    found
}

/// Строки истории комнаты.
fn rows(desk: &Desk, facts: &RoomFacts) -> Vec<MessageShow> {
    history_past(&desk.base, &PastQuery::Last { peer: facts.id, many: 1_000 }).unwrap()
}

/// Сколько строк в таблице.
fn count(desk: &Desk, table: &str) -> i64 {
    let query = format!("SELECT COUNT(*) FROM {table}");
    desk.base.query_row(&query, [], first_of).unwrap()
}

/// Первый столбец строки.
fn first_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    row.get(0)
}

#[test]
fn only_the_owner_is_believed_about_the_list() {
    let (mut desk, me, owner, other) = desk_make();
    let facts = room_make(&OWNER_KEY, 1, 10, &[owner, me, other]);
    // Другой называет себя хозяином: его ключ такого номера не даёт.
    let stolen = RoomFacts { owner: other, ..facts.clone() };
    list_came(&mut desk, other, &stolen);
    assert!(room_get(&desk.base, facts.id).unwrap().is_none());
    list_came(&mut desk, owner, &facts);
    assert_eq!(room_get(&desk.base, facts.id).unwrap().unwrap().state, RoomState::Asked);
    joined(&mut desk, &facts);
    let later = RoomFacts { name: String::from("later"), version: 11, ..facts.clone() };
    list_came(&mut desk, other, &later);
    assert_eq!(room_get(&desk.base, facts.id).unwrap().unwrap().name, "room");
    list_came(&mut desk, owner, &later);
    list_came(&mut desk, owner, &facts);
    let known = room_get(&desk.base, facts.id).unwrap().unwrap();
    assert_eq!((known.name.as_str(), known.version), ("later", 11), "the older one came last");
    // Негодные списки: без хозяина, с повтором, с чужим номером, слишком длинный, без имени.
    let mut many = vec![owner, me];
    for id in 0..ROOM_MEMBERS_MAX as Id {
        many.push(1_000 + id);
    }
    for members in [vec![me, other], vec![owner, me, me], vec![owner, me, 0], many] {
        list_came(&mut desk, owner, &room_make(&OWNER_KEY, 1, 20, &members));
    }
    let nameless = RoomFacts { name: String::from("\u{202e} "), version: 20, ..facts.clone() };
    list_came(&mut desk, owner, &nameless);
    assert_eq!(room_get(&desk.base, facts.id).unwrap().unwrap().version, 11);
    // Убран из списка.
    list_came(&mut desk, owner, &room_make(&OWNER_KEY, 1, 30, &[owner, other]));
    let known = room_get(&desk.base, facts.id).unwrap().unwrap();
    assert_eq!((known.state, known.members.len()), (RoomState::Expelled, 2));
    came(&mut desk, owner, words(&facts, 1, "not for me any more"));
    assert!(past(&desk, &facts).is_empty());
}

#[test]
fn words_wait_for_the_list_and_strangers_are_not_heard() {
    let (mut desk, me, owner, other) = desk_make();
    let facts = room_make(&OWNER_KEY, 2, 10, &[owner, me, other]);
    came(&mut desk, other, words(&facts, 1, "faster than the list"));
    came(&mut desk, 4_444, words(&facts, 2, "nobody"));
    assert_eq!(count(&desk, "room_waiting"), 2);
    assert!(past(&desk, &facts).is_empty());
    list_came(&mut desk, owner, &facts);
    assert!(past(&desk, &facts).is_empty(), "not before the invitation is taken");
    joined(&mut desk, &facts);
    assert_eq!(past(&desk, &facts), vec![(other, String::from("faster than the list"))]);
    assert_eq!(count(&desk, "room_waiting"), 0, "a stranger's words are thrown away");
    assert_eq!(history_unseen(&desk.base).unwrap(), vec![(facts.id, 1)]);
    came(&mut desk, 4_444, words(&facts, 3, "still nobody"));
    assert_eq!(count(&desk, "room_waiting"), 0);
    // Он знает список новее: его только что позвали.
    let wider = room_make(&OWNER_KEY, 2, 11, &[owner, me, other, 4_444]);
    came(&mut desk, 4_444, words(&wider, 4, "just invited"));
    assert_eq!(past(&desk, &facts).len(), 1);
    list_came(&mut desk, owner, &wider);
    assert_eq!(past(&desk, &facts)[1], (4_444, String::from("just invited")));
    // Уход, сказанный до этого списка, опоздал: его позвали снова.
    let late = Envelope { kind: ENVELOPE_LEAVE, ..words(&facts, 8, "") };
    came(&mut desk, 4_444, late);
    came(&mut desk, 4_444, words(&wider, 9, "back again"));
    assert_eq!(past(&desk, &facts)[2], (4_444, String::from("back again")));
    // Ушедшего больше не слышно.
    let leave = Envelope { kind: ENVELOPE_LEAVE, ..words(&wider, 5, "") };
    came(&mut desk, 4_444, leave);
    came(&mut desk, 4_444, words(&wider, 6, "gone"));
    assert_eq!(past(&desk, &facts).len(), 3);
    let long = "x".repeat(ROOM_TEXT_MAX + 1);
    came(&mut desk, other, words(&wider, 7, &long));
    assert_eq!(past(&desk, &facts).len(), 3, "no honest client sends so much");
}

#[test]
fn nobody_takes_anothers_message_or_its_id() {
    let (mut desk, me, owner, other) = desk_make();
    let facts = room_make(&OWNER_KEY, 3, 10, &[owner, me, other]);
    list_came(&mut desk, owner, &facts);
    joined(&mut desk, &facts);
    came(&mut desk, other, words(&facts, 1, "the id is taken first"));
    came(&mut desk, owner, words(&facts, 1, "by its true author"));
    came(&mut desk, owner, words(&facts, 1, "a repeat"));
    let texts = past(&desk, &facts);
    assert_eq!(texts[0], (other, String::from("the id is taken first")));
    assert_eq!(texts[1], (owner, String::from("by its true author")));
    assert_eq!(texts.len(), 2);
    came(&mut desk, owner, words(&facts, 2, "mine"));
    let about = [2; 16];
    let foreign = Envelope { kind: ENVELOPE_EDIT, about, ..words(&facts, 9, "forged") };
    came(&mut desk, other, Envelope { time: 5_000, ..foreign.clone() });
    assert_eq!(past(&desk, &facts)[2].1, "mine");
    came(&mut desk, owner, Envelope { time: 5_000, ..foreign });
    assert_eq!(past(&desk, &facts)[2].1, "forged", "its author may");
}

#[test]
fn the_state_is_the_least_of_the_copies() {
    let (mut desk, me, owner, other) = desk_make();
    let facts = room_make(&OWNER_KEY, 4, 10, &[owner, me, other]);
    list_came(&mut desk, owner, &facts);
    joined(&mut desk, &facts);
    let (first, second): (MessageId, MessageId) = ([1; 16], [2; 16]);
    for number in [1, 2] {
        let (to, envelope) = (vec![owner, other], words(&facts, number, "own"));
        desk_order(&mut desk, BaseOrder::Room(RoomOrder::Send { to, envelope, keep: true }));
    }
    assert_eq!(rows(&desk, &facts).len(), 2, "one row for all copies");
    assert_eq!((count(&desk, "outbox"), count(&desk, "room_copies")), (4, 4));
    copies_raise(&mut desk, owner, &[first], ReceiptState::Delivered, 500).unwrap();
    assert_eq!(rows(&desk, &facts)[0].state, ReceiptState::Queued);
    copies_raise(&mut desk, other, &[first], ReceiptState::Stored, 0).unwrap();
    assert_eq!(rows(&desk, &facts)[0].state, ReceiptState::Stored);
    copies_raise(&mut desk, other, &[first], ReceiptState::Delivered, 600).unwrap();
    let shown = &rows(&desk, &facts)[0];
    assert_eq!((shown.state, shown.received), (ReceiptState::Delivered, 600));
    // Прочитанное до второго: первое — да, второе ещё стоит в очереди к нему.
    desk.base.execute("DELETE FROM outbox WHERE id = ?1", [&first[..]]).unwrap();
    let read = Envelope { kind: ENVELOPE_READ, about: second, ..words(&facts, 9, "") };
    came(&mut desk, owner, read.clone());
    came(&mut desk, other, read);
    let shown = rows(&desk, &facts);
    assert_eq!((shown[0].state, shown[1].state), (ReceiptState::Read, ReceiptState::Queued));
    // Того, кого больше нет, не ждут.
    copies_raise(&mut desk, owner, &[second], ReceiptState::Delivered, 700).unwrap();
    list_came(&mut desk, owner, &room_make(&OWNER_KEY, 4, 11, &[owner, me]));
    assert_eq!(rows(&desk, &facts)[1].state, ReceiptState::Delivered);
    let mut reached = 0;
    for told in &desk.told {
        reached += usize::from(matches!(told, BaseTold::Room(RoomTold::Reached { .. })));
    }
    assert_eq!(reached, 6, "queued twice, stored, delivered, read, delivered");
}

#[test]
fn what_strangers_send_is_bounded() {
    let (mut desk, me, owner, _) = desk_make();
    let facts = room_make(&OWNER_KEY, 5, 10, &[owner, me]);
    for number in 0..=ROOM_WAITING_EACH {
        came(&mut desk, 1_000, words(&facts, number as u8, "early"));
    }
    assert_eq!(count(&desk, "room_waiting"), ROOM_WAITING_EACH as i64);
    for author in 0..ROOM_WAITING_MAX {
        came(&mut desk, 2_000 + author, words(&facts, 1, "early"));
    }
    assert_eq!(count(&desk, "room_waiting"), ROOM_WAITING_MAX as i64);
    for nonce in 0..100 {
        list_came(&mut desk, owner, &room_make(&OWNER_KEY, nonce, 10, &[owner, me]));
    }
    assert_eq!(rooms_all(&desk.base).unwrap().len(), ROOMS_ASKED_EACH as usize);
}

#[test]
fn an_older_base_gets_rooms_and_another_owner_loses_them() {
    // Третья версия — это вторая с таблицей файлов.
    upgraded("");
    upgraded(&format!("{FILES_TABLES} PRAGMA user_version=3;"));
}

/// База второй версии с такими прибавками становится нынешней.
fn upgraded(more: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(VERSION_2).unwrap();
    old.execute_batch(more).unwrap();
    let insert = "INSERT INTO messages(peer, outgoing, id, text, sent, received, seen)
        VALUES(11, 0, ?1, 'before rooms', 100, 200, 1)";
    old.execute(insert, [&[1u8; 16][..]]).unwrap();
    drop(old);
    drop(base_open(&path).unwrap());
    let base = base_open(&path).unwrap();
    let shown = history_past(&base, &PastQuery::Last { peer: 11, many: 5 }).unwrap();
    assert_eq!((shown.len(), shown[0].text.as_str(), shown[0].author), (1, "before rooms", 0));
    owner_claim(&base, &[1; 32]).unwrap();
    let facts = room_make(&OWNER_KEY, 6, 10, &[id_of_key(&OWNER_KEY), 11]);
    supertext::store::rooms::room_set(&base, &facts).unwrap();
    drop(base);
    let base = base_open(&path).unwrap();
    assert_eq!(rooms_all(&base).unwrap(), vec![facts]);
    owner_claim(&base, &[2; 32]).unwrap();
    assert!(rooms_all(&base).unwrap().is_empty());
}
