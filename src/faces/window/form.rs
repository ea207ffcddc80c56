//! Pages on the right side: first start, adding a person, settings.
//! Страницы справа: первый запуск, новый человек, настройки.

use fltk::prelude::{InputExt, WidgetExt};

use super::act::{chat_open, command, draft_keep};
use super::audit::layer_next;
use super::lay::{Face, fit, lay};
use super::paint::{BOLD, PLAIN, cross, fill, round, words, words_middle};
use super::place::{HEAD, Places, rect};
use super::settings::{lines_open, settings_draw, settings_fields};
use super::state::{Effect, Field, Rect, Touch, View, Window};
use supertext::base::ids::{ID_DIGITS, Id, id_digits, id_parse, id_shown};
use supertext::faces::lines::show_text;
use supertext::faces::texts::{Texts, text, text_fail};
use supertext::logic::events::Standing;
use supertext::logic::show::Show;
use supertext::net::address::join_parse;

/// Faces of pages.
const TITLE: Face = Face { font: BOLD, size: 18 };
const LABEL: Face = Face { font: PLAIN, size: 14 };
const CHIP: Face = Face { font: BOLD, size: 14 };
const HUGE: Face = Face { font: BOLD, size: 30 };

/// Где стоят поля страницы.
pub fn form_fields(window: &Window, at: &Places) -> (Option<Rect>, Option<Rect>) {
    let (x, y, w) = (at.form.x, at.form.y, at.form.w);
    match window.view {
        View::First => {
            let top = first_top(at);
            (Some(rect(x, top + 110, w, 40)), Some(rect(x, top + 194, w, 40)))
        }
        View::Add => (Some(rect(x, y + 40, w, 40)), Some(rect(x, y + 136, w, 40))),
        View::Settings | View::Person => settings_fields(window, at),
        View::Room => (Some(rect(x, y + 40, w, 40)), None),
        View::Password => (Some(rect(x, y + 90, w, 40)), None),
        View::Chat | View::Picture | View::Preview => (None, None),
    }
}

/// Верх первой страницы: она стоит посередине.
fn first_top(at: &Places) -> i32 {
    i32::max(20, (at.canvas.h - 400) / 2)
}

/// Открывает страницу или возвращает чат.
pub fn form_open(window: &mut Window, view: View) {
    draft_keep(window);
    let view = if window.view == view { View::Chat } else { view };
    window.view = view;
    window.error_one.clear();
    window.error_two.clear();
    window.widgets.one.set_value("");
    window.widgets.two.set_value("");
    if matches!(view, View::Settings | View::Person) {
        lines_open(window);
    }
    window.effects.push(Effect::Place);
    window.effects.push(Effect::Focus(match view {
        View::Chat | View::Picture | View::Preview => Field::Message,
        View::First | View::Add | View::Settings | View::Person | View::Room | View::Password => {
            Field::One
        }
    }));
}

/// Рисует страницу.
pub fn form_draw(window: &mut Window, at: &Places) {
    fill(at.canvas, window.palette.side);
    match window.view {
        View::First => first_draw(window, at),
        View::Add => add_draw(window, at),
        View::Settings | View::Person => settings_draw(window, at),
        View::Room => room_draw(window, at),
        View::Password => password_draw(window, at),
        View::Chat | View::Picture | View::Preview => {}
    }
}

/// Шапка страницы с крестиком.
pub fn title_draw(window: &mut Window, at: &Places, title: &str) {
    let palette = window.palette;
    fill(rect(at.head.x, HEAD - 1, at.head.w, 1), palette.line);
    let said = fit(&mut window.words, TITLE, title, f64::from(at.head.w - 80));
    words(TITLE, palette.text, &said, at.head.x + 20, 35);
    let place = rect(at.head.x + at.head.w - 46, 10, 36, 36);
    if window.hover == Some(Touch::Back) {
        round(place, 18, palette.hover);
    }
    cross(place.x + 12, place.y + 12, 12, palette.quiet);
    window.canvas_hits.push((place, Touch::Back));
}

/// Подложка поля с надписью над ним и ошибкой под ним.
pub fn field_draw(window: &mut Window, place: Rect, label: &str, under: &str, bad: bool) {
    let palette = window.palette;
    words(LABEL, palette.quiet, label, place.x + 2, place.y - 10);
    if bad {
        let edge = rect(place.x - 1, place.y - 1, place.w + 2, place.h + 2);
        round(edge, 11, palette.warn);
    }
    round(place, 10, palette.field);
    let color = if bad { palette.warn } else { palette.quiet };
    let face = Face { font: PLAIN, size: 13 };
    let laid = lay(&mut window.words, face, under, f64::from(place.w - 4));
    let mut y = place.y + place.h + 18;
    for line in laid.lines.iter().take(3) {
        words(face, color, &under[line.from..line.to], place.x + 2, y);
        y += 17;
    }
}

/// Большая кнопка.
pub fn button_draw(window: &mut Window, place: Rect, label: &str, touch: Touch, ready: bool) {
    let palette = window.palette;
    let hot = window.hover.as_ref() == Some(&touch);
    let back = if ready { palette.chosen } else { palette.field };
    round(place, 10, back);
    if hot && ready {
        round(place, 10, palette.accent);
    }
    let front = if ready { palette.chosen_text } else { palette.quiet };
    words_middle(CHIP, front, label, place);
    window.canvas_hits.push((place, touch));
}

/// Первая страница: имя и строка сервера.
fn first_draw(window: &mut Window, at: &Places) {
    let (Some(one), Some(two)) = form_fields(window, at) else { return };
    let palette = window.palette;
    let top = first_top(at);
    words_middle(HUGE, palette.accent, "Supertext", rect(at.form.x, top, at.form.w, 40));
    let said = text(&window.texts, "window-first-words", &[]);
    words_middle(LABEL, palette.quiet, &said, rect(at.form.x, top + 42, at.form.w, 24));
    let label = text(&window.texts, "window-first-name", &[]);
    let under = window.error_one.clone();
    field_draw(window, one, &label, &under, !under.is_empty());
    let label = text(&window.texts, "window-first-server", &[]);
    let bad = !window.error_two.is_empty();
    let hint = text(&window.texts, "window-first-hint", &[]);
    let under = if bad { window.error_two.clone() } else { hint };
    field_draw(window, two, &label, &under, bad);
    let go = rect(at.form.x, two.y + 106, at.form.w, 44);
    let label = text(&window.texts, "window-first-go", &[]);
    let ready = !window.widgets.one.value().trim().is_empty();
    button_draw(window, go, &label, Touch::FirstGo, ready);
}

/// «Начать»: проверить имя и строку сервера.
pub fn form_first(window: &mut Window) {
    window.error_one.clear();
    window.error_two.clear();
    if window.widgets.one.value().trim().is_empty() {
        window.error_one = text(&window.texts, "window-name-missing", &[]);
        window.effects.push(Effect::Focus(Field::One));
        return;
    }
    let join = window.widgets.two.value();
    if !join.trim().is_empty() {
        if let Err(failed) = join_parse(&join) {
            window.error_two = text_fail(&window.texts, &failed);
            window.effects.push(Effect::Focus(Field::Two));
            return;
        }
    }
    window.first_done = true;
}

/// Что сказать о набираемом номере: текст и плохо ли.
pub fn id_hint(texts: &Texts, typed: &str) -> (String, bool) {
    let mut digits = 0;
    for letter in typed.chars() {
        if letter.is_ascii_digit() {
            digits += 1;
        } else if letter != ' ' && letter != '\u{a0}' {
            return (text(texts, "window-id-digits", &[]), true);
        }
    }
    if digits == 0 {
        return (text(texts, "window-id-hint", &[]), false);
    }
    if digits < ID_DIGITS {
        let left = [("left", (ID_DIGITS - digits).to_string())];
        return (text(texts, "window-id-left", &left), false);
    }
    match id_parse(typed) {
        Ok(_) => (text(texts, "window-id-good", &[]), false),
        Err(_) => (text(texts, "window-id-wrong", &[]), true),
    }
}

/// Страница «новый человек».
fn add_draw(window: &mut Window, at: &Places) {
    let title = text(&window.texts, "window-add", &[]);
    title_draw(window, at, &title);
    let (Some(one), Some(two)) = form_fields(window, at) else { return };
    let typed = window.widgets.one.value();
    let (mut under, mut bad) = id_hint(&window.texts, &typed);
    if !window.error_one.is_empty() {
        under = window.error_one.clone();
        bad = true;
    }
    let label = text(&window.texts, "window-add-id", &[]);
    field_draw(window, one, &label, &under, bad);
    let label = text(&window.texts, "window-add-words", &[]);
    field_draw(window, two, &label, "", false);
    let ready = id_parse(&typed).is_ok();
    let label = text(&window.texts, "window-add-go", &[]);
    button_draw(window, rect(two.x, two.y + 66, two.w, 44), &label, Touch::AddGo, ready);
    let mine = [("id", id_shown(window.me))];
    let said = text(&window.texts, "window-add-mine", &mine);
    words(LABEL, window.palette.quiet, &said, two.x + 2, two.y + 146);
    let label = text(&window.texts, "window-room-new", &[]);
    button_draw(window, rect(two.x, two.y + 176, two.w, 44), &label, Touch::RoomNew, true);
}

/// Страница новой комнаты: имя и те, кого нажали слева.
fn room_draw(window: &mut Window, at: &Places) {
    let title = text(&window.texts, "window-room-new", &[]);
    title_draw(window, at, &title);
    let (Some(one), _) = form_fields(window, at) else { return };
    let label = text(&window.texts, "window-room-name", &[]);
    let under = window.error_one.clone();
    field_draw(window, one, &label, &under, !under.is_empty());
    let mut names = String::new();
    for id in &window.picked {
        let Some(person) = window.people.get(id) else { continue };
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push_str(&person.name);
    }
    let empty = names.is_empty();
    let said = if empty { text(&window.texts, "window-room-pick", &[]) } else { names };
    let color = if empty { window.palette.quiet } else { window.palette.text };
    let laid = lay(&mut window.words, LABEL, &said, f64::from(one.w - 4));
    let mut y = one.y + 90;
    for line in laid.lines.iter().take(6) {
        words(LABEL, color, &said[line.from..line.to], one.x + 2, y);
        y += 20;
    }
    let ready = !empty && !window.widgets.one.value().trim().is_empty();
    let label = text(&window.texts, "window-room-go", &[]);
    button_draw(window, rect(one.x, y + 10, one.w, 44), &label, Touch::RoomGo, ready);
}

/// Человека нажали: в комнату или из неё. Комнату в комнату не зовут.
pub fn room_pick(window: &mut Window, id: Id) {
    let person = match window.people.get(&id) {
        Some(person) => person.room.is_none() && person.standing == Standing::Contact,
        None => false,
    };
    if person && !window.picked.remove(&id) {
        window.picked.insert(id);
    }
}

/// «Завести»: комната с этим именем и этими людьми.
pub fn room_go(window: &mut Window) {
    let name = window.widgets.one.value();
    if name.trim().is_empty() {
        window.error_one = text(&window.texts, "window-name-missing", &[]);
        window.effects.push(Effect::Focus(Field::One));
        return;
    }
    if window.picked.is_empty() {
        return;
    }
    let mut words = command(&["/room", name.trim()]);
    for id in &window.picked {
        words.push(id_digits(*id));
    }
    window.picked.clear();
    window.room_wanted = true;
    window.effects.push(Effect::Words(words));
    form_open(window, View::Chat);
}

/// Человек, найденный по имени: остаётся его добавить.
pub fn form_found(window: &mut Window, id: Id) {
    form_open(window, View::Add);
    window.widgets.one.set_value(&id_digits(id));
}

/// «Добавить»: попросить о знакомстве и открыть чат.
pub fn form_add(window: &mut Window) {
    let typed = window.widgets.one.value();
    let id = match id_parse(&typed) {
        Ok(id) if id == window.me => {
            window.error_one = text(&window.texts, "window-id-own", &[]);
            return;
        }
        Ok(id) => id,
        Err(failed) => {
            window.error_one = text_fail(&window.texts, &failed);
            return;
        }
    };
    let said = window.widgets.two.value();
    window.effects.push(Effect::Words(command(&["/add", &id_digits(id), said.trim()])));
    chat_open(window, id);
}

/// Открывает страницу пароля; если она уже открыта, спрашивает снова.
pub fn form_password(window: &mut Window, show: &Show) {
    window.wanted = show_text(&window.texts, show);
    window.view = View::Chat;
    form_open(window, View::Password);
}

/// Страница пароля: что за пароль, поле, которое его не показывает.
fn password_draw(window: &mut Window, at: &Places) {
    let title = text(&window.texts, "window-password", &[]);
    title_draw(window, at, &title);
    let (Some(one), _) = form_fields(window, at) else { return };
    let said = window.wanted.clone();
    let laid = lay(&mut window.words, LABEL, &said, f64::from(one.w));
    let mut y = one.y - 66;
    for line in laid.lines.iter().take(3) {
        words(LABEL, window.palette.text, &said[line.from..line.to], one.x + 2, y);
        y += 20;
    }
    field_draw(window, one, "", "", false);
    let ready = !window.widgets.one.value().is_empty();
    let label = text(&window.texts, "window-password-go", &[]);
    button_draw(window, rect(one.x, one.y + 60, one.w, 44), &label, Touch::PasswordGo, ready);
}

/// Пароль набран: он уходит ядру и нигде не остаётся.
pub fn password_give(window: &mut Window) {
    let secret = window.widgets.one.value();
    if secret.is_empty() {
        return;
    }
    window.effects.push(Effect::Secret(secret));
    form_open(window, View::Chat);
}

/// Весть поверх чата.
pub fn toast_draw(window: &mut Window, area: Rect) {
    if window.toast.is_empty() {
        return;
    }
    layer_next();
    let face = Face { font: PLAIN, size: 14 };
    let said = window.toast.clone();
    let laid = lay(&mut window.words, face, &said, f64::from(i32::min(560, area.w - 80)));
    let many = i32::min(laid.lines.len() as i32, 6);
    let wide = laid.widest.ceil() as i32 + 32;
    let place = rect(area.x + (area.w - wide) / 2, area.y + 10, wide, many * 19 + 14);
    round(place, 12, window.palette.chosen);
    for (at, line) in laid.lines.iter().enumerate().take(many as usize) {
        let y = place.y + 21 + at as i32 * 19;
        words(face, window.palette.chosen_text, &said[line.from..line.to], place.x + 16, y);
    }
    window.canvas_hits.push((place, Touch::ToastDrop));
}

/// Поля ввода страницы: видны ли и где.
pub fn form_place(window: &Window, at: &Places) {
    let (one, two) = form_fields(window, at);
    for (field, place) in [(window.widgets.one.clone(), one), (window.widgets.two.clone(), two)] {
        let mut field = field;
        match place {
            Some(place) => field.resize(place.x + 10, place.y + 6, place.w - 20, place.h - 12),
            None => field.resize(-400, -400, 10, 10),
        }
    }
}
