//! What the provider allows, and its counters: buckets that fill up evenly, or windows of a minute. Whole arithmetic, of
//! its own and not the gate's, so that the one proves the other.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_protocol::limit::Quantity;

/// What an account, or a model in it, is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once; without it, any number.
    pub slots: Option<u32>,
    /// What is allowed each minute; what is not named here is not limited.
    pub rates: BTreeMap<Quantity, Allowance>,
}

/// So much each minute, and so much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Each minute.
    pub per_minute: u64,
    /// At once: what a full bucket holds. A window does not know it.
    pub burst: u64,
}

impl Limits {
    /// Nothing is limited.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same with so many calls at once.
    #[must_use]
    pub fn slots(self, slots: u32) -> Self {
        Self { slots: Some(slots), ..self }
    }

    /// The same with so much each minute, all of which may be used at once.
    #[must_use]
    pub fn per_minute(self, quantity: Quantity, per_minute: u64) -> Self {
        self.rate(quantity, per_minute, per_minute)
    }

    /// The same with so much each minute and another burst.
    #[must_use]
    pub fn rate(mut self, quantity: Quantity, per_minute: u64, burst: u64) -> Self {
        self.rates.insert(quantity, Allowance { per_minute, burst });
        self
    }
}

impl Allowance {
    /// The most that a bucket gives within a span, however it begins: the burst, and what runs in meanwhile.
    pub fn most_within(self, span: Duration) -> u64 {
        let run_in = u128::from(self.per_minute) * u128::from(nanos(span)) / MINUTE.unsigned_abs();
        self.burst + u64::try_from(run_in).unwrap_or(u64::MAX)
    }
}

/// The nanoseconds of a time; some 584 years at the most.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How rates are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counting {
    /// A bucket that is full at first and fills up evenly, as at Anthropic and `OpenAI`.
    #[default]
    Bucket,
    /// Minutes of the provider's clock, each with all of the allowance anew, as in many gateways.
    Windows,
}

/// How a quantity stands: what headers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// Until all of it is there again.
    pub(super) reset: Duration,
}

/// Nanoseconds of a minute: what the level of a bucket is counted in, for each token.
const MINUTE: i128 = 60_000_000_000;

/// Counts one quantity.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    allowance: Allowance,
    counting: Counting,
    /// A bucket: what is left, in tokens times [`MINUTE`]; below zero after a call that took more than it was charged.
    level: i128,
    /// A bucket: when it was filled last.
    at: Duration,
    /// A window: which one, and what was used in it.
    window: u64,
    used: u64,
}

impl Meter {
    pub(super) fn new(allowance: Allowance, counting: Counting) -> Self {
        let level = i128::from(allowance.burst) * MINUTE;
        Self { allowance, counting, level, at: Duration::ZERO, window: 0, used: 0 }
    }

    fn full(&self) -> i128 {
        i128::from(self.allowance.burst) * MINUTE
    }

    fn turn_to(&mut self, now: Duration) {
        let passed = i128::from(nanos(now.saturating_sub(self.at)));
        let filled = self.level + i128::from(self.allowance.per_minute) * passed;
        self.level = filled.min(self.full());
        self.at = now;
        let window = now.as_secs() / 60;
        if window != self.window {
            (self.window, self.used) = (window, 0);
        }
    }

    /// How long until a bucket holds that much more than it does.
    fn filling(&self, missing: i128) -> Duration {
        let per_minute = i128::from(self.allowance.per_minute.max(1));
        let nanos = (missing.max(0) + per_minute - 1) / per_minute;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn left_of_window(now: Duration) -> Duration {
        Duration::from_secs((now.as_secs() / 60 + 1) * 60).saturating_sub(now)
    }

    /// How long until there is room for that much: zero when it is there, `None` when it never will be.
    pub(super) fn wait(&mut self, now: Duration, amount: u64) -> Option<Duration> {
        self.turn_to(now);
        match self.counting {
            Counting::Bucket if amount > self.allowance.burst => None,
            Counting::Bucket => Some(self.filling(i128::from(amount) * MINUTE - self.level)),
            Counting::Windows if amount > self.allowance.per_minute => None,
            Counting::Windows if self.used + amount <= self.allowance.per_minute => {
                Some(Duration::ZERO)
            }
            Counting::Windows => Some(Self::left_of_window(now)),
        }
    }

    /// Takes that much, whether it is there or not.
    pub(super) fn charge(&mut self, now: Duration, amount: u64) {
        self.turn_to(now);
        self.level -= i128::from(amount) * MINUTE;
        self.used = self.used.saturating_add(amount);
    }

    /// A call that was charged then took something else: the difference is given back, or charged. A window that has
    /// passed is not reopened.
    pub(super) fn correct(&mut self, now: Duration, then: Duration, charged: u64, took: u64) {
        if took >= charged {
            return self.charge(now, took - charged);
        }
        self.turn_to(now);
        let back = charged - took;
        self.level = (self.level + i128::from(back) * MINUTE).min(self.full());
        if then.as_secs() / 60 == self.window {
            self.used = self.used.saturating_sub(back);
        }
    }

    pub(super) fn standing(&mut self, now: Duration) -> Standing {
        self.turn_to(now);
        let limit = self.allowance.per_minute;
        match self.counting {
            Counting::Bucket => Standing {
                limit,
                remaining: u64::try_from(self.level.max(0) / MINUTE).unwrap_or(u64::MAX),
                reset: self.filling(self.full() - self.level),
            },
            Counting::Windows => {
                let remaining = limit.saturating_sub(self.used);
                let reset = if self.used == 0 { Duration::ZERO } else { Self::left_of_window(now) };
                Standing { limit, remaining, reset }
            }
        }
    }
}
