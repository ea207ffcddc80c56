//! Drawing a row of a chat: text bubbles with quote, time and ticks, questions, notes, days.
//! Рисование строки чата: пузыри с цитатой, временем и галочками, вопросы, заметки, дни.

use std::collections::BTreeMap;

use fltk::draw;
use fltk::enums::Color;

use super::chat::{AUTHOR, BUTTONS, LINE, NAME, PAD_X, PAD_Y, QUOTE, SMALL, TEXT};
use super::filebubble::file_draw;
use super::lay::{Face, Line, Words, fit, width_to};
use super::paint::{
    BOLD, PLAIN, base_line, bubble, clip_pop, clip_push, clock, cross, fill, round, tick, words,
    words_middle,
};
use super::pictures::Pictures;
use super::place::rect;
use super::state::{Body, Rect, Row, RowLaid, Seen, Selection, Touch};
use super::theme::{AVATARS, Palette};
use supertext::base::ids::{Id, id_digits};
use supertext::faces::texts::{Texts, text};
use supertext::logic::show::ReceiptState;

/// What drawing needs, and where it notes what can be clicked.
pub struct Brush<'a> {
    pub palette: Palette,
    pub texts: &'a Texts,
    pub area: Rect,
    pub peer: Id,
    pub selection: Option<Selection>,
    pub hover: &'a Option<Touch>,
    pub hits: &'a mut Vec<(Rect, Touch)>,
    pub seen: &'a mut Vec<Seen>,
    /// Widths of buttons' labels.
    pub labels: &'a mut BTreeMap<String, i32>,
    pub pictures: &'a mut Pictures,
    /// Pixels of the screen in a unit of the window.
    pub scale: f64,
    /// Number of this frame.
    pub frame: u64,
}

/// Рисует строку чата; `y` — её верх вместе с местом над пузырём.
pub fn row_draw(brush: &mut Brush<'_>, row: &Row, index: usize, y: i32) {
    let Some(laid) = &row.laid else { return };
    let area = brush.area;
    if !laid.day.is_empty() {
        pill(brush, &laid.day, y + 10);
    }
    let top = y + laid.above;
    if row.body == Body::Note {
        return note_draw(brush, row, laid, index, top);
    }
    let x = if row.outgoing { area.x + area.w - 22 - laid.w } else { area.x + 19 };
    let place = rect(x, top, laid.w, laid.h);
    let color = if row.outgoing { brush.palette.bubble_out } else { brush.palette.bubble_in };
    bubble(place, row.outgoing, color);
    brush.hits.push((place, Touch::Bubble(index)));
    let text_x = x + PAD_X;
    let mut text_y = top + PAD_Y;
    if let Body::File(file) = &row.body {
        brush.seen.push(Seen { row: index, bubble: place, text_x, text_y });
        file_draw(brush, file, row, laid, place);
        return;
    }
    if !laid.author.is_empty() {
        let color = AVATARS[(row.author.0 % AVATARS.len() as u64) as usize];
        let room = rect(text_x, text_y, laid.w - 2 * PAD_X, AUTHOR);
        let mut widths = Words::new();
        let name = fit(&mut widths, NAME, &laid.author, f64::from(room.w));
        words(NAME, color, &name, text_x, text_y + 13);
        text_y += AUTHOR;
    }
    if let Some((name, said)) = &laid.quote {
        quote_draw(brush, row, name, said, rect(text_x, text_y, laid.w - 2 * PAD_X, QUOTE - 6));
        text_y += QUOTE;
    }
    brush.seen.push(Seen { row: index, bubble: place, text_x, text_y });
    lines_draw(brush, row, laid, index, text_x, text_y);
    match &row.body {
        Body::Ask(Some(token)) => ask_buttons(brush, *token, place),
        Body::Request => request_buttons(brush, place),
        Body::Ask(None) | Body::Text | Body::File(_) | Body::Note => {}
    }
    let buttons = matches!(row.body, Body::Ask(Some(_)) | Body::Request);
    let lift = if buttons { BUTTONS } else { 0 };
    foot_draw(brush, row, laid, x + laid.w - PAD_X + 2, top + laid.h - lift - 8);
}

/// Строки текста с выделением.
fn lines_draw(
    brush: &mut Brush<'_>,
    row: &Row,
    laid: &RowLaid,
    index: usize,
    text_x: i32,
    text_y: i32,
) {
    let mut line_y = text_y;
    for line in &laid.text.lines {
        if line_y + LINE > brush.area.y && line_y < brush.area.y + brush.area.h {
            select_draw(brush, row, index, *line, text_x, line_y);
            line_draw(brush, row, laid, *line, text_x, line_y);
        }
        line_y += LINE;
    }
}

/// Строка текста; адреса в ней — другим цветом, подчёркнуты и нажимаются.
fn line_draw(brush: &mut Brush<'_>, row: &Row, laid: &RowLaid, line: Line, x: i32, y: i32) {
    let mut at = line.from;
    for (from, to) in &laid.links {
        let (first, last) = (usize::max(*from, line.from), usize::min(*to, line.to));
        if first >= last {
            continue;
        }
        let left = x + width_to(TEXT, &row.text, line, first) as i32;
        let wide = x + width_to(TEXT, &row.text, line, last) as i32 - left;
        let before = x + width_to(TEXT, &row.text, line, at) as i32;
        words(TEXT, brush.palette.text, &row.text[at..first], before, y + 15);
        let color = if row.outgoing { brush.palette.tick } else { brush.palette.accent };
        words(TEXT, color, &row.text[first..last], left, y + 15);
        fill(rect(left, y + 17, wide, 1), color);
        let address = String::from(&row.text[*from..*to]);
        brush.hits.push((rect(left, y, wide, LINE), Touch::Link(address)));
        at = last;
    }
    let left = x + width_to(TEXT, &row.text, line, at) as i32;
    words(TEXT, brush.palette.text, &row.text[at..line.to], left, y + 15);
}

/// Подсвечивает выделенное в строке текста.
fn select_draw(brush: &Brush<'_>, row: &Row, index: usize, line: Line, x: i32, y: i32) {
    let Some((from, to)) = selected_part(brush.selection, index, row.text.len()) else {
        return;
    };
    let (from, to) = (usize::max(from, line.from), usize::min(to, line.to));
    if from >= to {
        return;
    }
    let left = width_to(TEXT, &row.text, line, from) as i32;
    let right = width_to(TEXT, &row.text, line, to).ceil() as i32;
    fill(rect(x + left, y - 1, right - left, LINE), brush.palette.select);
}

/// Выделенные байты строки чата.
pub fn selected_part(
    selection: Option<Selection>,
    index: usize,
    len: usize,
) -> Option<(usize, usize)> {
    let selection = selection?;
    let (from, to) = if selection.from <= selection.to {
        (selection.from, selection.to)
    } else {
        (selection.to, selection.from)
    };
    if index < from.0 || index > to.0 {
        return None;
    }
    let first = if index == from.0 { usize::min(from.1, len) } else { 0 };
    let last = if index == to.0 { usize::min(to.1, len) } else { len };
    Some((first, last))
}

/// Время и галочки; `right` — правый край, `base` — линия письма.
pub fn foot_draw(brush: &Brush<'_>, row: &Row, laid: &RowLaid, right: i32, base: i32) {
    let palette = brush.palette;
    let quiet = if row.outgoing { palette.out_quiet } else { palette.quiet };
    words(SMALL, quiet, &laid.foot, right - laid.foot_w, base);
    if !row.outgoing || row.body != Body::Text {
        return;
    }
    let (x, y) = (right - 17, base - 9);
    match row.state {
        ReceiptState::Queued => clock(x + 3, y, quiet),
        ReceiptState::Stored => tick(x + 4, y, quiet),
        ReceiptState::Delivered => ticks(x, y, quiet),
        ReceiptState::Read => ticks(x, y, palette.tick),
        ReceiptState::Failed => cross(x + 5, y + 1, 7, palette.warn),
    }
}

/// Две галочки.
fn ticks(x: i32, y: i32, color: Color) {
    tick(x, y, color);
    tick(x + 5, y, color);
}

/// Цитата в ответе: черта, имя, начало сообщения.
fn quote_draw(brush: &mut Brush<'_>, row: &Row, name: &str, said: &str, place: Rect) {
    let palette = brush.palette;
    let mark = if row.outgoing { palette.out_quiet } else { palette.accent };
    round(rect(place.x, place.y, 3, place.h), 2, mark);
    clip_push(rect(place.x, place.y, place.w, place.h));
    words(Face { font: BOLD, size: 13 }, mark, name, place.x + 11, place.y + 13);
    words(Face { font: PLAIN, size: 14 }, palette.text, said, place.x + 11, place.y + 31);
    clip_pop();
    brush.hits.push((place, Touch::Quote(row.reply)));
}

/// Название дня или иная надпись посередине.
fn pill(brush: &Brush<'_>, name: &str, y: i32) {
    let face = Face { font: BOLD, size: 13 };
    draw::set_font(face.font, face.size);
    let wide = draw::width(name).ceil() as i32 + 22;
    let place = rect(brush.area.x + (brush.area.w - wide) / 2, y, wide, 25);
    round(place, 12, brush.palette.pill);
    words_middle(face, brush.palette.pill_text, name, place);
}

/// Тихая строка посередине.
fn note_draw(brush: &mut Brush<'_>, row: &Row, laid: &RowLaid, index: usize, top: i32) {
    let x = brush.area.x + (brush.area.w - laid.w) / 2;
    let place = rect(x, top, laid.w, laid.h);
    round(place, 10, brush.palette.pill);
    let mut y = top + 5;
    for line in &laid.text.lines {
        let said = &row.text[line.from..line.to];
        words_middle(SMALL, brush.palette.pill_text, said, rect(x, y, laid.w, 16));
        y += 16;
    }
    brush.hits.push((place, Touch::Bubble(index)));
}

/// Ширина надписи кнопки.
pub fn label_width(brush: &mut Brush<'_>, label: &str) -> i32 {
    if let Some(width) = brush.labels.get(label) {
        return *width;
    }
    draw::set_font(NAME.font, NAME.size);
    let width = draw::width(label).ceil() as i32;
    brush.labels.insert(String::from(label), width);
    width
}

/// Ряд кнопок поровну во всю ширину пузыря, внизу его.
pub fn buttons_draw(brush: &mut Brush<'_>, place: Rect, buttons: &[(String, Touch)]) {
    let many = buttons.len() as i32;
    if many == 0 {
        return;
    }
    let room = place.w - 2 * 8 - (many - 1) * 6;
    let mut widths = Vec::new();
    let mut sum = 0;
    for (label, _) in buttons {
        let width = label_width(brush, label) + 20;
        widths.push(width);
        sum += width;
    }
    let mut x = place.x + 8;
    for (at, (label, touch)) in buttons.iter().enumerate() {
        // Длинной надписи — больше места.
        let wide = widths[at] + (room - sum) / many;
        let one = rect(x, place.y + place.h - 8 - 30, wide, 30);
        let hot = brush.hover.as_ref() == Some(touch);
        let (back, front) = if hot {
            (brush.palette.accent, Color::White)
        } else {
            (brush.palette.button, brush.palette.button_text)
        };
        round(one, 8, back);
        clip_push(rect(one.x, one.y, one.w, one.h));
        words_middle(NAME, front, label, one);
        clip_pop();
        brush.hits.push((one, touch.clone()));
        x += wide + 6;
    }
}

/// Да и нет под вопросом.
fn ask_buttons(brush: &mut Brush<'_>, token: u64, place: Rect) {
    let yes = text(brush.texts, "window-yes", &[]);
    let no = text(brush.texts, "window-no", &[]);
    let buttons = [(yes, Touch::Ask { token, yes: true }), (no, Touch::Ask { token, yes: false })];
    buttons_draw(brush, place, &buttons);
}

/// Принять, позже и отказать под просьбой о знакомстве.
fn request_buttons(brush: &mut Brush<'_>, place: Rect) {
    let mut buttons = Vec::new();
    for (key, word) in
        [("window-accept", "/accept"), ("window-later", "/later"), ("window-reject", "/reject")]
    {
        let command = vec![String::from(word), id_digits(brush.peer)];
        buttons.push((text(brush.texts, key, &[]), Touch::Words(command)));
    }
    buttons_draw(brush, place, &buttons);
}

/// Надпись посередине пустого места.
pub fn empty_draw(palette: Palette, area: Rect, said: &str) {
    let face = Face { font: PLAIN, size: 14 };
    draw::set_font(face.font, face.size);
    let wide = draw::width(said).ceil() as i32 + 28;
    let place = rect(area.x + (area.w - wide) / 2, area.y + area.h / 2 - 15, wide, 30);
    round(place, 15, palette.pill);
    words(face, palette.pill_text, said, place.x + 14, base_line(face, place));
}
