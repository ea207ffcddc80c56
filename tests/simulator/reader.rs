//! The model filereader: opens sources, keeps the attempt in the journal, answers requests with
//! FILE_DATA, FILE_BLOCK and FILE_END in order, and never uses one (attempt, index) twice.
//! Изображённый filereader: открывает источники, хранит попытку в журнале, отвечает на просьбы
//! пакетами FILE_DATA, FILE_BLOCK и FILE_END по порядку, пару (попытка, номер) — один раз.

use supertext::base::bounds::BLOCK_PACKETS;
use supertext::base::fail::{FailKind, fail};
use supertext::base::ids::Id;
use supertext::logic::events::{LinkId, Transfer};
use supertext::logic::mesh_carry::{THIRD_FIRST, link_over};
use supertext::wire::file::{
    INDEX_BLOCK, INDEX_END, SEALED_HEAD, SealedHead, file_packets, sealed_head_write,
};
use supertext::wire::header::Header;
use supertext::wire::message::TransferId;
use supertext::wire::packets::{Kind, packet_row};

use super::actions::link_send;
use super::ledger::ledger_sealed;
use super::mesh::file_carry;
use super::network::packet_new;
use super::node::node_step;
use super::pairs::end_of;
use super::saver::node_tell;
use super::world::{Happening, Report, World, world_at, world_later, world_wait};

/// Unsent file bytes of a link above which the reader waits.
const READER_AHEAD: usize = 1_000_000;

/// An order of the controller.
#[derive(Clone, Debug)]
pub enum ReaderOrder {
    Open {
        transfer: Transfer,
        path: String,
    },
    Read {
        transfer: Transfer,
        id: TransferId,
        link: LinkId,
        me: Id,
        first: u64,
        count: u64,
        fresh: bool,
    },
    Halt {
        transfer: Transfer,
    },
    Drop {
        transfer: Transfer,
        id: Option<TransferId>,
    },
}

/// A request that is being answered.
#[derive(Clone, Debug)]
pub struct ReadJob {
    pub transfer: Transfer,
    pub id: TransferId,
    pub link: LinkId,
    pub me: Id,
    pub next: u64,
    pub end: u64,
    /// The first thing to do: the block before the beginning, or the end alone.
    pub opening: bool,
}

/// Ставит приказ в очередь; исполнится чуть позже, по порядку.
pub fn reader_order(world: &mut World, node: usize, order: ReaderOrder) {
    let wait = world_wait(world, 0, 3);
    let now_us = world.now_us;
    let place = &mut world.nodes[node];
    place.reader_orders.push_back(order);
    place.reader_us = u64::max(place.reader_us, now_us + wait);
    let (epoch, at) = (place.epoch, place.reader_us);
    world_at(world, at, Happening::Reader { node, epoch });
}

/// Исполняет следующий приказ.
pub fn reader_run(world: &mut World, node: usize) {
    let Some(order) = world.nodes[node].reader_orders.pop_front() else {
        return;
    };
    match order {
        ReaderOrder::Open { transfer, path } => source_open(world, node, transfer, &path),
        ReaderOrder::Read { transfer, id, link, me, first, count, fresh } => {
            let place = &mut world.nodes[node];
            let Some(journal) = place.disk.outgoing.get_mut(&id) else {
                return;
            };
            if fresh {
                // Попытка записана раньше, чем использована.
                journal.attempt += 1;
                jobs_clear(world, node, transfer);
                super::ledger::ledger_fresh(world, &id);
            }
            let (next, end) = (first, first + count);
            let opening = fresh || count == 0;
            let job = ReadJob { transfer, id, link, me, next, end, opening };
            world.nodes[node].jobs.push_back(job);
            step_plan(world, node);
        }
        ReaderOrder::Halt { transfer } => jobs_clear(world, node, transfer),
        ReaderOrder::Drop { transfer, id } => {
            jobs_clear(world, node, transfer);
            if let Some(id) = id {
                world.nodes[node].disk.outgoing.remove(&id);
            }
        }
    }
}

/// Открывает источник и говорит размер.
fn source_open(world: &mut World, node: usize, transfer: Transfer, path: &str) {
    let report = match world.nodes[node].disk.sources.get(path) {
        Some(source) => Report::SourceOpened {
            transfer,
            name: format!("{}.bin", path.replace('/', "-")),
            size: source.size,
            changed: source.changed,
        },
        None => Report::SourceFailed { transfer, fail: fail(FailKind::FileMissing, path) },
    };
    node_tell(world, node, report);
}

/// Забывает всё непрочитанное этой передачи.
fn jobs_clear(world: &mut World, node: usize, transfer: Transfer) {
    let jobs = std::mem::take(&mut world.nodes[node].jobs);
    for job in jobs {
        if job.transfer != transfer {
            world.nodes[node].jobs.push_back(job);
        }
    }
}

/// Назначает следующий шаг чтения, если есть что читать и шаг ещё не назначен.
fn step_plan(world: &mut World, node: usize) {
    let place = &mut world.nodes[node];
    if place.stepping || place.jobs.is_empty() {
        return;
    }
    place.stepping = true;
    let epoch = place.epoch;
    let after = world_wait(world, 0, 4) + 100;
    world_later(world, after, Happening::ReaderStep { node, epoch });
}

/// Один шаг чтения: до четырёх пакетов одной просьбы, просьбы по очереди.
pub fn reader_step(world: &mut World, node: usize) {
    world.nodes[node].stepping = false;
    let Some(mut job) = world.nodes[node].jobs.pop_front() else {
        return;
    };
    let done = match room(world, node, job.link) {
        None => true,
        Some(false) => false,
        Some(true) => job_step(world, node, &mut job),
    };
    if !done {
        // Продолжение той же передачи не должно обогнать своё начало.
        let mut later = std::mem::take(&mut world.nodes[node].jobs);
        let mut place = later.len();
        for index in 0..later.len() {
            if later[index].transfer == job.transfer {
                place = index;
                break;
            }
        }
        later.insert(place, job);
        world.nodes[node].jobs = later;
    }
    step_plan(world, node);
}

/// Есть ли место в полосе файлов; `None` — линии больше нет.
fn room(world: &World, node: usize, link: LinkId) -> Option<bool> {
    let link = link_over(&world.nodes[node].client, link);
    let number = world.nodes[node].wires.get(&link)?;
    let wire = world.wires.get(number)?;
    let way = &wire.ways[1 - end_of(world, *number, node)];
    if way.finishing {
        return None;
    }
    Some(way.bytes[1] < READER_AHEAD)
}

/// Отвечает на часть просьбы. Истина — просьба исполнена или брошена.
fn job_step(world: &mut World, node: usize, job: &mut ReadJob) -> bool {
    let Some(journal) = world.nodes[node].disk.outgoing.get(&job.id) else {
        return true;
    };
    let (facts, attempt) = (journal.facts.clone(), journal.attempt);
    let broken = match world.nodes[node].disk.sources.get(&facts.path) {
        Some(source) => source.broken,
        None => true,
    };
    let transfer = job.transfer;
    if broken {
        let fail = fail(FailKind::FileChanged, &facts.path);
        node_tell(world, node, Report::SourceFailed { transfer, fail });
        return true;
    }
    let packets = file_packets(facts.size);
    let header = Header {
        source_id: job.me,
        dest_id: facts.peer,
        content_id: facts.handle,
        ..Header::default()
    };
    if job.opening {
        job.opening = false;
        let whole = job.next > 0 && (job.next.is_multiple_of(BLOCK_PACKETS) || job.next == packets);
        if whole {
            let index = INDEX_BLOCK | ((job.next - 1) / BLOCK_PACKETS);
            sealed_send(world, node, job, header, Kind::FileBlock, attempt, index);
        }
        if job.next == packets {
            sealed_send(world, node, job, header, Kind::FileEnd, attempt, INDEX_END);
            node_tell(world, node, Report::SourceProof { transfer, proof: proof_of(&job.id) });
        }
    }
    for _ in 0..4 {
        if job.next >= job.end {
            break;
        }
        let index = job.next;
        sealed_send(world, node, job, header, Kind::FileData, attempt, index);
        job.next += 1;
        if job.next.is_multiple_of(BLOCK_PACKETS) || job.next == packets {
            let index = INDEX_BLOCK | (index / BLOCK_PACKETS);
            sealed_send(world, node, job, header, Kind::FileBlock, attempt, index);
        }
        if job.next == packets {
            sealed_send(world, node, job, header, Kind::FileEnd, attempt, INDEX_END);
            node_tell(world, node, Report::SourceProof { transfer, proof: proof_of(&job.id) });
        }
    }
    node_tell(world, node, Report::SourceSent { transfer, next: job.next });
    job.next >= job.end
}

/// Доказательство файла: у одного содержимого одно и то же.
pub fn proof_of(id: &TransferId) -> [u8; 32] {
    let mut proof = [0u8; 32];
    proof[..16].copy_from_slice(id);
    proof[16..].copy_from_slice(id);
    proof
}

/// Запечатанный пакет: голова, чья передача и какой пакет (вместо шифртекста).
fn sealed_send(
    world: &mut World,
    node: usize,
    job: &ReadJob,
    mut header: Header,
    kind: Kind,
    attempt: u32,
    index: u64,
) {
    let row = packet_row(kind);
    let mut data = vec![0u8; SEALED_HEAD];
    sealed_head_write(&SealedHead { attempt, index }, &mut data);
    data.extend_from_slice(&job.id);
    data.extend_from_slice(&index.to_be_bytes());
    header.content_type = row.content_type;
    header.size = data.len() as u16;
    ledger_sealed(world, &job.id, attempt, index);
    let packet = packet_new(header, data);
    if job.link >= THIRD_FIRST {
        return file_carry(world, node, job.link, &packet);
    }
    link_send(world, node, job.link, row.lane, packet);
}

/// Сообщает логике то, что сказал работник.
pub fn report_take(world: &mut World, node: usize, report: Report) {
    use supertext::logic::events::ClientEvent;
    let event = match report {
        Report::SourceOpened { transfer, name, size, changed } => {
            ClientEvent::SourceOpened { transfer, name, size, changed }
        }
        Report::SourceSent { transfer, next } => ClientEvent::SourceSent { transfer, next },
        Report::SourceProof { transfer, proof } => ClientEvent::SourceProof { transfer, proof },
        Report::SourceFailed { transfer, fail } => ClientEvent::SourceFailed { transfer, fail },
        Report::PartOpened { transfer, saved } => ClientEvent::PartOpened { transfer, saved },
        Report::PartSaved { transfer, saved } => ClientEvent::PartSaved { transfer, saved },
        Report::PartRewound { transfer, saved } => ClientEvent::PartRewound { transfer, saved },
        Report::PartDone { transfer, path, proof } => {
            ClientEvent::PartDone { transfer, path, proof }
        }
        Report::PartFailed { transfer, fail } => ClientEvent::PartFailed { transfer, fail },
        Report::Base(told) => ClientEvent::Base(told),
    };
    node_step(world, node, event, None);
}
