//! Words of the commands about direct links; commands.rs has their rows.
//! Слова команд о прямых линиях; их строки — в commands.rs.

use super::commands::{Verb, word};
use crate::base::fail::{Fail, FailKind, fail};
use crate::logic::events::{Command, LinkCommand};

/// Команда о прямых линиях. Визитка бывает и адресом; прежние программы писали порт через пробел.
pub fn link_make(verb: Verb, words: &[String]) -> Result<Command, Fail> {
    let command = if verb == Verb::Card {
        LinkCommand::Card
    } else if verb == Verb::Connect {
        word(words, 0, "CARD")?;
        LinkCommand::Connect(words.join(" "))
    } else if verb == Verb::Disconnect {
        LinkCommand::Disconnect(String::from(word(words, 0, "ID")?))
    } else {
        return Err(fail(FailKind::Internal, "link"));
    };
    Ok(Command::Link(command))
}
