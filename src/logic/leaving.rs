//! Leaving: /quit warns once when something is unsent, the pipe's end waits for deliveries,
//! SIGTERM and Ctrl+C go at once.
//! Уход: /quit один раз предупреждает о неотправленном, конец потока ждёт доставки, SIGTERM и
//! Ctrl+C уходят сразу.

use super::account::account_busy;
use super::client::control_put;
use super::contacts::{contact_name, contacts_flush};
use super::direct::direct_leave;
use super::events::{Action, Out, out_show};
use super::show::{PeerState, Show};
use super::state::{Client, Contact, Leave, Phase, Stage};
use crate::base::bounds::{ACCOUNT_LEAVE_MS, ANSWER_MS, LEAVE_MS};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail, fail_row};
use crate::wire::control::Quit;
use crate::wire::message::ENVELOPE_READ;
use crate::wire::packets::Kind;

/// Что ещё не доставлено, словами: «Анна: 2, report.pdf». Пусто — всё доставлено.
pub fn unsent_list(client: &Client) -> String {
    let mut list = String::new();
    moving_add(client, &mut list);
    for question in &client.questions {
        let name = contact_name(client, question.peer);
        part_add(&mut list, &format!("{name}: ? {}", question.token));
    }
    list
}

/// Что движется само и будет доставлено без человека.
fn moving_add(client: &Client, list: &mut String) {
    for contact in client.contacts.values() {
        let waiting = unsent_count(client, contact);
        if waiting > 0 {
            part_add(list, &format!("{}: {waiting}", contact_name(client, contact.id)));
        }
    }
    for state in client.transfers.values() {
        if state.phase == Phase::Running || state.phase == Phase::Opening {
            // Пока источник открывается, имени ещё нет, есть путь.
            let named = !state.facts.name.is_empty();
            part_add(list, if named { &state.facts.name } else { &state.facts.path });
        }
    }
}

/// Сколько сообщений ждёт этого человека; лежащие на сервере дойдут и без нас. Отметка о
/// прочтении не в счёт: её человек не писал. Предложение файла из прежнего запуска тоже: его
/// хранит журнал, и оно повторится само.
fn unsent_count(client: &Client, contact: &Contact) -> usize {
    let mut waiting = 0;
    for entry in &contact.outbox {
        if entry.stored || entry.envelope.kind == ENVELOPE_READ {
            continue;
        }
        let kept = match entry.transfer {
            Some(transfer) => match client.transfers.get(&transfer) {
                Some(state) => state.known,
                None => true,
            },
            None => false,
        };
        if !kept {
            waiting += 1;
        }
    }
    waiting
}

/// Дописывает к перечислению.
fn part_add(list: &mut String, part: &str) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push_str(part);
}

/// `/quit`: с неотправленным сначала предупреждает, второй раз уходит. Хранилище учётной записи
/// сохраняется перед уходом, если это недолго.
pub fn leave_asked(client: &mut Client, now: Time, out: &mut Out) -> Result<(), Fail> {
    let unsent = unsent_list(client);
    if !unsent.is_empty() && client.leave == Leave::Staying {
        client.leave = Leave::Warned;
        return Err(fail(FailKind::Unsent, &unsent));
    }
    if unsent.is_empty() && account_busy(client) && client.leave == Leave::Staying {
        let until_ms = now.mono_ms + ACCOUNT_LEAVE_MS;
        client.leave = Leave::Draining { until_ms, calm_ms: None };
        return Ok(());
    }
    leave_now(client, 0, out);
    Ok(())
}

/// Ввод кончился: уйти, когда всё доставлено.
pub fn leave_drain(client: &mut Client, now: Time, out: &mut Out) {
    let until_ms = now.mono_ms + LEAVE_MS;
    client.account.asked = None;
    client.leave = Leave::Draining { until_ms, calm_ms: None };
    leave_tick(client, now, out);
}

/// Уходит сейчас: попрощаться, сохранить, закрыть.
pub fn leave_now(client: &mut Client, code: u8, out: &mut Out) {
    contacts_flush(client, out);
    if client.server.stage == Stage::Up {
        control_put(client, Kind::Quit, &Quit { reason: FailKind::Leaving as u16 }, out);
    }
    direct_leave(client, out);
    let link = client.server.link;
    if client.server.stage != Stage::Down && client.server.stage != Stage::Ended {
        out.actions.push(Action::Close { link, fail: FailKind::Leaving });
    }
    client.server.stage = Stage::Ended;
    client.leave = Leave::Left;
    out.actions.push(Action::Exit { code });
}

/// Есть ли файл, предложенный в этом запуске тому, кто на связи и ещё не ответил. Принимающий
/// сам отвечает сразу; человека, который думает, ждать незачем: предложение хранит журнал.
fn offer_open(client: &Client) -> bool {
    for state in client.transfers.values() {
        let open = state.outgoing && state.phase == Phase::Offered && !state.known;
        if let (true, Some(contact)) = (open, client.contacts.get(&state.facts.peer)) {
            if contact.state == PeerState::Online {
                return true;
            }
        }
    }
    false
}

/// Тиканье при уходе по концу ввода.
pub fn leave_tick(client: &mut Client, now: Time, out: &mut Out) {
    let Leave::Draining { until_ms, calm_ms } = client.leave else {
        return;
    };
    let unsent = unsent_list(client);
    if unsent.is_empty() {
        if account_busy(client) && now.mono_ms < until_ms {
            return;
        }
        let calm = calm_ms.unwrap_or(now.mono_ms);
        if offer_open(client) && now.mono_ms < calm + ANSWER_MS {
            client.leave = Leave::Draining { until_ms, calm_ms: Some(calm) };
            return;
        }
        leave_now(client, 0, out);
        return;
    }
    client.leave = Leave::Draining { until_ms, calm_ms: None };
    // Связи уже не будет: ждать нечего, код скажет почему.
    // Остались одни вопросы: отвечать на них больше некому.
    let mut moving = String::new();
    moving_add(client, &mut moving);
    let relay = client.server.stage != Stage::Ended && !client.server.address.is_empty();
    let lost = !relay && client.links.is_empty() && client.calls.is_empty();
    let hopeless = lost || moving.is_empty();
    if hopeless || now.mono_ms >= until_ms {
        let failed = fail(FailKind::Unsent, &unsent);
        let why = if lost { client.ended } else { failed.kind };
        let code = u8::max(1, fail_row(why).exit);
        out_show(out, Show::Error { fail: failed, command: String::new() });
        leave_now(client, code, out);
    }
}
