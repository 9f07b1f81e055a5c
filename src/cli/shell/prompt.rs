//! The prompt on a terminal.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use tokio_util::task::AbortOnDropHandle;

use super::complete::Names;
use super::history;
use super::source::Source;
use super::split::{First, Syntax, first};
use super::{Flow, Shell};
use crate::cli::error::{Code, Error, Result};
use crate::cli::output::{note, print, print_error};
use crate::cli::signals::terminated;
use crate::escape;
use crate::temporary;

const PROMPT: &str = "starlift> ";

/// Words that users of other shells type to leave, or for help.
const WORDS: [(&str, &str); 3] = [("exit", r"\q"), ("quit", r"\q"), ("help", r"\?")];

/// Reads and runs statements until the user leaves. Errors are printed.
///
/// # Errors
///
/// Returns an error if the terminal fails, or the process is terminated.
pub async fn run(shell: &mut Shell, keeps_history: bool, is_quiet: bool) -> Result<()> {
    let mut lines = Lines::open(shell, keeps_history)?;
    if !is_quiet {
        let version = env!("CARGO_PKG_VERSION");
        print(&format!("starlift {version}; \\? shows help, \\q leaves\n"))?;
    }
    loop {
        let text = match lines.next() {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(e) => return Err(Error::io("cannot read from the terminal", io::Error::other(e))),
        };
        match run_all(shell, &text).await {
            Ok(Flow::Quit) => return Ok(()),
            Ok(Flow::Continue) => {}
            Err(error) if shell.is_terminated => return Err(error),
            Err(error) if error.code() == Code::Interrupted => note("cancelled\n"),
            Err(error) => print_error(&error),
        }
    }
}

/// Runs the statements and commands of a text, up to the first error.
async fn run_all(shell: &mut Shell, text: &str) -> Result<Flow> {
    if let Some((_, command)) = WORDS.iter().find(|(word, _)| *word == text.trim()) {
        return shell.command(command).await;
    }
    let mut at = 0;
    loop {
        match first(text, at, shell.source.syntax()) {
            First::Statement(piece) => {
                at = piece.end;
                shell.statement(piece.text).await?;
            }
            First::Command(piece) => {
                at = piece.end;
                if shell.command(piece.text).await? == Flow::Quit {
                    return Ok(Flow::Quit);
                }
            }
            First::Incomplete(_) | First::Nothing => return Ok(Flow::Continue),
        }
    }
}

/// Reads lines with an editor, and keeps their history.
struct Lines {
    editor: Editor<Assistant, FileHistory>,
    /// File of the history, if it is kept.
    history: Option<PathBuf>,
}

impl Lines {
    fn open(shell: &Shell, keeps_history: bool) -> Result<Lines> {
        let failed = |e| Error::io("cannot use the terminal", io::Error::other(e));
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(true)
            .max_history_size(history::MAX_STATEMENTS)
            .map_err(failed)?
            .build();
        let entries = FileHistory::with_config(&config);
        let mut editor = Editor::with_history(config, entries).map_err(failed)?;
        let names = Names::new(&shell.queries, matches!(shell.source, Source::Star(_)));
        editor.set_helper(Some(Assistant { names, syntax: shell.source.syntax() }));
        let history = if keeps_history { history::path() } else { None };
        let mut lines = Lines { editor, history };
        lines.load_history();
        Ok(lines)
    }

    fn load_history(&mut self) {
        let Some(path) = &self.history else { return };
        let created = history::create(path).map_err(ReadlineError::from);
        if let Err(error) = created.and_then(|()| self.editor.load_history(path)) {
            self.without_history(&error);
        }
    }

    fn without_history(&mut self, error: &ReadlineError) {
        let path = self.history.take().unwrap_or_default();
        note(&format!("the history is not kept: cannot use {}: {error}\n", path.display()));
    }

    /// Returns the next input of the user: one or several whole statements, or a command.
    fn next(&mut self) -> rustyline::Result<String> {
        // A signal does not interrupt the editor, so another task handles it.
        let _watch = watch();
        let text = tokio::task::block_in_place(|| self.editor.readline(PROMPT))?;
        if !text.trim().is_empty()
            && self.editor.add_history_entry(text.trim_end())?
            && let Some(path) = &self.history
            && let Err(error) = self.editor.append_history(path)
        {
            self.without_history(&error);
        }
        Ok(text)
    }
}

/// Starts a task that ends the process after SIGTERM or SIGHUP, with the terminal as it is now.
#[cfg(unix)]
fn watch() -> AbortOnDropHandle<()> {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    let mode = tcgetattr(io::stdin());
    AbortOnDropHandle::new(tokio::spawn(async move {
        terminated().await;
        if let Ok(mode) = mode {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &mode);
        }
        // The editor has turned bracketed paste on.
        let _ = io::stdout().write_all(b"\x1b[?2004l\n");
        temporary::remove_all();
        note("interrupted\n");
        std::process::exit(1);
    }))
}

#[cfg(not(unix))]
fn watch() -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(terminated()))
}

/// Completes names, and decides whether the input is complete.
struct Assistant {
    names: Names,
    syntax: Syntax,
}

impl Helper for Assistant {}

impl Highlighter for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let (start, mut found) = self.names.complete(line, cursor);
        // The editor prints them as they are.
        found.retain(|name| matches!(escape::line(name), Cow::Borrowed(_)));
        Ok((start, found))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let is_complete = is_complete(context.input(), self.syntax);
        Ok(if is_complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

/// Returns `true` if the input ends after a statement or a command.
fn is_complete(text: &str, syntax: Syntax) -> bool {
    if WORDS.iter().any(|(word, _)| *word == text.trim()) {
        return true;
    }
    let mut at = 0;
    loop {
        match first(text, at, syntax) {
            First::Statement(piece) | First::Command(piece) => at = piece.end,
            First::Incomplete(_) => return false,
            First::Nothing => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_with_a_semicolon() {
        let is_complete = |text| is_complete(text, Syntax::default());
        for text in ["", "select 1;", r"\d songs", "select 1; -- done", "exit", "-- nothing"] {
            assert!(is_complete(text), "{text}");
        }
        for text in ["select 1", "select ';", "select 1; select", "/* open;"] {
            assert!(!is_complete(text), "{text}");
        }
    }
}
