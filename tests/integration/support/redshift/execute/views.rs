//! CREATE VIEW and COMMENT.

use crate::support::redshift::command::CreateView;
use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Name, literal, quoted};
use crate::support::redshift::session::{Reply, Session, Stop};

impl Session {
    pub(in super::super) async fn create_view(&mut self, view: CreateView) -> Result<Reply, Stop> {
        let name = view.name.or_in(self.schema()).sql();
        let replace = if view.replace { "OR REPLACE " } else { "" };
        let forget = format!(
            "DELETE FROM rs.late_views WHERE relid = coalesce(to_regclass({})::oid, 0)",
            literal(&name)
        );
        let statements = match view.late {
            // The view exists only to be granted, renamed and dropped; queries use the recorded
            // text.
            Some(body) => format!(
                "{forget}; CREATE {replace}VIEW {name} AS SELECT NULL::integer AS late_binding; \
                 INSERT INTO rs.late_views VALUES ({}::regclass, {})",
                literal(&name),
                literal(&body)
            ),
            None => {
                let columns: Vec<String> = view.columns.iter().map(|c| quoted(c)).collect();
                let columns = match columns.as_slice() {
                    [] => String::new(),
                    columns => format!(" ({})", columns.join(", ")),
                };
                let late_read = !view.query.findings.tables.is_empty();
                let query = self.backing_sql(view.query).await?;
                if late_read && query.contains("late_binding") {
                    return Err(SqlError::missing("a view on a late-binding view").into());
                }
                format!("{forget}; CREATE {replace}VIEW {name}{columns} AS {query}")
            }
        };
        self.utility(&statements, "CREATE VIEW").await
    }

    pub(in super::super) async fn comment(
        &mut self,
        on: &str,
        name: Name,
        column: Option<String>,
        text: Option<String>,
    ) -> Result<Reply, Stop> {
        let column = column.map(|column| format!(".{}", quoted(&column))).unwrap_or_default();
        let text = text.map_or_else(|| "NULL".to_owned(), |text| literal(&text));
        let statement = format!("COMMENT ON {on} {}{column} IS {text}", name.sql());
        self.utility(&statement, "COMMENT").await
    }
}
