//! A TLS link in two halves. The listener owns the reading half, the sender the writing half; the
//! rustls connection between them is locked for memory work only, never around socket I/O, and
//! ciphertext leaves in the order it was made because one worker alone makes and writes it.
//! Линия TLS из двух половин. Читающей владеет listener, пишущей — sender; соединение rustls
//! между ними запирается только на работу с памятью, а не на ввод-вывод, и шифртекст уходит в
//! том порядке, в каком сделан: делает и пишет его один поток.

use std::collections::VecDeque;
use std::io::{BufRead, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::{CertificateError, Connection};

use crate::base::bounds::STEP_BYTES;
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::crypto::identity::{PublicKey, key_of_certificate};
use crate::crypto::tls::ALPN;
use crate::logic::events::LinkId;
use crate::wire::packets::Lane;

/// How many bytes wait in each lane of a link; a counter shared by its putter and its taker.
#[derive(Debug, Default)]
pub struct Gauge {
    pub messages: AtomicUsize,
    pub files: AtomicUsize,
}

/// The reading half.
#[derive(Debug)]
pub struct ReadHalf {
    pub link: LinkId,
    pub socket: mio::net::TcpStream,
    pub tls: Arc<Mutex<Connection>>,
    /// The beginning of a packet whose end has not come yet.
    pub partial: Vec<u8>,
    pub secured: bool,
    /// Where the other end is, when the socket cannot tell.
    pub from: String,
}

/// The writing half.
#[derive(Debug)]
pub struct WriteHalf {
    pub link: LinkId,
    pub socket: mio::net::TcpStream,
    pub tls: Arc<Mutex<Connection>>,
    pub gauge: Arc<Gauge>,
    /// Plain bytes that wait: whole packets.
    pub messages: VecDeque<Vec<u8>>,
    pub files: VecDeque<Vec<u8>>,
    /// Ciphertext that the kernel has not taken yet.
    pub cipher: Vec<u8>,
    pub cipher_at: usize,
}

/// What one look at a readable link found.
#[derive(Debug, Default)]
pub struct ReadFound {
    /// The kernel may have more.
    pub more: bool,
    /// TLS wants to say something (handshake, key update).
    pub wants_write: bool,
    /// The handshake has just ended.
    pub secured: bool,
}

/// Делит соединение на половины. Сокет раздваивается, чтобы у каждого потока был свой опрос.
pub fn link_split(
    link: LinkId,
    socket: TcpStream,
    mut tls: Connection,
) -> Result<(ReadHalf, WriteHalf), Fail> {
    tls.set_buffer_limit(None);
    let second = io_try(FailKind::Connect, "socket", socket.try_clone())?;
    let tls = Arc::new(Mutex::new(tls));
    let read = ReadHalf {
        link,
        socket: mio::net::TcpStream::from_std(socket),
        tls: tls.clone(),
        partial: Vec::new(),
        secured: false,
        from: String::new(),
    };
    let write = WriteHalf {
        link,
        socket: mio::net::TcpStream::from_std(second),
        tls,
        gauge: Arc::new(Gauge::default()),
        messages: VecDeque::new(),
        files: VecDeque::new(),
        cipher: Vec::new(),
        cipher_at: 0,
    };
    Ok((read, write))
}

/// Запирает соединение TLS. Отравленный замок — чужая паника, процесс уже кончается.
fn tls_lock(tls: &Mutex<Connection>) -> Result<MutexGuard<'_, Connection>, Fail> {
    match tls.lock() {
        Ok(guard) => Ok(guard),
        Err(_) => Err(fail(FailKind::Internal, "tls")),
    }
}

/// Счётчик полосы.
pub fn gauge_lane(gauge: &Gauge, lane: Lane) -> &AtomicUsize {
    match lane {
        Lane::Messages => &gauge.messages,
        Lane::Files => &gauge.files,
    }
}

/// Одно чтение сокета: шифртекст в `cipher`, открытый текст дописывается в `plain`.
/// Ошибки: `LinkClosed` (тот конец закрыл), `SocketRead`, `Tls`, `ServerWrong`.
pub fn link_read(
    half: &mut ReadHalf,
    cipher: &mut [u8],
    plain: &mut Vec<u8>,
) -> Result<ReadFound, Fail> {
    let mut found = ReadFound::default();
    let taken = match half.socket.read(cipher) {
        Ok(0) => return Err(fail(FailKind::LinkClosed, "")),
        Ok(taken) => taken,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(found),
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            found.more = true;
            return Ok(found);
        }
        Err(error) => return Err(fail(FailKind::SocketRead, &error.to_string())),
    };
    // Короткое чтение опустошило сокет; о закрытии скажет само событие (Unix). В Windows
    // опрос требует читать до отказа.
    found.more = !cfg!(unix) || taken == cipher.len();
    let mut tls = tls_lock(&half.tls)?;
    let mut rest = &cipher[..taken];
    while !rest.is_empty() {
        let fed = io_try(FailKind::Tls, "tls", tls.read_tls(&mut rest))?;
        if let Err(error) = tls.process_new_packets() {
            return Err(tls_fail(&error));
        }
        plain_take(&mut tls, plain)?;
        if fed == 0 {
            // После close_notify rustls не берёт больше ничего: тот конец попрощался.
            return Err(fail(FailKind::LinkClosed, ""));
        }
    }
    found.wants_write = tls.wants_write();
    if !half.secured && !tls.is_handshaking() {
        half.secured = true;
        found.secured = true;
    }
    Ok(found)
}

/// Забирает расшифрованное из соединения.
fn plain_take(tls: &mut Connection, plain: &mut Vec<u8>) -> Result<(), Fail> {
    let mut reader = tls.reader();
    loop {
        let length = match reader.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(bytes) => {
                plain.extend_from_slice(bytes);
                bytes.len()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(fail(FailKind::Tls, &error.to_string())),
        };
        reader.consume(length);
    }
}

/// Ошибка TLS с причиной, понятной человеку: чужой сервер, отказ от нашего ключа, прочее.
pub fn tls_fail(error: &rustls::Error) -> Fail {
    let kind = match error {
        rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure) => {
            FailKind::PersonWrong
        }
        rustls::Error::InvalidCertificate(_) => FailKind::ServerWrong,
        rustls::Error::NoCertificatesPresented => FailKind::CertificateBad,
        rustls::Error::AlertReceived(_) | rustls::Error::InvalidMessage(_) | _ => FailKind::Tls,
    };
    fail(kind, &error.to_string())
}

/// Чей ключ доказал тот конец. Ошибка, если не наш протокол (ALPN) или нет сертификата.
pub fn link_key(half: &ReadHalf) -> Result<PublicKey, Fail> {
    let tls = tls_lock(&half.tls)?;
    link_protocol(&tls)?;
    match tls.peer_certificates() {
        Some([first, ..]) => key_of_certificate(first),
        Some([]) | None => Err(fail(FailKind::CertificateBad, "")),
    }
}

/// Тот ли протокол согласован.
fn link_protocol(tls: &Connection) -> Result<(), Fail> {
    if tls.alpn_protocol() == Some(ALPN) {
        return Ok(());
    }
    Err(fail(FailKind::Tls, "ALPN"))
}

/// Проверяет протокол линии, по которой позвонили мы.
pub fn link_check(half: &ReadHalf) -> Result<(), Fail> {
    let tls = tls_lock(&half.tls)?;
    link_protocol(&tls)
}

/// Очередь полосы.
fn lane_queue(half: &mut WriteHalf, lane: Lane) -> &mut VecDeque<Vec<u8>> {
    match lane {
        Lane::Messages => &mut half.messages,
        Lane::Files => &mut half.files,
    }
}

/// Ставит байты в полосу: к последнему куску, если помещаются.
pub fn lane_put(half: &mut WriteHalf, lane: Lane, bytes: &[u8]) {
    let queue = lane_queue(half, lane);
    if let Some(last) = queue.back_mut() {
        if last.len() + bytes.len() <= STEP_BYTES {
            last.extend_from_slice(bytes);
            return;
        }
    }
    queue.push_back(bytes.to_vec());
}

/// Ставит в полосу целый буфер, не копируя.
pub fn lane_put_whole(half: &mut WriteHalf, lane: Lane, bytes: Vec<u8>) {
    lane_queue(half, lane).push_back(bytes);
}

/// Пишет, пока ядро берёт: остаток шифртекста, затем сообщения, затем файлы. `scratch` —
/// общий буфер шифртекста, `spare` получает опустевшие буферы. Возвращает `true`, когда
/// написано всё, `false` — когда ядро полно.
pub fn link_write(
    half: &mut WriteHalf,
    scratch: &mut Vec<u8>,
    spare: &mut Vec<Vec<u8>>,
) -> Result<bool, Fail> {
    loop {
        if half.cipher_at < half.cipher.len() {
            let from = half.cipher_at;
            let written = socket_write(&mut half.socket, &half.cipher[from..])?;
            half.cipher_at += written;
            if half.cipher_at < half.cipher.len() {
                return Ok(false);
            }
            half.cipher = Vec::new();
            half.cipher_at = 0;
        }
        scratch.clear();
        next_encrypt(half, scratch, spare)?;
        if scratch.is_empty() {
            return Ok(true);
        }
        let written = socket_write(&mut half.socket, scratch)?;
        if written < scratch.len() {
            half.cipher.extend_from_slice(&scratch[written..]);
        }
    }
}

/// Шифрует следующий кусок: сначала сообщения. Во время рукопожатия — только слова TLS.
fn next_encrypt(
    half: &mut WriteHalf,
    scratch: &mut Vec<u8>,
    spare: &mut Vec<Vec<u8>>,
) -> Result<(), Fail> {
    let mut tls = tls_lock(&half.tls)?;
    if !tls.is_handshaking() {
        let (piece, lane) = match half.messages.pop_front() {
            Some(piece) => (Some(piece), Lane::Messages),
            None => (half.files.pop_front(), Lane::Files),
        };
        if let Some(piece) = piece {
            gauge_lane(&half.gauge, lane).fetch_sub(piece.len(), Ordering::Relaxed);
            io_try(FailKind::Tls, "tls", tls.writer().write_all(&piece))?;
            spare.push(piece);
        }
    }
    while tls.wants_write() {
        io_try(FailKind::Tls, "tls", tls.write_tls(scratch))?;
    }
    Ok(())
}

/// Отдаёт байты ядру, сколько возьмёт.
fn socket_write(socket: &mut mio::net::TcpStream, bytes: &[u8]) -> Result<usize, Fail> {
    let mut at = 0;
    while at < bytes.len() {
        match socket.write(&bytes[at..]) {
            Ok(0) => return Err(fail(FailKind::LinkClosed, "")),
            Ok(written) => at += written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(at),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(fail(FailKind::SocketWrite, &error.to_string())),
        }
    }
    Ok(at)
}

/// Последнее слово TLS (close_notify) перед закрытием.
pub fn link_farewell(half: &mut WriteHalf) {
    if let Ok(mut tls) = tls_lock(&half.tls) {
        tls.send_close_notify();
    }
}

/// Закрывает сокет в обе стороны.
pub fn link_shut(half: &WriteHalf) {
    let _ = half.socket.shutdown(std::net::Shutdown::Both);
}
