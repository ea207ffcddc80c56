//! The examination, the server: reached or why not, clocks, certificates; and one's own identity.
//! Осмотр, сервер: доступен ли и почему нет, часы, сертификаты; и своя личность.

use std::net::{IpAddr, SocketAddr};

use crate::base::bounds::{DOCTOR_CERTIFICATE_MS, DOCTOR_CLOCK_MS, DOCTOR_SLOW_MS};
use crate::base::clock::{day_utc, time_now};
use crate::base::fail::{Fail, FailKind};
use crate::base::ids::id_shown;
use crate::crypto::dates::certificate_dates;
use crate::crypto::tls::{call_config, client_config};
use crate::faces::args::server_named;
use crate::net::outside::outside_ask;
use crate::net::probe::{Probed, server_probe};
use crate::store::home::identity_open;
use crate::store::settings::setting_get;

use super::{Facts, Line, State, facts_read, line, line_fail};

/// Поток проверки: сервер и всё, что узнаётся у него.
pub fn server_main() -> Vec<Line> {
    let Some(facts) = facts_read() else { return Vec::new() };
    let named = match &facts.args.server {
        Some(text) => text.clone(),
        None => setting_get(&facts.settings, "server"),
    };
    let mut lines = Vec::new();
    if named.is_empty() {
        lines.push(line(&facts, "server", State::Warn, "doctor-server-none", &[]));
        return unknown_rest(&facts, lines);
    }
    match server_look(&facts, &named) {
        Ok(seen) => {
            lines.push(server_line(&facts, &seen));
            lines.push(nat_line(&facts, &seen));
            lines.push(clock_line(&facts, &seen));
            lines.push(certificate_line(&facts, &seen));
            lines
        }
        Err(failed) => {
            lines.push(server_failed(&facts, &failed));
            unknown_rest(&facts, lines)
        }
    }
}

/// Без сервера остальное не узнать: так и сказать.
fn unknown_rest(facts: &Facts, mut lines: Vec<Line>) -> Vec<Line> {
    lines.push(line(facts, "nat", State::Warn, "doctor-nat-unknown", &[]));
    lines.push(line(facts, "clock", State::Warn, "doctor-clock-unknown", &[]));
    lines.push(line(facts, "certificate", State::Warn, "doctor-certificate-unknown", &[]));
    lines
}

/// Доходит до сервера.
fn server_look(facts: &Facts, named: &str) -> Result<Probed, Fail> {
    let (join, trust) = server_named(named, &facts.home)?;
    let identity = identity_open(&facts.home)?;
    server_probe(&join.address, &client_config(&identity, trust, false)?)
}

/// Строка о сервере, до которого не дошли.
fn server_failed(facts: &Facts, failed: &Fail) -> Line {
    if failed.kind == FailKind::CertificateBad {
        let values = [("day", failed.detail.clone())];
        return line(facts, "server", State::Bad, "doctor-server-date", &values);
    }
    line_fail(facts, "server", failed)
}

/// Строка о сервере, который ответил.
fn server_line(facts: &Facts, seen: &Probed) -> Line {
    let values = [
        ("address", seen.address.to_string()),
        ("program", seen.hello.program.clone()),
        ("exchange", seen.exchange.clone()),
        ("round", format!("{:.1}", seen.round.as_secs_f64() * 1_000.0)),
    ];
    if seen.round.as_millis() > DOCTOR_SLOW_MS {
        return line(facts, "server", State::Warn, "doctor-server-slow", &values);
    }
    line(facts, "server", State::Ok, "doctor-server", &values)
}

/// Строка о роутере: один ли и тот же адрес видят разные порты сервера и свой ли он.
fn nat_line(facts: &Facts, seen: &Probed) -> Line {
    let ports = seen.hello.stun.clone().unwrap_or_default();
    if ports.is_empty() {
        return line(facts, "nat", State::Warn, "doctor-nat-untold", &[]);
    }
    let outside = match outside_ask(seen.address.ip(), &ports) {
        Ok(outside) => outside,
        Err(failed) => return line_fail(facts, "nat", &failed),
    };
    let mut places: Vec<SocketAddr> = Vec::new();
    for place in outside.seen.iter().flatten() {
        if !places.contains(place) {
            places.push(*place);
        }
    }
    let mut shown = Vec::new();
    for place in &places {
        shown.push(place.to_string());
    }
    let values = [("address", shown.join(", "))];
    let [place] = places[..] else {
        let key = if places.is_empty() { "doctor-nat-silent" } else { "doctor-nat-symmetric" };
        return line(facts, "nat", State::Warn, key, &values);
    };
    if seen.address.ip().is_loopback() {
        return line(facts, "nat", State::Ok, "doctor-nat-here", &values);
    }
    if place.port() == outside.port && is_own(place.ip()) {
        return line(facts, "nat", State::Ok, "doctor-nat-none", &values);
    }
    if outside.seen.len() < 2 || outside.seen.contains(&None) {
        return line(facts, "nat", State::Warn, "doctor-nat-once", &values);
    }
    line(facts, "nat", State::Ok, "doctor-nat-mapped", &values)
}

/// Есть ли такой адрес у самой машины.
fn is_own(address: IpAddr) -> bool {
    for one in if_addrs::get_if_addrs().unwrap_or_default() {
        if one.ip() == address {
            return true;
        }
    }
    false
}

/// Строка о часах: насколько свои расходятся с часами сервера.
fn clock_line(facts: &Facts, seen: &Probed) -> Line {
    // Сервер смотрел на часы в середине пути туда и обратно.
    let own = seen.wall_ms.saturating_sub(seen.round.as_millis() as u64 / 2);
    let apart = u64::abs_diff(own, seen.hello.clock);
    let values = [
        ("seconds", (apart / 1_000).to_string()),
        ("own", day_utc(own)),
        ("server", day_utc(seen.hello.clock)),
    ];
    if apart <= DOCTOR_CLOCK_MS {
        return line(facts, "clock", State::Ok, "doctor-clock", &values);
    }
    let ahead = own > seen.hello.clock;
    let key = if ahead { "doctor-clock-ahead" } else { "doctor-clock-behind" };
    line(facts, "clock", State::Warn, key, &values)
}

/// Строка о сроке цепочки сервера: важен тот сертификат, который кончится раньше.
fn certificate_line(facts: &Facts, seen: &Probed) -> Line {
    let mut until = u64::MAX;
    for certificate in &seen.chain {
        match certificate_dates(certificate) {
            Some(dates) => until = u64::min(until, dates.until),
            None => {
                let key = "doctor-certificate-unread";
                return line(facts, "certificate", State::Warn, key, &[]);
            }
        }
    }
    let left = until.saturating_sub(time_now().wall_ms);
    let values = [("day", day_utc(until)), ("days", (left / (24 * 60 * 60 * 1_000)).to_string())];
    if left < DOCTOR_CERTIFICATE_MS {
        return line(facts, "certificate", State::Warn, "doctor-certificate-soon", &values);
    }
    line(facts, "certificate", State::Ok, "doctor-certificate", &values)
}

/// Поток проверки: своя личность; ключ обязан подходить к сертификату.
pub fn identity_main() -> Vec<Line> {
    let Some(facts) = facts_read() else { return Vec::new() };
    let identity = match identity_open(&facts.home) {
        Ok(identity) => identity,
        Err(failed) => return vec![line_fail(&facts, "identity", &failed)],
    };
    if let Err(failed) = call_config(&identity, false) {
        return vec![line_fail(&facts, "identity", &failed)];
    }
    let values = [("id", id_shown(identity.id))];
    vec![line(&facts, "identity", State::Ok, "doctor-identity", &values)]
}
