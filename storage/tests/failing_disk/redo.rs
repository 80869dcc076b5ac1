//! The redo log is damaged, missing, or another store's: what was acknowledged is there, or its loss is told. Only what
//! stands last cannot be told from what a crash has torn.

use highwater_storage::{RedbOptions, RedbStore, Store, StoreError};

use crate::disk::{Disk, Image, Part};
use crate::workload::{self, Held, Step};

/// What a frame begins with, and the multiple at which it begins: docs/format.md.
const MAGIC: &[u8] = b"HwRL";
const ALIGNMENT: usize = 8;

/// A store that was not closed, with four small commits in its redo log; and what it held before and after them.
fn left_open() -> (Image, Vec<Held>) {
    let steps = [
        Step::Open("a"),
        Step::Open("b"),
        Step::Append(vec![("a", vec![60, 20]), ("b", vec![900])]),
        Step::Append(vec![("b", vec![5_000])]),
        Step::Append(vec![("a", vec![30])]),
    ];
    let disk = Disk::default();
    let store = workload::open(&disk).expect("a new store");
    let course = workload::course(Held::new(), &steps);
    for (at, step) in steps.iter().enumerate() {
        workload::take(&store, step, &course[at], &course[at + 1]).expect("the disk is sound");
    }
    (disk.image(), course)
}

/// Where the frames of a redo log begin, and where the last one ends.
fn frames(log: &[u8]) -> (Vec<usize>, usize) {
    let starts = (0..log.len()).step_by(ALIGNMENT);
    let begins: Vec<usize> = starts.filter(|at| log[*at..].starts_with(MAGIC)).collect();
    let last = *begins.last().expect("there is one");
    let length = log[last + 4..last + 8].try_into().map(u32::from_le_bytes).expect("four bytes");
    (begins, last + 48 + usize::try_from(length).expect("small"))
}

fn holds(image: Image, held: &Held, told: &str) {
    let store = workload::open(&Disk::of(image)).unwrap_or_else(|error| panic!("{told}: {error}"));
    assert!(workload::held(&store).expect("it is readable") == *held, "{told}");
}

fn refused(image: Image, why: &str, told: &str) {
    let error = workload::open(&Disk::of(image)).map(drop).expect_err(told);
    assert!(matches!(error, StoreError::Io { .. }), "{told}: {error}");
    assert!(error.to_string().contains(why), "{told}: {error}");
}

#[test]
fn what_was_not_closed_is_done_once_more_and_costs_one_sync_a_commit() {
    let (image, course) = left_open();
    let (begins, _) = frames(&image[1]);
    assert_eq!(begins.len(), 4, "the first commit tells redb of the log");
    let disk = Disk::of(image.clone());
    let store = workload::open(&disk).expect("it opens");
    let held = course.last().expect("it has a start");
    assert!(workload::held(&store).expect("it is readable") == *held);
    let before = store.usage().expect("an answer").syncs;
    let step = Step::Append(vec![("a", vec![10])]);
    workload::take(&store, &step, held, &workload::after(held, &step)).expect("it is stored");
    assert_eq!(store.usage().expect("an answer").syncs - before, 1);
}

#[test]
fn a_store_that_was_closed_needs_no_redo_log() {
    let (image, course) = left_open();
    let disk = Disk::of(image);
    drop(workload::open(&disk).expect("it opens"));
    let [store, redo] = disk.image();
    assert!(redo.is_empty(), "{} bytes are left", redo.len());
    holds([store, Vec::new()], course.last().expect("it has a start"), "the file alone");
}

#[test]
fn a_flipped_bit_before_the_last_frame_is_told_and_nothing_behind_it_is_lost_in_silence() {
    let (image, _) = left_open();
    let (begins, _) = frames(&image[1]);
    for byte in (0..begins[3]).filter(|byte| byte % 8 < 5 || *byte < 64) {
        let in_padding = begins.iter().any(|next| {
            let length = |at: usize| image[1][at + 4..at + 8].try_into().map(u32::from_le_bytes);
            let before = begins.iter().rev().find(|begin| *begin < next);
            before.is_some_and(|begin| {
                let end = begin + 48 + usize::try_from(length(*begin).unwrap_or(0)).expect("small");
                (end..*next).contains(&byte)
            })
        });
        if in_padding {
            continue;
        }
        let mut damaged = image.clone();
        damaged[1][byte] ^= 1 << (byte % 8);
        refused(damaged, "damaged or of another store", &format!("byte {byte}"));
    }
}

#[test]
fn a_torn_last_frame_is_what_was_never_acknowledged() {
    let (image, course) = left_open();
    let (begins, end) = frames(&image[1]);
    for byte in begins[3]..end {
        let mut torn = image.clone();
        torn[1][byte..end].fill(0);
        if torn != image {
            holds(torn, &course[4], &format!("torn at byte {byte}"));
        }
    }
}

#[test]
fn frames_of_before_the_log_began_anew_are_not_done_again() {
    let (image, course) = left_open();
    let disk = Disk::of(image.clone());
    let held = course.last().expect("it has a start");
    let store = workload::open(&disk).expect("it opens");
    // Done once more it is durable in redb, and the frames are still there.
    let again = [disk.image()[0].clone(), image[1].clone()];
    assert!(again[0] != image[0]);
    holds(again, held, "all of them done already");
    let step = Step::Append(vec![("b", vec![1])]);
    let after = workload::after(held, &step);
    workload::take(&store, &step, held, &after).expect("it is stored");
    holds(disk.image(), &after, "one new one before the others");
}

#[test]
fn a_log_of_later_or_of_another_store_is_refused() {
    let (image, course) = left_open();
    let disk = Disk::of(image.clone());
    let store = workload::open(&disk).expect("it opens");
    let mut held = course.last().expect("it has a start").clone();
    for bytes in [70, 80] {
        let step = Step::Append(vec![("a", vec![bytes])]);
        let after = workload::after(&held, &step);
        workload::take(&store, &step, &held, &after).expect("it is stored");
        held = after;
    }
    let [_, later] = disk.image();
    refused([image[0].clone(), later], "of another store", "an old copy beside a newer log");
}

#[test]
fn a_frame_over_the_limit_goes_to_redb_and_the_log_begins_anew() {
    let (image, course) = left_open();
    let disk = Disk::of(image);
    let options = RedbOptions { cache_bytes: 1 << 20, redo_bytes: 4 << 10, create: false };
    let store = RedbStore::over(disk.file(Part::Store), disk.file(Part::Redo), options)
        .expect("a log that is larger than the limit is done all the same");
    let mut held = course.last().expect("it has a start").clone();
    for round in 0..40 {
        let step = Step::Append(vec![("a", vec![300 + round])]);
        let after = workload::after(&held, &step);
        workload::take(&store, &step, &held, &after).expect("it is stored");
        held = after;
        holds(disk.image(), &held, &format!("after round {round}"));
    }
}
