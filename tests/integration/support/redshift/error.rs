//! Errors as the server reports them: a SQLSTATE, a message and, for engine errors, a detail block.

/// The error of a failed statement.
#[derive(Clone, Debug)]
pub struct SqlError {
    pub code: String,
    pub message: String,
    pub detail: Option<String>,
}

impl SqlError {
    pub fn new(code: &str, message: impl Into<String>) -> SqlError {
        SqlError { code: code.into(), message: message.into(), detail: None }
    }

    /// Text outside Redshift's grammar.
    pub fn syntax(near: impl std::fmt::Display) -> SqlError {
        SqlError::new("42601", format!("syntax error at or near \"{near}\""))
    }

    /// A feature that Redshift rejects.
    pub fn rejected(message: impl Into<String>) -> SqlError {
        SqlError::new("0A000", message)
    }

    /// A feature that Redshift may have but the stand-in lacks.
    pub fn missing(what: impl std::fmt::Display) -> SqlError {
        SqlError::new("0A000", format!("the stand-in does not support {what}"))
    }

    /// A user relation that does not exist.
    pub fn no_relation(name: &str) -> SqlError {
        SqlError::new("XX000", format!("Relation {name} does not exist in the database."))
    }

    /// A relation that was resolved by name and dropped before the statement got its lock.
    pub fn no_oid(oid: &str) -> SqlError {
        SqlError::new("XX000", format!("could not open relation with OID {oid}"))
    }

    /// The same for a statement that writes.
    pub fn dropped_meanwhile(oid: &str) -> SqlError {
        SqlError::new("XX000", format!("table {oid} dropped by concurrent transaction"))
    }

    /// Two transactions changed the definition of the same table.
    pub fn conflict() -> SqlError {
        let message = "could not complete because of conflict with concurrent transaction";
        SqlError::new("XX000", message)
    }

    /// An engine error, with an uninformative SQLSTATE and all information in the detail.
    pub fn engine(code: u32, error: &str, context: &str, query: i64, location: &str) -> SqlError {
        let rule = "-----------------------------------------------";
        let detail = format!(
            "\n  {rule}\n  error:  {error}\n  code:      {code}\n  context:   {context}\n  \
             query:     {query}\n  location:  {location}\n  process:   worker_thread [pid=4711]\n  \
             {rule}\n"
        );
        SqlError { code: "XX000".into(), message: error.into(), detail: Some(detail) }
    }

    /// Converts an error of PostgreSQL, in Redshift's wording where it is known.
    pub fn backing(error: &tokio_postgres::Error) -> SqlError {
        let Some(db_error) = error.as_db_error() else {
            return SqlError::new("XX000", format!("the stand-in lost its database: {error}"));
        };
        let (code, message) = (db_error.code().code(), db_error.message());
        let constraint = db_error.constraint().unwrap_or_default();
        match code {
            "42P01" if message.starts_with("relation") => {
                SqlError::no_relation(message.split('"').nth(1).unwrap_or_default())
            }
            "23514" if constraint.starts_with("bytes_") => SqlError::new(
                "22001",
                format!(
                    "value too long for type character varying({})",
                    constraint.rsplit('_').next().unwrap_or_default()
                ),
            ),
            "23502" => {
                let column = db_error.column().unwrap_or_default();
                null_rejected(column, 0)
            }
            "40001" => serializable(db_error.table().unwrap_or("?")),
            "21000" if message.starts_with("MERGE") => {
                SqlError::new("XX000", "Found multiple matches to update the same tuple.")
            }
            _ => SqlError {
                detail: db_error.detail().map(str::to_owned),
                ..SqlError::new(code, message)
            },
        }
    }
}

/// A null value for a NOT NULL column.
pub fn null_rejected(column: &str, query: i64) -> SqlError {
    let error = format!("Cannot insert a NULL value into column {column}");
    SqlError::engine(8007, &error, &error, query, "fmt_check.cpp")
}

/// Two transactions wrote to the same table.
pub fn serializable(table: &str) -> SqlError {
    SqlError {
        detail: Some(format!("Serializable isolation violation on table - {table}")),
        ..SqlError::new("XX000", "1023")
    }
}
