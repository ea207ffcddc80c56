//! Times and days as the window shows them.
//! Время и дни так, как их показывает окно.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use supertext::faces::texts::{Texts, text};

/// Местное время по миллисекундам.
fn zoned(wall_ms: u64) -> Option<Zoned> {
    match Timestamp::from_millisecond(wall_ms as i64) {
        Ok(stamp) => Some(stamp.to_zoned(TimeZone::system())),
        Err(_) => None,
    }
}

/// Часы и минуты: `12:45`.
pub fn minute(wall_ms: u64) -> String {
    match zoned(wall_ms) {
        Some(when) => when.strftime("%H:%M").to_string(),
        None => String::from("--:--"),
    }
}

/// Номер местного дня: по нему видно, что день сменился. Ноль — время неизвестно.
pub fn day_number(wall_ms: u64) -> i32 {
    match zoned(wall_ms) {
        Some(when) => i32::from(when.year()) * 512 + i32::from(when.day_of_year()),
        None => 0,
    }
}

/// Сколько дней прошло с этого дня до сегодняшнего.
fn days_ago(date: Date, now_ms: u64) -> i32 {
    let Some(today) = zoned(now_ms) else { return 0 };
    match today.date().since(date) {
        Ok(span) => span.get_days(),
        Err(_) => 0,
    }
}

/// День словами: «Сегодня», «Вчера», «15 мая», «15 мая 2025».
pub fn day_name(texts: &Texts, wall_ms: u64, now_ms: u64) -> String {
    let Some(when) = zoned(wall_ms) else { return String::new() };
    match days_ago(when.date(), now_ms) {
        0 => return text(texts, "window-today", &[]),
        1 => return text(texts, "window-yesterday", &[]),
        _ => {}
    }
    let month = text(texts, &format!("window-month-{}", when.month()), &[]);
    let values = [("day", when.day().to_string()), ("month", month)];
    let day = text(texts, "window-day", &values);
    let this_year = match zoned(now_ms) {
        Some(now) => now.year() == when.year(),
        None => true,
    };
    if this_year { day } else { format!("{day} {}", when.year()) }
}

/// День и год словами, какой бы ни был сегодня день.
pub fn day_full(texts: &Texts, wall_ms: u64) -> String {
    let Some(when) = zoned(wall_ms) else { return String::new() };
    let month = text(texts, &format!("window-month-{}", when.month()), &[]);
    let values = [("day", when.day().to_string()), ("month", month)];
    format!("{} {}", text(texts, "window-day", &values), when.year())
}

/// Имя файла по времени: `picture-2026-11-20-154501`.
pub fn stamp_name(wall_ms: u64) -> String {
    match zoned(wall_ms) {
        Some(when) => when.strftime("picture-%Y-%m-%d-%H%M%S").to_string(),
        None => String::from("picture"),
    }
}

/// Когда, для списка: сегодня — время, на этой неделе — день недели, раньше — число и месяц.
pub fn when_short(texts: &Texts, wall_ms: u64, now_ms: u64) -> String {
    let Some(when) = zoned(wall_ms) else { return String::new() };
    let passed = days_ago(when.date(), now_ms);
    if passed <= 0 {
        return minute(wall_ms);
    }
    if passed < 7 {
        let number = when.weekday().to_monday_one_offset();
        return text(texts, &format!("window-weekday-{number}"), &[]);
    }
    when.strftime("%d.%m.%y").to_string()
}
