//! Runs of the program that is measured: `STARLIFT_BIN`, or the build of this checkout.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::process::Command;
use std::time::Duration;

/// Wait of the S3 server before every response.
pub const LATENCY: Duration = Duration::from_millis(20);

/// Returns a command that runs the program.
pub fn starlift() -> Command {
    let program = std::env::var_os("STARLIFT_BIN");
    Command::new(program.unwrap_or_else(|| env!("CARGO_BIN_EXE_starlift").into()))
}

/// Runs a command, which must succeed, and returns its output.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns a small object with one song.
pub fn song(number: usize) -> Vec<u8> {
    let artist = number / 3;
    format!(
        r#"{{"num_songs": 1, "artist_id": "AR{artist:08}", "artist_latitude": null, "artist_longitude": null, "artist_location": "", "artist_name": "Artist {artist}", "song_id": "SO{number:09}", "title": "Title {number}", "duration": 218.93179, "year": 0}}"#
    )
    .into_bytes()
}
