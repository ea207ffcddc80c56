//! Over a third, between real programs and without any server: who has links to two others passes
//! packets between them; chains, a ring, a carrier that dies, a better path that comes and goes.
//! Через третьего, между настоящими программами и без сервера: у кого линии с двумя, тот передаёт
//! между ними; цепочки, кольцо, гибель переносчика, путь лучше, который приходит и уходит.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;

use common::files::{MIB, arrived, file_make, names_settle, offered, part_grown, part_length, topup};
use common::{
    Client, all, client_again, client_kill, client_start_at, forget, meet, say, say_words, wait,
};
use serde_json::{Value, json};

/// Клиент без сервера.
fn alone(folder: &Path, name: &str, options: &[&str]) -> Client {
    client_start_at(&folder.join(name), "", name, options)
}

/// Визитка клиента.
fn card_of(client: &mut Client) -> String {
    say(client, "/card");
    let card = wait(client, json!({"event": "card"}));
    String::from(card["card"].as_str().expect("a card"))
}

/// Соединяет двоих по визитке и делает их контактами друг друга.
fn connect(one: &mut Client, other: &mut Client) {
    let card = card_of(other);
    say(one, &format!("/connect {card}"));
    wait(one, json!({"event": "link", "peer": other.id, "state": "up", "path": "manual"}));
    wait(other, json!({"event": "link", "peer": one.id, "state": "up", "path": "manual"}));
    meet(one, other);
}

/// Ждёт, что всё к этому человеку пошло через третьего и через кого.
fn third(client: &mut Client, peer: &str, via: &str) -> Value {
    let wanted = json!({"event": "link", "peer": peer, "state": "up", "path": "third", "via": via});
    wait(client, wanted)
}

/// Посылает текст и ждёт его на том конце и подтверждения на этом.
fn speak(from: &mut Client, to: &mut Client, text: &str) {
    say_words(from, &["/msg", &to.id, text]);
    let got = wait(to, json!({"event": "message", "peer": from.id, "text": text}));
    wait(from, json!({"event": "receipt", "message": got["message"], "state": "delivered"}));
    let again = all(to, json!({"event": "message", "text": text, "outgoing": false}));
    assert_eq!(again.len(), 1, "{again:?}");
}

#[test]
fn two_who_share_a_friend_talk_over_him() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = alone(folder.path(), "Ann", &["--yes"]);
    let mut bob = alone(folder.path(), "Bob", &[]);
    let mut cat = alone(folder.path(), "Cat", &["--accept-files"]);
    connect(&mut ann, &mut bob);
    connect(&mut cat, &mut bob);
    // Первое знакомство: о Кэт Энн знает только номер.
    speak_first(&mut ann, &mut cat);
    third(&mut ann, &cat.id, "Bob");
    third(&mut cat, &ann.id, "Bob");
    speak(&mut cat, &mut ann, "and back");
    wait(&mut ann, json!({"event": "contact", "id": cat.id, "state": "online", "name": "Cat"}));
    // Переносчик ничего этого не видел.
    assert!(all(&mut bob, json!({"event": "message"})).is_empty());
}

/// Первый текст тому, о ком известен только номер.
fn speak_first(from: &mut Client, to: &mut Client) {
    speak(from, to, "hello over a friend");
}
