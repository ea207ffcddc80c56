//! What Linux tells about a process: memory and CPU time, of the whole and of each thread. Other
//! systems have no /proc; there everything is 0.
//! Что Linux рассказывает о процессе: память и время процессора, всего и по нитям. В других
//! системах /proc нет; там везде 0.

use std::path::Path;

use serde_json::Value;

use super::report::{Line, Report, line_print, short};

/// Ticks of /proc/PID/stat in a second; the same on every Linux of today.
const TICKS: f64 = 100.0;

/// CPU time of a process or a thread, seconds.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    pub number: u32,
    pub name: String,
    pub user: f64,
    pub system: f64,
}

/// A process at one moment: its own time and that of its threads.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub whole: Spent,
    pub threads: Vec<Spent>,
}

/// Память процесса сейчас (`VmRSS`) или на вершине (`VmHWM`), КиБ.
pub fn memory_kib(pid: u32, key: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix(key) {
            let digits = rest.trim_start_matches(':').trim().trim_end_matches(" kB");
            return digits.parse().unwrap_or(0);
        }
    }
    0
}

/// Читает строку stat: имя в скобках, затем поля; 14-е и 15-е — время.
fn spent_read(path: &Path, number: u32) -> Spent {
    let text = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
    let Some((head, tail)) = text.rsplit_once(')') else {
        return Spent { number, ..Spent::default() };
    };
    let name = match head.split_once('(') {
        Some((_, name)) => String::from(name),
        None => String::new(),
    };
    let mut fields: Vec<&str> = Vec::new();
    for field in tail.split_whitespace() {
        fields.push(field);
    }
    // После скобки первое поле — третье по счёту, поэтому 14-е стоит на месте 11.
    Spent { number, name, user: ticks(&fields, 11), system: ticks(&fields, 12) }
}

/// Поле в тиках как секунды.
fn ticks(fields: &[&str], at: usize) -> f64 {
    match fields.get(at) {
        Some(field) => field.parse::<f64>().unwrap_or(0.0) / TICKS,
        None => 0.0,
    }
}

/// Снимок времени процесса и его нитей.
pub fn snapshot(pid: u32) -> Snapshot {
    let root = format!("/proc/{pid}");
    let whole = spent_read(Path::new(&root), pid);
    let mut threads = Vec::new();
    if let Ok(entries) = std::fs::read_dir(format!("{root}/task")) {
        for entry in entries {
            let Ok(entry) = entry else { continue };
            let number = entry.file_name().to_string_lossy().parse().unwrap_or(0);
            threads.push(spent_read(&entry.path(), number));
        }
    }
    Snapshot { whole, threads }
}

/// Сколько времени прошло между снимками.
pub fn between(before: &Snapshot, after: &Snapshot) -> Snapshot {
    let mut threads = Vec::new();
    for thread in &after.threads {
        let mut first = Spent::default();
        for other in &before.threads {
            if other.number == thread.number {
                first = other.clone();
            }
        }
        threads.push(spent_less(thread, &first));
    }
    Snapshot { whole: spent_less(&after.whole, &before.whole), threads }
}

/// Разность двух времён.
fn spent_less(after: &Spent, before: &Spent) -> Spent {
    Spent {
        number: after.number,
        name: after.name.clone(),
        user: after.user - before.user,
        system: after.system - before.system,
    }
}

/// Секунды процессора вместе, пользователя и ядра.
pub fn seconds(spent: &Spent) -> f64 {
    spent.user + spent.system
}

/// Печатает время каждой нити, если об этом просили: в JSON по объекту на нить, в таблице по
/// строке; нити, которые ничего не делали, в таблицу не идут.
pub fn threads_print(report: &Report, wanted: bool, who: &str, during: &str, spent: &Snapshot) {
    if !wanted {
        return;
    }
    let title = format!("{during}, threads of {who}: user + system seconds");
    let mut table = Line { bench: &title, values: Vec::new() };
    for thread in &spent.threads {
        if report.json {
            let line = Line {
                bench: "thread",
                values: vec![
                    ("process", Value::from(who)),
                    ("during", Value::from(during)),
                    ("thread", Value::from(thread.name.clone())),
                    ("user_s", short(thread.user)),
                    ("system_s", short(thread.system)),
                ],
            };
            line_print(report, &line);
        } else if seconds(thread) > 0.0 {
            let text = format!("{:>14.2} + {:.2}", thread.user, thread.system);
            table.values.push((&thread.name, Value::from(text)));
        }
    }
    if !report.json {
        line_print(report, &table);
    }
}
