//! The log: one file in the home folder, cut when it grows, never a word of anybody's message.
//! Журнал: один файл в домашней папке, обрезается при росте, ни слова из чужих сообщений.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Mutex;

use super::fail::{Fail, FailKind, io_try};

/// Журнал больше этого при запуске переименовывается в `.old`.
const LOG_MAX: u64 = 8 * 1024 * 1024;

/// Открывает журнал и направляет в него `tracing`. Вызывается один раз из main.
pub fn log_start(path: &Path, level: &str) -> Result<(), Fail> {
    if let Ok(facts) = std::fs::metadata(path) {
        if facts.len() > LOG_MAX {
            let _ = std::fs::rename(path, path.with_extension("log.old"));
        }
    }
    let opened: std::io::Result<File> = OpenOptions::new().create(true).append(true).open(path);
    let file = io_try(FailKind::HomeBad, &path.display().to_string(), opened)?;
    let level = match level {
        "trace" => tracing::Level::TRACE,
        "debug" => tracing::Level::DEBUG,
        "warn" => tracing::Level::WARN,
        "error" => tracing::Level::ERROR,
        _ => tracing::Level::INFO,
    };
    let builder = tracing_subscriber::fmt().with_ansi(false).with_target(false);
    // Когда журналу нет места, об этом скажут своими словами, а не библиотека посреди разговора.
    let builder = builder.log_internal_errors(false);
    let subscriber = builder.with_max_level(level).with_writer(Mutex::new(file)).finish();
    // Второй вызов в том же процессе ничего не меняет: журнал уже есть.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}
