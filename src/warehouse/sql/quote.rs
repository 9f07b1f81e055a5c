//! Quotes names and literals. This is the only place where a value becomes part of a SQL statement.
//!
//! COPY, DDL and SET accept no parameters, so their text is built from values quoted here.

use super::validate::{is_role_arn, object_url_problem};
use crate::model::MAX_NAME_BYTES;
use crate::warehouse::Dialect;

/// Reason why a value cannot be part of a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The value is not a valid name.
    #[error("{0:?} is not a valid name: {1}")]
    Name(String, &'static str),
    /// The text cannot be written as a literal.
    #[error("{0:?} cannot be a literal: it contains a NUL character")]
    Literal(String),
    /// COPY would not find the S3 location.
    #[error("cannot load from {0:?}: {1}")]
    Location(String, String),
    /// The value is neither `default` nor the ARN of an IAM role.
    #[error(
        "{0:?} is not an IAM role; specify arn:aws:iam::ACCOUNT:role/NAME, several separated by commas, or default"
    )]
    Role(String),
}

/// Quotes a name with double quotes.
///
/// # Errors
///
/// Returns an error if the name is empty, longer than 63 bytes, or contains a control character.
pub fn name(name: &str) -> Result<String, QuoteError> {
    let reject = |why| Err(QuoteError::Name(name.to_owned(), why));
    if name.is_empty() {
        return reject("it is empty");
    }
    if name.len() > MAX_NAME_BYTES {
        return reject("it is longer than 63 bytes");
    }
    if name.chars().any(char::is_control) {
        return reject("it contains a control character");
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// Quotes the name of a schema with double quotes.
///
/// # Errors
///
/// As for [`name`]. For Redshift, also fails if the name has uppercase letters: Redshift folds
/// names to lowercase even if they are quoted.
pub fn schema(schema: &str, dialect: Dialect) -> Result<String, QuoteError> {
    if dialect == Dialect::Redshift && schema.chars().any(char::is_uppercase) {
        let why = "it contains uppercase letters, which Redshift folds to lowercase";
        return Err(QuoteError::Name(schema.to_owned(), why));
    }
    name(schema)
}

/// Quotes the name of a user or group with double quotes. PostgreSQL keeps its case, Redshift folds
/// it to lowercase.
///
/// # Errors
///
/// Returns an error if the name is empty or contains a NUL character.
pub fn principal(name: &str) -> Result<String, QuoteError> {
    if name.is_empty() || name.contains('\0') {
        return Err(QuoteError::Name(name.to_owned(), "it is empty or contains a NUL character"));
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// Quotes a table name with its schema.
///
/// # Errors
///
/// As for [`name`].
pub fn qualified(schema: &str, table: &str) -> Result<String, QuoteError> {
    Ok(format!("{}.{}", name(schema)?, name(table)?))
}

/// Quotes a text literal.
///
/// # Errors
///
/// Returns an error if the text contains a NUL character, which PostgreSQL cannot store.
pub fn literal(text: &str, dialect: Dialect) -> Result<String, QuoteError> {
    if text.contains('\0') {
        return Err(QuoteError::Literal(text.to_owned()));
    }
    let quoted = text.replace('\'', "''");
    Ok(match dialect {
        // In Redshift a backslash is an escape in ordinary literals, and
        // standard_conforming_strings does not exist (reported in sqlalchemy issue 9494).
        Dialect::Redshift => format!("'{}'", quoted.replace('\\', "\\\\")),
        // The meaning of an escape literal does not depend on standard_conforming_strings.
        Dialect::Postgres if text.contains('\\') => format!("E'{}'", quoted.replace('\\', "\\\\")),
        Dialect::Postgres => format!("'{quoted}'"),
    })
}

/// Quotes the S3 URL of a manifest or file as a literal for COPY.
///
/// # Errors
///
/// Returns an error if the URL is not `s3://bucket/key`, or contains a character that COPY and S3
/// interpret differently.
pub fn s3_url(url: &str) -> Result<String, QuoteError> {
    let problem = match url.starts_with("s3://") {
        true => object_url_problem(url),
        false => Some("Redshift reads only s3://BUCKET/KEY".to_owned()),
    };
    if let Some(problem) = problem {
        return Err(QuoteError::Location(url.to_owned(), problem));
    }
    literal(url, Dialect::Redshift)
}

/// Returns the IAM_ROLE clause of COPY.
///
/// # Errors
///
/// Returns an error if a role is neither `default` nor the ARN of an IAM role.
pub fn iam_role(role: &str) -> Result<String, QuoteError> {
    if role == "default" {
        return Ok("IAM_ROLE default".to_owned());
    }
    // A chain of roles is a comma-separated list in one string (Developer Guide, Authorization
    // parameters).
    if !role.split(',').all(is_role_arn) {
        return Err(QuoteError::Role(role.to_owned()));
    }
    Ok(format!("IAM_ROLE {}", literal(role, Dialect::Redshift)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_their_quotes() {
        let hostile = r#"x"; drop table users; --"#;
        assert_eq!(name(hostile).unwrap(), r#""x""; drop table users; --""#);
        assert_eq!(name("time").unwrap(), "\"time\"");
        assert_eq!(qualified("a.b", "c").unwrap(), "\"a.b\".\"c\"");
        let long = "x".repeat(64);
        for refused in ["", "a\0b", "a\nb", &long] {
            assert!(name(refused).is_err(), "{refused:?}");
        }
        assert!(name(&"x".repeat(63)).is_ok());
    }

    #[test]
    fn capitals_are_for_postgres() {
        assert_eq!(schema("Star", Dialect::Postgres).unwrap(), "\"Star\"");
        assert!(schema("Star", Dialect::Redshift).is_err());
        assert!(schema("star", Dialect::Redshift).is_ok());
    }

    #[test]
    fn principals_keep_their_case() {
        assert_eq!(principal("IAM:Ann").unwrap(), "\"IAM:Ann\"");
        assert_eq!(principal("a\" TO public; --").unwrap(), "\"a\"\" TO public; --\"");
        assert!(principal("").is_err() && principal("a\0").is_err());
    }

    #[test]
    fn literals_cannot_break_out_of_their_quotes() {
        let both = |text: &str| {
            [Dialect::Redshift, Dialect::Postgres].map(|dialect| literal(text, dialect).unwrap())
        };
        assert_eq!(both("it's"), ["'it''s'", "'it''s'"]);
        assert_eq!(both(r"\"), [r"'\\'", r"E'\\'"]);
        assert_eq!(
            both(r"\'; drop table users; --"),
            [r"'\\''; drop table users; --'", r"E'\\''; drop table users; --'",]
        );
        assert!(literal("a\0b", Dialect::Postgres).is_err());
    }

    #[test]
    fn locations_are_whole_s3_keys() {
        assert_eq!(s3_url("s3://b/a=1/x.manifest").unwrap(), "'s3://b/a=1/x.manifest'");
        for refused in [
            "/tmp/x",
            "https://b/x",
            "s3://",
            "s3://b",
            "s3://b/",
            "s3:///x",
            "s3://b/a//b",
            r"s3://b/a\",
            "s3://b/a'b",
            "s3://b/a\nb",
            "s3://b/a' IAM_ROLE default; --",
        ] {
            assert!(s3_url(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn roles_are_arns() {
        let arn = "arn:aws:iam::123456789012:role/service-role/Load+er";
        assert_eq!(iam_role(arn).unwrap(), format!("IAM_ROLE '{arn}'"));
        assert_eq!(iam_role(&format!("{arn},{arn}")).unwrap(), format!("IAM_ROLE '{arn},{arn}'"));
        assert_eq!(iam_role("default").unwrap(), "IAM_ROLE default");
        for refused in [
            "",
            "Default",
            "role/x",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::1:role/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/x'; --",
            "arn:aws:iam::123456789012:role/x, arn:aws:iam::123456789012:role/y",
            "aws_access_key_id=AKIA;aws_secret_access_key=x",
        ] {
            assert!(iam_role(refused).is_err(), "{refused}");
        }
    }
}
