//! Life of links between real programs: who comes, who goes, who dies, who signs in twice, and
//! what becomes of the texts meanwhile.
//! Жизнь линий между настоящими программами: кто пришёл, ушёл, погиб, вошёл дважды, и что
//! становится с текстами.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    Client, World, all, client_again, client_command, client_kill, client_start_at, client_up,
    exit_code, fits, folder_copy, forget, input_end, meet, run_whole, say, server_again,
    server_kill, told, wait, words_of, world_make,
};
use serde_json::json;

/// Двое, которые видят друг друга.
fn pair() -> (World, Client, Client) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    (world, ann, bob)
}

/// Номер, которого нет ни у кого (пример из docs/protocol.md).
const NOBODY: &str = "01459986021453";

#[test]
fn presence_follows_a_clean_leave_and_a_death() {
    let (_world, mut ann, mut bob) = pair();
    let b = bob.id.clone();
    say(&mut bob, "/quit");
    assert_eq!(exit_code(&mut bob), 0, "{}", told(&bob));
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "offline"}));
    client_again(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "online"}));
    client_kill(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "offline"}));
    client_again(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "online"}));
    wait(&mut bob, json!({"event": "contact", "id": ann.id, "state": "online"}));
}

#[test]
fn a_message_waits_for_who_is_away() {
    let (_world, mut ann, mut bob) = pair();
    let b = bob.id.clone();
    client_kill(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "offline"}));
    forget(&mut ann);
    for number in 0..20 {
        say(&mut ann, &format!("/msg {b} waits {number}"));
        wait(&mut ann, json!({"event": "receipt", "state": "queued"}));
        wait(&mut ann, json!({"event": "receipt", "state": "stored"}));
    }
    assert_eq!(all(&mut ann, json!({"event": "receipt", "state": "delivered"})).len(), 0);
    // Лежащее на сервере дойдёт и без отправителя: предупреждать не о чем.
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    assert_eq!(all(&mut ann, json!({"event": "error"})).len(), 0, "{}", told(&ann));
    client_again(&mut bob);
    for number in 0..20 {
        let got = wait(&mut bob, json!({"event": "message"}));
        assert_eq!(got["text"], json!(format!("waits {number}")), "{}", told(&bob));
    }
    client_again(&mut ann);
    for _ in 0..20 {
        wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    }
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 20);
}

#[test]
fn leaving_with_something_unsent_warns_once() {
    let (mut world, mut ann, mut bob) = pair();
    let b = bob.id.clone();
    server_kill(&mut world.server);
    wait(&mut ann, json!({"event": "link", "state": "retry"}));
    for number in 0..20 {
        say(&mut ann, &format!("/msg {b} waits {number}"));
        wait(&mut ann, json!({"event": "receipt", "state": "queued"}));
    }
    say(&mut ann, "/quit");
    let warned = wait(&mut ann, json!({"event": "error", "code": "unsent"}));
    assert!(warned["text"].as_str().unwrap().contains(": 20"), "{warned}");
    server_again(&mut world.server);
    for number in 0..20 {
        let got = wait(&mut bob, json!({"event": "message"}));
        assert_eq!(got["text"], json!(format!("waits {number}")), "{}", told(&bob));
        wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    }
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
}

#[test]
fn a_dead_server_loses_and_doubles_nothing() {
    let (mut world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    for number in 0..200 {
        say(&mut ann, &format!("/msg {b} before {number}"));
    }
    // Смерть посреди потока: часть доставлена, часть в пути, часть в очереди.
    wait(&mut bob, json!({"event": "message"}));
    server_kill(&mut world.server);
    wait(&mut ann, json!({"event": "link", "state": "retry"}));
    wait(&mut bob, json!({"event": "link", "state": "retry"}));
    forget(&mut ann);
    forget(&mut bob);
    for number in 0..100 {
        say(&mut ann, &format!("/msg {b} after {number}"));
        say(&mut bob, &format!("/msg {a} back {number}"));
    }
    server_again(&mut world.server);
    wait(&mut ann, json!({"event": "link", "state": "up"}));
    wait(&mut bob, json!({"event": "link", "state": "up"}));
    wait(&mut bob, json!({"event": "message", "text": "after 99"}));
    wait(&mut ann, json!({"event": "message", "text": "back 99"}));
    for client in [&mut ann, &mut bob] {
        input_end(client);
        assert_eq!(exit_code(client), 0, "{}", told(client));
    }
    let mut wanted = Vec::new();
    for number in 0..300 {
        let word = if number < 200 { "before" } else { "after" };
        wanted.push(json!(format!("{word} {}", number % 200)));
    }
    let mut got = Vec::new();
    for event in all(&mut bob, json!({"event": "message", "outgoing": false})) {
        got.push(event["text"].clone());
    }
    assert_eq!(got, wanted);
    assert_eq!(all(&mut ann, json!({"event": "message", "outgoing": false})).len(), 100);
}

#[test]
fn the_end_of_input_delivers_and_leaves() {
    let world = world_make();
    let mut bob = client_up(&world, "Bob", &[]);
    let home = world.folder.path().join("Ann");
    let mut ann = client_start_at(&home, &world.server.join, "Ann", &["--yes"]);
    // Связи может ещё не быть: команды ждут её.
    say(&mut ann, &format!("/msg {} short", bob.id));
    say(&mut ann, &format!("/msg {} {}", bob.id, "long ".repeat(20_000)));
    say(&mut ann, &format!("/msg {} last", bob.id));
    input_end(&mut ann);
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    wait(&mut bob, json!({"event": "message", "text": "short"}));
    wait(&mut bob, json!({"event": "message", "text": "last"}));
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 3);
    assert_eq!(all(&mut ann, json!({"event": "receipt", "state": "delivered"})).len(), 3);
}

#[test]
fn the_end_of_input_names_what_is_left() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    say(&mut ann, &format!("/add {NOBODY}"));
    say(&mut ann, &format!("/rename {NOBODY} Nobody"));
    say(&mut ann, "/msg Nobody one");
    say(&mut ann, "/msg Nobody two");
    input_end(&mut ann);
    assert_eq!(exit_code(&mut ann), 1, "{}", told(&ann));
    let error = wait(&mut ann, json!({"event": "error", "code": "unsent"}));
    assert!(error["text"].as_str().unwrap().contains("Nobody: 3"), "{error}");
}

#[test]
fn the_end_of_input_without_a_server_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = client_start_at(&folder.path().join("Ann"), "", "Ann", &[]);
    wait(&mut ann, json!({"event": "link", "state": "down", "code": "server-missing"}));
    say(&mut ann, &format!("/msg {NOBODY} one"));
    input_end(&mut ann);
    assert_ne!(exit_code(&mut ann), 0, "{}", told(&ann));
    wait(&mut ann, json!({"event": "error", "code": "unsent"}));
}

#[test]
fn the_newer_login_wins_for_good() {
    let (world, mut ann, mut bob) = pair();
    let twin_home = world.folder.path().join("twin");
    folder_copy(&ann.home, &twin_home);
    let mut twin = client_start_at(&twin_home, &world.server.join, "Ann", &[]);
    wait(&mut twin, json!({"event": "link", "state": "up"}));
    assert_eq!(twin.id, ann.id);
    let told_down = wait(&mut ann, json!({"event": "link", "code": "signed-elsewhere"}));
    assert!(fits(&told_down, &json!({"state": "down", "retry_ms": 0})), "{told_down}");
    forget(&mut ann);
    // Новый вход живёт: текст туда и обратно, а прежний молчит и не звонит снова.
    let (a, b) = (ann.id.clone(), bob.id.clone());
    say(&mut twin, &format!("/msg {b} here"));
    wait(&mut bob, json!({"event": "message", "text": "here"}));
    say(&mut bob, &format!("/msg {a} there"));
    wait(&mut twin, json!({"event": "message", "text": "there"}));
    wait(&mut bob, json!({"event": "receipt", "state": "delivered"}));
    std::thread::sleep(std::time::Duration::from_secs(2));
    say(&mut ann, "/status");
    wait(&mut ann, json!({"event": "link", "state": "down"}));
    assert_eq!(all(&mut ann, json!({"event": "link", "state": "up"})).len(), 1);
    assert_eq!(all(&mut ann, json!({"event": "message", "text": "there"})).len(), 0);
    assert_eq!(all(&mut twin, json!({"event": "link", "state": "up"})).len(), 1);
    assert_eq!(all(&mut twin, json!({"event": "link", "state": "retry"})).len(), 0);
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
}

#[test]
fn a_second_start_on_a_home_says_so() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    let mut command = client_command(&ann.home);
    command.args(["--server", &world.server.join]);
    let (code, out, err) = run_whole(command);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("already running"), "{err}");
    assert_eq!(out, "");
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    client_again(&mut ann);
}

#[cfg(unix)]
#[test]
fn leaving_is_clean_by_signal_too() {
    let (_world, mut ann, mut bob) = pair();
    let pid = ann.guard.child.id().to_string();
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status();
    assert!(sent.expect("kill").success());
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    wait(&mut bob, json!({"event": "contact", "id": ann.id, "state": "offline"}));
    assert_eq!(words_of(&ann), "");
}

#[cfg(unix)]
#[test]
fn a_server_that_leaves_says_so_and_is_called_again() {
    let (mut world, mut ann, mut bob) = pair();
    let pid = world.server.guard.child.id().to_string();
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status();
    assert!(sent.expect("kill").success());
    let status = world.server.guard.child.wait().expect("wait");
    assert_eq!(status.code(), Some(0));
    for client in [&mut ann, &mut bob] {
        wait(client, json!({"event": "link", "state": "retry", "code": "leaving"}));
    }
    server_again(&mut world.server);
    let (a, b) = (ann.id.clone(), bob.id.clone());
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "online"}));
    say(&mut bob, &format!("/msg {a} again"));
    wait(&mut ann, json!({"event": "message", "text": "again"}));
}

#[test]
fn a_server_on_ipv6_is_joined_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: no IPv6 here");
        return;
    }
    let server = common::server_start(&folder.path().join("server"), "[::1]:0");
    assert!(server.join.starts_with("[::1]:"), "{}", server.join);
    let mut ann = client_start_at(&folder.path().join("Ann"), &server.join, "Ann", &[]);
    let mut bob = client_start_at(&folder.path().join("Bob"), &server.join, "Bob", &[]);
    meet(&mut ann, &mut bob);
}
