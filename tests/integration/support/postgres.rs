//! A real PostgreSQL for tests: one cluster per test process, on a free port of 127.0.0.1, removed
//! when the process ends.
//!
//! A static is not dropped and a killed process runs no destructor, so the server is the child of a
//! shell that reads a pipe held open by the test process. However the process ends, the pipe
//! closes, and the shell stops the server and removes its folder.

use std::fs;
use std::future::Future;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

use super::tls::Certificates;

/// A role that must log in with [`SECRET_PASSWORD`]; every other role is trusted.
pub const SECRET_USER: &str = "secret_user";
/// The password of [`SECRET_USER`].
pub const SECRET_PASSWORD: &str = "open sesame";

const SUPERUSER: &str = "starlift";

/// Time allowed for a start on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

const ACCESS: &str = "\
local all all trust
host all secret_user 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
";

/// A script with the arguments `$1`, the folder of the programs; `$2`, the folder of the cluster;
/// `$3`, the port; and `$4`, the superuser. The data need not survive the process, so nothing is
/// synced to disk.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
cd "$2"
(
    "$1/initdb" -D data -U "$4" -A trust -E UTF8 --lc-collate=C --lc-ctype=C.UTF-8 --no-sync \
        --no-instructions &&
    cp pg_hba.conf server.crt server.key data/ && chmod 600 data/server.key &&
    "$1/postgres" -D data -p "$3" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories="$2" -c max_connections=100 -c shared_buffers=64MB \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off \
        -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=2GB -c timezone=UTC -c ssl=on
    >ended
) >log 2>&1 &
cat >/dev/null
until [ -e ended ] || kill -INT "$(head -n 1 data/postmaster.pid)"; do sleep 0.1; done
wait
rm -rf "$2"
"#;

/// A running server.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    _watchdog: Child,
}

impl Postgres {
    /// Creates a folder that the server can write to. It is removed with the server.
    pub fn new_folder(&self) -> PathBuf {
        let folder =
            tempfile::Builder::new().prefix("space-").tempdir_in(&self.folder).unwrap().keep();
        if let Some((uid, gid)) = owner() {
            chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        folder
    }

    /// Returns the server of this test process, started on first use.
    pub fn shared() -> &'static Postgres {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| {
            // `showing` tries again if another process takes the free port first.
            Postgres::showing(&Certificates::for_localhost())
        })
    }

    /// Starts a separate server that presents these certificates. It stops when it is dropped.
    pub fn showing(certificates: &Certificates) -> Postgres {
        let server = (0..5).find_map(|_| Postgres::start(certificates).ok());
        server
            .unwrap_or_else(|| Postgres::start(certificates).unwrap_or_else(|log| panic!("{log}")))
    }

    /// Creates an empty database with a unique name.
    pub fn database(&self) -> Database {
        self.database_with("")
    }

    /// Creates a database with options of CREATE DATABASE, such as another encoding.
    pub fn database_with(&self, options: &str) -> Database {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE template0 {options}"));
        Database { port: self.port, name }
    }

    /// Returns the path of the CA certificate that signed the server's certificate for `localhost`.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the folder of the Unix socket.
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    fn start(certificates: &Certificates) -> Result<Postgres, String> {
        let owner = owner();
        let folder = prepare(owner, certificates);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("sh");
        command
            .args(["-c", WATCHDOG, "sh"])
            .args([programs(), folder.clone()])
            .args([port.to_string().as_str(), SUPERUSER])
            .env_remove("PGDATA")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Keep Ctrl-C at the terminal away from the watchdog; it ends when the pipe closes.
            .process_group(0);
        if let Some((uid, gid)) = owner {
            command.uid(uid).gid(gid);
        }
        let watchdog = command.spawn().unwrap();
        let server = Postgres { folder, port, _watchdog: watchdog };
        server.wait()?;
        server.execute(&format!(
            "CREATE ROLE {SECRET_USER} SUPERUSER LOGIN PASSWORD '{SECRET_PASSWORD}'"
        ));
        Ok(server)
    }

    fn wait(&self) -> Result<(), String> {
        let started = Instant::now();
        loop {
            // The eighth line of the file is the state of the server.
            let state = fs::read_to_string(self.folder.join("data/postmaster.pid"));
            if state.is_ok_and(|state| state.lines().nth(7).is_some_and(|s| s.trim() == "ready")) {
                return Ok(());
            }
            if self.folder.join("ended").exists() || started.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(format!("PostgreSQL does not start:\n{log}"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn execute(&self, statement: &str) {
        let url = url(self.port, "postgres");
        blocking(async move { connect(&url).await.batch_execute(statement).await.unwrap() });
    }
}

/// A database of a server. It is removed with the server.
pub struct Database {
    port: u16,
    name: String,
}

impl Database {
    /// Returns the URL for the superuser, without TLS.
    pub fn url(&self) -> String {
        url(self.port, &self.name)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens a connection, which closes when the client is dropped.
    pub async fn client(&self) -> Client {
        connect(&self.url()).await
    }

    /// Opens a connection as another role, and returns the task that drives it as well.
    pub async fn client_as(&self, role: &str) -> (Client, JoinHandle<()>) {
        let mut config: Config = self.url().parse().unwrap();
        let (client, connection) = config.user(role).connect(NoTls).await.unwrap();
        (client, tokio::spawn(async { connection.await.unwrap_or(()) }))
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{SUPERUSER}@127.0.0.1:{port}/{database}?sslmode=disable")
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

// The caller may already be in a runtime, where a nested runtime cannot block.
fn blocking(work: impl Future<Output = ()> + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(work);
        });
    });
}

/// Creates the folder with the files that the server reads at startup. It is not in `TMPDIR`,
/// because the path of a Unix socket must be short and the server's user must be able to enter its
/// parent folders.
fn prepare(owner: Option<(u32, u32)>, certificates: &Certificates) -> PathBuf {
    let folder = tempfile::Builder::new().prefix("starlift-pg-").tempdir_in("/tmp").unwrap().keep();
    fs::write(folder.join("ca.pem"), &certificates.authority).unwrap();
    fs::write(folder.join("server.crt"), &certificates.server).unwrap();
    fs::write(folder.join("server.key"), &certificates.server_key).unwrap();
    fs::write(folder.join("pg_hba.conf"), ACCESS).unwrap();
    // Every user who runs the tests must be able to read the CA certificate.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    if let Some((uid, gid)) = owner {
        chown(&folder, Some(uid), Some(gid)).unwrap();
    }
    folder
}

/// Returns the user `postgres` if the tests run as root, which initdb rejects, or `None` to keep
/// the current user.
pub fn owner() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").map_or(1, |process| process.uid()) != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let user = fields.into_iter().find(|fields| fields[0] == "postgres");
    let user = user.expect("root needs a user `postgres` to run the server as");
    Some((user[2].parse().unwrap(), user[3].parse().unwrap()))
}

/// Returns the folder of initdb and postgres: `STARLIFT_TEST_POSTGRES` if set, or the newest of
/// Debian's, which are not in `PATH`.
fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("STARLIFT_TEST_POSTGRES") {
        return folder.into();
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let packaged = versions.map(|entry| entry.unwrap().path()).max_by_key(|path| version(path));
    let path = std::env::var_os("PATH").unwrap_or_default();
    packaged
        .map(|folder| folder.join("bin"))
        .into_iter()
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .expect("PostgreSQL is not installed: see scripts/test.sh")
}
