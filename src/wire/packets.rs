//! ★ THE table of packets: kind, number, name, family, who may send it, greatest body, lane.
//! What this table does not allow is refused with a reason, before anybody looks at the body.
//! ★ ТА САМАЯ таблица пакетов: вид, номер, имя, семейство, кто шлёт, предел тела, полоса.
//! Чего таблица не разрешает, то отвергается с причиной раньше, чем кто-то взглянет на тело.

use super::carry::CARRY_SKIP;
use super::header::Header;
use crate::base::bounds::{DATA_MAX, FILE_PACKET_BYTES, MESSAGE_PACKET_BYTES};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{ID_SERVER, Id, id_is_person};

/// Every kind of packet there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Hello,
    Ping,
    Pong,
    Quit,
    Quited,
    Refused,
    Watch,
    Presence,
    Unreachable,
    Keys,
    KeysLeft,
    KeyAsk,
    Key,
    Stored,
    Mail,
    Account,
    AccountReply,
    Routes,
    Message,
    FileSize,
    FileWant,
    FileData,
    FileBlock,
    FileEnd,
    FileDone,
    FileStop,
    Carry,
    CarryFile,
}

/// Which part of the program a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Control,
    Message,
    File,
    /// Packets of others on their way.
    Carry,
}

/// Who may send a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Either end of a link, to the other end: a client from its own id, the server from 0.
    Link,
    /// A client, to the server.
    Client,
    /// The server, to a client.
    Server,
    /// A person, to a person; the server passes it on unread.
    Person,
    /// Either end of a direct link, to the other end.
    Neighbour,
    /// Either end of a direct link, for others: source and destination are theirs.
    Carrier,
}

/// Which of the sender's two queues a packet waits in: messages overtake files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Messages,
    Files,
}

/// One row of the table.
#[derive(Debug)]
pub struct PacketRow {
    pub kind: Kind,
    /// content_type of the header; 0 = control.
    pub content_type: u8,
    /// For control packets: their content_id. 0 for all others (there content_id is free).
    pub control: u32,
    pub name: &'static str,
    pub family: Family,
    pub origin: Origin,
    /// Greatest number of data bytes.
    pub size_max: usize,
    pub lane: Lane,
}

/// Строка управляющего пакета.
const fn control(kind: Kind, number: u32, name: &'static str, origin: Origin) -> PacketRow {
    let size_max = 16_384;
    let (family, lane) = (Family::Control, Lane::Messages);
    PacketRow { kind, content_type: 0, control: number, name, family, origin, size_max, lane }
}

/// Строка управляющего пакета, в котором едет хранилище: он занимает всё, что допускает размер.
const fn control_long(kind: Kind, number: u32, name: &'static str, origin: Origin) -> PacketRow {
    let mut row = control(kind, number, name, origin);
    row.size_max = DATA_MAX;
    row
}

/// Строка файлового пакета.
const fn file(kind: Kind, number: u8, name: &'static str, size: usize, lane: Lane) -> PacketRow {
    let (family, origin) = (Family::File, Origin::Person);
    let content_type = number;
    PacketRow { kind, content_type, control: 0, name, family, origin, size_max: size, lane }
}

/// Строка пакета, внутри которого едет чужой пакет не длиннее `size`.
const fn carry(kind: Kind, number: u8, name: &'static str, size: usize, lane: Lane) -> PacketRow {
    let (family, origin, control) = (Family::Carry, Origin::Carrier, 0);
    let size_max = CARRY_SKIP + size;
    PacketRow { kind, content_type: number, control, name, family, origin, size_max, lane }
}

/// Data bytes of FILE_DATA beside the file's own: attempt, index, tag.
pub const FILE_DATA_EXTRA: usize = 4 + 8 + 16;

/// The table. Rows of one content_type stand together; a test compares it with docs/protocol.md.
pub const PACKETS: &[PacketRow] = &[
    control(Kind::Hello, 1, "HELLO", Origin::Link),
    control(Kind::Ping, 2, "PING", Origin::Link),
    control(Kind::Pong, 3, "PONG", Origin::Link),
    control(Kind::Quit, 4, "QUIT", Origin::Link),
    control(Kind::Quited, 5, "QUITED", Origin::Server),
    control(Kind::Refused, 6, "REFUSED", Origin::Link),
    control(Kind::Watch, 7, "WATCH", Origin::Client),
    control(Kind::Presence, 8, "PRESENCE", Origin::Server),
    control(Kind::Unreachable, 9, "UNREACHABLE", Origin::Server),
    control(Kind::Keys, 10, "KEYS", Origin::Client),
    control(Kind::KeysLeft, 11, "KEYS_LEFT", Origin::Server),
    control(Kind::KeyAsk, 12, "KEY_ASK", Origin::Client),
    control(Kind::Key, 13, "KEY", Origin::Server),
    control(Kind::Stored, 14, "STORED", Origin::Server),
    control(Kind::Mail, 15, "MAIL", Origin::Link),
    control_long(Kind::Account, 16, "ACCOUNT", Origin::Client),
    control_long(Kind::AccountReply, 17, "ACCOUNT_REPLY", Origin::Server),
    control(Kind::Routes, 20, "ROUTES", Origin::Neighbour),
    PacketRow {
        kind: Kind::Message,
        content_type: 1,
        control: 0,
        name: "MESSAGE",
        family: Family::Message,
        origin: Origin::Person,
        size_max: 4 + MESSAGE_PACKET_BYTES,
        lane: Lane::Messages,
    },
    file(Kind::FileSize, 16, "FILE_SIZE", 64, Lane::Messages),
    file(Kind::FileWant, 17, "FILE_WANT", 64, Lane::Messages),
    file(Kind::FileData, 18, "FILE_DATA", FILE_DATA_EXTRA + FILE_PACKET_BYTES, Lane::Files),
    file(Kind::FileBlock, 19, "FILE_BLOCK", FILE_DATA_EXTRA + 32, Lane::Files),
    file(Kind::FileEnd, 20, "FILE_END", FILE_DATA_EXTRA + 32, Lane::Files),
    file(Kind::FileDone, 21, "FILE_DONE", 64, Lane::Messages),
    file(Kind::FileStop, 22, "FILE_STOP", 64, Lane::Messages),
    carry(Kind::Carry, 24, "CARRY", 4 + MESSAGE_PACKET_BYTES, Lane::Messages),
    carry(Kind::CarryFile, 25, "CARRY_FILE", FILE_DATA_EXTRA + FILE_PACKET_BYTES, Lane::Files),
];

/// Строка таблицы для вида пакета (порядок строк совпадает с порядком видов; есть тест).
pub fn packet_row(kind: Kind) -> &'static PacketRow {
    &PACKETS[kind as usize]
}

/// Ищет строку для заголовка. Ошибки: `TypeUnknown`, `SizeOver`.
pub fn packet_find(header: &Header) -> Result<&'static PacketRow, Fail> {
    for row in PACKETS {
        if row.content_type != header.content_type {
            continue;
        }
        if row.content_type == 0 && row.control != header.content_id {
            continue;
        }
        if header.size as usize > row.size_max {
            let detail = format!("{} {} > {}", row.name, header.size, row.size_max);
            return Err(fail(FailKind::SizeOver, &detail));
        }
        return Ok(row);
    }
    let detail = format!("type {} content {}", header.content_type, header.content_id);
    Err(fail(FailKind::TypeUnknown, &detail))
}

/// Кто стоит на том конце провода: для проверки, вправе ли он слать такой пакет.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FarEnd {
    /// A client with this id, proven by its TLS handshake.
    Client(Id),
    /// The server; it relays, so packets of others come over its link.
    Server,
    /// A person at the other end of a direct link, proven by the TLS handshake.
    Person(Id),
}

/// Control packets that are a server's business and travel on direct links too.
pub const DIRECT: &[Kind] = &[Kind::KeyAsk, Kind::Key];

/// Проверяет источник и назначение по таблице: пакет вправе прийти с этого конца?
/// Ошибки: `SourceFalse` (чужой номер источника), `NotAllowed` (не тот отправитель).
pub fn packet_allowed(row: &PacketRow, header: &Header, from: FarEnd) -> Result<(), Fail> {
    let own_source = match from {
        // Переносчик шлёт чужое: источник — не он.
        FarEnd::Person(_) if row.origin == Origin::Carrier => true,
        FarEnd::Client(id) | FarEnd::Person(id) => header.source_id == id,
        FarEnd::Server => true,
    };
    let right = match (row.origin, from) {
        (Origin::Link, FarEnd::Client(_) | FarEnd::Person(_)) => header.dest_id == ID_SERVER,
        (Origin::Link, FarEnd::Server) => header.source_id == ID_SERVER,
        (Origin::Client, FarEnd::Client(_)) => header.dest_id == ID_SERVER,
        (Origin::Client, FarEnd::Server) => false,
        (Origin::Server, FarEnd::Server) => header.source_id == ID_SERVER,
        (Origin::Server, FarEnd::Client(_)) => false,
        (Origin::Client | Origin::Server, FarEnd::Person(_)) => {
            DIRECT.contains(&row.kind) && header.dest_id == ID_SERVER
        }
        (Origin::Neighbour, FarEnd::Person(_)) => header.dest_id == ID_SERVER,
        (Origin::Neighbour | Origin::Carrier, FarEnd::Client(_) | FarEnd::Server) => false,
        (Origin::Person, _) | (Origin::Carrier, FarEnd::Person(_)) => {
            id_is_person(header.source_id)
                && id_is_person(header.dest_id)
                && header.source_id != header.dest_id
        }
    };
    if !own_source {
        return Err(fail(FailKind::SourceFalse, row.name));
    }
    if !right {
        return Err(fail(FailKind::NotAllowed, row.name));
    }
    Ok(())
}

// Поле size имеет 16 бит: предел каждой строки обязан в него помещаться.
const _: () = assert!(CARRY_SKIP + FILE_DATA_EXTRA + FILE_PACKET_BYTES <= DATA_MAX);
