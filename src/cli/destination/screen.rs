//! Size of the terminal.

use std::io;

use terminal_size::{Height, Width, terminal_size_of};
use unicode_width::UnicodeWidthStr;

/// Width of output that is not for a terminal, or for one of unknown size.
pub const DEFAULT_WIDTH: usize = 80;

/// Size of a screen in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Number of columns.
    pub columns: usize,
    /// Number of rows.
    pub rows: usize,
}

impl Screen {
    /// Returns the size of the terminal of standard output, or `None` if it is not a terminal or its size is
    /// unknown.
    pub fn of_terminal() -> Option<Screen> {
        let (Width(columns), Height(rows)) = terminal_size_of(io::stdout())?;
        (columns > 0 && rows > 0).then_some(Screen { columns: columns.into(), rows: rows.into() })
    }

    /// Returns `true` if text and a prompt below it fit on the screen. Lines that are too long are wrapped.
    pub fn fits(&self, text: &str) -> bool {
        let rows = text.lines().map(|line| line.width().div_ceil(self.columns).max(1));
        let mut used = 1;
        rows.take(self.rows).for_each(|rows| used += rows);
        used <= self.rows
    }
}

/// Returns the width of the terminal of standard output, or [`DEFAULT_WIDTH`].
pub fn width() -> usize {
    Screen::of_terminal().map_or(DEFAULT_WIDTH, |screen| screen.columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_lines_and_a_prompt_need_rows() {
        let screen = Screen { columns: 10, rows: 4 };
        assert!(screen.fits("a\nb\nc\n"));
        assert!(!screen.fits("a\nb\nc\nd\n"));
        assert!(screen.fits("0123456789\n0\n\n"));
        assert!(!screen.fits("0123456789A\n0\n\n"));
        assert!(!screen.fits(&"音".repeat(16)));
    }
}
