//! The model filesaver: part files with a saved count, blocks, gaps told once, full disks, the
//! finished row before the rename. Reports go to the logic a little later, in order.
//! Изображённый filesaver: файлы .part со счётчиком, блоки, о пропуске говорит один раз, полный
//! диск, строка «готово» раньше переименования. Доклады доходят чуть позже, по порядку.

use supertext::base::bounds::BLOCK_PACKETS;
use supertext::base::fail::{FailKind, fail};
use supertext::logic::events::{BaseOrder, FinishedRow, Transfer, TransferFacts};
use supertext::wire::file::{INDEX_BLOCK, SealedHead, file_blocks, file_packets, sealed_head_read};
use supertext::wire::message::TransferId;
use supertext::wire::packets::Kind;

use super::base::{base_run, base_settle, base_waits};
use super::disk::{PartJournal, disk_finished, disk_is_finished};
use super::ledger::{ledger_done, ledger_duplicate, ledger_gap, ledger_saved};
use super::plan::Canary;
use super::reader::proof_of;
use super::world::{Happening, Report, World, world_at, world_later, world_trace, world_wait};

/// An order of the controller.
#[derive(Debug)]
pub enum SaverOrder {
    Open { transfer: Transfer, facts: TransferFacts },
    Packet { transfer: Transfer, kind: Kind, data: Vec<u8> },
    Halt { transfer: Transfer },
    Drop { transfer: Transfer, id: TransferId },
    Base(BaseOrder),
}

/// An open part file.
#[derive(Clone, Debug)]
pub struct PartWork {
    pub id: TransferId,
    /// The next packet it will take.
    pub expected: u64,
    pub packets: u64,
    pub blocks: u64,
    /// The gap that is there now was told already.
    pub told: bool,
    pub quiet: u32,
}

/// Ставит приказ в очередь; исполнится чуть позже, по порядку.
pub fn saver_order(world: &mut World, node: usize, order: SaverOrder) {
    let slow = world.plan.disk_slow_ms;
    let wait = world_wait(world, 0, slow);
    let now_us = world.now_us;
    let place = &mut world.nodes[node];
    place.saver_orders.push_back(order);
    // Записи не копятся бесконечно: медленный диск занят самое большее секунду вперёд.
    let at = u64::max(place.saver_us, now_us) + if slow > 10 { wait / 4 } else { wait / 40 };
    place.saver_us = u64::min(at, u64::max(place.saver_us, now_us + 1_000_000));
    let (epoch, at) = (place.epoch, place.saver_us);
    world_at(world, at, Happening::Saver { node, epoch });
}

/// Доклад работника логике: по порядку, чуть позже.
pub fn node_tell(world: &mut World, node: usize, report: Report) {
    let wait = world_wait(world, 0, 2);
    let now_us = world.now_us;
    let place = &mut world.nodes[node];
    place.told_us = u64::max(place.told_us, now_us + wait);
    let (epoch, at) = (place.epoch, place.told_us);
    world_at(world, at, Happening::Told { node, epoch, report });
}

/// Программа уходит сама: всё, что приказано базе, ложится на диск.
pub fn saver_sync(world: &mut World, node: usize) {
    let orders = std::mem::take(&mut world.nodes[node].saver_orders);
    for order in orders {
        if let SaverOrder::Base(order) = order {
            base_run(world, node, order);
        }
    }
    base_settle(world, node);
}

/// Исполняет следующий приказ; когда их нет, кончает общую запись history.db.
pub fn saver_run(world: &mut World, node: usize) {
    let Some(order) = world.nodes[node].saver_orders.pop_front() else {
        return base_settle(world, node);
    };
    match order {
        SaverOrder::Open { transfer, facts } => part_open(world, node, transfer, facts),
        SaverOrder::Packet { transfer, kind, data } => {
            part_packet(world, node, transfer, kind, &data);
        }
        SaverOrder::Base(order) => base_run(world, node, order),
        SaverOrder::Halt { transfer } => {
            world.nodes[node].parts.remove(&transfer);
        }
        SaverOrder::Drop { transfer, id } => {
            world.nodes[node].parts.remove(&transfer);
            world.nodes[node].disk.parts.remove(&id);
        }
    }
    if base_waits(world, node) && world.nodes[node].saver_orders.is_empty() {
        let slow = world.plan.disk_slow_ms;
        let after = world_wait(world, 0, slow);
        let epoch = world.nodes[node].epoch;
        world_later(world, after, Happening::Saver { node, epoch });
    }
}

/// Открывает или заводит .part и говорит, сколько в нём уже есть.
fn part_open(world: &mut World, node: usize, transfer: Transfer, facts: TransferFacts) {
    let full = world.nodes[node].disk_full_us > world.now_us;
    let id = facts.transfer;
    if disk_is_finished(&world.nodes[node].disk, &id) {
        // Доклад о готовности уже в пути: открывать заново нечего.
        return;
    }
    if full {
        let fail = fail(FailKind::DiskFull, "");
        node_tell(world, node, Report::PartFailed { transfer, fail });
        return;
    }
    let packets = file_packets(facts.size);
    let disk = &mut world.nodes[node].disk;
    let journal =
        disk.parts.entry(id).or_insert(PartJournal { facts, content: Vec::new(), blocks: 0 });
    let mut saved = journal.content.len() as u64;
    let blocks = journal.blocks;
    if world.plan.canary == Canary::SavedTooHigh && saved > 0 && saved < packets {
        saved += 1;
    }
    let (expected, told, quiet) = (saved, false, 0);
    let work = PartWork { id, expected, packets, blocks, told, quiet };
    world.nodes[node].parts.insert(transfer, work);
    if world.trace {
        let line = format!("client{node} opens part {transfer}: {saved} of {packets}");
        world_trace(world, &line);
    }
    node_tell(world, node, Report::PartOpened { transfer, saved });
}

/// Пакет файла: взять, выбросить как повтор или заметить пропуск.
fn part_packet(world: &mut World, node: usize, transfer: Transfer, kind: Kind, data: &[u8]) {
    let Some(work) = world.nodes[node].parts.get(&transfer).cloned() else {
        return;
    };
    let Ok(head) = sealed_head_read(data) else {
        return;
    };
    let mut id: TransferId = [0; 16];
    id.copy_from_slice(&data[12..28]);
    if kind == Kind::FileData {
        data_packet(world, node, transfer, work, head, id);
    } else if kind == Kind::FileBlock {
        block_packet(world, node, transfer, work, head);
    } else {
        let blocks = work.packets.div_ceil(BLOCK_PACKETS);
        if work.expected == work.packets && work.blocks == blocks {
            part_finish(world, node, transfer, &work.id);
        } else {
            part_gap(world, node, transfer, work.expected);
        }
    }
}

/// FILE_DATA.
fn data_packet(
    world: &mut World,
    node: usize,
    transfer: Transfer,
    work: PartWork,
    head: SealedHead,
    id: TransferId,
) {
    if head.index < work.expected {
        ledger_duplicate(world, &work.id);
        return;
    }
    // Без FILE_BLOCK прежнего блока следующий не начинается.
    let unproven = work.blocks < head.index / BLOCK_PACKETS;
    if head.index > work.expected || unproven {
        part_gap(world, node, transfer, work.expected);
        return;
    }
    if world.nodes[node].disk_full_us > world.now_us {
        world.nodes[node].parts.remove(&transfer);
        let fail = fail(FailKind::DiskFull, "");
        node_tell(world, node, Report::PartFailed { transfer, fail });
        return;
    }
    ledger_saved(world, node, &work.id, head.index);
    let more = !world.nodes[node].saver_orders.is_empty();
    let place = &mut world.nodes[node];
    if let Some(journal) = place.disk.parts.get_mut(&work.id) {
        journal.content.push((id, head.index));
    }
    let Some(work) = place.parts.get_mut(&transfer) else {
        return;
    };
    work.expected += 1;
    work.told = false;
    work.quiet += 1;
    if work.quiet >= 4 || !more || work.expected == work.packets {
        work.quiet = 0;
        let saved = work.expected;
        node_tell(world, node, Report::PartSaved { transfer, saved });
    }
}

/// FILE_BLOCK: блок сверен и синхронизирован.
fn block_packet(
    world: &mut World,
    node: usize,
    transfer: Transfer,
    work: PartWork,
    head: SealedHead,
) {
    let block = head.index & !INDEX_BLOCK;
    if block < work.blocks {
        return;
    }
    let end = u64::min((block + 1) * BLOCK_PACKETS, work.packets);
    if block > work.blocks || work.expected < end {
        part_gap(world, node, transfer, work.expected);
        return;
    }
    let place = &mut world.nodes[node];
    if let Some(journal) = place.disk.parts.get_mut(&work.id) {
        journal.blocks = block + 1;
    }
    if let Some(work) = place.parts.get_mut(&transfer) {
        work.blocks = block + 1;
        work.told = false;
    }
}

/// Пропуск: сказать о нём один раз.
fn part_gap(world: &mut World, node: usize, transfer: Transfer, saved: u64) {
    let Some(work) = world.nodes[node].parts.get_mut(&transfer) else {
        return;
    };
    if work.told {
        return;
    }
    work.told = true;
    let id = work.id;
    ledger_gap(world, &id);
    if world.trace {
        world_trace(world, &format!("client{node} part {transfer} has a gap at {saved}"));
    }
    node_tell(world, node, Report::PartRewound { transfer, saved });
}

/// Файл целый: строка «готово», переименование, .part убран.
fn part_finish(world: &mut World, node: usize, transfer: Transfer, id: &TransferId) {
    let place = &mut world.nodes[node];
    place.parts.remove(&transfer);
    let Some(journal) = place.disk.parts.remove(id) else {
        return;
    };
    disk_finished(&mut place.disk, FinishedRow { transfer: *id, state: 0 });
    let blocks = file_blocks(journal.facts.size);
    let path = format!("downloads/{} ({blocks})", journal.facts.name);
    place.disk.downloads.insert(*id, journal.content);
    ledger_done(world, node, id);
    node_tell(world, node, Report::PartDone { transfer, path, proof: proof_of(id) });
}
