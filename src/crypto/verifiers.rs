//! Who is at the other end: the two certificate checks that rustls asks for. These are the only
//! own `impl`s of the program: rustls takes a check only as an implementation of its trait.
//! Кто на том конце: две проверки сертификатов, которых ждёт rustls. Это единственные `impl` в
//! программе: rustls принимает проверку только как реализацию своего трейта.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use super::identity::{PublicKey, key_of_certificate, sha256};

/// The client's check: the server's chain must lead to the CA with this fingerprint, and the
/// certificate must carry the fixed server name.
#[derive(Debug)]
pub struct PinnedServer {
    pub pin: [u8; 32],
    /// The CA certificate itself when it lies beside the program; otherwise taken from the chain.
    pub ca: Option<CertificateDer<'static>>,
    pub provider: Arc<CryptoProvider>,
}

/// The server's check: any certificate whose Ed25519 key the client proves to hold.
#[derive(Debug)]
pub struct KnownByKey {
    pub provider: Arc<CryptoProvider>,
}

/// The caller's check on a direct link: the one key that was meant or, when only an address is
/// known, any Ed25519 key. No CA, name or date counts: the key is the person.
#[derive(Debug)]
pub struct PinnedPerson {
    pub key: Option<PublicKey>,
    pub provider: Arc<CryptoProvider>,
}

/// Ошибка «это не тот центр сертификации».
fn pin_error() -> Error {
    Error::InvalidCertificate(CertificateError::UnknownIssuer)
}

/// Ищет сертификат центра с нужным отпечатком: рядом с программой или в цепочке.
fn pinned_ca(
    check: &PinnedServer,
    chain: &[CertificateDer<'_>],
) -> Result<CertificateDer<'static>, Error> {
    if let Some(ca) = &check.ca {
        return Ok(ca.clone());
    }
    for certificate in chain {
        if sha256(certificate.as_ref()) == check.pin {
            return Ok(certificate.clone().into_owned());
        }
    }
    Err(pin_error())
}

impl ServerCertVerifier for PinnedServer {
    /// Проверяет цепочку сервера до закреплённого центра (webpki: подписи, сроки, имя).
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(pinned_ca(self, intermediates)?)?;
        let provider = self.provider.clone();
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let Ok(verifier) = builder.build() else {
            return Err(pin_error());
        };
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    /// TLS 1.2 не бывает: настройки разрешают только 1.3.
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General(String::from("TLS 1.3 only")))
    }

    /// Подпись рукопожатия TLS 1.3 проверяет сама rustls.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    /// Виды подписей, которые умеет криптобиблиотека.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for PinnedPerson {
    /// Ключ того, кто ответил: тот ли это человек. Владение ключом докажет подпись рукопожатия.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let right = match key_of_certificate(end_entity) {
            Ok(found) => self.key.is_none() || self.key == Some(found),
            Err(_) => false,
        };
        if right {
            return Ok(ServerCertVerified::assertion());
        }
        let refused = CertificateError::ApplicationVerificationFailure;
        Err(Error::InvalidCertificate(refused))
    }

    /// TLS 1.2 не бывает: настройки разрешают только 1.3.
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General(String::from("TLS 1.3 only")))
    }

    /// Подпись рукопожатия TLS 1.3: доказательство, что ключ у ответившего в руках.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    /// Личность бывает только Ed25519.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for KnownByKey {
    /// Подсказок о центрах нет: личность — это ключ, а не подпись центра.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Принимает сертификат с ключом Ed25519; владение ключом докажет подпись рукопожатия.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match key_of_certificate(end_entity) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(_) => Err(Error::InvalidCertificate(CertificateError::BadEncoding)),
        }
    }

    /// TLS 1.2 не бывает: настройки разрешают только 1.3.
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General(String::from("TLS 1.3 only")))
    }

    /// Подпись рукопожатия TLS 1.3: доказательство, что ключ у клиента в руках.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    /// Личность бывает только Ed25519.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
