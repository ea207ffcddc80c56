//! Rooms in the faces: how their commands fall into words, how a room and its members are shown.
//! Комнаты в лицах: как их команды делятся на слова, как показываются комната и её участники.

use serde_json::{Value, json};

use super::commands::{Verb, word};
use super::json::{receipt_word, uuid_or_null};
use super::lines::{clean_line, message_digits};
use super::texts::{Texts, text};
use super::words::who_split;
use crate::base::bounds::ROOM_MEMBERS_MAX;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_digits, id_is_room, id_shown};
use crate::logic::events::Command;
use crate::logic::rooms::{RoomCommand, RoomState};
use crate::logic::show::{MemberShow, MessageShow, RoomShow};

/// Делит остаток строки на комнату и людей: имена в кавычках, номера с пробелами, слова.
pub fn room_split(rest: &str, words: &mut Vec<String>) {
    let mut rest = rest;
    while !rest.is_empty() && words.len() <= ROOM_MEMBERS_MAX + 1 {
        let (who, after) = who_split(rest);
        words.push(who);
        rest = after;
    }
}

/// Собирает команду о комнатах. Ошибка `ArgumentMissing` называет, чего не хватает.
pub fn room_make(verb: Verb, words: &[String]) -> Result<Command, Fail> {
    let command = if verb == Verb::Room {
        let name = String::from(word(words, 0, "NAME")?);
        RoomCommand::Make { name, whos: words[1..].to_vec() }
    } else if verb == Verb::Rooms {
        RoomCommand::List
    } else if verb == Verb::Invite {
        let (room, who) = room_and_who(words)?;
        RoomCommand::Invite { room, who }
    } else if verb == Verb::Expel {
        let (room, who) = room_and_who(words)?;
        RoomCommand::Expel { room, who }
    } else if verb == Verb::Leave {
        RoomCommand::Leave(room_or_chosen(words)?)
    } else {
        RoomCommand::Members(room_or_chosen(words)?)
    };
    Ok(Command::Room(command))
}

/// Комната и человек, оба названы.
fn room_and_who(words: &[String]) -> Result<(String, String), Fail> {
    let room = String::from(word(words, 0, "ROOM")?);
    let who = String::from(word(words, 1, "ID")?);
    match words.get(2) {
        Some(extra) => Err(fail(FailKind::ArgumentBad, extra)),
        None => Ok((room, who)),
    }
}

/// Названная комната или, без слов, выбранная.
fn room_or_chosen(words: &[String]) -> Result<String, Fail> {
    match (words.first(), words.get(1)) {
        (_, Some(extra)) => Err(fail(FailKind::ArgumentBad, extra)),
        (Some(room), None) => Ok(room.clone()),
        (None, None) => Ok(String::new()),
    }
}

/// Слово для того, как мы стоим с комнатой.
pub fn room_word(state: RoomState) -> &'static str {
    match state {
        RoomState::Asked => "invited",
        RoomState::Joined => "joined",
        RoomState::Left => "left",
        RoomState::Expelled => "expelled",
    }
}

/// Комната как объект JSON.
pub fn room_json(shown: &RoomShow) -> Value {
    json!({
        "event": "room", "room": id_digits(shown.id), "name": shown.name,
        "owner": id_digits(shown.owner), "owner_name": shown.owner_name,
        "members": shown.members, "unread": shown.unread, "state": room_word(shown.state)})
}

/// Участник как объект JSON.
pub fn member_json(shown: &MemberShow) -> Value {
    let state = match shown.state {
        Some(state) => Value::String(String::from(receipt_word(state))),
        None => Value::Null,
    };
    json!({
        "event": "member", "room": id_digits(shown.room), "id": id_digits(shown.id),
        "name": shown.name, "owner": shown.owner, "own": shown.own,
        "message": uuid_or_null(&shown.message), "state": state})
}

/// Номер комнаты для JSON; у человека комнаты нет.
pub fn room_or_null(id: Id) -> Value {
    if id_is_room(id) { Value::String(id_digits(id)) } else { Value::Null }
}

/// Автор для JSON; своё и сказанное вне комнат его не называет.
pub fn author_or_null(id: Id) -> Value {
    if id == 0 { Value::Null } else { Value::String(id_digits(id)) }
}

/// Комната строкой: номер, имя, сколько участников, кто хозяин, сколько не прочитано.
pub fn room_line(texts: &Texts, shown: &RoomShow) -> String {
    let values = [
        ("id", id_shown(shown.id)),
        ("name", clean_line(&shown.name)),
        ("members", shown.members.to_string()),
        ("owner", clean_line(&shown.owner_name)),
    ];
    let mut line = text(texts, &format!("room-{}", room_word(shown.state)), &values);
    if shown.unread > 0 {
        line.push_str(&format!("  [{}]", shown.unread));
    }
    line
}

/// Участник строкой: номер, имя, не хозяин ли, дошло ли до него последнее своё сообщение.
pub fn member_line(texts: &Texts, shown: &MemberShow) -> String {
    let mut line = format!("  {}  {}", id_shown(shown.id), clean_line(&shown.name));
    if shown.owner {
        line.push_str(&format!("  {}", text(texts, "member-owner", &[])));
    }
    if let Some(state) = shown.state {
        let word = text(texts, &format!("member-{}", receipt_word(state)), &[]);
        line.push_str(&format!("  {word} {}", message_digits(&shown.message)));
    }
    line
}

/// Кто говорит, для строки сообщения: в комнате — она сама и автор.
pub fn speaker(shown: &MessageShow) -> String {
    if shown.author == 0 {
        return clean_line(&shown.name);
    }
    format!("{} {}", clean_line(&shown.name), clean_line(&shown.author_name))
}
