//! The echo contact: answers every message with the same text and returns every file, so that a
//! newcomer alone has somebody to talk to.
//! Эхо: отвечает на каждое сообщение тем же текстом и возвращает каждый файл, чтобы новичку
//! одному было с кем поговорить.

use super::ending::program_end;
use super::input::command_put;
use super::lines::show_text;
use super::texts::texts_load;
use crate::base::ids::id_digits;
use crate::logic::events::{Budget, Command};
use crate::logic::show::{FileState, Show};
use crate::workers::map::Queues;

/// Сколько пакетов эхо держит про запас.
const LOW: u64 = 1_000_000;

/// Лицо «эхо»: отвечает, пока не придёт последнее событие; что делает, видно в stdout.
pub fn echo_face(queues: &Queues) {
    let mut texts = texts_load("en");
    loop {
        let Ok(show) = queues.to_displayer.take.recv() else {
            return;
        };
        let line = show_text(&texts, &show);
        match &show {
            Show::Exit(code) => program_end(*code, Some(queues)),
            Show::Ready { language, .. } => texts = texts_load(language),
            Show::Progress { .. } => continue,
            // Правка и прошлое уже получили ответ.
            // В комнате два эха отвечали бы друг другу без конца.
            Show::Message(shown)
                if !shown.outgoing && !shown.past && shown.edited == 0 && shown.author == 0 =>
            {
                let who = id_digits(shown.peer);
                let text = shown.text.clone();
                command_put(queues, Command::Message { who, text }, "");
            }
            Show::File(shown) if !shown.outgoing && shown.state == FileState::Done => {
                let who = id_digits(shown.peer);
                let path = shown.path.clone();
                command_put(queues, Command::Send { who, path }, "");
            }
            Show::Request { id, .. } => command_put(queues, Command::Accept(id_digits(*id)), ""),
            // Узнать остаток: дальше решит ветка Limits.
            Show::Contact { id, .. } => command_put(queues, Command::Limits(id_digits(*id)), ""),
            Show::Limits { peer, messages, files, .. } => {
                let need_messages = if *messages < LOW / 2 { LOW } else { 0 };
                let need_files = if *files < LOW / 2 { LOW } else { 0 };
                topup(queues, *peer, need_messages, need_files);
                continue;
            }
            Show::Identity { .. }
            | Show::Link { .. }
            | Show::PeerLink(_)
            | Show::Card { .. }
            | Show::Near { .. }
            | Show::Outside { .. }
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
            | Show::Confirm { .. }
            | Show::Chosen { .. }
            | Show::Language(_)
            | Show::Help(_)
            | Show::Licence { .. }
            | Show::Settings(_)
            | Show::Info { .. }
            | Show::Error { .. } => {}
        }
        if !line.is_empty() {
            println!("{line}");
        }
    }
}

/// Пополняет лимиты: эхо не должно замолчать.
fn topup(queues: &Queues, id: u64, messages: u64, files: u64) {
    for (budget, amount) in [(Budget::Messages, messages), (Budget::Files, files)] {
        if amount > 0 {
            let who = id_digits(id);
            command_put(queues, Command::TopUp { who, budget, amount }, "");
        }
    }
}

/// Лицо сервера: в stdout ему говорить нечего, ошибки диска — в stderr.
pub fn server_face(queues: &Queues) {
    let texts = texts_load("en");
    loop {
        let Ok(show) = queues.to_displayer.take.recv() else {
            return;
        };
        if let Show::Exit(code) = show {
            std::process::exit(code as i32);
        }
        let line = show_text(&texts, &show);
        if !line.is_empty() {
            eprintln!("{line}");
        }
    }
}
