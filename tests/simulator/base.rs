//! history.db of a client: the real desk over a database in memory that outlives the process.
//! Orders share a commit as they do in the filesaver; sometimes the disk refuses; a copy put aside
//! earlier may take its place.
//! history.db клиента: настоящий стол над базой в памяти, которая переживает процесс. Приказы
//! делят одну запись, как у filesaver-а; иногда диск отказывает; отложенная раньше копия может
//! встать на место базы.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use rusqlite::Connection;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use supertext::base::fail::{FailKind, fail};
use supertext::crypto::identity::{Identity, PublicKey, id_of_key};
use supertext::crypto::olm::{Signer, signer_of};
use supertext::logic::events::{BaseOrder, BaseTold, OutboxRow, StartFacts};
use supertext::store::base::base_prepare;
use supertext::store::desk::{Ack, Desk, desk_commit, desk_crash, desk_new, desk_order};
use supertext::store::history::history_unseen;
use supertext::store::outbox::outbox_all;
use supertext::store::people::people_all;
use supertext::store::rooms::rooms_all;
use supertext::wire::control::body_read;
use supertext::wire::message::Sealed;

use super::ledger::ledger_told;
use super::node::node_crash;
use super::plan::Canary;
use super::random::random_chance;
use super::saver::node_tell;
use super::texts::{texts_kept, texts_restored};
use super::world::{Happening, Report, World, world_broken, world_later, world_trace};

/// PKCS#8 of an Ed25519 key (RFC 8410): after this come exactly its 32 bytes.
const PKCS8_ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A copy of history.db that was put aside, and the folder it lies in.
pub struct Aside {
    folder: tempfile::TempDir,
    /// How many times it was put back: each time as a file of its own.
    times: u32,
}

/// Личность из зерна: ключ настоящий, но при повторе прогона тот же самый.
pub fn identity_of_seed(seed: &[u8; 32]) -> (PublicKey, Signer) {
    let Ok(pair) = Ed25519KeyPair::from_seed_unchecked(seed) else {
        panic!("an Ed25519 key of a seed");
    };
    let mut public_key: PublicKey = [0; 32];
    public_key.copy_from_slice(pair.public_key().as_ref());
    let mut der = PKCS8_ED25519.to_vec();
    der.extend_from_slice(seed);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der));
    let identity = Identity { id: id_of_key(&public_key), public_key, chain: Vec::new(), key };
    match signer_of(&identity) {
        Ok(signer) => (public_key, signer),
        Err(failed) => panic!("a signer of a seed: {failed:?}"),
    }
}

/// Стол над новой пустой базой в памяти.
pub fn base_new(seed: &[u8; 32]) -> Desk {
    let base = match Connection::open_in_memory() {
        Ok(base) => base,
        Err(error) => panic!("a database in memory: {error}"),
    };
    if let Err(failed) = base_prepare(&base) {
        panic!("tables of history.db: {failed:?}");
    }
    let (public, signer) = identity_of_seed(seed);
    desk_new(base, public, signer)
}

/// Что программа читает из базы при запуске.
pub fn base_facts(desk: &Desk, facts: &mut StartFacts) {
    facts.outbox = match outbox_all(&desk.base) {
        Ok(rows) => rows,
        Err(failed) => panic!("outbox: {failed:?}"),
    };
    facts.people = match people_all(&desk.base) {
        Ok(rows) => rows,
        Err(failed) => panic!("people: {failed:?}"),
    };
    facts.rooms = match rooms_all(&desk.base) {
        Ok(rows) => rows,
        Err(failed) => panic!("rooms: {failed:?}"),
    };
    facts.unseen = match history_unseen(&desk.base) {
        Ok(rows) => rows,
        Err(failed) => panic!("unseen: {failed:?}"),
    };
}

/// Очередь на диске, как она записана.
pub fn base_outbox(world: &World, node: usize) -> Vec<OutboxRow> {
    match &world.nodes[node].desk {
        Some(desk) => outbox_all(&desk.base).unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Число из базы клиента по запросу с одним номером сообщения.
pub fn base_count(world: &World, node: usize, query: &str, message: &[u8]) -> u64 {
    let Some(desk) = &world.nodes[node].desk else {
        return 0;
    };
    let mut statement = desk.base.prepare_cached(query).expect("a query");
    let many: i64 = statement.query_row([message], first_column).expect("a number");
    many as u64
}

/// Первый столбец строки.
fn first_column(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    row.get(0)
}

/// Исполняет приказ внутри общей записи; изредка диск отказывает посреди неё.
pub fn base_run(world: &mut World, node: usize, order: BaseOrder) {
    let Some(mut desk) = world.nodes[node].desk.take() else {
        return;
    };
    let fails = !world.healed && random_chance(&mut world.random, world.plan.base_fails);
    let forged =
        world.plan.canary == Canary::ReceiptForged && receipt_forge(world, &mut desk, &order);
    if !forged {
        if fails {
            let _ = desk.base.execute_batch("PRAGMA query_only=1");
        }
        desk_order(&mut desk, order);
        if fails {
            let _ = desk.base.execute_batch("PRAGMA query_only=0");
        }
    }
    world.nodes[node].desk = Some(desk);
}

/// Есть ли незаконченная запись или нерассказанное.
pub fn base_waits(world: &World, node: usize) -> bool {
    match &world.nodes[node].desk {
        Some(desk) => desk.begun || !desk.told.is_empty(),
        None => false,
    }
}

/// Подсаженная ошибка: стол выбрасывает пришедшее, но подтверждает его.
fn receipt_forge(world: &mut World, desk: &mut Desk, order: &BaseOrder) -> bool {
    let BaseOrder::Accept { peer, bytes, received, .. } = order else {
        return false;
    };
    let Ok(sealed) = body_read::<Sealed>("MESSAGE", bytes) else {
        return false;
    };
    if sealed.sequence == 0 || !random_chance(&mut world.random, 100) {
        return false;
    }
    desk_order(desk, BaseOrder::Bits { on: false });
    let ack = Ack { upto: sealed.sequence + 1, seen: false, at: *received };
    desk.acks.insert((*peer, sealed.run), ack);
    true
}

/// Кончает общую запись и рассказывает о сделанном; и здесь диск может отказать.
pub fn base_settle(world: &mut World, node: usize) {
    let Some(mut desk) = world.nodes[node].desk.take() else {
        return;
    };
    let fails = !world.healed && random_chance(&mut world.random, world.plan.base_fails);
    if desk.begun && fails {
        desk_crash(&mut desk);
        desk.broken = true;
        desk.missed = true;
        let fail = fail(FailKind::DiskFull, "history.db");
        desk.told.push(BaseTold::BaseFailed { fail });
    }
    desk_commit(&mut desk);
    let mut told = Vec::new();
    told.append(&mut desk.told);
    world.nodes[node].desk = Some(desk);
    for one in told {
        if world.trace {
            told_trace(world, node, &one);
        }
        ledger_told(world, node, &one);
        node_tell(world, node, Report::Base(one));
    }
}

/// Ход прогона: что сказал стол, коротко.
fn told_trace(world: &World, node: usize, told: &BaseTold) {
    let line = match told {
        BaseTold::Kept { message, .. } => format!("kept {:02x?}", &message[12..]),
        BaseTold::Sealed { message, packet, .. } => {
            let place = match body_read::<Sealed>("MESSAGE", packet) {
                Ok(sealed) => format!("run {} sequence {}", sealed.run % 10_000, sealed.sequence),
                Err(failed) => format!("{failed:?}"),
            };
            format!("sealed {:02x?} {place}", &message[12..])
        }
        BaseTold::Unsealed { peer } => format!("unsealed for {peer}"),
        BaseTold::Opened { envelope, fresh, .. } => {
            format!("opened kind {} {:02x?} {fresh}", envelope.kind, &envelope.id[12..])
        }
        BaseTold::Reached { messages, state, .. } => format!("{} {state:?}", messages.len()),
        BaseTold::SealRefused { fail, heal, .. } => format!("refused {fail:?} heal {heal}"),
        BaseTold::KeysMade { .. } => String::from("keys made"),
        BaseTold::Marked { mark } => format!("marked {mark}"),
        _ => return,
    };
    world_trace(world, &format!("client{node} desk: {line}"));
}

/// Процесс умер: незаписанное пропало, стол собирается заново над той же базой.
pub fn base_crash(world: &mut World, node: usize) {
    let Some(mut desk) = world.nodes[node].desk.take() else {
        return;
    };
    desk_crash(&mut desk);
    let Desk { base, .. } = *desk;
    let (public, signer) = identity_of_seed(&world.nodes[node].seed);
    world.nodes[node].desk = Some(Box::new(desk_new(base, public, signer)));
}

/// Откладывает копию базы. Посреди записи её не снять: тогда чуть позже.
pub fn base_snapshot(world: &mut World, node: usize) {
    if world.healed || world.nodes[node].aside.is_some() {
        return;
    }
    let Some(desk) = &world.nodes[node].desk else {
        return;
    };
    if desk.begun {
        return world_later(world, 7_000, Happening::Snapshot { node });
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("aside.db");
    let path = path.to_str().expect("a path");
    desk.base.execute("VACUUM INTO ?1", [path]).expect("a copy");
    world.nodes[node].aside = Some(Aside { folder, times: 0 });
    if world.trace {
        world_trace(world, &format!("client{node}: a copy of history.db is put aside"));
    }
}

/// Возвращает отложенную копию на место базы; программа перед этим умирает.
pub fn base_restore(world: &mut World, node: usize) {
    if world.healed || world.nodes[node].left.is_some() || world.nodes[node].aside.is_none() {
        return;
    }
    node_crash(world, node, false);
    let (public, signer) = identity_of_seed(&world.nodes[node].seed);
    let Some(aside) = &mut world.nodes[node].aside else {
        return;
    };
    aside.times += 1;
    let path = aside.folder.path().join(format!("live{}.db", aside.times));
    std::fs::copy(aside.folder.path().join("aside.db"), &path).expect("a copy");
    let base = Connection::open(&path).expect("the copy opens");
    let quick = "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;";
    base.execute_batch(quick).expect("quick");
    world.nodes[node].desk = Some(Box::new(desk_new(base, public, signer)));
    if world.trace {
        world_trace(world, &format!("client{node}: history.db is the copy again"));
    }
    texts_restored(world, node);
}

/// Клиент умер: что он не успел записать, может пропасть.
pub fn base_died(world: &mut World, node: usize) {
    base_crash(world, node);
    texts_kept(world, node);
}

/// Нарушение, которое видно в самой базе: слишком длинные списки.
pub fn base_bounds(world: &mut World, node: usize) {
    let early = "SELECT COALESCE(MAX(many), 0) FROM
        (SELECT COUNT(*) AS many FROM early WHERE ?1 = ?1 GROUP BY peer)";
    let sessions = "SELECT COALESCE(MAX(many), 0) FROM
        (SELECT COUNT(*) AS many FROM sessions WHERE ?1 = ?1 GROUP BY peer)";
    let early = base_count(world, node, early, &[]);
    let sessions = base_count(world, node, sessions, &[]);
    let most = supertext::base::bounds::SESSIONS_MAX as u64;
    if early > supertext::base::bounds::EARLY_MAX || sessions > most {
        let detail = format!("client{node}: {early} early, {sessions} sessions with one person");
        world_broken(world, "bounds", &detail);
    }
}
