//! The server dies under load again and again, clients too: whatever a sender was told is stored or
//! delivered, and whatever he was told is queued, arrives exactly once and in order.
//! Сервер раз за разом гибнет под нагрузкой, клиенты тоже: всё, о чём отправителю сказано
//! «сохранено» или «доставлено», и всё, что поставлено в очередь, приходит ровно один раз и по
//! порядку.
//!
//! `cargo test --release --test server_kill_soak -- --ignored --nocapture`; the short run is an
//! ordinary test. SUPERTEXT_SOAK_SEED repeats the order of blows.

#![allow(clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use common::{
    Client, World, client_again, client_kill, client_up, events_read, exit_code, fits, keys_settle,
    number_in, say, server_again, server_kill, told, wait, world_make,
};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use supertext::base::ids::id_parse;

/// Everybody writes to so many neighbours.
const NEIGHBOURS: usize = 3;
/// All must be settled by then after the last blow.
const SETTLE: Duration = Duration::from_secs(300);

/// From whom (place in the list) to whom.
type Pair = (usize, usize);

/// A person: the program, whether it runs, how much of its events is read.
struct Person {
    client: Client,
    up: bool,
    read: usize,
}

/// What was written and what was told of it.
#[derive(Default)]
struct Ledger {
    /// Texts written so far, by pair; the text is `N`, counted from 0.
    written: BTreeMap<Pair, u64>,
    /// Which message is which text.
    texts: BTreeMap<String, (Pair, u64)>,
    queued: BTreeSet<(Pair, u64)>,
    stored: BTreeSet<(Pair, u64)>,
    delivered: BTreeSet<(Pair, u64)>,
    shown: BTreeMap<Pair, Vec<u64>>,
}

/// The whole soak.
struct Soak {
    world: World,
    people: Vec<Person>,
    ledger: Ledger,
    random: u64,
    server_kills: usize,
    client_kills: usize,
}

/// Следующее случайное число (splitmix64).
fn random_next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Место человека в списке по номеру.
fn place_of(people: &[Person], id: &str) -> usize {
    for (place, person) in people.iter().enumerate() {
        if person.client.id == id {
            return place;
        }
    }
    panic!("nobody is {id}");
}

/// Поднимает сервер и людей; у всех есть ключи на сервере и довольно лимита.
fn soak_make(many: usize, seed: u64) -> Soak {
    let world = world_make();
    let mut people = Vec::new();
    for number in 0..many {
        let mut client = client_up(&world, &format!("p{number}"), &["--yes"]);
        say(&mut client, "/set messages 1000000");
        wait(&mut client, json!({"event": "info", "code": "setting-set"}));
        keys_settle(&world, &client);
        people.push(Person { client, up: true, read: 0 });
    }
    let ledger = Ledger::default();
    Soak { world, people, ledger, random: seed, server_kills: 0, client_kills: 0 }
}

/// Заносит в книгу всё, что человек сказал нового.
fn ledger_read(soak: &mut Soak, place: usize) {
    events_read(&mut soak.people[place].client);
    let from = soak.people[place].read;
    let events = soak.people[place].client.events[from..].to_vec();
    soak.people[place].read += events.len();
    for event in events {
        let (message, text) = (event["message"].as_str(), event["text"].as_str());
        let peer = event["peer"].as_str().unwrap_or_default();
        if fits(&event, &json!({"event": "message", "past": false})) {
            let other = place_of(&soak.people, peer);
            let number: u64 = text.expect("a text").parse().expect("a number");
            if event["outgoing"] == json!(true) {
                let message = String::from(message.expect("an id"));
                soak.ledger.texts.insert(message, ((place, other), number));
            } else {
                soak.ledger.shown.entry((other, place)).or_default().push(number);
            }
        }
        if fits(&event, &json!({"event": "receipt"})) {
            let Some(known) = soak.ledger.texts.get(message.expect("an id")) else {
                continue;
            };
            let set = match event["state"].as_str().expect("a state") {
                "queued" => &mut soak.ledger.queued,
                "stored" => &mut soak.ledger.stored,
                "delivered" | "read" => &mut soak.ledger.delivered,
                other => panic!("{other}: {event}"),
            };
            set.insert(*known);
        }
        let code = event["code"].as_str().unwrap_or_default();
        let fine = matches!(code, "" | "unsent" | "seal-broken" | "keys-missing" | "setting-set");
        let link = event["event"] == json!("link");
        assert!(fine || link, "{event}\n{}", told(&soak.people[place].client));
    }
}

/// Каждый, кто здесь, пишет по нескольку текстов случайным соседям; потом пауза.
fn load(soak: &mut Soak, rounds: u64) {
    let many = soak.people.len();
    for _ in 0..rounds {
        for place in 0..many {
            if !soak.people[place].up {
                continue;
            }
            for _ in 0..random_next(&mut soak.random) % 4 {
                let step = 1 + random_next(&mut soak.random) as usize % NEIGHBOURS;
                let other = (place + step) % many;
                let number = soak.ledger.written.entry((place, other)).or_default();
                let text = number.to_string();
                *number += 1;
                let to = soak.people[other].client.id.clone();
                say(&mut soak.people[place].client, &format!("/msg {to} {text}"));
            }
            ledger_read(soak, place);
        }
        std::thread::sleep(Duration::from_millis(random_next(&mut soak.random) % 100));
    }
}

/// Человек уходит по-хорошему: с неотправленным его спрашивают один раз.
fn leave(soak: &mut Soak, place: usize) {
    let person = &mut soak.people[place];
    say(&mut person.client, "/quit");
    let since = Instant::now();
    // Второе `/quit` нужно, только если есть неотправленное; ушедшему оно уже не скажется.
    while since.elapsed() < Duration::from_millis(300) {
        if let Ok(Some(_)) = person.client.guard.child.try_wait() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    if let Ok(None) = person.client.guard.child.try_wait() {
        say(&mut person.client, "/quit");
    }
    exit_code(&mut person.client);
    person.up = false;
    ledger_read(soak, place);
}

/// Человек гибнет.
fn die(soak: &mut Soak, place: usize) {
    client_kill(&mut soak.people[place].client);
    soak.people[place].up = false;
    soak.client_kills += 1;
    ledger_read(soak, place);
}

/// Человек возвращается.
fn come_back(soak: &mut Soak, place: usize) {
    client_again(&mut soak.people[place].client);
    soak.people[place].read = 0;
    soak.people[place].up = true;
}

/// Один удар: сервер гибнет под нагрузкой и встаёт снова; кто-то уходит, кто-то возвращается. Во
/// второй части гибнут и люди.
fn blow(soak: &mut Soak, clients_too: bool) {
    let rounds = 2 + random_next(&mut soak.random) % 6;
    load(soak, rounds);
    server_kill(&mut soak.world.server);
    soak.server_kills += 1;
    load(soak, 1);
    server_again(&mut soak.world.server);
    load(soak, 1);
    let place = random_next(&mut soak.random) as usize % soak.people.len();
    match (soak.people[place].up, clients_too) {
        (true, true) => die(soak, place),
        (true, false) => leave(soak, place),
        (false, _) => come_back(soak, place),
    }
    // Отсутствует не больше трети.
    let mut away = Vec::new();
    for (place, person) in soak.people.iter().enumerate() {
        if !person.up {
            away.push(place);
        }
    }
    if away.len() > soak.people.len() / 3 {
        come_back(soak, away[0]);
    }
}

/// Все возвращаются; ждёт, пока ни у кого ничего не ждёт доставки.
fn settle(soak: &mut Soak) -> Duration {
    let since = Instant::now();
    for place in 0..soak.people.len() {
        if !soak.people[place].up {
            come_back(soak, place);
        }
    }
    for place in 0..soak.people.len() {
        let path = soak.people[place].client.home.join("history.db");
        while number_in(&path, "SELECT COUNT(*) FROM outbox") > 0 {
            ledger_read(soak, place);
            let client = &soak.people[place].client;
            assert!(since.elapsed() < SETTLE, "still waits\n{}", told(client));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    for place in 0..soak.people.len() {
        ledger_read(soak, place);
    }
    since.elapsed()
}

/// Что лежит в истории получателя от этого человека, по порядку.
fn kept(soak: &Soak, (from, to): Pair) -> Vec<u64> {
    let path = soak.people[to].client.home.join("history.db");
    let base = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("base");
    let select = "SELECT text FROM messages WHERE peer = ?1 AND outgoing = 0 ORDER BY number";
    let mut statement = base.prepare(select).expect("a query");
    let peer = id_parse(&soak.people[from].client.id).expect("an id");
    let mut rows = statement.query([peer as i64]).expect("rows");
    let mut numbers = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        let text: String = row.get(0).expect("a text");
        numbers.push(text.parse().expect("a number"));
    }
    numbers
}

/// Числа строго растут: ничего дважды и ничего не в своём порядке.
fn grows(numbers: &[u64], what: &str) {
    for place in 1..numbers.len() {
        let (before, after) = (numbers[place - 1], numbers[place]);
        assert!(before < after, "{what}: {before} before {after}");
    }
}

/// Сверяет книгу с тем, что лежит у получателей и было им показано.
fn check(soak: &Soak) -> usize {
    let mut arrived: BTreeSet<(Pair, u64)> = BTreeSet::new();
    for (pair, written) in &soak.ledger.written {
        let numbers = kept(soak, *pair);
        grows(&numbers, &format!("history of {pair:?}"));
        for number in numbers {
            assert!(number < *written, "{pair:?}: {number} was never written");
            arrived.insert((*pair, number));
        }
    }
    for (pair, numbers) in &soak.ledger.shown {
        grows(numbers, &format!("shown of {pair:?}"));
        for number in numbers {
            assert!(arrived.contains(&(*pair, *number)), "{pair:?}: {number} is not kept");
        }
    }
    let ledger = &soak.ledger;
    for (set, word) in
        [(&ledger.stored, "stored"), (&ledger.delivered, "delivered"), (&ledger.queued, "queued")]
    {
        for promised in set {
            assert!(arrived.contains(promised), "{promised:?} was {word} and is lost");
        }
    }
    arrived.len()
}

/// Весь прогон: столько людей, ударов по серверу, ударов по обоим.
fn soak_run(many: usize, blows: usize, both: usize) {
    let seed = match std::env::var("SUPERTEXT_SOAK_SEED") {
        Ok(text) => text.parse::<u64>().expect("a number"),
        Err(_) => u64::from(std::process::id()),
    };
    println!("seed {seed}, {many} clients");
    let since = Instant::now();
    let mut soak = soak_make(many, seed);
    load(&mut soak, 3);
    for number in 0..blows + both {
        blow(&mut soak, number >= blows);
    }
    let loaded = since.elapsed();
    let settled = settle(&mut soak);
    let arrived = check(&soak);
    let mut written = 0;
    for many in soak.ledger.written.values() {
        written += many;
    }
    let ledger = &soak.ledger;
    println!(
        "{} kills of the server, {} of clients in {:.1} s; {written} written, {} queued, \
         {} called stored, {} called delivered, {arrived} arrived once and in order; \
         settled in {:.1} s",
        soak.server_kills,
        soak.client_kills,
        loaded.as_secs_f32(),
        ledger.queued.len(),
        ledger.stored.len(),
        ledger.delivered.len(),
        settled.as_secs_f32(),
    );
    assert!(ledger.stored.len() > 10 && ledger.delivered.len() > 10, "the load was too small");
}

#[test]
fn five_deaths_of_the_server_lose_nothing() {
    soak_run(6, 3, 2);
}

#[test]
#[ignore = "minutes of load; ./build.sh soak runs it"]
fn a_hundred_deaths_lose_nothing() {
    soak_run(20, 50, 50);
}
