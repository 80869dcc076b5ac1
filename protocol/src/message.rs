//! The message-passing API of a session: what a host may ask, what it is answered, and what it is told unasked.

use std::sync::Arc;

use crate::budget::Budget;
use crate::checkpoint::Checkpoint;
use crate::cut::MovedBack;
use crate::elide::Breakdown;
use crate::entry::{Entry, Format};
use crate::error::Error;
use crate::ids::{CallNumber, EntryId, PassId};
use crate::pass::Outcome;
use crate::position::{Seq, SeqRange};
use crate::record::CallRef;
use crate::resolution::Resolution;
use crate::segment::Context;
use crate::tokens::{TokenCount, Usage};

/// What a host may ask of a session.
#[derive(Clone, Debug)]
pub enum Request {
    /// Append entries, all or none. Answered when they are durable, with one receipt for each.
    Append {
        /// The entries, in order.
        entries: Vec<Arc<Entry>>,
    },
    /// What the model shall see now. Answered when everything that it shows is durable; never waits for a model (V10).
    Context {
        /// What to do about calls without a result.
        open_calls: OpenCalls,
    },
    /// Append entries, and tell what the model shall see then. Both become durable in one commit, unless texts have to be
    /// read back into memory for the context. When the entries are refused, nothing else is done.
    NextContext {
        /// The entries, in order.
        entries: Vec<Arc<Entry>>,
        /// What to do about calls without a result.
        open_calls: OpenCalls,
    },
    /// Start a pass. Answered when its start is durable; the pass runs beside everything else.
    Compact {
        /// The last entry that the pass may cover; `None` for the mark that lands the view.
        up_to: Option<Seq>,
        /// What the summary shall keep above all; at most [`crate::caps::MAX_FOCUS_BYTES`].
        focus: Option<Box<str>>,
    },
    /// Tell how a pass ended. Answered when it has, and its record is durable.
    Settled {
        /// Which pass.
        pass: PassId,
    },
    /// Abandon the pass in flight (V7). Answered when that is durable.
    Cancel,
    /// Take everything behind an entry off the live branch (V14). Answered when that is durable. Abandons a pass that
    /// covers more.
    Rewind {
        /// The last entry that stays; zero for none.
        to: Seq,
    },
    /// Supersede an entry in place (V14). Answered when that is durable, with the receipt of the new entry.
    Edit {
        /// The entry that is superseded. It stays readable in the history.
        place: Seq,
        /// What stands there from now on, under an id of its own.
        entry: Arc<Entry>,
    },
    /// Leave nothing in the view but the instructions that lead the session. Answered when that is durable. Abandons the
    /// pass in flight.
    Clear,
    /// Go on with another model: other marks, another format. Answered when that is durable.
    Switch {
        /// The marks.
        budget: Budget,
        /// The format.
        format: Format,
    },
    /// Pin an entry, so that its group stays verbatim through every splice (V13), or set it free. Answered when that is
    /// durable.
    Pin {
        /// Which.
        seq: Seq,
        /// Whether it is to be pinned.
        pinned: bool,
    },
    /// Say how a call stands whose result has not come (V8). Answered when that is durable.
    Resolve {
        /// Which call.
        call: CallRef,
        /// How it stands.
        resolution: Resolution,
    },
    /// Track an open task, so that it is told beside every summary, or end it. Answered when that is durable.
    Track {
        /// Its name; at most [`crate::caps::MAX_TASK_BYTES`].
        task: Box<str>,
        /// What it says; `None` ends it. At most [`crate::caps::MAX_TASK_BYTES`].
        text: Option<Box<str>>,
    },
    /// Take what a provider reported for an answered context. Answered when that is durable.
    ReportUsage {
        /// Which context, by [`Context::call`].
        call: CallNumber,
        /// The model that was called; at most [`crate::caps::MAX_MODEL_BYTES`].
        model: Box<str>,
        /// What was used.
        usage: Usage,
    },
    /// Mark what stands now (`Checkpoint`), so that it can be exported and restored. Answered when the marker is durable.
    Checkpoint,
    /// How the session stands.
    Status,
    /// Abandon the pass in flight, make everything durable, and end the session actor.
    Close,
}

impl Request {
    /// The request's name in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Append { .. } => "append",
            Self::Context { .. } => "context",
            Self::NextContext { .. } => "next context",
            Self::Compact { .. } => "compact",
            Self::Settled { .. } => "settled",
            Self::Cancel => "cancel",
            Self::Rewind { .. } => "rewind",
            Self::Edit { .. } => "edit",
            Self::Clear => "clear",
            Self::Switch { .. } => "switch",
            Self::Pin { .. } => "pin",
            Self::Resolve { .. } => "resolve",
            Self::Track { .. } => "track",
            Self::ReportUsage { .. } => "report usage",
            Self::Checkpoint => "checkpoint",
            Self::Status => "status",
            Self::Close => "close",
        }
    }

    /// The entries that it appends.
    pub fn appends(&self) -> &[Arc<Entry>] {
        match self {
            Self::Append { entries } | Self::NextContext { entries, .. } => entries,
            _ => &[],
        }
    }
}

/// What a context does about calls without a result (V8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenCalls {
    /// Answer which calls are open instead of a context.
    #[default]
    Refuse,
    /// Show a stand-in as their result and freeze it: a result that comes later is quoted text.
    StandIn,
}

/// What a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// To [`Request::Append`].
    Appended(Vec<Receipt>),
    /// To [`Request::Context`].
    Context(ContextReply),
    /// To [`Request::NextContext`].
    NextContext(NextContext),
    /// To [`Request::Compact`].
    Compact(CompactReply),
    /// To [`Request::Settled`].
    Settled(Outcome),
    /// To [`Request::Cancel`]: the pass that was abandoned, if one was in flight.
    Cancelled(Option<PassId>),
    /// To [`Request::Edit`].
    Edited(Receipt),
    /// To [`Request::Rewind`], [`Request::Clear`], [`Request::Switch`], [`Request::Pin`], [`Request::Resolve`],
    /// [`Request::Track`] and [`Request::ReportUsage`]: done and durable. False when everything stood so already.
    Changed(bool),
    /// To [`Request::Checkpoint`].
    Checkpoint(Checkpoint),
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Close`].
    Closed,
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's id.
    pub id: EntryId,
    /// Its number.
    pub seq: Seq,
    /// Whether it had been appended before with the same content (L3).
    pub known: bool,
    /// Whether it is on the live branch. A known entry that a rewind took off stays off: to say the same once more,
    /// append it under another id.
    pub live: bool,
}

/// The answer to a wish for a context.
#[derive(Clone, Debug)]
pub enum ContextReply {
    /// What the model shall see.
    Ready(Context),
    /// These calls have no result, and the host did not ask for stand-ins.
    CallsOpen(Vec<CallRef>),
    /// The view cannot be made to fit the hard mark.
    TooLarge(Breakdown),
}

/// Entries that were appended, and the context behind them.
#[derive(Clone, Debug)]
pub struct NextContext {
    /// Of the entries, in order.
    pub receipts: Vec<Receipt>,
    /// The context. An error when a text that it takes could not be read back, or what it freezes could not be stored behind
    /// the entries: they are appended and durable all the same.
    pub context: Result<ContextReply, Error>,
}

/// The answer to a wish for a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompactReply {
    /// This pass has started.
    Started(PassId),
    /// This pass is in flight already; nothing was started (V6).
    AlreadyRunning(PassId),
    /// No legal cut at or below the mark gains anything.
    NothingToDo,
}

/// How a session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The last entry.
    pub head: Seq,
    /// The view's estimated size.
    pub view: TokenCount,
    /// The view's size, corrected by what was reported; this is what meets the marks.
    pub corrected: TokenCount,
    /// The marks.
    pub budget: Budget,
    /// The last entry of the live branch; behind it are only entries that a rewind took off.
    pub tip: Seq,
    /// From the first entry that a summary stands for to the last.
    pub covered: Option<SeqRange>,
    /// The pass in flight.
    pub pass: Option<PassStatus>,
    /// Calls without a result.
    pub open_calls: Vec<CallRef>,
    /// Announced resets so far.
    pub resets: u64,
}

/// A pass in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassStatus {
    /// Which.
    pub pass: PassId,
    /// What it covers.
    pub covers: SeqRange,
    /// Summarizer calls that have answered.
    pub done: u32,
    /// Summarizer calls in all, as far as is known.
    pub total: u32,
}

/// What a session tells its subscribers, in the order in which it happened, each once it is durable.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A pass began.
    PassStarted {
        /// Which.
        pass: PassId,
        /// What it covers.
        covers: SeqRange,
        /// The size of what it covers.
        tokens: TokenCount,
        /// Why it covers less than was asked for, if so.
        moved_back: Option<MovedBack>,
    },
    /// A summarizer call of the pass has answered.
    PassProgressed(PassStatus),
    /// A pass ended with a splice that is durable now.
    Spliced {
        /// Which.
        pass: PassId,
        /// What the summary stands for.
        covers: SeqRange,
        /// Who wrote it: each summarizer that had a hand in it, once.
        author: Box<str>,
        /// The view before.
        before: TokenCount,
        /// The view after.
        after: TokenCount,
        /// How far the view stayed above its landing mark, if it did (V4).
        shortfall: Option<TokenCount>,
    },
    /// A pass ended in any other way.
    PassEnded {
        /// Which.
        pass: PassId,
        /// How.
        outcome: Outcome,
    },
    /// Parts of the view were elided at the hard mark (V10).
    Elided {
        /// Results that became placeholders.
        results: usize,
        /// Groups that became placeholders.
        groups: usize,
        /// The view before.
        before: TokenCount,
        /// The view after.
        after: TokenCount,
    },
    /// Everything behind an entry left the live branch.
    Rewound {
        /// The last entry that stayed.
        to: Seq,
    },
    /// An entry was superseded in place.
    Edited {
        /// Where.
        place: Seq,
        /// The number of what stands there now.
        seq: Seq,
    },
    /// Everything but the instructions left the view.
    Cleared,
    /// Contexts are rendered in another format from now on.
    Switched {
        /// Which.
        format: Format,
    },
    /// A pinned entry that had been elided is shown as it was said again.
    Restored {
        /// Which.
        seq: Seq,
    },
    /// What cannot be compacted exceeds the trigger by itself, so no pass can help (V9).
    Overhead {
        /// The size of the host's instructions and of what is pinned.
        fixed: TokenCount,
        /// The trigger.
        trigger: TokenCount,
    },
    /// The session actor has ended because a commit failed or it panicked; the next request reopens it from the log.
    Failed(Error),
}
