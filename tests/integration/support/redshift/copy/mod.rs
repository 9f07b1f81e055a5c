//! COPY: checks the files of a statement as Redshift does, then streams them into PostgreSQL within
//! the session's transaction.

mod parquet;
mod rows;
pub mod source;
pub mod statement;

use arrow::record_batch::RecordBatchReader;
use futures::SinkExt;
use tokio_postgres::{Client, CopyInSink};

use super::error::SqlError;
use super::faults::What;
use super::lex::quoted;
use super::types::Type;
use parquet::File;
use rows::Encoder;
use source::Buckets;
use statement::CopyStatement;

/// A column that COPY fills.
#[derive(Clone, Debug)]
pub struct Target {
    pub name: String,
    pub kind: Type,
    pub not_null: bool,
    pub has_default: bool,
}

/// Reason why a load failed after it started.
#[derive(Debug)]
pub struct Failure {
    pub code: u32,
    pub error: String,
    pub context: String,
    pub location: &'static str,
    /// Name and type of the column, if a single column is the cause.
    pub column: Option<Box<(String, String)>>,
    pub file: Option<String>,
}

impl Failure {
    pub fn scan(code: u32, context: impl Into<String>, error: &str) -> Failure {
        Failure {
            code,
            error: error.to_owned(),
            context: context.into(),
            location: "dory_util.cpp:1509",
            column: None,
            file: None,
        }
    }

    pub fn s3(error: String) -> Failure {
        let location = "table_s3_scanner.cpp:356";
        Failure { location, ..Failure::scan(8001, "Listing or reading S3 failed", &error) }
    }

    pub fn manifest(code: u32, error: String) -> Failure {
        let location = "spectrum_manifest.cpp:164";
        Failure { location, ..Failure::scan(code, "Error in the manifest file", &error) }
    }

    fn null(target: &Target) -> Failure {
        let error = format!("Cannot insert a NULL value into column {}", target.name);
        Failure::scan(8007, error.clone(), &error).column(target)
    }

    fn column(self, target: &Target) -> Failure {
        Failure { column: Some(Box::new((target.name.clone(), target.kind.to_string()))), ..self }
    }

    fn file(self, address: &str) -> Failure {
        Failure { file: Some(address.to_owned()), ..self }
    }

    pub fn sql(&self, query: i64) -> SqlError {
        SqlError::engine(self.code, &self.error, &self.context, query, self.location)
    }
}

/// Reason why a load stopped early.
pub enum Stopped {
    Failed(Box<Failure>),
    Rejected(SqlError),
    /// A fault cuts the connection.
    Cut,
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Stopped {
        Stopped::Failed(Box::new(failure))
    }
}

impl From<tokio_postgres::Error> for Stopped {
    fn from(error: tokio_postgres::Error) -> Stopped {
        Stopped::Rejected(SqlError::backing(&error))
    }
}

/// Returns the table columns that the file's columns map to, in order.
pub fn targets(copy: &CopyStatement, all: &[Target]) -> Result<Vec<Target>, SqlError> {
    let Some(listed) = &copy.columns else { return Ok(all.to_vec()) };
    let mut targets = Vec::new();
    for name in listed {
        let Some(target) = all.iter().find(|target| target.name == *name) else {
            let message =
                format!("column \"{name}\" of relation \"{}\" does not exist", copy.table);
            return Err(SqlError::new("42703", message));
        };
        if targets.iter().any(|earlier: &Target| earlier.name == *name) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(SqlError::new("42701", message));
        }
        targets.push(target.clone());
    }
    let omitted = |target: &&Target| !listed.contains(&target.name);
    if all.iter().filter(omitted).any(|target| target.not_null && !target.has_default) {
        let message = "NOT NULL column without DEFAULT must be included in column list";
        return Err(SqlError::new("42601", message));
    }
    Ok(targets)
}

/// Loads all files or none, and returns the number of rows.
pub async fn load(
    backing: &Client,
    buckets: &Buckets,
    copy: &CopyStatement,
    targets: &[Target],
    mut within: Option<What>,
) -> Result<u64, Stopped> {
    let files = files(buckets, copy, targets).await?;
    let total: u64 = files.iter().map(|(_, file)| file.rows).sum();
    // With FILLRECORD a file may lack the last columns, which become NULL.
    let (mut loaded, mut loses) = (0, false);
    for (address, file) in files {
        if loses {
            loaded += file.rows;
            continue;
        }
        let reader = file.read()?;
        let count = reader.schema().fields().len();
        let sink = sink(backing, copy, &targets[..count]).await?;
        futures::pin_mut!(sink);
        let mut encoder = Encoder::new(&targets[..count]);
        for batch in reader {
            let batch = batch
                .map_err(|error| Failure::scan(15001, error.to_string(), "Spectrum Scan Error"))?;
            // A fault applies once half of the rows are sent, which can be in the middle of a
            // batch.
            let half = (total.div_ceil(2) - loaded.min(total.div_ceil(2))) as usize;
            let first =
                if within.is_some() { half.min(batch.num_rows()) } else { batch.num_rows() };
            for part in [batch.slice(0, first), batch.slice(first, batch.num_rows() - first)] {
                let bytes = encoder.encode(&part).map_err(|failure| failure.file(&address))?;
                if !loses {
                    sink.send(bytes).await?;
                }
                loaded += part.num_rows() as u64;
                if loaded >= total.div_ceil(2)
                    && let Some(what) = within.take()
                {
                    loses = matches!(what, What::LoseRows);
                    strike(what).await?;
                }
            }
        }
        sink.send(encoder.end()).await?;
        sink.finish().await?;
    }
    if let Some(what) = within {
        strike(what).await?;
    }
    Ok(loaded)
}

async fn files(
    buckets: &Buckets,
    copy: &CopyStatement,
    targets: &[Target],
) -> Result<Vec<(String, File)>, Failure> {
    let entries = buckets.entries(copy).await?;
    let mut files = Vec::new();
    for entry in &entries {
        let address = entry.address(&buckets.own_region);
        let Some(bytes) = buckets.read(entry).await.map_err(|f| f.file(&address))? else {
            continue;
        };
        let file = File::open(&address, bytes, targets, copy.fill_record)
            .map_err(|failure| failure.file(&address))?;
        files.push((address, file));
    }
    // A prefix that matches nothing is not an error; a manifest without any existing file is.
    if files.is_empty() && copy.manifest {
        let context = "None of the files of the manifest was found";
        return Err(Failure::scan(15001, context, "Spectrum Scan Error: File not found"));
    }
    Ok(files)
}

async fn sink(
    backing: &Client,
    copy: &CopyStatement,
    targets: &[Target],
) -> Result<CopyInSink<bytes::Bytes>, tokio_postgres::Error> {
    let columns: Vec<String> = targets.iter().map(|target| quoted(&target.name)).collect();
    let statement =
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", copy.table.sql(), columns.join(", "));
    backing.copy_in(&statement).await
}

async fn strike(what: What) -> Result<(), Stopped> {
    match what {
        What::Cut => Err(Stopped::Cut),
        What::LoseRows => Ok(()),
        What::Error { code, message, detail } => {
            Err(Stopped::Rejected(SqlError { code, message, detail }))
        }
        What::Hold(gate) => {
            gate.hold().await;
            Ok(())
        }
    }
}
