//! Folding a session's log page by page (L4, L5): when it is opened, and when a rewind has it folded anew. Blocks; runs
//! where blocking work may.

use std::panic::{AssertUnwindSafe, catch_unwind};

use highwater_protocol::session::Replay;
use highwater_protocol::{Error, Kind, LogPos, SessionId, caps};
use highwater_storage::{PageLimit, Store};

use crate::env::guarded;
use crate::error::of_store;

/// Folds the log up to `end`, as often as its rewinds ask for. A panic on the way is an error: somebody waits for the
/// answer.
pub(crate) fn fold(
    store: &dyn Store,
    session: &SessionId,
    replay: Replay,
    end: LogPos,
) -> Result<Replay, Error> {
    catch_unwind(AssertUnwindSafe(|| read(store, session, replay, end))).unwrap_or_else(|_| {
        let message = format!("session {session}: folding its log panicked");
        Err(Error::new(Kind::Internal, message))
    })
}

fn read(
    store: &dyn Store,
    session: &SessionId,
    mut replay: Replay,
    end: LogPos,
) -> Result<Replay, Error> {
    loop {
        while replay.next() < end {
            let limit = PageLimit { bytes: caps::PAGE_BYTES };
            let page = guarded(|| store.read(session, replay.next(), limit))
                .map_err(|error| of_store(&error))?;
            if page.records.is_empty() {
                let (at, message) = (replay.next(), "the log ends before its own end");
                return Err(Error::new(
                    Kind::Corrupt,
                    format!("session {session}: {message}: at {at}, expected {end}"),
                ));
            }
            for (at, record) in &page.records {
                replay.apply(*at, record)?;
            }
        }
        let Some(rewinds) = replay.starts_over() else {
            return Ok(replay);
        };
        replay = Replay::knowing(rewinds);
    }
}
