//! What a store does, over tables: one implementation for a file, for memory, and for whatever keeps ordered tables.
//! Each operation reads and decides first, and writes when nothing can be refused any more.

mod anchors;
mod append;
mod blobs;
mod blocks;
mod cursor;
mod examine;
mod read;
mod seal;
mod sessions;

pub(crate) use anchors::{anchor, anchors, put_anchor};
pub(crate) use append::append;
pub(crate) use blobs::{Suspects, Touched, put_blobs, remove as remove_blobs};
pub(crate) use blocks::Blocks;
pub(crate) use examine::{Lost, References, illegal_names, strays};
pub(crate) use read::{find, read, read_at, read_back};
pub(crate) use seal::{SEGMENT_BYTES, seal};
pub(crate) use sessions::{fork, info, list, open};

use highwater_protocol::{LogPos, SessionId};

use crate::codec::DecodeError;
use crate::error::StoreError;
use crate::row::{Row, SessionRow};
use crate::tables::{Failure, Read, Table};

/// The row of a session that must be known.
fn known(tables: &impl Read, session: &SessionId) -> Result<SessionRow, Failure> {
    row(tables, session)?.ok_or_else(|| StoreError::NoSession(session.clone()).into())
}

/// The row of a session, if there is one.
fn row(tables: &impl Read, session: &SessionId) -> Result<Option<SessionRow>, Failure> {
    let found = tables.get(Table::Sessions, session.as_str().as_bytes(), SessionRow::decoded)?;
    Ok(found.transpose().map_err(|error| not_a_record(session, "session", &error))?)
}

/// The error of a row that is not a record of the log.
fn not_a_record(session: &SessionId, what: &str, error: &DecodeError) -> StoreError {
    let why = format!("not a record, but the {what} row: {error}");
    damaged(session, LogPos(0), LogPos(0), why)
}

fn damaged(session: &SessionId, at: LogPos, until: LogPos, why: impl Into<String>) -> StoreError {
    StoreError::Damaged { session: session.clone(), at, until, why: why.into() }
}
