//! A store in memory, for tests and for hosts that want no file. It keeps encoded bytes, so that reading from it takes
//! the same path as reading from a file.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use highwater_protocol::{LogPos, SessionId};

use crate::admission::{self, Verdict};
use crate::codec::MAX_FRAME_BYTES;
use crate::error::StoreError;
use crate::page::PageInProgress;
use crate::row::SessionRow;
use crate::store::{
    Appended, Capabilities, Durability, Lease, Page, PageLimit, SessionBatch, SessionInfo, Store,
    Usage,
};

/// Keeps everything until it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    sessions: BTreeMap<SessionId, SessionRow>,
    log: BTreeMap<(u64, LogPos), Box<[u8]>>,
    usage: Usage,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A panic between two steps of a write is impossible: all that can fail comes before the first.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: Durability::Process, max_record_bytes: MAX_FRAME_BYTES }
    }

    fn open_session(&self, session: &SessionId) -> Result<Lease, StoreError> {
        let mut tables = self.tables();
        let number = tables.sessions.len() as u64;
        let known = tables.sessions.get(session).cloned();
        let row = known.unwrap_or_else(|| SessionRow::new(number)).raised();
        let lease = row.lease(session.clone());
        tables.sessions.insert(session.clone(), row);
        tables.usage.commits += 1;
        Ok(lease)
    }

    fn append(&self, batches: &[SessionBatch]) -> Result<Vec<Appended>, StoreError> {
        let encoded = admission::encode_all(batches)?;
        let mut tables = self.tables();
        let mut verdicts = Vec::with_capacity(encoded.len());
        for batch in &encoded {
            verdicts.push(admission::judge(tables.session(&batch.batch.session)?, batch)?);
        }
        let mut stored = false;
        for (batch, verdict) in encoded.iter().zip(&verdicts) {
            let Verdict::Store(row) = verdict else {
                continue;
            };
            stored = true;
            for (index, bytes) in batch.rows() {
                tables.usage.bytes += bytes.len() as u64;
                tables.log.insert((row.number(), LogPos(index)), bytes.into());
            }
            tables.sessions.insert(batch.batch.session.clone(), row.clone());
        }
        tables.usage.commits += u64::from(stored);
        Ok(verdicts.into_iter().map(Verdict::answer).collect())
    }

    fn read(
        &self,
        session: &SessionId,
        from: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        let tables = self.tables();
        let row = tables.session(session)?;
        let mut page = PageInProgress::new(session, from, row.head(), limit);
        let rows = (row.number(), from)..(row.number(), row.head().max(from));
        for ((_, at), bytes) in tables.log.range(rows) {
            if !page.offer(*at, bytes)? {
                break;
            }
        }
        page.finish()
    }

    fn sessions(
        &self,
        after: Option<&SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionInfo>, StoreError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let tables = self.tables();
        let rows = tables.sessions.range::<SessionId, _>((start, Bound::Unbounded)).take(limit);
        Ok(rows.map(|(session, row)| row.info(session.clone())).collect())
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        Ok(self.tables().usage)
    }
}

impl Tables {
    fn session(&self, session: &SessionId) -> Result<&SessionRow, StoreError> {
        self.sessions.get(session).ok_or_else(|| StoreError::NoSession(session.clone()))
    }
}
