//! Contacts between real programs: names, blocking, removing, unread counts, the echo contact.
//! Контакты между настоящими программами: имена, запрет, удаление, непрочитанное, эхо.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::files::{file_make, files_same, offered, part_grown, sources, topup};
use common::{
    Client, Guard, World, all, client_again, client_up, exit_code, forget, meet, program, say,
    say_words, text_of, told, wait, waiting, world_make,
};
use serde_json::json;
use std::time::Instant;

/// Двое, которые видят друг друга.
fn pair() -> (World, Client, Client) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", &["--accept-files"]);
    meet(&mut ann, &mut bob);
    (world, ann, bob)
}

#[test]
fn names_are_given_found_and_kept() {
    let (world, mut ann, mut bob) = pair();
    let mut cat = client_up(&world, "Cat", &[]);
    meet(&mut ann, &mut cat);
    let (b, c) = (bob.id.clone(), cat.id.clone());
    say_words(&mut ann, &["/rename", &b, "  Big\u{7} Bob\u{202e} "]);
    wait(&mut ann, json!({"event": "contact", "id": b, "name": "Big Bob"}));
    say(&mut ann, "/msg \"big bob\" by name");
    wait(&mut bob, json!({"event": "message", "text": "by name"}));
    say_words(&mut ann, &["/rename", &c, "BIG BOB"]);
    wait(&mut ann, json!({"event": "contact", "id": c, "name": "BIG BOB"}));
    say(&mut ann, "/msg \"Big Bob\" to whom?");
    wait(&mut ann, json!({"event": "error", "code": "name-ambiguous"}));
    say(&mut ann, &format!("/rename {c} \u{7}"));
    wait(&mut ann, json!({"event": "error", "code": "argument-missing"}));
    // Данное имя важнее имени в сообщениях и переживает перезапуск.
    let a = ann.id.clone();
    say(&mut bob, &format!("/msg {a} hello"));
    wait(&mut ann, json!({"event": "message", "text": "hello", "name": "Big Bob"}));
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    client_again(&mut ann);
    wait(&mut ann, json!({"event": "contact", "id": b, "name": "Big Bob", "state": "online"}));
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 2, "{}", told(&bob));
}

#[test]
fn contacts_are_put_into_folders() {
    let (_world, mut ann, bob) = pair();
    let b = bob.id.clone();
    for event in all(&mut ann, json!({"event": "contact", "id": b})) {
        assert!(event["folder"].is_null(), "{event}");
    }
    say_words(&mut ann, &["/folder", &b, "  Моя \u{7}семья\u{202e} "]);
    wait(&mut ann, json!({"event": "contact", "id": b, "folder": "Моя семья"}));
    say(&mut ann, "/folder Bob Work friends");
    wait(&mut ann, json!({"event": "contact", "id": b, "folder": "Work friends"}));
    say_words(&mut ann, &["/folder", &b, &"ы".repeat(100)]);
    wait(&mut ann, json!({"event": "contact", "id": b, "folder": "ы".repeat(64)}));
    say_words(&mut ann, &["/folder", &b, "\u{7}"]);
    wait(&mut ann, json!({"event": "error", "code": "argument-bad"}));
    say(&mut ann, "/folder 11111111111111 Nobody");
    wait(&mut ann, json!({"event": "error"}));
    say(&mut ann, "/folder");
    wait(&mut ann, json!({"event": "error", "code": "argument-missing"}));
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    client_again(&mut ann);
    let online = json!({"event": "contact", "id": b, "folder": "ы".repeat(64), "state": "online"});
    wait(&mut ann, online);
    forget(&mut ann);
    say(&mut ann, "/folder Bob");
    let out = wait(&mut ann, json!({"event": "contact", "id": b}));
    assert!(out["folder"].is_null(), "{out}");
}

#[test]
fn unread_is_counted_and_cleared() {
    let (_world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    for number in 0..3 {
        say(&mut ann, &format!("/msg {b} {number}"));
        wait(&mut bob, json!({"event": "message", "text": number.to_string()}));
    }
    forget(&mut bob);
    say(&mut bob, "/contacts");
    wait(&mut bob, json!({"event": "contact", "id": a, "unread": 3}));
    say(&mut bob, &format!("/to {a}"));
    wait(&mut bob, json!({"event": "chat", "peer": a}));
    say(&mut bob, "/peers");
    wait(&mut bob, json!({"event": "contact", "id": a, "unread": 0}));
}

#[test]
fn a_blocked_contact_is_not_heard_until_added_again() {
    let (world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    say(&mut bob, &format!("/block {a}"));
    wait(&mut bob, json!({"event": "contact", "id": a, "blocked": true}));
    say(&mut ann, &format!("/msg {b} not heard"));
    wait(&mut ann, json!({"event": "receipt", "state": "queued"}));
    let path = file_make(&sources(&world), "a.bin", 1000, 1);
    say_words(&mut ann, &["/send", &b, &path.display().to_string()]);
    wait(&mut ann, json!({"event": "file", "state": "offered"}));
    say(&mut bob, &format!("/msg {a} no"));
    wait(&mut bob, json!({"event": "error", "code": "blocked"}));
    // Третий человек подтверждает, что Боб жив и слышит прочих.
    let mut cat = client_up(&world, "Cat", &[]);
    say(&mut cat, &format!("/msg {b} heard"));
    wait(&mut bob, json!({"event": "message", "text": "heard"}));
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 1, "{}", told(&bob));
    say(&mut bob, &format!("/add {a}"));
    wait(&mut bob, json!({"event": "contact", "id": a, "blocked": false}));
    wait(&mut bob, json!({"event": "message", "text": "not heard"}));
    wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    wait(&mut bob, json!({"event": "file", "state": "done"}));
    wait(&mut ann, json!({"event": "file", "state": "done"}));
}

#[test]
fn a_removed_contact_takes_his_files_along() {
    let (world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    topup(&mut ann, &bob);
    let path = file_make(&sources(&world), "big.bin", 64 * common::files::MIB, 2);
    offered(&mut ann, &mut bob, &path);
    part_grown(&bob, 1);
    say(&mut bob, &format!("/remove {a}"));
    wait(&mut bob, json!({"event": "info", "code": "contact-removed"}));
    common::files::names_settle(&bob.home.join("downloads"), &[]);
    // Отправитель узнаёт, что файла больше не ждут.
    let since = Instant::now();
    loop {
        let mut over = 0;
        for state in ["cancelled", "error", "refused"] {
            over += all(&mut ann, json!({"event": "file", "state": state})).len();
        }
        if over > 0 {
            break;
        }
        assert!(waiting(since), "the sender never learns\n{}", told(&ann));
    }
    // Порядок после удаления не рвётся: тексты ходят в обе стороны.
    say(&mut ann, &format!("/msg {b} once more"));
    wait(&mut bob, json!({"event": "message", "text": "once more"}));
    say(&mut bob, &format!("/msg {a} and back"));
    wait(&mut ann, json!({"event": "message", "text": "and back"}));
    wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
}

#[test]
fn the_echo_contact_answers() {
    let world = world_make();
    let home = world.folder.path().join("echo");
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(["echo", "--name", "Echo", "--server", &world.server.join, "--home"]).arg(&home);
    let out = home.with_extension("out");
    command.stdout(std::fs::File::create(&out).unwrap());
    let _guard = Guard { child: command.spawn().unwrap() };
    let mut whose = program(env!("CARGO_BIN_EXE_supertext"));
    whose.args(["id", "--json", "--home"]).arg(&home);
    let since = Instant::now();
    while !home.join("cert").join("client.key").is_file() {
        assert!(waiting(since), "{}", text_of(&out));
    }
    let (code, id, err) = common::run_whole(whose);
    assert_eq!(code, 0, "{err}");
    let id: serde_json::Value = serde_json::from_str(&id).unwrap();
    let echo = id["id"].as_str().unwrap();
    let mut ann = client_up(&world, "Ann", &["--yes", "--accept-files"]);
    let long = "эхо ".repeat(3000);
    for text in ["hello", long.as_str()] {
        say_words(&mut ann, &["/msg", echo, text]);
        let back = json!({"event": "message", "outgoing": false, "name": "Echo", "text": text});
        wait(&mut ann, back);
    }
    let path = file_make(&sources(&world), "back.bin", 3 * common::files::MIB, 3);
    say_words(&mut ann, &["/send", echo, &path.display().to_string()]);
    wait(&mut ann, json!({"event": "file", "state": "done", "outgoing": true}));
    let got = wait(&mut ann, json!({"event": "file", "state": "done", "outgoing": false}));
    let place = std::path::PathBuf::from(got["path"].as_str().unwrap());
    assert!(files_same(&path, &place), "{got}");
}
