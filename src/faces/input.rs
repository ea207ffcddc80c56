//! What a person or a script types, on its way to the controller.
//! То, что набирает человек или скрипт, на пути к controller-у.

use std::io::{BufRead, Write};

use serde_json::Value;

use super::commands::{line_parse, words_parse};
use super::secrets::{line_shown, secret_of, secret_put, secrets_answer, secrets_asked};
use crate::base::bounds::TEXT_MAX;
use crate::base::fail::{FailKind, fail};
use crate::logic::events::Command;
use crate::workers::map::Queues;
use crate::workers::roles::Event;

/// Отдаёт команду controller-у (ждёт, если он занят).
pub fn command_put(queues: &Queues, command: Command, line: &str) {
    let line = String::from(line);
    let _ = queues.events.put.send(Event::Command { command, line });
}

/// Строка человека: команда или текст. Возвращает, сколько строк пароля следует за ней.
pub fn line_put(queues: &Queues, line: &str) -> usize {
    if line.trim().is_empty() {
        return 0;
    }
    parsed_put(queues, line_parse(line), line)
}

/// Отдаёт разобранное; на вопрос о пароле, быть может, уже отвечает окружение.
fn parsed_put(queues: &Queues, command: Command, line: &str) -> usize {
    let asked = secrets_asked(&command);
    command_put(queues, command, line_shown(line));
    secrets_answer(queues, asked)
}

/// Что делать со строкой, о которой спрашивают само лицо; `true` — она взята.
pub type LineTake = fn(&Queues, &str) -> bool;

/// У потока JSON своих вопросов к лицу нет.
pub fn line_not_taken(_queues: &Queues, _line: &str) -> bool {
    false
}

/// Читает поток строк до конца: команды, как их набирают, или массивы слов JSON. Строки, которые
/// берёт `take`, до команд не доходят.
pub fn pipe_read(queues: &Queues, take: LineTake) {
    let mut stdin = std::io::stdin().lock();
    let mut bytes: Vec<u8> = Vec::new();
    let mut secrets = 0;
    loop {
        bytes.clear();
        match stdin.read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        if let Ok(mut heir) = queues.heir.take.try_recv() {
            // Пока этой строки ждали, программа началась снова: она и все следующие — новой.
            if heir.write_all(&bytes).is_ok() {
                let _ = std::io::copy(&mut stdin, &mut heir);
            }
            return;
        }
        let Ok(line) = std::str::from_utf8(&bytes) else {
            let bad = fail(FailKind::ArgumentBad, "UTF-8");
            command_put(queues, Command::Bad(bad), "");
            if secrets > 0 {
                secret_put(queues, String::new());
                secrets = 0;
            }
            continue;
        };
        let line = line.trim_end_matches(['\n', '\r']);
        if secrets == 0 && take(queues, line) {
            continue;
        }
        if secrets > 0 {
            // Пустое или непонятное — человек передумал: вторую строку не спросят.
            let secret = secret_of(line).unwrap_or_default();
            secrets = if secret.is_empty() { 0 } else { secrets - 1 };
            secret_put(queues, secret);
            bytes.fill(0);
        } else if line.trim_start().starts_with('[') {
            secrets = array_put(queues, line);
        } else {
            secrets = line_put(queues, line);
        }
    }
    command_put(queues, Command::EndOfInput, "");
    if cfg!(windows) {
        // Начнись программа снова, её ввод кончится вместе с этим.
        drop(queues.heir.take.recv());
    }
}

/// Массив слов JSON. Не массив строк — ошибка, ничего не выполняется. Возвращает, сколько строк
/// пароля следует за ним.
fn array_put(queues: &Queues, line: &str) -> usize {
    let parsed: Result<Vec<Value>, serde_json::Error> = serde_json::from_str(line);
    let mut words: Vec<String> = Vec::new();
    if let Ok(values) = &parsed {
        for value in values {
            if let Some(word) = value.as_str() {
                words.push(String::from(word));
            }
        }
    }
    let whole = match &parsed {
        Ok(values) => values.len() == words.len(),
        Err(_) => false,
    };
    if !whole {
        let bad = fail(FailKind::ArgumentBad, "JSON");
        command_put(queues, Command::Bad(bad), line);
        return 0;
    }
    if line.len() > TEXT_MAX * 6 {
        let bad = fail(FailKind::TextTooLong, &line.len().to_string());
        command_put(queues, Command::Bad(bad), "");
        return 0;
    }
    parsed_put(queues, words_parse(&words), line)
}
