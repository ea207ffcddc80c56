//! One run from one seed: the plan, the loop over what happens, the healing, the quiet, the
//! checks. Called by the tests.
//! Один прогон от одного зерна: план, цикл событий, лечение, тишина, проверки. Зовут испытания.

use supertext::base::bounds::{LEAVE_MS, TICK_MS};
use supertext::base::fail::{FailKind, fail};
use supertext::logic::events::{ClientEvent, ServerEvent};

use super::base::{base_restore, base_snapshot};
use super::faults::{clock_jump, fault_happen, faults_heal, faults_plan, link_cut, node_die};
use super::finish::{drain_check, drain_start, ledger_check, unsettled};
use super::mail::mail_run;
use super::mesh::{mesh_links, mesh_plan};
use super::network::{way_arrived, way_finish_due, way_pump, way_sent, wire_learned, wire_make};
use super::node::{node_make, node_start, node_step};
use super::pairs::{hole_gathered, pair_made};
use super::plan::{Canary, Plan, plan_make};
use super::random::random_next;
use super::reader::{reader_run, reader_step, report_take};
use super::relay::{relay_crash, relay_start, relay_step, relay_up};
use super::saver::saver_run;
use super::tamper::tamper_happen;
use super::user::{user_turn, user_types, users_plan};
use super::world::{
    Happening, World, world_broken, world_later, world_new, world_trace, world_wait,
};

/// After the healing everything must be quiet within this time.
const QUIET_WITHIN_US: u64 = 20 * 60 * 1_000_000;
/// The quiet must last so long before the ledger is checked.
const QUIET_LASTS_US: u64 = 2_000_000;

/// What one run came to.
#[derive(Debug)]
pub struct Verdict {
    pub seed: u64,
    pub failures: Vec<String>,
    pub steps: u64,
    pub virtual_ms: u64,
    pub texts: u64,
    pub rooms: u64,
    pub forged: u64,
    pub files: u64,
    pub crashes: u64,
    pub overflows: u64,
    pub stored: u64,
    pub tricks: u64,
    pub heals: u64,
    pub directs: u64,
    pub direct_packets: u64,
    pub carried: u64,
    pub came_inside: u64,
}

/// Прогон от зерна до приговора.
pub fn run_seed(seed: u64, canary: Canary, trace: bool) -> Verdict {
    let mut random = seed ^ 0x5355_5045_5254_4558;
    random_next(&mut random);
    let plan = plan_make(&mut random, canary);
    run_plan(seed, plan, random, trace)
}

/// То же без сервера: клиенты стоят в цепочке или кольце, и всё идёт через соседей.
pub fn run_mesh(seed: u64, trace: bool) -> Verdict {
    let mut random = seed ^ 0x4d45_5348_0000_0001;
    random_next(&mut random);
    let mut plan = plan_make(&mut random, Canary::None);
    mesh_plan(&mut plan, &mut random);
    run_plan(seed, plan, random, trace)
}

/// Прогон по плану.
fn run_plan(seed: u64, plan: Plan, random: u64, trace: bool) -> Verdict {
    if trace {
        println!("seed {seed}: {plan:#?}");
    }
    let mut world = world_new(plan, random, trace);
    for _ in 0..world.plan.clients {
        node_make(&mut world);
    }
    if !world.plan.mesh {
        relay_start(&mut world);
    }
    for node in 0..world.nodes.len() {
        let after = world_wait(&mut world, 0, 300);
        world_later(&mut world, after, Happening::Restart { node });
    }
    users_plan(&mut world);
    mesh_links(&mut world);
    faults_plan(&mut world);
    world_later(&mut world, 0, Happening::Tick);
    until_quiet(&mut world);
    if world.failures.is_empty() {
        ledger_check(&mut world);
    }
    if world.failures.is_empty() {
        drain_start(&mut world);
        let end = world.now_us + (LEAVE_MS + 3000) * 1000;
        while world.failures.is_empty() && world.now_us < end {
            happen_next(&mut world);
        }
        drain_check(&mut world);
        ledger_check(&mut world);
    }
    Verdict {
        seed,
        failures: world.failures,
        steps: world.steps,
        virtual_ms: world.now_us / 1000,
        texts: world.ledger.texts.len() as u64,
        rooms: world.ledger.rooms.texts.len() as u64,
        forged: world.ledger.rooms.forged.len() as u64,
        files: world.ledger.files.len() as u64,
        crashes: world.ledger.crashes,
        overflows: world.ledger.overflows,
        stored: world.ledger.stored,
        tricks: world.tamper.tricks,
        heals: world.ledger.heals,
        directs: world.ledger.directs,
        direct_packets: world.ledger.direct_packets,
        carried: world.ledger.carried,
        came_inside: world.ledger.came_inside,
    }
}

/// Крутит мир, пока после лечения всё не затихнет, или до первого нарушения.
fn until_quiet(world: &mut World) {
    let mut healed_us = 0;
    let mut quiet_us = 0;
    let mut looked_us = 0;
    while world.failures.is_empty() {
        happen_next(world);
        if !world.healed || world.now_us < looked_us + 250_000 {
            continue;
        }
        looked_us = world.now_us;
        if healed_us == 0 {
            healed_us = world.now_us;
        }
        let Some(why) = unsettled(world) else {
            if quiet_us == 0 {
                quiet_us = world.now_us;
            }
            if world.now_us >= quiet_us + QUIET_LASTS_US {
                return;
            }
            continue;
        };
        quiet_us = 0;
        if world.now_us >= healed_us + QUIET_WITHIN_US {
            world_broken(world, "not-quiet", &why);
        }
    }
}

/// Следующее событие.
fn happen_next(world: &mut World) {
    let Some(((at, _), happening)) = world.future.pop_first() else {
        world_broken(world, "future-empty", "nothing will happen any more");
        return;
    };
    world.now_us = at;
    match happening {
        Happening::Tick => tick(world),
        Happening::Fault => fault_happen(world),
        Happening::Flap { node } => {
            if !world.healed {
                link_cut(world, node, false);
            }
        }
        Happening::Heal => faults_heal(world),
        Happening::Turn { node } => user_turn(world, node),
        Happening::ServerUp { wire } => relay_up(world, wire),
        Happening::Sent { wire, way } => way_sent(world, wire, way),
        Happening::Arrived { wire, way } => way_arrived(world, wire, way),
        Happening::Pump { wire, way } => way_pump(world, wire, way),
        Happening::Learned { wire, end } => wire_learned(world, wire, end),
        Happening::FinishDue { wire, way } => way_finish_due(world, wire, way),
        Happening::Restart { node } => {
            if world.trace && world.nodes[node].left.is_none() {
                world_trace(world, &format!("client{node} is to start"));
            }
            node_start(world, node);
        }
        Happening::ServerRestart => relay_start(world),
        Happening::ServerCrash => relay_crash(world),
        Happening::Mail { epoch } => {
            if world.server.alive && world.server.epoch == epoch {
                mail_run(world);
            }
        }
        Happening::MailTold { epoch, told } => {
            if world.server.alive && world.server.epoch == epoch {
                relay_step(world, told, None);
            }
        }
        Happening::Snapshot { node } => base_snapshot(world, node),
        Happening::Restore { node } => base_restore(world, node),
        Happening::Tamper => tamper_happen(world),
        Happening::Jump { node } => clock_jump(world, node),
        Happening::Die { node } => node_die(world, node),
        Happening::Typed { node, epoch, .. }
        | Happening::Connected { node, epoch, .. }
        | Happening::Called { node, epoch, .. }
        | Happening::Gathered { node, epoch, .. }
        | Happening::Reader { node, epoch }
        | Happening::ReaderStep { node, epoch }
        | Happening::Saver { node, epoch }
        | Happening::Told { node, epoch, .. } => {
            if world.nodes[node].alive && world.nodes[node].epoch == epoch {
                process_happens(world, node, happening);
            }
        }
    }
}

/// Событие внутри живого процесса клиента.
fn process_happens(world: &mut World, node: usize, happening: Happening) {
    match happening {
        Happening::Typed { command, .. } => user_types(world, node, command),
        Happening::Connected { link, made, .. } => {
            if made && world.server.alive {
                let number = wire_make(world, node, link);
                world.nodes[node].wires.insert(link, number);
                node_step(world, node, ClientEvent::LinkUp { link, from: String::new() }, None);
            } else {
                let fail = fail(FailKind::Connect, "");
                node_step(world, node, ClientEvent::LinkDown { link, fail }, None);
            }
        }
        Happening::Gathered { peer, .. } => hole_gathered(world, node, peer),
        Happening::Called { link, far, made, .. } => pair_made(world, node, link, far, made),
        Happening::Reader { .. } => reader_run(world, node),
        Happening::ReaderStep { .. } => reader_step(world, node),
        Happening::Saver { .. } => saver_run(world, node),
        Happening::Told { report, .. } => report_take(world, node, report),
        _ => world_broken(world, "happening", &format!("{happening:?}")),
    }
}

/// Тиканье часов всех процессов.
fn tick(world: &mut World) {
    for node in 0..world.nodes.len() {
        node_step(world, node, ClientEvent::Tick, None);
    }
    relay_step(world, ServerEvent::Tick, None);
    world_later(world, TICK_MS * 1000, Happening::Tick);
}
