//! Who wrote the summaries, and how providers' accounts stand at the gate: while a replay runs, and at its end.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_protocol::limit::{ByClass, KeyStatus, ProviderStatus, RateStatus};
use serde::Serialize;

use super::Quantiles;
use super::words::{counted, millis, plain, short, size, thousands};

/// One summarizer.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Summarizer {
    /// Its name, which its summaries carry.
    pub(crate) name: String,
    /// Calls that it was given.
    pub(crate) asked: u64,
    /// Calls that it failed.
    pub(crate) failed: u64,
    /// Why it failed the first time: mostly what the later ones follow from.
    pub(crate) first_failure: Option<String>,
    /// Why it failed the last time, if it failed again.
    pub(crate) last_failure: Option<String>,
    /// How long answers took, waiting for permits included.
    pub(crate) answered: Quantiles,
}

impl Summarizer {
    /// Calls that were given up before they had ended, as those of an abandoned pass are.
    pub(crate) fn given_up(&self) -> u64 {
        self.asked.saturating_sub(self.answered.count + self.failed)
    }

    /// Why it failed, each reason once.
    pub(crate) fn reasons(&self) -> Vec<(&'static str, &str)> {
        let first = self.first_failure.as_deref();
        let last = self.last_failure.as_deref().filter(|last| Some(*last) != first);
        let named = [("failed because", first), ("failed last because", last)];
        named.into_iter().filter_map(|(when, why)| Some((when, why?))).collect()
    }

    /// What became of its calls, in words.
    pub(crate) fn fate(&self) -> String {
        let mut fate = format!("answered of {}", counted(self.asked, "call"));
        for (count, what) in [(self.failed, "failed"), (self.given_up(), "given up")] {
            if count > 0 {
                fate = format!("{fate}, {} {what}", thousands(count));
            }
        }
        fate
    }
}

/// An account at a provider.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Provider {
    /// Its name.
    pub(crate) name: String,
    /// Permits granted, by class.
    pub(crate) granted: BTreeMap<&'static str, u64>,
    /// The longest wait for one, by class.
    pub(crate) longest_wait_us: BTreeMap<&'static str, u64>,
    /// Calls that the provider refused because of its limits.
    pub(crate) rate_limited: u64,
    /// Calls that it refused because it had too much to do.
    pub(crate) overloaded: u64,
    /// Calls that failed in another way.
    pub(crate) failed: u64,
    /// Calls that the gate did not let through.
    pub(crate) denied: u64,
    /// Calls whose holder ended without a word.
    pub(crate) lost: u64,
    /// Calls that wait.
    pub(crate) waiting: u64,
    /// How long the one has waited that waits longest.
    pub(crate) oldest_wait_ms: Option<f64>,
    /// The account itself, then its models.
    pub(crate) keys: Vec<Standing>,
}

/// How the limits of an account or of a model stand.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Standing {
    /// The model; none for the account.
    pub(crate) model: Option<String>,
    /// Calls at once.
    pub(crate) slots: u32,
    /// Calls under way, by class.
    pub(crate) held: BTreeMap<&'static str, u32>,
    /// What is limited by the minute.
    pub(crate) rates: Vec<Rate>,
    /// For how long nothing is granted yet.
    pub(crate) paused_ms: Option<f64>,
    /// Why.
    pub(crate) paused_because: Option<&'static str>,
    /// Why the breaker is open.
    pub(crate) broken_because: Option<&'static str>,
}

/// How one rate stands.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Rate {
    /// Of what.
    pub(crate) quantity: &'static str,
    /// What is allowed each minute, as configured or as it turned out.
    pub(crate) per_minute: u64,
    /// What is left now.
    pub(crate) left: u64,
}

impl From<&ProviderStatus> for Provider {
    fn from(status: &ProviderStatus) -> Self {
        let tally = &status.tally;
        let micros = |wait: Duration| u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        let waiting = status.waiting.iter().map(|(_, count)| size(count));
        Self {
            name: status.provider.to_string(),
            granted: by_name(&tally.granted, |count| count),
            longest_wait_us: by_name(&tally.longest_wait, micros),
            rate_limited: tally.rate_limited,
            overloaded: tally.overloaded,
            failed: tally.failed,
            denied: tally.denied,
            lost: tally.lost,
            waiting: waiting.sum(),
            oldest_wait_ms: status.oldest_wait.map(millis_of),
            keys: status.keys.iter().map(Standing::from).collect(),
        }
    }
}

impl From<&KeyStatus> for Standing {
    fn from(status: &KeyStatus) -> Self {
        Self {
            model: status.model.as_deref().map(str::to_owned),
            slots: status.slots,
            held: by_name(&status.held, |count| count),
            rates: status.rates.iter().map(Rate::from).collect(),
            paused_ms: status.paused.map(|(left, _)| millis_of(left)),
            paused_because: status.paused.map(|(_, why)| why.name()),
            broken_because: status.broken.map(|(why, _)| why.name()),
        }
    }
}

impl From<&RateStatus> for Rate {
    fn from(status: &RateStatus) -> Self {
        let RateStatus { quantity, per_minute, left } = *status;
        Self { quantity: quantity.name(), per_minute, left }
    }
}

fn by_name<T: Copy, U>(values: &ByClass<T>, of: impl Fn(T) -> U) -> BTreeMap<&'static str, U> {
    values.iter().map(|(class, value)| (class.name(), of(value))).collect()
}

fn millis_of(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

impl Provider {
    /// What the provider and the gate turned away, in words; empty if nothing was.
    pub(crate) fn trouble(&self) -> Vec<String> {
        let counts = [
            (self.rate_limited, "rate limited"),
            (self.overloaded, "overloaded"),
            (self.failed, "failed"),
            (self.denied, "denied by the gate"),
            (self.lost, "lost"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, what)| format!("{} {what}", thousands(count))).collect()
    }

    /// How it stands now, in a few words: `acme 2 of 8 slots, 3 waiting (2.1 s), paused 8 s: rate limited`.
    pub(crate) fn line(&self) -> String {
        let mut parts = Vec::new();
        if let Some(account) = self.keys.first() {
            let held: u32 = account.held.values().sum();
            parts.push(format!("{} {held} of {} slots", plain(&self.name), account.slots));
        }
        if self.waiting > 0 {
            let oldest =
                self.oldest_wait_ms.map_or(String::new(), |ms| format!(" ({})", millis(ms)));
            parts.push(format!("{} waiting{oldest}", thousands(self.waiting)));
        }
        parts.extend(self.keys.iter().flat_map(Standing::hindrances));
        parts.join(", ")
    }
}

impl Standing {
    /// Rates of which less than a tenth is left, a pause, an open breaker.
    fn hindrances(&self) -> Vec<String> {
        let low = self.rates.iter().filter(|rate| rate.left.saturating_mul(10) < rate.per_minute);
        let low = low.map(|rate| format!("{} {} left", short(rate.left), rate.quantity));
        let paused = self.paused_ms.zip(self.paused_because);
        let paused = paused.map(|(ms, why)| format!("paused {}: {why}", millis(ms)));
        let broken = self.broken_because.map(|why| format!("left alone: {why}"));
        low.chain(paused).chain(broken).collect()
    }

    /// Its limits, in words.
    pub(crate) fn limits(&self) -> String {
        let slots = counted(u64::from(self.slots), "slot");
        let rates = self.rates.iter();
        let rates =
            rates.map(|rate| format!("{} {} a minute", short(rate.per_minute), rate.quantity));
        std::iter::once(slots).chain(rates).collect::<Vec<_>>().join(", ")
    }
}
