//! The JSON pipe: every event is one line on stdout (docs/faces.md). Scripts rely on these names.
//! Поток JSON: каждое событие — одна строка в stdout (docs/faces.md). На эти имена полагаются
//! скрипты.

use std::io::Write;

use crossbeam_channel::TryRecvError;
use serde_json::{Value, json};

use super::commands::COMMANDS;
use super::ending::program_end;
use super::lines::question_text;
use super::rooms::{author_or_null, member_json, room_json, room_or_null};
use super::texts::{Texts, text, text_fail, texts_load};
use crate::base::clock::time_rfc3339;
use crate::base::fail::{Fail, fail_row};
use crate::base::ids::{Id, id_digits};
use crate::logic::account::Purpose;
use crate::logic::events::Standing;
pub use crate::logic::show::file_word;
use crate::logic::show::{
    FileShow, LinkShow, MessageShow, Nat, Path, PathShow, PeerState, ReceiptState, Show,
};
use crate::store::contacts::standing_word;
use crate::wire::message::MessageId;
use crate::workers::map::Queues;

/// Столько байт событий пишется за раз.
const TEXT_AT_ONCE: usize = 1_000_000;

/// Столько байт показывается битами; сколько их всего, сказано рядом.
const BITS_MAX: usize = 4096;

/// Лицо «поток JSON»: пишет события, пока не придёт последнее.
pub fn json_face(queues: &Queues) {
    let mut texts = texts_load("en");
    let mut stdout = std::io::stdout().lock();
    loop {
        let Ok(mut show) = queues.to_displayer.take.recv() else {
            return;
        };
        // Всё, что уже ждёт, пишется одним куском: одно пробуждение — одна запись.
        let mut text = String::new();
        let mut code = None;
        loop {
            if let Show::Language(chosen) | Show::Ready { language: chosen, .. } = &show {
                texts = texts_load(chosen);
            }
            if let Show::Exit(number) = show {
                code = Some(number);
            } else {
                show_lines(&texts, &show, &mut text);
            }
            if code.is_some() || text.len() >= TEXT_AT_ONCE {
                break;
            }
            match queues.to_displayer.take.try_recv() {
                Ok(next) => show = next,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let written = stdout.write_all(text.as_bytes());
        let flushed = stdout.flush();
        if let Some(code) = code {
            program_end(code, Some(queues));
        }
        if written.is_err() || flushed.is_err() {
            // Читатель потока ушёл: уходить и нам, но чисто.
            super::input::command_put(queues, crate::logic::events::Command::Terminate, "");
        }
    }
}

/// Событие строкой (справка и найденное — несколькими).
pub fn show_lines(texts: &Texts, show: &Show, out: &mut String) {
    if let Show::Found { messages, .. } = show {
        for shown in messages {
            line_put(out, &message_json(shown));
        }
        if messages.is_empty() {
            let none = Show::Info { key: "history-none", values: Vec::new() };
            line_put(out, &show_json(texts, &none));
        }
        return;
    }
    if let Show::Help(word) = show {
        for row in COMMANDS {
            if word.is_empty() || row.word == word || row.word.strip_prefix('/') == Some(word) {
                let key = format!("help-{}", row.word.trim_start_matches('/'));
                let line = format!("{} {} — {}", row.word, row.usage, text(texts, &key, &[]));
                line_put(out, &json!({"event": "info", "text": line}));
            }
        }
        return;
    }
    line_put(out, &show_json(texts, show));
}

/// Дописывает строку.
fn line_put(out: &mut String, value: &Value) {
    out.push_str(&value.to_string());
    out.push('\n');
}

/// Причина: текст и код, или ничего.
fn reason_text(texts: &Texts, reason: &Option<Fail>) -> Value {
    match reason {
        Some(failed) => Value::String(text_fail(texts, failed)),
        None => Value::Null,
    }
}

/// Код причины.
fn reason_code(reason: &Option<Fail>) -> Value {
    match reason {
        Some(failed) => Value::String(String::from(fail_row(failed.kind).code)),
        None => Value::Null,
    }
}

/// Слово для состояния собеседника.
pub fn peer_word(state: PeerState) -> &'static str {
    match state {
        PeerState::Unknown => "unknown",
        PeerState::Online => "online",
        PeerState::Offline => "offline",
        PeerState::Refused => "refused",
    }
}

/// Слово для состояния контакта: не ответивший и отказавший названы так, в сети они или нет.
pub fn contact_word(state: PeerState, standing: Standing) -> &'static str {
    match standing {
        Standing::Asked => "pending",
        Standing::Declined => "refused",
        Standing::Contact
        | Standing::Asks
        | Standing::Later
        | Standing::Spam
        | Standing::Member => peer_word(state),
    }
}

/// Слово для состояния линии.
pub fn link_word(state: LinkShow) -> &'static str {
    match state {
        LinkShow::Up => "up",
        LinkShow::Down => "down",
        LinkShow::Connecting | LinkShow::Retry => "retry",
    }
}

/// Слово для пути к человеку.
pub fn path_word(path: Path) -> &'static str {
    match path {
        Path::Relay => "relay",
        Path::Direct => "direct",
        Path::Lan => "lan",
        Path::Manual => "manual",
        Path::Third => "third",
    }
}

/// Слово для того, что стоит между машиной и миром.
pub fn nat_word(nat: Nat) -> &'static str {
    match nat {
        Nat::Unknown => "unknown",
        Nat::Open => "open",
        Nat::Mapped => "mapped",
        Nat::Symmetric => "symmetric",
    }
}

/// Слово для состояния сообщения.
pub fn receipt_word(state: ReceiptState) -> &'static str {
    match state {
        ReceiptState::Queued => "queued",
        ReceiptState::Stored => "stored",
        ReceiptState::Delivered => "delivered",
        ReceiptState::Read => "read",
        ReceiptState::Failed => "failed",
    }
}

/// Слово для того, чей пароль спрашивается.
pub fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Register => "register",
        Purpose::Login => "login",
        Purpose::Change => "change",
    }
}

/// Событие как объект JSON.
pub fn show_json(texts: &Texts, show: &Show) -> Value {
    match show {
        Show::Ready { id, name, card, .. } => json!({
            "event": "ready", "id": id_digits(*id), "name": name, "card": card,
            "version": env!("CARGO_PKG_VERSION")}),
        Show::Identity { id, name, card, fingerprint } => json!({
            "event": "id", "id": id_digits(*id), "name": name, "card": card,
            "fingerprint": fingerprint}),
        Show::Link { state, server, reason, retry_ms } => json!({
            "event": "link", "peer": "server", "state": link_word(*state), "path": "relay",
            "server": server, "reason": reason_text(texts, reason), "code": reason_code(reason),
            "retry_ms": retry_ms}),
        Show::PeerLink(shown) => path_json(texts, shown),
        Show::Card { card, addresses } => card_json(card, addresses),
        Show::Near { id, address } => near_json(*id, address),
        Show::Outside { nat, address } => outside_json(*nat, address),
        Show::Contact { .. } => contact_json(show),
        Show::Request { id, name, words } => request_json(*id, name, words),
        Show::Safety { peer, name, number, verified } => json!({
            "event": "safety", "peer": id_digits(*peer), "name": name, "number": number,
            "verified": verified}),
        Show::Bits { .. } => bits_json(show),
        Show::Password { purpose, name, again } => json!({
            "event": "password", "purpose": purpose_word(*purpose), "name": name,
            "again": again}),
        Show::Person { id, name } => person_json("person", "id", *id, name),
        Show::Deleted { peer, message } => json!({
            "event": "deleted", "peer": id_digits(*peer), "message": uuid_text(message)}),
        Show::Room(shown) => room_json(shown),
        Show::Member(shown) => member_json(shown),
        Show::Message(shown) => message_json(shown),
        Show::Page { peer, messages, more, after } => json!({
            "event": "page", "peer": id_digits(*peer), "more": more, "after": after,
            "messages": messages_json(messages)}),
        Show::Found { words, messages } => json!({
            "event": "found", "words": words, "messages": messages_json(messages)}),
        Show::Chats(messages) => json!({
            "event": "chats", "messages": messages_json(messages)}),
        Show::Receipt { peer, message, state, at, reason } => json!({
            "event": "receipt", "peer": id_digits(*peer), "message": uuid_text(message),
            "state": receipt_word(*state), "at": time_rfc3339(*at),
            "reason": reason_text(texts, reason)}),
        Show::Offer { peer, message, transfer, name, size, packets } => json!({
            "event": "offer", "peer": id_digits(*peer), "transfer": transfer, "name": name,
            "size": size, "packets": packets, "message": uuid_text(message)}),
        Show::Progress { peer, transfer, bytes, size, rate } => json!({
            "event": "progress", "peer": id_digits(*peer), "transfer": transfer, "bytes": bytes,
            "size": size, "rate": rate}),
        Show::File(shown) => file_json(texts, shown),
        Show::Limits { peer, name, messages, files, .. } => json!({
            "event": "limits", "peer": id_digits(*peer), "name": name, "messages": messages,
            "files": files}),
        Show::Confirm { token, peer, packets, .. } => json!({
            "event": "confirm", "token": token.to_string(), "peer": id_digits(*peer),
            "packets": packets, "question": question_text(texts, show)}),
        Show::Chosen { id, name } => person_json("chat", "peer", *id, name),
        Show::Language(code) => json!({
            "event": "info", "text": text(texts, "language-set", &[("code", code.clone())])}),
        Show::Help(word) => json!({"event": "info", "text": word}),
        Show::Licence { until_ms, server_now_ms } => licence_json(*until_ms, *server_now_ms),
        Show::Settings(values) => settings_json(values),
        Show::Info { key, values } => json!({
            "event": "info", "code": key, "text": text(texts, key, values)}),
        Show::Error { fail, command } => json!({
            "event": "error", "code": fail_row(fail.kind).code, "text": text_fail(texts, fail),
            "command": command}),
        Show::Exit(code) => json!({"event": "exit", "code": code}),
    }
}

/// Срок лицензии сервера и его время как объект JSON.
fn licence_json(until_ms: u64, server_now_ms: u64) -> Value {
    let (until, now) = (time_rfc3339(until_ms), time_rfc3339(server_now_ms));
    json!({"event": "licence", "until": until, "now": now})
}

/// Настройки как объект JSON.
fn settings_json(values: &[(&'static str, String)]) -> Value {
    let mut map = serde_json::Map::new();
    for (key, value) in values {
        map.insert(String::from(*key), Value::String(value.clone()));
    }
    json!({"event": "settings", "values": map})
}

/// Контакт как объект JSON; папка названа, только если она есть.
fn contact_json(show: &Show) -> Value {
    let Show::Contact { id, name, state, unread, blocked, standing, verified, changed, folder } =
        show
    else {
        return Value::Null;
    };
    let mut contact = json!({
        "event": "contact", "id": id_digits(*id), "name": name,
        "state": contact_word(*state, *standing), "unread": unread, "blocked": blocked,
        "standing": standing_word(*standing), "verified": verified, "key_changed": changed});
    if !folder.is_empty() {
        contact["folder"] = json!(folder);
    }
    contact
}

/// Биты до и после печати.
fn bits_json(show: &Show) -> Value {
    let Show::Bits { peer, message, outgoing, before, after } = show else {
        return Value::Null;
    };
    json!({
        "event": "bits", "peer": id_digits(*peer), "message": uuid_text(message),
        "outgoing": outgoing, "before": bits_line(before), "after": bits_line(after),
        "bytes_before": before.len(), "bytes_after": after.len()})
}

/// Сообщение как объект JSON; правка носит номер того, что исправлено.
fn message_json(shown: &MessageShow) -> Value {
    let mut row = json!({
        "event": "message", "peer": id_digits(shown.peer), "name": shown.name,
        "message": uuid_text(&shown.message), "text": shown.text,
        "outgoing": shown.outgoing, "sent": time_rfc3339(shown.sent),
        "received": time_or_null(shown.received), "read": time_or_null(shown.read),
        "edited": time_or_null(shown.edited), "reply_to": uuid_or_null(&shown.reply),
        "kind": "text", "past": shown.past, "room": room_or_null(shown.peer),
        "author": author_or_null(shown.author), "author_name": shown.author_name});
    if let Some(file) = &shown.file {
        row["kind"] = json!("file");
        row["file"] = json!(file.name);
        row["size"] = json!(file.size);
        row["path"] = json!(file.path);
        row["state"] = json!(file_word(file.state));
        row["transfer"] = json!(file.transfer);
    }
    if let Some((outgoing, text)) = &shown.quote {
        row["quote"] = json!({"outgoing": outgoing, "text": text});
    }
    row
}

/// Сообщения прошлого: к обычным полям добавлены место в истории и состояние.
fn messages_json(messages: &[MessageShow]) -> Value {
    let mut rows = Vec::new();
    for shown in messages {
        let mut row = message_json(shown);
        row["number"] = json!(shown.number);
        if shown.file.is_none() {
            row["state"] = json!(receipt_word(shown.state));
        }
        rows.push(row);
    }
    Value::Array(rows)
}

/// Просьба о знакомстве как объект JSON.
fn request_json(id: Id, name: &str, words: &str) -> Value {
    json!({"event": "request", "id": id_digits(id), "name": name, "text": words})
}

/// Незнакомый поблизости как объект JSON.
fn near_json(id: Id, address: &str) -> Value {
    json!({"event": "nearby", "id": id_digits(id), "address": address})
}

/// Человек и его имя как объект JSON.
fn person_json(event: &str, key: &str, id: Id, name: &str) -> Value {
    json!({"event": event, key: id_digits(id), "name": name})
}

/// Каким нас видит мир, как объект JSON.
fn outside_json(nat: Nat, address: &str) -> Value {
    json!({"event": "outside", "nat": nat_word(nat), "address": address})
}

/// Визитка как объект JSON.
fn card_json(card: &str, addresses: &[String]) -> Value {
    json!({"event": "card", "card": card, "addresses": addresses})
}

/// Путь к человеку как объект JSON.
fn path_json(texts: &Texts, shown: &PathShow) -> Value {
    json!({
        "event": "link", "peer": id_digits(shown.peer), "name": shown.name,
        "state": link_word(shown.state), "path": path_word(shown.path),
        "address": shown.address, "via": shown.via, "reason": reason_text(texts, &shown.reason),
        "code": reason_code(&shown.reason), "retry_ms": shown.retry_ms})
}

/// Передача как объект JSON.
fn file_json(texts: &Texts, shown: &FileShow) -> Value {
    json!({
        "event": "file", "peer": id_digits(shown.peer), "transfer": shown.transfer,
        "message": uuid_or_null(&shown.message),
        "state": file_word(shown.state), "outgoing": shown.outgoing, "name": shown.name,
        "path": shown.path, "bytes": shown.bytes, "size": shown.size,
        "resumed_from": shown.resumed_from, "seconds": shown.milliseconds as f64 / 1000.0,
        "rate": shown.rate, "blake3": shown.blake3,
        "reason": reason_text(texts, &shown.reason), "code": reason_code(&shown.reason)})
}

/// Номер сообщения в обычном виде UUID.
pub fn uuid_text(id: &[u8; 16]) -> String {
    uuid::Uuid::from_bytes(*id).hyphenated().to_string()
}

/// Номер сообщения или ничего, если он пуст.
pub fn uuid_or_null(id: &MessageId) -> Value {
    if *id == [0; 16] { Value::Null } else { Value::String(uuid_text(id)) }
}

/// Байты битами, не больше предела.
fn bits_line(bytes: &[u8]) -> String {
    let mut line = String::new();
    for byte in &bytes[..usize::min(bytes.len(), BITS_MAX)] {
        line.push_str(&format!("{byte:08b}"));
    }
    line
}

/// Время или ничего.
fn time_or_null(wall_ms: u64) -> Value {
    if wall_ms == 0 { Value::Null } else { Value::String(time_rfc3339(wall_ms)) }
}
