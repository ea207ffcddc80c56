//! Words of the command line; every flag has an environment variable. Secrets are never arguments.
//! Слова командной строки; у каждого ключа есть переменная окружения. Секреты — никогда не слова.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::texts::{language_choose, text, text_fail, texts_load};
use crate::base::bounds::{MAIL_AGE_MS, MAIL_BYTES_MAX, MAIL_COUNT_MAX};
use crate::base::fail::{Fail, FailKind, fail, fail_row};
use crate::crypto::tls::Trust;
use crate::net::address::{JoinLine, join_parse};
use crate::store::home::{Home, trust_open};

/// What to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// The window
    Gui,
    /// The console
    Console,
    /// A contact that answers everything with the same
    Echo,
    /// Print one's own id and card
    Id,
    /// Look at network, server, clock, certificates and disk, and say how to mend what is wrong
    Doctor,
    /// Every state of every bubble, for tests
    #[value(hide = true)]
    Gallery,
}

/// Supertext: a messenger from computer to computer.
#[derive(Clone, Debug, Parser)]
#[command(name = "supertext", version, about)]
pub struct ClientArgs {
    /// What to run; without it the window when there is a display, otherwise the console
    #[arg(value_enum)]
    pub mode: Option<Mode>,
    /// Home folder: certificates, downloads, limits, settings
    #[arg(long, env = "SUPERTEXT_HOME")]
    pub home: Option<PathBuf>,
    /// The server: HOST:PORT#FINGERPRINT (its join line), or HOST:PORT with cert/rootCA.crt
    #[arg(long, env = "SUPERTEXT_SERVER")]
    pub server: Option<String>,
    /// Where others may call you directly: HOST:PORT, or off; without it every address, any port
    #[arg(long, env = "SUPERTEXT_LISTEN")]
    pub listen: Option<String>,
    /// Seek people in the local network: on, off, or a port other than the usual one
    #[arg(long, env = "SUPERTEXT_DISCOVERY")]
    pub discovery: Option<String>,
    /// Ask the router to let callers in: on or off
    #[arg(long, env = "SUPERTEXT_PORT_MAPPING")]
    pub port_mapping: Option<String>,
    /// Your name for others
    #[arg(long, env = "SUPERTEXT_NAME")]
    pub name: Option<String>,
    /// Another identity beside the usual one
    #[arg(long, env = "SUPERTEXT_PROFILE")]
    pub profile: Option<String>,
    /// Talk JSON on stdin and stdout
    #[arg(long, env = "SUPERTEXT_JSON")]
    pub json: bool,
    /// Answer every question about spending with yes
    #[arg(long, env = "SUPERTEXT_YES")]
    pub yes: bool,
    /// Take every offered file
    #[arg(long, env = "SUPERTEXT_ACCEPT_FILES")]
    pub accept_files: bool,
    /// Language: ru, en or zh
    #[arg(long, env = "SUPERTEXT_LANG")]
    pub lang: Option<String>,
    /// Theme of the window: system, light or dark
    #[arg(long, env = "SUPERTEXT_THEME")]
    pub theme: Option<String>,
    /// Open the chat with this id
    #[arg(long, env = "SUPERTEXT_TO")]
    pub to: Option<String>,
    /// With `id`: put the present identity aside and make a new one
    #[arg(long)]
    pub new: bool,
    /// Write TLS secrets to the file named by SSLKEYLOGFILE, to look at the packets in Wireshark
    #[arg(long, env = "SUPERTEXT_KEYLOG")]
    pub keylog: bool,
    /// Detail of supertext.log: error, warn, info, debug or trace
    #[arg(long, env = "SUPERTEXT_LOG", default_value = "info")]
    pub log: String,
}

/// Supertext server: knows who owns which id, passes packets on, keeps sealed ones for the absent.
#[derive(Clone, Debug, Parser)]
#[command(name = "supertext-server", version, about)]
pub struct ServerArgs {
    /// Home folder: certificates, registered ids, log
    #[arg(long, env = "SUPERTEXT_HOME")]
    pub home: Option<PathBuf>,
    /// Address to listen at; port 0 picks a free one
    #[arg(long, env = "SUPERTEXT_LISTEN", default_value = "0.0.0.0:7787")]
    pub listen: String,
    /// Messages one absent person's mailbox holds
    #[arg(long, env = "SUPERTEXT_MAIL_MESSAGES", default_value_t = MAIL_COUNT_MAX)]
    pub mail_messages: u64,
    /// MiB one absent person's mailbox holds
    #[arg(long, env = "SUPERTEXT_MAIL_MEGABYTES", default_value_t = MAIL_BYTES_MAX >> 20)]
    pub mail_megabytes: u64,
    /// Days mail waits to be fetched
    #[arg(long, env = "SUPERTEXT_MAIL_DAYS", default_value_t = MAIL_AGE_MS / 86_400_000)]
    pub mail_days: u64,
    /// Language: ru, en or zh
    #[arg(long, env = "SUPERTEXT_LANG")]
    pub lang: Option<String>,
    /// Write TLS secrets to the file named by SSLKEYLOGFILE, to look at the packets in Wireshark
    #[arg(long, env = "SUPERTEXT_KEYLOG")]
    pub keylog: bool,
    /// Detail of supertext.log: error, warn, info, debug or trace
    #[arg(long, env = "SUPERTEXT_LOG", default_value = "info")]
    pub log: String,
}

/// Сервер, названный строкой, и почему ему верить: отпечаток в ней или файл центра.
/// Ошибки: `Resolve`, `ServerUnknown` (адрес есть, а доверия нет), `CertificateBad`.
pub fn server_named(text: &str, home: &Home) -> Result<(JoinLine, Trust), Fail> {
    let join = join_parse(text)?;
    let trust = match join.pin {
        Some(pin) => Some(Trust { pin, ca: None }),
        None => trust_open(home)?,
    };
    match trust {
        Some(trust) => Ok((join, trust)),
        None => Err(fail(FailKind::ServerUnknown, &join.address)),
    }
}

/// Ошибка запуска: одна строка в stderr на языке человека и код выхода.
pub fn start_failed(failed: &Fail, lang: &Option<String>) -> u8 {
    eprintln!("supertext: {}", start_text(failed, lang));
    fail_row(failed.kind).exit
}

/// Говорит одну строку до лица программы.
pub fn start_said(key: &str, detail: &str, lang: &Option<String>) {
    let wish = lang.clone().unwrap_or_default();
    let texts = texts_load(&language_choose(&wish));
    eprintln!("supertext: {}", text(&texts, key, &[("detail", String::from(detail))]));
}

/// Ошибка запуска словами на языке человека.
pub fn start_text(failed: &Fail, lang: &Option<String>) -> String {
    let wish = lang.clone().unwrap_or_default();
    let texts = texts_load(&language_choose(&wish));
    text_fail(&texts, failed)
}
