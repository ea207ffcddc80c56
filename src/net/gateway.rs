//! The router that leads outside, as the system names it.
//! Роутер, который ведёт наружу, как его называет система.

use std::net::Ipv4Addr;

/// Адрес роутера; `None` — нет его или система не говорит.
#[cfg(target_os = "linux")]
pub fn gateway_now() -> Option<Ipv4Addr> {
    gateway_read(&std::fs::read_to_string("/proc/net/route").ok()?)
}

/// То же на Windows: из таблицы, которую печатает она сама; числа в ней одни на всех языках.
#[cfg(windows)]
pub fn gateway_now() -> Option<Ipv4Addr> {
    use std::os::windows::process::CommandExt;
    // CREATE_NO_WINDOW: чёрное окно не мелькает.
    let mut command = std::process::Command::new("route");
    command.args(["print", "-4", "0.0.0.0"]).creation_flags(0x0800_0000);
    gateway_print(&String::from_utf8_lossy(&command.output().ok()?.stdout))
}

/// Прочие системы не спрашиваются.
#[cfg(not(any(target_os = "linux", windows)))]
pub fn gateway_now() -> Option<Ipv4Addr> {
    None
}

/// Роутер из таблицы `/proc/net/route`: путь по умолчанию с наименьшей ценой.
pub fn gateway_read(table: &str) -> Option<Ipv4Addr> {
    let mut best: Option<(u32, Ipv4Addr)> = None;
    for line in table.lines().skip(1) {
        let mut words: Vec<&str> = Vec::new();
        for word in line.split_whitespace() {
            words.push(word);
        }
        if words.len() < 8 || words[1] != "00000000" || words[7] != "00000000" {
            continue;
        }
        let (Ok(gateway), Ok(metric)) = (u32::from_str_radix(words[2], 16), words[6].parse())
        else {
            continue;
        };
        let better = match best {
            Some((least, _)) => metric < least,
            None => true,
        };
        if gateway != 0 && better {
            // Ядро пишет байты адреса в порядке машины.
            best = Some((metric, Ipv4Addr::from(gateway.to_ne_bytes())));
        }
    }
    let (_, gateway) = best?;
    Some(gateway)
}

/// Роутер из печати `route print`: строка `0.0.0.0 0.0.0.0 РОУТЕР СВОЙ ЦЕНА`.
pub fn gateway_print(table: &str) -> Option<Ipv4Addr> {
    let mut best: Option<(u32, Ipv4Addr)> = None;
    for line in table.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("0.0.0.0") || words.next() != Some("0.0.0.0") {
            continue;
        }
        let (Some(gateway), Some(_), Some(metric)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let (Ok(gateway), Ok(metric)) = (gateway.parse::<Ipv4Addr>(), metric.parse()) else {
            continue;
        };
        let better = match best {
            Some((least, _)) => metric < least,
            None => true,
        };
        if better {
            best = Some((metric, gateway));
        }
    }
    let (_, gateway) = best?;
    Some(gateway)
}
