//! Pictures by themselves: the viewer over the whole window, and the preview of a pasted one.
//! Картинки сами по себе: просмотр во всё окно и показ вставленной перед отправкой.

use fltk::app;
use fltk::enums::{Color, Key};
use fltk::prelude::{ImageExt, InputExt, WindowExt};

use super::filesend::{file_send, files_drop};
use super::form::form_open;
use super::keys::is_enter;
use super::lay::{Face, fit, word_width};
use super::paint::{BOLD, PLAIN, cross, fill, round, strokes, words, words_middle};
use super::pictures::{
    Clip, PictureOrder, fitted, image_of, is_picture, picture_draw, picture_size,
};
use super::place::{HEAD, Places, rect};
use super::state::{Body, Effect, PICTURES, Preview, Rect, Touch, View, Viewer, Window};
use super::times::stamp_name;
use super::typing::typed_measure;
use supertext::base::clock::time_now;
use supertext::faces::texts::text;

/// Behind a picture it is dark in every theme.
const DARK: Color = Color::from_hex(0x101418);
const LIGHT: Color = Color::from_hex(0xe8edf2);
/// Room around the picture.
const EDGE: i32 = 24;
/// The picture grows at most so many times.
const ZOOM_MAX: f64 = 8.0;

/// Точек экрана в единице окна.
pub fn scale_now(window: &Window) -> f64 {
    let screen = window.widgets.window.screen_num();
    f64::from(app::screen_scale(screen)).clamp(0.5, 4.0)
}

/// Картинки открытого чата, от старых к новым.
fn paths_of(window: &Window) -> Vec<String> {
    let mut paths = Vec::new();
    let Some(peer) = window.open else { return paths };
    let Some(chat) = window.chats.get(&peer) else { return paths };
    for row in &chat.rows {
        if let Body::File(file) = &row.body {
            if !file.path.is_empty() && is_picture(&file.name) {
                paths.push(file.path.clone());
            }
        }
    }
    paths
}

/// Открывает картинку во всё окно.
pub fn viewer_open(window: &mut Window, path: &str) {
    let size = picture_size(path);
    window.viewer =
        Viewer { path: String::from(path), size, zoom: 1.0, pulled: (0, 0), from: None };
    if window.view != View::Picture {
        form_open(window, View::Picture);
    }
}

/// Соседняя картинка чата.
pub fn viewer_step(window: &mut Window, by: i32) {
    let paths = paths_of(window);
    for (index, path) in paths.iter().enumerate() {
        if *path == window.viewer.path {
            let next = index as i32 + by;
            if let Some(path) = paths.get(usize::try_from(next).unwrap_or(usize::MAX)) {
                viewer_open(window, path);
            }
            break;
        }
    }
    window.effects.push(Effect::Redraw);
}

/// Колесо: ближе и дальше.
pub fn viewer_zoom(window: &mut Window, by: f64) {
    let part = if by > 0.0 { 1.25 } else { 0.8 };
    window.viewer.zoom = (window.viewer.zoom * part).clamp(1.0, ZOOM_MAX);
    if window.viewer.zoom <= 1.01 {
        window.viewer.zoom = 1.0;
        window.viewer.pulled = (0, 0);
    }
    window.effects.push(Effect::Redraw);
}

/// Рука тянет увеличенную картинку.
pub fn viewer_pull(window: &mut Window, x: i32, y: i32) {
    let Some((from_x, from_y)) = window.viewer.from else { return };
    window.viewer.pulled.0 += x - from_x;
    window.viewer.pulled.1 += y - from_y;
    window.viewer.from = Some((x, y));
    window.effects.push(Effect::Redraw);
}

/// Клавиши просмотра и показа перед отправкой.
pub fn viewer_key(window: &mut Window) -> bool {
    let preview = window.view == View::Preview;
    match app::event_key() {
        Key::Escape => {
            window.preview = None;
            form_open(window, View::Chat);
        }
        Key::Left | Key::PageUp if !preview => viewer_step(window, -1),
        Key::Right | Key::PageDown if !preview => viewer_step(window, 1),
        _ if preview && is_enter() => preview_send(window),
        _ => {}
    }
    window.effects.push(Effect::Redraw);
    true
}

/// Просмотр: картинка, имя, место в ряду, стрелки и кнопки.
pub fn viewer_draw(window: &mut Window, at: &Places) {
    let area = at.canvas;
    fill(area, DARK);
    let path = window.viewer.path.clone();
    let room = rect(area.x, HEAD, area.w, i32::max(1, area.h - HEAD - 64));
    let most = (room.w - 2 * EDGE, room.h - 8);
    if let Some(size) = window.viewer.size {
        let (w, h) = fitted(size, most);
        let zoom = window.viewer.zoom;
        let (w, h) = ((f64::from(w) * zoom) as i32, (f64::from(h) * zoom) as i32);
        let (dx, dy) = window.viewer.pulled;
        let x = room.x + (room.w - w) / 2 + dx;
        let y = room.y + (room.h - h) / 2 + dy;
        // Увеличенное берётся вдвое и вчетверо крупнее, а не при каждом шаге колеса заново.
        let finer = if zoom > 2.0 { 4.0 } else { zoom.ceil() };
        let scale = scale_now(window) * finer / zoom;
        let (place, frame) = (rect(x, y, w, h), window.frames.count);
        if !picture_draw(&mut window.pictures, &path, place, scale, frame) {
            let said = text(&window.texts, "window-picture-wait", &[]);
            words_middle(Face { font: PLAIN, size: 14 }, LIGHT, &said, room);
        }
    }
    fill(rect(area.x, 0, area.w, HEAD), DARK);
    fill(rect(area.x, area.h - 60, area.w, 60), DARK);
    let name = match std::path::Path::new(&path).file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => String::new(),
    };
    let paths = paths_of(window);
    let mut place = 0;
    for (index, one) in paths.iter().enumerate() {
        if *one == path {
            place = index + 1;
        }
    }
    let count = format!("{place} / {}", paths.len());
    let face = Face { font: BOLD, size: 15 };
    let shown = fit(&mut window.words, face, &name, f64::from(area.w - 200));
    words(face, LIGHT, &shown, area.x + 20, 34);
    let wide = word_width(&mut window.words, face, &count).ceil() as i32;
    words(face, LIGHT, &count, area.x + area.w - 66 - wide, 34);
    close_draw(window, rect(area.x + area.w - 48, 10, 36, 36));
    arrow_draw(window, rect(area.x + 8, area.h / 2 - 24, 40, 48), -1, place > 1);
    let right = rect(area.x + area.w - 48, area.h / 2 - 24, 40, 48);
    arrow_draw(window, right, 1, place > 0 && place < paths.len());
    let folder = match std::path::Path::new(&path).parent() {
        Some(folder) => folder.display().to_string(),
        None => String::new(),
    };
    let buttons =
        [("window-open", Touch::OpenPath(path)), ("window-folder", Touch::OpenPath(folder))];
    buttons_draw(window, rect(area.x, area.h - 50, area.w, 36), &buttons);
}

/// Крестик.
fn close_draw(window: &mut Window, place: Rect) {
    if window.hover == Some(Touch::Back) {
        round(place, 18, Color::from_hex(0x2a333c));
    }
    cross(place.x + 12, place.y + 12, 12, LIGHT);
    window.canvas_hits.push((place, Touch::Back));
}

/// Стрелка к соседней картинке.
fn arrow_draw(window: &mut Window, place: Rect, by: i32, there: bool) {
    if !there {
        return;
    }
    let touch = Touch::PictureStep(by);
    if window.hover.as_ref() == Some(&touch) {
        round(place, 12, Color::from_hex(0x2a333c));
    }
    let (x, y) = (f64::from(place.x + place.w / 2), f64::from(place.y + place.h / 2));
    let tip = 6.0 * f64::from(by);
    strokes(&[(x - tip, y - 10.0), (x + tip, y), (x - tip, y + 10.0)], 3, LIGHT);
    window.canvas_hits.push((place, touch));
}

/// Ряд кнопок посередине.
fn buttons_draw(window: &mut Window, place: Rect, buttons: &[(&str, Touch)]) {
    let face = Face { font: BOLD, size: 14 };
    let wide = 150;
    let many = buttons.len() as i32;
    let mut x = place.x + (place.w - many * wide - (many - 1) * 12) / 2;
    for (key, touch) in buttons {
        let one = rect(x, place.y, wide, place.h);
        let hot = window.hover.as_ref() == Some(touch);
        let back = if hot { Color::from_hex(0x3390ec) } else { Color::from_hex(0x2a333c) };
        round(one, 10, back);
        words_middle(face, LIGHT, &text(&window.texts, key, &[]), one);
        window.canvas_hits.push((one, touch.clone()));
        x += wide + 12;
    }
}

/// Прочитанное из буфера обмена: файлы отправляются, текст встаёт в поле, картинка показывается
/// перед отправкой.
pub fn clip_take(window: &mut Window, clip: Clip) {
    if window.open.is_none() || window.view != View::Chat {
        return;
    }
    match clip {
        Clip::Files(paths) => {
            for path in paths {
                file_send(window, &path);
            }
        }
        Clip::Text(said) => {
            if !files_drop(window, &said) {
                let _ = window.widgets.message.insert(&said);
                typed_measure(window);
            }
        }
        Clip::Picture(pixels) => {
            let image = image_of(&pixels);
            window.preview = Some(Preview { pixels, image });
            form_open(window, View::Preview);
        }
        Clip::Nothing => window.effects.push(Effect::PasteText),
    }
}

/// Вставленная картинка и вопрос, отправить ли её.
pub fn preview_draw(window: &mut Window, at: &Places) {
    let area = at.canvas;
    fill(area, DARK);
    let Some(preview) = &mut window.preview else { return };
    let pixels = (preview.pixels.w, preview.pixels.h);
    let most = (area.w - 2 * EDGE, i32::max(1, area.h - HEAD - 84));
    let (w, h) = fitted(pixels, most);
    let x = area.x + (area.w - w) / 2;
    let y = HEAD + (most.1 - h) / 2;
    if let Some(image) = &mut preview.image {
        image.scale(w, h, true, true);
        image.draw(x, y, w, h);
    }
    let name = match window.open {
        Some(peer) => match window.people.get(&peer) {
            Some(person) => person.name.clone(),
            None => String::new(),
        },
        None => String::new(),
    };
    let size = format!("{} × {}", pixels.0, pixels.1);
    let said = text(&window.texts, "window-preview", &[("name", name), ("size", size)]);
    let face = Face { font: BOLD, size: 15 };
    let said = fit(&mut window.words, face, &said, f64::from(area.w - 100));
    words(face, LIGHT, &said, area.x + 20, 34);
    close_draw(window, rect(area.x + area.w - 48, 10, 36, 36));
    let buttons = [("window-yes", Touch::PreviewSend), ("window-no", Touch::Back)];
    buttons_draw(window, rect(area.x, area.h - 58, area.w, 38), &buttons);
}

/// Вставленная картинка уходит: нить картинок пишет её файлом, файл отправляется.
pub fn preview_send(window: &mut Window) {
    let (Some(preview), Some(peer)) = (window.preview.take(), window.open) else { return };
    let pixels = preview.pixels;
    let name = format!("{}.png", stamp_name(time_now().wall_ms));
    let path = window.options.home.join("pasted").join(name).display().to_string();
    if PICTURES.orders.0.try_send(PictureOrder::Write { path, pixels, peer }).is_err() {
        let said = text(&window.texts, "window-picture-busy", &[]);
        super::act::toast(window, &said);
    }
    form_open(window, View::Chat);
}
