//! The page in Chromium: `tests/reference/report_page.py` opens it, and compares its numbers with `starlift query`.

use std::process::Command;

use super::edges::{HOSTILE, with_hostile_names};
use super::*;
use crate::support::python;

/// Returns the path of Chromium, or `None` if it is not installed.
fn chromium() -> Option<PathBuf> {
    let found = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].map(PathBuf::from);
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "chromium must be installed where CI is");
        eprintln!("skipped: chromium is not installed");
    }
    found
}

/// Opens the report on `star` in Chromium and checks it.
#[track_caller]
fn check(here: &Workspace, more: &[&str]) {
    let (Some(python), Some(chromium)) = (python(), chromium()) else { return };
    page(here, &[]);
    let mut command = Command::new(python);
    command.current_dir(here.path()).arg(root("tests/reference/report_page.py"));
    command.arg("--chromium").arg(chromium).args(["check", "report.html", "--star", "star"]);
    command.arg("--starlift").arg(env!("CARGO_BIN_EXE_starlift")).args(more);
    let output = command.output().unwrap();
    let texts =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{}\n{}", texts[0], texts[1]);
    assert!(
        texts[0].contains("light, dark, narrow and printed pages are accessible"),
        "{}",
        texts[0]
    );
}

#[test]
fn a_page_is_offline_accessible_and_has_the_numbers_of_its_queries() {
    check(&with_star(), &[]);
}

#[test]
fn an_empty_star_has_an_accessible_page() {
    check(&with_plays("", &[]), &[]);
}

#[test]
fn hostile_names_are_text_in_a_browser() {
    let texts: Vec<&str> = HOSTILE.iter().flat_map(|text| ["--text", text]).collect();
    check(&with_hostile_names(), &texts);
}
