//! Paths of a file (`use` trees unfolded, `a::b::c` in expressions) and the rules about them:
//! globs, floors, the purity of logic.
//! Пути файла (деревья `use` развёрнуты, `a::b::c` в выражениях) и правила о них: звёздочки,
//! этажи, чистота логики.

use super::tokens::{Source, Token, What, is_sign, is_word, sign_after, word_at};
use super::{Seen, World, seen};

/// A path: its segments, the index of its last word, and whether a `use` names it.
#[derive(Debug)]
pub struct PathSeen {
    pub segments: Vec<String>,
    pub at: usize,
    pub in_use: bool,
    /// `use … as other`.
    pub renamed: bool,
}

/// One floor of the house (docs/architecture.md).
pub struct FloorRow {
    pub name: &'static str,
    pub floor: u8,
}

/// The floors. Two names on one floor do not see each other.
pub const FLOORS: &[FloorRow] = &[
    FloorRow { name: "base", floor: 0 },
    FloorRow { name: "wire", floor: 1 },
    FloorRow { name: "crypto", floor: 2 },
    FloorRow { name: "logic", floor: 3 },
    FloorRow { name: "store", floor: 4 },
    FloorRow { name: "net", floor: 4 },
    FloorRow { name: "workers", floor: 5 },
    FloorRow { name: "faces", floor: 6 },
];

/// main.rs, lib.rs and bin/ stand above all floors.
const TOP: u8 = 7;

/// What logic may not name: no disk, no socket, no thread, no random of its own.
const IMPURE_PATHS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "crossbeam",
    "crossbeam_channel",
    "rand",
    "rand_core",
    "getrandom",
    "mio",
    "socket2",
];

/// What may be named nevertheless: addresses are values, like ids.
const PURE_PATHS: &[&str] = &["std::net::IpAddr", "std::net::SocketAddr"];

/// Words that mean a clock or a dice wherever they come from.
const IMPURE_WORDS: &[&str] = &["Instant", "SystemTime", "time_now", "now_v7", "new_v4"];

/// Все пути файла.
pub fn paths_of(tokens: &[Token]) -> Vec<PathSeen> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_word(tokens, at, "use")
            && !is_sign(tokens, at + 1, "<")
            && let Some(end) = sign_after(tokens, at + 1, &[";"])
        {
            use_tree(tokens, at + 1, end, &[], &mut found);
            at = end;
        } else if tokens[at].what == What::Word {
            at = path_plain(tokens, at, &mut found);
        }
        at += 1;
    }
    found
}

/// Путь в выражении или типе, от первого слова; возвращает место последнего.
fn path_plain(tokens: &[Token], first: usize, out: &mut Vec<PathSeen>) -> usize {
    let mut segments = vec![tokens[first].text.clone()];
    let mut at = first;
    while is_sign(tokens, at + 1, "::")
        && let Some(word) = word_at(tokens, at + 2)
    {
        segments.push(String::from(word));
        at += 2;
    }
    if segments.len() > 1 {
        out.push(PathSeen { segments, at, in_use: false, renamed: false });
    }
    at
}

/// Разворачивает дерево `use` между местами `from` и `to`.
fn use_tree(tokens: &[Token], from: usize, to: usize, prefix: &[String], out: &mut Vec<PathSeen>) {
    let mut segments = prefix.to_vec();
    let mut last = from;
    let mut renamed = false;
    let mut at = from;
    while at < to {
        let token = &tokens[at];
        if is_sign(tokens, at, "{") {
            use_tree(tokens, at + 1, token.mate, &segments, out);
            segments = prefix.to_vec();
            at = token.mate;
        } else if is_sign(tokens, at, ",") {
            use_leaf(&segments, prefix, last, renamed, out);
            segments = prefix.to_vec();
            renamed = false;
        } else if is_word(tokens, at, "as") {
            renamed = true;
            at += 1;
        } else if token.what == What::Word || is_sign(tokens, at, "*") {
            segments.push(token.text.clone());
            last = at;
        }
        at += 1;
    }
    use_leaf(&segments, prefix, last, renamed, out);
}

/// Записывает лист дерева `use`, если после ветки в нём что-то есть.
fn use_leaf(
    segments: &[String],
    prefix: &[String],
    at: usize,
    renamed: bool,
    out: &mut Vec<PathSeen>,
) {
    if segments.len() > prefix.len() {
        out.push(PathSeen { segments: segments.to_vec(), at, in_use: true, renamed });
    }
}

/// Правило `glob`: имена берутся поимённо, без звёздочки.
pub fn check_globs(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    for path in &source.paths {
        let Some(last) = path.segments.last() else { continue };
        if path.in_use && last == "*" {
            seen(out, source, path.at, &format!("use {}", path.segments.join("::")));
        }
    }
}

/// Этаж по имени модуля верхнего уровня.
fn floor_of(name: &str) -> Option<u8> {
    for row in FLOORS {
        if row.name == name {
            return Some(row.floor);
        }
    }
    None
}

/// Модуль файла внутри библиотеки: `src/base/fail.rs` — `base`, `fail`. Для программ — `None`.
fn module_of(path: &str) -> Option<Vec<String>> {
    let inner = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    if inner == "main" || inner == "gui" || inner.starts_with("bin/") {
        return None;
    }
    let mut names = Vec::new();
    for name in inner.split('/') {
        if name != "mod" && name != "lib" {
            names.push(String::from(name));
        }
    }
    Some(names)
}

/// Модуль места: модуль файла и модули, написанные на месте вокруг него.
fn module_at(source: &Source, mut names: Vec<String>, at: usize) -> Vec<String> {
    for module in &source.mods {
        if module.open < at && at < module.close {
            names.push(module.name.clone());
        }
    }
    names
}

/// Модуль верхнего уровня, в который ведёт путь; `None`, если это не путь внутри дома.
fn path_top(source: &Source, path: &PathSeen) -> Option<String> {
    let first = path.segments.first()?;
    // Окно — часть программы, а не библиотеки: своё оно зовёт по имени библиотеки.
    if first == "supertext" && source.path.starts_with("src/faces/window/") {
        return path.segments.get(1).cloned();
    }
    let Some(module) = module_of(&source.path) else {
        let inside = first == "supertext";
        return if inside { path.segments.get(1).cloned() } else { None };
    };
    let mut names = module_at(source, module, path.at);
    let mut rest: &[String] = &path.segments;
    if first == "crate" {
        names.clear();
        rest = &rest[1..];
    } else if first != "self" && first != "super" {
        let by_root = names.is_empty() && floor_of(first).is_some();
        return if by_root { Some(first.clone()) } else { None };
    }
    while let Some(segment) = rest.first() {
        if segment == "super" {
            names.pop();
        } else if segment != "self" {
            break;
        }
        rest = &rest[1..];
    }
    match names.first() {
        Some(name) => Some(name.clone()),
        None => rest.first().cloned(),
    }
}

/// Правило `floor`: этаж знает только нижние этажи; соседи по этажу друг друга не видят.
pub fn check_floors(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    let own = match module_of(&source.path) {
        Some(names) => names.first().cloned(),
        None => None,
    };
    let own_floor = match &own {
        Some(name) => floor_of(name),
        None => Some(TOP),
    };
    let Some(own_floor) = own_floor else {
        out.push(Seen { line: 1, what: String::from("the file stands on no floor") });
        return;
    };
    for path in &source.paths {
        let Some(top) = path_top(source, path) else { continue };
        if Some(&top) == own.as_ref() {
            continue;
        }
        let shown = path.segments.join("::");
        match floor_of(&top) {
            Some(floor) if floor < own_floor => {}
            Some(floor) if floor == own_floor => {
                seen(out, source, path.at, &format!("{shown}: neighbours do not see each other"));
            }
            Some(floor) => {
                let what = format!("{shown}: floor {own_floor} climbs to floor {floor}");
                seen(out, source, path.at, &what);
            }
            None => seen(out, source, path.at, &format!("{shown}: no such floor")),
        }
    }
}

/// Правило `pure`: логика не знает ни часов, ни сокетов, ни диска, ни нитей, ни случая.
pub fn check_purity(source: &Source, _world: &World, out: &mut Vec<Seen>) {
    if !source.path.starts_with("src/logic/") {
        return;
    }
    for path in &source.paths {
        let shown = path.segments.join("::");
        for impure in IMPURE_PATHS {
            let below = shown.starts_with(&format!("{impure}::"));
            if !PURE_PATHS.contains(&shown.as_str()) && (shown == *impure || below) {
                seen(out, source, path.at, &shown);
            }
        }
    }
    for (at, token) in source.tokens.iter().enumerate() {
        if token.what == What::Word && IMPURE_WORDS.contains(&token.text.as_str()) {
            seen(out, source, at, &token.text);
        }
    }
}
