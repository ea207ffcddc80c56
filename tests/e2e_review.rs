//! What a stranger with a key of his own may do to a client: little, and nothing that lasts. He
//! speaks the protocol by hand; real clients face him.
//! Что может сделать клиенту посторонний со своим ключом: мало, и ничего надолго. Он говорит по
//! протоколу руками, против него настоящие клиенты.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::time::Instant;

use common::files::{file_make, names_in, offered, sources};
use common::raw::{Raw, raw_envelope, raw_hello, raw_packet, raw_send, raw_until, raw_watch};
use common::{
    Client, Guard, World, all, client_kill, client_up, log_until, meet, program, run_whole, say,
    say_words, text_of, told, wait, waiting, world_make,
};
use serde_json::{Value, json};
use supertext::base::fail::FailKind;
use supertext::base::ids::{ID_SERVER, Id, id_digits, id_parse};
use supertext::crypto::file_cipher::{file_encrypt, file_key};
use supertext::wire::control::{Ping, body_read, packet_put};
use supertext::wire::file::{
    FileStop, FileWant, INDEX_BLOCK, INDEX_END, STOP_CANCELLED, STOP_REFUSED, SealedHead,
    sealed_head_write,
};
use supertext::wire::header::{Header, header_bytes};
use supertext::wire::message::{Envelope, Offer};
use supertext::wire::packets::Kind;

/// content_type of the packets used here.
const MESSAGE: u8 = 1;
const WANT: u8 = 17;
const DATA: u8 = 18;
const BLOCK: u8 = 19;
const END: u8 = 20;
const DONE: u8 = 21;
const STOP: u8 = 22;
/// Bytes of a file packet.
const PACKET: usize = 61_440;
/// Key of all transfers of the stranger.
const KEY: [u8; 32] = [5; 32];
/// A name that would command a terminal and forge lines in it.
const EVIL: &str = "\u{1b}]0;x\u{7}a\n[12:00] Ann: forged\r\nforged too\u{9b}2J\u{61c}";

/// Двое, которые видят друг друга, и посторонний, который видит второго.
fn three(options: &[&str]) -> (World, Client, Client, Raw) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes", "--accept-files"]);
    let mut bob = client_up(&world, "Bob", options);
    meet(&mut ann, &mut bob);
    let mut raw = raw_hello(&world.server.join, &world.folder.path().join("rogue"));
    let b = id_parse(&bob.id).unwrap();
    raw_watch(&mut raw, b);
    (world, ann, bob, raw)
}

/// Конверт с этим порядковым номером.
fn envelope(sequence: u64, text: &[u8]) -> Envelope {
    let mut id = [0x77; 16];
    id[..8].copy_from_slice(&sequence.to_be_bytes());
    Envelope {
        kind: 1,
        id,
        run: 7,
        sequence,
        time: 1_700_000_000_000,
        text: text.to_vec(),
        ..Envelope::default()
    }
}

/// Предлагает файл; номер сообщения, номер передачи и handle — от порядкового номера.
fn raw_offer(raw: &mut Raw, to: Id, sequence: u64, name: &str, size: usize) -> [u8; 16] {
    let mut sent = envelope(sequence, b"");
    let (transfer, handle) = (sent.id, 1000 + sequence as u32);
    let (name, size) = (String::from(name), size as u64);
    sent.kind = 3;
    sent.offer = Some(Offer { transfer, handle, name, size, changed: 1, key: KEY });
    raw_envelope(raw, to, handle, &sent);
    transfer
}

/// Запечатанный пакет передачи с этим порядковым номером.
fn sealed(raw: &Raw, to: Id, sequence: u64, kind: u8, head: SealedHead, plain: &[u8]) -> Vec<u8> {
    let header = Header {
        source_id: raw.id,
        dest_id: to,
        content_id: 1000 + sequence as u32,
        content_type: kind,
        size: (12 + plain.len() + 16) as u16,
    };
    let mut packet = header_bytes(&header).to_vec();
    let mut place = [0u8; 12];
    sealed_head_write(&head, &mut place);
    packet.extend_from_slice(&place);
    packet.extend_from_slice(plain);
    packet.extend_from_slice(&[0; 16]);
    file_encrypt(&file_key(&KEY).unwrap(), &mut packet).unwrap();
    packet
}

/// Пакет данных файла.
fn data(raw: &Raw, to: Id, sequence: u64, attempt: u32, index: usize, content: &[u8]) -> Vec<u8> {
    let end = usize::min((index + 1) * PACKET, content.len());
    let head = SealedHead { attempt, index: index as u64 };
    sealed(raw, to, sequence, DATA, head, &content[index * PACKET..end])
}

/// Хеш единственного блока и доказательство файла.
fn proofs(content: &[u8]) -> (blake3::Hash, blake3::Hash) {
    let block = blake3::hash(content);
    (block, blake3::hash(block.as_bytes()))
}

/// Ждёт просьбу, которая начинается с этого пакета.
fn want_from(raw: &mut Raw, first: u64) -> FileWant {
    loop {
        let (_, body) = raw_until(raw, WANT, 0).expect("FILE_WANT");
        let want: FileWant = body_read("FILE_WANT", &body).unwrap();
        if want.first == first {
            return want;
        }
    }
}

/// Ждёт FILE_STOP.
fn stop_next(raw: &mut Raw) -> FileStop {
    let (_, body) = raw_until(raw, STOP, 0).expect("FILE_STOP");
    body_read("FILE_STOP", &body).unwrap()
}

/// Сервер передал дальше всё, что посторонний послал до сих пор.
fn settled(raw: &mut Raw) {
    let mut bytes = Vec::new();
    let ping = Ping { number: 5, clock: 1 };
    packet_put(&mut bytes, Kind::Ping, raw.id, ID_SERVER, 0, &ping).unwrap();
    raw_send(raw, &bytes);
    raw_until(raw, 0, 3).expect("PONG");
}

/// Текст от друга доходит: клиент жив и дошёл до этого места.
fn alive(ann: &mut Client, bob: &mut Client, text: &str) {
    say(ann, &format!("/msg {} {text}", bob.id));
    wait(bob, json!({"event": "message", "text": text}));
    assert_eq!(all(bob, json!({"event": "link"})).len(), 1, "{}", told(bob));
}

#[test]
fn offers_of_a_stranger_are_few_and_short() {
    let (world, mut ann, mut bob, mut raw) = three(&["--yes"]);
    let (b, r) = (id_parse(&bob.id).unwrap(), id_digits(raw.id));
    let long = "я".repeat(200_000);
    for sequence in 1..=32 {
        let name = if sequence == 1 { &long } else { &long[..6000] };
        raw_offer(&mut raw, b, sequence, name, 100);
    }
    for _ in 0..32 {
        let offer = wait(&mut bob, json!({"event": "offer", "peer": r}));
        let name = offer["name"].as_str().unwrap();
        assert!(name.len() <= 200 && name.len() > 190 && long.starts_with(name), "{offer}");
    }
    let over = raw_offer(&mut raw, b, 33, "one too many", 100);
    let stop = stop_next(&mut raw);
    assert_eq!((stop.transfer, stop.state), (over, STOP_REFUSED));
    assert_eq!(stop.reason, FailKind::PeerBusy as u16);
    // Свои передачи и чужие от друзей при этом идут.
    let folder = sources(&world);
    let own = file_make(&folder, "own.bin", 100_000, 1);
    say_words(&mut bob, &["/send", &ann.id, &own.display().to_string()]);
    wait(&mut ann, json!({"event": "file", "state": "done", "name": "own.bin"}));
    let friendly = file_make(&folder, "friendly.bin", 100_000, 2);
    offered(&mut ann, &mut bob, &friendly);
    // С длинным именем файл берётся, а ответ освобождает место для следующего предложения.
    say(&mut bob, "/take 1");
    want_from(&mut raw, 0);
    raw_offer(&mut raw, b, 34, "after an answer", 100);
    wait(&mut bob, json!({"event": "offer", "peer": r, "name": "after an answer"}));
    assert_eq!(all(&mut bob, json!({"event": "offer", "peer": r})).len(), 33, "{}", told(&bob));
    assert_eq!(all(&mut bob, json!({"event": "error"})).len(), 0, "{}", told(&bob));
}

#[test]
fn offers_withdrawn_in_a_loop_leave_nothing_on_disk() {
    let (_world, mut ann, mut bob, mut raw) = three(&[]);
    let (b, r) = (id_parse(&bob.id).unwrap(), id_digits(raw.id));
    for sequence in 1..=50 {
        let transfer = raw_offer(&mut raw, b, sequence, "again", 100);
        raw_until(&mut raw, MESSAGE, 0).expect("a receipt");
        let body = FileStop { transfer, state: STOP_CANCELLED, reason: 0 };
        let (id, mut bytes) = (raw.id, Vec::new());
        packet_put(&mut bytes, Kind::FileStop, id, b, 1000 + sequence as u32, &body).unwrap();
        raw_send(&mut raw, &bytes);
        wait(&mut bob, json!({"event": "file", "peer": r, "state": "cancelled"}));
    }
    assert_eq!(all(&mut bob, json!({"event": "offer"})).len(), 50, "{}", told(&bob));
    alive(&mut ann, &mut bob, "after");
    let finished = bob.home.join("finished.txt");
    client_kill(&mut bob);
    assert_eq!(text_of(&finished), "");
    assert_eq!(names_in(&bob.home.join("downloads")), Vec::<String>::new());
}

/// Пакет MESSAGE от постороннего с этими байтами.
fn raw_piece(raw: &mut Raw, to: Id, content_id: u32, body: &[u8]) {
    let (source_id, size) = (raw.id, body.len() as u16);
    let head = Header { source_id, dest_id: to, content_id, content_type: MESSAGE, size };
    raw_packet(raw, head, body);
}

/// Никто не появился в списке контактов от того, что послал посторонний.
fn no_contact(ann: &mut Client, bob: &mut Client, raw: &mut Raw) {
    settled(raw);
    alive(ann, bob, "after the stranger");
    say(bob, "/contacts");
    wait(bob, json!({"event": "contact", "id": ann.id, "unread": 1}));
    let known = all(bob, json!({"event": "contact", "id": id_digits(raw.id)}));
    assert_eq!(known, Vec::<Value>::new(), "{}", told(bob));
    let b = id_parse(&bob.id).unwrap();
    raw_envelope(raw, b, 99, &envelope(1, b"a real text"));
    wait(bob, json!({"event": "contact", "id": id_digits(raw.id)}));
    wait(bob, json!({"event": "message", "text": "a real text"}));
}

#[test]
fn garbage_and_receipts_make_no_contact() {
    let (_world, mut ann, mut bob, mut raw) = three(&[]);
    let b = id_parse(&bob.id).unwrap();
    raw_piece(&mut raw, b, 1, b"\0\0\0\x01garbage");
    raw_piece(&mut raw, b, 2, b"\0\0\0\0");
    raw_piece(&mut raw, b, 3, b"abc");
    let receipt = Envelope { kind: 2, sequence: 0, ..envelope(1, b"") };
    raw_envelope(&mut raw, b, 4, &receipt);
    no_contact(&mut ann, &mut bob, &mut raw);
}

#[test]
fn pieces_that_never_become_whole_make_no_contact() {
    let (_world, mut ann, mut bob, mut raw) = three(&[]);
    let b = id_parse(&bob.id).unwrap();
    raw_piece(&mut raw, b, 1, b"\0\x01\0\x02the end without a beginning");
    raw_piece(&mut raw, b, 2, b"\0\0\0\x02a beginning without an end");
    raw_piece(&mut raw, b, 3, b"\0\0\0\x02garbage, ");
    raw_piece(&mut raw, b, 3, b"\0\x01\0\x02whole");
    no_contact(&mut ann, &mut bob, &mut raw);
}

/// Which packet is spoilt on its first way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spoilt {
    Data,
    Short,
    Block,
    End,
}

/// Переворачивает один бит в середине запечатанного.
fn bit_flip(packet: &mut [u8]) {
    let middle = 28 + (packet.len() - 28) / 2;
    packet[middle] ^= 0x10;
}

/// Шлёт файл из трёх пакетов с одним испорченным и, когда попросят, то же без порчи.
fn spoilt_send(raw: &mut Raw, to: Id, sequence: u64, spoilt: Spoilt, content: &[u8]) {
    let (block, proof) = proofs(content);
    raw_offer(raw, to, sequence, &format!("{spoilt:?}.bin"), content.len());
    want_from(raw, 0);
    let first = data(raw, to, sequence, 1, 0, content);
    raw_send(raw, &first);
    let mut second = data(raw, to, sequence, 1, 1, content);
    if spoilt == Spoilt::Data {
        bit_flip(&mut second);
    }
    if spoilt == Spoilt::Short {
        second.truncate(16 + 5);
        second[14..16].copy_from_slice(&5u16.to_be_bytes());
    }
    raw_send(raw, &second);
    let mut attempt = 1;
    let mut from = 2;
    if spoilt == Spoilt::Data || spoilt == Spoilt::Short {
        // Следующий за испорченным верен, но его время не пришло: просьба — с испорченного.
        let third = data(raw, to, sequence, 1, 2, content);
        raw_send(raw, &third);
        assert_eq!(want_from(raw, 1).count, 2);
        (attempt, from) = (2, 1);
    }
    for index in from..3 {
        let packet = data(raw, to, sequence, attempt, index, content);
        raw_send(raw, &packet);
    }
    let head = SealedHead { attempt, index: INDEX_BLOCK };
    let mut packet = sealed(raw, to, sequence, BLOCK, head, block.as_bytes());
    if spoilt == Spoilt::Block {
        bit_flip(&mut packet);
        raw_send(raw, &packet);
        assert_eq!(want_from(raw, 3).count, 0);
        let head = SealedHead { attempt: 3, index: INDEX_BLOCK };
        packet = sealed(raw, to, sequence, BLOCK, head, block.as_bytes());
    }
    raw_send(raw, &packet);
    let head = SealedHead { attempt, index: INDEX_END };
    let mut packet = sealed(raw, to, sequence, END, head, proof.as_bytes());
    if spoilt == Spoilt::End {
        bit_flip(&mut packet);
        raw_send(raw, &packet);
        assert_eq!(want_from(raw, 3).count, 0);
        let head = SealedHead { attempt: 4, index: INDEX_END };
        packet = sealed(raw, to, sequence, END, head, proof.as_bytes());
    }
    raw_send(raw, &packet);
}

#[test]
fn a_spoilt_packet_costs_one_more_question_and_no_file() {
    let (world, _ann, mut bob, mut raw) = three(&["--accept-files"]);
    let b = id_parse(&bob.id).unwrap();
    let path = file_make(&sources(&world), "content", 2 * PACKET + 777, 3);
    let content = std::fs::read(&path).unwrap();
    let rows = [Spoilt::Data, Spoilt::Short, Spoilt::Block, Spoilt::End];
    for (index, spoilt) in rows.into_iter().enumerate() {
        spoilt_send(&mut raw, b, 1 + index as u64, spoilt, &content);
        let name = format!("{spoilt:?}.bin");
        let done = wait(&mut bob, json!({"event": "file", "state": "done", "name": name}));
        assert_eq!(done["blake3"], json!(proofs(&content).1.to_hex().to_string()), "{done}");
        raw_until(&mut raw, DONE, 0).expect("FILE_DONE");
        let got = std::fs::read(bob.home.join("downloads").join(&name)).unwrap();
        assert!(got == content, "{name} differs");
    }
    for state in ["error", "paused", "cancelled"] {
        let told_of = all(&mut bob, json!({"event": "file", "state": state}));
        assert_eq!(told_of, Vec::<Value>::new(), "{}", told(&bob));
    }
}

#[test]
fn numbers_at_their_end_are_refused_and_survived() {
    let (_world, mut ann, mut bob, mut raw) = three(&[]);
    let b = id_parse(&bob.id).unwrap();
    let text = envelope(1, b"never shown");
    let large = 1u64 << 63;
    for (run, sequence) in [(7, u64::MAX), (7, large), (u64::MAX, 1), (large, 1), (large, 0)] {
        raw_envelope(&mut raw, b, 1, &Envelope { run, sequence, ..text.clone() });
    }
    log_until(&bob, "sealed message refused: sequence", 5);
    // Наибольший ещё годный номер тоже никого не убивает: он ждёт недостающих, и новый порядок
    // ему не помеха.
    let last = i64::MAX as u64 - 1;
    for number in [last - 1, last] {
        let sent = Envelope { run: 8, sequence: number, ..envelope(number, b"last") };
        raw_envelope(&mut raw, b, 2, &sent);
    }
    raw_envelope(&mut raw, b, 3, &Envelope { run: 9, ..envelope(1, b"a new run") });
    wait(&mut bob, json!({"event": "message", "text": "a new run"}));
    alive(&mut ann, &mut bob, "after");
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 2, "{}", told(&bob));
}

#[test]
fn more_file_packets_than_asked_for_are_survived() {
    let (world, mut ann, mut bob, mut raw) = three(&["--accept-files"]);
    let b = id_parse(&bob.id).unwrap();
    let path = file_make(&sources(&world), "content", 120 * PACKET, 4);
    let content = std::fs::read(&path).unwrap();
    let (block, proof) = proofs(&content);
    raw_offer(&mut raw, b, 1, "much.bin", content.len());
    want_from(&mut raw, 48);
    for index in 0..120 {
        let packet = data(&raw, b, 1, 1, index, &content);
        raw_send(&mut raw, &packet);
    }
    let head = SealedHead { attempt: 1, index: INDEX_BLOCK };
    let mut packets = sealed(&raw, b, 1, BLOCK, head, block.as_bytes());
    let head = SealedHead { attempt: 1, index: INDEX_END };
    packets.append(&mut sealed(&raw, b, 1, END, head, proof.as_bytes()));
    raw_send(&mut raw, &packets);
    let done = wait(&mut bob, json!({"event": "file", "state": "done"}));
    assert_eq!(done["blake3"], json!(proof.to_hex().to_string()), "{done}");
    alive(&mut ann, &mut bob, "after");
}

#[test]
fn garbage_of_a_blocked_person_is_silent() {
    let (_world, mut ann, mut bob, mut raw) = three(&[]);
    let (b, r) = (id_parse(&bob.id).unwrap(), id_digits(raw.id));
    say(&mut bob, &format!("/block {r}"));
    wait(&mut bob, json!({"event": "contact", "id": r, "blocked": true}));
    for body in [&b"\0\0\0\x01garbage"[..], b"abc", b"\0\0\0\0", b"\0\x05\0\x02x"] {
        raw_piece(&mut raw, b, 1, body);
    }
    for content_type in [WANT, DONE, STOP] {
        let source_id = raw.id;
        let head = Header { source_id, dest_id: b, content_id: 5, content_type, size: 3 };
        raw_packet(&mut raw, head, b"xyz");
    }
    raw_envelope(&mut raw, b, 2, &envelope(1, b"not heard"));
    raw_offer(&mut raw, b, 2, "not heard", 1);
    settled(&mut raw);
    alive(&mut ann, &mut bob, "after");
    for event in ["error", "offer"] {
        assert_eq!(all(&mut bob, json!({"event": event})).len(), 0, "{}", told(&bob));
    }
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 1, "{}", told(&bob));
}

/// A console without a terminal: lines in, lines out.
struct Console {
    _guard: Guard,
    stdin: ChildStdin,
    id: Id,
    out: PathBuf,
}

/// Запускает консоль (не JSON) и ждёт связи.
fn console_up(world: &World, home: &Path) -> Console {
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(["id", "--json", "--home"]).arg(home);
    let (code, text, _) = run_whole(command);
    assert_eq!(code, 0);
    let card: Value = serde_json::from_str(&text).unwrap();
    let out = home.with_extension("out");
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(["console", "--lang", "en", "--server", &world.server.join, "--home"]).arg(home);
    command.stdin(Stdio::piped()).stdout(File::create(&out).unwrap()).stderr(Stdio::null());
    let mut guard = Guard { child: command.spawn().unwrap() };
    let stdin = guard.child.stdin.take().unwrap();
    let id = id_parse(card["id"].as_str().unwrap()).unwrap();
    let console = Console { _guard: guard, stdin, id, out };
    console_until(&console, "Connected to", 1);
    console
}

/// Ждёт, пока эти слова не появятся столько раз.
fn console_until(console: &Console, words: &str, times: usize) {
    let since = Instant::now();
    while text_of(&console.out).matches(words).count() < times {
        assert!(waiting(since), "no {words:?} in:\n{}", text_of(&console.out));
    }
}

/// В выводе нет управляющих знаков и ни одной строки, начатой чужим именем.
fn console_unforged(console: &Console) {
    let text = text_of(&console.out);
    for letter in text.chars() {
        let harmful = letter != '\n' && (letter.is_control() || letter == '\u{61c}');
        assert!(!harmful, "{letter:?} in:\n{}", text.escape_debug());
    }
    for line in text.lines() {
        let forged = line.starts_with("[12:00]") || line.starts_with("forged");
        assert!(!forged, "{line:?} in:\n{text}");
    }
}

#[test]
fn a_name_of_a_file_cannot_command_the_terminal() {
    let world = world_make();
    let mut console = console_up(&world, &world.folder.path().join("console"));
    let mut raw = raw_hello(&world.server.join, &world.folder.path().join("rogue"));
    raw_watch(&mut raw, console.id);
    raw_offer(&mut raw, console.id, 1, EVIL, 100);
    console_until(&console, "/take 1", 1);
    console.stdin.write_all(b"/files\n/take 1\n").unwrap();
    want_from(&mut raw, 0);
    console_until(&console, ": started", 1);
    console.stdin.write_all(b"/files\n/status\n").unwrap();
    console_until(&console, "Connected to", 2);
    console.stdin.write_all(b"/cancel 1\n").unwrap();
    console_until(&console, "cancelled", 1);
    console_unforged(&console);
}

#[test]
fn a_reason_with_a_name_cannot_command_the_terminal() {
    let world = world_make();
    let mut console = console_up(&world, &world.folder.path().join("console"));
    let mut raw = raw_hello(&world.server.join, &world.folder.path().join("rogue"));
    raw_watch(&mut raw, console.id);
    raw_offer(&mut raw, console.id, 1, EVIL, 1);
    console_until(&console, "/take 1", 1);
    console.stdin.write_all(b"/take 1\n").unwrap();
    // Хеш блока раз за разом не тот: передача бросается, и причина называет имя файла.
    for attempt in 1..=6 {
        want_from(&mut raw, 0);
        let packet = data(&raw, console.id, 1, attempt, 0, b"x");
        raw_send(&mut raw, &packet);
        let head = SealedHead { attempt, index: INDEX_BLOCK };
        let packet = sealed(&raw, console.id, 1, BLOCK, head, &[9; 32]);
        raw_send(&mut raw, &packet);
    }
    assert_eq!(stop_next(&mut raw).reason, FailKind::Integrity as u16);
    console_until(&console, "error at", 1);
    console_unforged(&console);
}
