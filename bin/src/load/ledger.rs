//! An agent's own record of what was acknowledged to it, eight bytes for each entry, and how a session's log in the store
//! differs from it.

use std::collections::BTreeSet;

use highwater_protocol::{Digest, Entry, PassId, Record};

/// A change of the branch that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Everything behind this entry left.
    Rewound(u64),
    /// Everything but the instructions left.
    Cleared,
}

/// What a session has, as one side knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// A digest of each entry's id and bytes. Entry n is at n - 1.
    pub(super) entries: Vec<u64>,
    /// Each change, and how many entries there were before it.
    pub(super) changes: Vec<(u64, Change)>,
    /// Contexts that were answered.
    pub(super) contexts: u64,
    /// Passes that were spliced.
    pub(super) spliced: BTreeSet<PassId>,
}

impl Ledger {
    /// What is remembered of an entry.
    pub(super) fn digest(entry: &Entry) -> u64 {
        let digest = Digest::of_parts(&[entry.id().as_str().as_bytes(), entry.source()]);
        let (head, _) = digest.0.split_first_chunk().expect("a digest is longer than a number");
        u64::from_le_bytes(*head)
    }

    /// A change happened now.
    pub(super) fn changed(&mut self, change: Change) {
        self.changes.push((self.entries.len() as u64, change));
    }

    /// The next record of the session's log.
    pub(super) fn takes(&mut self, record: &Record) {
        match record {
            Record::Appended { entry, .. } => self.entries.push(Self::digest(entry)),
            Record::Rewound { to, .. } => self.changed(Change::Rewound(to.0)),
            Record::Cleared { .. } => self.changed(Change::Cleared),
            Record::Answered { .. } => self.contexts += 1,
            Record::Spliced { pass, .. } => {
                self.spliced.insert(*pass);
            }
            _ => {}
        }
    }

    /// What a fork of it begins with: the same history, and contexts and passes of its own.
    pub(super) fn forked(&self) -> Self {
        Self { contexts: 0, spliced: BTreeSet::new(), ..self.clone() }
    }

    /// What of this, which was acknowledged before a process died, is not in a log that may have gone on since.
    pub(super) fn lost_from(&self, stored: &Self) -> Option<String> {
        let cut = |length: usize, all: &[u64]| all[..length.min(all.len())].to_vec();
        let changes = stored.changes.iter().take(self.changes.len()).copied().collect();
        let entries = cut(self.entries.len(), &stored.entries);
        self.difference(&Self { entries, changes, ..stored.clone() })
    }

    /// The first difference of what is stored from what was acknowledged.
    pub(super) fn difference(&self, stored: &Self) -> Option<String> {
        entries_differ(&self.entries, &stored.entries).or_else(|| {
            if stored.changes != self.changes {
                let place = self.changes.iter().zip(&stored.changes).take_while(|(a, b)| a == b);
                let at = place.count();
                let (told, found) = (self.changes.get(at), stored.changes.get(at));
                return Some(format!(
                    "V14: change {} was acknowledged as {told:?} and is stored as {found:?}",
                    at + 1
                ));
            }
            if stored.contexts < self.contexts {
                let (told, found) = (self.contexts, stored.contexts);
                return Some(format!("P8: {told} contexts were answered, {found} are recorded"));
            }
            let lost = self.spliced.difference(&stored.spliced).next()?;
            Some(format!("V5: pass {} was spliced and is not in the log", lost.0))
        })
    }
}

fn entries_differ(told: &[u64], found: &[u64]) -> Option<String> {
    let same = told.iter().zip(found).take_while(|(told, found)| told == found).count();
    let number = same + 1;
    match (told.get(same), found.get(same)) {
        (None, None) => None,
        (Some(_), None) => {
            let lost = told.len() - same;
            Some(format!("L2: {lost} acknowledged entries are lost, from entry {number} on"))
        }
        (_, Some(next)) if told[..same].contains(next) => {
            Some(format!("L3: entry {number} is stored twice"))
        }
        (None, Some(_)) => Some(format!("L3: entry {number} is stored and was never acknowledged")),
        (Some(wanted), Some(_)) if found[same..].contains(wanted) => {
            Some(format!("L1: entry {number} is stored behind its place"))
        }
        (Some(_), Some(next)) if told[same..].contains(next) => {
            Some(format!("L2: entry {number} is lost"))
        }
        (Some(_), Some(_)) => Some(format!("X1: entry {number} has other bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(entries: &[u64]) -> Ledger {
        Ledger { entries: entries.to_vec(), contexts: 3, ..Ledger::default() }
    }

    #[test]
    fn each_way_to_differ_has_its_name() {
        let told = ledger(&[1, 2, 3, 4]);
        for (stored, expected) in [
            (&[1, 2, 3, 4][..], None),
            (&[1, 2], Some("L2: 2 acknowledged entries are lost, from entry 3 on")),
            (&[1, 2, 4], Some("L2: entry 3 is lost")),
            (&[1, 2, 2, 3, 4], Some("L3: entry 3 is stored twice")),
            (&[1, 2, 3, 4, 4], Some("L3: entry 5 is stored twice")),
            (&[1, 2, 3, 4, 9], Some("L3: entry 5 is stored and was never acknowledged")),
            (&[1, 3, 2, 4], Some("L1: entry 2 is stored behind its place")),
            (&[1, 9, 3, 4], Some("X1: entry 2 has other bytes")),
        ] {
            assert_eq!(told.difference(&ledger(stored)).as_deref(), expected, "{stored:?}");
        }
    }

    #[test]
    fn a_log_that_went_on_has_lost_nothing_and_one_that_is_short_has() {
        let mut stored = ledger(&[1, 2, 3]);
        stored.changed(Change::Cleared);
        assert_eq!(ledger(&[1, 2]).lost_from(&stored), None);
        let lost = ledger(&[1, 2, 3, 4]).lost_from(&stored).expect("an entry is lost");
        assert_eq!(lost, "L2: 1 acknowledged entries are lost, from entry 4 on");
        assert_eq!(
            ledger(&[1, 7]).lost_from(&stored).as_deref(),
            Some("X1: entry 2 has other bytes")
        );
    }

    #[test]
    fn changes_contexts_and_splices_are_held_to_what_was_told() {
        let stored = ledger(&[1, 2]);
        let mut told = ledger(&[1, 2]);
        told.changed(Change::Rewound(1));
        assert!(told.difference(&stored).expect("a rewind is lost").starts_with("V14: change 1"));
        let told = Ledger { contexts: 4, ..ledger(&[1, 2]) };
        assert!(told.difference(&stored).expect("a context is lost").starts_with("P8: 4 contexts"));
        let told = Ledger { spliced: [PassId(2)].into(), ..ledger(&[1, 2]) };
        assert!(told.difference(&stored).expect("a splice is lost").starts_with("V5: pass 2"));
        let told = Ledger { contexts: 2, ..ledger(&[1, 2]) };
        assert_eq!(told.difference(&stored), None, "an answer on its way is no loss");
    }
}
