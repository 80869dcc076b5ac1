//! Showing parts of a view as placeholders (V10), and neighbouring elided groups as one.

use crate::elide;
use crate::group::{Elision, Group};
use crate::position::Seq;
use crate::tokens::TokenCount;

use super::View;

impl View {
    /// Shows results and groups as placeholders. `None` when one of them is not in the view.
    pub(crate) fn elide(&mut self, results: &[Seq], groups: &[Seq]) -> Option<()> {
        for seq in results {
            let first = self.group_of(*seq)?.first();
            self.change(first, |group| group.elide_results(*seq))?;
        }
        for first in groups {
            self.change(*first, |group| {
                group.elide_whole(Elision::Within);
                true
            })?;
        }
        self.join_runs();
        Some(())
    }

    /// What a splice up to a cut adds behind it: the rest of a run of elided groups needs a placeholder of its own.
    pub(crate) fn told_anew_behind(&self, cut: Seq) -> TokenCount {
        let goes_on = self.groups_behind(cut).next().is_some_and(Group::is_told_before);
        TokenCount(if goes_on { elide::RUN_PLACEHOLDER_TOKENS } else { 0 })
    }

    /// Has neighbouring elided groups told by one placeholder. Only as part of a reset: it changes what was shown.
    pub(super) fn join_runs(&mut self) {
        let mut runs: Vec<(Seq, usize, Seq)> = Vec::new();
        let mut in_run = false;
        let mut within = Vec::new();
        let mut summaries = self.summaries.keys().peekable();
        for group in self.compactable_groups() {
            if !group.is_elided() {
                in_run = false;
                continue;
            }
            // What stands on both sides of a summary is told on both sides of it.
            while summaries.next_if(|start| **start < group.first()).is_some() {
                in_run = false;
            }
            let (first, last, entries) = (group.first(), group.last(), group.members().len());
            match runs.last_mut().filter(|_| in_run) {
                Some((_, count, end)) => {
                    (*count, *end) = (*count + entries, last.max(*end));
                    within.push(first);
                }
                None => runs.push((first, entries, last)),
            }
            in_run = true;
        }
        let told =
            runs.into_iter().map(|(first, entries, last)| (first, Elision::Run { entries, last }));
        let within = within.into_iter().map(|first| (first, Elision::Within));
        for (first, elision) in told.chain(within) {
            let changed = self.change(first, |group| {
                group.elide_whole(elision);
                true
            });
            changed.expect("it was just found in the view");
        }
    }
}
