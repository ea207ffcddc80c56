//! The simulator: several clients and a server on one virtual clock, from one seed. No threads, no
//! real time, no disk, no sockets; what the workers do is modelled here, the logic is the real one.
//! Симулятор: несколько клиентов и сервер на одних виртуальных часах, от одного зерна. Ни потоков,
//! ни настоящего времени, ни диска, ни сокетов; работники изображены, логика настоящая.

pub mod actions;
pub mod base;
pub mod disk;
pub mod faults;
pub mod finish;
pub mod ledger;
pub mod mail;
pub mod mesh;
pub mod network;
pub mod node;
pub mod pairs;
pub mod plan;
pub mod random;
pub mod reader;
pub mod relay;
pub mod rooms;
pub mod run;
pub mod saver;
pub mod shown;
pub mod tamper;
pub mod texts;
pub mod user;
pub mod world;
