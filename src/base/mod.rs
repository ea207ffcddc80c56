//! Floor 0: what everybody needs: failures, ids, bounds, time, the log.
//! Этаж 0: то, что нужно всем: ошибки, номера, пределы, время, журнал.

pub mod bounds;
pub mod bucket;
pub mod clock;
pub mod fail;
pub mod ids;
pub mod log;
