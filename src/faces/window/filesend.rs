//! Files going out of the window: dropped, pasted, chosen; and what the system opens.
//! Файлы, уходящие из окна: брошенные, вставленные, выбранные; и то, что открывает система.

use std::path::Path;

use fltk::dialog::{FileDialogOptions, FileDialogType, NativeFileChooser};

use super::act::{command, effects_run};
use super::state::{Effect, WINDOW, Window};
use supertext::base::ids::id_digits;

/// Файлы, брошенные на чат или вставленные: строки `file://`.
pub fn files_drop(window: &mut Window, lines: &str) -> bool {
    let mut any = false;
    for line in lines.lines() {
        let Some(path) = line.trim().strip_prefix("file://") else { continue };
        let path = percent_decode(path);
        any = file_send(window, &path) || any;
    }
    any
}

/// Отправляет файл в открытый чат; не файл — `false`.
pub fn file_send(window: &mut Window, path: &str) -> bool {
    let Some(peer) = window.open else { return false };
    let there = Path::new(path).is_file();
    if there {
        window.effects.push(Effect::Words(command(&["/send", &id_digits(peer), path])));
    }
    there
}

/// Снимает процентную запись адреса.
fn percent_decode(line: &str) -> String {
    let bytes = line.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' && at + 2 < bytes.len() {
            let pair = std::str::from_utf8(&bytes[at + 1..at + 3]).unwrap_or("");
            if let Ok(byte) = u8::from_str_radix(pair, 16) {
                out.push(byte);
                at += 3;
                continue;
            }
        }
        out.push(bytes[at]);
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Окно выбора файла; выбранное отправляется.
pub fn file_choose() {
    let mut dialog = NativeFileChooser::new(FileDialogType::BrowseMultiFile);
    dialog.set_option(FileDialogOptions::NoOptions);
    let _ = dialog.try_show();
    let names = dialog.filenames();
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    let Some(peer) = window.open else { return };
    for path in names {
        let path = path.display().to_string();
        if !path.is_empty() {
            window.effects.push(Effect::Words(command(&["/send", &id_digits(peer), &path])));
        }
    }
    let effects = std::mem::take(&mut window.effects);
    drop(guard);
    effects_run(effects);
}

/// Открывает файл или папку тем, чем их открывает система.
pub fn path_open(path: &str) {
    let program = if cfg!(windows) {
        "explorer"
    } else if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    // Проводнику Windows нужны косые черты его вида; их и ставит `absolute`.
    let whole = std::path::absolute(path).unwrap_or_default();
    if let Err(error) = std::process::Command::new(program).arg(whole).spawn() {
        tracing::warn!("{program} {path}: {error}");
    }
}
