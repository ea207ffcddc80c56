//! The icon of the window; its picture is drawn in iconpixels, no file is needed.
//! Значок окна; рисунок его — в iconpixels, файл не нужен.

use fltk::enums::ColorDepth;
use fltk::image::RgbImage;

use super::iconpixels::icon_pixels;

/// Side of the icon.
const SIDE: i32 = 64;

/// Значок: цвет — цвет темы, по краям прозрачно.
pub fn icon_make() -> Option<RgbImage> {
    RgbImage::new(&icon_pixels(SIDE), SIDE, SIDE, ColorDepth::Rgba8).ok()
}
