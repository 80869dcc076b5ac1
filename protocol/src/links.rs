//! What a new entry can still hang together with: messages that are not complete, calls without a result, reasoning
//! that waits for what it belongs to. Emptied whenever a context freezes what was shown.

use std::collections::BTreeMap;

use crate::entry::{Message, PartKind, Role};
use crate::position::Seq;
use crate::record::CallRef;

/// Open ends of the view, each with the first entry of the group that it belongs to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    message: Option<(Box<str>, Seq)>,
    calls: BTreeMap<Box<str>, Vec<(Seq, Seq)>>,
    reasoning: Option<Seq>,
}

/// What an entry hangs together with.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    /// First entries of the groups.
    pub(crate) groups: Vec<Seq>,
    /// The calls that it answers, each with the index of the answering part.
    pub(crate) answers: Vec<(CallRef, usize)>,
    /// The ids of the results that answer no open call.
    pub(crate) orphans: Vec<Box<str>>,
}

impl Links {
    /// Finds what a new entry hangs together with, and takes the answered calls off the open ones. A result belongs to
    /// the nearest earlier open call of its id.
    pub(crate) fn tie(&mut self, message: &Message) -> Ties {
        let mut ties = Ties::default();
        let reasoning = self.reasoning.take();
        if message.role == Role::Assistant {
            ties.groups.extend(reasoning);
            let known = self.message.take();
            let continued = known.filter(|(id, _)| message.message_id.as_ref() == Some(id));
            ties.groups.extend(continued.map(|(_, group)| group));
        }
        for (index, part) in message.parts.iter().enumerate() {
            let PartKind::ToolResult { call, .. } = &part.kind else {
                continue;
            };
            let Some((seq, group)) = self.calls.get_mut(call).and_then(Vec::pop) else {
                ties.orphans.push(call.clone());
                continue;
            };
            if self.calls.get(call).is_some_and(Vec::is_empty) {
                self.calls.remove(call);
            }
            ties.groups.push(group);
            ties.answers.push((CallRef { seq, id: call.clone() }, index));
        }
        ties.groups.sort_unstable();
        ties.groups.dedup();
        ties
    }

    /// Notes the open ends that a new entry brings, as a member of the group that begins at `group`.
    pub(crate) fn note(&mut self, seq: Seq, message: &Message, group: Seq) {
        if message.role == Role::Assistant {
            self.message = message.message_id.clone().map(|id| (id, group));
        }
        for (id, _) in message.calls() {
            self.calls.entry(id.into()).or_default().push((seq, group));
        }
        let only_reasons = !message.parts.is_empty()
            && message.parts.iter().all(|part| matches!(part.kind, PartKind::Reasoning { .. }));
        if message.role == Role::Assistant && message.message_id.is_none() && only_reasons {
            self.reasoning = Some(group);
        }
    }

    /// The group whose message may go on.
    pub(crate) fn message(&self) -> Option<Seq> {
        self.message.as_ref().map(|(_, group)| *group)
    }

    /// The group whose reasoning waits for what it belongs to.
    pub(crate) fn reasoning(&self) -> Option<Seq> {
        self.reasoning
    }

    /// These open ends: the id of the message that may go on, the open calls in order, each with its group.
    pub(crate) fn restored(
        message: Option<(Box<str>, Seq)>,
        open: Vec<(CallRef, Seq)>,
        reasoning: Option<Seq>,
    ) -> Self {
        let mut calls: BTreeMap<Box<str>, Vec<(Seq, Seq)>> = BTreeMap::new();
        for (call, group) in open {
            calls.entry(call.id).or_default().push((call.seq, group));
        }
        Self { message, calls, reasoning }
    }

    /// A call is not open any more, though no entry has answered it.
    pub(crate) fn resolve(&mut self, call: &CallRef) {
        if let Some(open) = self.calls.get_mut(&call.id) {
            if let Some(at) = open.iter().position(|(seq, _)| *seq == call.seq) {
                open.remove(at);
            }
            if open.is_empty() {
                self.calls.remove(&call.id);
            }
        }
    }

    /// The groups that have an open end.
    pub(crate) fn groups(&self) -> Vec<Seq> {
        let calls = self.calls.values().flatten().map(|(_, group)| *group);
        let message = self.message.iter().map(|(_, group)| *group);
        calls.chain(message).chain(self.reasoning).collect()
    }

    /// The group that begins at `first` has left the view.
    pub(crate) fn forget(&mut self, first: Seq) {
        self.calls.retain(|_, open| {
            open.retain(|(_, group)| *group != first);
            !open.is_empty()
        });
        self.message.take_if(|(_, group)| *group == first);
        self.reasoning.take_if(|group| *group == first);
    }

    /// Follows a merge: what belonged to `from` now belongs to `into`.
    pub(crate) fn rename(&mut self, from: Seq, into: Seq) {
        let groups = self.calls.values_mut().flatten().map(|(_, group)| group);
        let groups = groups.chain(self.message.as_mut().map(|(_, group)| group));
        for group in groups.chain(self.reasoning.as_mut()) {
            if *group == from {
                *group = into;
            }
        }
    }

    /// Whether the group that begins at `first` may still grow: its last message may go on, or its reasoning waits.
    /// A message of the model goes on until another one begins.
    pub(crate) fn may_grow(&self, first: Seq) -> bool {
        self.message.as_ref().is_some_and(|(_, group)| *group == first)
            || self.reasoning == Some(first)
    }

    /// Forgets everything: what was shown is final.
    pub(crate) fn freeze(&mut self) {
        *self = Self::default();
    }
}
