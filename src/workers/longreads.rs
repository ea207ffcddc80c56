//! The filereader's part that reads history.db at length, beside the one who writes it: exports on
//! demand and a backup once a day.
//! Часть filereader-а, которая подолгу читает history.db рядом с тем, кто её пишет: выгрузки по
//! просьбе и копия раз в день.

use std::collections::BTreeMap;

use super::map::Queues;
use super::roles::Event;
use crate::base::clock::time_now;
use crate::base::fail::Fail;
use crate::base::ids::Id;
use crate::logic::events::{BaseTold, ClientEvent, ExportForm};
use crate::store::backup::{backup_due, backup_make};
use crate::store::base::base_open;
use crate::store::export::export_write;
use crate::store::home::Home;

/// Выгружает сообщения в файл и рассказывает, куда и сколько.
pub fn export_do(
    home: &Home,
    peer: Id,
    form: ExportForm,
    names: &BTreeMap<Id, String>,
    queues: &Queues,
) {
    let event = match export_try(home, peer, form, names) {
        Ok((path, many)) => Event::Tell(ClientEvent::Base(BaseTold::Exported { path, many })),
        Err(fail) => Event::StoreFailed { fail },
    };
    let _ = queues.events.put.send(event);
}

/// Выгрузка через своё соединение с базой.
fn export_try(
    home: &Home,
    peer: Id,
    form: ExportForm,
    names: &BTreeMap<Id, String>,
) -> Result<(String, u64), Fail> {
    let base = base_open(&home.history)?;
    let (path, many) = export_write(&base, &home.downloads, peer, form, names)?;
    Ok((path.display().to_string(), many))
}

/// Делает копию history.db, если последняя старше суток.
pub fn backup_do(home: &Home, queues: &Queues) {
    let now = time_now().wall_ms;
    if !home.history.exists() || !backup_due(&home.backups, now) {
        return;
    }
    match backup_make(&home.history, &home.backups, now) {
        Ok(path) => tracing::info!("backup: {}", path.display()),
        Err(fail) => {
            let _ = queues.events.put.send(Event::StoreFailed { fail });
        }
    }
}
