//! The breaker of one key: after repeated failure nothing is sent for a while, then one probe. A manual request always
//! passes.

use std::time::Duration;

use super::{Ending, Ticket};
use crate::retry::Backoff;
use crate::time::Moment;

/// Failures in a row that open it: what one call with all of its retries can meet on a bad minute, and one more.
const FAILURES: u32 = 5;

/// How long it stays open after failures: doubled each time that the probe fails.
const OPEN: Backoff =
    Backoff { base: Duration::from_secs(30), cap: Duration::from_mins(10), attempts: u32::MAX };

/// How long it stays open when what may be spent is spent: somebody has to do something about it.
const SPENT: Duration = Duration::from_mins(10);

/// Why a breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broke {
    /// The provider failed too often in a row.
    Failing,
    /// What may be spent is spent, or the key is not valid.
    Spent,
    /// The key may not use the model.
    Forbidden,
}

impl Broke {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failing => "it failed too often in a row",
            Self::Spent => "its key or its budget is not accepted",
            Self::Forbidden => "its key may not use the model",
        }
    }
}

#[derive(Debug)]
enum State {
    Closed,
    Open { until: Moment },
    Probing { probe: Ticket },
}

/// Whether calls are sent at all.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    why: Broke,
    failures: u32,
    /// Times that it opened without an answer between.
    opened: u32,
    opened_at: Moment,
}

impl Default for Breaker {
    fn default() -> Self {
        let opened_at = Moment::default();
        Self { state: State::Closed, why: Broke::Failing, failures: 0, opened: 0, opened_at }
    }
}

impl Breaker {
    /// Why nothing is taken on, and how long until a probe may be sent. `None` also when a call may be the probe.
    pub(super) fn refuses(&self, now: Moment) -> Option<(Broke, Duration)> {
        match self.state {
            State::Closed => None,
            State::Open { until } => {
                let left = until.since(now);
                (!left.is_zero()).then_some((self.why, left))
            }
            State::Probing { .. } => Some((self.why, Duration::ZERO)),
        }
    }

    /// A call is granted. The first one after the time is the probe, and the only one until it has ended.
    pub(super) fn granted(&mut self, now: Moment, ticket: Ticket, manual: bool) {
        if let State::Open { until } = self.state
            && (!manual || until <= now)
        {
            self.state = State::Probing { probe: ticket };
        }
    }

    /// A call that was granted then has ended. Tells whether it opened the breaker.
    pub(super) fn ended(
        &mut self,
        now: Moment,
        ticket: Ticket,
        granted: Moment,
        ending: Ending,
    ) -> bool {
        let probe = matches!(self.state, State::Probing { probe } if probe == ticket);
        let closed = matches!(self.state, State::Closed);
        // What was under way when it opened says nothing of how things are now.
        let stale = !closed && !probe && granted < self.opened_at;
        match ending {
            _ if stale => false,
            Ending::Answered => {
                *self = Self::default();
                false
            }
            Ending::Failed | Ending::Overloaded { .. } if closed || probe => {
                self.failures = self.failures.saturating_add(1);
                let opens = probe || self.failures >= FAILURES;
                if opens {
                    self.open(now, Broke::Failing, OPEN.ceiling(self.opened));
                }
                opens
            }
            Ending::Spent | Ending::Forbidden => {
                let spent = ending == Ending::Spent;
                self.open(now, if spent { Broke::Spent } else { Broke::Forbidden }, SPENT);
                true
            }
            // It was not answered, and did not fail either: the next call is the probe.
            Ending::RateLimited { .. } | Ending::Abandoned if probe => {
                self.state = State::Open { until: now };
                false
            }
            _ => false,
        }
    }

    fn open(&mut self, now: Moment, why: Broke, long: Duration) {
        (self.why, self.state) = (why, State::Open { until: now.after(long) });
        self.opened_at = now;
        self.opened = self.opened.saturating_add(1);
    }

    /// When it may change by itself.
    pub(super) fn wakes(&self) -> Option<Moment> {
        match self.state {
            State::Open { until } => Some(until),
            State::Closed | State::Probing { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Ticket = Ticket(1);
    const PROBE: Ticket = Ticket(2);

    fn at(secs: u64) -> Moment {
        Moment(Duration::from_secs(secs))
    }

    fn failing() -> Breaker {
        let mut breaker = Breaker::default();
        let opened = (0..5).map(|_| breaker.ended(at(0), T, at(0), Ending::Failed));
        let opened: Vec<bool> = opened.collect();
        assert_eq!(opened, [false, false, false, false, true]);
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_an_answer_between_begins_anew() {
        let mut breaker = Breaker::default();
        for ending in [Ending::Failed, Ending::Answered].repeat(10) {
            assert!(!breaker.ended(at(0), T, at(0), ending));
        }
        assert_eq!(breaker.refuses(at(0)), None);
        let breaker = failing();
        assert_eq!(breaker.refuses(at(10)), Some((Broke::Failing, Duration::from_secs(20))));
        assert_eq!(breaker.refuses(at(30)), None, "a probe may be sent");
    }

    #[test]
    fn one_probe_decides_and_what_was_under_way_does_not() {
        let mut breaker = failing();
        breaker.granted(at(30), PROBE, false);
        assert_eq!(
            breaker.refuses(at(31)),
            Some((Broke::Failing, Duration::ZERO)),
            "one at a time"
        );
        assert!(!breaker.ended(at(31), T, at(0), Ending::Failed));
        assert!(breaker.ended(at(32), PROBE, at(32), Ending::Failed));
        let open = Some((Broke::Failing, Duration::from_mins(1)));
        assert!(!breaker.ended(at(32), T, at(31), Ending::Answered));
        assert_eq!(breaker.refuses(at(32)), open, "twice as long, whatever began before");
        breaker.granted(at(92), PROBE, false);
        breaker.ended(at(93), PROBE, at(93), Ending::Answered);
        assert_eq!(breaker.refuses(at(93)), None);
    }

    #[test]
    fn a_probe_that_says_nothing_is_followed_by_another() {
        let mut breaker = failing();
        breaker.granted(at(30), PROBE, false);
        breaker.ended(at(31), PROBE, at(31), Ending::Abandoned);
        assert_eq!(breaker.refuses(at(31)), None);
    }

    #[test]
    fn what_is_spent_opens_it_at_once_and_a_manual_answer_closes_it() {
        let mut breaker = Breaker::default();
        assert!(breaker.ended(at(0), T, at(0), Ending::Spent));
        assert_eq!(breaker.refuses(at(0)), Some((Broke::Spent, Duration::from_mins(10))));
        breaker.granted(at(1), PROBE, true);
        assert!(breaker.refuses(at(1)).is_some(), "one by hand is no probe");
        breaker.ended(at(2), PROBE, at(2), Ending::Answered);
        assert_eq!(breaker.refuses(at(2)), None);
    }
}
