//! The lowest that was missing of a bucket since a call began: no more than that of what the call took can still be given
//! back, since the rest had been filled up in the meantime and would be lost in a bucket that is full.

use std::collections::VecDeque;

/// Marks that are kept; beyond, the oldest two become one, which gives back too little rather than too much.
const KEPT: usize = 512;

/// What was missing before each take, as far as nothing lower came later: rising from the front to the back.
#[derive(Clone, Debug, Default)]
pub(super) struct Lows(VecDeque<(u64, u64)>);

impl Lows {
    /// So much is missing before something is taken by this mark. Marks rise.
    pub(super) fn note(&mut self, mark: u64, missing: u64) {
        while self.0.back().is_some_and(|(_, low)| *low >= missing) {
            self.0.pop_back();
        }
        self.0.push_back((mark, missing));
        if self.0.len() > KEPT
            && let Some((_, low)) = self.0.pop_front()
            && let Some(next) = self.0.front_mut()
        {
            next.1 = low;
        }
    }

    /// Gives back up to `amount` of what was taken by `mark`, of which so much is missing now; how much that is. What was
    /// missing since then was that much less.
    pub(super) fn give_back(&mut self, mark: u64, amount: u64, missing: u64) -> u64 {
        let since = self.0.partition_point(|(each, _)| *each <= mark);
        let lowest = self.0.get(since).map_or(missing, |(_, low)| missing.min(*low));
        let back = amount.min(lowest);
        for (_, low) in self.0.range_mut(since..) {
            *low -= back;
        }
        // They still have to rise: what is lower now came later than what stands before it.
        if let Some((_, first)) = self.0.get(since).copied() {
            let kept = self.0.partition_point(|(each, low)| *each <= mark && *low < first);
            self.0.drain(kept..since);
        }
        back
    }

    /// The same in other units.
    pub(super) fn scaled(&self, scale: impl Fn(u64) -> u64) -> Self {
        Self(self.0.iter().map(|(mark, low)| (*mark, scale(*low))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes and ends in the order of time: `(seconds, 'take', mark, amount)` or `(seconds, 'back', mark, amount)`, of a
    /// bucket that fills up with ten each second. Returns what is missing in the end.
    fn play(steps: &[(u64, &str, u64, u64)]) -> u64 {
        let (mut lows, mut missing, mut then) = (Lows::default(), 0_u64, 0);
        for (at, what, mark, amount) in steps {
            missing = missing.saturating_sub((at - then) * 10);
            then = *at;
            if *what == "take" {
                lows.note(*mark, missing);
                missing += amount;
            } else {
                missing -= lows.give_back(*mark, *amount, missing);
            }
        }
        missing
    }

    #[test]
    fn what_is_given_back_is_as_if_it_had_never_been_taken() {
        assert_eq!(play(&[(0, "take", 1, 90), (0, "take", 2, 90), (5, "back", 1, 90)]), 40);
        assert_eq!(play(&[(0, "take", 1, 90), (5, "take", 2, 90), (5, "back", 1, 90)]), 90);
        let three = [(0, "take", 1, 90), (1, "take", 2, 90), (5, "take", 3, 90)];
        let ends = [(6, "back", 1, 90), (6, "back", 2, 90)];
        assert_eq!(play(&[&three[..], &ends[..]].concat()), 80);
        assert_eq!(play(&[&three[..], &[ends[1], ends[0]]].concat()), 80, "in any order");
        assert_eq!(play(&[(0, "take", 1, 90), (20, "take", 2, 50), (20, "back", 1, 90)]), 50);
    }
}
