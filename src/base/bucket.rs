//! A token bucket for packets: so many at once, so many a second.
//! Ведро для пакетов: столько сразу и столько в секунду.

/// How many may still pass, and when that was last counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    pub room: u64,
    pub counted_ms: u64,
}

/// Берёт место для одного пакета; `false` — места нет. `rate` — в секунду, `burst` — вмещает ведро.
pub fn bucket_take(bucket: &mut Bucket, rate: u64, burst: u64, now_ms: u64) -> bool {
    let passed = now_ms.saturating_sub(bucket.counted_ms);
    let fresh = passed.saturating_mul(rate) / 1_000;
    if fresh > 0 {
        bucket.room = u64::min(bucket.room.saturating_add(fresh), burst);
        bucket.counted_ms = now_ms;
    }
    if bucket.room == 0 {
        return false;
    }
    bucket.room -= 1;
    true
}
