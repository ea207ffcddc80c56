//! Rooms in the vault of an account: which ones, whose, who is in them. Names that members gave
//! themselves stay behind: they come again with their words, and room in the vault is dear.
//! Комнаты в хранилище учётной записи: какие, чьи, кто в них. Как участники назвались, туда не
//! кладётся: придёт снова с их словами, а место в хранилище дорого.

use serde_json::{Map, Value};

use crate::base::bounds::{ROOM_MEMBERS_MAX, ROOMS_MAX};
use crate::base::ids::{id_is_person, id_of_room};
use crate::logic::contacts::name_clean;
use crate::logic::rooms::{Member, RoomFacts, RoomState};

/// Комната для хранилища; покинутые туда не едут.
pub fn room_value(facts: &RoomFacts) -> Option<Value> {
    if facts.state != RoomState::Joined {
        return None;
    }
    let mut members = Vec::new();
    for member in &facts.members {
        members.push(Value::from(member.id));
    }
    let mut map = Map::new();
    map.insert(String::from("room"), Value::from(hex::encode(facts.room)));
    map.insert(String::from("nonce"), Value::from(hex::encode(facts.nonce)));
    map.insert(String::from("name"), Value::from(facts.name.clone()));
    map.insert(String::from("owner"), Value::from(facts.owner));
    map.insert(String::from("version"), Value::from(facts.version));
    map.insert(String::from("members"), Value::Array(members));
    if !facts.keep {
        map.insert(String::from("keep"), Value::from(false));
    }
    Some(Value::Object(map))
}

/// Комнаты из хранилища; прежние хранилища их не знают. `None` — испорчено.
pub fn rooms_of(value: &Value) -> Option<Vec<RoomFacts>> {
    let mut rooms = Vec::new();
    if value.is_null() {
        return Some(rooms);
    }
    for item in value.as_array()?.iter().take(ROOMS_MAX) {
        let mut members = Vec::new();
        for id in item["members"].as_array()?.iter().take(ROOM_MEMBERS_MAX) {
            let id = id.as_u64()?;
            if id_is_person(id) {
                members.push(Member { id, name: String::new() });
            }
        }
        let room = bytes_of(&item["room"])?;
        rooms.push(RoomFacts {
            id: id_of_room(&room),
            room,
            nonce: bytes_of(&item["nonce"])?,
            name: name_clean(item["name"].as_str()?),
            owner: item["owner"].as_u64()?,
            version: item["version"].as_u64()?,
            state: RoomState::Joined,
            keep: item["keep"].as_bool().unwrap_or(true),
            members,
        });
    }
    Some(rooms)
}

/// 16 байт из шестнадцатеричной строки.
fn bytes_of(value: &Value) -> Option<[u8; 16]> {
    let mut bytes = [0u8; 16];
    hex::decode_to_slice(value.as_str()?, &mut bytes).ok()?;
    Some(bytes)
}
