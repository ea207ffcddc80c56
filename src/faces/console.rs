//! The console: a line editor below, what happens above. What arrives while a person types is
//! printed above the line being typed, and the line stays whole.
//! Консоль: внизу редактор строки, выше — события. Что приходит, пока человек печатает, выводится
//! над набираемой строкой, и строка остаётся цела.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter};

use super::ending::program_end;
use super::input::{command_put, line_not_taken, line_put, pipe_read};
use super::lines::show_text;
use super::secrets::secrets_ask;
use super::texts::{Texts, text, texts_load};
use crate::logic::events::Command;
use crate::logic::show::{ReceiptState, Show};
use crate::workers::map::Queues;

/// Ход передачи в консоли показывается не чаще.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Показ консоли: язык, когда последний раз был показан ход передачи, что взято из очереди, но
/// ещё не показано.
struct Screen {
    texts: Texts,
    progress: Option<Instant>,
    held: Option<Show>,
}

/// Лицо «консоль»: выводит события, пока не придёт последнее. Вывод — над строкой ввода.
/// Редактор строки делается здесь, потому что вывод над ней неотделим от него, и отдаётся
/// главному потоку, который читает ввод.
pub fn console_face(queues: &Queues) {
    let mut screen = Screen { texts: texts_load("en"), progress: None, held: None };
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let modes = terminal_modes();
    if terminal {
        if let Ok(mut editor) = DefaultEditor::new() {
            if let Ok(mut printer) = editor.create_external_printer() {
                let _ = queues.editor.put.send(Some(editor));
                loop {
                    match show_next(queues, &mut screen) {
                        Ok(line) => {
                            let _ = printer.print(line);
                        }
                        Err(code) => {
                            terminal_restore(&modes);
                            program_end(code, Some(queues));
                        }
                    }
                }
            }
        }
    }
    let _ = queues.editor.put.send(None);
    loop {
        match show_next(queues, &mut screen) {
            Ok(line) => {
                let mut stdout = std::io::stdout().lock();
                let _ = stdout.write_all(line.as_bytes());
                let _ = stdout.flush();
            }
            Err(code) => program_end(code, Some(queues)),
        }
    }
}

/// Следующее событие строкой; `Err` — код, с которым программа кончается.
fn show_next(queues: &Queues, screen: &mut Screen) -> Result<String, u8> {
    loop {
        let mut show = show_take(queues, screen)?;
        let joined = receipts_join(queues, screen, &mut show);
        match &show {
            Show::Exit(code) => return Err(*code),
            Show::Ready { language, .. } => screen.texts = texts_load(language),
            Show::Language(language) => screen.texts = texts_load(language),
            Show::Progress { .. } => {
                if let Some(shown) = screen.progress {
                    if shown.elapsed() < PROGRESS_EVERY {
                        continue;
                    }
                }
                screen.progress = Some(Instant::now());
            }
            Show::Identity { .. }
            | Show::Link { .. }
            | Show::PeerLink(_)
            | Show::Card { .. }
            | Show::Near { .. }
            | Show::Outside { .. }
            | Show::Contact { .. }
            | Show::Request { .. }
            | Show::Safety { .. }
            | Show::Bits { .. }
            | Show::Deleted { .. }
            | Show::Password { .. }
            | Show::Person { .. }
            | Show::Room(_)
            | Show::Member(_)
            | Show::Message(_)
            | Show::Page { .. }
            | Show::Found { .. }
            | Show::Chats(_)
            | Show::Receipt { .. }
            | Show::Offer { .. }
            | Show::File(_)
            | Show::Limits { .. }
            | Show::Confirm { .. }
            | Show::Chosen { .. }
            | Show::Help(_)
            | Show::Licence { .. }
            | Show::Settings(_)
            | Show::Info { .. }
            | Show::Error { .. } => {}
        }
        let mut line = show_text(&screen.texts, &show);
        if line.is_empty() {
            continue;
        }
        if joined > 0 {
            let more = text(&screen.texts, "receipt-more", &[("many", joined.to_string())]);
            line.push_str(&format!(" {more}"));
        }
        return Ok(format!("{line}\n"));
    }
}

/// Событие из очереди или то, что уже взято из неё. `Err` — код, с которым программа кончается.
fn show_take(queues: &Queues, screen: &mut Screen) -> Result<Show, u8> {
    if let Some(held) = screen.held.take() {
        return Ok(held);
    }
    match queues.to_displayer.take.recv() {
        Ok(show) => Ok(show),
        Err(_) => Err(1),
    }
}

/// Прочитана сразу сотня сообщений — это одна строка, а не сотня: из одинаковых вестей, ждущих
/// подряд, остаётся последняя. Возвращает, сколько было перед ней.
fn receipts_join(queues: &Queues, screen: &mut Screen, show: &mut Show) -> u64 {
    let mut joined = 0;
    while let Show::Receipt { peer, state, .. } = show {
        if *state == ReceiptState::Failed {
            break;
        }
        let Ok(next) = queues.to_displayer.take.try_recv() else {
            break;
        };
        let mut same = false;
        if let Show::Receipt { peer: other, state: its, .. } = &next {
            same = other == peer && its == state;
        }
        if !same {
            screen.held = Some(next);
            break;
        }
        *show = next;
        joined += 1;
    }
    joined
}

/// Главный поток консоли: читает строки, пока человек не уйдёт.
pub fn console_input(queues: &Queues) {
    let Ok(Some(mut editor)) = queues.editor.take.recv() else {
        pipe_read(queues, line_not_taken);
        return park();
    };
    loop {
        match editor.readline("> ") {
            Ok(line) => {
                let _ = editor.add_history_entry(line.as_str());
                let asked = line_put(queues, &line);
                secrets_ask(queues, &mut editor, asked);
            }
            Err(ReadlineError::Interrupted) => {
                command_put(queues, Command::Interrupt, "");
                return park();
            }
            Err(ReadlineError::Eof) => command_put(queues, Command::Quit, "/quit"),
            Err(_) => {
                command_put(queues, Command::Terminate, "");
                return park();
            }
        }
    }
}

/// Ждёт, пока displayer закончит программу.
pub fn park() {
    loop {
        std::thread::park();
    }
}

/// Режим терминала до редактора строки: при выходе его надо вернуть.
#[cfg(unix)]
fn terminal_modes() -> Option<rustix::termios::Termios> {
    rustix::termios::tcgetattr(std::io::stdin()).ok()
}

/// Возвращает режим терминала.
#[cfg(unix)]
fn terminal_restore(modes: &Option<rustix::termios::Termios>) {
    if let Some(modes) = modes {
        let now = rustix::termios::OptionalActions::Now;
        let _ = rustix::termios::tcsetattr(std::io::stdin(), now, modes);
    }
}

/// В Windows консоль сама возвращает режим, когда программа кончается.
#[cfg(not(unix))]
fn terminal_modes() {}

/// В Windows консоль сама возвращает режим, когда программа кончается.
#[cfg(not(unix))]
fn terminal_restore(_modes: &()) {}
