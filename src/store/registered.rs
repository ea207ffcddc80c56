//! registered.txt of the server: which key an id belongs to. One line each: id, key in hex.
//! registered.txt сервера: какому ключу принадлежит номер. Строка: номер и ключ.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::home::text_read;
use crate::base::fail::{Fail, FailKind, io_try};
use crate::base::ids::{Id, id_digits, id_parse};
use crate::crypto::identity::PublicKey;

/// Дописывает строку и ждёт, пока она на диске: запись навсегда.
pub fn registered_append(path: &Path, id: Id, key: &PublicKey) -> Result<(), Fail> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    let mut file = io_try(FailKind::FileWrite, "registered.txt", opened)?;
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
