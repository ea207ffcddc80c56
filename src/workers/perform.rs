//! Performing what the logic decided: actions become orders for the workers. Nothing here waits:
//! what a full queue does not take is kept in the backlog, in order.
//! Исполнение решённого логикой: действия становятся приказами. Ничто здесь не ждёт: чего не
//! взяла полная очередь, то лежит в запасе, по порядку.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::ClientConfig;

use super::filereader::{ReadOrder, ReaderOrder};
use super::filesaver::{SaverOrder, saver_weight};
use super::listener::ListenerOrder;
use super::map::{Batch, Queue, Queues, batch_add, batch_take};
use super::roles::{
    ConnectOrder, ConnectorOrder, MapperOrder, PunchOrder, PuncherOrder, SeekOrder,
};
use super::sender::SenderOrder;
use crate::base::bounds::{
    CARRY_FILES_MAX, CARRY_MESSAGES_MAX, LANE_FILES_MAX, LANE_MESSAGES_MAX, SAVER_BYTES_MAX,
    STEP_BYTES,
};
use crate::crypto::identity::PublicKey;
use crate::crypto::tls::call_pinned;
use crate::logic::events::{Action, LinkId, Out, Transfer};
use crate::logic::show::Show;
use crate::net::link::{Gauge, gauge_lane};
use crate::wire::packets::Lane;

/// What the controller holds to perform actions.
#[derive(Default)]
pub struct Hands {
    /// Counters of all links, for bounds.
    pub gauges: BTreeMap<LinkId, Arc<Gauge>>,
    /// Packets of this wake-up for the sender.
    pub send: Batch,
    /// Packets of this wake-up for the filesaver.
    pub save: Batch,
    pub backlog: Backlog,
    /// The client's TLS settings and the server's address.
    pub tls: Option<Arc<ClientConfig>>,
    pub address: String,
    /// How people are called directly; whose key is expected is added for each call.
    pub call: Option<Arc<ClientConfig>>,
    /// How people in the local network are sought.
    pub seek: Option<SeekOrder>,
    /// The port that the router is to let callers in at.
    pub map_port: Option<u16>,
    /// The router was asked; it is told when one leaves.
    pub mapping: bool,
    pub leaving: Option<u8>,
    /// The lock of the home; given up when the program begins again.
    pub lock: Option<File>,
    /// Something was ordered; the pollers must be woken.
    pub wake_sender: bool,
    pub wake_listener: bool,
}

/// Orders that found their queue full.
#[derive(Default)]
pub struct Backlog {
    sender: VecDeque<SenderOrder>,
    listener: VecDeque<ListenerOrder>,
    saver: VecDeque<SaverOrder>,
    reader: VecDeque<ReaderOrder>,
    show: VecDeque<Show>,
}

/// A forwarded packet that found its link's lane over the bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Over {
    pub to: LinkId,
    pub lane: Lane,
}

/// Кладёт приказ в очередь или, если она полна, в запас.
fn post<T>(queue: &Queue<T>, backlog: &mut VecDeque<T>, order: T) {
    if backlog.is_empty() {
        match queue.put.try_send(order) {
            Ok(()) => {}
            Err(refused) => backlog.push_back(refused.into_inner()),
        }
        return;
    }
    backlog.push_back(order);
}

/// Пробует разгрузить один запас.
fn drain<T>(queue: &Queue<T>, backlog: &mut VecDeque<T>) {
    while let Some(order) = backlog.pop_front() {
        if let Err(refused) = queue.put.try_send(order) {
            backlog.push_front(refused.into_inner());
            return;
        }
    }
}

/// Разгружает запасы; `true` — можно слушать дальше. Запас listener-а слуха не закрывает: listener
/// ждёт на `heard`, и они заперли бы друг друга; его приказы малы, их не больше, чем линий.
pub fn backlog_drain(hands: &mut Hands, queues: &Queues) -> bool {
    let backlog = &mut hands.backlog;
    drain(&queues.to_sender, &mut backlog.sender);
    drain(&queues.to_listener, &mut backlog.listener);
    drain(&queues.to_filesaver, &mut backlog.saver);
    drain(&queues.to_filereader, &mut backlog.reader);
    drain(&queues.to_displayer, &mut backlog.show);
    backlog.sender.is_empty()
        && backlog.show.is_empty()
        && backlog.saver.is_empty()
        && backlog.reader.is_empty()
        && queues.saver_bytes.load(Ordering::Relaxed) < SAVER_BYTES_MAX
}

/// Приказ sender-у.
pub fn post_sender(hands: &mut Hands, queues: &Queues, order: SenderOrder) {
    // Порядок важен: пакеты, решённые раньше, уходят раньше.
    send_hand(hands, queues);
    post(&queues.to_sender, &mut hands.backlog.sender, order);
    hands.wake_sender = true;
}

/// Приказ listener-у.
pub fn post_listener(hands: &mut Hands, queues: &Queues, order: ListenerOrder) {
    post(&queues.to_listener, &mut hands.backlog.listener, order);
    hands.wake_listener = true;
}

/// Приказ filesaver-у.
pub fn post_saver(hands: &mut Hands, queues: &Queues, order: SaverOrder) {
    save_hand(hands, queues);
    queues.saver_bytes.fetch_add(saver_weight(&order), Ordering::Relaxed);
    post(&queues.to_filesaver, &mut hands.backlog.saver, order);
}

/// Приказ filereader-у.
pub fn post_reader(hands: &mut Hands, queues: &Queues, order: ReaderOrder) {
    post(&queues.to_filereader, &mut hands.backlog.reader, order);
}

/// Показать. Ход передачи можно и пропустить; остальное обязано дойти до лица.
fn post_show(hands: &mut Hands, queues: &Queues, show: Show) {
    let passing = matches!(show, Show::Progress { .. });
    if !passing || hands.backlog.show.is_empty() {
        post(&queues.to_displayer, &mut hands.backlog.show, show);
    }
}

/// Отдаёт накопленные пакеты sender-у.
fn send_hand(hands: &mut Hands, queues: &Queues) {
    if !hands.send.parts.is_empty() {
        let full = std::mem::replace(&mut hands.send, batch_take(queues));
        post(&queues.to_sender, &mut hands.backlog.sender, SenderOrder::Batch(full));
        hands.wake_sender = true;
    }
}

/// Отдаёт накопленные пакеты filesaver-у.
fn save_hand(hands: &mut Hands, queues: &Queues) {
    if !hands.save.parts.is_empty() {
        let full = std::mem::replace(&mut hands.save, batch_take(queues));
        post(&queues.to_filesaver, &mut hands.backlog.saver, SaverOrder::Data(full));
    }
}

/// Конец пробуждения: отдать накопленное, разбудить опросы.
pub fn hands_flush(hands: &mut Hands, queues: &Queues) {
    send_hand(hands, queues);
    save_hand(hands, queues);
    if hands.wake_sender {
        hands.wake_sender = false;
        if let Some(waker) = queues.sender_waker.get() {
            let _ = waker.wake();
        }
    }
    if hands.wake_listener {
        hands.wake_listener = false;
        if let Some(waker) = queues.listener_waker.get() {
            let _ = waker.wake();
        }
    }
}

/// Ставит пакеты на отправку. Ошибка — полоса этой линии полна.
fn send_add(
    hands: &mut Hands,
    queues: &Queues,
    link: LinkId,
    lane: Lane,
    bytes: &[u8],
) -> Result<(), Over> {
    let Some(gauge) = hands.gauges.get(&link) else {
        return Ok(());
    };
    let counter = gauge_lane(gauge, lane);
    let bound = match lane {
        Lane::Messages => LANE_MESSAGES_MAX,
        Lane::Files => LANE_FILES_MAX,
    };
    if counter.load(Ordering::Relaxed) + bytes.len() > bound {
        return Err(Over { to: link, lane });
    }
    counter.fetch_add(bytes.len(), Ordering::Relaxed);
    batch_add(&mut hands.send, link, lane, bytes);
    if hands.send.bytes.len() >= STEP_BYTES {
        send_hand(hands, queues);
    }
    Ok(())
}

/// Ставит чужие пакеты на отправку, если своим они не помешают; иначе они пропадают.
fn carry_add(hands: &mut Hands, queues: &Queues, link: LinkId, lane: Lane, bytes: &[u8]) {
    let Some(gauge) = hands.gauges.get(&link) else {
        return;
    };
    let bound = match lane {
        Lane::Messages => CARRY_MESSAGES_MAX,
        Lane::Files => CARRY_FILES_MAX,
    };
    if gauge_lane(gauge, lane).load(Ordering::Relaxed) + bytes.len() <= bound {
        let _ = send_add(hands, queues, link, lane, bytes);
    }
}

/// Исполняет всё, что решил один шаг. `packet` — пакет, о котором шла речь.
/// Возвращает переполненную линию, если такая нашлась.
pub fn perform(hands: &mut Hands, queues: &Queues, out: &mut Out, packet: &[u8]) -> Option<Over> {
    let mut over = None;
    let mut actions = std::mem::take(&mut out.actions);
    for action in actions.drain(..) {
        if let Err(found) = perform_one(hands, queues, action, &out.bytes, packet) {
            over = Some(found);
        }
    }
    out.actions = actions;
    out.bytes.clear();
    over
}

/// Пакет файла — к прочим для filesaver-а.
fn part_add(hands: &mut Hands, queues: &Queues, transfer: Transfer, packet: &[u8]) {
    batch_add(&mut hands.save, transfer, Lane::Files, packet);
    if hands.save.bytes.len() + STEP_BYTES / 4 > STEP_BYTES {
        save_hand(hands, queues);
    }
}

/// Исполняет одно действие.
fn perform_one(
    hands: &mut Hands,
    queues: &Queues,
    action: Action,
    bytes: &[u8],
    packet: &[u8],
) -> Result<(), Over> {
    match action {
        Action::Send { link, lane, start, end } => {
            return send_add(hands, queues, link, lane, &bytes[start..end]);
        }
        Action::Carry { link, lane, start, end } => {
            carry_add(hands, queues, link, lane, &bytes[start..end]);
        }
        Action::Forward { link, lane } => return send_add(hands, queues, link, lane, packet),
        Action::PartPacket { transfer, skip } => {
            part_add(hands, queues, transfer, &packet[skip..]);
        }
        Action::Close { link, fail } => link_close(hands, queues, link, fail),
        Action::Connect { link } => connect(hands, queues, link),
        Action::Call { link, addresses, key } => call(hands, queues, link, addresses, key),
        Action::Ask { .. } | Action::Gather { .. } | Action::Punch(_) => {
            hole_do(hands, queues, action);
        }
        Action::Seek { on } => seek(hands, queues, on),
        Action::Map { on } => map_wish(hands, queues, on),
        Action::Show(show) => post_show(hands, queues, show),
        Action::LimitsSave { rows } => post_saver(hands, queues, SaverOrder::Limits(rows)),
        Action::ContactsSave { rows } => post_saver(hands, queues, SaverOrder::Contacts(rows)),
        Action::Setting { key, value } => setting_post(hands, queues, key, value),
        Action::FinishedSave { row } => post_saver(hands, queues, SaverOrder::Finished(row)),
        Action::Base(order) => post_saver(hands, queues, SaverOrder::Base(order)),
        Action::Mail(order) => post_saver(hands, queues, SaverOrder::Mail(order)),
        Action::Vault(order) => post_reader(hands, queues, ReaderOrder::Vault(order)),
        Action::Export { peer, form, names } => {
            post_reader(hands, queues, ReaderOrder::Export { peer, form, names });
        }
        Action::Register { id, key } => post_saver(hands, queues, SaverOrder::Register { id, key }),
        Action::SourceOpen { transfer, path } => {
            post_reader(hands, queues, ReaderOrder::Look { transfer, path });
        }
        Action::SourceKeep { transfer, facts } => {
            let order = ReaderOrder::Keep { transfer, facts: Box::new(facts), fresh: true };
            post_reader(hands, queues, order);
        }
        Action::SourceRead { transfer, link, over, me, first, count, fresh } => {
            if let Some(gauge) = hands.gauges.get(&over) {
                let (gauge, begun) = (gauge.clone(), !fresh);
                let order = ReadOrder { transfer, link, gauge, me, first, count, fresh, begun };
                post_reader(hands, queues, ReaderOrder::Read(order));
            }
        }
        Action::SourceHalt { transfer } => {
            post_reader(hands, queues, ReaderOrder::Halt { transfer })
        }
        Action::SourceDrop { transfer } => {
            post_reader(hands, queues, ReaderOrder::Drop { transfer });
        }
        Action::PartOpen { transfer, facts } => {
            post_saver(hands, queues, SaverOrder::Open { transfer, facts });
        }
        Action::PartHalt { transfer } => post_saver(hands, queues, SaverOrder::Halt { transfer }),
        Action::PartDrop { transfer, facts } => {
            post_saver(hands, queues, SaverOrder::Drop { transfer, facts });
        }
        Action::Exit { code } => hands.leaving = Some(code),
    }
    Ok(())
}

/// Настройка: на диск и тому, кто читает файлы.
fn setting_post(hands: &mut Hands, queues: &Queues, key: String, value: String) {
    let (known, held) = (key.clone(), value.clone());
    post_reader(hands, queues, ReaderOrder::Setting { key: known, value: held });
    post_saver(hands, queues, SaverOrder::Setting { key, value });
}

/// Закрывает линию: listener больше не читает, sender дописывает и закрывает. Слишком
/// медленная закрывается сразу: дописывать ей нечем.
fn link_close(hands: &mut Hands, queues: &Queues, link: LinkId, kind: crate::base::fail::FailKind) {
    tracing::debug!("link {link} closed: {}", crate::base::fail::fail_row(kind).code);
    post_listener(hands, queues, ListenerOrder::Drop(link));
    let order = if kind == crate::base::fail::FailKind::PeerSlow {
        SenderOrder::Drop(link)
    } else {
        SenderOrder::Finish(link)
    };
    post_sender(hands, queues, order);
    hands.gauges.remove(&link);
}

/// Заказывает соединение с сервером.
fn connect(hands: &mut Hands, queues: &Queues, link: LinkId) {
    if let Some(tls) = &hands.tls {
        let addresses = vec![hands.address.clone()];
        let order = ConnectOrder { link, addresses, tls: tls.clone() };
        connector_order(queues, ConnectorOrder::Call(order));
    }
}

/// Заказывает прямую линию: на том конце ждут этот ключ.
fn call(
    hands: &Hands,
    queues: &Queues,
    link: LinkId,
    addresses: Vec<String>,
    key: Option<PublicKey>,
) {
    if let Some(base) = &hands.call {
        let tls = call_pinned(base, key);
        connector_order(queues, ConnectorOrder::Call(ConnectOrder { link, addresses, tls }));
    }
}

/// Приказы puncher-у: где спрашивать, собрать адреса, стучать. На том конце дыры ждут этот ключ.
fn hole_do(hands: &Hands, queues: &Queues, action: Action) {
    match (action, &hands.call) {
        (Action::Ask { servers }, _) => puncher_order(queues, PuncherOrder::Servers(servers)),
        (Action::Gather { peer }, _) => puncher_order(queues, PuncherOrder::Gather { peer }),
        (Action::Punch(wish), Some(base)) => {
            let tls = call_pinned(base, Some(wish.key));
            puncher_order(queues, PuncherOrder::Punch(PunchOrder { wish, tls }));
        }
        _ => {}
    }
}

/// Заказывает поиск в местной сети или его конец.
fn seek(hands: &Hands, queues: &Queues, on: bool) {
    let order = if on { hands.seek.clone() } else { None };
    connector_order(queues, ConnectorOrder::Seek(order));
}

/// Велит просить роутер впускать или больше не просить.
pub fn map_wish(hands: &mut Hands, queues: &Queues, on: bool) {
    let order = match hands.map_port {
        Some(port) if on => MapperOrder::Map { port },
        Some(_) | None if hands.mapping => MapperOrder::Stop,
        Some(_) | None => return,
    };
    hands.mapping = on;
    let _ = queues.to_mapper.put.try_send(order);
}

/// Отдаёт приказ connector-у и будит его.
pub fn connector_order(queues: &Queues, order: ConnectorOrder) {
    let _ = queues.to_connector.put.try_send(order);
    if let Some(waker) = queues.connector_waker.get() {
        let _ = waker.wake();
    }
}

/// Отдаёт приказ puncher-у и будит его.
pub fn puncher_order(queues: &Queues, order: PuncherOrder) {
    let _ = queues.to_puncher.put.try_send(order);
    if let Some(waker) = queues.puncher_waker.get() {
        let _ = waker.wake();
    }
}
