//! The style of the project, as a test: walks src/ as token trees (they see inside macros) and
//! reports every breach as `file:line: rule: what`. The rules: style_rules/mod.rs, table RULES.
//! Стиль проекта как тест: обходит src/ деревьями лексем (им видно и внутри макросов) и пишет о
//! каждом нарушении `файл:строка: правило: что`. Правила: style_rules/mod.rs, таблица RULES.

mod style_rules;

use std::path::Path;

use style_rules::samples::{
    SAMPLES, findings_plain, rules_unproven, sample_findings, sample_text, sample_wants,
};
use style_rules::shape::FOREIGN_IMPLS;
use style_rules::statics::{MAP, STATIC_OWNERS, static_names};
use style_rules::tokens::source_read;
use style_rules::{Finding, World, check_text, findings_shown};

/// The project's folder.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Пути всех файлов с таким концом имени ниже папки, от корня проекта, по алфавиту.
fn files_below(folder: &str, end: &str, out: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(Path::new(ROOT).join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            files_below(&path, end, out)?;
        } else if path.ends_with(end) {
            out.push(path);
        }
    }
    out.sort();
    Ok(())
}

/// Текст файла проекта; непрочитанный файл становится находкой.
fn file_text(path: &str, findings: &mut Vec<Finding>) -> Option<String> {
    match std::fs::read_to_string(Path::new(ROOT).join(path)) {
        Ok(text) => Some(text),
        Err(error) => {
            let what = error.to_string();
            findings.push(Finding { path: String::from(path), line: 1, rule: "read", what });
            None
        }
    }
}

/// Имена статических переменных из workers/map.rs: без них закон о них не проверить.
fn world_read(findings: &mut Vec<Finding>) -> World {
    let mut world = World::default();
    let Some(text) = file_text(MAP, findings) else { return world };
    if let Ok(source) = source_read(MAP, &text) {
        world.statics = static_names(&source);
    }
    if world.statics.is_empty() {
        let what = String::from("no statics found: the law of statics has nothing to check");
        let path = String::from(MAP);
        findings.push(Finding { path, line: 1, rule: "static-law", what });
    }
    world
}

/// Файл из списка исключений обязан существовать, иначе список лжёт.
fn check_listed(findings: &mut Vec<Finding>) {
    let mut listed = STATIC_OWNERS.to_vec();
    for row in FOREIGN_IMPLS {
        assert!(!row.reason.is_empty(), "{}: say why", row.path);
        listed.push(row.path);
    }
    for path in listed {
        file_text(path, findings);
    }
}

/// Проверяет все файлы папки.
fn check_folder(folder: &str, world: &World, findings: &mut Vec<Finding>) {
    let mut files = Vec::new();
    let listing = files_below(folder, ".rs", &mut files);
    assert!(listing.is_ok(), "{folder}: {listing:?}");
    assert!(!files.is_empty(), "{folder}: nothing to check");
    for path in files {
        if let Some(text) = file_text(&path, findings) {
            findings.append(&mut check_text(&path, &text, world));
        }
    }
}

/// Весь src/ соблюдает все правила.
#[test]
fn sources_keep_the_rules() {
    let mut findings = Vec::new();
    let world = world_read(&mut findings);
    check_listed(&mut findings);
    check_folder("src", &world, &mut findings);
    findings.sort();
    findings.dedup();
    assert!(findings.is_empty(), "{}", findings_shown(&findings));
}

/// Проверяющий сам соблюдает то, что проверяет.
#[test]
fn the_checker_keeps_them_too() {
    let mut findings = Vec::new();
    let world = World::default();
    check_folder("tests/style_rules", &world, &mut findings);
    if let Some(text) = file_text("tests/style.rs", &mut findings) {
        findings.append(&mut check_text("tests/style.rs", &text, &world));
    }
    assert!(findings.is_empty(), "{}", findings_shown(&findings));
}

/// На каждом образце срабатывает ровно то, что в нём помечено; у каждого правила есть образец.
#[test]
fn every_rule_has_a_bad_sample() {
    let mut wants_all = Vec::new();
    for row in SAMPLES {
        let mut unread = Vec::new();
        let text = file_text(&format!("tests/style_samples/{}", row.file), &mut unread);
        assert!(unread.is_empty(), "{}", findings_shown(&unread));
        let text = sample_text(row, &text.unwrap_or_default());
        let mut wants = sample_wants(&text);
        let findings = sample_findings(row, &text);
        let found = findings_plain(&findings);
        assert_eq!(found, wants, "{}: {}", row.file, findings_shown(&findings));
        assert_eq!(wants.is_empty(), row.file.starts_with("good"), "{}", row.file);
        wants_all.append(&mut wants);
    }
    assert!(rules_unproven(&wants_all).is_empty(), "{:?}", rules_unproven(&wants_all));
}

/// В папке образцов лежат ровно те файлы, что в таблице.
#[test]
fn every_sample_is_in_the_table() {
    let mut files = Vec::new();
    let listing = files_below("tests/style_samples", ".txt", &mut files);
    assert!(listing.is_ok(), "{listing:?}");
    assert_eq!(files.len(), SAMPLES.len(), "{files:?}");
    for row in SAMPLES {
        let path = format!("tests/style_samples/{}", row.file);
        assert!(files.contains(&path), "{path}: no such sample");
    }
}
