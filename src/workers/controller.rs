//! The controller: owns the state of the client or the server, takes events, lets the logic
//! decide, performs. It is the centre of the star: every queue begins or ends here.
//! Controller: хозяин состояния клиента или сервера; берёт события, даёт логике решить,
//! исполняет. Он — центр звезды: каждая очередь здесь начинается или кончается.
//!
//! Flow of a wake-up: events → heard packets → tick → flush; one batch per worker at the end.

use std::time::{Duration, Instant};

use crossbeam_channel::Select;

use super::filereader::ReaderOrder;
use super::filesaver::SaverOrder;
use super::listener::{Heard, ListenerOrder};
use super::map::{Batch, QUEUES, Queues, batch_give};
use super::perform::{
    Hands, Over, backlog_drain, hands_flush, map_wish, perform, post_listener, post_reader,
    post_saver, post_sender, puncher_order,
};
use super::roles::{ClientStart, Event, PuncherOrder, ServerStart};
use super::sender::SenderOrder;
use crate::base::bounds::{FINISH_MS, HEADER_BYTES, MAPPING_WAIT_MS, TICK_MS};
use crate::base::clock::{Time, time_now};
use crate::base::fail::{Fail, FailKind, fail};
use crate::crypto::file_cipher::random_fill;
use crate::logic::client::{client_flush, client_start, client_step};
use crate::logic::events::{ClientEvent, Command, LinkId, Out, ServerEvent};
use crate::logic::mesh_carry::{THIRD_FIRST, carry_batch};
use crate::logic::server::{Server, server_leave, server_step};
use crate::logic::show::{EXIT_RESTART, Show};
use crate::logic::state::{Client, Stage};
use crate::wire::header::{Header, header_read};

/// Events taken from the queue in one wake-up at most.
const EVENTS_AT_ONCE: usize = 256;
/// Heard batches taken in one wake-up at most.
const HEARD_AT_ONCE: usize = 8;

/// Whose logic this process runs.
enum Role {
    Waiting,
    Client(Box<Client>),
    Server(Box<Server>),
}

/// State of the controller, a local of its main.
struct Controller {
    role: Role,
    hands: Hands,
    out: Out,
    now: Time,
    /// Leaving: since when, whether the disk and the kernel have everything.
    left: Option<Instant>,
    saved: bool,
    written: bool,
    unmapped: bool,
}

/// Поток controller.
pub fn controller_main() {
    let queues = &*QUEUES;
    let mut controller = Controller {
        role: Role::Waiting,
        hands: Hands::default(),
        out: Out::default(),
        now: time_now(),
        left: None,
        saved: false,
        written: false,
        unmapped: false,
    };
    let mut ticked = Instant::now();
    loop {
        let free = backlog_drain(&mut controller.hands, queues);
        wait_any(queues, free);
        controller.now = time_now();
        events_take(&mut controller, queues);
        if free {
            heard_take(&mut controller, queues);
        }
        if ticked.elapsed() >= Duration::from_millis(TICK_MS) {
            ticked = Instant::now();
            tick(&mut controller, queues);
        }
        flush(&mut controller, queues);
        if leave_check(&mut controller, queues) {
            // Программу кончит лицо; кто ещё кладёт события, не должен его задержать.
            while queues.events.take.recv().is_ok() {}
            return;
        }
    }
}

/// Ждёт события или пачки, но не дольше тика. С непустым запасом пачки не берутся.
fn wait_any(queues: &Queues, free: bool) {
    let mut select = Select::new();
    select.recv(&queues.events.take);
    if free {
        select.recv(&queues.heard.take);
    }
    let _ = select.ready_timeout(Duration::from_millis(if free { TICK_MS } else { 1 }));
}

/// Берёт события, сколько есть, но не больше предела.
fn events_take(controller: &mut Controller, queues: &Queues) {
    for _ in 0..EVENTS_AT_ONCE {
        let Ok(event) = queues.events.take.try_recv() else {
            return;
        };
        event_do(controller, queues, event);
    }
}

/// Берёт услышанное, сколько есть, но не больше предела.
fn heard_take(controller: &mut Controller, queues: &Queues) {
    for _ in 0..HEARD_AT_ONCE {
        let Ok(heard) = queues.heard.take.try_recv() else {
            return;
        };
        heard_do(controller, queues, heard);
    }
}

/// Событие клиенту; для сервера такие события ничего не значат.
fn client_tell(controller: &mut Controller, queues: &Queues, event: ClientEvent<'_>) {
    if let Role::Client(client) = &mut controller.role {
        client_step(client, event, controller.now, &mut controller.out);
        perform(&mut controller.hands, queues, &mut controller.out, &[]);
    }
}

/// Событие серверу.
fn server_tell(controller: &mut Controller, queues: &Queues, event: ServerEvent<'_>) {
    if let Role::Server(server) = &mut controller.role {
        server_step(server, event, controller.now, &mut controller.out);
        perform(&mut controller.hands, queues, &mut controller.out, &[]);
    }
}

/// Одно событие от кого-либо, кроме listener-а.
fn event_do(controller: &mut Controller, queues: &Queues, event: Event) {
    match event {
        Event::StartClient(start) => client_begin(controller, queues, *start),
        Event::StartServer(start) => server_begin(controller, queues, *start),
        Event::Command { command, line } => command_do(controller, queues, command, &line),
        Event::LinkMade { read, write } => {
            let link = write.link;
            if !link_wanted(controller, link) {
                return;
            }
            controller.hands.gauges.insert(link, write.gauge.clone());
            post_sender(&mut controller.hands, queues, SenderOrder::Add(write));
            post_listener(&mut controller.hands, queues, ListenerOrder::Add(read));
        }
        Event::LinkFailed { link, fail } => link_down(controller, queues, link, fail),
        Event::Holed { socket, from } => {
            let order = ListenerOrder::Enter { socket, from };
            post_listener(&mut controller.hands, queues, order);
        }
        Event::Tell(report) => client_tell(controller, queues, report),
        Event::TellServer(report) => server_tell(controller, queues, report),
        Event::SourceBatch { transfer, next, batch } => {
            source_send(controller, queues, batch);
            client_tell(controller, queues, ClientEvent::SourceSent { transfer, next });
        }
        Event::StoreFailed { fail } => {
            tracing::error!("disk: {}", fail.detail);
            if fail.kind == FailKind::DiskFull && matches!(controller.role, Role::Client(_)) {
                return client_tell(controller, queues, ClientEvent::DiskFailed { fail });
            }
            show(queues, Show::Error { fail, command: String::new() });
        }
        Event::SaverIdle => controller.saved = true,
        Event::SenderIdle => {
            // Написанное в дыры ещё едет по ним.
            puncher_order(queues, PuncherOrder::Sync);
        }
        Event::PuncherIdle => controller.written = true,
        Event::MapperIdle => controller.unmapped = true,
    }
}

/// Ждут ли ещё эту линию: логика могла сдаться раньше, чем соединение удалось.
fn link_wanted(controller: &Controller, link: LinkId) -> bool {
    match &controller.role {
        Role::Client(client) => {
            if let Some(found) = client.links.get(&link) {
                return found.stage == Stage::Connecting;
            }
            client.server.link == link && client.server.stage == Stage::Connecting
        }
        Role::Server(_) | Role::Waiting => false,
    }
}

/// Показать мимо логики.
fn show(queues: &Queues, show: Show) {
    let _ = queues.to_displayer.put.try_send(show);
}

/// Начинает клиентом.
fn client_begin(controller: &mut Controller, queues: &Queues, start: ClientStart) {
    let hands = &mut controller.hands;
    hands.tls = start.tls;
    hands.lock = Some(start.lock);
    hands.address = start.facts.server.clone();
    hands.call = Some(start.call);
    hands.seek = start.seek;
    hands.map_port = start.map_port;
    if let Some((socket, tls)) = start.door {
        if let Ok(door) = socket.local_addr() {
            puncher_order(queues, PuncherOrder::Open { door, tls: tls.clone() });
        }
        post_listener(hands, queues, ListenerOrder::Listen { socket, tls, guard: true });
    }
    let home = Box::new(start.home);
    post_saver(hands, queues, SaverOrder::Home(home.clone()));
    post_saver(hands, queues, SaverOrder::DeskOpen(start.desk));
    post_reader(hands, queues, ReaderOrder::Home(home));
    let client = client_start(&start.facts, &mut controller.out);
    for state in client.transfers.values() {
        if state.outgoing {
            let (transfer, facts) = (state.number, Box::new(state.facts.clone()));
            post_reader(hands, queues, ReaderOrder::Keep { transfer, facts, fresh: false });
        }
    }
    controller.role = Role::Client(Box::new(client));
    perform(&mut controller.hands, queues, &mut controller.out, &[]);
    client_tell(controller, queues, ClientEvent::Tick);
}

/// Начинает сервером.
fn server_begin(controller: &mut Controller, queues: &Queues, start: ServerStart) {
    let hands = &mut controller.hands;
    post_saver(hands, queues, SaverOrder::Home(Box::new(start.home)));
    post_saver(hands, queues, SaverOrder::MailOpen(Box::new(start.mail)));
    let order = ListenerOrder::Listen { socket: start.socket, tls: start.tls, guard: false };
    post_listener(hands, queues, order);
    let mut stun = Vec::new();
    for socket in &start.stun {
        if let Ok(address) = socket.local_addr() {
            stun.push(address.port());
        }
    }
    puncher_order(queues, PuncherOrder::Answer(start.stun));
    let (registered, mailboxes) = (start.registered, start.mailboxes);
    let (quota, licence) = (Some(start.quota), start.licence);
    let mut mail_bytes = 0;
    for mailbox in mailboxes.values() {
        mail_bytes += mailbox.bytes;
    }
    let server =
        Server { registered, mailboxes, mail_bytes, quota, licence, stun, ..Server::default() };
    controller.role = Role::Server(Box::new(server));
}

/// Команда человека; серверу понятен только уход.
fn command_do(controller: &mut Controller, queues: &Queues, command: Command, line: &str) {
    match &mut controller.role {
        Role::Client(_) => {
            let mut random = [0u8; 64];
            if let Err(failed) = random_fill(&mut random) {
                return show(queues, Show::Error { fail: failed, command: String::from(line) });
            }
            let event = ClientEvent::Command { command, line, random: &random };
            client_tell(controller, queues, event);
        }
        Role::Server(server) => {
            server_leave(server, &mut controller.out);
            perform(&mut controller.hands, queues, &mut controller.out, &[]);
            let code = if command == Command::Interrupt { 130 } else { 0 };
            controller.hands.leaving = Some(code);
        }
        Role::Waiting => controller.hands.leaving = Some(0),
    }
}

/// Пакеты файла от filereader-а идут на отправку, если линия ещё та.
fn source_send(controller: &mut Controller, queues: &Queues, batch: Batch) {
    let hands = &mut controller.hands;
    let Some(part) = batch.parts.first() else {
        return batch_give(queues, batch);
    };
    if let (true, Role::Client(client)) = (part.link >= THIRD_FIRST, &mut controller.role) {
        carry_batch(client, part.link, &batch.bytes, &mut controller.out);
        perform(hands, queues, &mut controller.out, &[]);
        return batch_give(queues, batch);
    }
    let Some(gauge) = hands.gauges.get(&part.link) else {
        return batch_give(queues, batch);
    };
    gauge.files.fetch_add(batch.bytes.len(), std::sync::atomic::Ordering::Relaxed);
    post_sender(hands, queues, SenderOrder::Batch(batch));
}

/// Одно сообщение listener-а.
fn heard_do(controller: &mut Controller, queues: &Queues, heard: Heard) {
    match heard {
        Heard::Accepted { link, write } => {
            controller.hands.gauges.insert(link, write.gauge.clone());
            post_sender(&mut controller.hands, queues, SenderOrder::Add(write));
        }
        Heard::WantsWrite(link) => {
            post_sender(&mut controller.hands, queues, SenderOrder::Flush(link));
        }
        Heard::Secured { link, key, from } => match key {
            Some(key) => {
                client_tell(controller, queues, ClientEvent::PersonUp { link, key, from });
                server_tell(controller, queues, ServerEvent::LinkUp { link, key });
            }
            None => client_tell(controller, queues, ClientEvent::LinkUp { link, from }),
        },
        Heard::Batch(batch) => batch_do(controller, queues, batch),
        Heard::Bad { link, fail } => {
            tracing::warn!("link {link}: {} {}", fail.kind as u16, fail.detail);
            let bad = fail.clone();
            server_tell(controller, queues, ServerEvent::LinkBad { link, fail });
            if let Role::Client(_) = controller.role {
                link_down(controller, queues, link, bad);
            }
        }
        Heard::Down { link, fail } => link_down(controller, queues, link, fail),
    }
}

/// Линии больше нет: все забывают, логика решает.
fn link_down(controller: &mut Controller, queues: &Queues, link: LinkId, failed: Fail) {
    if link == 0 {
        // Опрос сокетов не работает: без него программы нет.
        tracing::error!("{}", failed.detail);
        controller.hands.leaving = Some(1);
        return;
    }
    tracing::debug!("link {link} down: {} {}", failed.kind as u16, failed.detail);
    controller.hands.gauges.remove(&link);
    post_listener(&mut controller.hands, queues, ListenerOrder::Drop(link));
    // Последние слова TLS (отказ с причиной) должны успеть уйти.
    post_sender(&mut controller.hands, queues, SenderOrder::Finish(link));
    server_tell(controller, queues, ServerEvent::LinkDown { link });
    client_tell(controller, queues, ClientEvent::LinkDown { link, fail: failed });
}

/// Разбирает пачку на пакеты и отдаёт их логике по одному.
fn batch_do(controller: &mut Controller, queues: &Queues, batch: Batch) {
    for part in &batch.parts {
        let bytes = &batch.bytes[part.start..part.end];
        let mut at = 0;
        while let Some(header) = header_read(&bytes[at..]) {
            let next = at + HEADER_BYTES + header.size as usize;
            packet_do(controller, queues, part.link, header, &bytes[at..next]);
            at = next;
        }
    }
    batch_give(queues, batch);
}

/// Один пакет: шаг логики и исполнение. Переполненная линия — ещё одно событие.
fn packet_do(
    controller: &mut Controller,
    queues: &Queues,
    link: LinkId,
    header: Header,
    packet: &[u8],
) {
    let data = &packet[HEADER_BYTES..];
    let (now, out) = (controller.now, &mut controller.out);
    match &mut controller.role {
        Role::Client(client) => {
            client_step(client, ClientEvent::Packet { link, header, data }, now, out);
        }
        Role::Server(server) => {
            server_step(server, ServerEvent::Packet { link, header, data }, now, out);
        }
        Role::Waiting => {}
    }
    let over = perform(&mut controller.hands, queues, &mut controller.out, packet);
    if let Some(Over { to, lane }) = over {
        match &controller.role {
            Role::Server(_) => {
                let event = ServerEvent::Overflow { from: link, to, lane, header };
                server_tell(controller, queues, event);
            }
            Role::Client(_) | Role::Waiting => {
                link_down(controller, queues, to, fail(FailKind::PeerSlow, ""));
            }
        }
    }
}

/// Тиканье часов.
fn tick(controller: &mut Controller, queues: &Queues) {
    client_tell(controller, queues, ClientEvent::Tick);
    server_tell(controller, queues, ServerEvent::Tick);
}

/// Конец пробуждения: записать изменённое, отдать пачки.
fn flush(controller: &mut Controller, queues: &Queues) {
    if let Role::Client(client) = &mut controller.role {
        client_flush(client, controller.now, &mut controller.out);
        perform(&mut controller.hands, queues, &mut controller.out, &[]);
    }
    hands_flush(&mut controller.hands, queues);
}

/// Уход: дождаться диска и линий, но не дольше предела; затем последнее слово лицу.
fn leave_check(controller: &mut Controller, queues: &Queues) -> bool {
    let Some(code) = controller.hands.leaving else {
        return false;
    };
    let Some(since) = controller.left else {
        controller.left = Some(Instant::now());
        controller.unmapped = !controller.hands.mapping;
        map_wish(&mut controller.hands, queues, false);
        post_saver(&mut controller.hands, queues, SaverOrder::Sync);
        post_sender(&mut controller.hands, queues, SenderOrder::Sync);
        hands_flush(&mut controller.hands, queues);
        return false;
    };
    let late = since.elapsed() >= Duration::from_millis(FINISH_MS * 2);
    // Роутера ждут недолго: его срок кончится и сам.
    let told = controller.unmapped || since.elapsed() >= Duration::from_millis(MAPPING_WAIT_MS * 4);
    if (controller.saved && controller.written && told) || late {
        let wait = Duration::from_secs(2);
        if code == EXIT_RESTART {
            // Новой программе нужен замок папки.
            controller.hands.lock = None;
        }
        if queues.to_displayer.put.send_timeout(Show::Exit(code), wait).is_err() {
            // Лицо не берёт последнего слова (читатель потока застрял): ждать нечего.
            std::process::exit(code as i32);
        }
        return true;
    }
    false
}
