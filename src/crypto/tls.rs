//! TLS 1.3 settings of both ends: mutual certificates, ALPN, post-quantum key exchange first.
//! Настройки TLS 1.3 обоих концов: взаимные сертификаты, ALPN, сначала постквантовый обмен.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, KeyLogFile, ServerConfig};

use super::certificates::SERVER_NAME;
use super::identity::{Identity, PublicKey, sha256};
use super::pem::{pem_chain, pem_key};
use super::verifiers::{KnownByKey, PinnedPerson, PinnedServer};
use crate::base::fail::{Fail, FailKind, fail};

/// The application protocol both ends must name.
pub const ALPN: &[u8] = b"supertext/1";

/// Какому серверу верит клиент.
#[derive(Clone, Debug)]
pub struct Trust {
    pub pin: [u8; 32],
    pub ca: Option<CertificateDer<'static>>,
}

/// Поставщик криптографии: aws-lc-rs, в нём X25519MLKEM768 стоит первым.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Ошибка rustls как наша.
fn tls_try<T>(kind: FailKind, result: Result<T, rustls::Error>) -> Result<T, Fail> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => Err(fail(kind, &error.to_string())),
    }
}

/// Доверие из файла центра сертификации (PEM).
pub fn trust_of_ca(ca_pem: &str) -> Result<Trust, Fail> {
    let chain = pem_chain("rootCA.crt", ca_pem)?;
    let ca = chain[0].clone();
    Ok(Trust { pin: sha256(ca.as_ref()), ca: Some(ca) })
}

/// Настройки клиента: своя личность и закреплённый центр сервера.
/// `keylog` — записывать секреты TLS в файл SSLKEYLOGFILE (показ пакетов в Wireshark).
pub fn client_config(
    identity: &Identity,
    trust: Trust,
    keylog: bool,
) -> Result<Arc<ClientConfig>, Fail> {
    let check = PinnedServer { pin: trust.pin, ca: trust.ca, provider: provider() };
    Ok(Arc::new(caller_config(identity, check, keylog)?))
}

/// Настройки звонка человеку: своя личность; чей ключ ждут, каждый звонок скажет сам.
pub fn call_config(identity: &Identity, keylog: bool) -> Result<Arc<ClientConfig>, Fail> {
    let check = PinnedPerson { key: None, provider: provider() };
    let mut config = caller_config(identity, check, keylog)?;
    // Имя в SNI о человеке ничего не говорит, а подслушивающему говорило бы, что это за программа.
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// Сторона, которая звонит: своя личность и проверка того, кто ответит.
fn caller_config<V: ServerCertVerifier + 'static>(
    identity: &Identity,
    check: V,
    keylog: bool,
) -> Result<ClientConfig, Fail> {
    let builder = ClientConfig::builder_with_provider(provider());
    let builder =
        tls_try(FailKind::Tls, builder.with_protocol_versions(&[&rustls::version::TLS13]))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(check));
    let key = identity.key.clone_key();
    let made = builder.with_client_auth_cert(identity.chain.clone(), key);
    let mut config = tls_try(FailKind::KeyBad, made)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    if keylog {
        config.key_log = Arc::new(KeyLogFile::new());
    }
    Ok(config)
}

/// Настройки сервера: его цепочка и ключ (тексты PEM); клиент обязан показать свой ключ.
pub fn server_config(
    chain_pem: &str,
    key_pem: &str,
    password: &str,
    keylog: bool,
) -> Result<Arc<ServerConfig>, Fail> {
    let chain = pem_chain("domain.crt", chain_pem)?;
    let key = pem_key("domain.key", key_pem, password)?;
    answerer_config(chain, key, keylog)
}

/// Настройки того, к кому звонят напрямую: свидетельство личности; ключ звонящего узнаётся из
/// рукопожатия, впускать ли его — решает логика.
pub fn door_config(identity: &Identity, keylog: bool) -> Result<Arc<ServerConfig>, Fail> {
    answerer_config(identity.chain.clone(), identity.key.clone_key(), keylog)
}

/// Сторона, которой звонят: своя цепочка и ключ; звонящий обязан показать ключ личности.
fn answerer_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    keylog: bool,
) -> Result<Arc<ServerConfig>, Fail> {
    let check = KnownByKey { provider: provider() };
    let builder = ServerConfig::builder_with_provider(provider());
    let builder =
        tls_try(FailKind::Tls, builder.with_protocol_versions(&[&rustls::version::TLS13]))?;
    let builder = builder.with_client_cert_verifier(Arc::new(check));
    let mut config = tls_try(FailKind::KeyBad, builder.with_single_cert(chain, key))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    if keylog {
        config.key_log = Arc::new(KeyLogFile::new());
    }
    Ok(Arc::new(config))
}

/// Те же настройки звонка, но на том конце обязан быть этот ключ (без него — любой).
pub fn call_pinned(base: &ClientConfig, key: Option<PublicKey>) -> Arc<ClientConfig> {
    let mut config = base.clone();
    let check = PinnedPerson { key, provider: provider() };
    config.dangerous().set_certificate_verifier(Arc::new(check));
    Arc::new(config)
}

/// Имя сервера, которое проверяет клиент: одно для всех серверов Supertext.
pub fn server_name() -> Result<ServerName<'static>, Fail> {
    match ServerName::try_from(SERVER_NAME) {
        Ok(name) => Ok(name),
        Err(_) => Err(fail(FailKind::Internal, SERVER_NAME)),
    }
}
