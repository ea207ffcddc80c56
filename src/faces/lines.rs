//! What a person reads in the console: every event as a line in his language.
//! Что читает человек в консоли: каждое событие строкой на его языке.

use super::commands::COMMANDS;
use super::json::{file_word, link_word, nat_word, path_word, peer_word, receipt_word};
use super::rooms::{member_line, room_line, speaker};
use super::seals::{bits_text, password_text, safety_text};
use super::texts::{Texts, text, text_fail};
use crate::base::clock::{day_local, day_utc, time_local};
use crate::base::fail::Fail;
use crate::base::ids::{Id, id_digits, id_shown};
use crate::logic::contacts::letter_harmful;
use crate::logic::events::Standing;
use crate::logic::licence::licence_left;
use crate::logic::show::{
    Ask, FilePast, FileShow, FileState, LinkShow, MessageShow, Nat, Path, PathShow, ReceiptState,
    Show,
};
use crate::wire::message::MessageId;

/// Shown hex digits of a message's id, its last ones; they are what `/edit` and the like take.
const DIGITS: usize = 4;

/// Событие как текст для консоли; пустой — показывать нечего.
pub fn show_text(texts: &Texts, show: &Show) -> String {
    match show {
        Show::Ready { id, name, .. } => {
            text(texts, "ready", &[("id", id_shown(*id)), ("name", clean_line(name))])
        }
        Show::Identity { id, name, card, fingerprint } => text(
            texts,
            "identity",
            &[
                ("id", id_shown(*id)),
                ("name", clean_line(name)),
                ("card", card.clone()),
                ("fingerprint", fingerprint.clone()),
            ],
        ),
        Show::Link { state, server, reason, retry_ms } => {
            link_line(texts, *state, server, reason, *retry_ms)
        }
        Show::PeerLink(shown) => path_line(texts, shown),
        Show::Card { card, addresses } => card_line(texts, card, addresses.is_empty()),
        Show::Near { id, address } => near_line(texts, *id, address),
        Show::Outside { nat, address } => outside_line(texts, *nat, address),
        Show::Contact { .. } => contact_line(texts, show),
        Show::Request { id, name, words } => request_text(texts, *id, name, words),
        Show::Safety { peer, name, number, verified } => {
            safety_text(texts, *peer, &clean_line(name), number, *verified)
        }
        Show::Bits { message, before, after, .. } => bits_text(texts, message, before, after),
        Show::Password { .. } => password_text(texts, show),
        Show::Person { id, name } => format!("{}  {}", id_shown(*id), clean_line(name)),
        Show::Deleted { message, .. } => {
            text(texts, "deleted", &[("message", message_digits(message))])
        }
        Show::Room(shown) => room_line(texts, shown),
        Show::Member(shown) => member_line(texts, shown),
        Show::Message(shown) => message_line(texts, shown),
        Show::Page { messages, after: true, .. } => page_text(texts, messages, true),
        Show::Page { messages, .. } | Show::Chats(messages) => page_text(texts, messages, false),
        Show::Found { messages, .. } => found_text(texts, messages),
        Show::Receipt { message, state, at, reason, .. } => {
            receipt_line(texts, message, *state, *at, reason)
        }
        Show::Offer { transfer, name, size, packets, .. } => {
            offer_line(texts, *transfer, name, *size, *packets)
        }
        Show::Progress { transfer, bytes, size, rate, .. } => {
            progress_line(texts, *transfer, *bytes, *size, *rate)
        }
        Show::File(shown) => file_line(texts, shown),
        Show::Limits { asked: false, .. } => String::new(),
        Show::Limits { name, messages, files, .. } => {
            let values = [
                ("name", clean_line(name)),
                ("messages", messages.to_string()),
                ("files", files.to_string()),
            ];
            text(texts, "limits", &values)
        }
        Show::Confirm { .. } => question_text(texts, show),
        Show::Chosen { name, .. } => text(texts, "chat-chosen", &[("name", clean_line(name))]),
        Show::Language(code) => text(texts, "language-set", &[("code", code.clone())]),
        Show::Help(word) => help_text(texts, word),
        Show::Licence { until_ms, server_now_ms } => licence_text(texts, *until_ms, *server_now_ms),
        Show::Settings(values) => settings_text(values),
        Show::Info { key, values } => info_line(texts, key, values),
        Show::Error { fail, .. } => text(texts, "error", &[("text", fail_line(texts, fail))]),
        Show::Exit(_) => String::new(),
    }
}

/// Предложенный файл.
fn offer_line(texts: &Texts, transfer: u32, name: &str, size: u64, packets: u64) -> String {
    let values = [
        ("transfer", transfer.to_string()),
        ("name", clean_line(name)),
        ("size", size_text(size)),
        ("packets", packets.to_string()),
    ];
    text(texts, "offer", &values)
}

/// Связь с сервером.
fn link_line(
    texts: &Texts,
    state: LinkShow,
    server: &str,
    reason: &Option<Fail>,
    retry_ms: u64,
) -> String {
    let word = if state == LinkShow::Connecting { "connecting" } else { link_word(state) };
    let key = format!("link-{word}");
    let values = [
        ("server", String::from(server)),
        ("seconds", format!("{:.1}", retry_ms as f64 / 1000.0)),
        ("reason", reason_line(texts, reason)),
    ];
    text(texts, &key, &values)
}

/// Каким нас видит мир.
fn outside_line(texts: &Texts, nat: Nat, address: &str) -> String {
    let key = format!("outside-{}", nat_word(nat));
    text(texts, &key, &[("address", String::from(address))])
}

/// Незнакомый поблизости.
fn near_line(texts: &Texts, id: Id, address: &str) -> String {
    text(texts, "nearby", &[("id", id_shown(id)), ("address", String::from(address))])
}

/// Своя визитка; без адресов по ней не дозвонятся.
fn card_line(texts: &Texts, card: &str, alone: bool) -> String {
    let key = if alone { "card-alone" } else { "card" };
    text(texts, key, &[("card", String::from(card))])
}

/// Путь к человеку: каким идёт всё, или почему его нет.
fn path_line(texts: &Texts, shown: &PathShow) -> String {
    let mut place = path_text(texts, shown.path, &shown.via);
    if !shown.address.is_empty() {
        place.push_str(&format!(" {}", clean_line(&shown.address)));
    }
    let values = [
        ("name", clean_line(&shown.name)),
        ("path", place),
        ("seconds", format!("{:.1}", shown.retry_ms as f64 / 1000.0)),
        ("reason", reason_line(texts, &shown.reason)),
    ];
    let line = text(texts, &format!("peer-link-{}", link_word(shown.state)), &values);
    String::from(line.trim_end())
}

/// Слова о пути; через третьего — с именем того, кто передаёт.
pub fn path_text(texts: &Texts, path: Path, via: &str) -> String {
    if !via.is_empty() {
        return text(texts, "path-third-via", &[("name", clean_line(via))]);
    }
    text(texts, &format!("path-{}", path_word(path)), &[])
}

/// Контакт: номер, имя, сверен ли ключ, состояние, непрочитанное, не сменился ли ключ.
fn contact_line(texts: &Texts, show: &Show) -> String {
    let Show::Contact { id, name, state, unread, blocked, standing, verified, changed, folder } =
        show
    else {
        return String::new();
    };
    let word = match standing {
        _ if *blocked => "blocked",
        Standing::Contact | Standing::Member => peer_word(*state),
        Standing::Asked => "pending",
        Standing::Declined => "refused",
        Standing::Asks => "asks",
        Standing::Later => "later",
        Standing::Spam => "spam",
    };
    let mut line = format!("{}  {}", id_shown(*id), clean_line(name));
    if *verified {
        line.push_str(" ✓");
    }
    line.push_str(&format!("  {}", text(texts, &format!("peer-{word}"), &[])));
    if *unread > 0 {
        line.push_str(&format!("  [{unread}]"));
    }
    if *changed {
        line.push_str(&format!("  {}", text(texts, "contact-changed", &[])));
    }
    if !folder.is_empty() {
        line.push_str(&format!("  {{{}}}", clean_line(folder)));
    }
    line
}

/// Просьба о знакомстве: кто, какими словами, как ответить.
fn request_text(texts: &Texts, id: Id, name: &str, words: &str) -> String {
    let mut who = clean_line(name);
    if who != id_shown(id) {
        who.push_str(&format!(" ({})", id_shown(id)));
    }
    let mut lines = text(texts, "request", &[("who", who)]);
    if !words.is_empty() {
        lines.push_str(&format!("\n    {}", clean_line(words)));
    }
    lines.push_str(&format!("\n    {}", text(texts, "request-how", &[("id", id_digits(id))])));
    lines
}

/// Что стало с сообщением; «стоит в очереди» не показывается.
fn receipt_line(
    texts: &Texts,
    message: &MessageId,
    state: ReceiptState,
    at: u64,
    reason: &Option<Fail>,
) -> String {
    if state == ReceiptState::Queued {
        return String::new();
    }
    let values = [
        ("at", time_local(at)),
        ("message", message_digits(message)),
        ("reason", reason_line(texts, reason)),
    ];
    text(texts, &format!("receipt-{}", receipt_word(state)), &values)
}

/// Последние цифры номера сообщения с меткой: `·a3f9`.
pub fn message_digits(message: &MessageId) -> String {
    let digits = hex::encode(message);
    format!("·{}", &digits[digits.len() - DIGITS..])
}

/// Причина на языке человека.
fn reason_line(texts: &Texts, reason: &Option<Fail>) -> String {
    match reason {
        Some(failed) => fail_line(texts, failed),
        None => String::new(),
    }
}

/// Причина на языке человека; чужое имя в подробности строк не подделает.
fn fail_line(texts: &Texts, failed: &Fail) -> String {
    let detail = clean_line(&failed.detail);
    text_fail(texts, &Fail { kind: failed.kind, detail })
}

/// Срок лицензии сервера: пока времени довольно, говорить не о чем.
fn licence_text(texts: &Texts, until_ms: u64, server_now_ms: u64) -> String {
    let date = ("date", day_utc(until_ms));
    match licence_left(until_ms, server_now_ms) {
        Some(Some(days)) => text(texts, "licence-left", &[date, ("days", days.to_string())]),
        Some(None) => text(texts, "licence-over", &[date]),
        None => String::new(),
    }
}

/// Все настройки, по строке на каждую.
fn settings_text(values: &[(&'static str, String)]) -> String {
    let mut lines = Vec::new();
    for (key, value) in values {
        lines.push(format!("  {key} = {}", clean_line(value)));
    }
    lines.join("\n")
}

/// Строка из lang/ с переменными, среди которых бывают чужие имена.
fn info_line(texts: &Texts, key: &str, values: &[(&'static str, String)]) -> String {
    let mut safe: Vec<(&str, String)> = Vec::new();
    for (name, value) in values {
        safe.push((name, clean_line(value)));
    }
    text(texts, key, &safe)
}

/// Чужой текст без управляющих знаков: терминал им не подчинится. Строки и табуляция остаются.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        let kept = letter == '\n' || letter == '\t' || !letter_harmful(letter);
        out.push(if kept { letter } else { '\u{fffd}' });
    }
    out
}

/// Чужое имя в одну строку: переводы строк в нём подделывали бы чужие строки.
pub fn clean_line(text: &str) -> String {
    clean(&text.replace(['\n', '\t'], "\u{fffd}"))
}

/// Сообщение: время отправки и получения, кто, что.
fn message_line(texts: &Texts, shown: &MessageShow) -> String {
    let values = [
        ("name", speaker(shown)),
        ("text", message_text(texts, shown)),
        ("sent", time_local(shown.sent)),
        ("received", time_shown(shown.received)),
        ("day", day_local(shown.sent)),
    ];
    let key = match (shown.past, shown.outgoing) {
        (false, false) => "message-in",
        (false, true) => "message-out",
        (true, false) => "past-in",
        (true, true) => "past-out",
    };
    text(texts, key, &values)
}

/// Страница прошлого, по строке на сообщение; в конце — место, с которого идут более ранние (или
/// более поздние).
fn page_text(texts: &Texts, messages: &[MessageShow], after: bool) -> String {
    let lines = found_text(texts, messages);
    match (messages.first(), messages.last(), after) {
        (Some(first), _, false) => format!("{lines}\n  ↑ {}", first.number),
        (_, Some(last), true) => format!("{lines}\n  ↓ +{}", last.number),
        _ => lines,
    }
}

/// Сообщения прошлого, по строке на каждое.
fn found_text(texts: &Texts, messages: &[MessageShow]) -> String {
    let mut lines = Vec::new();
    for shown in messages {
        lines.push(message_line(texts, shown));
    }
    if lines.is_empty() { text(texts, "history-none", &[]) } else { lines.join("\n") }
}

/// Текст с пометками: на что ответ, когда исправлен и прочитан, номер (в прошлом — всегда). Другие
/// строки текста отступают, чтобы никакая не выглядела чужим сообщением.
fn message_text(texts: &Texts, shown: &MessageShow) -> String {
    let mut line = match &shown.file {
        Some(file) => file_past_text(texts, file),
        None => clean(&shown.text).replace('\n', "\n    "),
    };
    let answers = shown.reply != [0; 16];
    if answers {
        line = format!("↳ {} {line}", message_digits(&shown.reply));
    }
    for (key, at) in [("mark-edited", shown.edited), ("mark-read", shown.read)] {
        if at > 0 {
            line.push_str(&format!(" {}", text(texts, key, &[("at", minute_shown(at, shown))])));
        }
    }
    if shown.past || answers || shown.edited > 0 {
        line.push_str(&format!(" {}", message_digits(&shown.message)));
    }
    line
}

/// Файл прошлого: имя, размер, чем кончилось, где лежит.
fn file_past_text(texts: &Texts, file: &FilePast) -> String {
    let (name, size) = (clean_line(&file.name), size_text(file.size));
    let state = text(texts, &format!("window-file-{}", file_word(file.state)), &[]);
    let line = format!("📎 {name} ({size}) {state} {}", clean_line(&file.path));
    String::from(line.trim_end())
}

/// Часы и минуты; если это другой день, чем у сообщения, — и день.
fn minute_shown(wall_ms: u64, shown: &MessageShow) -> String {
    let time = time_local(wall_ms);
    let minute = &time[..usize::min(5, time.len())];
    let day = day_local(wall_ms);
    if day == day_local(shown.sent) { String::from(minute) } else { format!("{day} {minute}") }
}

/// Время получения; ещё не получено — тире.
fn time_shown(wall_ms: u64) -> String {
    if wall_ms == 0 { String::from("—") } else { time_local(wall_ms) }
}

/// Ход передачи: какая часть есть и как быстро идёт.
fn progress_line(texts: &Texts, transfer: u32, bytes: u64, size: u64, rate: u64) -> String {
    let percent = bytes.saturating_mul(100).checked_div(size).unwrap_or(100);
    let values = [
        ("transfer", transfer.to_string()),
        ("percent", percent.to_string()),
        ("rate", size_text(rate)),
    ];
    text(texts, "progress", &values)
}

/// Передача: что с ней, сколько, как быстро, почему.
fn file_line(texts: &Texts, shown: &FileShow) -> String {
    let key = format!("file-{}", file_word(shown.state));
    let values = [
        ("transfer", shown.transfer.to_string()),
        ("name", clean_line(&shown.name)),
        ("path", clean_line(&shown.path)),
        ("bytes", size_text(shown.bytes)),
        ("size", size_text(shown.size)),
        ("from", size_text(shown.resumed_from)),
        ("rate", size_text(shown.rate)),
        ("seconds", format!("{:.1}", shown.milliseconds as f64 / 1000.0)),
        ("reason", reason_line(texts, &shown.reason)),
    ];
    let mut line = text(texts, &key, &values);
    if shown.state == FileState::Done && !shown.blake3.is_empty() {
        line.push_str(&format!("\n    BLAKE3 {}", shown.blake3));
    }
    line
}

/// Вопрос о трате: за что, сколько, сколько останется, как ответить.
pub fn question_text(texts: &Texts, show: &Show) -> String {
    let Show::Confirm { token, name, packets, what, left, .. } = show else {
        return String::new();
    };
    let (key, file) = match what {
        Ask::Message => ("question-message", String::new()),
        Ask::File(file) => ("question-file", clean_line(file)),
    };
    let values = [
        ("token", token.to_string()),
        ("name", clean_line(name)),
        ("file", file),
        ("packets", packets.to_string()),
        ("left", left.to_string()),
    ];
    text(texts, key, &values)
}

/// Справка: вся или об одной команде.
fn help_text(texts: &Texts, word: &str) -> String {
    let mut lines = String::new();
    for row in COMMANDS {
        if word.is_empty() || row.word == word || row.word.strip_prefix('/') == Some(word) {
            let key = format!("help-{}", row.word.trim_start_matches('/'));
            let head = format!("{} {}", row.word, row.usage);
            if !lines.is_empty() {
                lines.push('\n');
            }
            lines.push_str(&format!("  {head:<30} {}", text(texts, &key, &[])));
        }
    }
    if lines.is_empty() {
        return text(texts, "fail-command-unknown", &[("detail", clean(word))]);
    }
    lines
}

/// Размер для человека: `1.5 MiB`.
pub fn size_text(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}
