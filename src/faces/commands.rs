//! ★ The table of commands: one row each, for the console, the JSON pipe, menus and tests.
//! ★ Таблица команд: по строке на каждую, для консоли, потока JSON, меню и испытаний.

use crate::base::bounds::TEXT_MAX;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::ID_DIGITS;
use crate::logic::events::{Budget, Command, ExportForm, PastCommand, Transfer};
use crate::store::settings::setting_check;

use super::links::link_make;
use super::rooms::room_make;
use super::secrets::account_make;
use super::texts::LANGUAGES;
use super::words::{choice_take, reference_clean, words_split};

/// Сколько прошлых сообщений показывается, если число не названо.
const HISTORY_FIRST: u64 = 20;

/// Слова включения и выключения.
pub const SWITCH: &[&str] = &["on", "off"];
/// Виды выгрузки; первый — если вид не назван.
pub const FORMS: &[&str] = &["json", "text"];

/// Every command there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Help,
    Id,
    Add,
    Accept,
    Reject,
    Later,
    Spam,
    Contacts,
    Rename,
    Folder,
    Remove,
    Block,
    Verify,
    Trust,
    To,
    Message,
    Edit,
    Reply,
    Delete,
    History,
    Page,
    Chats,
    Search,
    Keep,
    Clear,
    Export,
    Send,
    Take,
    Refuse,
    Cancel,
    Files,
    Limits,
    TopUp,
    Room,
    Rooms,
    Invite,
    Expel,
    Leave,
    Members,
    Yes,
    No,
    Status,
    Peers,
    Card,
    Connect,
    Disconnect,
    Register,
    Login,
    Password,
    Account,
    Find,
    Bits,
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
    row(Verb::Add, "/add", "ID [text]"),
    row(Verb::Accept, "/accept", "ID"),
    row(Verb::Reject, "/reject", "ID"),
    row(Verb::Later, "/later", "ID"),
    row(Verb::Spam, "/spam", ""),
    row(Verb::Contacts, "/contacts", ""),
    row(Verb::Rename, "/rename", "ID name"),
    row(Verb::Folder, "/folder", "ID [NAME]"),
    row(Verb::Remove, "/remove", "ID"),
    row(Verb::Block, "/block", "ID"),
    row(Verb::Verify, "/verify", "ID [yes|no|NUMBER]"),
    row(Verb::Trust, "/trust", "ID [no]"),
    row(Verb::To, "/to", "[ID]"),
    row(Verb::Message, "/msg", "ID text"),
    row(Verb::Edit, "/edit", "[MESSAGE] text"),
    row(Verb::Reply, "/reply", "[MESSAGE] text"),
    row(Verb::Delete, "/delete", "MESSAGE"),
    row(Verb::History, "/history", "[ID] [N]"),
    row(Verb::Page, "/page", "ID [[+]NUMBER] [N]"),
    row(Verb::Chats, "/chats", ""),
    row(Verb::Search, "/search", "words"),
    row(Verb::Keep, "/keep", "[ID] on|off"),
    row(Verb::Clear, "/clear", "[ID]"),
    row(Verb::Export, "/export", "[ID] json|text"),
    row(Verb::Send, "/send", "ID path"),
    row(Verb::Take, "/take", "T"),
    row(Verb::Refuse, "/refuse", "T"),
    row(Verb::Cancel, "/cancel", "T"),
    row(Verb::Files, "/files", "[ID]"),
    row(Verb::Limits, "/limits", "[ID]"),
    row(Verb::TopUp, "/topup", "ID messages|files N"),
    row(Verb::Room, "/room", "NAME [ID …]"),
    row(Verb::Rooms, "/rooms", ""),
    row(Verb::Invite, "/invite", "ROOM ID"),
    row(Verb::Expel, "/expel", "ROOM ID"),
    row(Verb::Leave, "/leave", "[ROOM]"),
    row(Verb::Members, "/members", "[ROOM]"),
    row(Verb::Yes, "/yes", "[TOKEN]"),
    row(Verb::No, "/no", "[TOKEN]"),
    row(Verb::Status, "/status", ""),
    row(Verb::Peers, "/peers", ""),
    row(Verb::Card, "/card", ""),
    row(Verb::Connect, "/connect", "CARD"),
    row(Verb::Disconnect, "/disconnect", "ID"),
    row(Verb::Register, "/register", "NAME"),
    row(Verb::Login, "/login", "NAME"),
    row(Verb::Password, "/password", ""),
    row(Verb::Account, "/account", ""),
    row(Verb::Find, "/find", "NAME|ID"),
    row(Verb::Bits, "/bits", "on|off"),
    row(Verb::Language, "/lang", "ru|en|zh"),
    row(Verb::Set, "/set", "[key value]"),
    row(Verb::Quit, "/quit", ""),
];

/// Words of the customer's older programs; they work while no chat is chosen.
pub const ALIASES: &[(&str, &str)] = &[
    ("list connected peer", "/peers"),
    ("listpeer", "/peers"),
    ("chat request ", "/connect "),
    ("chat message ", "/msg "),
    ("disconnect ", "/disconnect "),
    ("exit network", "/quit"),
    ("exit", "/quit"),
    ("register", "/card"),
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

/// Слово под этим номером. Ошибка `ArgumentMissing` называет, чего не хватает.
pub fn word<'a>(words: &'a [String], index: usize, what: &str) -> Result<&'a str, Fail> {
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
        Verb::Add => Command::Add { who: who(words)?, words: word_or_empty(words, 1) },
        Verb::Accept => Command::Accept(who(words)?),
        Verb::Reject => Command::Reject(who(words)?),
        Verb::Later => Command::Later(who(words)?),
        Verb::Spam => Command::Spam,
        Verb::Contacts => Command::Contacts,
        Verb::Rename => rename_make(words)?,
        Verb::Folder => Command::Folder { who: who(words)?, name: word_or_empty(words, 1) },
        Verb::Remove => Command::Remove(who(words)?),
        Verb::Block => Command::Block(who(words)?),
        Verb::Verify => verify_make(words)?,
        Verb::Trust => trust_make(words)?,
        Verb::To => Command::To(word_or_empty(words, 0)),
        Verb::Message => Command::Message { who: who(words)?, text: text_of(words, 1)? },
        Verb::Edit => {
            let (reference, text) = about_make(words)?;
            Command::Past(PastCommand::Edit { reference, text })
        }
        Verb::Reply => {
            let (reference, text) = about_make(words)?;
            Command::Past(PastCommand::Reply { reference, text })
        }
        Verb::Delete => {
            let reference = reference_clean(word(words, 0, "MESSAGE")?)?;
            Command::Past(PastCommand::Delete(reference))
        }
        Verb::History => history_make(words)?,
        Verb::Page => page_make(words)?,
        Verb::Chats => Command::Past(PastCommand::Chats),
        Verb::Search => {
            let found = String::from(word(words, 0, "words")?);
            Command::Past(PastCommand::Search(found))
        }
        Verb::Keep => keep_make(words)?,
        Verb::Clear => Command::Past(PastCommand::Clear(word_or_empty(words, 0))),
        Verb::Export => export_make(words)?,
        Verb::Send => {
            let who = who(words)?;
            let path = path_whole(word(words, 1, "path")?.trim_matches('"'))?;
            Command::Send { who, path }
        }
        Verb::Take => Command::Take(transfer(words)?),
        Verb::Refuse => Command::Refuse(transfer(words)?),
        Verb::Cancel => Command::Cancel(transfer(words)?),
        Verb::Files => Command::Files(word_or_empty(words, 0)),
        Verb::Limits => Command::Limits(word_or_empty(words, 0)),
        Verb::TopUp => topup_make(words)?,
        Verb::Room | Verb::Rooms | Verb::Invite | Verb::Expel | Verb::Leave | Verb::Members => {
            room_make(verb, words)?
        }
        Verb::Yes => Command::Yes(token(words)?),
        Verb::No => Command::No(token(words)?),
        Verb::Status => Command::Status,
        Verb::Peers => Command::Peers,
        Verb::Card | Verb::Connect | Verb::Disconnect => link_make(verb, words)?,
        Verb::Register | Verb::Login | Verb::Password | Verb::Account | Verb::Find => {
            Command::Account(account_make(verb, words)?)
        }
        Verb::Bits => Command::Bits(switch_make(word(words, 0, "on|off")?)?),
        Verb::Language => language_make(word(words, 0, "ru|en|zh")?)?,
        Verb::Set => set_make(words)?,
        Verb::Quit => Command::Quit,
    };
    Ok(command)
}

/// `/rename`: кого и как назвать.
fn rename_make(words: &[String]) -> Result<Command, Fail> {
    let who = who(words)?;
    Ok(Command::Rename { who, name: String::from(word(words, 1, "name")?) })
}

/// Собеседник, названный первым словом.
fn who(words: &[String]) -> Result<String, Fail> {
    Ok(String::from(word(words, 0, "ID")?))
}

/// Текст сообщения под этим номером, не длиннее предела.
fn text_of(words: &[String], index: usize) -> Result<String, Fail> {
    let text = word(words, index, "text")?;
    if text.len() > TEXT_MAX {
        return Err(fail(FailKind::TextTooLong, &text.len().to_string()));
    }
    Ok(String::from(text))
}

/// `/edit` и `/reply`: два слова — сообщение и текст, одно — текст о последнем.
fn about_make(words: &[String]) -> Result<(String, String), Fail> {
    if words.len() < 2 {
        return Ok((String::new(), text_of(words, 0)?));
    }
    Ok((reference_clean(&words[0])?, text_of(words, 1)?))
}

/// `/verify`: собеседник и ответ: ничего, `yes`, `no` или число; его группы бывают и словами.
fn verify_make(words: &[String]) -> Result<Command, Fail> {
    let who = who(words)?;
    let answer = words[1..].join(" ").trim().to_lowercase();
    for letter in answer.chars() {
        let of_number = letter.is_ascii_digit() || letter.is_whitespace() || letter == '-';
        if !of_number && answer != "yes" && answer != "no" {
            return Err(fail(FailKind::ArgumentBad, &answer));
        }
    }
    Ok(Command::Verify { who, answer })
}

/// `/trust`: собеседник и, если ключ отвергнут, `no`.
fn trust_make(words: &[String]) -> Result<Command, Fail> {
    let who = who(words)?;
    match word_or_empty(words, 1).as_str() {
        "" | "yes" => Ok(Command::Trust { who, yes: true }),
        "no" => Ok(Command::Trust { who, yes: false }),
        other => Err(fail(FailKind::ArgumentBad, other)),
    }
}

/// `/keep`: собеседник (без него — выбранный) и хранить ли.
fn keep_make(words: &[String]) -> Result<Command, Fail> {
    match choice_take(words, SWITCH)? {
        (who, Some(value)) => {
            let on = switch_make(value)?;
            Ok(Command::Past(PastCommand::Keep { who, on }))
        }
        (_, None) => Err(fail(FailKind::ArgumentMissing, "on|off")),
    }
}

/// `/export`: собеседник (без него — все) и вид; без вида — JSON.
fn export_make(words: &[String]) -> Result<Command, Fail> {
    let (who, chosen) = choice_take(words, FORMS)?;
    let form = if chosen == Some("text") { ExportForm::Text } else { ExportForm::Json };
    Ok(Command::Past(PastCommand::Export { who, form }))
}

/// Включить или выключить.
fn switch_make(value: &str) -> Result<bool, Fail> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(fail(FailKind::ArgumentBad, other)),
    }
}

/// `/set`: ключ и значение по таблице настроек; `bits` — то же, что команда `/bits`. Без слов —
/// список всех.
fn set_make(words: &[String]) -> Result<Command, Fail> {
    if word_or_empty(words, 0).is_empty() {
        return Ok(Command::Settings);
    }
    let key = String::from(word(words, 0, "key")?);
    let value = word_or_empty(words, 1);
    if key == "bits" {
        return Ok(Command::Bits(switch_make(&value)?));
    }
    setting_check(&key, &value)?;
    Ok(Command::Set { key, value })
}

/// `/history`: собеседник и сколько сообщений; одно число без собеседника — сколько.
fn history_make(words: &[String]) -> Result<Command, Fail> {
    let first = word_or_empty(words, 0);
    let second = word_or_empty(words, 1);
    if second.is_empty() && first.len() < ID_DIGITS {
        if let Ok(many) = first.parse::<u64>() {
            return Ok(Command::Past(PastCommand::History { who: String::new(), many }));
        }
    }
    let many = if second.is_empty() { HISTORY_FIRST } else { number(&second)? };
    Ok(Command::Past(PastCommand::History { who: first, many }))
}

/// `/page`: собеседник, до какого места истории (без него — с конца; с плюсом — после какого) и
/// сколько сообщений.
fn page_make(words: &[String]) -> Result<Command, Fail> {
    let who = who(words)?;
    let place = word_or_empty(words, 1);
    let (after, place) = match place.strip_prefix('+') {
        Some(rest) => (true, number(rest)?),
        None if place.is_empty() => (false, 0),
        None => (false, number(&place)?),
    };
    let many = match word_or_empty(words, 2) {
        empty if empty.is_empty() => HISTORY_FIRST,
        text => number(&text)?,
    };
    Ok(Command::Past(PastCommand::Page { who, number: place, after, many }))
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
