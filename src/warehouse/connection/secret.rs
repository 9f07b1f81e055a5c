//! Passwords: a type that cannot be printed, and the lookup in files and the environment.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::warehouse::error::{Error, Result};

/// Environment variable for the warehouse password.
pub const PASSWORD_VARIABLE: &str = "STARLIFT_PASSWORD";

/// Environment variable that PostgreSQL's own tools read.
const LIBPQ_VARIABLE: &str = "PGPASSWORD";

/// A password. Its `Debug` output hides it, it cannot be displayed or serialized, and its memory is
/// cleared on drop.
#[derive(Debug, Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a password.
    pub fn new(text: String) -> Secret {
        Secret(text.into())
    }

    /// Returns the password in clear text, for the driver only.
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The login that a password is looked up for.
#[derive(Debug, Clone, Copy)]
pub struct PasswordFor<'a> {
    /// Host name of the server.
    pub host: &'a str,
    /// Port of the server.
    pub port: u16,
    /// Name of the database.
    pub database: &'a str,
    /// Name of the user.
    pub user: &'a str,
}

/// Looks up the password of a login: in `file` if one is specified, then in the environment, then
/// in the password file of PostgreSQL's own tools (`PGPASSFILE` or `~/.pgpass`). Returns `None` if
/// there is none, because servers may trust their users without one.
///
/// # Errors
///
/// Returns an error if a password file cannot be read, or if other users have any access to it.
pub fn find(file: Option<&Path>, login: PasswordFor<'_>) -> Result<Option<Secret>> {
    if let Some(file) = file {
        let text = read_private(file)?;
        let password = text.strip_suffix('\n').unwrap_or(&text);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() {
            return Err(Error::Usage(format!("the password file {} is empty", file.display())));
        }
        return Ok(Some(Secret::new(password.to_owned())));
    }
    for variable in [PASSWORD_VARIABLE, LIBPQ_VARIABLE] {
        match std::env::var(variable) {
            Ok(password) if !password.is_empty() => return Ok(Some(Secret::new(password))),
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(Error::Usage(format!("{variable} is not valid UTF-8")));
            }
            _ => {}
        }
    }
    match pgpass_file() {
        Some(path) if path.is_file() => Ok(search_pgpass(&read_private(&path)?, login)),
        _ => Ok(None),
    }
}

/// Reads a file after checking that only its owner has access to it.
fn read_private(path: &Path) -> Result<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map(|meta| meta.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            return Err(Error::Usage(format!(
                "other users can access the password file {}; run `chmod 600` on it",
                path.display()
            )));
        }
    }
    Ok(std::fs::read_to_string(path).map_err(|e| {
        crate::error::Error::io(format!("cannot read the password file {}", path.display()), e)
    })?)
}

fn pgpass_file() -> Option<PathBuf> {
    let named = std::env::var_os("PGPASSFILE").filter(|name| !name.is_empty());
    named.map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".pgpass")))
}

/// Returns the password of the first line `host:port:database:user:password` that matches. `*`
/// matches anything and `\` escapes the next character.
///
/// Source: PostgreSQL, The Password File.
fn search_pgpass(text: &str, login: PasswordFor<'_>) -> Option<Secret> {
    let port = login.port.to_string();
    let wanted = [login.host, &port, login.database, login.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = pgpass_fields(line);
        let password = fields.pop().filter(|_| fields.len() == wanted.len())?;
        let fits = |(field, wanted): (&String, &&str)| field == "*" || field == wanted;
        fields.iter().zip(&wanted).all(fits).then(|| Secret::new(password))
    })
}

fn pgpass_fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        // The last field is the password; it may contain unescaped colons.
        let is_password = fields.len() == 5;
        match (c, fields.last_mut()) {
            (':', _) if !is_password => fields.push(String::new()),
            ('\\', Some(field)) => field.extend(chars.next()),
            (c, Some(field)) => field.push(c),
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: PasswordFor<'_> = PasswordFor { host: "h", port: 5432, database: "d", user: "u" };

    fn found(text: &str) -> Option<String> {
        search_pgpass(text, LOGIN).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn a_secret_cannot_be_printed() {
        let secret = Secret::new("open sesame".to_owned());
        assert!(!format!("{secret:?} {secret:#?}").contains("sesame"));
    }

    #[test]
    fn the_first_matching_line_contains_the_password() {
        assert_eq!(
            found("x:*:*:*:no\n# h:5432:d:u:no\nh:5432:*:u:yes\n*:*:*:*:later").unwrap(),
            "yes"
        );
        assert_eq!(found(r"h:5432:d:u:a\:b:c\\d").unwrap(), r"a:b:c\d");
        assert_eq!(found("h:5432:d:other:no"), None);
        assert_eq!(found("h:5432:d"), None);
    }

    #[test]
    fn a_password_file_must_be_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "open sesame\r\n").unwrap();
        let allow = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        allow(0o640);
        let error = find(Some(&path), LOGIN).unwrap_err().to_string();
        assert!(error.contains("chmod 600") && !error.contains("sesame"), "{error}");
        allow(0o600);
        assert_eq!(find(Some(&path), LOGIN).unwrap().unwrap().expose(), "open sesame");
    }
}
