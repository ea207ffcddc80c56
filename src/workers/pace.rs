//! The pace of outgoing files: a token bucket that holds all file packets of this client together
//! to the setting `rate`. The filereader asks before each step and pays after it.
//! Ход исходящих файлов: ведро, которое держит все пакеты файлов этого клиента вместе в пределах
//! настройки `rate`. Filereader спрашивает перед каждым шагом и платит после него.

use std::time::Instant;

use crate::store::source::STEP_PACKETS;

/// Bytes in the kilobyte of the setting.
const KILOBYTE: u64 = 1_000;
/// The bucket holds what flows in within so many milliseconds.
const BURST_MS: u64 = 250;
/// Up to this rate a step is one packet: four at once would be a long silence afterwards.
const SLOW: u64 = 2_000_000;

/// The bucket.
#[derive(Debug)]
pub struct Pace {
    /// Bytes per second; 0 = as fast as it goes.
    rate: u64,
    /// What may be sent now; below zero after a step that was larger.
    bytes: i64,
    /// Microseconds from `begun` up to which the bucket is filled.
    filled_us: u64,
    begun: Instant,
}

/// Ведро без предела.
pub fn pace_new() -> Pace {
    Pace { rate: 0, bytes: 0, filled_us: 0, begun: Instant::now() }
}

/// Новый предел в килобайтах в секунду, как он записан в настройке; не число — без предела.
pub fn pace_set(pace: &mut Pace, kilobytes: &str) {
    pace.rate = kilobytes.parse::<u64>().unwrap_or(0).saturating_mul(KILOBYTE);
    pace.bytes = 0;
    pace.filled_us = pace.begun.elapsed().as_micros() as u64;
}

/// Есть ли предел.
pub fn pace_limits(pace: &Pace) -> bool {
    pace.rate > 0
}

/// Можно ли сейчас сделать шаг.
pub fn pace_ready(pace: &mut Pace) -> bool {
    let now_us = pace.begun.elapsed().as_micros() as u64;
    pace_fill(pace, now_us);
    pace.rate == 0 || pace.bytes > 0
}

/// Доливает то, что натекло к этому мигу, но не больше, чем вмещает ведро.
fn pace_fill(pace: &mut Pace, now_us: u64) {
    let passed = now_us.saturating_sub(pace.filled_us) as u128;
    let flowed = (passed * pace.rate as u128 / 1_000_000) as u64;
    if flowed == 0 {
        return;
    }
    pace.filled_us = now_us;
    let most = i64::try_from(pace.rate / 1_000 * BURST_MS).unwrap_or(i64::MAX);
    let more = pace.bytes.saturating_add(i64::try_from(flowed).unwrap_or(i64::MAX));
    pace.bytes = i64::min(more, i64::max(most, 1));
}

/// Столько байт отдано линии.
pub fn pace_pay(pace: &mut Pace, bytes: usize) {
    if pace.rate > 0 {
        pace.bytes = pace.bytes.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

/// Сколько пакетов читать за шаг.
pub fn pace_packets(pace: &Pace) -> u64 {
    if pace.rate > 0 && pace.rate <= SLOW { 1 } else { STEP_PACKETS }
}
