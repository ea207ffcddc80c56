//! The internet in the small: one public bridge 203.0.113.0/24 with a server of two addresses, and
//! homes behind routers of named kinds. All homes use the same 192.168.1.0/24, on purpose.
//! Маленький интернет: общий мост 203.0.113.0/24 с сервером о двух адресах и дома за роутерами
//! названных видов. У всех домов одна и та же сеть 192.168.1.0/24, нарочно.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::{Net, inside, net_begin, place, run};

/// The server's two addresses; its machine is called `srv`.
pub const SERVER: &str = "203.0.113.10";
pub const SERVER_OTHER: &str = "203.0.113.11";

/// The server's IPv6 address, once `ipv6_give(&net, "srv", false)` was called.
pub const SERVER_6: &str = "2001:db8::10";

/// The first home's public address is 203.0.113.21, and so on.
const HOMES_FROM: usize = 21;

/// How a home is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// No router: the machine itself is on the bridge.
    Public,
    /// Endpoint-independent mapping and filtering: whoever knows the place gets in.
    Full,
    /// Endpoint-independent mapping, only places written to get in (the usual home router).
    Cone,
    /// Another port for every place written to.
    Symmetric,
}

/// A lossy, slow cable of one home; taken away when dropped.
pub struct Slow<'a> {
    net: &'a Net,
    home: String,
    carrier: Child,
}

impl Drop for Slow<'_> {
    /// Возвращает обычный кабель.
    fn drop(&mut self) {
        let _ = self.carrier.kill();
        let _ = self.carrier.wait();
        let hub = place(self.net, "hub");
        let port = format!("p{}", self.home);
        let shore = format!("b{}", self.home);
        for words in
            [vec!["link", "set", &port, "master", "br0"], vec!["link", "del", shore.as_str()]]
        {
            let _ = Command::new("ip").args(["-n", &hub]).args(words).output();
        }
    }
}

/// A UDP socket on some machine, worked by lines (probe.py).
pub struct Probe {
    child: Child,
    answers: BufReader<ChildStdout>,
    pub port: u16,
}

impl Drop for Probe {
    /// Закрывает гнездо.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Правила роутера: чужое не впускает, наружу выпускает по своему виду.
fn rules_of(kind: Home) -> String {
    let (before, after, mask) = match kind {
        Home::Public => return String::new(),
        Home::Cone => ("", "", "masquerade"),
        Home::Symmetric => ("", "", "masquerade random"),
        Home::Full => (
            "iifname \"wan\" ip protocol udp dnat ip to udp dport map @eim;",
            "oifname \"wan\" ip protocol udp update @eim { udp sport : ip saddr . udp sport };",
            "masquerade",
        ),
    };
    format!(
        "table ip nat {{
            map eim {{
                type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s;
            }}
            chain pre {{ type nat hook prerouting priority -100; {before} }}
            chain post {{
                type nat hook postrouting priority 100;
                {after}
                oifname \"wan\" {mask};
            }}
        }}
        table ip filt {{
            chain input {{
                type filter hook input priority 0; policy drop;
                ct state established,related accept; iifname \"lan\" accept;
                icmp type echo-request accept;
            }}
            chain forward {{
                type filter hook forward priority 0; policy drop;
                ct state established,related accept; iifname \"lan\" accept; ct status dnat accept;
            }}
        }}"
    )
}

/// Отдаёт машине правила nft; ошибка — словами nft.
fn nft(net: &Net, machine: &str, rules: &str) -> Result<(), String> {
    run(&["ip", "netns", "exec", &place(net, machine), "nft", rules])
}

/// Новая машина без единого кабеля.
fn machine_add(net: &mut Net, machine: &str) {
    let name = place(net, machine);
    assert_eq!(run(&["ip", "netns", "add", &name]), Ok(()));
    net.machines.push(name);
    inside(net, machine, &["ip", "link", "set", "lo", "up"]);
}

/// Кабель от машины к коммутатору: концы `end` и `port`, коммутатор — мост `bridge` машины `hub`.
fn cable_lay(net: &Net, machine: &str, end: &str, hub: &str, port: &str, bridge: &str) {
    let (near, far) = (place(net, machine), place(net, hub));
    let mut words = vec!["ip", "link", "add", end, "netns", &near, "type", "veth", "peer", "name"];
    words.extend_from_slice(&[port, "netns", &far]);
    assert_eq!(run(&words), Ok(()));
    let quick = format!("net.ipv6.conf.{end}.accept_dad=0");
    inside(net, machine, &["sysctl", "-qw", &quick]);
    inside(net, hub, &["ip", "link", "set", port, "master", bridge, "up"]);
    inside(net, machine, &["ip", "link", "set", end, "up"]);
}

/// Номер дома в сети, с нуля.
fn home_number(net: &Net, home: &str) -> usize {
    for (index, (name, _)) in net.homes.iter().enumerate() {
        if name == home {
            return index;
        }
    }
    panic!("no such home: {home}");
}

/// Внешний адрес дома.
pub fn public_address(net: &Net, home: &str) -> String {
    format!("203.0.113.{}", HOMES_FROM + home_number(net, home))
}

/// Роутер дома: пространство имён называется `place(net, &router(home))`.
pub fn router(home: &str) -> String {
    format!("{home}-r")
}

/// Ставит дом: машину прямо на мосту или машину за роутером.
fn home_build(net: &mut Net, home: &str, kind: Home) {
    let address = format!("{}/24", public_address(net, home));
    let port = format!("p{home}");
    machine_add(net, home);
    if kind == Home::Public {
        cable_lay(net, home, "eth0", "hub", &port, "br0");
        inside(net, home, &["ip", "addr", "add", &address, "dev", "eth0"]);
        return;
    }
    let door = router(home);
    machine_add(net, &door);
    cable_lay(net, &door, "wan", "hub", &port, "br0");
    inside(net, &door, &["ip", "addr", "add", &address, "dev", "wan"]);
    inside(net, &door, &["ip", "link", "add", "lan", "type", "bridge"]);
    inside(net, &door, &["sysctl", "-qw", "net.ipv6.conf.lan.accept_dad=0"]);
    inside(net, &door, &["ip", "link", "set", "lan", "up"]);
    inside(net, &door, &["ip", "addr", "add", "192.168.1.1/24", "dev", "lan"]);
    inside(net, &door, &["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    assert_eq!(nft(net, &door, &rules_of(kind)), Ok(()));
    cable_lay(net, home, "eth0", &door, "p0", "lan");
    inside(net, home, &["ip", "addr", "add", "192.168.1.10/24", "dev", "eth0"]);
    inside(net, home, &["ip", "route", "add", "default", "via", "192.168.1.1"]);
}

/// Сеть из сервера `srv` и этих домов (имена короткие, до десяти букв); машина дома зовётся как он.
/// `None` — здесь такой сети не построить, о чём сказано.
pub fn nat_net(homes: &[(&str, Home)]) -> Option<Net> {
    let mut net = net_begin()?;
    // Пустая проба отличает запрет от ошибки в самих правилах.
    let probe = "add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; \
                 add rule ip t c masquerade; delete table ip t";
    if let Err(why) = nft(&net, "hub", probe) {
        println!("SKIPPED: no address translation on this machine: {why}");
        return None;
    }
    machine_add(&mut net, "srv");
    cable_lay(&net, "srv", "eth0", "hub", "psrv", "br0");
    for address in [SERVER, SERVER_OTHER] {
        let whole = format!("{address}/24");
        inside(&net, "srv", &["ip", "addr", "add", &whole, "dev", "eth0"]);
    }
    for (home, kind) in homes {
        net.homes.push((String::from(*home), *kind));
        home_build(&mut net, home, *kind);
    }
    Some(net)
}

/// Ещё одна машина того же дома за роутером: 192.168.1.N, N = 11 и дальше даёт вызывающий.
pub fn housemate(net: &mut Net, home: &str, machine: &str, last: u8) {
    machine_add(net, machine);
    cable_lay(net, machine, "eth0", &router(home), &format!("p{last}"), "lan");
    let address = format!("192.168.1.{last}/24");
    inside(net, machine, &["ip", "addr", "add", &address, "dev", "eth0"]);
    inside(net, machine, &["ip", "route", "add", "default", "via", "192.168.1.1"]);
}

/// Даёт дому (или `srv`) адреса IPv6 без трансляции; `firewall` — роутер не впускает незваных.
/// Возвращает адрес машины дома.
pub fn ipv6_give(net: &Net, home: &str, firewall: bool) -> String {
    inside(net, "hub", &["sysctl", "-qw", "net.ipv6.conf.br0.accept_dad=0"]);
    inside(net, "hub", &["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"]);
    let gate = ["ip", "-6", "addr", "replace", "2001:db8::fe/64", "dev", "br0", "nodad"];
    inside(net, "hub", &gate);
    if home == "srv" {
        outside_6(net, "srv", "eth0", SERVER_6);
        return String::from(SERVER_6);
    }
    let number = home_number(net, home);
    let outer = format!("2001:db8::{}", HOMES_FROM + number);
    if net.homes[number].1 == Home::Public {
        outside_6(net, home, "eth0", &outer);
        return outer;
    }
    let door = router(home);
    outside_6(net, &door, "wan", &outer);
    let prefix = format!("2001:db8:{}:", HOMES_FROM + number);
    let (gate, own) = (format!("{prefix}:1"), format!("{prefix}:10"));
    let whole = format!("{prefix}:/64");
    inside(net, "hub", &["ip", "-6", "route", "add", &whole, "via", &outer]);
    inside(net, &door, &["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"]);
    let long = format!("{gate}/64");
    inside(net, &door, &["ip", "-6", "addr", "add", &long, "dev", "lan", "nodad"]);
    let long = format!("{own}/64");
    inside(net, home, &["ip", "-6", "addr", "add", &long, "dev", "eth0", "nodad"]);
    inside(net, home, &["ip", "-6", "route", "add", "default", "via", &gate]);
    if firewall {
        let rules = "table ip6 filt {
            chain forward {
                type filter hook forward priority 0; policy drop;
                ct state established,related accept; iifname \"lan\" accept;
            }
        }";
        assert_eq!(nft(net, &door, rules), Ok(()));
    }
    own
}

/// Адрес IPv6 на мосту и путь через него.
fn outside_6(net: &Net, machine: &str, end: &str, address: &str) {
    let long = format!("{address}/64");
    inside(net, machine, &["ip", "-6", "addr", "add", &long, "dev", end, "nodad"]);
    inside(net, machine, &["ip", "-6", "route", "add", "default", "via", "2001:db8::fe"]);
}

/// Ограничивает скорость дома (или `srv`) в обе стороны, например `20mbit`.
pub fn rate_limit(net: &Net, home: &str, rate: &str) {
    let mut ends = vec![(String::from("hub"), format!("p{home}"))];
    let mut own = (String::from(home), "eth0");
    for (name, kind) in &net.homes {
        if name == home && *kind != Home::Public {
            own = (router(home), "wan");
        }
    }
    ends.push((own.0, String::from(own.1)));
    for (machine, end) in ends {
        let mut words = vec!["tc", "qdisc", "replace", "dev", &end, "root", "tbf", "rate", rate];
        words.extend_from_slice(&["burst", "64kb", "latency", "50ms"]);
        inside(net, &machine, &words);
    }
}

/// Делает кабель дома (или `srv`) медленным: задержка и разброс в одну сторону, доля потерь. Пока
/// жив результат.
pub fn slow<'a>(net: &'a Net, home: &str, delay_ms: u32, jitter_ms: u32, loss: u32) -> Slow<'a> {
    let (shore, port) = (format!("b{home}"), format!("p{home}"));
    let (near, far) = (format!("n{home}"), format!("f{home}"));
    inside(net, "hub", &["ip", "link", "add", &shore, "type", "bridge"]);
    inside(net, "hub", &["ip", "link", "set", &shore, "up"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/cable.py");
    let numbers = [delay_ms.to_string(), jitter_ms.to_string(), loss.to_string()];
    let mut carrier = Command::new("ip")
        .args(["netns", "exec", &place(net, "hub"), "python3", script, &near, &far])
        .args(numbers)
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut first = String::new();
    let said = carrier.stdout.take().expect("its words");
    BufReader::new(said).read_line(&mut first).expect("its words");
    let slow = Slow { net, home: String::from(home), carrier };
    assert_eq!(first, "ready\n", "the slow cable did not start");
    inside(net, "hub", &["ip", "link", "set", &near, "master", &shore, "up"]);
    inside(net, "hub", &["ip", "link", "set", &far, "master", "br0", "up"]);
    inside(net, "hub", &["ip", "link", "set", &port, "master", &shore]);
    slow
}

/// Открывает гнездо UDP на машине; порт 0 — любой.
pub fn probe(net: &Net, machine: &str, address: &str, port: u16) -> Probe {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/probe.py");
    let mut child = Command::new("ip")
        .args(["netns", "exec", &place(net, machine), "python3", script, address])
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let answers = BufReader::new(child.stdout.take().expect("answers"));
    let mut made = Probe { child, answers, port };
    let ready = answer(&mut made);
    made.port = ready.strip_prefix("ready ").expect("a port").parse().expect("a port");
    made
}

/// Следующий ответ гнезда.
fn answer(probe: &mut Probe) -> String {
    let mut line = String::new();
    probe.answers.read_line(&mut line).expect("an answer");
    String::from(line.trim_end())
}

/// Просит гнездо и возвращает ответ.
fn ask(probe: &mut Probe, line: &str) -> String {
    writeln!(probe.child.stdin.as_mut().expect("stdin"), "{line}").expect("the probe lives");
    answer(probe)
}

/// Посылает слово; ответ «sent» или причина неудачи.
pub fn probe_send(probe: &mut Probe, host: &str, port: u16, text: &str) -> String {
    ask(probe, &format!("send {host} {port} {text}"))
}

/// Ждёт слово не дольше срока: откуда оно и какое, `None` — не пришло.
pub fn probe_take(probe: &mut Probe, milliseconds: u64) -> Option<(String, u16, String)> {
    let got = ask(probe, &format!("take {milliseconds}"));
    let words: Vec<&str> = got.splitn(4, ' ').collect();
    if words[0] != "got" {
        return None;
    }
    Some((String::from(words[1]), words[2].parse().expect("a port"), String::from(words[3])))
}
