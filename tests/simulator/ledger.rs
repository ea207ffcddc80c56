//! The ledger: what every user wrote, saw, paid and was told, kept apart from the logic, so that
//! the logic can be checked against it.
//! Книга учёта: что каждый написал, увидел, оплатил и узнал. Ведётся отдельно от логики, чтобы
//! логику по ней проверить.

use std::collections::{BTreeMap, BTreeSet};

use supertext::base::bounds::WINDOW_PACKETS;
use supertext::base::ids::Id;
use supertext::logic::events::{BaseTold, LimitRow, TransferFacts};
use supertext::wire::control::body_read;
use supertext::wire::file::{FileWant, INDEX_END, file_packets};
use supertext::wire::message::{MessageId, TransferId};
use supertext::wire::packets::{Kind, packet_row};

use super::network::Packet;
use super::rooms::RoomLedger;
use super::world::{World, world_broken};

/// A text from the moment it was paid.
#[derive(Clone, Debug, Default)]
pub struct TextCase {
    pub from: usize,
    pub to: usize,
    /// Place in the order of writing.
    pub order: u64,
    pub text: String,
    /// What the sender was shown: 1 queued, 2 stored, 3 delivered, 4 read.
    pub level: u8,
    /// The sender was told anything at all: it may not get lost.
    pub promised: bool,
    /// The sender was told that the server keeps it: it may not get lost even without him.
    pub kept_there: bool,
    pub delivered: bool,
    /// In the receiver's history, and in which run of the receiver it came there.
    pub stored: bool,
    pub stored_epoch: u32,
    /// Runs of the receiver that showed it.
    pub shown: Vec<u32>,
    /// Its sender crashed before it was kept on disk, or removed the contact, or an older copy of
    /// a database took it away: it may be lost.
    pub forfeited: bool,
    /// Its sender has no place in memory for it any more: nothing more will be told of it.
    pub silent: bool,
    /// An older copy of a database came back: what was told of it before may differ now.
    pub excused: bool,
}

/// A file from the moment it was paid.
#[derive(Clone, Debug, Default)]
pub struct FileCase {
    pub from: usize,
    pub to: usize,
    pub path: String,
    pub packets: u64,
    pub refused: bool,
    pub cancelled: bool,
    /// Its source changed after the offer.
    pub broken: bool,
    pub done_sender: bool,
    pub done_receiver: bool,
    /// FILE_DATA packets that were sealed.
    pub sealed: u64,
    /// Readings that did not continue the one before.
    pub fresh: u64,
    pub duplicates: u64,
    pub gaps: u64,
    pub lost: u64,
    /// Pairs (attempt, index) that were used.
    pub nonces: BTreeSet<(u32, u64)>,
    /// Packets that are on the receiver's disk.
    pub saved: BTreeSet<u64>,
}

/// Everything that is known about a run from outside.
#[derive(Debug, Default)]
pub struct Ledger {
    pub texts: BTreeMap<MessageId, TextCase>,
    pub files: BTreeMap<TransferId, FileCase>,
    pub rooms: RoomLedger,
    /// What must be left: messages and files, by client and peer.
    pub budgets: BTreeMap<(usize, Id), (u64, u64)>,
    /// Last order shown, by sender and receiver, through all their runs.
    pub last: BTreeMap<(usize, usize), u64>,
    /// Sender and receiver: the order may begin anew once, after a heal, a forgery or a restore.
    pub anew: BTreeSet<(usize, usize)>,
    /// Who opened the chat with whom.
    pub looked: BTreeSet<(usize, usize)>,
    /// Client, its run, and a stranger who was answered in it.
    pub asked: BTreeSet<(usize, u32, Id)>,
    /// Who put whom into the spam folder.
    pub spam: BTreeSet<(usize, usize)>,
    /// Texts of which their sender heard that the server keeps them.
    pub stored: u64,
    /// Direct links that came up at both ends, and packets of people that went over them.
    pub directs: u64,
    pub direct_packets: u64,
    /// Packets of others that were passed on, and those that came inside.
    pub carried: u64,
    pub came_inside: u64,
    pub written: u64,
    /// Seals that could not be opened, as users saw it.
    pub heals: u64,
    pub overflows: u64,
    /// Sendings that did not fit into the client's own lane.
    pub refused: u64,
    pub crashes: u64,
}

/// Клиент по номеру человека.
pub fn node_of(world: &World, id: Id) -> Option<usize> {
    for index in 0..world.nodes.len() {
        if world.nodes[index].id == id {
            return Some(index);
        }
    }
    None
}

/// Что должно остаться у клиента на этого человека.
pub fn ledger_budget(world: &mut World, node: usize, peer: Id) -> &mut (u64, u64) {
    let first = (world.plan.messages_first, world.plan.files_first);
    world.ledger.budgets.entry((node, peer)).or_insert(first)
}

/// Сверяет сохраняемые лимиты с книгой.
pub fn ledger_limits(world: &mut World, node: usize, rows: &[LimitRow]) {
    for row in rows {
        let must = *ledger_budget(world, node, row.id);
        if must != (row.messages, row.files) {
            let detail = format!(
                "client{node} for {}: {} and {} left, must be {must:?}",
                row.id, row.messages, row.files
            );
            world_broken(world, "budget", &detail);
        }
    }
}

/// Файл оплачен: с этого мига он должен дойти.
pub fn ledger_paid(world: &mut World, node: usize, facts: &TransferFacts) {
    let packets = file_packets(facts.size);
    let price = u64::max(1, packets);
    let budget = ledger_budget(world, node, facts.peer);
    if budget.1 < price {
        let detail = format!("client{node} paid {price} packets of {}", budget.1);
        world_broken(world, "budget-overdrawn", &detail);
        return;
    }
    budget.1 -= price;
    let Some(to) = node_of(world, facts.peer) else {
        return;
    };
    let path = facts.path.clone();
    let case = FileCase { from: node, to, path, packets, ..FileCase::default() };
    if world.ledger.files.insert(facts.transfer, case).is_some() {
        world_broken(world, "paid-twice", &format!("client{node} transfer {}", facts.name));
    }
}

/// Порядок всего, что идёт этому клиенту, может один раз начаться заново.
pub fn ledger_anew(world: &mut World, node: usize) {
    for from in 0..world.nodes.len() {
        world.ledger.anew.insert((from, node));
    }
}

/// Клиент умер.
pub fn ledger_crashed(world: &mut World) {
    world.ledger.crashes += 1;
}

/// Запись history.db удалась: об этом будет рассказано.
pub fn ledger_told(world: &mut World, node: usize, told: &BaseTold) {
    super::texts::texts_told(world, node, told);
    super::rooms::room_told(world, node, told);
}

/// Пропало питание: на диске осталось меньше.
pub fn ledger_power_lost(world: &mut World, node: usize) {
    for (id, part) in &world.nodes[node].disk.parts {
        if let Some(case) = world.ledger.files.get_mut(id) {
            let kept = case.saved.split_off(&(part.content.len() as u64));
            case.lost += kept.len() as u64;
        }
    }
}

/// Клиент отправил пакет: просьба не должна просить то, что уже записано.
pub fn ledger_sent(world: &mut World, node: usize, packet: &Packet) {
    if packet.header.content_type != packet_row(Kind::FileWant).content_type {
        return;
    }
    let Ok(want) = body_read::<FileWant>("FILE_WANT", &packet.data) else {
        world_broken(world, "want-body", "FILE_WANT cannot be read");
        return;
    };
    let Some(part) = world.nodes[node].disk.parts.get(&want.transfer) else {
        return;
    };
    let saved = part.content.len() as u64;
    // Доклад может отстать от диска на несколько пакетов, не больше.
    if want.first + 16 < saved {
        let detail = format!("client{node} asks for {} though {saved} are saved", want.first);
        world_broken(world, "asked-again", &detail);
    }
}

/// Чтение началось заново.
pub fn ledger_fresh(world: &mut World, id: &TransferId) {
    if let Some(case) = world.ledger.files.get_mut(id) {
        case.fresh += 1;
    }
}

/// Пакет запечатан: пара (попытка, номер) — один раз, и не больше, чем позволяет окно.
pub fn ledger_sealed(world: &mut World, id: &TransferId, attempt: u32, index: u64) {
    let Some(case) = world.ledger.files.get_mut(id) else {
        world_broken(world, "sealed-unpaid", "a packet of a file that was not paid");
        return;
    };
    let fresh_pair = case.nonces.insert((attempt, index));
    if index < INDEX_END {
        case.sealed += 1;
    }
    let most = case.packets + case.lost + WINDOW_PACKETS * case.fresh.saturating_sub(1);
    let (sealed, fresh, lost) = (case.sealed, case.fresh, case.lost);
    if !fresh_pair {
        let detail = format!("attempt {attempt}, index {index:#x} is used twice");
        world_broken(world, "nonce-reuse", &detail);
    }
    if sealed > most {
        let detail = format!("{sealed} sent, {most} at most ({fresh} readings, {lost} lost)");
        world_broken(world, "credit", &detail);
    }
}

/// Пришёл пакет, который уже записан.
pub fn ledger_duplicate(world: &mut World, id: &TransferId) {
    if let Some(case) = world.ledger.files.get_mut(id) {
        case.duplicates += 1;
        // Повтор возможен только после нового чтения: обрыва, паузы, пропуска.
        if case.fresh < 2 {
            world_broken(world, "duplicate-undisturbed", "a packet came twice without a cause");
        }
    }
}

/// Замечен пропуск.
pub fn ledger_gap(world: &mut World, id: &TransferId) {
    if let Some(case) = world.ledger.files.get_mut(id) {
        case.gaps += 1;
    }
}

/// Пакет записан на диск получателя.
pub fn ledger_saved(world: &mut World, node: usize, id: &TransferId, index: u64) {
    let Some(case) = world.ledger.files.get_mut(id) else {
        world_broken(world, "saved-unpaid", "a packet of a file that was not paid");
        return;
    };
    if case.to != node || !case.saved.insert(index) {
        let detail = format!("client{node} saved packet {index} twice, or another's");
        world_broken(world, "saved-twice", &detail);
    }
}

/// Файл готов у получателя: содержимое должно быть тем самым, целиком и по порядку.
pub fn ledger_done(world: &mut World, node: usize, id: &TransferId) {
    let content = match world.nodes[node].disk.downloads.get(id) {
        Some(content) => content.clone(),
        None => Vec::new(),
    };
    let Some(case) = world.ledger.files.get_mut(id) else {
        world_broken(world, "file-unpaid", "a file is done that was not paid");
        return;
    };
    case.done_receiver = true;
    let packets = case.packets;
    let mut wrong = content.len() as u64 != packets;
    for (index, (of, number)) in content.iter().enumerate() {
        wrong = wrong || of != id || *number != index as u64;
    }
    if wrong {
        let detail = format!("client{node}: {} of {packets} packets, or others", content.len());
        world_broken(world, "file-content", &detail);
    }
}
