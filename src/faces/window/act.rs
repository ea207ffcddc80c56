//! What a click or a key does: changes of the state, commands to the core, and effects that are
//! run after the lock is let go, because FLTK may call back while they run.
//! Что делает щелчок или клавиша: перемены состояния, команды ядру и действия, которые исполняются
//! без замка: FLTK в это время может позвать обработчик.

use fltk::app;
use fltk::enums::Cursor;
use fltk::prelude::{InputExt, WidgetExt, WindowExt};

use super::canvas::canvas_sheet;
use super::chat::{chat_end, chat_show, row_find, text_safe};
use super::filesend::{file_choose, path_open};
use super::form::{form_add, form_first, form_found, form_open, password_give, room_go, room_pick};
use super::jump::{chat_left, end_load};
use super::looks::{font_apply, fonts_load};
use super::menu::menu_do;
use super::nearby::nearby_later;
use super::notice::seen_note;
use super::people::{people_order, title_set};
use super::pictures::PictureOrder;
use super::run::{on_fade, on_glide, on_toast, widgets_place};
use super::search::found_open;
use super::settings::{field_save, section_open};
use super::state::{
    Answering, Body, Effect, Field, Folder, PICTURES, Touch, View, WINDOW, Widgets, Window,
};
use super::typing::typed_set;
use super::viewer::{preview_send, viewer_open, viewer_step};
use supertext::base::clock::time_now;
use supertext::base::ids::{Id, id_digits, id_is_room};
use supertext::faces::commands::{line_parse, words_parse};
use supertext::faces::ending::program_end;
use supertext::faces::input::command_put;
use supertext::faces::secrets::{line_shown, secret_put, secrets_answer, secrets_asked};
use supertext::faces::texts::text;
use supertext::logic::events::Command;
use supertext::store::settings::{Settings, settings_write};
use supertext::workers::map::Queues;

/// Where drafts are kept over restarts.
pub const DRAFTS: &str = "drafts.json";
/// Messages of the past asked for at once.
const PAGE: u64 = 60;

/// Слова команды.
pub fn command(words: &[&str]) -> Vec<String> {
    let mut out = Vec::new();
    for word in words {
        out.push(String::from(*word));
    }
    out
}

/// Исполняет щелчок.
pub fn touch_do(window: &mut Window, touch: Touch) {
    match touch {
        Touch::Person(id) if window.view == View::Room => room_pick(window, id),
        Touch::Person(id) => chat_open(window, id),
        Touch::RoomNew => form_open(window, View::Room),
        Touch::RoomGo => room_go(window),
        Touch::Found(peer, number) => found_open(window, peer, number),
        Touch::Folder(folder) => {
            if window.view == View::Settings {
                form_open(window, View::Chat);
            }
            let spam = folder == Folder::Spam;
            window.folder = folder;
            window.side_scroll = 0;
            people_order(window);
            if spam {
                window.effects.push(Effect::Words(command(&["/spam"])));
            }
        }
        Touch::Gear => form_open(window, View::Settings),
        Touch::Plus => form_open(window, View::Add),
        Touch::CopyId => copy_told(window, id_digits(window.me), "window-copied"),
        Touch::Back => {
            if window.view == View::Password {
                window.effects.push(Effect::Secret(String::new()));
            }
            window.preview = None;
            form_open(window, View::Chat);
        }
        Touch::AddGo => form_add(window),
        Touch::PasswordGo => password_give(window),
        Touch::FirstGo => form_first(window),
        Touch::Send => message_send(window),
        Touch::Attach => window.effects.push(Effect::Choose),
        Touch::Down => {
            if let Some(chat) = chat_now(window) {
                if chat.later {
                    end_load(chat);
                }
                chat_end(chat);
            }
        }
        Touch::AnswerDrop => answer_drop(window),
        Touch::Quote(message) => quote_show(window, &message),
        Touch::Link(address) => window.effects.push(Effect::OpenPath(address)),
        Touch::Words(words) => window.effects.push(Effect::Words(words)),
        Touch::Ask { token, yes } => ask_answer(window, token, yes),
        Touch::OpenPath(path) => window.effects.push(Effect::OpenPath(path)),
        Touch::Save(field) => field_save(window, field),
        Touch::Picture(path) => viewer_open(window, &path),
        Touch::PictureStep(by) => viewer_step(window, by),
        Touch::PreviewSend => preview_send(window),
        Touch::Section(index) => section_open(window, index),
        Touch::CopyText(said) => copy_told(window, said, "window-copied-text"),
        Touch::NearAdd(id) => form_found(window, id),
        Touch::ToastDrop => window.toast.clear(),
        Touch::Menu(key) => menu_do(window, key),
        Touch::HeadPage => form_open(window, View::Person),
        Touch::LeaveNow | Touch::Stay => unsent_answer(window, touch == Touch::LeaveNow),
        Touch::Bubble(_) | Touch::HeadMenu | Touch::Thumb => {}
    }
    window.effects.push(Effect::Redraw);
}

/// Копирует и говорит об этом.
fn copy_told(window: &mut Window, copied: String, key: &str) {
    window.effects.push(Effect::Copy(copied));
    let said = text(&window.texts, key, &[]);
    toast(window, &said);
}

/// Ответ на вопрос о неотправленном.
fn unsent_answer(window: &mut Window, leave: bool) {
    window.unsent.clear();
    window.effects.push(Effect::Place);
    if leave {
        // Первое слово предупреждает, если о вопросе уже забыто; второе уходит.
        for _ in 0..2 {
            window.effects.push(Effect::Words(command(&["/quit"])));
        }
    } else {
        // Всякое другое слово возвращает ядру прежнюю осторожность.
        let chosen = match window.open {
            Some(peer) => command(&["/to", &id_digits(peer)]),
            None => command(&["/to"]),
        };
        window.effects.push(Effect::Words(chosen));
    }
}

/// Открытый чат.
pub fn chat_now(window: &mut Window) -> Option<&mut super::state::Chat> {
    let peer = window.open?;
    window.chats.get_mut(&peer)
}

/// Открывает чат: черновик прежнего остаётся у него, свой ставится в поле.
pub fn chat_open(window: &mut Window, id: Id) {
    draft_keep(window);
    window.view = View::Chat;
    if window.open != Some(id) {
        if let Some(left) = chat_now(window) {
            chat_left(left);
        }
    }
    window.open = Some(id);
    window.selection = None;
    window.glide = 0.0;
    window.chats.entry(id).or_default();
    window.effects.push(Effect::Words(command(&["/to", &id_digits(id)])));
    if !id_is_room(id) {
        // У комнаты своих остатков нет.
        window.effects.push(Effect::Words(command(&["/limits", &id_digits(id)])));
    }
    page_ask(window, id);
    let mut draft = String::new();
    if let Some(chat) = window.chats.get_mut(&id) {
        chat_end(chat);
        draft = chat.draft.clone();
    }
    typed_set(window, &draft);
    if let Some(person) = window.people.get_mut(&id) {
        person.unread = 0;
    }
    seen_note(id);
    title_set(window);
    people_order(window);
    window.effects.push(Effect::Place);
    window.effects.push(Effect::Focus(Field::Message));
}

/// Просит страницу прошлого, если её ещё не просили и она есть.
pub fn page_ask(window: &mut Window, id: Id) {
    let Some(chat) = window.chats.get_mut(&id) else { return };
    let new = chat.first == 0;
    if chat.asking || (!new && !chat.more) || window.queues.is_none() {
        return;
    }
    chat.asking = true;
    let first = chat.first.to_string();
    let many = PAGE.to_string();
    let words = command(&["/page", &id_digits(id), &first, &many]);
    window.effects.push(Effect::Words(words));
}

/// Запоминает набранное в черновике чата и пишет черновики на диск.
pub fn draft_keep(window: &mut Window) {
    let typed = window.widgets.message.value();
    let Some(peer) = window.open else { return };
    let Some(chat) = window.chats.get_mut(&peer) else { return };
    let editing = match &chat.answering {
        Some(answering) => answering.edit,
        None => false,
    };
    if editing || chat.draft == typed {
        return;
    }
    chat.draft = typed;
    drafts_write(window);
}

/// Пишет черновики на диск: они переживают запуск.
pub fn drafts_write(window: &Window) {
    if window.options.home.as_os_str().is_empty() {
        return;
    }
    let mut drafts = Settings::new();
    for (id, chat) in &window.chats {
        if !chat.draft.trim().is_empty() {
            drafts.insert(id_digits(*id), chat.draft.clone());
        }
    }
    if let Err(failed) = settings_write(&window.options.home.join(DRAFTS), &drafts) {
        tracing::warn!("drafts: {}", failed.detail);
    }
}

/// Отправляет набранное: текст, ответ, правку или команду.
pub fn message_send(window: &mut Window) {
    let typed = window.widgets.message.value();
    let Some(peer) = window.open else { return };
    if typed.trim().is_empty() {
        return;
    }
    let said = String::from(typed.trim());
    let mut answering = None;
    if let Some(chat) = window.chats.get_mut(&peer) {
        answering = chat.answering.take();
        chat.draft.clear();
        chat_end(chat);
    }
    let who = id_digits(peer);
    let words = match answering {
        Some(about) => {
            let word = if about.edit { "/edit" } else { "/reply" };
            command(&[word, &hex::encode(about.message), &said])
        }
        None if said.starts_with("//") => command(&["/msg", &who, &said[1..]]),
        // Косая черта — команда, та же, что в консоли.
        None if said.starts_with('/') => command(&[&said]),
        None => command(&["/msg", &who, &said]),
    };
    window.effects.push(Effect::Words(words));
    typed_set(window, "");
    drafts_write(window);
    window.effects.push(Effect::Place);
}

/// Больше не отвечать и не править.
pub fn answer_drop(window: &mut Window) {
    let mut was_edit = false;
    if let Some(chat) = chat_now(window) {
        if let Some(answering) = chat.answering.take() {
            was_edit = answering.edit;
        }
    }
    if was_edit {
        typed_set(window, "");
    }
    window.effects.push(Effect::Place);
}

/// Начинает ответ на строку чата или её правку.
pub fn answer_begin(window: &mut Window, index: usize, edit: bool) {
    let you = text(&window.texts, "window-you", &[]);
    let mut name = you.clone();
    if let Some(peer) = window.open {
        if let Some(person) = window.people.get(&peer) {
            name = person.name.clone();
        }
    }
    let Some(chat) = chat_now(window) else { return };
    let Some(row) = chat.rows.get(index) else { return };
    let shown = if row.outgoing { you } else { name };
    let said = row.text.clone();
    chat.answering =
        Some(Answering { message: row.message, edit, name: shown, text: said.clone() });
    if edit {
        typed_set(window, &said);
    }
    window.effects.push(Effect::Place);
    window.effects.push(Effect::Focus(Field::Message));
}

/// Листает к сообщению, на которое ответили.
fn quote_show(window: &mut Window, message: &[u8; 16]) {
    let Some(mut sheet) = canvas_sheet(window) else { return };
    if let Some(index) = row_find(sheet.chat, message) {
        chat_show(&mut sheet, index);
    }
}

/// Ответ на вопрос ядра; вопрос больше не спрашивает.
fn ask_answer(window: &mut Window, token: u64, yes: bool) {
    let word = if yes { "/yes" } else { "/no" };
    window.effects.push(Effect::Words(command(&[word, &token.to_string()])));
    let answer = text(&window.texts, if yes { "window-yes" } else { "window-no" }, &[]);
    for chat in window.chats.values_mut() {
        for row in &mut chat.rows {
            if row.body == Body::Ask(Some(token)) {
                row.body = Body::Ask(None);
                row.text.push_str(&format!(" — {answer}"));
                row.laid = None;
            }
        }
    }
}

/// Короткая весть поверх чата; сама гаснет.
pub fn toast(window: &mut Window, said: &str) {
    window.toast = text_safe(said);
    window.toast_until = time_now().mono_ms + 5_000;
    window.effects.push(Effect::ToastLater);
    window.effects.push(Effect::Redraw);
}

/// Исполняет накопленное; замок в это время свободен.
pub fn effects_run(effects: Vec<Effect>) {
    if effects.is_empty() {
        return;
    }
    let (widgets, queues) = {
        let Ok(guard) = WINDOW.try_lock() else { return };
        let Some(window) = guard.as_ref() else { return };
        (window.widgets.clone(), window.queues)
    };
    let mut redraw = false;
    for effect in effects {
        if effect == Effect::Redraw {
            redraw = true;
        } else if let Effect::Words(words) = &effect {
            if let Some(queues) = queues {
                words_put(queues, words);
            }
        } else if let Effect::Secret(secret) = &effect {
            if let Some(queues) = queues {
                secret_put(queues, secret.clone());
            }
        } else {
            effect_do(effect, &widgets, queues);
        }
    }
    if redraw {
        redraw_all(&widgets);
    }
}

/// Команда ядру. Одно слово с косой чертой — строка, набранная как в консоли.
fn words_put(queues: &Queues, words: &[String]) {
    let parsed = match words {
        [line] => line_parse(line),
        _ => words_parse(words),
    };
    // Текст сообщения в отказе не повторяется.
    let shown = if matches!(parsed, Command::Say { .. } | Command::Message { .. }) {
        String::new()
    } else {
        words.join(" ")
    };
    let asked = secrets_asked(&parsed);
    command_put(queues, parsed, line_shown(&shown));
    secrets_answer(queues, asked);
}

/// Перерисовать всё, кроме полей: они — вслед за тем, что под ними.
pub fn redraw_all(widgets: &Widgets) {
    let mut widgets = widgets.clone();
    widgets.side.redraw();
    widgets.canvas.redraw();
}

/// Одно действие.
fn effect_do(effect: Effect, widgets: &Widgets, queues: Option<&Queues>) {
    let mut window = widgets.window.clone();
    match effect {
        Effect::Copy(said) => app::copy(&said),
        Effect::Focus(field) => {
            match field {
                // Поле, у которого клавиатура уже есть, от второго раза сдвинуло бы курсор.
                Field::Message if widgets.message.has_focus() => {}
                Field::Message => drop(widgets.message.clone().take_focus()),
                Field::One => drop(widgets.one.clone().take_focus()),
                Field::Two => drop(widgets.two.clone().take_focus()),
            }
        }
        Effect::Choose => file_choose(),
        Effect::OpenPath(path) => path_open(&path),
        Effect::Title(title) => window.set_label(&title),
        Effect::Place => widgets_place(),
        Effect::Glide => {
            app::add_timeout3(0.012, on_glide);
        }
        Effect::ToastLater => {
            app::add_timeout3(5.1, on_toast);
        }
        Effect::Fade => {
            app::add_timeout3(0.1, on_fade);
        }
        Effect::Hand(on) => window.set_cursor(if on { Cursor::Hand } else { Cursor::Default }),
        Effect::Leave(code) => {
            // В Windows новая программа начинается раньше, чем кончается эта.
            window.hide();
            program_end(code, queues)
        }
        Effect::Paste => {
            if PICTURES.orders.0.try_send(PictureOrder::Clipboard).is_err() {
                app::paste_text(&widgets.message);
            }
        }
        Effect::PasteText => app::paste_text(&widgets.message),
        Effect::Near => nearby_later(),
        Effect::Fonts => fonts_load(),
        Effect::Font => font_apply(),
        Effect::Words(_) | Effect::Secret(_) | Effect::Redraw => {}
    }
}
