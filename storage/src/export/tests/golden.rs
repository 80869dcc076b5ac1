//! An export of format version 1, checked in: two checkpoints of one session, the second going on from the first. Every later
//! version must restore both. `export` wrote it from the log below, with `HIGHWATER_BLESS=1` and nothing in the folder; it is
//! never written anew. See docs/format.md.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::{env, fs};

use highwater_protocol::{
    Budget, CallNumber, Digest, Entry, EntryId, Format, LogPos, PassId, Record, Replacement, Seq,
    SeqRange, SeqSpans, Summary, Timestamp, TokenCount,
};

use super::fixture::{append, ending, files, log, named};
use crate::MemoryStore;
use crate::export::disk::Files;
use crate::export::manifest::Manifest;
use crate::export::part;
use crate::export::write::Export;
use crate::export::{Source, restore};

const AT: Timestamp = Timestamp(1_700_000_000_123);
/// Where the checkpoints stand.
const FIRST: LogPos = LogPos(9);
const SECOND: LogPos = LogPos(12);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/export-v1")
}

fn said(seq: u64, text: &str) -> Record {
    let id = EntryId::parse(&format!("entry-{seq}")).unwrap();
    Record::Appended { at: AT, seq: Seq(seq), entry: Arc::new(Entry::user(id, text).unwrap()) }
}

fn mark(seq: u64) -> Record {
    Record::Checkpointed { at: AT, seq: Seq(seq), digest: Digest::of(&seq.to_le_bytes()) }
}

/// The log that was exported: a text of 20 KB, which a store keeps apart as a payload, a splice, and two checkpoints.
fn exported() -> Vec<Record> {
    let budget = Budget::new(TokenCount(120_000), TokenCount(60_000), TokenCount(180_000));
    let words: Vec<String> = (0..3_000_u64).map(|n| (n * n % 99_991).to_string()).collect();
    let (pass, cut, digest) = (PassId(1), Seq(2), Digest::of(b"the view at the cut"));
    let summary = Summary { text: "They asked for the ferry.".into(), author: "someone".into() };
    let covers = SeqSpans::of(vec![SeqRange::new(Seq(1), Seq(3))]);
    let (call, position, stand_ins) = (CallNumber(1), Seq(4), Vec::new());
    vec![
        Record::Opened { at: AT, format: Format::Anthropic, budget: budget.unwrap() },
        said(1, "Where is the ferry?"),
        said(2, &(words.join(" ") + " ")),
        said(3, "At pier tw\u{f6}?"),
        said(4, "Or at pier three?"),
        Record::Answered { at: AT, call, position, digest, stand_ins },
        Record::PassStarted { at: AT, pass, cut, digest },
        Record::Spliced {
            at: AT,
            pass,
            cut,
            digest,
            pieces: vec![Replacement { covers, summary }],
            facts: Vec::new(),
        },
        Record::Pinned { at: AT, seq: Seq(3), pinned: true },
        mark(4),
        said(5, "It has left."),
        Record::Rewound { at: AT, to: Seq(4) },
        mark(5),
    ]
}

/// The files, which are made where there are none and that is asked for.
fn golden() -> PathBuf {
    static MADE: Once = Once::new();
    MADE.call_once(make);
    folder()
}

fn make() {
    let is_asked = env::var_os("HIGHWATER_BLESS").is_some_and(|value| value == "1");
    if !is_asked || folder().exists() {
        return;
    }
    let (store, session) = (MemoryStore::new(), named("a session"));
    append(&store, &session, exported());
    let (store, session, dir, disk) = (&store, &session, &*folder(), &Files);
    for (checkpoint, since) in [(FIRST, None), (SECOND, Some(FIRST))] {
        let export = Export { store, session, dir, disk, part_bytes: 4_096 };
        export.run(checkpoint, since, &mut |_, _| {}).unwrap();
    }
}

#[test]
fn an_export_of_version_one_gives_the_log_that_it_was_made_from() {
    for checkpoint in [FIRST, SECOND] {
        let store = MemoryStore::new();
        let source = Source { dir: &golden(), session: None, checkpoint: Some(checkpoint) };
        let done = restore(&source, &store, None, &mut |_, _| {}).unwrap();
        assert_eq!((&done.session, done.checkpoint.position), (&named("a session"), checkpoint));
        let end = usize::try_from(checkpoint.0).unwrap() + 1;
        assert_eq!(log(&store, &done.session), exported()[..end]);
    }
}

#[test]
fn the_files_of_version_one_are_those_that_are_written_now() {
    let dir = golden();
    let manifests = ending(&dir, ".manifest");
    assert_eq!((manifests.len(), files(&dir).len()), (2, 6));
    for file in manifests {
        let bytes = fs::read(file).unwrap();
        assert!(Manifest::decode(&bytes).unwrap().encoded().unwrap() == bytes, "byte for byte");
    }
    // What a part holds is packed, and packing may change: what is packed may not.
    let mut stretches = Vec::new();
    for file in ending(&dir, ".part") {
        let bytes = fs::read(file).unwrap();
        let (claim, records) = (part::claim(&bytes).unwrap(), part::records(&bytes).unwrap());
        assert_eq!(claim.session, "a session");
        assert_eq!(records.len() as u64, claim.end.0 - claim.first.0);
        let mut made = part::Part::from(claim.first);
        for record in &records {
            assert!(made.push(record, usize::MAX).unwrap().is_none());
        }
        let again = made.encoded(&claim.session);
        assert_eq!(head(&again), head(&bytes), "the head says length and hash of what is packed");
        stretches.push((claim.first.0, claim.end.0));
    }
    assert_eq!(stretches, [(0, 2), (2, 3), (3, 10), (10, 13)]);
}

/// The end of a part's head: the length of what is packed, and its hash. Behind it stands a zstd frame.
fn head(file: &[u8]) -> &[u8] {
    let packed = file.windows(4).position(|bytes| bytes == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    &file[packed - 34..packed]
}
