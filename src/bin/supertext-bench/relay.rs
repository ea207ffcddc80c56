//! Measurements of the server with raw clients: passing messages on, idle links, many clients.
//! Измерения сервера прямыми клиентами: пересылка сообщений, праздные линии, много клиентов.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use supertext::base::fail::{Fail, FailKind, fail};

use super::children::{Children, ServerRuns, children_end, server_start};
use super::histogram::histogram_at;
use super::loaders::{Loader, Sum, loaders_do, loaders_start};
use super::procfs::{Snapshot, between, memory_kib, seconds, snapshot, threads_print};
use super::report::{Line, Report, line_print, short};
use super::{ClientsArgs, Common, IdleArgs, RelayArgs, descriptors_raise};

/// Milliseconds before a saturated server is measured.
const WARM_MS: u64 = 1_000;
/// Descriptors a process needs besides its connections.
const DESCRIPTORS_SPARE: u64 = 64;
/// A rate that stays the same from version to version, messages per second.
const STEADY_RATE: u64 = 100_000;
/// The requirement: memory of a server with 1000 clients, MiB.
const CLIENTS_MIB: u64 = 100;

/// One measurement under way.
struct Scene {
    server: ServerRuns,
    loaders: Vec<Loader>,
    /// Memory of the server before anybody came, KiB.
    empty_kib: u64,
    connected: Sum,
}

/// Запускает сервер и нагрузчиков, соединяет всех.
fn scene_set(
    children: &mut Children,
    folder: &Path,
    pairs: u64,
    mutual: bool,
    size: u64,
    wanted: u64,
) -> Result<Scene, Fail> {
    room_check(pairs * 2)?;
    let home = folder.join("server");
    let _ = std::fs::remove_dir_all(&home);
    let server = server_start(children, &home)?;
    std::thread::sleep(Duration::from_millis(300));
    let empty_kib = memory_kib(server.pid, "VmRSS");
    let mut loaders = loaders_start(children, &server, pairs, mutual, size, wanted)?;
    let connected = loaders_do(&mut loaders, "connect")?;
    Ok(Scene { server, loaders, empty_kib, connected })
}

/// Хватит ли дескрипторов: на соединение их два, у сервера и у нагрузчика порознь.
fn room_check(connections: u64) -> Result<(), Fail> {
    let room = descriptors_raise();
    if connections * 2 + DESCRIPTORS_SPARE <= room {
        return Ok(());
    }
    let words = format!("{connections} connections want two descriptors each, limit {room}");
    Err(fail(FailKind::ArgumentBad, &words))
}

/// `relay`: сначала насыщение, затем ровная нагрузка: половина насыщения и STEADY_RATE.
pub fn relay_measure(
    common: &Common,
    words: &RelayArgs,
    folder: &Path,
    report: &mut Report,
) -> Result<(), Fail> {
    let mut children = Children::default();
    let done = relay_parts(&mut children, common, words, folder, report);
    children_end(&mut children);
    done
}

/// Все части, одна за другой, на тех же линиях.
fn relay_parts(
    children: &mut Children,
    common: &Common,
    words: &RelayArgs,
    folder: &Path,
    report: &mut Report,
) -> Result<(), Fail> {
    let wanted = common.loaders;
    let mut scene = scene_set(children, folder, words.pairs, false, words.size, wanted)?;
    let order = format!("fill {WARM_MS} {} {}", words.seconds * 1_000, words.window);
    let (sum, spent, makers) = part_do(&mut scene, &order)?;
    let reached = sum.per_second;
    let mut values = vec![
        ("pairs", Value::from(words.pairs)),
        ("message_bytes", Value::from(words.size)),
        ("delivered_per_s", short(reached)),
        ("delivered_mb_per_s", short(reached * words.size as f64 / 1e6)),
    ];
    part_values(&scene, &sum, &spent, makers, &mut values);
    line_print(report, &Line { bench: "relay-fill", values });
    threads_print(report, common.threads, "server", "relay-fill", &spent);
    sum_check(report, "relay-fill", &sum);

    match words.rate {
        Some(rate) => rate_part(&mut scene, common, words, rate, report),
        None => {
            rate_part(&mut scene, common, words, reached as u64 / 2, report)?;
            rate_part(&mut scene, common, words, STEADY_RATE, report)
        }
    }
}

/// Ровная нагрузка: столько сообщений в секунду всего.
fn rate_part(
    scene: &mut Scene,
    common: &Common,
    words: &RelayArgs,
    rate: u64,
    report: &mut Report,
) -> Result<(), Fail> {
    let count = scene.loaders.len() as u64;
    let each = (rate / count).max(1);
    let order = format!("rate {each} {}", words.seconds * 1_000);
    let (sum, spent, makers) = part_do(scene, &order)?;
    let mut values = vec![
        ("pairs", Value::from(words.pairs)),
        ("message_bytes", Value::from(words.size)),
        ("wanted_per_s", Value::from(each * count)),
        ("delivered_per_s", short(sum.per_second)),
    ];
    waits_values(&sum, &mut values);
    part_values(scene, &sum, &spent, makers, &mut values);
    line_print(report, &Line { bench: "relay-rate", values });
    threads_print(report, common.threads, "server", "relay-rate", &spent);
    sum_check(report, "relay-rate", &sum);
    Ok(())
}

/// Выполняет одну часть; вместе с ней — время процессора сервера и нагрузчиков (секунды).
fn part_do(scene: &mut Scene, order: &str) -> Result<(Sum, Snapshot, f64), Fail> {
    let before = snapshot(scene.server.pid);
    let makers = makers_seconds(scene);
    let sum = loaders_do(&mut scene.loaders, order)?;
    let spent = between(&before, &snapshot(scene.server.pid));
    Ok((sum, spent, makers_seconds(scene) - makers))
}

/// Секунды процессора всех нагрузчиков.
fn makers_seconds(scene: &Scene) -> f64 {
    let mut together = 0.0;
    for loader in &scene.loaders {
        together += seconds(&snapshot(loader.pid).whole);
    }
    together
}

/// Ожидания: середина и края, микросекунды.
fn waits_values(sum: &Sum, values: &mut Vec<(&'static str, Value)>) {
    values.push(("p50_us", Value::from(histogram_at(&sum.waits, 0.5))));
    values.push(("p99_us", Value::from(histogram_at(&sum.waits, 0.99))));
    values.push(("p999_us", Value::from(histogram_at(&sum.waits, 0.999))));
    values.push(("max_us", Value::from(sum.waits.greatest)));
}

/// Общее для всех частей: цена сообщения, память, потери.
fn part_values(
    scene: &Scene,
    sum: &Sum,
    spent: &Snapshot,
    makers: f64,
    values: &mut Vec<(&'static str, Value)>,
) {
    let messages = sum.received.max(1) as f64;
    let pid = scene.server.pid;
    values.push(("server_cpu_s", short(seconds(&spent.whole))));
    values.push(("server_user_s", short(spent.whole.user)));
    values.push(("server_system_s", short(spent.whole.system)));
    values.push(("server_cpu_us_per_message", short(seconds(&spent.whole) * 1e6 / messages)));
    values.push(("makers_cpu_us_per_message", short(makers * 1e6 / messages)));
    values.push(("server_rss_mib", short(memory_kib(pid, "VmRSS") as f64 / 1024.0)));
    values.push(("server_peak_mib", short(memory_kib(pid, "VmHWM") as f64 / 1024.0)));
    values.push(("sent", Value::from(sum.sent)));
    values.push(("unsent", Value::from(sum.unsent)));
    values.push(("lost", Value::from(sum.lost)));
    values.push(("doubled", Value::from(sum.doubled)));
    values.push(("refused", Value::from(sum.refused)));
}

/// Потери делают код выхода 1.
fn sum_check(report: &mut Report, bench: &str, sum: &Sum) {
    if sum.lost + sum.doubled + sum.refused > 0 {
        let (lost, doubled, refused) = (sum.lost, sum.doubled, sum.refused);
        report.broken.push(format!("{bench}: lost {lost}, doubled {doubled}, refused {refused}"));
    }
}

/// `idle`: цена праздной линии.
pub fn idle_measure(
    common: &Common,
    words: &IdleArgs,
    folder: &Path,
    report: &mut Report,
) -> Result<(), Fail> {
    let mut children = Children::default();
    let done = idle_parts(&mut children, common, words, folder, report);
    children_end(&mut children);
    done
}

/// Соединяет всех, даёт улечься, сравнивает память; затем пять секунд тишины.
fn idle_parts(
    children: &mut Children,
    common: &Common,
    words: &IdleArgs,
    folder: &Path,
    report: &mut Report,
) -> Result<(), Fail> {
    let pairs = words.connections.div_ceil(2);
    let scene = scene_set(children, folder, pairs, true, 16, common.loaders)?;
    let pid = scene.server.pid;
    let connecting = snapshot(pid);
    std::thread::sleep(Duration::from_secs(2));
    let full = memory_kib(pid, "VmRSS");
    let before = snapshot(pid);
    std::thread::sleep(Duration::from_secs(5));
    let spent = between(&before, &snapshot(pid));
    let online = scene.connected.online;
    let grown = full.saturating_sub(scene.empty_kib) as f64;
    let line = Line {
        bench: "idle",
        values: vec![
            ("connections", Value::from(online)),
            ("connect_ms", Value::from(scene.connected.milliseconds)),
            (
                "server_cpu_ms_per_login",
                short(seconds(&connecting.whole) * 1e3 / online.max(1) as f64),
            ),
            ("server_rss_before_kib", Value::from(scene.empty_kib)),
            ("server_rss_after_kib", Value::from(full)),
            ("server_peak_kib", Value::from(memory_kib(pid, "VmHWM"))),
            ("kib_per_connection", short(grown / online.max(1) as f64)),
            ("idle_cpu_percent", short(seconds(&spent.whole) * 100.0 / 5.0)),
        ],
    };
    line_print(report, &line);
    threads_print(report, common.threads, "server", "idle-connect", &connecting);
    if online < words.connections {
        report.broken.push(format!("idle: {online} connections"));
    }
    Ok(())
}

/// `clients`: требование заказчика — тысяча клиентов, у каждого сообщение в секунду.
pub fn clients_measure(
    common: &Common,
    words: &ClientsArgs,
    folder: &Path,
    report: &mut Report,
) -> Result<(), Fail> {
    let mut children = Children::default();
    let done = clients_parts(&mut children, common, words, folder, report);
    children_end(&mut children);
    done
}

/// Каждый пишет другому из пары раз в секунду; мгновения разложены по секунде ровно.
fn clients_parts(
    children: &mut Children,
    common: &Common,
    words: &ClientsArgs,
    folder: &Path,
    report: &mut Report,
) -> Result<(), Fail> {
    let pairs = words.count.div_ceil(2);
    // Один нагрузчик: частота каждого должна быть ровно числом его клиентов.
    let mut scene = scene_set(children, folder, pairs, true, words.size, 1)?;
    let order = format!("rate {} {}", pairs * 2, words.seconds * 1_000);
    let (sum, spent, makers) = part_do(&mut scene, &order)?;
    let peak_mib = memory_kib(scene.server.pid, "VmHWM").div_ceil(1024);
    let mut values = vec![
        ("clients", Value::from(scene.connected.online)),
        ("seconds", Value::from(words.seconds)),
        ("connect_ms", Value::from(scene.connected.milliseconds)),
        ("message_bytes", Value::from(words.size)),
        ("delivered", Value::from(sum.received)),
    ];
    waits_values(&sum, &mut values);
    part_values(&scene, &sum, &spent, makers, &mut values);
    line_print(report, &Line { bench: "clients", values });
    threads_print(report, common.threads, "server", "clients", &spent);
    sum_check(report, "clients", &sum);
    if sum.unsent > 0 {
        report.broken.push(format!("clients: {} never sent", sum.unsent));
    }
    if words.count <= 1_000 && peak_mib >= CLIENTS_MIB {
        report.broken.push(format!("clients: the server took {peak_mib} MiB"));
    }
    Ok(())
}
