//! Rooms between real programs: made, written to, answered, renamed, left; who is away gets it all
//! from his mailbox, a killed member goes on, the server can read nothing of it.
//! Комнаты между настоящими программами: заводятся, в них пишут, отвечают, их переименовывают, из
//! них уходят; кого нет, тот всё получает из ящика, убитый продолжает, серверу ничего не прочесть.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    Client, World, all, client_again, client_kill, client_up, exit_code, forget, meet, number_in,
    outbox_settle, say, say_words, texts_of, told, wait, wait_many, world_make,
};
use serde_json::{Value, json};

/// Трое: Анна знакома с Бобом и Карлом, те двое друг о друге не знают.
fn three(world: &World) -> (Client, Client, Client) {
    let mut ann = client_up(world, "Ann", &["--yes"]);
    let mut bob = client_up(world, "Bob", &["--yes"]);
    let mut carl = client_up(world, "Carl", &["--yes"]);
    meet(&mut ann, &mut bob);
    meet(&mut ann, &mut carl);
    (ann, bob, carl)
}

/// Анна заводит комнату с этими людьми; её номер.
fn room_make(ann: &mut Client, name: &str, others: &mut [&mut Client]) -> String {
    let mut words = vec![String::from("/room"), String::from(name)];
    for other in others.iter() {
        words.push(other.id.clone());
    }
    say(ann, &json!(words).to_string());
    let shown = format!("#{name}");
    let made = wait(ann, json!({"event": "room", "name": shown, "state": "joined"}));
    for other in others {
        wait(other, json!({"event": "info", "code": "room-welcome"}));
        let there = wait(other, json!({"event": "room", "name": shown, "state": "joined"}));
        assert_eq!(there["room"], made["room"], "{}", told(other));
        assert_eq!(there["owner"], json!(ann.id));
    }
    String::from(made["room"].as_str().expect("an id"))
}

/// Ждёт текста в комнате и сверяет автора.
fn heard(client: &mut Client, room: &str, author: &Client, text: &str) -> Value {
    let wanted = json!({"event": "message", "room": room, "outgoing": false, "text": text});
    let said = wait(client, wanted);
    assert_eq!(said["peer"], json!(room), "{}", told(client));
    assert_eq!(said["author"], json!(author.id), "{}", told(client));
    said
}

/// Состояние своего сообщения в комнате.
fn receipt(room: &str, message: &Value, state: &str) -> Value {
    json!({"event": "receipt", "peer": room, "message": message, "state": state})
}

#[test]
fn a_room_is_written_to_answered_edited_and_read() {
    let world = world_make();
    let (mut ann, mut bob, mut carl) = three(&world);
    let room = room_make(&mut ann, "lunch", &mut [&mut bob, &mut carl]);
    forget(&mut ann);
    say(&mut ann, "/msg #lunch who is hungry?");
    let own = wait(&mut ann, json!({"event": "message", "outgoing": true, "peer": room}));
    assert_eq!(own["author"], Value::Null);
    let id = own["message"].clone();
    let at_bob = heard(&mut bob, &room, &ann, "who is hungry?");
    assert_eq!(at_bob["message"], id, "one id for all copies");
    heard(&mut carl, &room, &ann, "who is hungry?");
    wait(&mut ann, receipt(&room, &id, "delivered"));
    // Карл и Боб не знакомы: имя Боба — каким он назвался, и в контактах его нет.
    say(&mut bob, "/to #lunch");
    say(&mut bob, "me too");
    let said = heard(&mut carl, &room, &bob, "me too");
    assert_eq!(said["author_name"], json!("~Bob"));
    assert_eq!(said["name"], json!("#lunch"));
    let named = heard(&mut ann, &room, &bob, "me too");
    assert_eq!(named["author_name"], json!("Bob"));
    // Прочитали все — прочитано; один из двоих — ещё нет.
    assert_eq!(all(&mut ann, receipt(&room, &id, "read")).len(), 0, "{}", told(&ann));
    say(&mut carl, "/to #lunch");
    wait(&mut ann, receipt(&room, &id, "read"));
    // Ответ и правка ссылаются на номер, общий для всех.
    let reference = id.as_str().expect("an id");
    say_words(&mut carl, &["/reply", reference, "so am I"]);
    let answer = heard(&mut bob, &room, &carl, "so am I");
    assert_eq!(answer["reply_to"], id);
    say_words(&mut ann, &["/edit", reference, "who is very hungry?"]);
    for client in [&mut bob, &mut carl] {
        let edited = heard(client, &room, &ann, "who is very hungry?");
        assert_eq!(edited["message"], id);
    }
    contacts_alone(&mut carl, &ann);
    past_of(&mut carl, &room, &bob);
    say(&mut ann, "/members #lunch");
    let row = wait(&mut ann, json!({"event": "member", "id": bob.id}));
    assert_eq!((row["state"].clone(), row["message"].clone()), (json!("read"), id));
    wait(&mut ann, json!({"event": "member", "own": true, "owner": true, "state": null}));
}

/// В контактах только этот человек: участник комнаты контактом не становится.
fn contacts_alone(client: &mut Client, only: &Client) {
    forget(client);
    say(client, "/contacts");
    wait(client, json!({"event": "contact", "id": only.id}));
    say(client, "/rooms");
    wait(client, json!({"event": "room", "name": "#lunch", "members": 3}));
    let others = all(client, json!({"event": "contact"}));
    for other in others {
        assert_eq!(other["id"], json!(only.id), "{}", told(client));
    }
}

/// Прошлое комнаты: история, страница, поиск, чаты и выгрузка называют комнату и автора.
fn past_of(client: &mut Client, room: &str, author: &Client) {
    forget(client);
    say(client, "/history #lunch");
    let said = wait(client, json!({"event": "message", "past": true, "text": "me too"}));
    assert_eq!((&said["author"], &said["peer"]), (&json!(author.id), &json!(room)));
    assert_eq!(said["author_name"], json!("~Bob"));
    forget(client);
    say(client, "/search hungry");
    let found = wait(client, json!({"event": "message", "past": true}));
    assert_eq!(found["text"], json!("who is very hungry?"));
    assert_eq!(found["peer"], json!(room));
    say(client, &format!("/page {room}"));
    let page = wait(client, json!({"event": "page", "peer": room}));
    assert_eq!(page["messages"].as_array().expect("rows").len(), 3, "{page}");
    say(client, "/chats");
    let chats = wait(client, json!({"event": "chats"}));
    assert_eq!(chats["messages"][0]["peer"], json!(room), "{chats}");
    say(client, "/export #lunch json");
    let written = wait(client, json!({"event": "info", "code": "exported"}));
    let line = written["text"].as_str().expect("text");
    let mut path = line;
    for word in line.split_whitespace() {
        if word.contains("supertext-20") {
            path = word.trim_end_matches([',', '.', ':', ';']);
        }
    }
    let text = std::fs::read_to_string(path).expect(line);
    let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(rows.len(), 3, "{text}");
    assert_eq!(rows[1]["author"], json!(author.id), "{text}");
}

#[test]
fn one_is_away_and_one_is_killed() {
    let world = world_make();
    let (mut ann, mut bob, mut carl) = three(&world);
    say(&mut carl, "/quit");
    assert_eq!(exit_code(&mut carl), 0, "{}", told(&carl));
    let room = room_make(&mut ann, "trip", &mut [&mut bob]);
    say(&mut ann, &format!("/invite #trip {}", carl.id));
    wait(&mut bob, json!({"event": "info", "code": "room-came"}));
    for number in 0..10 {
        say(&mut ann, &format!("/msg #trip ann {number}"));
    }
    wait_many(&mut bob, json!({"event": "message", "room": room, "outgoing": false}), 10);
    // Боб не знает Карла: его слова лягут в ящик Карла рядом с приглашением Анны.
    for number in 0..10 {
        say(&mut bob, &format!("/msg {room} bob {number}"));
    }
    wait_many(&mut ann, json!({"event": "message", "room": room, "outgoing": false}), 10);
    client_kill(&mut bob);
    say(&mut ann, "/msg #trip while bob is dead");
    client_again(&mut carl);
    wait(&mut carl, json!({"event": "room", "name": "#trip", "state": "joined"}));
    let said = json!({"event": "message", "room": room, "outgoing": false});
    client_again(&mut bob);
    heard(&mut bob, &room, &ann, "while bob is dead");
    let heard_there = wait_many(&mut carl, said, 21);
    orders_of(&heard_there, &ann, "ann", &carl);
    orders_of(&heard_there, &bob, "bob", &carl);
    say(&mut bob, "/msg #trip bob is back");
    heard(&mut carl, &room, &bob, "bob is back");
    heard(&mut ann, &room, &bob, "bob is back");
    for client in [&ann, &bob, &carl] {
        outbox_settle(client);
    }
    assert_eq!(number_in(&world.server.home.join("mail.db"), "SELECT COUNT(*) FROM mail"), 0);
    let doubled = "SELECT COUNT(*) - COUNT(DISTINCT id) FROM messages";
    for client in [&ann, &bob, &carl] {
        assert_eq!(number_in(&client.home.join("history.db"), doubled), 0);
    }
}

/// Сказанное одним автором пришло всё и по порядку.
fn orders_of(events: &[Value], author: &Client, word: &str, reader: &Client) {
    let (mut own, mut wanted) = (Vec::new(), Vec::new());
    for event in events {
        let text = event["text"].as_str().unwrap_or_default();
        if event["author"] == json!(author.id) && text.starts_with(word) {
            own.push(String::from(text));
        }
    }
    for number in 0..10 {
        wanted.push(format!("{word} {number}"));
    }
    assert_eq!(own, wanted, "{}", told(reader));
}

#[test]
fn leaving_expelling_and_renaming() {
    let world = world_make();
    let (mut ann, mut bob, mut carl) = three(&world);
    let room = room_make(&mut ann, "plan", &mut [&mut bob, &mut carl]);
    // Имя и список — дело хозяина.
    say(&mut bob, "/rename #plan mine");
    wait(&mut bob, json!({"event": "error", "code": "room-owner"}));
    say(&mut bob, &format!("/expel #plan {}", ann.id));
    wait(&mut bob, json!({"event": "error", "code": "room-owner"}));
    say(&mut bob, "/verify #plan");
    wait(&mut bob, json!({"event": "error", "code": "room-only"}));
    say(&mut ann, "/rename #plan great plan");
    for client in [&mut bob, &mut carl] {
        wait(client, json!({"event": "info", "code": "room-renamed"}));
    }
    say(&mut carl, "/msg \"#great plan\" under the new name");
    heard(&mut bob, &room, &carl, "under the new name");
    heard(&mut ann, &room, &carl, "under the new name");
    // Убранный больше ничего не слышит, и его не слышат.
    say(&mut ann, &format!("/expel {room} {}", bob.id));
    wait(&mut bob, json!({"event": "info", "code": "room-out"}));
    wait(&mut carl, json!({"event": "info", "code": "room-gone"}));
    say(&mut bob, &format!("/msg {room} let me in"));
    wait(&mut bob, json!({"event": "error", "code": "room-unknown"}));
    say(&mut ann, &format!("/msg {room} without bob"));
    let own = wait(&mut ann, json!({"event": "message", "text": "without bob"}));
    heard(&mut carl, &room, &ann, "without bob");
    wait(&mut ann, receipt(&room, &own["message"], "delivered"));
    // Ушедший говорит об этом всем; хозяин остаётся один.
    say(&mut carl, &format!("/leave {room}"));
    wait(&mut carl, json!({"event": "info", "code": "room-went"}));
    wait(&mut ann, json!({"event": "info", "code": "room-gone"}));
    say(&mut ann, &format!("/msg {room} anybody?"));
    wait(&mut ann, json!({"event": "error", "code": "room-empty"}));
    assert_eq!(all(&mut bob, json!({"event": "message", "text": "without bob"})).len(), 0);
    // Позванный снова возвращается.
    forget(&mut bob);
    say(&mut ann, &format!("/invite {room} {}", bob.id));
    wait(&mut bob, json!({"event": "room", "room": room, "state": "joined"}));
    say(&mut bob, &format!("/msg {room} back again"));
    heard(&mut ann, &room, &bob, "back again");
}

#[test]
fn a_stranger_only_asks_and_a_blocked_one_is_not_heard() {
    let world = world_make();
    let (mut ann, mut bob, mut carl) = three(&world);
    // Для Дины Анна чужая: она добавила её в контакты сама, ответа не было.
    let mut dina = client_up(&world, "Dina", &["--yes"]);
    say(&mut ann, &format!("/msg {} hello", dina.id));
    wait(&mut dina, json!({"event": "message", "text": "hello"}));
    say_words(&mut ann, &["/room", "club", &bob.id, &carl.id, &dina.id]);
    let made = wait(&mut ann, json!({"event": "room", "name": "#club"}));
    let room = String::from(made["room"].as_str().expect("an id"));
    let asked = wait(&mut dina, json!({"event": "request", "id": ann.id}));
    assert_eq!(asked["text"], json!("#club"));
    for client in [&mut bob, &mut carl] {
        wait(client, json!({"event": "room", "room": room, "state": "joined"}));
    }
    say(&mut bob, "/msg #club before she came in");
    heard(&mut carl, &room, &bob, "before she came in");
    assert_eq!(all(&mut dina, json!({"event": "message", "room": room})).len(), 0);
    outbox_settle(&bob);
    say(&mut dina, &format!("/accept {}", ann.id));
    wait(&mut dina, json!({"event": "room", "room": room, "state": "joined"}));
    // То, что ждало согласия, показано теперь.
    heard(&mut dina, &room, &bob, "before she came in");
    say(&mut carl, &format!("/block {}", bob.id));
    wait(&mut carl, json!({"event": "contact", "id": bob.id, "blocked": true}));
    say(&mut bob, "/msg #club not for carl");
    heard(&mut dina, &room, &bob, "not for carl");
    say(&mut dina, "/msg #club and this is");
    heard(&mut carl, &room, &dina, "and this is");
    assert_eq!(all(&mut carl, json!({"event": "message", "text": "not for carl"})).len(), 0);
    // Лично незнакомому участнику пишут как всякому чужому: это просьба, а не комната.
    say(&mut dina, &format!("/msg {} privately", bob.id));
    wait(&mut bob, json!({"event": "message", "text": "privately", "peer": dina.id}));
    wait(&mut bob, json!({"event": "contact", "id": dina.id, "standing": "asks"}));
}

#[test]
fn one_price_for_all_and_who_has_not_enough() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    let mut bob = client_up(&world, "Bob", &[]);
    let mut carl = client_up(&world, "Carl", &[]);
    meet(&mut ann, &mut bob);
    meet(&mut ann, &mut carl);
    let room = room_make(&mut ann, "paid", &mut [&mut bob, &mut carl]);
    outbox_settle(&ann);
    let long = "x".repeat(5_000);
    forget(&mut ann);
    say(&mut ann, "/limits");
    let before = wait(&mut ann, json!({"event": "limits", "peer": carl.id}));
    let left = before["messages"].as_u64().expect("a number");
    say(&mut ann, &format!("/msg #paid {long}"));
    let asked = wait(&mut ann, json!({"event": "confirm", "peer": room}));
    assert_eq!(asked["packets"], json!(4), "two packets for each of two");
    say(&mut ann, &format!("/yes {}", asked["token"].as_str().expect("a token")));
    heard(&mut bob, &room, &ann, &long);
    heard(&mut carl, &room, &ann, &long);
    forget(&mut ann);
    say(&mut ann, "/limits");
    let after = wait(&mut ann, json!({"event": "limits", "peer": carl.id}));
    assert_eq!(after["messages"], json!(left - 2));
    // Лимит Карла кончился: сказано, для кого не хватило, и не ушло никому.
    let path = ann.home.join("limits.txt");
    let text = std::fs::read_to_string(&path).expect("limits");
    let mut edited = String::new();
    for line in text.lines() {
        let own = line.starts_with(&carl.id);
        edited.push_str(&if own { format!("{} 0 1000", carl.id) } else { String::from(line) });
        edited.push('\n');
    }
    std::fs::write(&path, edited).expect("limits");
    wait(&mut ann, json!({"event": "limits", "peer": carl.id, "messages": 0}));
    say(&mut ann, "/msg #paid short");
    let refused = wait(&mut ann, json!({"event": "error", "code": "budget-messages"}));
    assert!(refused["text"].as_str().expect("text").contains("Carl"), "{refused}");
    say(&mut ann, &format!("/msg {} still here", bob.id));
    wait(&mut bob, json!({"event": "message", "text": "still here"}));
    assert_eq!(all(&mut bob, json!({"event": "message", "text": "short"})).len(), 0);
}

#[test]
fn the_server_reads_nothing_of_rooms() {
    const NAME: &str = "zanzibarclub";
    const WORD: &str = "quokkaparade";
    let world = world_make();
    let (mut ann, mut bob, mut carl) = three(&world);
    say(&mut carl, "/quit");
    assert_eq!(exit_code(&mut carl), 0);
    let room = room_make(&mut ann, NAME, &mut [&mut bob]);
    say(&mut ann, &format!("/invite #{NAME} {}", carl.id));
    wait(&mut bob, json!({"event": "info", "code": "room-came"}));
    say(&mut ann, &format!("/msg #{NAME} {WORD}"));
    let own = wait(&mut ann, json!({"event": "message", "text": WORD}));
    heard(&mut bob, &room, &ann, WORD);
    wait(&mut ann, receipt(&room, &own["message"], "stored"));
    let digits = room.trim_start_matches('#');
    let mut searched = 0;
    for entry in std::fs::read_dir(&world.server.home).expect("the home") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            let text = String::from_utf8_lossy(&bytes);
            for word in [NAME, WORD, digits] {
                assert!(!text.contains(word), "{word} in {}", path.display());
            }
            let whole = hex::decode(format!("{digits}0")).expect("hex");
            for window in bytes.windows(7) {
                assert!(window != &whole[..7], "the room's id in {}", path.display());
            }
            searched += bytes.len();
        }
    }
    assert!(searched > 1_000, "nothing was searched");
    assert!(!texts_of(&all(&mut bob, json!({"event": "message"}))).is_empty());
}
