//! People of the left column: who they are, how they stand, in which order they are shown.
//! Люди левого столбца: кто они, как с ними обстоит, в каком порядке показаны.

use fltk::prelude::InputExt;

use super::act::chat_open;
use super::chat::{chat_push, text_safe};
use super::notice::{request_note, unread_note};
use super::state::{Body, Effect, Folder, Person, RoomFace, View, Window, row_new};
use supertext::base::clock::time_now;
use supertext::base::ids::{Id, id_digits, id_shown};
use supertext::faces::texts::text;
use supertext::logic::events::Standing;
use supertext::logic::show::{MessageShow, PeerState, RoomShow, Show};

/// Человек по номеру; незнакомый заводится.
pub fn person_of(window: &mut Window, id: Id) -> &mut Person {
    window.people.entry(id).or_insert(Person {
        id,
        name: id_shown(id),
        state: PeerState::Unknown,
        standing: Standing::Contact,
        blocked: false,
        verified: false,
        changed: false,
        unread: 0,
        last: String::new(),
        last_out: false,
        last_at: 0,
        messages_left: None,
        files_left: None,
        folder: String::new(),
        path: None,
        via: String::new(),
        room: None,
        last_author: String::new(),
    })
}

/// Контакт появился или изменился.
pub fn contact_take(window: &mut Window, show: &Show) {
    let Show::Contact { id, name, state, unread, blocked, standing, verified, changed, folder } =
        show
    else {
        return;
    };
    let open = window.focused && window.open == Some(*id) && window.view == View::Chat;
    let person = person_of(window, *id);
    let asked = person.standing;
    person.name = if name.is_empty() { id_shown(*id) } else { text_safe(name) };
    person.state = *state;
    person.blocked = *blocked;
    person.standing = *standing;
    person.verified = *verified;
    person.changed = *changed;
    person.folder = text_safe(folder);
    person.unread = if open { 0 } else { *unread };
    if asked != *standing && matches!(*standing, Standing::Contact) {
        // Ответ дан: под просьбой больше нет кнопок.
        if let Some(chat) = window.chats.get_mut(id) {
            for row in &mut chat.rows {
                if row.body == Body::Request {
                    row.body = Body::Note;
                    row.laid = None;
                }
            }
        }
    }
    people_order(window);
    title_set(window);
}

/// Просьба о знакомстве: пузырь с кнопками в чате этого человека.
pub fn request_take(window: &mut Window, id: Id, name: &str, words: &str) {
    let now = time_now().wall_ms;
    let person = person_of(window, id);
    if !name.is_empty() && person.name == id_shown(id) {
        person.name = text_safe(name);
    }
    if person.standing == Standing::Contact {
        person.standing = Standing::Asks;
    }
    person.last_at = u64::max(person.last_at, now);
    person.unread = u64::max(person.unread, 1);
    let who = vec![("who", person.name.clone())];
    let mut said = text(&window.texts, "request", &who);
    if !words.is_empty() {
        said.push_str(&format!("\n«{}»", text_safe(words)));
    }
    request_note(window, id);
    let chat = window.chats.entry(id).or_default();
    for row in &chat.rows {
        if row.body == Body::Request {
            return;
        }
    }
    chat_push(chat, row_new(Body::Request, &said, false, now));
    people_order(window);
}

/// Последнее сообщение человека — для левого столбца.
pub fn last_take(window: &mut Window, shown: &MessageShow) {
    let person = person_of(window, shown.peer);
    let at = u64::max(shown.sent, shown.received);
    if at < person.last_at || shown.edited > 0 && shown.sent < person.last_at {
        return;
    }
    person.last = match &shown.file {
        Some(file) => format!("📎 {}", text_safe(&file.name)),
        None => text_safe(&shown.text),
    };
    person.last_author = text_safe(&shown.author_name);
    person.last_out = shown.outgoing;
    person.last_at = at;
}

/// Комната появилась или изменилась.
pub fn room_take(window: &mut Window, shown: &RoomShow) {
    let open = window.focused && window.open == Some(shown.id) && window.view == View::Chat;
    let own = shown.owner == window.me;
    let new = !window.people.contains_key(&shown.id);
    let person = person_of(window, shown.id);
    person.name = text_safe(&shown.name);
    person.unread = if open { 0 } else { shown.unread };
    person.room = Some(RoomFace { members: shown.members, state: shown.state, own });
    if own && new && std::mem::take(&mut window.room_wanted) {
        chat_open(window, shown.id);
    }
    people_order(window);
    title_set(window);
}

/// Остатки человека.
pub fn limits_take(window: &mut Window, peer: Id, messages: u64, files: u64) {
    if let Some(person) = window.people.get_mut(&peer) {
        person.messages_left = Some(messages);
        person.files_left = Some(files);
    }
}

/// Порядок людей: по последнему сообщению; папка и поиск отбирают.
pub fn people_order(window: &mut Window) {
    let wanted = window.widgets.search.value().to_lowercase();
    let mut rows: Vec<(u64, Id)> = Vec::new();
    for person in window.people.values() {
        let spam = person.standing == Standing::Spam;
        let fits = match &window.folder {
            Folder::All => !spam,
            Folder::Own(name) => !spam && person.folder == *name,
            Folder::Unread => !spam && (person.unread > 0 || window.open == Some(person.id)),
            Folder::Spam => spam,
        };
        let found = wanted.is_empty()
            || person.name.to_lowercase().contains(&wanted)
            || id_digits(person.id).contains(&wanted.replace(' ', ""));
        if fits && found {
            rows.push((u64::MAX - person.last_at, person.id));
        }
    }
    rows.sort_unstable();
    window.order.clear();
    for (_, id) in rows {
        window.order.push(id);
    }
}

/// Заголовок окна с числом непрочитанного.
pub fn title_set(window: &mut Window) {
    let mut unread = 0;
    for person in window.people.values() {
        if person.standing != Standing::Spam {
            unread += person.unread;
        }
    }
    unread_note(window, unread);
    let mut title = String::from("Supertext");
    if unread > 0 {
        title = format!("({unread}) {title}");
    }
    if !window.name.is_empty() {
        title.push_str(&format!(" — {}", window.name));
    }
    window.effects.push(Effect::Title(title));
}
