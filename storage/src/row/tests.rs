//! The stored rows are held to their golden bytes, and forks share what they should.

use std::fmt::Debug;

use highwater_protocol::{Digest, Timestamp};

use super::*;
use crate::golden;
use crate::store::BatchId;

fn check<R: Row + Debug + PartialEq>(name: &str, row: &R) {
    let stored = golden::check(name, &row.encoded());
    assert_eq!(R::decoded(&stored).as_ref(), Ok(row), "{name}");
}

fn segment() -> SegmentRow {
    let mut segment = SegmentRow::empty();
    for frame in [&b"first"[..], b"", b"third"] {
        segment.push(frame);
    }
    segment
}

#[test]
fn the_stored_rows_are_read_and_written_as_ever() {
    let opened = SessionRow::new(7).raised();
    let appended = opened.advanced(3, BatchId(9), [0xab; 32]);
    check("row-session-opened", &opened);
    check("row-session-appended", &appended);
    check("row-session-sealed", &appended.sealed_below(LogPos(2)));
    check("row-session-forked", &appended.forked(8, LogPos(2)).raised());
    check("row-mark", &Mark::of_layout(2));
    check("row-mark-redo", &Mark::CURRENT);
    check("row-redone", &Redone { salt: [7; 16], number: 0x0102, in_use: true });
    check("row-counter", &Counter(0x0102));
    check("row-place", &Place(0x0102));
}

/// What zstd makes of the same bytes may differ from version to version; what old bytes say may not.
#[test]
fn the_packed_rows_are_read_as_ever() {
    let text = b"the same again and again ".repeat(40);
    let blob = golden::sample("row-blob-packed", || BlobRow::encode(Timestamp(5), &text));
    let found = BlobRow { at: Timestamp(5), bytes: text.clone() };
    assert_eq!(BlobRow::decode(&blob, &Digest::of(&text)), Ok(found));
    assert_eq!(BlobRow::stored_at(&blob), Ok(Timestamp(5)));
    let plain = golden::sample("row-blob-plain", || BlobRow::encode(Timestamp(5), b"plain"));
    let found = BlobRow { at: Timestamp(5), bytes: b"plain".to_vec() };
    assert_eq!(BlobRow::decode(&plain, &Digest::of(b"plain")), Ok(found));
    let sealed = golden::sample("row-segment", || segment().encoded());
    assert_eq!(SegmentRow::decode(&sealed), Ok(segment()));
    assert_eq!(SegmentRow::count_of(&sealed), Ok(3));
    let anchor = golden::sample("row-anchor-packed", || AnchorRow(text.clone()).encoded());
    assert_eq!(AnchorRow::decode(&anchor), Ok(AnchorRow(text)));
}

#[test]
fn every_flipped_bit_of_a_packed_row_is_found_or_means_nothing() {
    let text = b"the same again and again ".repeat(40);
    let (blob, sealed) = (BlobRow::encode(Timestamp(5), &text), segment().encoded());
    let flipped = |row: &[u8], bit: usize| {
        let mut damaged = row.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        damaged
    };
    for bit in 0..blob.len() * 8 {
        let found = BlobRow::decode(&flipped(&blob, bit), &Digest::of(&text));
        assert!(found.is_err() || found.is_ok_and(|row| row.bytes == text), "bit {bit}");
    }
    for bit in 0..sealed.len() * 8 {
        let found = SegmentRow::decode(&flipped(&sealed, bit));
        assert!(found.is_err() || found.is_ok_and(|row| row == segment()), "bit {bit}");
    }
}

#[test]
fn a_row_of_another_kind_is_refused() {
    let bytes = Counter(1).encoded();
    assert_eq!(Mark::decoded(&bytes), Err(DecodeError::Kind(kind::COUNTER)));
    assert_eq!(
        SegmentRow::decode(&AnchorRow(vec![]).encoded()),
        Err(DecodeError::Kind(kind::ANCHOR))
    );
}

fn stretches(row: &SessionRow, from: u64, to: u64) -> Vec<(u64, u64, u64)> {
    let stretches = row.stretches(LogPos(from), LogPos(to));
    stretches.map(|stretch| (stretch.number, stretch.start, stretch.end)).collect()
}

#[test]
fn a_fork_of_a_fork_reads_each_ancestor_up_to_where_it_left_it() {
    let parent = SessionRow::new(1).advanced(10, BatchId(1), [0; 32]);
    let child = parent.forked(2, LogPos(6)).advanced(4, BatchId(1), [0; 32]);
    let grandchild = child.forked(3, LogPos(8)).advanced(1, BatchId(1), [0; 32]);
    let early = child.forked(4, LogPos(5));
    assert_eq!(stretches(&parent, 0, 99), [(1, 0, 10)]);
    assert_eq!(stretches(&child, 0, 99), [(1, 0, 6), (2, 6, 10)]);
    assert_eq!(stretches(&grandchild, 0, 99), [(1, 0, 6), (2, 6, 8), (3, 8, 9)]);
    assert_eq!(stretches(&grandchild, 7, 9), [(2, 7, 8), (3, 8, 9)]);
    assert_eq!(stretches(&early, 0, 99), [(1, 0, 5)], "it left before its parent began");
    assert_eq!(stretches(&child, 6, 6), []);
    assert_eq!((grandchild.origin(), grandchild.head()), (LogPos(8), LogPos(9)));
}
