//! Collects what a server sends without a request: notices, and the reason for ending a session.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{AsyncMessage, Connection};

use crate::warehouse::error::ServerError;

/// Messages that the server has sent without a request.
#[derive(Default)]
pub(super) struct ServerMessages {
    notices: Mutex<Vec<String>>,
    /// The server's reason for ending the session.
    end: Mutex<Option<ServerError>>,
}

impl ServerMessages {
    /// Returns the notices received since the last call.
    pub(super) fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the server's reason for ending the session, if it has ended it.
    pub(super) fn end(&self) -> Option<ServerError> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Parameters that a server reports at the start of a session.
#[derive(Debug, Default)]
pub(super) struct ServerParameters {
    /// Encoding of the database.
    pub(super) encoding: Option<String>,
    /// `true` if a backslash is an escape in ordinary literals.
    pub(super) escapes: bool,
}

/// Drives the connection in a background task until the client is dropped and the server has been
/// notified. Stores and logs notices.
pub(super) fn drive<S, T>(
    mut connection: Connection<S, T>,
    messages: &Arc<ServerMessages>,
) -> ServerParameters
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let messages = messages.clone();
    let value = |name: &str| connection.parameter(name).map(str::to_owned);
    let parameters = ServerParameters {
        encoding: value("server_encoding"),
        escapes: value("standard_conforming_strings").as_deref() == Some("off"),
    };
    tokio::spawn(async move {
        loop {
            match std::future::poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notice(notice))) => {
                    let text = notice.message().trim().to_owned();
                    match notice.severity() {
                        "WARNING" => tracing::warn!("notice from the warehouse: {text}"),
                        _ => tracing::debug!("notice from the warehouse: {text}"),
                    }
                    messages.notices.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                }
                Some(Ok(_)) => {}
                // Pending requests fail with "connection closed" only, so keep the server's reason.
                Some(Err(error)) => {
                    let end = error.as_db_error().map(ServerError::from);
                    *messages.end.lock().unwrap_or_else(PoisonError::into_inner) = end;
                    return;
                }
                None => return,
            }
        }
    });
    parameters
}
