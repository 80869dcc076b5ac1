//! The transactions of a store over its tables: one at a time writes, any number read beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{CommitError, Database, Durability, ReadableDatabase, WriteTransaction};

use super::failure::of_reading;
use super::tables::{Changing, Snapshot};
use crate::error::StoreError;
use crate::tables::Failure;

/// An open database and whether it can still be written.
#[derive(Debug)]
pub(super) struct Journal {
    database: Database,
    commits: AtomicU64,
    /// Why writers are refused, once something failed (L6). Held while a transaction writes.
    broken: Mutex<Option<String>>,
}

/// What a transaction leaves behind.
pub(super) enum Ending<T> {
    Commit(T),
    /// Nothing was changed, so there is nothing to sync.
    Abort(T),
}

impl Journal {
    /// A journal over an open database.
    pub(super) fn new(database: Database) -> Self {
        Self { database, commits: AtomicU64::new(0), broken: Mutex::new(None) }
    }

    /// Commits since it was opened.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Has redb move what it uses to the front of the file, and cut off the rest.
    pub(super) fn compact(&mut self) -> Result<(), StoreError> {
        let failed = |error: redb::CompactionError| StoreError::Io {
            what: "cannot compact the file".into(),
            why: error.to_string(),
        };
        // Each round leaves a little that the next can give back.
        while self.database.compact().map_err(failed)? {}
        Ok(())
    }

    /// Has redb verify its own structure.
    pub(super) fn check(&mut self) -> Result<bool, StoreError> {
        self.database.check_integrity().map_err(|error| StoreError::Io {
            what: "the file is damaged below its tables".into(),
            why: format!("{error}; restore a copy"),
        })
    }

    /// Reads in a snapshot, which ends with the call.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let begun = self.database.begin_read().map_err(redb::Error::from);
        let snapshot = begun.and_then(|transaction| Snapshot::of(&transaction));
        let snapshot = snapshot.map_err(|error| Failure::Broken(Box::new(error)));
        snapshot.and_then(|snapshot| read(&snapshot)).map_err(of_reading)
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
        let mut broken = self.broken();
        if let Some(why) = &*broken {
            let what = "writers are refused until the store is reopened".into();
            return Err(StoreError::Io { what, why: why.clone() });
        }
        let ended = self.begin_write().and_then(|transaction| {
            let tables = Changing::of(&transaction);
            let mut tables = tables.map_err(|error| Failure::Broken(Box::new(error)))?;
            let ending = work(&mut tables)?;
            drop(tables);
            Ok((transaction, ending))
        });
        match ended {
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Broken(error)) => Err(StoreError::Busy(refuse(&mut broken, &*error))),
            Ok((transaction, Ending::Abort(answer))) => {
                if let Err(error) = transaction.abort() {
                    return Err(StoreError::Busy(refuse(&mut broken, &error)));
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
                    Err(StoreError::Busy(refuse(&mut broken, &error)))
                }
                Err(error) => Err(StoreError::Unknown(refuse(&mut broken, &error))),
            },
        }
    }

    /// Quick repair stores the allocator's state with each commit. It costs a second sync, and makes opening after a
    /// crash a matter of milliseconds at any size, where the plain way walks the whole file.
    fn begin_write(&self) -> Result<WriteTransaction, Failure> {
        let begun = self.database.begin_write().map_err(redb::Error::from);
        let mut transaction = begun.map_err(|error| Failure::Broken(Box::new(error)))?;
        transaction
            .set_durability(Durability::Immediate)
            .expect("only less durability than this can be refused");
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// A panic while it was held leaves redb's transaction rolled back, or redb itself refusing writers.
    fn broken(&self) -> MutexGuard<'_, Option<String>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse(broken: &mut Option<String>, error: &dyn std::error::Error) -> String {
    broken.insert(error.to_string()).clone()
}
