//! ★ The plan of the house: every worker, every queue, every edge, every static, on one screen.
//! ★ План дома: все рабочие потоки, все очереди, все рёбра, все статические, на одном экране.
//!
//! ```text
//!   sockets → listener ─┐                        ┌→ sender → sockets
//!     address → connector ─┤                     ├→ filesaver → disk
//!     UDP ←→ puncher ──────┤                     ├→ connector, puncher, listener
//!     router ←→ mapper ────┤                     ├→ mapper
//!     disk → filereader ───┼──→ controller ──────┼→ filereader
//!     face, filesaver,     │   (owns the state)  │
//!     sender ──────────────┘                     └→ displayer → face
//! ```
//! Star law: every edge has the controller at one end. A put into the controller may wait; a put
//! out of it never does. So the queues cannot deadlock.
//! Закон звезды: у каждого ребра на одном конце controller. Класть в него можно с ожиданием,
//! из него — никогда не ждут. Поэтому очереди не могут запереть друг друга.

use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize};
use std::sync::{LazyLock, OnceLock};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustyline::DefaultEditor;

use super::connector::connector_main;
use super::controller::controller_main;
use super::displayer::displayer_main;
use super::filereader::{ReaderOrder, filereader_main};
use super::filesaver::{SaverOrder, filesaver_main};
use super::listener::{Heard, ListenerOrder, listener_main};
use super::mapper::mapper_main;
use super::puncher::puncher_main;
use super::roles::{ConnectorOrder, Event, FaceMain, MapperOrder, PuncherOrder};
use super::sender::{SenderOrder, sender_main};
use crate::base::bounds::{
    POOL_BUFFERS, QUEUE_BATCHES, QUEUE_EVENTS, QUEUE_ORDERS, QUEUE_SHOW, QUEUE_WINDOW,
};
use crate::logic::events::LinkId;
use crate::logic::show::Show;
use crate::wire::packets::Lane;

/// One worker: its name and the function its thread runs.
pub struct WorkerRow {
    pub name: &'static str,
    pub main: fn(),
}

/// All workers.
pub const WORKERS: &[WorkerRow] = &[
    WorkerRow { name: "listener", main: listener_main },
    WorkerRow { name: "sender", main: sender_main },
    WorkerRow { name: "filesaver", main: filesaver_main },
    WorkerRow { name: "filereader", main: filereader_main },
    WorkerRow { name: "controller", main: controller_main },
    WorkerRow { name: "displayer", main: displayer_main },
    WorkerRow { name: "connector", main: connector_main },
    WorkerRow { name: "puncher", main: puncher_main },
    WorkerRow { name: "mapper", main: mapper_main },
];

/// One edge: which queue, who puts, who takes, what happens when it is full.
pub struct EdgeRow {
    pub queue: &'static str,
    pub puts: &'static [&'static str],
    pub takes: &'static str,
    pub when_full: &'static str,
}

/// All edges; a test reads the worker files and compares.
pub const EDGES: &[EdgeRow] = &[
    EdgeRow {
        queue: "heard",
        puts: &["listener"],
        takes: "controller",
        when_full: "the listener waits: TCP slows the senders down",
    },
    EdgeRow {
        queue: "events",
        puts: &[
            "sender",
            "filesaver",
            "filereader",
            "connector",
            "puncher",
            "mapper",
            "displayer",
            "face",
        ],
        takes: "controller",
        when_full: "the putter waits",
    },
    EdgeRow {
        queue: "to_listener",
        puts: &["controller"],
        takes: "listener",
        when_full: "kept in the controller's backlog, at most one small order a link",
    },
    EdgeRow {
        queue: "to_sender",
        puts: &["controller"],
        takes: "sender",
        when_full: "kept in the controller's backlog; it hears nothing new until that is empty",
    },
    EdgeRow {
        queue: "to_filesaver",
        puts: &["controller"],
        takes: "filesaver",
        when_full: "kept in the controller's backlog; it hears nothing new until that is empty",
    },
    EdgeRow {
        queue: "to_filereader",
        puts: &["controller"],
        takes: "filereader",
        when_full: "kept in the controller's backlog; it hears nothing new until that is empty",
    },
    EdgeRow {
        queue: "to_connector",
        puts: &["controller"],
        takes: "connector",
        when_full: "the call is dropped; the link is tried again later",
    },
    EdgeRow {
        queue: "to_puncher",
        puts: &["controller"],
        takes: "puncher",
        when_full: "the order is dropped; the two are introduced again later",
    },
    EdgeRow {
        queue: "to_mapper",
        puts: &["controller"],
        takes: "mapper",
        when_full: "the order is dropped; what the router granted ends by itself",
    },
    EdgeRow {
        queue: "to_displayer",
        puts: &["controller"],
        takes: "displayer",
        when_full: "kept in the controller's backlog; it hears nothing new until that is empty",
    },
];

/// Both ends of a queue.
pub struct Queue<T> {
    pub put: Sender<T>,
    pub take: Receiver<T>,
}

/// Packets of one wake-up: bytes and whose they are.
#[derive(Debug, Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    pub parts: Vec<Part>,
}

/// A run of whole packets in a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The link; for the filesaver the transfer.
    pub link: LinkId,
    pub lane: Lane,
    pub start: usize,
    pub end: usize,
}

/// All queues.
pub struct Queues {
    pub heard: Queue<Heard>,
    pub events: Queue<Event>,
    pub to_listener: Queue<ListenerOrder>,
    pub to_sender: Queue<SenderOrder>,
    pub to_filesaver: Queue<SaverOrder>,
    pub to_filereader: Queue<ReaderOrder>,
    pub to_connector: Queue<ConnectorOrder>,
    pub to_puncher: Queue<PuncherOrder>,
    pub to_mapper: Queue<MapperOrder>,
    pub to_displayer: Queue<Show>,
    /// Empty buffers for use again. Neither putting nor taking ever waits, so it is no edge.
    pub pool: Queue<Batch>,
    /// Bytes of messages that wait for the filesaver.
    pub saver_bytes: AtomicUsize,
    /// The console's line editor, handed once from the displayer to the main thread.
    pub editor: Queue<Option<DefaultEditor>>,
    /// Windows: input of the program that was started anew in this one's place, handed once from
    /// the face to whoever reads stdin.
    pub heir: Queue<ChildStdin>,
    /// What the window is to show: from the displayer's thread to the main one, both of the face.
    pub to_window: Queue<Show>,
    /// The main thread is already awake for it.
    pub window_woken: AtomicBool,
    /// What the pollers sleep on.
    pub listener_waker: OnceLock<mio::Waker>,
    pub sender_waker: OnceLock<mio::Waker>,
    pub connector_waker: OnceLock<mio::Waker>,
    pub puncher_waker: OnceLock<mio::Waker>,
}

/// The queues of this process.
pub static QUEUES: LazyLock<Queues> = LazyLock::new(queues_make);
/// Counter of links, of those that called us and those that we called.
pub static LINK_NUMBER: AtomicU32 = AtomicU32::new(1_000_000);
/// How many signals to end have come.
pub static SIGNALS: AtomicU32 = AtomicU32::new(0);
/// What the displayer runs: the face chosen at the start.
pub static FACE: OnceLock<FaceMain> = OnceLock::new();

/// Делает все очереди; пределы — из base/bounds.rs.
fn queues_make() -> Queues {
    Queues {
        heard: queue_make(QUEUE_BATCHES),
        events: queue_make(QUEUE_EVENTS),
        to_listener: queue_make(QUEUE_ORDERS),
        to_sender: queue_make(QUEUE_ORDERS),
        to_filesaver: queue_make(QUEUE_ORDERS),
        to_filereader: queue_make(QUEUE_ORDERS),
        to_connector: queue_make(QUEUE_ORDERS),
        to_puncher: queue_make(QUEUE_ORDERS),
        to_mapper: queue_make(QUEUE_ORDERS),
        to_displayer: queue_make(QUEUE_SHOW),
        pool: queue_make(POOL_BUFFERS),
        saver_bytes: AtomicUsize::new(0),
        editor: queue_make(1),
        heir: queue_make(1),
        to_window: queue_make(QUEUE_WINDOW),
        window_woken: AtomicBool::new(false),
        listener_waker: OnceLock::new(),
        sender_waker: OnceLock::new(),
        connector_waker: OnceLock::new(),
        puncher_waker: OnceLock::new(),
    }
}

/// Одна ограниченная очередь.
fn queue_make<T>(bound: usize) -> Queue<T> {
    let (put, take) = bounded(bound);
    Queue { put, take }
}

/// Пустой буфер: из запаса, если есть.
pub fn batch_take(queues: &Queues) -> Batch {
    match queues.pool.take.try_recv() {
        Ok(batch) => batch,
        Err(_) => Batch::default(),
    }
}

/// Возвращает буфер в запас; лишний освобождается.
pub fn batch_give(queues: &Queues, mut batch: Batch) {
    batch.bytes.clear();
    batch.parts.clear();
    let _ = queues.pool.put.try_send(batch);
}

/// Дописывает пакеты в пачку; соседние куски одной линии сливаются.
pub fn batch_add(batch: &mut Batch, link: LinkId, lane: Lane, bytes: &[u8]) {
    let start = batch.bytes.len();
    batch.bytes.extend_from_slice(bytes);
    let end = batch.bytes.len();
    if let Some(last) = batch.parts.last_mut() {
        if last.link == link && last.lane == lane && last.end == start {
            last.end = end;
            return;
        }
    }
    batch.parts.push(Part { link, lane, start, end });
}
