//! Files that were cut off between real programs: killed receivers, senders and servers, changed
//! sources, full disks. What was saved is not asked for again, and the price is paid once.
//! Прерванные файлы между настоящими программами: убитые получатели, отправители и серверы,
//! изменённые источники, полные диски. Сохранённое не просится снова, цена платится один раз.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::files::{
    BLOCK, MIB, arrived, file_make, files_left, names_in, names_settle, offered, part_grown,
    part_length, reason_is, sources, topup,
};
use common::{
    Client, World, all, client_again, client_kill, client_up, fits, forget, meet, say,
    server_again, server_kill, told, wait, world_make,
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Whom the test kills in the middle of a file.
#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Receiver,
    Sender,
    Server,
}

/// Отправитель и получатель, которые видят друг друга, и большой файл.
fn pair(size: usize, seed: u64) -> (World, Client, Client, PathBuf) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", &["--accept-files"]);
    meet(&mut ann, &mut bob);
    topup(&mut ann, &bob);
    let path = file_make(&sources(&world), "big.bin", size, seed);
    (world, ann, bob, path)
}

/// Убивает одного; живые замечают смерть.
fn kill_one(victim: Victim, world: &mut World, ann: &mut Client, bob: &mut Client) {
    forget(ann);
    forget(bob);
    match victim {
        Victim::Receiver => {
            client_kill(bob);
            let paused = wait(ann, json!({"event": "file", "state": "paused"}));
            reason_is(&paused, "peer-offline");
        }
        Victim::Sender => {
            client_kill(ann);
            let paused = wait(bob, json!({"event": "file", "state": "paused"}));
            reason_is(&paused, "peer-offline");
        }
        Victim::Server => {
            server_kill(&mut world.server);
            for client in [&mut *ann, &mut *bob] {
                let paused = wait(client, json!({"event": "file", "state": "paused"}));
                assert!(paused["reason"].as_str().unwrap().len() > 3, "{paused}");
            }
        }
    }
}

/// Запускает убитого снова.
fn revive(victim: Victim, world: &mut World, ann: &mut Client, bob: &mut Client) {
    match victim {
        Victim::Receiver => client_again(bob),
        Victim::Sender => client_again(ann),
        Victim::Server => server_again(&mut world.server),
    }
}

/// Сохранённое к мигу смерти не просится снова: кроме, может быть, последнего блока.
fn resumed_well(event: &Value, saved: usize) {
    let from = event["resumed_from"].as_u64().expect("a number") as usize;
    assert!(from > 0 && from + BLOCK >= saved, "{saved} were saved: {event}");
}

/// Передача, прерванная смертью одного, продолжается сама.
fn survives(victim: Victim, seed: u64) {
    let (mut world, mut ann, mut bob, path) = pair(96 * MIB, seed);
    let before = files_left(&mut ann, &bob.id);
    let price = (96 * MIB as u64).div_ceil(61_440);
    offered(&mut ann, &mut bob, &path);
    for over in [20 * MIB, 50 * MIB] {
        part_grown(&bob, over);
        kill_one(victim, &mut world, &mut ann, &mut bob);
        let saved = part_length(&bob);
        assert!(saved < 96 * MIB, "the transfer was too fast for this test");
        revive(victim, &mut world, &mut ann, &mut bob);
        let there = wait(&mut bob, json!({"event": "file", "state": "resumed"}));
        let here = wait(&mut ann, json!({"event": "file", "state": "resumed"}));
        resumed_well(&there, saved);
        assert_eq!(here["resumed_from"], there["resumed_from"]);
    }
    let (got, _) = arrived(&mut ann, &mut bob, &path);
    resumed_well(&got, 50 * MIB);
    assert_eq!(files_left(&mut ann, &bob.id), before - price, "the price is paid once");
    names_settle(&bob.home.join("downloads"), &["big.bin"]);
    names_settle(&ann.home.join("outgoing"), &[]);
}

#[test]
fn a_killed_receiver_goes_on() {
    survives(Victim::Receiver, 1);
}

#[test]
fn a_killed_sender_goes_on() {
    survives(Victim::Sender, 2);
}

#[test]
fn a_killed_server_goes_on() {
    survives(Victim::Server, 3);
}

#[test]
fn texts_pass_while_a_file_runs() {
    let (_world, mut ann, mut bob, path) = pair(64 * MIB, 4);
    let (a, b) = (ann.id.clone(), bob.id.clone());
    offered(&mut ann, &mut bob, &path);
    part_grown(&bob, MIB);
    say(&mut ann, &format!("/msg {b} forth"));
    say(&mut bob, &format!("/msg {a} back"));
    wait(&mut bob, json!({"event": "message", "text": "forth"}));
    wait(&mut ann, json!({"event": "message", "text": "back"}));
    arrived(&mut ann, &mut bob, &path);
}

#[test]
fn a_source_changed_in_the_pause_is_an_error_at_both_ends() {
    let (_world, mut ann, mut bob, path) = pair(64 * MIB, 5);
    offered(&mut ann, &mut bob, &path);
    part_grown(&bob, 8 * MIB);
    client_kill(&mut ann);
    wait(&mut bob, json!({"event": "file", "state": "paused"}));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[40 * MIB] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    client_again(&mut ann);
    for client in [&mut ann, &mut bob] {
        let event = wait(client, json!({"event": "file", "state": "error"}));
        reason_is(&event, "file-changed");
    }
    names_settle(&bob.home.join("downloads"), &[]);
    names_settle(&ann.home.join("outgoing"), &[]);
}

#[test]
fn a_source_gone_in_the_pause_is_an_error_at_both_ends() {
    let (_world, mut ann, mut bob, path) = pair(64 * MIB, 6);
    offered(&mut ann, &mut bob, &path);
    part_grown(&bob, 8 * MIB);
    client_kill(&mut ann);
    wait(&mut bob, json!({"event": "file", "state": "paused"}));
    std::fs::remove_file(&path).unwrap();
    client_again(&mut ann);
    for client in [&mut ann, &mut bob] {
        let event = wait(client, json!({"event": "file", "state": "error"}));
        reason_is(&event, "file-missing");
    }
    names_settle(&bob.home.join("downloads"), &[]);
}

#[test]
fn a_damaged_part_is_noticed_and_mended() {
    let (_world, mut ann, mut bob, path) = pair(64 * MIB, 7);
    offered(&mut ann, &mut bob, &path);
    part_grown(&bob, 8 * MIB);
    client_kill(&mut bob);
    // Что-то испортило последний, ещё не доказанный блок недокачанного.
    let part = bob.home.join("downloads").join("big.bin.part");
    let mut bytes = std::fs::read(&part).unwrap();
    let last = (bytes.len() - 2) / BLOCK * BLOCK;
    bytes[last + 1] ^= 1;
    std::fs::write(&part, &bytes).unwrap();
    client_again(&mut bob);
    arrived(&mut ann, &mut bob, &path);
}

#[test]
fn an_offer_not_yet_taken_survives_the_sender() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    let path = file_make(&sources(&world), "a.bin", MIB, 8);
    let transfer = offered(&mut ann, &mut bob, &path);
    let left = files_left(&mut ann, &bob.id);
    client_kill(&mut ann);
    wait(&mut bob, json!({"event": "contact", "id": ann.id, "state": "offline"}));
    say(&mut bob, &format!("/take {transfer}"));
    client_again(&mut ann);
    arrived(&mut ann, &mut bob, &path);
    assert_eq!(all(&mut bob, json!({"event": "offer"})).len(), 1, "{}", told(&bob));
    assert_eq!(files_left(&mut ann, &bob.id), left, "the price is paid once");
}

#[test]
fn an_offer_waits_for_who_is_away() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", &["--accept-files"]);
    meet(&mut ann, &mut bob);
    client_kill(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": bob.id, "state": "offline"}));
    let path = file_make(&sources(&world), "a.bin", 3 * MIB, 9);
    let words = path.display().to_string();
    common::say_words(&mut ann, &["/send", &bob.id, &words]);
    wait(&mut ann, json!({"event": "file", "state": "offered"}));
    let since = std::time::Instant::now();
    while names_in(&ann.home.join("outgoing")).is_empty() {
        assert!(common::waiting(since), "the offer is not kept\n{}", told(&ann));
    }
    client_kill(&mut ann);
    client_again(&mut bob);
    client_again(&mut ann);
    arrived(&mut ann, &mut bob, &path);
}

/// A small disk under a folder, taken away at the end.
#[cfg(target_os = "linux")]
struct SmallDisk {
    folder: PathBuf,
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    /// Снимает диск, даже если испытание не прошло.
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

/// Команда mount; `false` — не позволено.
#[cfg(target_os = "linux")]
fn mount(options: &str, folder: &std::path::Path) -> bool {
    let mut command = std::process::Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder);
    command.stderr(std::process::Stdio::null());
    match command.status() {
        Ok(status) => status.success(),
        Err(_) => false,
    }
}

/// Полный диск у получателя: пауза с причиной у обоих, место освободили — /take довершает.
/// `midway` — место кончается посреди передачи, а не до неё.
#[cfg(target_os = "linux")]
fn full_disk(midway: bool) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", &[]);
    let folder = bob.home.join("downloads");
    let size = if midway { "size=128m" } else { "size=8m" };
    if !mount(size, &folder) {
        println!("skipped: mounting a small disk is not permitted here");
        return;
    }
    let _disk = SmallDisk { folder: folder.clone() };
    meet(&mut ann, &mut bob);
    topup(&mut ann, &bob);
    let bytes = if midway { 96 * MIB } else { 12 * MIB };
    let path = file_make(&sources(&world), "a.bin", bytes, 10);
    let transfer = offered(&mut ann, &mut bob, &path);
    say(&mut bob, &format!("/take {transfer}"));
    if midway {
        part_grown(&bob, MIB);
        let ballast = vec![0u8; 60 * MIB];
        let _ = std::fs::write(folder.join("ballast"), ballast);
    }
    for client in [&mut bob, &mut ann] {
        let event = wait(client, json!({"event": "file", "state": "paused"}));
        reason_is(&event, "disk-full");
    }
    // Остальное живёт: тексты ходят.
    let b = bob.id.clone();
    say(&mut ann, &format!("/msg {b} still here"));
    wait(&mut bob, json!({"event": "message", "text": "still here"}));
    if midway {
        std::fs::remove_file(folder.join("ballast")).unwrap();
    } else {
        assert!(mount("remount,size=64m", &folder), "remount");
    }
    say(&mut bob, &format!("/take {transfer}"));
    let (got, _) = arrived(&mut ann, &mut bob, &path);
    assert!(fits(&got, &json!({"transfer": transfer})), "{got}");
    assert_eq!(names_in(&folder), ["a.bin"]);
    common::input_end(&mut bob);
    assert_eq!(common::exit_code(&mut bob), 0, "{}", told(&bob));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_pauses_and_take_goes_on() {
    full_disk(false);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_midway_pauses_and_take_goes_on() {
    full_disk(true);
}
