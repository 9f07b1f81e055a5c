//! Charts of rows at the edges.

use super::*;
use crate::report::answer::Cell;
use crate::star::{Group, Query};

fn declared(header: &str) -> Declared {
    let sql = format!("{header}\nSELECT 1");
    Declared::of(&Query { name: "test".to_owned(), group: Group::Report, sql }).unwrap()
}

fn number(value: i64) -> Cell {
    Cell::Number(value as f64, value.to_string())
}

fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

fn day(value: &str) -> Cell {
    Cell::Day(value.parse().unwrap())
}

fn answer(columns: &[&str], rows: Vec<Vec<Cell>>) -> Answer {
    let is_number = |at: usize| rows.iter().any(|row| matches!(row[at], Cell::Number(..)));
    Answer {
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        numeric: (0..columns.len()).map(is_number).collect(),
        total: rows.len(),
        rows,
    }
}

fn chart(header: &str, answer: &Answer) -> Chart {
    draw(&declared(header), answer).unwrap().unwrap()
}

fn svg(chart: &Chart) -> &str {
    chart.svg.as_ref().map_or("", |svg| svg.0.as_str())
}

const FORMS: [&str; 6] = ["line", "bars", "heatmap", "calendar", "histogram", "funnel"];

#[test]
fn no_rows_and_only_nulls_are_stated() {
    for form in FORMS {
        let header = format!("-- Chart: {form}");
        let none = chart(&header, &answer(&["a", "b", "c"], vec![]));
        assert!(none.svg.is_none() && none.finding.contains("no rows"), "{form}: {}", none.finding);
        let nulls = answer(&["a", "b", "c"], vec![vec![Cell::Null, Cell::Null, Cell::Null]]);
        let nulls = chart(&header, &nulls);
        assert!(nulls.svg.is_none() && nulls.finding.contains("null"), "{form}: {}", nulls.finding);
    }
}

#[test]
fn one_row_is_drawn() {
    for (form, row) in [
        ("line", vec![day("2018-11-01"), number(3), number(0)]),
        ("bars", vec![text("a"), number(3), number(0)]),
        ("heatmap", vec![number(4), text("Monday"), number(3)]),
        ("calendar", vec![day("2018-11-01"), number(3), number(0)]),
        ("histogram", vec![number(0), number(3), number(0)]),
        ("funnel", vec![text("all"), number(3), number(0)]),
    ] {
        let chart = chart(&format!("-- Chart: {form}"), &answer(&["a", "b", "c"], vec![row]));
        assert!(svg(&chart).starts_with("<svg") && !svg(&chart).contains("NaN"), "{form}");
        assert!(chart.finding.contains('3') && chart.notes.is_empty(), "{form}: {}", chart.finding);
    }
}

#[test]
fn every_shape_has_a_class_and_no_colour() {
    for form in FORMS {
        let first = if matches!(form, "line" | "calendar") { day("2018-11-01") } else { number(1) };
        let row = vec![first, number(2), number(3)];
        let chart = chart(&format!("-- Chart: {form}"), &answer(&["a", "b", "c"], vec![row]));
        let svg = svg(&chart);
        for part in [" fill=", " stroke=", " style=", " id=", "url("] {
            assert!(!svg.contains(part), "{form} has {part}: {svg}");
        }
        for element in svg.split('<').filter(|e| {
            ["rect", "path", "line ", "circle", "text"].iter().any(|name| e.starts_with(name))
        }) {
            assert!(element.contains(" class=\""), "{form}: {element}");
        }
    }
}

#[test]
fn ties_after_the_last_bar_are_counted() {
    let mut rows: Vec<Vec<Cell>> = vec![vec![text("a"), number(20)]];
    rows.extend((0..5).map(|i| vec![text(&format!("t{i}")), number(9)]));
    let ties = chart("-- Chart: bars\n-- Top: 3", &answer(&["song", "plays"], rows.clone()));
    assert_eq!(ties.notes, ["and 3 more with 9 plays"]);
    rows.push(vec![text("z"), number(1)]);
    let others = chart("-- Chart: bars\n-- Top: 3", &answer(&["song", "plays"], rows));
    assert_eq!(others.notes, ["and 4 more rows"]);
}

#[test]
fn one_bad_time_does_not_flatten_a_month() {
    let mut rows: Vec<Vec<Cell>> =
        (1..=30).map(|d| vec![day(&format!("2018-11-{d:02}")), number(200 + d)]).collect();
    rows.insert(0, vec![day("1918-11-01"), number(1)]);
    let answer = answer(&["period", "plays"], rows);
    let line = chart("-- Chart: line", &answer);
    assert_eq!(
        line.notes,
        ["Not drawn, outside of the span of 99.8 % of the values: 1 row: 1918-11-01 (1 play)"]
    );
    assert!(svg(&line).contains("2018-11-01") && !svg(&line).contains("1918"));
    let calendar = chart("-- Chart: calendar", &answer);
    assert!(
        calendar
            .finding
            .starts_with("30 days from 2018-11-01 to 2018-11-30: 30 with plays, 0 without"),
        "{}",
        calendar.finding
    );
    assert_eq!(calendar.notes, ["Not drawn: 1 day before or after"]);
}

#[test]
fn large_counts_keep_their_units() {
    let rows =
        vec![vec![text("a"), number(16_777_217)], vec![text("b"), number(9_007_199_254_740_993)]];
    let chart = chart("-- Chart: bars", &answer(&["song", "plays"], rows));
    let svg = svg(&chart);
    assert!(svg.contains(">16,777,217<") && svg.contains(">9,007,199,254,740,993<"), "{svg}");
}

#[test]
fn gaps_interrupt_a_line() {
    let days = ["2018-11-01", "2018-11-02", "2018-11-05"];
    let rows = days.iter().map(|d| vec![day(d), number(5)]).collect();
    let chart = chart("-- Chart: line", &answer(&["period", "plays"], rows));
    let path =
        svg(&chart).split("<path d=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
}

#[test]
fn ranges_without_rows_are_empty_and_the_last_can_be_open() {
    let rows =
        vec![vec![number(0), number(4)], vec![number(30), number(2)], vec![number(60), number(1)]];
    let header = "-- Chart: histogram\n-- Width: 15\n-- Open: 60";
    let chart = chart(header, &answer(&["minutes", "sessions"], rows));
    assert_eq!(chart.finding, "Most frequent: minutes 0 to 14, with 4 sessions.");
    assert!(svg(&chart).contains("minutes 60 and more: 1") && svg(&chart).contains(">60+<"));
    assert!(svg(&chart).contains(">15<"), "an empty range has a label");
}

#[test]
fn hostile_names_are_text() {
    let hostile = "</title><script>alert(1)</script>\"><img src=x onerror=y>]]>${a}";
    let rows = vec![vec![text(hostile), number(1), number(2)]];
    for form in ["bars", "funnel"] {
        let chart = chart(&format!("-- Chart: {form}"), &answer(&["a", "b", "c"], rows.clone()));
        assert!(!svg(&chart).contains("<script") && !svg(&chart).contains("<img"), "{form}");
    }
}

#[test]
fn missing_columns_and_texts_are_errors() {
    let rows = answer(&["a", "b"], vec![vec![text("x"), text("y")]]);
    for (header, part) in [
        ("-- Chart: bars", "draws the column \"b\", which has other values than numbers"),
        ("-- Chart: bars\n-- Columns: a, c", "names the column \"c\"; the query returns a, b"),
        ("-- Chart: heatmap", "needs 3 columns; it has 2: a, b"),
    ] {
        let error = draw(&declared(header), &rows).err().unwrap().to_string();
        assert!(error.starts_with("report/test.sql: ") && error.contains(part), "{error}");
    }
}

#[test]
fn flows_state_whether_they_add_up() {
    let part = |name: &str, count| (name.to_owned(), count);
    let mut counts =
        Flow { total: part("read", 10), parts: vec![part("kept", 8), part("lost", 2)] };
    assert_eq!(counts.equation(), "10 read = 8 kept + 2 lost");
    assert!(flow(&counts).0.contains("8 kept (80.00 %)"));
    counts.parts.pop();
    assert_eq!(counts.equation(), "10 read ≠ 8 kept");
    let none = Flow { total: part("read", 0), parts: vec![part("kept", 0)] };
    assert!(none.balances() && !flow(&none).0.contains("NaN"));
    let too_many = Flow { total: part("read", 1), parts: vec![part("a", u64::MAX), part("b", 2)] };
    assert!(!too_many.balances());
}
