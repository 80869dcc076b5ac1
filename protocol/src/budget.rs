//! The marks of a view (V9): when a pass starts, where it must land, and what an answered context never exceeds.

use crate::error::{Error, Kind};
use crate::tokens::TokenCount;

/// The marks of a session, in tokens. Made only by [`Budget::new`] and [`Budget::of_window`], so they are in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    trigger: TokenCount,
    landing: TokenCount,
    hard: TokenCount,
}

/// The smallest landing mark. Below it no summary and no tail would fit.
pub const MIN_LANDING_TOKENS: TokenCount = TokenCount(512);

impl Budget {
    /// Marks in tokens. [`Kind::Invalid`] unless [`MIN_LANDING_TOKENS`] <= landing < trigger < hard.
    pub fn new(trigger: TokenCount, landing: TokenCount, hard: TokenCount) -> Result<Self, Error> {
        if landing < MIN_LANDING_TOKENS || landing >= trigger || trigger >= hard {
            let message = format!(
                "the marks must rise: landing {} (at least {}) < trigger {} < hard {}",
                landing.0, MIN_LANDING_TOKENS.0, trigger.0, hard.0
            );
            return Err(Error::new(Kind::Invalid, message));
        }
        Ok(Self { trigger, landing, hard })
    }

    /// Marks for a model whose window holds `window` tokens: a pass starts at 60 % and lands at 30 %; no context
    /// exceeds 90 %, which leaves room for the answer.
    pub fn of_window(window: TokenCount) -> Result<Self, Error> {
        let percent = |share: u64| TokenCount(window.0.saturating_mul(share) / 100);
        Self::new(percent(60), percent(30), percent(90))
    }

    /// The marks, each changed by the same rising function. Those that come too close stay one token apart.
    pub(crate) fn map(self, change: impl Fn(TokenCount) -> TokenCount) -> Self {
        let landing = change(self.landing).max(TokenCount(1));
        let trigger = change(self.trigger).max(landing + TokenCount(1));
        let hard = change(self.hard).max(trigger + TokenCount(1));
        Self { trigger, landing, hard }
    }

    /// The view size at which a pass starts.
    pub fn trigger(&self) -> TokenCount {
        self.trigger
    }

    /// The view size that a pass must land at.
    pub fn landing(&self) -> TokenCount {
        self.landing
    }

    /// The view size that an answered context does not exceed (V10).
    pub fn hard(&self) -> TokenCount {
        self.hard
    }

    /// The most that a summary may take: a quarter of the landing mark, so that the rest is verbatim tail.
    pub fn summary_cap(&self) -> TokenCount {
        TokenCount(self.landing.0 / 4)
    }

    /// The least that a pass must be able to cover beyond its summary to be worth starting.
    pub fn min_gain(&self) -> TokenCount {
        TokenCount((self.trigger.0 - self.landing.0) / 8).max(TokenCount(64))
    }

    /// How much the view must grow after a pass that gained nothing before another is tried (V9).
    pub fn retry_growth(&self) -> TokenCount {
        TokenCount((self.hard.0 - self.trigger.0) / 4).max(TokenCount(64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_gives_rising_marks() {
        let budget = Budget::of_window(TokenCount(200_000)).expect("a legal window");
        assert_eq!(budget.trigger(), TokenCount(120_000));
        assert_eq!(budget.landing(), TokenCount(60_000));
        assert_eq!(budget.hard(), TokenCount(180_000));
        assert!(budget.summary_cap() < budget.landing());
    }

    #[test]
    fn marks_that_do_not_rise_are_refused() {
        for (trigger, landing, hard) in
            [(1000, 1000, 2000), (2000, 1000, 2000), (3000, 100, 4000), (900, 1000, 2000)]
        {
            let refused = Budget::new(TokenCount(trigger), TokenCount(landing), TokenCount(hard));
            assert_eq!(refused.expect_err("out of order").kind(), Kind::Invalid);
        }
        assert!(Budget::of_window(TokenCount(1_000)).is_err(), "too small for any landing mark");
    }
}
