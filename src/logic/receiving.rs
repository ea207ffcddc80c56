//! Receiving files: an offer, the user's answer, the credit window, what is saved, the end.
//! Приём файлов: предложение, ответ человека, окно кредита, что записано, конец.

use super::contacts::{is_stranger, is_watched, text_cut, watch_put};
use super::events::{
    AcceptFiles, Action, FileMark, FinishedRow, Out, Transfer, TransferFacts, out_send, out_show,
};
use super::mesh_carry::THIRD_FIRST;
use super::paths::way_link;
use super::show::{FileState, PeerState, Show};
use super::state::{Client, Phase, Stage, transfer_add, transfer_find};
use super::thirds::third_goes;
use super::transfers::{
    done_send, file_begin, file_ended, file_moved, file_show, finished_push, mark_put, stop_send,
    stop_shown, transfer_end, transfer_pause,
};
use crate::base::bounds::{
    ACTIVE_INCOMING_MAX, FILE_NAME_MAX, FILE_SIZE_MAX, IMAGE_BYTES_MAX, OFFERS_MAX, STALL_MS,
    THIRD_STALL_MS, THIRD_WINDOW, TRANSFERS_MAX, WANT_PACKETS, WINDOW_PACKETS,
};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::wire::control::packet_put;
use crate::wire::file::{
    FileWant, STOP_CANCELLED, STOP_ERROR, STOP_PAUSED, STOP_REFUSED, file_packets,
};
use crate::wire::header::CONTENT_ID_MAX;
use crate::wire::message::{MessageId, Offer, TransferId};
use crate::wire::packets::{Kind, Lane};

/// Концы имён картинок.
const IMAGE_ENDS: [&str; 6] = ["png", "jpg", "jpeg", "gif", "webp", "bmp"];

/// Сколько раз блок может не сойтись, прежде чем передача бросается.
const REWINDS_MAX: u32 = 5;

/// Столько ждать пакетов передачи, которую предложили снова.
const DOUBT_MS: u64 = 1_000;

/// Через третьего пропуски бывают от тесноты у переносчика: они не порок файла.
const THIRD_REWINDS_MAX: u32 = 100;

/// Пришло предложение файла, новое или повторное; `message` — номер его конверта.
pub fn offer_received(
    client: &mut Client,
    source: Id,
    message: MessageId,
    offer: Offer,
    now: Time,
    out: &mut Out,
) {
    let (handle, id) = (offer.handle, offer.transfer);
    for index in 0..client.finished.len() {
        if client.finished[index].transfer == id {
            let stop = client.finished[index].state;
            match stop {
                0 => done_send(client, source, handle, id, out),
                state => stop_send(client, source, handle, id, state, FailKind::Cancelled, out),
            }
            // Строка истории могла появиться только сейчас: прежняя программа файлов не помнила.
            return mark_put(client, mark_in(source, id, finished_shown(stop)), out);
        }
    }
    if let Some(known) = transfer_find(client, false, &id) {
        part_doubt(client, known, now);
        part_wake(client, known, out);
        return;
    }
    if client.transfers.len() >= TRANSFERS_MAX
        || offers_open(client, source) >= OFFERS_MAX
        || offer.size > FILE_SIZE_MAX
        || handle > CONTENT_ID_MAX
    {
        stop_send(client, source, handle, id, STOP_REFUSED, FailKind::PeerBusy, out);
        return mark_put(client, mark_in(source, id, FileState::Refused), out);
    }
    let facts = TransferFacts {
        transfer: id,
        handle,
        peer: source,
        name: text_cut(&offer.name, FILE_NAME_MAX),
        path: String::new(),
        size: offer.size,
        changed: offer.changed,
        key: offer.key,
    };
    let (name, size) = (facts.name.clone(), facts.size);
    let transfer = transfer_add(client, false, facts, Phase::Offered);
    if let Some(state) = client.transfers.get_mut(&transfer) {
        state.message = message;
    }
    let packets = file_packets(size);
    out_show(out, Show::Offer { peer: source, message, transfer, name, size, packets });
    if taken_unasked(client, transfer) {
        let _ = file_take(client, transfer, now, out);
    }
}

/// Идущую передачу предлагают снова: тот конец, быть может, прежних просьб не слышал (у него
/// сменился путь). Если погодя ничего не придёт, попросить ещё раз.
fn part_doubt(client: &mut Client, transfer: Transfer, now: Time) {
    if let Some(state) = client.transfers.get_mut(&transfer) {
        if !state.outgoing && state.phase == Phase::Running {
            state.doubt_ms = Some(now.mono_ms + DOUBT_MS);
        }
    }
}

/// Конец входящей передачи для истории.
fn mark_in(peer: Id, transfer: TransferId, state: FileState) -> FileMark {
    FileMark { peer, outgoing: false, transfer, state, path: String::new() }
}

/// Состояние оконченной передачи для показа: 0 — готово, иное — как у FILE_STOP.
pub fn finished_shown(stop: u8) -> FileState {
    if stop == 0 { FileState::Done } else { stop_shown(stop) }
}

/// Берётся ли это предложение само: все файлы или небольшие картинки тех, кто в контактах.
fn taken_unasked(client: &Client, transfer: Transfer) -> bool {
    match client.wishes.accept_files {
        AcceptFiles::Off => return false,
        AcceptFiles::On => return true,
        AcceptFiles::Images => {}
    }
    let Some(state) = client.transfers.get(&transfer) else {
        return false;
    };
    let known = match client.contacts.get(&state.facts.peer) {
        Some(contact) => !is_stranger(contact),
        None => false,
    };
    known && state.facts.size <= IMAGE_BYTES_MAX && image_named(&state.facts.name)
}

/// Кончается ли имя так, как у картинок.
fn image_named(name: &str) -> bool {
    match name.rsplit_once('.') {
        Some((_, end)) => IMAGE_ENDS.contains(&end.to_ascii_lowercase().as_str()),
        None => false,
    }
}

/// Сколько предложений этого человека ждёт ответа.
fn offers_open(client: &Client, peer: Id) -> usize {
    let mut open = 0;
    for state in client.transfers.values() {
        if !state.outgoing && state.phase == Phase::Offered && state.facts.peer == peer {
            open += 1;
        }
    }
    open
}

/// Человек принимает файл.
pub fn file_take(
    client: &mut Client,
    transfer: Transfer,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let Some(state) = client.transfers.get(&transfer) else {
        return Err(fail(FailKind::TransferUnknown, &transfer.to_string()));
    };
    if state.outgoing || (state.phase != Phase::Offered && state.phase != Phase::Waiting) {
        return Err(fail(FailKind::TransferUnknown, &transfer.to_string()));
    }
    let peer = state.facts.peer;
    let watched = is_watched(client, peer);
    if let Some(state) = client.transfers.get_mut(&transfer) {
        state.phase = Phase::Waiting;
    }
    if !watched && client.server.stage == Stage::Up {
        // Уход и возвращение того, чей файл взяли, должны быть видны и до знакомства.
        watch_put(client, &[peer], out);
    }
    file_show(client, transfer, FileState::Waiting, "", None, now, out);
    part_wake(client, transfer, out);
    Ok(())
}

/// Человек отказывается от файла.
pub fn file_refuse(
    client: &mut Client,
    transfer: Transfer,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    match client.transfers.get(&transfer) {
        Some(state) if !state.outgoing && state.phase == Phase::Offered => {
            transfer_end(client, transfer, STOP_REFUSED, fail(FailKind::Refused, ""), now, out);
            Ok(())
        }
        Some(_) | None => Err(fail(FailKind::TransferUnknown, &transfer.to_string())),
    }
}

/// Сколько входящих передач идёт сейчас.
fn active_incoming(client: &Client) -> usize {
    let mut active = 0;
    for state in client.transfers.values() {
        let busy = state.phase == Phase::Preparing || state.phase == Phase::Running;
        if !state.outgoing && busy {
            active += 1;
        }
    }
    active
}

/// Продолжает входящую передачу, если есть связь и свободное место.
pub fn part_wake(client: &mut Client, transfer: Transfer, out: &mut Out) {
    if active_incoming(client) >= ACTIVE_INCOMING_MAX {
        return;
    }
    let Some(state) = client.transfers.get(&transfer) else {
        return;
    };
    if state.outgoing || state.phase != Phase::Waiting {
        return;
    }
    if way_link(client, state.facts.peer).is_none() {
        return;
    }
    // Кого нет на связи, тот места не занимает: его разбудит PRESENCE.
    if let Some(contact) = client.contacts.get(&state.facts.peer) {
        if contact.state == PeerState::Offline {
            return;
        }
    }
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return;
    };
    state.phase = Phase::Preparing;
    let facts = state.facts.clone();
    out.actions.push(Action::PartOpen { transfer, facts });
}

/// Освободилось место: начать следующую ждущую.
pub fn waiting_start(client: &mut Client, out: &mut Out) {
    let mut waiting: Vec<Transfer> = Vec::new();
    for state in client.transfers.values() {
        if !state.outgoing && state.phase == Phase::Waiting {
            waiting.push(state.number);
        }
    }
    for transfer in waiting {
        part_wake(client, transfer, out);
    }
}

/// Файл .part готов: попросить первые пакеты, которых нет.
pub fn part_opened(client: &mut Client, transfer: Transfer, saved: u64, now: Time, out: &mut Out) {
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return;
    };
    if state.phase != Phase::Preparing {
        return;
    }
    state.wanted = saved;
    state.rewinds = 0;
    file_begin(client, transfer, saved, now, out);
    want_put(client, transfer, true, out);
}

/// Просит пакеты, пока в окне есть место. `first` — просить даже ноль: всё есть, нужен конец.
fn want_put(client: &mut Client, transfer: Transfer, first: bool, out: &mut Out) {
    let me = client.me;
    let Some(state) = client.transfers.get(&transfer) else {
        return;
    };
    let Some(link) = way_link(client, state.facts.peer) else {
        return;
    };
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return;
    };
    let window = if link >= THIRD_FIRST { THIRD_WINDOW } else { WINDOW_PACKETS };
    let start = out.bytes.len();
    let mut ask_end = first && state.wanted >= state.packets;
    while ask_end || state.wanted < state.packets {
        let ahead = state.wanted.saturating_sub(state.moved);
        if ahead + WANT_PACKETS > window {
            break;
        }
        let count = u64::min(WANT_PACKETS, state.packets - state.wanted);
        let body = FileWant { transfer: state.facts.transfer, first: state.wanted, count };
        let (peer, handle) = (state.facts.peer, state.facts.handle);
        let _ = packet_put(&mut out.bytes, Kind::FileWant, me, peer, handle, &body);
        state.wanted += count;
        ask_end = false;
    }
    out_send(out, link, Lane::Messages, start);
}

/// Пакеты записаны: двинуть счётчик и окно.
pub fn part_saved(client: &mut Client, transfer: Transfer, saved: u64, now: Time, out: &mut Out) {
    let running = match client.transfers.get(&transfer) {
        Some(state) => state.phase == Phase::Running && saved >= state.moved,
        None => false,
    };
    if running {
        if let Some(state) = client.transfers.get_mut(&transfer) {
            state.moved_ms = now.mono_ms;
            state.doubt_ms = None;
        }
        file_moved(client, transfer, saved, now, out);
        want_put(client, transfer, false, out);
    }
}

/// Пакетов не хватает с этого места (или блок не сошёлся): попросить снова.
pub fn part_rewound(client: &mut Client, transfer: Transfer, saved: u64, now: Time, out: &mut Out) {
    let third = match client.transfers.get(&transfer) {
        Some(state) => third_goes(client, state.facts.peer),
        None => false,
    };
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return;
    };
    if state.phase != Phase::Running {
        return;
    }
    // Считаются только неудачи на одном месте: пропуск после обрыва или занятости не порок файла.
    if saved > state.rewound_at {
        state.rewound_at = saved;
        state.rewinds = 0;
    }
    state.rewinds += 1;
    let most = if third { THIRD_REWINDS_MAX } else { REWINDS_MAX };
    if state.rewinds > most {
        let failed = fail(FailKind::Integrity, &state.facts.name.clone());
        transfer_end(client, transfer, STOP_ERROR, failed, now, out);
        return;
    }
    state.moved = saved;
    state.wanted = saved;
    want_put(client, transfer, true, out);
}

/// Тиканье: передача, которая просит и ничего не получает, просит ещё раз.
pub fn parts_tick(client: &mut Client, now: Time, out: &mut Out) {
    let mut stalled: Vec<(Transfer, u64)> = Vec::new();
    for state in client.transfers.values() {
        // Через третьего пакеты пропадают молча: просить снова пора раньше.
        let third = third_goes(client, state.facts.peer);
        let stall = if third { THIRD_STALL_MS } else { STALL_MS };
        let doubted = match state.doubt_ms {
            Some(at) => now.mono_ms >= at,
            None => false,
        };
        let silent = doubted || now.mono_ms.saturating_sub(state.moved_ms) >= stall;
        if !state.outgoing && state.phase == Phase::Running && silent {
            stalled.push((state.number, state.moved));
        }
    }
    for (transfer, saved) in stalled {
        if let Some(state) = client.transfers.get_mut(&transfer) {
            state.moved_ms = now.mono_ms;
            state.doubt_ms = None;
            state.wanted = saved;
        }
        want_put(client, transfer, true, out);
    }
}

/// Пакет данных от отправителя: чей он?
pub fn data_received(client: &Client, source: Id, handle: u32, out: &mut Out) {
    for state in client.transfers.values() {
        let ours = !state.outgoing && state.facts.peer == source && state.facts.handle == handle;
        if ours && state.phase == Phase::Running {
            out.actions.push(Action::PartPacket { transfer: state.number, skip: 0 });
            return;
        }
    }
}

/// Файл целый, сверен и назван своим именем.
pub fn part_done(
    client: &mut Client,
    transfer: Transfer,
    path: &str,
    proof: [u8; 32],
    now: Time,
    out: &mut Out,
) {
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return;
    };
    state.moved = state.packets;
    state.proof = Some(proof);
    let (peer, handle, id) = (state.facts.peer, state.facts.handle, state.facts.transfer);
    file_ended(client, transfer, FileState::Done, path, None, now, out);
    // Запись «готово» уже на диске: filesaver делает её до переименования.
    finished_push(client, FinishedRow { transfer: id, state: 0 });
    done_send(client, peer, handle, id, out);
    client.transfers.remove(&transfer);
    waiting_start(client, out);
}

/// Записать не удалось. Отказ диска — пауза, журнал остаётся; прочее — конец.
pub fn part_failed(
    client: &mut Client,
    transfer: Transfer,
    failed: Fail,
    now: Time,
    out: &mut Out,
) {
    let Some(state) = client.transfers.get(&transfer) else {
        return;
    };
    // Диск может ответить иначе: место освободят, права вернут, антивирус отпустит файл.
    let passing =
        matches!(failed.kind, FailKind::DiskFull | FailKind::FileWrite | FailKind::FileRead);
    if passing {
        let facts = state.facts.clone();
        let (peer, handle) = (facts.peer, facts.handle);
        stop_send(client, peer, handle, facts.transfer, STOP_PAUSED, failed.kind, out);
        transfer_pause(client, transfer, Some(failed), false, now, out);
        return;
    }
    transfer_end(client, transfer, STOP_ERROR, failed, now, out);
}

/// Человек удалён или закрыт: все передачи с ним отменяются, и тот конец об этом узнаёт.
pub fn transfers_forget(client: &mut Client, peer: Id, now: Time, out: &mut Out) {
    let mut list: Vec<Transfer> = Vec::new();
    for state in client.transfers.values() {
        if state.facts.peer == peer {
            list.push(state.number);
        }
    }
    for transfer in list {
        let reason = fail(FailKind::Cancelled, "");
        transfer_end(client, transfer, STOP_CANCELLED, reason, now, out);
    }
}
