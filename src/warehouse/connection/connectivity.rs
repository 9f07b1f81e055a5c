//! Connects to a warehouse one step at a time, to show which step fails.

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};

use crate::warehouse::connection::session::connector;
use crate::warehouse::connection::target::Target;
use crate::warehouse::error::{Cause, WarehouseError};

/// The SSLRequest message: its length and its code. Source: PostgreSQL, Message Formats.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Opens a TCP connection to the server's port and sends nothing.
///
/// # Errors
///
/// Returns an error if the server does not accept the connection within the connect timeout.
pub async fn connect(target: &Target) -> Result<TcpStream, WarehouseError> {
    let fail = |reason: String| failure("connect to the port", target, Cause::Connection(reason));
    let connecting = TcpStream::connect((target.host.as_str(), target.port));
    match tokio::time::timeout(target.connect_timeout, connecting).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(fail(error.to_string())),
        Err(_) => Err(fail(format!("no response for {} s", target.connect_timeout.as_secs()))),
    }
}

/// Connects and verifies the server's certificate in a TLS handshake.
///
/// # Errors
///
/// Returns an error if the server does not support TLS, or if its certificate is not trusted or
/// does not match the host.
pub async fn verify_certificate(target: &Target) -> Result<(), WarehouseError> {
    let action = "verify the certificate";
    let cause = |reason: String| failure(action, target, Cause::Tls(reason));
    let mut stream = connect(target).await?;
    let handshake = async {
        stream.write_all(&SSL_REQUEST).await.map_err(|e| cause(e.to_string()))?;
        let response = stream.read_u8().await.map_err(|e| cause(e.to_string()))?;
        if response != b'S' {
            return Err(cause("the server does not support TLS".to_owned()));
        }
        let name = target.tls_name.as_deref().unwrap_or(&target.host);
        ServerName::try_from(name).map_err(|e| cause(e.to_string()))?;
        let mut connector = connector(target).map_err(|cause| failure(action, target, cause))?;
        let connect =
            <_ as MakeTlsConnect<TcpStream>>::make_tls_connect(&mut connector, &target.host);
        let connect = connect.map_err(|e| cause(e.to_string()))?;
        connect.connect(stream).await.map(|_| ()).map_err(|e| cause(e.to_string()))
    };
    let limit = target.connect_timeout;
    tokio::time::timeout(limit, handshake)
        .await
        .unwrap_or_else(|_| Err(cause(format!("no response for {} s", limit.as_secs()))))
}

fn failure(action: &str, target: &Target, cause: Cause) -> WarehouseError {
    WarehouseError { action: action.to_owned(), target: target.to_string(), cause }
}
