//! Sending files: open the source, ask the price, offer, read what is wanted, hear that it is done.
//! Отправка файлов: открыть источник, спросить цену, предложить, читать то, что просят,
//! услышать, что готово.

use super::budget::{budget_check, budget_pay, question_ask};
use super::contacts::contact_meet;
use super::events::{Action, Budget, FileMark, Out, Random, Transfer, TransferFacts};
use super::mesh_carry::link_over;
use super::messages::{envelope_new, message_id, outbox_put};
use super::paths::way_link;
use super::show::{FileState, PeerState};
use super::state::{About, Client, Phase, transfer_add, transfer_find};
use super::thirds::third_goes;
use super::transfers::{
    file_begin, file_ended, file_list, file_moved, mark_put, stop_send, transfer_drop, transfer_end,
};
use crate::base::bounds::{FILE_SIZE_MAX, THIRD_STALL_MS, TRANSFERS_MAX, WINDOW_PACKETS};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::wire::control::{body_read, packet_put};
use crate::wire::file::{FileDone, FileSize, FileWant, STOP_CANCELLED, STOP_ERROR, file_packets};
use crate::wire::header::CONTENT_ID_MAX;
use crate::wire::message::{ENVELOPE_OFFER, Offer};
use crate::wire::packets::Kind;

/// An offer that is not answered is made again after so long.
const OFFER_AGAIN_MS: u64 = 5 * 60 * 1_000;

/// Цена файла в пакетах; пустой файл стоит один.
fn file_price(size: u64) -> u64 {
    u64::max(1, file_packets(size))
}

/// Человек отправляет файл: сначала открывается источник.
pub fn file_write(
    client: &mut Client,
    peer: Id,
    path: &str,
    random: &Random,
    out: &mut Out,
) -> Result<(), Fail> {
    if client.transfers.len() >= TRANSFERS_MAX {
        return Err(fail(FailKind::OutboxFull, &TRANSFERS_MAX.to_string()));
    }
    if !contact_meet(client, peer, out) {
        return Err(fail(FailKind::ContactUnknown, ""));
    }
    if let Some(contact) = client.contacts.get(&peer) {
        if contact.blocked {
            return Err(fail(FailKind::Blocked, &contact.name));
        }
    }
    let facts = TransferFacts {
        transfer: [0; 16],
        handle: 0,
        peer,
        name: String::new(),
        path: String::from(path),
        size: 0,
        changed: 0,
        key: [0; 32],
    };
    let transfer = transfer_add(client, true, facts, Phase::Opening);
    if let Some(state) = client.transfers.get_mut(&transfer) {
        state.transfer_random = *random;
    }
    out.actions.push(Action::SourceOpen { transfer, path: String::from(path) });
    Ok(())
}

/// Источник открыт: размер известен, можно называть цену.
pub fn source_opened(
    client: &mut Client,
    transfer: Transfer,
    name: &str,
    size: u64,
    changed: u64,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let handle = handle_free(client, transfer);
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return Ok(());
    };
    let random = state.transfer_random;
    state.transfer_random = [0; 64];
    state.facts.transfer = message_id(now.wall_ms, &random[0..10]);
    state.message = state.facts.transfer;
    state.facts.handle = handle;
    state.facts.key.copy_from_slice(&random[32..64]);
    state.facts.name = String::from(name);
    state.facts.size = size;
    state.facts.changed = changed;
    state.packets = file_packets(size);
    state.wanted = u64::MAX;
    state.phase = Phase::Asking;
    let peer = state.facts.peer;
    let price = file_price(size);
    let checked = if size > FILE_SIZE_MAX {
        Err(fail(FailKind::TextTooLong, &size.to_string()))
    } else {
        budget_check(client, peer, Budget::Files, price)
    };
    let asked = match checked {
        Ok(()) if price > 1 => {
            question_ask(client, peer, price, About::File { transfer }, now, out)
        }
        Ok(()) => {
            file_pay(client, transfer, now, out);
            Ok(())
        }
        Err(failed) => Err(failed),
    };
    if asked.is_err() {
        transfer_drop(client, transfer, out);
    }
    asked
}

/// Свободный 24-битный номер содержимого, случайный.
fn handle_free(client: &Client, transfer: Transfer) -> u32 {
    let mut handle = match client.transfers.get(&transfer) {
        Some(state) => {
            let random = &state.transfer_random;
            u32::from_be_bytes([0, random[10], random[11], random[12]])
        }
        None => 0,
    };
    loop {
        let mut taken = false;
        for state in client.transfers.values() {
            taken = taken || (state.outgoing && state.facts.handle == handle);
        }
        if !taken {
            return handle;
        }
        handle = (handle + 1) & CONTENT_ID_MAX;
    }
}

/// Оплачивает файл целиком, заводит журнал и предлагает.
pub fn file_pay(client: &mut Client, transfer: Transfer, now: Time, out: &mut Out) {
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return;
    };
    state.phase = Phase::Offered;
    let (peer, size, facts) = (state.facts.peer, state.facts.size, state.facts.clone());
    budget_pay(client, peer, Budget::Files, file_price(size), out);
    out.actions.push(Action::SourceKeep { transfer, facts });
    file_list(client, transfer, now, out);
    offer_put(client, transfer, now, out);
}

/// Ставит предложение в очередь к человеку.
fn offer_put(client: &mut Client, transfer: Transfer, now: Time, out: &mut Out) {
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return;
    };
    state.moved_ms = now.mono_ms;
    let facts = state.facts.clone();
    let mut envelope = envelope_new(client, ENVELOPE_OFFER, now);
    envelope.id = facts.transfer;
    envelope.offer = Some(Offer {
        transfer: facts.transfer,
        handle: facts.handle,
        name: facts.name,
        size: facts.size,
        changed: facts.changed,
        key: facts.key,
    });
    let (peer, id) = (facts.peer, facts.transfer);
    outbox_put(client, peer, envelope, Some(transfer), out);
    // Путь источника знает только эта сторона: в конверте его нет.
    let (state, path) = (FileState::Offered, facts.path);
    mark_put(client, FileMark { peer, outgoing: true, transfer: id, state, path }, out);
}

/// Предлагает снова, если предложение не стоит в очереди.
pub fn offer_again(client: &mut Client, transfer: Transfer, now: Time, out: &mut Out) {
    let Some(state) = client.transfers.get(&transfer) else {
        return;
    };
    if let Some(contact) = client.contacts.get(&state.facts.peer) {
        for entry in &contact.outbox {
            if entry.transfer == Some(transfer) {
                return;
            }
        }
    }
    offer_put(client, transfer, now, out);
}

/// Связь есть: незаконченное стоит в очереди. Тот, кто нас ещё не знает, за нами не следит,
/// и PRESENCE о нём не придёт: его найдёт только проба.
pub fn offers_renew(client: &mut Client, now: Time, out: &mut Out) {
    let mut list: Vec<Transfer> = Vec::new();
    for state in client.transfers.values() {
        if state.outgoing && state.phase == Phase::Offered {
            list.push(state.number);
        }
    }
    for transfer in list {
        offer_again(client, transfer, now, out);
    }
}

/// Тиканье: давно предложенное тому, кто на связи, предлагается ещё раз. Предложение могла получить
/// программа, которой больше нет, а ответ на него — пропасть вместе с линией.
pub fn offers_tick(client: &mut Client, now: Time, out: &mut Out) {
    let mut list: Vec<Transfer> = Vec::new();
    for state in client.transfers.values() {
        // Через третьего и «готово» пропадает молча: отданное до конца предлагается снова.
        let given = state.phase == Phase::Running && state.moved == state.packets;
        let soon = given && third_goes(client, state.facts.peer);
        let wait_ms = if soon { THIRD_STALL_MS } else { OFFER_AGAIN_MS };
        let open = given || state.phase == Phase::Offered;
        if open && state.outgoing && now.mono_ms >= state.moved_ms + wait_ms {
            if let Some(contact) = client.contacts.get(&state.facts.peer) {
                if contact.state == PeerState::Online {
                    list.push(state.number);
                }
            }
        }
    }
    for transfer in list {
        offer_again(client, transfer, now, out);
    }
}

/// Кладёт открытый пакет FILE_SIZE перед предложением.
pub fn offer_clear_put(client: &Client, transfer: Transfer, out: &mut Out) {
    if let Some(state) = client.transfers.get(&transfer) {
        let facts = &state.facts;
        let (size, packets) = (facts.size, state.packets);
        let body = FileSize { transfer: facts.transfer, size, packets };
        let (me, peer, handle) = (client.me, facts.peer, facts.handle);
        let _ = packet_put(&mut out.bytes, Kind::FileSize, me, peer, handle, &body);
    }
}

/// Тот конец просит пакеты: это и согласие, и кредит, и продолжение.
pub fn want_received(
    client: &mut Client,
    source: Id,
    handle: u32,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: FileWant = body_read("FILE_WANT", data)?;
    let Some(link) = way_link(client, source) else {
        return Ok(());
    };
    let Some(transfer) = transfer_find(client, true, &body.transfer) else {
        let reason = FailKind::Cancelled;
        stop_send(client, source, handle, body.transfer, STOP_CANCELLED, reason, out);
        return Ok(());
    };
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return Ok(());
    };
    let end = body.first.saturating_add(body.count);
    let over = end > state.packets || body.count > WINDOW_PACKETS;
    if state.facts.peer != source || over || state.phase == Phase::Asking {
        return Err(fail(FailKind::NotAllowed, "FILE_WANT"));
    }
    // Просьба об одном конце запечатает его снова: одноразовое число не должно повториться.
    let again = state.wanted != body.first || body.count == 0;
    let fresh = state.phase != Phase::Running || again;
    state.wanted = end;
    if fresh {
        file_begin(client, transfer, body.first, now, out);
    }
    out.actions.push(Action::SourceRead {
        transfer,
        link,
        over: link_over(client, link),
        me: client.me,
        first: body.first,
        count: body.count,
        fresh,
    });
    Ok(())
}

/// Прочитанное ушло в отправку: показать ход.
pub fn source_sent(client: &mut Client, transfer: Transfer, next: u64, now: Time, out: &mut Out) {
    if let Some(state) = client.transfers.get(&transfer) {
        if state.phase == Phase::Running {
            file_moved(client, transfer, next, now, out);
            if let Some(state) = client.transfers.get_mut(&transfer) {
                state.moved_ms = now.mono_ms;
            }
        }
    }
}

/// Источник не открылся, не читается или изменился.
pub fn source_failed(
    client: &mut Client,
    transfer: Transfer,
    failed: Fail,
    now: Time,
    out: &mut Out,
) {
    let Some(state) = client.transfers.get(&transfer) else {
        return;
    };
    if state.phase == Phase::Opening {
        // Ничего не обещано и не оплачено: ошибка команды, и только.
        super::events::out_show(
            out,
            super::show::Show::Error { fail: failed, command: String::from("/send") },
        );
        transfer_drop(client, transfer, out);
        return;
    }
    transfer_end(client, transfer, STOP_ERROR, failed, now, out);
}

/// Тот конец получил всё, сверил и переименовал.
pub fn done_received(
    client: &mut Client,
    source: Id,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: FileDone = body_read("FILE_DONE", data)?;
    let Some(transfer) = transfer_find(client, true, &body.transfer) else {
        return Ok(());
    };
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return Ok(());
    };
    if state.facts.peer != source {
        return Err(fail(FailKind::NotAllowed, "FILE_DONE"));
    }
    state.moved = state.packets;
    let path = state.facts.path.clone();
    file_ended(client, transfer, FileState::Done, &path, None, now, out);
    transfer_drop(client, transfer, out);
    Ok(())
}

/// Отказ от траты: файл не отправляется, тому концу ничего не сказано.
pub fn file_cancel(client: &mut Client, transfer: Transfer, out: &mut Out) -> Result<(), Fail> {
    transfer_drop(client, transfer, out);
    Ok(())
}
