//! Errors of parsing locations.

/// A location that cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// The location is empty or blank.
    #[error(
        "{0:?} is an empty location; if it comes from a variable, the variable is not set (the \
         current folder is .)"
    )]
    Empty(String),
    /// The scheme is not supported.
    #[error("{0:?}: unknown scheme; use a local path, file://, s3://, gs://, az:// or http(s)://")]
    Scheme(String),
    /// A bucket URL without a bucket.
    #[error("{0:?}: no bucket is named; write {1}://BUCKET/KEY")]
    NoBucket(String, String),
    /// A bucket URL that contains account credentials.
    #[error(
        "the {0}:// URL contains credentials: remove them; they come from the environment or a profile"
    )]
    Credentials(String),
    /// An invalid key or path.
    #[error("{url:?}: not a valid path")]
    Path {
        /// The location as typed.
        url: String,
        /// Error of the path parser.
        source: object_store::path::Error,
    },
    /// A local path that cannot be made absolute.
    #[error("{url:?}: not a valid local path")]
    Local {
        /// The location as typed.
        url: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A URL that cannot be parsed.
    #[error("{url:?}: not a valid URL")]
    Url {
        /// The location as typed, without secrets.
        url: String,
        /// Error of the URL parser.
        source: url::ParseError,
    },
    /// A glob that cannot be parsed.
    #[error("{url:?}: not a valid glob")]
    Glob {
        /// The location as typed.
        url: String,
        /// Error of the glob parser.
        source: globset::Error,
    },
    /// A glob where a single object or folder is required.
    #[error("{0:?}: a glob cannot be used here; name one object or folder")]
    UnexpectedGlob(String),
    /// A query where it would be ignored.
    #[error("{0:?}: a URL with a query can only be read, as one object")]
    UnexpectedQuery(String),
}
