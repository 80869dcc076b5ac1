//! What a key's limits turn out to be: told in headers, or proven by refusals. Configured limits are ceilings over both.

use std::time::Duration;

use super::limits::{MAX_RATE, MAX_SLOTS};
use super::{Amounts, Quantity, Seen};
use crate::retry::Backoff;
use crate::time::Moment;

/// After so many accepted calls without a refusal, what was proven is raised a little: a refusal that this costs is one
/// in some hundreds.
const RAISE_AFTER: u32 = 300;

/// What is left of a rate that was refused, in percent of what was accepted in the minute before.
const KEPT_PERCENT: u64 = 95;

/// A rate that was proven before and is refused again falls at least so far, in percent.
const LOWERED_PERCENT: u64 = 80;

/// What the first raise adds, in percent; each that follows without a refusal adds twice as much, up to all of it.
const RAISED_PERCENT: u64 = 3;
const MOST_RAISED_PERCENT: u64 = 100;

/// What was proven is raised also after so long without a refusal, however few calls there were: a guess must not slow an
/// account for days. Twice as long after each refusal, since a raise of few calls costs more of them.
const RAISE_EVERY: Backoff =
    Backoff { base: Duration::from_mins(2), cap: Duration::from_mins(64), attempts: u32::MAX };

const SECONDS: usize = 60;
const QUANTITIES: usize = Quantity::ALL.len();

/// What was granted in the last minute, by second.
#[derive(Debug)]
struct LastMinute {
    seconds: [[u64; QUANTITIES]; SECONDS],
    second: u64,
}

impl LastMinute {
    fn move_to(&mut self, now: Moment) {
        let second = now.0.as_secs();
        for passed in (self.second + 1..=second).rev().take(SECONDS) {
            self.seconds[place(passed)] = [0; QUANTITIES];
        }
        self.second = self.second.max(second);
    }

    fn add(&mut self, now: Moment, amounts: Amounts) {
        self.move_to(now);
        let place = &mut self.seconds[place(self.second)];
        for quantity in Quantity::ALL {
            let granted = &mut place[quantity as usize];
            *granted = granted.saturating_add(amounts.of(quantity));
        }
    }

    /// Takes back what was granted at `then`, and was refused.
    fn remove(&mut self, now: Moment, then: Moment, amounts: Amounts) {
        self.move_to(now);
        if self.second - then.0.as_secs().min(self.second) < SECONDS as u64 {
            let place = &mut self.seconds[place(then.0.as_secs())];
            for quantity in Quantity::ALL {
                let left = place[quantity as usize].saturating_sub(amounts.of(quantity));
                place[quantity as usize] = left;
            }
        }
    }

    fn sum(&self, quantity: Quantity) -> u64 {
        let each = self.seconds.iter().map(|second| second[quantity as usize]);
        each.fold(0, u64::saturating_add)
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % SECONDS as u64).expect("less than a minute")
}

/// What holds of one key when it is refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Calls at once.
    pub(super) slots: u32,
    /// What is configured or told of each quantity, each minute.
    pub(super) rates: [Option<u64>; QUANTITIES],
}

impl Known {
    /// The least that it may become by one refusal, or by several of calls that were under way together: a stray one must
    /// not stop an account.
    fn halves(self, proven: [Option<u64>; QUANTITIES]) -> Self {
        let mut rates = self.rates;
        for (rate, proven) in rates.iter_mut().zip(proven) {
            *rate = proven.or(*rate).map(|rate| rate / 2);
        }
        Self { slots: self.slots / 2, rates }
    }
}

/// What was learned of one key.
#[derive(Debug)]
pub(super) struct Learned {
    minute: LastMinute,
    told: [Option<u64>; QUANTITIES],
    proven: [Option<u64>; QUANTITIES],
    slots: Option<u32>,
    accepted: u32,
    raise_percent: u64,
    lowered_at: Option<Moment>,
    /// What is not gone below by refusals of calls that began before the last one.
    floor: Option<Known>,
    raise_at: Moment,
    /// Refusals behind which it was not raised all the way.
    refusals: u32,
}

impl Default for Learned {
    fn default() -> Self {
        Self {
            minute: LastMinute { seconds: [[0; QUANTITIES]; SECONDS], second: 0 },
            told: [None; QUANTITIES],
            proven: [None; QUANTITIES],
            slots: None,
            accepted: 0,
            raise_percent: RAISED_PERCENT,
            lowered_at: None,
            floor: None,
            raise_at: Moment::default(),
            refusals: 0,
        }
    }
}

impl Learned {
    /// What the provider's headers say that it allows each minute.
    pub(super) fn told(&self, quantity: Quantity) -> Option<u64> {
        self.told[quantity as usize]
    }

    /// What was accepted when more was refused, each minute.
    pub(super) fn proven(&self, quantity: Quantity) -> Option<u64> {
        self.proven[quantity as usize]
    }

    /// Calls at once that were accepted when more were refused.
    pub(super) fn slots(&self) -> Option<u32> {
        self.slots
    }

    pub(super) fn granted(&mut self, now: Moment, amounts: Amounts) {
        self.minute.add(now, amounts);
    }

    /// Headers came. Tells whether they changed anything.
    pub(super) fn heard(&mut self, seen: &Seen) -> bool {
        let before = self.told;
        for quantity in Quantity::ALL {
            let told = seen.of(quantity).limit.filter(|limit| *limit > 0);
            let told = told.map(|limit| limit.min(MAX_RATE));
            if told.is_some() && told != self.told[quantity as usize] {
                self.told[quantity as usize] = told;
                // What was proven was so of another limit.
                self.proven[quantity as usize] = None;
            }
        }
        self.told != before
    }

    /// A call was answered, and took this, as far as is known. Tells whether what was proven has changed.
    pub(super) fn accepted(&mut self, now: Moment, used: Option<Amounts>) -> bool {
        let refuted = used.is_some_and(|used| self.refute(used));
        self.accepted += 1;
        let raises = self.accepted >= RAISE_AFTER || now >= self.raise_at;
        if raises {
            self.raise(now);
        }
        raises || refuted
    }

    /// One call took more than was proven for a whole minute: it was something else that was refused.
    fn refute(&mut self, used: Amounts) -> bool {
        let mut refuted = false;
        for quantity in Quantity::ALL {
            let proven = &mut self.proven[quantity as usize];
            refuted |= proven.take_if(|proven| used.of(quantity) > *proven).is_some();
        }
        refuted
    }

    fn raise(&mut self, now: Moment) {
        self.accepted = 0;
        for rate in self.proven.iter_mut().flatten() {
            let more = rate.saturating_mul(self.raise_percent) / 100;
            *rate = rate.saturating_add(more.max(1)).min(MAX_RATE);
        }
        self.slots = self.slots.map(|slots| {
            let more = u64::from(slots) * self.raise_percent / 100;
            let more = u32::try_from(more).unwrap_or(MAX_SLOTS);
            slots.saturating_add(more.max(1)).min(MAX_SLOTS)
        });
        if self.raise_percent >= MOST_RAISED_PERCENT {
            self.refusals = 0;
        }
        self.raise_percent = (self.raise_percent * 2).min(MOST_RAISED_PERCENT);
        self.raise_at = now.after(RAISE_EVERY.ceiling(self.refusals.saturating_sub(1)));
    }

    /// A call was refused for its limits and no header said which. One that says how long to wait, or that was alone, has
    /// met a rate; any other one the calls at once: `others` were under way beside it.
    pub(super) fn refused(
        &mut self,
        now: Moment,
        granted: Moment,
        amounts: Amounts,
        others: Option<u32>,
        known: Known,
    ) {
        (self.accepted, self.raise_percent) = (0, RAISED_PERCENT);
        self.minute.remove(now, granted, amounts);
        // Calls that were under way together are refused together: that lowers once.
        let again = self.lowered_at.is_none_or(|at| granted > at);
        if again {
            self.lowered_at = Some(now);
            self.floor = Some(known.halves(self.proven));
            self.raise_at = now.after(RAISE_EVERY.ceiling(self.refusals));
            self.refusals = self.refusals.saturating_add(1);
        }
        let floor = self.floor.unwrap_or(known);
        if let Some(others) = others.filter(|others| *others > 0) {
            let fewer = self.slots.map_or(others, |slots| slots.min(others));
            self.slots = Some(fewer.max(floor.slots));
            return;
        }
        // Where limits are known, it is one of them that was met.
        let any = known.rates.iter().all(Option::is_none);
        let met =
            Quantity::ALL.into_iter().filter(|each| any || known.rates[*each as usize].is_some());
        for quantity in met {
            let accepted = self.minute.sum(quantity).min(MAX_RATE) * KEPT_PERCENT / 100;
            // Nothing accepted says nothing of how much would have been.
            if accepted == 0 {
                continue;
            }
            let rate = &mut self.proven[quantity as usize];
            let percent = if again { LOWERED_PERCENT } else { 100 };
            let proven = rate.map_or(accepted, |rate| accepted.min(rate * percent / 100));
            let least = floor.rates[quantity as usize].unwrap_or_default();
            *rate = Some(proven.max(least).clamp(1, MAX_RATE));
        }
    }
}
