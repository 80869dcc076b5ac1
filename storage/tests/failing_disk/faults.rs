//! A write, a sync, a growth or a read of the disk is refused, at each place of a workload in turn: nothing that was
//! acknowledged is lost, what was not is known to be absent or said to be unknown, and the error says what to do (L6).

use highwater_storage::{RedbOptions, RedbStore, StoreError};

use crate::disk::{Deed, Disk, Fault, Image};
use crate::workload::{self, Held, Step};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
/// Errors of the system and what each is told as.
const ERRORS: [(i32, &str); 3] = [
    (ENOSPC, "the disk is full: free space, then open the store again"),
    (EIO, "see whether the disk is sound, then open the store again"),
    (EROFS, "the file system is read-only: make it writable, then open the store again"),
];

/// What was tried, as errors tell it.
fn words(deed: Deed) -> &'static str {
    match deed {
        Deed::Write => "cannot write",
        Deed::Sync => "cannot sync",
        Deed::SetLen => "cannot make it",
        Deed::Read => "cannot read",
    }
}

/// What came of failing once at every place.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    busy: usize,
    unknown: usize,
    unknown_and_stored: usize,
    reads_went_on: usize,
}

type Opens = fn(&Disk) -> Result<RedbStore, StoreError>;

/// One failure in one step, on a disk of its own.
struct Case<'a> {
    step: &'a Step,
    from: &'a Held,
    to: &'a Held,
    fault: Fault,
    advice: &'a str,
    opens: Opens,
}

impl Case<'_> {
    /// Whether the step was long enough for its failure to happen.
    fn plays(&self, found: Image, seen: &mut Seen) -> bool {
        let disk = Disk::of(found);
        let store = (self.opens)(&disk).expect("the disk is sound");
        disk.break_at(self.fault);
        let outcome = workload::take(&store, self.step, self.from, self.to);
        match &outcome {
            Ok(()) => {
                let fired = disk.mend();
                self.is_whole(&store, &[self.to]);
                drop(store);
                self.is_whole(&workload::open(&disk).expect("it opens"), &[self.to]);
                return fired;
            }
            Err(error) => self.is_told(error),
        }
        self.refuses_writers(&store);
        self.reads_nothing_wrong(&store, seen);
        drop(store);
        disk.mend();
        let store = workload::open(&disk).expect("it opens once the disk is mended");
        match outcome {
            // A step that only reads up to there fails as reading does.
            Err(StoreError::Busy(_) | StoreError::Io { .. }) => {
                seen.busy += 1;
                self.is_whole(&store, &[self.from]);
            }
            Err(StoreError::Unknown(_)) => {
                seen.unknown += 1;
                seen.unknown_and_stored += self.is_whole(&store, &[self.from, self.to]);
            }
            other => panic!("{:?}: {other:?}", self.fault),
        }
        self.goes_on(&store);
        true
    }

    fn is_told(&self, error: &StoreError) {
        let told = error.to_string();
        for part in ["the storage backend", words(self.fault.deed), self.advice] {
            assert!(told.contains(part), "{:?}: {part:?} is not in: {told}", self.fault);
        }
    }

    fn refuses_writers(&self, store: &RedbStore) {
        for again in [false, true] {
            let opened = store_step(store, &Step::Open("a"), self.from);
            let refused = opened.expect_err("writers are refused");
            // Only a write that fails refuses all that follow; after a read it is the first of them.
            let told = refused.to_string();
            let is_refused = told.contains("writers are refused until the store is reopened");
            assert!(is_refused || !again && matches!(refused, StoreError::Busy(_)), "{told}");
            assert!(told.contains(self.advice), "{told}");
        }
    }

    /// Reads are right, or errors that say to open the store again.
    fn reads_nothing_wrong(&self, store: &RedbStore, seen: &mut Seen) {
        match workload::held(store) {
            Ok(held) => {
                seen.reads_went_on += 1;
                assert!(
                    held == *self.from,
                    "{:?}: what is not acknowledged is not read",
                    self.fault
                );
            }
            Err(error) => {
                let told = error.to_string();
                assert!(matches!(error, StoreError::Io { .. }), "{told}");
                assert!(told.contains("open the store again"), "{told}");
            }
        }
    }

    /// Requires that the store holds one of these states, and tells which.
    fn is_whole(&self, store: &RedbStore, legal: &[&Held]) -> usize {
        let held = workload::held(store).expect("it is readable");
        let found = legal.iter().position(|legal| **legal == held);
        found.unwrap_or_else(|| panic!("{:?}: it holds {:?}", self.fault, held.keys()))
    }

    /// Whoever was not answered sends the same once more.
    fn goes_on(&self, store: &RedbStore) {
        let held = workload::held(store).expect("it is readable");
        let again = match self.step {
            step @ (Step::Append(_) | Step::Resend(_)) => {
                vec![Step::Open("a"), Step::Resend(workload::batches(self.from, step))]
            }
            step => vec![step.clone()],
        };
        let course = workload::course(held, &again);
        for (at, step) in again.iter().enumerate() {
            workload::take(store, step, &course[at], &course[at + 1]).expect("it is mended");
        }
        let logs = |held: &Held| held.values().map(|(_, log)| log.clone()).collect::<Vec<_>>();
        self.is_whole(store, &[course.last().expect("it has a start")]);
        let reached = course.last().expect("it has a start");
        assert!(logs(reached) == logs(self.to), "{:?}: everything is there, once", self.fault);
    }
}

fn store_step(store: &RedbStore, step: &Step, held: &Held) -> Result<(), StoreError> {
    workload::take(store, step, held, &workload::after(held, step))
}

/// A disk with a new store on it.
fn new_store() -> Disk {
    let disk = Disk::default();
    drop(workload::open(&disk).expect("a new store"));
    disk
}

/// Fails every deed of this kind in every step in turn, of a store that was closed before, and of one that was not: its
/// redo log is in use from the beginning.
fn fails_everywhere(deed: Deed, rounds: usize, opens: Opens) -> Seen {
    let steps = workload::script(rounds);
    let course = workload::course(Held::new(), &steps);
    let disk = new_store();
    let mut left_open = disk.image();
    let mut seen = Seen::default();
    for (at, step) in steps.iter().enumerate() {
        let (from, to) = (&course[at], &course[at + 1]);
        for found in [disk.image(), left_open] {
            for nth in 1.. {
                let (errno, advice) = ERRORS[nth % ERRORS.len()];
                let fault = Fault { deed, nth, errno, lasts: nth.is_multiple_of(2) };
                let case = Case { step, from, to, fault, advice, opens };
                if !case.plays(found.clone(), &mut seen) {
                    break;
                }
            }
        }
        let store = workload::open(&disk).expect("it opens");
        workload::take(&store, step, from, to).expect("the disk is sound");
        left_open = disk.image();
    }
    println!("{deed:?}: {seen:?}");
    seen
}

#[test]
fn a_write_that_fails_anywhere_loses_nothing_that_was_acknowledged() {
    let seen = fails_everywhere(Deed::Write, 4, workload::open);
    assert!(seen.unknown > 200, "{seen:?}");
    assert_eq!(seen.reads_went_on, seen.unknown + seen.busy, "what is in memory is read");
}

#[test]
fn a_write_that_fails_under_little_memory_loses_nothing_that_was_acknowledged() {
    let seen = fails_everywhere(Deed::Write, 2, workload::open_with_little_memory);
    assert!(seen.unknown > 100 && seen.busy > 20, "{seen:?}");
}

#[test]
fn a_sync_that_fails_anywhere_leaves_the_commit_unknown() {
    let seen = fails_everywhere(Deed::Sync, 4, workload::open);
    assert!(seen.unknown > 30 && seen.unknown_and_stored > 10, "{seen:?}");
    assert!(seen.unknown_and_stored < seen.unknown, "{seen:?}");
}

#[test]
fn a_file_that_cannot_grow_loses_nothing_that_was_acknowledged() {
    let seen = fails_everywhere(Deed::SetLen, 4, workload::open);
    assert!(seen.busy > 1, "{seen:?}");
}

#[test]
fn a_read_that_fails_anywhere_loses_nothing_that_was_acknowledged() {
    let seen = fails_everywhere(Deed::Read, 2, workload::open_with_little_memory);
    assert!(seen.busy > 50, "{seen:?}");
}

/// A whole life in which one deed fails: what was acknowledged before is in the log alone, in redb alone, or in both.
#[test]
fn a_store_that_failed_once_and_was_closed_has_all_that_was_acknowledged() {
    let steps = workload::script(3);
    let course = workload::course(Held::new(), &steps);
    let mut failed = 0;
    for (cache_bytes, redo_bytes) in [(16 << 10, 24 << 10), (1 << 20, 4 << 20)] {
        let options = RedbOptions { cache_bytes, redo_bytes, create: true };
        for deed in [Deed::Write, Deed::Sync, Deed::SetLen, Deed::Read] {
            for nth in (1..).step_by(3) {
                let disk = Disk::default();
                let store = workload::over(&disk, options).expect("the disk is sound");
                disk.break_at(Fault { deed, nth, errno: EIO, lasts: nth.is_multiple_of(3) });
                let fails = |at: &usize| {
                    workload::take(&store, &steps[*at], &course[*at], &course[*at + 1]).is_err()
                };
                let Some(at) = (0..steps.len()).find(fails) else { break };
                failed += 1;
                if nth.is_multiple_of(2) {
                    disk.mend();
                }
                drop(store);
                disk.mend();
                let held = workload::held(&workload::open(&disk).expect("it opens"));
                let held = held.expect("it is readable");
                let legal = [&course[at], &course[at + 1]];
                assert!(legal.contains(&&held), "{deed:?} {nth}, {redo_bytes}: at step {at}");
            }
        }
    }
    assert!(failed > 100, "{failed}");
}

/// Fails every deed of this kind while a store is opened that was not closed. Tells how many there were.
fn fails_while_opening(deed: Deed, found: &Image, held: &Held) -> usize {
    for nth in 1.. {
        let (errno, advice) = ERRORS[nth % ERRORS.len()];
        let disk = Disk::of(found.clone());
        disk.break_at(Fault { deed, nth, errno, lasts: false });
        let opened = workload::open(&disk).map(drop);
        if !disk.mend() {
            return nth - 1;
        }
        if let Err(error) = opened {
            let told = error.to_string();
            assert!(matches!(error, StoreError::Io { .. }), "{deed:?} {nth}: {told}");
            assert!(told.contains(words(deed)) && told.contains(advice), "{deed:?} {nth}: {told}");
        }
        let store = workload::open(&disk).expect("it opens once the disk is mended");
        assert!(workload::held(&store).expect("it is readable") == *held, "{deed:?} {nth}");
    }
    unreachable!("an opening ends")
}

#[test]
fn an_opening_that_fails_anywhere_says_why_and_damages_nothing() {
    let steps = workload::script(4);
    let course = workload::course(Held::new(), &steps);
    let disk = new_store();
    let store = workload::open(&disk).expect("it opens");
    for (at, step) in steps.iter().enumerate() {
        workload::take(&store, step, &course[at], &course[at + 1]).expect("the disk is sound");
    }
    let left_open = disk.image();
    drop(store);
    for (found, what) in [(left_open, "not closed"), (disk.image(), "closed")] {
        let held = course.last().expect("it has a start");
        let failed = [Deed::Read, Deed::Write, Deed::Sync, Deed::SetLen]
            .map(|deed| fails_while_opening(deed, &found, held));
        println!("{what}: reads, writes, syncs, growths: {failed:?}");
        assert!(failed[0] > 3 && failed[1] > 0 && failed[2] > 0, "{what}: {failed:?}");
    }
}

#[test]
fn a_creation_that_fails_anywhere_says_why() {
    let mut failed = [0; 4];
    for (at, deed) in [Deed::Read, Deed::Write, Deed::Sync, Deed::SetLen].into_iter().enumerate() {
        for nth in 1.. {
            let disk = Disk::default();
            disk.break_at(Fault { deed, nth, errno: ENOSPC, lasts: true });
            let created = workload::open(&disk);
            if !disk.mend() {
                break;
            }
            failed[at] += 1;
            if let Err(error) = created {
                let told = error.to_string();
                assert!(matches!(error, StoreError::Io { .. }), "{deed:?} {nth}: {told}");
                assert!(told.contains("the disk is full: free space"), "{deed:?} {nth}: {told}");
            }
        }
    }
    println!("reads, writes, syncs, growths: {failed:?}");
    assert!(failed.iter().all(|count| *count > 0), "{failed:?}");
}
