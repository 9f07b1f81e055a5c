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

/// Runs a command of the program on the report. Returns whether it has succeeded, and its output; `None` if the
/// browser is not installed.
fn in_browser(here: &Workspace, args: &[&str]) -> Option<(bool, String)> {
    let (python, chromium) = (python()?, chromium()?);
    let mut command = Command::new(python);
    command.current_dir(here.path()).arg(root("tests/reference/report_page.py"));
    command.arg("--chromium").arg(chromium).args(args);
    let output = command.output().unwrap();
    let text = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    Some((output.status.success(), text.concat()))
}

/// Opens the report on `star` in Chromium and checks it.
#[track_caller]
fn check(here: &Workspace, more: &[&str]) {
    page(here, &[]);
    let starlift = env!("CARGO_BIN_EXE_starlift");
    let args = ["check", "report.html", "--star", "star", "--starlift", starlift];
    let Some((is_good, text)) = in_browser(here, &[&args, more].concat()) else { return };
    assert!(is_good, "{text}");
    assert!(text.contains("light, dark, narrow and printed pages are accessible"), "{text}");
}

#[test]
fn a_printed_page_has_all_headings_totals_and_tables() {
    let here = with_star();
    let html = page(&here, &[]);
    let Some((is_good, text)) = in_browser(&here, &["pdf", "report.html"]) else { return };
    assert!(is_good, "{text}");
    assert!(text.contains(" printed pages have ") && text.contains(" tables with "), "{text}");

    let open = ".scroll{max-height:none;overflow:visible}";
    assert!(html.contains(open), "the style sheet opens tables in print");
    for (style, problem) in [
        (".scroll{max-height:3rem;overflow:hidden}", "the PDF lacks the tr "),
        (
            ".scroll{max-height:none;overflow:visible;white-space:nowrap;width:300mm}",
            "outside of its margins",
        ),
        ("h2{display:none}", "the PDF lacks the h2 "),
        (".scroll{max-height:none}details.table{display:none}", "the PDF lacks the caption "),
    ] {
        here.write("report.html", html.replace(open, style));
        let (is_good, text) = in_browser(&here, &["pdf", "report.html"]).unwrap();
        assert!(!is_good && text.contains(problem), "{style}: {text}");
    }
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
