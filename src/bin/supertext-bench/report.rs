//! What a measurement says: rows of key and value, shown as a table or as one JSON object.
//! Что говорит измерение: строки «ключ — значение», таблицей или одним объектом JSON.

use std::io::Write;

use serde_json::{Map, Value};

/// Where results go, and what turned out to be broken.
pub struct Report {
    pub json: bool,
    /// Losses and differences: any of them makes the exit code 1.
    pub broken: Vec<String>,
}

/// One measurement: a name and its values in the order they are shown.
pub struct Line<'a> {
    pub bench: &'a str,
    pub values: Vec<(&'a str, Value)>,
}

/// Число с двумя знаками после точки.
pub fn short(number: f64) -> Value {
    Value::from((number * 100.0).round() / 100.0)
}

/// Печатает измерение сразу, чтобы оно не пропало, если следующее сорвётся.
pub fn line_print(report: &Report, line: &Line<'_>) {
    let mut out = String::new();
    if report.json {
        let mut object = Map::new();
        object.insert(String::from("bench"), Value::from(line.bench));
        for (key, value) in &line.values {
            object.insert(String::from(*key), value.clone());
        }
        out.push_str(&Value::Object(object).to_string());
        out.push('\n');
    } else {
        out.push_str(&format!("{}\n", line.bench));
        for (key, value) in &line.values {
            out.push_str(&format!("  {key:<32} {}\n", value_text(value)));
        }
    }
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(out.as_bytes());
    let _ = stdout.flush();
}

/// Значение для таблицы: слова без кавычек, всё справа.
fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:>14}"),
        Value::Number(number) => format!("{:>14}", number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            format!("{:>14}", value.to_string())
        }
    }
}
