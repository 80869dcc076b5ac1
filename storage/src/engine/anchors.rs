//! Anchors: folds of a log that recovery can start from. Some are kept behind the newest one, ever fewer the older they
//! are, so that a rewind does not have to begin at the beginning either.

use std::ops::ControlFlow;

use highwater_protocol::{LogPos, SessionId};

use super::known;
use crate::row::AnchorRow;
use crate::tables::{Failure, Order, Read, Table, Write, key, position};

/// Stores the anchor of a position, and removes those that are not worth keeping beside it.
pub(crate) fn put_anchor(
    tables: &mut impl Write,
    session: &SessionId,
    at: LogPos,
    anchor: &[u8],
) -> Result<(), Failure> {
    let row = known(tables, session)?;
    let number = row.number();
    let mut there = Vec::new();
    let (from, to) = (key(number, 0), key(number, u64::MAX));
    tables.scan(Table::Anchors, &from, &to, Order::Rising, |key, _| {
        there.push(position(key));
        Ok(ControlFlow::Continue(()))
    })?;
    there.retain(|known| *known != at.0);
    let kept = worth_keeping(&there, at.0);
    for gone in there.iter().filter(|known| !kept.contains(known)) {
        tables.remove(Table::Anchors, &key(number, *gone))?;
    }
    tables.put(Table::Anchors, &key(number, at.0), &AnchorRow(anchor.to_vec()).encoded())
}

/// The positions at or before `before` that have an anchor, newest first.
pub(crate) fn anchors(
    tables: &impl Read,
    session: &SessionId,
    before: LogPos,
) -> Result<Vec<LogPos>, Failure> {
    let row = known(tables, session)?;
    let mut found = Vec::new();
    for (number, last) in row.anchored(before) {
        let (from, to) = (key(number, 0), key(number, last.saturating_add(1)));
        tables.scan(Table::Anchors, &from, &to, Order::Rising, |key, _| {
            found.push(LogPos(position(key)));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    found.sort_unstable();
    found.dedup();
    found.reverse();
    Ok(found)
}

/// The anchor of a position, if it is there and can be read.
pub(crate) fn anchor(
    tables: &impl Read,
    session: &SessionId,
    at: LogPos,
) -> Result<Option<Vec<u8>>, Failure> {
    let row = known(tables, session)?;
    for (number, _) in row.anchored(at).filter(|(_, last)| *last == at.0) {
        let found = tables.get(Table::Anchors, &key(number, at.0), AnchorRow::decode)?;
        // One that is damaged is as good as none: the log is there.
        if let Some(Ok(AnchorRow(anchor))) = found {
            return Ok(Some(anchor));
        }
    }
    Ok(None)
}

/// Of the positions that have an anchor, those to keep beside a new one at `newest`: one goes if its neighbours are no
/// further apart than the newer of them is old. A fold then costs at most twice what it has to, wherever it begins.
fn worth_keeping(there: &[u64], newest: u64) -> Vec<u64> {
    let mut kept: Vec<u64> = Vec::new();
    let older = there.iter().copied().filter(|at| *at < newest);
    for next in older.chain([newest]) {
        while let Some(last) = kept.last() {
            let before = kept.len().checked_sub(2).map_or(0, |at| kept[at]);
            if *last > before && next - before > newest - next {
                break;
            }
            kept.pop();
        }
        kept.push(next);
    }
    kept.pop();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_anchors_are_kept_and_none_is_much_too_far_from_any_place() {
        let mut there: Vec<u64> = Vec::new();
        for newest in (0..100_000).step_by(100) {
            let mut kept = worth_keeping(&there, newest);
            kept.push(newest);
            kept.sort_unstable();
            there = kept;
            assert!(there.len() <= 24, "{} are kept at {newest}", there.len());
        }
        let newest = *there.last().expect("one was put");
        for place in (0..newest).step_by(37) {
            let start = there.iter().rev().find(|at| **at <= place).copied().unwrap_or(0);
            let (needed, done) = (newest - place, newest - start);
            assert!(done <= 2 * needed + 100, "{place} is reached from {start}");
        }
    }
}
