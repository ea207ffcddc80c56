//! Where everything stands, for a size of the window. Pure arithmetic.
//! Где что стоит при таком-то размере окна. Одна арифметика.

use super::state::{Rect, View, Window};
use super::strips::strip_height;

/// Height of the strip with one's own name, and of the chat's header.
pub const HEAD: i32 = 56;
/// Height of a person's row.
pub const PERSON: i32 = 66;
/// Height of a row of folders.
pub const FOLDER: i32 = 30;
/// Height of one line in the message field.
pub const TYPED_LINE: i32 = 20;
/// Height of the strip above the field while a message is answered or edited.
pub const ANSWER: i32 = 44;

/// Places of everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places {
    pub side: Rect,
    pub canvas: Rect,
    pub search_box: Rect,
    pub folders: Rect,
    pub people: Rect,
    pub head: Rect,
    /// A warning or a question under the header.
    pub strip: Rect,
    /// Where the bubbles are.
    pub rows: Rect,
    /// The strip of the message field.
    pub bar: Rect,
    pub typed_box: Rect,
    pub attach: Rect,
    pub send: Rect,
    pub answer: Rect,
    pub form: Rect,
}

/// Прямоугольник.
pub fn rect(x: i32, y: i32, w: i32, h: i32) -> Rect {
    Rect { x, y, w, h }
}

/// Места всего в окне такого размера.
pub fn places(window: &Window) -> Places {
    let (w, h) = window.size;
    let mut places = Places::default();
    let alone = matches!(window.view, View::First | View::Picture | View::Preview);
    let side_w = if alone { 0 } else { i32::clamp(w * 3 / 10, 250, 340) };
    places.side = rect(0, 0, side_w, h);
    places.search_box = rect(12, HEAD + 6, side_w - 24, 36);
    let folders_h = window.folder_rows * FOLDER;
    places.folders = rect(12, HEAD + 48, side_w - 24, folders_h);
    let top = HEAD + 52 + folders_h;
    places.people = rect(0, top, side_w, i32::max(0, h - top));
    let (x, wide) = (side_w, w - side_w);
    places.canvas = rect(x, 0, wide, h);
    places.head = rect(x, 0, wide, HEAD);
    let answering = answering(window);
    let most = i32::max(TYPED_LINE, h / 3);
    let typed = i32::clamp(window.typed_h, TYPED_LINE, most);
    let bar_h = typed + 36 + if answering { ANSWER } else { 0 };
    places.bar = rect(x, h - bar_h, wide, bar_h);
    let strip = strip_height(window);
    let bare = window.view == View::Chat && window.open.is_none();
    places.strip = rect(x, if bare { 0 } else { HEAD }, wide, strip);
    places.rows = rect(x, HEAD + strip, wide, i32::max(0, h - HEAD - strip - bar_h));
    places.answer = rect(x + 12, h - bar_h + 4, wide - 24, ANSWER - 4);
    let box_h = typed + 18;
    let box_y = h - box_h - 9;
    places.typed_box = rect(x + 12, box_y, wide - 24 - 50, box_h);
    places.attach = rect(places.typed_box.x + 4, h - 9 - 38, 38, 38);
    places.send = rect(x + wide - 12 - 38, h - 9 - 38, 38, 38);
    let form_w = i32::min(520, wide - 48);
    let top = HEAD + strip + 12;
    places.form = rect(x + (wide - form_w) / 2, top, form_w, h - top);
    places
}

/// Открыта ли полоса ответа или правки.
fn answering(window: &Window) -> bool {
    match window.open {
        Some(peer) => match window.chats.get(&peer) {
            Some(chat) => chat.answering.is_some(),
            None => false,
        },
        None => false,
    }
}
