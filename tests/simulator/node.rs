//! One client process: its logic state, its disk, its workers' queues; start, step, crash.
//! Один процесс клиента: состояние логики, диск, очереди работников; запуск, шаг, крах.

use std::collections::{BTreeMap, VecDeque};

use supertext::base::bounds::{
    ACTIVE_INCOMING_MAX, FINISHED_MAX, OUTBOX_MAX, PARTIAL_MAX, QUESTIONS_MAX, WINDOW_PACKETS,
};
use supertext::base::ids::Id;
use supertext::crypto::identity::{PublicKey, id_of_key};
use supertext::logic::client::{client_flush, client_start, client_step};
use supertext::logic::events::{
    AcceptFiles, ClientEvent, LinkId, Out, StartFacts, Transfer, out_clear,
};
use supertext::logic::state::{Client, Phase, Stage, TransferState};
use supertext::store::desk::Desk;
use supertext::wire::message::TransferId;

use super::actions::actions_apply;
use super::base::{Aside, base_bounds, base_died, base_facts, base_new};
use super::disk::{Disk, disk_power_lost, disk_reconcile};
use super::network::{Packet, wire_cut, wire_orphan};
use super::pairs::end_of;
use super::random::{random_chance, random_fill, random_next};
use super::reader::{ReadJob, ReaderOrder};
use super::saver::{PartWork, SaverOrder};
use super::world::{
    Happening, World, world_broken, world_later, world_time, world_trace, world_wait,
};
use crate::facts::facts_plain;

/// One client.
pub struct Node {
    /// The identity's secret.
    pub seed: [u8; 32],
    pub key: PublicKey,
    pub id: Id,
    pub name: String,
    pub alive: bool,
    /// Counts the runs of the program.
    pub epoch: u32,
    pub born_us: u64,
    pub client: Client,
    pub disk: Disk,
    /// Exit code of a program that left by itself; it is not started again.
    pub left: Option<u8>,
    /// Wires by link of this run.
    pub wires: BTreeMap<LinkId, u32>,
    /// Transfers by their number in this run.
    pub numbers: BTreeMap<Transfer, TransferId>,
    pub reader_orders: VecDeque<ReaderOrder>,
    pub jobs: VecDeque<ReadJob>,
    pub stepping: bool,
    pub saver_orders: VecDeque<SaverOrder>,
    pub parts: BTreeMap<Transfer, PartWork>,
    /// Last moments of the workers' queues: order is kept.
    pub reader_us: u64,
    pub saver_us: u64,
    pub told_us: u64,
    pub disk_full_us: u64,
    /// history.db; the connection survives crashes.
    pub desk: Option<Box<Desk>>,
    /// A copy of history.db that was put aside.
    pub aside: Option<Aside>,
    pub wall_shift_ms: i64,
}

/// Заводит клиента со случайным ключом; он ещё не запущен.
pub fn node_make(world: &mut World) {
    let mut seed = [0; 32];
    random_fill(&mut world.random, &mut seed);
    let desk = Box::new(base_new(&seed));
    let key = desk.public;
    let id = id_of_key(&key);
    let name = format!("client{}", world.nodes.len());
    let facts = start_facts(key, &name, &Disk::default(), 1);
    let client = client_start(&facts, &mut Out::default());
    world.nodes.push(Node {
        seed,
        key,
        id,
        name,
        alive: false,
        epoch: 0,
        born_us: 0,
        client,
        disk: Disk::default(),
        left: None,
        wires: BTreeMap::new(),
        numbers: BTreeMap::new(),
        reader_orders: VecDeque::new(),
        jobs: VecDeque::new(),
        stepping: false,
        saver_orders: VecDeque::new(),
        parts: BTreeMap::new(),
        reader_us: 0,
        saver_us: 0,
        told_us: 0,
        disk_full_us: 0,
        desk: Some(desk),
        aside: None,
        wall_shift_ms: 0,
    });
}

/// Что клиент знает при запуске: только то, что на диске (history.db добавит base.rs).
fn start_facts(public: PublicKey, name: &str, disk: &Disk, run: u64) -> StartFacts {
    let mut outgoing = Vec::new();
    for journal in disk.outgoing.values() {
        outgoing.push(journal.facts.clone());
    }
    let mut incoming = Vec::new();
    for part in disk.parts.values() {
        incoming.push(part.facts.clone());
    }
    StartFacts {
        fingerprint: String::from("simulated"),
        run,
        server: String::from("server:1"),
        limits: disk.limits.clone(),
        contacts: disk.contacts.clone(),
        outgoing,
        incoming,
        finished: disk.finished.clone(),
        ..facts_plain(public, name)
    }
}

/// Запускает программу клиента.
pub fn node_start(world: &mut World, node: usize) {
    let run = random_next(&mut world.random);
    let plan = world.plan.clone();
    let now_us = world.now_us;
    let place = &mut world.nodes[node];
    if place.alive || place.left.is_some() {
        return;
    }
    disk_reconcile(&mut place.disk);
    let mut facts = start_facts(place.key, &place.name, &place.disk, run);
    facts.wishes.messages_first = plan.messages_first;
    facts.wishes.files_first = plan.files_first;
    if plan.accept_files {
        facts.wishes.accept_files = AcceptFiles::On;
    }
    facts.wishes.answer_yes = plan.answer_yes;
    if plan.mesh {
        facts.server = String::new();
    }
    if let Some(desk) = &place.desk {
        base_facts(desk, &mut facts);
    }
    place.alive = true;
    place.epoch += 1;
    place.born_us = now_us;
    place.wires.clear();
    place.numbers.clear();
    place.reader_orders.clear();
    place.jobs.clear();
    place.stepping = false;
    place.saver_orders.clear();
    place.parts.clear();
    let mut out = Out::default();
    place.client = client_start(&facts, &mut out);
    let now = world_time(world, now_us, world.nodes[node].wall_shift_ms);
    client_flush(&mut world.nodes[node].client, now, &mut out);
    if world.trace {
        world_trace(world, &format!("client{node} starts"));
    }
    node_after(world, node, &mut out, None);
}

/// Один шаг логики клиента и всё, чего она захотела.
pub fn node_step(world: &mut World, node: usize, event: ClientEvent<'_>, at_hand: Option<&Packet>) {
    if !world.nodes[node].alive {
        return;
    }
    let (born_us, shift_ms) = (world.nodes[node].born_us, world.nodes[node].wall_shift_ms);
    let now = world_time(world, born_us, shift_ms);
    let mut out = std::mem::take(&mut world.out);
    out_clear(&mut out);
    let client = &mut world.nodes[node].client;
    client_step(client, event, now, &mut out);
    client_flush(client, now, &mut out);
    world.steps += 1;
    node_after(world, node, &mut out, at_hand);
    world.out = out;
}

/// Номера передач, действия, пределы.
fn node_after(world: &mut World, node: usize, out: &mut Out, at_hand: Option<&Packet>) {
    let place = &mut world.nodes[node];
    for state in place.client.transfers.values() {
        if state.facts.transfer != [0; 16] {
            place.numbers.insert(state.number, state.facts.transfer);
        }
    }
    if !out.actions.is_empty() {
        actions_apply(world, node, out, at_hand);
    }
    bounds_check(world, node);
}

/// Законы о пределах, после каждого шага.
fn bounds_check(world: &mut World, node: usize) {
    let client = &world.nodes[node].client;
    let mut wrong: Option<String> = None;
    for contact in client.contacts.values() {
        if contact.outbox.len() > OUTBOX_MAX {
            wrong = Some(format!("lists of contact {}", contact.id));
        }
    }
    let mut active = 0;
    for state in client.transfers.values() {
        if !state.outgoing && (state.phase == Phase::Running || state.phase == Phase::Preparing) {
            active += 1;
        }
        if window_over(state) {
            wrong = Some(format!("window {} - {}", state.wanted, state.moved));
        }
    }
    if active > ACTIVE_INCOMING_MAX {
        wrong = Some(format!("{active} active incoming transfers"));
    }
    if client.partials.len() > PARTIAL_MAX * world.plan.clients
        || client.questions.len() > QUESTIONS_MAX
        || client.finished.len() > FINISHED_MAX
    {
        wrong = Some(String::from("questions or finished transfers"));
    }
    let ended = client.server.stage == Stage::Ended && world.nodes[node].alive;
    if let Some(detail) = wrong {
        world_broken(world, "bounds", &format!("client{node}: {detail}"));
    }
    if ended {
        world_broken(world, "client-stuck", &format!("client{node} gave the server up for good"));
    }
}

/// Получатель попросил больше окна.
fn window_over(state: &TransferState) -> bool {
    let running = !state.outgoing && state.phase == Phase::Running;
    running && (state.wanted < state.moved || state.wanted - state.moved > WINDOW_PACKETS)
}

/// Крах процесса клиента. `power` — пропало питание: хвосты файлов и всё в пути.
pub fn node_crash(world: &mut World, node: usize, power: bool) {
    if !world.nodes[node].alive {
        return;
    }
    let place = &mut world.nodes[node];
    place.alive = false;
    let lost = if power { disk_power_lost(&mut place.disk) } else { 0 };
    let mut wires: Vec<u32> = Vec::new();
    for number in place.wires.values() {
        wires.push(*number);
    }
    if world.trace {
        world_trace(world, &format!("client{node} crashes, power {power}, {lost} packets lost"));
    }
    if power {
        super::ledger::ledger_power_lost(world, node);
    }
    super::ledger::ledger_crashed(world);
    base_bounds(world, node);
    base_died(world, node);
    for number in wires {
        let end = end_of(world, number, node);
        if power {
            wire_cut(world, number);
            if random_chance(&mut world.random, 500) {
                let after = world_wait(world, 0, 3000);
                let far = 1 - end;
                world_later(world, after, Happening::Learned { wire: number, end: far });
            }
        }
        wire_orphan(world, number, end);
    }
    let away = world.plan.long_away && random_chance(&mut world.random, 500);
    let longest = if away { world.plan.active_ms } else { 15_000 };
    let after = world_wait(world, 50, longest);
    world_later(world, after, Happening::Restart { node });
}
