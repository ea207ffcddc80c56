//! The filereader's part that makes the keys of an account, seals its vault and opens it: Argon2id
//! takes a good part of a second, nobody with packets to pass on could wait for it.
//! Часть filereader-а, которая делает ключи учётной записи, запирает её хранилище и отпирает:
//! Argon2id занимает заметную часть секунды, ждать её не может никто, у кого в руках пакеты.

use crate::base::bounds::VAULT_MAX;
use crate::base::fail::{Fail, FailKind, fail};
use crate::crypto::identity::sha256;
use crate::crypto::vault::{VAULT_EXTRA, account_keys, vault_open, vault_seal};
use crate::logic::account::{Purpose, VaultOrder, VaultTold};
use crate::logic::events::ContactRow;
use crate::store::account::{
    AccountFile, account_read, account_write, home_public, messages_any, restore_write,
    vault_parse, vault_public, vault_text,
};
use crate::store::base::base_open;
use crate::store::contacts::contacts_read;
use crate::store::home::Home;
use crate::store::people::people_all;
use crate::store::rooms::rooms_all;

/// The keys of the account. No Debug: they are secrets.
#[derive(Default)]
pub struct Vaults {
    /// As account.json has them.
    known: Option<AccountFile>,
    /// Of the request that is on its way.
    next: Option<AccountFile>,
}

/// Читает account.json при запуске.
pub fn vaults_open(vaults: &mut Vaults, home: &Home) -> Option<VaultTold> {
    match account_read(home) {
        Ok(Some(account)) => {
            let name = account.name.clone();
            vaults.known = Some(account);
            Some(VaultTold::Known { name })
        }
        Ok(None) => None,
        Err(fail) => Some(VaultTold::Failed { fail }),
    }
}

/// Выполняет приказ; ответ, если он есть, — для логики.
pub fn vault_do(vaults: &mut Vaults, home: &Home, order: VaultOrder) -> Option<VaultTold> {
    let done = match order {
        VaultOrder::Keys { purpose, name, secret, shown, contacts } => {
            let made = keys_do(vaults, purpose, name, &secret);
            secret_wipe(secret);
            match made {
                Ok(()) if purpose == Purpose::Login => login_ready(vaults),
                Ok(()) => seal_do(vaults, home, &shown, &contacts, false),
                Err(failed) => Err(failed),
            }
        }
        VaultOrder::Seal { shown, contacts } => {
            vaults.next = vaults.known.clone();
            seal_do(vaults, home, &shown, &contacts, true)
        }
        VaultOrder::Keep => keep_do(vaults, home),
        VaultOrder::Forget => {
            vaults.next = None;
            Ok(None)
        }
        VaultOrder::Open { vault, free } => open_do(vaults, home, &vault, free),
    };
    match done {
        Ok(told) => told,
        Err(fail) => {
            vaults.next = None;
            Some(VaultTold::Failed { fail })
        }
    }
}

/// Стирает пароль; `black_box` не даёт выбросить стирание как ненужное.
fn secret_wipe(secret: String) {
    let mut bytes = secret.into_bytes();
    bytes.fill(0);
    std::hint::black_box(&bytes);
}

/// Ключи из имени и пароля.
fn keys_do(vaults: &mut Vaults, purpose: Purpose, name: String, secret: &str) -> Result<(), Fail> {
    let keys = account_keys(&name, secret)?;
    tracing::info!("account keys made: {purpose:?}");
    let (login, wrap) = (keys.login, keys.wrap);
    vaults.next = Some(AccountFile { name, login, wrap, saved: [0; 32] });
    Ok(())
}

/// Для входа нужен только ключ входа.
fn login_ready(vaults: &Vaults) -> Result<Option<VaultTold>, Fail> {
    let Some(next) = &vaults.next else {
        return Ok(None);
    };
    Ok(Some(VaultTold::Ready { login: next.login, vault: Vec::new(), skipped: 0 }))
}

/// Запирает хранилище ключами `next`. С `saved` — только если сервер имеет не это самое.
fn seal_do(
    vaults: &mut Vaults,
    home: &Home,
    shown: &str,
    contacts: &[ContactRow],
    saved: bool,
) -> Result<Option<VaultTold>, Fail> {
    let Some(next) = &mut vaults.next else {
        return Ok(Some(VaultTold::Unchanged));
    };
    let base = base_open(&home.history)?;
    let (people, rooms) = (people_all(&base)?, rooms_all(&base)?);
    let room = VAULT_MAX - VAULT_EXTRA;
    let (text, skipped) = vault_text(home, shown, contacts, &people, &rooms, room)?;
    let hash = sha256(text.as_bytes());
    if saved && next.saved == hash {
        vaults.next = None;
        return Ok(Some(VaultTold::Unchanged));
    }
    next.saved = hash;
    let vault = vault_seal(&next.wrap, text.as_bytes())?;
    Ok(Some(VaultTold::Ready { login: next.login, vault, skipped }))
}

/// Сервер принял: ключи — на диск.
fn keep_do(vaults: &mut Vaults, home: &Home) -> Result<Option<VaultTold>, Fail> {
    if let Some(next) = vaults.next.take() {
        account_write(home, &next)?;
        vaults.known = Some(next);
    }
    Ok(None)
}

/// Отпирает пришедшее. Своя же личность — остаются только ключи; другая встаёт на место при новом
/// запуске, если папка пуста. Ошибка `HomeUsed`: в ней есть контакты или сообщения.
fn open_do(
    vaults: &mut Vaults,
    home: &Home,
    sealed: &[u8],
    free: bool,
) -> Result<Option<VaultTold>, Fail> {
    let Some(mut next) = vaults.next.take() else {
        return Ok(None);
    };
    let plain = vault_open(&next.wrap, sealed)?;
    let Ok(text) = String::from_utf8(plain) else {
        return Err(fail(FailKind::Integrity, "vault"));
    };
    let vault = vault_parse(&text)?;
    next.saved = sha256(text.as_bytes());
    let name = next.name.clone();
    if vault_public(&vault)? == home_public(home)? {
        account_write(home, &next)?;
        vaults.known = Some(next);
        return Ok(Some(VaultTold::Kept { name }));
    }
    let contacts = contacts_read(&home.contacts)?;
    if !free || !contacts.is_empty() || messages_any(&base_open(&home.history)?)? {
        return Err(fail(FailKind::HomeUsed, &home.root.display().to_string()));
    }
    restore_write(home, &next, &text)?;
    Ok(Some(VaultTold::Restored { name, contacts: vault.contacts.len() as u64 }))
}
