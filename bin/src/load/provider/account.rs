//! What the provider allows and counts: slots and rates, refusals and failures by chance. What becomes of a call
//! follows from the seed and the call's number. It is the same in this process and in one of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::super::scenario::Allowed;
use super::{Limited, Tally};
use crate::report::words::real;
use crate::sample::dice::Dice;

/// The account of all calls.
#[derive(Debug)]
pub(super) struct Account {
    allowed: Allowed,
    seed: u64,
    /// How much later than their permits calls may come.
    leeway: Duration,
    counted: Mutex<Counted>,
    departed: Notify,
}

#[derive(Debug)]
struct Counted {
    /// When the rates were brought up to date.
    at: Instant,
    in_flight: u64,
    requests: Bucket,
    tokens: Bucket,
    tally: Tally,
}

/// A rate that fills up evenly, up to a minute's worth.
#[derive(Debug)]
struct Bucket {
    per_minute: f64,
    left: f64,
}

impl Bucket {
    fn full(per_minute: u64) -> Self {
        Self { per_minute: real(per_minute), left: real(per_minute) }
    }

    fn fill(&mut self, seconds: f64) {
        self.left = (self.left + self.per_minute * seconds / 60.0).min(self.per_minute);
    }

    /// How long until so much is there; zero when it is.
    fn missing(&self, wanted: f64) -> Duration {
        let seconds = (wanted - self.left).max(0.0) * 60.0 / self.per_minute;
        Duration::from_secs_f64(seconds)
    }
}

/// A call that holds its slot until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    of: Arc<Account>,
    /// Whether it is to fail.
    pub(super) fails: bool,
    answered: bool,
}

impl Admitted {
    /// How long it takes, if its answer takes so long.
    pub(super) fn lasts(&self, takes: Duration) -> Duration {
        if self.fails { takes / 10 } else { takes }
    }

    /// It is over, as it was to be.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.of.counted().in_flight -= 1;
        if !self.answered {
            self.of.departed.notify_waiters();
        }
    }
}

impl Account {
    /// One that allows this, for calls that come so much later than their permits at most.
    pub(super) fn new(allowed: Allowed, seed: u64, leeway: Duration) -> Self {
        let counted = Counted {
            at: Instant::now(),
            in_flight: 0,
            requests: Bucket::full(allowed.requests_per_minute),
            tokens: Bucket::full(allowed.tokens_per_minute),
            tally: Tally::default(),
        };
        let departed = Notify::new();
        Self { allowed, seed, leeway, counted: Mutex::new(counted), departed }
    }

    /// Takes a slot and what the rates ask for, for a call of so many tokens.
    pub(super) fn admit(self: &Arc<Self>, tokens: u64) -> Result<Admitted, Limited> {
        self.admit_unless_full(tokens).unwrap_or_else(|| Err(self.refuse_full()))
    }

    /// The same; `None`, and nothing is counted, if all slots are taken.
    pub(super) fn admit_unless_full(
        self: &Arc<Self>,
        tokens: u64,
    ) -> Option<Result<Admitted, Limited>> {
        let mut counted = self.counted();
        if counted.in_flight >= self.allowed.slots {
            return None;
        }
        counted.tally.calls += 1;
        let mut dice = Dice::new(self.seed ^ counted.tally.calls.wrapping_mul(0x9e37_79b9));
        if dice.per_mille(self.allowed.refused_per_mille) {
            counted.tally.refused_by_chance += 1;
            return Some(Err(Limited { retry_after: Duration::from_millis(20) }));
        }
        let missing = counted.requests.missing(1.0).max(counted.tokens.missing(real(tokens)));
        if missing > self.leeway {
            counted.tally.refused_by_limits += 1;
            return Some(Err(Limited { retry_after: missing }));
        }
        counted.requests.left -= 1.0;
        counted.tokens.left -= real(tokens);
        counted.in_flight += 1;
        counted.tally.peak_in_flight = counted.tally.peak_in_flight.max(counted.in_flight);
        let fails = dice.per_mille(self.allowed.failed_per_mille);
        counted.tally.failed += u64::from(fails);
        Some(Ok(Admitted { of: Arc::clone(self), fails, answered: false }))
    }

    /// A call came though all slots are taken.
    pub(super) fn refuse_full(&self) -> Limited {
        let mut counted = self.counted();
        counted.tally.calls += 1;
        counted.tally.refused_by_limits += 1;
        Limited { retry_after: Duration::ZERO }
    }

    /// Waits until a caller has gone that did not wait for its answer, from now on.
    pub(super) fn departed(&self) -> Notified<'_> {
        self.departed.notified()
    }

    /// What it counted so far.
    pub(super) fn tally(&self) -> Tally {
        self.counted().tally
    }

    /// What is counted, with the rates as they stand now.
    fn counted(&self) -> MutexGuard<'_, Counted> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let seconds = (now - counted.at).as_secs_f64();
        counted.at = now;
        counted.requests.fill(seconds);
        counted.tokens.fill(seconds);
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::scenario::Scenario;
    use super::*;

    fn allowed(slots: u64, requests_per_minute: u64) -> Allowed {
        let smoke = Scenario::load("smoke").expect("it is shipped").provider;
        Allowed { slots, requests_per_minute, ..smoke }
    }

    fn account(allowed: Allowed, seed: u64) -> Arc<Account> {
        Arc::new(Account::new(allowed, seed, Duration::ZERO))
    }

    #[test]
    fn a_call_beyond_the_slots_is_refused_and_a_slot_comes_back_with_its_call() {
        let account = account(allowed(2, 1_000), 1);
        let held = [account.admit(1).expect("a slot"), account.admit(1).expect("a slot")];
        account.admit(1).expect_err("no slot");
        drop(held);
        account.admit(1).expect("a slot").answered();
        let tally = account.tally();
        assert_eq!((tally.calls, tally.refused_by_limits, tally.peak_in_flight), (4, 1, 2));
    }

    #[test]
    fn a_rate_that_is_used_up_says_how_long_to_wait() {
        let account = account(allowed(9, 2), 1);
        for _ in 0..2 {
            account.admit(1).expect("two each minute").answered();
        }
        let Limited { retry_after } = account.admit(1).expect_err("two each minute");
        assert!(retry_after > Duration::from_secs(20), "{retry_after:?}");
    }

    #[test]
    fn chance_follows_from_the_seed() {
        let unwell = Allowed { refused_per_mille: 200, failed_per_mille: 200, ..allowed(9, 9_000) };
        let fate = |seed| {
            let account = account(unwell, seed);
            let fate = |_| account.admit(1).map(|admitted| admitted.fails);
            (0..200).map(fate).collect::<Vec<_>>()
        };
        let one = fate(7);
        assert_eq!(one, fate(7));
        assert_ne!(one, fate(8));
        let failed = one.iter().filter(|end| **end == Ok(true)).count();
        assert!((10..80).contains(&failed), "{failed}");
    }

    #[tokio::test]
    async fn a_caller_that_has_gone_is_told_of_and_one_that_was_answered_is_not() {
        let account = account(allowed(1, 1_000), 1);
        let departed = account.departed();
        account.admit(1).expect("a slot").answered();
        let soon = Duration::from_millis(1);
        assert!(tokio::time::timeout(soon, departed).await.is_err());
        let departed = account.departed();
        drop(account.admit(1).expect("a slot"));
        departed.await;
    }
}
