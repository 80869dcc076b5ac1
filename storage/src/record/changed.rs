//! What a host changed about a session: pins, tasks, rewinds, clears. And what it marked: checkpoints.

use highwater_protocol::{Digest, Record, Seq, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct PinnedV1 {
    at_ms: i64,
    seq: u64,
    pinned: bool,
}

impl PinnedV1 {
    pub(super) fn new(at: Timestamp, seq: Seq, pinned: bool) -> Self {
        Self { at_ms: at.0, seq: seq.0, pinned }
    }

    pub(super) fn record(self) -> Record {
        let Self { at_ms, seq, pinned } = self;
        Record::Pinned { at: Timestamp(at_ms), seq: Seq(seq), pinned }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct TrackedV1<'a> {
    at_ms: i64,
    task: &'a str,
    text: Option<&'a str>,
}

impl<'a> TrackedV1<'a> {
    pub(super) fn new(at: Timestamp, task: &'a str, text: Option<&'a str>) -> Self {
        Self { at_ms: at.0, task, text }
    }

    pub(super) fn record(self) -> Record {
        let Self { at_ms, task, text } = self;
        Record::Tracked { at: Timestamp(at_ms), task: task.into(), text: text.map(Into::into) }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct RewoundV1 {
    at_ms: i64,
    to: u64,
}

impl RewoundV1 {
    pub(super) fn new(at: Timestamp, to: Seq) -> Self {
        Self { at_ms: at.0, to: to.0 }
    }

    pub(super) fn record(self) -> Record {
        Record::Rewound { at: Timestamp(self.at_ms), to: Seq(self.to) }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ClearedV1 {
    at_ms: i64,
}

impl ClearedV1 {
    pub(super) fn new(at: Timestamp) -> Self {
        Self { at_ms: at.0 }
    }

    pub(super) fn record(self) -> Record {
        Record::Cleared { at: Timestamp(self.at_ms) }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct CheckpointedV1 {
    at_ms: i64,
    seq: u64,
    digest: [u8; 32],
}

impl CheckpointedV1 {
    pub(super) fn new(at: Timestamp, seq: Seq, digest: Digest) -> Self {
        Self { at_ms: at.0, seq: seq.0, digest: digest.0 }
    }

    pub(super) fn record(self) -> Record {
        let Self { at_ms, seq, digest } = self;
        Record::Checkpointed { at: Timestamp(at_ms), seq: Seq(seq), digest: Digest(digest) }
    }
}
