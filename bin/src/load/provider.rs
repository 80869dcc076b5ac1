//! A provider in this process: real slots and rates, answers that take as long as real ones, refusals and failures by
//! chance. What it does with a call follows from its seed and the call's number.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use highwater_protocol::limit::{ByClass, ClassKind};
use serde::Serialize;

use super::scenario::Allowed;
use crate::report::words::real;
use crate::sample::dice::Dice;

/// Why a call was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A limit is reached (429).
    Limited {
        /// How long to wait at least.
        retry_after: Duration,
    },
    /// It failed (500).
    Failed,
}

/// What it saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Tally {
    /// Calls that came.
    pub(super) calls: u64,
    /// Calls refused because a slot or a rate was used up (429): whoever knows the limits gets none.
    pub(super) refused_by_limits: u64,
    /// Calls refused by chance (429).
    pub(super) refused_by_chance: u64,
    /// Calls that failed by chance (500).
    pub(super) failed: u64,
    /// The most calls at once.
    pub(super) peak_in_flight: u64,
    /// The time during which turns or passes waited for permits.
    pub(super) waiting_us: u64,
    /// The share of the slots in use that were for whoever waited: all of them while turns did, those that are not reserved
    /// and those that turns had while passes alone did. Absent when nobody waited.
    pub(super) utilisation_while_waiting: Option<f64>,
    /// The share of all slots that were in use, from the first call on.
    pub(super) utilisation: f64,
}

/// The provider.
#[derive(Debug)]
pub(super) struct Provider {
    allowed: Allowed,
    seed: u64,
    account: Mutex<Account>,
}

#[derive(Debug)]
struct Account {
    began: Instant,
    /// When the figures below were brought up to date.
    at: Instant,
    in_flight: ByClass<u64>,
    waiting: ByClass<u64>,
    busy_us: f64,
    busy_while_waiting_us: f64,
    open_while_waiting_us: f64,
    waiting_us: f64,
    requests: Bucket,
    tokens: Bucket,
    tally: Tally,
}

impl Account {
    /// Calls under way.
    fn calls(&self) -> u64 {
        self.in_flight.iter().map(|(_, calls)| calls).sum()
    }

    /// So much time has passed since anything changed.
    fn spent(&mut self, allowed: Allowed, passed_us: f64) {
        let calls = self.calls();
        self.busy_us += real(calls) * passed_us;
        let turns_wait = self.waiting.of(ClassKind::Turn) > 0;
        let reserved = u64::from(allowed.limits().reserved_slots());
        let unused = reserved.saturating_sub(self.in_flight.of(ClassKind::Turn));
        let open = if turns_wait { allowed.slots } else { allowed.slots - unused };
        if turns_wait || self.waiting.of(ClassKind::Compaction) > 0 {
            self.busy_while_waiting_us += real(calls) * passed_us;
            self.open_while_waiting_us += real(open) * passed_us;
            self.waiting_us += passed_us;
        }
    }
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

/// A call that holds its slot, however it ends.
struct InFlight<'a>(&'a Provider, ClassKind);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        *self.0.account().in_flight.of_mut(self.1) -= 1;
    }
}

/// Somebody who waits for a permit.
pub(super) struct Waiting(Arc<Provider>, ClassKind);

impl Drop for Waiting {
    fn drop(&mut self) {
        *self.0.account().waiting.of_mut(self.1) -= 1;
    }
}

impl Provider {
    /// One that allows this.
    pub(super) fn new(allowed: Allowed, seed: u64) -> Self {
        let now = Instant::now();
        let account = Account {
            began: now,
            at: now,
            in_flight: ByClass::default(),
            waiting: ByClass::default(),
            busy_us: 0.0,
            busy_while_waiting_us: 0.0,
            open_while_waiting_us: 0.0,
            waiting_us: 0.0,
            requests: Bucket::full(allowed.requests_per_minute),
            tokens: Bucket::full(allowed.tokens_per_minute),
            tally: Tally::default(),
        };
        Self { allowed, seed, account: Mutex::new(account) }
    }

    /// One call of so many tokens, which takes so long if nothing comes between.
    pub(super) async fn call(
        &self,
        class: ClassKind,
        tokens: u64,
        takes: Duration,
    ) -> Result<(), Refusal> {
        let (_slot, fails) = self.admit(class, tokens)?;
        if fails {
            tokio::time::sleep(takes / 10).await;
            return Err(Refusal::Failed);
        }
        tokio::time::sleep(takes).await;
        Ok(())
    }

    /// Until what this returns is dropped, somebody waits for a permit.
    pub(super) fn waits(self: &Arc<Self>, class: ClassKind) -> Waiting {
        *self.account().waiting.of_mut(class) += 1;
        Waiting(Arc::clone(self), class)
    }

    /// What it saw so far.
    pub(super) fn tally(&self) -> Tally {
        let account = self.account();
        let slots = real(self.allowed.slots);
        let lived_us = account.began.elapsed().as_secs_f64() * 1e6;
        let while_waiting = (account.waiting_us > 0.0)
            .then(|| account.busy_while_waiting_us / account.open_while_waiting_us.max(1.0));
        Tally {
            waiting_us: super::distribution::whole(account.waiting_us),
            utilisation_while_waiting: while_waiting,
            utilisation: account.busy_us / (lived_us * slots),
            ..account.tally
        }
    }

    /// Takes a slot and what the rates ask for; tells whether the call is to fail.
    fn admit(&self, class: ClassKind, tokens: u64) -> Result<(InFlight<'_>, bool), Refusal> {
        let mut account = self.account();
        account.tally.calls += 1;
        let mut dice = Dice::new(self.seed ^ account.tally.calls.wrapping_mul(0x9e37_79b9));
        if dice.per_mille(self.allowed.refused_per_mille) {
            account.tally.refused_by_chance += 1;
            return Err(Refusal::Limited { retry_after: Duration::from_millis(20) });
        }
        let missing = account.requests.missing(1.0).max(account.tokens.missing(real(tokens)));
        let in_flight = account.calls();
        if in_flight >= self.allowed.slots || !missing.is_zero() {
            account.tally.refused_by_limits += 1;
            return Err(Refusal::Limited { retry_after: missing });
        }
        account.requests.left -= 1.0;
        account.tokens.left -= real(tokens);
        *account.in_flight.of_mut(class) += 1;
        account.tally.peak_in_flight = account.tally.peak_in_flight.max(in_flight + 1);
        let fails = dice.per_mille(self.allowed.failed_per_mille);
        account.tally.failed += u64::from(fails);
        Ok((InFlight(self, class), fails))
    }

    /// The account as it stands now. Whatever is changed in it counts from now on.
    fn account(&self) -> MutexGuard<'_, Account> {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let seconds = (now - account.at).as_secs_f64();
        account.at = now;
        account.requests.fill(seconds);
        account.tokens.fill(seconds);
        account.spent(self.allowed, seconds * 1e6);
        account
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Scenario;
    use super::*;

    fn allowed(slots: u64, requests_per_minute: u64) -> Allowed {
        let smoke = Scenario::load("smoke").expect("it is shipped").provider;
        Allowed { slots, requests_per_minute, ..smoke }
    }

    #[tokio::test]
    async fn a_call_beyond_the_slots_is_refused_and_a_slot_comes_back_with_its_call() {
        let provider = Provider::new(allowed(2, 1_000), 1);
        let held = [
            provider.admit(ClassKind::Turn, 1).expect("a slot"),
            provider.admit(ClassKind::Turn, 1).expect("a slot"),
        ];
        assert!(matches!(provider.admit(ClassKind::Turn, 1).err(), Some(Refusal::Limited { .. })));
        drop(held);
        assert!(provider.call(ClassKind::Turn, 1, Duration::ZERO).await.is_ok());
        let tally = provider.tally();
        assert_eq!((tally.calls, tally.refused_by_limits, tally.peak_in_flight), (4, 1, 2));
    }

    #[tokio::test]
    async fn a_rate_that_is_used_up_says_how_long_to_wait() {
        let provider = Provider::new(allowed(9, 2), 1);
        for _ in 0..2 {
            assert!(provider.call(ClassKind::Turn, 1, Duration::ZERO).await.is_ok());
        }
        let refused =
            provider.call(ClassKind::Turn, 1, Duration::ZERO).await.expect_err("two each minute");
        let Refusal::Limited { retry_after } = refused else { panic!("{refused:?}") };
        assert!(retry_after > Duration::from_secs(20), "{retry_after:?}");
    }

    #[tokio::test]
    async fn chance_follows_from_the_seed() {
        let unwell = Allowed { refused_per_mille: 200, failed_per_mille: 200, ..allowed(9, 9_000) };
        let fate = async |seed| {
            let provider = Provider::new(unwell, seed);
            let mut all = Vec::new();
            for _ in 0..200 {
                all.push(provider.call(ClassKind::Turn, 1, Duration::ZERO).await.err());
            }
            all
        };
        let one = fate(7).await;
        assert_eq!(one, fate(7).await);
        assert_ne!(one, fate(8).await);
        let failed = one.iter().filter(|end| **end == Some(Refusal::Failed)).count();
        assert!((10..80).contains(&failed), "{failed}");
    }
}
