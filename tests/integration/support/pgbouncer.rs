//! A real PgBouncer in transaction mode in front of the tests' PostgreSQL. It stops when it is
//! dropped or the test process ends.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::postgres::{Postgres, owner};

/// A script that stops the program when the pipe held open by the test process closes.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
"$1" -q "$2/pgbouncer.ini" >"$2/log" 2>&1 &
cat >/dev/null
kill -KILL $!
wait
rm -rf "$2"
"#;

/// A running pooler.
pub struct PgBouncer {
    port: u16,
    folder: PathBuf,
    _watchdog: Child,
}

impl PgBouncer {
    /// Starts a pooler with this number of connections to the server, or returns `None` if
    /// PgBouncer is not installed.
    pub fn start(server: &Postgres, connections: usize) -> Option<PgBouncer> {
        let program = Path::new("/usr/sbin/pgbouncer");
        if !program.exists() {
            println!("skipped: PgBouncer is not installed; see scripts/test.sh");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("starlift-pool-").tempdir_in("/tmp").unwrap();
        let folder = folder.keep();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}/users\n\
             pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 100\n\
             query_wait_timeout = 5\n",
            server.port(),
            folder.display()
        );
        fs::write(folder.join("pgbouncer.ini"), settings).unwrap();
        fs::write(folder.join("users"), "\"starlift\" \"\"\n").unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", WATCHDOG, "sh"])
            .args([program, &folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        // PgBouncer does not run as root.
        if let Some((uid, gid)) = owner() {
            chown(&folder, Some(uid), Some(gid)).unwrap();
            command.uid(uid).gid(gid);
        }
        let pooler = PgBouncer { port, _watchdog: command.spawn().unwrap(), folder };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(pooler.folder.join("log")).unwrap_or_default();
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "PgBouncer does not start:\n{log}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(pooler)
    }

    /// Returns the URL of a database through the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://starlift@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}
