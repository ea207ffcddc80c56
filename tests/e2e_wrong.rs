//! Wrong input against real programs: garbage on the port, slow bytes, wrong certificates, wrong
//! join lines, wrong commands. One clear answer each, and everybody else is served on.
//! Неверный ввод против настоящих программ: мусор в порт, медленные байты, чужие сертификаты,
//! негодные приглашения и команды. На всё один ясный ответ, остальные работают дальше.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    Client, World, all, client_command, client_start_at, client_up, exit_code, fits, forget,
    input_end, meet, program, run_whole, say, server_command, told, wait, words_of, world_make,
};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

/// Номер, которого нет ни у кого (пример из docs/protocol.md).
const NOBODY: &str = "01459986021453";

/// Двое, которые видят друг друга.
fn pair() -> (World, Client, Client) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    (world, ann, bob)
}

/// Текст доходит: сервер и оба клиента живы, связь не рвалась.
fn still_served(ann: &mut Client, bob: &mut Client, text: &str) {
    say(ann, &format!("/msg {} {text}", bob.id));
    wait(bob, json!({"event": "message", "text": text}));
    wait(ann, json!({"event": "receipt", "state": "delivered"}));
    for client in [ann, bob] {
        assert_eq!(all(client, json!({"event": "link", "state": "retry"})).len(), 0);
        assert_eq!(all(client, json!({"event": "link", "state": "up"})).len(), 1);
    }
}

/// Сервер обязан закрыть это соединение сам.
fn is_closed(mut socket: TcpStream) {
    socket.set_read_timeout(Some(common::GUARD)).unwrap();
    let mut rest = Vec::new();
    match socket.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

#[test]
fn garbage_on_the_port_hurts_nobody() {
    let (world, mut ann, mut bob) = pair();
    let mut sockets = Vec::new();
    for number in 0..30u8 {
        let mut socket = TcpStream::connect(&world.server.address).unwrap();
        let mut bytes = vec![number.wrapping_mul(37); 1 + number as usize * 400];
        bytes[0] = number * 8;
        // Сервер вправе закрыть соединение раньше, чем дослушал.
        let _ = socket.write_all(&bytes);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        sockets.push(socket);
    }
    let mut http = TcpStream::connect(&world.server.address).unwrap();
    http.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    sockets.push(http);
    still_served(&mut ann, &mut bob, "during");
    for socket in sockets {
        is_closed(socket);
    }
    still_served(&mut ann, &mut bob, "after");
}

#[test]
fn slow_bytes_and_silence_hurt_nobody() {
    let (world, mut ann, mut bob) = pair();
    let mut sockets = Vec::new();
    for number in 0..100 {
        let mut socket = TcpStream::connect(&world.server.address).unwrap();
        if number % 2 == 0 {
            // Начало настоящего приветствия TLS, остального нет.
            socket.write_all(&[0x16]).unwrap();
        }
        sockets.push(socket);
    }
    still_served(&mut ann, &mut bob, "during");
    let mut cat = client_up(&world, "Cat", &[]);
    say(&mut cat, &format!("/msg {} from Cat", bob.id));
    wait(&mut bob, json!({"event": "message", "text": "from Cat"}));
    for socket in sockets {
        is_closed(socket);
    }
    still_served(&mut ann, &mut bob, "after");
}

/// Чужой TLS-клиент openssl: что он услышал; `None` — openssl здесь нет.
fn openssl(world: &World, options: &[&str]) -> Option<String> {
    let mut command = program("openssl");
    command.args(["s_client", "-connect", &world.server.address, "-alpn", "supertext/1"]);
    command.args(["-servername", "supertext-server", "-ign_eof"]).args(options);
    let mut version = program("openssl");
    version.arg("version").stdout(Stdio::null());
    if version.status().is_err() {
        println!("skipped: openssl is not here");
        return None;
    }
    let (_, out, err) = run_whole(command);
    Some(format!("{out}{err}"))
}

/// Самоподписанный сертификат RSA.
fn rsa_make(folder: &Path) -> [String; 2] {
    let key = folder.join("rsa.key").display().to_string();
    let certificate = folder.join("rsa.crt").display().to_string();
    let mut command = program("openssl");
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]);
    command.args(["-keyout", &key, "-out", &certificate]);
    let (code, out, err) = run_whole(command);
    assert_eq!(code, 0, "{out}{err}");
    [key, certificate]
}

#[test]
fn strangers_without_the_right_certificate_are_told() {
    let (world, mut ann, mut bob) = pair();
    let Some(heard) = openssl(&world, &[]) else {
        return;
    };
    assert!(heard.contains("certificate required"), "{heard}");
    let [key, certificate] = rsa_make(world.folder.path());
    let heard = openssl(&world, &["-cert", &certificate, "-key", &key]).unwrap();
    assert!(heard.contains("alert"), "{heard}");
    // Старый TLS и чужой протокол.
    let heard = openssl(&world, &["-tls1_2"]).unwrap();
    assert!(heard.contains("alert") || heard.contains("error"), "{heard}");
    still_served(&mut ann, &mut bob, "after");
}

/// Запускает клиента с такой строкой приглашения; он обязан кончиться сразу, одной строкой.
fn start_fails(join: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = client_command(&folder.path().join("home"));
    command.args(["--server", join]);
    let (code, out, err) = run_whole(command);
    assert_eq!(out, "", "{join}");
    assert_eq!(err.lines().count(), 1, "{join}: {err}");
    assert!(err.starts_with("supertext: ") && err.len() > 20, "{join}: {err}");
    (code, err)
}

#[test]
fn malformed_join_lines_end_the_start() {
    let pin = "ab".repeat(32);
    for join in ["127.0.0.1:7000#zz", "127.0.0.1:7000#", "127.0.0.1:7000#abcd", "h:1#é"] {
        assert_eq!(start_fails(join).0, 4, "{join}");
    }
    let bad_addresses = [
        format!(":7000#{pin}"),
        format!("127.0.0.1:port#{pin}"),
        format!("127.0.0.1:99999#{pin}"),
        format!("#{pin}"),
    ];
    for join in bad_addresses {
        assert_eq!(start_fails(&join).0, 3, "{join}");
    }
    let (code, err) = start_fails("127.0.0.1:7000");
    assert_eq!(code, 4);
    assert!(err.contains("127.0.0.1:7000") && err.contains("rootCA.crt"), "{err}");
}

#[test]
fn another_server_than_the_one_meant_is_not_called_again() {
    let world = world_make();
    let pin = "ab".repeat(32);
    let join = format!("{}#{pin}", world.server.address);
    let mut ann = client_start_at(&world.folder.path().join("Ann"), &join, "Ann", &[]);
    let link = wait(&mut ann, json!({"event": "link", "code": "server-wrong"}));
    assert!(fits(&link, &json!({"state": "down", "retry_ms": 0})), "{link}");
    std::thread::sleep(std::time::Duration::from_secs(2));
    say(&mut ann, "/status");
    wait(&mut ann, json!({"event": "link", "state": "down"}));
    assert_eq!(all(&mut ann, json!({"event": "link", "state": "retry"})).len(), 0);
    say(&mut ann, &format!("/msg {NOBODY} never leaves"));
    input_end(&mut ann);
    assert_eq!(exit_code(&mut ann), 4, "{}", told(&ann));
}

#[test]
fn a_name_that_does_not_resolve_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let join = format!("no-such-host.invalid:7000#{}", "ab".repeat(32));
    let mut ann = client_start_at(&folder.path().join("Ann"), &join, "Ann", &[]);
    wait(&mut ann, json!({"event": "link", "state": "retry", "code": "resolve"}));
    wait(&mut ann, json!({"event": "link", "state": "retry", "code": "resolve"}));
}

#[test]
fn wrong_commands_get_one_clear_line_each() {
    let (_world, mut ann, mut bob) = pair();
    let b = bob.id.clone();
    let last = (b.as_bytes()[13] - b'0' + 1) % 10;
    let wrong_digit = format!("{}{last}", &b[..13]);
    let rows = [
        (format!("/msg {wrong_digit} hi"), "id-bad"),
        (String::from("/msg 123 hi"), "id-bad"),
        (format!("/msg {b}9 hi"), "id-bad"),
        (String::from("/msg 00000000000007 hi"), "id-bad"),
        (format!("/msg {} to myself", ann.id), "argument-bad"),
        (String::from("/msg Nobody hi"), "contact-unknown"),
        (format!("/msg {b}"), "argument-missing"),
        (String::from("/msg"), "argument-missing"),
        (String::from("/fly away"), "command-unknown"),
        (String::from("/"), "command-unknown"),
        (String::from("plain text to nobody"), "peer-missing"),
        (String::from("/take x"), "argument-bad"),
        (String::from("/take 99999999999"), "transfer-unknown"),
        (String::from("/take 7"), "transfer-unknown"),
        (String::from("/cancel 7"), "transfer-unknown"),
        (String::from("/refuse -1"), "argument-bad"),
        (String::from("/yes"), "question-unknown"),
        (String::from("/no 5"), "question-unknown"),
        (format!("/topup {b} apples 5"), "argument-bad"),
        (format!("/topup {b} files many"), "argument-bad"),
        (format!("/topup {b} files"), "argument-missing"),
        (String::from("/lang de"), "argument-bad"),
        (String::from("/set colour red"), "argument-bad"),
        (String::from("/remove 01459986021453"), "contact-unknown"),
        (String::from("[]"), "command-unknown"),
        (String::from("[\"/msg\""), "argument-bad"),
    ];
    for (line, code) in rows {
        say(&mut ann, &line);
        let error = wait(&mut ann, json!({"event": "error"}));
        assert!(fits(&error, &json!({"code": code, "command": line})), "{line}: {error}");
        let text = error["text"].as_str().unwrap();
        assert!(text.len() > 8 && !text.contains('\n') && !text.contains("fail-"), "{text:?}");
    }
    assert_eq!(all(&mut ann, json!({"event": "message"})).len(), 0, "{}", told(&ann));
    still_served(&mut ann, &mut bob, "after");
    assert_eq!(all(&mut bob, json!({"event": "message"})).len(), 1, "{}", told(&bob));
    assert_eq!(words_of(&ann), "");
}

#[test]
fn bytes_that_are_no_text_and_empty_lines_are_survived() {
    let (_world, mut ann, mut bob) = pair();
    let stdin = ann.stdin.as_mut().unwrap();
    stdin.write_all(b"/msg \xff\xfe\n\n   \n\r\n").unwrap();
    wait(&mut ann, json!({"event": "error", "code": "argument-bad"}));
    forget(&mut ann);
    still_served(&mut ann, &mut bob, "after");
    assert_eq!(all(&mut ann, json!({"event": "error"})).len(), 1, "{}", told(&ann));
}

#[test]
fn a_server_that_cannot_listen_says_so() {
    let world = world_make();
    for listen in [world.server.address.as_str(), "203.0.113.7:9", "nonsense", "127.0.0.1:x"] {
        let home = world.folder.path().join("second");
        let (code, out, err) = run_whole(server_command(&home, listen));
        assert_eq!((code, out.as_str()), (3, ""), "{listen}: {err}");
        assert!(err.lines().count() == 1 && err.contains(listen), "{listen}: {err}");
    }
    let (code, _, err) = run_whole(server_command(&world.server.home, "127.0.0.1:0"));
    assert_eq!(code, 0, "{err}");
    assert!(err.lines().count() == 1 && err.contains("already running"), "{err}");
}
