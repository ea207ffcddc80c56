//! Supertext: a messenger from computer to computer. The floors, from the lowest to the highest;
//! a floor imports only lower floors (docs/architecture.md).
//! Supertext: мессенджер от компьютера к компьютеру. Этажи снизу вверх; этаж знает только те,
//! что ниже него (docs/architecture.md).

pub mod base;
pub mod crypto;
pub mod faces;
pub mod logic;
pub mod net;
pub mod store;
pub mod wire;
pub mod workers;
