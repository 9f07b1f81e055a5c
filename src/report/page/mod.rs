//! The page: HTML with a style sheet and static SVG, without scripts, fonts or requests.
//!
//! maud escapes every text. The style sheet is the only text that is written as it is.

mod figure;
mod head;
mod lineage;
mod quality;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::facts::{Facts, Figure};
use super::quality::SECTION as QUALITY;
use figure::figure;

const STYLE: &str = include_str!("style.css");

/// Section of the figures at the top of the page.
const SUMMARY: &str = "Summary";

/// Section of the origin of the numbers.
pub(super) const LINEAGE: &str = "Lineage";

/// Forbids everything that the page does not need, so that nothing that it contains can run or be fetched.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Returns the page, and the size of each figure by file.
pub(super) fn page(facts: &Facts<'_>) -> (String, Vec<(String, usize)>) {
    let mut sizes = Vec::new();
    let mut shown = |one: &Figure| {
        let shown = figure(facts, one);
        sizes.push((one.declared.file.clone(), shown.0.len()));
        shown
    };
    let mut sections: Vec<(String, Vec<Markup>)> = Vec::new();
    for name in section_names(facts) {
        let mut parts = match name {
            QUALITY => quality::quality(facts),
            LINEAGE => vec![lineage::lineage(facts)],
            _ => Vec::new(),
        };
        parts.extend(facts.of(name).map(&mut shown));
        let left_out = facts.left_out.iter().filter(|one| one.declared.section == name);
        parts.extend(left_out.map(figure::left_out));
        sections.push((name.to_owned(), parts));
    }
    (whole(facts, &sections).into_string(), sizes)
}

/// Returns the names of the sections, in the order of the page.
pub(super) fn section_names<'f>(facts: &'f Facts<'_>) -> Vec<&'f str> {
    let own = [QUALITY, LINEAGE];
    let names = facts.sections.iter().map(String::as_str);
    let mut names: Vec<&str> = names.filter(|name| !own.contains(name)).collect();
    // The summary is at the top, regardless of the order of the files.
    names.sort_by_key(|name| *name != SUMMARY);
    names.extend(own);
    names
}

fn whole(facts: &Facts<'_>, sections: &[(String, Vec<Markup>)]) -> Markup {
    let title = format!("{}: report of run {}", head::model(facts), facts.record.run_id);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(format!("starlift {}", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#content" { "Skip to the figures" }
                (head::head(facts))
                nav aria-label="Contents" {
                    ol {
                        @for (at, (name, _)) in sections.iter().enumerate() {
                            li { a href=(format!("#section-{}", at + 1)) { (name) } }
                        }
                    }
                }
                main id="content" {
                    @for (at, (name, parts)) in sections.iter().enumerate() {
                        @let id = format!("section-{}", at + 1);
                        section aria-labelledby=(id) {
                            h2 id=(id) { (name) }
                            @for part in parts { (part) }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the fragment of the figure `name`: an identifier without spaces.
fn anchor(name: &str) -> String {
    let mut id = "figure-".to_owned();
    for c in name.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' => id.push(c),
            other => id += &format!(":{:x}", u32::from(other)),
        }
    }
    id
}
