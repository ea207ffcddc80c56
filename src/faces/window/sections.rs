//! The table of settings and of a person's page: sections, their lines, what each line does.
//! Таблица настроек и страницы человека: разделы, их строки и что делает каждая.

/// What a line about the program tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    Id,
    Server,
    Licence,
    Version,
    Home,
    /// The id of the person whose page is open.
    Person,
}

/// One line of a section.
#[derive(Debug)]
pub enum Line {
    /// One of several values; a text that begins with `=` is shown as it is.
    Choice {
        label: &'static str,
        key: &'static str,
        choices: &'static [(&'static str, &'static str)],
    },
    /// A value that is typed; `key` empty: only the buttons below use it; a command: it is done.
    Typed { label: &'static str, key: &'static str, hint: &'static str },
    /// Buttons: label and command; `$` stands for what is typed in the first field.
    Buttons(&'static [(&'static str, &'static [&'static str])]),
    /// Something to know and to copy.
    Fact { label: &'static str, fact: Fact },
    /// Installed fonts to choose from.
    Fonts,
    /// One's own card.
    Card,
    /// Strangers of the local network, down to the lower edge.
    Nearby,
}

/// One section.
#[derive(Debug)]
pub struct SectionRow {
    pub label: &'static str,
    pub lines: &'static [Line],
}

/// On and off.
const SWITCH: &[(&str, &str)] = &[("on", "window-on"), ("off", "window-off")];

/// All settings of the window. At most two typed lines in a section: there are two fields.
pub const SECTIONS: &[SectionRow] = &[
    SectionRow {
        label: "window-part-general",
        lines: &[
            Line::Typed { label: "window-first-name", key: "name", hint: "window-hint-name" },
            Line::Choice {
                label: "window-set-language",
                key: "lang",
                choices: &[("ru", "=Русский"), ("en", "=English"), ("zh", "=中文")],
            },
            Line::Choice {
                label: "window-set-send",
                key: "send_key",
                choices: &[("enter", "=Enter"), ("ctrl_enter", "=Ctrl+Enter")],
            },
        ],
    },
    SectionRow {
        label: "window-part-look",
        lines: &[
            Line::Choice {
                label: "window-set-theme",
                key: "theme",
                choices: &[
                    ("system", "window-theme-system"),
                    ("light", "window-theme-light"),
                    ("dark", "window-theme-dark"),
                ],
            },
            Line::Choice {
                label: "window-set-size",
                key: "font_size",
                choices: &[
                    ("13", "window-size-small"),
                    ("15", "window-size-normal"),
                    ("18", "window-size-large"),
                    ("22", "window-size-huge"),
                ],
            },
            Line::Fonts,
        ],
    },
    SectionRow {
        label: "window-part-notices",
        lines: &[
            Line::Choice {
                label: "window-set-notifications",
                key: "notifications",
                choices: SWITCH,
            },
            Line::Choice { label: "window-set-notify-text", key: "notify_text", choices: SWITCH },
            Line::Choice { label: "window-set-sounds", key: "sounds", choices: SWITCH },
            Line::Choice { label: "window-set-tray", key: "close_to_tray", choices: SWITCH },
        ],
    },
    SectionRow {
        label: "window-part-messages",
        lines: &[
            Line::Choice {
                label: "window-set-from",
                key: "accept_from",
                choices: &[("anyone", "window-from-anyone"), ("contacts", "window-from-contacts")],
            },
            Line::Choice {
                label: "window-set-carry",
                key: "carry",
                choices: &[
                    ("on", "window-carry-on"),
                    ("own", "window-carry-own"),
                    ("off", "window-carry-off"),
                ],
            },
            Line::Choice { label: "window-set-keep", key: "keep", choices: SWITCH },
            Line::Choice { label: "window-set-bits", key: "bits", choices: SWITCH },
            Line::Buttons(&[
                ("window-export-text", &["/export", "text"]),
                ("window-export-json", &["/export", "json"]),
                ("window-spam-list", &["/spam"]),
            ]),
        ],
    },
    SectionRow {
        label: "window-part-files",
        lines: &[
            Line::Choice {
                label: "window-set-files",
                key: "accept_files",
                choices: &[
                    ("off", "window-files-ask"),
                    ("images", "window-files-images"),
                    ("on", "window-files-take"),
                ],
            },
            Line::Typed {
                label: "window-set-downloads",
                key: "downloads",
                hint: "window-hint-downloads",
            },
            Line::Typed { label: "window-set-rate", key: "rate", hint: "window-hint-rate" },
        ],
    },
    SectionRow {
        label: "window-part-budgets",
        lines: &[
            Line::Typed { label: "window-set-messages", key: "messages", hint: "" },
            Line::Typed { label: "window-set-packets", key: "files", hint: "window-hint-budgets" },
            Line::Buttons(&[("window-limits", &["/limits"]), ("window-transfers", &["/files"])]),
        ],
    },
    SectionRow {
        label: "window-part-account",
        lines: &[
            Line::Typed { label: "window-set-account", key: "", hint: "window-hint-account" },
            Line::Buttons(&[
                ("window-register", &["/register", "$"]),
                ("window-login", &["/login", "$"]),
                ("window-find", &["/find", "$"]),
            ]),
            Line::Buttons(&[
                ("window-account", &["/account"]),
                ("window-new-password", &["/password"]),
            ]),
        ],
    },
    SectionRow {
        label: "window-part-near",
        lines: &[
            Line::Card,
            Line::Buttons(&[
                ("window-card-copy", &["copy", "card"]),
                ("window-card-again", &["/card"]),
                ("window-peers", &["/peers"]),
            ]),
            Line::Typed { label: "window-connect-card", key: "/connect", hint: "window-hint-card" },
            Line::Nearby,
        ],
    },
    SectionRow {
        label: "window-part-keys",
        lines: &[
            Line::Fact { label: "window-fact-id", fact: Fact::Id },
            Line::Fact { label: "window-fact-server", fact: Fact::Server },
            Line::Buttons(&[
                ("window-status", &["/status"]),
                ("window-cert-folder", &["open", "cert"]),
            ]),
        ],
    },
    SectionRow {
        label: "window-part-about",
        lines: &[
            Line::Fact { label: "window-fact-version", fact: Fact::Version },
            Line::Fact { label: "window-fact-licence", fact: Fact::Licence },
            Line::Fact { label: "window-fact-home", fact: Fact::Home },
            Line::Buttons(&[
                ("window-help", &["/help"]),
                ("window-home-folder", &["open", ""]),
                ("window-log", &["open", "supertext.log"]),
            ]),
        ],
    },
];

/// What can be seen and changed about a contact; `@` stands for his id.
pub const PERSON: &[Line] = &[
    Line::Fact { label: "window-person-id", fact: Fact::Person },
    Line::Typed { label: "window-person-name", key: "@name", hint: "" },
    Line::Typed { label: "window-person-folder", key: "@folder", hint: "window-hint-folder" },
    Line::Buttons(&[
        ("window-verify", &["/verify", "@"]),
        ("window-topup-messages", &["/topup", "@", "messages", "1000"]),
        ("window-topup-files", &["/topup", "@", "files", "10000"]),
    ]),
    Line::Buttons(&[
        ("window-keep-on", &["/keep", "@", "on"]),
        ("window-keep-off", &["/keep", "@", "off"]),
        ("window-export", &["/export", "@", "text"]),
    ]),
    Line::Buttons(&[
        ("window-clear", &["/clear", "@"]),
        ("window-block", &["/block", "@"]),
        ("window-remove", &["/remove", "@"]),
        ("window-disconnect", &["/disconnect", "@"]),
    ]),
];

/// What can be seen and changed about a room; `$2` stands for what is typed in the second field.
pub const ROOM: &[Line] = &[
    Line::Fact { label: "window-person-id", fact: Fact::Person },
    Line::Typed { label: "window-room-name", key: "@name", hint: "" },
    Line::Typed { label: "window-room-who", key: "", hint: "window-hint-who" },
    Line::Buttons(&[
        ("window-room-invite", &["/invite", "@", "$2"]),
        ("window-room-expel", &["/expel", "@", "$2"]),
        ("window-room-list", &["/members", "@"]),
    ]),
    Line::Buttons(&[
        ("window-keep-on", &["/keep", "@", "on"]),
        ("window-keep-off", &["/keep", "@", "off"]),
        ("window-export", &["/export", "@", "text"]),
    ]),
    Line::Buttons(&[("window-clear", &["/clear", "@"]), ("window-room-leave", &["/leave", "@"])]),
];
