//! The filesaver's part that keeps mail.db on the server: orders of one wake-up share one commit,
//! and nothing is promised before it is on disk.
//! Часть filesaver-а, которая ведёт mail.db на сервере: приказы одного пробуждения делят одну
//! запись, и ничто не обещано раньше, чем легло на диск.

use rusqlite::Connection;

use crate::base::bounds::MAIL_PART_BYTES;
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::logic::events::{LinkId, MailOrder, ServerEvent};
use crate::store::mail::{
    mail_add, mail_age, mail_begin, mail_commit, mail_drop, mail_read, mail_rollback,
};
use crate::store::mail_keys::{key_take, keys_curve, keys_left, keys_put};
use crate::wire::control::{KeyBundle, KeyItem};
use crate::wire::header::Header;

/// The database and what is to be told after the next commit.
#[derive(Default)]
pub struct MailKeeper {
    pub base: Option<Connection>,
    /// A transaction is open.
    pub begun: bool,
    /// Orders done in it.
    pub waiting: usize,
    pub told: Vec<ServerEvent<'static>>,
    /// Messages kept in it: their senders must hear if it fails.
    kept: Vec<Kept>,
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
    keeper.waiting = 0;
    keeper.told.clear();
    for Kept { dest, from, header, bytes } in keeper.kept.drain(..) {
        let fail = failed.clone();
        keeper.told.push(ServerEvent::MailFailed { dest, from, header, bytes, fail });
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
    keeper.waiting += 1;
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
            keeper.waiting = 0;
            keeper.kept.clear();
        }
        Err(failed) => mail_lost(keeper, &failed),
    }
}
