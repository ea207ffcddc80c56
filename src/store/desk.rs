//! The desk of the post: everything that must happen together in one commit of history.db. An
//! outgoing message gets its place in the order and its seal as it is put on disk; an incoming one
//! is opened, put on disk and confirmed; the ratchet's steps lie in the same commit.
//! Стол почты: всё, что обязано случиться вместе в одной записи history.db. Исходящее получает
//! место в порядке и печать, ложась на диск; входящее вскрывается, ложится на диск и
//! подтверждается; шаги храповика лежат в той же записи. Правила: docs/protocol.md, "Order".

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use vodozemac::olm::Account;

use super::base::{base_begin, base_commit, base_rollback};
use super::history::{
    history_add, history_clear, history_edit, history_find, history_hide, history_last,
    history_past, history_read_upto, history_seen, history_state,
};
use super::orders::{early_put, early_take, order_expected, order_set};
use super::outbox::{outbox_add, outbox_confirm, outbox_first, outbox_forget, outbox_stored};
use super::people::{person_get, person_set, sessions_forget};
use super::seal::{
    Seat, desk_keys, desk_open, desk_reset, desk_seal, desk_seal_waiting, desk_seated,
    desk_session, heal_due, seats_save,
};
use crate::base::bounds::HEAL_MS;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::crypto::identity::PublicKey;
use crate::crypto::olm::Signer;
use crate::logic::events::{BaseOrder, BaseTold, Found, Wanted};
use crate::logic::show::ReceiptState;
use crate::wire::control::body_read;
use crate::wire::message::{
    ENVELOPE_EDIT, ENVELOPE_HEAL, ENVELOPE_READ, ENVELOPE_RECEIPT, ENVELOPE_TEXT, Envelope, Sealed,
    text_shown,
};

/// Greatest number of a place: numbers in history.db are signed.
const SEQUENCE_MAX: u64 = i64::MAX as u64 - 1;

/// The desk: the database, one's own keys, the sessions at hand, what is to be told.
pub struct Desk {
    pub base: Connection,
    pub public: PublicKey,
    pub signer: Signer,
    pub account: Option<Account>,
    pub account_dirty: bool,
    /// The account was made anew in this run of the program.
    pub renewed: bool,
    /// Sessions read so far, by person; the one to seal with has the greatest `used`.
    pub seats: BTreeMap<Id, Vec<Seat>>,
    /// What is to be confirmed with this commit.
    pub acks: BTreeMap<(Id, u64), Ack>,
    /// For whom an order was begun in this run of the program.
    pub ordered: BTreeSet<Id>,
    /// When each person's session was healed last.
    pub heals: BTreeMap<Id, u64>,
    /// Since when each order waits for a missing message.
    pub gaps: BTreeMap<(Id, u64), u64>,
    pub bits: bool,
    /// Events to be told after the commit.
    pub told: Vec<BaseTold>,
    /// A transaction is open.
    pub begun: bool,
    /// A commit failed: what was ordered before the logic knew is dropped, or a later message
    /// would be stored without an earlier one.
    pub broken: bool,
}

/// A confirmation to be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ack {
    pub upto: u64,
    pub seen: bool,
    pub at: u64,
}

/// Стол над открытой базой.
pub fn desk_new(base: Connection, public: PublicKey, signer: Signer) -> Desk {
    Desk {
        base,
        public,
        signer,
        account: None,
        account_dirty: false,
        renewed: false,
        seats: BTreeMap::new(),
        acks: BTreeMap::new(),
        ordered: BTreeSet::new(),
        heals: BTreeMap::new(),
        gaps: BTreeMap::new(),
        bits: false,
        told: Vec::new(),
        begun: false,
        broken: false,
    }
}

/// Выполняет приказ внутри общей записи. Отказ диска отменяет её целиком; логика узнаёт и
/// прикажет заново, а до того ничего не пишется.
pub fn desk_order(desk: &mut Desk, order: BaseOrder) {
    if order == BaseOrder::Retry {
        desk.broken = false;
        return;
    }
    if desk.broken {
        return;
    }
    if let Err(failed) = desk_do(desk, order) {
        desk_fail(desk, failed);
    }
}

/// Запись не удалась: ничего из неё не случилось, сказать только об этом.
fn desk_fail(desk: &mut Desk, failed: Fail) {
    desk_crash(desk);
    desk.broken = true;
    desk.told.push(BaseTold::BaseFailed { fail: failed });
}

/// Забывает всё незаписанное: и на диске, и в памяти.
pub fn desk_crash(desk: &mut Desk) {
    base_rollback(&desk.base);
    desk.begun = false;
    desk.told.clear();
    desk.acks.clear();
    desk.seats.clear();
    desk.ordered.clear();
    desk.account = None;
    desk.account_dirty = false;
    desk.renewed = false;
}

/// Кончает общую запись: подтверждения запечатаны, храповики сохранены, всё на диске. После
/// этого `told` можно рассказывать.
pub fn desk_commit(desk: &mut Desk) {
    if !desk.begun {
        return;
    }
    let done = match desk_settle(desk) {
        Ok(()) => base_commit(&desk.base),
        Err(failed) => Err(failed),
    };
    match done {
        Ok(()) => desk.begun = false,
        Err(failed) => desk_fail(desk, failed),
    }
}

/// Запечатывает подтверждения и сохраняет храповики.
fn desk_settle(desk: &mut Desk) -> Result<(), Fail> {
    let acks = std::mem::take(&mut desk.acks);
    for ((peer, run), ack) in acks {
        let receipt = Envelope {
            kind: ENVELOPE_RECEIPT,
            run,
            upto: ack.upto,
            seen: ack.seen,
            time: ack.at,
            ..Envelope::default()
        };
        if let Some(packet) = desk_seal(desk, peer, 0, 0, &receipt)? {
            desk.told.push(BaseTold::Outgoing { peer, packet });
        }
    }
    seats_save(desk)
}

/// Один приказ.
fn desk_do(desk: &mut Desk, order: BaseOrder) -> Result<(), Fail> {
    if !desk.begun {
        base_begin(&desk.base)?;
        desk.begun = true;
    }
    match order {
        BaseOrder::Keep { peer, envelope, keep } => keep_do(desk, peer, &envelope, keep)?,
        BaseOrder::Accept { peer, bytes, received, seen, keep } => {
            let came = Came { peer, received, seen, keep };
            accept_do(desk, &came, &bytes)?;
        }
        BaseOrder::Session { peer, bundle, heal, at } => {
            desk_session(desk, peer, bundle, heal, at)?;
        }
        BaseOrder::KeysMake { left, curve } => desk_keys(desk, left, &curve)?,
        BaseOrder::Stored { peer, message } => {
            outbox_stored(&desk.base, peer, &message)?;
            history_state(&desk.base, peer, &message, ReceiptState::Stored, 0)?;
        }
        BaseOrder::Seen { peer, keep } => {
            if let Some(message) = history_seen(&desk.base, peer, keep)? {
                desk.told.push(BaseTold::SeenUpto { peer, message });
            }
        }
        BaseOrder::Forget { peer } => outbox_forget(&desk.base, peer)?,
        BaseOrder::Trust { peer } => trust_do(desk, peer)?,
        BaseOrder::Verify { peer, verified } => {
            if let Some(mut person) = person_get(&desk.base, peer)? {
                person.verified = verified;
                person_set(&desk.base, &person)?;
                desk.told.push(BaseTold::Person { facts: person });
            }
        }
        BaseOrder::Look { peer, reference, wanted } => {
            let found = look_do(desk, peer, &reference, &wanted);
            desk.told.push(BaseTold::Looked { wanted, found });
        }
        BaseOrder::Hide { peer, message } => {
            history_hide(&desk.base, peer, &message)?;
        }
        BaseOrder::Clear { peer } => {
            history_clear(&desk.base, peer)?;
        }
        BaseOrder::Past { query } => match history_past(&desk.base, &query) {
            Ok(messages) => desk.told.push(BaseTold::Past { query, messages }),
            // Неудачный вопрос — не отказ диска: запись из-за него не отменяется.
            Err(fail) => desk.told.push(BaseTold::QueryFailed { fail }),
        },
        BaseOrder::Mark { mark } => desk.told.push(BaseTold::Marked { mark }),
        BaseOrder::Bits { on } => desk.bits = on,
        BaseOrder::Retry => {}
    }
    Ok(())
}

/// Исходящее: в очередь, в историю и, если есть сеанс, под печать.
fn keep_do(desk: &mut Desk, peer: Id, envelope: &Envelope, keep: bool) -> Result<(), Fail> {
    let message = envelope.id;
    outbox_add(&desk.base, peer, envelope)?;
    if envelope.kind == ENVELOPE_TEXT {
        history_add(&desk.base, peer, true, envelope, 0, true, keep)?;
    }
    if envelope.kind == ENVELOPE_EDIT {
        let text = text_shown(&envelope.text);
        history_edit(&desk.base, peer, true, &envelope.about, &text, envelope.time)?;
    }
    desk.told.push(BaseTold::Kept { peer, message });
    desk_seal_waiting(desk, peer)
}

/// What came and how it is to be kept.
struct Came {
    peer: Id,
    received: u64,
    seen: bool,
    keep: bool,
}

/// Пришло запечатанное: своё место в порядке, уже бывшее, слишком раннее или без порядка.
fn accept_do(desk: &mut Desk, came: &Came, bytes: &[u8]) -> Result<(), Fail> {
    let peer = came.peer;
    let sealed: Sealed = match body_read("MESSAGE", bytes) {
        Ok(sealed) => sealed,
        Err(failed) => {
            desk.told.push(BaseTold::SealRefused { peer, fail: failed, heal: false });
            return Ok(());
        }
    };
    let (run, sequence) = (sealed.run, sealed.sequence);
    if run > SEQUENCE_MAX || sequence > SEQUENCE_MAX {
        let failed = fail(FailKind::BodyBad, "sequence");
        desk.told.push(BaseTold::SealRefused { peer, fail: failed, heal: false });
        return Ok(());
    }
    if sequence == 0 {
        return match desk_open(desk, peer, &sealed, came.received)? {
            Some(envelope) => aside_do(desk, came, &envelope),
            None => Ok(()),
        };
    }
    let next = order_expected(&desk.base, peer, run)?.unwrap_or(1);
    if sequence < next {
        // Уже было и лежит на диске: подтверждение, видно, пропало.
        ack_add(desk, came, run, next);
        return Ok(());
    }
    if sequence > next {
        early_put(&desk.base, peer, run, sequence, bytes)?;
        // Отправитель узнает, чего здесь ждут: вдруг у него этого уже нет (здесь прежняя копия).
        ack_add(desk, came, run, next);
        return gap_do(desk, came, &sealed);
    }
    if !next_do(desk, came, &sealed)? {
        return Ok(());
    }
    let mut next = next + 1;
    while let Some(waited) = early_take(&desk.base, peer, run, next)? {
        let sealed: Sealed = body_read("early", &waited)?;
        if !next_do(desk, came, &sealed)? {
            return Ok(());
        }
        next += 1;
    }
    Ok(())
}

/// Пришло раньше времени. Если пропуск держится долго или сеанса, которым это запечатано, нет
/// совсем (база новая или из копии), недостающее само не придёт: начать заново.
fn gap_do(desk: &mut Desk, came: &Came, sealed: &Sealed) -> Result<(), Fail> {
    let (peer, at) = (came.peer, came.received);
    let since = *desk.gaps.entry((peer, sealed.run)).or_insert(at);
    let long = at >= since + HEAL_MS;
    let lost = sealed.kind != 0 && !desk_seated(desk, peer)?;
    if (long || lost) && heal_due(&mut desk.heals, peer, at) {
        let failed = fail(FailKind::SealBroken, "gap");
        desk.told.push(BaseTold::SealRefused { peer, fail: failed, heal: true });
    }
    Ok(())
}

/// Следующее по порядку: вскрыть, сверить место, положить, подтвердить. `false` — не вскрылось.
fn next_do(desk: &mut Desk, came: &Came, sealed: &Sealed) -> Result<bool, Fail> {
    let peer = came.peer;
    let Some(envelope) = desk_open(desk, peer, sealed, came.received)? else {
        return Ok(false);
    };
    if envelope.run != sealed.run || envelope.sequence != sealed.sequence {
        let failed = fail(FailKind::SealBroken, "sequence");
        desk.told.push(BaseTold::SealRefused { peer, fail: failed, heal: false });
        return Ok(false);
    }
    order_set(&desk.base, peer, sealed.run, sealed.sequence + 1)?;
    desk.gaps.remove(&(peer, sealed.run));
    ack_add(desk, came, sealed.run, sealed.sequence + 1);
    let fresh = match envelope.kind {
        ENVELOPE_TEXT => {
            let (received, seen) = (came.received, came.seen);
            history_add(&desk.base, peer, false, &envelope, received, seen, came.keep)?.is_some()
        }
        ENVELOPE_EDIT => {
            let text = text_shown(&envelope.text);
            history_edit(&desk.base, peer, false, &envelope.about, &text, envelope.time)?
        }
        ENVELOPE_READ => {
            let at = envelope.time;
            let messages = history_read_upto(&desk.base, peer, &envelope.about, at)?;
            let state = ReceiptState::Read;
            desk.told.push(BaseTold::Reached { peer, messages, state, at });
            return Ok(true);
        }
        _ => true,
    };
    let received = came.received;
    desk.told.push(BaseTold::Opened { peer, envelope, received, fresh });
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
            let messages = outbox_confirm(&desk.base, peer, envelope.run, envelope.upto)?;
            let (at, read) = (envelope.time, envelope.seen);
            let state = if read { ReceiptState::Read } else { ReceiptState::Delivered };
            let mut raised = Vec::new();
            let mut higher = Vec::new();
            for message in messages {
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
            match outbox_first(&desk.base, peer, envelope.run)? {
                // Там ждут того, что здесь давно подтверждено: там прежняя копия базы.
                Some(first) if first > envelope.upto => desk_reset(desk, peer),
                Some(_) | None => Ok(()),
            }
        }
        ENVELOPE_HEAL => desk_reset(desk, peer),
        _ => {
            let failed = fail(FailKind::BodyBad, "kind");
            desk.told.push(BaseTold::SealRefused { peer, fail: failed, heal: false });
            Ok(())
        }
    }
}

/// Новый ключ человека признан: прежние сеансы ничего не стоят, порядок начинается заново.
fn trust_do(desk: &mut Desk, peer: Id) -> Result<(), Fail> {
    let Some(mut person) = person_get(&desk.base, peer)? else {
        return Ok(());
    };
    if let Some(changed) = person.changed.take() {
        person.public = changed;
        person.verified = false;
        person_set(&desk.base, &person)?;
        sessions_forget(&desk.base, peer)?;
        desk.seats.remove(&peer);
        desk_reset(desk, peer)?;
    }
    desk.told.push(BaseTold::Person { facts: person });
    Ok(())
}

/// Ищет сообщение: по номеру или последнее подходящее.
fn look_do(desk: &Desk, peer: Option<Id>, reference: &str, wanted: &Wanted) -> Result<Found, Fail> {
    if !reference.is_empty() {
        return history_find(&desk.base, peer, reference);
    }
    let Some(peer) = peer else {
        return Err(fail(FailKind::PeerMissing, ""));
    };
    let outgoing = matches!(wanted, Wanted::Edit(_));
    match history_last(&desk.base, peer, outgoing)? {
        Some(found) => Ok(found),
        None => Err(fail(FailKind::MessageUnknown, "")),
    }
}
