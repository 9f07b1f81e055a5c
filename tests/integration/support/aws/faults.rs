//! Faults that a test scripts and the front injects.

use std::sync::Mutex;

use super::query::{Answer, ErrorReply, Request};
use crate::support::redshift::Gate;

/// A fault that affects the first matching request of an action, unless [`Rule::after`],
/// [`Rule::times`] or [`Rule::always`] select others.
pub struct Rule {
    action: String,
    param: Option<(String, String)>,
    skip: usize,
    left: usize,
    met: bool,
    effect: Effect,
}

/// The effect of a fault on a request.
#[derive(Clone)]
pub enum Effect {
    /// The request fails with `Throttling`, or the equivalent code of EC2.
    Throttle,
    /// The request fails as if no policy of the user allowed it.
    Deny,
    /// The request fails with this error in the format of the service.
    Reject { status: u16, code: &'static str, message: String },
    /// The request is not executed, and this is the answer.
    Answer(String),
    /// The request is executed, and the connection is closed without an answer.
    Lose,
    /// The request is neither executed nor answered.
    Hang,
    /// The request is executed, and in the answer the first text is replaced by the second.
    Rewrite(String, String),
    /// The request waits until the gate opens and is then executed.
    Hold(Gate),
}

impl Rule {
    /// Affects the first request with this action, of any service.
    pub fn new(action: &str, effect: Effect) -> Rule {
        Rule { action: action.to_owned(), param: None, skip: 0, left: 1, met: false, effect }
    }

    /// Matches only requests with this value of a parameter.
    #[must_use]
    pub fn with(self, key: &str, value: &str) -> Rule {
        Rule { param: Some((key.to_owned(), value.to_owned())), ..self }
    }

    /// Skips the first `n` matching requests.
    #[must_use]
    pub fn after(self, n: usize) -> Rule {
        Rule { skip: n, ..self }
    }

    /// Affects `n` matching requests instead of one.
    #[must_use]
    pub fn times(self, n: usize) -> Rule {
        Rule { left: n, ..self }
    }

    /// Affects all matching requests.
    #[must_use]
    pub fn always(self) -> Rule {
        self.times(usize::MAX)
    }

    fn take(&mut self, request: &Request) -> Option<Effect> {
        let same = |(key, value): &(String, String)| request.params.get(key) == Some(value);
        let matches = self.action == request.action && self.param.as_ref().is_none_or(same);
        if !matches || self.left == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.left = self.left.saturating_sub(usize::from(self.left != usize::MAX));
        self.met = true;
        Some(self.effect.clone())
    }
}

/// The rules in the order in which they were added. The first matching rule that is not exhausted
/// applies.
#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    pub fn add(&self, rule: Rule) {
        self.0.lock().unwrap().push(rule);
    }

    pub fn left(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|rule| !rule.met).count()
    }

    pub fn take(&self, request: &Request) -> Option<Effect> {
        self.0.lock().unwrap().iter_mut().find_map(|rule| rule.take(request))
    }
}

impl Effect {
    /// The answer that replaces the execution of the request, if any.
    pub(super) fn replacement(&self, request: &Request) -> Option<Answer> {
        let rejection = match self {
            Effect::Throttle => ErrorReply::throttled(request.service),
            Effect::Deny => ErrorReply::denied(request),
            Effect::Reject { status, code, message } => ErrorReply::new(*status, code, message),
            Effect::Answer(body) => return Some(Answer { status: 200, body: body.clone() }),
            Effect::Lose | Effect::Hang | Effect::Rewrite(..) | Effect::Hold(_) => return None,
        };
        Some(rejection.answer(request.service))
    }
}
