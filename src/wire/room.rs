//! What an envelope says of a room: which one, and the list that its owner keeps (name, members).
//! A room has no server: each message goes to every member in an envelope of its own.
//! Что конверт говорит о комнате: какая она и список её хозяина (имя, участники). Сервера у комнаты
//! нет: каждое сообщение едет каждому участнику в своём конверте.

use minicbor::{Decode, Encode};

use crate::base::ids::Id;

/// The id of a room for good: SHA-256 of its owner's key and a random number, the first 16 bytes.
pub type RoomId = [u8; 16];

/// The room an envelope belongs to.
#[derive(Clone, Debug, PartialEq, Default, Encode, Decode)]
#[cbor(map)]
pub struct RoomNote {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub room: RoomId,
    /// The version of the list that the sender knows.
    #[n(1)]
    pub version: u64,
    /// The list itself, in the owner's envelopes of kind 10.
    #[n(2)]
    pub list: Option<RoomList>,
}

/// The list of a room as its owner tells it; its version stands beside it.
#[derive(Clone, Debug, PartialEq, Default, Encode, Decode)]
#[cbor(map)]
pub struct RoomList {
    #[n(0)]
    pub name: String,
    /// With the owner's key it makes the room's id.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// Everybody, the owner too.
    #[n(2)]
    pub members: Vec<Id>,
    /// The receiver is invited with it, not only told of a change.
    #[n(3)]
    pub invite: bool,
}
