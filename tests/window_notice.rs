//! Notifications, the tray and the second start, for real: a session bus, dunst as the desktop's
//! notification daemon, dbus-monitor as the witness of every word that crosses the bus.
//! Уведомления, лоток и второй запуск по-настоящему: шина сеанса, dunst вместо рабочего стола,
//! dbus-monitor — свидетель каждого слова на шине.

#![cfg(all(feature = "gui", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use common::process::run_whole;
use common::screen::{Face, Screen, close, face_open, log_of, pause, run, screen_make};
use common::{
    Client, Guard, World, client_up, exit_code, input_end, meet, outbox_settle, program, say,
    say_words, text_of, waiting, world_make,
};

/// Programs without which nothing can be tried.
const TOOLS: &[&str] = &[
    "Xvfb",
    "openbox",
    "xdotool",
    "setxkbmap",
    "dbus-daemon",
    "dbus-monitor",
    "dbus-send",
    "dunst",
];

/// A session bus with a notification daemon; everything said on it goes to `heard`.
struct Desktop {
    heard: PathBuf,
    _bus: Guard,
    _daemon: Guard,
    _monitor: Guard,
}

/// Запускает программу этого экрана и этой шины.
fn spawn(screen: &Screen, words: &[&str], out: Option<&Path>) -> Guard {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("DISPLAY", &screen.display).stdin(Stdio::null());
    command.env("DBUS_SESSION_BUS_ADDRESS", &screen.bus).stderr(Stdio::null());
    match out {
        Some(path) => command.stdout(File::create(path).expect("a file")),
        None => command.stdout(Stdio::null()),
    };
    Guard { child: command.spawn().expect("the tool starts") }
}

/// Шина сеанса, служба уведомлений на ней и свидетель.
fn desktop_make(screen: &mut Screen, folder: &Path) -> Desktop {
    let mut child = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--print-address=1"])
        .env("DISPLAY", &screen.display)
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("dbus-daemon starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its output");
    BufReader::new(stdout).read_line(&mut line).expect("its address");
    screen.bus = String::from(line.trim());
    let bus = Guard { child };
    let daemon = spawn(screen, &["dunst"], None);
    let heard = folder.join("bus.txt");
    let rule = "interface='org.freedesktop.Notifications'";
    let monitor = spawn(screen, &["dbus-monitor", "--session", rule], Some(&heard));
    // Служба и свидетель на месте, когда свидетель слышит ответ службы.
    let since = Instant::now();
    while !text_of(&heard).contains("GetServerInformation") {
        assert!(waiting(since), "nothing is heard on the bus");
        bus_ask(screen, "org.freedesktop.Notifications.GetServerInformation");
        pause(100);
    }
    Desktop { heard, _bus: bus, _daemon: daemon, _monitor: monitor }
}

/// Зовёт службу уведомлений без слов.
fn bus_ask(screen: &Screen, name: &str) {
    let mut command = Command::new("dbus-send");
    command.env("DBUS_SESSION_BUS_ADDRESS", &screen.bus).stdout(Stdio::null());
    command.args(["--session", "--print-reply", "--dest=org.freedesktop.Notifications"]);
    let _ = command.args(["/org/freedesktop/Notifications", name]).stderr(Stdio::null()).status();
}

/// Сколько раз на шине просили показать уведомление.
fn shown(desktop: &Desktop) -> usize {
    text_of(&desktop.heard).matches("member=Notify\n").count()
}

/// Ждёт этих слов на шине.
fn heard_wait(desktop: &Desktop, words: &str, face: &Face) {
    let since = Instant::now();
    while !text_of(&desktop.heard).contains(words) {
        let heard = text_of(&desktop.heard);
        let tail = heard.len().saturating_sub(3_000);
        let heard = String::from_utf8_lossy(&heard.as_bytes()[tail..]).into_owned();
        assert!(waiting(since), "no {words:?} in\n{heard}\n{}", log_of(face));
        pause(50);
    }
}

/// Окно Анны с открытым чатом Боба.
fn anna_open(screen: &Screen, world: &World, bob: &Client) -> Face {
    let home = world.folder.path().join("Anna");
    let path = home.display().to_string();
    let words = ["gui", "--home", &path, "--lang", "en", "--to", &bob.id];
    face_open(screen, &words, &home, ["100", "20", "690", "820"])
}

/// Сворачивает окно: клавиатуры у него больше нет.
fn minimize(screen: &Screen, face: &Face) {
    run(&screen.display, "xdotool", &["windowminimize", &face.window]);
    pause(700);
}

/// Активно ли окно.
fn active(screen: &Screen, face: &Face) -> bool {
    run(&screen.display, "xdotool", &["getactivewindow"]).trim() == face.window
}

/// Второй запуск на той же папке: одна строка, код 0, первое окно впереди.
fn second_start(screen: &Screen, face: &Face, words: &[&str]) {
    minimize(screen, face);
    assert!(!active(screen, face), "the window is still in front");
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(words).arg("--home").arg(&face.home).args(["--lang", "en"]);
    command.env("DISPLAY", &screen.display).env_remove("WAYLAND_DISPLAY");
    let (code, out, err) = run_whole(command);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("already running") && err.contains("in front"), "{err}");
    let since = Instant::now();
    while !active(screen, face) {
        assert!(waiting(since), "the window was not raised");
    }
}

/// Уведомления с текстом и без, пачкой, второй запуск.
#[test]
fn the_desktop_is_told_and_a_second_start_raises() {
    let Some(mut screen) = screen_make(TOOLS) else { return };
    let world = world_make();
    let desktop = desktop_make(&mut screen, world.folder.path());
    let mut anna = client_up(&world, "Anna", &[]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut anna, &mut bob);
    // Конец ввода: уходит, когда всё доставлено.
    input_end(&mut anna);
    assert_eq!(exit_code(&mut anna), 0);

    let mut face = anna_open(&screen, &world, &bob);
    // Открытый чат у окна с клавиатурой: человек и так видит.
    say_words(&mut bob, &["/msg", &anna.id, "seen at once"]);
    outbox_settle(&bob);
    pause(1_500);
    assert_eq!(shown(&desktop), 0, "{}", text_of(&desktop.heard));
    minimize(&screen, &face);
    say_words(&mut bob, &["/msg", &anna.id, "open & <b>text</b>"]);
    heard_wait(&desktop, "string \"Bob\"", &face);
    heard_wait(&desktop, "string \"open &amp; &lt;b&gt;text&lt;/b&gt;\"", &face);
    assert_eq!(shown(&desktop), 1);
    burst(&desktop, &anna, &mut bob, &face);
    second_start(&screen, &face, &["gui"]);
    // Увиденное уведомление убирается.
    heard_wait(&desktop, "member=CloseNotification", &face);
    second_start(&screen, &face, &["console", "--json"]);
    close(&screen, &mut face);

    closed_text(&screen, &world, &desktop, &mut bob);
}

/// Двадцать сообщений разом — не больше трёх уведомлений, и все вместо одного и того же.
fn burst(desktop: &Desktop, anna: &Client, bob: &mut Client, face: &Face) {
    let before = shown(desktop);
    pause(1_100);
    for number in 0..20 {
        say_words(bob, &["/msg", &anna.id, &format!("burst {number}")]);
    }
    heard_wait(desktop, "string \"burst 19\"", face);
    outbox_settle(bob);
    pause(1_200);
    let more = shown(desktop) - before;
    assert!((1..=3).contains(&more), "{more} notifications for one burst");
}

/// Содержание скрыто: на шине нет текста, только весть, что он есть.
fn closed_text(screen: &Screen, world: &World, desktop: &Desktop, bob: &mut Client) {
    let mut anna = client_up(world, "Anna", &[]);
    say(&mut anna, "/set notify_text off");
    say(&mut anna, "/set sounds off");
    // Конец ввода: уходит, когда всё доставлено.
    input_end(&mut anna);
    assert_eq!(exit_code(&mut anna), 0);
    let mut face = anna_open(screen, world, bob);
    minimize(screen, &face);
    say_words(bob, &["/msg", &anna.id, "the very secret"]);
    heard_wait(desktop, "string \"New message\"", &face);
    heard_wait(desktop, "string \"suppress-sound\"", &face);
    outbox_settle(bob);
    assert!(!text_of(&desktop.heard).contains("the very secret"), "the text is on the bus");
    run(&screen.display, "xdotool", &["windowactivate", "--sync", &face.window]);
    close(screen, &mut face);
}

/// Первая программа — консоль: второй запуск говорит своё и кончается с кодом 0.
#[test]
fn a_console_is_not_raised() {
    let world = world_make();
    let anna = client_up(&world, "Anna", &[]);
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(["console", "--lang", "en", "--home"]).arg(&anna.home);
    let (code, out, err) = run_whole(command);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("already running") && !err.contains("in front"), "{err}");
    assert!(!anna.home.join("raise").exists(), "the file of the second start stays");
}

/// Без шины сеанса окно живёт, в журнале одна строка.
#[test]
fn a_machine_without_a_bus_is_no_trouble() {
    let Some(screen) = screen_make(&TOOLS[..4]) else { return };
    let world = world_make();
    let bob = client_up(&world, "Bob", &[]);
    let anna = client_up(&world, "Anna", &[]);
    drop(anna);
    let mut face = anna_open(&screen, &world, &bob);
    let since = Instant::now();
    while log_of(&face).matches("no session bus").count() == 0 {
        assert!(waiting(since), "{}", log_of(&face));
    }
    assert_eq!(log_of(&face).matches("no session bus").count(), 1);
    close(&screen, &mut face);
}
