//! Redshift's types (Developer Guide, c_Supported_data_types): their syntax, and their types in
//! PostgreSQL.

use datafusion::sql::sqlparser::ast::DataType;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::error::SqlError;
use super::lex::{self, Cursor};

/// Maximum length of a VARCHAR, in bytes.
const VARCHAR_BYTES: u32 = 65_535;
/// Maximum length of a CHAR, in bytes.
const CHAR_BYTES: u32 = 4_096;
/// Length of a VARCHAR without a declared length, in bytes.
const BARE_VARCHAR_BYTES: u32 = 256;

/// Types that Redshift has but the stand-in does not support.
const NOT_KEPT: [&str; 8] =
    ["super", "varbyte", "varbinary", "geometry", "geography", "hllsketch", "timetz", "interval"];

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    SmallInt,
    Integer,
    BigInt,
    Decimal(u8, u8),
    Real,
    Double,
    Boolean,
    /// Length in bytes.
    Char(u32),
    /// Length in bytes.
    Varchar(u32),
    Date,
    Time,
    Timestamp,
    TimestampTz,
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Type::SmallInt => f.write_str("SMALLINT"),
            Type::Integer => f.write_str("INTEGER"),
            Type::BigInt => f.write_str("BIGINT"),
            Type::Decimal(precision, scale) => write!(f, "DECIMAL({precision}, {scale})"),
            Type::Real => f.write_str("REAL"),
            Type::Double => f.write_str("DOUBLE PRECISION"),
            Type::Boolean => f.write_str("BOOLEAN"),
            Type::Char(bytes) => write!(f, "CHAR({bytes})"),
            Type::Varchar(bytes) => write!(f, "VARCHAR({bytes})"),
            Type::Date => f.write_str("DATE"),
            Type::Time => f.write_str("TIME"),
            Type::Timestamp => f.write_str("TIMESTAMP"),
            Type::TimestampTz => f.write_str("TIMESTAMPTZ"),
        }
    }
}

/// Parses a type in a column definition or cast.
pub fn read(cursor: &mut Cursor) -> Result<Type, SqlError> {
    let Some(word) = cursor.peek_word().map(str::to_owned) else { return Err(cursor.unexpected()) };
    cursor.next();
    let found = match word.as_str() {
        "smallint" | "int2" => Type::SmallInt,
        "integer" | "int" | "int4" => Type::Integer,
        "bigint" | "int8" => Type::BigInt,
        "real" | "float4" => Type::Real,
        "float8" | "float" => Type::Double,
        "double" => {
            cursor.expect("precision")?;
            Type::Double
        }
        "boolean" | "bool" => Type::Boolean,
        "decimal" | "numeric" => decimal(cursor)?,
        "char" | "nchar" | "bpchar" => length(cursor, 1, CHAR_BYTES).map(Type::Char)?,
        "varchar" | "nvarchar" | "text" => varchar(cursor)?,
        "character" if cursor.accept("varying") => varchar(cursor)?,
        "character" => length(cursor, 1, CHAR_BYTES).map(Type::Char)?,
        "date" => Type::Date,
        "time" => zoned(cursor, Type::Time, None)?,
        "timestamp" => zoned(cursor, Type::Timestamp, Some(Type::TimestampTz))?,
        "timestamptz" => Type::TimestampTz,
        _ if NOT_KEPT.contains(&word.as_str()) => return Err(SqlError::missing(word)),
        _ => return Err(unsupported(&word)),
    };
    if cursor.accept_token(&Token::LBracket) {
        return Err(unsupported(&format!("{word}[]")));
    }
    Ok(found)
}

/// Types of the catalogs, which user tables cannot have.
const SYSTEM_TYPES: [&str; 3] = ["name", "oid", "regclass"];

/// Fails if a type in an expression is not one of Redshift's.
pub fn check(data_type: &DataType) -> Result<(), SqlError> {
    if SYSTEM_TYPES.contains(&data_type.to_string().to_lowercase().as_str()) {
        return Ok(());
    }
    let mut cursor = Cursor::new(lex::tokens(&data_type.to_string())?);
    read(&mut cursor)?;
    if cursor.done() { Ok(()) } else { Err(unsupported(&data_type.to_string())) }
}

fn unsupported(name: &str) -> SqlError {
    SqlError::rejected(format!("type \"{name}\" is not supported"))
}

fn decimal(cursor: &mut Cursor) -> Result<Type, SqlError> {
    let (mut precision, mut scale) = (18, 0);
    if cursor.accept_token(&Token::LParen) {
        precision = cursor.number()?;
        if cursor.accept_token(&Token::Comma) {
            scale = cursor.number()?;
        }
        cursor.expect_token(&Token::RParen)?;
    }
    if precision == 0 || precision > 38 || scale > 37 || scale > precision {
        let message = format!("DECIMAL({precision}, {scale}) is out of bounds");
        return Err(SqlError::new("22023", message));
    }
    Ok(Type::Decimal(precision, scale))
}

fn varchar(cursor: &mut Cursor) -> Result<Type, SqlError> {
    length(cursor, BARE_VARCHAR_BYTES, VARCHAR_BYTES).map(Type::Varchar)
}

fn length(cursor: &mut Cursor, bare: u32, most: u32) -> Result<u32, SqlError> {
    if !cursor.accept_token(&Token::LParen) {
        return Ok(bare);
    }
    let bytes = if cursor.accept("max") { most } else { cursor.number()? };
    cursor.expect_token(&Token::RParen)?;
    if bytes == 0 || bytes > most {
        let message = format!("length for type character varying cannot be {bytes}: 1 to {most}");
        return Err(SqlError::new("22023", message));
    }
    Ok(bytes)
}

fn zoned(cursor: &mut Cursor, plain: Type, with: Option<Type>) -> Result<Type, SqlError> {
    if cursor.accept("with time zone") {
        return with.ok_or_else(|| SqlError::missing("TIMETZ"));
    }
    cursor.accept("without time zone");
    Ok(plain)
}
