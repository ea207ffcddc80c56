//! When a certificate begins and ends: the one field of X.509 that no library here shows.
//! Когда сертификат начинается и кончается: единственное поле X.509, которого здесь не показывает
//! ни одна библиотека.

use pkcs8::der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use pkcs8::der::{Decode, Reader, SliceReader, Tagged};
use rustls::pki_types::CertificateDer;

/// Milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dates {
    pub from: u64,
    pub until: u64,
}

/// Срок сертификата (RFC 5280, 4.1.2.5). `None` — не разбирается.
pub fn certificate_dates(certificate: &CertificateDer<'_>) -> Option<Dates> {
    let whole = AnyRef::from_der(certificate.as_ref()).ok()?;
    let inner = AnyRef::decode(&mut SliceReader::new(whole.value()).ok()?).ok()?;
    let mut fields = SliceReader::new(inner.value()).ok()?;
    // Версия (её может не быть), номер, алгоритм, издатель; за ними срок.
    let first = AnyRef::decode(&mut fields).ok()?;
    let before = if first.tag().is_context_specific() { 3 } else { 2 };
    for _ in 0..before {
        AnyRef::decode(&mut fields).ok()?;
    }
    let validity = AnyRef::decode(&mut fields).ok()?;
    let mut dates = SliceReader::new(validity.value()).ok()?;
    let from = moment(AnyRef::decode(&mut dates).ok()?)?;
    let until = moment(AnyRef::decode(&mut dates).ok()?)?;
    if !dates.is_finished() {
        return None;
    }
    Some(Dates { from, until })
}

/// Момент из UTCTime или GeneralizedTime. Раньше 1970 года — ноль.
fn moment(field: AnyRef<'_>) -> Option<u64> {
    let passed = match field.decode_as::<UtcTime>() {
        Ok(short) => short.to_unix_duration(),
        Err(_) => field.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
    };
    u64::try_from(passed.as_millis()).ok()
}
