//! Opening a session: raise its epoch behind all writes given before, then fold its log page by page (L4, L5).

use highwater_protocol::session::{Session, SessionConfig};
use highwater_protocol::{Error, Rewinds, SessionId, Timestamp};
use highwater_storage::{BatchId, Lease, Store, StoreError};
use ractor::ActorRef;

use super::{RegistryMessage, Reign};
use crate::env::{guarded, reading};
use crate::error::of_store;
use crate::house::House;
use crate::recovery::Log;
use crate::session::Upkeep;

/// A session as its log says, and the right to write to it.
pub(crate) struct Loaded {
    pub(super) session: Session,
    pub(super) lease: Lease,
    /// The last batch that was written under the lease.
    pub(super) batch: BatchId,
    /// What had to be read behind the newest anchor.
    pub(super) upkeep: Upkeep,
}

/// What this process has to do with a session that is to be read.
#[derive(Clone, Copy)]
pub(super) struct Past {
    /// It was opened here before.
    pub(super) was_opened: bool,
    /// What its last actor here wrote under, if that has left it in order: whoever goes on there has nobody to fence off.
    pub(super) last_reign: Option<Reign>,
}

/// Reads a session beside everything else; the registry is told when it is done.
pub(super) fn start(
    house: &House,
    session: SessionId,
    config: SessionConfig,
    past: Past,
    registry: ActorRef<RegistryMessage>,
) {
    let opening = Opening { house: house.clone(), session, config, past, registry };
    let executor = house.executor.clone();
    match past.last_reign {
        Some(reign) => executor.read(Box::new(move || opening.resume(reign))),
        None => executor.write(Box::new(move || opening.open())),
    }
}

/// A session that is being opened.
struct Opening {
    house: House,
    session: SessionId,
    config: SessionConfig,
    past: Past,
    registry: ActorRef<RegistryMessage>,
}

impl Opening {
    /// Goes on under the epoch of an actor that has left in order, unless somebody else has opened the session since.
    fn resume(self, reign: Reign) {
        match guarded(|| self.house.store.session(&self.session)) {
            Ok(info) if info.epoch == reign.epoch => self.read(Ok(info.lease()), reign.batch),
            _ => {
                let executor = self.house.executor.clone();
                executor.write(Box::new(move || self.open()));
            }
        }
    }

    /// Raises the epoch behind all writes given before, then reads.
    fn open(self) {
        let lease = guarded(|| self.house.store.open_session(&self.session));
        let executor = self.house.executor.clone();
        executor.read(Box::new(move || self.read(lease, BatchId::default())));
    }

    fn read(self, lease: Result<Lease, StoreError>, batch: BatchId) {
        let now = self.house.clock.now();
        let known = self.past.was_opened;
        let lease = lease.map_err(|error| of_store(&error));
        let loaded = lease
            .and_then(|lease| reading(|| read(&*self.house.store, lease, self.config, known, now)))
            .map(|(session, lease, upkeep)| Box::new(Loaded { session, lease, batch, upkeep }));
        // A registry that has ended has nobody left who waits.
        drop(self.registry.cast(RegistryMessage::Loaded { session: self.session, loaded }));
    }
}

fn read(
    store: &dyn Store,
    lease: Lease,
    config: SessionConfig,
    known: bool,
    now: Timestamp,
) -> Result<(Session, Lease, Upkeep), Error> {
    let Lease { session, head: end, indexed, .. } = &lease;
    let resident_bytes = config.resident_bytes;
    let log = Log { store, session, indexed: *indexed, end: *end, resident_bytes };
    let (replay, upkeep) = log.fold_counted(Rewinds::default())?;
    // Who was opened here already goes on as it stands in the log: it may have been switched to another model since.
    let settled = replay.settings(config).filter(|log| known && log.format != config.format);
    let config = settled.unwrap_or(config);
    let session = replay.finish(lease.session.clone(), config, now)?;
    Ok((session, lease, upkeep))
}
