//! What a face is told: one enum for the console, the JSON pipe, the echo contact and the window.
//! Что узнаёт лицо программы: один перечень для консоли, потока JSON, эха и окна.

use super::account::Purpose;
use super::events::Standing;
use super::rooms::RoomState;
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::wire::message::MessageId;

/// The code of `Show::Exit` that means: begin again, under the identity that now lies in the home.
pub const EXIT_RESTART: u8 = 254;

/// State of a contact, as the customer colours it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    Unknown,
    Online,
    Offline,
    Refused,
}

/// State of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkShow {
    Up,
    Down,
    Connecting,
    Retry,
}

/// Which way everything goes to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Through the server.
    Relay,
    /// Directly, at an address known from before, or one that called us.
    Direct,
    /// Directly, found in the local network.
    Lan,
    /// Directly, at an address the user gave.
    Manual,
    /// Over a neighbour who passes packets on.
    Third,
}

/// What stands between this computer and the world, as far as UDP shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nat {
    /// Nobody was there to ask.
    #[default]
    Unknown,
    /// Nothing: the world sees the address this computer has.
    Open,
    /// A router that gives one outside address to all: holes can be punched.
    Mapped,
    /// A router that gives another outside address for each other end: holes mostly fail.
    Symmetric,
}

/// The way to a person as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct PathShow {
    pub peer: Id,
    pub name: String,
    pub state: LinkShow,
    pub path: Path,
    pub address: String,
    /// Name of the neighbour who passes everything on; empty on other paths.
    pub via: String,
    /// Why it is so now.
    pub reason: Option<Fail>,
    pub retry_ms: u64,
}

/// State of a message of one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptState {
    Queued,
    /// On the server's disk.
    Stored,
    Delivered,
    Read,
    Failed,
}

/// State of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    Offered,
    Waiting,
    Started,
    Resumed,
    Paused,
    Done,
    Refused,
    Cancelled,
    Error,
}

/// A text message as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageShow {
    pub peer: Id,
    pub name: String,
    pub message: MessageId,
    pub text: String,
    pub outgoing: bool,
    pub sent: u64,
    pub received: u64,
    /// When the other side read it (one's own messages); 0 = not yet.
    pub read: u64,
    /// When it was last edited; 0 = never.
    pub edited: u64,
    /// The message this one answers; zeros = none.
    pub reply: MessageId,
    /// From the history, not arriving now.
    pub past: bool,
    /// Place in the history, growing with time; 0 = not known.
    pub number: u64,
    /// How far a message of one's own has come.
    pub state: ReceiptState,
    /// The row is a file that was offered, not a text.
    pub file: Option<FilePast>,
    /// What this message answers: was it one's own, and how it begins (a file: its name).
    pub quote: Option<Quote>,
    /// Who said it in a room; 0 outside rooms and for one's own.
    pub author: Id,
    /// How that author is called here; one who is no contact has `~` before his own name.
    pub author_name: String,
}

/// What an answered message was: one's own or not, and its first characters.
pub type Quote = (bool, String);

/// A file as a row of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct FilePast {
    /// Number of the live transfer; 0 = none now.
    pub transfer: u32,
    pub state: FileState,
    pub name: String,
    /// Where it lies (the receiver's finished file, the sender's source); empty = nowhere known.
    pub path: String,
    pub size: u64,
}

/// A room as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomShow {
    pub id: Id,
    pub name: String,
    pub owner: Id,
    pub owner_name: String,
    pub members: usize,
    pub unread: u64,
    pub state: RoomState,
}

/// A member of a room, and how far the last message of one's own is with him.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberShow {
    pub room: Id,
    pub id: Id,
    pub name: String,
    pub owner: bool,
    /// It is oneself.
    pub own: bool,
    /// That message; zeros = there is none.
    pub message: MessageId,
    pub state: Option<ReceiptState>,
}

/// A transfer as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct FileShow {
    pub peer: Id,
    /// Id of the offer's envelope, as the history has it.
    pub message: MessageId,
    pub transfer: u32,
    pub state: FileState,
    pub outgoing: bool,
    pub name: String,
    /// Where it lies (the receiver's finished file, the sender's source).
    pub path: String,
    pub bytes: u64,
    pub size: u64,
    pub resumed_from: u64,
    /// Milliseconds of the run that moved the bytes.
    pub milliseconds: u64,
    /// Bytes per second on average.
    pub rate: u64,
    /// The proof as hex, when known.
    pub blake3: String,
    pub reason: Option<Fail>,
}

/// One thing to show.
#[derive(Clone, Debug, PartialEq)]
pub enum Show {
    /// Always the first; a face chooses its language by it.
    Ready {
        id: Id,
        name: String,
        card: String,
        language: String,
    },
    Identity {
        id: Id,
        name: String,
        card: String,
        fingerprint: String,
    },
    Link {
        state: LinkShow,
        server: String,
        reason: Option<Fail>,
        retry_ms: u64,
    },
    /// The way to a person: which one, since when another, why.
    PeerLink(PathShow),
    /// How the world sees this computer.
    Outside {
        nat: Nat,
        address: String,
    },
    /// Somebody in the local network who is not in the contacts.
    Near {
        id: Id,
        address: String,
    },
    /// One's own card, and where one can be called.
    Card {
        card: String,
        addresses: Vec<String>,
    },
    Contact {
        id: Id,
        name: String,
        state: PeerState,
        unread: u64,
        blocked: bool,
        standing: Standing,
        verified: bool,
        /// His key changed; nothing is sent until the user decides.
        changed: bool,
        /// The group he is shown in; empty = none.
        folder: String,
    },
    /// Somebody asks to be taken into the contacts.
    Request {
        id: Id,
        name: String,
        words: String,
    },
    /// The safety number of two people.
    Safety {
        peer: Id,
        name: String,
        number: String,
        verified: bool,
    },
    /// The bits of a message before and after sealing.
    Bits {
        peer: Id,
        message: MessageId,
        outgoing: bool,
        before: Vec<u8>,
        after: Vec<u8>,
    },
    /// The next input is this password; `again`: a new one is typed twice.
    Password {
        purpose: Purpose,
        name: String,
        again: bool,
    },
    /// Somebody with an account, found by `/find`.
    Person {
        id: Id,
        name: String,
    },
    /// A message was removed from one's own history.
    Deleted {
        peer: Id,
        message: MessageId,
    },
    Room(RoomShow),
    Member(MemberShow),
    Message(MessageShow),
    /// A page of the past, the oldest first; `more`: there is something further on, earlier or,
    /// with `after`, later.
    Page {
        peer: Id,
        messages: Vec<MessageShow>,
        more: bool,
        after: bool,
    },
    /// What `/search` found, the newest last.
    Found {
        words: String,
        messages: Vec<MessageShow>,
    },
    /// The last message with every person.
    Chats(Vec<MessageShow>),
    Receipt {
        peer: Id,
        message: MessageId,
        state: ReceiptState,
        at: u64,
        reason: Option<Fail>,
    },
    Offer {
        peer: Id,
        /// Id of the offer's envelope, as the history has it.
        message: MessageId,
        transfer: u32,
        name: String,
        size: u64,
        packets: u64,
    },
    Progress {
        peer: Id,
        transfer: u32,
        bytes: u64,
        size: u64,
        rate: u64,
    },
    File(FileShow),
    /// `asked` by the user; otherwise it follows a payment and a console may keep quiet.
    Limits {
        peer: Id,
        name: String,
        messages: u64,
        files: u64,
        asked: bool,
    },
    Confirm {
        token: u64,
        peer: Id,
        name: String,
        packets: u64,
        what: Ask,
        left: u64,
    },
    Chosen {
        id: Id,
        name: String,
    },
    Language(String),
    Help(String),
    /// Until when the server's licence holds, by the server's clock.
    Licence {
        until_ms: u64,
        server_now_ms: u64,
    },
    /// All settings and their values.
    Settings(Vec<(&'static str, String)>),
    /// A line from lang/: its key and its variables.
    Info {
        key: &'static str,
        values: Vec<(&'static str, String)>,
    },
    Error {
        fail: Fail,
        command: String,
    },
    /// The last thing ever shown: the program ends with this code.
    Exit(u8),
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    Message,
    File(String),
}

/// Слово для состояния передачи.
pub fn file_word(state: FileState) -> &'static str {
    match state {
        FileState::Offered => "offered",
        FileState::Waiting => "waiting",
        FileState::Started => "started",
        FileState::Resumed => "resumed",
        FileState::Paused => "paused",
        FileState::Done => "done",
        FileState::Refused => "refused",
        FileState::Cancelled => "cancelled",
        FileState::Error => "error",
    }
}
