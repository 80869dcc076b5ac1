//! The records of a session's log. The log is the truth; everything else is a fold over it (L4).

use std::sync::Arc;

use crate::budget::Budget;
use crate::entry::{Entry, Format};
use crate::ids::{CallNumber, Digest, PassId};
use crate::pass::Outcome;
use crate::position::{Seq, SeqRange};
use crate::summary::Summary;
use crate::time::Timestamp;

/// One thing that happened to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The session was opened with these settings: the first record, and again whenever its marks change.
    Opened {
        /// When.
        at: Timestamp,
        /// What contexts are rendered in. Fixed with the first record.
        format: Format,
        /// The marks from here on.
        budget: Budget,
    },
    /// An entry was appended.
    Appended {
        /// When.
        at: Timestamp,
        /// Its number.
        seq: Seq,
        /// The entry.
        entry: Arc<Entry>,
    },
    /// A context was answered (P8): everything up to `position` is frozen as it was rendered.
    Answered {
        /// When.
        at: Timestamp,
        /// Which answer it was.
        call: CallNumber,
        /// The last entry that it knew of.
        position: Seq,
        /// The digest chain of the view that was shown.
        digest: Digest,
        /// The calls that were shown with a stand-in because no result had come (V8), by entry and call id.
        stand_ins: Vec<CallRef>,
    },
    /// Parts of the view were elided to fit the hard mark (V10).
    Elided {
        /// When.
        at: Timestamp,
        /// Entries whose results are shown as placeholders.
        results: Vec<Seq>,
        /// First entries of the groups that are shown as one placeholder.
        groups: Vec<Seq>,
    },
    /// A pass began.
    PassStarted {
        /// When.
        at: Timestamp,
        /// Which.
        pass: PassId,
        /// The last entry that it covers.
        cut: Seq,
        /// The digest chain at the cut.
        digest: Digest,
    },
    /// A pass ended with a splice: `covers` is shown as `summary` from here on (V5).
    Spliced {
        /// When.
        at: Timestamp,
        /// Which pass.
        pass: PassId,
        /// What the summary stands for.
        covers: SeqRange,
        /// The digest chain at the end of `covers` before the splice.
        digest: Digest,
        /// The summary.
        summary: Summary,
    },
    /// A pass ended in any other way: the audit record.
    PassEnded {
        /// When.
        at: Timestamp,
        /// Which pass.
        pass: PassId,
        /// How.
        outcome: Outcome,
    },
}

/// A call, by the entry that made it and its id within that entry. Ids alone are reused by real models.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallRef {
    /// The entry that made the call.
    pub seq: Seq,
    /// The call's id.
    pub id: Box<str>,
}

impl Record {
    /// The record's name in logs and error texts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Appended { .. } => "appended",
            Self::Answered { .. } => "answered",
            Self::Elided { .. } => "elided",
            Self::PassStarted { .. } => "pass started",
            Self::Spliced { .. } => "spliced",
            Self::PassEnded { .. } => "pass ended",
        }
    }
}
