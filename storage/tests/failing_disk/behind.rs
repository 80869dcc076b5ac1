//! Flipped bits in what stands behind a log: sealed stretches, payloads, the index of ids, anchors. What they are needed
//! for is damaged there and nowhere else, and nothing is read that was not written.

use std::collections::BTreeMap;

use highwater_protocol::{EntryId, LogPos, Record};
use highwater_storage::{PageLimit, RedbStore, Store, StoreError};
use redb::{ReadableTable, TableDefinition};

use crate::bits::{self, Table};
use crate::disk::{Disk, Image};
use crate::workload::{self, Held, Step};

/// A store with rows in every table, and what it holds.
pub(crate) fn filled() -> (Image, Held) {
    let sizes = [vec![900; 200], vec![5_000, 6_000, 30, 5_000]].concat();
    bits::filled(&[
        Step::Open("a"),
        Step::Open("b"),
        Step::Append(vec![("a", sizes), ("b", vec![30, 7_000])]),
        Step::Seal("a"),
        Step::Anchor("a"),
        Step::Append(vec![("a", vec![50])]),
        Step::Fork("a", 204, "c"),
    ])
}

/// The keys of a table, and how long their values are.
fn rows(bytes: &Image, table: Table) -> Vec<(Vec<u8>, usize)> {
    let mut rows = Vec::new();
    bits::tampered(bytes, |transaction| {
        let table = transaction.open_table(table).expect("the table is there");
        for row in table.iter().expect("readable") {
            let (key, value) = row.expect("readable");
            rows.push((key.value().to_vec(), value.value().len()));
        }
    });
    rows
}

/// Flips one bit at many places of every row of a table, one at a time. Tells how many there were.
fn flipped_in(name: &'static str, check: impl Fn(&RedbStore, &Held)) -> usize {
    let (bytes, held) = filled();
    let table: Table = TableDefinition::new(name);
    let mut flipped = 0;
    for (key, length) in rows(&bytes, table) {
        for byte in (0..length).filter(|byte| *byte < 24 || byte.is_multiple_of(length / 16 + 1)) {
            flipped += 1;
            let disk: Disk = bits::tampered(&bytes, |t| bits::flip(t, table, &key, byte));
            check(&workload::open(&disk).expect("it opens"), &held);
        }
    }
    println!("{name}: {flipped}");
    flipped
}

/// All of a log that can be read, and what of it cannot.
fn readable(store: &RedbStore, name: &str, head: usize) -> (BTreeMap<u64, Record>, Vec<u64>) {
    let (mut read, mut damaged) = (BTreeMap::new(), Vec::new());
    let mut from = LogPos(0);
    while from.0 < head as u64 {
        match store.read(&workload::id(name), from, PageLimit { bytes: 9_000 }) {
            Ok(page) => {
                read.extend(page.records.into_iter().map(|(at, record)| (at.0, record)));
                from = page.next.unwrap_or(LogPos(head as u64));
            }
            Err(StoreError::Damaged { session, at, until, .. }) => {
                assert_eq!((session.as_str(), at), (name, from), "it names its place");
                assert!(until > at, "reading on is possible from {until}");
                damaged.extend(at.0..until.0);
                from = until;
            }
            Err(error) => panic!("{error}"),
        }
    }
    (read, damaged)
}

/// Requires that everything is read as it was or told as damaged. How many records are damaged.
fn nothing_is_wrong(store: &RedbStore, held: &Held) -> usize {
    let mut all = 0;
    for (name, (_, log)) in held {
        let (read, damaged) = readable(store, name, log.len());
        assert_eq!(read.len() + damaged.len(), log.len(), "{name}: no number is shifted");
        for (at, record) in read {
            let at = usize::try_from(at).expect("a small log");
            assert!(record == log[at], "{name}: another record at {at}");
        }
        all += damaged.len();
    }
    all
}

#[test]
fn a_flipped_bit_in_a_sealed_stretch_is_damage_of_that_stretch_alone() {
    let flipped = flipped_in("segments", |store, held| {
        let damaged = nothing_is_wrong(store, held);
        assert!((1..500).contains(&damaged), "{damaged} records are damaged");
        bits::is_whole(store, "b", held);
    });
    assert!(flipped > 30, "{flipped}");
}

#[test]
fn a_flipped_bit_in_a_payload_is_damage_of_the_records_that_hold_it() {
    let flipped = flipped_in("blobs", |store, held| {
        let damaged = nothing_is_wrong(store, held);
        assert!((1..=4).contains(&damaged), "{damaged} records are damaged");
    });
    assert!(flipped > 60, "{flipped}");
}

#[test]
fn a_flipped_bit_in_the_index_of_ids_never_finds_another_entry() {
    let ids = ["a-200", "a-201", "a-203", "b-1", "nobody"];
    let parse = |id: &&str| EntryId::parse(id).expect("a legal id");
    let flipped = flipped_in("ids", |store, held| {
        assert_eq!(nothing_is_wrong(store, held), 0);
        for (id, at) in ids.iter().zip([200, 201, 203, u64::MAX, u64::MAX]) {
            if let Ok(found) = store.find(&workload::id("a"), &[parse(id)]) {
                let at = (at < u64::MAX).then_some(LogPos(at));
                assert_eq!(found, [at], "{id}");
            }
        }
    });
    assert!(flipped > 10, "{flipped}");
}

#[test]
fn a_flipped_bit_in_an_anchor_leaves_it_unread() {
    let flipped = flipped_in("anchors", |store, held| {
        assert_eq!(nothing_is_wrong(store, held), 0);
        let session = workload::id("a");
        let anchors = store.anchors(&session, LogPos(1_000)).expect("they are listed");
        assert_eq!(anchors.len(), 1);
        let read = store.anchor(&session, anchors[0]);
        assert!(read.is_err() || read.is_ok_and(|anchor| anchor.is_none()), "it is damaged");
    });
    assert!(flipped > 30, "{flipped}");
}
