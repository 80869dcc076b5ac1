//! The redo log is damaged, missing, or another store's: what was acknowledged is there, or its loss is told. Only what
//! stands last cannot be told from what a crash has torn.

use highwater_storage::{Store, StoreError};

use crate::disk::{Disk, Image};
use crate::workload::{self, Held, Life, Step};

/// What stands before the frames, and what a frame begins with: docs/format.md.
const HEAD: usize = 24;
const HEADER: usize = 40;
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
    let mut life = Life::new(Disk::default(), Held::new());
    let course = steps.iter().map(|step| life.takes(step).clone()).collect();
    (life.disk.image(), course)
}

/// Where the frames of a redo log begin, and where the last one ends.
fn frames(log: &[u8]) -> (Vec<usize>, usize) {
    let tag = log[8..16].to_vec();
    let starts = (HEAD..log.len()).step_by(ALIGNMENT);
    let begins: Vec<usize> = starts.filter(|at| log[*at..].starts_with(&tag)).collect();
    let last = *begins.last().expect("there is one");
    let length = log[last + 8..last + 16].try_into().map(u64::from_le_bytes).expect("eight bytes");
    let end = last + HEADER + usize::try_from(length).expect("small");
    (begins, end.next_multiple_of(ALIGNMENT))
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
fn what_was_not_closed_is_done_once_more_and_a_commit_costs_one_sync() {
    let (image, course) = left_open();
    let held = course.last().expect("it has steps");
    assert_eq!(frames(&image[1]).0.len(), 4, "the first commit tells redb of the log");
    let mut life = Life::new(Disk::of(image), held.clone());
    assert!(workload::held(&life.store).expect("it is readable") == *held);
    // The first one brings the log into use.
    for (bytes, syncs) in [(10, 3), (11, 1), (12, 1)] {
        let before = life.store.usage().expect("an answer").syncs;
        life.takes(&Step::Append(vec![("a", vec![bytes])]));
        assert_eq!(life.store.usage().expect("an answer").syncs - before, syncs, "{bytes}");
    }
}

#[test]
fn a_store_that_was_closed_needs_no_redo_log() {
    let (image, course) = left_open();
    let disk = Disk::of(image);
    drop(workload::open(&disk).expect("it opens"));
    let [store, redo] = disk.image();
    assert!(redo.is_empty(), "{} bytes are left", redo.len());
    holds([store, Vec::new()], course.last().expect("it has steps"), "the file alone");
}

#[test]
fn a_flipped_bit_before_the_last_frame_is_told_and_nothing_behind_it_is_lost_in_silence() {
    let (image, _) = left_open();
    let (begins, _) = frames(&image[1]);
    for byte in (0..begins[3]).filter(|byte| byte % 8 < 5 || *byte < 2 * HEADER) {
        let mut damaged = image.clone();
        damaged[1][byte] ^= 1 << (byte % 8);
        refused(damaged, "damaged", &format!("byte {byte}"));
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
            holds(torn, &course[3], &format!("torn at byte {byte}"));
        }
        let mut short = image.clone();
        short[1].truncate(byte);
        holds(short, &course[3], &format!("cut off at byte {byte}"));
    }
}

#[test]
fn frames_that_redb_has_are_not_done_again() {
    let (image, course) = left_open();
    let disk = Disk::of(image.clone());
    let held = course.last().expect("it has steps");
    let mut life = Life::new(disk.clone(), held.clone());
    // Done once more it is durable in redb, and the frames are still there.
    let again = [disk.image()[0].clone(), image[1].clone()];
    assert!(again[0] != image[0]);
    holds(again, held, "all of them done already");
    for bytes in [1, 2] {
        let after = life.takes(&Step::Append(vec![("b", vec![bytes])])).clone();
        holds(disk.image(), &after, "one new one before the others");
    }
}

#[test]
fn a_store_and_the_redo_log_of_another_or_of_another_time_are_refused() {
    let (image, course) = left_open();
    let held = course.last().expect("it has steps");
    let (other, _) = left_open();
    refused([image[0].clone(), other[1].clone()], "of another store", "alike, but another");
    refused([image[0].clone(), Vec::new()], "of another store", "a log that is empty");

    // A copy of a closed store beside the log that came later.
    let closed = Disk::of(image);
    drop(workload::open(&closed).expect("it opens"));
    let backup = closed.image();
    let mut life = Life::new(closed.clone(), held.clone());
    for bytes in [70, 80] {
        life.takes(&Step::Append(vec![("a", vec![bytes])]));
    }
    let later = closed.image();
    refused([backup[0].clone(), later[1].clone()], "of a later time of this one", "a backup");
    refused([Vec::new(), later[1].clone()], "of another store", "a new store beside a log");
    holds([backup[0].clone(), b"lost\n".to_vec()], held, "a log that is given up");
}

#[test]
fn a_copy_of_while_it_ran_is_refused_beside_the_log_of_later_unless_that_has_all_it_lacks() {
    let (image, course) = left_open();
    let held = course.last().expect("it has steps");
    let mut life = Life::new(Disk::of(image), held.clone());
    let mut copies = vec![life.disk.image()[0].clone()];
    let (mut refused, mut whole) = (0, 0);
    // The log is often full, and two transactions in a row are too large for it.
    for round in 0..60 {
        let bytes = if (30..32).contains(&round) { 40_000 } else { 900 };
        let after = life.takes(&Step::Append(vec![("a", vec![bytes + round])])).clone();
        let [store, log] = life.disk.image();
        let is_in_the_log = copies.last() == Some(&store);
        copies.push(store.clone());
        for early in copies.iter().rev().take(20).filter(|early| is_in_the_log && **early != store)
        {
            match workload::open(&Disk::of([early.clone(), log.clone()])) {
                Ok(store) => {
                    assert!(workload::held(&store).expect("it is readable") == after);
                    whole += 1;
                }
                Err(StoreError::Io { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(refused > 10 && whole > 10, "redb was durable by itself: {refused} and {whole}");
}

#[test]
fn a_redo_log_that_is_given_up_is_said_on_purpose() {
    let (image, course) = left_open();
    holds([image[0].clone(), b"lost".to_vec()], &course[0], "as redb had it");
    let disk = Disk::of([image[0].clone(), b"lost".to_vec()]);
    let mut life = Life::new(disk.clone(), course[0].clone());
    for bytes in [20, 30] {
        let after = life.takes(&Step::Append(vec![("a", vec![bytes])])).clone();
        holds(disk.image(), &after, "it goes on");
    }
}

#[test]
fn a_log_larger_than_the_limit_is_done_and_grows_no_more() {
    let (image, course) = left_open();
    let held = course.last().expect("it has steps").clone();
    let length = image[1].len();
    let mut life = Life::with_a_log_of(4 << 10, Disk::of(image), held);
    for round in 0..40 {
        let after = life.takes(&Step::Append(vec![("a", vec![300 + round])])).clone();
        holds(life.disk.image(), &after, &format!("after round {round}"));
    }
    assert_eq!(life.disk.image()[1].len(), length);
}

#[test]
fn a_transaction_of_any_size_is_there_after_a_crash() {
    let mut life = Life::with_a_log_of(4 << 20, Disk::default(), Held::new());
    life.takes(&Step::Open("a"));
    for bytes in [10, 1 << 20, 10, 2 << 20, (1 << 20) - 400, 10, 5 << 20, 20] {
        let after = life.takes(&Step::Append(vec![("a", vec![bytes])])).clone();
        holds(life.disk.image(), &after, &format!("{bytes} bytes"));
    }
}

/// Rows that are removed stay so: a sealed log, payloads that were swept, anchors that were thinned out.
#[test]
fn what_was_removed_is_not_there_after_a_crash() {
    let mut life = Life::with_a_log_of(4 << 20, Disk::default(), Held::new());
    life.takes(&Step::Open("a"));
    life.takes(&Step::Append(vec![("a", vec![900; 200])]));
    for round in 0..12 {
        life.takes(&Step::Append(vec![("a", vec![20 + round])]));
        life.takes(&Step::Anchor("a"));
    }
    life.takes(&Step::Seal("a"));
    life.takes(&Step::Sweep);
    let crashed = Disk::of(life.disk.image());
    assert!(frames(&life.disk.image()[1]).0.len() > 20, "all of it is in the log");
    let store = workload::open(&crashed).expect("it opens");
    assert_eq!(store.examine_rows().expect("an answer"), Vec::<String>::new());
    drop((store, life.store));
    let [clean, crashed] = [&life.disk, &crashed].map(workload::rows);
    assert!(clean.len() > 10, "{} rows", clean.len());
    assert!(clean == crashed, "row by row");
}

/// redb's own commits, when it compacts or verifies, leave out what spares the next opening a walk over the file.
#[test]
fn no_walk_over_the_file_is_needed_after_a_crash_whatever_was_done_before() {
    for what in ["nothing", "compacted", "verified"] {
        let (image, course) = left_open();
        let mut life = Life::new(Disk::of(image), course.last().expect("it has steps").clone());
        match what {
            "compacted" => drop(life.store.compact().expect("it is compacted")),
            "verified" => assert!(life.store.check_file().expect("it is verified")),
            _ => drop(life.takes(&Step::Append(vec![("a", vec![20])])).clone()),
        }
        assert_eq!(workload::repairs(&life.disk.image()), 0, "{what}");
        for bytes in [30, 40, 50] {
            life.takes(&Step::Append(vec![("a", vec![bytes])]));
            assert_eq!(workload::repairs(&life.disk.image()), 0, "{what}, {bytes}");
        }
    }
}

#[test]
fn a_frame_that_lacks_its_last_byte_was_not_stored() {
    let (image, course) = left_open();
    let (_, end) = frames(&image[1]);
    let mut short = image.clone();
    short[1][end - 1] ^= 1;
    holds(short, &course[3], "the padding counts");
}
