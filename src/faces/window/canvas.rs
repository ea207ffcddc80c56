//! The right side: header, bubbles, the strip of the message field; its mouse and its keys.
//! Правая сторона: шапка, пузыри, полоса поля ввода; её мышь и её клавиши.

use std::time::Instant;

use fltk::app;
use fltk::app::MouseButton;
use fltk::enums::Event;
use fltk::prelude::WidgetExt;
use fltk::widget::Widget;

use super::act::{chat_now, effects_run, page_ask, touch_do};
use super::bubble::{Brush, empty_draw, row_draw};
use super::chat::{MARGIN, Sheet, chat_down, chat_scroll, row_height};
use super::form::{form_draw, toast_draw};
use super::jump::{later_ask, rows_bound};
use super::lay::{Face, fit, word_width};
use super::menu::menu_draw;
use super::paint::{
    BOLD, PLAIN, avatar, circle, clip, clip_pop, clip_push, cross, fill, round, send, shield,
    strokes, words, words_middle,
};
use super::place::{HEAD, Places, places, rect};
use super::run::frame_note;
use super::select::{point_place, word_around};
use super::side::{hover_set, state_word};
use super::state::{
    Effect, Field, MenuAbout, Selection, Touch, View, WINDOW, Window, inside, touched,
};
use super::strips::{bits_draw, strip_draw};
use super::typing::files_fall;
use super::viewer::{preview_draw, scale_now, viewer_draw, viewer_pull, viewer_zoom};
use supertext::base::clock::time_now;
use supertext::faces::lines::path_text;
use supertext::faces::texts::text;
use supertext::logic::show::PeerState;

/// Рисует правую сторону.
pub fn on_canvas_draw(widget: &mut Widget) {
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    let began = Instant::now();
    let at = places(window);
    window.canvas_hits.clear();
    window.seen.clear();
    clip_push(rect(widget.x(), widget.y(), widget.w(), widget.h()));
    match (window.view, window.open) {
        (View::Chat, Some(_)) => chat_draw(window, &at),
        (View::Chat, None) => {
            fill(at.canvas, window.palette.chat);
            let said = text(&window.texts, "window-choose", &[]);
            empty_draw(window.palette, at.canvas, &said);
        }
        (View::Picture, _) => viewer_draw(window, &at),
        (View::Preview, _) => preview_draw(window, &at),
        (
            View::First | View::Add | View::Settings | View::Person | View::Room | View::Password,
            _,
        ) => form_draw(window, &at),
    }
    if window.view == View::Chat {
        bits_draw(window, &at);
        menu_draw(window, &at);
    }
    strip_draw(window, &at);
    // На страницах весть внизу: вверху там слова.
    let under = at.strip.y + at.strip.h;
    let top = if window.view == View::Chat { under } else { at.canvas.h - 90 };
    toast_draw(window, rect(at.canvas.x, top, at.canvas.w, at.canvas.h - top));
    clip_pop();
    window.widgets.message.redraw();
    window.widgets.one.redraw();
    window.widgets.two.redraw();
    frame_note(window, began);
}

/// Открытый чат целиком.
fn chat_draw(window: &mut Window, at: &Places) {
    fill(at.rows, window.palette.chat);
    clip_push(rect(at.rows.x, at.rows.y, at.rows.w, at.rows.h));
    rows_draw(window, at);
    clip_pop();
    head_draw(window, at);
    bar_draw(window, at);
    if window.dragging {
        let said = text(&window.texts, "window-drop", &[]);
        empty_draw(window.palette, at.rows, &said);
    }
}

/// Пузыри: только видимые, снизу вверх.
fn rows_draw(window: &mut Window, at: &Places) {
    let Some(peer) = window.open else { return };
    let area = at.rows;
    let mut top = 0;
    let mut shown = 0;
    let mut total = 0;
    let mut empty = true;
    if let Some(mut sheet) = canvas_sheet(window) {
        chat_scroll(&mut sheet, 0);
        total = sheet.chat.rows.len();
        empty = total == 0 && !sheet.chat.asking;
    }
    if total > 0 {
        (top, shown) = rows_paint(window, at);
        if top < 12 {
            page_ask(window, peer);
        }
        later_ask(window, peer);
        rows_bound(window);
    } else {
        // Конец чата мог быть забыт: он загружается заново.
        page_ask(window, peer);
    }
    if total == 0 && empty {
        let said = text(&window.texts, "window-chat-empty", &[]);
        empty_draw(window.palette, area, &said);
    }
    if shown < total {
        bar_thumb(window, at, top, shown, total);
    }
    down_draw(window, at);
}

/// Рисует видимые строки; возвращает верхнюю и сколько их.
fn rows_paint(window: &mut Window, at: &Places) -> (usize, usize) {
    let area = at.rows;
    let now = time_now().wall_ms;
    let (scale, frame) = (scale_now(window), window.frames.count);
    let Window { chats, words, texts, people, palette, selection, hover, .. } = window;
    let (Some(peer), palette) = (window.open, *palette) else { return (0, 0) };
    let Some(chat) = chats.get_mut(&peer) else { return (0, 0) };
    let name = match people.get(&peer) {
        Some(person) => person.name.as_str(),
        None => "",
    };
    let mut brush = Brush {
        palette,
        texts,
        area,
        peer,
        selection: *selection,
        hover,
        hits: &mut window.canvas_hits,
        seen: &mut window.seen,
        labels: &mut window.labels,
        pictures: &mut window.pictures,
        scale,
        frame,
    };
    let mut sheet = Sheet { chat, words, texts, name, wide: area.w, high: area.h, now };
    let base = area.y + area.h - MARGIN + sheet.chat.below;
    let mut y = base;
    let mut index = sheet.chat.bottom + 1;
    let mut shown = 0;
    while index > 0 && y > area.y {
        index -= 1;
        y -= row_height(&mut sheet, index);
        row_draw(&mut brush, &sheet.chat.rows[index], index, y);
        shown += 1;
    }
    let next = sheet.chat.bottom + 1;
    if next < sheet.chat.rows.len() {
        row_height(&mut sheet, next);
        row_draw(&mut brush, &sheet.chat.rows[next], next, base);
    }
    (index, shown)
}

/// Лист для раскладки открытого чата.
pub fn canvas_sheet(window: &mut Window) -> Option<Sheet<'_>> {
    let at = places(window);
    let peer = window.open?;
    let Window { chats, words, texts, people, .. } = window;
    let name = match people.get(&peer) {
        Some(person) => person.name.as_str(),
        None => "",
    };
    let chat = chats.get_mut(&peer)?;
    let (wide, high) = (at.rows.w, at.rows.h);
    Some(Sheet { chat, words, texts, name, wide, high, now: time_now().wall_ms })
}

/// Полоса прокрутки: доля видимых строк.
fn bar_thumb(window: &mut Window, at: &Places, top: usize, shown: usize, total: usize) {
    let area = at.rows;
    let high = i32::max(36, (area.h as i64 * shown as i64 / total as i64) as i32);
    let room = area.h - high;
    let y = area.y + (room as i64 * top as i64 / (total - shown) as i64) as i32;
    let hot = window.thumb_held.is_some() || window.hover == Some(Touch::Thumb);
    let wide = if hot { 7 } else { 4 };
    round(rect(area.x + area.w - wide - 3, y, wide, high), wide / 2, window.palette.thumb);
    window.canvas_hits.push((rect(area.x + area.w - 14, y, 14, high), Touch::Thumb));
}

/// Кнопка «вниз» с числом новых.
fn down_draw(window: &mut Window, at: &Places) {
    let palette = window.palette;
    let Some(chat) = chat_now(window) else { return };
    let fresh = chat.fresh;
    let near = chat_down(chat) || chat.bottom + 3 > chat.rows.len();
    if chat.rows.is_empty() || near && fresh == 0 && !chat.later {
        return;
    }
    let area = at.rows;
    let place = rect(area.x + area.w - 58, area.y + area.h - 54, 42, 42);
    let (x, y) = (f64::from(place.x + 21), f64::from(place.y + 21));
    circle(x, y, 21.0, palette.line);
    circle(x, y, 20.0, palette.side);
    strokes(&[(x - 6.0, y - 3.0), (x, y + 4.0), (x + 6.0, y - 3.0)], 2, palette.quiet);
    if fresh > 0 {
        let face = Face { font: BOLD, size: 12 };
        let many = fresh.to_string();
        let wide = i32::max(20, word_width(&mut window.words, face, &many).ceil() as i32 + 12);
        let badge = rect(place.x + 21 - wide / 2, place.y - 9, wide, 20);
        round(badge, 10, palette.badge);
        words_middle(face, palette.badge_text, &many, badge);
    }
    window.canvas_hits.push((place, Touch::Down));
}

/// Шапка: кто, состояние, сверен ли ключ, остатки.
fn head_draw(window: &mut Window, at: &Places) {
    let palette = window.palette;
    let place = at.head;
    fill(place, palette.side);
    fill(rect(place.x, HEAD - 1, place.w, 1), palette.line);
    let Some(peer) = window.open else { return };
    let Some(person) = window.people.get(&peer).cloned() else { return };
    avatar(person.id, &person.name, place.x + 16, 8, 40);
    let dots = rect(place.x + place.w - 44, 10, 36, 36);
    if window.hover == Some(Touch::HeadMenu) {
        round(dots, 18, palette.hover);
    }
    for step in [-6, 0, 6] {
        circle(f64::from(dots.x + 18), f64::from(dots.y + 18 + step), 2.0, palette.quiet);
    }
    window.canvas_hits.push((rect(place.x, 0, place.w - 48, HEAD), Touch::HeadPage));
    window.canvas_hits.push((dots, Touch::HeadMenu));
    let mut right = dots.x - 6;
    let small = Face { font: PLAIN, size: 12 };
    if let (Some(messages), Some(files)) = (person.messages_left, person.files_left) {
        let rows = [("window-left-messages", messages, 24), ("window-left-files", files, 42)];
        let mut widest = 0;
        for (key, many, y) in rows {
            let said = text(&window.texts, key, &[("many", many.to_string())]);
            let wide = word_width(&mut window.words, small, &said).ceil() as i32;
            words(small, palette.quiet, &said, right - wide, y);
            widest = i32::max(widest, wide);
        }
        right -= widest + 16;
    }
    let face = Face { font: BOLD, size: 17 };
    let left = place.x + 66;
    let name = fit(&mut window.words, face, &person.name, f64::from(right - left - 22));
    words(face, palette.text, &name, left, 27);
    if person.verified {
        let wide = word_width(&mut window.words, face, &name).ceil() as i32;
        shield(left + wide + 7, 13, palette.online);
    }
    let (mut word, mut color) = state_word(window, &person);
    if let (Some(path), PeerState::Online) = (person.path, person.state) {
        word.push_str(&format!(" · {}", path_text(&window.texts, path, &person.via)));
    }
    if person.changed {
        word = text(&window.texts, "contact-changed", &[]);
        color = palette.warn;
    }
    let line = Face { font: PLAIN, size: 13 };
    let word = fit(&mut window.words, line, &word, f64::from(right - left));
    words(line, color, &word, left, 45);
}

/// Полоса поля: ответ, скрепка, поле, самолётик.
fn bar_draw(window: &mut Window, at: &Places) {
    let palette = window.palette;
    fill(at.bar, palette.side);
    fill(rect(at.bar.x, at.bar.y, at.bar.w, 1), palette.line);
    let answering = match chat_now(window) {
        Some(chat) => chat.answering.clone(),
        None => None,
    };
    if let Some(about) = answering {
        let place = at.answer;
        round(rect(place.x + 6, place.y + 4, 3, place.h - 8), 2, palette.accent);
        let key = if about.edit { "window-editing" } else { "window-answering" };
        let title = text(&window.texts, key, &[("name", about.name.clone())]);
        words(Face { font: BOLD, size: 13 }, palette.accent, &title, place.x + 18, place.y + 17);
        let face = Face { font: PLAIN, size: 14 };
        let said = fit(&mut window.words, face, &about.text, f64::from(place.w - 70));
        words(face, palette.quiet, &said, place.x + 18, place.y + 35);
        let drop = rect(place.x + place.w - 38, place.y + 3, 34, 34);
        cross(drop.x + 12, drop.y + 12, 10, palette.quiet);
        window.canvas_hits.push((drop, Touch::AnswerDrop));
    }
    round(at.typed_box, 19, palette.field);
    clip(at.attach, palette.quiet);
    window.canvas_hits.push((at.attach, Touch::Attach));
    send(at.send, palette.accent);
    window.canvas_hits.push((at.send, Touch::Send));
}

/// Мышь правой стороны.
pub fn on_canvas_event(_widget: &mut Widget, event: Event) -> bool {
    let Ok(mut guard) = WINDOW.try_lock() else { return false };
    let Some(window) = guard.as_mut() else { return false };
    let (x, y) = app::event_coords();
    let done = match event {
        Event::Enter | Event::Move => {
            hover_set(window, touched(&window.canvas_hits, x, y));
            true
        }
        Event::Leave => {
            hover_set(window, None);
            true
        }
        Event::Push => push_do(window, x, y),
        Event::Drag => drag_do(window, x, y),
        Event::Released => {
            link_open(window, x, y);
            window.thumb_held = None;
            window.viewer.from = None;
            window.selecting = false;
            true
        }
        Event::MouseWheel => {
            wheel(window, -90.0 * f64::from(app::event_dy_value()));
            true
        }
        Event::DndEnter | Event::DndDrag => {
            window.dragging = true;
            window.effects.push(Effect::Redraw);
            window.view == View::Chat && window.open.is_some()
        }
        Event::DndLeave | Event::DndRelease => {
            window.dragging = false;
            window.effects.push(Effect::Redraw);
            true
        }
        Event::Paste => files_fall(window),
        _ => false,
    };
    let effects = std::mem::take(&mut window.effects);
    drop(guard);
    effects_run(effects);
    done
}

/// Колесо: чат едет плавно.
pub fn wheel(window: &mut Window, by: f64) {
    if window.view == View::Picture {
        return viewer_zoom(window, by);
    }
    if window.view != View::Chat {
        return;
    }
    window.menu = None;
    let still = window.glide == 0.0;
    window.glide += by;
    if still {
        window.effects.push(Effect::Glide);
    }
}

/// Нажатие: кнопка, начало выделения или меню сообщения.
fn push_do(window: &mut Window, x: i32, y: i32) -> bool {
    let touch = touched(&window.canvas_hits, x, y);
    let menu = window.menu.take();
    if window.view == View::Picture && touch.is_none() {
        window.viewer.from = Some((x, y));
        return true;
    }
    if app::event_mouse_button() == MouseButton::Right {
        if let Some(Touch::Bubble(row)) = touch {
            window.menu = Some((MenuAbout::Row(row), x, y));
        }
        window.effects.push(Effect::Redraw);
        return true;
    }
    if let Some(Touch::Menu(_)) = touch {
        window.menu = menu;
    }
    match touch {
        Some(Touch::Bubble(_) | Touch::Link(_)) | None => {
            let at = places(window);
            window.selection = None;
            if window.view == View::Chat && inside(at.rows, x, y) {
                select_begin(window, x, y);
                window.effects.push(Effect::Focus(Field::Message));
            }
            window.effects.push(Effect::Redraw);
        }
        Some(Touch::HeadMenu) => {
            // Второе нажатие закрывает.
            let closed = !matches!(menu, Some((MenuAbout::Person, _, _)));
            let at = places(window);
            if closed {
                window.menu = Some((MenuAbout::Person, at.head.x + at.head.w - 240, HEAD + 4));
            }
            window.effects.push(Effect::Redraw);
        }
        Some(Touch::Thumb) => thumb_take(window, y),
        Some(touch) => touch_do(window, touch),
    }
    true
}

/// Рука берёт бегунок.
fn thumb_take(window: &mut Window, y: i32) {
    for (place, touch) in &window.canvas_hits {
        if *touch == Touch::Thumb {
            window.thumb_held = Some(y - place.y);
        }
    }
}

/// Бегунок едет за рукой: чат показывает строку на том же месте из загруженных.
fn thumb_pull(window: &mut Window, held: i32, y: i32) {
    let at = places(window);
    let mut high = 0;
    for (place, touch) in &window.canvas_hits {
        if *touch == Touch::Thumb {
            high = place.h;
        }
    }
    let room = f64::from(i32::max(1, at.rows.h - high));
    let part = (f64::from(y - held - at.rows.y) / room).clamp(0.0, 1.0);
    if let Some(chat) = chat_now(window) {
        let last = chat.rows.len().saturating_sub(1) as f64;
        chat.bottom = (last * part).round() as usize;
        chat.below = 0;
    }
    window.effects.push(Effect::Redraw);
}

/// Начинает выделение; двойной щелчок берёт слово.
fn select_begin(window: &mut Window, x: i32, y: i32) {
    let Some(peer) = window.open else { return };
    let Some(chat) = window.chats.get(&peer) else { return };
    let Some(place) = point_place(chat, &window.seen, x, y) else { return };
    let mut ends = (place, place);
    if app::event_clicks() {
        let (from, to) = word_around(&chat.rows[place.0].text, place.1);
        ends = ((place.0, from), (place.0, to));
    }
    window.selection = Some(Selection { from: ends.0, to: ends.1 });
    window.selecting = true;
}

/// Отпустили на адресе, ничего не выделив: открыть его.
fn link_open(window: &mut Window, x: i32, y: i32) {
    let empty = match window.selection {
        Some(selection) => selection.from == selection.to,
        None => false,
    };
    if !window.selecting || !empty {
        return;
    }
    if let Some(Touch::Link(address)) = touched(&window.canvas_hits, x, y) {
        touch_do(window, Touch::Link(address));
    }
}

/// Тянет выделение; у края чат едет сам.
fn drag_do(window: &mut Window, x: i32, y: i32) -> bool {
    if window.view == View::Picture {
        viewer_pull(window, x, y);
    }
    if let Some(held) = window.thumb_held {
        thumb_pull(window, held, y);
    }
    if !window.selecting {
        return true;
    }
    let Some(peer) = window.open else { return true };
    let at = places(window);
    if y < at.rows.y + 12 {
        wheel(window, 24.0);
    } else if y > at.rows.y + at.rows.h - 12 {
        wheel(window, -24.0);
    }
    let Some(chat) = window.chats.get(&peer) else { return true };
    if let Some(place) = point_place(chat, &window.seen, x, y) {
        if let Some(selection) = &mut window.selection {
            selection.to = place;
        }
    }
    window.effects.push(Effect::Redraw);
    true
}
