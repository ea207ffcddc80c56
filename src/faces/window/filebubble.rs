//! A file in the chat: name, bar, how much, how fast, how long still, what can be done with it.
//! Файл в чате: имя, полоса, сколько, как быстро, сколько ждать и что с ним можно сделать.

use super::bubble::{Brush, buttons_draw, foot_draw};
use super::chat::{BUTTONS, SMALL};
use super::lay::{Face, fit};
use super::paint::{BOLD, arrow, cross, fill, round, sheet, words};
use super::pictures::{fitted, is_picture, picture_draw, picture_size};
use super::place::rect;
use super::state::{FileRow, Rect, Row, RowLaid, Touch};
use supertext::faces::json::file_word;
use supertext::faces::lines::size_text;
use supertext::faces::texts::text;
use supertext::logic::show::FileState;

/// A picture in a bubble is at most so large.
const PICTURE_W: i32 = 420;
const PICTURE_H: i32 = 340;
/// The edge of the bubble around it.
const FRAME: i32 = 4;
/// Face of a file's name.
const TITLE: Face = Face { font: BOLD, size: 15 };

/// Раскладывает пузырь файла; картинка видна в нём самом.
pub fn file_lay(file: &FileRow, outgoing: bool, most: i32, laid: &mut RowLaid) {
    laid.w = i32::min(most, 330);
    laid.h = if is_running(file) { 88 } else { 80 };
    if has_buttons(file, outgoing) {
        laid.h += BUTTONS - 2;
    }
    if !shows_picture(file, outgoing) {
        return;
    }
    let Some(size) = picture_size(&file.path) else { return };
    let shown = fitted(size, (i32::min(most, PICTURE_W) - 2 * FRAME, PICTURE_H));
    laid.picture = Some(shown);
    if file.state == FileState::Done {
        laid.w = i32::max(shown.0, 96) + 2 * FRAME;
        laid.h = i32::max(shown.1, 30) + 2 * FRAME;
    } else {
        laid.w = i32::max(shown.0 + 2 * FRAME, laid.w);
        laid.h += shown.1 + FRAME;
    }
}

/// Есть ли что показать: свой файл лежит здесь всегда, чужой — когда пришёл весь.
fn shows_picture(file: &FileRow, outgoing: bool) -> bool {
    let here = match file.state {
        FileState::Refused | FileState::Cancelled | FileState::Error => false,
        FileState::Done => true,
        FileState::Offered
        | FileState::Waiting
        | FileState::Started
        | FileState::Resumed
        | FileState::Paused => outgoing,
    };
    here && !file.path.is_empty() && is_picture(&file.name)
}

/// Идёт ли передача (или стоит, но пойдёт).
fn is_running(file: &FileRow) -> bool {
    matches!(
        file.state,
        FileState::Started | FileState::Resumed | FileState::Paused | FileState::Waiting
    )
}

/// Есть ли у файла кнопки.
fn has_buttons(file: &FileRow, outgoing: bool) -> bool {
    if file.transfer == 0 && file.state != FileState::Done {
        // Передача из прошлого: её больше нет.
        return false;
    }
    match file.state {
        FileState::Offered
        | FileState::Waiting
        | FileState::Started
        | FileState::Resumed
        | FileState::Paused => true,
        FileState::Done => !file.path.is_empty(),
        FileState::Error => !outgoing,
        FileState::Refused | FileState::Cancelled => false,
    }
}

/// Рисует картинку в пузыре; `true` — под ней больше ничего нет.
fn file_picture(brush: &mut Brush<'_>, file: &FileRow, row: &Row, place: Rect) -> bool {
    let Some(laid) = &row.laid else { return false };
    let Some((w, h)) = laid.picture else { return false };
    let room = rect(place.x + FRAME, place.y + FRAME, place.w - 2 * FRAME, h);
    let inner = rect(room.x + (room.w - w) / 2, room.y, w, h);
    if !picture_draw(brush.pictures, &file.path, inner, brush.scale, brush.frame) {
        fill(inner, brush.palette.field);
    }
    brush.hits.push((room, Touch::Picture(file.path.clone())));
    if file.state != FileState::Done {
        return false;
    }
    // Время — поверх картинки, на своей подложке.
    let wide = laid.foot_w + 14;
    let pill = rect(place.x + place.w - FRAME - 6 - wide, place.y + place.h - FRAME - 26, wide, 20);
    round(pill, 10, brush.palette.pill);
    words(SMALL, brush.palette.pill_text, &laid.foot, pill.x + 7, pill.y + 14);
    true
}

/// Рисует файл.
pub fn file_draw(brush: &mut Brush<'_>, file: &FileRow, row: &Row, laid: &RowLaid, place: Rect) {
    if file_picture(brush, file, row, place) {
        return;
    }
    let above = match laid.picture {
        Some((_, h)) => h + FRAME,
        None => 0,
    };
    let place = rect(place.x, place.y + above, place.w, place.h - above);
    let palette = brush.palette;
    let (x, y) = (f64::from(place.x) + 35.0, f64::from(place.y) + 35.0);
    let stopped =
        matches!(file.state, FileState::Refused | FileState::Cancelled | FileState::Error);
    if stopped {
        super::paint::circle(x, y, 23.0, palette.refused);
        cross(place.x + 28, place.y + 28, 14, fltk::enums::Color::White);
    } else if file.state == FileState::Done {
        sheet(x, y, 23.0, palette.accent);
    } else {
        arrow(x, y, 23.0, row.outgoing, palette.accent);
    }
    let left = place.x + 70;
    let room = place.w - 70 - 14;
    let mut widths = super::lay::Words::new();
    let name = fit(&mut widths, TITLE, &file.name, f64::from(room));
    words(TITLE, palette.text, &name, left, place.y + 24);
    let running = is_running(file);
    let quiet = if row.outgoing { palette.out_quiet } else { palette.quiet };
    let color = if file.state == FileState::Error { palette.warn } else { quiet };
    if running {
        let track = if row.outgoing { palette.track_out } else { palette.track_in };
        round(rect(left, place.y + 35, room, 6), 3, track);
        let part = part_of(file) * f64::from(room);
        if part >= 1.0 {
            round(rect(left, place.y + 35, part.ceil() as i32, 6), 3, palette.accent);
        }
    }
    let base = if running { place.y + 58 } else { place.y + 45 };
    let line = fit(&mut widths, SMALL, &state_line(brush, file), f64::from(room));
    words(SMALL, color, &line, left, base);
    if !file.why.is_empty() && !running {
        let why = fit(&mut widths, SMALL, &file.why, f64::from(room - laid.foot_w - 10));
        words(SMALL, color, &why, left, place.y + 62);
    }
    let buttons = file_buttons(brush, file, row.outgoing);
    let lift = if buttons.is_empty() { 0 } else { BUTTONS - 2 };
    foot_draw(brush, row, laid, place.x + place.w - 10, place.y + place.h - lift - 9);
    buttons_draw(brush, place, &buttons);
}

/// Какая часть файла уже есть, от нуля до единицы.
fn part_of(file: &FileRow) -> f64 {
    if file.size == 0 { 1.0 } else { f64::min(1.0, file.bytes as f64 / file.size as f64) }
}

/// Строка о ходе: сколько, какая часть, как быстро, сколько ждать; иначе — чем кончилось.
fn state_line(brush: &Brush<'_>, file: &FileRow) -> String {
    let word = text(brush.texts, &format!("window-file-{}", file_word(file.state)), &[]);
    match file.state {
        FileState::Started | FileState::Resumed => {
            let mut line = format!(
                "{} / {} · {} %",
                size_text(file.bytes),
                size_text(file.size),
                (part_of(file) * 100.0) as u64
            );
            if file.rate > 0 {
                line.push_str(&format!(" · {}/s", size_text(file.rate)));
                let left = file.size.saturating_sub(file.bytes) / file.rate;
                line.push_str(&format!(" · {}:{:02}", left / 60, left % 60));
            }
            line
        }
        FileState::Paused | FileState::Waiting => {
            format!("{word} · {} / {}", size_text(file.bytes), size_text(file.size))
        }
        FileState::Offered
        | FileState::Done
        | FileState::Refused
        | FileState::Cancelled
        | FileState::Error => format!("{} · {word}", size_text(file.size)),
    }
}

/// Команда о передаче.
fn about(word: &str, file: &FileRow) -> Touch {
    Touch::Words(vec![String::from(word), file.transfer.to_string()])
}

/// Кнопки файла.
fn file_buttons(brush: &Brush<'_>, file: &FileRow, outgoing: bool) -> Vec<(String, Touch)> {
    let mut buttons = Vec::new();
    if !has_buttons(file, outgoing) {
        return buttons;
    }
    match file.state {
        FileState::Offered if !outgoing => {
            buttons.push((text(brush.texts, "window-take", &[]), about("/take", file)));
            buttons.push((text(brush.texts, "window-refuse", &[]), about("/refuse", file)));
        }
        FileState::Error => {
            buttons.push((text(brush.texts, "window-take-again", &[]), about("/take", file)));
        }
        FileState::Done => {
            let open = Touch::OpenPath(file.path.clone());
            buttons.push((text(brush.texts, "window-open", &[]), open));
            let folder = match std::path::Path::new(&file.path).parent() {
                Some(folder) => folder.display().to_string(),
                None => String::new(),
            };
            buttons.push((text(brush.texts, "window-folder", &[]), Touch::OpenPath(folder)));
        }
        FileState::Offered
        | FileState::Waiting
        | FileState::Started
        | FileState::Resumed
        | FileState::Paused => {
            buttons.push((text(brush.texts, "window-cancel", &[]), about("/cancel", file)));
        }
        FileState::Refused | FileState::Cancelled => {}
    }
    buttons
}
