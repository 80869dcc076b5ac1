//! Out and back: what is exported is what is restored, and only what is new is written.

use std::sync::Arc;

use highwater_protocol::LogPos;

use super::fixture::{Logged, append, files, log, named, restored};
use crate::export::{ExportError, Source, last_checkpoint, restore};
use crate::store::{Fork, Store};
use crate::{Fault, FaultyStore, MemoryStore};

#[test]
fn every_checkpoint_comes_back_as_it_was() {
    let (logged, dir) = (Logged::new("../a/b", 6), tempfile::tempdir().unwrap());
    for checkpoint in 0..6 {
        let done = logged.export(checkpoint, dir.path()).unwrap();
        assert_eq!(done.checkpoint, logged.checkpoints[checkpoint]);
        assert_eq!(done.from.0, checkpoint as u64 * 4, "only what is new");
        assert!(done.files >= 2, "parts and a manifest");
    }
    for (checkpoint, marked) in logged.checkpoints.iter().enumerate() {
        let (store, into) = (MemoryStore::new(), named("back"));
        let source = Source {
            dir: dir.path(),
            session: Some(&logged.session),
            checkpoint: Some(marked.position),
        };
        let done = restore(&source, &store, Some(&into), &mut |_, _| {}).unwrap();
        assert_eq!((&done.exported, &done.session), (&logged.session, &into));
        assert_eq!((done.checkpoint, done.written), (*marked, done.records));
        assert_eq!(log(&store, &into), logged.up_to(checkpoint));
    }
    let store = MemoryStore::new();
    restored(dir.path(), &store).unwrap();
    assert_eq!(log(&store, &logged.session), logged.up_to(5), "the newest, under its own name");
}

#[test]
fn what_is_there_is_not_written_again() {
    let (logged, dir) = (Logged::new("s", 3), tempfile::tempdir().unwrap());
    logged.export(2, dir.path()).unwrap();
    let before = files(dir.path());
    for checkpoint in [2, 2] {
        let again = logged.export(checkpoint, dir.path()).unwrap();
        assert_eq!((again.files, again.bytes), (0, 0));
    }
    assert_eq!(files(dir.path()), before);
    let older = logged.export(0, dir.path()).unwrap();
    assert_eq!(older.from, LogPos(0), "an older checkpoint is one by itself");
    let onto = logged.export_since(2, Some(logged.checkpoints[0].position), dir.path()).unwrap();
    assert_eq!(onto.from, logged.checkpoints[0].end());
    let store = MemoryStore::new();
    restored(dir.path(), &store).unwrap();
    assert_eq!(log(&store, &logged.session), logged.up_to(2));
}

#[test]
fn many_sessions_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<Logged> = (0..3).map(|n| Logged::of(&format!("s{n}"), n * 50, 2)).collect();
    for logged in &all {
        logged.export(1, dir.path()).unwrap();
    }
    let store = MemoryStore::new();
    let error = restored(dir.path(), &store).unwrap_err().to_string();
    assert!(error.contains("3 sessions"), "{error}");
    for logged in &all {
        let source = Source { dir: dir.path(), session: Some(&logged.session), checkpoint: None };
        restore(&source, &store, None, &mut |_, _| {}).unwrap();
        assert_eq!(log(&store, &logged.session), logged.up_to(1));
    }
}

#[test]
fn a_restore_that_was_cut_off_goes_on_and_one_that_is_done_changes_nothing() {
    let (logged, dir) = (Logged::new("s", 4), tempfile::tempdir().unwrap());
    logged.export(1, dir.path()).unwrap();
    let store = MemoryStore::new();
    restored(dir.path(), &store).unwrap();
    logged.export(3, dir.path()).unwrap();
    let mut told = Vec::new();
    let source = Source { dir: dir.path(), session: None, checkpoint: None };
    let done = restore(&source, &store, None, &mut |done, of| told.push((done, of))).unwrap();
    assert_eq!((done.records, done.written), (16, 8), "the first half was there");
    assert_eq!(told.last(), Some(&(16, 16)));
    assert_eq!(log(&store, &logged.session), logged.up_to(3));
    let epoch = store.session(&logged.session).unwrap().epoch;
    assert_eq!(restored(dir.path(), &store).unwrap().written, 0);
    assert_eq!(store.session(&logged.session).unwrap().epoch, epoch, "nobody opened it");
}

#[test]
fn a_restore_goes_on_behind_any_record() {
    let (logged, dir) = (Logged::new("s", 2), tempfile::tempdir().unwrap());
    logged.export(1, dir.path()).unwrap();
    let records = logged.up_to(1);
    for known in 1..=records.len() {
        let store = MemoryStore::new();
        append(&store, &logged.session, records[..known].to_vec());
        let done = restored(dir.path(), &store).unwrap();
        assert_eq!(done.written, (records.len() - known) as u64);
        assert_eq!(log(&store, &logged.session), records);
    }
}

#[test]
fn a_restore_whose_commit_failed_is_asked_for_again() {
    let (logged, dir) = (Logged::new("s", 2), tempfile::tempdir().unwrap());
    logged.export(1, dir.path()).unwrap();
    let nth = 1;
    for fault in [
        Fault::OpenBusy { nth },
        Fault::AppendBusy { nth },
        Fault::AppendUnknownStored { nth },
        Fault::AppendUnknownLost { nth },
        Fault::WriteBusy { nth },
    ] {
        let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let failing = FaultyStore::new(Arc::clone(&inner), [fault]);
        let failed = restored(dir.path(), &failing);
        assert!(matches!(failed, Err(ExportError::Store(_))), "{failed:?}");
        restored(dir.path(), &*inner).unwrap();
        assert_eq!(log(&*inner, &logged.session), logged.up_to(1));
    }
}

#[test]
fn a_fork_is_exported_with_what_it_shares() {
    let (logged, dir) = (Logged::new("s", 3), tempfile::tempdir().unwrap());
    let (parent, child) = (logged.session.clone(), named("child"));
    let at = logged.checkpoints[1].end();
    logged.store.fork(&Fork { parent, at, child: child.clone() }).unwrap();
    let forked = Logged { session: child, ..logged };
    forked.export(1, dir.path()).unwrap();
    let store = MemoryStore::new();
    restored(dir.path(), &store).unwrap();
    assert_eq!(log(&store, &forked.session), forked.up_to(1));
}

#[test]
fn a_session_with_other_content_is_left_as_it_is() {
    let (logged, dir) = (Logged::new("s", 2), tempfile::tempdir().unwrap());
    logged.export(1, dir.path()).unwrap();
    for other in [Logged::of("s", 9, 2), Logged::new("s", 3)] {
        let before = log(&other.store, &other.session);
        let refused = restored(dir.path(), &other.store);
        assert!(matches!(refused, Err(ExportError::Occupied { .. })), "{refused:?}");
        assert_eq!(log(&other.store, &other.session), before);
    }
}

#[test]
fn an_export_does_not_go_on_from_another_history() {
    let (logged, dir) = (Logged::new("s", 3), tempfile::tempdir().unwrap());
    logged.export(1, dir.path()).unwrap();
    for other in [Logged::of("s", 9, 3), Logged::of("s", 9, 1), Logged::new("s", 1)] {
        let before = files(dir.path());
        let refused = other.export(other.checkpoints.len() - 1, dir.path());
        assert!(matches!(refused, Err(ExportError::OtherHistory { .. })), "{refused:?}");
        assert_eq!(files(dir.path()), before);
    }
    logged.export(2, dir.path()).unwrap();
}

#[test]
fn what_is_no_checkpoint_is_not_exported() {
    let (logged, dir) = (Logged::new("s", 2), tempfile::tempdir().unwrap());
    let export = |at, since| {
        super::super::export(
            &logged.store,
            &logged.session,
            LogPos(at),
            since,
            dir.path(),
            &mut |_, _| {},
        )
    };
    for (at, since) in [(0, None), (2, None), (8, None), (7, Some(LogPos(3))), (3, Some(LogPos(7)))]
    {
        let refused = export(at, since);
        assert!(matches!(refused, Err(ExportError::NoCheckpoint(_))), "{at}: {refused:?}");
    }
    assert_eq!(files(dir.path()).len(), 0);
    export(7, None).unwrap();
    assert_eq!(last_checkpoint(&logged.store, &logged.session).unwrap().unwrap().position.0, 7);
    let empty = MemoryStore::new();
    empty.open_session(&logged.session).unwrap();
    assert_eq!(last_checkpoint(&empty, &logged.session).unwrap(), None);
}
