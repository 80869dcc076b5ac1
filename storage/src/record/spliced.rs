//! A pass ended with a splice: what the summary stands for, and the summary.

use highwater_protocol::{Digest, PassId, Record, Seq, SeqRange, Summary, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct SplicedV1<'a> {
    at_ms: i64,
    pass: u64,
    covers_start: u64,
    covers_end: u64,
    digest: [u8; 32],
    text: &'a str,
    author: &'a str,
}

impl<'a> SplicedV1<'a> {
    pub(super) fn new(
        at: Timestamp,
        pass: PassId,
        covers: SeqRange,
        digest: Digest,
        summary: &'a Summary,
    ) -> Self {
        Self {
            at_ms: at.0,
            pass: pass.0,
            covers_start: covers.start.0,
            covers_end: covers.end.0,
            digest: digest.0,
            text: &summary.text,
            author: &summary.author,
        }
    }

    pub(super) fn record(self) -> Record {
        Record::Spliced {
            at: Timestamp(self.at_ms),
            pass: PassId(self.pass),
            covers: SeqRange::new(Seq(self.covers_start), Seq(self.covers_end)),
            digest: Digest(self.digest),
            summary: Summary { text: self.text.into(), author: self.author.into() },
        }
    }
}
