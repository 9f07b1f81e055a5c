//! Pseudo-random numbers that are the same in every run.

/// A SplitMix64 generator, seeded with its field.
pub struct Dice(pub u64);

impl Dice {
    /// Returns a number below `end`, or 0 if `end` is 0.
    pub fn roll(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % end.max(1)
    }
}
