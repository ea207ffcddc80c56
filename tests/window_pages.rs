//! The window page by page, for real: no text is cut or covered on any page, size and language;
//! every command of the table is found in a button, a menu or the input line; pictures are pasted,
//! sent, taken and looked at; a found message is jumped to.
//! Окно по страницам, по-настоящему: надписи нигде не обрезаны и не закрыты; каждая команда таблицы
//! находится в кнопке, меню или строке ввода; картинки вставляются, уходят, принимаются и
//! смотрятся; к найденному сообщению окно прыгает.

#![cfg(feature = "gui")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod lab;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use common::files::files_same;
use common::process::run_whole;
use common::screen::{
    Screen, Shown, hit, hits, keys, pause, run, screen_make, screen_sized, typed, window_up,
    window_up_in,
};
use common::{
    Client, Guard, client_kill, client_start_in, client_up, exit_code, fits, meet, program, say,
    say_words, server_kill, take, wait, wait_many, waiting, world_make,
};
use serde_json::json;

/// Programs without which nothing can be tried.
const TOOLS: &[&str] = &["Xvfb", "openbox", "xdotool", "xclip", "setxkbmap", "convert"];
/// Where the window stands.
const PLACE: [&str; 4] = ["10", "10", "1000", "760"];

/// Все страницы галереи в этом языке и теме при таком увеличении.
fn pages_check(screen: &Screen, language: &str, theme: &str, scale: &str) {
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(["gallery", "--json", "--lang", language, "--theme", theme]);
    command.env("DISPLAY", &screen.display).env_remove("WAYLAND_DISPLAY");
    command.env("FLTK_SCALING_FACTOR", scale).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    command.env("DBUS_SESSION_BUS_ADDRESS", &screen.bus);
    let (code, said, errors) = run_whole(command);
    assert_eq!(code, 0, "{language} {theme} {scale}: {said}\n{errors}");
    assert!(said.contains("\"problems\":0"), "{said}");
    let last = said.lines().last().unwrap_or_default();
    let told: serde_json::Value = serde_json::from_str(last).expect("JSON");
    assert!(told["pages"].as_u64().unwrap_or_default() > 100, "{last}");
}

/// Ни одна надпись не обрезана и не закрыта: от 760×480 до 1800×1000 и 3840×2160 вдвое крупнее.
#[test]
fn nothing_is_cut_or_covered() {
    let Some(screen) = screen_sized(TOOLS, "3840x2160x24") else { return };
    for (language, one, two) in [("ru", "light", "dark"), ("en", "dark", "light")] {
        pages_check(&screen, language, one, "1");
        pages_check(&screen, language, two, "2");
    }
    pages_check(&screen, "zh", "light", "1");
    pages_check(&screen, "zh", "dark", "2");
}

/// Команды, которые нажимаются на этой странице.
fn words_add(shown: &mut Shown, found: &mut Vec<String>) {
    for (what, _) in hits(shown) {
        let Some(rest) = what.strip_prefix("Words([\"/") else { continue };
        let word = rest.split('"').next().unwrap_or_default();
        found.push(format!("/{word}"));
    }
}

/// Набирает команду в поле открытого чата.
fn command_type(screen: &Screen, word: &str) {
    run(&screen.display, "xdotool", &["type", "--delay", "15", word]);
    pause(60);
    run(&screen.display, "xdotool", &["key", "Return"]);
    pause(120);
}

/// Сколько раз ядро сказало «нет такой команды».
fn unknown_many(shown: &mut Shown) -> usize {
    // Ответ окна приходит после ответов на всё, что набрано раньше.
    say(&mut shown.client, "/status");
    pause(300);
    let _ = hits(shown);
    let mut many = 0;
    for event in &shown.client.events {
        if fits(event, &json!({"event": "error", "code": "command-unknown"})) {
            many += 1;
        }
    }
    many
}

/// Каждая команда таблицы есть в окне: кнопкой, строкой меню или словом в поле ввода.
#[test]
fn every_command_is_in_the_window() {
    let Some(screen) = screen_make(TOOLS) else { return };
    let world = world_make();
    let mut bob = client_up(&world, "Bob", &["--yes"]);
    let mut anna = window_up(&screen, &world, "Anna", &["--lang", "en"], PLACE);
    meet(&mut anna.client, &mut bob);
    let mut pressed = Vec::new();
    hit(&screen, &mut anna, "Person(");
    hit(&screen, &mut anna, "HeadPage");
    words_add(&mut anna, &mut pressed);
    hit(&screen, &mut anna, "Gear");
    for index in 0..10 {
        hit(&screen, &mut anna, &format!("Section({index})"));
        words_add(&mut anna, &mut pressed);
    }
    hit(&screen, &mut anna, "Back");
    for wanted in [
        "/set",
        "/lang",
        "/bits",
        "/verify",
        "/topup",
        "/keep",
        "/export",
        "/clear",
        "/card",
        "/connect",
        "/disconnect",
        "/peers",
    ] {
        assert!(pressed.contains(&String::from(wanted)), "no button for {wanted}: {pressed:?}");
    }
    hit(&screen, &mut anna, "Person(");
    command_type(&screen, "/nosuchcommand");
    assert_eq!(unknown_many(&mut anna), 1, "an unknown command is not told");
    let mut missing = Vec::new();
    for row in supertext::faces::commands::COMMANDS {
        if row.word == "/quit" || pressed.contains(&String::from(row.word)) {
            continue;
        }
        command_type(&screen, row.word);
        if unknown_many(&mut anna) != 1 {
            missing.push(row.word);
        }
    }
    assert!(missing.is_empty(), "not in the window: {missing:?}");
    hit(&screen, &mut anna, "Person(");
    command_type(&screen, "/quit");
    assert_eq!(exit_code(&mut anna.client), 0);
}

/// Рисует картинку.
fn picture_make(path: &Path, size: &str) {
    let mut command = Command::new("convert");
    command.args(["-size", size, "gradient:red-blue"]).arg(path);
    assert!(command.status().expect("convert").success());
}

/// Кладёт картинку в буфер обмена; кто её держит — живёт до конца испытания.
fn picture_copy(screen: &Screen, path: &Path) -> Guard {
    let mut command = Command::new("xclip");
    command.args(["-selection", "clipboard", "-t", "image/png", "-quiet", "-i"]).arg(path);
    command.env("DISPLAY", &screen.display).stdout(Stdio::null()).stderr(Stdio::null());
    let guard = Guard { child: command.spawn().expect("xclip starts") };
    pause(400);
    guard
}

/// Картинка вставлена, показана, отправлена, принята кнопкой, видна обоим; файл — тоже.
#[test]
fn pictures_travel() {
    let Some(screen) = screen_make(TOOLS) else { return };
    let world = world_make();
    let mut anna = window_up(&screen, &world, "Anna", &["--yes"], ["0", "0", "690", "860"]);
    let mut bob = window_up(&screen, &world, "Bob", &["--yes"], ["700", "0", "690", "860"]);
    meet(&mut anna.client, &mut bob.client);
    let path = world.folder.path().join("картинка.png");
    picture_make(&path, "640x400");
    hit(&screen, &mut anna, "Person(");
    hit(&screen, &mut bob, "Person(");
    hit(&screen, &mut anna, "Person(");
    let _holder = picture_copy(&screen, &path);
    keys(&screen, &["ctrl+v"]);
    hit(&screen, &mut anna, "PreviewSend");
    wait(&mut bob.client, json!({"event": "offer"}));
    hit(&screen, &mut bob, "/take");
    let here = wait(&mut bob.client, json!({"event": "file", "state": "done"}));
    let there = wait(&mut anna.client, json!({"event": "file", "state": "done"}));
    let (here, there) = (here["path"].as_str().expect("a path"), there["path"].as_str());
    assert!(files_same(Path::new(here), Path::new(there.expect("a path"))));
    let kept = run("", "identify", &["-format", "%w %h", here]);
    assert_eq!(kept.trim(), "640 400");
    // Щелчок по картинке открывает её во всё окно, Escape закрывает.
    for (one, name) in [(&mut anna, "anna"), (&mut bob, "bob")] {
        hit(&screen, one, "Picture(");
        pause(500);
        let mut large = false;
        for (what, _) in hits(one) {
            large = large || what.starts_with("OpenPath(");
        }
        assert!(large, "{name} does not see the picture large");
        keys(&screen, &["Escape"]);
    }
    // Брошенное на человека и файлы прошлого: после нового запуска картинка на месте.
    say(&mut anna.client, "/quit");
    assert_eq!(exit_code(&mut anna.client), 0);
    let mut anna = window_up(&screen, &world, "Anna", &[], ["0", "0", "690", "860"]);
    hit(&screen, &mut anna, "Person(");
    hit(&screen, &mut anna, "Picture(");
}

/// Слова старого сообщения находятся, щелчок ведёт к нему; новое снизу не сбивает с места.
#[test]
fn the_past_is_found() {
    let Some(screen) = screen_make(TOOLS) else { return };
    let world = world_make();
    let mut bob = client_up(&world, "Bob", &["--yes"]);
    let mut anna = window_up(&screen, &world, "Anna", &["--yes"], PLACE);
    meet(&mut anna.client, &mut bob);
    let id = anna.client.id.clone();
    for number in 0..300 {
        let rare = if number == 30 { " редчайший" } else { "" };
        say_words(&mut bob, &["/msg", &id, &format!("сообщение {number}{rare}")]);
    }
    wait_many(&mut anna.client, json!({"event": "message", "outgoing": false}), 300);
    hit(&screen, &mut anna, "Person(");
    run(&screen.display, "xdotool", &["mousemove", "--window", &anna.window, "120", "80"]);
    run(&screen.display, "xdotool", &["click", "1"]);
    typed(&screen, "редчайш");
    hit(&screen, &mut anna, "Found(");
    pause(800);
    // Видны соседи найденного, а не конец чата; «вниз» ведёт к концу.
    hit(&screen, &mut anna, "Down");
    pause(800);
    let mut below = false;
    for (what, _) in hits(&mut anna) {
        below = below || what == "Down";
    }
    assert!(!below, "the end of the chat is not shown");
    let id = bob.id.clone();
    say_words(&mut anna.client, &["/msg", &id, "конец"]);
    wait(&mut bob, json!({"event": "message", "text": "конец"}));
}

/// Черновик переживает запуск; о неотправленном окно спрашивает, прежде чем закрыться.
#[test]
fn words_stay() {
    let Some(screen) = screen_make(TOOLS) else { return };
    let mut world = world_make();
    let mut bob = client_up(&world, "Bob", &["--yes"]);
    let mut anna = window_up(&screen, &world, "Anna", &["--yes"], PLACE);
    meet(&mut anna.client, &mut bob);
    hit(&screen, &mut anna, "Person(");
    typed(&screen, "half a word");
    say(&mut anna.client, "/quit");
    assert_eq!(exit_code(&mut anna.client), 0);
    let mut anna = window_up(&screen, &world, "Anna", &["--yes"], PLACE);
    hit(&screen, &mut anna, "Person(");
    typed(&screen, " and the other half");
    keys(&screen, &["Return"]);
    wait(&mut bob, json!({"event": "message", "text": "half a word and the other half"}));
    // Прямая линия донесла бы и без сервера: не слышит никто, когда нет и Боба.
    server_kill(&mut world.server);
    client_kill(&mut bob);
    wait(&mut anna.client, json!({"event": "link", "peer": "server", "state": "retry"}));
    typed(&screen, "nobody hears this");
    keys(&screen, &["Return", "alt+F4"]);
    hit(&screen, &mut anna, "Stay");
    for (what, _) in hits(&mut anna) {
        assert!(what != "LeaveNow", "the question is still there");
    }
    keys(&screen, &["alt+F4"]);
    hit(&screen, &mut anna, "LeaveNow");
    assert_eq!(exit_code(&mut anna.client), 0);
}

/// Комната: люди нажаты слева, слова ходят между всеми тремя.
#[test]
fn a_room_is_made() {
    let Some(screen) = screen_make(TOOLS) else { return };
    let world = world_make();
    let mut bob = client_up(&world, "Bob", &["--yes"]);
    let mut eve = client_up(&world, "Eve", &["--yes"]);
    let mut anna = window_up(&screen, &world, "Anna", &["--yes"], PLACE);
    meet(&mut anna.client, &mut bob);
    meet(&mut anna.client, &mut eve);
    hit(&screen, &mut anna, "Plus");
    hit(&screen, &mut anna, "RoomNew");
    typed(&screen, "Lunch");
    let mut people = Vec::new();
    for (what, _) in hits(&mut anna) {
        if what.starts_with("Person(") {
            people.push(what);
        }
    }
    assert_eq!(people.len(), 2, "{people:?}");
    for one in people {
        hit(&screen, &mut anna, &one);
    }
    hit(&screen, &mut anna, "RoomGo");
    let room = wait(&mut anna.client, json!({"event": "room", "state": "joined"}));
    let room = room["room"].as_str().expect("a room");
    for one in [&mut bob, &mut eve] {
        wait(one, json!({"event": "room", "state": "joined"}));
    }
    pause(600);
    typed(&screen, "Who comes?");
    keys(&screen, &["Return"]);
    for one in [&mut bob, &mut eve] {
        wait(one, json!({"event": "message", "text": "Who comes?", "room": room}));
    }
    say_words(&mut eve, &["/msg", room, "I do"]);
    let said = json!({"event": "message", "text": "I do", "author": eve.id});
    wait(&mut anna.client, said);
}

/// Ждёт, пока такое появится на странице (`there`) или уйдёт с неё.
fn appears(shown: &mut Shown, wanted: &str, there: bool) {
    let since = std::time::Instant::now();
    loop {
        let found = hits(shown);
        let mut seen = false;
        for (what, _) in &found {
            seen = seen || what.contains(wanted);
        }
        if seen == there {
            return;
        }
        assert!(common::waiting(since), "{wanted}: {seen} among {found:?}");
        pause(200);
    }
}

/// Номер, как его пишет окно.
fn number_of(client: &Client) -> String {
    supertext::base::ids::id_parse(&client.id).expect("an id").to_string()
}

/// Без сервера, в местной сети: визитка копируется, по чужой визитке и по строке человека рядом
/// соединяются, его добавляют, прямую связь кончают.
#[cfg(target_os = "linux")]
#[test]
fn cards_and_people_nearby() {
    let Some(screen) = screen_make(TOOLS) else { return };
    let Some(net) = lab::net_make(&["anna", "bob", "eve", "dan"]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (home, inside) = (folder.path().join("anna"), lab::place(&net, "anna"));
    let options = ["--lang", "en", "--discovery", "on"];
    let mut anna = window_up_in(&screen, &inside, &home, "", &options, ["10", "10", "760", "480"]);
    let mut others = Vec::new();
    for name in ["bob", "eve", "dan"] {
        let home = folder.path().join(name);
        others.push(client_start_in(&lab::place(&net, name), &home, name, &[]));
    }
    let [bob, eve, dan] = &mut others[..] else { panic!("three") };
    hit(&screen, &mut anna, "Gear");
    hit(&screen, &mut anna, "Section(7)");
    for one in [&*bob, &*eve, &*dan] {
        appears(&mut anna, &format!("NearAdd({})", number_of(one)), true);
    }
    // Своя визитка: что скопировано, то она и есть.
    hit(&screen, &mut anna, "CopyText(");
    let copied = run(&screen.display, "xclip", &["-o", "-selection", "clipboard"]);
    assert!(copied.starts_with(&format!("{}@10.77.0.1:", anna.client.id)), "{copied}");
    // Чужая визитка — в поле, Enter.
    say(bob, "/card");
    let card = wait(bob, json!({"event": "card"}));
    let card = card["card"].as_str().expect("a card");
    typed(&screen, card);
    keys(&screen, &["Return"]);
    let up = json!({"event": "link", "peer": bob.id, "state": "up", "path": "manual"});
    wait(&mut anna.client, up);
    // Знакомый уходит из незнакомых, и строки сдвигаются; дальше — строка человека рядом.
    appears(&mut anna, &format!("NearAdd({})", number_of(bob)), false);
    let mut row = String::new();
    let found = hits(&mut anna);
    for (index, (what, _)) in found.iter().enumerate() {
        if *what == format!("NearAdd({})", number_of(eve)) {
            row = found[index + 1].0.clone();
        }
    }
    assert!(row.starts_with("Words([\"/connect\", \""), "{row} among {found:?}");
    hit(&screen, &mut anna, &row);
    wait(&mut anna.client, json!({"event": "link", "peer": eve.id, "state": "up"}));
    appears(&mut anna, &format!("NearAdd({})", number_of(eve)), false);
    hit(&screen, &mut anna, &format!("NearAdd({})", number_of(dan)));
    hit(&screen, &mut anna, "AddGo");
    wait(dan, json!({"event": "request", "id": anna.client.id}));
    hit(&screen, &mut anna, &format!("Person({})", number_of(eve)));
    hit(&screen, &mut anna, "HeadPage");
    // Страница могла сдвинуться под мышью: нажимается, пока не подействует.
    let down = json!({"event": "link", "peer": eve.id, "state": "down"});
    let since = Instant::now();
    while take(&mut anna.client, &down).is_none() {
        assert!(waiting(since), "still linked");
        for (what, _) in hits(&mut anna) {
            if what.contains("/disconnect") {
                hit(&screen, &mut anna, "/disconnect");
                pause(1_000);
                break;
            }
        }
    }
}
