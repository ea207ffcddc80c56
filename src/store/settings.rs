//! settings.json and the ONE table of settings: key, first value, what values it takes.
//! settings.json и ЕДИНСТВЕННАЯ таблица настроек: ключ, первое значение, какие значения бывают.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::folders::folder_check;
use super::home::{text_read, text_write};
use crate::base::bounds::SETTING_MAX;
use crate::base::fail::{Fail, FailKind, fail};

/// What a setting may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    Text,
    Number,
    /// A number from the first to the second.
    Range(u64, u64),
    Switch,
    Language,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Kept by the program itself, not by `/set`.
    Own,
}

/// One row of the table of settings.
#[derive(Debug)]
pub struct SettingRow {
    pub key: &'static str,
    pub kind: SettingKind,
    pub first: &'static str,
}

/// Строка таблицы.
const fn row(key: &'static str, kind: SettingKind, first: &'static str) -> SettingRow {
    SettingRow { key, kind, first }
}

/// All settings.
pub const SETTINGS: &[SettingRow] = &[
    row("name", SettingKind::Text, ""),
    row("messages", SettingKind::Number, "1000"),
    row("files", SettingKind::Number, "1000"),
    row("accept_files", SettingKind::Choice(&["off", "images", "on"]), "off"),
    row("accept_from", SettingKind::Choice(&["anyone", "contacts"]), "anyone"),
    row("listen", SettingKind::Switch, "on"),
    row("discovery", SettingKind::Switch, "on"),
    row("carry", SettingKind::Choice(&["on", "own", "off"]), "on"),
    row("port_mapping", SettingKind::Switch, "on"),
    row("theme", SettingKind::Choice(&["system", "light", "dark"]), "system"),
    row("send_key", SettingKind::Choice(&["enter", "ctrl_enter"]), "enter"),
    row("notifications", SettingKind::Switch, "on"),
    row("notify_text", SettingKind::Switch, "on"),
    row("sounds", SettingKind::Switch, "on"),
    row("close_to_tray", SettingKind::Switch, "off"),
    row("keep", SettingKind::Switch, "on"),
    row("downloads", SettingKind::Text, ""),
    row("rate", SettingKind::Number, "0"),
    row("font", SettingKind::Text, ""),
    row("font_size", SettingKind::Range(11, 28), "15"),
    row("lang", SettingKind::Language, ""),
    row("bits", SettingKind::Own, "off"),
    row("server", SettingKind::Own, ""),
    row("port", SettingKind::Own, "0"),
];

/// The settings of one home.
pub type Settings = BTreeMap<String, String>;

/// Значение настройки или её первое значение.
pub fn setting_get(settings: &Settings, key: &str) -> String {
    if let Some(value) = settings.get(key) {
        return value.clone();
    }
    for row in SETTINGS {
        if row.key == key {
            return String::from(row.first);
        }
    }
    String::new()
}

/// Все настройки и их значения, по порядку таблицы.
pub fn settings_all(settings: &Settings) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for row in SETTINGS {
        all.push((row.key, setting_get(settings, row.key)));
    }
    all
}

/// Годится ли значение для настройки, которую меняет человек. Ошибки `ArgumentBad`, `FolderBad`.
pub fn setting_check(key: &str, value: &str) -> Result<(), Fail> {
    for row in SETTINGS {
        if row.key != key {
            continue;
        }
        let good = match row.kind {
            SettingKind::Text => value.len() <= SETTING_MAX,
            SettingKind::Number => value.parse::<u64>().is_ok(),
            SettingKind::Range(lo, hi) => match value.parse::<u64>() {
                Ok(number) => lo <= number && number <= hi,
                Err(_) => false,
            },
            SettingKind::Switch => value == "on" || value == "off",
            SettingKind::Choice(words) => words.contains(&value),
            SettingKind::Language | SettingKind::Own => false,
        };
        if good && key == "downloads" {
            return folder_check(value);
        }
        if good {
            return Ok(());
        }
        return Err(fail(FailKind::ArgumentBad, &format!("{key} = {value}")));
    }
    Err(fail(FailKind::ArgumentBad, key))
}

/// Читает настройки; нет файла — пусто; испорченный откладывается в `.damaged`.
pub fn settings_read(path: &Path) -> Result<Settings, Fail> {
    let mut settings = Settings::new();
    let Some(text) = text_read(path)? else {
        return Ok(settings);
    };
    if text.trim().is_empty() {
        // Пропажа питания оставляет пустой файл: это не порча, а его отсутствие.
        return Ok(settings);
    }
    let parsed: Result<Value, serde_json::Error> = serde_json::from_str(&text);
    let Ok(Value::Object(map)) = parsed else {
        let aside = path.with_extension("json.damaged");
        let _ = std::fs::rename(path, &aside);
        return Err(fail(FailKind::SettingsBad, &aside.display().to_string()));
    };
    for (key, value) in &map {
        if let Some(text) = value.as_str() {
            settings.insert(key.clone(), String::from(text));
        }
    }
    Ok(settings)
}

/// Пишет настройки неделимо.
pub fn settings_write(path: &Path, settings: &Settings) -> Result<(), Fail> {
    match serde_json::to_string_pretty(settings) {
        Ok(text) => text_write(path, &text, false),
        Err(error) => Err(fail(FailKind::Internal, &error.to_string())),
    }
}
