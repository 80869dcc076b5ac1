//! Logs in a store, written and read through the `Store` trait alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use highwater_protocol::{Entry, LogPos, Record, Seq, Timestamp};
use highwater_storage::{Appended, BatchId, Lease, PageLimit, SessionBatch, Store, StoreError};

use crate::world;

/// The record of an entry.
pub fn appended(seq: u64, entry: Arc<Entry>) -> Record {
    Record::Appended { at: Timestamp(0), seq: Seq(seq), entry }
}

/// The whole log of a session; empty when the store does not know it.
pub fn log(store: &dyn Store, name: &str) -> Vec<Record> {
    let (mut log, mut next) = (Vec::new(), Some(LogPos(0)));
    while let Some(from) = next {
        let page = match store.read(&world::named(name), from, PageLimit { bytes: 1 << 20 }) {
            Ok(page) => page,
            Err(StoreError::NoSession(_)) => break,
            Err(error) => panic!("the log cannot be read: {error}"),
        };
        for (at, record) in page.records {
            assert_eq!(at.0, log.len() as u64, "positions are dense");
            log.push(record);
        }
        next = page.next;
    }
    log
}

/// The files of a directory and their bytes, to see whether anything was changed.
pub fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(dir).expect("it can be listed").map(|file| {
        let file = file.expect("it can be listed");
        let bytes = std::fs::read(file.path()).expect("it can be read");
        (file.file_name().to_string_lossy().into_owned(), bytes)
    });
    files.collect()
}

/// How often a session was opened; zero when the store does not know it.
pub fn epoch(store: &dyn Store, name: &str) -> u64 {
    let known = store.sessions(None, 100).expect("the sessions are listed");
    let info = known.into_iter().find(|info| info.session.as_str() == name);
    info.map_or(0, |info| info.epoch.0)
}

/// The owner of a session, which appends to its log without an actor.
pub struct Writer {
    lease: Lease,
}

impl Writer {
    /// Opens the session.
    pub fn open(store: &dyn Store, name: &str) -> Result<Self, StoreError> {
        Ok(Self { lease: store.open_session(&world::named(name))? })
    }

    /// Where the log ends.
    pub fn head(&self) -> u64 {
        self.lease.head.0
    }

    /// Appends records in one commit.
    pub fn append(&mut self, store: &dyn Store, records: Vec<Record>) -> Result<(), StoreError> {
        let Lease { session, epoch, head, .. } = self.lease.clone();
        let batch = SessionBatch { session, epoch, head, batch: BatchId(head.0 + 1), records };
        match store.append(&[batch])?.remove(0) {
            Appended::Stored(head) => self.lease.head = head,
            other => panic!("nobody else owns the session: {other:?}"),
        }
        Ok(())
    }
}
