//! The rows that are not records: where a session stands, the mark that makes a file a store, the next session number,
//! and what is kept behind and beside the log.

mod packed;
mod session;

#[cfg(test)]
mod tests;

use highwater_protocol::LogPos;
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};

pub(crate) use packed::{AnchorRow, BlobRow, SegmentRow};
pub(crate) use session::{Retry, SessionRow, Stretch};

/// The kinds of rows. Persisted: a number is never reused. Records have numbers below 128, anchors 140.
mod kind {
    pub(super) const MARK: u8 = 129;
    pub(super) const COUNTER: u8 = 130;
    pub(super) const SESSION: u8 = 131;
    pub(super) const BLOB: u8 = 132;
    pub(super) const SEGMENT: u8 = 133;
    pub(super) const PLACE: u8 = 134;
    pub(super) const ANCHOR: u8 = 135;
    pub(super) const REDONE: u8 = 136;
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
    /// The mark that this version writes. Layout 1 was never released; layout 2 has no redo log beside it.
    pub(crate) const CURRENT: Self = Self::of_layout(3);

    /// The oldest layout that this version opens. It becomes the current one when it is opened to be written.
    const OLDEST: u32 = 2;

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
        let is_known = (Self::OLDEST..=known).contains(&found);
        (!is_known).then(|| format!("its layout is version {found}, known is {known}"))
    }
}

/// What of the redo log is not in this file: what follows this. Version 1.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Redone {
    /// The salt of the log.
    pub(crate) salt: [u8; 16],
    /// The next frame has the number behind this one.
    pub(crate) number: u64,
    /// Whether the log may hold more.
    pub(crate) in_use: bool,
}

impl Row for Redone {
    const KIND: u8 = kind::REDONE;
}

/// The number that the next new session gets. Version 1.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counter(pub(crate) u64);

impl Row for Counter {
    const KIND: u8 = kind::COUNTER;
}

/// Where the entry of an id stands in the log. Version 1.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place(pub(crate) u64);

impl Place {
    /// The position.
    pub(crate) fn at(&self) -> LogPos {
        LogPos(self.0)
    }
}

impl Row for Place {
    const KIND: u8 = kind::PLACE;
}
