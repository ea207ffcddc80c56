//! The sender: all sockets that are written, one thread. Two lanes per link, messages before
//! files; encrypts only what the kernel is about to take, so a message overtakes a file.
//! Sender: все сокеты на запись, один поток. Две полосы на линию, сообщения раньше файлов;
//! шифрует лишь то, что ядро вот-вот возьмёт, поэтому сообщение обгоняет файл.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};

use super::map::{Batch, QUEUES, Queues, batch_give};
use super::roles::Event;
use crate::base::bounds::{FINISH_MS, STEP_BYTES};
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::logic::events::LinkId;
use crate::net::link::{WriteHalf, lane_put, lane_put_whole, link_farewell, link_shut, link_write};

const TOKEN_WAKER: Token = Token(usize::MAX);

/// What the controller orders.
pub enum SenderOrder {
    Add(Box<WriteHalf>),
    /// Packets for these links.
    Batch(Batch),
    /// TLS has something to say on this link.
    Flush(LinkId),
    /// Write out what waits, then close.
    Finish(LinkId),
    /// Close at once: the link is gone.
    Drop(LinkId),
    /// Report when nothing waits to be written any more.
    Sync,
}

/// State of the sender, a local of its main.
struct Sender {
    poll: Poll,
    links: BTreeMap<LinkId, WriteHalf>,
    dirty: BTreeSet<LinkId>,
    /// Links that close when written out, at the latest then.
    finishing: BTreeMap<LinkId, Instant>,
    scratch: Vec<u8>,
    spare: Vec<Vec<u8>>,
    sync: bool,
}

/// Поток sender.
pub fn sender_main() {
    let queues = &*QUEUES;
    let mut sender = match sender_make(queues) {
        Ok(sender) => sender,
        Err(failed) => return down_tell(queues, 0, failed),
    };
    let mut events = Events::with_capacity(1024);
    loop {
        let wait = if sender.finishing.is_empty() { 1_000 } else { 50 };
        if let Err(error) = sender.poll.poll(&mut events, Some(Duration::from_millis(wait))) {
            if error.kind() != std::io::ErrorKind::Interrupted {
                return down_tell(queues, 0, fail(FailKind::SocketWrite, &error.to_string()));
            }
        }
        for event in &events {
            if event.token() != TOKEN_WAKER {
                sender.dirty.insert(event.token().0 as LinkId);
            }
        }
        // Приказы и запись чередуются, пока есть что делать: одно пробуждение — вся работа.
        while orders_take(&mut sender, queues) | !sender.dirty.is_empty() {
            links_write(&mut sender, queues);
        }
        finishing_check(&mut sender);
        if sender.sync && sender.finishing.is_empty() {
            sender.sync = false;
            let _ = queues.events.put.send(Event::SenderIdle);
        }
    }
}

/// Готовит опрос и будильник.
fn sender_make(queues: &Queues) -> Result<Sender, Fail> {
    let poll = io_try(FailKind::Internal, "poll", Poll::new())?;
    let waker = io_try(FailKind::Internal, "waker", Waker::new(poll.registry(), TOKEN_WAKER))?;
    let _ = queues.sender_waker.set(waker);
    Ok(Sender {
        poll,
        links: BTreeMap::new(),
        dirty: BTreeSet::new(),
        finishing: BTreeMap::new(),
        scratch: Vec::with_capacity(STEP_BYTES + 8_192),
        spare: Vec::new(),
        sync: false,
    })
}

/// Говорит controller-у, что писать больше некуда.
fn down_tell(queues: &Queues, link: LinkId, failed: Fail) {
    let _ = queues.events.put.send(Event::LinkFailed { link, fail: failed });
}

/// Забирает приказы; `true`, если хоть один был.
fn orders_take(sender: &mut Sender, queues: &Queues) -> bool {
    let mut any = false;
    while let Ok(order) = queues.to_sender.take.try_recv() {
        any = true;
        match order {
            SenderOrder::Add(half) => link_add(sender, queues, *half),
            SenderOrder::Batch(batch) => batch_spread(sender, queues, batch),
            SenderOrder::Flush(link) => {
                sender.dirty.insert(link);
            }
            SenderOrder::Finish(link) => {
                if sender.links.contains_key(&link) {
                    let latest = Instant::now() + Duration::from_millis(FINISH_MS);
                    sender.finishing.insert(link, latest);
                    sender.dirty.insert(link);
                }
            }
            SenderOrder::Drop(link) => link_drop(sender, link),
            SenderOrder::Sync => sender.sync = true,
        }
    }
    any
}

/// Начинает писать в линию; первым уйдёт рукопожатие.
fn link_add(sender: &mut Sender, queues: &Queues, mut half: WriteHalf) {
    let link = half.link;
    let token = Token(link as usize);
    let registry = sender.poll.registry();
    if let Err(error) = registry.register(&mut half.socket, token, Interest::WRITABLE) {
        return down_tell(queues, link, fail(FailKind::SocketWrite, &error.to_string()));
    }
    sender.dirty.insert(link);
    sender.links.insert(link, half);
}

/// Раскладывает пачку по полосам линий. Пачка одной линии отдаётся буфером, без копии.
fn batch_spread(sender: &mut Sender, queues: &Queues, mut batch: Batch) {
    if let [part] = batch.parts[..] {
        let whole = part.start == 0 && part.end == batch.bytes.len();
        if whole && batch.bytes.len() * 2 > STEP_BYTES {
            if let Some(half) = sender.links.get_mut(&part.link) {
                lane_put_whole(half, part.lane, std::mem::take(&mut batch.bytes));
                sender.dirty.insert(part.link);
            }
            if let Some(bytes) = sender.spare.pop() {
                batch.bytes = bytes;
                batch_give(queues, batch);
            }
            return;
        }
    }
    for part in &batch.parts {
        if let Some(half) = sender.links.get_mut(&part.link) {
            lane_put(half, part.lane, &batch.bytes[part.start..part.end]);
            sender.dirty.insert(part.link);
        }
    }
    batch_give(queues, batch);
}

/// Пишет во все линии, где есть что.
fn links_write(sender: &mut Sender, queues: &Queues) {
    let turn = std::mem::take(&mut sender.dirty);
    for link in turn {
        let Some(half) = sender.links.get_mut(&link) else {
            continue;
        };
        match link_write(half, &mut sender.scratch, &mut sender.spare) {
            Ok(true) => {
                if sender.finishing.contains_key(&link) {
                    link_close(sender, link);
                }
            }
            Ok(false) => {}
            Err(failed) => {
                link_drop(sender, link);
                down_tell(queues, link, failed);
            }
        }
    }
    spare_give(sender, queues);
}

/// Большие опустевшие буферы — в общий запас, остальные освобождаются.
fn spare_give(sender: &mut Sender, queues: &Queues) {
    while let Some(bytes) = sender.spare.pop() {
        if bytes.capacity() * 2 > STEP_BYTES {
            batch_give(queues, Batch { bytes, parts: Vec::new() });
        }
    }
}

/// Закрывает линию по-хорошему: всё написано, осталось слово TLS.
fn link_close(sender: &mut Sender, link: LinkId) {
    if let Some(half) = sender.links.get_mut(&link) {
        link_farewell(half);
        let _ = link_write(half, &mut sender.scratch, &mut sender.spare);
    }
    link_drop(sender, link);
}

/// Кто не дописал вовремя, закрывается так.
fn finishing_check(sender: &mut Sender) {
    let now = Instant::now();
    let mut late: Vec<LinkId> = Vec::new();
    for (link, latest) in &sender.finishing {
        if now >= *latest {
            late.push(*link);
        }
    }
    for link in late {
        link_drop(sender, link);
    }
}

/// Забывает линию и закрывает сокет.
fn link_drop(sender: &mut Sender, link: LinkId) {
    sender.dirty.remove(&link);
    sender.finishing.remove(&link);
    if let Some(mut half) = sender.links.remove(&link) {
        let _ = sender.poll.registry().deregister(&mut half.socket);
        link_shut(&half);
    }
}
