//! Notifications of Linux desktops: org.freedesktop.Notifications on the session's D-Bus. Only the
//! herald calls; a thread of its own hears the clicks.
//! Уведомления рабочих столов Linux: org.freedesktop.Notifications на D-Bus сеанса. Зовёт только
//! herald; щелчки слышит отдельная нить.

use std::collections::{BTreeMap, HashMap};
use std::thread::Builder;
use std::time::Duration;

use zbus::MatchRule;
use zbus::blocking::{Connection, MessageIterator, connection};
use zbus::message::Type;
use zbus::zvariant::{Structure, Value};

use super::herald::Card;
use super::icon::{ICON_SIDE, tray_pixels};
use super::notice::Order;
use super::state::HERALD;
use supertext::base::bounds::{DESKTOP_MS, NOTICES_MAX};
use supertext::base::ids::Id;

/// Name of the service, and of its interface.
const SERVICE: &str = "org.freedesktop.Notifications";
/// Its object.
const OBJECT: &str = "/org/freedesktop/Notifications";

/// The desktop's notifications as the herald sees them.
#[derive(Default)]
pub struct Desk {
    bus: Option<Connection>,
    /// What the desktop can, once it was asked.
    can: Option<Vec<String>>,
    /// Number of the notification of each chat, and what a click on it opens.
    shown: BTreeMap<Id, (u32, Id)>,
    /// The refusal was already written to the log.
    told: bool,
}

/// Соединяется с шиной сеанса. Нет её — уведомлений не будет, в журнале одна строка.
pub fn desk_open() -> Desk {
    let mut desk = Desk::default();
    match bus_open() {
        Ok(bus) => {
            let _ = HERALD.bus.set(bus.clone());
            if let Err(error) = Builder::new().name(String::from("clicks")).spawn(clicks_main) {
                tracing::warn!("clicks on notifications are not heard: {error}");
            }
            desk.bus = Some(bus);
        }
        Err(error) => tracing::info!("no notifications, no session bus: {error}"),
    }
    desk
}

/// Соединение, которое ни одного ответа не ждёт вечно.
fn bus_open() -> Result<Connection, zbus::Error> {
    let builder = connection::Builder::session()?;
    builder.method_timeout(Duration::from_millis(DESKTOP_MS)).build()
}

/// Нить: слышит щелчки по уведомлениям.
pub fn clicks_main() {
    let Some(bus) = HERALD.bus.get() else { return };
    let Ok(clicks) = clicks_iterator(bus) else { return };
    for message in clicks {
        let Ok(message) = message else { return };
        let Ok((number, _)) = message.body().deserialize::<(u32, String)>() else { continue };
        let _ = HERALD.orders.0.try_send(Order::Clicked(number));
    }
}

/// Подписка на щелчки.
fn clicks_iterator(bus: &Connection) -> Result<MessageIterator, zbus::Error> {
    let rule = MatchRule::builder().msg_type(Type::Signal).interface(SERVICE)?;
    MessageIterator::for_match_rule(rule.member("ActionInvoked")?.build(), bus, Some(8))
}

/// Умеет ли рабочий стол это; спрашивается один раз, при первом уведомлении.
fn can(desk: &mut Desk, bus: &Connection, what: &str) -> bool {
    if desk.can.is_none() {
        let answer = bus.call_method(Some(SERVICE), OBJECT, Some(SERVICE), "GetCapabilities", &());
        if let Ok(answer) = answer {
            desk.can = answer.body().deserialize::<Vec<String>>().ok();
        }
    }
    match &desk.can {
        Some(words) => words.contains(&String::from(what)),
        None => false,
    }
}

/// Показывает уведомление вместо прежнего о том же чате. `true` — звук подаёт сам стол.
pub fn desk_show(desk: &mut Desk, card: &Card) -> bool {
    let Some(bus) = desk.bus.clone() else { return false };
    let markup = can(desk, &bus, "body-markup");
    let sound = can(desk, &bus, "sound");
    let body = if markup { escaped(&card.body) } else { card.body.clone() };
    let before = match desk.shown.get(&card.chat) {
        Some((number, _)) => *number,
        None => 0,
    };
    let icon = Structure::from((
        ICON_SIDE,
        ICON_SIDE,
        ICON_SIDE * 4,
        true,
        8i32,
        4i32,
        tray_pixels(ICON_SIDE, 0),
    ));
    let mut hints: HashMap<&str, Value<'_>> = HashMap::new();
    hints.insert("image-data", Value::from(icon));
    hints.insert("category", Value::from("im.received"));
    hints.insert("desktop-entry", Value::from("supertext"));
    if card.sound {
        hints.insert("sound-name", Value::from("message-new-instant"));
    } else {
        hints.insert("suppress-sound", Value::from(true));
    }
    let actions = ["default", "Supertext"];
    let words = (
        "Supertext",
        before,
        "",
        card.title.as_str(),
        body.as_str(),
        actions.as_slice(),
        hints,
        -1i32,
    );
    let answer = bus.call_method(Some(SERVICE), OBJECT, Some(SERVICE), "Notify", &words);
    match answer {
        Ok(answer) => {
            if let Ok(number) = answer.body().deserialize::<u32>() {
                number_keep(desk, card, number);
            }
            sound && card.sound
        }
        Err(error) => {
            if !desk.told {
                tracing::info!("the desktop shows no notifications: {error}");
                desk.told = true;
            }
            false
        }
    }
}

/// Запоминает номер показанного.
fn number_keep(desk: &mut Desk, card: &Card, number: u32) {
    if desk.shown.len() >= NOTICES_MAX && !desk.shown.contains_key(&card.chat) {
        desk.shown.pop_first();
    }
    desk.shown.insert(card.chat, (number, card.peer));
}

/// Убирает уведомление этого чата и сводное, если оно о нём.
pub fn desk_close(desk: &mut Desk, peer: Id) {
    let Some(bus) = desk.bus.clone() else { return };
    for chat in [peer, 0] {
        let Some((number, about)) = desk.shown.get(&chat).copied() else { continue };
        if about == peer {
            desk.shown.remove(&chat);
            let words = (number,);
            let name = "CloseNotification";
            let _ = bus.call_method(Some(SERVICE), OBJECT, Some(SERVICE), name, &words);
        }
    }
}

/// Чей чат открыть по щелчку на этом уведомлении; чужие номера не наши.
pub fn desk_clicked(desk: &mut Desk, number: u32) -> Option<Id> {
    for (shown, peer) in desk.shown.values() {
        if *shown == number {
            return Some(*peer);
        }
    }
    None
}

/// Текст для стола, который понимает разметку: знаки разметки — буквы.
fn escaped(said: &str) -> String {
    said.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
