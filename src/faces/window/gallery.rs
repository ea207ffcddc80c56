//! `supertext gallery`: every state of every bubble on one page, for tests and for eyes.
//! `supertext gallery`: все состояния всех пузырей на одной странице, для испытаний и для глаз.

use fltk::app;

use super::act::effects_run;
use super::people::people_order;
use super::pictures::{Pixels, picture_write, pictures_drain, pictures_start};
use super::run::widgets_place;
use super::shows::show_take;
use super::state::{Body, Effect, Folder, Near, Options, WINDOW, Window};
use supertext::base::fail::{FailKind, fail};
use supertext::base::ids::Id;
use supertext::logic::events::Standing;
use supertext::logic::show::{
    Ask, FileShow, FileState, LinkShow, MessageShow, PeerState, ReceiptState, Show,
};
use supertext::store::settings::Settings;

/// The time of the gallery: always the same, so that pictures can be compared.
pub const NOON: u64 = 1_767_355_200_000;
/// Whose chat is open.
const ANNA: Id = 700_000_000_001;

/// Показывает галерею, пока окно не закроют.
pub fn gallery_run(theme: &str, language: &str) {
    gallery_open(theme, language);
    loop {
        if !gallery_step() || !app::wait() {
            return;
        }
    }
}

/// Между событиями: забрать разобранные картинки; `false` — окно закрыли.
pub fn gallery_step() -> bool {
    let mut effects = Vec::new();
    if let Ok(mut guard) = WINDOW.try_lock() {
        if let Some(window) = guard.as_mut() {
            if window.leaving {
                return false;
            }
            pictures_drain(window);
            effects.append(&mut window.effects);
        }
    }
    effects_run(effects);
    true
}

/// Открывает окно галереи, заполненное.
pub fn gallery_open(theme: &str, language: &str) {
    let _ = pictures_start();
    let options = Options {
        settings: Settings::from([(String::from("theme"), String::from(theme))]),
        name: String::from("Ира"),
        home: std::path::PathBuf::new(),
    };
    super::run::window_open(options, language, false);
    if let Ok(mut guard) = WINDOW.lock() {
        if let Some(window) = guard.as_mut() {
            gallery_fill(window);
            window.effects.clear();
        }
    }
    widgets_place();
    effects_run(vec![Effect::Redraw]);
}

/// Люди и все пузыри.
fn gallery_fill(window: &mut Window) {
    window.me = 123_456_789_012;
    window.name = String::from("Ира");
    window.link = LinkShow::Up;
    window.server = String::from("127.0.0.1:7787");
    nearby_fill(window);
    people_fill(window);
    window.open = Some(ANNA);
    texts_fill(window);
    files_fill(window);
    questions_fill(window);
    window.folder = Folder::All;
    people_order(window);
    window.toast.clear();
}

/// Своя визитка и незнакомые поблизости: больше, чем помещается в малом окне.
fn nearby_fill(window: &mut Window) {
    window.card = String::from("01459986021453@192.168.1.10:40911,[2001:db8::10]:40911#5f3a9c0e");
    window.doors = vec![String::from("192.168.1.10:40911"), String::from("[2001:db8::10]:40911")];
    for number in 0..9 {
        let address = format!("[fe80::5054:ff:fe12:345{number}%wlp0s20f3]:40911");
        let (id, seen_ms) = (800_000_000_001 + number, u64::MAX / 2);
        window.near.push(Near { id, address, seen_ms });
    }
}

/// Один человек.
fn person(window: &mut Window, id: Id, name: &str, state: PeerState, standing: Standing) {
    let contact = Show::Contact {
        id,
        name: String::from(name),
        state,
        unread: 0,
        blocked: false,
        standing,
        verified: id == ANNA,
        changed: false,
        folder: String::new(),
    };
    show_take(window, contact);
}

/// Левый столбец: все состояния.
fn people_fill(window: &mut Window) {
    use PeerState::{Offline, Online, Refused, Unknown};
    let rows: &[(&str, PeerState, Standing, &str, u64)] = &[
        ("Анна Смирнова", Online, Standing::Contact, "Отправила тебе файл 📎", 0),
        ("王小明", Online, Standing::Contact, "明天见！晚上一起吃饭吧 🍜", 3),
        ("Supertext Team", Offline, Standing::Contact, "Version 0.1 is out: hole punching", 128),
        ("Олег Петров", Offline, Standing::Contact, "Созвон в 15:00?", 1),
        ("Maria García", Refused, Standing::Declined, "", 0),
        ("John Doe", Unknown, Standing::Asked, "", 0),
        ("李华", Unknown, Standing::Asks, "", 1),
        ("Echo", Unknown, Standing::Contact, "", 0),
    ];
    for (at, (name, state, standing, last, unread)) in rows.iter().enumerate() {
        let id = ANNA + at as u64;
        person(window, id, name, *state, *standing);
        if let Some(person) = window.people.get_mut(&id) {
            person.last = String::from(*last);
            person.unread = *unread;
            person.last_at = NOON - at as u64 * 40_000_000;
        }
    }
    if let Some(anna) = window.people.get_mut(&ANNA) {
        anna.messages_left = Some(986);
        anna.files_left = Some(41_230);
    }
}

/// Сообщение Анны с этим номером.
pub fn message_show(at: u64, said: &str) -> MessageShow {
    let mut id = [0u8; 16];
    id[8..].copy_from_slice(&at.to_be_bytes());
    let sent = NOON + at * 30_000;
    MessageShow {
        peer: ANNA,
        name: String::from("Анна Смирнова"),
        message: id,
        text: String::from(said),
        outgoing: false,
        sent,
        received: sent + 200,
        read: 0,
        edited: 0,
        reply: [0; 16],
        past: false,
        number: 0,
        state: ReceiptState::Delivered,
        file: None,
        quote: None,
        author: 0,
        author_name: String::new(),
    }
}

/// Одно сообщение в чат.
fn message(window: &mut Window, at: u64, outgoing: bool, said: &str, state: ReceiptState) {
    let mut shown = message_show(at, said);
    shown.outgoing = outgoing;
    shown.state = state;
    if outgoing {
        shown.received = 0;
    }
    show_take(window, Show::Message(shown));
}

/// Тексты: все галочки, длинное, три письма, ответ, правка.
fn texts_fill(window: &mut Window) {
    window.chats.entry(ANNA).or_default().first = 1;
    message(window, 1, false, "Привет! Как дела с подключением?", ReceiptState::Delivered);
    message(window, 2, true, "Прочитано: осталось подключить сеть.", ReceiptState::Read);
    let chinese = "中文也应该正常显示：这是一条很长的中文消息，用来测试自动换行是否正确工作，不会把文字切出气泡。";
    message(window, 4, false, chinese, ReceiptState::Delivered);
    let mixed = "Mixed: English, Русский, 中文, العربية, emoji 😀👩‍💻🎉❤️ and \
        a_very_long_identifier_without_any_spaces_that_must_be_broken_somewhere_0123456789";
    message(window, 5, true, mixed, ReceiptState::Delivered);
    message(
        window,
        6,
        false,
        "Отлично! 👍 Смотри https://example.org/a?b=1.",
        ReceiptState::Delivered,
    );
    message(window, 7, true, "Лежит на сервере", ReceiptState::Stored);
    message(window, 8, true, "Ждёт здесь", ReceiptState::Queued);
    message(window, 9, true, "Не дошло", ReceiptState::Failed);
    message(window, 10, true, "Это ответ на сообщение о сети", ReceiptState::Delivered);
    if let Some(chat) = window.chats.get_mut(&ANNA) {
        if let Some(row) = chat.rows.last_mut() {
            row.reply = [0; 16];
            row.reply[15] = 1;
            row.edited = row.sent + 60_000;
            row.received = row.sent + 180_000;
        }
    }
}

/// Один файл.
fn file(window: &mut Window, transfer: u32, outgoing: bool, state: FileState, name: &str) {
    let size = 19_293_798;
    let shown = FileShow {
        message: [0; 16],
        peer: ANNA,
        transfer,
        state,
        outgoing,
        name: String::from(name),
        path: if state == FileState::Done { String::from("/tmp/a/b.pdf") } else { String::new() },
        bytes: 12_348_030,
        size,
        resumed_from: 0,
        milliseconds: 4_000,
        rate: 3_250_000,
        blake3: String::new(),
        reason: if state == FileState::Error {
            Some(fail(FailKind::Integrity, "blake3"))
        } else {
            None
        },
    };
    show_take(window, Show::File(shown));
}

/// Картинка галереи, файлом: плавный переход цветов.
fn picture_make() -> Option<String> {
    let path = std::env::temp_dir().join("supertext-gallery.png").display().to_string();
    let (w, h) = (360, 200);
    let mut bytes = Vec::new();
    for y in 0..h {
        for x in 0..w {
            bytes.extend([(x * 255 / w) as u8, 120, (y * 255 / h) as u8]);
        }
    }
    let pixels = Pixels { w, h, depth: 3, bytes };
    match picture_write(&path, &pixels) {
        Ok(()) => Some(path),
        Err(_) => None,
    }
}

/// Картинки: пришедшая целиком и та, что ещё отдаётся.
fn pictures_fill(window: &mut Window) {
    let Some(path) = picture_make() else { return };
    for (number, outgoing, state) in
        [(51, false, FileState::Done), (52, true, FileState::Started), (53, true, FileState::Done)]
    {
        file(window, number, outgoing, state, "закат.png");
        if let Some(chat) = window.chats.get_mut(&ANNA) {
            if let Some(row) = chat.rows.last_mut() {
                if let Body::File(shown) = &mut row.body {
                    shown.path = path.clone();
                }
            }
        }
    }
}

/// Файлы во всех состояниях.
fn files_fill(window: &mut Window) {
    let states = [
        (false, FileState::Offered, "фото с моря.zip"),
        (false, FileState::Started, "supertext-setup-0.1.0-x86_64.tar.gz"),
        (true, FileState::Started, "отчёт за квартал.pdf"),
        (true, FileState::Paused, "фильм.mkv"),
        (false, FileState::Waiting, "очередь.iso"),
        (false, FileState::Done, "договор.pdf"),
        (true, FileState::Done, "письмо.odt"),
        (true, FileState::Refused, "реклама.exe"),
        (false, FileState::Cancelled, "лишнее.bin"),
        (false, FileState::Error, "повреждено.bin"),
    ];
    for (at, (outgoing, state, name)) in states.iter().enumerate() {
        file(window, at as u32 + 1, *outgoing, *state, name);
    }
    pictures_fill(window);
    if let Some(chat) = window.chats.get_mut(&ANNA) {
        for row in &mut chat.rows {
            if row.message == [0; 16] {
                row.sent = NOON + 1_000_000;
            }
        }
    }
}

/// Вопрос о трате и просьба о знакомстве.
fn questions_fill(window: &mut Window) {
    let ask = Show::Confirm {
        token: 7,
        peer: ANNA,
        name: String::from("Анна Смирнова"),
        packets: 315,
        what: Ask::File(String::from("фильм.mkv")),
        left: 41_230,
    };
    show_take(window, ask);
    let (id, name) = (ANNA, String::from("Анна Смирнова"));
    let words = String::from("Это Аня с работы, добавь меня");
    show_take(window, Show::Request { id, name, words });
    if let Some(chat) = window.chats.get_mut(&ANNA) {
        for row in &mut chat.rows {
            if row.sent > NOON + 2_000_000 {
                row.sent = NOON + 1_100_000;
            }
        }
    }
    if let Some(anna) = window.people.get_mut(&ANNA) {
        anna.standing = Standing::Contact;
        anna.state = PeerState::Online;
        anna.unread = 0;
        anna.last_at = NOON;
        anna.last = String::from("Отправила тебе файл 📎");
        anna.last_out = false;
    }
}
