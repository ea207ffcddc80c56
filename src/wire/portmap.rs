//! Asking the router for a way in: datagrams of PCP (RFC 6887) and NAT-PMP (RFC 6886), and the few
//! words of UPnP that an Internet Gateway Device must be told (net/mapping.rs sends them).
//! Просьба к роутеру впускать: посылки PCP (RFC 6887) и NAT-PMP (RFC 6886) и те немногие слова
//! UPnP, которые нужно сказать роутеру (посылает их net/mapping.rs).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// UDP port of the router for PCP and NAT-PMP.
pub const PORTMAP_PORT: u16 = 5351;
/// Bytes of a PCP MAP request and of its answer.
pub const PCP_BYTES: usize = 60;
/// Bytes of a NAT-PMP mapping request; the answer has 16.
pub const PMP_BYTES: usize = 12;

/// What is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Tcp,
    Udp,
}

/// What a router said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// From outside it is this port (PCP: and address) for so many seconds.
    Mapped { address: Option<Ipv4Addr>, port: u16, seconds: u32 },
    /// The code of the refusal.
    Refused(u16),
}

/// Просьба PCP: впускать на этот порт столько секунд; ноль секунд — больше не впускать.
pub fn pcp_ask(
    nonce: &[u8; 12],
    own: Ipv4Addr,
    carrier: Carrier,
    port: u16,
    wish: u16,
    seconds: u32,
) -> [u8; PCP_BYTES] {
    let mut bytes = [0u8; PCP_BYTES];
    // RFC 6887, section 7.1: version 2, opcode 1 (MAP).
    bytes[0] = 2;
    bytes[1] = 1;
    bytes[4..8].copy_from_slice(&seconds.to_be_bytes());
    bytes[8..24].copy_from_slice(&own.to_ipv6_mapped().octets());
    // Section 11.1.
    bytes[24..36].copy_from_slice(nonce);
    bytes[36] = match carrier {
        Carrier::Tcp => 6,
        Carrier::Udp => 17,
    };
    bytes[40..42].copy_from_slice(&port.to_be_bytes());
    bytes[42..44].copy_from_slice(&wish.to_be_bytes());
    bytes[44..60].copy_from_slice(&Ipv4Addr::UNSPECIFIED.to_ipv6_mapped().octets());
    bytes
}

/// Ответ PCP на такую просьбу; `None` — не ответ на неё. Роутер, который знает лишь NAT-PMP,
/// отказывает версией (код 1).
pub fn pcp_read(bytes: &[u8], ask: &[u8; PCP_BYTES]) -> Option<Granted> {
    if bytes.len() >= 4 && bytes[0] == 0 && bytes[1] & 0x80 != 0 {
        return Some(Granted::Refused(1));
    }
    if bytes.len() < 24 || bytes[0] != 2 || bytes[1] != 0x81 {
        return None;
    }
    if bytes[3] != 0 {
        return Some(Granted::Refused(u16::from(bytes[3])));
    }
    if bytes.len() < PCP_BYTES || bytes[24..37] != ask[24..37] || bytes[40..42] != ask[40..42] {
        return None;
    }
    let seconds = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let port = u16::from_be_bytes([bytes[42], bytes[43]]);
    let mut place = [0u8; 16];
    place.copy_from_slice(&bytes[44..60]);
    match IpAddr::V6(Ipv6Addr::from(place)).to_canonical() {
        IpAddr::V4(address) => Some(Granted::Mapped { address: Some(address), port, seconds }),
        IpAddr::V6(_) => None,
    }
}

/// Вопрос NAT-PMP: каков внешний адрес?
pub fn pmp_where() -> [u8; 2] {
    [0, 0]
}

/// Ответ на него.
pub fn pmp_where_read(bytes: &[u8]) -> Option<Ipv4Addr> {
    if bytes.len() < 12 || bytes[..4] != [0, 128, 0, 0] {
        return None;
    }
    Some(Ipv4Addr::new(bytes[8], bytes[9], bytes[10], bytes[11]))
}

/// Просьба NAT-PMP впускать; ноль секунд (и тогда нулевое желание) — больше не впускать.
pub fn pmp_ask(carrier: Carrier, port: u16, wish: u16, seconds: u32) -> [u8; PMP_BYTES] {
    let mut bytes = [0u8; PMP_BYTES];
    bytes[1] = match carrier {
        Carrier::Udp => 1,
        Carrier::Tcp => 2,
    };
    bytes[4..6].copy_from_slice(&port.to_be_bytes());
    bytes[6..8].copy_from_slice(&wish.to_be_bytes());
    bytes[8..12].copy_from_slice(&seconds.to_be_bytes());
    bytes
}

/// Ответ NAT-PMP на такую просьбу; `None` — не ответ на неё.
pub fn pmp_read(bytes: &[u8], ask: &[u8; PMP_BYTES]) -> Option<Granted> {
    if bytes.len() < 4 || bytes[0] != 0 || bytes[1] != 128 + ask[1] {
        return None;
    }
    let code = u16::from_be_bytes([bytes[2], bytes[3]]);
    if code != 0 {
        return Some(Granted::Refused(code));
    }
    if bytes.len() < 16 || bytes[8..10] != ask[4..6] {
        return None;
    }
    let port = u16::from_be_bytes([bytes[10], bytes[11]]);
    let seconds = u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
    Some(Granted::Mapped { address: None, port, seconds })
}

/// Поиск роутера UPnP (UPnP Device Architecture 1.1, section 1.3.2).
pub const SSDP_ASK: &str = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\
    MAN: \"ssdp:discover\"\r\nMX: 1\r\n\
    ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n";

/// Services that map ports, the best first.
const SERVICES: [&str; 3] = [
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

/// Значение заголовка из ответа HTTP или SSDP.
pub fn head_value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    for line in text.lines() {
        if line.is_empty() {
            return None;
        }
        if let Some((before, after)) = line.split_once(':') {
            if before.trim().eq_ignore_ascii_case(name) {
                return Some(after.trim());
            }
        }
    }
    None
}

/// Что стоит между `<name>` и `</name>`, в первый раз.
pub fn tag_value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    Some(value.trim())
}

/// Служба роутера, которая открывает порты, и где её просить; из описания роутера.
pub fn service_find(description: &str) -> Option<(&'static str, &str)> {
    for service in SERVICES {
        for part in description.split("<service>").skip(1) {
            if tag_value(part, "serviceType") == Some(service) {
                return Some((service, tag_value(part, "controlURL")?));
            }
        }
    }
    None
}

/// Просьба SOAP к службе: действие и его слова по порядку.
pub fn soap_ask(service: &str, action: &str, words: &[(&str, String)]) -> String {
    let mut inside = String::new();
    for (name, value) in words {
        inside.push_str(&format!("<{name}>{value}</{name}>"));
    }
    format!(
        "<?xml version=\"1.0\"?>\r\n<s:Envelope \
         xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
         <u:{action} xmlns:u=\"{service}\">{inside}</u:{action}></s:Body></s:Envelope>\r\n"
    )
}
