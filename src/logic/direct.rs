//! Direct links from person to person: calling, being called, greeting, keeping alive, ending.
//! Which of several links is used is decided in paths.rs; nothing here trusts an address.
//! Прямые линии от человека к человеку: позвонить, впустить, поздороваться, держать, кончить.
//! Какой из линий пользоваться, решает paths.rs; адресу здесь не верит ничто, верят только ключу.

use super::calls::{call_ended, call_forget, calls_tick};
use super::client::{PROGRAM, person_packet};
use super::contacts::{contact_meet, is_stranger, name_clean};
use super::events::{Action, LinkId, Out, out_send};
use super::inbox::name_learn;
use super::keys::{ask_received, bundle_received};
use super::meetings::{meet_again, meet_done};
use super::mesh::routes_received;
use super::mesh_carry::{THIRD_FIRST, carry_received};
use super::nearby::near_tick;
use super::paths::{best_now, path_settle, way_code, way_path};
use super::show::Path;
use super::state::{Client, PeerLink, Stage, Third};
use super::thirds::thirds_leave;
use crate::base::bounds::{
    CONNECT_MS, DIRECT_LINKS_MAX, DIRECT_PING_MS, DIRECT_SILENT_MS, HELLO_MS, STRANGER_BURST,
    STRANGER_LINKS_MAX, STRANGER_RATE,
};
use crate::base::bucket::bucket_take;
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail, fail_kind_of};
use crate::base::ids::{ID_SERVER, Id};
use crate::crypto::identity::{PublicKey, id_of_key};
use crate::wire::carry::FEATURE_CARRY;
use crate::wire::control::{
    HelloDirect, PROTOCOL_VERSION, Ping, Quit, Refused, body_read, packet_put,
};
use crate::wire::header::Header;
use crate::wire::packets::{Family, FarEnd, Kind, Lane, PacketRow, packet_allowed, packet_find};

/// Новая прямая линия; кто на том конце, скажет TLS.
pub fn link_new(link: LinkId, peer: Id, path: Path, called: bool, now: Time) -> PeerLink {
    PeerLink {
        link,
        peer,
        key: [0; 32],
        name: String::new(),
        path,
        called,
        stage: Stage::Connecting,
        since_ms: now.mono_ms,
        heard_ms: now.mono_ms,
        pinged_ms: now.mono_ms,
        doubt: false,
        keys_given: 0,
        address: String::new(),
        carries: false,
        third: Third::default(),
    }
}

/// Кладёт управляющий пакет на тот конец прямой линии.
pub fn direct_put<T: minicbor::Encode<()>>(
    client: &Client,
    link: LinkId,
    kind: Kind,
    body: &T,
    out: &mut Out,
) {
    let start = out.bytes.len();
    let _ = packet_put(&mut out.bytes, kind, client.me, ID_SERVER, 0, body);
    out_send(out, link, Lane::Messages, start);
}

/// TLS стоит, и ключ того конца доказан: ответили на наш звонок или звонят нам.
pub fn person_up(
    client: &mut Client,
    link: LinkId,
    key: PublicKey,
    from: &str,
    now: Time,
    out: &mut Out,
) {
    let peer = id_of_key(&key);
    let called = match client.links.get(&link) {
        Some(found) if found.peer != 0 && found.peer != peer => {
            return link_end(client, link, fail(FailKind::PersonWrong, from), now, out);
        }
        Some(found) if found.stage == Stage::Connecting => true,
        Some(_) => return link_end(client, link, fail(FailKind::NotAllowed, "TLS"), now, out),
        None => false,
    };
    if let Some(reason) = knock_refusal(client, peer, &key, called) {
        if called {
            return link_end(client, link, fail(reason, from), now, out);
        }
        tracing::info!("call from {from} refused: {}", reason as u16);
        refusal_put(client, link, reason, out);
        out.actions.push(Action::Close { link, fail: reason });
        return;
    }
    if !called {
        client.links.insert(link, link_new(link, peer, Path::Direct, false, now));
    }
    let mut way = None;
    if let Some(found) = client.links.get_mut(&link) {
        found.peer = peer;
        found.key = key;
        found.address = String::from(from);
        found.stage = Stage::Greeting;
        found.since_ms = now.mono_ms;
        found.heard_ms = now.mono_ms;
        if called {
            way = Some(way_code(found.path));
        }
    }
    let hello = HelloDirect {
        version: PROTOCOL_VERSION,
        features: FEATURE_CARRY,
        clock: now.wall_ms,
        program: String::from(PROGRAM),
        way,
        name: Some(client.wishes.name.clone()),
    };
    direct_put(client, link, Kind::Hello, &hello, out);
}

/// Почему этого человека впускать нельзя (или, если звонили мы, говорить с ним); `None` — можно.
/// Закрытый слышит то же, что незнакомый.
fn knock_refusal(client: &Client, peer: Id, key: &PublicKey, called: bool) -> Option<FailKind> {
    if peer == client.me {
        return Some(FailKind::NotAllowed);
    }
    if let Some(person) = client.people.get(&peer) {
        if person.public != *key {
            // Номер тот же, ключ другой: закреплённому ключу верят, новому — нет.
            return Some(if called { FailKind::PersonWrong } else { FailKind::IdTaken });
        }
    }
    let (known, blocked) = match client.contacts.get(&peer) {
        Some(contact) => (!is_stranger(contact), contact.blocked),
        None => (false, false),
    };
    if blocked {
        return Some(FailKind::Stranger);
    }
    if called {
        return None;
    }
    if !client.wishes.listen || (client.wishes.contacts_only && !known) {
        return Some(FailKind::Stranger);
    }
    let mut strangers = 0;
    for link in client.links.values() {
        if link.peer != 0 && link.path != Path::Third && !is_known(client, link.peer) {
            strangers += 1;
        }
    }
    let full = client.links.range(..THIRD_FIRST).count() >= DIRECT_LINKS_MAX;
    if full || (!known && strangers >= STRANGER_LINKS_MAX) {
        return Some(FailKind::PeerBusy);
    }
    None
}

/// В контактах ли этот человек.
fn is_known(client: &Client, peer: Id) -> bool {
    match client.contacts.get(&peer) {
        Some(contact) => !is_stranger(contact),
        None => false,
    }
}

/// Отказ на проводе: REFUSED и QUIT с причиной.
fn refusal_put(client: &Client, link: LinkId, reason: FailKind, out: &mut Out) {
    let body = Refused { reason: reason as u16, content_type: 0, content_id: 0 };
    direct_put(client, link, Kind::Refused, &body, out);
    direct_put(client, link, Kind::Quit, &Quit { reason: reason as u16 }, out);
}

/// Кончает линию со своей стороны и говорит тому концу почему.
pub fn link_end(client: &mut Client, link: LinkId, failed: Fail, now: Time, out: &mut Out) {
    let greeted = match client.links.get(&link) {
        Some(found) => found.stage != Stage::Connecting,
        None => return,
    };
    if greeted {
        let reason = failed.kind as u16;
        direct_put(client, link, Kind::Quit, &Quit { reason }, out);
    }
    out.actions.push(Action::Close { link, fail: failed.kind });
    direct_down(client, link, failed, now, out);
}

/// Линии больше нет: дальше — следующий путь, а звонивший позвонит снова.
pub fn direct_down(client: &mut Client, link: LinkId, failed: Fail, now: Time, out: &mut Out) {
    let Some(found) = client.links.get(&link) else {
        return;
    };
    let (peer, stage, path) = (found.peer, found.stage, found.path);
    let before = best_now(client, peer);
    client.links.remove(&link);
    call_ended(client, link, stage, &failed, now, out);
    if peer != 0 {
        if stage == Stage::Up {
            meet_again(client, peer, now);
        }
        path_settle(client, peer, before, Some((&failed, path)), now, out);
    }
}

/// Пакет по прямой линии. Что не разрешено, кончает линию: поток больше не понятен.
pub fn direct_packet(
    client: &mut Client,
    link: LinkId,
    header: Header,
    data: &[u8],
    now: Time,
    out: &mut Out,
) {
    let Some(found) = client.links.get_mut(&link) else {
        return;
    };
    let (peer, stage) = (found.peer, found.stage);
    found.heard_ms = now.mono_ms;
    found.doubt = false;
    let done = match direct_allowed(client, peer, stage, &header, now) {
        Ok(row) if row.family == Family::Control => {
            control_received(client, link, row.kind, data, now, out)
        }
        Ok(row) if row.family == Family::Carry => {
            carry_received(client, link, row, header, data, now, out)
        }
        Ok(row) => {
            if header.dest_id == client.me {
                person_packet(client, row, header, data, now, out);
            }
            Ok(())
        }
        Err(failed) => Err(failed),
    };
    if let Err(failed) = done {
        tracing::warn!("direct link {link}: {} {}", failed.kind as u16, failed.detail);
        let (content_type, content_id) = (header.content_type, header.content_id);
        let body = Refused { reason: failed.kind as u16, content_type, content_id };
        direct_put(client, link, Kind::Refused, &body, out);
        link_end(client, link, failed, now, out);
    }
}

/// Вправе ли этот пакет прийти сейчас с этого конца.
fn direct_allowed(
    client: &mut Client,
    peer: Id,
    stage: Stage,
    header: &Header,
    now: Time,
) -> Result<&'static PacketRow, Fail> {
    let row = packet_find(header)?;
    packet_allowed(row, header, FarEnd::Person(peer))?;
    let early = !matches!(row.kind, Kind::Hello | Kind::Quit | Kind::Refused);
    if stage != Stage::Up && early {
        return Err(fail(FailKind::BeforeHello, row.name));
    }
    if row.lane == Lane::Messages && !is_known(client, peer) && !stranger_room(client, now) {
        return Err(fail(FailKind::TryLater, row.name));
    }
    Ok(row)
}

/// Незнакомым вместе отведено столько пакетов: их поток не мешает разговору с прочими.
pub fn stranger_room(client: &mut Client, now: Time) -> bool {
    bucket_take(&mut client.strangers, STRANGER_RATE, STRANGER_BURST, now.mono_ms)
}

/// Управляющий пакет того конца.
fn control_received(
    client: &mut Client,
    link: LinkId,
    kind: Kind,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    match kind {
        Kind::Hello => hello_received(client, link, data, now, out),
        Kind::Ping => {
            let ping: Ping = body_read("PING", data)?;
            let pong = Ping { number: ping.number, clock: now.wall_ms };
            direct_put(client, link, Kind::Pong, &pong, out);
            Ok(())
        }
        Kind::Pong => Ok(()),
        Kind::Quit => {
            let quit: Quit = body_read("QUIT", data)?;
            let failed = fail(fail_kind_of(quit.reason), "");
            out.actions.push(Action::Close { link, fail: failed.kind });
            direct_down(client, link, failed, now, out);
            Ok(())
        }
        Kind::Refused => {
            let body: Refused = body_read("REFUSED", data)?;
            tracing::info!("direct link {link} refused: {}", body.reason);
            Ok(())
        }
        Kind::KeyAsk => ask_received(client, link, data, now, out),
        Kind::Key => bundle_received(client, link, data, now, out),
        Kind::Routes => routes_received(client, link, data),
        Kind::Quited
        | Kind::Watch
        | Kind::Presence
        | Kind::Unreachable
        | Kind::Keys
        | Kind::KeysLeft
        | Kind::Stored
        | Kind::Mail
        | Kind::Account
        | Kind::AccountReply
        | Kind::Message
        | Kind::FileSize
        | Kind::FileWant
        | Kind::FileData
        | Kind::FileBlock
        | Kind::FileEnd
        | Kind::FileDone
        | Kind::FileStop
        | Kind::Carry
        | Kind::CarryFile => Err(fail(FailKind::NotAllowed, "")),
    }
}

/// HELLO того конца: линия стоит.
fn hello_received(
    client: &mut Client,
    link: LinkId,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let hello: HelloDirect = body_read("HELLO", data)?;
    let Some(found) = client.links.get(&link) else {
        return Ok(());
    };
    if found.stage != Stage::Greeting {
        return Err(fail(FailKind::NotAllowed, "HELLO"));
    }
    if hello.version != PROTOCOL_VERSION {
        return Err(fail(FailKind::HelloVersion, &hello.version.to_string()));
    }
    let (peer, called) = (found.peer, found.called);
    let before = best_now(client, peer);
    let name = name_clean(&hello.name.unwrap_or_default());
    let mut path = Path::Direct;
    if let Some(found) = client.links.get_mut(&link) {
        found.stage = Stage::Up;
        found.name = name.clone();
        found.carries = hello.features & FEATURE_CARRY != 0;
        if !called {
            found.path = way_path(hello.way);
        }
        path = found.path;
    }
    if called && path == Path::Manual {
        // Позвал сам человек: тот, кто ответил, — его знакомый.
        contact_meet(client, peer, out);
    }
    if is_known(client, peer) {
        name_learn(client, peer, &name, out);
    }
    call_answered(client, link);
    for spare in meet_done(client, peer) {
        link_end(client, spare, fail(FailKind::LinkDouble, ""), now, out);
    }
    doubles_end(client, link, now, out);
    if let Some(old) = before {
        if !client.links.contains_key(&old) {
            // Прежняя кончилась здесь же: о перемене уже сказано.
            return Ok(());
        }
    }
    path_settle(client, peer, before, None, now, out);
    Ok(())
}

/// Дозвонились: следующая неудача ждёт сначала недолго; кто ответил, того впредь и ждём.
fn call_answered(client: &mut Client, link: LinkId) {
    let Some(found) = client.links.get(&link) else {
        return;
    };
    for call in &mut client.calls {
        if call.link == Some(link) {
            call.wait_ms = 0;
            call.peer = found.peer;
            call.key = Some(found.key);
            call.told = false;
        }
    }
}

/// Двое позвонили друг другу тем же путём: остаётся линия того, чей номер меньше. Обе звонил один —
/// прежняя мертва, остаётся новая.
fn doubles_end(client: &mut Client, link: LinkId, now: Time, out: &mut Out) {
    let Some(fresh) = client.links.get(&link) else {
        return;
    };
    let (peer, path, called) = (fresh.peer, fresh.path, fresh.called);
    let mut losers: Vec<LinkId> = Vec::new();
    for other in client.links.values() {
        let same = other.peer == peer && other.path == path && other.stage == Stage::Up;
        if !same || other.link == link {
            continue;
        }
        let keep = other.called == called || (called == (client.me < peer));
        losers.push(if keep { other.link } else { link });
    }
    for loser in losers {
        link_end(client, loser, fail(FailKind::LinkDouble, ""), now, out);
    }
}

/// Тиканье: звонить, кому пора; держать линии; сдаваться по тишине.
pub fn direct_tick(client: &mut Client, now: Time, out: &mut Out) {
    near_tick(client, now);
    calls_tick(client, now, out);
    let mut late: Vec<(LinkId, FailKind)> = Vec::new();
    let mut quiet: Vec<LinkId> = Vec::new();
    for (_, found) in client.links.range_mut(..THIRD_FIRST) {
        let waited = now.mono_ms.saturating_sub(found.since_ms);
        let silent = now.mono_ms.saturating_sub(found.heard_ms);
        match found.stage {
            Stage::Connecting if waited >= CONNECT_MS * 3 => {
                late.push((found.link, FailKind::Connect));
            }
            Stage::Greeting if waited >= HELLO_MS => {
                late.push((found.link, FailKind::HelloMissing));
            }
            Stage::Up if silent >= DIRECT_SILENT_MS => {
                late.push((found.link, FailKind::LinkSilent));
            }
            Stage::Up
                if silent >= DIRECT_PING_MS && now.mono_ms >= found.pinged_ms + DIRECT_PING_MS =>
            {
                found.pinged_ms = now.mono_ms;
                quiet.push(found.link);
            }
            Stage::Down | Stage::Connecting | Stage::Greeting | Stage::Up | Stage::Ended => {}
        }
    }
    for link in quiet {
        let ping = Ping { number: now.mono_ms, clock: now.wall_ms };
        direct_put(client, link, Kind::Ping, &ping, out);
    }
    for (link, kind) in late {
        link_end(client, link, fail(kind, ""), now, out);
    }
}

/// Кончает все прямые линии с человеком; больше ему не звонят, пока человек не позовёт.
pub fn direct_part(
    client: &mut Client,
    peer: Id,
    kind: FailKind,
    now: Time,
    out: &mut Out,
) -> bool {
    let mut found = call_forget(client, peer);
    let mut links: Vec<LinkId> = Vec::new();
    for link in client.links.values() {
        if link.peer == peer && link.path != Path::Third {
            links.push(link.link);
        }
    }
    for link in links {
        found = true;
        link_end(client, link, fail(kind, ""), now, out);
    }
    found
}

/// Программа уходит: попрощаться со всеми.
pub fn direct_leave(client: &mut Client, out: &mut Out) {
    thirds_leave(client, out);
    let mut links: Vec<(LinkId, Stage)> = Vec::new();
    for link in client.links.values() {
        links.push((link.link, link.stage));
    }
    for (link, stage) in links {
        if stage != Stage::Connecting {
            direct_put(client, link, Kind::Quit, &Quit { reason: FailKind::Leaving as u16 }, out);
        }
        out.actions.push(Action::Close { link, fail: FailKind::Leaving });
    }
    client.links.clear();
    client.calls.clear();
}
