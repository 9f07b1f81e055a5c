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

/// Runs a program on a pseudo-terminal of a size, and sends keys each time that a text has appeared.
const OPERATOR: &str = r#"
import fcntl, json, os, pty, select, signal, struct, sys, termios, time
rows, columns, steps = json.loads(sys.argv[1])
program = sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execv(program[0], program)
seen, everything = b"", b""
while True:
    while steps and steps[0][0].encode() in seen:
        text, keys = steps.pop(0)
        seen = seen[seen.index(text.encode()) + len(text.encode()):]
        if keys.startswith("~"):
            time.sleep(1)
        os.write(terminal, keys.lstrip("~").encode())
    ready, _, _ = select.select([terminal], [], [], 40)
    try:
        piece = os.read(terminal, 4096) if ready else b""
    except OSError:
        piece = b""
    if not piece:
        break
    seen += piece
    everything += piece
sys.stdout.buffer.write(everything)
sys.stdout.flush()
if ready and not steps:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
os.kill(pid, signal.SIGKILL)
sys.exit("it does not end, or this text has not appeared: %r" % steps[:1])
"#;

/// Runs a command created with [`Workspace::command`] on a pseudo-terminal of `size`, in rows and columns. Each
/// step is a text and the keys to send once it has appeared after the previous step; a tilde before the keys is
/// one second of waiting. Returns `None`, with a message, if there is no Python.
pub fn operated(
    here: &Workspace,
    command: &Command,
    size: [u16; 2],
    steps: &[(&str, &str)],
) -> Option<Outcome> {
    let mut operator = Command::new(python()?);
    let plan = serde_json::json!([size[0], size[1], steps]).to_string();
    operator.current_dir(here.path()).args(["-c", OPERATOR, &plan]);
    operator.arg(command.get_program()).args(command.get_args());
    operator.env("TERM", "xterm").env_remove("PAGER").env_remove("LESS");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => operator.env(name, value),
            None => operator.env_remove(name),
        };
    }
    Some(here.outcome(&mut operator))
}
