//! Compares the outline of the report of `fixtures/sample` with `tests/golden/report/outline.txt`.
//! `STARLIFT_UPDATE_GOLDEN=1` rewrites the file: review the diff before you commit it.

use super::*;
use crate::support::golden::hold_file;

/// Starts of the elements in the outline, and what each is called there.
const ELEMENTS: [(&str, &str); 9] = [
    ("<h1", "#"),
    ("<h2", "\n##"),
    ("<h3", "\n###"),
    ("<li>\n<span class=\"", "verdict:"),
    ("<p class=\"question\"", "question:"),
    ("<p class=\"finding\"", "finding:"),
    ("<p class=\"note\"", "note:"),
    ("<caption", "table:"),
    ("<th scope=\"col\"", "column:"),
];

/// Returns the headings, findings and columns of a page, one per line.
fn outline(page: &str) -> String {
    let mut lines = String::new();
    let mut rest = page;
    while let Some((at, (start, name))) = ELEMENTS
        .iter()
        .filter_map(|element| Some((rest.find(element.0)?, element)))
        .min_by_key(|(at, _)| *at)
    {
        rest = &rest[at + start.len()..];
        let content = rest.split_once('>').unwrap().1;
        let end = ["</h", "</p>", "</li>", "</caption>", "</th>"];
        let end = end.iter().filter_map(|end| content.find(end)).min().unwrap();
        lines.push_str(&format!("{name} {}\n", text(&content[..end])));
    }
    lines
}

/// Returns HTML without its tags.
fn text(html: &str) -> String {
    let parts = html.split('<').enumerate();
    parts
        .map(
            |(at, part)| {
                if at == 0 { part } else { part.split_once('>').map_or("", |(_, text)| text) }
            },
        )
        .collect::<String>()
        .replace('\n', "")
}

#[test]
fn the_outline_of_the_sample_matches() {
    let page = page(&with_star(), &[]);
    let before_lineage = page.split("<h2 id=\"section-8\"").next().unwrap();
    hold_file("report/outline.txt", &outline(before_lineage));
}
