//! The JSON pipe under a bad reader: one that is slow, one that goes away, one that never reads.
//! Поток JSON при плохом читателе: медленном, ушедшем, не читающем никогда.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Guard, client_command, waiting};
use std::io::{Read, Write};
use std::process::{ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Клиент с настоящими трубами вместо файлов.
fn piped(folder: &std::path::Path) -> (Guard, ChildStdin, ChildStdout) {
    let mut command = client_command(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut guard = Guard { child: command.spawn().unwrap() };
    let stdin = guard.child.stdin.take().unwrap();
    let stdout = guard.child.stdout.take().unwrap();
    (guard, stdin, stdout)
}

/// Ждёт конца процесса.
fn ended(guard: &mut Guard) -> ExitStatus {
    let since = Instant::now();
    loop {
        if let Some(status) = guard.child.try_wait().unwrap() {
            return status;
        }
        assert!(waiting(since), "the program does not end");
    }
}

#[test]
fn a_great_line_and_quit_still_end_the_program() {
    let folder = tempfile::tempdir().unwrap();
    for size in [300_000, 990_000, 1_100_000] {
        let (mut guard, mut stdin, mut stdout) = piped(&folder.path().join("Ann"));
        // Первая строка забивает трубу, пока её никто не читает; остальное копится за ней.
        stdin.write_all(format!("/{}\n", "x".repeat(300_000)).as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        stdin.write_all(format!("/{}\n/quit\n", "y".repeat(size)).as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        let since = Instant::now();
        let mut buffer = vec![0u8; 1 << 20];
        let mut text = Vec::new();
        while !text.ends_with(b"exit\"}\n") && waiting(since) {
            let taken = stdout.read(&mut buffer).unwrap();
            text.extend_from_slice(&buffer[..taken]);
            if taken == 0 {
                break;
            }
        }
        drop(stdin);
        let status = ended(&mut guard);
        assert!(status.success(), "{size}: {status}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let (mut guard, mut stdin, mut stdout) = piped(&folder.path().join("Ann"));
    let mut first = [0u8; 16];
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    // Следующее же событие встретит закрытую трубу.
    let since = Instant::now();
    while guard.child.try_wait().unwrap().is_none() && waiting(since) {
        let _ = stdin.write_all(b"/status\n");
    }
    assert!(ended(&mut guard).success());
}

#[cfg(unix)]
#[test]
fn a_reader_that_never_reads_cannot_hold_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let (mut guard, mut stdin, mut stdout) = piped(&folder.path().join("Ann"));
    let mut first = [0u8; 16];
    stdout.read_exact(&mut first).unwrap();
    stdin.write_all(format!("/{}\n", "x".repeat(300_000)).as_bytes()).unwrap();
    let since = Instant::now();
    while guard.child.try_wait().unwrap().is_none() && waiting(since) {
        let pid = guard.child.id().to_string();
        let sent =
            std::process::Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status();
        assert!(sent.is_ok());
        std::thread::sleep(Duration::from_millis(200));
    }
    ended(&mut guard);
    drop(stdout);
}
