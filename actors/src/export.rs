//! Exporting and restoring beside everything else that a house does: blocking work, given to its executor.

use std::path::PathBuf;

use highwater_protocol::{Checkpoint, Error, LogPos, SessionId};
use highwater_storage::export::{self, Exported, Restored, Source};
use tokio::sync::oneshot;

use crate::env::reading;
use crate::error::of_export;
use crate::highwater::shut_down;
use crate::house::House;

/// What is to be restored from a directory that was exported into.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The directory.
    pub dir: PathBuf,
    /// Which of its sessions; may be left out when there is one only.
    pub session: Option<SessionId>,
    /// The position of the checkpoint's marker; without it, the newest checkpoint there.
    pub checkpoint: Option<LogPos>,
    /// The name in the store; without it, the one that it had.
    pub into: Option<SessionId>,
}

/// Writes what is new of a session up to a checkpoint.
pub(crate) async fn export(
    house: &House,
    session: SessionId,
    checkpoint: Checkpoint,
    since: Option<Checkpoint>,
    dir: PathBuf,
) -> Result<Exported, Error> {
    if house.queue.is_closed() {
        return Err(shut_down());
    }
    let (reply, done) = oneshot::channel();
    let store = house.store.clone();
    house.executor.read(Box::new(move || {
        let (at, since) = (checkpoint.position, since.map(|since| since.position));
        let exported = reading(|| {
            let done = export::export(&*store, &session, at, since, &dir, &mut |_, _| {});
            done.map_err(|error| of_export(&error))
        });
        // The files are there, also for a caller that went away.
        drop(reply.send(exported));
    }));
    house.unless_closed(done.await.map_err(|_| shut_down())?)
}

/// Writes the log of an exported session into the house's store.
pub(crate) async fn restore(house: &House, wanted: Restore) -> Result<Restored, Error> {
    if house.queue.is_closed() {
        return Err(shut_down());
    }
    let (reply, done) = oneshot::channel();
    let store = house.store.clone();
    // Not as a write: that would hold up the commits of all sessions until it is done.
    house.executor.read(Box::new(move || {
        let Restore { dir, session, checkpoint, into } = &wanted;
        let source = Source { dir, session: session.as_ref(), checkpoint: *checkpoint };
        let restored = reading(|| {
            let done = export::restore(&source, &*store, into.as_ref(), &mut |_, _| {});
            done.map_err(|error| of_export(&error))
        });
        // The log is there, also for a caller that went away.
        drop(reply.send(restored));
    }));
    house.unless_closed(done.await.map_err(|_| shut_down())?)
}
