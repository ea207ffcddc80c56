//! The window, for real: Xvfb, a window manager, keys and mouse by xdotool. Two windows meet through
//! a real server and talk in Latin, Cyrillic and Chinese, pass a file; the gallery is compared with
//! kept pictures. Where there is no Xvfb the tests say so and pass.
//! Окно по-настоящему: Xvfb, оконный менеджер, клавиши и мышь через xdotool. Два окна знакомятся
//! через настоящий сервер, говорят латиницей, кириллицей и по-китайски, передают файл; галерея
//! сравнивается с сохранёнными снимками. Где Xvfb нет, испытания говорят об этом и проходят.

#![cfg(feature = "gui")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use common::screen::{
    Face, Screen, click, close, face_open, keys, log_of, pause, person_open, run, screen_make,
    typed,
};
use common::{World, project, waiting, world_make};
use rusqlite::{Connection, OpenFlags};

/// Programs without which nothing can be tried.
const TOOLS: &[&str] = &["Xvfb", "openbox", "xdotool", "xclip", "setxkbmap", "import", "compare"];
/// How far a picture may be from the kept one: root of the mean square, 0 to 1.
const TOLERANCE: f64 = 0.045;
/// Milliseconds from the start to the first frame (the builds of tests are slow, machines busy).
const READY_MS: u64 = 3_000;

/// Кладёт текст в буфер обмена.
fn clipboard_put(screen: &Screen, said: &str) {
    let mut child = Command::new("xclip")
        .args(["-selection", "clipboard", "-i"])
        .env("DISPLAY", &screen.display)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("xclip starts");
    child.stdin.take().expect("stdin").write_all(said.as_bytes()).expect("written");
    child.wait().expect("xclip ends");
}

/// Что лежит в буфере обмена.
fn clipboard_get(screen: &Screen) -> String {
    run(&screen.display, "timeout", &["3", "xclip", "-selection", "clipboard", "-o"])
}

/// Тексты в истории этого человека.
fn texts_in(face: &Face) -> Vec<String> {
    let mut texts = Vec::new();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let Ok(base) = Connection::open_with_flags(face.home.join("history.db"), flags) else {
        return texts;
    };
    let Ok(mut statement) = base.prepare("SELECT text FROM messages ORDER BY number") else {
        return texts;
    };
    let Ok(mut rows) = statement.query([]) else { return texts };
    while let Ok(Some(row)) = rows.next() {
        texts.push(row.get(0).unwrap_or_default());
    }
    texts
}

/// Ждёт, пока текст не окажется в истории.
fn text_wait(face: &Face, said: &str) {
    let since = Instant::now();
    while !texts_in(face).contains(&String::from(said)) {
        let shown = texts_in(face);
        assert!(waiting(since), "no {said:?} in {shown:?}\n{}", log_of(face));
        pause(100);
    }
}

/// Снимок окна в файл.
fn picture(screen: &Screen, face: &Face, path: &Path) {
    pause(400);
    let path = path.display().to_string();
    run(&screen.display, "import", &["-window", &face.window, &path]);
}

/// Время открытия из журнала.
fn ready_check(face: &Face) {
    let log = log_of(face);
    let Some((_, after)) = log.split_once("window ready after ") else {
        panic!("the window was never drawn: {log}");
    };
    let number = after.split(' ').next().unwrap_or_default();
    let spent: u64 = number.parse().expect("milliseconds");
    assert!(spent < READY_MS, "{spent} ms to the first frame");
}

/// Знакомство: Анна добавляет Боба по номеру с опечаткой и без, Боб принимает.
fn meet(screen: &Screen, anna: &Face, bob: &Face) {
    click(screen, &anna.window, "186", "28");
    let last = bob.id.as_bytes()[13] - b'0';
    let wrong = format!("{}{}", &bob.id[..13], (last + 1) % 10);
    typed(screen, &wrong);
    keys(screen, &["Return"]);
    assert!(texts_in(anna).is_empty());
    keys(screen, &["BackSpace"]);
    typed(screen, &bob.id[13..]);
    keys(screen, &["Return"]);
    pause(1_500);
    // Просьба — пузырь с кнопками внизу чата; первая — «принять».
    click(screen, &bob.window, "100", "175");
    click(screen, &bob.window, "300", "732");
    pause(800);
}

/// Два окна говорят через настоящий сервер.
#[test]
fn two_windows_talk() {
    let Some(screen) = screen_make(TOOLS) else { return };
    let world = world_make();
    let mut anna = person_open(&screen, &world, "Anna", &["--lang", "ru", "--theme", "light"], "0");
    let mut bob = person_open(&screen, &world, "Bob", &["--lang", "en", "--theme", "dark"], "700");
    meet(&screen, &anna, &bob);
    click(&screen, &bob.window, "480", "790");
    typed(&screen, "Hello, Anna! Plain Latin.");
    keys(&screen, &["Return"]);
    text_wait(&anna, "Hello, Anna! Plain Latin.");
    click(&screen, &anna.window, "480", "790");
    typed(&screen, "Привет, Боб! Это щёлочь и объём.");
    keys(&screen, &["Return"]);
    text_wait(&bob, "Привет, Боб! Это щёлочь и объём.");
    clipboard_put(&screen, "你好，这是中文 😀");
    keys(&screen, &["ctrl+v", "Return"]);
    text_wait(&bob, "你好，这是中文 😀");
    // Новая строка не отправляет.
    typed(&screen, "one");
    keys(&screen, &["shift+Return"]);
    typed(&screen, "two");
    keys(&screen, &["Return"]);
    text_wait(&bob, "one\ntwo");
    // Стрелка вверх в пустом поле правит последнее.
    keys(&screen, &["Up"]);
    typed(&screen, " three");
    keys(&screen, &["Return"]);
    text_wait(&bob, "one\ntwo three");
    layout_check(&screen, &anna);
    file_pass(&screen, &world, &anna, &bob);
    ready_check(&anna);
    ready_check(&bob);
    close(&screen, &mut anna);
    close(&screen, &mut bob);
}

/// Ctrl+A и Ctrl+C на русской раскладке: по месту клавиш (38 — «A», 54 — «C»).
fn layout_check(screen: &Screen, anna: &Face) {
    click(screen, &anna.window, "480", "790");
    run(&screen.display, "setxkbmap", &["-layout", "ru"]);
    pause(400);
    keys(screen, &["38", "56", "54", "ctrl+38", "ctrl+54"]);
    let copied = clipboard_get(screen);
    run(&screen.display, "setxkbmap", &["-layout", "us,ru"]);
    pause(300);
    assert_eq!(copied, "фис");
    keys(screen, &["BackSpace"]);
}

/// Файл: адрес вставлен в поле, на вопрос о трате ответ — кнопкой, другой принимает кнопкой.
fn file_pass(screen: &Screen, world: &World, anna: &Face, bob: &Face) {
    let source = world.folder.path().join("файл с пробелом.bin");
    std::fs::write(&source, vec![7u8; 300_000]).expect("the file is written");
    let mut address = String::from("file://");
    for byte in source.display().to_string().bytes() {
        if byte == b'/' || byte.is_ascii_alphanumeric() {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    clipboard_put(screen, &address);
    click(screen, &anna.window, "480", "790");
    keys(screen, &["ctrl+v"]);
    pause(1_500);
    // Вопрос о трате — нижний пузырь; слева «отправить».
    click(screen, &anna.window, "420", "731");
    pause(1_500);
    // Предложение — нижний пузырь; слева «принять».
    click(screen, &bob.window, "330", "731");
    let since = Instant::now();
    let wanted = bob.home.join("downloads");
    loop {
        let names = common::files::names_in(&wanted);
        if names.contains(&String::from("файл с пробелом.bin")) {
            break;
        }
        if !waiting(since) {
            let path = std::env::temp_dir().join("supertext-window-failed.png");
            run(&screen.display, "import", &["-window", "root", &path.display().to_string()]);
            panic!("no file among {names:?}; see {}\n{}", path.display(), log_of(bob));
        }
        pause(100);
    }
}

/// Насколько два снимка разнятся: корень среднего квадрата от 0 до 1.
fn difference(kept: &Path, taken: &Path) -> f64 {
    let words =
        ["-metric", "RMSE", &kept.display().to_string(), &taken.display().to_string(), "null:"];
    let said = run("", "compare", &words);
    let inner = said.split('(').nth(1).unwrap_or_default();
    let number = inner.split(')').next().unwrap_or_default();
    match number.parse() {
        Ok(number) => number,
        Err(_) => panic!("compare: {said}"),
    }
}

/// Галерея — все состояния всех пузырей — такая же, как на сохранённых снимках.
#[test]
fn the_gallery_looks_as_kept() {
    let Some(screen) = screen_make(TOOLS) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = std::env::var_os("SUPERTEXT_PICTURES").is_some();
    for (theme, language) in [("light", "ru"), ("dark", "zh"), ("light", "en")] {
        let words = ["gallery", "--theme", theme, "--lang", language];
        let home = folder.path().join(theme);
        let mut face = face_open(&screen, &words, &home, ["0", "20", "1000", "780"]);
        for part in ["end", "late", "middle", "top"] {
            let name = format!("gallery-{theme}-{language}-{part}.png");
            let kept = project().join("tests/pictures").join(&name);
            let taken = folder.path().join(&name);
            picture(&screen, &face, if write { &kept } else { &taken });
            if !write {
                let far = difference(&kept, &taken);
                let aside = std::env::temp_dir().join(&name);
                if far >= TOLERANCE {
                    let _ = std::fs::copy(&taken, &aside);
                }
                assert!(far < TOLERANCE, "{name}: {far}; the new one: {}", aside.display());
            }
            run(&screen.display, "xdotool", &["mousemove", "--window", &face.window, "600", "400"]);
            run(&screen.display, "xdotool", &["click", "--repeat", "9", "--delay", "40", "4"]);
            pause(700);
        }
        close(&screen, &mut face);
    }
}
