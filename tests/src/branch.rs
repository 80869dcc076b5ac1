//! The live branch, kept naively: which entries a model may see after rewinds, clears and edits (V14). Nothing of the
//! product's logic is used.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_protocol::{Entry, Role};

/// What stands on the live branch of a session.
#[derive(Clone, Debug, Default)]
pub struct Branch {
    known: usize,
    /// Each entry of the branch, and whether it is of the instructions that lead it.
    live: BTreeMap<u64, bool>,
    /// For each clear the last entry of the branch when it happened.
    clears: Vec<u64>,
}

impl Branch {
    /// Takes note of the entries that were said since it was told last: at the end of the branch.
    pub fn knows(&mut self, entries: &[Arc<Entry>]) {
        for (seq, entry) in (1_u64..).zip(entries).skip(self.known) {
            let is_instruction = entry.message().role == Role::System;
            if entry.message().is_visible() {
                let leads =
                    is_instruction && self.live.last_key_value().is_none_or(|(_, leads)| *leads);
                self.live.insert(seq, leads);
            }
        }
        self.known = entries.len();
    }

    /// The last of these entries stands in the place of another: it has none of its own.
    pub fn edited(&mut self, entries: &[Arc<Entry>]) {
        self.known = entries.len();
    }

    /// Everything behind an entry has left the branch, and what was decided behind it is undone.
    pub fn rewound(&mut self, to: u64) {
        self.live.retain(|seq, _| *seq <= to);
        self.clears.retain(|clear| *clear <= to);
    }

    /// Nothing is seen any more but the instructions that lead the branch.
    pub fn cleared(&mut self) {
        let tip = self.live.last_key_value().map_or(0, |(seq, _)| *seq);
        self.clears.push(tip);
    }

    /// Whether a model may see the entry of this number.
    pub fn shows(&self, seq: u64) -> bool {
        let leads = self.live.get(&seq);
        leads.is_some_and(|leads| *leads || self.clears.iter().all(|clear| seq > *clear))
    }
}
