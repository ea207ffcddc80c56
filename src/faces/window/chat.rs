//! The list of bubbles: only what is seen is laid out. The place is kept as the lowest row seen and
//! the pixels of it below the edge, so nobody has to know how high the rest is.
//! Список пузырей: раскладывается только видимое. Место хранится как нижняя видимая строка и
//! сколько её точек под краем, поэтому высоту остальных знать не нужно.

use super::filebubble::file_lay;
use super::lay::{Face, Laid, Words, fit, lay, word_width};
use super::paint::{BOLD, PLAIN};
use super::state::{Body, Chat, Row, RowLaid};
use super::times::{day_name, day_number, minute};
use supertext::faces::lines::clean;
use supertext::faces::texts::{Texts, text};

/// The face of messages.
pub const TEXT: Face = Face { font: PLAIN, size: 15 };
/// The face of times.
pub const SMALL: Face = Face { font: PLAIN, size: 12 };
/// Names in quotes, buttons.
pub const NAME: Face = Face { font: BOLD, size: 14 };
/// Height of a line of a message.
pub const LINE: i32 = 20;
/// Room inside a bubble, left and right, top and bottom.
pub const PAD_X: i32 = 12;
pub const PAD_Y: i32 = 8;
/// Height of the author's name in a room.
pub const AUTHOR: i32 = 20;
/// Height of the quote in an answer.
pub const QUOTE: i32 = 42;
/// Height of a row of buttons.
pub const BUTTONS: i32 = 42;
/// Room under the last bubble and above the first.
pub const MARGIN: i32 = 10;
/// Letters of a message that are laid out; the rest is marked by an ellipsis.
const LETTERS_MAX: usize = 20_000;

/// What layout needs.
pub struct Sheet<'a> {
    pub chat: &'a mut Chat,
    pub words: &'a mut Words,
    pub texts: &'a Texts,
    /// Name of the other side, for quotes.
    pub name: &'a str,
    pub wide: i32,
    pub high: i32,
    pub now: u64,
}

/// Высота строки вместе с местом над ней; раскладывает её, если нужно.
pub fn row_height(sheet: &mut Sheet<'_>, index: usize) -> i32 {
    if let Some(laid) = &sheet.chat.rows[index].laid {
        if laid.wide == sheet.wide {
            return laid.h + laid.above;
        }
    }
    let laid = row_lay(sheet, index);
    let high = laid.h + laid.above;
    sheet.chat.rows[index].laid = Some(laid);
    high
}

/// Самый широкий пузырь при такой ширине чата.
pub fn bubble_most(wide: i32) -> i32 {
    i32::clamp(wide * 72 / 100, 220, 640)
}

/// Раскладывает строку чата.
fn row_lay(sheet: &mut Sheet<'_>, index: usize) -> RowLaid {
    let quote = quote_find(sheet, index);
    let row = &sheet.chat.rows[index];
    let before = if index == 0 { None } else { Some(&sheet.chat.rows[index - 1]) };
    let foot = foot_text(sheet.texts, row);
    let ticks = if row.outgoing && row.body == Body::Text { 24 } else { 0 };
    let foot_w = word_width(sheet.words, SMALL, &foot).ceil() as i32 + ticks;
    let mut laid = RowLaid {
        wide: sheet.wide,
        text: Laid::default(),
        w: 0,
        h: 0,
        above: 0,
        day: String::new(),
        author: String::new(),
        quote,
        links: links_find(&row.text),
        foot,
        foot_w,
        picture: None,
    };
    let most = bubble_most(sheet.wide);
    let new_day = match before {
        Some(other) => day_number(other.sent) != day_number(row.sent),
        None => true,
    };
    let same = match before {
        Some(other) => other.author.0 == row.author.0 && !new_day,
        None => false,
    };
    if row.author.0 != 0 && !same {
        laid.author = row.author.1.clone();
    }
    match &row.body {
        Body::Text => text_lay(sheet.words, &row.text, most, &mut laid),
        Body::File(file) => file_lay(file, row.outgoing, most, &mut laid),
        Body::Ask(_) | Body::Request => {
            text_lay(sheet.words, &row.text, most, &mut laid);
            laid.w = i32::max(laid.w, i32::min(most, 330));
            if row.body != Body::Ask(None) {
                laid.h += BUTTONS;
            }
        }
        Body::Note => {
            laid.text = lay(sheet.words, SMALL, &row.text, f64::from(sheet.wide - 120));
            laid.w = laid.text.widest.ceil() as i32 + 24;
            laid.h = laid.text.lines.len() as i32 * 16 + 10;
        }
    }
    let near = row.author.0 == 0 || same;
    laid.above = match before {
        Some(other) if near && other.outgoing == row.outgoing && row.sent < other.sent + 60_000 => {
            3
        }
        Some(_) | None => 9,
    };
    if new_day {
        laid.day = day_name(sheet.texts, row.sent, sheet.now);
        laid.above = 44;
    }
    laid
}

/// Раскладывает текст и решает, где стоит время: в последней строке или под ней.
fn text_lay(words: &mut Words, text: &str, most: i32, laid: &mut RowLaid) {
    let room = f64::from(most - 2 * PAD_X);
    laid.text = lay(words, TEXT, text, room);
    let mut widest = laid.text.widest.ceil() as i32;
    let last = match laid.text.lines.last() {
        Some(line) => line.width.ceil() as i32,
        None => 0,
    };
    let mut high = laid.text.lines.len() as i32 * LINE;
    let beside = last + 14 + laid.foot_w;
    if beside <= most - 2 * PAD_X {
        widest = i32::max(widest, beside);
    } else {
        high += 16;
        widest = i32::max(widest, laid.foot_w);
    }
    if !laid.author.is_empty() {
        let wants = word_width(words, NAME, &laid.author).ceil() as i32;
        widest = i32::max(widest, i32::min(wants, most - 2 * PAD_X));
        high += AUTHOR;
    }
    if let Some((name, said)) = &laid.quote {
        let name_w = word_width(words, NAME, name).ceil() as i32;
        let said_w = word_width(words, Face { font: PLAIN, size: 14 }, said).ceil() as i32;
        let wants = i32::min(i32::max(name_w, said_w) + 20, most - 2 * PAD_X);
        widest = i32::max(widest, wants);
        high += QUOTE;
    }
    laid.w = widest + 2 * PAD_X;
    laid.h = high + 2 * PAD_Y;
}

/// Адреса сети в тексте: от `http` до пробела, без знаков препинания в конце.
fn links_find(said: &str) -> Vec<(usize, usize)> {
    let mut links = Vec::new();
    let mut from = 0;
    while let Some(found) = said[from..].find("http") {
        let start = from + found;
        let rest = &said[start..];
        let whole = rest.split([' ', '\n', '\t', '"', '<', '>', '«', '»']).next().unwrap_or(rest);
        let end = whole.len();
        let bare = whole.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '。', '，']);
        let marked = bare.starts_with("http://") || bare.starts_with("https://");
        if marked && bare.len() > "https://".len() {
            links.push((start, start + bare.len()));
        }
        from = start + usize::max(end, "http".len());
    }
    links
}

/// Имя и начало сообщения, на которое отвечает эта строка.
fn quote_find(sheet: &mut Sheet<'_>, index: usize) -> Option<(String, String)> {
    let reply = sheet.chat.rows[index].reply;
    if reply == [0; 16] {
        return None;
    }
    let mut found = sheet.chat.rows[index].quote.clone();
    for row in sheet.chat.rows.iter().rev() {
        if row.message == reply && found.is_none() {
            found = Some((row.outgoing, row.text.clone()));
            if let Body::File(file) = &row.body {
                found = Some((row.outgoing, file.name.clone()));
            }
        }
    }
    let Some((own, said)) = found else {
        return Some((String::from("↩"), text(sheet.texts, "window-earlier", &[])));
    };
    let you = text(sheet.texts, "window-you", &[]);
    let name = if own { you } else { String::from(sheet.name) };
    let face = Face { font: PLAIN, size: 14 };
    let room = f64::from(bubble_most(sheet.wide) - 2 * PAD_X - 20);
    Some((name, fit(sheet.words, face, &said, room)))
}

/// Время под сообщением: отправлено, а если дошло в другую минуту — и когда дошло.
fn foot_text(texts: &Texts, row: &Row) -> String {
    let mut foot = String::new();
    if row.edited > 0 {
        foot.push_str(&format!("{} ", text(texts, "window-edited", &[])));
    }
    let sent = minute(row.sent);
    foot.push_str(&sent);
    if row.received > 0 {
        let received = minute(row.received);
        if received != sent {
            foot.push_str(&format!(" → {received}"));
        }
    }
    foot
}

/// Двигает чат: положительное — к старым.
pub fn chat_scroll(sheet: &mut Sheet<'_>, by: i32) {
    if sheet.chat.rows.is_empty() {
        return;
    }
    sheet.chat.bottom = usize::min(sheet.chat.bottom, sheet.chat.rows.len() - 1);
    sheet.chat.below += by;
    loop {
        let bottom = sheet.chat.bottom;
        if sheet.chat.below < 0 {
            if bottom + 1 >= sheet.chat.rows.len() {
                sheet.chat.below = 0;
                break;
            }
            sheet.chat.bottom += 1;
            sheet.chat.below += row_height(sheet, bottom + 1);
            continue;
        }
        let high = row_height(sheet, bottom);
        if sheet.chat.below < high || bottom == 0 {
            break;
        }
        sheet.chat.below -= high;
        sheet.chat.bottom -= 1;
    }
    top_keep(sheet);
    if chat_down(sheet.chat) {
        sheet.chat.fresh = 0;
    }
}

/// Выше первой строки листать нечего.
fn top_keep(sheet: &mut Sheet<'_>) {
    let mut room = sheet.high - 2 * MARGIN + sheet.chat.below;
    let mut index = sheet.chat.bottom + 1;
    while index > 0 && room > 0 {
        index -= 1;
        room -= row_height(sheet, index);
    }
    if room <= 0 {
        return;
    }
    // До первой строки осталось пустое место: опустить на него, но не ниже конца.
    sheet.chat.below -= room;
    while sheet.chat.below < 0 {
        if sheet.chat.bottom + 1 >= sheet.chat.rows.len() {
            sheet.chat.below = 0;
            return;
        }
        sheet.chat.bottom += 1;
        let next = sheet.chat.bottom;
        sheet.chat.below += row_height(sheet, next);
    }
}

/// Виден ли конец чата.
pub fn chat_down(chat: &Chat) -> bool {
    chat.bottom + 1 >= chat.rows.len() && chat.below <= 2
}

/// К последней строке.
pub fn chat_end(chat: &mut Chat) {
    chat.bottom = chat.rows.len().saturating_sub(1);
    chat.below = 0;
    chat.fresh = 0;
}

/// Показать строку: она становится нижней.
pub fn chat_show(sheet: &mut Sheet<'_>, index: usize) {
    sheet.chat.bottom = index;
    sheet.chat.below = 0;
    chat_scroll(sheet, -sheet.high / 3);
}

/// Дописывает строку в конец; листает к ней, если конец был виден или она своя.
pub fn chat_push(chat: &mut Chat, row: Row) {
    let down = chat_down(chat) || row.outgoing;
    let counts = !row.outgoing && row.body != Body::Note;
    chat.rows.push(row);
    if down {
        chat_end(chat);
    } else if counts {
        chat.fresh += 1;
    }
}

/// Приписывает старые строки спереди; видимое остаётся на месте.
pub fn chat_before(chat: &mut Chat, mut older: Vec<Row>) -> usize {
    let many = older.len();
    let empty = chat.rows.is_empty();
    if let Some(first) = chat.rows.first_mut() {
        // У неё был день: теперь он может стоять выше.
        first.laid = None;
    }
    older.append(&mut chat.rows);
    chat.rows = older;
    if empty {
        chat_end(chat);
    } else {
        chat.bottom += many;
    }
    many
}

/// Место строки с этим сообщением, с конца.
pub fn row_find(chat: &Chat, message: &[u8; 16]) -> Option<usize> {
    for index in (0..chat.rows.len()).rev() {
        if chat.rows[index].message == *message && *message != [0; 16] {
            return Some(index);
        }
    }
    None
}

/// Место строки с этой передачей.
pub fn file_find(chat: &Chat, transfer: u32) -> Option<usize> {
    for index in (0..chat.rows.len()).rev() {
        if let Body::File(file) = &chat.rows[index].body {
            if file.transfer == transfer && transfer != 0 {
                return Some(index);
            }
        }
    }
    None
}

/// Текст сообщения для показа: без управляющих знаков, не длиннее предела.
pub fn text_safe(said: &str) -> String {
    let safe = clean(said).replace('\t', "    ");
    if safe.len() <= LETTERS_MAX {
        return safe;
    }
    let mut cut = LETTERS_MAX;
    while !safe.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{}…", &safe[..cut])
}
