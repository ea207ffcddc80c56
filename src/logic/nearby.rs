//! The local network: whom beacons name. Contacts are called by themselves, strangers are only
//! listed. A beacon proves nothing: the key does, in the handshake.
//! Местная сеть: кого называют маяки. Контактам звонят сами, незнакомые только перечисляются. Маяк
//! ничего не доказывает: доказывает ключ в рукопожатии.

use super::calls::{call_put, calls_tick};
use super::card::Card;
use super::contacts::is_stranger;
use super::events::{Action, Out, out_show};
use super::show::{Path, Show};
use super::state::{Call, Client, Near};
use crate::base::bounds::{LAN_YIELD_MS, NEAR_MAX, NEAR_MS, RETRY_FIRST_MS};
use crate::base::clock::Time;
use crate::base::ids::Id;
use crate::crypto::identity::sha256;

/// Слышен маяк: запомнить, а контакту позвонить.
pub fn near_heard(
    client: &mut Client,
    id: Id,
    fingerprint: [u8; 32],
    address: String,
    now: Time,
    out: &mut Out,
) {
    if id == client.me || !client.wishes.discovery {
        return;
    }
    if client.near.len() >= NEAR_MAX && !client.near.contains_key(&id) {
        near_forget(client, now);
        if client.near.len() >= NEAR_MAX && !is_wanted(client, id) {
            return;
        }
    }
    let near = Near { address: address.clone(), fingerprint, seen_ms: now.mono_ms };
    client.near.insert(id, near);
    for call in &mut client.calls {
        if call.peer == id && call.path == Path::Lan {
            near_again(call, address, now);
            return calls_tick(client, now, out);
        }
    }
    near_call(client, id, now);
    calls_tick(client, now, out);
}

/// Звонят ли этому человеку, как только он появится поблизости.
fn is_wanted(client: &Client, id: Id) -> bool {
    match client.contacts.get(&id) {
        Some(contact) => !contact.blocked && !contact.refused && !is_stranger(contact),
        None => false,
    }
}

/// Есть ли уже звонок этому человеку по местной сети.
fn is_called(client: &Client, id: Id) -> bool {
    for call in &client.calls {
        if call.peer == id && call.path == Path::Lan {
            return true;
        }
    }
    false
}

/// Звонит контакту, которого слышно, если ещё не звонит. Нашли друг друга оба — первым звонит тот,
/// чей номер меньше.
fn near_call(client: &mut Client, id: Id, now: Time) {
    let Some(near) = client.near.get(&id) else {
        return;
    };
    if !is_wanted(client, id) {
        return;
    }
    let mut key = None;
    if let Some(person) = client.people.get(&id) {
        if sha256(&person.public) != near.fingerprint {
            // Тот же номер с другим ключом: это не он.
            return;
        }
        key = Some(person.public);
    }
    let addresses = vec![near.address.clone()];
    let made = call_put(client, Card { peer: id, key, addresses }, Path::Lan);
    if let (true, true, Some(call)) = (made, id < client.me, client.calls.last_mut()) {
        call.since_ms = now.mono_ms;
        call.wait_ms = LAN_YIELD_MS;
    }
}

/// Он всё ещё здесь, быть может, по другому адресу: прежние адреса пробуются тоже. Слышно его —
/// значит, и дозвониться можно: ждать незачем.
fn near_again(call: &mut Call, address: String, now: Time) {
    if call.link.is_none() && now.mono_ms >= call.since_ms + RETRY_FIRST_MS {
        call.wait_ms = 0;
    }
    if call.addresses.first() == Some(&address) {
        return;
    }
    let mut list = vec![address];
    for known in call.addresses.drain(..) {
        if list.len() < 4 && !list.contains(&known) {
            list.push(known);
        }
    }
    call.addresses = list;
}

/// Забывает тех, кого давно не слышно; звонить им больше некуда.
fn near_forget(client: &mut Client, now: Time) {
    let mut gone: Vec<Id> = Vec::new();
    for (id, near) in &client.near {
        if now.mono_ms >= near.seen_ms + NEAR_MS {
            gone.push(*id);
        }
    }
    for id in gone {
        client.near.remove(&id);
        for index in 0..client.calls.len() {
            let call = &client.calls[index];
            if call.peer == id && call.path == Path::Lan && call.link.is_none() {
                client.calls.remove(index);
                break;
            }
        }
    }
}

/// Тиканье: тем, кого слышно и кто с тех пор стал контактом, звонят; давно не слышные уходят.
pub fn near_tick(client: &mut Client, now: Time) {
    let mut fresh: Vec<Id> = Vec::new();
    for id in client.near.keys() {
        if is_wanted(client, *id) && !is_called(client, *id) {
            fresh.push(*id);
        }
    }
    for id in fresh {
        near_call(client, id, now);
    }
    if !client.near.is_empty() && now.mono_ms >= client.near_ms + NEAR_MS / 4 {
        client.near_ms = now.mono_ms;
        near_forget(client, now);
    }
}

/// `/peers`: незнакомые поблизости. Возвращает, сколько их.
pub fn near_show(client: &Client, out: &mut Out) -> usize {
    let mut shown = 0;
    for (id, near) in &client.near {
        let known = match client.contacts.get(id) {
            Some(contact) => !is_stranger(contact),
            None => false,
        };
        if !known {
            out_show(out, Show::Near { id: *id, address: near.address.clone() });
            shown += 1;
        }
    }
    shown
}

/// Искать ли в местной сети: настройка меняется на ходу.
pub fn seek_wish(client: &mut Client, on: bool, out: &mut Out) {
    client.wishes.discovery = on;
    if !on {
        client.near.clear();
    }
    out.actions.push(Action::Seek { on });
}
