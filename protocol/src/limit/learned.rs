//! What a key's limits turn out to be: told in headers, or proven by refusals. Configured limits are ceilings over both.

use std::time::Duration;

use super::doubt::{Doubt, QUIET, Verdict};
use super::limits::{MAX_RATE, MAX_SLOTS};
use super::{Amounts, Quantity, Seen};
use crate::retry::Backoff;
use crate::time::Moment;

/// After so many accepted calls without a refusal that tells of a limit, what was proven is raised a little: a refusal
/// that this costs is one in some hundreds.
const RAISE_AFTER: u32 = QUIET;

/// What is left of a rate that was refused, in percent of what was accepted in the minute before.
const KEPT_PERCENT: u64 = 95;

/// A rate that was proven before and is refused again falls at least so far, in percent. So do calls at once that few
/// refusals went on behind.
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
        each.fold(0, u64::saturating_add).min(MAX_RATE)
    }

    /// How much that is for a minute at the pace since a moment, or of a second at least.
    fn pace(&self, now: Moment, since: Moment, quantity: Quantity) -> u64 {
        let begins = |second: u64| Moment(Duration::from_secs(second));
        let lately = now.0.saturating_sub(Duration::from_secs(1)).as_secs();
        let oldest = since.0.as_secs().min(lately).max((self.second + 1).saturating_sub(60));
        let seconds = (oldest..=self.second).map(|second| self.seconds[place(second)]);
        let granted = seconds.map(|second| second[quantity as usize]).fold(0, u64::saturating_add);
        let minute = u128::from(granted) * 60_000 / now.since(begins(oldest)).as_millis().max(1);
        u64::try_from(minute).unwrap_or(MAX_RATE).min(MAX_RATE)
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
    fn halves(self, proven: Proven) -> Self {
        let mut rates = self.rates;
        for (rate, proven) in rates.iter_mut().zip(proven.rates) {
            *rate = proven.or(*rate).map(|rate| rate / 2);
        }
        Self { slots: self.slots / 2, rates }
    }
}

/// What was accepted when more was refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Proven {
    rates: [Option<u64>; QUANTITIES],
    slots: Option<u32>,
}

/// A call that was refused for a limit, where no header says which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) granted: Moment,
    pub(super) amounts: Amounts,
    /// How many calls were under way beside it. `None` if it was told how long to wait: then a rate was met.
    pub(super) others: Option<u32>,
    /// Whether many of the last calls were refused.
    pub(super) crowded: bool,
    pub(super) known: Known,
}

/// What was learned of one key.
#[derive(Debug)]
pub(super) struct Learned {
    minute: LastMinute,
    told: [Option<u64>; QUANTITIES],
    proven: Proven,
    doubt: Doubt,
    /// What was proven before steps down that may be in vain.
    before: Proven,
    /// When the last step down was, or the first refusal before the first one.
    stepped_at: Moment,
    accepted: u32,
    raise_percent: u64,
    lowered_at: Option<Moment>,
    /// Whether nothing was accepted since then.
    untried: bool,
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
            proven: Proven::default(),
            doubt: Doubt::default(),
            before: Proven::default(),
            stepped_at: Moment::default(),
            accepted: 0,
            raise_percent: RAISED_PERCENT,
            lowered_at: None,
            untried: false,
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
        self.proven.rates[quantity as usize]
    }

    /// Calls at once that were accepted when more were refused.
    pub(super) fn slots(&self) -> Option<u32> {
        self.proven.slots
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
                self.proven.rates[quantity as usize] = None;
                self.before.rates[quantity as usize] = None;
            }
        }
        self.told != before
    }

    /// A call was answered, and took this, as far as is known. Tells whether what was proven has changed.
    pub(super) fn accepted(&mut self, now: Moment, used: Option<Amounts>) -> bool {
        let refuted = used.is_some_and(|used| self.refute(used));
        self.accepted += 1;
        self.untried = false;
        self.doubt.answered();
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
            let is_refuted = |proven: &mut u64| used.of(quantity) > *proven;
            refuted |= self.proven.rates[quantity as usize].take_if(is_refuted).is_some();
            // Nor does it come back when steps down are found to be in vain.
            self.before.rates[quantity as usize].take_if(is_refuted);
        }
        refuted
    }

    fn raise(&mut self, now: Moment) {
        self.accepted = 0;
        for rate in self.proven.rates.iter_mut().flatten() {
            let more = rate.saturating_mul(self.raise_percent) / 100;
            *rate = rate.saturating_add(more.max(1)).min(MAX_RATE);
        }
        self.proven.slots = self.proven.slots.map(|slots| {
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

    /// A call was refused. One that was told how long to wait, or that was alone, has met a rate; any other one the calls
    /// at once. Tells whether what was proven has changed.
    pub(super) fn refused(&mut self, now: Moment, call: Refused) -> bool {
        let Refused { granted, known, crowded, .. } = call;
        self.minute.remove(now, granted, call.amounts);
        // Calls that were under way together are refused together: that lowers once.
        let again = self.lowered_at.is_none_or(|at| granted > at);
        // A provider that refuses everything for a while says nothing of a rate that was not used since.
        let rate = call.others.is_none_or(|others| others == 0);
        if (again && self.untried && rate) || (!again && !crowded) {
            return false;
        }
        let verdict = if crowded {
            self.doubt.crowded();
            Verdict::Less { first: !again }
        } else {
            self.doubted(now)
        };
        let further = match verdict {
            Verdict::Chance => return false,
            Verdict::InVain => {
                self.proven = self.before;
                return true;
            }
            Verdict::Less { first } => !first,
        };
        (self.accepted, self.raise_percent) = (0, RAISED_PERCENT);
        if again {
            (self.lowered_at, self.untried) = (Some(now), true);
            self.floor = Some(known.halves(self.proven));
            self.raise_at = now.after(RAISE_EVERY.ceiling(self.refusals));
            self.refusals = self.refusals.saturating_add(1);
        }
        self.lower(now, call, further);
        self.stepped_at = now;
        true
    }

    /// Few calls were refused, and one more is.
    fn doubted(&mut self, now: Moment) -> Verdict {
        if self.doubt.is_none() {
            self.stepped_at = now;
        }
        let verdict = self.doubt.refused(self.proven != Proven::default());
        if verdict == (Verdict::Less { first: true }) {
            self.before = self.proven;
        }
        verdict
    }

    /// Lowers what was met: further than before, if that was lowered already.
    fn lower(&mut self, now: Moment, call: Refused, further: bool) {
        let Refused { known, crowded, .. } = call;
        let floor = self.floor.unwrap_or(known);
        if let Some(others) = call.others.filter(|others| *others > 0) {
            let fewer = u64::from(known.slots) * LOWERED_PERCENT / 100;
            let fewer = u32::try_from(fewer).unwrap_or(MAX_SLOTS);
            // Few refusals may have met few calls under way by chance.
            let least = if crowded { floor.slots } else { fewer };
            let most = if further && !crowded { fewer } else { known.slots };
            self.proven.slots = Some(others.max(least).min(most));
            return;
        }
        // Where limits are known, it is one of them that was met.
        let any = known.rates.iter().all(Option::is_none);
        let met =
            Quantity::ALL.into_iter().filter(|each| any || known.rates[*each as usize].is_some());
        for quantity in met {
            let minute = &self.minute;
            let rate = &mut self.proven.rates[quantity as usize];
            let accepted = match (crowded, further, *rate) {
                // Too much is asked for by far, and a provider may have given at once what it gives in a minute.
                (true, ..) => minute.sum(quantity) * KEPT_PERCENT / 100,
                // Else the pace of now is not too much by far, if that of what was proven is not it.
                (_, false, Some(rate)) => rate * KEPT_PERCENT / 100,
                (_, false, None) => {
                    minute.pace(now, self.stepped_at, quantity) * KEPT_PERCENT / 100
                }
                (_, true, _) => minute.pace(now, self.stepped_at, quantity) * LOWERED_PERCENT / 100,
            };
            // Nothing accepted says nothing of how much would have been.
            if accepted == 0 {
                continue;
            }
            let percent = if further { LOWERED_PERCENT } else { 100 };
            let proven = rate.map_or(accepted, |rate| accepted.min(rate * percent / 100));
            let least = floor.rates[quantity as usize].unwrap_or_default();
            *rate = Some(proven.max(least).clamp(1, MAX_RATE));
        }
    }
}
