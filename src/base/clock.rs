//! Time: a monotonic clock for waits and the wall clock for what people see.
//! Время: монотонные часы для ожиданий и настенные часы для того, что видят люди.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A moment, taken once per event: milliseconds of both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Time {
    /// Milliseconds since the program's first look at the clock; never goes back.
    pub mono_ms: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub wall_ms: u64,
}

// Начало монотонных часов: единственный отсчёт на весь процесс.
static START: OnceLock<Instant> = OnceLock::new();

/// Текущий момент.
pub fn time_now() -> Time {
    let start = START.get_or_init(Instant::now);
    let wall_ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(passed) => passed.as_millis() as u64,
        Err(_) => 0,
    };
    Time { mono_ms: start.elapsed().as_millis() as u64, wall_ms }
}

/// Время по RFC 3339 в UTC с миллисекундами: `2026-01-31T12:00:00.000Z`.
pub fn time_rfc3339(wall_ms: u64) -> String {
    match jiff::Timestamp::from_millisecond(wall_ms as i64) {
        Ok(stamp) => stamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        Err(_) => String::from("1970-01-01T00:00:00.000Z"),
    }
}

/// Последняя миллисекунда дня `2026-01-31` по UTC; `None` — это не день.
pub fn day_end(day: &str) -> Option<u64> {
    let date = jiff::civil::Date::strptime("%Y-%m-%d", day).ok()?;
    if day.len() != 10 {
        return None;
    }
    let next = date.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    u64::try_from(next.timestamp().as_millisecond()).ok()?.checked_sub(1)
}

/// День по UTC: `2026-01-31`.
pub fn day_utc(wall_ms: u64) -> String {
    let whole = time_rfc3339(wall_ms);
    String::from(&whole[..usize::min(10, whole.len())])
}

/// Местный день для прошлого в консоли: `2026-01-31`.
pub fn day_local(wall_ms: u64) -> String {
    match jiff::Timestamp::from_millisecond(wall_ms as i64) {
        Ok(stamp) => {
            let zoned = stamp.to_zoned(jiff::tz::TimeZone::system());
            zoned.strftime("%Y-%m-%d").to_string()
        }
        Err(_) => String::from("----------"),
    }
}

/// Местное время для строки в консоли: `12:45:07`.
pub fn time_local(wall_ms: u64) -> String {
    match jiff::Timestamp::from_millisecond(wall_ms as i64) {
        Ok(stamp) => {
            let zoned = stamp.to_zoned(jiff::tz::TimeZone::system());
            zoned.strftime("%H:%M:%S").to_string()
        }
        Err(_) => String::from("--:--:--"),
    }
}
