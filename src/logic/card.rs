//! The contact card: `ID@HOST:PORT,HOST:PORT#KEY`. Who somebody is, where he may be found, and the
//! key that he must prove; a bare HOST:PORT names an address only.
//! Визитка: `НОМЕР@АДРЕС:ПОРТ,АДРЕС:ПОРТ#КЛЮЧ`. Кто это, где его искать и какой ключ он обязан
//! доказать; голый АДРЕС:ПОРТ называет только место.

use super::state::Client;
use crate::base::bounds::{CARD_ADDRESSES, HOST_MAX};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{ID_SERVER, Id, id_digits, id_parse};
use crate::crypto::identity::{PublicKey, id_of_key};

/// A card as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// 0 = the card names an address only.
    pub peer: Id,
    pub key: Option<PublicKey>,
    pub addresses: Vec<String>,
}

/// Где нас найти: свои адреса и, если роутер впускает, его. Прежние встречи начинаются заново.
pub fn doors_set(client: &mut Client) {
    client.doors = client.doors_own.clone();
    if let (Some(place), _) = &client.mapped {
        if !client.doors.contains(place) {
            client.doors.truncate(CARD_ADDRESSES - 1);
            client.doors.push(place.clone());
        }
    }
    client.meets.clear();
}

/// Своя визитка. Без двери (никого не слушаем) в ней только номер и ключ.
pub fn card_text(client: &Client) -> String {
    card_make(client.me, &client.doors, &client.fingerprint)
}

/// Визитка из частей; `key` — шестнадцатеричные цифры ключа.
pub fn card_make(id: Id, addresses: &[String], key: &str) -> String {
    let place = if addresses.is_empty() { "" } else { "@" };
    format!("{}{place}{}#{key}", id_digits(id), addresses.join(","))
}

/// Читает визитку или адрес. Ошибка `CardBad`: не разбирается, номер не от этого ключа, адреса нет.
pub fn card_parse(text: &str) -> Result<Card, Fail> {
    let text = text.trim();
    let bad = fail(FailKind::CardBad, text);
    let Some((front, digits)) = text.split_once('#') else {
        // `АДРЕС ПОРТ` прежних программ заказчика — то же, что АДРЕС:ПОРТ.
        let joined = match text.split_once(char::is_whitespace) {
            Some((host, port)) => format!("{host}:{}", port.trim()),
            None => String::from(text),
        };
        let Some(address) = address_read(&joined) else {
            return Err(bad);
        };
        return Ok(Card { peer: ID_SERVER, key: None, addresses: vec![address] });
    };
    let Some((id, list)) = front.split_once('@') else {
        return Err(bad);
    };
    let Ok(peer) = id_parse(id) else {
        return Err(bad);
    };
    let mut key = [0u8; 32];
    if hex::decode_to_slice(digits.trim(), &mut key).is_err() || id_of_key(&key) != peer {
        return Err(bad);
    }
    let mut addresses = Vec::new();
    for one in list.split(',') {
        let Some(address) = address_read(one) else {
            return Err(bad);
        };
        if addresses.len() < CARD_ADDRESSES && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(Card { peer, key: Some(key), addresses })
}

/// Адрес с портом: `имя:порт`, `1.2.3.4:порт`, `[::1]:порт`.
fn address_read(text: &str) -> Option<String> {
    let text = text.trim();
    let (host, port) = text.rsplit_once(':')?;
    let number: u16 = port.parse().ok()?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let bare_v6 = host.contains(':') && !bracketed;
    if number == 0 || host.is_empty() || host.len() > HOST_MAX || bare_v6 {
        return None;
    }
    for letter in host.chars() {
        let fine = letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':' | '%');
        if !fine && letter != '[' && letter != ']' {
            return None;
        }
    }
    Some(String::from(text))
}
