//! A link through a punched hole: one QUIC connection with one stream, which carries the bytes of a
//! pipe inside the machine to the pipe at the other end. TLS and packets go through it as through
//! TCP; QUIC is only the cable.
//! Линия через пробитую дыру: соединение QUIC с одним потоком, он носит байты трубы внутри машины
//! в трубу на том конце. TLS и пакеты идут по ней, как по TCP; QUIC здесь лишь кабель.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{
    Connection, ConnectionHandle, Dir, Endpoint, Event, ReadError, StreamEvent, StreamId,
    TransportConfig, VarInt, WriteError,
};
use rustls::{ClientConfig, ServerConfig};

use crate::base::bounds::{HOLE_ALIVE_MS, HOLE_IDLE_MS, HOLE_STEP_BYTES, HOLE_WINDOW_BYTES};
use crate::base::fail::{Fail, FailKind, fail};
use crate::logic::events::LinkId;

/// Steps of one hole in a turn; the others have theirs.
const STEPS: usize = 16;
/// Bytes that may wait beside the congestion window, so that it never runs dry.
const SPARE: u64 = 128 * 1024;

/// One QUIC connection and its pipe.
pub struct Hole {
    pub handle: ConnectionHandle,
    pub conn: Connection,
    /// The link at this end; 0: the other end called, it has no number yet.
    pub link: LinkId,
    /// TLS of the caller's end of the pipe.
    pub tls: Option<Arc<ClientConfig>>,
    pub address: SocketAddr,
    pub since: Instant,
    pub stream: Option<StreamId>,
    pub pipe: Option<mio::net::TcpStream>,
    /// From the pipe, not taken by QUIC yet.
    up: Vec<u8>,
    up_at: usize,
    up_over: bool,
    /// From QUIC, not taken by the pipe yet.
    down: Bytes,
    down_over: bool,
    /// Why the connection is gone.
    pub lost: Option<String>,
}

/// Свойства соединения: один поток, тишина не дольше предела, дыра не зарастает.
fn transport() -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config.max_concurrent_bidi_streams(VarInt::from_u32(1));
    config.max_concurrent_uni_streams(VarInt::from_u32(0));
    config.max_idle_timeout(Some(VarInt::from_u32(HOLE_IDLE_MS).into()));
    config.keep_alive_interval(Some(Duration::from_millis(HOLE_ALIVE_MS)));
    config.stream_receive_window(VarInt::from_u32(HOLE_WINDOW_BYTES));
    config.receive_window(VarInt::from_u32(HOLE_WINDOW_BYTES));
    config.datagram_receive_buffer_size(None);
    Arc::new(config)
}

/// Настройки звонящего: те же личности, что у TCP. Ошибка `Tls`.
pub fn hole_caller(tls: Arc<ClientConfig>) -> Result<quinn_proto::ClientConfig, Fail> {
    match QuicClientConfig::try_from(tls) {
        Ok(crypto) => {
            let mut config = quinn_proto::ClientConfig::new(Arc::new(crypto));
            config.transport_config(transport());
            Ok(config)
        }
        Err(error) => Err(fail(FailKind::Tls, &error.to_string())),
    }
}

/// Настройки того, кому звонят. Ошибка `Tls`.
pub fn hole_answerer(tls: Arc<ServerConfig>) -> Result<quinn_proto::ServerConfig, Fail> {
    match QuicServerConfig::try_from(tls) {
        Ok(crypto) => {
            let mut config = quinn_proto::ServerConfig::with_crypto(Arc::new(crypto));
            config.transport_config(transport());
            config.migration(false);
            Ok(config)
        }
        Err(error) => Err(fail(FailKind::Tls, &error.to_string())),
    }
}

/// Новая дыра; трубы у неё ещё нет.
pub fn hole_new(
    (handle, conn): (ConnectionHandle, Connection),
    link: LinkId,
    tls: Option<Arc<ClientConfig>>,
    address: SocketAddr,
) -> Hole {
    Hole {
        handle,
        conn,
        link,
        tls,
        address,
        since: Instant::now(),
        stream: None,
        pipe: None,
        up: Vec::new(),
        up_at: 0,
        up_over: false,
        down: Bytes::new(),
        down_over: false,
        lost: None,
    }
}

/// События соединения: время, речь с общей частью QUIC, начало и конец потока.
pub fn hole_drive(endpoint: &mut Endpoint, hole: &mut Hole, now: Instant) {
    if let Some(at) = hole.conn.poll_timeout() {
        if at <= now {
            hole.conn.handle_timeout(now);
        }
    }
    while let Some(event) = hole.conn.poll_endpoint_events() {
        if let Some(back) = endpoint.handle_event(hole.handle, event) {
            hole.conn.handle_event(back);
        }
    }
    while let Some(event) = hole.conn.poll() {
        match event {
            Event::Connected if hole.link != 0 => hole.stream = hole.conn.streams().open(Dir::Bi),
            Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) if hole.stream.is_none() => {
                hole.stream = hole.conn.streams().accept(Dir::Bi);
            }
            // Последнее наше слово дошло: можно кончать.
            Event::Stream(StreamEvent::Finished { .. }) => hole_close(hole, now),
            Event::ConnectionLost { reason } => hole.lost = Some(reason.to_string()),
            Event::Connected
            | Event::Stream(_)
            | Event::HandshakeDataReady
            | Event::DatagramReceived
            | Event::DatagramsUnblocked => {}
        }
    }
}

/// Кончает соединение.
pub fn hole_close(hole: &mut Hole, now: Instant) {
    hole.conn.close(now, VarInt::from_u32(0), Bytes::new());
    if hole.lost.is_none() {
        hole.lost = Some(String::new());
    }
    if let Some(pipe) = &hole.pipe {
        let _ = pipe.shutdown(Shutdown::Both);
    }
}

/// Носит байты в обе стороны, сколько берут. `true` — осталось, зайти снова без ожидания.
pub fn hole_pump(hole: &mut Hole, now: Instant, scratch: &mut Vec<u8>) -> bool {
    if hole.lost.is_some() || hole.pipe.is_none() {
        return false;
    }
    // Больше этого QUIC не копит: иначе сообщения ждали бы за файлом.
    let window = hole.conn.congestion_state().window() * 2 + SPARE;
    hole.conn.set_send_window(window);
    let (up, down) = (up_pump(hole, now, scratch), down_pump(hole, now));
    up || down
}

/// Из трубы в поток.
fn up_pump(hole: &mut Hole, now: Instant, scratch: &mut Vec<u8>) -> bool {
    let (Some(stream), Some(pipe)) = (hole.stream, &mut hole.pipe) else {
        return false;
    };
    scratch.resize(HOLE_STEP_BYTES, 0);
    for _ in 0..STEPS {
        if hole.up_at == hole.up.len() {
            if hole.up_over {
                return false;
            }
            match pipe.read(scratch) {
                Ok(0) => {
                    hole.up_over = true;
                    let _ = hole.conn.send_stream(stream).finish();
                    return false;
                }
                Ok(taken) => {
                    hole.up.clear();
                    hole.up.extend_from_slice(&scratch[..taken]);
                    hole.up_at = 0;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => {
                    hole_close(hole, now);
                    return false;
                }
            }
        }
        match hole.conn.send_stream(stream).write(&hole.up[hole.up_at..]) {
            Ok(written) => hole.up_at += written,
            Err(WriteError::Blocked) => return false,
            Err(WriteError::Stopped(_) | WriteError::ClosedStream) => {
                hole_close(hole, now);
                return false;
            }
        }
    }
    true
}

/// Из потока в трубу.
fn down_pump(hole: &mut Hole, now: Instant) -> bool {
    let (Some(stream), Some(pipe)) = (hole.stream, &mut hole.pipe) else {
        return false;
    };
    for _ in 0..STEPS {
        while !hole.down.is_empty() {
            match pipe.write(&hole.down) {
                Ok(written) => {
                    let _ = hole.down.split_to(written);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    hole_close(hole, now);
                    return false;
                }
            }
        }
        if hole.down_over {
            return false;
        }
        let mut receive = hole.conn.recv_stream(stream);
        let Ok(mut chunks) = receive.read(true) else {
            return false;
        };
        let found = chunks.next(HOLE_STEP_BYTES);
        let _ = chunks.finalize();
        match found {
            Ok(Some(chunk)) => hole.down = chunk.bytes,
            Ok(None) => {
                // Тот конец сказал всё; труба закрывается, и свой конец потока — вслед за ней.
                hole.down_over = true;
                let _ = pipe.shutdown(Shutdown::Write);
            }
            Err(ReadError::Blocked) => return false,
            Err(ReadError::Reset(_)) => {
                hole_close(hole, now);
                return false;
            }
        }
    }
    true
}
