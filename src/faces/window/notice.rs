//! What the desktop is told of: which arrivals are worth a notification, and what the desktop
//! answers (a click, the tray's menu). The talking itself is done by the thread of herald.rs.
//! О чём узнаёт рабочий стол: какое пришедшее стоит уведомления и что стол отвечает (щелчок, меню
//! значка). Говорит с ним нить из herald.rs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use fltk::dialog::{BeepType, beep};

use super::act::{chat_open, effects_run};
use super::chat::text_safe;
use super::raise::window_raise;
use super::state::{Effect, HERALD, View, WINDOW, Window, option};
use supertext::base::bounds::{NOTICE_TEXT_MAX, QUEUE_NOTICES};
use supertext::base::ids::Id;
use supertext::faces::texts::LANGUAGES;
use supertext::logic::events::Standing;
use supertext::logic::show::{LinkShow, MessageShow};

/// What came.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Message(String),
    File(String),
    Request,
}

/// One arrival, as the user wants to be told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub peer: Id,
    pub name: String,
    pub what: What,
    /// A notification; without it only the sound.
    pub card: bool,
    /// With what came, not only that something came.
    pub open: bool,
    pub sound: bool,
}

/// For the herald.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    Notice(Notice),
    /// The chat was looked at: its notification goes.
    Seen(Id),
    /// The desktop says that a notification was clicked: its number. Only Linux says so.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    Clicked(u32),
    /// Unread or the language changed: the tray is to show it.
    Changed,
}

/// From the herald.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Open(Id),
    Raise,
    Quit,
    Beep,
}

/// Queues and flags between the main thread and the herald.
pub struct Herald {
    pub orders: (Sender<Order>, Receiver<Order>),
    pub told: (Sender<Told>, Receiver<Told>),
    /// The desktop shows our tray icon.
    pub tray: AtomicBool,
    /// The window is hidden, only the tray is left of it.
    pub hidden: AtomicBool,
    pub unread: AtomicU64,
    /// Place in `LANGUAGES`.
    pub language: AtomicU64,
    #[cfg(target_os = "linux")]
    pub bus: std::sync::OnceLock<zbus::blocking::Connection>,
}

/// Пустые очереди и флаги.
pub fn herald_make() -> Herald {
    Herald {
        orders: bounded(QUEUE_NOTICES),
        told: bounded(QUEUE_NOTICES),
        tray: AtomicBool::new(false),
        hidden: AtomicBool::new(false),
        unread: AtomicU64::new(0),
        language: AtomicU64::new(0),
        #[cfg(target_os = "linux")]
        bus: std::sync::OnceLock::new(),
    }
}

/// Отдаёт приказ; полная очередь значит, что стол не отвечает, и тогда приказ теряется.
fn order_put(order: Order) {
    let _ = HERALD.orders.0.try_send(order);
}

/// Отвечает главной нити и будит её.
pub fn told_put(told: Told) {
    if HERALD.told.0.try_send(told).is_ok() {
        fltk::app::awake();
    }
}

/// Пришло новое сообщение: стоит ли о нём сказать.
pub fn message_note(window: &Window, shown: &MessageShow) {
    if !shown.past && !shown.outgoing && shown.edited == 0 {
        // В комнате слова говорит её участник, имя же уведомления — сама комната.
        let said = if shown.author_name.is_empty() {
            shown.text.clone()
        } else {
            format!("{}: {}", shown.author_name, shown.text)
        };
        note(window, shown.peer, What::Message(cut(&said)));
    }
}

/// Предложен файл.
pub fn offer_note(window: &Window, peer: Id, name: &str) {
    note(window, peer, What::File(cut(name)));
}

/// Просьба о знакомстве; прежние просьбы повторяются при запуске, до связи.
pub fn request_note(window: &Window, peer: Id) {
    if window.link == LinkShow::Up {
        note(window, peer, What::Request);
    }
}

/// Говорит о пришедшем, если человек его не видит и не отказался видеть.
fn note(window: &Window, peer: Id, what: What) {
    let card = option(window, "notifications") == "on";
    let sound = option(window, "sounds") == "on";
    let here = window.focused && window.open == Some(peer) && window.view == View::Chat;
    if here || (!card && !sound) {
        return;
    }
    let Some(person) = window.people.get(&peer) else { return };
    if person.blocked || matches!(person.standing, Standing::Spam | Standing::Declined) {
        return;
    }
    let open = option(window, "notify_text") == "on";
    let name = cut(&person.name);
    order_put(Order::Notice(Notice { peer, name, what, card, open, sound }));
}

/// Начало текста: без управляющих знаков, без пустых строк.
fn cut(said: &str) -> String {
    let mut out = String::new();
    let mut count = 0;
    for line in text_safe(said).lines() {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        for letter in line.chars() {
            if count >= NOTICE_TEXT_MAX {
                out.push('…');
                return out;
            }
            out.push(letter);
            count += 1;
        }
    }
    out
}

/// Чат увиден: уведомлению о нём больше незачем висеть.
pub fn seen_note(peer: Id) {
    order_put(Order::Seen(peer));
}

/// Число непрочитанного и язык — для значка.
pub fn unread_note(window: &Window, unread: u64) {
    let mut language = 0;
    for (index, (code, _)) in LANGUAGES.iter().enumerate() {
        if *code == window.texts.code {
            language = index as u64;
        }
    }
    let before = HERALD.unread.swap(unread, Ordering::Relaxed);
    let spoken = HERALD.language.swap(language, Ordering::Relaxed);
    if before != unread || spoken != language {
        order_put(Order::Changed);
    }
}

/// Код языка, на котором говорит окно.
pub fn language_now() -> &'static str {
    match LANGUAGES.get(HERALD.language.load(Ordering::Relaxed) as usize) {
        Some((code, _)) => code,
        None => LANGUAGES[0].0,
    }
}

/// Главная нить берёт ответы рабочего стола; замка при вызове нет.
pub fn told_drain() {
    while let Ok(told) = HERALD.told.1.try_recv() {
        match told {
            Told::Beep => beep(BeepType::Message),
            Told::Raise => window_raise(),
            Told::Quit => effects_run(vec![Effect::Words(vec![String::from("/quit")])]),
            Told::Open(peer) => {
                window_raise();
                chat_show(peer);
            }
        }
    }
}

/// Открывает чат, о котором было уведомление.
fn chat_show(peer: Id) {
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    if window.view == View::Password || !window.people.contains_key(&peer) {
        return;
    }
    chat_open(window, peer);
    let mut effects = std::mem::take(&mut window.effects);
    drop(guard);
    effects.push(Effect::Redraw);
    effects_run(effects);
}
