//! The menu of a message, under the right button of the mouse.
//! Меню сообщения под правой кнопкой мыши.

use fltk::app;
use fltk::prelude::{MenuExt, WidgetExt};

use super::act::{answer_begin, chat_now, command, effects_run};
use super::state::{Body, Effect, WINDOW, Widgets, Window};
use supertext::faces::texts::text;

/// Меню сообщения: ответить, исправить, копировать, удалить.
pub fn menu_run(widgets: &Widgets, index: usize) {
    let mut labels = Vec::new();
    {
        let Ok(guard) = WINDOW.try_lock() else { return };
        let Some(window) = guard.as_ref() else { return };
        let Some(peer) = window.open else { return };
        let Some(chat) = window.chats.get(&peer) else { return };
        let Some(row) = chat.rows.get(index) else { return };
        let mut keys = vec!["window-copy"];
        if row.body == Body::Text {
            keys.insert(0, "window-reply");
            if row.outgoing {
                keys.insert(1, "window-edit");
            }
            keys.push("window-delete");
        }
        for key in keys {
            labels.push((key, text(&window.texts, key, &[])));
        }
    }
    let mut menu = widgets.menu.clone();
    menu.clear();
    for (_, label) in &labels {
        menu.add_choice(label);
    }
    menu.resize(app::event_x(), app::event_y(), 0, 0);
    let _ = menu.popup();
    let chosen = menu.value();
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    if let Some((key, _)) = labels.get(usize::try_from(chosen).unwrap_or(usize::MAX)) {
        menu_do(window, index, key);
    }
    window.effects.push(Effect::Redraw);
    let effects = std::mem::take(&mut window.effects);
    drop(guard);
    effects_run(effects);
}

/// Выбранное в меню сообщения.
fn menu_do(window: &mut Window, index: usize, key: &str) {
    let mut message = [0; 16];
    let mut said = String::new();
    if let Some(chat) = chat_now(window) {
        if let Some(row) = chat.rows.get(index) {
            message = row.message;
            said = row.text.clone();
        }
    }
    match key {
        "window-reply" => answer_begin(window, index, false),
        "window-edit" => answer_begin(window, index, true),
        "window-delete" => {
            let words = command(&["/delete", &hex::encode(message)]);
            window.effects.push(Effect::Words(words));
        }
        _ => window.effects.push(Effect::Copy(said)),
    }
}
