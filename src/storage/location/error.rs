//! Locations that cannot be understood.

/// Why a location cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// Nothing, or only blanks.
    #[error(
        "{0:?} is empty and names no place; if it comes from a variable, that is not set (the \
         current folder is .)"
    )]
    Empty(String),
    /// The scheme is not one that starlift reads.
    #[error("{0:?}: unknown scheme; use a local path, file://, s3://, gs://, az:// or http(s)://")]
    Scheme(String),
    /// A bucket URL without a bucket.
    #[error("{0:?}: no bucket is named; write {1}://BUCKET/KEY")]
    NoBucket(String, String),
    /// A bucket URL with keys of an account in it.
    #[error(
        "an {0}:// URL with credentials in it: leave them out; they come from the environment or a \
         profile"
    )]
    Credentials(String),
    /// A key or path that no object can have.
    #[error("{url:?}: not a valid path")]
    Path {
        /// What was typed.
        url: String,
        /// Why not.
        source: object_store::path::Error,
    },
    /// A local path that cannot be made absolute.
    #[error("{url:?}: not a valid local path")]
    Local {
        /// What was typed.
        url: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A URL that cannot be parsed.
    #[error("{url:?}: not a valid URL")]
    Url {
        /// What was typed, without secrets.
        url: String,
        /// Why not.
        source: url::ParseError,
    },
    /// A glob that cannot be parsed.
    #[error("{url:?}: not a valid glob")]
    Glob {
        /// What was typed.
        url: String,
        /// Why not.
        source: globset::Error,
    },
    /// A glob where one object or folder is meant.
    #[error("{0:?}: a glob cannot be used here; name one object or folder")]
    UnexpectedGlob(String),
    /// A query where it would be lost.
    #[error("{0:?}: a URL with a query can only be read, as one object")]
    UnexpectedQuery(String),
}
