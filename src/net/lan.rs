//! Sockets of the local network: one ear per family at the common port, one mouth per interface.
//! Beacons go out as multicast and, over IPv4, as broadcast too: some networks drop the one, some
//! the other.
//! Сокеты местной сети: по уху на семью адресов на общем порту, по рту на каждый интерфейс. Маяки
//! уходят и многоадресно, и (в IPv4) всем сразу: одни сети не пропускают первое, другие второе.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use if_addrs::{IfAddr, Interface};
use mio::net::UdpSocket;
use socket2::{Domain, Protocol, Socket, Type};

use crate::base::bounds::INTERFACES_MAX;
use crate::base::fail::{Fail, FailKind, io_try};

/// Where beacons go, unless another port is named (docs/protocol.md, "Local network").
pub const LAN_PORT: u16 = 7788;
/// The group of IPv4, of the part that never leaves the organisation (RFC 2365).
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 77, 88);
/// The group of IPv6, on the link only.
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0x5354, 0x5854);

/// A socket and where it sends beacons to; an ear sends nowhere.
#[derive(Debug)]
pub struct LanSocket {
    pub socket: UdpSocket,
    pub goals: Vec<SocketAddr>,
}

/// Интерфейсы, на которых стоит искать: со своим адресом, не больше предела. Loopback — когда
/// других нет: на машине без сети программы находят друг друга и так.
pub fn interfaces_now() -> Vec<Interface> {
    let mut kept = Vec::new();
    let mut own = Vec::new();
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        if interface.is_loopback() {
            own.push(interface);
        } else if kept.len() < INTERFACES_MAX {
            kept.push(interface);
        }
    }
    if kept.is_empty() {
        own.truncate(INTERFACES_MAX);
        return own;
    }
    kept
}

/// Сокет UDP, которым может владеть не одна программа на этой машине.
fn socket_new(domain: Domain, place: SocketAddr) -> Result<Socket, Fail> {
    let kind = FailKind::Listen;
    let what = place.to_string();
    let socket = io_try(kind, &what, Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)))?;
    io_try(kind, &what, socket.set_nonblocking(true))?;
    if place.port() != 0 {
        io_try(kind, &what, socket.set_reuse_address(true))?;
        #[cfg(unix)]
        io_try(kind, &what, socket.set_reuse_port(true))?;
    }
    if domain == Domain::IPV6 {
        io_try(kind, &what, socket.set_only_v6(true))?;
    }
    io_try(kind, &what, socket.bind(&place.into()))?;
    Ok(socket)
}

/// Готовый сокет для опроса.
fn lan_socket(socket: Socket, goals: Vec<SocketAddr>) -> LanSocket {
    LanSocket { socket: UdpSocket::from_std(socket.into()), goals }
}

/// Уши: по одному на семью; в группу вступают на каждом интерфейсе, где это удаётся.
pub fn ears_open(interfaces: &[Interface], port: u16) -> Vec<LanSocket> {
    let mut ears = Vec::new();
    let all = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    match socket_new(Domain::IPV4, all) {
        Ok(socket) => {
            for interface in interfaces {
                if let IpAddr::V4(own) = interface.ip() {
                    let _ = socket.join_multicast_v4(&GROUP_V4, &own);
                }
            }
            ears.push(lan_socket(socket, Vec::new()));
        }
        Err(failed) => tracing::warn!("LAN, IPv4: {}", failed.detail),
    }
    let all = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    match socket_new(Domain::IPV6, all) {
        Ok(socket) => {
            for interface in interfaces {
                if let (IpAddr::V6(_), Some(index)) = (interface.ip(), interface.index) {
                    let _ = socket.join_multicast_v6(&GROUP_V6, index);
                }
            }
            ears.push(lan_socket(socket, Vec::new()));
        }
        Err(failed) => tracing::info!("LAN, IPv6: {}", failed.detail),
    }
    ears
}

/// Рты: на каждый адрес IPv4 и на каждый интерфейс IPv6. Какой не открылся, тот молчит.
pub fn mouths_open(interfaces: &[Interface], port: u16) -> Vec<LanSocket> {
    let mut mouths = Vec::new();
    let mut indexes: Vec<u32> = Vec::new();
    for interface in interfaces {
        let made = match &interface.addr {
            IfAddr::V4(own) => mouth_v4(own.ip, own.netmask, port),
            IfAddr::V6(_) => match interface.index {
                Some(index) if !indexes.contains(&index) => {
                    indexes.push(index);
                    mouth_v6(index, port)
                }
                Some(_) | None => continue,
            },
        };
        match made {
            Ok(mouth) => mouths.push(mouth),
            Err(failed) => tracing::info!("LAN, {}: {}", interface.name, failed.detail),
        }
    }
    mouths
}

/// Рот IPv4: группе и всем на этом интерфейсе.
fn mouth_v4(own: Ipv4Addr, mask: Ipv4Addr, port: u16) -> Result<LanSocket, Fail> {
    let socket = socket_new(Domain::IPV4, SocketAddr::from((own, 0)))?;
    io_try(FailKind::Listen, "multicast", socket.set_multicast_if_v4(&own))?;
    io_try(FailKind::Listen, "broadcast", socket.set_broadcast(true))?;
    // Адрес «всем в этой сети» считается сам: не всякая система его называет.
    let every = Ipv4Addr::from(u32::from(own) | !u32::from(mask));
    let mut goals = Vec::new();
    for goal in [GROUP_V4, every, Ipv4Addr::BROADCAST] {
        if goal != own {
            goals.push(SocketAddr::V4(SocketAddrV4::new(goal, port)));
        }
    }
    Ok(lan_socket(socket, goals))
}

/// Рот IPv6: группе на этом интерфейсе.
fn mouth_v6(index: u32, port: u16) -> Result<LanSocket, Fail> {
    let socket = socket_new(Domain::IPV6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)))?;
    io_try(FailKind::Listen, "multicast", socket.set_multicast_if_v6(index))?;
    let goal = SocketAddr::V6(SocketAddrV6::new(GROUP_V6, port, 0, index));
    Ok(lan_socket(socket, vec![goal]))
}
