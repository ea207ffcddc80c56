//! A screen in memory with a window manager, and windows of the program on it.
//! Экран в памяти с оконным менеджером и окна программы на нём.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Client, Guard, World, client_run, program, say, text_of, wait, waiting};

/// A screen in memory with a window manager.
pub struct Screen {
    pub display: String,
    /// The session bus of its programs; a place where there is none unless a test makes one.
    pub bus: String,
    _server: Guard,
    _manager: Guard,
}

/// A window on it.
pub struct Face {
    pub guard: Guard,
    pub home: PathBuf,
    pub window: String,
    pub id: String,
}

/// Каких программ не хватает; пусто — есть всё.
fn missing(tools: &[&'static str]) -> Vec<&'static str> {
    let mut absent = Vec::new();
    let path = std::env::var("PATH").unwrap_or_default();
    for tool in tools {
        let mut found = false;
        for folder in path.split(':') {
            found = found || Path::new(folder).join(tool).exists();
        }
        if !found {
            absent.push(*tool);
        }
    }
    absent
}

/// Экран: Xvfb сам выбирает свободный номер; раскладки ставятся до оконного менеджера.
pub fn screen_make(tools: &[&'static str]) -> Option<Screen> {
    screen_sized(tools, "1400x900x24")
}

/// Экран такого размера.
pub fn screen_sized(tools: &[&'static str], size: &str) -> Option<Screen> {
    let absent = missing(tools);
    if !absent.is_empty() {
        eprintln!(
            "skipped: no {} on this machine (./build.sh test installs them)",
            absent.join(" ")
        );
        return None;
    }
    let mut child = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its output");
    BufReader::new(stdout).read_line(&mut line).expect("its number");
    let server = Guard { child };
    let display = format!(":{}", line.trim());
    run(&display, "setxkbmap", &["-layout", "us,ru"]);
    let manager = Command::new("openbox")
        .env("DISPLAY", &display)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openbox starts");
    pause(400);
    let bus = String::from("unix:path=/nonexistent/bus");
    Some(Screen { display, bus, _server: server, _manager: Guard { child: manager } })
}

/// Пауза.
pub fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Запускает программу на этом экране и возвращает, что она сказала.
pub fn run(display: &str, name: &str, words: &[&str]) -> String {
    let mut command = Command::new(name);
    command.args(words).env("DISPLAY", display).env("LC_ALL", "C.UTF-8");
    let output = command.output().expect("the tool runs");
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    said
}

/// Одно окно: процесс, его номер окна, место и размер.
pub fn face_open(screen: &Screen, words: &[&str], home: &Path, place: [&str; 4]) -> Face {
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(words).env("DISPLAY", &screen.display).env("TZ", "UTC");
    command.env("LC_ALL", "C.UTF-8").env_remove("WAYLAND_DISPLAY");
    command.env("DBUS_SESSION_BUS_ADDRESS", &screen.bus);
    command.stdin(Stdio::null());
    command.stdout(File::create(home.with_extension("out")).expect("out"));
    command.stderr(File::create(home.with_extension("err")).expect("err"));
    let guard = Guard { child: command.spawn().expect("the window starts") };
    let window = window_place(screen, guard.child.id(), &home.with_extension("err"), place);
    Face { guard, home: home.to_path_buf(), window, id: String::new() }
}

/// Ждёт окно этого процесса и ставит его на место; возвращает его номер.
fn window_place(screen: &Screen, pid: u32, errors: &Path, place: [&str; 4]) -> String {
    let pid = pid.to_string();
    let since = Instant::now();
    let mut window = String::new();
    while window.is_empty() {
        assert!(waiting(since), "no window: {}", text_of(errors));
        pause(100);
        let found = run(&screen.display, "xdotool", &["search", "--onlyvisible", "--pid", &pid]);
        window = String::from(found.lines().last().unwrap_or_default());
    }
    pause(300);
    run(&screen.display, "xdotool", &["windowsize", &window, place[2], place[3]]);
    run(&screen.display, "xdotool", &["windowmove", &window, place[0], place[1]]);
    pause(900);
    window
}

/// Окно с потоком JSON: человек и номер его окна.
pub struct Shown {
    pub client: Client,
    pub window: String,
}

/// Окно человека с потоком JSON, на этом месте экрана.
pub fn window_up(
    screen: &Screen,
    world: &World,
    name: &str,
    options: &[&str],
    place: [&str; 4],
) -> Shown {
    let home = world.folder.path().join(name);
    let join = &world.server.join;
    let mut shown = window_up_in(screen, "", &home, join, options, place);
    wait(&mut shown.client, json!({"event": "link", "state": "up"}));
    shown
}

/// То же в сетевом пространстве имён (пусто — в своём); сервер не обязателен.
pub fn window_up_in(
    screen: &Screen,
    inside: &str,
    home: &Path,
    join: &str,
    options: &[&str],
    place: [&str; 4],
) -> Shown {
    let exe = env!("CARGO_BIN_EXE_supertext");
    let mut command = program(if inside.is_empty() { exe } else { "ip" });
    if !inside.is_empty() {
        command.args(["netns", "exec", inside, exe]);
    }
    command.arg("gui").arg("--json").arg("--home").arg(home);
    command.env("DISPLAY", &screen.display).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    command.env_remove("WAYLAND_DISPLAY").env("DBUS_SESSION_BUS_ADDRESS", &screen.bus);
    let mut own = Vec::new();
    for option in options {
        own.push(String::from(*option));
    }
    let name = home.file_name().expect("a name").to_string_lossy().into_owned();
    let client = client_run(command, home, join, &name, own);
    let errors = home.with_extension("err");
    let window = window_place(screen, client.guard.child.id(), &errors, place);
    Shown { client, window }
}

/// Что нажимается в окне: слово и место.
pub fn hits(shown: &mut Shown) -> Vec<(String, [i64; 4])> {
    say(&mut shown.client, "?hits");
    let told = wait(&mut shown.client, json!({"event": "window"}));
    let mut found = Vec::new();
    for hit in told["hits"].as_array().expect("hits") {
        let mut place = [0; 4];
        for (index, number) in place.iter_mut().enumerate() {
            *number = hit["place"][index].as_i64().expect("a number");
        }
        found.push((String::from(hit["what"].as_str().expect("what")), place));
    }
    found
}

/// Щёлкает по последнему, что так называется; ждёт, пока оно появится.
pub fn hit(screen: &Screen, shown: &mut Shown, what: &str) {
    let since = Instant::now();
    loop {
        let found = hits(shown);
        for (name, place) in found.iter().rev() {
            if name.contains(what) {
                let x = (place[0] + place[2] / 2).to_string();
                let y = (place[1] + place[3] / 2).to_string();
                return click(screen, &shown.window, &x, &y);
            }
        }
        assert!(waiting(since), "no {what} among {found:?}");
        pause(150);
    }
}

/// Щелчок в точке окна.
pub fn click(screen: &Screen, window: &str, x: &str, y: &str) {
    run(&screen.display, "xdotool", &["windowactivate", "--sync", window]);
    run(&screen.display, "xdotool", &["mousemove", "--window", window, x, y]);
    pause(150);
    run(&screen.display, "xdotool", &["click", "1"]);
    pause(300);
}

/// Набирает текст.
pub fn typed(screen: &Screen, said: &str) {
    run(&screen.display, "xdotool", &["type", "--delay", "40", said]);
    pause(150);
}

/// Нажимает клавиши.
pub fn keys(screen: &Screen, names: &[&str]) {
    let mut words = vec!["key", "--delay", "60"];
    words.extend_from_slice(names);
    run(&screen.display, "xdotool", &words);
    pause(200);
}

/// Окно человека на этом сервере; номер его личности — заранее.
pub fn person_open(screen: &Screen, world: &World, name: &str, words: &[&str], x: &str) -> Face {
    let home = world.folder.path().join(name);
    let path = home.display().to_string();
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    let output = command.args(["id", "--json", "--home", &path]).output().expect("id");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut all = vec!["gui", "--home", &path, "--server", &world.server.join, "--name", name];
    all.extend_from_slice(words);
    let mut face = face_open(screen, &all, &home, [x, "20", "690", "820"]);
    face.id = String::from(told["id"].as_str().expect("an id"));
    face
}

/// Журнал окна.
pub fn log_of(face: &Face) -> String {
    text_of(&face.home.join("supertext.log"))
}

/// Закрывает окно кнопкой менеджера и ждёт конца программы. Менеджер на занятой машине мог нажатие
/// и пропустить: нажимается снова.
pub fn close(screen: &Screen, face: &mut Face) {
    let since = Instant::now();
    while let Ok(None) = face.guard.child.try_wait() {
        assert!(waiting(since), "the window does not close");
        run(&screen.display, "xdotool", &["windowactivate", &face.window]);
        run(&screen.display, "xdotool", &["key", "alt+F4"]);
        let pressed = Instant::now();
        while pressed.elapsed().as_secs() < 5 && matches!(face.guard.child.try_wait(), Ok(None)) {
            waiting(since);
        }
    }
}
