//! A peer that breaks the protocol against a real server and real clients: every breach is refused
//! with its number, strangers' damage is shown once, and nobody else notices.
//! Нарушитель протокола против настоящих сервера и клиентов: каждое нарушение отвергается со своим
//! номером, чужая порча показывается один раз, остальные ничего не замечают.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::raw::{
    Raw, hello_bytes, raw_connect, raw_envelope, raw_hello, raw_keys, raw_next, raw_packet,
    raw_refused, raw_seal, raw_send, raw_until, raw_watch,
};
use common::{
    Client, World, all, client_up, fits, forget, log_until, meet, say, say_words, told, wait,
    world_make,
};
use serde_json::json;
use supertext::base::fail::FailKind;
use supertext::base::ids::{ID_ONES, ID_SERVER, id_digits, id_parse};
use supertext::crypto::file_cipher::{file_encrypt, file_key};
use supertext::wire::control::{Hello, Ping, Quit, Watch, body_read, packet_put};
use supertext::wire::file::{FileStop, FileWant, INDEX_END, SealedHead, sealed_head_write};
use supertext::wire::header::{Header, header_bytes};
use supertext::wire::message::{Envelope, Offer};
use supertext::wire::packets::Kind;

/// Двое, которые видят друг друга, и место для нарушителя.
fn pair() -> (World, Client, Client) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", &["--accept-files"]);
    meet(&mut ann, &mut bob);
    (world, ann, bob)
}

/// Текст доходит, связь ни у кого не рвалась.
fn unharmed(ann: &mut Client, bob: &mut Client, text: &str) {
    say(ann, &format!("/msg {} {text}", bob.id));
    wait(bob, json!({"event": "message", "text": text}));
    for client in [ann, bob] {
        assert_eq!(all(client, json!({"event": "link"})).len(), 1, "{}", told(client));
    }
}

/// Нарушитель с этим именем папки, уже поздоровавшийся.
fn rogue(world: &World, name: &str) -> Raw {
    raw_hello(&world.server.join, &world.folder.path().join(name))
}

/// Заголовок от нарушителя.
fn header(raw: &Raw, dest_id: u64, content_id: u32, content_type: u8, size: u16) -> Header {
    Header { source_id: raw.id, dest_id, content_id, content_type, size }
}

/// What to send after HELLO: receiver, content_id, content_type, size, body; the reason expected.
type Breach = (u64, u32, u8, u16, &'static [u8], FailKind);

#[test]
fn every_breach_is_refused_with_its_number() {
    let (world, mut ann, mut bob) = pair();
    let b = id_parse(&bob.id).unwrap();
    let rows: &[Breach] = &[
        (b, 0, 99, 0, b"", FailKind::TypeUnknown),
        (b, 0, 2, 4, b"abcd", FailKind::TypeUnknown),
        (0, 77, 0, 0, b"", FailKind::TypeUnknown),
        (0, 0, 0, 0, b"", FailKind::TypeUnknown),
        (b, 1, 1, 4101, b"", FailKind::SizeOver),
        (b, 1, 18, 61_469, b"", FailKind::SizeOver),
        (b, 1, 21, 65, b"", FailKind::SizeOver),
        (0, 2, 0, 16_385, b"", FailKind::SizeOver),
        (b, 2, 0, 0, b"", FailKind::NotAllowed),
        (0, 5, 0, 4, b"\xa1\x00\x18\x2a", FailKind::NotAllowed),
        (0, 8, 0, 5, b"\xa2\x00\x01\x01\xf5", FailKind::NotAllowed),
        (0, 9, 0, 1, b"\xa0", FailKind::NotAllowed),
        (ID_SERVER, 1, 1, 4, b"\0\0\0\x01", FailKind::NotAllowed),
        (ID_ONES, 1, 1, 4, b"\0\0\0\x01", FailKind::NotAllowed),
        (0, 2, 0, 0, b"", FailKind::BodyBad),
        (0, 2, 0, 3, b"xyz", FailKind::BodyBad),
        (0, 7, 0, 3, b"\xa1\x00\x05", FailKind::BodyBad),
        (0, 4, 0, 0, b"", FailKind::Leaving),
    ];
    for (dest, content_id, content_type, size, data, kind) in rows {
        let mut raw = rogue(&world, "rogue");
        let head = header(&raw, *dest, *content_id, *content_type, *size);
        raw_packet(&mut raw, head, data);
        if *kind == FailKind::Leaving {
            // Число ключей сервер мог успеть назвать; больше ничего, и линия закрыта.
            while let Some((head, _)) = raw_next(&mut raw) {
                assert_eq!((head.content_type, head.content_id), (0, 11), "QUIT closes");
            }
            continue;
        }
        let refused = raw_refused(&mut raw, *kind as u16);
        let named = refused.content_type == *content_type && refused.content_id == *content_id;
        let blind = refused.content_type == 0 && refused.content_id == 0;
        let may_be_blind = *kind == FailKind::TypeUnknown || *kind == FailKind::SizeOver;
        assert!(named || (blind && may_be_blind), "{head:?}: {refused:?}");
    }
    unharmed(&mut ann, &mut bob, "after");
    assert_eq!(all(&mut bob, json!({"event": "error"})).len(), 0, "{}", told(&bob));
}

#[test]
fn a_false_source_and_oneself_are_refused() {
    let (world, mut ann, mut bob) = pair();
    let (a, b) = (id_parse(&ann.id).unwrap(), id_parse(&bob.id).unwrap());
    let mut raw = rogue(&world, "rogue");
    let own = raw.id;
    for (source, dest, kind) in [
        (a, b, FailKind::SourceFalse),
        (ID_SERVER, b, FailKind::SourceFalse),
        (own, own, FailKind::NotAllowed),
    ] {
        let head = Header { source_id: source, ..header(&raw, dest, 1, 1, 4) };
        raw_packet(&mut raw, head, b"\0\0\0\x01");
        raw_refused(&mut raw, kind as u16);
        raw = rogue(&world, "rogue");
    }
    unharmed(&mut ann, &mut bob, "after");
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 1, "{}", told(&bob));
}

#[test]
fn nothing_but_one_right_hello_may_come_first() {
    let (world, mut ann, mut bob) = pair();
    let (join, folder) = (&world.server.join, world.folder.path());
    let b = id_parse(&bob.id).unwrap();
    let mut raw = raw_connect(join, &folder.join("rogue"));
    let head = header(&raw, b, 1, 1, 4);
    raw_packet(&mut raw, head, b"\0\0\0\x01");
    raw_refused(&mut raw, FailKind::BeforeHello as u16);
    let mut raw = raw_connect(join, &folder.join("rogue"));
    let mut bytes = Vec::new();
    let (id, ping) = (raw.id, Ping { number: 1, clock: 1 });
    packet_put(&mut bytes, Kind::Ping, id, ID_SERVER, 0, &ping).unwrap();
    raw_send(&mut raw, &bytes);
    raw_refused(&mut raw, FailKind::BeforeHello as u16);
    let mut raw = rogue(&world, "rogue");
    raw_send(&mut raw, &hello_bytes(id));
    raw_refused(&mut raw, FailKind::NotAllowed as u16);
    let mut raw = raw_connect(join, &folder.join("rogue"));
    let hello = Hello {
        version: 2,
        features: 0,
        clock: 1,
        program: String::from("new"),
        until: None,
        stun: None,
    };
    let mut bytes = Vec::new();
    packet_put(&mut bytes, Kind::Hello, id, ID_SERVER, 0, &hello).unwrap();
    raw_send(&mut raw, &bytes);
    raw_refused(&mut raw, FailKind::HelloVersion as u16);
    unharmed(&mut ann, &mut bob, "after");
}

#[test]
fn who_does_not_greet_is_let_go() {
    let (world, mut ann, mut bob) = pair();
    let mut raw = raw_connect(&world.server.join, &world.folder.path().join("rogue"));
    let (_, data) = raw_until(&mut raw, 0, 4).expect("QUIT");
    let quit: Quit = body_read("QUIT", &data).unwrap();
    assert_eq!(quit.reason, FailKind::HelloMissing as u16);
    assert!(raw_next(&mut raw).is_none());
    unharmed(&mut ann, &mut bob, "after");
}

#[test]
fn too_many_watched_ids_are_refused() {
    let (world, mut ann, mut bob) = pair();
    let mut raw = rogue(&world, "rogue");
    let id = raw.id;
    for round in 0..11u64 {
        let mut ids = Vec::new();
        for number in 0..1000 {
            ids.push(1 + round * 1000 + number);
        }
        let mut bytes = Vec::new();
        packet_put(&mut bytes, Kind::Watch, id, ID_SERVER, 0, &Watch { ids }).unwrap();
        raw_send(&mut raw, &bytes);
    }
    raw_refused(&mut raw, FailKind::NotAllowed as u16);
    unharmed(&mut ann, &mut bob, "after");
}

#[test]
fn packets_cut_anywhere_are_put_together() {
    let (world, _ann, mut bob) = pair();
    let b = id_parse(&bob.id).unwrap();
    let mut raw = rogue(&world, "rogue");
    let envelope = text_envelope(1, b"cut in pieces");
    let whole = minicbor::to_vec(raw_seal(&mut raw, b, &envelope)).unwrap();
    let mut bytes = Vec::new();
    supertext::wire::message::message_put(&mut bytes, raw.id, b, 9, &whole).unwrap();
    for byte in bytes {
        raw_send(&mut raw, &[byte]);
    }
    wait(&mut bob, json!({"event": "message", "text": "cut in pieces"}));
}

/// Конверт с текстом.
fn text_envelope(sequence: u64, text: &[u8]) -> Envelope {
    Envelope {
        kind: 1,
        id: [sequence as u8; 16],
        run: 7,
        sequence,
        time: 1_700_000_000_000,
        name: String::from("Ro\u{7}gue\u{202e}\n"),
        text: text.to_vec(),
        ..Envelope::default()
    }
}

#[test]
fn damaged_and_strange_envelopes_are_survived() {
    let (world, mut ann, mut bob) = pair();
    let b = id_parse(&bob.id).unwrap();
    let mut raw = rogue(&world, "rogue");
    let r = id_digits(raw.id);
    // Не UTF-8 показано шестнадцатерично, имя — без управляющих знаков.
    raw_envelope(&mut raw, b, 1, &text_envelope(1, b"\xff\xfeA"));
    let got = wait(&mut bob, json!({"event": "message", "peer": r}));
    assert!(fits(&got, &json!({"text": "0xfffe41", "name": "Rogue"})), "{got}");
    // Негодные куски: по одной ошибке на каждый, не больше. Целое, но не запечатанное — только
    // строка в журнале: от незнакомца это ничего не стоит.
    for (index, body) in [&b"\0\0\0\x01garbage"[..], b"\0\0\0\x01"].iter().enumerate() {
        let head = header(&raw, b, 40 + index as u32, 1, body.len() as u16);
        raw_packet(&mut raw, head, body);
        log_until(&bob, "sealed message refused: MESSAGE", 1 + index);
    }
    let bodies: &[&[u8]] = &[b"abc", b"\0\x05\0\x02x", b"\0\0\x01\x01x", b"\0\0\0\0"];
    for (index, body) in bodies.iter().enumerate() {
        let head = header(&raw, b, 50 + index as u32, 1, body.len() as u16);
        raw_packet(&mut raw, head, body);
        wait(&mut bob, json!({"event": "error", "code": "body-bad"}));
    }
    // Лишние байты после словаря, середина без начала, дырка в кусках — не показывается ничего.
    let head = header(&raw, b, 90, 1, 5);
    raw_packet(&mut raw, head, b"\0\x01\0\x03x");
    // Незнакомый вид конверта подтверждается и порядка не рвёт; повтор не показывается дважды.
    raw_envelope(&mut raw, b, 3, &Envelope { kind: 200, ..text_envelope(2, b"") });
    raw_envelope(&mut raw, b, 4, &text_envelope(3, b"three"));
    raw_envelope(&mut raw, b, 5, &text_envelope(3, b"three"));
    raw_envelope(&mut raw, b, 6, &text_envelope(5, b"five"));
    raw_envelope(&mut raw, b, 7, &text_envelope(4, b"four"));
    for text in ["three", "four", "five"] {
        let got = wait(&mut bob, json!({"event": "message", "peer": r}));
        assert_eq!(got["text"], json!(text), "{}", told(&bob));
    }
    unharmed(&mut ann, &mut bob, "after");
    let errors = all(&mut bob, json!({"event": "error"}));
    assert_eq!(errors.len(), bodies.len(), "{}", told(&bob));
}

#[test]
fn a_name_of_an_offer_is_never_a_path() {
    let (world, _ann, mut bob) = pair();
    let b = id_parse(&bob.id).unwrap();
    let mut raw = rogue(&world, "rogue");
    raw_watch(&mut raw, b);
    let names = ["../../x", "/etc/x", "..", "a/../../b", "C:\\x", "", "nul", "con.txt", "\0x\n"];
    for (index, name) in names.iter().enumerate() {
        forget(&mut bob);
        let (handle, sequence) = (1000 + index as u32, 1 + index as u64);
        let transfer = [100 + index as u8; 16];
        let name = String::from(*name);
        let offer = Offer { transfer, handle, name, size: 0, changed: 1, key: [5; 32] };
        let text = text_envelope(sequence, b"");
        let envelope = Envelope { kind: 3, id: transfer, offer: Some(offer), ..text };
        raw_envelope(&mut raw, b, 500 + index as u32, &envelope);
        let Some((head, data)) = raw_until(&mut raw, 17, 0) else {
            common::events_read(&mut bob);
            panic!("no FILE_WANT for {:?}\n{}", names[index], told(&bob));
        };
        let want: FileWant = body_read("FILE_WANT", &data).unwrap();
        assert_eq!((head.content_id, want.first, want.count), (handle, 0, 0));
        raw_empty_end(&mut raw, b, handle, &[5; 32]);
        let done = wait(&mut bob, json!({"event": "file", "state": "done"}));
        let path = std::path::PathBuf::from(done["path"].as_str().unwrap());
        assert_eq!(path.parent(), Some(bob.home.join("downloads").as_path()), "{done}");
        assert!(path.is_file(), "{done}");
        raw_until(&mut raw, 21, 0).expect("FILE_DONE");
    }
    let found = common::files::names_in(&bob.home.join("downloads"));
    assert_eq!(found.len(), names.len(), "{found:?}");
    assert!(!found.contains(&String::from("nul")) && !found.contains(&String::from("con.txt")));
}

/// Конец пустого файла: запечатанное доказательство.
fn raw_empty_end(raw: &mut Raw, to: u64, handle: u32, key: &[u8; 32]) {
    let head = header(raw, to, handle, 20, 60);
    let mut packet = header_bytes(&head).to_vec();
    let mut sealed = [0u8; 12];
    sealed_head_write(&SealedHead { attempt: 1, index: INDEX_END }, &mut sealed);
    packet.extend_from_slice(&sealed);
    packet.extend_from_slice(blake3::hash(b"").as_bytes());
    packet.extend_from_slice(&[0; 16]);
    file_encrypt(&file_key(key).unwrap(), &mut packet).unwrap();
    raw_send(raw, &packet);
}

#[test]
fn strange_file_packets_are_survived() {
    let (world, mut ann, mut bob) = pair();
    let b = id_parse(&bob.id).unwrap();
    let mut raw = rogue(&world, "rogue");
    // Просьба о неизвестной передаче получает «отменено».
    let want = FileWant { transfer: [9; 16], first: 0, count: 16 };
    let (id, mut bytes) = (raw.id, Vec::new());
    packet_put(&mut bytes, Kind::FileWant, id, b, 5, &want).unwrap();
    raw_send(&mut raw, &bytes);
    let (_, data) = raw_until(&mut raw, 22, 0).expect("FILE_STOP");
    let stop: FileStop = body_read("FILE_STOP", &data).unwrap();
    assert_eq!((stop.transfer, stop.state), ([9; 16], 2));
    // Слишком большой файл отвергается сразу.
    let offer = Offer {
        transfer: [8; 16],
        handle: 5,
        name: String::from("huge"),
        size: (1 << 53) + 1,
        changed: 1,
        key: [0; 32],
    };
    let text = text_envelope(1, b"");
    raw_envelope(&mut raw, b, 5, &Envelope { kind: 3, offer: Some(offer), ..text });
    let (_, data) = raw_until(&mut raw, 22, 0).expect("FILE_STOP");
    let stop: FileStop = body_read("FILE_STOP", &data).unwrap();
    assert_eq!((stop.transfer, stop.state), ([8; 16], 1));
    // Данные ничьей передачи, чужие FILE_DONE и FILE_STOP не делают ничего.
    for (content_type, size) in [(18u8, 100u16), (19, 60), (20, 60), (21, 19), (22, 23), (16, 5)] {
        let head = header(&raw, b, 5, content_type, size);
        raw_packet(&mut raw, head, &vec![0xa1; size as usize]);
    }
    unharmed(&mut ann, &mut bob, "after");
    assert_eq!(all(&mut bob, json!({"event": "offer"})).len(), 0, "{}", told(&bob));
}

#[test]
fn who_reads_nothing_is_cut_off_alone() {
    let (world, mut ann, mut bob) = pair();
    let a = id_parse(&ann.id).unwrap();
    let mut raw = rogue(&world, "rogue");
    let r = id_digits(raw.id);
    raw_watch(&mut raw, a);
    raw_keys(&mut raw);
    say(&mut ann, &format!("/msg {r} hello"));
    wait(&mut ann, json!({"event": "contact", "id": r, "state": "online"}));
    say(&mut ann, &format!("/topup {r} messages 100000"));
    let text = "x".repeat(1_000_000);
    for _ in 0..60 {
        say_words(&mut ann, &["/msg", &r, &text]);
    }
    wait(&mut ann, json!({"event": "contact", "id": r, "state": "offline"}));
    unharmed(&mut ann, &mut bob, "after");
    drop(raw);
}

#[test]
fn bytes_after_the_farewell_of_tls_freeze_nobody() {
    let (world, mut ann, mut bob) = pair();
    let mut raw = rogue(&world, "rogue");
    raw.tls.conn.send_close_notify();
    std::io::Write::flush(&mut raw.tls).unwrap();
    for _ in 0..20 {
        std::thread::sleep(std::time::Duration::from_millis(5));
        // Закрытый сервером сокет уже не принимает: это и есть верный ответ.
        let _ = std::io::Write::write(&mut raw.tls.sock, b"0123456789");
    }
    unharmed(&mut ann, &mut bob, "still here");
}
