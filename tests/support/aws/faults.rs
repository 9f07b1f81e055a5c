//! What is to go wrong with a request, scripted by a test and done by the front.

use std::sync::Mutex;

use super::query::{Answer, Refusal, Request};
use crate::support::redshift::Gate;

/// Something that befalls the requests of one action: the first that matches, unless
/// [`Rule::after`], [`Rule::times`] or [`Rule::always`] say otherwise.
pub struct Rule {
    action: String,
    param: Option<(String, String)>,
    skip: usize,
    left: usize,
    met: bool,
    what: What,
}

/// What befalls them.
#[derive(Clone)]
pub enum What {
    /// `Throttling`, or what EC2 calls it.
    Throttle,
    /// No policy of the user's allows it.
    Deny,
    /// An error in the shape of the service's own.
    Refuse { status: u16, code: &'static str, message: String },
    /// Nothing is done, and this is the answer.
    Answer(String),
    /// It is done, and the connection closed without an answer.
    Lose,
    /// Nothing is done, and no answer comes.
    Hang,
    /// It is done, and the one text replaced by the other in the answer.
    Rewrite(String, String),
    /// It waits until the gate is opened, and is done then.
    Hold(Gate),
}

impl Rule {
    /// For the first request with this action, whatever its service.
    pub fn new(action: &str, what: What) -> Rule {
        Rule { action: action.to_owned(), param: None, skip: 0, left: 1, met: false, what }
    }

    /// Only those with this value of a parameter.
    #[must_use]
    pub fn with(self, key: &str, value: &str) -> Rule {
        Rule { param: Some((key.to_owned(), value.to_owned())), ..self }
    }

    /// Only from the match after the first `n` on.
    #[must_use]
    pub fn after(self, n: usize) -> Rule {
        Rule { skip: n, ..self }
    }

    /// `n` matches instead of one.
    #[must_use]
    pub fn times(self, n: usize) -> Rule {
        Rule { left: n, ..self }
    }

    /// All matches.
    #[must_use]
    pub fn always(self) -> Rule {
        self.times(usize::MAX)
    }

    fn take(&mut self, request: &Request) -> Option<What> {
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
        Some(self.what.clone())
    }
}

/// The rules in the order of the script: of those that match, the first not used up is applied.
#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    pub fn add(&self, rule: Rule) {
        self.0.lock().unwrap().push(rule);
    }

    pub fn left(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|rule| !rule.met).count()
    }

    pub fn take(&self, request: &Request) -> Option<What> {
        self.0.lock().unwrap().iter_mut().find_map(|rule| rule.take(request))
    }
}

impl What {
    /// The answer, if it is one that is given in the place of the deed.
    pub(super) fn instead(&self, request: &Request) -> Option<Answer> {
        let refusal = match self {
            What::Throttle => Refusal::throttled(request.service),
            What::Deny => Refusal::denied(request),
            What::Refuse { status, code, message } => Refusal::new(*status, code, message),
            What::Answer(body) => return Some(Answer { status: 200, body: body.clone() }),
            What::Lose | What::Hang | What::Rewrite(..) | What::Hold(_) => return None,
        };
        Some(refusal.answer(request.service))
    }
}
