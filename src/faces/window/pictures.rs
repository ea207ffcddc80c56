//! Pictures: decoded and encoded by a thread of their own, so that no frame waits for them; kept
//! in memory up to a bound, the longest unseen go first. A picture from the network is only data:
//! its size and the memory for it are bounded before a pixel is read.
//! Картинки: их разбирает и складывает отдельная нить, кадр их не ждёт; в памяти они лежат до
//! предела, первыми уходят давно не виденные. Картинка из сети — лишь данные: её размер и память
//! под неё ограничены до первой точки.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::Builder;

use crossbeam_channel::{Receiver, Sender, bounded};
use fltk::app;
use fltk::enums::ColorDepth;
use fltk::image::RgbImage;
use fltk::prelude::ImageExt;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageReader, Limits};

use super::act::command;
use super::state::{Effect, PICTURES, Rect, Window};
use super::viewer::clip_take;
use supertext::base::fail::{Fail, FailKind, fail, io_try};
use supertext::base::ids::{Id, id_digits};

/// Names of pictures end so.
const ENDINGS: &[&str] = &["png", "jpg", "jpeg", "gif", "webp", "bmp"];
/// Longest side of a picture that is shown, pixels.
const SIDE_MAX: u32 = 12_000;
/// Memory that taking one apart may need.
const ALLOC_MAX: u64 = 512 * 1024 * 1024;
/// Bytes of a file that is shown.
const FILE_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of all pictures that are kept.
const KEPT_BYTES: usize = 48 * 1024 * 1024;
/// Orders and answers that wait at most.
const ORDERS_MAX: usize = 64;

/// Pixels in rows from the top, three or four bytes each.
#[derive(Clone, Debug, Default)]
pub struct Pixels {
    pub w: i32,
    pub h: i32,
    pub depth: u8,
    pub bytes: Vec<u8>,
}

/// What the thread of pictures is to do.
#[derive(Debug)]
pub enum PictureOrder {
    /// Take this file apart, no larger than a box.
    Read { path: String, most: (i32, i32) },
    /// Look whether the clipboard holds a picture.
    Clipboard,
    /// Write these pixels as PNG and tell whom the file is for.
    Write { path: String, pixels: Pixels, peer: Id },
}

/// What it did.
#[derive(Debug)]
pub enum PictureDone {
    Read { path: String, most: (i32, i32), pixels: Option<Pixels> },
    Clipboard(Clip),
    Written { path: String, peer: Id, failed: Option<Fail> },
}

/// What the clipboard holds.
#[derive(Debug)]
pub enum Clip {
    Files(Vec<String>),
    Text(String),
    Picture(Pixels),
    /// Nothing, or it cannot be read here: the toolkit may try.
    Nothing,
}

/// The queues to that thread and back.
pub struct PictureQueues {
    pub orders: (Sender<PictureOrder>, Receiver<PictureOrder>),
    pub done: (Sender<PictureDone>, Receiver<PictureDone>),
}

/// A picture that is kept: not there yet, not a picture, or ready.
pub struct Kept {
    pub image: Option<RgbImage>,
    pub asked: bool,
    pub bytes: usize,
    /// The frame that showed it last.
    pub used: u64,
}

/// Pictures by file and box.
pub type Pictures = BTreeMap<(String, i32, i32), Kept>;

/// Очереди нити картинок.
pub fn picture_queues() -> PictureQueues {
    PictureQueues { orders: bounded(ORDERS_MAX), done: bounded(ORDERS_MAX) }
}

/// Начинает нить картинок.
pub fn pictures_start() -> Result<(), Fail> {
    let spawned = Builder::new().name(String::from("pictures")).spawn(pictures_main);
    io_try(FailKind::Internal, "pictures", spawned)?;
    Ok(())
}

/// Нить картинок: заказ за заказом.
fn pictures_main() {
    while let Ok(order) = PICTURES.orders.1.recv() {
        let done = match order {
            PictureOrder::Read { path, most } => {
                let pixels = picture_read(&path, most);
                PictureDone::Read { path, most, pixels }
            }
            PictureOrder::Clipboard => PictureDone::Clipboard(clipboard_read()),
            PictureOrder::Write { path, pixels, peer } => {
                let failed = picture_write(&path, &pixels).err();
                PictureDone::Written { path, peer, failed }
            }
        };
        if PICTURES.done.0.send(done).is_err() {
            return;
        }
        app::awake();
    }
}

/// Похоже ли имя на имя картинки.
pub fn is_picture(name: &str) -> bool {
    let lower = name.to_lowercase();
    match lower.rsplit_once('.') {
        Some((_, ending)) => ENDINGS.contains(&ending),
        None => false,
    }
}

/// Размер картинки в точках по началу файла; `None` — не картинка или слишком велика.
pub fn picture_size(path: &str) -> Option<(i32, i32)> {
    let facts = std::fs::metadata(path).ok()?;
    if !facts.is_file() || facts.len() > FILE_MAX {
        return None;
    }
    let reader = ImageReader::open(path).ok()?.with_guessed_format().ok()?;
    let mut decoder = reader.into_decoder().ok()?;
    let (mut w, mut h) = decoder.dimensions();
    if let Ok(turned) = decoder.orientation() {
        use image::metadata::Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        if matches!(turned, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH) {
            (w, h) = (h, w);
        }
    }
    if w == 0 || h == 0 || w > SIDE_MAX || h > SIDE_MAX {
        return None;
    }
    Some((w as i32, h as i32))
}

/// Разбирает файл; больше коробки не бывает. `None` — не картинка или не поместится.
fn picture_read(path: &str, most: (i32, i32)) -> Option<Pixels> {
    let mut reader = ImageReader::open(path).ok()?.with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(ALLOC_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let turned = decoder.orientation().ok()?;
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(turned);
    let (wide, high) = (most.0.max(1) as u32, most.1.max(1) as u32);
    if picture.width() > wide || picture.height() > high {
        picture = picture.thumbnail(wide, high);
    }
    let (w, h) = (picture.width() as i32, picture.height() as i32);
    let clear = picture.color().has_alpha();
    let depth = if clear { 4 } else { 3 };
    let bytes =
        if clear { picture.into_rgba8().into_raw() } else { picture.into_rgb8().into_raw() };
    Some(Pixels { w, h, depth, bytes })
}

/// Пишет точки файлом PNG; папка заводится.
pub fn picture_write(path: &str, pixels: &Pixels) -> Result<(), Fail> {
    if let Some(folder) = Path::new(path).parent() {
        io_try(FailKind::FileWrite, path, std::fs::create_dir_all(folder))?;
    }
    let file = io_try(FailKind::FileWrite, path, std::fs::File::create(path))?;
    let encoder = PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::Adaptive);
    let color = if pixels.depth == 4 { ExtendedColorType::Rgba8 } else { ExtendedColorType::Rgb8 };
    let (w, h) = (pixels.w as u32, pixels.h as u32);
    match encoder.write_image(&pixels.bytes, w, h, color) {
        Ok(()) => Ok(()),
        Err(error) => Err(fail(FailKind::FileWrite, &format!("{path}: {error}"))),
    }
}

/// Что в буфере обмена: файлы, текст, а если нет ни тех, ни другого, — картинка.
fn clipboard_read() -> Clip {
    let Ok(mut clipboard) = arboard::Clipboard::new() else { return Clip::Nothing };
    if let Ok(files) = clipboard.get().file_list() {
        let mut paths = Vec::new();
        for file in files {
            paths.push(file.display().to_string());
        }
        if !paths.is_empty() {
            return Clip::Files(paths);
        }
    }
    if let Ok(said) = clipboard.get_text() {
        if !said.is_empty() {
            return Clip::Text(said);
        }
    }
    let Ok(data) = clipboard.get_image() else { return Clip::Nothing };
    let (wide, high) = (data.width, data.height);
    let side = SIDE_MAX as usize;
    let bytes = data.bytes.into_owned();
    if wide == 0 || high == 0 || wide > side || high > side || bytes.len() != wide * high * 4 {
        return Clip::Nothing;
    }
    Clip::Picture(Pixels { w: wide as i32, h: high as i32, depth: 4, bytes })
}

/// Картинка FLTK из точек.
pub fn image_of(pixels: &Pixels) -> Option<RgbImage> {
    let depth = if pixels.depth == 4 { ColorDepth::Rgba8 } else { ColorDepth::Rgb8 };
    RgbImage::new(&pixels.bytes, pixels.w, pixels.h, depth).ok()
}

/// Во сколько раз картинка уменьшается, чтобы поместиться; увеличивать незачем.
pub fn fitted(size: (i32, i32), most: (i32, i32)) -> (i32, i32) {
    let (w, h) = (f64::from(size.0.max(1)), f64::from(size.1.max(1)));
    let part = f64::min(1.0, f64::min(f64::from(most.0) / w, f64::from(most.1) / h));
    (i32::max(1, (w * part).round() as i32), i32::max(1, (h * part).round() as i32))
}

/// Рисует картинку файла в прямоугольнике; `false` — её ещё нет или это не картинка. `scale` —
/// сколько точек экрана в единице окна.
pub fn picture_draw(kept: &mut Pictures, path: &str, place: Rect, scale: f64, frame: u64) -> bool {
    let most =
        ((f64::from(place.w) * scale).ceil() as i32, (f64::from(place.h) * scale).ceil() as i32);
    let key = (String::from(path), most.0, most.1);
    let fresh = Kept { image: None, asked: false, bytes: 0, used: frame };
    let one = kept.entry(key).or_insert(fresh);
    one.used = frame;
    if let Some(image) = &mut one.image {
        image.scale(place.w, place.h, true, true);
        let (x, y) =
            (place.x + (place.w - image.width()) / 2, place.y + (place.h - image.height()) / 2);
        image.draw(x, y, image.width(), image.height());
        return true;
    }
    if !one.asked {
        let order = PictureOrder::Read { path: String::from(path), most };
        // Очередь полна — попросится со следующим кадром.
        one.asked = PICTURES.orders.0.try_send(order).is_ok();
    }
    false
}

/// Забирает сделанное нитью картинок.
pub fn pictures_drain(window: &mut Window) {
    while let Ok(done) = PICTURES.done.1.try_recv() {
        match done {
            PictureDone::Read { path, most, pixels } => {
                let key = (path, most.0, most.1);
                if let Some(one) = window.pictures.get_mut(&key) {
                    if let Some(pixels) = pixels {
                        one.bytes = pixels.bytes.len();
                        one.image = image_of(&pixels);
                    }
                }
                pictures_bound(&mut window.pictures);
            }
            PictureDone::Clipboard(clip) => clip_take(window, clip),
            PictureDone::Written { path, peer, failed: None } => {
                let words = command(&["/send", &id_digits(peer), &path]);
                window.effects.push(Effect::Words(words));
            }
            PictureDone::Written { failed: Some(failed), .. } => {
                let said = supertext::faces::texts::text_fail(&window.texts, &failed);
                super::act::toast(window, &said);
            }
        }
        window.effects.push(Effect::Redraw);
    }
}

/// Лишнее уходит: сначала то, что давно не показывали.
fn pictures_bound(kept: &mut Pictures) {
    loop {
        let mut sum = 0;
        let mut oldest: Option<(u64, (String, i32, i32))> = None;
        for (key, one) in kept.iter() {
            sum += one.bytes;
            let older = match &oldest {
                Some((used, _)) => one.used < *used,
                None => true,
            };
            if older {
                oldest = Some((one.used, key.clone()));
            }
        }
        match oldest {
            Some((_, key)) if (sum > KEPT_BYTES || kept.len() > 400) && kept.len() > 1 => {
                kept.remove(&key);
            }
            Some(_) | None => return,
        }
    }
}
