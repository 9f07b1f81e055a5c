//! Reads decimal digits eight at a time.

/// Powers of ten that doubles represent exactly and that the longest mantissa here needs.
const POWERS: [u64; 17] = {
    let mut powers = [1; 17];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Number of digits of the largest mantissa that a double always represents exactly.
const MAX_EXACT_DIGITS: usize = 15;

/// Reads the whole number at `at`, of at most 15 digits, with an optional `.0` after it. Returns it and the
/// position of its end.
#[inline(always)]
pub(super) fn whole(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let (value, count) = leading(bytes, at)?;
    let end = at + count;
    let has_fraction = bytes.get(end) == Some(&b'.');
    if has_fraction && bytes.get(end + 1) != Some(&b'0') {
        return None;
    }
    Some((value as i64, end + 2 * usize::from(has_fraction)))
}

/// Reads the number at `at`, without a sign or an exponent and of at most 15 digits, as the nearest double.
/// Returns it and the position of its end.
///
/// With so few digits, the mantissa and the power of ten are exact, so the one division rounds correctly
/// (Clinger, How to Read Floating Point Numbers Accurately, 1990).
#[inline(always)]
pub(super) fn double(bytes: &[u8], at: usize) -> Option<(f64, usize)> {
    let (whole, count) = leading(bytes, at)?;
    let end = at + count;
    if bytes.get(end) != Some(&b'.') {
        return Some((whole as f64, end));
    }
    let (fraction, places) = run(bytes, end + 1)?;
    if places == 0 || count + places > MAX_EXACT_DIGITS {
        return None;
    }
    let mantissa = whole * POWERS[places] + fraction;
    Some((mantissa as f64 / POWERS[places] as f64, end + 1 + places))
}

/// Reads the digits before the point of the number at `at` and returns their value and number. Returns `None`
/// if there are none, too many, or a zero before others.
#[inline(always)]
fn leading(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let (value, count) = run(bytes, at)?;
    let is_usual = (1..=MAX_EXACT_DIGITS).contains(&count) && (count == 1 || bytes[at] != b'0');
    is_usual.then_some((value, count))
}

/// Reads a run of digits at `at` and returns its value and length. Returns `None` for 16 digits or more, or if
/// fewer than eight bytes follow the digits.
#[inline(always)]
fn run(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let (high, count) = eight(bytes, at)?;
    if count < 8 {
        return Some((high, count));
    }
    let (low, more) = eight(bytes, at + 8)?;
    (more < 8).then(|| (high * POWERS[more] + low, 8 + more))
}

/// Reads up to eight digits at `at`.
///
/// Source of the steps: Lemire and Muła, "Quickly parsing eight digits", 2018.
#[inline(always)]
fn eight(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let loaded = bytes.get(at..)?.first_chunk::<8>()?;
    let digits = u64::from_le_bytes(*loaded) ^ 0x3030_3030_3030_3030;
    // The highest bit of a byte is set if the byte is above 9. Carries affect only the bytes after the first
    // such byte.
    let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
    let count = others.trailing_zeros() as usize / 8;
    if count == 0 {
        return Some((0, 0));
    }
    // Moves the digits to the end of the eight, with zeros before them.
    let digits = digits << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00FF_0000_00FF).wrapping_mul(0x000F_4240_0000_0064);
    let high = (pairs >> 16 & 0x0000_00FF_0000_00FF).wrapping_mul(0x0000_2710_0000_0001);
    Some((low.wrapping_add(high) >> 32, count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the number that `text` starts with, as the standard library reads it.
    fn read<T: std::str::FromStr>(text: &str, end: usize) -> Option<T> {
        text[..end].parse().ok()
    }

    proptest! {
        #[test]
        fn numbers_equal_those_of_the_standard_library(
            text in "[0-9]{0,17}(\\.[0-9]{0,17})?[ ,}e\\-x/:]", rest in "[ -~]{24}"
        ) {
            let bytes = format!("{text}{rest}");
            if let Some((value, end)) = whole(bytes.as_bytes(), 0) {
                let text = bytes[..end].trim_end_matches(".0");
                prop_assert_eq!(Some(value), read::<i64>(text, text.len()));
            }
            if let Some((value, end)) = double(bytes.as_bytes(), 0) {
                prop_assert_eq!(Some(value.to_bits()), read::<f64>(&bytes, end).map(f64::to_bits));
            }
        }
    }

    #[test]
    fn usual_numbers_are_read() {
        for (text, expected) in [
            ("0,", Some((0, 1))),
            ("7}", Some((7, 1))),
            ("12345678,", Some((12_345_678, 8))),
            ("1541106106796,", Some((1_541_106_106_796, 13))),
            ("1540344794796.0,", Some((1_540_344_794_796, 15))),
            ("999999999999999 ", Some((999_999_999_999_999, 15))),
            ("1000000000000000 ", None),
            ("01,", None),
            ("-1,", None),
            ("1.5,", None),
            (",", None),
        ] {
            let bytes = format!("{text}            ");
            assert_eq!(whole(bytes.as_bytes(), 0), expected, "{text}");
        }
        assert_eq!(double(b"277.89016,        ", 0), Some((277.890_16, 9)));
        assert_eq!(double(b"0.1}              ", 0), Some((0.1, 3)));
        assert_eq!(double(b"12,               ", 0), Some((12.0, 2)));
        assert_eq!(double(b"1.,               ", 0), None);
        // The reader leaves numbers at the end of the bytes to others.
        assert_eq!(whole(b"12,", 0), None);
    }
}
