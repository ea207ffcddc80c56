//! The door of a client under attack: garbage, floods, half-open calls, forbidden packets, strangers
//! without end; beside it a talk that must not notice.
//! Дверь клиента под натиском: мусор, потоки, недозвоны, запретные пакеты, незнакомцы без конца;
//! рядом разговор, который не должен этого заметить.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use common::raw::{
    Raw, hello_bytes, raw_call, raw_next, raw_packet, raw_refused, raw_send, raw_until,
};
use common::talk;
use common::{Client, client_start_at, say, told, wait, waiting};
use serde_json::{Value, json};
use supertext::base::bounds::{
    DOOR_CALLS_MAX, DOOR_YOUNG_MAX, HELLO_MS, LINK_KEYS_MAX, STRANGER_BURST,
};
use supertext::base::fail::FailKind;
use supertext::base::ids::{ID_SERVER, Id, id_parse};
use supertext::wire::control::{KeyAnswer, KeyAsk, Watch, body_read, packet_put};
use supertext::wire::header::Header;
use supertext::wire::message::message_put;
use supertext::wire::packets::{Kind, packet_row};

/// Двое, которые говорят напрямую, и адрес двери второго.
fn pair(folder: &Path) -> (Client, Client, String) {
    let mut ann = client_start_at(&folder.join("Ann"), "", "Ann", &[]);
    let mut bob = client_start_at(&folder.join("Bob"), "", "Bob", &[]);
    say(&mut bob, "/card");
    let card = wait(&mut bob, json!({"event": "card"}));
    let address = String::from(card["addresses"][0].as_str().unwrap());
    say(&mut ann, &format!("/connect {}", card["card"].as_str().unwrap()));
    wait(&mut ann, json!({"event": "link", "peer": bob.id, "state": "up"}));
    say(&mut bob, &format!("/add {}", ann.id));
    wait(&mut bob, json!({"event": "contact", "id": ann.id, "standing": "contact"}));
    (ann, bob, address)
}

/// Посылает текст и ждёт подтверждения; возвращает, сколько это заняло.
fn speak(from: &mut Client, to: &mut Client, text: &str) -> Duration {
    let since = Instant::now();
    talk::speak(from, to, text);
    since.elapsed()
}

/// Ждёт, пока тот конец не закроет сокет; молчащему конец не верен.
fn closed(socket: &mut TcpStream) {
    socket.set_read_timeout(Some(Duration::from_millis(2 * HELLO_MS))).unwrap();
    let mut buffer = [0u8; 4096];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
            Err(error) => panic!("still open: {error}"),
        }
    }
}

/// Номер клиента.
fn id_of(client: &Client) -> Id {
    id_parse(&client.id).unwrap()
}

/// Прошедшее приветствие: оба HELLO сказаны.
fn greeted(address: &str, home: &Path) -> Raw {
    let mut raw = raw_call(address, home);
    let bytes = hello_bytes(raw.id);
    raw_send(&mut raw, &bytes);
    let (header, _) = raw_next(&mut raw).expect("HELLO");
    assert_eq!((header.content_type, header.content_id), (0, 1), "{header:?}");
    raw
}

#[test]
fn garbage_at_the_door_is_closed_and_the_talk_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ann, mut bob, address) = pair(folder.path());
    let heads: [&[u8]; 4] = [b"GET / HTTP/1.1\r\n\r\n", &[0; 5000], &[0xff; 5000], &[22, 3, 1]];
    let mut sockets = Vec::new();
    for head in heads {
        let mut socket = TcpStream::connect(&address).unwrap();
        let _ = socket.write_all(head);
        sockets.push(socket);
    }
    speak(&mut ann, &mut bob, "while garbage stands in the door");
    // Молчащий и недоговоривший уходят по часам, прочие сразу.
    sockets.push(TcpStream::connect(&address).unwrap());
    for mut socket in sockets {
        closed(&mut socket);
    }
    speak(&mut bob, &mut ann, "and after");
    let again = greeted(&address, &folder.path().join("guest"));
    drop(again);
}

#[test]
fn a_flood_of_calls_does_not_hold_up_the_talk() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ann, mut bob, address) = pair(folder.path());
    speak(&mut ann, &mut bob, "before");
    let mut sockets = Vec::new();
    let mut worst = Duration::ZERO;
    for round in 0..10 {
        for _ in 0..100 {
            if let Ok(socket) = TcpStream::connect(&address) {
                sockets.push(socket);
            }
        }
        worst = Duration::max(worst, speak(&mut ann, &mut bob, &format!("round {round}")));
    }
    assert!(worst < Duration::from_secs(5), "{worst:?}");
    let mut open = 0;
    for socket in &mut sockets {
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        match socket.read(&mut [0u8; 16]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => open += 1,
            Ok(_) | Err(_) => {}
        }
    }
    assert!(open <= DOOR_YOUNG_MAX && open <= DOOR_CALLS_MAX as usize, "{open} stand in the door");
    drop(sockets);
    // Счёт звонков с адреса забывается, и гость снова войдёт.
    let since = Instant::now();
    let home = folder.path().join("guest");
    while waiting(since) {
        let called = std::panic::catch_unwind(|| greeted(&address, &home));
        if called.is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    panic!("the door stays closed\n{}", told(&bob));
}

#[test]
fn forbidden_packets_end_a_direct_link_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ann, mut bob, address) = pair(folder.path());
    let bob_id = id_of(&bob);
    let row = packet_row(Kind::Message);
    let message = Header {
        source_id: 0,
        dest_id: bob_id,
        content_id: 1,
        content_type: row.content_type,
        size: 4,
    };
    // Чужое имя в источнике.
    let mut raw = greeted(&address, &folder.path().join("one"));
    raw_packet(&mut raw, Header { source_id: id_of(&ann), ..message }, &[0, 0, 0, 1]);
    raw_refused(&mut raw, FailKind::SourceFalse as u16);
    // Пакет прежде приветствия.
    let mut raw = raw_call(&address, &folder.path().join("two"));
    let source_id = raw.id;
    raw_packet(&mut raw, Header { source_id, ..message }, &[0, 0, 0, 1]);
    raw_refused(&mut raw, FailKind::BeforeHello as u16);
    // Дело сервера.
    let mut raw = greeted(&address, &folder.path().join("three"));
    let mut bytes = Vec::new();
    let body = Watch { ids: vec![bob_id] };
    packet_put(&mut bytes, Kind::Watch, raw.id, ID_SERVER, 0, &body).unwrap();
    raw_send(&mut raw, &bytes);
    raw_refused(&mut raw, FailKind::NotAllowed as u16);
    // Второе приветствие.
    let mut raw = greeted(&address, &folder.path().join("four"));
    let bytes = hello_bytes(raw.id);
    raw_send(&mut raw, &bytes);
    raw_refused(&mut raw, FailKind::NotAllowed as u16);
    // Незнакомый вид.
    let mut raw = greeted(&address, &folder.path().join("five"));
    let source_id = raw.id;
    raw_packet(&mut raw, Header { source_id, content_type: 200, ..message }, &[0, 0, 0, 1]);
    while raw_next(&mut raw).is_some() {}
    speak(&mut ann, &mut bob, "unharmed");
}

#[test]
fn keys_and_packets_of_strangers_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ann, mut bob, address) = pair(folder.path());
    let bob_id = id_of(&bob);
    let mut raw = greeted(&address, &folder.path().join("greedy"));
    let (mut found, mut none) = (0, 0);
    let mut seen: Vec<[u8; 32]> = Vec::new();
    for _ in 0..LINK_KEYS_MAX + 4 {
        let mut bytes = Vec::new();
        let ask = KeyAsk { id: bob_id };
        packet_put(&mut bytes, Kind::KeyAsk, raw.id, ID_SERVER, 0, &ask).unwrap();
        raw_send(&mut raw, &bytes);
        let (_, data) = raw_until(&mut raw, 0, 13).expect("KEY");
        let answer: KeyAnswer = body_read("KEY", &data).unwrap();
        match answer.found {
            Some(bundle) => {
                assert!(!seen.contains(&bundle.key.key), "a one-time key twice");
                seen.push(bundle.key.key);
                found += 1;
            }
            None => none += 1,
        }
    }
    assert_eq!((found, none), (LINK_KEYS_MAX, 4));
    // Поток негодных сообщений незнакомца кончает его линию, а не разговор.
    let mut bytes = Vec::new();
    for number in 0..STRANGER_BURST as u32 * 2 {
        message_put(&mut bytes, raw.id, bob_id, number, b"rubbish").unwrap();
    }
    let _ = std::io::Write::write_all(&mut raw.tls, &bytes);
    let _ = std::io::Write::flush(&mut raw.tls);
    raw_refused(&mut raw, FailKind::TryLater as u16);
    speak(&mut ann, &mut bob, "unharmed");
    let errors: Vec<Value> = common::all(&mut bob, json!({"event": "error"}));
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn a_closed_door_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut bob = client_start_at(&folder.path().join("Bob"), "", "Bob", &["--listen", "off"]);
    say(&mut bob, "/card");
    let card = wait(&mut bob, json!({"event": "card"}));
    assert_eq!(card["addresses"], json!([]));
    let mut ann = client_start_at(&folder.path().join("Ann"), "", "Ann", &[]);
    say(&mut ann, "/card");
    let card = wait(&mut ann, json!({"event": "card"}));
    say(&mut ann, "/set listen off");
    wait(&mut ann, json!({"event": "info"}));
    // Сам он звонить может; ему — нет, пока настройка не снята.
    say(&mut bob, &format!("/connect {}", card["card"].as_str().unwrap()));
    let down = wait(&mut bob, json!({"event": "link", "peer": ann.id, "state": "down"}));
    assert_eq!(down["code"], "stranger", "{down}");
    say(&mut ann, "/set listen on");
    wait(&mut ann, json!({"event": "info"}));
    say(&mut bob, &format!("/connect {}", card["card"].as_str().unwrap()));
    wait(&mut bob, json!({"event": "link", "peer": ann.id, "state": "up"}));
    speak(&mut bob, &mut ann, "in at last");
}
