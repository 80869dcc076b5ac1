//! Rows that are gone, or have become others: what was acknowledged is not written over, nothing is removed on the word of
//! a damaged record, and reading ends.

use highwater_protocol::{LogPos, Timestamp};
use highwater_storage::{Appended, Fork, Store, StoreError, Swept};
use redb::{ReadableTable, TableDefinition, WriteTransaction};

use crate::bits::{self, Table};
use crate::disk::{Disk, Image};
use crate::workload::{self, Held, Step};

const META: Table = TableDefinition::new("meta");
const SESSIONS: Table = TableDefinition::new("sessions");
const LOG: Table = TableDefinition::new("log");
const BLOBS: Table = TableDefinition::new("blobs");

/// Two sessions; the second record of `b` is an entry with the only payload.
fn filled() -> (Image, Held) {
    let parts = vec![("a", vec![60, 20]), ("b", vec![30, 7_000, 40])];
    bits::filled(&[Step::Open("a"), Step::Open("b"), Step::Append(parts)])
}

/// Changes the values of a table, or takes its rows away.
fn change(
    transaction: &WriteTransaction,
    table: Table,
    change: impl Fn(&[u8], &mut Vec<u8>) -> bool,
) {
    let mut table = transaction.open_table(table).expect("the table is there");
    let rows: Vec<(Vec<u8>, Vec<u8>)> = table
        .iter()
        .expect("readable")
        .map(|row| row.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())))
        .collect::<Result<_, _>>()
        .expect("readable");
    for (key, mut value) in rows {
        if change(&key, &mut value) {
            table.insert(key.as_slice(), value.as_slice()).expect("it is written");
        } else {
            table.remove(key.as_slice()).expect("it is removed");
        }
    }
}

/// A disk on which the entry of `b` seems to be a record of a kind that has no payloads.
fn of_another_kind(bytes: &Image) -> Disk {
    bits::tampered(bytes, |transaction| {
        change(transaction, LOG, |key, value| {
            let is_that = key.ends_with(&1_u64.to_be_bytes()) && value.len() > 30 && value[1] == 16;
            value[1] ^= if is_that { 2 } else { 0 };
            true
        });
    })
}

#[test]
fn a_new_session_never_takes_the_rows_of_another() {
    let (bytes, held) = filled();
    let disk = bits::tampered(&bytes, |transaction| {
        change(transaction, META, |key, _| key != b"next session");
    });
    let store = workload::open(&disk).expect("it opens");
    for refused in [
        store.open_session(&workload::id("new")).map(|_| ()),
        store
            .fork(&Fork { parent: workload::id("a"), at: LogPos(1), child: workload::id("new") })
            .map(|_| ()),
    ] {
        let error = refused.expect_err("its number is not known");
        assert!(error.to_string().contains("counts sessions"), "{error}");
    }
    store.open_session(&workload::id("a")).expect("one that is there opens");
    for name in ["a", "b"] {
        bits::is_whole(&store, name, &held);
    }
}

#[test]
fn what_a_damaged_record_may_refer_to_is_kept() {
    let (bytes, held) = filled();
    let store = workload::open(&of_another_kind(&bytes)).expect("it opens");
    store.put_blobs(&[b"nobody's"], Timestamp(1)).expect("it is stored");
    assert_eq!(store.sweep_blobs(Timestamp(i64::MAX)).expect("an answer"), Swept::default());
    drop(store);
    let store = workload::open(&Disk::of(bytes)).expect("it opens");
    store.put_blobs(&[b"nobody's"], Timestamp(1)).expect("it is stored");
    assert_eq!(store.sweep_blobs(Timestamp(i64::MAX)).expect("an answer").blobs, 1);
    bits::is_whole(&store, "b", &held);
}

#[test]
fn nothing_is_sealed_or_forked_across_a_damaged_record() {
    let (bytes, _) = filled();
    let store = workload::open(&of_another_kind(&bytes)).expect("it opens");
    let fork = |at, child| {
        let (parent, child) = (workload::id("b"), workload::id(child));
        store.fork(&Fork { parent, at: LogPos(at), child }).map(|info| info.head.0)
    };
    let damaged =
        [store.seal(&workload::id("b"), LogPos(3)).map(|sealed| sealed.records), fork(2, "c")];
    for refused in damaged {
        let error = refused.expect_err("its id cannot be put into the index");
        assert!(matches!(&error, StoreError::Damaged { at: LogPos(1), .. }), "{error}");
    }
    assert_eq!(fork(1, "c").expect("what stands before it is sound"), 1);
}

#[test]
fn a_name_that_no_session_can_have_ends_the_list_with_an_error() {
    let (bytes, _) = filled();
    let disk = bits::tampered(&bytes, |transaction| {
        let mut table = transaction.open_table(SESSIONS).expect("the table is there");
        let row = table.get(b"b".as_slice()).expect("readable").map(|row| row.value().to_vec());
        let row = row.expect("it is there");
        table.insert(b"\xe2".as_slice(), row.as_slice()).expect("it is written");
    });
    let store = workload::open(&disk).expect("it opens");
    let first = store.sessions(None, 2).expect("they are before it");
    let after = first.last().map(|info| &info.session);
    let error = store.sessions(after, 2).expect_err("it is not legal");
    assert!(error.to_string().contains("not legal"), "{error}");
    let found = store.examine_rows().expect("an answer");
    assert!(found.iter().any(|found| found.contains("not legal")), "{found:?}");
}

#[test]
fn a_payload_that_has_rotted_is_mended_by_who_says_the_same() {
    let (bytes, held) = filled();
    let disk = bits::tampered(&bytes, |transaction| {
        change(transaction, BLOBS, |_, value| {
            let middle = value.len() / 2;
            value[middle] ^= 1;
            true
        });
    });
    let store = workload::open(&disk).expect("it opens");
    workload::log(&store, "b").expect_err("its payload is damaged");
    let step = Step::Append(vec![("a", vec![7_000])]);
    let answers = store.append(&workload::batches(&held, &step)).expect("an answer");
    assert_eq!(answers, [Appended::Stored(LogPos(3))]);
    let expected = workload::after(&held, &step);
    for name in ["a", "b"] {
        bits::is_whole(&store, name, &expected);
    }
}
