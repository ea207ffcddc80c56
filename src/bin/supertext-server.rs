//! The server program: args → home → certificates → workers. It links no window library.
//! Программа-сервер: слова → домашняя папка → сертификаты → потоки. Оконных библиотек в ней нет.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use supertext::base::bounds::STUN_PORTS;
use supertext::base::fail::{Fail, FailKind, io_try};
use supertext::base::log::log_start;
use supertext::crypto::tls::server_config;
use supertext::faces::args::{ServerArgs, start_failed};
use supertext::faces::console::park;
use supertext::faces::echo::server_face;
use supertext::logic::mailbox::{Mailbox, Quota};
use supertext::net::sockets::listen;
use supertext::net::udp::udp_bind;
use supertext::store::home::{
    home_default, home_lock, home_open, server_certificates_open, server_key_password,
};
use supertext::store::licence::licence_read;
use supertext::store::mail::{mail_open, mail_sums};
use supertext::store::registered::registered_read;
use supertext::workers::map::{FACE, QUEUES};
use supertext::workers::roles::{Event, ServerStart};
use supertext::workers::start::{signals_start, workers_start};

/// Начало: ошибка запуска — одна строка и код.
fn main() -> ExitCode {
    let args = ServerArgs::parse();
    let lang = args.lang.clone();
    match server_main(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => ExitCode::from(start_failed(&failed, &lang)),
    }
}

/// Готовит всё, говорит READY и JOIN и работает, пока не попросят уйти.
fn server_main(args: ServerArgs) -> Result<(), Fail> {
    let root = match &args.home {
        Some(path) => path.clone(),
        None => home_default("supertext-server")?,
    };
    let home = home_open(&root)?;
    let _lock = home_lock(&home)?;
    log_start(&home.log, &args.log)?;
    descriptors_raise();
    let licence = licence_read(&home.licence)?;
    let certificates = server_certificates_open(&home)?;
    let password = server_key_password();
    let tls =
        server_config(&certificates.chain_pem, &certificates.key_pem, &password, args.keylog)?;
    let registered = registered_read(&home.registered)?;
    let mail = mail_open(&home.mail)?;
    let mut mailboxes = BTreeMap::new();
    for sum in mail_sums(&mail)? {
        let (count, bytes) = (sum.count, sum.bytes);
        mailboxes.insert(sum.dest, Mailbox { count, bytes, ..Mailbox::default() });
    }
    let socket = listen(&args.listen)?;
    let local = io_try(FailKind::Listen, &args.listen, socket.local_addr())?;
    let _ = FACE.set(server_face);
    let quota = Quota {
        count: args.mail_messages,
        bytes: args.mail_megabytes.saturating_mul(1 << 20),
        age_ms: args.mail_days.saturating_mul(24 * 60 * 60 * 1_000),
    };
    let stun = stun_open(local);
    let start =
        ServerStart { home, socket, tls, registered, mail, mailboxes, quota, licence, stun };
    let _ = QUEUES.events.put.send(Event::StartServer(Box::new(start)));
    workers_start()?;
    signals_start()?;
    let mut stdout = std::io::stdout().lock();
    let lines = format!("READY {local}\nJOIN {local}#{}\n", certificates.fingerprint);
    let _ = stdout.write_all(lines.as_bytes());
    let _ = stdout.flush();
    drop(stdout);
    park();
    Ok(())
}

/// Два сокета UDP, на которых отвечают, кто откуда виден: на порту сервера, если он свободен, и на
/// любом другом. Не открылись — двоих не познакомить, остальное работает.
fn stun_open(local: SocketAddr) -> Vec<mio::net::UdpSocket> {
    let mut open = Vec::new();
    for port in [local.port(), 0, 0] {
        if open.len() == STUN_PORTS {
            break;
        }
        match udp_bind(SocketAddr::new(local.ip(), port)) {
            Ok(udp) => open.push(udp.socket),
            Err(failed) => tracing::warn!("UDP: {}", failed.detail),
        }
    }
    open
}

/// Поднимает предел открытых сокетов до разрешённого системой: соединений тысячи.
#[cfg(unix)]
fn descriptors_raise() {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

/// В Windows такого предела нет.
#[cfg(not(unix))]
fn descriptors_raise() {}
