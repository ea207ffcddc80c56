//! The UDP socket of holes: one for both families where the system can, with batches of datagrams
//! in one call (quinn-udp); and a pair of connected sockets inside the machine.
//! Сокет UDP для дыр: один на обе семьи, где система умеет, и посылки пачками за один вызов
//! (quinn-udp); и пара соединённых сокетов внутри машины.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use quinn_udp::{UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use super::sockets::options_set;
use crate::base::bounds::UDP_BUFFER_BYTES;
use crate::base::fail::{Fail, FailKind, fail, io_try};

/// Strangers who may slip in between while the pair is made.
const PAIR_TRIES: usize = 16;

/// An open UDP socket.
pub struct Udp {
    pub socket: mio::net::UdpSocket,
    pub state: UdpSocketState,
    /// Both families over one socket: IPv4 addresses are written as IPv6.
    pub both: bool,
    /// Where it is bound.
    pub place: SocketAddr,
}

/// Открывает сокет там же, где дверь: на её адресе или на всех; с тем же портом, а занят — с любым.
/// Ошибка `Listen`.
pub fn udp_open(door: SocketAddr) -> Result<Udp, Fail> {
    let mut last = fail(FailKind::Listen, "UDP");
    for port in [door.port(), 0] {
        for ip in [door.ip(), IpAddr::V6(Ipv6Addr::UNSPECIFIED), Ipv4Addr::UNSPECIFIED.into()] {
            if ip != door.ip() && !door.ip().is_unspecified() {
                continue;
            }
            match udp_bind(SocketAddr::new(ip, port)) {
                Ok(udp) => return Ok(udp),
                Err(failed) => last = failed,
            }
        }
    }
    Err(last)
}

/// Открывает сокет на этом адресе. Ошибка `Listen`.
pub fn udp_bind(address: SocketAddr) -> Result<Udp, Fail> {
    let kind = FailKind::Listen;
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = io_try(kind, "UDP", Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)))?;
    let both = address.is_ipv6() && address.ip().is_unspecified();
    if both {
        io_try(kind, "UDP", socket.set_only_v6(false))?;
    }
    io_try(kind, "UDP", socket.bind(&address.into()))?;
    io_try(kind, "UDP", socket.set_nonblocking(true))?;
    let socket = mio::net::UdpSocket::from_std(UdpSocket::from(socket));
    let state = io_try(kind, "UDP", UdpSocketState::new(UdpSockRef::from(&socket)))?;
    // Сколько даст система: на меньшем тоже можно работать.
    let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), UDP_BUFFER_BYTES);
    let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), UDP_BUFFER_BYTES);
    let place = io_try(kind, "UDP", socket.local_addr())?;
    Ok(Udp { socket, state, both, place })
}

/// Адрес, как его понимает этот сокет; `None` — до него отсюда не послать.
pub fn udp_goal(udp: &Udp, address: SocketAddr) -> Option<SocketAddr> {
    match (address.ip(), udp.both) {
        (IpAddr::V4(plain), true) => {
            Some(SocketAddr::new(IpAddr::V6(plain.to_ipv6_mapped()), address.port()))
        }
        (IpAddr::V6(_), false) => None,
        _ => Some(address),
    }
}

/// Адрес без обёртки IPv6.
pub fn address_plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Два конца одной линии внутри машины. Чужой, успевший постучать в открытую на миг дверь, узнаётся
/// по порту. Ошибка `Connect`.
pub fn pair_make() -> Result<(TcpStream, TcpStream), Fail> {
    let kind = FailKind::Connect;
    let door = io_try(kind, "pair", TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let near = io_try(kind, "pair", TcpStream::connect(io_try(kind, "pair", door.local_addr())?))?;
    let own = io_try(kind, "pair", near.local_addr())?;
    for _ in 0..PAIR_TRIES {
        let (far, from) = io_try(kind, "pair", door.accept())?;
        if from == own {
            options_set(&near)?;
            options_set(&far)?;
            return Ok((near, far));
        }
    }
    Err(fail(kind, "pair"))
}

/// Сокет пуст: снова ждать события. В Windows mio узнаёт об этом лишь от своих вызовов.
/// `true` — за это время что-то пришло.
#[cfg(windows)]
pub fn udp_await(udp: &Udp) -> bool {
    udp.socket.peek_from(&mut [0u8; 1]).is_ok()
}

/// Сокет пуст: о следующей посылке система скажет сама.
#[cfg(not(windows))]
pub fn udp_await(_udp: &Udp) -> bool {
    false
}

/// Посылает и забывает: стук и вопросы повторяются.
pub fn udp_send(udp: &Udp, goal: SocketAddr, bytes: &[u8]) {
    let _ = udp.socket.send_to(bytes, goal);
}
