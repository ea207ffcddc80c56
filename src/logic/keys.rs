//! Keys on their way: one's own public keys to the server, other people's from it.
//! Ключи в пути: свои открытые — на сервер, чужие — с него.

use super::client::control_put;
use super::contacts::contact_name;
use super::direct::direct_put;
use super::events::{Action, BaseOrder, LinkId, Out, out_show};
use super::inbox::in_spam;
use super::messages::key_changed;
use super::paths::{best_now, direct_peers};
use super::show::{Path, Show};
use super::state::{Client, Contact, Stage};
use super::thirds::third_key_fits;
use crate::base::bounds::{KEY_AGAIN_MS, KEY_LATE_MS, LINK_KEYS_HOUR, LINK_KEYS_MAX};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::wire::control::{KeyAnswer, KeyAsk, KeyBundle, Keys, KeysLeft, body_read};
use crate::wire::packets::Kind;

/// Keys asked for in one tick at most, so that many unknown people do not flood the server.
const ASKS_AT_ONCE: usize = 1;
/// Strangers whose broken sessions are healed at the same time.
const HEALING_MAX: usize = 64;

/// What is not confirmed goes out again so soon after a session was healed.
const HEALED_MS: u64 = 1_000;

/// Keys given out over direct links are counted by the hour.
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// KEYS_LEFT: сколько одноразовых ключей лежит на сервере; решает стол.
pub fn keys_left_received(data: &[u8], out: &mut Out) -> Result<(), Fail> {
    let body: KeysLeft = body_read("KEYS_LEFT", data)?;
    let (left, curve) = (body.left, body.curve);
    out.actions.push(Action::Base(BaseOrder::KeysMake { left, curve }));
    Ok(())
}

/// Новые ключи готовы: на сервер.
pub fn keys_send(client: &Client, keys: &Keys, out: &mut Out) {
    if client.server.stage == Stage::Up {
        control_put(client, Kind::Keys, keys, out);
    }
}

/// Нужен ли ключ этого человека: есть незапечатанное или сеанс сломан.
fn key_wanted(contact: &Contact) -> bool {
    if contact.heal {
        return true;
    }
    // Хоть что-то запечатано — сеанс есть, остальное стол запечатает сам, когда подойдёт очередь.
    let mut wanted = false;
    for entry in &contact.outbox {
        if entry.packet.is_some() {
            return false;
        }
        wanted = wanted || entry.kept;
    }
    wanted
}

/// Просит ключи тех, кому нечем запечатать. Отвеченное «нет» спрашивается снова погодя.
pub fn keys_tick(client: &mut Client, now: Time, out: &mut Out) {
    let relay = client.server.stage == Stage::Up;
    let direct = direct_peers(client);
    if !relay && direct.is_empty() {
        return;
    }
    let mut asked: Vec<Id> = Vec::new();
    for contact in client.contacts.values_mut() {
        if asked.len() >= ASKS_AT_ONCE {
            break;
        }
        let due = match contact.key_asked_ms {
            Some(at) => now.mono_ms >= at + contact.key_wait_ms,
            None => true,
        };
        let way = relay || direct.contains(&contact.id);
        if due && way && !contact.blocked && key_wanted(contact) {
            contact.key_asked_ms = Some(now.mono_ms);
            asked.push(contact.id);
        }
    }
    for (id, at) in &mut client.healing {
        let due = match *at {
            Some(at) => now.mono_ms >= at + KEY_AGAIN_MS,
            None => true,
        };
        let way = relay || direct.contains(id);
        if due && way && asked.len() < ASKS_AT_ONCE {
            *at = Some(now.mono_ms);
            asked.push(*id);
        }
    }
    for id in asked {
        if !key_changed(client, id) {
            key_ask(client, id, out);
        }
    }
}

/// Просит ключи человека: у него самого, если есть прямая линия, иначе у сервера.
fn key_ask(client: &Client, id: Id, out: &mut Out) {
    match best_now(client, id) {
        Some(link) => direct_put(client, link, Kind::KeyAsk, &KeyAsk { id }, out),
        None => control_put(client, Kind::KeyAsk, &KeyAsk { id }, out),
    }
}

/// KEY_ASK по прямой линии: человек просит ключ у нас самих. Каждый ключ свежий; сверх меры — нет.
pub fn ask_received(
    client: &mut Client,
    link: LinkId,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: KeyAsk = body_read("KEY_ASK", data)?;
    if body.id != client.me {
        return Err(fail(FailKind::NotAllowed, "KEY_ASK"));
    }
    if now.mono_ms >= client.keys_hour_ms + HOUR_MS {
        client.keys_hour_ms = now.mono_ms;
        client.keys_given = 0;
    }
    let Some(found) = client.links.get_mut(&link) else {
        return Ok(());
    };
    // Через третьих назовётся кто угодно: на них отпущена половина.
    let share = if found.path == Path::Third { LINK_KEYS_HOUR / 2 } else { LINK_KEYS_HOUR };
    if found.keys_given >= LINK_KEYS_MAX || client.keys_given >= share {
        let none = KeyAnswer { id: client.me, found: None };
        direct_put(client, link, Kind::Key, &none, out);
        return Ok(());
    }
    found.keys_given += 1;
    client.keys_given += 1;
    out.actions.push(Action::Base(BaseOrder::KeyGive { peer: found.peer }));
    Ok(())
}

/// Свежий ключ лежит на диске: теперь его можно отдать по прямой линии.
pub fn key_given(client: &Client, peer: Id, bundle: KeyBundle, out: &mut Out) {
    if let Some(link) = best_now(client, peer) {
        let answer = KeyAnswer { id: client.me, found: Some(bundle) };
        direct_put(client, link, Kind::Key, &answer, out);
    }
}

/// KEY по прямой линии: ключи могут быть только того, кто на том конце.
pub fn bundle_received(
    client: &mut Client,
    link: LinkId,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: KeyAnswer = body_read("KEY", data)?;
    let Some(found) = client.links.get(&link) else {
        return Ok(());
    };
    let own = match &body.found {
        Some(bundle) if found.path == Path::Third => {
            third_key_fits(client, found.peer, &bundle.public)
        }
        Some(bundle) => bundle.public == found.key,
        None => true,
    };
    if body.id != found.peer || !own {
        return Err(fail(FailKind::NotAllowed, "KEY"));
    }
    key_received(client, data, now, out)
}

/// KEY: ключи человека пришли; столу — начать сеанс.
pub fn key_received(
    client: &mut Client,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: KeyAnswer = body_read("KEY", data)?;
    let name = contact_name(client, body.id);
    let direct = best_now(client, body.id).is_some();
    if client.healing.remove(&body.id).is_some() {
        if let Some(bundle) = body.found {
            let (peer, heal, at) = (body.id, true, now.wall_ms);
            out.actions.push(Action::Base(BaseOrder::Session { peer, bundle, heal, at }));
        }
        return Ok(());
    }
    let Some(contact) = client.contacts.get_mut(&body.id) else {
        return Ok(());
    };
    if contact.key_asked_ms.is_none() {
        return Ok(());
    }
    let Some(bundle) = body.found else {
        contact.key_wait_ms = u64::min(contact.key_wait_ms * 2, KEY_LATE_MS);
        // Человек ещё ни разу не входил: сообщение ждёт его здесь; сказать один раз.
        if !direct && !std::mem::replace(&mut contact.held, true) {
            let values = vec![("name", name)];
            out_show(out, Show::Info { key: "keys-missing", values });
        }
        return Ok(());
    };
    contact.held = false;
    contact.key_wait_ms = KEY_AGAIN_MS;
    let heal = std::mem::replace(&mut contact.heal, false);
    if heal {
        // Не вскрылось, быть может, подтверждение: новым сеансом его пришлют на повтор.
        contact.tried_ms = now.mono_ms;
        contact.resend_ms = HEALED_MS;
    }
    let (peer, at) = (body.id, now.wall_ms);
    out.actions.push(Action::Base(BaseOrder::Session { peer, bundle, heal, at }));
    Ok(())
}

/// Стол не вскрыл пришедшее. Со сломанным сеансом он велит начать новый.
pub fn seal_refused(client: &mut Client, peer: Id, failed: Fail, heal: bool, out: &mut Out) {
    tracing::warn!("sealed message refused: {}", failed.detail);
    let name = contact_name(client, peer);
    let quiet = in_spam(client, peer);
    let Some(contact) = client.contacts.get_mut(&peer) else {
        // Незнакомец мог написать на прежний компьютер: без нового сеанса его слова пропали бы.
        if heal && client.healing.len() < HEALING_MAX {
            client.healing.entry(peer).or_insert(None);
        }
        return;
    };
    if heal {
        contact.heal = true;
        contact.key_asked_ms = None;
        if !quiet {
            let failed = fail(FailKind::SealBroken, &name);
            out_show(out, Show::Error { fail: failed, command: String::new() });
        }
    } else if failed.kind == FailKind::SignatureBad && !quiet {
        out_show(out, Show::Error { fail: failed, command: String::new() });
    }
}
