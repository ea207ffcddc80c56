//! Direct links between real programs over loopback: first contact without any server, messages,
//! files, kills, wrong keys, strangers, both paths at once.
//! Прямые линии между настоящими программами через loopback: первое знакомство без сервера,
//! сообщения, файлы, убийства, чужие ключи, незнакомцы, оба пути сразу.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::time::Instant;

use common::files::{
    MIB, arrived, file_make, names_settle, offered, part_grown, part_length, reason_is, topup,
};
use common::talk::{alone, card_of, speak};
use common::{
    Client, World, all, client_again, client_kill, client_up, exit_code, forget, input_end, meet,
    say, say_words, server_again, server_kill, told, wait, waiting, world_make,
};
use serde_json::{Value, json};

/// Соединяет первого со вторым по визитке и ждёт, что оба увидели прямую линию.
fn connect(one: &mut Client, other: &mut Client) {
    let card = card_of(other);
    say(one, &format!("/connect {card}"));
    wait(one, json!({"event": "link", "peer": other.id, "state": "up", "path": "manual"}));
    wait(other, json!({"event": "link", "peer": one.id, "state": "up", "path": "manual"}));
}

/// Двое без сервера, соединённые по визитке первого набравшего.
fn pair(folder: &Path) -> (Client, Client) {
    let mut ann = alone(folder, "Ann", &["--yes"]);
    let mut bob = alone(folder, "Bob", &["--accept-files"]);
    connect(&mut ann, &mut bob);
    (ann, bob)
}

/// Сколько раз этот текст показан.
fn shown(client: &mut Client, text: &str) -> usize {
    all(client, json!({"event": "message", "text": text, "outgoing": false})).len()
}

#[test]
fn two_without_a_server_talk_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ann, mut bob) = pair(folder.path());
    speak(&mut ann, &mut bob, "hello without a server");
    speak(&mut bob, &mut ann, "and back");
    let contact = json!({"event": "contact", "id": bob.id, "state": "online", "name": "Bob"});
    wait(&mut ann, contact);
    wait(&mut bob, json!({"event": "contact", "id": ann.id, "state": "online"}));
    for client in [&mut ann, &mut bob] {
        forget(client);
        say(client, "/status");
        let link = wait(client, json!({"event": "link", "state": "up"}));
        assert_eq!(link["path"], "manual", "{link}");
    }
    for client in [&mut ann, &mut bob] {
        input_end(client);
        assert_eq!(exit_code(client), 0, "{}", told(client));
    }
}

#[test]
fn the_older_words_of_the_customer_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut alice = alone(folder.path(), "alice", &[]);
    let mut patchouli = alone(folder.path(), "patchouli", &[]);
    let card = card_of(&mut alice);
    let (_, place) = card.split_once('@').unwrap();
    let (address, _) = place.split_once('#').unwrap();
    let port = address.rsplit_once(':').unwrap().1;
    say(&mut patchouli, "register");
    wait(&mut patchouli, json!({"event": "card"}));
    say(&mut patchouli, &format!("chat request 127.0.0.1 {port}"));
    let up = wait(&mut patchouli, json!({"event": "link", "peer": alice.id, "state": "up"}));
    assert_eq!(up["name"], "alice", "{up}");
    for words in ["listpeer", "list connected peer"] {
        forget(&mut patchouli);
        say(&mut patchouli, words);
        let link = wait(&mut patchouli, json!({"event": "link", "name": "alice"}));
        assert_eq!((&link["state"], &link["path"]), (&json!("up"), &json!("manual")));
    }
    say(&mut patchouli, "chat message alice Hello, alice.");
    wait(&mut alice, json!({"event": "message", "text": "Hello, alice."}));
    say(&mut alice, "chat message patchouli hello, patchouli");
    wait(&mut patchouli, json!({"event": "message", "text": "hello, patchouli"}));
    common::outbox_settle(&patchouli);
    say(&mut patchouli, "disconnect alice");
    wait(&mut patchouli, json!({"event": "link", "peer": alice.id, "state": "down"}));
    let gone = wait(&mut alice, json!({"event": "link", "peer": patchouli.id, "state": "down"}));
    reason_is(&gone, "cancelled");
    say(&mut patchouli, "exit");
    assert_eq!(exit_code(&mut patchouli), 0);
}

#[test]
fn a_file_goes_directly_and_survives_a_killed_receiver_and_sender() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = alone(folder.path(), "Ann", &["--yes"]);
    // Прежний порт: визитка не старее программы.
    let mut bob = alone(folder.path(), "Bob", &["--accept-files", "--listen", "127.0.0.1:0"]);
    let address = card_of(&mut bob);
    let port = address.split('#').next().unwrap().rsplit(':').next().unwrap();
    let listen = format!("127.0.0.1:{port}");
    drop(bob);
    let mut bob = alone(folder.path(), "Bob", &["--accept-files", "--listen", &listen]);
    connect(&mut ann, &mut bob);
    topup(&mut ann, &bob);
    let path = file_make(folder.path(), "big.bin", 96 * MIB, 11);
    offered(&mut ann, &mut bob, &path);
    for (over, killed_bob) in [(20 * MIB, true), (50 * MIB, false)] {
        part_grown(&bob, over);
        forget(&mut ann);
        forget(&mut bob);
        let killed = if killed_bob { &mut bob } else { &mut ann };
        client_kill(killed);
        assert!(part_length(&bob) < 96 * MIB, "the transfer was too fast for this test");
        let killed = if killed_bob { &mut bob } else { &mut ann };
        client_again(killed);
        let resumed = wait(&mut bob, json!({"event": "file", "state": "resumed"}));
        assert!(resumed["resumed_from"].as_u64().unwrap() > 0, "{resumed}");
    }
    arrived(&mut ann, &mut bob, &path);
    names_settle(&bob.home.join("downloads"), &["big.bin"]);
}

#[test]
fn a_wrong_key_in_the_card_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = alone(folder.path(), "Ann", &[]);
    let mut bob = alone(folder.path(), "Bob", &[]);
    let mut eve = alone(folder.path(), "Eve", &[]);
    let (card, other) = (card_of(&mut bob), card_of(&mut eve));
    // Номер Боба и его ключ, а живёт по этому адресу Ева.
    let (who, rest) = card.split_once('@').unwrap();
    let key = rest.split_once('#').unwrap().1;
    let place = other.split_once('@').unwrap().1.split_once('#').unwrap().0;
    say(&mut ann, &format!("/connect {who}@{place}#{key}"));
    let down = wait(&mut ann, json!({"event": "link", "peer": bob.id, "state": "down"}));
    reason_is(&down, "person-wrong");
    // Номер не от этого ключа: отвергается прежде, чем что-то послано.
    let foreign = other.split_once('#').unwrap().1;
    say(&mut ann, &format!("/connect {who}@{place}#{foreign}"));
    wait(&mut ann, json!({"event": "error", "code": "card-bad"}));
    say(&mut ann, "/connect nonsense");
    wait(&mut ann, json!({"event": "error", "code": "card-bad"}));
    say_words(&mut ann, &["/msg", &bob.id, "for Bob only"]);
    wait(&mut ann, json!({"event": "receipt", "state": "queued"}));
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(shown(&mut eve, "for Bob only"), 0);
    assert!(all(&mut eve, json!({"event": "link", "peer": ann.id})).is_empty());
}

#[test]
fn strangers_are_refused_when_only_contacts_may_call() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = alone(folder.path(), "Ann", &[]);
    let mut bob = alone(folder.path(), "Bob", &[]);
    say(&mut bob, "/set accept_from contacts");
    wait(&mut bob, json!({"event": "info"}));
    let card = card_of(&mut bob);
    say(&mut ann, &format!("/connect {card}"));
    let down = wait(&mut ann, json!({"event": "link", "peer": bob.id, "state": "down"}));
    reason_is(&down, "stranger");
    wait(&mut ann, json!({"event": "contact", "id": bob.id, "state": "refused"}));
    assert!(all(&mut bob, json!({"event": "link", "peer": ann.id})).is_empty());
    // Кого добавили, того впускают.
    say(&mut bob, &format!("/add {}", ann.id));
    wait(&mut bob, json!({"event": "contact", "id": ann.id}));
    connect(&mut ann, &mut bob);
    wait(&mut ann, json!({"event": "contact", "id": bob.id, "state": "online"}));
    speak(&mut ann, &mut bob, "let in");
    say(&mut bob, &format!("/block {}", ann.id));
    wait(&mut ann, json!({"event": "link", "peer": bob.id, "state": "down"}));
}

#[test]
fn both_call_each_other_and_one_link_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = alone(folder.path(), "Ann", &[]);
    let mut bob = alone(folder.path(), "Bob", &[]);
    let (first, second) = (card_of(&mut ann), card_of(&mut bob));
    say(&mut ann, &format!("/connect {second}"));
    say(&mut bob, &format!("/connect {first}"));
    for round in 0..20 {
        speak(&mut ann, &mut bob, &format!("to Bob {round}"));
        speak(&mut bob, &mut ann, &format!("to Ann {round}"));
    }
    for round in 0..20 {
        assert_eq!(shown(&mut bob, &format!("to Bob {round}")), 1);
        assert_eq!(shown(&mut ann, &format!("to Ann {round}")), 1);
    }
    // Звонки продолжились бы, если бы линии гасили друг друга.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let (first, second) = (ann.id.clone(), bob.id.clone());
    for (client, peer) in [(&mut ann, &second), (&mut bob, &first)] {
        let ups = all(client, json!({"event": "link", "peer": peer, "state": "up"})).len();
        assert!(ups <= 3, "{ups} links came up\n{}", told(client));
    }
}

/// Двое на сервере, знакомые друг с другом.
fn pair_at(world: &World) -> (Client, Client) {
    let mut ann = client_up(world, "Ann", &["--yes"]);
    let mut bob = client_up(world, "Bob", &["--accept-files"]);
    meet(&mut ann, &mut bob);
    (ann, bob)
}

/// Ждёт, пока путь к человеку не станет таким.
fn path_wait(client: &mut Client, peer: &str, path: &str) -> Value {
    wait(client, json!({"event": "link", "peer": peer, "state": "up", "path": path}))
}

#[test]
fn a_file_moves_from_the_server_to_the_direct_link_and_back() {
    let world = world_make();
    let (mut ann, mut bob) = pair_at(&world);
    topup(&mut ann, &bob);
    let path = file_make(world.folder.path(), "big.bin", 192 * MIB, 12);
    offered(&mut ann, &mut bob, &path);
    part_grown(&bob, 16 * MIB);
    connect(&mut ann, &mut bob);
    let resumed = wait(&mut bob, json!({"event": "file", "state": "resumed"}));
    assert!(resumed["resumed_from"].as_u64().unwrap() > 0, "{resumed}");
    speak(&mut ann, &mut bob, "in the middle");
    part_grown(&bob, 80 * MIB);
    say(&mut ann, &format!("/disconnect {}", bob.id));
    let back = path_wait(&mut ann, &bob.id.clone(), "relay");
    reason_is(&back, "cancelled");
    path_wait(&mut bob, &ann.id.clone(), "relay");
    assert!(part_length(&bob) < 192 * MIB, "the transfer was too fast for this test");
    speak(&mut bob, &mut ann, "through the server again");
    arrived(&mut ann, &mut bob, &path);
    for (client, text) in [(&mut bob, "in the middle"), (&mut ann, "through the server again")] {
        assert_eq!(shown(client, text), 1);
    }
}

#[test]
fn the_server_dies_and_the_direct_link_lives_on() {
    let mut world = world_make();
    let (mut ann, mut bob) = pair_at(&world);
    connect(&mut ann, &mut bob);
    topup(&mut ann, &bob);
    let path = file_make(world.folder.path(), "big.bin", 64 * MIB, 13);
    offered(&mut ann, &mut bob, &path);
    part_grown(&bob, 8 * MIB);
    server_kill(&mut world.server);
    for client in [&mut ann, &mut bob] {
        wait(client, json!({"event": "link", "peer": "server", "state": "retry"}));
    }
    speak(&mut ann, &mut bob, "no server any more");
    speak(&mut bob, &mut ann, "none needed");
    arrived(&mut ann, &mut bob, &path);
    let gone = json!({"event": "contact", "id": bob.id, "state": "unknown"});
    assert!(all(&mut ann, gone).is_empty(), "{}", told(&ann));
    server_again(&mut world.server);
    for client in [&mut ann, &mut bob] {
        wait(client, json!({"event": "link", "peer": "server", "state": "up"}));
    }
    speak(&mut ann, &mut bob, "both paths");
}

#[test]
fn what_waits_at_the_server_goes_directly_when_there_is_no_server() {
    let mut world = world_make();
    let (mut ann, mut bob) = pair_at(&world);
    let card = card_of(&mut bob);
    let listen = card.split_once('@').unwrap().1.split_once('#').unwrap().0.to_string();
    say(&mut bob, "/quit");
    exit_code(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": bob.id, "state": "offline"}));
    for number in 0..5 {
        say_words(&mut ann, &["/msg", &bob.id, &format!("stored {number}")]);
    }
    common::outbox_stored(&ann);
    server_kill(&mut world.server);
    let mut bob = alone(world.folder.path(), "Bob", &["--listen", &listen]);
    say(&mut ann, &format!("/connect {card}"));
    for number in 0..5 {
        let text = format!("stored {number}");
        wait(&mut bob, json!({"event": "message", "text": text}));
    }
    common::outbox_settle(&ann);
    server_again(&mut world.server);
    wait(&mut bob, json!({"event": "link", "peer": "server", "state": "up"}));
    speak(&mut ann, &mut bob, "after all");
    for number in 0..5 {
        assert_eq!(shown(&mut bob, &format!("stored {number}")), 1);
    }
}

#[test]
fn a_killed_program_is_called_again_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ann, mut bob) = pair(folder.path());
    speak(&mut ann, &mut bob, "before");
    client_kill(&mut ann);
    wait(&mut bob, json!({"event": "link", "peer": ann.id, "state": "down"}));
    say_words(&mut bob, &["/msg", &ann.id, "while you were away"]);
    client_again(&mut ann);
    let since = Instant::now();
    path_wait(&mut ann, &bob.id.clone(), "direct");
    wait(&mut ann, json!({"event": "message", "text": "while you were away"}));
    assert!(waiting(since), "too late");
    speak(&mut ann, &mut bob, "after");
}
