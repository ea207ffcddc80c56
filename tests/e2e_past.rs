//! The past between real programs: messages edited, answered, removed, read, not kept, cleared and
//! exported; their bits; a copy of the history and its return when the file is damaged.
//! Прошлое между настоящими программами: сообщения правятся, получают ответы, удаляются,
//! прочитываются, не хранятся, стираются и выгружаются; их биты; копия истории и её возвращение,
//! когда файл испорчен.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::time::Instant;

use common::files::names_in;
use common::{
    Client, World, all, client_again, client_kill, client_start_at, client_up, exit_code, forget,
    meet, outbox_settle, outbox_stored, say, say_words, texts_of, told, wait, waiting, words_of,
    world_make,
};
use rusqlite::Connection;
use serde_json::{Value, json};

/// Двое знакомых.
fn pair() -> (World, Client, Client) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", &["--yes"]);
    meet(&mut ann, &mut bob);
    (world, ann, bob)
}

/// Уходит, когда всё подтверждено или лежит на сервере.
fn quit(client: &mut Client) {
    outbox_stored(client);
    say(client, "/quit");
    assert_eq!(exit_code(client), 0, "{}", told(client));
}

/// Пишет, ждёт у получателя; возвращает номер сообщения.
fn told_to(from: &mut Client, to: &mut Client, text: &str) -> String {
    say_words(from, &["/msg", &to.id, text]);
    let got = wait(to, json!({"event": "message", "peer": from.id, "text": text}));
    String::from(got["message"].as_str().unwrap())
}

/// Последние цифры номера.
fn digits(message: &str) -> &str {
    &message[message.len() - 6..]
}

/// Что ответила история: сообщения до ответа на следующий вопрос.
fn past(client: &mut Client, command: &str) -> Vec<Value> {
    forget(client);
    let before = all(client, json!({"event": "message", "past": true})).len();
    let asked = all(client, json!({"event": "info", "code": "history-none"})).len();
    say(client, command);
    say(client, "/search qwertyuiopasdf");
    let since = Instant::now();
    // Пустая история отвечает так же, как второй вопрос: ответов тогда два.
    loop {
        let events = all(client, json!({"event": "message", "past": true}));
        let none = all(client, json!({"event": "info", "code": "history-none"})).len() - asked;
        if none == 2 || (none == 1 && events.len() > before) {
            return events[before..].to_vec();
        }
        assert!(waiting(since), "{command}\n{}", told(client));
    }
}

#[test]
fn an_edit_reaches_both_histories() {
    let (_world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    let first = told_to(&mut ann, &mut bob, "the frist text");
    let second = told_to(&mut ann, &mut bob, "the secnod text");
    say(&mut ann, &format!("/to {b}"));
    say(&mut ann, "/edit the second text");
    let got = wait(&mut bob, json!({"event": "message", "text": "the second text"}));
    assert_eq!(got["message"], json!(second), "{got}");
    assert!(got["edited"].is_string(), "{got}");
    say(&mut ann, &format!("/edit {} the first text", digits(&first)));
    let got = wait(&mut bob, json!({"event": "message", "text": "the first text"}));
    assert_eq!(got["message"], json!(first), "{got}");
    // Ушедшему правка идёт за сообщением, и порядок их не спутает.
    quit(&mut bob);
    say(&mut ann, "the thrid text");
    let third = wait(&mut ann, json!({"event": "message", "text": "the thrid text"}));
    say(&mut ann, "/edit the third text");
    outbox_stored(&ann);
    client_again(&mut bob);
    wait(&mut bob, json!({"event": "message", "text": "the thrid text"}));
    let got = wait(&mut bob, json!({"event": "message", "text": "the third text"}));
    assert_eq!(got["message"], third["message"], "{got}");
    for (client, peer) in [(&mut ann, &b), (&mut bob, &a)] {
        client_kill(client);
        client_again(client);
        let texts = past(client, &format!("/history {peer}"));
        assert_eq!(texts_of(&texts), ["the first text", "the second text", "the third text"]);
        assert!(texts[0]["edited"].is_string(), "{}", texts[0]);
        assert_eq!(texts_of(&past(client, "/search third")), ["the third text"]);
        assert_eq!(past(client, "/search thrid"), Vec::<Value>::new());
    }
    say(&mut bob, &format!("/edit {} not mine", digits(&first)));
    wait(&mut bob, json!({"event": "error", "code": "not-editable"}));
    say(&mut bob, "/edit 99ffee99ffee99 no such message");
    wait(&mut bob, json!({"event": "error", "code": "message-unknown"}));
}

#[test]
fn an_answer_names_its_message() {
    let (_world, mut ann, mut bob) = pair();
    let a = ann.id.clone();
    let first = told_to(&mut ann, &mut bob, "question one");
    let second = told_to(&mut ann, &mut bob, "question two");
    say(&mut bob, &format!("/reply {} answer one", digits(&first)));
    let got = wait(&mut ann, json!({"event": "message", "text": "answer one"}));
    assert_eq!(got["reply_to"], json!(first), "{got}");
    say(&mut bob, "/reply to nobody");
    wait(&mut bob, json!({"event": "error", "code": "peer-missing"}));
    say(&mut bob, &format!("/to {a}"));
    say(&mut bob, "/reply answer two");
    let got = wait(&mut ann, json!({"event": "message", "text": "answer two"}));
    assert_eq!(got["reply_to"], json!(second), "{got}");
    let texts = past(&mut bob, &format!("/history {a}"));
    assert_eq!(texts.len(), 4, "{}", told(&bob));
    assert_eq!((&texts[2]["reply_to"], &texts[3]["reply_to"]), (&json!(first), &json!(second)));
}

#[test]
fn opening_the_chat_tells_that_it_was_read() {
    let (_world, mut ann, mut bob) = pair();
    let a = ann.id.clone();
    let first = told_to(&mut ann, &mut bob, "unread");
    wait(&mut ann, json!({"event": "receipt", "message": first, "state": "delivered"}));
    say(&mut bob, &format!("/to {a}"));
    wait(&mut ann, json!({"event": "receipt", "message": first, "state": "read"}));
    let second = told_to(&mut ann, &mut bob, "read at once");
    wait(&mut ann, json!({"event": "receipt", "message": second, "state": "read"}));
    say(&mut bob, "/to");
    let third = told_to(&mut ann, &mut bob, "unread again");
    wait(&mut ann, json!({"event": "receipt", "message": third, "state": "delivered"}));
    let texts = past(&mut ann, &format!("/history {}", bob.id));
    assert!(texts[1]["read"].is_string() && texts[2]["read"].is_null(), "{texts:?}");
}

#[test]
fn a_removed_message_is_gone_here_only() {
    let (_world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    let first = told_to(&mut ann, &mut bob, "keep this");
    let second = told_to(&mut ann, &mut bob, "remove this");
    say(&mut bob, &format!("/delete {}", digits(&second)));
    wait(&mut bob, json!({"event": "deleted", "message": second}));
    assert_eq!(texts_of(&past(&mut bob, &format!("/history {a}"))), ["keep this"]);
    assert_eq!(past(&mut bob, "/search remove"), Vec::<Value>::new());
    assert_eq!(past(&mut ann, &format!("/history {b}")).len(), 2);
    say(&mut ann, &format!("/to {b}"));
    say(&mut ann, "/delete");
    wait(&mut ann, json!({"event": "error", "code": "argument-missing"}));
    say(&mut ann, &format!("/delete {second}"));
    wait(&mut ann, json!({"event": "deleted", "message": second}));
    say(&mut ann, "/clear");
    wait(&mut ann, json!({"event": "info", "code": "history-cleared"}));
    assert_eq!(past(&mut ann, &format!("/history {b}")), Vec::<Value>::new());
    // Правка стёртого ничего не воскрешает.
    say(&mut ann, &format!("/edit {} back again", digits(&first)));
    wait(&mut ann, json!({"event": "error", "code": "message-unknown"}));
    client_kill(&mut bob);
    client_again(&mut bob);
    assert_eq!(texts_of(&past(&mut bob, &format!("/history {a}"))), ["keep this"]);
}

/// Есть ли эти слова в базе клиента и в том, что SQLite кладёт рядом.
fn base_holds(client: &Client, words: &str) -> bool {
    for end in ["", "-wal"] {
        let path = client.home.join(format!("history.db{end}"));
        let bytes = std::fs::read(path).unwrap_or_default();
        for window in bytes.windows(words.len()) {
            if window == words.as_bytes() {
                return true;
            }
        }
    }
    false
}

/// Сколько слов осталось в указателе поиска.
fn words_indexed(client: &mut Client, word: &str) -> usize {
    past(client, &format!("/search {word}")).len()
}

#[test]
fn what_is_not_kept_is_nowhere_after_a_restart() {
    let (_world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    told_to(&mut ann, &mut bob, "kept elderberry");
    say(&mut bob, &format!("/keep {a} off"));
    wait(&mut bob, json!({"event": "info", "code": "keep-off"}));
    say(&mut ann, &format!("/keep {b} off"));
    wait(&mut ann, json!({"event": "info", "code": "keep-off"}));
    // Непрочитанное ждёт, пока его увидят; увиденное сразу не ложится вовсе.
    let unseen = told_to(&mut ann, &mut bob, "fleeting hawthorn unseen");
    wait(&mut ann, json!({"event": "receipt", "message": unseen, "state": "delivered"}));
    client_kill(&mut bob);
    client_again(&mut bob);
    let shown = texts_of(&past(&mut bob, &format!("/to {a}")));
    assert!(shown.contains(&String::from("fleeting hawthorn unseen")), "{shown:?}");
    told_to(&mut ann, &mut bob, "fleeting hawthorn seen");
    told_to(&mut bob, &mut ann, "fleeting hawthorn answer");
    for client in [&mut ann, &mut bob] {
        quit(client);
    }
    for (client, peer) in [(&mut ann, &b), (&mut bob, &a)] {
        client_again(client);
        forget(client);
        say(client, &format!("/to {peer}"));
        say(client, "/search qwertyuiopasdf");
        wait(client, json!({"event": "info", "code": "history-none"}));
        let texts = texts_of(&past(client, &format!("/history {peer}")));
        let answer = format!("{}: {texts:?}", client.name);
        let kept = texts.contains(&String::from("kept elderberry"));
        assert!(kept && texts.len() <= 2, "{answer}");
        assert_eq!(words_indexed(client, "elderberry"), 1);
        assert_eq!(words_indexed(client, "hawthorn"), 0);
        quit(client);
        assert!(base_holds(client, "elderberry"), "the search of the file is blind");
        assert!(!base_holds(client, "hawthorn"), "{} holds what is not kept", client.name);
    }
}

#[test]
fn a_cleared_chat_leaves_no_words_in_the_file() {
    let (_world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    for number in 0..50 {
        told_to(&mut ann, &mut bob, &format!("cleared mulberry {number}"));
    }
    say(&mut bob, &format!("/clear {a}"));
    wait(&mut bob, json!({"event": "info", "code": "history-cleared"}));
    assert_eq!(past(&mut bob, &format!("/history {a}")), Vec::<Value>::new());
    assert_eq!(words_indexed(&mut bob, "mulberry"), 0);
    quit(&mut bob);
    client_again(&mut bob);
    assert_eq!(past(&mut bob, &format!("/history {a}")), Vec::<Value>::new());
    told_to(&mut ann, &mut bob, "after the clearing");
    assert_eq!(texts_of(&past(&mut bob, &format!("/history {a}"))), ["after the clearing"]);
    assert_eq!(past(&mut ann, &format!("/history {b} 100")).len(), 51);
    quit(&mut bob);
    assert!(!base_holds(&bob, "mulberry"), "the file still holds what was cleared");
}

/// Выгружает и возвращает содержимое файла.
fn exported(client: &mut Client, command: &str) -> String {
    forget(client);
    say(client, command);
    let info = wait(client, json!({"event": "info", "code": "exported"}));
    let words = info["text"].as_str().unwrap();
    for name in names_in(&client.home.join("downloads")) {
        if words.contains(&name) {
            return std::fs::read_to_string(client.home.join("downloads").join(name)).unwrap();
        }
    }
    panic!("no file is named in {info}");
}

#[test]
fn an_export_holds_the_whole_talk() {
    let (world, mut ann, mut bob) = pair();
    let mut carl = client_up(&world, "Carl", &[]);
    let b = bob.id.clone();
    let first = told_to(&mut ann, &mut bob, "two\nlines and \"quotes\"");
    told_to(&mut bob, &mut ann, "ответ 答复");
    let hidden = told_to(&mut ann, &mut bob, "to be removed");
    told_to(&mut ann, &mut carl, "to another one");
    say(&mut ann, &format!("/delete {}", digits(&hidden)));
    wait(&mut ann, json!({"event": "deleted"}));
    let text = exported(&mut ann, &format!("/export {b} json"));
    let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(texts_of(&rows), ["two\nlines and \"quotes\"", "ответ 答复"]);
    assert_eq!(rows[0]["message"], json!(first), "{}", rows[0]);
    assert_eq!((&rows[0]["outgoing"], &rows[1]["outgoing"]), (&json!(true), &json!(false)));
    let rows: Vec<Value> = serde_json::from_str(&exported(&mut ann, "/export")).expect("JSON");
    assert_eq!(rows.len(), 3, "{rows:?}");
    let text = exported(&mut ann, &format!("/export {b} text"));
    assert!(text.contains("ответ 答复") && text.contains("Bob"), "{text}");
    assert!(!text.contains("to be removed") && !text.contains("to another one"), "{text}");
}

#[test]
fn bits_of_a_message_are_shown_on_both_sides() {
    let (_world, mut ann, mut bob) = pair();
    for client in [&mut ann, &mut bob] {
        say(client, "/bits on");
        wait(client, json!({"event": "info", "code": "bits-on"}));
    }
    // Длиннее двух букв: короткий узор встретился бы под печатью и сам собою.
    let text = "Hi, Bob: bits";
    let mut before = String::new();
    for byte in text.bytes() {
        before.push_str(&format!("{byte:08b}"));
    }
    assert!(before.starts_with("0100100001101001"), "H and i");
    let message = told_to(&mut ann, &mut bob, text);
    let wanted = json!({"event": "bits", "message": message, "before": before});
    let sent = wait(&mut ann, wanted.clone());
    let got = wait(&mut bob, wanted);
    assert_eq!((&sent["outgoing"], &got["outgoing"]), (&json!(true), &json!(false)));
    assert_eq!(sent["after"], got["after"], "what left is what came");
    let after = sent["after"].as_str().unwrap();
    assert_eq!(after.len() as u64, 8 * sent["bytes_after"].as_u64().unwrap());
    assert!(!after.contains(&before) && after.len() > 500, "{after}");
    say(&mut bob, "/bits off");
    wait(&mut bob, json!({"event": "info", "code": "bits-off"}));
    told_to(&mut ann, &mut bob, "unseen bits");
    assert_eq!(all(&mut bob, json!({"event": "bits"})).len(), 1, "{}", told(&bob));
    client_kill(&mut ann);
    client_again(&mut ann);
    told_to(&mut ann, &mut bob, "remembered");
    wait(&mut ann, json!({"event": "bits"}));
}

/// Ждёт первую копию базы.
fn backup_wait(client: &Client) -> PathBuf {
    let folder = client.home.join("backups");
    let since = Instant::now();
    loop {
        for name in names_in(&folder) {
            if name.starts_with("history-") && name.ends_with(".db") {
                return folder.join(name);
            }
        }
        assert!(waiting(since), "no backup in {}", folder.display());
    }
}

/// Портит столько первых байт базы; всё записанное прежде переносится в неё.
fn base_damage(path: &Path, from: usize, many: usize) {
    let base = Connection::open(path).unwrap();
    let settled: i64 = {
        let mut statement = base.prepare("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let mut rows = statement.query([]).unwrap();
        rows.next().unwrap().unwrap().get(0).unwrap()
    };
    assert_eq!(settled, 0);
    drop(base);
    let mut bytes = std::fs::read(path).unwrap();
    let end = usize::min(bytes.len(), from + many);
    for (index, byte) in bytes[from..end].iter_mut().enumerate() {
        *byte = (index * 7 + 3) as u8;
    }
    std::fs::write(path, bytes).unwrap();
}

/// Портит базу второго так, запускает его и проверяет, что копия вернулась и разговор идёт.
fn damaged_and_back(from: usize, many: usize) {
    let (world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    for number in 0..200 {
        told_to(&mut ann, &mut bob, &format!("before the copy {number}"));
    }
    // На занятой машине копию успели снять посреди разговора: нужна та, в которой он весь.
    quit(&mut bob);
    let _ = std::fs::remove_dir_all(bob.home.join("backups"));
    client_again(&mut bob);
    wait(&mut bob, json!({"event": "link", "state": "up"}));
    backup_wait(&bob);
    told_to(&mut ann, &mut bob, "after the copy");
    outbox_settle(&ann);
    quit(&mut bob);
    say(&mut ann, &format!("/msg {b} while it was damaged"));
    wait(&mut ann, json!({"event": "receipt", "state": "stored"}));
    base_damage(&bob.home.join("history.db"), from, many);
    bob = client_start_at(&bob.home, &world.server.join, "Bob", &["--yes"]);
    let words = words_of(&bob);
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(words.contains("damaged"), "{words}");
    assert!(names_in(&bob.home).contains(&String::from("history.db.damaged1")), "no damaged file");
    wait(&mut bob, json!({"event": "message", "text": "while it was damaged"}));
    let texts = texts_of(&past(&mut bob, &format!("/history {a} 300")));
    assert_eq!(texts[0], "before the copy 0", "{}", told(&bob));
    assert!(texts.contains(&String::from("before the copy 199")), "{}", told(&bob));
    told_to(&mut ann, &mut bob, "chat goes on");
    told_to(&mut bob, &mut ann, "both ways");
    client_kill(&mut bob);
    client_again(&mut bob);
    wait(&mut bob, json!({"event": "link", "state": "up"}));
    assert_eq!(words_of(&bob), "");
    told_to(&mut ann, &mut bob, "after one more start");
}

#[test]
fn a_damaged_history_comes_back_from_its_copy() {
    damaged_and_back(0, 8 * 4096);
}

#[test]
fn a_history_damaged_inside_comes_back_too() {
    damaged_and_back(4096, usize::MAX / 2);
}
