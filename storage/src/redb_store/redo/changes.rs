//! What one transaction changed, as bytes that can be done once more: the keys that it put and removed, in order.

use crate::tables::{Failure, Order, Read, Table, Visited, Write};

use super::frame::HEADER_BYTES;

/// A transaction with more than this is made durable by redb itself: it would fill the redo log by its own.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Set in the first byte of a change that removes its key.
const REMOVES: u8 = 0x80;

/// The changes of a transaction that is under way, with room before them for what a frame begins with.
#[derive(Debug)]
pub(in super::super) struct Changes {
    bytes: Vec<u8>,
    is_too_much: bool,
}

impl Default for Changes {
    fn default() -> Self {
        Self { bytes: vec![0; HEADER_BYTES], is_too_much: false }
    }
}

impl Changes {
    /// The frame to be, unless it has become too much for one.
    pub(super) fn frame(&mut self) -> Option<&mut Vec<u8>> {
        (!self.is_too_much).then_some(&mut self.bytes)
    }

    fn note(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        let more = key.len() + value.map_or(0, <[u8]>::len);
        if self.is_too_much || self.bytes.len() + more > MAX_BYTES {
            *self = Self { bytes: Vec::new(), is_too_much: true };
            return;
        }
        let removes = if value.is_none() { REMOVES } else { 0 };
        self.bytes.push(table as u8 | removes);
        for part in std::iter::once(key).chain(value) {
            let length = u32::try_from(part.len()).expect("below the cap of a frame");
            self.bytes.extend_from_slice(&length.to_le_bytes());
            self.bytes.extend_from_slice(part);
        }
    }
}

/// Does the changes of a frame once more. [`None`] where they are no changes of a transaction.
pub(super) fn redo(mut body: &[u8], tables: &mut impl Write) -> Result<Option<()>, Failure> {
    while let Some((&first, rest)) = body.split_first() {
        body = rest;
        let table = Table::ALL.get(usize::from(first & !REMOVES)).copied();
        let (Some(table), Some(key)) = (table, part(&mut body)) else { return Ok(None) };
        if first & REMOVES != 0 {
            tables.remove(table, key)?;
        } else if let Some(value) = part(&mut body) {
            tables.put(table, key, value)?;
        } else {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

/// Takes a length and so many bytes from the beginning.
fn part<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (part, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(part)
}

/// Tables that change, and what changed in them.
pub(in super::super) struct Noting<T> {
    tables: T,
    changes: Changes,
}

impl<T> Noting<T> {
    /// Nothing has changed yet.
    pub(in super::super) fn of(tables: T) -> Self {
        Self { tables, changes: Changes::default() }
    }

    /// What changed.
    pub(in super::super) fn changes(self) -> Changes {
        self.changes
    }
}

impl<T: Read> Read for Noting<T> {
    fn get<V>(
        &self,
        table: Table,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> V,
    ) -> Result<Option<V>, Failure> {
        self.tables.get(table, key, read)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: impl FnMut(&[u8], &[u8]) -> Visited,
    ) -> Result<(), Failure> {
        self.tables.scan(table, from, to, order, visit)
    }
}

impl<T: Write> Write for Noting<T> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.tables.put(table, key, value)?;
        self.changes.note(table, key, Some(value));
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), Failure> {
        self.tables.remove(table, key)?;
        self.changes.note(table, key, None);
        Ok(())
    }
}
