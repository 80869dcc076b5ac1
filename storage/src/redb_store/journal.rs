//! The transactions of a store over its tables: one at a time writes, any number read beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use redb::{CommitError, Database, Durability, ReadableDatabase, StorageBackend, WriteTransaction};

use super::failure::{first, of_reading};
use super::place::Place;
use super::redo::{self, Changes, Redo, Unwritten};
use super::shelter::{damaged, sheltered};
use super::tables::{Changing, Snapshot};
use crate::error::StoreError;
use crate::row::{Redone, Row};
use crate::tables::{Failure, Table, Write};

/// An open database and whether it can still be written.
#[derive(Debug)]
pub(super) struct Journal {
    /// Gone only while it is dropped.
    database: Option<Database>,
    place: Place,
    commits: AtomicU64,
    /// Held while a transaction writes.
    writing: Mutex<Writing>,
    /// What redb said when it panicked. From then on writers are refused.
    panicked: OnceLock<String>,
    /// Nothing that is written would be kept.
    read_only: bool,
}

/// What only one transaction at a time uses.
#[derive(Debug)]
struct Writing {
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
    /// All that the log holds becomes durable in redb, and the log is not in use then.
    Settle(T),
}

impl Journal {
    /// A journal over the database that is open in a place, and its redo log.
    pub(super) fn new(database: Database, place: Place, redo: Option<Redo>) -> Self {
        Self {
            database: Some(database),
            place,
            commits: AtomicU64::new(0),
            writing: Mutex::new(Writing { redo, broken: None }),
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
    pub(super) fn compact(&mut self) -> Result<(), StoreError> {
        self.require_writable()?;
        let what = "cannot compact the file";
        self.settle_all()?;
        let compacted = self.shelter(what, |database| {
            // Each round leaves a little that the next can give back.
            while database.compact()? {}
            Ok::<(), redb::CompactionError>(())
        })?;
        compacted.map_err(|error| StoreError::Io { what: what.into(), why: error.to_string() })?;
        self.settle_all()
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
        read: impl FnOnce(&Snapshot) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        sheltered(|| self.read_unsheltered(read)).unwrap_or_else(|said| {
            let error = damaged("cannot read the store", &said);
            self.panicked.get_or_init(|| said);
            Err(error)
        })
    }

    fn read_unsheltered<T>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let begun = self.database().begin_read().map_err(redb::Error::from);
        let begun = begun.map_err(|error| Failure::Broken(Box::new(error)));
        begun
            .and_then(|transaction| read(&Snapshot::of(transaction)))
            .map_err(|failure| of_reading(failure, &self.place))
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
        self.require_writable()?;
        // Held until a panic is noted, so that nobody who waits for it goes on with what redb has left.
        let mut writing = self.writing();
        if let Some(said) = self.panicked.get() {
            return Err(damaged("writers are refused until the store is reopened", said));
        }
        sheltered(|| self.write_unsheltered(&mut writing, work)).unwrap_or_else(|said| {
            let error = StoreError::Unknown(format!("the file is damaged ({said})"));
            self.panicked.get_or_init(|| said);
            Err(error)
        })
    }

    fn require_writable(&self) -> Result<(), StoreError> {
        if !self.read_only {
            return Ok(());
        }
        let why = "it was opened to be looked at, and nothing is written";
        Err(StoreError::Io { what: self.place.to_string(), why: why.into() })
    }

    fn write_unsheltered<T>(
        &self,
        writing: &mut Writing,
        work: impl FnOnce(&mut Changing<'_>) -> Result<Ending<T>, Failure>,
    ) -> Result<T, StoreError> {
        if let Some(why) = &writing.broken {
            let what = "writers are refused until the store is reopened".into();
            return Err(StoreError::Io { what, why: why.clone() });
        }
        let ended = self.begin_write().and_then(|transaction| {
            let mut tables = Changing::of(&transaction);
            let ending = work(&mut tables)?;
            let changes = tables.changes();
            Ok((transaction, ending, changes))
        });
        match ended {
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Broken(error)) => Err(self.not_stored(writing, &*error)),
            Ok((transaction, Ending::Abort(answer), _)) => match transaction.abort() {
                Ok(()) => Ok(answer),
                Err(error) => Err(self.not_stored(writing, &redb::Error::from(error))),
            },
            Ok((transaction, Ending::Commit(answer), changes)) => {
                self.commit(writing, transaction, changes)?;
                self.commits.fetch_add(1, Ordering::Relaxed);
                Ok(answer)
            }
            Ok((transaction, Ending::Settle(answer), _)) => {
                self.settle(writing, transaction, false).map(|()| answer)
            }
        }
    }

    /// Makes a transaction durable by the redo log before others see it; or by redb, and all before it too.
    fn commit(
        &self,
        writing: &mut Writing,
        mut transaction: WriteTransaction,
        mut changes: Changes,
    ) -> Result<(), StoreError> {
        let logged = writing.redo.as_mut().map_or(Ok(false), |redo| redo.write(&mut changes));
        match logged {
            Ok(true) => {
                less_durable(&mut transaction);
                // However it fails, the log has it.
                let committed = transaction.commit();
                committed.map_err(|error| self.unknown(writing, &redb::Error::from(error)))
            }
            Ok(false) => self.settle(writing, transaction, true),
            // What redb has of it was never seen, and goes when the transaction does.
            Err(Unwritten::NotStored(error)) => Err(self.not_stored(writing, &error)),
            Err(Unwritten::Unknown(error)) => Err(self.unknown(writing, &error)),
        }
    }

    /// Makes a transaction and all before it durable in redb, from where the log begins anew.
    fn settle(
        &self,
        writing: &mut Writing,
        transaction: WriteTransaction,
        in_use: bool,
    ) -> Result<(), StoreError> {
        let marked = match writing.redo.as_mut().map(|redo| redo.marked(in_use)).transpose() {
            Ok(mark) => mark.map_or(Ok(()), |mark| put_mark(&transaction, &mark)),
            // Nothing refers to what was written of it.
            Err(Unwritten::NotStored(error) | Unwritten::Unknown(error)) => {
                return Err(self.not_stored(writing, &error));
            }
        };
        if let Err(error) = marked {
            return Err(self.not_stored(writing, &*error));
        }
        match transaction.commit() {
            Ok(()) => {}
            // redb rolls a poisoned transaction back instead of committing it.
            Err(error @ CommitError::TransactionPoisoned) => {
                return Err(self.not_stored(writing, &error));
            }
            Err(error) => return Err(self.unknown(writing, &redb::Error::from(error))),
        }
        if let Some(redo) = &mut writing.redo {
            redo.begin_anew(in_use);
        }
        Ok(())
    }

    /// A transaction that redb makes durable, unless it is told otherwise before it is committed. Quick repair stores
    /// the allocator's state with the commit. It costs a second sync, and makes opening after a crash a matter of
    /// milliseconds at any size, where the plain way walks the whole file.
    fn begin_write(&self) -> Result<WriteTransaction, Failure> {
        let begun = self.database().begin_write().map_err(redb::Error::from);
        let mut transaction = begun.map_err(|error| Failure::Broken(Box::new(error)))?;
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// All that the log holds becomes durable in redb, with the allocator's state, which redb's own commits leave out
    /// when it compacts or mends. Nothing is done where nothing may be written any more.
    fn settle_all(&self) -> Result<(), StoreError> {
        let is_refused = self.panicked.get().is_some() || self.writing().broken.is_some();
        if self.read_only || is_refused { Ok(()) } else { self.write(|_| Ok(Ending::Settle(()))) }
    }

    /// The log is left empty when it is not needed any more: the file of redb is the whole store then. When that is not
    /// known the log stays, and is done once more by the next opening.
    fn close(&self) {
        let is_used = |writing: &Writing| writing.redo.as_ref().is_some_and(Redo::in_use);
        if is_used(&self.writing()) && self.settle_all().is_err() {
            return;
        }
        let writing = self.writing();
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

/// Puts what redb says of the log into a transaction.
fn put_mark(
    transaction: &WriteTransaction,
    mark: &Redone,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match Changing::of(transaction).put(Table::Meta, redo::MARK_KEY, &mark.encoded()) {
        Ok(()) => Ok(()),
        Err(Failure::Refused(error)) => Err(Box::new(error)),
        Err(Failure::Broken(error)) => Err(error),
    }
}

/// A transaction that is durable in the log already: redb only makes it visible.
fn less_durable(transaction: &mut WriteTransaction) {
    transaction.set_quick_repair(false);
    transaction
        .set_durability(Durability::None)
        .expect("it is refused only beside savepoints and several processes");
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
