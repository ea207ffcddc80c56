//! The server's mailboxes between real programs: what was called stored arrives, in order and
//! once, whoever dies or is gone for good meanwhile; a full box and an unknown id are named.
//! Почтовые ящики сервера между настоящими программами: названное сохранённым приходит, по порядку
//! и один раз, кто бы тем временем ни погиб и ни ушёл навсегда; о полном ящике и неизвестном
//! номере сказано.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Instant;

use common::files::{MIB, file_make, files_same, sources};
use common::raw::{raw_hello, raw_packet, raw_until};
use common::{
    Client, World, all, client_again, client_kill, client_up, exit_code, forget, input_end, meet,
    number_in, outbox_settle, say, say_words, server_again, server_kill, texts_of, told, wait,
    wait_many, waiting, world_make, world_with,
};
use serde_json::{Value, json};
use supertext::base::bounds::{NAME_MAX, TEXT_MAX};
use supertext::base::fail::FailKind;
use supertext::base::ids::id_parse;
use supertext::wire::control::{Unreachable, body_read};
use supertext::wire::header::Header;

/// Номер, которого нет ни у кого (пример из docs/protocol.md).
const NOBODY: &str = "01459986021453";

/// Двое знакомых; второй ушёл.
fn pair_apart(world: &World) -> (Client, Client) {
    let mut ann = client_up(world, "Ann", &["--yes"]);
    let mut bob = client_up(world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    gone(&mut bob, &mut ann);
    (ann, bob)
}

/// Человек уходит, и другой это видит.
fn gone(client: &mut Client, other: &mut Client) {
    forget(other);
    say(client, "/quit");
    assert_eq!(exit_code(client), 0, "{}", told(client));
    wait(other, json!({"event": "contact", "id": client.id, "state": "offline"}));
}

/// Пишет столько текстов подряд.
fn write_many(client: &mut Client, to: &str, word: &str, many: usize) {
    for number in 0..many {
        say(client, &format!("/msg {to} {word} {number}"));
    }
}

/// Тексты `word 0`, `word 1`…
fn wanted(word: &str, many: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for number in 0..many {
        texts.push(format!("{word} {number}"));
    }
    texts
}

/// Тексты, пришедшие от человека, по порядку.
fn from_whom(client: &mut Client, peer: &str) -> Vec<String> {
    texts_of(&all(client, json!({"event": "message", "peer": peer, "outgoing": false})))
}

/// Состояние сообщения у отправителя.
fn receipt(state: &str) -> Value {
    json!({"event": "receipt", "state": state})
}

/// Сколько писем лежит у сервера.
fn mail_count(world: &World) -> i64 {
    number_in(&world.server.home.join("mail.db"), "SELECT COUNT(*) FROM mail")
}

#[test]
fn mail_comes_in_order_from_each_and_empties_the_box() {
    let world = world_make();
    let (mut ann, mut bob) = pair_apart(&world);
    let mut carl = client_up(&world, "Carl", &["--yes"]);
    let b = bob.id.clone();
    for round in 0..5 {
        write_many(&mut ann, &b, &format!("ann {round}"), 20);
        write_many(&mut carl, &b, &format!("carl {round}"), 20);
    }
    wait_many(&mut ann, receipt("stored"), 100);
    wait_many(&mut carl, receipt("stored"), 100);
    // Отправители ушли: придёт всё равно, а о доставке они узнают потом.
    for client in [&mut ann, &mut carl] {
        say(client, "/quit");
        assert_eq!(exit_code(client), 0, "{}", told(client));
    }
    client_again(&mut bob);
    wait_many(&mut bob, json!({"event": "message"}), 200);
    for (client, word) in [(&ann, "ann"), (&carl, "carl")] {
        let mut texts = Vec::new();
        for round in 0..5 {
            texts.append(&mut wanted(&format!("{word} {round}"), 20));
        }
        assert_eq!(from_whom(&mut bob, &client.id), texts);
    }
    for client in [&mut ann, &mut carl] {
        client_again(client);
        wait_many(client, receipt("delivered"), 100);
        outbox_settle(client);
    }
    gone(&mut bob, &mut ann);
    client_again(&mut bob);
    wait(&mut bob, json!({"event": "link", "peer": "server", "state": "up"}));
    write_many(&mut ann, &b, "direct", 1);
    wait(&mut bob, json!({"event": "message", "text": "direct 0"}));
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 1, "{}", told(&bob));
    // Лежало ли ещё что-нибудь перед ним, метка об этом приходит на миг позже показанного.
    let since = std::time::Instant::now();
    while mail_count(&world) != 0 {
        assert!(common::waiting(since), "mail stays\n{}", told(&bob));
    }
}

#[test]
fn ten_thousand_waiting_messages_arrive() {
    const MANY: usize = 10_000;
    let world = world_make();
    let (mut ann, mut bob) = pair_apart(&world);
    let b = bob.id.clone();
    say(&mut ann, &format!("/topup {b} messages 100000"));
    let since = Instant::now();
    write_many(&mut ann, &b, "waits", MANY);
    wait_many(&mut ann, receipt("stored"), MANY);
    println!("{MANY} messages stored in {:?}", since.elapsed());
    input_end(&mut ann);
    assert_eq!(exit_code(&mut ann), 0);
    let since = Instant::now();
    client_again(&mut bob);
    let got = wait_many(&mut bob, json!({"event": "message"}), MANY);
    println!("{MANY} messages fetched in {:?}", since.elapsed());
    assert_eq!(texts_of(&got), wanted("waits", MANY));
    let since = Instant::now();
    client_again(&mut ann);
    wait_many(&mut ann, receipt("delivered"), MANY);
    println!("{MANY} confirmations in {:?}", since.elapsed());
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), MANY);
}

#[test]
fn what_was_called_stored_survives_the_death_of_the_server() {
    let mut world = world_make();
    let (mut ann, mut bob) = pair_apart(&world);
    let b = bob.id.clone();
    for round in 0..5 {
        write_many(&mut ann, &b, &format!("round {round}"), 3);
        wait_many(&mut ann, receipt("stored"), round * 3 + 1);
        server_kill(&mut world.server);
        server_again(&mut world.server);
    }
    // Лежащее без подтверждения отправитель пошлёт снова; потом и его не станет навсегда.
    wait_many(&mut ann, receipt("stored"), 15);
    server_kill(&mut world.server);
    client_kill(&mut ann);
    std::fs::remove_dir_all(&ann.home).unwrap();
    server_again(&mut world.server);
    client_again(&mut bob);
    wait_many(&mut bob, json!({"event": "message"}), 15);
    let mut texts = Vec::new();
    for round in 0..5 {
        texts.append(&mut wanted(&format!("round {round}"), 3));
    }
    assert_eq!(from_whom(&mut bob, &ann.id), texts);
}

#[test]
fn long_messages_go_through_the_mailbox_among_short_ones() {
    let world = world_make();
    let (mut ann, mut bob) = pair_apart(&world);
    let b = bob.id.clone();
    // Самое длинное имя и самый длинный текст: вместе с печатью они ещё помещаются в 256 пакетов.
    say_words(&mut ann, &["/set", "name", &"𝄞".repeat(NAME_MAX)]);
    say(&mut ann, &format!("/topup {b} messages 10000"));
    let mut long = "длинное письмо, ".repeat(TEXT_MAX / 29);
    while long.len() < TEXT_MAX {
        long.push('.');
    }
    for text in ["before", &long, "between", &long, "after"] {
        say_words(&mut ann, &["/msg", &b, text]);
    }
    wait_many(&mut ann, receipt("stored"), 5);
    client_again(&mut bob);
    let got = texts_of(&wait_many(&mut bob, json!({"event": "message"}), 5));
    assert!(got[1] == long && got[3] == long, "a long text has changed on its way");
    assert_eq!((got[0].as_str(), got[2].as_str(), got[4].as_str()), ("before", "between", "after"));
    wait_many(&mut ann, receipt("delivered"), 5);
}

#[test]
fn a_full_mailbox_says_so_and_nothing_is_lost() {
    let world = world_with(&["--mail-messages", "5"]);
    let (mut ann, mut bob) = pair_apart(&world);
    let b = bob.id.clone();
    write_many(&mut ann, &b, "waits", 12);
    wait(&mut ann, json!({"event": "error", "code": "mailbox-full"}));
    wait_many(&mut ann, receipt("stored"), 5);
    say(&mut ann, "/quit");
    let warned = wait(&mut ann, json!({"event": "error", "code": "unsent"}));
    assert!(warned["text"].as_str().unwrap().contains(": 7"), "{warned}");
    assert_eq!(all(&mut ann, json!({"event": "error", "code": "mailbox-full"})).len(), 1);
    assert_eq!((all(&mut ann, receipt("stored")).len(), mail_count(&world)), (5, 5));
    client_again(&mut bob);
    wait_many(&mut bob, json!({"event": "message"}), 12);
    assert_eq!(from_whom(&mut bob, &ann.id), wanted("waits", 12));
    wait_many(&mut ann, receipt("delivered"), 12);
}

#[test]
fn a_mailbox_counts_bytes_too() {
    let world = world_with(&["--mail-megabytes", "1"]);
    let (mut ann, mut bob) = pair_apart(&world);
    let b = bob.id.clone();
    let long = "x".repeat(600_000);
    say_words(&mut ann, &["/msg", &b, &long]);
    wait(&mut ann, receipt("stored"));
    say_words(&mut ann, &["/msg", &b, &long]);
    wait(&mut ann, json!({"event": "error", "code": "mailbox-full"}));
    client_again(&mut bob);
    for text in texts_of(&wait_many(&mut bob, json!({"event": "message"}), 2)) {
        assert!(text == long, "a long text has changed on its way");
    }
}

#[test]
fn an_id_that_nobody_has_is_named() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    say(&mut ann, &format!("/msg {NOBODY} anybody there?"));
    wait(&mut ann, json!({"event": "info", "code": "keys-missing"}));
    wait(&mut ann, receipt("queued"));
    assert_eq!(all(&mut ann, receipt("stored")), Vec::<Value>::new(), "{}", told(&ann));
    // Тот, кто пошлёт без ключа, получит ответ сервера.
    let mut raw = raw_hello(&world.server.join, &world.folder.path().join("rogue"));
    let dest_id = id_parse(NOBODY).unwrap();
    let head = Header { source_id: raw.id, dest_id, content_id: 44, content_type: 1, size: 6 };
    raw_packet(&mut raw, head, b"\0\0\0\x01hi");
    let (_, data) = raw_until(&mut raw, 0, 9).expect("UNREACHABLE");
    let body: Unreachable = body_read("UNREACHABLE", &data).unwrap();
    assert_eq!((body.id, body.reason), (dest_id, FailKind::PeerUnknown as u16));
    assert_eq!((body.content_type, body.content_id), (1, 44));
    assert_eq!(mail_count(&world), 0);
}

#[test]
fn an_offer_waits_in_the_mailbox_and_the_file_comes_later() {
    let world = world_make();
    let (mut ann, mut bob) = pair_apart(&world);
    let b = bob.id.clone();
    let path = file_make(&sources(&world), "later.bin", 3 * MIB + 17, 8);
    say_words(&mut ann, &["/send", &b, &path.display().to_string()]);
    wait(&mut ann, json!({"event": "file", "outgoing": true, "name": "later.bin"}));
    let (base, since) = (ann.home.join("history.db"), Instant::now());
    while number_in(&base, "SELECT COUNT(*) FROM outbox WHERE stored = 1") == 0 {
        assert!(waiting(since), "the offer is not stored\n{}", told(&ann));
    }
    client_kill(&mut ann);
    client_again(&mut bob);
    let offer = wait(&mut bob, json!({"event": "offer", "peer": ann.id, "name": "later.bin"}));
    say(&mut bob, &format!("/take {}", offer["transfer"]));
    client_again(&mut ann);
    wait(&mut bob, json!({"event": "file", "state": "done", "outgoing": false}));
    wait(&mut ann, json!({"event": "file", "state": "done", "outgoing": true}));
    assert!(files_same(&path, &bob.home.join("downloads/later.bin")));
    assert_eq!(all(&mut bob, json!({"event": "offer"})).len(), 1, "{}", told(&bob));
}
