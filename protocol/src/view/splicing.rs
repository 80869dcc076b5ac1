//! Where summaries may stand in a view, and putting them there.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::group::Group;
use crate::ids::{Digest, PassId};
use crate::position::{Seq, SeqRange, SeqSpans};
use crate::record::Replacement;
use crate::register::{self, Fact};
use crate::stretch::{Covered, CoveredGroup};
use crate::tokens::TokenCount;

use super::{Standing, Told, View};

/// The part of a view between two places that stay verbatim, up to a cut: where one summary may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// First entries from this one on, up to but not including the end, belong to it.
    pub(crate) starts: SeqRange,
    /// Every entry that its groups and summaries stand for.
    pub(crate) covers: SeqSpans,
}

/// What a splice took out of a view. Freeing it takes time that nobody needs to wait for.
#[derive(Clone, Debug, Default)]
pub struct Removed {
    groups: Vec<BTreeMap<Seq, Group>>,
}

impl View {
    /// The spans up to a cut that hold anything, in order.
    pub(crate) fn spans(&self, cut: Seq) -> Vec<Span> {
        let mut starts = Vec::new();
        let mut start = self.instructions_end.next();
        for group in self.pinned_groups().take_while(|group| group.first() <= cut) {
            starts.push(SeqRange::new(start, group.first()));
            start = group.first().next();
        }
        starts.push(SeqRange::inclusive(start, cut));
        starts.retain(|starts| self.holds_anything(*starts));
        let strangers =
            if self.pinned.is_empty() { Vec::new() } else { self.strangers(&starts, cut) };
        let holes = SeqSpans::of(
            self.gaps.iter().copied().chain(strangers.iter().map(|(range, _)| *range)),
        );
        let spans = starts.iter().enumerate().map(|(index, starts)| {
            let own =
                strangers.iter().filter(|(_, of)| *of == Some(index)).map(|(range, _)| *range);
            let near = SeqSpans::from(*starts).without(holes.ranges());
            let covers = SeqSpans::of(near.ranges().iter().copied().chain(own));
            Span { starts: *starts, covers }
        });
        spans.collect()
    }

    fn holds_anything(&self, starts: SeqRange) -> bool {
        let range = starts.start..starts.end.max(starts.start);
        self.groups.range(range.clone()).next().is_some()
            || self.summaries.range(range).next().is_some()
    }

    /// Entries that stand apart from what their span begins with: those of pinned groups, which belong to none, and
    /// those that lie behind a pinned group while their own group or summary begins before it.
    fn strangers(&self, spans: &[SeqRange], cut: Seq) -> Vec<(SeqRange, Option<usize>)> {
        let mut strangers = Vec::new();
        for group in self.pinned_groups().take_while(|group| group.first() <= cut) {
            let members = group.members().iter();
            strangers
                .extend(members.map(|member| (SeqRange::inclusive(member.seq, member.seq), None)));
        }
        for (index, starts) in spans.iter().enumerate() {
            for (_, group) in self.groups.range(starts.start..starts.end) {
                let apart = group.members().iter().filter(|member| member.seq >= starts.end);
                strangers.extend(
                    apart.map(|member| (SeqRange::inclusive(member.seq, member.seq), Some(index))),
                );
            }
            for (_, standing) in self.summaries.range(starts.start..starts.end) {
                let apart = standing.covers.without(&[SeqRange::new(Seq::ZERO, starts.end)]);
                strangers.extend(apart.ranges().iter().map(|range| (*range, Some(index))));
            }
        }
        strangers
    }

    /// The groups that begin in a span.
    pub(crate) fn groups_in(&self, span: &Span) -> impl Iterator<Item = &Group> {
        self.groups.range(span.starts.start..span.starts.end).map(|(_, group)| group)
    }

    /// The summaries that begin in a span.
    pub(crate) fn standing_in(&self, span: &Span) -> impl Iterator<Item = &Standing> {
        self.summaries.range(span.starts.start..span.starts.end).map(|(_, standing)| standing)
    }

    /// The parts of a span, in the order of the view.
    pub(crate) fn parts(&self, span: &Span) -> Vec<Covered> {
        let mut parts = Vec::new();
        let mut summaries = self.standing_in(span).peekable();
        for group in self.groups_in(span) {
            while let Some(standing) = summaries.next_if(|one| one.covers.first() < group.first()) {
                parts.push(Covered::Summary(Arc::clone(&standing.text)));
            }
            let members = group.members().iter();
            parts.push(Covered::Group(CoveredGroup {
                members: members.map(|member| (member.seq, Arc::clone(&member.message))).collect(),
                tokens: group.said_tokens(),
            }));
        }
        parts.extend(summaries.map(|standing| Covered::Summary(Arc::clone(&standing.text))));
        parts
    }

    /// What is told behind the last summary now.
    pub(crate) fn register_tokens(&self) -> TokenCount {
        self.register.as_ref().map_or(TokenCount::ZERO, |told| told.segment.tokens)
    }

    /// Puts summaries in the place of what they cover. The caller has checked that the splice is legal.
    pub(crate) fn splice(
        &mut self,
        pass: PassId,
        cut: Seq,
        pieces: &[Replacement],
        facts: &[Fact],
    ) -> Removed {
        let mut removed = Removed::default();
        let told = register::note(facts);
        let mut contents = Vec::with_capacity(pieces.len());
        for Replacement { covers, summary } in pieces {
            for range in covers.ranges() {
                removed.groups.push(self.remove(*range));
            }
            let note = summary.note(pass, covers);
            contents.push((covers, Digest::of(note.as_bytes())));
            let standing = Standing::new(self.format, covers.clone(), &summary.text, note);
            self.summaries.insert(covers.first(), standing);
        }
        if let (Some((_, content)), Some(told)) = (contents.last_mut(), &told) {
            *content = Digest::of_parts(&[&content.0, told.as_bytes()]);
        }
        self.chain.splice(&contents);
        self.register = told.map(|note| Told::new(self.format, note));
        self.boundaries.retain(|boundary| *boundary >= cut);
        // A rewind may have opened again what stayed verbatim before the cut: then nothing may be cut here.
        let is_open =
            |group: &Group| !group.is_closed() || self.may_grow(group) || group.last() > cut;
        let is_legal = !self.groups.range(..=cut).any(|(_, group)| is_open(group));
        if is_legal && self.boundaries.first() != Some(&cut) {
            self.boundaries.insert(0, cut);
        }
        self.join_runs();
        self.measure_all();
        removed
    }

    /// Takes the groups and summaries that begin in a range out of the view.
    fn remove(&mut self, range: SeqRange) -> BTreeMap<Seq, Group> {
        let mut kept = self.groups.split_off(&range.end);
        let removed = self.groups.split_off(&range.start);
        // The few go to the many: either may be the long one.
        if kept.len() > self.groups.len() {
            std::mem::swap(&mut kept, &mut self.groups);
        }
        self.groups.extend(kept);
        for first in self.links.groups() {
            if removed.contains_key(&first) {
                self.links.forget(first);
            }
        }
        let standing: Vec<Seq> =
            self.summaries.range(range.start..range.end).map(|(s, _)| *s).collect();
        for start in standing {
            self.summaries.remove(&start);
        }
        removed
    }
}
