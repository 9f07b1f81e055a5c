//! A page, and what it contains.

use super::facts::{Facts, Figure};
use super::page::{LINEAGE, section_names};
use super::quality::SECTION as QUALITY;

/// A report.
pub(crate) struct Page {
    /// The page.
    pub html: String,
    /// Location of the star.
    pub star: String,
    /// ID of the run that published the star.
    pub run_id: String,
    /// Address and schema of the warehouse in which figures were queried.
    pub warehouse: Option<String>,
    /// Sections, in the order of the page.
    pub sections: Vec<PageSection>,
    /// Figures that the page lacks.
    pub left_out: Vec<LeftOutFigure>,
}

/// A section of a report.
pub(crate) struct PageSection {
    /// Heading.
    pub name: String,
    /// Figures, in the order of the page.
    pub figures: Vec<PageFigure>,
}

/// A figure of a report.
pub(crate) struct PageFigure {
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
pub(crate) struct LeftOutFigure {
    /// Name of the query.
    pub name: String,
    /// Heading.
    pub title: String,
    /// Reason.
    pub reason: String,
}

impl Page {
    /// Returns a page that states `facts`.
    pub(super) fn new(html: String, facts: &Facts<'_>) -> Page {
        let sections = section_names(facts).into_iter().map(|name| {
            let own = match name {
                QUALITY => facts.rejects.as_ref().ok(),
                LINEAGE => Some(&facts.inputs),
                _ => None,
            };
            let figures = own.into_iter().chain(facts.of(name)).map(PageFigure::of);
            PageSection { name: name.to_owned(), figures: figures.collect() }
        });
        let left_out = facts.left_out.iter().map(|one| LeftOutFigure {
            name: one.declared.name.clone(),
            title: one.declared.title.clone(),
            reason: one.reason.clone(),
        });
        let rejects = facts.rejects.as_ref().err().map(|reason| LeftOutFigure {
            name: "rejects".to_owned(),
            title: "Rejected records by reason".to_owned(),
            reason: reason.clone(),
        });
        Page {
            html,
            star: facts.star.location(),
            run_id: facts.record.run_id.clone(),
            warehouse: facts.warehouse.as_ref().map(|warehouse| warehouse.shown.clone()),
            sections: sections.collect(),
            left_out: left_out.chain(rejects).collect(),
        }
    }
}

impl PageFigure {
    fn of(figure: &Figure) -> PageFigure {
        PageFigure {
            // The names of figures that every report has begin with the prefix.
            name: figure.declared.name.trim_start_matches("own.").to_owned(),
            title: figure.declared.title.clone(),
            rows: figure.answer.total as u64,
            in_warehouse: figure.in_warehouse,
        }
    }
}
