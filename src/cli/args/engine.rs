//! Options of the engine that carries out a transform, and of the processes of a cluster.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Subcommand, ValueHint};

use super::EXIT_CODES;
use super::range::{size, threads, wait};

/// Default port of a scheduler.
pub const SCHEDULER_PORT: u16 = 50050;

/// The largest number of executors in this process.
const MOST_LOCAL: usize = 64;

/// The shortest time after which an executor can be lost: a busy one reports every 5 seconds.
const SHORTEST_LOSS: Duration = Duration::from_secs(8);

/// Options of the engine of a transform.
#[derive(Debug, Default, Args)]
pub struct EngineArgs {
    /// Machines that carry out the run: `ballista://HOST[:PORT]` for the scheduler of a cluster, or `local[N]` for a
    /// scheduler and N executors in this process, to try it [default: this process alone, which is faster below some
    /// 10 GB of JSON].
    #[arg(long, value_name = "URL", env = "STARLIFT_ENGINE")]
    pub engine: Option<EngineArg>,
    /// With --engine: time without progress after which the run fails [default: 30m].
    #[arg(long, value_name = "DURATION", env = "STARLIFT_ENGINE_TIMEOUT", value_parser = wait)]
    pub engine_timeout: Option<Duration>,
    /// Certificates for connections to the cluster.
    #[command(flatten)]
    pub tls: TlsArgs,
}

/// Certificates of a process of a cluster.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsArgs {
    /// Certificates, in PEM, that sign those of all processes of the cluster.
    #[arg(long, value_name = "FILE", env = "STARLIFT_TLS_CA", value_hint = ValueHint::FilePath)]
    pub tls_ca: Option<PathBuf>,
    /// Certificate of this process, in PEM, for its host name, for servers and clients.
    #[arg(long, value_name = "FILE", env = "STARLIFT_TLS_CERT", value_hint = ValueHint::FilePath)]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", env = "STARLIFT_TLS_KEY", value_hint = ValueHint::FilePath)]
    pub tls_key: Option<PathBuf>,
}

/// The engine of a transform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineArg {
    /// The scheduler of a cluster, as `HOST:PORT`.
    Ballista(String),
    /// A scheduler and this number of executors in this process.
    Local(usize),
}

impl FromStr for EngineArg {
    type Err = String;

    fn from_str(text: &str) -> Result<EngineArg, String> {
        if let Some(address) = text.strip_prefix("ballista://") {
            return host_and_port(address.trim_end_matches('/')).map(EngineArg::Ballista);
        }
        let count = text.strip_prefix("local[").and_then(|rest| rest.strip_suffix(']'));
        let count = count.and_then(|count| count.parse().ok());
        match count {
            Some(count) if (1..=MOST_LOCAL).contains(&count) => Ok(EngineArg::Local(count)),
            Some(_) => Err(format!("N is a number from 1 to {MOST_LOCAL}")),
            None => Err("write ballista://HOST, ballista://HOST:PORT or local[N]".to_owned()),
        }
    }
}

/// Parses the time after which an executor is lost.
fn loss(text: &str) -> Result<Duration, String> {
    match wait(text)? {
        time if time < SHORTEST_LOSS => {
            Err("executors report every 5 seconds; use 8s or more".to_owned())
        }
        time => Ok(time),
    }
}

/// Returns `HOST:PORT`, with the default port if the text has none.
fn host_and_port(text: &str) -> Result<String, String> {
    let (host, port) = match text.rsplit_once(':') {
        // A colon within brackets belongs to an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_host = !host.is_empty() && !host.contains(['/', '@', '?', ' ']);
    let is_bracketed = host.starts_with('[') == host.ends_with(']');
    if !is_host || !is_bracketed || (host.contains(':') && !host.starts_with('[')) {
        return Err("write HOST or HOST:PORT; an IPv6 address needs brackets".to_owned());
    }
    let port: u16 = match port {
        Some(port) => port.parse().map_err(|_| "a port is a number from 1 to 65535".to_owned())?,
        None => SCHEDULER_PORT,
    };
    match port {
        0 => Err("a port is a number from 1 to 65535".to_owned()),
        port => Ok(format!("{host}:{port}")),
    }
}

/// Options of `cluster`.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    /// The subcommand to run.
    #[command(subcommand)]
    pub command: ClusterCommand,
}

/// The subcommand of `cluster`.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Distribute the tasks of transforms among executors, until it is stopped.
    #[command(after_help = EXIT_CODES)]
    Scheduler(SchedulerArgs),
    /// Run tasks of transforms, until it is stopped; running tasks are finished first.
    #[command(after_help = EXIT_CODES)]
    Executor(ExecutorArgs),
    /// Show the executors of a cluster and its running jobs.
    #[command(after_help = EXIT_CODES)]
    Status(ClusterStatusArgs),
}

/// Options of `cluster scheduler`.
#[derive(Debug, Args)]
pub struct SchedulerArgs {
    /// Address to listen on. An address that other machines can reach needs certificates, or --insecure.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50050", env = "STARLIFT_BIND")]
    pub bind: SocketAddr,
    /// Address for HTTP requests of /healthz, /readyz and /metrics.
    #[arg(long, value_name = "IP:PORT", env = "STARLIFT_HEALTH")]
    pub health: Option<SocketAddr>,
    /// Time after which an executor that is not heard of is lost, at least 8s: executors report every 5 seconds.
    #[arg(long, value_name = "DURATION", default_value = "20s", env = "STARLIFT_EXECUTOR_TIMEOUT", value_parser = loss)]
    pub executor_timeout: Duration,
    /// Certificates.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Listen without certificates on an address that other machines can reach. A process that can connect to it can run
    /// plans with the permissions of the executors.
    #[arg(long)]
    pub insecure: bool,
}

/// Options of `cluster executor`.
#[derive(Debug, Args)]
pub struct ExecutorArgs {
    /// Address of the scheduler.
    #[arg(long, value_name = "HOST[:PORT]", env = "STARLIFT_SCHEDULER", value_parser = host_and_port)]
    pub scheduler: String,
    /// Address to serve rows on. An address that other machines can reach needs certificates, or --insecure.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50051", env = "STARLIFT_BIND")]
    pub bind: SocketAddr,
    /// Host name or address under which the others reach this executor [default: the address of --bind].
    #[arg(long, value_name = "HOST", env = "STARLIFT_ADVERTISE")]
    pub advertise: Option<String>,
    /// Number of tasks at a time [default: the machine's cores].
    #[arg(long, value_name = "N", env = "STARLIFT_CORES", value_parser = threads)]
    pub cores: Option<std::num::NonZeroUsize>,
    /// Memory for all tasks together, such as 8GiB; each gets an equal share [default: 70% of the machine's].
    #[arg(long, value_name = "SIZE", env = "STARLIFT_MEMORY_LIMIT", value_parser = size)]
    pub memory_limit: Option<ByteSize>,
    /// Folder for rows between tasks and for spilled rows, on a local disk [default: the temporary folder].
    #[arg(long, value_name = "DIR", env = "STARLIFT_WORK_DIR", value_hint = ValueHint::DirPath)]
    pub work_dir: Option<PathBuf>,
    /// Location that transforms can read and write; repeat for more [default: all buckets, no local files].
    #[arg(long, value_name = "URL", env = "STARLIFT_ALLOW", value_delimiter = ',')]
    pub allow: Vec<String>,
    /// Address for HTTP requests of /healthz, /readyz and /metrics.
    #[arg(long, value_name = "IP:PORT", env = "STARLIFT_HEALTH")]
    pub health: Option<SocketAddr>,
    /// Time to wait for the scheduler at the start.
    #[arg(long, value_name = "DURATION", default_value = "2m", env = "STARLIFT_CONNECT_TIMEOUT", value_parser = wait)]
    pub connect_timeout: Duration,
    /// Time for which running tasks are finished after a signal to stop; others repeat the rest.
    #[arg(long, value_name = "DURATION", default_value = "5m", env = "STARLIFT_DRAIN_TIMEOUT", value_parser = wait)]
    pub drain_timeout: Duration,
    /// Certificates.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Listen without certificates on an address that other machines can reach. A process that can connect to it can
    /// read the rows.
    #[arg(long)]
    pub insecure: bool,
}

/// Options of `cluster status`.
#[derive(Debug, Args)]
pub struct ClusterStatusArgs {
    /// Address of the scheduler.
    #[arg(long, value_name = "HOST[:PORT]", default_value = "127.0.0.1", env = "STARLIFT_SCHEDULER", value_parser = host_and_port)]
    pub scheduler: String,
    /// Certificates.
    #[command(flatten)]
    pub tls: TlsArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_parsed() {
        let ballista = |address: &str| Ok(EngineArg::Ballista(address.to_owned()));
        for (text, expected) in [
            ("ballista://example.com", ballista("example.com:50050")),
            ("ballista://example.com/", ballista("example.com:50050")),
            ("ballista://10.0.0.5:7000", ballista("10.0.0.5:7000")),
            ("ballista://[::1]", ballista("[::1]:50050")),
            ("ballista://[::1]:7000", ballista("[::1]:7000")),
            ("local[1]", Ok(EngineArg::Local(1))),
            ("local[64]", Ok(EngineArg::Local(64))),
        ] {
            assert_eq!(text.parse::<EngineArg>(), expected, "{text}");
        }
        for text in [
            "",
            "local",
            "local[]",
            "local[0]",
            "local[65]",
            "local[-1]",
            "spark://h",
            "ballista://",
            "ballista://h:0",
            "ballista://h:65536",
            "ballista://h:x",
            "ballista://u@h",
            "ballista://::1",
            "ballista://h/path",
            "ballista://[::1",
            "example.com:50050",
        ] {
            assert!(text.parse::<EngineArg>().is_err(), "{text}");
        }
    }
}
