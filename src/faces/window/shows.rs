//! What the controller shows, one arm each: it becomes people, rows of chats, toasts.
//! То, что показывает controller, по ветке на каждое: люди, строки чатов, вести.

use super::act::{chat_open, toast};
use super::chat::{chat_before, chat_push, file_find, row_find, text_safe};
use super::form::{form_found, form_open, form_password};
use super::jump::{jump_look, later_take, row_arrive};
use super::nearby::{card_take, link_told, near_take};
use super::notice::{message_note, offer_note};
use super::people::{
    contact_take, last_take, limits_take, people_order, person_of, request_take, room_take,
    title_set,
};
use super::pipe::{ASKED, asked_answer};
use super::search::found_take;
use super::state::{Body, Effect, FileRow, Row, View, Window, row_new};
use super::strips::bits_take;
use supertext::base::clock::time_now;
use supertext::base::fail::{Fail, FailKind};
use supertext::base::ids::{Id, id_shown};
use supertext::faces::lines::show_text;
use supertext::faces::texts::{text, text_fail, texts_load};
use supertext::logic::show::{
    Ask, FileShow, FileState, LinkShow, MessageShow, PathShow, ReceiptState, Show,
};
use supertext::wire::message::MessageId;

/// Показанное становится состоянием окна.
pub fn show_take(window: &mut Window, show: Show) {
    match show {
        Show::Ready { id, name, card, language } => {
            window.card = card;
            ready(window, id, &name, &language);
        }
        Show::Bits { peer, outgoing, before, after, .. } => {
            bits_take(window, peer, outgoing, &before, &after);
        }
        Show::Identity { .. }
        | Show::Help(_)
        | Show::Safety { .. }
        | Show::Settings(_)
        | Show::Outside { .. } => note_put(window, &show),
        Show::Card { ref card, ref addresses } if card_take(window, card, addresses) => {}
        Show::Near { id, ref address } if near_take(window, id, address) => {}
        Show::Card { .. } | Show::Near { .. } => note_put(window, &show),
        Show::Link { state, server, reason, .. } => link_take(window, state, server, reason),
        Show::PeerLink(shown) => path_take(window, &shown),
        Show::Contact { .. } => contact_take(window, &show),
        Show::Request { id, name, words } => request_take(window, id, &name, &words),
        Show::Password { .. } => form_password(window, &show),
        Show::Person { id, .. } => person_found(window, id, &show),
        Show::Room(shown) => room_take(window, &shown),
        Show::Member(_) => note_put(window, &show),
        Show::Deleted { peer, message } => deleted(window, peer, &message),
        Show::Message(shown) => message_take(window, shown),
        Show::Page { peer, messages, more, after } => {
            page_take(window, peer, &messages, more, after);
        }
        Show::Found { words, messages } => found_take(window, &words, messages),
        Show::Licence { until_ms, server_now_ms } => {
            licence_take(window, until_ms, server_now_ms);
        }
        Show::Chats(messages) => chats_take(window, &messages),
        Show::Receipt { peer, message, state, at, reason } => {
            receipt_take(window, peer, &message, state, at, reason);
        }
        Show::Offer { peer, message, transfer, name, size, .. } => {
            let file = file_row(transfer, FileState::Offered, &name, size);
            file_put(window, peer, message, file, false);
            offer_note(window, peer, &name);
        }
        Show::Progress { peer, transfer, bytes, size, rate } => {
            progress_take(window, peer, transfer, bytes, size, rate);
        }
        Show::File(shown) => file_take(window, shown),
        Show::Limits { peer, messages, files, .. } => limits_take(window, peer, messages, files),
        Show::Confirm { token, peer, packets, what, left, .. } => {
            ask_take(window, token, peer, &what, packets, left);
        }
        // Чат, названный при запуске.
        Show::Chosen { id, .. } if window.open.is_none() && window.view == View::Chat => {
            chat_open(window, id);
        }
        Show::Chosen { .. } => {}
        Show::Language(code) => {
            window.texts = texts_load(&code);
            layouts_drop(window);
            title_set(window);
        }
        Show::Info { key, values } => info_take(window, key, &values),
        Show::Error { fail, .. } => error_take(window, &fail),
        Show::Exit(code) => {
            window.leaving = true;
            window.effects.push(Effect::Leave(code));
        }
    }
    window.effects.push(Effect::Redraw);
}

/// Связь с сервером.
fn link_take(window: &mut Window, state: LinkShow, server: String, reason: Option<Fail>) {
    window.link = state;
    window.server = server;
    if let Some(failed) = reason {
        tracing::info!("link: {}", text_fail(&window.texts, &failed));
    }
}

/// Ошибка — весть; о неотправленном при закрытии — полоса с вопросом.
fn error_take(window: &mut Window, failed: &Fail) {
    if failed.kind == FailKind::Unsent {
        window.unsent = text_safe(&failed.detail);
        window.effects.push(Effect::Place);
        return;
    }
    let said = text_fail(&window.texts, failed);
    toast(window, &said);
}

/// Последнее сообщение с каждым.
fn chats_take(window: &mut Window, messages: &[MessageShow]) {
    for shown in messages {
        last_take(window, shown);
    }
    people_order(window);
}

/// До какого дня лицензия сервера, по его часам.
fn licence_take(window: &mut Window, until_ms: u64, now_ms: u64) {
    window.licence = Some((until_ms, now_ms));
    window.effects.push(Effect::Place);
}

/// Человек с учётной записью, найденный по имени.
fn person_found(window: &mut Window, id: Id, show: &Show) {
    note_put(window, show);
    form_found(window, id);
}

/// Путь к человеку сменился: он виден в шапке чата.
fn path_take(window: &mut Window, shown: &PathShow) {
    link_told(window, shown);
    let up = shown.state == LinkShow::Up;
    if let Some(person) = window.people.get_mut(&shown.peer) {
        person.path = if up { Some(shown.path) } else { None };
        person.via = shown.via.clone();
    }
}

/// Первое слово ядра: кто я; дальше окно спрашивает, с кем и о чём говорилось.
fn ready(window: &mut Window, id: Id, name: &str, language: &str) {
    window.me = id;
    window.name = if name.is_empty() { id_shown(id) } else { String::from(name) };
    if window.texts.code != language {
        window.texts = texts_load(language);
    }
    for line in ["/contacts", "/spam", "/rooms", "/chats", "/files", "/status"] {
        window.effects.push(Effect::Words(vec![String::from(line)]));
    }
    title_set(window);
}

/// Вопрос о трате: пузырь с кнопками в чате.
fn ask_take(window: &mut Window, token: u64, peer: Id, what: &Ask, packets: u64, left: u64) {
    let (key, file) = match what {
        Ask::Message => ("window-ask-message", String::new()),
        Ask::File(file) => ("window-ask-file", text_safe(file)),
    };
    let (packets, left) = (packets.to_string(), left.to_string());
    let values = [("file", file), ("packets", packets), ("left", left)];
    let said = text(&window.texts, key, &values);
    let row = row_new(Body::Ask(Some(token)), &said, true, time_now().wall_ms);
    chat_push(window.chats.entry(peer).or_default(), row);
}

/// Раскладка забывается: сменился язык или шрифт.
pub fn layouts_drop(window: &mut Window) {
    for chat in window.chats.values_mut() {
        for row in &mut chat.rows {
            row.laid = None;
        }
    }
}

/// Строка чата из сообщения или файла.
fn row_of(shown: &MessageShow) -> Row {
    let body = match &shown.file {
        Some(past) => {
            let mut file = file_row(past.transfer, past.state, &past.name, past.size);
            file.path = past.path.clone();
            Body::File(file)
        }
        None => Body::Text,
    };
    let mut row = row_new(body, &text_safe(&shown.text), shown.outgoing, shown.sent);
    row.message = shown.message;
    row.received = shown.received;
    row.edited = shown.edited;
    row.reply = shown.reply;
    row.number = shown.number;
    if let Some((own, said)) = &shown.quote {
        row.quote = Some((*own, text_safe(said)));
    }
    row.author = (shown.author, text_safe(&shown.author_name));
    row.state = shown.state;
    row
}

/// Сообщение: новое, исправленное или из прошлого.
fn message_take(window: &mut Window, shown: MessageShow) {
    let peer = shown.peer;
    let here = window.focused && window.open == Some(peer) && window.view == View::Chat;
    let edit = shown.edited > 0 && !shown.past;
    if !shown.past {
        if !edit {
            last_take(window, &shown);
        }
        let person = person_of(window, peer);
        if !shown.outgoing && !here && !edit {
            person.unread += 1;
        }
        people_order(window);
        title_set(window);
    }
    message_note(window, &shown);
    let Some(chat) = window.chats.get_mut(&peer) else { return };
    if let Some(index) = row_find(chat, &shown.message) {
        let row = &mut chat.rows[index];
        row.text = text_safe(&shown.text);
        row.edited = shown.edited;
        row.laid = None;
        let said = row.text.clone();
        if index + 1 == chat.rows.len() {
            person_of(window, peer).last = said;
        }
        return;
    }
    // Прошлое приходит страницами; правка ещё не прочитанного придёт вместе с ним.
    if !shown.past && !edit {
        row_arrive(chat, row_of(&shown));
    }
}

/// Страница прошлого: старые строки — сверху, видимое остаётся на месте; более новые — снизу.
fn page_take(window: &mut Window, peer: Id, messages: &[MessageShow], more: bool, after: bool) {
    let chat = window.chats.entry(peer).or_default();
    chat.asking = false;
    let mut rows = Vec::new();
    for shown in messages {
        let outside = chat.first == 0 || after || shown.number < chat.first;
        if outside && row_find(chat, &shown.message).is_none() {
            rows.push(row_of(shown));
        }
    }
    let many = if after {
        later_take(chat, rows, messages, more);
        0
    } else {
        chat.more = more;
        chat.first = match messages.first() {
            Some(shown) => shown.number,
            None => u64::max(chat.first, 1),
        };
        chat_before(chat, rows)
    };
    if window.open != Some(peer) {
        return;
    }
    if let Some(selection) = &mut window.selection {
        selection.from.0 += many;
        selection.to.0 += many;
    }
    jump_look(window);
}

/// Сообщение удалено у себя.
fn deleted(window: &mut Window, peer: Id, message: &MessageId) {
    let Some(chat) = window.chats.get_mut(&peer) else { return };
    if let Some(index) = row_find(chat, message) {
        chat.rows.remove(index);
        chat.bottom = usize::min(chat.bottom, chat.rows.len().saturating_sub(1));
        if let Some(next) = chat.rows.get_mut(index) {
            next.laid = None;
        }
        window.selection = None;
    }
}

/// Что стало с сообщением.
fn receipt_take(
    window: &mut Window,
    peer: Id,
    message: &MessageId,
    state: ReceiptState,
    at: u64,
    reason: Option<Fail>,
) {
    if let Some(failed) = reason {
        let said = text_fail(&window.texts, &failed);
        toast(window, &said);
    }
    let Some(chat) = window.chats.get_mut(&peer) else { return };
    if let Some(index) = row_find(chat, message) {
        let row = &mut chat.rows[index];
        row.state = state;
        if state == ReceiptState::Delivered && row.received == 0 {
            row.received = at;
            row.laid = None;
        }
    }
}

/// Строка файла.
fn file_row(transfer: u32, state: FileState, name: &str, size: u64) -> FileRow {
    FileRow {
        transfer,
        state,
        name: text_safe(name),
        path: String::new(),
        bytes: 0,
        size,
        rate: 0,
        why: String::new(),
    }
}

/// Новый файл в чате или перемена у прежнего.
fn file_put(window: &mut Window, peer: Id, message: MessageId, file: FileRow, outgoing: bool) {
    let now = time_now().wall_ms;
    let open = window.focused && window.open == Some(peer) && window.view == View::Chat;
    let chat = window.chats.entry(peer).or_default();
    let old = match row_find(chat, &message) {
        Some(index) => Some(index),
        None => file_find(chat, file.transfer),
    };
    if let Some(index) = old {
        chat.rows[index].body = Body::File(file);
        chat.rows[index].laid = None;
        return;
    }
    let name = file.name.clone();
    let mut row = row_new(Body::File(file), "", outgoing, now);
    row.message = message;
    row_arrive(chat, row);
    let person = person_of(window, peer);
    person.last = format!("📎 {name}");
    person.last_out = outgoing;
    person.last_at = now;
    if !outgoing && !open {
        person.unread += 1;
    }
    people_order(window);
}

/// Передача изменилась.
fn file_take(window: &mut Window, shown: FileShow) {
    let mut file = file_row(shown.transfer, shown.state, &shown.name, shown.size);
    file.path = shown.path;
    file.bytes = shown.bytes;
    file.rate = shown.rate;
    if let Some(failed) = &shown.reason {
        file.why = text_fail(&window.texts, failed);
    }
    file_put(window, shown.peer, shown.message, file, shown.outgoing);
}

/// Ход передачи.
fn progress_take(window: &mut Window, peer: Id, transfer: u32, bytes: u64, size: u64, rate: u64) {
    let Some(chat) = window.chats.get_mut(&peer) else { return };
    let Some(index) = file_find(chat, transfer) else { return };
    if let Body::File(file) = &mut chat.rows[index].body {
        file.bytes = bytes;
        file.size = size;
        file.rate = rate;
    }
}

/// Строка из lang/: настройка меняет окно сразу, остальное — весть.
fn info_take(window: &mut Window, key: &str, values: &[(&'static str, String)]) {
    match key {
        "setting-set" => setting_take(window, values),
        ASKED => {
            if let Some((_, line)) = values.first() {
                asked_answer(window, line);
            }
        }
        "contacts-none" | "rooms-none" | "peers-none" | "spam-none" | "files-none"
        | "chat-closed" => {}
        "contact-removed" | "history-cleared" => {
            if let Some(peer) = window.open {
                window.chats.remove(&peer);
                if key == "contact-removed" {
                    window.people.remove(&peer);
                    window.open = None;
                    window.effects.push(Effect::Place);
                } else {
                    chat_open(window, peer);
                }
            }
            people_order(window);
            let said = text(&window.texts, key, values);
            toast(window, &said);
        }
        _ => {
            let said = text(&window.texts, key, values);
            toast(window, &said);
        }
    }
}

/// Настройка изменилась.
fn setting_take(window: &mut Window, values: &[(&'static str, String)]) {
    let (mut name, mut value) = (String::new(), String::new());
    for (key, held) in values {
        match *key {
            "key" => name = held.clone(),
            "value" => value = held.clone(),
            _ => {}
        }
    }
    window.options.settings.insert(name.clone(), value.clone());
    match name.as_str() {
        "theme" => {
            window.palette = super::theme::palette_of(&value);
            window.effects.push(Effect::Place);
        }
        "font" | "font_size" => window.effects.push(Effect::Font),
        "name" => {
            window.name = value;
            title_set(window);
        }
        _ => {}
    }
}

/// Ответ на команду, набранную в поле, — тихой строкой в открытом чате.
fn note_put(window: &mut Window, show: &Show) {
    let said = show_text(&window.texts, show);
    let Some(peer) = window.open else { return toast(window, &said) };
    if window.view != View::Chat {
        form_open(window, View::Chat);
    }
    let row = row_new(Body::Note, &text_safe(&said), false, time_now().wall_ms);
    chat_push(window.chats.entry(peer).or_default(), row);
}
