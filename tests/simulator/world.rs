//! The world of one run: the clock, the list of what will happen, the clients, the server, the
//! wires and the ledger. Owned by run.rs and passed down as `&mut`.
//! Мир одного прогона: часы, список будущего, клиенты, сервер, провода и книга учёта. Хозяин —
//! run.rs, остальным передаётся как `&mut`.

use std::collections::{BTreeMap, VecDeque};

use supertext::base::bounds::{LANE_FILES_MAX, LANE_MESSAGES_MAX};
use supertext::base::clock::Time;
use supertext::base::fail::Fail;
use supertext::base::ids::Id;
use supertext::logic::events::{BaseTold, Command, LinkId, MailOrder, Out, ServerEvent, Transfer};
use supertext::logic::server::Server;
use supertext::workers::mailkeeper::MailKeeper;

use super::ledger::Ledger;
use super::network::Wire;
use super::node::Node;
use super::plan::Plan;
use super::random::random_range;
use super::tamper::Tamper;

/// Wall clock at the beginning of every run.
pub const WALL_START_MS: u64 = 1_767_225_600_000;

/// What a worker tells its controller; the same as the events of the logic, but owned.
#[derive(Debug)]
pub enum Report {
    SourceOpened {
        transfer: Transfer,
        name: String,
        size: u64,
        changed: u64,
    },
    SourceSent {
        transfer: Transfer,
        next: u64,
    },
    SourceProof {
        transfer: Transfer,
        proof: [u8; 32],
    },
    SourceFailed {
        transfer: Transfer,
        fail: Fail,
    },
    PartOpened {
        transfer: Transfer,
        saved: u64,
    },
    PartSaved {
        transfer: Transfer,
        saved: u64,
    },
    PartRewound {
        transfer: Transfer,
        saved: u64,
    },
    PartDone {
        transfer: Transfer,
        path: String,
        proof: [u8; 32],
    },
    PartFailed {
        transfer: Transfer,
        fail: Fail,
    },
    /// What the desk told after a commit.
    Base(BaseTold),
}

/// What will happen at some moment. `epoch` is the run of the process it is meant for: what
/// was meant for a process that has died happens to nobody.
#[derive(Debug)]
pub enum Happening {
    Tick,
    Fault,
    Flap {
        node: usize,
    },
    Heal,
    Turn {
        node: usize,
    },
    Typed {
        node: usize,
        epoch: u32,
        command: Command,
    },
    Connected {
        node: usize,
        epoch: u32,
        link: LinkId,
        made: bool,
    },
    /// Where a client may be found is known.
    Gathered {
        node: usize,
        epoch: u32,
        peer: Id,
    },
    /// A direct call comes to its end.
    Called {
        node: usize,
        epoch: u32,
        link: LinkId,
        far: usize,
        made: bool,
    },
    ServerUp {
        wire: u32,
    },
    Sent {
        wire: u32,
        way: usize,
    },
    Arrived {
        wire: u32,
        way: usize,
    },
    Pump {
        wire: u32,
        way: usize,
    },
    Learned {
        wire: u32,
        end: usize,
    },
    FinishDue {
        wire: u32,
        way: usize,
    },
    Reader {
        node: usize,
        epoch: u32,
    },
    ReaderStep {
        node: usize,
        epoch: u32,
    },
    Saver {
        node: usize,
        epoch: u32,
    },
    Told {
        node: usize,
        epoch: u32,
        report: Report,
    },
    Restart {
        node: usize,
    },
    ServerRestart,
    ServerCrash,
    /// The server's mail worker takes its next order, or commits when there is none.
    Mail {
        epoch: u32,
    },
    MailTold {
        epoch: u32,
        told: ServerEvent<'static>,
    },
    /// A copy of history.db is put aside.
    Snapshot {
        node: usize,
    },
    /// That copy takes the place of history.db.
    Restore {
        node: usize,
    },
    /// Somebody between server and client lays hands on a packet.
    Tamper,
    /// A wall clock is set anew: of a client, or of the server.
    Jump {
        node: usize,
    },
    /// This client never comes back.
    Die {
        node: usize,
    },
}

/// The server and what is around it.
#[derive(Default)]
pub struct ServerNode {
    pub alive: bool,
    pub epoch: u32,
    pub born_us: u64,
    pub server: Server,
    pub next_link: LinkId,
    /// Which wire a link of this run is.
    pub wires: BTreeMap<LinkId, u32>,
    /// mail.db; the connection survives crashes.
    pub mail: MailKeeper,
    pub orders: VecDeque<MailOrder>,
    pub mail_us: u64,
    pub told_us: u64,
    pub wall_shift_ms: i64,
}

/// Everything of one run.
pub struct World {
    pub plan: Plan,
    pub random: u64,
    pub now_us: u64,
    pub future: BTreeMap<(u64, u64), Happening>,
    pub next_order: u64,
    pub nodes: Vec<Node>,
    pub server: ServerNode,
    pub wires: BTreeMap<u32, Wire>,
    pub next_wire: u32,
    pub ledger: Ledger,
    pub out: Out,
    pub tamper: Tamper,
    pub healed: bool,
    pub trace: bool,
    pub steps: u64,
    /// Broken invariants: `[name] what happened`. The first one ends the run.
    pub failures: Vec<String>,
}

/// Пустой мир по плану.
pub fn world_new(plan: Plan, random: u64, trace: bool) -> World {
    World {
        plan,
        random,
        now_us: 0,
        future: BTreeMap::new(),
        next_order: 0,
        nodes: Vec::new(),
        server: ServerNode::default(),
        wires: BTreeMap::new(),
        next_wire: 1,
        ledger: Ledger::default(),
        out: Out::default(),
        tamper: Tamper::default(),
        healed: false,
        trace,
        steps: 0,
        failures: Vec::new(),
    }
}

/// Назначает событие через столько микросекунд.
pub fn world_later(world: &mut World, after_us: u64, happening: Happening) {
    let at = world.now_us + after_us;
    world_at(world, at, happening);
}

/// Назначает событие на этот миг (не раньше нынешнего).
pub fn world_at(world: &mut World, at_us: u64, happening: Happening) {
    let order = world.next_order;
    world.next_order += 1;
    world.future.insert((u64::max(at_us, world.now_us), order), happening);
}

/// Случайное число микросекунд между двумя числами миллисекунд.
pub fn world_wait(world: &mut World, low_ms: u64, high_ms: u64) -> u64 {
    random_range(&mut world.random, low_ms * 1000, high_ms * 1000)
}

/// Время процесса, который начался в этот миг: часы у каждого свои, и обычные бывают сбиты.
pub fn world_time(world: &World, born_us: u64, shift_ms: i64) -> Time {
    let wall_ms = (WALL_START_MS + world.now_us / 1000).saturating_add_signed(shift_ms);
    Time { mono_ms: (world.now_us - born_us) / 1000, wall_ms }
}

/// Нарушение: имя закона и что случилось.
pub fn world_broken(world: &mut World, name: &str, detail: &str) {
    let line = format!("[{name}] at {} ms: {detail}", world.now_us / 1000);
    if world.trace {
        println!("BROKEN {line}");
    }
    world.failures.push(line);
}

/// Строка хода прогона.
pub fn world_trace(world: &World, line: &str) {
    println!("{:>9}.{:03} {line}", world.now_us / 1000, world.now_us % 1000);
}

/// Предел полосы сервера к клиенту: тесный по плану, после лечения — настоящий.
pub fn world_lane_max(world: &World, lane: usize) -> usize {
    match (world.healed, lane) {
        (true, 0) => LANE_MESSAGES_MAX,
        (true, _) => LANE_FILES_MAX,
        (false, 0) => world.plan.lane_messages,
        (false, _) => world.plan.lane_files,
    }
}
