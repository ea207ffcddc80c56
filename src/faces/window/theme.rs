//! Colours of the window, light and dark, and what theme the system wants.
//! Цвета окна, светлые и тёмные, и какую тему хочет система.

use fltk::enums::Color;

/// All colours of a theme.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    pub side: Color,
    pub chat: Color,
    pub line: Color,
    pub field: Color,
    pub text: Color,
    pub quiet: Color,
    pub accent: Color,
    pub chosen: Color,
    pub chosen_text: Color,
    pub chosen_quiet: Color,
    pub hover: Color,
    pub bubble_in: Color,
    pub bubble_out: Color,
    pub out_quiet: Color,
    pub tick: Color,
    pub badge: Color,
    pub badge_text: Color,
    pub online: Color,
    pub offline: Color,
    pub refused: Color,
    pub warn: Color,
    pub select: Color,
    pub track_in: Color,
    pub track_out: Color,
    pub pill: Color,
    pub pill_text: Color,
    pub button: Color,
    pub button_text: Color,
    pub thumb: Color,
}

/// The light theme.
pub const LIGHT: Palette = Palette {
    side: Color::from_hex(0xffffff),
    chat: Color::from_hex(0xdde6ee),
    line: Color::from_hex(0xe4e7ea),
    field: Color::from_hex(0xf1f3f5),
    text: Color::from_hex(0x0f1419),
    quiet: Color::from_hex(0x848e98),
    accent: Color::from_hex(0x3390ec),
    chosen: Color::from_hex(0x3390ec),
    chosen_text: Color::from_hex(0xffffff),
    chosen_quiet: Color::from_hex(0xd8eafc),
    hover: Color::from_hex(0xf3f5f7),
    bubble_in: Color::from_hex(0xffffff),
    bubble_out: Color::from_hex(0xe3fee0),
    out_quiet: Color::from_hex(0x62ac55),
    tick: Color::from_hex(0x3390ec),
    badge: Color::from_hex(0x3390ec),
    badge_text: Color::from_hex(0xffffff),
    online: Color::from_hex(0x2fa84f),
    offline: Color::from_hex(0xd08080),
    refused: Color::from_hex(0x9aa2aa),
    warn: Color::from_hex(0xd9453d),
    select: Color::from_hex(0xb5d7fa),
    track_in: Color::from_hex(0xe2e6ea),
    track_out: Color::from_hex(0xbde3b8),
    pill: Color::from_hex(0x93acc0),
    pill_text: Color::from_hex(0xffffff),
    button: Color::from_hex(0xe8f3fd),
    button_text: Color::from_hex(0x1f7ad4),
    thumb: Color::from_hex(0xa9b6c1),
};

/// The dark theme.
pub const DARK: Palette = Palette {
    side: Color::from_hex(0x17212b),
    chat: Color::from_hex(0x0e1621),
    line: Color::from_hex(0x0f1923),
    field: Color::from_hex(0x242f3d),
    text: Color::from_hex(0xf3f5f7),
    quiet: Color::from_hex(0x7f91a4),
    accent: Color::from_hex(0x5db2f2),
    chosen: Color::from_hex(0x2b5278),
    chosen_text: Color::from_hex(0xffffff),
    chosen_quiet: Color::from_hex(0xb9d0e6),
    hover: Color::from_hex(0x1f2b37),
    bubble_in: Color::from_hex(0x182533),
    bubble_out: Color::from_hex(0x2b5278),
    out_quiet: Color::from_hex(0x8fb8dd),
    tick: Color::from_hex(0x6cc3ff),
    badge: Color::from_hex(0x4082bc),
    badge_text: Color::from_hex(0xffffff),
    online: Color::from_hex(0x4dcd5e),
    offline: Color::from_hex(0xc98484),
    refused: Color::from_hex(0x7f8a94),
    warn: Color::from_hex(0xf06b64),
    select: Color::from_hex(0x3f73a6),
    track_in: Color::from_hex(0x0f1720),
    track_out: Color::from_hex(0x1c3956),
    pill: Color::from_hex(0x1e2c3a),
    pill_text: Color::from_hex(0xc6d3e0),
    button: Color::from_hex(0x22364a),
    button_text: Color::from_hex(0x7cc4ff),
    thumb: Color::from_hex(0x5a6b7c),
};

/// Colours of avatars; a person keeps his by his id.
pub const AVATARS: &[Color] = &[
    Color::from_hex(0xe17076),
    Color::from_hex(0x7bc862),
    Color::from_hex(0x65aadd),
    Color::from_hex(0xa695e7),
    Color::from_hex(0xee7aae),
    Color::from_hex(0xfaa04c),
    Color::from_hex(0x5cc2be),
];

/// Цвета по слову настройки: `light`, `dark`, иначе — как у системы.
pub fn palette_of(theme: &str) -> Palette {
    match theme {
        "light" => LIGHT,
        "dark" => DARK,
        _ => {
            if system_dark() {
                DARK
            } else {
                LIGHT
            }
        }
    }
}

/// Тёмная ли тема у рабочего стола: окружение и файлы настроек GTK и KDE.
fn system_dark() -> bool {
    if let Ok(name) = std::env::var("GTK_THEME") {
        return name.to_lowercase().contains("dark");
    }
    let base = match std::env::var("XDG_CONFIG_HOME") {
        Ok(path) => path,
        Err(_) => format!("{}/.config", std::env::var("HOME").unwrap_or_default()),
    };
    for name in ["gtk-4.0/settings.ini", "gtk-3.0/settings.ini", "kdeglobals"] {
        let Ok(text) = std::fs::read_to_string(format!("{base}/{name}")) else {
            continue;
        };
        for line in text.lines() {
            let line = line.trim().to_lowercase();
            let wants = line == "gtk-application-prefer-dark-theme=1"
                || line == "gtk-application-prefer-dark-theme=true";
            let named = line.starts_with("gtk-theme-name=") || line.starts_with("colorscheme=");
            if wants || (named && line.contains("dark")) {
                return true;
            }
        }
    }
    false
}
