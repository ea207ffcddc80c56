//! A file that is being sent: the source is read in steps, hashed by block, sealed by packet.
//! Файл, который отправляется: источник читается шагами, хешируется по блокам, запечатывается
//! по пакетам.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::journal::{
    JOURNAL_OUTGOING, Journal, journal_counter, journal_create, journal_find, journal_hash,
    journal_open,
};
use super::part::proof_of;
use crate::base::bounds::{BLOCK_PACKETS, FILE_PACKET_BYTES, HEADER_BYTES};
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::base::ids::Id;
use crate::crypto::file_cipher::{FileKey, HEAD_BYTES, file_encrypt, file_key};
use crate::logic::events::TransferFacts;
use crate::wire::file::{
    INDEX_BLOCK, INDEX_END, SEALED_HEAD, SealedHead, TAG_BYTES, file_packets, packet_bytes,
    sealed_head_write,
};
use crate::wire::header::{Header, header_bytes};
use crate::wire::packets::{Kind, packet_row};

/// File packets in one step.
pub const STEP_PACKETS: u64 = 4;
/// Packets read again in one go before a transfer goes on: half a block.
const CATCH_UP_PACKETS: u64 = 128;

/// What is known of a file before it is paid.
#[derive(Debug, PartialEq)]
pub struct SourceFacts {
    pub name: String,
    pub size: u64,
    /// Time of the last change, milliseconds since 1970 UTC.
    pub changed: u64,
}

/// An open outgoing file.
#[derive(Debug)]
pub struct Source {
    journal: Journal,
    key: FileKey,
    file: File,
    me: Id,
    attempt: u32,
    packets: u64,
    /// Next packet to read.
    pub next: u64,
    hasher: blake3::Hasher,
}

/// Узнаёт имя, размер и время файла. Ошибки: `FileMissing` (нет или папка), `FileRead`.
pub fn source_facts(path: &Path) -> Result<SourceFacts, Fail> {
    let what = path.display().to_string();
    if let Ok(facts) = std::fs::metadata(path) {
        // Канал или устройство при открытии могли бы остановить весь поток.
        if !facts.is_file() {
            return Err(fail(FailKind::FileMissing, &what));
        }
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(fail(FailKind::FileMissing, &what));
        }
        Err(error) => return Err(fail(FailKind::FileRead, &format!("{what}: {error}"))),
    };
    let (size, changed) = file_state(&file, &what)?;
    let Some(name) = path.file_name() else {
        return Err(fail(FailKind::FileMissing, &what));
    };
    Ok(SourceFacts { name: name.to_string_lossy().into_owned(), size, changed })
}

/// Размер и время изменения открытого файла; папка — ошибка.
fn file_state(file: &File, what: &str) -> Result<(u64, u64), Fail> {
    let facts = io_try(FailKind::FileRead, what, file.metadata())?;
    if !facts.is_file() {
        return Err(fail(FailKind::FileMissing, what));
    }
    let modified = io_try(FailKind::FileRead, what, facts.modified())?;
    let changed = match modified.duration_since(UNIX_EPOCH) {
        Ok(passed) => passed.as_millis() as u64,
        Err(_) => 0,
    };
    Ok((facts.len(), changed))
}

/// Заводит журнал оплаченной передачи.
pub fn source_keep(folder: &Path, facts: &TransferFacts) -> Result<(), Fail> {
    let path = folder.join(format!("{}.journal", hex::encode(facts.transfer)));
    journal_create(&path, facts)?;
    Ok(())
}

/// Открывает источник по журналу. Ошибка `FileChanged`: файл уже не тот, что предлагали.
pub fn source_open(folder: &Path, facts: &TransferFacts, me: Id) -> Result<Source, Fail> {
    let Some(path) = journal_find(folder, JOURNAL_OUTGOING, &facts.transfer) else {
        return Err(fail(FailKind::JournalBad, &facts.name));
    };
    let journal = journal_open(&path)?;
    let file = match File::open(&facts.path) {
        Ok(file) => file,
        Err(error) => {
            return Err(fail(FailKind::FileMissing, &format!("{}: {error}", facts.path)));
        }
    };
    let source = Source {
        attempt: u32::try_from(journal.counter).unwrap_or(u32::MAX),
        key: file_key(&journal.facts.key)?,
        journal,
        file,
        me,
        packets: file_packets(facts.size),
        next: 0,
        hasher: blake3::Hasher::new(),
    };
    source_check(&source)?;
    Ok(source)
}

/// Источник не изменился? Размер и время сверяются на каждом шаге.
fn source_check(source: &Source) -> Result<(), Fail> {
    let facts = &source.journal.facts;
    let (size, changed) = file_state(&source.file, &facts.path)?;
    if size != facts.size || changed != facts.changed {
        return Err(fail(FailKind::FileChanged, &facts.path));
    }
    Ok(())
}

/// Начинает новую попытку с этого пакета: номер попытки сначала на диске, потом в пакетах,
/// поэтому одноразовое число шифра не повторится и после сбоя. Хеш начатого блока считается
/// заново (`source_catch_up`).
pub fn source_begin(source: &mut Source, first: u64) -> Result<(), Fail> {
    let Some(next) = source.attempt.checked_add(1) else {
        return Err(fail(FailKind::JournalBad, &source.journal.facts.name));
    };
    source.attempt = next;
    journal_counter(&mut source.journal, source.attempt as u64, true)?;
    let block = first / BLOCK_PACKETS;
    // Недостающие хеши прежних блоков (их унёс сбой) и начало нынешнего перечитываются.
    let known = source.journal.hashes.len() as u64;
    let start = if block < known { first } else { known * BLOCK_PACKETS };
    source.next = start;
    source.hasher.reset();
    let place = SeekFrom::Start(start * FILE_PACKET_BYTES as u64);
    io_try(FailKind::FileRead, &source.journal.facts.path, source.file.seek(place))?;
    Ok(())
}

/// Перечитывает до `first` не больше чем столько-то пакетов за раз; `true` — дочитано, и на
/// границе блока в `out` лежит хеш предыдущего (он мог не дойти).
pub fn source_catch_up(source: &mut Source, first: u64, out: &mut Vec<u8>) -> Result<bool, Fail> {
    let stop = u64::min(first, source.next + CATCH_UP_PACKETS);
    let mut buffer = vec![0u8; FILE_PACKET_BYTES];
    while source.next < stop {
        let length = packet_bytes(source.journal.facts.size, source.next);
        let read = source.file.read_exact(&mut buffer[..length]);
        io_try(FailKind::FileRead, &source.journal.facts.path, read)?;
        packet_hash(source, &buffer[..length])?;
    }
    if source.next < first {
        return Ok(false);
    }
    source_check(source)?;
    let ended = first > 0 && (first.is_multiple_of(BLOCK_PACKETS) || first == source.packets);
    if ended {
        block_put(source, (first - 1) / BLOCK_PACKETS, out)?;
    }
    Ok(true)
}

/// Учитывает прочитанный пакет в хеше блока; законченный блок — в журнал.
/// Возвращает номер законченного блока.
fn packet_hash(source: &mut Source, plain: &[u8]) -> Result<Option<u64>, Fail> {
    let block = source.next / BLOCK_PACKETS;
    let known = block < source.journal.hashes.len() as u64;
    if !known {
        source.hasher.update(plain);
    }
    source.next += 1;
    let ended = source.next.is_multiple_of(BLOCK_PACKETS) || source.next == source.packets;
    if !ended {
        return Ok(None);
    }
    if !known {
        let hash = *source.hasher.finalize().as_bytes();
        source.hasher.reset();
        journal_hash(&mut source.journal, &hash)?;
    }
    Ok(Some(block))
}

/// Один шаг: до `most` пакетов от `next`, но не дальше `end`; за концом блока — его хеш, за
/// концом файла — доказательство. Возвращает доказательство, если файл кончился.
pub fn source_step(
    source: &mut Source,
    end: u64,
    most: u64,
    out: &mut Vec<u8>,
) -> Result<Option<[u8; 32]>, Fail> {
    let last = u64::min(end, source.next + most);
    while source.next < last {
        let length = packet_bytes(source.journal.facts.size, source.next);
        let (start, index) = (out.len(), source.next);
        packet_head(source, Kind::FileData, index, length, out);
        let body = start + HEAD_BYTES..start + HEAD_BYTES + length;
        let read = source.file.read_exact(&mut out[body.clone()]);
        if read.is_err() {
            // Файл стал короче на ходу: причина важнее самого отказа чтения.
            source_check(source)?;
        }
        io_try(FailKind::FileRead, &source.journal.facts.path, read)?;
        let ended = packet_hash(source, &out[body])?;
        file_encrypt(&source.key, &mut out[start..])?;
        if let Some(block) = ended {
            block_put(source, block, out)?;
        }
    }
    source_check(source)?;
    if source.next < source.packets {
        return Ok(None);
    }
    let proof = proof_of(&source.journal.hashes);
    sealed_put(source, Kind::FileEnd, INDEX_END, &proof, out)?;
    Ok(Some(proof))
}

/// Начало пакета и место под текст и метку.
fn packet_head(source: &Source, kind: Kind, index: u64, length: usize, out: &mut Vec<u8>) {
    let facts = &source.journal.facts;
    let header = Header {
        source_id: source.me,
        dest_id: facts.peer,
        content_id: facts.handle,
        content_type: packet_row(kind).content_type,
        size: (SEALED_HEAD + length + TAG_BYTES) as u16,
    };
    let start = out.len();
    out.extend_from_slice(&header_bytes(&header));
    out.resize(start + HEAD_BYTES + length + TAG_BYTES, 0);
    let head = SealedHead { attempt: source.attempt, index };
    sealed_head_write(&head, &mut out[start + HEADER_BYTES..]);
}

/// Запечатывает короткий пакет (хеш).
fn sealed_put(
    source: &Source,
    kind: Kind,
    index: u64,
    plain: &[u8; 32],
    out: &mut Vec<u8>,
) -> Result<(), Fail> {
    let start = out.len();
    packet_head(source, kind, index, plain.len(), out);
    out[start + HEAD_BYTES..start + HEAD_BYTES + 32].copy_from_slice(plain);
    file_encrypt(&source.key, &mut out[start..])
}

/// Пакет с хешем блока.
fn block_put(source: &Source, block: u64, out: &mut Vec<u8>) -> Result<(), Fail> {
    let hash = source.journal.hashes[block as usize];
    sealed_put(source, Kind::FileBlock, INDEX_BLOCK | block, &hash, out)
}

/// Передача кончена: журнал больше не нужен.
pub fn source_remove(folder: &Path, facts: &TransferFacts) {
    let path = folder.join(format!("{}.journal", hex::encode(facts.transfer)));
    let _ = std::fs::remove_file(path);
}
