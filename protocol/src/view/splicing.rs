//! Where summaries may stand in a view, and putting them there.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::group::Group;
use crate::ids::{Digest, PassId};
use crate::position::{LogPos, Seq, SeqRange, SeqSpans};
use crate::record::{CallRef, Replacement};
use crate::register::{self, Fact};
use crate::stretch::{Covered, CoveredGroup};

use super::{Standing, Told, View};

/// The part of a view between two places that stay verbatim, up to a cut: where one summary may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// First entries from this one on, up to but not including the end, belong to it.
    pub(crate) starts: SeqRange,
    /// Every entry that its groups and summaries stand for, and the numbers between them that no place has: what was
    /// rewound or cleared away, and what stands in the place of another. Left out one by one, they would make the
    /// heading of a summary as long as the session is old.
    pub(crate) covers: SeqSpans,
}

/// What a splice took out of a view. Freeing it takes time that nobody needs to wait for.
#[derive(Clone, Debug, Default)]
pub struct Removed {
    groups: Vec<BTreeMap<Seq, Group>>,
    call_ids: BTreeMap<Box<str>, Seq>,
}

impl Removed {
    /// The calls without a result in it, and the tools that they call.
    pub(crate) fn open_calls(&self) -> impl Iterator<Item = (CallRef, &str)> {
        self.groups.iter().flat_map(BTreeMap::values).flat_map(|group| {
            group.open_calls().filter_map(|call| {
                let tool = group.call(&call)?.tool;
                Some((call, tool))
            })
        })
    }
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
        let holes = SeqSpans::of(strangers.iter().map(|(range, _)| *range));
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

    /// The parts of a span, in the order of the view. `None` when a text of theirs has left memory.
    pub(crate) fn parts(&self, span: &Span) -> Option<Vec<Covered>> {
        let mut parts = Vec::new();
        let mut summaries = self.standing_in(span).peekable();
        for group in self.groups_in(span) {
            while let Some(standing) = summaries.next_if(|one| one.covers.first() < group.first()) {
                parts.push(Covered::Summary(Arc::clone(&standing.text)));
            }
            let members = group.members().iter();
            let members = members.map(|member| Some((member.seq, Arc::clone(member.message()?))));
            parts.push(Covered::Group(CoveredGroup {
                members: members.collect::<Option<_>>()?,
                tokens: group.said_tokens(),
            }));
        }
        parts.extend(summaries.map(|standing| Covered::Summary(Arc::clone(&standing.text))));
        Some(parts)
    }

    /// Whether one of these summaries would stand for a pinned group.
    pub(crate) fn covers_pinned(&self, pieces: &[Replacement]) -> bool {
        let covered = |first: &Seq| pieces.iter().any(|piece| piece.covers.contains(*first));
        self.pinned.iter().any(covered)
    }

    /// Puts the summaries of the record at `at` in the place of what they cover. The caller has checked that the splice is legal.
    pub(crate) fn splice(
        &mut self,
        pass: PassId,
        cut: Seq,
        at: LogPos,
        pieces: &[Replacement],
        facts: &[Fact],
    ) -> Removed {
        let mut removed = Removed::default();
        for range in pieces.iter().flat_map(|piece| piece.covers.ranges()) {
            removed.groups.push(self.remove(*range));
        }
        if !self.is_whole() {
            let groups = removed.groups.iter().flat_map(BTreeMap::values);
            self.away -= groups.flat_map(Group::away).count();
        }
        removed.call_ids = self.forget_call_ids(&removed);
        let told = register::note(facts);
        let notes = notes(pass, pieces, told.as_deref());
        let contents: Vec<_> = pieces
            .iter()
            .zip(&notes)
            .map(|(piece, (_, content))| (&piece.covers, *content))
            .collect();
        self.chain.splice(&contents);
        for (Replacement { covers, summary }, (note, _)) in pieces.iter().zip(notes) {
            let standing = Standing::new(self.format, at, covers.clone(), &summary.text, note);
            self.summaries.insert(covers.first(), standing);
        }
        self.register = told.map(|note| Told::new(self.format, at, note));
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

    /// Forgets the ids that removed calls were shown with: of few removed calls one by one, else by noting anew those that
    /// stay. What is then left over is to be freed.
    fn forget_call_ids(&mut self, removed: &Removed) -> BTreeMap<Box<str>, Seq> {
        if removed.groups.iter().map(BTreeMap::len).sum::<usize>() > self.groups.len() {
            let shown = self.groups.values().flat_map(Group::shown_ids);
            let kept = shown.map(|(id, seq)| (id.into(), seq)).collect();
            return std::mem::replace(&mut self.call_ids, kept);
        }
        let groups = removed.groups.iter().flat_map(BTreeMap::values);
        for (id, seq) in groups.flat_map(Group::shown_ids) {
            if self.call_ids.get(id) == Some(&seq) {
                self.call_ids.remove(id);
            }
        }
        BTreeMap::new()
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

/// The notes of a splice's summaries, each with what it counts as in the digest chain: the last one also counts what is
/// told behind it.
pub(super) fn notes(
    pass: PassId,
    pieces: &[Replacement],
    told: Option<&str>,
) -> Vec<(String, Digest)> {
    let note = |piece: &Replacement| {
        let note = piece.summary.note(pass, &piece.covers);
        let content = Digest::of(note.as_bytes());
        (note, content)
    };
    let mut notes: Vec<_> = pieces.iter().map(note).collect();
    if let (Some((_, content)), Some(told)) = (notes.last_mut(), told) {
        *content = Digest::of_parts(&[&content.0, told.as_bytes()]);
    }
    notes
}
