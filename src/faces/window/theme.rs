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
    side: Color::from_hex(0xff_ff_ff),
    chat: Color::from_hex(0xdd_e6_ee),
    line: Color::from_hex(0xe4_e7_ea),
    field: Color::from_hex(0xf1_f3_f5),
    text: Color::from_hex(0x0f_14_19),
    quiet: Color::from_hex(0x84_8e_98),
    accent: Color::from_hex(0x33_90_ec),
    chosen: Color::from_hex(0x33_90_ec),
    chosen_text: Color::from_hex(0xff_ff_ff),
    chosen_quiet: Color::from_hex(0xd8_ea_fc),
    hover: Color::from_hex(0xf3_f5_f7),
    bubble_in: Color::from_hex(0xff_ff_ff),
    bubble_out: Color::from_hex(0xe3_fe_e0),
    out_quiet: Color::from_hex(0x62_ac_55),
    tick: Color::from_hex(0x33_90_ec),
    badge: Color::from_hex(0x33_90_ec),
    badge_text: Color::from_hex(0xff_ff_ff),
    online: Color::from_hex(0x2f_a8_4f),
    offline: Color::from_hex(0xd0_80_80),
    refused: Color::from_hex(0x9a_a2_aa),
    warn: Color::from_hex(0xd9_45_3d),
    select: Color::from_hex(0xb5_d7_fa),
    track_in: Color::from_hex(0xe2_e6_ea),
    track_out: Color::from_hex(0xbd_e3_b8),
    pill: Color::from_hex(0x93_ac_c0),
    pill_text: Color::from_hex(0xff_ff_ff),
    button: Color::from_hex(0xe8_f3_fd),
    button_text: Color::from_hex(0x1f_7a_d4),
    thumb: Color::from_hex(0xa9_b6_c1),
};

/// The dark theme.
pub const DARK: Palette = Palette {
    side: Color::from_hex(0x17_21_2b),
    chat: Color::from_hex(0x0e_16_21),
    line: Color::from_hex(0x0f_19_23),
    field: Color::from_hex(0x24_2f_3d),
    text: Color::from_hex(0xf3_f5_f7),
    quiet: Color::from_hex(0x7f_91_a4),
    accent: Color::from_hex(0x5d_b2_f2),
    chosen: Color::from_hex(0x2b_52_78),
    chosen_text: Color::from_hex(0xff_ff_ff),
    chosen_quiet: Color::from_hex(0xb9_d0_e6),
    hover: Color::from_hex(0x1f_2b_37),
    bubble_in: Color::from_hex(0x18_25_33),
    bubble_out: Color::from_hex(0x2b_52_78),
    out_quiet: Color::from_hex(0x8f_b8_dd),
    tick: Color::from_hex(0x6c_c3_ff),
    badge: Color::from_hex(0x40_82_bc),
    badge_text: Color::from_hex(0xff_ff_ff),
    online: Color::from_hex(0x4d_cd_5e),
    offline: Color::from_hex(0xc9_84_84),
    refused: Color::from_hex(0x7f_8a_94),
    warn: Color::from_hex(0xf0_6b_64),
    select: Color::from_hex(0x3f_73_a6),
    track_in: Color::from_hex(0x0f_17_20),
    track_out: Color::from_hex(0x1c_39_56),
    pill: Color::from_hex(0x1e_2c_3a),
    pill_text: Color::from_hex(0xc6_d3_e0),
    button: Color::from_hex(0x22_36_4a),
    button_text: Color::from_hex(0x7c_c4_ff),
    thumb: Color::from_hex(0x5a_6b_7c),
};

/// Colours of avatars; a person keeps his by his id.
pub const AVATARS: &[Color] = &[
    Color::from_hex(0xe1_70_76),
    Color::from_hex(0x7b_c8_62),
    Color::from_hex(0x65_aa_dd),
    Color::from_hex(0xa6_95_e7),
    Color::from_hex(0xee_7a_ae),
    Color::from_hex(0xfa_a0_4c),
    Color::from_hex(0x5c_c2_be),
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
