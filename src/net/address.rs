//! Addresses as people write them: HOST:PORT and the join line HOST:PORT#FINGERPRINT.
//! Адреса, как их пишут люди: HOST:PORT и строка приглашения HOST:PORT#ОТПЕЧАТОК.

use crate::base::fail::{Fail, FailKind, fail};
use crate::crypto::certificates::fingerprint_parse;

/// The port of a server when none is written.
pub const PORT_DEFAULT: u16 = 7787;

/// A server as a person names it.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinLine {
    /// HOST:PORT
    pub address: String,
    pub pin: Option<[u8; 32]>,
}

/// Читает строку приглашения; отпечаток необязателен (тогда нужен файл центра).
/// Ошибки: `Resolve` (адрес непонятен), `ServerUnknown` (отпечаток непонятен).
pub fn join_parse(text: &str) -> Result<JoinLine, Fail> {
    let text = text.trim();
    let (address, pin) = match text.split_once('#') {
        Some((address, pin)) => (address, Some(fingerprint_parse(pin)?)),
        None => (text, None),
    };
    Ok(JoinLine { address: address_complete(address)?, pin })
}

/// Дополняет адрес портом по умолчанию и проверяет его вид.
pub fn address_complete(address: &str) -> Result<String, Fail> {
    let bare_v6 = address.starts_with('[') && address.ends_with(']');
    let whole = if address.contains(':') && !bare_v6 {
        String::from(address)
    } else {
        format!("{address}:{PORT_DEFAULT}")
    };
    let Some((host, port)) = whole.rsplit_once(':') else {
        return Err(fail(FailKind::Resolve, address));
    };
    if host.is_empty() || port.parse::<u16>().is_err() {
        return Err(fail(FailKind::Resolve, address));
    }
    Ok(whole)
}
