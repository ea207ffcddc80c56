//! The user's commands, parsed; faces/commands.rs makes them, logic/commands.rs does them.
//! Команды человека, разобранные; делает их faces/commands.rs, исполняет logic/commands.rs.

use super::events::Transfer;
use super::rooms::RoomCommand;
use crate::base::fail::Fail;

/// Which budget a top-up goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    Messages,
    Files,
}

/// Which form an export takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportForm {
    Json,
    Text,
}

/// A command about messages of the past.
#[derive(Clone, Debug, PartialEq)]
pub enum PastCommand {
    History {
        who: String,
        many: u64,
    },
    Search(String),
    /// Messages before this place of the history (0 = the last ones) or after it.
    Page {
        who: String,
        number: u64,
        after: bool,
        many: u64,
    },
    /// The last message with everybody.
    Chats,
    Edit {
        reference: String,
        text: String,
    },
    Reply {
        reference: String,
        text: String,
    },
    Delete(String),
    Keep {
        who: String,
        on: bool,
    },
    Clear(String),
    Export {
        who: String,
        form: ExportForm,
    },
}

/// A command about direct links.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkCommand {
    Card,
    /// A card, or HOST:PORT.
    Connect(String),
    Disconnect(String),
}

/// A command about one's account.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountCommand {
    /// Take this name; a password is asked for, here and in the next two.
    Register(String),
    Login(String),
    /// A new password.
    Password,
    /// The password that was asked for; empty: never mind.
    Secret(String),
    Show,
    Find(String),
}

/// A command of the user, parsed (faces/commands.rs).
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Help(String),
    Id,
    Add {
        who: String,
        words: String,
    },
    Accept(String),
    Reject(String),
    Later(String),
    Spam,
    Verify {
        who: String,
        answer: String,
    },
    Trust {
        who: String,
        yes: bool,
    },
    Contacts,
    Rename {
        who: String,
        name: String,
    },
    /// Show a contact in this group; empty = in none.
    Folder {
        who: String,
        name: String,
    },
    Remove(String),
    Block(String),
    To(String),
    /// Plain text for the chosen peer; `unchosen` is what the line means while nobody is chosen.
    Say {
        text: String,
        unchosen: Option<Box<Command>>,
    },
    Message {
        who: String,
        text: String,
    },
    Send {
        who: String,
        path: String,
    },
    Take(Transfer),
    Refuse(Transfer),
    Cancel(Transfer),
    Files(String),
    Past(PastCommand),
    Account(AccountCommand),
    Room(RoomCommand),
    Bits(bool),
    Limits(String),
    TopUp {
        who: String,
        budget: Budget,
        amount: u64,
    },
    Yes(Option<u64>),
    No(Option<u64>),
    Status,
    Peers,
    Link(LinkCommand),
    Language(String),
    /// List all settings.
    Settings,
    Set {
        key: String,
        value: String,
    },
    Quit,
    /// The pipe's input ended: leave when all is delivered.
    EndOfInput,
    /// SIGTERM or a closed console: leave at once, code 0.
    Terminate,
    /// Ctrl+C: leave at once, code 130.
    Interrupt,
    /// A line that could not be understood.
    Bad(Fail),
}
