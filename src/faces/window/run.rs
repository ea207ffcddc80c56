//! The life of the window: how it is made, how what is shown comes to it, its timers, its end.
//! The displayer's thread passes events on; the main thread draws and hears the user.
//! Жизнь окна: как оно делается, как к нему приходит показанное, его таймеры и конец. Нить
//! displayer передаёт события; главная нить рисует и слышит человека.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fltk::app;
use fltk::app::TimeoutHandle;
use fltk::enums::{CallbackTrigger, FrameType};
use fltk::input::{Input, InputType, MultilineInput};
use fltk::prelude::{GroupExt, InputExt, WidgetBase, WidgetExt, WindowExt};
use fltk::widget::Widget;
use fltk::window::DoubleWindow;

use super::act::{draft_keep, effects_run, redraw_all};
use super::canvas::{canvas_sheet, on_canvas_draw, on_canvas_event};
use super::chat::chat_scroll;
use super::form::form_place;
use super::herald::herald_start;
use super::icon::icon_make;
use super::looks::{font_apply, font_set};
use super::notice::told_drain;
use super::paint::{PLAIN, words};
use super::people::people_order;
use super::pictures::pictures_drain;
use super::place::places;
use super::raise::{hide_instead, raise_start, window_wait};
use super::search::on_search_wait;
use super::shows::show_take;
use super::side::{on_side_draw, on_side_event};
use super::start::window_new;
use super::state::{Effect, Frames, Options, View, WINDOW, Widgets, Window};
use super::strips::bits_faded;
use super::tray::{TRAY_ON_MAIN, tray_look, tray_open};
use super::typing::{on_message_event, typed_measure};
use supertext::base::clock::time_now;
use supertext::faces::texts::text;
use supertext::logic::show::Show;
use supertext::store::settings::setting_get;
use supertext::workers::map::Queues;

/// Shown things taken in one go at most: the window must stay awake to the hands.
const SHOWS_AT_ONCE: usize = 2_000;
/// And no longer than this.
const SHOWS_MS: u64 = 12;
/// Messages are looked for so long after the last letter.
const SEARCH_MS: u64 = 350;
/// A frame longer than this is written to the log.
const FRAME_US: u64 = 50_000;

/// Лицо «окно» в нити displayer: передаёт показанное главной нити и будит её.
pub fn window_face(queues: &Queues) {
    loop {
        let Ok(show) = queues.to_displayer.take.recv() else {
            return;
        };
        let last = matches!(show, Show::Exit(_));
        if !show_pass(queues, show) || last {
            return;
        }
    }
}

/// Передаёт показанное главной нити; уже разбуженную второй раз будить незачем.
pub fn show_pass(queues: &Queues, show: Show) -> bool {
    if queues.to_window.put.send(show).is_err() {
        return false;
    }
    if !queues.window_woken.swap(true, Ordering::AcqRel) {
        app::awake();
    }
    true
}

/// Главная нить: крутит окно, пока ядро не скажет последнее слово.
pub fn window_run(queues: &'static Queues) {
    {
        let Ok(mut guard) = WINDOW.lock() else { return };
        if let Some(window) = guard.as_mut() {
            window.queues = Some(queues);
        }
    }
    herald_start();
    let mut tray = if TRAY_ON_MAIN { tray_open() } else { None };
    loop {
        shows_drain(queues);
        if TRAY_ON_MAIN {
            tray_look(&mut tray);
        }
        told_drain();
        if !window_wait() {
            // Окна больше нет, а ядро ещё не простилось: попросить его.
            effects_run(vec![Effect::Words(vec![String::from("/quit")])]);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Берёт показанное, сколько есть, но не дольше кадра.
fn shows_drain(queues: &Queues) {
    let began = Instant::now();
    let mut effects = Vec::new();
    queues.window_woken.store(false, Ordering::Release);
    {
        let Ok(mut guard) = WINDOW.lock() else { return };
        let Some(window) = guard.as_mut() else { return };
        for _ in 0..SHOWS_AT_ONCE {
            let Ok(show) = queues.to_window.take.try_recv() else { break };
            if matches!(show, Show::Exit(_)) {
                draft_keep(window);
                frames_log(window);
            }
            show_take(window, show);
            if began.elapsed() >= Duration::from_millis(SHOWS_MS) {
                break;
            }
        }
        pictures_drain(window);
        effects.append(&mut window.effects);
    }
    if !queues.to_window.take.is_empty() {
        app::awake();
    }
    effects_run(effects);
}

/// Делает окно и показывает его. `first` — начать с первой страницы.
pub fn window_open(options: Options, language: &str, first: bool) {
    let _app = app::App::default();
    app::set_visible_focus(false);
    font_set(&setting_get(&options.settings, "font"));
    let mut window = DoubleWindow::new(0, 0, 1000, 700, "Supertext").center_screen();
    window.set_xclass("supertext");
    window.size_range(760, 480, 0, 0);
    let mut side = Widget::new(0, 0, 300, 700, None);
    let mut canvas = Widget::new(300, 0, 700, 700, None);
    let mut search = Input::new(30, 66, 240, 24, None);
    let mut message = MultilineInput::new(350, 660, 500, 24, None);
    let mut one = Input::new(-400, -400, 10, 10, None);
    let mut two = Input::new(-400, -400, 10, 10, None);
    window.end();
    message.set_wrap(true);
    message.set_tab_nav(true);
    side.draw(on_side_draw);
    side.handle(on_side_event);
    canvas.draw(on_canvas_draw);
    canvas.handle(on_canvas_event);
    message.super_handle_first(false);
    message.handle(on_message_event);
    message.draw(on_message_draw);
    message.set_trigger(CallbackTrigger::Changed);
    message.set_callback(on_message_changed);
    for field in [&mut search, &mut one, &mut two] {
        field.set_trigger(CallbackTrigger::Changed);
        field.super_handle_first(false);
        field.handle(super::start::on_field_event);
        field.draw(on_field_draw);
    }
    search.set_callback(on_search);
    one.set_callback(on_field);
    two.set_callback(on_field);
    window.set_callback(on_close);
    window.resize_callback(on_resize);
    window.set_icon(icon_make());
    window.make_resizable(true);
    let widgets = Widgets { window, side, canvas, search, message, one, two };
    let state = window_new(widgets.clone(), options, language, first);
    {
        let Ok(mut guard) = WINDOW.lock() else { return };
        *guard = Some(Box::new(state));
    }
    widgets_place();
    widgets.window.clone().show();
    font_apply();
    let first_field = if first { widgets.one.clone() } else { widgets.search.clone() };
    let _ = first_field.clone().take_focus();
    raise_start();
}

/// Первая страница: крутит окно, пока на неё не ответят. `None` — окно закрыли.
pub fn window_first() -> Option<(String, String)> {
    loop {
        {
            let Ok(guard) = WINDOW.lock() else { return None };
            let window = guard.as_ref()?;
            if window.leaving {
                return None;
            }
            if window.first_done {
                let name = String::from(window.widgets.one.value().trim());
                let join = String::from(window.widgets.two.value().trim());
                drop(guard);
                first_over();
                return Some((name, join));
            }
        }
        if !app::wait() {
            return None;
        }
    }
}

/// Первая страница уступает место чатам.
fn first_over() {
    {
        let Ok(mut guard) = WINDOW.lock() else { return };
        let Some(window) = guard.as_mut() else { return };
        window.view = View::Chat;
    }
    widgets_place();
}

/// Ставит виджеты по местам и красит их; замка при вызове нет.
pub fn widgets_place() {
    let (at, view, open, palette, mut widgets) = {
        let Ok(mut guard) = WINDOW.try_lock() else { return };
        let Some(window) = guard.as_mut() else { return };
        (places(window), window.view, window.open.is_some(), window.palette, window.widgets.clone())
    };
    widgets.window.set_color(palette.side);
    widgets.side.resize(at.side.x, at.side.y, at.side.w, at.side.h);
    widgets.canvas.resize(at.canvas.x, at.canvas.y, at.canvas.w, at.canvas.h);
    let place = at.search_box;
    if at.side.w > 0 && view != View::Settings {
        widgets.search.resize(place.x + 12, place.y + 5, place.w - 24, place.h - 10);
    } else {
        widgets.search.resize(-400, -400, 10, 10);
    }
    let typed = at.typed_box;
    if view == View::Chat && open {
        widgets.message.resize(typed.x + 46, typed.y + 8, typed.w - 60, typed.h - 15);
    } else {
        widgets.message.resize(-400, -400, 10, 10);
    }
    {
        let Ok(guard) = WINDOW.try_lock() else { return };
        if let Some(window) = guard.as_ref() {
            form_place(window, &at);
        }
    }
    let secret = view == View::Password;
    widgets.one.set_type(if secret { InputType::Secret } else { InputType::Normal });
    for field in [&mut widgets.search, &mut widgets.one, &mut widgets.two] {
        field.set_frame(FrameType::FlatBox);
        field.set_color(palette.field);
        field.set_text_color(palette.text);
        field.set_cursor_color(palette.accent);
        field.set_selection_color(palette.select);
        field.set_text_size(15);
        field.set_text_font(PLAIN);
    }
    widgets.message.set_frame(FrameType::FlatBox);
    widgets.message.set_color(palette.field);
    widgets.message.set_text_color(palette.text);
    widgets.message.set_cursor_color(palette.accent);
    widgets.message.set_selection_color(palette.select);
    widgets.message.set_text_size(15);
    redraw_all(&widgets);
    widgets.window.redraw();
}

/// Подсказка в пустом поле.
fn hint(window: &Window, key: &str, x: i32, y: i32) {
    let said = text(&window.texts, key, &[]);
    let face = super::lay::Face { font: PLAIN, size: 15 };
    words(face, window.palette.quiet, &said, x + 4, y);
}

/// Подсказки полей: поиск.
pub fn on_field_draw(field: &mut Input) {
    let Ok(guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_ref() else { return };
    if field.value().is_empty() && field.x() > 0 && field.is_same(&window.widgets.search) {
        hint(window, "window-search", field.x(), field.y() + 18);
    }
}

/// Подсказка поля сообщения.
pub fn on_message_draw(field: &mut MultilineInput) {
    let Ok(guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_ref() else { return };
    if field.value().is_empty() && field.x() > 0 {
        hint(window, "window-write", field.x(), field.y() + 17);
    }
}

/// Поиск изменился.
pub fn on_search(_field: &mut Input) {
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    window.side_scroll = 0;
    window.found.clear();
    window.search_due = time_now().mono_ms + SEARCH_MS - 20;
    people_order(window);
    let widgets = window.widgets.clone();
    drop(guard);
    app::add_timeout3(SEARCH_MS as f64 / 1_000.0, on_search_wait);
    redraw_all(&widgets);
}

/// Поле страницы изменилось: проверка идёт, пока набирают.
pub fn on_field(_field: &mut Input) {
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    window.error_one.clear();
    window.error_two.clear();
    let widgets = window.widgets.clone();
    drop(guard);
    redraw_all(&widgets);
}

/// Набранное изменилось: поле растёт.
pub fn on_message_changed(_field: &mut MultilineInput) {
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    typed_measure(window);
    let effects = std::mem::take(&mut window.effects);
    drop(guard);
    effects_run(effects);
}

/// Закрытие: попросить ядро; оно раз предупредит, если что-то не отправлено.
pub fn on_close(_window: &mut DoubleWindow) {
    if hide_instead() {
        return;
    }
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    draft_keep(window);
    if window.queues.is_none() {
        window.leaving = true;
    }
    drop(guard);
    effects_run(vec![Effect::Words(vec![String::from("/quit")])]);
}

/// Размер изменился.
pub fn on_resize(_window: &mut DoubleWindow, _x: i32, _y: i32, w: i32, h: i32) {
    {
        let Ok(mut guard) = WINDOW.try_lock() else { return };
        let Some(window) = guard.as_mut() else { return };
        window.size = (w, h);
    }
    widgets_place();
}

/// Колесо: чат проезжает часть оставшегося.
pub fn on_glide(_handle: TimeoutHandle) {
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    let mut part = window.glide * 0.32;
    if part.abs() < 1.0 {
        part = window.glide;
    }
    window.glide -= part.round();
    if window.glide.abs() < 1.0 {
        window.glide = 0.0;
    }
    let still = window.glide == 0.0;
    if let Some(mut sheet) = canvas_sheet(window) {
        chat_scroll(&mut sheet, part.round() as i32);
    }
    let mut canvas = window.widgets.canvas.clone();
    drop(guard);
    canvas.redraw();
    if !still {
        app::add_timeout3(0.012, on_glide);
    }
}

/// Биты гаснут: пока видны целиком, рисовать незачем.
pub fn on_fade(_handle: TimeoutHandle) {
    let Ok(mut guard) = WINDOW.try_lock() else {
        app::add_timeout3(0.1, on_fade);
        return;
    };
    let Some(window) = guard.as_mut() else { return };
    let Some(bits) = &window.bits else { return };
    let faded = bits_faded(bits, time_now().mono_ms);
    if faded >= 1.0 {
        window.bits = None;
    }
    let mut canvas = window.widgets.canvas.clone();
    drop(guard);
    if faded > 0.0 {
        canvas.redraw();
    }
    if faded < 1.0 {
        app::add_timeout3(0.1, on_fade);
    }
}

/// Весть гаснет.
pub fn on_toast(_handle: TimeoutHandle) {
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    if time_now().mono_ms >= window.toast_until {
        window.toast.clear();
    }
    let mut canvas = window.widgets.canvas.clone();
    drop(guard);
    canvas.redraw();
}

/// Запоминает длину кадра.
pub fn frame_note(window: &mut Window, began: Instant) {
    let took = began.elapsed().as_micros() as u64;
    let frames = &mut window.frames;
    frames.count += 1;
    frames.total_us += took;
    frames.worst_us = u64::max(frames.worst_us, took);
    if frames.count == 2 {
        tracing::info!("window ready after {} ms", time_now().mono_ms);
    }
    if took > FRAME_US {
        frames.slow += 1;
        tracing::warn!("slow frame: {took} us");
    }
}

/// Кадры за жизнь окна — в журнал.
fn frames_log(window: &Window) {
    let Frames { count, slow, worst_us, total_us } = window.frames;
    let mean = total_us / u64::max(1, count);
    tracing::info!("frames: {count}, over 50 ms: {slow}, worst {worst_us} us, mean {mean} us");
}
