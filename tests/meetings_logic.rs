//! Introductions without programs: who may propose, what is believed of his addresses, how often he
//! is answered, and what forged ones come to.
//! Знакомства без программ: кому можно предлагать, чему из его адресов верят, как часто отвечают и
//! чем кончаются поддельные.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/facts.rs"]
mod facts;

use facts::{contact_plain, facts_plain};
use supertext::base::bounds::{HEADER_BYTES, MEET_ADDRESSES, MEET_LOOK_MS};
use supertext::base::clock::Time;
use supertext::base::ids::{ID_SERVER, Id};
use supertext::crypto::identity::{PublicKey, id_of_key, sha256};
use supertext::logic::client::{client_start, client_step};
use supertext::logic::events::{
    Action, BaseOrder, BaseTold, ClientEvent, Out, PersonFacts, Punch, Standing, out_clear,
};
use supertext::logic::mesh::CarryWish;
use supertext::logic::show::PeerState;
use supertext::logic::state::{Client, Stage};
use supertext::wire::control::{Presence, packet_put};
use supertext::wire::header::header_read;
use supertext::wire::message::{ENVELOPE_MEETING, Meeting};
use supertext::wire::packets::Kind;
use supertext::wire::stun::Token;

/// The token of the client that is looked at.
const OWN: Token = [7; 12];
/// The token of the other one.
const THEIRS: Token = [9; 12];
const HOLE: &str = "203.0.113.22:40000";

/// A client and its clock.
struct Bench {
    client: Client,
    out: Out,
    now_ms: u64,
    /// A contact with a lower id than the client's, and one with a greater id.
    lower: Id,
    greater: Id,
}

/// Ключи троих по возрастанию номеров.
fn keys() -> [PublicKey; 3] {
    let mut keys = [sha256(b"one"), sha256(b"two"), sha256(b"three")];
    for _ in 0..2 {
        for index in 0..2 {
            if id_of_key(&keys[index]) > id_of_key(&keys[index + 1]) {
                keys.swap(index, index + 1);
            }
        }
    }
    keys
}

/// Клиент посередине: у одного контакта номер меньше, у другого больше.
fn bench_with(blocked: bool, standing: Standing, listen: bool) -> Bench {
    let [low, own, high] = keys();
    let mut people = Vec::new();
    for public in [low, high] {
        let peer = id_of_key(&public);
        people.push(PersonFacts { peer, public, changed: None, verified: false });
    }
    let mut facts = facts_plain(own, "me");
    (facts.wishes.listen, facts.wishes.carry) = (listen, CarryWish::Off);
    facts.doors = vec![String::from("192.168.1.10:4000")];
    facts.people = people;
    for key in [low, high] {
        facts.contacts.push(contact_plain(&key, "somebody", standing, blocked));
    }
    let mut out = Out::default();
    let mut client = client_start(&facts, &mut out);
    let (lower, greater) = (id_of_key(&low), id_of_key(&high));
    for peer in [lower, greater] {
        if let Some(contact) = client.contacts.get_mut(&peer) {
            contact.state = PeerState::Online;
        }
    }
    out_clear(&mut out);
    Bench { client, out, now_ms: 1_000, lower, greater }
}

/// Обычный клиент.
fn bench() -> Bench {
    bench_with(false, Standing::Contact, true)
}

/// Событие; возвращает, что из него вышло о знакомствах.
fn step(bench: &mut Bench, event: ClientEvent<'_>) -> Vec<Action> {
    out_clear(&mut bench.out);
    let now = Time { mono_ms: bench.now_ms, wall_ms: 1_000_000 + bench.now_ms };
    client_step(&mut bench.client, event, now, &mut bench.out);
    let mut found = Vec::new();
    for action in bench.out.actions.drain(..) {
        let meets = matches!(action, Action::Base(BaseOrder::Aside { .. }) | Action::Call { .. })
            || matches!(action, Action::Gather { .. } | Action::Punch(_));
        if meets {
            found.push(action);
        }
    }
    found
}

/// Пришли слова о том, где человека найти.
fn told(bench: &mut Bench, peer: Id, about: Token, holes: &[&str], doors: &[&str]) -> Vec<Action> {
    let mut meeting = Meeting { token: THEIRS, about, ..Meeting::default() };
    for hole in holes {
        meeting.holes.push(String::from(*hole));
    }
    for door in doors {
        meeting.doors.push(String::from(*door));
    }
    step(bench, ClientEvent::Base(BaseTold::Meeting { peer, meeting }))
}

/// Узналось, где нас найти.
fn gathered(bench: &mut Bench, peer: Id) -> Vec<Action> {
    let addresses = vec![String::from("203.0.113.21:40000")];
    step(bench, ClientEvent::Gathered { peer, token: OWN, addresses })
}

/// Единственная дыра среди действий.
fn punch_of(actions: &[Action]) -> &Punch {
    for action in actions {
        if let Action::Punch(punch) = action {
            return punch;
        }
    }
    panic!("no hole: {actions:?}");
}

#[test]
fn the_lower_id_proposes_and_calls() {
    let mut bench = bench();
    let greater = bench.greater;
    assert_eq!(step(&mut bench, ClientEvent::Tick), vec![Action::Gather { peer: greater }]);
    let sent = gathered(&mut bench, greater);
    let [Action::Base(BaseOrder::Aside { peer, envelope })] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!((*peer, envelope.kind, envelope.sequence), (greater, ENVELOPE_MEETING, 0));
    let meeting = envelope.meeting.as_ref().unwrap();
    assert_eq!((meeting.token, meeting.about), (OWN, [0; 12]));
    // Ответ на чужое предложение — не на наше.
    assert_eq!(told(&mut bench, greater, [1; 12], &[HOLE], &[]), vec![]);
    let actions = told(&mut bench, greater, OWN, &[HOLE], &["203.0.113.22:4000"]);
    let punch = punch_of(&actions).clone();
    assert_eq!((punch.own, punch.theirs, punch.peer), (OWN, THEIRS, greater));
    assert!(punch.link != 0 && bench.client.links.contains_key(&punch.link));
    assert!(matches!(&actions[1], Action::Call { addresses, .. }
        if addresses == &["203.0.113.22:4000"]));
    // Слово годно один раз.
    assert_eq!(told(&mut bench, greater, OWN, &[HOLE], &[]), vec![]);
}

#[test]
fn the_greater_id_answers_and_waits() {
    let mut bench = bench();
    let lower = bench.lower;
    assert_eq!(
        told(&mut bench, lower, [0; 12], &[HOLE], &[]),
        vec![Action::Gather { peer: lower }]
    );
    let actions = gathered(&mut bench, lower);
    let Action::Base(BaseOrder::Aside { envelope, .. }) = &actions[0] else {
        panic!("{actions:?}");
    };
    assert_eq!(envelope.meeting.as_ref().unwrap().about, THEIRS);
    let punch = punch_of(&actions);
    assert_eq!((punch.link, punch.own, punch.theirs), (0, OWN, THEIRS));
    // Второй раз о том же — ничего.
    assert_eq!(gathered(&mut bench, lower)[..0], []);
}

#[test]
fn forged_introductions_come_to_nothing() {
    let mut normal = bench();
    let (lower, greater) = (normal.lower, normal.greater);
    // Предлагает не тот, и отвечает, кого не спрашивали.
    assert_eq!(told(&mut normal, greater, [0; 12], &[HOLE], &[]), vec![]);
    assert_eq!(told(&mut normal, lower, OWN, &[HOLE], &[]), vec![]);
    // Незнакомый вовсе.
    assert_eq!(told(&mut normal, 77, [0; 12], &[HOLE], &[]), vec![]);
    let many = [HOLE; 3 * MEET_ADDRESSES];
    assert_eq!(told(&mut normal, lower, [0; 12], &many, &[]), vec![]);
    for mut wary in [
        bench_with(true, Standing::Contact, true),
        bench_with(false, Standing::Spam, true),
        bench_with(false, Standing::Asks, true),
        bench_with(false, Standing::Member, true),
        bench_with(false, Standing::Contact, false),
    ] {
        assert_eq!(told(&mut wary, lower, [0; 12], &[HOLE], &[]), vec![]);
        assert_eq!(step(&mut wary, ClientEvent::Tick), vec![]);
    }
}

#[test]
fn only_addresses_of_one_computer_are_tapped_at() {
    let mut bench = bench();
    let lower = bench.lower;
    let wrong = [
        "127.0.0.1:40000",
        "[::1]:40000",
        "[::ffff:127.0.0.1]:40000",
        "0.0.0.0:40000",
        "255.255.255.255:40000",
        "224.0.0.251:5353",
        "[ff02::fb]:5353",
        "169.254.1.1:40000",
        "[fe80::1]:40000",
        "203.0.113.22:0",
        "example.com:40000",
        "203.0.113.22",
        "",
        HOLE,
        HOLE,
    ];
    told(&mut bench, lower, [0; 12], &wrong, &wrong);
    let actions = gathered(&mut bench, lower);
    assert_eq!(punch_of(&actions).addresses, vec![HOLE.parse().unwrap()]);
    for action in &actions {
        if let Action::Call { addresses, .. } = action {
            assert_eq!(addresses, &[HOLE]);
        }
    }
}

#[test]
fn a_flood_of_proposals_is_answered_slowly() {
    let mut bench = bench();
    let lower = bench.lower;
    let mut answered = 0;
    for _ in 0..1_000 {
        answered += told(&mut bench, lower, [0; 12], &[HOLE], &[]).len();
        bench.now_ms += 1;
    }
    assert!(answered as u64 <= 1 + 1_000 / MEET_LOOK_MS, "{answered} answers in a second");
}

#[test]
fn what_fails_is_proposed_ever_more_rarely() {
    let mut bench = bench();
    let (greater, mut proposals) = (bench.greater, 0);
    for _ in 0..6_000 {
        for action in step(&mut bench, ClientEvent::Tick) {
            if action == (Action::Gather { peer: greater }) {
                proposals += 1;
            }
        }
        bench.now_ms += 100;
    }
    // 5, 20, 80, 320 секунд: за десять минут пять предложений.
    assert_eq!(proposals, 5);
}

#[test]
fn who_comes_back_is_met_at_once() {
    let mut bench = bench();
    let greater = bench.greater;
    assert_eq!(step(&mut bench, ClientEvent::Tick), vec![Action::Gather { peer: greater }]);
    // Ушёл и вернулся, не ответив: ждать отложенного незачем.
    bench.client.server.stage = Stage::Up;
    let (link, source_id) = (bench.client.server.link, ID_SERVER);
    for online in [false, true] {
        let mut bytes = Vec::new();
        let body = Presence { id: greater, online };
        packet_put(&mut bytes, Kind::Presence, source_id, ID_SERVER, 0, &body).unwrap();
        let header = header_read(&bytes).unwrap();
        step(&mut bench, ClientEvent::Packet { link, header, data: &bytes[HEADER_BYTES..] });
    }
    bench.now_ms += MEET_LOOK_MS;
    assert_eq!(step(&mut bench, ClientEvent::Tick), vec![Action::Gather { peer: greater }]);
}
