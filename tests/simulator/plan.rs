//! What a run will be like: how many clients, which links, which faults. Drawn from the seed
//! before anything starts, and printed with a trace.
//! Каким будет прогон: сколько клиентов, какие линии, какие беды. Тянется из зерна до начала и
//! печатается вместе с ходом прогона.

use supertext::base::bounds::{LANE_FILES_MAX, LANE_MESSAGES_MAX};

use super::random::{random_chance, random_range};

/// A planted bug; the simulator that does not catch it is broken itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    None,
    /// A desk that confirms a message and drops it.
    ReceiptForged,
    /// The saved count of a part file is reported one packet too high on reopen.
    SavedTooHigh,
    /// The server says STORED for what it never put on disk.
    StoredEarly,
}

/// Everything that is decided before the run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub canary: Canary,
    pub clients: usize,
    /// Commands and faults come within this time; then everything is healed.
    pub active_ms: u64,
    /// Commands per client.
    pub turns: u64,
    /// Faults of the whole run.
    pub faults: u64,
    pub client_crashes: bool,
    pub server_crashes: bool,
    /// Crashes are mostly power losses: what was not synced is lost.
    pub power: bool,
    pub rate_low: u64,
    pub rate_high: u64,
    pub latency_low_ms: u64,
    pub latency_high_ms: u64,
    pub lane_messages: usize,
    pub lane_files: usize,
    pub packets_max: u64,
    pub answer_yes: bool,
    pub accept_files: bool,
    pub messages_first: u64,
    pub files_first: u64,
    /// Budgets suffice, because the user tops them up at the start.
    pub rich: bool,
    /// One client leaves for good in the middle.
    pub leaver: bool,
    pub disk_slow_ms: u64,
    /// Longest text, bytes.
    pub text_max: u64,
    /// The first client reads slowly, and most of what is written are long texts.
    pub wordy: bool,
    /// In a wordy run: the first client writes slowly instead.
    pub thin: bool,
    /// What the links carry after the healing, bytes per second.
    pub rate_healed: u64,
    /// Chance of a failed connection, thousandths.
    pub connect_fails: u64,
    /// Chance of a link that freezes before the greeting, thousandths.
    pub born_frozen: u64,
    pub contacts_removed: bool,
    /// Chance of a refused order or commit of history.db, thousandths.
    pub base_fails: u64,
    /// The same for mail.db.
    pub mail_fails: u64,
    /// Who crashed may stay away for long.
    pub long_away: bool,
    /// This client dies for good after it was told STORED.
    pub dier: Option<usize>,
    /// Older copies of history.db come back.
    pub restores: bool,
    /// Somebody between server and client lays hands on messages.
    pub tamper: bool,
    /// Wall clocks jump by hours.
    pub jumps: bool,
    /// Users make rooms, and some forge in them.
    pub rooms: bool,
    /// One-time keys are gone when they are asked for.
    pub keys_short: bool,
    /// Users link directly to each other now and then.
    pub direct: bool,
    /// No server at all: the clients stand in a chain, each linked to the next.
    pub mesh: bool,
    /// The last of the chain is linked to the first.
    pub ring: bool,
    /// Packets of others that a carrier drops before the healing, thousandths.
    pub carry_lost: u64,
}

/// Тянет план из случая.
pub fn plan_make(state: &mut u64, canary: Canary) -> Plan {
    let clients = random_range(state, 2, 4) as usize;
    let quiet = random_chance(state, 100);
    let slow = random_chance(state, 250);
    let narrow = random_chance(state, 250);
    let wordy = WINDOW_BY_BYTES && random_chance(state, 100);
    let thin = wordy && RESEND_BACKS_OFF && random_chance(state, 500);
    let rich = random_chance(state, 750);
    let rate_low = if slow { 30_000 } else { 400_000 };
    let rate_high = if slow { 600_000 } else { 40_000_000 };
    let sizes = [3, 40, 100, 300, 700];
    let packets_max = sizes[random_range(state, 0, 4) as usize];
    let base_fails = if random_chance(state, 200) { 8 } else { 0 };
    let restores = random_chance(state, 250);
    let tamper = random_chance(state, 200);
    let dies = !restores && !tamper && random_chance(state, 200);
    let early = canary == Canary::StoredEarly;
    let (restores, tamper, dies) = (restores && !early, tamper && !early, dies || early);
    let dier = if dies { Some(random_range(state, 0, clients as u64 - 1) as usize) } else { None };
    Plan {
        canary,
        clients,
        active_ms: random_range(state, 20_000, 150_000),
        turns: if thin { 4 } else { random_range(state, 3, 40) },
        faults: if quiet { 0 } else { random_range(state, 1, 20) },
        client_crashes: dies || random_chance(state, 600),
        server_crashes: random_chance(state, 300),
        power: random_chance(state, 400),
        rate_low,
        rate_high,
        latency_low_ms: 1,
        latency_high_ms: random_range(state, 2, 300),
        lane_messages: if narrow { 100_000 } else { LANE_MESSAGES_MAX },
        lane_files: if narrow { 4_500_000 } else { LANE_FILES_MAX },
        packets_max: if slow || wordy { u64::min(packets_max, 100) } else { packets_max },
        answer_yes: random_chance(state, 500),
        accept_files: random_chance(state, 300),
        messages_first: if rich { 1000 } else { random_range(state, 0, 12) },
        files_first: if rich { 1000 } else { random_range(state, 0, 200) },
        rich,
        leaver: clients > 2 && dier.is_none() && random_chance(state, 200),
        wordy,
        thin,
        text_max: match (wordy, thin) {
            (true, true) => 300_000,
            (true, false) => 1_000_000,
            (false, _) => 40_000,
        },
        rate_healed: if wordy { 150_000 } else { 4_000_000 },
        disk_slow_ms: if random_chance(state, 250) { 40 } else { 2 },
        connect_fails: if quiet { 0 } else { random_range(state, 0, 300) },
        born_frozen: if quiet { 0 } else { random_range(state, 0, 200) },
        contacts_removed: (FORGET_AGAIN || base_fails == 0) && random_chance(state, 150),
        base_fails,
        mail_fails: if random_chance(state, 200) && !early { 40 } else { 0 },
        long_away: dies || random_chance(state, 350),
        dier,
        restores,
        tamper,
        jumps: random_chance(state, 200),
        keys_short: random_chance(state, 200),
        rooms: random_chance(state, 400),
        direct: random_chance(state, 500),
        mesh: false,
        ring: false,
        carry_lost: 0,
    }
}

/// Scenarios that the logic does not survive yet stand behind a switch here, each with the
/// name of what the logic would have to do.
///
/// Long texts to a slow reader: the window of unconfirmed texts counts bytes, not only texts.
pub const WINDOW_BY_BYTES: bool = true;
/// Long texts over a thin line: what is not confirmed in time is sent again more and more rarely.
pub const RESEND_BACKS_OFF: bool = true;
/// A contact that is removed and made again goes on with its sequence numbers.
pub const REMOVE_KEEPS_SEQUENCE: bool = true;
/// A contact is removed while history.db refuses: the order to forget is given again.
pub const FORGET_AGAIN: bool = false;
