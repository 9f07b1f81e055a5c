//! The units and the range of times.

use crate::model::TimestampForm;

/// Every reader of the star supports the calendar years 1 to 9999. They also fit a SMALLINT.
pub(super) const MIN_YEAR: i32 = 1;
pub(super) const MAX_YEAR: i32 = 9999;

/// 0001-01-01T00:00:00Z, in epoch seconds.
const MIN_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z, in epoch seconds.
const MAX_SECOND: i64 = 253_402_300_799;

/// Returns the number of units of a form per second. The unit of RFC 3339 is the microsecond.
#[inline]
pub(in crate::decode) fn units_per_second(form: TimestampForm) -> i64 {
    match form {
        TimestampForm::EpochSeconds => 1,
        TimestampForm::EpochMilliseconds => 1000,
        TimestampForm::EpochMicroseconds | TimestampForm::Rfc3339 => 1_000_000,
    }
}

/// Returns the number of microseconds per unit of a form.
#[inline]
pub(in crate::decode) fn micros_per_unit(form: TimestampForm) -> i64 {
    1_000_000 / units_per_second(form)
}

/// Returns `true` if a time is within the years 1 to 9999.
#[inline]
pub(super) fn is_in_range(time: i64, form: TimestampForm) -> bool {
    let units = units_per_second(form);
    (MIN_SECOND * units..(MAX_SECOND + 1) * units).contains(&time)
}
