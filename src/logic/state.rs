//! The state of a client: one struct, owned by the controller, changed only by `client_step`.
//! Состояние клиента: одна структура, хозяин — controller, меняет её только `client_step`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::account::AccountState;
use super::contacts::name_clean;
use super::disk::DiskTrouble;
use super::events::{
    FileMark, FinishedRow, LinkId, PersonFacts, Place, Standing, StartFacts, Transfer,
    TransferFacts, Wishes,
};
use super::meetings::Meet;
use super::mesh::Mesh;
use super::rooms::Room;
use super::show::{FileState, Nat, Path, PeerState, Quote};
use crate::base::bounds::STRANGER_BURST;
use crate::base::bucket::Bucket;
use crate::base::fail::FailKind;
use crate::base::ids::Id;
use crate::crypto::identity::PublicKey;
use crate::wire::message::{Envelope, MessageId, TransferId};

/// Everything a client knows.
#[derive(Debug)]
pub struct Client {
    pub me: Id,
    pub public: PublicKey,
    pub fingerprint: String,
    pub run: u64,
    /// Counter of messages that the program makes by itself, for their ids.
    pub next_own: u64,
    /// Strangers whose sessions are broken, and when their keys were asked for.
    pub healing: BTreeMap<Id, Option<u64>>,
    /// A commit was lost: the mail handed over since is not all on disk.
    pub mail_spoiled: bool,
    /// Whose outboxes may have something to send; looked through once a wake-up.
    pub pump: BTreeSet<Id>,
    pub wishes: Wishes,
    /// All settings and their values, in the order of their table.
    pub settings: Vec<(&'static str, String)>,
    pub server: ServerLink,
    /// Direct links to people, by number.
    pub links: BTreeMap<LinkId, PeerLink>,
    /// Whom to call directly.
    pub calls: Vec<Call>,
    /// Who was seen in the local network.
    pub near: BTreeMap<Id, Near>,
    /// With whom a link without the server is being arranged.
    pub meets: BTreeMap<Id, Meet>,
    pub meets_ms: u64,
    pub nat: Nat,
    /// As what the server sees this computer; empty: not known.
    pub outside: String,
    pub near_ms: u64,
    /// Who passes packets on, and to whom.
    pub mesh: Mesh,
    /// Where one's own door is, as it stands in the card.
    pub doors: Vec<String>,
    /// The same without the place that the router gave.
    pub doors_own: Vec<String>,
    /// Where the router lets callers in: TCP and UDP.
    pub mapped: (Option<String>, Option<String>),
    /// Packets that strangers on direct links may still send, and when that was last counted.
    pub strangers: Bucket,
    /// One-time keys given out over direct links in this hour, and when it began.
    pub keys_given: u64,
    pub keys_hour_ms: u64,
    pub contacts: BTreeMap<Id, Contact>,
    /// Rooms by their pseudo-id (base/ids.rs).
    pub rooms: BTreeMap<Id, Room>,
    /// Keys of people as pinned, and whether they changed; there since the first session.
    pub people: BTreeMap<Id, PersonFacts>,
    pub transfers: BTreeMap<Transfer, TransferState>,
    pub finished: VecDeque<FinishedRow>,
    /// What became of files of the history and is not on disk yet; bounded.
    pub marks: VecDeque<FileMark>,
    pub questions: Vec<Question>,
    /// Long messages that are being put together, of all senders.
    pub partials: Vec<Partial>,
    pub next_link: LinkId,
    pub next_transfer: Transfer,
    pub next_token: u64,
    pub next_content: u32,
    /// Whom plain text goes to.
    pub chosen: Option<Id>,
    pub limits_dirty: bool,
    pub contacts_dirty: bool,
    pub account: AccountState,
    pub leave: Leave,
    /// history.db failed: try again at this moment.
    pub base_retry_ms: Option<u64>,
    /// The disk is full or fails, and the user was told so.
    pub disk: Option<DiskTrouble>,
    /// Why the server link ended for good.
    pub ended: FailKind,
}

/// How far the client is with leaving.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leave {
    Staying,
    /// `/quit` was answered with a warning once.
    Warned,
    /// The input ended; leave when all is delivered, at the latest then.
    Draining {
        until_ms: u64,
        /// Since when only answers to offers are waited for.
        calm_ms: Option<u64>,
    },
    Left,
}

/// The link to the server.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerLink {
    /// HOST:PORT, empty when no server is known.
    pub address: String,
    pub link: LinkId,
    /// IP:PORT it was reached at.
    pub place: String,
    pub stage: Stage,
    pub since_ms: u64,
    pub heard_ms: u64,
    pub pinged_ms: u64,
    pub wait_ms: u64,
}

/// Stages of the link to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No link; the next try is at `since_ms + wait_ms`.
    Down,
    Connecting,
    /// TLS stands, our HELLO is sent.
    Greeting,
    Up,
    /// The server told us not to come back (signed in elsewhere, a wrong certificate).
    Ended,
}

/// A direct link to a person.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerLink {
    pub link: LinkId,
    /// Who is at the other end; 0 while one calls an address without knowing who is there.
    pub peer: Id,
    /// The key that the TLS handshake proved.
    pub key: PublicKey,
    /// The name the other end gave itself.
    pub name: String,
    pub path: Path,
    /// This side called.
    pub called: bool,
    pub stage: Stage,
    pub since_ms: u64,
    pub heard_ms: u64,
    pub pinged_ms: u64,
    /// The server said that he left, and nothing was heard here since.
    pub doubt: bool,
    /// One-time keys given out over it.
    pub keys_given: u32,
    pub address: String,
    /// The other end knows ROUTES and CARRY.
    pub carries: bool,
    pub third: Third,
}

/// What a link over a third is made of; of other links all zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Third {
    pub me: Id,
    /// The neighbour who carries, and the link to him.
    pub via: Id,
    pub over: LinkId,
    /// How its packets are counted.
    pub stream: u32,
    pub number: u32,
}

/// Somebody who was seen in the local network.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    pub address: String,
    /// SHA-256 of the key he claims.
    pub fingerprint: [u8; 32],
    pub seen_ms: u64,
}

/// Somebody to be called directly, again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// 0 = whoever answers there.
    pub peer: Id,
    pub key: Option<PublicKey>,
    pub addresses: Vec<String>,
    pub path: Path,
    pub link: Option<LinkId>,
    pub since_ms: u64,
    pub wait_ms: u64,
    /// The user was told that it does not succeed.
    pub told: bool,
    /// Made for one attempt only; nothing is said of it.
    pub once: bool,
}

/// One contact with all that waits for him.
#[derive(Debug)]
pub struct Contact {
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
    pub state: PeerState,
    /// What the server says of his presence.
    pub relay: PeerState,
    /// He refused a direct link.
    pub refused: bool,
    /// Where he may be called directly (his card); empty = not known.
    pub card: String,
    pub unread: u64,
    pub messages_left: u64,
    pub files_left: u64,
    pub outbox: VecDeque<OutMessage>,
    /// When something was last sent to him, for sending again.
    pub tried_ms: u64,
    /// How long to wait for a receipt before sending again; it doubles.
    pub resend_ms: u64,
    /// When what the server has stored was last sent again, and how long to wait; it doubles.
    pub stored_ms: u64,
    pub stored_wait_ms: u64,
    /// When the server was last asked for his keys.
    pub key_asked_ms: Option<u64>,
    /// How long to wait before asking again; it doubles.
    pub key_wait_ms: u64,
    /// When something of his was last opened or confirmed.
    pub heard_ms: u64,
    /// His session is broken: the next key begins a new one.
    pub heal: bool,
    /// The server takes nothing for him now (mailbox full, unknown): only a probe goes out.
    pub held: bool,
}

/// A message of one's own that is not confirmed yet.
#[derive(Debug)]
pub struct OutMessage {
    pub envelope: Envelope,
    /// On disk: will not get lost.
    pub kept: bool,
    /// Sealed: the bytes that travel.
    pub packet: Option<Vec<u8>>,
    pub place: Place,
    /// Sent over the present link, under this handle.
    pub sent: bool,
    pub content_id: u32,
    /// On the server's disk.
    pub stored: bool,
    /// The server did not take it: when it does, there is room again.
    pub refused: bool,
    /// The transfer this message offers.
    pub transfer: Option<Transfer>,
}

/// A long message that is being put together.
#[derive(Debug)]
pub struct Partial {
    pub source: Id,
    pub content_id: u32,
    pub count: u16,
    pub next: u16,
    pub bytes: Vec<u8>,
}

/// A question that waits for /yes or /no.
#[derive(Debug)]
pub struct Question {
    pub token: u64,
    pub peer: Id,
    pub packets: u64,
    pub about: About,
}

/// What a question is about.
#[derive(Debug)]
pub enum About {
    Text { envelope: Envelope, quote: Option<Quote> },
    File { transfer: Transfer },
}

/// A file on its way, in either direction.
#[derive(Debug)]
pub struct TransferState {
    pub number: Transfer,
    pub outgoing: bool,
    pub facts: TransferFacts,
    /// Id of the offer's envelope, as the history has it.
    pub message: MessageId,
    /// From an earlier run: its journal keeps it, leaving loses nothing.
    pub known: bool,
    pub packets: u64,
    pub phase: Phase,
    /// Receiver: packets saved; sender: packets given to the sender worker.
    pub moved: u64,
    /// Receiver: next packet to ask for; sender: next packet that would continue the request.
    pub wanted: u64,
    pub resumed_from: u64,
    /// Where this run of the transfer began: moment and packet.
    pub began_ms: u64,
    pub began_at: u64,
    /// When something was last saved (receiver).
    pub moved_ms: u64,
    /// Offered anew while it runs: ask again at this moment, unless something is saved before.
    pub doubt_ms: Option<u64>,
    pub shown_ms: u64,
    pub shown_moved: u64,
    pub rewinds: u32,
    /// The furthest place that was asked for again.
    pub rewound_at: u64,
    pub proof: Option<[u8; 32]>,
    /// Random bytes kept from the command until the source is open.
    pub transfer_random: [u8; 64],
}

/// Phases of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Outgoing: the source is being opened.
    Opening,
    /// Outgoing: the price is being asked.
    Asking,
    /// Offered, not answered yet (either side).
    Offered,
    /// Incoming: accepted, waits for a free place or for the other side.
    Waiting,
    /// Incoming: the .part file is being opened.
    Preparing,
    Running,
}

/// Линия с сервером, какой она бывает до первого звонка.
fn server_new(address: &str) -> ServerLink {
    ServerLink {
        address: String::from(address),
        link: 0,
        place: String::new(),
        stage: Stage::Down,
        since_ms: 0,
        heard_ms: 0,
        pinged_ms: 0,
        wait_ms: 0,
    }
}

/// Начальное состояние клиента из того, что лежит на диске.
pub fn client_new(facts: &StartFacts) -> Client {
    let mut client = Client {
        me: facts.me,
        public: facts.public,
        next_own: 0,
        pump: BTreeSet::new(),
        healing: BTreeMap::new(),
        mail_spoiled: false,
        fingerprint: facts.fingerprint.clone(),
        run: facts.run,
        wishes: Wishes { name: name_clean(&facts.wishes.name), ..facts.wishes.clone() },
        settings: facts.settings.clone(),
        server: server_new(&facts.server),
        links: BTreeMap::new(),
        calls: Vec::new(),
        near: BTreeMap::new(),
        meets: BTreeMap::new(),
        meets_ms: 0,
        nat: Nat::Unknown,
        outside: String::new(),
        near_ms: 0,
        mesh: Mesh::default(),
        doors: facts.doors.clone(),
        doors_own: facts.doors.clone(),
        mapped: (None, None),
        strangers: Bucket { room: STRANGER_BURST, counted_ms: 0 },
        keys_given: 0,
        keys_hour_ms: 0,
        contacts: BTreeMap::new(),
        rooms: BTreeMap::new(),
        people: BTreeMap::new(),
        transfers: BTreeMap::new(),
        finished: VecDeque::from(facts.finished.clone()),
        marks: VecDeque::new(),
        questions: Vec::new(),
        partials: Vec::new(),
        next_link: 1,
        next_transfer: 1,
        next_token: 1,
        next_content: (facts.run & 0xffff) as u32,
        chosen: facts.to,
        limits_dirty: false,
        contacts_dirty: false,
        account: AccountState::default(),
        leave: Leave::Staying,
        base_retry_ms: None,
        disk: None,
        ended: FailKind::ServerMissing,
    };
    for outgoing in &facts.outgoing {
        let number = transfer_add(&mut client, true, outgoing.clone(), Phase::Offered);
        if let Some(state) = client.transfers.get_mut(&number) {
            state.known = true;
        }
    }
    for incoming in &facts.incoming {
        transfer_add(&mut client, false, incoming.clone(), Phase::Waiting);
    }
    client
}

/// Заводит передачу и возвращает её номер.
pub fn transfer_add(
    client: &mut Client,
    outgoing: bool,
    facts: TransferFacts,
    phase: Phase,
) -> Transfer {
    let number = client.next_transfer;
    client.next_transfer += 1;
    let packets = crate::wire::file::file_packets(facts.size);
    let state = TransferState {
        number,
        outgoing,
        message: facts.transfer,
        facts,
        known: false,
        packets,
        phase,
        moved: 0,
        wanted: 0,
        resumed_from: 0,
        began_ms: 0,
        began_at: 0,
        moved_ms: 0,
        doubt_ms: None,
        shown_ms: 0,
        shown_moved: 0,
        rewinds: 0,
        rewound_at: 0,
        proof: None,
        transfer_random: [0; 64],
    };
    client.transfers.insert(number, state);
    number
}

/// Передача по её постоянному номеру.
pub fn transfer_find(client: &Client, outgoing: bool, id: &TransferId) -> Option<Transfer> {
    for state in client.transfers.values() {
        // Пока источник открывается, номера ещё нет: чужой пакет с нулями его не найдёт.
        let named = state.phase != Phase::Opening;
        if named && state.outgoing == outgoing && state.facts.transfer == *id {
            return Some(state.number);
        }
    }
    None
}

/// Передача, о которой эта строка истории.
pub fn transfer_told(client: &Client, peer: Id, message: &MessageId) -> Option<Transfer> {
    for state in client.transfers.values() {
        let named = state.phase != Phase::Opening;
        if named && state.facts.peer == peer && state.message == *message {
            return Some(state.number);
        }
    }
    None
}

/// Как показать фазу передачи в списке.
pub fn phase_shown(state: &TransferState) -> FileState {
    match state.phase {
        Phase::Opening | Phase::Asking | Phase::Offered => FileState::Offered,
        Phase::Waiting => FileState::Paused,
        Phase::Preparing | Phase::Running => FileState::Started,
    }
}
