//! The measuring side of the load makers: starts them, orders all of them at once, adds up their
//! answers.
//! Сторона измеряющего: запускает нагрузчиков, приказывает всем сразу, складывает их ответы.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;
use supertext::base::fail::{Fail, FailKind, fail, io_try};

use super::children::{Children, ServerRuns, child_start, program};
use super::histogram::{Histogram, histogram_join};

/// One load maker.
pub struct Loader {
    pub pid: u32,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What all of them together counted.
#[derive(Default)]
pub struct Sum {
    pub sent: u64,
    pub unsent: u64,
    pub received: u64,
    pub lost: u64,
    pub doubled: u64,
    pub refused: u64,
    pub measured: u64,
    /// Messages per second in the measured time.
    pub per_second: f64,
    pub waits: Histogram,
    pub online: u64,
    /// The longest of them.
    pub milliseconds: u64,
}

/// Запускает нагрузчиков: клиенты делятся поровну целыми парами.
pub fn loaders_start(
    children: &mut Children,
    server: &ServerRuns,
    pairs: u64,
    mutual: bool,
    size: u64,
    wanted: u64,
) -> Result<Vec<Loader>, Fail> {
    let count = wanted.min(pairs).max(1);
    let mut loaders = Vec::new();
    for number in 0..count {
        let own = pairs / count + u64::from(number < pairs % count);
        let mut command = Command::new(program("supertext-bench")?);
        command.args(["loader", "--server", &server.join, "--clients", &(own * 2).to_string()]);
        command.args(["--size", &size.to_string()]);
        if mutual {
            command.arg("--mutual");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = child_start(&mut command)?;
        let pid = child.id();
        let pipes = (child.stdin.take(), child.stdout.take());
        children.list.push(child);
        let (Some(orders), Some(answers)) = pipes else {
            return Err(fail(FailKind::Internal, "loader"));
        };
        loaders.push(Loader { pid, orders, answers: BufReader::new(answers) });
    }
    for loader in &mut loaders {
        answer_read(loader)?;
    }
    Ok(loaders)
}

/// Одна строка ответа. Ошибка, если нагрузчик пожаловался или умер.
fn answer_read(loader: &mut Loader) -> Result<Value, Fail> {
    let mut line = String::new();
    let read = io_try(FailKind::Internal, "loader", loader.answers.read_line(&mut line))?;
    if read == 0 {
        return Err(fail(FailKind::Internal, "a load maker ended"));
    }
    let value: Value = match serde_json::from_str(&line) {
        Ok(value) => value,
        Err(error) => return Err(fail(FailKind::Internal, &error.to_string())),
    };
    match value["error"].as_str() {
        Some(words) => Err(fail(FailKind::Integrity, words)),
        None => Ok(value),
    }
}

/// Приказ всем.
pub fn loaders_order(loaders: &mut [Loader], order: &str) -> Result<(), Fail> {
    for loader in loaders {
        let line = format!("{order}\n");
        io_try(FailKind::Internal, "loader", loader.orders.write_all(line.as_bytes()))?;
        io_try(FailKind::Internal, "loader", loader.orders.flush())?;
    }
    Ok(())
}

/// Ответы всех, сложенные.
pub fn loaders_hear(loaders: &mut [Loader]) -> Result<Sum, Fail> {
    let mut sum = Sum::default();
    for loader in loaders {
        let value = answer_read(loader)?;
        sum.sent += field(&value, "sent");
        sum.unsent += field(&value, "unsent");
        sum.received += field(&value, "received");
        sum.lost += field(&value, "lost");
        sum.doubled += field(&value, "doubled");
        sum.refused += field(&value, "refused");
        sum.measured += field(&value, "measured");
        sum.online += field(&value, "online");
        sum.milliseconds = sum.milliseconds.max(field(&value, "ms"));
        let measured_ms = field(&value, "measured_ms").max(1);
        sum.per_second += field(&value, "measured") as f64 * 1_000.0 / measured_ms as f64;
        histogram_join(&mut sum.waits, &value["waits"]);
    }
    Ok(sum)
}

/// Приказ и ответы.
pub fn loaders_do(loaders: &mut [Loader], order: &str) -> Result<Sum, Fail> {
    loaders_order(loaders, order)?;
    loaders_hear(loaders)
}

/// Число из ответа.
fn field(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or(0)
}
