//! The grammar of JSON numbers, and their exact conversion to integers and doubles.

/// The reason why a number does not fit its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberError {
    NotANumber,
    NotWhole,
    OutOfRange,
}

/// Returns the end of the number that starts at `at`, or `None` if there is none.
///
/// The grammar is RFC 8259's. `lenient` selects that of quoted numbers, which also accepts a plus
/// sign and leading zeros.
pub(super) fn scan_number(bytes: &[u8], mut at: usize, lenient: bool) -> Option<usize> {
    match bytes.get(at) {
        Some(b'-') => at += 1,
        Some(b'+') if lenient => at += 1,
        _ => {}
    }
    at = match bytes.get(at) {
        Some(b'0') if !lenient => at + 1,
        _ => digits(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = digits(bytes, at + 1 + sign)?;
    }
    Some(at)
}

/// Returns the end of a run of at least one digit.
fn digits(bytes: &[u8], start: usize) -> Option<usize> {
    let run = bytes.get(start..)?;
    let length = run.iter().position(|b| !b.is_ascii_digit()).unwrap_or(run.len());
    (length > 0).then_some(start + length)
}

/// Parses a number as an integer: `1541044398796.0` and `1.5e3` are integers, `1.5` is not.
///
/// The result is exact. The conversion does not use a double, which would round integers beyond
/// 2^53.
pub(super) fn parse_integer(number: &[u8]) -> Result<i64, NumberError> {
    let (negative, magnitude) = match number.first() {
        Some(b'-') => (true, &number[1..]),
        Some(b'+') => (false, &number[1..]),
        _ => (false, number),
    };
    let value = match short_integer(magnitude) {
        Some(value) => i128::from(value),
        None => scaled_integer(magnitude, 0, MAX_INTEGER_DIGITS)?,
    };
    let value = if negative { -value } else { value };
    i64::try_from(value).map_err(|_| NumberError::OutOfRange)
}

/// Parses a number as a decimal of at most `precision` digits, `scale` of them after the point.
/// Returns it multiplied by ten to the power of `scale`. A number with more digits after the point
/// is an error unless they are zeros: rounding would change it.
pub(super) fn parse_decimal(number: &[u8], precision: u8, scale: u8) -> Result<i128, NumberError> {
    let (negative, magnitude) = match number.first() {
        Some(b'-') => (true, &number[1..]),
        Some(b'+') => (false, &number[1..]),
        _ => (false, number),
    };
    let value = scaled_integer(magnitude, i64::from(scale), i64::from(precision))?;
    Ok(if negative { -value } else { value })
}

/// Parses at most 18 digits, optionally followed by a decimal point and zeros. Nearly all integers
/// are written this way.
fn short_integer(magnitude: &[u8]) -> Option<u64> {
    let mut value = 0;
    for (i, byte) in magnitude.iter().enumerate() {
        match byte {
            b'0'..=b'9' if i < 18 => value = value * 10 + u64::from(byte - b'0'),
            b'.' if magnitude[i + 1..].iter().all(|&b| b == b'0') => return Some(value),
            _ => return None,
        }
    }
    Some(value)
}

/// Number of digits of the largest 64-bit integer.
const MAX_INTEGER_DIGITS: i64 = 19;

/// Returns a magnitude multiplied by ten to the power of `shift`. Fails if the result is not whole or
/// has more than `max_digits` digits, which must be at most 38.
fn scaled_integer(magnitude: &[u8], shift: i64, max_digits: i64) -> Result<i128, NumberError> {
    let exponent_at = magnitude.iter().position(|b| matches!(b, b'e' | b'E'));
    let (mantissa, exponent) = match exponent_at {
        Some(at) => (&magnitude[..at], parse_exponent(&magnitude[at + 1..])),
        None => (magnitude, 0),
    };
    let point = mantissa.iter().position(|&b| b == b'.').unwrap_or(mantissa.len());
    let fraction = mantissa.len().saturating_sub(point + 1) as i64;
    let digits = mantissa.iter().filter(|b| b.is_ascii_digit()).map(|b| b - b'0');
    let significant: Vec<u8> = digits.skip_while(|&d| d == 0).collect();
    let kept = significant.iter().rposition(|&d| d != 0).map_or(0, |last| last + 1);
    if kept == 0 {
        return Ok(0);
    }
    let scale = exponent - fraction + (significant.len() - kept) as i64 + shift;
    if scale < 0 {
        return Err(NumberError::NotWhole);
    }
    if kept as i64 + scale > max_digits {
        return Err(NumberError::OutOfRange);
    }
    let value = significant[..kept].iter().fold(0, |n: i128, &d| n * 10 + i128::from(d));
    Ok(value * 10_i128.pow(scale as u32))
}

/// Parses an exponent, clamped to ±10^9. A larger one cannot change whether the value fits 64 bits.
fn parse_exponent(text: &[u8]) -> i64 {
    let negative = text.first() == Some(&b'-');
    let magnitude = text
        .iter()
        .filter(|b| b.is_ascii_digit())
        .fold(0_i64, |n, digit| (n * 10 + i64::from(digit - b'0')).min(1_000_000_000));
    if negative { -magnitude } else { magnitude }
}

/// Parses a number as the nearest double. Negative zero becomes zero: the two are equal but would
/// sort as different values.
pub(super) fn parse_double(number: &str) -> Result<f64, NumberError> {
    let value: f64 = number.parse().map_err(|_| NumberError::NotANumber)?;
    if value.is_finite() { Ok(value + 0.0) } else { Err(NumberError::OutOfRange) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_grammar() {
        for number in ["0", "-0", "10", "1.5", "1e5", "1E-5", "-1.25e+10"] {
            assert_eq!(scan_number(number.as_bytes(), 0, false), Some(number.len()), "{number}");
        }
        for number in ["", "-", "+1", ".5", "1.", "1e", "e1", "1.e1"] {
            assert_ne!(scan_number(number.as_bytes(), 0, false), Some(number.len()), "{number}");
        }
        assert_eq!(scan_number(b"007", 0, false), Some(1));
        assert_eq!(scan_number(b"+007", 0, true), Some(4));
    }

    #[test]
    fn integers_are_exact() {
        let parse = |s: &str| parse_integer(s.as_bytes());
        assert_eq!(parse("1541044398796.0"), Ok(1_541_044_398_796));
        assert_eq!(parse("1541044398796."), Ok(1_541_044_398_796));
        assert_eq!(parse("000000000000000000001"), Ok(1));
        assert_eq!(parse("1.5e3"), Ok(1500));
        assert_eq!(parse("150e-1"), Ok(15));
        assert_eq!(parse("-0.0"), Ok(0));
        assert_eq!(parse("9007199254740993"), Ok(9_007_199_254_740_993));
        assert_eq!(parse("9223372036854775807"), Ok(i64::MAX));
        assert_eq!(parse("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(parse("9223372036854775808"), Err(NumberError::OutOfRange));
        assert_eq!(parse("1e30"), Err(NumberError::OutOfRange));
        assert_eq!(parse("1e999999999999999999"), Err(NumberError::OutOfRange));
        assert_eq!(parse("0e999999999999999999"), Ok(0));
        assert_eq!(parse("1.5"), Err(NumberError::NotWhole));
        assert_eq!(parse("1e-1"), Err(NumberError::NotWhole));
    }

    #[test]
    fn decimals_are_exact() {
        let parse = |s: &str| parse_decimal(s.as_bytes(), 5, 2);
        for (text, expected) in [
            ("1", Ok(100)),
            ("-1.5", Ok(-150)),
            ("999.99", Ok(99_999)),
            ("1.2500", Ok(125)),
            ("125e-2", Ok(125)),
            ("0.001e1", Ok(1)),
            ("-0.00", Ok(0)),
            ("1000", Err(NumberError::OutOfRange)),
            ("1.255", Err(NumberError::NotWhole)),
            ("1e-3", Err(NumberError::NotWhole)),
            ("1e99", Err(NumberError::OutOfRange)),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        let largest = "9".repeat(38);
        assert_eq!(parse_decimal(largest.as_bytes(), 38, 0), Ok(10_i128.pow(38) - 1));
        assert_eq!(parse_decimal(b"1e38", 38, 0), Err(NumberError::OutOfRange));
    }

    #[test]
    fn doubles_beyond_range_are_rejected() {
        assert_eq!(parse_double("246.30812"), Ok(246.30812));
        assert_eq!(parse_double("1e400"), Err(NumberError::OutOfRange));
        assert!(parse_double("-0.0").unwrap().is_sign_positive());
    }
}
