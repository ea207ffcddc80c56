//! The JSON pipe beside the window (`supertext gui --json`): commands come in and events go out as
//! in the console's pipe; a line that begins with `?` asks the window itself what it shows.
//! Поток JSON рядом с окном (`supertext gui --json`): команды и события — как в потоке консоли;
//! строка с вопросительным знаком спрашивает само окно, что оно показывает.

use std::io::Write;
use std::thread::Builder;

use serde_json::json;

use super::audit::{audit_begin, audit_look};
use super::run::show_pass;
use super::state::{Effect, Rect, Touch, Window};
use super::viewer::scale_now;
use supertext::base::fail::{Fail, FailKind, io_try};
use supertext::faces::input::pipe_read;
use supertext::faces::json::show_lines;
use supertext::faces::texts::texts_load;
use supertext::logic::show::Show;
use supertext::workers::map::{QUEUES, Queues};

/// The key of a question to the window on its way through the queue of shows.
pub const ASKED: &str = "window-asked";

/// Начинает читать команды из stdin.
pub fn pipe_start() -> Result<(), Fail> {
    let spawned = Builder::new().name(String::from("pipe")).spawn(pipe_main);
    io_try(FailKind::Internal, "pipe", spawned)?;
    Ok(())
}

/// Нить чтения.
fn pipe_main() {
    pipe_read(&QUEUES, line_take);
}

/// Вопрос к окну едет к нему той же очередью, что и показанное.
fn line_take(queues: &Queues, line: &str) -> bool {
    let Some(asked) = line.strip_prefix('?') else { return false };
    let values = vec![("line", String::from(asked.trim()))];
    show_pass(queues, Show::Info { key: ASKED, values })
}

/// Лицо нити displayer: показанное пишется в stdout и едет к окну.
pub fn window_json_face(queues: &Queues) {
    let mut texts = texts_load("en");
    loop {
        let Ok(show) = queues.to_displayer.take.recv() else { return };
        if let Show::Language(chosen) | Show::Ready { language: chosen, .. } = &show {
            texts = texts_load(chosen);
        }
        let mut lines = String::new();
        let last = matches!(show, Show::Exit(_));
        if !last {
            show_lines(&texts, &show, &mut lines);
        }
        line_out(&lines);
        if !show_pass(queues, show) || last {
            return;
        }
    }
}

/// Пишет строки в stdout.
fn line_out(lines: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(lines.as_bytes());
    let _ = stdout.flush();
}

/// Место списком чисел, в точках экрана.
fn numbers(place: Rect, scale: f64) -> [i32; 4] {
    let mut out = [place.x, place.y, place.w, place.h];
    for number in &mut out {
        *number = (f64::from(*number) * scale) as i32;
    }
    out
}

/// Ответ окна: `hits` — что где нажимается, `audit` — что не так в кадре, `frames` — счёт кадров.
pub fn asked_answer(window: &mut Window, asked: &str) {
    let answer = match asked {
        "hits" => {
            let mut rows = Vec::new();
            let scale = scale_now(window);
            let both: [&[(Rect, Touch)]; 2] = [&window.side_hits, &window.canvas_hits];
            for hits in both {
                for (place, touch) in hits {
                    rows.push(
                        json!({"what": format!("{touch:?}"), "place": numbers(*place, scale)}),
                    );
                }
            }
            json!({"event": "window", "hits": rows, "view": format!("{:?}", window.view)})
        }
        "watch" => {
            audit_begin();
            window.effects.push(Effect::Redraw);
            json!({"event": "window", "watch": true})
        }
        "audit" => json!({"event": "window", "audit": audit_look(window.size)}),
        "frames" => {
            let frames = window.frames;
            json!({"event": "window", "frames": frames.count, "slow": frames.slow,
                "worst_us": frames.worst_us})
        }
        other => json!({"event": "window", "unknown": other}),
    };
    line_out(&format!("{answer}\n"));
}
