//! What a past call saw: folded again from the log, up to the record of its answer.

use highwater_protocol::tokens::Usage;
use highwater_protocol::{
    CallNumber, Context, Error, Kind, LogPos, Record, Rewinds, SessionId, Timestamp, TokenCount,
    caps,
};
use highwater_storage::{PageLimit, Store, StoreError};

use super::place;
use crate::error::of_store;
use crate::recovery::Log;

/// A call, as it was answered.
#[derive(Clone, Debug)]
pub struct PastCall {
    /// What it saw, byte for byte.
    pub context: Context,
    /// What the host reported for it; `None` when it has not, or the record of it cannot be read.
    pub used: Option<Used>,
}

/// What a call took, as the provider said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// When it was reported.
    pub at: Timestamp,
    /// The model that was called.
    pub model: Box<str>,
    /// What the context was estimated at when it was answered.
    pub estimated: TokenCount,
    /// What was used.
    pub usage: Usage,
}

/// The context that a call was answered with, byte for byte (P8), and what it took.
///
/// # Errors
/// [`Kind::NotFound`] when there was no such call; [`Kind::Corrupt`] when the log before it cannot be folded.
pub fn call(store: &dyn Store, session: &SessionId, call: CallNumber) -> Result<PastCall, Error> {
    let Some(at) = place::of_call(store, session, call)? else {
        let known = match last_call(store, session)? {
            Some(CallNumber(last)) => format!("its calls are 1 to {last}"),
            None => "it has answered none".to_owned(),
        };
        let message = format!("session {session} has answered no call {}: {known}", call.0);
        return Err(Error::new(Kind::NotFound, message));
    };
    let answered = store.read_at(session, &[at]).map_err(|error| of_store(&error))?;
    let Some((LogPos(_), answered)) = answered.first() else {
        let message = format!("session {session}: the record at {at} is gone");
        return Err(Error::new(Kind::Corrupt, message));
    };
    let end = at.advance(1);
    // All of it is to be shown.
    let log = Log { store, session, indexed: end, end, resident_bytes: usize::MAX };
    let context = log.fold(Rewinds::default())?.into_context(answered)?;
    Ok(PastCall { context, used: used(store, session, call, end)? })
}

/// What was reported for a call: behind its answer, and before so many others that it could be reported no more.
fn used(
    store: &dyn Store,
    session: &SessionId,
    wanted: CallNumber,
    from: LogPos,
) -> Result<Option<Used>, Error> {
    let (mut next, mut answers) = (Some(from), 0);
    // Most often it stands right behind the answer: the first pages are small.
    let mut bytes = 4 << 10;
    while let Some(from) = next {
        let page = match store.read(session, from, PageLimit { bytes }) {
            Ok(page) => page,
            Err(StoreError::Damaged { at, until, .. }) if until > at => {
                next = Some(until);
                continue;
            }
            Err(error) => return Err(of_store(&error)),
        };
        for (_, record) in page.records {
            match record {
                Record::Used { at, call, model, estimated, usage } if call == wanted => {
                    return Ok(Some(Used { at, model, estimated, usage }));
                }
                Record::Answered { .. } if answers == caps::REPORTABLE_CALLS => return Ok(None),
                Record::Answered { .. } => answers += 1,
                _ => {}
            }
        }
        bytes = (bytes * 4).min(caps::PAGE_BYTES);
        next = page.next;
    }
    Ok(None)
}

/// The last call that was answered.
fn last_call(store: &dyn Store, session: &SessionId) -> Result<Option<CallNumber>, Error> {
    let mut before = Some(store.session(session).map_err(|error| of_store(&error))?.head);
    while let Some(end) = before {
        let page = match store.read_back(session, end, PageLimit { bytes: caps::PAGE_BYTES }) {
            Ok(page) => page,
            Err(StoreError::Damaged { at, until, .. }) if until > at => {
                before = Some(at);
                continue;
            }
            Err(error) => return Err(of_store(&error)),
        };
        let call = page.records.iter().find_map(|(_, record)| match record {
            Record::Answered { call, .. } => Some(*call),
            _ => None,
        });
        if call.is_some() {
            return Ok(call);
        }
        before = page.next;
    }
    Ok(None)
}
