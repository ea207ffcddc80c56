//! mail.db of the server: the real mail keeper over a database in memory that outlives the server.
//! Orders come in a queue and share commits; what was not committed is lost in a crash; sometimes
//! the disk refuses.
//! mail.db сервера: настоящий mailkeeper над базой в памяти, которая переживает сервер. Приказы
//! стоят в очереди и делят записи; незаписанное пропадает в крахе; иногда диск отказывает.

use std::collections::BTreeMap;

use rusqlite::Connection;

use supertext::base::ids::Id;
use supertext::logic::events::{MailOrder, ServerEvent};
use supertext::logic::mailbox::Mailbox;
use supertext::store::mail::{mail_prepare, mail_rollback, mail_sums};
use supertext::workers::mailkeeper::{MailKeeper, mail_order, mail_settle};

use super::plan::Canary;
use super::random::random_chance;
use super::texts::PLAIN_WORD;
use super::world::{Happening, World, world_at, world_broken, world_later, world_wait};

/// База сервера: прежняя, без незаписанного, или новая.
pub fn mail_boot(world: &mut World) -> BTreeMap<Id, Mailbox> {
    let base = match world.server.mail.base.take() {
        Some(base) => base,
        None => {
            let base = Connection::open_in_memory().expect("a database in memory");
            mail_prepare(&base).expect("tables of mail.db");
            base
        }
    };
    mail_rollback(&base);
    world.server.mail = MailKeeper::default();
    world.server.orders.clear();
    let mut mailboxes = BTreeMap::new();
    for sum in mail_sums(&base).expect("sums of mail.db") {
        let (count, bytes) = (sum.count, sum.bytes);
        mailboxes.insert(sum.dest, Mailbox { count, bytes, ..Mailbox::default() });
    }
    world.server.mail.base = Some(base);
    mailboxes
}

/// Ставит приказ в очередь; исполнится чуть позже, по порядку.
pub fn mail_later(world: &mut World, order: MailOrder) {
    let slow = world.plan.disk_slow_ms;
    let wait = world_wait(world, 0, slow) / 10;
    world.server.orders.push_back(order);
    let at = u64::max(world.server.mail_us, world.now_us) + wait;
    world.server.mail_us = u64::min(at, world.now_us + 1_000_000);
    mail_plan(world, 0);
}

/// Назначает следующий приказ или, когда их нет, запись.
fn mail_plan(world: &mut World, after_us: u64) {
    let (epoch, at) = (world.server.epoch, world.server.mail_us + after_us);
    world_at(world, at, Happening::Mail { epoch });
}

/// Исполняет следующий приказ внутри общей записи; когда их нет, кончает её.
pub fn mail_run(world: &mut World) {
    let Some(order) = world.server.orders.pop_front() else {
        return mail_commit(world);
    };
    if world.plan.canary == Canary::StoredEarly && stored_early(world, &order) {
        return;
    }
    let fails = !world.healed && random_chance(&mut world.random, world.plan.mail_fails);
    if let (MailOrder::KeyTake { id, .. }, true) = (&order, world.plan.keys_short) {
        keys_exhaust(world, *id);
    }
    pragma(world, fails);
    mail_order(&mut world.server.mail, order);
    pragma(world, false);
    if world.server.orders.is_empty() {
        let slow = world.plan.disk_slow_ms;
        let after = world_wait(world, 0, slow);
        mail_plan(world, after);
    }
}

/// Диск перестаёт принимать запись или принимает снова.
fn pragma(world: &World, on: bool) {
    let line = if on { "PRAGMA query_only=1" } else { "PRAGMA query_only=0" };
    if let (Some(base), true) = (&world.server.mail.base, world.plan.mail_fails > 0) {
        let _ = base.execute_batch(line);
    }
}

/// Одноразовые ключи этого человека кончились: остался запасной.
fn keys_exhaust(world: &World, id: Id) {
    if let Some(base) = &world.server.mail.base {
        let _ = base.execute("DELETE FROM one_time WHERE id = ?1", [id as i64]);
    }
}

/// Кончает общую запись и рассказывает; и здесь диск может отказать.
fn mail_commit(world: &mut World) {
    let fails = !world.healed && random_chance(&mut world.random, world.plan.mail_fails);
    if let (Some(base), true) = (&world.server.mail.base, fails && world.server.mail.begun) {
        // Без открытой записи COMMIT не удастся, как при отказе диска.
        mail_rollback(base);
    }
    mail_settle(&mut world.server.mail);
    let mut told = Vec::new();
    told.append(&mut world.server.mail.told);
    for one in told {
        mail_tell(world, one);
    }
}

/// Доклад логике сервера: по порядку, чуть позже.
fn mail_tell(world: &mut World, told: ServerEvent<'static>) {
    let wait = world_wait(world, 0, 2);
    world.server.told_us = u64::max(world.server.told_us, world.now_us + wait);
    let (epoch, at) = (world.server.epoch, world.server.told_us);
    world_at(world, at, Happening::MailTold { epoch, told });
}

/// Подсаженная ошибка: STORED сказано раньше, чем записано, а до записи сервер не дожил.
fn stored_early(world: &mut World, order: &MailOrder) -> bool {
    let MailOrder::Keep { dest, from, header, .. } = order else {
        return false;
    };
    if world.healed || !random_chance(&mut world.random, 300) {
        return false;
    }
    let (dest, from, content_id) = (*dest, *from, header.content_id);
    mail_tell(world, ServerEvent::MailKept { dest, from, content_id });
    world_later(world, 500_000, Happening::ServerCrash);
    true
}

/// На диске сервера не лежит ни одного открытого слова, и счёт ящиков сходится с диском.
pub fn mail_check(world: &mut World) {
    let Some(base) = &world.server.mail.base else {
        return;
    };
    let query = "SELECT COUNT(*) FROM mail WHERE instr(packet, CAST(?1 AS BLOB)) > 0";
    let mut statement = base.prepare_cached(query).expect("a query");
    let open: i64 = statement.query_row([PLAIN_WORD], first_column).expect("a number");
    drop(statement);
    let mut wrong = Vec::new();
    if open > 0 {
        wrong.push(format!("{open} rows of mail.db can be read"));
    }
    let mut counted = BTreeMap::new();
    for sum in mail_sums(base).expect("sums of mail.db") {
        counted.insert(sum.dest, (sum.count, sum.bytes));
    }
    let mut known = BTreeMap::new();
    for (dest, mailbox) in &world.server.server.mailboxes {
        known.insert(*dest, (mailbox.count, mailbox.bytes));
    }
    if counted != known {
        wrong.push(format!("mailboxes on disk {counted:?}, counted {known:?}"));
    }
    for detail in wrong {
        world_broken(world, "mailbox", &detail);
    }
}

/// Первый столбец строки.
fn first_column(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    row.get(0)
}
