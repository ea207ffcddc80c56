//! Rules about what the code is made of: no closures, own impls, traits, dyn, async, adapter
//! chains, nothing that can panic.
//! Правила о том, из чего сложен код: без замыканий, своих impl, трейтов, dyn, async, цепочек
//! адаптеров и без того, что может упасть.

use super::tokens::{Source, Token, What, in_tests, is_sign, is_word, sign_after, word_at};
use super::{Seen, World, seen};

/// The only files that may implement a foreign trait, and why the library forces it.
pub const FOREIGN_IMPLS: &[ForeignImpl] = &[
    ForeignImpl {
        path: "src/crypto/verifiers.rs",
        reason: "rustls takes certificate checks only as its own verifier traits",
    },
    ForeignImpl {
        path: "src/faces/window/tray_bus.rs",
        reason: "ksni takes the tray's icon and menu only as its own trait",
    },
];

/// One row of the list above.
pub struct ForeignImpl {
    pub path: &'static str,
    pub reason: &'static str,
}

/// Methods that want a function of the caller: a `for`, a `match` or `let … else` stands instead.
const ADAPTERS: &[&str] = &[
    "map",
    "filter",
    "filter_map",
    "flat_map",
    "fold",
    "for_each",
    "any",
    "all",
    "find",
    "find_map",
    "position",
    "take_while",
    "skip_while",
    "map_while",
    "map_err",
    "and_then",
    "unwrap_or_else",
    "map_or",
    "map_or_else",
    "ok_or_else",
    "or_else",
    "then",
    "inspect",
    "scan",
    "zip",
    "chain",
    "try_fold",
    "try_for_each",
    "reduce",
];

/// Types whose adapters are also refused as `Type::name`.
const ADAPTER_OWNERS: &[&str] = &["Iterator", "Option", "Result"];

/// Words after which an expression begins, so that a pipe opens a closure.
const BEFORE_EXPRESSION: &[&str] = &[
    "return", "move", "break", "in", "match", "if", "while", "else", "let", "async", "static",
    "yield", "mut", "ref", "const", "unsafe",
];

/// Methods and macros that end the program.
const PANIC_METHODS: &[&str] = &["unwrap", "expect", "unwrap_err", "expect_err"];
const PANIC_MACROS: &[&str] = &["panic", "todo", "unimplemented", "unreachable"];

/// Правило `closure`: черта там, где начинается выражение, открывает замыкание.
pub fn check_closures(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    let tokens = &source.tokens;
    let mut at = 0;
    while at < tokens.len() {
        let one = is_sign(tokens, at, "|");
        let two = is_sign(tokens, at, "||");
        if (one || two) && expression_starts(tokens, at) {
            seen(out, source, at, "a closure (or a pattern with a leading `|`)");
            if one && let Some(end) = sign_after(tokens, at + 1, &["|"]) {
                at = end;
            }
        }
        at += 1;
    }
}

/// Перед этим местом выражение ещё не началось: значит, черта здесь — не «или».
fn expression_starts(tokens: &[Token], at: usize) -> bool {
    if at == 0 {
        return true;
    }
    let before = &tokens[at - 1];
    match before.what {
        What::Open => true,
        What::Close | What::Literal | What::Life => false,
        What::Word => BEFORE_EXPRESSION.contains(&before.text.as_str()),
        What::Sign => !matches!(before.text.as_str(), "?" | ">" | ".."),
    }
}

/// Правило `impl`: своих impl нет; чужой трейт — только в файле из списка.
pub fn check_impls(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    let tokens = &source.tokens;
    for at in 0..tokens.len() {
        if !is_word(tokens, at, "impl") || !item_starts(tokens, at) {
            continue;
        }
        if !of_trait(tokens, at) {
            seen(out, source, at, "an own impl block");
        } else if !foreign_listed(&source.path) {
            seen(out, source, at, "an impl of a trait outside the listed files");
        }
    }
}

/// Слово стоит там, где начинается объявление (а не внутри типа, как в `x: impl Read`).
fn item_starts(tokens: &[Token], at: usize) -> bool {
    if at == 0 {
        return true;
    }
    let before = &tokens[at - 1];
    match before.what {
        What::Open => before.text == "{",
        What::Close => true,
        What::Sign => before.text == ";",
        What::Word => before.text == "unsafe" || before.text == "default",
        What::Literal | What::Life => false,
    }
}

/// Это `impl Trait for Type`: до тела есть `for`, и это не `for<'a>`.
fn of_trait(tokens: &[Token], at: usize) -> bool {
    let Some(body) = sign_after(tokens, at, &["{"]) else { return false };
    for index in at..body {
        if is_word(tokens, index, "for") && !is_sign(tokens, index + 1, "<") {
            return true;
        }
    }
    false
}

/// Файл вправе исполнять чужие трейты.
fn foreign_listed(path: &str) -> bool {
    for row in FOREIGN_IMPLS {
        if row.path == path {
            return true;
        }
    }
    false
}

/// Правило `trait`: своих трейтов нет.
pub fn check_traits(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    check_words(source, &["trait"], out);
}

/// Правило `dyn`: вызовов через таблицу методов нет.
pub fn check_dyn(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    check_words(source, &["dyn"], out);
}

/// Правило `async`: асинхронного кода нет.
pub fn check_async(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    check_words(source, &["async", "await"], out);
}

/// Сообщает о каждом из запрещённых слов.
fn check_words(source: &Source, banned: &[&str], out: &mut Vec<Seen>) {
    for (at, token) in source.tokens.iter().enumerate() {
        if token.what == What::Word && banned.contains(&token.text.as_str()) {
            seen(out, source, at, &token.text);
        }
    }
}

/// Правило `adapter`: вместо цепочек — `for`, `match`, `let … else`.
pub fn check_adapters(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    let tokens = &source.tokens;
    for at in 1..tokens.len() {
        let Some(name) = word_at(tokens, at) else { continue };
        let dotted = is_sign(tokens, at - 1, ".");
        if dotted && ADAPTERS.contains(&name) && adapter_called(tokens, at) {
            seen(out, source, at, &format!(".{name}(…)"));
        }
    }
    for path in &source.paths {
        let [.., owner, name] = path.segments.as_slice() else { continue };
        let owned = ADAPTER_OWNERS.contains(&owner.as_str());
        if owned && ADAPTERS.contains(&name.as_str()) {
            seen(out, source, path.at, &format!("{owner}::{name}"));
        }
    }
}

/// Метод зовут с функцией: доводы есть, и первый — не литерал (`text.find(' ')` — не адаптер).
fn adapter_called(tokens: &[Token], at: usize) -> bool {
    if is_sign(tokens, at + 1, "::") {
        return true;
    }
    if !is_sign(tokens, at + 1, "(") {
        return false;
    }
    let Some(first) = tokens.get(at + 2) else { return false };
    match first.what {
        What::Close | What::Literal => false,
        What::Word | What::Sign | What::Life | What::Open => true,
    }
}

/// Правило `panic`: в коде нет ничего, что роняет программу; в `mod tests` можно.
pub fn check_panics(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    let tokens = &source.tokens;
    for at in 0..tokens.len() {
        let Some(name) = word_at(tokens, at) else { continue };
        if in_tests(source, at) {
            continue;
        }
        let method = at > 0
            && is_sign(tokens, at - 1, ".")
            && is_sign(tokens, at + 1, "(")
            && PANIC_METHODS.contains(&name);
        let macro_call = is_sign(tokens, at + 1, "!") && PANIC_MACROS.contains(&name);
        if method || macro_call {
            seen(out, source, at, name);
        }
    }
    for path in &source.paths {
        let [.., owner, name] = path.segments.as_slice() else { continue };
        let owned = ADAPTER_OWNERS.contains(&owner.as_str());
        if owned && PANIC_METHODS.contains(&name.as_str()) && !in_tests(source, path.at) {
            seen(out, source, path.at, &format!("{owner}::{name}"));
        }
    }
}
