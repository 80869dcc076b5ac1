//! Everything that can happen to a session.

use std::sync::Arc;

use crate::entry::Entry;
use crate::error::Error;
use crate::ids::{EntryId, PassId, RequestId};
use crate::message::Request;
use crate::position::LogPos;
use crate::summary::Summary;

use super::{Known, State};

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
    /// The store finds the ids of all entries before a position by itself: the session need not keep them.
    Indexed {
        /// The position; all before it is durable.
        below: LogPos,
    },
    /// Which ids are known, of those that [`super::Command::Find`] has named.
    Found {
        /// The entries of those that are; the others are new.
        known: Result<Vec<(EntryId, Known)>, Error>,
    },
    /// What the entries say that [`super::Command::Fetch`] has named, by the positions of their records.
    Fetched {
        /// The entries.
        entries: Result<Vec<(LogPos, Arc<Entry>)>, Error>,
    },
    /// The process needs memory: texts leave it until the session takes no more than so many bytes, as far as
    /// [`super::SessionConfig::resident_bytes`] says that they may.
    Relieve {
        /// The bytes.
        to_bytes: usize,
    },
    /// The fold was made anew from the log, or could not be.
    Refolded {
        /// The fold of the whole log.
        state: Result<Box<State>, Error>,
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
