//! Bodies of ACCOUNT and ACCOUNT_REPLY (content_type 0): CBOR maps with small integer keys, as in
//! control.rs. What they mean: docs/protocol.md, "Accounts".
//! Тела ACCOUNT и ACCOUNT_REPLY (content_type 0): словари CBOR с целыми ключами, как в control.rs.
//! Что они значат: docs/protocol.md, "Accounts".

use minicbor::{Decode, Encode};

use crate::base::ids::Id;

/// Takes a name and puts a vault under it.
pub const ACCOUNT_REGISTER: u8 = 1;
/// Fetches the vault of a name.
pub const ACCOUNT_LOGIN: u8 = 2;
/// Replaces the vault.
pub const ACCOUNT_SAVE: u8 = 3;
/// Replaces the login key and the vault together: a new password.
pub const ACCOUNT_CHANGE: u8 = 4;
/// Looks people up by name, its beginning, or id.
pub const ACCOUNT_FIND: u8 = 5;

/// ACCOUNT: what a client wants of the accounts. Fields that an action does not need are empty.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Account {
    #[n(0)]
    pub action: u8,
    #[n(1)]
    pub name: String,
    /// The login key; the server keeps only its SHA-256.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub login: [u8; 32],
    /// Sealed for the owner alone.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub vault: Vec<u8>,
    /// What FIND looks for.
    #[n(4)]
    pub text: String,
}

/// ACCOUNT_REPLY: the answer to the action of the same number; answers keep the order of questions.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct AccountReply {
    #[n(0)]
    pub action: u8,
    /// Number of the reason (base/fail.rs), 0 = done.
    #[n(1)]
    pub reason: u16,
    /// With the reason TRY_LATER: how long to wait, milliseconds.
    #[n(2)]
    pub wait_ms: u64,
    /// LOGIN: the vault.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub vault: Vec<u8>,
    /// FIND: who was found.
    #[n(4)]
    pub people: Vec<AccountPerson>,
}

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct AccountPerson {
    #[n(0)]
    pub id: Id,
    #[n(1)]
    pub name: String,
}
