//! A transcript read naively: which entries must stay on one side of a cut, and where a cut may be. Quadratic, and
//! without any of the product's logic.

use std::sync::Arc;

use highwater_protocol::{Entry, Role};
use highwater_tests::generate::Step;

/// What holds entries of a transcript together.
pub(super) struct Naive {
    /// Pairs that no cut may separate.
    ties: Vec<(u64, u64)>,
    /// Entries that a later one may still join.
    unfinished: Vec<u64>,
    /// The last entry of the instructions that lead.
    instructions: u64,
    visible: Vec<u64>,
}

impl Naive {
    /// Reads a play with its entries.
    pub(super) fn of(entries: &[Arc<Entry>], steps: &[Step]) -> Self {
        let mut ties = Vec::new();
        let mut visible = Vec::new();
        let mut instructions = 0;
        let mut open: Vec<(String, u64)> = Vec::new();
        let mut speaking: Option<(String, u64)> = None;
        let mut reasoning = None;
        let mut numbered = (1_u64..).zip(entries);
        for step in steps {
            if *step == Step::Answer {
                (open, speaking, reasoning) = (Vec::new(), None, None);
                continue;
            }
            let (seq, entry) = numbered.next().expect("each append is an entry");
            let message = entry.message();
            if !message.is_visible() {
                continue;
            }
            if message.role == Role::System
                && visible.last().is_none_or(|last| *last == instructions)
            {
                instructions = seq;
            }
            visible.push(seq);
            for call in message.results() {
                if let Some(at) = open.iter().rposition(|(id, _)| id == call) {
                    ties.push((open.remove(at).1, seq));
                }
            }
            let waited = reasoning.take();
            if message.role == Role::Assistant {
                ties.extend(waited.map(|before| (before, seq)));
                let id = message.message_id.as_deref();
                let known = speaking.take().filter(|(known, _)| Some(known.as_str()) == id);
                ties.extend(known.map(|(_, before)| (before, seq)));
                speaking = id.map(|id| (id.to_owned(), seq));
                if id.is_none() && entry.id().as_str().starts_with('t') {
                    reasoning = Some(seq);
                }
            }
            open.extend(message.calls().map(|(id, _)| (id.to_owned(), seq)));
        }
        let mut unfinished: Vec<u64> = open.into_iter().map(|(_, seq)| seq).collect();
        unfinished.extend(speaking.map(|(_, seq)| seq));
        unfinished.extend(reasoning);
        Self { ties, unfinished, instructions, visible }
    }

    /// The largest entry at or below `mark` behind which a cut may be.
    pub(super) fn largest_cut(&self, mark: u64) -> Option<u64> {
        let legal = |cut: &&u64| {
            **cut > self.instructions
                && **cut <= mark
                && self.ties.iter().all(|(one, other)| (*one <= **cut) == (*other <= **cut))
                && self.unfinished.iter().all(|seq| *seq > **cut)
        };
        self.visible.iter().rfind(legal).copied()
    }
}
