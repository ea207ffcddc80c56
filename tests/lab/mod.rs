//! A network of namespaces: one bridge as the switch, a machine at the end of each cable. Nothing of
//! it outlives the test, not even one that failed.
//! Сеть из пространств имён: мост вместо коммутатора, машина на конце каждого кабеля. Ничто из этого
//! не переживает испытания, даже неудачного.

#![allow(dead_code, clippy::expect_used, clippy::panic)]

pub mod nat;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Number of the next network of this process.
static NETS: AtomicU32 = AtomicU32::new(0);

/// A network; its names begin with `prefix`.
pub struct Net {
    pub prefix: String,
    machines: Vec<String>,
    /// Homes of a network with routers, see nat.rs.
    homes: Vec<(String, nat::Home)>,
}

impl Drop for Net {
    /// Разбирает сеть; вместе с пространством имён уходят и его кабели.
    fn drop(&mut self) {
        for name in &self.machines {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

/// Выполняет команду; вывод неудачной — в ошибке.
fn run(words: &[&str]) -> Result<(), String> {
    match Command::new(words[0]).args(&words[1..]).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{words:?}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("{words:?}: {error}")),
    }
}

/// Команда внутри машины; обязана удаться.
pub fn inside(net: &Net, machine: &str, words: &[&str]) {
    let name = format!("{}{machine}", net.prefix);
    let mut whole = vec!["ip", "netns", "exec", &name];
    whole.extend_from_slice(words);
    let done = run(&whole);
    assert!(done.is_ok(), "{done:?}");
}

/// Имя пространства имён машины.
pub fn place(net: &Net, machine: &str) -> String {
    format!("{}{machine}", net.prefix)
}

/// Убирает то, что осталось от испытаний, которые оборвали: процесса из имени больше нет.
fn leftovers_clear() {
    let Ok(listed) = Command::new("ip").args(["netns", "list"]).output() else { return };
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let name = line.split(' ').next().unwrap_or_default();
        let Some((number, _)) = name.strip_prefix("st").unwrap_or_default().split_once('x') else {
            continue;
        };
        if number.parse::<u32>().is_ok() && !Path::new("/proc").join(number).exists() {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

/// Один коммутатор `hub` с мостом br0. `None` — здесь пространств имён не бывает, о чём сказано.
fn net_begin() -> Option<Net> {
    leftovers_clear();
    let number = NETS.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("st{}x{number}", std::process::id());
    let mut net = Net { prefix, machines: Vec::new(), homes: Vec::new() };
    let hub = place(&net, "hub");
    if let Err(why) = run(&["ip", "netns", "add", &hub]) {
        println!("SKIPPED: no network namespaces on this machine: {why}");
        return None;
    }
    net.machines.push(hub);
    inside(&net, "hub", &["ip", "link", "add", "br0", "type", "bridge"]);
    inside(&net, "hub", &["ip", "link", "set", "br0", "up"]);
    Some(net)
}

/// Коммутатор и эти машины, у каждой адрес 10.77.0.N/24 (и свой IPv6). `None` — здесь пространств
/// имён не бывает, о чём сказано.
pub fn net_make(machines: &[&str]) -> Option<Net> {
    let mut net = net_begin()?;
    let hub = place(&net, "hub");
    for (index, machine) in machines.iter().enumerate() {
        let name = place(&net, machine);
        assert_eq!(run(&["ip", "netns", "add", &name]), Ok(()));
        net.machines.push(name.clone());
        let port = format!("p{machine}");
        let cable = ["ip", "link", "add", "eth0", "netns", &name, "type", "veth", "peer", "name"];
        let mut words = cable.to_vec();
        words.extend_from_slice(&[&port, "netns", &hub]);
        assert_eq!(run(&words), Ok(()));
        inside(&net, "hub", &["ip", "link", "set", &port, "master", "br0", "up"]);
        inside(&net, machine, &["ip", "link", "set", "lo", "up"]);
        // Адрес IPv6 годен сразу: проверять его на двойника здесь не у кого.
        inside(&net, machine, &["sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0"]);
        inside(&net, machine, &["ip", "link", "set", "eth0", "up"]);
        let address = format!("10.77.0.{}/24", index + 1);
        inside(&net, machine, &["ip", "addr", "add", &address, "dev", "eth0"]);
    }
    Some(net)
}

/// Выдёргивает кабель машины или вставляет его обратно.
pub fn cable(net: &Net, machine: &str, plugged: bool) {
    let state = if plugged { "up" } else { "down" };
    inside(net, "hub", &["ip", "link", "set", &format!("p{machine}"), state]);
}

/// Коммутатор больше не разносит к этим машинам посылки такого рода: `mcast_flood` — группам,
/// `bcast_flood` — всем (соседей машины тогда знают наизусть).
pub fn flood(net: &Net, machines: &[&str], kind: &str) {
    inside(net, "hub", &["ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", "0"]);
    for machine in machines {
        let port = format!("p{machine}");
        let words = ["ip", "link", "set", &port, "type", "bridge_slave", kind, "off"];
        inside(net, "hub", &words);
    }
    if kind != "bcast_flood" {
        return;
    }
    for (index, machine) in machines.iter().enumerate() {
        let name = place(net, machine);
        let shown = Command::new("ip")
            .args(["netns", "exec", &name, "cat", "/sys/class/net/eth0/address"])
            .output()
            .expect("an address");
        let hardware = String::from_utf8_lossy(&shown.stdout).trim().to_string();
        let address = format!("10.77.0.{}", index + 1);
        for other in machines {
            if other != machine {
                let words = ["ip", "neigh", "replace", &address, "lladdr", &hardware, "dev"];
                let mut whole = words.to_vec();
                whole.extend_from_slice(&["eth0", "nud", "permanent"]);
                inside(net, other, &whole);
            }
        }
    }
}
