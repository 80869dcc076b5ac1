//! Whether refusals that are few among many calls are a limit or chance: less is asked of a provider, and if that
//! changes nothing of them, it was in vain and is taken back. Where a limit was met, no call is refused behind it.

/// So many refusals are let pass while nothing is known to be less than it is said to be.
const FEW: u32 = 3;

/// So many steps down are taken at least before they are found to be in vain, and at most if refusals became rarer
/// behind them, but did not end.
const STEPS: u32 = 3;
const MOST_STEPS: u32 = 6;

/// After so many answers without a refusal there is nothing to explain any more. Where one of fifty calls is refused by
/// chance, there are hardly ever so many in a row.
pub(super) const QUIET: u32 = 300;

/// What follows from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Chance,
    /// Less is asked for: the first step down since it was quiet, or a further one.
    Less {
        /// Whether it is the first.
        first: bool,
    },
    /// The steps down were in vain.
    InVain,
}

/// What is thought of refusals that are few.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Refusals and answers since it was quiet, or since the first step down.
    refusals: u32,
    answers: u32,
    /// The same before the first step down.
    before: (u32, u32),
    steps: u32,
    in_a_row: u32,
    by_chance: bool,
}

impl Doubt {
    /// A call was answered.
    pub(super) fn answered(&mut self) {
        self.answers = self.answers.saturating_add(1);
        self.in_a_row += 1;
        if self.in_a_row >= QUIET {
            *self = Self { answers: QUIET, ..Self::default() };
        }
    }

    /// Whether no refusal is in doubt.
    pub(super) fn is_none(&self) -> bool {
        (self.refusals, self.steps) == (0, 0)
    }

    /// A call was refused, and few before it. `proven` is whether refusals have lowered anything.
    pub(super) fn refused(&mut self, proven: bool) -> Verdict {
        self.in_a_row = 0;
        self.refusals = self.refusals.saturating_add(1);
        if self.by_chance || (!proven && self.steps == 0 && self.refusals <= FEW) {
            return Verdict::Chance;
        }
        if self.steps == 0 {
            self.before = (self.refusals, self.answers);
            (self.refusals, self.answers) = (0, 0);
        } else if self.steps == MOST_STEPS || (self.steps >= STEPS && !self.are_rarer()) {
            self.by_chance = true;
            return Verdict::InVain;
        }
        self.steps += 1;
        Verdict::Less { first: self.steps == 1 }
    }

    /// Whether less than half as many calls are refused as before the first step.
    fn are_rarer(&self) -> bool {
        let (refusals, answers) = self.before;
        2 * u64::from(self.refusals) * u64::from(answers)
            < u64::from(refusals) * u64::from(self.answers)
    }

    /// A call was refused, and many before it: that is a limit, whatever was found before.
    pub(super) fn crowded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What follows from refusals that come after so many answers each.
    fn refused(doubt: &mut Doubt, after: &[u32]) -> String {
        let verdicts = after.iter().map(|answers| {
            (0..*answers).for_each(|_| doubt.answered());
            match doubt.refused(doubt.steps > 0) {
                Verdict::Chance => '.',
                Verdict::Less { first: true } => 'L',
                Verdict::Less { first: false } => 'l',
                Verdict::InVain => 'v',
            }
        });
        verdicts.collect()
    }

    #[test]
    fn refusals_that_no_step_down_changes_are_chance_until_it_is_quiet() {
        let mut doubt = Doubt::default();
        for _ in 0..2 {
            assert_eq!(refused(&mut doubt, &[50; 12]), "...Lllv.....");
            (0..QUIET).for_each(|_| doubt.answered());
        }
    }

    #[test]
    fn refusals_that_become_rarer_call_for_further_steps_but_not_for_ever() {
        let mut doubt = Doubt::default();
        assert_eq!(refused(&mut doubt, &[10, 10, 10, 10, 60, 60, 60, 290, 290, 9]), "...Llllllv");
        let mut doubt = Doubt::default();
        assert_eq!(refused(&mut doubt, &[10, 10, 10, 10, 60, 60, 60, 300]), "...Llll.", "quiet");
    }

    #[test]
    fn what_is_proven_already_is_lowered_by_the_first_refusal_and_quiet_ends_the_steps() {
        let mut doubt = Doubt::default();
        for _ in 0..9 {
            assert_eq!(doubt.refused(true), Verdict::Less { first: true });
            assert_eq!(doubt.refused(true), Verdict::Less { first: false });
            (0..QUIET).for_each(|_| doubt.answered());
        }
    }
}
