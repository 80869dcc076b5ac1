//! Which ids are known: sessions ask it before each append once they keep only the newest of theirs (L3). Many ask at
//! about the same time, and one reader sees to all of them: a thread that is woken costs more than what it looks up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use highwater_protocol::session::{Event, Known};
use highwater_protocol::{EntryId, EntryOf, Error, Kind, LogPos, SessionId};
use highwater_storage::Store;
use ractor::ActorRef;

use super::SessionMessage;
use crate::env::guarded;
use crate::error::of_store;
use crate::house::House;

/// What sessions have asked, until a reader takes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Questions(Arc<Mutex<Vec<Question>>>);

#[derive(Debug)]
struct Question {
    session: SessionId,
    ids: Vec<EntryId>,
    asks: ActorRef<SessionMessage>,
}

impl Questions {
    /// Asks which of these ids a session has; answered with [`Event::Found`].
    pub(super) fn ask(
        &self,
        house: &House,
        session: &SessionId,
        ids: Vec<EntryId>,
        asks: &ActorRef<SessionMessage>,
    ) {
        let question = Question { session: session.clone(), ids, asks: asks.clone() };
        let mut waiting = self.waiting();
        waiting.push(question);
        // A reader is on its way to those who asked before.
        if waiting.len() > 1 {
            return;
        }
        drop(waiting);
        let (questions, store) = (self.clone(), house.store.clone());
        house.executor.read(Box::new(move || {
            let all = std::mem::take(&mut *questions.waiting());
            for Question { session, ids, asks } in all {
                let known = known(&*store, &session, &ids);
                // A session that has ended meanwhile reads its log again.
                drop(asks.cast(SessionMessage::Event(Event::Found { known })));
            }
        }));
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Question>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
