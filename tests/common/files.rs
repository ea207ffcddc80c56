//! Files for the end-to-end tests: random content, the hash of a file by its definition, what lies
//! on the receiver's disk while a file comes.
//! Файлы для сквозных испытаний: случайное содержимое, хеш файла по определению, что лежит на
//! диске получателя, пока файл идёт.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::{Client, World, fits, say, say_words, told, wait, waiting};

/// Bytes of a block: 256 packets of 61440 bytes.
pub const BLOCK: usize = 61_440 * 256;
/// One MiB.
pub const MIB: usize = 1 << 20;

/// Пишет файл случайных байт (xorshift64 от зерна) и возвращает его путь.
pub fn file_make(folder: &Path, name: &str, size: usize, seed: u64) -> PathBuf {
    let path = folder.join(name);
    let mut file = File::create(&path).expect("a source file");
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut left = size;
    let mut buffer = vec![0u8; MIB];
    while left > 0 {
        for word in buffer.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        let part = usize::min(left, buffer.len());
        file.write_all(&buffer[..part]).expect("write");
        left -= part;
    }
    path
}

/// Хеш файла по определению: BLAKE3 от подряд стоящих BLAKE3 его блоков.
pub fn proof_of_file(path: &Path) -> String {
    let mut file = File::open(path).expect("open");
    let mut whole = blake3::Hasher::new();
    let mut block = vec![0u8; BLOCK];
    loop {
        let mut have = 0;
        while have < BLOCK {
            let read = file.read(&mut block[have..]).expect("read");
            if read == 0 {
                break;
            }
            have += read;
        }
        if have > 0 {
            whole.update(blake3::hash(&block[..have]).as_bytes());
        }
        if have < BLOCK {
            return whole.finalize().to_hex().to_string();
        }
    }
}

/// Совпадают ли файлы до байта.
pub fn files_same(one: &Path, other: &Path) -> bool {
    let (mut left, mut right) = (File::open(one).expect("one"), File::open(other).expect("other"));
    let (mut first, mut second) = (vec![0u8; MIB], vec![0u8; MIB]);
    loop {
        let taken = left.read(&mut first).expect("read");
        if taken == 0 {
            return right.read(&mut second).expect("read") == 0;
        }
        if right.read_exact(&mut second[..taken]).is_err() || first[..taken] != second[..taken] {
            return false;
        }
    }
}

/// Отправитель предлагает файл; возвращает номер передачи у получателя.
pub fn offered(from: &mut Client, to: &mut Client, path: &Path) -> u64 {
    let who = to.id.clone();
    say_words(from, &["/send", &who, &path.display().to_string()]);
    let offer = wait(to, json!({"event": "offer", "peer": from.id}));
    offer["transfer"].as_u64().expect("a number")
}

/// Пополняет лимит файлов: большие файлы стоят больше тысячи пакетов.
pub fn topup(client: &mut Client, peer: &Client) {
    say(client, &format!("/topup {} files 1000000", peer.id));
}

/// Ждёт `done` с обеих сторон и сверяет хеши, размеры и байты. Возвращает события обоих концов.
pub fn arrived(from: &mut Client, to: &mut Client, source: &Path) -> (Value, Value) {
    let got = wait(to, json!({"event": "file", "state": "done", "outgoing": false}));
    let sent = wait(from, json!({"event": "file", "state": "done", "outgoing": true}));
    let place = PathBuf::from(got["path"].as_str().expect("a path"));
    assert_eq!(place.parent(), Some(to.home.join("downloads").as_path()), "{got}");
    let size = std::fs::metadata(source).expect("the source").len();
    let proof = proof_of_file(source);
    for event in [&got, &sent] {
        assert_eq!(event["size"].as_u64(), Some(size), "{event}");
        assert_eq!(event["bytes"].as_u64(), Some(size), "{event}");
        assert_eq!(event["blake3"].as_str(), Some(proof.as_str()), "{event}\n{}", told(from));
    }
    assert!(files_same(source, &place), "{} differs", place.display());
    (got, sent)
}

/// Сколько байт недокачанного лежит у получателя сейчас.
pub fn part_length(client: &Client) -> usize {
    let Ok(folder) = std::fs::read_dir(client.home.join("downloads")) else {
        return 0;
    };
    let mut length = 0;
    for entry in folder.flatten() {
        if entry.file_name().to_string_lossy().ends_with(".part") {
            if let Ok(facts) = entry.metadata() {
                length += facts.len() as usize;
            }
        }
    }
    length
}

/// Ждёт, пока у получателя не ляжет столько байт недокачанного; возвращает, сколько легло.
pub fn part_grown(client: &Client, over: usize) -> usize {
    let since = Instant::now();
    loop {
        let length = part_length(client);
        if length >= over {
            return length;
        }
        assert!(since.elapsed() < super::GUARD, "nothing comes\n{}", told(client));
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Что лежит в папке, по алфавиту.
pub fn names_in(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(entries) = std::fs::read_dir(folder) {
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // Метка Windows — поток внутри файла, а под wine — файл рядом с ним.
            if !name.ends_with(":Zone.Identifier") {
                names.push(name);
            }
        }
    }
    names.sort();
    names
}

/// Ждёт, пока в папке не останется ровно это.
pub fn names_settle(folder: &Path, wanted: &[&str]) {
    let since = Instant::now();
    while names_in(folder) != wanted {
        assert!(waiting(since), "{}: {:?}", folder.display(), names_in(folder));
    }
}

/// Папка для исходных файлов этого мира.
pub fn sources(world: &World) -> PathBuf {
    let folder = world.folder.path().join("sources");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Остаток лимита файлов к этому собеседнику, по слову `/limits`.
pub fn files_left(client: &mut Client, peer: &str) -> u64 {
    super::forget(client);
    say(client, &format!("/limits {peer}"));
    let event = wait(client, json!({"event": "limits", "peer": peer}));
    event["files"].as_u64().expect("a number")
}

/// Проверяет, что у передачи названа причина.
pub fn reason_is(event: &Value, code: &str) {
    assert!(fits(event, &json!({"code": code})), "not {code}: {event}");
    assert!(event["reason"].as_str().unwrap_or_default().len() > 3, "no words: {event}");
}
