//! Floor 4: the disk: the home folder, certificates, limits.txt, settings, journals of transfers.
//! Этаж 4: диск: домашняя папка, сертификаты, limits.txt, настройки, журналы передач.

pub mod accept;
pub mod account;
pub mod accounts;
pub mod backup;
pub mod base;
pub mod contacts;
pub mod desk;
pub mod export;
pub mod files;
pub mod finished;
pub mod folders;
pub mod history;
pub mod home;
pub mod journal;
pub mod licence;
pub mod limits;
pub mod mail;
pub mod mail_keys;
pub mod names;
pub mod orders;
pub mod outbox;
pub mod part;
pub mod past;
pub mod people;
pub mod registered;
pub mod room_desk;
pub mod room_vault;
pub mod rooms;
pub mod seal;
pub mod settings;
pub mod source;
pub mod words;
