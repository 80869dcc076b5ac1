//! The accounts of a provider, by key: slots and rates of the account and of each model that has limits of its own. A call
//! is admitted by all of them or by none.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_protocol::limit::{Amounts, Quantity};

use super::limits::{Counting, Limits, Meter, Standing};

/// What a call met a limit of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// Calls at once.
    Slots,
    /// A quantity of each minute.
    Rate(Quantity),
}

/// Why a call is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The limit that it met first.
    pub bound: Bound,
    /// What is allowed: calls, or so much each minute.
    pub limit: u64,
    /// What is left of it.
    pub remaining: u64,
    /// What the call takes of it.
    pub requested: u64,
    /// How long until there is room; `None` when there never will be. Of slots nobody knows, and a second is said.
    pub wait: Option<Duration>,
}

/// An account, or a model in it.
#[derive(Debug)]
struct Scope {
    slots: Option<u32>,
    in_flight: u32,
    meters: BTreeMap<Quantity, Meter>,
}

impl Scope {
    fn new(limits: &Limits, counting: Counting) -> Self {
        let meters = limits.rates.iter();
        let meters = meters.map(|(quantity, rate)| (*quantity, Meter::new(*rate, counting)));
        Self { slots: limits.slots, in_flight: 0, meters: meters.collect() }
    }

    fn check(&mut self, now: Duration, amounts: Amounts) -> Result<(), Denied> {
        if let Some(slots) = self.slots
            && self.in_flight >= slots
        {
            return Err(Denied {
                bound: Bound::Slots,
                limit: slots.into(),
                remaining: 0,
                requested: 1,
                wait: Some(Duration::from_secs(1)),
            });
        }
        for (quantity, meter) in &mut self.meters {
            let requested = amounts.of(*quantity);
            let wait = meter.wait(now, requested);
            if wait != Some(Duration::ZERO) {
                let Standing { limit, remaining, .. } = meter.standing(now);
                let bound = Bound::Rate(*quantity);
                return Err(Denied { bound, limit, remaining, requested, wait });
            }
        }
        Ok(())
    }

    fn charge(&mut self, now: Duration, amounts: Amounts) {
        self.in_flight += 1;
        for (quantity, meter) in &mut self.meters {
            meter.charge(now, amounts.of(*quantity));
        }
    }
}

/// An account: its own limits, and those of its models.
#[derive(Debug)]
pub(super) struct Account {
    whole: Scope,
    models: BTreeMap<String, Scope>,
}

impl Account {
    pub(super) fn new(
        limits: &Limits,
        models: &BTreeMap<String, Limits>,
        counting: Counting,
    ) -> Self {
        let scope =
            |(name, limits): (&String, &Limits)| (name.clone(), Scope::new(limits, counting));
        Self { whole: Scope::new(limits, counting), models: models.iter().map(scope).collect() }
    }

    fn scopes(&mut self, model: &str) -> impl Iterator<Item = &mut Scope> {
        std::iter::once(&mut self.whole).chain(self.models.get_mut(model))
    }

    /// Takes a slot and the amounts, everywhere or nowhere.
    pub(super) fn admit(
        &mut self,
        now: Duration,
        model: &str,
        amounts: Amounts,
    ) -> Result<(), Denied> {
        for scope in self.scopes(model) {
            scope.check(now, amounts)?;
        }
        self.scopes(model).for_each(|scope| scope.charge(now, amounts));
        Ok(())
    }

    /// A refused call counts as a request too, as far as there are any left.
    pub(super) fn count_refused(&mut self, now: Duration, model: &str) {
        for scope in self.scopes(model) {
            if let Some(meter) = scope.meters.get_mut(&Quantity::Requests)
                && meter.wait(now, 1) == Some(Duration::ZERO)
            {
                meter.charge(now, 1);
            }
        }
    }

    /// Gives the slot back, and corrects what was charged `then` by what the call took.
    pub(super) fn release(
        &mut self,
        now: Duration,
        then: Duration,
        model: &str,
        charged: Amounts,
        took: Amounts,
    ) {
        for scope in self.scopes(model) {
            scope.in_flight -= 1;
            for (quantity, meter) in &mut scope.meters {
                meter.correct(now, then, charged.of(*quantity), took.of(*quantity));
            }
        }
    }

    /// How each limited quantity stands: where account and model both limit it, the one of which less is left.
    pub(super) fn standings(&mut self, now: Duration, model: &str) -> BTreeMap<Quantity, Standing> {
        let mut standings: BTreeMap<Quantity, Standing> = BTreeMap::new();
        for scope in self.scopes(model) {
            for (quantity, meter) in &mut scope.meters {
                let standing = meter.standing(now);
                let tightest = standings.entry(*quantity).or_insert(standing);
                if standing.remaining < tightest.remaining {
                    *tightest = standing;
                }
            }
        }
        standings
    }
}
