//! Rules about statics: who may own them, and who may name those of workers/map.rs.
//! Правила о статических переменных: кто вправе ими владеть и кто — называть те, что в
//! workers/map.rs.

use super::tokens::{Source, What, fn_around, is_word, word_at};
use super::{Seen, World, seen};

/// Files that may own a static. The window's: callbacks of FLTK carry nothing with them.
pub const STATIC_OWNERS: &[&str] = &[MAP, "src/base/clock.rs", "src/faces/window/state.rs"];

/// The file whose statics are the plumbing between the workers.
pub const MAP: &str = "src/workers/map.rs";

/// Имена статических переменных файла.
pub fn static_names(source: &Source) -> Vec<String> {
    let tokens = &source.tokens;
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        if is_word(tokens, at, "static")
            && let Some(name) = word_at(tokens, at + 1)
            && name != "mut"
        {
            names.push(String::from(name));
        }
    }
    names
}

/// Правило `static-owner`: статические переменные живут только в файлах из списка.
pub fn check_owners(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    if STATIC_OWNERS.contains(&source.path.as_str()) {
        return;
    }
    for at in 0..source.tokens.len() {
        if is_word(&source.tokens, at, "static")
            && let Some(name) = word_at(&source.tokens, at + 1)
        {
            seen(out, source, at, &format!("static {name}"));
        }
    }
}

/// Правило `static-mut`: изменяемых статических переменных нет нигде.
pub fn check_mutable(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    for at in 0..source.tokens.len() {
        if is_word(&source.tokens, at, "static") && is_word(&source.tokens, at + 1, "mut") {
            seen(out, source, at, "static mut");
        }
    }
}

/// Правило `static-law`: переменную из map.rs называют только `*_main`, `on_*` и `main`.
pub fn check_law(source: &Source, world: &World, out: &mut Vec<Seen>) {
    for path in &source.paths {
        let Some(name) = path.segments.last() else { continue };
        if path.in_use && path.renamed && world.statics.contains(name) {
            seen(out, source, path.at, &format!("{name} is imported under another name"));
        }
    }
    for (at, token) in source.tokens.iter().enumerate() {
        let named = token.what == What::Word && world.statics.contains(&token.text);
        if !named || of_another(source, at) || in_use(source, at) {
            continue;
        }
        match fn_around(source, at) {
            Some(around) if may_name(&around.name) => {}
            Some(around) => {
                seen(out, source, at, &format!("{} in fn {}", token.text, around.name));
            }
            None if source.path == MAP => {}
            None => seen(out, source, at, &format!("{} outside any function", token.text)),
        }
    }
}

/// Функция с таким именем вправе называть статическую переменную.
fn may_name(name: &str) -> bool {
    name == "main" || name.ends_with("_main") || name.starts_with("on_")
}

/// Слово — часть чужого имени: `Kind::STOP`, поле `.stop`; но `map::STOP` — то самое.
fn of_another(source: &Source, at: usize) -> bool {
    if at == 0 {
        return false;
    }
    let before = &source.tokens[at - 1];
    if before.what == What::Sign && before.text == "." {
        return true;
    }
    let qualified = before.what == What::Sign && before.text == "::";
    qualified && at >= 2 && !is_word(&source.tokens, at - 2, "map")
}

/// Слово стоит в `use`: там его можно назвать, чтобы потом назвать в нити.
fn in_use(source: &Source, at: usize) -> bool {
    for path in &source.paths {
        if path.in_use && path.at == at {
            return true;
        }
    }
    false
}
