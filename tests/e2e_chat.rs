//! Texts between real programs: both ways, long ones with their price, budgets, order, receipts.
//! Тексты между настоящими программами: в обе стороны, длинные с ценой, лимиты, порядок,
//! подтверждения.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    Client, World, all, client_again, client_kill, client_up, exit_code, fits, forget, input_end,
    meet, say, say_words, text_of, told, wait, waiting, world_make,
};
use serde_json::{Value, json};
use std::time::Instant;

/// Двое, которые видят друг друга.
fn pair(options: &[&str]) -> (World, Client, Client) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", options);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    (world, ann, bob)
}

/// Ждёт события с лимитами и возвращает остаток сообщений и файлов.
fn limits(client: &mut Client, peer: &str) -> (u64, u64) {
    forget(client);
    say(client, &format!("/limits {peer}"));
    let found = wait(client, json!({"event": "limits", "peer": peer}));
    (found["messages"].as_u64().unwrap(), found["files"].as_u64().unwrap())
}

/// Строка limits.txt этого собеседника.
fn limits_line(client: &Client, peer: &str) -> String {
    for line in text_of(&client.home.join("limits.txt")).lines() {
        if line.starts_with(peer) {
            return String::from(line);
        }
    }
    String::new()
}

/// Ждёт, пока строка limits.txt не станет такой.
fn limits_line_is(client: &Client, peer: &str, wanted: &str) {
    let since = Instant::now();
    while limits_line(client, peer) != format!("{peer} {wanted}") {
        assert!(waiting(since), "{wanted}\n{}", text_of(&client.home.join("limits.txt")));
    }
}

/// Текст в 100 с лишним килобайт из знаков в один, два, три и четыре байта.
fn long_text() -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < 100_000 {
        text.push_str(&format!("{number} ёж 汉字 🦔; "));
        number += 1;
    }
    text
}

#[test]
fn texts_go_both_ways() {
    let (_world, mut ann, mut bob) = pair(&[]);
    let (a, b) = (ann.id.clone(), bob.id.clone());
    say(&mut ann, &format!("/msg {b} привет, Bob"));
    let got = wait(&mut bob, json!({"event": "message", "text": "привет, Bob"}));
    assert!(fits(&got, &json!({"peer": a, "name": "Ann", "outgoing": false, "kind": "text"})));
    for field in ["sent", "received"] {
        let time = got[field].as_str().expect("a time");
        assert!(time.len() == 24 && time.ends_with('Z') && &time[19..20] == ".", "{got}");
    }
    let own = wait(&mut ann, json!({"event": "message", "outgoing": true, "peer": b}));
    assert_eq!(own["message"], got["message"]);
    for state in ["queued", "delivered"] {
        let wanted = json!({"event": "receipt", "state": state, "message": own["message"]});
        wait(&mut ann, wanted);
    }
    // Ответ именем, в кавычках, простым текстом после /to и со знаком / впереди.
    say(&mut bob, "/msg ann раз");
    say(&mut bob, "/msg \"Ann\" два  с  пробелами ");
    say(&mut bob, &format!("/to {a}"));
    say(&mut bob, "три");
    say(&mut bob, "//четыре");
    for text in ["раз", "два  с  пробелами", "три", "/четыре"] {
        let got = wait(&mut ann, json!({"event": "message", "outgoing": false}));
        assert_eq!(got["text"], json!(text));
    }
}

#[test]
fn words_of_an_array_keep_line_breaks_and_spaces() {
    let (_world, mut ann, mut bob) = pair(&[]);
    let spaced = format!("{} {} {}", &bob.id[..5], &bob.id[5..10], &bob.id[10..]);
    let text = "first line\n  second \"line\"\r\n\tthird [1, 2] \\n \u{2028} ";
    say_words(&mut ann, &["/msg", &spaced, text]);
    wait(&mut bob, json!({"event": "message", "text": text}));
    let empty = say_words_error(&mut ann, "[\"/msg\", 1]");
    assert!(fits(&empty, &json!({"code": "argument-bad"})), "{empty}");
    let broken = say_words_error(&mut ann, "[\"/msg\", \"x\"");
    assert!(fits(&broken, &json!({"code": "argument-bad"})), "{broken}");
    assert_eq!(all(&mut ann, json!({"event": "message"})).len(), 1, "{}", told(&ann));
}

/// Пишет строку и возвращает ошибку, которой на неё ответили.
fn say_words_error(client: &mut Client, line: &str) -> Value {
    say(client, line);
    wait(client, json!({"event": "error"}))
}

#[test]
fn a_long_text_asks_first_and_is_paid_exactly() {
    let (_world, mut ann, mut bob) = pair(&[]);
    let (b, text) = (bob.id.clone(), long_text());
    let before = limits(&mut ann, &b);
    say_words(&mut ann, &["/msg", &b, &text]);
    let asked = wait(&mut ann, json!({"event": "confirm", "peer": b}));
    let packets = asked["packets"].as_u64().expect("a number");
    let least = (text.len() as u64).div_ceil(4096);
    assert!(packets == least || packets == least + 1, "{packets} for {} bytes", text.len());
    assert!(asked["question"].as_str().unwrap().contains(&packets.to_string()), "{asked}");
    say(&mut ann, "/no");
    assert_eq!(limits(&mut ann, &b), before, "no means no price");
    // Старый номер вопроса больше ни на что не отвечает.
    say_words(&mut ann, &["/msg", &b, &text]);
    let again = wait(&mut ann, json!({"event": "confirm"}));
    assert_ne!(again["token"], asked["token"]);
    say(&mut ann, &format!("/yes {}", asked["token"].as_str().unwrap()));
    wait(&mut ann, json!({"event": "error", "code": "question-unknown"}));
    assert_eq!(all(&mut ann, json!({"event": "message"})).len(), 0, "{}", told(&ann));
    say(&mut ann, &format!("/yes {}", again["token"].as_str().unwrap()));
    let got = wait(&mut bob, json!({"event": "message"}));
    assert!(got["text"] == json!(text), "the text arrived changed");
    wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    assert_eq!(limits(&mut ann, &b), (before.0 - packets, before.1));
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 1);
    limits_line_is(&ann, &b, &format!("{} {}", before.0 - packets, before.1));
}

#[test]
fn yes_answers_by_itself() {
    let (_world, mut ann, mut bob) = pair(&["--yes"]);
    let (b, text) = (bob.id.clone(), long_text());
    say_words(&mut ann, &["/msg", &b, &text]);
    wait(&mut ann, json!({"event": "confirm"}));
    let got = wait(&mut bob, json!({"event": "message"}));
    assert!(got["text"] == json!(text), "the text arrived changed");
    wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
}

#[test]
fn the_greatest_text_passes_and_one_byte_more_does_not() {
    let (_world, mut ann, mut bob) = pair(&["--yes"]);
    let b = bob.id.clone();
    let greatest = "ы".repeat(1_047_552 / 2);
    say_words(&mut ann, &["/msg", &b, &greatest]);
    let got = wait(&mut bob, json!({"event": "message"}));
    assert!(got["text"] == json!(greatest), "the text arrived changed");
    say_words(&mut ann, &["/msg", &b, &format!("{greatest}!")]);
    wait(&mut ann, json!({"event": "error", "code": "text-too-long"}));
}

#[test]
fn a_budget_too_low_names_what_is_missing() {
    let (_world, mut ann, mut bob) = pair(&[]);
    let (b, text) = (bob.id.clone(), long_text());
    std::fs::write(ann.home.join("limits.txt"), format!("{b} 2 5\n")).expect("write");
    wait_limits(&mut ann, &b, (2, 5));
    say_words(&mut ann, &["/msg", &b, &text]);
    let error = wait(&mut ann, json!({"event": "error", "code": "budget-messages"}));
    let words = error["text"].as_str().unwrap();
    let price = (text.len() as u64).div_ceil(4096);
    let named =
        words.contains(&(price - 2).to_string()) || words.contains(&(price - 1).to_string());
    assert!(named && words.contains('2'), "{words}");
    say(&mut ann, &format!("/msg {b} one"));
    say(&mut ann, &format!("/msg {b} two"));
    say(&mut ann, &format!("/msg {b} three"));
    wait(&mut ann, json!({"event": "error", "code": "budget-messages"}));
    wait(&mut bob, json!({"event": "message", "text": "two"}));
    say(&mut ann, &format!("/topup {b} messages 1"));
    say(&mut ann, &format!("/msg {b} four"));
    wait(&mut bob, json!({"event": "message", "text": "four"}));
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 3, "{}", told(&bob));
    limits_line_is(&ann, &b, "0 5");
}

/// Ждёт, пока программа не узнает лимиты из файла.
fn wait_limits(client: &mut Client, peer: &str, wanted: (u64, u64)) {
    let since = Instant::now();
    while limits(client, peer) != wanted {
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(waiting(since), "never {wanted:?}\n{}", told(client));
    }
}

#[test]
fn limits_edited_by_hand_count_at_once() {
    let (_world, mut ann, mut bob) = pair(&[]);
    let b = bob.id.clone();
    let path = ann.home.join("limits.txt");
    say(&mut ann, &format!("/msg {b} one"));
    wait(&mut bob, json!({"event": "message", "text": "one"}));
    limits_line_is(&ann, &b, "999 1000");
    // Правка с комментарием и номером через пробелы.
    let spaced = format!("{} {} {}", &b[..5], &b[5..10], &b[10..]);
    std::fs::write(&path, format!("# mine\n\n{spaced}   50\t60 # Bob\n")).expect("write");
    wait_limits(&mut ann, &b, (50, 60));
    // Правка, сделанная за миг до траты, не пропадает.
    std::fs::write(&path, format!("{b} 70 80\n")).expect("write");
    say(&mut ann, &format!("/msg {b} two"));
    wait(&mut bob, json!({"event": "message", "text": "two"}));
    limits_line_is(&ann, &b, "69 80");
}

#[test]
fn a_broken_limits_file_is_told_once_and_kept() {
    let (_world, mut ann, mut bob) = pair(&[]);
    let b = bob.id.clone();
    let path = ann.home.join("limits.txt");
    limits_line_is(&ann, &b, "1000 1000");
    let broken = format!("# my own notes\n{b} many 7\n");
    std::fs::write(&path, &broken).expect("write");
    let error = wait(&mut ann, json!({"event": "error", "code": "limits-bad"}));
    assert!(error["text"].as_str().unwrap().contains("limits.txt:2"), "{error}");
    assert_eq!(text_of(&path), broken);
    // Трата не стирает того, что человек не дописал: файл цел или отложен рядом.
    say(&mut ann, &format!("/msg {b} one"));
    wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    wait(&mut bob, json!({"event": "message", "text": "one"}));
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    let mut kept = false;
    for name in common::files::names_in(&ann.home) {
        let file = name != "supertext.log";
        kept = kept || (file && text_of(&ann.home.join(name)).contains("many 7"));
    }
    assert!(kept, "the person's file is gone: {}", text_of(&path));
    assert_eq!(all(&mut ann, json!({"event": "error", "code": "limits-bad"})).len(), 1);
}

#[test]
fn five_hundred_messages_keep_their_order() {
    let (_world, mut ann, mut bob) = pair(&[]);
    let b = bob.id.clone();
    for number in 0..500 {
        say(&mut ann, &format!("/msg {b} number {number}"));
    }
    input_end(&mut ann);
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    for number in 0..500 {
        let got = wait(&mut bob, json!({"event": "message"}));
        assert_eq!(got["text"], json!(format!("number {number}")), "{}", told(&bob));
    }
    assert_eq!(all(&mut ann, json!({"event": "receipt", "state": "delivered"})).len(), 500);
    limits_line_is(&ann, &b, "500 1000");
}

/// Много длинных текстов подряд; `away` — получателя в это время нет.
fn great_texts(away: bool) {
    let (_world, mut ann, mut bob) = pair(&["--yes"]);
    let b = bob.id.clone();
    if away {
        client_kill(&mut bob);
        wait(&mut ann, json!({"event": "contact", "id": b, "state": "offline"}));
    }
    say(&mut ann, &format!("/topup {b} messages 100000"));
    for number in 0..24 {
        let text = format!("{number} {}", "long ".repeat(200_000));
        say_words(&mut ann, &["/msg", &b, &text]);
        wait(&mut ann, json!({"event": "receipt", "state": "queued"}));
    }
    if away {
        client_again(&mut bob);
    }
    for number in 0..24 {
        let got = wait(&mut bob, json!({"event": "message"}));
        let text = got["text"].as_str().unwrap();
        assert!(text.starts_with(&format!("{number} long")), "not {number}: {}", &text[..12]);
        assert!(text.len() > 1_000_000, "cut: {}", text.len());
    }
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 24);
    for client in [&mut ann, &mut bob] {
        assert_eq!(all(client, json!({"event": "link"})).len(), 1, "{}", told(client));
    }
}

#[test]
fn many_great_texts_arrive_in_order() {
    great_texts(false);
}

#[test]
fn many_great_texts_wait_for_who_is_away() {
    great_texts(true);
}
