//! Messages survive: what was queued goes out after a `kill -9` of the sender, what was confirmed
//! is in the receiver's history exactly once and in order, and the past can be searched.
//! Сообщения переживают всё: поставленное в очередь уходит и после `kill -9` отправителя,
//! подтверждённое лежит в истории получателя ровно один раз и по порядку, в прошлом можно искать.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{
    Client, all, client_again, client_kill, client_up, forget, meet, say, told, wait, world_make,
};
use serde_json::{Value, json};

/// Последние сообщения из истории; конец отмечает ответ на следующую команду.
fn past(client: &mut Client, command: &str) -> Vec<String> {
    forget(client);
    let before = all(client, json!({"event": "message", "past": true})).len();
    say(client, command);
    // Ответ на вопрос о прошлом идёт через диск; за ним — ответ на такой же вопрос без находок.
    say(client, "/search qwertyuiopasdf");
    wait(client, json!({"event": "info", "code": "history-none"}));
    let mut texts = Vec::new();
    for event in &all(client, json!({"event": "message", "past": true}))[before..] {
        texts.push(String::from(event["text"].as_str().unwrap()));
    }
    texts
}

#[test]
fn a_queued_message_survives_its_sender() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    client_kill(&mut bob);
    wait(&mut ann, json!({"event": "contact", "id": bob.id, "state": "offline"}));
    for number in 0..5 {
        say(&mut ann, &format!("/msg {} waits {number}", bob.id));
    }
    for _ in 0..5 {
        wait(&mut ann, json!({"event": "receipt", "state": "queued"}));
    }
    client_kill(&mut ann);
    client_again(&mut bob);
    client_again(&mut ann);
    for number in 0..5 {
        wait(&mut bob, json!({"event": "message", "text": format!("waits {number}")}));
        wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    }
    let shown = all(&mut bob, json!({"event": "message", "outgoing": false}));
    assert_eq!(shown.len(), 5, "{}", told(&bob));
}

#[test]
fn a_killed_receiver_has_everything_once_and_in_order() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    for number in 0..300 {
        say(&mut ann, &format!("/msg {} text {number}", bob.id));
        if number % 60 == 30 {
            wait(&mut bob, json!({"event": "message"}));
            client_kill(&mut bob);
            client_again(&mut bob);
        }
    }
    let since = std::time::Instant::now();
    while all(&mut ann, json!({"event": "receipt", "state": "delivered"})).len() < 300 {
        assert!(since.elapsed() < Duration::from_secs(60), "{}", told(&ann));
        std::thread::sleep(Duration::from_millis(20));
    }
    let ann_id = ann.id.clone();
    let mut texts = Vec::new();
    for text in past(&mut bob, &format!("/history {ann_id} 1000")) {
        if text.starts_with("text ") {
            texts.push(text);
        }
    }
    let mut expected = Vec::new();
    for number in 0..300 {
        expected.push(format!("text {number}"));
    }
    assert_eq!(texts, expected);
}

#[test]
fn the_past_is_searched_in_three_languages() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    let texts =
        ["Созвон завтра в пятнадцать", "明天见！晚上一起吃饭吧", "The quick brown fox", "a\"b"];
    for text in texts {
        say(&mut ann, &json!(["/msg", bob.id, text]).to_string());
        wait(&mut bob, json!({"event": "message", "text": text}));
    }
    for (words, found) in [
        ("завтра", texts[0]),
        ("СОЗВОН пятн", texts[0]),
        ("一起", texts[1]),
        ("饭", texts[1]),
        ("fox quick", texts[2]),
        ("a\"b", texts[3]),
    ] {
        assert_eq!(past(&mut bob, &format!("/search {words}")), [found], "{words}");
    }
    for words in ["OR", "*", "\"", "NEAR(", "text:fox"] {
        let none: Vec<String> = Vec::new();
        assert_eq!(past(&mut bob, &format!("/search {words}")), none, "{words}");
    }
    let error = all(&mut bob, json!({"event": "error"}));
    assert_eq!(error, Vec::<Value>::new());
}

#[test]
fn what_was_not_seen_is_counted_and_shown_on_opening() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    say(&mut ann, &format!("/msg {} one", bob.id));
    wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    client_kill(&mut bob);
    client_again(&mut bob);
    say(&mut bob, "/contacts");
    let contact = wait(&mut bob, json!({"event": "contact", "id": ann.id}));
    assert!(contact["unread"].as_u64().unwrap() >= 1, "{contact}");
    let texts = past(&mut bob, &format!("/to {}", ann.id));
    assert!(texts.contains(&String::from("one")), "{texts:?}");
    say(&mut bob, "/contacts");
    let contact = wait(&mut bob, json!({"event": "contact", "id": ann.id, "unread": 0}));
    assert_eq!(contact["unread"], 0);
}
