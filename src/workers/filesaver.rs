//! The filesaver: everything that is written to disk. Incoming files above all; limits, contacts
//! and settings too, so that the controller never waits for a disk.
//! Filesaver: всё, что пишется на диск. Прежде всего принимаемые файлы; ещё лимиты, контакты и
//! настройки, чтобы controller никогда не ждал диска.

use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use super::basekeeper::{Keeper, base_commit, base_mail, base_order};
use super::map::{Batch, QUEUES, Queues, batch_give};
use super::roles::Event;
use crate::base::bounds::{COMMIT_BYTES, COMMIT_ORDERS, HEADER_BYTES};
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::crypto::identity::PublicKey;
use crate::logic::events::{
    BaseOrder, ClientEvent, ContactRow, FinishedRow, LimitRow, MailOrder, ServerEvent, Transfer,
    TransferFacts,
};
use crate::store::contacts::contacts_write;
use crate::store::desk::Desk;
use crate::store::finished::finished_append;
use crate::store::folders::{Folders, folder_of, folders_read, folders_switch};
use crate::store::home::{Home, Stamp};
use crate::store::licence::{licence_changed, licence_read};
use crate::store::limits::{limits_changed, limits_read, limits_write};
use crate::store::part::{
    Part, PartStep, part_finish, part_mark, part_open, part_packet, part_remove,
};
use crate::store::registered::{registered_append, registered_open};
use crate::store::settings::{Settings, settings_read, settings_write};
use crate::wire::header::header_read;
use crate::wire::packets::packet_find;

/// Как часто смотреть, не правили ли limits.txt руками.
const LIMITS_LOOK: Duration = Duration::from_secs(1);

/// What the controller orders.
pub enum SaverOrder {
    Home(Box<Home>),
    Open {
        transfer: Transfer,
        facts: TransferFacts,
    },
    /// Packets; the `link` of a part is the transfer.
    Data(Batch),
    Halt {
        transfer: Transfer,
    },
    Drop {
        transfer: Transfer,
        facts: TransferFacts,
    },
    Limits(Vec<LimitRow>),
    Contacts(Vec<ContactRow>),
    Setting {
        key: String,
        value: String,
    },
    Finished(FinishedRow),
    Register {
        id: Id,
        key: PublicKey,
    },
    /// The open history.db.
    DeskOpen(Box<Desk>),
    /// The open mail.db.
    MailOpen(Box<Connection>),
    /// Something for mail.db; many orders share one commit.
    Mail(MailOrder),
    /// Something for history.db; many orders share one commit.
    Base(BaseOrder),
    /// Report when everything before this is on disk.
    Sync,
}

/// Сколько байт сообщений несёт приказ: они ждут в памяти.
pub fn saver_weight(order: &SaverOrder) -> usize {
    if let SaverOrder::Base(BaseOrder::Accept { bytes, .. }) = order {
        return bytes.len();
    }
    if let SaverOrder::Mail(MailOrder::Keep { packets, .. }) = order {
        return packets.len();
    }
    0
}

/// State of the filesaver, a local of its main.
#[derive(Default)]
struct Saver {
    home: Option<Home>,
    parts: BTreeMap<Transfer, Part>,
    /// Transfers finished in this run: a late order to open one of them means nothing.
    finished: BTreeSet<Transfer>,
    settings: Settings,
    folders: Folders,
    limits_time: Option<Stamp>,
    licence_time: Option<SystemTime>,
    registered: Option<File>,
    keeper: Keeper,
    /// What limits.txt held when it was last read or written here.
    limits_rows: Vec<LimitRow>,
}

/// Поток filesaver.
pub fn filesaver_main() {
    let queues = &*QUEUES;
    let mut saver = Saver::default();
    let mut looked = Instant::now();
    loop {
        if looked.elapsed() >= LIMITS_LOOK {
            looked = Instant::now();
            limits_watch(&mut saver, queues);
            licence_watch(&mut saver, queues);
        }
        if queues.to_filesaver.take.is_empty() || commit_due(&saver.keeper) {
            commit_do(&mut saver, queues);
        }
        match queues.to_filesaver.take.recv_timeout(LIMITS_LOOK) {
            Ok(order) => {
                let weight = saver_weight(&order);
                saver.keeper.weight += weight;
                order_do(&mut saver, order, queues);
                queues.saver_bytes.fetch_sub(weight, Ordering::Relaxed);
            }
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => {}
            Err(crossbeam_channel::RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Кончает общую запись баз. Найденная порча помечается: следующий запуск проверит базу всю.
fn commit_do(saver: &mut Saver, queues: &Queues) {
    if let (true, Some(home)) = (base_commit(&mut saver.keeper, queues), &saver.home) {
        let _ = std::fs::write(&home.suspect, b"");
    }
}

/// Пора ли кончать запись: приказов или байт в ней уже много.
fn commit_due(keeper: &Keeper) -> bool {
    keeper.waiting >= COMMIT_ORDERS || keeper.weight >= COMMIT_BYTES
}

/// Говорит controller-у.
fn tell(queues: &Queues, event: Event) {
    let _ = queues.events.put.send(event);
}

/// Выполняет один приказ; отказ мелкого файла становится сообщением человеку.
fn order_do(saver: &mut Saver, order: SaverOrder, queues: &Queues) {
    let done = match order {
        SaverOrder::Home(home) => home_do(saver, *home),
        SaverOrder::Open { transfer, facts } => {
            open_do(saver, transfer, &facts, queues);
            Ok(())
        }
        SaverOrder::Data(batch) => {
            data_do(saver, batch, queues);
            Ok(())
        }
        SaverOrder::Halt { transfer } => {
            saver.parts.remove(&transfer);
            Ok(())
        }
        SaverOrder::Drop { transfer, facts } => drop_do(saver, transfer, &facts),
        SaverOrder::Limits(rows) => limits_do(saver, &rows, queues),
        SaverOrder::Contacts(rows) => match &saver.home {
            Some(home) => contacts_write(&home.contacts, &rows),
            None => Ok(()),
        },
        SaverOrder::Setting { key, value } => setting_do(saver, key, value),
        SaverOrder::Finished(row) => match &saver.home {
            Some(home) => finished_append(&home.finished, &row),
            None => Ok(()),
        },
        SaverOrder::Register { id, key } => register_do(saver, id, &key),
        SaverOrder::DeskOpen(desk) => {
            saver.keeper.desk = Some(desk);
            Ok(())
        }
        SaverOrder::MailOpen(base) => {
            saver.keeper.mail.base = Some(*base);
            Ok(())
        }
        SaverOrder::Base(order) => {
            base_order(&mut saver.keeper, order);
            Ok(())
        }
        SaverOrder::Mail(order) => {
            base_mail(&mut saver.keeper, order);
            Ok(())
        }
        SaverOrder::Sync => {
            commit_do(saver, queues);
            tell(queues, Event::SaverIdle);
            Ok(())
        }
    };
    if let Err(failed) = done {
        tell(queues, Event::StoreFailed { fail: failed });
    }
}

/// Узнаёт домашнюю папку и читает из неё то, что ведёт сам.
fn home_do(saver: &mut Saver, home: Home) -> Result<(), Fail> {
    let read = settings_read(&home.settings);
    saver.settings = read.unwrap_or_default();
    saver.limits_time = limits_changed(&home.limits);
    saver.licence_time = licence_changed(&home.licence);
    saver.limits_rows = limits_read(&home.limits).unwrap_or_default();
    let folders = folders_read(&home, &saver.settings);
    saver.home = Some(home);
    saver.folders = folders?;
    Ok(())
}

/// Открывает принимаемый файл.
fn open_do(saver: &mut Saver, transfer: Transfer, facts: &TransferFacts, queues: &Queues) {
    if saver.finished.contains(&transfer) {
        return;
    }
    match part_open(&folder_of(&saver.folders, &facts.transfer), facts) {
        Ok(part) => {
            let saved = part.saved;
            saver.parts.insert(transfer, part);
            tell(queues, Event::Tell(ClientEvent::PartOpened { transfer, saved }));
        }
        Err(failed) => {
            tell(queues, Event::Tell(ClientEvent::PartFailed { transfer, fail: failed }))
        }
    }
}

/// Раскладывает пачку по файлам.
fn data_do(saver: &mut Saver, mut batch: Batch, queues: &Queues) {
    for index in 0..batch.parts.len() {
        let place = batch.parts[index];
        let transfer = place.link;
        let Some(part) = saver.parts.get_mut(&transfer) else {
            continue;
        };
        match packets_save(part, &mut batch.bytes[place.start..place.end]) {
            Ok(PartStep::Fine) => {
                let saved = part.saved;
                tell(queues, Event::Tell(ClientEvent::PartSaved { transfer, saved }));
            }
            Ok(PartStep::Rewound) => {
                let saved = part.saved;
                tell(queues, Event::Tell(ClientEvent::PartRewound { transfer, saved }));
            }
            Ok(PartStep::Proven(proof)) => finish_do(saver, transfer, proof, queues),
            Err(failed) => {
                saver.parts.remove(&transfer);
                tell(queues, Event::Tell(ClientEvent::PartFailed { transfer, fail: failed }));
            }
        }
    }
    batch_give(queues, batch);
}

/// Сохраняет пакеты одного файла подряд; журнал отмечается один раз в конце.
fn packets_save(part: &mut Part, bytes: &mut [u8]) -> Result<PartStep, Fail> {
    let mut at = 0;
    let mut worst = PartStep::Fine;
    while let Some(header) = header_read(&bytes[at..]) {
        let row = packet_find(&header)?;
        let next = at + HEADER_BYTES + header.size as usize;
        match part_packet(part, row.kind, &mut bytes[at..next])? {
            PartStep::Fine => {}
            PartStep::Rewound => worst = PartStep::Rewound,
            PartStep::Proven(proof) => {
                part_mark(part)?;
                return Ok(PartStep::Proven(proof));
            }
        }
        at = next;
    }
    part_mark(part)?;
    Ok(worst)
}

/// Файл доказан: записать «готово» и дать имя.
fn finish_do(saver: &mut Saver, transfer: Transfer, proof: [u8; 32], queues: &Queues) {
    let (Some(home), Some(part)) = (&saver.home, saver.parts.remove(&transfer)) else {
        return;
    };
    match part_finish(part, &home.finished) {
        Ok(path) => {
            saver.finished.insert(transfer);
            let path = path.display().to_string();
            tell(queues, Event::Tell(ClientEvent::PartDone { transfer, path, proof }));
        }
        Err(failed) => {
            tell(queues, Event::Tell(ClientEvent::PartFailed { transfer, fail: failed }))
        }
    }
}

/// Выбрасывает недокачанное.
fn drop_do(saver: &mut Saver, transfer: Transfer, facts: &TransferFacts) -> Result<(), Fail> {
    saver.parts.remove(&transfer);
    part_remove(&folder_of(&saver.folders, &facts.transfer), &facts.transfer)
}

/// Пишет limits.txt и запоминает время своей записи. Если человек правил файл только что, то
/// сначала читается его правка: она важнее, и затирать её нельзя.
fn limits_do(saver: &mut Saver, rows: &[LimitRow], queues: &Queues) -> Result<(), Fail> {
    if limits_watch(saver, queues) {
        return Ok(());
    }
    if let Some(home) = &saver.home {
        saver.limits_time = limits_write(&home.limits, rows)?;
        saver.limits_rows = rows.to_vec();
    }
    Ok(())
}

/// Запоминает, чей номер.
fn register_do(saver: &mut Saver, id: Id, key: &PublicKey) -> Result<(), Fail> {
    if let (None, Some(home)) = (&saver.registered, &saver.home) {
        saver.registered = Some(registered_open(&home.registered)?);
    }
    match &mut saver.registered {
        Some(file) => registered_append(file, id, key),
        None => Ok(()),
    }
}

/// Меняет настройку и пишет файл.
fn setting_do(saver: &mut Saver, key: String, value: String) -> Result<(), Fail> {
    if key == "downloads" {
        folders_switch(&mut saver.folders, &value)?;
    }
    saver.settings.insert(key, value);
    match &saver.home {
        Some(home) => settings_write(&home.settings, &saver.settings),
        None => Ok(()),
    }
}

/// limits.txt правили руками? Тогда прочитать и рассказать. Непонятный файл откладывается
/// копией, чтобы следующая запись его не погубила. Возвращает, принята ли правка.
fn limits_watch(saver: &mut Saver, queues: &Queues) -> bool {
    let Some(home) = &saver.home else {
        return false;
    };
    let time = limits_changed(&home.limits);
    if time == saver.limits_time || time.is_none() {
        return false;
    }
    saver.limits_time = time;
    match limits_read(&home.limits) {
        Ok(rows) => {
            let base = std::mem::replace(&mut saver.limits_rows, rows.clone());
            tell(queues, Event::Tell(ClientEvent::LimitsRead { rows, base }));
            true
        }
        Err(failed) => {
            let _ = std::fs::copy(&home.limits, home.limits.with_extension("txt.damaged"));
            tell(queues, Event::StoreFailed { fail: failed });
            false
        }
    }
}

/// Срок лицензии сервера изменили? Непонятный остаётся прежним, об этом говорится.
fn licence_watch(saver: &mut Saver, queues: &Queues) {
    let Some(home) = &saver.home else {
        return;
    };
    let time = licence_changed(&home.licence);
    if time == saver.licence_time {
        return;
    }
    saver.licence_time = time;
    match licence_read(&home.licence) {
        Ok(until) => tell(queues, Event::TellServer(ServerEvent::Licence { until })),
        Err(failed) => tell(queues, Event::StoreFailed { fail: failed }),
    }
}
