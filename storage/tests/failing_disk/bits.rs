//! Flipped bits: in each byte of the rows of each kind, and anywhere in the file. What is read is what was written, or it
//! is an error that names the place; what is not damaged stays readable.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use highwater_protocol::{LogPos, Record};
use highwater_storage::{PageLimit, RedbStore, Store, StoreError};
use redb::{Database, TableDefinition, TableHandle, WriteTransaction};

use crate::behind;
use crate::dice::Dice;
use crate::disk::{Disk, Image, Part};
use crate::workload::{self, Held, Step};

pub(crate) type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;
const META: Table = TableDefinition::new("meta");
const SESSIONS: Table = TableDefinition::new("sessions");
const LOG: Table = TableDefinition::new("log");
/// Flips anywhere in the file.
const FLIPS: usize = 600;

/// A closed store with two sessions, and what it holds.
pub(crate) fn filled(steps: &[Step]) -> (Image, Held) {
    let disk = Disk::default();
    let store = workload::open(&disk).expect("a new store");
    let course = workload::course(Held::new(), steps);
    for (at, step) in steps.iter().enumerate() {
        workload::take(&store, step, &course[at], &course[at + 1]).expect("the disk is sound");
    }
    drop(store);
    (disk.image(), course.into_iter().next_back().expect("it has a start"))
}

fn two_sessions() -> Vec<Step> {
    let parts = vec![("a", vec![60, 20, 5_000]), ("b", vec![30])];
    vec![Step::Open("a"), Step::Open("b"), Step::Append(parts)]
}

/// Changes a closed store through a handle of its own.
pub(crate) fn tampered(image: &Image, change: impl FnOnce(&WriteTransaction)) -> Disk {
    let disk = Disk::of(image.clone());
    let file = disk.file(Part::Store);
    let database = Database::builder().create_with_backend(file).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    change(&transaction);
    transaction.commit().expect("it is committed");
    drop(database);
    disk
}

/// The key of a record, as docs/format.md has it.
fn key(number: u64, at: usize) -> Vec<u8> {
    [number.to_be_bytes(), (at as u64).to_be_bytes()].concat()
}

pub(crate) fn flip(transaction: &WriteTransaction, table: Table, key: &[u8], byte: usize) {
    let mut table = transaction.open_table(table).expect("the table is there");
    let mut row = table.get_mut(key).expect("readable").expect("the row is there");
    let mut value = row.value().to_vec();
    value[byte] ^= 1 << (byte % 8);
    row.insert(value.as_slice()).expect("it is written");
}

/// The bytes of the row's value.
pub(crate) fn length(image: &Image, table: Table, key: &[u8]) -> usize {
    let mut length = 0;
    tampered(image, |transaction| {
        let mut table = transaction.open_table(table).expect("the table is there");
        let row = table.get_mut(key).expect("readable").expect("the row is there");
        length = row.value().len();
    });
    length
}

pub(crate) fn is_whole(store: &RedbStore, name: &str, held: &Held) {
    let log = workload::log(store, name).expect("it is not damaged");
    assert!(log == held[name].1, "{name} is as it was");
}

/// Reads the log from a position on, as far as it goes.
fn read(store: &RedbStore, name: &str, from: usize) -> Result<(Vec<Record>, bool), StoreError> {
    let limit = PageLimit { bytes: usize::MAX };
    let page = store.read(&workload::id(name), LogPos(from as u64), limit)?;
    Ok((page.records.into_iter().map(|(_, record)| record).collect(), page.next.is_none()))
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_record_is_damage_at_its_position_alone() {
    let (bytes, held) = filled(&two_sessions());
    let log = &held["a"].1;
    let mut flipped = 0;
    for at in 0..log.len() {
        let length = length(&bytes, LOG, &key(0, at));
        // Of a long record every byte of its beginning and its end, and some between.
        let some = |byte: &usize| *byte < 80 || *byte + 16 > length || byte.is_multiple_of(97);
        for byte in (0..length).filter(some) {
            flipped += 1;
            let disk = tampered(&bytes, |t| flip(t, LOG, &key(0, at), byte));
            let store = workload::open(&disk).expect("it opens");
            is_whole(&store, "b", &held);
            let damaged = read(&store, "a", at).expect_err("it is damaged");
            let StoreError::Damaged { session, at: said, why, .. } = &damaged else {
                panic!("byte {byte} of record {at}: {damaged}");
            };
            assert_eq!((session.as_str(), said.0), ("a", at as u64), "{why}");
            if at > 0 {
                let before = read(&store, "a", 0).expect("it is readable up to there");
                assert_eq!(before, (log[..at].to_vec(), false), "byte {byte} of record {at}");
            }
            let behind = read(&store, "a", at + 1).expect("it is readable behind");
            assert_eq!(behind, (log[at + 1..].to_vec(), true), "byte {byte} of record {at}");
        }
    }
    assert!(flipped > 200, "{flipped}");
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_session_row_is_damage_of_that_session_alone() {
    let (bytes, held) = filled(&two_sessions());
    for byte in 0..length(&bytes, SESSIONS, b"a") {
        let disk = tampered(&bytes, |t| flip(t, SESSIONS, b"a", byte));
        let store = workload::open(&disk).expect("it opens");
        is_whole(&store, "b", &held);
        let batches = workload::batches(&held, &Step::Append(vec![("a", vec![9])]));
        for error in [
            store.open_session(&workload::id("a")).expect_err("it is damaged"),
            store.append(&batches).expect_err("it is damaged"),
            read(&store, "a", 0).expect_err("it is damaged"),
            store.sessions(None, 9).expect_err("it is damaged"),
        ] {
            let told = error.to_string();
            assert!(matches!(&error, StoreError::Damaged { .. }), "byte {byte}: {told}");
            assert!(told.starts_with("a: "), "byte {byte}: {told}");
        }
        let open = Step::Open("b");
        let after = workload::after(&held, &open);
        workload::take(&store, &open, &held, &after).expect("the other session is writable");
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_the_mark_makes_the_file_foreign() {
    let (bytes, _) = filled(&two_sessions());
    for byte in 0..length(&bytes, META, b"mark") {
        let disk = tampered(&bytes, |t| flip(t, META, b"mark", byte));
        let refused = workload::open(&disk).expect_err("it is no store");
        assert!(matches!(refused, StoreError::Foreign { .. }), "byte {byte}: {refused}");
    }
}

#[test]
fn a_flipped_bit_in_the_counter_of_sessions_stops_new_sessions_alone() {
    let (bytes, held) = filled(&two_sessions());
    for byte in 0..length(&bytes, META, b"next session") {
        let disk = tampered(&bytes, |t| flip(t, META, b"next session", byte));
        let store = workload::open(&disk).expect("it opens");
        let refused = store.open_session(&workload::id("new")).expect_err("it has no number");
        assert!(matches!(refused, StoreError::Damaged { .. }), "byte {byte}: {refused}");
        assert!(workload::held(&store).expect("all is readable") == held, "byte {byte}");
    }
}

/// These tests know every table of a store: one that is added is one that they leave out.
#[test]
fn no_table_is_left_out() {
    let (bytes, _) = behind::filled();
    tampered(&bytes, |transaction| {
        let tables = transaction.list_tables().expect("readable");
        let mut names: Vec<String> = tables.map(|table| table.name().to_owned()).collect();
        names.sort();
        assert_eq!(names, ["anchors", "blobs", "ids", "log", "meta", "segments", "sessions"]);
    });
}

/// What came of a flipped bit somewhere in the file.
#[derive(Debug, Default)]
struct Came {
    unharmed: usize,
    errors: usize,
}

/// Opens what is on a disk and reads all of it: an error, or exactly what is held.
fn read_all(disk: &Disk, held: &Held) -> Result<(), StoreError> {
    let store = workload::open(disk)?;
    let infos = store.sessions(None, 100)?;
    let mut error = None;
    for (name, (epoch, log)) in held {
        match workload::log(&store, name) {
            Ok(found) => {
                assert!(found == *log, "{name}: another log of {} records", found.len());
                let info = infos.iter().find(|info| info.session.as_str() == name);
                assert_eq!(info.map(|info| info.epoch.0), Some(*epoch), "{name}");
            }
            Err(other) => error = Some(other),
        }
    }
    error.map_or(Ok(()), Err)
}

fn flipped_anywhere(image: &Image, held: &Held, bit: usize, came: &mut Came) {
    let mut image = image.clone();
    image[Part::Store as usize][bit / 8] ^= 1 << (bit % 8);
    match catch_unwind(AssertUnwindSafe(|| read_all(&Disk::of(image), held))) {
        Ok(Ok(())) => came.unharmed += 1,
        Ok(Err(_)) => came.errors += 1,
        Err(panic) => {
            println!("bit {bit}");
            resume_unwind(panic);
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_file_never_makes_a_wrong_answer() {
    let (image, held) = filled(&workload::script(4));
    let bytes = &image[Part::Store as usize];
    let mut dice = Dice::new(7);
    let mut came = Came::default();
    // Most of a new file is empty; what is not is taken in pieces of this many bytes.
    let used: Vec<usize> = (0..bytes.len() / 16)
        .filter(|piece| bytes[piece * 16..piece * 16 + 16].iter().any(|byte| *byte != 0))
        .collect();
    for _ in 0..FLIPS {
        let piece = used[dice.below(used.len())];
        flipped_anywhere(&image, &held, piece * 128 + dice.below(128), &mut came);
    }
    // The first page says where all others are.
    for bit in 0..320 * 8 {
        flipped_anywhere(&image, &held, bit, &mut came);
    }
    println!("{} bytes: {came:?}", bytes.len());
    assert!(came.unharmed > FLIPS && came.errors > FLIPS, "{came:?}");
}
