//! Everything that can happen to a session.

use crate::error::Error;
use crate::ids::{PassId, RequestId};
use crate::message::Request;
use crate::position::LogPos;
use crate::summary::Summary;

use super::State;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A host asked for something.
    Request {
        /// Ties the reply to it.
        request: RequestId,
        /// What it asked for.
        body: Request,
    },
    /// The batch in flight is durable: everything below this position is.
    Durable {
        /// The durable position.
        position: LogPos,
    },
    /// The batch in flight was not stored, or it is not known whether it was (L6).
    CommitFailed {
        /// What is known.
        failure: CommitFailure,
        /// What the store said.
        why: Box<str>,
    },
    /// The fold was made anew from the log, or could not be.
    Refolded {
        /// The fold of the whole log.
        state: Result<Box<State>, Error>,
    },
    /// The store has an index of ids for everything below this position.
    Indexed {
        /// The position.
        below: LogPos,
    },
    /// The process needs memory: keep no more than this.
    Relieve {
        /// Bytes to keep.
        to_bytes: usize,
    },
    /// A summarizer call of a pass has answered.
    PassProgressed {
        /// Which pass.
        pass: PassId,
        /// Calls that have answered.
        done: u32,
        /// Calls in all.
        total: u32,
    },
    /// A pass has its summaries.
    PassDone {
        /// Which pass.
        pass: PassId,
        /// One for each stretch of its job, in the same order.
        summaries: Vec<Summary>,
    },
    /// A pass ended without a summary, or its compactor died.
    PassFailed {
        /// Which pass.
        pass: PassId,
        /// Why.
        why: Box<str>,
    },
    /// The deadline of a pass has come.
    PassOverdue {
        /// Which pass.
        pass: PassId,
    },
}

/// What is known of a batch whose commit failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFailure {
    /// Surely not stored; the same may be tried again.
    NotStored,
    /// Surely not stored; the store takes no writes until somebody has mended and reopened it.
    Refused,
    /// May or may not be stored.
    Unknown,
    /// A newer owner has the session.
    Fenced,
}
