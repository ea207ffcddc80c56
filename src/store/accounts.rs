//! mail.db, the accounts: a name, whose id it is, the hash of the login key and the sealed vault.
//! The server can open none of the vaults; passwords never come here.
//! mail.db, учётные записи: имя, чей это номер, хеш ключа входа и запечатанное хранилище. Открыть
//! хранилище сервер не может; пароли сюда не попадают.

use rusqlite::{Connection, Rows, params};

use super::mail::{bound_of, bytes_of, number_of, sql_try};
use crate::base::fail::Fail;
use crate::base::ids::Id;

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// As the owner wrote it; it is looked up without regard to case.
    pub name: String,
    pub id: Id,
    /// SHA-256 of the login key.
    pub login: [u8; 32],
    /// Sealed with a key that only the owner's password gives (docs/protocol.md).
    pub vault: Vec<u8>,
}

/// Имя, по которому ищут: без пробелов по краям, строчными буквами.
fn name_folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Заводит запись в `at` (мс с 1970). `false` — имя или номер уже заняты.
pub fn account_add(base: &Connection, row: &AccountRow, at: u64) -> Result<bool, Fail> {
    let insert = "INSERT OR IGNORE INTO accounts(name, shown, id, login, at, vault)
        VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    let added = sql_try(statement.execute(params![
        name_folded(&row.name),
        row.name,
        row.id as i64,
        row.login,
        bound_of(at),
        row.vault
    ]))?;
    Ok(added > 0)
}

/// Запись по имени, большие и малые буквы равны; `None` — такого имени нет.
pub fn account_get(base: &Connection, name: &str) -> Result<Option<AccountRow>, Fail> {
    let select = "SELECT shown, id, login, vault FROM accounts WHERE name = ?1";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let rows = sql_try(statement.query(params![name_folded(name)]))?;
    account_row(rows)
}

/// Те, чьё имя равно тексту или начинается с него, по алфавиту (равное — первым), не больше
/// `many`. Пустой текст не находит никого: всех сразу не показывают.
pub fn account_find(base: &Connection, text: &str, many: u64) -> Result<Vec<(Id, String)>, Fail> {
    let mut found = Vec::new();
    let first = name_folded(text);
    if first.is_empty() {
        return Ok(found);
    }
    // Отрезок по указателю, а не LIKE: быстро, и знаки % и _ в имени ничего не значат. Имена
    // сравниваются по байтам UTF-8, больше последнего знака Юникода там ничего не бывает.
    let beyond = format!("{first}\u{10ffff}");
    let select = "SELECT id, shown FROM accounts WHERE name >= ?1 AND name < ?2
        ORDER BY name LIMIT ?3";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let mut rows = sql_try(statement.query(params![first, beyond, bound_of(many)]))?;
    while let Some(row) = sql_try(rows.next())? {
        found.push((number_of(row, 0)?, sql_try(row.get(1))?));
    }
    Ok(found)
}

/// Заменяет хранилище; `false` — у этого номера нет записи.
pub fn account_save(base: &Connection, id: Id, vault: &[u8]) -> Result<bool, Fail> {
    let update = "UPDATE accounts SET vault = ?2 WHERE id = ?1";
    let mut statement = sql_try(base.prepare_cached(update))?;
    Ok(sql_try(statement.execute(params![id as i64, vault]))? > 0)
}

/// Смена пароля: новый хеш ключа входа и хранилище под новым ключом, вместе; `false` — у этого
/// номера нет записи.
pub fn account_relogin(
    base: &Connection,
    id: Id,
    login: &[u8; 32],
    vault: &[u8],
) -> Result<bool, Fail> {
    let update = "UPDATE accounts SET login = ?2, vault = ?3 WHERE id = ?1";
    let mut statement = sql_try(base.prepare_cached(update))?;
    Ok(sql_try(statement.execute(params![id as i64, login, vault]))? > 0)
}

/// Запись этого номера; `None` — у него её нет.
pub fn account_of(base: &Connection, id: Id) -> Result<Option<AccountRow>, Fail> {
    let select = "SELECT shown, id, login, vault FROM accounts WHERE id = ?1";
    let mut statement = sql_try(base.prepare_cached(select))?;
    let rows = sql_try(statement.query(params![id as i64]))?;
    account_row(rows)
}

/// Первая из найденных записей.
fn account_row(mut rows: Rows<'_>) -> Result<Option<AccountRow>, Fail> {
    let Some(row) = sql_try(rows.next())? else { return Ok(None) };
    Ok(Some(AccountRow {
        name: sql_try(row.get(0))?,
        id: number_of(row, 1)?,
        login: bytes_of(row, 2)?,
        vault: sql_try(row.get(3))?,
    }))
}
