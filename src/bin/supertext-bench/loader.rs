//! A load maker: an inner process that holds many clients in one thread. It does what its standard
//! input orders, a line each, and answers every order with one JSON line.
//! Нагрузчик: внутренний процесс со многими клиентами в одной нити. Делает, что велит его
//! стандартный ввод, по строке за раз, и на каждую отвечает одной строкой JSON.
//!
//! Orders: `connect`, `fill WARM_MS MS WINDOW`, `rate PER_SECOND MS`.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use mio::Events;
use serde_json::{Value, json};
use supertext::base::bounds::LANE_MESSAGES_MAX;
use supertext::base::fail::{Fail, FailKind, fail, fail_line, io_try};
use supertext::crypto::identity::Identity;
use supertext::net::address::{JoinLine, join_parse};

use super::LoaderArgs;
use super::histogram::histogram_json;
use super::links::{
    Links, Tally, guests_connect, identities_make, links_make, links_micros, links_step,
    message_send, on_the_way,
};

/// Microseconds between the moments at which a steady load is sent.
const BEAT_US: u64 = 1_000;
/// Seconds that the last messages may take.
const DRAIN_SECONDS: u64 = 10;

/// State of a load maker.
struct Loader {
    links: Links,
    events: Events,
    join: JoinLine,
    identities: Vec<Identity>,
    /// Places of those who write.
    writers: Vec<usize>,
}

/// Готовит личности и выполняет приказы до конца ввода.
pub fn loader_run(args: &LoaderArgs) -> Result<(), Fail> {
    let mut writers = Vec::new();
    for place in 0..args.clients as usize {
        if args.mutual || place % 2 == 0 {
            writers.push(place);
        }
    }
    let mut loader = Loader {
        links: links_make(args.size as usize)?,
        events: Events::with_capacity(1024),
        join: join_parse(&args.server)?,
        identities: identities_make(args.clients as usize)?,
        writers,
    };
    answer(&json!({"keys": loader.identities.len()}))?;
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    loop {
        line.clear();
        if io_try(FailKind::FileRead, "stdin", input.read_line(&mut line))? == 0 {
            return Ok(());
        }
        match order_do(&mut loader, line.trim()) {
            Ok(value) => answer(&value)?,
            Err(failed) => {
                answer(&json!({"error": fail_line(&failed)}))?;
                return Err(failed);
            }
        }
    }
}

/// Ответ строкой.
fn answer(value: &Value) -> Result<(), Fail> {
    let mut output = std::io::stdout().lock();
    let text = format!("{value}\n");
    io_try(FailKind::FileWrite, "stdout", output.write_all(text.as_bytes()))?;
    io_try(FailKind::FileWrite, "stdout", output.flush())
}

/// Выполняет один приказ.
fn order_do(loader: &mut Loader, order: &str) -> Result<Value, Fail> {
    let mut words: Vec<&str> = Vec::new();
    for word in order.split_whitespace() {
        words.push(word);
    }
    match words.as_slice() {
        ["connect"] => {
            let start = Instant::now();
            guests_connect(&mut loader.links, &loader.join, &loader.identities)?;
            Ok(json!({"online": loader.links.online, "ms": start.elapsed().as_millis() as u64}))
        }
        ["fill", warm, length, window] => {
            fill(loader, number(warm)?, number(length)?, number(window)?)
        }
        ["rate", rate, length] => rate_keep(loader, number(rate)?, number(length)?),
        _ => Err(fail(FailKind::CommandUnknown, order)),
    }
}

/// Число из слова.
fn number(word: &str) -> Result<u64, Fail> {
    match word.parse() {
        Ok(number) => Ok(number),
        Err(_) => Err(fail(FailKind::ArgumentBad, word)),
    }
}

/// Насыщение: у каждой пары в пути не больше `window` сообщений; как дошла половина, доливает.
fn fill(loader: &mut Loader, warm: u64, length: u64, window: u64) -> Result<Value, Fail> {
    phase_begin(loader);
    let start = Instant::now();
    let warm = Duration::from_millis(warm);
    let length = Duration::from_millis(length);
    let mut sent = 0;
    let mut measured_ms = 0;
    while start.elapsed() < warm + length {
        if !loader.links.measuring && start.elapsed() >= warm {
            loader.links.measuring = true;
        }
        for at in 0..loader.writers.len() {
            let place = loader.writers[at];
            let way = on_the_way(&loader.links, place);
            if way * 2 > window {
                continue;
            }
            let now = links_micros(&loader.links);
            for _ in way..window {
                message_send(&mut loader.links, place, now)?;
                sent += 1;
            }
        }
        links_step(&mut loader.links, &mut loader.events, Duration::from_millis(10))?;
        if loader.links.measuring {
            measured_ms = (start.elapsed() - warm).as_millis() as u64;
        }
    }
    loader.links.measuring = false;
    drain(loader, sent)?;
    Ok(phase_end(loader, sent, 0, measured_ms))
}

/// Ровная нагрузка: каждое сообщение имеет свой миг на сетке в 1 мс, что бы ни было с прежними;
/// опоздание нагрузчика входит в ожидание (так не теряется «согласованное молчание»).
fn rate_keep(loader: &mut Loader, rate: u64, length: u64) -> Result<Value, Fail> {
    phase_begin(loader);
    loader.links.measuring = true;
    let total = rate * length / 1_000;
    let room = (LANE_MESSAGES_MAX / 4 / (loader.links.content.len() + 20)) as u64;
    let start = links_micros(&loader.links) + 20_000;
    let late = start + (length + DRAIN_SECONDS * 1_000) * 1_000;
    let mut sent = 0;
    while sent < total {
        let now = links_micros(&loader.links);
        if now >= late {
            break;
        }
        let mut due = beat(start, sent, rate);
        while sent < total && due <= now {
            let place = loader.writers[(sent % loader.writers.len() as u64) as usize];
            if on_the_way(&loader.links, place) >= room {
                break;
            }
            message_send(&mut loader.links, place, due)?;
            sent += 1;
            due = beat(start, sent, rate);
        }
        step_until(loader, due)?;
    }
    let passed = links_micros(&loader.links).saturating_sub(start) / 1_000;
    drain(loader, sent)?;
    Ok(phase_end(loader, sent, total - sent, passed))
}

/// Миг сообщения с этим номером, округлённый вверх до сетки.
fn beat(start: u64, number: u64, rate: u64) -> u64 {
    let exact = number * 1_000_000 / rate.max(1);
    start + exact.div_ceil(BEAT_US) * BEAT_US
}

/// Один круг, не дольше чем до этого мига. Опрос умеет ждать лишь целые миллисекунды; остаток
/// ждёт коротким сном.
fn step_until(loader: &mut Loader, due: u64) -> Result<(), Fail> {
    let rest = due.saturating_sub(links_micros(&loader.links));
    let whole = Duration::from_millis((rest / 1_000).min(100));
    links_step(&mut loader.links, &mut loader.events, whole)?;
    let rest = due.saturating_sub(links_micros(&loader.links));
    if rest > 0 && rest < 1_000 && loader.events.is_empty() {
        std::thread::sleep(Duration::from_micros(rest.min(100)));
    }
    Ok(())
}

/// Ждёт последних сообщений; чего нет и тогда, то потеряно.
fn drain(loader: &mut Loader, sent: u64) -> Result<(), Fail> {
    let late = Instant::now() + Duration::from_secs(DRAIN_SECONDS);
    while loader.links.tally.received + loader.links.tally.lost < sent {
        links_step(&mut loader.links, &mut loader.events, Duration::from_millis(10))?;
        if Instant::now() >= late {
            return Ok(());
        }
    }
    Ok(())
}

/// Начинает счёт заново.
fn phase_begin(loader: &mut Loader) {
    loader.links.tally = Tally::default();
    loader.links.measuring = false;
}

/// Счёт одной части как JSON.
fn phase_end(loader: &Loader, sent: u64, unsent: u64, measured_ms: u64) -> Value {
    let tally = &loader.links.tally;
    json!({
        "sent": sent,
        "unsent": unsent,
        "received": tally.received,
        "lost": sent.saturating_sub(tally.received),
        "doubled": tally.doubled,
        "refused": tally.refused,
        "measured": tally.measured,
        "measured_ms": measured_ms,
        "waits": histogram_json(&tally.waits),
    })
}
