//! Ten transfers through the server, each with a `kill -9` of sender, receiver or server at a
//! random moment: all end identical, and nothing that was saved is asked for again.
//! Десять передач через сервер, в каждой `kill -9` отправителя, получателя или сервера в случайный
//! миг: все кончаются одинаково, и ничего сохранённого не просят снова.
//!
//! `cargo test --release --test kill_soak -- --ignored --nocapture`; size: SUPERTEXT_SOAK_MIB.

#![allow(clippy::expect_used)]

mod common;

use std::path::PathBuf;

use common::files::{MIB, arrived, file_make, offered, part_grown, sources, topup};
use common::{
    Client, World, client_again, client_kill, client_up, forget, say, server_again, server_kill,
    wait, world_make,
};
use serde_json::{Value, json};

/// Bytes of one file packet.
const PACKET: u64 = 61_440;
/// Packets that may be in flight: the credit window.
const WINDOW: u64 = 64;

/// Следующее случайное число (splitmix64).
fn random_next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Сколько пакетов записано по журналу недокачанного (8 байт после 4096).
fn journal_saved(client: &Client) -> u64 {
    let folder = std::fs::read_dir(client.home.join("downloads")).expect("downloads");
    for entry in folder.flatten() {
        let path: PathBuf = entry.path();
        if path.extension() == Some(std::ffi::OsStr::new("journal")) {
            let bytes = std::fs::read(&path).expect("the journal");
            let mut number = [0u8; 8];
            number.copy_from_slice(&bytes[4096..4104]);
            return u64::from_be_bytes(number);
        }
    }
    0
}

/// Один прогон: отправить, убить, дождаться конца.
fn run_one(run: u64, size: usize, state: &mut u64) {
    let mut world: World = world_make();
    let folder = sources(&world);
    let source = file_make(&folder, "big.bin", size, run + 1);
    let mut sender = client_up(&world, "sender", &["--yes"]);
    let mut receiver = client_up(&world, "receiver", &[]);
    topup(&mut sender, &receiver);
    let transfer = offered(&mut sender, &mut receiver, &source);
    say(&mut receiver, &format!("/take {transfer}"));
    wait(&mut receiver, json!({"event": "file", "state": "started"}));
    let part = 5 + random_next(state) % 85;
    part_grown(&receiver, size / 100 * part as usize);
    let victim = random_next(state) % 3;
    forget(&mut receiver);
    let before: u64;
    match victim {
        0 => {
            client_kill(&mut sender);
            let paused = wait(&mut receiver, json!({"event": "file", "state": "paused"}));
            before = paused["bytes"].as_u64().expect("bytes");
            client_again(&mut sender);
        }
        1 => {
            client_kill(&mut receiver);
            before = journal_saved(&receiver) * PACKET;
            client_again(&mut receiver);
        }
        _ => {
            server_kill(&mut world.server);
            let paused = wait(&mut receiver, json!({"event": "file", "state": "paused"}));
            before = paused["bytes"].as_u64().expect("bytes");
            server_again(&mut world.server);
        }
    }
    let resumed: Value = wait(&mut receiver, json!({"event": "file", "state": "resumed"}));
    let from = resumed["resumed_from"].as_u64().expect("resumed_from");
    assert!(from >= before, "run {run}: {from} < {before}: saved packets are asked for again");
    if victim == 1 {
        assert_eq!(from, before, "run {run}: the journal says where to go on");
    }
    assert!(from - before <= WINDOW * PACKET, "run {run}: {from} is far beyond {before}");
    arrived(&mut sender, &mut receiver, &source);
    let who = ["sender", "receiver", "server"][victim as usize];
    println!("run {run}: killed the {who} at {part} %, went on from {from}, identical");
}

/// Десять прогонов.
#[test]
#[ignore = "ten gigabytes; ./build.sh soak runs it"]
fn ten_kills_end_identical() {
    let mib = match std::env::var("SUPERTEXT_SOAK_MIB") {
        Ok(text) => text.parse::<usize>().expect("a number"),
        Err(_) => 1024,
    };
    let mut state = u64::from(std::process::id());
    println!("seed {state}, {mib} MiB");
    for run in 0..10 {
        run_one(run, mib * MIB, &mut state);
    }
}
