//! Sealing: the records behind a session's tail go from rows of their own into packed stretches, and the ids of their
//! entries into the index. Reading does not show which is which.

use std::ops::ControlFlow;

use highwater_protocol::{EntryId, LogPos, SessionId};

use super::{damaged, known, sessions};
use crate::record;
use crate::row::{Place, Row, SegmentRow};
use crate::store::Sealed;
use crate::tables::{Failure, Order, Read, Table, Write, id_key, key, position};

/// A stretch is sealed when it has grown to this many bytes. Packing gains little above it, and reading one record
/// unpacks the whole of it.
pub(crate) const SEGMENT_BYTES: usize = 128 << 10;

/// What one transaction seals at most: others wait for it.
const SEALED_AT_ONCE_BYTES: usize = 4 << 20;

/// Stretches that are ready to be written.
#[derive(Default)]
struct Ready {
    segments: Vec<(u64, SegmentRow)>,
    ids: Vec<(EntryId, u64)>,
    end: u64,
    bytes: usize,
}

/// Seals rows of a session below a position, as many whole stretches as there are, up to a bound.
pub(crate) fn seal(
    tables: &mut impl Write,
    session: &SessionId,
    below: LogPos,
) -> Result<Sealed, Failure> {
    let row = known(tables, session)?;
    let ready = ready(tables, session, row.number(), (row.sealed(), below.min(row.head())))?;
    let records = ready.end - row.sealed().0;
    for (first, segment) in &ready.segments {
        for at in *first..*first + segment.count {
            tables.remove(Table::Log, &key(row.number(), at))?;
        }
        tables.put(Table::Segments, &key(row.number(), *first), &segment.encoded())?;
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

/// Gathers stretches from rows. A damaged row stops it: what is damaged stays where it was found.
fn ready(
    tables: &impl Read,
    session: &SessionId,
    number: u64,
    (from, below): (LogPos, LogPos),
) -> Result<Ready, Failure> {
    let mut ready = Ready { end: from.0, ..Ready::default() };
    let (mut open, mut open_ids) = (SegmentRow::empty(), Vec::new());
    let mut next = from.0;
    let (start, end) = (key(number, from.0), key(number, below.0.max(from.0)));
    tables.scan(Table::Log, &start, &end, Order::Rising, |key, frame| {
        let at = position(key);
        let head = record::entry_head(frame)
            .map_err(|error| damaged(session, LogPos(at), LogPos(at + 1), error.to_string()))?;
        if at != next {
            return Err(damaged(session, LogPos(next), LogPos(at), "the record is missing").into());
        }
        next = at + 1;
        open_ids.extend(head.map(|head| (head.id, at)));
        open.push(frame);
        if open.frames.len() < SEGMENT_BYTES {
            return Ok(ControlFlow::Continue(()));
        }
        ready.bytes += open.frames.len();
        let sealed = std::mem::replace(&mut open, SegmentRow::empty());
        ready.segments.push((ready.end, sealed));
        ready.ids.append(&mut open_ids);
        ready.end = next;
        let is_enough = ready.bytes >= SEALED_AT_ONCE_BYTES;
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(ready)
}
