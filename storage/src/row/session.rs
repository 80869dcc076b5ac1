//! Where a session stands: its epoch, the end of its log, how much of it is sealed, and whose rows its beginning is.

use highwater_protocol::{LogPos, SessionId};
use serde::{Deserialize, Serialize};

use super::{Row, kind};
use crate::store::{BatchId, Epoch, Lease, SessionInfo};

/// Where a session stands. Version 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionRow {
    number: u64,
    epoch: u64,
    head: u64,
    /// Rows of its own below this position are sealed.
    sealed: u64,
    last: Option<LastBatch>,
    /// Whose rows the log begins with, oldest first: the number that they are kept by, and where they end.
    lineage: Vec<(u64, u64)>,
}

/// The batch that was stored last, to recognise its retry. Version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LastBatch {
    epoch: u64,
    id: u64,
    hash: [u8; 32],
}

/// How a batch relates to the one that was stored last.
pub(crate) enum Retry {
    /// It is another batch.
    No,
    /// It is the same batch.
    Same,
    /// It uses the same id within one epoch, with other content.
    Other,
}

/// A part of a log whose rows are kept by one number: from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// The number that the rows are kept by.
    pub(crate) number: u64,
    /// The first position.
    pub(crate) start: u64,
    /// The position behind the last.
    pub(crate) end: u64,
}

impl Row for SessionRow {
    const KIND: u8 = kind::SESSION;
}

impl SessionRow {
    /// A session that was never opened, under the number that its log is kept by.
    pub(crate) fn new(number: u64) -> Self {
        Self { number, epoch: 0, head: 0, sealed: 0, last: None, lineage: Vec::new() }
    }

    /// A session whose log begins with that of this one, up to `at`, which does not lie behind its head.
    pub(crate) fn forked(&self, number: u64, at: LogPos) -> Self {
        let clipped = self.stretches(LogPos(0), at).map(|stretch| (stretch.number, stretch.end));
        Self { head: at.0, sealed: at.0, lineage: clipped.collect(), ..Self::new(number) }
    }

    /// Whether this session began as a fork of another at that position. A fork that shares nothing is one as long as
    /// nothing was written to it.
    pub(crate) fn is_fork_of(&self, parent: &Self, at: LogPos) -> bool {
        let began = &parent.forked(self.number, at).lineage;
        self.number != parent.number
            && self.lineage == *began
            && (!began.is_empty() || self.head == 0)
    }

    /// The number that its own rows are kept by.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The numbers whose rows its log is kept in, and where each ends.
    pub(crate) fn owned(&self) -> impl Iterator<Item = (u64, u64)> {
        self.lineage.iter().copied().chain([(self.number, self.head)])
    }

    /// The last epoch.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch)
    }

    /// The end of the log.
    pub(crate) fn head(&self) -> LogPos {
        LogPos(self.head)
    }

    /// Where its own rows begin: behind what it shares with the session that it was forked from.
    pub(crate) fn origin(&self) -> LogPos {
        LogPos(self.lineage.last().map_or(0, |(_, end)| *end))
    }

    /// Below this position its own rows are sealed.
    pub(crate) fn sealed(&self) -> LogPos {
        LogPos(self.sealed)
    }

    /// How many forks it is away from a session that shares nothing.
    pub(crate) fn depth(&self) -> usize {
        self.lineage.len()
    }

    /// The parts of the log from `from` up to `to`, in order, and whose rows each is. The one place that clips what a fork
    /// shares at the point where it was forked (L9).
    pub(crate) fn stretches(&self, from: LogPos, to: LogPos) -> impl Iterator<Item = Stretch> {
        let own = (self.number, self.head);
        let mut start = 0;
        self.lineage.iter().copied().chain([own]).filter_map(move |(number, end)| {
            let clipped = Stretch { number, start: start.max(from.0), end: end.min(to.0) };
            start = end;
            (clipped.start < clipped.end).then_some(clipped)
        })
    }

    /// The numbers that anchors up to a position are kept by, and the last position of each: an anchor at the end of what
    /// a fork shares is the fold of all of that, whichever of the two has taken it.
    pub(crate) fn anchored(&self, up_to: LogPos) -> impl Iterator<Item = (u64, u64)> {
        self.owned().map(move |(number, end)| (number, end.min(up_to.0)))
    }

    /// The lease of the owner that has just opened the session.
    pub(crate) fn lease(&self, session: SessionId) -> Lease {
        let (epoch, head, indexed) = (self.epoch(), self.head(), self.sealed());
        Lease { session, epoch, head, indexed }
    }

    /// The session as it is listed.
    pub(crate) fn info(&self, session: SessionId) -> SessionInfo {
        let (epoch, head) = (self.epoch(), self.head());
        SessionInfo { session, epoch, head, origin: self.origin(), indexed: self.sealed() }
    }

    /// The session after one more opening.
    pub(crate) fn raised(self) -> Self {
        Self { epoch: self.epoch.saturating_add(1), ..self }
    }

    /// The session after a batch of `records` records was stored.
    pub(crate) fn advanced(&self, records: usize, id: BatchId, hash: [u8; 32]) -> Self {
        let last = Some(LastBatch { epoch: self.epoch, id: id.0, hash });
        Self { head: self.head().advance(records).0, last, ..self.clone() }
    }

    /// The session after its own rows below a position were sealed.
    pub(crate) fn sealed_below(&self, sealed: LogPos) -> Self {
        Self { sealed: sealed.0, ..self.clone() }
    }

    /// Whether a batch is the last one again. A new owner may number its batches anew, so an id alone proves nothing
    /// across epochs.
    pub(crate) fn retry(&self, id: BatchId, hash: &[u8; 32]) -> Retry {
        match &self.last {
            Some(last) if last.id == id.0 && last.hash == *hash => Retry::Same,
            Some(last) if last.id == id.0 && last.epoch == self.epoch => Retry::Other,
            _ => Retry::No,
        }
    }
}
