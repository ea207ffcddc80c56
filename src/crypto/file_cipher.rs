//! The file cipher: AES-256-GCM per packet (NIST SP 800-38D). Nonce = attempt and index of the
//! packet, associated data = the whole head of the packet, so nothing in it can be changed.
//! Шифр файлов: AES-256-GCM на каждый пакет (NIST SP 800-38D). Одноразовое число — попытка и
//! номер пакета, заверяется всё начало пакета, так что изменить в нём нельзя ничего.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::base::bounds::HEADER_BYTES;
use crate::base::fail::{Fail, FailKind, fail};
use crate::wire::file::{SEALED_HEAD, TAG_BYTES};

/// Bytes before the ciphertext in a whole packet: header, attempt, index.
pub const HEAD_BYTES: usize = HEADER_BYTES + SEALED_HEAD;

/// A key ready for use.
#[derive(Debug)]
pub struct FileKey {
    key: LessSafeKey,
}

/// Готовит ключ передачи.
pub fn file_key(key: &[u8; 32]) -> Result<FileKey, Fail> {
    match UnboundKey::new(&AES_256_GCM, key) {
        Ok(unbound) => Ok(FileKey { key: LessSafeKey::new(unbound) }),
        Err(_) => Err(fail(FailKind::Internal, "AES-256-GCM")),
    }
}

/// Одноразовое число: 12 байт попытки и номера прямо из начала пакета.
fn nonce(head: &[u8]) -> Nonce {
    let mut bytes = [0u8; SEALED_HEAD];
    bytes.copy_from_slice(&head[HEADER_BYTES..HEAD_BYTES]);
    Nonce::assume_unique_for_key(bytes)
}

/// Шифрует готовый пакет на месте: 28 байт начала, открытый текст, 16 байт места под метку.
pub fn file_encrypt(key: &FileKey, packet: &mut [u8]) -> Result<(), Fail> {
    if packet.len() < HEAD_BYTES + TAG_BYTES {
        return Err(fail(FailKind::Internal, "packet"));
    }
    let (head, rest) = packet.split_at_mut(HEAD_BYTES);
    let length = rest.len() - TAG_BYTES;
    let (body, place) = rest.split_at_mut(length);
    let nonce = nonce(head);
    match key.key.seal_in_place_separate_tag(nonce, Aad::from(&*head), body) {
        Ok(tag) => {
            place.copy_from_slice(tag.as_ref());
            Ok(())
        }
        Err(_) => Err(fail(FailKind::Internal, "AES-256-GCM")),
    }
}

/// Расшифровывает пакет на месте и возвращает открытый текст. Ошибка `Integrity`: пакет
/// подделан, повреждён или от другой передачи.
pub fn file_decrypt<'a>(key: &FileKey, packet: &'a mut [u8]) -> Result<&'a [u8], Fail> {
    if packet.len() < HEAD_BYTES + TAG_BYTES {
        return Err(fail(FailKind::Integrity, "packet"));
    }
    let (head, body) = packet.split_at_mut(HEAD_BYTES);
    match key.key.open_in_place(nonce(head), Aad::from(&*head), body) {
        Ok(open) => Ok(open),
        Err(_) => Err(fail(FailKind::Integrity, "AES-256-GCM")),
    }
}

/// Случайные байты от операционной системы.
pub fn random_fill(place: &mut [u8]) -> Result<(), Fail> {
    match aws_lc_rs::rand::fill(place) {
        Ok(()) => Ok(()),
        Err(_) => Err(fail(FailKind::Internal, "random")),
    }
}
