//! What one transaction changed, as bytes that can be done once more: the keys that it put and removed, in order.

use crate::tables::{Failure, Table, Write};

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

    /// A key was put with a value, or removed.
    pub(in super::super) fn note(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
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
