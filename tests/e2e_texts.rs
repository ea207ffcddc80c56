//! Texts in three languages: the same keys everywhere, nothing broken, every failure and every
//! command has its words; and the running program speaks the chosen one.
//! Тексты на трёх языках: ключи везде одни, ничего не сломано, у каждой ошибки и команды есть
//! слова; и работающая программа говорит на выбранном языке.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{client_start_at, say, wait};
use fluent::FluentResource;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use supertext::base::fail::FAILS;
use supertext::faces::commands::COMMANDS;
use supertext::faces::texts::{LANGUAGES, text, texts_load};

/// Ключи файла и переменные каждого: имя после `$` внутри текста.
fn keys_of(code: &str, source: &str) -> BTreeMap<String, BTreeSet<String>> {
    match FluentResource::try_new(String::from(source)) {
        Ok(_) => {}
        Err((_, errors)) => panic!("{code}.ftl: {errors:?}"),
    }
    let mut keys = BTreeMap::new();
    let mut last = String::new();
    for line in source.lines() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if !line.starts_with([' ', '}', '[', '*']) {
            let (key, _) = line.split_once('=').expect("a key");
            last = String::from(key.trim());
            let known = keys.insert(last.clone(), BTreeSet::new());
            assert!(known.is_none(), "{code}.ftl: {last} twice");
        }
        let variables = keys.get_mut(&last).expect("a key");
        for part in line.split('$').skip(1) {
            let mut name = String::new();
            for letter in part.chars() {
                if !letter.is_ascii_alphanumeric() && letter != '_' {
                    break;
                }
                name.push(letter);
            }
            variables.insert(name);
        }
    }
    keys
}

#[test]
fn the_languages_have_the_same_keys_and_variables() {
    assert_eq!(LANGUAGES.len(), 3);
    let first = keys_of(LANGUAGES[0].0, LANGUAGES[0].1);
    assert!(first.len() > 100, "{}", first.len());
    for (code, source) in LANGUAGES {
        let own = keys_of(code, source);
        for (key, variables) in &first {
            let Some(found) = own.get(key) else {
                panic!("{code}.ftl lacks {key}");
            };
            assert_eq!(found, variables, "{code}.ftl: {key}");
        }
        for key in own.keys() {
            assert!(first.contains_key(key), "{code}.ftl has {key}, English has not");
        }
    }
}

#[test]
fn every_failure_and_command_has_words() {
    for (code, _) in LANGUAGES {
        let texts = texts_load(code);
        for row in FAILS {
            let key = format!("fail-{}", row.code);
            let line = text(&texts, &key, &[("detail", String::from("DETAIL"))]);
            assert!(line != key && !line.contains('$') && !line.contains('\n'), "{code}: {line}");
        }
        for row in COMMANDS {
            let key = format!("help-{}", row.word.trim_start_matches('/'));
            assert_ne!(text(&texts, &key, &[]), key, "{code}");
        }
    }
}

/// Все русские тексты написаны по-русски, китайские — по-китайски.
#[test]
fn the_languages_are_not_english() {
    for (code, from, to) in [("ru", 'а', 'я'), ("zh", '\u{4e00}', '\u{9fff}')] {
        let texts = texts_load(code);
        for row in FAILS {
            let line = text(&texts, &format!("fail-{}", row.code), &[("detail", String::new())]);
            let mut own = false;
            for letter in line.to_lowercase().chars() {
                own = own || (letter >= from && letter <= to);
            }
            assert!(own, "{code}: {line}");
        }
    }
}

/// Ключи, названные в коде лиц и логики, есть в языке.
#[test]
fn every_key_named_in_the_code_exists() {
    let keys = keys_of(LANGUAGES[0].0, LANGUAGES[0].1);
    let mut used = 0;
    for folder in ["src/logic", "src/faces"] {
        for name in common::files::names_in(&common::project().join(folder)) {
            let source = common::text_of(&common::project().join(folder).join(&name));
            for (mark, end) in [("text(texts, \"", '"'), ("key: \"", '"'), ("text(&texts, \"", '"')]
            {
                for part in source.split(mark).skip(1) {
                    let key = part.split(end).next().unwrap_or_default();
                    assert!(keys.contains_key(key), "{folder}/{name}: {key}");
                    used += 1;
                }
            }
        }
    }
    assert!(used > 5, "{used}");
}

#[test]
fn the_program_speaks_the_chosen_language() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("Ann");
    let mut ann = client_start_at(&home, "", "Ann", &[]);
    let mut heard = Vec::new();
    for code in ["en", "ru", "zh"] {
        say(&mut ann, &format!("/lang {code}"));
        wait(&mut ann, json!({"event": "info"}));
        say(&mut ann, "/fly");
        let error = wait(&mut ann, json!({"event": "error", "code": "command-unknown"}));
        let texts = texts_load(code);
        let wanted = text(&texts, "fail-command-unknown", &[("detail", String::from("/fly"))]);
        assert_eq!(error["text"], json!(wanted));
        heard.push(wanted);
    }
    assert!(heard[0] != heard[1] && heard[1] != heard[2]);
}

#[test]
fn the_language_is_chosen_at_the_start_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    for code in ["zh", "ru", "en"] {
        let mut command = common::program(env!("CARGO_BIN_EXE_supertext"));
        command.args(["console", "--json", "--lang", code, "--home"]).arg(folder.path().join(code));
        command.args(["--server", "127.0.0.1:7000"]);
        let (exit, _, err) = common::run_whole(command);
        let texts = texts_load(code);
        let wanted = text(&texts, "fail-server-unknown", &[("detail", "127.0.0.1:7000".into())]);
        assert_eq!((exit, err.trim_end()), (4, format!("supertext: {wanted}").as_str()));
    }
    // Язык из /lang действует и при следующем запуске.
    let home = folder.path().join("keeps");
    for (line, code) in [("/lang zh", "en"), ("/help quit", "zh")] {
        let path = folder.path().join("commands");
        std::fs::write(&path, format!("{line}\n/fly\n")).unwrap();
        let mut command = common::program(env!("CARGO_BIN_EXE_supertext"));
        command.args(["console", "--json", "--home"]).arg(&home).env("LANG", "C");
        command.env("LC_ALL", "C").stdin(std::fs::File::open(&path).unwrap());
        let (exit, out, err) = common::run_whole(command);
        assert_eq!((exit, err.as_str()), (0, ""), "{out}");
        if code == "zh" {
            let texts = texts_load("zh");
            let wanted = text(&texts, "fail-command-unknown", &[("detail", "/fly".into())]);
            assert!(out.contains(&wanted), "{out}");
        }
    }
}
