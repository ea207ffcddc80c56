//! The first state of the window, its fields' keys, and whether there is a display at all.
//! Первое состояние окна, клавиши его полей и есть ли вообще экран.

use std::collections::{BTreeMap, BTreeSet};

use fltk::app;
use fltk::app::TimeoutHandle;
use fltk::enums::{Event, Key};
use fltk::input::Input;
use fltk::prelude::{InputExt, WidgetExt};

use super::act::{DRAFTS, command, effects_run, touch_do};
use super::form::form_open;
use super::keys::{is_enter, latin_pressed};
use super::lay::Words;
use super::notice::seen_note;
use super::people::{people_order, title_set};
use super::pictures::Pictures;
use super::place::TYPED_LINE;
use super::state::{
    Chat, Effect, Field, Folder, Frames, Options, Touch, View, Viewer, WINDOW, Widgets, Window,
};
use super::theme::palette_of;
use supertext::base::ids::{id_digits, id_parse};
use supertext::faces::texts::texts_load;
use supertext::logic::show::LinkShow;
use supertext::store::settings::{setting_get, settings_read};

/// Есть ли экран: в Windows и macOS — всегда, иначе по окружению.
pub fn display_here() -> bool {
    if cfg!(any(windows, target_os = "macos")) {
        return true;
    }
    for name in ["DISPLAY", "WAYLAND_DISPLAY"] {
        if let Some(value) = std::env::var_os(name) {
            if !value.is_empty() {
                return true;
            }
        }
    }
    false
}

/// Окно, которое ещё ничего не знает; черновики прежнего запуска уже на месте.
pub fn window_new(widgets: Widgets, options: Options, language: &str, first: bool) -> Window {
    let mut chats: BTreeMap<u64, Chat> = BTreeMap::new();
    if let Ok(drafts) = settings_read(&options.home.join(DRAFTS)) {
        for (id, draft) in drafts {
            if let Ok(id) = id_parse(&id) {
                chats.insert(id, Chat { draft, ..Chat::default() });
            }
        }
    }
    Window {
        queues: None,
        size: (1000, 700),
        widgets,
        texts: texts_load(language),
        palette: palette_of(&setting_get(&options.settings, "theme")),
        name: options.name.clone(),
        options,
        words: Words::new(),
        me: 0,
        server: String::new(),
        link: LinkShow::Down,
        people: BTreeMap::new(),
        order: Vec::new(),
        folder: Folder::All,
        folder_rows: 1,
        found: Vec::new(),
        search_due: 0,
        side_scroll: 0,
        chats,
        open: None,
        view: if first { View::First } else { View::Chat },
        section: 0,
        fonts: Vec::new(),
        scales: Vec::new(),
        card: String::new(),
        doors: Vec::new(),
        near: Vec::new(),
        near_asking: false,
        licence: None,
        pictures: Pictures::new(),
        viewer: Viewer::default(),
        preview: None,
        picked: BTreeSet::new(),
        room_wanted: false,
        bits: None,
        unsent: String::new(),
        thumb_held: None,
        wanted: String::new(),
        error_one: String::new(),
        error_two: String::new(),
        toast: String::new(),
        toast_until: 0,
        side_hits: Vec::new(),
        canvas_hits: Vec::new(),
        seen: Vec::new(),
        hover: None,
        selection: None,
        selecting: false,
        menu: None,
        glide: 0.0,
        typed_h: TYPED_LINE,
        dragging: false,
        focused: true,
        effects: Vec::new(),
        frames: Frames::default(),
        labels: BTreeMap::new(),
        first_done: false,
        leaving: false,
    }
}

/// Клавиатура пришла к полю или ушла: куда — видно чуть позже.
pub fn focus_note(event: Event) {
    if event == Event::Focus || event == Event::Unfocus {
        app::add_timeout3(0.12, on_focus_look);
    }
}

/// У окна ли клавиатура: без неё пришедшее не считается прочитанным.
pub fn on_focus_look(_handle: TimeoutHandle) {
    let here = app::focus().is_some();
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    let Some(window) = guard.as_mut() else { return };
    if window.focused == here {
        return;
    }
    window.focused = here;
    let Some(peer) = window.open else { return };
    let words = if here { command(&["/to", &id_digits(peer)]) } else { command(&["/to"]) };
    if here {
        if let Some(person) = window.people.get_mut(&peer) {
            person.unread = 0;
        }
        seen_note(peer);
        title_set(window);
        people_order(window);
    }
    let mut effects = std::mem::take(&mut window.effects);
    drop(guard);
    effects.push(Effect::Words(words));
    effects.push(Effect::Redraw);
    effects_run(effects);
}

/// Клавиши полей: Enter — дальше, Escape — назад, Ctrl+буква — по месту клавиши.
pub fn on_field_event(field: &mut Input, event: Event) -> bool {
    focus_note(event);
    if event != Event::KeyDown {
        return false;
    }
    if app::is_event_ctrl() {
        return field_shortcut(field);
    }
    let enter = is_enter();
    if !enter && app::event_key() != Key::Escape {
        return false;
    }
    let Ok(mut guard) = WINDOW.try_lock() else { return false };
    let Some(window) = guard.as_mut() else { return false };
    if field.is_same(&window.widgets.search) {
        field_search(window, enter);
    } else if enter {
        field_enter(window, field.is_same(&window.widgets.one));
    } else if window.view != View::First {
        touch_do(window, Touch::Back);
    }
    let effects = std::mem::take(&mut window.effects);
    drop(guard);
    effects_run(effects);
    true
}

/// Enter в поиске открывает первого найденного, Escape очищает поиск.
fn field_search(window: &mut Window, enter: bool) {
    if enter {
        if let Some(first) = window.order.first().copied() {
            touch_do(window, Touch::Person(first));
        } else if id_parse(&window.widgets.search.value()).is_ok() {
            // Номер, которого нет среди своих: самое время его добавить.
            let typed = window.widgets.search.value();
            form_open(window, View::Add);
            window.widgets.one.set_value(&typed);
            window.widgets.search.set_value("");
            people_order(window);
        }
    } else {
        window.widgets.search.set_value("");
        people_order(window);
        window.effects.push(Effect::Focus(Field::Message));
    }
    window.effects.push(Effect::Redraw);
}

/// Enter на странице: со второго поля — сделать, с первого — к следующему или сделать.
fn field_enter(window: &mut Window, from_one: bool) {
    match window.view {
        View::First if from_one => window.effects.push(Effect::Focus(Field::Two)),
        View::First => touch_do(window, Touch::FirstGo),
        View::Add => touch_do(window, Touch::AddGo),
        View::Password => touch_do(window, Touch::PasswordGo),
        View::Settings | View::Person if from_one => touch_do(window, Touch::Save(Field::One)),
        View::Settings | View::Person => touch_do(window, Touch::Save(Field::Two)),
        View::Room => touch_do(window, Touch::RoomGo),
        View::Preview => touch_do(window, Touch::PreviewSend),
        View::Chat | View::Picture => {}
    }
}

/// Сочетания с Ctrl в полях, на любой раскладке.
fn field_shortcut(field: &mut Input) -> bool {
    match latin_pressed() {
        Some('c') => {
            let _ = field.copy();
        }
        Some('x') => {
            let _ = field.copy();
            let _ = field.cut();
        }
        Some('v') => app::paste_text(field),
        Some('z') => {
            let _ = field.undo();
        }
        Some('a') => {
            let _ = field.set_position(0);
            let _ = field.set_mark(field.value().len() as i32);
        }
        Some(_) | None => return false,
    }
    field.do_callback();
    true
}
