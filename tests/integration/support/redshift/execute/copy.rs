//! COPY within a session: permissions, target columns, and the record of the load.

use crate::support::redshift::copy::statement::{CopyStatement, Role};
use crate::support::redshift::copy::{self, Failure, Stopped, Target};
use crate::support::redshift::error::SqlError;
use crate::support::redshift::faults::What;
use crate::support::redshift::lex::{self, Cursor, literal};
use crate::support::redshift::session::{LastCopy, Reply, Session, Stop};
use crate::support::redshift::types;

impl Session {
    pub(in super::super) async fn copy(
        &mut self,
        copy: CopyStatement,
        within: Option<What>,
    ) -> Result<Reply, Stop> {
        // An error before the load begins leaves `pg_last_copy_count()` unchanged.
        let columns = self.copy_columns(&copy).await?;
        let targets = copy::targets(&copy, &columns)?;
        let query = self.server.next_query();
        self.assume(&copy.role, query)?;
        self.last_copy = LastCopy { id: query, count: 0 };

        let loaded = copy::load(&self.backing, &self.server.buckets, &copy, &targets, within).await;
        let count = match loaded {
            Ok(count) => count,
            Err(Stopped::Cut) => return Err(Stop::Cut),
            Err(Stopped::Rejected(error)) => return Err(error.into()),
            Err(Stopped::Failed(failure)) => {
                self.remember_error(&copy, &failure, query).await;
                self.remember_load(&copy, query, Err(&failure)).await;
                return Err(failure.sql(query).into());
            }
        };
        self.last_copy.count = count;
        self.remember_load(&copy, query, Ok(count)).await;
        let notice = format!(
            "Load into table '{}' completed, {count} record(s) loaded successfully.",
            copy.table.name
        );
        // Redshift's own tag is not known.
        Ok(Reply { notices: vec![notice], ..Reply::tag("COPY") })
    }

    /// Returns all columns of the table, if the user may insert into it.
    async fn copy_columns(&self, copy: &CopyStatement) -> Result<Vec<Target>, Stop> {
        let table = literal(&copy.table.sql());
        let found = self
            .select(&format!(
                "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
                 a.atthasdef, has_table_privilege(a.attrelid, 'INSERT'), \
                 pg_has_role(c.relowner, 'USAGE'), c.relkind = 'r' \
                 FROM pg_catalog.pg_attribute AS a \
                 JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid \
                 WHERE a.attrelid = to_regclass({table}) AND a.attnum > 0 AND NOT a.attisdropped \
                 ORDER BY a.attnum"
            ))
            .await?;
        let Some(first) = found.rows.first() else {
            return Err(SqlError::no_relation(&copy.table.to_string()).into());
        };
        let is = |row: &[Option<String>], i: usize| row[i].as_deref() == Some("t");
        if !is(first, 6) {
            let message = format!("\"{}\" is not a table", copy.table);
            return Err(SqlError::new("42809", message).into());
        }
        if !is(first, 4) || copy.statistics && !is(first, 5) {
            let message = format!("permission denied for relation {}", copy.table.name);
            return Err(SqlError::new("42501", message).into());
        }
        found
            .rows
            .iter()
            .map(|row| {
                let mut kind = Cursor::new(lex::tokens(row[1].as_deref().unwrap_or_default())?);
                Ok(Target {
                    name: row[0].clone().unwrap_or_default(),
                    kind: types::read(&mut kind)?,
                    not_null: is(row, 2),
                    has_default: is(row, 3),
                })
            })
            .collect()
    }

    fn assume(&self, role: &Role, query: i64) -> Result<(), SqlError> {
        let arn = match role {
            Role::Arn(arn) => arn,
            // The documentation allows keys, but users report that Redshift rejects them.
            Role::Keys if !self.server.takes_keys => {
                let message = "COPY from this file format only accepts IAM_ROLE credentials.";
                return Err(SqlError::engine(8001, message, message, query, "copy_auth.cpp"));
            }
            Role::Keys | Role::Default => return Ok(()),
        };
        let first = arn.split(',').next().unwrap_or_default();
        if first == self.server.role {
            return Ok(());
        }
        let error = format!(
            "User arn:aws:redshift:us-east-1:123456789012:dbuser:cluster/{} is not authorized to \
             assume IAM Role {arn}",
            self.user
        );
        let context = format!("IAM Role={arn}");
        Err(SqlError::engine(8001, &error, &context, query, "xen_aws_credentials_mgr.cpp:402"))
    }

    /// Records the load; a rollback does not remove the record.
    async fn remember_load(&self, copy: &CopyStatement, query: i64, loaded: Result<u64, &Failure>) {
        let (rows, status, error) = match loaded {
            Ok(rows) => (rows, "completed", ""),
            Err(failure) => (0, "aborted", failure.error.as_str()),
        };
        let statement = format!(
            "INSERT INTO rs.loads VALUES ({query}, {}, {}, {rows}, '{status}', {})",
            literal(&copy.table.name),
            literal(&format!("s3://{}/{}", copy.bucket, copy.key)),
            literal(error)
        );
        self.server.database.client().await.batch_execute(&statement).await.unwrap();
    }

    async fn remember_error(&self, copy: &CopyStatement, failure: &Failure, query: i64) {
        let text = |text: Option<&str>| text.map_or_else(|| "NULL".to_owned(), literal);
        let column = failure.column.as_ref();
        let statement = format!(
            "INSERT INTO rs.load_errors \
             VALUES ({query}, to_regclass({}), now(), {}, {}, {}, {}, {})",
            literal(&copy.table.or_in(self.schema()).sql()),
            text(failure.file.as_deref()),
            text(column.map(|column| column.0.as_str())),
            text(column.map(|column| column.1.as_str())),
            failure.code,
            literal(&failure.context)
        );
        self.server.database.client().await.batch_execute(&statement).await.unwrap();
    }
}
