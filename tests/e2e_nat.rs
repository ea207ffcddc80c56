//! The table of paths: two homes behind routers of each kind, a public server that introduces them.
//! What came of it is printed; skipped, with a spoken line, where namespaces are not allowed.
//! Таблица путей: два дома за роутерами всех видов и общий сервер, который их знакомит. Что вышло,
//! печатается; где пространства имён запрещены — пропускается, о чём сказано.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod lab;

use std::path::Path;
use std::time::{Duration, Instant};

use common::{
    Client, Server, all, client_start_in, say_words, server_start_in, told, wait, waiting,
};
use lab::nat::{Home, SERVER, nat_net};
use lab::{Net, place};
use serde_json::{Value, json};

/// Нет прямой линии и после стольких: не будет.
const NO_LINK: Duration = Duration::from_secs(12);

/// Двое за своими роутерами и сервер.
struct Two {
    net: Net,
    folder: tempfile::TempDir,
    server: Server,
    ann: Client,
    bob: Client,
}

/// Программа на машине этого дома.
fn start(net: &Net, folder: &Path, machine: &str, join: &str) -> Client {
    let options = ["--server", join];
    client_start_in(&place(net, machine), &folder.join(machine), machine, &options)
}

/// Двое, знакомые через сервер. `None` — здесь такой сети не построить.
fn two(first: Home, second: Home) -> Option<Two> {
    let net = nat_net(&[("ann", first), ("bob", second)])?;
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("{SERVER}:0");
    let server = server_start_in(&place(&net, "srv"), &folder.path().join("server"), &listen);
    let mut ann = start(&net, folder.path(), "ann", &server.join);
    let mut bob = start(&net, folder.path(), "bob", &server.join);
    common::meet(&mut ann, &mut bob);
    Some(Two { net, folder, server, ann, bob })
}

/// Текст туда и подтверждение обратно.
fn speak(from: &mut Client, to: &mut Client, text: &str) {
    say_words(from, &["/msg", &to.id, text]);
    let got = wait(to, json!({"event": "message", "peer": from.id, "text": text}));
    wait(from, json!({"event": "receipt", "message": got["message"], "state": "delivered"}));
}

/// Ждёт прямой линии; `None` — за положенное время не вышло.
fn direct(client: &mut Client, peer: &str) -> Option<Value> {
    let since = Instant::now();
    let wanted = json!({"event": "link", "peer": peer, "state": "up", "path": "direct"});
    while since.elapsed() < NO_LINK && waiting(since) {
        if let Some(found) = all(client, wanted.clone()).pop() {
            return Some(found);
        }
    }
    None
}

/// Одна строка таблицы: какой путь вышел и за сколько.
fn row(first: Home, second: Home) -> Option<bool> {
    let mut two = two(first, second)?;
    speak(&mut two.ann, &mut two.bob, "through the server");
    let (mine, his) = (two.ann.id.clone(), two.bob.id.clone());
    let found = direct(&mut two.ann, &his);
    match &found {
        Some(link) => {
            assert!(direct(&mut two.bob, &mine).is_some(), "{}", told(&two.bob));
            println!("{first:?} - {second:?}: {}", link["address"]);
        }
        None => println!("{first:?} - {second:?}: relay"),
    }
    speak(&mut two.ann, &mut two.bob, "still there");
    speak(&mut two.bob, &mut two.ann, "me too");
    Some(found.is_some())
}

#[test]
fn cone_and_cone() {
    if let Some(direct) = row(Home::Cone, Home::Cone) {
        assert!(direct);
    }
}
