//! What a server sends unasked: notices, and the end of a session.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{AsyncMessage, Connection};

use super::super::error::Refusal;

/// What the server has sent unasked.
#[derive(Default)]
pub(super) struct Heard {
    notices: Mutex<Vec<String>>,
    /// Why the server ended the session.
    end: Mutex<Option<Refusal>>,
}

impl Heard {
    /// The notices received since the last call.
    pub(super) fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the server ended the session, if it has.
    pub(super) fn end(&self) -> Option<Refusal> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a server says of itself when a session starts.
#[derive(Debug, Default)]
pub(super) struct Started {
    /// The encoding of the database.
    pub(super) encoding: Option<String>,
    /// Whether a backslash escapes in ordinary literals.
    pub(super) escapes: bool,
}

/// Moves the connection's bytes, and keeps and logs the notices among them, until the client is
/// dropped and the server has been told.
pub(super) fn drive<S, T>(mut connection: Connection<S, T>, heard: &Arc<Heard>) -> Started
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let heard = heard.clone();
    let parameter = |name: &str| connection.parameter(name).map(str::to_owned);
    let started = Started {
        encoding: parameter("server_encoding"),
        escapes: parameter("standard_conforming_strings").as_deref() == Some("off"),
    };
    tokio::spawn(async move {
        loop {
            match std::future::poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notice(notice))) => {
                    let text = notice.message().trim().to_owned();
                    match notice.severity() {
                        "WARNING" => tracing::warn!("the warehouse says: {text}"),
                        _ => tracing::debug!("the warehouse says: {text}"),
                    }
                    heard.notices.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                }
                Some(Ok(_)) => {}
                // Whoever waits for an answer is told that the connection is closed, and not why.
                Some(Err(error)) => {
                    let end = error.as_db_error().map(Refusal::from);
                    *heard.end.lock().unwrap_or_else(PoisonError::into_inner) = end;
                    return;
                }
                None => return,
            }
        }
    });
    started
}
