//! What a client knows at the start when there is nothing on its disk; tests of the logic change what
//! they look at.
//! Что клиент знает при запуске, когда на диске ничего нет; испытания логики меняют то, на что
//! смотрят.

#![allow(dead_code)]

use supertext::crypto::identity::{PublicKey, id_of_key};
use supertext::logic::events::{AcceptFiles, ContactRow, Standing, StartFacts, Wishes};
use supertext::logic::mesh::CarryWish;

/// Клиент с этим ключом и именем, без сервера, лимитов и знакомых.
pub fn facts_plain(public: PublicKey, name: &str) -> StartFacts {
    StartFacts {
        me: id_of_key(&public),
        public,
        fingerprint: String::new(),
        run: 1,
        server: String::new(),
        doors: Vec::new(),
        wishes: Wishes {
            name: String::from(name),
            messages_first: 0,
            files_first: 0,
            accept_files: AcceptFiles::Off,
            keep_first: true,
            answer_yes: false,
            contacts_only: false,
            bits: false,
            listen: true,
            discovery: false,
            carry: CarryWish::On,
            port_mapping: false,
        },
        settings: Vec::new(),
        limits: Vec::new(),
        contacts: Vec::new(),
        outgoing: Vec::new(),
        incoming: Vec::new(),
        finished: Vec::new(),
        outbox: Vec::new(),
        people: Vec::new(),
        rooms: Vec::new(),
        unseen: Vec::new(),
        to: None,
        language: String::from("en"),
    }
}

/// Контакт с этим ключом, каким он лежит на диске.
pub fn contact_plain(key: &PublicKey, name: &str, standing: Standing, blocked: bool) -> ContactRow {
    ContactRow {
        id: id_of_key(key),
        name: String::from(name),
        blocked,
        standing,
        words: String::new(),
        keep: true,
        folder: String::new(),
        card: String::new(),
    }
}
