//! `file`: a file of random bytes from disk to disk through two real clients and a real server,
//! messages in the middle of it, and the bare TLS pipe before and after as the reference.
//! `file`: файл случайных байт с диска на диск через двух настоящих клиентов и настоящий сервер,
//! сообщения посреди передачи и голая труба TLS до и после как эталон.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use supertext::base::fail::{Fail, FailKind, fail, io_try};
use supertext::crypto::file_cipher::random_fill;

use super::children::{Children, child_start, children_end, output_file, program, server_start};
use super::histogram::{Histogram, histogram_add, histogram_at};
use super::procfs::{Snapshot, between, memory_kib, seconds, snapshot, threads_print};
use super::reference::pipe_measure;
use super::report::{Line, Report, line_print, short};
use super::watch::{Tail, micros_now, tail_find, tail_open, tail_read};
use super::{Common, FileArgs};

const MIB: usize = 1024 * 1024;
/// A message goes every so many milliseconds while the file is on its way.
const MESSAGE_MS: u64 = 50;
/// Seconds until clients and links must stand.
const START_SECONDS: u64 = 20;

/// The three processes and the pipes to them.
struct Scene {
    /// server, sender, receiver
    pids: [u32; 3],
    sender: ChildStdin,
    /// Kept open: its end would send the receiver away.
    _receiver: ChildStdin,
    said_sender: Tail,
    said_receiver: Tail,
    peer: String,
}

/// What a transfer took.
struct Took {
    seconds: f64,
    wall: f64,
    waits: Histogram,
    path: PathBuf,
    peaks_kib: [u64; 3],
    spent: [Snapshot; 3],
}

/// `file`: столько кругов, сколько просили; при нескольких ещё и середина.
pub fn file_measure(
    common: &Common,
    words: &FileArgs,
    folder: &Path,
    report: &mut Report,
) -> Result<(), Fail> {
    let source = folder.join("random.bin");
    file_make(&source, words.mib)?;
    let mut own: Vec<f64> = Vec::new();
    let mut references: Vec<f64> = Vec::new();
    let mut ratios: Vec<f64> = Vec::new();
    for _ in 0..words.rounds {
        let (seconds, reference) = file_round(common, words, folder, report)?;
        own.push(words.mib as f64 * MIB as f64 / 1e6 / seconds);
        references.push(words.mib as f64 * MIB as f64 / 1e6 / reference);
        ratios.push(reference / seconds);
    }
    let _ = std::fs::remove_file(&source);
    if words.rounds > 1 {
        let values = vec![
            ("mib", Value::from(words.mib)),
            ("rounds", Value::from(words.rounds)),
            ("supertext_mb_per_s", short(median(&mut own))),
            ("reference_mb_per_s", short(median(&mut references))),
            ("ratio", short(median(&mut ratios))),
        ];
        let bench = if words.direct { "file-direct-median" } else { "file-median" };
        line_print(report, &Line { bench, values });
    }
    Ok(())
}

/// Середина ряда.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.get(numbers.len() / 2) {
        Some(middle) => *middle,
        None => 0.0,
    }
}

/// Один круг: эталон, Supertext, эталон; затем сравнение файлов. Возвращает секунды Supertext и
/// среднее эталона.
fn file_round(
    common: &Common,
    words: &FileArgs,
    folder: &Path,
    report: &mut Report,
) -> Result<(f64, f64), Fail> {
    let source = folder.join("random.bin");
    let copy = folder.join("copy.bin");
    let first = pipe_measure(&source, &copy, words.patience)?;
    let hash = file_hash(&source)?;
    let same_first = hash == file_hash(&copy)?;
    let _ = std::fs::remove_file(&copy);
    let mut children = Children::default();
    let done = transfer(&mut children, words, folder);
    children_end(&mut children);
    let took = done?;
    let same = hash == file_hash(&took.path)?;
    for home in ["server", "sender", "receiver"] {
        let _ = std::fs::remove_dir_all(folder.join(home));
    }
    let second = pipe_measure(&source, &copy, words.patience)?;
    let _ = std::fs::remove_file(&copy);
    let synced = (first.synced + second.synced) / 2.0;
    let unsynced = (first.seconds + second.seconds) / 2.0;
    took_print(common, report, words, &took, synced, unsynced, same);
    if !same || !same_first {
        report.broken.push(String::from("file: the files differ"));
    }
    Ok((took.seconds, synced))
}

/// Печатает измерение.
fn took_print(
    common: &Common,
    report: &Report,
    words: &FileArgs,
    took: &Took,
    synced: f64,
    unsynced: f64,
    same: bool,
) {
    let megabytes = words.mib as f64 * MIB as f64 / 1e6;
    let values = vec![
        ("mib", Value::from(words.mib)),
        ("supertext_s", short(took.seconds)),
        ("supertext_wall_s", short(took.wall)),
        ("reference_s", short(synced)),
        ("reference_unsynced_s", short(unsynced)),
        ("supertext_mb_per_s", short(megabytes / took.seconds)),
        ("reference_mb_per_s", short(megabytes / synced)),
        ("ratio", short(synced / took.seconds)),
        ("messages", Value::from(took.waits.total)),
        ("message_p50_us", Value::from(histogram_at(&took.waits, 0.5))),
        ("message_p99_us", Value::from(histogram_at(&took.waits, 0.99))),
        ("message_max_us", Value::from(took.waits.greatest)),
        ("server_peak_mib", short(took.peaks_kib[0] as f64 / 1024.0)),
        ("sender_peak_mib", short(took.peaks_kib[1] as f64 / 1024.0)),
        ("receiver_peak_mib", short(took.peaks_kib[2] as f64 / 1024.0)),
        ("server_cpu_s", short(seconds(&took.spent[0].whole))),
        ("sender_cpu_s", short(seconds(&took.spent[1].whole))),
        ("receiver_cpu_s", short(seconds(&took.spent[2].whole))),
        ("same", Value::from(same)),
    ];
    let bench = if words.direct { "file-direct" } else { "file" };
    line_print(report, &Line { bench, values });
    for (at, who) in ["server", "sender", "receiver"].iter().enumerate() {
        threads_print(report, common.threads, who, "file", &took.spent[at]);
    }
}

/// Файл случайных байт.
fn file_make(path: &Path, mib: u64) -> Result<(), Fail> {
    let what = path.display().to_string();
    let mut file = io_try(FailKind::FileWrite, &what, File::create(path))?;
    let mut step = vec![0u8; MIB];
    for _ in 0..mib {
        random_fill(&mut step)?;
        io_try(FailKind::FileWrite, &what, file.write_all(&step))?;
    }
    // Чтобы запись этого файла на диск не мешала измерению.
    io_try(FailKind::FileWrite, &what, file.sync_all())
}

/// BLAKE3 файла.
fn file_hash(path: &Path) -> Result<[u8; 32], Fail> {
    let what = path.display().to_string();
    let file = io_try(FailKind::FileRead, &what, File::open(path))?;
    let mut hasher = blake3::Hasher::new();
    io_try(FailKind::FileRead, &what, hasher.update_reader(file))?;
    Ok(*hasher.finalize().as_bytes())
}

/// Настоящая передача.
fn transfer(children: &mut Children, words: &FileArgs, folder: &Path) -> Result<Took, Fail> {
    let source = folder.join("random.bin");
    let mut scene = scene_set(children, folder, words.direct)?;
    let mut stamps: Vec<u64> = Vec::new();
    // Первое сообщение знакомит обоих и прогревает путь; в счёт ожиданий оно не идёт.
    message_put(&mut scene, &mut stamps)?;
    let late = Instant::now() + Duration::from_secs(START_SECONDS);
    while tail_find(&scene.said_receiver, "message", "text", "bench 0").is_none() {
        scene_look(&mut scene, late, "first message")?;
    }
    let before = snapshots(&scene);
    let begun = micros_now();
    let peer = scene.peer.clone();
    words_put(&mut scene.sender, &["/send", &peer, &source.display().to_string()])?;
    let late = Instant::now() + Duration::from_secs(words.patience);
    let mut turn = Instant::now();
    loop {
        if tail_find(&scene.said_receiver, "file", "state", "done").is_some() {
            break;
        }
        if turn <= Instant::now() {
            message_put(&mut scene, &mut stamps)?;
            turn += Duration::from_millis(MESSAGE_MS);
        }
        scene_look(&mut scene, late, "file")?;
    }
    let after = snapshots(&scene);
    let mut peaks_kib = [0; 3];
    for at in 0..3 {
        peaks_kib[at] = memory_kib(scene.pids[at], "VmHWM");
    }
    std::thread::sleep(Duration::from_millis(500));
    tail_read(&mut scene.said_receiver)?;
    let (started, done, path) = moments(&scene)?;
    let [server, sender, receiver] = [0, 1, 2];
    let spent = [
        between(&before[server], &after[server]),
        between(&before[sender], &after[sender]),
        between(&before[receiver], &after[receiver]),
    ];
    Ok(Took {
        seconds: done.saturating_sub(started) as f64 / 1e6,
        wall: done.saturating_sub(begun) as f64 / 1e6,
        waits: waits_of(&scene, &stamps, done),
        path,
        peaks_kib,
        spent,
    })
}

/// Снимки трёх процессов.
fn snapshots(scene: &Scene) -> [Snapshot; 3] {
    [snapshot(scene.pids[0]), snapshot(scene.pids[1]), snapshot(scene.pids[2])]
}

/// Запускает сервер (если он нужен) и двух клиентов и ждёт, пока обе линии встанут.
fn scene_set(children: &mut Children, folder: &Path, direct: bool) -> Result<Scene, Fail> {
    let (mut server_pid, mut join) = (0, String::new());
    if !direct {
        let server = server_start(children, &folder.join("server"))?;
        (server_pid, join) = (server.pid, server.join);
    }
    let home = folder.join("receiver");
    let peer = id_of(&home)?;
    let heard = folder.join("receiver.out");
    let mut command = client_command(&home, &join)?;
    command.args(["--name", "Receiver", "--accept-files"]).stdout(Stdio::piped());
    let mut receiver = child_start(&mut command)?;
    let receiver_pid = receiver.id();
    let (input, output) = (receiver.stdin.take(), receiver.stdout.take());
    children.list.push(receiver);
    let (Some(receiver_input), Some(output)) = (input, output) else {
        return Err(fail(FailKind::Internal, "receiver"));
    };
    let mut command = Command::new(program("supertext-bench")?);
    command.arg("watch").stdin(Stdio::from(output)).stdout(output_file(&heard)?);
    children.list.push(child_start(&mut command)?);

    let told = folder.join("sender.out");
    let mut command = client_command(&folder.join("sender"), &join)?;
    command.args(["--name", "Sender", "--yes"]).stdout(output_file(&told)?);
    let mut sender = child_start(&mut command)?;
    let sender_pid = sender.id();
    let input = sender.stdin.take();
    children.list.push(sender);
    let Some(sender_input) = input else {
        return Err(fail(FailKind::Internal, "sender"));
    };
    let mut scene = Scene {
        pids: [server_pid, sender_pid, receiver_pid],
        sender: sender_input,
        _receiver: receiver_input,
        said_sender: tail_open(&told)?,
        said_receiver: tail_open(&heard)?,
        peer,
    };
    let late = Instant::now() + Duration::from_secs(START_SECONDS);
    if direct {
        while tail_find(&scene.said_receiver, "ready", "name", "Receiver").is_none() {
            scene_look(&mut scene, late, "receiver")?;
        }
        if let Some(ready) = tail_find(&scene.said_receiver, "ready", "name", "Receiver") {
            let card = String::from(ready.value["card"].as_str().unwrap_or(""));
            words_put(&mut scene.sender, &["/connect", &card])?;
        }
    }
    while tail_find(&scene.said_sender, "link", "state", "up").is_none()
        || tail_find(&scene.said_receiver, "link", "state", "up").is_none()
    {
        scene_look(&mut scene, late, "links")?;
    }
    let peer = scene.peer.clone();
    words_put(&mut scene.sender, &["/topup", &peer, "files", "10000000"])?;
    words_put(&mut scene.sender, &["/topup", &peer, "messages", "1000000"])?;
    Ok(scene)
}

/// Команда клиента с потоком JSON.
fn client_command(home: &Path, join: &str) -> Result<Command, Fail> {
    let mut command = Command::new(program("supertext")?);
    command.args(["console", "--json", "--lang", "en", "--log", "warn"]);
    command.args(["--listen", "127.0.0.1:0", "--discovery", "off"]);
    if !join.is_empty() {
        command.args(["--server", join]);
    }
    command.arg("--home").arg(home).stdin(Stdio::piped());
    Ok(command)
}

/// Номер того, чья это домашняя папка (личность заводится тут же).
fn id_of(home: &Path) -> Result<String, Fail> {
    let mut command = Command::new(program("supertext")?);
    command.args(["id", "--json", "--home"]).arg(home);
    let output = io_try(FailKind::Internal, "supertext id", command.output())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value: Value = serde_json::from_str(text.trim()).unwrap_or(Value::Null);
    match value["id"].as_str() {
        Some(id) => Ok(String::from(id)),
        None => Err(fail(FailKind::Internal, "supertext id")),
    }
}

/// Ждёт пять миллисекунд и читает, что сказали. Ошибка, если ждать больше нельзя.
fn scene_look(scene: &mut Scene, late: Instant, what: &str) -> Result<(), Fail> {
    std::thread::sleep(Duration::from_millis(5));
    tail_read(&mut scene.said_sender)?;
    tail_read(&mut scene.said_receiver)?;
    for tail in [&scene.said_sender, &scene.said_receiver] {
        for state in ["error", "refused", "cancelled"] {
            if let Some(said) = tail_find(tail, "file", "state", state) {
                return Err(fail(FailKind::Integrity, &said.value.to_string()));
            }
        }
    }
    if Instant::now() < late {
        return Ok(());
    }
    for said in &scene.said_sender.said {
        if said.value["event"] == "error" {
            return Err(fail(FailKind::Internal, &said.value.to_string()));
        }
    }
    Err(fail(FailKind::Internal, &format!("{what}: nothing came in time")))
}

/// Команда в поток JSON отправителя, массивом слов.
fn words_put(input: &mut ChildStdin, words: &[&str]) -> Result<(), Fail> {
    let line = format!("{}\n", Value::from(words.to_vec()));
    io_try(FailKind::Internal, "sender", input.write_all(line.as_bytes()))?;
    io_try(FailKind::Internal, "sender", input.flush())
}

/// Очередное сообщение; миг его записи остаётся в `stamps` под его номером.
fn message_put(scene: &mut Scene, stamps: &mut Vec<u64>) -> Result<(), Fail> {
    let text = format!("bench {}", stamps.len());
    let peer = scene.peer.clone();
    stamps.push(micros_now());
    words_put(&mut scene.sender, &["/msg", &peer, &text])
}

/// Миги начала и конца у получателя и путь готового файла.
fn moments(scene: &Scene) -> Result<(u64, u64, PathBuf), Fail> {
    let started = tail_find(&scene.said_receiver, "file", "state", "started");
    let done = tail_find(&scene.said_receiver, "file", "state", "done");
    let (Some(started), Some(done)) = (started, done) else {
        return Err(fail(FailKind::Internal, "no moment of start or end"));
    };
    let path = done.value["path"].as_str().unwrap_or("");
    Ok((started.micros, done.micros, PathBuf::from(path)))
}

/// Ожидания сообщений, пришедших, пока шёл файл: от записи команды до строки у получателя.
fn waits_of(scene: &Scene, stamps: &[u64], done: u64) -> Histogram {
    let mut waits = Histogram::default();
    for said in &scene.said_receiver.said {
        if said.value["event"] != "message" || said.micros > done {
            continue;
        }
        let text = said.value["text"].as_str().unwrap_or("");
        let number = text.strip_prefix("bench ").unwrap_or("").parse::<usize>().unwrap_or(0);
        if number > 0 && number < stamps.len() {
            histogram_add(&mut waits, said.micros.saturating_sub(stamps[number]));
        }
    }
    waits
}
