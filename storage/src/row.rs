//! The rows that are not records: a session's head, the mark that makes a file a store, the next session number.

use highwater_protocol::{LogPos, SessionId};
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::store::{BatchId, Epoch, Lease, SessionInfo};

/// The kinds of rows. Persisted: a number is never reused. Records have numbers below 128.
mod kind {
    pub(super) const SESSION: u8 = 128;
    pub(super) const MARK: u8 = 129;
    pub(super) const COUNTER: u8 = 130;
}

/// A value that is stored in a frame of its own kind, as it stands.
pub(crate) trait Row: Serialize + for<'a> Deserialize<'a> {
    /// The kind of its frame.
    const KIND: u8;

    /// The row's frame.
    fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        codec::encode(Self::KIND, self, &mut out)
            .expect("a row has a few small fields, far below the limit");
        out
    }

    /// Reads the row's frame.
    fn decoded(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(Self::KIND, bytes)
    }
}

/// Where a session stands. Version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionRow {
    number: u64,
    epoch: u64,
    head: u64,
    last: Option<LastBatch>,
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

impl Row for SessionRow {
    const KIND: u8 = kind::SESSION;
}

impl SessionRow {
    /// A session that was never opened, under the number that its log is kept by.
    pub(crate) fn new(number: u64) -> Self {
        Self { number, epoch: 0, head: 0, last: None }
    }

    /// The number that its log is kept by.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The last epoch.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch)
    }

    /// The end of the log.
    pub(crate) fn head(&self) -> LogPos {
        LogPos(self.head)
    }

    /// The lease of the owner that has just opened the session.
    pub(crate) fn lease(&self, session: SessionId) -> Lease {
        Lease { session, epoch: self.epoch(), head: self.head() }
    }

    /// The session as it is listed.
    pub(crate) fn info(&self, session: SessionId) -> SessionInfo {
        SessionInfo { session, epoch: self.epoch(), head: self.head() }
    }

    /// The session after one more opening.
    pub(crate) fn raised(self) -> Self {
        Self { epoch: self.epoch.saturating_add(1), ..self }
    }

    /// The session after a batch of `records` records was stored.
    pub(crate) fn advanced(&self, records: usize, id: BatchId, hash: [u8; 32]) -> Self {
        Self {
            head: self.head().advance(records).0,
            last: Some(LastBatch { epoch: self.epoch, id: id.0, hash }),
            ..*self
        }
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

/// What makes a file a store of this layout. Version 1.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    magic: [u8; 9],
    layout: u32,
}

impl Row for Mark {
    const KIND: u8 = kind::MARK;
}

impl Mark {
    /// The mark that this version writes.
    pub(crate) const CURRENT: Self = Self::of_layout(1);

    /// The mark of a layout of the tables.
    pub(crate) const fn of_layout(layout: u32) -> Self {
        Self { magic: *b"highwater", layout }
    }

    /// Why a file with this mark cannot be opened, if so.
    pub(crate) fn refusal(&self) -> Option<String> {
        let (found, known) = (self.layout, Self::CURRENT.layout);
        if self.magic != Self::CURRENT.magic {
            return Some("its mark is another program's".into());
        }
        (found != known).then(|| format!("its layout is version {found}, known is {known}"))
    }
}

/// The number that the next new session gets. Version 1.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counter(pub(crate) u64);

impl Row for Counter {
    const KIND: u8 = kind::COUNTER;
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::golden;

    fn check<R: Row + Debug + PartialEq>(name: &str, row: &R) {
        let stored = golden::check(name, &row.encoded());
        assert_eq!(R::decoded(&stored).as_ref(), Ok(row), "{name}");
    }

    #[test]
    fn the_stored_rows_are_read_and_written_as_ever() {
        let opened = SessionRow::new(7).raised();
        check("row-session-opened", &opened);
        check("row-session-appended", &opened.advanced(3, BatchId(9), [0xab; 32]));
        check("row-mark", &Mark::CURRENT);
        check("row-counter", &Counter(0x0102));
    }

    #[test]
    fn a_row_of_another_kind_is_refused() {
        let bytes = Counter(1).encoded();
        assert_eq!(Mark::decoded(&bytes), Err(DecodeError::Kind(kind::COUNTER)));
    }
}
