//! A peer without manners: speaks the protocol by hand over TLS, so that tests can send what no
//! honest client would.
//! Собеседник без манер: говорит по протоколу руками поверх TLS, чтобы испытания могли послать
//! то, чего честный клиент не пошлёт.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use supertext::base::ids::{ID_SERVER, Id};
use supertext::crypto::identity::{Identity, PublicKey, sha256};
use supertext::crypto::olm::{
    Account, Bundle, LABEL_CURVE, Session, Signer, account_new, keys_make, message_decrypt,
    message_encrypt, session_in, session_out, sign, signer_of,
};
use supertext::crypto::tls::{Trust, call_config, client_config, server_name};
use supertext::net::address::join_parse;
use supertext::store::home::{home_open, identity_open};
use supertext::wire::control::{
    Hello, KeyAnswer, KeyAsk, KeyBundle, PROTOCOL_VERSION, Quit, Refused, Watch, body_read,
    packet_put,
};
use supertext::wire::header::{Header, header_bytes, header_read};
use supertext::wire::message::{Envelope, Intro, Sealed, envelope_bytes, message_put, piece_read};
use supertext::wire::packets::Kind;

use super::{GUARD, waiting};

/// content_id of the control packet KEY.
const CONTROL_KEY: u32 = 13;

/// A raw link to the server, with an Olm account of its own.
pub struct Raw {
    pub id: Id,
    pub tls: StreamOwned<ClientConnection, TcpStream>,
    bytes: Vec<u8>,
    pub public: PublicKey,
    pub signer: Signer,
    pub account: Account,
    /// Sessions by person, with the person's identity key.
    pub sessions: BTreeMap<Id, (Session, PublicKey)>,
}

/// Соединяется с сервером; личность делается в этой папке. HELLO не посылается.
pub fn raw_connect(join: &str, home: &Path) -> Raw {
    let home = home_open(home).expect("a home");
    let identity = identity_open(&home).expect("an identity");
    let line = join_parse(join).expect("a join line");
    let trust = Trust { pin: line.pin.expect("a pin"), ca: None };
    let config = client_config(&identity, trust, false).expect("a config");
    raw_over(config, &line.address, &identity)
}

/// Звонит человеку напрямую, как его программа; личность делается в этой папке.
pub fn raw_call(address: &str, home: &Path) -> Raw {
    let home = home_open(home).expect("a home");
    let identity = identity_open(&home).expect("an identity");
    let config = call_config(&identity, false).expect("a config");
    raw_over(config, address, &identity)
}

/// Соединение с этим адресом от имени этой личности; рукопожатие впереди.
fn raw_over(config: Arc<ClientConfig>, address: &str, identity: &Identity) -> Raw {
    let tls = ClientConnection::new(config, server_name().expect("a name")).expect("TLS");
    let socket = TcpStream::connect(address).expect("connects");
    socket.set_read_timeout(Some(GUARD)).expect("a bound");
    socket.set_write_timeout(Some(GUARD)).expect("a bound");
    Raw {
        id: identity.id,
        tls: StreamOwned::new(tls, socket),
        bytes: Vec::new(),
        public: identity.public_key,
        signer: signer_of(identity).expect("a signer"),
        account: account_new(),
        sessions: BTreeMap::new(),
    }
}

/// Соединяется, здоровается и ждёт HELLO сервера.
pub fn raw_hello(join: &str, home: &Path) -> Raw {
    let mut raw = raw_connect(join, home);
    let bytes = hello_bytes(raw.id);
    raw_send(&mut raw, &bytes);
    let (header, _) = raw_next(&mut raw).expect("HELLO");
    assert_eq!((header.content_type, header.content_id), (0, 1), "{header:?}");
    raw
}

/// HELLO этого собеседника.
pub fn hello_bytes(id: Id) -> Vec<u8> {
    let program = String::from("raw test");
    let hello = Hello {
        version: PROTOCOL_VERSION,
        features: 0,
        clock: 1,
        program,
        until: None,
        stun: None,
    };
    let mut bytes = Vec::new();
    packet_put(&mut bytes, Kind::Hello, id, ID_SERVER, 0, &hello).expect("HELLO");
    bytes
}

/// WATCH: собеседник хочет знать об этом человеке.
pub fn raw_watch(raw: &mut Raw, peer: Id) {
    let mut bytes = Vec::new();
    let body = Watch { ids: vec![peer] };
    packet_put(&mut bytes, Kind::Watch, raw.id, ID_SERVER, 0, &body).expect("WATCH");
    raw_send(raw, &bytes);
}

/// Посылает байты как есть.
pub fn raw_send(raw: &mut Raw, bytes: &[u8]) {
    raw.tls.write_all(bytes).expect("written");
    raw.tls.flush().expect("flushed");
}

/// Посылает один пакет с любыми полями.
pub fn raw_packet(raw: &mut Raw, header: Header, data: &[u8]) {
    let mut bytes = header_bytes(&header).to_vec();
    bytes.extend_from_slice(data);
    raw_send(raw, &bytes);
}

/// Отдаёт серверу свои ключи: другим теперь есть чем запечатать.
pub fn raw_keys(raw: &mut Raw) {
    let keys = keys_make(&mut raw.account, &raw.signer, 50);
    let mut bytes = Vec::new();
    packet_put(&mut bytes, Kind::Keys, raw.id, ID_SERVER, 0, &keys).expect("KEYS");
    raw_send(raw, &bytes);
}

/// Ключ человека от сервера; человек мог войти только что, тогда спрашивается снова.
fn raw_bundle(raw: &mut Raw, to: Id) -> KeyBundle {
    let mut bytes = Vec::new();
    packet_put(&mut bytes, Kind::KeyAsk, raw.id, ID_SERVER, 0, &KeyAsk { id: to }).expect("ASK");
    let since = Instant::now();
    while waiting(since) {
        raw_send(raw, &bytes);
        let (_, data) = raw_until(raw, 0, CONTROL_KEY).expect("KEY");
        let answer: KeyAnswer = body_read("KEY", &data).expect("a body");
        if let Some(found) = answer.found {
            return found;
        }
    }
    panic!("no key of {to}");
}

/// Начинает сеанс с человеком ключом, который выдаст сервер.
pub fn raw_session(raw: &mut Raw, to: Id) {
    let found = raw_bundle(raw, to);
    let bundle = Bundle {
        public: found.public,
        curve: found.curve,
        signature: found.signature,
        key: found.key.key,
        key_signature: found.key.signature,
    };
    let session = session_out(&raw.account, to, &bundle).expect("a session");
    raw.sessions.insert(to, (session, found.public));
}

/// От кого и кому слова: хеш обоих ключей.
pub fn raw_bond(from: &PublicKey, to: &PublicKey) -> [u8; 32] {
    let mut both = from.to_vec();
    both.extend_from_slice(to);
    sha256(&both)
}

/// Запечатывает конверт так, как это делает честный клиент.
pub fn raw_seal(raw: &mut Raw, to: Id, envelope: &Envelope) -> Sealed {
    let mut bound = envelope.clone();
    if !raw.sessions.contains_key(&to) {
        raw_session(raw, to);
    }
    bound.bond = raw_bond(&raw.public, &raw.sessions[&to].1);
    raw_seal_as_is(raw, to, &bound)
}

/// Запечатывает конверт, не трогая в нём ничего.
pub fn raw_seal_as_is(raw: &mut Raw, to: Id, envelope: &Envelope) -> Sealed {
    if !raw.sessions.contains_key(&to) {
        raw_session(raw, to);
    }
    let plain = envelope_bytes(envelope).expect("an envelope");
    let (session, _) = raw.sessions.get_mut(&to).expect("a session");
    let (kind, body) = message_encrypt(session, &plain).expect("a seal");
    let mut intro = None;
    if kind == 0 {
        let curve = raw.account.curve25519_key().to_bytes();
        let signature = sign(&raw.signer, LABEL_CURVE, &[&curve]);
        intro = Some(Intro { public: raw.public, signature });
    }
    Sealed {
        run: envelope.run,
        sequence: envelope.sequence,
        kind,
        body,
        intro,
        after: envelope.after,
    }
}

/// Посылает запечатанное.
pub fn raw_sealed(raw: &mut Raw, to: Id, content_id: u32, sealed: &Sealed) {
    let whole = minicbor::to_vec(sealed).expect("bytes");
    let mut bytes = Vec::new();
    message_put(&mut bytes, raw.id, to, content_id, &whole).expect("packets");
    raw_send(raw, &bytes);
}

/// Запечатывает конверт и посылает его человеку.
pub fn raw_envelope(raw: &mut Raw, to: Id, content_id: u32, envelope: &Envelope) {
    let sealed = raw_seal(raw, to, envelope);
    raw_sealed(raw, to, content_id, &sealed);
}

/// Следующее сообщение от человека (из одного пакета), вскрытое.
pub fn raw_opened(raw: &mut Raw, from: Id) -> (Sealed, Envelope) {
    loop {
        let (header, data) = raw_until(raw, 1, 0).expect("MESSAGE");
        if header.source_id != from {
            continue;
        }
        let piece = piece_read(&data).expect("a piece");
        assert_eq!(piece.count, 1, "a long message");
        let sealed: Sealed = body_read("MESSAGE", piece.bytes).expect("a sealed body");
        let plain = raw_open(raw, from, &sealed);
        let envelope: Envelope = body_read("envelope", &plain).expect("an envelope");
        return (sealed, envelope);
    }
}

/// Вскрывает запечатанное: своим сеансом или новым, начатым с той стороны.
fn raw_open(raw: &mut Raw, from: Id, sealed: &Sealed) -> Vec<u8> {
    if let Some((session, _)) = raw.sessions.get_mut(&from) {
        if let Ok(plain) = message_decrypt(session, sealed.kind, &sealed.body) {
            return plain;
        }
    }
    let intro = sealed.intro.clone().expect("the beginning of a session");
    let (session, plain) =
        session_in(&mut raw.account, from, &intro, &sealed.body).expect("a new session");
    raw.sessions.insert(from, (session, intro.public));
    plain
}

/// Следующий пакет; `None` — тот конец закрыл линию.
pub fn raw_next(raw: &mut Raw) -> Option<(Header, Vec<u8>)> {
    let since = Instant::now();
    loop {
        if let Some(header) = header_read(&raw.bytes) {
            let end = 16 + header.size as usize;
            if raw.bytes.len() >= end {
                let data = raw.bytes[16..end].to_vec();
                raw.bytes.drain(..end);
                return Some((header, data));
            }
        }
        let mut buffer = [0u8; 16_384];
        match raw.tls.read(&mut buffer) {
            Ok(0) => return None,
            Ok(taken) => raw.bytes.extend_from_slice(&buffer[..taken]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("the link: {error}"),
        }
        assert!(since.elapsed() < GUARD, "the link says too much");
    }
}

/// Ждёт пакет этого вида, пропуская прочие; `None` — линия закрыта.
pub fn raw_until(raw: &mut Raw, content_type: u8, control: u32) -> Option<(Header, Vec<u8>)> {
    loop {
        let (header, data) = raw_next(raw)?;
        let right = content_type != 0 || header.content_id == control;
        if header.content_type == content_type && right {
            return Some((header, data));
        }
    }
}

/// Сервер обязан назвать причину, попрощаться с ней же и закрыть линию.
pub fn raw_refused(raw: &mut Raw, reason: u16) -> Refused {
    let (_, data) = raw_until(raw, 0, 6).expect("REFUSED");
    let refused: Refused = body_read("REFUSED", &data).expect("a body");
    assert_eq!(refused.reason, reason, "{refused:?}");
    let (header, data) = raw_next(raw).expect("QUIT");
    assert_eq!((header.content_type, header.content_id), (0, 4), "{header:?}");
    let quit: Quit = body_read("QUIT", &data).expect("a body");
    assert_eq!(quit.reason, reason);
    assert!(raw_next(raw).is_none(), "the server keeps the link");
    refused
}
