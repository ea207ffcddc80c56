//! Settings between real programs: the list of all, bounded numbers, where finished files go, how
//! fast files leave, which files are taken by themselves, whether new talks are kept.
//! Настройки между настоящими программами: список всех, числа с пределами, куда ложатся готовые
//! файлы, как быстро уходят, какие берутся сами, хранятся ли новые разговоры.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::files::{
    MIB, file_make, files_same, names_in, names_settle, offered, part_grown, sources, topup,
};
use common::{
    Client, World, all, client_again, client_kill, client_up, forget, meet, say, say_words, told,
    wait, world_make,
};
use serde_json::{Value, json};
use supertext::store::settings::{SETTINGS, SettingKind, setting_check};

/// Двое знакомых.
fn pair() -> (World, Client, Client) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    topup(&mut ann, &bob);
    (world, ann, bob)
}

/// Все настройки клиента.
fn settings(client: &mut Client) -> Value {
    forget(client);
    say(client, "/set");
    wait(client, json!({"event": "settings"}))["values"].clone()
}

/// Меняет настройку и ждёт, что она принята.
fn set(client: &mut Client, key: &str, value: &str) {
    forget(client);
    say_words(client, &["/set", key, value]);
    wait(client, json!({"event": "info", "code": "setting-set"}));
    assert_eq!(settings(client)[key], value);
}

#[test]
fn all_settings_are_listed_and_checked() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    let values = settings(&mut ann);
    assert_eq!(values.as_object().unwrap().len(), SETTINGS.len());
    for row in SETTINGS {
        let given = row.key == "name" || row.key == "server";
        assert!(given || values[row.key] == row.first, "{}: {values}", row.key);
    }
    assert_eq!(values["name"], "Ann");
    let good = [("font", "Noto Sans"), ("font_size", "28"), ("keep", "off"), ("rate", "12")];
    for (key, value) in good {
        set(&mut ann, key, value);
    }
    for (key, value) in [("font_size", "10"), ("font_size", "29"), ("font_size", ""), ("rate", "x")]
    {
        forget(&mut ann);
        say_words(&mut ann, &["/set", key, value]);
        wait(&mut ann, json!({"event": "error", "code": "argument-bad"}));
    }
    say(&mut ann, "/lang ru");
    say(&mut ann, "/bits on");
    client_again_after(&mut ann);
    let values = settings(&mut ann);
    for (key, value) in good {
        assert_eq!(values[key], value);
    }
    assert_eq!((&values["lang"], &values["bits"]), (&json!("ru"), &json!("on")));
    assert!(setting_check("font", &"x".repeat(5_000)).is_err());
    for row in SETTINGS {
        if let SettingKind::Range(lo, hi) = row.kind {
            assert!(setting_check(row.key, &lo.to_string()).is_ok());
            assert!(setting_check(row.key, &(hi + 1).to_string()).is_err());
        }
    }
}

/// Уходит по-хорошему и начинает снова.
fn client_again_after(client: &mut Client) {
    say(client, "/quit");
    assert_eq!(common::exit_code(client), 0, "{}", told(client));
    client_again(client);
    wait(client, json!({"event": "link", "state": "up"}));
}

/// Ждёт готового файла, сверяет его и возвращает папку, в которой он лёг.
fn landed(to: &mut Client, source: &Path) -> PathBuf {
    let done = wait(to, json!({"event": "file", "state": "done", "outgoing": false}));
    let path = PathBuf::from(done["path"].as_str().unwrap());
    assert!(files_same(source, &path), "{done}");
    path.parent().unwrap().to_path_buf()
}

#[test]
fn finished_files_go_where_the_setting_says() {
    let (world, mut ann, mut bob) = pair();
    let (first, second) = (world.folder.path().join("first"), world.folder.path().join("второй"));
    for folder in [&first, &second] {
        std::fs::create_dir_all(folder).unwrap();
    }
    set(&mut bob, "accept_files", "on");
    let file = world.folder.path().join("no folder").display().to_string();
    for wrong in ["relative", file.as_str(), "./x"] {
        say_words(&mut bob, &["/set", "downloads", wrong]);
        wait(&mut bob, json!({"event": "error", "code": "folder-bad"}));
    }
    // Начатое в одной папке в ней и кончается, хотя настройка уже другая, и после убийства тоже.
    set(&mut bob, "downloads", &first.display().to_string());
    let big = file_make(&sources(&world), "big.bin", 64 * MIB, 1);
    offered(&mut ann, &mut bob, &big);
    let since = Instant::now();
    while grown(&first) < MIB {
        assert!(common::waiting(since), "nothing comes");
    }
    set(&mut bob, "downloads", &second.display().to_string());
    client_kill(&mut bob);
    assert!(grown(&first) > 0, "too quick to be cut");
    client_again(&mut bob);
    let small = file_make(&sources(&world), "small.bin", 1_000, 2);
    assert_eq!(landed(&mut bob, &big), first);
    offered(&mut ann, &mut bob, &small);
    assert_eq!(landed(&mut bob, &small), second);
    names_settle(&first, &["big.bin"]);
    names_settle(&second, &["small.bin"]);
    // Пусто — снова своя папка, сразу.
    set(&mut bob, "downloads", "");
    offered(&mut ann, &mut bob, &small);
    assert_eq!(landed(&mut bob, &small), bob.home.join("downloads"));
    // Пропавшая папка запуску не мешает, а принять в неё нельзя: передача ждёт и называет причину.
    set(&mut bob, "downloads", &second.display().to_string());
    std::fs::remove_dir_all(&second).unwrap();
    client_kill(&mut bob);
    client_again(&mut bob);
    wait(&mut bob, json!({"event": "link", "state": "up"}));
    offered(&mut ann, &mut bob, &small);
    let paused = wait(&mut bob, json!({"event": "file", "state": "paused"}));
    assert_eq!(paused["code"], "file-write", "{paused}");
    std::fs::create_dir_all(&second).unwrap();
    say(&mut bob, &format!("/take {}", paused["transfer"]));
    assert_eq!(landed(&mut bob, &small), second);
}

/// Сколько байт недокачанного лежит в папке.
fn grown(folder: &Path) -> usize {
    for name in names_in(folder) {
        if name.ends_with(".part") {
            let Ok(facts) = std::fs::metadata(folder.join(name)) else { return 0 };
            return facts.len() as usize;
        }
    }
    0
}

#[test]
fn files_leave_no_faster_than_the_setting_says() {
    let (world, mut ann, mut bob) = pair();
    set(&mut bob, "accept_files", "on");
    for (kilobytes, size) in [(1_500u64, 3_000_000usize), (8_000, 16_000_000)] {
        set(&mut ann, "rate", &kilobytes.to_string());
        // Две передачи делят один предел.
        let one = file_make(&sources(&world), "one.bin", size / 2, kilobytes);
        let two = file_make(&sources(&world), "two.bin", size / 2, kilobytes + 1);
        let begun = Instant::now();
        for path in [&one, &two] {
            say_words(&mut ann, &["/send", &bob.id, &path.display().to_string()]);
        }
        for _ in 0..2 {
            wait(&mut bob, json!({"event": "file", "state": "done", "outgoing": false}));
        }
        let measured = size as f64 / 1_000.0 / begun.elapsed().as_secs_f64();
        let ratio = measured / kilobytes as f64;
        println!("limit {kilobytes} kB/s, measured {measured:.0}, ratio {ratio:.2}");
        assert!((0.5..1.2).contains(&ratio), "{kilobytes}: {measured}");
    }
    // Без предела — намного быстрее, и снять его можно посреди передачи.
    set(&mut ann, "rate", "50");
    let path = file_make(&sources(&world), "three.bin", 20 * MIB, 7);
    forget(&mut bob);
    offered(&mut ann, &mut bob, &path);
    part_grown(&bob, 60_000);
    let begun = Instant::now();
    set(&mut ann, "rate", "0");
    wait(&mut bob, json!({"event": "file", "state": "done", "outgoing": false}));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn small_pictures_of_contacts_are_taken_by_themselves() {
    let (world, mut ann, mut bob) = pair();
    set(&mut bob, "accept_files", "images");
    let folder = sources(&world);
    for name in ["a.PNG", "б.jpeg", "c.webp", "d.bmp", "e.gif", "f.jpg"] {
        let path = file_make(&folder, name, 1_000, 3);
        offered(&mut ann, &mut bob, &path);
        landed(&mut bob, &path);
    }
    let large = file_make(&folder, "large.png", 8 * MIB + 1, 3);
    let most = file_make(&folder, "most.png", 8 * MIB, 3);
    let text = file_make(&folder, "png", 10, 3);
    let other = file_make(&folder, "a.png.txt", 10, 3);
    let mut waiting = Vec::new();
    for path in [&large, &text, &other] {
        waiting.push(offered(&mut ann, &mut bob, path));
    }
    offered(&mut ann, &mut bob, &most);
    landed(&mut bob, &most);
    // Незнакомец с картинкой ждёт ответа.
    let mut cat = client_up(&world, "Cat", &["--yes"]);
    let picture = file_make(&folder, "cat.png", 10, 3);
    waiting.push(offered(&mut cat, &mut bob, &picture));
    for transfer in waiting {
        let events = all(&mut bob, json!({"event": "file", "transfer": transfer}));
        assert!(events.is_empty(), "{events:?}");
    }
    assert_eq!(names_in(&bob.home.join("downloads")).len(), 7);
}

#[test]
fn new_talks_are_not_kept_when_the_setting_says_so() {
    let (world, mut ann, mut bob) = pair();
    let mut cat = client_up(&world, "Cat", &[]);
    let (a, b, c) = (ann.id.clone(), bob.id.clone(), cat.id.clone());
    set(&mut bob, "keep", "off");
    say(&mut bob, &format!("/add {c}"));
    say(&mut cat, &format!("/msg {b} from a new one"));
    say(&mut ann, &format!("/msg {b} from an old one"));
    for text in ["from a new one", "from an old one"] {
        wait(&mut bob, json!({"event": "message", "text": text}));
    }
    for (peer, many) in [(&c, 0), (&a, 1)] {
        say(&mut bob, &format!("/to {peer}"));
        wait(&mut bob, json!({"event": "chat", "peer": peer}));
        say(&mut bob, "/to");
        forget(&mut bob);
        say(&mut bob, &format!("/page {peer}"));
        let page = wait(&mut bob, json!({"event": "page", "peer": peer}));
        assert_eq!(page["messages"].as_array().unwrap().len(), many, "{page}");
    }
    // Свой выбор для человека важнее.
    say(&mut bob, &format!("/keep {c} on"));
    say(&mut cat, &format!("/msg {b} kept now"));
    wait(&mut bob, json!({"event": "message", "text": "kept now"}));
    client_again_after(&mut bob);
    say(&mut bob, &format!("/page {c}"));
    let page = wait(&mut bob, json!({"event": "page", "peer": c}));
    assert_eq!(page["messages"][0]["text"], "kept now", "{page}");
}
