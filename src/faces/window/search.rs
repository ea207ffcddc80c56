//! Searching: people by the letters of their names, messages by their words; the found ones stand
//! below the people.
//! Поиск: люди — по буквам имени, сообщения — по словам; найденные стоят под людьми.

use fltk::app::TimeoutHandle;
use fltk::prelude::InputExt;

use super::act::{chat_open, command, effects_run};
use super::jump::jump_to;
use super::lay::{fit, word_width};
use super::paint::{avatar, round, words};
use super::place::{PERSON, places, rect};
use super::side::{CHIP, LAST, NAME, WHEN};
use super::state::{Effect, Rect, Touch, WINDOW, Window};
use super::times::when_short;
use supertext::base::clock::time_now;
use supertext::base::ids::{Id, id_shown};
use supertext::faces::texts::text;
use supertext::logic::show::MessageShow;

/// Height of the title above found messages.
pub const FOUND_TITLE: i32 = 30;
/// Letters from which messages are looked for.
const LETTERS_MIN: usize = 2;
/// Letters shown before the found word.
const BEFORE: usize = 14;

/// Прошло немного времени без новых букв: искать в сообщениях.
pub fn on_search_wait(_handle: TimeoutHandle) {
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    if time_now().mono_ms < window.search_due {
        // Набрана ещё одна буква: у неё своё ожидание.
        return;
    }
    search_ask(window);
    let effects = std::mem::take(&mut window.effects);
    drop(guard);
    effects_run(effects);
}

/// Просит найти слова поля в сообщениях; коротких слов не ищет.
fn search_ask(window: &mut Window) {
    let wanted = window.widgets.search.value();
    let wanted = wanted.trim();
    // Один иероглиф — уже слово.
    let short = wanted.chars().count() < LETTERS_MIN && wanted.len() < 3;
    if short {
        window.found.clear();
    } else {
        window.effects.push(Effect::Words(command(&["/search", wanted])));
    }
    window.effects.push(Effect::Redraw);
}

/// Найденное: годится, если в поле всё ещё те же слова.
pub fn found_take(window: &mut Window, words: &str, mut messages: Vec<MessageShow>) {
    if window.widgets.search.value().trim() == words.trim() {
        messages.reverse();
        window.found = messages;
    }
}

/// К найденному сообщению.
pub fn found_open(window: &mut Window, peer: Id, number: u64) {
    chat_open(window, peer);
    jump_to(window, peer, number);
}

/// Строка найденного: начинается незадолго до найденного слова.
pub fn found_line(said: &str, wanted: &str) -> String {
    let lower = said.to_lowercase();
    let first = wanted.trim().to_lowercase();
    let first = first.split_whitespace().next().unwrap_or_default();
    let Some((head, _)) = lower.split_once(first) else { return String::from(said) };
    let before = head.chars().count();
    if before <= BEFORE {
        return String::from(said);
    }
    let tail: String = said.chars().skip(before - BEFORE).collect();
    format!("…{}", tail.trim_start())
}

/// Найденные сообщения.
pub fn found_draw(window: &mut Window, area: Rect) {
    if window.found.is_empty() {
        return;
    }
    let palette = window.palette;
    let title = text(&window.texts, "window-found-messages", &[]);
    words(CHIP, palette.quiet, &title, area.x + 16, area.y + 20);
    let wanted = window.widgets.search.value();
    let mut y = area.y + FOUND_TITLE;
    for index in 0..window.found.len() {
        if y >= area.y + area.h {
            break;
        }
        let place = rect(area.x, y, area.w, PERSON);
        y += PERSON;
        if place.y + PERSON <= window_top(window) {
            continue;
        }
        found_row(window, index, &wanted, place);
    }
}

/// Верх списка людей.
fn window_top(window: &Window) -> i32 {
    places(window).people.y
}

/// Одно найденное сообщение: чей чат, когда, слова вокруг найденного.
fn found_row(window: &mut Window, index: usize, wanted: &str, place: Rect) {
    let palette = window.palette;
    let found = &window.found[index];
    let touch = Touch::Found(found.peer, found.number);
    let name = match window.people.get(&found.peer) {
        Some(person) => person.name.clone(),
        None => id_shown(found.peer),
    };
    let said = match &found.file {
        Some(file) => format!("📎 {}", file.name),
        None => found.text.clone(),
    };
    let (peer, outgoing, sent) = (found.peer, found.outgoing, found.sent);
    if window.hover.as_ref() == Some(&touch) {
        round(rect(place.x + 7, place.y + 1, place.w - 14, PERSON - 3), 9, palette.hover);
    }
    avatar(peer, &name, place.x + 14, place.y + 8, 48);
    let left = place.x + 74;
    let mut right = place.x + place.w - 15;
    let when = when_short(&window.texts, sent, time_now().wall_ms);
    let wide = word_width(&mut window.words, WHEN, &when).ceil() as i32;
    words(WHEN, palette.quiet, &when, right - wide, place.y + 23);
    right -= wide + 8;
    let name = fit(&mut window.words, NAME, &name, f64::from(right - left));
    words(NAME, palette.text, &name, left, place.y + 25);
    let mut line = found_line(&said, wanted);
    if outgoing {
        line = format!("{}: {line}", text(&window.texts, "window-you", &[]));
    }
    let line = fit(&mut window.words, LAST, &line, f64::from(place.x + place.w - 15 - left));
    words(LAST, palette.quiet, &line, left, place.y + 48);
    window.side_hits.push((place, touch));
}
