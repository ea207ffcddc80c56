//! The bad samples: what each must be caught for stands in it as `//~ rule` at the end of the
//! line. A sample is read as if it lay at `path`; nothing compiles it.
//! Плохие образцы: за что каждый должен быть пойман, написано в нём самом, `//~ правило` в конце
//! строки. Образец читается так, будто лежит в `path`; его никто не компилирует.

use super::{Finding, RULES, World, check_text};

/// One sample.
pub struct Sample {
    /// File in tests/style_samples/.
    pub file: &'static str,
    /// Where it pretends to lie.
    pub path: &'static str,
    /// Comment lines are added up to so many lines; 0: none.
    pub pad_to: usize,
}

/// Строка таблицы образцов.
const fn sample(file: &'static str, path: &'static str) -> Sample {
    Sample { file, path, pad_to: 0 }
}

/// All samples, the good one among them.
pub const SAMPLES: &[Sample] = &[
    sample("good.rs.txt", "src/logic/good.rs"),
    sample("good_map.rs.txt", "src/workers/map.rs"),
    sample("good_impl.rs.txt", "src/crypto/verifiers.rs"),
    sample("good_bin.rs.txt", "src/main.rs"),
    sample("closure.rs.txt", "src/base/bad.rs"),
    sample("impl.rs.txt", "src/base/bad.rs"),
    sample("impl_listed.rs.txt", "src/crypto/verifiers.rs"),
    sample("trait.rs.txt", "src/base/bad.rs"),
    sample("dyn.rs.txt", "src/base/bad.rs"),
    sample("async.rs.txt", "src/base/bad.rs"),
    sample("adapter.rs.txt", "src/base/bad.rs"),
    sample("panic.rs.txt", "src/base/bad.rs"),
    sample("glob.rs.txt", "src/net/bad.rs"),
    sample("floor_base.rs.txt", "src/base/bad.rs"),
    sample("floor_store.rs.txt", "src/store/sub/bad.rs"),
    sample("floor_lib.rs.txt", "src/workers/bad.rs"),
    sample("floor_none.rs.txt", "src/helpers/bad.rs"),
    sample("pure.rs.txt", "src/logic/bad.rs"),
    sample("static_owner.rs.txt", "src/main.rs"),
    sample("static_mut.rs.txt", "src/base/clock.rs"),
    sample("static_law.rs.txt", "src/workers/sender.rs"),
    sample("static_law_map.rs.txt", "src/workers/map.rs"),
    sample("fn_long.rs.txt", "src/base/bad.rs"),
    sample("line_long.rs.txt", "src/base/bad.rs"),
    Sample { file: "file_long.rs.txt", path: "src/base/bad.rs", pad_to: 501 },
    sample("header_english.rs.txt", "src/base/bad.rs"),
    sample("header_russian.rs.txt", "src/base/bad.rs"),
    sample("header_none.rs.txt", "src/base/bad.rs"),
    sample("fn_doc.rs.txt", "src/base/bad.rs"),
];

/// The statics that the samples know.
const SAMPLE_STATICS: &[&str] = &["QUEUES", "LEAVING"];

/// Текст образца, дополненный до нужной длины.
pub fn sample_text(row: &Sample, text: &str) -> String {
    let mut padded = String::from(text);
    for _ in text.lines().count()..row.pad_to {
        padded.push_str("// -\n");
    }
    padded
}

/// Чего образец ждёт: пары «строка, правило» из пометок `//~`, по порядку.
pub fn sample_wants(text: &str) -> Vec<(usize, String)> {
    let mut wants = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some((_, marks)) = line.split_once("//~ ") else { continue };
        for mark in marks.split(' ') {
            wants.push((index + 1, String::from(mark)));
        }
    }
    wants.sort();
    wants
}

/// Что в образце нашлось.
pub fn sample_findings(row: &Sample, text: &str) -> Vec<Finding> {
    let mut world = World::default();
    for name in SAMPLE_STATICS {
        world.statics.push(String::from(*name));
    }
    check_text(row.path, text, &world)
}

/// Находки в том же виде, что и пометки.
pub fn findings_plain(findings: &[Finding]) -> Vec<(usize, String)> {
    let mut plain = Vec::new();
    for finding in findings {
        plain.push((finding.line, String::from(finding.rule)));
    }
    plain.sort();
    plain
}

/// Правила, на которые нет ни одной пометки.
pub fn rules_unproven(wants: &[(usize, String)]) -> Vec<&'static str> {
    let mut unproven = Vec::new();
    for row in RULES {
        let mut proven = false;
        for (_, rule) in wants {
            proven = proven || rule == row.name;
        }
        if !proven {
            unproven.push(row.name);
        }
    }
    unproven
}
