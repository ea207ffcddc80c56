//! Child processes: the real programs and the load makers. Whoever starts one puts it into the
//! list, and the list is ended by number whatever happened.
//! Дочерние процессы: настоящие программы и нагрузчики. Кто запускает, кладёт в список, и
//! список кончается по номерам, что бы ни случилось.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use supertext::base::fail::{Fail, FailKind, fail, io_try};

/// Everything that was started.
#[derive(Default)]
pub struct Children {
    pub list: Vec<Child>,
}

/// A running server.
#[derive(Clone, Debug)]
pub struct ServerRuns {
    pub pid: u32,
    pub join: String,
}

/// Программа из той же папки, где лежит сама линейка.
pub fn program(name: &str) -> Result<PathBuf, Fail> {
    let own = io_try(FailKind::FileMissing, "exe", std::env::current_exe())?;
    let path = own.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.exists() {
        return Ok(path);
    }
    Err(fail(FailKind::FileMissing, &path.display().to_string()))
}

/// Запускает процесс.
pub fn child_start(command: &mut Command) -> Result<Child, Fail> {
    let what = command.get_program().to_string_lossy().into_owned();
    io_try(FailKind::Internal, &what, command.spawn())
}

/// Файл для вывода процесса.
pub fn output_file(path: &Path) -> Result<File, Fail> {
    io_try(FailKind::FileWrite, &path.display().to_string(), File::create(path))
}

/// Кончает всех по номерам и дожидается; повторный зов безвреден.
pub fn children_end(children: &mut Children) {
    for child in &mut children.list {
        let _ = child.kill();
    }
    for child in &mut children.list {
        let _ = child.wait();
    }
    children.list.clear();
}

/// Запускает сервер и ждёт строк READY и JOIN. Его слова stderr остаются видны.
pub fn server_start(children: &mut Children, home: &Path) -> Result<ServerRuns, Fail> {
    let mut command = Command::new(program("supertext-server")?);
    command.arg("--home").arg(home).args(["--listen", "127.0.0.1:0", "--log", "warn"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = child_start(&mut command)?;
    let pid = child.id();
    let output = child.stdout.take();
    children.list.push(child);
    let Some(output) = output else {
        return Err(fail(FailKind::Internal, "stdout"));
    };
    let mut reader = BufReader::new(output);
    let mut line = String::new();
    loop {
        line.clear();
        if io_try(FailKind::Internal, "server", reader.read_line(&mut line))? == 0 {
            return Err(fail(FailKind::Listen, "the server ended at once"));
        }
        if let Some(join) = line.trim().strip_prefix("JOIN ") {
            return Ok(ServerRuns { pid, join: String::from(join) });
        }
    }
}

/// Прервали: находит своих детей по номеру родителя и кончает каждого по номеру (Linux).
/// В других системах дети уходят сами, когда кончается их ввод; сервер остаётся.
pub fn orphans_end() {
    let own = std::process::id().to_string();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return;
    };
    for entry in entries {
        let Ok(entry) = entry else { continue };
        let text = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((_, tail)) = text.rsplit_once(')') else { continue };
        // После имени в скобках: состояние, затем номер родителя.
        if tail.split_whitespace().nth(1) == Some(own.as_str()) {
            let _ = Command::new("kill").arg("-9").arg(entry.file_name()).status();
        }
    }
}
