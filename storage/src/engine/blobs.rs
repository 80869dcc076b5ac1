//! Payloads: put before anything refers to them, and collected by mark and sweep when nothing does (X1).

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use highwater_protocol::payload::MAX_PAYLOAD_BYTES;
use highwater_protocol::{Digest, Timestamp};

use crate::codec::DecodeError;
use crate::error::StoreError;
use crate::record;
use crate::row::{BlobRow, SegmentRow};
use crate::store::Swept;
use crate::tables::{END, Failure, Order, Read, Table, Write};

/// What one transaction removes at most, in bytes of rows: others wait for it.
const REMOVED_AT_ONCE_BYTES: u64 = 4 << 20;

/// The payloads that were referred to since a sweep began to look which ones are: it must not remove them.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    digests: Mutex<Option<BTreeSet<Digest>>>,
}

impl Touched {
    /// Notes a payload, if a sweep is under way.
    pub(crate) fn note(&self, digest: Digest) {
        if let Some(digests) = &mut *self.digests() {
            digests.insert(digest);
        }
    }

    /// A sweep begins to look.
    pub(crate) fn begin(&self) {
        *self.digests() = Some(BTreeSet::new());
    }

    /// The sweep has ended.
    pub(crate) fn end(&self) {
        *self.digests() = None;
    }

    fn has(&self, digest: &Digest) -> bool {
        self.digests().as_ref().is_some_and(|digests| digests.contains(digest))
    }

    fn digests(&self) -> MutexGuard<'_, Option<BTreeSet<Digest>>> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores payloads that are not there yet; tells their digests.
pub(crate) fn put_blobs(
    tables: &mut impl Write,
    blobs: &[&[u8]],
    at: Timestamp,
    touched: &Touched,
) -> Result<Vec<Digest>, Failure> {
    if let Some(large) = blobs.iter().find(|blob| blob.len() > MAX_PAYLOAD_BYTES) {
        let (found, most) = (large.len(), MAX_PAYLOAD_BYTES);
        let why = format!("a payload has {found} bytes, and may have {most}");
        return Err(StoreError::Invalid(why).into());
    }
    let digests: Vec<Digest> = blobs.iter().map(|blob| Digest::of(blob)).collect();
    for (digest, blob) in digests.iter().zip(blobs) {
        touched.note(*digest);
        // Put anew when it is there: its age counts from now, so that it lives until something refers to it.
        tables.put(Table::Blobs, &digest.0, &BlobRow::encode(at, blob))?;
    }
    Ok(digests)
}

/// The payloads stored before a moment: those that a sweep may remove, unless it finds a record that refers to them.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    digests: BTreeSet<Digest>,
    unreadable: u64,
}

impl Suspects {
    /// Adds the payloads that were stored before a moment, from a key on, for about `bytes` of their rows. Where to go on,
    /// if that was not all.
    pub(crate) fn gather(
        &mut self,
        tables: &impl Read,
        moment: Timestamp,
        from: &[u8],
        bytes: usize,
    ) -> Result<Option<Vec<u8>>, Failure> {
        each_row(tables, Table::Blobs, from, bytes, |key, row| {
            // A row that cannot be read is kept: whoever needs it is told what is wrong with it.
            if let (Ok(digest), Ok(at)) = (key.try_into(), BlobRow::stored_at(row))
                && at < moment
            {
                self.digests.insert(Digest(digest));
            }
        })
    }

    /// Takes off what the rows of a table refer to, from a key on, for about `bytes` of them. Where to go on, if that was
    /// not all.
    pub(crate) fn clear(
        &mut self,
        tables: &impl Read,
        table: Table,
        from: &[u8],
        bytes: usize,
    ) -> Result<Option<Vec<u8>>, Failure> {
        each_frame(tables, table, from, bytes, |frame| match frame {
            Ok(frame) => self.mark(frame),
            Err(_) => self.unreadable += 1,
        })
    }

    fn mark(&mut self, frame: &[u8]) {
        match record::entry_head(frame) {
            Ok(head) => {
                for digest in head.iter().flat_map(|head| &head.payloads) {
                    self.digests.remove(digest);
                }
            }
            Err(_) => self.unreadable += 1,
        }
    }

    /// What nothing refers to, once all records were looked at. What a damaged record referred to is not known: nothing is
    /// removed while one is there.
    pub(crate) fn unreferenced(self) -> BTreeSet<Digest> {
        if self.unreadable > 0 { BTreeSet::new() } else { self.digests }
    }
}

/// Hands over the rows of a table, from a key on, for about `bytes` of them. Where to go on, if that was not all.
pub(super) fn each_row(
    tables: &impl Read,
    table: Table,
    from: &[u8],
    bytes: usize,
    mut visit: impl FnMut(&[u8], &[u8]),
) -> Result<Option<Vec<u8>>, Failure> {
    let (mut left, mut next) = (bytes, None);
    tables.scan(table, from, &END, Order::Rising, |key, row| {
        if left == 0 {
            next = Some(key.to_vec());
            return Ok(ControlFlow::Break(()));
        }
        left = left.saturating_sub(row.len());
        visit(key, row);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(next)
}

/// Hands over the records' frames in the rows of a table, from a key on, for about `bytes` of rows; of a sealed stretch that
/// cannot be read, why. Where to go on, if that was not all.
pub(super) fn each_frame(
    tables: &impl Read,
    table: Table,
    from: &[u8],
    bytes: usize,
    mut visit: impl FnMut(Result<&[u8], DecodeError>),
) -> Result<Option<Vec<u8>>, Failure> {
    each_row(tables, table, from, bytes, |_, row| match table {
        Table::Segments => match SegmentRow::decode(row) {
            Ok(segment) => segment.frames().for_each(|frame| visit(Ok(frame))),
            Err(error) => visit(Err(error)),
        },
        _ => visit(Ok(row)),
    })
}

/// Removes payloads, but for those that were referred to meanwhile. Takes off `digests` what it has seen to, which may be
/// less than all.
pub(crate) fn remove(
    tables: &mut impl Write,
    digests: &mut BTreeSet<Digest>,
    touched: &Touched,
) -> Result<Swept, Failure> {
    let mut swept = Swept::default();
    while swept.bytes < REMOVED_AT_ONCE_BYTES
        && let Some(digest) = digests.pop_first()
    {
        let length = tables.get(Table::Blobs, &digest.0, |row| row.len() as u64)?;
        if let Some(length) = length.filter(|_| !touched.has(&digest)) {
            tables.remove(Table::Blobs, &digest.0)?;
            swept.blobs += 1;
            swept.bytes += length;
        }
    }
    Ok(swept)
}
