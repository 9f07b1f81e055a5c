//! The program on a pseudo-terminal, with typed input.

use std::process::Command;

use super::{Outcome, Workspace, python};

/// Runs a program on a pseudo-terminal and types each of the given lines after a question.
const TYPIST: &str = r#"
import os, pty, select, sys
count = int(sys.argv[1])
lines, program = sys.argv[2:2 + count], sys.argv[2 + count:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program[0], program)
seen = b""
while True:
    ready, _, _ = select.select([terminal], [], [], 20)
    try:
        piece = os.read(terminal, 4096) if ready else b""
    except OSError:
        piece = b""
    if not piece:
        break
    seen += piece
    if lines and seen.rstrip(b" \x1b[?25hl").endswith((b":", b"]")):
        os.write(terminal, lines.pop(0).encode() + b"\r")
        seen = b""
    sys.stdout.buffer.write(piece)
    sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

/// Runs a command created with [`Workspace::command`] on a pseudo-terminal and types these lines;
/// everything shown is its standard output. Returns `None`, with a message, if there is no Python.
pub fn typed(here: &Workspace, command: &Command, lines: &[&str]) -> Option<Outcome> {
    let mut typist = Command::new(python()?);
    typist
        .current_dir(here.path())
        .args(["-c", TYPIST, &lines.len().to_string()])
        .args(lines)
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => typist.env(name, value),
            None => typist.env_remove(name),
        };
    }
    typist.env("TERM", "xterm");
    Some(here.outcome(&mut typist))
}
