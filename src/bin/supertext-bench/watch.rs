//! A small inner process: notes the moment each line of its standard input came. It stands between
//! a client's JSON pipe and a file, so that the measuring process need not read two things at once.
//! Малый внутренний процесс: отмечает миг, когда пришла каждая строка стандартного ввода. Стоит
//! между потоком JSON клиента и файлом, чтобы измеряющему не читать две вещи сразу.

use std::fs::File;
use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use supertext::base::fail::{Fail, FailKind, io_try};

/// A line with the moment it came (0 when nobody noted it).
pub struct Said {
    pub micros: u64,
    pub value: Value,
}

/// A file that another process still writes, read as it grows.
pub struct Tail {
    pub file: File,
    pub rest: Vec<u8>,
    pub said: Vec<Said>,
}

/// Микросекунды настенных часов: одни на все процессы машины.
pub fn micros_now() -> u64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(passed) => passed.as_micros() as u64,
        Err(_) => 0,
    }
}

/// Пишет каждую строку ввода с её мигом; ход передачи пропускает.
pub fn watch_run() -> Result<(), Fail> {
    let mut input = std::io::stdin().lock();
    let mut output = std::io::stdout().lock();
    let mut line = String::new();
    loop {
        line.clear();
        let read = io_try(FailKind::FileRead, "stdin", input.read_line(&mut line))?;
        if read == 0 {
            return Ok(());
        }
        if line.contains("\"event\":\"progress\"") {
            continue;
        }
        let stamped = format!("{} {line}", micros_now());
        io_try(FailKind::FileWrite, "stdout", output.write_all(stamped.as_bytes()))?;
        io_try(FailKind::FileWrite, "stdout", output.flush())?;
    }
}

/// Открывает растущий файл.
pub fn tail_open(path: &Path) -> Result<Tail, Fail> {
    let file = io_try(FailKind::FileRead, &path.display().to_string(), File::open(path))?;
    Ok(Tail { file, rest: Vec::new(), said: Vec::new() })
}

/// Дочитывает то, что прибавилось; целые строки становятся значениями.
pub fn tail_read(tail: &mut Tail) -> Result<(), Fail> {
    io_try(FailKind::FileRead, "tail", tail.file.read_to_end(&mut tail.rest))?;
    let mut from = 0;
    for at in 0..tail.rest.len() {
        if tail.rest[at] != b'\n' {
            continue;
        }
        let line = String::from_utf8_lossy(&tail.rest[from..at]).into_owned();
        from = at + 1;
        let (stamp, text) = match line.split_once(' ') {
            Some((stamp, text)) if !line.starts_with('{') => (stamp, text),
            Some(_) | None => ("0", line.as_str()),
        };
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            tail.said.push(Said { micros: stamp.parse().unwrap_or(0), value });
        }
    }
    tail.rest.drain(..from);
    Ok(())
}

/// Первое событие с такими словами, если оно уже было.
pub fn tail_find<'a>(tail: &'a Tail, event: &str, key: &str, word: &str) -> Option<&'a Said> {
    for said in &tail.said {
        if said.value["event"] == event && said.value[key] == word {
            return Some(said);
        }
    }
    None
}
