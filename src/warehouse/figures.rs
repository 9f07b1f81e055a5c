//! Column statistics that verify a load: for each column the non-null count, and its sum or its
//! minimum and maximum, computed by the same query over the Parquet files and over the loaded
//! tables.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::NaiveDateTime;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use super::session::{Session, TextRow};
use super::{Dialect, encoding, quote};
use crate::star::model::{Column, ColumnType, Table};
use crate::warehouse::error::{Error, Result};

/// Relative tolerance for the minimum and maximum of doubles: Redshift prints 15 digits (reported
/// in psycopg issue 1430).
const DOUBLE_TOLERANCE: f64 = 1e-12;

/// Relative tolerance for sums of doubles, which depend on the order of the rows.
const SUM_TOLERANCE: f64 = 1e-9;

/// Sums of doubles are computed over absolute values in this unit, so that a sum of representable
/// values does not overflow and the rounding error stays small relative to it.
const SCALE: f64 = 1e15;

/// Doubles with a smaller absolute value are left out of the sum: they are far below its rounding
/// error.
const NEGLIGIBLE: &str = "1e-290";

/// Figures of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFigures {
    /// Number of rows.
    pub rows: u64,
    /// Figures of the columns, in the order of `figures`.
    values: Vec<Option<Value>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Integer(i128),
    Double(f64),
    /// Microseconds since 1970-01-01.
    Moment(i64),
    Text(String),
}

/// A figure of a column.
#[derive(Debug, Clone, Copy)]
struct Figure {
    column: &'static str,
    what: What,
    column_type: ColumnType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Filled,
    Least,
    Greatest,
    Sum,
    Bytes,
}

impl What {
    fn label(self) -> &'static str {
        match self {
            What::Filled => "values that are not null",
            What::Least => "least value",
            What::Greatest => "greatest value",
            What::Sum => "sum",
            What::Bytes => "bytes of all values",
        }
    }
}

/// The engine that computes the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Local,
    Redshift,
    /// PostgreSQL with a database in UTF-8 or in SQL_ASCII, which stores bytes unchanged.
    Postgres,
    /// PostgreSQL with a database in another encoding.
    Transcoded,
}

impl Engine {
    fn of(dialect: Dialect, encoding: Option<&str>) -> Engine {
        match dialect {
            Dialect::Redshift => Engine::Redshift,
            Dialect::Postgres if encoding::is_utf8(encoding) => Engine::Postgres,
            Dialect::Postgres => Engine::Transcoded,
        }
    }
}

impl TableFigures {
    /// Returns the number of figures, including the row count.
    pub fn count(&self) -> usize {
        self.values.len() + 1
    }
}

fn figures(table: &Table) -> Vec<Figure> {
    let of = |column: &Column| {
        let whats: &[What] = match column.column_type {
            ColumnType::Text => &[What::Filled, What::Bytes, What::Least, What::Greatest],
            ColumnType::Timestamp => &[What::Filled, What::Least, What::Greatest],
            _ => &[What::Filled, What::Sum, What::Least, What::Greatest],
        };
        let (column, column_type) = (column.name, column.column_type);
        whats.iter().map(move |&what| Figure { column, what, column_type }).collect::<Vec<_>>()
    };
    table.columns.iter().flat_map(of).collect()
}

impl Figure {
    fn sql(self, engine: Engine) -> Result<String> {
        let column = quote::name(self.column)?;
        Ok(match (self.what, self.column_type) {
            (What::Filled, _) => format!("COUNT({column})"),
            // Count the bytes in UTF-8, the encoding of the files.
            (What::Bytes, _) if engine == Engine::Transcoded => {
                format!("SUM(CAST(OCTET_LENGTH(convert_to({column}, 'UTF8')) AS BIGINT))")
            }
            (What::Bytes, _) => format!("SUM(CAST(OCTET_LENGTH({column}) AS BIGINT))"),
            // PostgreSQL rejects a quotient that underflows to 0.
            (What::Sum, ColumnType::Double) => format!(
                "SUM(CASE WHEN ABS({column}) < CAST('{NEGLIGIBLE}' AS DOUBLE PRECISION) THEN 0 \
                 ELSE ABS({column}) / {SCALE:e} END)"
            ),
            // A sum of integers cannot overflow in PostgreSQL; it can in the other engines.
            (What::Sum, _) if matches!(engine, Engine::Postgres | Engine::Transcoded) => {
                format!("SUM({column})")
            }
            (What::Sum, _) => format!("SUM(CAST({column} AS DECIMAL(38, 0)))"),
            (what, column_type) => {
                let function = if what == What::Least { "MIN" } else { "MAX" };
                // Compare by UTF-8 bytes, as Redshift and DataFusion do, regardless of the
                // database's collation and encoding.
                match (column_type, engine) {
                    (ColumnType::Text, Engine::Postgres) => {
                        format!("{function}({column} COLLATE \"C\")")
                    }
                    (ColumnType::Text, Engine::Transcoded) => format!(
                        "convert_from(decode({function}(encode(convert_to({column}, 'UTF8'), 'hex') \
                         COLLATE \"C\"), 'hex'), 'UTF8')"
                    ),
                    _ => format!("{function}({column})"),
                }
            }
        })
    }

    fn parse(self, text: &str) -> Option<Value> {
        Some(match (self.what, self.column_type) {
            (What::Filled | What::Bytes, _) => Value::Integer(text.parse().ok()?),
            (_, ColumnType::Double) => Value::Double(text.parse().ok()?),
            (_, ColumnType::Timestamp) => Value::Moment(moment(text)?),
            (_, ColumnType::Text) => Value::Text(text.to_owned()),
            _ => Value::Integer(text.split('.').next()?.parse().ok()?),
        })
    }

    fn shown(self, value: &Option<Value>) -> String {
        match value {
            None => "null".to_owned(),
            Some(Value::Integer(number)) => number.to_string(),
            Some(Value::Double(number)) if self.what == What::Sum => (number * SCALE).to_string(),
            Some(Value::Double(number)) => number.to_string(),
            Some(Value::Moment(micros)) => chrono::DateTime::from_timestamp_micros(*micros)
                .map_or_else(|| micros.to_string(), |moment| moment.naive_utc().to_string()),
            Some(Value::Text(text)) => format!("{:?}", text.chars().take(80).collect::<String>()),
        }
    }

    fn agree(self, left: &Option<Value>, right: &Option<Value>) -> bool {
        match (left, right) {
            (Some(Value::Double(left)), Some(Value::Double(right))) => {
                let tolerance =
                    if self.what == What::Sum { SUM_TOLERANCE } else { DOUBLE_TOLERANCE };
                left == right || (left - right).abs() <= tolerance * left.abs().max(right.abs())
            }
            // Redshift considers texts equal that differ only in trailing blanks, so it can return
            // either one as the minimum or maximum.
            (Some(Value::Text(left)), Some(Value::Text(right))) => {
                left.trim_end_matches(' ') == right.trim_end_matches(' ')
            }
            _ => left == right,
        }
    }
}

/// Parses a timestamp such as `2018-11-01 21:01:46.796`, with a `T` or a blank before the time,
/// into microseconds since 1970-01-01.
fn moment(text: &str) -> Option<i64> {
    let text = text.replace('T', " ");
    let parsed = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(parsed.and_utc().timestamp_micros())
}

fn select(table: &Table, from: &str, engine: Engine) -> Result<String> {
    let mut expressions = vec!["COUNT(*)".to_owned()];
    for figure in figures(table) {
        expressions.push(figure.sql(engine)?);
    }
    let columns: Vec<String> =
        expressions.iter().enumerate().map(|(i, sql)| format!("{sql} AS f{i}")).collect();
    Ok(format!("SELECT\n    {}\nFROM {from}", columns.join(",\n    ")))
}

/// Returns the query that computes a table's figures in a warehouse whose database is in UTF-8.
/// `from` is the quoted name of the table.
///
/// # Errors
///
/// Returns an error if a column name is not valid.
pub fn warehouse_query(table: &Table, from: &str, dialect: Dialect) -> Result<String> {
    select(table, from, Engine::of(dialect, None))
}

/// Computes the figures of a table registered in `session`.
///
/// # Errors
///
/// Returns an error if the files cannot be read.
pub async fn local_figures(
    session: &SessionContext,
    table: &'static Table,
) -> Result<TableFigures> {
    let failed = |e| crate::error::Error::query(format!("figures of {}", table.name), e);
    let sql = select(table, &quote::name(table.name)?, Engine::Local)?;
    let rows = session.sql(&sql).await.map_err(failed)?;
    let batches: Vec<_> =
        rows.execute_stream().await.map_err(failed)?.try_collect().await.map_err(failed)?;
    let mut row = TextRow::new();
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        for column in batch.columns() {
            let texts = cast(column, &DataType::Utf8)?;
            let texts = texts.as_string::<i32>();
            row.push(texts.is_valid(0).then(|| texts.value(0).to_owned()));
        }
    }
    parse_row(table, &row)
}

/// Computes the figures of a table in a warehouse. `from` is the quoted name of the table.
///
/// # Errors
///
/// Returns an error if the query fails or its result cannot be parsed.
pub async fn warehouse_figures(
    session: &Session,
    table: &Table,
    from: &str,
) -> Result<TableFigures> {
    let sql = select(table, from, Engine::of(session.dialect(), session.encoding()))?;
    let rows = session.rows(&format!("verify {}", table.name), &sql).await?;
    parse_row(table, rows.first().map(Vec::as_slice).unwrap_or_default())
}

fn parse_row(table: &Table, row: &[Option<String>]) -> Result<TableFigures> {
    let broken = |what: &str| Error::Mismatch {
        differences: vec![format!("{}: {what} is not understood", table.name)],
    };
    let figures = figures(table);
    if row.len() != figures.len() + 1 {
        return Err(broken("the number of figures"));
    }
    let rows = row[0].as_deref().and_then(|text| text.parse().ok());
    let rows = rows.ok_or_else(|| broken("the number of rows"))?;
    let parse = |(figure, text): (&Figure, &Option<String>)| match text {
        None => Ok(None),
        Some(text) => match figure.parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(broken(&format!("{} {} {text:?}", figure.column, figure.what.label()))),
        },
    };
    let values = figures.iter().zip(&row[1..]).map(parse).collect::<Result<_>>()?;
    Ok(TableFigures { rows, values })
}

/// Returns the differences between the figures of a table's files and those of the loaded table,
/// one line per figure. Empty if they agree.
pub fn differences(table: &Table, files: &TableFigures, loaded: &TableFigures) -> Vec<String> {
    let mut lines = Vec::new();
    if files.rows != loaded.rows {
        lines.push(format!(
            "{}: the files have {} rows, the table has {}",
            table.name, files.rows, loaded.rows
        ));
    }
    for (figure, (left, right)) in
        figures(table).into_iter().zip(files.values.iter().zip(&loaded.values))
    {
        if !figure.agree(left, right) {
            lines.push(format!(
                "{}.{}: {} is {} in the files and {} in the table",
                table.name,
                figure.column,
                figure.what.label(),
                figure.shown(left),
                figure.shown(right)
            ));
        }
    }
    lines
}
