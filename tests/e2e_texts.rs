//! Texts in three languages: the same keys everywhere, nothing broken, every failure, command and
//! event has its words; lines become commands; and the running program speaks the chosen language.
//! Тексты на трёх языках: ключи везде одни, ничего не сломано, у каждой ошибки, команды и события
//! есть слова; строки становятся командами; и работающая программа говорит на выбранном языке.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{client_start_at, say, wait};
use fluent::FluentResource;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use supertext::base::fail::{FAILS, FailKind};
use supertext::faces::commands::{COMMANDS, line_parse, words_parse};
use supertext::faces::json::show_json;
use supertext::faces::lines::show_text;
use supertext::faces::texts::{LANGUAGES, text, texts_load};
use supertext::logic::events::{Command, ExportForm, PastCommand, Standing};
use supertext::logic::show::{MessageShow, PeerState, ReceiptState, Show};

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

/// Ключи одного `Show::Info`: названный прямо или выбранный выше в `let key = if … else …;`.
fn info_keys(source: &str, at: usize) -> Vec<String> {
    let after = source[at..].trim_start();
    let mut keys = Vec::new();
    if let Some(rest) = after.strip_prefix("key: \"") {
        keys.push(String::from(rest.split('"').next().unwrap_or_default()));
        return keys;
    }
    let before = &source[..at];
    let choice = &before[before.rfind("let key = ").expect("a choice of keys")..];
    let choice = choice.split(';').next().unwrap_or_default();
    for (index, part) in choice.split('"').enumerate() {
        if index % 2 == 1 {
            keys.push(String::from(part));
        }
    }
    keys
}

#[test]
fn every_line_the_logic_shows_exists() {
    let known = keys_of(LANGUAGES[0].0, LANGUAGES[0].1);
    let mut used = 0;
    for name in common::files::names_in(&common::project().join("src/logic")) {
        let source = common::text_of(&common::project().join("src/logic").join(&name));
        for (at, mark) in source.match_indices("Show::Info {") {
            let keys = info_keys(&source, at + mark.len());
            assert!(!keys.is_empty(), "{name}: no key at {at}");
            for key in keys {
                assert!(known.contains_key(&key), "{name}: {key}");
                used += 1;
            }
        }
    }
    assert!(used > 20, "{used}");
}

/// Сообщение прошлого: ответ, исправленное и прочитанное.
fn message_sample() -> MessageShow {
    let mut message = [0x11; 16];
    message[14..].copy_from_slice(&[0xa3, 0xf9]);
    let (sent, received) = (1_000_000_000_000, 1_000_000_001_000);
    MessageShow {
        file: None,
        quote: None,
        peer: 7,
        name: String::from("Ann"),
        message,
        text: String::from("one\ntwo"),
        outgoing: true,
        sent,
        received,
        read: received,
        edited: received,
        reply: [0xbc; 16],
        past: true,
        number: 5,
        state: ReceiptState::Read,
        author: 0,
        author_name: String::new(),
    }
}

/// Контакт, каким он бывает.
fn contact_sample(standing: Standing, state: PeerState) -> Show {
    let (unread, blocked, verified, changed) = (2, false, true, true);
    let name = String::from("Ann");
    let folder = String::from("Family");
    Show::Contact { id: 7, name, state, unread, blocked, standing, verified, changed, folder }
}

/// События, которые лицо показывает словами из lang/.
fn shows_sample() -> Vec<Show> {
    let (peer, message, name) = (7, [0xab; 16], String::from("Ann"));
    let (number, words) = ("12345 ".repeat(12), String::from("hello"));
    let mut shows = vec![
        Show::Request { id: peer, name: name.clone(), words: words.clone() },
        Show::Deleted { peer, message },
        Show::Message(message_sample()),
    ];
    for verified in [true, false] {
        let (name, number) = (name.clone(), number.clone());
        shows.push(Show::Safety { peer, name, number, verified });
    }
    let (before, after) = (vec![0x0f; 3], vec![0xf0; 5_000]);
    shows.push(Show::Bits { peer, message, outgoing: true, before, after });
    for state in [ReceiptState::Stored, ReceiptState::Delivered, ReceiptState::Read] {
        shows.push(Show::Receipt { peer, message, state, at: 1, reason: None });
    }
    for standing in [
        Standing::Contact,
        Standing::Asked,
        Standing::Declined,
        Standing::Asks,
        Standing::Later,
        Standing::Spam,
    ] {
        shows.push(contact_sample(standing, PeerState::Online));
    }
    shows
}

#[test]
fn every_event_has_words() {
    let keys = keys_of(LANGUAGES[0].0, LANGUAGES[0].1);
    for (code, _) in LANGUAGES {
        let texts = texts_load(code);
        for show in shows_sample() {
            let line = show_text(&texts, &show);
            assert!(!line.is_empty() && !line.contains('$'), "{code}: {line}");
            for word in line.split([' ', '\n']) {
                let bare = word.contains('-') && keys.contains_key(word);
                assert!(!bare && !word.starts_with("peer-"), "{code}: {line}");
            }
        }
    }
}

#[test]
fn a_message_tells_what_it_answers_and_its_digits() {
    let texts = texts_load("en");
    let mut shown = message_sample();
    let line = show_text(&texts, &Show::Message(shown.clone()));
    assert!(line.contains("Ann: ↳ ·bcbc one\n    two (edited "), "{line}");
    assert!(line.contains(" (read ") && line.ends_with(") ·a3f9"), "{line}");
    let event = show_json(&texts, &Show::Message(shown.clone()));
    assert_eq!(event["reply_to"], json!("bcbcbcbc-bcbc-bcbc-bcbc-bcbcbcbcbcbc"));
    assert_eq!(event["edited"], json!("2001-09-09T01:46:41.000Z"));
    assert_eq!((&event["read"], &event["kind"]), (&event["edited"], &json!("text")));
    (shown.read, shown.edited, shown.reply, shown.past) = (0, 0, [0; 16], false);
    let line = show_text(&texts, &Show::Message(shown.clone()));
    assert!(line.ends_with("Ann: one\n    two"), "{line}");
    let event = show_json(&texts, &Show::Message(shown));
    let nothing = json!(null);
    assert_eq!(
        (&event["reply_to"], &event["edited"], &event["read"]),
        (&nothing, &nothing, &nothing)
    );
}

#[test]
fn long_bits_are_cut_and_counted() {
    let texts = texts_load("en");
    let (before, after) = (vec![0x0f; 3], vec![0xf0; 5_000]);
    let show = Show::Bits { peer: 7, message: [1; 16], outgoing: false, before, after };
    let event = show_json(&texts, &show);
    assert_eq!(event["before"], json!("00001111".repeat(3)));
    assert_eq!(event["after"], json!("11110000".repeat(4096)));
    assert_eq!((&event["bytes_before"], &event["bytes_after"]), (&json!(3), &json!(5_000)));
    let line = show_text(&texts, &show);
    assert_eq!(line.matches("11110000").count(), 64, "{line}");
    assert!(line.contains("    00001111 00001111 00001111\n"), "{line}");
    assert!(line.ends_with("… 4936 more bytes"), "{line}");
}

#[test]
fn a_contact_waits_or_is_refused_by_its_standing() {
    let texts = texts_load("en");
    for (standing, state, word) in [
        (Standing::Contact, "online", "contact"),
        (Standing::Asked, "pending", "asked"),
        (Standing::Declined, "refused", "declined"),
        (Standing::Asks, "online", "asks"),
        (Standing::Spam, "online", "spam"),
    ] {
        let event = show_json(&texts, &contact_sample(standing, PeerState::Online));
        assert_eq!((&event["state"], &event["standing"]), (&json!(state), &json!(word)));
        assert_eq!((&event["verified"], &event["key_changed"]), (&json!(true), &json!(true)));
    }
    let line = show_text(&texts, &contact_sample(Standing::Asked, PeerState::Online));
    assert!(line.contains("Ann ✓  asked, no answer yet  [2]  ⚠ key changed"), "{line}");
}

#[test]
fn the_safety_number_stands_in_two_lines() {
    let number = "12345 ".repeat(12);
    let name = String::from("Ann");
    let show = Show::Safety { peer: 7, name, number: number.clone(), verified: false };
    let line = show_text(&texts_load("en"), &show);
    let half = format!("\n    {}\n", "12345 ".repeat(6).trim_end());
    assert_eq!(line.replace('\n', "\n\n").matches(&half).count(), 2, "{line}");
    assert!(line.contains("/verify 00000000000073 yes"), "{line}");
}

/// Исправление с такой ссылкой и текстом.
fn edit(reference: &str, text: &str) -> Command {
    let (reference, text) = (String::from(reference), String::from(text));
    Command::Past(PastCommand::Edit { reference, text })
}

#[test]
fn a_message_is_named_by_its_digits_or_is_the_last() {
    let whole = "0190c6a0-1111-7222-8333-44445555a3f9";
    let bare = whole.replace('-', "");
    for (line, wanted) in [
        ("/edit ·a3f9 new text", edit("a3f9", "new text")),
        ("/edit #A3F9  new  text", edit("a3f9", "new  text")),
        ("/edit #face it", edit("face", "it")),
        ("/edit a3f9 new", edit("a3f9", "new")),
        ("/edit 2024 was good", edit("2024", "was good")),
        (&format!("/edit {whole} new"), edit(&bare, "new")),
        (&format!("/edit {bare} new"), edit(&bare, "new")),
        ("/edit face it", edit("", "face it")),
        ("/edit A3F9 new", edit("", "A3F9 new")),
        ("/edit a3f new", edit("", "a3f new")),
        ("/edit a3f9", edit("", "a3f9")),
        ("/edit just a text", edit("", "just a text")),
    ] {
        assert_eq!(line_parse(line), wanted, "{line}");
    }
    for (line, kind) in [
        ("/edit", FailKind::ArgumentMissing),
        ("/edit ·a3f9", FailKind::ArgumentMissing),
        ("/edit ·xyz text", FailKind::ArgumentBad),
        ("/delete a3", FailKind::ArgumentBad),
        ("/delete a3f9 b2c1", FailKind::ArgumentBad),
        ("/reply", FailKind::ArgumentMissing),
        ("/delete", FailKind::ArgumentMissing),
    ] {
        bad(line_parse(line), kind, line);
    }
    let delete = Command::Past(PastCommand::Delete(String::from("a3f9")));
    assert_eq!(line_parse("/delete ·a3f9"), delete);
    assert_eq!(words(&["/edit", "a3f9"]), edit("", "a3f9"));
    assert_eq!(words(&["/edit", "·a3f9", "a\nb"]), edit("a3f9", "a\nb"));
    assert_eq!(words(&["/edit", "", "text"]), edit("", "text"));
    bad(words(&["/edit", "my", "text"]), FailKind::ArgumentBad, "my");
}

/// Команда из массива слов.
fn words(list: &[&str]) -> Command {
    let mut owned = Vec::new();
    for word in list {
        owned.push(String::from(*word));
    }
    words_parse(&owned)
}

/// Строка, которую нельзя понять, и почему.
fn bad(command: Command, kind: FailKind, line: &str) {
    let Command::Bad(failed) = &command else {
        panic!("{line}: {command:?}");
    };
    assert_eq!(failed.kind, kind, "{line}");
}

#[test]
fn people_and_choices_come_in_any_order() {
    let ann = String::from("Ann");
    let (json, text) = (ExportForm::Json, ExportForm::Text);
    for (line, wanted) in [
        ("/keep on", Command::Past(PastCommand::Keep { who: String::new(), on: true })),
        ("/keep Ann off", Command::Past(PastCommand::Keep { who: ann.clone(), on: false })),
        ("/export", Command::Past(PastCommand::Export { who: String::new(), form: json })),
        ("/export text", Command::Past(PastCommand::Export { who: String::new(), form: text })),
        ("/export Ann text", Command::Past(PastCommand::Export { who: ann.clone(), form: text })),
        (
            "/export text \"Ann\"",
            Command::Past(PastCommand::Export { who: ann.clone(), form: text }),
        ),
        ("/export Ann", Command::Past(PastCommand::Export { who: ann.clone(), form: json })),
        ("/add Ann hello there", Command::Add { who: ann.clone(), words: "hello there".into() }),
        ("/verify Ann", Command::Verify { who: ann.clone(), answer: String::new() }),
        ("/verify Ann yes", Command::Verify { who: ann.clone(), answer: "yes".into() }),
        ("/verify Ann 12 34", Command::Verify { who: ann.clone(), answer: "12 34".into() }),
        ("/accept 12345 67890 1234", Command::Accept("12345 67890 1234".into())),
        ("/bits on", Command::Bits(true)),
        ("/set bits off", Command::Bits(false)),
        ("/spam", Command::Spam),
    ] {
        assert_eq!(line_parse(line), wanted, "{line}");
    }
    assert_eq!(
        words(&["/export", "text", "Ann"]),
        Command::Past(PastCommand::Export { who: ann.clone(), form: text })
    );
    assert_eq!(
        words(&["/keep", "Ann", "on"]),
        Command::Past(PastCommand::Keep { who: ann.clone(), on: true })
    );
    bad(words(&["/export", "Ann", "xml"]), FailKind::ArgumentBad, "xml");
    for line in ["/accept", "/reject", "/later", "/trust", "/verify", "/keep Ann", "/bits"] {
        bad(line_parse(line), FailKind::ArgumentMissing, line);
    }
    for line in ["/verify Ann maybe", "/bits loud", "/set accept_from nobody", "/set bits x"] {
        bad(line_parse(line), FailKind::ArgumentBad, line);
    }
    let (key, value) = (String::from("accept_from"), String::from("contacts"));
    assert_eq!(line_parse("/set accept_from contacts"), Command::Set { key, value });
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
