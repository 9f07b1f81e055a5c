//! Lists the runs that have published a star, and the loads of a warehouse.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::{DateTime, NaiveDateTime};

use crate::cli::args::{HistoryArgs, OutputFormat, QueryFormat};
use crate::cli::error::Result;
use crate::cli::json::{HistoryEvent, HistoryResult, Report};
use crate::cli::settings::{GlobalOptions, StarOptions, WarehouseOptions};
use crate::cli::signals::unless_interrupted;
use crate::cli::{query, star};
use crate::star::{EarlierStar, RunRecord};
use crate::warehouse::load::ledger::{self, PastLoad};

/// Name of the result in errors.
const NAME: &str = "history";

/// Prints the runs that have published a star at the output, and the loads of a warehouse, latest first.
///
/// # Errors
///
/// Returns an error if there is no star, or the ledger of the warehouse cannot be read.
pub async fn run(
    args: &HistoryArgs,
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    let work = async {
        let (out, record) = star::find(options, global).await?;
        let mut events = runs(&record);
        if let Some(warehouse) = on {
            let session = warehouse.open_session(&global.stores).await?;
            let loads = ledger::loads(&session, &warehouse.schema).await?;
            events.extend(loads.into_iter().map(|load| Event::of_load(load, &out.to_string())));
        }
        // A load follows its run, also if both are of the same second.
        events.sort_by(|a, b| (&b.time, b.load).cmp(&(&a.time, a.load)));
        global.results.set(Report::History(Some(result(&events, out.to_string()))));
        let events = batch(&events)?;
        let format = match args.format {
            Some(format) => format,
            // The document has the events.
            None if global.output_format == OutputFormat::Json => return Ok(()),
            None => QueryFormat::Table,
        };
        let events = match format {
            QueryFormat::Table | QueryFormat::Markdown => without_empty_columns(&events)?,
            QueryFormat::Csv | QueryFormat::Json | QueryFormat::Ndjson | QueryFormat::Parquet => {
                events
            }
        };
        query::write_batch(NAME, events, format).await
    };
    unless_interrupted(work, crate::error::Error::Stopped).await
}

/// A run or a load.
#[derive(Debug, Default)]
struct Event {
    /// Time in UTC, to the second.
    time: String,
    kind: &'static str,
    run_id: String,
    rows: i64,
    changed_partitions: Option<i64>,
    /// For runs: `current`, `kept`, or `None` if the files are not kept.
    files: Option<&'static str>,
    /// Number of the load.
    load: Option<i64>,
    /// Location of the star of a load, if it is another one.
    other_star: Option<String>,
    /// ID of the run whose star a rollback has restored.
    restored: Option<String>,
}

fn runs(record: &RunRecord) -> Vec<Event> {
    let current = EarlierStar::of(record, true);
    let mut events = vec![Event { files: Some("current"), ..Event::from(&current) }];
    events.extend(record.history.iter().map(Event::from));
    events
}

impl From<&EarlierStar> for Event {
    fn from(star: &EarlierStar) -> Event {
        let time = DateTime::parse_from_rfc3339(&star.finished_at);
        Event {
            time: time.map_or(star.finished_at.clone(), |t| t.format("%F %T").to_string()),
            kind: if star.restored.is_some() { "rollback" } else { "run" },
            run_id: star.run_id.clone(),
            rows: star.rows.values().sum::<u64>() as i64,
            changed_partitions: star.changed_partitions.map(|count| count as i64),
            files: star.kept.then_some("kept"),
            restored: star.restored.clone(),
            ..Event::default()
        }
    }
}

impl Event {
    /// Returns the event of a load, for the history of the star at `star`.
    fn of_load(load: PastLoad, star: &str) -> Event {
        Event {
            // Without fractions of a second, as the times of runs.
            time: load.loaded_at.chars().take(19).collect(),
            kind: "load",
            run_id: load.run_id,
            rows: load.rows,
            load: Some(load.number),
            other_star: (load.star != star).then_some(load.star),
            ..Event::default()
        }
    }
}

/// Returns the events in a document.
fn result(events: &[Event], star: String) -> HistoryResult {
    let event = |event: &Event| HistoryEvent {
        time: NaiveDateTime::parse_from_str(&event.time, "%F %T").ok().map(|time| time.and_utc()),
        event: event.kind.to_owned(),
        run_id: event.run_id.clone(),
        rows: event.rows,
        changed_partitions: event.changed_partitions,
        files: event.files.map(str::to_owned),
        load: event.load,
        other_star: event.other_star.clone(),
        restored_run: event.restored.clone(),
    };
    HistoryResult { star, events: events.iter().map(event).collect() }
}

/// Returns the columns that have values, so that a person sees a narrow table.
fn without_empty_columns(events: &RecordBatch) -> Result<RecordBatch> {
    let has_values = |at: &usize| events.column(*at).null_count() < events.num_rows();
    let columns: Vec<usize> = (0..events.num_columns()).filter(has_values).collect();
    Ok(events.project(&columns)?)
}

fn batch(events: &[Event]) -> Result<RecordBatch> {
    fn texts<'e>(events: &'e [Event], value: impl FnMut(&'e Event) -> Option<&'e str>) -> ArrayRef {
        Arc::new(events.iter().map(value).collect::<StringArray>())
    }
    let numbers = |value: fn(&Event) -> Option<i64>| -> ArrayRef {
        Arc::new(events.iter().map(value).collect::<Int64Array>())
    };
    let columns = [
        ("time", texts(events, |event| Some(&event.time))),
        ("event", texts(events, |event| Some(event.kind))),
        ("run_id", texts(events, |event| Some(&event.run_id))),
        ("rows", numbers(|event| Some(event.rows))),
        ("changed_partitions", numbers(|event| event.changed_partitions)),
        ("files", texts(events, |event| event.files)),
        ("load", numbers(|event| event.load)),
        ("other_star", texts(events, |event| event.other_star.as_deref())),
        ("restored_run", texts(events, |event| event.restored.as_deref())),
    ];
    let field = |(name, values): &(&str, ArrayRef)| {
        let is_number = *values.data_type() == DataType::Int64;
        Field::new(*name, if is_number { DataType::Int64 } else { DataType::Utf8 }, true)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let values = columns.into_iter().map(|(_, values)| values).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), values)?)
}
