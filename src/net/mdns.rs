//! Multicast DNS beside the beacons: networks whose routers carry it between their halves carry no
//! unknown group. The library has a thread of its own; the finder takes what it found.
//! Multicast DNS рядом с маяками: роутеры, которые носят его между своими половинами, незнакомой
//! группы не носят. У библиотеки свой поток; найденное забирает finder.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use if_addrs::{IfAddr, Interface};
use mdns_sd::{Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo};

use crate::base::bounds::{BEACON_MS, BEACONS_HEARD_MAX, NEAR_MAX};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_digits, id_is_person, id_parse};

/// The type of the service (docs/protocol.md, "Local network").
pub const MDNS_TYPE: &str = "_supertext._tcp.local.";
/// Столько адресов одного человека берётся.
const ADDRESSES_MAX: usize = 4;

/// Somebody whose service was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub id: Id,
    pub fingerprint: [u8; 32],
    pub addresses: Vec<SocketAddr>,
}

/// The library at work.
pub struct Mdns {
    daemon: ServiceDaemon,
    found: Receiver<ServiceEvent>,
    /// Who is there, by the name of the service.
    known: BTreeMap<String, Seen>,
    /// When all of them were told last.
    told: Instant,
}

/// Ошибка библиотеки как наша.
fn mdns_try<T>(result: mdns_sd::Result<T>) -> Result<T, Fail> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => Err(fail(FailKind::Listen, &format!("mDNS: {error}"))),
    }
}

/// Начинает искать и, если есть дверь, звать к себе.
pub fn mdns_start(me: Id, fingerprint: &[u8; 32], port: Option<u16>) -> Result<Mdns, Fail> {
    let daemon = mdns_try(ServiceDaemon::new())?;
    let found = mdns_try(daemon.browse(MDNS_TYPE))?;
    if let Some(port) = port {
        let name = id_digits(me);
        let (key, host) = (hex::encode(fingerprint), format!("supertext-{name}.local."));
        let facts = [("id", name.as_str()), ("key", key.as_str())];
        let made = ServiceInfo::new(MDNS_TYPE, &name, &host, "", port, &facts[..]);
        mdns_try(daemon.register(mdns_try(made)?.enable_addr_auto()))?;
    }
    Ok(Mdns { daemon, found, known: BTreeMap::new(), told: Instant::now() })
}

/// Больше не ищет и не зовёт; сеть об этом узнаёт.
pub fn mdns_end(mdns: &Mdns) {
    let _ = mdns.daemon.shutdown();
}

/// Кого слышно: новые сразу, прочие не реже, чем слали бы маяки.
pub fn mdns_hear(mdns: &mut Mdns, interfaces: &[Interface]) -> Vec<Seen> {
    let mut heard = Vec::new();
    for _ in 0..BEACONS_HEARD_MAX {
        let event = match mdns.found.try_recv() {
            Ok(event) => event,
            Err(_) if mdns.found.is_disconnected() => {
                // Нас завалили, и подписка кончилась: начать её заново.
                if let Ok(found) = mdns.daemon.browse(MDNS_TYPE) {
                    mdns.found = found;
                }
                break;
            }
            Err(_) => break,
        };
        if let ServiceEvent::ServiceResolved(service) = event {
            let Some(seen) = seen_make(&service, interfaces) else {
                continue;
            };
            if mdns.known.len() < NEAR_MAX || mdns.known.contains_key(&service.fullname) {
                mdns.known.insert(service.fullname.clone(), seen.clone());
                heard.push(seen);
            }
        } else if let ServiceEvent::ServiceRemoved(_, name) = event {
            mdns.known.remove(&name);
        }
    }
    if mdns.told.elapsed() >= Duration::from_millis(BEACON_MS) {
        mdns.told = Instant::now();
        for seen in mdns.known.values() {
            heard.push(seen.clone());
        }
    }
    heard
}

/// Кто это и где; `None` — не сходится или не из этой сети.
fn seen_make(service: &ResolvedService, interfaces: &[Interface]) -> Option<Seen> {
    let id = id_parse(service.txt_properties.get_property_val_str("id")?).ok()?;
    let key = hex::decode(service.txt_properties.get_property_val_str("key")?).ok()?;
    let fingerprint: [u8; 32] = key.try_into().ok()?;
    if service.port == 0 || !id_is_person(id) || fingerprint[..5] != id.to_be_bytes()[3..] {
        return None;
    }
    let mut addresses = Vec::new();
    for place in &service.addresses {
        if addresses.len() < ADDRESSES_MAX && is_near(place.to_ip_addr(), interfaces) {
            addresses.push(address_of(place, service.port));
        }
    }
    if addresses.is_empty() {
        return None;
    }
    // Набор библиотеки не упорядочен; IPv4 пробуется первым.
    addresses.sort();
    Some(Seen { id, fingerprint, addresses })
}

/// Адрес и порт; у адреса внутри линии остаётся её номер.
fn address_of(place: &ScopedIp, port: u16) -> SocketAddr {
    if let ScopedIp::V6(six) = place {
        let inside = six.addr().is_unicast_link_local();
        let scope = if inside { six.scope_id().index } else { 0 };
        return SocketAddr::V6(SocketAddrV6::new(*six.addr(), port, 0, scope));
    }
    SocketAddr::new(place.to_ip_addr(), port)
}

/// Из одной ли он с нами сети: чужими словами никого не заставить звонить куда угодно.
fn is_near(place: IpAddr, interfaces: &[Interface]) -> bool {
    for interface in interfaces {
        let same = match (place, &interface.addr) {
            (IpAddr::V4(his), IfAddr::V4(own)) => {
                let mask = u32::from(own.netmask);
                u32::from(his) & mask == u32::from(own.ip) & mask
            }
            (IpAddr::V6(his), IfAddr::V6(own)) => {
                his.is_unicast_link_local() || same_six(his, own.ip, own.netmask)
            }
            (IpAddr::V4(_), IfAddr::V6(_)) | (IpAddr::V6(_), IfAddr::V4(_)) => false,
        };
        if same {
            return true;
        }
    }
    false
}

/// Одна ли это сеть IPv6.
fn same_six(his: Ipv6Addr, own: Ipv6Addr, mask: Ipv6Addr) -> bool {
    let mask = u128::from(mask);
    u128::from(his) & mask == u128::from(own) & mask
}
