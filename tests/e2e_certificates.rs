//! Real programs with certificates made by hand (tests/certificates.sh, openssl), locked keys, a
//! foreign CA, an id that belongs to another key.
//! Настоящие программы с сертификатами, сделанными руками (tests/certificates.sh, openssl),
//! запертыми ключами, чужим центром и номером, который принадлежит другому ключу.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    Client, client_command, client_start_at, client_up, exit_code, fits, input_end, meet, program,
    run_whole, say, server_command, server_start, server_start_with, told, wait, world_make,
};
use serde_json::json;
use std::path::Path;

/// Делает набор сертификатов руками; `false` — openssl или bash здесь нет.
fn set_make(folder: &Path, password: &str) -> bool {
    let mut version = program("openssl");
    version.arg("version").stdout(std::process::Stdio::null());
    if version.status().is_err() {
        println!("skipped: openssl is not here");
        return false;
    }
    let mut command = program("bash");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates.sh"));
    command.arg("make").arg(folder).arg(password);
    let (code, out, err) = run_whole(command);
    assert_eq!(code, 0, "{out}{err}");
    true
}

/// Клиент с паролем ключа и без отпечатка в адресе: доверие — файл cert/rootCA.crt.
fn client_by_hand(home: &Path, address: &str, password: &str) -> (i32, String, String) {
    let mut command = client_command(home);
    command.args(["--server", address]);
    if !password.is_empty() {
        command.env("SUPERTEXT_KEY_PASSWORD", password);
    }
    run_whole(command)
}

/// Двое пишут друг другу.
fn talk(one: &mut Client, other: &mut Client) {
    meet(one, other);
    say(one, &format!("/msg {} by hand", other.id));
    wait(other, json!({"event": "message", "text": "by hand"}));
    wait(one, json!({"event": "receipt", "state": "delivered"}));
}

#[test]
fn certificates_by_hand_work() {
    let folder = tempfile::tempdir().unwrap();
    if !set_make(folder.path(), "") {
        return;
    }
    let server = server_start(&folder.path().join("server"), "127.0.0.1:0");
    let mut ann = client_start_at(&folder.path().join("client"), &server.address, "Ann", &[]);
    wait(&mut ann, json!({"event": "link", "state": "up"}));
    // Другой приходит по строке приглашения: отпечаток того же центра.
    let mut bob = client_start_at(&folder.path().join("Bob"), &server.join, "Bob", &[]);
    wait(&mut bob, json!({"event": "link", "state": "up"}));
    talk(&mut ann, &mut bob);
}

#[test]
fn locked_keys_open_with_the_password_only() {
    let folder = tempfile::tempdir().unwrap();
    let password = "pass word: пароль $1";
    if !set_make(folder.path(), password) {
        return;
    }
    let (server_home, home) = (folder.path().join("server"), folder.path().join("client"));
    for wrong in ["", "not this one"] {
        let mut command = server_command(&server_home, "127.0.0.1:0");
        command.env("SUPERTEXT_KEY_PASSWORD", wrong);
        let (code, out, err) = run_whole(command);
        assert_eq!((code, out.as_str(), err.lines().count()), (4, "", 1), "{err}");
        assert!(err.contains("domain.key") && !err.contains("not this one"), "{err}");
    }
    let server = server_start_with(&server_home, "127.0.0.1:0", password);
    for wrong in ["", "not this one"] {
        let (code, out, err) = client_by_hand(&home, &server.address, wrong);
        assert_eq!((code, out.as_str(), err.lines().count()), (4, "", 1), "{err}");
        assert!(err.contains("client.key") && !err.contains("not this one"), "{err}");
    }
    let (code, out, err) = client_by_hand(&home, &server.address, password);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("\"ready\""), "{out}");
}

#[test]
fn a_foreign_ca_is_the_wrong_server() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    if !set_make(&one, "") || !set_make(&other, "") {
        return;
    }
    let server = server_start(&one.join("server"), "127.0.0.1:0");
    let mut ann = client_start_at(&other.join("client"), &server.address, "Ann", &[]);
    let link = wait(&mut ann, json!({"event": "link", "code": "server-wrong"}));
    assert!(fits(&link, &json!({"state": "down", "retry_ms": 0})), "{link}");
    // Та же личность с верным центром входит.
    let right = one.join("client").join("cert").join("rootCA.crt");
    std::fs::copy(right, other.join("client").join("cert").join("rootCA.crt")).unwrap();
    input_end(&mut ann);
    exit_code(&mut ann);
    common::client_again(&mut ann);
    wait(&mut ann, json!({"event": "link", "state": "up"}));
}

#[test]
fn damaged_certificates_end_the_start() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    let cert = ann.home.join("cert");
    let key = std::fs::read(cert.join("client.key")).unwrap();
    for (name, text) in [("client.key", "nonsense"), ("client.key", ""), ("client.crt", "no")] {
        let path = cert.join(name);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, text).unwrap();
        let (code, out, err) = client_by_hand(&ann.home, &world.server.join, "");
        assert_eq!((code, out.as_str(), err.lines().count()), (4, "", 1), "{name}: {err}");
        assert!(err.contains(name), "{name}: {err}");
        std::fs::write(&path, whole).unwrap();
    }
    std::fs::remove_file(cert.join("client.key")).unwrap();
    let (code, _, err) = client_by_hand(&ann.home, &world.server.join, "");
    assert_eq!(code, 4, "{err}");
    assert!(!cert.join("client.key").exists(), "no new key may take the old one's place");
    // Ключ от другого сертификата: чужой пары быть не может.
    let mut bob = client_up(&world, "Bob", &[]);
    say(&mut bob, "/quit");
    exit_code(&mut bob);
    std::fs::write(
        cert.join("client.key"),
        std::fs::read(bob.home.join("cert/client.key")).unwrap(),
    )
    .unwrap();
    let (code, _, err) = client_by_hand(&ann.home, &world.server.join, "");
    assert_eq!((code, err.lines().count()), (4, 1), "{err}");
    std::fs::write(cert.join("client.key"), key).unwrap();
    let (code, _, err) = client_by_hand(&ann.home, &world.server.join, "");
    assert_eq!(code, 0, "{err}");
}

#[test]
fn an_id_of_another_key_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("Ann");
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(["id", "--json", "--home"]).arg(&home);
    let (code, out, err) = run_whole(command);
    assert_eq!(code, 0, "{err}");
    let identity: serde_json::Value = serde_json::from_str(&out).unwrap();
    let id = identity["id"].as_str().unwrap();
    let server_home = folder.path().join("server");
    std::fs::create_dir_all(&server_home).unwrap();
    let line = format!("{id} {}\n", "42".repeat(32));
    std::fs::write(server_home.join("registered.txt"), &line).unwrap();
    let server = server_start(&server_home, "127.0.0.1:0");
    let mut ann = client_start_at(&home, &server.join, "Ann", &[]);
    let link = wait(&mut ann, json!({"event": "link", "code": "id-taken"}));
    assert!(fits(&link, &json!({"state": "down", "retry_ms": 0})), "{link}");
    assert!(link["reason"].as_str().unwrap().contains("supertext id --new"), "{link}");
    input_end(&mut ann);
    exit_code(&mut ann);
    assert_eq!(common::text_of(&server_home.join("registered.txt")), line);
    // Как сказано: новая личность, прежняя отложена, и вход удаётся.
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(["id", "--new", "--json", "--home"]).arg(&home);
    let (code, out, err) = run_whole(command);
    assert_eq!(code, 0, "{err}");
    assert!(!out.contains(id), "{out}");
    common::client_again(&mut ann);
    wait(&mut ann, json!({"event": "link", "state": "up"}));
    assert_ne!(ann.id, id);
    assert!(home.join("cert").join("client.key.old1").is_file());
}

#[test]
fn the_registration_survives_the_server() {
    let mut world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    common::server_kill(&mut world.server);
    wait(&mut ann, json!({"event": "link", "state": "retry"}));
    let text = common::text_of(&world.server.home.join("registered.txt"));
    assert!(text.lines().count() == 1 && text.starts_with(&ann.id), "{text}");
    common::server_again(&mut world.server);
    wait(&mut ann, json!({"event": "link", "state": "up"}));
    assert_eq!(common::text_of(&world.server.home.join("registered.txt")), text);
}

#[cfg(unix)]
#[test]
fn keys_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = world_make();
    let ann = client_up(&world, "Ann", &[]);
    for path in [
        ann.home.join("cert/client.key"),
        world.server.home.join("cert/domain.key"),
        world.server.home.join("cert/rootCA.key"),
    ] {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
}
