//! A histogram of waits in microseconds: 64 steps per doubling, so no value is off by more than
//! 1.6 %. Small enough to travel between processes as JSON.
//! Гистограмма ожиданий в микросекундах: 64 ступени на удвоение, ошибка не больше 1,6 %.
//! Достаточно мала, чтобы ходить между процессами в JSON.

use serde_json::{Value, json};

/// Steps between a power of two and the next one.
const STEPS: u64 = 64;
/// Number of bits of STEPS.
const STEP_BITS: u32 = 6;

/// Counts by step.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    pub counts: Vec<u64>,
    pub total: u64,
    pub greatest: u64,
}

/// Ступень для значения.
fn step_of(value: u64) -> usize {
    let bits = u64::BITS - value.leading_zeros();
    let shift = bits.saturating_sub(STEP_BITS + 1);
    (shift as u64 * STEPS + (value >> shift)) as usize
}

/// Наименьшее значение ступени.
fn step_value(step: usize) -> u64 {
    let step = step as u64;
    if step < 2 * STEPS {
        return step;
    }
    let shift = step / STEPS - 1;
    (step - shift * STEPS) << shift
}

/// Добавляет значение.
pub fn histogram_add(histogram: &mut Histogram, value: u64) {
    step_add(histogram, step_of(value), 1);
    histogram.greatest = histogram.greatest.max(value);
}

/// Добавляет в ступень столько-то значений.
fn step_add(histogram: &mut Histogram, step: usize, count: u64) {
    if histogram.counts.len() <= step {
        histogram.counts.resize(step + 1, 0);
    }
    histogram.counts[step] += count;
    histogram.total += count;
}

/// Значение, не больше которого доля `share` (0..1) всех.
pub fn histogram_at(histogram: &Histogram, share: f64) -> u64 {
    let wanted = (histogram.total as f64 * share).ceil() as u64;
    let mut passed = 0;
    for (step, count) in histogram.counts.iter().enumerate() {
        passed += *count;
        if *count > 0 && passed >= wanted {
            return step_value(step).min(histogram.greatest);
        }
    }
    histogram.greatest
}

/// Гистограмма как JSON: непустые ступени парами.
pub fn histogram_json(histogram: &Histogram) -> Value {
    let mut steps: Vec<Value> = Vec::new();
    for (step, count) in histogram.counts.iter().enumerate() {
        if *count > 0 {
            steps.push(json!([step, count]));
        }
    }
    json!({"steps": steps, "greatest": histogram.greatest})
}

/// Прибавляет гистограмму из JSON.
pub fn histogram_join(histogram: &mut Histogram, value: &Value) {
    if let Some(steps) = value["steps"].as_array() {
        for pair in steps {
            let step = pair[0].as_u64().unwrap_or(0) as usize;
            // Предел: ступень самого большого u64.
            if step <= step_of(u64::MAX) {
                step_add(histogram, step, pair[1].as_u64().unwrap_or(0));
            }
        }
    }
    histogram.greatest = histogram.greatest.max(value["greatest"].as_u64().unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::{Histogram, histogram_add, histogram_at, step_of, step_value};

    #[test]
    fn steps_are_close_and_rising() {
        let mut last = 0;
        for value in [0, 1, 63, 64, 127, 128, 129, 1_000, 65_535, 1_000_000, u64::MAX / 3] {
            let step = step_of(value);
            assert!(step >= last);
            last = step;
            let floor = step_value(step);
            assert!(floor <= value && value - floor <= value / 64);
        }
    }

    #[test]
    fn shares_are_found() {
        let mut histogram = Histogram::default();
        for value in 1..=100 {
            histogram_add(&mut histogram, value);
        }
        assert_eq!(histogram_at(&histogram, 0.5), 50);
        assert_eq!(histogram_at(&histogram, 0.99), 99);
        assert_eq!(histogram_at(&histogram, 1.0), 100);
    }
}
