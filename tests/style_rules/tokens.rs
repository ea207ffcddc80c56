//! One source file as a flat row of tokens: every bracket knows its mate, `::` and `||` are one
//! token, macros are seen through. All rules read this and nothing else.
//! Один файл исходников как плоский ряд лексем: каждая скобка знает свою пару, `::` и `||` — одна
//! лексема, макросы прозрачны. Все правила читают только это.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::paths::{PathSeen, paths_of};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Word,
    Sign,
    Literal,
    /// A lifetime, with its quote.
    Life,
    Open,
    Close,
}

/// One token. `mate` is the index of the other bracket; for all others it is 0.
#[derive(Debug)]
pub struct Token {
    pub what: What,
    pub text: String,
    pub line: usize,
    pub mate: usize,
    glued: bool,
}

/// A function with a name: indices of `fn` and of its body's brackets.
#[derive(Debug)]
pub struct FnSeen {
    pub name: String,
    pub at: usize,
    pub open: usize,
    pub close: usize,
}

/// A module written in place: `mod name { … }`.
#[derive(Debug)]
pub struct ModSeen {
    pub name: String,
    pub open: usize,
    pub close: usize,
    /// It stands under `#[cfg(test)]` and is called `tests`.
    pub tests: bool,
}

/// A file as the rules see it.
#[derive(Debug)]
pub struct Source {
    /// From the project's root, with `/`.
    pub path: String,
    pub text: String,
    pub tokens: Vec<Token>,
    pub fns: Vec<FnSeen>,
    pub mods: Vec<ModSeen>,
    pub paths: Vec<PathSeen>,
}

/// Signs of several characters that are read as one. `>=` is not here: `Vec<u8>=` has it too.
const JOINED: &[&str] = &["::", "=>", "->", "||", "&&", "|=", "==", "!=", "..", "..="];

/// Читает файл в лексемы. Ошибка — слова разборщика.
pub fn source_read(path: &str, text: &str) -> Result<Source, String> {
    let stream = match text.parse::<TokenStream>() {
        Ok(stream) => stream,
        Err(error) => return Err(format!("{path}:1: parse: {error}")),
    };
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    let fns = fns_of(&tokens);
    let mods = mods_of(&tokens);
    let paths = paths_of(&tokens);
    Ok(Source { path: String::from(path), text: String::from(text), tokens, fns, mods, paths })
}

/// Раскладывает дерево в ряд; скобки становятся обычными лексемами с парой.
fn flatten(stream: TokenStream, out: &mut Vec<Token>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                let first = out.len();
                push(out, What::Open, open, group.span_open().start().line);
                flatten(group.stream(), out);
                let last = out.len();
                push(out, What::Close, close, group.span_close().start().line);
                out[first].mate = last;
                out[last].mate = first;
            }
            TokenTree::Ident(ident) => {
                push_word(out, &ident.to_string(), ident.span().start().line);
            }
            TokenTree::Punct(punct) => {
                let glued = punct.spacing() == proc_macro2::Spacing::Joint;
                push_sign(out, punct.as_char(), punct.span().start().line, glued);
            }
            TokenTree::Literal(literal) => {
                push(out, What::Literal, &literal.to_string(), literal.span().start().line);
            }
        }
    }
}

/// Знаки скобок группы.
fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// Добавляет лексему без пары.
fn push(out: &mut Vec<Token>, what: What, text: &str, line: usize) {
    out.push(Token { what, text: String::from(text), line, mate: 0, glued: false });
}

/// Добавляет слово; после апострофа оно становится временем жизни.
fn push_word(out: &mut Vec<Token>, text: &str, line: usize) {
    if let Some(last) = out.last_mut()
        && last.what == What::Sign
        && last.text == "'"
    {
        last.what = What::Life;
        last.text.push_str(text);
        return;
    }
    push(out, What::Word, text, line);
}

/// Добавляет знак, склеивая его с предыдущим, если вместе они — один оператор.
fn push_sign(out: &mut Vec<Token>, sign: char, line: usize, glued: bool) {
    if let Some(last) = out.last_mut()
        && last.what == What::Sign
        && last.glued
    {
        let both = format!("{}{sign}", last.text);
        if JOINED.contains(&both.as_str()) {
            last.text = both;
            last.glued = glued;
            return;
        }
    }
    out.push(Token { what: What::Sign, text: String::from(sign), line, mate: 0, glued });
}

/// Лексема на этом месте — именно это слово.
pub fn is_word(tokens: &[Token], at: usize, text: &str) -> bool {
    match tokens.get(at) {
        Some(token) => token.what == What::Word && token.text == text,
        None => false,
    }
}

/// Лексема на этом месте — именно этот знак или скобка.
pub fn is_sign(tokens: &[Token], at: usize, text: &str) -> bool {
    match tokens.get(at) {
        Some(token) => {
            let sign = match token.what {
                What::Sign | What::Open | What::Close => true,
                What::Word | What::Literal | What::Life => false,
            };
            sign && token.text == text
        }
        None => false,
    }
}

/// Слово на этом месте, если там слово.
pub fn word_at(tokens: &[Token], at: usize) -> Option<&str> {
    let token = tokens.get(at)?;
    if token.what == What::Word { Some(&token.text) } else { None }
}

/// Ищет знак или скобку от места `from` на том же уровне скобок; `None`, если уровень кончился.
pub fn sign_after(tokens: &[Token], from: usize, wanted: &[&str]) -> Option<usize> {
    let mut at = from;
    while at < tokens.len() {
        let token = &tokens[at];
        let sign = token.what == What::Sign || token.what == What::Open;
        if sign && wanted.contains(&token.text.as_str()) {
            return Some(at);
        }
        match token.what {
            What::Open => at = token.mate,
            What::Close => return None,
            What::Word | What::Sign | What::Literal | What::Life => {}
        }
        at += 1;
    }
    None
}

/// Все функции с именем; у типа `fn(..)` имени нет, у объявления без тела — скобок.
fn fns_of(tokens: &[Token]) -> Vec<FnSeen> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if !is_word(tokens, at, "fn") {
            continue;
        }
        let Some(name) = word_at(tokens, at + 1) else { continue };
        let name = String::from(name);
        let (open, close) = match sign_after(tokens, at + 2, &["{", ";"]) {
            Some(end) if tokens[end].what == What::Open => (end, tokens[end].mate),
            Some(end) => (end, end),
            None => (at, at),
        };
        found.push(FnSeen { name, at, open, close });
    }
    found
}

/// Все модули, написанные на месте, снаружи внутрь.
fn mods_of(tokens: &[Token]) -> Vec<ModSeen> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if !is_word(tokens, at, "mod") || !is_sign(tokens, at + 2, "{") {
            continue;
        }
        let Some(name) = word_at(tokens, at + 1) else { continue };
        let tests = name == "tests" && under_cfg_test(tokens, at);
        let (open, close) = (at + 2, tokens[at + 2].mate);
        found.push(ModSeen { name: String::from(name), open, close, tests });
    }
    found
}

/// Прямо перед этим местом стоит `#[cfg(test)]`.
fn under_cfg_test(tokens: &[Token], at: usize) -> bool {
    if at == 0 || !is_sign(tokens, at - 1, "]") {
        return false;
    }
    let open = tokens[at - 1].mate;
    is_word(tokens, open + 1, "cfg") && is_word(tokens, open + 3, "test")
}

/// Место лежит внутри `#[cfg(test)] mod tests` или в файле `tests.rs`.
pub fn in_tests(source: &Source, at: usize) -> bool {
    for module in &source.mods {
        if module.tests && module.open < at && at < module.close {
            return true;
        }
    }
    source.path.ends_with("/tests.rs")
}

/// Самая внутренняя функция, в теле которой лежит место.
pub fn fn_around(source: &Source, at: usize) -> Option<&FnSeen> {
    let mut inner: Option<&FnSeen> = None;
    for seen in &source.fns {
        if seen.open < at && at < seen.close {
            inner = Some(seen);
        }
    }
    inner
}
