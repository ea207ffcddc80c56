//! Whom to call directly and where: cards of the user, addresses known from before. A call that
//! failed is made again, later and later; a refused one is not.
//! Кому и куда звонить напрямую: визитки человека, адреса, известные прежде. Неудачный звонок
//! повторяется, всё реже; отвергнутый — нет.

use super::card::{Card, card_make, card_parse, card_text};
use super::contacts::{contact_meet, contact_name, who_find};
use super::direct::{direct_part, link_new};
use super::events::{Action, LinkCommand, LinkId, Out, StartFacts, out_show};
use super::paths::{direct_has, path_show, presence_settle};
use super::show::{LinkShow, Path, PathShow, Show};
use super::state::{Call, Client, Stage};
use crate::base::bounds::{CALLS_MAX, RETRY_FIRST_MS, RETRY_MAX_MS};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::crypto::identity::PublicKey;

/// Запускает звонки тем, чьи визитки лежат на диске.
pub fn calls_load(client: &mut Client, facts: &StartFacts) {
    for row in &facts.contacts {
        if row.blocked || row.card.is_empty() {
            continue;
        }
        if let Ok(card) = card_parse(&row.card) {
            call_put(client, card, Path::Direct);
        }
    }
}

/// Заводит звонок; прежний тем же путём к тому же человеку сменяется. `false` — их слишком много.
pub fn call_put(client: &mut Client, card: Card, path: Path) -> bool {
    let mut link = None;
    for index in 0..client.calls.len() {
        let known = &client.calls[index];
        let anyone = card.peer == 0 && known.addresses == card.addresses;
        if known.path == path
            && !known.once
            && (anyone || (card.peer != 0 && known.peer == card.peer))
        {
            link = known.link;
            client.calls.remove(index);
            break;
        }
    }
    if client.calls.len() >= CALLS_MAX {
        return false;
    }
    let Card { peer, key, addresses } = card;
    let (told, once) = (false, false);
    client.calls.push(Call {
        peer,
        key,
        addresses,
        path,
        link,
        since_ms: 0,
        wait_ms: 0,
        told,
        once,
    });
    true
}

/// Один звонок туда, где человек сказал, что слушает; о неудаче не говорят.
pub fn call_once(client: &mut Client, peer: Id, key: PublicKey, addresses: Vec<String>) {
    for call in &client.calls {
        if call.peer == peer && call.once {
            return;
        }
    }
    if call_put(client, Card { peer, key: Some(key), addresses }, Path::Direct) {
        if let Some(call) = client.calls.last_mut() {
            (call.once, call.told) = (true, true);
        }
    }
}

/// Команды о прямых линиях.
pub fn link_do(
    client: &mut Client,
    command: LinkCommand,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    match command {
        LinkCommand::Card => {
            let (card, addresses) = (card_text(client), client.doors.clone());
            out_show(out, Show::Card { card, addresses });
            Ok(())
        }
        LinkCommand::Connect(card) => call_start(client, &card, now, out),
        LinkCommand::Disconnect(who) => call_stop(client, &who, now, out),
    }
}

/// `/connect ВИЗИТКА`: позвонить сейчас и звонить впредь, пока не `/disconnect`.
fn call_start(client: &mut Client, text: &str, now: Time, out: &mut Out) -> Result<(), Fail> {
    let card = card_parse(text)?;
    if card.peer == client.me {
        return Err(fail(FailKind::ArgumentBad, text));
    }
    let peer = card.peer;
    if peer != 0 {
        if let Some(contact) = client.contacts.get(&peer) {
            if contact.blocked {
                return Err(fail(FailKind::Blocked, &contact.name));
            }
        }
        if !contact_meet(client, peer, out) {
            return Err(fail(FailKind::ContactUnknown, ""));
        }
        let kept = card_make(peer, &card.addresses, &hex::encode(card.key.unwrap_or_default()));
        if let Some(contact) = client.contacts.get_mut(&peer) {
            contact.refused = false;
            contact.card = kept;
            client.contacts_dirty = true;
        }
    }
    if !call_put(client, card, Path::Manual) {
        return Err(fail(FailKind::OutboxFull, &CALLS_MAX.to_string()));
    }
    if direct_has(client, peer) {
        path_show(client, peer, None, out);
    }
    calls_tick(client, now, out);
    Ok(())
}

/// `/disconnect НОМЕР`: кончить прямые линии и больше не звонить.
fn call_stop(client: &mut Client, who: &str, now: Time, out: &mut Out) -> Result<(), Fail> {
    let peer = who_find(client, who)?;
    if let Some(contact) = client.contacts.get_mut(&peer) {
        contact.card = String::new();
        client.contacts_dirty = true;
    }
    if direct_part(client, peer, FailKind::Cancelled, now, out) {
        let values = vec![("name", contact_name(client, peer))];
        out_show(out, Show::Info { key: "disconnected", values });
        return Ok(());
    }
    Err(fail(FailKind::LinkMissing, &contact_name(client, peer)))
}

/// Забывает, куда звонить этому человеку; `true`, если было что.
pub fn call_forget(client: &mut Client, peer: Id) -> bool {
    let before = client.calls.len();
    let mut kept = Vec::new();
    for call in client.calls.drain(..) {
        if call.peer != peer {
            kept.push(call);
        }
    }
    client.calls = kept;
    client.calls.len() != before
}

/// Тиканье: звонит, кому пора и с кем этим путём ещё не говорят.
pub fn calls_tick(client: &mut Client, now: Time, out: &mut Out) {
    for index in 0..client.calls.len() {
        let call = &client.calls[index];
        let waits = now.mono_ms < call.since_ms + call.wait_ms;
        if call.link.is_some() || waits || linked(client, call) {
            continue;
        }
        let link = client.next_link;
        client.next_link += 1;
        let call = &mut client.calls[index];
        call.link = Some(link);
        call.since_ms = now.mono_ms;
        let (addresses, key) = (call.addresses.clone(), call.key);
        client.links.insert(link, link_new(link, call.peer, call.path, true, now));
        out.actions.push(Action::Call { link, addresses, key });
    }
}

/// Говорят ли с этим человеком уже этим путём (позвонил он). Звонок в дверь не ждёт, чем кончится
/// стук в дыру.
fn linked(client: &Client, call: &Call) -> bool {
    for link in client.links.values() {
        if call.once && link.stage == Stage::Connecting {
            continue;
        }
        if call.peer != 0 && link.peer == call.peer && link.path == call.path {
            return true;
        }
    }
    false
}

/// Линия звонка кончилась: назначить следующий или, после отказа, больше не звонить.
pub fn call_ended(
    client: &mut Client,
    link: LinkId,
    stage: Stage,
    failed: &Fail,
    now: Time,
    out: &mut Out,
) {
    let mut place = None;
    for index in 0..client.calls.len() {
        if client.calls[index].link == Some(link) {
            place = Some(index);
        }
    }
    let Some(index) = place else {
        return;
    };
    let call = &mut client.calls[index];
    call.link = None;
    call.since_ms = now.mono_ms;
    let wait = if stage == Stage::Up { 0 } else { call.wait_ms };
    call.wait_ms = u64::clamp(wait * 2, RETRY_FIRST_MS, RETRY_MAX_MS);
    let (peer, path, retry_ms) = (call.peer, call.path, call.wait_ms);
    let first = !std::mem::replace(&mut call.told, true);
    let address = call.addresses.join(",");
    let over = call.once || for_good(failed.kind);
    if over {
        client.calls.remove(index);
    }
    if failed.kind == FailKind::Stranger {
        if let Some(contact) = client.contacts.get_mut(&peer) {
            contact.refused = true;
        }
        presence_settle(client, peer, out);
    }
    // О том, что не дозвонились, говорится один раз; о конце стоявшей линии скажет смена пути.
    if stage != Stage::Up && first && path != Path::Lan && failed.kind != FailKind::LinkDouble {
        let state = if over { LinkShow::Down } else { LinkShow::Retry };
        let name = if peer == 0 { address.clone() } else { contact_name(client, peer) };
        let (reason, retry_ms) = (Some(failed.clone()), if over { 0 } else { retry_ms });
        let via = String::new();
        let shown = PathShow { peer, name, state, path, address, via, reason, retry_ms };
        out_show(out, Show::PeerLink(shown));
    }
}

/// Причины, после которых этому человеку не звонят, пока о том не попросят.
fn for_good(kind: FailKind) -> bool {
    matches!(
        kind,
        FailKind::Stranger
            | FailKind::PersonWrong
            | FailKind::IdTaken
            | FailKind::NotAllowed
            | FailKind::HelloVersion
            | FailKind::CertificateBad
            | FailKind::KeyBad
            | FailKind::Cancelled
    )
}

/// `/status` и `/peers`: прямые линии и их пути.
pub fn links_show(client: &Client, out: &mut Out) -> usize {
    let mut shown: Vec<Id> = Vec::new();
    for link in client.links.values() {
        if link.stage == Stage::Up && !shown.contains(&link.peer) {
            shown.push(link.peer);
            path_show(client, link.peer, None, out);
        }
    }
    shown.len()
}
