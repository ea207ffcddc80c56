//! The desk's incoming side: what came is its place's turn, a repeat, too early, or without order;
//! it is opened, put on disk and marked for confirmation, all inside the desk's transaction.
//! Приёмная сторона стола: пришедшее — на своём месте, повтор, слишком рано или без порядка; оно
//! вскрывается, ложится на диск и ждёт подтверждения, всё внутри записи стола.

use super::desk::{Ack, Desk};
use super::history::{
    history_add, history_edit, history_holds, history_quote, history_read_upto, history_state,
};
use super::orders::{
    aside_keep, aside_known, early_first, early_put, early_take, order_expected, order_set,
};
use super::outbox::{outbox_confirm, outbox_first, outbox_waits};
use super::people::person_get;
use super::room_desk::{copies_raise, room_came};
use super::seal::{desk_open, desk_reset, desk_seal_waiting, desk_seated, heal_due};
use crate::base::bounds::HEAL_MS;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::crypto::identity::sha256;
use crate::logic::events::BaseTold;
use crate::logic::show::ReceiptState;
use crate::wire::control::body_read;
use crate::wire::message::{
    ENVELOPE_EDIT, ENVELOPE_HEAL, ENVELOPE_MEETING, ENVELOPE_READ, ENVELOPE_RECEIPT, ENVELOPE_TEXT,
    Envelope, Sealed, text_shown,
};

/// A gap may last so long: what is missing is sent again, and on a slow link that takes a while.
const GAP_MS: u64 = HEAL_MS * 15;
/// Greatest number of a place: numbers in history.db are signed.
const SEQUENCE_MAX: u64 = i64::MAX as u64 - 1;
/// Orders with a gap that are remembered.
const GAPS_MAX: usize = 10_000;
/// Порядок с человеком начинается заново не чаще.
const RESET_MS: u64 = 5_000;

/// What came and how it is to be kept.
pub struct Came {
    pub peer: Id,
    pub received: u64,
    pub seen: bool,
    pub keep: bool,
}

/// Пришло запечатанное: своё место в порядке, уже бывшее, слишком раннее или без порядка.
pub fn desk_accept(desk: &mut Desk, came: &Came, bytes: &[u8]) -> Result<(), Fail> {
    let peer = came.peer;
    let sealed: Sealed = match body_read("MESSAGE", bytes) {
        Ok(sealed) => sealed,
        Err(failed) => {
            refuse(desk, peer, failed, false);
            return Ok(());
        }
    };
    let (run, sequence) = (sealed.run, sealed.sequence);
    if run > SEQUENCE_MAX || sequence > SEQUENCE_MAX {
        refuse(desk, peer, fail(FailKind::BodyBad, "sequence"), false);
        return Ok(());
    }
    if sequence == 0 {
        let mark = &sha256(&sealed.body)[..16];
        if aside_known(&desk.base, mark)? {
            return Ok(());
        }
        let Some(envelope) = desk_open(desk, peer, &sealed, came.received)? else {
            return Ok(());
        };
        aside_keep(&desk.base, mark)?;
        return aside_do(desk, came, &envelope);
    }
    let next = order_expected(&desk.base, peer, run)?.unwrap_or(1);
    if sequence < next {
        // Уже было и лежит на диске: подтверждение, видно, пропало.
        ack_add(desk, came, run, next);
        return Ok(());
    }
    let held = sequence == next && after_waits(desk, came, &sealed)?;
    if sequence > next || held {
        // От кого нет ни сеанса, ни ключа, от того ничего не копится: остальное пришлют снова, а
        // продолжение разговора, которого эта база не помнит, лечится; и начало сеанса, если
        // недостающее не приходит: здесь прежняя копия, а там оно подтверждено и забыто.
        if !desk_seated(desk, peer)? && person_get(&desk.base, peer)?.is_none() {
            return gap_do(desk, came, &sealed);
        }
        early_put(&desk.base, peer, run, sequence, bytes)?;
        // Отправитель узнает, чего здесь ждут: вдруг у него этого уже нет (здесь прежняя копия).
        ack_add(desk, came, run, next);
        return gap_do(desk, came, &sealed);
    }
    if sealed.after.is_some() {
        // Такое же могло ждать прежнего порядка.
        early_take(&desk.base, peer, run, sequence)?;
    }
    if next_do(desk, came, &sealed)? && early_do(desk, came, run, next + 1)? {
        others_do(desk, came)?;
    }
    Ok(())
}

/// Ждёт ли начало порядка того, что должно быть показано раньше: последнего сообщения прежнего
/// порядка здесь ещё нет. Отправитель узнает, чего оттуда не хватает.
fn after_waits(desk: &mut Desk, came: &Came, sealed: &Sealed) -> Result<bool, Fail> {
    let Some(after) = sealed.after else {
        return Ok(false);
    };
    if sealed.sequence != 1 || after.run > SEQUENCE_MAX {
        return Ok(false);
    }
    let next = order_expected(&desk.base, came.peer, after.run)?.unwrap_or(1);
    if next > after.sequence {
        return Ok(false);
    }
    ack_add(desk, came, after.run, next);
    Ok(true)
}

/// Берёт из отложенного всё, что теперь на своём месте. `false` — не вскрылось.
fn early_do(desk: &mut Desk, came: &Came, run: u64, mut next: u64) -> Result<bool, Fail> {
    while let Some(waited) = early_take(&desk.base, came.peer, run, next)? {
        let sealed: Sealed = body_read("early", &waited)?;
        if after_waits(desk, came, &sealed)? {
            early_put(&desk.base, came.peer, run, next, &waited)?;
            return Ok(true);
        }
        if !next_do(desk, came, &sealed)? {
            return Ok(false);
        }
        next += 1;
    }
    Ok(true)
}

/// Прежний порядок двинулся: начала других порядков, которые его ждали, берутся за ним.
fn others_do(desk: &mut Desk, came: &Came) -> Result<(), Fail> {
    let mut run = 0;
    while let Some((found, sequence)) = early_first(&desk.base, came.peer, run)? {
        run = found;
        if sequence != 1 || order_expected(&desk.base, came.peer, found)?.is_some() {
            continue;
        }
        if !early_do(desk, came, found, 1)? {
            return Ok(());
        }
        if order_expected(&desk.base, came.peer, found)?.is_some() {
            // Этого мог ждать следующий: сначала.
            run = 0;
        }
    }
    Ok(())
}

/// Пришло раньше времени. Если пропуск держится долго или сеанса, которым это запечатано, нет
/// совсем (база новая или из копии), недостающее само не придёт: начать заново.
fn gap_do(desk: &mut Desk, came: &Came, sealed: &Sealed) -> Result<(), Fail> {
    let (peer, at) = (came.peer, came.received);
    if desk.gaps.len() >= GAPS_MAX {
        desk.gaps.clear();
    }
    let since = *desk.gaps.entry((peer, sealed.run)).or_insert(at);
    let long = at >= since + GAP_MS;
    let lost = sealed.kind != 0 && !desk_seated(desk, peer)?;
    if long || lost {
        gap_heal(desk, came);
    }
    Ok(())
}

/// Недостающее само не придёт: велит начать сеанс заново, но не чаще положенного.
fn gap_heal(desk: &mut Desk, came: &Came) {
    if heal_due(&mut desk.heals, came.peer, came.received) {
        refuse(desk, came.peer, fail(FailKind::SealBroken, "gap"), true);
    }
}

/// Говорит логике, что пришедшее не взято и почему.
fn refuse(desk: &mut Desk, peer: Id, failed: Fail, heal: bool) {
    desk.told.push(BaseTold::SealRefused { peer, fail: failed, heal });
}

/// Следующее по порядку: вскрыть, сверить место, положить, подтвердить. `false` — не вскрылось.
fn next_do(desk: &mut Desk, came: &Came, sealed: &Sealed) -> Result<bool, Fail> {
    let peer = came.peer;
    let Some(envelope) = desk_open(desk, peer, sealed, came.received)? else {
        return Ok(false);
    };
    let placed = envelope.run == sealed.run && envelope.sequence == sealed.sequence;
    if !placed || envelope.after != sealed.after {
        refuse(desk, peer, fail(FailKind::SealBroken, "sequence"), false);
        return Ok(false);
    }
    order_set(&desk.base, peer, sealed.run, sealed.sequence + 1)?;
    desk.gaps.remove(&(peer, sealed.run));
    ack_add(desk, came, sealed.run, sealed.sequence + 1);
    if envelope.room.is_some() {
        room_came(desk, came, envelope)?;
        return Ok(true);
    }
    let fresh = match envelope.kind {
        _ if history_holds(&envelope) => {
            let (received, seen) = (came.received, came.seen);
            history_add(&desk.base, peer, false, &envelope, received, seen, came.keep)?.is_some()
        }
        ENVELOPE_EDIT => {
            let text = text_shown(&envelope.text);
            history_edit(&desk.base, peer, false, &envelope.about, &text, envelope.time)?
        }
        ENVELOPE_READ => {
            read_do(desk, peer, &envelope)?;
            return Ok(true);
        }
        _ => true,
    };
    let received = came.received;
    let quote = if envelope.kind == ENVELOPE_TEXT && envelope.about != [0; 16] {
        history_quote(&desk.base, peer, &envelope.about)?
    } else {
        None
    };
    desk.told.push(BaseTold::Opened { peer, envelope, received, fresh, quote });
    Ok(true)
}

/// Запоминает, что подтвердить с этой записью.
fn ack_add(desk: &mut Desk, came: &Came, run: u64, upto: u64) {
    let ack = Ack { upto, seen: came.seen, at: came.received };
    desk.acks.insert((came.peer, run), ack);
}

/// Без порядка: подтверждение или просьба начать порядок заново.
fn aside_do(desk: &mut Desk, came: &Came, envelope: &Envelope) -> Result<(), Fail> {
    let peer = came.peer;
    match envelope.kind {
        ENVELOPE_RECEIPT => {
            let state = if envelope.seen { ReceiptState::Read } else { ReceiptState::Delivered };
            confirm_do(desk, peer, (envelope.run, envelope.upto), state, envelope.time)?;
            match outbox_first(&desk.base, peer, envelope.run)? {
                // Там ждут того, что здесь давно подтверждено: там прежняя копия базы.
                Some(first) if first > envelope.upto => reset_do(desk, came),
                Some(_) | None => Ok(()),
            }
        }
        ENVELOPE_HEAL => reset_do(desk, came),
        ENVELOPE_MEETING => {
            if let Some(meeting) = &envelope.meeting {
                let meeting = meeting.clone();
                desk.told.push(BaseTold::Meeting { peer, meeting });
            }
            Ok(())
        }
        _ => {
            refuse(desk, peer, fail(FailKind::BodyBad, "kind"), false);
            Ok(())
        }
    }
}

/// Та сторона просит начать порядок заново: не чаще раза в `RESET_MS`, это дорого.
fn reset_do(desk: &mut Desk, came: &Came) -> Result<(), Fail> {
    let (peer, at) = (came.peer, came.received);
    if let Some(last) = desk.resets.get(&peer) {
        if at >= *last && at < *last + RESET_MS {
            return Ok(());
        }
    }
    if desk.resets.len() >= GAPS_MAX {
        desk.resets.clear();
    }
    desk.resets.insert(peer, at);
    desk_reset(desk, peer)
}

/// Всё этого порядка до названного места доставлено: из очереди, с состоянием в историю.
fn confirm_do(
    desk: &mut Desk,
    peer: Id,
    (run, upto): (u64, u64),
    state: ReceiptState,
    at: u64,
) -> Result<(), Fail> {
    let mut raised = Vec::new();
    let mut higher = Vec::new();
    let confirmed = outbox_confirm(&desk.base, peer, run, upto)?;
    // Открыт ли чат с ним, о комнатах не говорит: их прочитанное приходит отдельно.
    copies_raise(desk, peer, &confirmed, ReceiptState::Delivered, at)?;
    for message in confirmed {
        // READ могло обогнать подтверждение: вниз состояние не идёт.
        if history_state(&desk.base, peer, &message, state, at)? {
            raised.push(message);
        } else {
            higher.push(message);
        }
    }
    desk.told.push(BaseTold::Reached { peer, messages: raised, state, at });
    if !higher.is_empty() {
        let (messages, state) = (higher, ReceiptState::Read);
        desk.told.push(BaseTold::Reached { peer, messages, state, at });
    }
    desk_seal_waiting(desk, peer)
}

/// Собеседник прочитал до этого сообщения. Что ещё ждёт в очереди, о том не говорится: оно могло и
/// не дойти, а если дошло, его подтверждение придёт.
fn read_do(desk: &mut Desk, peer: Id, envelope: &Envelope) -> Result<(), Fail> {
    let (about, at) = (&envelope.about, envelope.time);
    let mut messages = Vec::new();
    for message in history_read_upto(&desk.base, peer, about, at)? {
        if !outbox_waits(&desk.base, peer, &message)? {
            messages.push(message);
        }
    }
    let state = ReceiptState::Read;
    desk.told.push(BaseTold::Reached { peer, messages, state, at });
    Ok(())
}
