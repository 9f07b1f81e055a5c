//! The results of checks as JUnit XML.

use std::fmt::Write;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use quick_xml::escape::escape;

use crate::cli::error::Error;
use crate::cli::json::{Failure, Report, Subject, Verdict, VerdictOutcome};

/// First line of the file.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Returns `true` if a text can be a report that this program has written.
pub fn is_junit(text: &str) -> bool {
    text.starts_with(DECLARATION) && text.contains("<testsuites name=\"starlift check\"")
}

/// A test case.
struct Case {
    name: String,
    seconds: f64,
    /// The element below it, if it did not pass.
    content: String,
}

/// Returns the report of a `check`, which has one test case per check. If the checks did not run, it has one test
/// case with the error.
pub fn text(report: &Report, error: Option<&Error>, elapsed: Duration) -> String {
    let (suite, cases) = match (report, error) {
        (Report::Check(Some(result)), _) => {
            let suite = match result.subject {
                Subject::Star => "star",
                Subject::Warehouse => "warehouse",
                Subject::CopyContract => "copy_contract",
            };
            let cases = result.checks.iter().map(case);
            (suite, cases.chain(passed_rules(result.subject, result.failed)).collect())
        }
        (_, Some(error)) => ("error", vec![failed_command(error)]),
        (_, None) => ("none", Vec::new()),
    };
    render(suite, &cases, elapsed)
}

/// Returns a test case for the rules of the COPY contract, if none is violated: those that pass are not listed.
fn passed_rules(subject: Subject, failed: u64) -> Option<Case> {
    let is_missing = subject == Subject::CopyContract && failed == 0;
    let name = "all_rules".to_owned();
    is_missing.then_some(Case { name, seconds: 0.0, content: String::new() })
}

fn case(verdict: &Verdict) -> Case {
    let content = match verdict.outcome {
        VerdictOutcome::Passed => String::new(),
        VerdictOutcome::Skipped => {
            let reason = verdict.note.as_deref().unwrap_or_default();
            format!("<skipped message=\"{}\"/>", attribute(reason))
        }
        VerdictOutcome::Failed => {
            let count = verdict.offending_rows;
            let message = format!("{count} rows violate: {}", verdict.requirement);
            let rows = verdict.first_rows.iter().map(|row| {
                let row = serde_json::Value::Object(row.clone());
                format!("{row}\n")
            });
            let more = count.saturating_sub(verdict.first_rows.len() as u64);
            let mut text = rows.collect::<String>();
            if more > 0 {
                let _ = writeln!(text, "and {more} more");
            }
            if let Some(advice) = &verdict.note {
                let _ = writeln!(text, "what to do: {advice}");
            }
            format!(
                "<failure message=\"{}\" type=\"check\">{}</failure>",
                attribute(&message),
                element(&text)
            )
        }
    };
    Case { name: verdict.name.clone(), seconds: verdict.seconds, content }
}

fn failed_command(error: &Error) -> Case {
    let failure = Failure::new(error, Vec::new());
    let mut text = failure.message.clone();
    for cause in &failure.causes {
        let _ = write!(text, "\nbecause: {cause}");
    }
    if let Some(advice) = &failure.advice {
        let _ = write!(text, "\nwhat to do: {advice}");
    }
    let content = format!(
        "<error message=\"{}\" type=\"{}\">{}</error>",
        attribute(&failure.message),
        attribute(&failure.code),
        element(&text)
    );
    Case { name: "check".to_owned(), seconds: 0.0, content }
}

fn render(suite: &str, cases: &[Case], elapsed: Duration) -> String {
    let count =
        |element: &str| cases.iter().filter(|case| case.content.starts_with(element)).count();
    let (tests, failures, errors) = (cases.len(), count("<failure"), count("<error"));
    let seconds = elapsed.as_secs_f64();
    let mut text = DECLARATION.to_owned();
    let _ = writeln!(
        text,
        "<testsuites name=\"starlift check\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
         time=\"{seconds:.3}\">"
    );
    let _ = writeln!(
        text,
        "  <testsuite name=\"{suite}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
         skipped=\"{}\" time=\"{seconds:.3}\" timestamp=\"{}\" hostname=\"localhost\">",
        count("<skipped"),
        Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true).trim_end_matches('Z')
    );
    for case in cases {
        let _ = write!(
            text,
            "    <testcase name=\"{}\" classname=\"starlift.check.{suite}\" time=\"{:.3}\"",
            attribute(&case.name),
            case.seconds
        );
        match case.content.as_str() {
            "" => text += "/>\n",
            content => {
                let _ = writeln!(text, ">{content}</testcase>");
            }
        }
    }
    text + "  </testsuite>\n</testsuites>\n"
}

/// Returns text for an element: escaped, with the characters that XML 1.0 forbids replaced by U+FFFD.
fn element(text: &str) -> String {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let allowed: String =
        text.chars().map(|c| if is_allowed(c) { c } else { '\u{fffd}' }).collect();
    escape(allowed.as_str()).into_owned()
}

/// Returns text for an attribute. Line feeds and tabs become references, because a parser turns them into spaces.
fn attribute(text: &str) -> String {
    element(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_escaped_and_forbidden_characters_are_replaced() {
        let hostile = "<a b=\"c\">&'\u{0}\u{1b}[31m\u{fffe}]]>\r\n\t\u{10ffff}";
        let shown = element(hostile);
        assert_eq!(
            shown,
            "&lt;a b=&quot;c&quot;&gt;&amp;&apos;\u{fffd}\u{fffd}[31m\u{fffd}]]&gt;\u{fffd}\n\t\u{10ffff}"
        );
        assert!(attribute(hostile).ends_with("&#10;&#9;\u{10ffff}"));
    }
}
