//! Real processes for the end-to-end tests: a server and clients with the JSON pipe, each with a
//! home of its own; their output goes to files, which are read as they grow. Nothing stays behind.
//! Настоящие процессы для сквозных испытаний: сервер и клиенты с потоком JSON, у каждого своя
//! домашняя папка; вывод идёт в файлы и читается по мере роста. После них ничего не остаётся.

#![allow(dead_code, unused_imports, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod files;
pub mod process;
pub mod raw;
pub mod screen;
pub mod talk;

pub use process::{
    GUARD, Guard, code_of, folder_copy, program, project, run_whole, text_of, waiting,
};

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Number of the next start of a client, for the names of output files.
static RUNS: AtomicU32 = AtomicU32::new(0);

/// A running server.
pub struct Server {
    pub guard: Guard,
    pub flags: Vec<String>,
    pub home: PathBuf,
    pub address: String,
    pub join: String,
}

/// A running client with the JSON pipe.
pub struct Client {
    pub guard: Guard,
    pub stdin: Option<ChildStdin>,
    pub home: PathBuf,
    pub name: String,
    pub id: String,
    pub join: String,
    options: Vec<String>,
    /// Network namespace it runs in; empty: that of the test.
    inside: String,
    out_path: PathBuf,
    out: File,
    rest: Vec<u8>,
    pub events: Vec<Value>,
    used: Vec<bool>,
}

/// A folder, a server in it, places for clients.
pub struct World {
    pub server: Server,
    pub folder: tempfile::TempDir,
}

/// Новый мир: папка и сервер.
pub fn world_make() -> World {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = server_start(&folder.path().join("server"), "127.0.0.1:0");
    World { server, folder }
}

/// Команда сервера с этой папкой.
pub fn server_command(home: &Path, listen: &str) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_supertext-server"));
    command.arg("--home").arg(home).args(["--listen", listen, "--lang", "en"]);
    command
}

/// Команда клиента с этой папкой.
pub fn client_command(home: &Path) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_supertext"));
    command.args(["console", "--json", "--lang", "en", "--log", "debug", "--home"]).arg(home);
    command.env("SUPERTEXT_LISTEN", "127.0.0.1:0");
    command
}

/// Та же команда в сетевом пространстве имён; дверь клиента — на всех его адресах.
fn inside_of(inside: &str, command: &Command) -> Command {
    let mut outer = program("ip");
    outer.args(["netns", "exec", inside]).arg(command.get_program()).args(command.get_args());
    outer
}

/// Запускает сервер и ждёт READY и JOIN. Занятый на миг порт пробуется снова.
pub fn server_start(home: &Path, listen: &str) -> Server {
    server_run(home, listen, "", Vec::new())
}

/// То же с паролем ключа.
pub fn server_start_with(home: &Path, listen: &str, password: &str) -> Server {
    server_run(home, listen, password, Vec::new())
}

/// Мир, в котором у сервера есть лишние слова командной строки.
pub fn world_with(flags: &[&str]) -> World {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut own: Vec<String> = Vec::new();
    for flag in flags {
        own.push(String::from(*flag));
    }
    let server = server_run(&folder.path().join("server"), "127.0.0.1:0", "", own);
    World { server, folder }
}

/// Запускает процесс сервера.
fn server_run(home: &Path, listen: &str, password: &str, flags: Vec<String>) -> Server {
    server_run_in("", home, listen, password, flags)
}

/// Сервер в сетевом пространстве имён.
pub fn server_start_in(inside: &str, home: &Path, listen: &str) -> Server {
    server_run_in(inside, home, listen, "", Vec::new())
}

/// Запускает процесс сервера там, где велено.
fn server_run_in(
    inside: &str,
    home: &Path,
    listen: &str,
    password: &str,
    flags: Vec<String>,
) -> Server {
    let since = Instant::now();
    let mut errors = String::new();
    while waiting(since) {
        let out_path = home.with_extension("out");
        let err_path = home.with_extension("err");
        let mut command = server_command(home, listen);
        if !inside.is_empty() {
            command = inside_of(inside, &command);
        }
        command.args(&flags);
        if !password.is_empty() {
            command.env("SUPERTEXT_KEY_PASSWORD", password);
        }
        command.stdout(File::create(&out_path).expect("out"));
        command.stderr(File::create(&err_path).expect("err"));
        let mut guard = Guard { child: command.spawn().expect("the server starts") };
        while waiting(since) {
            let text = text_of(&out_path);
            if let (Some(address), Some(join)) = (after(&text, "READY "), after(&text, "JOIN ")) {
                return Server { guard, flags, home: home.to_path_buf(), address, join };
            }
            if let Ok(Some(_)) = guard.child.try_wait() {
                break;
            }
        }
        errors = text_of(&err_path);
    }
    panic!("the server did not start: {errors}");
}

/// Остаток строки после этого слова, если строка уже целая.
fn after(text: &str, word: &str) -> Option<String> {
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix(word) {
            if rest.ends_with('\n') {
                return Some(String::from(rest.trim_end()));
            }
        }
    }
    None
}

/// Убивает сервер, как это сделала бы беда (kill -9).
pub fn server_kill(server: &mut Server) {
    let _ = server.guard.child.kill();
    let _ = server.guard.child.wait();
}

/// Запускает сервер снова: та же папка, тот же порт.
pub fn server_again(server: &mut Server) {
    let (home, address) = (server.home.clone(), server.address.clone());
    *server = server_run(&home, &address, "", server.flags.clone());
}

/// Запускает клиента и ждёт связи; `options` — лишние слова командной строки.
pub fn client_up(world: &World, name: &str, options: &[&str]) -> Client {
    let home = world.folder.path().join(name);
    let mut client = client_start_at(&home, &world.server.join, name, options);
    wait(&mut client, json!({"event": "link", "state": "up"}));
    client
}

/// Запускает клиента с любой папкой и любой строкой приглашения.
pub fn client_start_at(home: &Path, join: &str, name: &str, options: &[&str]) -> Client {
    let mut own: Vec<String> = Vec::new();
    for option in options {
        own.push(String::from(*option));
    }
    client_run(client_command(home), home, join, name, own)
}

/// То же в сетевом пространстве имён; искать других в его сети можно.
pub fn client_start_in(inside: &str, home: &Path, name: &str, options: &[&str]) -> Client {
    let mut own = vec![String::from("--discovery"), String::from("on")];
    for option in options {
        own.push(String::from(*option));
    }
    let command = inside_of(inside, &client_command(home));
    let mut client = client_run(command, home, "", name, own);
    client.inside = String::from(inside);
    client
}

/// Запускает процесс клиента и ждёт `ready`; `command` — программа и её лицо.
pub fn client_run(
    mut command: Command,
    home: &Path,
    join: &str,
    name: &str,
    options: Vec<String>,
) -> Client {
    let mut out_name = home.as_os_str().to_os_string();
    out_name.push(format!(".{}.out", RUNS.fetch_add(1, Ordering::Relaxed)));
    let out_path = PathBuf::from(out_name);
    if !join.is_empty() {
        command.args(["--server", join]);
    }
    command.args(["--name", name]).args(&options);
    command.stdin(Stdio::piped());
    command.stdout(File::create(&out_path).expect("out"));
    command.stderr(File::create(out_path.with_extension("err")).expect("err"));
    let mut child = command.spawn().expect("the client starts");
    let stdin = child.stdin.take();
    let out = File::open(&out_path).expect("out");
    let mut client = Client {
        guard: Guard { child },
        stdin,
        home: home.to_path_buf(),
        name: String::from(name),
        id: String::new(),
        join: String::from(join),
        options,
        inside: String::new(),
        out_path,
        out,
        rest: Vec::new(),
        events: Vec::new(),
        used: Vec::new(),
    };
    let ready = wait(&mut client, json!({"event": "ready"}));
    client.id = String::from(ready["id"].as_str().expect("an id"));
    client
}

/// Убивает клиента (kill -9).
pub fn client_kill(client: &mut Client) {
    let _ = client.guard.child.kill();
    let _ = client.guard.child.wait();
}

/// Запускает того же клиента снова: та же папка, те же слова.
pub fn client_again(client: &mut Client) {
    let mut command = client_command(&client.home);
    if !client.inside.is_empty() {
        command = inside_of(&client.inside, &command);
    }
    let options = client.options.clone();
    let mut next = client_run(command, &client.home, &client.join, &client.name, options);
    next.inside = client.inside.clone();
    *client = next;
}

/// Пишет клиенту строку.
pub fn say(client: &mut Client, line: &str) {
    let stdin = client.stdin.as_mut().expect("the input is open");
    let written = stdin.write_all(format!("{line}\n").as_bytes());
    assert!(written.is_ok(), "{}: {written:?}", told(client));
}

/// Пишет клиенту массив слов.
pub fn say_words(client: &mut Client, words: &[&str]) {
    say(client, &json!(words).to_string());
}

/// Читает, что клиент уже сказал.
pub fn events_read(client: &mut Client) {
    client.out.read_to_end(&mut client.rest).expect("read");
    let mut start = 0;
    for at in 0..client.rest.len() {
        if client.rest[at] != b'\n' {
            continue;
        }
        let line = &client.rest[start..at];
        start = at + 1;
        match serde_json::from_slice::<Value>(line) {
            Ok(event) => {
                client.events.push(event);
                client.used.push(false);
            }
            Err(error) => panic!("not JSON: {error}: {}", String::from_utf8_lossy(line)),
        }
    }
    client.rest.drain(..start);
}

/// Подходит ли событие: все названные поля равны.
pub fn fits(event: &Value, wanted: &Value) -> bool {
    let Some(fields) = wanted.as_object() else {
        return false;
    };
    for (key, value) in fields {
        if event.get(key).unwrap_or(&Value::Null) != value {
            return false;
        }
    }
    true
}

/// Ждёт первое ещё не взятое событие с такими полями и берёт его.
pub fn wait(client: &mut Client, wanted: Value) -> Value {
    let since = Instant::now();
    loop {
        if let Some(found) = take(client, &wanted) {
            return found;
        }
        let ended = client.guard.child.try_wait().expect("wait");
        if let Some(status) = ended {
            if let Some(found) = take(client, &wanted) {
                return found;
            }
            panic!("ended with {status} without {wanted}\n{}", told(client));
        }
        assert!(waiting(since), "no {wanted}\n{}", told(client));
    }
}

/// Берёт событие, если оно уже есть.
pub fn take(client: &mut Client, wanted: &Value) -> Option<Value> {
    events_read(client);
    for index in 0..client.events.len() {
        if !client.used[index] && fits(&client.events[index], wanted) {
            client.used[index] = true;
            return Some(client.events[index].clone());
        }
    }
    None
}

/// Считает взятым всё, что уже сказано: дальше ждём только нового.
pub fn forget(client: &mut Client) {
    events_read(client);
    for used in &mut client.used {
        *used = true;
    }
}

/// Все события с такими полями, взятые и не взятые.
pub fn all(client: &mut Client, wanted: Value) -> Vec<Value> {
    events_read(client);
    let mut found = Vec::new();
    for event in &client.events {
        if fits(event, &wanted) {
            found.push(event.clone());
        }
    }
    found
}

/// Ждёт, пока таких событий не станет столько, и отдаёт их по порядку. Предел времени велик: от
/// зависания, а не от медлительности.
pub fn wait_many(client: &mut Client, wanted: Value, many: usize) -> Vec<Value> {
    let since = Instant::now();
    let (mut found, mut seen) = (Vec::new(), 0);
    while found.len() < many {
        events_read(client);
        for event in &client.events[seen..] {
            if fits(event, &wanted) {
                found.push(event.clone());
            }
        }
        seen = client.events.len();
        let late = since.elapsed() > 5 * GUARD;
        assert!(!late, "{} of {many} {wanted}\n{}", found.len(), told(client));
        std::thread::sleep(Duration::from_millis(5));
    }
    found
}

/// Тексты этих событий.
pub fn texts_of(events: &[Value]) -> Vec<String> {
    let mut texts = Vec::new();
    for event in events {
        texts.push(String::from(event["text"].as_str().unwrap_or_default()));
    }
    texts
}

/// Всё, что клиент сказал, для сообщения о неудаче; длинное обрезано.
pub fn told(client: &Client) -> String {
    let mut text = format!("--- {} {} said:\n", client.name, client.id);
    let skipped = client.events.len().saturating_sub(300);
    for event in &client.events[skipped..] {
        let line = event.to_string();
        let mut end = usize::min(line.len(), 600);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        text.push_str(&line[..end]);
        text.push('\n');
    }
    text.push_str(&text_of(&client.out_path.with_extension("err")));
    text
}

/// Что клиент сказал в stderr.
pub fn words_of(client: &Client) -> String {
    text_of(&client.out_path.with_extension("err"))
}

/// Ждёт, пока эти слова не появятся в журнале клиента столько раз.
pub fn log_until(client: &Client, words: &str, times: usize) {
    let path = client.home.join("supertext.log");
    let since = Instant::now();
    while text_of(&path).matches(words).count() < times {
        assert!(waiting(since), "no {words:?} in:\n{}\n{}", text_of(&path), told(client));
    }
}

/// Закрывает ввод: у клиента кончились команды.
pub fn input_end(client: &mut Client) {
    client.stdin = None;
}

/// Ждёт конца клиента и возвращает код.
pub fn exit_code(client: &mut Client) -> i32 {
    let since = Instant::now();
    loop {
        if let Some(status) = client.guard.child.try_wait().expect("wait") {
            events_read(client);
            return code_of(status);
        }
        events_read(client);
        assert!(waiting(since), "does not end\n{}", told(client));
    }
}

/// Ждёт, пока всё исходящее клиента не подтвердится: его очередь на диске пуста.
pub fn outbox_settle(client: &Client) {
    rows_gone(client, "SELECT COUNT(*) FROM outbox");
    // Логика узнаёт о записи на миг позже, чем её видно в базе.
    std::thread::sleep(Duration::from_millis(30));
}

/// Ждёт, пока всё исходящее клиента не ляжет на сервер или не дойдёт.
pub fn outbox_stored(client: &Client) {
    rows_gone(client, "SELECT COUNT(*) FROM outbox WHERE stored = 0");
    std::thread::sleep(Duration::from_millis(30));
}

/// Ждёт, пока ключи клиента не лягут на сервер: теперь ему могут писать и без него.
pub fn keys_settle(world: &World, client: &Client) {
    let id = supertext::base::ids::id_parse(&client.id).expect("an id");
    let query = format!("SELECT COUNT(*) FROM keys WHERE id = {id}");
    let since = Instant::now();
    while number_in(&world.server.home.join("mail.db"), &query) == 0 {
        assert!(waiting(since), "no keys at the server\n{}", told(client));
    }
}

/// Ждёт, пока запрос к базе клиента не даст ноль.
fn rows_gone(client: &Client, query: &str) {
    let path = client.home.join("history.db");
    let since = Instant::now();
    while number_in(&path, query) != 0 {
        assert!(waiting(since), "{query} is not 0\n{}", told(client));
    }
}

/// Одно число из базы, которую тем временем пишет программа.
pub fn number_in(path: &Path, query: &str) -> i64 {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let base = rusqlite::Connection::open_with_flags(path, flags).expect("a database");
    base.busy_timeout(GUARD).expect("a bound");
    let mut statement = base.prepare(query).expect("a query");
    let mut rows = statement.query([]).expect("rows");
    rows.next().expect("a row").expect("a row").get(0).expect("a number")
}

/// Знакомит двоих: каждый добавил другого, видит его на связи, и письма об этом уже дошли.
pub fn meet(one: &mut Client, other: &mut Client) {
    meet_only(one, other);
    outbox_settle(one);
    outbox_settle(other);
}

/// То же, но письма об этом могут быть ещё в пути.
pub fn meet_only(one: &mut Client, other: &mut Client) {
    let (first, second) = (one.id.clone(), other.id.clone());
    say(one, &format!("/add {second}"));
    say(other, &format!("/add {first}"));
    wait(one, json!({"event": "contact", "id": second, "state": "online"}));
    wait(other, json!({"event": "contact", "id": first, "state": "online"}));
    for (client, peer) in [(&mut *one, &second), (&mut *other, &first)] {
        let since = Instant::now();
        while all(client, json!({"event": "contact", "id": peer, "standing": "contact"})).is_empty()
        {
            assert!(waiting(since), "not a contact\n{}", told(client));
        }
    }
}
