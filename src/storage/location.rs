//! What a user may name: a local path, or a URL of an object store, perhaps with a glob.

use std::path::{Path as FsPath, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use object_store::path::Path;
use url::Url;

/// Why a location cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// The scheme is not one that starlift reads.
    #[error("{0:?}: unknown scheme; use a local path, file://, s3://, gs://, az:// or http(s)://")]
    Scheme(String),
    /// A bucket URL without a bucket.
    #[error("{0:?}: no bucket is named; write {1}://BUCKET/KEY")]
    NoBucket(String, String),
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
        /// What was typed.
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
}

/// The store that a location is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StoreKey {
    /// The local file system.
    Local,
    /// An S3 bucket.
    S3(String),
    /// A bucket or container of another cloud, as `scheme://authority`.
    Cloud(String),
    /// A web server, as `scheme://authority`.
    Http(String),
}

/// A parsed location.
#[derive(Debug, Clone)]
pub struct Location {
    /// As it was typed.
    pub typed: String,
    /// The store.
    pub store: StoreKey,
    /// The object, or the prefix of objects.
    pub path: Path,
    /// What the rest of an object's path below [`Self::path`] must match.
    pub glob: Option<GlobMatcher>,
    /// Whether it was typed with a final slash: then it is a prefix, never an object.
    pub folder: bool,
}

impl Location {
    /// Parses what a user typed; it may end in a glob.
    ///
    /// # Errors
    ///
    /// If the scheme is unknown or the path cannot be one.
    pub fn parse(typed: &str) -> Result<Location, LocationError> {
        let Some((scheme, rest)) = typed.split_once("://") else { return local(typed, typed) };
        match scheme {
            "file" => file_url(typed),
            "s3" | "s3a" => bucket(typed, "s3", rest, StoreKey::S3),
            "gs" | "az" | "abfs" | "abfss" => {
                let scheme = scheme.to_owned();
                bucket(typed, &scheme, rest, |name| StoreKey::Cloud(format!("{scheme}://{name}")))
            }
            "http" | "https" => web(typed),
            _ => Err(LocationError::Scheme(typed.to_owned())),
        }
    }

    /// Parses the location of one object or folder.
    ///
    /// # Errors
    ///
    /// As [`Location::parse`], and if it holds a glob.
    pub fn parse_single(typed: &str) -> Result<Location, LocationError> {
        let location = Location::parse(typed)?;
        match location.glob {
            Some(_) => Err(LocationError::UnexpectedGlob(typed.to_owned())),
            None => Ok(location),
        }
    }

    /// The location `relative` below this one.
    pub fn child(&self, relative: &str) -> Location {
        let path = relative.split('/').fold(self.path.clone(), |path, part| path.join(part));
        Location { path, glob: None, folder: false, ..self.clone() }
    }

    /// The URL or local path of the object at `path` in this location's store.
    pub fn display(&self, path: &Path) -> String {
        match &self.store {
            StoreKey::Local => format!("/{path}"),
            StoreKey::S3(name) => format!("s3://{name}/{path}"),
            StoreKey::Cloud(base) | StoreKey::Http(base) => format!("{base}/{path}"),
        }
    }

    /// The full URL of the object at `path`, with its scheme also for local files.
    pub fn url(&self, path: &Path) -> String {
        match self.store {
            StoreKey::Local => Url::from_file_path(format!("/{path}"))
                .map_or_else(|()| format!("file:///{path}"), String::from),
            _ => self.display(path),
        }
    }

    /// The local file or folder that this is, when it is local.
    pub fn local_path(&self) -> Option<PathBuf> {
        (self.store == StoreKey::Local).then(|| PathBuf::from(self.display(&self.path)))
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.display(&self.path))
    }
}

fn local(typed: &str, path: &str) -> Result<Location, LocationError> {
    let path_error = |source| LocationError::Path { url: typed.to_owned(), source };
    let (prefix, glob) = if FsPath::new(path).exists() { (path, None) } else { split_glob(path) };
    let prefix = if prefix.is_empty() { "." } else { prefix };
    let absolute = std::path::absolute(prefix)
        .map_err(|source| LocationError::Local { url: typed.to_owned(), source })?;
    Ok(Location {
        typed: typed.to_owned(),
        store: StoreKey::Local,
        path: Path::from_absolute_path(normalized(&absolute)).map_err(path_error)?,
        glob: glob.map(|g| matcher(typed, g)).transpose()?,
        folder: path.ends_with('/') || glob.is_some(),
    })
}

/// Resolves `..` by name: object paths cannot hold it.
fn normalized(path: &FsPath) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

fn file_url(typed: &str) -> Result<Location, LocationError> {
    // A file has no query: a question mark is part of a glob.
    let url = Url::parse(&typed.replace('?', "%3F"))
        .map_err(|source| LocationError::Url { url: typed.to_owned(), source })?;
    match url.to_file_path() {
        Ok(path) => local(typed, &path.to_string_lossy()),
        Err(()) => Err(LocationError::Scheme(typed.to_owned())),
    }
}

fn bucket(
    typed: &str,
    scheme: &str,
    rest: &str,
    store: impl FnOnce(String) -> StoreKey,
) -> Result<Location, LocationError> {
    let (name, key) = rest.split_once('/').unwrap_or((rest, ""));
    if name.is_empty() {
        return Err(LocationError::NoBucket(typed.to_owned(), scheme.to_owned()));
    }
    let (prefix, glob) = split_glob(key);
    let path_error = |source| LocationError::Path { url: typed.to_owned(), source };
    if prefix.starts_with('/') {
        // Parsing would drop the slash, and name another key.
        return Err(path_error(object_store::path::Error::EmptySegment { path: key.to_owned() }));
    }
    Ok(Location {
        typed: typed.to_owned(),
        store: store(name.to_owned()),
        path: Path::parse(prefix).map_err(path_error)?,
        glob: glob.map(|g| matcher(typed, g)).transpose()?,
        folder: key.is_empty() || key.ends_with('/') || glob.is_some(),
    })
}

fn web(typed: &str) -> Result<Location, LocationError> {
    let url =
        Url::parse(typed).map_err(|source| LocationError::Url { url: typed.to_owned(), source })?;
    let base = url[..url::Position::BeforePath].to_owned();
    Ok(Location {
        typed: typed.to_owned(),
        store: StoreKey::Http(base),
        path: Path::from_url_path(url.path())
            .map_err(|source| LocationError::Path { url: typed.to_owned(), source })?,
        glob: None,
        folder: false,
    })
}

/// Splits a path before its first part that holds a glob.
fn split_glob(path: &str) -> (&str, Option<&str>) {
    let Some(special) = path.find(['*', '?', '[', '{']) else { return (path, None) };
    let start = path[..special].rfind('/').map_or(0, |slash| slash + 1);
    (&path[..start], Some(&path[start..]))
}

/// `*` stays within one part of a path, `**` crosses them. What matches a folder matches
/// everything within.
fn matcher(typed: &str, glob: &str) -> Result<GlobMatcher, LocationError> {
    let glob = format!("{{{0},{0}/**}}", glob.trim_end_matches('/'));
    GlobBuilder::new(&glob)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|source| LocationError::Glob { url: typed.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(typed: &str) -> Location {
        Location::parse(typed).unwrap()
    }

    #[test]
    fn buckets_keys_and_globs() {
        let location = parse("s3://sparkify/log_data/2018/*/2018-11-1?-events.json");
        assert_eq!(location.store, StoreKey::S3("sparkify".into()));
        assert_eq!(location.path.as_ref(), "log_data/2018");
        let glob = location.glob.unwrap();
        assert!(glob.is_match("11/2018-11-12-events.json"));
        assert!(!glob.is_match("11/2018-11-02-events.json"));
        assert!(parse("s3://sparkify").folder);
        assert_eq!(parse("s3://b/a b#c=%20").to_string(), "s3://b/a b#c=%20");
    }

    #[test]
    fn a_glob_that_matches_a_folder_matches_what_is_within() {
        let glob = parse("s3://b/song_data/[AB]").glob.unwrap();
        assert!(glob.is_match("A/B/C/TRABC.json"));
        assert!(!glob.is_match("C/B/C/TRCBC.json"));
    }

    #[test]
    fn local_paths_are_made_absolute() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(parse("some/../where.json").local_path().unwrap(), here.join("where.json"));
        for path in ["/a b/c%d/é", "/100%", "/a%41b", "/%2F/x", "/#/x#y", "/b+c=d"] {
            assert_eq!(parse(path).to_string(), path);
        }
        assert_eq!(parse("file:///a%20b").to_string(), "/a b");
    }

    #[test]
    fn what_cannot_be_a_location_is_named() {
        for typed in ["ftp://x/y", "s3:///key", "s3://b//k", "s3://b/[z"] {
            let error = Location::parse(typed).unwrap_err().to_string();
            assert!(error.contains(typed), "{error}");
        }
    }
}
