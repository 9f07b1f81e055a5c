//! The declarations in the header of a figure's SQL file.

use super::error::{ReportError, Result};
use crate::star::Query;

/// Heading of figures that name no section.
const OTHER: &str = "More figures";

/// The form in which the rows of a figure are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Each value of the first row as a tile.
    Tiles,
    /// One line per column over a time or a number.
    Line,
    /// One bar per row.
    Bars,
    /// One cell per row, by two columns.
    Heatmap,
    /// One cell per day.
    Calendar,
    /// One bar per range of a number.
    Histogram,
    /// One bar per step, each with its share of the first.
    Funnel,
    /// Only the table.
    Table,
}

const FORMS: [(&str, Form); 8] = [
    ("tiles", Form::Tiles),
    ("line", Form::Line),
    ("bars", Form::Bars),
    ("heatmap", Form::Heatmap),
    ("calendar", Form::Calendar),
    ("histogram", Form::Histogram),
    ("funnel", Form::Funnel),
    ("table", Form::Table),
];

/// The declarations in the header of a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    /// Name of the file without `.sql`.
    pub name: String,
    /// File, relative to the folder of queries.
    pub file: String,
    /// SQL, including the header.
    pub sql: String,
    /// Heading under which the figure appears.
    pub section: String,
    /// Heading of the figure.
    pub title: String,
    /// The question that it answers.
    pub question: Option<String>,
    /// Meaning of a row.
    pub grain: Option<String>,
    /// Units of the columns.
    pub units: Option<String>,
    /// Form of the chart.
    pub form: Form,
    /// Names of the columns that are drawn, by role; empty for the columns in their order. Several columns of
    /// one role are joined.
    pub columns: Vec<Vec<String>>,
    /// Maximum number of rows shown.
    pub top: Option<usize>,
    /// Width of the bars of a histogram.
    pub width: i64,
    /// Lower bound of the last bar of a histogram, if that bar has no upper bound.
    pub open: Option<i64>,
}

impl Declared {
    /// Reads the header of a query.
    ///
    /// # Errors
    ///
    /// Returns an error if an entry has an invalid value.
    pub fn of(query: &Query) -> Result<Declared> {
        let file = query.file();
        let entry = |label: &str| query.header_entry(label).filter(|text| !text.is_empty());
        let question = entry("Question");
        let title = entry("Title").or_else(|| question.clone());
        Ok(Declared {
            name: query.name.clone(),
            sql: query.sql.trim_end().to_owned(),
            section: entry("Section").unwrap_or_else(|| OTHER.to_owned()),
            title: title.unwrap_or_else(|| query.name.replace('_', " ")),
            question,
            grain: entry("Grain"),
            units: entry("Units"),
            form: form(&file, entry("Chart"))?,
            columns: entry("Columns").map(|names| columns(&names)).unwrap_or_default(),
            top: number(&file, "Top", entry("Top"))?.map(|top| top as usize),
            width: number(&file, "Width", entry("Width"))?.unwrap_or(1),
            open: number(&file, "Open", entry("Open"))?,
            file,
        })
    }
}

fn form(file: &str, entry: Option<String>) -> Result<Form> {
    let Some(name) = entry else { return Ok(Form::Table) };
    let found = FORMS.iter().find(|(known, _)| *known == name);
    found.map(|(_, form)| *form).ok_or_else(|| {
        let names: Vec<&str> = FORMS.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        ReportError::figure(
            file,
            format!("the header names the chart {name:?}, which is not one of {names}"),
        )
    })
}

fn columns(names: &str) -> Vec<Vec<String>> {
    let roles = names.split(',');
    roles.map(|role| role.split('+').map(|name| name.trim().to_owned()).collect()).collect()
}

/// Returns the value of an entry, which is a positive number.
fn number(file: &str, label: &str, entry: Option<String>) -> Result<Option<i64>> {
    let Some(text) = entry else { return Ok(None) };
    let number = text.parse().ok().filter(|number| (1..=1_000_000_000).contains(number));
    number.map(Some).ok_or_else(|| {
        ReportError::figure(
            file,
            format!("the entry {label:?} of the header is {text:?}, not a positive number"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::star::{Group, Queries};

    fn declared(header: &str) -> Result<Declared> {
        let sql = format!("{header}\nSELECT 1 AS a\n");
        Declared::of(&Query { name: "a_b".to_owned(), group: Group::Report, sql })
    }

    #[test]
    fn the_built_in_figures_are_valid() {
        for query in Queries::built_in().of(Group::Report) {
            let found = Declared::of(query).unwrap();
            assert!(found.question.is_some() && found.section != OTHER, "{}", found.file);
        }
    }

    #[test]
    fn a_header_has_defaults() {
        let found = declared("-- Counts things.").unwrap();
        assert_eq!((found.title.as_str(), found.section.as_str()), ("a b", OTHER));
        assert_eq!((found.form, found.width, found.open), (Form::Table, 1, None));
        let found = declared("-- Chart: bars\n-- Columns: a + b, c\n-- Top: 5").unwrap();
        assert_eq!(found.columns, [vec!["a", "b"], vec!["c"]]);
        assert_eq!(found.top, Some(5));
    }

    #[test]
    fn invalid_entries_are_errors_that_name_the_file() {
        for (header, part) in [
            ("-- Chart: pie", "\"pie\", which is not one of tiles, line"),
            ("-- Top: many", "\"Top\" of the header is \"many\""),
            ("-- Width: 0", "\"Width\""),
        ] {
            let error = declared(header).unwrap_err().to_string();
            assert!(error.starts_with("report/a_b.sql: ") && error.contains(part), "{error}");
        }
    }
}
