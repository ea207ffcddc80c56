//! The pages of lines: a section of the settings, a person. What stands where, how it is drawn.
//! Страницы из строк: раздел настроек, человек. Что где стоит и как рисуется.

use fltk::prelude::InputExt;

use super::act::command;
use super::form::{button_draw, field_draw, title_draw};
use super::lay::{Face, fit, word_width};
use super::nearby::{card_draw, nearby_begin, nearby_draw, nearby_open};
use super::paint::{BOLD, PLAIN, clip_pop, clip_push, round, words, words_middle};
use super::place::{Places, rect};
use super::sections::{Fact, Line, PERSON, ROOM, SECTIONS, SectionRow};
use super::state::{Effect, Field, Person, Rect, Touch, View, Window, option};
use super::times::day_full;
use supertext::base::ids::{id_digits, id_shown};
use supertext::faces::texts::text;

/// Faces of the page.
const LABEL: Face = Face { font: PLAIN, size: 14 };
const CHIP: Face = Face { font: BOLD, size: 14 };
/// Height of a section's row in the left column.
pub const SECTION: i32 = 38;
/// Room between the lines of a section.
const GAP: i32 = 14;

/// Fonts offered if they are installed; the first is the program's own choice.
const FONTS: &[&str] = &[
    "Noto Sans",
    "DejaVu Sans",
    "Liberation Sans",
    "Ubuntu",
    "Cantarell",
    "Segoe UI",
    "Arial",
    "Tahoma",
    "Verdana",
    "Microsoft YaHei",
    "Helvetica Neue",
    "PT Sans",
    "Noto Serif",
    "DejaVu Serif",
    "Georgia",
];
/// Of them so many are shown.
const FONTS_MAX: usize = 6;

/// Какие шрифты из списка стоят на этой машине; пустое имя — выбор программы.
pub fn fonts_find(installed: &[String]) -> Vec<String> {
    let mut found = vec![String::new()];
    for name in FONTS {
        for one in installed {
            // Впереди имени бывает пробел, буква начертания или сам шрифт зовётся полнее.
            if one.trim_start() == *name && found.len() < FONTS_MAX {
                found.push(String::from(*name));
                break;
            }
        }
    }
    found
}

/// Раздел настроек, открытый сейчас.
fn section(window: &Window) -> &'static SectionRow {
    &SECTIONS[usize::min(window.section, SECTIONS.len() - 1)]
}

/// Строки открытой страницы: раздела настроек или человека.
fn lines(window: &Window) -> &'static [Line] {
    let room = match person(window) {
        Some(person) => person.room.is_some(),
        None => false,
    };
    match (window.view == View::Person, room) {
        (true, true) => ROOM,
        (true, false) => PERSON,
        (false, _) => section(window).lines,
    }
}

/// Человек открытого чата.
fn person(window: &Window) -> Option<&Person> {
    window.people.get(&window.open?)
}

/// Открывает раздел.
pub fn section_open(window: &mut Window, index: usize) {
    window.section = index;
    lines_open(window);
}

/// В поля открытой страницы ставятся нынешние значения.
pub fn lines_open(window: &mut Window) {
    window.error_one.clear();
    window.error_two.clear();
    let mut typed = Vec::new();
    let mut fonts = false;
    for line in lines(window) {
        if let Line::Typed { key, .. } = line {
            typed.push(value_now(window, key));
        }
        fonts = fonts || matches!(line, Line::Fonts);
    }
    typed.resize(2, String::new());
    window.widgets.one.set_value(&typed[0]);
    window.widgets.two.set_value(&typed[1]);
    if nearby_open(window) {
        nearby_begin(window);
    }
    if fonts && window.fonts.is_empty() {
        window.effects.push(Effect::Fonts);
    }
    window.effects.push(Effect::Place);
    window.effects.push(Effect::Redraw);
}

/// Значение настройки сейчас; имя и язык бывают и без настройки.
fn value_now(window: &Window, key: &str) -> String {
    match key {
        "" | "/connect" => String::new(),
        "lang" => window.texts.code.clone(),
        "name" => window.name.clone(),
        "@name" | "@folder" => match person(window) {
            Some(person) if key == "@name" => String::from(person.name.trim_start_matches('#')),
            Some(person) => person.folder.clone(),
            None => String::new(),
        },
        other => option(window, other),
    }
}

/// Высота строки раздела.
fn line_height(line: &Line) -> i32 {
    match line {
        Line::Choice { .. } => 58,
        Line::Typed { hint: "", .. } => 64,
        Line::Typed { .. } => 82,
        Line::Buttons(_) => 36,
        Line::Fact { .. } => 44,
        Line::Fonts => 58 + 38,
        Line::Card => 62,
        Line::Nearby => 0,
    }
}

/// Места строк открытого раздела.
fn lines_place(window: &Window, at: &Places) -> Vec<Rect> {
    let mut places = Vec::new();
    let mut y = at.form.y + 4;
    for line in lines(window) {
        let mut high = line_height(line);
        if matches!(line, Line::Nearby) {
            high = i32::max(0, at.form.y + at.form.h - y - 8);
        }
        places.push(rect(at.form.x, y, at.form.w, high));
        y += high + GAP;
    }
    places
}

/// Где стоят поля ввода: справа от каждого — «сохранить».
pub fn settings_fields(window: &Window, at: &Places) -> (Option<Rect>, Option<Rect>) {
    let mut fields = Vec::new();
    for (index, place) in lines_place(window, at).iter().enumerate() {
        if let Line::Typed { key, .. } = &lines(window)[index] {
            let wide = if key.is_empty() { place.w } else { place.w - 130 };
            fields.push(rect(place.x, place.y + 24, wide, 38));
        }
    }
    (fields.first().copied(), fields.get(1).copied())
}

/// Рисует открытый раздел.
pub fn settings_draw(window: &mut Window, at: &Places) {
    let title = if window.view == View::Person {
        value_now(window, "@name")
    } else {
        text(&window.texts, section(window).label, &[])
    };
    title_draw(window, at, &title);
    let places = lines_place(window, at);
    let mut typed = 0;
    for (index, line) in lines(window).iter().enumerate() {
        let place = places[index];
        match line {
            Line::Choice { label, key, choices } => {
                label_draw(window, label, place);
                choices_draw(window, key, choices, rect(place.x, place.y + 24, place.w, 34));
            }
            Line::Typed { label, key, hint } => {
                typed_draw(window, [label, key, hint], place, typed == 0);
                typed += 1;
            }
            Line::Buttons(buttons) => deeds_draw(window, buttons, place),
            Line::Fact { label, fact } => fact_draw(window, label, *fact, place),
            Line::Fonts => fonts_draw(window, place),
            Line::Card => card_draw(window, place),
            Line::Nearby => nearby_draw(window, place),
        }
    }
}

/// Надпись над строкой.
fn label_draw(window: &Window, label: &str, place: Rect) {
    let said = text(&window.texts, label, &[]);
    words(LABEL, window.palette.quiet, &said, place.x + 2, place.y + 15);
}

/// Строка с полем и кнопкой «сохранить».
fn typed_draw(window: &mut Window, names: [&str; 3], place: Rect, first: bool) {
    let [label, key, hint] = names;
    let wide = if key.is_empty() { place.w } else { place.w - 130 };
    let field = rect(place.x, place.y + 24, wide, 38);
    let error = if first { window.error_one.clone() } else { window.error_two.clone() };
    let bad = !error.is_empty();
    let hint = if hint.is_empty() { String::new() } else { text(&window.texts, hint, &[]) };
    let under = if bad { error } else { hint };
    let said = text(&window.texts, label, &[]);
    field_draw(window, field, &said, &under, bad);
    if key.is_empty() {
        return;
    }
    let widget = if first { &window.widgets.one } else { &window.widgets.two };
    let changed = widget.value().trim() != value_now(window, key);
    let save = rect(field.x + field.w + 10, field.y, 120, 38);
    let deed = key.starts_with('/');
    let touch = if deed {
        Touch::Words(command(&[key, widget.value().trim()]))
    } else {
        Touch::Save(if first { Field::One } else { Field::Two })
    };
    let label = if deed { "window-connect" } else { "window-save" };
    let label = text(&window.texts, label, &[]);
    button_draw(window, save, &label, touch, changed);
}

/// Набранное в поле раздела — в настройку.
pub fn field_save(window: &mut Window, field: Field) {
    let mut typed = Vec::new();
    for line in lines(window) {
        if let Line::Typed { key, .. } = line {
            typed.push(*key);
        }
    }
    let (index, said) = match field {
        Field::Two => (1, window.widgets.two.value()),
        Field::Message | Field::One => (0, window.widgets.one.value()),
    };
    match typed.get(index) {
        Some(key) if !key.is_empty() => {
            let who = id_digits(window.open.unwrap_or_default());
            let words = match *key {
                "@name" => command(&["/rename", &who, said.trim()]),
                "@folder" => command(&["/folder", &who, said.trim()]),
                deed if deed.starts_with('/') => command(&[deed, said.trim()]),
                key => command(&["/set", key, said.trim()]),
            };
            window.effects.push(Effect::Words(words));
        }
        Some(_) | None => {}
    }
}

/// Выбор из нескольких значений.
fn choices_draw(window: &mut Window, key: &str, choices: &[(&str, &str)], place: Rect) {
    let now = value_now(window, key);
    let mut chips = Vec::new();
    for (value, label) in choices {
        let said = match label.strip_prefix('=') {
            Some(plain) => String::from(plain),
            None => text(&window.texts, label, &[]),
        };
        let words = match key {
            "lang" => command(&["/lang", value]),
            "bits" => command(&["/bits", value]),
            _ => command(&["/set", key, value]),
        };
        chips.push((said, now == *value, Touch::Words(words)));
    }
    chips_draw(window, &chips, place);
}

/// Ряд кнопок во всю ширину; длинной надписи — больше места. Выбранная закрашена.
pub fn chips_draw(window: &mut Window, chips: &[(String, bool, Touch)], place: Rect) {
    let palette = window.palette;
    let many = chips.len() as i32;
    let mut widths = Vec::new();
    let mut sum = 0;
    for (said, _, _) in chips {
        let wide = word_width(&mut window.words, LABEL, said).ceil() as i32 + 16;
        widths.push(wide);
        sum += wide;
    }
    let spare = i32::max(0, place.w - (many - 1) * 8 - sum) / i32::max(1, many);
    let mut x = place.x;
    for (index, (said, chosen, touch)) in chips.iter().enumerate() {
        let one = rect(x, place.y, widths[index] + spare, place.h);
        let hot = window.hover.as_ref() == Some(touch);
        let (back, front) = if *chosen {
            (palette.chosen, palette.chosen_text)
        } else if hot {
            (palette.hover, palette.text)
        } else {
            (palette.field, palette.text)
        };
        round(one, 10, back);
        clip_push(rect(one.x, one.y, one.w, one.h));
        words_middle(LABEL, front, said, one);
        clip_pop();
        window.canvas_hits.push((one, touch.clone()));
        x += one.w + 8;
    }
}

/// Кнопки с командами.
fn deeds_draw(window: &mut Window, buttons: &[(&str, &[&str])], place: Rect) {
    let mut chips = Vec::new();
    let blocked = match person(window) {
        Some(person) => person.blocked,
        None => false,
    };
    for (label, deed) in buttons {
        // Запрет снимает та же кнопка, что ставит.
        let lifts = blocked && *label == "window-block";
        let label = if lifts { "window-unblock" } else { label };
        let deed: &[&str] = if lifts { &["/add", "@"] } else { deed };
        let mut words = Vec::new();
        for word in deed {
            match *word {
                "$2" => words.push(String::from(window.widgets.two.value().trim())),
                "$" => words.push(String::from(window.widgets.one.value().trim())),
                "@" => words.push(id_digits(window.open.unwrap_or_default())),
                plain => words.push(String::from(plain)),
            }
        }
        let touch = match deed {
            ["open", name] => Touch::OpenPath(window.options.home.join(name).display().to_string()),
            ["copy", _] => Touch::CopyText(window.card.clone()),
            ["/spam"] => Touch::Folder(super::state::Folder::Spam),
            _ => Touch::Words(words),
        };
        chips.push((text(&window.texts, label, &[]), false, touch));
    }
    chips_draw(window, &chips, place);
}

/// Строка сведений; щелчок копирует её.
fn fact_draw(window: &mut Window, label: &str, fact: Fact, place: Rect) {
    let palette = window.palette;
    label_draw(window, label, place);
    let said = match fact {
        Fact::Id => id_shown(window.me),
        Fact::Person => id_shown(window.open.unwrap_or_default()),
        Fact::Server if window.server.is_empty() => text(&window.texts, "window-link-down", &[]),
        Fact::Server => window.server.clone(),
        Fact::Version => String::from(concat!("Supertext ", env!("CARGO_PKG_VERSION"))),
        Fact::Home => window.options.home.display().to_string(),
        Fact::Licence => match window.licence {
            Some((until, _)) => day_full(&window.texts, until),
            None => text(&window.texts, "window-licence-none", &[]),
        },
    };
    let shown = fit(&mut window.words, CHIP, &said, f64::from(place.w - 4));
    words(CHIP, palette.text, &shown, place.x + 2, place.y + 38);
    window.canvas_hits.push((place, Touch::CopyText(said)));
}

/// Шрифты: два ряда по три.
fn fonts_draw(window: &mut Window, place: Rect) {
    label_draw(window, "window-set-font", place);
    let now = option(window, "font");
    let mut chips = Vec::new();
    for name in window.fonts.clone() {
        let own = text(&window.texts, "window-font-own", &[]);
        let said = if name.is_empty() { own } else { name.clone() };
        chips.push((said, now == name, Touch::Words(command(&["/set", "font", &name]))));
    }
    let half = usize::min(3, chips.len());
    chips_draw(window, &chips[..half], rect(place.x, place.y + 24, place.w, 34));
    chips_draw(window, &chips[half..], rect(place.x, place.y + 64, place.w, 34));
}
