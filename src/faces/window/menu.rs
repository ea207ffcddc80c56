//! The menu of a message, under the right button of the mouse; drawn by the window itself.
//! Меню сообщения под правой кнопкой мыши; рисует его само окно.

use fltk::enums::Color;

use super::act::{answer_begin, chat_now, command};
use super::audit::layer_next;
use super::lay::{Face, word_width};
use super::paint::{PLAIN, base_line, mixed, round, words};
use super::place::{HEAD, Places, rect};
use super::state::{Body, Effect, MenuAbout, Touch, Window};
use supertext::base::ids::id_digits;
use supertext::faces::texts::text;

/// Height of one line of the menu.
const LINE: i32 = 34;
/// Its face.
const LABEL: Face = Face { font: PLAIN, size: 14 };

/// What can be done with the person of the open chat.
const PERSON: &[&str] = &[
    "window-verify",
    "window-trust",
    "window-topup-messages",
    "window-topup-files",
    "window-export",
    "window-clear",
    "window-block",
    "window-remove",
];

/// Что можно сделать с человеком: признать ключ — только если он сменился, снять запрет — если он
/// есть.
fn person_keys(window: &Window) -> Vec<&'static str> {
    let mut keys = Vec::new();
    let Some(peer) = window.open else { return keys };
    let Some(person) = window.people.get(&peer) else { return keys };
    if person.room.is_some() {
        keys.extend(["window-room-list", "window-export", "window-clear", "window-room-leave"]);
        return keys;
    }
    for key in PERSON {
        match *key {
            "window-trust" if !person.changed => {}
            "window-block" if person.blocked => keys.push("window-unblock"),
            other => keys.push(other),
        }
    }
    keys
}

/// Выбранное в меню человека — команда ядру.
fn person_do(window: &mut Window, key: &str) {
    let Some(peer) = window.open else { return };
    let who = id_digits(peer);
    let words: &[&str] = match key {
        "window-verify" => &["/verify", &who],
        "window-trust" => &["/trust", &who],
        "window-topup-messages" => &["/topup", &who, "messages", "1000"],
        "window-topup-files" => &["/topup", &who, "files", "10000"],
        "window-export" => &["/export", &who, "text"],
        "window-clear" => &["/clear", &who],
        "window-block" => &["/block", &who],
        "window-unblock" => &["/add", &who],
        "window-room-list" => &["/members", &who],
        "window-room-leave" => &["/leave", &who],
        _ => &["/remove", &who],
    };
    window.effects.push(Effect::Words(command(words)));
}

/// Что можно сделать со строкой чата.
fn row_keys(window: &Window, index: usize) -> Vec<&'static str> {
    let mut keys = Vec::new();
    let Some(peer) = window.open else { return keys };
    let Some(chat) = window.chats.get(&peer) else { return keys };
    let Some(row) = chat.rows.get(index) else { return keys };
    match row.body {
        Body::Text => {
            keys.push("window-reply");
            if row.outgoing {
                keys.push("window-edit");
            }
            keys.push("window-copy");
            keys.push("window-delete");
        }
        Body::Ask(_) | Body::Request | Body::Note => keys.push("window-copy"),
        Body::File(_) => {}
    }
    keys
}

/// Рисует меню, если оно открыто.
pub fn menu_draw(window: &mut Window, at: &Places) {
    let Some((about, x, y)) = window.menu else { return };
    let palette = window.palette;
    let keys = match about {
        MenuAbout::Row(index) => row_keys(window, index),
        MenuAbout::Person => person_keys(window),
    };
    if keys.is_empty() {
        return;
    }
    layer_next();
    let mut wide = 120;
    for key in &keys {
        let label = text(&window.texts, key, &[]);
        wide = i32::max(wide, word_width(&mut window.words, LABEL, &label).ceil() as i32 + 40);
    }
    let high = keys.len() as i32 * LINE + 10;
    let left = i32::min(x, at.canvas.x + at.canvas.w - wide - 8);
    let top = i32::max(HEAD, i32::min(y, at.bar.y - high - 6));
    for (grow, shade) in [(3, 0.10), (1, 0.28)] {
        let edge = rect(left - grow, top - grow + 1, wide + 2 * grow, high + 2 * grow);
        round(edge, 11 + grow, mixed(palette.chat, Color::Black, shade));
    }
    round(rect(left, top, wide, high), 11, palette.side);
    for (at, key) in keys.iter().enumerate() {
        let place = rect(left + 5, top + 5 + at as i32 * LINE, wide - 10, LINE);
        let touch = Touch::Menu(key);
        if window.hover.as_ref() == Some(&touch) {
            round(place, 8, palette.button);
        }
        let label = text(&window.texts, key, &[]);
        let harsh =
            ["window-delete", "window-clear", "window-block", "window-remove", "window-room-leave"];
        let color = if harsh.contains(key) { palette.warn } else { palette.text };
        words(LABEL, color, &label, place.x + 14, base_line(LABEL, place));
        window.canvas_hits.push((place, touch));
    }
}

/// Выбранное в меню.
pub fn menu_do(window: &mut Window, key: &str) {
    let index = match window.menu.take() {
        Some((MenuAbout::Row(index), _, _)) => index,
        Some((MenuAbout::Person, _, _)) => return person_do(window, key),
        None => return,
    };
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
