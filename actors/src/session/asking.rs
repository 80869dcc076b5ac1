//! What a session asks of the store beside its commits: a new fold, what has left memory. Each is read
//! where blocking work may run, and comes back as an event. A session that has ended meanwhile reads its log again.

use highwater_protocol::session::Event;
use highwater_protocol::{LogPos, Rewinds, SessionId};
use highwater_storage::Store;
use ractor::ActorRef;

use super::SessionMessage;
use super::shell::Shell;
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
