//! Rules about sizes and comments: lines, functions, files, headers in two languages.
//! Правила о размерах и комментариях: строки, функции, файлы, шапки на двух языках.

use super::tokens::{FnSeen, Source, Token, What, in_tests, is_sign, is_word};
use super::{Seen, World};

const LINE_MAX: usize = 100;
const FN_MAX: usize = 70;
const FILE_MAX: usize = 500;

/// Words that may stand between the comment of a function and its `fn`.
const BEFORE_FN: &[&str] = &["pub", "const", "unsafe", "async", "extern", "default"];

/// Правило `line-long`: строка не шире 100 знаков (знаков, не байтов).
pub fn check_lines(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    for (index, line) in source.text.lines().enumerate() {
        let width = line.chars().count();
        if width > LINE_MAX {
            let what = format!("{width} characters, at most {LINE_MAX}");
            out.push(Seen { line: index + 1, what });
        }
    }
}

/// Правило `file-long`: файл не длиннее 500 строк.
pub fn check_file(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    let count = source.text.lines().count();
    if count > FILE_MAX {
        out.push(Seen { line: 1, what: format!("{count} lines, at most {FILE_MAX}") });
    }
}

/// Правило `fn-long`: функция не длиннее 70 строк, от `fn` до последней скобки.
pub fn check_functions(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    for found in &source.fns {
        let first = source.tokens[found.at].line;
        let count = source.tokens[found.close].line + 1 - first;
        if count > FN_MAX {
            let what = format!("fn {} has {count} lines, at most {FN_MAX}", found.name);
            out.push(Seen { line: first, what });
        }
    }
}

/// Правило `header`: файл начинается с `//!`, сначала по-английски, затем по-русски.
pub fn check_header(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    let mut english = false;
    let mut russian = false;
    for line in source.text.lines() {
        let Some(words) = line.strip_prefix("//!") else { break };
        if has_cyrillic(words) {
            russian = true;
        } else if has_latin(words) {
            english = true;
        }
    }
    if !english {
        out.push(Seen { line: 1, what: String::from("no English line in the `//!` header") });
    }
    if !russian {
        out.push(Seen { line: 1, what: String::from("no Russian line in the `//!` header") });
    }
}

/// В строке есть кириллица.
fn has_cyrillic(text: &str) -> bool {
    for letter in text.chars() {
        if ('\u{0400}'..='\u{04FF}').contains(&letter) {
            return true;
        }
    }
    false
}

/// В строке есть латинские буквы.
fn has_latin(text: &str) -> bool {
    for letter in text.chars() {
        if letter.is_ascii_alphabetic() {
            return true;
        }
    }
    false
}

/// Правило `fn-doc`: у каждой функции есть строка `///` по-русски; в `mod tests` можно без неё.
pub fn check_docs(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    for found in &source.fns {
        if in_tests(source, found.at) {
            continue;
        }
        let line = source.tokens[found.at].line;
        match doc_of(&source.tokens, found) {
            Some(doc) if has_cyrillic(&doc) => {}
            Some(_) => {
                let what = format!("the `///` line of fn {} is not Russian", found.name);
                out.push(Seen { line, what });
            }
            None => {
                let what = format!("fn {} has no `///` line", found.name);
                out.push(Seen { line, what });
            }
        }
    }
}

/// Слова комментария `///` над функцией: лексер отдаёт их как `#[doc = "…"]`.
fn doc_of(tokens: &[Token], found: &FnSeen) -> Option<String> {
    let mut doc: Option<String> = None;
    let mut at = found.at;
    while at > 0 {
        let before = at - 1;
        let token = &tokens[before];
        let mate = token.mate;
        let attribute = is_sign(tokens, before, "]") && mate > 0 && is_sign(tokens, mate - 1, "#");
        let limited = is_sign(tokens, before, ")") && mate > 0 && is_word(tokens, mate - 1, "pub");
        let modifier = token.what == What::Word && BEFORE_FN.contains(&token.text.as_str());
        let abi =
            token.what == What::Literal && before > 0 && is_word(tokens, before - 1, "extern");
        if attribute {
            if is_word(tokens, mate + 1, "doc") {
                let words = doc.unwrap_or_default();
                doc = Some(format!("{} {words}", tokens[mate + 3].text));
            }
            at = mate - 1;
        } else if limited {
            at = mate;
        } else if modifier || abi {
            at = before;
        } else {
            break;
        }
    }
    doc
}
