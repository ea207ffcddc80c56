//! Floor 3: decisions. Events come in, actions go out; no clock, no socket, no disk and no random
//! of its own, so a simulator can run it from a seed (tests/sim.rs).
//! Этаж 3: решения. События входят, действия выходят; ни часов, ни сокетов, ни диска, ни
//! случайности своих, поэтому его гоняет симулятор от зерна (tests/sim.rs).

pub mod account;
pub mod accounts;
pub mod budget;
pub mod calls;
pub mod card;
pub mod client;
pub mod command;
pub mod commands;
pub mod contacts;
pub mod direct;
pub mod disk;
pub mod events;
pub mod inbox;
pub mod keys;
pub mod leaving;
pub mod licence;
pub mod mailbox;
pub mod meetings;
pub mod mesh;
pub mod mesh_carry;
pub mod messages;
pub mod nearby;
pub mod orders;
pub mod past;
pub mod paths;
pub mod presence;
pub mod receiving;
pub mod room_commands;
pub mod room_told;
pub mod room_write;
pub mod rooms;
pub mod sending;
pub mod server;
pub mod show;
pub mod state;
pub mod thirds;
pub mod told;
pub mod transfers;
pub mod trust;
pub mod wishes;
