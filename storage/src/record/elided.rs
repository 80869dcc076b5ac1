//! Parts of the view were elided: which results, and which groups.

use highwater_protocol::{Record, Seq, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct ElidedV1 {
    at_ms: i64,
    results: Vec<u64>,
    groups: Vec<u64>,
}

impl ElidedV1 {
    pub(super) fn new(at: Timestamp, results: &[Seq], groups: &[Seq]) -> Self {
        let numbers = |seqs: &[Seq]| seqs.iter().map(|seq| seq.0).collect();
        Self { at_ms: at.0, results: numbers(results), groups: numbers(groups) }
    }

    pub(super) fn record(self) -> Record {
        let seqs = |numbers: Vec<u64>| numbers.into_iter().map(Seq).collect();
        Record::Elided {
            at: Timestamp(self.at_ms),
            results: seqs(self.results),
            groups: seqs(self.groups),
        }
    }
}
