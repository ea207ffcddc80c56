//! Who may write to whom and whose key it is: requests and their answers, the spam folder, the
//! safety number, a changed key; sessions that heal when one side's database is lost or old.
//! Кто кому может писать и чей это ключ: просьбы и ответы, папка спама, число безопасности,
//! сменившийся ключ; сеансы, которые лечатся, когда база одной из сторон пропала или старая.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    Client, World, all, client_again, client_kill, client_up, exit_code, folder_copy, forget,
    keys_settle, meet, outbox_settle, say, texts_of, told, wait, wait_many, world_make,
};
use rusqlite::Connection;
use serde_json::{Value, json};
use supertext::base::ids::id_parse;

/// Двое, которые ещё ничего друг о друге не знают.
fn strangers() -> (World, Client, Client) {
    let world = world_make();
    let ann = client_up(&world, "Ann", &["--yes"]);
    let bob = client_up(&world, "Bob", &["--yes"]);
    (world, ann, bob)
}

/// Двое знакомых.
fn friends() -> (World, Client, Client) {
    let (world, mut ann, mut bob) = strangers();
    meet(&mut ann, &mut bob);
    (world, ann, bob)
}

/// Уходит по-хорошему.
fn quit(client: &mut Client) {
    outbox_settle(client);
    say(client, "/quit");
    assert_eq!(exit_code(client), 0, "{}", told(client));
}

/// Контакт в таком положении.
fn contact(id: &str, standing: &str) -> Value {
    json!({"event": "contact", "id": id, "standing": standing})
}

/// Тексты от этого человека, по порядку.
fn heard(client: &mut Client, peer: &str) -> Vec<String> {
    texts_of(&all(
        client,
        json!({"event": "message", "peer": peer, "past": false,
        "outgoing": false}),
    ))
}

/// Пишет и ждёт, пока дойдёт.
fn told_to(from: &mut Client, to: &mut Client, text: &str) {
    say(from, &format!("/msg {} {text}", to.id));
    wait(to, json!({"event": "message", "peer": from.id, "text": text, "outgoing": false}));
}

#[test]
fn a_request_is_accepted() {
    let (_world, mut ann, mut bob) = strangers();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    say(&mut ann, &format!("/add {b} we met at the fair"));
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "pending"}));
    let asked = wait(&mut bob, json!({"event": "request", "id": a}));
    assert_eq!(asked["text"], json!("we met at the fair"), "{asked}");
    say(&mut bob, &format!("/accept {a}"));
    wait(&mut ann, json!({"event": "info", "code": "request-accepted"}));
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "online", "standing": "contact"}));
    wait(&mut bob, json!({"event": "contact", "id": a, "state": "online", "name": "Ann"}));
    say(&mut bob, &format!("/accept {a}"));
    wait(&mut bob, json!({"event": "error", "code": "request-missing"}));
    told_to(&mut ann, &mut bob, "hello");
    told_to(&mut bob, &mut ann, "hello back");
}

#[test]
fn a_request_is_rejected_and_repeats_are_silent() {
    let (_world, mut ann, mut bob) = strangers();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    say(&mut ann, &format!("/add {b}"));
    wait(&mut bob, json!({"event": "request", "id": a}));
    say(&mut bob, &format!("/reject {a}"));
    wait(&mut ann, json!({"event": "info", "code": "request-rejected"}));
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "refused"}));
    // Просьбы и тексты отвергнутого не тревожат, но лежат в папке спама.
    say(&mut ann, &format!("/add {b} please"));
    say(&mut ann, &format!("/msg {b} please"));
    wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    assert_eq!(all(&mut bob, json!({"event": "request"})).len(), 1, "{}", told(&bob));
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 0, "{}", told(&bob));
    forget(&mut bob);
    say(&mut bob, "/spam");
    wait(&mut bob, json!({"event": "contact", "id": a, "standing": "spam", "unread": 1}));
    say(&mut bob, "/contacts");
    wait(&mut bob, json!({"event": "info", "code": "contacts-none"}));
}

#[test]
fn a_request_put_off_is_asked_again_at_the_next_start() {
    let (_world, mut ann, mut bob) = strangers();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    say(&mut ann, &format!("/add {b} one more time"));
    wait(&mut bob, json!({"event": "request", "id": a}));
    say(&mut bob, &format!("/later {a}"));
    wait(&mut bob, contact(&a, "later"));
    outbox_settle(&ann);
    quit(&mut bob);
    for _ in 0..2 {
        client_again(&mut bob);
        let asked = wait(&mut bob, json!({"event": "request", "id": a}));
        assert_eq!(asked["text"], json!("one more time"), "{asked}");
        client_kill(&mut bob);
    }
    client_again(&mut bob);
    say(&mut bob, &format!("/accept {a}"));
    wait(&mut ann, contact(&b, "contact"));
    quit(&mut bob);
    client_again(&mut bob);
    wait(&mut bob, json!({"event": "contact", "id": a, "state": "online"}));
    assert_eq!(all(&mut bob, json!({"event": "request"})).len(), 0, "{}", told(&bob));
}

#[test]
fn crossing_requests_make_friends_without_a_question() {
    let (world, mut ann, mut bob) = strangers();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    keys_settle(&world, &bob);
    client_kill(&mut bob);
    say(&mut ann, &format!("/add {b}"));
    common::outbox_stored(&ann);
    // Второй просит, не зная о первой просьбе: она ждёт его на сервере.
    client_again(&mut bob);
    say(&mut bob, &format!("/add {a}"));
    wait(&mut bob, json!({"event": "contact", "id": a, "state": "online"}));
    wait(&mut ann, json!({"event": "contact", "id": b, "state": "online"}));
    told_to(&mut ann, &mut bob, "hello");
    for client in [&mut ann, &mut bob] {
        outbox_settle(client);
        assert_eq!(all(client, json!({"event": "error"})).len(), 0, "{}", told(client));
    }
}

#[test]
fn strangers_go_to_the_spam_folder_and_come_out_with_their_words() {
    let (_world, mut ann, mut bob) = strangers();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    say(&mut bob, "/set accept_from contacts");
    wait(&mut bob, json!({"event": "info", "code": "setting-set"}));
    for text in ["buy one", "buy two"] {
        say(&mut ann, &format!("/msg {b} {text}"));
        wait(&mut ann, json!({"event": "receipt", "state": "delivered"}));
    }
    assert_eq!(heard(&mut bob, &a), Vec::<String>::new(), "{}", told(&bob));
    quit(&mut bob);
    client_again(&mut bob);
    wait(&mut bob, json!({"event": "link", "state": "up"}));
    say(&mut bob, "/spam");
    wait(&mut bob, json!({"event": "contact", "id": a, "standing": "spam", "unread": 2}));
    say(&mut bob, &format!("/accept {a}"));
    wait(&mut bob, contact(&a, "contact"));
    say(&mut bob, &format!("/history {a}"));
    let past = wait_many(&mut bob, json!({"event": "message", "past": true}), 2);
    assert_eq!(texts_of(&past), ["buy one", "buy two"]);
    told_to(&mut ann, &mut bob, "thank you");
}

/// Число безопасности у клиента и отметка «сверено».
fn safety(client: &mut Client, peer: &str) -> (String, bool) {
    forget(client);
    say(client, &format!("/verify {peer}"));
    let event = wait(client, json!({"event": "safety", "peer": peer}));
    (String::from(event["number"].as_str().unwrap()), event["verified"] == json!(true))
}

#[test]
fn the_safety_number_is_one_and_its_mark_survives() {
    let (_world, mut ann, mut bob) = friends();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    let (number, verified) = safety(&mut ann, &b);
    assert_eq!(safety(&mut bob, &a), (number.clone(), false));
    assert!(!verified);
    let groups: Vec<&str> = number.split(' ').collect();
    assert_eq!((groups.len(), number.len()), (12, 71), "{number}");
    // Чужое число не принимается и отметки не ставит.
    let last = if number.ends_with('0') { '1' } else { '0' };
    let wrong = format!("{}{last}", &number[..number.len() - 1]);
    say(&mut ann, &format!("/verify {b} {wrong}"));
    wait(&mut ann, json!({"event": "error", "code": "number-wrong"}));
    assert!(!safety(&mut ann, &b).1);
    say(&mut ann, &format!("/verify {b} {number}"));
    wait(&mut ann, json!({"event": "contact", "id": b, "verified": true}));
    client_kill(&mut ann);
    client_again(&mut ann);
    assert!(safety(&mut ann, &b).1, "{}", told(&ann));
    assert!(!safety(&mut bob, &a).1, "the mark is one's own");
    say(&mut ann, &format!("/verify {b} no"));
    wait(&mut ann, json!({"event": "contact", "id": b, "verified": false}));
}

/// Убирает базу клиента: личность та же, всё остальное начинается заново.
fn base_lose(client: &Client) {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(client.home.join(format!("history.db{end}")));
    }
}

/// Тексты `word 0`, `word 1`…
fn wanted(word: &str, many: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for number in 0..many {
        texts.push(format!("{word} {number}"));
    }
    texts
}

#[test]
fn a_lost_database_heals_and_nothing_is_lost() {
    let (_world, mut ann, mut bob) = friends();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    told_to(&mut ann, &mut bob, "before");
    told_to(&mut bob, &mut ann, "before too");
    outbox_settle(&ann);
    quit(&mut bob);
    // Часть написана прежним сеансом в ящик, часть — когда он уже не годится.
    for number in 0..5 {
        say(&mut ann, &format!("/msg {b} broken {number}"));
    }
    wait_many(&mut ann, json!({"event": "receipt", "state": "stored"}), 5);
    base_lose(&bob);
    client_again(&mut bob);
    for number in 5..10 {
        say(&mut ann, &format!("/msg {b} broken {number}"));
    }
    wait_many(&mut bob, json!({"event": "message", "peer": a}), 10);
    assert_eq!(heard(&mut bob, &a), wanted("broken", 10), "{}", told(&bob));
    outbox_settle(&ann);
    told_to(&mut bob, &mut ann, "and back");
    told_to(&mut ann, &mut bob, "after");
    for client in [&mut ann, &mut bob] {
        outbox_settle(client);
        assert_eq!(all(client, json!({"event": "error", "code": "key-changed"})).len(), 0);
    }
    assert_eq!(heard(&mut bob, &a).len(), 11, "{}", told(&bob));
}

#[test]
fn a_lost_database_of_the_sender_heals_too() {
    let (_world, mut ann, mut bob) = friends();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    told_to(&mut ann, &mut bob, "before");
    outbox_settle(&bob);
    quit(&mut ann);
    // Тот конец пишет прежним сеансом в ящик, а базы, которая его знала, больше нет.
    say(&mut bob, &format!("/msg {a} to the new one"));
    wait(&mut bob, json!({"event": "receipt", "state": "stored"}));
    base_lose(&ann);
    client_again(&mut ann);
    say(&mut ann, &format!("/msg {b} from the new one"));
    wait(&mut bob, json!({"event": "message", "text": "from the new one"}));
    wait(&mut ann, json!({"event": "message", "text": "to the new one"}));
    told_to(&mut bob, &mut ann, "again");
    outbox_settle(&ann);
    outbox_settle(&bob);
    assert_eq!(heard(&mut ann, &b), ["to the new one", "again"]);
}

#[test]
fn a_home_restored_from_an_old_copy_heals() {
    let (world, mut ann, mut bob) = friends();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    told_to(&mut ann, &mut bob, "before the copy");
    told_to(&mut bob, &mut ann, "before the copy too");
    outbox_settle(&bob);
    quit(&mut ann);
    let copy = world.folder.path().join("copy");
    folder_copy(&ann.home, &copy);
    client_again(&mut ann);
    for number in 0..5 {
        told_to(&mut ann, &mut bob, &format!("after the copy {number}"));
        told_to(&mut bob, &mut ann, &format!("answer {number}"));
    }
    outbox_settle(&bob);
    quit(&mut ann);
    // Храповик возвращается назад: те же шаги пошли бы второй раз.
    std::fs::remove_dir_all(&ann.home).unwrap();
    folder_copy(&copy, &ann.home);
    say(&mut bob, &format!("/msg {a} while it was away"));
    wait(&mut bob, json!({"event": "receipt", "state": "stored"}));
    client_again(&mut ann);
    for number in 0..5 {
        say(&mut ann, &format!("/msg {b} restored {number}"));
        say(&mut bob, &format!("/msg {a} to restored {number}"));
    }
    wait(&mut ann, json!({"event": "message", "text": "to restored 4"}));
    wait(&mut bob, json!({"event": "message", "text": "restored 4"}));
    outbox_settle(&ann);
    outbox_settle(&bob);
    let mut texts = vec![String::from("while it was away")];
    texts.append(&mut wanted("to restored", 5));
    assert_eq!(heard(&mut ann, &b), texts, "{}", told(&ann));
    let all_heard = heard(&mut bob, &a);
    assert_eq!(all_heard[all_heard.len() - 5..], wanted("restored", 5), "{}", told(&bob));
    assert_eq!(all_heard.len(), 11, "{}", told(&bob));
}

/// Закрепляет у стоящего клиента за этим человеком другой ключ.
fn pin_other(client: &Client, peer: &str) {
    let base = Connection::open(client.home.join("history.db")).unwrap();
    let update = "UPDATE people SET public = ?2, verified = 1 WHERE peer = ?1";
    let changed = base.execute(update, (id_parse(peer).unwrap() as i64, vec![7u8; 32])).unwrap();
    assert_eq!(changed, 1);
    base.execute("DELETE FROM sessions", ()).unwrap();
}

#[test]
fn a_changed_key_stops_everything_until_it_is_trusted() {
    let (_world, mut ann, mut bob) = friends();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    told_to(&mut ann, &mut bob, "before");
    outbox_settle(&ann);
    outbox_settle(&bob);
    quit(&mut bob);
    pin_other(&bob, &a);
    client_again(&mut bob);
    // Первое же слово, которому нужен сеанс, показывает, что ключ другой.
    say(&mut bob, &format!("/msg {a} unsure"));
    wait(&mut bob, json!({"event": "error", "code": "key-changed"}));
    wait(&mut bob, json!({"event": "contact", "id": a, "key_changed": true}));
    say(&mut bob, &format!("/msg {a} not sent"));
    wait(
        &mut bob,
        json!({"event": "error", "code": "key-changed", "command":
        format!("/msg {a} not sent")}),
    );
    for number in 0..3 {
        say(&mut ann, &format!("/msg {b} refused {number}"));
    }
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(heard(&mut bob, &a), Vec::<String>::new(), "{}", told(&bob));
    assert_eq!(heard(&mut ann, &b), Vec::<String>::new(), "{}", told(&ann));
    // Перезапуск о смене помнит.
    client_kill(&mut bob);
    client_again(&mut bob);
    wait(&mut bob, json!({"event": "link", "state": "up"}));
    say(&mut bob, &format!("/msg {a} still not sent"));
    wait(&mut bob, json!({"event": "error", "code": "key-changed"}));
    say(&mut bob, &format!("/trust {a}"));
    wait(&mut bob, json!({"event": "contact", "id": a, "key_changed": false, "verified": false}));
    wait(&mut ann, json!({"event": "message", "text": "unsure"}));
    wait_many(&mut bob, json!({"event": "message", "peer": a, "past": false}), 3);
    assert_eq!(heard(&mut bob, &a), wanted("refused", 3), "{}", told(&bob));
    assert_eq!(heard(&mut ann, &b), ["unsure"], "{}", told(&ann));
    told_to(&mut ann, &mut bob, "after");
    say(&mut bob, &format!("/trust {a}"));
    wait(&mut bob, json!({"event": "error", "code": "key-unchanged"}));
}
