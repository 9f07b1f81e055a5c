//! Shows output that does not fit on the screen with a pager.
//!
//! Output is collected until it exceeds the screen. Only then the pager is started, and receives the rest
//! as it is produced. A user who quits the pager early has seen enough: later output is dropped.

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;

use super::screen::Screen;
use crate::cli::error::{Error, Result};
use crate::cli::output::{TextFormat, note, print_exact};
use crate::cli::signals;

/// Options of `less`, unless LESS is set: exit if the text fits, show colours, do not wrap the lines of
/// tables, and leave the text on the screen.
const LESS: &str = "FRSX";

/// Exit codes of a shell for a command that it cannot find or execute.
const NOT_RUN: [i32; 2] = [126, 127];

/// Interval at which the end of the pager is checked.
const POLL: Duration = Duration::from_millis(20);

/// Amount of output that is retained, to be printed if the pager cannot be run. A pager that has read more
/// than a pipe can hold is running.
const RETAINED_BYTES: usize = 1024 * 1024;

/// Text for a terminal, through a pager if it does not fit on the screen.
pub struct Paged {
    program: Program,
    screen: Screen,
    /// The beginning of the text.
    text: String,
    state: State,
}

/// State of the pager.
enum State {
    /// The text fits so far.
    Collecting,
    /// The pager is running and reads from the pipe.
    Running(Child, pipe::Sender),
    /// The user has quit the pager.
    Quit,
    /// No pager can be run: text is printed.
    Unavailable,
}

/// A pager.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Program {
    /// `less`, which might not be installed.
    Default,
    /// A command of the user, which the shell runs.
    Command(OsString),
}

impl Paged {
    /// Returns output for the terminal, or `None` if standard output is not a terminal that can show a pager,
    /// or the environment disables it.
    pub fn open() -> Option<Paged> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if is_dumb || !io::stdout().is_terminal() {
            return None;
        }
        let program = program(std::env::var_os("STARLIFT_PAGER"), std::env::var_os("PAGER"))?;
        let screen = Screen::of_terminal()?;
        Some(Paged { program, screen, text: String::new(), state: State::Collecting })
    }

    /// Returns `true` if the user has quit the pager.
    pub fn has_quit(&self) -> bool {
        matches!(self.state, State::Quit)
    }

    /// Adds text, whose unsafe characters are already escaped.
    ///
    /// # Errors
    ///
    /// Returns an error if the pager cannot be started, or a write to the terminal fails.
    pub async fn write(&mut self, text: &str) -> Result<()> {
        if self.text.len() < RETAINED_BYTES {
            self.text += text;
        }
        match &self.state {
            State::Collecting if self.screen.fits(&self.text) => Ok(()),
            State::Collecting => {
                self.start()?;
                let collected = self.text.clone();
                self.send(&collected).await
            }
            State::Running(..) => self.send(text).await,
            State::Quit => Ok(()),
            State::Unavailable => print_exact(text, TextFormat::Text),
        }
    }

    /// Starts the pager. Without `less`, prints the text.
    fn start(&mut self) -> Result<()> {
        let mut command = match &self.program {
            Program::Default => Command::new("less"),
            Program::Command(command) => {
                let mut shell = Command::new("/bin/sh");
                shell.arg("-c").arg(command);
                shell
            }
        };
        for (name, value) in [("LESS", LESS), ("LESSCHARSET", "utf-8")] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        let started = command.stdin(Stdio::piped()).spawn().and_then(|mut child| {
            let stdin = child.stdin.take().ok_or(ErrorKind::BrokenPipe)?;
            Ok((child, pipe::Sender::from_owned_fd(stdin.into())?))
        });
        match started {
            Ok((child, stdin)) => self.state = State::Running(child, stdin),
            Err(e) if e.kind() == ErrorKind::NotFound && self.program == Program::Default => {
                self.state = State::Unavailable;
                print_exact(&self.text, TextFormat::Text)?;
            }
            Err(e) => return Err(Error::io("cannot start the pager", e)),
        }
        Ok(())
    }

    /// Sends text to the pager, if it is running. A pager that does not read it has ended.
    async fn send(&mut self, text: &str) -> Result<()> {
        let State::Running(_, stdin) = &mut self.state else { return Ok(()) };
        let sent = stdin.write_all(text.as_bytes()).await;
        if sent.is_ok() { Ok(()) } else { self.wait().await }
    }

    /// Prints text that fits on the screen, or waits until the user quits the pager.
    ///
    /// # Errors
    ///
    /// Returns an error if a write to the terminal fails, or the process is terminated.
    pub async fn finish(mut self) -> Result<()> {
        match &self.state {
            State::Collecting => print_exact(&self.text, TextFormat::Text),
            State::Running(..) => self.wait().await,
            State::Quit | State::Unavailable => Ok(()),
        }
    }

    /// Waits until the pager ends. Ctrl-C belongs to it in the meantime.
    async fn wait(&mut self) -> Result<()> {
        let State::Running(mut child, stdin) = std::mem::replace(&mut self.state, State::Quit)
        else {
            return Ok(());
        };
        drop(stdin);
        let ended = loop {
            tokio::select! {
                ended = end_of(&mut child) => break ended,
                () = signals::ctrl_c() => {}
                () = signals::terminated() => {
                    let _ = child.kill();
                    return Err(crate::error::Error::Stopped.into());
                }
            }
        };
        let ended = ended.map_err(|e| Error::io("cannot wait for the pager", e))?;
        if ended.code().is_some_and(|code| NOT_RUN.contains(&code)) {
            self.state = State::Unavailable;
            note("the pager cannot be run; check STARLIFT_PAGER and PAGER, or pass --no-pager\n");
            return print_exact(&self.text, TextFormat::Text);
        }
        Ok(())
    }
}

/// Waits until a process ends.
async fn end_of(child: &mut Child) -> io::Result<ExitStatus> {
    loop {
        if let Some(ended) = child.try_wait()? {
            return Ok(ended);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Returns the pager that the variables name. An empty value and `cat` mean no pager.
fn program(own: Option<OsString>, general: Option<OsString>) -> Option<Program> {
    match own.or(general) {
        None => Some(Program::Default),
        Some(command) if command.is_empty() || command == "cat" => None,
        Some(command) => Some(Program::Command(command)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_name_the_pager() {
        let text = |text: &str| Some(OsString::from(text));
        let command = |text: &str| Some(Program::Command(text.into()));
        assert_eq!(program(None, None), Some(Program::Default));
        assert_eq!(program(None, text("more -s")), command("more -s"));
        assert_eq!(program(text("most"), text("more")), command("most"));
        assert_eq!(program(text(""), text("more")), None);
        assert_eq!(program(None, text("cat")), None);
    }
}
