//! What of a view is in memory (L5): how many bytes it takes, the texts that leave it, and the ones that have to come
//! back before something can be shown or summarized.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chain;
use crate::entry::Message;
use crate::group::Group;
use crate::position::{LogPos, Seq};

use super::{Span, Standing, Told, View};

/// Entries whose texts are in the log alone: where each stands in it, and the place that it has in the view.
pub(crate) type Away = BTreeMap<LogPos, Seq>;

impl View {
    /// The bytes of memory that the view takes: texts, rendered blocks and summaries, and for ever the outlines of its
    /// entries and the digest chain. Ids of calls are counted as often as they are kept.
    pub(crate) fn weight(&self) -> usize {
        let boundaries = (self.boundaries.len() + self.pinned.len()) * size_of::<Seq>();
        self.weight + self.chain.len() * chain::LINK_BYTES + boundaries
    }

    /// Counts the bytes of all groups, summaries and of what is told behind them anew.
    pub(super) fn weigh(&mut self) {
        let groups: usize = self.groups.values().map(Group::weight).sum();
        self.weight = groups + self.weight_beside_groups();
    }

    /// The bytes of the summaries and of what is told behind them.
    pub(super) fn weight_beside_groups(&self) -> usize {
        let summaries: usize = self.summaries.values().map(Standing::weight).sum();
        summaries + self.register.as_ref().map_or(0, Told::weight)
    }

    /// Something about a group was changed that weighed so much before.
    pub(super) fn reweigh(&mut self, first: Seq, before: usize) {
        if let Some(group) = self.groups.get(&first) {
            self.weight = self.weight + group.weight() - before;
            self.lightest = self.lightest.min(first);
        }
    }

    /// Lets texts and rendered blocks of the oldest groups go, until so many bytes are free or nothing is left that may
    /// go. Only a group whose records all stand before `durable` does (L5).
    pub(crate) fn evict(&mut self, bytes: usize, durable: LogPos) {
        let enough = self.weight.saturating_sub(bytes);
        let mut passed = true;
        for (first, group) in self.groups.range_mut(self.lightest..) {
            if self.weight <= enough {
                break;
            }
            if group.is_stored(durable) {
                let before = group.weight();
                self.away += group.evict();
                self.weight = self.weight + group.weight() - before;
            } else {
                passed = false;
            }
            if passed {
                self.lightest = first.next();
            }
        }
    }

    /// Takes a text in that had left. False when it is not what was said in this place.
    pub(crate) fn take_back(&mut self, place: Seq, message: &Arc<Message>) -> bool {
        let Some(first) = self.group_of(place).map(Group::first) else {
            return false;
        };
        let group = self.groups.get_mut(&first).expect("it was just found");
        let before = group.weight();
        let Some(taken) = group.take_back(place, message) else {
            return false;
        };
        self.away -= usize::from(taken);
        self.reweigh(first, before);
        true
    }

    /// Whether all its texts are in memory.
    pub(crate) fn is_whole(&self) -> bool {
        self.away == 0
    }

    /// The texts that have to be in memory before a context can be rendered which shows these groups, too, as
    /// placeholders (rising). What is rendered already has its texts: they leave together.
    pub(crate) fn away_of_context(&self, elided: &[Seq]) -> Away {
        if self.is_whole() {
            return Away::new();
        }
        let told = self.groups.values().filter(|group| !group.is_elided());
        told.filter(|group| elided.binary_search(&group.first()).is_err())
            .flat_map(Group::away)
            .collect()
    }

    /// The texts that have to be in memory before these spans can be summarized.
    pub(crate) fn away_of_spans(&self, spans: &[Span]) -> Away {
        if self.is_whole() {
            return Away::new();
        }
        spans.iter().flat_map(|span| self.groups_in(span)).flat_map(Group::away).collect()
    }
}

#[cfg(test)]
impl View {
    /// What [`View::weight`] says, by walking everything.
    pub(crate) fn weight_counted(&self) -> usize {
        let mut view = self.clone();
        view.groups.values_mut().for_each(Group::weigh);
        view.weigh();
        let away = view.groups.values().flat_map(Group::away).count();
        assert_eq!(away, self.away, "texts that are away");
        assert_eq!(view.weight(), self.weight(), "bytes of the view");
        view.weight()
    }

    /// The entries whose texts are in memory, by where they stand in the log.
    pub(crate) fn in_memory(&self) -> Vec<LogPos> {
        let members = self.groups.values().flat_map(Group::members);
        members.filter(|member| member.message().is_some()).map(|member| member.at).collect()
    }

    /// The groups that have something to let go, of those that are stored.
    pub(crate) fn evictable(&self, durable: LogPos) -> usize {
        let heavy = |group: &&Group| {
            let away = group.away().count();
            group.is_stored(durable) && (group.is_rendered() || away < group.members().len())
        };
        self.groups.values().filter(heavy).count()
    }
}
