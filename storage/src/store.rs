//! The door (L8): everything the actors know of durability. Narrow, synchronous, and fenced, so that one file fits
//! behind it now and a replicated engine later.

use highwater_protocol::{LogPos, Record, SessionId};

use crate::error::StoreError;

/// A writer's hold on one session: who it is and where its log ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The session.
    pub session: SessionId,
    /// Raised by each opening; an append under a smaller epoch is refused as fenced.
    pub epoch: Epoch,
    /// The end of the log at the time of opening.
    pub head: LogPos,
}

/// Counts the openings of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Names one batch of one session, so that a byte-identical retry is recognised. Given by the writer, rising.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub u64);

/// What one session wants to append: all of it becomes durable together with the new head, or none of it.
#[derive(Clone, Debug)]
pub struct SessionBatch {
    /// The session.
    pub session: SessionId,
    /// The epoch of the writer's lease.
    pub epoch: Epoch,
    /// Where the writer believes the log to end.
    pub head: LogPos,
    /// The batch's id.
    pub batch: BatchId,
    /// The records, in order. Not empty.
    pub records: Vec<Record>,
}

/// What became of one session's batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Durable; the log now ends at this position. Also the answer to a retry of the last batch: the same id, head and
    /// records, also by a newer owner under its own epoch.
    Stored(LogPos),
    /// A newer owner has opened the session: this one must stop.
    Fenced {
        /// The epoch of the newer owner.
        current: Epoch,
    },
    /// The head does not match: the writer's view of the log is wrong and must be rebuilt.
    WrongHead {
        /// Where the log really ends.
        current: LogPos,
    },
}

/// A page of a session's log.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The records with their positions, in order and without gaps. A damaged record is never skipped: the page ends
    /// before it, and is an error when it would start with it.
    pub records: Vec<(LogPos, Record)>,
    /// Where to read on; `None` at the end of the log.
    pub next: Option<LogPos>,
}

/// How much of a page to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit {
    /// Stop after this many bytes of records. At least one record is always read.
    pub bytes: usize,
}

/// A session that the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its name.
    pub session: SessionId,
    /// The last epoch.
    pub epoch: Epoch,
    /// The end of its log.
    pub head: LogPos,
}

/// What a store promises and can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// What survives once an append was answered as stored.
    pub durability: Durability,
    /// The largest encoded record, in bytes.
    pub max_record_bytes: usize,
}

/// What stored data survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: it lives in this process's memory.
    Process,
    /// The loss of the process and of power, as far as the disk keeps its promise to sync.
    Disk,
}

/// The store of all sessions. All methods block; none may be called on an async thread.
pub trait Store: Send + Sync + 'static {
    /// What this store promises.
    fn capabilities(&self) -> Capabilities;

    /// Opens a session for writing and raises its epoch; creates it when it is new. Durable when it returns.
    /// Fails as [`Store::append`] does.
    fn open_session(&self, session: &SessionId) -> Result<Lease, StoreError>;

    /// Appends the batches of many sessions in one commit (L2). When it returns `Ok`, every batch answered with
    /// [`Appended::Stored`] is durable and the others changed nothing. The answers are in the order of the batches.
    ///
    /// [`StoreError::Unknown`]: the batches may or may not be stored; from then on the store refuses writers with
    /// [`StoreError::Io`] until it is reopened (L6). Any other error: surely nothing of any batch was stored.
    /// [`StoreError::NoSession`] when one of the sessions was never opened; [`StoreError::Invalid`] for an empty
    /// batch, a record over the cap, two batches of one session, an epoch that was never given out, or the last batch
    /// id with other content.
    fn append(&self, batches: &[SessionBatch]) -> Result<Vec<Appended>, StoreError>;

    /// Reads a session's log from a position on. [`StoreError::NoSession`] when the session is not known;
    /// [`StoreError::Damaged`] when the first record is damaged or missing, otherwise the page ends before it.
    fn read(&self, session: &SessionId, from: LogPos, limit: PageLimit)
    -> Result<Page, StoreError>;

    /// The sessions in order of their names, `limit` at a time, behind `after`.
    fn sessions(
        &self,
        after: Option<&SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionInfo>, StoreError>;

    /// How many bytes the store takes where it is kept, and how often it synced since it was opened.
    fn usage(&self) -> Result<Usage, StoreError>;
}

/// Figures of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on disk, or held in memory.
    pub bytes: u64,
    /// Commits since the store was opened.
    pub commits: u64,
}
