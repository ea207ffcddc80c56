//! licence.txt of a server: one line with the last day of its licence, `2027-01-31`, in UTC; `#`
//! begins a remark. No file, or no date in it: no bound.
//! licence.txt сервера: одна строка с последним днём его лицензии, `2027-01-31`, по UTC; с `#`
//! начинается замечание. Нет файла или даты в нём — нет и срока.

use std::path::Path;
use std::time::SystemTime;

use super::home::text_read;
use crate::base::clock::day_end;
use crate::base::fail::{Fail, FailKind, fail};

/// Читает срок: последняя миллисекунда названного дня. Ошибка `LicenceBad` называет строку.
pub fn licence_read(path: &Path) -> Result<Option<u64>, Fail> {
    let Some(text) = text_read(path)? else {
        return Ok(None);
    };
    let mut until = None;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let said = match line.split_once('#') {
            Some((before, _)) => before.trim(),
            None => line.trim(),
        };
        if said.is_empty() {
            continue;
        }
        let end = day_end(said);
        if until.is_some() || end.is_none() {
            let what = format!("{}:{}: {said}", path.display(), index + 1);
            return Err(fail(FailKind::LicenceBad, &what));
        }
        until = end;
    }
    Ok(until)
}

/// Когда файл изменён; `None` — его нет.
pub fn licence_changed(path: &Path) -> Option<SystemTime> {
    match std::fs::metadata(path) {
        Ok(facts) => facts.modified().ok(),
        Err(_) => None,
    }
}
