//! What comes into the logic and what goes out of it, for the client and for the server.
//! Что входит в логику и что из неё выходит, для клиента и для сервера.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::account::{VaultOrder, VaultTold};
use super::accounts::AccountTold;
pub use super::command::{AccountCommand, Budget, Command, ExportForm, LinkCommand, PastCommand};
pub use super::meetings::Punch;
pub use super::orders::{
    BaseOrder, BaseTold, FileMark, Found, MailOrder, OutboxRow, PastQuery, PersonFacts, Place,
    Wanted,
};
use super::rooms::RoomFacts;
use super::show::{Nat, Show};
pub use super::wishes::{AcceptFiles, Wishes};
use crate::base::fail::{Fail, FailKind};
use crate::base::ids::Id;
use crate::crypto::identity::PublicKey;
use crate::wire::control::KeyBundle;
use crate::wire::header::Header;
use crate::wire::message::TransferId;
use crate::wire::packets::Lane;
use crate::wire::stun::Token;

/// Number of a link within this process.
pub type LinkId = u32;

/// Number of a transfer within this program, as the user types it.
pub type Transfer = u32;

/// Random bytes that come with a command: message id, file key, transfer id, handle.
pub type Random = [u8; 64];

/// One line of limits.txt.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitRow {
    pub id: Id,
    pub messages: u64,
    pub files: u64,
}

/// One contact as kept on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactRow {
    pub id: Id,
    pub name: String,
    pub blocked: bool,
    pub standing: Standing,
    /// Words of his request, or of one's own.
    pub words: String,
    /// His messages stay in the history.
    pub keep: bool,
    /// The group he is shown in; empty = none.
    pub folder: String,
    /// Where he may be called directly (his card); empty = not known.
    pub card: String,
}

/// How a person and I stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In my contacts.
    Contact,
    /// In my contacts; I asked him and he has not answered.
    Asked,
    /// In my contacts; he said no.
    Declined,
    /// He asked me; I have not answered.
    Asks,
    /// The answer was put off to the next start.
    Later,
    /// A stranger who wrote while only contacts may; his messages wait in the spam folder.
    Spam,
    /// Not in my contacts, but in a room of mine: copies go to him, nothing else.
    Member,
}

/// What is known of a transfer for good; kept in its journal.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferFacts {
    pub transfer: TransferId,
    pub handle: u32,
    pub peer: Id,
    pub name: String,
    /// Source path of an outgoing file; empty for an incoming one.
    pub path: String,
    pub size: u64,
    pub changed: u64,
    pub key: [u8; 32],
}

/// How a transfer ended, remembered so that a repeated offer gets the same answer.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedRow {
    pub transfer: TransferId,
    /// 0 = done, otherwise the state of FILE_STOP.
    pub state: u8,
}

/// What the client knows when it starts.
#[derive(Clone, Debug)]
pub struct StartFacts {
    pub me: Id,
    pub public: PublicKey,
    pub fingerprint: String,
    /// Random number of this run of the program.
    pub run: u64,
    /// HOST:PORT, or empty: no server is known.
    pub server: String,
    /// Addresses at which others may call directly, for the card.
    pub doors: Vec<String>,
    pub wishes: Wishes,
    /// All settings and their values, in the order of their table.
    pub settings: Vec<(&'static str, String)>,
    pub limits: Vec<LimitRow>,
    pub contacts: Vec<ContactRow>,
    pub outgoing: Vec<TransferFacts>,
    pub incoming: Vec<TransferFacts>,
    pub finished: Vec<FinishedRow>,
    pub outbox: Vec<OutboxRow>,
    pub people: Vec<PersonFacts>,
    pub rooms: Vec<RoomFacts>,
    /// Messages not seen yet, by peer.
    pub unseen: Vec<(Id, u64)>,
    /// Chat chosen at the start (`--to`).
    pub to: Option<Id>,
    /// Language of the face.
    pub language: String,
}

/// An event for the client.
#[derive(Debug)]
pub enum ClientEvent<'a> {
    Command {
        command: Command,
        line: &'a str,
        random: &'a Random,
    },
    /// TCP and TLS stand; HELLO has not been said yet.
    LinkUp {
        link: LinkId,
        /// Where the server is.
        from: String,
    },
    /// How the world sees us now: behind what kind of router, and at which address.
    Outside {
        nat: Nat,
        address: String,
    },
    /// Where one may be found through UDP at the moment, and a fresh token to be tapped with.
    Gathered {
        peer: Id,
        token: Token,
        addresses: Vec<String>,
    },
    /// A beacon of the local network: who claims to listen at this address.
    Near {
        id: Id,
        /// SHA-256 of his key.
        fingerprint: [u8; 32],
        address: String,
    },
    /// Where the router lets callers in, TCP and UDP; None: it does not.
    Mapped {
        tcp: Option<String>,
        udp: Option<String>,
    },
    /// One's own door is found at other addresses now.
    Doors {
        addresses: Vec<String>,
    },
    /// TLS with a person stands, over a link of ours or one that called us; the key is proven.
    PersonUp {
        link: LinkId,
        key: PublicKey,
        from: String,
    },
    /// The connection could not be made or is gone.
    LinkDown {
        link: LinkId,
        fail: Fail,
    },
    Packet {
        link: LinkId,
        header: Header,
        data: &'a [u8],
    },
    Tick,
    /// The source of an outgoing file is open.
    SourceOpened {
        transfer: Transfer,
        name: String,
        size: u64,
        changed: u64,
    },
    /// Packets up to (not including) `next` went to the sender.
    SourceSent {
        transfer: Transfer,
        next: u64,
    },
    /// The proof is known on the sender's side (all blocks were read).
    SourceProof {
        transfer: Transfer,
        proof: [u8; 32],
    },
    SourceFailed {
        transfer: Transfer,
        fail: Fail,
    },
    /// The .part file is ready; so many packets are in it already.
    PartOpened {
        transfer: Transfer,
        saved: u64,
    },
    PartSaved {
        transfer: Transfer,
        saved: u64,
    },
    /// Packets are missing from here on: ask again.
    PartRewound {
        transfer: Transfer,
        saved: u64,
    },
    PartDone {
        transfer: Transfer,
        path: String,
        proof: [u8; 32],
    },
    PartFailed {
        transfer: Transfer,
        fail: Fail,
    },
    /// What the desk did (history.db).
    Base(BaseTold),
    /// A small file could not be written: the disk is full.
    DiskFailed {
        fail: Fail,
    },
    /// What became of the account's keys and vault.
    Vault(VaultTold),
    /// limits.txt was changed by hand.
    LimitsRead {
        rows: Vec<LimitRow>,
        /// What the file held before it was edited.
        base: Vec<LimitRow>,
    },
}

/// An event for the server.
#[derive(Debug)]
pub enum ServerEvent<'a> {
    /// TLS stands; the far end proved that it holds this key.
    LinkUp {
        link: LinkId,
        key: PublicKey,
    },
    LinkDown {
        link: LinkId,
    },
    /// What came over the link cannot be understood; the stream is lost.
    LinkBad {
        link: LinkId,
        fail: Fail,
    },
    Packet {
        link: LinkId,
        header: Header,
        data: &'a [u8],
    },
    /// The queue of this link is over its bound.
    Overflow {
        from: LinkId,
        to: LinkId,
        lane: Lane,
        header: Header,
    },
    /// This message of `from` lies on disk.
    MailKept {
        dest: Id,
        from: LinkId,
        content_id: u32,
    },
    /// Mail could not be kept: the bytes it was counted with.
    MailFailed {
        dest: Id,
        from: LinkId,
        header: Header,
        bytes: u64,
        fail: Fail,
    },
    /// Mail to hand over: whole packets up to this number.
    MailRead {
        dest: Id,
        packets: Vec<u8>,
        upto: u64,
    },
    /// So much mail left the disk.
    MailDropped {
        dest: Id,
        count: u64,
        bytes: u64,
    },
    KeysLeft {
        link: LinkId,
        left: u64,
        curve: [u8; 32],
    },
    KeyTaken {
        link: LinkId,
        id: Id,
        found: Option<KeyBundle>,
    },
    /// licence.txt was changed.
    Licence {
        until: Option<u64>,
    },
    /// What became of an order about an account.
    Account {
        link: LinkId,
        told: AccountTold,
    },
    Tick,
}

/// What the logic wants done. Packets lie in `Out::bytes`.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Bytes `start..end` of `Out::bytes` are whole packets for this link.
    Send {
        link: LinkId,
        lane: Lane,
        start: usize,
        end: usize,
    },
    /// Pass the packet at hand on, unchanged.
    Forward {
        link: LinkId,
        lane: Lane,
    },
    /// The same, for others: dropped when this lane of the link holds much already.
    Carry {
        link: LinkId,
        lane: Lane,
        start: usize,
        end: usize,
    },
    /// Write out what is queued, then close.
    Close {
        link: LinkId,
        fail: FailKind,
    },
    /// Make a link to the server.
    Connect {
        link: LinkId,
    },
    /// Make a direct link: one of these addresses, this key (None: whoever answers).
    Call {
        link: LinkId,
        addresses: Vec<String>,
        key: Option<PublicKey>,
    },
    /// From now on ask here for one's own address (UDP).
    Ask {
        servers: Vec<SocketAddr>,
    },
    /// Find out where one may be found now, and a token: `Gathered` follows.
    Gather {
        peer: Id,
    },
    /// Tap on a hole to this person.
    Punch(Punch),
    /// Ask the router to let callers in, or not any more.
    Map {
        on: bool,
    },
    /// Seek people in the local network and be found there, or not any more.
    Seek {
        on: bool,
    },
    Show(Show),
    LimitsSave {
        rows: Vec<LimitRow>,
    },
    ContactsSave {
        rows: Vec<ContactRow>,
    },
    /// Remember a setting.
    Setting {
        key: String,
        value: String,
    },
    FinishedSave {
        row: FinishedRow,
    },
    /// Something for history.db.
    Base(BaseOrder),
    /// Write messages to a file; 0 = of everybody.
    Export {
        peer: Id,
        form: ExportForm,
        names: BTreeMap<Id, String>,
    },
    /// Something for mail.db (server).
    Mail(MailOrder),
    /// Something about the account's keys and vault.
    Vault(VaultOrder),
    /// Remember for good which key an id belongs to (server).
    Register {
        id: Id,
        key: PublicKey,
    },
    /// Open the source of a new outgoing file and tell its size.
    SourceOpen {
        transfer: Transfer,
        path: String,
    },
    /// The transfer is paid: keep its facts in a journal.
    SourceKeep {
        transfer: Transfer,
        facts: TransferFacts,
    },
    /// Read these packets, seal them and send them over this link; `over` has its socket.
    SourceRead {
        transfer: Transfer,
        link: LinkId,
        over: LinkId,
        me: Id,
        first: u64,
        count: u64,
        fresh: bool,
    },
    /// Forget what is still to be read (the way is gone).
    SourceHalt {
        transfer: Transfer,
    },
    /// The transfer is over: close and forget the journal.
    SourceDrop {
        transfer: Transfer,
    },
    PartOpen {
        transfer: Transfer,
        facts: TransferFacts,
    },
    /// The packet at hand belongs to this incoming file, but for its first `skip` bytes.
    PartPacket {
        transfer: Transfer,
        skip: usize,
    },
    /// Stop writing for now; the journal stays.
    PartHalt {
        transfer: Transfer,
    },
    /// Throw the .part and its journal away.
    PartDrop {
        transfer: Transfer,
        facts: TransferFacts,
    },
    /// End the program.
    Exit {
        code: u8,
    },
}

/// Everything one step wants done. Cleared and reused by its owner.
#[derive(Debug, Default)]
pub struct Out {
    pub actions: Vec<Action>,
    pub bytes: Vec<u8>,
}

/// Готовит к новому шагу, память остаётся.
pub fn out_clear(out: &mut Out) {
    out.actions.clear();
    out.bytes.clear();
}

/// Пакеты, дописанные в `bytes` с места `start`, отправить по линии.
pub fn out_send(out: &mut Out, link: LinkId, lane: Lane, start: usize) {
    let end = out.bytes.len();
    if end > start {
        out.actions.push(Action::Send { link, lane, start, end });
    }
}

/// Показать.
pub fn out_show(out: &mut Out, show: Show) {
    out.actions.push(Action::Show(show));
}
