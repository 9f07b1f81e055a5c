//! Sessions over a server's port, with the PostgreSQL protocol.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, TryStreamExt};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, CopyInSink, NoTls, SimpleQueryMessage};

use super::driver::{ServerMessages, ServerParameters, drive};
use super::tls::{Connector, connector};
use super::{APPLICATION_NAME, Message};
use crate::warehouse::connection::secret::Secret;
use crate::warehouse::connection::target::{Target, TlsMode};
use crate::warehouse::error::Cause;

/// A COPY is silent while it runs, so reads have no timeout. Keepalives detect a dead peer: after
/// 30 s of silence and 8 unanswered probes, 10 s apart.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 8;

/// A connection to a server.
pub(super) struct PortSession {
    client: Client,
    /// `None` if the connection is not encrypted.
    tls: Option<Connector>,
    messages: Arc<ServerMessages>,
}

impl PortSession {
    /// Connects, and returns the session with the parameters that the server reports.
    pub(super) async fn open(
        target: &Target,
        user: &str,
        password: Option<&Secret>,
    ) -> Result<(PortSession, ServerParameters), Cause> {
        let config = config(target, user, password);
        let failed = |error: tokio_postgres::Error| Cause::driver(&error);
        let messages = Arc::default();
        let tls = match target.tls {
            TlsMode::Disable => None,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => Some(connector(target)?),
        };
        let (client, parameters) = match &tls {
            None => {
                let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
                (client, drive(connection, &messages))
            }
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await.map_err(failed)?;
                (client, drive(connection, &messages))
            }
        };
        Ok((PortSession { client, tls, messages }, parameters))
    }

    /// Asks the server to cancel the running statement, over another connection.
    pub(super) async fn cancel(&self) -> Result<(), Cause> {
        let token = self.client.cancel_token();
        let cancelled = match &self.tls {
            None => token.cancel_query(NoTls).await,
            Some(tls) => token.cancel_query(tls.clone()).await,
        };
        cancelled.map_err(|error| Cause::driver(&error))
    }

    /// Sends `settings` and a statement in one message, and returns the response to the statement.
    pub(super) async fn send(
        &self,
        settings: &[String],
        sql: &str,
    ) -> Result<impl Stream<Item = Result<Message, Cause>> + use<>, Cause> {
        let mut text = settings.iter().map(|set| format!("{set}; ")).collect::<String>();
        text += sql;
        let mut to_skip = settings.len();
        let explain = self.explain();
        let answers = self.client.simple_query_raw(&text).await.map_err(|e| explain(&e))?;
        let answers = answers.map_err(move |error| explain(&error));
        Ok(answers.try_filter_map(move |message| {
            // Skip the responses to the settings.
            let is_setting =
                to_skip > 0 && matches!(message, SimpleQueryMessage::CommandComplete(_));
            to_skip -= usize::from(is_setting);
            std::future::ready(Ok(if is_setting { None } else { to_message(message) }))
        }))
    }

    /// Begins a COPY FROM STDIN.
    pub(super) async fn copy_in(&self, sql: &str) -> Result<CopyInSink<bytes::Bytes>, Cause> {
        self.client.copy_in(sql).await.map_err(|error| self.explain()(&error))
    }

    /// Returns a function that converts driver errors to causes.
    pub(super) fn explain(&self) -> impl Fn(&tokio_postgres::Error) -> Cause + Send + use<> {
        let messages = self.messages.clone();
        move |error| match messages.end() {
            Some(end) if error.is_closed() => Cause::Server(Box::new(end)),
            _ => Cause::driver(error),
        }
    }

    /// Returns the notices received since the last call.
    pub(super) fn take_notices(&self) -> Vec<String> {
        self.messages.take_notices()
    }
}

fn to_message(message: SimpleQueryMessage) -> Option<Message> {
    match message {
        SimpleQueryMessage::RowDescription(columns) => {
            Some(Message::Columns(columns.iter().map(|column| column.name().to_owned()).collect()))
        }
        SimpleQueryMessage::Row(row) => {
            Some(Message::Row((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect()))
        }
        SimpleQueryMessage::CommandComplete(rows) => Some(Message::Complete(rows)),
        _ => None,
    }
}

fn config(target: &Target, user: &str, password: Option<&Secret>) -> Config {
    let Target { host, port, database, connect_timeout, tls, .. } = target;
    let mut config = Config::new();
    config
        .host(host)
        .port(*port)
        .dbname(database)
        // Set here instead of in a URL: user names that AWS generates contain a colon.
        .user(user)
        .application_name(target.application_name.as_deref().unwrap_or(APPLICATION_NAME))
        .connect_timeout(*connect_timeout)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES)
        .channel_binding(target.channel_binding)
        .target_session_attrs(target.session_attrs)
        .ssl_mode(match tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
    if let Some(options) = &target.options {
        config.options(options);
    }
    if let Some(password) = password {
        config.password(password.expose());
    }
    config
}
