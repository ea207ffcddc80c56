//! The filereader: outgoing files are read and sealed here, so that a big file never holds up
//! anybody else. Transfers take turns, four packets at a time.
//! Filereader: здесь читаются и запечатываются отправляемые файлы, чтобы большой файл никого не
//! задерживал. Передачи идут по очереди, по четыре пакета.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::longreads::{backup_do, export_do};
use super::map::{Part, QUEUES, Queues, batch_give, batch_take};
use super::pace::{Pace, pace_limits, pace_new, pace_packets, pace_pay, pace_ready, pace_set};
use super::roles::Event;
use super::vaults::{Vaults, vault_do, vaults_open};
use crate::base::bounds::LANE_FILES_MAX;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::logic::account::VaultOrder;
use crate::logic::events::{ClientEvent, ExportForm, LinkId, Transfer, TransferFacts};
use crate::net::link::Gauge;
use crate::store::home::Home;
use crate::store::settings::{setting_get, settings_read};
use crate::store::source::{
    STEP_PACKETS, Source, source_begin, source_catch_up, source_facts, source_keep, source_open,
    source_remove, source_step,
};
use crate::wire::packets::Lane;

/// Сколько покоя ждать, прежде чем сделать копию базы: при запуске и дальше.
const CALM_FIRST: Duration = Duration::from_secs(5);
const CALM_LATER: Duration = Duration::from_secs(600);

/// Сколько ждать, когда работа есть, а шага сделать нельзя.
const REST: Duration = Duration::from_millis(2);

/// What the controller orders.
pub enum ReaderOrder {
    Home(Box<Home>),
    /// Look at a file: name, size, time.
    Look {
        transfer: Transfer,
        path: String,
    },
    /// The transfer is paid (`fresh`) or known from before: remember its facts.
    Keep {
        transfer: Transfer,
        facts: Box<TransferFacts>,
        fresh: bool,
    },
    Read(ReadOrder),
    Halt {
        transfer: Transfer,
    },
    Drop {
        transfer: Transfer,
    },
    /// Write messages to a file; 0 = of everybody.
    Export {
        peer: Id,
        form: ExportForm,
        names: BTreeMap<Id, String>,
    },
    /// A setting changed.
    Setting {
        key: String,
        value: String,
    },
    /// The account's keys and vault.
    Vault(VaultOrder),
}

/// Packets to read and the link they go to.
pub struct ReadOrder {
    pub transfer: Transfer,
    pub link: LinkId,
    pub gauge: Arc<Gauge>,
    pub me: Id,
    pub first: u64,
    pub count: u64,
    /// Not a continuation: begin a new attempt.
    pub fresh: bool,
    /// The source has been read again up to `first`.
    pub begun: bool,
}

/// One known outgoing transfer.
struct Work {
    facts: TransferFacts,
    source: Option<Source>,
    orders: VecDeque<ReadOrder>,
}

/// State of the filereader, a local of its main.
struct Reader {
    home: Option<Home>,
    works: BTreeMap<Transfer, Work>,
    vaults: Vaults,
    pace: Pace,
    /// Whose turn it was last, while there is a limit.
    turn: Transfer,
}

/// Поток filereader.
pub fn filereader_main() {
    let queues = &*QUEUES;
    let mut reader = Reader {
        home: None,
        works: BTreeMap::new(),
        vaults: Vaults::default(),
        pace: pace_new(),
        turn: 0,
    };
    let mut busy = false;
    let mut rest = Duration::ZERO;
    let mut calm = CALM_FIRST;
    loop {
        // Есть работа — приказы берутся без ожидания; полоса полна или предел выбран — чуть погодя.
        let wait = if busy { rest } else { calm };
        match queues.to_filereader.take.recv_timeout(wait) {
            Ok(order) => order_do(&mut reader, order, queues),
            Err(crossbeam_channel::RecvTimeoutError::Timeout) if !busy => {
                calm = CALM_LATER;
                if let Some(home) = &reader.home {
                    backup_do(home, queues);
                }
            }
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => {}
            Err(crossbeam_channel::RecvTimeoutError::Disconnected) => return,
        }
        while let Ok(order) = queues.to_filereader.take.try_recv() {
            order_do(&mut reader, order, queues);
        }
        let (any, moved) = match pace_limits(&reader.pace) {
            true => paced_turn(&mut reader, queues),
            false => works_turn(&mut reader, queues),
        };
        busy = any;
        rest = if moved { Duration::ZERO } else { REST };
    }
}

/// Говорит controller-у.
fn tell(queues: &Queues, event: Event) {
    let _ = queues.events.put.send(event);
}

/// Выполняет один приказ.
fn order_do(reader: &mut Reader, order: ReaderOrder, queues: &Queues) {
    match order {
        ReaderOrder::Home(home) => {
            if let Some(told) = vaults_open(&mut reader.vaults, &home) {
                tell(queues, Event::Tell(ClientEvent::Vault(told)));
            }
            let settings = settings_read(&home.settings).unwrap_or_default();
            pace_set(&mut reader.pace, &setting_get(&settings, "rate"));
            reader.home = Some(*home);
        }
        ReaderOrder::Look { transfer, path } => match source_facts(Path::new(&path)) {
            Ok(facts) => {
                let (name, size, changed) = (facts.name, facts.size, facts.changed);
                tell(
                    queues,
                    Event::Tell(ClientEvent::SourceOpened { transfer, name, size, changed }),
                );
            }
            Err(failed) => {
                tell(queues, Event::Tell(ClientEvent::SourceFailed { transfer, fail: failed }))
            }
        },
        ReaderOrder::Keep { transfer, facts, fresh } => {
            if let (true, Some(home)) = (fresh, &reader.home) {
                if let Err(failed) = source_keep(&home.outgoing, &facts) {
                    tell(queues, Event::Tell(ClientEvent::SourceFailed { transfer, fail: failed }));
                }
            }
            let work = Work { facts: *facts, source: None, orders: VecDeque::new() };
            reader.works.insert(transfer, work);
        }
        ReaderOrder::Read(order) => {
            if let Some(work) = reader.works.get_mut(&order.transfer) {
                if order.fresh {
                    work.orders.clear();
                }
                work.orders.push_back(order);
            }
        }
        ReaderOrder::Halt { transfer } => {
            if let Some(work) = reader.works.get_mut(&transfer) {
                work.orders.clear();
                work.source = None;
            }
        }
        ReaderOrder::Export { peer, form, names } => {
            if let Some(home) = &reader.home {
                export_do(home, peer, form, &names, queues);
            }
        }
        ReaderOrder::Setting { key, value } => {
            if key == "rate" {
                pace_set(&mut reader.pace, &value);
            }
        }
        ReaderOrder::Vault(order) => {
            if let Some(home) = &reader.home {
                if let Some(told) = vault_do(&mut reader.vaults, home, order) {
                    tell(queues, Event::Tell(ClientEvent::Vault(told)));
                }
            }
        }
        ReaderOrder::Drop { transfer } => {
            if let (Some(work), Some(home)) = (reader.works.remove(&transfer), &reader.home) {
                source_remove(&home.outgoing, &work.facts);
            }
        }
    }
}

/// По одному шагу каждой передаче. Возвращает: есть ли ещё работа, сделан ли хоть один шаг.
fn works_turn(reader: &mut Reader, queues: &Queues) -> (bool, bool) {
    let Some(home) = &reader.home else {
        return (false, false);
    };
    let (mut any, mut moved) = (false, false);
    for (transfer, work) in &mut reader.works {
        let Some(order) = work.orders.front() else {
            continue;
        };
        any = true;
        // Медленная линия не должна копить файл в памяти: ждём, пока полоса опустеет.
        if order.gauge.files.load(Ordering::Relaxed) >= LANE_FILES_MAX / 3 {
            continue;
        }
        moved = true;
        work_go(home, *transfer, work, STEP_PACKETS, queues);
    }
    (any, moved)
}

/// Пока есть предел: один шаг одной передаче, следующей по кругу, чтобы первая не взяла всё.
fn paced_turn(reader: &mut Reader, queues: &Queues) -> (bool, bool) {
    let Some(home) = &reader.home else {
        return (false, false);
    };
    let (mut any, mut chosen) = (false, None);
    for (transfer, work) in &reader.works {
        let Some(order) = work.orders.front() else {
            continue;
        };
        any = true;
        if order.gauge.files.load(Ordering::Relaxed) >= LANE_FILES_MAX / 3 {
            continue;
        }
        let later = *transfer > reader.turn;
        if chosen.is_none() || (later && chosen <= Some(reader.turn)) {
            chosen = Some(*transfer);
        }
    }
    let Some(transfer) = chosen else {
        return (any, false);
    };
    if !pace_ready(&mut reader.pace) {
        return (any, false);
    }
    reader.turn = transfer;
    if let Some(work) = reader.works.get_mut(&transfer) {
        let sent = work_go(home, transfer, work, pace_packets(&reader.pace), queues);
        pace_pay(&mut reader.pace, sent);
    }
    (any, true)
}

/// Шаг одной передачи; неудача становится вестью. Возвращает, сколько байт отдано.
fn work_go(home: &Home, transfer: Transfer, work: &mut Work, most: u64, queues: &Queues) -> usize {
    match work_step(home, transfer, work, most, queues) {
        Ok(sent) => sent,
        Err(failed) => {
            work.orders.clear();
            work.source = None;
            tell(queues, Event::Tell(ClientEvent::SourceFailed { transfer, fail: failed }));
            0
        }
    }
}

/// Один шаг одной передачи: открыть, начать попытку, прочитать и отдать пакеты; сколько байт.
fn work_step(
    home: &Home,
    transfer: Transfer,
    work: &mut Work,
    most: u64,
    queues: &Queues,
) -> Result<usize, Fail> {
    let Some(order) = work.orders.front_mut() else {
        return Ok(0);
    };
    if work.source.is_none() {
        work.source = Some(source_open(&home.outgoing, &work.facts, order.me)?);
        // Заново открытый источник — всегда новая попытка: одноразовое число не повторится.
        order.fresh = true;
    }
    let Some(source) = &mut work.source else {
        return Err(fail(FailKind::Internal, "source"));
    };
    let mut batch = batch_take(queues);
    if order.fresh {
        source_begin(source, order.first)?;
        order.fresh = false;
        order.begun = false;
    }
    if !order.begun {
        // Перечитывание начала блока (или блоков, чьи хеши унёс сбой) идёт шагами.
        if !source_catch_up(source, order.first, &mut batch.bytes)? {
            batch_give(queues, batch);
            return Ok(0);
        }
        order.begun = true;
    }
    let end = order.first + order.count;
    let link = order.link;
    let proof = source_step(source, end, most, &mut batch.bytes)?;
    let next = source.next;
    if next >= end {
        work.orders.pop_front();
    }
    if batch.bytes.is_empty() {
        batch_give(queues, batch);
        return Ok(0);
    }
    let end = batch.bytes.len();
    batch.parts.push(Part { link, lane: Lane::Files, start: 0, end });
    if let Some(proof) = proof {
        tell(queues, Event::Tell(ClientEvent::SourceProof { transfer, proof }));
    }
    tell(queues, Event::SourceBatch { transfer, next, batch });
    Ok(end)
}
