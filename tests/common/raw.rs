//! A peer without manners: speaks the protocol by hand over TLS, so that tests can send what no
//! honest client would.
//! Собеседник без манер: говорит по протоколу руками поверх TLS, чтобы испытания могли послать
//! то, чего честный клиент не пошлёт.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use rustls::{ClientConnection, StreamOwned};
use supertext::base::ids::{ID_SERVER, Id};
use supertext::crypto::tls::{Trust, client_config, server_name};
use supertext::net::address::join_parse;
use supertext::store::home::{home_open, identity_open};
use supertext::wire::control::{
    Hello, PROTOCOL_VERSION, Quit, Refused, Watch, body_read, packet_put,
};
use supertext::wire::header::{Header, header_bytes, header_read};
use supertext::wire::message::{Envelope, envelope_bytes, message_put};
use supertext::wire::packets::Kind;

use super::GUARD;

/// A raw link to the server.
pub struct Raw {
    pub id: Id,
    pub tls: StreamOwned<ClientConnection, TcpStream>,
    bytes: Vec<u8>,
}

/// Соединяется с сервером; личность делается в этой папке. HELLO не посылается.
pub fn raw_connect(join: &str, home: &Path) -> Raw {
    let home = home_open(home).expect("a home");
    let identity = identity_open(&home).expect("an identity");
    let line = join_parse(join).expect("a join line");
    let trust = Trust { pin: line.pin.expect("a pin"), ca: None };
    let config = client_config(&identity, trust, false).expect("a config");
    let tls = ClientConnection::new(config, server_name().expect("a name")).expect("TLS");
    let socket = TcpStream::connect(&line.address).expect("connects");
    socket.set_read_timeout(Some(GUARD)).expect("a bound");
    socket.set_write_timeout(Some(GUARD)).expect("a bound");
    Raw { id: identity.id, tls: StreamOwned::new(tls, socket), bytes: Vec::new() }
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
    let hello = Hello { version: PROTOCOL_VERSION, features: 0, clock: 1, program };
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

/// Посылает конверт человеку.
pub fn raw_envelope(raw: &mut Raw, to: Id, content_id: u32, envelope: &Envelope) {
    let whole = envelope_bytes(envelope).expect("an envelope");
    let mut bytes = Vec::new();
    message_put(&mut bytes, raw.id, to, content_id, &whole).expect("packets");
    raw_send(raw, &bytes);
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
