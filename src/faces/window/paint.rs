//! Shapes: rounded boxes, bubbles with a tail, circles, ticks, small pictures drawn by lines.
//! Knows nothing of messages.
//! Фигуры: скруглённые прямоугольники, пузыри с хвостом, круги, галочки, значки из линий. О
//! сообщениях здесь ничего не известно.

use fltk::draw;
use fltk::enums::{Color, Font};

use super::audit::{clip_note, words_note};
use super::lay::Face;
use super::state::Rect;
use super::theme::AVATARS;

/// Plain and bold faces of every size.
pub const PLAIN: Font = Font::Helvetica;
/// The bold one.
pub const BOLD: Font = Font::HelveticaBold;

/// Прямоугольник.
pub fn fill(rect: Rect, color: Color) {
    draw::set_draw_color(color);
    draw::draw_rectf(rect.x, rect.y, rect.w, rect.h);
}

/// Скруглённый прямоугольник: многоугольник с дугами по углам.
pub fn round(rect: Rect, radius: i32, color: Color) {
    corners(rect, [radius, radius, radius, radius], color);
}

/// Прямоугольник с углами разных радиусов: левый верхний, правый верхний, правый нижний, левый
/// нижний.
fn corners(rect: Rect, radii: [i32; 4], color: Color) {
    let (x, y) = (f64::from(rect.x), f64::from(rect.y));
    let (w, h) = (f64::from(rect.w), f64::from(rect.h));
    let most = f64::min(w, h) / 2.0;
    let mut r = [0.0; 4];
    for index in 0..4 {
        r[index] = f64::min(f64::from(radii[index]), most);
    }
    draw::set_draw_color(color);
    draw::begin_polygon();
    corner(x + r[0], y + r[0], r[0], 180.0);
    corner(x + w - r[1], y + r[1], r[1], 90.0);
    corner(x + w - r[2], y + h - r[2], r[2], 0.0);
    corner(x + r[3], y + h - r[3], r[3], 270.0);
    draw::end_polygon();
}

/// Четверть круга от угла `from` по часовой стрелке; нулевой радиус — точка.
fn corner(x: f64, y: f64, radius: f64, from: f64) {
    if radius < 0.5 {
        draw::vertex(x, y);
        return;
    }
    let steps = 10;
    for step in 0..=steps {
        let angle = (from - 90.0 * f64::from(step) / f64::from(steps)).to_radians();
        draw::vertex(x + radius * angle.cos(), y - radius * angle.sin());
    }
}

/// Пузырь с хвостом внизу: справа у своих, слева у чужих.
pub fn bubble(rect: Rect, outgoing: bool, color: Color) {
    let r = 11;
    let radii = if outgoing { [r, r, 0, r] } else { [r, r, r, 0] };
    corners(rect, radii, color);
    let bottom = f64::from(rect.y + rect.h);
    let (edge, tip, side) = if outgoing {
        (f64::from(rect.x + rect.w), f64::from(rect.x + rect.w + 6), 1.0)
    } else {
        (f64::from(rect.x), f64::from(rect.x - 6), -1.0)
    };
    draw::begin_polygon();
    draw::vertex(edge - side, bottom - 13.0);
    draw::vertex(edge + side * 1.2, bottom - 7.5);
    draw::vertex(edge + side * 3.2, bottom - 3.4);
    draw::vertex(tip, bottom - 0.8);
    draw::vertex(tip - side * 0.5, bottom);
    draw::vertex(edge - side, bottom);
    draw::end_polygon();
}

/// Дальше рисуется только внутри прямоугольника.
pub fn clip_push(rect: Rect) {
    draw::push_clip(rect.x, rect.y, rect.w, rect.h);
    clip_note(Some(rect));
}

/// Прежние границы.
pub fn clip_pop() {
    draw::pop_clip();
    clip_note(None);
}

/// Смесь двух цветов.
pub fn mixed(one: Color, other: Color, part: f64) -> Color {
    let (a, b) = (one.to_rgb(), other.to_rgb());
    let mut out = [0u8; 3];
    for (at, (from, to)) in [(a.0, b.0), (a.1, b.1), (a.2, b.2)].iter().enumerate() {
        out[at] = (f64::from(*from) * (1.0 - part) + f64::from(*to) * part) as u8;
    }
    Color::from_rgb(out[0], out[1], out[2])
}

/// Круг по центру и радиусу.
pub fn circle(x: f64, y: f64, radius: f64, color: Color) {
    draw::set_draw_color(color);
    draw::begin_polygon();
    draw::draw_arc2(x, y, radius, 0.0, 360.0);
    draw::end_polygon();
}

/// Строка от левого края; `y` — линия письма.
pub fn words(face: Face, color: Color, text: &str, x: i32, y: i32) {
    draw::set_font(face.font, face.size);
    draw::set_draw_color(color);
    draw::draw_text_n(text, x, y);
    words_note(face, text, x, y);
}

/// Строка по центру прямоугольника.
pub fn words_middle(face: Face, color: Color, text: &str, rect: Rect) {
    draw::set_font(face.font, face.size);
    let wide = draw::width(text).ceil() as i32;
    let (x, y) = (rect.x + (rect.w - wide) / 2, base_line(face, rect));
    words(face, color, text, x, y);
}

/// Линия письма строки, стоящей посередине прямоугольника по высоте.
pub fn base_line(face: Face, rect: Rect) -> i32 {
    rect.y + (rect.h + face.size * 72 / 100) / 2
}

/// Первые буквы имени: `Анна Смирнова` → `АС`; у номера — его первые цифры.
pub fn initials(name: &str) -> String {
    let mut out = String::new();
    for word in name.trim_start_matches(['#', '~']).split_whitespace() {
        let Some(first) = word.chars().next() else { continue };
        if out.chars().count() < 2 {
            out.extend(first.to_uppercase());
        }
        // Одного иероглифа достаточно.
        if first as u32 >= 0x2e80 {
            break;
        }
    }
    out
}

/// Круг с буквами; цвет — по номеру человека.
pub fn avatar(id: u64, name: &str, x: i32, y: i32, size: i32) {
    let color = AVATARS[(id % AVATARS.len() as u64) as usize];
    let half = f64::from(size) / 2.0;
    circle(f64::from(x) + half, f64::from(y) + half, half, color);
    let face = Face { font: BOLD, size: size * 2 / 5 };
    words_middle(face, Color::White, &initials(name), Rect { x, y, w: size, h: size });
}

/// Ломаная линия.
pub fn strokes(points: &[(f64, f64)], width: i32, color: Color) {
    draw::set_draw_color(color);
    draw::set_line_style(fltk::draw::LineStyle::CapRound | draw::LineStyle::JoinRound, width);
    draw::begin_line();
    for (x, y) in points {
        draw::vertex(*x, *y);
    }
    draw::end_line();
    draw::set_line_style(draw::LineStyle::Solid, 0);
}

/// Галочка; ширина 10, высота 7.
pub fn tick(x: i32, y: i32, color: Color) {
    let (x, y) = (f64::from(x), f64::from(y));
    strokes(&[(x, y + 4.0), (x + 3.0, y + 7.0), (x + 9.0, y + 0.5)], 2, color);
}

/// Часики: сообщение ждёт здесь.
pub fn clock(x: i32, y: i32, color: Color) {
    let (x, y) = (f64::from(x) + 5.0, f64::from(y) + 4.0);
    draw::set_draw_color(color);
    draw::set_line_style(draw::LineStyle::Solid, 1);
    draw::begin_loop();
    draw::draw_arc2(x, y, 4.5, 0.0, 360.0);
    draw::end_loop();
    draw::set_line_style(draw::LineStyle::Solid, 0);
    strokes(&[(x, y - 2.5), (x, y), (x + 2.0, y + 1.0)], 1, color);
}

/// Крестик.
pub fn cross(x: i32, y: i32, size: i32, color: Color) {
    let (x, y, s) = (f64::from(x), f64::from(y), f64::from(size));
    strokes(&[(x, y), (x + s, y + s)], 2, color);
    strokes(&[(x + s, y), (x, y + s)], 2, color);
}

/// Плюс посередине прямоугольника.
pub fn plus(rect: Rect, color: Color) {
    let (x, y) = (f64::from(rect.x + rect.w / 2), f64::from(rect.y + rect.h / 2));
    strokes(&[(x - 7.0, y), (x + 7.0, y)], 2, color);
    strokes(&[(x, y - 7.0), (x, y + 7.0)], 2, color);
}

/// Шестерёнка посередине прямоугольника.
pub fn gear(rect: Rect, color: Color, behind: Color) {
    let (x, y) = (f64::from(rect.x) + f64::from(rect.w) / 2.0, f64::from(rect.y + rect.h / 2));
    draw::set_draw_color(color);
    draw::begin_polygon();
    for step in 0..48 {
        let angle = f64::from(step) * std::f64::consts::TAU / 48.0;
        let tooth = matches!(step % 6, 1..=3);
        let radius = if tooth { 9.0 } else { 6.6 };
        draw::vertex(x + radius * angle.cos(), y + radius * angle.sin());
    }
    draw::end_polygon();
    circle(x, y, 3.2, behind);
}

/// Бумажный самолётик «отправить» в круге.
pub fn send(rect: Rect, color: Color) {
    let half = f64::from(rect.w) / 2.0;
    let (x, y) = (f64::from(rect.x) + half, f64::from(rect.y) + half);
    circle(x, y, half, color);
    draw::set_draw_color(Color::White);
    draw::begin_complex_polygon();
    draw::vertex(x - 8.0, y - 8.5);
    draw::vertex(x + 11.0, y);
    draw::vertex(x - 8.0, y + 8.5);
    draw::vertex(x - 5.0, y + 1.5);
    draw::vertex(x + 1.0, y);
    draw::vertex(x - 5.0, y - 1.5);
    draw::end_complex_polygon();
}

/// Стрелка в круге: вниз — принять, вверх — отдаётся.
pub fn arrow(x: f64, y: f64, radius: f64, up: bool, color: Color) {
    circle(x, y, radius, color);
    let way = if up { -1.0 } else { 1.0 };
    strokes(&[(x, y - 9.0 * way), (x, y + 8.0 * way)], 3, Color::White);
    let tip = y + 9.0 * way;
    strokes(&[(x - 7.0, tip - 7.0 * way), (x, tip), (x + 7.0, tip - 7.0 * way)], 3, Color::White);
}

/// Лист бумаги в круге: файл на месте.
pub fn sheet(x: f64, y: f64, radius: f64, color: Color) {
    circle(x, y, radius, color);
    draw::set_draw_color(Color::White);
    draw::begin_polygon();
    draw::vertex(x - 7.0, y - 10.0);
    draw::vertex(x + 2.0, y - 10.0);
    draw::vertex(x + 7.0, y - 5.0);
    draw::vertex(x + 7.0, y + 10.0);
    draw::vertex(x - 7.0, y + 10.0);
    draw::end_polygon();
    strokes(&[(x - 3.5, y - 1.0), (x + 3.5, y - 1.0)], 2, color);
    strokes(&[(x - 3.5, y + 4.0), (x + 3.5, y + 4.0)], 2, color);
}

/// Скрепка: приложить файл.
pub fn clip(rect: Rect, color: Color) {
    let (x, y) = (f64::from(rect.x + rect.w / 2), f64::from(rect.y + rect.h / 2));
    let points = [
        (x + 5.5, y - 2.0),
        (x - 1.5, y + 5.5),
        (x - 5.0, y + 5.8),
        (x - 5.8, y + 2.0),
        (x + 1.5, y - 6.5),
        (x + 5.0, y - 7.6),
        (x + 7.6, y - 5.0),
        (x + 7.0, y - 1.8),
        (x - 0.5, y + 6.6),
        (x - 4.5, y + 9.4),
        (x - 8.6, y + 7.5),
        (x - 9.6, y + 3.4),
        (x - 2.0, y - 5.0),
    ];
    strokes(&points, 2, color);
}

/// Щит с галочкой: ключ сверен.
pub fn shield(x: i32, y: i32, color: Color) {
    let (x, y) = (f64::from(x), f64::from(y));
    draw::set_draw_color(color);
    draw::begin_polygon();
    draw::vertex(x + 7.0, y);
    draw::vertex(x + 13.0, y + 2.2);
    draw::vertex(x + 13.0, y + 7.5);
    draw::vertex(x + 10.5, y + 12.0);
    draw::vertex(x + 7.0, y + 14.5);
    draw::vertex(x + 3.5, y + 12.0);
    draw::vertex(x + 1.0, y + 7.5);
    draw::vertex(x + 1.0, y + 2.2);
    draw::end_polygon();
    strokes(&[(x + 4.2, y + 7.0), (x + 6.4, y + 9.4), (x + 10.0, y + 4.8)], 2, Color::White);
}
