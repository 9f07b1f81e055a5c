//! Paths of a dataset: one value cannot be a scalar, an object and an array at once.

use super::super::dataset::{Column, Dataset, Records};
use super::super::path::{Origin, Path, Step};
use super::super::report::{Report, join};

/// Reports the paths that the records of a dataset cannot have.
pub(super) fn validate(report: &mut Report, at: &str, dataset: &Dataset) {
    let rows_at = join(at, "rows");
    if report.has(&rows_at) {
        // Without a valid path of rows, the origin of the paths is unknown.
        return;
    }
    if let Some(rows) = &dataset.rows {
        is_root_possible(report, &rows_at, dataset, rows.steps.first(), rows.steps.is_empty());
    }
    let columns_at = join(at, "columns");
    let mut fitting: Vec<(&Column, String)> = Vec::new();
    for column in &dataset.columns {
        let own = join(&columns_at, &column.name);
        let path_at = join(&own, "path");
        if report.has(&path_at) {
            continue;
        }
        let at = if report.is_written(&path_at) { path_at } else { own };
        if !is_possible(report, &at, dataset, &column.path) {
            continue;
        }
        let conflict = fitting.iter().find_map(|(other, _)| {
            conflict(&other.path, &column.path).map(|reason| (other.name.clone(), reason))
        });
        match conflict {
            Some((other, conflict)) => {
                let reason = format!(
                    "the path {} conflicts with the path of the column {other:?}: {conflict}",
                    column.path
                );
                report.add(&at, reason, "correct one of the two paths");
            }
            None => fitting.push((column, at)),
        }
    }
}

/// Reports a path whose origin or first steps do not fit the dataset.
fn is_possible(report: &mut Report, at: &str, dataset: &Dataset, path: &Path) -> bool {
    let Some(rows) = &dataset.rows else {
        if path.origin == Origin::Element {
            let reason = format!("the path {path} begins with @, but the dataset has no `rows`");
            report.add(at, reason, "begin the path with $, or set `rows`");
            return false;
        }
        return is_root_possible(report, at, dataset, path.steps.first(), path.steps.is_empty());
    };
    if path.origin == Origin::Element {
        return true;
    }
    if path.steps.starts_with(&rows.steps) {
        let mut rest = &path.steps[rows.steps.len()..];
        if let [Step::Index(_), after @ ..] = rest {
            rest = after;
        }
        let element = Path { origin: Origin::Element, steps: rest.to_vec() };
        let reason = format!("the path {path} leads through the array of `rows`, {rows}");
        report.add(at, reason, format!("write {element} for the value of the element"));
        return false;
    }
    let rows_as_path = Path { origin: Origin::Record, steps: rows.steps.clone() };
    if let Some(conflict) = conflict(&rows_as_path, path) {
        let reason = format!("the path {path} conflicts with `rows`, {rows}: {conflict}");
        report.add(at, reason, "correct one of the two paths");
        return false;
    }
    is_root_possible(report, at, dataset, path.steps.first(), path.steps.is_empty())
}

/// Reports a path for which the record itself would have to be a scalar or an array.
fn is_root_possible(
    report: &mut Report,
    at: &str,
    dataset: &Dataset,
    first: Option<&Step>,
    is_record: bool,
) -> bool {
    if is_record && !at.ends_with(".rows") {
        report.add(at, "the path is the whole record", "add the key of a value, as in $.key");
        return false;
    }
    let needs_array = is_record || matches!(first, Some(Step::Index(_)));
    if needs_array && dataset.records != Records::Lines {
        let reason = format!(
            "each record would have to be an array, but with records = {:?} an array contains \
             records",
            dataset.records.name()
        );
        report.add(at, reason, "set records = \"lines\", or begin the path with a key");
        return false;
    }
    true
}

/// Returns the reason why a record cannot have values at both paths.
fn conflict(a: &Path, b: &Path) -> Option<String> {
    if a.origin != b.origin || a.steps == b.steps {
        return None;
    }
    let shared = a.steps.iter().zip(&b.steps).take_while(|(x, y)| x == y).count();
    let at = Path { origin: a.origin, steps: a.steps[..shared].to_vec() };
    let kind = |path: &Path| match path.steps.get(shared) {
        None => "a scalar",
        Some(Step::Key(_)) => "an object",
        Some(Step::Index(_)) => "an array",
    };
    let (a, b) = (kind(a), kind(b));
    (a != b).then(|| format!("{at} would be both {a} and {b}"))
}
