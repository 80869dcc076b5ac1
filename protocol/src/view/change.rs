//! What the host changes about entries that are in the view: edits, pins, resolutions, a clear, another format.

use std::sync::Arc;

use crate::entry::{Format, Message};
use crate::group::Group;
use crate::position::{LogPos, Seq};
use crate::record::CallRef;
use crate::resolution::Resolution;

use super::View;

impl View {
    /// Has the entry at `place` say something else, which the record at `at` holds. `None` when it is not in the view, or `message` does not hang
    /// together with the same others.
    pub(crate) fn edit(&mut self, place: Seq, at: LogPos, message: &Arc<Message>) -> Option<()> {
        let group = self.group_of(place)?;
        let said = group.said(place)?;
        if !said.has_ties_of(message) {
            return None;
        }
        let (first, was_away) = (group.first(), said.whole().is_none());
        self.away -= usize::from(was_away);
        self.change(first, |group| {
            group.edit(place, at, message);
            true
        })?;
        self.relink(first, place)
    }

    /// Pins an entry or sets it free. Whether what is shown has changed; `None` when the entry is not in the view.
    pub(crate) fn pin(&mut self, seq: Seq, pinned: bool) -> Option<bool> {
        let first = self.group_of(seq)?.first();
        let mut restored = false;
        self.change(first, |group| {
            restored = group.pin(seq, pinned);
            true
        })?;
        self.pinned.retain(|pin| *pin != first);
        if self.groups[&first].is_pinned() {
            self.pinned.push(first);
            self.pinned.sort_unstable();
        }
        if restored {
            self.join_runs();
        }
        self.relink(first, seq)?;
        Some(restored)
    }

    /// Takes in how a call stands, which the record at `at` says. `None` when no group of the view makes the call, or it has its result.
    pub(crate) fn resolve(
        &mut self,
        call: &CallRef,
        resolution: &Resolution,
        at: LogPos,
    ) -> Option<()> {
        let first = self.group_of(call.seq)?.first();
        let is_shown = first <= self.frozen;
        self.change(first, |group| group.resolve(call, resolution, at, is_shown).is_some())?;
        self.links.resolve(call);
        self.relink(first, call.seq)
    }

    /// Leaves nothing but the instructions.
    pub(crate) fn clear(&mut self) {
        let end = self.instructions_end;
        let removed = self.groups.split_off(&end.next());
        self.away -= removed.values().flat_map(Group::away).count();
        self.pinned.retain(|first| *first <= end);
        self.summaries.clear();
        self.register = None;
        self.call_ids.clear();
        self.chain.truncate(end);
        self.boundaries.clear();
        self.links.freeze();
        self.frozen = self.head;
        self.measure_all();
    }

    /// Renders everything in another format from here on.
    pub(crate) fn switch(&mut self, format: Format) {
        self.format = format;
        self.groups.values_mut().for_each(crate::group::Group::forget_rendering);
        for standing in self.summaries.values_mut() {
            standing.render(format);
        }
        if let Some(told) = &mut self.register {
            told.render(format);
        }
        self.weigh();
    }

    fn relink(&mut self, first: Seq, seq: Seq) -> Option<()> {
        let content = self.groups.get(&first)?.content(seq);
        self.chain.change(seq, content);
        Some(())
    }
}
