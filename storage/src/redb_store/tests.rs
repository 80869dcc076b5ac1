//! What only this store can show: a disk that fails, damaged bytes, and files that are not its own.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use highwater_protocol::{
    Entry, EntryId, LogPos, Outcome, PassId, Record, Seq, SessionId, Timestamp,
};
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};

use super::{RedbOptions, RedbStore, open};
use crate::error::StoreError;
use crate::row::{Mark, Row};
use crate::store::{Appended, BatchId, Lease, PageLimit, SessionBatch, Store};
use crate::tables::{Table, key};

fn table(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name())
}

const LIMIT: PageLimit = PageLimit { bytes: 1 << 20 };

/// A disk whose writes fail, or whose syncs fail, while a switch is on. Its clones are the same disk.
#[derive(Clone, Debug, Default)]
struct FailingDisk {
    memory: Arc<InMemoryBackend>,
    redo: Arc<InMemoryBackend>,
    writes_fail: Arc<AtomicBool>,
    syncs_fail: Arc<AtomicBool>,
}

impl FailingDisk {
    fn store(&self) -> RedbStore {
        let redo = Self { memory: Arc::clone(&self.redo), ..self.clone() };
        RedbStore::over(self.clone(), redo, RedbOptions::default()).unwrap()
    }
}

fn unless(switch: &AtomicBool) -> io::Result<()> {
    if switch.load(Ordering::Relaxed) { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
}

impl StorageBackend for FailingDisk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        unless(&self.writes_fail)?;
        self.memory.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        unless(&self.syncs_fail)?;
        self.memory.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        unless(&self.writes_fail)?;
        self.memory.write(offset, data)
    }
}

fn session() -> SessionId {
    SessionId::parse("one").unwrap()
}

fn batch(lease: &Lease, head: u64, records: u64) -> SessionBatch {
    let record = |pass| Record::PassEnded {
        at: Timestamp(1),
        pass: PassId(pass),
        outcome: Outcome::Failed("why it failed".into()),
    };
    SessionBatch {
        session: lease.session.clone(),
        epoch: lease.epoch,
        head: LogPos(head),
        batch: BatchId(head + 1),
        records: (head..head + records).map(record).collect(),
    }
}

fn set(switch: &AtomicBool, on: bool) {
    switch.store(on, Ordering::Relaxed);
}

fn writers_are_refused(store: &RedbStore, batch: &SessionBatch) {
    for refused in [
        store.append(std::slice::from_ref(batch)).unwrap_err(),
        store.open_session(&session()).unwrap_err(),
    ] {
        assert!(matches!(refused, StoreError::Io { .. }), "{refused:?}");
        assert!(refused.to_string().contains("until the store is reopened"), "{refused}");
    }
}

#[test]
fn after_a_failed_sync_the_outcome_is_unknown_until_the_batch_is_sent_again() {
    let disk = FailingDisk::default();
    let store = disk.store();
    let lease = store.open_session(&session()).unwrap();
    store.append(&[batch(&lease, 0, 1)]).unwrap();

    set(&disk.syncs_fail, true);
    let doubtful = batch(&lease, 1, 1);
    let unknown = store.append(std::slice::from_ref(&doubtful)).unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown(_)), "{unknown}");
    set(&disk.syncs_fail, false);
    writers_are_refused(&store, &doubtful);
    assert_eq!(store.usage().unwrap().commits, 2);
    assert_eq!(store.read(&session(), LogPos(0), LIMIT).unwrap().records.len(), 1);

    drop(store);
    let store = disk.store();
    let epoch = store.open_session(&session()).unwrap().epoch;
    let again = store.append(&[SessionBatch { epoch, ..doubtful }]).unwrap();
    assert_eq!(again, [Appended::Stored(LogPos(2))]);
    assert_eq!(store.read(&session(), LogPos(0), LIMIT).unwrap().records.len(), 2);
}

#[test]
fn a_payload_that_is_said_again_while_a_sweep_looks_is_not_removed() {
    let store = FailingDisk::default().store();
    let lease = store.open_session(&session()).unwrap();
    let text = "said before, and again. ".repeat(300);
    let entry = Entry::user(EntryId::parse("e").unwrap(), &text).unwrap();
    let payload = entry.source()[entry.payloads()[0].range.clone()].to_vec();
    store.put_blobs(&[&payload, b"nobody's"], Timestamp(1)).unwrap();
    let said = Record::Appended { at: Timestamp(2), seq: Seq(1), entry: Arc::new(entry) };
    let swept = store
        .sweep(Timestamp(9), || {
            let batch = SessionBatch { records: vec![said.clone()], ..batch(&lease, 0, 0) };
            assert_eq!(store.append(&[batch]).unwrap(), [Appended::Stored(LogPos(1))]);
        })
        .unwrap();
    assert_eq!(swept.blobs, 1, "the other one");
    let page = store.read(&session(), LogPos(0), LIMIT).unwrap();
    assert_eq!(page.records, [(LogPos(0), said)]);
}

#[test]
fn what_fails_before_the_commit_is_surely_not_stored_and_writers_are_refused() {
    let disk = FailingDisk::default();
    let store = disk.store();
    let lease = store.open_session(&session()).unwrap();

    // More than the file holds, so that it must grow while the record is inserted.
    let mut large = batch(&lease, 0, 1);
    let outcome = Outcome::Failed("x".repeat(8 << 20).into());
    large.records = vec![Record::PassEnded { at: Timestamp(0), pass: PassId(1), outcome }];
    set(&disk.writes_fail, true);
    let busy = store.append(std::slice::from_ref(&large)).unwrap_err();
    assert!(matches!(busy, StoreError::Busy(_)), "{busy}");
    set(&disk.writes_fail, false);
    writers_are_refused(&store, &large);
    assert_eq!(store.read(&session(), LogPos(0), LIMIT).unwrap().records.len(), 0);

    drop(store);
    assert_eq!(disk.store().open_session(&session()).unwrap().head, LogPos(0));
}

/// Opens a store with three records and closes it again.
fn filled(dir: &Path) {
    let store = RedbStore::open(dir, RedbOptions::default()).unwrap();
    let lease = store.open_session(&session()).unwrap();
    let answers = store.append(&[batch(&lease, 0, 3)]).unwrap();
    assert_eq!(answers, [Appended::Stored(LogPos(3))]);
}

/// Changes a closed store through a handle of its own.
fn tamper(dir: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(dir.join("highwater.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
}

/// Reads on behind the damaged second record, which must be an error of its own position.
fn second_record_is_damaged(dir: &Path, why: &str) {
    let store = RedbStore::open(dir, RedbOptions::default()).unwrap();
    let before = store.read(&session(), LogPos(0), LIMIT).unwrap();
    assert_eq!((before.records.len(), before.next), (1, Some(LogPos(1))));
    match store.read(&session(), LogPos(1), LIMIT) {
        Err(StoreError::Damaged { at: LogPos(1), why: said, .. }) => assert_eq!(said, why),
        other => panic!("{other:?}"),
    }
    let behind = store.read(&session(), LogPos(2), LIMIT).unwrap();
    assert_eq!((behind.records.len(), behind.next), (1, None));
}

#[test]
fn a_flipped_bit_in_a_record_is_damage_at_its_position() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    tamper(dir.path(), |transaction| {
        let mut log = transaction.open_table(table(Table::Log)).unwrap();
        let key = key(0, 1);
        let mut bytes = log.get(&key[..]).unwrap().unwrap().value().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        log.insert(&key[..], bytes.as_slice()).unwrap();
    });
    second_record_is_damaged(dir.path(), "the checksum does not match");
}

#[test]
fn a_missing_record_is_damage_and_shifts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    tamper(dir.path(), |transaction| {
        transaction.open_table(table(Table::Log)).unwrap().remove(&key(0, 1)[..]).unwrap();
    });
    second_record_is_damaged(dir.path(), "the record is missing");
}

#[test]
fn a_log_that_ends_before_its_head_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    tamper(dir.path(), |transaction| {
        transaction.open_table(table(Table::Log)).unwrap().remove(&key(0, 2)[..]).unwrap();
    });
    let store = RedbStore::open(dir.path(), RedbOptions::default()).unwrap();
    let before = store.read(&session(), LogPos(0), LIMIT).unwrap();
    assert_eq!((before.records.len(), before.next), (2, Some(LogPos(2))));
    let damaged = store.read(&session(), LogPos(2), LIMIT).unwrap_err();
    assert!(matches!(damaged, StoreError::Damaged { at: LogPos(2), .. }), "{damaged}");
}

#[test]
fn a_damaged_session_row_names_its_session() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    tamper(dir.path(), |transaction| {
        let mut sessions = transaction.open_table(table(Table::Sessions)).unwrap();
        sessions.insert(&b"one"[..], b"rubbish".as_slice()).unwrap();
    });
    let store = RedbStore::open(dir.path(), RedbOptions::default()).unwrap();
    for error in [
        store.open_session(&session()).unwrap_err(),
        store.read(&session(), LogPos(0), LIMIT).unwrap_err(),
        store.sessions(None, 9).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
    let other = SessionId::parse("two").unwrap();
    store.open_session(&other).unwrap();
    assert_eq!(store.sessions(Some(&session()), 9).unwrap().len(), 1);
}

#[test]
fn a_store_of_a_newer_layout_is_foreign() {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::create(dir.path().join("highwater.redb")).unwrap();
    open::write_mark(&database, &Mark::of_layout(4)).unwrap();
    drop(database);
    let refused = RedbStore::open(dir.path(), RedbOptions::default()).unwrap_err();
    assert!(matches!(refused, StoreError::Foreign { .. }), "{refused}");
    assert!(refused.to_string().contains("layout is version 4"), "{refused}");
}

#[test]
fn a_store_of_before_the_redo_log_is_marked_when_it_is_opened_to_be_written() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let database = Database::open(dir.path().join("highwater.redb")).unwrap();
    open::write_mark(&database, &Mark::of_layout(2)).unwrap();
    drop(database);
    fs::remove_file(dir.path().join("highwater.redo")).unwrap();
    let layout = || {
        let database = Database::open(dir.path().join("highwater.redb")).unwrap();
        let meta = database.begin_read().unwrap().open_table(table(Table::Meta)).unwrap();
        Mark::decoded(meta.get(&b"mark"[..]).unwrap().unwrap().value()).unwrap()
    };
    let store = RedbStore::open_to_read(dir.path(), RedbOptions::default()).unwrap();
    assert_eq!(store.read(&session(), LogPos(0), LIMIT).unwrap().records.len(), 3);
    drop(store);
    assert_eq!(layout(), Mark::of_layout(2));
    drop(RedbStore::open(dir.path(), RedbOptions::default()).unwrap());
    assert_eq!(layout(), Mark::CURRENT);
}

#[test]
fn what_a_creation_left_behind_when_it_was_cut_off_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("highwater.redb.new"), [0; 5000]).unwrap();
    filled(dir.path());
    assert!(!dir.path().join("highwater.redb.new").exists());
}
