//! The picture of the icon: a bubble with a tail, of any size. The window and the build script
//! (which puts it into the Windows programs) draw the same; it may use nothing but `std`.
//! Рисунок значка: пузырь с хвостом, любого размера. Одно и то же рисуют окно и сценарий сборки,
//! который кладёт значок в программы Windows; поэтому здесь нет ничего, кроме `std`.

/// Side of the square the picture is described in.
const PLAN: f64 = 64.0;
/// Points looked at within a pixel, along each side: smooth edges.
const FINE: i32 = 4;

/// Точки значка со стороной `side`: строка за строкой сверху, по байту красного, зелёного, синего
/// и непрозрачности.
pub fn icon_pixels(side: i32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity((side * side * 4) as usize);
    for row in 0..side {
        for column in 0..side {
            let (mut inside, mut white) = (0, 0);
            for part in 0..FINE * FINE {
                let x = plan(column * FINE + part % FINE, side);
                let y = plan(row * FINE + part / FINE, side);
                if body(x, y) {
                    inside += 1;
                    white += i32::from(letter(x, y));
                }
            }
            let all = i32::max(1, inside);
            for color in [0x33, 0x90, 0xec] {
                pixels.push(((color * (all - white) + 255 * white) / all) as u8);
            }
            pixels.push((255 * inside / (FINE * FINE)) as u8);
        }
    }
    pixels
}

/// Середина мелкой точки в мерах рисунка.
fn plan(fine: i32, side: i32) -> f64 {
    (f64::from(fine) + 0.5) * PLAN / f64::from(side * FINE)
}

/// Точка внутри пузыря: круг или хвост слева внизу.
fn body(x: f64, y: f64) -> bool {
    let (dx, dy) = (x - 32.5, y - 30.5);
    let round = dx * dx + dy * dy <= 28.0 * 28.0;
    // Хвост сужается к левому нижнему углу.
    let inset = (y - 40.0) / 2.0;
    let tail = (40.0..61.0).contains(&y) && x >= inset + 2.0 && x <= 27.0 - inset;
    round || tail
}

/// Три строки текста внутри.
fn letter(x: f64, y: f64) -> bool {
    for (top, end) in [(19.0, 47.0), (29.0, 47.0), (39.0, 37.0)] {
        if y >= top && y < top + 4.0 {
            return x >= 18.0 && x < end;
        }
    }
    false
}
