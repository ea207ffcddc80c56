//! Notifications of Windows (toasts) and macOS, by notify-rust. A click only closes them: neither
//! system tells an unpackaged program more.
//! Уведомления Windows и macOS через notify-rust. Щелчок их только закрывает: большего эти системы
//! неустановленной программе не сообщают.

use notify_rust::Notification;

use super::herald::Card;
use supertext::base::ids::Id;

/// The desktop's notifications as the herald sees them.
#[derive(Default)]
pub struct Desk {
    /// The refusal was already written to the log.
    told: bool,
}

/// Соединяться здесь не с чем.
pub fn desk_open() -> Desk {
    Desk::default()
}

/// Показывает уведомление. `true` — звук подаёт сама система.
pub fn desk_show(desk: &mut Desk, card: &Card) -> bool {
    let mut notification = Notification::new();
    notification.appname("Supertext").summary(&card.title).body(&card.body);
    if card.sound {
        notification.sound_name("Default");
    }
    match notification.show() {
        Ok(_) => card.sound,
        Err(error) => {
            if !desk.told {
                tracing::info!("the desktop shows no notifications: {error}");
                desk.told = true;
            }
            false
        }
    }
}

/// Показанное система убирает сама.
pub fn desk_close(_desk: &mut Desk, _peer: Id) {}

/// О щелчках система не говорит.
pub fn desk_clicked(_desk: &mut Desk, _number: u32) -> Option<Id> {
    None
}
