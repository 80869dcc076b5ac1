//! How a provider's account stands, to be shown.

use std::time::Duration;

use super::meter::Meter;
use super::{Broke, ByClass, Paused, Quantity};
use crate::time::Moment;

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderStatus {
    /// The account.
    pub provider: Box<str>,
    /// The account itself, then each model of it that was called or has limits of its own.
    pub keys: Vec<KeyStatus>,
    /// Who waits.
    pub waiting: ByClass<usize>,
    /// How long whoever waits longest has waited.
    pub oldest_wait: Option<Duration>,
    /// What has happened so far.
    pub tally: Tally,
}

impl ProviderStatus {
    /// Calls under way, by class.
    pub fn held(&self) -> ByClass<u32> {
        self.keys.first().map_or_else(ByClass::default, |account| account.held)
    }
}

/// How one key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// The model; `None` for the account.
    pub model: Option<Box<str>>,
    /// Calls at once, as configured or as they turned out.
    pub slots: u32,
    /// Calls under way, by class.
    pub held: ByClass<u32>,
    /// What is limited.
    pub rates: Vec<RateStatus>,
    /// How long nothing is granted yet, and why.
    pub paused: Option<(Duration, Paused)>,
    /// Why the breaker is open, and how long until a probe may be sent.
    pub broken: Option<(Broke, Duration)>,
}

impl KeyStatus {
    pub(super) fn of(now: Moment, meter: &Meter, model: Option<&str>) -> Self {
        let rates = Quantity::ALL.into_iter().filter_map(|quantity| {
            let (rate, left) = meter.rate(now, quantity)?;
            Some(RateStatus { quantity, per_minute: rate.each_minute(), left })
        });
        Self {
            model: model.map(Into::into),
            slots: meter.slots(),
            held: meter.held(),
            rates: rates.collect(),
            paused: meter.pause.remaining(now),
            broken: meter.breaker.refuses(now),
        }
    }
}

/// How one rate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStatus {
    /// Of what.
    pub quantity: Quantity,
    /// What is allowed each minute.
    pub per_minute: u64,
    /// What may be taken now.
    pub left: u64,
}

/// What has happened at an account since it was registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Permits granted.
    pub granted: ByClass<u64>,
    /// The longest that a call waited for its permit.
    pub longest_wait: ByClass<Duration>,
    /// Calls that the provider refused because of its limits.
    pub rate_limited: u64,
    /// Calls that it refused because it had too much to do.
    pub overloaded: u64,
    /// Calls that failed in another way.
    pub failed: u64,
    /// Wishes that were denied.
    pub denied: u64,
    /// Permits that ended because their holder did, or did not renew them.
    pub lost: u64,
}
