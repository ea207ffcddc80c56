//! Looking after the drawing: which texts are cut by an edge, which lie upon one another. Off
//! unless somebody asks (the gallery's check, the test pipe).
//! Присмотр за рисованием: какие надписи обрезаны краем, какие лежат друг на друге. Выключен, пока
//! никто не спросил (проверка галереи, поток испытаний).

use fltk::draw;

use super::lay::Face;
use super::state::{Audit, DRAWN, Drawn, Rect};

/// Pixels that do not count as cut or as covered: shapes of letters end before their boxes.
const SLACK: i32 = 2;

/// Начинает запись нового кадра.
pub fn audit_begin() {
    if let Ok(mut guard) = DRAWN.lock() {
        *guard = Some(Audit::default());
    }
}

/// Дальше рисуется то, что вправе лежать поверх прежнего.
pub fn layer_next() {
    if let Ok(mut guard) = DRAWN.lock() {
        if let Some(audit) = guard.as_mut() {
            audit.layer += 1;
        }
    }
}

/// Границы стали уже; `None` — прежние.
pub fn clip_note(clip: Option<Rect>) {
    let Ok(mut guard) = DRAWN.lock() else { return };
    let Some(audit) = guard.as_mut() else { return };
    match (clip, audit.clips.last()) {
        (None, _) => drop(audit.clips.pop()),
        (Some(clip), None) => audit.clips.push(clip),
        (Some(clip), Some(outer)) => {
            let both = common(clip, *outer);
            audit.clips.push(both);
        }
    }
}

/// Запоминает надпись; `y` — линия письма.
pub fn words_note(face: Face, text: &str, x: i32, y: i32) {
    let Ok(mut guard) = DRAWN.lock() else { return };
    let Some(audit) = guard.as_mut() else { return };
    if text.trim().is_empty() {
        return;
    }
    // Высота заглавных букв: строки стоят тесно, а хвосты букв друг другу не мешают.
    let high = face.size * 72 / 100;
    let place = Rect { x, y: y - high, w: draw::width(text) as i32, h: high };
    let left = match audit.clips.last() {
        Some(clip) => common(place, *clip),
        None => place,
    };
    let (layer, text, scrolls) = (audit.layer, String::from(text), audit.clips.len() > 1);
    audit.texts.push(Drawn { layer, text, place, left, scrolls });
}

/// Что не так в последнем кадре, по строке на каждое; `size` — ширина и высота окна.
pub fn audit_look(size: (i32, i32)) -> Vec<String> {
    let mut found = Vec::new();
    let drawn = match DRAWN.lock() {
        Ok(mut guard) => guard.take().unwrap_or_default().texts,
        Err(_) => return found,
    };
    for (index, one) in drawn.iter().enumerate() {
        let aside = one.place.x < -SLACK || one.place.x + one.place.w > size.0 + SLACK;
        let seen = one.left.h > SLACK && one.left.w > 0;
        let short = one.left.h + SLACK < one.place.h || one.place.y + one.place.h > size.1;
        let narrow = seen && one.left.w + SLACK < one.place.w;
        if aside || narrow || short && !one.scrolls {
            found.push(format!("cut: {:?} {}", one.text, shown(one.place)));
        }
        if !seen {
            continue;
        }
        for other in &drawn[index + 1..] {
            if other.layer == one.layer && overlap(one.left, other.left) {
                let (a, b) = (shown(one.left), shown(other.left));
                found.push(format!("overlap: {:?} {a} and {:?} {b}", one.text, other.text));
            }
        }
    }
    found
}

/// Общая часть двух мест.
fn common(one: Rect, other: Rect) -> Rect {
    let (x, y) = (i32::max(one.x, other.x), i32::max(one.y, other.y));
    let right = i32::min(one.x + one.w, other.x + other.w);
    let bottom = i32::min(one.y + one.h, other.y + other.h);
    Rect { x, y, w: i32::max(0, right - x), h: i32::max(0, bottom - y) }
}

/// Место словами.
fn shown(place: Rect) -> String {
    format!("{},{} {}x{}", place.x, place.y, place.w, place.h)
}

/// Лежат ли два места друг на друге больше, чем позволено.
fn overlap(one: Rect, other: Rect) -> bool {
    let both = common(one, other);
    both.w > SLACK && both.h > SLACK
}
