//! What a hand may touch and what follows: pages, folders, clicks, effects, fields.
//! К чему может прикоснуться рука и что из этого следует: страницы, папки, щелчки, действия, поля.

use supertext::base::ids::Id;
use supertext::wire::message::MessageId;

/// What the right side shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    First,
    Chat,
    Add,
    Settings,
    /// The core waits for a password.
    Password,
    /// The page of the person of the open chat.
    Person,
    /// A new room: its name and who is in it.
    Room,
    /// One picture, as large as the window.
    Picture,
    /// A pasted picture, before it is sent.
    Preview,
}

/// Which people the left column shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    All,
    Unread,
    /// One of one's own.
    Own(String),
    Spam,
}

/// What a click does.
#[derive(Clone, Debug, PartialEq)]
pub enum Touch {
    Person(Id),
    Folder(Folder),
    /// A found message: whose chat and its place there.
    Found(Id, u64),
    Gear,
    Plus,
    /// The page of a new room; the room itself.
    RoomNew,
    RoomGo,
    CopyId,
    Back,
    AddGo,
    PasswordGo,
    FirstGo,
    Send,
    Attach,
    Down,
    AnswerDrop,
    Quote(MessageId),
    Link(String),
    /// A command, exactly its words.
    Words(Vec<String>),
    Ask {
        token: u64,
        yes: bool,
    },
    OpenPath(String),
    /// What is typed in this field becomes a setting.
    Save(Field),
    CopyText(String),
    /// A stranger nearby: the page of a new person with his id.
    NearAdd(Id),
    /// A picture of the chat, to look at it large.
    Picture(String),
    /// The next or the previous one.
    PictureStep(i32),
    PreviewSend,
    /// A section of the settings.
    Section(usize),
    ToastDrop,
    /// A line of the open menu.
    Menu(&'static str),
    /// The page of the person of the open chat.
    HeadPage,
    /// The warning about unsent things is put aside, or the program left in spite of it.
    Stay,
    LeaveNow,
    /// The thumb of the chat's scroll bar.
    Thumb,
    /// The menu of the person of the open chat.
    HeadMenu,
    Bubble(usize),
}

/// What a menu is about: a row of the open chat or its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MenuAbout {
    Row(usize),
    Person,
}

/// What is done after the lock is let go.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Words(Vec<String>),
    Copy(String),
    Focus(Field),
    Choose,
    OpenPath(String),
    Title(String),
    /// Widgets take their places and colours anew.
    Place,
    Redraw,
    Glide,
    ToastLater,
    /// The bits grow paler.
    Fade,
    /// A password for the core; an empty one cancels.
    Secret(String),
    /// A hand instead of an arrow.
    Hand(bool),
    Leave(u8),
    /// Put in what the clipboard holds.
    Paste,
    /// The same by the toolkit, where the clipboard could not be read.
    PasteText,
    /// Ask again who is nearby, a little later.
    Near,
    /// Find out which fonts are installed.
    Fonts,
    /// Put the font and the size of the settings in force.
    Font,
}

/// Fields a person types into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Message,
    One,
    Two,
}
