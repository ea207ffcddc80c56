//! What the logic orders of the two databases and what they tell back: history.db of a client
//! (store/desk.rs) and mail.db of a server (workers/mailkeeper.rs).
//! Что логика приказывает двум базам и что они рассказывают в ответ: history.db клиента
//! (store/desk.rs) и mail.db сервера (workers/mailkeeper.rs).

use super::accounts::AccountOrder;
use super::command::ExportForm;
use super::events::LinkId;
use super::rooms::{RoomOrder, RoomTold};
use super::show::{FileState, MessageShow, Quote, ReceiptState};
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::crypto::identity::PublicKey;
use crate::wire::control::{KeyBundle, Keys};
use crate::wire::header::Header;
use crate::wire::message::{Envelope, Meeting, MessageId, TransferId};

/// A place in the order of one's messages to a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub run: u64,
    pub sequence: u64,
}

/// An outgoing message that still waited when the program ended.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    pub peer: Id,
    pub envelope: Envelope,
    /// What travels; None until a session with this person is there.
    pub packet: Option<Vec<u8>>,
    /// Its place in the order, once it is sealed.
    pub place: Place,
    /// It lies on the server's disk.
    pub stored: bool,
}

/// What is known of a person's key (history.db keeps it).
#[derive(Clone, Debug, PartialEq)]
pub struct PersonFacts {
    pub peer: Id,
    pub public: PublicKey,
    pub changed: Option<PublicKey>,
    pub verified: bool,
}

/// What a message that was looked for is wanted for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// Give it another text.
    Edit(String),
    /// Answer it.
    Reply(String),
    /// Remove it from one's own history.
    Delete,
}

/// A message of the past that was looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub peer: Id,
    pub outgoing: bool,
    pub message: MessageId,
    /// Its text; of a file the name.
    pub text: String,
    pub file: bool,
}

/// What became of a file of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct FileMark {
    pub peer: Id,
    pub outgoing: bool,
    pub transfer: TransferId,
    /// Offered changes nothing; an end stays.
    pub state: FileState,
    /// Empty: as it was.
    pub path: String,
}

/// Which past messages are asked for; the oldest come first.
#[derive(Clone, Debug, PartialEq)]
pub enum PastQuery {
    Last {
        peer: Id,
        many: u64,
    },
    /// What was not seen yet of this peer.
    Unseen {
        peer: Id,
        many: u64,
    },
    Search {
        words: String,
        many: u64,
    },
    /// Messages before this place of the history; 0 = the last ones.
    Before {
        peer: Id,
        number: u64,
        many: u64,
    },
    /// Messages after this place of the history.
    After {
        peer: Id,
        number: u64,
        many: u64,
    },
    /// The last message with every person, the person who spoke last at the end.
    Chats,
}

/// What the logic wants of history.db (store/desk.rs does it).
#[derive(Clone, Debug, PartialEq)]
pub enum BaseOrder {
    /// Put an outgoing message on disk and seal it; `Kept` and, with a session, `Sealed` follow.
    Keep { peer: Id, envelope: Envelope, keep: bool },
    /// Open what came, put it on disk; `Opened` and the receipt as `Outgoing` follow.
    Accept { peer: Id, bytes: Vec<u8>, received: u64, seen: bool, keep: bool },
    /// Begin a session; with `heal` tell the other side to begin its order anew in it.
    Session { peer: Id, bundle: KeyBundle, heal: bool, at: u64 },
    /// So many one-time keys of this Olm key lie at the server; `KeysMade` follows if they are few.
    KeysMake { left: u64, curve: [u8; 32] },
    /// Make one one-time key for this person, who asked over a direct link; `KeyGiven` follows.
    KeyGive { peer: Id },
    /// The server has it on disk, sealed for this place.
    Stored { peer: Id, message: MessageId, place: Place },
    /// Everything of this peer was seen; `SeenUpto` follows if anything was new.
    Seen { peer: Id, keep: bool },
    /// Seal this and send it once, if there is a session; nothing is kept. `Outgoing` follows.
    Aside { peer: Id, envelope: Envelope },
    /// Nothing waits for this peer any more.
    Forget { peer: Id },
    /// Take this changed key of this peer for the true one; None: stay with the old one.
    Trust { peer: Id, public: Option<PublicKey> },
    /// The safety number of this peer was compared.
    Verify { peer: Id, verified: bool },
    /// Look a message up by its id, its last digits, or the last one; `Looked` follows.
    Look { peer: Option<Id>, reference: String, wanted: Wanted },
    /// Remove a message from one's own history.
    Hide { peer: Id, message: MessageId },
    /// Remove all messages with this peer from one's own history.
    Clear { peer: Id },
    /// Look past messages up; `Past` follows.
    Past { query: PastQuery },
    /// Remember what became of a file; `FileKept` follows.
    File(FileMark),
    /// An export is asked for; `ExportReady` follows when everything before is on disk.
    Export { peer: Id, form: ExportForm },
    /// `Marked` follows when everything before is on disk.
    Mark { mark: u64 },
    /// Tell the bits of messages, or stop telling them.
    Bits { on: bool },
    /// Something about rooms.
    Room(RoomOrder),
    /// The logic knows of the failure and orders everything again that was lost.
    Retry,
}

/// What the desk tells after a commit (store/desk.rs).
#[derive(Debug)]
pub enum BaseTold {
    /// This outgoing message is on disk and will not get lost.
    Kept { peer: Id, message: MessageId },
    /// It is sealed: these bytes may be sent, again and again.
    Sealed { peer: Id, message: MessageId, packet: Vec<u8>, place: Place },
    /// The seals of this person's outbox are off; what is sealed anew follows.
    Unsealed { peer: Id },
    /// This incoming message is opened and on disk; it may be shown.
    Opened {
        peer: Id,
        envelope: Envelope,
        received: u64,
        /// It was not there before.
        fresh: bool,
        /// The message it answers.
        quote: Option<Quote>,
    },
    /// A receipt or the like, sealed; to be sent once, now.
    Outgoing { peer: Id, packet: Vec<u8> },
    /// These messages of one's own reached this state.
    Reached { peer: Id, messages: Vec<MessageId>, state: ReceiptState, at: u64 },
    /// What this person sent cannot be opened or is forged.
    SealRefused {
        peer: Id,
        fail: Fail,
        /// His session is broken: begin a new one.
        heal: bool,
    },
    /// This person's key as pinned now, and another one that was seen.
    Person { facts: PersonFacts },
    /// New public keys for the server.
    KeysMade { keys: Keys },
    /// A fresh key for this person; its secret is on disk.
    KeyGiven { peer: Id, bundle: KeyBundle },
    /// Everything ordered before is on disk (`BaseOrder::Mark`).
    Marked { mark: u64 },
    /// Everything of this person is seen; the newest that was not before.
    SeenUpto { peer: Id, message: MessageId },
    /// The message that was looked for.
    Looked { wanted: Wanted, found: Result<Found, Fail> },
    /// The bits of a message before and after sealing.
    Bits { peer: Id, message: MessageId, outgoing: bool, before: Vec<u8>, after: Vec<u8> },
    /// What was ordered before this export is on disk: it may be written.
    ExportReady { peer: Id, form: ExportForm },
    /// This person says where he may be found.
    Meeting { peer: Id, meeting: Meeting },
    /// Something about rooms.
    Room(RoomTold),
    /// An export is written.
    Exported { path: String, many: u64 },
    /// The messages could not be put on disk; nothing that was not told of was.
    BaseFailed { fail: Fail },
    /// Past messages could not be looked up.
    QueryFailed { fail: Fail },
    /// Past messages that were asked for; `more`: there are further ones.
    Past { query: PastQuery, messages: Vec<MessageShow>, more: bool },
    /// What became of this file is on disk.
    FileKept { mark: FileMark },
}

/// What the server's logic wants of mail.db.
#[derive(Clone, Debug, PartialEq)]
pub enum MailOrder {
    /// Put a whole message into the mailbox; `ServerEvent::MailKept` or `MailFailed` follows.
    Keep { dest: Id, from: LinkId, header: Header, at: u64, packets: Vec<u8> },
    /// Hand over mail from the beginning; `ServerEvent::MailRead` follows.
    Read { dest: Id },
    /// This was confirmed; `MailDropped` follows.
    Drop { dest: Id, upto: u64 },
    /// What is older than this is thrown away; `MailDropped` follows for each mailbox.
    Age { before: u64 },
    /// Public keys of a person; `KeysLeft` follows.
    Keys { id: Id, link: LinkId, keys: Box<Keys> },
    /// How many one-time keys are left? `KeysLeft` follows.
    KeysCount { id: Id, link: LinkId },
    /// Give one key of `id` out; `KeyTaken` follows.
    KeyTake { id: Id, link: LinkId },
    /// Something about accounts; `ServerEvent::Account` follows.
    Account { link: LinkId, order: AccountOrder },
}
