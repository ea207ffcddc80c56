//! contacts.json: ids, names and who is blocked. A damaged file is kept aside, never deleted.
//! contacts.json: номера, имена и кто заблокирован. Испорченный файл откладывается, не стирается.

use std::path::Path;

use serde_json::{Value, json};

use super::home::{text_read, text_write};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{id_digits, id_parse};
use crate::logic::events::{ContactRow, Standing};

/// Читает контакты; нет файла — пусто. Испорченный файл переименовывается в `.damaged`.
pub fn contacts_read(path: &Path) -> Result<Vec<ContactRow>, Fail> {
    let Some(text) = text_read(path)? else {
        return Ok(Vec::new());
    };
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    match contacts_parse(&text) {
        Some(rows) => Ok(rows),
        None => {
            let aside = path.with_extension("json.damaged");
            let _ = std::fs::rename(path, &aside);
            Err(fail(FailKind::SettingsBad, &aside.display().to_string()))
        }
    }
}

/// Разбирает текст; `None` — испорчен.
fn contacts_parse(text: &str) -> Option<Vec<ContactRow>> {
    let value: Value = serde_json::from_str(text).ok()?;
    contacts_of(&value)
}

/// Контакты из списка JSON; чего в строке нет, то обычное. `None` — испорчен.
pub fn contacts_of(value: &Value) -> Option<Vec<ContactRow>> {
    let mut rows = Vec::new();
    for item in value.as_array()? {
        let id = id_parse(item["id"].as_str()?).ok()?;
        let name = String::from(item["name"].as_str().unwrap_or_default());
        let blocked = item["blocked"].as_bool().unwrap_or_default();
        let words = String::from(item["words"].as_str().unwrap_or_default());
        let standing = standing_of(item["standing"].as_str().unwrap_or_default());
        let keep = item["keep"].as_bool().unwrap_or(true);
        let folder = String::from(item["folder"].as_str().unwrap_or_default());
        let card = String::from(item["card"].as_str().unwrap_or_default());
        rows.push(ContactRow { id, name, blocked, standing, words, keep, folder, card });
    }
    Some(rows)
}

/// Все состояния знакомства и их слова в файле.
const STANDINGS: [(Standing, &str); 7] = [
    (Standing::Contact, "contact"),
    (Standing::Asked, "asked"),
    (Standing::Declined, "declined"),
    (Standing::Asks, "asks"),
    (Standing::Later, "later"),
    (Standing::Spam, "spam"),
    (Standing::Member, "member"),
];

/// Слово состояния знакомства.
pub fn standing_word(standing: Standing) -> &'static str {
    STANDINGS[standing as usize].1
}

/// Состояние знакомства по слову; незнакомое слово — просто контакт.
fn standing_of(word: &str) -> Standing {
    for (standing, known) in STANDINGS {
        if known == word {
            return standing;
        }
    }
    Standing::Contact
}

/// Пишет контакты неделимо.
pub fn contacts_write(path: &Path, rows: &[ContactRow]) -> Result<(), Fail> {
    let mut list: Vec<Value> = Vec::new();
    for row in rows {
        list.push(json!({
            "id": id_digits(row.id),
            "name": row.name,
            "blocked": row.blocked,
            "standing": standing_word(row.standing),
            "words": row.words,
            "keep": row.keep,
            "folder": row.folder,
            "card": row.card,
        }));
    }
    match serde_json::to_string_pretty(&Value::Array(list)) {
        Ok(text) => text_write(path, &text, false),
        Err(error) => Err(fail(FailKind::Internal, &error.to_string())),
    }
}
