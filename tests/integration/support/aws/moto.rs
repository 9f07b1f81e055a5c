//! The [moto](https://docs.getmoto.org) server, one process per test process. It takes a second or
//! two to start, so the tests of a process share it, each with a separate account.
//!
//! As with PostgreSQL, the server is the child of a shell that reads from a pipe which the test
//! process holds open. When the test process ends for any reason, the pipe closes and the shell
//! kills the server.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::query::{Answer, ErrorReply, Request};
use super::{ACCOUNT, REGION};

/// The limit for the start of the server on a machine that runs other tests.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The Python program of the server. With port 0 the server chooses a free port and logs it. The
/// cache is there because moto reads the same service descriptions repeatedly when it first uses
/// EC2, which would be a third of its work in a test.
const LAUNCH: &str = r#"
import functools
from botocore.loaders import JSONFileLoader
from moto.server import main

load = functools.cache(JSONFileLoader().load_file)
JSONFileLoader.load_file = lambda self, path: load(path)
main(["-H", "127.0.0.1", "-p", "0"])
"#;

/// The shell script of the watchdog: `$1` is the Python interpreter, `$2` the folder of the log,
/// `$3` the program.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
(
    "$1" -c "$3" >"$2/log" 2>&1 &
    echo $! >"$2/pid"
    wait
    echo >"$2/ended"
) &
cat >/dev/null
until [ -e "$2/ended" ] || kill -KILL "$(cat "$2/pid")"; do sleep 0.1; done
wait
rm -rf "$2"
"#;

struct Server {
    port: u16,
    _watchdog: Child,
}

/// A separate account on the server. Clients always see [`ACCOUNT`], so that tests can name
/// resources; the server sees a distinct number per account.
pub struct Moto {
    server: &'static Server,
    account: String,
    client: reqwest::Client,
}

impl Moto {
    /// Creates an empty account. Returns `None`, with a message, on a machine without Python.
    pub fn account() -> Option<Moto> {
        static SHARED: OnceLock<Server> = OnceLock::new();
        static ACCOUNTS: AtomicU64 = AtomicU64::new(1);
        let python = crate::support::python()?;
        let server = SHARED.get_or_init(|| Server::start(&python));
        let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
        Some(Moto {
            server,
            account: format!("97{number:010}"),
            // The server can close idle connections at any time.
            client: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0)
                .build()
                .expect("a client without TLS"),
        })
    }

    /// Sends a request to moto and returns its answer.
    pub async fn ask(&self, request: &Request) -> Answer {
        let scope = format!("20260101/{REGION}/{}/aws4_request", request.service.name());
        let credential = format!("Credential=AKIAIOSFODNN7EXAMPLE/{scope}");
        let call = self
            .client
            .post(format!("http://127.0.0.1:{}/", self.server.port))
            .header("x-moto-account-id", &self.account)
            .header("content-type", "application/x-www-form-urlencoded")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"),
            )
            .body(request.form().replace(ACCOUNT, &self.account));
        let answer = call.send().await.expect("moto answers");
        let status = answer.status().as_u16();
        let body = answer.text().await.expect("moto answers").replace(&self.account, ACCOUNT);
        if body.starts_with("<!doctype html>") {
            let message = format!("moto fails at, or does not have, {}", request.permission());
            return ErrorReply::new(500, "InternalFailure", message).answer(request.service);
        }
        Answer { status, body }
    }
}

impl Server {
    fn start(python: &Path) -> Server {
        let folder = tempfile::Builder::new().prefix("starlift-moto-").tempdir().unwrap().keep();
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "sh"]).args([python, &folder]).arg(LAUNCH);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MOTO_") {
                command.env_remove(name);
            }
        }
        command.env("MOTO_EC2_LOAD_DEFAULT_AMIS", "false");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A separate process group, so that an interrupt at the terminal reaches only the tests.
        // The watchdog sees the pipe close.
        let watchdog = command.process_group(0).spawn().unwrap();
        let port = port(&folder);
        Server { port, _watchdog: watchdog }
    }
}

fn port(folder: &Path) -> u16 {
    let started = Instant::now();
    loop {
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        let address = log.split_once("Running on http://127.0.0.1:").map(|(_, rest)| rest);
        if let Some((port, _)) = address.and_then(|rest| rest.split_once('\n')) {
            return port.trim_end_matches("\u{1b}[0m").trim().parse().unwrap();
        }
        assert!(
            !folder.join("ended").exists() && started.elapsed() < START_TIMEOUT,
            "moto does not start: see tests/reference/requirements.txt\n{log}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
