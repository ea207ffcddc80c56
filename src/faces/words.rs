//! How a typed line falls into words: a person with spaces in the id or quotes around the name, a
//! message named by its digits, a choice before or after. commands.rs makes commands of the words.
//! Как набранная строка делится на слова: человек с пробелами в номере или в кавычках, сообщение,
//! названное цифрами, выбор спереди или сзади. Команды из слов делает commands.rs.

use super::commands::{FORMS, SWITCH, Verb};
use super::rooms::room_split;
use crate::base::fail::{Fail, FailKind, fail};
use crate::base::ids::ID_DIGITS;

/// Hex digits that name a message: its last ones at least, the whole id at most.
const REFERENCE_MIN: usize = 4;
const REFERENCE_MAX: usize = 32;
/// Characters of a whole id with its dashes.
const REFERENCE_DASHED: usize = 36;
/// Marks in front of a message's digits, as the console shows them and as they are typed.
const REFERENCE_MARKS: [char; 2] = ['·', '#'];

/// Делит остаток строки на слова так, как нужно этой команде.
pub fn words_split(verb: Verb, rest: &str, words: &mut Vec<String>) {
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
        | Verb::No
        | Verb::Delete
        | Verb::Find
        | Verb::Connect
        | Verb::Bits => words.push(String::from(rest)),
        Verb::Files
        | Verb::Limits
        | Verb::To
        | Verb::Remove
        | Verb::Block
        | Verb::Accept
        | Verb::Reject
        | Verb::Later
        | Verb::Clear
        | Verb::Leave
        | Verb::Members
        | Verb::Disconnect
        | Verb::Language => words.push(String::from(rest.trim_matches('"'))),
        Verb::History
        | Verb::Add
        | Verb::Rename
        | Verb::Folder
        | Verb::Verify
        | Verb::Trust
        | Verb::Message
        | Verb::Send
        | Verb::Page
        | Verb::TopUp => {
            let (who, after) = who_split(rest);
            words.push(who);
            if verb == Verb::TopUp || verb == Verb::Page {
                words_plain(after, words);
            } else if !after.is_empty() {
                words.push(String::from(after));
            }
        }
        Verb::Room | Verb::Invite | Verb::Expel => room_split(rest, words),
        Verb::Edit | Verb::Reply => about_split(rest, words),
        Verb::Keep => choice_split(rest, SWITCH, words),
        Verb::Export => choice_split(rest, FORMS, words),
        Verb::Set => set_split(rest, words),
        Verb::Register | Verb::Login => words_plain(rest, words),
        Verb::Id
        | Verb::Contacts
        | Verb::Spam
        | Verb::Chats
        | Verb::Rooms
        | Verb::Status
        | Verb::Peers
        | Verb::Card
        | Verb::Password
        | Verb::Account
        | Verb::Quit => {}
    }
}

/// `/set`: ключ и значение.
fn set_split(rest: &str, words: &mut Vec<String>) {
    let (key, value) = first_split(rest);
    words.push(String::from(key));
    words.push(String::from(value));
}

/// Слова, разделённые пробелами.
fn words_plain(rest: &str, words: &mut Vec<String>) {
    for word in rest.split_whitespace() {
        words.push(String::from(word));
    }
}

/// Первое слово и остальное.
fn first_split(rest: &str) -> (&str, &str) {
    match rest.split_once(char::is_whitespace) {
        Some((first, after)) => (first, after.trim_start()),
        None => (rest, ""),
    }
}

/// Отделяет собеседника: имя в кавычках, номер с пробелами (все 14 цифр) или одно слово.
pub fn who_split(rest: &str) -> (String, &str) {
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
    let (who, after) = first_split(rest);
    (String::from(who), after)
}

/// `/edit` и `/reply`: первое слово — сообщение, если похоже на него и за ним идёт текст. Одно
/// слово с меткой — сообщение без текста: стать текстом ему нельзя, иначе опечатка уйдёт к людям.
fn about_split(rest: &str, words: &mut Vec<String>) {
    let (first, after) = first_split(rest);
    let marked = first.starts_with(REFERENCE_MARKS);
    let alone = after.is_empty() && marked && reference_clean(first).is_ok();
    if alone || (!after.is_empty() && (marked || reference_like(first))) {
        words.push(String::from(first));
        words.push(String::from(after));
        return;
    }
    words.push(String::from(rest));
}

/// Похоже ли слово без метки на сообщение: целый UUID или строчные шестнадцатеричные цифры, среди
/// которых есть десятичная (иначе ими было бы и слово `face`).
fn reference_like(word: &str) -> bool {
    if word.len() == REFERENCE_DASHED {
        return uuid::Uuid::try_parse(word).is_ok();
    }
    let mut decimal = false;
    for letter in word.chars() {
        if !matches!(letter, '0'..='9' | 'a'..='f') {
            return false;
        }
        decimal = decimal || letter.is_ascii_digit();
    }
    decimal && word.len() >= REFERENCE_MIN && word.len() <= REFERENCE_MAX
}

/// Сообщение, названное номером или последними цифрами, без метки и чёрточек; пусто остаётся
/// пустым. Ошибка `ArgumentBad`.
pub fn reference_clean(word: &str) -> Result<String, Fail> {
    let word = word.trim();
    let mut digits = String::new();
    if word.is_empty() {
        return Ok(digits);
    }
    let bare = word.strip_prefix(REFERENCE_MARKS).unwrap_or(word);
    let mut good = bare.len() <= REFERENCE_DASHED;
    for letter in bare.chars() {
        if letter.is_ascii_hexdigit() {
            digits.push(letter.to_ascii_lowercase());
        } else if letter != '-' {
            good = false;
        }
    }
    if good && digits.len() >= REFERENCE_MIN && digits.len() <= REFERENCE_MAX {
        return Ok(digits);
    }
    Err(fail(FailKind::ArgumentBad, word))
}

/// Отделяет выбор, стоящий последним или первым; остальное — собеседник.
fn choice_split(rest: &str, choices: &[&str], words: &mut Vec<String>) {
    let (first, after) = first_split(rest);
    let (before, last) = match rest.rsplit_once(char::is_whitespace) {
        Some((before, last)) => (before.trim_end(), last),
        None => ("", rest),
    };
    if choices.contains(&last) {
        words.push(String::from(before.trim_matches('"')));
        words.push(String::from(last));
    } else if choices.contains(&first) {
        words.push(String::from(first));
        words.push(String::from(after.trim_matches('"')));
    } else {
        words.push(String::from(rest.trim_matches('"')));
    }
}

/// Собеседник и выбор из двух слов в любом порядке; чего нет, то пусто. Ошибка `ArgumentBad`:
/// слов больше или среди двух выбора нет.
pub fn choice_take<'a>(
    words: &'a [String],
    choices: &[&str],
) -> Result<(String, Option<&'a str>), Fail> {
    let mut who = "";
    let mut chosen = None;
    for word in words.iter().rev() {
        if chosen.is_none() && choices.contains(&word.as_str()) {
            chosen = Some(word.as_str());
        } else if who.is_empty() {
            who = word.trim();
        } else if !word.is_empty() {
            return Err(fail(FailKind::ArgumentBad, &words.join(" ")));
        }
    }
    Ok((String::from(who), chosen))
}
