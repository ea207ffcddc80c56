//! A file name from the network is never a path: no separators, no control or bidi characters, no
//! names that Windows reserves, length cut at a character; `file (1).txt` when it is taken.
//! Имя файла из сети — никогда не путь: без разделителей, управляющих знаков и смены
//! направления, без имён, занятых Windows, длина режется по знаку; занято — `file (1).txt`.

use std::path::{Path, PathBuf};

use crate::base::bounds::FILE_NAME_MAX;
use crate::logic::contacts::letter_harmful;

/// Имена устройств Windows: файлов с такими именами быть не может (с любым расширением).
const RESERVED: &[&str] = &[
    "con", "prn", "aux", "nul", "conin$", "conout$", "com0", "com1", "com2", "com3", "com4",
    "com5", "com6", "com7", "com8", "com9", "lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6",
    "lpt7", "lpt8", "lpt9",
];

/// Безопасное имя: годится для любой системы и не выходит из папки.
pub fn name_safe(name: &str) -> String {
    let mut safe = String::new();
    for letter in name.chars() {
        let bad = letter_harmful(letter)
            || matches!(letter, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
        let letter = if bad { '_' } else { letter };
        if safe.len() + letter.len_utf8() > FILE_NAME_MAX {
            break;
        }
        safe.push(letter);
    }
    // Точки и пробелы по краям: `..`, скрытые файлы, имена, которые Windows обрезает сама.
    let trimmed = safe.trim_matches(trimmed_edge);
    let trimmed = if trimmed.is_empty() { "file" } else { trimmed };
    let stem = match trimmed.split_once('.') {
        Some((before, _)) => before.trim_end(),
        None => trimmed,
    };
    for reserved in RESERVED {
        if stem.to_ascii_lowercase() == *reserved {
            return format!("_{trimmed}");
        }
    }
    let lower = trimmed.to_ascii_lowercase();
    if lower.ends_with(".part") || lower.ends_with(".journal") {
        // Так называются только наши недокачанные файлы и их журналы.
        return format!("{trimmed}_");
    }
    String::from(trimmed)
}

/// Знак, которому не место на краю имени.
fn trimmed_edge(letter: char) -> bool {
    letter == '.' || letter == ' ' || letter == '\u{a0}'
}

/// Имя с номером: `report (2).pdf`. Номер 0 — само имя.
fn name_numbered(name: &str, number: u32) -> String {
    if number == 0 {
        return String::from(name);
    }
    match name.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() => format!("{stem} ({number}).{end}"),
        Some(_) | None => format!("{name} ({number})"),
    }
}

/// Свободный путь в папке: ни готового файла, ни недокачанного с таким именем ещё нет.
pub fn path_free(folder: &Path, name: &str) -> PathBuf {
    let mut number = 0;
    loop {
        let path = folder.join(name_numbered(name, number));
        if !path.exists() && !part_path(&path).exists() && !journal_path(&path).exists() {
            return path;
        }
        number += 1;
    }
}

/// Путь недокачанного файла.
pub fn part_path(path: &Path) -> PathBuf {
    path_with(path, ".part")
}

/// Путь журнала недокачанного файла.
pub fn journal_path(path: &Path) -> PathBuf {
    path_with(path, ".part.journal")
}

/// Путь с добавленным концом.
fn path_with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(end);
    PathBuf::from(name)
}
