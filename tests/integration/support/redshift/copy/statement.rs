//! Parser for COPY: its parameters, and the ones that Parquet allows.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Cursor, Name};

/// Parameters of COPY that Parquet does not allow (Developer Guide,
/// copy-usage_notes-copy-from-columnar; reported in dlt-hub/dlt PR 2389).
const NOT_FOR_PARQUET: [&str; 37] = [
    "acceptanydate",
    "blanksasnull",
    "bzip2",
    "comprows",
    "compupdate",
    "csv",
    "dateformat",
    "delimiter",
    "emptyasnull",
    "encoding",
    "encrypted",
    "escape",
    "fixedwidth",
    "gzip",
    "ignoreallerrors",
    "ignoreblanklines",
    "ignoreheader",
    "json",
    "lzop",
    "master_symmetric_key",
    "maxerror",
    "noload",
    "null",
    "quote",
    "readratio",
    "region",
    "removequotes",
    "roundec",
    "shapefile",
    "simplify",
    "ssh",
    "timeformat",
    "trimblanks",
    "truncatecolumns",
    "zstd",
    "avro",
    "orc",
];

/// Parameters with credentials other than a role.
const KEYS: [&str; 5] =
    ["access_key_id", "credentials", "secret_access_key", "session_token", "token"];

/// Parameters of temporary credentials; all three are needed.
const SESSION_KEYS: [&str; 3] = ["access_key_id", "secret_access_key", "session_token"];

pub struct CopyStatement {
    pub table: Name,
    pub columns: Option<Vec<String>>,
    pub bucket: String,
    pub key: String,
    pub role: Role,
    pub manifest: bool,
    pub fill_record: bool,
    /// `STATUPDATE ON`, which only the owner of the table may use.
    pub statistics: bool,
}

pub enum Role {
    Default,
    /// Chain of roles; the first must be attached to the cluster.
    Arn(String),
    /// Temporary credentials.
    Keys,
}

impl CopyStatement {
    pub fn parse(cursor: &mut Cursor) -> Result<CopyStatement, SqlError> {
        let table = cursor.relation()?;
        let columns =
            if cursor.peek() == Some(&Token::LParen) { Some(cursor.columns()?) } else { None };
        cursor.expect("from")?;
        let url = cursor.string()?;
        let mut parameters = Parameters::default();
        while !cursor.done() {
            parameters.read(cursor)?;
        }
        parameters.check()?;
        let keys = (!parameters.keys.is_empty()).then_some(Role::Keys);
        let address = url.strip_prefix("s3://").and_then(|path| path.split_once('/'));
        let Some((bucket, key)) =
            address.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
        else {
            return Err(SqlError::rejected(format!("the stand-in does not COPY from '{url}'")));
        };
        let role = parameters.role.or(keys).ok_or_else(|| {
            SqlError::new("42601", "COPY needs authorization: IAM_ROLE, or keys in CREDENTIALS")
        })?;
        Ok(CopyStatement {
            table,
            columns,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            role,
            manifest: parameters.manifest,
            fill_record: parameters.fill_record,
            statistics: parameters.statistics,
        })
    }
}

#[derive(Default)]
struct Parameters {
    role: Option<Role>,
    parquet: bool,
    manifest: bool,
    fill_record: bool,
    statistics: bool,
    /// Names of the parameters of temporary credentials.
    keys: Vec<String>,
    /// `true` if other credential parameters are present.
    other_keys: bool,
    /// First parameter that Parquet does not allow.
    rejected: Option<String>,
    seen: Vec<String>,
}

impl Parameters {
    fn read(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        let Some(word) = cursor.peek_word().map(str::to_owned) else {
            return Err(cursor.unexpected());
        };
        let at = cursor.clone();
        cursor.next();
        if self.seen.contains(&word) {
            return Err(SqlError::new("42601", "conflicting or redundant options"));
        }
        match word.as_str() {
            "iam_role" => {
                self.role = Some(if cursor.accept("default") {
                    Role::Default
                } else {
                    Role::Arn(cursor.string()?)
                });
            }
            "format" => {
                cursor.accept("as");
                return self.format(cursor);
            }
            "parquet" => self.parquet = true,
            "manifest" => self.manifest = true,
            "fillrecord" => self.fill_record = true,
            "acceptinvchars" => {
                cursor.accept("as");
                let _ = cursor.string();
            }
            "statupdate" => {
                self.statistics = cursor.accept("on") || cursor.accept("true");
                if !self.statistics && !cursor.accept("off") {
                    cursor.accept("false");
                }
            }
            "explicit_ids" | "serializetojson" => {
                return Err(SqlError::missing(word.to_uppercase()));
            }
            word if KEYS.contains(&word) => {
                cursor.accept("as");
                let is_given = !cursor.string()?.is_empty();
                match SESSION_KEYS.contains(&word) && is_given {
                    true => self.keys.push(word.to_owned()),
                    false => self.other_keys = true,
                }
            }
            word if NOT_FOR_PARQUET.contains(&word) => {
                self.rejected.get_or_insert(word.to_uppercase());
                value(cursor);
            }
            _ => return Err(at.unexpected()),
        }
        self.seen.push(word);
        Ok(())
    }

    fn format(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        self.parquet = cursor.accept("parquet");
        if !self.parquet {
            return Err(SqlError::missing("COPY of any format but PARQUET"));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), SqlError> {
        if !self.parquet {
            return Err(SqlError::missing("COPY of any format but PARQUET"));
        }
        if let Some(word) = &self.rejected {
            let message = format!("{word} argument is not supported for PARQUET based COPY");
            return Err(SqlError::rejected(message));
        }
        // The documentation allows keys, but users report that Redshift rejects them; they would
        // also put the secret into the text of the statement.
        let is_partial = !self.keys.is_empty() && self.keys.len() < SESSION_KEYS.len();
        if self.other_keys || is_partial || !self.keys.is_empty() && self.role.is_some() {
            let message = "COPY from this file format only accepts IAM_ROLE credentials.";
            return Err(SqlError::engine(8001, message, message, 0, "copy_auth.cpp"));
        }
        Ok(())
    }
}

/// Skips the value of a parameter, if it has one.
fn value(cursor: &mut Cursor) {
    cursor.accept("as");
    let plain = matches!(cursor.peek(), Some(Token::SingleQuotedString(_) | Token::Number(..)));
    if plain || ["on", "off", "true", "false", "preset"].contains(&cursor.peek_word().unwrap_or(""))
    {
        cursor.next();
    }
}
