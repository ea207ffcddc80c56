//! The guard of a client's door: how many callers may stand in it, and how often one address may
//! call. Who is turned away here costs nothing but the accept.
//! Сторож двери клиента: сколько звонящих может в ней стоять и как часто можно звонить с одного
//! адреса. Отвергнутый здесь не стоит ничего, кроме самого приёма соединения.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::base::bounds::{DOOR_ADDRESSES, DOOR_CALLS_MAX, DOOR_YOUNG_MAX};

/// Calls of one address are counted over so long.
const SPAN: Duration = Duration::from_secs(10);

/// Who called lately: since when, how often.
#[derive(Debug, Default)]
pub struct Guard {
    callers: BTreeMap<u128, (Instant, u32)>,
}

/// Чей это звонок: адрес IPv4 целиком, у IPv6 — сеть /64, ведь остальное каждый выбирает сам.
fn caller_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(plain) => u128::from(plain.to_ipv6_mapped()),
        IpAddr::V6(long) => match long.to_ipv4_mapped() {
            Some(plain) => u128::from(plain.to_ipv6_mapped()),
            None => u128::from(long) >> 64 << 64,
        },
    }
}

/// Впускать ли этот звонок. `young` — сколько звонящих ещё здоровается.
pub fn guard_pass(guard: &mut Guard, from: IpAddr, young: usize, now: Instant) -> bool {
    if young >= DOOR_YOUNG_MAX {
        return false;
    }
    if guard.callers.len() >= DOOR_ADDRESSES {
        let mut kept = BTreeMap::new();
        for (caller, (since, many)) in &guard.callers {
            if now.duration_since(*since) < SPAN {
                kept.insert(*caller, (*since, *many));
            }
        }
        // И свежих столько, что места нет: счёт начинается заново, предел рукопожатий остаётся.
        if kept.len() >= DOOR_ADDRESSES {
            kept.clear();
        }
        guard.callers = kept;
    }
    let entry = guard.callers.entry(caller_of(from)).or_insert((now, 0));
    if now.duration_since(entry.0) >= SPAN {
        *entry = (now, 0);
    }
    entry.1 += 1;
    entry.1 <= DOOR_CALLS_MAX
}
