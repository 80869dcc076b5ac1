//! The tables of a store, and the transactions over them. One write transaction per append, for all its sessions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use highwater_protocol::{LogPos, SessionId};
use redb::{
    CommitError, Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, Table,
    TableDefinition, TableError, WriteTransaction,
};

use super::failure::Failure;
use super::open::META;
use crate::admission::{self, Verdict};
use crate::codec::DecodeError;
use crate::error::StoreError;
use crate::page::PageInProgress;
use crate::row::{Counter, Row, SessionRow};
use crate::store::{Appended, Lease, Page, PageLimit, SessionBatch, SessionInfo};

/// Where each session stands, by its name.
pub(super) const SESSIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("sessions");
/// The records, by number of the session and position.
pub(super) const LOG: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("log");
const COUNTER_KEY: &str = "next session";

/// An open database and whether it can still be written.
#[derive(Debug)]
pub(super) struct Journal {
    database: Database,
    commits: AtomicU64,
    /// Why writers are refused, once something failed (L6). Held while a transaction writes.
    broken: Mutex<Option<String>>,
}

/// What a transaction leaves behind.
enum Ending<T> {
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

    /// Raises the epoch of a session, which is created if need be.
    pub(super) fn open_session(&self, session: &SessionId) -> Result<Lease, StoreError> {
        self.write(|transaction| {
            let mut sessions = transaction.open_table(SESSIONS)?;
            let known = find(&sessions, session)?;
            let row = match known {
                Some(row) => row,
                None => SessionRow::new(next_number(transaction, session)?),
            }
            .raised();
            sessions.insert(session.as_str(), row.encoded().as_slice())?;
            Ok(Ending::Commit(row.lease(session.clone())))
        })
    }

    /// Appends all batches in one commit.
    pub(super) fn append(&self, batches: &[SessionBatch]) -> Result<Vec<Appended>, StoreError> {
        let encoded = admission::encode_all(batches)?;
        self.write(|transaction| {
            let mut sessions = transaction.open_table(SESSIONS)?;
            let mut log = transaction.open_table(LOG)?;
            let mut answers = Vec::with_capacity(encoded.len());
            let mut changed = false;
            for batch in &encoded {
                let session = &batch.batch.session;
                let verdict = admission::judge(&known(&sessions, session)?, batch)?;
                if let Verdict::Store(row) = &verdict {
                    changed = true;
                    insert_rows(&mut log, row.number(), batch.rows())?;
                    sessions.insert(session.as_str(), row.encoded().as_slice())?;
                }
                answers.push(verdict.answer());
            }
            Ok(if changed { Ending::Commit(answers) } else { Ending::Abort(answers) })
        })
    }

    /// Reads one page in a snapshot of its own.
    pub(super) fn read(
        &self,
        session: &SessionId,
        from: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        self.snapshot(|transaction| {
            let Some(sessions) = present(transaction.open_table(SESSIONS))? else {
                return Err(StoreError::NoSession(session.clone()).into());
            };
            let row = known(&sessions, session)?;
            let mut page = PageInProgress::new(session, from, row.head(), limit);
            if let Some(log) = present(transaction.open_table(LOG))? {
                let end = row.head().max(from);
                for entry in log.range((row.number(), from.0)..(row.number(), end.0))? {
                    let (key, bytes) = entry?;
                    if !page.offer(LogPos(key.value().1), bytes.value())? {
                        break;
                    }
                }
            }
            Ok(page.finish()?)
        })
    }

    /// Lists sessions in a snapshot of its own.
    pub(super) fn sessions(
        &self,
        after: Option<&SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionInfo>, StoreError> {
        self.snapshot(|transaction| {
            let Some(sessions) = present(transaction.open_table(SESSIONS))? else {
                return Ok(Vec::new());
            };
            let behind = after.map_or("", SessionId::as_str);
            let mut infos = Vec::new();
            for entry in sessions.range(behind..)? {
                let (name, bytes) = entry?;
                if infos.len() == limit {
                    break;
                }
                if name.value() == behind {
                    continue;
                }
                let session = SessionId::parse(name.value()).map_err(|error| StoreError::Io {
                    what: "the table of sessions holds a name that is not legal".into(),
                    why: error.to_string(),
                })?;
                infos.push(decode_row::<SessionRow>(&session, bytes.value())?.info(session));
            }
            Ok(infos)
        })
    }

    fn snapshot<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let begun = self.database.begin_read().map_err(Failure::from);
        begun.and_then(|transaction| read(&transaction)).map_err(Failure::of_reading)
    }

    /// Runs a write transaction. What fails before the commit is surely not stored; what fails in it may be stored.
    /// Either way redb's handle cannot be trusted any more, so writers are refused from then on.
    fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<Ending<T>, Failure>,
    ) -> Result<T, StoreError> {
        let mut broken = self.broken();
        if let Some(why) = &*broken {
            let what = "writers are refused until the store is reopened".into();
            return Err(StoreError::Io { what, why: why.clone() });
        }
        let ended = self.begin_write().and_then(|transaction| {
            let ending = work(&transaction)?;
            Ok((transaction, ending))
        });
        match ended {
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Broken(error)) => Err(StoreError::Busy(refuse(&mut broken, &error))),
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
        let mut transaction = self.database.begin_write()?;
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

/// Before the first write a table is not there, which is the same as empty.
fn present<T>(table: Result<T, TableError>) -> Result<Option<T>, Failure> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn find(
    sessions: &impl ReadableTable<&'static str, &'static [u8]>,
    session: &SessionId,
) -> Result<Option<SessionRow>, Failure> {
    let bytes = sessions.get(session.as_str())?;
    Ok(bytes.map(|bytes| decode_row(session, bytes.value())).transpose()?)
}

fn known(
    sessions: &impl ReadableTable<&'static str, &'static [u8]>,
    session: &SessionId,
) -> Result<SessionRow, Failure> {
    find(sessions, session)?.ok_or_else(|| StoreError::NoSession(session.clone()).into())
}

fn decode_row<R: Row>(session: &SessionId, bytes: &[u8]) -> Result<R, StoreError> {
    R::decoded(bytes).map_err(|error: DecodeError| StoreError::Damaged {
        session: session.clone(),
        at: LogPos::default(),
        why: format!("not a record, but the row that says where the log ends: {error}"),
    })
}

fn insert_rows<'a>(
    log: &mut Table<'_, (u64, u64), &'static [u8]>,
    number: u64,
    rows: impl Iterator<Item = (u64, &'a [u8])>,
) -> Result<(), Failure> {
    for (index, bytes) in rows {
        log.insert((number, index), bytes)?;
    }
    Ok(())
}

/// The number of a new session. Numbers are never reused, also not by sessions that are removed one day.
fn next_number(transaction: &WriteTransaction, session: &SessionId) -> Result<u64, Failure> {
    let mut meta = transaction.open_table(META)?;
    let next = meta
        .get(COUNTER_KEY)?
        .map_or(Ok(Counter(0)), |bytes| decode_row(session, bytes.value()))?;
    meta.insert(COUNTER_KEY, Counter(next.0 + 1).encoded().as_slice())?;
    Ok(next.0)
}
