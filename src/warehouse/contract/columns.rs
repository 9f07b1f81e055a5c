//! Checks a file's columns against its table: number, order, names, types.

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::Type;

use super::finding::Finding;
use super::rule::Rule;
use super::tables::ExpectedTable;
use crate::star::model::ColumnType;

/// Checks the schema of the file at `url` against its table. COPY maps columns by position, so
/// types are compared only if the number of columns matches.
pub(super) fn check(url: &str, schema: &Type, table: &ExpectedTable) -> Vec<Finding> {
    let fields = schema.get_fields();
    if fields.len() != table.columns.len() {
        return vec![Finding::new(Rule::ColumnCount, url, count_problem(schema, table))];
    }
    let mut findings = Vec::new();
    if let Some(problem) = order_problem(schema, table) {
        findings.push(Finding::new(Rule::ColumnOrder, url, problem));
    }
    for (field, column) in fields.iter().zip(&table.columns) {
        if let Some((rule, found)) = type_problem(field, column.column_type) {
            let place = format!("{url}, column {}", field.name());
            let target = column.column_type.sql();
            let problem = format!("{found}; {}.{} is {target}", table.name, column.name);
            findings.push(Finding::new(rule, place, problem));
        }
    }
    findings
}

/// Compares names as Redshift does, ignoring case.
fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn count_problem(schema: &Type, table: &ExpectedTable) -> String {
    let found: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
    let wanted: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let beyond = |left: &[&str], right: &[&str]| {
        let beyond = left.iter().filter(|l| !right.iter().any(|r| same_name(l, r)));
        beyond.copied().collect::<Vec<_>>().join(", ")
    };
    let mut problem =
        format!("it has {} columns; {} has {}", found.len(), table.name, wanted.len());
    for (what, names) in [("missing", beyond(&wanted, &found)), ("extra", beyond(&found, &wanted))]
    {
        if !names.is_empty() {
            problem += &format!("; {what}: {names}");
        }
    }
    problem
}

fn order_problem(schema: &Type, table: &ExpectedTable) -> Option<String> {
    let fields = schema.get_fields();
    let mut pairs = fields.iter().zip(&table.columns).enumerate();
    let (at, (field, column)) =
        pairs.find(|(_, (field, column))| !same_name(field.name(), &column.name))?;
    let is_moved = table.columns.iter().any(|column| same_name(field.name(), &column.name));
    let how = if is_moved { "the order differs" } else { "the name differs" };
    let (found, wanted) = (field.name(), &column.name);
    Some(format!(
        "column {} is {found}, but {wanted} in {}: {how}, and {found} would be loaded into {wanted}",
        at + 1,
        table.name
    ))
}

/// Returns the rule that the Parquet type breaks in a column of type `target`, and a description of
/// the Parquet type. `None` if it loads.
fn type_problem(field: &Type, target: ColumnType) -> Option<(Rule, String)> {
    if field.is_group() || field.get_basic_info().repetition() == Repetition::REPEATED {
        return Some((Rule::ColumnNested, "it is nested".to_owned()));
    }
    let reject = |rule| Some((rule, format!("it is {}", describe(field))));
    let (physical, kind) = (field.get_physical_type(), Kind::of(field));
    match (target, physical, kind) {
        (_, _, Kind::Unsigned) => reject(Rule::ColumnUnsigned),
        (ColumnType::SmallInt, Physical::INT32, Kind::Signed(16))
        | (ColumnType::Integer, Physical::INT32, Kind::Plain | Kind::Signed(32))
        // Known to load, according to the notes of felipenoris/serialize-db.
        | (ColumnType::BigInt, Physical::INT32, Kind::Plain | Kind::Signed(32))
        | (ColumnType::BigInt, Physical::INT64, Kind::Plain | Kind::Signed(64))
        | (ColumnType::Double, Physical::DOUBLE, Kind::Plain)
        | (ColumnType::Boolean, Physical::BOOLEAN, Kind::Plain)
        | (ColumnType::Date, Physical::INT32, Kind::Date)
        | (ColumnType::Text, Physical::BYTE_ARRAY, Kind::Text)
        | (ColumnType::Timestamp, Physical::INT64, Kind::NaiveMicros) => None,
        // The table and the file must have the same precision and scale.
        (
            ColumnType::Decimal { precision, scale },
            Physical::INT32 | Physical::INT64 | Physical::FIXED_LEN_BYTE_ARRAY,
            Kind::Decimal(found_precision, found_scale),
        ) if (i32::from(precision), i32::from(scale)) == (found_precision, found_scale) => None,
        (ColumnType::Timestamp, Physical::INT96, _) => reject(Rule::ColumnTimestamp),
        (ColumnType::Timestamp, _, Kind::OtherTimestamp) => reject(Rule::ColumnTimestamp),
        _ => reject(Rule::ColumnType),
    }
}

/// Meaning of a physical type according to the column's annotation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Signed(i8),
    Unsigned,
    Text,
    Date,
    /// Precision and scale.
    Decimal(i32, i32),
    NaiveMicros,
    OtherTimestamp,
    Other,
}

impl Kind {
    fn of(field: &Type) -> Kind {
        let info = field.get_basic_info();
        match info.logical_type_ref() {
            Some(LogicalType::Integer(int)) if int.is_signed => Kind::Signed(int.bit_width),
            Some(LogicalType::Integer(_)) => Kind::Unsigned,
            Some(LogicalType::String) => Kind::Text,
            Some(LogicalType::Date) => Kind::Date,
            Some(LogicalType::Decimal(decimal)) => Kind::Decimal(decimal.precision, decimal.scale),
            Some(LogicalType::Timestamp(time)) => match (&time.unit, time.is_adjusted_to_u_t_c) {
                (TimeUnit::MICROS, false) => Kind::NaiveMicros,
                _ => Kind::OtherTimestamp,
            },
            Some(_) => Kind::Other,
            // Files written before logical types existed have converted types.
            None => match info.converted_type() {
                ConvertedType::NONE => Kind::Plain,
                ConvertedType::UTF8 => Kind::Text,
                ConvertedType::DATE => Kind::Date,
                ConvertedType::INT_16 => Kind::Signed(16),
                ConvertedType::INT_32 => Kind::Signed(32),
                ConvertedType::INT_64 => Kind::Signed(64),
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64 => Kind::Unsigned,
                // Adjusted to UTC by definition.
                ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS => {
                    Kind::OtherTimestamp
                }
                _ => Kind::Other,
            },
        }
    }
}

/// Describes a type for a finding: the physical type, then the logical type.
fn describe(field: &Type) -> String {
    let info = field.get_basic_info();
    let meaning = match info.logical_type_ref() {
        Some(LogicalType::Integer(int)) => {
            format!("{}({})", if int.is_signed { "INT" } else { "UINT" }, int.bit_width)
        }
        Some(LogicalType::Timestamp(time)) => {
            let zone = if time.is_adjusted_to_u_t_c { ", adjusted to UTC" } else { "" };
            format!("TIMESTAMP({:?}{zone})", time.unit)
        }
        Some(LogicalType::Decimal(decimal)) => {
            format!("DECIMAL({},{})", decimal.precision, decimal.scale)
        }
        Some(other) => format!("{other:?}").to_uppercase(),
        None if info.converted_type() != ConvertedType::NONE => info.converted_type().to_string(),
        None => "with no logical type".to_owned(),
    };
    format!("{} {meaning}", field.get_physical_type())
}
