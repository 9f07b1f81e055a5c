//! The holder of a lease: a run and its process.

use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use serde::{Deserialize, Serialize};

/// The holder of a lease, as stored in the lease object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    pub run_id: String,
    host: String,
    process: u32,
    /// PID namespace of the process number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    /// Start time of the process, in clock ticks since boot, since process numbers are reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<u64>,
    /// Expiry of the lease, by the holder's clock.
    expires_at_ms: i64,
    /// Validity of the lease after it was written, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<i64>,
}

impl Holder {
    /// Returns the holder for the run `run_id` in this process, with a lease of the given length.
    pub fn this(run_id: &str, lease: Duration) -> Holder {
        let namespace = pid_namespace();
        Holder {
            run_id: run_id.to_owned(),
            host: host(),
            process: std::process::id(),
            started: namespace.is_some().then(|| Stat::read("self")).flatten().map(|s| s.started),
            namespace,
            expires_at_ms: 0,
            lease_ms: Some(lease.as_millis() as i64),
        }
    }

    /// Extends the lease, by this machine's clock.
    pub fn renew(&mut self) {
        self.expires_at_ms = Utc::now().timestamp_millis() + self.lease_ms.unwrap_or_default();
    }

    /// Returns `true` if the lease has ended, by this machine's clock.
    pub fn has_expired(&self) -> bool {
        self.expires_at_ms < Utc::now().timestamp_millis()
    }

    /// Returns `true` if the holder's process is known to have ended. That is detectable only within
    /// the same boot of the same machine and the same PID namespace, where process numbers are
    /// comparable.
    pub fn is_known_dead(&self, seen_by: &Holder) -> bool {
        let comparable = self.host == seen_by.host
            && self.namespace.is_some()
            && self.namespace == seen_by.namespace;
        let (true, Some(started)) = (comparable, self.started) else { return false };
        match std::fs::read_to_string(format!("/proc/{}/stat", self.process)) {
            Ok(stat) => {
                Stat::parse(&stat).is_some_and(|stat| stat.ended || stat.started != started)
            }
            // If other users' processes are hidden, process 1 is hidden too.
            Err(error) => {
                error.kind() == std::io::ErrorKind::NotFound && Path::new("/proc/1").exists()
            }
        }
    }

    /// Describes the holder for an error message.
    pub fn describe(&self) -> String {
        format!("run {} in process {} on {}", self.run_id, self.process, self.host)
    }
}

/// The fields of `/proc/<pid>/stat` that identify a process.
struct Stat {
    started: u64,
    /// `true` for a zombie: a process that has ended but that its parent has not reaped.
    ended: bool,
}

impl Stat {
    fn read(process: &str) -> Option<Stat> {
        Stat::parse(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    /// Parses the fields. Source: proc_pid_stat(5). The second field is the program's name, which may
    /// contain any character.
    fn parse(stat: &str) -> Option<Stat> {
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let started = fields.nth(18)?.parse().ok()?;
        Some(Stat { started, ended: matches!(state, "Z" | "X" | "x") })
    }
}

/// Returns the PID namespace of this process, or `None` if `/proc` belongs to another namespace.
fn pid_namespace() -> Option<String> {
    let own_number = std::fs::read_link("/proc/self").ok()?;
    if own_number.to_str()? != std::process::id().to_string() {
        return None;
    }
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    namespace.to_str().map(str::to_owned)
}

/// Identifies this boot of this machine, as far as the operating system supports it.
fn host() -> String {
    let name = sysinfo::System::host_name().unwrap_or_else(|_| "unknown host".to_owned());
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(boot) => format!("{name} (boot {})", boot.trim()),
        Err(_) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(120);

    /// Returns a holder whose process has ended.
    fn dead() -> Holder {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        Holder { process: child.id(), ..Holder::this("a", LEASE) }
    }

    #[test]
    fn names_of_programs_may_hold_anything() {
        let fields: Vec<String> = (4..=22).map(|field| field.to_string()).collect();
        let stat = Stat::parse(&format!("7 (a) b) S {} 0", fields.join(" "))).unwrap();
        assert_eq!((stat.started, stat.ended), (22, false));
        assert!(Stat::parse(&format!("7 (a) Z {}", fields.join(" "))).unwrap().ended);
        for broken in
            ["", "7 (a", "7 (a) S 1 2", "7 (a) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 x"]
        {
            assert!(Stat::parse(broken).is_none(), "{broken:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_dead_when_its_number_is_free_or_another_ones() {
        let this = Holder::this("b", LEASE);
        assert!(this.namespace.is_some() && this.started.is_some(), "{this:?}");
        assert!(dead().is_known_dead(&this));
        assert!(!Holder::this("a", LEASE).is_known_dead(&this));
        let reused = Holder { started: this.started.map(|t| t + 1), ..this.clone() };
        assert!(reused.is_known_dead(&this));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_of_another_machine_or_namespace_is_not_looked_at() {
        let this = Holder::this("b", LEASE);
        let elsewhere = [
            Holder { host: "elsewhere".to_owned(), ..dead() },
            Holder { namespace: Some("pid:[1]".to_owned()), ..dead() },
            Holder { namespace: None, ..dead() },
            Holder { started: None, ..dead() },
        ];
        for holder in elsewhere {
            assert!(!holder.is_known_dead(&this), "{holder:?}");
            let nowhere = Holder { namespace: None, ..this.clone() };
            assert!(!holder.is_known_dead(&nowhere), "{holder:?}");
        }
    }
}
