//! The store in a redb file: a directory with `highwater.redb`, its redo log and `highwater.lock` beside it. Or over any
//! backends of redb.

mod failure;
mod journal;
mod layers;
mod open;
mod overlay;
mod place;
mod redo;
mod rows;
mod shelter;
mod tables;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use highwater_protocol::{Digest, EntryId, LogPos, Record, SessionId, Timestamp};
use redb::StorageBackend;

use crate::admission;
use crate::codec::MAX_FRAME_BYTES;
use crate::engine::{self, Blocks, References, Suspects, Touched};
use crate::error::StoreError;
use crate::store::{
    Appended, Capabilities, Durability, Fork, Lease, Page, PageLimit, Sealed, SessionBatch,
    SessionInfo, Store, Swept, Usage,
};
use crate::tables::{Failure, Table};

use journal::{Ending, Journal, Reading};
use place::Place;
use shelter::{damaged, sheltered};

/// What a sweep looks at in one snapshot.
const MARKED_AT_ONCE_BYTES: usize = 8 << 20;

/// How a [`RedbStore`] is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedbOptions {
    /// Bytes of memory that cache pages of the file.
    pub cache_bytes: usize,
    /// Bytes that the redo log may take: what was acknowledged and is not in redb yet. That is in memory too, and takes a
    /// few times as much there if its rows are small. Once half of it is full it is written to redb. The larger it is, the
    /// more seldom that has to be, and the longer it takes to open a store after a crash.
    pub redo_bytes: u64,
    /// Whether a store is created where there is none.
    pub create: bool,
}

impl Default for RedbOptions {
    /// 64 MiB of cache: a log is written at its end and read in pages, so that a larger one gains little. 4 MiB of redo log:
    /// doing it once more takes some hundredths of a second.
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, redo_bytes: 4 << 20, create: true }
    }
}

/// What was found of the payloads of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payloads {
    /// How many there are.
    pub payloads: u64,
    /// Those of them that no record refers to. They do no harm.
    pub unreferenced: u64,
    /// Those that cannot be read.
    pub lost: Vec<LostPayload>,
}

/// A payload that is damaged, or missing though an entry refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostPayload {
    /// The hash of its bytes.
    pub digest: Digest,
    /// What was found.
    pub why: String,
    /// How many entries refer to it, those that several sessions share counted once. None of them can be read.
    pub entries: u64,
}

/// Keeps sessions in a directory, for one process at a time.
///
/// After an append failed in the middle of a commit, the store answers reads but refuses writers (L6): drop it and
/// open it again. Dropping it also spares the next opening a repair.
#[derive(Debug)]
pub struct RedbStore {
    // Declared before the lock, so that the file is closed before another process may open it.
    journal: Journal,
    blocks: Blocks,
    touched: Touched,
    sweeping: Mutex<()>,
    encoded_bytes: AtomicU64,
    payload_bytes: AtomicU64,
    place: Place,
    redo: Option<Place>,
    _lock: Option<File>,
}

impl RedbStore {
    /// Opens the store in `dir`, creating both if the options say so. Other files in the directory are left alone.
    ///
    /// [`StoreError::Locked`] while another process has it open; [`StoreError::Foreign`] when what is there is not a
    /// store that this version can open; [`StoreError::Io`] when the system refuses, there is no store and none shall be
    /// created, or its redo log is missing, damaged or another's.
    pub fn open(dir: &Path, options: RedbOptions) -> Result<Self, StoreError> {
        Self::opened(|| open::open(dir, options))
    }

    /// Opens the store in `dir` to read it, and leaves every byte there as it is, also when it was not closed: what redb
    /// mends and notes stays in memory. Writers are refused with [`StoreError::Io`]. Several may read at once, beside no
    /// writer; reading permission is enough.
    ///
    /// Errors are those of [`RedbStore::open`]; nothing is created.
    pub fn open_to_read(dir: &Path, options: RedbOptions) -> Result<Self, StoreError> {
        let mut store = Self::opened(|| open::unchanged(dir, options))?;
        store.journal.refuse_writers();
        Ok(store)
    }

    /// Opens the store over backends that are not files in a directory, memory or a disk of a test that fails: one for the
    /// store, one for its redo log. When the first is empty it becomes a new store if the options say so. The store is
    /// durable as far as `sync_data` of both makes it so, and locked as far as the first one locks. The two belong
    /// together: what was acknowledged last is in the second.
    ///
    /// A creation that is cut off leaves a backend that is neither empty nor a store, which is foreign from then on;
    /// nothing is lost with it. [`RedbStore::open`] renames a finished store into place instead.
    ///
    /// Errors are those of [`RedbStore::open`].
    pub fn over(
        backend: impl StorageBackend,
        redo: impl StorageBackend,
        options: RedbOptions,
    ) -> Result<Self, StoreError> {
        Self::opened(|| open::over(backend, redo, options))
    }

    /// Gives back to the file system what the file does not use any more: what was freed by sealing and by sweeps is
    /// reused by later writes, and otherwise keeps its room. Takes as long as moving what lies behind it does. Tells the
    /// bytes of the file before and after. A file that has less than 128 KiB to give back stays as it is.
    ///
    /// [`StoreError::Io`] when the system refuses; nothing is lost then.
    pub fn compact(&mut self) -> Result<(u64, u64), StoreError> {
        self.journal.compact()
    }

    /// Verifies the file below the tables: checksums of its pages, and that none is lost or used twice. What can be
    /// mended is. Whether the file was sound. Reads all of it.
    ///
    /// [`StoreError::Io`] when it cannot be read, or cannot be mended.
    pub fn check_file(&mut self) -> Result<bool, StoreError> {
        self.journal.check()
    }

    /// Verifies every payload, and holds it against the records that refer to it. Changes nothing; reads everything, and
    /// keeps the hash of each payload in memory.
    ///
    /// [`StoreError::Io`] when the store cannot be read.
    pub fn examine_payloads(&self) -> Result<Payloads, StoreError> {
        let mut found = References::default();
        self.in_snapshots(|tables, key| found.verify(tables, key, MARKED_AT_ONCE_BYTES))?;
        for table in [Table::Log, Table::Segments] {
            self.in_snapshots(|tables, key| found.count(tables, table, key, MARKED_AT_ONCE_BYTES))?;
        }
        let lost = found.lost().into_iter().map(|lost| {
            let engine::Lost { digest, why, entries } = lost;
            LostPayload { digest, why, entries }
        });
        let (payloads, unreferenced) = (found.len(), found.unreferenced());
        Ok(Payloads { payloads, unreferenced, lost: lost.collect() })
    }

    /// Looks for what no reading of a session comes across: rows that belong to no session, as those of one whose own row
    /// is gone, rows behind the end of a log, names that are not legal, a counter that would give a new session the rows
    /// of another. Says what is wrong; nothing when all is well. Changes nothing, and does not read the rows.
    ///
    /// [`StoreError::Io`] when the store cannot be read.
    pub fn examine_rows(&self) -> Result<Vec<String>, StoreError> {
        self.journal.read(|tables| {
            let mut found = engine::illegal_names(tables)?;
            found.extend(engine::strays(tables)?);
            Ok(found)
        })
    }

    /// Looks at a whole table in many short snapshots: from which key on, and where to go on.
    fn in_snapshots(
        &self,
        mut look: impl FnMut(&Reading<'_>, &[u8]) -> Result<Option<Vec<u8>>, Failure>,
    ) -> Result<(), StoreError> {
        let mut from = Some(Vec::new());
        while let Some(key) = from {
            from = self.journal.read(|tables| look(tables, &key))?;
        }
        Ok(())
    }

    /// The payloads stored before a moment that no record refers to, as far as records can be read. Looks in many short
    /// snapshots, since a long one keeps the file from reusing what is freed meanwhile. Records only move from rows to
    /// sealed stretches, so that rows are looked at first.
    fn suspects(&self, before: Timestamp) -> Result<Suspects, StoreError> {
        let mut suspects = Suspects::default();
        self.in_snapshots(|tables, key| {
            suspects.gather(tables, before, key, MARKED_AT_ONCE_BYTES)
        })?;
        for table in [Table::Log, Table::Segments] {
            self.in_snapshots(|tables, key| {
                suspects.clear(tables, table, key, MARKED_AT_ONCE_BYTES)
            })?;
        }
        Ok(suspects)
    }

    /// Removes what nothing refers to. `meanwhile` is what others do once that is known.
    fn sweep(&self, before: Timestamp, meanwhile: impl FnOnce()) -> Result<Swept, StoreError> {
        let _one_at_a_time = self.sweeping.lock().unwrap_or_else(PoisonError::into_inner);
        // What is referred to from now on is noted, and stays. No write is under way while this begins: one that came
        // before shows in the snapshots.
        self.journal.write(|_| {
            self.touched.begin();
            Ok(Ending::Abort(()))
        })?;
        let swept = self.suspects(before).and_then(|suspects| {
            meanwhile();
            self.remove(suspects.unreferenced())
        });
        // Also when it came to no good end nothing is noted any more.
        self.touched.end();
        swept
    }

    /// Removes payloads a few at a time, so that appends get between.
    fn remove(&self, mut digests: BTreeSet<Digest>) -> Result<Swept, StoreError> {
        let mut all = Swept::default();
        while !digests.is_empty() {
            all += self.journal.write(|tables| {
                let swept = engine::remove_blobs(tables, &mut digests, &self.touched)?;
                let is_any = swept.blobs > 0;
                Ok(if is_any { Ending::Commit(swept) } else { Ending::Abort(swept) })
            })?;
        }
        Ok(all)
    }

    fn opened(
        opens: impl FnOnce() -> Result<open::Opened, StoreError>,
    ) -> Result<Self, StoreError> {
        let opened = sheltered(opens).map_err(|said| damaged("cannot open the store", &said))?;
        let open::Opened { database, place, redo, lock } = opened?;
        let redo_place = redo.as_ref().map(|redo| redo.place().clone());
        Ok(Self {
            journal: Journal::new(database, place.clone(), redo),
            blocks: Blocks::default(),
            touched: Touched::default(),
            sweeping: Mutex::default(),
            encoded_bytes: AtomicU64::new(0),
            payload_bytes: AtomicU64::new(0),
            place,
            redo: redo_place,
            _lock: lock,
        })
    }
}

impl Store for RedbStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: Durability::Disk, max_record_bytes: MAX_FRAME_BYTES }
    }

    fn open_sessions(&self, sessions: &[SessionId]) -> Result<Vec<Lease>, StoreError> {
        self.journal
            .change(|tables| sessions.iter().map(|session| engine::open(tables, session)).collect())
    }

    fn session(&self, session: &SessionId) -> Result<SessionInfo, StoreError> {
        self.journal.read(|tables| engine::info(tables, session))
    }

    fn fork(&self, fork: &Fork) -> Result<SessionInfo, StoreError> {
        self.journal.change(|tables| engine::fork(tables, fork))
    }

    fn append(&self, batches: &[SessionBatch]) -> Result<Vec<Appended>, StoreError> {
        let encoded = admission::encode_all(batches)?;
        let done = self.journal.write(|tables| {
            let done = engine::append(tables, &encoded, &self.touched)?;
            Ok(if done.changed { Ending::Commit(done) } else { Ending::Abort(done) })
        })?;
        self.encoded_bytes.fetch_add(done.encoded_bytes, Ordering::Relaxed);
        self.payload_bytes.fetch_add(done.payload_bytes, Ordering::Relaxed);
        Ok(done.answers)
    }

    fn is_behind(&self) -> bool {
        self.journal.is_behind()
    }

    fn write_behind(&self) -> Result<(), StoreError> {
        self.journal.write_behind()
    }

    fn read(
        &self,
        session: &SessionId,
        from: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        self.journal.read(|tables| engine::read(tables, &self.blocks, session, from, limit))
    }

    fn read_back(
        &self,
        session: &SessionId,
        before: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        self.journal.read(|tables| engine::read_back(tables, &self.blocks, session, before, limit))
    }

    fn read_at(
        &self,
        session: &SessionId,
        positions: &[LogPos],
    ) -> Result<Vec<(LogPos, Record)>, StoreError> {
        self.journal.read(|tables| engine::read_at(tables, &self.blocks, session, positions))
    }

    fn find(
        &self,
        session: &SessionId,
        ids: &[EntryId],
    ) -> Result<Vec<Option<LogPos>>, StoreError> {
        self.journal.read(|tables| engine::find(tables, session, ids))
    }

    fn seal(&self, session: &SessionId, below: LogPos) -> Result<Sealed, StoreError> {
        self.journal.write(|tables| {
            let sealed = engine::seal(tables, session, below, engine::SEGMENT_BYTES)?;
            let is_any = sealed.records > 0;
            Ok(if is_any { Ending::Commit(sealed) } else { Ending::Abort(sealed) })
        })
    }

    fn put_anchor(&self, session: &SessionId, at: LogPos, anchor: &[u8]) -> Result<(), StoreError> {
        self.journal.change(|tables| engine::put_anchor(tables, session, at, anchor))
    }

    fn anchors(&self, session: &SessionId, before: LogPos) -> Result<Vec<LogPos>, StoreError> {
        self.journal.read(|tables| engine::anchors(tables, session, before))
    }

    fn anchor(&self, session: &SessionId, at: LogPos) -> Result<Option<Vec<u8>>, StoreError> {
        self.journal.read(|tables| engine::anchor(tables, session, at))
    }

    fn put_blobs(&self, blobs: &[&[u8]], at: Timestamp) -> Result<Vec<Digest>, StoreError> {
        self.journal.change(|tables| engine::put_blobs(tables, blobs, at, &self.touched))
    }

    fn sweep_blobs(&self, before: Timestamp) -> Result<Swept, StoreError> {
        self.sweep(before, || ())
    }

    fn sessions(
        &self,
        after: Option<&SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionInfo>, StoreError> {
        self.journal.read(|tables| engine::list(tables, after, limit))
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        Ok(Usage {
            bytes: self.place.bytes()? + self.redo.as_ref().map_or(Ok(0), Place::bytes)?,
            commits: self.journal.commits(),
            syncs: self.place.syncs() + self.redo.as_ref().map_or(0, Place::syncs),
            encoded_bytes: self.encoded_bytes.load(Ordering::Relaxed),
            payload_bytes: self.payload_bytes.load(Ordering::Relaxed),
        })
    }
}

#[cfg(test)]
mod tests;
