//! Searching: people by the letters of their names, messages by their words; the found ones stand
//! below the people.
//! Поиск: люди — по буквам имени, сообщения — по словам; найденные стоят под людьми.

use fltk::app::TimeoutHandle;
use fltk::prelude::InputExt;

use super::act::{chat_open, command, effects_run};
use super::jump::jump_to;
use super::state::{Effect, WINDOW, Window};
use supertext::base::clock::time_now;
use supertext::base::ids::Id;
use supertext::logic::show::MessageShow;

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
