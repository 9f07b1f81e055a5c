//! The summary of a load.

use std::fmt::Write;

use indicatif::HumanCount;

use super::{counted, phases, right_align, text_table};
use crate::cli::output::{GOOD, STRONG, styled};
use crate::escape;
use crate::warehouse::load::{LoadMode, LoadReport, SwapReason};

/// Returns the summary of a load.
pub fn load(report: &LoadReport, target: &str, schema: &str) -> String {
    let place = styled(STRONG, format!("{target} schema {schema}"));
    if report.already_loaded {
        let (run, number) = (escape::line(&report.run_id), report.number);
        return format!(
            "run {run} is already loaded into {place} (load {number}); --force loads it again\n"
        );
    }
    let mut table = text_table(&["table", "rows"]);
    for (name, rows) in &report.tables {
        table.add_row([(*name).to_owned(), HumanCount(*rows).to_string()]);
    }
    right_align(&mut table, 1..2);
    let mut text = format!("{table}\n");
    for lost in &report.dropped {
        let _ = writeln!(text, "dropped   {}", escape::line(lost));
    }
    for table in &report.not_dropped {
        let table = escape::line(table);
        let _ = writeln!(text, "left      {table}; the next load tries to drop it again");
    }
    if report.views > 0 {
        let _ = writeln!(text, "views     {} recreated over the new tables", report.views);
    }
    text += &load_mode(&report.mode, report.number);
    let verified =
        styled(GOOD, format!("{} statistics equal those of the files", report.statistics));
    let _ = writeln!(text, "verified  {verified}");
    let total = report.phases.iter().map(|phase| phase.elapsed).sum();
    text += &phases(&report.phases, total);
    let run = escape::line(&report.run_id);
    let _ = writeln!(text, "loaded    {place} (run {run}, load {})", report.number);
    text
}

/// Returns what a load has changed in the tables.
fn load_mode(mode: &LoadMode, number: i64) -> String {
    match mode {
        LoadMode::Swap(SwapReason::NoRecord) if number <= 1 => String::new(),
        LoadMode::Swap(reason) => {
            format!("replaced  all tables, because {}\n", escape::line(&reason.to_string()))
        }
        LoadMode::Update { changed: 0, partitions, .. } => format!(
            "unchanged {} equal those of the star; no table was touched\n",
            counted(*partitions as u64, "partition")
        ),
        LoadMode::Update { changed, partitions, deleted, copied } => format!(
            "updated   {} of {}: {} deleted, {} copied\n",
            HumanCount(*changed as u64),
            counted(*partitions as u64, "partition"),
            counted(*deleted, "row"),
            HumanCount(*copied),
        ),
    }
}
