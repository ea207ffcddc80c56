//! What is said to routers and believed of them: bytes of PCP and NAT-PMP, words of UPnP, the
//! system's own table of routes.
//! Что говорят роутерам и чему из их слов верят: байты PCP и NAT-PMP, слова UPnP, таблица путей
//! самой системы.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Ipv4Addr;

use supertext::net::gateway::{gateway_print, gateway_read};
use supertext::wire::portmap::{
    Carrier, Granted, head_value, pcp_ask, pcp_read, pmp_ask, pmp_read, pmp_where, pmp_where_read,
    service_find, soap_ask, tag_value,
};

const NONCE: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const OWN: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 10);

#[test]
fn pcp_is_as_the_rfc_has_it() {
    let ask = pcp_ask(&NONCE, OWN, Carrier::Tcp, 7777, 7777, 3600);
    let wanted = "0201000000000e10 00000000000000000000ffffc0a8010a 0102030405060708090a0b0c \
                  06000000 1e61 1e61 00000000000000000000ffff00000000";
    assert_eq!(hex::encode(ask), wanted.replace(' ', ""));
    let mut answer = ask;
    answer[1] = 0x81;
    answer[42..44].copy_from_slice(&40_000u16.to_be_bytes());
    answer[56..60].copy_from_slice(&[11, 0, 0, 21]);
    // Ответ о чужом номере, порте или виде — не ответ.
    for place in [24, 36, 40] {
        let mut other = answer;
        other[place] ^= 1;
        assert_eq!(pcp_read(&other, &ask), None, "{place}");
    }
    assert_eq!(pcp_read(&answer[..59], &ask), None);
    let address = Some(Ipv4Addr::new(11, 0, 0, 21));
    let mapped = Granted::Mapped { address, port: 40_000, seconds: 3600 };
    assert_eq!(pcp_read(&answer, &ask), Some(mapped));
    answer[3] = 2;
    assert_eq!(pcp_read(&answer, &ask), Some(Granted::Refused(2)));
    // Роутер, который знает лишь NAT-PMP (RFC 6887, appendix A).
    assert_eq!(pcp_read(&[0, 129, 0, 1, 0, 0, 0, 0], &ask), Some(Granted::Refused(1)));
    assert_eq!(pcp_read(&ask, &ask), None, "one's own question is no answer");
}

#[test]
fn nat_pmp_is_as_the_rfc_has_it() {
    assert_eq!(pmp_where(), [0, 0]);
    let place = [0, 128, 0, 0, 0, 0, 0, 9, 11, 0, 0, 21];
    assert_eq!(pmp_where_read(&place), Some(Ipv4Addr::new(11, 0, 0, 21)));
    assert_eq!(pmp_where_read(&place[..11]), None);
    assert_eq!(pmp_where_read(&[0, 128, 0, 3, 0, 0, 0, 9, 11, 0, 0, 21]), None);
    let ask = pmp_ask(Carrier::Udp, 7777, 7777, 3600);
    assert_eq!(hex::encode(ask), "000100001e611e6100000e10");
    let answer = [0, 129, 0, 0, 0, 0, 0, 9, 0x1e, 0x61, 0x9c, 0x40, 0, 0, 0, 60];
    let mapped = Granted::Mapped { address: None, port: 40_000, seconds: 60 };
    assert_eq!(pmp_read(&answer, &ask), Some(mapped));
    let other = pmp_ask(Carrier::Tcp, 7777, 7777, 3600);
    assert_eq!(pmp_read(&answer, &other), None, "another kind");
    assert_eq!(pmp_read(&[0, 129, 0, 2], &ask), Some(Granted::Refused(2)));
}

#[test]
fn words_of_upnp() {
    let head = "HTTP/1.1 200 OK\r\nLocation: http://192.168.1.1:5000/root.xml\r\n\r\nLOCATION: x";
    assert_eq!(head_value(head, "LOCATION"), Some("http://192.168.1.1:5000/root.xml"));
    assert_eq!(head_value("HTTP/1.1 200 OK\r\n\r\nlocation: x", "location"), None);
    let old = "<service><serviceType>urn:schemas-upnp-org:service:WANPPPConnection:1\
               </serviceType><controlURL>/ppp</controlURL></service>";
    let new = "<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1\
               </serviceType><controlURL>/ip</controlURL></service>";
    let both = format!("<d>{old}{new}</d>");
    let (service, path) = service_find(&both).unwrap();
    assert_eq!((service, path), ("urn:schemas-upnp-org:service:WANIPConnection:1", "/ip"));
    assert_eq!(service_find("<service></service>"), None);
    assert_eq!(tag_value("<a>1</a><a>2</a>", "a"), Some("1"));
    assert_eq!(tag_value("<a>1", "a"), None);
    let asked = soap_ask("urn:x", "Do", &[("One", String::from("1"))]);
    assert!(asked.contains("<u:Do xmlns:u=\"urn:x\"><One>1</One></u:Do>"), "{asked}");
}

#[test]
#[cfg(target_endian = "little")]
fn the_gateway_is_that_of_the_cheapest_default_route() {
    let table = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                 eth0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0\n\
                 wlan0 00000000 FE01A8C0 0003 0 0 20 00000000 0 0 0\n\
                 eth0 0001A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
    assert_eq!(gateway_read(table), Some(Ipv4Addr::new(192, 168, 1, 254)));
    assert_eq!(gateway_read("Iface\n"), None);
}

#[test]
fn the_gateway_of_windows() {
    let table = "IPv4-Routentabelle\n  Netzwerkziel  Netzwerkmaske  Gateway  Schnittstelle  Metrik\n\
                 0.0.0.0  0.0.0.0  192.168.1.1  192.168.1.5  50\n\
                 0.0.0.0  0.0.0.0  10.0.0.1  10.0.0.7  25\n\
                 127.0.0.0  255.0.0.0  On-link  127.0.0.1  331\n";
    assert_eq!(gateway_print(table), Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(gateway_print(""), None);
}
