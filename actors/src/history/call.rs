//! What a past call saw: folded again from the log, up to the record of its answer.

use highwater_protocol::{CallNumber, Context, Error, Kind, LogPos, Rewinds, SessionId};
use highwater_storage::Store;

use super::place;
use crate::error::of_store;
use crate::recovery::Log;

/// The context that a call was answered with, byte for byte (P8).
///
/// # Errors
/// [`Kind::NotFound`] when there was no such call; [`Kind::Corrupt`] when the log before it cannot be folded.
pub fn call(store: &dyn Store, session: &SessionId, call: CallNumber) -> Result<Context, Error> {
    let Some(at) = place::of_call(store, session, call)? else {
        let message = format!("session {session} has answered no call {}", call.0);
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
    log.fold(Rewinds::default())?.into_context(answered)
}
