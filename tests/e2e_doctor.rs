//! `supertext doctor` against real servers, broken ones, small disks, and in the lab against every
//! kind of router: each line says what is so, and the exit code is 1 only when something is bad.
//! `supertext doctor` против настоящих серверов, сломанных, малых дисков, а в лаборатории — за
//! каждым видом роутера: каждая строка говорит, что есть, а код 1 — только когда что-то плохо.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod lab;

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{
    Guard, World, all, client_up, code_of, forget, program, project, say, server_kill,
    server_start, server_start_in, text_of, told, wait, waiting, world_make,
};
use lab::nat::{Home, SERVER, nat_net, router};
use lab::{Net, inside, net_make, place};
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};
use supertext::base::clock::{day_utc, time_now};
use supertext::base::ids::ID_SERVER;
use supertext::crypto::certificates::{SERVER_NAME, chain_fingerprint, server_certificates_make};
use supertext::crypto::dates::certificate_dates;
use supertext::crypto::pem::pem_chain;
use supertext::crypto::tls::server_config;
use supertext::faces::texts::{LANGUAGES, text, texts_load};
use supertext::wire::control::{Hello, PROTOCOL_VERSION, packet_put};
use supertext::wire::packets::Kind;

/// Every check, in the order of the lines.
const CHECKS: [&str; 11] = [
    "interfaces",
    "addresses",
    "firewall",
    "server",
    "nat",
    "clock",
    "certificate",
    "identity",
    "disk",
    "downloads",
    "history",
];
/// What all waits together may take, and some work of the machine.
const LONGEST: Duration = Duration::from_secs(15);
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What one examination said.
struct Seen {
    code: i32,
    lines: Vec<Value>,
    took: Duration,
}

/// Слова команды: осмотр этой домашней папки.
fn words(home: &Path, server: &str) -> Vec<String> {
    let home = home.display().to_string();
    let mut words = Vec::new();
    for word in ["doctor", "--json", "--lang", "en", "--home", &home] {
        words.push(String::from(word));
    }
    if !server.is_empty() {
        words.extend([String::from("--server"), String::from(server)]);
    }
    words
}

/// Команда осмотра в этом сетевом пространстве имён (пусто — в своём).
fn doctor_in(place: &str, home: &Path, server: &str) -> Command {
    let exe = env!("CARGO_BIN_EXE_supertext");
    let mut command = program(if place.is_empty() { exe } else { "ip" });
    if !place.is_empty() {
        command.args(["netns", "exec", place, exe]);
    }
    command.args(words(home, server));
    command
}

/// Запускает осмотр; вывод идёт в файл.
fn begin(mut command: Command, out: &Path) -> Guard {
    command.stdout(File::create(out).expect("out")).stderr(Stdio::inherit());
    Guard { child: command.spawn().expect("starts") }
}

/// Дожидается конца и читает строки.
fn finish(child: &mut Child, out: &Path, since: Instant) -> Seen {
    loop {
        if let Some(status) = child.try_wait().expect("wait") {
            let mut lines = Vec::new();
            for line in text_of(out).lines() {
                lines.push(serde_json::from_str(line).expect(line));
            }
            return Seen { code: code_of(status), lines, took: since.elapsed() };
        }
        assert!(waiting(since), "does not end: {}", text_of(out));
    }
}

/// Осмотр от начала до конца.
fn examine(command: Command) -> Seen {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let since = Instant::now();
    let mut guard = begin(command, &out);
    let seen = finish(&mut guard.child, &out, since);
    assert!(seen.took < LONGEST, "{:?}", seen.took);
    seen
}

/// Осмотр домашней папки мира.
fn look(world: &World, home: &str, server: &str) -> Seen {
    examine(doctor_in("", &world.folder.path().join(home), server))
}

/// Строка этой проверки.
fn line_of(seen: &Seen, check: &str) -> Value {
    for line in &seen.lines {
        if line["check"] == check {
            return line.clone();
        }
    }
    panic!("no line {check}: {:?}", seen.lines);
}

/// Строка этой проверки в этом состоянии и с этими словами; у плохого и неладного есть, что делать.
fn expect(seen: &Seen, check: &str, state: &str, words: &str) {
    let line = line_of(seen, check);
    assert_eq!(line["state"], state, "{line}");
    let said = line["text"].as_str().expect("a text");
    assert!(said.contains(words), "{words:?} is not in {line}");
    let fix = line["fix"].as_str().expect("a fix");
    assert!(state != "warn" || !(fix.is_empty() || fix.starts_with("doctor-")), "{line}");
}

#[test]
fn all_is_well_and_a_running_client_does_not_notice() {
    let world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    forget(&mut ann);
    let seen = look(&world, "Ann", &world.server.join);
    let mut checks = Vec::new();
    for line in &seen.lines {
        checks.push(line["check"].as_str().expect("a check"));
    }
    assert_eq!(checks, CHECKS);
    assert_eq!(seen.code, 0, "{:?}", seen.lines);
    for check in ["server", "nat", "clock", "certificate", "identity", "disk", "history"] {
        assert_eq!(line_of(&seen, check)["state"], "ok", "{check}: {:?}", seen.lines);
    }
    expect(&seen, "server", "ok", &world.server.address);
    expect(&seen, "nat", "ok", "on this computer");
    expect(&seen, "history", "ok", "undamaged");
    // Работающая программа ни разу не потеряла сервер и живёт дальше.
    say(&mut ann, "/set sounds off");
    wait(&mut ann, json!({"event": "info"}));
    for state in ["down", "retry"] {
        assert!(
            all(&mut ann, json!({"event": "link", "state": state})).is_empty(),
            "{}",
            told(&ann)
        );
    }
    println!("a whole examination: {:?}", seen.took);
}

#[test]
fn people_read_lines_in_their_language() {
    let world = world_make();
    for (code, _) in LANGUAGES {
        let mut command = program(env!("CARGO_BIN_EXE_supertext"));
        let home = world.folder.path().join("Ann");
        command.args(["doctor", "--lang", code, "--server", &world.server.join, "--home"]);
        command.arg(home);
        let (status, out, err) = common::run_whole(command);
        assert_eq!((status, err.as_str()), (0, ""), "{out}");
        let own = text(&texts_load(code), "doctor-history-none", &[]);
        assert!(out.contains(&format!("ok    {own}\n")), "{code}: {out}");
        assert_eq!(out.lines().count(), CHECKS.len(), "{out}");
        assert!(!out.contains("doctor-") && !out.contains('{'), "{code}: {out}");
    }
}

#[test]
fn each_fault_of_the_server_is_told_from_the_others() {
    let mut world = world_make();
    let join = world.server.join.clone();
    let (address, _) = join.split_once('#').expect("a pin");
    let wrong = format!("{address}#{}", "0".repeat(64));
    let seen = look(&world, "Ann", &wrong);
    expect(&seen, "server", "bad", "not the server of your join line");
    assert_eq!(seen.code, 1);
    let seen = look(&world, "Ann", address);
    expect(&seen, "server", "bad", "no reason to trust");
    let seen = look(&world, "Ann", &format!("nowhere.invalid:7787#{}", "0".repeat(64)));
    assert_eq!((line_of(&seen, "server")["state"].as_str(), seen.code), (Some("bad"), 1));
    // Слушает, но молчит.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mute = format!("{}#{}", silent.local_addr().expect("a port"), "0".repeat(64));
    let seen = look(&world, "Ann", &mute);
    expect(&seen, "server", "bad", "did not greet in time");
    server_kill(&mut world.server);
    let seen = look(&world, "Ann", &join);
    expect(&seen, "server", "bad", "No answer from");
    for check in ["nat", "clock", "certificate"] {
        assert_eq!(line_of(&seen, check)["state"], "warn", "{:?}", seen.lines);
    }
    assert_eq!(seen.code, 1);
    // Без сервера жить можно: это не плохо.
    let seen = look(&world, "Ann", "");
    expect(&seen, "server", "warn", "No server is named");
    assert_eq!(seen.code, 0, "{:?}", seen.lines);
}

/// Осмотр, для которого сервером служит само испытание: его часы сдвинуты.
fn with_clock(home: &Path, shift: i64) -> Seen {
    let pems = server_certificates_make().expect("certificates");
    let config = server_config(&pems.server_chain, &pems.server_key, "", false).expect("TLS");
    let door = TcpListener::bind("127.0.0.1:0").expect("a port");
    let pin = chain_fingerprint(&pems.server_chain).expect("a pin");
    let join = format!("{}#{pin}", door.local_addr().expect("a port"));
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let since = Instant::now();
    let mut guard = begin(doctor_in("", home, &join), &out);
    let (socket, _) = door.accept().expect("a caller");
    socket.set_read_timeout(Some(common::GUARD)).expect("a bound");
    let mut tls = StreamOwned::new(ServerConnection::new(config).expect("TLS"), socket);
    let clock = time_now().wall_ms.saturating_add_signed(shift);
    let program = String::from("test");
    let (version, features) = (PROTOCOL_VERSION, 0);
    let hello = Hello { version, features, clock, program, until: None, stun: None };
    let mut bytes = Vec::new();
    packet_put(&mut bytes, Kind::Hello, ID_SERVER, ID_SERVER, 0, &hello).expect("HELLO");
    std::io::Write::write_all(&mut tls, &bytes).expect("written");
    std::io::Write::flush(&mut tls).expect("flushed");
    finish(&mut guard.child, &out, since)
}

#[test]
fn clocks_that_differ_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("Ann");
    let seen = with_clock(&home, 3_600_000);
    expect(&seen, "clock", "warn", "behind the server");
    expect(&seen, "nat", "warn", "does not tell");
    assert_eq!(seen.code, 0, "{:?}", seen.lines);
    expect(&with_clock(&home, -90_000), "clock", "warn", "ahead of the server");
    expect(&with_clock(&home, 10_000), "clock", "ok", "apart");
}

/// Сервер, чей сертификат кончается через столько дней (раньше нуля — кончился).
fn server_until(home: &Path, days: i64) -> common::Server {
    let now = time_now().wall_ms;
    let day = day_utc(now.saturating_add_signed(days * DAY_MS as i64));
    let mut parts = day.split('-');
    let year: i32 = parts.next().expect("a year").parse().expect("a year");
    let month: u8 = parts.next().expect("a month").parse().expect("a month");
    let date: u8 = parts.next().expect("a day").parse().expect("a day");
    let ca_key = rcgen::KeyPair::generate().expect("a key");
    let mut ca = rcgen::CertificateParams::new(Vec::new()).expect("a CA");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).expect("a CA").pem();
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = vec![String::from(SERVER_NAME)];
    let mut params = rcgen::CertificateParams::new(names).expect("a certificate");
    params.not_after = rcgen::date_time_ymd(year, month, date);
    let issuer = rcgen::Issuer::from_params(&ca, &ca_key);
    let own = params.signed_by(&key, &issuer).expect("a certificate").pem();
    let certificates = home.join("cert");
    std::fs::create_dir_all(&certificates).expect("cert/");
    std::fs::write(certificates.join("domain.crt"), format!("{own}{ca_pem}")).expect("written");
    std::fs::write(certificates.join("domain.key"), key.serialize_pem()).expect("written");
    let chain = pem_chain("domain.crt", &own).expect("a chain");
    let dates = certificate_dates(&chain[0]).expect("dates");
    assert_eq!(day_utc(dates.until), day);
    server_start(home, "127.0.0.1:0")
}

#[test]
fn a_certificate_that_ends_is_told_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("Ann");
    for (days, check, state, said) in [
        (200, "certificate", "ok", "valid until"),
        (20, "certificate", "warn", "end in 19 days"),
        (-3, "server", "bad", "not valid today"),
    ] {
        let server = server_until(&folder.path().join(format!("server{days}")), days);
        let seen = examine(doctor_in("", &home, &server.join));
        expect(&seen, check, state, said);
        let day = day_utc(time_now().wall_ms.saturating_add_signed(days * DAY_MS as i64));
        expect(&seen, check, state, &day);
        assert_eq!(seen.code, i32::from(state == "bad"), "{:?}", seen.lines);
    }
}

#[test]
fn the_date_of_every_shape_of_certificate_is_read() {
    // Два вида времени (RFC 5280): короткое до 2049 года, длинное после.
    for (year, until) in [(2049, "2049-12-31"), (2050, "2050-12-31"), (1975, "1975-12-31")] {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("a certificate");
        params.not_after = rcgen::date_time_ymd(year, 12, 31);
        let made = params.self_signed(&key).expect("a certificate");
        let dates = certificate_dates(made.der()).expect("dates");
        assert_eq!(day_utc(dates.until), until);
        // Оборванный сертификат не читается и ничего не роняет.
        for length in 0..made.der().len() {
            let cut = made.der()[..length].to_vec();
            assert_eq!(certificate_dates(&cut.into()), None);
        }
    }
}

#[test]
fn damage_and_missing_folders_are_bad() {
    let world = world_make();
    let home = world.folder.path().join("Ann");
    drop(client_up(&world, "Ann", &[]));
    let path = home.join("history.db");
    let mut bytes = std::fs::read(&path).expect("history.db");
    for at in 100..bytes.len() {
        bytes[at] = 0xa5;
    }
    for name in ["history.db-wal", "history.db-shm"] {
        let _ = std::fs::remove_file(home.join(name));
    }
    std::fs::write(&path, &bytes).expect("damaged");
    let seen = look(&world, "Ann", &world.server.join);
    expect(&seen, "history", "bad", "damaged");
    assert_eq!(seen.code, 1);
    assert_eq!(std::fs::read(&path).expect("history.db"), bytes, "looking changed it");
    let away = world.folder.path().join("away");
    let settings = json!({"downloads": away.display().to_string()}).to_string();
    std::fs::create_dir_all(world.folder.path().join("Bob")).expect("a home");
    std::fs::write(world.folder.path().join("Bob/settings.json"), settings).expect("settings");
    let seen = look(&world, "Bob", &world.server.join);
    expect(&seen, "downloads", "bad", "away");
    assert_eq!(seen.code, 1);
    std::fs::write(world.folder.path().join("Bob/cert/client.key"), "no key").expect("damaged");
    expect(&look(&world, "Bob", &world.server.join), "identity", "bad", "client.key");
}

/// Осмотр в отдельном пространстве имён файлов после этих приготовлений; `None` — запрещено.
#[cfg(target_os = "linux")]
fn examine_mounted(prepare: &str, home: &Path) -> Option<Seen> {
    std::fs::create_dir_all(home).expect("a home");
    let mut probe = Command::new("unshare");
    probe.args(["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).stderr(Stdio::null());
    if !matches!(probe.status(), Ok(status) if status.success()) {
        println!("SKIPPED: no mount namespaces on this machine");
        return None;
    }
    let script = format!("{prepare} && exec \"$@\"");
    let mut command = program("unshare");
    command.args(["-m", "sh", "-ec", &script, home.to_str().expect("a path")]);
    command.arg(env!("CARGO_BIN_EXE_supertext")).args(words(home, ""));
    Some(examine(command))
}

#[cfg(target_os = "linux")]
#[test]
fn a_small_disk_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    for (size, state, code) in [("500m", "warn", 0), ("40m", "bad", 1)] {
        let home: PathBuf = folder.path().join(size);
        let prepare = format!("mount -t tmpfs -o size={size} tmpfs \"$0\"");
        let Some(seen) = examine_mounted(&prepare, &home) else { return };
        expect(&seen, "disk", state, "MiB free");
        expect(&seen, "downloads", state, "MiB free");
        assert_eq!(seen.code, code, "{:?}", seen.lines);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_firewall_that_is_on_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let units = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/units";
    let on = format!("{units} && ln -s 1 /run/systemd/units/invocation:firewalld.service");
    let Some(seen) = examine_mounted(&on, &folder.path().join("on")) else { return };
    expect(&seen, "firewall", "warn", "firewalld is on");
    let off = examine_mounted(units, &folder.path().join("off")).expect("as before");
    expect(&off, "firewall", "ok", "neither ufw nor firewalld");
}

#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_network_or_with_a_shut_door_is_told() {
    let Some(net) = net_make(&["ann"]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("ann");
    let seen = examine(doctor_in(&place(&net, "ann"), &home, ""));
    expect(&seen, "interfaces", "ok", "eth0");
    expect(&seen, "addresses", "ok", "10.77.0.1 (private); IPv6 none");
    expect(&seen, "firewall", "ok", "10.77.0.1:");
    let rules = "table inet f { chain i { type filter hook input priority 0; policy drop;\n }\n }";
    inside(&net, "ann", &["nft", rules]);
    let seen = examine(doctor_in(&place(&net, "ann"), &home, ""));
    expect(&seen, "firewall", "bad", "does not answer even from this computer: 10.77.0.1:");
    assert_eq!(seen.code, 1);
    inside(&net, "ann", &["nft", "flush ruleset"]);
    inside(&net, "ann", &["ip", "addr", "flush", "dev", "eth0"]);
    inside(&net, "ann", &["ip", "addr", "add", "169.254.7.7/16", "dev", "eth0"]);
    let seen = examine(doctor_in(&place(&net, "ann"), &home, ""));
    expect(&seen, "addresses", "warn", "169.254.7.7 (only for neighbours)");
    inside(&net, "ann", &["ip", "link", "set", "eth0", "down"]);
    inside(&net, "ann", &["ip", "addr", "flush", "dev", "eth0"]);
    let seen = examine(doctor_in(&place(&net, "ann"), &home, ""));
    expect(&seen, "interfaces", "warn", "No network");
}

/// Осмотр на машине лаборатории.
#[cfg(target_os = "linux")]
fn look_in(net: &Net, folder: &Path, machine: &str, join: &str) -> Seen {
    examine(doctor_in(&place(net, machine), &folder.join(machine), join))
}

#[cfg(target_os = "linux")]
#[test]
fn the_kind_of_the_router_is_told_right() {
    let homes = [
        ("pub", Home::Public),
        ("full", Home::Full),
        ("cone", Home::Cone),
        ("sym", Home::Symmetric),
        ("mute", Home::Cone),
    ];
    let Some(net) = nat_net(&homes) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let listen = format!("{SERVER}:7787");
    let server = server_start_in(&place(&net, "srv"), &folder.path().join("server"), &listen);
    for (home, state, said) in [
        ("pub", "ok", "none in between, seen from outside as 203.0.113.21:"),
        ("full", "ok", "endpoint-independent"),
        ("cone", "ok", "endpoint-independent), 203.0.113.23:"),
        ("sym", "warn", "symmetric"),
    ] {
        let seen = look_in(&net, folder.path(), home, &server.join);
        expect(&seen, "nat", state, said);
        expect(&seen, "server", "ok", SERVER);
        assert_eq!(seen.code, 0, "{:?}", seen.lines);
    }
    let rules = "table ip stop { chain f { type filter hook forward priority -10;\n \
                 ip protocol udp drop;\n }\n }";
    inside(&net, &router("mute"), &["nft", rules]);
    expect(&look_in(&net, folder.path(), "mute", &server.join), "nat", "warn", "does not get");
}

#[test]
fn every_line_of_the_examination_has_words() {
    let mut used = 0;
    for name in common::files::names_in(&project().join("src/faces/doctor")) {
        let source = text_of(&project().join("src/faces/doctor").join(&name));
        for part in source.split("\"doctor-").skip(1) {
            let key = format!("doctor-{}", part.split('"').next().unwrap_or_default());
            if key.contains('{') {
                continue;
            }
            for (code, _) in LANGUAGES {
                let texts = texts_load(code);
                assert_ne!(text(&texts, &key, &[]), key, "{code}");
            }
            // Неладное и плохое говорит и что делать.
            let before = &source[..source.find(&format!("\"{key}\"")).expect("the key")];
            let before = before.trim_end();
            if before.ends_with("State::Warn,") || before.ends_with("State::Bad,") {
                let fix = format!("{key}-fix");
                assert_ne!(text(&texts_load("en"), &fix, &[]), fix);
            }
            used += 1;
        }
    }
    assert!(used > 20, "{used}");
}
