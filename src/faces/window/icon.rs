//! The icon of the window, drawn here: a bubble with a tail; no file is needed.
//! Значок окна, нарисованный здесь же: пузырь с хвостом; файл не нужен.

use fltk::enums::ColorDepth;
use fltk::image::RgbImage;

/// Side of the icon.
const SIDE: i32 = 64;

/// Значок: цвет — цвет темы, по краям прозрачно.
pub fn icon_make() -> Option<RgbImage> {
    let mut pixels = Vec::with_capacity((SIDE * SIDE * 4) as usize);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let (r, g, b) = if letter(x, y) { (255, 255, 255) } else { (0x33, 0x90, 0xec) };
            let alpha = if body(x, y) { 255 } else { 0 };
            pixels.extend_from_slice(&[r, g, b, alpha]);
        }
    }
    RgbImage::new(&pixels, SIDE, SIDE, ColorDepth::Rgba8).ok()
}

/// Точка внутри пузыря: круг или хвост слева внизу.
fn body(x: i32, y: i32) -> bool {
    let (dx, dy) = (f64::from(x) - 32.0, f64::from(y) - 30.0);
    let round = dx * dx + dy * dy <= 28.0 * 28.0;
    // Хвост сужается к левому нижнему углу.
    let tail = matches!(y, 40..=60) && x >= (y - 40) / 2 + 2 && x <= 26 - (y - 40) / 2;
    round || tail
}

/// Три строки текста внутри.
fn letter(x: i32, y: i32) -> bool {
    let line = matches!(y, 19..=22 | 29..=32 | 39..=42);
    let end = if y >= 39 { 36 } else { 46 };
    line && x >= 18 && x <= end
}
