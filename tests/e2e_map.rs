//! The plan of the house tells the truth: who puts into which queue and who takes, read from the
//! sources and compared with EDGES of workers/map.rs.
//! План дома не лжёт: кто кладёт в какую очередь и кто берёт, прочитано из исходников и сверено
//! с EDGES в workers/map.rs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use supertext::workers::map::{EDGES, WORKERS};

/// Words after which the name of a queue stands.
const OWNERS: [&str; 2] = ["queues.", "QUEUES."];
/// Ends of a queue and words that put.
const ENDS: [(&str, bool); 2] = [(".put", true), (".take", false)];
/// Queues that are no edges, as map.rs says.
const NO_EDGES: [&str; 4] = ["pool", "editor", "heir", "to_window"];

/// What was found: queue → who puts, who takes.
type Found = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

/// Код файла без комментариев и без испытаний.
fn code_of(path: &str) -> String {
    let mut code = String::new();
    for line in common::text_of(&common::project().join(path)).lines() {
        let line = match line.split_once("//") {
            Some((before, _)) => before,
            None => line,
        };
        code.push_str(line.trim());
    }
    assert!(!code.is_empty(), "{path} is empty");
    code
}

/// Слово, которым начинается текст.
fn word_of(text: &str) -> String {
    let mut word = String::new();
    for letter in text.chars() {
        if !letter.is_ascii_alphanumeric() && letter != '_' {
            break;
        }
        word.push(letter);
    }
    word
}

/// Записывает находку.
fn note(found: &mut Found, queue: &str, puts: bool, who: &str) {
    let entry = found.entry(String::from(queue)).or_default();
    if puts {
        entry.0.insert(String::from(who));
    } else {
        entry.1.insert(String::from(who));
    }
}

/// Находит все обращения к очередям в одном файле.
fn file_scan(path: &str, putter: &str, taker: &str, found: &mut Found) -> usize {
    let code = code_of(path);
    let mut seen = 0;
    for owner in OWNERS {
        for rest in code.split(owner).skip(1) {
            let queue = word_of(rest);
            for (end, puts) in ENDS {
                if rest[queue.len()..].starts_with(end) {
                    note(found, &queue, puts, if puts { putter } else { taker });
                    seen += 1;
                }
            }
        }
    }
    for word in ["post(&queues.", "drain(&queues."] {
        for rest in code.split(word).skip(1) {
            note(found, &word_of(rest), true, putter);
            seen += 1;
        }
    }
    seen
}

/// Все файлы потоков и лиц: кто это кладёт и берёт.
fn sources_scan() -> Found {
    let mut found = Found::new();
    let mut seen = 0;
    for name in common::files::names_in(&common::project().join("src/workers")) {
        let (putter, taker) = match name.as_str() {
            // Сам план: запас буферов и устройство очередей.
            "map.rs" | "mod.rs" | "roles.rs" => continue,
            "perform.rs" => ("controller", "controller"),
            "finder.rs" => ("connector", "connector"),
            "holes.rs" | "taps.rs" => ("puncher", "puncher"),
            "basekeeper.rs" | "mailkeeper.rs" => ("filesaver", "filesaver"),
            "longreads.rs" | "pace.rs" | "vaults.rs" => ("filereader", "filereader"),
            "start.rs" => ("face", "face"),
            own => {
                let own = own.strip_suffix(".rs").expect("a source file");
                let mut known = "";
                for row in WORKERS {
                    if row.name == own {
                        known = row.name;
                    }
                }
                assert_eq!(known, own, "src/workers/{name}: no such worker");
                (known, known)
            }
        };
        seen += file_scan(&format!("src/workers/{name}"), putter, taker, &mut found);
    }
    for name in common::files::names_in(&common::project().join("src/faces")) {
        if name.ends_with(".rs") {
            // Код лица крутит displayer: берёт он, кладёт лицо.
            seen += file_scan(&format!("src/faces/{name}"), "face", "displayer", &mut found);
        }
    }
    for name in common::files::names_in(&common::project().join("src/faces/window")) {
        seen += file_scan(&format!("src/faces/window/{name}"), "face", "displayer", &mut found);
    }
    for path in ["src/main.rs", "src/bin/supertext-server.rs"] {
        seen += file_scan(path, "face", "face", &mut found);
    }
    assert!(seen > 20, "only {seen} places found: the scan is blind");
    found
}

#[test]
fn the_edges_tell_the_truth() {
    let mut found = sources_scan();
    for queue in NO_EDGES {
        found.remove(queue);
    }
    for row in EDGES {
        let Some((puts, takes)) = found.remove(row.queue) else {
            panic!("{}: nobody uses it", row.queue);
        };
        let mut listed = BTreeSet::new();
        for name in row.puts {
            listed.insert(String::from(*name));
        }
        // Лицо крутит displayer: кто из двоих положил, по файлу не видно.
        if row.queue == "events" {
            listed.remove("displayer");
        }
        assert_eq!(puts, listed, "{}: who puts", row.queue);
        assert_eq!(takes, BTreeSet::from([String::from(row.takes)]), "{}: takes", row.queue);
        assert!(row.when_full.len() > 8, "{}: when full?", row.queue);
    }
    assert!(found.is_empty(), "queues without an edge: {found:?}");
}

#[test]
fn every_edge_has_the_controller_at_one_end() {
    for row in EDGES {
        let into = row.takes == "controller";
        let out_of = row.puts == ["controller"];
        assert!(into != out_of, "{}: {:?} → {}", row.queue, row.puts, row.takes);
    }
}

#[test]
fn the_workers_are_the_nine() {
    let mut names = BTreeSet::new();
    for row in WORKERS {
        names.insert(row.name);
    }
    let wanted = [
        "connector",
        "controller",
        "displayer",
        "filereader",
        "filesaver",
        "listener",
        "mapper",
        "puncher",
        "sender",
    ];
    assert_eq!(WORKERS.len(), 9);
    assert_eq!(names, BTreeSet::from(wanted));
}

/// Все, кто назван в рёбрах, существуют.
#[test]
fn the_edges_name_workers_only() {
    for row in EDGES {
        let mut all = vec![row.takes];
        all.extend_from_slice(row.puts);
        for name in all {
            let mut known = name == "face";
            for worker in WORKERS {
                known = known || worker.name == name;
            }
            assert!(known, "{}: {name}?", row.queue);
        }
    }
}

/// Из controller-а никогда не ждут: в его файлах нет ждущих put, кроме последнего слова лицу.
#[test]
fn the_controller_never_waits_to_put() {
    for path in ["src/workers/controller.rs", "src/workers/perform.rs"] {
        let code = code_of(path);
        for rest in code.split(".put.").skip(1) {
            let word = word_of(rest);
            let last_word = rest.starts_with("send_timeout(Show::Exit");
            assert!(word == "try_send" || last_word, "{path}: put.{word}");
        }
    }
}
