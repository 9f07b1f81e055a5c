//! Samples of spellings, with which recent ones are found without hashing all of their bytes.

/// The length of a spelling and some of its bytes: all of them if it is short.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    length: usize,
    first: u64,
    last: u64,
}

impl Sample {
    /// Maximum length of a spelling whose bytes are all in the sample.
    pub const WHOLE: usize = 16;

    /// Number of places.
    pub const PLACES: usize = 1024;

    /// Differs from the sample of every spelling.
    pub const UNUSED: Sample = Sample { length: usize::MAX, first: 0, last: 0 };

    #[inline(always)]
    pub fn of(raw: &[u8]) -> Sample {
        let length = raw.len();
        let (first, last) = match length {
            0..4 => {
                let byte = |at: usize| u64::from(raw.get(at).copied().unwrap_or_default());
                (byte(0) | byte(1) << 8, byte(2))
            }
            4..8 => (u64::from(four(raw, 0)), u64::from(four(raw, length - 4))),
            8..=Sample::WHOLE => (eight(raw, 0), eight(raw, length - 8)),
            _ => (
                eight(raw, 0) ^ eight(raw, length / 2).rotate_left(17),
                eight(raw, length - 8) ^ eight(raw, length / 4).rotate_left(29),
            ),
        };
        Sample { length, first, last }
    }

    /// Returns the place of a spelling among the recent ones. Spellings of the same place only replace each
    /// other.
    #[inline(always)]
    pub fn place(self) -> usize {
        // A folded multiplication, as in wyhash, with digits of pi as constants.
        let product = u128::from(self.first ^ 0x243F_6A88_85A3_08D3 ^ (self.length as u64) << 32)
            * u128::from(self.last ^ 0x1319_8A2E_0370_7344);
        ((product as u64) ^ (product >> 64) as u64) as usize % Self::PLACES
    }
}

#[inline]
fn four(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[inline]
fn eight(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
