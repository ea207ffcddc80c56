//! Failures as values: a kind from one table and a detail. The kind's code is what scripts see,
//! its number travels in packets, its text in three languages lies in lang/ under `fail-CODE`.
//! Ошибки как значения: вид из одной таблицы и подробность. Код вида видят скрипты, номер ходит
//! в пакетах, тексты на трёх языках лежат в lang/ под именем `fail-КОД`.

/// What went wrong. The order is fixed: the number of a kind travels on the wire, so new kinds
/// are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum FailKind {
    None,
    Resolve,
    Connect,
    Listen,
    SocketRead,
    SocketWrite,
    Tls,
    LinkClosed,
    LinkSilent,
    HelloMissing,
    HelloVersion,
    ServerUnknown,
    ServerWrong,
    CertificateBad,
    TypeUnknown,
    SizeOver,
    SourceFalse,
    BeforeHello,
    NotAllowed,
    BodyBad,
    IdTaken,
    IdBad,
    KeyBad,
    HomeBusy,
    HomeBad,
    FileMissing,
    FileRead,
    FileWrite,
    DiskFull,
    FileChanged,
    Integrity,
    LimitsBad,
    SettingsBad,
    CommandUnknown,
    ArgumentMissing,
    ArgumentBad,
    ContactUnknown,
    NameAmbiguous,
    TransferUnknown,
    QuestionUnknown,
    QuestionMany,
    BudgetMessages,
    BudgetFiles,
    TextTooLong,
    PeerMissing,
    SignedElsewhere,
    ServerFull,
    PeerSlow,
    PeerBusy,
    PeerOffline,
    Refused,
    Cancelled,
    Leaving,
    Unsent,
    Blocked,
    ServerMissing,
    OutboxFull,
    JournalBad,
    Internal,
    SignatureBad,
    SealBroken,
    KeyChanged,
    KeysMissing,
    PeerUnknown,
    MailboxFull,
    BaseDamaged,
    MessageUnknown,
    NotEditable,
    NameTaken,
    PasswordWrong,
    PasswordShort,
    TryLater,
    AccountMissing,
    NumberWrong,
    Stranger,
    RequestMissing,
    KeyUnchanged,
    KeyUnknown,
    HomeUsed,
    AccountPresent,
    PasswordsDiffer,
    FolderBad,
    LicenceBad,
    RoomUnknown,
    RoomOwner,
    RoomFull,
    RoomEmpty,
    RoomOnly,
    MemberUnknown,
    LinkDouble,
    CardBad,
    PersonWrong,
    LinkMissing,
    StoreFull,
    ServerDisk,
}

/// One row of the table of failures.
#[derive(Debug)]
pub struct FailRow {
    pub kind: FailKind,
    /// Stable code for scripts; the text is `fail-CODE` in lang/.
    pub code: &'static str,
    /// Exit code of the program when this failure ends it (docs/faces.md).
    pub exit: u8,
}

/// Строка таблицы.
const fn row(kind: FailKind, code: &'static str, exit: u8) -> FailRow {
    FailRow { kind, code, exit }
}

/// All failures, in the order of their numbers (a test checks that).
pub const FAILS: &[FailRow] = &[
    row(FailKind::None, "none", 0),
    row(FailKind::Resolve, "resolve", 3),
    row(FailKind::Connect, "connect", 3),
    row(FailKind::Listen, "listen", 3),
    row(FailKind::SocketRead, "socket-read", 3),
    row(FailKind::SocketWrite, "socket-write", 3),
    row(FailKind::Tls, "tls", 3),
    row(FailKind::LinkClosed, "link-closed", 3),
    row(FailKind::LinkSilent, "link-silent", 3),
    row(FailKind::HelloMissing, "hello-missing", 3),
    row(FailKind::HelloVersion, "hello-version", 3),
    row(FailKind::ServerUnknown, "server-unknown", 4),
    row(FailKind::ServerWrong, "server-wrong", 4),
    row(FailKind::CertificateBad, "certificate-bad", 4),
    row(FailKind::TypeUnknown, "type-unknown", 3),
    row(FailKind::SizeOver, "size-over", 3),
    row(FailKind::SourceFalse, "source-false", 3),
    row(FailKind::BeforeHello, "before-hello", 3),
    row(FailKind::NotAllowed, "not-allowed", 3),
    row(FailKind::BodyBad, "body-bad", 3),
    row(FailKind::IdTaken, "id-taken", 4),
    row(FailKind::IdBad, "id-bad", 2),
    row(FailKind::KeyBad, "key-bad", 4),
    row(FailKind::HomeBusy, "home-busy", 0),
    row(FailKind::HomeBad, "home-bad", 1),
    row(FailKind::FileMissing, "file-missing", 1),
    row(FailKind::FileRead, "file-read", 1),
    row(FailKind::FileWrite, "file-write", 1),
    row(FailKind::DiskFull, "disk-full", 1),
    row(FailKind::FileChanged, "file-changed", 5),
    row(FailKind::Integrity, "integrity", 5),
    row(FailKind::LimitsBad, "limits-bad", 1),
    row(FailKind::SettingsBad, "settings-bad", 1),
    row(FailKind::CommandUnknown, "command-unknown", 2),
    row(FailKind::ArgumentMissing, "argument-missing", 2),
    row(FailKind::ArgumentBad, "argument-bad", 2),
    row(FailKind::ContactUnknown, "contact-unknown", 2),
    row(FailKind::NameAmbiguous, "name-ambiguous", 2),
    row(FailKind::TransferUnknown, "transfer-unknown", 2),
    row(FailKind::QuestionUnknown, "question-unknown", 2),
    row(FailKind::QuestionMany, "question-many", 2),
    row(FailKind::BudgetMessages, "budget-messages", 1),
    row(FailKind::BudgetFiles, "budget-files", 1),
    row(FailKind::TextTooLong, "text-too-long", 2),
    row(FailKind::PeerMissing, "peer-missing", 2),
    row(FailKind::SignedElsewhere, "signed-elsewhere", 4),
    row(FailKind::ServerFull, "server-full", 3),
    row(FailKind::PeerSlow, "peer-slow", 3),
    row(FailKind::PeerBusy, "peer-busy", 3),
    row(FailKind::PeerOffline, "peer-offline", 3),
    row(FailKind::Refused, "refused", 1),
    row(FailKind::Cancelled, "cancelled", 1),
    row(FailKind::Leaving, "leaving", 0),
    row(FailKind::Unsent, "unsent", 1),
    row(FailKind::Blocked, "blocked", 1),
    row(FailKind::ServerMissing, "server-missing", 2),
    row(FailKind::OutboxFull, "outbox-full", 1),
    row(FailKind::JournalBad, "journal-bad", 1),
    row(FailKind::Internal, "internal", 1),
    row(FailKind::SignatureBad, "signature-bad", 1),
    row(FailKind::SealBroken, "seal-broken", 1),
    row(FailKind::KeyChanged, "key-changed", 4),
    row(FailKind::KeysMissing, "keys-missing", 1),
    row(FailKind::PeerUnknown, "peer-unknown", 1),
    row(FailKind::MailboxFull, "mailbox-full", 1),
    row(FailKind::BaseDamaged, "base-damaged", 1),
    row(FailKind::MessageUnknown, "message-unknown", 2),
    row(FailKind::NotEditable, "not-editable", 2),
    row(FailKind::NameTaken, "name-taken", 2),
    row(FailKind::PasswordWrong, "password-wrong", 4),
    row(FailKind::PasswordShort, "password-short", 2),
    row(FailKind::TryLater, "try-later", 1),
    row(FailKind::AccountMissing, "account-missing", 2),
    row(FailKind::NumberWrong, "number-wrong", 4),
    row(FailKind::Stranger, "stranger", 1),
    row(FailKind::RequestMissing, "request-missing", 2),
    row(FailKind::KeyUnchanged, "key-unchanged", 2),
    row(FailKind::KeyUnknown, "key-unknown", 2),
    row(FailKind::HomeUsed, "home-used", 2),
    row(FailKind::AccountPresent, "account-present", 2),
    row(FailKind::PasswordsDiffer, "passwords-differ", 2),
    row(FailKind::FolderBad, "folder-bad", 2),
    row(FailKind::LicenceBad, "licence-bad", 2),
    row(FailKind::RoomUnknown, "room-unknown", 2),
    row(FailKind::RoomOwner, "room-owner", 2),
    row(FailKind::RoomFull, "room-full", 2),
    row(FailKind::RoomEmpty, "room-empty", 2),
    row(FailKind::RoomOnly, "room-only", 2),
    row(FailKind::MemberUnknown, "member-unknown", 2),
    row(FailKind::LinkDouble, "link-double", 1),
    row(FailKind::CardBad, "card-bad", 2),
    row(FailKind::PersonWrong, "person-wrong", 4),
    row(FailKind::LinkMissing, "link-missing", 2),
    row(FailKind::StoreFull, "store-full", 1),
    row(FailKind::ServerDisk, "server-disk", 1),
];

/// A failure: its kind and what it was about (a path, an address, the system's own words).
#[derive(Clone, Debug, PartialEq)]
pub struct Fail {
    pub kind: FailKind,
    pub detail: String,
}

/// Создаёт ошибку из вида и подробности.
pub fn fail(kind: FailKind, detail: &str) -> Fail {
    Fail { kind, detail: String::from(detail) }
}

/// Строка таблицы для вида ошибки.
pub fn fail_row(kind: FailKind) -> &'static FailRow {
    &FAILS[kind as usize]
}

/// Вид ошибки по номеру из пакета; неизвестный номер (новая версия) становится `Internal`.
pub fn fail_kind_of(number: u16) -> FailKind {
    match FAILS.get(number as usize) {
        Some(found) => found.kind,
        None => FailKind::Internal,
    }
}

/// Ошибка одной английской строкой, для журнала и stderr до загрузки языка.
pub fn fail_line(fail: &Fail) -> String {
    format!("{}: {}", fail_row(fail.kind).code, fail.detail)
}

/// Переводит ошибку ввода-вывода в нашу. Полный диск узнаётся здесь, один раз для всех.
pub fn io_try<T>(kind: FailKind, what: &str, result: std::io::Result<T>) -> Result<T, Fail> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => {
            let full = error.kind() == std::io::ErrorKind::StorageFull
                || error.kind() == std::io::ErrorKind::QuotaExceeded;
            let kind = if full { FailKind::DiskFull } else { kind };
            Err(Fail { kind, detail: format!("{what}: {error}") })
        }
    }
}
