//! The view: what the model sees now. A fold of the log (L4): instructions, summaries, and groups of entries, with a
//! digest chain over all of it (V3).

mod anchored;
mod change;
mod elision;
mod measure;
mod residency;
mod show;
mod splicing;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chain::Chain;
use crate::entry::{Format, Message, Role};
use crate::group::Group;
use crate::ids::Digest;
use crate::links::Links;
use crate::position::{LogPos, Seq, SeqRange, SeqSpans};
use crate::record::CallRef;
use crate::segment::Segment;
use crate::tokens::TokenCount;
pub(crate) use measure::Measure;
pub(crate) use residency::Away;
pub use splicing::Removed;
pub(crate) use splicing::Span;

/// A summary that stands in the view.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The position of the splice in the session's log.
    at: LogPos,
    pub(crate) covers: SeqSpans,
    pub(crate) text: Arc<str>,
    pub(crate) note: String,
    pub(crate) tokens: TokenCount,
    segment: Arc<Segment>,
}

/// What was still under way at the last splice, told behind the last summary.
#[derive(Clone, Debug)]
struct Told {
    /// The position of the splice in the session's log.
    at: LogPos,
    note: String,
    segment: Arc<Segment>,
}

/// What the model sees now, and the open ends that the next entry may tie into.
#[derive(Clone, Debug)]
pub struct View {
    format: Format,
    head: Seq,
    frozen: Seq,
    instructions_end: Seq,
    /// By the first entry that each stands for.
    summaries: BTreeMap<Seq, Standing>,
    register: Option<Told>,
    groups: BTreeMap<Seq, Group>,
    /// First entries of the groups that are pinned.
    pinned: Vec<Seq>,
    /// The ids that calls are shown with, each with the entry that makes the call.
    call_ids: BTreeMap<Box<str>, Seq>,
    chain: Chain,
    boundaries: Vec<Seq>,
    links: Links,
    tokens: TokenCount,
    /// All groups together.
    all_groups: Measure,
    /// The bytes of memory that groups and summaries take.
    weight: usize,
    /// Entries whose texts are in the log alone.
    away: usize,
    /// No group before this one has anything that may leave memory.
    lightest: Seq,
}

impl View {
    /// An empty view that renders in `format`.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            head: Seq::ZERO,
            frozen: Seq::ZERO,
            instructions_end: Seq::ZERO,
            summaries: BTreeMap::new(),
            register: None,
            groups: BTreeMap::new(),
            pinned: Vec::new(),
            call_ids: BTreeMap::new(),
            chain: Chain::default(),
            boundaries: Vec::new(),
            links: Links::default(),
            tokens: TokenCount::ZERO,
            all_groups: Measure::default(),
            weight: 0,
            away: 0,
            lightest: Seq::ZERO,
        }
    }

    /// What contexts are rendered in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The last entry, visible or not.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// The last entry that an answered context knew of.
    pub fn frozen(&self) -> Seq {
        self.frozen
    }

    /// The estimated size of everything shown.
    pub fn tokens(&self) -> TokenCount {
        self.tokens
    }

    /// The digest chain at the end of the view.
    pub fn digest(&self) -> Digest {
        self.chain.end()
    }

    /// The digest chain at a position: over every summary and every visible entry up to it (V3).
    pub fn digest_at(&self, cut: Seq) -> Digest {
        self.chain.at(cut)
    }

    /// From the first entry that a summary stands for to the last. Pinned entries may stand in between.
    pub fn covered(&self) -> Option<SeqRange> {
        let first = self.summaries.values().next()?.covers.first();
        let last = self.summaries.values().map(|standing| standing.covers.last()).max()?;
        Some(SeqRange::inclusive(first, last))
    }

    /// The entries that each summary stands for, in the order of the view.
    pub fn summaries(&self) -> impl Iterator<Item = &SeqSpans> {
        self.summaries.values().map(|standing| &standing.covers)
    }

    /// All groups, in order of their first entries.
    pub fn groups(&self) -> impl DoubleEndedIterator<Item = &Group> {
        self.groups.values()
    }

    /// The groups that lie behind the host's instructions.
    pub fn compactable_groups(&self) -> impl DoubleEndedIterator<Item = &Group> {
        self.groups.range(self.instructions_end.next()..).map(|(_, group)| group)
    }

    /// The legal boundaries within what is frozen, in order.
    pub(crate) fn boundaries(&self) -> &[Seq] {
        &self.boundaries
    }

    /// The groups that begin behind a position, in order.
    pub(crate) fn groups_behind(&self, seq: Seq) -> impl DoubleEndedIterator<Item = &Group> {
        self.groups.range(seq.next()..).map(|(_, group)| group)
    }

    /// The size of what no pass can cover: the host's instructions and what is pinned (V9).
    pub fn fixed_tokens(&self) -> TokenCount {
        self.instruction_tokens() + self.pinned_groups().map(Group::tokens).sum()
    }

    /// The size of the host's instructions.
    pub fn instruction_tokens(&self) -> TokenCount {
        self.groups.range(..=self.instructions_end).map(|(_, group)| group.tokens()).sum()
    }

    /// The size of the standing summaries and of what is told behind them.
    pub fn summary_tokens(&self) -> TokenCount {
        let summaries: TokenCount = self.summaries.values().map(|standing| standing.tokens).sum();
        summaries + self.register_measure().shown_tokens
    }

    /// The pinned groups behind the instructions, in order.
    pub(crate) fn pinned_groups(&self) -> impl Iterator<Item = &Group> {
        let pinned = self.pinned.iter().filter(|first| **first > self.instructions_end);
        pinned.filter_map(|first| self.groups.get(first))
    }

    /// Whether the message or the reasoning that a group ends with may go on with the next entry.
    pub(crate) fn may_grow(&self, group: &Group) -> bool {
        self.links.may_grow(group.first())
    }

    /// Calls without a result.
    pub fn open_calls(&self) -> Vec<CallRef> {
        self.groups_behind(self.frozen).flat_map(Group::open_calls).collect()
    }

    /// The group that an entry is shown in.
    pub(crate) fn group_of(&self, seq: Seq) -> Option<&Group> {
        self.groups
            .range(..=seq)
            .rev()
            .map(|(_, group)| group)
            .find(|group| group.said(seq).is_some())
    }

    /// The next entry was numbered, and has no place of its own in the view.
    pub(crate) fn skip(&mut self, seq: Seq) {
        self.head = seq;
    }

    /// Takes in the next entry, which the record at `at` holds. The ids of the results in it that answer no open call.
    pub(crate) fn append(&mut self, seq: Seq, at: LogPos, message: &Arc<Message>) -> Vec<Box<str>> {
        self.head = seq;
        if !message.is_visible() {
            return Vec::new();
        }
        if is_instruction(message) && self.instructions_end == self.last_visible() {
            self.instructions_end = seq;
        }
        self.chain.push(seq, message.digest);
        let ties = self.links.tie(message);
        let mut group = Group::new(seq, at, Arc::clone(message));
        self.name_calls(&mut group);
        self.tokens += group.tokens();
        self.all_groups.add(&group);
        if let Some((into, rest)) = ties.groups.split_first() {
            let mut whole = self.groups.remove(into).expect("links name groups of the view");
            self.weight -= whole.weight();
            for other in rest {
                let other_group = self.groups.remove(other).expect("links name groups of the view");
                self.weight -= other_group.weight();
                whole.absorb(other_group);
                self.links.rename(*other, *into);
            }
            whole.absorb(group);
            group = whole;
            if group.is_pinned() {
                self.pinned.retain(|first| !rest.contains(first) && first != into);
                self.pinned.push(*into);
                self.pinned.sort_unstable();
            }
        }
        for (call, part) in &ties.answers {
            group.answer(call, seq, *part);
        }
        self.weight += group.weight();
        self.lightest = self.lightest.min(group.first());
        self.links.note(seq, message, group.first());
        self.groups.insert(group.first(), group);
        ties.orphans
    }

    /// Has the calls of a new group shown with ids that no other call of the view is shown with.
    fn name_calls(&mut self, group: &mut Group) {
        group.name_calls(|id| self.call_ids.contains_key(id));
        self.call_ids.extend(group.shown_ids().map(|(id, seq)| (id.into(), seq)));
    }

    fn last_visible(&self) -> Seq {
        self.chain.last().unwrap_or(Seq::ZERO)
    }

    /// Freezes what an answered context showed. `None` when a stand-in names a call that is not open, or an open call
    /// has no stand-in.
    pub(crate) fn freeze(&mut self, stand_ins: &[CallRef]) -> Option<()> {
        for call in stand_ins {
            let group = self.groups.range(..=call.seq).rev().map(|(first, _)| *first);
            let mut holding = group.filter(|first| *first > self.frozen).collect::<Vec<_>>();
            holding.retain(|first| self.groups[first].open_calls().any(|open| open == *call));
            let first = *holding.first()?;
            self.change(first, |group| group.stand_in(call))?;
        }
        if !self.open_calls().is_empty() {
            return None;
        }
        self.links.freeze();
        let last = self.boundaries.last().copied().unwrap_or(Seq::ZERO);
        let shown = self.boundaries_behind_frozen();
        let is_in_order = shown.first().is_none_or(|boundary| *boundary > last);
        self.boundaries.extend(shown);
        if !is_in_order {
            // A splice has reached behind what was frozen, and left groups before its cut as they are.
            self.boundaries.sort_unstable();
            self.boundaries.dedup();
        }
        self.frozen = self.head;
        Some(())
    }

    /// Whether a cut may be at a position: every group lies whole on one side of it, and none before it is open.
    pub(crate) fn is_boundary(&self, cut: Seq) -> bool {
        self.boundaries.binary_search(&cut).is_ok()
            || self.boundaries_behind_frozen().binary_search(&cut).is_ok()
    }

    /// The legal boundaries of what is not frozen yet: places that no group spans, and that nothing open precedes.
    pub(crate) fn boundaries_behind_frozen(&self) -> Vec<Seq> {
        let mut boundaries = Vec::new();
        let mut reach = Seq::ZERO;
        let mut groups = self.groups_behind(self.frozen.max(self.instructions_end)).peekable();
        while let Some(group) = groups.next() {
            if !group.is_closed() || self.may_grow(group) {
                break;
            }
            reach = reach.max(group.last());
            // Nor may a cut tear a summary that reaches around what was pinned when it was made.
            let standing = self.summaries.range(..=reach).map(|(_, standing)| standing);
            reach = standing.map(|standing| standing.covers.last()).fold(reach, Seq::max);
            if groups.peek().is_none_or(|next| next.first() > reach) {
                boundaries.push(reach);
            }
        }
        boundaries
    }

    fn change(&mut self, first: Seq, change: impl FnOnce(&mut Group) -> bool) -> Option<()> {
        let group = self.groups.get_mut(&first)?;
        let (before, weight) = (group.tokens(), group.weight());
        self.all_groups.subtract(group);
        let changed = change(group);
        self.tokens = self.tokens.saturating_sub(before) + group.tokens();
        self.all_groups.add(group);
        self.reweigh(first, weight);
        changed.then_some(())
    }
}

/// Whether a leading entry is an instruction of the host: one that no other entry hangs together with.
fn is_instruction(message: &Message) -> bool {
    message.role == Role::System
        && message.calls().next().is_none()
        && message.results().next().is_none()
}
