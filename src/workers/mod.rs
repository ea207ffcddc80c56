//! Floor 5: the workers. map.rs is the plan of the house: start reading there.
//! Этаж 5: рабочие потоки. map.rs — план дома: читать отсюда.

pub mod basekeeper;
pub mod connector;
pub mod controller;
pub mod displayer;
pub mod filereader;
pub mod filesaver;
pub mod finder;
pub mod holes;
pub mod listener;
pub mod longreads;
pub mod mailkeeper;
pub mod map;
pub mod mapper;
pub mod pace;
pub mod perform;
pub mod puncher;
pub mod roles;
pub mod sender;
pub mod start;
pub mod taps;
pub mod vaults;
