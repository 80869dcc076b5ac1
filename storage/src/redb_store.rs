//! The store in one redb file: a directory with `highwater.redb`, and `highwater.lock` beside it.

mod failure;
mod journal;
mod open;

use std::fs::File;
use std::path::{Path, PathBuf};

use highwater_protocol::{LogPos, SessionId};

use crate::codec::MAX_FRAME_BYTES;
use crate::error::StoreError;
use crate::store::{
    Appended, Capabilities, Durability, Lease, Page, PageLimit, SessionBatch, SessionInfo, Store,
    Usage,
};

use failure::io_error;
use journal::Journal;

/// How a [`RedbStore`] is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedbOptions {
    /// Bytes of memory that cache pages of the file.
    pub cache_bytes: usize,
    /// Whether a store is created where there is none.
    pub create: bool,
}

impl Default for RedbOptions {
    /// 64 MiB: a log is written at its end and read in pages, so that a larger cache gains little.
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, create: true }
    }
}

/// Keeps sessions in a directory, for one process at a time.
///
/// After an append failed in the middle of a commit, the store answers reads but refuses writers (L6): drop it and
/// open it again. Dropping it also spares the next opening a repair.
#[derive(Debug)]
pub struct RedbStore {
    // Declared before the lock, so that the file is closed before another process may open it.
    journal: Journal,
    path: PathBuf,
    _lock: File,
}

impl RedbStore {
    /// Opens the store in `dir`, creating both if the options say so. Other files in the directory are left alone.
    ///
    /// [`StoreError::Locked`] while another process has it open; [`StoreError::Foreign`] when what is there is not a
    /// store that this version can open; [`StoreError::Io`] when the system refuses, or there is no store and none shall
    /// be created.
    pub fn open(dir: &Path, options: RedbOptions) -> Result<Self, StoreError> {
        let open::Opened { database, path, lock } = open::open(dir, options)?;
        Ok(Self { journal: Journal::new(database), path, _lock: lock })
    }
}

impl Store for RedbStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: Durability::Disk, max_record_bytes: MAX_FRAME_BYTES }
    }

    fn open_session(&self, session: &SessionId) -> Result<Lease, StoreError> {
        self.journal.open_session(session)
    }

    fn append(&self, batches: &[SessionBatch]) -> Result<Vec<Appended>, StoreError> {
        self.journal.append(batches)
    }

    fn read(
        &self,
        session: &SessionId,
        from: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        self.journal.read(session, from, limit)
    }

    fn sessions(
        &self,
        after: Option<&SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionInfo>, StoreError> {
        self.journal.sessions(after, limit)
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        let file = self.path.metadata().map_err(|error| io_error(&self.path, &error))?;
        Ok(Usage { bytes: file.len(), commits: self.journal.commits() })
    }
}

#[cfg(test)]
mod tests;
