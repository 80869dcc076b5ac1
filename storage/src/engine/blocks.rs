//! Sealed stretches of logs, unpacked and kept for a while: who reads a page next to the last one, or halves a log to find
//! an entry, meets the same stretch again.

use std::ops::ControlFlow;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::row::SegmentRow;
use crate::tables::{Failure, Order, Read, Table, key, position};

/// Unpacked bytes that a store keeps: those of some dozens of stretches.
const KEPT_BYTES: u64 = 4 << 20;

/// A sealed stretch, unpacked.
#[derive(Debug)]
pub(crate) struct Block {
    first: u64,
    segment: SegmentRow,
    /// Where each frame begins, behind its length.
    starts: Vec<usize>,
}

impl Block {
    fn new(first: u64, segment: SegmentRow) -> Self {
        let (mut starts, mut next) = (Vec::new(), 0);
        while let Some(frame) = segment.frame_at(next) {
            starts.push(frame.start);
            next = frame.end;
        }
        Self { first, segment, starts }
    }

    /// The first position.
    pub(crate) fn start(&self) -> u64 {
        self.first
    }

    /// The position behind the last.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.starts.len() as u64
    }

    /// The frame of the record at a position of the block.
    pub(crate) fn frame(&self, at: u64) -> Option<&[u8]> {
        let index = usize::try_from(at.checked_sub(self.first)?).ok()?;
        let frame = self.segment.frame_at(self.starts.get(index)? - 4)?;
        Some(&self.segment.frames[frame])
    }
}

/// Where the record at a position is to be found.
pub(crate) enum Sealed {
    /// In this block.
    In(Arc<Block>),
    /// In a stretch that is damaged: it goes on up to, but not including, `end`, as far as can be told.
    Damaged {
        /// The position behind it.
        end: u64,
        /// What was found.
        why: String,
    },
    /// In no sealed stretch. The last one before it ends at `behind`.
    No {
        /// Zero when there is none before it.
        behind: u64,
    },
}

/// The blocks that were used last, within a number of bytes.
#[derive(Debug)]
pub(crate) struct Blocks {
    kept: Cache<(u64, u64), Arc<Block>, ByBytes>,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<(u64, u64), Arc<Block>> for ByBytes {
    fn weight(&self, _: &(u64, u64), block: &Arc<Block>) -> u64 {
        (block.segment.frames.len() + block.starts.len() * size_of::<usize>()) as u64
    }
}

impl Default for Blocks {
    fn default() -> Self {
        Self { kept: Cache::with_weighter(64, KEPT_BYTES, ByBytes) }
    }
}

impl Blocks {
    /// Where the record at a position of the rows of a number is.
    pub(crate) fn find(&self, tables: &impl Read, number: u64, at: u64) -> Result<Sealed, Failure> {
        let mut found = Sealed::No { behind: 0 };
        let (from, to) = (key(number, 0), key(number, at.saturating_add(1)));
        tables.scan(Table::Segments, &from, &to, Order::Falling, |key, row| {
            found = self.in_row(number, position(key), row, at);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    fn in_row(&self, number: u64, first: u64, row: &[u8], at: u64) -> Sealed {
        let block = match self.kept.get(&(number, first)) {
            Some(block) => block,
            None => match SegmentRow::decode(row) {
                Ok(segment) => {
                    let block = Arc::new(Block::new(first, segment));
                    self.kept.insert((number, first), Arc::clone(&block));
                    block
                }
                Err(error) => {
                    let count = SegmentRow::count_of(row).unwrap_or(1).max(1);
                    let end = first.saturating_add(count);
                    let why = format!("the sealed records from @{first} on: {error}");
                    return if at < end {
                        Sealed::Damaged { end, why }
                    } else {
                        Sealed::No { behind: end }
                    };
                }
            },
        };
        if at < block.end() { Sealed::In(block) } else { Sealed::No { behind: block.end() } }
    }
}
