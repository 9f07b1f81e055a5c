//! Printing: results to standard output, everything about the run to standard error.
//!
//! Control characters in the text are escaped, see [`escape`]. A reader that closes the pipe, as `head`
//! does, is not an error: later output is dropped, and the command continues, so that its exit code is
//! the same.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};

use crate::cli::error::{Error, Result};
use crate::error::causes;
use crate::escape;

/// Style of success.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Style of failures and warnings.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Style of emphasis.
pub const STRONG: Style = Style::new().bold();

/// Marks the escape sequences of [`styled`]. It is random, so that data cannot imitate them.
static MARK: LazyLock<String> = LazyLock::new(|| format!("\u{1}{:032x}", rand::random::<u128>()));

/// `true` if human-readable text is left out, because the result is a JSON document.
static IS_TEXT_OFF: AtomicBool = AtomicBool::new(false);

/// `true` once something was written to standard output.
static HAS_WRITTEN: AtomicBool = AtomicBool::new(false);

/// `true` once the reader of standard output has closed the pipe.
static READER_HAS_GONE: AtomicBool = AtomicBool::new(false);

/// Returns `text` in a style. The output stream drops the style if colours are off. The result is only
/// for [`print()`], [`note`] and [`print_error`].
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    let mark = &*MARK;
    format!("{mark}{style}{mark}{text}{mark}{style:#}{mark}")
}

/// Returns the text with the sequences of [`styled`] intact and all unsafe characters escaped.
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

/// Prints human-readable text.
///
/// # Errors
///
/// Returns an error if a write to standard output fails, unless its reader has closed the pipe.
pub fn print(text: &str) -> Result<()> {
    if IS_TEXT_OFF.load(Ordering::Relaxed) {
        return Ok(());
    }
    write(&mut anstream::stdout().lock(), shown(text).as_bytes())
}

/// Makes [`print()`] print nothing, because the result is a JSON document.
pub fn turn_text_off() {
    IS_TEXT_OFF.store(true, Ordering::Relaxed);
}

/// Returns `true` if something was written to standard output.
pub fn has_written() -> bool {
    HAS_WRITTEN.load(Ordering::Relaxed)
}

/// Returns text of [`print()`] without styles and with all unsafe characters escaped.
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(&shown(text)).to_string()
}

/// Format of the text that [`print_exact`] prints; it determines the escaping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// JSON documents, in which unsafe characters become `\uXXXX`.
    Json,
    /// Any other text.
    Text,
}

/// Prints machine-readable output byte for byte; on a terminal, escapes unsafe characters.
///
/// # Errors
///
/// Returns an error under the conditions of [`print()`].
pub fn print_exact(text: &str, format: TextFormat) -> Result<()> {
    let mut out = io::stdout().lock();
    let shown = if out.is_terminal() { escaped(text, format) } else { text.into() };
    write(&mut out, shown.as_bytes())
}

/// Returns the text as a terminal shows it: with unsafe characters escaped.
pub fn escaped(text: &str, format: TextFormat) -> Cow<'_, str> {
    match format {
        TextFormat::Json => escape::json(text),
        TextFormat::Text => escape::lines(text),
    }
}

/// Prints binary output.
///
/// # Errors
///
/// Returns an error under the conditions of [`print()`].
pub fn print_bytes(bytes: &[u8]) -> Result<()> {
    write(&mut io::stdout().lock(), bytes)
}

/// Returns `true` if the reader of standard output has closed the pipe.
pub fn reader_has_gone() -> bool {
    READER_HAS_GONE.load(Ordering::Relaxed)
}

fn write(out: &mut impl Write, bytes: &[u8]) -> Result<()> {
    if reader_has_gone() {
        return Ok(());
    }
    HAS_WRITTEN.fetch_or(!bytes.is_empty(), Ordering::Relaxed);
    ignore_closed_pipe(out.write_all(bytes).and_then(|()| out.flush()))
        .map_err(|e| Error::io("cannot write to standard output", e))
}

/// Turns the error of a closed pipe into success, and records that the reader has gone.
fn ignore_closed_pipe(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => {
            READER_HAS_GONE.store(true, Ordering::Relaxed);
            Ok(())
        }
        other => other,
    }
}

/// Prints human-readable text to standard error. Ignores failures: the exit code still reports the
/// outcome.
pub fn note(text: &str) {
    let _ = anstream::stderr().lock().write_all(shown(text).as_bytes());
}

/// Prints an error, its causes, and its hint.
pub fn print_error(error: &Error) {
    let message = error.to_string();
    let label = format!("error[{}]:", error.code().as_str());
    let mut text = format!("{} {}\n", styled(BAD, label), indented(&message));
    let mut printed = message;
    for cause in causes(error) {
        let reason = cause.to_string();
        // Libraries repeat the causes in their own messages.
        if !printed.contains(&reason) {
            let _ = writeln!(text, "  because: {}", indented(&reason));
            printed = reason;
        }
    }
    if let Some((last, others)) = error.similar_names().split_last() {
        let others = if others.is_empty() { String::new() } else { others.join(", ") + " or " };
        let _ = writeln!(text, "  {} {others}{last}?", styled(STRONG, "did you mean"));
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(text, "  {} {}", styled(STRONG, "what to do:"), indented(&hint));
    }
    note(&text);
}

/// Indents all lines but the first, so that a line feed in a name cannot imitate the program's own
/// output.
fn indented(text: &str) -> String {
    let mut lines = text.trim_end().split('\n');
    let mut indented = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        indented += if line.starts_with("  ") { "\n" } else { "\n  " };
        indented += line;
    }
    indented
}

/// Prints a usage error to standard error, or the help or version to standard output.
///
/// # Errors
///
/// Returns an error under the conditions of [`print()`].
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
    fn only_styles_of_the_program_are_printed() {
        let text = format!("{} \u{1b}[32mok\u{1b}[0m", styled(GOOD, "a\u{1b}]b"));
        let expected = "\u{1b}[1m\u{1b}[32ma\\u{1b}]b\u{1b}[0m \\u{1b}[32mok\\u{1b}[0m";
        assert_eq!(shown(&text), expected);
        assert_eq!(shown(&styled(BAD, styled(GOOD, "x"))).matches('\u{1}').count(), 0);
    }

    #[test]
    fn further_lines_are_indented() {
        assert_eq!(indented("a\nerror: b\n  c\n"), "a\n  error: b\n  c");
    }

    #[test]
    fn a_closed_pipe_is_ignored_and_a_full_disk_is_not() {
        assert!(ignore_closed_pipe(Err(ErrorKind::StorageFull.into())).is_err());
        assert!(ignore_closed_pipe(Ok(())).is_ok());
    }
}
