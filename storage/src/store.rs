//! The door (L8): everything the actors know of durability. Narrow, synchronous, and fenced, so that one file fits
//! behind it now and a replicated engine later.

use std::ops::AddAssign;
use std::slice;

use highwater_protocol::{Digest, EntryId, LogPos, Record, SessionId, Timestamp};

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
    /// The ids of all entries below this position are in the index: [`Store::find`] knows them.
    pub indexed: LogPos,
}

/// A new session that begins with the log of another (L9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The session that it begins with.
    pub parent: SessionId,
    /// How much of its log: what stands below this position.
    pub at: LogPos,
    /// The new session.
    pub child: SessionId,
}

/// How many forks a session may be away from one that shares nothing: each costs a look when an id is searched.
pub const MAX_FORK_DEPTH: usize = 256;

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
    /// The records with their positions, in the order of reading and without gaps. A damaged record is never skipped: the page ends
    /// before it, and is an error when it would start with it.
    pub records: Vec<(LogPos, Record)>,
    /// Where to read on; `None` at the end of the log, or at its beginning when it was read backwards.
    pub next: Option<LogPos>,
}

/// How much of a page to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit {
    /// Stop after this many bytes of records, payloads included. At least one record is always read.
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
    /// Where its own rows begin: zero, or where it was forked from another session.
    pub origin: LogPos,
    /// The ids of all entries below this position are in the index.
    pub indexed: LogPos,
}

impl SessionInfo {
    /// The lease of whoever opened the session last, as it stands by now.
    pub fn lease(self) -> Lease {
        let Self { session, epoch, head, indexed, .. } = self;
        Lease { session, epoch, head, indexed }
    }
}

/// What was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Everything of the session below this position is sealed, and in the index of ids.
    pub below: LogPos,
    /// How many records this call sealed.
    pub records: u64,
    /// Whether there may be more to seal: one call stays within a few MiB, so that others need not wait for it.
    pub more: bool,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many payloads.
    pub blobs: u64,
    /// The bytes that they took in the store.
    pub bytes: u64,
}

impl AddAssign for Swept {
    fn add_assign(&mut self, more: Self) {
        self.blobs += more.blobs;
        self.bytes += more.bytes;
    }
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
///
/// A method that writes is one durable step: when it returns `Ok`, all of it is stored as far as [`Durability`] says, and
/// when it returns an error, nothing of it is, but for [`StoreError::Unknown`], of which it is not known. From then on the
/// store refuses writers with [`StoreError::Io`] until it is reopened (L6); reading goes on where it can. A method that
/// reads does so in a snapshot of its own, which ends with the call.
pub trait Store: Send + Sync + 'static {
    /// What this store promises.
    fn capabilities(&self) -> Capabilities;

    /// Opens sessions for writing in one commit and raises their epochs; creates those that are new. The answers are in the
    /// order of the names; a name that comes twice is opened twice, and the later lease counts. All are opened, or none.
    fn open_sessions(&self, sessions: &[SessionId]) -> Result<Vec<Lease>, StoreError>;

    /// Opens one session.
    fn open_session(&self, session: &SessionId) -> Result<Lease, StoreError> {
        let mut leases = self.open_sessions(slice::from_ref(session))?;
        leases.pop().ok_or_else(|| StoreError::NoSession(session.clone()))
    }

    /// Where a session stands. [`StoreError::NoSession`] when it is not known.
    fn session(&self, session: &SessionId) -> Result<SessionInfo, StoreError>;

    /// Makes a session that begins with the log of another and shares its rows (L9), at a cost that does not depend on how
    /// long that is. The same fork once more is answered in the same way; one at position 0, as long as nothing was
    /// written to the child.
    ///
    /// [`StoreError::NoSession`] when the parent is not known; [`StoreError::Invalid`] when its log ends before that
    /// position, the child is another session already, or the parent is [`MAX_FORK_DEPTH`] forks deep;
    /// [`StoreError::Damaged`] when a record before it that is not sealed yet cannot be read, since its id could not be put
    /// into the index.
    fn fork(&self, fork: &Fork) -> Result<SessionInfo, StoreError>;

    /// Appends the batches of many sessions in one commit (L2). Every batch answered with [`Appended::Stored`] is
    /// durable and the others changed nothing. The answers are in the order of the batches. Payloads of the records'
    /// entries are stored with them, once for all entries that hold them (X1).
    ///
    /// [`StoreError::NoSession`] when one of the sessions was never opened; [`StoreError::Invalid`] for an empty
    /// batch, a record over the cap, two batches of one session, an epoch that was never given out, or the last batch
    /// id with other content.
    fn append(&self, batches: &[SessionBatch]) -> Result<Vec<Appended>, StoreError>;

    /// Whether [`Store::write_behind`] has something to do. May wait for a write that is under way.
    fn is_behind(&self) -> bool {
        false
    }

    /// Writes down what appends have left to be written down later, if it is much, beside those that come meanwhile. An
    /// append that finds too much of it does it first. What was acknowledged is durable without it. Takes as long as
    /// writing and syncing some megabytes does.
    ///
    /// [`StoreError::Busy`] when it fails: writers are refused from then on, and nothing is lost.
    fn write_behind(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Reads a session's log from a position on, oldest first. [`StoreError::NoSession`] when the session is not known;
    /// [`StoreError::Damaged`] when the first record is damaged or missing, otherwise the page ends before it.
    fn read(&self, session: &SessionId, from: LogPos, limit: PageLimit)
    -> Result<Page, StoreError>;

    /// Reads what stands before a position, newest first. Fails as [`Store::read`] does.
    fn read_back(
        &self,
        session: &SessionId,
        before: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError>;

    /// Reads the records at these positions, which rise. [`StoreError::Damaged`] when one of them cannot be read.
    fn read_at(
        &self,
        session: &SessionId,
        positions: &[LogPos],
    ) -> Result<Vec<(LogPos, Record)>, StoreError>;

    /// Where the entries of these ids stand, in the order of the ids. Knows those below [`Lease::indexed`], and may know
    /// others.
    fn find(&self, session: &SessionId, ids: &[EntryId])
    -> Result<Vec<Option<LogPos>>, StoreError>;

    /// Seals what stands below a position, as far as it fills whole stretches: it takes less room, and the ids of its
    /// entries get into the index. Reading does not show it.
    fn seal(&self, session: &SessionId, below: LogPos) -> Result<Sealed, StoreError>;

    /// Stores the fold of a session's log up to `at`, encoded, in the place of an earlier one of the same position. Older
    /// ones are kept, ever fewer the older they are.
    fn put_anchor(&self, session: &SessionId, at: LogPos, anchor: &[u8]) -> Result<(), StoreError>;

    /// The positions at or before `before` that have an anchor, newest first.
    fn anchors(&self, session: &SessionId, before: LogPos) -> Result<Vec<LogPos>, StoreError>;

    /// The anchor of a position; `None` when there is none that can be read.
    fn anchor(&self, session: &SessionId, at: LogPos) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores payloads ahead of the records that will refer to them; tells their digests. They count as stored at `at`.
    /// [`StoreError::Invalid`] when one has more than [`MAX_PAYLOAD_BYTES`](highwater_protocol::payload::MAX_PAYLOAD_BYTES).
    fn put_blobs(&self, blobs: &[&[u8]], at: Timestamp) -> Result<Vec<Digest>, StoreError>;

    /// Removes the payloads stored before a moment that no record of any session refers to, by mark and sweep (X1). The
    /// moment lies so far back that whoever stored them has written the records by now. Nothing is removed while a record
    /// is damaged, since it may refer to any. Takes as long as reading everything does.
    fn sweep_blobs(&self, before: Timestamp) -> Result<Swept, StoreError>;

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
    /// Syncs of the disk since the store was opened; none for a store in memory.
    pub syncs: u64,
    /// Bytes of records, without payloads, that were encoded since the store was opened.
    pub encoded_bytes: u64,
    /// Bytes of payloads that were packed and stored since the store was opened.
    pub payload_bytes: u64,
}
