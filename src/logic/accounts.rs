//! Accounts, the server's side: names, login keys as hashes, sealed vaults. The server can open no
//! vault and never sees a password. Wrong passwords are counted when they are tried, not when they
//! are answered, so no flood of questions gets more tries; a name nobody has counts and answers
//! like any other.
//! Учётные записи, сторона сервера: имена, хеши ключей входа, запечатанные хранилища. Открыть
//! хранилище сервер не может, паролей не видит. Попытка считается, когда её сделали, а не когда на
//! неё ответили, поэтому поток вопросов не даёт лишних; имя, которого нет, считается и отвечает
//! так же, как всякое другое.

use std::collections::BTreeMap;

use super::events::{Action, LinkId, MailOrder, Out};
use super::server::{Server, control_put};
use crate::base::bounds::{
    ACCOUNT_ASKS_MAX, ACCOUNT_NAME_MAX, ACCOUNT_NAME_MIN, FIND_MAX, TRIES_FORGET_MS, TRIES_FREE,
    TRIES_NAMES_MAX, TRIES_WAIT_MAX_MS, TRIES_WAIT_MS, VAULT_MAX,
};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_parse};
use crate::crypto::identity::sha256;
use crate::wire::account::{
    ACCOUNT_CHANGE, ACCOUNT_FIND, ACCOUNT_LOGIN, ACCOUNT_REGISTER, ACCOUNT_SAVE, Account,
    AccountPerson, AccountReply,
};
use crate::wire::control::body_read;
use crate::wire::packets::Kind;

/// Минута, за которую считаются просьбы одной линии.
const MINUTE_MS: u64 = 60_000;

/// What the server's logic wants of the accounts in mail.db. `login` is always the hash.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountOrder {
    Register { id: Id, name: String, login: [u8; 32], vault: Vec<u8>, at: u64 },
    Login { name: String, login: [u8; 32] },
    Save { id: Id, login: [u8; 32], vault: Vec<u8> },
    Change { id: Id, login: [u8; 32], vault: Vec<u8> },
    Find { text: String, id: Option<Id> },
}

/// What became of it.
#[derive(Debug)]
pub enum AccountTold {
    /// Done, or the reason why not.
    Done {
        action: u8,
        reason: FailKind,
    },
    /// What lies under this name: the hash of the login key and the vault.
    Login {
        name: String,
        login: [u8; 32],
        found: Option<AccountFound>,
    },
    Found {
        people: Vec<(Id, String)>,
    },
}

/// What a login asks for.
#[derive(Debug)]
pub struct AccountFound {
    pub login: [u8; 32],
    pub vault: Vec<u8>,
}

/// Wrong passwords, of a name or of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tries {
    pub wrong: u32,
    /// No further try before this moment.
    pub until_ms: u64,
    /// The last try.
    pub at_ms: u64,
}

/// What one link asked lately.
#[derive(Debug, Default)]
pub struct AccountAsks {
    pub tries: Tries,
    pub since_ms: u64,
    pub finds: u32,
    pub writes: u32,
}

/// Годится ли имя: от 2 до 32 букв, цифр и знаков `.`, `_`, `-`, и не одни цифры (их приняли бы за
/// номер). Ошибка `ArgumentBad`.
pub fn account_name_check(name: &str) -> Result<(), Fail> {
    let (mut many, mut lettered) = (0, false);
    let mut good = true;
    for letter in name.chars() {
        many += 1;
        good = good && (letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-'));
        lettered = lettered || !letter.is_numeric();
    }
    if good && lettered && (ACCOUNT_NAME_MIN..=ACCOUNT_NAME_MAX).contains(&many) {
        return Ok(());
    }
    Err(fail(FailKind::ArgumentBad, name))
}

/// ACCOUNT: разбирает просьбу клиента.
pub fn account_received(
    server: &mut Server,
    id: Id,
    link: LinkId,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: Account = body_read("ACCOUNT", data)?;
    if body.vault.len() > VAULT_MAX {
        return Err(fail(FailKind::SizeOver, "ACCOUNT"));
    }
    let login = sha256(&body.login);
    let (action, vault) = (body.action, body.vault);
    let order = match action {
        ACCOUNT_LOGIN => {
            login_asked(server, link, body.name, login, now, out);
            return Ok(());
        }
        ACCOUNT_REGISTER => {
            if account_name_check(&body.name).is_err() {
                reply_put(link, action, FailKind::ArgumentBad, 0, out);
                return Ok(());
            }
            AccountOrder::Register { id, name: body.name, login, vault, at: now.wall_ms }
        }
        ACCOUNT_SAVE => AccountOrder::Save { id, login, vault },
        ACCOUNT_CHANGE => AccountOrder::Change { id, login, vault },
        ACCOUNT_FIND => find_order(&body.text),
        _ => {
            reply_put(link, action, FailKind::NotAllowed, 0, out);
            return Ok(());
        }
    };
    let wait_ms = asks_count(server, link, action, now);
    if wait_ms > 0 {
        reply_put(link, action, FailKind::TryLater, wait_ms, out);
        return Ok(());
    }
    out.actions.push(Action::Mail(MailOrder::Account { link, order }));
    Ok(())
}

/// Что искать: номер из 14 цифр или имя.
fn find_order(text: &str) -> AccountOrder {
    let mut cut = String::new();
    for letter in text.trim().chars().take(FIND_MAX) {
        cut.push(letter);
    }
    let id = id_parse(&cut).ok();
    AccountOrder::Find { text: cut, id }
}

/// Считает просьбу линии; больше нуля — столько ждать до следующей минуты.
fn asks_count(server: &mut Server, link: LinkId, action: u8, now: Time) -> u64 {
    let Some(guest) = server.links.get_mut(&link) else {
        return 0;
    };
    let asks = &mut guest.account;
    if now.mono_ms >= asks.since_ms + MINUTE_MS {
        asks.since_ms = now.mono_ms;
        asks.finds = 0;
        asks.writes = 0;
    }
    let count = if action == ACCOUNT_FIND { &mut asks.finds } else { &mut asks.writes };
    if *count >= ACCOUNT_ASKS_MAX {
        return asks.since_ms + MINUTE_MS - now.mono_ms;
    }
    *count += 1;
    0
}

/// Попытка войти: посчитать её и по имени, и по линии; слишком частая отвергается не глядя.
fn login_asked(
    server: &mut Server,
    link: LinkId,
    name: String,
    login: [u8; 32],
    now: Time,
    out: &mut Out,
) {
    let Some(guest) = server.links.get_mut(&link) else {
        return;
    };
    let real = account_name_check(&name).is_ok();
    let folded = name.to_lowercase();
    let mut wait_ms = tries_wait(&guest.account.tries, now);
    if let (true, Some(tries)) = (real, server.tries.get(&folded)) {
        wait_ms = u64::max(wait_ms, tries_wait(tries, now));
    }
    if wait_ms > 0 {
        return reply_put(link, ACCOUNT_LOGIN, FailKind::TryLater, wait_ms, out);
    }
    tries_add(&mut guest.account.tries, now);
    if !real {
        return reply_put(link, ACCOUNT_LOGIN, FailKind::PasswordWrong, 0, out);
    }
    tries_room(&mut server.tries, &folded);
    tries_add(server.tries.entry(folded).or_default(), now);
    let order = AccountOrder::Login { name, login };
    out.actions.push(Action::Mail(MailOrder::Account { link, order }));
}

/// Сколько ждать до следующей попытки.
fn tries_wait(tries: &Tries, now: Time) -> u64 {
    tries.until_ms.saturating_sub(now.mono_ms)
}

/// Считает попытку; с пятой следующая ждёт, каждый раз вдвое дольше. Давние забываются.
fn tries_add(tries: &mut Tries, now: Time) {
    if now.mono_ms >= tries.at_ms + TRIES_FORGET_MS {
        tries.wrong = 0;
    }
    tries.at_ms = now.mono_ms;
    tries.wrong = tries.wrong.saturating_add(1);
    if tries.wrong >= TRIES_FREE {
        let doubled = u32::min(tries.wrong - TRIES_FREE, 16);
        let wait_ms = u64::min(TRIES_WAIT_MS << doubled, TRIES_WAIT_MAX_MS);
        tries.until_ms = now.mono_ms + wait_ms;
    }
}

/// Освобождает место в таблице имён: уходит то, на котором ошибались меньше всего и давнее всего.
/// Так поток выдуманных имён вытесняет сам себя, а не то имя, которое подбирают.
fn tries_room(names: &mut BTreeMap<String, Tries>, coming: &str) {
    if names.len() < TRIES_NAMES_MAX || names.contains_key(coming) {
        return;
    }
    let mut least: Option<(u32, u64, String)> = None;
    for (name, tries) in names.iter() {
        let less = match &least {
            Some((wrong, at_ms, _)) => (tries.wrong, tries.at_ms) < (*wrong, *at_ms),
            None => true,
        };
        if less {
            least = Some((tries.wrong, tries.at_ms, name.clone()));
        }
    }
    if let Some((_, _, name)) = least {
        names.remove(&name);
    }
}

/// База ответила: проверить пароль и ответить тому, кто просил.
pub fn account_told(server: &mut Server, link: LinkId, told: AccountTold, out: &mut Out) {
    let mut reply = AccountReply {
        action: ACCOUNT_LOGIN,
        reason: FailKind::None as u16,
        wait_ms: 0,
        vault: Vec::new(),
        people: Vec::new(),
    };
    match told {
        AccountTold::Done { action, reason } => {
            reply.action = action;
            reply.reason = reason as u16;
        }
        AccountTold::Login { name, login, found } => {
            reply.reason = FailKind::PasswordWrong as u16;
            if let Some(found) = found {
                if found.login == login {
                    reply.reason = FailKind::None as u16;
                    reply.vault = found.vault;
                    tries_right(server, link, &name);
                }
            }
        }
        AccountTold::Found { people } => {
            reply.action = ACCOUNT_FIND;
            for (id, name) in people {
                reply.people.push(AccountPerson { id, name });
            }
        }
    }
    if server.links.contains_key(&link) {
        control_put(link, Kind::AccountReply, &reply, out);
    }
}

/// Пароль верен: ошибки с этим именем забыты; линии прощается только эта попытка, иначе верным
/// паролем к своему имени покупались бы попытки к чужому.
fn tries_right(server: &mut Server, link: LinkId, name: &str) {
    server.tries.remove(&name.to_lowercase());
    if let Some(guest) = server.links.get_mut(&link) {
        let tries = &mut guest.account.tries;
        tries.wrong = tries.wrong.saturating_sub(1);
        if tries.wrong < TRIES_FREE {
            tries.until_ms = 0;
        }
    }
}

/// Отвечает без хранилища и людей.
fn reply_put(link: LinkId, action: u8, reason: FailKind, wait_ms: u64, out: &mut Out) {
    let (vault, people) = (Vec::new(), Vec::new());
    let reply = AccountReply { action, reason: reason as u16, wait_ms, vault, people };
    control_put(link, Kind::AccountReply, &reply, out);
}
