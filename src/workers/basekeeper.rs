//! The filesaver's part that keeps the databases: history.db of a client (store/desk.rs) or mail.db
//! of a server (mailkeeper.rs). Orders of one wake-up share one commit; what was done is told only
//! after it, so nothing is sent or promised that could be lost.
//! Часть filesaver-а, которая ведёт базы: history.db клиента (store/desk.rs) или mail.db сервера
//! (mailkeeper.rs). Приказы одного пробуждения делят одну запись; о сделанном говорится после неё:
//! не отправлено и не обещано то, что может пропасть.

use super::mailkeeper::{MailKeeper, mail_order, mail_settle};
use super::map::Queues;
use super::roles::Event;
use crate::base::fail::FailKind;
use crate::logic::events::{BaseOrder, BaseTold, ClientEvent, MailOrder};
use crate::store::desk::{Desk, desk_commit, desk_order};

/// The databases of this process: one of the two.
#[derive(Default)]
pub struct Keeper {
    pub desk: Option<Box<Desk>>,
    pub mail: MailKeeper,
    /// Orders done and not committed yet.
    pub waiting: usize,
    /// Bytes of messages among them.
    pub weight: usize,
}

/// Приказ для history.db.
pub fn base_order(keeper: &mut Keeper, order: BaseOrder) {
    if let Some(desk) = &mut keeper.desk {
        desk_order(desk, order);
        keeper.waiting += 1;
    }
}

/// Приказ для mail.db.
pub fn base_mail(keeper: &mut Keeper, order: MailOrder) {
    mail_order(&mut keeper.mail, order);
    keeper.waiting += 1;
}

/// Кончает общую запись и рассказывает о сделанном. `true` — history.db испорчена.
pub fn base_commit(keeper: &mut Keeper, queues: &Queues) -> bool {
    if keeper.waiting == 0 {
        return false;
    }
    let mut damaged = false;
    keeper.waiting = 0;
    keeper.weight = 0;
    if let Some(desk) = &mut keeper.desk {
        desk_commit(desk);
        for told in desk.told.drain(..) {
            if let BaseTold::BaseFailed { fail } = &told {
                damaged = damaged || fail.kind == FailKind::BaseDamaged;
            }
            let _ = queues.events.put.send(Event::Tell(ClientEvent::Base(told)));
        }
    }
    mail_settle(&mut keeper.mail);
    for told in keeper.mail.told.drain(..) {
        let _ = queues.events.put.send(Event::TellServer(told));
    }
    damaged
}
