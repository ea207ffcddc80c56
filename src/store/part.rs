//! A file that is being received: .part and journal on disk, packets opened, blocks proven.
//! Файл, который принимается: .part и журнал на диске, пакеты вскрыты, блоки доказаны.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::finished::finished_append;
use super::journal::{
    JOURNAL_INCOMING, Journal, journal_counter, journal_create, journal_find, journal_hash,
    journal_open, journals_list,
};
use super::names::{name_safe, part_path, path_free};
use crate::base::bounds::{BLOCK_PACKETS, FILE_PACKET_BYTES, HEADER_BYTES};
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::crypto::file_cipher::{FileKey, file_decrypt, file_key};
use crate::logic::events::{FinishedRow, TransferFacts};
use crate::wire::file::{
    INDEX_BLOCK, INDEX_END, file_blocks, file_packets, packet_bytes, sealed_head_read,
};
use crate::wire::packets::Kind;

/// An open incoming file.
#[derive(Debug)]
pub struct Part {
    pub journal: Journal,
    key: FileKey,
    file: File,
    /// Packets saved, one after the other from the beginning.
    pub saved: u64,
    pub packets: u64,
    hasher: blake3::Hasher,
    /// Hash of a complete block that the sender has not confirmed yet.
    pending: Option<[u8; 32]>,
    /// A gap was reported; wait for the right packet.
    gap: bool,
}

/// What one packet did.
#[derive(Debug, PartialEq)]
pub enum PartStep {
    /// Saved or known already.
    Fine,
    /// Something is missing or does not match: ask again from `Part::saved`.
    Rewound,
    /// The proof matches; `part_finish` comes next.
    Proven([u8; 32]),
}

/// Открывает передачу: продолжает по журналу или начинает новую. Место на диске проверяется.
pub fn part_open(folder: &Path, facts: &TransferFacts) -> Result<Part, Fail> {
    let journal = match journal_find(folder, JOURNAL_INCOMING, &facts.transfer) {
        Some(path) => journal_open(&path)?,
        None => {
            space_check(folder, facts.size)?;
            let target = path_free(folder, &name_safe(&facts.name));
            let path = super::names::journal_path(&target);
            journal_create(&path, facts)?
        }
    };
    let part = part_path(&journal.target);
    let what = part.display().to_string();
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    let file = io_try(FailKind::FileWrite, &what, options.open(&part))?;
    let length = io_try(FailKind::FileRead, &what, file.metadata())?.len();
    let key = file_key(&journal.facts.key)?;
    let packets = file_packets(facts.size);
    let mut part = Part {
        saved: saved_count(&journal, packets, length),
        journal,
        key,
        file,
        packets,
        hasher: blake3::Hasher::new(),
        pending: None,
        gap: false,
    };
    space_check(folder, facts.size.saturating_sub(part.saved * FILE_PACKET_BYTES as u64))?;
    block_rehash(&mut part)?;
    Ok(part)
}

/// Хватит ли места. Ошибка `DiskFull` говорит, сколько нужно и сколько есть.
fn space_check(folder: &Path, need: u64) -> Result<(), Fail> {
    let what = folder.display().to_string();
    let free = io_try(FailKind::FileWrite, &what, fs4::available_space(folder))?;
    if need > free {
        return Err(fail(FailKind::DiskFull, &format!("{what}: {need} > {free}")));
    }
    Ok(())
}

/// Сколько пакетов можно считать записанными: по журналу, но не больше, чем есть в файле.
fn saved_count(journal: &Journal, packets: u64, length: u64) -> u64 {
    let proven = journal.hashes.len() as u64 * BLOCK_PACKETS;
    let counted = u64::clamp(journal.counter, proven, proven + BLOCK_PACKETS);
    let size = journal.facts.size;
    let present = if length >= size { packets } else { length / FILE_PACKET_BYTES as u64 };
    u64::min(u64::min(counted, present), packets)
}

/// Пересчитывает хеш начатого блока: не больше одного блока перечитывается с диска.
fn block_rehash(part: &mut Part) -> Result<(), Fail> {
    let proven = part.journal.hashes.len() as u64 * BLOCK_PACKETS;
    let start = u64::min(proven, part.saved);
    let mut left = part_bytes(part, part.saved) - part_bytes(part, start);
    let what = "part";
    let begin = SeekFrom::Start(part_bytes(part, start));
    io_try(FailKind::FileRead, what, part.file.seek(begin))?;
    part.hasher.reset();
    let mut buffer = vec![0u8; FILE_PACKET_BYTES];
    while left > 0 {
        let take = u64::min(left, FILE_PACKET_BYTES as u64) as usize;
        io_try(FailKind::FileRead, what, part.file.read_exact(&mut buffer[..take]))?;
        part.hasher.update(&buffer[..take]);
        left -= take as u64;
    }
    if part.saved > start {
        block_close(part);
    }
    Ok(())
}

/// Байт файла до этого пакета.
fn part_bytes(part: &Part, packets: u64) -> u64 {
    u64::min(part.journal.facts.size, packets * FILE_PACKET_BYTES as u64)
}

/// Если блок закончен, его хеш ждёт подтверждения отправителя.
fn block_close(part: &mut Part) {
    if part.saved.is_multiple_of(BLOCK_PACKETS) || part.saved == part.packets {
        part.pending = Some(*part.hasher.finalize().as_bytes());
        part.hasher.reset();
    }
}

/// Один пакет передачи: данные, хеш блока или конец. Пакет расшифровывается на месте.
pub fn part_packet(part: &mut Part, kind: Kind, packet: &mut [u8]) -> Result<PartStep, Fail> {
    let Ok(head) = sealed_head_read(&packet[HEADER_BYTES..]) else {
        return Ok(gap_tell(part));
    };
    if kind == Kind::FileBlock {
        return block_check(part, head.index, packet);
    }
    if kind == Kind::FileEnd {
        return end_check(part, head.index, packet);
    }
    data_save(part, head.index, packet)
}

/// Пакет данных: только следующий по порядку; старый лишний, новый через пропуск — просить.
fn data_save(part: &mut Part, index: u64, packet: &mut [u8]) -> Result<PartStep, Fail> {
    if index < part.saved {
        return Ok(PartStep::Fine);
    }
    if index > part.saved || part.pending.is_some() {
        return Ok(gap_tell(part));
    }
    // Что не вскрывается, того не было: один испорченный пакет не губит передачу.
    let Ok(plain) = file_decrypt(&part.key, packet) else {
        return Ok(gap_tell(part));
    };
    if plain.len() != packet_bytes(part.journal.facts.size, index) {
        return Err(fail(FailKind::Integrity, "size"));
    }
    part.hasher.update(plain);
    let what = part.journal.target.display().to_string();
    io_try(FailKind::FileWrite, &what, part.file.write_all(plain))?;
    part.saved += 1;
    part.gap = false;
    block_close(part);
    Ok(PartStep::Fine)
}

/// О пропуске говорится один раз, пока не придёт нужный пакет.
fn gap_tell(part: &mut Part) -> PartStep {
    if part.gap {
        return PartStep::Fine;
    }
    part.gap = true;
    PartStep::Rewound
}

/// Хеш блока от отправителя: сошёлся — блок на диск и в журнал, нет — блок заново.
fn block_check(part: &mut Part, index: u64, packet: &mut [u8]) -> Result<PartStep, Fail> {
    let block = index & !INDEX_BLOCK;
    let proven = part.journal.hashes.len() as u64;
    if index & INDEX_BLOCK == 0 || block < proven {
        return Ok(PartStep::Fine);
    }
    let Some(own) = part.pending else {
        return Ok(gap_tell(part));
    };
    if block > proven {
        return Ok(gap_tell(part));
    }
    let Ok(theirs) = file_decrypt(&part.key, packet) else {
        return Ok(gap_tell(part));
    };
    if theirs != own {
        part_rewind(part, proven * BLOCK_PACKETS)?;
        part.gap = true;
        return Ok(PartStep::Rewound);
    }
    let what = part.journal.target.display().to_string();
    io_try(FailKind::FileWrite, &what, part.file.sync_data())?;
    journal_hash(&mut part.journal, &own)?;
    part.pending = None;
    part.gap = false;
    Ok(PartStep::Fine)
}

/// Возвращается к этому пакету.
fn part_rewind(part: &mut Part, saved: u64) -> Result<(), Fail> {
    part.saved = saved;
    part.pending = None;
    part.hasher.reset();
    let place = SeekFrom::Start(part_bytes(part, saved));
    io_try(FailKind::FileWrite, "part", part.file.seek(place))?;
    journal_counter(&mut part.journal, saved, false)
}

/// Записывает в журнал, сколько сохранено (раз на пачку, а не на пакет).
pub fn part_mark(part: &mut Part) -> Result<(), Fail> {
    if part.journal.counter != part.saved {
        let saved = part.saved;
        return journal_counter(&mut part.journal, saved, false);
    }
    Ok(())
}

/// Доказательство файла: BLAKE3 от хешей блоков подряд.
pub fn proof_of(hashes: &[[u8; 32]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for hash in hashes {
        hasher.update(hash);
    }
    *hasher.finalize().as_bytes()
}

/// Конец передачи: все ли блоки есть и то ли доказательство.
fn end_check(part: &mut Part, index: u64, packet: &mut [u8]) -> Result<PartStep, Fail> {
    let blocks = file_blocks(part.journal.facts.size);
    if index != INDEX_END || part.journal.hashes.len() as u64 != blocks {
        return Ok(gap_tell(part));
    }
    let own = proof_of(&part.journal.hashes);
    let Ok(theirs) = file_decrypt(&part.key, packet) else {
        return Ok(gap_tell(part));
    };
    if theirs != own {
        return Err(fail(FailKind::Integrity, "BLAKE3"));
    }
    Ok(PartStep::Proven(own))
}

/// Конец: запись «готово», затем имя. Порядок важен: после сбоя `parts_settle` доделает.
pub fn part_finish(part: Part, finished: &Path) -> Result<PathBuf, Fail> {
    let what = part.journal.target.display().to_string();
    io_try(FailKind::FileWrite, &what, part.file.sync_all())?;
    let transfer = part.journal.facts.transfer;
    finished_append(finished, &FinishedRow { transfer, state: 0 })?;
    drop(part.file);
    part_settle(&part.journal)
}

/// Даёт готовому файлу его имя и убирает журнал.
fn part_settle(journal: &Journal) -> Result<PathBuf, Fail> {
    let part = part_path(&journal.target);
    let mut target = journal.target.clone();
    if target.exists() {
        if let (Some(folder), Some(name)) = (target.parent(), target.file_name()) {
            target = path_free(folder, &name.to_string_lossy());
        }
    }
    let what = target.display().to_string();
    if part.exists() {
        io_try(FailKind::FileWrite, &what, std::fs::rename(&part, &target))?;
        foreign_mark(&target);
    }
    io_try(FailKind::FileWrite, &what, std::fs::remove_file(&journal.path))?;
    Ok(target)
}

/// Помечает файл пришедшим из сети, как это делают браузеры: прежде чем запустить такую программу,
/// Windows спросит. На дисках, где метке нет места (FAT), её нет.
#[cfg(windows)]
fn foreign_mark(target: &Path) {
    let mut stream = target.as_os_str().to_os_string();
    stream.push(":Zone.Identifier");
    let _ = std::fs::write(stream, "[ZoneTransfer]\r\nZoneId=3\r\n");
}

/// Пришедшее из сети помечается только в Windows.
#[cfg(not(windows))]
fn foreign_mark(_target: &Path) {}

/// При запуске доделывает то, что сбой застал между записью «готово» и именем.
pub fn parts_settle(folder: &Path, finished: &[FinishedRow]) -> Result<(), Fail> {
    for facts in journals_list(folder, JOURNAL_INCOMING)? {
        for row in finished {
            if row.transfer != facts.transfer {
                continue;
            }
            // Отказ на одном файле не мешает запуску: он повторится в следующий раз.
            if let Err(failed) = part_after(folder, row) {
                tracing::warn!("part: {}", failed.detail);
            }
        }
    }
    Ok(())
}

/// Доделывает одну законченную передачу: готовой — имя, отменённую — долой.
fn part_after(folder: &Path, row: &FinishedRow) -> Result<(), Fail> {
    if row.state != 0 {
        return part_remove(folder, &row.transfer);
    }
    if let Some(path) = journal_find(folder, JOURNAL_INCOMING, &row.transfer) {
        part_settle(&journal_open(&path)?)?;
    }
    Ok(())
}

/// Выбрасывает недокачанное вместе с журналом.
pub fn part_remove(folder: &Path, transfer: &[u8; 16]) -> Result<(), Fail> {
    if let Some(path) = journal_find(folder, JOURNAL_INCOMING, transfer) {
        let journal = journal_open(&path)?;
        let part = part_path(&journal.target);
        if part.exists() {
            io_try(FailKind::FileWrite, "part", std::fs::remove_file(part))?;
        }
        io_try(FailKind::FileWrite, "journal", std::fs::remove_file(path))?;
    }
    Ok(())
}
