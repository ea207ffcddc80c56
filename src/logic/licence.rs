//! The licence of a server: until when it holds, by the server's clock and not by this computer's.
//! Лицензия сервера: до какого времени она действует — по часам сервера, а не этого компьютера.

use super::events::{Out, out_show};
use super::show::Show;
use crate::wire::control::Hello;

/// With fewer days left than this a person is told.
const SOON_DAYS: u64 = 31;
/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Рассказывает о сроке, если сервер его назвал.
pub fn licence_show(hello: &Hello, out: &mut Out) {
    if let Some(until_ms) = hello.until {
        out_show(out, Show::Licence { until_ms, server_now_ms: hello.clock });
    }
}

/// Сколько полных дней осталось, если пора об этом сказать; `Some(None)` — срок прошёл.
pub fn licence_left(until_ms: u64, server_now_ms: u64) -> Option<Option<u64>> {
    if server_now_ms > until_ms {
        return Some(None);
    }
    let days = (until_ms - server_now_ms) / DAY_MS;
    if days < SOON_DAYS { Some(Some(days)) } else { None }
}
