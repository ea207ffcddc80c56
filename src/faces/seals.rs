//! What the console shows of the seals: the safety number to compare and the bits of a message
//! before and after.
//! Что консоль показывает о печатях: число безопасности, чтобы сверить, и биты сообщения до и
//! после.

use super::json::purpose_word;
use super::lines::{clean_line, message_digits};
use super::texts::{Texts, text};
use crate::base::ids::{Id, id_digits};
use crate::logic::show::Show;
use crate::wire::message::MessageId;

/// So many bytes are shown as bits; the rest is only counted.
const BITS_MAX: usize = 64;
/// Bytes in one line of bits.
const BITS_LINE: usize = 8;
/// Groups of digits in one line of the safety number.
const GROUPS_LINE: usize = 6;

/// Число безопасности: 12 групп в две строки, сверено ли оно, как сверить.
pub fn safety_text(texts: &Texts, peer: Id, name: &str, number: &str, verified: bool) -> String {
    let mut lines = text(texts, "safety", &[("name", String::from(name))]);
    for (index, group) in number.split_whitespace().enumerate() {
        lines.push_str(if index % GROUPS_LINE == 0 { "\n    " } else { " " });
        lines.push_str(group);
    }
    let key = if verified { "safety-verified" } else { "safety-how" };
    let values = [("name", String::from(name)), ("id", id_digits(peer))];
    lines.push_str(&format!("\n    {}", text(texts, key, &values)));
    lines
}

/// Вопрос о пароле.
pub fn password_text(texts: &Texts, show: &Show) -> String {
    let Show::Password { purpose, name, again } = show else {
        return String::new();
    };
    let word = if *again { "again" } else { purpose_word(*purpose) };
    text(texts, &format!("password-{word}"), &[("name", clean_line(name))])
}

/// Биты сообщения до печати и после неё.
pub fn bits_text(texts: &Texts, message: &MessageId, before: &[u8], after: &[u8]) -> String {
    let mut lines = text(texts, "bits", &[("message", message_digits(message))]);
    for (key, bytes) in [("bits-before", before), ("bits-after", after)] {
        let head = text(texts, key, &[("bytes", bytes.len().to_string())]);
        lines.push_str(&format!("\n  {head}"));
        for (index, byte) in bytes[..usize::min(bytes.len(), BITS_MAX)].iter().enumerate() {
            lines.push_str(if index % BITS_LINE == 0 { "\n    " } else { " " });
            lines.push_str(&format!("{byte:08b}"));
        }
        if bytes.len() > BITS_MAX {
            let more = (bytes.len() - BITS_MAX).to_string();
            lines.push_str(&format!("\n    {}", text(texts, "bits-more", &[("bytes", more)])));
        }
    }
    lines
}
