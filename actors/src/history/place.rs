//! Finding a place in a log by what stands there, without an index: numbers of entries and of calls only rise, so that
//! halving the log finds one of them with a handful of small reads.

use highwater_protocol::{CallNumber, Error, LogPos, Record, Seq, SessionId};
use highwater_storage::{PageLimit, Store, StoreError};

use crate::error::of_store;

/// Between which positions a log goes over from earlier entries to `seq` and later ones: before the first stand only
/// earlier ones, from the second on only later ones. What lies between holds no entry that can be read.
pub(super) fn of_entry(
    store: &dyn Store,
    session: &SessionId,
    seq: Seq,
) -> Result<(LogPos, LogPos), Error> {
    let number = |record: &Record| record.entry().map(|found| found.seq.0);
    let from = search(store, session, seq.0, number)?;
    let to = match first(store, session, from, &number)? {
        Some((at, _)) => at,
        None => store.session(session).map_err(|error| of_store(&error))?.head,
    };
    Ok((from, to))
}

/// The position of the first entry that is `seq` or a later one; the end of the log if there is none.
pub(crate) fn position(store: &dyn Store, session: &SessionId, seq: Seq) -> Result<LogPos, Error> {
    of_entry(store, session, seq).map(|(_, at)| at)
}

/// The position of the record of an answered call, or `None`.
pub(super) fn of_call(
    store: &dyn Store,
    session: &SessionId,
    call: CallNumber,
) -> Result<Option<LogPos>, Error> {
    let number = |record: &Record| match record {
        Record::Answered { call, .. } => Some(call.0),
        _ => None,
    };
    let at = search(store, session, call.0, number)?;
    let found = first(store, session, at, &number)?;
    Ok(found.filter(|(_, found)| *found == call.0).map(|(at, _)| at))
}

/// Halves the log. A number never stands before the position that is as high, since the first record has none.
fn search(
    store: &dyn Store,
    session: &SessionId,
    wanted: u64,
    number: impl Fn(&Record) -> Option<u64>,
) -> Result<LogPos, Error> {
    let is_before = |at: u64| -> Result<bool, Error> {
        let found = first(store, session, LogPos(at), &number)?;
        Ok(found.is_some_and(|(_, found)| found < wanted))
    };
    let head = store.session(session).map_err(|error| of_store(&error))?.head.0;
    let mut low = wanted.min(head);
    if !is_before(low)? {
        return Ok(LogPos(low));
    }
    let (mut step, mut high) = (1_u64, head);
    while low.saturating_add(step) < high {
        if !is_before(low + step)? {
            high = low + step;
            break;
        }
        low += step;
        step = step.saturating_mul(2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_before(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(LogPos(high))
}

/// The first record at or behind a position that has a number, and its number. What is damaged has none.
fn first(
    store: &dyn Store,
    session: &SessionId,
    from: LogPos,
    number: &impl Fn(&Record) -> Option<u64>,
) -> Result<Option<(LogPos, u64)>, Error> {
    let (mut at, mut bytes) = (Some(from), 1);
    while let Some(from) = at {
        let page = match store.read(session, from, PageLimit { bytes }) {
            Ok(page) => page,
            Err(StoreError::Damaged { at: damaged, until, .. }) if until > damaged => {
                at = Some(until);
                continue;
            }
            Err(error) => return Err(of_store(&error)),
        };
        let found = page.records.iter().find_map(|(at, record)| Some((*at, number(record)?)));
        if found.is_some() {
            return Ok(found);
        }
        // A long stretch without one is read in larger and larger steps.
        bytes = (bytes * 4).min(highwater_protocol::caps::PAGE_BYTES);
        at = page.next;
    }
    Ok(None)
}
