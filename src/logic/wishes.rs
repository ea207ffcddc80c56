//! What the user wishes, as far as the logic needs to know: the settings it decides by.
//! Чего хочет человек, насколько это нужно логике: настройки, по которым она решает.

use super::mesh::CarryWish;

/// Which offered files are taken by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptFiles {
    Off,
    /// Small pictures of contacts.
    Images,
    On,
}

/// Settings the logic needs (store/settings.rs keeps them).
#[derive(Clone, Debug, PartialEq)]
pub struct Wishes {
    pub name: String,
    pub messages_first: u64,
    pub files_first: u64,
    pub accept_files: AcceptFiles,
    /// Messages of new contacts stay in the history.
    pub keep_first: bool,
    pub answer_yes: bool,
    /// Only contacts may write; strangers go to the spam folder.
    pub contacts_only: bool,
    /// Show the bits of messages before and after sealing.
    pub bits: bool,
    /// Others may call directly.
    pub listen: bool,
    /// People in the local network are sought.
    pub discovery: bool,
    /// The router is asked to let callers in.
    pub port_mapping: bool,
    /// Packets of others are passed on.
    pub carry: CarryWish,
}
