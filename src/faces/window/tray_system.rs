//! The tray icon of Windows and macOS, by tray-icon. Those systems want it in the main thread; its
//! clicks come in the round of that thread too.
//! Значок в лотке Windows и macOS через tray-icon. Этим системам он нужен в главной нити: её же
//! кругом приходят и щелчки.

use std::sync::atomic::Ordering;

use tray_icon::menu::{Menu, MenuEvent, MenuItem};
use tray_icon::{Icon, MouseButton, TrayIcon, TrayIconBuilder, TrayIconEvent};

use super::icon::{ICON_SIDE, tray_pixels};
use super::notice::{Told, language_now, told_put};
use super::state::HERALD;
use supertext::faces::texts::{text, texts_load};

/// The main thread makes the tray here.
pub const TRAY_ON_MAIN: bool = true;

/// The tray icon, as its maker holds it.
pub struct Tray {
    icon: TrayIcon,
    open: MenuItem,
    quit: MenuItem,
    unread: u64,
    language: &'static str,
}

/// Делает значок с меню; не вышло — значка не будет.
pub fn tray_open() -> Option<Tray> {
    let language = language_now();
    let texts = texts_load(language);
    let open = MenuItem::new(text(&texts, "tray-open", &[]), true, None);
    let quit = MenuItem::new(text(&texts, "tray-quit", &[]), true, None);
    let menu = Menu::new();
    if menu.append(&open).is_err() || menu.append(&quit).is_err() {
        return None;
    }
    let builder = TrayIconBuilder::new().with_menu(Box::new(menu)).with_tooltip("Supertext");
    let builder = builder.with_menu_on_left_click(false).with_icon(picture(0)?);
    match builder.build() {
        Ok(icon) => {
            HERALD.tray.store(true, Ordering::Relaxed);
            Some(Tray { icon, open, quit, unread: 0, language })
        }
        Err(error) => {
            tracing::info!("no tray: {error}");
            None
        }
    }
}

/// Картинка с числом непрочитанного.
fn picture(unread: u64) -> Option<Icon> {
    let side = ICON_SIDE as u32;
    Icon::from_rgba(tray_pixels(ICON_SIDE, unread), side, side).ok()
}

/// Круг главной нити: щелчки, меню, переменившееся число или язык.
pub fn tray_look(tray: &mut Option<Tray>) {
    let Some(tray) = tray else { return };
    while let Ok(event) = MenuEvent::receiver().try_recv() {
        told_put(if event.id == *tray.quit.id() { Told::Quit } else { Told::Raise });
    }
    while let Ok(event) = TrayIconEvent::receiver().try_recv() {
        if let TrayIconEvent::Click { button: MouseButton::Left, .. } = event {
            told_put(Told::Raise);
        }
    }
    let unread = HERALD.unread.load(Ordering::Relaxed);
    if tray.unread != unread {
        tray.unread = unread;
        let _ = tray.icon.set_icon(picture(unread));
        let name = if unread == 0 { String::new() } else { format!(" ({unread})") };
        let _ = tray.icon.set_tooltip(Some(format!("Supertext{name}")));
    }
    if tray.language != language_now() {
        tray.language = language_now();
        let texts = texts_load(tray.language);
        tray.open.set_text(text(&texts, "tray-open", &[]));
        tray.quit.set_text(text(&texts, "tray-quit", &[]));
    }
}
