//! Keys by their place, not by their letter: Ctrl+C works on a Russian layout too.
//! Клавиши по месту, а не по букве: Ctrl+C работает и на русской раскладке.

use fltk::app;
use fltk::enums::Key;

/// Letters of the Russian layout and the Latin ones on the same keys.
const RUSSIAN: &str = "йцукенгшщзфывапролдячсмить";
const LATIN: &str = "qwertyuiopasdfghjklzxcvbnm";
/// Small Cyrillic letters in the order of X11 key symbols from 0x6c0.
const SYMBOLS: &str = "юабцдефгхийклмнопярстужвьызшэщчъ";

/// Латинская буква на нажатой клавише, какой бы ни была раскладка.
pub fn latin_pressed() -> Option<char> {
    let bits = app::event_key().bits();
    latin_of(bits)
}

/// Латинская буква клавиши с таким кодом: ASCII, знак X11 или Unicode.
pub fn latin_of(bits: i32) -> Option<char> {
    let letter = match bits {
        0x41..=0x5a | 0x61..=0x7a => char::from_u32(bits as u32)?,
        0x6c0..=0x6df => SYMBOLS.chars().nth((bits - 0x6c0) as usize)?,
        0x6e0..=0x6ff => SYMBOLS.chars().nth((bits - 0x6e0) as usize)?,
        0x410..=0x44f => char::from_u32(bits as u32)?,
        0x100_0410..=0x100_044f => char::from_u32((bits - 0x100_0000) as u32)?,
        _ => return None,
    };
    let small = letter.to_lowercase().next()?;
    if small.is_ascii_lowercase() {
        return Some(small);
    }
    for (place, russian) in RUSSIAN.chars().enumerate() {
        if russian == small {
            return LATIN.chars().nth(place);
        }
    }
    None
}

/// Нажат ли ввод.
pub fn is_enter() -> bool {
    let key = app::event_key();
    key == Key::Enter || key == Key::KPEnter
}
