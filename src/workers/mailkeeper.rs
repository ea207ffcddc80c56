//! The filesaver's part that keeps mail.db on the server: orders of one wake-up share one commit,
//! and nothing is promised before it is on disk.
//! Часть filesaver-а, которая ведёт mail.db на сервере: приказы одного пробуждения делят одну
//! запись, и ничто не обещано раньше, чем легло на диск.

use rusqlite::Connection;

use crate::base::bounds::{FOUND_MAX, MAIL_PART_BYTES};
use crate::base::fail::{Fail, FailKind};
use crate::base::ids::Id;
use crate::logic::accounts::{AccountFound, AccountOrder, AccountTold};
use crate::logic::events::{LinkId, MailOrder, ServerEvent};
use crate::store::accounts::{
    AccountRow, account_add, account_find, account_get, account_of, account_relogin, account_save,
};
use crate::store::mail::{
    mail_add, mail_age, mail_begin, mail_commit, mail_drop, mail_read, mail_rollback,
};
use crate::store::mail_keys::{key_take, keys_curve, keys_left, keys_put};
use crate::wire::account::{
    ACCOUNT_CHANGE, ACCOUNT_FIND, ACCOUNT_LOGIN, ACCOUNT_REGISTER, ACCOUNT_SAVE,
};
use crate::wire::control::{KeyBundle, KeyItem};
use crate::wire::header::Header;

/// The database and what is to be told after the next commit.
#[derive(Default)]
pub struct MailKeeper {
    pub base: Option<Connection>,
    /// A transaction is open.
    pub begun: bool,
    pub told: Vec<ServerEvent<'static>>,
    /// Messages kept in it: their senders must hear if it fails.
    kept: Vec<Kept>,
    /// Questions about accounts in it: link and action; they must hear too.
    asked: Vec<(LinkId, u8)>,
}

/// A message that is on its way to the disk.
struct Kept {
    dest: Id,
    from: LinkId,
    header: Header,
    bytes: u64,
}

/// Выполняет приказ внутри общей записи.
pub fn mail_order(keeper: &mut MailKeeper, order: MailOrder) {
    if let MailOrder::Keep { dest, from, header, packets, .. } = &order {
        let (dest, from, header) = (*dest, *from, *header);
        keeper.kept.push(Kept { dest, from, header, bytes: packets.len() as u64 });
    }
    if let MailOrder::Account { link, order } = &order {
        keeper.asked.push((*link, action_of(order)));
    }
    if let Err(failed) = order_do(keeper, order) {
        mail_lost(keeper, &failed);
    }
}

/// Запись не удалась: ничего из неё не случилось; отправителям — отказ.
fn mail_lost(keeper: &mut MailKeeper, failed: &Fail) {
    if let Some(base) = &keeper.base {
        mail_rollback(base);
    }
    keeper.begun = false;
    // О прежнем отказе той же записи ещё не рассказано: он не пропадает вместе с нынешним.
    let told = std::mem::take(&mut keeper.told);
    for one in told {
        if matches!(one, ServerEvent::MailFailed { .. }) {
            keeper.told.push(one);
        }
    }
    for Kept { dest, from, header, bytes } in keeper.kept.drain(..) {
        let fail = failed.clone();
        keeper.told.push(ServerEvent::MailFailed { dest, from, header, bytes, fail });
    }
    for (link, action) in keeper.asked.drain(..) {
        let told = AccountTold::Done { action, reason: FailKind::ServerDisk };
        keeper.told.push(ServerEvent::Account { link, told });
    }
}

/// Один приказ.
fn order_do(keeper: &mut MailKeeper, order: MailOrder) -> Result<(), Fail> {
    let Some(base) = &keeper.base else {
        return Ok(());
    };
    if !keeper.begun {
        mail_begin(base)?;
        keeper.begun = true;
    }
    let told = match order {
        MailOrder::Keep { dest, from, header, at, packets } => {
            mail_add(base, dest, &packets, at)?;
            ServerEvent::MailKept { dest, from, content_id: header.content_id }
        }
        MailOrder::Read { dest } => {
            let part = mail_read(base, dest, 0, MAIL_PART_BYTES)?;
            ServerEvent::MailRead { dest, packets: part.packets, upto: part.upto }
        }
        MailOrder::Drop { dest, upto } => {
            let sum = mail_drop(base, dest, upto)?;
            ServerEvent::MailDropped { dest, count: sum.count, bytes: sum.bytes }
        }
        MailOrder::Age { before } => {
            for sum in mail_age(base, before)? {
                let (dest, count, bytes) = (sum.dest, sum.count, sum.bytes);
                keeper.told.push(ServerEvent::MailDropped { dest, count, bytes });
            }
            return Ok(());
        }
        MailOrder::Keys { id, link, keys } => {
            let left = keys_put(base, id, &keys)?;
            ServerEvent::KeysLeft { link, left, curve: keys.curve }
        }
        MailOrder::KeysCount { id, link } => {
            let left = keys_left(base, id)?;
            let curve = keys_curve(base, id)?.unwrap_or_default();
            ServerEvent::KeysLeft { link, left, curve }
        }
        MailOrder::KeyTake { id, link } => {
            ServerEvent::KeyTaken { link, id, found: bundle_take(base, id)? }
        }
        MailOrder::Account { link, order } => {
            ServerEvent::Account { link, told: account_do(base, order)? }
        }
    };
    keeper.told.push(told);
    Ok(())
}

/// Выдаёт один ключ человека; ключ личности допишет логика.
fn bundle_take(base: &Connection, id: Id) -> Result<Option<KeyBundle>, Fail> {
    let Some(taken) = key_take(base, id)? else {
        return Ok(None);
    };
    let key = KeyItem { key: taken.key, signature: taken.key_signature };
    let (curve, signature) = (taken.curve, taken.signature);
    Ok(Some(KeyBundle { public: [0; 32], curve, signature, key }))
}

/// Номер действия в пакете.
fn action_of(order: &AccountOrder) -> u8 {
    match order {
        AccountOrder::Register { .. } => ACCOUNT_REGISTER,
        AccountOrder::Login { .. } => ACCOUNT_LOGIN,
        AccountOrder::Save { .. } => ACCOUNT_SAVE,
        AccountOrder::Change { .. } => ACCOUNT_CHANGE,
        AccountOrder::Find { .. } => ACCOUNT_FIND,
    }
}

/// Приказ об учётных записях.
fn account_do(base: &Connection, order: AccountOrder) -> Result<AccountTold, Fail> {
    let action = action_of(&order);
    let reason = match order {
        AccountOrder::Register { id, name, login, vault, at } => {
            register_do(base, &AccountRow { name, id, login, vault }, at)?
        }
        AccountOrder::Login { name, login } => {
            let mut found = None;
            if let Some(row) = account_get(base, &name)? {
                found = Some(AccountFound { login: row.login, vault: row.vault });
            }
            return Ok(AccountTold::Login { name, login, found });
        }
        AccountOrder::Save { id, login, vault } => match account_of(base, id)? {
            Some(row) if row.login == login => {
                account_save(base, id, &vault)?;
                FailKind::None
            }
            // Пароль сменили с другого компьютера: здешним ключом хранилище запирать нельзя.
            Some(_) => FailKind::PasswordWrong,
            None => FailKind::AccountMissing,
        },
        AccountOrder::Change { id, login, vault } => {
            let changed = account_relogin(base, id, &login, &vault)?;
            if changed { FailKind::None } else { FailKind::AccountMissing }
        }
        AccountOrder::Find { text, id } => {
            let mut people = account_find(base, &text, FOUND_MAX)?;
            if let Some(id) = id {
                if let Some(row) = account_of(base, id)? {
                    people = vec![(row.id, row.name)];
                }
            }
            return Ok(AccountTold::Found { people });
        }
    };
    Ok(AccountTold::Done { action, reason })
}

/// Заводит запись. Повтор той же просьбы (ответ пропал вместе с линией) — снова успех.
fn register_do(base: &Connection, row: &AccountRow, at: u64) -> Result<FailKind, Fail> {
    if account_add(base, row, at)? {
        return Ok(FailKind::None);
    }
    match account_get(base, &row.name)? {
        Some(found) if found.id != row.id => Ok(FailKind::NameTaken),
        Some(found) if found.login == row.login => {
            account_save(base, row.id, &row.vault)?;
            Ok(FailKind::None)
        }
        Some(_) | None => Ok(FailKind::AccountPresent),
    }
}

/// Кончает общую запись; после этого `told` можно рассказывать.
pub fn mail_settle(keeper: &mut MailKeeper) {
    if !keeper.begun {
        return;
    }
    let Some(base) = &keeper.base else {
        return;
    };
    match mail_commit(base) {
        Ok(()) => {
            keeper.begun = false;
            keeper.kept.clear();
            keeper.asked.clear();
        }
        Err(failed) => mail_lost(keeper, &failed),
    }
}
