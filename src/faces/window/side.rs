//! The left column: one's own name and id, search, folders, people.
//! Левый столбец: своё имя и номер, поиск, папки, люди.

use std::collections::BTreeMap;
use std::time::Instant;

use fltk::app;
use fltk::enums::{Color, Event};
use fltk::prelude::WidgetExt;
use fltk::widget::Widget;

use super::act::{chat_open, effects_run, touch_do};
use super::lay::{Face, fit, lay, word_width};
use super::paint::{
    BOLD, PLAIN, avatar, circle, clip_pop, clip_push, fill, gear, plus, round, strokes, words,
    words_middle,
};
use super::place::{FOLDER, HEAD, PERSON, Places, places, rect};
use super::run::frame_note;
use super::search::{FOUND_TITLE, found_draw};
use super::sections::SECTIONS;
use super::settings::SECTION;
use super::state::{Effect, Folder, Person, Rect, Touch, View, WINDOW, Window, inside, touched};
use super::times::when_short;
use super::typing::files_fall;
use supertext::base::clock::time_now;
use supertext::base::ids::id_shown;
use supertext::faces::texts::text;
use supertext::logic::events::Standing;
use supertext::logic::rooms::RoomState;
use supertext::logic::show::{LinkShow, PeerState};

/// Faces of the column.
pub const NAME: Face = Face { font: BOLD, size: 15 };
pub const LAST: Face = Face { font: PLAIN, size: 14 };
pub const WHEN: Face = Face { font: PLAIN, size: 12 };
pub const CHIP: Face = Face { font: BOLD, size: 13 };

/// Рисует столбец.
pub fn on_side_draw(widget: &mut Widget) {
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    let began = Instant::now();
    let at = places(window);
    clip_push(rect(widget.x(), widget.y(), widget.w(), widget.h()));
    side_draw(window, &at);
    clip_pop();
    window.widgets.search.redraw();
    frame_note(window, began);
}

/// Весь столбец.
fn side_draw(window: &mut Window, at: &Places) {
    let palette = window.palette;
    window.side_hits.clear();
    fill(at.side, palette.side);
    if at.side.w == 0 {
        return;
    }
    fill(rect(at.side.w - 1, 0, 1, at.side.h), palette.line);
    if window.view == View::Settings {
        return sections_draw(window, at);
    }
    own_draw(window, at);
    round(at.search_box, 18, palette.field);
    let rows = folders_draw(window, at);
    if rows != window.folder_rows {
        // Папок стало больше или меньше: люди начинаются ниже или выше.
        window.folder_rows = rows;
        return side_draw(window, &places(window));
    }
    people_draw(window, at);
    link_draw(window, at);
}

/// Разделы настроек вместо людей.
fn sections_draw(window: &mut Window, at: &Places) {
    let palette = window.palette;
    let back = rect(10, 10, 36, 36);
    if window.hover == Some(Touch::Back) {
        round(back, 18, palette.hover);
    }
    strokes(&[(31.0, 21.0), (24.0, 28.0), (31.0, 35.0)], 2, palette.quiet);
    window.side_hits.push((back, Touch::Back));
    let title = text(&window.texts, "window-settings", &[]);
    words(Face { font: BOLD, size: 18 }, palette.text, &title, 58, 35);
    let mut y = HEAD + 4;
    for (index, row) in SECTIONS.iter().enumerate() {
        let place = rect(0, y, at.side.w, SECTION);
        let chosen = window.section == index;
        let hot = window.hover == Some(Touch::Section(index));
        let inner = rect(7, y + 1, at.side.w - 14, SECTION - 2);
        if chosen || hot {
            round(inner, 9, if chosen { palette.chosen } else { palette.hover });
        }
        let color = if chosen { palette.chosen_text } else { palette.text };
        let said = text(&window.texts, row.label, &[]);
        words(Face { font: PLAIN, size: 15 }, color, &said, 22, y + 24);
        window.side_hits.push((place, Touch::Section(index)));
        y += SECTION;
    }
}

/// Нет связи с сервером: полоса внизу столбца говорит об этом словами.
fn link_draw(window: &mut Window, at: &Places) {
    let key = match window.link {
        LinkShow::Up => return,
        LinkShow::Connecting => "window-link-connecting",
        LinkShow::Retry => "window-link-retry",
        LinkShow::Down => "window-link-down",
    };
    let place = rect(0, at.side.h - 34, at.side.w - 1, 34);
    fill(place, window.palette.field);
    let said = text(&window.texts, key, &[]);
    let said = fit(&mut window.words, LAST, &said, f64::from(place.w - 44));
    circle(20.0, f64::from(place.y + 17), 4.0, Color::from_hex(0xf5a623));
    words(LAST, window.palette.quiet, &said, 34, place.y + 22);
}

/// Своё имя, номер, связь; плюс и шестерёнка.
fn own_draw(window: &mut Window, at: &Places) {
    let palette = window.palette;
    avatar(window.me, &window.name, 14, 9, 40);
    let dot = match window.link {
        LinkShow::Up => palette.online,
        LinkShow::Connecting | LinkShow::Retry => Color::from_hex(0xf5a623),
        LinkShow::Down => palette.offline,
    };
    circle(47.0, 43.0, 7.0, palette.side);
    circle(47.0, 43.0, 5.0, dot);
    let right = at.side.w - 84;
    let name = fit(&mut window.words, NAME, &window.name, f64::from(right - 64));
    words(NAME, palette.text, &name, 64, 24);
    let shown = if window.me == 0 { String::new() } else { id_shown(window.me) };
    words(WHEN, palette.quiet, &shown, 64, 43);
    let id_w = word_width(&mut window.words, WHEN, &shown).ceil() as i32;
    if 64 + id_w + 20 < right + 2 {
        copy_mark(64 + id_w + 7, 34, palette.quiet, palette.side);
    }
    window.side_hits.push((rect(58, 4, right - 58, HEAD - 8), Touch::CopyId));
    let buttons = [
        (rect(at.side.w - 82, 10, 36, 36), Touch::Plus),
        (rect(at.side.w - 44, 10, 36, 36), Touch::Gear),
    ];
    for (place, touch) in buttons {
        let hot = window.hover.as_ref() == Some(&touch);
        let back = if hot { palette.hover } else { palette.side };
        round(place, 18, back);
        if touch == Touch::Plus {
            plus(place, palette.quiet);
        } else {
            gear(place, palette.quiet, back);
        }
        window.side_hits.push((place, touch));
    }
}

/// Значок «копировать»: два листка.
fn copy_mark(x: i32, y: i32, color: Color, behind: Color) {
    for (dx, dy) in [(3, 0), (0, 3)] {
        fill(rect(x + dx, y + dy, 7, 8), color);
        fill(rect(x + dx + 1, y + dy + 1, 5, 6), behind);
    }
}

/// Папки с надписями: все, непрочитанные, свои по алфавиту, спам.
fn folders_list(window: &Window) -> Vec<(Folder, String)> {
    let (mut spam, mut unread) = (0, 0);
    let mut own: BTreeMap<String, u64> = BTreeMap::new();
    for person in window.people.values() {
        if person.standing == Standing::Spam {
            spam += 1;
            continue;
        }
        let fresh = u64::from(person.unread > 0);
        unread += fresh;
        if !person.folder.is_empty() {
            *own.entry(person.folder.clone()).or_insert(0) += fresh;
        }
    }
    let mut rows = vec![
        (Folder::All, text(&window.texts, "window-folder-all", &[]), 0),
        (Folder::Unread, text(&window.texts, "window-folder-unread", &[]), unread),
    ];
    for (name, fresh) in own {
        rows.push((Folder::Own(name.clone()), name, fresh));
    }
    rows.push((Folder::Spam, text(&window.texts, "window-folder-spam", &[]), spam));
    let mut list = Vec::new();
    for (folder, label, many) in rows {
        list.push((folder, if many > 0 { format!("{label} {many}") } else { label }));
    }
    list
}

/// Рисует папки, сколько поместится в ряд; возвращает, сколько вышло рядов.
fn folders_draw(window: &mut Window, at: &Places) -> i32 {
    let palette = window.palette;
    let (mut x, mut row) = (at.folders.x, 0);
    for (folder, label) in folders_list(window) {
        let label = fit(&mut window.words, CHIP, &label, f64::from(at.folders.w - 22));
        let wide = word_width(&mut window.words, CHIP, &label).ceil() as i32 + 22;
        if x + wide > at.folders.x + at.folders.w && x > at.folders.x {
            x = at.folders.x;
            row += 1;
        }
        let place = rect(x, at.folders.y + row * FOLDER, wide, 26);
        let chosen = window.folder == folder;
        let touch = Touch::Folder(folder);
        if chosen {
            round(place, 13, palette.button);
        } else if window.hover.as_ref() == Some(&touch) {
            round(place, 13, palette.hover);
        }
        let color = if chosen { palette.button_text } else { palette.quiet };
        words_middle(CHIP, color, &label, place);
        window.side_hits.push((place, touch));
        x += wide + 4;
    }
    row + 1
}

/// Высота всего, что стоит в столбце: люди и найденные сообщения под ними.
fn list_height(window: &Window) -> i32 {
    let mut high = window.order.len() as i32 * PERSON + 8;
    if !window.found.is_empty() {
        high += FOUND_TITLE + window.found.len() as i32 * PERSON;
    }
    high
}

/// Люди и найденное: только видимые.
fn people_draw(window: &mut Window, at: &Places) {
    let area = at.people;
    let whole = list_height(window);
    let most = i32::max(0, whole - area.h);
    window.side_scroll = i32::clamp(window.side_scroll, 0, most);
    if window.order.is_empty() && window.found.is_empty() {
        return nobody_draw(window, area);
    }
    clip_push(rect(area.x, area.y, area.w - 1, area.h));
    let mut y = area.y - window.side_scroll;
    for index in 0..window.order.len() {
        if y >= area.y + area.h {
            break;
        }
        if y + PERSON > area.y {
            let Some(person) = window.people.get(&window.order[index]).cloned() else { continue };
            let place = rect(area.x, y, area.w, PERSON);
            person_draw(window, &person, place);
            window.side_hits.push((place, Touch::Person(person.id)));
        }
        y += PERSON;
    }
    found_draw(window, rect(area.x, y, area.w, area.y + area.h - y));
    clip_pop();
    if most > 0 {
        let high = i32::max(30, (i64::from(area.h) * i64::from(area.h) / i64::from(whole)) as i32);
        let room = i64::from(area.h - high) * i64::from(window.side_scroll);
        let top = area.y + (room / i64::from(most)) as i32;
        round(rect(area.w - 6, top, 4, high), 2, window.palette.thumb);
    }
}

/// Показывать некого.
fn nobody_draw(window: &mut Window, area: Rect) {
    let key = if window.people.is_empty() { "window-people-none" } else { "window-found-none" };
    let said = text(&window.texts, key, &[]);
    let laid = lay(&mut window.words, LAST, &said, f64::from(area.w - 40));
    let mut y = area.y + 20;
    for line in &laid.lines {
        let part = &said[line.from..line.to];
        words_middle(LAST, window.palette.quiet, part, rect(area.x, y, area.w, 20));
        y += 20;
    }
}

/// Один человек.
fn person_draw(window: &mut Window, person: &Person, place: Rect) {
    let palette = window.palette;
    let here = matches!(window.view, View::Chat | View::Person);
    let picked = window.view == View::Room && window.picked.contains(&person.id);
    let chosen = window.open == Some(person.id) && here || picked;
    let hot = window.hover.as_ref() == Some(&Touch::Person(person.id));
    let back = if chosen {
        palette.chosen
    } else if hot {
        palette.hover
    } else {
        palette.side
    };
    if chosen || hot {
        round(rect(place.x + 7, place.y + 1, place.w - 14, PERSON - 3), 9, back);
    }
    avatar(person.id, &person.name, place.x + 14, place.y + 8, 48);
    if let Some(color) = dot_color(window, person) {
        let (x, y) = (f64::from(place.x) + 55.0, f64::from(place.y) + 49.0);
        circle(x, y, 8.0, back);
        circle(x, y, 6.0, color);
    }
    let (name_color, quiet) = if chosen {
        (palette.chosen_text, palette.chosen_quiet)
    } else {
        (palette.text, palette.quiet)
    };
    let left = place.x + 74;
    let mut right = place.x + place.w - 15;
    if person.last_at > 0 {
        let when = when_short(&window.texts, person.last_at, time_now().wall_ms);
        let wide = word_width(&mut window.words, WHEN, &when).ceil() as i32;
        words(WHEN, quiet, &when, right - wide, place.y + 23);
        right -= wide + 8;
    }
    let name = fit(&mut window.words, NAME, &person.name, f64::from(right - left));
    words(NAME, name_color, &name, left, place.y + 25);
    let mut room = place.x + place.w - 15 - left;
    if person.unread > 0 {
        let many =
            if person.unread > 999 { String::from("999+") } else { person.unread.to_string() };
        let face = Face { font: BOLD, size: 12 };
        let wide = word_width(&mut window.words, face, &many).ceil() as i32;
        let badge_w = i32::max(22, wide + 13);
        let badge = rect(place.x + place.w - 15 - badge_w, place.y + 34, badge_w, 22);
        let (paint, front) = if chosen {
            (palette.chosen_text, palette.chosen)
        } else {
            (palette.badge, palette.badge_text)
        };
        round(badge, 11, paint);
        words_middle(face, front, &many, badge);
        room -= badge_w + 8;
    }
    last_draw(window, person, left, place.y + 48, room, chosen);
}

/// Цвет точки у портрета: на связи, нет его, отказал; о незнакомых ничего не известно.
fn dot_color(window: &Window, person: &Person) -> Option<Color> {
    if person.room.is_some() {
        return None;
    }
    match (person.standing, person.state) {
        (Standing::Contact, PeerState::Online) => Some(Color::from_hex(0x4dcd5e)),
        (Standing::Contact, PeerState::Offline) => Some(window.palette.offline),
        (Standing::Declined, _) | (Standing::Contact, PeerState::Refused) => {
            Some(window.palette.refused)
        }
        _ => None,
    }
}

/// Вторая строка: последнее сообщение или, если его нет, состояние словом.
fn last_draw(window: &mut Window, person: &Person, x: i32, y: i32, room: i32, chosen: bool) {
    let palette = window.palette;
    let (word, color) = state_word(window, person);
    let draft = match window.chats.get(&person.id) {
        Some(chat) if window.open != Some(person.id) => chat.draft.clone(),
        Some(_) | None => String::new(),
    };
    let quiet = if chosen { palette.chosen_quiet } else { palette.quiet };
    let (mut said, mut paint) = (person.last.clone(), quiet);
    if !draft.trim().is_empty() {
        said = format!("{}: {draft}", text(&window.texts, "window-draft", &[]));
        paint = if chosen { palette.chosen_quiet } else { palette.warn };
    } else if person.standing != Standing::Contact || person.blocked || said.is_empty() {
        said = word;
        paint = if chosen { palette.chosen_quiet } else { color };
    } else if person.room.is_some() && !person.last_out && !person.last_author.is_empty() {
        said = format!("{}: {said}", person.last_author);
    } else if person.last_out {
        said = format!("{}: {said}", text(&window.texts, "window-you", &[]));
    }
    let line = fit(&mut window.words, LAST, &said, f64::from(room));
    words(LAST, paint, &line, x, y);
}

/// Состояние человека словом и его цвет.
pub fn state_word(window: &Window, person: &Person) -> (String, Color) {
    let palette = window.palette;
    if let Some(room) = &person.room {
        let many = [("many", room.members.to_string())];
        let (key, color) = match room.state {
            RoomState::Joined => ("window-room-members", palette.quiet),
            RoomState::Asked => ("window-room-invited", palette.accent),
            RoomState::Left => ("window-room-left", palette.refused),
            RoomState::Expelled => ("window-room-expelled", palette.refused),
        };
        return (text(&window.texts, key, &many), color);
    }
    let (key, color) = match person.standing {
        _ if person.blocked => ("peer-blocked", palette.refused),
        Standing::Asked => ("peer-pending", palette.quiet),
        Standing::Declined => ("peer-refused", palette.refused),
        Standing::Asks => ("peer-asks", palette.accent),
        Standing::Later => ("peer-later", palette.quiet),
        Standing::Spam => ("peer-spam", palette.refused),
        Standing::Contact | Standing::Member => match person.state {
            PeerState::Online => ("peer-online", palette.online),
            PeerState::Offline => ("peer-offline", palette.offline),
            PeerState::Refused => ("peer-refused", palette.refused),
            PeerState::Unknown => ("peer-unknown", palette.quiet),
        },
    };
    (text(&window.texts, key, &[]), color)
}

/// События столбца.
pub fn on_side_event(_widget: &mut Widget, event: Event) -> bool {
    let Ok(mut guard) = WINDOW.try_lock() else { return false };
    let Some(window) = guard.as_mut() else { return false };
    let (x, y) = app::event_coords();
    let done = match event {
        Event::Enter | Event::Move => {
            hover_set(window, touched(&window.side_hits, x, y));
            true
        }
        Event::Leave => {
            hover_set(window, None);
            true
        }
        Event::Push => {
            if let Some(touch) = touched(&window.side_hits, x, y) {
                touch_do(window, touch);
            }
            true
        }
        Event::DndEnter | Event::DndDrag => {
            let under = touched(&window.side_hits, x, y);
            let person = matches!(under, Some(Touch::Person(_)));
            hover_set(window, under);
            person
        }
        Event::DndLeave => {
            hover_set(window, None);
            true
        }
        Event::DndRelease => true,
        Event::Paste => {
            // Файлы, брошенные на человека, — ему.
            if let Some(Touch::Person(id)) = touched(&window.side_hits, x, y) {
                chat_open(window, id);
                files_fall(window);
            }
            true
        }
        Event::MouseWheel => {
            if !inside(places(window).people, x, y) {
                return false;
            }
            window.side_scroll += app::event_dy_value() * PERSON;
            window.effects.push(Effect::Redraw);
            true
        }
        _ => false,
    };
    let effects = std::mem::take(&mut window.effects);
    drop(guard);
    effects_run(effects);
    done
}

/// Запоминает, над чем рука.
pub fn hover_set(window: &mut Window, touch: Option<Touch>) {
    if window.hover == touch {
        return;
    }
    let hand = !matches!(touch, None | Some(Touch::Bubble(_)));
    window.hover = touch;
    window.effects.push(Effect::Hand(hand));
    window.effects.push(Effect::Redraw);
}
