//! Sessions: opened, forked, listed.

use std::ops::ControlFlow;

use highwater_protocol::SessionId;

use super::{known, not_a_record, row};
use crate::error::StoreError;
use crate::record;
use crate::row::{Counter, Place, Row, SessionRow};
use crate::store::{Fork, Lease, MAX_FORK_DEPTH, SessionInfo};
use crate::tables::{Failure, Order, Read, Table, Write, id_key, key};

pub(super) const COUNTER_KEY: &[u8] = b"next session";

/// Raises the epoch of a session, which is created if need be.
pub(crate) fn open(tables: &mut impl Write, session: &SessionId) -> Result<Lease, Failure> {
    let row = match row(tables, session)? {
        Some(row) => row,
        None => SessionRow::new(next_number(tables, session)?),
    }
    .raised();
    put(tables, session, &row)?;
    Ok(row.lease(session.clone()))
}

/// Where a session stands.
pub(crate) fn info(tables: &impl Read, session: &SessionId) -> Result<SessionInfo, Failure> {
    Ok(known(tables, session)?.info(session.clone()))
}

/// Makes a session that begins with the log of another. What the other has not sealed gets into the index of its ids, so
/// that the child need not look through rows that are not its own.
pub(crate) fn fork(tables: &mut impl Write, fork: &Fork) -> Result<SessionInfo, Failure> {
    let Fork { parent, at, child } = fork;
    let origin = known(tables, parent)?;
    if *at > origin.head() {
        let why = format!("{parent} ends at {}, it cannot be forked at {at}", origin.head());
        return Err(StoreError::Invalid(why).into());
    }
    if origin.depth() >= MAX_FORK_DEPTH {
        let why = format!("{parent} is {MAX_FORK_DEPTH} forks deep already");
        return Err(StoreError::Invalid(why).into());
    }
    if let Some(there) = row(tables, child)? {
        // The same fork once more is answered as it was: who asked may not have heard the answer.
        if there.is_fork_of(&origin, *at) {
            return Ok(there.info(child.clone()));
        }
        let why = format!("{child} is there already, and is not this fork of {parent}");
        return Err(StoreError::Invalid(why).into());
    }
    let (from, to) = (key(origin.number(), origin.sealed().0), key(origin.number(), at.0));
    let mut places = Vec::new();
    tables.scan(Table::Log, &from, &to, Order::Rising, |key, frame| {
        // What is damaged is found by whoever reads it.
        if let Ok(Some(head)) = record::entry_head(frame) {
            places.push((head.id, crate::tables::position(key)));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let row = origin.forked(next_number(tables, child)?, *at);
    for (id, at) in places {
        tables.put(Table::Ids, &id_key(origin.number(), &id), &Place(at).encoded())?;
    }
    put(tables, child, &row)?;
    Ok(row.info(child.clone()))
}

/// The sessions behind a name, in order of their names.
pub(crate) fn list(
    tables: &impl Read,
    after: Option<&SessionId>,
    limit: usize,
) -> Result<Vec<SessionInfo>, Failure> {
    let mut infos = Vec::new();
    if limit == 0 {
        return Ok(infos);
    }
    // The next name behind a name is the same with a zero byte more.
    let from = after.map(|name| [name.as_str().as_bytes(), &[0]].concat()).unwrap_or_default();
    tables.scan(Table::Sessions, &from, &[0xff], Order::Rising, |name, bytes| {
        let name = String::from_utf8_lossy(name);
        let session = SessionId::parse(&name).map_err(|error| StoreError::Io {
            what: "the table of sessions holds a name that is not legal".into(),
            why: error.to_string(),
        })?;
        let row = SessionRow::decoded(bytes)
            .map_err(|error| not_a_record(&session, "session", &error))?;
        infos.push(row.info(session));
        Ok(if infos.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(infos)
}

/// Writes the row of a session.
pub(super) fn put(
    tables: &mut impl Write,
    session: &SessionId,
    row: &SessionRow,
) -> Result<(), Failure> {
    tables.put(Table::Sessions, session.as_str().as_bytes(), &row.encoded())
}

/// The number of a new session. Numbers are never reused, also not by sessions that are removed one day.
fn next_number(tables: &mut impl Write, session: &SessionId) -> Result<u64, Failure> {
    let next = tables.get(Table::Meta, COUNTER_KEY, Counter::decoded)?;
    let next = next.unwrap_or(Ok(Counter(0)));
    let Counter(next) = next.map_err(|error| not_a_record(session, "counter's", &error))?;
    tables.put(Table::Meta, COUNTER_KEY, &Counter(next + 1).encoded())?;
    Ok(next)
}
