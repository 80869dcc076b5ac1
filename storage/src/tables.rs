//! What a store is made of: a few ordered tables of bytes, read in snapshots and written in transactions. Everything above
//! this (what a row means, which batch is legal, where a fork reads) is written once, in `engine`.

use std::iter::from_fn;
use std::ops::ControlFlow;

use crate::error::StoreError;

/// A table. Keys are ordered as bytes. The redo log holds tables by their number, which is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// The mark and the counter of sessions, by name.
    Meta,
    /// Where each session stands, by its name.
    Sessions,
    /// Records that are not sealed yet, by number and position.
    Log,
    /// Sealed stretches of logs, by number and their first position.
    Segments,
    /// Where the entry of an id stands, by number and hash of the id.
    Ids,
    /// Payloads, by the hash of their bytes.
    Blobs,
    /// Folds to start from, by number and position.
    Anchors,
}

impl Table {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Meta,
        Self::Sessions,
        Self::Log,
        Self::Segments,
        Self::Ids,
        Self::Blobs,
        Self::Anchors,
    ];

    /// Its name in a file.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Sessions => "sessions",
            Self::Log => "log",
            Self::Segments => "segments",
            Self::Ids => "ids",
            Self::Blobs => "blobs",
            Self::Anchors => "anchors",
        }
    }
}

/// Why an operation on tables came to no good end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request was refused; the tables are fine.
    Refused(StoreError),
    /// What the tables are kept in failed, and is not to be trusted any more.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// Whether a scan goes on.
pub(crate) type Visited = Result<ControlFlow<()>, Failure>;

/// The order of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Rising keys.
    Rising,
    /// Falling keys.
    Falling,
}

impl Order {
    /// What stands in the order of rising keys, in this order.
    pub(crate) fn of<T>(
        self,
        mut rising: impl DoubleEndedIterator<Item = T>,
    ) -> impl Iterator<Item = T> {
        from_fn(move || match self {
            Self::Rising => rising.next(),
            Self::Falling => rising.next_back(),
        })
    }
}

/// Tables as they stand at one moment.
pub(crate) trait Read {
    /// What `read` makes of the value of a key, if there is one.
    fn get<T>(
        &self,
        table: Table,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Failure>;

    /// Hands the rows with keys from `from` up to but not including `to` to `visit`, until it breaks off.
    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: impl FnMut(&[u8], &[u8]) -> Visited,
    ) -> Result<(), Failure>;
}

/// Tables that change, all at once or not at all: whoever writes decides everything that may be refused before the first
/// write.
pub(crate) trait Write: Read {
    /// Puts a value in the place of what the key had.
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Failure>;

    /// Removes a key, if it is there.
    fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), Failure>;
}

/// The key of a row that belongs to a number: ordered by number, then by position.
pub(crate) fn key(number: u64, at: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key[8..].copy_from_slice(&at.to_be_bytes());
    key
}

/// Behind every key of a table whose keys are numbers or hashes.
pub(crate) const END: [u8; 33] = [0xff; 33];

/// The position in a key.
pub(crate) fn position(key: &[u8]) -> u64 {
    key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The key of an id: ids of any length take the same room, and hashes of 128 bits do not meet.
pub(crate) fn id_key(number: u64, id: &highwater_protocol::EntryId) -> [u8; 24] {
    let hash = blake3::hash(id.as_str().as_bytes());
    let mut key = [0; 24];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key[8..].copy_from_slice(&hash.as_bytes()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_their_numbers_and_positions_are() {
        let rising = [(0, 0), (0, 1), (0, 255), (0, 256), (1, 0), (256, 0), (u64::MAX, 7)];
        let keys = rising.map(|(number, at)| key(number, at));
        assert!(keys.is_sorted());
        assert_eq!(keys.map(|key| position(&key)), rising.map(|(_, at)| at));
    }
}
