//! The reference for `file`: a bare rustls pipe, disk to disk over loopback, with the program's own
//! TLS settings. Two processes as in reality, 64 KiB steps, one sync at the end.
//! Эталон для `file`: голая труба rustls с диска на диск через loopback, с настройками TLS самой
//! программы. Два процесса, как в жизни, шаги по 64 КиБ, один sync в конце.

use std::fs::File;
use std::io::{BufRead, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, Connection, ServerConnection};
use supertext::base::fail::{Fail, FailKind, fail, io_try};
use supertext::crypto::certificates::{chain_fingerprint, server_certificates_make};
use supertext::crypto::identity::{identity_make, identity_read};
use supertext::crypto::tls::{Trust, client_config, server_config, server_name};
use supertext::net::address::join_parse;

use super::GiveArgs;
use super::children::{Children, child_start, children_end, program};

/// One step of reading or writing.
const STEP: usize = 65_536;

/// What the pipe took.
#[derive(Clone, Copy, Debug)]
pub struct PipeTook {
    /// From the end of the handshake to the last byte written.
    pub seconds: f64,
    /// The same with the final sync.
    pub synced: f64,
}

/// Гонит файл через голую трубу в `to` и меряет.
pub fn pipe_measure(file: &Path, to: &Path, patience: u64) -> Result<PipeTook, Fail> {
    let mut children = Children::default();
    let done = pipe_run(&mut children, file, to, patience);
    children_end(&mut children);
    done
}

/// Принимающая сторона: слушает, запускает дающую, пишет на диск.
fn pipe_run(
    children: &mut Children,
    file: &Path,
    to: &Path,
    patience: u64,
) -> Result<PipeTook, Fail> {
    let pems = server_certificates_make()?;
    let config = server_config(&pems.server_chain, &pems.server_key, "", false)?;
    let fingerprint = chain_fingerprint(&pems.server_chain)?;
    let door = io_try(FailKind::Listen, "loopback", TcpListener::bind("127.0.0.1:0"))?;
    let local = io_try(FailKind::Listen, "loopback", door.local_addr())?;
    let mut command = Command::new(program("supertext-bench")?);
    command.arg("give").arg("--to").arg(format!("{local}#{fingerprint}"));
    children.list.push(child_start(command.arg("--file").arg(file))?);
    let mut socket = door_wait(&door)?;
    let wait = Some(Duration::from_secs(patience));
    io_try(FailKind::Connect, "loopback", socket.set_read_timeout(wait))?;
    let mut tls = match ServerConnection::new(config) {
        Ok(tls) => Connection::Server(tls),
        Err(error) => return Err(fail(FailKind::Tls, &error.to_string())),
    };
    handshake(&mut tls, &mut socket)?;
    let what = to.display().to_string();
    let mut target = io_try(FailKind::FileWrite, &what, File::create(to))?;
    let start = Instant::now();
    pipe_take(&mut tls, &mut socket, &mut target)?;
    let seconds = start.elapsed().as_secs_f64();
    io_try(FailKind::FileWrite, &what, target.sync_all())?;
    Ok(PipeTook { seconds, synced: start.elapsed().as_secs_f64() })
}

/// Ждёт дающего, не дольше десяти секунд.
fn door_wait(door: &TcpListener) -> Result<TcpStream, Fail> {
    io_try(FailKind::Listen, "loopback", door.set_nonblocking(true))?;
    let late = Instant::now() + Duration::from_secs(10);
    while Instant::now() < late {
        match door.accept() {
            Ok((socket, _from)) => {
                io_try(FailKind::Connect, "loopback", socket.set_nonblocking(false))?;
                return Ok(socket);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(fail(FailKind::Connect, &error.to_string())),
        }
    }
    Err(fail(FailKind::Connect, "the giving end did not call"))
}

/// Рукопожатие до конца.
fn handshake(tls: &mut Connection, socket: &mut TcpStream) -> Result<(), Fail> {
    while tls.is_handshaking() {
        io_try(FailKind::Tls, "handshake", tls.complete_io(socket))?;
    }
    Ok(())
}

/// Читает до close_notify и пишет в файл.
fn pipe_take(tls: &mut Connection, socket: &mut TcpStream, target: &mut File) -> Result<(), Fail> {
    let mut cipher = vec![0u8; STEP];
    loop {
        let taken = io_try(FailKind::SocketRead, "pipe", socket.read(&mut cipher))?;
        if taken == 0 {
            return Err(fail(FailKind::LinkClosed, "pipe"));
        }
        let mut rest = &cipher[..taken];
        while !rest.is_empty() {
            io_try(FailKind::Tls, "pipe", tls.read_tls(&mut rest))?;
            let state = match tls.process_new_packets() {
                Ok(state) => state,
                Err(error) => return Err(fail(FailKind::Tls, &error.to_string())),
            };
            plain_write(tls, state.plaintext_bytes_to_read(), target)?;
            if state.peer_has_closed() {
                return Ok(());
            }
        }
    }
}

/// Пишет расшифрованное в файл.
fn plain_write(tls: &mut Connection, length: usize, target: &mut File) -> Result<(), Fail> {
    let mut rest = length;
    let mut reader = tls.reader();
    while rest > 0 {
        let bytes = io_try(FailKind::Tls, "pipe", reader.fill_buf())?;
        let count = bytes.len();
        if count == 0 {
            return Ok(());
        }
        io_try(FailKind::FileWrite, "pipe", target.write_all(bytes))?;
        reader.consume(count);
        rest = rest.saturating_sub(count);
    }
    Ok(())
}

/// Дающая сторона: отдельный процесс.
pub fn give_run(args: &GiveArgs) -> Result<(), Fail> {
    let join = join_parse(&args.to)?;
    let Some(pin) = join.pin else {
        return Err(fail(FailKind::ServerUnknown, &args.to));
    };
    let (key, certificate) = identity_make()?;
    let identity = identity_read(&key, &certificate, "")?;
    let config = client_config(&identity, Trust { pin, ca: None }, false)?;
    let mut tls = match ClientConnection::new(config, server_name()?) {
        Ok(tls) => Connection::Client(tls),
        Err(error) => return Err(fail(FailKind::Tls, &error.to_string())),
    };
    let what = args.file.display().to_string();
    let mut source = io_try(FailKind::FileRead, &what, File::open(&args.file))?;
    let mut socket = io_try(FailKind::Connect, &args.to, TcpStream::connect(&join.address))?;
    io_try(FailKind::Connect, &args.to, socket.set_nodelay(true))?;
    handshake(&mut tls, &mut socket)?;
    let mut step = vec![0u8; STEP];
    let mut cipher: Vec<u8> = Vec::with_capacity(STEP * 2);
    loop {
        let read = io_try(FailKind::FileRead, &what, source.read(&mut step))?;
        if read == 0 {
            tls.send_close_notify();
        } else {
            io_try(FailKind::Tls, "pipe", tls.writer().write_all(&step[..read]))?;
        }
        while tls.wants_write() {
            io_try(FailKind::Tls, "pipe", tls.write_tls(&mut cipher))?;
        }
        io_try(FailKind::SocketWrite, "pipe", socket.write_all(&cipher))?;
        cipher.clear();
        if read == 0 {
            return Ok(());
        }
    }
}
