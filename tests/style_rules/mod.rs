//! ★ THE table of style rules, and the run of all of them over a file. The rules themselves:
//! shape.rs (what code is made of), paths.rs (imports), statics.rs, layout.rs (sizes, comments).
//! ★ ТА САМАЯ таблица правил стиля и прогон их по файлу. Сами правила: shape.rs (из чего сложен
//! код), paths.rs (что берётся откуда), statics.rs, layout.rs (размеры, комментарии).

pub mod layout;
pub mod paths;
pub mod samples;
pub mod shape;
pub mod statics;
pub mod tokens;

use tokens::{Source, source_read};

/// What a rule saw: a line and what is wrong there.
#[derive(Debug)]
pub struct Seen {
    pub line: usize,
    pub what: String,
}

/// What a rule must know besides the file.
#[derive(Debug, Default)]
pub struct World {
    /// Names of the statics of workers/map.rs.
    pub statics: Vec<String>,
}

/// One rule.
pub struct Rule {
    pub name: &'static str,
    pub law: &'static str,
    pub check: fn(&Source, &World, &mut Vec<Seen>),
}

/// A finding: shown as `file:line: rule: what`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    pub rule: &'static str,
    pub what: String,
}

/// Строка таблицы правил.
const fn rule(
    name: &'static str,
    law: &'static str,
    check: fn(&Source, &World, &mut Vec<Seen>),
) -> Rule {
    Rule { name, law, check }
}

/// All rules. Each has a bad sample in tests/style_samples/ (the table SAMPLES).
pub const RULES: &[Rule] = &[
    rule("closure", "no closures: a named fn", shape::check_closures),
    rule("impl", "no own impl blocks: plain functions", shape::check_impls),
    rule("trait", "no own traits: an enum and a match", shape::check_traits),
    rule("dyn", "no dyn: an enum and a match", shape::check_dyn),
    rule("async", "no async: threads and queues", shape::check_async),
    rule("adapter", "no adapter chains: for, match, let … else", shape::check_adapters),
    rule("panic", "nothing that panics: a Fail goes up", shape::check_panics),
    rule("glob", "names are imported one by one", paths::check_globs),
    rule("floor", "a floor imports only lower floors", paths::check_floors),
    rule("pure", "logic has no clock, socket, disk, thread or dice", paths::check_purity),
    rule("static-owner", "statics live in the listed files", statics::check_owners),
    rule("static-mut", "no static mut", statics::check_mutable),
    rule("static-law", "only *_main, on_* and main name a static", statics::check_law),
    rule("fn-long", "a function has at most 70 lines", layout::check_functions),
    rule("line-long", "a line has at most 100 characters", layout::check_lines),
    rule("file-long", "a file has at most 500 lines", layout::check_file),
    rule("header", "a `//!` header in English, then in Russian", layout::check_header),
    rule("fn-doc", "a function has a `///` line in Russian", layout::check_docs),
];

/// Записывает увиденное в строке лексемы.
pub fn seen(out: &mut Vec<Seen>, source: &Source, at: usize, what: &str) {
    out.push(Seen { line: source.tokens[at].line, what: String::from(what) });
}

/// Прогоняет все правила по одному файлу; неразобранный файл — тоже находка.
pub fn check_text(path: &str, text: &str, world: &World) -> Vec<Finding> {
    let source = match source_read(path, text) {
        Ok(source) => source,
        Err(what) => {
            let path = String::from(path);
            return vec![Finding { path, line: 1, rule: "parse", what }];
        }
    };
    let mut findings = Vec::new();
    for row in RULES {
        let mut noticed = Vec::new();
        (row.check)(&source, world, &mut noticed);
        for one in noticed {
            let path = String::from(path);
            findings.push(Finding { path, line: one.line, rule: row.name, what: one.what });
        }
    }
    findings.sort();
    findings
}

/// Находка строкой: `file:line: rule: what (law)`.
pub fn finding_line(finding: &Finding) -> String {
    let mut law = "the file must be there and parse";
    for row in RULES {
        if row.name == finding.rule {
            law = row.law;
        }
    }
    format!("{}:{}: {}: {} ({law})", finding.path, finding.line, finding.rule, finding.what)
}

/// Находки, по одной в строке, для вывода теста.
pub fn findings_shown(findings: &[Finding]) -> String {
    let mut shown = format!("{} finding(s)\n", findings.len());
    for finding in findings {
        shown.push_str(&finding_line(finding));
        shown.push('\n');
    }
    shown
}
