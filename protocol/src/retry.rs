//! Backoff as a value: how long to wait before a call is tried again.

use std::time::Duration;

/// Exponential backoff with full jitter: before the `n`th retry (from 0) the wait is drawn evenly from zero to
/// `min(cap, base * 2^n)`, so that those who failed together do not come back together.
/// (Brooker, "Exponential Backoff And Jitter", 2015.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first wait.
    pub base: Duration,
    /// The longest wait at all.
    pub cap: Duration,
    /// How often a call is tried, the first time included.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_secs(1), cap: Duration::from_mins(1), attempts: 4 }
    }
}

impl Backoff {
    /// The longest wait before the `n`th retry.
    pub fn ceiling(&self, retry: u32) -> Duration {
        let doubled = 1_u32.checked_shl(retry).and_then(|times| self.base.checked_mul(times));
        doubled.unwrap_or(self.cap).min(self.cap)
    }

    /// The wait before the `n`th retry by a drawn number, of which all bits are random.
    pub fn wait(&self, retry: u32, drawn: u64) -> Duration {
        share(self.ceiling(retry), drawn)
    }
}

/// A part of `most` by a drawn number: evenly from zero to all of it.
pub fn share(most: Duration, drawn: u64) -> Duration {
    let nanos = most.as_nanos() * u128::from(drawn) / u128::from(u64::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_are_drawn_from_zero() {
        let backoff =
            Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(5), attempts: 9 };
        let ceilings: Vec<u64> = (0..4).map(|retry| backoff.ceiling(retry).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 5]);
        assert_eq!(backoff.ceiling(40), backoff.cap, "also where the doubling has no end");
        assert_eq!(backoff.wait(1, 0), Duration::ZERO);
        assert_eq!(backoff.wait(1, u64::MAX), Duration::from_secs(2));
        let half = backoff.wait(1, u64::MAX / 2);
        assert!(half.abs_diff(Duration::from_secs(1)) < Duration::from_millis(1), "{half:?}");
    }
}
