//! The table of paths: two homes behind routers of each kind, a public server that introduces them.
//! What came of it is printed; skipped, with a spoken line, where namespaces are not allowed.
//! Таблица путей: два дома за роутерами всех видов и общий сервер, который их знакомит. Что вышло,
//! печатается; где пространства имён запрещены — пропускается, о чём сказано.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod lab;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::files::{MIB, arrived, file_make, offered, part_grown, part_length, topup};
use common::talk::{card_of, speak};
use common::{
    Client, Server, all, client_again, client_kill, client_start_in, forget, say, say_words,
    server_kill, server_start_in, told, wait, waiting,
};
use lab::nat::{Home, SERVER, ipv6_give, nat_net, rate_limit, router, slow};
use lab::{Net, cable, inside, place};
use serde_json::{Value, json};

/// Нет прямой линии и после стольких: не будет.
const NO_LINK: Duration = Duration::from_secs(12);

/// Двое за своими роутерами и сервер.
struct Two {
    net: Net,
    folder: tempfile::TempDir,
    server: Server,
    ann: Client,
    bob: Client,
}

/// Программа на машине этого дома.
fn start(net: &Net, folder: &Path, machine: &str, join: &str) -> Client {
    let options = ["--server", join, "--yes", "--accept-files"];
    client_start_in(&place(net, machine), &folder.join(machine), machine, &options)
}

/// Двое, знакомые через сервер; с `both` у них есть и IPv6. `None` — здесь такой сети не построить.
fn two(first: Home, second: Home, both: bool) -> Option<Two> {
    let net = nat_net(&[("ann", first), ("bob", second)])?;
    if both {
        ipv6_give(&net, "ann", true);
        ipv6_give(&net, "bob", true);
    }
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("{SERVER}:0");
    let server = server_start_in(&place(&net, "srv"), &folder.path().join("server"), &listen);
    let mut ann = start(&net, folder.path(), "ann", &server.join);
    let mut bob = start(&net, folder.path(), "bob", &server.join);
    common::meet(&mut ann, &mut bob);
    Some(Two { net, folder, server, ann, bob })
}

/// Ждёт прямой линии; `None` — за положенное время не вышло.
fn direct(client: &mut Client, peer: &str) -> Option<Value> {
    let since = Instant::now();
    let wanted = json!({"event": "link", "peer": peer, "state": "up", "path": "direct"});
    while since.elapsed() < NO_LINK && waiting(since) {
        if let Some(found) = all(client, wanted.clone()).pop() {
            return Some(found);
        }
    }
    None
}

/// Строка таблицы видна и тогда, когда испытание прошло и его слова не печатаются.
fn row_print(line: &str) {
    let _ = writeln!(std::io::stderr(), "PATH {line}");
}

/// Одна строка таблицы: какой путь вышел и за сколько. Знакомые оба выходят и приходят снова: время
/// считается от запуска второго.
fn row(name: &str, mut two: Two, expected: bool) {
    speak(&mut two.ann, &mut two.bob, "before");
    say(&mut two.bob, "/quit");
    assert_eq!(common::exit_code(&mut two.bob), 0, "{}", told(&two.bob));
    let (mine, his) = (two.ann.id.clone(), two.bob.id.clone());
    wait(&mut two.ann, json!({"event": "contact", "id": his, "state": "offline"}));
    forget(&mut two.ann);
    client_again(&mut two.bob);
    let since = Instant::now();
    speak(&mut two.ann, &mut two.bob, "at once");
    let first = since.elapsed();
    let found = direct(&mut two.ann, &his);
    match &found {
        Some(link) => {
            let took = since.elapsed();
            assert!(direct(&mut two.bob, &mine).is_some(), "{}", told(&two.bob));
            let address = link["address"].as_str().unwrap_or_default();
            row_print(&format!(
                "{name}: direct {address} after {took:.1?}, first words {first:.1?}"
            ));
        }
        None => row_print(&format!("{name}: relay, first words {first:.1?}")),
    }
    assert_eq!(found.is_some(), expected, "{name}\n{}", told(&two.ann));
    speak(&mut two.ann, &mut two.bob, "still there");
    speak(&mut two.bob, &mut two.ann, "me too");
}

/// Строка таблицы для двух домов.
fn homes(first: Home, second: Home, expected: bool) {
    if let Some(two) = two(first, second, false) {
        row(&format!("{first:?} - {second:?}"), two, expected);
    }
}

#[test]
fn public_and_cone() {
    homes(Home::Public, Home::Cone, true);
}

#[test]
fn public_and_symmetric() {
    homes(Home::Symmetric, Home::Public, true);
}

#[test]
fn cone_and_cone() {
    homes(Home::Cone, Home::Cone, true);
}

#[test]
fn cone_and_full() {
    homes(Home::Full, Home::Cone, true);
}

#[test]
fn symmetric_and_full() {
    homes(Home::Symmetric, Home::Full, true);
}

#[test]
fn symmetric_and_cone() {
    homes(Home::Symmetric, Home::Cone, false);
}

#[test]
fn symmetric_and_symmetric() {
    homes(Home::Symmetric, Home::Symmetric, false);
}

/// У обоих есть IPv6, роутеры незваных не впускают: трансляции нет, дыры пробиваются.
#[test]
fn symmetric_with_ipv6() {
    if let Some(two) = two(Home::Symmetric, Home::Symmetric, true) {
        row("Symmetric - Symmetric, IPv6", two, true);
    }
}

/// Двое на прямой линии через дыру.
fn linked() -> Option<Two> {
    let mut two = two(Home::Cone, Home::Cone, false)?;
    speak(&mut two.ann, &mut two.bob, "hello");
    let (mine, his) = (two.ann.id.clone(), two.bob.id.clone());
    assert!(direct(&mut two.ann, &his).is_some(), "{}", told(&two.ann));
    assert!(direct(&mut two.bob, &mine).is_some(), "{}", told(&two.bob));
    Some(two)
}

#[test]
fn the_server_goes_down_and_the_hole_lives_on() {
    let Some(mut two) = linked() else { return };
    server_kill(&mut two.server);
    for client in [&mut two.ann, &mut two.bob] {
        wait(client, json!({"event": "link", "peer": "server", "state": "retry"}));
    }
    speak(&mut two.ann, &mut two.bob, "server gone");
    speak(&mut two.bob, &mut two.ann, "none needed");
    row_print("Cone - Cone, server down after the introduction: direct lives on");
}

/// Уходящий прощается и без сервера: его последнее слово проходит через дыру.
#[test]
fn who_leaves_says_so_through_the_hole() {
    let Some(mut two) = linked() else { return };
    server_kill(&mut two.server);
    for client in [&mut two.ann, &mut two.bob] {
        wait(client, json!({"event": "link", "peer": "server", "state": "retry"}));
    }
    say(&mut two.bob, "/quit");
    assert_eq!(common::exit_code(&mut two.bob), 0, "{}", told(&two.bob));
    let his = two.bob.id.clone();
    let down = wait(&mut two.ann, json!({"event": "link", "peer": his, "state": "down"}));
    assert_eq!(down["code"], "leaving", "{down}");
}

/// Дыру заваливает посреди файла: дальше он идёт через сервер, потом снова напрямую.
#[test]
fn a_file_outlives_its_hole() {
    let Some(mut two) = linked() else { return };
    let (ann, bob) = (&mut two.ann, &mut two.bob);
    topup(ann, bob);
    rate_limit(&two.net, "ann", "30mbit");
    let path = file_make(two.folder.path(), "big.bin", 24 * MIB, 22);
    offered(ann, bob, &path);
    part_grown(bob, 3 * MIB);
    // Роутер Ann больше не выпускает посылок UDP: прежняя дыра мертва, новой не пробить.
    let rule = "insert rule ip filt forward ip protocol udp drop";
    inside(&two.net, &router("ann"), &["nft", rule]);
    wait(bob, json!({"event": "link", "peer": ann.id, "path": "relay"}));
    assert!(part_length(bob) < 24 * MIB, "the transfer was too fast for this test");
    arrived(ann, bob, &path);
    row_print("Cone - Cone, hole filled in during a file: relay took over, file identical");
}

/// Кабель Bob выдернут посреди файла и вставлен снова: файл кончается тем же.
#[test]
fn a_file_outlives_a_pulled_cable() {
    let Some(mut two) = linked() else { return };
    let (ann, bob) = (&mut two.ann, &mut two.bob);
    topup(ann, bob);
    rate_limit(&two.net, "ann", "30mbit");
    let path = file_make(two.folder.path(), "big.bin", 24 * MIB, 23);
    offered(ann, bob, &path);
    part_grown(bob, 3 * MIB);
    forget(bob);
    cable(&two.net, "bob", false);
    // Дыра молчит: о сервере Bob ещё думает, что он есть.
    wait(bob, json!({"event": "link", "peer": ann.id}));
    assert!(part_length(bob) < 24 * MIB, "the transfer was too fast for this test");
    say_words(ann, &["/msg", &bob.id, "while the cable is out"]);
    cable(&two.net, "bob", true);
    wait(bob, json!({"event": "message", "text": "while the cable is out"}));
    arrived(ann, bob, &path);
    row_print("Cone - Cone, cable pulled during a file: resumed, file identical");
}

/// Собеседник убит и запущен снова: прежняя дыра не задерживает, новая пробита.
#[test]
fn a_killed_peer_is_met_again() {
    let Some(mut two) = linked() else { return };
    client_kill(&mut two.bob);
    forget(&mut two.ann);
    client_again(&mut two.bob);
    let since = Instant::now();
    speak(&mut two.bob, &mut two.ann, "back again");
    speak(&mut two.ann, &mut two.bob, "welcome");
    let took = since.elapsed();
    let his = two.bob.id.clone();
    assert!(direct(&mut two.ann, &his).is_some(), "{}", told(&two.ann));
    row_print(&format!("Cone - Cone, one killed and back: words after {took:.1?}, then direct"));
}

/// Чужой забрасывает сокет дыр мусором, вопросами и началами QUIC: ему не отвечают ни разу, а разговор
/// через ту же дыру того не замечает.
#[test]
fn a_flood_at_the_hole_is_not_heard() {
    let Some(mut two) = two(Home::Public, Home::Cone, false) else { return };
    speak(&mut two.ann, &mut two.bob, "before");
    let his = two.bob.id.clone();
    assert!(direct(&mut two.ann, &his).is_some(), "{}", told(&two.ann));
    // Порт UDP у Ann тот же, что у двери на визитке.
    say(&mut two.ann, "/card");
    let card = wait(&mut two.ann, json!({"event": "card"}));
    let door = String::from(card["addresses"][0].as_str().unwrap());
    let (host, port) = door.rsplit_once(':').unwrap();
    let flood = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/flood.py");
    let stranger = Command::new("ip")
        .args(["netns", "exec", &place(&two.net, "srv"), "python3", flood, host, port])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for round in 0..20 {
        speak(&mut two.ann, &mut two.bob, &format!("round {round}"));
        speak(&mut two.bob, &mut two.ann, &format!("answer {round}"));
    }
    let heard = stranger.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&heard.stdout).trim().to_string();
    assert_eq!(said, "sent 60000 heard 0");
    speak(&mut two.ann, &mut two.bob, "after");
}

/// Кабель Ann медленный и теряет посылки: файл через дыру доходит тем же, слова его обгоняют.
#[test]
fn a_file_passes_a_slow_and_lossy_cable() {
    let Some(mut two) = linked() else { return };
    let (ann, bob) = (&mut two.ann, &mut two.bob);
    topup(ann, bob);
    let cable = slow(&two.net, "ann", 30, 5, 2);
    let path = file_make(two.folder.path(), "big.bin", 4 * MIB, 24);
    offered(ann, bob, &path);
    part_grown(bob, MIB / 2);
    speak(ann, bob, "while a file runs");
    speak(bob, ann, "and back");
    arrived(ann, bob, &path);
    drop(cable);
    row_print("Cone - Cone, 30±5 ms and 2 % loss each way: direct, file identical");
}

/// Сервера нет, роутеры дыр не дают, но есть общий знакомый в сети: всё идёт через него.
#[test]
fn two_behind_symmetric_routers_share_a_friend() {
    let homes = [("ann", Home::Symmetric), ("bob", Home::Symmetric), ("cat", Home::Public)];
    let Some(net) = nat_net(&homes) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut people = Vec::new();
    for (machine, _) in homes {
        let options = ["--yes", "--accept-files"];
        let home = folder.path().join(machine);
        people.push(client_start_in(&place(&net, machine), &home, machine, &options));
    }
    let [ann, bob, cat] = people.as_mut_slice() else { panic!("three people") };
    let card = card_of(cat);
    for one in [&mut *ann, &mut *bob] {
        say(one, &format!("/connect {card}"));
        wait(one, json!({"event": "link", "peer": cat.id, "state": "up", "path": "manual"}));
        common::meet(one, cat);
    }
    speak(ann, bob, "over a friend");
    wait(ann, json!({"event": "link", "peer": bob.id, "state": "up", "path": "third"}));
    speak(bob, ann, "and back");
    let path = file_make(folder.path(), "big.bin", 4 * MIB, 25);
    offered(ann, bob, &path);
    arrived(ann, bob, &path);
    row_print("Symmetric - Symmetric, no server, a public friend: third, file identical");
}
