//! What the window knows: people, chats and their rows, what is typed, what is to be done after
//! the lock is let go. The statics of the window: callbacks of FLTK carry nothing with them.
//! Что знает окно: люди, чаты и их строки, что набирается, что сделать, отпустив замок. Здесь
//! статические окна: обработчики FLTK ничего с собой не носят.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use fltk::image::RgbImage;
use fltk::input::{Input, MultilineInput};
use fltk::widget::Widget;
use fltk::window::DoubleWindow;

use super::lay::{Laid, Words};
use super::notice::{Herald, herald_make};
use super::pictures::{PictureQueues, Pictures, Pixels, picture_queues};
use super::theme::Palette;
pub use super::touch::{Effect, Field, Folder, MenuAbout, Touch, View};
use supertext::base::ids::Id;
use supertext::faces::texts::Texts;
use supertext::logic::events::Standing;
use supertext::logic::rooms::RoomState;
use supertext::logic::show::{
    FileState, LinkShow, MessageShow, Path, PeerState, Quote, ReceiptState,
};
use supertext::store::settings::{Settings, setting_get};
use supertext::wire::message::MessageId;
use supertext::workers::map::Queues;

/// The state of the window; a lock over it is never held while FLTK may call back.
pub static WINDOW: Mutex<Option<Box<Window>>> = Mutex::new(None);
/// Queues and flags between the window and the thread that speaks with the desktop.
pub static HERALD: LazyLock<Herald> = LazyLock::new(herald_make);

/// What was written on the window in the last frame; `None` = nobody asks (audit.rs).
pub static DRAWN: Mutex<Option<Audit>> = Mutex::new(None);

/// The queues to the thread of pictures and back.
pub static PICTURES: LazyLock<PictureQueues> = LazyLock::new(picture_queues);

/// The texts of a frame and the bounds in force.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    pub texts: Vec<Drawn>,
    pub clips: Vec<Rect>,
    pub layer: u32,
}

/// A piece of text as it was drawn: where it stands and what of it the clipping leaves.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// Texts of different layers may cover one another.
    pub layer: u32,
    pub text: String,
    pub place: Rect,
    pub left: Rect,
    /// Lies in something that scrolls: may be cut above and below.
    pub scrolls: bool,
}

/// A place on the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    pub x: i32,
    pub y: i32,
    pub w: i32,
    pub h: i32,
}

/// A person as the left column shows him.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: Id,
    pub name: String,
    pub state: PeerState,
    pub standing: Standing,
    pub blocked: bool,
    pub verified: bool,
    pub changed: bool,
    pub unread: u64,
    pub last: String,
    pub last_out: bool,
    pub last_at: u64,
    pub messages_left: Option<u64>,
    pub files_left: Option<u64>,
    /// The folder he lies in; empty = none.
    pub folder: String,
    /// Which way everything goes to him; `None` = no link.
    pub path: Option<Path>,
    /// Who passes everything on, on the path over a third.
    pub via: String,
    /// It is a room, not a person.
    pub room: Option<RoomFace>,
    /// Who said the last message of a room.
    pub last_author: String,
}

/// A stranger heard in the local network.
#[derive(Clone, Debug)]
pub struct Near {
    pub id: Id,
    pub address: String,
    /// When the core named him last, by the monotonic clock.
    pub seen_ms: u64,
}

/// What is known of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomFace {
    pub members: usize,
    pub state: RoomState,
    /// One made it oneself.
    pub own: bool,
}

/// What a row of a chat is.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Text,
    File(FileRow),
    /// A question of the core: its token; `None` = answered.
    Ask(Option<u64>),
    /// He asks to be a contact.
    Request,
    /// A quiet line in the middle.
    Note,
}

/// A file on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct FileRow {
    pub transfer: u32,
    pub state: FileState,
    pub name: String,
    pub path: String,
    pub bytes: u64,
    pub size: u64,
    pub rate: u64,
    pub why: String,
}

/// One row of a chat.
#[derive(Clone, Debug)]
pub struct Row {
    pub body: Body,
    pub message: MessageId,
    pub text: String,
    pub outgoing: bool,
    pub sent: u64,
    pub received: u64,
    pub edited: u64,
    pub reply: MessageId,
    /// What it answers: one's own or not, and its beginning.
    pub quote: Option<Quote>,
    /// Who said it in a room; zero and empty elsewhere and for one's own.
    pub author: (Id, String),
    /// Place in the history; 0 = not known yet.
    pub number: u64,
    pub state: ReceiptState,
    pub laid: Option<RowLaid>,
}

/// The layout of a row, for one width of the chat.
#[derive(Clone, Debug)]
pub struct RowLaid {
    pub wide: i32,
    pub text: Laid,
    /// Of the bubble.
    pub w: i32,
    pub h: i32,
    /// Room above the bubble: a day's name and the gap.
    pub above: i32,
    /// Name of the day, if it begins here.
    pub day: String,
    /// Its author, when the name is written above the text.
    pub author: String,
    /// Name and text of the message this one answers.
    pub quote: Option<(String, String)>,
    /// Bytes of addresses in the text.
    pub links: Vec<(usize, usize)>,
    pub foot: String,
    pub foot_w: i32,
    /// Size of the picture shown in the bubble.
    pub picture: Option<(i32, i32)>,
}

/// A chat that was opened in this run.
#[derive(Debug, Default)]
pub struct Chat {
    pub rows: Vec<Row>,
    /// Place in the history of the oldest row; 0 = nothing was asked for yet.
    pub first: u64,
    /// There is something before it.
    pub more: bool,
    pub asking: bool,
    /// The end of the chat is not loaded: there is something after the place `last`.
    pub later: bool,
    pub last: u64,
    /// The row of this place is to be shown as soon as it is there; 0 = none.
    pub jump: u64,
    /// Open questions put aside while the end is not loaded.
    pub kept: Vec<Row>,
    /// The lowest row seen, and how many pixels of it hang below the edge.
    pub bottom: usize,
    pub below: i32,
    /// New rows that came while the user was reading above.
    pub fresh: u64,
    pub draft: String,
    pub answering: Option<Answering>,
}

/// A message being answered or edited.
#[derive(Clone, Debug, PartialEq)]
pub struct Answering {
    pub message: MessageId,
    pub edit: bool,
    pub name: String,
    pub text: String,
}

/// A row seen on the screen, for clicks and selection.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub row: usize,
    pub bubble: Rect,
    pub text_x: i32,
    pub text_y: i32,
}

/// A selection: row and byte of both ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection {
    pub from: (usize, usize),
    pub to: (usize, usize),
}

/// Widgets of FLTK.
#[derive(Clone, Debug)]
pub struct Widgets {
    pub window: DoubleWindow,
    pub side: Widget,
    pub canvas: Widget,
    pub search: Input,
    pub message: MultilineInput,
    pub one: Input,
    pub two: Input,
}

/// Settings as the window knows them; the core keeps them.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub settings: Settings,
    pub name: String,
    /// The home folder: drafts and pasted pictures lie there. Empty = nothing is kept.
    pub home: PathBuf,
}

/// The bits of the last message, shown for a while.
#[derive(Clone, Debug)]
pub struct Bits {
    pub peer: Id,
    pub lines: Vec<String>,
    /// Milliseconds of the monotonic clock.
    pub since: u64,
}

/// A pasted picture that waits for a yes.
pub struct Preview {
    pub pixels: Pixels,
    pub image: Option<RgbImage>,
}

/// The picture that is looked at.
#[derive(Clone, Debug, Default)]
pub struct Viewer {
    pub path: String,
    /// Its size in pixels; `None` = cannot be shown.
    pub size: Option<(i32, i32)>,
    /// 1 = fits into the window.
    pub zoom: f64,
    /// How far it is pulled aside.
    pub pulled: (i32, i32),
    /// Where the hand took it.
    pub from: Option<(i32, i32)>,
}

/// Frames and how long they took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frames {
    pub count: u64,
    pub slow: u64,
    pub worst_us: u64,
    pub total_us: u64,
}

/// The state of the window.
pub struct Window {
    pub queues: Option<&'static Queues>,
    /// Width and height.
    pub size: (i32, i32),
    pub widgets: Widgets,
    pub texts: Texts,
    pub options: Options,
    pub palette: Palette,
    pub words: Words,
    pub me: Id,
    pub name: String,
    pub server: String,
    pub link: LinkShow,
    pub people: BTreeMap<Id, Person>,
    /// People of the left column, in its order.
    pub order: Vec<Id>,
    pub folder: Folder,
    /// Rows of buttons the folders take.
    pub folder_rows: i32,
    /// Messages found by the words in the search field, the newest first.
    pub found: Vec<MessageShow>,
    /// When they are looked for, by the monotonic clock.
    pub search_due: u64,
    pub side_scroll: i32,
    pub chats: BTreeMap<Id, Chat>,
    pub open: Option<Id>,
    pub view: View,
    /// The open section of the settings.
    pub section: usize,
    /// Installed fonts to choose from; empty = not looked for yet.
    pub fonts: Vec<String>,
    /// Scales of the screens as they were at the start.
    pub scales: Vec<f32>,
    /// One's own contact card, and where it says one can be called.
    pub card: String,
    pub doors: Vec<String>,
    /// Strangers of the local network; the core is being asked for them.
    pub near: Vec<Near>,
    pub near_asking: bool,
    /// When the licence of the server ends and what time it is there, milliseconds since 1970 UTC.
    pub licence: Option<(u64, u64)>,
    pub pictures: Pictures,
    pub viewer: Viewer,
    pub bits: Option<Bits>,
    /// What is unsent, when the window was to be closed; empty = nothing is asked.
    pub unsent: String,
    /// The hand holds the thumb of the scroll bar: how far below its top.
    pub thumb_held: Option<i32>,
    pub preview: Option<Preview>,
    /// People chosen for a new room.
    pub picked: BTreeSet<Id>,
    /// A room was just asked for: it opens as soon as it is there.
    pub room_wanted: bool,
    /// What password is wanted.
    pub wanted: String,
    pub error_one: String,
    pub error_two: String,
    pub toast: String,
    pub toast_until: u64,
    pub side_hits: Vec<(Rect, Touch)>,
    pub canvas_hits: Vec<(Rect, Touch)>,
    pub seen: Vec<Seen>,
    pub hover: Option<Touch>,
    pub selection: Option<Selection>,
    pub selecting: bool,
    /// The open menu: what it is about, its corner.
    pub menu: Option<(MenuAbout, i32, i32)>,
    /// Pixels the wheel still has to move the chat.
    pub glide: f64,
    /// Height of the message field.
    pub typed_h: i32,
    pub dragging: bool,
    /// The window has the keyboard: only then what comes counts as read.
    pub focused: bool,
    pub effects: Vec<Effect>,
    pub frames: Frames,
    /// Widths of buttons' labels.
    pub labels: BTreeMap<String, i32>,
    /// The first page was answered: name and join line.
    pub first_done: bool,
    pub leaving: bool,
}

/// Пустая строка чата такого вида.
pub fn row_new(body: Body, text: &str, outgoing: bool, at: u64) -> Row {
    Row {
        body,
        message: [0; 16],
        text: String::from(text),
        outgoing,
        sent: at,
        received: 0,
        edited: 0,
        reply: [0; 16],
        quote: None,
        author: (0, String::new()),
        number: 0,
        state: ReceiptState::Queued,
        laid: None,
    }
}

/// Значение настройки.
pub fn option(window: &Window, key: &str) -> String {
    setting_get(&window.options.settings, key)
}

/// Точка внутри прямоугольника.
pub fn inside(rect: Rect, x: i32, y: i32) -> bool {
    x >= rect.x && y >= rect.y && x < rect.x + rect.w && y < rect.y + rect.h
}

/// Что лежит под точкой: последнее нарисованное важнее.
pub fn touched(hits: &[(Rect, Touch)], x: i32, y: i32) -> Option<Touch> {
    for (rect, touch) in hits.iter().rev() {
        if inside(*rect, x, y) {
            return Some(touch.clone());
        }
    }
    None
}
