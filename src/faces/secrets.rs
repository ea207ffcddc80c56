//! Passwords on their way in. How many lines of password follow a command is known from the
//! command alone, so that a script's next line can never become a message by mistake. They are
//! read without echo, kept in no history and never among the words of a command.
//! Пароли на пути внутрь. Сколько строк пароля следует за командой, видно по ней самой: строка
//! скрипта не станет по ошибке сообщением. Читаются они без показа, в историю ввода не попадают и
//! среди слов команды не бывают.

use rustyline::DefaultEditor;
use serde_json::Value;

use super::commands::{Verb, word};
use super::input::command_put;
use crate::base::fail::{Fail, FailKind, fail};
use crate::logic::accounts::account_name_check;
use crate::logic::events::{AccountCommand, Command};
use crate::workers::map::Queues;

/// Переменная окружения, которая отвечает за человека.
const PASSWORD_VARIABLE: &str = "SUPERTEXT_PASSWORD";

/// Собирает команду об учётной записи. Негодное имя отвергается раньше, чем спросят пароль.
pub fn account_make(verb: Verb, words: &[String]) -> Result<AccountCommand, Fail> {
    if verb == Verb::Password {
        return Ok(AccountCommand::Password);
    }
    if verb == Verb::Account {
        return Ok(AccountCommand::Show);
    }
    if verb == Verb::Find {
        return Ok(AccountCommand::Find(String::from(word(words, 0, "NAME|ID")?)));
    }
    let name = word(words, 0, "NAME")?;
    if words.len() > 1 {
        // Пароль словом не бывает: его спросят.
        return Err(fail(FailKind::ArgumentBad, "NAME"));
    }
    account_name_check(name)?;
    let name = String::from(name);
    if verb == Verb::Login {
        return Ok(AccountCommand::Login(name));
    }
    Ok(AccountCommand::Register(name))
}

/// Сколько паролей спросит эта команда; новый спрашивается дважды.
pub fn secrets_asked(command: &Command) -> usize {
    let Command::Account(command) = command else {
        return 0;
    };
    match command {
        AccountCommand::Register(_) | AccountCommand::Password => 2,
        AccountCommand::Login(_) => 1,
        AccountCommand::Secret(_) | AccountCommand::Show | AccountCommand::Find(_) => 0,
    }
}

/// Отвечает на команду паролем из окружения, если он там есть. Возвращает, сколько паролей
/// остаётся спросить у человека.
pub fn secrets_answer(queues: &Queues, asked: usize) -> usize {
    let Ok(secret) = std::env::var(PASSWORD_VARIABLE) else {
        return asked;
    };
    for _ in 0..asked {
        secret_put(queues, secret.clone());
    }
    0
}

/// Строка команды, какой её можно показать в ошибке: пароль, набранный по незнанию рядом с именем,
/// повторять незачем.
pub fn line_shown(line: &str) -> &str {
    let bare = line.trim_start().trim_start_matches(['[', '"', '/', ' ']);
    if !line.trim_start().starts_with(['[', '/']) {
        return line;
    }
    for word in ["register", "login", "password"] {
        if bare.starts_with(word) {
            return word;
        }
    }
    line
}

/// Отдаёт пароль; пустой значит, что человек передумал.
pub fn secret_put(queues: &Queues, secret: String) {
    command_put(queues, Command::Account(AccountCommand::Secret(secret)), "");
}

/// Пароль из строки потока: она сама или массив JSON из одного слова. `None` — ни то ни другое.
pub fn secret_of(line: &str) -> Option<String> {
    if !line.trim_start().starts_with('[') {
        return Some(String::from(line));
    }
    let parsed: Result<Vec<Value>, serde_json::Error> = serde_json::from_str(line);
    match parsed {
        Ok(values) if values.len() == 1 => match values[0].as_str() {
            Some(word) => Some(String::from(word)),
            None => None,
        },
        Ok(_) | Err(_) => None,
    }
}

/// Спрашивает пароли в консоли; на пустом спрашивать дальше незачем.
pub fn secrets_ask(queues: &Queues, editor: &mut DefaultEditor, asked: usize) {
    for _ in 0..asked {
        let secret = secret_read(editor);
        let enough = secret.is_empty();
        secret_put(queues, secret);
        if enough {
            return;
        }
    }
}

/// Читает строку, не показывая её.
#[cfg(unix)]
fn secret_read(_editor: &mut DefaultEditor) -> String {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    let Ok(modes) = tcgetattr(&stdin) else {
        return String::new();
    };
    let mut quiet = modes.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    quiet.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
    if tcsetattr(&stdin, OptionalActions::Now, &quiet).is_err() {
        return String::new();
    }
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    let _ = tcsetattr(&stdin, OptionalActions::Now, &modes);
    if read.is_err() {
        return String::new();
    }
    String::from(line.trim_end_matches(['\n', '\r']))
}

/// Читает строку, не показывая её.
#[cfg(windows)]
fn secret_read(_editor: &mut DefaultEditor) -> String {
    rpassword::read_password().unwrap_or_default()
}

/// В прочих системах строка видна, пока её набирают, но в историю ввода не попадает.
#[cfg(not(any(unix, windows)))]
fn secret_read(editor: &mut DefaultEditor) -> String {
    editor.readline("").unwrap_or_default()
}
