//! What the log holds is written down beside the transactions that come meanwhile: they wait for nothing, and are there
//! whenever the power goes, and however the writing down ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use highwater_storage::{RedbStore, Store, StoreError};

use crate::disk::{Deed, Disk, Fault};
use crate::workload::{self, Held, Step};

const EIO: i32 = 5;

/// A store whose log is half full, and nobody has written down what it holds.
fn half_full(disk: &Disk) -> (RedbStore, Held) {
    let store = workload::open(disk).expect("the disk is sound");
    let mut held = Held::new();
    let mut takes = |step: &Step| held = taken(&store, step, &held);
    takes(&Step::Open("a"));
    takes(&Step::Open("b"));
    let mut round = 0;
    while !store.is_behind() {
        takes(&Step::Append(vec![("a", vec![500 + round, 1_500]), ("b", vec![30])]));
        round += 1;
    }
    assert!(round > 3, "{round} transactions are in the log");
    (store, held)
}

/// Takes a step, and leaves what is to be written down to others.
fn taken(store: &RedbStore, step: &Step, held: &Held) -> Held {
    let after = workload::after(held, step);
    match step {
        Step::Append(_) => {
            let batches = workload::batches(held, step);
            assert_eq!(store.append(&batches).expect("it is stored").len(), batches.len());
        }
        _ => workload::take(store, step, held, &after).expect("the disk is sound"),
    }
    after
}

fn holds(disk: &Disk, held: &Held, told: &str) {
    let store = workload::open(&Disk::of(disk.image())).unwrap_or_else(|e| panic!("{told}: {e}"));
    assert!(workload::held(&store).expect("it is readable") == *held, "{told}");
}

/// What comes before the `nth` deed of writing down is stored at once. False when there are fewer deeds.
fn others_go_on_beside(nth: usize) -> bool {
    let disk = Disk::default();
    let (store, mut held) = half_full(&disk);
    let (store, came) = (Arc::new(store), Arc::new(Mutex::new(held.clone())));
    let (others, after, seen) = (Arc::clone(&store), Arc::clone(&came), disk.clone());
    disk.interrupt_at(nth, move || {
        let mut held = after.lock().expect("only here");
        for bytes in [700, 20, 1_100] {
            let step = Step::Append(vec![("b", vec![bytes]), ("a", vec![bytes + 1])]);
            *held = taken(&others, &step, &held);
            assert!(!others.is_behind(), "it is being written down");
            others.write_behind().expect("somebody else does it");
            assert!(workload::held(&others).expect("it is readable") == *held, "read meanwhile");
            holds(&seen, &held, &format!("deed {nth}, {bytes} bytes"));
        }
    });
    store.write_behind().expect("the disk is sound");
    let is_over = disk.go_on();
    held.clone_from(&came.lock().expect("nobody else"));
    assert!(workload::held(&store).expect("it is readable") == held, "deed {nth}");
    holds(&disk, &held, &format!("deed {nth}, written down"));
    // The log goes round several times. First it is full without help: no frame of meanwhile is written over.
    for round in 0..70 {
        held = taken(&store, &Step::Append(vec![("a", vec![900 + round])]), &held);
        if round > 30 && round % 7 == 0 {
            store.write_behind().expect("the disk is sound");
        }
        holds(&disk, &held, &format!("deed {nth}, round {round}"));
    }
    !is_over
}

#[test]
fn transactions_go_on_while_rows_are_written_down_and_are_there_whenever_the_power_goes() {
    let mut deeds = 0;
    while others_go_on_beside(deeds + 1) {
        deeds += 1;
    }
    assert!(deeds > 8, "{deeds} deeds");
}

#[test]
fn rows_that_cannot_be_written_down_stay_readable_and_the_log_keeps_them() {
    let mut failed = 0;
    for deed in [Deed::Write, Deed::Sync] {
        for nth in 1.. {
            let disk = Disk::default();
            let (store, held) = half_full(&disk);
            disk.break_at(Fault { deed, nth, errno: EIO, lasts: false });
            let written = store.write_behind();
            if !disk.mend() {
                assert!(written.is_ok());
                break;
            }
            failed += 1;
            let error = written.expect_err("a deed failed");
            assert!(matches!(error, StoreError::Busy(_)), "{error}");
            let next = workload::batches(&held, &Step::Append(vec![("a", vec![5])]));
            let refused = store.append(&next).expect_err("writers are refused");
            assert!(refused.to_string().contains("until the store is reopened"), "{refused}");
            assert!(!store.is_behind());
            assert!(workload::held(&store).expect("it is readable") == held, "{deed:?} {nth}");
            holds(&disk, &held, &format!("{deed:?} {nth}, as a crash leaves it"));
            drop(store);
            holds(&disk, &held, &format!("{deed:?} {nth}, closed"));
        }
    }
    assert!(failed > 5, "{failed}");
}

#[test]
fn a_log_that_is_full_again_while_it_is_written_down_loses_nothing() {
    let disk = Disk::default();
    let (store, held) = half_full(&disk);
    let (store, disk_of_others) = (Arc::new(store), disk.clone());
    let (told, hears) = std::sync::mpsc::channel();
    let (acknowledged, counts) = std::sync::mpsc::channel();
    let (others, start) = (Arc::clone(&store), held.clone());
    // The writing down goes on once others have come, which then need all of the log and more.
    disk.interrupt_at(3, move || {
        std::thread::spawn(move || {
            let mut held = start;
            for round in 0..40 {
                held = taken(&others, &Step::Append(vec![("a", vec![900 + round])]), &held);
                // Nobody counts them all.
                let _ = acknowledged.send(());
            }
            told.send(held).expect("somebody waits");
        });
        assert_eq!(counts.iter().take(5).count(), 5, "they come while it is written down");
    });
    store.write_behind().expect("the disk is sound");
    let held = hears.recv().expect("the others are done");
    holds(&disk_of_others, &held, "all of it");
}

/// What is read beside transactions that redb has to take by itself, and others, is of one moment.
#[test]
fn readers_see_one_moment_whatever_redb_is_told_meanwhile() {
    let disk = Disk::default();
    let store = Arc::new(workload::open(&disk).expect("the disk is sound"));
    let is_over = Arc::new(AtomicBool::new(false));
    let reads = || {
        let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
        std::thread::spawn(move || {
            let mut reads = 0;
            while !is_over.load(Ordering::Relaxed) {
                let found = store.examine_rows().expect("it is readable");
                assert!(found.is_empty(), "after {reads} times: {found:?}");
                reads += 1;
            }
            reads
        })
    };
    let readers = [reads(), reads()];
    let mut held = taken(&store, &Step::Open("a"), &Held::new());
    for _ in 0..300 {
        for bytes in [10, 23_000] {
            held = taken(&store, &Step::Append(vec![("a", vec![bytes])]), &held);
        }
    }
    is_over.store(true, Ordering::Relaxed);
    let reads = readers.map(|reader| reader.join().expect("what was read was of one moment"));
    assert!(reads.iter().all(|reads| *reads > 0), "{reads:?}");
}

#[test]
fn a_store_that_refuses_writers_has_nothing_to_write_down() {
    let disk = Disk::default();
    let (store, held) = half_full(&disk);
    disk.break_at(Fault { deed: Deed::Write, nth: 1, errno: EIO, lasts: false });
    let next = workload::batches(&held, &Step::Append(vec![("a", vec![5])]));
    store.append(&next).expect_err("the log cannot be written");
    assert!(!store.is_behind());
}
