//! Reproducible randomness: every song, user and day has its own stream of numbers derived from the
//! seed.
//!
//! Choices use only integer arithmetic and the exactly rounded operations of IEEE 754 (no `powf`,
//! no `ln`), because the results of a platform's math library can differ in the last bit.

use rand::Rng;
use rand_pcg::Pcg64;

/// The purpose of a stream of numbers. Streams of different purposes are independent, even at the
/// same index.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Artist = 1,
    ArtistName,
    Song,
    SongName,
    Outsider,
    SongFile,
    SongPair,
    SongRecord,
    SongCopy,
    SongDefect,
    User,
    UserLevel,
    Timeline,
    DayWeight,
    Day,
    Lines,
}

/// A source of reproducible choices.
pub(super) struct Dice(Pcg64);

impl Dice {
    /// Creates a stream. The same seed, purpose and index always produce the same numbers.
    pub(super) fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let high = scramble(seed ^ scramble(purpose as u64));
        let low = scramble(high ^ index);
        let state = (u128::from(high) << 64) | u128::from(low);
        Self(Pcg64::new(state, u128::from(index)))
    }

    /// Returns the next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns an integer from 0 up to but not including `limit`; 0 if `limit` is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(limit);
        (wide >> 64) as u64
    }

    /// Returns an integer from `low` to `high`, inclusive.
    pub(super) fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Returns `true` with a probability of `share` in a thousand.
    pub(super) fn per_mille(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// Returns `true` with a probability of `share` in a hundred.
    pub(super) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// Returns `true` with the given probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Returns an entry of a list, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    /// Returns an index below `limit`, low ones far more often: the higher `power`, the steeper the
    /// distribution. The probability of rank r falls as r to the power of `1 / power - 1`, which is
    /// Zipf's law with an exponent under 1.
    pub(super) fn skewed(&mut self, limit: u64, power: u32) -> u64 {
        let unit = self.unit();
        let mut share = unit;
        for _ in 1..power {
            share *= unit;
        }
        ((share * limit as f64) as u64).min(limit.saturating_sub(1))
    }

    fn unit(&mut self) -> f64 {
        const STEPS: f64 = (1_u64 << 53) as f64;
        (self.bits() >> 11) as f64 / STEPS
    }
}

/// A bijection on 64 bits whose output looks random (the finalizer of SplitMix64).
pub(super) fn scramble(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
