//! The message cipher: Olm (double ratchet, docs/protocol.md, "Sealed messages") by vodozemac, and
//! the signatures that bind Olm's Curve25519 keys to a person's Ed25519 identity. Everything that
//! comes in here from outside is checked; nothing here knows the disk, the wire or the order.
//! Шифр сообщений: Olm (двойной храповик, docs/protocol.md, "Sealed messages") из vodozemac и
//! подписи, которые связывают ключи Curve25519 из Olm с личностью Ed25519. Всё, что пришло сюда
//! снаружи, проверяется; ни диска, ни провода, ни порядка сообщений здесь не знают.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivateKeyDer;
use vodozemac::olm::{
    AccountPickle, Message, OlmMessage, PreKeyMessage, SessionConfig, SessionKeys, SessionPickle,
};
use vodozemac::{Curve25519PublicKey, Curve25519SecretKey};

use super::identity::{Identity, PublicKey, id_of_key};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;
use crate::wire::control::{KeyBundle, KeyItem, Keys};
use crate::wire::message::Intro;

pub use vodozemac::olm::{Account, Session};

/// Label of the signature over the account's Curve25519 key.
pub const LABEL_CURVE: &str = "supertext olm identity 1";
/// Label of the signature over the Curve25519 key and one of its one-time keys.
pub const LABEL_KEY: &str = "supertext olm key 1";

/// Olm's message types, as they stand in `Sealed.kind`.
pub const KIND_PREKEY: u8 = 0;
pub const KIND_NORMAL: u8 = 1;

/// The identity's key, ready to sign. No Debug: it is a secret.
pub struct Signer {
    pair: Ed25519KeyPair,
}

/// What the server hands out so that a session with somebody can begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// Ed25519: the person's identity.
    pub public: PublicKey,
    /// Curve25519: the person's Olm account, and the identity's signature of it.
    pub curve: [u8; 32],
    pub signature: [u8; 64],
    /// Curve25519: a one-time key or the fallback key, and the identity's signature of both.
    pub key: [u8; 32],
    pub key_signature: [u8; 64],
}

// --- подписи ------------------------------------------------------------------------------

/// Ключ личности, готовый подписывать. Ошибка `KeyBad`: ключ не PKCS#8 Ed25519 или не от
/// сертификата этой личности.
pub fn signer_of(identity: &Identity) -> Result<Signer, Fail> {
    let PrivateKeyDer::Pkcs8(der) = &identity.key else {
        return Err(fail(FailKind::KeyBad, "Ed25519 PKCS#8"));
    };
    let pair = match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()) {
        Ok(pair) => pair,
        Err(error) => return Err(fail(FailKind::KeyBad, &format!("Ed25519 PKCS#8: {error}"))),
    };
    if pair.public_key().as_ref() != identity.public_key {
        return Err(fail(FailKind::KeyBad, "client.key, client.crt"));
    }
    Ok(Signer { pair })
}

/// Подписываемые байты: метка ‖ 0 ‖ части. Части всегда постоянной длины, поэтому границы ясны.
fn signed_bytes(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(label.as_bytes());
    bytes.push(0);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Подпись Ed25519 (RFC 8032) над меткой ‖ 0 ‖ частями. Отказ библиотеки даёт нули: такую
/// «подпись» не примет никто.
pub fn sign(signer: &Signer, label: &str, parts: &[&[u8]]) -> [u8; 64] {
    let mut signature = [0u8; 64];
    if let Ok(made) = signer.pair.try_sign(&signed_bytes(label, parts)) {
        let made = made.as_ref();
        if made.len() == signature.len() {
            signature.copy_from_slice(made);
        }
    }
    signature
}

/// Проверяет подпись над меткой ‖ 0 ‖ частями. Ошибка `SignatureBad`.
pub fn signature_check(
    public: &PublicKey,
    label: &str,
    parts: &[&[u8]],
    signature: &[u8],
) -> Result<(), Fail> {
    match UnparsedPublicKey::new(&ED25519, public).verify(&signed_bytes(label, parts), signature) {
        Ok(()) => Ok(()),
        Err(_) => Err(fail(FailKind::SignatureBad, label)),
    }
}

/// Открытый ключ принадлежит этому номеру и подписал этот ключ Curve25519. Ошибка `SignatureBad`.
fn curve_check(id: Id, public: &PublicKey, curve: &[u8; 32], signature: &[u8]) -> Result<(), Fail> {
    if id_of_key(public) != id {
        return Err(fail(FailKind::SignatureBad, "id"));
    }
    signature_check(public, LABEL_CURVE, &[curve], signature)
}

// --- учётная запись Olm и её ключи --------------------------------------------------------

/// Новая учётная запись Olm: свежий ключ Curve25519, одноразовых ключей ещё нет.
pub fn account_new() -> Account {
    Account::new()
}

/// Учётная запись как байты JSON. Внутри секреты: место им только в защищённом файле.
pub fn account_store(account: &Account) -> Result<Vec<u8>, Fail> {
    match serde_json::to_vec(&account.pickle()) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(fail(FailKind::Internal, "olm account")),
    }
}

/// Учётная запись из байтов. Ошибка `BaseDamaged`: это не то, что пишет `account_store`.
pub fn account_load(bytes: &[u8]) -> Result<Account, Fail> {
    // Слова разборщика сюда не идут: он может процитировать сам секрет.
    match serde_json::from_slice::<AccountPickle>(bytes) {
        Ok(pickle) => Ok(Account::from_pickle(pickle)),
        Err(_) => Err(fail(FailKind::BaseDamaged, "olm account")),
    }
}

/// Делает `many` одноразовых ключей и новый запасной, подписывает и считает их выданными.
/// Прежний запасной ключ ещё действует, предпрежний забывается. Записать учётную запись на диск
/// нужно до того, как эти ключи уйдут на сервер.
pub fn keys_make(account: &mut Account, signer: &Signer, many: usize) -> Keys {
    let curve = account.curve25519_key().to_bytes();
    account.generate_fallback_key();
    let mut fallback = KeyItem { key: [0u8; 32], signature: [0u8; 64] };
    for key in account.fallback_key().values() {
        fallback = key_signed(signer, &curve, key.to_bytes());
    }
    let mut items = Vec::new();
    for key in account.generate_one_time_keys(many).created {
        items.push(key_signed(signer, &curve, key.to_bytes()));
    }
    account.mark_keys_as_published();
    Keys { curve, signature: sign(signer, LABEL_CURVE, &[&curve]), fallback, items }
}

/// Делает один одноразовый ключ сверх лежащих на сервере и считает его выданным. `None` — у
/// библиотеки ключа не вышло. На диск — до того, как он уйдёт.
pub fn key_make(account: &mut Account, signer: &Signer, public: &PublicKey) -> Option<KeyBundle> {
    let curve = account.curve25519_key().to_bytes();
    let made = account.generate_one_time_keys(1).created;
    account.mark_keys_as_published();
    let key = made.first()?.to_bytes();
    let signature = sign(signer, LABEL_CURVE, &[&curve]);
    Some(KeyBundle { public: *public, curve, signature, key: key_signed(signer, &curve, key) })
}

/// Один ключ с подписью личности над ключом учётной записи ‖ этим ключом.
fn key_signed(signer: &Signer, curve: &[u8; 32], key: [u8; 32]) -> KeyItem {
    KeyItem { key, signature: sign(signer, LABEL_KEY, &[curve, &key]) }
}

// --- сеансы -------------------------------------------------------------------------------

/// Начинает сеанс с человеком `id`. Ошибка `SignatureBad`: ключи не его, хотя бы один.
pub fn session_out(account: &Account, id: Id, bundle: &Bundle) -> Result<Session, Fail> {
    curve_check(id, &bundle.public, &bundle.curve, &bundle.signature)?;
    let signed: [&[u8]; 2] = [&bundle.curve, &bundle.key];
    signature_check(&bundle.public, LABEL_KEY, &signed, &bundle.key_signature)?;
    let curve = Curve25519PublicKey::from_bytes(bundle.curve);
    let key = Curve25519PublicKey::from_bytes(bundle.key);
    match account.create_outbound_session(SessionConfig::version_1(), curve, key) {
        Ok(session) => Ok(session),
        // Хозяин подписал ключ малого порядка: общий секрет знал бы каждый.
        Err(error) => Err(fail(FailKind::SignatureBad, &error.to_string())),
    }
}

/// Шифрует открытые байты: тип сообщения Olm и тело. Сеанс меняется: записать его на диск нужно
/// до отправки тела.
pub fn message_encrypt(session: &mut Session, plain: &[u8]) -> Result<(u8, Vec<u8>), Fail> {
    match session.encrypt(plain) {
        Ok(OlmMessage::PreKey(message)) => Ok((KIND_PREKEY, message.to_bytes())),
        Ok(OlmMessage::Normal(message)) => Ok((KIND_NORMAL, message.to_bytes())),
        Err(error) => Err(broken(&error.to_string())),
    }
}

/// Расшифровывает сообщение своего сеанса. Ошибка `SealBroken`: подделано, испорчено, уже было,
/// слишком давнее или от другого сеанса; сеанс тогда не меняется.
pub fn message_decrypt(session: &mut Session, kind: u8, body: &[u8]) -> Result<Vec<u8>, Fail> {
    let message = match kind {
        KIND_PREKEY => {
            let message = prekey_read(body)?;
            // Olm не заверяет ключи снаружи вложенного сообщения: сверяем их сами.
            if message.session_keys() != session.session_keys() {
                return Err(broken("session"));
            }
            OlmMessage::PreKey(message)
        }
        KIND_NORMAL => OlmMessage::Normal(normal_read(body)?),
        _ => return Err(broken("kind")),
    };
    match session.decrypt(&message) {
        Ok(plain) => Ok(plain),
        Err(error) => Err(broken(&error.to_string())),
    }
}

/// Принимает сеанс, начатый человеком `id`: возвращает его и открытые байты. Одноразовый ключ
/// забывается, поэтому повтор не пройдёт; запасной остаётся, и повтор с ним надо узнавать по
/// `session_fits` прежде. Ошибки: `SignatureBad` — ключ не его, `SealBroken` — не открывается;
/// учётная запись тогда не меняется.
pub fn session_in(
    account: &mut Account,
    id: Id,
    intro: &Intro,
    body: &[u8],
) -> Result<(Session, Vec<u8>), Fail> {
    let message = prekey_read(body)?;
    let curve = message.identity_key();
    curve_check(id, &intro.public, curve.as_bytes(), &intro.signature)?;
    match account.create_inbound_session(SessionConfig::version_1(), curve, &message) {
        Ok(made) => Ok((made.session, made.plaintext)),
        Err(error) => Err(broken(&error.to_string())),
    }
}

/// Сообщение типа 0 принадлежит этому сеансу; неразборчивое — ничьё.
pub fn session_fits(session: &Session, body: &[u8]) -> bool {
    match prekey_read(body) {
        Ok(message) => message.session_keys() == session.session_keys(),
        Err(_) => false,
    }
}

/// Сеанс как байты JSON. Внутри секреты: место им только в защищённом файле.
pub fn session_store(session: &Session) -> Result<Vec<u8>, Fail> {
    match serde_json::to_vec(&session.pickle()) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(fail(FailKind::Internal, "olm session")),
    }
}

/// Сеанс из байтов. Ошибка `BaseDamaged`: это не то, что пишет `session_store`.
pub fn session_load(bytes: &[u8]) -> Result<Session, Fail> {
    match serde_json::from_slice::<SessionPickle>(bytes) {
        Ok(pickle) => Ok(Session::from_pickle(pickle)),
        Err(_) => Err(fail(FailKind::BaseDamaged, "olm session")),
    }
}

/// Имя сеанса: одно и то же на обоих концах.
pub fn session_name(session: &Session) -> String {
    session.session_id()
}

// --- разбор чужих тел ---------------------------------------------------------------------

/// Ошибка `SealBroken` с подробностью.
fn broken(what: &str) -> Fail {
    fail(FailKind::SealBroken, what)
}

/// Разбирает сообщение типа 0. Принимается только единственная запись: те же байты должны
/// получиться обратно, а старший бит ключей, который X25519 не замечает (RFC 7748, 5), — быть
/// нулём. Иначе чужой мог бы менять тело так, что оно всё равно открывалось бы.
fn prekey_read(body: &[u8]) -> Result<PreKeyMessage, Fail> {
    let message = match PreKeyMessage::from_bytes(body) {
        Ok(message) => message,
        Err(error) => return Err(broken(&error.to_string())),
    };
    if message.to_bytes() != body || !keys_are_plain(&message.session_keys()) {
        return Err(broken("canonical"));
    }
    // Вырожденный ключ храповика вскрылся бы, но ответить на него уже нельзя.
    let probe = Curve25519SecretKey::new();
    if probe.diffie_hellman(&message.message().ratchet_key()).is_none() {
        return Err(broken("ratchet key"));
    }
    Ok(message)
}

/// Разбирает сообщение типа 1; и оно принимается только в единственной записи.
fn normal_read(body: &[u8]) -> Result<Message, Fail> {
    let message = match Message::from_bytes(body) {
        Ok(message) => message,
        Err(error) => return Err(broken(&error.to_string())),
    };
    if message.to_bytes() != body {
        return Err(broken("canonical"));
    }
    Ok(message)
}

/// Старший бит каждого из трёх ключей — ноль.
fn keys_are_plain(keys: &SessionKeys) -> bool {
    for key in [&keys.identity_key, &keys.base_key, &keys.one_time_key] {
        if key.as_bytes()[31] & 0x80 != 0 {
            return false;
        }
    }
    true
}
