//! One careful look at a server: TCP, TLS with the pinned CA, its HELLO. Nothing is said to it, so
//! whoever is logged in with the same identity stays there.
//! Один осторожный взгляд на сервер: TCP, TLS с закреплённым центром, его HELLO. Ему ничего не
//! говорится, поэтому тот, кто вошёл с той же личностью, остаётся на месте.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, ClientConfig, ClientConnection};

use super::framing::whole_packets;
use super::link::tls_fail;
use super::sockets::resolve;
use crate::base::bounds::{DOCTOR_STEP_MS, HEADER_BYTES};
use crate::base::clock::{day_utc, time_now};
use crate::base::fail::{Fail, FailKind, fail, fail_kind_of, io_try};
use crate::crypto::tls::{ALPN, server_name};
use crate::wire::control::{Hello, PROTOCOL_VERSION, Quit, Refused, body_read};
use crate::wire::header::header_read;
use crate::wire::packets::{Kind, packet_find};

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 2;
/// Bytes that the first packet may have.
const FIRST_MAX: usize = 4_096;

/// What was seen.
#[derive(Debug)]
pub struct Probed {
    pub address: SocketAddr,
    pub hello: Hello,
    /// From the last word of the handshake to HELLO: one way there and back.
    pub round: Duration,
    /// Own wall clock at HELLO, milliseconds since 1970 UTC.
    pub wall_ms: u64,
    /// Name of the key exchange.
    pub exchange: String,
    /// The server's certificates, its own first.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Смотрит на сервер; на каждую ступень — не больше `DOCTOR_STEP_MS`. Ошибки: `Resolve`, `Connect`,
/// `ServerWrong` (другой центр), `CertificateBad` (срок: день), `Tls`, `HelloMissing`,
/// `HelloVersion`, или причина, которую назвал сервер.
pub fn server_probe(address: &str, config: &Arc<ClientConfig>) -> Result<Probed, Fail> {
    let mut last = fail(FailKind::Connect, address);
    for (index, one) in resolve(address)?.into_iter().enumerate() {
        if index >= ADDRESSES_MAX {
            break;
        }
        match TcpStream::connect_timeout(&one, Duration::from_millis(DOCTOR_STEP_MS)) {
            Ok(socket) => return secure(one, socket, config),
            Err(error) => last = fail(FailKind::Connect, &format!("{one}: {error}")),
        }
    }
    Err(last)
}

/// Рукопожатие и первый пакет.
fn secure(
    address: SocketAddr,
    mut socket: TcpStream,
    config: &Arc<ClientConfig>,
) -> Result<Probed, Fail> {
    let until = Instant::now() + Duration::from_millis(DOCTOR_STEP_MS);
    let _ = socket.set_nodelay(true);
    let limit = Some(Duration::from_millis(DOCTOR_STEP_MS));
    io_try(FailKind::Connect, "socket", socket.set_write_timeout(limit))?;
    let mut tls = match ClientConnection::new(config.clone(), server_name()?) {
        Ok(tls) => tls,
        Err(error) => return Err(fail(FailKind::Tls, &error.to_string())),
    };
    while tls.is_handshaking() {
        turn(&mut tls, &mut socket, until)?;
    }
    write_all(&mut tls, &mut socket)?;
    let asked = Instant::now();
    if tls.alpn_protocol() != Some(ALPN) {
        return Err(fail(FailKind::Tls, "ALPN"));
    }
    let mut bytes = Vec::new();
    while whole_packets(&bytes).0 == 0 && bytes.len() < FIRST_MAX {
        turn(&mut tls, &mut socket, until)?;
        let mut piece = [0u8; FIRST_MAX];
        match tls.reader().read(&mut piece) {
            Ok(length) => bytes.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(fail(FailKind::Tls, &error.to_string())),
        }
    }
    let (round, wall_ms) = (asked.elapsed(), time_now().wall_ms);
    let hello = hello_take(&bytes)?;
    let exchange = match tls.negotiated_key_exchange_group() {
        Some(group) => format!("{:?}", group.name()),
        None => String::new(),
    };
    let mut chain = Vec::new();
    for certificate in tls.peer_certificates().unwrap_or_default() {
        chain.push(certificate.clone().into_owned());
    }
    tls.send_close_notify();
    let _ = write_all(&mut tls, &mut socket);
    Ok(Probed { address, hello, round, wall_ms, exchange, chain })
}

/// Отдаёт всё, что хочет сказать TLS.
fn write_all(tls: &mut ClientConnection, socket: &mut TcpStream) -> Result<(), Fail> {
    while tls.wants_write() {
        io_try(FailKind::SocketWrite, "tls", tls.write_tls(socket))?;
    }
    Ok(())
}

/// Один шаг: сказать, что просит TLS, и взять пришедшее, не дольше срока.
fn turn(tls: &mut ClientConnection, socket: &mut TcpStream, until: Instant) -> Result<(), Fail> {
    write_all(tls, socket)?;
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(fail(FailKind::HelloMissing, ""));
    }
    io_try(FailKind::Connect, "socket", socket.set_read_timeout(Some(left)))?;
    match tls.read_tls(socket) {
        Ok(0) => return Err(fail(FailKind::LinkClosed, "")),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            return Err(fail(FailKind::HelloMissing, ""));
        }
        Err(error) => return Err(fail(FailKind::SocketRead, &error.to_string())),
    }
    match tls.process_new_packets() {
        Ok(_) => Ok(()),
        Err(error) => Err(date_fail(&error)),
    }
}

/// Ошибка TLS; не тот срок сертификата отличается от не того сертификата.
fn date_fail(error: &rustls::Error) -> Fail {
    let rustls::Error::InvalidCertificate(reason) = error else {
        return tls_fail(error);
    };
    let day = if let CertificateError::ExpiredContext { not_after, .. } = reason {
        not_after.as_secs()
    } else if let CertificateError::NotValidYetContext { not_before, .. } = reason {
        not_before.as_secs()
    } else {
        return tls_fail(error);
    };
    fail(FailKind::CertificateBad, &day_utc(day.saturating_mul(1_000)))
}

/// HELLO из первого пакета или причина, по которой его нет.
fn hello_take(bytes: &[u8]) -> Result<Hello, Fail> {
    let (end, failed) = whole_packets(bytes);
    let Some(header) = header_read(bytes) else {
        return Err(fail(FailKind::HelloMissing, ""));
    };
    if end == 0 {
        return Err(failed.unwrap_or(fail(FailKind::HelloMissing, "")));
    }
    let data = &bytes[HEADER_BYTES..HEADER_BYTES + header.size as usize];
    let kind = packet_find(&header)?.kind;
    if kind == Kind::Hello {
        let hello: Hello = body_read("HELLO", data)?;
        if hello.version != PROTOCOL_VERSION {
            return Err(fail(FailKind::HelloVersion, &hello.version.to_string()));
        }
        return Ok(hello);
    }
    if kind == Kind::Quit {
        let quit: Quit = body_read("QUIT", data)?;
        return Err(fail(fail_kind_of(quit.reason), ""));
    }
    if kind == Kind::Refused {
        let refused: Refused = body_read("REFUSED", data)?;
        return Err(fail(fail_kind_of(refused.reason), ""));
    }
    Err(fail(FailKind::HelloMissing, ""))
}
