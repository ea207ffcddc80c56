//! The tray icon of Linux desktops: StatusNotifierItem on D-Bus, by ksni, without GTK. It is made
//! and changed by the herald; where the desktop has no tray nothing is to be seen.
//! Значок в лотке рабочих столов Linux: StatusNotifierItem на D-Bus через ksni, без GTK. Делает и
//! меняет его herald; где лотка нет, не видно ничего.

use std::sync::atomic::Ordering;

use ksni::blocking::{Handle, TrayMethods};
use ksni::menu::StandardItem;
use ksni::{Category, Icon, MenuItem, OfflineReason, ToolTip, Tray as TrayItem};

use super::icon::tray_pixels;
use super::notice::{Told, language_now, told_put};
use super::state::HERALD;
use supertext::faces::texts::{Texts, text, texts_load};

/// The herald makes the tray here, not the main thread.
pub const TRAY_ON_MAIN: bool = false;
/// Sizes of the picture; the desktop takes the one that fits.
const SIDES: [i32; 3] = [22, 32, 64];

/// The tray icon, as its maker holds it.
pub type Tray = Handle<TrayFace>;

/// What is asked by the desktop.
pub struct TrayFace {
    texts: Texts,
}

impl TrayItem for TrayFace {
    /// Имя программы для стола.
    fn id(&self) -> String {
        String::from("supertext")
    }

    /// Род программы.
    fn category(&self) -> Category {
        Category::Communications
    }

    /// Имя с числом непрочитанного.
    fn title(&self) -> String {
        match HERALD.unread.load(Ordering::Relaxed) {
            0 => String::from("Supertext"),
            unread => format!("Supertext ({unread})"),
        }
    }

    /// Подсказка — то же имя.
    fn tool_tip(&self) -> ToolTip {
        ToolTip { title: self.title(), ..ToolTip::default() }
    }

    /// Картинка нескольких размеров.
    fn icon_pixmap(&self) -> Vec<Icon> {
        let unread = HERALD.unread.load(Ordering::Relaxed);
        let mut icons = Vec::new();
        for side in SIDES {
            let mut data = tray_pixels(side, unread);
            // Стол ждёт ARGB.
            for pixel in data.chunks_exact_mut(4) {
                pixel.rotate_right(1);
            }
            icons.push(Icon { width: side, height: side, data });
        }
        icons
    }

    /// Меню: открыть, выйти.
    fn menu(&self) -> Vec<MenuItem<Self>> {
        vec![
            StandardItem {
                label: text(&self.texts, "tray-open", &[]),
                activate: Box::new(on_tray_open),
                ..StandardItem::default()
            }
            .into(),
            StandardItem {
                label: text(&self.texts, "tray-quit", &[]),
                activate: Box::new(on_tray_quit),
                ..StandardItem::default()
            }
            .into(),
        ]
    }

    /// Щелчок показывает окно.
    fn activate(&mut self, _x: i32, _y: i32) {
        told_put(Told::Raise);
    }

    /// Лоток появился.
    fn watcher_online(&self) {
        HERALD.tray.store(true, Ordering::Relaxed);
    }

    /// Лоток исчез: спрятанное окно показывается, иначе до него не добраться.
    fn watcher_offline(&self, _reason: OfflineReason) -> bool {
        HERALD.tray.store(false, Ordering::Relaxed);
        if HERALD.hidden.load(Ordering::Relaxed) {
            told_put(Told::Raise);
        }
        true
    }
}

/// Меню: показать окно.
pub fn on_tray_open(_face: &mut TrayFace) {
    told_put(Told::Raise);
}

/// Меню: закончить.
pub fn on_tray_quit(_face: &mut TrayFace) {
    told_put(Told::Quit);
}

/// Делает значок. Нет лотка — значок ждёт, пока он появится; нет шины — значка не будет.
pub fn tray_open() -> Option<Tray> {
    HERALD.tray.store(true, Ordering::Relaxed);
    let face = TrayFace { texts: texts_load(language_now()) };
    match face.assume_sni_available(true).spawn() {
        Ok(tray) => Some(tray),
        Err(error) => {
            HERALD.tray.store(false, Ordering::Relaxed);
            tracing::info!("no tray: {error}");
            None
        }
    }
}

/// Число или язык переменились: стол спрашивает картинку и меню заново.
pub fn tray_look(tray: &mut Option<Tray>) {
    if let Some(tray) = tray {
        let _ = tray.update(on_tray_change);
    }
}

/// Перемена значка.
pub fn on_tray_change(face: &mut TrayFace) {
    if face.texts.code != language_now() {
        face.texts = texts_load(language_now());
    }
}
