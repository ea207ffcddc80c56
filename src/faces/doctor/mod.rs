//! `supertext doctor`: looks at everything a working messenger needs and says in one line each what
//! is so and how to mend what is not. Changes nothing; a program running in the same home goes on.
//! `supertext doctor`: осматривает всё, что нужно работающему мессенджеру, и говорит по строке, что
//! есть и как поправить то, чего нет. Ничего не меняет; работающей в той же папке не мешает.

mod disk;
mod network;
mod server;

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Parser;

use super::args::ClientArgs;
use super::texts::{Texts, language_choose, text, text_fail, texts_load};
use crate::base::bounds::DOCTOR_MS;
use crate::base::fail::{Fail, FailKind, fail};
use crate::store::home::{Home, home_client, home_default, home_open, identity_open};
use crate::store::names::name_safe;
use crate::store::settings::{Settings, setting_get, settings_read};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Ok,
    Warn,
    Bad,
}

/// One line of the examination.
#[derive(Clone, Debug)]
pub struct Line {
    pub check: &'static str,
    pub state: State,
    /// What is so, in the user's language.
    pub text: String,
    /// How to mend it; empty: nothing to mend, or the text says it.
    pub fix: String,
}

/// What every check may look at.
pub struct Facts {
    pub args: ClientArgs,
    pub home: Home,
    pub settings: Settings,
    pub texts: Texts,
}

/// One row of the table of checks.
struct CheckRow {
    /// Its first line's name, said when it does not come back in time.
    name: &'static str,
    /// Runs in a thread of its own and reads its facts itself.
    main: fn() -> Vec<Line>,
}

/// All checks, in the order of their lines. They wait side by side.
const CHECKS: &[CheckRow] = &[
    CheckRow { name: "interfaces", main: network::network_main },
    CheckRow { name: "firewall", main: network::firewall_main },
    CheckRow { name: "server", main: server::server_main },
    CheckRow { name: "identity", main: server::identity_main },
    CheckRow { name: "disk", main: disk::disk_main },
    CheckRow { name: "history", main: disk::history_main },
];

/// Домашняя папка, названная словами командной строки.
pub fn root_choose(args: &ClientArgs) -> Result<PathBuf, Fail> {
    let root = match &args.home {
        Some(path) => path.clone(),
        None => home_default("supertext")?,
    };
    Ok(match &args.profile {
        Some(profile) => root.join("profiles").join(name_safe(profile)),
        None => root,
    })
}

/// Осматривает и печатает; `true` — ничего плохого нет.
pub fn doctor(args: &ClientArgs) -> bool {
    match lines_all(args) {
        Ok(good) => good,
        Err(failed) => {
            let wish = args.lang.clone().unwrap_or_default();
            let text = text_fail(&texts_load(&language_choose(&wish)), &failed);
            let line = Line { check: "disk", state: State::Bad, text, fix: String::new() };
            line_print(args, &line);
            false
        }
    }
}

/// Все проверки. Ошибки: домашняя папка или настройки не годятся. `true` — ничего плохого нет.
fn lines_all(args: &ClientArgs) -> Result<bool, Fail> {
    // Что чинится или делается при чтении (настройки, личность), делается здесь, один раз, а не в
    // каждом из потоков.
    let facts = facts_gather(args.clone())?;
    let _ = identity_open(&facts.home);
    let mut running: Vec<(&'static str, JoinHandle<Vec<Line>>)> = Vec::new();
    for row in CHECKS {
        match std::thread::Builder::new().spawn(row.main) {
            Ok(handle) => running.push((row.name, handle)),
            Err(error) => return Err(fail(FailKind::Internal, &error.to_string())),
        }
    }
    let until = Instant::now() + Duration::from_millis(DOCTOR_MS);
    let mut good = true;
    for (name, handle) in running {
        for line in lines_wait(&facts.texts, name, handle, until) {
            good = good && line.state != State::Bad;
            line_print(args, &line);
        }
    }
    Ok(good)
}

/// Дожидается строк одной проверки, но не дольше срока.
fn lines_wait(
    texts: &Texts,
    name: &'static str,
    handle: JoinHandle<Vec<Line>>,
    until: Instant,
) -> Vec<Line> {
    while !handle.is_finished() {
        if Instant::now() >= until {
            let seconds = (DOCTOR_MS / 1_000).to_string();
            let said = text(texts, "doctor-late", &[("seconds", seconds)]);
            return vec![Line { check: name, state: State::Bad, text: said, fix: String::new() }];
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    match handle.join() {
        Ok(lines) => lines,
        Err(_) => {
            let said = text_fail(texts, &fail(FailKind::Internal, name));
            vec![Line { check: name, state: State::Bad, text: said, fix: String::new() }]
        }
    }
}

/// Печатает строку: словами или объектом JSON.
fn line_print(args: &ClientArgs, line: &Line) {
    let state = match line.state {
        State::Ok => "ok",
        State::Warn => "warn",
        State::Bad => "bad",
    };
    if args.json {
        let (check, text, fix) = (line.check, &line.text, &line.fix);
        let object = serde_json::json!({"check": check, "state": state, "text": text, "fix": fix});
        println!("{object}");
    } else if line.fix.is_empty() {
        println!("{state:<4}  {}", line.text);
    } else {
        println!("{state:<4}  {} → {}", line.text, line.fix);
    }
}

/// Факты для потока проверки: те же слова командной строки, прочитанные снова.
pub fn facts_read() -> Option<Facts> {
    facts_gather(ClientArgs::try_parse().ok()?).ok()
}

/// Собирает факты.
fn facts_gather(args: ClientArgs) -> Result<Facts, Fail> {
    let home = home_open(&root_choose(&args)?)?;
    home_client(&home)?;
    let settings = settings_read(&home.settings)?;
    let wish = match &args.lang {
        Some(code) => code.clone(),
        None => setting_get(&settings, "lang"),
    };
    let texts = texts_load(&language_choose(&wish));
    Ok(Facts { args, home, settings, texts })
}

/// Строка осмотра: что есть (`key`) и, если нужно, как поправить (`key` и `-fix`).
pub fn line(
    facts: &Facts,
    check: &'static str,
    state: State,
    key: &str,
    values: &[(&str, String)],
) -> Line {
    let fix = match state {
        State::Ok => String::new(),
        State::Warn | State::Bad => text(&facts.texts, &format!("{key}-fix"), values),
    };
    Line { check, state, text: text(&facts.texts, key, values), fix }
}

/// Строка о том, что не удалось: слова ошибки говорят и что делать.
pub fn line_fail(facts: &Facts, check: &'static str, failed: &Fail) -> Line {
    let text = text_fail(&facts.texts, failed);
    Line { check, state: State::Bad, text, fix: String::new() }
}
