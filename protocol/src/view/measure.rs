//! What parts of a view take, kept so that a cut is planned and a splice checked without walking what it covers.

use crate::group::Group;
use crate::tokens::TokenCount;

use super::{Span, View};

/// What some groups and summaries take. What is elided of them counts as said with the size that it was said with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    pub(crate) shown_tokens: TokenCount,
    pub(crate) said_tokens: TokenCount,
    pub(crate) said_bytes: usize,
}

impl Measure {
    pub(super) fn of<'a>(groups: impl Iterator<Item = &'a Group>) -> Self {
        let mut measure = Self::default();
        groups.for_each(|group| measure.add(group));
        measure
    }

    pub(super) fn add(&mut self, group: &Group) {
        self.shown_tokens += group.tokens();
        self.said_tokens += group.said_tokens();
        self.said_bytes += group.said_bytes();
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.shown_tokens += other.shown_tokens;
        self.said_tokens += other.said_tokens;
        self.said_bytes += other.said_bytes;
    }

    pub(super) fn subtract(&mut self, group: &Group) {
        self.take_off(&Self::of(std::iter::once(group)));
    }

    fn take_off(&mut self, other: &Self) {
        self.shown_tokens = self.shown_tokens - other.shown_tokens;
        self.said_tokens = self.said_tokens - other.said_tokens;
        self.said_bytes -= other.said_bytes;
    }
}

impl View {
    /// The sizes of what is told behind the last summary.
    pub(crate) fn register_measure(&self) -> Measure {
        self.register.as_ref().map_or_else(Measure::default, |told| Measure {
            shown_tokens: told.segment.tokens,
            said_tokens: told.segment.tokens,
            said_bytes: told.note.len(),
        })
    }

    /// The sizes of a span.
    pub(crate) fn measure(&self, span: &Span) -> Measure {
        let mut measure = if self.pinned.is_empty() {
            // The only span is all but what leads and what follows; the tail of a long view is short.
            let mut rest = self.all_groups;
            let leading = self.groups.range(..=self.instructions_end).map(|(_, group)| group);
            rest.take_off(&Measure::of(leading));
            rest.take_off(&Measure::of(
                self.groups.range(span.starts.end..).map(|(_, group)| group),
            ));
            rest
        } else {
            Measure::of(self.groups_in(span))
        };
        for standing in self.standing_in(span) {
            measure.shown_tokens += standing.tokens;
            measure.said_tokens += standing.tokens;
            measure.said_bytes += standing.note.len();
        }
        measure
    }

    /// Counts everything anew, sizes and bytes in one walk.
    pub(super) fn measure_all(&mut self) {
        let (mut measure, mut bytes) = (Measure::default(), 0);
        for group in self.groups.values() {
            measure.add(group);
            bytes += group.weight();
        }
        self.all_groups = measure;
        self.tokens = self.summary_tokens() + self.all_groups.shown_tokens;
        self.weight = bytes + self.weight_beside_groups();
    }
}
