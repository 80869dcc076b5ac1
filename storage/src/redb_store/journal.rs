//! The transactions of a store over its tables: one at a time writes, any number read beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use redb::{CommitError, Database, Durability, ReadableDatabase, StorageBackend, WriteTransaction};

use super::failure::{first, of_reading};
use super::place::Place;
use super::shelter::{damaged, sheltered};
use super::tables::{Changing, Snapshot};
use crate::error::StoreError;
use crate::tables::Failure;

/// An open database and whether it can still be written.
#[derive(Debug)]
pub(super) struct Journal {
    /// Gone only while it is dropped.
    database: Option<Database>,
    place: Place,
    commits: AtomicU64,
    /// Why writers are refused, once something failed (L6). Held while a transaction writes.
    broken: Mutex<Option<String>>,
    /// What redb said when it panicked. From then on writers are refused.
    panicked: OnceLock<String>,
    /// Nothing that is written would be kept.
    read_only: bool,
}

/// What a transaction leaves behind.
pub(super) enum Ending<T> {
    Commit(T),
    /// Nothing was changed, so there is nothing to sync.
    Abort(T),
}

impl Journal {
    /// A journal over the database that is open in a place.
    pub(super) fn new(database: Database, place: Place) -> Self {
        Self {
            database: Some(database),
            place,
            commits: AtomicU64::new(0),
            broken: Mutex::new(None),
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
        let compacted = self.shelter(what, |database| {
            // Each round leaves a little that the next can give back.
            while database.compact()? {}
            Ok::<(), redb::CompactionError>(())
        })?;
        compacted.map_err(|error| StoreError::Io { what: what.into(), why: error.to_string() })
    }

    /// Has redb verify its own structure.
    pub(super) fn check(&mut self) -> Result<bool, StoreError> {
        let what = "the file is damaged below its tables";
        self.shelter(what, Database::check_integrity)?.map_err(|error| StoreError::Io {
            what: what.into(),
            why: format!("{error}: restore a copy"),
        })
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
        let mut broken = self.broken();
        if let Some(said) = self.panicked.get() {
            return Err(damaged("writers are refused until the store is reopened", said));
        }
        sheltered(|| self.write_unsheltered(&mut broken, work)).unwrap_or_else(|said| {
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
        broken: &mut Option<String>,
        work: impl FnOnce(&mut Changing<'_>) -> Result<Ending<T>, Failure>,
    ) -> Result<T, StoreError> {
        if let Some(why) = &*broken {
            let what = "writers are refused until the store is reopened".into();
            return Err(StoreError::Io { what, why: why.clone() });
        }
        let ended = self.begin_write().and_then(|transaction| {
            let mut tables = Changing::of(&transaction);
            let ending = work(&mut tables)?;
            drop(tables);
            Ok((transaction, ending))
        });
        match ended {
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Broken(error)) => Err(StoreError::Busy(self.refuse(broken, &*error))),
            Ok((transaction, Ending::Abort(answer))) => {
                if let Err(error) = transaction.abort() {
                    return Err(StoreError::Busy(self.refuse(broken, &redb::Error::from(error))));
                }
                Ok(answer)
            }
            Ok((transaction, Ending::Commit(answer))) => match transaction.commit() {
                Ok(()) => {
                    self.commits.fetch_add(1, Ordering::Relaxed);
                    Ok(answer)
                }
                // redb rolls a poisoned transaction back instead of committing it.
                Err(error @ CommitError::TransactionPoisoned) => {
                    Err(StoreError::Busy(self.refuse(broken, &error)))
                }
                Err(error) => {
                    Err(StoreError::Unknown(self.refuse(broken, &redb::Error::from(error))))
                }
            },
        }
    }

    /// Quick repair stores the allocator's state with each commit. It costs a second sync, and makes opening after a
    /// crash a matter of milliseconds at any size, where the plain way walks the whole file.
    fn begin_write(&self) -> Result<WriteTransaction, Failure> {
        let begun = self.database().begin_write().map_err(redb::Error::from);
        let mut transaction = begun.map_err(|error| Failure::Broken(Box::new(error)))?;
        transaction
            .set_durability(Durability::Immediate)
            .expect("only less durability than this can be refused");
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    fn refuse(
        &self,
        broken: &mut Option<String>,
        error: &(dyn std::error::Error + 'static),
    ) -> String {
        broken.insert(first(error, &self.place)).clone()
    }

    /// A panic of redb is noted before it is let go.
    fn broken(&self) -> MutexGuard<'_, Option<String>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    /// Closing a damaged file may panic as reading it does. Once redb has panicked it is not asked to close anything: two
    /// panics at once would end the process.
    fn drop(&mut self) {
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
