//! The tutorial: its files are written, its commands run by a shell, and their output compared with
//! the page.

use std::path::Path;
use std::process::Command;

use crate::support::postgres::Postgres;
use crate::support::{Outcome, Workspace};

const TUTORIAL: &str = include_str!("../../docs/tutorial.md");

/// URL of the database in the tutorial.
const DATABASE: &str = "postgres://postgres@localhost:5432/postgres?sslmode=disable";

/// Marks omitted text in an output. A line that consists of it matches any number of lines.
const LEFT_OUT: &str = "…";

/// A code block of the page.
#[derive(Debug)]
enum Block {
    /// A file and its text.
    File(String, String),
    /// Commands, one per line.
    Commands(String),
    /// The output of the commands before it.
    Output(String),
}

/// Returns the code blocks of a page. A block whose path is in the line above it is a file.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut above = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            if !line.is_empty() {
                above = line;
            }
            continue;
        };
        let text: String = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .flat_map(|line| [line, "\n"])
            .collect();
        let path = above.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        blocks.push(match (language, path) {
            (_, Some(path)) => Block::File(path.to_owned(), text),
            ("console", None) => Block::Commands(text),
            ("text", None) => Block::Output(text),
            other => panic!("the tutorial has a block without a meaning: {other:?}\n{text}"),
        });
        above = "";
    }
    blocks
}

/// Runs commands in a shell that finds the program.
fn shell(here: &Workspace, commands: &str) -> Outcome {
    let program = here.command();
    let folder = Path::new(program.get_program()).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", commands]).current_dir(here.path());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("PATH", std::env::join_paths(folders).unwrap());
    here.outcome(&mut shell)
}

/// Returns `true` if a line is that of the page.
fn is_line(page: &str, printed: &str) -> bool {
    let mut parts = page.split(LEFT_OUT);
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else {
        return false;
    };
    let mut is_complete = rest.is_empty();
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        is_complete = rest.is_empty() || part.is_empty();
    }
    is_complete
}

/// Fails unless the output consists of the lines of the page. A line [`LEFT_OUT`] of the page permits
/// others.
#[track_caller]
fn compare(page: &str, outcome: &Outcome) {
    let mut printed = outcome.stdout.lines().map(str::trim_end);
    let mut is_left_out = false;
    for line in page.lines() {
        if line == LEFT_OUT {
            is_left_out = true;
            continue;
        }
        let is_found = match is_left_out {
            true => printed.any(|printed| is_line(line, printed)),
            false => printed.next().is_some_and(|printed| is_line(line, printed)),
        };
        assert!(is_found, "the page shows {line:?}, which is not printed there\n{outcome}");
        is_left_out = false;
    }
    let rest = printed.next();
    assert!(is_left_out || rest.is_none(), "the page does not show {rest:?}\n{outcome}");
}

#[test]
fn commands_of_the_tutorial_print_what_it_shows() {
    let (here, database) = (Workspace::new(), Postgres::shared().database());
    let mut last: Option<Outcome> = None;
    let (mut files, mut commands, mut outputs) = (0, 0, 0);
    for block in blocks(TUTORIAL) {
        match block {
            Block::File(path, text) => {
                here.write(&path, text.replace(DATABASE, &database.url()));
                files += 1;
            }
            Block::Commands(text) => {
                let outcome = shell(&here, &text);
                outcome.exits(0);
                commands += text.lines().count();
                last = Some(outcome);
            }
            Block::Output(text) => {
                compare(&text, &last.take().expect("an output follows its commands"));
                outputs += 1;
            }
        }
    }
    assert!(here.read("starlift.toml").contains(&database.url()), "the database is not replaced");
    assert_eq!((files, commands, outputs), (11, 13, 12));
}
