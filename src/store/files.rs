//! Files in the history: every offer is a message without a text and a row here with its facts:
//! name, size, how it ended, where it lies. A caller begins and commits; of live transfers nothing
//! is known here.
//! Файлы в истории: каждое предложение — сообщение без текста и строка здесь: имя, размер, чем
//! кончилось, где лежит. Запись начинает и кончает вызывающий; идущие передачи здесь неизвестны.

use std::collections::BTreeSet;

use rusqlite::{Connection, Params, Row, params};

use super::base::{base_begin, base_commit, bytes_of, id_of, sql_try};
use crate::base::bounds::FILE_NAME_MAX;
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::logic::contacts::text_cut;
use crate::logic::events::{FileMark, FinishedRow, TransferFacts};
use crate::logic::receiving::finished_shown;
use crate::logic::show::{FilePast, FileState};
use crate::wire::message::{Offer, TransferId};

/// The table of files; `number` is that of the message. `state`: 0 not ended, the rest in `ENDS`.
/// It came with version 3 and is made so in older databases too.
pub const FILES_TABLES: &str = "
CREATE TABLE files(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, transfer BLOB NOT NULL, name TEXT NOT NULL,
  size INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0, path TEXT NOT NULL DEFAULT '');
CREATE INDEX files_transfer ON files(peer, transfer);
CREATE INDEX files_open ON files(number) WHERE state = 0;
";

/// How a transfer ends, and the number of it in the table.
const ENDS: [(FileState, i64); 4] = [
    (FileState::Done, 1),
    (FileState::Refused, 2),
    (FileState::Cancelled, 3),
    (FileState::Error, 4),
];

/// Дописывает факты предложения к его сообщению; возвращает имя, каким оно легло.
pub fn file_add(base: &Connection, number: i64, peer: Id, offer: &Offer) -> Result<String, Fail> {
    let insert = "INSERT INTO files(number, peer, transfer, name, size) VALUES(?1, ?2, ?3, ?4, ?5)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    let name = text_cut(&offer.name, FILE_NAME_MAX);
    let size = i64::try_from(offer.size).unwrap_or(i64::MAX);
    let values = params![number, peer as i64, &offer.transfer[..], name, size];
    sql_try(statement.execute(values))?;
    Ok(name)
}

/// Есть ли уже строка этой передачи: предложение повторяют, и не все — с прежним номером конверта.
pub fn file_known(
    base: &Connection,
    peer: Id,
    outgoing: bool,
    transfer: &TransferId,
) -> Result<bool, Fail> {
    let select = "SELECT 1 FROM files f CROSS JOIN messages m ON m.number = f.number
        WHERE f.peer = ?1 AND f.transfer = ?2 AND m.outgoing = ?3";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows = sql_try(statement.query(params![peer as i64, &transfer[..], outgoing]))?;
    Ok(sql_try(rows.next())?.is_some())
}

/// Запоминает, что стало с файлом. Нет такой строки (стёрта, не хранилась) — ничего.
pub fn file_mark(base: &Connection, mark: &FileMark) -> Result<(), Fail> {
    let update = "UPDATE files SET
        state = CASE WHEN ?4 = 0 THEN state ELSE ?4 END,
        path = CASE WHEN ?5 = '' THEN path ELSE ?5 END
        WHERE peer = ?1 AND transfer = ?3 AND ?2 =
          (SELECT outgoing FROM messages WHERE messages.number = files.number)";
    let mut state = 0;
    for (end, column) in ENDS {
        if end == mark.state {
            state = column;
        }
    }
    let mut statement = sql_try(base.prepare_cached(update))?;
    let (peer, transfer) = (mark.peer as i64, &mark.transfer[..]);
    sql_try(statement.execute(params![peer, mark.outgoing, transfer, state, mark.path]))?;
    Ok(())
}

/// Стирает факты сообщений, которые отбирает это условие.
pub fn files_drop<P: Params>(base: &Connection, which: &str, values: P) -> Result<(), Fail> {
    let remove = format!("DELETE FROM files WHERE number IN (SELECT number FROM messages {which})");
    let mut statement = sql_try(base.prepare_cached(&remove))?;
    sql_try(statement.execute(values))?;
    Ok(())
}

/// Стирает факты всех файлов этого человека.
pub fn files_drop_all(base: &Connection, peer: Id) -> Result<(), Fail> {
    let mut statement = sql_try(base.prepare_cached("DELETE FROM files WHERE peer = ?1"))?;
    sql_try(statement.execute(params![peer as i64]))?;
    Ok(())
}

/// Факты файла из столбцов name, size, state, path, начиная с этого; `None` — это не файл.
pub fn file_of(row: &Row<'_>, column: usize) -> Result<Option<FilePast>, Fail> {
    let name: Option<String> = sql_try(row.get(column))?;
    let Some(name) = name else {
        return Ok(None);
    };
    let number: i64 = sql_try(row.get(column + 2))?;
    let mut state = FileState::Offered;
    for (end, known) in ENDS {
        if known == number {
            state = end;
        }
    }
    let (size, path) = (id_of(row, column + 1)?, sql_try(row.get(column + 3))?);
    Ok(Some(FilePast { transfer: 0, state, name, path, size }))
}

/// При запуске: файлы, чей конец сбой застал между концом передачи и записью о нём, получают его.
/// Неоконченных строк мало (у них свой указатель). Исходящее без журнала уже не продолжить.
pub fn files_settle(
    base: &Connection,
    outgoing: &[TransferFacts],
    finished: &[FinishedRow],
) -> Result<(), Fail> {
    let mut live: BTreeSet<TransferId> = BTreeSet::new();
    for facts in outgoing {
        live.insert(facts.transfer);
    }
    let select = "SELECT m.peer, m.outgoing, f.transfer FROM files f CROSS JOIN messages m
        ON m.number = f.number WHERE f.state = 0";
    let mut statement = sql_try(base.prepare(select))?;
    let mut rows = sql_try(statement.query([]))?;
    let mut marks = Vec::new();
    while let Some(row) = sql_try(rows.next())? {
        let (peer, outgoing, transfer) = (id_of(row, 0)?, sql_try(row.get(1))?, bytes_of(row, 2)?);
        let mut end = None;
        if outgoing && !live.contains(&transfer) {
            end = Some(FileState::Error);
        }
        for known in finished {
            if !outgoing && known.transfer == transfer {
                end = Some(finished_shown(known.state));
            }
        }
        if let Some(state) = end {
            let path = String::new();
            marks.push(FileMark { peer, outgoing, transfer, state, path });
        }
    }
    drop(rows);
    if marks.is_empty() {
        return Ok(());
    }
    base_begin(base)?;
    for mark in &marks {
        file_mark(base, mark)?;
    }
    base_commit(base)
}
