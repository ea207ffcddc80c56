//! MESSAGE packets: an envelope (CBOR) is cut into pieces and put together again before it is
//! decoded, so no character is ever split. The envelope is what end-to-end encryption will seal.
//! Пакеты MESSAGE: конверт (CBOR) режется на куски и собирается до декодирования, поэтому
//! символ никогда не рвётся. Именно конверт будет запечатывать сквозное шифрование.

use minicbor::{Decode, Encode};

use super::header::{Header, header_bytes};
use super::packets::{Kind, packet_row};
use super::room::RoomNote;
use super::stun::Token;
use crate::base::bounds::{MESSAGE_PACKET_BYTES, MESSAGE_PACKETS_MAX};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::Id;

/// A message id: UUIDv7 (RFC 9562), fixed when the message is made.
pub type MessageId = [u8; 16];
/// A transfer id: UUIDv7 too.
pub type TransferId = [u8; 16];

/// Bytes before the piece of the envelope: number of the piece and how many there are.
pub const PIECE_HEAD: usize = 4;

/// Kinds of envelopes.
pub const ENVELOPE_TEXT: u8 = 1;
/// Confirms messages as delivered.
pub const ENVELOPE_RECEIPT: u8 = 2;
/// Offers a file.
pub const ENVELOPE_OFFER: u8 = 3;
/// Changes the text of an earlier message (`about`).
pub const ENVELOPE_EDIT: u8 = 4;
/// Everything up to the message `about` was read.
pub const ENVELOPE_READ: u8 = 5;
/// Asks to be taken into the contacts.
pub const ENVELOPE_REQUEST: u8 = 6;
/// The answer: taken.
pub const ENVELOPE_ACCEPT: u8 = 7;
/// The answer: not taken.
pub const ENVELOPE_REJECT: u8 = 8;
/// The sender could not open what came: begin the order anew in this session. Has no order.
pub const ENVELOPE_HEAL: u8 = 9;

/// The list of a room, from its owner: name and members. An invitation is one too.
pub const ENVELOPE_ROOM: u8 = 10;
/// The sender leaves a room.
pub const ENVELOPE_LEAVE: u8 = 11;
/// Where the sender may be found: let us talk without the server. Has no order.
pub const ENVELOPE_MEETING: u8 = 12;

/// The envelope: what one person tells another.
#[derive(Clone, Debug, PartialEq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Envelope {
    #[n(0)]
    pub kind: u8,
    /// Id of the message; of a receipt: the message it confirms.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub id: MessageId,
    /// The order it belongs to; sequence numbers count within it. Of a receipt: the order that is
    /// confirmed.
    #[n(2)]
    pub run: u64,
    /// Place in that order, from 1; receipts have 0 and no order.
    #[n(3)]
    pub sequence: u64,
    /// Of a receipt: everything before this sequence number is on the receiver's disk.
    #[n(4)]
    pub upto: u64,
    /// When it was written (a receipt: when it was received), milliseconds since 1970 UTC.
    #[n(5)]
    pub time: u64,
    /// The sender's name for himself.
    #[n(6)]
    pub name: String,
    /// The text, UTF-8 as a rule; what does not decode is shown as hex.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub text: Vec<u8>,
    #[n(8)]
    pub offer: Option<Offer>,
    /// The message that is answered, changed or the last one read; zeros = none.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub about: MessageId,
    /// Of a receipt: the chat was open, the messages are read.
    #[n(10)]
    pub seen: bool,
    /// SHA-256 of the sender's and the receiver's identity keys: whom these words are from and for.
    #[cbor(n(11), with = "minicbor::bytes")]
    pub bond: [u8; 32],
    /// The room it is said in; None: between the two alone.
    #[n(12)]
    pub room: Option<RoomNote>,
    /// Where the sender may be found.
    #[n(13)]
    pub meeting: Option<Meeting>,
    /// What this first message of an order comes after, as it stands outside.
    #[n(14)]
    pub after: Option<After>,
}

/// A proposal to meet without the server, or its answer.
#[derive(Clone, Debug, PartialEq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Meeting {
    /// Whoever taps at the sender's UDP socket with this is the receiver.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub token: Token,
    /// Of an answer: the token of the proposal; zeros: this is a proposal.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub about: Token,
    /// UDP addresses of the sender, as IP:PORT; those seen from outside come first.
    #[n(2)]
    pub holes: Vec<String>,
    /// TCP addresses at which he listens.
    #[n(3)]
    pub doors: Vec<String>,
}

/// The last message of an earlier order that was on its way when a new one began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct After {
    #[n(0)]
    pub run: u64,
    #[n(1)]
    pub sequence: u64,
}

/// A file that is offered. Its key is fresh and random; it travels only inside the envelope.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Offer {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub transfer: TransferId,
    /// content_id of all packets of this transfer.
    #[n(1)]
    pub handle: u32,
    #[n(2)]
    pub name: String,
    #[n(3)]
    pub size: u64,
    /// Time of the file's last change, milliseconds since 1970 UTC.
    #[n(4)]
    pub changed: u64,
    #[cbor(n(5), with = "minicbor::bytes")]
    pub key: [u8; 32],
}

/// What travels: a sealed envelope and its place in the order.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Sealed {
    /// The order this message belongs to; the envelope inside repeats it.
    #[n(0)]
    pub run: u64,
    /// Its place there, from 1; 0 = receipts and the like, which have no order.
    #[n(1)]
    pub sequence: u64,
    /// Olm's message type: 0 begins a session, 1 continues it.
    #[n(2)]
    pub kind: u8,
    /// The Olm message.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub body: Vec<u8>,
    /// Whose Olm key it is; with type 0 only.
    #[n(4)]
    pub intro: Option<Intro>,
    /// Of the first message of an order: the message of an earlier one that is shown before it.
    #[n(5)]
    pub after: Option<After>,
}

/// Binds the Olm key of a message of type 0 to the sender's identity.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Intro {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub public: [u8; 32],
    /// The identity's signature of the Olm key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

/// One piece of a sealed envelope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece<'a> {
    pub index: u16,
    pub count: u16,
    pub bytes: &'a [u8],
}

/// Сколько пакетов займёт конверт такой длины.
pub fn message_packets(length: usize) -> usize {
    let packets = length.div_ceil(MESSAGE_PACKET_BYTES);
    if packets == 0 { 1 } else { packets }
}

/// Режет конверт на пакеты MESSAGE и кладёт их в конец `out`. Возвращает их число.
/// Ошибка `TextTooLong`, если пакетов больше предела.
pub fn message_put(
    out: &mut Vec<u8>,
    source_id: Id,
    dest_id: Id,
    content_id: u32,
    envelope: &[u8],
) -> Result<usize, Fail> {
    let count = message_packets(envelope.len());
    if count > MESSAGE_PACKETS_MAX {
        return Err(fail(FailKind::TextTooLong, &count.to_string()));
    }
    let content_type = packet_row(Kind::Message).content_type;
    for index in 0..count {
        let from = index * MESSAGE_PACKET_BYTES;
        let to = usize::min(from + MESSAGE_PACKET_BYTES, envelope.len());
        let size = (PIECE_HEAD + to - from) as u16;
        let header = Header { source_id, dest_id, content_id, content_type, size };
        out.extend_from_slice(&header_bytes(&header));
        out.extend_from_slice(&(index as u16).to_be_bytes());
        out.extend_from_slice(&(count as u16).to_be_bytes());
        out.extend_from_slice(&envelope[from..to]);
    }
    Ok(count)
}

/// Читает кусок конверта. Ошибка `BodyBad`: номер вне счёта, кусков больше предела.
pub fn piece_read(data: &[u8]) -> Result<Piece<'_>, Fail> {
    if data.len() < PIECE_HEAD {
        return Err(fail(FailKind::BodyBad, "MESSAGE"));
    }
    let index = u16::from_be_bytes([data[0], data[1]]);
    let count = u16::from_be_bytes([data[2], data[3]]);
    if index >= count || count as usize > MESSAGE_PACKETS_MAX {
        return Err(fail(FailKind::BodyBad, "MESSAGE"));
    }
    Ok(Piece { index, count, bytes: &data[PIECE_HEAD..] })
}

/// Кодирует конверт в байты.
pub fn envelope_bytes(envelope: &Envelope) -> Result<Vec<u8>, Fail> {
    match minicbor::to_vec(envelope) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(fail(FailKind::BodyBad, "envelope")),
    }
}

/// Байты текста как строка; что не UTF-8, показывается шестнадцатерично.
pub fn text_shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => String::from(text),
        Err(_) => format!("0x{}", hex::encode(bytes)),
    }
}
