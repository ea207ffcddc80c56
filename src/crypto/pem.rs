//! PEM files as text: certificate chains and private keys, with or without a password.
//! Файлы PEM как текст: цепочки сертификатов и закрытые ключи, с паролем и без.

use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::der::{Decode, SecretDocument};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::base::fail::{Fail, FailKind, fail};

/// Читает все сертификаты из текста PEM, первый — собственный. Пусто — ошибка.
pub fn pem_chain(what: &str, text: &str) -> Result<Vec<CertificateDer<'static>>, Fail> {
    let mut reader = text.as_bytes();
    let mut chain = Vec::new();
    for item in rustls_pemfile::certs(&mut reader) {
        match item {
            Ok(certificate) => chain.push(certificate),
            Err(error) => {
                return Err(fail(FailKind::CertificateBad, &format!("{what}: {error}")));
            }
        }
    }
    if chain.is_empty() {
        return Err(fail(FailKind::CertificateBad, what));
    }
    Ok(chain)
}

/// Читает закрытый ключ из текста PEM. Запертый паролем PKCS#8 отпирается `password`
/// (PBES2 по RFC 8018, как его делает openssl 3).
pub fn pem_key(what: &str, text: &str, password: &str) -> Result<PrivateKeyDer<'static>, Fail> {
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        return encrypted_key(what, text, password);
    }
    let mut reader = text.as_bytes();
    match rustls_pemfile::private_key(&mut reader) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => Err(fail(FailKind::KeyBad, what)),
        Err(error) => Err(fail(FailKind::KeyBad, &format!("{what}: {error}"))),
    }
}

/// Отпирает ключ паролем.
fn encrypted_key(what: &str, text: &str, password: &str) -> Result<PrivateKeyDer<'static>, Fail> {
    let Ok((_label, document)) = SecretDocument::from_pem(text) else {
        return Err(fail(FailKind::KeyBad, what));
    };
    let Ok(locked) = EncryptedPrivateKeyInfo::from_der(document.as_bytes()) else {
        return Err(fail(FailKind::KeyBad, what));
    };
    match locked.decrypt(password) {
        Ok(open) => {
            let bytes = open.as_bytes().to_vec();
            Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bytes)))
        }
        Err(_) => Err(fail(FailKind::KeyBad, &format!("{what} (SUPERTEXT_KEY_PASSWORD)"))),
    }
}
