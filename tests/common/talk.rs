//! People who talk without a server, and the shortest talk there is.
//! Люди, которые говорят без сервера, и самый короткий разговор.

use std::path::Path;

use serde_json::json;

use super::{Client, client_start_at, say, say_words, wait};

/// Клиент без сервера.
pub fn alone(folder: &Path, name: &str, options: &[&str]) -> Client {
    client_start_at(&folder.join(name), "", name, options)
}

/// Визитка клиента.
pub fn card_of(client: &mut Client) -> String {
    say(client, "/card");
    let card = wait(client, json!({"event": "card"}));
    String::from(card["card"].as_str().expect("a card"))
}

/// Посылает текст и ждёт его на том конце и подтверждения на этом.
pub fn speak(from: &mut Client, to: &mut Client, text: &str) {
    say_words(from, &["/msg", &to.id, text]);
    let got = wait(to, json!({"event": "message", "peer": from.id, "text": text}));
    wait(from, json!({"event": "receipt", "message": got["message"], "state": "delivered"}));
}
