//! A checkpoint: a marker in the log that says what a session looked like there, so that what was exported up to it can
//! be told from anything else. It costs one small record, however long the session is.

use crate::ids::Digest;
use crate::position::{LogPos, Seq};
use crate::record::Record;

/// A durable marker of a session's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Where the marker stands in the log. It is the checkpoint's name: no other one of the session has it.
    pub position: LogPos,
    /// The last entry before it.
    pub seq: Seq,
    /// The digest chain of the view at it.
    pub digest: Digest,
}

impl Checkpoint {
    /// The checkpoint that a record at a position makes, if it is one.
    pub fn of(position: LogPos, record: &Record) -> Option<Self> {
        match record {
            Record::Checkpointed { seq, digest, .. } => {
                Some(Self { position, seq: *seq, digest: *digest })
            }
            _ => None,
        }
    }

    /// The end of the log that it stands for: the marker is part of it.
    pub fn end(&self) -> LogPos {
        self.position.advance(1)
    }
}
