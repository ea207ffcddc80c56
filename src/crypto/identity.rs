//! A person's identity: an Ed25519 key, its certificate and the 40-bit id that follows from it.
//! Личность человека: ключ Ed25519, его сертификат и 40-битный номер, который из него следует.

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::pem::{pem_chain, pem_key};
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::{Id, id_from_hash, id_is_person};

/// Начало SubjectPublicKeyInfo ключа Ed25519 (RFC 8410): за ним ровно 32 байта ключа.
const ED25519_SPKI: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A public key: 32 bytes of Ed25519.
pub type PublicKey = [u8; 32];

/// Who this program is.
#[derive(Debug)]
pub struct Identity {
    pub id: Id,
    pub public_key: PublicKey,
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

/// SHA-256 как 32 байта.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0u8; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Номер по открытому ключу: первые 40 бит SHA-256.
pub fn id_of_key(public_key: &PublicKey) -> Id {
    id_from_hash(&sha256(public_key))
}

/// Открытый ключ из сертификата. Ошибка `CertificateBad`: не разбирается или не Ed25519.
pub fn key_of_certificate(certificate: &CertificateDer<'_>) -> Result<PublicKey, Fail> {
    let parsed = match webpki::EndEntityCert::try_from(certificate) {
        Ok(parsed) => parsed,
        Err(error) => return Err(fail(FailKind::CertificateBad, &error.to_string())),
    };
    let spki = parsed.subject_public_key_info();
    let bytes: &[u8] = spki.as_ref();
    if bytes.len() != 44 || bytes[..12] != ED25519_SPKI {
        return Err(fail(FailKind::CertificateBad, "Ed25519"));
    }
    let mut key = [0u8; 32];
    key.copy_from_slice(&bytes[12..]);
    Ok(key)
}

/// Делает новую личность: тексты PEM ключа и самоподписанного сертификата.
pub fn identity_make() -> Result<(String, String), Fail> {
    loop {
        let (key_pem, certificate_pem) = identity_try()?;
        let chain = pem_chain("client.crt", &certificate_pem)?;
        // Ноль и все единицы зарезервированы; такой ключ просто делается заново.
        if id_is_person(id_of_key(&key_of_certificate(&chain[0])?)) {
            return Ok((key_pem, certificate_pem));
        }
    }
}

/// Одна попытка сделать ключ и сертификат.
fn identity_try() -> Result<(String, String), Fail> {
    let key = rcgen_try(rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519))?;
    let names = vec![String::from("supertext-client")];
    let mut params = rcgen_try(rcgen::CertificateParams::new(names))?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "Supertext client");
    params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ClientAuth);
    params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    let certificate = rcgen_try(params.self_signed(&key))?;
    Ok((key.serialize_pem(), certificate.pem()))
}

/// Ошибка rcgen как наша.
pub fn rcgen_try<T>(result: Result<T, rcgen::Error>) -> Result<T, Fail> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => Err(fail(FailKind::CertificateBad, &error.to_string())),
    }
}

/// Собирает личность из текстов PEM; `password` нужен только запертому ключу.
pub fn identity_read(key_pem: &str, chain_pem: &str, password: &str) -> Result<Identity, Fail> {
    let key = pem_key("client.key", key_pem, password)?;
    let chain = pem_chain("client.crt", chain_pem)?;
    let public_key = key_of_certificate(&chain[0])?;
    let id = id_of_key(&public_key);
    if !id_is_person(id) {
        return Err(fail(FailKind::KeyBad, "client.key"));
    }
    Ok(Identity { id, public_key, chain, key })
}
