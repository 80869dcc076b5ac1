//! Logs to export, and what a restore is held against.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_protocol::{
    Checkpoint, Digest, Entry, EntryId, LogPos, Record, Seq, SessionId, Timestamp,
};

use crate::export::disk::{Disk, Files};
use crate::export::write::Export;
use crate::export::{ExportError, Exported, Restored, Source, restore};
use crate::store::{BatchId, PageLimit, SessionBatch, Store};
use crate::{MemoryStore, StoreError};

pub(super) fn named(name: &str) -> SessionId {
    SessionId::parse(name).unwrap()
}

/// The turn of a number: an entry of some size, with a payload that is kept apart now and then.
fn turn(number: u64) -> Record {
    let words = if number % 5 == 4 { 3_000 } else { 20 };
    let words: Vec<String> = (0..words).map(|word| (word * number * 7_919).to_string()).collect();
    let text = words.join(" ");
    let id = EntryId::parse(&format!("e{number}")).unwrap();
    let entry = Arc::new(Entry::user(id, &text).unwrap());
    Record::Appended { at: Timestamp(5), seq: Seq(number), entry }
}

fn mark(number: u64) -> Record {
    let digest = Digest::of(&number.to_le_bytes());
    Record::Checkpointed { at: Timestamp(6), seq: Seq(number), digest }
}

/// A log in a store: `checkpoints` times three turns and a mark.
pub(super) struct Logged {
    pub(super) store: MemoryStore,
    pub(super) session: SessionId,
    pub(super) checkpoints: Vec<Checkpoint>,
}

impl Logged {
    pub(super) fn new(name: &str, checkpoints: u64) -> Self {
        Self::of(name, 0, checkpoints)
    }

    /// The same with other entries for other seeds.
    pub(super) fn of(name: &str, seed: u64, checkpoints: u64) -> Self {
        let mut logged =
            Self { store: MemoryStore::new(), session: named(name), checkpoints: Vec::new() };
        for checkpoint in 0..checkpoints {
            let turns = (1..4).map(|turn| checkpoint * 3 + turn + seed);
            let mut records: Vec<Record> = turns.map(turn).collect();
            records.push(mark(checkpoint + seed));
            logged.append(records);
        }
        logged
    }

    fn append(&mut self, records: Vec<Record>) {
        let head = log(&self.store, &self.session).len() as u64;
        let marks = (head..).zip(&records);
        self.checkpoints
            .extend(marks.filter_map(|(at, record)| Checkpoint::of(LogPos(at), record)));
        append(&self.store, &self.session, records);
    }

    /// Exports up to a checkpoint, in small parts.
    pub(super) fn export(&self, checkpoint: usize, dir: &Path) -> Result<Exported, ExportError> {
        self.export_since(checkpoint, None, dir)
    }

    pub(super) fn export_since(
        &self,
        checkpoint: usize,
        since: Option<LogPos>,
        dir: &Path,
    ) -> Result<Exported, ExportError> {
        self.export_with(&Files, checkpoint, since, dir)
    }

    pub(super) fn export_with(
        &self,
        disk: &dyn Disk,
        checkpoint: usize,
        since: Option<LogPos>,
        dir: &Path,
    ) -> Result<Exported, ExportError> {
        let Self { store, session, .. } = self;
        let export = Export { store, session, dir, disk, part_bytes: 512 };
        export.run(self.checkpoints[checkpoint].position, since, &mut |_, _| {})
    }

    /// Its log up to a checkpoint.
    pub(super) fn up_to(&self, checkpoint: usize) -> Vec<Record> {
        let end = self.checkpoints[checkpoint].end().0;
        log(&self.store, &self.session).into_iter().take(usize::try_from(end).unwrap()).collect()
    }
}

/// Appends to a session's log.
pub(super) fn append(store: &dyn Store, session: &SessionId, records: Vec<Record>) {
    let lease = store.open_session(session).unwrap();
    let (session, batch) = (session.clone(), BatchId(1));
    let batch = SessionBatch { session, epoch: lease.epoch, head: lease.head, batch, records };
    store.append(&[batch]).unwrap();
}

/// A session's log; nothing when the store does not know it.
pub(super) fn log(store: &dyn Store, session: &SessionId) -> Vec<Record> {
    let (mut records, mut at) = (Vec::new(), Some(LogPos(0)));
    while let Some(from) = at {
        match store.read(session, from, PageLimit { bytes: 1 << 20 }) {
            Ok(page) => {
                records.extend(page.records.into_iter().map(|(_, record)| record));
                at = page.next;
            }
            Err(StoreError::NoSession(_)) => at = None,
            Err(error) => panic!("{error}"),
        }
    }
    records
}

/// Restores the newest checkpoint of the only session in a directory.
pub(super) fn restored(dir: &Path, store: &dyn Store) -> Result<Restored, ExportError> {
    let source = Source { dir, session: None, checkpoint: None };
    restore(&source, store, None, &mut |_, _| {})
}

/// Requires that a restore is refused with these words, and that nothing is written.
#[track_caller]
pub(super) fn require_refused(dir: &Path, words: &[&str]) {
    let store = MemoryStore::new();
    let error = restored(dir, &store).expect_err("it is refused").to_string();
    for word in words {
        assert!(error.contains(word), "{word:?} is missing: {error}");
    }
    assert_eq!(store.sessions(None, 10).unwrap(), [], "nothing was written: {error}");
}

/// The files of a directory, those in the making left out, in the order of their names.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| !name_of(path).starts_with('.'));
    files.sort();
    files
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Those with this ending.
pub(super) fn ending(dir: &Path, with: &str) -> Vec<PathBuf> {
    files(dir).into_iter().filter(|path| name_of(path).ends_with(with)).collect()
}
