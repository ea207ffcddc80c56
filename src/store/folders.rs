//! Where finished files go: HOME/downloads, or the folder of the setting `downloads`. A file begun
//! in one folder ends there, so folders with unfinished files are remembered in folders.txt.
//! Куда ложатся готовые файлы: HOME/downloads или папка из настройки `downloads`. Файл, начатый в
//! одной папке, в ней и кончается, поэтому папки с незаконченными файлами помнит folders.txt.

use std::path::{Path, PathBuf};

use super::home::{Home, text_read, text_write};
use super::journal::{JOURNAL_INCOMING, journal_find, journals_list};
use super::part::parts_settle;
use super::settings::{Settings, setting_get};
use crate::base::bounds::FOLDERS_MAX;
use crate::base::fail::{Fail, FailKind, fail};
use crate::logic::events::{FinishedRow, TransferFacts};

/// The folders of one home.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// Where new files go.
    pub now: PathBuf,
    /// Where unfinished ones may lie; the home's own is the first.
    pub known: Vec<PathBuf>,
    /// The list of the others.
    list: PathBuf,
}

/// Годится ли папка для настройки: пусто — своя, иначе полный путь к папке, которая есть.
/// Ошибка `FolderBad`.
pub fn folder_check(value: &str) -> Result<(), Fail> {
    let path = Path::new(value);
    if value.is_empty() || (path.is_absolute() && path.is_dir()) {
        return Ok(());
    }
    Err(fail(FailKind::FolderBad, value))
}

/// Папки при запуске: своя, прежние, нынешняя.
pub fn folders_read(home: &Home, settings: &Settings) -> Result<Folders, Fail> {
    let list = home.root.join("folders.txt");
    let mut folders = Folders { now: home.downloads.clone(), known: Vec::new(), list };
    folders.known.push(home.downloads.clone());
    if let Some(text) = text_read(&folders.list)? {
        for line in text.lines() {
            folder_know(&mut folders, Path::new(line));
        }
    }
    let chosen = setting_get(settings, "downloads");
    if !chosen.is_empty() {
        folders.now = PathBuf::from(chosen);
        let now = folders.now.clone();
        folder_know(&mut folders, &now);
    }
    Ok(folders)
}

/// Прибавляет папку к известным; `false` — их слишком много.
fn folder_know(folders: &mut Folders, path: &Path) -> bool {
    for known in &folders.known {
        if known == path {
            return true;
        }
    }
    if path.as_os_str().is_empty() || folders.known.len() >= FOLDERS_MAX {
        return false;
    }
    folders.known.push(path.to_path_buf());
    true
}

/// Настройка изменилась: новые файлы пойдут в эту папку (пусто — в свою). Список папок на диске
/// раньше, чем в новой что-то начнётся. Ошибка `FolderBad`: незаконченные уже в слишком многих.
pub fn folders_switch(folders: &mut Folders, value: &str) -> Result<(), Fail> {
    if value.is_empty() {
        if let Some(own) = folders.known.first() {
            folders.now = own.clone();
        }
        return Ok(());
    }
    folders_prune(folders);
    if !folder_know(folders, Path::new(value)) {
        return Err(fail(FailKind::FolderBad, value));
    }
    folders_write(folders)?;
    folders.now = PathBuf::from(value);
    Ok(())
}

/// Забывает папки, в которых незаконченного нет. Недоступная (диск отключён) остаётся.
fn folders_prune(folders: &mut Folders) {
    let mut kept = Vec::new();
    for (index, path) in folders.known.drain(..).enumerate() {
        let empty = match journals_list(&path, JOURNAL_INCOMING) {
            Ok(found) => found.is_empty(),
            Err(_) => false,
        };
        if index == 0 || path == folders.now || !empty {
            kept.push(path);
        }
    }
    folders.known = kept;
}

/// Пишет список папок, кроме своей.
fn folders_write(folders: &Folders) -> Result<(), Fail> {
    let mut text = String::new();
    for path in folders.known.iter().skip(1) {
        text.push_str(&path.display().to_string());
        text.push('\n');
    }
    text_write(&folders.list, &text, false)
}

/// Папка этой передачи: где она начата, а новая — где велит настройка.
pub fn folder_of(folders: &Folders, transfer: &[u8; 16]) -> PathBuf {
    for path in &folders.known {
        if journal_find(path, JOURNAL_INCOMING, transfer).is_some() {
            return path.clone();
        }
    }
    folders.now.clone()
}

/// При запуске доделывает прерванное сбоем во всех папках; что в них не закончено.
pub fn folders_settle(
    folders: &Folders,
    finished: &[FinishedRow],
) -> Result<Vec<TransferFacts>, Fail> {
    let mut incoming = Vec::new();
    for (index, path) in folders.known.iter().enumerate() {
        // Чужая папка может и пропасть: запуску это не мешает.
        if index == 0 || path.is_dir() {
            parts_settle(path, finished)?;
            incoming.append(&mut journals_list(path, JOURNAL_INCOMING)?);
        }
    }
    Ok(incoming)
}
