//! The thread that speaks with the desktop: notifications at most one a second, the tray. It may
//! wait for the desktop as long as it likes; the window does not wait for it.
//! Нить, которая говорит с рабочим столом: уведомления не чаще раза в секунду и значок. Она вправе
//! ждать стол сколько угодно; окно её не ждёт.

use std::collections::BTreeSet;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::desk::{Desk, desk_clicked, desk_close, desk_open, desk_show};
use super::notice::{Notice, Order, Told, What, language_now, told_put};
use super::state::HERALD;
use super::tray::{TRAY_ON_MAIN, tray_look, tray_open};
use supertext::base::bounds::{NOTICE_GAP_MS, NOTICES_MAX};
use supertext::base::ids::Id;
use supertext::faces::texts::{text, texts_load};

/// A notification as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Whose chat; a newer card of the same chat takes its place. 0 = of several.
    pub chat: Id,
    /// What a click opens.
    pub peer: Id,
    pub title: String,
    pub body: String,
    pub sound: bool,
}

/// What came since the last notification.
#[derive(Debug, Default)]
struct Waiting {
    last: Option<Notice>,
    many: u64,
    chats: BTreeSet<Id>,
}

/// Запускает нить; без неё окно живёт, но молчит.
pub fn herald_start() {
    if let Err(error) = Builder::new().name(String::from("herald")).spawn(herald_main) {
        tracing::warn!("no notifications: {error}");
    }
}

/// Нить: собирает пришедшее и показывает его не чаще положенного.
pub fn herald_main() {
    let mut desk = desk_open();
    let mut tray = if TRAY_ON_MAIN { None } else { tray_open() };
    let mut waiting = Waiting::default();
    let mut next = Instant::now();
    loop {
        let order = if waiting.last.is_none() {
            match HERALD.orders.1.recv() {
                Ok(order) => Some(order),
                Err(_) => return,
            }
        } else {
            let left = next.saturating_duration_since(Instant::now());
            match HERALD.orders.1.recv_timeout(left) {
                Ok(order) => Some(order),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        };
        match order {
            Some(Order::Notice(notice)) => waiting_add(&mut waiting, notice),
            Some(Order::Seen(peer)) => {
                waiting_drop(&mut waiting, peer);
                desk_close(&mut desk, peer);
            }
            Some(Order::Clicked(number)) => {
                if let Some(peer) = desk_clicked(&mut desk, number) {
                    told_put(Told::Open(peer));
                }
            }
            Some(Order::Changed) => tray_look(&mut tray),
            None => {}
        }
        if Instant::now() >= next && waiting.last.is_some() {
            waiting_show(&mut desk, &mut waiting);
            next = Instant::now() + Duration::from_millis(NOTICE_GAP_MS);
        }
    }
}

/// Запоминает пришедшее.
fn waiting_add(waiting: &mut Waiting, notice: Notice) {
    if waiting.chats.len() < NOTICES_MAX {
        waiting.chats.insert(notice.peer);
    }
    waiting.many += 1;
    waiting.last = Some(notice);
}

/// Этот чат увиден: о нём говорить уже незачем.
fn waiting_drop(waiting: &mut Waiting, peer: Id) {
    waiting.chats.remove(&peer);
    if waiting.chats.is_empty() {
        *waiting = Waiting::default();
    }
}

/// Показывает накопленное одним уведомлением или только подаёт звук.
fn waiting_show(desk: &mut Desk, waiting: &mut Waiting) {
    let done = std::mem::take(waiting);
    let Some(last) = &done.last else { return };
    let mut rung = false;
    if last.card {
        rung = desk_show(desk, &card_of(last, &done));
    }
    if last.sound && !rung {
        told_put(Told::Beep);
    }
}

/// Слова уведомления: одно пришедшее, несколько от одного, несколько от разных.
fn card_of(last: &Notice, done: &Waiting) -> Card {
    let texts = texts_load(language_now());
    if done.chats.len() > 1 {
        let values = [("many", done.many.to_string()), ("chats", done.chats.len().to_string())];
        return Card {
            chat: 0,
            peer: last.peer,
            title: String::from("Supertext"),
            body: text(&texts, "notice-many", &values),
            sound: last.sound,
        };
    }
    let body = match &last.what {
        What::Message(said) if last.open => said.clone(),
        What::File(name) if last.open => text(&texts, "notice-file", &[("name", name.clone())]),
        What::Message(_) => text(&texts, "notice-message-closed", &[]),
        What::File(_) => text(&texts, "notice-file-closed", &[]),
        What::Request => text(&texts, "notice-request", &[]),
    };
    let mut title = last.name.clone();
    if done.many > 1 {
        title.push_str(&format!(" ({})", done.many));
    }
    Card { chat: last.peer, peer: last.peer, title, body, sound: last.sound }
}
