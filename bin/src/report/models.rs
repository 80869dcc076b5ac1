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
    /// Calls that were given up because the time of their passes was used up.
    pub(crate) late: u64,
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

    /// Why calls were given up, in words; empty if none was.
    pub(crate) fn given_up_because(&self) -> String {
        let hurried = self.given_up().saturating_sub(self.late);
        named([
            (hurried, "given up: the hard mark was near, or the replay was stopped"),
            (self.late, "given up: most of the time of the pass was used up"),
        ])
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
        let asked = format!("answered of {}", counted(self.asked, "call"));
        let failed = named([(self.failed, "failed")]);
        let others = [asked, failed, self.given_up_because()];
        let others: Vec<String> = others.into_iter().filter(|each| !each.is_empty()).collect();
        others.join(", ")
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
    /// For how long nobody is let through yet, behind which one call tries.
    pub(crate) broken_ms: Option<f64>,
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
            broken_ms: status.broken.map(|(_, left)| millis_of(left)),
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
    pub(crate) fn trouble(&self) -> String {
        named([
            (self.rate_limited, "rate limited"),
            (self.overloaded, "overloaded"),
            (self.failed, "failed"),
            (self.denied, "denied by the gate"),
            (self.lost, "lost"),
        ])
    }

    /// How it stands now, in a few words: `acme 2 of 8 slots (1 turn, 1 compaction), 3 waiting (2.1 s), paused 8 s:
    /// rate limited`.
    pub(crate) fn line(&self) -> String {
        let mut parts = Vec::new();
        if let Some(account) = self.keys.first() {
            let held: u32 = account.held.values().sum();
            let classes =
                named(account.held.iter().map(|(class, held)| (u64::from(*held), *class)));
            let classes = if held > 0 { format!(" ({classes})") } else { String::new() };
            parts.push(format!("{} {held} of {} slots{classes}", plain(&self.name), account.slots));
        }
        if self.waiting > 0 {
            let oldest =
                self.oldest_wait_ms.map_or(String::new(), |ms| format!(" ({})", millis(ms)));
            parts.push(format!("{} waiting{oldest}", thousands(self.waiting)));
        }
        parts.extend(self.keys.iter().flat_map(Standing::signs));
        parts.join(", ")
    }
}

/// What there is any of, in words: `5 failed, 2 denied`.
fn named(counts: impl IntoIterator<Item = (u64, &'static str)>) -> String {
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, what)| format!("{} {what}", thousands(count)));
    counts.collect::<Vec<_>>().join(", ")
}

impl Standing {
    /// What is left of its rates, a pause, an open breaker.
    fn signs(&self) -> Vec<String> {
        self.left().map(|left| format!("{left} left")).into_iter().chain(self.stops()).collect()
    }

    /// What is left of its rates, in words; none where nothing is limited.
    pub(crate) fn left(&self) -> Option<String> {
        let left = self.rates.iter().map(|rate| format!("{} {}", short(rate.left), rate.quantity));
        let left: Vec<String> = left.collect();
        (!left.is_empty()).then(|| left.join(", "))
    }

    /// Why nothing is granted, and for how long: a pause, an open breaker.
    pub(crate) fn stops(&self) -> Vec<String> {
        let paused = self.paused_ms.zip(self.paused_because);
        let paused = paused.map(|(ms, why)| format!("paused {}: {why}", millis(ms)));
        let broken = self.broken_ms.zip(self.broken_because);
        let broken = broken.map(|(ms, why)| format!("left alone {}: {why}", millis(ms)));
        paused.into_iter().chain(broken).collect()
    }

    /// Whether it says anything that its account does not.
    pub(crate) fn differs(&self, account: &Self) -> bool {
        let rates = |key: &Self| -> Vec<(&'static str, u64)> {
            key.rates.iter().map(|rate| (rate.quantity, rate.per_minute)).collect()
        };
        self.slots != account.slots
            || rates(self) != rates(account)
            || self.stops() != account.stops()
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

#[cfg(test)]
mod tests {
    use highwater_protocol::limit::{Broke, ClassKind, Paused, Quantity};

    use super::*;

    fn by_class<T: Copy + Default>(turn: T, compaction: T) -> ByClass<T> {
        let mut values = ByClass::default();
        *values.of_mut(ClassKind::Turn) = turn;
        *values.of_mut(ClassKind::Compaction) = compaction;
        values
    }

    fn status() -> ProviderStatus {
        let key = |model: Option<&str>| KeyStatus {
            model: model.map(Into::into),
            slots: 8,
            held: by_class(1, 1),
            rates: Vec::new(),
            paused: None,
            broken: None,
        };
        let rate =
            RateStatus { quantity: Quantity::InputTokens, per_minute: 100_000, left: 41_000 };
        let account = KeyStatus {
            rates: vec![rate],
            paused: Some((Duration::from_secs(8), Paused::RateLimited)),
            ..key(None)
        };
        let model = KeyStatus {
            broken: Some((Broke::Failing, Duration::from_secs(30))),
            ..key(Some("small"))
        };
        ProviderStatus {
            provider: "acme".into(),
            keys: vec![account, model],
            waiting: by_class(2, 1),
            oldest_wait: Some(Duration::from_millis(2_100)),
            tally: highwater_protocol::limit::Tally { denied: 2, failed: 5, ..Default::default() },
        }
    }

    #[test]
    fn a_line_says_how_an_account_stands() {
        let provider = Provider::from(&status());
        assert_eq!(
            provider.line(),
            "acme 2 of 8 slots (1 compaction, 1 turn), 3 waiting (2.1 s), 41k input tokens left, \
             paused 8 s: rate limited, left alone 30 s: it failed too often in a row"
        );
        assert_eq!(provider.trouble(), "5 failed, 2 denied by the gate");
        assert_eq!(provider.keys[0].limits(), "8 slots, 100k input tokens a minute");
        assert_eq!(provider.keys[0].left().as_deref(), Some("41k input tokens"));
        assert_eq!(provider.keys[1].left(), None);
    }

    #[test]
    fn a_model_differs_from_its_account_by_limits_and_by_what_stops_it() {
        let account = Standing { slots: 8, ..Standing::default() };
        let same = Standing { model: Some("small".to_owned()), slots: 8, ..Standing::default() };
        assert!(!same.differs(&account));
        assert!(Standing { slots: 2, ..same.clone() }.differs(&account));
        let rate = Rate { quantity: "requests", per_minute: 9, left: 9 };
        assert!(Standing { rates: vec![rate], ..same.clone() }.differs(&account));
        let (broken_ms, broken_because) = (Some(1.0), Some("it failed"));
        assert!(Standing { broken_ms, broken_because, ..same }.differs(&account));
    }

    #[test]
    fn reasons_are_told_once() {
        let failed = |first: &str, last: Option<&str>| {
            let last_failure = last.map(str::to_owned);
            let first_failure = Some(first.to_owned());
            Summarizer { asked: 4, failed: 2, first_failure, last_failure, ..Summarizer::default() }
        };
        let both = failed("no key", Some("left alone"));
        assert_eq!(
            both.reasons(),
            [("failed because", "no key"), ("failed last because", "left alone")]
        );
        assert_eq!(failed("no key", Some("no key")).reasons().len(), 1);
        let fate = "answered of 4 calls, 2 failed, 1 given up: the hard mark was near, or the replay was stopped, \
                    1 given up: most of the time of the pass was used up";
        assert_eq!(Summarizer { late: 1, ..both }.fate(), fate);
    }
}
