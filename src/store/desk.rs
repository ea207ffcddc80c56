//! The desk of the post: everything that must happen together in one commit of history.db. An
//! outgoing message gets its place in the order and its seal as it is put on disk; an incoming one
//! is opened, put on disk and confirmed; the ratchet's steps lie in the same commit.
//! Стол почты: всё, что обязано случиться вместе в одной записи history.db. Исходящее получает
//! место в порядке и печать, ложась на диск; входящее вскрывается, ложится на диск и
//! подтверждается; шаги храповика лежат в той же записи. Правила: docs/protocol.md, "Order".

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use vodozemac::olm::Account;

use super::accept::{Came, desk_accept};
use super::base::{base_begin, base_commit, base_rollback, base_truncate};
use super::files::file_mark;
use super::history::{
    history_add, history_clear, history_edit, history_find, history_hide, history_holds,
    history_last, history_page, history_seen, history_state,
};
use super::outbox::{outbox_add, outbox_forget, outbox_stored};
use super::people::{person_get, person_set, sessions_forget};
use super::room_desk::{copies_less, copies_raise, room_order, room_seen};
use super::rooms::copy_add;
use super::seal::{
    Seat, desk_key, desk_keys, desk_reset, desk_seal, desk_seal_waiting, desk_session, seats_save,
};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_is_room, id_of_room};
use crate::crypto::identity::PublicKey;
use crate::crypto::olm::Signer;
use crate::logic::events::{BaseOrder, BaseTold, Found, Place, Wanted};
use crate::logic::rooms::RoomTold;
use crate::logic::show::ReceiptState;
use crate::wire::message::{ENVELOPE_EDIT, ENVELOPE_RECEIPT, Envelope, MessageId, text_shown};

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
    /// When each person's session was healed last, and how long not again after that.
    pub heals: BTreeMap<Id, (u64, u64)>,
    /// Since when each order waits for a missing message.
    pub gaps: BTreeMap<(Id, u64), u64>,
    /// When each person's order was begun anew last.
    pub resets: BTreeMap<Id, u64>,
    pub bits: bool,
    /// The write-ahead log holds words that are to be gone.
    pub wiped: bool,
    /// Events to be told after the commit.
    pub told: Vec<BaseTold>,
    /// A transaction is open.
    pub begun: bool,
    /// A commit failed: what was ordered before the logic knew is dropped, or a later message
    /// would be stored without an earlier one.
    pub broken: bool,
    /// Mail was dropped so: the next mark is not confirmed, the server hands it over again.
    pub missed: bool,
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
        resets: BTreeMap::new(),
        bits: false,
        wiped: false,
        told: Vec::new(),
        begun: false,
        broken: false,
        missed: false,
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
        // Пропущенное письмо не подтверждать серверу меткой, которая придёт уже после отказа.
        if matches!(order, BaseOrder::Accept { .. }) {
            desk.missed = true;
        }
        if matches!(order, BaseOrder::Mark { .. }) {
            desk.missed = false;
        }
        return order_lost(desk, &order);
    }
    if let Err(failed) = desk_do(desk, order) {
        desk_fail(desk, failed);
    }
}

/// Диск отказал, приказ не исполнен. Что логика прикажет снова сама, о том молчат; о прочем человек
/// должен узнать.
fn order_lost(desk: &mut Desk, order: &BaseOrder) {
    let asked = match order {
        BaseOrder::Trust { .. }
        | BaseOrder::Verify { .. }
        | BaseOrder::Look { .. }
        | BaseOrder::Hide { .. }
        | BaseOrder::Clear { .. }
        | BaseOrder::Forget { .. }
        | BaseOrder::Export { .. }
        | BaseOrder::Past { .. } => true,
        BaseOrder::Keep { .. }
        | BaseOrder::Accept { .. }
        | BaseOrder::Session { .. }
        | BaseOrder::KeysMake { .. }
        | BaseOrder::KeyGive { .. }
        | BaseOrder::Stored { .. }
        | BaseOrder::Seen { .. }
        | BaseOrder::Aside { .. }
        | BaseOrder::Room(_)
        | BaseOrder::Mark { .. }
        | BaseOrder::Bits { .. }
        | BaseOrder::File(_)
        | BaseOrder::Retry => false,
    };
    if asked {
        let fail = fail(FailKind::FileWrite, "history.db");
        desk.told.push(BaseTold::QueryFailed { fail });
    }
}

/// Запись не удалась: ничего из неё не случилось, сказать только об этом.
fn desk_fail(desk: &mut Desk, failed: Fail) {
    desk_crash(desk);
    desk.broken = true;
    desk.missed = true;
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
        Ok(()) => {
            desk.begun = false;
            if std::mem::take(&mut desk.wiped) {
                base_truncate(&desk.base);
            }
        }
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
        aside_seal(desk, peer, receipt)?;
    }
    seats_save(desk)
}

/// Запечатывает то, что вне порядка: посылается раз и нигде не хранится. Сеанса нет — ничего.
pub fn aside_seal(desk: &mut Desk, peer: Id, envelope: Envelope) -> Result<(), Fail> {
    if let Some(packet) = desk_seal(desk, peer, Place::default(), envelope)? {
        desk.told.push(BaseTold::Outgoing { peer, packet });
    }
    Ok(())
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
            desk_accept(desk, &came, &bytes)?;
        }
        BaseOrder::Session { peer, bundle, heal, at } => {
            desk_session(desk, peer, bundle, heal, at)?;
        }
        BaseOrder::KeysMake { left, curve } => desk_keys(desk, left, &curve)?,
        BaseOrder::KeyGive { peer } => desk_key(desk, peer)?,
        BaseOrder::Stored { peer, message, place } => stored_do(desk, peer, &message, place)?,
        BaseOrder::Seen { peer, keep } => {
            desk.wiped = desk.wiped || !keep;
            if id_is_room(peer) {
                room_seen(desk, peer, keep)?;
            } else if let Some(message) = history_seen(&desk.base, peer, keep)? {
                desk.told.push(BaseTold::SeenUpto { peer, message });
            }
        }
        BaseOrder::Aside { peer, envelope } => aside_seal(desk, peer, envelope)?,
        BaseOrder::Forget { peer } => {
            outbox_forget(&desk.base, peer)?;
            copies_less(desk, 0, peer)?;
        }
        BaseOrder::Room(order) => room_order(desk, order)?,
        BaseOrder::Trust { peer, public } => trust_do(desk, peer, public)?,
        BaseOrder::Verify { peer, verified } => verify_do(desk, peer, verified)?,
        BaseOrder::Look { peer, reference, wanted } => {
            let found = look_do(desk, peer, &reference, &wanted);
            desk.told.push(BaseTold::Looked { wanted, found });
        }
        BaseOrder::Hide { peer, message } => {
            history_hide(&desk.base, peer, &message)?;
            desk.wiped = true;
        }
        BaseOrder::Clear { peer } => {
            history_clear(&desk.base, peer)?;
            desk.wiped = true;
        }
        BaseOrder::Past { query } => match history_page(&desk.base, &query) {
            Ok((messages, more)) => desk.told.push(BaseTold::Past { query, messages, more }),
            // Неудачный вопрос — не отказ диска: запись из-за него не отменяется.
            Err(fail) => desk.told.push(BaseTold::QueryFailed { fail }),
        },
        BaseOrder::Mark { mark } => {
            if !std::mem::take(&mut desk.missed) {
                desk.told.push(BaseTold::Marked { mark });
            }
        }
        BaseOrder::File(mark) => {
            file_mark(&desk.base, &mark)?;
            desk.told.push(BaseTold::FileKept { mark });
        }
        BaseOrder::Export { peer, form } => desk.told.push(BaseTold::ExportReady { peer, form }),
        BaseOrder::Bits { on } => desk.bits = on,
        BaseOrder::Retry => {}
    }
    Ok(())
}

/// Сервер взял сообщение на хранение: место под печатью свободно.
fn stored_do(desk: &mut Desk, peer: Id, message: &MessageId, place: Place) -> Result<(), Fail> {
    outbox_stored(&desk.base, peer, message, place)?;
    history_state(&desk.base, peer, message, ReceiptState::Stored, 0)?;
    copies_raise(desk, peer, &[*message], ReceiptState::Stored, 0)?;
    desk_seal_waiting(desk, peer)
}

/// Исходящее: в очередь, в историю и, если есть сеанс, под печать.
pub fn keep_do(desk: &mut Desk, peer: Id, envelope: &Envelope, keep: bool) -> Result<(), Fail> {
    let message = envelope.id;
    outbox_add(&desk.base, peer, envelope)?;
    // Копия сказанного в комнате: в истории оно одно на всех.
    let chat = match &envelope.room {
        Some(note) => id_of_room(&note.room),
        None => peer,
    };
    if history_holds(envelope) {
        let added = history_add(&desk.base, chat, true, envelope, 0, true, keep)?;
        if envelope.room.is_some() {
            copy_add(&desk.base, chat, &message, peer)?;
            if added.is_some() {
                let (room, state, at) = (chat, ReceiptState::Queued, envelope.time);
                desk.told.push(BaseTold::Room(RoomTold::Reached { room, message, state, at }));
            }
        }
    }
    if envelope.kind == ENVELOPE_EDIT {
        let text = text_shown(&envelope.text);
        history_edit(&desk.base, chat, true, &envelope.about, &text, envelope.time)?;
    }
    desk.told.push(BaseTold::Kept { peer, message });
    desk_seal_waiting(desk, peer)
}

/// Новый ключ человека признан: прежние сеансы ничего не стоят, порядок начинается заново. Без
/// ключа — отвергнут: прежний остаётся в силе.
fn trust_do(desk: &mut Desk, peer: Id, public: Option<PublicKey>) -> Result<(), Fail> {
    let Some(mut person) = person_get(&desk.base, peer)? else {
        return Ok(());
    };
    if public.is_none() {
        person.changed = None;
        person_set(&desk.base, &person)?;
        desk_seal_waiting(desk, peer)?;
    } else if let Some(changed) = person.changed {
        if public != Some(changed) {
            // Пока человек думал, показался ещё один ключ: пусть сверит его.
            desk.told.push(BaseTold::Person { facts: person });
            return Ok(());
        }
        person.changed = None;
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

/// Человек сверил ключ или передумал.
fn verify_do(desk: &mut Desk, peer: Id, verified: bool) -> Result<(), Fail> {
    if let Some(mut person) = person_get(&desk.base, peer)? {
        person.verified = verified;
        person_set(&desk.base, &person)?;
        desk.told.push(BaseTold::Person { facts: person });
    }
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
