//! Seals: sessions of Olm beside the messages they seal. Everything here happens inside the desk's
//! transaction (desk.rs), so a crash neither reuses nor loses a step of a ratchet.
//! Печати: сеансы Olm рядом с сообщениями, которые они запечатывают. Всё здесь происходит внутри
//! записи стола (desk.rs), поэтому сбой не повторит и не потеряет ни одного шага храповика.

use std::collections::BTreeMap;

use vodozemac::olm::Session;

use super::desk::{Desk, aside_seal};
use super::outbox::{
    order_out, order_out_set, outbox_flying, outbox_last, outbox_open, outbox_sealed,
    outbox_unseal, outbox_unseal_rest, outbox_unsealed,
};
use super::people::{
    SessionRow, account_get, account_set, person_get, person_set, session_forget, session_set,
    sessions_get,
};
use crate::base::bounds::{HEAL_MS, KEYS_LOW, KEYS_MAX, SEAL_AHEAD, SESSIONS_MAX};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::crypto::file_cipher::random_fill;
use crate::crypto::identity::{PublicKey, sha256};
use crate::crypto::olm::{
    Bundle, LABEL_CURVE, account_load, account_new, account_store, key_make, keys_make,
    message_decrypt, message_encrypt, session_fits, session_in, session_load, session_name,
    session_out, session_store, sign,
};
use crate::logic::events::{BaseTold, PersonFacts, Place};
use crate::wire::control::{KeyBundle, body_read};
use crate::wire::message::{ENVELOPE_HEAL, ENVELOPE_TEXT, Envelope, Intro, Sealed, envelope_bytes};

/// What vodozemac says of a one-time key that this account does not have.
const KEY_UNKNOWN: &str = "unknown one-time key";
/// The wait between two heals of one person doubles up to this.
const HEAL_MAX_MS: u64 = HEAL_MS * 32;

/// People whose last healing is remembered.
const HEALS_MAX: usize = 10_000;

/// A session at hand.
pub struct Seat {
    pub name: String,
    pub session: Session,
    /// The greater, the later it was used.
    pub used: u64,
    pub dirty: bool,
}

/// Сеансы с человеком: при первой нужде читаются с диска, последний употреблённый первым.
fn seats_load(desk: &mut Desk, peer: Id) -> Result<(), Fail> {
    if desk.seats.contains_key(&peer) {
        return Ok(());
    }
    let mut seats = Vec::new();
    for row in sessions_get(&desk.base, peer)? {
        let session = session_load(&row.pickle)?;
        seats.push(Seat { name: row.name, session, used: row.used, dirty: false });
    }
    desk.seats.insert(peer, seats);
    Ok(())
}

/// Есть ли хоть один сеанс с этим человеком.
pub fn desk_seated(desk: &mut Desk, peer: Id) -> Result<bool, Fail> {
    seats_load(desk, peer)?;
    match desk.seats.get(&peer) {
        Some(seats) => Ok(!seats.is_empty()),
        None => Ok(false),
    }
}

/// Сохраняет всё, что шагнуло.
pub fn seats_save(desk: &mut Desk) -> Result<(), Fail> {
    for (peer, seats) in &mut desk.seats {
        for seat in seats {
            if seat.dirty {
                let pickle = session_store(&seat.session)?;
                let row = SessionRow { name: seat.name.clone(), used: seat.used, pickle };
                session_set(&desk.base, *peer, &row)?;
                seat.dirty = false;
            }
        }
    }
    if let (Some(account), true) = (&desk.account, desk.account_dirty) {
        account_set(&desk.base, &account_store(account)?)?;
        desk.account_dirty = false;
    }
    Ok(())
}

/// Свой счёт Olm: с диска или новый.
fn account_ready(desk: &mut Desk) -> Result<(), Fail> {
    if desk.account.is_some() {
        return Ok(());
    }
    desk.account = Some(match account_get(&desk.base)? {
        Some(pickle) => account_load(&pickle)?,
        None => {
            desk.account_dirty = true;
            account_new()
        }
    });
    Ok(())
}

/// Новый сеанс встаёт первым; давний сверх предела уходит.
fn seat_add(desk: &mut Desk, peer: Id, session: Session) {
    let seats = desk.seats.entry(peer).or_default();
    let used = match seats.first() {
        Some(first) => first.used + 1,
        None => 1,
    };
    let name = session_name(&session);
    seats.insert(0, Seat { name, session, used, dirty: true });
    seats.truncate(SESSIONS_MAX);
}

/// Сеанс на этом месте употреблён: теперь он первый.
fn seat_raise(seats: &mut Vec<Seat>, index: usize) {
    let top = seats[0].used;
    let mut seat = seats.remove(index);
    if index > 0 {
        seat.used = top + 1;
    }
    seat.dirty = true;
    seats.insert(0, seat);
}

/// Запечатывает конверт последним употреблённым сеансом; `None` — сеанса нет.
pub fn desk_seal(
    desk: &mut Desk,
    peer: Id,
    place: Place,
    mut envelope: Envelope,
) -> Result<Option<Vec<u8>>, Fail> {
    seats_load(desk, peer)?;
    let Some(person) = person_get(&desk.base, peer)? else {
        return Ok(None);
    };
    if person.changed.is_some() {
        // Ключ сменился: ничего, даже подтверждений, пока человек не решит.
        return Ok(None);
    }
    envelope.bond = bond(&desk.public, &person.public);
    let plain = envelope_bytes(&envelope)?;
    let Some(seats) = desk.seats.get_mut(&peer) else {
        return Ok(None);
    };
    let Some(seat) = seats.first_mut() else {
        return Ok(None);
    };
    let (kind, body) = match message_encrypt(&mut seat.session, &plain) {
        Ok(sealed) => sealed,
        Err(failed) => {
            // Сеанс негоден (вырожденный ключ с той стороны): он уходит, это не отказ диска.
            tracing::warn!("session of {peer} dropped: {}", failed.detail);
            let name = seats.remove(0).name;
            session_forget(&desk.base, peer, &name)?;
            return Ok(None);
        }
    };
    seat.dirty = true;
    let mut intro = None;
    if kind == 0 {
        // Ключ этого сеанса, а не нынешнего счёта: тот мог смениться.
        let curve = seat.session.session_keys().identity_key.to_bytes();
        let signature = sign(&desk.signer, LABEL_CURVE, &[&curve]);
        intro = Some(Intro { public: desk.public, signature });
    }
    let Place { run, sequence } = place;
    let sealed = Sealed { run, sequence, kind, body, intro, after: envelope.after };
    let packet = match minicbor::to_vec(&sealed) {
        Ok(packet) => packet,
        Err(_) => return Err(fail(FailKind::BodyBad, "sealed")),
    };
    bits_tell(desk, peer, true, &envelope, &sealed.body);
    Ok(Some(packet))
}

/// Рассказывает биты текста до печати и под нею, если их просили.
fn bits_tell(desk: &mut Desk, peer: Id, outgoing: bool, envelope: &Envelope, body: &[u8]) {
    if desk.bits && envelope.kind == ENVELOPE_TEXT {
        let (before, after) = (envelope.text.clone(), body.to_vec());
        let message = envelope.id;
        desk.told.push(BaseTold::Bits { peer, message, outgoing, before, after });
    }
}

/// От кого и кому слова: хеш обоих ключей личности. Подпись ключа Olm одна этого не доказывает:
/// чужой ключ Olm мог бы подписать кто угодно.
fn bond(from: &PublicKey, to: &PublicKey) -> [u8; 32] {
    let mut both = [0u8; 64];
    both[..32].copy_from_slice(from);
    both[32..].copy_from_slice(to);
    sha256(&both)
}

/// Запечатывает всё, что ждёт этого человека, по порядку; без сеанса оно ждёт дальше.
pub fn desk_seal_waiting(desk: &mut Desk, peer: Id) -> Result<(), Fail> {
    let ready = desk_seated(desk, peer)?;
    let changed = match person_get(&desk.base, peer)? {
        Some(person) => person.changed.is_some(),
        None => false,
    };
    if !ready || changed || !outbox_open(&desk.base, peer)? {
        return Ok(());
    }
    // Новый запуск — новый порядок: если база прежняя (копия), места после неё уже заняты другим,
    // и получатель подтвердил бы по ним то, чего не видел.
    let fresh = desk.ordered.insert(peer);
    if fresh {
        outbox_unseal_rest(&desk.base, peer)?;
    }
    let (run, mut next) = match order_out(&desk.base, peer)? {
        Some(found) if !fresh => found,
        Some(_) | None => (random_run()?, 1),
    };
    // Не больше окна вперёд: получатель помнит лишь несколько цепей храповика, и запечатанное
    // задолго до отправки он уже не вскрыл бы.
    let flying = outbox_flying(&desk.base, peer)?;
    let room = SEAL_AHEAD.saturating_sub(flying);
    for mut envelope in outbox_unsealed(&desk.base, peer, room)? {
        envelope.run = run;
        envelope.sequence = next;
        // Лежащее на сервере осталось в прежнем порядке: новое не показывают раньше него.
        envelope.after = if next == 1 { outbox_last(&desk.base, peer)? } else { None };
        let (message, place) = (envelope.id, Place { run, sequence: next });
        let Some(packet) = desk_seal(desk, peer, place, envelope)? else {
            break;
        };
        outbox_sealed(&desk.base, peer, &message, place, &packet)?;
        desk.told.push(BaseTold::Sealed { peer, message, packet, place });
        next += 1;
    }
    order_out_set(&desk.base, peer, run, next)
}

/// Номер нового порядка: случайный, 62 бита (в базе числа со знаком).
fn random_run() -> Result<u64, Fail> {
    let mut bytes = [0u8; 8];
    random_fill(&mut bytes)?;
    Ok((u64::from_be_bytes(bytes) >> 2) | 1)
}

/// Порядок исходящего начинается заново: печати сняты и поставлены нынешним сеансом.
pub fn desk_reset(desk: &mut Desk, peer: Id) -> Result<(), Fail> {
    outbox_unseal(&desk.base, peer)?;
    order_out_set(&desk.base, peer, random_run()?, 1)?;
    desk.ordered.insert(peer);
    desk.told.push(BaseTold::Unsealed { peer });
    desk_seal_waiting(desk, peer)
}

/// Вскрывает: подходящим сеансом или новым, если это начало сеанса. `None` — не вскрылось,
/// логике уже сказано почему.
pub fn desk_open(
    desk: &mut Desk,
    peer: Id,
    sealed: &Sealed,
    at: u64,
) -> Result<Option<Envelope>, Fail> {
    seats_load(desk, peer)?;
    let opened = match open_known(desk, peer, sealed) {
        Some(plain) => Ok(Some(plain)),
        // Начало сеанса, который уже есть, вторым сеансом не станет: это повтор.
        None if sealed.kind == 0 && !seat_fits(desk, peer, sealed) => open_new(desk, peer, sealed)?,
        None => Err(fail(FailKind::SealBroken, "")),
    };
    let read = match opened {
        Ok(Some(plain)) => {
            let read: Result<Envelope, Fail> = body_read("envelope", &plain);
            bond_check(desk, peer, read)?
        }
        Ok(None) => return Ok(None),
        Err(failed) => Err(failed),
    };
    match read {
        Ok(envelope) => {
            bits_tell(desk, peer, false, &envelope, &sealed.body);
            Ok(Some(envelope))
        }
        Err(failed) => {
            // Повторы сюда не доходят (desk.rs узнаёт их раньше), поэтому лечит и
            // подтверждение, которое не вскрылось: больше собеседнику с прежней копией базы
            // слать, может быть, и нечего.
            let broken = failed.kind == FailKind::SealBroken;
            let heal = broken && heal_due(&mut desk.heals, peer, at);
            desk.told.push(BaseTold::SealRefused { peer, fail: failed, heal });
            Ok(None)
        }
    }
}

/// Принадлежит ли это начало сеанса одному из тех, что есть.
fn seat_fits(desk: &Desk, peer: Id, sealed: &Sealed) -> bool {
    let Some(seats) = desk.seats.get(&peer) else {
        return false;
    };
    for seat in seats {
        if session_fits(&seat.session, &sealed.body) {
            return true;
        }
    }
    false
}

/// Сверяет, от кого и кому вскрытое.
fn bond_check(
    desk: &Desk,
    peer: Id,
    read: Result<Envelope, Fail>,
) -> Result<Result<Envelope, Fail>, Fail> {
    let Ok(envelope) = read else {
        return Ok(read);
    };
    let right = match person_get(&desk.base, peer)? {
        Some(person) => envelope.bond == bond(&person.public, &desk.public),
        None => false,
    };
    Ok(if right { Ok(envelope) } else { Err(fail(FailKind::SignatureBad, "bond")) })
}

/// Пробует сеансы, какие есть. Тот, который открыл, становится первым.
fn open_known(desk: &mut Desk, peer: Id, sealed: &Sealed) -> Option<Vec<u8>> {
    let seats = desk.seats.get_mut(&peer)?;
    for index in 0..seats.len() {
        if sealed.kind == 0 && !session_fits(&seats[index].session, &sealed.body) {
            continue;
        }
        if let Ok(plain) = message_decrypt(&mut seats[index].session, sealed.kind, &sealed.body) {
            seat_raise(seats, index);
            return Some(plain);
        }
    }
    None
}

/// Начало сеанса не вскрылось: на сервере, видно, лежат ключи, которых в этом счёте нет (база — из
/// копии), и туда будут стучаться вновь. Новые ключи сменят их там все; раз за запуск, чтобы
/// чужой мусор не менял их без конца. Прежние ключи счёта остаются и открывают то, что в пути.
fn keys_renew(desk: &mut Desk) {
    if let (Some(account), false) = (&mut desk.account, desk.renewed) {
        desk.renewed = true;
        let keys = keys_make(account, &desk.signer, KEYS_MAX as usize);
        desk.account_dirty = true;
        desk.told.push(BaseTold::KeysMade { keys });
    }
}

/// Начало сеанса с той стороны: чей ключ, тот ли самый, что закреплён. Внутри `Ok(None)`, если ключ
/// сменился: человеку уже сказано.
fn open_new(
    desk: &mut Desk,
    peer: Id,
    sealed: &Sealed,
) -> Result<Result<Option<Vec<u8>>, Fail>, Fail> {
    let Some(intro) = &sealed.intro else {
        return Ok(Err(fail(FailKind::SealBroken, "intro")));
    };
    account_ready(desk)?;
    let Some(account) = &mut desk.account else {
        return Ok(Ok(None));
    };
    let (session, plain) = match session_in(account, peer, intro, &sealed.body) {
        Ok(made) => made,
        Err(failed) => {
            if failed.detail.contains(KEY_UNKNOWN) {
                keys_renew(desk);
            }
            return Ok(Err(failed));
        }
    };
    // Одноразовый ключ израсходован: счёт меняется, даже если ключ личности окажется чужим.
    desk.account_dirty = true;
    if !key_pin(desk, peer, &intro.public)? {
        return Ok(Ok(None));
    }
    seat_add(desk, peer, session);
    desk_seal_waiting(desk, peer)?;
    Ok(Ok(Some(plain)))
}

/// Закрепляет ключ при первой встрече. `false` — закреплён другой: человек предупреждён.
fn key_pin(desk: &mut Desk, peer: Id, public: &PublicKey) -> Result<bool, Fail> {
    let known = person_get(&desk.base, peer)?;
    let facts = match known {
        Some(person) if person.public == *public => return Ok(true),
        Some(mut person) => {
            person.changed = Some(*public);
            person
        }
        None => PersonFacts { peer, public: *public, changed: None, verified: false },
    };
    person_set(&desk.base, &facts)?;
    let same = facts.changed.is_none();
    desk.told.push(BaseTold::Person { facts });
    Ok(same)
}

/// Ключи человека пришли с сервера: проверить, начать сеанс, запечатать ожидающее. С `heal` —
/// сказать тому концу, что его сеанс не читается.
pub fn desk_session(
    desk: &mut Desk,
    peer: Id,
    bundle: KeyBundle,
    heal: bool,
    at: u64,
) -> Result<(), Fail> {
    seats_load(desk, peer)?;
    account_ready(desk)?;
    let public = bundle.public;
    let bundle = Bundle {
        public,
        curve: bundle.curve,
        signature: bundle.signature,
        key: bundle.key.key,
        key_signature: bundle.key.signature,
    };
    let Some(account) = &desk.account else {
        return Ok(());
    };
    let session = match session_out(account, peer, &bundle) {
        Ok(session) => session,
        Err(failed) => {
            desk.told.push(BaseTold::SealRefused { peer, fail: failed, heal: false });
            return Ok(());
        }
    };
    if !key_pin(desk, peer, &public)? {
        return Ok(());
    }
    let first = !desk_seated(desk, peer)?;
    if !first && !heal {
        // Сеанс тем временем появился с той стороны.
        return desk_seal_waiting(desk, peer);
    }
    seat_add(desk, peer, session);
    if heal {
        let envelope = Envelope { kind: ENVELOPE_HEAL, time: at, ..Envelope::default() };
        aside_seal(desk, peer, envelope)?;
    }
    if first {
        return desk_reset(desk, peer);
    }
    desk_seal_waiting(desk, peer)
}

/// Делает одноразовые ключи для сервера, если там их мало или лежат чужие нынешнему счёту.
pub fn desk_keys(desk: &mut Desk, left: u64, curve: &[u8; 32]) -> Result<(), Fail> {
    account_ready(desk)?;
    if let Some(account) = &mut desk.account {
        if left >= KEYS_LOW && account.curve25519_key().to_bytes() == *curve {
            return Ok(());
        }
        let keys = keys_make(account, &desk.signer, KEYS_MAX as usize);
        desk.account_dirty = true;
        desk.told.push(BaseTold::KeysMade { keys });
    }
    Ok(())
}

/// Делает один одноразовый ключ для того, кто попросил его по прямой линии.
pub fn desk_key(desk: &mut Desk, peer: Id) -> Result<(), Fail> {
    account_ready(desk)?;
    if let Some(account) = &mut desk.account {
        if let Some(bundle) = key_make(account, &desk.signer, &desk.public) {
            desk.account_dirty = true;
            desk.told.push(BaseTold::KeyGiven { peer, bundle });
        }
    }
    Ok(())
}

/// Пора ли лечить сеанс с этим человеком: раз в `HEAL_MS`, а если не помогло — всё реже: на
/// медленной линии посланное заново едет долго. Часы могли и прыгнуть назад.
pub fn heal_due(heals: &mut BTreeMap<Id, (u64, u64)>, peer: Id, at: u64) -> bool {
    let mut wait = HEAL_MS;
    if let Some((last, waited)) = heals.get(&peer) {
        if at >= *last && at < last + waited {
            return false;
        }
        if at >= *last && at < last + 4 * waited {
            wait = u64::min(waited * 2, HEAL_MAX_MS);
        }
    }
    if heals.len() >= HEALS_MAX {
        heals.clear();
    }
    heals.insert(peer, (at, wait));
    true
}
