//! The server's own certificates: a CA, a server certificate signed by it, the fingerprint that
//! goes into the join line. The by-hand way with OpenSSL (cert/) makes the same shapes.
//! Собственные сертификаты сервера: центр сертификации, сертификат сервера, отпечаток для
//! строки приглашения. Способ руками через OpenSSL (cert/) делает то же самое.

use rustls::pki_types::CertificateDer;

use super::identity::{rcgen_try, sha256};
use super::pem::pem_chain;
use crate::base::fail::{Fail, FailKind, fail};

/// The name every server certificate carries and every client checks.
pub const SERVER_NAME: &str = "supertext-server";

/// PEM texts of a new server: its CA and its own certificate (leaf, then CA).
#[derive(Debug)]
pub struct ServerPems {
    pub ca_key: String,
    pub ca_certificate: String,
    pub server_key: String,
    pub server_chain: String,
}

/// Делает центр сертификации и сертификат сервера.
pub fn server_certificates_make() -> Result<ServerPems, Fail> {
    let ca_key = rcgen_try(rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256))?;
    let mut ca_params = rcgen_try(rcgen::CertificateParams::new(Vec::new()))?;
    ca_params.distinguished_name.push(rcgen::DnType::CommonName, "Supertext CA");
    ca_params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    ca_params.key_usages.push(rcgen::KeyUsagePurpose::KeyCertSign);
    let ca = rcgen_try(ca_params.self_signed(&ca_key))?;

    let server_key = rcgen_try(rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256))?;
    let names = vec![String::from(SERVER_NAME)];
    let mut params = rcgen_try(rcgen::CertificateParams::new(names))?;
    params.distinguished_name.push(rcgen::DnType::CommonName, SERVER_NAME);
    params.key_usages.push(rcgen::KeyUsagePurpose::DigitalSignature);
    params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    let issuer = rcgen::Issuer::from_params(&ca_params, &ca_key);
    let server = rcgen_try(params.signed_by(&server_key, &issuer))?;

    let ca_certificate = ca.pem();
    Ok(ServerPems {
        ca_key: ca_key.serialize_pem(),
        server_key: server_key.serialize_pem(),
        server_chain: format!("{}{}", server.pem(), ca_certificate),
        ca_certificate,
    })
}

/// Отпечаток сертификата: SHA-256 его DER строчными шестнадцатеричными цифрами.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    hex::encode(sha256(certificate.as_ref()))
}

/// Отпечаток центра сертификации в цепочке сервера: последний сертификат цепочки.
pub fn chain_fingerprint(chain_pem: &str) -> Result<String, Fail> {
    let chain = pem_chain("domain.crt", chain_pem)?;
    match chain.last() {
        Some(ca) if chain.len() > 1 => Ok(fingerprint(ca)),
        Some(_) | None => Err(fail(FailKind::CertificateBad, "domain.crt: CA")),
    }
}

/// Читает отпечаток из 64 шестнадцатеричных цифр (регистр и двоеточия не важны).
pub fn fingerprint_parse(text: &str) -> Result<[u8; 32], Fail> {
    let mut clean = String::new();
    for letter in text.chars() {
        if letter != ':' && letter != ' ' {
            clean.push(letter.to_ascii_lowercase());
        }
    }
    let mut pin = [0u8; 32];
    match hex::decode_to_slice(&clean, &mut pin) {
        Ok(()) => Ok(pin),
        Err(_) => Err(fail(FailKind::ServerUnknown, text)),
    }
}
