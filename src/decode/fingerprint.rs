//! The songplay_id: a fingerprint of a play's key.

use xxhash_rust::xxh3::xxh3_64;

/// Returns a non-negative 63-bit fingerprint of a play's key.
///
/// The hash is XXH3-64 with seed 0 (xxHash specification 0.8, stable across versions and platforms)
/// over `ts`, `user_id` and `session_id` as little-endian 64-bit integers, then a byte that is 1 if
/// `item_in_session` is known, then that integer (0 if unknown). The result is shifted right by one
/// bit. It depends on nothing else, so the same event has the same id in every run.
pub fn play_fingerprint(
    ts: i64,
    user_id: i64,
    session_id: i64,
    item_in_session: Option<i64>,
) -> i64 {
    let mut key = [0; 33];
    key[0..8].copy_from_slice(&ts.to_le_bytes());
    key[8..16].copy_from_slice(&user_id.to_le_bytes());
    key[16..24].copy_from_slice(&session_id.to_le_bytes());
    key[24] = u8::from(item_in_session.is_some());
    key[25..33].copy_from_slice(&item_in_session.unwrap_or(0).to_le_bytes());
    (xxh3_64(&key) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_never_changes() {
        assert_eq!(play_fingerprint(1_541_106_106_796, 8, 139, Some(1)), 4_453_858_089_891_510_293);
        assert_ne!(play_fingerprint(1, 2, 3, None), play_fingerprint(1, 2, 3, Some(0)));
        assert!((0..1000).all(|i| play_fingerprint(i, 2, 3, None) >= 0));
    }
}
