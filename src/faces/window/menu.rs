//! The menu of a message, under the right button of the mouse; drawn by the window itself.
//! Меню сообщения под правой кнопкой мыши; рисует его само окно.

use fltk::enums::Color;

use super::act::{answer_begin, chat_now, command};
use super::lay::{Face, word_width};
use super::paint::{PLAIN, base_line, round, words};
use super::place::{HEAD, Places, rect};
use super::state::{Body, Effect, Touch, Window};
use supertext::faces::texts::text;

/// Height of one line of the menu.
const LINE: i32 = 34;
/// Its face.
const LABEL: Face = Face { font: PLAIN, size: 14 };

/// Что можно сделать со строкой чата.
fn menu_keys(window: &Window, index: usize) -> Vec<&'static str> {
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
    let Some((index, x, y)) = window.menu else { return };
    let palette = window.palette;
    let keys = menu_keys(window, index);
    if keys.is_empty() {
        return;
    }
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
        let color = if *key == "window-delete" { palette.warn } else { palette.text };
        words(LABEL, color, &label, place.x + 14, base_line(LABEL, place));
        window.canvas_hits.push((place, touch));
    }
}

/// Смесь двух цветов.
fn mixed(one: Color, other: Color, part: f64) -> Color {
    let (a, b) = (one.to_rgb(), other.to_rgb());
    let mut out = [0u8; 3];
    for (at, (from, to)) in [(a.0, b.0), (a.1, b.1), (a.2, b.2)].iter().enumerate() {
        out[at] = (f64::from(*from) * (1.0 - part) + f64::from(*to) * part) as u8;
    }
    Color::from_rgb(out[0], out[1], out[2])
}

/// Выбранное в меню.
pub fn menu_do(window: &mut Window, key: &str) {
    let Some((index, _, _)) = window.menu.take() else { return };
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
