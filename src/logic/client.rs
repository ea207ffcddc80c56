//! The client's one step: an event comes in, actions go out. Life of the link to the server is
//! here; messages, files, budgets and commands have their own rooms beside this one.
//! Единственный шаг клиента: событие входит, действия выходят. Здесь жизнь линии с сервером;
//! сообщения, файлы, лимиты и команды живут в соседних комнатах.

use super::account::{account_flush, account_link_down, account_tick, reply_received, vault_told};
use super::budget::limits_edited;
use super::calls::calls_load;
use super::card::{card_text, doors_set};
use super::commands::command_run;
use super::contacts::{
    contact_name, contact_state, contacts_flush, contacts_load, is_watched, watch_put,
};
use super::direct::{direct_down, direct_packet, direct_tick, person_up};
use super::disk::{disk_failed, disk_tick};
use super::events::{Action, BaseOrder, ClientEvent, LinkId, Out, StartFacts, out_send, out_show};
use super::inbox::{message_received, partials_forget};
use super::keys::{key_received, keys_left_received, keys_tick};
use super::leaving::leave_tick;
use super::meetings::{meet_gathered, meets_tick, outside_seen, servers_ask};
use super::mesh::{is_shut, mesh_tick};
use super::mesh_carry::carry_wrap;
use super::messages::{base_tick, outbox_again, outbox_flush, outbox_tick};
use super::nearby::near_heard;
use super::paths::{direct_peers, for_good};
use super::presence::{presence_received, quited_received, stored_received, unreachable_received};
use super::receiving::{
    data_received, part_done, part_failed, part_opened, part_rewound, part_saved, parts_tick,
};
use super::room_told::rooms_tick;
use super::sending::{
    done_received, offers_renew, offers_tick, source_failed, source_opened, source_sent,
    want_received,
};
use super::show::{LinkShow, PeerState, Show};
use super::state::{Client, Leave, Stage, client_new};
use super::told::base_told;
use super::transfers::{stop_received, transfers_pause};
use super::trust::requests_again;
use crate::base::bounds::{
    CONNECT_MS, HELLO_MS, PING_MS, RESEND_MS, RETRY_FIRST_MS, RETRY_MAX_MS, SILENT_MS,
};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail, fail_kind_of};
use crate::base::ids::{ID_SERVER, Id};
use crate::wire::control::{
    Hello, Mail, PROTOCOL_VERSION, Ping, Quit, Refused, body_read, packet_put,
};
use crate::wire::header::Header;
use crate::wire::packets::{Family, FarEnd, Kind, Lane, PacketRow, packet_allowed, packet_find};

/// Программа и версия, для журнала того конца.
pub const PROGRAM: &str = concat!("supertext ", env!("CARGO_PKG_VERSION"));

/// Готовит клиента и показывает, кто он.
pub fn client_start(facts: &StartFacts, out: &mut Out) -> Client {
    let mut client = client_new(facts);
    contacts_load(&mut client, facts);
    calls_load(&mut client, facts);
    if client.wishes.discovery {
        out.actions.push(Action::Seek { on: true });
    }
    if client.wishes.port_mapping {
        out.actions.push(Action::Map { on: true });
    }
    let (id, name, card) = (client.me, client.wishes.name.clone(), card_text(&client));
    let language = facts.language.clone();
    out_show(out, Show::Ready { id, name, card, language });
    if client.server.address.is_empty() {
        let (state, server) = (LinkShow::Down, String::new());
        let reason = Some(fail(FailKind::ServerMissing, ""));
        out_show(out, Show::Link { state, server, reason, retry_ms: 0 });
    }
    if let Some(id) = client.chosen {
        out_show(out, Show::Chosen { id, name: contact_name(&client, id) });
    }
    if client.wishes.bits {
        out.actions.push(Action::Base(BaseOrder::Bits { on: true }));
    }
    requests_again(&mut client, out);
    client
}

/// Один шаг: событие меняет состояние и рождает действия.
pub fn client_step(client: &mut Client, event: ClientEvent<'_>, now: Time, out: &mut Out) {
    if client.leave == Leave::Left {
        return;
    }
    event_do(client, event, now, out);
    carry_wrap(client, out);
}

/// Событие — в свою комнату.
fn event_do(client: &mut Client, event: ClientEvent<'_>, now: Time, out: &mut Out) {
    match event {
        ClientEvent::Command { command, line, random } => {
            command_run(client, command, line, random, now, out);
        }
        ClientEvent::LinkUp { link, from } => link_up(client, link, from, now, out),
        ClientEvent::PersonUp { link, from, .. } if link == client.server.link => {
            // И у сервера бывает ключ Ed25519: его цепочку TLS уже проверил.
            link_up(client, link, from, now, out);
        }
        ClientEvent::Outside { nat, address } => outside_seen(client, nat, address),
        ClientEvent::Gathered { peer, token, addresses } => {
            meet_gathered(client, peer, token, addresses, now, out);
        }
        ClientEvent::Near { id, fingerprint, address } => {
            near_heard(client, id, fingerprint, address, now, out);
        }
        ClientEvent::Doors { addresses } => {
            client.doors_own = addresses;
            doors_set(client);
        }
        ClientEvent::Mapped { tcp, udp } => {
            client.mapped = (tcp, udp);
            doors_set(client);
        }
        ClientEvent::PersonUp { link, key, from } => {
            person_up(client, link, key, &from, now, out);
        }
        ClientEvent::LinkDown { link, fail } if link == client.server.link => {
            link_down(client, link, fail, now, out);
        }
        ClientEvent::LinkDown { link, fail } => direct_down(client, link, fail, now, out),
        ClientEvent::Packet { link, header, data } if link == client.server.link => {
            packet_received(client, link, header, data, now, out);
        }
        ClientEvent::Packet { link, header, data } => {
            direct_packet(client, link, header, data, now, out);
        }
        ClientEvent::Tick => client_tick(client, now, out),
        ClientEvent::SourceOpened { transfer, name, size, changed } => {
            if let Err(failed) = source_opened(client, transfer, &name, size, changed, now, out) {
                out_show(out, Show::Error { fail: failed, command: String::from("/send") });
            }
        }
        ClientEvent::SourceSent { transfer, next } => source_sent(client, transfer, next, now, out),
        ClientEvent::SourceProof { transfer, proof } => {
            if let Some(state) = client.transfers.get_mut(&transfer) {
                state.proof = Some(proof);
            }
        }
        ClientEvent::SourceFailed { transfer, fail } => {
            source_failed(client, transfer, fail, now, out);
        }
        ClientEvent::PartOpened { transfer, saved } => {
            part_opened(client, transfer, saved, now, out);
        }
        ClientEvent::PartSaved { transfer, saved } => part_saved(client, transfer, saved, now, out),
        ClientEvent::PartRewound { transfer, saved } => {
            part_rewound(client, transfer, saved, now, out);
        }
        ClientEvent::PartDone { transfer, path, proof } => {
            part_done(client, transfer, &path, proof, now, out);
        }
        ClientEvent::PartFailed { transfer, fail } => part_failed(client, transfer, fail, now, out),
        ClientEvent::LimitsRead { rows, base } => limits_edited(client, &rows, &base, out),
        ClientEvent::Base(report) => base_told(client, report, now, out),
        ClientEvent::DiskFailed { fail } => disk_failed(client, fail, now, out),
        ClientEvent::Vault(report) => vault_told(client, report, now, out),
    }
}

/// Конец пробуждения: отправить, что готово, записать, что изменилось.
pub fn client_flush(client: &mut Client, now: Time, out: &mut Out) {
    outbox_flush(client, now, out);
    carry_wrap(client, out);
    account_flush(client, now);
    contacts_flush(client, out);
}

/// Тиканье часов: связь, повторы, уход.
fn client_tick(client: &mut Client, now: Time, out: &mut Out) {
    link_tick(client, now, out);
    direct_tick(client, now, out);
    meets_tick(client, now, out);
    mesh_tick(client, now, out);
    base_tick(client, now, out);
    disk_tick(client, now, out);
    outbox_tick(client, now, out);
    keys_tick(client, now, out);
    parts_tick(client, now, out);
    offers_tick(client, now, out);
    rooms_tick(client, now, out);
    account_tick(client, now, out);
    leave_tick(client, now, out);
}

/// Следит за линией с сервером: звонить снова, спрашивать PING, сдаваться по тишине.
fn link_tick(client: &mut Client, now: Time, out: &mut Out) {
    let server = &mut client.server;
    let waited = now.mono_ms.saturating_sub(server.since_ms);
    match server.stage {
        Stage::Down => {
            if !server.address.is_empty() && waited >= server.wait_ms {
                server.stage = Stage::Connecting;
                server.since_ms = now.mono_ms;
                server.link = client.next_link;
                client.next_link += 1;
                out.actions.push(Action::Connect { link: server.link });
            }
        }
        Stage::Connecting => {
            if waited >= CONNECT_MS * 3 {
                link_give_up(client, fail(FailKind::Connect, ""), now, out);
            }
        }
        Stage::Greeting => {
            if waited >= HELLO_MS {
                link_give_up(client, fail(FailKind::HelloMissing, ""), now, out);
            }
        }
        Stage::Up => {
            let quiet = now.mono_ms.saturating_sub(server.heard_ms);
            if quiet >= SILENT_MS {
                link_give_up(client, fail(FailKind::LinkSilent, ""), now, out);
            } else if quiet >= PING_MS && now.mono_ms >= server.pinged_ms + PING_MS {
                server.pinged_ms = now.mono_ms;
                let ping = Ping { number: now.mono_ms, clock: now.wall_ms };
                control_put(client, Kind::Ping, &ping, out);
            }
        }
        Stage::Ended => {}
    }
}

/// Кладёт управляющий пакет серверу.
pub fn control_put<T: minicbor::Encode<()>>(client: &Client, kind: Kind, body: &T, out: &mut Out) {
    let start = out.bytes.len();
    let _ = packet_put(&mut out.bytes, kind, client.me, ID_SERVER, 0, body);
    out_send(out, client.server.link, Lane::Messages, start);
}

/// Закрывает линию со своей стороны и считает её пропавшей.
fn link_give_up(client: &mut Client, failed: Fail, now: Time, out: &mut Out) {
    let link = client.server.link;
    out.actions.push(Action::Close { link, fail: failed.kind });
    link_down(client, link, failed, now, out);
}

/// TLS стоит: поздороваться.
fn link_up(client: &mut Client, link: LinkId, from: String, now: Time, out: &mut Out) {
    if client.server.link != link || client.server.stage != Stage::Connecting {
        out.actions.push(Action::Close { link, fail: FailKind::LinkClosed });
        return;
    }
    client.server.stage = Stage::Greeting;
    client.server.place = from;
    (client.server.since_ms, client.server.heard_ms) = (now.mono_ms, now.mono_ms);
    let hello = Hello {
        version: PROTOCOL_VERSION,
        features: 0,
        clock: now.wall_ms,
        program: String::from(PROGRAM),
        until: None,
        stun: None,
    };
    control_put(client, Kind::Hello, &hello, out);
}

/// Линия пропала: показать, приостановить файлы, назначить новую попытку.
fn link_down(client: &mut Client, link: LinkId, failed: Fail, now: Time, out: &mut Out) {
    if client.server.link != link {
        return;
    }
    let stage = client.server.stage;
    if stage == Stage::Down || stage == Stage::Ended {
        return;
    }
    let (state, retry_ms) = if for_good(failed.kind) {
        client.server.stage = Stage::Ended;
        client.ended = failed.kind;
        (LinkShow::Down, 0)
    } else {
        let server = &mut client.server;
        let wait = if stage == Stage::Up { 0 } else { server.wait_ms };
        server.wait_ms = u64::clamp(wait * 2, RETRY_FIRST_MS, RETRY_MAX_MS);
        server.stage = Stage::Down;
        server.since_ms = now.mono_ms;
        (LinkShow::Retry, server.wait_ms)
    };
    let (server, reason) = (client.server.address.clone(), Some(failed.clone()));
    out_show(out, Show::Link { state, server, reason, retry_ms });
    transfers_pause(client, None, &failed, now, out);
    let mut ids: Vec<Id> = Vec::new();
    partials_forget(client);
    account_link_down(client);
    let direct = direct_peers(client);
    for contact in client.contacts.values_mut() {
        contact.relay = PeerState::Unknown;
        if direct.contains(&contact.id) {
            // С ним говорят напрямую: сервер ему не нужен.
            continue;
        }
        outbox_again(contact);
        contact.resend_ms = RESEND_MS;
        contact.key_asked_ms = None;
        contact.held = false;
        if contact.state == PeerState::Online {
            ids.push(contact.id);
        } else if contact.state == PeerState::Offline {
            contact.state = PeerState::Unknown;
        }
    }
    for id in ids {
        contact_state(client, id, PeerState::Unknown, out);
    }
}

/// Пришёл пакет от сервера: свой или переданный от человека.
fn packet_received(
    client: &mut Client,
    link: LinkId,
    header: Header,
    data: &[u8],
    now: Time,
    out: &mut Out,
) {
    if link != client.server.link {
        return;
    }
    let row = match packet_find(&header) {
        Ok(row) => row,
        Err(failed) => return link_give_up(client, failed, now, out),
    };
    let addressed = row.family == Family::Control || header.dest_id == client.me;
    if let Err(failed) = packet_allowed(row, &header, FarEnd::Server) {
        return link_give_up(client, failed, now, out);
    }
    client.server.heard_ms = now.mono_ms;
    let early = row.kind != Kind::Hello && row.kind != Kind::Quit && row.kind != Kind::Refused;
    if client.server.stage != Stage::Up && early {
        return link_give_up(client, fail(FailKind::BeforeHello, row.name), now, out);
    }
    if !addressed {
        return;
    }
    if row.family != Family::Control {
        return person_packet(client, row, header, data, now, out);
    }
    let done = match row.kind {
        Kind::Hello => hello_received(client, data, now, out),
        Kind::Ping => ping_received(client, data, now, out),
        Kind::Pong => Ok(()),
        Kind::Quit => quit_received(client, data, now, out),
        Kind::Quited => quited_received(client, data, now, out),
        Kind::Refused => refused_received(data),
        Kind::Presence => presence_received(client, data, now, out),
        Kind::Unreachable => unreachable_received(client, data, now, out),
        Kind::KeysLeft => keys_left_received(data, out),
        Kind::Key => key_received(client, data, now, out),
        Kind::Stored => stored_received(client, data, now, out),
        Kind::Mail => mail_received(client, data, out),
        Kind::AccountReply => reply_received(client, data, now, out),
        Kind::Message
        | Kind::FileWant
        | Kind::FileData
        | Kind::FileBlock
        | Kind::FileEnd
        | Kind::FileDone
        | Kind::FileStop
        | Kind::FileSize
        | Kind::Watch
        | Kind::Keys
        | Kind::KeyAsk
        | Kind::Account
        | Kind::Routes
        | Kind::Carry
        | Kind::CarryFile => Err(fail(FailKind::NotAllowed, row.name)),
    };
    if let Err(failed) = done {
        out_show(out, Show::Error { fail: failed, command: String::from(row.name) });
    }
}

/// Пакет от человека, каким бы путём он ни пришёл.
pub fn person_packet(
    client: &mut Client,
    row: &PacketRow,
    header: Header,
    data: &[u8],
    now: Time,
    out: &mut Out,
) {
    let (source, handle) = (header.source_id, header.content_id);
    if is_shut(client, source) {
        return;
    }
    let done = match row.kind {
        Kind::Message => message_received(client, source, handle, data, now, out),
        Kind::FileWant => want_received(client, source, handle, data, now, out),
        Kind::FileData | Kind::FileBlock | Kind::FileEnd => {
            data_received(client, source, handle, out);
            Ok(())
        }
        Kind::FileDone => done_received(client, source, data, now, out),
        Kind::FileStop => stop_received(client, source, data, now, out),
        // Размер уже есть в предложении; открытый пакет нужен серверу и наблюдателю.
        Kind::FileSize => Ok(()),
        Kind::Hello
        | Kind::Ping
        | Kind::Pong
        | Kind::Quit
        | Kind::Quited
        | Kind::Refused
        | Kind::Watch
        | Kind::Presence
        | Kind::Unreachable
        | Kind::Keys
        | Kind::KeysLeft
        | Kind::KeyAsk
        | Kind::Key
        | Kind::Stored
        | Kind::Mail
        | Kind::Account
        | Kind::AccountReply
        | Kind::Routes
        | Kind::Carry
        | Kind::CarryFile => Ok(()),
    };
    if let Err(failed) = done {
        if !client.contacts.contains_key(&source) {
            tracing::warn!("{} of a stranger: {}", row.name, failed.detail);
            return;
        }
        // Негодное тело от человека линию не рвёт: показать и жить дальше.
        out_show(out, Show::Error { fail: failed, command: String::from(row.name) });
    }
}

/// HELLO сервера: связь есть.
fn hello_received(client: &mut Client, data: &[u8], now: Time, out: &mut Out) -> Result<(), Fail> {
    let hello: Hello = body_read("HELLO", data)?;
    if client.server.stage != Stage::Greeting {
        return Ok(());
    }
    if hello.version != PROTOCOL_VERSION {
        let failed = fail(FailKind::HelloVersion, &hello.version.to_string());
        link_give_up(client, failed, now, out);
        return Ok(());
    }
    client.server.stage = Stage::Up;
    client.server.wait_ms = 0;
    let server = client.server.address.clone();
    out_show(out, Show::Link { state: LinkShow::Up, server, reason: None, retry_ms: 0 });
    super::licence::licence_show(&hello, out);
    servers_ask(client, hello.stun.unwrap_or_default(), out);
    let mut ids: Vec<Id> = Vec::new();
    for contact in client.contacts.values() {
        if !contact.blocked {
            client.pump.insert(contact.id);
        }
        if !contact.blocked && is_watched(client, contact.id) {
            ids.push(contact.id);
        }
    }
    watch_put(client, &ids, out);
    offers_renew(client, now, out);
    Ok(())
}

/// PING: ответить тем же числом.
fn ping_received(client: &mut Client, data: &[u8], now: Time, out: &mut Out) -> Result<(), Fail> {
    let ping: Ping = body_read("PING", data)?;
    let pong = Ping { number: ping.number, clock: now.wall_ms };
    control_put(client, Kind::Pong, &pong, out);
    Ok(())
}

/// QUIT сервера: он уходит или прогоняет нас, с причиной.
fn quit_received(client: &mut Client, data: &[u8], now: Time, out: &mut Out) -> Result<(), Fail> {
    let quit: Quit = body_read("QUIT", data)?;
    let failed = fail(fail_kind_of(quit.reason), "QUIT");
    link_give_up(client, failed, now, out);
    Ok(())
}

/// MAIL: почта до этого номера пришла вся; подтвердить, когда она на диске.
fn mail_received(client: &mut Client, data: &[u8], out: &mut Out) -> Result<(), Fail> {
    let body: Mail = body_read("MAIL", data)?;
    if std::mem::replace(&mut client.mail_spoiled, false) {
        // Часть этой почты на диск не легла: сервер выдаст её снова.
        return Ok(());
    }
    out.actions.push(Action::Base(BaseOrder::Mark { mark: body.upto }));
    Ok(())
}

/// REFUSED: сервер не принял пакет; причина уйдёт в журнал.
fn refused_received(data: &[u8]) -> Result<(), Fail> {
    let body: Refused = body_read("REFUSED", data)?;
    Err(fail(fail_kind_of(body.reason), &format!("type {}", body.content_type)))
}
