//! What one transaction changed, as bytes that can be done once more: the keys that it put and removed.

use crate::tables::Table;

use super::super::rows::Rows;
use super::frame::HEADER_BYTES;

/// A transaction with more than this is made durable by redb itself: it would fill the redo log by its own.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Set in the first byte of a change that removes its key.
const REMOVES: u8 = 0x80;

/// Writes the changes into a frame, behind room for what it begins with. False where they are too many for one.
pub(super) fn write(rows: &Rows, frame: &mut Vec<u8>) -> bool {
    frame.clear();
    frame.resize(HEADER_BYTES, 0);
    for (table, key, value) in rows.iter() {
        if frame.len() + key.len() + value.map_or(0, <[u8]>::len) > MAX_BYTES {
            return false;
        }
        let removes = if value.is_none() { REMOVES } else { 0 };
        frame.push(table as u8 | removes);
        for part in std::iter::once(key).chain(value) {
            let length = u32::try_from(part.len()).expect("below the cap of a frame");
            frame.extend_from_slice(&length.to_le_bytes());
            frame.extend_from_slice(part);
        }
    }
    true
}

/// The changes of a frame, added to those before. [`None`] where they are no changes of a transaction.
pub(super) fn read(mut body: &[u8], rows: &mut Rows) -> Option<()> {
    while let Some((&first, rest)) = body.split_first() {
        body = rest;
        let table = *Table::ALL.get(usize::from(first & !REMOVES))?;
        let key = part(&mut body)?;
        let value = if first & REMOVES == 0 { Some(part(&mut body)?) } else { None };
        rows.set(table, key, value);
    }
    Some(())
}

/// Takes a length and so many bytes from the beginning.
fn part<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (part, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(part)
}
