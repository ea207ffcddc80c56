//! Rows of the past between real programs: files that stay in the history with what became of them,
//! answers with what they answer, pages in both directions, what a search finds.
//! Строки прошлого между настоящими программами: файлы, которые остаются в истории вместе с тем,
//! что с ними стало, ответы и то, на что они отвечают, страницы в обе стороны, найденное.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use common::files::{MIB, arrived, file_make, names_in, offered, part_grown, sources, topup};
use common::{
    Client, World, all, client_again, client_kill, client_up, forget, meet, outbox_settle, say,
    say_words, texts_of, told, wait, world_make,
};
use serde_json::{Value, json};

/// Двое знакомых.
fn pair() -> (World, Client, Client) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", &["--yes"]);
    meet(&mut ann, &mut bob);
    (world, ann, bob)
}

/// Пишет, ждёт у получателя; возвращает номер сообщения.
fn told_to(from: &mut Client, to: &mut Client, text: &str) -> Value {
    say_words(from, &["/msg", &to.id, text]);
    wait(to, json!({"event": "message", "peer": from.id, "text": text}))["message"].clone()
}

/// Страница прошлого с этим человеком.
fn page(client: &mut Client, peer: &str, words: &str) -> Value {
    forget(client);
    say(client, &format!("/page {peer} {words}"));
    wait(client, json!({"event": "page", "peer": peer}))
}

/// Последняя строка прошлого с этим человеком.
fn newest(client: &mut Client, peer: &str) -> Value {
    let page = page(client, peer, "0 100");
    page["messages"].as_array().unwrap().last().expect("a row").clone()
}

/// Строка прошлого — этот файл в этом состоянии.
fn row_is(row: &Value, name: &str, size: usize, state: &str) {
    let wanted = json!([row["kind"], row["file"], row["size"], row["state"], row["text"]]);
    assert_eq!(wanted, json!(["file", name, size, state, ""]), "{row}");
}

/// Ждёт, пока последняя строка прошлого не станет такой.
fn row_settles(client: &mut Client, peer: &str, state: &str) -> Value {
    let since = std::time::Instant::now();
    loop {
        let row = newest(client, peer);
        if row["state"] == state {
            return row;
        }
        assert!(common::waiting(since), "not {state}: {row}\n{}", told(client));
    }
}

/// Убивает и запускает снова; ждёт связи.
fn again(client: &mut Client) {
    client_kill(client);
    client_again(client);
    wait(client, json!({"event": "link", "state": "up"}));
}

#[test]
fn a_file_stays_in_both_histories() {
    let (world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    let path = file_make(&sources(&world), "Итоги года.bin", 70_000, 1);
    let transfer = offered(&mut ann, &mut bob, &path);
    let offer = all(&mut bob, json!({"event": "offer"}))[0].clone();
    let row = newest(&mut bob, &a);
    row_is(&row, "Итоги года.bin", 70_000, "offered");
    assert_eq!((&row["message"], &row["transfer"]), (&offer["message"], &json!(transfer)));
    assert_eq!((&row["outgoing"], &row["past"]), (&json!(false), &json!(true)));
    say(&mut bob, "/contacts");
    wait(&mut bob, json!({"event": "contact", "id": a, "unread": 1}));
    say(&mut bob, &format!("/take {transfer}"));
    let (got, sent) = arrived(&mut ann, &mut bob, &path);
    assert_eq!((&got["message"], &sent["message"]), (&offer["message"], &offer["message"]));
    row_settles(&mut bob, &a, "done");
    row_settles(&mut ann, &b, "done");
    for (client, peer, place) in [(&mut ann, &b, json!(path)), (&mut bob, &a, got["path"].clone())]
    {
        again(client);
        let row = newest(client, peer);
        row_is(&row, "Итоги года.bin", 70_000, "done");
        assert_eq!((&row["path"], &row["transfer"]), (&place, &json!(0)), "{row}");
        assert_eq!(row["message"], offer["message"]);
        forget(client);
        say(client, "/search итоги");
        let found = wait(client, json!({"event": "message", "past": true}));
        row_is(&found, "Итоги года.bin", 70_000, "done");
        say(client, "/chats");
        let chats = wait(client, json!({"event": "chats"}));
        row_is(&chats["messages"][0], "Итоги года.bin", 70_000, "done");
    }
    // Прежние вести о передаче: ни одной лишней строки о сообщении.
    assert_eq!(all(&mut ann, json!({"event": "message", "kind": "file", "past": false})).len(), 0);
    // Прочитанный чат прочитан и с файлом.
    say(&mut bob, "/contacts");
    wait(&mut bob, json!({"event": "contact", "id": a, "unread": 1}));
    say(&mut bob, &format!("/to {a}"));
    say(&mut bob, "/contacts");
    wait(&mut bob, json!({"event": "contact", "id": a, "unread": 0}));
    // Убитый сразу мог и не успеть записать, что видел; уходящий сам — успевает.
    say(&mut bob, "/quit");
    assert_eq!(common::exit_code(&mut bob), 0, "{}", told(&bob));
    client_again(&mut bob);
    say(&mut bob, "/contacts");
    wait(&mut bob, json!({"event": "contact", "id": a, "unread": 0}));
}

#[test]
fn an_unfinished_file_carries_its_live_number() {
    let (world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    topup(&mut ann, &bob);
    let path = file_make(&sources(&world), "big.bin", 60 * MIB, 2);
    let transfer = offered(&mut ann, &mut bob, &path);
    // Не взятое предложение переживает обе смерти и снова получает номер.
    outbox_settle(&ann);
    client_kill(&mut ann);
    again(&mut bob);
    row_is(&newest(&mut bob, &a), "big.bin", 60 * MIB, "offered");
    assert_eq!(newest(&mut bob, &a)["transfer"], 0);
    client_again(&mut ann);
    wait(&mut ann, json!({"event": "link", "state": "up"}));
    let offer = wait(&mut bob, json!({"event": "offer"}));
    let row = newest(&mut bob, &a);
    assert_eq!((&row["transfer"], &row["message"]), (&offer["transfer"], &offer["message"]));
    assert_eq!(transfer, 1);
    assert_eq!(page(&mut bob, &a, "0 100")["messages"].as_array().unwrap().len(), 1);
    say(&mut bob, &format!("/take {}", offer["transfer"]));
    part_grown(&bob, MIB);
    let row = newest(&mut ann, &b);
    row_is(&row, "big.bin", 60 * MIB, "started");
    assert!(row["transfer"].as_u64().unwrap() > 0, "{row}");
    say(&mut ann, &format!("/cancel {}", row["transfer"]));
    for (client, peer) in [(&mut ann, &b), (&mut bob, &a)] {
        row_settles(client, peer, "cancelled");
        again(client);
        let row = newest(client, peer);
        row_is(&row, "big.bin", 60 * MIB, "cancelled");
        assert_eq!(row["transfer"], 0);
    }
}

#[test]
fn a_refused_file_says_so_and_can_be_answered_and_deleted() {
    let (world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    let path = file_make(&sources(&world), "plan.txt", 100, 3);
    let transfer = offered(&mut ann, &mut bob, &path);
    say(&mut bob, &format!("/refuse {transfer}"));
    row_settles(&mut ann, &b, "refused");
    let row = row_settles(&mut bob, &a, "refused");
    let message = row["message"].as_str().unwrap().to_string();
    let quote = json!({"outgoing": true, "text": "plan.txt"});
    say(&mut bob, &format!("/reply {message} no thanks"));
    let got = wait(&mut ann, json!({"event": "message", "text": "no thanks"}));
    assert_eq!((&got["reply_to"], &got["quote"]), (&json!(message), &quote));
    assert_eq!(newest(&mut ann, &b)["quote"], quote);
    assert_eq!(newest(&mut bob, &a)["quote"]["outgoing"], false);
    say(&mut ann, &format!("/edit {message} another name"));
    wait(&mut ann, json!({"event": "error", "code": "argument-bad"}));
    // `/edit` без номера правит последний текст, а не файл.
    told_to(&mut ann, &mut bob, "a txet");
    offered(&mut ann, &mut bob, &path);
    say(&mut ann, &format!("/to {b}"));
    say(&mut ann, "/edit a text");
    wait(&mut bob, json!({"event": "message", "text": "a text"}));
    say(&mut bob, &format!("/delete {message}"));
    wait(&mut bob, json!({"event": "deleted"}));
    let rows = page(&mut bob, &a, "0 100")["messages"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 3, "{rows}");
    assert!(rows[0]["quote"].is_null(), "{}", rows[0]);
    say(&mut bob, &format!("/clear {a}"));
    assert_eq!(page(&mut bob, &a, "0 100")["messages"], json!([]));
    say(&mut bob, "/search plan");
    wait(&mut bob, json!({"event": "info", "code": "history-none"}));
}

#[test]
fn a_file_that_is_not_kept_leaves_no_row() {
    let (world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    say(&mut ann, &format!("/keep {b} off"));
    say(&mut bob, &format!("/keep {a} off"));
    wait(&mut bob, json!({"event": "info", "code": "keep-off"}));
    let path = file_make(&sources(&world), "secretplan.txt", 100, 4);
    let transfer = offered(&mut ann, &mut bob, &path);
    row_is(&newest(&mut bob, &a), "secretplan.txt", 100, "offered");
    say(&mut bob, &format!("/take {transfer}"));
    arrived(&mut ann, &mut bob, &path);
    say(&mut bob, &format!("/to {a}"));
    for (client, peer) in [(&mut ann, &b), (&mut bob, &a)] {
        assert_eq!(page(client, peer, "0 100")["messages"], json!([]));
    }
    // Подтвердить друг другу всё они успевают, пока оба здесь.
    outbox_settle(&ann);
    outbox_settle(&bob);
    for client in [&mut ann, &mut bob] {
        say(client, "/quit");
        assert_eq!(common::exit_code(client), 0, "{}", told(client));
        let base = std::fs::read(client.home.join("history.db")).unwrap();
        assert!(!holds(&base, b"secretplan"), "the name stayed");
    }
}

/// Есть ли в файле эти байты.
fn holds(all: &[u8], bytes: &[u8]) -> bool {
    for place in all.windows(bytes.len()) {
        if place == bytes {
            return true;
        }
    }
    false
}

#[test]
fn pages_go_both_ways() {
    let (_world, mut ann, mut bob) = pair();
    let a = ann.id.clone();
    for number in 1..=5 {
        told_to(&mut ann, &mut bob, &format!("text {number}"));
    }
    let last = page(&mut bob, &a, "0 2");
    assert_eq!((texts(&last), &last["more"]), (texts_named(&[4, 5]), &json!(true)));
    let place = last["messages"][0]["number"].clone();
    let before = page(&mut bob, &a, &format!("{place} 3"));
    assert_eq!((texts(&before), &before["more"]), (texts_named(&[1, 2, 3]), &json!(false)));
    assert_eq!(before["after"], false);
    let place = before["messages"][0]["number"].clone();
    let after = page(&mut bob, &a, &format!("+{place} 3"));
    assert_eq!((texts(&after), &after["more"]), (texts_named(&[2, 3, 4]), &json!(true)));
    assert_eq!(after["after"], true);
    let after = page(&mut bob, &a, &format!("+{place} 4"));
    assert_eq!((texts(&after), &after["more"]), (texts_named(&[2, 3, 4, 5]), &json!(false)));
    say(&mut bob, &format!("/page {a} +x"));
    wait(&mut bob, json!({"event": "error", "code": "argument-bad"}));
}

/// Тексты страницы.
fn texts(page: &Value) -> Vec<String> {
    texts_of(page["messages"].as_array().unwrap())
}

/// Тексты с этими номерами.
fn texts_named(numbers: &[u64]) -> Vec<String> {
    let mut texts = Vec::new();
    for number in numbers {
        texts.push(format!("text {number}"));
    }
    texts
}

#[test]
fn an_answer_shows_what_it_answers_at_once() {
    let (_world, mut ann, mut bob) = pair();
    let a = ann.id.clone();
    let long = "слово ".repeat(100);
    let first = told_to(&mut ann, &mut bob, &long);
    say_words(&mut bob, &["/reply", first.as_str().unwrap(), "yes"]);
    let start: String = long[..long.char_indices().nth(200).unwrap().0].into();
    let own = wait(&mut bob, json!({"event": "message", "text": "yes"}));
    assert_eq!(own["quote"], json!({"outgoing": false, "text": start}));
    let got = wait(&mut ann, json!({"event": "message", "text": "yes"}));
    assert_eq!(got["quote"], json!({"outgoing": true, "text": start}));
    assert_eq!(newest(&mut bob, &a)["quote"], own["quote"]);
    // Длинный ответ сначала спрашивает цену и своего не теряет.
    let answer = "x".repeat(9_000);
    say_words(&mut bob, &["/reply", first.as_str().unwrap(), &answer]);
    let own = wait(&mut bob, json!({"event": "message", "text": answer}));
    assert_eq!(own["quote"]["text"], json!(start));
}

/// Пути готовых файлов этого клиента.
fn downloads(client: &Client) -> PathBuf {
    client.home.join("downloads")
}

#[test]
fn what_was_just_deleted_is_not_exported() {
    let (_world, mut ann, mut bob) = pair();
    for number in 0..20 {
        let message = told_to(&mut ann, &mut bob, &format!("passing {number}"));
        say(&mut bob, &format!("/delete {}", message.as_str().unwrap()));
        // Сказано «удалено» — в файле этого быть не должно, на диске оно уже или ещё нет.
        wait(&mut bob, json!({"event": "deleted"}));
        say(&mut bob, "/export text");
        wait(&mut bob, json!({"event": "info", "code": "exported"}));
    }
    for name in names_in(&downloads(&bob)) {
        let text = std::fs::read_to_string(Path::new(&downloads(&bob)).join(name)).unwrap();
        assert!(!text.contains("passing"), "{text}");
    }
}
