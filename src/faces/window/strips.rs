//! What lies over the chat for a while: the strip under the header (unsent things when the window
//! is to be closed, a licence that ends) and the bits of the last message, which fade away.
//! Что недолго лежит поверх чата: полоса под шапкой (неотправленное при закрытии, конец лицензии)
//! и биты последнего сообщения, которые гаснут сами.

use fltk::enums::{Color, Font};

use super::audit::layer_next;
use super::lay::{Face, fit, word_width};
use super::paint::{BOLD, PLAIN, base_line, fill, mixed, round, words, words_middle};
use super::place::{Places, rect};
use super::state::{Bits, Effect, Touch, View, Window};
use super::times::day_full;
use supertext::base::clock::time_now;
use supertext::base::ids::Id;
use supertext::faces::texts::text;

/// Height of the strip.
const STRIP: i32 = 40;
/// Words about the end of the licence begin so long before it.
const LICENCE_MS: u64 = 31 * 24 * 60 * 60 * 1_000;
/// The bits are seen so long, then fade.
const BITS_MS: u64 = 7_000;
const FADE_MS: u64 = 1_500;
/// Bytes of a message whose bits are shown.
const BITS_BYTES: usize = 12;
/// Their face: all letters of one width.
const MONO: Face = Face { font: Font::Courier, size: 12 };

/// Что написать в полосе; пусто — полосы нет.
fn strip_words(window: &Window) -> String {
    if !window.unsent.is_empty() {
        return text(&window.texts, "window-unsent", &[("what", window.unsent.clone())]);
    }
    let Some((until, now)) = window.licence else { return String::new() };
    if until > now + LICENCE_MS {
        return String::new();
    }
    let key = if now >= until { "window-licence-over" } else { "window-licence-soon" };
    text(&window.texts, key, &[("day", day_full(&window.texts, until))])
}

/// Высота полосы под шапкой.
pub fn strip_height(window: &Window) -> i32 {
    let alone = matches!(window.view, View::First | View::Picture | View::Preview);
    if alone || strip_words(window).is_empty() { 0 } else { STRIP }
}

/// Рисует полосу: слова и, если это вопрос, кнопки.
pub fn strip_draw(window: &mut Window, at: &Places) {
    let place = at.strip;
    if place.h == 0 {
        return;
    }
    let palette = window.palette;
    let said = strip_words(window);
    let question = !window.unsent.is_empty();
    let back = mixed(palette.side, palette.warn, 0.16);
    fill(place, back);
    let mut right = place.x + place.w - 12;
    let face = Face { font: BOLD, size: 13 };
    if question {
        let buttons = [("window-leave", Touch::LeaveNow), ("window-stay", Touch::Stay)];
        for (key, touch) in buttons {
            let label = text(&window.texts, key, &[]);
            let wide = word_width(&mut window.words, face, &label).ceil() as i32 + 24;
            let one = rect(right - wide, place.y + 6, wide, STRIP - 12);
            let hot = window.hover.as_ref() == Some(&touch);
            round(one, 8, if hot { palette.hover } else { palette.side });
            words_middle(face, palette.text, &label, one);
            window.canvas_hits.push((one, touch));
            right -= wide + 8;
        }
    }
    let line = fit(&mut window.words, face, &said, f64::from(right - place.x - 20));
    words(face, palette.warn, &line, place.x + 16, base_line(face, place));
}

/// Байты битами, сколько поместится.
fn bits_line(bytes: &[u8]) -> String {
    let mut line = String::new();
    for byte in bytes.iter().take(BITS_BYTES / 2) {
        line.push_str(&format!("{byte:08b} "));
    }
    line
}

/// Биты сообщения до и после запечатывания: показать на время.
pub fn bits_take(window: &mut Window, peer: Id, outgoing: bool, before: &[u8], after: &[u8]) {
    let key = if outgoing { "window-bits-out" } else { "window-bits-in" };
    let values = [("before", before.len().to_string()), ("after", after.len().to_string())];
    let mut lines = vec![text(&window.texts, key, &values)];
    for bytes in [before, after] {
        let half = usize::min(BITS_BYTES / 2, bytes.len());
        lines.push(bits_line(bytes));
        let mut rest = bits_line(&bytes[half..]);
        if bytes.len() > BITS_BYTES {
            rest.push('…');
        }
        lines.push(rest);
    }
    let again = window.bits.is_none();
    window.bits = Some(Bits { peer, lines, since: time_now().mono_ms });
    if again {
        window.effects.push(Effect::Fade);
    }
}

/// Насколько биты уже погасли: от нуля до единицы; единица — их больше нет.
pub fn bits_faded(bits: &Bits, now_ms: u64) -> f64 {
    let age = now_ms.saturating_sub(bits.since + BITS_MS);
    f64::min(1.0, age as f64 / FADE_MS as f64)
}

/// Пузырь с битами над полем ввода.
pub fn bits_draw(window: &mut Window, at: &Places) {
    let Some(bits) = window.bits.clone() else { return };
    let faded = bits_faded(&bits, time_now().mono_ms);
    if window.open != Some(bits.peer) || faded >= 1.0 {
        return;
    }
    layer_next();
    let palette = window.palette;
    let wide = i32::min(at.rows.w - 40, 470);
    let high = 26 + 4 * 16 + 18;
    let x = at.rows.x + (at.rows.w - wide) / 2;
    let place = rect(x, at.rows.y + at.rows.h - high - 8, wide, high);
    let back = mixed(palette.side, palette.chat, faded);
    let front = mixed(palette.text, palette.chat, faded);
    let quiet = mixed(palette.accent, palette.chat, faded);
    round(place, 12, back);
    let title = Face { font: PLAIN, size: 12 };
    let mut y = place.y + 20;
    for (index, line) in bits.lines.iter().enumerate() {
        let (face, color) = if index == 0 { (title, quiet) } else { (MONO, front) };
        let line = fit(&mut window.words, face, line, f64::from(wide - 28));
        let color: Color = if index > 2 { mixed(color, quiet, 0.5) } else { color };
        words(face, color, &line, place.x + 14, y);
        y += if index == 0 || index == 2 { 20 } else { 16 };
    }
}
