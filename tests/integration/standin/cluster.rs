//! A bucket, a stand-in that reads it, and sessions with one-line assertions.

use std::fs;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Client, Config, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::support::redshift::{self, Redshift};
use crate::support::s3::S3Server;

pub struct Cluster {
    pub s3: S3Server,
    pub redshift: Redshift,
}

/// A session and the notices it has received.
pub struct Session {
    pub client: Client,
    notices: Arc<Mutex<Vec<DbError>>>,
}

/// The error of a rejected statement.
#[derive(Debug)]
pub struct ErrorReply {
    pub code: String,
    pub message: String,
    pub detail: String,
}

impl Cluster {
    pub async fn start() -> Cluster {
        Cluster::start_with(redshift::Config::default()).await
    }

    pub async fn start_with(config: redshift::Config) -> Cluster {
        let s3 = S3Server::start();
        let redshift = Redshift::start_with(&s3, config).await;
        Cluster { s3, redshift }
    }

    /// Returns the connection settings of the loader's user.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .host("localhost")
            .port(self.redshift.port())
            .dbname("dev")
            .user("loader")
            .password(self.redshift.password())
            .ssl_mode(SslMode::Require);
        config
    }

    pub fn tls(&self) -> MakeRustlsConnect {
        connector(&fs::read(self.redshift.ca_file()).unwrap())
    }

    pub async fn session(&self) -> Session {
        self.session_as(&self.config()).await
    }

    pub async fn session_as(&self, config: &Config) -> Session {
        let (client, mut connection) = config.connect(self.tls()).await.unwrap();
        let notices = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&notices);
        tokio::spawn(async move {
            let mut messages =
                futures::stream::poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notice(notice) = message {
                    kept.lock().unwrap().push(notice);
                }
            }
        });
        Session { client, notices }
    }

    /// Returns the single value of a query that bypasses the stand-in.
    pub async fn backing(&self, query: &str) -> String {
        let client = self.redshift.database().client().await;
        let messages = client.simple_query(query).await.unwrap();
        rows(&messages)[0][0].clone()
    }

    /// Returns the tail of a COPY statement.
    pub fn from(&self, key: &str) -> String {
        let (url, role) = (self.s3.url(key), self.redshift.role());
        format!("FROM '{url}' IAM_ROLE '{role}' FORMAT AS PARQUET")
    }

    /// Writes a manifest of keys in the bucket, all of them mandatory.
    pub fn manifest(&self, key: &str, files: &[&str]) {
        let entries: Vec<_> = files
            .iter()
            .map(|file| {
                let length = self.s3.get(file).unwrap().len();
                serde_json::json!({
                    "url": self.s3.url(file),
                    "mandatory": true,
                    "meta": { "content_length": length },
                })
            })
            .collect();
        self.s3.put(key, serde_json::json!({ "entries": entries }).to_string());
    }
}

impl Session {
    /// Runs a statement that must succeed.
    #[track_caller]
    pub fn run(&self, statement: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            if let Err(error) = self.client.simple_query(statement).await {
                panic!("{caller}: {statement}: {error:?}");
            }
        }
    }

    /// Returns the rows of a query; a null is `NULL`.
    pub async fn rows(&self, query: &str) -> Vec<Vec<String>> {
        match self.client.simple_query(query).await {
            Ok(messages) => rows(&messages),
            Err(error) => panic!("{query}: {error:?}"),
        }
    }

    /// Returns the single value of a query.
    pub async fn value(&self, query: &str) -> String {
        self.rows(query).await[0][0].clone()
    }

    /// Returns the error of a statement that must fail.
    pub async fn error_of(&self, statement: &str) -> ErrorReply {
        let error = match self.client.simple_query(statement).await {
            Ok(_) => panic!("not rejected: {statement}"),
            Err(error) => error,
        };
        let rejection = error.as_db_error().unwrap_or_else(|| panic!("{statement}: {error:?}"));
        ErrorReply {
            code: rejection.code().code().to_owned(),
            message: rejection.message().to_owned(),
            detail: rejection.detail().unwrap_or_default().to_owned(),
        }
    }

    /// Fails unless the statement is rejected with this code and this text.
    pub async fn rejects(&self, statement: &str, code: &str, text: &str) {
        let rejection = self.error_of(statement).await;
        let said = rejection.message.contains(text) || rejection.detail.contains(text);
        assert!(
            rejection.code == code && said,
            "{statement}\nwanted {code} {text}\n{rejection:#?}"
        );
    }

    pub fn notices(&self) -> Vec<String> {
        let notices = self.notices.lock().unwrap();
        notices.iter().map(|n| format!("{}: {}", n.severity(), n.message())).collect()
    }

    /// Fails unless the connection is cut while the statement runs.
    pub async fn is_cut_by(&self, statement: &str) {
        let error = self.client.simple_query(statement).await.expect_err("not cut");
        assert!(error.as_db_error().is_none(), "{error:?}");
    }
}

/// Returns a TLS connector that trusts one authority.
pub fn connector(authority: &[u8]) -> MakeRustlsConnect {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    MakeRustlsConnect::new(config)
}

fn rows(messages: &[SimpleQueryMessage]) -> Vec<Vec<String>> {
    let row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            let values = (0..row.len()).map(|i| row.get(i).unwrap_or("NULL").to_owned());
            Some(values.collect())
        }
        _ => None,
    };
    messages.iter().filter_map(row).collect()
}
