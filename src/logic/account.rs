//! Accounts, the client's side: a name and a password make two keys (in the filereader, it takes
//! a while); the server proves by one of them who may fetch the vault that the other one opens.
//! Passwords pass through here once and are kept nowhere.
//! Учётные записи, сторона клиента: имя и пароль дают два ключа (в filereader-е, это долго); по
//! одному сервер узнаёт, кому выдать хранилище, которое открывает другой. Пароли проходят здесь
//! один раз и нигде не остаются.

use super::client::control_put;
use super::contacts::{contact_rows, name_clean};
use super::events::{AccountCommand, Action, ContactRow, Out, out_show};
use super::leaving::leave_now;
use super::show::{EXIT_RESTART, Show};
use super::state::{Client, Leave, Stage};
use crate::base::bounds::{ACCOUNT_WAIT_MS, FIND_MAX, PASSWORD_MAX, PASSWORD_MIN, VAULT_SAVE_MS};
use crate::base::clock::Time;
use crate::base::fail::{Fail, FailKind, fail, fail_kind_of};
use crate::wire::account::{
    ACCOUNT_CHANGE, ACCOUNT_FIND, ACCOUNT_LOGIN, ACCOUNT_REGISTER, ACCOUNT_SAVE, Account,
    AccountPerson, AccountReply,
};
use crate::wire::control::body_read;
use crate::wire::packets::Kind;

/// What a password is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Register,
    Login,
    Change,
}

/// What the logic wants of the account's keys and of the vault (workers/vaults.rs does it).
#[derive(Clone, Debug, PartialEq)]
pub enum VaultOrder {
    /// Make the keys and, for a new password, seal the vault with them; `Ready` follows.
    Keys {
        purpose: Purpose,
        name: String,
        secret: String,
        shown: String,
        contacts: Vec<ContactRow>,
    },
    /// Seal the vault with the keys at hand; `Ready` follows, or `Unchanged`.
    Seal { shown: String, contacts: Vec<ContactRow> },
    /// The server took what was ready: keep its keys on disk.
    Keep,
    /// The server refused it.
    Forget,
    /// Open the vault that came; `free`: the logic knows of nothing that stands in its way.
    Open { vault: Vec<u8>, free: bool },
}

/// What became of it.
#[derive(Debug)]
pub enum VaultTold {
    /// The keys of this account lie here since an earlier run.
    Known {
        name: String,
    },
    /// To be sent. So many contacts found no room in the vault.
    Ready {
        login: [u8; 32],
        vault: Vec<u8>,
        skipped: u64,
    },
    /// The server has this very vault.
    Unchanged,
    /// The vault is of the identity that is here already.
    Kept {
        name: String,
    },
    /// The identity of the vault is in place; the program must begin again.
    Restored {
        name: String,
        contacts: u64,
    },
    Failed {
        fail: Fail,
    },
}

/// What the client knows of its account.
#[derive(Debug, Default)]
pub struct AccountState {
    /// Name of the account whose keys lie here; empty: none.
    pub name: String,
    /// Which password is awaited.
    pub asked: Option<Asked>,
    /// What is being done.
    pub doing: Option<Doing>,
    /// Something that the vault holds has changed since the last look.
    pub touched: bool,
    /// When the vault is to be saved.
    pub save_ms: Option<u64>,
    /// The server does not take this home's vault any more; only a login helps.
    pub stale: bool,
}

/// A password that is being asked for.
#[derive(Debug)]
pub struct Asked {
    pub purpose: Purpose,
    pub name: String,
    /// A new password is asked for twice; this is the first one.
    pub first: Option<String>,
}

/// A request on its way: keys are made, the packet is sent, the answer is awaited.
#[derive(Debug)]
pub struct Doing {
    pub action: u8,
    pub name: String,
    pub packet: Option<Account>,
    pub sent: bool,
    pub until_ms: u64,
}

/// Выполняет команду об учётной записи.
pub fn account_do(
    client: &mut Client,
    command: AccountCommand,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    match command {
        AccountCommand::Register(name) => account_ask(client, Purpose::Register, name, out),
        AccountCommand::Login(name) => account_ask(client, Purpose::Login, name, out),
        AccountCommand::Password => {
            let name = client.account.name.clone();
            account_ask(client, Purpose::Change, name, out);
        }
        AccountCommand::Secret(secret) => return secret_take(client, secret, now, out),
        AccountCommand::Show => account_show(client, out),
        AccountCommand::Find(text) => return account_find(client, &text, out),
    }
    Ok(())
}

/// `/register`, `/login`, `/password`: спрашивает пароль. Что ещё не так, скажется после ответа:
/// сколько строк пароля следует за командой, лицо должно знать заранее, иначе он уйдёт текстом.
fn account_ask(client: &mut Client, purpose: Purpose, name: String, out: &mut Out) {
    client.account.asked = Some(Asked { purpose, name: name.clone(), first: None });
    out_show(out, Show::Password { purpose, name, again: false });
}

/// Пароль пришёл: первый из двух, последний или пустой (человек передумал).
fn secret_take(client: &mut Client, secret: String, now: Time, out: &mut Out) -> Result<(), Fail> {
    let Some(asked) = client.account.asked.take() else {
        return Err(fail(FailKind::QuestionUnknown, ""));
    };
    if secret.is_empty() {
        return Err(fail(FailKind::Cancelled, ""));
    }
    let (purpose, name) = (asked.purpose, asked.name);
    match (purpose, asked.first) {
        (Purpose::Login, _) => {}
        (Purpose::Register | Purpose::Change, None) => {
            let first = Some(secret);
            client.account.asked = Some(Asked { purpose, name: name.clone(), first });
            out_show(out, Show::Password { purpose, name, again: true });
            return Ok(());
        }
        (Purpose::Register | Purpose::Change, Some(first)) => {
            if first != secret {
                return Err(fail(FailKind::PasswordsDiffer, ""));
            }
            if secret.chars().count() < PASSWORD_MIN {
                return Err(fail(FailKind::PasswordShort, &format!("≥ {PASSWORD_MIN}")));
            }
        }
    }
    if secret.len() > PASSWORD_MAX {
        return Err(fail(FailKind::TextTooLong, &secret.len().to_string()));
    }
    request_begin(client, purpose, name, secret, now, out)
}

/// Просьба начата: сначала ключи.
fn request_begin(
    client: &mut Client,
    purpose: Purpose,
    name: String,
    secret: String,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    if client.server.address.is_empty() {
        return Err(fail(FailKind::ServerMissing, ""));
    }
    if name.is_empty() {
        return Err(fail(FailKind::AccountMissing, "—"));
    }
    if let Some(doing) = &client.account.doing {
        if doing.action != ACCOUNT_SAVE {
            return Err(fail(FailKind::TryLater, ""));
        }
        // Сохранение подождёт: его ответ, если придёт, уже ничего не значит.
        client.account.save_ms = Some(now.mono_ms + VAULT_SAVE_MS);
    }
    let action = match purpose {
        Purpose::Register => ACCOUNT_REGISTER,
        Purpose::Login => ACCOUNT_LOGIN,
        Purpose::Change => ACCOUNT_CHANGE,
    };
    doing_begin(client, action, &name, now);
    let (shown, contacts) = (client.wishes.name.clone(), contact_rows(client));
    let order = VaultOrder::Keys { purpose, name, secret, shown, contacts };
    out.actions.push(Action::Vault(order));
    Ok(())
}

/// Запоминает, что делается.
fn doing_begin(client: &mut Client, action: u8, name: &str, now: Time) {
    let until_ms = now.mono_ms + ACCOUNT_WAIT_MS;
    let name = String::from(name);
    client.account.doing = Some(Doing { action, name, packet: None, sent: false, until_ms });
}

/// `/account`: чья это учётная запись.
fn account_show(client: &Client, out: &mut Out) {
    let name = client.account.name.clone();
    let key = if name.is_empty() { "account-none" } else { "account-name" };
    out_show(out, Show::Info { key, values: vec![("name", name)] });
}

/// `/find`: искать людей на сервере.
fn account_find(client: &Client, text: &str, out: &mut Out) -> Result<(), Fail> {
    if client.server.stage != Stage::Up {
        return Err(fail(FailKind::Connect, &client.server.address));
    }
    let mut cut = String::new();
    for letter in text.trim().chars().take(FIND_MAX) {
        cut.push(letter);
    }
    let (name, login, vault) = (String::new(), [0; 32], Vec::new());
    let body = Account { action: ACCOUNT_FIND, name, login, vault, text: cut };
    control_put(client, Kind::Account, &body, out);
    Ok(())
}

/// Рассказ о ключах и хранилище.
pub fn vault_told(client: &mut Client, told: VaultTold, now: Time, out: &mut Out) {
    match told {
        VaultTold::Known { name } => {
            client.account.name = name;
            client.account.touched = true;
        }
        VaultTold::Ready { login, vault, skipped } => {
            let Some(doing) = &mut client.account.doing else {
                return;
            };
            let (action, name, text) = (doing.action, doing.name.clone(), String::new());
            doing.packet = Some(Account { action, name, login, vault, text });
            if skipped > 0 {
                let values = vec![("many", skipped.to_string())];
                out_show(out, Show::Info { key: "vault-full", values });
            }
            doing_send(client, out);
        }
        VaultTold::Unchanged => client.account.doing = None,
        VaultTold::Kept { name } => {
            client.account.doing = None;
            client.account.name = name.clone();
            client.account.stale = false;
            client.account.touched = true;
            out_show(out, Show::Info { key: "account-kept", values: vec![("name", name)] });
        }
        VaultTold::Restored { name, contacts } => {
            client.account.doing = None;
            let values = vec![("name", name), ("many", contacts.to_string())];
            out_show(out, Show::Info { key: "account-restored", values });
            leave_now(client, EXIT_RESTART, out);
        }
        VaultTold::Failed { fail } => {
            let saved = is_doing(client, ACCOUNT_SAVE);
            client.account.doing = None;
            if saved {
                save_later(client, ACCOUNT_WAIT_MS, now);
            }
            out_show(out, Show::Error { fail, command: String::new() });
        }
    }
}

/// Это ли сейчас делается.
fn is_doing(client: &Client, action: u8) -> bool {
    match &client.account.doing {
        Some(doing) => doing.action == action,
        None => false,
    }
}

/// Отправляет готовую просьбу, если связь есть и она ещё не отправлена по этой линии.
fn doing_send(client: &mut Client, out: &mut Out) {
    if client.server.stage != Stage::Up {
        return;
    }
    let Some(mut doing) = client.account.doing.take() else {
        return;
    };
    if let (Some(packet), false) = (&doing.packet, doing.sent) {
        control_put(client, Kind::Account, packet, out);
        doing.sent = true;
    }
    client.account.doing = Some(doing);
}

/// Линия пропала: ответа по ней не будет, просьба повторится по новой.
pub fn account_link_down(client: &mut Client) {
    if let Some(doing) = &mut client.account.doing {
        doing.sent = false;
    }
}

/// ACCOUNT_REPLY: ответ сервера.
pub fn reply_received(
    client: &mut Client,
    data: &[u8],
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    let body: AccountReply = body_read("ACCOUNT_REPLY", data)?;
    let reason = fail_kind_of(body.reason);
    if body.action == ACCOUNT_FIND {
        return found_show(&body.people, reason, body.wait_ms, out);
    }
    let name = match &client.account.doing {
        Some(doing) if doing.action == body.action && doing.sent => doing.name.clone(),
        Some(_) | None => return Ok(()),
    };
    if reason != FailKind::None {
        return request_refused(client, body.action, reason, body.wait_ms, name, now, out);
    }
    if body.action == ACCOUNT_LOGIN {
        if let Some(doing) = &mut client.account.doing {
            doing.packet = None;
        }
        let free = client.contacts.is_empty();
        out.actions.push(Action::Vault(VaultOrder::Open { vault: body.vault, free }));
        return Ok(());
    }
    client.account.doing = None;
    out.actions.push(Action::Vault(VaultOrder::Keep));
    if body.action == ACCOUNT_SAVE {
        return Ok(());
    }
    client.account.name = name.clone();
    client.account.stale = false;
    let key = if body.action == ACCOUNT_REGISTER { "account-new" } else { "password-new" };
    out_show(out, Show::Info { key, values: vec![("name", name)] });
    Ok(())
}

/// Сервер отказал. Сохранение, для которого пароль уже не тот, больше не повторяется.
fn request_refused(
    client: &mut Client,
    action: u8,
    reason: FailKind,
    wait_ms: u64,
    name: String,
    now: Time,
    out: &mut Out,
) -> Result<(), Fail> {
    client.account.doing = None;
    out.actions.push(Action::Vault(VaultOrder::Forget));
    if action == ACCOUNT_SAVE {
        if matches!(reason, FailKind::PasswordWrong | FailKind::AccountMissing) {
            client.account.stale = true;
            let key = "account-stale";
            out_show(out, Show::Info { key, values: vec![("name", name)] });
            return Ok(());
        }
        save_later(client, u64::max(wait_ms, ACCOUNT_WAIT_MS), now);
    }
    Err(fail(reason, &detail_of(reason, wait_ms, &name)))
}

/// Назначает сохранение снова. Уходящий больше не пробует: сохранит при следующем запуске.
fn save_later(client: &mut Client, wait_ms: u64, now: Time) {
    let leaving = matches!(client.leave, Leave::Draining { .. });
    client.account.save_ms = if leaving { None } else { Some(now.mono_ms + wait_ms) };
}

/// Подробность отказа: сколько ждать или о каком имени речь.
fn detail_of(reason: FailKind, wait_ms: u64, name: &str) -> String {
    if reason == FailKind::TryLater {
        return format!("{} s", wait_ms.div_ceil(1_000));
    }
    String::from(name)
}

/// Показывает найденных.
fn found_show(
    people: &[AccountPerson],
    reason: FailKind,
    wait_ms: u64,
    out: &mut Out,
) -> Result<(), Fail> {
    if reason != FailKind::None {
        return Err(fail(reason, &detail_of(reason, wait_ms, "")));
    }
    if people.is_empty() {
        out_show(out, Show::Info { key: "find-none", values: Vec::new() });
    }
    for person in people {
        out_show(out, Show::Person { id: person.id, name: name_clean(&person.name) });
    }
    Ok(())
}

/// Конец пробуждения: если изменилось то, что лежит в хранилище, назначить сохранение.
pub fn account_flush(client: &mut Client, now: Time) {
    let account = &mut client.account;
    if account.name.is_empty() || !(account.touched || client.contacts_dirty) {
        return;
    }
    account.touched = false;
    if account.save_ms.is_none() {
        account.save_ms = Some(now.mono_ms + VAULT_SAVE_MS);
    }
}

/// Тиканье: отправить готовое, сохранить изменившееся, не ждать ответа вечно.
pub fn account_tick(client: &mut Client, now: Time, out: &mut Out) {
    doing_send(client, out);
    if let Some(doing) = &client.account.doing {
        let ended = client.server.stage == Stage::Ended;
        if now.mono_ms < doing.until_ms && !ended {
            return;
        }
        let saved = doing.action == ACCOUNT_SAVE;
        client.account.doing = None;
        if saved {
            client.account.save_ms = Some(now.mono_ms + VAULT_SAVE_MS);
            return;
        }
        let kind = if ended { client.ended } else { FailKind::Connect };
        let fail = fail(kind, &client.server.address);
        return out_show(out, Show::Error { fail, command: String::new() });
    }
    if !save_possible(client) {
        return;
    }
    let hurry = matches!(client.leave, Leave::Draining { .. });
    match client.account.save_ms {
        Some(at) if hurry || now.mono_ms >= at => client.account.save_ms = None,
        Some(_) | None => return,
    }
    let name = client.account.name.clone();
    doing_begin(client, ACCOUNT_SAVE, &name, now);
    let (shown, contacts) = (client.wishes.name.clone(), contact_rows(client));
    out.actions.push(Action::Vault(VaultOrder::Seal { shown, contacts }));
}

/// Можно ли сейчас сохранять.
fn save_possible(client: &Client) -> bool {
    let account = &client.account;
    client.server.stage == Stage::Up && !account.name.is_empty() && !account.stale
}

/// Стоит ли с уходом немного подождать: просьба в пути или хранилище не сохранено.
pub fn account_busy(client: &Client) -> bool {
    let account = &client.account;
    let unsaved = account.save_ms.is_some() || account.touched || client.contacts_dirty;
    account.doing.is_some() || (unsaved && save_possible(client))
}
