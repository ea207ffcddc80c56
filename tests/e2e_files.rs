//! Files between real programs: taken, refused, cancelled, of every awkward size and name.
//! Файлы между настоящими программами: взятые, отвергнутые, отменённые, любых неудобных размеров
//! и имён.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::files::{
    BLOCK, MIB, arrived, file_make, files_left, names_in, names_settle, offered, part_grown,
    reason_is, sources, topup,
};
use common::{
    Client, World, all, client_up, exit_code, fits, forget, input_end, meet, say, say_words, told,
    wait, world_make,
};
use serde_json::json;
use std::path::Path;

/// Отправитель и получатель, которые видят друг друга.
fn pair(takes_all: bool) -> (World, Client, Client) {
    let world = world_make();
    let options: &[&str] = if takes_all { &["--accept-files"] } else { &[] };
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", options);
    meet(&mut ann, &mut bob);
    (world, ann, bob)
}

#[test]
fn a_file_is_taken_by_hand() {
    let (world, mut ann, mut bob) = pair(false);
    let path = file_make(&sources(&world), "отчёт 1.bin", 12 * MIB + 77, 1);
    let before = files_left(&mut ann, &bob.id);
    let transfer = offered(&mut ann, &mut bob, &path);
    let asked = all(&mut ann, json!({"event": "confirm"}));
    let price = (12 * MIB as u64 + 77).div_ceil(61_440);
    assert!(fits(&asked[0], &json!({"packets": price})), "{asked:?}");
    say(&mut bob, &format!("/take {transfer}"));
    wait(&mut bob, json!({"event": "file", "state": "started", "transfer": transfer}));
    let (got, _) = arrived(&mut ann, &mut bob, &path);
    assert!(fits(&got, &json!({"name": "отчёт 1.bin", "resumed_from": 0})), "{got}");
    assert!(got["seconds"].as_f64().unwrap() > 0.0 && got["rate"].as_u64().unwrap() > 0, "{got}");
    assert_eq!(files_left(&mut ann, &bob.id), before - price);
    names_settle(&bob.home.join("downloads"), &["отчёт 1.bin"]);
    names_settle(&ann.home.join("outgoing"), &[]);
    say(&mut bob, "/files");
    wait(&mut bob, json!({"event": "info", "code": "files-none"}));
}

#[test]
fn a_refused_file_is_refused_at_both_ends() {
    let (world, mut ann, mut bob) = pair(false);
    let path = file_make(&sources(&world), "a.bin", 5 * MIB, 2);
    let transfer = offered(&mut ann, &mut bob, &path);
    say(&mut bob, &format!("/refuse {transfer}"));
    for client in [&mut ann, &mut bob] {
        let event = wait(client, json!({"event": "file", "state": "refused"}));
        reason_is(&event, "refused");
    }
    names_settle(&ann.home.join("outgoing"), &[]);
    assert_eq!(names_in(&bob.home.join("downloads")).len(), 0);
    say(&mut bob, &format!("/take {transfer}"));
    wait(&mut bob, json!({"event": "error", "code": "transfer-unknown"}));
}

/// Отмена посреди передачи: `by_sender` — кто отменяет.
fn cancelled_midway(by_sender: bool) {
    let (world, mut ann, mut bob) = pair(true);
    topup(&mut ann, &bob);
    let path = file_make(&sources(&world), "big.bin", 64 * MIB, 3);
    let theirs = offered(&mut ann, &mut bob, &path);
    let own = wait(&mut ann, json!({"event": "file", "state": "offered"}));
    part_grown(&bob, MIB);
    if by_sender {
        say(&mut ann, &format!("/cancel {}", own["transfer"]));
    } else {
        say(&mut bob, &format!("/cancel {theirs}"));
    }
    for client in [&mut ann, &mut bob] {
        let event = wait(client, json!({"event": "file", "state": "cancelled"}));
        reason_is(&event, "cancelled");
    }
    names_settle(&bob.home.join("downloads"), &[]);
    names_settle(&ann.home.join("outgoing"), &[]);
    // Отменённое не мешает следующему.
    let small = file_make(&sources(&world), "small.bin", 100, 4);
    offered(&mut ann, &mut bob, &small);
    arrived(&mut ann, &mut bob, &small);
    for client in [&mut ann, &mut bob] {
        assert_eq!(all(client, json!({"event": "error"})).len(), 0, "{}", told(client));
    }
    names_settle(&bob.home.join("downloads"), &["small.bin"]);
}

#[test]
fn the_sender_cancels_midway() {
    cancelled_midway(true);
}

#[test]
fn the_receiver_cancels_midway() {
    cancelled_midway(false);
}

#[test]
fn an_offer_is_cancelled_before_it_is_taken() {
    let (world, mut ann, mut bob) = pair(false);
    let path = file_make(&sources(&world), "a.bin", 70_000, 5);
    offered(&mut ann, &mut bob, &path);
    let own = wait(&mut ann, json!({"event": "file", "state": "offered"}));
    say(&mut ann, &format!("/cancel {}", own["transfer"]));
    wait(&mut bob, json!({"event": "file", "state": "cancelled"}));
    wait(&mut ann, json!({"event": "file", "state": "cancelled"}));
}

#[test]
fn awkward_sizes_arrive() {
    let (world, mut ann, mut bob) = pair(true);
    let folder = sources(&world);
    let sizes =
        [0, 1, 61_439, 61_440, 61_441, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 61_441];
    topup(&mut ann, &bob);
    for size in sizes {
        let path = file_make(&folder, &format!("size {size}"), size, size as u64 + 9);
        let before = files_left(&mut ann, &bob.id);
        offered(&mut ann, &mut bob, &path);
        arrived(&mut ann, &mut bob, &path);
        let price = u64::max(1, (size as u64).div_ceil(61_440));
        assert_eq!(files_left(&mut ann, &bob.id), before - price, "{size}");
    }
    assert_eq!(names_in(&bob.home.join("downloads")).len(), sizes.len());
}

#[test]
fn many_files_at_once_all_arrive() {
    let (world, mut ann, mut bob) = pair(true);
    let folder = sources(&world);
    let mut wanted = Vec::new();
    for number in 0..12 {
        let name = format!("{number:02}.bin");
        let path = file_make(&folder, &name, 2 * MIB + number * 1000, number as u64);
        say_words(&mut ann, &["/send", &bob.id, &path.display().to_string()]);
        wanted.push((name, path));
    }
    for _ in 0..wanted.len() {
        wait(&mut bob, json!({"event": "file", "state": "done"}));
        wait(&mut ann, json!({"event": "file", "state": "done"}));
    }
    for (name, path) in &wanted {
        let got = bob.home.join("downloads").join(name);
        assert!(common::files::files_same(path, &got), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn awkward_names_stay_inside_the_folder() {
    let (world, mut ann, mut bob) = pair(true);
    let folder = sources(&world);
    let names = [
        "..\\..\\up",
        "a\nb\tc\u{7f}.txt",
        "CON",
        "nul.txt",
        "com1.tar.gz",
        ".hidden",
        " edges . ",
        "x:stream",
        "\u{202e}gpj.exe",
        "..",
        "a*?\"<>|b",
        "имя 汉字 🦔.txt",
    ];
    let mut sent = 0;
    for name in names {
        if name == ".." {
            continue;
        }
        let path = file_make(&folder, name, 10 + sent, sent as u64);
        offered(&mut ann, &mut bob, &path);
        let (got, _) = arrived(&mut ann, &mut bob, &path);
        let place = got["path"].as_str().unwrap();
        let own = place.rsplit('/').next().unwrap();
        let edges = own.starts_with(['.', ' ']) || own.ends_with(['.', ' ']);
        assert!(!edges && !own.contains(['\\', ':', '*', '?', '"', '<', '>', '|']), "{own:?}");
        for letter in own.chars() {
            assert!(!letter.is_control() && letter != '\u{202e}', "{own:?}");
        }
        let stem = own.split('.').next().unwrap().to_ascii_lowercase();
        assert!(!["con", "nul", "com1"].contains(&stem.as_str()), "{own:?}");
        sent += 1;
    }
    assert_eq!(names_in(&bob.home.join("downloads")).len(), sent);
    // Очень длинное имя: 255 байт исходного файла не мешают .part и журналу.
    let long = format!("{}.txt", "я".repeat(125));
    let path = file_make(&folder, &long, 33, 99);
    offered(&mut ann, &mut bob, &path);
    arrived(&mut ann, &mut bob, &path);
}

#[test]
fn the_same_name_twice_is_numbered() {
    let (world, mut ann, mut bob) = pair(true);
    let folder = sources(&world);
    for (number, place) in ["r.tar.gz", "r.tar (1).gz", "r.tar (2).gz"].iter().enumerate() {
        let path = file_make(&folder, "r.tar.gz", 70_000 + number, number as u64);
        offered(&mut ann, &mut bob, &path);
        let (got, _) = arrived(&mut ann, &mut bob, &path);
        assert!(Path::new(got["path"].as_str().unwrap()).ends_with(place), "{got}");
    }
}

#[test]
fn wrong_sources_are_told_once_and_cost_nothing() {
    let (world, mut ann, mut bob) = pair(true);
    let (b, folder) = (bob.id.clone(), sources(&world));
    let before = files_left(&mut ann, &b);
    for path in [folder.join("no such file"), folder.clone()] {
        forget(&mut ann);
        say_words(&mut ann, &["/send", &b, &path.display().to_string()]);
        let error = wait(&mut ann, json!({"event": "error", "code": "file-missing"}));
        let name = path.display().to_string();
        assert!(error["text"].as_str().unwrap().contains(&name), "{error}");
        assert_eq!(files_left(&mut ann, &b), before);
    }
    say(&mut ann, &format!("/msg {b} still here"));
    wait(&mut bob, json!({"event": "message", "text": "still here"}));
    assert_eq!(all(&mut ann, json!({"event": "error"})).len(), 2, "{}", told(&ann));
    assert_eq!(all(&mut bob, json!({"event": "offer"})).len(), 0, "{}", told(&bob));
}

#[test]
fn a_file_budget_too_low_names_what_is_missing() {
    let (world, mut ann, mut bob) = pair(true);
    let path = file_make(&sources(&world), "a.bin", 70 * MIB, 7);
    let price = (70 * MIB as u64).div_ceil(61_440);
    say_words(&mut ann, &["/send", &bob.id, &path.display().to_string()]);
    let error = wait(&mut ann, json!({"event": "error", "code": "budget-files"}));
    for number in [price, 1000, price - 1000] {
        assert!(error["text"].as_str().unwrap().contains(&number.to_string()), "{error}");
    }
    assert_eq!(files_left(&mut ann, &bob.id), 1000);
    say(&mut ann, &format!("/topup {} files {}", bob.id, price - 1000));
    offered(&mut ann, &mut bob, &path);
    arrived(&mut ann, &mut bob, &path);
    assert_eq!(files_left(&mut ann, &bob.id), 0);
}

#[test]
fn a_question_about_a_file_is_answered_no() {
    let (world, mut ann, mut bob) = pair(true);
    let path = file_make(&sources(&world), "a.bin", MIB, 8);
    // Без --yes вопрос ждёт человека.
    let b = bob.id.clone();
    say(&mut bob, &format!("/add {}", ann.id));
    let a = ann.id.clone();
    say_words(&mut bob, &["/send", &a, &path.display().to_string()]);
    wait(&mut bob, json!({"event": "confirm", "packets": 18}));
    say(&mut bob, "/no");
    assert_eq!(files_left(&mut bob, &a), 1000);
    names_settle(&bob.home.join("outgoing"), &[]);
    say(&mut bob, "/yes");
    wait(&mut bob, json!({"event": "error", "code": "question-unknown"}));
    say(&mut ann, &format!("/msg {b} ok"));
    wait(&mut bob, json!({"event": "message", "text": "ok"}));
    assert_eq!(all(&mut ann, json!({"event": "offer"})).len(), 0, "{}", told(&ann));
}

#[test]
fn the_end_of_input_waits_for_a_file_that_is_taken() {
    let (world, mut ann, mut bob) = pair(true);
    let path = file_make(&sources(&world), "a.bin", 20 * MIB, 10);
    say_words(&mut ann, &["/send", &bob.id, &path.display().to_string()]);
    input_end(&mut ann);
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    let done = all(&mut ann, json!({"event": "file", "state": "done"}));
    assert_eq!(done.len(), 1, "left too early\n{}", told(&ann));
    wait(&mut bob, json!({"event": "file", "state": "done"}));
}

#[test]
fn files_cross_each_other() {
    let (world, mut ann, mut bob) = pair(true);
    let folder = sources(&world);
    let (a, b) = (ann.id.clone(), bob.id.clone());
    let one = file_make(&folder, "one.bin", 30 * MIB, 11);
    let other = file_make(&folder, "other.bin", 30 * MIB, 12);
    say(&mut ann, "/set accept_files on");
    wait(&mut ann, json!({"event": "info", "code": "setting-set"}));
    say_words(&mut ann, &["/send", &b, &one.display().to_string()]);
    say_words(&mut bob, &["/send", &a, &other.display().to_string()]);
    wait(&mut bob, json!({"event": "confirm"}));
    say(&mut bob, "/yes");
    arrived(&mut ann, &mut bob, &one);
    arrived(&mut bob, &mut ann, &other);
}

#[test]
fn a_received_file_is_never_taken_for_a_journal() {
    let (world, mut ann, mut bob) = pair(true);
    let folder = sources(&world);
    for name in ["evil.part.journal", "evil.journal", "evil.PART"] {
        let path = file_make(&folder, name, 5000, 12);
        say_words(&mut ann, &["/send", &bob.id, &path.display().to_string()]);
        let done = wait(&mut bob, json!({"event": "file", "state": "done", "name": name}));
        let place = done["path"].as_str().unwrap();
        assert!(place.ends_with(&format!("{name}_")), "{place}");
    }
}
