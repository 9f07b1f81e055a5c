//! The limit on the work of recovery.

/// The number of bytes that recovery can inspect. It grows in proportion to the bytes decoded, so
/// that no input takes quadratic time.
#[derive(Debug)]
pub(in crate::decode) struct Budget {
    left: u64,
    is_overdrawn: bool,
}

/// The budget before any bytes are decoded.
const DEFAULT: u64 = 1024 * 1024;

impl Default for Budget {
    fn default() -> Budget {
        Budget { left: DEFAULT, is_overdrawn: false }
    }
}

impl Budget {
    /// Adds the allowance for decoding `bytes` more bytes.
    pub fn earn(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(16 * bytes as u64);
    }

    /// Returns `true` if more was to be spent than was left.
    pub fn is_overdrawn(&self) -> bool {
        self.is_overdrawn
    }

    /// Returns `true` if at least the default budget is left.
    pub fn covers_default(&self) -> bool {
        self.left >= DEFAULT
    }

    /// Returns what is left if this budget continues an earlier one instead of the default one.
    pub fn after(self, earlier: Budget) -> Budget {
        let left = earlier.left.saturating_add(self.left).saturating_sub(DEFAULT);
        Budget { left, is_overdrawn: self.is_overdrawn }
    }

    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        let allowed = self.left >= bytes as u64;
        self.left = self.left.saturating_sub(bytes as u64);
        self.is_overdrawn |= !allowed;
        allowed
    }
}
