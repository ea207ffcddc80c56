//! History as a file for its owner: JSON for programs, lines for reading. Rows go from the database
//! to the file one by one; the file gets its name only when it is whole and on disk.
//! История файлом для её хозяина: JSON для программ, строки для чтения. Строки идут из базы в
//! файл по одной; имя файл получает, только когда он целиком на диске.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::base::sql_try;
use super::home::options_private;
use super::names::path_free;
use super::past::{SHOW_COLUMNS, SHOW_JOINS, show_of};
use crate::base::clock::{day_local, time_local, time_now, time_rfc3339};
use crate::base::fail::{Fail, FailKind, io_try};
use crate::base::ids::{Id, id_digits, id_shown};
use crate::logic::contacts::letter_harmful;
use crate::logic::events::ExportForm;
use crate::logic::show::{FilePast, MessageShow, file_word};
use crate::wire::message::MessageId;

/// Bytes gathered before they go to the disk.
const BUFFER: usize = 256 * 1024;
/// The id that no message has: nothing is answered.
const MESSAGE_NONE: MessageId = [0; 16];

/// Пишет переписку с человеком (0 — со всеми) в новый файл папки; путь и сколько сообщений.
/// Стёртого и того, что не хранится, в файле нет. Неудача не оставляет файла.
pub fn export_write(
    base: &Connection,
    folder: &Path,
    peer: Id,
    form: ExportForm,
    names: &BTreeMap<Id, String>,
) -> Result<(PathBuf, u64), Fail> {
    let what = folder.display().to_string();
    io_try(FailKind::FileWrite, &what, std::fs::create_dir_all(folder))?;
    let name = export_name(time_now().wall_ms, form);
    let mut beside = path_free(folder, &name).into_os_string();
    beside.push(".tmp");
    let beside = PathBuf::from(beside);
    let what = beside.display().to_string();
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    options_private(&mut options);
    let file = io_try(FailKind::FileWrite, &what, options.open(&beside))?;
    let count = match rows_write(base, file, peer, form, names) {
        Ok(count) => count,
        Err(failed) => {
            let _ = std::fs::remove_file(&beside);
            return Err(failed);
        }
    };
    // Имя могли занять, пока файл писался: свободное ищется снова.
    let path = path_free(folder, &name);
    io_try(FailKind::FileWrite, &what, std::fs::rename(&beside, &path))?;
    Ok((path, count))
}

/// Имя файла по местному времени: `supertext-2026-01-31-124507.json`.
fn export_name(wall_ms: u64, form: ExportForm) -> String {
    let end = match form {
        ExportForm::Json => "json",
        ExportForm::Text => "txt",
    };
    let time = time_local(wall_ms).replace(':', "");
    format!("supertext-{}-{time}.{end}", day_local(wall_ms))
}

/// Пишет все строки и ждёт, пока они на диске.
fn rows_write(
    base: &Connection,
    file: File,
    peer: Id,
    form: ExportForm,
    names: &BTreeMap<Id, String>,
) -> Result<u64, Fail> {
    // `hidden <> 1` — ради указателя messages_shown, он есть только с таким условием.
    let which = if peer == 0 { "?1 = 0" } else { "m.peer = ?1 AND m.hidden <> 1" };
    let select = format!(
        "SELECT {SHOW_COLUMNS} FROM messages m {SHOW_JOINS}
         WHERE {which} AND m.hidden = 0 ORDER BY m.number"
    );
    let mut statement = sql_try(base.prepare_cached(&select))?;
    let mut rows = sql_try(statement.query(params![peer as i64]))?;
    let mut out = BufWriter::with_capacity(BUFFER, file);
    let mut count: u64 = 0;
    while let Some(row) = sql_try(rows.next())? {
        let row = show_of(row)?;
        let name = match names.get(&row.peer) {
            Some(known) => known.as_str(),
            None => "",
        };
        let author = match names.get(&row.author) {
            Some(known) => known.as_str(),
            None => "",
        };
        let line = match form {
            ExportForm::Json => json_line(&row, name, author, count == 0),
            ExportForm::Text => text_line(&row, name, author),
        };
        io_try(FailKind::FileWrite, "export", out.write_all(line.as_bytes()))?;
        count += 1;
    }
    if form == ExportForm::Json {
        let end: &[u8] = if count == 0 { b"[]\n" } else { b"\n]\n" };
        io_try(FailKind::FileWrite, "export", out.write_all(end))?;
    }
    io_try(FailKind::FileWrite, "export", out.flush())?;
    io_try(FailKind::FileWrite, "export", out.get_ref().sync_all())?;
    Ok(count)
}

/// Сообщение как предмет JSON на своей строке; перед первым — начало списка.
fn json_line(row: &MessageShow, name: &str, author: &str, first: bool) -> String {
    let reply = match row.reply {
        MESSAGE_NONE => Value::Null,
        answered => Value::String(uuid_text(&answered)),
    };
    let mut object = json!({
        "peer": id_digits(row.peer), "name": name, "message": uuid_text(&row.message),
        "text": row.text, "outgoing": row.outgoing, "sent": time_rfc3339(row.sent),
        "received": time_or_null(row.received), "read": time_or_null(row.read),
        "edited": time_or_null(row.edited), "reply_to": reply, "kind": "text",
    });
    if let Some(file) = &row.file {
        object["kind"] = json!("file");
        object["file"] = json!(file.name);
        object["size"] = json!(file.size);
        object["path"] = json!(file.path);
        object["state"] = json!(file_word(file.state));
    }
    if row.author != 0 {
        object["author"] = json!(id_digits(row.author));
        object["author_name"] = json!(author);
    }
    format!("{}{object}", if first { "[\n" } else { ",\n" })
}

/// Сообщение для чтения: когда, от кого или кому, текст; его вторая и другие строки отступают,
/// чтобы никакой текст не выглядел чужим сообщением.
fn text_line(row: &MessageShow, name: &str, author: &str) -> String {
    let mut who = who_text(row.peer, name);
    if row.author != 0 {
        who.push_str(&format!(" {}", who_text(row.author, author)));
    }
    let arrow = if row.outgoing { "->" } else { "<-" };
    let mut line = format!("{} {arrow} {who}", time_rfc3339(row.sent));
    for (word, time) in [("received", row.received), ("read", row.read), ("edited", row.edited)] {
        if time != 0 && (word != "received" || row.outgoing) {
            line.push_str(&format!(" [{word} {}]", time_rfc3339(time)));
        }
    }
    if row.reply != MESSAGE_NONE {
        line.push_str(&format!(" [reply to {}]", uuid_text(&row.reply)));
    }
    let text = match &row.file {
        Some(file) => file_line(file),
        None => clean(&row.text, "    "),
    };
    format!("{line} [{}]\n    {text}\n", uuid_text(&row.message))
}

/// Файл строкой: имя, сколько байт, чем кончилось, где лежит.
fn file_line(file: &FilePast) -> String {
    let name = clean(&file.name.replace(['\n', '\t'], " "), "");
    let path = clean(&file.path.replace(['\n', '\t'], " "), "");
    let line = format!("📎 {name} ({} B) {} {path}", file.size, file_word(file.state));
    String::from(line.trim_end())
}

/// Имя в одну строку; без имени — номер.
fn who_text(id: Id, name: &str) -> String {
    match name {
        "" => id_shown(id),
        known => clean(&known.replace(['\n', '\t'], " "), ""),
    }
}

/// Чужой текст без управляющих знаков; после перевода строки — отступ.
fn clean(text: &str, indent: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.replace("\r\n", "\n").chars() {
        let kept = letter == '\n' || letter == '\t' || !letter_harmful(letter);
        out.push(if kept { letter } else { '\u{fffd}' });
        if letter == '\n' {
            out.push_str(indent);
        }
    }
    out
}

/// Номер сообщения в обычном виде.
fn uuid_text(message: &MessageId) -> String {
    uuid::Uuid::from_bytes(*message).hyphenated().to_string()
}

/// Время или ничего, если его ещё не было.
fn time_or_null(wall_ms: u64) -> Value {
    if wall_ms == 0 { Value::Null } else { Value::String(time_rfc3339(wall_ms)) }
}
