//! What both directions of a transfer share: showing it, stopping it, pausing and waking it.
//! Общее для обоих направлений передачи: показать, остановить, приостановить и разбудить.

use super::events::{Action, BaseOrder, FileMark, FinishedRow, Out, Transfer, out_send, out_show};
use super::paths::{direct_peers, way_link};
use super::receiving::{part_wake, waiting_start};
use super::sending::offer_again;
use super::show::{FileShow, FileState, Show};
use super::state::{Client, Phase, TransferState, phase_shown};
use crate::base::bounds::{FILE_PACKET_BYTES, FINISHED_MAX, PROGRESS_MS};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail, fail_kind_of};
use crate::base::ids::Id;
use crate::wire::control::{body_read, packet_put};
use crate::wire::file::{
    FileDone, FileStop, STOP_CANCELLED, STOP_ERROR, STOP_PAUSED, STOP_REFUSED,
};
use crate::wire::message::TransferId;
use crate::wire::packets::{Kind, Lane};

/// Байт, которые уже прошли.
pub fn moved_bytes(state: &TransferState, packets: u64) -> u64 {
    u64::min(state.facts.size, packets.saturating_mul(FILE_PACKET_BYTES as u64))
}

/// Показывает передачу в этом состоянии.
pub fn file_show(
    client: &Client,
    transfer: Transfer,
    state: FileState,
    path: &str,
    reason: Option<Fail>,
    now: Time,
    out: &mut Out,
) {
    let Some(found) = client.transfers.get(&transfer) else {
        return;
    };
    let bytes = moved_bytes(found, found.moved);
    let milliseconds = now.mono_ms.saturating_sub(found.began_ms);
    let travelled = bytes.saturating_sub(moved_bytes(found, found.began_at));
    let blake3 = match found.proof {
        Some(proof) => hex::encode(proof),
        None => String::new(),
    };
    out_show(
        out,
        Show::File(FileShow {
            peer: found.facts.peer,
            message: found.message,
            transfer,
            state,
            outgoing: found.outgoing,
            name: found.facts.name.clone(),
            path: String::from(path),
            bytes,
            size: found.facts.size,
            resumed_from: found.resumed_from,
            milliseconds: if found.began_ms == 0 { 0 } else { milliseconds },
            rate: travelled.saturating_mul(1000) / u64::max(1, milliseconds),
            blake3,
            reason,
        }),
    );
}

/// Показывает, чем передача кончилась, и велит запомнить это в истории.
pub fn file_ended(
    client: &mut Client,
    transfer: Transfer,
    state: FileState,
    path: &str,
    reason: Option<Fail>,
    now: Time,
    out: &mut Out,
) {
    file_show(client, transfer, state, path, reason, now, out);
    if let Some(found) = client.transfers.get(&transfer) {
        let (peer, outgoing, id) = (found.facts.peer, found.outgoing, found.facts.transfer);
        let path = String::from(path);
        mark_put(client, FileMark { peer, outgoing, transfer: id, state, path }, out);
    }
}

/// Велит запомнить, что стало с файлом истории. Пока это не на диске, приказ повторится.
pub fn mark_put(client: &mut Client, mark: FileMark, out: &mut Out) {
    if client.marks.len() >= FINISHED_MAX {
        client.marks.pop_front();
    }
    client.marks.push_back(mark.clone());
    out.actions.push(Action::Base(BaseOrder::File(mark)));
}

/// Это о файле записано.
pub fn mark_kept(client: &mut Client, mark: &FileMark) {
    for index in 0..client.marks.len() {
        if client.marks[index] == *mark {
            client.marks.remove(index);
            return;
        }
    }
}

/// Показывает передачу в списке, как она есть.
pub fn file_list(client: &Client, transfer: Transfer, now: Time, out: &mut Out) {
    if let Some(found) = client.transfers.get(&transfer) {
        file_show(client, transfer, phase_shown(found), &found.facts.path, None, now, out);
    }
}

/// Отмечает начало движения: с него считается скорость.
pub fn file_begin(client: &mut Client, transfer: Transfer, first: u64, now: Time, out: &mut Out) {
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return;
    };
    state.phase = Phase::Running;
    state.began_ms = u64::max(1, now.mono_ms);
    state.began_at = first;
    state.moved = first;
    state.moved_ms = now.mono_ms;
    state.shown_ms = now.mono_ms;
    state.shown_moved = first;
    state.resumed_from = moved_bytes(state, first);
    let shown = if first > 0 { FileState::Resumed } else { FileState::Started };
    let path = state.facts.path.clone();
    file_show(client, transfer, shown, &path, None, now, out);
}

/// Передвигает счётчик и показывает ход, не чаще четырёх раз в секунду.
pub fn file_moved(client: &mut Client, transfer: Transfer, moved: u64, now: Time, out: &mut Out) {
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return;
    };
    state.moved = moved;
    let passed = now.mono_ms.saturating_sub(state.shown_ms);
    if passed < PROGRESS_MS {
        return;
    }
    let fresh = moved.saturating_sub(state.shown_moved) * FILE_PACKET_BYTES as u64;
    state.shown_ms = now.mono_ms;
    state.shown_moved = moved;
    let (peer, size) = (state.facts.peer, state.facts.size);
    let bytes = moved_bytes(state, moved);
    let rate = fresh.saturating_mul(1000) / passed;
    out_show(out, Show::Progress { peer, transfer, bytes, size, rate });
}

/// Шлёт FILE_STOP, если есть по чему.
pub fn stop_send(
    client: &Client,
    peer: Id,
    handle: u32,
    transfer: TransferId,
    state: u8,
    reason: FailKind,
    out: &mut Out,
) {
    let Some(link) = way_link(client, peer) else {
        return;
    };
    let start = out.bytes.len();
    let body = FileStop { transfer, state, reason: reason as u16 };
    let _ = packet_put(&mut out.bytes, Kind::FileStop, client.me, peer, handle, &body);
    out_send(out, link, Lane::Messages, start);
}

/// Шлёт FILE_DONE.
pub fn done_send(client: &Client, peer: Id, handle: u32, transfer: TransferId, out: &mut Out) {
    let Some(link) = way_link(client, peer) else {
        return;
    };
    let start = out.bytes.len();
    let _ =
        packet_put(&mut out.bytes, Kind::FileDone, client.me, peer, handle, &FileDone { transfer });
    out_send(out, link, Lane::Messages, start);
}

/// Запоминает, чем кончилась входящая передача: повторное предложение получит тот же ответ.
pub fn finished_keep(client: &mut Client, transfer: TransferId, state: u8, out: &mut Out) {
    let row = FinishedRow { transfer, state };
    finished_push(client, row.clone());
    out.actions.push(Action::FinishedSave { row });
}

/// Дописывает конец передачи к памяти о них; самое старое забывается.
pub fn finished_push(client: &mut Client, row: FinishedRow) {
    client.finished.push_back(row);
    if client.finished.len() > FINISHED_MAX {
        client.finished.pop_front();
    }
}

/// Убирает передачу насовсем, вместе с её журналом.
pub fn transfer_drop(client: &mut Client, transfer: Transfer, out: &mut Out) {
    let Some(state) = client.transfers.remove(&transfer) else {
        return;
    };
    for index in 0..client.questions.len() {
        let about = &client.questions[index].about;
        if let super::state::About::File { transfer: asked } = about {
            if *asked == transfer {
                client.questions.remove(index);
                break;
            }
        }
    }
    if let Some(contact) = client.contacts.get_mut(&state.facts.peer) {
        // Непрочитанное предложение отменённой передачи становится пустым: порядок не рвётся.
        for entry in &mut contact.outbox {
            if entry.transfer == Some(transfer) {
                entry.transfer = None;
                entry.envelope.offer = None;
            }
        }
    }
    if state.outgoing {
        out.actions.push(Action::SourceDrop { transfer });
    } else if state.phase != Phase::Offered {
        out.actions.push(Action::PartDrop { transfer, facts: state.facts });
    }
}

/// Отмена со своей стороны: сказать тому концу, показать, забыть.
pub fn transfer_end(
    client: &mut Client,
    transfer: Transfer,
    stop: u8,
    reason: Fail,
    now: Time,
    out: &mut Out,
) {
    let Some(state) = client.transfers.get(&transfer) else {
        return;
    };
    let (peer, handle) = (state.facts.peer, state.facts.handle);
    let (id, outgoing) = (state.facts.transfer, state.outgoing);
    let told = state.phase != Phase::Opening && state.phase != Phase::Asking;
    if told {
        stop_send(client, peer, handle, id, stop, reason.kind, out);
    }
    file_ended(client, transfer, stop_shown(stop), "", Some(reason), now, out);
    if !outgoing {
        finished_keep(client, id, stop, out);
    }
    transfer_drop(client, transfer, out);
    waiting_start(client, out);
}

/// Состояние FILE_STOP для показа.
pub fn stop_shown(stop: u8) -> FileState {
    match stop {
        STOP_REFUSED => FileState::Refused,
        STOP_CANCELLED => FileState::Cancelled,
        STOP_PAUSED => FileState::Paused,
        _ => FileState::Error,
    }
}

/// Тот конец остановил передачу.
pub fn stop_received(
    client: &mut Client,
    source: Id,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: FileStop = body_read("FILE_STOP", data)?;
    let mut found: Option<Transfer> = None;
    for state in client.transfers.values() {
        let named = state.phase != Phase::Opening;
        if named && state.facts.transfer == body.transfer && state.facts.peer == source {
            found = Some(state.number);
        }
    }
    let Some(transfer) = found else {
        return Ok(());
    };
    let reason = fail(fail_kind_of(body.reason), "");
    if body.state == STOP_PAUSED {
        transfer_pause(client, transfer, Some(reason), true, now, out);
        return Ok(());
    }
    file_ended(client, transfer, stop_shown(body.state), "", Some(reason), now, out);
    if let Some(state) = client.transfers.get(&transfer) {
        // Ещё не принятое предложение помнить незачем: повторят — будет новым.
        if !state.outgoing && state.phase != Phase::Offered {
            let stop = if body.state == STOP_REFUSED { STOP_REFUSED } else { STOP_ERROR };
            finished_keep(client, body.transfer, stop, out);
        }
    }
    transfer_drop(client, transfer, out);
    waiting_start(client, out);
    Ok(())
}

/// Приостанавливает передачу: путь пропал или диск полон. Журнал остаётся. `told` — паузу
/// назвал тот конец.
pub fn transfer_pause(
    client: &mut Client,
    transfer: Transfer,
    reason: Option<Fail>,
    told: bool,
    now: Time,
    out: &mut Out,
) {
    let Some(state) = client.transfers.get_mut(&transfer) else {
        return;
    };
    if state.phase != Phase::Running && state.phase != Phase::Preparing {
        // Ещё не шла, а получатель уже знает, что места нет: отправитель должен это видеть.
        if state.outgoing && state.phase == Phase::Offered && told {
            let path = state.facts.path.clone();
            file_show(client, transfer, FileState::Paused, &path, reason, now, out);
        }
        return;
    }
    if state.outgoing {
        state.phase = Phase::Offered;
        state.wanted = u64::MAX;
        out.actions.push(Action::SourceHalt { transfer });
    } else {
        state.phase = Phase::Waiting;
        out.actions.push(Action::PartHalt { transfer });
    }
    let path = state.facts.path.clone();
    file_show(client, transfer, FileState::Paused, &path, reason, now, out);
}

/// Приостанавливает все передачи с этим человеком (или все, что шли через сервер).
pub fn transfers_pause(
    client: &mut Client,
    peer: Option<Id>,
    reason: &Fail,
    now: Time,
    out: &mut Out,
) {
    let direct = direct_peers(client);
    let mut list: Vec<Transfer> = Vec::new();
    for state in client.transfers.values() {
        let concerned = match peer {
            Some(id) => state.facts.peer == id,
            // Пропал сервер: передачи по прямым линиям это не касается.
            None => !direct.contains(&state.facts.peer),
        };
        if concerned {
            list.push(state.number);
        }
    }
    for transfer in list {
        transfer_pause(client, transfer, Some(reason.clone()), false, now, out);
    }
    // Освободившиеся места — тем, чей собеседник на связи.
    waiting_start(client, out);
}

/// Очередь к получателю полна: отдыхает только та исходящая передача, чей пакет не влез.
/// Получатель заметит пропуск и попросит снова сам.
pub fn busy_pause(client: &mut Client, peer: Id, handle: u32, now: Time, out: &mut Out) {
    let mut found: Option<Transfer> = None;
    for state in client.transfers.values() {
        if state.outgoing && state.facts.peer == peer && state.facts.handle == handle {
            found = Some(state.number);
        }
    }
    if let Some(transfer) = found {
        let reason = Some(fail(FailKind::PeerBusy, ""));
        transfer_pause(client, transfer, reason, false, now, out);
    }
}

/// Человек снова на связи: исходящие предложить ещё раз, входящие попросить дальше.
pub fn transfers_wake(client: &mut Client, peer: Id, now: Time, out: &mut Out) {
    let mut list: Vec<(Transfer, bool, Phase)> = Vec::new();
    for state in client.transfers.values() {
        if state.facts.peer == peer {
            list.push((state.number, state.outgoing, state.phase));
        }
    }
    for (transfer, outgoing, phase) in list {
        if outgoing && phase == Phase::Offered {
            offer_again(client, transfer, now, out);
        }
        if !outgoing && phase == Phase::Waiting {
            part_wake(client, transfer, out);
        }
    }
}
