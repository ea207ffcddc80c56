//! ★ The table of commands: one row each, for the console, the JSON pipe, menus and tests.
//! ★ Таблица команд: по строке на каждую, для консоли, потока JSON, меню и испытаний.

use crate::base::bounds::TEXT_MAX;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::ID_DIGITS;
use crate::logic::events::{Budget, Command, Transfer};
use crate::store::settings::setting_check;

use super::texts::LANGUAGES;

/// Сколько прошлых сообщений показывается, если число не названо.
const HISTORY_FIRST: u64 = 20;

/// Every command there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Help,
    Id,
    Add,
    Contacts,
    Rename,
    Remove,
    Block,
    To,
    Message,
    Send,
    Take,
    Refuse,
    Cancel,
    Files,
    History,
    Search,
    Limits,
    TopUp,
    Yes,
    No,
    Status,
    Peers,
    Language,
    Set,
    Quit,
}

/// One row: the word, its arguments as shown, the help text is `help-WORD` in lang/.
#[derive(Debug)]
pub struct CommandRow {
    pub verb: Verb,
    pub word: &'static str,
    pub usage: &'static str,
}

/// Строка таблицы.
const fn row(verb: Verb, word: &'static str, usage: &'static str) -> CommandRow {
    CommandRow { verb, word, usage }
}

/// All commands, in the order of `/help`.
pub const COMMANDS: &[CommandRow] = &[
    row(Verb::Help, "/help", "[command]"),
    row(Verb::Id, "/id", ""),
    row(Verb::Add, "/add", "ID [name]"),
    row(Verb::Contacts, "/contacts", ""),
    row(Verb::Rename, "/rename", "ID name"),
    row(Verb::Remove, "/remove", "ID"),
    row(Verb::Block, "/block", "ID"),
    row(Verb::To, "/to", "[ID]"),
    row(Verb::Message, "/msg", "ID text"),
    row(Verb::Send, "/send", "ID path"),
    row(Verb::Take, "/take", "T"),
    row(Verb::Refuse, "/refuse", "T"),
    row(Verb::Cancel, "/cancel", "T"),
    row(Verb::Files, "/files", "[ID]"),
    row(Verb::History, "/history", "[ID] [N]"),
    row(Verb::Search, "/search", "words"),
    row(Verb::Limits, "/limits", "[ID]"),
    row(Verb::TopUp, "/topup", "ID messages|files N"),
    row(Verb::Yes, "/yes", "[TOKEN]"),
    row(Verb::No, "/no", "[TOKEN]"),
    row(Verb::Status, "/status", ""),
    row(Verb::Peers, "/peers", ""),
    row(Verb::Language, "/lang", "ru|en|zh"),
    row(Verb::Set, "/set", "key value"),
    row(Verb::Quit, "/quit", ""),
];

/// Words of the customer's older programs; they work while no chat is chosen.
pub const ALIASES: &[(&str, &str)] = &[
    ("list connected peer", "/peers"),
    ("listpeer", "/peers"),
    ("chat message ", "/msg "),
    ("exit network", "/quit"),
    ("exit", "/quit"),
    ("help", "/help"),
];

/// Разбирает строку, как её набрал человек. Не команда — текст выбранному собеседнику.
pub fn line_parse(line: &str) -> Command {
    let trimmed = line.trim();
    if let Some(literal) = trimmed.strip_prefix("//") {
        return Command::Say { text: format!("/{literal}"), unchosen: None };
    }
    if !trimmed.starts_with('/') {
        let text = String::from(line.trim_end_matches(['\n', '\r']));
        let mut unchosen = None;
        if let Some(expanded) = alias_expand(trimmed) {
            unchosen = Some(Box::new(line_parse(&expanded)));
        }
        return Command::Say { text, unchosen };
    }
    let (word, rest) = match trimmed.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (trimmed, ""),
    };
    let mut words: Vec<String> = Vec::new();
    match row_find(word) {
        Some(row) => {
            words_split(row.verb, rest, &mut words);
            command_or_bad(row.verb, &words)
        }
        None => Command::Bad(fail(FailKind::CommandUnknown, word)),
    }
}

/// Прежнее слово заказчика как команда; она значит что-то, только пока собеседник не выбран.
fn alias_expand(line: &str) -> Option<String> {
    for (old, new) in ALIASES {
        let whole = !old.ends_with(' ') && line == *old;
        if whole || (old.ends_with(' ') && line.starts_with(old)) {
            return Some(format!("{new}{}", &line[old.len()..]));
        }
    }
    None
}

/// Разбирает слова, данные точно (массив JSON).
pub fn words_parse(words: &[String]) -> Command {
    let Some(first) = words.first() else {
        return Command::Bad(fail(FailKind::CommandUnknown, ""));
    };
    match row_find(first) {
        Some(row) => command_or_bad(row.verb, &words[1..]),
        None => Command::Bad(fail(FailKind::CommandUnknown, first)),
    }
}

/// Строка таблицы по слову.
pub fn row_find(word: &str) -> Option<&'static CommandRow> {
    for row in COMMANDS {
        if row.word == word || row.word.strip_prefix('/') == Some(word) {
            return Some(row);
        }
    }
    None
}

/// Команда или то, что с ней не так.
fn command_or_bad(verb: Verb, words: &[String]) -> Command {
    match command_make(verb, words) {
        Ok(command) => command,
        Err(failed) => Command::Bad(failed),
    }
}

/// Делит остаток строки на слова так, как нужно этой команде.
fn words_split(verb: Verb, rest: &str, words: &mut Vec<String>) {
    if rest.is_empty() {
        return;
    }
    match verb {
        Verb::Search
        | Verb::Help
        | Verb::Take
        | Verb::Refuse
        | Verb::Cancel
        | Verb::Yes
        | Verb::No => {
            words.push(String::from(rest));
        }
        Verb::Files | Verb::Limits | Verb::To | Verb::Remove | Verb::Block | Verb::Language => {
            words.push(String::from(rest.trim_matches('"')));
        }
        Verb::History | Verb::Add | Verb::Rename | Verb::Message | Verb::Send | Verb::TopUp => {
            let (who, after) = who_split(rest);
            words.push(who);
            if verb == Verb::TopUp {
                for word in after.split_whitespace() {
                    words.push(String::from(word));
                }
            } else if !after.is_empty() {
                words.push(String::from(after));
            }
        }
        Verb::Set => {
            let (key, value) = match rest.split_once(char::is_whitespace) {
                Some((key, value)) => (key, value.trim()),
                None => (rest, ""),
            };
            words.push(String::from(key));
            words.push(String::from(value));
        }
        Verb::Id | Verb::Contacts | Verb::Status | Verb::Peers | Verb::Quit => {}
    }
}

/// Отделяет собеседника: имя в кавычках, номер с пробелами (все 14 цифр) или одно слово.
fn who_split(rest: &str) -> (String, &str) {
    if let Some(quoted) = rest.strip_prefix('"') {
        if let Some((name, after)) = quoted.split_once('"') {
            return (String::from(name), after.trim_start());
        }
    }
    let mut digits = 0;
    for (place, letter) in rest.char_indices() {
        if letter.is_ascii_digit() {
            digits += 1;
        } else if letter != ' ' && letter != '\u{a0}' {
            break;
        }
        if digits == ID_DIGITS {
            let (who, after) = rest.split_at(place + 1);
            if after.is_empty() || after.starts_with(char::is_whitespace) {
                return (String::from(who), after.trim_start());
            }
            break;
        }
    }
    match rest.split_once(char::is_whitespace) {
        Some((who, after)) => (String::from(who), after.trim_start()),
        None => (String::from(rest), ""),
    }
}

/// Слово под этим номером. Ошибка `ArgumentMissing` называет, чего не хватает.
fn word<'a>(words: &'a [String], index: usize, what: &str) -> Result<&'a str, Fail> {
    match words.get(index) {
        Some(word) if !word.is_empty() => Ok(word),
        Some(_) | None => Err(fail(FailKind::ArgumentMissing, what)),
    }
}

/// Слово под этим номером или пусто.
fn word_or_empty(words: &[String], index: usize) -> String {
    match words.get(index) {
        Some(word) => word.clone(),
        None => String::new(),
    }
}

/// Целое число.
fn number(text: &str) -> Result<u64, Fail> {
    match text.trim().parse::<u64>() {
        Ok(number) => Ok(number),
        Err(_) => Err(fail(FailKind::ArgumentBad, text)),
    }
}

/// Номер передачи.
fn transfer(words: &[String]) -> Result<Transfer, Fail> {
    let text = word(words, 0, "T")?;
    match Transfer::try_from(number(text)?) {
        Ok(number) => Ok(number),
        Err(_) => Err(fail(FailKind::TransferUnknown, text)),
    }
}

/// Номер вопроса, если назван.
fn token(words: &[String]) -> Result<Option<u64>, Fail> {
    match words.first() {
        Some(text) => Ok(Some(number(text)?)),
        None => Ok(None),
    }
}

/// Собирает команду из слов. Ошибки: чего-то не хватает или оно не такое.
fn command_make(verb: Verb, words: &[String]) -> Result<Command, Fail> {
    let command = match verb {
        Verb::Help => Command::Help(word_or_empty(words, 0)),
        Verb::Id => Command::Id,
        Verb::Add => {
            let who = String::from(word(words, 0, "ID")?);
            Command::Add { who, name: word_or_empty(words, 1) }
        }
        Verb::Contacts => Command::Contacts,
        Verb::Rename => {
            let who = String::from(word(words, 0, "ID")?);
            Command::Rename { who, name: String::from(word(words, 1, "name")?) }
        }
        Verb::Remove => Command::Remove(String::from(word(words, 0, "ID")?)),
        Verb::Block => Command::Block(String::from(word(words, 0, "ID")?)),
        Verb::To => Command::To(word_or_empty(words, 0)),
        Verb::Message => {
            let who = String::from(word(words, 0, "ID")?);
            let text = word(words, 1, "text")?;
            if text.len() > TEXT_MAX {
                return Err(fail(FailKind::TextTooLong, &text.len().to_string()));
            }
            Command::Message { who, text: String::from(text) }
        }
        Verb::Send => {
            let who = String::from(word(words, 0, "ID")?);
            let path = path_whole(word(words, 1, "path")?.trim_matches('"'))?;
            Command::Send { who, path }
        }
        Verb::Take => Command::Take(transfer(words)?),
        Verb::Refuse => Command::Refuse(transfer(words)?),
        Verb::Cancel => Command::Cancel(transfer(words)?),
        Verb::Files => Command::Files(word_or_empty(words, 0)),
        Verb::History => history_make(words)?,
        Verb::Search => Command::Search(String::from(word(words, 0, "words")?)),
        Verb::Limits => Command::Limits(word_or_empty(words, 0)),
        Verb::TopUp => topup_make(words)?,
        Verb::Yes => Command::Yes(token(words)?),
        Verb::No => Command::No(token(words)?),
        Verb::Status => Command::Status,
        Verb::Peers => Command::Peers,
        Verb::Language => language_make(word(words, 0, "ru|en|zh")?)?,
        Verb::Set => {
            let key = String::from(word(words, 0, "key")?);
            let value = word_or_empty(words, 1);
            setting_check(&key, &value)?;
            Command::Set { key, value }
        }
        Verb::Quit => Command::Quit,
    };
    Ok(command)
}

/// `/history`: собеседник и сколько сообщений; одно число без собеседника — сколько.
fn history_make(words: &[String]) -> Result<Command, Fail> {
    let first = word_or_empty(words, 0);
    let second = word_or_empty(words, 1);
    if second.is_empty() && first.len() < ID_DIGITS {
        if let Ok(many) = first.parse::<u64>() {
            return Ok(Command::History { who: String::new(), many });
        }
    }
    let many = if second.is_empty() { HISTORY_FIRST } else { number(&second)? };
    Ok(Command::History { who: first, many })
}

/// Путь целиком: передача продолжится и после запуска из другой папки.
fn path_whole(path: &str) -> Result<String, Fail> {
    match std::path::absolute(path) {
        Ok(whole) => Ok(whole.to_string_lossy().into_owned()),
        Err(error) => Err(fail(FailKind::FileMissing, &format!("{path}: {error}"))),
    }
}

/// `/topup`: собеседник, какой лимит, сколько.
fn topup_make(words: &[String]) -> Result<Command, Fail> {
    let who = String::from(word(words, 0, "ID")?);
    let budget = match word(words, 1, "messages|files")? {
        "messages" => Budget::Messages,
        "files" => Budget::Files,
        other => return Err(fail(FailKind::ArgumentBad, other)),
    };
    let amount = number(word(words, 2, "N")?)?;
    Ok(Command::TopUp { who, budget, amount })
}

/// `/lang`: один из языков.
fn language_make(code: &str) -> Result<Command, Fail> {
    for (known, _) in LANGUAGES {
        if *known == code {
            return Ok(Command::Language(String::from(code)));
        }
    }
    Err(fail(FailKind::ArgumentBad, code))
}
