//! The directory and the file of the redb store: who may open them, what is foreign, what survives a reopening.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use highwater_protocol::{LogPos, Outcome, PassId, Record, SessionId, Timestamp};
use highwater_storage::{
    Appended, BatchId, Epoch, PageLimit, RedbOptions, RedbStore, SessionBatch, Store, StoreError,
};

fn open(dir: &Path) -> Result<RedbStore, StoreError> {
    RedbStore::open(dir, RedbOptions { cache_bytes: 1 << 20, ..RedbOptions::default() })
}

/// The files of a directory and their bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(dir).expect("a directory").map(|file| file.expect("listed").path());
    files.map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
}

/// What is in the directory is no store, for this reason, and looking at it changes nothing.
fn is_foreign(dir: &Path, why: &str) {
    let before = files(dir);
    let refused = open(dir).expect_err("it is no store");
    assert!(matches!(refused, StoreError::Foreign { .. }), "{refused:?}");
    let told = refused.to_string();
    assert!(told.contains(why) && told.contains(dir.to_str().expect("UTF-8")), "{told}");
    assert!(files(dir) == before, "what is not ours is left alone: {told}");
}

/// Puts a row into the table of marks of a file that is no store yet.
fn marked(file: &Path, mark: &[u8]) {
    let raw = redb::Database::create(file).expect("a new file");
    let transaction = raw.begin_write().expect("a transaction");
    let meta = redb::TableDefinition::<&[u8], &[u8]>::new("meta");
    transaction.open_table(meta).expect("a table").insert(&b"mark"[..], mark).expect("written");
    transaction.commit().expect("committed");
}

#[test]
fn reopening_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    let session = SessionId::parse("one").unwrap();
    let outcome = Outcome::NothingToDo;
    let records = vec![Record::PassEnded { at: Timestamp(5), pass: PassId(1), outcome }];
    let store = open(dir.path()).unwrap();
    let lease = store.open_session(&session).unwrap();
    let (epoch, head) = (lease.epoch, lease.head);
    let once = SessionBatch { session: session.clone(), epoch, head, batch: BatchId(1), records };
    store.append(std::slice::from_ref(&once)).unwrap();
    drop(store);

    let store = open(dir.path()).unwrap();
    assert_eq!(store.usage().unwrap().commits, 0);
    let page = store.read(&session, LogPos(0), PageLimit { bytes: 1 }).unwrap();
    assert_eq!(page.records, [(LogPos(0), once.records[0].clone())]);
    assert_eq!(store.append(&[once]).unwrap(), [Appended::Stored(LogPos(1))]);
    let lease = store.open_session(&session).unwrap();
    assert_eq!((lease.epoch, lease.head), (Epoch(2), LogPos(1)));
    let number_of_another = store.open_session(&SessionId::parse("two").unwrap()).unwrap();
    assert_eq!(number_of_another.head, LogPos(0));
    assert_eq!(store.sessions(None, 9).unwrap().len(), 2);
}

#[test]
fn a_missing_directory_is_created_and_other_files_in_it_are_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("some/where");
    drop(open(&dir).unwrap());
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    drop(open(&dir).unwrap());
    assert_eq!(fs::read_to_string(dir.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn a_second_opening_is_locked_out_until_the_first_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let refused = open(dir.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused:?}");
    assert!(refused.to_string().contains("highwater.redb"), "{refused}");
    assert!(refused.to_string().contains("open in another process"), "{refused}");
    drop(first);
    open(dir.path()).unwrap();
}

#[test]
fn a_file_that_another_program_holds_is_locked() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let raw = redb::Database::open(dir.path().join("highwater.redb")).unwrap();
    let refused = open(dir.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused:?}");
    drop(raw);
    open(dir.path()).unwrap();
}

#[test]
fn a_store_that_another_process_is_creating_is_locked() {
    let dir = tempfile::tempdir().unwrap();
    let creator = fs::File::create(dir.path().join("highwater.lock")).unwrap();
    creator.lock().unwrap();
    let refused = open(dir.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused:?}");
    assert!(!dir.path().join("highwater.redb").exists());
    drop(creator);
    open(dir.path()).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_foreign_and_left_alone() {
    for content in [&b""[..], b"short", &[b'x'; 10_000], &[0; 10_000]] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("highwater.redb"), content).unwrap();
        is_foreign(dir.path(), "highwater.redb is not a Highwater store");
    }
}

#[test]
fn a_store_that_was_cut_short_is_foreign_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let file = dir.path().join("highwater.redb");
    for length in [200, 4_000, 100_000] {
        let content = fs::read(&file).unwrap();
        fs::write(&file, &content[..length]).unwrap();
        is_foreign(dir.path(), "highwater.redb is not a Highwater store");
        fs::write(&file, content).unwrap();
    }
    open(dir.path()).unwrap();
}

#[test]
fn a_database_of_another_program_is_foreign_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(redb::Database::create(dir.path().join("highwater.redb")).unwrap());
    is_foreign(dir.path(), "another program");
}

#[test]
fn a_database_with_a_damaged_mark_is_foreign_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    marked(&dir.path().join("highwater.redb"), b"rubbish");
    is_foreign(dir.path(), "its mark cannot be read");
}

#[test]
fn a_store_of_a_newer_version_is_foreign_and_left_alone() {
    // A frame of kind 129 with the mark of layout 99, as docs/format.md has it.
    let payload = [&b"highwater"[..], &99_u32.to_le_bytes()].concat();
    let hash = blake3::hash(&[&[1, 129], &payload[..]].concat());
    let mark = [&[1, 129], &hash.as_bytes()[..8], &payload[..]].concat();
    let dir = tempfile::tempdir().unwrap();
    marked(&dir.path().join("highwater.redb"), &mark);
    is_foreign(dir.path(), "its layout is version 99");
}

#[test]
fn a_directory_in_the_place_of_the_lock_or_the_file_is_named_and_left_alone() {
    for name in ["highwater.lock", "highwater.redb"] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(name)).unwrap();
        let told = open(dir.path()).expect_err("it is a directory").to_string();
        assert!(told.contains(name), "{told}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{told}");
    }
}

#[test]
fn a_file_in_the_place_of_the_directory_is_foreign() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("store");
    fs::write(&file, "text").unwrap();
    let refused = open(&file).unwrap_err();
    assert!(matches!(refused, StoreError::Foreign { .. }), "{refused:?}");
    assert!(refused.to_string().contains("a store is a directory"), "{refused}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "text");
}

#[test]
fn a_directory_that_cannot_be_made_is_an_io_error() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "text").unwrap();
    let refused = open(&file.join("below")).unwrap_err();
    assert!(matches!(refused, StoreError::Io { .. }), "{refused:?}");
}

#[test]
fn opening_without_creating_leaves_an_empty_place_empty() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = RedbOptions { create: false, ..RedbOptions::default() };
    let refused = RedbStore::open(dir.path(), options).expect_err("nothing is there");
    assert!(refused.to_string().contains("no store"), "{refused}");
    assert_eq!(std::fs::read_dir(dir.path()).expect("still there").count(), 0);
    drop(RedbStore::open(dir.path(), RedbOptions::default()).expect("created"));
    assert!(RedbStore::open(dir.path(), options).is_ok());
}
