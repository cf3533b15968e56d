//! Durations and points in time as the library has them.

use crate::json::{Read, Value};
use std::time::{Duration, SystemTime};

/// Rounded up, so that a time that is not 0 does not become it.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().saturating_add(999_999) / 1_000_000).unwrap_or(u64::MAX)
}

/// As an argument of the library, which has -1 for "not given".
pub(crate) fn timeout_ms(duration: Option<Duration>) -> i64 {
    duration.map_or(-1, |duration| i64::try_from(milliseconds(duration)).unwrap_or(i64::MAX))
}

/// Milliseconds since 1970; what is before that is 0.
pub(crate) fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A point in time of the library's; nothing if there is none.
pub(crate) fn time_of(value: &Value, key: &str) -> Option<SystemTime> {
    value.number(key).map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms))
}
