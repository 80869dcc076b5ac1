//! What an estimate is off by, learned from what providers report. Pure, in whole numbers: the same reports in the same
//! order always correct alike.

use std::collections::VecDeque;

use super::TokenCount;
use crate::budget::Budget;
use crate::caps;

/// Shares are in parts of this: one is exactly as estimated.
const ONE: u64 = 1 << 16;

/// A report says at most this many times more, or less, than was estimated. Beyond it is no tokenizer but a mistake, or
/// tools and instructions that the host sends beside the context.
const MOST: u64 = 2;

/// Contexts below this tell little: what a provider adds to each request weighs too much.
const LEAST_TOKENS: u64 = 256;

/// What was used for one model call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, those included that were read from or written to a cache.
    pub input: TokenCount,
    /// Of the prompt's tokens, those that were read from a cache.
    pub cached: TokenCount,
    /// Tokens of the answer.
    pub output: TokenCount,
}

/// By how much the estimates of a session are corrected, for each model that it was shown to.
///
/// The middle one of a model's last [`caps::REPORTS_KEPT`] reports counts, so that a wrong one changes nothing much. Of
/// models the last [`caps::CORRECTED_MODELS`] are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Correction {
    /// The last one is the model that was reported last.
    models: Vec<Learned>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Learned {
    model: Box<str>,
    shares: VecDeque<u64>,
    middle: u64,
}

impl Learned {
    fn new(model: Box<str>, shares: VecDeque<u64>) -> Self {
        let middle = middle(&shares);
        Self { model, shares, middle }
    }
}

impl Correction {
    /// Takes a report: a context that was estimated at `estimated` has `counted` tokens for `model`.
    pub(crate) fn learn(&mut self, model: &str, estimated: TokenCount, counted: TokenCount) {
        let known = self.models.iter().position(|learned| &*learned.model == model);
        let mut learned = match known {
            Some(at) => self.models.remove(at),
            None => Learned::new(model.into(), VecDeque::new()),
        };
        if estimated.0 >= LEAST_TOKENS && counted.0 > 0 {
            let share = u128::from(counted.0) * u128::from(ONE) / u128::from(estimated.0);
            let share = u64::try_from(share).unwrap_or(u64::MAX).clamp(ONE / MOST, ONE * MOST);
            if learned.shares.len() == caps::REPORTS_KEPT {
                learned.shares.pop_front();
            }
            learned.shares.push_back(share);
            learned.middle = middle(&learned.shares);
        }
        if self.models.len() == caps::CORRECTED_MODELS {
            self.models.remove(0);
        }
        self.models.push(learned);
    }

    /// The shares that each model's last reports said, oldest first; the model that was reported last is the last.
    pub(crate) fn learned(&self) -> impl Iterator<Item = (&str, Vec<u64>)> {
        self.models.iter().map(|it| (&*it.model, it.shares.iter().copied().collect()))
    }

    /// A correction that has learned this. `None` when it is more than one keeps, or than a report can say.
    pub(crate) fn restored(learned: &[(Box<str>, Vec<u64>)]) -> Option<Self> {
        let is_legal = |shares: &Vec<u64>| {
            shares.len() <= caps::REPORTS_KEPT
                && shares.iter().all(|share| (ONE / MOST..=ONE * MOST).contains(share))
        };
        let fits = learned.len() <= caps::CORRECTED_MODELS;
        if !fits || !learned.iter().all(|(_, shares)| is_legal(shares)) {
            return None;
        }
        let models = learned
            .iter()
            .map(|(model, shares)| Learned::new(model.clone(), shares.iter().copied().collect()));
        Some(Self { models: models.collect() })
    }

    /// What an estimate amounts to for the model that was reported last; itself as long as nothing was.
    #[must_use]
    pub(crate) fn apply(&self, estimated: TokenCount) -> TokenCount {
        scale(estimated, self.share(), ONE)
    }

    /// The marks in estimated tokens: where the estimate stands when the corrected size reaches them.
    #[must_use]
    pub(crate) fn marks(&self, budget: Budget) -> Budget {
        let share = self.share();
        if share == ONE { budget } else { budget.map(|mark| scale(mark, ONE, share)) }
    }

    fn share(&self) -> u64 {
        self.models.last().map_or(ONE, |learned| learned.middle)
    }
}

/// The middle of the last reports; of two middle ones the larger, since too high is the safe side.
fn middle(shares: &VecDeque<u64>) -> u64 {
    let mut shares: Vec<u64> = shares.iter().copied().collect();
    shares.sort_unstable();
    shares.get(shares.len() / 2).copied().unwrap_or(ONE)
}

fn scale(count: TokenCount, by: u64, of: u64) -> TokenCount {
    let scaled = u128::from(count.0) * u128::from(by) / u128::from(of);
    TokenCount(u64::try_from(scaled).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THOUSAND: TokenCount = TokenCount(1_000);

    fn after(reports: &[(u64, u64)]) -> u64 {
        let mut correction = Correction::default();
        for (estimated, counted) in reports {
            correction.learn("m", TokenCount(*estimated), TokenCount(*counted));
        }
        correction.apply(THOUSAND).0
    }

    #[test]
    fn nothing_reported_corrects_nothing() {
        assert_eq!(after(&[]), 1_000);
        let budget = Budget::new(TokenCount(3_000), TokenCount(1_000), TokenCount(4_000));
        let budget = budget.expect("rising marks");
        assert_eq!(Correction::default().marks(budget), budget);
    }

    #[test]
    fn reports_correct_by_their_middle_so_that_one_wrong_report_changes_little() {
        assert_eq!(after(&[(1_000, 1_250)]), 1_250);
        assert_eq!(after(&[(1_000, 1_250), (1_000, 90), (2_000, 2_500)]), 1_250);
        assert_eq!(after(&[(1_000, 1_250), (1_000, 900_000), (2_000, 2_500)]), 1_250);
    }

    #[test]
    fn a_report_beyond_belief_counts_as_the_most_that_is_believed() {
        assert_eq!(after(&[(1_000, u64::MAX)]), 2_000);
        assert_eq!(after(&[(1_000, 1)]), 500);
    }

    #[test]
    fn small_contexts_and_empty_reports_teach_nothing() {
        assert_eq!(after(&[(LEAST_TOKENS - 1, 2 * LEAST_TOKENS), (1_000, 0)]), 1_000);
    }

    #[test]
    fn only_the_last_reports_count() {
        let mut reports = vec![(1_000, 1_900); 50];
        reports.extend(vec![(1_000, 1_250); caps::REPORTS_KEPT]);
        assert_eq!(after(&reports), 1_250);
    }

    #[test]
    fn each_model_has_its_own_correction_and_few_are_kept() {
        let mut correction = Correction::default();
        correction.learn("a", THOUSAND, TokenCount(1_250));
        correction.learn("b", THOUSAND, TokenCount(750));
        assert_eq!(correction.apply(THOUSAND), TokenCount(750));
        correction.learn("a", THOUSAND, TokenCount(1_250));
        assert_eq!(correction.apply(THOUSAND), TokenCount(1_250));
        for model in 0..100 {
            correction.learn(&model.to_string(), THOUSAND, THOUSAND);
        }
        assert_eq!(correction.models.len(), caps::CORRECTED_MODELS);
    }

    #[test]
    fn marks_move_so_that_corrected_sizes_meet_them() {
        let budget = Budget::new(TokenCount(3_000), TokenCount(1_000), TokenCount(4_000));
        let budget = budget.expect("rising marks");
        let mut correction = Correction::default();
        correction.learn("m", THOUSAND, TokenCount(1_250));
        let marks = correction.marks(budget);
        assert_eq!(marks.hard(), TokenCount(3_200));
        assert_eq!(correction.apply(marks.hard()), budget.hard());
        assert!(marks.landing() < marks.trigger() && marks.trigger() < marks.hard());
    }
}
