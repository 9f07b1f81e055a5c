//! Printing to people: standard output for results, standard error for everything about the run.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::error::{Error, Result, causes};

/// Good news.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Bad news.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What to look at.
pub const STRONG: Style = Style::new().bold();

/// `text` in a style; the stream it is printed to drops the style where it should not be seen.
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Prints a result.
///
/// # Errors
///
/// If standard output cannot be written to.
pub fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Error::io("cannot write to standard output", e))
}

/// Prints an error, its causes and what to do.
pub fn print_error(error: &Error) {
    let mut text = format!("{} {error}\n", styled(BAD, "error:"));
    let mut said = error.to_string();
    for cause in causes(error) {
        let reason = cause.to_string();
        // Libraries repeat their causes in their own message.
        if !said.contains(&reason) {
            text += &format!("  because: {reason}\n");
            said = reason;
        }
    }
    if let Some(hint) = error.hint() {
        text += &format!("  {} {hint}\n", styled(STRONG, "what to do:"));
    }
    // Where even standard error is closed, the exit code still tells.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Whether an error only says that whoever was reading has gone, as `head` does.
pub fn is_closed_pipe(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
}
