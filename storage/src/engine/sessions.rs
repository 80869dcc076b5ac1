//! Sessions: opened, forked, listed.

use std::ops::ControlFlow;

use highwater_protocol::{LogPos, SessionId};

use super::seal::id_at;
use super::{damaged, known, not_a_record, row};
use crate::error::StoreError;
use crate::row::{Counter, Place, Row, SessionRow};
use crate::store::{Fork, Lease, MAX_FORK_DEPTH, SessionInfo};
use crate::tables::{END, Failure, Order, Read, Table, Write, id_key, key};

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
    let mut next = origin.sealed().0;
    let (from, to) = (key(origin.number(), next), key(origin.number(), at.0));
    let mut places = Vec::new();
    tables.scan(Table::Log, &from, &to, Order::Rising, |key, frame| {
        places.extend(id_at(parent, next, key, frame)?.map(|id| (id, next)));
        next += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    if next < at.0 {
        return Err(damaged(parent, LogPos(next), *at, "the record is missing").into());
    }
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
    tables.scan(Table::Sessions, &from, &END, Order::Rising, |name, bytes| {
        let session = name_of(name).map_err(|why| StoreError::Io {
            what: "the table of sessions holds a name that is not legal".into(),
            why,
        })?;
        let row = SessionRow::decoded(bytes)
            .map_err(|error| not_a_record(&session, "session", &error))?;
        infos.push(row.info(session));
        Ok(if infos.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(infos)
}

/// The session that a key of the table of sessions names, or why it can be none.
pub(super) fn name_of(key: &[u8]) -> Result<SessionId, String> {
    let name = std::str::from_utf8(key).map_err(|error| error.to_string())?;
    SessionId::parse(name).map_err(|error| error.to_string())
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
    let next = match tables.get(Table::Meta, COUNTER_KEY, Counter::decoded)? {
        Some(Ok(Counter(next))) => next,
        Some(Err(error)) => return Err(not_a_record(session, "counter's", &error).into()),
        None if list(tables, None, 1)?.is_empty() => 0,
        // Counting anew would give it the rows of another.
        None => {
            let why = "not a record, but the row that counts sessions: it is missing";
            return Err(damaged(session, LogPos(0), LogPos(0), why).into());
        }
    };
    tables.put(Table::Meta, COUNTER_KEY, &Counter(next + 1).encoded())?;
    Ok(next)
}
