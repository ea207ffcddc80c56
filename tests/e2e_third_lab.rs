//! Two local networks and one person with a card in each: over him they are one. Skipped, with a
//! spoken line, where network namespaces are not allowed.
//! Две местные сети и один человек с картой в каждой: через него они одна. Пропускается, о чём
//! сказано, где сетевые пространства имён запрещены.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod lab;

use std::path::Path;

use common::files::{MIB, arrived, file_make, offered, topup};
use common::{Client, client_start_in, say, say_words, wait};
use lab::{Net, inside, net_make, place};
use serde_json::json;

/// Программа на этой машине.
fn start(net: &Net, folder: &Path, machine: &str, options: &[&str]) -> Client {
    client_start_in(&place(net, machine), &folder.join(machine), machine, options)
}

/// Второй коммутатор: кабель последней машины переставлен в него, и у средней в нём вторая карта.
fn split(net: &Net, middle: &str, last: &str) {
    let port = format!("p{last}");
    inside(net, "hub", &["ip", "link", "add", "br1", "type", "bridge"]);
    inside(net, "hub", &["ip", "link", "set", "br1", "up"]);
    inside(net, "hub", &["ip", "link", "set", &port, "nomaster"]);
    inside(net, "hub", &["ip", "link", "set", &port, "master", "br1"]);
    let card = ["ip", "link", "add", "second", "type", "veth", "peer", "name", "eth1", "netns"];
    let mut words = card.to_vec();
    let name = place(net, middle);
    words.push(&name);
    inside(net, "hub", &words);
    inside(net, "hub", &["ip", "link", "set", "second", "master", "br1", "up"]);
    inside(net, middle, &["sysctl", "-qw", "net.ipv6.conf.eth1.accept_dad=0"]);
    inside(net, middle, &["ip", "link", "set", "eth1", "up"]);
    inside(net, middle, &["ip", "addr", "add", "10.78.0.2/24", "dev", "eth1"]);
    inside(net, last, &["ip", "addr", "flush", "dev", "eth0", "scope", "global"]);
    inside(net, last, &["ip", "addr", "add", "10.78.0.3/24", "dev", "eth0"]);
}

/// Текст туда и подтверждение обратно.
fn speak(from: &mut Client, to: &mut Client, text: &str) {
    say_words(from, &["/msg", &to.id, text]);
    let got = wait(to, json!({"event": "message", "peer": from.id, "text": text}));
    wait(from, json!({"event": "receipt", "message": got["message"], "state": "delivered"}));
}

#[test]
fn one_with_two_cards_joins_two_networks() {
    let Some(net) = net_make(&["ann", "bob", "cat"]) else { return };
    split(&net, "bob", "cat");
    let folder = tempfile::tempdir().unwrap();
    let mut ann = start(&net, folder.path(), "ann", &["--yes"]);
    let mut bob = start(&net, folder.path(), "bob", &[]);
    let mut cat = start(&net, folder.path(), "cat", &["--accept-files"]);
    for client in [&mut ann, &mut cat] {
        say(client, &format!("/add {}", bob.id));
        say(&mut bob, &format!("/add {}", client.id));
        wait(client, json!({"event": "link", "peer": bob.id, "state": "up", "path": "lan"}));
    }
    speak(&mut ann, &mut cat, "from one network to the other");
    speak(&mut cat, &mut ann, "and back");
    let up = wait(&mut ann, json!({"event": "link", "peer": cat.id, "state": "up"}));
    assert_eq!((&up["path"], &up["via"]), (&json!("third"), &json!("bob")), "{up}");
    topup(&mut ann, &cat);
    let path = file_make(folder.path(), "across.bin", 8 * MIB + 5, 3);
    offered(&mut ann, &mut cat, &path);
    arrived(&mut ann, &mut cat, &path);
}
