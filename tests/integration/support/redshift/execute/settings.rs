//! SET and SHOW.

use crate::support::redshift::command::{Setting, Show};
use crate::support::redshift::session::{Reply, Session, Stop};

impl Session {
    pub(in super::super) async fn set(&mut self, setting: Setting) -> Result<Reply, Stop> {
        match setting {
            Setting::StatementTimeout(timeout) => self.timeout = timeout,
            Setting::SearchPath(path) => self.set_search_path(path).await?,
            Setting::FloatDigits(digits) => {
                let statement = format!("SET extra_float_digits = {digits}");
                self.backing.batch_execute(&statement).await?;
            }
            Setting::Ignored => {}
        }
        Ok(Reply::tag("SET"))
    }

    pub(in super::super) fn show(&self, show: &Show) -> Reply {
        let (name, value) = match show {
            Show::SearchPath => ("search_path", self.search_path.join(", ")),
            Show::StatementTimeout => ("statement_timeout", self.timeout.as_millis().to_string()),
            Show::Fixed { name, value } => (*name, (*value).to_owned()),
        };
        Reply {
            columns: Some(vec![name.to_owned()]),
            rows: vec![vec![Some(value)]],
            ..Reply::tag("SHOW")
        }
    }
}
