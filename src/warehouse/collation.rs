//! The collation of the text columns that a load makes in PostgreSQL.
//!
//! The files and Redshift order texts by their bytes. A database orders them by its own locale, and
//! the same query then has another answer where it sorts, compares or limits by a text. The columns
//! therefore have a collation by bytes, which `COLLATE` in a query overrides.

use super::Dialect;
use super::session::Session;
use crate::warehouse::error::Result;

/// Whether the database itself orders by bytes. `datlocprovider` is that of PostgreSQL 15 and later;
/// the builtin provider of PostgreSQL 17 has locales by code points only.
const BY_BYTES: &str = "SELECT to_jsonb(d)->>'datlocprovider' = 'b' \
    OR (COALESCE(to_jsonb(d)->>'datlocprovider', 'c') = 'c' \
        AND d.datcollate IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8')) \
    FROM pg_database d WHERE d.datname = current_database()";

/// Collations by code points under which `upper` and `lower` know letters beyond ASCII, as those of
/// the files do; the best one first.
const CANDIDATES: &str = "SELECT collname FROM pg_collation \
    WHERE collnamespace = 'pg_catalog'::regnamespace \
    AND (collname = 'pg_c_utf8' OR (collprovider = 'c' AND collcollate IN ('C.UTF-8', 'C.utf8'))) \
    AND collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding())) \
    ORDER BY collname = 'pg_c_utf8' DESC, collname LIMIT 1";

/// The collation of the text columns in the database of `session`, quoted; `None` if they need none.
///
/// # Errors
///
/// If the catalog cannot be read.
pub async fn of_columns(session: &Session) -> Result<Option<String>> {
    let action = "choose the collation of texts";
    if session.dialect() == Dialect::Redshift
        || session.value(action, BY_BYTES).await?.as_deref() == Some("t")
    {
        return Ok(None);
    }
    let found = session.value(action, CANDIDATES).await?;
    let name = found.unwrap_or_else(|| "C".to_owned());
    Ok(Some(super::quote::qualified("pg_catalog", &name)?))
}
