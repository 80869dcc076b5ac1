//! A store that a process left open when it died, as its files lie in the directory: what is opened again, looked at,
//! copied in part, or beside the files of another.

use std::fs;
use std::path::Path;

use highwater_protocol::{LogPos, Outcome, PassId, Record, SessionId, Timestamp};
use highwater_storage::{
    BatchId, PageLimit, RedbOptions, RedbStore, SessionBatch, Store, StoreError,
};

const STORE: &str = "highwater.redb";
const REDO: &str = "highwater.redo";

fn open(dir: &Path) -> Result<RedbStore, StoreError> {
    RedbStore::open(dir, RedbOptions::default())
}

fn session() -> SessionId {
    SessionId::parse("one").expect("a legal name")
}

fn records(store: &RedbStore) -> usize {
    let page = store.read(&session(), LogPos(0), PageLimit { bytes: 1 << 20 });
    page.expect("it is readable").records.len()
}

/// The files of a store with this many records, each in a commit of its own, as they lie there before it is closed.
fn left_open(count: u64) -> tempfile::TempDir {
    let (dir, copy) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir());
    let copy = copy.expect("a directory");
    let store = open(dir.path()).expect("a new store");
    let lease = store.open_session(&session()).expect("it opens");
    for at in 0..count {
        let batch = SessionBatch {
            session: session(),
            epoch: lease.epoch,
            head: LogPos(at),
            batch: BatchId(at + 1),
            records: vec![Record::PassEnded {
                at: Timestamp(0),
                pass: PassId(at + 1),
                outcome: Outcome::NothingToDo,
            }],
        };
        store.append(&[batch]).expect("it is stored");
    }
    for name in [STORE, REDO, "highwater.lock"] {
        fs::copy(dir.path().join(name), copy.path().join(name)).expect("it is there");
    }
    copy
}

fn told(dir: &Path, parts: &[&str]) {
    for refused in
        [open(dir).map(drop), RedbStore::open_to_read(dir, RedbOptions::default()).map(drop)]
    {
        let told = refused.expect_err("it is refused").to_string();
        for part in [&[dir.to_str().expect("UTF-8")], parts].concat() {
            assert!(told.contains(part), "{part:?} is not in: {told}");
        }
    }
}

#[test]
fn looking_at_it_shows_all_of_it_and_changes_nothing() {
    let dir = left_open(3);
    let files = || [STORE, REDO].map(|name| fs::read(dir.path().join(name)).expect("readable"));
    let before = files();
    let store = RedbStore::open_to_read(dir.path(), RedbOptions::default()).expect("it opens");
    assert_eq!(records(&store), 3);
    drop(store);
    assert!(files() == before);
    let store = open(dir.path()).expect("it opens");
    assert_eq!(records(&store), 3);
    drop(store);
    assert_eq!(files()[1].len(), 0, "a store that was closed is one file");
}

#[test]
fn without_its_redo_log_it_is_refused_until_somebody_says_that_it_is_lost() {
    let dir = left_open(3);
    fs::remove_file(dir.path().join(REDO)).expect("it is there");
    told(dir.path(), &[REDO, "it is missing", "put it back beside the store", "`lost`"]);
    assert!(!dir.path().join(REDO).exists(), "none is made in its place");
    fs::write(dir.path().join(REDO), "").expect("it is written");
    told(dir.path(), &[REDO, "restore a copy of the whole directory", "`lost`"]);
    fs::write(dir.path().join(REDO), "lost\n").expect("it is written");
    let store = open(dir.path()).expect("it opens");
    assert_eq!(records(&store), 0, "as redb had it");
}

#[test]
fn a_redo_log_without_its_store_is_kept_and_no_store_is_made_beside_it() {
    let dir = left_open(1);
    fs::remove_file(dir.path().join(STORE)).expect("it is there");
    let refused = open(dir.path()).expect_err("what it holds would be lost").to_string();
    assert!(refused.contains(REDO) && refused.contains("its store is missing"), "{refused}");
    assert!(!dir.path().join(STORE).exists());
}

#[test]
fn the_redo_log_of_another_store_is_refused() {
    let (one, other) = (left_open(3), left_open(3));
    fs::copy(other.path().join(REDO), one.path().join(REDO)).expect("it is there");
    told(one.path(), &[REDO, "damaged or of another store"]);
}

#[test]
fn a_damaged_redo_log_is_refused_and_says_what_to_do() {
    let dir = left_open(4);
    let path = dir.path().join(REDO);
    let mut bytes = fs::read(&path).expect("readable");
    bytes[100] ^= 1;
    fs::write(&path, bytes).expect("it is written");
    told(dir.path(), &[REDO, "damaged", "restore a copy of the whole directory"]);
}
