//! Floor 4: the disk: the home folder, certificates, limits.txt, settings, journals of transfers.
//! Этаж 4: диск: домашняя папка, сертификаты, limits.txt, настройки, журналы передач.

pub mod contacts;
pub mod finished;
pub mod history;
pub mod home;
pub mod journal;
pub mod limits;
pub mod names;
pub mod part;
pub mod registered;
pub mod settings;
pub mod source;
