//! How long answers take: drawn from a seed and the call's number, so that a call's latency does not depend on what else
//! is under way.

use std::time::Duration;

use crate::dice::Dice;

/// A distribution of times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    /// Always the same.
    Constant(Duration),
    /// Evenly between the two.
    Uniform(Duration, Duration),
    /// The logarithm is about normal: half of all are above the median, and `sigma` is the deviation of the natural
    /// logarithm; 0.5 is usual, 1.0 is wild.
    LogNormal {
        /// The median.
        median: Duration,
        /// The deviation of the logarithm.
        sigma: f64,
    },
    /// Usually one time, and in so many of a thousand cases another, much longer one.
    LongTail {
        /// The usual time.
        usual: Duration,
        /// How many of a thousand take long.
        per_mille: u64,
        /// The long time.
        rare: Duration,
    },
}

impl Spread {
    /// No time at all.
    pub const NONE: Self = Self::Constant(Duration::ZERO);

    /// The next one.
    pub fn draw(self, dice: &mut Dice) -> Duration {
        match self {
            Self::Constant(time) => time,
            Self::Uniform(low, high) => low + high.saturating_sub(low).mul_f64(share(dice)),
            Self::LogNormal { median, sigma } => {
                // The sum of twelve even draws is about normal, with a deviation of one and no end further than six.
                let normal = (0..12).map(|_| share(dice)).sum::<f64>() - 6.0;
                median.mul_f64((normal * sigma).exp())
            }
            Self::LongTail { usual, per_mille, rare } => {
                if dice.below(1_000) < per_mille {
                    rare
                } else {
                    usual
                }
            }
        }
    }
}

/// Evenly from zero up to one.
fn share(dice: &mut Dice) -> f64 {
    f64::from((dice.draw() >> 32) as u32) / f64::from(u32::MAX)
}

/// How long answers take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// From the request to the first byte of the answer; of one that is not streamed, without the time of its tokens.
    pub first: Spread,
    /// For each token of the answer; one draw for each call.
    pub per_token: Spread,
    /// How many tokens one event of a stream carries.
    pub tokens_per_event: usize,
}

impl Latency {
    /// Answers at once.
    pub const NONE: Self =
        Self { first: Spread::NONE, per_token: Spread::NONE, tokens_per_event: 8 };

    /// So long until the first byte, so long for each token.
    pub fn constant(first: Duration, per_token: Duration) -> Self {
        Self {
            first: Spread::Constant(first),
            per_token: Spread::Constant(per_token),
            ..Self::NONE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn drawn(spread: Spread) -> Vec<Duration> {
        let mut dice = Dice::new(7);
        let mut all: Vec<Duration> = (0..10_001).map(|_| spread.draw(&mut dice)).collect();
        all.sort();
        all
    }

    #[test]
    fn each_spread_has_its_shape() {
        let uniform = drawn(Spread::Uniform(100 * MS, 200 * MS));
        assert!(uniform[0] >= 100 * MS && uniform[10_000] <= 200 * MS);
        assert!(uniform[5_000].abs_diff(150 * MS) < 3 * MS, "{:?}", uniform[5_000]);
        let normal = drawn(Spread::LogNormal { median: 1_000 * MS, sigma: 0.5 });
        assert!(normal[5_000].abs_diff(1_000 * MS) < 30 * MS, "{:?}", normal[5_000]);
        let above = normal[8_413].as_secs_f64();
        assert!((above - 0.5_f64.exp()).abs() < 0.1, "one deviation above the median: {above}");
        let tail = drawn(Spread::LongTail { usual: MS, per_mille: 10, rare: 1_000 * MS });
        let rare = tail.iter().filter(|time| **time == 1_000 * MS).count();
        assert!((70..130).contains(&rare), "{rare}");
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let spread = Spread::LogNormal { median: MS, sigma: 1.0 };
        assert_eq!(drawn(spread), drawn(spread));
    }
}
