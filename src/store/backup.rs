//! Copies of history.db in case it gets damaged: one a day, made beside running writers, the three
//! newest stay. A damaged file is put aside, never thrown away, and the newest sound copy returns.
//! Копии history.db на случай порчи: раз в день, не мешая записи, остаются три новейшие.
//! Испорченный файл откладывается, а не выбрасывается, и возвращается новейшая целая копия.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, params};

use super::base::sql_try;
use super::home::options_private;
use super::people::keys_forget;
use crate::base::clock::time_rfc3339;
use crate::base::fail::{Fail, FailKind, fail, io_try};

/// A copy is due after so long.
const BACKUP_EACH_MS: u64 = 24 * 60 * 60 * 1_000;
/// So many copies stay.
const BACKUPS_KEPT: usize = 3;
/// How the name of a copy begins, and how it ends; between them is its time in UTC.
const NAME_BEGIN: &str = "history-";
const NAME_END: &str = ".db";
/// What SQLite lays beside its file.
const BESIDE: &[&str] = &["-wal", "-shm", "-journal"];

/// What a rescue did.
#[derive(Clone, Debug, PartialEq)]
pub struct Rescue {
    /// Where the damaged file lies now.
    pub aside: PathBuf,
    /// The copy that took its place; none: the history begins anew.
    pub restored: Option<PathBuf>,
}

/// Говорит ли ошибка, что файл испорчен или вовсе не база.
pub fn base_damaged(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase) | Some(ErrorCode::DatabaseCorrupt)
    )
}

/// Время в имени копии: `20260131-124507`, UTC. Позднее по времени — дальше по алфавиту.
fn stamp(wall_ms: u64) -> String {
    let mut digits = String::new();
    for letter in time_rfc3339(wall_ms).chars() {
        match letter {
            '.' => break,
            'T' => digits.push('-'),
            '0'..='9' => digits.push(letter),
            _ => {}
        }
    }
    digits
}

/// Время из имени копии; `None` — это не копия.
fn stamp_of(name: &str) -> Option<&str> {
    let found = name.strip_prefix(NAME_BEGIN)?.strip_suffix(NAME_END)?;
    let (day, time) = found.split_once('-')?;
    let good = day.len() == 8
        && time.len() == 6
        && day.parse::<u64>().is_ok()
        && time.parse::<u64>().is_ok();
    if good { Some(found) } else { None }
}

/// Имена копий в папке, старые сначала; нет папки — нет копий.
fn backups_list(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return names;
    };
    for entry in entries {
        let Ok(entry) = entry else {
            continue;
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        if stamp_of(&name).is_some() {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// Пора ли делать копию: за последние сутки её нет. Копия «из будущего» (часы переводили) не в
/// счёт.
pub fn backup_due(folder: &Path, now_ms: u64) -> bool {
    let oldest = stamp(now_ms.saturating_sub(BACKUP_EACH_MS));
    let now = stamp(now_ms);
    for name in backups_list(folder) {
        if let Some(made) = stamp_of(&name) {
            if made > oldest.as_str() && made <= now.as_str() {
                return false;
            }
        }
    }
    true
}

/// Делает копию базы; пишущие не ждут. Прежние копии убираются, когда новая проверена и на диске.
pub fn backup_make(database: &Path, folder: &Path, now_ms: u64) -> Result<PathBuf, Fail> {
    io_try(FailKind::FileWrite, &shown(folder), std::fs::create_dir_all(folder))?;
    let name = format!("{NAME_BEGIN}{}{NAME_END}", stamp(now_ms));
    let path = folder.join(&name);
    let beside = folder.join("history-new.tmp");
    files_remove(&beside);
    if let Err(failed) = copy_make(database, &beside) {
        files_remove(&beside);
        return Err(failed);
    }
    io_try(FailKind::FileWrite, &shown(&path), std::fs::rename(&beside, &path))?;
    folder_sync(folder);
    let mut older = backups_list(folder);
    if let Ok(place) = older.binary_search(&name) {
        older.remove(place);
    }
    while older.len() >= BACKUPS_KEPT {
        let _ = std::fs::remove_file(folder.join(older.remove(0)));
    }
    Ok(path)
}

/// Копирует базу в ещё не названный файл, проверяет и ждёт, пока он на диске.
fn copy_make(database: &Path, beside: &Path) -> Result<(), Fail> {
    let what = shown(beside);
    let Some(text) = beside.to_str() else {
        return Err(fail(FailKind::FileWrite, &what));
    };
    // Файл заводится заранее и пустым: SQLite дал бы его читать всем.
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    options_private(&mut options);
    let file = io_try(FailKind::FileWrite, &what, options.open(beside))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let base = sql_try(Connection::open_with_flags(database, flags))?;
    sql_try(base.execute("VACUUM INTO ?1", params![text]))?;
    drop(base);
    copy_clean(beside)?;
    io_try(FailKind::FileWrite, &what, file.sync_all())?;
    if !base_sound(beside) {
        return Err(fail(FailKind::BaseDamaged, &what));
    }
    Ok(())
}

/// Убирает из копии то, чему в ней не место: храповики (повторить их шаг нельзя, а лежать днями
/// им незачем) и тексты, которые хранить не велено.
fn copy_clean(beside: &Path) -> Result<(), Fail> {
    let base = sql_try(Connection::open(beside))?;
    sql_try(base.execute_batch("PRAGMA journal_mode=DELETE; PRAGMA secure_delete=ON;"))?;
    keys_forget(&base)?;
    sql_try(base.execute_batch("UPDATE messages SET text = '' WHERE hidden = 2;"))
}

/// Открывается ли файл как база с таблицами и сходится ли всё внутри.
fn base_sound(path: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(base) = Connection::open_with_flags(path, flags) else {
        return false;
    };
    // Пустой файл тоже «цел»; версия таблиц отличает его от базы.
    let version: i64 = match base.query_row("PRAGMA user_version", [], first_of) {
        Ok(version) => version,
        Err(_) => return false,
    };
    let words: String = match base.query_row("PRAGMA quick_check(1)", [], first_of) {
        Ok(words) => words,
        Err(_) => return false,
    };
    version > 0 && words == "ok"
}

/// Первый столбец строки.
fn first_of<T: FromSql>(row: &Row<'_>) -> rusqlite::Result<T> {
    row.get(0)
}

/// Испорченную базу — в сторону, новейшую целую копию — на её место. Копия готовится заранее:
/// если ей нет места на диске, испорченная остаётся там, где была.
pub fn base_rescue(database: &Path, folder: &Path) -> Result<Rescue, Fail> {
    let beside = path_with(database, "-restored.tmp");
    let restored = copy_restore(folder, &beside)?;
    let aside = aside_free(database);
    // База — последней: пока она на месте, прерванное спасение начнётся заново.
    for end in BESIDE {
        let from = path_with(database, end);
        if from.exists() {
            let moved = std::fs::rename(&from, path_with(&aside, end));
            io_try(FailKind::FileWrite, &shown(&from), moved)?;
        }
    }
    if database.exists() {
        io_try(FailKind::FileWrite, &shown(database), std::fs::rename(database, &aside))?;
    }
    if restored.is_some() {
        io_try(FailKind::FileWrite, &shown(database), std::fs::rename(&beside, database))?;
    }
    if let Some(parent) = database.parent() {
        folder_sync(parent);
    }
    Ok(Rescue { aside, restored })
}

/// Кладёт рядом с базой новейшую копию, которая цела и после переписывания; испорченные копии
/// пропускаются и остаются.
fn copy_restore(folder: &Path, beside: &Path) -> Result<Option<PathBuf>, Fail> {
    let mut names = backups_list(folder);
    while let Some(name) = names.pop() {
        let path = folder.join(name);
        files_remove(beside);
        if !base_sound(&path) {
            continue;
        }
        let copied = copy_private(&path, beside);
        if let Err(failed) = copied {
            files_remove(beside);
            return Err(failed);
        }
        if base_sound(beside) {
            return Ok(Some(path));
        }
    }
    files_remove(beside);
    Ok(None)
}

/// Переписывает файл, видный только владельцу, и ждёт, пока он на диске.
fn copy_private(from: &Path, to: &Path) -> Result<(), Fail> {
    let what = shown(to);
    let mut source = io_try(FailKind::FileRead, &shown(from), File::open(from))?;
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    options_private(&mut options);
    let mut file = io_try(FailKind::FileWrite, &what, options.open(to))?;
    io_try(FailKind::FileWrite, &what, std::io::copy(&mut source, &mut file))?;
    io_try(FailKind::FileWrite, &what, file.sync_all())
}

/// Свободное имя для испорченной базы: `history.db.damaged1`, `2`…
fn aside_free(database: &Path) -> PathBuf {
    let mut number: u32 = 1;
    loop {
        let aside = path_with(database, &format!(".damaged{number}"));
        let mut free = !aside.exists();
        for end in BESIDE {
            free = free && !path_with(&aside, end).exists();
        }
        if free {
            return aside;
        }
        number += 1;
    }
}

/// Убирает недоделанный файл и то, что SQLite положил рядом с ним.
fn files_remove(path: &Path) {
    let _ = std::fs::remove_file(path);
    for end in BESIDE {
        let _ = std::fs::remove_file(path_with(path, end));
    }
}

/// Новые имена в папке — на диск.
#[cfg(unix)]
fn folder_sync(folder: &Path) {
    if let Ok(opened) = File::open(folder) {
        let _ = opened.sync_all();
    }
}

/// Новые имена в папке — на диск; Windows делает это само.
#[cfg(not(unix))]
fn folder_sync(_folder: &Path) {}

/// Путь с добавленным концом.
fn path_with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(end);
    PathBuf::from(name)
}

/// Путь для слов об ошибке.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
