//! Accounts between real programs: a name and a password bring identity and contacts to another
//! computer; wrong passwords wait; no password and no key is left lying about in clear.
//! Учётные записи между настоящими программами: имя и пароль приводят личность и контакты на
//! другой компьютер; неверные пароли ждут; ни пароль, ни ключ нигде не лежат открыто.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    Client, World, all, client_again, client_command, client_up, exit_code, forget, meet,
    run_whole, say, say_words, server_again, server_kill, text_of, told, wait, waiting, world_make,
};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

const SECRET: &str = "correct horse battery";

/// Команда, которая спросит пароль, и ответы на вопросы.
fn asked(client: &mut Client, line: &str, purpose: &str, answers: &[&str]) {
    say(client, line);
    for (index, answer) in answers.iter().enumerate() {
        let question = json!({"event": "password", "purpose": purpose, "again": index > 0});
        wait(client, question);
        say(client, answer);
    }
}

/// Заводит запись.
fn register(client: &mut Client, name: &str, secret: &str) {
    asked(client, &format!("/register {name}"), "register", &[secret, secret]);
    wait(client, json!({"event": "info", "code": "account-new"}));
}

/// Ждёт ошибки и сверяет её код.
fn refused(client: &mut Client, code: &str) -> Value {
    let error = wait(client, json!({"event": "error"}));
    assert_eq!(error["code"], json!(code), "{error}\n{}", told(client));
    error
}

/// Входит; программа начинает снова под другим номером.
fn login(client: &mut Client, name: &str, secret: &str, id: &str) {
    asked(client, &format!("/login {name}"), "login", &[secret]);
    wait(client, json!({"event": "info", "code": "account-restored"}));
    let ready = wait(client, json!({"event": "ready"}));
    assert_eq!(ready["id"], json!(id), "{}", told(client));
    client.id = String::from(id);
    wait(client, json!({"event": "link", "state": "up"}));
}

/// Ждёт, пока account.json станет другим: сервер принял хранилище. Возвращает, каким он стал.
fn vault_saved(client: &mut Client, before: &[u8]) -> Vec<u8> {
    let since = Instant::now();
    loop {
        let now = std::fs::read(client.home.join("account.json")).unwrap_or_default();
        if now != before {
            return now;
        }
        assert!(waiting(since), "the vault is not saved\n{}", told(client));
    }
}

/// Мир, в котором Анна и Боб знакомы и у Анны есть запись.
fn pair() -> (World, Client, Client) {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    let mut bob = client_up(&world, "Bob", &[]);
    meet(&mut ann, &mut bob);
    register(&mut ann, "Anna.K", SECRET);
    (world, ann, bob)
}

#[test]
fn names_are_taken_once_and_found() {
    let (_world, mut ann, mut bob) = pair();
    say(&mut ann, "/account");
    let own = wait(&mut ann, json!({"event": "info", "code": "account-name"}));
    assert!(own["text"].as_str().unwrap().contains("Anna.K"), "{own}");
    asked(&mut bob, "/register anna.k", "register", &["another one", "another one"]);
    refused(&mut bob, "name-taken");
    say(&mut bob, "/account");
    wait(&mut bob, json!({"event": "info", "code": "account-none"}));
    register(&mut bob, "Anna-Мария", "another one");
    // Вторая запись одному номеру не положена; та же просьба, повторённая, — не ошибка.
    asked(&mut bob, "/register bobby", "register", &["another one", "another one"]);
    refused(&mut bob, "account-present");
    register(&mut bob, "anna-мария", "another one");
    let (a, b) = (ann.id.clone(), bob.id.clone());
    let shown = format!("{} {} {}", &b[..5], &b[5..10], &b[10..]);
    let rows: [(&str, &[&str]); 7] = [
        ("ANNA.K", &[&a]),
        ("anna", &[&b, &a]),
        ("Anna-м", &[&b]),
        (&b, &[&b]),
        (&shown, &[&b]),
        ("nna", &[]),
        ("%", &[]),
    ];
    for (text, wanted) in rows {
        forget(&mut ann);
        say(&mut ann, &format!("/find {text}"));
        for id in wanted {
            let found = wait(&mut ann, json!({"event": "person"}));
            assert_eq!(found["id"], json!(id), "{text}");
        }
        if wanted.is_empty() {
            wait(&mut ann, json!({"event": "info", "code": "find-none"}));
        }
    }
}

#[test]
fn unfit_names_and_passwords_are_refused() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    // Негодное имя — ошибка сразу: о пароле не спросят, и следующая строка им не станет.
    for name in ["x", "12345678901234", "two words", "a/b", &"n".repeat(33)] {
        say(&mut ann, &format!("/register {name}"));
        refused(&mut ann, "argument-bad");
    }
    say(&mut ann, "/register");
    refused(&mut ann, "argument-missing");
    assert!(all(&mut ann, json!({"event": "password"})).is_empty(), "{}", told(&ann));
    asked(&mut ann, "/register ann", "register", &["1234567", "1234567"]);
    refused(&mut ann, "password-short");
    asked(&mut ann, "/register ann", "register", &["12345678", "12345679"]);
    refused(&mut ann, "passwords-differ");
    asked(&mut ann, "/register ann", "register", &[""]);
    refused(&mut ann, "cancelled");
    asked(&mut ann, "/password", "change", &["12345678", "12345678"]);
    refused(&mut ann, "account-missing");
    asked(&mut ann, "/login nobody", "login", &["12345678"]);
    refused(&mut ann, "password-wrong");
    say(&mut ann, "/account");
    wait(&mut ann, json!({"event": "info", "code": "account-none"}));
    // Массив из одного слова — тоже пароль, и в нём возможно всё.
    asked(&mut ann, "/register ann", "register", &["[\"[пароль]\\n 7\"]", "[\"[пароль]\\n 7\"]"]);
    wait(&mut ann, json!({"event": "info", "code": "account-new"}));
    say_words(&mut ann, &["/login", "ann"]);
    wait(&mut ann, json!({"event": "password", "purpose": "login"}));
    say_words(&mut ann, &["[пароль]\n 7"]);
    wait(&mut ann, json!({"event": "info", "code": "account-kept"}));
}

#[test]
fn wrong_passwords_have_to_wait_and_unknown_names_look_the_same() {
    let (world, _ann, _bob) = pair();
    let mut told_of: Vec<Vec<Value>> = Vec::new();
    for name in ["anna.k", "nobody"] {
        let mut eve = client_up(&world, &format!("Eve-{name}"), &[]);
        let mut answers = Vec::new();
        for _ in 0..6 {
            asked(&mut eve, &format!("/login {name}"), "login", &["not the password"]);
            answers.push(wait(&mut eve, json!({"event": "error"})));
        }
        for answer in &answers[..5] {
            assert_eq!(answer["code"], json!("password-wrong"), "{answer}");
        }
        assert_eq!(answers[5]["code"], json!("try-later"), "{}", answers[5]);
        let text = answers[5]["text"].as_str().unwrap();
        assert!(text.contains("30 s") || text.contains("29 s"), "{text}");
        told_of.push(answers);
    }
    for index in 0..5 {
        assert_eq!(told_of[0][index], told_of[1][index]);
    }
    // Имя ждёт и с другой линии, даже с верным паролем.
    let mut late = client_up(&world, "Late", &[]);
    asked(&mut late, "/login Anna.K", "login", &[SECRET]);
    refused(&mut late, "try-later");
}

#[test]
fn a_login_brings_identity_contacts_and_messages() {
    let (world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    say(&mut ann, &format!("/msg {b} before"));
    wait(&mut bob, json!({"event": "message", "text": "before"}));
    say(&mut bob, &format!("/msg {a} answer"));
    wait(&mut ann, json!({"event": "message", "text": "answer"}));
    let saved = vault_saved(&mut ann, &[]);
    say(&mut ann, &format!("/rename {b} Роберт"));
    vault_saved(&mut ann, &saved);
    // Только что изменённое успевает в хранилище и перед уходом.
    say(&mut ann, &format!("/verify {b} yes"));
    wait(&mut ann, json!({"event": "contact", "id": b, "verified": true}));
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));

    // Пока Анны нет, Боб пишет ей: письмо запечатано для её прежнего компьютера.
    wait(&mut bob, json!({"event": "contact", "id": a, "state": "offline"}));
    say(&mut bob, &format!("/msg {a} while you were away"));
    wait(&mut bob, json!({"event": "receipt", "state": "stored"}));

    let mut laptop = client_up(&world, "Ann-laptop", &[]);
    assert_ne!(laptop.id, a);
    login(&mut laptop, "anna.k", SECRET, &a);
    let contact = wait(&mut laptop, json!({"event": "contact", "id": b, "name": "Роберт"}));
    assert_eq!(contact["verified"], json!(true), "{contact}");
    let late = wait(&mut laptop, json!({"event": "message", "text": "while you were away"}));
    assert_eq!(late["peer"], json!(b));
    say(&mut laptop, &format!("/msg {b} from the laptop"));
    wait(&mut bob, json!({"event": "message", "text": "from the laptop", "peer": a}));
    say(&mut bob, &format!("/msg {a} hello laptop"));
    wait(&mut laptop, json!({"event": "message", "text": "hello laptop"}));
    // Ключ Анны тот же: Бобу не о чем тревожиться.
    assert!(all(&mut bob, json!({"code": "key-changed"})).is_empty(), "{}", told(&bob));
}

#[test]
fn the_first_computer_is_told_and_a_changed_password_leaves_it_behind() {
    let (world, mut ann, bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    let mut laptop = client_up(&world, "Laptop", &[]);
    login(&mut laptop, "Anna.K", SECRET, &a);
    let down = wait(&mut ann, json!({"event": "link", "state": "down"}));
    assert_eq!(down["code"], json!("signed-elsewhere"), "{down}");
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0);

    asked(&mut laptop, "/password", "change", &["a new password", "a new password"]);
    wait(&mut laptop, json!({"event": "info", "code": "password-new"}));
    // Прежний компьютер с прежними ключами хранилища не затрёт: он узнаёт, что отстал.
    client_again(&mut ann);
    wait(&mut ann, json!({"event": "link", "state": "up"}));
    say(&mut ann, &format!("/rename {b} Bobby"));
    wait(&mut ann, json!({"event": "info", "code": "account-stale"}));
    asked(&mut ann, "/login Anna.K", "login", &[SECRET]);
    refused(&mut ann, "password-wrong");
    asked(&mut ann, "/login Anna.K", "login", &["a new password"]);
    wait(&mut ann, json!({"event": "info", "code": "account-kept"}));
    let kept = std::fs::read(ann.home.join("account.json")).unwrap();
    vault_saved(&mut ann, &kept);

    // Новый пароль открывает то, что сохранил прежний компьютер.
    let mut phone = client_up(&world, "Phone", &[]);
    asked(&mut phone, "/login Anna.K", "login", &[SECRET]);
    refused(&mut phone, "password-wrong");
    login(&mut phone, "Anna.K", "a new password", &a);
    wait(&mut phone, json!({"event": "contact", "id": b, "name": "Bobby"}));
}

#[test]
fn a_stranger_and_a_sender_who_left_are_heard_after_a_login() {
    let (world, mut ann, mut bob) = pair();
    let (a, b) = (ann.id.clone(), bob.id.clone());
    say(&mut bob, &format!("/msg {a} first"));
    wait(&mut ann, json!({"event": "message", "text": "first"}));
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    wait(&mut bob, json!({"event": "contact", "id": a, "state": "offline"}));
    say(&mut bob, &format!("/msg {a} left behind"));
    wait(&mut bob, json!({"event": "receipt", "state": "stored"}));
    say(&mut bob, "/quit");
    say(&mut bob, "/quit");
    exit_code(&mut bob);
    let mut carl = client_up(&world, "Carl", &[]);
    say(&mut carl, &format!("/msg {a} we have not met"));
    wait(&mut carl, json!({"event": "receipt", "state": "stored"}));

    let mut laptop = client_up(&world, "Laptop", &[]);
    login(&mut laptop, "Anna.K", SECRET, &a);
    // Боба нет: просьба начать заново ждёт его в ящике, а его письмо — его возвращения.
    client_again(&mut bob);
    let late = wait(&mut laptop, json!({"event": "message", "text": "left behind"}));
    assert_eq!(late["peer"], json!(b));
    let stranger = wait(&mut laptop, json!({"event": "message", "text": "we have not met"}));
    assert_eq!(stranger["peer"], json!(carl.id));
}

#[test]
fn a_home_with_contacts_is_not_given_away() {
    let (_world, ann, mut bob) = pair();
    let before = text_of(&bob.home.join("cert/client.key"));
    asked(&mut bob, "/login Anna.K", "login", &[SECRET]);
    let error = refused(&mut bob, "home-used");
    assert!(error["text"].as_str().unwrap().contains("--profile"), "{error}");
    assert_eq!(text_of(&bob.home.join("cert/client.key")), before);
    assert!(!bob.home.join("restore.json").exists() && !bob.home.join("account.json").exists());
    say(&mut bob, &format!("/msg {} still Bob", ann.id));
    wait(&mut bob, json!({"event": "receipt", "state": "delivered"}));
}

#[test]
fn the_server_remembers_accounts_over_a_crash() {
    let (mut world, mut ann, _bob) = pair();
    say(&mut ann, "/quit");
    assert_eq!(exit_code(&mut ann), 0, "{}", told(&ann));
    server_kill(&mut world.server);
    server_again(&mut world.server);
    let mut laptop = client_up(&world, "Laptop", &[]);
    login(&mut laptop, "Anna.K", SECRET, &ann.id);
    asked(&mut laptop, "/register other", "register", &[SECRET, SECRET]);
    refused(&mut laptop, "account-present");
}

#[test]
fn a_script_answers_from_the_environment() {
    let (world, ann, bob) = pair();
    // Всё сразу, не дожидаясь ни связи, ни вопроса: пароль не станет сообщением.
    let input = world.folder.path().join("input");
    let text = format!("/register dora\n{SECRET}\n{SECRET}\n/msg {} hi from Dora\n", bob.id);
    std::fs::write(&input, text).unwrap();
    let home = world.folder.path().join("dora");
    let mut command = client_command(&home);
    command.args(["--server", &world.server.join, "--to", &bob.id]);
    command.stdin(Stdio::from(std::fs::File::open(&input).unwrap()));
    let (code, out, err) = run_whole(command);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("account-new") && out.contains("hi from Dora"), "{out}");
    assert!(!out.contains(SECRET), "{out}");

    let mut command = client_command(&home.with_extension("again"));
    command.args(["--server", &world.server.join]).env("SUPERTEXT_PASSWORD", SECRET);
    std::fs::write(&input, "/login Anna.K\n").unwrap();
    command.stdin(Stdio::from(std::fs::File::open(&input).unwrap()));
    let (code, out, err) = run_whole(command);
    assert_eq!(code, 0, "{out}{err}");
    let mut last = Value::Null;
    for line in out.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["event"] == json!("ready") {
            last = event;
        }
    }
    // Имя для других тоже приехало.
    assert_eq!((&last["id"], &last["name"]), (&json!(ann.id), &json!("Ann")), "{out}");
}

/// Ищет слова во всех файлах папки; возвращает, где что нашлось.
fn words_in(folder: &Path, words: &[&[u8]], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            words_in(&path, words, found);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for word in words {
            for at in 0..bytes.len() {
                if bytes[at..].starts_with(word) {
                    found.push(format!("{}: {}", path.display(), String::from_utf8_lossy(word)));
                    break;
                }
            }
        }
    }
}

#[test]
fn no_secret_lies_in_clear() {
    let (world, mut ann, bob) = pair();
    say(&mut ann, &format!("/rename {} Zaphod-Beeblebrox", bob.id));
    let saved = vault_saved(&mut ann, &[]);
    // Пароль, набранный по незнанию рядом с именем, в ошибке не повторяется.
    say(&mut ann, "/login Anna.K unwise-password");
    refused(&mut ann, "argument-bad");
    asked(&mut ann, "/password", "change", &["fresh password", "fresh password"]);
    wait(&mut ann, json!({"event": "info", "code": "password-new"}));
    let changed = vault_saved(&mut ann, &saved);
    let mut laptop = client_up(&world, "Laptop", &[]);
    login(&mut laptop, "Anna.K", "fresh password", &ann.id);
    let mut found = Vec::new();
    let secrets: [&[u8]; 3] = [SECRET.as_bytes(), b"fresh password", b"unwise-password"];
    words_in(world.folder.path(), &secrets, &mut found);
    assert!(found.is_empty(), "{found:#?}");
    // На сервере нет ни ключа личности, ни имён контактов, ни ключей записи.
    let account: Value = serde_json::from_slice(&changed).unwrap();
    let key = text_of(&ann.home.join("cert/client.key"));
    let line = key.lines().nth(1).unwrap();
    let mut server: Vec<Vec<u8>> = vec![line.into(), b"PRIVATE KEY".into(), b"Zaphod".into()];
    for field in ["login", "wrap"] {
        let digits = account[field].as_str().unwrap();
        server.push(digits.into());
        server.push(hex::decode(digits).unwrap());
    }
    let mut slices: Vec<&[u8]> = Vec::new();
    for word in &server {
        slices.push(word);
    }
    for name in ["mail.db", "mail.db-wal", "supertext.log"] {
        let path = world.server.home.join(name);
        if path.exists() {
            let folder = tempfile::tempdir().unwrap();
            std::fs::copy(&path, folder.path().join(name)).unwrap();
            words_in(folder.path(), &slices, &mut found);
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for name in ["account.json", "cert/client.key"] {
            let mode = laptop.home.join(name).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert!(!laptop.home.join("restore.json").exists());
    }
}
