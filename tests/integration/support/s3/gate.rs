//! Gates that hold requests until a test releases them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::faults::{Op, Request};
use super::layer::lock;

/// Time that [`Gate::wait`] waits for a request before the test fails.
const GATE_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Shut,
    Open,
    Closed,
}

pub(super) struct Barrier {
    op: Op,
    target: String,
    way: watch::Sender<Way>,
    /// Number of requests still to hold; later ones pass.
    left: AtomicUsize,
    held: Mutex<usize>,
    arrival: Condvar,
}

impl Barrier {
    /// Creates a barrier that holds this many requests.
    pub(super) fn new(op: Op, target: &str, requests: usize) -> Barrier {
        Barrier {
            op,
            target: target.to_owned(),
            way: watch::Sender::new(Way::Shut),
            left: AtomicUsize::new(requests),
            held: Mutex::new(0),
            arrival: Condvar::new(),
        }
    }

    /// Returns `true` if the request must be held, and counts it.
    pub(super) fn admits(&self, seen: &Request) -> bool {
        self.op.covers(seen.op)
            && seen.target.contains(&self.target)
            && *self.way.borrow() == Way::Shut
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok()
    }

    fn count(&self, change: isize) {
        let mut held = lock(&self.held);
        *held = held.saturating_add_signed(change);
        self.arrival.notify_all();
    }

    /// Waits until the gate is released. Returns `false` if it was dropped instead.
    pub(super) async fn pass(&self) -> bool {
        let mut way = self.way.subscribe();
        let _held = Held::new(self);
        let way =
            *way.wait_for(|way| *way != Way::Shut).await.expect("the barrier owns the sender");
        way == Way::Open
    }
}

/// Counts a request as held until it continues or its client disconnects.
struct Held<'a>(&'a Barrier);

impl<'a> Held<'a> {
    fn new(barrier: &'a Barrier) -> Self {
        barrier.count(1);
        Self(barrier)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.count(-1);
    }
}

/// Holds the requests that match, fully received but not served, until it is released. If it is
/// dropped before, it closes their connections without serving them.
pub struct Gate(Arc<Barrier>);

impl Gate {
    pub(super) fn new(barrier: Arc<Barrier>) -> Gate {
        Gate(barrier)
    }

    /// Blocks the calling thread until at least one request is held.
    pub fn wait(&self) {
        self.wait_until(|held| held > 0, "no request came to the gate");
    }

    /// Blocks the calling thread until every client whose request was held has disconnected, as
    /// after a SIGKILL.
    pub fn wait_deserted(&self) {
        self.wait_until(|held| held == 0, "a client is still at the gate");
    }

    /// Lets the held requests and all later ones pass.
    pub fn release(self) {
        self.0.way.send_replace(Way::Open);
    }

    fn wait_until(&self, done: impl Fn(usize) -> bool, complaint: &str) {
        let held = lock(&self.0.held);
        let (held, _) = self
            .0
            .arrival
            .wait_timeout_while(held, GATE_PATIENCE, |held| !done(*held))
            .expect("not poisoned");
        assert!(done(*held), "{complaint} ({:?}, {:?})", self.0.op, self.0.target);
    }
}

impl Drop for Gate {
    // A request that is still held when a test ends or kills its client must not reach the bucket.
    fn drop(&mut self) {
        self.0.way.send_if_modified(|way| {
            let shut = *way == Way::Shut;
            *way = if shut { Way::Closed } else { *way };
            shut
        });
    }
}
