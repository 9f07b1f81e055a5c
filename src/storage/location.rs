//! Locations: local paths and URLs of object stores, optionally with a glob.

mod error;

use std::path::PathBuf;

use object_store::path::Path;
use url::Url;

use super::glob::{Glob, splits};
use super::paths::{self, shown};
use super::web;
pub use error::LocationError;

/// The store that a location is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StoreKey {
    /// The local file system.
    Local,
    /// An S3 bucket.
    S3(String),
    /// A bucket or container of another cloud, as `scheme://authority`.
    Cloud(String),
    /// A web server, as `scheme://authority`, without user name and password.
    Http(String),
}

/// A parsed location, as the user names it on the command line or in the settings.
#[derive(Debug, Clone)]
pub struct Location {
    /// The location as typed, without secrets.
    pub typed: String,
    /// The store that the location is in.
    pub store: StoreKey,
    /// Path of the object or prefix; empty if `object_store` cannot represent it.
    pub path: Path,
    /// Pattern for the rest of an object's path below [`Self::path`].
    pub glob: Option<Glob>,
    /// `true` if the location can only be a prefix: it is typed with a final slash or a glob, or it is a
    /// whole bucket.
    pub folder: bool,
    /// The exact object or prefix.
    exact: Exact,
    /// Alternative readings of a pattern in a bucket, in which part of it exists literally. The most
    /// literal comes first.
    pub(super) literals: Vec<Literal>,
}

#[derive(Debug, Clone)]
enum Exact {
    Key(String),
    File(PathBuf),
    Web(WebUrl),
}

/// A URL whose secrets are never shown, not even in debug output.
#[derive(Clone)]
struct WebUrl(Url);

impl std::fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&web::shown(&self.0))
    }
}

/// A prefix that contains pattern characters, and a pattern for the rest.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    pub key: String,
    pub folder: bool,
    pub glob: Option<Glob>,
}

impl Location {
    /// Parses a location as typed; it may end in a glob.
    ///
    /// # Errors
    ///
    /// Returns an error if the location is empty, its scheme is unknown or its path is invalid.
    pub fn parse(typed: &str) -> Result<Location, LocationError> {
        if typed.trim().is_empty() {
            return Err(LocationError::Empty(typed.to_owned()));
        }
        let Some((scheme, rest)) = typed.split_once("://") else { return local(typed, typed) };
        match scheme {
            "file" => file_url(typed),
            "s3" | "s3a" => {
                let authority = rest.split('/').next().unwrap_or_default();
                if authority.contains([':', '@']) {
                    return Err(LocationError::Credentials(scheme.to_owned()));
                }
                bucket(typed, "s3", rest, StoreKey::S3)
            }
            "gs" | "az" | "abfs" | "abfss" => {
                let authority = rest.split('/').next().unwrap_or_default();
                // In abfs://CONTAINER@ACCOUNT the part before the @ is not a user name.
                let has_user = authority.contains('@') && !scheme.starts_with("abfs");
                if has_user || authority.contains(':') {
                    return Err(LocationError::Credentials(scheme.to_owned()));
                }
                let scheme = scheme.to_owned();
                bucket(typed, &scheme, rest, |name| StoreKey::Cloud(format!("{scheme}://{name}")))
            }
            "http" | "https" => web_url(typed),
            _ => Err(LocationError::Scheme(without_secrets(typed))),
        }
    }

    /// Parses the location of a single object or folder that can be written to.
    ///
    /// # Errors
    ///
    /// Fails like [`Location::parse`], and if the location contains a glob, a query or a path that
    /// object stores cannot represent.
    pub fn parse_single(typed: &str) -> Result<Location, LocationError> {
        let location = Location::parse_object(typed)?;
        let failed = |source| LocationError::Path { url: location.typed.clone(), source };
        match &location.exact {
            Exact::Web(url) if url.0.query().is_some() => {
                return Err(LocationError::UnexpectedQuery(location.typed));
            }
            Exact::Web(_) => {}
            Exact::Key(key) => {
                // Parsing strips slashes at both ends, so the result could be another key.
                if Path::parse(key).map_err(failed)?.as_ref() != key {
                    let path = key.clone();
                    return Err(failed(object_store::path::Error::EmptySegment { path }));
                }
            }
            Exact::File(path) => {
                Path::from_absolute_path(path).map_err(failed)?;
            }
        }
        Ok(location)
    }

    /// Parses the location of a single object to read.
    ///
    /// # Errors
    ///
    /// Fails like [`Location::parse`], and if the location contains a glob.
    pub fn parse_object(typed: &str) -> Result<Location, LocationError> {
        let location = Location::parse(typed)?;
        match location.glob {
            Some(_) => Err(LocationError::UnexpectedGlob(location.typed)),
            None => Ok(location),
        }
    }

    /// Returns the location `relative` below this one.
    pub fn child(&self, relative: &str) -> Location {
        let path = relative.split('/').fold(self.path.clone(), |path, part| path.join(part));
        let exact = match &self.exact {
            Exact::File(folder) => Exact::File(folder.join(relative)),
            Exact::Key(_) => Exact::Key(path.as_ref().to_owned()),
            Exact::Web(url) => Exact::Web(WebUrl(with_path(&url.0, &path))),
        };
        Location { path, exact, glob: None, folder: false, literals: Vec::new(), ..self.clone() }
    }

    /// Returns the URL or local path of the object at `path` in this location's store.
    pub fn display(&self, path: &Path) -> String {
        self.url_of(path.as_ref())
    }

    /// Returns the URL or local path of the object `key` in this location's store.
    pub(super) fn url_of(&self, key: &str) -> String {
        match &self.store {
            StoreKey::Local => format!("/{key}"),
            StoreKey::S3(name) => format!("s3://{name}/{key}"),
            StoreKey::Cloud(base) | StoreKey::Http(base) => format!("{base}/{key}"),
        }
    }

    /// Returns the full URL of the object at `path`, with a scheme even for local files.
    pub fn url(&self, path: &Path) -> String {
        match self.store {
            StoreKey::Local => Url::from_file_path(format!("/{path}"))
                .map_or_else(|()| format!("file:///{path}"), String::from),
            _ => self.display(path),
        }
    }

    /// Returns the path of a local file or folder, or `None` for other stores.
    pub fn local_path(&self) -> Option<PathBuf> {
        match &self.exact {
            Exact::File(path) => Some(path.clone()),
            _ => None,
        }
    }

    /// Returns the key or prefix in the bucket, without a final slash; empty for other stores.
    pub(super) fn key(&self) -> &str {
        match &self.exact {
            Exact::Key(key) => key,
            _ => "",
        }
    }

    /// Returns the URL to request from a web server, including any secrets.
    pub(super) fn web_url(&self) -> Option<&Url> {
        match &self.exact {
            Exact::Web(url) => Some(&url.0),
            _ => None,
        }
    }

    /// Returns the path of this location relative to `outer`: empty if they are the same, `None` if
    /// this location is not below `outer` or is on a web server.
    pub fn below(&self, outer: &Location) -> Option<String> {
        if self.store != outer.store {
            return None;
        }
        if let (Exact::File(inner), Exact::File(outer)) = (&self.exact, &outer.exact) {
            let resolved = [inner, outer].map(|path| paths::resolved(path));
            return resolved[0].strip_prefix(&resolved[1]).ok().map(shown);
        }
        let (Exact::Key(inner), Exact::Key(outer)) = (&self.exact, &outer.exact) else {
            return None;
        };
        if outer.is_empty() || inner == outer {
            return Some(inner[outer.len()..].to_owned());
        }
        inner.strip_prefix(outer.as_str())?.strip_prefix('/').map(str::to_owned)
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.exact {
            Exact::Key(key) => f.write_str(&self.url_of(key)),
            Exact::File(path) => f.write_str(&shown(path)),
            Exact::Web(url) => f.write_str(&web::shown(&url.0)),
        }
    }
}

/// Returns a typed location without the user name, password and query of its URL.
pub fn without_secrets(typed: &str) -> String {
    let Some((scheme, rest)) = typed.split_once("://") else { return typed.to_owned() };
    if matches!(scheme, "file" | "s3" | "s3a" | "gs" | "az" | "abfs" | "abfss") {
        let authority = rest.split('/').next().unwrap_or_default();
        let has_secret = scheme != "file" && authority.contains(':');
        return if has_secret { format!("{scheme}://…") } else { typed.to_owned() };
    }
    match Url::parse(typed) {
        Ok(url) => web::shown(&url),
        // In an invalid URL the end of a password cannot be determined.
        Err(_) if rest.contains('@') => format!("{scheme}://…"),
        Err(_) => typed.split(['?', '#']).next().unwrap_or_default().to_owned(),
    }
}

fn local(typed: &str, path: &str) -> Result<Location, LocationError> {
    let failed = |source| LocationError::Local { url: typed.to_owned(), source };
    let splits = splits(path);
    let exists = |prefix: &str| std::fs::symlink_metadata(prefix).is_ok();
    let found = splits.iter().find(|(prefix, _)| exists(prefix));
    // Without a pattern, the literal reading is the only one.
    let (prefix, glob) = found.or(splits.last()).copied().unwrap_or((path, None));
    let file = paths::absolute(if prefix.is_empty() { "." } else { prefix }).map_err(failed)?;
    Ok(Location {
        typed: typed.to_owned(),
        store: StoreKey::Local,
        // Only outputs need a path that `object_store` can represent.
        path: Path::from_absolute_path(&file).unwrap_or_default(),
        glob: glob.map(|glob| parse_glob(typed, glob)).transpose()?,
        folder: path.ends_with('/') || glob.is_some(),
        exact: Exact::File(file),
        literals: Vec::new(),
    })
}

fn file_url(typed: &str) -> Result<Location, LocationError> {
    // A file URL has no query or fragment, and its path may contain blanks that URL parsing drops.
    let escaped: String = typed.chars().fold(String::new(), |mut escaped, c| {
        match c {
            '?' | '#' | ' ' | '\t' | '\n' | '\r' => escaped += &format!("%{:02X}", c as u32),
            c => escaped.push(c),
        }
        escaped
    });
    let url = Url::parse(&escaped)
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
    if key == "/" {
        let source = object_store::path::Error::EmptySegment { path: key.to_owned() };
        return Err(LocationError::Path { url: typed.to_owned(), source });
    }
    let mut splits = splits(key);
    let (prefix, glob) = splits.pop().unwrap_or((key, None));
    let literal = |(prefix, glob): (&str, Option<&str>)| {
        let glob = glob.map(Glob::new).transpose().ok()?;
        Some(Literal {
            key: without_slash(prefix).to_owned(),
            folder: prefix.ends_with('/') || glob.is_some(),
            glob,
        })
    };
    let exact = without_slash(prefix).to_owned();
    Ok(Location {
        typed: typed.to_owned(),
        store: store(name.to_owned()),
        path: Path::parse(&exact).unwrap_or_default(),
        glob: glob.map(|glob| parse_glob(typed, glob)).transpose()?,
        folder: key.is_empty() || key.ends_with('/') || glob.is_some(),
        exact: Exact::Key(exact),
        literals: splits.into_iter().filter_map(literal).collect(),
    })
}

/// Removes one final slash, which marks a prefix. Further slashes are part of the keys.
fn without_slash(key: &str) -> &str {
    key.strip_suffix('/').unwrap_or(key)
}

fn web_url(typed: &str) -> Result<Location, LocationError> {
    let failed = |source| LocationError::Url { url: without_secrets(typed), source };
    let mut url = Url::parse(typed).map_err(failed)?;
    url.set_fragment(None);
    let shown = web::shown(&url);
    let base = Url::parse(&shown).map_err(failed)?[..url::Position::BeforePath].to_owned();
    Ok(Location {
        typed: shown,
        store: StoreKey::Http(base),
        // Only outputs need a path that `object_store` can represent.
        path: Path::from_url_path(url.path()).unwrap_or_default(),
        glob: None,
        folder: false,
        exact: Exact::Web(WebUrl(url)),
        literals: Vec::new(),
    })
}

fn with_path(url: &Url, path: &Path) -> Url {
    let mut url = url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().extend(path.parts().map(|part| part.as_ref().to_owned()));
    }
    url.set_query(None);
    url
}

fn parse_glob(typed: &str, glob: &str) -> Result<Glob, LocationError> {
    Glob::new(glob).map_err(|source| LocationError::Glob { url: typed.to_owned(), source })
}

#[cfg(test)]
mod tests;
