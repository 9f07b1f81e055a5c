//! The collation of the text columns that a load creates in PostgreSQL.
//!
//! The files and Redshift order texts by their bytes. PostgreSQL orders them by the database's
//! locale, so a query that sorts, compares or limits by a text could return a different result. The
//! columns therefore have a bytewise collation, which `COLLATE` in a query overrides.

use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Result;

/// Query that returns true if the database's own collation is bytewise. `datlocprovider` exists in
/// PostgreSQL 15 and later; the builtin provider of PostgreSQL 17 only has locales that order by
/// code point.
const BY_BYTES: &str = "SELECT to_jsonb(d)->>'datlocprovider' = 'b' \
    OR (COALESCE(to_jsonb(d)->>'datlocprovider', 'c') = 'c' \
        AND d.datcollate IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8')) \
    FROM pg_database d WHERE d.datname = current_database()";

/// Query for a collation by code point under which `upper` and `lower` handle non-ASCII letters, as
/// they do in queries over the files. The best candidate comes first.
const CANDIDATES: &str = "SELECT collname FROM pg_collation \
    WHERE collnamespace = 'pg_catalog'::regnamespace \
    AND (collname = 'pg_c_utf8' OR (collprovider = 'c' AND collcollate IN ('C.UTF-8', 'C.utf8'))) \
    AND collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding())) \
    ORDER BY collname = 'pg_c_utf8' DESC, collname LIMIT 1";

/// Returns the quoted collation for text columns in the database of `session`, or `None` if they
/// need none.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn of_columns(session: &Session) -> Result<Option<String>> {
    let action = "choose the collation of texts";
    if session.dialect() == Dialect::Redshift
        || session.value(action, BY_BYTES).await?.as_deref() == Some("t")
    {
        return Ok(None);
    }
    let found = session.value(action, CANDIDATES).await?;
    let name = found.unwrap_or_else(|| "C".to_owned());
    Ok(Some(crate::warehouse::sql::quote::qualified("pg_catalog", &name)?))
}
