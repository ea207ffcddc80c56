//! The examination, the machine's own network: interfaces, addresses, the own door and firewalls.
//! Осмотр, сеть самой машины: карты, адреса, своя дверь и сетевые экраны.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use if_addrs::get_if_addrs;

use super::{Facts, Line, State, facts_read, line, line_fail};
use crate::base::bounds::{DOCTOR_DOOR_MS, DOCTOR_DOORS, INTERFACES_MAX};
use crate::base::fail::{Fail, FailKind, io_try};
use crate::faces::texts::text;
use crate::net::lan::LAN_PORT;
use crate::net::sockets::{door_addresses, listen, listen_all};
use crate::store::settings::setting_get;

/// What is known of the machine's firewall without any rights.
#[derive(Debug, PartialEq)]
enum Wall {
    On(&'static str),
    Off,
    Unknown,
}

/// Поток проверки: карты и адреса.
pub fn network_main() -> Vec<Line> {
    let Some(facts) = facts_read() else { return Vec::new() };
    let found = match io_try(FailKind::Internal, "interfaces", get_if_addrs()) {
        Ok(found) => found,
        Err(failed) => return vec![line_fail(&facts, "interfaces", &failed)],
    };
    let (mut names, mut addresses) = (Vec::new(), Vec::new());
    for one in found {
        if one.is_loopback() || addresses.len() >= INTERFACES_MAX {
            continue;
        }
        addresses.push(one.ip());
        if !names.contains(&one.name) {
            names.push(one.name.clone());
        }
    }
    let bare = interfaces_bare(&names);
    let mut lines = Vec::new();
    lines.push(if !bare.is_empty() {
        let values = [("names", bare.join(", "))];
        line(&facts, "interfaces", State::Warn, "doctor-interfaces-bare", &values)
    } else if names.is_empty() {
        line(&facts, "interfaces", State::Warn, "doctor-interfaces-none", &[])
    } else {
        let values = [("names", names.join(", "))];
        line(&facts, "interfaces", State::Ok, "doctor-interfaces", &values)
    });
    lines.push(addresses_line(&facts, &addresses));
    lines
}

/// Карты с живым кабелем, у которых нет ни одного адреса.
#[cfg(target_os = "linux")]
fn interfaces_bare(named: &[String]) -> Vec<String> {
    let mut bare = Vec::new();
    let Ok(listed) = std::fs::read_dir("/sys/class/net") else { return bare };
    for entry in listed.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let state = std::fs::read_to_string(entry.path().join("operstate")).unwrap_or_default();
        // Только настоящие карты: мосты и туннели живут и без адреса.
        let real = entry.path().join("device").exists();
        if real && state.trim() == "up" && !named.contains(&name) && bare.len() < INTERFACES_MAX {
            bare.push(name);
        }
    }
    bare
}

/// В других системах карт без адреса не видно.
#[cfg(not(target_os = "linux"))]
fn interfaces_bare(_named: &[String]) -> Vec<String> {
    Vec::new()
}

/// Имя рода адреса для текстов.
fn address_kind(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(plain) if plain.is_link_local() => "near",
        IpAddr::V4(plain) if plain.is_private() => "private",
        IpAddr::V4(plain) if is_shared(plain) => "shared",
        IpAddr::V4(_) => "public",
        IpAddr::V6(long) if long.is_unicast_link_local() => "near",
        IpAddr::V6(long) if is_local_6(long) => "private",
        IpAddr::V6(_) => "public",
    }
}

/// 100.64.0.0/10: общая трансляция у провайдера (RFC 6598).
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
}

/// fc00::/7: адреса для себя (RFC 4193).
fn is_local_6(address: Ipv6Addr) -> bool {
    address.octets()[0] & 0xfe == 0xfc
}

/// Строка об адресах.
fn addresses_line(facts: &Facts, addresses: &[IpAddr]) -> Line {
    let (mut four, mut six, mut usable) = (Vec::new(), Vec::new(), false);
    for address in addresses {
        let kind = address_kind(*address);
        usable = usable || kind != "near";
        // Местные адреса IPv6 есть у каждой карты и ни о чём не говорят.
        if kind == "near" && address.is_ipv6() {
            continue;
        }
        let words = text(&facts.texts, &format!("doctor-address-{kind}"), &[]);
        let shown = format!("{address} ({words})");
        if address.is_ipv4() { four.push(shown) } else { six.push(shown) }
    }
    let none = text(&facts.texts, "doctor-address-none", &[]);
    let mut values = Vec::new();
    for (name, list) in [("four", four), ("six", six)] {
        values.push((name, if list.is_empty() { none.clone() } else { list.join(", ") }));
    }
    if usable {
        return line(facts, "addresses", State::Ok, "doctor-addresses", &values);
    }
    line(facts, "addresses", State::Warn, "doctor-addresses-near", &values)
}

/// Поток проверки: своя дверь и сетевой экран.
pub fn firewall_main() -> Vec<Line> {
    let Some(facts) = facts_read() else { return Vec::new() };
    let wish = match &facts.args.listen {
        Some(wish) => wish.clone(),
        None => setting_get(&facts.settings, "listen"),
    };
    if wish == "off" {
        return vec![line(&facts, "firewall", State::Ok, "doctor-door-off", &[])];
    }
    match door_try(&facts) {
        Ok((reached, missed, port)) => vec![door_line(&facts, &reached, &missed, port)],
        Err(failed) => vec![line_fail(&facts, "firewall", &failed)],
    }
}

/// Звонит в свою дверь по адресам этой машины: где ответили, где нет, и порт. Работает программа —
/// это её дверь; нет — на время открывается своя.
fn door_try(facts: &Facts) -> Result<(Vec<String>, Vec<String>, u16), Fail> {
    let known = setting_get(&facts.settings, "port").parse().unwrap_or(0);
    let running = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), known);
    let mut places = door_addresses(running);
    let mut door: Option<TcpListener> = None;
    if known == 0 || facts.args.listen.is_some() || !place_answers(&places[0]) {
        let own = match &facts.args.listen {
            Some(address) => listen(address)?,
            None => listen_all(known)?,
        };
        places = door_addresses(io_try(FailKind::Listen, "", own.local_addr())?);
        door = Some(own);
    }
    let (mut reached, mut missed, mut port) = (Vec::new(), Vec::new(), known);
    for (index, place) in places.iter().enumerate() {
        if index >= DOCTOR_DOORS {
            break;
        }
        if let Ok(address) = place.parse::<SocketAddr>() {
            port = address.port();
        }
        let list = if place_answers(place) { &mut reached } else { &mut missed };
        list.push(place.clone());
    }
    drop(door);
    Ok((reached, missed, port))
}

/// Соединяется ли здешнее место.
fn place_answers(place: &str) -> bool {
    let Ok(address) = place.parse::<SocketAddr>() else { return false };
    TcpStream::connect_timeout(&address, Duration::from_millis(DOCTOR_DOOR_MS)).is_ok()
}

/// Строка о двери и экране.
fn door_line(facts: &Facts, reached: &[String], missed: &[String], port: u16) -> Line {
    let mut values = vec![
        ("places", reached.join(", ")),
        ("missed", missed.join(", ")),
        ("port", port.to_string()),
        ("lan", LAN_PORT.to_string()),
    ];
    if reached.is_empty() {
        return line(facts, "firewall", State::Bad, "doctor-door-shut", &values);
    }
    if !missed.is_empty() {
        return line(facts, "firewall", State::Warn, "doctor-door-part", &values);
    }
    match wall_seen() {
        Wall::On(name) => {
            values.push(("name", String::from(name)));
            line(facts, "firewall", State::Warn, "doctor-door-guarded", &values)
        }
        Wall::Off => line(facts, "firewall", State::Ok, "doctor-door-free", &values),
        Wall::Unknown => line(facts, "firewall", State::Ok, "doctor-door", &values),
    }
}

/// Какой экран включён: настройки ufw и службы systemd видны всем, сами правила — только root.
#[cfg(target_os = "linux")]
fn wall_seen() -> Wall {
    let ufw = std::fs::read_to_string("/etc/ufw/ufw.conf").unwrap_or_default();
    for row in ufw.lines() {
        if row.trim().to_lowercase() == "enabled=yes" {
            return Wall::On("ufw");
        }
    }
    let units = std::path::Path::new("/run/systemd/units");
    for name in ["firewalld", "nftables"] {
        // Имя ведёт в никуда: важно, что сама ссылка есть.
        if units.join(format!("invocation:{name}.service")).symlink_metadata().is_ok() {
            return Wall::On(name);
        }
    }
    if units.is_dir() { Wall::Off } else { Wall::Unknown }
}

/// Включён ли экран Windows в домашних или общих сетях: реестр читает каждый.
#[cfg(windows)]
fn wall_seen() -> Wall {
    let rules = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy";
    let mut found = Wall::Unknown;
    for profile in ["StandardProfile", "PublicProfile"] {
        let key = format!(r"{rules}\{profile}");
        let mut command = std::process::Command::new("reg");
        let Ok(said) = command.args(["query", &key, "/v", "EnableFirewall"]).output() else {
            return Wall::Unknown;
        };
        let words = String::from_utf8_lossy(&said.stdout);
        if words.contains("0x1") {
            return Wall::On("Windows Firewall");
        }
        if words.contains("0x0") {
            found = Wall::Off;
        }
    }
    found
}

/// В этой системе о нём не узнать.
#[cfg(not(any(target_os = "linux", windows)))]
fn wall_seen() -> Wall {
    Wall::Unknown
}
