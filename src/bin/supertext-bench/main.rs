//! supertext-bench: the measuring stick. Starts the real programs from its own folder, on loopback
//! and in a temporary folder only, loads them and prints what came out. docs/benchmarks.md.
//! supertext-bench: измерительная линейка. Запускает настоящие программы из своей папки, только
//! на loopback и во временной папке, нагружает и печатает, что вышло. docs/benchmarks.md.

mod children;
mod file;
mod histogram;
mod links;
mod loader;
mod loaders;
mod procfs;
mod reference;
mod relay;
mod report;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use supertext::base::fail::{Fail, FailKind, fail, fail_line, io_try};

use children::orphans_end;
use file::file_measure;
use loader::loader_run;
use reference::give_run;
use relay::{clients_measure, idle_measure, relay_measure};
use report::Report;
use watch::watch_run;

/// Measures Supertext on this machine: real programs, loopback, a temporary folder.
#[derive(Clone, Debug, Parser)]
#[command(name = "supertext-bench", version, about)]
pub struct BenchArgs {
    #[command(subcommand)]
    pub what: What,
    #[command(flatten)]
    pub common: Common,
}

/// Words every measurement knows.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// One JSON object per measurement instead of tables
    #[arg(long, global = true)]
    pub json: bool,
    /// Also CPU seconds of every thread
    #[arg(long, global = true)]
    pub threads: bool,
    /// Where the temporary folder is made
    #[arg(long, global = true)]
    pub dir: Option<PathBuf>,
    /// Processes that make the load
    #[arg(long, global = true, default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=16))]
    pub loaders: u64,
}

/// What to measure.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// A file: disk, client, server, client, disk; beside it a bare TLS pipe
    File(FileArgs),
    /// Messages passed on by the server: how many, how fast
    Relay(RelayArgs),
    /// What an idle connection costs the server
    Idle(IdleArgs),
    /// Many clients, one message a second each; nothing may be lost
    Clients(ClientsArgs),
    /// Everything above
    All,
    /// (inner) a process that makes load
    #[command(hide = true)]
    Loader(LoaderArgs),
    /// (inner) the giving end of the bare TLS pipe
    #[command(hide = true)]
    Give(GiveArgs),
    /// (inner) notes when each line of standard input came
    #[command(hide = true)]
    Watch,
}

/// Words of `file`.
#[derive(Clone, Debug, Args)]
pub struct FileArgs {
    /// Size of the file, MiB
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub mib: u64,
    /// Rounds, each: the bare pipe, Supertext, the bare pipe
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub rounds: u64,
    /// Give up after so many seconds
    #[arg(long, default_value_t = 300)]
    pub patience: u64,
    /// Over a direct link between the two clients, without any server
    #[arg(long)]
    pub direct: bool,
}

/// Words of `relay`.
#[derive(Clone, Debug, Args)]
pub struct RelayArgs {
    /// Pairs of clients; in each one writes, the other reads
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=5_000))]
    pub pairs: u64,
    /// Bytes of a message
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(16..=4_096))]
    pub size: u64,
    /// Seconds of each part
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Messages per second of the steady part (without it: half of what the first part reached,
    /// then 100000)
    #[arg(long)]
    pub rate: Option<u64>,
    /// Messages on the way in a pair at most, in the first part
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(2..=512))]
    pub window: u64,
}

/// Words of `idle`.
#[derive(Clone, Debug, Args)]
pub struct IdleArgs {
    /// Connections
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub connections: u64,
}

/// Words of `clients`.
#[derive(Clone, Debug, Args)]
pub struct ClientsArgs {
    /// Clients
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    pub count: u64,
    /// Seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: u64,
    /// Bytes of a message
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(16..=4_096))]
    pub size: u64,
}

/// Words of the hidden `loader`.
#[derive(Clone, Debug, Args)]
pub struct LoaderArgs {
    #[arg(long)]
    pub server: String,
    #[arg(long)]
    pub clients: u64,
    /// Both of a pair write (otherwise only the first)
    #[arg(long)]
    pub mutual: bool,
    #[arg(long)]
    pub size: u64,
}

/// Words of the hidden `give`.
#[derive(Clone, Debug, Args)]
pub struct GiveArgs {
    #[arg(long)]
    pub to: String,
    #[arg(long)]
    pub file: PathBuf,
}

/// Начало: измерить, прибрать за собой, сказать кодом, всё ли цело.
fn main() -> ExitCode {
    let args = BenchArgs::parse();
    descriptors_raise();
    let done = match &args.what {
        What::Loader(words) => loader_run(words),
        What::Give(words) => give_run(words),
        What::Watch => watch_run(),
        What::File(_) | What::Relay(_) | What::Idle(_) | What::Clients(_) | What::All => {
            measure_all(&args)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("supertext-bench: {}", fail_line(&failed));
            ExitCode::FAILURE
        }
    }
}

/// Временная папка этого запуска: имя с номером процесса.
fn folder_name(args: &BenchArgs) -> PathBuf {
    let base = match &args.common.dir {
        Some(dir) => dir.clone(),
        None => std::env::temp_dir(),
    };
    base.join(format!("supertext-bench-{}", std::process::id()))
}

/// Готовит папку, измеряет, убирает папку. Ошибка, если что-то потеряно или испорчено.
fn measure_all(args: &BenchArgs) -> Result<(), Fail> {
    if let Err(error) = ctrlc::set_handler(on_signal) {
        return Err(fail(FailKind::Internal, &error.to_string()));
    }
    let folder = folder_name(args);
    let shown = folder.display().to_string();
    io_try(FailKind::FileWrite, &shown, std::fs::create_dir_all(&folder))?;
    let mut report = Report { json: args.common.json, broken: Vec::new() };
    let done = measure_chosen(args, &folder, &mut report);
    let _ = std::fs::remove_dir_all(&folder);
    done?;
    if report.broken.is_empty() {
        return Ok(());
    }
    Err(fail(FailKind::Integrity, &report.broken.join("; ")))
}

/// Измеряет то, что просили.
fn measure_chosen(args: &BenchArgs, folder: &Path, report: &mut Report) -> Result<(), Fail> {
    let common = &args.common;
    match &args.what {
        What::File(words) => file_measure(common, words, folder, report),
        What::Relay(words) => relay_measure(common, words, folder, report),
        What::Idle(words) => idle_measure(common, words, folder, report),
        What::Clients(words) => clients_measure(common, words, folder, report),
        What::All => {
            for direct in [false, true] {
                let words = FileArgs { mib: 1024, rounds: 3, patience: 300, direct };
                file_measure(common, &words, folder, report)?;
            }
            for size in [100, 1024] {
                let words = RelayArgs { pairs: 100, size, seconds: 10, rate: None, window: 256 };
                relay_measure(common, &words, folder, report)?;
            }
            idle_measure(common, &IdleArgs { connections: 1_000 }, folder, report)?;
            let words = ClientsArgs { count: 1_000, seconds: 60, size: 100 };
            clients_measure(common, &words, folder, report)
        }
        What::Loader(_) | What::Give(_) | What::Watch => Ok(()),
    }
}

/// Прервали: дети не должны остаться, папка тоже.
fn on_signal() {
    orphans_end();
    let _ = std::fs::remove_dir_all(folder_name(&BenchArgs::parse()));
    std::process::exit(130);
}

/// Поднимает предел открытых сокетов; дети его наследуют. Возвращает, сколько можно.
#[cfg(unix)]
pub fn descriptors_raise() -> u64 {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or(0)
}

/// В Windows такого предела нет.
#[cfg(not(unix))]
pub fn descriptors_raise() -> u64 {
    u64::MAX
}
