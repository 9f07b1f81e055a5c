//! Column statistics that verify a load: for each column the non-null count, and its sum or its
//! minimum and maximum, computed by the same query over the Parquet files and over the loaded
//! tables.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, DecimalType};
use chrono::{NaiveDate, NaiveDateTime};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use super::encoding;
use crate::model::MAX_PRECISION;
use crate::star::model::{ColumnType, Table, TableColumn as Column};
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::{Session, TextRow};
use crate::warehouse::error::{Error, Result};
use crate::warehouse::sql::quote;

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

/// Maximum precision of the decimals that are summed: a sum has at most 38 digits, and ten of them are left for
/// the number of rows.
const SUMMABLE_PRECISION: u8 = 28;

/// Maximum number of columns of a query for statistics.
///
/// Source: PostgreSQL, appendix K, Limits (1,664 columns in a result set).
const MAX_SELECTED: usize = 1600;

/// Statistics of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableStats {
    /// Number of rows.
    pub rows: u64,
    /// Statistics of the columns, in the order of `statistics`.
    values: Vec<Option<Value>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Integer(i128),
    Double(f64),
    /// A decimal, multiplied by ten to the power of its scale.
    Decimal(i128),
    /// Microseconds since 1970-01-01.
    Moment(i64),
    Date(NaiveDate),
    Text(String),
}

/// A statistic of a column.
#[derive(Debug, Clone, Copy)]
struct Statistic<'a> {
    column: &'a str,
    aggregate: Aggregate,
    column_type: ColumnType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Count,
    Min,
    Max,
    Sum,
    Trues,
    Bytes,
}

impl Aggregate {
    fn label(self) -> &'static str {
        match self {
            Aggregate::Count => "non-null values",
            Aggregate::Min => "minimum",
            Aggregate::Max => "maximum",
            Aggregate::Sum => "sum",
            Aggregate::Trues => "true values",
            Aggregate::Bytes => "bytes of all values",
        }
    }
}

/// The engine that computes the statistics.
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

impl TableStats {
    /// Returns the number of statistics, including the row count.
    pub fn count(&self) -> usize {
        self.values.len() + 1
    }
}

fn statistics<'t>(table: &'t Table) -> Vec<Statistic<'t>> {
    let of = |column: &'t Column| {
        let aggregates: &[Aggregate] = match column.column_type {
            ColumnType::Text => {
                &[Aggregate::Count, Aggregate::Bytes, Aggregate::Min, Aggregate::Max]
            }
            ColumnType::Boolean => &[Aggregate::Count, Aggregate::Trues],
            ColumnType::Timestamp | ColumnType::Date => {
                &[Aggregate::Count, Aggregate::Min, Aggregate::Max]
            }
            ColumnType::Decimal { precision, .. } if precision > SUMMABLE_PRECISION => {
                &[Aggregate::Count, Aggregate::Min, Aggregate::Max]
            }
            _ => &[Aggregate::Count, Aggregate::Sum, Aggregate::Min, Aggregate::Max],
        };
        let (column, column_type) = (&*column.name, column.column_type);
        aggregates
            .iter()
            .map(move |&aggregate| Statistic { column, aggregate, column_type })
            .collect::<Vec<_>>()
    };
    table.columns.iter().flat_map(of).collect()
}

impl Statistic<'_> {
    fn sql(self, engine: Engine) -> Result<String> {
        let column = quote::name(self.column)?;
        Ok(match (self.aggregate, self.column_type) {
            (Aggregate::Count, _) => format!("COUNT({column})"),
            // Count the bytes in UTF-8, the encoding of the files.
            (Aggregate::Bytes, _) if engine == Engine::Transcoded => {
                format!("SUM(CAST(OCTET_LENGTH(convert_to({column}, 'UTF8')) AS BIGINT))")
            }
            (Aggregate::Bytes, _) => format!("SUM(CAST(OCTET_LENGTH({column}) AS BIGINT))"),
            (Aggregate::Trues, _) => format!("SUM(CASE WHEN {column} THEN 1 ELSE 0 END)"),
            (Aggregate::Sum, ColumnType::Decimal { .. }) => format!("SUM({column})"),
            // PostgreSQL rejects a quotient that underflows to 0.
            (Aggregate::Sum, ColumnType::Double) => format!(
                "SUM(CASE WHEN ABS({column}) < CAST('{NEGLIGIBLE}' AS DOUBLE PRECISION) THEN 0 \
                 ELSE ABS({column}) / {SCALE:e} END)"
            ),
            // A sum of integers cannot overflow in PostgreSQL; it can in the other engines.
            (Aggregate::Sum, _) if matches!(engine, Engine::Postgres | Engine::Transcoded) => {
                format!("SUM({column})")
            }
            (Aggregate::Sum, _) => format!("SUM(CAST({column} AS DECIMAL(38, 0)))"),
            (aggregate, column_type) => {
                let function = if aggregate == Aggregate::Min { "MIN" } else { "MAX" };
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
        Some(match (self.aggregate, self.column_type) {
            (Aggregate::Count | Aggregate::Trues | Aggregate::Bytes, _) => {
                Value::Integer(text.parse().ok()?)
            }
            (_, ColumnType::Decimal { scale, .. }) => Value::Decimal(unscaled(text, scale)?),
            (_, ColumnType::Date) => Value::Date(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?),
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
            Some(Value::Decimal(number)) => match self.column_type {
                ColumnType::Decimal { scale, .. } => {
                    Decimal128Type::format_decimal(*number, MAX_PRECISION, scale.cast_signed())
                }
                _ => number.to_string(),
            },
            Some(Value::Date(date)) => date.to_string(),
            Some(Value::Double(number)) if self.aggregate == Aggregate::Sum => {
                (number * SCALE).to_string()
            }
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
                    if self.aggregate == Aggregate::Sum { SUM_TOLERANCE } else { DOUBLE_TOLERANCE };
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

/// Parses a decimal such as `-12.30` and multiplies it by ten to the power of `scale`. Returns `None` if it has
/// more digits after the point.
fn unscaled(text: &str, scale: u8) -> Option<i128> {
    let scale = usize::from(scale);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > scale {
        return None;
    }
    format!("{whole}{fraction:0<scale$}").parse().ok()
}

/// Parses a timestamp such as `2018-11-01 21:01:46.796`, with a `T` or a blank before the time,
/// into microseconds since 1970-01-01.
fn moment(text: &str) -> Option<i64> {
    let text = text.replace('T', " ");
    let parsed = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(parsed.and_utc().timestamp_micros())
}

/// Returns the queries whose columns are the row count and the statistics.
fn selects(table: &Table, from: &str, engine: Engine) -> Result<Vec<String>> {
    let mut expressions = vec!["COUNT(*)".to_owned()];
    for statistic in statistics(table) {
        expressions.push(statistic.sql(engine)?);
    }
    let columns: Vec<String> =
        expressions.iter().enumerate().map(|(i, sql)| format!("{sql} AS f{i}")).collect();
    let select =
        |columns: &[String]| format!("SELECT\n    {}\nFROM {from}", columns.join(",\n    "));
    Ok(columns.chunks(MAX_SELECTED).map(select).collect())
}

/// Returns the queries that compute a table's statistics in a warehouse whose database is in UTF-8.
/// `from` is the quoted name of the table.
///
/// # Errors
///
/// Returns an error if a column name is not valid.
pub fn stats_queries(table: &Table, from: &str, dialect: Dialect) -> Result<Vec<String>> {
    selects(table, from, Engine::of(dialect, None))
}

/// Computes the statistics of a table registered in `session`.
///
/// # Errors
///
/// Returns an error if the files cannot be read.
pub async fn file_stats(session: &SessionContext, table: &Table) -> Result<TableStats> {
    let failed = |e| crate::error::Error::query(format!("statistics of {}", table.name), e);
    let mut row = TextRow::new();
    for sql in selects(table, &quote::name(&table.name)?, Engine::Local)? {
        let rows = session.sql(&sql).await.map_err(failed)?;
        let batches: Vec<_> =
            rows.execute_stream().await.map_err(failed)?.try_collect().await.map_err(failed)?;
        for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
            for column in batch.columns() {
                let texts = cast(column, &DataType::Utf8)?;
                let texts = texts.as_string::<i32>();
                row.push(texts.is_valid(0).then(|| texts.value(0).to_owned()));
            }
        }
    }
    parse_row(table, &row)
}

/// Computes the statistics of a table in a warehouse. `from` is the quoted name of the table.
///
/// # Errors
///
/// Returns an error if the query fails or its result cannot be parsed.
pub async fn warehouse_stats(session: &Session, table: &Table, from: &str) -> Result<TableStats> {
    let mut row = TextRow::new();
    for sql in selects(table, from, Engine::of(session.dialect(), session.encoding()))? {
        let rows = session.rows(&format!("verify {}", table.name), &sql).await?;
        row.extend(rows.into_iter().next().unwrap_or_default());
    }
    parse_row(table, &row)
}

fn parse_row(table: &Table, row: &[Option<String>]) -> Result<TableStats> {
    let broken = |what: &str| Error::Mismatch {
        differences: vec![format!("{}: cannot parse {what}", table.name)],
    };
    let statistics = statistics(table);
    if row.len() != statistics.len() + 1 {
        return Err(broken("the number of statistics"));
    }
    let rows = row[0].as_deref().and_then(|text| text.parse().ok());
    let rows = rows.ok_or_else(|| broken("the number of rows"))?;
    let parse = |(statistic, text): (&Statistic, &Option<String>)| match text {
        None => Ok(None),
        Some(text) => match statistic.parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(broken(&format!(
                "{} {} {text:?}",
                statistic.column,
                statistic.aggregate.label()
            ))),
        },
    };
    let values = statistics.iter().zip(&row[1..]).map(parse).collect::<Result<_>>()?;
    Ok(TableStats { rows, values })
}

/// Returns the differences between the statistics of a table's files and those of the loaded table,
/// one line per statistic. Empty if they agree.
pub fn differences(table: &Table, files: &TableStats, loaded: &TableStats) -> Vec<String> {
    let mut lines = Vec::new();
    if files.rows != loaded.rows {
        lines.push(format!(
            "{}: row count {} in the files, {} in the table",
            table.name, files.rows, loaded.rows
        ));
    }
    for (statistic, (left, right)) in
        statistics(table).into_iter().zip(files.values.iter().zip(&loaded.values))
    {
        if !statistic.agree(left, right) {
            lines.push(format!(
                "{}.{}: {} is {} in the files and {} in the table",
                table.name,
                statistic.column,
                statistic.aggregate.label(),
                statistic.shown(left),
                statistic.shown(right)
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests;
