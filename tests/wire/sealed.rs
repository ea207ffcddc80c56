//! The sealed vectors really open with the file cipher, and the file cipher really makes them.
//! Запечатанные векторы действительно открываются файловым шифром, и он делает именно их.

use supertext::crypto::file_cipher::{HEAD_BYTES, file_decrypt, file_encrypt, file_key};
use supertext::wire::file::TAG_BYTES;

use super::vectors::{FILE, vector_bytes, vector_key};

/// Открывает вектор и запечатывает снова; возвращает открытый текст.
fn open_and_seal(name: &str) -> Vec<u8> {
    let key = file_key(&vector_key()).expect("a key");
    let vector = vector_bytes(name);
    let mut packet = vector.clone();
    let open = file_decrypt(&key, &mut packet).expect("the vector opens").to_vec();

    let mut again = vector[..HEAD_BYTES].to_vec();
    again.extend_from_slice(&open);
    again.extend_from_slice(&[0u8; TAG_BYTES]);
    file_encrypt(&key, &mut again).expect("sealed");
    assert_eq!(hex::encode(&again), hex::encode(&vector), "{name}");

    // Каждый байт пакета заверен: с любым изменённым он не открывается.
    for index in 0..vector.len() {
        let mut changed = vector.clone();
        changed[index] ^= 1;
        assert!(file_decrypt(&key, &mut changed).is_err(), "{name}: byte {index}");
    }
    open
}

#[test]
fn sealed_vectors_hold_the_file_and_its_proof() {
    assert_eq!(open_and_seal("FILE_DATA"), FILE);
    let block = blake3::hash(FILE);
    assert_eq!(open_and_seal("FILE_BLOCK"), block.as_bytes());
    let proof = blake3::hash(block.as_bytes());
    assert_eq!(open_and_seal("FILE_END"), proof.as_bytes());
}
