//! Printing: standard output for results, standard error for everything about the run.
//!
//! All text is printed with its control characters escaped, see [`escape`]. A reader that closes its end,
//! as `head` does, is not an error: later output is dropped, and the command continues to its verdict.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};

use crate::cli::error::{Error, Result};
use crate::error::causes;
use crate::escape;

/// Good news.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Bad news.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What to look at.
pub const STRONG: Style = Style::new().bold();

/// Encloses the escape sequences of [`styled`]. It is random, so that no escape sequence in the data can
/// pass for one of them.
static MARK: LazyLock<String> = LazyLock::new(|| format!("\u{1}{:032x}", rand::random::<u128>()));

/// Set once the reader of standard output has closed its end.
static READER_HAS_GONE: AtomicBool = AtomicBool::new(false);

/// `text` in a style; the stream it is printed to drops the style where it should not be seen. Only
/// [`print()`], [`note`] and [`print_error`] can print it.
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    let mark = &*MARK;
    format!("{mark}{style}{mark}{text}{mark}{style:#}{mark}")
}

/// The text with the sequences of [`styled`] and without any other.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut is_style = false;
    for piece in text.split(&**MARK) {
        if is_style {
            shown += piece;
        } else {
            shown += &escape::lines(piece);
        }
        is_style = !is_style;
    }
    shown
}

/// Prints a text for people.
///
/// # Errors
///
/// If standard output cannot be written to, other than because its reader has closed its end.
pub fn print(text: &str) -> Result<()> {
    write(&mut anstream::stdout().lock(), shown(text).as_bytes())
}

/// The form of what [`print_exact`] prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON documents.
    Json,
    /// Any other text.
    Text,
}

/// Prints a result for programs byte for byte, or with unsafe characters escaped on a terminal.
///
/// # Errors
///
/// As [`print()`].
pub fn print_exact(text: &str, form: Form) -> Result<()> {
    let mut out = io::stdout().lock();
    let shown = match form {
        _ if !out.is_terminal() => text.into(),
        Form::Json => escape::json(text),
        Form::Text => escape::lines(text),
    };
    write(&mut out, shown.as_bytes())
}

/// Returns true once the reader of standard output has closed its end.
pub fn reader_has_gone() -> bool {
    READER_HAS_GONE.load(Ordering::Relaxed)
}

fn write(out: &mut impl Write, bytes: &[u8]) -> Result<()> {
    if reader_has_gone() {
        return Ok(());
    }
    pass_closed(out.write_all(bytes).and_then(|()| out.flush()))
        .map_err(|e| Error::io("cannot write to standard output", e))
}

/// Records that the reader has closed its end, which is not a failure.
fn pass_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => {
            READER_HAS_GONE.store(true, Ordering::Relaxed);
            Ok(())
        }
        other => other,
    }
}

/// Prints a text for people to standard error. Failures are ignored: the exit code still counts.
pub fn note(text: &str) {
    let _ = anstream::stderr().lock().write_all(shown(text).as_bytes());
}

/// Prints an error, its causes and what to do.
pub fn print_error(error: &Error) {
    let message = error.to_string();
    let label = format!("error[{}]:", error.code().as_str());
    let mut text = format!("{} {}\n", styled(BAD, label), indented(&message));
    let mut said = message;
    for cause in causes(error) {
        let reason = cause.to_string();
        // Libraries repeat their causes in their own message.
        if !said.contains(&reason) {
            let _ = writeln!(text, "  because: {}", indented(&reason));
            said = reason;
        }
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(text, "  {} {}", styled(STRONG, "what to do:"), indented(&hint));
    }
    note(&text);
}

/// The text with all lines but the first indented, so that a line feed in a name cannot imitate a line of
/// the program.
fn indented(text: &str) -> String {
    let mut lines = text.trim_end().split('\n');
    let mut indented = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        indented += if line.starts_with("  ") { "\n" } else { "\n  " };
        indented += line;
    }
    indented
}

/// Prints an error of the command line, or the help or version.
///
/// # Errors
///
/// As [`print()`].
pub fn print_usage(usage: &clap::Error) -> Result<()> {
    let mut text = usage.render().ansi().to_string();
    for arg in std::env::args_os() {
        let arg = arg.to_string_lossy();
        for typed in std::iter::once(&*arg).chain(arg.split_once('=').map(|(_, value)| value)) {
            if let Cow::Owned(shown) = escape::line(typed) {
                text = text.replace(typed, &shown);
            }
        }
    }
    let text = escape::coloured(&text);
    if usage.use_stderr() {
        let _ = anstream::stderr().lock().write_all(text.as_bytes());
        return Ok(());
    }
    write(&mut anstream::stdout().lock(), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_styles_are_printed() {
        let text = format!("{} \u{1b}[32mok\u{1b}[0m", styled(GOOD, "a\u{1b}]b"));
        let wanted = "\u{1b}[1m\u{1b}[32ma\\u{1b}]b\u{1b}[0m \\u{1b}[32mok\\u{1b}[0m";
        assert_eq!(shown(&text), wanted);
        assert_eq!(shown(&styled(BAD, styled(GOOD, "x"))).matches('\u{1}').count(), 0);
    }

    #[test]
    fn further_lines_are_indented() {
        assert_eq!(indented("a\nerror: b\n  c\n"), "a\n  error: b\n  c");
    }

    #[test]
    fn a_closed_pipe_is_passed_and_a_full_disk_is_not() {
        assert!(pass_closed(Err(ErrorKind::StorageFull.into())).is_err());
        assert!(pass_closed(Ok(())).is_ok());
    }
}
