//! The message field: its keys, its shortcuts by key, its height.
//! Поле сообщения: клавиши, сочетания по месту клавиши, высота.

use fltk::app;
use fltk::enums::{Event, Key};
use fltk::input::MultilineInput;
use fltk::prelude::InputExt;

use super::act::{answer_begin, answer_drop, chat_now, effects_run, message_send};
use super::canvas::wheel;
use super::chat::TEXT;
use super::filesend::{file_send, files_drop};
use super::keys::{is_enter, latin_pressed};
use super::lay::lay;
use super::place::{TYPED_LINE, places};
use super::select::selected_text;
use super::start::focus_note;
use super::state::{Body, Effect, View, WINDOW, Window, option};
use super::viewer::viewer_key;

/// Клавиши поля сообщения, прежде чем их увидит само поле.
pub fn on_message_event(input: &mut MultilineInput, event: Event) -> bool {
    focus_note(event);
    if event != Event::KeyDown && event != Event::Paste && event != Event::MouseWheel {
        return false;
    }
    let Ok(mut guard) = WINDOW.try_lock() else { return false };
    let Some(window) = guard.as_mut() else { return false };
    let done = match event {
        Event::Paste => files_drop(window, &app::event_text()),
        Event::KeyDown => key_do(window, input),
        _ => false,
    };
    let effects = std::mem::take(&mut window.effects);
    drop(guard);
    effects_run(effects);
    done
}

/// Одна клавиша поля сообщения.
fn key_do(window: &mut Window, input: &mut MultilineInput) -> bool {
    if matches!(window.view, View::Picture | View::Preview) {
        return viewer_key(window);
    }
    let (shift, ctrl) = (app::is_event_shift(), app::is_event_ctrl());
    if is_enter() {
        let sends = if option(window, "send_key") == "ctrl_enter" { ctrl } else { !shift && !ctrl };
        if sends {
            message_send(window);
        } else {
            let _ = input.insert("\n");
            typed_measure(window);
        }
        window.effects.push(Effect::Redraw);
        return true;
    }
    match app::event_key() {
        Key::Escape => answer_drop(window),
        Key::PageUp => wheel(window, 400.0),
        Key::PageDown => wheel(window, -400.0),
        Key::Up if input.value().is_empty() => return last_edit(window),
        _ if ctrl => return shortcut_do(window, input),
        _ => return false,
    }
    window.effects.push(Effect::Redraw);
    true
}

/// Файлы, брошенные мышью. В Windows они приходят просто путями; вставленный же текст с путём
/// файлом не становится.
pub fn files_fall(window: &mut Window) -> bool {
    let said = app::event_text();
    if !cfg!(windows) {
        return files_drop(window, &said);
    }
    let mut any = false;
    for line in said.lines() {
        any = file_send(window, line.trim()) || any;
    }
    any
}

/// Сочетания с Ctrl по месту клавиши.
pub fn shortcut_do(window: &mut Window, input: &mut MultilineInput) -> bool {
    let selected = input.position() != input.mark();
    match latin_pressed() {
        Some('c') if !selected => {
            let Some(peer) = window.open else { return true };
            let Some(chat) = window.chats.get(&peer) else { return true };
            let said = selected_text(chat, window.selection);
            if !said.is_empty() {
                window.effects.push(Effect::Copy(said));
            }
        }
        Some('c') => {
            let _ = input.copy();
        }
        Some('x') => {
            let _ = input.copy();
            let _ = input.cut();
        }
        // Вставка зовёт обработчик снова: замок к тому времени должен быть свободен.
        Some('v') => window.effects.push(Effect::Paste),
        Some('z') => {
            let _ = input.undo();
        }
        Some('a') => {
            let _ = input.set_position(0);
            let _ = input.set_mark(input.value().len() as i32);
        }
        Some(_) | None => return false,
    }
    typed_measure(window);
    window.effects.push(Effect::Redraw);
    true
}

/// Стрелка вверх в пустом поле правит последнее своё сообщение.
fn last_edit(window: &mut Window) -> bool {
    let mut found = None;
    if let Some(chat) = chat_now(window) {
        for index in (0..chat.rows.len()).rev() {
            if chat.rows[index].outgoing && chat.rows[index].body == Body::Text {
                found = Some(index);
                break;
            }
        }
    }
    if let Some(index) = found {
        answer_begin(window, index, true);
    }
    true
}

/// Ставит текст в поле сообщения, курсор — в конец.
pub fn typed_set(window: &mut Window, said: &str) {
    window.widgets.message.set_value(said);
    let _ = window.widgets.message.set_position(said.len() as i32);
    typed_measure(window);
}

/// Меряет набранное: поле растёт вместе с текстом.
pub fn typed_measure(window: &mut Window) {
    let typed = window.widgets.message.value();
    let at = places(window);
    let room = f64::from(at.typed_box.w - 70);
    let laid = lay(&mut window.words, TEXT, &typed, room);
    let high = i32::max(1, laid.lines.len() as i32) * TYPED_LINE;
    if high != window.typed_h {
        window.typed_h = high;
        window.effects.push(Effect::Place);
        window.effects.push(Effect::Redraw);
    }
}
