//! finished.txt: how incoming transfers ended, so that a repeated offer gets the same answer even
//! after a restart. One line each: transfer id in hex and a state; only the last thousand are kept.
//! finished.txt: чем кончились входящие передачи, чтобы повторное предложение получило тот же
//! ответ и после перезапуска. Строка: номер передачи и состояние; хранится последняя тысяча.

use std::io::Write;
use std::path::Path;

use super::home::{lines_open, text_read, text_write};
use crate::base::bounds::FINISHED_MAX;
use crate::base::fail::{Fail, FailKind, io_try};
use crate::logic::events::FinishedRow;

/// Дописывает строку и ждёт, пока она на диске.
pub fn finished_append(path: &Path, row: &FinishedRow) -> Result<(), Fail> {
    let mut file = lines_open(path)?;
    let line = format!("{} {}\n", hex::encode(row.transfer), row.state);
    io_try(FailKind::FileWrite, "finished.txt", file.write_all(line.as_bytes()))?;
    io_try(FailKind::FileWrite, "finished.txt", file.sync_data())
}

/// Читает строки; лишние старые отрезаются, нечитаемые пропускаются.
pub fn finished_read(path: &Path) -> Result<Vec<FinishedRow>, Fail> {
    let Some(text) = text_read(path)? else {
        return Ok(Vec::new());
    };
    let mut rows: Vec<FinishedRow> = Vec::new();
    for line in text.lines() {
        let Some((id, state)) = line.split_once(' ') else {
            continue;
        };
        let mut transfer = [0u8; 16];
        if hex::decode_to_slice(id, &mut transfer).is_err() {
            continue;
        }
        if let Ok(state) = state.trim().parse::<u8>() {
            rows.push(FinishedRow { transfer, state });
        }
    }
    if rows.len() > FINISHED_MAX * 2 {
        rows.drain(..rows.len() - FINISHED_MAX);
        let mut short = String::new();
        for row in &rows {
            short.push_str(&format!("{} {}\n", hex::encode(row.transfer), row.state));
        }
        text_write(path, &short, false)?;
    }
    Ok(rows)
}
