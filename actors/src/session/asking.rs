//! What a session asks of the store beside its commits: a new fold, where ids stand, what has left memory. Each is read
//! where blocking work may run, and comes back as an event. A session that has ended meanwhile reads its log again.

use highwater_protocol::session::{Event, Known};
use highwater_protocol::{EntryId, EntryOf, Error, Kind, LogPos, Rewinds, SessionId};
use highwater_storage::Store;
use ractor::ActorRef;

use super::SessionMessage;
use super::shell::Shell;
use crate::env::guarded;
use crate::error::of_store;
use crate::recovery::{self, Log};

/// Has the log folded anew up to `end`, knowing all its rewinds.
pub(super) fn refold(
    shell: &Shell,
    myself: &ActorRef<SessionMessage>,
    rewinds: Rewinds,
    end: LogPos,
) {
    let indexed = shell.lease.indexed;
    let resident_bytes = shell.session.config().resident_bytes;
    read(shell, myself, move |store, session| {
        let log = Log { store, session, indexed, end, resident_bytes };
        let state = log.fold(rewinds).map(|replay| Box::new(replay.into_state()));
        Event::Refolded { state }
    });
}

/// Finds out which of these ids are known.
pub(super) fn find(shell: &Shell, myself: &ActorRef<SessionMessage>, ids: Vec<EntryId>) {
    read(shell, myself, move |store, session| Event::Found { known: known(store, session, &ids) });
}

/// Reads what these records say.
pub(super) fn fetch(shell: &Shell, myself: &ActorRef<SessionMessage>, positions: Vec<LogPos>) {
    read(shell, myself, move |store, session| {
        let entries = recovery::entries(store, session, &positions);
        Event::Fetched { entries }
    });
}

fn read(
    shell: &Shell,
    myself: &ActorRef<SessionMessage>,
    work: impl FnOnce(&dyn Store, &SessionId) -> Event + Send + 'static,
) {
    let (store, session) = (shell.house.store.clone(), shell.lease.session.clone());
    let myself = myself.clone();
    shell.house.executor.read(Box::new(move || {
        let event = work(&*store, &session);
        drop(myself.cast(SessionMessage::Event(event)));
    }));
}

/// Those of the ids that the index knows, with what their records say.
fn known(
    store: &dyn Store,
    session: &SessionId,
    ids: &[EntryId],
) -> Result<Vec<(EntryId, Known)>, Error> {
    let places = guarded(|| store.find(session, ids)).map_err(|error| of_store(&error))?;
    let mut positions: Vec<LogPos> = places.into_iter().flatten().collect();
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    positions.sort_unstable();
    positions.dedup();
    let records =
        guarded(|| store.read_at(session, &positions)).map_err(|error| of_store(&error))?;
    records
        .iter()
        .map(|(at, record)| {
            let Some(EntryOf { seq, place, entry, .. }) = record.entry() else {
                let (found, message) =
                    (record.name(), "the index of ids names a record without one");
                let message = format!("session {session}: {message}: {found:?} at {at}");
                return Err(Error::new(Kind::Corrupt, message));
            };
            let digest = entry.message().digest;
            Ok((entry.id().clone(), Known { seq, place, digest }))
        })
        .collect()
}
