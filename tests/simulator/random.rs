//! The only source of chance in the simulator: splitmix64, so that a seed is a reproduction.
//! Called by every other part; knows nothing of them.
//! Единственный источник случая в симуляторе: splitmix64, поэтому зерно — это воспроизведение.
//! Зовут все остальные части; о них он не знает ничего.

/// Следующее случайное число (splitmix64, Steele, Lea, Flood 2014).
pub fn random_next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Число от 0 до `bound` (не включая его); ноль при пустом промежутке.
pub fn random_below(state: &mut u64, bound: u64) -> u64 {
    if bound == 0 { 0 } else { random_next(state) % bound }
}

/// Число от `low` до `high` включительно.
pub fn random_range(state: &mut u64, low: u64, high: u64) -> u64 {
    if high <= low {
        return low;
    }
    low + random_below(state, high - low + 1)
}

/// Случается ли то, чему дано столько тысячных.
pub fn random_chance(state: &mut u64, per_mille: u64) -> bool {
    random_below(state, 1000) < per_mille
}

/// Заполняет место случайными байтами.
pub fn random_fill(state: &mut u64, place: &mut [u8]) {
    for byte in place {
        *byte = random_next(state) as u8;
    }
}
