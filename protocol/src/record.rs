//! The records of a session's log. The log is the truth; everything else is a fold over it (L4).

use std::sync::Arc;

use crate::budget::Budget;
use crate::entry::{Entry, Format};
use crate::ids::{CallNumber, Digest, PassId};
use crate::pass::Outcome;
use crate::position::{Seq, SeqSpans};
use crate::register::Fact;
use crate::resolution::Resolution;
use crate::summary::Summary;
use crate::time::Timestamp;
use crate::tokens::{TokenCount, Usage};

/// One thing that happened to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The session was opened with these settings: the first record, and again whenever
    /// its marks or its format change.
    Opened {
        /// When.
        at: Timestamp,
        /// What contexts are rendered in from here on.
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
    /// A pass ended with a splice: each piece's entries are shown as its summary from here on (V5).
    Spliced {
        /// When.
        at: Timestamp,
        /// Which pass.
        pass: PassId,
        /// The last entry that the pass covers.
        cut: Seq,
        /// The digest chain at the cut before the splice.
        digest: Digest,
        /// The summaries, in the order of the view.
        pieces: Vec<Replacement>,
        /// What was still under way (V8), told behind the last summary.
        facts: Vec<Fact>,
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
    /// An entry was superseded in place (V14): what stands at `place` says this from here on.
    Edited {
        /// When.
        at: Timestamp,
        /// The number of the new entry.
        seq: Seq,
        /// The entry in whose place it stands.
        place: Seq,
        /// The new entry.
        entry: Arc<Entry>,
    },
    /// An entry was pinned or set free (V13).
    Pinned {
        /// When.
        at: Timestamp,
        /// Which.
        seq: Seq,
        /// Whether it is pinned from here on.
        pinned: bool,
    },
    /// The host has said how a call stands whose result has not come (V8).
    Resolved {
        /// When.
        at: Timestamp,
        /// Which call.
        call: CallRef,
        /// How it stands.
        resolution: Resolution,
    },
    /// The host tracks a task, or has done with it.
    Tracked {
        /// When.
        at: Timestamp,
        /// Its name.
        task: Box<str>,
        /// What it says from here on; `None` when it is done.
        text: Option<Box<str>>,
    },
    /// Everything behind `to` left the live branch (V14). It stays in the history.
    Rewound {
        /// When.
        at: Timestamp,
        /// The last entry that stays.
        to: Seq,
    },
    /// Everything but the instructions left the view. It stays in the history.
    Cleared {
        /// When.
        at: Timestamp,
    },
    /// The provider has reported what was used for an answered context (P8).
    Used {
        /// When.
        at: Timestamp,
        /// Which answer it was.
        call: CallNumber,
        /// The model that was called.
        model: Box<str>,
        /// What the context was estimated at when it was answered; zero if it was rewound before the report came.
        estimated: TokenCount,
        /// What was used.
        usage: Usage,
    },
    /// A checkpoint: what stood here, said again so that an export can be held to it. It changes nothing.
    Checkpointed {
        /// When.
        at: Timestamp,
        /// The last entry.
        seq: Seq,
        /// The digest chain of the view.
        digest: Digest,
    },
}

/// A summary and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The entries.
    pub covers: SeqSpans,
    /// The summary.
    pub summary: Summary,
}

/// A call, by the entry that made it and its id within that entry. Ids alone are reused by real models.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallRef {
    /// The entry that made the call.
    pub seq: Seq,
    /// The call's id.
    pub id: Box<str>,
}

/// The entry that a record brought into the session.
#[derive(Clone, Copy, Debug)]
pub struct EntryOf<'a> {
    /// When.
    pub at: Timestamp,
    /// Its number.
    pub seq: Seq,
    /// Where it stands: its own number, or that of the entry that it superseded.
    pub place: Seq,
    /// The entry.
    pub entry: &'a Arc<Entry>,
}

impl Record {
    /// The entry that was appended, or that another was edited to be.
    pub fn entry(&self) -> Option<EntryOf<'_>> {
        match self {
            Self::Appended { at, seq, entry } => {
                Some(EntryOf { at: *at, seq: *seq, place: *seq, entry })
            }
            Self::Edited { at, seq, place, entry } => {
                Some(EntryOf { at: *at, seq: *seq, place: *place, entry })
            }
            _ => None,
        }
    }

    /// The bytes of memory that the record takes, beside what the view takes that it is folded into.
    pub fn weight(&self) -> usize {
        let texts = match self {
            Self::Appended { entry, .. } | Self::Edited { entry, .. } => {
                entry.source().len() + entry.id().as_str().len()
            }
            Self::Spliced { pieces, .. } => {
                pieces.iter().map(|piece| piece.summary.text.len()).sum()
            }
            Self::Resolved { resolution, .. } => resolution.detail().len(),
            _ => 0,
        };
        size_of::<Self>() + texts
    }

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
            Self::Edited { .. } => "edited",
            Self::Pinned { .. } => "pinned",
            Self::Resolved { .. } => "resolved",
            Self::Tracked { .. } => "tracked",
            Self::Rewound { .. } => "rewound",
            Self::Cleared { .. } => "cleared",
            Self::Used { .. } => "used",
            Self::Checkpointed { .. } => "checkpointed",
        }
    }
}
