//! The limit on the work of recovery.

/// The number of bytes that recovery can inspect. It grows in proportion to the bytes decoded, so
/// that no input takes quadratic time.
#[derive(Debug)]
pub(in crate::decode) struct Budget(u64);

impl Default for Budget {
    fn default() -> Budget {
        Budget(1024 * 1024)
    }
}

impl Budget {
    /// Adds the allowance for decoding `bytes` more bytes.
    pub fn earn(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(16 * bytes as u64);
    }

    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        let allowed = self.0 >= bytes as u64;
        self.0 = self.0.saturating_sub(bytes as u64);
        allowed
    }
}
