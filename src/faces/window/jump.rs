//! A chat longer than memory: jumping to a place of the history, pages after it, rows far from the
//! eye dropped and loaded again.
//! Чат длиннее памяти: прыжок к месту истории, страницы после него, далёкие от глаза строки
//! забываются и загружаются снова.

use super::act::{chat_now, command, page_ask};
use super::canvas::canvas_sheet;
use super::chat::{chat_end, chat_push, chat_show};
use super::state::{Body, Chat, Effect, Row, Selection, Window};
use supertext::base::ids::{Id, id_digits};
use supertext::logic::show::MessageShow;

/// Rows asked for on each side of a place.
const SIDE: u64 = 40;
/// More rows than this are not kept.
const ROWS_MAX: usize = 3_000;
/// Rows that stay on each side of what is seen.
const ROWS_STAY: usize = 1_000;
/// Rows that stay in a chat that is left.
const ROWS_LEFT: usize = 200;

/// Прыжок к месту истории: вокруг него загружается заново.
pub fn jump_to(window: &mut Window, peer: Id, number: u64) {
    let chat = window.chats.entry(peer).or_default();
    for index in 0..chat.rows.len() {
        if chat.rows[index].number == number {
            chat.jump = number;
            return jump_look(window);
        }
    }
    questions_keep(chat, 0);
    chat.rows.clear();
    chat.first = number + 1;
    chat.more = true;
    chat.later = true;
    chat.last = number;
    chat.jump = number;
    chat.asking = true;
    window.selection = None;
    let many = SIDE.to_string();
    let (before, after) = ((number + 1).to_string(), format!("+{number}"));
    for place in [before, after] {
        let words = command(&["/page", &id_digits(peer), &place, &many]);
        window.effects.push(Effect::Words(words));
    }
}

/// Пришла ли строка, к которой прыгали: показать её.
pub fn jump_look(window: &mut Window) {
    let Some(mut sheet) = canvas_sheet(window) else { return };
    let wanted = sheet.chat.jump;
    if wanted == 0 {
        return;
    }
    let mut found = None;
    for index in 0..sheet.chat.rows.len() {
        if sheet.chat.rows[index].number == wanted {
            chat_show(&mut sheet, index);
            found = Some((index, sheet.chat.rows[index].text.len()));
            // Вторая страница ещё едет: то же место покажется и после неё.
            if index + 8 < sheet.chat.rows.len() || !sheet.chat.later {
                sheet.chat.jump = 0;
            }
            break;
        }
    }
    if let Some((index, len)) = found {
        window.selection = Some(Selection { from: (index, 0), to: (index, len) });
    }
    window.effects.push(Effect::Redraw);
}

/// Открытые вопросы из строк, начиная с этой, откладываются: у них нет места в истории.
fn questions_keep(chat: &mut Chat, from: usize) {
    for row in chat.rows.iter().skip(from) {
        if matches!(row.body, Body::Ask(Some(_)) | Body::Request) {
            chat.kept.push(row.clone());
        }
    }
}

/// Страница после последнего загруженного места.
pub fn later_take(chat: &mut Chat, rows: Vec<Row>, messages: &[MessageShow], more: bool) {
    for row in rows {
        chat.rows.push(row);
    }
    if let Some(last) = messages.last() {
        chat.last = last.number;
    }
    chat.later = more;
    if !more {
        let kept = std::mem::take(&mut chat.kept);
        chat.rows.extend(kept);
    }
}

/// Новая строка; пока конец чата не загружен, она только считается — или, своя, ведёт к концу.
pub fn row_arrive(chat: &mut Chat, row: Row) {
    if !chat.later {
        return chat_push(chat, row);
    }
    if row.outgoing {
        end_load(chat);
    } else {
        chat.fresh += 1;
    }
}

/// Конец чата загружается заново при следующем рисовании.
pub fn end_load(chat: &mut Chat) {
    questions_keep(chat, 0);
    let kept = std::mem::take(&mut chat.kept);
    let (draft, answering) = (std::mem::take(&mut chat.draft), chat.answering.take());
    *chat = Chat { rows: kept, draft, answering, ..Chat::default() };
    chat_end(chat);
}

/// Просит страницу после загруженного, если видна последняя строка и дальше что-то есть.
pub fn later_ask(window: &mut Window, peer: Id) {
    let Some(chat) = window.chats.get_mut(&peer) else { return };
    if chat.first == 0 {
        return page_ask(window, peer);
    }
    if !chat.later || chat.asking || chat.bottom + 12 < chat.rows.len() {
        return;
    }
    chat.asking = true;
    let place = format!("+{}", chat.last);
    let words = command(&["/page", &id_digits(peer), &place, &SIDE.to_string()]);
    window.effects.push(Effect::Words(words));
}

/// Забывает строки, далёкие от видимых.
pub fn rows_bound(window: &mut Window) {
    let Some(chat) = chat_now(window) else { return };
    if chat.rows.len() <= ROWS_MAX || chat.asking {
        return;
    }
    let below = usize::min(chat.bottom + ROWS_STAY, chat.rows.len());
    for index in below..chat.rows.len() {
        let number = chat.rows[index].number;
        if number != 0 && index + 1 < chat.rows.len() {
            questions_keep(chat, index + 1);
            chat.rows.truncate(index + 1);
            chat.last = number;
            chat.later = true;
            break;
        }
    }
    let above = chat.bottom.saturating_sub(ROWS_STAY);
    for index in (1..=above).rev() {
        let number = chat.rows[index].number;
        if number != 0 {
            chat.rows.drain(..index);
            chat.rows[0].laid = None;
            chat.bottom -= index;
            chat.first = number;
            chat.more = true;
            break;
        }
    }
    window.selection = None;
}

/// Чат оставляют: от него остаётся конец.
pub fn chat_left(chat: &mut Chat) {
    if chat.later {
        return end_load(chat);
    }
    let from = chat.rows.len().saturating_sub(ROWS_LEFT);
    for index in (1..=from).rev() {
        let number = chat.rows[index].number;
        if number != 0 {
            chat.rows.drain(..index);
            chat.rows[0].laid = None;
            chat.first = number;
            chat.more = true;
            break;
        }
    }
    chat_end(chat);
}
