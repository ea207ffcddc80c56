//! The lab tests itself: plain UDP probes prove that every kind of router behaves as it is named,
//! that cables can be pulled and slowed, and that nothing stays behind.
//! Лаборатория испытывает себя: простые посылки UDP доказывают, что каждый роутер ведёт себя по
//! своему названию, кабели выдёргиваются и замедляются, и ничего не остаётся.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod lab;

use std::process::Command;
use std::time::{Duration, Instant};

use lab::nat::{
    Home, Probe, SERVER, SERVER_6, SERVER_OTHER, housemate, ipv6_give, nat_net, probe, probe_send,
    probe_take, public_address, rate_limit, router, slow,
};
use lab::{Net, cable};

/// Milliseconds within which a packet that comes at all has come.
const SOON: u64 = 3_000;
/// Milliseconds after which a packet that did not come will not.
const NEVER: u64 = 300;

/// Слово от одного гнезда доходит до другого; возвращает, откуда оно видно.
fn heard(from: &mut Probe, host: &str, to: &mut Probe, text: &str) -> (String, u16) {
    assert_eq!(probe_send(from, host, to.port, text), "sent");
    let got = probe_take(to, SOON);
    let Some((seen, port, word)) = got else { panic!("{text} did not come to {host}") };
    assert_eq!(word, text);
    (seen, port)
}

/// Кого впускает роутер, к которому обращались только с `SERVER:4000`: с другого адреса, с другого
/// порта того же адреса.
fn lets_in(net: &Net, home: &str) -> (bool, bool) {
    let mut own = probe(net, home, "0.0.0.0", 0);
    let mut known = probe(net, "srv", SERVER, 4000);
    let mut stranger = probe(net, "srv", SERVER_OTHER, 4001);
    let mut other_port = probe(net, "srv", SERVER, 4002);
    let (seen, port) = heard(&mut own, SERVER, &mut known, "hello");
    let mut in_from = [false, false];
    for (index, outside) in [&mut stranger, &mut other_port].into_iter().enumerate() {
        assert_eq!(probe_send(outside, &seen, port, "unasked"), "sent");
        // Ответ посланного позже известного доказывает, что раннее уже не придёт.
        assert_eq!(probe_send(&mut known, &seen, port, "answer"), "sent");
        let (_, _, word) = probe_take(&mut own, SOON).expect("the answer");
        in_from[index] = word == "unasked";
        if in_from[index] {
            let (_, _, word) = probe_take(&mut own, SOON).expect("the answer");
            assert_eq!(word, "answer");
        }
    }
    (in_from[0], in_from[1])
}

/// Одно и то же ли место видят два сервера; первое видимое место.
fn mapping(net: &Net, home: &str) -> (bool, String) {
    let mut own = probe(net, home, "0.0.0.0", 0);
    let mut one = probe(net, "srv", SERVER, 4000);
    let mut other = probe(net, "srv", SERVER_OTHER, 4000);
    let mut third = probe(net, "srv", SERVER, 4002);
    let first = heard(&mut own, SERVER, &mut one, "one");
    let second = heard(&mut own, SERVER_OTHER, &mut other, "two");
    let last = heard(&mut own, SERVER, &mut third, "three");
    assert_eq!((&first.0, &first.0), (&second.0, &last.0), "{home}: one public address");
    (first.1 == second.1 && first.1 == last.1, first.0)
}

#[test]
fn every_kind_of_router_behaves_as_it_is_named() {
    let homes = [
        ("pub", Home::Public),
        ("full", Home::Full),
        ("cone", Home::Cone),
        ("sym", Home::Symmetric),
    ];
    let Some(net) = nat_net(&homes) else { return };
    let wanted = [(true, true, true), (true, true, true), (true, false, false)];
    for (index, (home, _)) in homes.iter().enumerate() {
        let (same, seen) = mapping(&net, home);
        assert_eq!(seen, public_address(&net, home), "{home}");
        let (stranger, other_port) = lets_in(&net, home);
        let expected = *wanted.get(index).unwrap_or(&(false, false, false));
        assert_eq!((same, stranger, other_port), expected, "{home}");
    }
}

#[test]
fn routers_drop_what_nobody_asked_for() {
    let homes = [("full", Home::Full), ("cone", Home::Cone), ("sym", Home::Symmetric)];
    let Some(net) = nat_net(&homes) else { return };
    for (home, _) in homes {
        let mut own = probe(&net, home, "0.0.0.0", 5000);
        let mut outside = probe(&net, "srv", SERVER, 5000);
        assert_eq!(probe_send(&mut outside, &public_address(&net, home), 5000, "knock"), "sent");
        assert_eq!(probe_take(&mut own, NEVER), None, "{home}");
        // Незваная посылка не заняла порт: своё обращение выходит с него же.
        let (_, port) = heard(&mut own, SERVER, &mut outside, "out");
        if home != "sym" {
            assert_eq!(port, 5000, "{home}");
        }
    }
}

/// Двое узнают свои внешние места у сервера и шлют по ним друг другу; кто услышал.
fn punched(net: &Net, first: &str, second: &str) -> (bool, bool) {
    let mut desk = probe(net, "srv", SERVER, 4000);
    let mut one = probe(net, first, "0.0.0.0", 0);
    let mut two = probe(net, second, "0.0.0.0", 0);
    let place_one = heard(&mut one, SERVER, &mut desk, "one");
    let place_two = heard(&mut two, SERVER, &mut desk, "two");
    for _ in 0..3 {
        assert_eq!(probe_send(&mut one, &place_two.0, place_two.1, "punch"), "sent");
        assert_eq!(probe_send(&mut two, &place_one.0, place_one.1, "punch"), "sent");
    }
    (probe_take(&mut one, NEVER).is_some(), probe_take(&mut two, NEVER).is_some())
}

#[test]
fn holes_are_punched_between_cones_and_not_between_symmetric_ones() {
    let homes = [
        ("ann", Home::Cone),
        ("bob", Home::Cone),
        ("eve", Home::Symmetric),
        ("sam", Home::Symmetric),
        ("full", Home::Full),
    ];
    let Some(net) = nat_net(&homes) else { return };
    assert_eq!(punched(&net, "ann", "bob"), (true, true));
    assert_eq!(punched(&net, "ann", "full"), (true, true));
    assert_eq!(punched(&net, "ann", "eve"), (false, false));
    assert_eq!(punched(&net, "eve", "sam"), (false, false));
    // Полный конус слышит и симметричного; обратно тот не впускает.
    assert_eq!(punched(&net, "full", "eve"), (true, false));
}

#[test]
fn housemates_meet_at_home_and_have_one_address_outside() {
    let Some(mut net) = nat_net(&[("ann", Home::Cone), ("bob", Home::Cone)]) else { return };
    housemate(&mut net, "ann", "amy", 11);
    let mut ann = probe(&net, "ann", "0.0.0.0", 0);
    let mut amy = probe(&net, "amy", "0.0.0.0", 0);
    assert_eq!(heard(&mut ann, "192.168.1.11", &mut amy, "home").0, "192.168.1.10");
    let mut desk = probe(&net, "srv", SERVER, 0);
    let outside = public_address(&net, "ann");
    assert_eq!(heard(&mut ann, SERVER, &mut desk, "ann").0, outside);
    assert_eq!(heard(&mut amy, SERVER, &mut desk, "amy").0, outside);
    let mut bob = probe(&net, "bob", "0.0.0.0", 0);
    assert_eq!(heard(&mut bob, SERVER, &mut desk, "bob").0, public_address(&net, "bob"));
}

#[test]
fn ipv6_goes_without_translation_and_a_firewall_keeps_the_uninvited_out() {
    let homes = [("open", Home::Cone), ("shut", Home::Symmetric), ("pub", Home::Public)];
    let Some(net) = nat_net(&homes) else { return };
    ipv6_give(&net, "srv", false);
    let open_place = ipv6_give(&net, "open", false);
    let shut_place = ipv6_give(&net, "shut", true);
    let public_place = ipv6_give(&net, "pub", false);
    let mut desk = probe(&net, "srv", "::", 0);
    let mut open = probe(&net, "open", "::", 0);
    let mut shut = probe(&net, "shut", "::", 0);
    let mut public = probe(&net, "pub", "::", 0);
    assert_eq!(heard(&mut open, SERVER_6, &mut desk, "open"), (open_place.clone(), open.port));
    assert_eq!(heard(&mut desk, &open_place, &mut open, "in"), (SERVER_6.into(), desk.port));
    assert_eq!(heard(&mut open, &public_place, &mut public, "next").0, open_place);
    assert_eq!(probe_send(&mut open, &shut_place, shut.port, "uninvited"), "sent");
    assert_eq!(probe_take(&mut shut, NEVER), None);
    assert_eq!(heard(&mut shut, &open_place, &mut open, "out").0, shut_place);
    heard(&mut open, &shut_place, &mut shut, "invited");
}

#[test]
fn a_cable_can_be_pulled_and_plugged_in() {
    let Some(net) = nat_net(&[("ann", Home::Cone)]) else { return };
    let mut ann = probe(&net, "ann", "0.0.0.0", 0);
    let mut desk = probe(&net, "srv", SERVER, 0);
    for pulled in ["ann", "srv"] {
        heard(&mut ann, SERVER, &mut desk, "before");
        cable(&net, pulled, false);
        probe_send(&mut ann, SERVER, desk.port, "lost");
        assert_eq!(probe_take(&mut desk, NEVER), None, "{pulled}");
        cable(&net, pulled, true);
        let since = Instant::now();
        // Первые посылки ждут, пока соседи снова узнают друг друга.
        while probe_take(&mut desk, NEVER).is_none() {
            assert!(since.elapsed() < Duration::from_secs(10), "{pulled}: still no way");
            probe_send(&mut ann, SERVER, desk.port, "again");
        }
        while probe_take(&mut desk, NEVER).is_some() {}
    }
}

#[test]
fn a_slow_cable_is_slow_and_loses() {
    let Some(net) = nat_net(&[("ann", Home::Cone)]) else { return };
    let mut ann = probe(&net, "ann", "0.0.0.0", 0);
    let mut desk = probe(&net, "srv", SERVER, 0);
    heard(&mut ann, SERVER, &mut desk, "warm");
    let line = slow(&net, "ann", 80, 0, 0);
    let since = Instant::now();
    let seen = heard(&mut ann, SERVER, &mut desk, "there");
    assert_eq!(probe_send(&mut desk, &seen.0, seen.1, "back"), "sent");
    assert!(probe_take(&mut ann, SOON).is_some());
    let took = since.elapsed();
    assert!(took >= Duration::from_millis(160), "{took:?}");
    drop(line);
    let line = slow(&net, "ann", 1, 1, 30);
    let mut came = 0;
    for _ in 0..200 {
        assert_eq!(probe_send(&mut ann, SERVER, desk.port, "lost?"), "sent");
    }
    while probe_take(&mut desk, NEVER).is_some() {
        came += 1;
    }
    assert!((100..180).contains(&came), "{came} of 200 came over a cable that loses 30 %");
    drop(line);
    heard(&mut ann, SERVER, &mut desk, "as before");
}

#[test]
fn a_limited_home_is_as_slow_as_asked() {
    let Some(net) = nat_net(&[("ann", Home::Cone)]) else { return };
    let mut ann = probe(&net, "ann", "0.0.0.0", 0);
    let mut desk = probe(&net, "srv", SERVER, 0);
    heard(&mut ann, SERVER, &mut desk, "warm");
    rate_limit(&net, "ann", "1mbit");
    let large = "x".repeat(1_200);
    let since = Instant::now();
    for _ in 0..400 {
        assert_eq!(probe_send(&mut ann, SERVER, desk.port, &large), "sent");
    }
    let mut came = 0;
    while probe_take(&mut desk, NEVER).is_some() {
        came += 1;
    }
    // Сразу проходит запас в 64 КиБ, остальное — не быстрее 125 000 байт в секунду.
    let most = (65_536.0 + 125_000.0 * since.elapsed().as_secs_f64()) / 1_200.0;
    assert!(came > 30 && f64::from(came) <= most, "{came} of 400 came, at most {most}");
    assert!(came < 400, "nothing was held back");
}

/// Имена пространств имён, которые начинаются так.
fn left(prefix: &str) -> Vec<String> {
    let listed = Command::new("ip").args(["netns", "list"]).output().unwrap();
    let mut names = Vec::new();
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        if line.starts_with(prefix) {
            names.push(String::from(line));
        }
    }
    names
}

/// Строит сеть, называет её и падает.
fn fails() {
    let Some(net) = nat_net(&[("ann", Home::Cone)]) else { panic!("none") };
    let _slow = slow(&net, "ann", 1, 0, 0);
    assert!(left(&net.prefix).contains(&lab::place(&net, &router("ann"))));
    panic!("{}", net.prefix);
}

#[test]
fn a_failed_test_leaves_nothing() {
    if nat_net(&[]).is_none() {
        return;
    }
    let fault = std::thread::spawn(fails).join().unwrap_err();
    let prefix = fault.downcast_ref::<String>().expect("the prefix");
    assert!(prefix.starts_with("st"), "{prefix}");
    assert_eq!(left(prefix), Vec::<String>::new());
}
