//! Shows which partitions of two stars differ, and in how many rows.

use std::fmt::Write;

use indicatif::HumanCount;

use crate::cli::args::DiffArgs;
use crate::cli::error::Result;
use crate::cli::json::{DiffResult, Report};
use crate::cli::output::print;
use crate::cli::settings::{GlobalOptions, StarOptions};
use crate::cli::signals::unless_interrupted;
use crate::cli::{star, summary};
use crate::engine::Engine;
use crate::error::Error;
use crate::escape;
use crate::history::{Comparison, compare, find_star};
use crate::star::RunRecord;
use crate::storage::Place;

/// Maximum number of partitions that are listed.
const SHOWN: usize = 200;

/// Prints the partitions that differ between two stars of an output.
///
/// # Errors
///
/// Returns an error if there is no star, a run is unknown or its files are not kept, or a file cannot be read.
pub async fn run(args: &DiffArgs, options: &StarOptions, global: &GlobalOptions) -> Result<()> {
    let work = async {
        let (out, current) = star::find(options, global).await?;
        let before = before(args, &out, &current).await?;
        let after = find_star(&out, &current, &args.after).await?;
        let engine = Engine::new(options.engine)?;
        let found = compare(&engine, &out, &options.model, [&before, &after]).await?;
        let result = DiffResult::new(&found, [&before, &after]);
        global.results.set(Report::Diff(Some(result)));
        print(&described(&found, [&before, &after]))
    };
    unless_interrupted(work, Error::Stopped).await
}

async fn before(args: &DiffArgs, out: &Place, current: &RunRecord) -> Result<RunRecord> {
    if let Some(run) = &args.before {
        return Ok(find_star(out, current, run).await?);
    }
    match current.kept().next() {
        Some(star) => Ok(find_star(out, current, &star.run_id).await?),
        None => Err(Error::NothingFound(format!(
            "{out} keeps the files of no earlier star, so there is nothing to compare; `starlift transform \
             --keep N` keeps those of the N latest ones"
        ))
        .into()),
    }
}

fn described(found: &Comparison, stars: [&RunRecord; 2]) -> String {
    let [before, after] = stars.map(|star| escape::line(&star.run_id).into_owned());
    if found.differences.is_empty() {
        let equal = summary::counted(found.partitions as u64, "partition");
        return format!("runs {before} and {after} have the same stars: {equal}, none differs\n");
    }
    let titles = ["table", "partition", "rows before", "rows after", "added", "removed", "changed"];
    let mut table = summary::text_table(&titles);
    for difference in found.differences.iter().take(SHOWN) {
        let changes = difference.changes;
        let [rows_before, rows_after] = difference.rows;
        let counts = [rows_before, rows_after, changes.added, changes.removed, changes.changed];
        let names = [escape::line(&difference.table), escape::line(&difference.from)];
        let names = names.map(std::borrow::Cow::into_owned).into_iter();
        table.add_row(names.chain(counts.map(|count| HumanCount(count).to_string())));
    }
    summary::right_align(&mut table, 2..titles.len());
    let mut text = format!("{table}\n");
    let more = found.differences.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(text, "… and {more} more");
    }
    let (differ, all) = (found.differences.len() as u64, found.partitions as u64);
    let _ = writeln!(
        text,
        "{} of {} differ between the runs {before} and {after}",
        HumanCount(differ),
        summary::counted(all, "partition")
    );
    text
}
