//! A full disk: the user hears it once, nothing promised is lost, and when there is room again
//! everything goes on by itself; on a client and on the server.
//! Полный диск: человек слышит о нём один раз, обещанное не пропадает, а когда место есть, всё
//! идёт дальше само; у клиента и у сервера.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{
    Client, Guard, World, all, client_command, client_kill, client_run, client_up, forget, meet,
    meet_only, outbox_settle, program, say, say_words, server_command, take, text_of, told, wait,
    waiting, world_make,
};
use serde_json::json;

/// Over this many retries of the program nothing may be told again.
const QUIET: Duration = Duration::from_secs(12);
/// Room on the small disk.
const ROOM: &str = "size=48m";

/// A small disk in a mount namespace of its own; it is gone with the process that holds it.
struct Disk {
    guard: Guard,
    /// Where it is mounted, for programs inside.
    place: PathBuf,
    /// The same folder as seen from outside.
    seen: PathBuf,
}

/// Маленький диск. `None` — здесь их не бывает, о чём сказано.
fn disk_make(folder: &Path, name: &str) -> Option<Disk> {
    let place = folder.join(name);
    std::fs::create_dir(&place).unwrap();
    let mut command = program("unshare");
    let line = "mount -t tmpfs -o \"$1\" small \"$0\" && touch \"$0/.there\" && exec sleep 1000";
    command.args(["-m", "sh", "-c", line]).arg(&place).arg(ROOM);
    let mut guard = Guard { child: command.spawn().unwrap() };
    let seen = PathBuf::from(format!("/proc/{}/root{}", guard.child.id(), place.display()));
    let since = Instant::now();
    while !seen.join(".there").exists() {
        if guard.child.try_wait().unwrap().is_some() {
            println!("SKIPPED: no mount namespaces on this machine");
            return None;
        }
        assert!(waiting(since), "no small disk");
    }
    Some(Disk { guard, place, seen })
}

/// Та же команда, но видит маленький диск.
fn inside(disk: &Disk, command: &Command) -> Command {
    let mut outer = program("nsenter");
    outer.args(["-m", "-t", &disk.guard.child.id().to_string()]);
    outer.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            outer.env(name, value);
        }
    }
    outer
}

/// Клиент, чья папка лежит на этом диске.
fn client_on(disk: &Disk, join: &str, name: &str) -> Client {
    let home = disk.place.join("home");
    let command = inside(disk, &client_command(&home));
    let mut client = client_run(command, &disk.place.with_extension("x"), join, name, Vec::new());
    client.home = disk.seen.join("home");
    wait(&mut client, json!({"event": "link", "state": "up"}));
    client
}

/// Занимает на диске всё до последнего байта.
fn fill(disk: &Disk) {
    let mut file = std::fs::File::create(disk.seen.join("fill")).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        let piece = vec![7u8; size];
        while file.write_all(&piece).is_ok() {}
    }
}

/// Освобождает занятое.
fn free(disk: &Disk) {
    std::fs::remove_file(disk.seen.join("fill")).unwrap();
}

/// Сколько раз сказано об этом.
fn told_times(client: &mut Client, code: &str) -> usize {
    all(client, json!({"event": "error", "code": code})).len()
}

/// Текст туда и подтверждение обратно.
fn speak(from: &mut Client, to: &mut Client) {
    say_words(from, &["/msg", &to.id, "hello"]);
    let got = wait(to, json!({"event": "message", "outgoing": false, "text": "hello"}));
    forget(to);
    wait(from, json!({"event": "receipt", "message": got["message"], "state": "delivered"}));
}

/// Запускает сервер этой командой; процесс и строка приглашения.
fn server_on(mut command: Command, out: &Path) -> (Guard, String) {
    command.stdout(std::fs::File::create(out).unwrap());
    let guard = Guard { child: command.spawn().unwrap() };
    let since = Instant::now();
    loop {
        for line in text_of(out).split_inclusive('\n') {
            if let (Some(join), true) = (line.strip_prefix("JOIN "), line.ends_with('\n')) {
                return (guard, String::from(join.trim_end()));
            }
        }
        assert!(waiting(since), "the server did not start");
    }
}

/// Двое, один из них на маленьком диске.
fn pair() -> Option<(World, Disk, Client, Client)> {
    let world = world_make();
    let disk = disk_make(world.folder.path(), "small")?;
    let mut ann = client_on(&disk, &world.server.join, "ann");
    let mut bob = client_up(&world, "bob", &[]);
    meet_only(&mut ann, &mut bob);
    // За этим ничего раньше написанного в пути уже нет.
    speak(&mut ann, &mut bob);
    speak(&mut bob, &mut ann);
    forget(&mut ann);
    forget(&mut bob);
    Some((world, disk, ann, bob))
}

#[test]
fn a_client_whose_disk_is_full_goes_on_when_there_is_room() {
    let Some((_world, disk, mut ann, mut bob)) = pair() else { return };
    fill(&disk);
    say_words(&mut ann, &["/msg", &bob.id, "from a full disk"]);
    wait(&mut ann, json!({"event": "error", "code": "store-full"}));
    say_words(&mut bob, &["/msg", &ann.id, "to a full disk"]);
    std::thread::sleep(QUIET);
    assert_eq!(told_times(&mut ann, "store-full"), 1, "{}", told(&ann));
    assert!(take(&mut ann, &json!({"event": "receipt"})).is_none(), "{}", told(&ann));
    assert!(all(&mut ann, json!({"event": "message", "text": "to a full disk"})).is_empty());
    free(&disk);
    wait(&mut ann, json!({"event": "info", "code": "store-room"}));
    let sent = wait(&mut bob, json!({"event": "message", "text": "from a full disk"}));
    let number = sent["message"].clone();
    wait(&mut ann, json!({"event": "receipt", "message": number, "state": "queued"}));
    wait(&mut ann, json!({"event": "receipt", "message": number, "state": "delivered"}));
    wait(&mut ann, json!({"event": "message", "text": "to a full disk"}));
    outbox_settle(&bob);
    // Снова полон: это новая беда, о ней говорится снова.
    fill(&disk);
    say_words(&mut ann, &["/msg", &bob.id, "once more"]);
    wait(&mut ann, json!({"event": "error", "code": "store-full"}));
    client_kill(&mut ann);
    free(&disk);
    let mut ann = client_on(&disk, &ann.join.clone(), "ann");
    say_words(&mut ann, &["/msg", &bob.id, "after all"]);
    wait(&mut bob, json!({"event": "message", "text": "after all"}));
}

#[test]
fn a_long_text_that_does_not_fit_is_told_and_goes_later() {
    let Some((_world, disk, mut ann, mut bob)) = pair() else { return };
    // Места немного есть: короткое ложится, длинное нет.
    fill(&disk);
    let file = std::fs::OpenOptions::new().write(true).open(disk.seen.join("fill")).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length - 600_000).unwrap();
    drop(file);
    let text = "long ".repeat(100_000);
    say_words(&mut ann, &["/msg", &bob.id, &text]);
    wait(&mut ann, json!({"event": "confirm"}));
    say(&mut ann, "/yes");
    wait(&mut ann, json!({"event": "error", "code": "store-full"}));
    free(&disk);
    wait(&mut ann, json!({"event": "receipt", "state": "queued"}));
    wait(&mut bob, json!({"event": "message", "peer": ann.id}));
}

#[test]
fn a_server_whose_disk_is_full_says_so_and_takes_later() {
    let world = world_make();
    let Some(disk) = disk_make(world.folder.path(), "small") else { return };
    let home = disk.place.join("home");
    let command = inside(&disk, &server_command(&home, "127.0.0.1:0"));
    let (_server, join) = server_on(command, &disk.place.with_extension("out"));
    let mut bob = client_at(&world, &join, "bob");
    let mut ann = client_at(&world, &join, "ann");
    meet(&mut ann, &mut bob);
    client_kill(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": bob.id, "state": "offline"}));
    fill(&disk);
    say_words(&mut ann, &["/msg", &bob.id, "for a full server"]);
    let error = wait(&mut ann, json!({"event": "error", "code": "server-disk"}));
    println!("{}", error["text"]);
    std::thread::sleep(QUIET);
    assert_eq!(told_times(&mut ann, "server-disk"), 1, "{}", told(&ann));
    assert_eq!(told_times(&mut ann, "mailbox-full"), 0, "{}", told(&ann));
    free(&disk);
    wait(&mut ann, json!({"event": "receipt", "state": "stored"}));
    let mut bob = client_at(&world, &join, "bob");
    wait(&mut bob, json!({"event": "message", "text": "for a full server"}));
}

/// Клиент у этого сервера.
fn client_at(world: &World, join: &str, name: &str) -> Client {
    let home = world.folder.path().join(name);
    let mut client = common::client_start_at(&home, join, name, &[]);
    wait(&mut client, json!({"event": "link", "state": "up"}));
    client
}
