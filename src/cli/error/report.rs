//! Codes and advice for errors of reports.

use super::codes::Code;
use super::{star_code, star_hint, warehouse_code, warehouse_hint};
use crate::report::error::ReportError;

pub(super) fn code(error: &ReportError) -> Code {
    match error {
        ReportError::Star(error) => star_code(error),
        ReportError::Warehouse(error) => warehouse_code(error),
        ReportError::Figure { .. } => Code::InvalidFigure,
        ReportError::TooLarge { .. } => Code::ReportTooLarge,
    }
}

pub(super) fn hint(error: &ReportError) -> Option<String> {
    match error {
        ReportError::Star(error) => star_hint(error),
        ReportError::Warehouse(error) => warehouse_hint(error),
        ReportError::Figure { .. } => None,
        ReportError::TooLarge { .. } => {
            Some("return fewer rows or shorter texts in the query of that figure".to_owned())
        }
    }
}
