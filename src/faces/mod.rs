//! Floor 6: the faces: console, JSON pipe, echo contact; the table of commands and the texts.
//! Этаж 6: лица: консоль, поток JSON, эхо; таблица команд и тексты.

pub mod args;
pub mod commands;
pub mod console;
pub mod doctor;
pub mod echo;
pub mod ending;
pub mod input;
pub mod json;
pub mod lines;
pub mod links;
pub mod rooms;
pub mod seals;
pub mod secrets;
pub mod texts;
pub mod words;
