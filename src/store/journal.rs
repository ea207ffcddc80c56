//! The journal of a transfer: its facts, one counter and the block hashes. The receiver's counter
//! says how many packets are saved; the sender's is the number of the attempt (the cipher's nonce).
//! Журнал передачи: её данные, один счётчик и хеши блоков. Счётчик получателя — сколько пакетов
//! записано; счётчик отправителя — номер попытки (часть одноразового числа шифра).
//!
//! Layout: 4096 bytes of JSON padded with spaces, 8 bytes of counter (big-endian), then 32 bytes a
//! block. Расположение: 4096 байт JSON с пробелами, 8 байт счётчика, далее по 32 байта на блок.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::home::options_private;
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::base::ids::{id_digits, id_parse};
use crate::logic::events::TransferFacts;

/// How the journal of an incoming file ends: NAME.part.journal.
pub const JOURNAL_INCOMING: &str = ".part.journal";
/// How the journal of an outgoing file ends.
pub const JOURNAL_OUTGOING: &str = ".journal";
/// Bytes of the JSON part.
const HEAD: usize = 4096;
/// Where the hashes begin.
const HASHES: u64 = HEAD as u64 + 8;

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    pub file: File,
    pub path: PathBuf,
    pub facts: TransferFacts,
    /// Final path of an incoming file.
    pub target: PathBuf,
    pub counter: u64,
    pub hashes: Vec<[u8; 32]>,
}

/// Заводит журнал; существующий с таким путём — ошибка.
pub fn journal_create(path: &Path, facts: &TransferFacts) -> Result<Journal, Fail> {
    let what = path.display().to_string();
    let text = json!({
        "transfer": hex::encode(facts.transfer),
        "handle": facts.handle,
        "peer": id_digits(facts.peer),
        "name": facts.name,
        "path": facts.path,
        "size": facts.size,
        "changed": facts.changed,
        "key": hex::encode(facts.key),
    });
    let mut head = text.to_string().into_bytes();
    if head.len() > HEAD {
        return Err(fail(FailKind::JournalBad, &what));
    }
    head.resize(HEAD, b' ');
    head.extend_from_slice(&0u64.to_be_bytes());
    let mut options = OpenOptions::new();
    options.create_new(true).read(true).write(true);
    options_private(&mut options);
    let mut file = io_try(FailKind::FileWrite, &what, options.open(path))?;
    io_try(FailKind::FileWrite, &what, file.write_all(&head))?;
    io_try(FailKind::FileWrite, &what, file.sync_all())?;
    Ok(Journal {
        file,
        path: path.to_path_buf(),
        facts: facts.clone(),
        target: target_of(path),
        counter: 0,
        hashes: Vec::new(),
    })
}

/// Открывает журнал и читает всё, что в нём есть. Ошибка `JournalBad`: испорчен.
pub fn journal_open(path: &Path) -> Result<Journal, Fail> {
    let what = path.display().to_string();
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let mut file = io_try(FailKind::FileRead, &what, opened)?;
    let mut bytes = Vec::new();
    io_try(FailKind::FileRead, &what, file.read_to_end(&mut bytes))?;
    if bytes.len() < HASHES as usize {
        return Err(fail(FailKind::JournalBad, &what));
    }
    let Some(facts) = head_parse(&bytes[..HEAD]) else {
        return Err(fail(FailKind::JournalBad, &what));
    };
    let target = target_of(path);
    let mut number = [0u8; 8];
    number.copy_from_slice(&bytes[HEAD..HASHES as usize]);
    let mut hashes = Vec::new();
    for part in bytes[HASHES as usize..].chunks_exact(32) {
        let mut hash = [0u8; 32];
        hash.copy_from_slice(part);
        hashes.push(hash);
    }
    let counter = u64::from_be_bytes(number);
    Ok(Journal { file, path: path.to_path_buf(), facts, target, counter, hashes })
}

/// Разбирает JSON журнала.
fn head_parse(bytes: &[u8]) -> Option<TransferFacts> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let mut transfer = [0u8; 16];
    let mut key = [0u8; 32];
    hex::decode_to_slice(value["transfer"].as_str()?, &mut transfer).ok()?;
    hex::decode_to_slice(value["key"].as_str()?, &mut key).ok()?;
    let facts = TransferFacts {
        transfer,
        handle: value["handle"].as_u64()? as u32,
        peer: id_parse(value["peer"].as_str()?).ok()?,
        name: String::from(value["name"].as_str()?),
        path: String::from(value["path"].as_str()?),
        size: value["size"].as_u64()?,
        changed: value["changed"].as_u64()?,
        key,
    };
    Some(facts)
}

/// Готовый файл лежит рядом со своим журналом: его путь следует из имени журнала, а не из
/// содержимого, которое мог бы написать чужой.
fn target_of(path: &Path) -> PathBuf {
    let name = match path.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => String::new(),
    };
    match name.strip_suffix(JOURNAL_INCOMING) {
        Some(stem) => path.with_file_name(stem),
        None => PathBuf::new(),
    }
}

/// Журнал ли это: по концу имени. Принятый файл так называться не может (store/names.rs).
fn is_journal(path: &Path, end: &str) -> bool {
    match path.file_name() {
        Some(name) => name.to_string_lossy().ends_with(end),
        None => false,
    }
}

/// Записывает счётчик. `sync` — дождаться диска (нужно попытке: одноразовое число).
pub fn journal_counter(journal: &mut Journal, counter: u64, sync: bool) -> Result<(), Fail> {
    journal_place(journal, HEAD as u64, &counter.to_be_bytes())?;
    if sync {
        io_try(FailKind::FileWrite, "journal", journal.file.sync_data())?;
    }
    journal.counter = counter;
    Ok(())
}

/// Записывает хеш следующего блока.
pub fn journal_hash(journal: &mut Journal, hash: &[u8; 32]) -> Result<(), Fail> {
    let place = HASHES + 32 * journal.hashes.len() as u64;
    journal_place(journal, place, hash)?;
    journal.hashes.push(*hash);
    Ok(())
}

/// Пишет байты в место файла.
fn journal_place(journal: &mut Journal, place: u64, bytes: &[u8]) -> Result<(), Fail> {
    let what = "journal";
    io_try(FailKind::FileWrite, what, journal.file.seek(SeekFrom::Start(place)))?;
    io_try(FailKind::FileWrite, what, journal.file.write_all(bytes))
}

/// Данные всех журналов папки. Нечитаемый журнал не стирается, а пропускается.
pub fn journals_list(folder: &Path, end: &str) -> Result<Vec<TransferFacts>, Fail> {
    let what = folder.display().to_string();
    let mut found: Vec<TransferFacts> = Vec::new();
    for entry in io_try(FailKind::HomeBad, &what, std::fs::read_dir(folder))? {
        let path = io_try(FailKind::HomeBad, &what, entry)?.path();
        if !is_journal(&path, end) {
            continue;
        }
        match journal_open(&path) {
            Ok(journal) => found.push(journal.facts),
            Err(failed) => tracing::warn!("journal skipped: {}", failed.detail),
        }
    }
    // UUIDv7 растёт со временем: порядок номеров — порядок появления.
    found.sort_by(by_transfer);
    Ok(found)
}

/// Порядок по номеру передачи.
fn by_transfer(one: &TransferFacts, other: &TransferFacts) -> std::cmp::Ordering {
    one.transfer.cmp(&other.transfer)
}

/// Ищет в папке журнал этой передачи.
pub fn journal_find(folder: &Path, end: &str, transfer: &[u8; 16]) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    for entry in entries {
        let path = entry.ok()?.path();
        if !is_journal(&path, end) {
            continue;
        }
        if let Ok(journal) = journal_open(&path) {
            if journal.facts.transfer == *transfer {
                return Some(path);
            }
        }
    }
    None
}
