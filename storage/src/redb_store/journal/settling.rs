//! Writing down to redb what lies above its tables: beside the transactions that go on, or in their way where the log cannot
//! take one.

use redb::CommitError;

use super::{Journal, Writing};
use crate::error::StoreError;
use crate::redb_store::failure::first;
use crate::redb_store::redo::{self, Redo, Unwritten};
use crate::redb_store::rows::Rows;
use crate::redb_store::shelter::sheltered;
use crate::redb_store::tables::Opened;
use crate::row::{Redone, Row};
use crate::tables::Table;

impl Journal {
    /// Whether the log is half full, and nobody writes down what it holds. Waits for whoever writes now.
    pub(in super::super) fn is_behind(&self) -> bool {
        let writing = self.writing();
        let is_refused = writing.broken.is_some() || self.panicked.get().is_some();
        let now = self.layers.now();
        let is_due = |redo: &Redo| redo.mark_of_half(now.log_from).is_some();
        !is_refused && now.is_still() && writing.redo.as_ref().is_some_and(is_due)
    }

    /// Writes down what the log holds once it is half full, beside the transactions that come meanwhile.
    pub(in super::super) fn write_behind(&self) -> Result<(), StoreError> {
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

    /// Waits until nothing is being written down.
    pub(super) fn wait(&self, writing: &mut Writing) -> Result<(), StoreError> {
        self.layers.wait().map_err(|why| StoreError::Busy(writing.broken.insert(why).clone()))
    }

    /// Nothing lies above redb's tables: whoever begins to read when redb has changes would see rows of before over them.
    pub(super) fn settled(&self, writing: &mut Writing) -> Result<(), StoreError> {
        self.wait(writing)?;
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
    pub(super) fn settle(
        &self,
        writing: &mut Writing,
        changes: &Rows,
        in_use: bool,
    ) -> Result<(), StoreError> {
        self.wait(writing)?;
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
    pub(super) fn settle_all(&self) -> Result<(), StoreError> {
        let is_broken = self.writing().broken.is_some() || self.layers.failure().is_some();
        let is_refused = is_broken || self.panicked.get().is_some();
        if self.read_only || is_refused {
            return Ok(());
        }
        self.alone(|writing| self.settle(writing, &Rows::default(), false))
    }

    /// The log is left empty when it is not needed any more: the file of redb is the whole store then. When that is not
    /// known the log stays, and is done once more by the next opening.
    pub(super) fn close(&self) {
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
}

/// Why a transaction of redb came to no good end.
enum Undone {
    /// Nothing of it is in the file.
    Before(redb::Error),
    /// It may be.
    InCommit(redb::Error),
}
