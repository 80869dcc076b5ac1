//! A distribution as a table of quantiles: taken from samples, and drawn from again.

use serde::Serialize;

use crate::report::words::real;
use crate::sample::dice::Dice;

/// A quantile's name and its share in percent.
pub(super) const SHARES: [(&str, u32); 9] = [
    ("min", 0),
    ("p5", 5),
    ("p25", 25),
    ("p50", 50),
    ("p75", 75),
    ("p90", 90),
    ("p95", 95),
    ("p99", 99),
    ("max", 100),
];

/// Quantiles of some samples, in the order of [`SHARES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Distribution {
    /// How many samples there were.
    pub(super) samples: u64,
    /// What so many percent of them do not exceed. They rise.
    pub(super) quantiles: [u64; SHARES.len()],
}

impl Distribution {
    /// The quantiles of samples, by nearest rank: each is a sample. `None` without samples.
    pub(super) fn of(mut samples: Vec<u64>) -> Option<Self> {
        samples.sort_unstable();
        let count = samples.len();
        let nearest = |percent: u32| {
            let rank = (count * usize::try_from(percent).unwrap_or(0)).div_ceil(100);
            samples.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        let quantiles = SHARES.map(|(_, percent)| nearest(percent));
        (count > 0).then_some(Self { samples: count as u64, quantiles })
    }

    /// What a share of all does not exceed, from 0 to 1. Between two quantiles the logarithm grows evenly, since sizes
    /// and times spread over decades.
    pub(super) fn at(&self, share: f64) -> u64 {
        let percent = share * 100.0;
        let above = SHARES.iter().position(|(_, each)| f64::from(*each) >= percent);
        let above = above.unwrap_or(SHARES.len() - 1).max(1);
        let ends = |at: usize| (f64::from(SHARES[at].1), real(self.quantiles[at]).ln_1p());
        let ((left, low), (right, high)) = (ends(above - 1), ends(above));
        let way = ((percent - left) / (right - left)).clamp(0.0, 1.0);
        whole((low + (high - low) * way).exp_m1())
    }

    /// The next one.
    pub(super) fn draw(&self, dice: &mut Dice) -> u64 {
        self.at(dice.share())
    }
}

/// The nearest whole number, of one that is not below zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, not negative, and beyond the largest number the largest is right"
)]
pub(super) fn whole(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples() {
        assert_eq!(Distribution::of(Vec::new()), None);
        let all = Distribution::of((1..=1_000).rev().collect()).expect("samples");
        assert_eq!(all.samples, 1_000);
        assert_eq!(all.quantiles, [1, 50, 250, 500, 750, 900, 950, 990, 1_000]);
        let one = Distribution::of(vec![7]).expect("a sample");
        assert_eq!(one.quantiles, [7; 9]);
    }

    #[test]
    fn draws_have_the_quantiles_that_they_are_drawn_from() {
        let wanted = [0, 12, 90, 410, 2_000, 9_000, 21_000, 90_000, 480_000];
        let distribution = Distribution { samples: 1, quantiles: wanted };
        let mut dice = Dice::new(11);
        let drawn: Vec<u64> = (0..50_000).map(|_| distribution.draw(&mut dice)).collect();
        let found = Distribution::of(drawn).expect("samples").quantiles;
        for (at, (found, wanted)) in found.into_iter().zip(wanted).enumerate().skip(1).take(7) {
            let off = (real(found) - real(wanted)).abs() / real(wanted);
            assert!(off < 0.06, "{}: {found} for {wanted}", SHARES[at].0);
        }
        assert!(found[8] <= wanted[8]);
    }

    #[test]
    fn what_is_always_the_same_stays_the_same() {
        let distribution = Distribution::of(vec![1; 30]).expect("samples");
        let mut dice = Dice::new(3);
        assert!((0..1_000).all(|_| distribution.draw(&mut dice) == 1));
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let distribution = Distribution::of((0..100).map(|n| n * n).collect()).expect("samples");
        let drawn = |seed| {
            let mut dice = Dice::new(seed);
            (0..200).map(|_| distribution.draw(&mut dice)).collect::<Vec<u64>>()
        };
        assert_eq!(drawn(5), drawn(5));
        assert_ne!(drawn(5), drawn(6));
    }
}
