//! Over a third, between real programs and without any server: who has links to two others passes
//! packets between them; chains, a ring, a carrier that dies, a better path that comes and goes.
//! Через третьего, между настоящими программами и без сервера: у кого линии с двумя, тот передаёт
//! между ними; цепочки, кольцо, гибель переносчика, путь лучше, который приходит и уходит.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::files::{
    MIB, arrived, file_make, names_settle, offered, part_grown, part_length, reason_is, topup,
};
use common::talk::{self, alone, card_of};
use common::{
    Client, all, client_again, client_kill, client_up, forget, meet, say, say_words, take, wait,
    world_make,
};
use serde_json::{Value, json};

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

/// Посылает текст; показан он на том конце ровно раз.
fn speak(from: &mut Client, to: &mut Client, text: &str) {
    talk::speak(from, to, text);
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
    speak(&mut ann, &mut cat, "hello over a friend");
    third(&mut ann, &cat.id, "Bob");
    third(&mut cat, &ann.id, "Bob");
    speak(&mut cat, &mut ann, "and back");
    wait(&mut ann, json!({"event": "contact", "id": cat.id, "state": "online", "name": "Cat"}));
    // Переносчик ничего этого не видел.
    assert!(all(&mut bob, json!({"event": "message"})).is_empty());
}

/// Клиент, чья дверь и после смерти стоит там же: визитка не старее программы.
fn fixed(folder: &Path, name: &str) -> Client {
    let mut first = alone(folder, name, &["--listen", "127.0.0.1:0"]);
    let card = card_of(&mut first);
    let port = card.split('#').next().unwrap().rsplit(':').next().unwrap();
    let listen = format!("127.0.0.1:{port}");
    drop(first);
    alone(folder, name, &["--listen", &listen])
}

#[test]
fn a_file_goes_over_a_friend_who_dies_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = alone(folder.path(), "Ann", &["--yes"]);
    let mut bob = fixed(folder.path(), "Bob");
    let mut cat = alone(folder.path(), "Cat", &["--accept-files"]);
    connect(&mut ann, &mut bob);
    connect(&mut cat, &mut bob);
    speak(&mut ann, &mut cat, "a file comes");
    topup(&mut ann, &cat);
    let path = file_make(folder.path(), "big.bin", 96 * MIB, 11);
    offered(&mut ann, &mut cat, &path);
    part_grown(&cat, 20 * MIB);
    // Сообщение обгоняет файл и у переносчика.
    speak(&mut ann, &mut cat, "overtaking");
    assert!(part_length(&cat) < 96 * MIB, "the transfer was too fast for this test");
    for client in [&mut ann, &mut cat] {
        forget(client);
    }
    client_kill(&mut bob);
    let down = wait(&mut ann, json!({"event": "link", "peer": cat.id, "state": "down"}));
    reason_is(&down, "peer-offline");
    wait(&mut ann, json!({"event": "contact", "id": cat.id, "state": "unknown"}));
    client_again(&mut bob);
    third(&mut cat, &ann.id, "Bob");
    let resumed = wait(&mut cat, json!({"event": "file", "state": "resumed"}));
    assert!(resumed["resumed_from"].as_u64().unwrap() > 0, "{resumed}");
    let (done, _) = arrived(&mut ann, &mut cat, &path);
    println!("over a third: {} bytes/s after the carrier came back", done["rate"]);
    names_settle(&cat.home.join("downloads"), &["big.bin"]);
    speak(&mut cat, &mut ann, "all is here");
}

#[test]
fn a_chain_of_four_is_one_network() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = alone(folder.path(), "Ann", &["--yes"]);
    let mut bob = alone(folder.path(), "Bob", &[]);
    let mut cat = alone(folder.path(), "Cat", &[]);
    let mut dan = alone(folder.path(), "Dan", &["--accept-files"]);
    connect(&mut ann, &mut bob);
    connect(&mut bob, &mut cat);
    connect(&mut cat, &mut dan);
    speak(&mut ann, &mut dan, "from end to end");
    third(&mut ann, &dan.id, "Bob");
    third(&mut dan, &ann.id, "Cat");
    speak(&mut dan, &mut ann, "and back");
    topup(&mut ann, &dan);
    let path = file_make(folder.path(), "far.bin", 5 * MIB + 17, 7);
    offered(&mut ann, &mut dan, &path);
    arrived(&mut ann, &mut dan, &path);
    // Звено пропало — нет и человека за ним; у соседнего всё по-прежнему.
    client_kill(&mut cat);
    wait(&mut ann, json!({"event": "link", "peer": dan.id, "state": "down", "path": "third"}));
    speak(&mut ann, &mut bob, "still here");
}

#[test]
fn a_ring_does_not_loop_and_goes_the_other_way_round() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = alone(folder.path(), "Ann", &["--yes"]);
    let mut bob = alone(folder.path(), "Bob", &[]);
    let mut cat = alone(folder.path(), "Cat", &["--accept-files"]);
    let mut dan = alone(folder.path(), "Dan", &[]);
    connect(&mut ann, &mut bob);
    connect(&mut bob, &mut cat);
    connect(&mut cat, &mut dan);
    connect(&mut dan, &mut ann);
    for number in 0..5 {
        speak(&mut ann, &mut cat, &format!("round {number}"));
        speak(&mut cat, &mut ann, &format!("about {number}"));
    }
    let up = wait(&mut ann, json!({"event": "link", "peer": cat.id, "path": "third"}));
    let (carrier, other) = match up["via"].as_str().unwrap() {
        "Bob" => (&mut bob, "Dan"),
        _ => (&mut dan, "Bob"),
    };
    forget(&mut ann);
    client_kill(carrier);
    third(&mut ann, &cat.id, other);
    speak(&mut ann, &mut cat, "the other way round");
    speak(&mut cat, &mut ann, "and back");
}

#[test]
fn a_direct_link_is_better_while_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = alone(folder.path(), "Ann", &[]);
    let mut bob = alone(folder.path(), "Bob", &[]);
    let mut cat = alone(folder.path(), "Cat", &[]);
    connect(&mut ann, &mut bob);
    connect(&mut cat, &mut bob);
    speak(&mut ann, &mut cat, "over Bob");
    third(&mut ann, &cat.id, "Bob");
    let card = card_of(&mut cat);
    for turn in 0..3 {
        forget(&mut ann);
        say(&mut ann, &format!("/connect {card}"));
        wait(&mut ann, json!({"event": "link", "peer": cat.id, "state": "up", "path": "manual"}));
        speak(&mut ann, &mut cat, &format!("directly {turn}"));
        speak(&mut cat, &mut ann, &format!("directly back {turn}"));
        forget(&mut ann);
        say(&mut ann, &format!("/disconnect {}", cat.id));
        third(&mut ann, &cat.id, "Bob");
        speak(&mut ann, &mut cat, &format!("over Bob again {turn}"));
        speak(&mut cat, &mut ann, &format!("over Bob back {turn}"));
    }
}

#[test]
fn nobody_carries_for_strangers_or_against_his_will() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = alone(folder.path(), "Ann", &[]);
    let mut bob = alone(folder.path(), "Bob", &[]);
    let mut cat = alone(folder.path(), "Cat", &[]);
    connect(&mut cat, &mut bob);
    // Энн знает Боба, а Боб её нет: ни её слов о других, ни её пакетов он не возьмёт.
    let card = card_of(&mut bob);
    say(&mut ann, &format!("/connect {card}"));
    wait(&mut ann, json!({"event": "link", "peer": bob.id, "state": "up", "path": "manual"}));
    say_words(&mut ann, &["/msg", &cat.id, "let me through"]);
    wait(&mut ann, json!({"event": "receipt", "state": "queued"}));
    std::thread::sleep(Duration::from_secs(4));
    assert!(all(&mut ann, json!({"event": "link", "path": "third"})).is_empty());
    assert!(all(&mut cat, json!({"event": "message"})).is_empty());
    // Познакомились — повёз.
    say(&mut bob, &format!("/add {}", ann.id));
    wait(&mut cat, json!({"event": "message", "peer": ann.id, "text": "let me through"}));
    third(&mut ann, &cat.id, "Bob");
    say(&mut bob, "/set carry off");
    wait(&mut ann, json!({"event": "link", "peer": cat.id, "state": "down", "path": "third"}));
    say(&mut bob, "/set carry own");
    std::thread::sleep(Duration::from_secs(2));
    forget(&mut ann);
    say(&mut ann, "/peers");
    wait(&mut ann, json!({"event": "link", "peer": bob.id, "state": "up"}));
    let up = take(&mut ann, &json!({"event": "link", "peer": cat.id, "state": "up"}));
    assert_eq!(up, None);
    say(&mut bob, "/set carry on");
    third(&mut ann, &cat.id, "Bob");
    speak(&mut cat, &mut ann, "through again");
    // Закрытый не проходит и через друга.
    say(&mut cat, &format!("/block {}", ann.id));
    wait(&mut ann, json!({"event": "link", "peer": cat.id, "state": "down", "path": "third"}));
}

#[test]
fn the_server_takes_over_when_the_carrier_leaves() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut cat = client_up(&world, "Cat", &["--accept-files"]);
    let mut bob = fixed(world.folder.path(), "Bob");
    meet(&mut ann, &mut cat);
    speak(&mut ann, &mut cat, "over the server");
    connect(&mut ann, &mut bob);
    connect(&mut cat, &mut bob);
    third(&mut ann, &cat.id, "Bob");
    third(&mut cat, &ann.id, "Bob");
    topup(&mut ann, &cat);
    let path = file_make(world.folder.path(), "both.bin", 64 * MIB, 5);
    offered(&mut ann, &mut cat, &path);
    part_grown(&cat, 10 * MIB);
    client_kill(&mut bob);
    arrived(&mut ann, &mut cat, &path);
    client_again(&mut bob);
    for turn in 0..2 {
        third(&mut ann, &cat.id, "Bob");
        third(&mut cat, &ann.id, "Bob");
        speak(&mut ann, &mut cat, &format!("over Bob {turn}"));
        speak(&mut cat, &mut ann, &format!("and back over Bob {turn}"));
        for client in [&mut ann, &mut cat] {
            forget(client);
        }
        client_kill(&mut bob);
        let relay = json!({"event": "link", "peer": cat.id, "state": "up", "path": "relay"});
        wait(&mut ann, relay);
        speak(&mut ann, &mut cat, &format!("over the server {turn}"));
        speak(&mut cat, &mut ann, &format!("and back {turn}"));
        client_again(&mut bob);
    }
}
