//! A store in memory, for tests and for hosts that want no file. It keeps encoded bytes in the same tables as a file does,
//! so that reading from it takes the same path.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use highwater_protocol::{Digest, EntryId, LogPos, Record, SessionId, Timestamp};

use crate::admission;
use crate::codec::MAX_FRAME_BYTES;
use crate::engine::{self, Blocks, Suspects, Touched};
use crate::error::StoreError;
use crate::store::{
    Appended, Capabilities, Durability, Fork, Lease, Page, PageLimit, Sealed, SessionBatch,
    SessionInfo, Store, Swept, Usage,
};
use crate::tables::{Failure, Order, Read, Table, Visited, Write};

/// Keeps everything until it is dropped.
#[derive(Debug)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
    blocks: Blocks,
    touched: Touched,
    stretch: usize,
}

type Bytes = Box<[u8]>;

#[derive(Debug, Default)]
struct Tables {
    rows: BTreeMap<(Table, Bytes), Bytes>,
    bytes: u64,
    usage: Usage,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that seals stretches of so many bytes of records, so that small sessions are sealed too. A file
    /// seals 128 KiB at a time, and so does [`MemoryStore::new`].
    pub fn with_segments_of(bytes: usize) -> Self {
        Self {
            tables: Mutex::default(),
            blocks: Blocks::default(),
            touched: Touched::default(),
            stretch: bytes,
        }
    }

    /// A panic between two steps of a write is impossible: all that can fail comes before the first.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&mut Tables) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut tables = self.tables();
        let done = work(&mut tables).map_err(refused)?;
        tables.usage.commits += 1;
        Ok(done)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_segments_of(engine::SEGMENT_BYTES)
    }
}

impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: Durability::Process, max_record_bytes: MAX_FRAME_BYTES }
    }

    fn open_sessions(&self, sessions: &[SessionId]) -> Result<Vec<Lease>, StoreError> {
        self.write(|tables| sessions.iter().map(|session| engine::open(tables, session)).collect())
    }

    fn session(&self, session: &SessionId) -> Result<SessionInfo, StoreError> {
        engine::info(&*self.tables(), session).map_err(refused)
    }

    fn fork(&self, fork: &Fork) -> Result<SessionInfo, StoreError> {
        self.write(|tables| engine::fork(tables, fork))
    }

    fn append(&self, batches: &[SessionBatch]) -> Result<Vec<Appended>, StoreError> {
        let encoded = admission::encode_all(batches)?;
        let mut tables = self.tables();
        let done = engine::append(&mut *tables, &encoded, &self.touched).map_err(refused)?;
        tables.usage.commits += u64::from(done.changed);
        tables.usage.encoded_bytes += done.encoded_bytes;
        tables.usage.payload_bytes += done.payload_bytes;
        Ok(done.answers)
    }

    fn read(
        &self,
        session: &SessionId,
        from: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        engine::read(&*self.tables(), &self.blocks, session, from, limit).map_err(refused)
    }

    fn read_back(
        &self,
        session: &SessionId,
        before: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        engine::read_back(&*self.tables(), &self.blocks, session, before, limit).map_err(refused)
    }

    fn read_at(
        &self,
        session: &SessionId,
        positions: &[LogPos],
    ) -> Result<Vec<(LogPos, Record)>, StoreError> {
        engine::read_at(&*self.tables(), &self.blocks, session, positions).map_err(refused)
    }

    fn find(
        &self,
        session: &SessionId,
        ids: &[EntryId],
    ) -> Result<Vec<Option<LogPos>>, StoreError> {
        engine::find(&*self.tables(), session, ids).map_err(refused)
    }

    fn seal(&self, session: &SessionId, below: LogPos) -> Result<Sealed, StoreError> {
        self.write(|tables| engine::seal(tables, session, below, self.stretch))
    }

    fn put_anchor(&self, session: &SessionId, at: LogPos, anchor: &[u8]) -> Result<(), StoreError> {
        self.write(|tables| engine::put_anchor(tables, session, at, anchor))
    }

    fn anchors(&self, session: &SessionId, before: LogPos) -> Result<Vec<LogPos>, StoreError> {
        engine::anchors(&*self.tables(), session, before).map_err(refused)
    }

    fn anchor(&self, session: &SessionId, at: LogPos) -> Result<Option<Vec<u8>>, StoreError> {
        engine::anchor(&*self.tables(), session, at).map_err(refused)
    }

    fn put_blobs(&self, blobs: &[&[u8]], at: Timestamp) -> Result<Vec<Digest>, StoreError> {
        self.write(|tables| engine::put_blobs(tables, blobs, at, &self.touched))
    }

    fn sweep_blobs(&self, before: Timestamp) -> Result<Swept, StoreError> {
        self.write(|tables| {
            let mut suspects = Suspects::default();
            suspects.gather(tables, before, &[], usize::MAX)?;
            for table in [Table::Log, Table::Segments] {
                suspects.clear(tables, table, &[], usize::MAX)?;
            }
            let (mut digests, mut all) = (suspects.unreferenced(), Swept::default());
            while !digests.is_empty() {
                all += engine::remove_blobs(tables, &mut digests, &self.touched)?;
            }
            Ok(all)
        })
    }

    fn sessions(
        &self,
        after: Option<&SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionInfo>, StoreError> {
        engine::list(&*self.tables(), after, limit).map_err(refused)
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        let tables = self.tables();
        Ok(Usage { bytes: tables.bytes, ..tables.usage })
    }
}

impl Read for Tables {
    fn get<T>(
        &self,
        table: Table,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Failure> {
        Ok(self.rows.get(&(table, key.into())).map(|value| read(value)))
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        mut visit: impl FnMut(&[u8], &[u8]) -> Visited,
    ) -> Result<(), Failure> {
        if from >= to {
            return Ok(());
        }
        let rows = self.rows.range((table, from.into())..(table, to.into()));
        for ((_, key), value) in order.of(rows) {
            if visit(key, value)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Write for Tables {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.remove(table, key)?;
        self.bytes += (key.len() + value.len()) as u64;
        self.rows.insert((table, key.into()), value.into());
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), Failure> {
        if let Some(value) = self.rows.remove(&(table, key.into())) {
            self.bytes -= (key.len() + value.len()) as u64;
        }
        Ok(())
    }
}

/// Memory does not break.
fn refused(failure: Failure) -> StoreError {
    match failure {
        Failure::Refused(error) => error,
        Failure::Broken(error) => StoreError::Busy(error.to_string()),
    }
}
