//! Floor 2: identity, certificates, TLS settings and the file cipher. Bytes in, bytes out: this
//! floor touches neither disk nor network.
//! Этаж 2: личность, сертификаты, настройки TLS и шифр файлов. Байты на входе, байты на выходе:
//! этот этаж не трогает ни диск, ни сеть.

pub mod certificates;
pub mod dates;
pub mod file_cipher;
pub mod identity;
pub mod olm;
pub mod pem;
pub mod safety;
pub mod tls;
pub mod vault;
pub mod verifiers;
