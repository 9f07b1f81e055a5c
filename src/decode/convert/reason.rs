//! The reasons for rejecting a value.

use super::MAX_TEXT_BYTES;
use crate::decode::dataset::{ColumnKind, StagingColumn};
use crate::decode::number::NumberError;
use crate::decode::reject::Rejection;
use crate::model::TimestampForm;

/// Number of characters of a rejected value that its reason quotes.
const QUOTED_CHARS: usize = 60;

#[cold]
pub(super) fn number_rejection(
    column: &StagingColumn,
    text: &str,
    error: NumberError,
) -> Rejection {
    match (error, column.kind) {
        (NumberError::NotANumber, _) | (_, ColumnKind::Boolean) => wrong_type(column, clip(text)),
        (NumberError::NotWhole, ColumnKind::Decimal { scale, .. }) => Rejection::of(
            column,
            format!("{} has more than {scale} digits after the decimal point", clip(text)),
        ),
        (NumberError::NotWhole, _) => {
            Rejection::of(column, format!("{} is not a whole number", clip(text)))
        }
        (NumberError::OutOfRange, kind) => {
            Rejection::of(column, format!("{} is out of range for {}", clip(text), describe(kind)))
        }
    }
}

#[cold]
pub(super) fn text_too_long(column: &StagingColumn, length: usize) -> Rejection {
    let limit = MAX_TEXT_BYTES;
    Rejection::of(column, format!("text of {length} bytes; the limit is {limit} bytes"))
}

#[cold]
pub(super) fn wrong_type(column: &StagingColumn, found: &str) -> Rejection {
    Rejection::of(column, format!("{found} is not {}", describe(column.kind)))
}

fn describe(kind: ColumnKind) -> String {
    let fixed = match kind {
        ColumnKind::Text | ColumnKind::RepetitiveText => "text or a number",
        ColumnKind::Boolean => "true or false",
        ColumnKind::Int16 => "a 16-bit integer",
        ColumnKind::Int32 => "a 32-bit integer",
        ColumnKind::Int64 => "a 64-bit integer",
        ColumnKind::Float64 => "a number",
        ColumnKind::Decimal { precision, scale } => {
            return format!("a decimal of {precision} digits, {scale} of them after the point");
        }
        ColumnKind::Date => "a date within the years 1 to 9999, such as 2018-11-01",
        ColumnKind::Timestamp(TimestampForm::Rfc3339) => {
            "an RFC 3339 time within the years 1 to 9999, such as 2018-11-01T21:01:46Z"
        }
        ColumnKind::Timestamp(TimestampForm::EpochSeconds) => {
            "epoch seconds within the years 1 to 9999"
        }
        ColumnKind::Timestamp(TimestampForm::EpochMilliseconds) => {
            "epoch milliseconds within the years 1 to 9999"
        }
        ColumnKind::Timestamp(TimestampForm::EpochMicroseconds) => {
            "epoch microseconds within the years 1 to 9999"
        }
    };
    fixed.to_owned()
}

/// Returns the first characters of a value.
pub(super) fn clip(text: &str) -> &str {
    text.char_indices().nth(QUOTED_CHARS).map_or(text, |(end, _)| &text[..end])
}
