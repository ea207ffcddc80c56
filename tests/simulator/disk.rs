//! The model disk of one client: what survives a crash. Everything written survives a kill -9; a
//! power loss takes the unsynced tail of the part files.
//! Изображённый диск одного клиента: что переживает крах. kill -9 переживает всё записанное;
//! пропажа питания забирает несинхронизированные хвосты файлов .part.

use std::collections::BTreeMap;

use supertext::base::bounds::{BLOCK_PACKETS, FINISHED_MAX};
use supertext::logic::events::{ContactRow, FinishedRow, LimitRow, TransferFacts};
use supertext::wire::message::TransferId;

/// What one packet of a file holds: of which transfer, and which packet.
pub type Content = (TransferId, u64);

/// A source as the filereader sees it.
#[derive(Clone, Debug)]
pub struct Source {
    pub size: u64,
    pub changed: u64,
    /// The file was changed after it was offered.
    pub broken: bool,
}

/// The journal of an outgoing transfer.
#[derive(Clone, Debug)]
pub struct OutJournal {
    pub facts: TransferFacts,
    pub attempt: u32,
}

/// A part file and its journal.
#[derive(Clone, Debug)]
pub struct PartJournal {
    pub facts: TransferFacts,
    pub content: Vec<Content>,
    /// Blocks that were checked against their FILE_BLOCK.
    pub blocks: u64,
}

/// All that one client keeps beside history.db (that is real, base.rs).
#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub limits: Vec<LimitRow>,
    pub contacts: Vec<ContactRow>,
    pub sources: BTreeMap<String, Source>,
    pub outgoing: BTreeMap<TransferId, OutJournal>,
    pub parts: BTreeMap<TransferId, PartJournal>,
    pub finished: Vec<FinishedRow>,
    pub downloads: BTreeMap<TransferId, Vec<Content>>,
}

/// Пропажа питания: хвост за последним полным записанным блоком пропал.
pub fn disk_power_lost(disk: &mut Disk) -> u64 {
    let mut lost = 0;
    for part in disk.parts.values_mut() {
        let kept = u64::min(part.blocks * BLOCK_PACKETS, part.content.len() as u64) as usize;
        lost += (part.content.len() - kept) as u64;
        part.content.truncate(kept);
    }
    lost
}

/// Добавляет строку о конце передачи, не больше предела.
pub fn disk_finished(disk: &mut Disk, row: FinishedRow) {
    disk.finished.push(row);
    if disk.finished.len() > FINISHED_MAX {
        disk.finished.remove(0);
    }
}

/// Порядок на диске перед запуском: .part конченой передачи — мусор от краха между строкой о
/// конце и удалением файла. То же обязана делать настоящая программа.
pub fn disk_reconcile(disk: &mut Disk) {
    for row in &disk.finished {
        disk.parts.remove(&row.transfer);
    }
}

/// Кончена ли эта входящая передача.
pub fn disk_is_finished(disk: &Disk, transfer: &TransferId) -> bool {
    for row in &disk.finished {
        if row.transfer == *transfer {
            return true;
        }
    }
    false
}
