//! Checks of every answered context, made from what was handed out alone: each visible entry shown exactly once (V1),
//! each call with its result (V2), nothing above the hard mark (V10), and nothing changed that was shown before (P1).

mod pairs;

use std::collections::BTreeSet;
use std::sync::Arc;

use highwater_protocol::{Block, Budget, Context, Message, PartKind, Segment, Seq, Shown};

use crate::report::Checks;

pub(crate) use pairs::breach as breach_of_pairs;

/// Breaches that are told one by one; a broken build would otherwise fill the report with the same sentence.
const TOLD: usize = 20;

/// Watches the contexts of one session.
pub(super) struct Checker {
    budget: Budget,
    /// For each entry, whether a model may see it. Entry n is at n - 1.
    visible: Vec<bool>,
    /// Entries that say something in words or calls: their blocks cannot be empty.
    speaking: BTreeSet<Seq>,
    contexts: u64,
    breaches: Vec<String>,
    /// The blocks of the last context, and the resets at that time.
    last: Option<(u64, Vec<Block>)>,
    /// Segments whose pairs were looked at already. They never change.
    paired: Vec<Arc<Segment>>,
}

impl Checker {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            visible: Vec::new(),
            speaking: BTreeSet::new(),
            contexts: 0,
            breaches: Vec::new(),
            last: None,
            paired: Vec::new(),
        }
    }

    /// An entry was acknowledged.
    pub(super) fn appended(&mut self, seq: Seq, message: &Message) {
        debug_assert_eq!(seq.0, self.visible.len() as u64 + 1, "entries come in order");
        self.visible.push(message.is_visible());
        let speaks = message.parts.iter().any(|part| match &part.kind {
            PartKind::Text { text } => !text.trim().is_empty(),
            PartKind::ToolCall { .. } | PartKind::ToolResult { .. } => true,
            PartKind::Reasoning { .. } | PartKind::Media { .. } | PartKind::Opaque { .. } => false,
        });
        if speaks {
            self.speaking.insert(seq);
        }
    }

    /// A context was answered.
    pub(super) fn answered(&mut self, context: &Context) {
        self.contexts += 1;
        let mut found = Vec::new();
        found.extend(self.shown_once(context));
        found.extend(self.pairs_whole(context));
        if context.tokens > self.budget.hard() {
            found.push(format!("V10: {} is above the hard mark", context.tokens));
        }
        found.extend(self.prefix_kept(context));
        for what in found {
            if self.breaches.len() < TOLD {
                self.breaches.push(format!("context {}: {what}", context.call.0));
            }
        }
    }

    pub(super) fn into_report(self) -> Checks {
        Checks { contexts: self.contexts, breaches: self.breaches }
    }

    fn shown_once(&self, context: &Context) -> Option<String> {
        let mut times = vec![0_u32; self.visible.len()];
        let mut show = |seq: Seq| {
            if let Some(times) = usize::try_from(seq.0 - 1).ok().and_then(|at| times.get_mut(at)) {
                *times += 1;
            }
        };
        for segment in &context.segments {
            match &segment.shown {
                Shown::Entries(entries) | Shown::Elided(entries) => {
                    entries.iter().copied().for_each(&mut show);
                }
                Shown::Summary(covers) => {
                    let ranges = covers.ranges().iter();
                    ranges
                        .flat_map(|range| range.start.0..range.end.0)
                        .map(Seq)
                        .for_each(&mut show);
                }
                Shown::Register => {}
            }
        }
        let must_speak = |segment: &&Arc<Segment>| match &segment.shown {
            Shown::Entries(entries) => entries.iter().any(|seq| self.speaking.contains(seq)),
            Shown::Summary(_) | Shown::Register => true,
            Shown::Elided(_) => false,
        };
        let mut speaking = context.segments.iter().filter(must_speak);
        if let Some(segment) = speaking.find(|segment| segment.blocks.is_empty()) {
            return Some(format!("V1: nothing is shown of {:?}", segment.shown));
        }
        let wrong = |(visible, times): &(&bool, u32)| **visible && *times != 1;
        let wrong = self.visible.iter().zip(times).enumerate().find(|(_, pair)| wrong(pair));
        wrong.map(|(at, (_, times))| format!("V1: entry #{} is shown {times} times", at + 1))
    }

    fn pairs_whole(&mut self, context: &Context) -> Option<String> {
        let mut found = None;
        for segment in &context.segments {
            if self.paired.iter().any(|known| Arc::ptr_eq(known, segment)) {
                continue;
            }
            found = found.or_else(|| pairs::breach(&segment.blocks, context.format));
        }
        self.paired.clone_from(&context.segments);
        found.map(|what| format!("V2: {what}"))
    }

    fn prefix_kept(&mut self, context: &Context) -> Option<String> {
        let blocks: Vec<Block> = context.blocks().cloned().collect();
        let changed = self.last.as_ref().and_then(|(resets, before)| {
            if *resets != context.resets {
                return None;
            }
            let same = before.iter().zip(&blocks).take_while(|(one, other)| one == other).count();
            (same < before.len()).then(|| format!("P1: block {} changed without a reset", same + 1))
        });
        self.last = Some((context.resets, blocks));
        changed
    }
}

#[cfg(test)]
mod tests;
