//! The link as a stranger on the wire sees it: real packets, captured on loopback and read by the
//! real tshark with docs/wireshark/supertext.lua, without the TLS keys and with them.
//! Линия глазами постороннего на проводе: настоящие пакеты, пойманные на loopback и прочитанные
//! настоящим tshark с docs/wireshark/supertext.lua, без ключей TLS и с ними.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{
    Client, Guard, Server, World, client_command, client_up, code_of, exit_code, meet, program,
    project, run_whole, say, say_words, server_command, text_of, wait, waiting,
};
use serde_json::json;
use supertext::wire::control::body_read;
use supertext::wire::file::{INDEX_BLOCK, INDEX_END, TAG_BYTES, sealed_head_read};
use supertext::wire::message::{PIECE_HEAD, Sealed};
use supertext::wire::packets::{FILE_DATA_EXTRA, PACKETS};

const TEXT: &str = "hello Bob, at noon by the old bridge";
const LINE: &str = "This line of the file must not be seen on the wire.\n";
const FILE_NAME: &str = "plans-for-noon.txt";
const FILE_BYTES: usize = 200_000;
/// The id of the server or the link, with its check digit.
const SERVER: &str = "00000000000008";
/// Nothing new in the file of the capture for so long: everything is in it (it is flushed twice
/// a second).
const SETTLED: Duration = Duration::from_millis(1_500);
/// Number of the Linux capability to capture packets.
const CAP_NET_RAW: u32 = 13;

/// What tshark is asked about every packet, in the order of `Seen`.
const FIELDS: &[&str] = &[
    "supertext.packet",
    "supertext.source",
    "supertext.dest",
    "supertext.content_type",
    "supertext.size",
    "supertext.data",
];

/// A capture that goes on.
struct Capture {
    guard: Guard,
    file: PathBuf,
    err: PathBuf,
}

/// One packet as tshark shows it.
#[derive(Debug)]
struct Seen {
    name: String,
    source: String,
    dest: String,
    content_type: u8,
    size: usize,
    data: Vec<u8>,
}

/// Запускает сервер с SSLKEYLOGFILE; ключи он пишет, только если сказано `--keylog`.
fn server_keyed(folder: &Path, keys: &Path, flags: &[&str]) -> Server {
    let home = folder.join("server");
    let out = home.with_extension("out");
    let mut command = server_command(&home, "127.0.0.1:0");
    command.args(flags).env("SSLKEYLOGFILE", keys);
    command.stdout(File::create(&out).expect("out"));
    let guard = Guard { child: command.spawn().expect("the server starts") };
    let since = Instant::now();
    loop {
        let text = text_of(&out);
        for line in text.split_inclusive('\n') {
            let Some(join) = line.strip_prefix("JOIN ") else { continue };
            if let (Some((address, _)), true) = (join.split_once('#'), join.ends_with('\n')) {
                let (address, join) = (String::from(address), String::from(join.trim_end()));
                let flags = Vec::new();
                return Server { guard, flags, home, address, join };
            }
        }
        assert!(waiting(since), "the server does not start: {text}");
    }
}

/// Вправе ли этот процесс ловить пакеты (Linux); кто вправе, у того не должно не получиться.
fn capture_right() -> bool {
    for line in text_of(Path::new("/proc/self/status")).lines() {
        if let Some(bits) = line.strip_prefix("CapEff:") {
            let bits = u64::from_str_radix(bits.trim(), 16).expect("CapEff");
            return bits >> CAP_NET_RAW & 1 == 1;
        }
    }
    false
}

/// Захват не начался: без права на него это не беда.
fn capture_refused(why: &str) -> Option<Capture> {
    assert!(!capture_right(), "the capture does not start: {why}");
    eprintln!("skipped: no right to capture packets: {why}");
    None
}

/// Начинает захват порта сервера и ждёт, пока пробное соединение не окажется в нём. dumpcap —
/// то, чем ловит сам tshark: так это один процесс, и после него ничего не остаётся.
fn capture_start(folder: &Path, address: &str) -> Option<Capture> {
    let (file, err) = (folder.join("wire.pcapng"), folder.join("dumpcap.err"));
    let port = address.rsplit(':').next().expect("a port");
    let mut command = program("dumpcap");
    command.args(["-p", "-i", "lo", "-B", "32", "-a", "duration:300"]);
    command.args(["-f", &format!("tcp port {port}"), "-w"]).arg(&file);
    command.stderr(File::create(&err).expect("err"));
    let mut guard = match command.spawn() {
        Ok(child) => Guard { child },
        Err(error) => return capture_refused(&error.to_string()),
    };
    let since = Instant::now();
    while !text_of(&err).contains("Packets: ") {
        if guard.child.try_wait().expect("wait").is_some() {
            return capture_refused(&text_of(&err));
        }
        drop(TcpStream::connect(address).expect("the server listens"));
        std::thread::sleep(Duration::from_millis(50));
        assert!(waiting(since), "nothing is captured: {}", text_of(&err));
    }
    Some(Capture { guard, file, err })
}

/// Ждёт, пока пойманное не окажется в файле целиком, и кончает захват.
fn capture_end(capture: &mut Capture) {
    let since = Instant::now();
    let (mut length, mut changed) = (0, Instant::now());
    while changed.elapsed() < SETTLED {
        let now = std::fs::metadata(&capture.file).expect("the capture").len();
        if now != length {
            (length, changed) = (now, Instant::now());
        }
        assert!(waiting(since), "the capture grows without end");
    }
    let pid = capture.guard.child.id().to_string();
    let sent = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status();
    assert!(sent.expect("kill").success());
    loop {
        if let Some(status) = capture.guard.child.try_wait().expect("wait") {
            assert_eq!(code_of(status), 0, "{}", text_of(&capture.err));
            return;
        }
        assert!(waiting(since), "dumpcap does not end: {}", text_of(&capture.err));
    }
}

/// Двое обмениваются коротким текстом, длинным (в три куска) и файлом, потом уходят.
fn talk(world: &World, long: &str) -> (Client, Client) {
    let mut ann = client_up(world, "Ann", &["--yes"]);
    let mut bob = client_up(world, "Bob", &["--accept-files"]);
    meet(&mut ann, &mut bob);
    let b = bob.id.clone();
    let path = world.folder.path().join(FILE_NAME);
    let mut content = LINE.repeat(FILE_BYTES / LINE.len() + 1);
    content.truncate(FILE_BYTES);
    std::fs::write(&path, content).expect("the file");
    say(&mut ann, &format!("/msg {b} {TEXT}"));
    wait(&mut bob, json!({"event": "message", "text": TEXT}));
    say(&mut ann, &format!("/msg {b} {long}"));
    wait(&mut bob, json!({"event": "message", "text": long}));
    say_words(&mut ann, &["/send", &b, &path.display().to_string()]);
    wait(&mut bob, json!({"event": "file", "state": "done"}));
    wait(&mut ann, json!({"event": "file", "state": "done"}));
    for client in [&mut ann, &mut bob] {
        say(client, "/quit");
        assert_eq!(exit_code(client), 0);
    }
    (ann, bob)
}

/// tshark с нашим разборщиком, без чьих-либо настроек; `keys` — файл ключей TLS или ничего.
fn tshark(capture: &Capture, keys: Option<&Path>, words: &[&str]) -> String {
    let home = capture.file.with_extension("home");
    std::fs::create_dir_all(&home).expect("a folder");
    let script = project().join("docs/wireshark/supertext.lua");
    let mut command = program("tshark");
    command.env("HOME", &home).env("XDG_CONFIG_HOME", &home).env("WIRESHARK_CONFIG_DIR", &home);
    command.args(["-n", "-o", "tcp.try_heuristic_first:TRUE", "-r"]).arg(&capture.file);
    command.args(["-X", &format!("lua_script:{}", script.display())]);
    if let Some(keys) = keys {
        command.args(["-o", &format!("tls.keylog_file:{}", keys.display())]);
    }
    command.args(words);
    let (code, out, err) = run_whole(command);
    assert_eq!(code, 0, "{err}");
    assert!(!err.contains("Lua"), "{err}");
    out
}

/// Поля кадров, которые прошли фильтр: строка на кадр, столбец на поле, значения через пробел.
fn table(capture: &Capture, keys: Option<&Path>, filter: &str, fields: &[&str]) -> String {
    let mut words = vec!["-Y", filter, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=/s"];
    for field in fields {
        words.extend_from_slice(&["-e", field]);
    }
    tshark(capture, keys, &words)
}

/// Все значения одного поля по порядку.
fn values(capture: &Capture, keys: &Path, field: &str) -> Vec<String> {
    let mut found = Vec::new();
    for value in table(capture, Some(keys), "supertext", &[field]).split_whitespace() {
        found.push(String::from(value));
    }
    found
}

/// Все пакеты, которые видит tshark.
fn packets(capture: &Capture, keys: Option<&Path>) -> Vec<Seen> {
    let mut seen = Vec::new();
    for line in table(capture, keys, "supertext", FIELDS).lines() {
        let mut columns: Vec<Vec<&str>> = Vec::new();
        for column in line.split('\t') {
            columns.push(column.split(' ').collect());
            assert_eq!(columns[columns.len() - 1].len(), columns[0].len(), "{line:.300}");
        }
        for row in 0..columns[0].len() {
            seen.push(Seen {
                name: String::from(columns[0][row]),
                source: String::from(columns[1][row]),
                dest: String::from(columns[2][row]),
                content_type: columns[3][row].parse().expect("a type"),
                size: columns[4][row].parse().expect("a size"),
                data: hex::decode(columns[5][row]).expect("bytes"),
            });
        }
    }
    seen
}

/// Есть ли эти байты среди тех.
fn holds(bytes: &[u8], run: &[u8]) -> bool {
    for window in bytes.windows(run.len()) {
        if window == run {
            return true;
        }
    }
    false
}

/// Каждый пакет таков, как велит таблица; HELLO — первое слово каждого конца каждой линии.
fn headers_check(seen: &[Seen], ann: &str, bob: &str) {
    let mut hellos = Vec::new();
    for packet in seen {
        assert_eq!(packet.size, packet.data.len(), "{}", packet.name);
        let mut known = false;
        for row in PACKETS {
            let same = row.name == packet.name && row.content_type == packet.content_type;
            known = known || (same && packet.size <= row.size_max);
        }
        assert!(known, "{} of type {}", packet.name, packet.content_type);
        if packet.name == "HELLO" {
            assert_eq!(packet.dest, SERVER);
            hellos.push(packet.source.as_str());
        }
    }
    hellos.sort_unstable();
    let mut wanted = vec![ann, bob, SERVER, SERVER];
    wanted.sort_unstable();
    assert_eq!(hellos, wanted);
}

/// И с ключами TLS тексты закрыты: виден конверт с печатью, один и тот же на обеих линиях.
fn text_check(seen: &[Seen], ann: &str, bob: &str, secrets: &[&str]) {
    let mut bodies: Vec<(u64, Vec<u8>)> = Vec::new();
    for packet in seen {
        for secret in secrets {
            assert!(!holds(&packet.data, secret.as_bytes()), "{} shows {secret}", packet.name);
        }
        if packet.name != "MESSAGE" || !packet.data.starts_with(&[0, 0, 0, 1]) {
            continue;
        }
        let sealed: Sealed = body_read("MESSAGE", &packet.data[PIECE_HEAD..]).expect("CBOR");
        let way = (packet.source.as_str(), packet.dest.as_str());
        assert!(way == (ann, bob) || way == (bob, ann), "{way:?}");
        bodies.push((sealed.sequence, sealed.body));
    }
    bodies.sort();
    let mut texts = 0;
    for pair in bodies.chunks(2) {
        assert!(pair.len() == 2 && pair[0] == pair[1], "once to the server, once from it");
        texts += usize::from(pair[0].0 > 0);
    }
    assert!(texts >= 2, "{texts} sealed messages with a place in the order");
}

/// Файл и с ключами TLS зашифрован: пакеты на месте, размеры верны, открытого текста в них нет.
fn file_check(seen: &[Seen], ann: &str, bob: &str) {
    let full = FILE_DATA_EXTRA + 61_440;
    let last = FILE_DATA_EXTRA + FILE_BYTES % 61_440;
    let mut found = Vec::new();
    for packet in seen {
        assert!(!holds(&packet.data, LINE.trim_end().as_bytes()), "{} is open", packet.name);
        if packet.name == "FILE_DATA" {
            assert_eq!((packet.source.as_str(), packet.dest.as_str()), (ann, bob));
            let head = sealed_head_read(&packet.data).expect("a head");
            found.push((head.index, packet.size));
        }
    }
    found.sort_unstable();
    let mut wanted = Vec::new();
    for row in [(0, full), (1, full), (2, full), (3, last)] {
        wanted.extend_from_slice(&[row, row]);
    }
    assert_eq!(found, wanted);
}

/// Поля тел: куски, номера, шифртекст и метка; CBOR разобран и собран из кусков.
fn bodies_check(capture: &Capture, keys: &Path, long: &str) {
    let mut indexes = values(capture, keys, "supertext.index");
    indexes.sort_unstable();
    let mut wanted = Vec::new();
    for index in [0, 1, 2, 3, INDEX_BLOCK, INDEX_END] {
        wanted.extend_from_slice(&[index.to_string(), index.to_string()]);
    }
    wanted.sort_unstable();
    assert_eq!(indexes, wanted);
    let last = FILE_BYTES % 61_440;
    let texts = values(capture, keys, "supertext.ciphertext");
    let tags = values(capture, keys, "supertext.tag");
    assert_eq!((texts.len(), tags.len()), (wanted.len(), wanted.len()));
    let mut ends = 0;
    for row in 0..wanted.len() {
        assert_eq!(tags[row].len(), 2 * TAG_BYTES);
        assert!(texts[row].len() <= 2 * 61_440);
        ends += usize::from(texts[row].len() == 2 * last);
    }
    assert_eq!(ends, 2);
    let mut thirds = 0;
    for count in values(capture, keys, "supertext.piece.count") {
        thirds += usize::from(count == "3");
    }
    assert!(thirds >= 6, "three pieces on two links, not {thirds}");
    let strings = table(capture, Some(keys), "cbor", &["cbor.type.bytestring"]);
    assert!(!strings.contains(&hex::encode(long)), "the long text is open");
    let mut longest = 0;
    for line in strings.split([',', '\n', '\t']) {
        longest = usize::max(longest, line.len() / 2);
    }
    assert!(longest > long.len(), "the long message is not put together: {longest} bytes");
    let strings = table(capture, Some(keys), "cbor", &["cbor.type.textstring"]);
    assert!(strings.contains(concat!("supertext ", env!("CARGO_PKG_VERSION"))), "{strings}");
    let errors = "supertext.unknown or supertext.short or _ws.malformed or _ws.lua.error";
    assert_eq!(table(capture, Some(keys), errors, &["frame.number"]), "");
}

#[test]
fn packets_are_seen_with_the_keys_and_only_with_them() {
    if program("tshark").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: no tshark on this machine");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keys = folder.path().join("keys");
    let server = server_keyed(folder.path(), &keys, &["--keylog"]);
    let Some(mut capture) = capture_start(folder.path(), &server.address) else { return };
    let world = World { server, folder };
    let long = "all the long way down ".repeat(450);
    let (ann, bob) = talk(&world, long.trim_end());
    capture_end(&mut capture);

    // Без ключей: ни одного нашего пакета, ни текста, ни имени файла, ни куска файла.
    assert!(packets(&capture, None).is_empty());
    let bytes = std::fs::read(&capture.file).expect("the capture");
    assert!(bytes.len() > 2 * FILE_BYTES, "{} bytes captured", bytes.len());
    assert!(holds(&bytes, b"supertext/1"), "ALPN is sent in clear: the search finds things");
    for secret in [TEXT, FILE_NAME, LINE.trim_end(), &long[..40]] {
        assert!(!holds(&bytes, secret.as_bytes()), "on the wire: {secret}");
    }

    // С ключами TLS видны пакеты и их поля; тексты и байты файла — нет.
    let seen = packets(&capture, Some(&keys));
    headers_check(&seen, &ann.id, &bob.id);
    text_check(&seen, &ann.id, &bob.id, &[TEXT, FILE_NAME, &long[..40]]);
    file_check(&seen, &ann.id, &bob.id);
    bodies_check(&capture, &keys, long.trim_end());
    let info = tshark(&capture, Some(&keys), &["-Y", "supertext"]);
    let line = format!("FILE_DATA {}… → {}… 61468 bytes", &ann.id[..5], &bob.id[..5]);
    assert!(info.contains(&line), "{line}: {info}");
}

/// Поднимает клиента с SSLKEYLOGFILE до связи; возвращает, что он записал.
fn client_keys(join: &str, home: &Path, flags: &[&str], variable: &str) -> String {
    let (keys, out) = (home.with_extension("keys"), home.with_extension("out"));
    let mut command = client_command(home);
    command.args(["--server", join]).args(flags).stdin(Stdio::piped());
    command.env("SSLKEYLOGFILE", &keys).env("SUPERTEXT_KEYLOG", variable);
    command.stdout(File::create(&out).expect("out"));
    let _guard = Guard { child: command.spawn().expect("the client starts") };
    let since = Instant::now();
    while !text_of(&out).contains("\"state\":\"up\"") {
        assert!(waiting(since), "no link: {}", text_of(&out));
    }
    text_of(&keys)
}

#[test]
fn keys_are_written_only_with_the_flag() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = server_keyed(folder.path(), &folder.path().join("server.keys"), &[]);
    assert_eq!(client_keys(&server.join, &folder.path().join("silent"), &[], "false"), "");
    let flag = client_keys(&server.join, &folder.path().join("flag"), &["--keylog"], "false");
    let variable = client_keys(&server.join, &folder.path().join("variable"), &[], "true");
    for keys in [flag, variable] {
        assert!(keys.contains("CLIENT_TRAFFIC_SECRET_0 "), "{keys}");
    }
    assert_eq!(text_of(&folder.path().join("server.keys")), "");
}

#[test]
fn the_table_of_the_script_is_the_table_of_the_program() {
    let script = text_of(&project().join("docs/wireshark/supertext.lua"));
    let (_, rest) = script.split_once("local PACKETS = {\n").expect("the table");
    let (table, _) = rest.split_once("\n}\n").expect("its end");
    let mut rows = table.lines();
    for row in PACKETS {
        let line = rows.next().expect("a row");
        let facts = format!(
            "    {{ {}, {}, \"{}\", {}, ",
            row.content_type, row.control, row.name, row.size_max
        );
        assert!(line.starts_with(&facts), "{line} is not {facts}");
    }
    assert_eq!(rows.next(), None);
}
