//! The transactions of a store over its tables: one at a time writes, any number read beside it. What they change lies in
//! memory above redb's tables until it is written down there, many transactions at once and beside those that come then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use redb::{CommitError, Database, ReadableDatabase, StorageBackend};

use super::failure::{first, of_reading};
use super::layers::Layers;
use super::place::Place;
use super::redo::{self, Redo, Unwritten};
use super::rows::{Over, Rows};
use super::shelter::{damaged, sheltered};
use super::tables::{Changing, Opened, Snapshot};
use crate::error::StoreError;
use crate::row::{Redone, Row};
use crate::tables::{Failure, Table};

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
        let compacted = self.shelter(what, |database| {
            // Each round leaves a little that the next can give back.
            while database.compact()? {}
            Ok::<(), redb::CompactionError>(())
        })?;
        compacted.map_err(|error| StoreError::Io { what: what.into(), why: error.to_string() })?;
        self.settle_all()?;
        Ok((before, self.place.bytes()?))
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

    /// Whether the log is half full, and nobody writes down what it holds. Waits for whoever writes now.
    pub(super) fn is_behind(&self) -> bool {
        let writing = self.writing();
        let is_refused = writing.broken.is_some() || self.panicked.get().is_some();
        let now = self.layers.now();
        let is_due = |redo: &Redo| redo.mark_of_half(now.log_from).is_some();
        !is_refused && now.is_still() && writing.redo.as_ref().is_some_and(is_due)
    }

    /// Writes down what the log holds once it is half full, beside the transactions that come meanwhile.
    pub(super) fn write_behind(&self) -> Result<(), StoreError> {
        let due = self.alone(|writing| {
            let from = self.layers.now().log_from;
            let redo = writing.redo.as_ref();
            let mark = redo.and_then(|redo| Some((redo.mark_of_half(from)?, redo.at())));
            Ok(mark.and_then(|(mark, at)| Some((self.layers.leave()?, mark, at))))
        })?;
        let Some((rows, mark, at)) = due else { return Ok(()) };
        let error = match sheltered(|| self.written_down(rows, Some(&mark))) {
            Ok(Ok(())) => {
                self.layers.left(at);
                return Ok(());
            }
            Ok(Err(Undone::Before(error) | Undone::InCommit(error))) => first(&error, &self.place),
            Err(said) => {
                let why = format!("the file is damaged ({said})");
                self.panicked.get_or_init(|| said);
                why
            }
        };
        self.layers.fail(error.clone());
        Err(StoreError::Busy(error))
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
        if self.logged(writing, changes)? {
            return Ok(());
        }
        // Its room is free once what it holds is written down.
        self.settled(writing)?;
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

    /// Nothing lies above redb's tables: whoever begins to read when redb has changes would see rows of before over them.
    fn settled(&self, writing: &mut Writing) -> Result<(), StoreError> {
        if let Err(why) = self.layers.wait() {
            return Err(StoreError::Busy(writing.broken.insert(why).clone()));
        }
        if self.layers.now().above.is_empty() {
            return Ok(());
        }
        self.settle(writing, &Rows::default(), true).map_err(|error| match error {
            // What is not known is of others, and in the log.
            StoreError::Unknown(why) => StoreError::Busy(why),
            error => error,
        })
    }

    /// Makes a transaction, or all that lies above redb's tables, durable in redb.
    fn settle(
        &self,
        writing: &mut Writing,
        changes: &Rows,
        in_use: bool,
    ) -> Result<(), StoreError> {
        if let Err(why) = self.layers.wait() {
            return Err(StoreError::Busy(writing.broken.insert(why).clone()));
        }
        let mark = match writing.redo.as_mut().map(|redo| redo.marked(in_use)).transpose() {
            Ok(mark) => mark,
            // Nothing refers to what was written of it.
            Err(Unwritten::NotStored(error) | Unwritten::Unknown(error)) => {
                return Err(self.not_stored(writing, &error));
            }
        };
        // What is read keeps redb from using again what is freed.
        writing.below = None;
        let mut rows = self.layers.now().above.clone();
        rows.take_all(changes);
        match self.written_down(rows, mark.as_ref()) {
            Ok(()) => {}
            Err(Undone::Before(error)) => return Err(self.not_stored(writing, &error)),
            Err(Undone::InCommit(error)) => return Err(self.unknown(writing, &error)),
        }
        let log_from = writing.redo.as_mut().map_or(0, |redo| {
            redo.is_marked(in_use);
            redo.at()
        });
        self.layers.written(log_from);
        Ok(())
    }

    /// Makes rows durable in redb, with what it says of the log then. Quick repair stores the allocator's state with the
    /// commit. It costs a second sync, and makes opening after a crash a matter of milliseconds at any size, where the
    /// plain way walks the whole file.
    fn written_down(&self, mut rows: Rows, mark: Option<&Redone>) -> Result<(), Undone> {
        if let Some(mark) = mark {
            rows.set(Table::Meta, redo::MARK_KEY, Some(&mark.encoded()));
        }
        let before = |error: redb::Error| Undone::Before(error);
        let mut transaction =
            self.database().begin_write().map_err(|error| before(error.into()))?;
        transaction.set_quick_repair(true);
        let mut tables = Opened::of(&transaction);
        tables.put_all(&rows).map_err(before)?;
        drop(tables);
        transaction.commit().map_err(|error| match error {
            // redb rolls a poisoned transaction back instead of committing it.
            CommitError::TransactionPoisoned => Undone::Before(error.into()),
            error => Undone::InCommit(error.into()),
        })
    }

    /// All that the log holds becomes durable in redb, with the allocator's state, which redb's own commits leave out
    /// when it compacts or mends, and the log is not in use then. Nothing is done where nothing may be written any more.
    fn settle_all(&self) -> Result<(), StoreError> {
        let is_broken = self.writing().broken.is_some() || self.layers.failure().is_some();
        let is_refused = is_broken || self.panicked.get().is_some();
        if self.read_only || is_refused {
            return Ok(());
        }
        self.alone(|writing| self.settle(writing, &Rows::default(), false))
    }

    /// The log is left empty when it is not needed any more: the file of redb is the whole store then. When that is not
    /// known the log stays, and is done once more by the next opening.
    fn close(&self) {
        let is_used = |writing: &Writing| writing.redo.as_ref().is_some_and(Redo::in_use);
        if is_used(&self.writing()) && self.settle_all().is_err() {
            return;
        }
        let mut writing = self.writing();
        writing.below = None;
        let is_empty = writing.broken.is_none() && !is_used(&writing);
        if let Some(redo) = writing.redo.as_ref().filter(|_| is_empty) {
            redo.clear();
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

/// Why a transaction of redb came to no good end.
enum Undone {
    /// Nothing of it is in the file.
    Before(redb::Error),
    /// It may be.
    InCommit(redb::Error),
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
