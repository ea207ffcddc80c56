//! Starting the workers. A panic in any of them ends the whole process with a message: half a
//! program is worse than none.
//! Запуск рабочих потоков. Паника в любом кончает весь процесс с сообщением: половина
//! программы хуже, чем никакой.

use std::panic::PanicHookInfo;
use std::sync::atomic::Ordering;
use std::thread::Builder;
use std::time::Duration;

use super::map::{QUEUES, SIGNALS, WORKERS};
use super::roles::Event;
use crate::base::fail::{Fail, FailKind, io_try};
use crate::logic::events::Command;

/// Запускает все потоки таблицы WORKERS.
pub fn workers_start() -> Result<(), Fail> {
    std::panic::set_hook(Box::new(on_panic));
    for row in WORKERS {
        let spawned = Builder::new().name(String::from(row.name)).spawn(row.main);
        io_try(FailKind::Internal, row.name, spawned)?;
    }
    Ok(())
}

/// Паника: сказать где и кончить процесс.
fn on_panic(info: &PanicHookInfo<'_>) {
    let current = std::thread::current();
    let name = current.name().unwrap_or("main");
    tracing::error!("panic in {name}: {info}");
    eprintln!("supertext: internal error in {name}: {info}");
    std::process::exit(1);
}

/// Ловит SIGTERM, SIGHUP, Ctrl+C и закрытие консоли.
pub fn signals_start() -> Result<(), Fail> {
    match ctrlc::set_handler(on_signal) {
        Ok(()) => Ok(()),
        Err(error) => Err(crate::base::fail::fail(FailKind::Internal, &error.to_string())),
    }
}

/// Сигнал: уходить сейчас, но чисто. Второй сигнал уходит совсем сразу.
fn on_signal() {
    if SIGNALS.fetch_add(1, Ordering::Relaxed) > 0 {
        std::process::exit(1);
    }
    let command = Command::Terminate;
    let event = Event::Command { command, line: String::new() };
    if QUEUES.events.put.send_timeout(event, Duration::from_secs(2)).is_err() {
        std::process::exit(1);
    }
}
