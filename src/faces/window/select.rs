//! Selection of text in bubbles: which letter is under the hand, what is selected.
//! Выделение текста в пузырях: какая буква под рукой, что выделено.

use super::bubble::selected_part;
use super::chat::{LINE, TEXT};
use super::lay::place_at;
use super::state::{Body, Chat, Seen, Selection};

/// Строка чата и байт под точкой: ближайшая видимая строка.
pub fn point_place(chat: &Chat, seen: &[Seen], x: i32, y: i32) -> Option<(usize, usize)> {
    let mut nearest: Option<(i32, Seen)> = None;
    for one in seen {
        let above = one.bubble.y - y;
        let below = y - (one.bubble.y + one.bubble.h);
        let far = i32::max(0, i32::max(above, below));
        match nearest {
            Some((best, _)) if best <= far => {}
            Some(_) | None => nearest = Some((far, *one)),
        }
    }
    let (_, one) = nearest?;
    let row = chat.rows.get(one.row)?;
    let laid = row.laid.as_ref()?;
    if laid.text.lines.is_empty() || row.body == Body::Note {
        return Some((one.row, 0));
    }
    let line = (y - one.text_y).div_euclid(LINE);
    if line < 0 {
        return Some((one.row, 0));
    }
    match laid.text.lines.get(line as usize) {
        Some(found) => {
            Some((one.row, place_at(TEXT, &row.text, *found, f64::from(x - one.text_x))))
        }
        None => Some((one.row, row.text.len())),
    }
}

/// Выделенный текст; между сообщениями — перевод строки.
pub fn selected_text(chat: &Chat, selection: Option<Selection>) -> String {
    let mut out = String::new();
    for (index, row) in chat.rows.iter().enumerate() {
        let Some((from, to)) = selected_part(selection, index, row.text.len()) else { continue };
        if from >= to || matches!(row.body, Body::File(_)) {
            continue;
        }
        let Some(part) = row.text.get(from..to) else { continue };
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(part);
    }
    out
}

/// Слово вокруг места: от пробела до пробела.
pub fn word_around(text: &str, at: usize) -> (usize, usize) {
    let mut from = 0;
    let mut to = text.len();
    for (place, letter) in text.char_indices() {
        if letter.is_alphanumeric() || letter == '_' {
            continue;
        }
        if place < at {
            from = place + letter.len_utf8();
        } else {
            to = place;
            break;
        }
    }
    (usize::min(from, to), to)
}
