//! Font and size of everything: what is installed, what the settings want, putting it in force.
//! Шрифт и размер всего: что есть на машине, чего хотят настройки, как это вступает в силу.

use fltk::app;
use fltk::enums::Font;

use super::run::widgets_place;
use super::settings::fonts_find;
use super::shows::layouts_drop;
use super::state::{WINDOW, option};

/// Size of the letters that needs no scaling.
const SIZE: f32 = 15.0;

/// Узнаёт, какие шрифты стоят на машине; это небыстро, поэтому — когда их впервые показывают.
pub fn fonts_load() {
    let installed = app::get_font_names();
    let Ok(mut guard) = WINDOW.try_lock() else { return };
    if let Some(window) = guard.as_mut() {
        window.fonts = fonts_find(&installed);
    }
}

/// Имена обычного и жирного шрифтов; пустое — выбор программы.
fn font_names(wanted: &str) -> Option<(String, String)> {
    if cfg!(windows) {
        let name = if wanted.is_empty() { "Segoe UI" } else { wanted };
        return Some((format!(" {name}"), format!("B{name}")));
    }
    match (wanted, cfg!(target_os = "linux")) {
        ("", true) => Some((String::from("Noto Sans"), String::from("Noto Sans Bold"))),
        ("", false) => None,
        (name, _) => Some((String::from(name), format!("{name} Bold"))),
    }
}

/// Ставит шрифт этого имени.
pub fn font_set(wanted: &str) {
    if let Some((plain, bold)) = font_names(wanted) {
        Font::set_font(Font::Helvetica, &plain);
        Font::set_font(Font::HelveticaBold, &bold);
    }
}

/// Шрифт и размер по настройкам; всё раскладывается заново.
pub fn font_apply() {
    let (font, size, scales) = {
        let Ok(mut guard) = WINDOW.try_lock() else { return };
        let Some(window) = guard.as_mut() else { return };
        if window.scales.is_empty() {
            for screen in 0..app::screen_count() {
                window.scales.push(app::screen_scale(screen));
            }
        }
        window.words.clear();
        window.labels.clear();
        layouts_drop(window);
        let size = option(window, "font_size").parse::<f32>().unwrap_or(SIZE);
        (option(window, "font"), size, window.scales.clone())
    };
    font_set(&font);
    for (screen, scale) in scales.iter().enumerate() {
        let wanted = scale * f32::clamp(size, 8.0, 40.0) / SIZE;
        if (app::screen_scale(screen as i32) - wanted).abs() > 0.01 {
            app::set_screen_scale(screen as i32, wanted);
        }
    }
    widgets_place();
}
