//! The Redshift Data API: SQL over HTTPS, in sessions that last longer than a request.
//!
//! Source: Amazon Redshift Data API Reference. A session is a database connection that AWS keeps
//! open between requests; it runs one statement at a time and ends when it has been idle for
//! `SessionKeepAliveSeconds`. There is no request that closes one.

use aws_types::SdkConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ApiError;
use super::json::{DATA, Operation, send};

static EXECUTE: Operation =
    Operation::new("redshift-data:BatchExecuteStatement", "RedshiftData.BatchExecuteStatement");
static DESCRIBE: Operation =
    Operation::new("redshift-data:DescribeStatement", "RedshiftData.DescribeStatement");
static RESULT: Operation =
    Operation::new("redshift-data:GetStatementResult", "RedshiftData.GetStatementResult");
static CANCEL: Operation =
    Operation::new("redshift-data:CancelStatement", "RedshiftData.CancelStatement");

/// A client of the Data API in a region.
#[derive(Debug, Clone)]
pub struct DataApi {
    /// Credentials, endpoint and HTTP client of the AWS chain.
    pub sdk: SdkConfig,
    /// The region of the cluster or workgroup.
    pub region: String,
}

/// The database of a new session, and the user who logs in to it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Database {
    /// Identifier of the cluster; `None` for a workgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_identifier: Option<String>,
    /// The workgroup, where there is no cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workgroup_name: Option<String>,
    /// Name of the database to connect to.
    pub database: String,
    /// The database user; without one it is the user that the caller's IAM identity is mapped to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_user: Option<String>,
    /// The ARN of a secret that holds user and password, in place of temporary credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_arn: Option<String>,
}

/// The session in which statements run.
#[derive(Debug, Clone, Copy)]
pub enum In<'a> {
    /// A new one.
    New(&'a Database),
    /// One that is open, by its identifier.
    Open(&'a str),
}

/// Statements that the service has accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Submitted {
    /// Identifies the statements.
    pub id: String,
    /// The session in which they run.
    pub session_id: Option<String>,
}

/// The state of statements that were submitted together.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    /// `SUBMITTED`, `PICKED`, `STARTED`, `FINISHED`, `FAILED` or `ABORTED`.
    pub status: String,
    /// The error, if they failed.
    #[serde(default)]
    pub error: String,
    /// Each of them.
    #[serde(default)]
    pub sub_statements: Vec<Statement>,
}

/// The state of one statement.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Identifies its result.
    pub id: String,
    /// As [`Described::status`].
    pub status: String,
    /// The error, if it failed.
    #[serde(default)]
    pub error: String,
    /// `true` if it returned a result, even an empty one.
    #[serde(default)]
    pub has_result_set: bool,
    /// The rows that it returned or changed; -1 where that is unknown.
    #[serde(default)]
    pub result_rows: i64,
    /// Redshift's number of the query; 0 or -1 where it has none.
    #[serde(default)]
    pub redshift_query_id: i64,
}

/// A part of a result.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Page {
    /// The columns, in order.
    #[serde(default)]
    pub column_metadata: Vec<Column>,
    /// Values by row, in the order of the columns.
    #[serde(default)]
    pub records: Vec<Vec<Field>>,
    /// Names the next part.
    pub next_token: Option<String>,
}

/// A column of a result.
#[derive(Debug, Deserialize)]
pub struct Column {
    /// Name as the query defines it.
    #[serde(default)]
    pub name: String,
    /// Its label, which the service prefers where a query names columns.
    #[serde(default)]
    pub label: String,
}

/// A value of a result, under a key that says its type.
#[derive(Debug, Deserialize)]
pub struct Field(serde_json::Map<String, Value>);

impl Field {
    /// Returns the value as Redshift's own protocol writes it, or `None` for null. In the response, booleans,
    /// integers and doubles have JSON types, and all other values are text.
    pub fn into_text(self) -> Option<String> {
        let (key, value) = self.0.into_iter().next()?;
        match (key.as_str(), value) {
            ("isNull", _) | (_, Value::Null) => None,
            (_, Value::Bool(value)) => Some(if value { "t" } else { "f" }.to_owned()),
            (_, Value::String(text)) => Some(text),
            (_, other) => Some(other.to_string()),
        }
    }
}

impl DataApi {
    /// Submits statements, each of which is committed by itself unless they say otherwise. A `token`
    /// that was used before returns what was submitted with it, so a request can be repeated.
    ///
    /// # Errors
    ///
    /// Returns an error if AWS rejects the request or cannot be reached.
    pub async fn execute(
        &self,
        session: In<'_>,
        statements: &[String],
        keep_alive_seconds: u32,
        token: &str,
    ) -> Result<Submitted, ApiError> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Request<'a> {
            #[serde(flatten, skip_serializing_if = "Option::is_none")]
            database: Option<&'a Database>,
            #[serde(skip_serializing_if = "Option::is_none")]
            session_id: Option<&'a str>,
            sqls: &'a [String],
            // By default a batch is one transaction, and ends the one that it is in.
            execution_mode: &'static str,
            session_keep_alive_seconds: u32,
            client_token: &'a str,
        }
        let (database, session_id) = match session {
            In::New(database) => (Some(database), None),
            In::Open(id) => (None, Some(id)),
        };
        let request = Request {
            database,
            session_id,
            sqls: statements,
            execution_mode: "AUTO_COMMIT",
            session_keep_alive_seconds: keep_alive_seconds,
            client_token: token,
        };
        send(self.service(), &EXECUTE, &request).await
    }

    /// The state of submitted statements.
    ///
    /// # Errors
    ///
    /// Returns an error if AWS rejects the request or cannot be reached.
    pub async fn describe(&self, id: &str) -> Result<Described, ApiError> {
        send(self.service(), &DESCRIBE, &json!({ "Id": id })).await
    }

    /// A part of a statement's result; the first one without `next`.
    ///
    /// # Errors
    ///
    /// Returns an error if AWS rejects the request or cannot be reached.
    pub async fn result(&self, statement: &str, next: Option<&str>) -> Result<Page, ApiError> {
        let request = match next {
            Some(token) => json!({ "Id": statement, "NextToken": token }),
            None => json!({ "Id": statement }),
        };
        send(self.service(), &RESULT, &request).await
    }

    /// Cancels submitted statements.
    ///
    /// # Errors
    ///
    /// Returns an error if AWS rejects the request, as it does if they have ended, or cannot be reached.
    pub async fn cancel(&self, id: &str) -> Result<(), ApiError> {
        send::<Value>(self.service(), &CANCEL, &json!({ "Id": id })).await.map(|_| ())
    }

    fn service(&self) -> (&'static super::signed::Service, &SdkConfig, &str) {
        (&DATA, &self.sdk, &self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_text() {
        for (json, text) in [
            (r#"{"isNull":true}"#, None),
            (r#"{"stringValue":""}"#, Some("")),
            (r#"{"stringValue":"2018-11-01 21:01:46.796"}"#, Some("2018-11-01 21:01:46.796")),
            (r#"{"longValue":-9223372036854775808}"#, Some("-9223372036854775808")),
            (r#"{"doubleValue":0.1}"#, Some("0.1")),
            (r#"{"booleanValue":true}"#, Some("t")),
            (r#"{"booleanValue":false}"#, Some("f")),
        ] {
            let field: Field = serde_json::from_str(json).unwrap();
            assert_eq!(field.into_text().as_deref(), text, "{json}");
        }
    }

    #[test]
    fn a_state_may_lack_what_has_not_happened_yet() {
        let state: Described = serde_json::from_str(r#"{"Id":"1","Status":"PICKED"}"#).unwrap();
        assert_eq!((state.status.as_str(), state.sub_statements.len()), ("PICKED", 0));
    }
}
