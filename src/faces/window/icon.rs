//! The icon of the window and of the tray: the picture of iconpixels, in the tray with the number
//! of unread messages; no file is needed.
//! Значок окна и лотка: рисунок из iconpixels, в лотке — с числом непрочитанного; файл не нужен.

use fltk::enums::ColorDepth;
use fltk::image::RgbImage;

use super::iconpixels::icon_pixels;

/// Side of the icon.
pub const ICON_SIDE: i32 = 64;
/// Digits, 3 by 5 points: a row is three bits, the left one first.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 2, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];
/// Side of a digit's point, its gap, margin of the badge; in 64ths of the icon.
const POINT: i32 = 7;
const GAP: i32 = 6;
const MARGIN: i32 = 5;

/// Значок: цвет — цвет темы, по краям прозрачно.
pub fn icon_make() -> Option<RgbImage> {
    let pixels = icon_pixels(ICON_SIDE);
    RgbImage::new(&pixels, ICON_SIDE, ICON_SIDE, ColorDepth::Rgba8).ok()
}

/// Точки значка RGBA, строка за строкой; `unread` больше нуля — красный кружок с числом до 99.
pub fn tray_pixels(side: i32, unread: u64) -> Vec<u8> {
    let mut pixels = icon_pixels(side);
    for row in 0..side {
        for column in 0..side {
            let (x, y) = (column * ICON_SIDE / side, row * ICON_SIDE / side);
            if let Some(point) = point(x, y, unread) {
                let at = ((row * side + column) * 4) as usize;
                pixels[at..at + 4].copy_from_slice(&point);
            }
        }
    }
    pixels
}

/// Точка плашки с числом; `None` — здесь её нет.
fn point(x: i32, y: i32, unread: u64) -> Option<[u8; 4]> {
    let (x, y, wide) = badge(x, y, unread)?;
    let lit = digits(x - MARGIN, y - MARGIN, unread);
    let corner = (x == 0 || x == wide - 1) && (y == 0 || y == POINT * 5 + MARGIN * 2 - 1);
    Some(match (corner, lit) {
        (true, _) => [0, 0, 0, 0],
        (false, true) => [255, 255, 255, 255],
        (false, false) => [0xe5, 0x39, 0x35, 255],
    })
}

/// Точка внутри плашки с числом (справа внизу): место в ней и её ширина.
fn badge(x: i32, y: i32, unread: u64) -> Option<(i32, i32, i32)> {
    if unread == 0 {
        return None;
    }
    let count = if unread > 9 { 2 } else { 1 };
    let wide = count * POINT * 3 + (count - 1) * GAP + MARGIN * 2;
    let (x, y) = (x - (ICON_SIDE - wide), y - (ICON_SIDE - POINT * 5 - MARGIN * 2));
    if x >= 0 && y >= 0 { Some((x, y, wide)) } else { None }
}

/// Точка внутри цифры числа.
fn digits(x: i32, y: i32, unread: u64) -> bool {
    let number = u64::min(unread, 99);
    let figures = if number > 9 { vec![number / 10, number % 10] } else { vec![number] };
    if x < 0 || !(0..POINT * 5).contains(&y) {
        return false;
    }
    let step = POINT * 3 + GAP;
    let Some(figure) = figures.get((x / step) as usize) else { return false };
    let column = x % step / POINT;
    let row = DIGITS[*figure as usize][(y / POINT) as usize];
    column < 3 && row >> (2 - column) & 1 == 1
}
