//! A disk that is full or fails: the user hears it once, everything is ordered again by the clock,
//! and when it is written he hears that too.
//! Диск полон или отказывает: человек слышит об этом один раз, всё приказывается снова по часам, а
//! когда записано, ему говорят и это.

use super::events::{BaseTold, Out, out_show};
use super::show::Show;
use super::state::Client;
use crate::base::bounds::BASE_RETRY_MS;
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind};

/// The disk does not take what is to be kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiskTrouble {
    /// What the user was told.
    pub kind: FailKind,
    pub failed_ms: u64,
    /// Something was written since.
    pub written: bool,
}

/// Запись не удалась: прикажется снова. Говорится о беде один раз, пока она не прошла.
pub fn disk_failed(client: &mut Client, failed: Fail, now: Time, out: &mut Out) {
    client.base_retry_ms = Some(now.mono_ms + BASE_RETRY_MS);
    tracing::error!("disk: {}", failed.detail);
    let full = failed.kind == FailKind::DiskFull;
    let kind = if full { FailKind::StoreFull } else { failed.kind };
    let known = match client.disk {
        Some(trouble) => trouble.kind == kind || trouble.kind == FailKind::StoreFull,
        None => false,
    };
    client.disk = Some(DiskTrouble { kind, failed_ms: now.mono_ms, written: false });
    if !known {
        let fail = Fail { kind, detail: failed.detail };
        out_show(out, Show::Error { fail, command: String::new() });
    }
}

/// Стол сказал, что записано.
pub fn disk_wrote(client: &mut Client, told: &BaseTold) {
    let wrote = !matches!(told, BaseTold::BaseFailed { .. } | BaseTold::QueryFailed { .. });
    if let Some(trouble) = &mut client.disk {
        trouble.written = trouble.written || wrote;
    }
}

/// Тиканье: приказанное снова записано и больше ничего не отказало — беда прошла.
pub fn disk_tick(client: &mut Client, now: Time, out: &mut Out) {
    let Some(trouble) = client.disk else {
        return;
    };
    if !trouble.written || now.mono_ms < trouble.failed_ms + 2 * BASE_RETRY_MS {
        return;
    }
    client.disk = None;
    out_show(out, Show::Info { key: "store-room", values: Vec::new() });
}
