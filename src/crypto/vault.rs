//! Accounts: from a name and a password to two keys. The first proves the password to the server,
//! the second locks the vault (identity and contacts) and never leaves this computer.
//! Учётные записи: из имени и пароля — два ключа. Первый доказывает пароль серверу, второй
//! запирает хранилище (личность и контакты) и никогда не покидает этот компьютер.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::file_cipher::random_fill;
use super::identity::sha256;
use crate::base::fail::{Fail, FailKind, fail};

/// Label in front of the name, from which the salt is made.
const LABEL_ACCOUNT: &str = "supertext account 1";
/// Associated data of the vault.
const LABEL_VAULT: &str = "supertext vault 1";

/// Argon2id (RFC 9106): memory in KiB, passes, lanes.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// Bytes that sealing adds to a vault: the nonce and the tag.
pub const VAULT_EXTRA: usize = NONCE_LEN + 16;
/// Bytes of salt.
const SALT_BYTES: usize = 16;

/// The two keys of an account. No Debug: they are secrets.
pub struct AccountKeys {
    /// Proves the password to the server, which keeps only its SHA-256.
    pub login: [u8; 32],
    /// Locks the vault.
    pub wrap: [u8; 32],
}

/// Соль учётной записи: начало SHA-256 от метки ‖ 0 ‖ имени строчными буквами без пробелов вокруг.
fn salt_of(name: &str) -> [u8; SALT_BYTES] {
    let mut bytes = LABEL_ACCOUNT.as_bytes().to_vec();
    bytes.push(0);
    bytes.extend_from_slice(name.trim().to_lowercase().as_bytes());
    let mut salt = [0u8; SALT_BYTES];
    salt.copy_from_slice(&sha256(&bytes)[..SALT_BYTES]);
    salt
}

/// Ключи из имени и пароля: Argon2id 1.3, 64 МиБ, три прохода. Занимает около четверти секунды,
/// поэтому зовётся не там, где ждут пакеты.
pub fn account_keys(name: &str, password: &str) -> Result<AccountKeys, Fail> {
    let mut out = [0u8; 64];
    let params = match Params::new(MEMORY_KIB, PASSES, LANES, Some(out.len())) {
        Ok(params) => params,
        Err(error) => return Err(fail(FailKind::Internal, &format!("Argon2id: {error}"))),
    };
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    if let Err(error) = argon.hash_password_into(password.as_bytes(), &salt_of(name), &mut out) {
        return Err(fail(FailKind::Internal, &format!("Argon2id: {error}")));
    }
    let mut keys = AccountKeys { login: [0u8; 32], wrap: [0u8; 32] };
    keys.login.copy_from_slice(&out[..32]);
    keys.wrap.copy_from_slice(&out[32..]);
    wipe(&mut out);
    Ok(keys)
}

/// Стирает секрет; `black_box` не даёт выбросить стирание как ненужное.
fn wipe(secret: &mut [u8]) {
    secret.fill(0);
    std::hint::black_box(secret);
}

/// Ключ хранилища, готовый к работе.
fn vault_key(wrap: &[u8; 32]) -> Result<LessSafeKey, Fail> {
    match UnboundKey::new(&AES_256_GCM, wrap) {
        Ok(unbound) => Ok(LessSafeKey::new(unbound)),
        Err(_) => Err(fail(FailKind::Internal, "AES-256-GCM")),
    }
}

/// Запирает хранилище: 12 случайных байт, шифр AES-256-GCM (NIST SP 800-38D), метка.
pub fn vault_seal(wrap: &[u8; 32], plain: &[u8]) -> Result<Vec<u8>, Fail> {
    let key = vault_key(wrap)?;
    let mut nonce = [0u8; NONCE_LEN];
    random_fill(&mut nonce)?;
    let mut body = plain.to_vec();
    let aad = Aad::from(LABEL_VAULT);
    match key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body) {
        Ok(()) => {
            let mut sealed = nonce.to_vec();
            sealed.extend_from_slice(&body);
            Ok(sealed)
        }
        Err(_) => Err(fail(FailKind::Internal, "AES-256-GCM")),
    }
}

/// Отпирает хранилище. Ошибка `PasswordWrong`: ключ не тот или байты испорчены — различить нельзя.
pub fn vault_open(wrap: &[u8; 32], sealed: &[u8]) -> Result<Vec<u8>, Fail> {
    let wrong = fail(FailKind::PasswordWrong, "vault");
    let Some((head, body)) = sealed.split_at_checked(NONCE_LEN) else { return Err(wrong) };
    let Ok(nonce) = Nonce::try_assume_unique_for_key(head) else { return Err(wrong) };
    let key = vault_key(wrap)?;
    let mut place = body.to_vec();
    match key.open_in_place(nonce, Aad::from(LABEL_VAULT), &mut place) {
        Ok(open) => {
            let length = open.len();
            place.truncate(length);
            Ok(place)
        }
        Err(_) => Err(wrong),
    }
}
