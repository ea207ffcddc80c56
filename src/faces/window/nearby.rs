//! The page of the own card and of people nearby: the card to copy, a card to connect by, strangers
//! of the local network. It asks the core anew while it is open.
//! Страница своей визитки и людей поблизости: визитка, чтобы её дать, чужая, чтобы соединиться,
//! незнакомые в местной сети. Пока она открыта, она спрашивает ядро снова.

use fltk::app::{self, TimeoutHandle};

use super::act::{command, effects_run, toast};
use super::lay::{Face, fit, word_width};
use super::paint::{BOLD, PLAIN, words};
use super::place::rect;
use super::sections::{Line, SECTIONS};
use super::settings::chips_draw;
use super::state::{Effect, Near, Rect, Touch, View, WINDOW, Window};
use supertext::base::bounds::NEAR_MAX;
use supertext::base::clock::time_now;
use supertext::base::ids::{Id, id_shown};
use supertext::faces::lines::show_text;
use supertext::faces::texts::text;
use supertext::logic::show::{PathShow, Show};

/// Faces of the page.
const LABEL: Face = Face { font: PLAIN, size: 14 };
const NAME: Face = Face { font: BOLD, size: 14 };
const SMALL: Face = Face { font: PLAIN, size: 13 };
/// Height of a person's row.
const ROW: i32 = 40;
/// The core is asked again so often, milliseconds; who was not named twice is gone.
const ASK_MS: u64 = 2_000;

/// Открыта ли эта страница.
pub fn nearby_open(window: &Window) -> bool {
    let Some(section) = SECTIONS.get(window.section) else { return false };
    if window.view != View::Settings {
        return false;
    }
    for line in section.lines {
        if matches!(line, Line::Nearby) {
            return true;
        }
    }
    false
}

/// Страницу открыли: спросить о визитке и о людях и спрашивать дальше.
pub fn nearby_begin(window: &mut Window) {
    for word in ["/card", "/peers"] {
        window.effects.push(Effect::Words(command(&[word])));
    }
    if !window.near_asking {
        window.near_asking = true;
        window.effects.push(Effect::Near);
    }
}

/// Следующий вопрос — через ASK_MS.
pub fn nearby_later() {
    app::add_timeout3(ASK_MS as f64 / 1_000.0, on_nearby);
}

/// Пора спросить снова; страницу закрыли — больше не спрашивать.
pub fn on_nearby(_handle: TimeoutHandle) {
    let Ok(mut guard) = WINDOW.try_lock() else { return nearby_later() };
    let Some(window) = guard.as_mut() else { return };
    if !nearby_open(window) {
        window.near_asking = false;
        return;
    }
    let now = time_now().mono_ms;
    let mut kept = Vec::new();
    for near in window.near.drain(..) {
        if now < near.seen_ms + 2 * ASK_MS + ASK_MS / 2 {
            kept.push(near);
        }
    }
    window.near = kept;
    drop(guard);
    effects_run(vec![Effect::Words(command(&["/peers"])), Effect::Near, Effect::Redraw]);
}

/// Кого слышно поблизости; `true` — показано на странице, больше говорить не надо.
pub fn near_take(window: &mut Window, id: Id, address: &str) -> bool {
    let seen_ms = time_now().mono_ms;
    let fresh = Near { id, address: String::from(address), seen_ms };
    let mut place = None;
    for (index, near) in window.near.iter().enumerate() {
        if near.id == id {
            place = Some(index);
        }
    }
    match place {
        Some(index) => window.near[index] = fresh,
        None if window.near.len() < NEAR_MAX => window.near.push(fresh),
        None => {}
    }
    nearby_open(window)
}

/// Своя визитка и где по ней найдут; `true` — показано на странице.
pub fn card_take(window: &mut Window, card: &str, addresses: &[String]) -> bool {
    window.card = String::from(card);
    window.doors = addresses.to_vec();
    nearby_open(window)
}

/// На открытой странице видно, чем кончилась попытка соединиться.
pub fn link_told(window: &mut Window, shown: &PathShow) {
    if nearby_open(window) {
        let said = show_text(&window.texts, &Show::PeerLink(shown.clone()));
        toast(window, &said);
    }
}

/// Своя визитка: она сама и адреса в ней; щелчок копирует.
pub fn card_draw(window: &mut Window, place: Rect) {
    let palette = window.palette;
    let wide = f64::from(place.w - 4);
    let label = text(&window.texts, "window-fact-card", &[]);
    words(LABEL, palette.quiet, &label, place.x + 2, place.y + 15);
    let card = window.card.clone();
    let shown = fit(&mut window.words, NAME, &card, wide);
    words(NAME, palette.text, &shown, place.x + 2, place.y + 38);
    let said = if window.doors.is_empty() {
        text(&window.texts, "window-card-alone", &[])
    } else {
        text(&window.texts, "window-card-doors", &[("addresses", window.doors.join(", "))])
    };
    let said = fit(&mut window.words, SMALL, &said, wide);
    words(SMALL, palette.quiet, &said, place.x + 2, place.y + 57);
    window.canvas_hits.push((place, Touch::CopyText(card)));
}

/// Люди поблизости: номер, адрес, «добавить» и «соединиться».
pub fn nearby_draw(window: &mut Window, place: Rect) {
    let palette = window.palette;
    let label = text(&window.texts, "window-near", &[]);
    words(LABEL, palette.quiet, &label, place.x + 2, place.y + 15);
    let near = window.near.clone();
    if near.is_empty() {
        let said = text(&window.texts, "window-near-none", &[]);
        let said = fit(&mut window.words, SMALL, &said, f64::from(place.w - 4));
        words(SMALL, palette.quiet, &said, place.x + 2, place.y + 40);
        return;
    }
    let room = usize::try_from((place.h - 24) / ROW).unwrap_or(0);
    // Не помещаются все — последняя строка говорит, сколько ещё.
    let many = if near.len() <= room { near.len() } else { room.saturating_sub(1) };
    let mut y = place.y + 24;
    for one in near.iter().take(many) {
        near_draw(window, one, rect(place.x, y, place.w, ROW));
        y += ROW;
    }
    if many < near.len() {
        let left = [("many", (near.len() - many).to_string())];
        let said = text(&window.texts, "window-near-more", &left);
        words(SMALL, palette.quiet, &said, place.x + 2, y + 18);
    }
}

/// Строка одного человека.
fn near_draw(window: &mut Window, near: &Near, place: Rect) {
    let palette = window.palette;
    let add = text(&window.texts, "window-near-add", &[]);
    let connect = text(&window.texts, "window-connect", &[]);
    let mut wide = 8;
    for label in [&add, &connect] {
        wide += word_width(&mut window.words, LABEL, label).ceil() as i32 + 28;
    }
    let left = f64::from(place.w - wide - 12);
    let shown = fit(&mut window.words, NAME, &id_shown(near.id), left);
    words(NAME, palette.text, &shown, place.x + 2, place.y + 15);
    let shown = fit(&mut window.words, SMALL, &near.address, left);
    words(SMALL, palette.quiet, &shown, place.x + 2, place.y + 32);
    let chips = [
        (add, false, Touch::NearAdd(near.id)),
        (connect, false, Touch::Words(command(&["/connect", &near.address]))),
    ];
    chips_draw(window, &chips, rect(place.x + place.w - wide, place.y + 3, wide, ROW - 6));
}
