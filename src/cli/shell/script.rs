//! Statements from a pipe or a file: all of them, up to the first error.

use std::io::{self, BufRead};

use super::split::{First, first};
use super::{Flow, Shell};
use crate::cli::error::{Error, Result};
use crate::cli::signals::unless_interrupted;

/// Runs the statements and commands on standard input as they arrive.
///
/// # Errors
///
/// Returns the first error, with the number of the line at which its statement begins.
pub async fn run(shell: &mut Shell) -> Result<()> {
    let mut script = Script::default();
    loop {
        let line = unless_interrupted(next_line(), crate::error::Error::Stopped).await?;
        let Some(line) = line else { break };
        script.text += &line;
        if script.run_complete(shell).await? == Flow::Quit {
            return Ok(());
        }
    }
    script.run_rest(shell).await
}

/// Reads a line on a thread that can be abandoned.
async fn next_line() -> Result<Option<String>> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|length| (length > 0).then_some(line))
    });
    read.await?.map_err(|e| Error::io("cannot read standard input as UTF-8 text", e))
}

/// The part of a script that has not been run.
#[derive(Debug)]
struct Script {
    text: String,
    /// Number of the first line of the text.
    line: usize,
}

impl Default for Script {
    fn default() -> Script {
        Script { text: String::new(), line: 1 }
    }
}

impl Script {
    /// Runs the statements and commands that are complete.
    async fn run_complete(&mut self, shell: &mut Shell) -> Result<Flow> {
        let syntax = shell.source.syntax();
        loop {
            let (outcome, start, end) = match first(&self.text, 0, syntax) {
                First::Statement(piece) => {
                    let outcome = shell.statement(piece.text).await.map(|()| Flow::Continue);
                    (outcome, piece.start, piece.end)
                }
                First::Command(piece) => (shell.command(piece.text).await, piece.start, piece.end),
                First::Incomplete(_) | First::Nothing => return Ok(Flow::Continue),
            };
            let flow = outcome.map_err(|error| self.at(start, error))?;
            self.skip(end);
            if flow == Flow::Quit {
                return Ok(flow);
            }
        }
    }

    /// Runs the last statement, which might have no semicolon.
    async fn run_rest(&mut self, shell: &mut Shell) -> Result<()> {
        let First::Incomplete(piece) = first(&self.text, 0, shell.source.syntax()) else {
            return Ok(());
        };
        shell.statement(piece.text).await.map_err(|error| self.at(piece.start, error))
    }

    fn at(&self, position: usize, error: Error) -> Error {
        let line = self.line + self.text[..position].matches('\n').count();
        Error::Line { line, error: Box::new(error) }
    }

    fn skip(&mut self, length: usize) {
        self.line += self.text[..length].matches('\n').count();
        self.text.drain(..length);
    }
}
