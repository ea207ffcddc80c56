//! Real clients in awkward moments: relative paths and FIFOs, keys put aside, ends of input,
//! people removed and taken again, torn and empty files, a home folder restored from a copy.
//! Настоящие клиенты в неудобные мгновения: относительные пути и каналы, отставленные ключи,
//! концы ввода, удалённые и возвращённые люди, оборванные и пустые файлы, папка из копии.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use common::files::{MIB, file_make, files_same, offered, part_grown, proof_of_file, sources};
use common::{
    Client, Guard, World, all, client_again, client_command, client_kill, client_start_at,
    client_up, exit_code, forget, input_end, meet, program, run_whole, say, say_words,
    server_again, server_kill, told, wait, waiting, world_make,
};
use serde_json::{Value, json};
use supertext::base::ids::id_parse;
use supertext::store::finished::finished_read;
use supertext::store::registered::registered_read;

/// Двое, которые видят друг друга.
fn pair(first: &[&str], second: &[&str]) -> (World, Client, Client) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", first);
    let mut bob = client_up(&world, "Bob", second);
    meet(&mut ann, &mut bob);
    (world, ann, bob)
}

/// Текст доходит и подтверждается.
fn passes(from: &mut Client, to: &mut Client, text: &str) {
    say(from, &format!("/msg {} {text}", to.id));
    wait(to, json!({"event": "message", "outgoing": false, "text": text}));
    wait(from, json!({"event": "receipt", "state": "delivered"}));
}

/// Текст дольше одного пакета: о нём спросят.
fn long_text() -> String {
    "x".repeat(10_000)
}

#[cfg(unix)]
#[test]
fn a_fifo_is_no_file_and_stops_nothing() {
    let (world, mut ann, mut bob) = pair(&["--yes"], &["--accept-files"]);
    let folder = sources(&world);
    let fifo = folder.join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let path = file_make(&folder, "after.bin", 100_000, 1);
    for wrong in [fifo.as_path(), Path::new("/dev/null")] {
        say_words(&mut ann, &["/send", &bob.id, &wrong.display().to_string()]);
        wait(&mut ann, json!({"event": "error", "code": "file-missing"}));
    }
    say_words(&mut ann, &["/send", &bob.id, &path.display().to_string()]);
    wait(&mut bob, json!({"event": "file", "state": "done", "name": "after.bin"}));
}

/// Запускает отправителя в этой текущей папке; что он говорит, испытанию не нужно.
fn sender_in(world: &World, home: &Path, place: &Path) -> (Guard, ChildStdin) {
    let mut command = client_command(home);
    command.args(["--server", &world.server.join, "--name", "Ann", "--yes"]).current_dir(place);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut guard = Guard { child: command.spawn().unwrap() };
    let stdin = guard.child.stdin.take().unwrap();
    (guard, stdin)
}

#[test]
fn a_relative_path_goes_on_from_another_folder() {
    let world = world_make();
    let mut bob = client_up(&world, "Bob", &["--accept-files"]);
    let (one, other) = (sources(&world), world.folder.path().join("other"));
    std::fs::create_dir_all(&other).unwrap();
    let path = file_make(&one, "big.bin", 96 * MIB, 2);
    let home = world.folder.path().join("Ann");
    let (mut guard, mut stdin) = sender_in(&world, &home, &one);
    stdin.write_all(format!("/topup {} files 100000\n", bob.id).as_bytes()).unwrap();
    stdin.write_all(format!("/send {} big.bin\n", bob.id).as_bytes()).unwrap();
    part_grown(&bob, 20 * MIB);
    guard.child.kill().unwrap();
    wait(&mut bob, json!({"event": "file", "state": "paused"}));
    let (_guard, _stdin) = sender_in(&world, &home, &other);
    wait(&mut bob, json!({"event": "file", "state": "resumed"}));
    let done = wait(&mut bob, json!({"event": "file", "state": "done"}));
    assert_eq!(done["blake3"], json!(proof_of_file(&path)), "{done}");
    assert!(files_same(&path, Path::new(done["path"].as_str().unwrap())));
}

/// `supertext id` с этой папкой; возвращает ключ из неё.
fn id_key(home: &Path, new: bool) -> String {
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(["id", "--json", "--home"]).arg(home);
    if new {
        command.arg("--new");
    }
    let (code, _, words) = run_whole(command);
    assert_eq!(code, 0, "{words}");
    std::fs::read_to_string(home.join("cert").join("client.key")).unwrap()
}

#[test]
fn every_key_put_aside_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let keys = [id_key(&home, false), id_key(&home, true), id_key(&home, true)];
    id_key(&home, true);
    let mut kept = Vec::new();
    for entry in std::fs::read_dir(home.join("cert")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("client.key.old") {
            kept.push(std::fs::read_to_string(&path).unwrap());
        }
    }
    assert_eq!(kept.len(), 3);
    for key in &keys {
        assert!(kept.contains(key), "a key is lost");
    }
}

/// Ввод кончился при открытом вопросе: клиент уходит сразу, с кодом 1, назвав вопрос.
fn ends_with_question(ann: &mut Client) {
    let asked = wait(ann, json!({"event": "confirm"}));
    let since = Instant::now();
    input_end(ann);
    assert_eq!(exit_code(ann), 1, "{}", told(ann));
    assert!(since.elapsed() < Duration::from_secs(20), "{}", told(ann));
    let error = wait(ann, json!({"event": "error", "code": "unsent"}));
    let named = format!("Bob: ? {}", asked["token"].as_str().unwrap());
    assert!(error["text"].as_str().unwrap().contains(&named), "{error}");
}

#[test]
fn the_end_of_input_does_not_wait_for_an_answer() {
    let (world, mut ann, bob) = pair(&[], &[]);
    say(&mut ann, &format!("/rename {} Bob", bob.id));
    say(&mut ann, &format!("/msg {} {}", bob.id, long_text()));
    ends_with_question(&mut ann);
    client_again(&mut ann);
    wait(&mut ann, json!({"event": "contact", "id": bob.id, "state": "online"}));
    let path = file_make(&sources(&world), "a.bin", 100_000, 3);
    say_words(&mut ann, &["/send", &bob.id, &path.display().to_string()]);
    ends_with_question(&mut ann);
}

/// Строка без команды доходит как текст.
fn typed(from: &mut Client, to: &mut Client, line: &str) {
    say(from, line);
    wait(to, json!({"event": "message", "outgoing": false, "text": line}));
    wait(from, json!({"event": "receipt", "state": "delivered"}));
}

#[test]
fn words_of_old_are_text_in_a_chosen_chat() {
    let (world, mut ann, mut bob) = pair(&[], &[]);
    say(&mut ann, &format!("/to {}", bob.id));
    for word in ["exit", "help", "listpeer"] {
        typed(&mut ann, &mut bob, word);
    }
    // Чат закрыт — слова снова команды.
    say(&mut ann, "/to");
    wait(&mut ann, json!({"event": "info", "code": "chat-closed"}));
    say(&mut ann, "exit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    // Чат, выбранный с самого начала.
    let home = world.folder.path().join("Ann");
    let to = bob.id.clone();
    let mut ann = client_start_at(&home, &world.server.join, "Ann", &["--to", &to]);
    typed(&mut ann, &mut bob, "exit network");
}

#[test]
fn a_chat_chosen_by_json_words_is_chosen() {
    let (_world, mut ann, mut bob) = pair(&[], &[]);
    let b = bob.id.clone();
    say_words(&mut ann, &["/to", &b]);
    typed(&mut ann, &mut bob, "exit");
}

#[test]
fn without_a_chat_exit_leaves() {
    let (_world, mut ann, _bob) = pair(&[], &[]);
    say(&mut ann, "exit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
}

#[test]
fn a_choice_that_failed_is_no_choice() {
    let (_world, mut ann, _bob) = pair(&[], &[]);
    say(&mut ann, "/to Nobody");
    wait(&mut ann, json!({"event": "error", "code": "contact-unknown"}));
    say(&mut ann, "exit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
}

#[test]
fn a_person_removed_and_added_again_is_online() {
    let (_world, mut ann, mut bob) = pair(&[], &[]);
    let b = bob.id.clone();
    say(&mut ann, &format!("/remove {b}"));
    wait(&mut ann, json!({"event": "info", "code": "contact-removed"}));
    forget(&mut ann);
    say(&mut ann, &format!("/add {b}"));
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "online"}));
    passes(&mut ann, &mut bob, "here again");
}

#[test]
fn a_person_blocked_and_added_again_is_online() {
    let (_world, mut ann, mut bob) = pair(&[], &[]);
    let b = bob.id.clone();
    say(&mut ann, &format!("/block {b}"));
    wait(&mut ann, json!({"event": "contact", "id": b, "blocked": true}));
    // Ушёл и вернулся, пока был закрыт; о возвращении закрытого не сказано ничего.
    client_kill(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "offline"}));
    client_again(&mut bob);
    wait(&mut bob, json!({"event": "link", "state": "up"}));
    forget(&mut ann);
    say(&mut ann, &format!("/add {b}"));
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "online", "blocked": false}));
    passes(&mut ann, &mut bob, "here again");
    // То же, когда запуск уже застал его закрытым и о нём не спрашивал.
    say(&mut ann, &format!("/block {b}"));
    wait(&mut ann, json!({"event": "contact", "id": b, "blocked": true}));
    client_kill(&mut ann);
    client_again(&mut ann);
    wait(&mut ann, json!({"event": "link", "state": "up"}));
    say(&mut ann, &format!("/add {b}"));
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "online", "blocked": false}));
    passes(&mut bob, &mut ann, "and back");
}

#[test]
fn a_question_answered_after_a_block_is_refused() {
    let (_world, mut ann, mut bob) = pair(&[], &[]);
    let b = bob.id.clone();
    say(&mut ann, &format!("/msg {b} {}", long_text()));
    wait(&mut ann, json!({"event": "confirm"}));
    say(&mut ann, &format!("/block {b}"));
    say(&mut ann, "/yes");
    wait(&mut ann, json!({"event": "error", "code": "blocked"}));
    say(&mut ann, &format!("/limits {b}"));
    wait(&mut ann, json!({"event": "limits", "peer": b, "messages": 1000}));
    say(&mut ann, &format!("/add {b}"));
    passes(&mut ann, &mut bob, "only this");
    let got = all(&mut bob, json!({"event": "message"}));
    assert_eq!(got.len(), 1, "{}", told(&bob));
}

/// Дописывает в файл оборванную строку.
fn tear(path: &Path, torn: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(torn.as_bytes()).unwrap();
}

#[test]
fn a_torn_line_of_registered_swallows_nobody() {
    let (mut world, ann, bob) = pair(&[], &[]);
    server_kill(&mut world.server);
    let path = world.server.home.join("registered.txt");
    tear(&path, "0123456789012 00ff");
    server_again(&mut world.server);
    let carl = client_up(&world, "Carl", &[]);
    let since = Instant::now();
    loop {
        let known = registered_read(&path).unwrap();
        if known.contains_key(&id_parse(&carl.id).unwrap()) {
            assert_eq!(known.len(), 3);
            assert!(known.contains_key(&id_parse(&ann.id).unwrap()));
            assert!(known.contains_key(&id_parse(&bob.id).unwrap()));
            return;
        }
        assert!(waiting(since), "{}", std::fs::read_to_string(&path).unwrap());
    }
}

#[test]
fn a_torn_line_of_finished_swallows_nothing() {
    let (world, mut ann, mut bob) = pair(&["--yes"], &["--accept-files"]);
    let path = bob.home.join("finished.txt");
    let folder = sources(&world);
    for number in 1..=2 {
        tear(&path, "00ff00ff");
        let file = file_make(&folder, &format!("{number}.bin"), 70_000, number);
        offered(&mut ann, &mut bob, &file);
        wait(&mut bob, json!({"event": "file", "state": "done"}));
        assert_eq!(finished_read(&path).unwrap().len(), number as usize);
    }
}

#[test]
fn empty_files_after_a_power_loss_are_no_damage() {
    let (_world, mut ann, mut bob) = pair(&[], &[]);
    let b = bob.id.clone();
    passes(&mut ann, &mut bob, "before");
    client_kill(&mut ann);
    for name in ["settings.json", "contacts.json", "finished.txt"] {
        File::create(ann.home.join(name)).unwrap();
    }
    client_again(&mut ann);
    wait(&mut ann, json!({"event": "link", "state": "up"}));
    say(&mut ann, &format!("/add {b}"));
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "online"}));
    passes(&mut ann, &mut bob, "after");
    assert_eq!(all(&mut ann, json!({"event": "error"})), Vec::<Value>::new(), "{}", told(&ann));
}

/// Копирует папку целиком.
fn folder_copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            folder_copy(&path, &place);
        } else {
            std::fs::copy(&path, &place).unwrap();
        }
    }
}

#[test]
fn a_home_restored_from_a_copy_loses_no_message() {
    let (world, mut ann, mut bob) = pair(&[], &[]);
    passes(&mut ann, &mut bob, "first");
    // В копии остаётся сообщение, которое ещё ждёт.
    client_kill(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": bob.id, "state": "offline"}));
    forget(&mut ann);
    say(&mut ann, &format!("/msg {} waiting", bob.id));
    wait(&mut ann, json!({"event": "receipt", "state": "queued"}));
    client_kill(&mut ann);
    let copy = world.folder.path().join("copy");
    folder_copy(&ann.home, &copy);
    client_again(&mut bob);
    client_again(&mut ann);
    wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    wait(&mut bob, json!({"event": "message", "text": "waiting"}));
    for number in 0..20 {
        passes(&mut ann, &mut bob, &format!("later {number}"));
    }
    client_kill(&mut ann);
    folder_copy(&copy, &ann.home);
    client_again(&mut ann);
    // Ждавшее в копии у получателя уже есть: подтвердится, но не покажется снова.
    wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    // «Доставлено» — только после показа: без получателя его нет.
    client_kill(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": bob.id, "state": "offline"}));
    for number in 0..5 {
        say(&mut ann, &format!("/msg {} new {number}", bob.id));
        wait(&mut ann, json!({"event": "receipt", "state": "queued"}));
    }
    assert_eq!(all(&mut ann, json!({"event": "receipt", "state": "delivered"})).len(), 1);
    client_again(&mut bob);
    for number in 0..5 {
        wait(&mut bob, json!({"event": "message", "text": format!("new {number}")}));
        wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    }
    passes(&mut ann, &mut bob, "last");
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 6, "{}", told(&bob));
}
