//! Payloads: put before anything refers to them, and collected by mark and sweep when nothing does (X1).

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use highwater_protocol::{Digest, Timestamp};

use crate::codec::DecodeError;
use crate::record;
use crate::row::{BlobRow, SegmentRow};
use crate::store::Swept;
use crate::tables::{Failure, Order, Read, Table, Write};

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

    /// What was noted since.
    pub(crate) fn end(&self) -> BTreeSet<Digest> {
        self.digests().take().unwrap_or_default()
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
    let digests: Vec<Digest> = blobs.iter().map(|blob| Digest::of(blob)).collect();
    for (digest, blob) in digests.iter().zip(blobs) {
        touched.note(*digest);
        // Put anew when it is there: its age counts from now, so that it lives until something refers to it.
        tables.put(Table::Blobs, &digest.0, &BlobRow::encode(at, blob))?;
    }
    Ok(digests)
}

/// The payloads stored before a moment: those that a sweep may remove, unless it finds a record that refers to them.
#[derive(Debug)]
pub(crate) struct Suspects {
    digests: BTreeSet<Digest>,
    unreadable: u64,
}

impl Suspects {
    /// All payloads that were stored before that moment.
    pub(crate) fn stored_before(tables: &impl Read, moment: Timestamp) -> Result<Self, Failure> {
        let mut digests = BTreeSet::new();
        tables.scan(Table::Blobs, &[], &END, Order::Rising, |key, row| {
            // A row that cannot be read is kept: whoever needs it is told what is wrong with it.
            if let (Ok(digest), Ok(at)) = (key.try_into(), BlobRow::stored_at(row))
                && at < moment
            {
                digests.insert(Digest(digest));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Self { digests, unreadable: 0 })
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
    pub(crate) fn unreferenced(self, touched: &BTreeSet<Digest>) -> BTreeSet<Digest> {
        if self.unreadable > 0 {
            return BTreeSet::new();
        }
        self.digests.difference(touched).copied().collect()
    }
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
    let (mut left, mut next) = (bytes, None);
    tables.scan(table, from, &END, Order::Rising, |key, row| {
        if left == 0 {
            next = Some(key.to_vec());
            return Ok(ControlFlow::Break(()));
        }
        left = left.saturating_sub(row.len());
        match (table, SegmentRow::decode(row)) {
            (Table::Segments, Ok(segment)) => segment.frames().for_each(|frame| visit(Ok(frame))),
            (Table::Segments, Err(error)) => visit(Err(error)),
            _ => visit(Ok(row)),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(next)
}

/// Removes payloads.
pub(crate) fn remove(
    tables: &mut impl Write,
    digests: &BTreeSet<Digest>,
) -> Result<Swept, Failure> {
    let mut swept = Swept::default();
    for digest in digests {
        if let Some(length) = tables.get(Table::Blobs, &digest.0, |row| row.len() as u64)? {
            tables.remove(Table::Blobs, &digest.0)?;
            swept.blobs += 1;
            swept.bytes += length;
        }
    }
    Ok(swept)
}

/// Behind every key.
const END: [u8; 33] = [0xff; 33];
