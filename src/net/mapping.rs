//! A way in through the router: PCP, then NAT-PMP, then UPnP; the first that works. Only the
//! gateway itself is asked and believed, everything has a bound. The mapper calls it and may wait.
//! Путь внутрь через роутер: PCP, потом NAT-PMP, потом UPnP, первый, что удался. Спрашивают и
//! слушают только сам роутер, у всего есть предел. Зовёт mapper: ему ждать можно.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::base::bounds::{MAPPING_SECONDS, MAPPING_TEXT_MAX, MAPPING_WAIT_MS};
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::wire::portmap::{
    Carrier, Granted, PORTMAP_PORT, SSDP_ASK, head_value, pcp_ask, pcp_read, pmp_ask, pmp_read,
    pmp_where, pmp_where_read, service_find, soap_ask, tag_value,
};

/// How often a datagram is sent; each wait is twice as long.
const TRIES: u32 = 3;
/// What a router answers to lease times it does not keep (UPnP): only for good.
const ONLY_FOR_GOOD: &str = "725";

/// How the router was persuaded.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    Pcp { nonce: [u8; 12] },
    Pmp,
    Upnp { place: SocketAddr, path: String, service: &'static str },
}

/// A way in.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    pub gateway: Ipv4Addr,
    pub own: Ipv4Addr,
    pub port: u16,
    pub way: Way,
    /// Where one is reached from outside.
    pub tcp: Option<SocketAddr>,
    pub udp: Option<SocketAddr>,
    pub seconds: u32,
}

/// Просит впускать на этот порт, по TCP и по UDP. `before` — прежний путь: его продлевают.
/// Ошибка `Connect`: роутер ничего такого не умеет, молчит или отказал.
pub fn mapping_make(
    gateway: Ipv4Addr,
    port: u16,
    nonce: [u8; 12],
    before: Option<&Mapping>,
) -> Result<Mapping, Fail> {
    let own = own_address(gateway)?;
    let nonce = match before {
        // Продлить может только тот же номер.
        Some(Mapping { way: Way::Pcp { nonce }, .. }) => *nonce,
        Some(_) | None => nonce,
    };
    let found = match datagrams_try(gateway, own, port, nonce) {
        Ok(found) => Ok(found),
        Err(failed) => {
            tracing::debug!("mapping: {}", failed.detail);
            upnp_try(gateway, own, port)
        }
    };
    let mapping = found?;
    if mapping.tcp.is_none() && mapping.udp.is_none() {
        return Err(fail(FailKind::Connect, "the router has no public address"));
    }
    Ok(mapping)
}

/// Больше не впускать. Ответа не ждут дольше одного раза.
pub fn mapping_end(mapping: &Mapping) {
    let (port, own) = (mapping.port, mapping.own);
    for carrier in [Carrier::Tcp, Carrier::Udp] {
        match &mapping.way {
            Way::Pcp { nonce } => {
                if let Ok(socket) = gateway_socket(mapping.gateway, own) {
                    let _ = socket.send(&pcp_ask(nonce, own, carrier, port, 0, 0));
                }
            }
            Way::Pmp => {
                if let Ok(socket) = gateway_socket(mapping.gateway, own) {
                    let _ = socket.send(&pmp_ask(carrier, port, 0, 0));
                }
            }
            Way::Upnp { place, path, service } => {
                let words = upnp_names(carrier, port);
                let _ = soap(*place, path, service, "DeletePortMapping", &words);
            }
        }
    }
}

/// Свой адрес на пути к роутеру.
fn own_address(gateway: Ipv4Addr) -> Result<Ipv4Addr, Fail> {
    let socket = gateway_socket(gateway, Ipv4Addr::UNSPECIFIED)?;
    match io_try(FailKind::Connect, "gateway", socket.local_addr())?.ip() {
        IpAddr::V4(own) => Ok(own),
        IpAddr::V6(_) => Err(fail(FailKind::Connect, "gateway")),
    }
}

/// Сокет, который слышит только роутер.
fn gateway_socket(gateway: Ipv4Addr, own: Ipv4Addr) -> Result<UdpSocket, Fail> {
    let kind = FailKind::Connect;
    let socket = io_try(kind, "gateway", UdpSocket::bind((own, 0)))?;
    io_try(kind, "gateway", socket.connect((gateway, PORTMAP_PORT)))?;
    Ok(socket)
}

/// Может ли это быть адресом, который виден всем.
fn is_public(place: Ipv4Addr) -> bool {
    let [first, second, ..] = place.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let own = place.is_private() || place.is_loopback() || place.is_link_local();
    !(shared || own || place.is_unspecified() || place.is_multicast() || place.is_broadcast())
}

/// Внешнее место, если оно видно всем.
fn outside(address: Ipv4Addr, port: u16) -> Option<SocketAddr> {
    if !is_public(address) || port == 0 {
        return None;
    }
    Some(SocketAddr::from((address, port)))
}

/// Посылает вопрос и ждёт посылку, которую отдаёт на проверку; `None` — молчание.
fn ask(socket: &UdpSocket, question: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let mut wait = Duration::from_millis(MAPPING_WAIT_MS);
    for _ in 0..TRIES {
        // Отказ здесь — «порт закрыт» от прошлой посылки: роутер этого не умеет.
        if socket.send(question).is_err() || socket.set_read_timeout(Some(wait)).is_err() {
            return None;
        }
        match socket.recv(buffer) {
            Ok(taken) => return Some(taken),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => return None,
            Err(_) => wait *= 2,
        }
    }
    None
}

/// PCP, а если роутер его не знает — NAT-PMP.
fn datagrams_try(
    gateway: Ipv4Addr,
    own: Ipv4Addr,
    port: u16,
    nonce: [u8; 12],
) -> Result<Mapping, Fail> {
    let socket = gateway_socket(gateway, own)?;
    let mut buffer = [0u8; 1_100];
    let way = Way::Pcp { nonce };
    let (tcp, udp) = (None, None);
    let mut made = Mapping { gateway, own, port, way, tcp, udp, seconds: MAPPING_SECONDS };
    let mut wish = port;
    for carrier in [Carrier::Tcp, Carrier::Udp] {
        let question = pcp_ask(&nonce, own, carrier, port, wish, MAPPING_SECONDS);
        let Some(taken) = ask(&socket, &question, &mut buffer) else {
            return Err(fail(FailKind::Connect, "the router knows neither PCP nor NAT-PMP"));
        };
        match pcp_read(&buffer[..taken], &question) {
            Some(Granted::Mapped { address: Some(address), port, seconds }) => {
                wish = port;
                granted(&mut made, carrier, outside(address, port), seconds);
            }
            Some(Granted::Refused(1)) => return pmp_try(&socket, made),
            Some(Granted::Refused(code)) => {
                return Err(fail(FailKind::Connect, &format!("PCP refused: {code}")));
            }
            Some(Granted::Mapped { .. }) | None => {
                return Err(fail(FailKind::Connect, "PCP"));
            }
        }
    }
    Ok(made)
}

/// Запоминает данное; срок — меньший.
fn granted(made: &mut Mapping, carrier: Carrier, place: Option<SocketAddr>, seconds: u32) {
    made.seconds = u32::min(made.seconds, seconds);
    match carrier {
        Carrier::Tcp => made.tcp = place,
        Carrier::Udp => made.udp = place,
    }
}

/// Просит по NAT-PMP.
fn pmp_try(socket: &UdpSocket, mut made: Mapping) -> Result<Mapping, Fail> {
    made.way = Way::Pmp;
    let failed = fail(FailKind::Connect, "NAT-PMP");
    let mut buffer = [0u8; 64];
    let address = match ask(socket, &pmp_where(), &mut buffer) {
        Some(taken) => pmp_where_read(&buffer[..taken]),
        None => None,
    };
    let Some(address) = address else {
        return Err(failed);
    };
    for carrier in [Carrier::Tcp, Carrier::Udp] {
        let question = pmp_ask(carrier, made.port, made.port, MAPPING_SECONDS);
        let answer = match ask(socket, &question, &mut buffer) {
            Some(taken) => pmp_read(&buffer[..taken], &question),
            None => None,
        };
        let Some(Granted::Mapped { port, seconds, .. }) = answer else {
            return Err(failed);
        };
        granted(&mut made, carrier, outside(address, port), seconds);
    }
    Ok(made)
}

/// UPnP: найти службу роутера и попросить её.
fn upnp_try(gateway: Ipv4Addr, own: Ipv4Addr, port: u16) -> Result<Mapping, Fail> {
    let (place, path) = upnp_find(gateway, own)?;
    let description = http(place, "GET", &path, "", "")?;
    let Some((service, control)) = service_find(&description) else {
        return Err(fail(FailKind::Connect, "UPnP: the router opens no ports"));
    };
    let control = path_of(control);
    let answer = soap(place, &control, service, "GetExternalIPAddress", &[])?;
    let address = match tag_value(&answer, "NewExternalIPAddress") {
        Some(text) => text.parse::<Ipv4Addr>().ok(),
        None => None,
    };
    let Some(address) = address else {
        return Err(fail(FailKind::Connect, "UPnP: the router has no address"));
    };
    let way = Way::Upnp { place, path: control.clone(), service };
    let (tcp, udp) = (None, None);
    let mut made = Mapping { gateway, own, port, way, tcp, udp, seconds: MAPPING_SECONDS };
    for carrier in [Carrier::Tcp, Carrier::Udp] {
        upnp_add(place, &control, service, carrier, own, port)?;
        granted(&mut made, carrier, outside(address, port), MAPPING_SECONDS);
    }
    Ok(made)
}

/// Имена, по которым служба знает открытый порт.
fn upnp_names(carrier: Carrier, port: u16) -> Vec<(&'static str, String)> {
    let carrier = match carrier {
        Carrier::Tcp => "TCP",
        Carrier::Udp => "UDP",
    };
    vec![
        ("NewRemoteHost", String::new()),
        ("NewExternalPort", port.to_string()),
        ("NewProtocol", String::from(carrier)),
    ]
}

/// Открывает порт; роутер, который не знает сроков, открывает насовсем (закроет его уход).
fn upnp_add(
    place: SocketAddr,
    path: &str,
    service: &'static str,
    carrier: Carrier,
    own: Ipv4Addr,
    port: u16,
) -> Result<(), Fail> {
    for seconds in [MAPPING_SECONDS, 0] {
        let mut words = upnp_names(carrier, port);
        words.push(("NewInternalPort", port.to_string()));
        words.push(("NewInternalClient", own.to_string()));
        words.push(("NewEnabled", String::from("1")));
        words.push(("NewPortMappingDescription", String::from("supertext")));
        words.push(("NewLeaseDuration", seconds.to_string()));
        let answer = soap(place, path, service, "AddPortMapping", &words);
        match answer {
            Ok(_) => return Ok(()),
            Err(failed) if seconds > 0 && failed.detail.contains(ONLY_FOR_GOOD) => {}
            Err(failed) => return Err(failed),
        }
    }
    Ok(())
}

/// Где описание роутера: он отвечает на поиск. Чужим ответам не верят.
fn upnp_find(gateway: Ipv4Addr, own: Ipv4Addr) -> Result<(SocketAddr, String), Fail> {
    let kind = FailKind::Connect;
    let socket = io_try(kind, "SSDP", UdpSocket::bind((own, 0)))?;
    let mut buffer = [0u8; 2_048];
    let mut wait = Duration::from_millis(MAPPING_WAIT_MS * 2);
    for _ in 0..TRIES {
        for goal in [Ipv4Addr::new(239, 255, 255, 250), gateway] {
            let _ = socket.send_to(SSDP_ASK.as_bytes(), (goal, 1900));
        }
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let left = Duration::max(left, Duration::from_millis(1));
            io_try(kind, "SSDP", socket.set_read_timeout(Some(left)))?;
            let Ok((taken, from)) = socket.recv_from(&mut buffer) else {
                break;
            };
            let text = String::from_utf8_lossy(&buffer[..taken]);
            if from.ip() != IpAddr::V4(gateway) {
                continue;
            }
            if let Some(url) = head_value(&text, "location") {
                if let Some(found) = place_of(url, gateway) {
                    return Ok(found);
                }
            }
        }
        wait *= 2;
    }
    Err(fail(kind, "the router knows no UPnP"))
}

/// Место и путь из `http://РОУТЕР:ПОРТ/путь`; не роутер — `None`.
fn place_of(url: &str, gateway: Ipv4Addr) -> Option<(SocketAddr, String)> {
    let rest = url.strip_prefix("http://")?;
    let (host, _) = rest.split_once('/')?;
    let place = match host.parse::<SocketAddr>() {
        Ok(place) => place,
        Err(_) => SocketAddr::new(host.parse::<IpAddr>().ok()?, 80),
    };
    if place.ip() != IpAddr::V4(gateway) {
        return None;
    }
    Some((place, path_of(url)))
}

/// Путь из адреса, полного или уже без начала.
fn path_of(url: &str) -> String {
    if let Some(rest) = url.strip_prefix("http://") {
        return match rest.split_once('/') {
            Some((_, path)) => format!("/{path}"),
            None => String::from("/"),
        };
    }
    format!("/{}", url.trim_start_matches('/'))
}

/// Просьба к службе; возвращает ответ. Отказ службы — ошибка `Connect` с его номером.
fn soap(
    place: SocketAddr,
    path: &str,
    service: &str,
    action: &str,
    words: &[(&str, String)],
) -> Result<String, Fail> {
    let head = format!("Content-Type: text/xml\r\nSOAPAction: \"{service}#{action}\"\r\n");
    http(place, "POST", path, &head, &soap_ask(service, action, words))
}

/// Один вопрос HTTP/1.0 и весь ответ, не длиннее предела.
fn http(
    place: SocketAddr,
    method: &str,
    path: &str,
    head: &str,
    body: &str,
) -> Result<String, Fail> {
    let kind = FailKind::Connect;
    let wait = Duration::from_millis(MAPPING_WAIT_MS * 8);
    if path.contains(char::is_whitespace) {
        return Err(fail(kind, path));
    }
    let mut socket = io_try(kind, "UPnP", TcpStream::connect_timeout(&place, wait))?;
    io_try(kind, "UPnP", socket.set_read_timeout(Some(wait)))?;
    io_try(kind, "UPnP", socket.set_write_timeout(Some(wait)))?;
    let length = body.len();
    let asked = format!(
        "{method} {path} HTTP/1.0\r\nHost: {place}\r\nConnection: close\r\n{head}\
         Content-Length: {length}\r\n\r\n{body}"
    );
    io_try(kind, "UPnP", socket.write_all(asked.as_bytes()))?;
    let mut answer = Vec::new();
    let until = Instant::now() + wait;
    let mut piece = [0u8; 4_096];
    while answer.len() < MAPPING_TEXT_MAX && Instant::now() < until {
        match socket.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(taken) => answer.extend_from_slice(&piece[..taken]),
        }
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    match text.split(' ').nth(1) {
        Some("200") => Ok(text),
        Some(_) | None => {
            let code = tag_value(&text, "errorCode").unwrap_or("?");
            Err(fail(kind, &format!("UPnP: the router refused ({code})")))
        }
    }
}
