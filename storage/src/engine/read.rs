//! Reading a log: pages in either direction, single records, and where the entry of an id stands. Each in one snapshot.

use std::ops::{ControlFlow, Range};

use highwater_protocol::{Digest, EntryId, LogPos, Record, SessionId};

use super::cursor::{Found, Walk};
use super::{Blocks, damaged, known};
use crate::codec::DecodeError;
use crate::error::StoreError;
use crate::record::{self, Payloads};
use crate::row::{BlobRow, Place, Row};
use crate::store::{Page, PageLimit};
use crate::tables::{Failure, Read, Table, Visited, id_key};

/// Reads a page from a position on, oldest first.
pub(crate) fn read(
    tables: &impl Read,
    blocks: &Blocks,
    session: &SessionId,
    from: LogPos,
    limit: PageLimit,
) -> Result<Page, Failure> {
    let row = known(tables, session)?;
    let payloads = Apart(tables);
    let mut page = PageInProgress::new(session, &payloads, limit, |at: &Range<u64>| at.start);
    let walk = Walk { tables, blocks, row: &row };
    walk.rising(from, row.head(), |at, found| page.offer(at, found))?;
    Ok(page.page)
}

/// Reads a page of what stands before a position, newest first.
pub(crate) fn read_back(
    tables: &impl Read,
    blocks: &Blocks,
    session: &SessionId,
    before: LogPos,
    limit: PageLimit,
) -> Result<Page, Failure> {
    let row = known(tables, session)?;
    let payloads = Apart(tables);
    let mut page = PageInProgress::new(session, &payloads, limit, |at: &Range<u64>| at.end);
    let walk = Walk { tables, blocks, row: &row };
    walk.falling(LogPos(0), before.min(row.head()), |at, found| page.offer(at, found))?;
    Ok(page.page)
}

/// Reads the records at these positions, which rise.
pub(crate) fn read_at(
    tables: &impl Read,
    blocks: &Blocks,
    session: &SessionId,
    positions: &[LogPos],
) -> Result<Vec<(LogPos, Record)>, Failure> {
    let row = known(tables, session)?;
    let walk = Walk { tables, blocks, row: &row };
    let mut records = Vec::with_capacity(positions.len());
    for run in positions.chunk_by(|one, next| one.advance(1) == *next) {
        let (from, to) = (run[0], run[run.len() - 1].advance(1));
        if to > row.head() {
            return Err(damaged(session, from.max(row.head()), to, "the log ends before it").into());
        }
        walk.rising(from, to, |at, found| {
            let at_damage = |why: String| damaged(session, LogPos(at.start), LogPos(at.end), why);
            let frame = found.map_err(at_damage)?;
            let record = record::decode(frame, &Apart(tables));
            let record = record.map_err(|error| at_damage(error.to_string()))?;
            records.push((LogPos(at.start), record));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(records)
}

/// Where the entries of these ids stand, as far as the index knows.
pub(crate) fn find(
    tables: &impl Read,
    session: &SessionId,
    ids: &[EntryId],
) -> Result<Vec<Option<LogPos>>, Failure> {
    let row = known(tables, session)?;
    let mut found = vec![None; ids.len()];
    for stretch in row.stretches(LogPos(0), row.head()) {
        for (id, known) in ids.iter().zip(&mut found) {
            let place = tables.get(Table::Ids, &id_key(stretch.number, id), Place::decoded)?;
            let place = place.transpose().map_err(|error| {
                damaged(session, LogPos(0), LogPos(0), format!("the index of ids: {error}"))
            })?;
            // What an ancestor got behind the fork point is none of this session's.
            let within = place.filter(|place| place.at().0 < stretch.end);
            *known = within.map(|place| place.at()).or(*known);
        }
    }
    Ok(found)
}

/// Payloads in the tables.
struct Apart<'t, R>(&'t R);

impl<R: Read> Payloads for Apart<'_, R> {
    fn read(&self, digest: &Digest, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let unpacked = self.0.get(Table::Blobs, &digest.0, |row| BlobRow::unpack(row, out));
        let blob = |why: String| DecodeError::Blob(*digest, why);
        match unpacked {
            Ok(Some(unpacked)) => unpacked.map_err(|error| blob(error.to_string())),
            Ok(None) => Err(blob("it is missing".to_owned())),
            Err(Failure::Refused(error)) => Err(blob(error.to_string())),
            Err(Failure::Broken(error)) => Err(blob(error.to_string())),
        }
    }
}

/// A page in the making. Damage ends a page that already holds records, so that what stands before it can be read; it is
/// the error of the page that starts with it.
struct PageInProgress<'a, P, N> {
    session: &'a SessionId,
    payloads: &'a P,
    bytes_left: usize,
    /// Where to read on when a position is not taken.
    next: N,
    page: Page,
}

impl<'a, P: Payloads, N: Fn(&Range<u64>) -> u64> PageInProgress<'a, P, N> {
    fn new(session: &'a SessionId, payloads: &'a P, limit: PageLimit, next: N) -> Self {
        Self { session, payloads, bytes_left: limit.bytes, next, page: Page::default() }
    }

    /// Takes a record, unless the page is full.
    fn offer(&mut self, at: Range<u64>, found: Found<'_>) -> Visited {
        let is_first = self.page.records.is_empty();
        let taken = found.and_then(|frame| {
            if !is_first && frame.len() > self.bytes_left {
                return Ok(None);
            }
            let record = record::decode(frame, self.payloads).map_err(|error| error.to_string())?;
            self.bytes_left = self.bytes_left.saturating_sub(size_of_record(frame, &record));
            Ok(Some(record))
        });
        match taken {
            Ok(Some(record)) => {
                self.page.records.push((LogPos(at.start), record));
                return Ok(ControlFlow::Continue(()));
            }
            Err(why) if is_first => {
                let (at, until) = (LogPos(at.start), LogPos(at.end));
                let session = self.session.clone();
                return Err(StoreError::Damaged { session, at, until, why }.into());
            }
            Ok(None) | Err(_) => {}
        }
        self.page.next = Some(LogPos((self.next)(&at)));
        Ok(ControlFlow::Break(()))
    }
}

/// The bytes that a record takes: those of its frame, or of the entry with all its payloads.
fn size_of_record(frame: &[u8], record: &Record) -> usize {
    frame.len().max(record.entry().map_or(0, |found| found.entry.source().len()))
}
