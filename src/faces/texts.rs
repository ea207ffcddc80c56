//! Texts in three languages (Project Fluent), chosen at the start and changed at once by /lang.
//! Тексты на трёх языках (Project Fluent): выбираются при запуске, меняются сразу командой /lang.

use fluent::concurrent::FluentBundle;
use fluent::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

use crate::base::fail::{Fail, FailKind, fail_row};

/// The languages and their files.
pub const LANGUAGES: &[(&str, &str)] = &[
    ("en", include_str!("../../lang/en.ftl")),
    ("ru", include_str!("../../lang/ru.ftl")),
    ("zh", include_str!("../../lang/zh.ftl")),
];

/// A language ready for use.
pub struct Texts {
    pub code: String,
    bundle: FluentBundle<FluentResource>,
}

/// Загружает язык; незнакомый код — английский.
pub fn texts_load(code: &str) -> Texts {
    let mut chosen = LANGUAGES[0];
    for language in LANGUAGES {
        if language.0 == code {
            chosen = *language;
        }
    }
    let id: LanguageIdentifier = chosen.0.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    bundle.set_use_isolating(false);
    // Разобранное с ошибками тоже годится: тест проверяет, что ошибок нет.
    let resource = match FluentResource::try_new(String::from(chosen.1)) {
        Ok(resource) => resource,
        Err((resource, _)) => resource,
    };
    let _ = bundle.add_resource(resource);
    Texts { code: String::from(chosen.0), bundle }
}

/// Язык по желанию человека или системы: `ru_RU.UTF-8` → `ru`.
pub fn language_choose(wish: &str) -> String {
    let system = sys_locale::get_locale().unwrap_or_default();
    let wish = if wish.is_empty() { system.as_str() } else { wish };
    for (code, _) in LANGUAGES {
        if wish.starts_with(code) {
            return String::from(*code);
        }
    }
    String::from("en")
}

/// Текст по имени с переменными. Нет такого — само имя: видно и не падает.
pub fn text(texts: &Texts, key: &str, values: &[(&str, String)]) -> String {
    let Some(message) = texts.bundle.get_message(key) else {
        return String::from(key);
    };
    let Some(pattern) = message.value() else {
        return String::from(key);
    };
    let mut args = FluentArgs::new();
    for (name, value) in values {
        args.set(*name, value.clone());
    }
    let mut errors = Vec::new();
    texts.bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned()
}

/// Ошибка одной строкой на языке человека: что случилось и что делать.
pub fn text_fail(texts: &Texts, failed: &Fail) -> String {
    if failed.kind == FailKind::None {
        return String::new();
    }
    let key = format!("fail-{}", fail_row(failed.kind).code);
    let line = text(texts, &key, &[("detail", failed.detail.clone())]);
    String::from(line.trim())
}
