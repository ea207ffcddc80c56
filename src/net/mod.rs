//! Floor 4: the network: sockets, the two halves of a TLS link, cutting the stream into packets.
//! Этаж 4: сеть: сокеты, две половины линии TLS, нарезка потока на пакеты.

pub mod address;
pub mod framing;
pub mod gateway;
pub mod guard;
pub mod hole;
pub mod lan;
pub mod link;
pub mod mapping;
pub mod mdns;
pub mod outside;
pub mod probe;
pub mod sockets;
pub mod udp;
