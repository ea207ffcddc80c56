//! The licence of a server between real programs: told by the server's clock, read again when it
//! changes, a wrong date is one line and exit code 2.
//! Лицензия сервера между настоящими программами: срок по часам сервера, перечитывается, когда
//! изменён; неверная дата — одна строка и код 2.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::time::Instant;

use common::{
    all, client_up, outbox_settle, run_whole, say, server_again, server_command, server_kill, told,
    wait, waiting, world_make,
};
use serde_json::{Value, json};
use supertext::base::clock::{time_now, time_rfc3339};
use supertext::faces::lines::show_text;
use supertext::faces::texts::{LANGUAGES, texts_load};
use supertext::logic::show::Show;
use supertext::store::licence::licence_read;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// День через столько дней, как его пишут в licence.txt.
fn day_after(days: u64) -> String {
    String::from(&time_rfc3339(time_now().wall_ms + days * DAY_MS)[..10])
}

/// Пишет срок в папку сервера.
fn licence_put(home: &Path, text: &str) {
    std::fs::write(home.join("licence.txt"), text).unwrap();
}

/// Время из события в миллисекундах.
fn time_of(event: &Value, field: &str) -> i64 {
    let text = event[field].as_str().expect("a time");
    let stamp: jiff::Timestamp = text.parse().expect("RFC 3339");
    stamp.as_millisecond()
}

#[test]
fn the_licence_is_told_after_the_link_is_up() {
    let mut world = world_make();
    let mut ann = client_up(&world, "Ann", &[]);
    say(&mut ann, "/status");
    wait(&mut ann, json!({"event": "link", "state": "up"}));
    assert_eq!(all(&mut ann, json!({"event": "licence"})).len(), 0, "{}", told(&ann));
    outbox_settle(&ann);
    server_kill(&mut world.server);
    let day = day_after(40);
    licence_put(&world.server.home, &format!("# last day\n\n{day}   # paid\n"));
    server_again(&mut world.server);
    let licence = wait(&mut ann, json!({"event": "licence"}));
    assert_eq!(licence["until"], json!(format!("{day}T23:59:59.999Z")));
    let off = time_of(&licence, "now") - time_now().wall_ms as i64;
    assert!(off.abs() < 60_000, "{licence}");
    // Изменённый файл читается без перезапуска: следующий вошедший узнаёт новый срок.
    let day = day_after(3);
    licence_put(&world.server.home, &day);
    let since = Instant::now();
    let mut round = 0;
    loop {
        round += 1;
        let mut bob = client_up(&world, &format!("Bob{round}"), &[]);
        let licence = wait(&mut bob, json!({"event": "licence"}));
        if licence["until"] == json!(format!("{day}T23:59:59.999Z")) {
            break;
        }
        assert!(waiting(since), "{licence}");
    }
    // Испорченный на ходу срок не роняет сервер и остаётся прежним.
    licence_put(&world.server.home, "tomorrow");
    let since = Instant::now();
    let errors = world.server.home.with_extension("err");
    while !std::fs::read_to_string(&errors).unwrap().contains("tomorrow") {
        assert!(waiting(since), "nothing is said");
    }
    let mut cat = client_up(&world, "Cat", &[]);
    let licence = wait(&mut cat, json!({"event": "licence"}));
    assert_eq!(licence["until"], json!(format!("{day}T23:59:59.999Z")));
}

#[test]
fn a_wrong_date_is_one_line_and_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("server");
    std::fs::create_dir_all(&home).unwrap();
    for wrong in ["31.01.2027", "2027-02-30", "2027-01-31\n2028-01-31"] {
        licence_put(&home, wrong);
        let (code, out, err) = run_whole(server_command(&home, "127.0.0.1:0"));
        assert_eq!(code, 2, "{wrong}: {out} {err}");
        assert_eq!(err.trim_end().lines().count(), 1, "{err}");
        assert!(err.contains("licence.txt") && err.contains("2027-01-31"), "{err}");
    }
    licence_put(&home, "# nothing yet\n");
    assert_eq!(licence_read(&home.join("licence.txt")).unwrap(), None);
    assert_eq!(licence_read(&home.join("none.txt")).unwrap(), None);
}

#[test]
fn the_console_speaks_only_when_it_is_time() {
    let until_ms = 1_801_439_999_999;
    for (code, _) in LANGUAGES {
        let texts = texts_load(code);
        let show = Show::Licence { until_ms, server_now_ms: until_ms - 31 * DAY_MS };
        assert_eq!(show_text(&texts, &show), "", "{code}");
        let show = Show::Licence { until_ms, server_now_ms: until_ms - 31 * DAY_MS + 1 };
        let line = show_text(&texts, &show);
        assert!(line.contains("30") && line.contains("2027-01-31"), "{code}: {line}");
        let show = Show::Licence { until_ms, server_now_ms: until_ms + 1 };
        let over = show_text(&texts, &show);
        assert!(over.contains("2027-01-31") && over != line, "{code}: {over}");
    }
}
