//! registered.txt of the server: which key an id belongs to. One line each: id, key in hex.
//! registered.txt сервера: какому ключу принадлежит номер. Строка: номер и ключ.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::home::{lines_open, text_read};
use crate::base::fail::{Fail, FailKind, io_try};
use crate::base::ids::{Id, id_digits, id_parse};
use crate::crypto::identity::PublicKey;

/// Открывает файл для дописывания; он остаётся открытым, чтобы запись удалась и тогда, когда
/// дескрипторы на исходе.
pub fn registered_open(path: &Path) -> Result<File, Fail> {
    lines_open(path)
}

/// Дописывает строку: запись навсегда.
pub fn registered_append(file: &mut File, id: Id, key: &PublicKey) -> Result<(), Fail> {
    let line = format!("{} {}\n", id_digits(id), hex::encode(key));
    io_try(FailKind::FileWrite, "registered.txt", file.write_all(line.as_bytes()))
}

/// Читает все строки; последняя оборванная пропускается.
pub fn registered_read(path: &Path) -> Result<BTreeMap<Id, PublicKey>, Fail> {
    let mut known = BTreeMap::new();
    let Some(text) = text_read(path)? else {
        return Ok(known);
    };
    for line in text.lines() {
        let Some((id, key_text)) = line.split_once(' ') else {
            continue;
        };
        let mut key: PublicKey = [0; 32];
        if hex::decode_to_slice(key_text.trim(), &mut key).is_err() {
            continue;
        }
        if let Ok(id) = id_parse(id) {
            known.insert(id, key);
        }
    }
    Ok(known)
}
