//! Files that name each other rightly and are not what they say: whoever can write the directory can make them.

use std::fs;
use std::path::Path;

use highwater_protocol::{Checkpoint, Digest, LogPos, Record, SessionId, Timestamp};

use super::fixture::{Logged, log, named, require_refused};
use crate::export::file;
use crate::export::manifest::{Listed, Manifest};
use crate::export::names::ManifestName;
use crate::export::part::Part;

/// A part's file.
fn part(session: &str, first: u64, records: &[Record]) -> Vec<u8> {
    let mut part = Part::from(LogPos(first));
    for record in records {
        assert!(part.push(record, usize::MAX).unwrap().is_none(), "it all goes into one");
    }
    part.encoded(session)
}

/// Puts a manifest of these parts into a directory, each listed as the stretch that is given.
fn forge(dir: &Path, session: &SessionId, end: u64, parts: &[(u64, u64, Vec<u8>)]) {
    let checkpoint = Checkpoint { position: LogPos(end - 1), ..marked() };
    let listed: Vec<Listed> = parts
        .iter()
        .map(|(first, end, bytes)| {
            let listed = Listed::new(LogPos(*first), LogPos(*end), bytes);
            fs::write(dir.join(listed.name(session)), bytes).unwrap();
            listed
        })
        .collect();
    let manifest = Manifest::new(session, Timestamp(6), &checkpoint, None, listed);
    let bytes = manifest.encoded().unwrap();
    let name = ManifestName::new(session, LogPos(end), &Digest::of(&bytes));
    fs::write(dir.join(name.text()), bytes).unwrap();
}

/// The checkpoint of a log of four records.
fn marked() -> Checkpoint {
    Logged::new("s", 1).checkpoints[0]
}

#[track_caller]
fn require_refused_forgery(end: u64, parts: &[(u64, u64, Vec<u8>)], words: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    forge(dir.path(), &named("s"), end, parts);
    require_refused(dir.path(), words);
}

fn records() -> Vec<Record> {
    let logged = Logged::new("s", 1);
    log(&logged.store, &logged.session)
}

#[test]
fn the_forge_makes_what_an_export_makes() {
    let dir = tempfile::tempdir().unwrap();
    forge(dir.path(), &named("s"), 4, &[(0, 4, part("s", 0, &records()))]);
    super::fixture::restored(dir.path(), &crate::MemoryStore::new()).unwrap();
}

#[test]
fn a_part_that_says_it_is_another_is_refused() {
    let records = records();
    let another = [(0, 4, part("t", 0, &records))];
    require_refused_forgery(4, &another, &[".part", "another session, t"]);
    let elsewhere = [(0, 4, part("s", 8, &records))];
    require_refused_forgery(4, &elsewhere, &[".part", "another part", "position 8"]);
    let longer = [(0, 3, part("s", 0, &records)), (3, 4, part("s", 3, &records[3..]))];
    require_refused_forgery(4, &longer, &[".part", "another part"]);
}

#[test]
fn parts_that_do_not_follow_each_other_up_to_the_checkpoint_are_refused() {
    let records = records();
    let one = |first: usize, end: usize| {
        (first as u64, end as u64, part("s", first as u64, &records[first..end]))
    };
    require_refused_forgery(4, &[one(0, 2), one(3, 4)], &[".manifest", "follow"]);
    require_refused_forgery(4, &[one(1, 4)], &[".manifest", "follow"]);
    require_refused_forgery(4, &[one(0, 2), one(2, 3)], &[".manifest", "end at its checkpoint"]);
    require_refused_forgery(4, &[], &[".manifest", "end at its checkpoint"]);
}

#[test]
fn a_log_that_does_not_end_with_its_mark_is_refused() {
    let mut records = records();
    records.swap(2, 3);
    let swapped = [(0, 4, part("s", 0, &records))];
    require_refused_forgery(4, &swapped, &[".manifest", "not the mark"]);
}

#[test]
fn bytes_that_are_no_export_are_refused_under_a_right_name() {
    for bytes in [b"".to_vec(), b"something else".to_vec(), file::MAGIC.to_vec()] {
        let dir = tempfile::tempdir().unwrap();
        let name = ManifestName::new(&named("s"), LogPos(4), &Digest::of(&bytes)).text();
        fs::write(dir.path().join(&name), &bytes).unwrap();
        require_refused(dir.path(), &[&name]);
        require_refused_forgery(4, &[(0, 4, bytes)], &[".part"]);
    }
}
