//! Sealing: the records behind a session's tail go from rows of their own into packed stretches, and the ids of their
//! entries into the index. Reading does not show which is which.

use std::ops::ControlFlow;

use highwater_protocol::{EntryId, LogPos, SessionId};

use super::{damaged, known, sessions};
use crate::error::StoreError;
use crate::record;
use crate::row::{Place, Row, SegmentRow, SessionRow};
use crate::store::Sealed;
use crate::tables::{Failure, Order, Read, Table, Write, id_key, key, position};

/// A stretch is sealed when it has grown to this many bytes. Packing gains little above it, and reading one record
/// unpacks the whole of it.
pub(crate) const SEGMENT_BYTES: usize = 128 << 10;

/// A stretch that would leave much of its pages empty goes on growing, up to so many times its size.
const LARGEST_TIMES: usize = 4;

/// Bulk is kept in pages of 4 KiB times a power of two: a stretch is full enough when it takes so much of its page.
const WELL_FILLED_PERCENT: usize = 85;

/// How much of its page a stretch is meant to take when it goes on growing: how it will pack is only guessed then.
const AIMED_AT_PERCENT: usize = 94;

/// The smallest page, and about what a page holds beside a row.
const PAGE_BYTES: usize = 4 << 10;
const PAGE_OVERHEAD_BYTES: usize = 64;

/// What is left at the end is sealed from this part of a stretch on: below it packing gains too little.
const LEAST_PART: usize = 2;

/// What one transaction seals at most: others wait for it.
const SEALED_AT_ONCE_BYTES: usize = 4 << 20;

/// A stretch that is ready to be written: its first position, how many records it holds, its row.
struct Stretch {
    first: u64,
    count: u64,
    row: Vec<u8>,
}

/// Stretches that are ready to be written.
#[derive(Default)]
struct Ready {
    stretches: Vec<Stretch>,
    ids: Vec<(EntryId, u64)>,
    end: u64,
    bytes: usize,
}

/// Seals rows of a session below a position, as many whole stretches of `stretch` bytes as there are, up to a bound.
pub(crate) fn seal(
    tables: &mut impl Write,
    session: &SessionId,
    below: LogPos,
    stretch: usize,
) -> Result<Sealed, Failure> {
    let row = known(tables, session)?;
    let ready = ready(tables, session, &row, below, stretch)?;
    let records = ready.end - row.sealed().0;
    for stretch in &ready.stretches {
        for at in stretch.first..stretch.first + stretch.count {
            tables.remove(Table::Log, &key(row.number(), at))?;
        }
        tables.put(Table::Segments, &key(row.number(), stretch.first), &stretch.row)?;
    }
    for (id, at) in &ready.ids {
        tables.put(Table::Ids, &id_key(row.number(), id), &Place(*at).encoded())?;
    }
    if records > 0 {
        sessions::put(tables, session, &row.sealed_below(LogPos(ready.end)))?;
    }
    let more = ready.bytes >= SEALED_AT_ONCE_BYTES;
    Ok(Sealed { below: LogPos(ready.end), records, more })
}

/// Gathers stretches from rows, up to one that is damaged: that stays where it was found.
fn ready(
    tables: &impl Read,
    session: &SessionId,
    row: &SessionRow,
    below: LogPos,
    stretch: usize,
) -> Result<Ready, Failure> {
    let (number, from, below) = (row.number(), row.sealed(), below.min(row.head()));
    let mut ready = Ready { end: from.0, ..Ready::default() };
    let (mut open, mut damage) = (Growing::to(stretch), None);
    let mut next = from.0;
    let (start, end) = (key(number, from.0), key(number, below.0.max(from.0)));
    tables.scan(Table::Log, &start, &end, Order::Rising, |key, frame| {
        let id = match id_at(session, next, key, frame) {
            Ok(id) => id,
            Err(error) => {
                damage = Some(error);
                return Ok(ControlFlow::Break(()));
            }
        };
        open.ids.extend(id.map(|id| (id, next)));
        next += 1;
        open.segment.push(frame);
        let Some(row) = open.full() else {
            return Ok(ControlFlow::Continue(()));
        };
        ready.take(std::mem::replace(&mut open, Growing::to(stretch)), row);
        let is_enough = ready.bytes >= SEALED_AT_ONCE_BYTES;
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if open.segment.frames.len() >= (stretch / LEAST_PART).max(1) {
        let row = open.segment.encoded();
        ready.take(open, row);
    }
    // What stands before the damage is sealed first; it is told when nothing else is left to do.
    if let Some(damage) = damage.filter(|_| ready.stretches.is_empty()) {
        return Err(damage.into());
    }
    Ok(ready)
}

/// The id of the entry in a row of the log, if it holds one. [`StoreError::Damaged`] unless it is the row of position
/// `next`, and can be read.
pub(super) fn id_at(
    session: &SessionId,
    next: u64,
    key: &[u8],
    frame: &[u8],
) -> Result<Option<EntryId>, StoreError> {
    let at = position(key);
    if at != next {
        return Err(damaged(session, LogPos(next), LogPos(at), "the record is missing"));
    }
    let head = record::entry_head(frame);
    let head = head
        .map_err(|error| damaged(session, LogPos(at), LogPos(at).advance(1), error.to_string()))?;
    Ok(head.map(|head| head.id))
}

impl Ready {
    /// Takes a stretch as the row that it packs to.
    fn take(&mut self, stretch: Growing, row: Vec<u8>) {
        let Growing { segment, mut ids, .. } = stretch;
        let (first, count) = (self.end, segment.count);
        self.bytes += segment.frames.len();
        self.end += count;
        self.stretches.push(Stretch { first, count, row });
        self.ids.append(&mut ids);
    }
}

/// A stretch that records are added to.
struct Growing {
    segment: SegmentRow,
    ids: Vec<(EntryId, u64)>,
    /// At this size it is packed, to see whether it fills its page.
    packed_at: usize,
    largest: usize,
}

impl Growing {
    /// An empty one that shall grow to so many bytes.
    fn to(bytes: usize) -> Self {
        let largest = bytes * LARGEST_TIMES;
        Self { segment: SegmentRow::empty(), ids: Vec::new(), packed_at: bytes, largest }
    }

    /// The row of a stretch that is large enough.
    fn full(&mut self) -> Option<Vec<u8>> {
        let length = self.segment.frames.len();
        if length < self.packed_at {
            return None;
        }
        let row = self.segment.encoded();
        let taken = row.len() + PAGE_OVERHEAD_BYTES;
        let filled_percent = taken * 100 / taken.next_power_of_two().max(PAGE_BYTES);
        if filled_percent >= WELL_FILLED_PERCENT || length >= self.largest {
            return Some(row);
        }
        let aim = length * AIMED_AT_PERCENT / filled_percent.max(1);
        self.packed_at = aim.min(self.largest);
        None
    }
}
