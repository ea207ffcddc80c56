//! What the desk tells: put on disk, sealed, opened, found; each piece goes to its room.
//! Что рассказывает стол: легло на диск, запечатано, вскрыто, найдено; каждое идёт в свою комнату.

use super::client::control_put;
use super::disk::{disk_failed, disk_wrote};
use super::events::{BaseTold, Out, out_show};
use super::inbox::{Came, envelope_opened};
use super::keys::{key_given, keys_send, seal_refused};
use super::meetings::meeting_received;
use super::messages::{outbox_kept, outbox_reached, outbox_sealed, outbox_unsealed, packet_send};
use super::past::{export_begin, looked_do, past_show, seen_upto};
use super::room_told::room_told;
use super::show::Show;
use super::state::{Client, Stage};
use super::transfers::mark_kept;
use super::trust::person_learned;
use crate::base::clock::Time;
use crate::wire::control::Mail;
use crate::wire::packets::Kind;

/// Рассказ стола: что легло на диск, запечатано, вскрыто, найдено.
pub fn base_told(client: &mut Client, told: BaseTold, now: Time, out: &mut Out) {
    disk_wrote(client, &told);
    match told {
        BaseTold::Kept { peer, message } => outbox_kept(client, peer, &message, out),
        BaseTold::Sealed { peer, message, packet, place } => {
            outbox_sealed(client, peer, &message, packet, place);
        }
        BaseTold::Unsealed { peer } => outbox_unsealed(client, peer),
        BaseTold::Opened { peer, envelope, received, fresh, quote } => {
            let came = Came { received, fresh, quote };
            envelope_opened(client, peer, envelope, came, now, out);
        }
        BaseTold::Outgoing { peer, packet } => packet_send(client, peer, &packet, out),
        BaseTold::Reached { peer, messages, state, at } => {
            outbox_reached(client, peer, &messages, state, at, now, out);
        }
        BaseTold::SealRefused { peer, fail, heal } => seal_refused(client, peer, fail, heal, out),
        BaseTold::Person { facts } => person_learned(client, facts, now, out),
        BaseTold::KeysMade { keys } => keys_send(client, &keys, out),
        BaseTold::KeyGiven { peer, bundle } => key_given(client, peer, bundle, out),
        BaseTold::Marked { mark } => {
            if client.server.stage == Stage::Up {
                control_put(client, Kind::Mail, &Mail { upto: mark }, out);
            }
        }
        BaseTold::SeenUpto { peer, message } => seen_upto(client, peer, message, now, out),
        BaseTold::Looked { wanted, found } => {
            if let Err(fail) = looked_do(client, wanted, found, now, out) {
                out_show(out, Show::Error { fail, command: String::new() });
            }
        }
        BaseTold::Bits { peer, message, outgoing, before, after } => {
            out_show(out, Show::Bits { peer, message, outgoing, before, after });
        }
        BaseTold::ExportReady { peer, form } => export_begin(client, peer, form, out),
        BaseTold::Meeting { peer, meeting } => meeting_received(client, peer, meeting, now, out),
        BaseTold::Room(told) => room_told(client, told, now, out),
        BaseTold::Exported { path, many } => {
            let values = vec![("path", path), ("many", many.to_string())];
            out_show(out, Show::Info { key: "exported", values });
        }
        BaseTold::BaseFailed { fail } => {
            client.mail_spoiled = true;
            disk_failed(client, fail, now, out);
        }
        BaseTold::QueryFailed { fail } => {
            out_show(out, Show::Error { fail, command: String::new() });
        }
        BaseTold::Past { query, messages, more } => {
            past_show(client, query, messages, more, out);
        }
        BaseTold::FileKept { mark } => mark_kept(client, &mark),
    }
}
