//! limits.txt: one line per peer, `ID messages_left files_left`, comments with `#`. A person may
//! edit it by hand at any time; it is read again when it changes.
//! limits.txt: строка на собеседника, `НОМЕР сообщений файлов`, комментарии с `#`. Человек может
//! править его руками в любое время; изменённый файл читается снова.

use std::path::Path;

use super::home::{Stamp, file_stamp, text_read, text_stamp};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{id_digits, id_parse};
use crate::logic::events::LimitRow;

/// Начало файла: что это и как править.
const LIMITS_HEAD: &str = "\
# Supertext: packets left for every peer. One line each:
# ID  messages_left  files_left
# Сколько пакетов осталось для каждого собеседника: номер, сообщения, файлы.
";

/// Разбирает текст. Ошибка `LimitsBad` называет строку; файл при этом не трогается.
pub fn limits_parse(text: &str) -> Result<Vec<LimitRow>, Fail> {
    let mut rows: Vec<LimitRow> = Vec::new();
    for (index, whole) in text.lines().enumerate() {
        let line = match whole.split_once('#') {
            Some((before, _)) => before.trim(),
            None => whole.trim(),
        };
        if line.is_empty() {
            continue;
        }
        let Some(row) = line_parse(line) else {
            let detail = format!("limits.txt:{}: {whole}", index + 1);
            return Err(fail(FailKind::LimitsBad, &detail));
        };
        rows.push(row);
    }
    Ok(rows)
}

/// Одна строка: два последних слова — числа, всё перед ними — номер.
fn line_parse(line: &str) -> Option<LimitRow> {
    let (rest, files) = line.rsplit_once(char::is_whitespace)?;
    let (id, messages) = rest.trim_end().rsplit_once(char::is_whitespace)?;
    let id = id_parse(id.trim()).ok()?;
    let messages = messages.parse::<u64>().ok()?;
    let files = files.parse::<u64>().ok()?;
    Some(LimitRow { id, messages, files })
}

/// Строки как текст файла.
pub fn limits_text(rows: &[LimitRow]) -> String {
    let mut text = String::from(LIMITS_HEAD);
    for row in rows {
        text.push_str(&format!("{} {} {}\n", id_digits(row.id), row.messages, row.files));
    }
    text
}

/// Читает файл; нет файла — пусто.
pub fn limits_read(path: &Path) -> Result<Vec<LimitRow>, Fail> {
    match text_read(path)? {
        Some(text) => limits_parse(&text),
        None => Ok(Vec::new()),
    }
}

/// Пишет файл неделимо и возвращает, каким он написан: своя запись — не чужая правка.
pub fn limits_write(path: &Path, rows: &[LimitRow]) -> Result<Option<Stamp>, Fail> {
    text_stamp(path, &limits_text(rows), false)
}

/// Каков файл теперь; сравнивается с тем, что вернула запись.
pub fn limits_changed(path: &Path) -> Option<Stamp> {
    file_stamp(path)
}
