//! The home folder: where everything lies, who holds it, identity and server certificates in it.
//! Домашняя папка: где что лежит, кто её держит, личность и сертификаты сервера в ней.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::base::bounds::{RAISE_LOOK_MS, RAISE_WAIT_MS};
use crate::base::fail::{Fail, FailKind, fail, io_try};
use crate::crypto::certificates::{chain_fingerprint, server_certificates_make};
use crate::crypto::identity::{Identity, identity_make, identity_read};
use crate::crypto::tls::{Trust, trust_of_ca};

/// A second start makes this file in the home; the window of the first sees it, removes it and
/// comes to front.
pub const RAISE_NAME: &str = "raise";

/// When a file was changed last, and its length.
pub type Stamp = (SystemTime, u64);

/// Paths of a home folder.
#[derive(Clone, Debug)]
pub struct Home {
    pub root: PathBuf,
    pub cert: PathBuf,
    pub downloads: PathBuf,
    pub outgoing: PathBuf,
    pub limits: PathBuf,
    pub licence: PathBuf,
    pub settings: PathBuf,
    pub contacts: PathBuf,
    pub finished: PathBuf,
    pub history: PathBuf,
    pub account: PathBuf,
    pub restore: PathBuf,
    pub registered: PathBuf,
    pub mail: PathBuf,
    pub backups: PathBuf,
    /// There when history.db was found damaged while running: the next start looks it through.
    pub suspect: PathBuf,
    pub log: PathBuf,
    pub lock: PathBuf,
}

/// The server's certificate chain, key and the fingerprint of its CA.
#[derive(Debug)]
pub struct ServerCertificates {
    pub chain_pem: String,
    pub key_pem: String,
    pub fingerprint: String,
}

/// Пути домашней папки; сама она и её части создаются.
pub fn home_open(root: &Path) -> Result<Home, Fail> {
    let home = Home {
        root: root.to_path_buf(),
        cert: root.join("cert"),
        downloads: root.join("downloads"),
        outgoing: root.join("outgoing"),
        limits: root.join("limits.txt"),
        licence: root.join("licence.txt"),
        settings: root.join("settings.json"),
        contacts: root.join("contacts.json"),
        finished: root.join("finished.txt"),
        history: root.join("history.db"),
        account: root.join("account.json"),
        restore: root.join("restore.json"),
        registered: root.join("registered.txt"),
        mail: root.join("mail.db"),
        backups: root.join("backups"),
        suspect: root.join("history.suspect"),
        log: root.join("supertext.log"),
        lock: root.join(".lock"),
    };
    folder_make(&home.root)?;
    folder_make(&home.cert)?;
    Ok(home)
}

/// Папки, нужные только клиенту.
pub fn home_client(home: &Home) -> Result<(), Fail> {
    folder_make(&home.downloads)?;
    folder_make(&home.outgoing)
}

/// Создаёт папку, если её нет.
fn folder_make(path: &Path) -> Result<(), Fail> {
    io_try(FailKind::HomeBad, &path.display().to_string(), std::fs::create_dir_all(path))
}

/// Домашняя папка по умолчанию: переносная рядом с программой или папка данных системы.
pub fn home_default(program: &str) -> Result<PathBuf, Fail> {
    if let Ok(exe) = std::env::current_exe() {
        if let Some(folder) = exe.parent() {
            if folder.join("limits.txt").is_file() {
                // Сервер рядом с клиентом живёт в своей папке: одна домашняя — одна программа.
                let own = program == "supertext-server";
                return Ok(if own { folder.join("server") } else { folder.to_path_buf() });
            }
        }
    }
    match directories::ProjectDirs::from("", "", program) {
        Some(found) => Ok(found.data_dir().to_path_buf()),
        None => Err(fail(FailKind::HomeBad, "--home")),
    }
}

/// Занимает папку: вторая программа на ней не запустится. Замок живёт, пока жив файл.
pub fn home_lock(home: &Home) -> Result<File, Fail> {
    let what = home.lock.display().to_string();
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&home.lock);
    let file = io_try(FailKind::HomeBad, &what, opened)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(fail(FailKind::HomeBusy, &home.root.display().to_string()))
        }
        Err(std::fs::TryLockError::Error(error)) => {
            Err(fail(FailKind::HomeBad, &format!("{what}: {error}")))
        }
    }
}

/// Просит окно первой программы показаться: кладёт файл и ждёт, чтобы его убрали. `false` — окна
/// там нет; файл за собой убирается.
pub fn raise_ask(home: &Home) -> bool {
    let path = home.root.join(RAISE_NAME);
    if std::fs::write(&path, b"").is_err() {
        return false;
    }
    for _ in 0..RAISE_WAIT_MS / RAISE_LOOK_MS {
        std::thread::sleep(Duration::from_millis(RAISE_LOOK_MS));
        if !path.exists() {
            return true;
        }
    }
    // Убрал его не я: значит, окно успело в последний миг.
    std::fs::remove_file(&path).is_err()
}

/// Читает текстовый файл целиком; нет файла — `None`.
pub fn text_read(path: &Path) -> Result<Option<String>, Fail> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => io_try(FailKind::HomeBad, &path.display().to_string(), Err(error)),
    }
}

/// Пишет файл целиком и неделимо: рядом, затем переименовать. `private` — только владельцу.
pub fn text_write(path: &Path, text: &str, private: bool) -> Result<(), Fail> {
    text_stamp(path, text, private)?;
    Ok(())
}

/// То же; возвращает время и длину написанного. Они взяты раньше, чем файл занял своё место: чужая
/// правка, сделанная сразу после, от своей записи отличается.
pub fn text_stamp(path: &Path, text: &str, private: bool) -> Result<Option<Stamp>, Fail> {
    let what = path.display().to_string();
    let mut name = path.as_os_str().to_os_string();
    name.push(".tmp");
    let beside = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    if private {
        options_private(&mut options);
    }
    let mut file = io_try(FailKind::FileWrite, &what, options.open(&beside))?;
    io_try(FailKind::FileWrite, &what, file.write_all(text.as_bytes()))?;
    if private {
        io_try(FailKind::FileWrite, &what, file.sync_all())?;
    }
    drop(file);
    let stamp = file_stamp(&beside);
    io_try(FailKind::FileWrite, &what, std::fs::rename(&beside, path))?;
    Ok(stamp)
}

/// Время последнего изменения файла и его длина.
pub fn file_stamp(path: &Path) -> Option<Stamp> {
    match std::fs::metadata(path) {
        Ok(facts) => match facts.modified() {
            Ok(time) => Some((time, facts.len())),
            Err(_) => None,
        },
        Err(_) => None,
    }
}

/// Открывает файл строк для дописывания. Оборванная сбоем последняя строка завершается, чтобы
/// следующая к ней не приклеилась.
pub fn lines_open(path: &Path) -> Result<File, Fail> {
    let what = path.display().to_string();
    let torn = match std::fs::read(path) {
        Ok(bytes) => !bytes.is_empty() && !bytes.ends_with(b"\n"),
        Err(_) => false,
    };
    let opened = OpenOptions::new().create(true).append(true).open(path);
    let mut file = io_try(FailKind::FileWrite, &what, opened)?;
    if torn {
        io_try(FailKind::FileWrite, &what, file.write_all(b"\n"))?;
    }
    Ok(file)
}

/// Файл виден только владельцу (Unix); в Windows это решают права папки пользователя.
#[cfg(unix)]
pub fn options_private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

/// Файл виден только владельцу (Unix); в Windows это решают права папки пользователя.
#[cfg(not(unix))]
pub fn options_private(_options: &mut OpenOptions) {}

/// Пароль запертого ключа; из окружения, никогда не из командной строки.
fn key_password() -> String {
    std::env::var("SUPERTEXT_KEY_PASSWORD").unwrap_or_default()
}

/// Личность из `cert/client.key` и `client.crt`; при первом запуске делается новая.
pub fn identity_open(home: &Home) -> Result<Identity, Fail> {
    let key_path = home.cert.join("client.key");
    let chain_path = home.cert.join("client.crt");
    let (key_pem, chain_pem) = match (text_read(&key_path)?, text_read(&chain_path)?) {
        (Some(key), Some(chain)) => (key, chain),
        (None, None) => {
            let (key, chain) = identity_make()?;
            text_write(&chain_path, &chain, false)?;
            text_write(&key_path, &key, true)?;
            (key, chain)
        }
        (Some(_), None) => return Err(fail(FailKind::CertificateBad, "cert/client.crt")),
        (None, Some(_)) => return Err(fail(FailKind::KeyBad, "cert/client.key")),
    };
    identity_read(&key_pem, &chain_pem, &key_password())
}

/// Отставляет личность, чей номер занят, и делает новую (прежняя сохраняется рядом).
pub fn identity_renew(home: &Home) -> Result<Identity, Fail> {
    identity_aside(home)?;
    identity_open(home)
}

/// Отставляет файлы личности, какие есть, под свободным номером.
pub fn identity_aside(home: &Home) -> Result<(), Fail> {
    let mut number = 1;
    while home.cert.join(format!("client.key.old{number}")).exists()
        || home.cert.join(format!("client.crt.old{number}")).exists()
    {
        number += 1;
    }
    for name in ["client.key", "client.crt"] {
        let from = home.cert.join(name);
        if from.exists() {
            let to = home.cert.join(format!("{name}.old{number}"));
            io_try(FailKind::FileWrite, name, std::fs::rename(from, to))?;
        }
    }
    Ok(())
}

/// Сертификаты сервера; при пустой папке `cert/` делаются свои центр и сертификат.
pub fn server_certificates_open(home: &Home) -> Result<ServerCertificates, Fail> {
    let key_path = home.cert.join("domain.key");
    let chain_path = home.cert.join("domain.crt");
    let (key_pem, mut chain_pem) = match (text_read(&key_path)?, text_read(&chain_path)?) {
        (Some(key), Some(chain)) => (key, chain),
        (None, None) => {
            let pems = server_certificates_make()?;
            text_write(&home.cert.join("rootCA.key"), &pems.ca_key, true)?;
            text_write(&home.cert.join("rootCA.crt"), &pems.ca_certificate, false)?;
            text_write(&chain_path, &pems.server_chain, false)?;
            text_write(&key_path, &pems.server_key, true)?;
            (pems.server_key, pems.server_chain)
        }
        (Some(_), None) => return Err(fail(FailKind::CertificateBad, "cert/domain.crt")),
        (None, Some(_)) => return Err(fail(FailKind::KeyBad, "cert/domain.key")),
    };
    let fingerprint = match chain_fingerprint(&chain_pem) {
        Ok(found) => found,
        Err(short) => {
            // Сертификат без центра в том же файле: центр ищется рядом.
            let Some(ca) = ca_read(home)? else {
                return Err(short);
            };
            chain_pem = format!("{chain_pem}\n{ca}");
            chain_fingerprint(&chain_pem)?
        }
    };
    Ok(ServerCertificates { chain_pem, key_pem, fingerprint })
}

/// Пароль ключа сервера для `crypto::tls::server_config`.
pub fn server_key_password() -> String {
    key_password()
}

/// Сертификат центра, положенный рядом с программой: где его ищет заказчик.
fn ca_read(home: &Home) -> Result<Option<String>, Fail> {
    for path in [
        home.cert.join("rootCA.crt"),
        home.cert.join("CA").join("rootCA.crt"),
        home.root.join("rootCA.crt"),
    ] {
        if let Some(text) = text_read(&path)? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Доверие к серверу из файла центра, если он положен.
pub fn trust_open(home: &Home) -> Result<Option<Trust>, Fail> {
    match ca_read(home)? {
        Some(pem) => Ok(Some(trust_of_ca(&pem)?)),
        None => Ok(None),
    }
}
