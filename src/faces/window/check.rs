//! `supertext gallery --json`: every page of the window in turn, small and large, and what of its
//! texts is cut by an edge or lies upon another. Answers with JSON lines.
//! `supertext gallery --json`: все страницы окна по очереди, малые и большие, и какие надписи
//! обрезаны краем или лежат друг на друге. Отвечает строками JSON.

use fltk::app;
use fltk::prelude::{InputExt, WidgetExt};
use serde_json::json;

use super::act::{answer_begin, effects_run};
use super::audit::{audit_begin, audit_look};
use super::canvas::canvas_sheet;
use super::chat::{chat_end, chat_scroll};
use super::form::form_open;
use super::gallery::{NOON, gallery_open, gallery_step, message_show};
use super::run::widgets_place;
use super::sections::SECTIONS;
use super::settings::section_open;
use super::shows::show_take;
use super::state::{Effect, MenuAbout, View, WINDOW, Window};
use super::strips::bits_take;
use super::typing::typed_set;
use supertext::base::fail::{Fail, FailKind, fail};
use supertext::logic::account::Purpose;
use supertext::logic::show::Show;

/// Sizes of the window: the least there is, a small screen, the usual one, a large one.
const SIZES: &[(i32, i32)] = &[(760, 480), (800, 500), (1000, 700), (1800, 1000)];
/// Pixels the chat is scrolled from page to page.
const STEP: i32 = 350;

/// One page of the check.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Page {
    /// The chat, scrolled so many steps up.
    Chat(i32),
    Answer,
    Typed,
    RowMenu,
    PersonMenu,
    Bits,
    Unsent,
    Licence,
    Found,
    Toast,
    Add,
    Section(usize),
    Person,
    Password,
    First,
}

/// Все страницы.
fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    for step in 0..12 {
        pages.push(Page::Chat(step));
    }
    pages.extend([Page::Answer, Page::Typed, Page::RowMenu, Page::PersonMenu, Page::Bits]);
    pages.extend([Page::Unsent, Page::Licence, Page::Found, Page::Toast, Page::Add]);
    for index in 0..SECTIONS.len() {
        pages.push(Page::Section(index));
    }
    pages.extend([Page::Person, Page::Password, Page::First]);
    pages
}

/// Обходит страницы; ошибка `Integrity` — на них что-то не так.
pub fn check_run(theme: &str, language: &str) -> Result<(), Fail> {
    gallery_open(theme, language);
    let (mut looked, mut bad) = (0, 0);
    for (w, h) in SIZES {
        let mut window = match WINDOW.lock() {
            Ok(guard) => match guard.as_ref() {
                Some(window) => window.widgets.window.clone(),
                None => return Ok(()),
            },
            Err(_) => return Ok(()),
        };
        window.resize(0, 0, *w, *h);
        for page in pages() {
            let problems = page_look(page);
            looked += 1;
            bad += problems.len();
            for problem in problems {
                let line = json!({"event": "problem", "page": format!("{page:?}"),
                    "size": format!("{w}x{h}"), "what": problem});
                println!("{line}");
            }
        }
    }
    println!("{}", json!({"event": "checked", "pages": looked, "problems": bad}));
    if bad == 0 { Ok(()) } else { Err(fail(FailKind::Integrity, &format!("{bad}"))) }
}

/// Ставит страницу, рисует её и возвращает, что на ней не так.
fn page_look(page: Page) -> Vec<String> {
    {
        let Ok(mut guard) = WINDOW.lock() else { return Vec::new() };
        let Some(window) = guard.as_mut() else { return Vec::new() };
        page_clear(window);
        page_set(window, page);
        window.effects.clear();
    }
    // Оконный менеджер меняет размер не сразу; страница рисуется, когда он уже верен.
    for _ in 0..4 {
        widgets_place();
        let _ = app::wait_for(0.01);
        let _ = gallery_step();
    }
    audit_begin();
    widgets_place();
    effects_run(vec![Effect::Redraw]);
    app::flush();
    let size = match WINDOW.lock() {
        Ok(guard) => match guard.as_ref() {
            Some(window) => window.size,
            None => (0, 0),
        },
        Err(_) => (0, 0),
    };
    audit_look(size)
}

/// Убирает всё, что поставила прежняя страница.
fn page_clear(window: &mut Window) {
    window.view = View::Chat;
    window.menu = None;
    window.bits = None;
    window.licence = None;
    window.unsent.clear();
    window.toast.clear();
    window.found.clear();
    window.widgets.search.set_value("");
    typed_set(window, "");
    super::people::people_order(window);
    if let Some(chat) = super::act::chat_now(window) {
        chat.answering = None;
        chat_end(chat);
    }
}

/// Ставит страницу.
fn page_set(window: &mut Window, page: Page) {
    match page {
        Page::Chat(step) => {
            if let Some(mut sheet) = canvas_sheet(window) {
                chat_scroll(&mut sheet, step * STEP);
            }
        }
        Page::Answer => answer_begin(window, 0, false),
        Page::Typed => typed_set(window, &"Длинное сообщение, которое растёт. ".repeat(40)),
        Page::RowMenu => {
            let (w, h) = window.size;
            window.menu = Some((MenuAbout::Row(1), w - 60, h - 60));
        }
        Page::PersonMenu => window.menu = Some((MenuAbout::Person, window.size.0 - 240, 60)),
        Page::Bits => {
            let peer = window.open.unwrap_or_default();
            bits_take(window, peer, true, b"Plain words of a message", &[0xa5; 300]);
        }
        Page::Unsent => window.unsent = String::from("Анна Смирнова: 3, фильм.mkv, 王小明: 1"),
        Page::Licence => window.licence = Some((NOON, NOON - 86_400_000)),
        Page::Found => {
            window.found = vec![message_show(3, "Found words of a message that is rather long")];
        }
        Page::Toast => {
            let said = "Короткая весть, которая бывает и длинной: столько слов, что строки две";
            super::act::toast(window, said);
        }
        Page::Add => form_open(window, View::Add),
        Page::Section(index) => {
            form_open(window, View::Settings);
            section_open(window, index);
        }
        Page::Person => form_open(window, View::Person),
        Page::Password => {
            let name = String::from("Ира");
            show_take(window, Show::Password { purpose: Purpose::Login, name, again: false });
        }
        Page::First => {
            window.view = View::First;
        }
    }
}
