//! How the last calls ended: what share of them was refused tells a provider that is at its limits from one that
//! refuses a call now and then although nothing is met.

use crate::time::Moment;

/// Calls that are looked back on: so many that two of a hundred refused by chance are not taken for many.
const REMEMBERED: u32 = u128::BITS;

/// More than one of so many refused are many. A call that a limit refuses is followed by more, until somebody holds
/// back.
const ONE_OF: u32 = 8;

/// Fewer refusals than these are few, however short the history is.
const MANY: u32 = 5;

/// The last calls, of which each was answered or refused.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// A bit for each call, the last one lowest; set where it was refused.
    refused: u128,
    calls: u32,
    /// What is said of calls that began before then has had its consequence.
    settled_at: Option<Moment>,
}

impl Recent {
    /// A call that was granted then was answered or refused.
    pub(super) fn note(&mut self, granted: Moment, refused: bool) {
        if self.settled_at.is_some_and(|at| granted > at) {
            *self = Self::default();
        }
        self.refused = self.refused << 1 | u128::from(refused);
        self.calls = (self.calls + 1).min(REMEMBERED);
    }

    /// Less is asked for from now on: what was refused before says nothing of that.
    pub(super) fn settle(&mut self, now: Moment) {
        self.settled_at = Some(now);
    }

    /// Whether refusals were rare among many calls.
    pub(super) fn is_calm(&self) -> bool {
        self.refused.count_ones() * ONE_OF <= self.calls
    }

    /// Whether so many were refused that it is no chance.
    pub(super) fn is_crowded(&self) -> bool {
        self.refused.count_ones() >= MANY && !self.is_calm()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whether it is calm, and whether it is crowded, after calls of which `x` were refused.
    fn check(calls: &str, expected: (bool, bool)) {
        let mut recent = Recent::default();
        for call in calls.chars() {
            recent.note(Moment::default(), call == 'x');
        }
        assert_eq!((recent.is_calm(), recent.is_crowded()), expected, "{calls}");
    }

    #[test]
    fn a_share_of_the_last_calls_tells_many_refusals_from_few() {
        check("", (true, false));
        check("x", (false, false));
        check("......x", (false, false));
        check(".......x", (true, false));
        check("xxxx", (false, false));
        check("xxxxx", (false, true));
        let answered = ".".repeat(127);
        check(&format!("{answered}xxxxxxxxxxxxxxxx"), (true, false));
        check(&format!("{answered}xxxxxxxxxxxxxxxxx"), (false, true));
        check(&format!("{}{answered}x", "x".repeat(50)), (true, false));
    }

    #[test]
    fn calls_that_begin_behind_a_consequence_are_counted_anew() {
        let (mut recent, at) = (Recent::default(), |secs| Moment(Duration::from_secs(secs)));
        (0..5).for_each(|_| recent.note(at(1), true));
        recent.settle(at(2));
        recent.note(at(2), true);
        assert!(recent.is_crowded(), "it was under way");
        recent.note(at(3), true);
        assert!(!recent.is_crowded());
        (0..4).for_each(|_| recent.note(at(1), true));
        assert!(recent.is_crowded());
    }
}
