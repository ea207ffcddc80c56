//! Laying text out: where lines break, how wide they are, which letter stands under a point.
//! Widths of words are remembered: measuring is the dear part.
//! Вёрстка текста: где ломаются строки, какой они ширины, какая буква под точкой. Ширина слов
//! запоминается: измерение — самое дорогое.

use std::collections::HashMap;

use fltk::draw;
use fltk::enums::Font;

/// Words whose width is remembered at most.
const WORDS_MAX: usize = 30_000;

/// A font and its size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    pub font: Font,
    pub size: i32,
}

/// Widths of words, by face.
pub type Words = HashMap<(i32, i32, String), f64>;

/// One line: bytes `from..to` of the text, its width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub from: usize,
    pub to: usize,
    pub width: f64,
}

/// A text laid out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Laid {
    pub lines: Vec<Line>,
    pub widest: f64,
}

/// Ширина слова; измеренное помнится.
pub fn word_width(words: &mut Words, face: Face, word: &str) -> f64 {
    let key = (face.font.bits(), face.size, String::from(word));
    if let Some(width) = words.get(&key) {
        return *width;
    }
    draw::set_font(face.font, face.size);
    let width = draw::width(word);
    if words.len() >= WORDS_MAX {
        words.clear();
    }
    words.insert(key, width);
    width
}

/// Иероглиф или слог, после которого строку можно ломать.
fn is_wide(letter: char) -> bool {
    matches!(letter as u32,
        0x2e80..=0x303e | 0x3041..=0x33ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xac00..=0xd7af
        | 0xf900..=0xfaff | 0xfe30..=0xfe4f | 0xff00..=0xff60 | 0x20000..=0x3134f)
}

/// Знак, которым строка не начинается: закрывающий.
fn closes(letter: char) -> bool {
    matches!(
        letter,
        '，' | '。'
            | '、'
            | '！'
            | '？'
            | '；'
            | '：'
            | '）'
            | '》'
            | '」'
            | '』'
            | '】'
            | '”'
            | '’'
            | '…'
            | ')'
            | ','
            | '.'
            | '!'
            | '?'
            | ';'
            | ':'
            | '»'
    )
}

/// Знак, которым строка не кончается: открывающий.
fn opens(letter: char) -> bool {
    matches!(letter, '（' | '《' | '「' | '『' | '【' | '“' | '‘' | '(' | '«')
}

/// Знак, который держится за предыдущий: составной, склейка, оттенок.
fn clings(letter: char) -> bool {
    matches!(letter as u32, 0x300..=0x36f | 0x200d | 0xfe00..=0xfe0f | 0x1f3fb..=0x1f3ff)
}

/// Можно ли ломать строку между этими буквами.
fn breaks(before: char, after: char) -> bool {
    if clings(after) || before == '\u{200d}' {
        return false;
    }
    if before == ' ' || before == '\t' {
        return after != ' ' && after != '\t';
    }
    if closes(after) || opens(before) {
        return false;
    }
    is_wide(before) || is_wide(after)
}

/// Конец куска, который не ломается, от места `from`; кусок берёт и пробелы за собой.
fn piece_end(text: &str, from: usize) -> usize {
    let mut before = None;
    for (at, letter) in text[from..].char_indices() {
        if letter == '\n' {
            return from + at;
        }
        if let Some(last) = before {
            if breaks(last, letter) {
                return from + at;
            }
        }
        before = Some(letter);
    }
    text.len()
}

/// Раскладывает текст по строкам не шире `wide`.
pub fn lay(words: &mut Words, face: Face, text: &str, wide: f64) -> Laid {
    let mut laid = Laid::default();
    let mut line = Line { from: 0, to: 0, width: 0.0 };
    // Ширина строки вместе с пробелами в конце.
    let mut full = 0.0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with('\n') {
            line_end(&mut laid, line);
            at += 1;
            line = Line { from: at, to: at, width: 0.0 };
            full = 0.0;
            continue;
        }
        let end = piece_end(text, at);
        let piece = &text[at..end];
        let bare = piece.trim_end_matches([' ', '\t']);
        let width = word_width(words, face, bare);
        if full + width > wide && line.to > line.from {
            line_end(&mut laid, line);
            line = Line { from: at, to: at, width: 0.0 };
            full = 0.0;
        }
        if width > wide {
            (line, full) = word_chop(words, face, text, at, at + bare.len(), wide, &mut laid);
        } else {
            line.to = at + bare.len();
            line.width = full + width;
            full = line.width;
        }
        if piece.len() > bare.len() {
            let spaces = (piece.len() - bare.len()) as f64;
            full += spaces * word_width(words, face, " ");
            if bare.is_empty() {
                line.to = end;
            }
        }
        at = end;
    }
    line_end(&mut laid, line);
    laid
}

/// Кончает строку.
fn line_end(laid: &mut Laid, line: Line) {
    laid.widest = f64::max(laid.widest, line.width);
    laid.lines.push(line);
}

/// Слово шире строки: ломается по буквам; возвращает начатую последнюю строку.
fn word_chop(
    words: &mut Words,
    face: Face,
    text: &str,
    from: usize,
    to: usize,
    wide: f64,
    laid: &mut Laid,
) -> (Line, f64) {
    let mut line = Line { from, to: from, width: 0.0 };
    let mut letter_text = [0u8; 4];
    for (at, letter) in text[from..to].char_indices() {
        let width = word_width(words, face, letter.encode_utf8(&mut letter_text));
        let next = from + at + letter.len_utf8();
        if line.width + width > wide && line.to > line.from && !clings(letter) {
            line_end(laid, line);
            line = Line { from: from + at, to: from + at, width: 0.0 };
        }
        line.to = next;
        line.width += width;
    }
    (line, line.width)
}

/// Ширина начала строки до байта `at`.
pub fn width_to(face: Face, text: &str, line: Line, at: usize) -> f64 {
    let at = usize::clamp(at, line.from, line.to);
    if at == line.from {
        return 0.0;
    }
    draw::set_font(face.font, face.size);
    draw::width(&text[line.from..at])
}

/// Место в тексте под точкой `x` строки: ближайшая граница букв.
pub fn place_at(face: Face, text: &str, line: Line, x: f64) -> usize {
    if x <= 0.0 {
        return line.from;
    }
    let mut last = (line.from, 0.0);
    for (at, letter) in text[line.from..line.to].char_indices() {
        let next = line.from + at + letter.len_utf8();
        let width = width_to(face, text, line, next);
        if x < (last.1 + width) / 2.0 {
            return last.0;
        }
        last = (next, width);
    }
    line.to
}

/// Текст, обрезанный до ширины с многоточием.
pub fn fit(words: &mut Words, face: Face, text: &str, wide: f64) -> String {
    let mut line = String::new();
    for letter in text.chars().take(400) {
        line.push(if letter == '\n' || letter == '\t' { ' ' } else { letter });
    }
    if word_width(words, face, &line) <= wide {
        return line;
    }
    let room = wide - word_width(words, face, "…");
    let (mut low, mut high) = (0, line.chars().count());
    while low < high {
        let middle = (low + high).div_ceil(2);
        let cut: String = line.chars().take(middle).collect();
        if word_width(words, face, &cut) <= room {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    let cut: String = line.chars().take(low).collect();
    format!("{}…", cut.trim_end())
}
