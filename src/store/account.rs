//! account.json: the keys of one's account, so that the vault is saved again without the password;
//! the vault's text (identity, contacts, keys of people); restore.json: a vault that was fetched
//! and is put in place when the program begins again, before anything else is read. A crash in the
//! middle of that repeats it.
//! account.json: ключи учётной записи, чтобы хранилище сохранялось без пароля; текст хранилища
//! (личность, контакты, ключи людей); restore.json: полученное хранилище, которое встаёт на место
//! при новом запуске программы, раньше всего остального. Сбой посреди этого всё повторит.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::base::{base_begin, base_commit, sql_try};
use super::contacts::{contacts_of, contacts_write, standing_word};
use super::home::{Home, identity_aside, text_read, text_write};
use super::people::{person_get, person_set};
use super::room_vault::{room_value, rooms_of};
use super::rooms::{room_get, room_set};
use super::settings::{settings_read, settings_write};
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::base::ids::{Id, id_digits};
use crate::crypto::identity::{PublicKey, id_of_key, key_of_certificate};
use crate::crypto::pem::pem_chain;
use crate::logic::events::{ContactRow, PersonFacts, Standing};
use crate::logic::rooms::RoomFacts;

/// Version of the vault's text.
const VAULT_VERSION: u64 = 1;

/// What account.json holds. No Debug: these are secrets.
#[derive(Clone)]
pub struct AccountFile {
    pub name: String,
    pub login: [u8; 32],
    pub wrap: [u8; 32],
    /// SHA-256 of the vault's text that the server has.
    pub saved: [u8; 32],
}

/// What a vault holds. No Debug: these are secrets.
pub struct Vault {
    pub key_pem: String,
    pub chain_pem: String,
    /// One's own name for others.
    pub name: String,
    pub contacts: Vec<ContactRow>,
    pub people: Vec<PersonFacts>,
    pub rooms: Vec<RoomFacts>,
}

/// Читает account.json; нет файла — `None`. Испорченный откладывается, ошибка `SettingsBad`.
pub fn account_read(home: &Home) -> Result<Option<AccountFile>, Fail> {
    let Some(text) = text_read(&home.account)? else {
        return Ok(None);
    };
    let parsed: Result<Value, serde_json::Error> = serde_json::from_str(&text);
    if let Ok(value) = &parsed {
        if let Some(found) = account_of(value) {
            return Ok(Some(found));
        }
    }
    let aside = home.account.with_extension("json.damaged");
    let _ = std::fs::rename(&home.account, &aside);
    Err(fail(FailKind::SettingsBad, &aside.display().to_string()))
}

/// Запись из JSON; `None` — испорчена.
fn account_of(value: &Value) -> Option<AccountFile> {
    Some(AccountFile {
        name: String::from(value["name"].as_str()?),
        login: hex_of(&value["login"])?,
        wrap: hex_of(&value["wrap"])?,
        saved: hex_of(&value["saved"])?,
    })
}

/// 32 байта из шестнадцатеричной строки.
fn hex_of(value: &Value) -> Option<[u8; 32]> {
    let mut bytes = [0u8; 32];
    hex::decode_to_slice(value.as_str()?, &mut bytes).ok()?;
    Some(bytes)
}

/// Запись как JSON.
fn account_json(account: &AccountFile) -> Value {
    json!({
        "name": account.name,
        "login": hex::encode(account.login),
        "wrap": hex::encode(account.wrap),
        "saved": hex::encode(account.saved),
    })
}

/// Пишет account.json неделимо, только владельцу.
pub fn account_write(home: &Home, account: &AccountFile) -> Result<(), Fail> {
    text_write(&home.account, &account_json(account).to_string(), true)
}

/// Текст хранилища, не длиннее `bytes_max`, и сколько контактов не поместилось. Первыми кладутся
/// те, с кем знакомы; с каждым — его ключ.
pub fn vault_text(
    home: &Home,
    name: &str,
    contacts: &[ContactRow],
    people: &[PersonFacts],
    rooms: &[RoomFacts],
    bytes_max: usize,
) -> Result<(String, u64), Fail> {
    let mut vault = json!({
        "version": VAULT_VERSION,
        "key": pem_text(home, "client.key")?,
        "chain": pem_text(home, "client.crt")?,
        "name": name,
        "contacts": [],
        "people": [],
        "rooms": [],
    });
    let mut room = bytes_max.saturating_sub(vault.to_string().len());
    let mut keys: BTreeMap<Id, &PersonFacts> = BTreeMap::new();
    for person in people {
        keys.insert(person.peer, person);
    }
    let (mut rows, mut known) = (Vec::new(), Vec::new());
    let mut skipped = 0;
    for close in [true, false] {
        for row in contacts {
            if close != matches!(row.standing, Standing::Contact | Standing::Asked) {
                continue;
            }
            if !piece_add(&mut rows, contact_json(row), &mut room) {
                skipped += 1;
            } else if let Some(person) = keys.remove(&row.id) {
                piece_add(&mut known, person_json(person), &mut room);
            }
        }
    }
    for person in keys.values() {
        piece_add(&mut known, person_json(person), &mut room);
    }
    let mut listed = Vec::new();
    for facts in rooms {
        if let Some(value) = room_value(facts) {
            skipped += u64::from(!piece_add(&mut listed, value, &mut room));
        }
    }
    vault["rooms"] = Value::Array(listed);
    vault["contacts"] = Value::Array(rows);
    vault["people"] = Value::Array(known);
    Ok((vault.to_string(), skipped))
}

/// Файл личности, как он лежит.
fn pem_text(home: &Home, name: &str) -> Result<String, Fail> {
    match text_read(&home.cert.join(name))? {
        Some(text) => Ok(text),
        None => Err(fail(FailKind::KeyBad, &format!("cert/{name}"))),
    }
}

/// Добавляет кусок, если есть место; запятая тоже место.
fn piece_add(list: &mut Vec<Value>, piece: Value, room: &mut usize) -> bool {
    let length = piece.to_string().len() + 1;
    if length > *room {
        return false;
    }
    *room -= length;
    list.push(piece);
    true
}

/// Контакт без того, что само собой разумеется: место в хранилище дорого.
fn contact_json(row: &ContactRow) -> Value {
    let mut map = Map::new();
    map.insert(String::from("id"), Value::from(id_digits(row.id)));
    if !row.name.is_empty() {
        map.insert(String::from("name"), Value::from(row.name.clone()));
    }
    if row.blocked {
        map.insert(String::from("blocked"), Value::from(true));
    }
    if row.standing != Standing::Contact {
        map.insert(String::from("standing"), Value::from(standing_word(row.standing)));
    }
    if !row.words.is_empty() {
        map.insert(String::from("words"), Value::from(row.words.clone()));
    }
    if !row.keep {
        map.insert(String::from("keep"), Value::from(false));
    }
    if !row.folder.is_empty() {
        map.insert(String::from("folder"), Value::from(row.folder.clone()));
    }
    Value::Object(map)
}

/// Ключ человека; номер следует из ключа. Виденный, но не признанный новый ключ тоже едет.
fn person_json(person: &PersonFacts) -> Value {
    let mut map = Map::new();
    map.insert(String::from("public"), Value::from(hex::encode(person.public)));
    if let Some(changed) = &person.changed {
        map.insert(String::from("changed"), Value::from(hex::encode(changed)));
    }
    if person.verified {
        map.insert(String::from("verified"), Value::from(true));
    }
    Value::Object(map)
}

/// Разбирает текст хранилища. Ошибка `Integrity`: оно испорчено или новее программы.
pub fn vault_parse(text: &str) -> Result<Vault, Fail> {
    let parsed: Result<Value, serde_json::Error> = serde_json::from_str(text);
    let bad = fail(FailKind::Integrity, "vault");
    let Ok(value) = parsed else { return Err(bad) };
    if value["version"].as_u64() != Some(VAULT_VERSION) {
        return Err(bad);
    }
    match vault_of(&value) {
        Some(vault) => Ok(vault),
        None => Err(bad),
    }
}

/// Хранилище из JSON; `None` — испорчено.
fn vault_of(value: &Value) -> Option<Vault> {
    let mut people = Vec::new();
    for item in value["people"].as_array()? {
        let public: PublicKey = hex_of(&item["public"])?;
        let mut changed = None;
        if !item["changed"].is_null() {
            changed = Some(hex_of(&item["changed"])?);
        }
        let verified = item["verified"].as_bool().unwrap_or_default();
        people.push(PersonFacts { peer: id_of_key(&public), public, changed, verified });
    }
    Some(Vault {
        key_pem: String::from(value["key"].as_str()?),
        chain_pem: String::from(value["chain"].as_str()?),
        name: String::from(value["name"].as_str()?),
        contacts: contacts_of(&value["contacts"])?,
        people,
        rooms: rooms_of(&value["rooms"])?,
    })
}

/// Открытый ключ личности хранилища.
pub fn vault_public(vault: &Vault) -> Result<PublicKey, Fail> {
    key_of_certificate(&pem_chain("vault", &vault.chain_pem)?[0])
}

/// Открытый ключ личности, которая в папке сейчас.
pub fn home_public(home: &Home) -> Result<PublicKey, Fail> {
    key_of_certificate(&pem_chain("client.crt", &pem_text(home, "client.crt")?)?[0])
}

/// Не пуста ли папка: есть сообщения.
pub fn messages_any(base: &Connection) -> Result<bool, Fail> {
    let mut statement = sql_try(base.prepare("SELECT 1 FROM messages LIMIT 1"))?;
    let mut rows = sql_try(statement.query([]))?;
    Ok(sql_try(rows.next())?.is_some())
}

/// Кладёт хранилище так, чтобы следующий запуск поставил его на место.
pub fn restore_write(home: &Home, account: &AccountFile, vault: &str) -> Result<(), Fail> {
    let text = json!({"account": account_json(account), "vault": vault}).to_string();
    text_write(&home.restore, &text, true)
}

/// При запуске: если хранилище ждёт, ставит на место личность, контакты, имя и ключи записи.
/// Возвращает его: ключи людей лягут в базу, когда она откроется (`restore_people`).
pub fn restore_take(home: &Home) -> Result<Option<Vault>, Fail> {
    let Some(text) = text_read(&home.restore)? else {
        return Ok(None);
    };
    let parsed: Result<Value, serde_json::Error> = serde_json::from_str(&text);
    let value = parsed.unwrap_or_default();
    let (account, vault) = (account_of(&value["account"]), value["vault"].as_str());
    let (Some(account), Some(vault)) = (account, vault) else {
        let aside = home.restore.with_extension("json.damaged");
        let _ = std::fs::rename(&home.restore, &aside);
        return Err(fail(FailKind::SettingsBad, &aside.display().to_string()));
    };
    let vault = vault_parse(vault)?;
    let (key_path, chain_path) = (home.cert.join("client.key"), home.cert.join("client.crt"));
    let key_there = text_read(&key_path)?.as_deref() == Some(vault.key_pem.as_str());
    if !key_there {
        identity_aside(home)?;
    }
    text_write(&chain_path, &vault.chain_pem, false)?;
    text_write(&key_path, &vault.key_pem, true)?;
    contacts_write(&home.contacts, &vault.contacts)?;
    let mut settings = settings_read(&home.settings)?;
    settings.insert(String::from("name"), vault.name.clone());
    settings_write(&home.settings, &settings)?;
    account_write(home, &account)?;
    Ok(Some(vault))
}

/// Кладёт ключи людей и комнаты в базу и кончает восстановление.
pub fn restore_people(home: &Home, base: &Connection, vault: &Vault) -> Result<(), Fail> {
    base_begin(base)?;
    for person in &vault.people {
        if person_get(base, person.peer)?.is_none() {
            person_set(base, person)?;
        }
    }
    for room in &vault.rooms {
        if room_get(base, room.id)?.is_none() {
            room_set(base, room)?;
        }
    }
    base_commit(base)?;
    io_try(FailKind::FileWrite, "restore.json", std::fs::remove_file(&home.restore))
}
