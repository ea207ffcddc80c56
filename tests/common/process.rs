//! Processes that do not outlive their test, waits that do not outlive their bound.
//! Процессы, которые не переживают своё испытание, и ожидания, которые не переживают предел.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// No wait is longer; only a hang meets it.
pub const GUARD: Duration = Duration::from_secs(60);
/// How often a growing file is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A process that does not outlive its test.
pub struct Guard {
    pub child: Child,
}

impl Drop for Guard {
    /// Кончает процесс, если он ещё жив.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ждёт, пока не пройдёт предел; `false` — предел прошёл.
pub fn waiting(since: Instant) -> bool {
    std::thread::sleep(LOOK);
    since.elapsed() < GUARD
}

/// Команда без чужих переменных окружения.
pub fn program(exe: &str) -> Command {
    let mut command = Command::new(exe);
    for (name, _) in std::env::vars() {
        if name.starts_with("SUPERTEXT_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    // Программы испытаний не ищут друг друга по местной сети, разве что испытание того хочет.
    command.env("SUPERTEXT_DISCOVERY", "off");
    command.env("SUPERTEXT_PORT_MAPPING", "off");
    command
}

/// Текст файла или пусто.
pub fn text_of(path: &Path) -> String {
    match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// Код выхода; смерть от сигнала — `-1`.
pub fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// Запускает команду до конца: код, stdout, stderr.
pub fn run_whole(mut command: Command) -> (i32, String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, err) = (folder.path().join("out"), folder.path().join("err"));
    command.stdout(File::create(&out).expect("out")).stderr(File::create(&err).expect("err"));
    let mut guard = Guard { child: command.spawn().expect("starts") };
    let since = Instant::now();
    loop {
        if let Some(status) = guard.child.try_wait().expect("wait") {
            return (code_of(status), text_of(&out), text_of(&err));
        }
        assert!(waiting(since), "does not end: {}{}", text_of(&out), text_of(&err));
    }
}

/// Папка проекта.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Копирует папку целиком.
pub fn folder_copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a copy");
    for entry in std::fs::read_dir(from).expect("a copy") {
        let entry = entry.expect("a copy");
        let place = to.join(entry.file_name());
        if entry.file_type().expect("a copy").is_dir() {
            folder_copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).expect("a copy");
        }
    }
}
