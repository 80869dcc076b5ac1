//! Walking a log in either direction, over everything that it is kept in: rows, sealed stretches, the rows of the sessions
//! that it was forked from. What is missing or damaged is handed over as such, in its place.

use std::ops::{ControlFlow, Range};

use highwater_protocol::LogPos;

use super::Blocks;
use super::blocks::Sealed;
use crate::row::{SessionRow, Stretch};
use crate::tables::{Failure, Order, Read, Table, Visited, key, position};

/// A record's frame, or why there is none.
pub(super) type Found<'a> = Result<&'a [u8], String>;

/// A walk over the log of one session.
pub(super) struct Walk<'t, R> {
    pub(super) tables: &'t R,
    pub(super) blocks: &'t Blocks,
    pub(super) row: &'t SessionRow,
}

impl<R: Read> Walk<'_, R> {
    /// Hands over every position from `from` up to `to`, in rising order: one at a time, or several that are damaged.
    pub(super) fn rising(
        &self,
        from: LogPos,
        to: LogPos,
        mut visit: impl FnMut(Range<u64>, Found<'_>) -> Visited,
    ) -> Result<(), Failure> {
        for stretch in self.row.stretches(from, to) {
            let mut at = stretch.start;
            while at < stretch.end {
                let number = stretch.number;
                let (next, flow) = match self.blocks.find(self.tables, number, at)? {
                    Sealed::In(block) => {
                        let end = block.end().min(stretch.end);
                        let flow = each(at..end, |at| visit(at..at + 1, framed(block.frame(at))))?;
                        (end, flow)
                    }
                    Sealed::Damaged { end, why } => {
                        let end = end.min(stretch.end);
                        (end, visit(at..end, Err(why))?)
                    }
                    Sealed::No { .. } => {
                        self.rows_rising(Stretch { start: at, ..stretch }, &mut visit)?
                    }
                };
                if flow.is_break() {
                    return Ok(());
                }
                at = next;
            }
        }
        Ok(())
    }

    /// The rows from the start of a stretch on, up to where the next sealed one begins, if rows are missing.
    fn rows_rising(
        &self,
        stretch: Stretch,
        visit: &mut impl FnMut(Range<u64>, Found<'_>) -> Visited,
    ) -> Result<(u64, ControlFlow<()>), Failure> {
        let (mut next, mut flow) = (stretch.start, ControlFlow::Continue(()));
        let (from, to) = (key(stretch.number, next), key(stretch.number, stretch.end));
        self.tables.scan(Table::Log, &from, &to, Order::Rising, |key, frame| {
            let at = position(key);
            if at > next {
                return Ok(ControlFlow::Break(()));
            }
            flow = visit(at..at + 1, Ok(frame))?;
            next = at + 1;
            Ok(flow)
        })?;
        if flow.is_break() || next >= stretch.end {
            return Ok((next, flow));
        }
        let missing = Stretch { start: next, ..stretch };
        let end = self.next_there(Table::Log, missing)?;
        let end = end.min(self.next_there(Table::Segments, missing)?);
        flow = visit(next..end, Err(MISSING.to_owned()))?;
        Ok((end, flow))
    }

    /// The first position of a stretch that a table has a row for; the end of the stretch if there is none.
    fn next_there(&self, table: Table, stretch: Stretch) -> Result<u64, Failure> {
        let mut there = stretch.end;
        let (from, to) = (key(stretch.number, stretch.start), key(stretch.number, stretch.end));
        self.tables.scan(table, &from, &to, Order::Rising, |key, _| {
            there = position(key);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(there)
    }

    /// Hands over every position below `to` down to `from`, in falling order.
    pub(super) fn falling(
        &self,
        from: LogPos,
        to: LogPos,
        mut visit: impl FnMut(Range<u64>, Found<'_>) -> Visited,
    ) -> Result<(), Failure> {
        let stretches: Vec<Stretch> = self.row.stretches(from, to).collect();
        for stretch in stretches.into_iter().rev() {
            let mut end = stretch.end;
            while end > stretch.start {
                let (next, flow) = match self.blocks.find(self.tables, stretch.number, end - 1)? {
                    Sealed::In(block) => {
                        let start = block.start().max(stretch.start);
                        let flow = each((start..end).rev(), |at| {
                            visit(at..at + 1, framed(block.frame(at)))
                        })?;
                        (start, flow)
                    }
                    Sealed::Damaged { why, .. } => {
                        let start = self.start_of_damaged(stretch, end)?;
                        (start, visit(start..end, Err(why))?)
                    }
                    Sealed::No { behind } => {
                        let start = behind.max(stretch.start);
                        self.rows_falling(Stretch { start, end, ..stretch }, &mut visit)?
                    }
                };
                if flow.is_break() {
                    return Ok(());
                }
                end = next;
            }
        }
        Ok(())
    }

    /// Where the damaged stretch begins that holds the position before `end`.
    fn start_of_damaged(&self, stretch: Stretch, end: u64) -> Result<u64, Failure> {
        let mut first = stretch.start;
        let (from, to) = (key(stretch.number, 0), key(stretch.number, end));
        self.tables.scan(Table::Segments, &from, &to, Order::Falling, |key, _| {
            first = first.max(position(key));
            Ok(ControlFlow::Break(()))
        })?;
        Ok(first)
    }

    /// The rows of a stretch that is not sealed, downwards.
    fn rows_falling(
        &self,
        stretch: Stretch,
        visit: &mut impl FnMut(Range<u64>, Found<'_>) -> Visited,
    ) -> Result<(u64, ControlFlow<()>), Failure> {
        let (mut end, mut there, mut flow) =
            (stretch.end, stretch.start, ControlFlow::Continue(()));
        let (from, to) = (key(stretch.number, stretch.start), key(stretch.number, end));
        self.tables.scan(Table::Log, &from, &to, Order::Falling, |key, frame| {
            let at = position(key);
            if at + 1 < end {
                there = at + 1;
                return Ok(ControlFlow::Break(()));
            }
            flow = visit(at..end, Ok(frame))?;
            end = at;
            Ok(flow)
        })?;
        if flow.is_break() || end <= stretch.start {
            return Ok((end, flow));
        }
        flow = visit(there..end, Err(MISSING.to_owned()))?;
        Ok((there, flow))
    }
}

const MISSING: &str = "the record is missing";

fn framed(frame: Option<&[u8]>) -> Found<'_> {
    frame.ok_or_else(|| MISSING.to_owned())
}

fn each(
    positions: impl Iterator<Item = u64>,
    mut visit: impl FnMut(u64) -> Visited,
) -> Result<ControlFlow<()>, Failure> {
    for at in positions {
        if visit(at)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
