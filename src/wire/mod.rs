//! Floor 1: what goes over the wire: the header, the table of packets, their bodies.
//! Этаж 1: то, что идёт по проводу: заголовок, таблица пакетов, их тела.

pub mod account;
pub mod beacon;
pub mod carry;
pub mod control;
pub mod file;
pub mod header;
pub mod message;
pub mod packets;
pub mod portmap;
pub mod room;
pub mod stun;
