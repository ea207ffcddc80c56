//! The window comes to front: for a click on a notification or the tray, for a second start on the
//! same home; and it hides into the tray if the user wants that.
//! Окно выходит вперёд: по щелчку на уведомлении или значке, по второму запуску на той же папке; и
//! прячется в лоток, если человек так хочет.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use fltk::app;
use fltk::app::TimeoutHandle;
use fltk::prelude::WidgetExt;

use super::start::on_focus_look;
use super::state::{HERALD, View, WINDOW, option};
use supertext::base::bounds::RAISE_TICK_MS;
use supertext::store::home::RAISE_NAME;

/// Seconds between two looks at the file of a second start.
const TICK: f64 = RAISE_TICK_MS as f64 / 1_000.0;

/// Файл второго запуска: прежний, от убитой программы, убирается, за новым следит таймер.
pub fn raise_start() {
    let path = raise_path();
    if !path.as_os_str().is_empty() {
        let _ = std::fs::remove_file(path);
        app::add_timeout3(TICK, on_raise_look);
    }
}

/// Где лежит файл второго запуска; пусто — нигде.
fn raise_path() -> PathBuf {
    match WINDOW.try_lock().as_deref() {
        Ok(Some(window)) if !window.options.home.as_os_str().is_empty() => {
            window.options.home.join(RAISE_NAME)
        }
        Ok(_) | Err(_) => PathBuf::new(),
    }
}

/// Второй запуск оставил файл — окно выходит вперёд.
pub fn on_raise_look(handle: TimeoutHandle) {
    if std::fs::remove_file(raise_path()).is_ok() {
        window_raise();
    }
    app::repeat_timeout3(TICK, handle);
}

/// Показывает окно поверх других и отдаёт ему клавиатуру; замка при вызове нет.
pub fn window_raise() {
    let (mut widgets, view, open) = match WINDOW.try_lock().as_deref() {
        Ok(Some(window)) => (window.widgets.clone(), window.view, window.open.is_some()),
        Ok(None) | Err(_) => return,
    };
    HERALD.hidden.store(false, Ordering::Relaxed);
    widgets.window.show();
    // Взявшее клавиатуру поле просит её и у оконного менеджера.
    let _ = match view {
        View::First | View::Add | View::Settings | View::Person | View::Room | View::Password => {
            widgets.one.take_focus()
        }
        View::Chat | View::Picture | View::Preview if open => widgets.message.take_focus(),
        View::Chat | View::Picture | View::Preview => widgets.search.take_focus(),
    };
}

/// Закрытие прячет окно в лоток, если так велено и лоток есть. `false` — закрывать по-настоящему.
pub fn hide_instead() -> bool {
    let mut window = match WINDOW.try_lock().as_deref() {
        Ok(Some(window)) if window.queues.is_some() && option(window, "close_to_tray") == "on" => {
            window.widgets.window.clone()
        }
        Ok(_) | Err(_) => return false,
    };
    if !HERALD.tray.load(Ordering::Relaxed) {
        return false;
    }
    HERALD.hidden.store(true, Ordering::Relaxed);
    window.hide();
    app::add_timeout3(0.12, on_focus_look);
    true
}

/// Ждёт событий. `false` — окна больше нет; спрятанное окно есть.
pub fn window_wait() -> bool {
    if HERALD.hidden.load(Ordering::Relaxed) {
        let _ = app::wait_for(60.0);
        return true;
    }
    // Спрятать могли и за время ожидания.
    app::wait() || HERALD.hidden.load(Ordering::Relaxed)
}
