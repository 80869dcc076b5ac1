//! The transactions of a store over its tables: one at a time writes, any number read beside it. What they change lies in
//! memory above redb's tables until it is written down there, many transactions at once and beside those that come then.

mod settling;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use redb::{Database, ReadableDatabase, StorageBackend};

use super::failure::{first, of_reading};
use super::layers::Layers;
use super::place::Place;
use super::redo::{Redo, Unwritten};
use super::rows::{Over, Rows};
use super::shelter::{damaged, sheltered};
use super::tables::{Changing, Snapshot};
use crate::error::StoreError;
use crate::tables::Failure;

/// A file that has less to give back stays as it is: what redb notes behind moving its pages takes about as much.
const LEAST_FREE_BYTES: u64 = 128 << 10;

/// What is read: redb's tables with the rows above them that are not written down yet.
pub(super) type Reading<'r> = Over<'r, Over<'r, Snapshot>>;

/// An open database and whether it can still be written.
#[derive(Debug)]
pub(super) struct Journal {
    /// Gone only while it is dropped.
    database: Option<Database>,
    place: Place,
    commits: AtomicU64,
    /// Held while a transaction writes.
    writing: Mutex<Writing>,
    /// What is durable in the log alone.
    layers: Layers,
    /// What redb said when it panicked. From then on writers are refused.
    panicked: OnceLock<String>,
    /// Nothing that is written would be kept.
    read_only: bool,
}

/// What only one transaction at a time uses.
#[derive(Debug)]
struct Writing {
    /// redb's tables as they were when rows had been written down so often.
    below: Option<(u64, Snapshot)>,
    /// What makes most transactions durable. There is none where nothing is written.
    redo: Option<Redo>,
    /// Why writers are refused, once something failed (L6).
    broken: Option<String>,
}

/// What a transaction leaves behind.
pub(super) enum Ending<T> {
    Commit(T),
    /// Nothing was changed, so there is nothing to sync.
    Abort(T),
}

impl Journal {
    /// A journal over the database that is open in a place, and its redo log.
    pub(super) fn new(database: Database, place: Place, redo: Option<Redo>) -> Self {
        Self {
            database: Some(database),
            place,
            commits: AtomicU64::new(0),
            writing: Mutex::new(Writing { below: None, redo, broken: None }),
            layers: Layers::default(),
            panicked: OnceLock::new(),
            read_only: false,
        }
    }

    /// Refuses writers from the beginning.
    pub(super) fn refuse_writers(&mut self) {
        self.read_only = true;
    }

    fn database(&self) -> &Database {
        self.database.as_ref().expect("it is taken only when the journal is dropped")
    }

    /// Commits since it was opened.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Has redb move what it uses to the front of the file, and cut off the rest.
    pub(super) fn compact(&mut self) -> Result<(u64, u64), StoreError> {
        self.require_writable()?;
        let what = "cannot compact the file";
        self.settle_all()?;
        let before = self.place.bytes()?;
        if before.saturating_sub(self.used_bytes()?) < LEAST_FREE_BYTES {
            return Ok((before, before));
        }
        let compacted = self.shelter(what, |database| {
            // Each round leaves a little that the next can give back.
            while database.compact()? {}
            Ok::<(), redb::CompactionError>(())
        })?;
        compacted.map_err(|error| StoreError::Io { what: what.into(), why: error.to_string() })?;
        self.settle_all()?;
        Ok((before, self.place.bytes()?))
    }

    /// The bytes of the file that redb uses.
    fn used_bytes(&mut self) -> Result<u64, StoreError> {
        let what = "cannot tell what of the file is used";
        let counted = self.shelter(what, |database| {
            let transaction = database.begin_write()?;
            let stats = transaction.stats()?;
            transaction.abort()?;
            Ok::<u64, redb::Error>(stats.allocated_pages() * stats.page_size() as u64)
        })?;
        counted.map_err(|error| StoreError::Io { what: what.into(), why: error.to_string() })
    }

    /// Has redb verify its own structure.
    pub(super) fn check(&mut self) -> Result<bool, StoreError> {
        let what = "the file is damaged below its tables";
        self.settle_all()?;
        let checked = self.shelter(what, Database::check_integrity)?;
        let is_sound = checked.map_err(|error| StoreError::Io {
            what: what.into(),
            why: format!("{error}: restore a copy"),
        })?;
        self.settle_all()?;
        Ok(is_sound)
    }

    /// Does some work on the database alone. When redb panics it is not used any more.
    fn shelter<T>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Database) -> T,
    ) -> Result<T, StoreError> {
        let database =
            self.database.as_mut().expect("it is taken only when the journal is dropped");
        sheltered(|| work(database)).map_err(|said| {
            let error = damaged(what, &said);
            self.panicked.get_or_init(|| said);
            error
        })
    }

    /// Reads in a snapshot, which ends with the call.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Reading<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        sheltered(|| self.read_unsheltered(read)).unwrap_or_else(|said| {
            let error = damaged("cannot read the store", &said);
            self.panicked.get_or_init(|| said);
            Err(error)
        })
    }

    fn read_unsheltered<T>(
        &self,
        read: impl FnOnce(&Reading<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let (now, below) = {
            let now = self.layers.now();
            (now.clone(), self.snapshot())
        };
        below
            .and_then(|below| {
                let below = Over { above: &now.leaving, below: &below };
                read(&Over { above: &now.above, below: &below })
            })
            .map_err(|failure| of_reading(failure, &self.place))
    }

    fn snapshot(&self) -> Result<Snapshot, Failure> {
        let begun = self.database().begin_read().map_err(redb::Error::from);
        begun.map(Snapshot::of).map_err(|error| Failure::Broken(Box::new(error)))
    }

    /// Runs a write transaction that changes something.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&mut Changing<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.write(|tables| work(tables).map(Ending::Commit))
    }

    /// Runs a write transaction. What fails before the commit is surely not stored; what fails in it may be stored.
    /// Either way redb's handle cannot be trusted any more, so writers are refused from then on.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Changing<'_>) -> Result<Ending<T>, Failure>,
    ) -> Result<T, StoreError> {
        self.alone(|writing| match self.work(writing, work) {
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Broken(error)) => Err(self.not_stored(writing, &*error)),
            Ok((Ending::Abort(answer), _)) => Ok(answer),
            Ok((Ending::Commit(answer), changes)) => {
                self.commit(writing, &changes)?;
                self.commits.fetch_add(1, Ordering::Relaxed);
                Ok(answer)
            }
        })
    }

    fn require_writable(&self) -> Result<(), StoreError> {
        if !self.read_only {
            return Ok(());
        }
        let why = "it was opened to be looked at, and nothing is written";
        Err(StoreError::Io { what: self.place.to_string(), why: why.into() })
    }

    /// Does something that writes, while nobody else does.
    fn alone<T>(
        &self,
        work: impl FnOnce(&mut Writing) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.require_writable()?;
        // Held until a panic is noted, so that nobody who waits for it goes on with what redb has left.
        let mut writing = self.writing();
        let what = "writers are refused until the store is reopened";
        if let Some(said) = self.panicked.get() {
            return Err(damaged(what, said));
        }
        if let Some(why) = writing.broken.clone().or_else(|| self.layers.failure()) {
            return Err(StoreError::Io { what: what.into(), why });
        }
        sheltered(|| work(&mut writing)).unwrap_or_else(|said| {
            let error = StoreError::Unknown(format!("the file is damaged ({said})"));
            self.panicked.get_or_init(|| said);
            Err(error)
        })
    }

    /// Has a transaction do its work over what is there, and tells what it changed.
    fn work<T>(
        &self,
        writing: &mut Writing,
        work: impl FnOnce(&mut Changing<'_>) -> Result<Ending<T>, Failure>,
    ) -> Result<(Ending<T>, Rows), Failure> {
        let now = {
            let now = self.layers.now();
            if writing.below.as_ref().is_none_or(|(times, _)| *times != now.times) {
                writing.below = Some((now.times, self.snapshot()?));
            }
            now.clone()
        };
        let (_, below) = writing.below.as_ref().expect("it was just looked at");
        let below = Over { above: &now.leaving, below };
        let mut tables = Changing::over(&now.above, &below);
        let ending = work(&mut tables)?;
        Ok((ending, tables.changes()))
    }

    /// Makes a transaction durable before others see it: by the redo log, or by redb.
    fn commit(&self, writing: &mut Writing, changes: &Rows) -> Result<(), StoreError> {
        // A log that is full has room once others have written down its older half, or this one has written down all.
        for makes_room in [Self::wait, Self::settled] {
            if self.logged(writing, changes)? {
                return Ok(());
            }
            makes_room(self, writing)?;
        }
        if self.logged(writing, changes)? { Ok(()) } else { self.settle(writing, changes, true) }
    }

    /// Makes a transaction durable by the redo log. False when the log cannot take it.
    fn logged(&self, writing: &mut Writing, changes: &Rows) -> Result<bool, StoreError> {
        let from = self.layers.now().log_from;
        match writing.redo.as_mut().map_or(Ok(false), |redo| redo.write(changes, from)) {
            Ok(true) => {
                self.layers.now().above.take_all(changes);
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(Unwritten::NotStored(error)) => Err(self.not_stored(writing, &error)),
            Err(Unwritten::Unknown(error)) => Err(self.unknown(writing, &error)),
        }
    }

    fn not_stored(
        &self,
        writing: &mut Writing,
        error: &(dyn std::error::Error + 'static),
    ) -> StoreError {
        StoreError::Busy(self.refuse(writing, error))
    }

    fn unknown(
        &self,
        writing: &mut Writing,
        error: &(dyn std::error::Error + 'static),
    ) -> StoreError {
        StoreError::Unknown(self.refuse(writing, error))
    }

    /// Neither redb's handle nor the log can be trusted any more, so writers are refused from now on.
    fn refuse(&self, writing: &mut Writing, error: &(dyn std::error::Error + 'static)) -> String {
        writing.broken.insert(first(error, &self.place)).clone()
    }

    /// A panic of redb is noted before it is let go.
    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    /// Closing a damaged file may panic as reading it does. Once redb has panicked it is not asked to close anything: two
    /// panics at once would end the process.
    fn drop(&mut self) {
        if self.panicked.get().is_none()
            && !self.read_only
            && let Err(said) = sheltered(|| self.close())
        {
            self.panicked.get_or_init(|| said);
        }
        let database = self.database.take();
        if self.panicked.get().is_some() {
            std::mem::forget(database);
            // Lets go of its locks. There is nobody to tell when that fails, and nothing to be done.
            let _ = self.place.close();
        } else {
            // What was acknowledged is durable before the file is closed.
            let _ = sheltered(|| drop(database));
        }
    }
}
