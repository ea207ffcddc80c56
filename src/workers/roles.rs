//! What travels to the controller, and what a client or a server needs to begin.
//! Что едет к controller-у, и что нужно клиенту или серверу для начала.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use mio::net::UdpSocket;
use rusqlite::Connection;
use rustls::{ClientConfig, ServerConfig};

use super::map::{Batch, Queues};
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::crypto::identity::PublicKey;
use crate::logic::events::{
    ClientEvent, Command, LinkId, Punch, ServerEvent, StartFacts, Transfer,
};
use crate::logic::mailbox::{Mailbox, Quota};
use crate::net::link::{ReadHalf, WriteHalf};
use crate::store::desk::Desk;
use crate::store::home::Home;

/// What the displayer's thread runs: takes from `to_displayer` until `Show::Exit`.
pub type FaceMain = fn(&Queues);

/// Everything a client begins with.
pub struct ClientStart {
    pub facts: StartFacts,
    pub home: Home,
    /// The open history.db with its keys.
    pub desk: Box<Desk>,
    /// Nobody else works in this home while it is held.
    pub lock: File,
    /// None when no server can be trusted or none is known.
    pub tls: Option<Arc<ClientConfig>>,
    /// How people are called directly.
    pub call: Arc<ClientConfig>,
    /// One's own door; None: nobody is listened to.
    pub door: Option<(TcpListener, Arc<ServerConfig>)>,
    /// How people in the local network are sought; None: they are not.
    pub seek: Option<SeekOrder>,
    /// The port that the router is to let callers in at; None: it is not asked.
    pub map_port: Option<u16>,
}

/// Everything a server begins with.
pub struct ServerStart {
    pub home: Home,
    pub socket: TcpListener,
    pub tls: Arc<ServerConfig>,
    pub registered: BTreeMap<Id, PublicKey>,
    /// The open mail.db and what waits in it.
    pub mail: Connection,
    pub mailboxes: BTreeMap<Id, Mailbox>,
    pub quota: Quota,
    /// Where questions for addresses are answered (UDP).
    pub stun: Vec<UdpSocket>,
    /// Until when the licence holds.
    pub licence: Option<u64>,
}

/// An order for the connector.
pub enum ConnectorOrder {
    Call(ConnectOrder),
    /// Seek people in the local network, and let oneself be found; None: no more.
    Seek(Option<SeekOrder>),
}

/// What it takes to seek people in the local network.
#[derive(Clone, Debug)]
pub struct SeekOrder {
    pub me: Id,
    /// SHA-256 of one's own key.
    pub fingerprint: [u8; 32],
    /// Where beacons are sent and heard.
    pub port: u16,
    /// Where one listens; None: one only seeks.
    pub door: Option<SocketAddr>,
}

/// One call.
pub struct ConnectOrder {
    pub link: LinkId,
    /// Tried one after the other, the first that answers is taken.
    pub addresses: Vec<String>,
    pub tls: Arc<ClientConfig>,
}

/// An order for the puncher.
pub enum PuncherOrder {
    /// A server: answer questions for addresses on these sockets.
    Answer(Vec<UdpSocket>),
    /// A client: open the UDP socket where the door is, on its port if that is free; `tls` for
    /// those who come in.
    Open {
        door: SocketAddr,
        tls: Arc<ServerConfig>,
    },
    /// Whom to ask for one's own address, from now on.
    Servers(Vec<SocketAddr>),
    /// Tell where one may be found now.
    Gather {
        peer: Id,
    },
    Punch(PunchOrder),
    /// Report when the last words are through all holes.
    Sync,
}

/// An order for the mapper.
pub enum MapperOrder {
    /// Ask the router to let callers in at this port, from now on.
    Map { port: u16 },
    /// Not any more; `MapperIdle` follows.
    Stop,
}

/// A hole is wanted, and how the other end is called through it.
pub struct PunchOrder {
    pub wish: Punch,
    pub tls: Arc<ClientConfig>,
}

/// What the controller hears from everybody but the listener.
pub enum Event {
    StartClient(Box<ClientStart>),
    StartServer(Box<ServerStart>),
    Command {
        command: Command,
        line: String,
    },
    LinkMade {
        read: Box<ReadHalf>,
        write: Box<WriteHalf>,
    },
    LinkFailed {
        link: LinkId,
        fail: Fail,
    },
    /// Somebody who was introduced came through a hole; his TLS begins here.
    Holed {
        socket: TcpStream,
        from: String,
    },
    /// A worker's report for the client's logic.
    Tell(ClientEvent<'static>),
    /// A worker's report for the server's logic.
    TellServer(ServerEvent<'static>),
    /// Sealed packets of a file, ready for this link; `next` follows the last of them.
    SourceBatch {
        transfer: Transfer,
        next: u64,
        batch: Batch,
    },
    /// A small file could not be written or read; the user is told.
    StoreFailed {
        fail: Fail,
    },
    /// The router was told to let nobody in any more.
    MapperIdle,
    /// Everything that was ordered before is on disk.
    SaverIdle,
    /// Everything that was ordered before is with the kernel.
    SenderIdle,
    /// No hole has anything to say any more.
    PuncherIdle,
}
