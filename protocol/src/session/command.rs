//! Everything a session can ask its shell to do. The shell carries out all commands of one event before the next event.

use std::sync::Arc;
use std::time::Duration;

use crate::branch::Rewinds;
use crate::error::Error;
use crate::ids::{EntryId, PassId, RequestId};
use crate::message::{Notice, Reply};
use crate::position::LogPos;
use crate::record::Record;
use crate::stretch::Stretch;
use crate::view::Removed;

/// Something to do.
#[derive(Debug)]
pub enum Command {
    /// Append these records at `head`; answer with [`super::Event::Durable`] or [`super::Event::CommitFailed`]. Only
    /// one such command is under way at a time (L8).
    Write {
        /// Where the log ends.
        head: LogPos,
        /// What to append.
        records: Vec<Record>,
    },
    /// Answer a request.
    Reply {
        /// Which.
        request: RequestId,
        /// With what.
        reply: Result<Reply, Error>,
    },
    /// Tell the subscribers.
    Notify(Notice),
    /// Fold the log anew up to `end`, knowing all its rewinds, from its beginning or from an anchor that
    /// [holds for them](crate::anchor::Anchor::holds_for); answer with [`super::Event::Refolded`]. No
    /// other event of the session has an effect until then.
    Refold {
        /// All rewinds of the log.
        rewinds: Rewinds,
        /// Where the log ends.
        end: LogPos,
    },
    /// Find out which of these ids are known, of entries whose records stand before [`super::State::indexed`]; answer with
    /// [`super::Event::Found`]. Until then the session holds what it is sent, but for what becomes of its commits. As
    /// many as one append may name.
    Find {
        /// The ids, each once.
        ids: Vec<EntryId>,
    },
    /// Read the entries of the records at these positions; answer with [`super::Event::Fetched`]. Until then the session
    /// holds what it is sent, but for what becomes of its commits.
    Fetch {
        /// The positions, rising. All are durable.
        positions: Vec<LogPos>,
    },
    /// Start the compactor.
    StartPass(PassJob),
    /// Tell the compactor how urgent its pass is.
    PressPass {
        /// Which pass.
        pass: PassId,
        /// How full the view is, in percent of its hard mark.
        fill: u8,
        /// Whether it is to finish without waiting for a model any more: the hard mark is near (V10).
        hurried: bool,
    },
    /// Kill the compactor of this pass; it holds nothing that needs care (V7).
    KillPass(PassId),
    /// Free what left the view, where nobody waits for it.
    Discard(Vec<Removed>),
    /// End the actor: everything is durable, or the log has to be read again.
    Stop,
}

/// What a compactor works on. It plans nothing itself.
#[derive(Clone, Debug)]
pub struct PassJob {
    /// Which pass.
    pub pass: PassId,
    /// What it summarizes: one summary for each stretch.
    pub stretches: Arc<[Stretch]>,
    /// What whoever asked for the pass wants kept above all.
    pub focus: Option<Arc<str>>,
    /// How long it may take, its calls and their retries included.
    pub deadline: Duration,
    /// How full the view is, in percent of its hard mark.
    pub fill: u8,
    /// Whether somebody asked for it, rather than the marks.
    pub by_wish: bool,
}
