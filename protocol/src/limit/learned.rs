//! What a key's limits turn out to be: told in headers, or proven by refusals. Configured limits are ceilings over both.

use super::limits::MAX_RATE;
use super::{Amounts, Quantity, Seen};
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
            place[quantity as usize] += amounts.of(quantity);
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
        self.seconds.iter().map(|second| second[quantity as usize]).sum()
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % SECONDS as u64).expect("less than a minute")
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
            if let Some(limit) = seen.of(quantity).limit.filter(|limit| *limit > 0) {
                self.told[quantity as usize] = Some(limit.min(MAX_RATE));
                // Who is told needs no proof.
                self.proven[quantity as usize] = None;
            }
        }
        self.told != before
    }

    /// A call was answered. Tells whether what was proven is raised now.
    pub(super) fn accepted(&mut self) -> bool {
        self.accepted += 1;
        let raises = self.accepted >= RAISE_AFTER;
        if raises {
            self.accepted = 0;
            for rate in self.proven.iter_mut().flatten() {
                *rate += (*rate * self.raise_percent / 100).max(1);
            }
            self.raise_percent = (self.raise_percent * 2).min(MOST_RAISED_PERCENT);
            self.slots = self.slots.map(|slots| slots + 1);
        }
        raises
    }

    /// A call was refused for its limits and no header said which, with so many others under way. One that says how long
    /// to wait, or that was alone, has met a rate; any other one the calls at once.
    pub(super) fn refused(
        &mut self,
        now: Moment,
        granted: Moment,
        amounts: Amounts,
        others: u32,
        says_when: bool,
    ) {
        (self.accepted, self.raise_percent) = (0, RAISED_PERCENT);
        self.minute.remove(now, granted, amounts);
        if !says_when && others > 0 {
            self.slots = Some(self.slots.map_or(others, |slots| slots.min(others)));
            return;
        }
        // Calls that were under way together are refused together: that lowers once.
        let again = self.lowered_at.is_none_or(|at| granted > at);
        if again {
            self.lowered_at = Some(now);
        }
        for quantity in Quantity::ALL {
            let accepted = self.minute.sum(quantity) * KEPT_PERCENT / 100;
            // Nothing accepted says nothing of how much would have been.
            if accepted == 0 {
                continue;
            }
            let rate = &mut self.proven[quantity as usize];
            let percent = if again { LOWERED_PERCENT } else { 100 };
            *rate = Some(rate.map_or(accepted, |rate| accepted.min(rate * percent / 100)).max(1));
        }
    }
}
