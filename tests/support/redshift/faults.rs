//! What is to go wrong, and when: scripted by a test, done by the session.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::error::SqlError;

/// How long a test waits for a statement to come to its gate.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something that happens once, to the first statement that matches.
pub struct Fault {
    pub on: On,
    /// How many statements that match go through before.
    pub skip: usize,
    pub when: When,
    pub what: What,
}

/// Which statements, of all sessions.
#[derive(Clone)]
pub enum On {
    Copy,
    Commit,
    Begin,
    /// ALTER TABLE .. RENAME TO
    Rename,
    Insert,
    Any,
    /// All but those with this text in them.
    AnyBut(String),
    /// Those with this text in them.
    Containing(String),
}

/// Where in the life of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Received, nothing done.
    Before,
    /// COPY has put half of its rows into the table; any other statement: as `Before`.
    Within,
    /// Done, but not answered.
    After,
}

/// What happens to it.
#[derive(Clone)]
pub enum What {
    /// The connection is cut; an open transaction is rolled back before the client can see it.
    Cut,
    /// The statement fails, and with it the transaction; after the deed only the answer is one of
    /// failure.
    Error { code: String, message: String, detail: Option<String> },
    /// The statement waits until the gate is opened.
    Hold(Gate),
}

impl What {
    /// Each kind of error that another transaction causes in Redshift, as users of the service and its
    /// Developer Guide quote them.
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

/// Holds a statement, or a request to the AWS of the tests.
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

    /// Waits until something stands before the gate.
    pub async fn reached(&self) {
        let mut stage = self.0.subscribe();
        let reached = stage.wait_for(|stage| *stage >= Stage::Reached);
        tokio::time::timeout(PATIENCE, reached).await.expect("nothing came to the gate").unwrap();
    }

    /// The same outside a runtime.
    pub fn wait(&self) {
        let started = Instant::now();
        while *self.0.borrow() < Stage::Reached {
            assert!(started.elapsed() < PATIENCE, "nothing came to the gate");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets it go on.
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
        // A gate that is dropped unopened holds nobody.
        let _ = stage.wait_for(|stage| *stage == Stage::Open).await;
    }
}

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}

/// The kinds of statements that faults tell apart.
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

/// The faults still to come.
#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

/// What awaits one statement: at most one thing at each point.
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

    /// Counts a statement and takes out what it meets.
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
