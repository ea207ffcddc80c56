//! The examination, the disk: room, whether it can be written to, whether history.db reads.
//! Осмотр, диск: место, пишется ли, читается ли history.db.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{Facts, Line, State, facts_read, line, line_fail};
use crate::base::bounds::{DOCTOR_BASE_MAX, DOCTOR_DISK_BAD, DOCTOR_DISK_LOW};
use crate::base::fail::{Fail, FailKind, io_try};
use crate::store::base::{base_check, sql_try};
use crate::store::folders::folders_read;

/// Поток проверки: место и запись в домашней папке и в папке загрузок.
pub fn disk_main() -> Vec<Line> {
    let Some(facts) = facts_read() else { return Vec::new() };
    let downloads = match folders_read(&facts.home, &facts.settings) {
        Ok(folders) => folders.now,
        Err(failed) => return vec![line_fail(&facts, "disk", &failed)],
    };
    let root = facts.home.root.clone();
    vec![folder_line(&facts, "disk", &root), folder_line(&facts, "downloads", &downloads)]
}

/// Строка об одной папке.
fn folder_line(facts: &Facts, check: &'static str, folder: &Path) -> Line {
    let free = match folder_try(folder) {
        Ok(free) => free,
        Err(failed) => return line_fail(facts, check, &failed),
    };
    let values = [("folder", folder.display().to_string()), ("free", (free >> 20).to_string())];
    if free < DOCTOR_DISK_BAD {
        line(facts, check, State::Bad, "doctor-disk-full", &values)
    } else if free < DOCTOR_DISK_LOW {
        line(facts, check, State::Warn, "doctor-disk-low", &values)
    } else {
        line(facts, check, State::Ok, "doctor-disk", &values)
    }
}

/// Пишет и стирает пробный файл; возвращает свободные байты. Ошибки: `FileWrite`, `DiskFull`.
fn folder_try(folder: &Path) -> Result<u64, Fail> {
    let what = folder.display().to_string();
    let free = io_try(FailKind::FileWrite, &what, fs4::available_space(folder))?;
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, b"doctor");
    let removed = std::fs::remove_file(&probe);
    io_try(FailKind::FileWrite, &what, written)?;
    io_try(FailKind::FileWrite, &what, removed)?;
    Ok(free)
}

/// Поток проверки: история.
pub fn history_main() -> Vec<Line> {
    let Some(facts) = facts_read() else { return Vec::new() };
    let size = match std::fs::metadata(&facts.home.history) {
        Ok(known) => known.len(),
        Err(_) => return vec![line(&facts, "history", State::Ok, "doctor-history-none", &[])],
    };
    let values = [("size", (size >> 20).to_string())];
    let key = if size > DOCTOR_BASE_MAX { "doctor-history-large" } else { "doctor-history" };
    match history_try(&facts.home.history, size) {
        Ok(()) => vec![line(&facts, "history", State::Ok, key, &values)],
        Err(failed) => vec![line_fail(&facts, "history", &failed)],
    }
}

/// Открывает историю только для чтения и просматривает, если она невелика. Ошибка `BaseDamaged`.
fn history_try(path: &Path, size: u64) -> Result<(), Fail> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let base = sql_try(Connection::open_with_flags(path, flags))?;
    if size > DOCTOR_BASE_MAX {
        return sql_try(base.execute_batch("SELECT 1 FROM sqlite_schema LIMIT 1"));
    }
    base_check(&base)
}
