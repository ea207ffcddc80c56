//! Budgets and the questions before a spend. A message or a file is paid whole, in packets,
//! before its first packet leaves; more than one packet asks first and says the price.
//! Лимиты и вопросы перед тратой. Сообщение или файл оплачивается целиком, пакетами, до первого
//! пакета; больше одного пакета — сначала вопрос с ценой.

use super::contacts::{contact_name, contact_show, limits_apply};
use super::events::{Action, Budget, LimitRow, Out, Standing, out_show};
use super::messages::{outbox_room, text_pay};
use super::room_write::{room_answer, room_budget};
use super::sending::{file_cancel, file_pay};
use super::show::{Ask, Show};
use super::state::{About, Client, Question};
use crate::base::bounds::{MESSAGE_PACKETS_MAX, QUESTIONS_MAX, SEALED_EXTRA};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_is_room};
use crate::wire::message::{Envelope, envelope_bytes, message_packets};

/// Сколько осталось по лимиту.
pub fn budget_left(client: &Client, id: Id, budget: Budget) -> u64 {
    if id_is_room(id) {
        return room_budget(client, id, budget);
    }
    match client.contacts.get(&id) {
        Some(contact) => match budget {
            Budget::Messages => contact.messages_left,
            Budget::Files => contact.files_left,
        },
        None => 0,
    }
}

/// Цена конверта в пакетах, по самому длинному виду: места в порядке ещё нет, печати тоже.
/// Ошибка `TextTooLong`.
pub fn envelope_price(envelope: &mut Envelope) -> Result<u64, Fail> {
    envelope.run = u64::MAX;
    envelope.sequence = u64::MAX;
    let packets = message_packets(envelope_bytes(envelope)?.len() + SEALED_EXTRA) as u64;
    if packets > MESSAGE_PACKETS_MAX as u64 {
        return Err(fail(FailKind::TextTooLong, &format!("{packets} > {MESSAGE_PACKETS_MAX}")));
    }
    Ok(packets)
}

/// Хватит ли лимита. Ошибка говорит, сколько нужно, сколько есть и сколько не хватает.
pub fn budget_check(client: &Client, id: Id, budget: Budget, price: u64) -> Result<(), Fail> {
    let left = budget_left(client, id, budget);
    if price <= left {
        return Ok(());
    }
    let kind = match budget {
        Budget::Messages => FailKind::BudgetMessages,
        Budget::Files => FailKind::BudgetFiles,
    };
    Err(fail(kind, &format!("{price} > {left} (+{})", price - left)))
}

/// Списывает цену целиком.
pub fn budget_pay(client: &mut Client, id: Id, budget: Budget, price: u64, out: &mut Out) {
    if let Some(contact) = client.contacts.get_mut(&id) {
        match budget {
            Budget::Messages => {
                contact.messages_left = contact.messages_left.saturating_sub(price);
            }
            Budget::Files => contact.files_left = contact.files_left.saturating_sub(price),
        }
        client.limits_dirty = true;
        limits_show(client, id, false, out);
    }
}

/// Пополняет лимит.
pub fn budget_add(client: &mut Client, id: Id, budget: Budget, amount: u64, out: &mut Out) {
    if let Some(contact) = client.contacts.get_mut(&id) {
        match budget {
            Budget::Messages => {
                contact.messages_left = contact.messages_left.saturating_add(amount);
            }
            Budget::Files => contact.files_left = contact.files_left.saturating_add(amount),
        }
        client.limits_dirty = true;
        limits_show(client, id, true, out);
    }
}

/// limits.txt правили руками: к правке прибавляется то, что потрачено и пополнено с тех пор, как
/// файл был записан (`base`), поэтому не пропадает ни правка, ни трата.
pub fn limits_edited(client: &mut Client, rows: &[LimitRow], base: &[LimitRow], out: &mut Out) {
    for row in rows {
        let mut before = row.clone();
        for known in base {
            if known.id == row.id {
                before = known.clone();
            }
        }
        let (messages, files) = match client.contacts.get(&row.id) {
            Some(contact) => (
                limit_merge(row.messages, before.messages, contact.messages_left),
                limit_merge(row.files, before.files, contact.files_left),
            ),
            None => (row.messages, row.files),
        };
        if before != *row {
            limits_apply(client, &[LimitRow { id: row.id, messages, files }]);
            limits_show(client, row.id, true, out);
        }
    }
    client.limits_dirty = true;
}

/// Правка плюс то, что изменилось в программе после записи.
fn limit_merge(edited: u64, base: u64, current: u64) -> u64 {
    if current >= base {
        edited.saturating_add(current - base)
    } else {
        edited.saturating_sub(base - current)
    }
}

/// Показывает остаток лимитов.
pub fn limits_show(client: &Client, id: Id, asked: bool, out: &mut Out) {
    if let Some(contact) = client.contacts.get(&id) {
        if contact.standing == Standing::Member && !asked {
            return;
        }
        out_show(
            out,
            Show::Limits {
                peer: id,
                name: contact_name(client, id),
                messages: contact.messages_left,
                files: contact.files_left,
                asked,
            },
        );
    }
}

/// Задаёт вопрос о трате. С `--yes` отвечает сам, но вопрос всё равно показан.
pub fn question_ask(
    client: &mut Client,
    peer: Id,
    packets: u64,
    about: About,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    if client.questions.len() >= QUESTIONS_MAX {
        return Err(fail(FailKind::QuestionMany, &QUESTIONS_MAX.to_string()));
    }
    let token = client.next_token;
    client.next_token += 1;
    let (what, budget) = match &about {
        About::Text { .. } => (Ask::Message, Budget::Messages),
        About::File { transfer } => {
            let name = match client.transfers.get(transfer) {
                Some(state) => state.facts.name.clone(),
                None => String::new(),
            };
            (Ask::File(name), Budget::Files)
        }
    };
    let left = budget_left(client, peer, budget);
    let name = contact_name(client, peer);
    out_show(out, Show::Confirm { token, peer, name, packets, what, left });
    client.questions.push(Question { token, peer, packets, about });
    if client.wishes.answer_yes {
        return question_answer(client, Some(token), true, now, out);
    }
    Ok(())
}

/// Ответ на вопрос. Без номера — только когда открыт ровно один вопрос, чтобы ответ не достался
/// вопросу, которого человек не видел.
pub fn question_answer(
    client: &mut Client,
    token: Option<u64>,
    yes: bool,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let index = question_index(client, token)?;
    let question = client.questions.remove(index);
    match question.about {
        About::Text { envelope, quote } => {
            if !yes {
                return Ok(());
            }
            if id_is_room(question.peer) {
                let (peer, agreed) = (question.peer, question.packets);
                return room_answer(client, peer, envelope, quote, agreed, now, out);
            }
            outbox_room(client, question.peer)?;
            budget_check(client, question.peer, Budget::Messages, question.packets)?;
            text_pay(client, question.peer, envelope, quote, question.packets, out);
        }
        About::File { transfer } => {
            if !yes {
                return file_cancel(client, transfer, out);
            }
            if let Err(failed) =
                budget_check(client, question.peer, Budget::Files, question.packets)
            {
                client.transfers.remove(&transfer);
                out.actions.push(Action::SourceDrop { transfer });
                return Err(failed);
            }
            file_pay(client, transfer, now, out);
        }
    }
    contact_show(client, question.peer, out);
    Ok(())
}

/// Место вопроса в списке. Ошибки: `QuestionUnknown`, `QuestionMany`.
fn question_index(client: &Client, token: Option<u64>) -> Result<usize, Fail> {
    let Some(token) = token else {
        return match client.questions.len() {
            0 => Err(fail(FailKind::QuestionUnknown, "")),
            1 => Ok(0),
            many => Err(fail(FailKind::QuestionMany, &many.to_string())),
        };
    };
    for index in 0..client.questions.len() {
        if client.questions[index].token == token {
            return Ok(index);
        }
    }
    Err(fail(FailKind::QuestionUnknown, &token.to_string()))
}
