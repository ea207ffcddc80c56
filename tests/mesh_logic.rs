//! Over a third without sockets: the table of who is reached over whom, and that nothing anybody
//! writes into ROUTES or CARRY makes the net send more than it was given.
//! Через третьего без сокетов: таблица, кто через кого достижим, и что никакие ROUTES и CARRY не
//! заставят сеть послать больше, чем в неё положено.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/facts.rs"]
mod facts;

use std::collections::{BTreeMap, VecDeque};

use facts::{contact_plain, facts_plain};
use supertext::base::bounds::{
    CARRY_BURST, CARRY_RATE, HEADER_BYTES, HOPS_MAX, ROUTES_GAP_MS, ROUTES_MAX, SEEN_NUMBERS,
    SEEN_PAIRS_MAX,
};
use supertext::base::clock::Time;
use supertext::base::fail::FailKind;
use supertext::base::ids::{Id, id_from_hash};
use supertext::crypto::identity::{id_of_key, sha256};
use supertext::logic::client::{client_flush, client_start, client_step};
use supertext::logic::direct::link_new;
use supertext::logic::events::{
    Action, ClientEvent, ContactRow, LinkId, Out, PersonFacts, Standing, out_clear,
};
use supertext::logic::mesh::carry_wish;
use supertext::logic::mesh_carry::{Seen, seen_new};
use supertext::logic::show::Path;
use supertext::logic::state::{Client, Stage};
use supertext::wire::carry::{CarryHead, Route, Routes, carry_put};
use supertext::wire::control::packet_put;
use supertext::wire::header::header_read;
use supertext::wire::packets::{Family, Kind, Lane, packet_find};

/// Packets that one net may send before a test gives it up as endless.
const ENDLESS: u64 = 200_000;

/// Some clients and the links between them; what is sent arrives at once, in order.
struct Net {
    nodes: Vec<Client>,
    wires: BTreeMap<(usize, LinkId), (usize, LinkId)>,
    queue: VecDeque<(usize, LinkId, Vec<u8>)>,
    now_ms: u64,
    carried: u64,
    routes: u64,
    sent: u64,
}

/// Ключ узла с этим номером; личность здесь ничего не подписывает.
fn key_of(node: usize) -> [u8; 32] {
    sha256(&[node as u8, 77])
}

/// Номер человека на этом узле.
fn id_of(node: usize) -> Id {
    id_of_key(&key_of(node))
}

/// Контакт, каким он лежит на диске.
fn contact(node: usize, standing: Standing, blocked: bool) -> ContactRow {
    contact_plain(&key_of(node), &format!("node {node}"), standing, blocked)
}

/// Один клиент без сервера, у которого все прочие в контактах.
fn client_make(node: usize, many: usize) -> Client {
    let mut contacts = Vec::new();
    for other in 0..many {
        if other != node {
            contacts.push(contact(other, Standing::Contact, false));
        }
    }
    let mut facts = facts_plain(key_of(node), &format!("node {node}"));
    (facts.run, facts.contacts) = (node as u64, contacts);
    (facts.wishes.messages_first, facts.wishes.files_first) = (1000, 1000);
    client_start(&facts, &mut Out::default())
}

/// Сеть из стольких узлов без единой линии.
fn net_make(many: usize) -> Net {
    let mut nodes = Vec::new();
    for node in 0..many {
        nodes.push(client_make(node, many));
    }
    let (wires, queue) = (BTreeMap::new(), VecDeque::new());
    Net { nodes, wires, queue, now_ms: 1_000, carried: 0, routes: 0, sent: 0 }
}

/// Цепочка; `ring` соединяет концы.
fn chain(many: usize, ring: bool) -> Net {
    let mut net = net_make(many);
    for node in 1..many {
        join(&mut net, node - 1, node);
    }
    if ring {
        join(&mut net, many - 1, 0);
    }
    net
}

/// Который сейчас час.
fn now(net: &Net) -> Time {
    Time { mono_ms: net.now_ms, wall_ms: 1_767_225_600_000 + net.now_ms }
}

/// Стоячая прямая линия между двумя; номера её концов говорят, между кем она.
fn join(net: &mut Net, one: usize, other: usize) {
    let (first, second) = ((one * 100 + other + 1) as u32, (other * 100 + one + 1) as u32);
    for (node, link, peer) in [(one, first, other), (other, second, one)] {
        let mut made = link_new(link, id_of(peer), Path::Direct, false, now(net));
        (made.stage, made.key, made.carries) = (Stage::Up, key_of(peer), true);
        net.nodes[node].links.insert(link, made);
    }
    net.wires.insert((one, first), (other, second));
    net.wires.insert((other, second), (one, first));
}

/// Линия между двумя на стороне первого.
fn link_between(one: usize, other: usize) -> LinkId {
    (one * 100 + other + 1) as u32
}

/// Рвёт линию между двумя: оба узнают.
fn cut(net: &mut Net, one: usize, other: usize) {
    for (node, link) in [(one, link_between(one, other)), (other, link_between(other, one))] {
        net.wires.remove(&(node, link));
        let fail = supertext::base::fail::fail(FailKind::LinkClosed, "");
        step(net, node, ClientEvent::LinkDown { link, fail });
    }
}

/// Один шаг узла; посланное им встаёт в очередь.
fn step(net: &mut Net, node: usize, event: ClientEvent<'_>) {
    let mut out = Out::default();
    let at = now(net);
    client_step(&mut net.nodes[node], event, at, &mut out);
    client_flush(&mut net.nodes[node], at, &mut out);
    for action in &out.actions {
        let (Action::Send { link, start, end, .. } | Action::Carry { link, start, end, .. }) =
            action
        else {
            continue;
        };
        let mut place = *start;
        while place < *end {
            let header = header_read(&out.bytes[place..*end]).expect("a whole header");
            let next = place + HEADER_BYTES + header.size as usize;
            let row = packet_find(&header).expect("a right packet");
            net.sent += 1;
            net.carried += u64::from(row.family == Family::Carry);
            net.routes += u64::from(row.kind == Kind::Routes);
            if let Some((far, far_link)) = net.wires.get(&(node, *link)) {
                net.queue.push_back((*far, *far_link, out.bytes[place..next].to_vec()));
            }
            place = next;
        }
    }
    out_clear(&mut out);
}

/// Отдаёт узлу пакет, будто он пришёл по этой линии.
fn hand(net: &mut Net, node: usize, link: LinkId, packet: &[u8]) {
    let header = header_read(packet).expect("a header");
    let data = &packet[HEADER_BYTES..];
    step(net, node, ClientEvent::Packet { link, header, data });
}

/// Разносит всё посланное, пока есть что.
fn settle(net: &mut Net) {
    while let Some((node, link, packet)) = net.queue.pop_front() {
        hand(net, node, link, &packet);
        assert!(net.sent < ENDLESS, "the net does not come to rest");
    }
}

/// Проходит столько миллисекунд: тиканье и почта.
fn pass(net: &mut Net, milliseconds: u64) {
    for _ in 0..milliseconds / 100 {
        net.now_ms += 100;
        for node in 0..net.nodes.len() {
            step(net, node, ClientEvent::Tick);
        }
        settle(net);
    }
}

/// Расстояние от узла до другого по его таблице.
fn distance(net: &Net, node: usize, other: usize) -> Option<u8> {
    match net.nodes[node].mesh.table.get(&id_of(other)) {
        Some(way) => Some(way.distance),
        None => None,
    }
}

/// Стоит ли у узла линия через третьего к другому.
fn is_up(net: &Net, node: usize, other: usize) -> bool {
    for link in net.nodes[node].links.values() {
        let third = link.path == Path::Third && link.stage == Stage::Up;
        if third && link.peer == id_of(other) {
            return true;
        }
    }
    false
}

/// Пакет ROUTES от узла.
fn routes_packet(from: usize, routes: Vec<Route>) -> Vec<u8> {
    let mut packet = Vec::new();
    let body = Routes { open: true, asks: false, routes };
    packet_put(&mut packet, Kind::Routes, id_of(from), 0, 0, &body).expect("it fits");
    packet
}

/// Пакет CARRY с чем-то внутри.
fn carry_packet(source: Id, dest: Id, hops: u8, number: u32) -> Vec<u8> {
    let mut inner = Vec::new();
    let ping = supertext::wire::control::Ping { number: 1, clock: 2 };
    packet_put(&mut inner, Kind::Ping, source, 0, 0, &ping).expect("it fits");
    let head = CarryHead { hops, stream: 9, number };
    let mut packet = Vec::new();
    carry_put(&mut packet, Lane::Messages, (source, dest), &head, &inner).expect("it fits");
    packet
}

#[test]
fn everybody_within_six_links_is_reached() {
    let mut net = chain(9, false);
    pass(&mut net, 10_000);
    for node in 0..9 {
        for other in 0..9 {
            let far = usize::max(node, other) - usize::min(node, other);
            let reached = far > 0 && far <= HOPS_MAX as usize;
            let expected = if reached { Some(far as u8) } else { None };
            assert_eq!(distance(&net, node, other), expected, "{node} to {other}");
            assert_eq!(is_up(&net, node, other), reached && far > 1, "{node} to {other}");
        }
    }
    // Тихая сеть ROUTES не шлёт вовсе.
    let before = net.routes;
    pass(&mut net, 60_000);
    assert_eq!(net.routes, before);
}

#[test]
fn a_broken_chain_forgets_who_was_behind() {
    let mut net = chain(6, true);
    pass(&mut net, 5_000);
    assert_eq!(distance(&net, 0, 3), Some(3));
    let before = net.routes;
    cut(&mut net, 2, 3);
    pass(&mut net, 8_000);
    assert_eq!(distance(&net, 2, 3), Some(5), "the other way round");
    assert!(is_up(&net, 2, 3) && is_up(&net, 3, 2));
    cut(&mut net, 5, 0);
    // Счёт до бесконечности кончается на шести, по разу в секунду.
    pass(&mut net, 10_000);
    for (node, other) in [(0, 3), (1, 4), (2, 5), (3, 0), (5, 2)] {
        assert_eq!(distance(&net, node, other), None, "{node} to {other}");
        assert!(!is_up(&net, node, other), "{node} to {other}");
    }
    let most = 10 * (18_000 / ROUTES_GAP_MS + 1);
    assert!(net.routes - before <= most, "{} ROUTES", net.routes - before);
    join(&mut net, 5, 0);
    pass(&mut net, 8_000);
    assert_eq!(distance(&net, 2, 3), Some(5));
    assert!(is_up(&net, 2, 3));
}

#[test]
fn forged_carries_never_grow() {
    let mut net = chain(6, true);
    pass(&mut net, 5_000);
    let (node, link) = (1, link_between(1, 0));
    net.carried = 0;
    let mut put = 0;
    let stranger = id_from_hash(&[9; 32]);
    for number in 0..300u32 {
        for hops in [0, 1, 5, 6, 200, 255] {
            for source in [0, 1, 2, 3, 4, 5] {
                let dest = (source + 1 + number as usize % 5) % 6;
                let at = number * 10 + u32::from(hops % 7);
                let packet = carry_packet(id_of(source), id_of(dest), hops, at);
                hand(&mut net, node, link, &packet);
                put += 1;
            }
        }
        // Кого нет, тому и от того не возят.
        hand(&mut net, node, link, &carry_packet(stranger, id_of(3), 5, number));
        hand(&mut net, node, link, &carry_packet(id_of(0), stranger, 5, number));
        net.now_ms += 100;
        settle(&mut net);
    }
    // Ответов на PING столько же, сколько дошло: и они не длиннее.
    let most = put * 2 * u64::from(HOPS_MAX);
    assert!(net.carried > 0 && net.carried <= most, "{} for {put}", net.carried);
    // Повторы не едут никуда.
    net.carried = 0;
    for _ in 0..1_000 {
        let packet = carry_packet(id_of(0), id_of(3), 5, 2_990);
        hand(&mut net, node, link, &packet);
    }
    settle(&mut net);
    assert!(net.carried <= u64::from(HOPS_MAX), "{} for a repeated one", net.carried);
}

#[test]
fn one_carry_makes_at_most_one_at_each_node() {
    let mut net = chain(8, false);
    pass(&mut net, 10_000);
    // Шаги кончаются: больше пяти переносчиков не бывает, что бы ни было написано.
    for hops in [0u8, 1, 2, 4, 5, 100, 255] {
        net.carried = 0;
        let packet = carry_packet(id_of(0), id_of(6), hops, u32::from(hops));
        hand(&mut net, 1, link_between(1, 0), &packet);
        net.queue.retain(is_carry);
        while let Some((node, link, packet)) = net.queue.pop_front() {
            let before = net.carried;
            hand(&mut net, node, link, &packet);
            assert!(net.carried - before <= 1);
        }
        assert!(net.carried <= u64::from(u8::min(hops, HOPS_MAX - 1)) + 6, "{hops}");
    }
}

/// CARRY ли стоит в очереди.
fn is_carry(waiting: &(usize, LinkId, Vec<u8>)) -> bool {
    let header = header_read(&waiting.2).expect("a header");
    packet_find(&header).expect("a row").family == Family::Carry
}

#[test]
fn a_flood_is_cut_to_the_rate() {
    let mut net = chain(3, false);
    pass(&mut net, 5_000);
    net.carried = 0;
    for number in 0..20_000 {
        // Дальше окна: ни один не повтор.
        let packet = carry_packet(id_of(0), id_of(2), 5, number);
        hand(&mut net, 1, link_between(1, 0), &packet);
    }
    net.queue.clear();
    let once = net.carried;
    assert!(once > 0 && once <= CARRY_BURST, "{once}");
    net.now_ms += 1_000;
    for number in 20_000..40_000 {
        let packet = carry_packet(id_of(0), id_of(2), 5, number);
        hand(&mut net, 1, link_between(1, 0), &packet);
    }
    assert!(net.carried - once <= CARRY_RATE, "{}", net.carried - once);
}

#[test]
fn forged_routes_change_nothing_that_counts() {
    let mut net = chain(4, false);
    net.nodes[1].people.insert(
        id_of(3),
        PersonFacts { peer: id_of(3), public: key_of(3), changed: None, verified: false },
    );
    pass(&mut net, 5_000);
    let (node, link) = (1, link_between(1, 0));
    let before = net.nodes[node].mesh.table.clone();
    let good = sha256(&key_of(2));
    let mut other_key = sha256(&key_of(3));
    other_key[31] ^= 1;
    let lies = vec![
        // Ближе ближнего, дальше дальнего, чужой отпечаток, тот же номер с другим ключом, сам я.
        Route { id: id_of(2), distance: 0, fingerprint: good },
        Route { id: id_of(2), distance: 255, fingerprint: good },
        Route { id: id_of(2), distance: HOPS_MAX, fingerprint: good },
        Route { id: id_of(2), distance: 1, fingerprint: [7; 32] },
        Route { id: id_of(3), distance: 1, fingerprint: other_key },
        Route { id: id_of(1), distance: 1, fingerprint: sha256(&key_of(1)) },
        Route { id: id_of(0), distance: 1, fingerprint: sha256(&key_of(0)) },
        Route { id: 0, distance: 1, fingerprint: [0; 32] },
    ];
    hand(&mut net, node, link, &routes_packet(0, lies));
    step(&mut net, node, ClientEvent::Tick);
    assert_eq!(net.nodes[node].mesh.table, before);
    // Сколько бы ни назвал сосед, помнится не больше предела; чаще раза в секунду не говорится.
    pass(&mut net, 2_000);
    let told = net.routes;
    for turn in 0..500u32 {
        let mut made = Vec::new();
        for number in 0..300u32 {
            let fingerprint = sha256(&(turn * 1_000 + number).to_be_bytes());
            made.push(Route { id: id_from_hash(&fingerprint), distance: 5, fingerprint });
        }
        hand(&mut net, node, link, &routes_packet(0, made));
        net.now_ms += 10;
        step(&mut net, node, ClientEvent::Tick);
        let heard = &net.nodes[node].mesh.neighbours[&id_of(0)].routes;
        assert!(heard.len() <= ROUTES_MAX);
    }
    let most = 2 * (5_000 / ROUTES_GAP_MS + 2);
    assert!(net.routes - told <= most, "{} ROUTES", net.routes - told);
}

#[test]
fn strangers_are_neither_believed_nor_carried() {
    let mut net = net_make(4);
    // Узел 1 знает второго и третьего; нулевой ему незнаком, третий закрыт.
    net.nodes[1].contacts.get_mut(&id_of(0)).unwrap().standing = Standing::Asks;
    net.nodes[1].contacts.get_mut(&id_of(3)).unwrap().blocked = true;
    join(&mut net, 0, 1);
    join(&mut net, 1, 2);
    join(&mut net, 2, 3);
    pass(&mut net, 5_000);
    assert!(net.nodes[1].mesh.neighbours.contains_key(&id_of(2)));
    assert!(!net.nodes[1].mesh.neighbours.contains_key(&id_of(0)));
    assert_eq!(distance(&net, 1, 3), None, "whom one blocked is not reached");
    assert_eq!(distance(&net, 0, 2), None, "a stranger is told nothing");
    assert_eq!(distance(&net, 2, 0), None, "and not spoken of");
    let route = Route { id: id_of(9), distance: 1, fingerprint: sha256(&key_of(9)) };
    hand(&mut net, 1, link_between(1, 0), &routes_packet(0, vec![route]));
    pass(&mut net, 500);
    assert_eq!(distance(&net, 1, 9), None);
    net.carried = 0;
    for number in 0..100 {
        let packet = carry_packet(id_of(0), id_of(2), 5, number);
        hand(&mut net, 1, link_between(1, 0), &packet);
    }
    assert_eq!(net.carried, 0);
    // Стал знакомым — стал и соседом, без нового звонка.
    net.nodes[1].contacts.get_mut(&id_of(0)).unwrap().standing = Standing::Contact;
    pass(&mut net, 5_000);
    assert_eq!(distance(&net, 0, 2), Some(2));
    assert_eq!(distance(&net, 2, 0), Some(2));
}

#[test]
fn the_setting_decides_who_is_carried() {
    let mut net = chain(3, false);
    for (word, reached, through) in
        [("on", true, true), ("own", true, false), ("off", false, false), ("on", true, true)]
    {
        carry_wish(&mut net.nodes[1], word);
        pass(&mut net, 5_000);
        // `own`: сам он достижим, но через него никто.
        assert_eq!(distance(&net, 0, 1).is_some(), reached, "{word}");
        assert_eq!(distance(&net, 0, 2).is_some(), through, "{word}");
        assert_eq!(is_up(&net, 0, 2), through, "{word}");
        net.carried = 0;
        net.nodes[1].mesh.seen.clear();
        let packet = carry_packet(id_of(0), id_of(2), 5, 1);
        hand(&mut net, 1, link_between(1, 0), &packet);
        assert_eq!(net.carried > 0, through, "{word}");
        net.queue.clear();
    }
}

#[test]
fn numbers_are_taken_once_within_the_window() {
    let mut seen = Seen::default();
    assert!(seen_new(&mut seen, 5, 0) && !seen_new(&mut seen, 5, 0));
    // Не по порядку, как выходит, когда сообщения обгоняют файл.
    for number in [3, 1, 2, 900, 4, 1_023] {
        assert!(seen_new(&mut seen, 5, number), "{number}");
        assert!(!seen_new(&mut seen, 5, number), "{number} again");
    }
    assert!(seen_new(&mut seen, 5, 1_024));
    assert!(!seen_new(&mut seen, 5, 0), "fell out of the window");
    assert!(!seen_new(&mut seen, 5, 1_023));
    // Скачок дальше окна забывает всё прежнее, а не путает его с новым.
    assert!(seen_new(&mut seen, 5, 1_024 + SEEN_NUMBERS * 3));
    assert!(seen_new(&mut seen, 5, 1_025 + SEEN_NUMBERS * 2));
    assert!(!seen_new(&mut seen, 5, 1_024 + SEEN_NUMBERS * 2));
    assert!(seen_new(&mut seen, 5, u32::MAX) && !seen_new(&mut seen, 5, u32::MAX));
    // Новый поток того же источника считает с начала.
    assert!(seen_new(&mut seen, 6, 0) && !seen_new(&mut seen, 6, 0));
}

#[test]
fn pairs_are_remembered_up_to_the_bound() {
    let mut net = chain(3, false);
    pass(&mut net, 5_000);
    // Второй сосед называет много людей: пар источников и назначений становится больше предела.
    let mut made = Vec::new();
    for number in 0..ROUTES_MAX as u32 {
        let fingerprint = sha256(&number.to_be_bytes());
        made.push(Route { id: id_from_hash(&fingerprint), distance: 1, fingerprint });
    }
    hand(&mut net, 1, link_between(1, 2), &routes_packet(2, made.clone()));
    step(&mut net, 1, ClientEvent::Tick);
    for from in 0..8 {
        for route in &made {
            net.now_ms += 5;
            let packet = carry_packet(made[from].id, route.id, 5, 1);
            if made[from].id != route.id {
                hand(&mut net, 1, link_between(1, 0), &packet);
            }
            assert!(net.nodes[1].mesh.seen.len() <= SEEN_PAIRS_MAX);
        }
    }
    assert_eq!(net.nodes[1].mesh.seen.len(), SEEN_PAIRS_MAX);
    assert_eq!(net.nodes[1].mesh.seen_order.len(), SEEN_PAIRS_MAX);
}

#[test]
fn nothing_inside_ends_the_link_it_came_over() {
    let mut net = chain(4, false);
    pass(&mut net, 6_000);
    assert!(is_up(&net, 3, 0) && is_up(&net, 2, 0));
    let mut state = 0x0f1e_2d3c_u64;
    let mut inner = Vec::new();
    for turn in 0..20_000u32 {
        // Правильный пакет изнутри, испорченный в нескольких местах, и такой же снаружи.
        inner.clear();
        let ask = supertext::wire::control::KeyAsk { id: id_of(2) };
        let kinds = [Kind::KeyAsk, Kind::Ping, Kind::Hello, Kind::Routes, Kind::Quit, Kind::Watch];
        let kind = kinds[turn as usize % kinds.len()];
        packet_put(&mut inner, kind, id_of(0), 0, 0, &ask).expect("it fits");
        for _ in 0..turn % 4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = (state >> 33) as usize % inner.len();
            inner[place] = (state >> 20) as u8;
        }
        let head = CarryHead { hops: 5, stream: 1, number: turn };
        let mut packet = Vec::new();
        carry_put(&mut packet, Lane::Messages, (id_of(0), id_of(2)), &head, &inner).expect("fits");
        if turn % 7 == 0 {
            // CARRY внутри CARRY не бывает.
            let whole = packet.clone();
            packet.clear();
            carry_put(&mut packet, Lane::Messages, (id_of(0), id_of(2)), &head, &whole)
                .expect("fits");
        }
        net.now_ms += 5;
        hand(&mut net, 2, link_between(2, 1), &packet);
        let link = &net.nodes[2].links[&link_between(2, 1)];
        assert_eq!(link.stage, Stage::Up, "turn {turn}");
        net.queue.clear();
        if turn % 100 == 0 {
            net.sent = 0;
            pass(&mut net, 100);
        }
    }
    net.sent = 0;
    pass(&mut net, 70_000);
    assert!(is_up(&net, 2, 0), "it stands again after all that");
}
