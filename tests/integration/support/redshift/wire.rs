//! The protocol: TLS, session startup, simple queries and their results, cancellation.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use futures::{SinkExt, StreamExt};
use pgwire::api::auth::md5pass::hash_md5_password;
use pgwire::api::{ClientInfo, PgWireConnectionState};
use pgwire::messages::data::{DataRow, FieldDescription, RowDescription};
use pgwire::messages::response::{
    CommandComplete, EmptyQueryResponse, ErrorResponse, NoticeResponse, ReadyForQuery,
};
use pgwire::messages::startup::{Authentication, BackendKeyData, ParameterStatus, SecretKey};
use pgwire::messages::{PgWireBackendMessage as Backend, PgWireFrontendMessage as Frontend};
use pgwire::tokio::TlsAcceptor;
use pgwire::tokio::server::{MaybeTls, PgWireMessageServerCodec, negotiate_tls};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_util::codec::Framed;

use super::error::SqlError;
use super::session::{Answer, Reply, Session};
use super::{Auth, DATABASE, Server, command};

type Socket = Framed<MaybeTls, PgWireMessageServerCodec<()>>;

const TEXT: u32 = 25;

/// Parameters reported at session startup; clients cannot infer features from `server_version`
/// (seen in asyncpg issue 1009).
const PARAMETERS: [(&str, &str); 7] = [
    ("server_version", "8.0.2"),
    ("server_encoding", "UNICODE"),
    ("client_encoding", "UTF8"),
    ("integer_datetimes", "on"),
    ("DateStyle", "ISO, MDY"),
    ("TimeZone", "UTC"),
    ("padb_revision", "1.0.477953"),
];

/// Serves one connection until it closes.
pub async fn serve(server: Arc<Server>, tls: TlsAcceptor, tcp: TcpStream) -> io::Result<()> {
    let Some(mut socket) = negotiate_tls::<()>(tcp, Some(tls)).await? else { return Ok(()) };
    let parameters = match socket.next().await {
        Some(Ok(Frontend::Startup(startup))) => startup.parameters,
        Some(Ok(Frontend::CancelRequest(request))) => {
            server.cancel(request.pid);
            return Ok(());
        }
        _ => return Ok(()),
    };
    match start(&server, &mut socket, &parameters).await? {
        Ok(session) => talk(server, socket, session).await,
        Err(error) => {
            socket.send(error_message(&error, "FATAL")).await?;
            socket.close().await
        }
    }
}

async fn start(
    server: &Arc<Server>,
    socket: &mut Socket,
    parameters: &BTreeMap<String, String>,
) -> io::Result<Result<Session, SqlError>> {
    let user = parameters.get("user").cloned().unwrap_or_default();
    let database = parameters.get("database").unwrap_or(&user);
    if !socket.is_secure() {
        let message = format!(
            "no pg_hba.conf entry for host \"127.0.0.1\", user \"{user}\", database \
             \"{database}\", SSL off"
        );
        return Ok(Err(SqlError::new("28000", message)));
    }
    let account = server.account(&user).await;
    let password = account.as_ref().map(|(password, _)| password.as_str());
    if !authenticated(server.auth, socket, &user, password).await? {
        let message = format!("password authentication failed for user \"{user}\"");
        return Ok(Err(SqlError::new("28000", message)));
    }
    let superuser = account.is_some_and(|(_, superuser)| superuser);
    if database != DATABASE {
        let message = format!("database \"{database}\" does not exist");
        return Ok(Err(SqlError::new("3D000", message)));
    }
    for (name, value) in parameters {
        if let Err(error) = command::startup(name, value) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(Session::open(Arc::clone(server), &user, superuser).await))
}

async fn authenticated(
    auth: Auth,
    socket: &mut Socket,
    user: &str,
    password: Option<&str>,
) -> io::Result<bool> {
    let salt: [u8; 4] = rand::random();
    socket.set_state(PgWireConnectionState::AuthenticationInProgress);
    match auth {
        Auth::Md5 => {
            let request = Authentication::MD5Password(salt.to_vec());
            socket.send(Backend::Authentication(request)).await?;
        }
        Auth::Cleartext => {
            socket.send(Backend::Authentication(Authentication::CleartextPassword)).await?;
        }
        // A digest method that PostgreSQL does not have: a request of length 8 with the code 13.
        Auth::Sha256 => socket.get_mut().write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 13]).await?,
    }
    socket.get_mut().flush().await?;
    let Some(Ok(Frontend::PasswordMessageFamily(message))) = socket.next().await else {
        return Ok(false);
    };
    let Ok(given) = message.into_password() else { return Ok(false) };
    Ok(match (auth, password) {
        (Auth::Md5, Some(password)) => given.password == hash_md5_password(user, password, &salt),
        (Auth::Cleartext, Some(password)) => given.password == password,
        _ => false,
    })
}

async fn talk(server: Arc<Server>, mut socket: Socket, mut session: Session) -> io::Result<()> {
    let (pid, cancel) = server.enrol();
    let ended = converse(&server, &mut socket, &mut session, pid, &cancel).await;
    // Close before the client can see the end of the connection.
    session.close().await;
    server.leave(pid);
    ended
}

async fn converse(
    server: &Server,
    socket: &mut Socket,
    session: &mut Session,
    pid: i32,
    cancel: &tokio::sync::Notify,
) -> io::Result<()> {
    socket.feed(Backend::Authentication(Authentication::Ok)).await?;
    for (name, value) in PARAMETERS {
        let status = ParameterStatus::new(name.to_owned(), value.to_owned());
        socket.feed(Backend::ParameterStatus(status)).await?;
    }
    socket.feed(Backend::BackendKeyData(BackendKeyData::new(pid, SecretKey::I32(pid)))).await?;
    socket.set_state(PgWireConnectionState::ReadyForQuery);
    ready(socket, session).await?;

    let mut skipping = false;
    while let Some(message) = socket.next().await {
        match message.map_err(io::Error::other)? {
            Frontend::Terminate(_) => break,
            Frontend::Sync(_) => {
                skipping = false;
                ready(socket, session).await?;
            }
            Frontend::Query(query) => {
                server.statements.lock().unwrap().push(query.query.clone());
                match answer(session, &query.query, cancel).await {
                    Answer::Reply(reply) => send(socket, reply).await?,
                    Answer::Empty => {
                        socket.feed(Backend::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
                    }
                    Answer::Error(error) => socket.feed(error_message(&error, "ERROR")).await?,
                    Answer::Cut => return Ok(()),
                }
                ready(socket, session).await?;
            }
            _ if skipping => {}
            _ => {
                // Binary results differ from PostgreSQL's (aws/amazon-redshift-python-driver).
                skipping = true;
                let error = SqlError::missing("the extended protocol: send simple queries");
                socket.send(error_message(&error, "ERROR")).await?;
            }
        }
    }
    Ok(())
}

/// Runs a statement until it ends or is cancelled.
async fn answer(session: &mut Session, sql: &str, cancel: &tokio::sync::Notify) -> Answer {
    let answer = tokio::select! {
        answer = session.run(sql) => Some(answer),
        () = cancel.notified() => None,
    };
    match answer {
        Some(answer) => answer,
        None => session.cancelled().await,
    }
}

async fn ready(socket: &mut Socket, session: &Session) -> io::Result<()> {
    socket.send(Backend::ReadyForQuery(ReadyForQuery::new(session.state()))).await
}

async fn send(socket: &mut Socket, reply: Reply) -> io::Result<()> {
    for notice in reply.notices {
        let fields = fields("INFO", "00000", &notice, None);
        socket.feed(Backend::NoticeResponse(NoticeResponse::new(fields))).await?;
    }
    if let Some(columns) = reply.columns {
        let field = |name: String| FieldDescription::new(name, 0, 0, TEXT, -1, -1, 0);
        let columns = RowDescription::new(columns.into_iter().map(field).collect());
        socket.feed(Backend::RowDescription(columns)).await?;
    }
    for row in reply.rows {
        socket.feed(Backend::DataRow(data_row(&row))).await?;
    }
    socket.feed(Backend::CommandComplete(CommandComplete::new(reply.tag))).await
}

fn data_row(row: &[Option<String>]) -> DataRow {
    let mut data = BytesMut::new();
    for value in row {
        match value {
            Some(text) => {
                data.put_i32(text.len() as i32);
                data.put_slice(text.as_bytes());
            }
            None => data.put_i32(-1),
        }
    }
    DataRow::new(data, row.len() as i16)
}

fn error_message(error: &SqlError, severity: &str) -> Backend {
    let fields = fields(severity, &error.code, &error.message, error.detail.as_deref());
    Backend::ErrorResponse(ErrorResponse::new(fields))
}

fn fields(severity: &str, code: &str, message: &str, detail: Option<&str>) -> Vec<(u8, String)> {
    let mut fields =
        vec![(b'S', severity.to_owned()), (b'C', code.to_owned()), (b'M', message.to_owned())];
    fields.extend(detail.map(|detail| (b'D', detail.to_owned())));
    fields
}
