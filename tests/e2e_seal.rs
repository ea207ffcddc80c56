//! What the server can know of what people write: nothing. And what a stranger with a seal of his
//! own can do with forged, repeated, cut and flipped messages: be refused, while talk goes on.
//! Что сервер может узнать о написанном: ничего. И что чужой со своей печатью может сделать
//! подделанными, повторёнными, обрезанными и испорченными сообщениями: получить отказ, а
//! разговор продолжится.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::Write;
use std::path::Path;

use common::raw::{
    Raw, raw_envelope, raw_hello, raw_keys, raw_opened, raw_seal, raw_seal_as_is, raw_sealed,
    raw_session, raw_watch,
};
use common::{
    Client, World, all, client_again, client_up, exit_code, forget, log_until, meet, number_in,
    say, say_words, text_of, told, wait, world_make,
};
use serde_json::{Value, json};
use supertext::base::bounds::{EARLY_MAX, SESSIONS_MAX};
use supertext::base::ids::{Id, id_digits, id_parse};
use supertext::wire::message::{ENVELOPE_HEAL, ENVELOPE_RECEIPT, Envelope, Sealed};

/// What must not be found at the server: texts, names of a person and a file, the file's bytes.
const SECRETS: &[&str] = &[
    "scarlet pelican 7719 online",
    "scarlet pelican 7719 offline",
    "scarlet pelican 7719 edited",
    "scarlet pelican 7719 request",
    "Ann of the nine gardens",
    "blue rhinoceros 4402.txt",
    "the line of the file 9981 repeats itself",
];

/// Есть ли эти байты среди тех.
fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    let mut at = 0;
    while at + wanted.len() <= bytes.len() {
        if bytes[at] == wanted[0] && &bytes[at..at + wanted.len()] == wanted {
            return true;
        }
        at += 1;
    }
    false
}

/// Что из этого нашлось среди байт.
fn found_in<'a>(bytes: &[u8], wanted: &[&'a str], found: &mut Vec<&'a str>) {
    for secret in wanted {
        if !found.contains(secret) && holds(bytes, secret.as_bytes()) {
            found.push(secret);
        }
    }
}

/// Что из этого лежит в памяти процесса: читаются все его читаемые области.
#[cfg(target_os = "linux")]
fn memory_holds<'a>(pid: u32, wanted: &[&'a str]) -> (usize, Vec<&'a str>) {
    use std::os::unix::fs::FileExt;
    const STEP: u64 = 1 << 20;
    let (mut read, mut found) = (0, Vec::new());
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).expect("the memory is open");
    for line in text_of(Path::new(&format!("/proc/{pid}/maps"))).lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        let (from, to) = range.split_once('-').unwrap();
        let mut at = u64::from_str_radix(from, 16).unwrap();
        let end = u64::from_str_radix(to, 16).unwrap();
        while rights.starts_with('r') && at < end {
            // Куски перекрываются: слово на границе не потеряется.
            let mut piece = vec![0u8; u64::min(STEP + 100, end - at) as usize];
            if let Ok(taken) = memory.read_at(&mut piece, at) {
                read += taken;
                found_in(&piece[..taken], wanted, &mut found);
            }
            at += STEP;
        }
    }
    (read, found)
}

/// Что из этого лежит в файлах папки.
fn folder_holds<'a>(folder: &Path, wanted: &[&'a str]) -> Vec<&'a str> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut folder_holds(&path, wanted));
        } else {
            found_in(&std::fs::read(&path).unwrap(), wanted, &mut found);
        }
    }
    found
}

/// Тексты, правка, просьба и файл тем, кто здесь и кого нет.
fn talk(world: &World, ann: &mut Client, bob: &mut Client, carl: &mut Client) {
    let file = world.folder.path().join(SECRETS[5]);
    let mut source = std::fs::File::create(&file).unwrap();
    for _ in 0..5_000 {
        source.write_all(SECRETS[6].as_bytes()).unwrap();
    }
    drop(source);
    let path = file.display().to_string();
    let (b, c) = (bob.id.clone(), carl.id.clone());
    say(ann, &format!("/add {b} {}", SECRETS[3]));
    wait(bob, json!({"event": "request", "text": SECRETS[3]}));
    say(bob, &format!("/accept {}", ann.id));
    say(ann, &format!("/msg {b} {}", SECRETS[0]));
    wait(bob, json!({"event": "message", "text": SECRETS[0]}));
    say_words(ann, &["/send", &b, &path]);
    wait(bob, json!({"event": "file", "state": "done"}));
    say(ann, &format!("/to {b}"));
    say(ann, &format!("/edit {}", SECRETS[2]));
    wait(bob, json!({"event": "message", "text": SECRETS[2]}));
    wait(ann, json!({"event": "contact", "id": b, "standing": "contact"}));
    say(carl, "/quit");
    assert_eq!(exit_code(carl), 0, "{}", told(carl));
    say(ann, &format!("/msg {c} {}", SECRETS[1]));
    wait(ann, json!({"event": "receipt", "peer": c, "state": "stored"}));
    say_words(ann, &["/send", &c, &path]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_server_knows_nothing_of_what_is_written() {
    let world = world_make();
    let mut ann = client_up(&world, SECRETS[4], &["--yes"]);
    let mut bob = client_up(&world, "Bob", &["--accept-files"]);
    let mut carl = client_up(&world, "Carl", &["--accept-files"]);
    talk(&world, &mut ann, &mut bob, &mut carl);
    common::outbox_stored(&ann);
    // Поиск не слеп: у отправителя тексты есть и в памяти, и на диске.
    let (_, seen) = memory_holds(ann.guard.child.id(), SECRETS);
    assert!(seen.contains(&SECRETS[1]), "the search in memory is blind: {seen:?}");
    assert!(folder_holds(&ann.home, SECRETS).contains(&SECRETS[1]));
    let (read, seen) = memory_holds(world.server.guard.child.id(), SECRETS);
    println!("{} MiB of the server's memory looked through", read >> 20);
    assert_eq!(seen, Vec::<&str>::new(), "in the server's memory");
    assert!(read > 1 << 20, "only {read} bytes of memory were readable");
    assert_eq!(folder_holds(&world.server.home, SECRETS), Vec::<&str>::new());
    // Ящик при этом не пуст, и отсутствующий всё получит.
    let mail = world.server.home.join("mail.db");
    assert!(number_in(&mail, "SELECT COUNT(*) FROM mail") >= 2);
    client_again(&mut carl);
    wait(&mut carl, json!({"event": "message", "text": SECRETS[1]}));
    wait(&mut carl, json!({"event": "file", "state": "done"}));
}

/// Двое знакомых и чужой, у которого есть свои ключи.
fn three() -> (World, Client, Client, Raw, Id) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &["--yes"]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    let mut raw = raw_hello(&world.server.join, &world.folder.path().join("rogue"));
    raw_keys(&mut raw);
    let b = id_parse(&bob.id).unwrap();
    raw_watch(&mut raw, b);
    (world, ann, bob, raw, b)
}

/// Конверт с текстом на этом месте порядка.
fn letter(sequence: u64, text: &str) -> Envelope {
    let mut id = [0x55; 16];
    id[..8].copy_from_slice(&sequence.to_be_bytes());
    let (time, text) = (1_700_000_000_000, text.as_bytes().to_vec());
    Envelope { kind: 1, id, run: 7, sequence, time, text, ..Envelope::default() }
}

/// Сколько раз показан такой текст.
fn shown(client: &mut Client, text: &str) -> usize {
    all(client, json!({"event": "message", "text": text})).len()
}

/// Друг пишет, чужой пишет по правилам: оба слышны, линия та же.
fn alive(ann: &mut Client, bob: &mut Client, raw: &mut Raw, sequence: u64, text: &str) {
    let b = id_parse(&bob.id).unwrap();
    raw_envelope(raw, b, 900, &letter(sequence, text));
    let wanted = json!({"event": "message", "peer": id_digits(raw.id), "text": text});
    wait(bob, wanted);
    say(ann, &format!("/msg {} friend {text}", bob.id));
    wait(bob, json!({"event": "message", "text": format!("friend {text}")}));
    wait(ann, json!({"event": "receipt", "state": "delivered"}));
    assert_eq!(all(bob, json!({"event": "link"})).len(), 1, "{}", told(bob));
}

/// Следующее подтверждение чужому: порядок и докуда.
fn receipt_next(raw: &mut Raw, from: Id) -> (u64, u64) {
    loop {
        let (_, envelope) = raw_opened(raw, from);
        if envelope.kind == ENVELOPE_RECEIPT {
            return (envelope.run, envelope.upto);
        }
    }
}

#[test]
fn a_repeated_message_is_confirmed_again_and_shown_once() {
    let (_world, mut ann, mut bob, mut raw, b) = three();
    let first = raw_seal(&mut raw, b, &letter(1, "once"));
    let second = raw_seal(&mut raw, b, &letter(2, "second"));
    let third = raw_seal(&mut raw, b, &letter(3, "third"));
    for (content_id, sealed) in [(1, &first), (2, &third), (3, &first)] {
        raw_sealed(&mut raw, b, content_id, sealed);
        assert_eq!(receipt_next(&mut raw, b), (7, 2));
    }
    raw_sealed(&mut raw, b, 4, &second);
    assert_eq!(receipt_next(&mut raw, b), (7, 4));
    for content_id in 5..9 {
        for sealed in [&third, &second, &first] {
            raw_sealed(&mut raw, b, content_id, sealed);
            assert_eq!(receipt_next(&mut raw, b), (7, 4));
        }
    }
    for text in ["once", "second", "third"] {
        assert_eq!(shown(&mut bob, text), 1, "{}", told(&bob));
    }
    alive(&mut ann, &mut bob, &mut raw, 4, "after");
    assert_eq!(all(&mut bob, json!({"event": "error"})), Vec::<Value>::new(), "{}", told(&bob));
}

#[test]
fn flipped_and_cut_messages_are_refused_and_the_session_goes_on() {
    let (_world, mut ann, mut bob, mut raw, b) = three();
    let name = json!({"event": "error", "code": "seal-broken"});
    raw_envelope(&mut raw, b, 1, &letter(1, "first"));
    wait(&mut bob, json!({"event": "message", "text": "first"}));
    let good = raw_seal(&mut raw, b, &letter(2, "second"));
    let length = good.body.len();
    let mut refused = 0;
    // По биту в начале, в ключах, в шифртексте и в метке; обрезано с конца и с начала.
    for place in [0, 2, 20, 60, length / 2, length - 9, length - 1] {
        let mut flipped = good.clone();
        flipped.body[place] ^= 0x10;
        raw_sealed(&mut raw, b, 2, &flipped);
        refused += 1;
        log_until(&bob, "sealed message refused", refused);
    }
    for cut in [&good.body[..length - 1], &good.body[..40], &good.body[1..], &[]] {
        let sealed = Sealed { body: cut.to_vec(), ..good.clone() };
        raw_sealed(&mut raw, b, 3, &sealed);
        refused += 1;
        log_until(&bob, "sealed message refused", refused);
    }
    // Человеку сказано один раз, лечение начато: приходит новый сеанс с просьбой начать заново.
    wait(&mut bob, name.clone());
    assert_eq!(all(&mut bob, name).len(), 1, "{}", told(&bob));
    loop {
        if raw_opened(&mut raw, b).1.kind == ENVELOPE_HEAL {
            break;
        }
    }
    // Непорченое и прежним сеансом вскрывается: подделки его не сломали.
    raw_sealed(&mut raw, b, 4, &good);
    wait(&mut bob, json!({"event": "message", "text": "second"}));
    alive(&mut ann, &mut bob, &mut raw, 3, "after");
}

#[test]
fn a_message_in_a_place_not_its_own_is_refused() {
    let (_world, mut ann, mut bob, mut raw, b) = three();
    raw_envelope(&mut raw, b, 1, &letter(1, "first"));
    wait(&mut bob, json!({"event": "message", "text": "first"}));
    // Снаружи одно место, внутри другое: порядок, номер и то и другое.
    let rows = [(7, 2, 7, 9), (7, 2, 8, 2), (9, 1, 7, 2)];
    for (index, (run, sequence, own_run, own)) in rows.into_iter().enumerate() {
        let inner = Envelope { run: own_run, ..letter(own, "misplaced") };
        let sealed = Sealed { run, sequence, ..raw_seal(&mut raw, b, &inner) };
        raw_sealed(&mut raw, b, 2, &sealed);
        log_until(&bob, "sealed message refused: sequence", index + 1);
    }
    // Уже вскрытое под новым номером: его ключа больше нет ни у кого.
    let replay = raw_seal(&mut raw, b, &letter(2, "second"));
    raw_sealed(&mut raw, b, 3, &replay);
    wait(&mut bob, json!({"event": "message", "text": "second"}));
    raw_sealed(&mut raw, b, 4, &Sealed { sequence: 3, ..replay });
    wait(&mut bob, json!({"event": "error", "code": "seal-broken"}));
    assert_eq!(shown(&mut bob, "misplaced"), 0, "{}", told(&bob));
    alive(&mut ann, &mut bob, &mut raw, 3, "after");
    assert_eq!(shown(&mut bob, "second"), 1, "{}", told(&bob));
}

#[test]
fn a_forged_sender_is_refused() {
    let (world, mut ann, mut bob, mut raw, b) = three();
    let forged = json!({"event": "error", "code": "signature-bad"});
    raw_envelope(&mut raw, b, 1, &letter(1, "hello"));
    wait(&mut bob, json!({"event": "message", "text": "hello"}));
    // Слова без связи с ключами и со связью чужого ключа.
    let other = raw_hello(&world.server.join, &world.folder.path().join("other"));
    let theirs = common::raw::raw_bond(&other.public, &raw.public);
    for bond in [[0; 32], theirs] {
        let sealed = raw_seal_as_is(&mut raw, b, &Envelope { bond, ..letter(2, "forged") });
        raw_sealed(&mut raw, b, 1, &sealed);
        wait(&mut bob, forged.clone());
    }
    // Начало сеанса с чужим ключом личности, с чужой и с испорченной подписью.
    for step in 0..3 {
        raw_session(&mut raw, b);
        let mut sealed = raw_seal(&mut raw, b, &letter(2, "forged"));
        let intro = sealed.intro.as_mut().expect("the beginning of a session");
        match step {
            0 => intro.public = other.public,
            1 => intro.signature = [7; 64],
            _ => intro.signature[63] ^= 1,
        }
        raw_sealed(&mut raw, b, 2, &sealed);
        wait(&mut bob, forged.clone());
    }
    // Без ключа личности вовсе.
    let nameless = Sealed { intro: None, ..raw_seal(&mut raw, b, &letter(2, "forged")) };
    raw_sealed(&mut raw, b, 3, &nameless);
    log_until(&bob, "sealed message refused: intro", 1);
    assert_eq!(shown(&mut bob, "forged"), 0, "{}", told(&bob));
    assert_eq!(all(&mut bob, json!({"event": "contact", "id": id_digits(other.id)})).len(), 0);
    raw_session(&mut raw, b);
    alive(&mut ann, &mut bob, &mut raw, 2, "after");
}

#[test]
fn floods_of_sessions_and_early_messages_stay_within_bounds() {
    let (_world, mut ann, mut bob, mut raw, b) = three();
    for number in 0..2 * SESSIONS_MAX as u64 {
        raw_session(&mut raw, b);
        raw_envelope(&mut raw, b, 1, &letter(1 + number, &format!("session {number}")));
        wait(&mut bob, json!({"event": "message", "text": format!("session {number}")}));
    }
    let first = 1 + 2 * SESSIONS_MAX as u64;
    let sealed = raw_seal(&mut raw, b, &letter(first, "the missing one"));
    // Всё мыслимое «раньше времени»: хранится не больше предела.
    for number in 0..EARLY_MAX + 200 {
        let sequence = first + 1 + number;
        let body = vec![9; 100];
        let early = Sealed { run: 7, sequence, kind: 1, body, intro: None, after: None };
        raw_sealed(&mut raw, b, 2, &early);
    }
    // Из чужого порядка подходящего нет: первый же пришедший в срок проходит, дальше отказ.
    raw_sealed(&mut raw, b, 3, &sealed);
    wait(&mut bob, json!({"event": "message", "text": "the missing one"}));
    let base = bob.home.join("history.db");
    let early = number_in(&base, "SELECT COUNT(*) FROM early");
    assert!(early as u64 <= EARLY_MAX, "{early} early messages are kept");
    let sessions =
        number_in(&base, &format!("SELECT COUNT(*) FROM sessions WHERE peer = {}", raw.id));
    assert!(sessions as usize <= SESSIONS_MAX, "{sessions} sessions are kept");
    forget(&mut bob);
    alive(&mut ann, &mut bob, &mut raw, first + 1, "after");
}
