//! Sockets: listening, connecting with a bound on the wait, the options every link has.
//! Сокеты: слушать, соединяться с пределом ожидания, свойства каждой линии.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::base::bounds::{CARD_ADDRESSES, CONNECT_MS, NOTSENT_LOWAT};
use crate::base::fail::{Fail, FailKind, fail, io_try};

/// Длина очереди ещё не принятых соединений.
const BACKLOG: i32 = 1024;

/// Адреса по имени. Ошибка `Resolve`: имя не находится.
pub fn resolve(address: &str) -> Result<Vec<SocketAddr>, Fail> {
    let mut found = Vec::new();
    for one in io_try(FailKind::Resolve, address, address.to_socket_addrs())? {
        found.push(one);
    }
    if found.is_empty() {
        return Err(fail(FailKind::Resolve, address));
    }
    Ok(found)
}

/// Открывает слушающий сокет. Ошибка `Listen`: порт занят или адрес чужой.
pub fn listen(address: &str) -> Result<TcpListener, Fail> {
    let addresses = match resolve(address) {
        Ok(addresses) => addresses,
        Err(failed) => return Err(fail(FailKind::Listen, &failed.detail)),
    };
    let first = addresses[0];
    let domain = if first.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let made = Socket::new(domain, Type::STREAM, Some(Protocol::TCP));
    let socket = io_try(FailKind::Listen, address, made)?;
    #[cfg(unix)]
    io_try(FailKind::Listen, address, socket.set_reuse_address(true))?;
    if first.is_ipv6() && first.ip().is_unspecified() {
        // Одна дверь для обеих семей; где система так не умеет, откроется хотя бы IPv6.
        let _ = socket.set_only_v6(false);
    }
    io_try(FailKind::Listen, address, socket.bind(&first.into()))?;
    io_try(FailKind::Listen, address, socket.listen(BACKLOG))?;
    io_try(FailKind::Listen, address, socket.set_nonblocking(true))?;
    Ok(socket.into())
}

/// Открывает дверь клиента на всех адресах: сразу IPv6 и IPv4, где система это умеет. Занятый
/// порт заменяется любым свободным. Ошибка `Listen`.
pub fn listen_all(port: u16) -> Result<TcpListener, Fail> {
    let mut last = fail(FailKind::Listen, &port.to_string());
    for port in [port, 0] {
        for address in [format!("[::]:{port}"), format!("0.0.0.0:{port}")] {
            match listen(&address) {
                Ok(socket) => return Ok(socket),
                Err(failed) => last = failed,
            }
        }
    }
    Err(last)
}

/// Адрес, как его читает человек: IPv4 без обёртки IPv6.
pub fn address_shown(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V6(long) => match long.to_ipv4_mapped() {
            Some(plain) => format!("{plain}:{}", address.port()),
            None => address.to_string(),
        },
        IpAddr::V4(_) => address.to_string(),
    }
}

/// По каким адресам найдут эту дверь: все сетевые адреса машины, IPv4 раньше; без сети — loopback.
pub fn door_addresses(door: SocketAddr) -> Vec<String> {
    if !door.ip().is_unspecified() {
        return vec![address_shown(door)];
    }
    let mut found: Vec<SocketAddr> = Vec::new();
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        let ip = interface.ip();
        let near = match ip {
            IpAddr::V4(plain) => plain.is_link_local(),
            IpAddr::V6(long) => long.is_unicast_link_local() || door.is_ipv4(),
        };
        if !ip.is_loopback() && !near {
            found.push(SocketAddr::new(ip, door.port()));
        }
    }
    if found.is_empty() {
        let home = if door.is_ipv4() { "127.0.0.1" } else { "[::1]" };
        return vec![format!("{home}:{}", door.port())];
    }
    found.sort();
    let mut shown = Vec::new();
    for address in found {
        if shown.len() < CARD_ADDRESSES {
            shown.push(address.to_string());
        }
    }
    shown
}

/// Соединяется с первым из адресов, который ответит, и ждёт этого. Ошибка `Connect` — последний.
pub fn connect(address: &str) -> Result<TcpStream, Fail> {
    let mut last = fail(FailKind::Connect, address);
    for one in resolve(address)? {
        match TcpStream::connect_timeout(&one, Duration::from_millis(CONNECT_MS)) {
            Ok(socket) => {
                options_set(&socket)?;
                return Ok(socket);
            }
            Err(error) => last = fail(FailKind::Connect, &format!("{one}: {error}")),
        }
    }
    Err(last)
}

/// Свойства линии: без ожидания (nonblocking), без склейки (nodelay), малый неотправленный
/// остаток в ядре, чтобы сообщение обгоняло файл, и проверка живости.
pub fn options_set(socket: &TcpStream) -> Result<(), Fail> {
    let kind = FailKind::Connect;
    io_try(kind, "nonblocking", socket.set_nonblocking(true))?;
    io_try(kind, "nodelay", socket.set_nodelay(true))?;
    let reference = SockRef::from(socket);
    let alive = TcpKeepalive::new().with_time(Duration::from_secs(60));
    io_try(kind, "keepalive", reference.set_tcp_keepalive(&alive))?;
    lowat_set(&reference)
}

/// TCP_NOTSENT_LOWAT: не больше стольких неотправленных байт в ядре.
#[cfg(target_os = "linux")]
fn lowat_set(socket: &SockRef<'_>) -> Result<(), Fail> {
    io_try(FailKind::Connect, "notsent", socket.set_tcp_notsent_lowat(NOTSENT_LOWAT))
}

/// В других системах такого свойства нет: там малый буфер отправки.
#[cfg(not(target_os = "linux"))]
fn lowat_set(socket: &SockRef<'_>) -> Result<(), Fail> {
    let size = NOTSENT_LOWAT as usize * 4;
    io_try(FailKind::Connect, "sndbuf", socket.set_send_buffer_size(size))
}
