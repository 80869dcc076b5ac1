//! The view: what the model sees now. A fold of the log (L4): instructions, a summary, and groups of entries, with a
//! digest chain over all of it (V3).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chain::Chain;
use crate::entry::{Format, Message, Role};
use crate::group::{Elision, Group};
use crate::ids::{Digest, PassId};
use crate::links::Links;
use crate::position::{Seq, SeqRange};
use crate::record::CallRef;
use crate::segment::{Segment, Shown};
use crate::summary::Summary;
use crate::tokens::TokenCount;
use crate::{Block, Unit, format};

/// The summary that stands for everything between the instructions and the first group.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) covers: SeqRange,
    pub(crate) summary: Summary,
    pub(crate) note: String,
    pub(crate) tokens: TokenCount,
    segment: Arc<Segment>,
}

/// What the model sees now, and the open ends that the next entry may tie into.
#[derive(Clone, Debug)]
pub struct View {
    format: Format,
    head: Seq,
    frozen: Seq,
    instructions_end: Seq,
    summary: Option<Standing>,
    groups: BTreeMap<Seq, Group>,
    chain: Chain,
    boundaries: Vec<Seq>,
    links: Links,
    tokens: TokenCount,
    resets: u64,
}

impl View {
    /// An empty view that renders in `format`.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            head: Seq::ZERO,
            frozen: Seq::ZERO,
            instructions_end: Seq::ZERO,
            summary: None,
            groups: BTreeMap::new(),
            chain: Chain::new(),
            boundaries: Vec::new(),
            links: Links::default(),
            tokens: TokenCount::ZERO,
            resets: 0,
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

    /// How many announced resets there were: splices and elisions.
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// The digest chain at the end of the view.
    pub fn digest(&self) -> Digest {
        self.chain.end()
    }

    /// The digest chain at a position: over the summary and every visible entry up to it (V3).
    pub fn digest_at(&self, cut: Seq) -> Digest {
        self.chain.at(cut)
    }

    /// What the summary stands for, if there is one.
    pub fn covered(&self) -> Option<SeqRange> {
        self.summary.as_ref().map(|standing| standing.covers)
    }

    pub(crate) fn standing(&self) -> Option<&Standing> {
        self.summary.as_ref()
    }

    /// All groups, in order of their first entries.
    pub fn groups(&self) -> impl DoubleEndedIterator<Item = &Group> {
        self.groups.values()
    }

    /// The groups that a pass may cover: all but the host's instructions.
    pub fn compactable_groups(&self) -> impl DoubleEndedIterator<Item = &Group> {
        self.groups.range(self.instructions_end.next()..).map(|(_, group)| group)
    }

    /// The last entry of the instructions that lead the session; they are never covered or elided.
    pub(crate) fn instructions_end(&self) -> Seq {
        self.instructions_end
    }

    /// The legal boundaries within what is frozen, in order.
    pub(crate) fn boundaries(&self) -> &[Seq] {
        &self.boundaries
    }

    /// The groups that begin behind a position, in order.
    pub(crate) fn groups_behind(&self, seq: Seq) -> impl Iterator<Item = &Group> {
        self.groups.range(seq.next()..).map(|(_, group)| group)
    }

    /// The size of the host's instructions.
    pub fn instruction_tokens(&self) -> TokenCount {
        self.groups.range(..=self.instructions_end).map(|(_, group)| group.tokens()).sum()
    }

    /// The size of the standing summary.
    pub fn summary_tokens(&self) -> TokenCount {
        self.summary.as_ref().map_or(TokenCount::ZERO, |standing| standing.tokens)
    }

    /// Whether the message or the reasoning that a group ends with may go on with the next entry.
    pub(crate) fn may_grow(&self, group: &Group) -> bool {
        self.links.may_grow(group.first())
    }

    /// Calls without a result.
    pub fn open_calls(&self) -> Vec<CallRef> {
        self.groups_behind(self.frozen).flat_map(Group::open_calls).collect()
    }

    /// Takes in the next entry.
    pub(crate) fn append(&mut self, seq: Seq, message: &Arc<Message>) {
        self.head = seq;
        if !message.is_visible() {
            return;
        }
        if is_instruction(message) && self.instructions_end == self.last_visible() {
            self.instructions_end = seq;
        }
        self.chain.push(seq, message.digest);
        let ties = self.links.tie(message);
        let mut group = Group::new(seq, Arc::clone(message));
        self.tokens += group.tokens();
        if let Some((into, rest)) = ties.groups.split_first() {
            let mut whole = self.groups.remove(into).expect("links name groups of the view");
            for other in rest {
                whole.absorb(self.groups.remove(other).expect("links name groups of the view"));
                self.links.rename(*other, *into);
            }
            whole.absorb(group);
            group = whole;
        }
        for (call, part) in &ties.answers {
            group.answer(call, seq, *part);
        }
        self.links.note(seq, message, group.first());
        self.groups.insert(group.first(), group);
    }

    fn last_visible(&self) -> Seq {
        let covered = self.summary.as_ref().map_or(Seq::ZERO, |standing| standing.covers.last());
        self.chain.last().map_or(covered, |last| last.max(covered))
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
        let shown = self.boundaries_behind_frozen();
        self.boundaries.extend(shown);
        self.frozen = self.head;
        Some(())
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
            if groups.peek().is_none_or(|next| next.first() > reach) {
                boundaries.push(reach);
            }
        }
        boundaries
    }

    /// Shows results and groups as placeholders. `None` when one of them is not in the view.
    pub(crate) fn elide(&mut self, results: &[Seq], groups: &[Seq]) -> Option<()> {
        for seq in results {
            let holding = self.groups.range(..=*seq).rev();
            let first = holding
                .map(|(first, group)| (*first, group))
                .find(|(_, group)| group.members().iter().any(|member| member.seq == *seq))?
                .0;
            self.change(first, |group| group.elide_results(*seq))?;
        }
        for first in groups {
            self.change(*first, |group| {
                group.elide_whole(Elision::Within);
                true
            })?;
        }
        self.join_runs();
        self.resets += 1;
        Some(())
    }

    /// Has neighbouring elided groups told by one placeholder. Only as part of a reset: it changes what was shown.
    fn join_runs(&mut self) {
        let mut runs: Vec<(Seq, usize, Seq)> = Vec::new();
        let mut in_run = false;
        let mut within = Vec::new();
        for group in self.compactable_groups() {
            let (first, last, entries) = (group.first(), group.last(), group.members().len());
            match runs.last_mut().filter(|_| in_run && group.is_elided()) {
                Some((_, count, end)) => {
                    (*count, *end) = (*count + entries, last.max(*end));
                    within.push(first);
                }
                None if group.is_elided() => runs.push((first, entries, last)),
                None => {}
            }
            in_run = group.is_elided();
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

    fn change(&mut self, first: Seq, change: impl FnOnce(&mut Group) -> bool) -> Option<()> {
        let group = self.groups.get_mut(&first)?;
        let before = group.tokens();
        let changed = change(group);
        self.tokens = self.tokens.saturating_sub(before) + group.tokens();
        changed.then_some(())
    }

    /// Puts a summary in the place of everything from the end of the instructions up to its last entry. The caller has
    /// checked that the splice is legal.
    pub(crate) fn splice(&mut self, pass: PassId, covers: SeqRange, summary: Summary) {
        let cut = covers.last();
        let tail = self.groups.split_off(&cut.next());
        self.groups.retain(|first, _| *first <= self.instructions_end);
        self.groups.extend(tail);
        self.boundaries.retain(|boundary| *boundary > cut);
        let note = summary.note(pass, covers);
        self.chain.rebase(covers, &Digest::of(note.as_bytes()));
        let blocks: Vec<Block> = format::render(self.format, &[Unit::Note { text: note.clone() }]);
        let tokens = summary.tokens(pass, covers);
        let segment = Arc::new(Segment { shown: Shown::Summary(covers), blocks, tokens });
        self.summary = Some(Standing { covers, summary, note, tokens, segment });
        self.join_runs();
        self.tokens = tokens + self.groups.values().map(Group::tokens).sum();
        self.resets += 1;
    }

    /// The rendered segments, each rendered once.
    pub(crate) fn segments(&mut self) -> Vec<Arc<Segment>> {
        let (format, instructions) = (self.format, self.instructions_end);
        let mut segments = Vec::with_capacity(self.groups.len() + 1);
        let mut summary = self.summary.as_ref().map(|standing| Arc::clone(&standing.segment));
        for (first, group) in &mut self.groups {
            if *first > instructions {
                segments.extend(summary.take());
            }
            segments.push(group.segment(format));
        }
        segments.extend(summary);
        segments
    }
}

/// Whether a leading entry is an instruction of the host: one that no other entry hangs together with.
fn is_instruction(message: &Message) -> bool {
    message.role == Role::System
        && message.calls().next().is_none()
        && message.results().next().is_none()
}
