//! The filesaver's part that keeps history.db: orders of one wake-up share one commit, and what
//! was done is told only after the commit, so nothing is sent or confirmed that could be lost.
//! Часть filesaver-а, которая ведёт history.db: приказы одного пробуждения делят одну запись, и
//! о сделанном говорится только после неё: не отправлено и не подтверждено то, что может пропасть.

use rusqlite::Connection;

use super::map::Queues;
use super::roles::Event;
use crate::base::fail::Fail;
use crate::logic::events::{BaseOrder, ClientEvent};
use crate::store::history::{
    history_accept, history_begin, history_commit, history_confirm, history_forget, history_keep,
    history_past, history_rollback, history_seen,
};

/// The database and what is to be told after the next commit.
#[derive(Default)]
pub struct Keeper {
    pub base: Option<Connection>,
    /// Orders done and not committed yet.
    pub waiting: usize,
    told: Vec<Event>,
    /// A commit failed: what was ordered before the logic knew is dropped, or a later message
    /// would be stored without an earlier one.
    broken: bool,
}

/// Выполняет приказ внутри общей записи. Отказ диска отменяет её целиком; логика узнаёт и
/// прикажет заново, а до того ничего не пишется.
pub fn base_order(keeper: &mut Keeper, order: BaseOrder, queues: &Queues) {
    if order == BaseOrder::Retry {
        keeper.broken = false;
        return;
    }
    if keeper.broken {
        return;
    }
    if let Err(failed) = order_do(keeper, order) {
        base_broken(keeper, failed, queues);
    }
}

/// Запись не удалась: ничего из неё не случилось, сказать только об этом.
fn base_broken(keeper: &mut Keeper, failed: Fail, queues: &Queues) {
    if let Some(base) = &keeper.base {
        history_rollback(base);
    }
    keeper.told.clear();
    keeper.waiting = 0;
    keeper.broken = true;
    let _ = queues.events.put.send(Event::Tell(ClientEvent::BaseFailed { fail: failed }));
}

/// Один приказ.
fn order_do(keeper: &mut Keeper, order: BaseOrder) -> Result<(), Fail> {
    let Some(base) = &keeper.base else {
        return Ok(());
    };
    if keeper.waiting == 0 {
        history_begin(base)?;
    }
    keeper.waiting += 1;
    match order {
        BaseOrder::Keep { peer, envelope } => {
            history_keep(base, peer, &envelope)?;
            let sequence = envelope.sequence;
            keeper.told.push(Event::Tell(ClientEvent::Kept { peer, sequence }));
        }
        BaseOrder::Accept { peer, envelope, received, seen } => {
            let fresh = history_accept(base, peer, &envelope, received, seen)?;
            keeper.told.push(Event::Tell(ClientEvent::Accepted { peer, envelope, fresh }));
        }
        BaseOrder::Confirm { peer, message, at } => history_confirm(base, peer, &message, at)?,
        BaseOrder::Seen { peer } => history_seen(base, peer)?,
        BaseOrder::Forget { peer } => history_forget(base, peer)?,
        BaseOrder::Past { query } => {
            // Неудачный вопрос — не отказ диска: запись из-за него не отменяется.
            keeper.told.push(match history_past(base, &query) {
                Ok(messages) => Event::Tell(ClientEvent::Past { messages }),
                Err(fail) => Event::StoreFailed { fail },
            });
        }
        BaseOrder::Retry => {}
    }
    Ok(())
}

/// Кончает общую запись и рассказывает о сделанном.
pub fn base_commit(keeper: &mut Keeper, queues: &Queues) {
    if keeper.waiting == 0 {
        return;
    }
    keeper.waiting = 0;
    let Some(base) = &keeper.base else {
        return;
    };
    if let Err(failed) = history_commit(base) {
        base_broken(keeper, failed, queues);
        return;
    }
    for event in keeper.told.drain(..) {
        let _ = queues.events.put.send(event);
    }
}
