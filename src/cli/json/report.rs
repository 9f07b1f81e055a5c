//! Results of `report`.

use std::path::Path;

use super::schema::document_structs;
use crate::report::Page;

document_structs! {
    /// Result of `starlift report`, and of a transform with `--report`.
    pub struct ReportResult {
        /// Path of the file.
        pub file: String,
        /// Size of the file.
        pub bytes: u64,
        /// Location of the star.
        pub star: String,
        /// ID of the run that published the star.
        pub run_id: String,
        /// Address and schema of the warehouse in which figures were queried; null without `--on`.
        pub warehouse: Option<String>,
        /// The sections, in the order of the page.
        pub sections: Vec<SectionResult>,
        /// Figures that the report lacks.
        pub left_out: Vec<LeftOutResult>,
    }

    /// A section of a report.
    pub struct SectionResult {
        /// Heading.
        pub name: String,
        /// Figures that have a query, in the order of the page.
        pub figures: Vec<FigureResult>,
    }

    /// A figure of a report.
    pub struct FigureResult {
        /// Name of the query.
        pub name: String,
        /// Heading.
        pub title: String,
        /// Number of rows that the query returns.
        pub rows: u64,
        /// `true` if the query ran in the warehouse, `false` if it ran on the files of the star.
        pub in_warehouse: bool,
    }

    /// A figure that a report lacks.
    pub struct LeftOutResult {
        /// Name of the query.
        pub name: String,
        /// Heading.
        pub title: String,
        /// Reason.
        pub reason: String,
    }
}

impl ReportResult {
    /// Returns the result for a page that was written to `file`.
    pub fn new(file: &Path, page: &Page) -> ReportResult {
        let sections = page.sections.iter().map(|section| SectionResult {
            name: section.name.clone(),
            figures: section
                .figures
                .iter()
                .map(|figure| FigureResult {
                    name: figure.name.clone(),
                    title: figure.title.clone(),
                    rows: figure.rows,
                    in_warehouse: figure.in_warehouse,
                })
                .collect(),
        });
        let left_out = page.left_out.iter().map(|figure| LeftOutResult {
            name: figure.name.clone(),
            title: figure.title.clone(),
            reason: figure.reason.clone(),
        });
        ReportResult {
            file: file.to_string_lossy().into_owned(),
            bytes: page.html.len() as u64,
            star: page.star.clone(),
            run_id: page.run_id.clone(),
            warehouse: page.warehouse.clone(),
            sections: sections.collect(),
            left_out: left_out.collect(),
        }
    }
}
