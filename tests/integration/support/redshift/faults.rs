//! Faults that a test scripts and the session applies.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::error::SqlError;

/// Time that a test waits for a statement to reach its gate.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fault that applies once, to the first statement that matches.
pub struct Fault {
    pub on: On,
    /// Number of matching statements to skip.
    pub skip: usize,
    pub when: When,
    pub what: What,
}

/// Statements that a fault matches, in all sessions.
#[derive(Clone)]
pub enum On {
    Copy,
    Commit,
    Begin,
    /// ALTER TABLE .. RENAME TO
    Rename,
    Insert,
    Any,
    /// All statements that do not contain this text.
    AnyBut(String),
    /// All statements that contain this text.
    Containing(String),
}

/// Point in the life of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Received but not started.
    Before,
    /// After COPY has put half of its rows into the table; for other statements the same as
    /// `Before`.
    Within,
    /// Executed but not answered.
    After,
}

/// Effect of a fault.
#[derive(Clone)]
pub enum What {
    /// Cuts the connection; an open transaction is rolled back before the client can notice.
    Cut,
    /// Fails the statement and its transaction. With `After`, the statement has taken effect and
    /// only its answer is an error.
    Error { code: String, message: String, detail: Option<String> },
    /// Holds the statement until the gate opens.
    Hold(Gate),
    /// With `Within`: COPY loses the other half of its rows, and reports all of them. Has no effect otherwise.
    LoseRows,
}

impl What {
    /// Returns each kind of error that a concurrent transaction causes in Redshift, as quoted by users
    /// of the service and the Developer Guide.
    pub fn passing_errors() -> Vec<What> {
        let violation = "Serializable isolation violation on table - 100123, transactions forming the \
                         cycle are: 1, 2 (pid:3)";
        let error = |code: &str, message: &str, detail: Option<&str>| What::Error {
            code: code.to_owned(),
            message: message.to_owned(),
            detail: detail.map(str::to_owned),
        };
        let engine = |error: SqlError| What::Error {
            code: error.code,
            message: error.message,
            detail: error.detail,
        };
        vec![
            error("XX000", "1023", Some(violation)),
            error("XX000", violation, None),
            error("XX000", "1018", Some("Relation does not exist.")),
            engine(SqlError::conflict()),
            engine(SqlError::no_oid("100123")),
            engine(SqlError::dropped_meanwhile("100123")),
            error("40001", "could not serialize access due to concurrent update", None),
        ]
    }
}

/// Holds a statement, or a request to the tests' AWS stand-in.
#[derive(Clone)]
pub struct Gate(Arc<watch::Sender<Stage>>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Stage {
    Empty,
    Reached,
    Open,
}

impl Gate {
    pub fn new() -> Gate {
        Gate(Arc::new(watch::Sender::new(Stage::Empty)))
    }

    /// Waits until a statement or request reaches the gate.
    pub async fn reached(&self) {
        let mut stage = self.0.subscribe();
        let reached = stage.wait_for(|stage| *stage >= Stage::Reached);
        tokio::time::timeout(PATIENCE, reached).await.expect("nothing came to the gate").unwrap();
    }

    /// Waits likewise, outside of a runtime.
    pub fn wait(&self) {
        let started = Instant::now();
        while *self.0.borrow() < Stage::Reached {
            assert!(started.elapsed() < PATIENCE, "nothing came to the gate");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Opens the gate.
    pub fn open(&self) {
        self.0.send_replace(Stage::Open);
    }

    pub(crate) async fn hold(&self) {
        let mut stage = self.0.subscribe();
        self.0.send_if_modified(|stage| {
            let first = *stage == Stage::Empty;
            if first {
                *stage = Stage::Reached;
            }
            first
        });
        // Dropping an unopened gate also releases the wait.
        let _ = stage.wait_for(|stage| *stage == Stage::Open).await;
    }
}

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}

/// Kinds of statements that faults distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Copy,
    Commit,
    Begin,
    Rename,
    Insert,
    Other,
}

impl On {
    fn matches(&self, kind: Kind, statement: &str) -> bool {
        match self {
            On::Copy => kind == Kind::Copy,
            On::Commit => kind == Kind::Commit,
            On::Begin => kind == Kind::Begin,
            On::Rename => kind == Kind::Rename,
            On::Insert => kind == Kind::Insert,
            On::Any => true,
            On::AnyBut(text) => !statement.contains(text.as_str()),
            On::Containing(text) => statement.contains(text.as_str()),
        }
    }
}

/// The faults that have not applied yet.
#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

/// Faults for one statement, at most one at each point.
#[derive(Default)]
pub(super) struct Planned {
    pub before: Option<What>,
    pub within: Option<What>,
    pub after: Option<What>,
}

impl Faults {
    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap().push(fault);
    }

    pub fn clear(&self) -> usize {
        std::mem::take(&mut *self.0.lock().unwrap()).len()
    }

    pub fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Counts a statement and removes the faults that apply to it.
    pub fn plan(&self, kind: Kind, statement: &str) -> Planned {
        let mut planned = Planned::default();
        self.0.lock().unwrap().retain_mut(|fault| {
            if !fault.on.matches(kind, statement) {
                return true;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                return true;
            }
            let place = match fault.when {
                When::Within if kind == Kind::Copy => &mut planned.within,
                When::Before | When::Within => &mut planned.before,
                When::After => &mut planned.after,
            };
            let taken = place.is_some();
            if !taken {
                *place = Some(fault.what.clone());
            }
            taken
        });
        planned
    }
}
