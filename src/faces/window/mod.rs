//! The window: a third face over the same core. It takes what the controller shows and sends the
//! same commands as the console. Rooms: state (what is known), shows (what arrives), place (where
//! things stand), paint and bubble (how they look), side, canvas, keys (what the hands do).
//! Окно: третье лицо над тем же ядром. Берёт то, что показывает controller, и шлёт те же команды,
//! что и консоль. Комнаты: state — что известно, shows — что приходит, place — где что стоит,
//! paint и bubble — как выглядит, side, canvas, keys — что делают руки.

pub mod act;
pub mod audit;
pub mod bubble;
pub mod canvas;
pub mod chat;
pub mod check;
#[cfg_attr(target_os = "linux", path = "desk_bus.rs")]
#[cfg_attr(not(target_os = "linux"), path = "desk_system.rs")]
pub mod desk;
pub mod filebubble;
pub mod filesend;
pub mod form;
pub mod gallery;
pub mod herald;
pub mod icon;
pub mod iconpixels;
pub mod jump;
pub mod keys;
pub mod lay;
pub mod looks;
pub mod menu;
pub mod nearby;
pub mod notice;
pub mod paint;
pub mod people;
pub mod pictures;
pub mod pipe;
pub mod place;
pub mod raise;
pub mod run;
pub mod search;
pub mod sections;
pub mod select;
pub mod settings;
pub mod shows;
pub mod side;
pub mod start;
pub mod state;
pub mod strips;
pub mod theme;
pub mod times;
pub mod touch;
#[cfg_attr(target_os = "linux", path = "tray_bus.rs")]
#[cfg_attr(not(target_os = "linux"), path = "tray_system.rs")]
pub mod tray;
pub mod typing;
pub mod viewer;
